// One connection, and what all connections share. Everything here runs on the server's thread, but for the counts.
#pragma once

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <chrono>
#include <list>
#include <optional>
#include <thread>
#include <unordered_set>
#include <variant>

#include "daemon/http/http_server.h"
#include "daemon/http/tls.h"

namespace vtq {

class HttpSession;

/// A body that takes memory as it arrives, not at the header, and that ends with an error when there is none.
struct GrowingBody {
  using value_type = std::string;
  class reader {
   public:
    template <bool isRequest, class Fields>
    reader(boost::beast::http::header<isRequest, Fields>&, value_type& body) : body_(body) {}
    void init(const boost::optional<std::uint64_t>&, boost::beast::error_code& code) { code = {}; }
    template <class Buffers>
    std::size_t put(const Buffers& buffers, boost::beast::error_code& code) {
      code = {};
      try {
        for (auto buffer : boost::beast::buffers_range_ref(buffers)) body_.append(static_cast<const char*>(buffer.data()), buffer.size());
      } catch (const std::bad_alloc&) {
        code = make_error_code(boost::system::errc::not_enough_memory);
        return 0;
      }
      return boost::beast::buffer_bytes(buffers);
    }
    void finish(boost::beast::error_code& code) { code = {}; }

   private:
    value_type& body_;
  };
};

/// Accepts connections, and keeps what they hold within the limits.
struct HttpListener {
  using Steady = std::chrono::steady_clock;

  HttpListener(const HttpOptions& given, HttpServer::Handler&& given_handler)
      : options(given), handler(std::move(given_handler)), acceptor(std::in_place, context), sweeping(context) {}
  ~HttpListener();

  void listen();
  void run();
  void accept();
  void take(boost::asio::ip::tcp::socket&& socket);
  void closed(HttpSession* session);

  /// Whether this body may grow now. At the limit only the one that began first may, so that one gets done.
  bool has_room(const HttpSession* session) const;
  void body_held(std::ptrdiff_t bytes);
  void reply_held(std::ptrdiff_t bytes) { replies_bytes = static_cast<std::size_t>(static_cast<std::ptrdiff_t>(replies_bytes.load()) + bytes); }
  /// Gives up what is too slow. Every half second.
  void sweep();

  HttpOptions options;
  HttpServer::Handler handler;
  unsigned short port = 0;
  std::unordered_set<HttpSession*> sessions;
  std::list<HttpSession*> without_request;   ///< those that wait for a head, longest first
  std::list<HttpSession*> reading_bodies;    ///< in the order in which they began
  std::list<HttpSession*> waiting_for_room;  ///< among those
  bool stopping = false;
  bool accept_paused = false;
  bool accepting = false;  ///< a connection is waited for
  std::atomic<std::size_t> bodies_bytes{0};
  std::atomic<std::size_t> replies_bytes{0};
  std::atomic<std::size_t> open{0};
  std::atomic<std::size_t> in_flight{0};
  std::thread thread;
  boost::asio::io_context context{1};  // dies first of what sessions touch: their last references are in its handlers
  std::optional<boost::asio::ip::tcp::acceptor> acceptor;
  boost::asio::steady_timer sweeping;
};

/// One connection: a request is read, answered and written before the next is looked at.
class HttpSession : public std::enable_shared_from_this<HttpSession> {
 public:
  using Code = boost::beast::error_code;
  using Steady = std::chrono::steady_clock;

  HttpSession(boost::asio::ip::tcp::socket&& socket, HttpListener* listener);
  ~HttpSession();

  /// The handshake, where there is TLS; then requests.
  void begin();
  /// No reply will come any more.
  void abandon() { answering_.reset(); }
  /// Nothing was asked: the connection may go.
  void stop();
  void close() { wire().close(); }
  /// There is room for more of the body.
  void go_on() { read_body(); }
  /// Whether less came, or went, than the least speed asks for. `pressed`: others wait for what this one holds.
  bool too_slow(Steady::time_point now, bool pressed);
  bool writes() const { return serializer_.has_value(); }
  bool reads_body() const { return reading_body_.has_value(); }
  bool waits_for_room() const { return waiting_for_room_.has_value(); }
  bool waited_too_long(Steady::time_point now) const;
  /// Of what no timer of the stream looks after.
  bool overdue(Steady::time_point now) const { return overdue_at_ != Steady::time_point{} && now >= overdue_at_; }
  /// Of one that is being answered: whether the client has gone after it sent more.
  void look_for_end();
  void give_up_body();
  void refuse_for_room();

 private:
  using Plain = boost::beast::tcp_stream;
  using Tls = boost::beast::ssl_stream<Plain>;

  static std::variant<Plain, Tls> stream_over(boost::asio::ip::tcp::socket&& socket, const HttpListener& listener);
  Tls* tls() { return std::get_if<Tls>(&stream_); }
  /// The connection itself, below TLS: its time limits, and its end.
  Plain& wire() { return tls() ? tls()->next_layer() : std::get<Plain>(stream_); }
  /// `act(stream)`, with whichever of the two it is.
  template <class Act>
  void with_stream(Act&& act) {
    if (Tls* encrypted = tls()) return act(*encrypted);
    act(std::get<Plain>(stream_));
  }

  void on_handshake(Code code);
  void read_head();
  void on_head_bytes(Code code, std::size_t bytes);
  void take_head(std::size_t bytes);
  void start_body();
  void read_body();
  void on_body_bytes(Code code, std::size_t bytes);
  void end_body();
  void answer();
  void watch();
  bool is_hung_up();
  /// `counted`: whether `refused` is told; whoever was asked has told it already.
  void refuse(const Problem& problem, bool counted = true);
  void refuse_body(std::uint64_t length);
  void write(HttpReply&& reply);
  void write_some();
  void on_written();
  void say_goodbye();
  void end();
  void discard();
  void wait_without_request(bool waits);
  void begin_pace();

  std::variant<Plain, Tls> stream_;
  HttpListener* listener_;
  std::shared_ptr<HttpSession> answering_;  // itself, until the reply came
  std::shared_ptr<std::atomic<bool>> gone_;
  boost::beast::flat_buffer buffer_;
  std::string peer_;                 // its address
  std::optional<HttpRequest> head_;  // of a request whose body comes in chunks
  std::optional<boost::beast::http::request_parser<GrowingBody>> parser_;
  std::optional<boost::beast::http::response<boost::beast::http::string_body>> response_;
  std::optional<boost::beast::http::response_serializer<boost::beast::http::string_body>> serializer_;
  std::optional<std::list<HttpSession*>::iterator> without_request_, reading_body_, waiting_for_room_;
  Steady::time_point head_until_{}, discard_until_{}, room_until_{}, overdue_at_{};
  // How fast a body comes or a reply goes, altogether and in the window at hand.
  Steady::time_point pace_began_{}, window_began_{};
  std::size_t pace_bytes_ = 0, window_bytes_ = 0;
  std::size_t searched_ = 0;  // of the buffer, for the end of the head
  std::size_t body_held_ = 0;
  std::size_t reply_held_ = 0;
  std::size_t discarded_ = 0;
  unsigned version_ = 11;
  bool keep_alive_ = false;
  bool head_only_ = false;
  bool in_flight_ = false;
  bool discard_ = false;
  bool watching_ = false;
  bool continuing_ = false;  // `100 Continue` is being written
  bool body_read_pending_ = false;
};

}  // namespace vtq
