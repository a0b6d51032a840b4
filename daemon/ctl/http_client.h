// A small HTTP client for resultsctl: one connection kept open, one request at a time, loopback without encryption. Blocks.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "daemon/http_message.h"

namespace vtq::ctl {

/// The daemon cannot be reached, or broke off. Says what to do.
struct Unreachable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class HttpClient {
 public:
  /// `url`: `http://127.0.0.1:8410`. Throws std::invalid_argument when it is none.
  explicit HttpClient(const std::string& url);
  ~HttpClient();

  /// Throws Unreachable. A connection that was closed while idle is opened anew once.
  HttpReply get(const std::string& target, std::string_view accept = "application/json");
  HttpReply post(const std::string& target, std::string_view content_type, const std::string& body);

  const std::string& url() const { return url_; }

 private:
  struct Connection;

  HttpReply send(std::string_view method, const std::string& target, std::string_view type, std::string_view accept, const std::string& body);

  std::string url_, host_, port_;
  std::unique_ptr<Connection> connection_;
};

/// Where the `Link: <...>; rel="next"` of a reply leads; empty: nowhere.
std::string next_link(const HttpReply& reply);

}  // namespace vtq::ctl
