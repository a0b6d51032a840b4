// What of a request's head is refused, and which hosts and origins are this server's own.
#include "daemon/http/http_framing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <random>
#include <sstream>

namespace vtq {
namespace {

std::string head(const std::string& headers, const std::string& version = "1.1") {
  return "POST /v1/events HTTP/" + version + "\r\n" + headers + "\r\n";
}

std::string rule_of(const std::string& text) {
  auto fault = fault_of_head(text);
  return fault ? std::to_string(fault->status) + " " + fault->rule : "";
}

TEST(Head, with_one_host_and_one_way_to_its_end_is_taken) {
  EXPECT_EQ(rule_of(head("Host: localhost\r\n")), "");
  EXPECT_EQ(rule_of(head("Host: localhost\r\nContent-Length: 3\r\n")), "");
  EXPECT_EQ(rule_of(head("Host: localhost\r\nTransfer-Encoding: chunked\r\n")), "");
  EXPECT_EQ(rule_of(head("Host: localhost\r\ntransfer-encoding:\tChunked \r\n")), "");
  EXPECT_EQ(rule_of(head("", "1.0")), "");
}

TEST(Head, that_says_in_two_ways_where_its_request_ends_is_refused) {
  EXPECT_EQ(rule_of(head("Host: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n")), "400 content-length-once");
  EXPECT_EQ(rule_of(head("Host: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n")), "400 content-length-once");
  EXPECT_EQ(rule_of(head("Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")), "400 transfer-encoding");
  EXPECT_EQ(rule_of(head("Transfer-Encoding: chunked\r\n", "1.0")), "400 transfer-encoding");
}

TEST(Head, with_a_coding_that_is_not_known_is_refused_as_such) {
  for (const char* coding : {"xchunked", "identity", "gzip", "gzip, chunked", "chunked, gzip", "chunked, chunked", "chunked;q=1", ""})
    EXPECT_EQ(rule_of(head(std::string("Host: a\r\nTransfer-Encoding: ") + coding + "\r\n")), "501 transfer-encoding") << coding;
}

TEST(Head, without_a_host_or_with_two_is_refused) {
  EXPECT_EQ(rule_of(head("")), "400 host-once");
  EXPECT_EQ(rule_of(head("Host: a\r\nHost: a\r\n")), "400 host-once");
  EXPECT_EQ(rule_of(head("Host: a\r\nhOST: b\r\n")), "400 host-once");
  EXPECT_EQ(rule_of(head("Host: a\r\nHost: b\r\n", "1.0")), "400 host-once");
}

TEST(Head, with_a_folded_or_broken_line_is_refused) {
  EXPECT_EQ(rule_of(head("Host: a\r\nX: 1\r\n 2\r\n")), "400 header-fold");
  EXPECT_EQ(rule_of(head("Host: a\r\nX: 1\r\n\tHost: b\r\n")), "400 header-fold");
  EXPECT_EQ(rule_of(head("Host: a\r\nX : 1\r\n")), "400 header-form");
  EXPECT_EQ(rule_of(head("Host: a\r\nnothing\r\n")), "400 header-form");
  EXPECT_EQ(rule_of(head("Host: a\r\nX: 1\nContent-Length: 5\r\n")), "400 header-form");
  EXPECT_EQ(rule_of(head(std::string("Host: a\r\nX: \0\r\n", 14))), "400 header-form");
}

TEST(Head, of_any_bytes_is_judged_without_harm_and_never_taken_with_two_lengths) {
  std::mt19937 random(20260831);
  const std::vector<std::string> parts{"Host: a\r\n",
                                       "Content-Length: 1\r\n",
                                       "Transfer-Encoding: chunked\r\n",
                                       "Transfer-Encoding: gzip\r\n",
                                       "X: y\r\n",
                                       " folded\r\n",
                                       "\n",
                                       "\r",
                                       ":",
                                       std::string(1, '\0'),
                                       "Host",
                                       "content-length:2\r\n"};
  for (int round = 0; round < 20'000; ++round) {
    std::string headers;
    for (unsigned count = random() % 6; count > 0; --count) headers += parts[random() % parts.size()];
    auto fault = fault_of_head(head(headers));
    if (fault) continue;
    // What is taken has lines of a name and a value only.
    std::size_t ends_said = 0;
    std::istringstream lines(headers);
    for (std::string line; std::getline(lines, line);) {
      std::string name = line.substr(0, line.find(':'));
      std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      ends_said += name == "content-length" || name == "transfer-encoding";
    }
    EXPECT_LE(ends_said, 1u) << headers;
  }
}

TEST(Head, that_says_twice_who_asks_is_refused) {
  EXPECT_EQ(rule_of(head("Host: localhost\r\nAuthorization: Bearer a\r\nX-Vtq-Caller: b\r\n")), "");
  EXPECT_EQ(rule_of(head("Host: localhost\r\nAuthorization: Bearer a\r\nauthorization: Bearer b\r\n")), "400 caller-once");
  EXPECT_EQ(rule_of(head("Host: localhost\r\nX-Vtq-Caller: a\r\nx-vtq-caller: a\r\n")), "400 caller-once");
}

TEST(Host, of_this_server_is_a_loopback_name_or_one_of_the_settings) {
  std::vector<std::string> names{"results.example.org", "[fd00::1]"};
  for (const char* own : {"localhost", "LOCALHOST:8410", "127.0.0.1", "127.0.0.1:8410", "127.1.2.3:1", "[::1]", "[::1]:8410",
                          "results.example.org:443", "[fd00::1]:8410"})
    EXPECT_TRUE(is_own_host(own, names)) << own;
  for (const char* foreign :
       {"example.org", "localhost.example.org", "127.0.0.1.example.org", "results.example.org.evil", "128.0.0.1", "[::2]", ":8410"})
    EXPECT_FALSE(is_own_host(foreign, names)) << foreign;
}

TEST(Origin, of_this_server_has_its_host_and_port) {
  EXPECT_TRUE(is_own_origin("http://localhost:8410", "localhost:8410", false));
  EXPECT_FALSE(is_own_origin("http://localhost:9999", "localhost:8410", false));
  EXPECT_FALSE(is_own_origin("https://example.org", "localhost:8410", false));
  EXPECT_FALSE(is_own_origin("null", "localhost:8410", false));
  EXPECT_FALSE(is_own_origin("", "", false));
}

TEST(Origin, of_a_server_that_speaks_TLS_alone_is_no_page_without_it) {
  EXPECT_TRUE(is_own_origin("https://results.example.org", "results.example.org", true));
  EXPECT_TRUE(is_own_origin("https://results.example.org", "results.example.org", false));
  EXPECT_FALSE(is_own_origin("http://results.example.org", "results.example.org", true));
}

}  // namespace
}  // namespace vtq
