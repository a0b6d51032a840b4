#include "daemon/http/http_session.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <boost/asio/ssl/context.hpp>

#include "daemon/http/http_framing.h"

namespace vtq {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;

constexpr std::size_t kHeaderBytesMax = 16 * 1024;
/// Read and thrown away after a refusal, so that the peer sees the reply before the connection breaks.
constexpr std::size_t kDiscardBytesMax = 64u << 20;
constexpr std::chrono::seconds kDiscardMax{5};
constexpr std::chrono::seconds kWindow{2};
constexpr std::size_t kWriteBytesMax = 256 * 1024;
/// What is written at once over TLS: one record, so that how fast a reader takes it shows as it does without.
constexpr std::size_t kRecordBytesMax = 16 * 1024;

std::string lower(std::string_view text) {
  std::string out;
  for (char c : text) out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::string lower_type(std::string_view text) {
  text = text.substr(0, text.find(';'));
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return lower(text);
}

std::string_view text_of(const asio::const_buffer& buffer) { return {static_cast<const char*>(buffer.data()), buffer.size()}; }

/// All of a request but its body.
template <class Message>
HttpRequest described(const Message& message, const std::string& peer, const std::string& trusted_proxy) {
  HttpRequest request;
  std::string_view forwarded_for;
  // Of several lines the last is the one that was added last.
  if (!trusted_proxy.empty())
    for (auto [at, end] = message.equal_range("X-Forwarded-For"); at != end; ++at) forwarded_for = std::string_view(at->value());
  request.peer = client_of(peer, forwarded_for, trusted_proxy);
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  request.content_type = lower_type(std::string_view(message[http::field::content_type]));
  request.content_encoding = lower(std::string_view(message[http::field::content_encoding]));
  request.accept = lower_type(std::string_view(message[http::field::accept]));
  request.host = std::string(message[http::field::host]);
  if (auto origin = message.find(http::field::origin); origin != message.end()) request.origin = std::string(origin->value());
  request.forwarded = message.find(kForwardedHeader) != message.end();
  request.authorization = std::string(message[http::field::authorization]);
  request.signed_caller = std::string(message[kCallerHeader]);
  request.cookie = std::string(message[http::field::cookie]);
  request.csrf_token = std::string(message[kCsrfHeader]);
  return request;
}

}  // namespace

HttpSession::HttpSession(tcp::socket&& socket, HttpListener* listener)
    : stream_(stream_over(std::move(socket), *listener)), listener_(listener), buffer_(64 * 1024 + kHeaderBytesMax) {
  Code gone;
  auto peer = wire().socket().remote_endpoint(gone);
  if (!gone) peer_ = peer.address().to_string();
}

HttpSession::~HttpSession() {
  if (in_flight_) --listener_->in_flight;
  wait_without_request(false);
  if (reading_body_) listener_->reading_bodies.erase(*reading_body_);
  if (waiting_for_room_) listener_->waiting_for_room.erase(*waiting_for_room_);
  listener_->reply_held(-static_cast<std::ptrdiff_t>(reply_held_));
  listener_->body_held(-static_cast<std::ptrdiff_t>(body_held_));
  listener_->closed(this);
}

void HttpSession::wait_without_request(bool waits) {
  if (waits && !without_request_) {
    without_request_ = listener_->without_request.insert(listener_->without_request.end(), this);
  } else if (!waits && without_request_) {
    listener_->without_request.erase(*without_request_);
    without_request_.reset();
  }
}

void HttpSession::stop() {
  if (without_request_ && !discard_ && buffer_.size() == 0) close();
}

// ---- the handshake ----

std::variant<HttpSession::Plain, HttpSession::Tls> HttpSession::stream_over(tcp::socket&& socket, const HttpListener& listener) {
  if (!listener.options.tls) return Plain(std::move(socket));
  return Tls(std::move(socket), *listener.options.tls->context());
}

void HttpSession::begin() {
  if (!tls()) return read_head();
  wait_without_request(true);
  wire().expires_after(std::chrono::seconds(listener_->options.head_seconds_max));
  tls()->async_handshake(asio::ssl::stream_base::server, [self = shared_from_this()](Code code) { self->on_handshake(code); });
}

void HttpSession::on_handshake(Code code) {
  if (!code) return read_head();
  if (code == asio::error::operation_aborted) return close();  // it had to make room, or the server stops
  bool is_plain =
      code.category() == asio::error::get_ssl_category() && ERR_GET_REASON(static_cast<unsigned long>(code.value())) == SSL_R_HTTP_REQUEST;
  if (is_plain) {
    Plain below(std::move(wire()));
    stream_.emplace<Plain>(std::move(below));
    return refuse({400, "Not encrypted", "This port speaks HTTPS; ask it with https://.", "", "https-only"});
  }
  if (code == beast::error::timeout)
    listener_->options.refused(408, "head-seconds-max");
  else
    listener_->options.refused(0, "tls-handshake");
  close();
}

// ---- the head ----

void HttpSession::read_head() {
  wait_without_request(true);
  while (buffer_.size() >= 2 && text_of(buffer_.data()).starts_with("\r\n")) buffer_.consume(2);  // between requests (RFC 9112, 2.2)
  std::string_view have = text_of(buffer_.data());
  if (have.starts_with("\x16\x03")) return refuse({400, "Not HTTP", "This port speaks no TLS; ask it with http://.", "", "header-form"});
  auto end = have.find("\r\n\r\n", searched_);
  if (end != have.npos) return take_head(end + 4);
  searched_ = have.size() > 3 ? have.size() - 3 : 0;
  if (have.size() >= kHeaderBytesMax) return refuse({431, "Header too large", "Send less than 16 KiB of header.", "", "head-bytes-max"});
  auto idle_until = Steady::now() + std::chrono::seconds(listener_->options.idle_seconds_max);
  if (have.empty()) {
    head_until_ = {};
    wire().expires_at(idle_until);
  } else {
    if (head_until_ == Steady::time_point{}) head_until_ = Steady::now() + std::chrono::seconds(listener_->options.head_seconds_max);
    wire().expires_at(std::min(head_until_, idle_until));
  }
  with_stream([this](auto& stream) {
    stream.async_read_some(buffer_.prepare(std::min<std::size_t>(4096, buffer_.max_size() - buffer_.size())),
                           [self = shared_from_this()](Code code, std::size_t bytes) { self->on_head_bytes(code, bytes); });
  });
}

void HttpSession::on_head_bytes(Code code, std::size_t bytes) {
  if (code == beast::error::timeout && buffer_.size() > 0) listener_->options.refused(408, "head-seconds-max");
  if (code) return close();
  buffer_.commit(bytes);
  read_head();
}

void HttpSession::take_head(std::size_t bytes) {
  wait_without_request(false);
  searched_ = 0;
  head_until_ = {};
  std::string_view head = text_of(buffer_.data()).substr(0, bytes);
  if (bytes > kHeaderBytesMax) return refuse({431, "Header too large", "Send less than 16 KiB of header.", "", "head-bytes-max"});
  head_only_ = head.starts_with("HEAD ");
  if (auto fault = fault_of_head(head)) return refuse(*fault);
  parser_.emplace();
  parser_->header_limit(kHeaderBytesMax);
  parser_->body_limit(boost::none);
  Code code;
  std::size_t used = parser_->put(asio::const_buffer(head.data(), head.size()), code);
  if (code || !parser_->is_header_done())
    return refuse({400, "Not HTTP", "The request is not well-formed HTTP/1.1: " + code.message() + ".", "", "header-form"});
  std::string_view target(parser_->get().target().data(), parser_->get().target().size());
  if (listener_->in_flight >= listener_->options.connections_max && !listener_->options.reserved(target)) {
    buffer_.consume(used);
    return refuse({503, "Busy", "Too many requests are in flight; try again.", "", "connections-max"});
  }
  buffer_.consume(used);
  in_flight_ = true;
  ++listener_->in_flight;
  start_body();
}

// ---- the body ----

void HttpSession::start_body() {
  auto length = parser_->content_length();
  if (length && *length > listener_->options.body_bytes_max) return refuse_body(*length);
  if (parser_->is_done() || (length && *length == 0)) return answer();
  if (!length && !parser_->chunked()) return answer();
  // Trailers come to the headers, and must not say who asks: what counts is what stood before the body.
  if (parser_->chunked()) head_ = described(parser_->get(), peer_, listener_->options.trusted_proxy);
  if (listener_->options.admit) {
    HttpRequest head = described(parser_->get(), peer_, listener_->options.trusted_proxy);
    if (length) head.body_announced = *length;
    if (auto problem = listener_->options.admit(head)) return refuse(*problem, false);
  }
  parser_->body_limit(listener_->options.body_bytes_max);
  begin_pace();
  room_until_ = {};
  reading_body_ = listener_->reading_bodies.insert(listener_->reading_bodies.end(), this);
  if (!beast::iequals(parser_->get()[http::field::expect], "100-continue")) return read_body();
  auto go_on = std::make_shared<http::response<http::empty_body>>(http::status::continue_, 11);
  wire().expires_after(std::chrono::seconds(listener_->options.idle_seconds_max));
  continuing_ = true;
  with_stream([&](auto& stream) {
    http::async_write(stream, *go_on, [self = shared_from_this(), go_on](Code code, std::size_t) {
      self->continuing_ = false;
      if (code) return self->close();
      self->read_body();
    });
  });
}

void HttpSession::read_body() {
  if (!reading_body_) return;
  if (!listener_->has_room(this)) {
    if (!waiting_for_room_) {
      waiting_for_room_ = listener_->waiting_for_room.insert(listener_->waiting_for_room.end(), this);
      room_until_ = Steady::now() + std::chrono::seconds(listener_->options.wait_seconds_max);
      // The list of those that wait is no owner: the session lives through `answering_` until it is told to go on.
      answering_ = shared_from_this();
    }
    wire().expires_never();
    return;
  }
  auto self = shared_from_this();
  answering_.reset();
  if (waiting_for_room_) {
    listener_->waiting_for_room.erase(*waiting_for_room_);
    waiting_for_room_.reset();
    begin_pace();
  }
  wire().expires_after(std::chrono::seconds(listener_->options.idle_seconds_max));
  body_read_pending_ = true;
  with_stream([&](auto& stream) {
    http::async_read_some(stream, buffer_, *parser_, [self](Code code, std::size_t bytes) { self->on_body_bytes(code, bytes); });
  });
}

void HttpSession::on_body_bytes(Code code, std::size_t bytes) {
  body_read_pending_ = false;
  if (!reading_body_) {  // given up meanwhile
    parser_.reset();
    return;
  }
  pace_bytes_ += bytes;
  window_bytes_ += bytes;
  std::size_t held = parser_->get().body().capacity();
  listener_->body_held(static_cast<std::ptrdiff_t>(held) - static_cast<std::ptrdiff_t>(std::exchange(body_held_, held)));
  if (code == http::error::need_more) code = {};
  if (code == http::error::body_limit) return refuse_body(0);
  if (code == boost::system::errc::not_enough_memory)
    return refuse({503, "Out of memory", "The body takes more memory than there is; send it again, or a smaller one.", "", "memory"});
  if (code.category() == http::make_error_code(http::error::bad_method).category() && code != http::error::partial_message &&
      code != http::error::end_of_stream)
    return refuse({400, "Not HTTP", "The body is not well-formed HTTP/1.1: " + code.message() + ".", "", "body-form"});
  if (code == beast::error::timeout) listener_->options.refused(408, "idle-seconds-max");
  if (code) return close();
  if (!parser_->is_done()) return read_body();
  end_body();
  answer();
}

void HttpSession::end_body() {
  if (!reading_body_) return;
  listener_->reading_bodies.erase(*reading_body_);
  reading_body_.reset();
  if (waiting_for_room_) listener_->waiting_for_room.erase(*waiting_for_room_);
  waiting_for_room_.reset();
  // Whoever is first now may go on.
  listener_->body_held(0);
}

bool HttpSession::waited_too_long(Steady::time_point now) const { return waiting_for_room_ && now >= room_until_; }

void HttpSession::refuse_for_room() {
  auto self = shared_from_this();
  refuse({503, "Busy", "Too many bodies wait already; try again.", "", "bodies-bytes-max"});
}

void HttpSession::give_up_body() {
  auto self = shared_from_this();
  if (continuing_) {  // nothing more can be said before that is
    listener_->options.refused(408, "bytes-per-second-min");
    return close();
  }
  wire().cancel();
  refuse({408, "Too slow", "The body comes more slowly than http.bytes_per_second_min; send it faster, or less of it.", "", "bytes-per-second-min"});
}

// ---- the answer ----

void HttpSession::answer() {
  auto message = parser_->release();
  parser_.reset();
  keep_alive_ = message.keep_alive();
  version_ = message.version();
  try {
    HttpRequest request = head_ ? std::move(*head_) : described(message, peer_, listener_->options.trusted_proxy);
    head_.reset();
    request.body = std::move(message.body());
    request.arrived = Steady::now();
    // Only a read may be given up: what was sent to be taken is taken.
    bool reads = request.method == "GET";
    gone_ = reads ? std::make_shared<std::atomic<bool>>(false) : nullptr;
    request.gone = gone_;
    wire().expires_never();
    answering_ = shared_from_this();
    // Whoever answers holds no share in the session: it dies on this thread.
    std::weak_ptr<HttpSession> session = answering_;
    listener_->handler(std::move(request), [session, executor = wire().get_executor()](HttpReply&& reply) {
      asio::post(executor, [session, reply = std::move(reply)]() mutable {
        if (auto self = session.lock(); self && self->answering_) self->write(std::move(reply));
      });
    });
    if (reads) watch();
  } catch (const std::bad_alloc&) {
    refuse({503, "Out of memory", "The request takes more memory than there is; send it again, or a smaller one.", "", "memory"});
  }
}

/// Looks whether the client closes the connection while it is to be answered. What it sends meanwhile is left where it is: over TLS a read that has
/// nothing to take in stays open, and bears neither a write that it must make nor the goodbye beside it.
void HttpSession::watch() {
  if (buffer_.size() > 0) return;
  watching_ = true;
  wire().socket().async_wait(tcp::socket::wait_read, [weak = weak_from_this(), asked = gone_](Code code) {
    auto self = weak.lock();
    if (!self || !self->watching_ || self->gone_ != asked) return;
    self->watching_ = false;
    if (code || self->is_hung_up()) *asked = true;
  });
}

/// Whether the peer has said that no more comes, whatever of it is still to be read.
bool HttpSession::is_hung_up() {
  pollfd at{.fd = wire().socket().native_handle(), .events = POLLRDHUP, .revents = 0};
  return ::poll(&at, 1, 0) > 0 && (at.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

void HttpSession::look_for_end() {
  if (answering_ && gone_ && !watching_ && is_hung_up()) *gone_ = true;
}

void HttpSession::refuse_body(std::uint64_t length) {
  std::string most = std::to_string(listener_->options.body_bytes_max);
  refuse({413, "Body too large", "Send at most " + most + " bytes in a body; split it.", "", "body-bytes-max", length ? std::to_string(length) : ""});
}

/// Answers without having read everything; the connection ends.
void HttpSession::refuse(const Problem& problem, bool counted) {
  end_body();
  keep_alive_ = false;
  discard_ = true;
  if (counted) listener_->options.refused(problem.status, problem.rule);
  HttpReply reply = reply_with(problem);
  if (problem.status == 503) reply.headers.emplace_back("Retry-After", "1");
  if (problem.status == 401) reply.headers.emplace_back("WWW-Authenticate", "Bearer");
  write(std::move(reply));
}

void HttpSession::write(HttpReply&& reply) {
  auto self = shared_from_this();
  answering_.reset();
  if (std::exchange(watching_, false)) {
    Code ignored;
    wire().socket().cancel(ignored);
  }
  if (!body_read_pending_) parser_.reset();
  listener_->body_held(-static_cast<std::ptrdiff_t>(std::exchange(body_held_, 0)));
  response_.emplace(static_cast<http::status>(reply.status), version_);
  response_->set(http::field::server, "resultsd");
  response_->set(http::field::content_type, reply.content_type);
  response_->set(http::field::cache_control, "no-store");
  response_->set("X-Content-Type-Options", "nosniff");
  // No page may show an answer within it, and none runs anything; pages of this server have their own word in `headers`.
  response_->set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'");
  response_->set("Referrer-Policy", "no-referrer");
  if (tls() || !listener_->options.trusted_proxy.empty())
    response_->set(http::field::strict_transport_security, "max-age=31536000; includeSubDomains");
  for (const auto& [name, value] : reply.headers) {
    if (name == "Set-Cookie")
      response_->insert(name, value);
    else
      response_->set(name, value);
  }
  response_->keep_alive(keep_alive_ && !listener_->stopping);
  response_->content_length(reply.body.size());
  if (!head_only_) response_->body() = std::move(reply.body);
  reply_held_ = response_->body().size();
  listener_->reply_held(static_cast<std::ptrdiff_t>(reply_held_));
  serializer_.emplace(*response_);
  serializer_->limit(tls() ? kRecordBytesMax : kWriteBytesMax);
  begin_pace();
  write_some();
}

void HttpSession::write_some() {
  wire().expires_after(std::chrono::seconds(listener_->options.idle_seconds_max));
  with_stream([this](auto& stream) {
    http::async_write_some(stream, *serializer_, [self = shared_from_this()](Code code, std::size_t bytes) {
      self->pace_bytes_ += bytes;
      self->window_bytes_ += bytes;
      if (code && code != http::error::end_of_stream) {
        if (code == beast::error::timeout) self->listener_->options.refused(408, "idle-seconds-max");
        return self->close();
      }
      if (self->serializer_->is_done()) return self->on_written();
      self->write_some();
    });
  });
}

void HttpSession::on_written() {
  bool keep = response_->keep_alive();
  serializer_.reset();
  response_.reset();
  head_only_ = false;
  listener_->reply_held(-static_cast<std::ptrdiff_t>(std::exchange(reply_held_, 0)));
  if (std::exchange(in_flight_, false)) --listener_->in_flight;
  if (keep) return read_head();
  discard_until_ = Steady::now() + kDiscardMax;
  if (tls() && !body_read_pending_) return say_goodbye();
  end();
}

/// Says over TLS that nothing more comes, so that the peer can tell the end from a cut.
void HttpSession::say_goodbye() {
  overdue_at_ = discard_until_;
  wait_without_request(true);
  wire().expires_at(discard_until_);
  tls()->async_shutdown([self = shared_from_this()](Code) { self->end(); });
}

void HttpSession::end() {
  Code ignored;
  wire().socket().shutdown(tcp::socket::shutdown_send, ignored);
  if (!discard_ || body_read_pending_) return close();  // what is being read already goes with the connection
  wait_without_request(true);
  discard();
}

void HttpSession::discard() {
  if (discarded_ > kDiscardBytesMax || Steady::now() >= discard_until_) return close();
  buffer_.clear();
  wire().expires_at(std::min(discard_until_, Steady::now() + std::chrono::seconds(2)));
  wire().async_read_some(buffer_.prepare(64 * 1024), [self = shared_from_this()](Code code, std::size_t bytes) {
    if (code) return self->close();
    self->discarded_ += bytes;
    self->discard();
  });
}

// ---- how fast it goes ----

void HttpSession::begin_pace() {
  pace_began_ = window_began_ = Steady::now();
  pace_bytes_ = window_bytes_ = 0;
}

bool HttpSession::too_slow(Steady::time_point now, bool pressed) {
  auto rate = static_cast<double>(listener_->options.bytes_per_second_min);
  auto seconds = [&](Steady::time_point since) { return std::chrono::duration<double>(now - since).count(); };
  double allowed = static_cast<double>(listener_->options.idle_seconds_max) + static_cast<double>(pace_bytes_) / rate;
  if (seconds(pace_began_) > allowed) return true;
  if (now - window_began_ < kWindow) return false;
  bool slow = static_cast<double>(window_bytes_) < rate * seconds(window_began_);
  window_began_ = now;
  window_bytes_ = 0;
  return slow && pressed;
}

}  // namespace vtq
