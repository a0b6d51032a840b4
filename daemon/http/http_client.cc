#include "daemon/http/http_client.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <variant>

namespace vtq {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Code = beast::error_code;
using Steady = std::chrono::steady_clock;

}  // namespace

struct HttpClient::Connection {
  using Plain = beast::tcp_stream;
  using Tls = beast::ssl_stream<Plain>;

  explicit Connection(const TlsContext& trust) {
    if (trust) stream.emplace<Tls>(context, *trust);
  }

  asio::io_context context{1};
  std::variant<Plain, Tls> stream{std::in_place_type<Plain>, context};
  beast::flat_buffer buffer;
  bool used = false;

  Tls* tls() { return std::get_if<Tls>(&stream); }
  Plain& wire() { return tls() ? tls()->next_layer() : std::get<Plain>(stream); }

  /// Runs one operation to its end, or until `until`.
  template <class Start>
  Code run(Steady::time_point until, Start start) {
    Code result;
    wire().expires_at(until);
    start([&result](Code code, auto&&...) { result = code; });
    context.restart();
    context.run();
    return result;
  }
  /// The same of one on the stream, encrypted or not.
  template <class Start>
  Code run_on_stream(Steady::time_point until, Start start) {
    return run(until, [&](auto done) {
      if (tls()) return start(*tls(), done);
      start(std::get<Plain>(stream), done);
    });
  }
};

HttpClient::HttpClient(const std::string& url, HttpClientOptions options) : url_(url), options_(std::move(options)) {
  std::string_view rest = url;
  constexpr std::string_view kPlain = "http://", kEncrypted = "https://";
  bool encrypted = rest.starts_with(kEncrypted);
  if (!encrypted && !rest.starts_with(kPlain))
    throw std::invalid_argument("Give the daemon's address as http://127.0.0.1:8410 or https://NAME:8410, not " + url + ".");
  rest.remove_prefix(encrypted ? kEncrypted.size() : kPlain.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  auto colon = rest.rfind(':');
  bool has_port = colon != rest.npos && !rest.ends_with(']');
  host_ = rest.substr(0, has_port ? colon : rest.npos);
  port_ = has_port ? rest.substr(colon + 1) : encrypted ? "443" : "80";
  if (host_.starts_with('[') && host_.ends_with(']')) host_ = host_.substr(1, host_.size() - 2);
  if (host_.empty() || host_.find('%') != host_.npos)
    throw std::invalid_argument("Give the daemon's address with a name or an address and no zone, as https://results.example.org:8410, not " + url +
                                ".");
  if (encrypted && host_.ends_with('.')) host_.pop_back();  // certificates name hosts without it
  if (encrypted) trust_ = trust_of(options_.ca_file);
}

HttpClient::~HttpClient() = default;

HttpReply HttpClient::get(const std::string& target, std::string_view accept) { return send({.target = target, .accept = std::string(accept)}); }

HttpReply HttpClient::post(const std::string& target, std::string_view content_type, const std::string& body) {
  return send({.method = "POST", .target = target, .content_type = std::string(content_type), .body = body});
}

void HttpClient::fail(const std::string& what) {
  connection_.reset();
  throw Unreachable("No answer from resultsd at " + url_ + " (" + what + ")." + options_.advice);
}

void HttpClient::distrust(const std::string& what, const std::string& advice) {
  connection_.reset();
  throw Untrusted("resultsd at " + url_ + " is not trusted: " + what + ". " + advice);
}

/// Why the handshake failed, which OpenSSL found in the server's certificate or in what it said.
void HttpClient::explain_handshake(const std::string& what) {
  long found = SSL_get_verify_result(connection_->tls()->native_handle());
  std::string words = X509_verify_cert_error_string(found);
  switch (found) {
    case X509_V_OK:
      distrust("the handshake failed, " + what, "If it speaks no TLS, ask it with http://.");
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      distrust("its certificate is not for " + host_,
               "Ask it under a name that stands in the certificate, or give it a certificate for " + host_ + ".");
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
      distrust(words, "Put a certificate that holds now at its http.tls_certificate_file; if it should hold, look at the clocks of both machines.");
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      distrust("no authority that is trusted here signed its certificate (" + words + ")",
               "Name a file with its authority's certificate: " + options_.trust_advice + ".");
    default:
      distrust(words, "Give it a certificate that can be verified.");
  }
}

void HttpClient::connect() {
  connection_ = std::make_unique<Connection>(trust_);
  Connection& c = *connection_;
  auto until = Steady::now() + options_.connect_max;
  Code code;
  auto found = asio::ip::tcp::resolver(c.context).resolve(host_, port_, code);
  if (!code) code = c.run(until, [&](auto done) { c.wire().async_connect(found, done); });
  if (code) fail(code.message());
  c.wire().socket().set_option(asio::ip::tcp::no_delay(true));
  if (!c.tls()) return;
  SSL* native = c.tls()->native_handle();
  Code no_address;
  asio::ip::make_address(host_, no_address);
  SSL_set_hostflags(native, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  bool named = no_address ? SSL_set_tlsext_host_name(native, host_.c_str()) == 1 && SSL_set1_host(native, host_.c_str()) == 1
                          : X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(native), host_.c_str()) == 1;
  if (!named) distrust(host_ + " cannot be looked for in its certificate", "Ask it under a name that stands there.");
  code = c.run(until, [&](auto done) { c.tls()->async_handshake(asio::ssl::stream_base::client, done); });
  if (code && code.category() == asio::error::get_ssl_category()) explain_handshake(code.message());
  if (code) fail("the TLS handshake was not answered: " + code.message() + "; if it speaks no TLS, ask it with http://");
}

HttpReply HttpClient::send(const HttpCall& call) {
  http::request<http::string_body> request(http::string_to_verb(call.method), call.target, 11);
  request.set(http::field::host, (host_.find(':') == host_.npos ? host_ : "[" + host_ + "]") + ":" + port_);
  request.set(http::field::user_agent, options_.user_agent);
  request.set(http::field::accept, call.accept);
  if (!call.content_type.empty()) request.set(http::field::content_type, call.content_type);
  if (call.forwarded) request.set(kForwardedHeader, "1");
  if (options_.credentials) {
    auto [name, value] = options_.credentials(call, std::string(request[http::field::host]));
    request.set(name, value);
  }
  request.body() = call.body;
  request.prepare_payload();

  for (;;) {
    bool reused = connection_ && connection_->used;
    if (!connection_) connect();
    Connection& c = *connection_;
    http::response_parser<http::string_body> parser;
    parser.body_limit(options_.body_bytes_max);
    auto until = Steady::now() + options_.reply_max;
    Code written = c.run_on_stream(until, [&](auto& stream, auto done) { http::async_write(stream, request, done); });
    // A refusal may come before everything was sent: look for it in any case.
    Code code = c.run_on_stream(until, [&](auto& stream, auto done) { http::async_read(stream, c.buffer, parser, done); });
    // Closed while it lay idle: nothing was done. One that fell silent may have been heard, and is not asked again.
    bool closed = code == http::error::end_of_stream || code == asio::error::connection_reset || code == asio::error::broken_pipe ||
                  code == asio::error::eof || code == asio::ssl::error::stream_truncated;
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
