// HTTP/1.1 server on one thread, `http`. It reads requests, hands them to the handler, and writes the replies in order; it knows no
// route and never blocks.
//
//   constructed (listens) -> start_taking -> (requests) -> stop_taking -> idle -> destroyed
//
// Limits: connections, bytes of one body, bytes of all bodies held. At a limit it stops accepting or reading, so that the peer waits.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

#include "daemon/http_message.h"

namespace vtq {

/// The address or port cannot be used. Says what to do.
struct ListenError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct HttpOptions {
  std::string address = "127.0.0.1";
  unsigned short port = 0;  ///< 0: any free one
  std::size_t body_bytes_max = 16u << 20;
  std::size_t bodies_bytes_max = 64u << 20;  ///< of all connections, from the first byte of a body to its reply
  std::size_t connections_max = 512;
  unsigned idle_seconds_max = 60;
  unsigned wait_seconds_max = 30;  ///< for room among the bodies held, before 503
};

class Session;

class HttpServer {
 public:
  /// Runs on the http thread; answers through `respond` then or later, from any thread.
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

 private:
  friend class Session;
  struct Listener;
  std::unique_ptr<Listener> listener_;
};

}  // namespace vtq
