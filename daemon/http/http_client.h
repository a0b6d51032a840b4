// A small HTTP client, of resultsctl and of instances that ask each other: one connection kept open, one request at a time, without
// encryption. Blocks; on one thread at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "daemon/http/http_message.h"

namespace vtq {

/// The daemon cannot be reached, or broke off. Says what to do.
struct Unreachable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct HttpClientOptions {
  std::string user_agent = "resultsctl";
  std::string advice = " Is it running? Start it, or name another with --url.";  ///< ends what Unreachable says
  std::chrono::milliseconds connect_max{5'000};
  std::chrono::milliseconds reply_max{120'000};                          ///< for a request and its whole reply
  std::size_t body_bytes_max = std::numeric_limits<std::size_t>::max();  ///< of a reply
};

struct HttpCall {
  std::string method = "GET";
  std::string target;
  std::string accept = "application/json";
  std::string content_type = {};
  std::string body = {};
  bool forwarded = false;  ///< marked with kForwardedHeader
};

class HttpClient {
 public:
  /// `url`: `http://127.0.0.1:8410`. Throws std::invalid_argument when it is none.
  explicit HttpClient(const std::string& url, HttpClientOptions options = {});
  ~HttpClient();

  /// Throws Unreachable. A connection that was closed while idle is opened anew once.
  HttpReply send(const HttpCall& call);
  HttpReply get(const std::string& target, std::string_view accept = "application/json");
  HttpReply post(const std::string& target, std::string_view content_type, const std::string& body);

  /// For the requests to come.
  void reply_within(std::chrono::milliseconds most) { options_.reply_max = most; }
  const std::string& url() const { return url_; }

 private:
  struct Connection;

  std::string url_, host_, port_;
  HttpClientOptions options_;
  std::unique_ptr<Connection> connection_;
};

/// Where the `Link: <...>; rel="next"` of a reply leads; empty: nowhere.
std::string next_link(const HttpReply& reply);

}  // namespace vtq
