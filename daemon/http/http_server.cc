#include "daemon/http/http_server.h"

#include <pthread.h>

#include <algorithm>

#include "daemon/http/http_session.h"

namespace vtq {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using Code = boost::beast::error_code;

/// Connections beyond `connections_max`: whoever comes then is heard at once, and takes the place of one that asks nothing.
constexpr std::size_t kSpareConnections = 32;
constexpr std::chrono::milliseconds kSweepEvery{500};

/// An IPv4 address written as IPv6 as what it is.
asio::ip::address plain_address(std::string_view text, Code& code) {
  auto address = asio::ip::make_address(text, code);
  if (!code && address.is_v6() && address.to_v6().is_v4_mapped()) return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  return address;
}

}  // namespace

bool comes_from(std::string_view peer, const std::string& trusted_proxy) {
  Code code, wrong;
  auto from = plain_address(peer, code), proxy = plain_address(trusted_proxy, wrong);
  if (code) return false;
  return from.is_loopback() || (!wrong && from == proxy);
}

std::string client_of(const std::string& peer, std::string_view forwarded_for, const std::string& trusted_proxy) {
  if (trusted_proxy.empty() || forwarded_for.empty()) return peer;
  Code no_peer, no_proxy, wrong;
  if (plain_address(peer, no_peer) != plain_address(trusted_proxy, no_proxy) || no_peer || no_proxy) return peer;
  std::string_view last = forwarded_for.substr(forwarded_for.rfind(',') + 1);
  auto begin = last.find_first_not_of(" \t");
  if (begin == last.npos) return peer;
  last = last.substr(begin, last.find_last_not_of(" \t") - begin + 1);
  std::string_view port;
  if (last.starts_with('[')) {
    auto end = last.find(']');
    if (end == last.npos || last.substr(0, end).find(':') == last.npos) return peer;
    port = last.substr(end + 1);
    last = last.substr(1, end - 1);
  } else if (auto colon = last.find(':'); colon != last.npos && colon == last.rfind(':')) {
    port = last.substr(colon);
    last = last.substr(0, colon);
  }
  const bool is_port =
      port.empty() || (port.size() > 1 && port.size() <= 6 && port[0] == ':' && port.find_first_not_of("0123456789", 1) == port.npos);
  // A zone is a name of the proxy's machine.
  if (!is_port || last.find('%') != last.npos) return peer;
  auto client = plain_address(last, wrong);
  return wrong || client.is_loopback() || client.is_unspecified() ? peer : client.to_string();
}

HttpListener::~HttpListener() {
  stopping = true;
  acceptor.reset();
  sweeping.cancel();
  for (HttpSession* session : std::vector<HttpSession*>(sessions.begin(), sessions.end())) session->abandon();
}

void HttpListener::listen() {
  Code code;
  auto address = asio::ip::make_address(options.address, code);
  tcp::endpoint endpoint(address, options.port);
  if (!code) acceptor->open(endpoint.protocol(), code);
  if (!code) acceptor->set_option(asio::socket_base::reuse_address(true), code);
  if (!code) acceptor->bind(endpoint, code);
  if (!code) acceptor->listen(asio::socket_base::max_listen_connections, code);
  if (code)
    throw ListenError("Cannot listen on " + options.address + ":" + std::to_string(options.port) + ": " + code.message() +
                      ". Is another resultsd running? Choose another " + options.port_setting + ", or stop what listens there.");
  port = acceptor->local_endpoint().port();
}

void HttpListener::run() {
  auto work = asio::make_work_guard(context);
  for (;;) {
    try {
      context.run();
      return;
    } catch (const std::bad_alloc&) {
      // The session that was at hand is gone with its handler; the others go on.
      options.refused(503, "memory");
      if (!accepting) accept();
    }
  }
}

void HttpListener::accept() {
  if (stopping || accept_paused) return;
  accepting = true;
  acceptor->async_accept([self = this](Code code, tcp::socket socket) {
    self->accepting = false;
    if (self->stopping) return;
    if (!code) {
      self->take(std::move(socket));
      return self->accept();
    }
    // Out of file descriptors, or the peer is gone again: a moment later it may be better.
    auto timer = std::make_shared<asio::steady_timer>(self->context, std::chrono::milliseconds(100));
    timer->async_wait([self, timer](Code) { self->accept(); });
  });
}

void HttpListener::take(tcp::socket&& socket) {
  Code code;
  if (!options.trusted_proxy.empty()) {
    tcp::endpoint peer = socket.remote_endpoint(code);
    if (code || !comes_from(peer.address().to_string(), options.trusted_proxy)) return options.refused(0, "trusted-proxy");
  }
  socket.set_option(tcp::no_delay(true), code);
  std::shared_ptr<HttpSession> session;
  try {
    session = std::make_shared<HttpSession>(std::move(socket), this);
  } catch (const boost::system::system_error&) {  // OpenSSL has no memory for it
    return options.refused(503, "memory");
  }
  sessions.insert(session.get());
  open = sessions.size();
  if (sessions.size() > options.connections_max + kSpareConnections) {
    if (!without_request.empty()) {
      options.refused(503, "connections-max");
      without_request.front()->close();
    } else {
      accept_paused = true;  // all are being answered: whoever comes waits until one ends
    }
  }
  session->begin();
}

void HttpListener::closed(HttpSession* session) {
  if (sessions.erase(session) == 0) return;
  open = sessions.size();
  if (std::exchange(accept_paused, false) && !stopping) asio::post(context, [this] { accept(); });
}

bool HttpListener::has_room(const HttpSession* session) const {
  return bodies_bytes < options.bodies_bytes_max || (!reading_bodies.empty() && reading_bodies.front() == session);
}

void HttpListener::body_held(std::ptrdiff_t bytes) {
  bodies_bytes = static_cast<std::size_t>(static_cast<std::ptrdiff_t>(bodies_bytes.load()) + bytes);
  if (bytes > 0 || waiting_for_room.empty() || stopping) return;
  asio::post(context, [this] {
    // Those that may not go on yet stay where they are; the first of all bodies may always.
    for (HttpSession* session : std::vector<HttpSession*>(waiting_for_room.begin(), waiting_for_room.end()))
      if (has_room(session)) session->go_on();
  });
}

void HttpListener::sweep() {
  sweeping.expires_after(kSweepEvery);
  sweeping.async_wait([this](Code code) {
    if (code || stopping) return;
    sweep();
    auto now = Steady::now();
    bool bodies_pressed = !waiting_for_room.empty(), replies_pressed = replies_bytes >= options.replies_bytes_max;
    std::vector<std::shared_ptr<HttpSession>> all;
    for (HttpSession* session : sessions)
      if (auto held = session->weak_from_this().lock()) all.push_back(std::move(held));
    for (const auto& session : all) {
      if (session->waits_for_room()) {
        if (session->waited_too_long(now)) session->refuse_for_room();
      } else if (session->writes()) {
        if (!session->too_slow(now, replies_pressed)) continue;
        options.refused(408, "bytes-per-second-min");
        session->close();
      } else if (session->reads_body()) {
        if (session->too_slow(now, bodies_pressed)) session->give_up_body();
      } else if (session->overdue(now)) {
        session->close();
      } else {
        session->look_for_end();
      }
    }
  });
}

HttpServer::HttpServer(const HttpOptions& options, Handler handler) : listener_(std::make_unique<HttpListener>(options, std::move(handler))) {
  listener_->listen();
  listener_->thread = std::thread([listener = listener_.get()] { listener->run(); });
  pthread_setname_np(listener_->thread.native_handle(), options.thread.c_str());
}

HttpServer::~HttpServer() {
  listener_->context.stop();
  listener_->thread.join();
}

void HttpServer::start_taking() {
  asio::post(listener_->context, [listener = listener_.get()] {
    listener->accept();
    listener->sweep();
  });
}

unsigned short HttpServer::port() const { return listener_->port; }
std::size_t HttpServer::requests_in_flight() const { return listener_->in_flight; }
std::size_t HttpServer::connections() const { return listener_->open; }
std::size_t HttpServer::bodies_bytes() const { return listener_->bodies_bytes; }
std::size_t HttpServer::replies_bytes() const { return listener_->replies_bytes; }

void HttpServer::stop_taking() {
  asio::post(listener_->context, [listener = listener_.get()] {
    listener->stopping = true;
    Code ignored;
    listener->acceptor->close(ignored);
    listener->sweeping.cancel();
    for (HttpSession* session : std::vector<HttpSession*>(listener->sessions.begin(), listener->sessions.end())) session->stop();
  });
}

}  // namespace vtq
