// The HTTP client against servers that close, fall silent, or run out of memory; and the server where a request cannot be answered.
#include "daemon/http/http_client.h"

#include <gtest/gtest.h>

#include <boost/asio.hpp>
#include <future>
#include <new>
#include <thread>

#include "daemon/http/http_server.h"

namespace vtq {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

/// Answers the first request of a connection and closes it, or answers nothing more. Counts the requests that it read.
class Peer {
 public:
  enum class Then { closes, is_silent };
  explicit Peer(Then then) : then_(then), thread_([this] { run(); }) {}
  ~Peer() {
    boost::system::error_code ignored;
    tcp::socket(context_).connect(acceptor_.local_endpoint(), ignored);  // ends a wait for one more
    thread_.join();
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()); }
  int requests() const { return requests_; }

 private:
  bool read_request(tcp::socket& socket) {
    boost::system::error_code code;
    std::string text;
    asio::read_until(socket, asio::dynamic_buffer(text), "\r\n\r\n", code);
    if (!code) ++requests_;
    return !code;
  }
  void run() {
    for (;;) {
      tcp::socket socket = acceptor_.accept();
      if (!read_request(socket)) return;
      std::string reply = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
      asio::write(socket, asio::buffer(reply));
      if (then_ == Then::closes) continue;
      while (read_request(socket)) {
      }
    }
  }

  Then then_;
  asio::io_context context_;
  tcp::acceptor acceptor_{context_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
  std::atomic<int> requests_ = 0;
  std::thread thread_;
};

TEST(HttpClient, asks_again_where_the_connection_was_closed_while_it_lay_idle) {
  Peer peer(Peer::Then::closes);
  HttpClient client(peer.url());
  for (int at = 0; at < 5; ++at) EXPECT_EQ(client.post("/v1/events", "application/json", "{}").status, 200u);
  EXPECT_EQ(peer.requests(), 5);
}

TEST(HttpClient, asks_nobody_twice_who_may_have_heard) {
  Peer peer(Peer::Then::is_silent);
  {
    HttpClient client(peer.url());
    EXPECT_EQ(client.get("/first").status, 200u);
    client.reply_within(std::chrono::milliseconds(200));
    EXPECT_THROW(client.post("/v1/events", "application/json", "{}"), Unreachable);
  }
  EXPECT_EQ(peer.requests(), 2);
}

TEST(HttpServer, ends_a_request_for_which_there_is_no_memory_and_goes_on) {
  std::vector<std::string> refused;
  HttpOptions options;
  options.refused = [&](unsigned status, std::string_view rule) { refused.push_back(std::to_string(status) + " " + std::string(rule)); };
  {
    HttpServer server(options, [](HttpRequest&& request, Respond&& respond) {
      if (request.target == "/large") throw std::bad_alloc();
      respond({200});
    });
    server.start_taking();
    HttpClient client("http://127.0.0.1:" + std::to_string(server.port()));
    HttpReply reply = client.get("/large");
    EXPECT_EQ(reply.status, 503u);
    EXPECT_NE(reply.body.find("\"rule\":\"memory\""), std::string::npos) << reply.body;
    EXPECT_EQ(client.get("/small").status, 200u);
  }
  EXPECT_EQ(refused, std::vector<std::string>{"503 memory"});
}

TEST(HttpServer, refuses_what_it_cannot_hold_beside_the_others_and_counts_it) {
  std::vector<std::string> refused;
  HttpOptions options;
  options.connections_max = 2;
  options.reserved = [](std::string_view target) { return target == "/livez"; };
  options.refused = [&](unsigned status, std::string_view rule) { refused.push_back(std::to_string(status) + " " + std::string(rule)); };
  std::vector<Respond> waiting;
  std::promise<void> both;
  {
    HttpServer server(options, [&](HttpRequest&& request, Respond&& respond) {
      if (request.target != "/waits") return respond({200});
      waiting.push_back(std::move(respond));
      if (waiting.size() == 2) both.set_value();
    });
    server.start_taking();
    std::string url = "http://127.0.0.1:" + std::to_string(server.port());
    auto waits = [&] { return HttpClient(url).get("/waits").status; };
    auto first = std::async(std::launch::async, waits), second = std::async(std::launch::async, waits);
    both.get_future().wait();
    EXPECT_EQ(HttpClient(url).get("/v1/overview").status, 503u);
    EXPECT_EQ(HttpClient(url).get("/livez").status, 200u);
    for (Respond& respond : waiting) respond({200});
    EXPECT_EQ(first.get(), 200u);
    EXPECT_EQ(second.get(), 200u);
  }
  EXPECT_EQ(refused, std::vector<std::string>{"503 connections-max"});
}

}  // namespace
}  // namespace vtq
