// A request and a reply, free of any HTTP library. Plain values.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vtq {

/// Marks a request that another instance passes on: whoever gets it answers for its own partitions, and asks nobody else.
constexpr std::string_view kForwardedHeader = "X-Vtq-Forwarded";
/// Who asks, signed by a holder of the access secret.
constexpr std::string_view kCallerHeader = "X-Vtq-Caller";

/// What only a page of this server knows: a request that changes something and comes with a session bears it.
constexpr std::string_view kCsrfHeader = "X-Vtq-Csrf";

struct Caller;

struct HttpRequest {
  std::string method;
  std::string target;                                      ///< as it came
  std::string path;                                        ///< without the query, still percent-encoded
  std::vector<std::pair<std::string, std::string>> query;  ///< decoded, in order
  std::vector<std::string> parameters;                     ///< decoded, of the route's pattern, in order
  std::string content_type;                                ///< lower case, without parameters
  std::string content_encoding;                            ///< lower case; empty: none
  std::string accept;
  std::string host;                   ///< as it came, with its port
  std::optional<std::string> origin;  ///< of the page that sends it, where a browser says so
  std::string body;
  bool forwarded = false;     ///< it bears kForwardedHeader
  std::string authorization;  ///< as it came
  std::string signed_caller;  ///< kCallerHeader, as it came
  std::string cookie;         ///< as it came
  std::string csrf_token;     ///< kCsrfHeader, as it came
  std::string peer;           ///< the address from which it came, without its port: through a trusted proxy the one that this saw
  /// Of one whose body is still to come: how long it says that will be.
  std::optional<std::uint64_t> body_announced;
  /// Who asks, where callers have to say. Null: nobody said.
  std::shared_ptr<const Caller> caller;
  std::chrono::steady_clock::time_point arrived;
  /// True once the client has gone: nobody waits for the answer any more. Null: not watched.
  std::shared_ptr<const std::atomic<bool>> gone;

  const std::string* query_value(std::string_view name) const;
};

struct HttpReply {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers = {};
};

/// Takes the one reply to a request; from any thread.
using Respond = std::function<void(HttpReply&&)>;

/// Fills path and query from the target. False when its percent-encoding is broken.
bool split_target(HttpRequest& request);
std::optional<std::string> percent_decode(std::string_view text);
std::string percent_encode(std::string_view text);

/// `application/problem+json` (RFC 9457) with the project's members field, rule and value. `members`: further JSON members, as
/// `"rejectedId":"0-1"`, or empty.
struct Problem {
  unsigned status = 400;
  std::string title;
  std::string detail;
  std::string field = {};
  std::string rule = {};
  std::string value = {};
  std::string members = {};
};
HttpReply reply_with(const Problem& problem);
/// 503, rule `memory`: an allocation failed. With Retry-After.
HttpReply reply_without_memory();

/// `text` as a JSON string, quotes included. What is not UTF-8 is replaced.
std::string json_string(std::string_view text);

}  // namespace vtq
