#include "daemon/ctl/http_client.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>

namespace vtq::ctl {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Code = beast::error_code;

constexpr std::chrono::seconds kConnectMax{5};
constexpr std::chrono::seconds kReplyMax{120};

}  // namespace

struct HttpClient::Connection {
  asio::io_context context{1};
  beast::tcp_stream stream{context};
  beast::flat_buffer buffer;
  bool used = false;

  /// Runs one operation to its end, within `most`.
  template <class Start>
  Code run(std::chrono::seconds most, Start start) {
    Code result;
    stream.expires_after(most);
    start([&result](Code code, auto&&...) { result = code; });
    context.restart();
    context.run();
    return result;
  }
};

HttpClient::HttpClient(const std::string& url) : url_(url) {
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

HttpReply HttpClient::get(const std::string& target, std::string_view accept) { return send("GET", target, "", accept, ""); }

HttpReply HttpClient::post(const std::string& target, std::string_view content_type, const std::string& body) {
  return send("POST", target, content_type, "application/json", body);
}

HttpReply HttpClient::send(std::string_view method, const std::string& target, std::string_view type, std::string_view accept,
                           const std::string& body) {
  auto fail = [&](const std::string& what) {
    connection_.reset();
    throw Unreachable("No answer from resultsd at " + url_ + " (" + what + "). Is it running? Start it, or name another with --url.");
  };
  http::request<http::string_body> request(http::string_to_verb(method), target, 11);
  request.set(http::field::host, host_ + ":" + port_);
  request.set(http::field::user_agent, "resultsctl");
  request.set(http::field::accept, accept);
  if (!type.empty()) request.set(http::field::content_type, type);
  request.body() = body;
  request.prepare_payload();

  for (;;) {
    bool reused = connection_ && connection_->used;
    if (!connection_) {
      connection_ = std::make_unique<Connection>();
      Code code;
      auto found = asio::ip::tcp::resolver(connection_->context).resolve(host_, port_, code);
      if (!code) code = connection_->run(kConnectMax, [&](auto done) { connection_->stream.async_connect(found, done); });
      if (code) fail(code.message());
      connection_->stream.socket().set_option(asio::ip::tcp::no_delay(true));
    }
    Connection& c = *connection_;
    http::response_parser<http::string_body> parser;
    parser.body_limit(boost::none);
    Code written = c.run(kReplyMax, [&](auto done) { http::async_write(c.stream, request, done); });
    // A refusal may come before everything was sent: look for it in any case.
    Code code = c.run(kReplyMax, [&](auto done) { http::async_read(c.stream, c.buffer, parser, done); });
    if (code && reused && !parser.got_some()) {
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

}  // namespace vtq::ctl
