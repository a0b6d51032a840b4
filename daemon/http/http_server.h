// HTTP/1.1 server on one thread, in plain text or over TLS. It reads requests, hands them to the handler, and writes the replies in order; it
// knows no route and never blocks.
//
//   constructed (listens) -> start_taking -> (requests) -> stop_taking -> idle -> destroyed
//
// Limits, and what happens at each:
//   connections     one more closes the one that has waited longest for a request, so that health is always answered
//   requests        beyond `connections_max` in flight: 503, but for those that `reserved` takes
//   a handshake     closed when it takes too long, or fails; until a request comes it is a connection that waits for one
//   a head          431 when too long; closed when it takes too long
//   a body          413 when too long; charged as it arrives
//   all bodies      they wait for room; the slowest is given up (408) while others wait, and whoever waits too long is told so (503)
//   all replies     the slowest readers are given up; who makes replies looks at `replies_bytes` before it makes more
// A failed allocation ends a request (503). Where there is a trusted proxy, whoever comes from elsewhere is closed at once. What the server refuses
// by itself is told to `refused`.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "daemon/http/http_message.h"

namespace vtq {

class TlsCertificate;

/// The address or port cannot be used. Says what to do.
struct ListenError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct HttpOptions {
  std::string address = "127.0.0.1";
  unsigned short port = 0;  ///< 0: any free one
  std::string port_setting = "http.port";
  std::string thread = "http";                ///< its name; at most 15 characters
  std::shared_ptr<const TlsCertificate> tls;  ///< null: plain text
  std::string trusted_proxy;                  ///< an IP address, from which all come but those from this machine; empty: from anywhere
  std::size_t body_bytes_max = 16u << 20;
  std::size_t bodies_bytes_max = 64u << 20;    ///< of all connections, until their replies
  std::size_t replies_bytes_max = 128u << 20;  ///< of all connections, until they are sent
  std::size_t connections_max = 512;
  unsigned idle_seconds_max = 60;
  unsigned head_seconds_max = 10;
  unsigned wait_seconds_max = 30;  ///< for room among the bodies held, before 503
  std::size_t bytes_per_second_min = 16 * 1024;
  /// Requests that are answered however many others are in flight. By target; on the server's thread.
  std::function<bool(std::string_view)> reserved = [](std::string_view) { return false; };
  /// Why a request is refused before its body is read; nothing: it is read. By its head alone; on the http thread. Null: not asked.
  std::function<std::optional<Problem>(const HttpRequest&)> admit = {};
  /// Told about what the server refuses by itself, by status and rule. Status 0: closed without an answer. On the server's thread.
  std::function<void(unsigned, std::string_view)> refused = [](unsigned, std::string_view) {};
};

/// Whether a connection from `peer` is taken where all come through `trusted_proxy`: from there, or from this machine. Both IP addresses; an IPv4
/// address written as IPv6 is the same.
bool comes_from(std::string_view peer, const std::string& trusted_proxy);
/// The address that a request comes from: of `peer`, and where that is `trusted_proxy`, the last one of `forwarded_for`, the last X-Forwarded-For:
/// that is the one that the proxy saw and added; whoever asks can write anything before it. One with a port is taken without it. What is no address,
/// or a loopback or unspecified one, is not taken: then it is the proxy's.
std::string client_of(const std::string& peer, std::string_view forwarded_for, const std::string& trusted_proxy);

struct HttpListener;

class HttpServer {
 public:
  /// Runs on the server's thread; answers through `respond` then or later, from any thread.
  using Handler = std::function<void(HttpRequest&&, Respond&& respond)>;

  /// Listens and starts the thread. Throws ListenError.
  HttpServer(const HttpOptions& options, Handler handler);
  /// Closes every connection and joins.
  ~HttpServer();

  /// From here on connections are accepted and the handler is called; until then they wait. Any thread.
  void start_taking();
  unsigned short port() const;
  /// No more connections; those without a request in flight are closed, the others after their reply. Any thread.
  void stop_taking();
  std::size_t requests_in_flight() const;
  std::size_t connections() const;
  std::size_t bodies_bytes() const;
  std::size_t replies_bytes() const;

 private:
  std::unique_ptr<HttpListener> listener_;
};

}  // namespace vtq
