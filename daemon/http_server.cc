#include "daemon/http_server.h"

#include <pthread.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <atomic>
#include <deque>
#include <optional>
#include <thread>
#include <unordered_set>

namespace vtq {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;
using Code = beast::error_code;

constexpr std::size_t kHeaderBytesMax = 16 * 1024;
/// Read and thrown away after a refusal, so that the peer sees the reply before the connection breaks.
constexpr std::size_t kDiscardBytesMax = 256u << 20;

std::string lower_type(std::string_view text) {
  text = text.substr(0, text.find(';'));
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  std::string out;
  for (char c : text) out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

}  // namespace

class Session;

struct HttpServer::Listener {
  Listener(const HttpOptions& given, Handler&& given_handler)
      : options(given), handler(std::move(given_handler)), acceptor(std::in_place, context) {}
  ~Listener();

  void listen();
  void accept();
  void closed(Session* session);
  /// Room for a body, at once or when others were answered. `taken(false)`: none came in time.
  void reserve(std::size_t bytes, std::function<void(bool)> taken);
  void release(std::size_t bytes);

  struct Waiting {
    std::size_t bytes;
    std::function<void(bool)> taken;
    std::shared_ptr<asio::steady_timer> timer;
  };

  HttpOptions options;
  Handler handler;
  unsigned short port = 0;
  std::unordered_set<Session*> sessions;
  bool stopping = false;
  bool accept_paused = false;
  std::deque<std::shared_ptr<Waiting>> waiting;
  std::atomic<std::size_t> held_bytes{0};
  std::atomic<std::size_t> open{0};
  std::atomic<std::size_t> in_flight{0};
  std::thread thread;
  asio::io_context context{1};  // dies first of what sessions touch: their last references are in its handlers
  std::optional<tcp::acceptor> acceptor;
};

/// One connection: a request is read, answered and written before the next is looked at.
class Session : public std::enable_shared_from_this<Session> {
 public:
  using Listener = HttpServer::Listener;

  Session(tcp::socket&& socket, Listener* listener)
      : stream_(std::move(socket)), listener_(listener), buffer_(64 * 1024 + kHeaderBytesMax) {}

  ~Session() {
    if (in_flight_) --listener_->in_flight;
    listener_->release(reserved_);
    listener_->closed(this);
  }

  void read_head() {
    parser_.emplace();
    parser_->header_limit(kHeaderBytesMax);
    parser_->body_limit(boost::none);
    idle_ = true;
    stream_.expires_after(std::chrono::seconds(listener_->options.idle_seconds_max));
    http::async_read_header(stream_, buffer_, *parser_,
                            [self = shared_from_this()](Code code, std::size_t) { self->on_head(code); });
  }

  /// No reply will come any more.
  void abandon() { answering_.reset(); }

  /// Nothing was asked: the connection may go.
  void stop() {
    if (idle_ && buffer_.size() == 0 && !(parser_ && parser_->got_some())) stream_.close();
  }

 private:
  void on_head(Code code) {
    idle_ = false;
    if (code == http::error::header_limit) return refuse({431, "Header too large", "Send less than 16 KiB of header."});
    bool malformed = code.category() == http::make_error_code(http::error::bad_method).category();
    if (malformed && code != http::error::end_of_stream && code != http::error::partial_message)
      return refuse({400, "Not HTTP", "The request is not well-formed HTTP/1.1: " + code.message() + "."});
    if (code) return close();
    in_flight_ = true;
    ++listener_->in_flight;
    const auto& options = listener_->options;
    auto length = parser_->content_length();
    if (length && *length > options.body_bytes_max) return refuse_body(*length);
    std::size_t bytes = length ? static_cast<std::size_t>(*length) : parser_->chunked() ? options.body_bytes_max : 0;
    parser_->body_limit(options.body_bytes_max);
    if (bytes == 0) return on_body({});
    stream_.expires_never();
    listener_->reserve(bytes, [self = shared_from_this(), bytes](bool taken) {
      if (!taken) return self->refuse({503, "Busy", "Too many bodies wait already; try again.", "", "bodies-bytes-max"});
      self->reserved_ = bytes;
      self->continue_or_read_body();
    });
  }

  void continue_or_read_body() {
    if (!beast::iequals(parser_->get()[http::field::expect], "100-continue")) return read_body();
    auto go_on = std::make_shared<http::response<http::empty_body>>(http::status::continue_, 11);
    http::async_write(stream_, *go_on, [self = shared_from_this(), go_on](Code code, std::size_t) {
      if (!code) self->read_body();
    });
  }

  void read_body() {
    stream_.expires_after(std::chrono::seconds(listener_->options.idle_seconds_max));
    http::async_read(stream_, buffer_, *parser_, [self = shared_from_this()](Code code, std::size_t) { self->on_body(code); });
  }

  void on_body(Code code) {
    if (code == http::error::body_limit) return refuse_body(0);
    if (code) return close();
    auto message = parser_->release();
    parser_.reset();
    keep_alive_ = message.keep_alive();
    version_ = message.version();
    HttpRequest request;
    request.method = std::string(message.method_string());
    request.target = std::string(message.target());
    request.content_type = lower_type(std::string_view(message[http::field::content_type]));
    request.accept = lower_type(std::string_view(message[http::field::accept]));
    request.body = std::move(message.body());
    request.forwarded = message.find(kForwardedHeader) != message.end();
    request.arrived = std::chrono::steady_clock::now();
    stream_.expires_never();
    answering_ = shared_from_this();
    // Whoever answers holds no share in the session: it dies on this thread.
    std::weak_ptr<Session> session = answering_;
    listener_->handler(std::move(request), [session, executor = stream_.get_executor()](HttpReply&& reply) {
      asio::post(executor, [session, reply = std::move(reply)]() mutable {
        if (auto self = session.lock()) self->write(std::move(reply));
      });
    });
  }

  void refuse_body(std::uint64_t length) {
    std::string most = std::to_string(listener_->options.body_bytes_max);
    refuse({413, "Body too large", "Send at most " + most + " bytes in a body; split it.", "", "body-bytes-max",
            length ? std::to_string(length) : ""});
  }

  /// Answers without having read everything; the connection ends.
  void refuse(const Problem& problem) {
    keep_alive_ = false;
    discard_ = true;
    HttpReply reply = reply_with(problem);
    if (problem.status == 503) reply.headers.emplace_back("Retry-After", "1");
    write(std::move(reply));
  }

  void write(HttpReply&& reply) {
    auto self = shared_from_this();
    answering_.reset();
    listener_->release(std::exchange(reserved_, 0));
    response_.emplace(static_cast<http::status>(reply.status), version_);
    response_->set(http::field::server, "resultsd");
    response_->set(http::field::content_type, reply.content_type);
    response_->set(http::field::cache_control, "no-store");
    for (const auto& [name, value] : reply.headers) response_->set(name, value);
    response_->keep_alive(keep_alive_ && !listener_->stopping);
    response_->body() = std::move(reply.body);
    response_->prepare_payload();
    stream_.expires_after(std::chrono::seconds(listener_->options.idle_seconds_max));
    http::async_write(stream_, *response_, [self](Code code, std::size_t) { self->on_written(code); });
  }

  void on_written(Code code) {
    bool keep = response_->keep_alive();
    response_.reset();
    if (std::exchange(in_flight_, false)) --listener_->in_flight;
    if (code) return close();
    if (keep) return read_head();
    Code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    if (discard_) discard();
  }

  void discard() {
    if (discarded_ > kDiscardBytesMax) return close();
    buffer_.clear();
    stream_.expires_after(std::chrono::seconds(2));
    stream_.async_read_some(buffer_.prepare(64 * 1024), [self = shared_from_this()](Code code, std::size_t bytes) {
      if (code) return self->close();
      self->discarded_ += bytes;
      self->discard();
    });
  }

  void close() { stream_.close(); }

  beast::tcp_stream stream_;
  Listener* listener_;
  std::shared_ptr<Session> answering_;  // itself, until the reply came
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  std::optional<http::response<http::string_body>> response_;
  std::size_t reserved_ = 0;
  std::size_t discarded_ = 0;
  unsigned version_ = 11;
  bool keep_alive_ = false;
  bool idle_ = false;
  bool in_flight_ = false;
  bool discard_ = false;
};

HttpServer::Listener::~Listener() {
  stopping = true;
  acceptor.reset();
  waiting.clear();
  for (Session* session : std::vector<Session*>(sessions.begin(), sessions.end())) session->abandon();
}

void HttpServer::Listener::listen() {
  Code code;
  auto address = asio::ip::make_address(options.address, code);
  tcp::endpoint endpoint(address, options.port);
  if (!code) acceptor->open(endpoint.protocol(), code);
  if (!code) acceptor->set_option(asio::socket_base::reuse_address(true), code);
  if (!code) acceptor->bind(endpoint, code);
  if (!code) acceptor->listen(asio::socket_base::max_listen_connections, code);
  if (code)
    throw ListenError("Cannot listen on " + options.address + ":" + std::to_string(options.port) + ": " + code.message() +
                      ". Is another resultsd running? Choose another http.port, or stop what listens there.");
  port = acceptor->local_endpoint().port();
}

void HttpServer::Listener::accept() {
  if (stopping) return;
  if (sessions.size() >= options.connections_max) {
    accept_paused = true;
    return;
  }
  acceptor->async_accept([self = this](Code code, tcp::socket socket) {
    if (self->stopping) return;
    if (!code) {
      Code ignored;
      socket.set_option(tcp::no_delay(true), ignored);
      auto session = std::make_shared<Session>(std::move(socket), self);
      self->sessions.insert(session.get());
      self->open = self->sessions.size();
      session->read_head();
      return self->accept();
    }
    // Out of file descriptors, or the peer is gone again: a moment later it may be better.
    auto timer = std::make_shared<asio::steady_timer>(self->context, std::chrono::milliseconds(100));
    timer->async_wait([self, timer](Code) { self->accept(); });
  });
}

void HttpServer::Listener::closed(Session* session) {
  if (sessions.erase(session) == 0) return;
  open = sessions.size();
  if (std::exchange(accept_paused, false) && !stopping) asio::post(context, [this] { accept(); });
}

void HttpServer::Listener::reserve(std::size_t bytes, std::function<void(bool)> taken) {
  if (waiting.empty() && (held_bytes == 0 || held_bytes + bytes <= options.bodies_bytes_max)) {
    held_bytes += bytes;
    return taken(true);
  }
  auto timer = std::make_shared<asio::steady_timer>(context, std::chrono::seconds(options.wait_seconds_max));
  auto one = std::make_shared<Waiting>(Waiting{bytes, std::move(taken), timer});
  waiting.push_back(one);
  timer->async_wait([this, one](Code code) {
    if (code) return;
    std::erase(waiting, one);
    if (auto answer = std::exchange(one->taken, nullptr)) answer(false);
  });
}

void HttpServer::Listener::release(std::size_t bytes) {
  held_bytes -= bytes;
  while (!waiting.empty() && (held_bytes == 0 || held_bytes + waiting.front()->bytes <= options.bodies_bytes_max)) {
    auto one = waiting.front();
    waiting.pop_front();
    held_bytes += one->bytes;
    one->timer->cancel();
    asio::post(context, [one] {
      if (auto answer = std::exchange(one->taken, nullptr)) answer(true);
    });
  }
}

HttpServer::HttpServer(const HttpOptions& options, Handler handler)
    : listener_(std::make_unique<Listener>(options, std::move(handler))) {
  listener_->listen();
  listener_->thread = std::thread([listener = listener_.get()] {
    auto work = asio::make_work_guard(listener->context);
    listener->context.run();
  });
  pthread_setname_np(listener_->thread.native_handle(), "http");
}

HttpServer::~HttpServer() {
  listener_->context.stop();
  listener_->thread.join();
}

void HttpServer::start_taking() {
  asio::post(listener_->context, [listener = listener_.get()] { listener->accept(); });
}

unsigned short HttpServer::port() const { return listener_->port; }
std::size_t HttpServer::requests_in_flight() const { return listener_->in_flight; }
std::size_t HttpServer::connections() const { return listener_->open; }
std::size_t HttpServer::bodies_bytes() const { return listener_->held_bytes; }

void HttpServer::stop_taking() {
  asio::post(listener_->context, [listener = listener_.get()] {
    listener->stopping = true;
    Code ignored;
    listener->acceptor->close(ignored);
    for (Session* session : listener->sessions) session->stop();
  });
}

}  // namespace vtq
