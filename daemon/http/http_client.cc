#include "daemon/http/http_client.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

namespace vtq {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Code = beast::error_code;
using Steady = std::chrono::steady_clock;

}  // namespace

struct HttpClient::Connection {
  asio::io_context context{1};
  beast::tcp_stream stream{context};
  beast::flat_buffer buffer;
  bool used = false;

  /// Runs one operation to its end, or until `until`.
  template <class Start>
  Code run(Steady::time_point until, Start start) {
    Code result;
    stream.expires_at(until);
    start([&result](Code code, auto&&...) { result = code; });
    context.restart();
    context.run();
    return result;
  }
};

HttpClient::HttpClient(const std::string& url, HttpClientOptions options) : url_(url), options_(std::move(options)) {
  std::string_view rest = url;
  constexpr std::string_view kScheme = "http://";
  if (!rest.starts_with(kScheme)) throw std::invalid_argument("Give the daemon's address as http://127.0.0.1:8410, not " + url + ".");
  rest.remove_prefix(kScheme.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  auto colon = rest.rfind(':');
  bool has_port = colon != rest.npos && !rest.ends_with(']');
  host_ = rest.substr(0, has_port ? colon : rest.npos);
  port_ = has_port ? rest.substr(colon + 1) : "80";
  if (host_.starts_with('[') && host_.ends_with(']')) host_ = host_.substr(1, host_.size() - 2);
}

HttpClient::~HttpClient() = default;

HttpReply HttpClient::get(const std::string& target, std::string_view accept) { return send({.target = target, .accept = std::string(accept)}); }

HttpReply HttpClient::post(const std::string& target, std::string_view content_type, const std::string& body) {
  return send({.method = "POST", .target = target, .content_type = std::string(content_type), .body = body});
}

HttpReply HttpClient::send(const HttpCall& call) {
  auto fail = [&](const std::string& what) {
    connection_.reset();
    throw Unreachable("No answer from resultsd at " + url_ + " (" + what + ")." + options_.advice);
  };
  http::request<http::string_body> request(http::string_to_verb(call.method), call.target, 11);
  request.set(http::field::host, (host_.find(':') == host_.npos ? host_ : "[" + host_ + "]") + ":" + port_);
  request.set(http::field::user_agent, options_.user_agent);
  request.set(http::field::accept, call.accept);
  if (!call.content_type.empty()) request.set(http::field::content_type, call.content_type);
  if (call.forwarded) request.set(kForwardedHeader, "1");
  request.body() = call.body;
  request.prepare_payload();

  for (;;) {
    bool reused = connection_ && connection_->used;
    if (!connection_) {
      connection_ = std::make_unique<Connection>();
      Code code;
      auto found = asio::ip::tcp::resolver(connection_->context).resolve(host_, port_, code);
      if (!code) code = connection_->run(Steady::now() + options_.connect_max, [&](auto done) { connection_->stream.async_connect(found, done); });
      if (code) fail(code.message());
      connection_->stream.socket().set_option(asio::ip::tcp::no_delay(true));
    }
    Connection& c = *connection_;
    http::response_parser<http::string_body> parser;
    parser.body_limit(options_.body_bytes_max);
    auto until = Steady::now() + options_.reply_max;
    Code written = c.run(until, [&](auto done) { http::async_write(c.stream, request, done); });
    // A refusal may come before everything was sent: look for it in any case.
    Code code = c.run(until, [&](auto done) { http::async_read(c.stream, c.buffer, parser, done); });
    // Closed while it lay idle: nothing was done. One that fell silent may have been heard, and is not asked again.
    bool closed =
        code == http::error::end_of_stream || code == asio::error::connection_reset || code == asio::error::broken_pipe || code == asio::error::eof;
    if (closed && reused && !parser.got_some()) {
      connection_.reset();
      continue;
    }
    if (code) fail((written ? written : code).message());
    c.used = true;
    auto message = parser.release();
    HttpReply reply;
    reply.status = message.result_int();
    reply.content_type = std::string(message[http::field::content_type]);
    for (const auto& field : message) reply.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
    reply.body = std::move(message.body());
    if (!message.keep_alive() || written) connection_.reset();
    return reply;
  }
}

std::string next_link(const HttpReply& reply) {
  for (const auto& [name, value] : reply.headers) {
    if (name != "Link" || value.find("rel=\"next\"") == value.npos) continue;
    auto end = value.find('>');
    if (value.starts_with('<') && end != value.npos) return value.substr(1, end - 1);
  }
  return "";
}

}  // namespace vtq
