// A small HTTP client, of resultsctl and of instances that ask each other: one connection kept open, one request at a time, over TLS where the
// address begins with https://. Then the server's certificate must lead to a trusted authority and name the host. Blocks; on one thread at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "daemon/http/http_message.h"
#include "daemon/http/tls.h"

namespace vtq {

/// The daemon cannot be reached, or broke off. Says what to do.
struct Unreachable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The daemon was reached, and is not who it should be, or speaks no TLS: trying again does not help. Says what to do.
struct Untrusted : Unreachable {
  using Unreachable::Unreachable;
};

struct HttpCall {
  std::string method = "GET";
  std::string target;
  std::string accept = "application/json";
  std::string content_type = {};
  std::string body = {};
  bool forwarded = false;  ///< marked with kForwardedHeader
  /// Of who asks, handed to the client's `credentials`.
  std::shared_ptr<const Caller> caller = {};
};

struct HttpClientOptions {
  std::string user_agent = "resultsctl";
  std::string advice = " Is it running? Start it, or name another with --url.";  ///< ends what Unreachable says
  std::string ca_file = {};                                                      ///< of the authorities that are trusted, PEM; empty: the system's
  std::string trust_advice = "--ca-file, or RESULTSD_CA_FILE";                   ///< with what `ca_file` is named
  std::chrono::milliseconds connect_max{5'000};                                  ///< for the connection, and the handshake
  std::chrono::milliseconds reply_max{120'000};                                  ///< for a request and its whole reply
  std::size_t body_bytes_max = std::numeric_limits<std::size_t>::max();          ///< of a reply
  /// Name and value of the header that says who asks whom, `host` as `Host` has it; null: nobody does.
  std::function<std::pair<std::string, std::string>(const HttpCall&, const std::string& host)> credentials = {};
};

class HttpClient {
 public:
  /// `url`: `http://127.0.0.1:8410` or `https://results.example.org:8410`. Throws std::invalid_argument when it is none, or `ca_file` cannot be used.
  explicit HttpClient(const std::string& url, HttpClientOptions options = {});
  ~HttpClient();

  /// Throws Unreachable, and Untrusted of those. A connection that was closed while idle is opened anew once.
  HttpReply send(const HttpCall& call);
  HttpReply get(const std::string& target, std::string_view accept = "application/json");
  HttpReply post(const std::string& target, std::string_view content_type, const std::string& body);

  /// For the requests to come.
  void reply_within(std::chrono::milliseconds most) { options_.reply_max = most; }
  const std::string& url() const { return url_; }
  const std::string& ca_file() const { return options_.ca_file; }

 private:
  struct Connection;

  void connect();
  [[noreturn]] void fail(const std::string& what);
  [[noreturn]] void distrust(const std::string& what, const std::string& advice);
  [[noreturn]] void explain_handshake(const std::string& what);

  std::string url_, host_, port_;
  HttpClientOptions options_;
  TlsContext trust_;  // null: no TLS
  std::unique_ptr<Connection> connection_;
};

/// Where the `Link: <...>; rel="next"` of a reply leads; empty: nowhere.
std::string next_link(const HttpReply& reply);

}  // namespace vtq
