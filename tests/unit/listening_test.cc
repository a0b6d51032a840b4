// Where the daemon may listen: every combination of what protects it.
#include "daemon/process/listening.h"

#include <gtest/gtest.h>

#include "daemon/http/http_server.h"

namespace vtq {
namespace {

const char* const kHere[] = {"127.0.0.1", "127.0.0.2", "127.255.255.254", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1"};
const char* const kBeyond[] = {"0.0.0.0", "192.0.2.7", "128.0.0.1", "10.127.0.1", "::", "2001:db8::1", "::ffff:192.0.2.7", "::127.0.0.1"};
const char* const kNames[] = {"",      "localhost",   "results.example.org", "127.0.0.1:8410", "[::1]",
                              "127.1", "127.0.0.256", " 127.0.0.1",          "fe80::1%eth0"};

template <class Look>
void for_each_protection(Look look) {
  for (bool encrypted : {false, true})
    for (bool behind_proxy : {false, true})
      for (bool signs_in : {false, true})
        for (bool needs_sign_in : {false, true})
          for (bool proxy_can_help : {false, true})
            look(Listening{.encrypted = encrypted,
                           .behind_proxy = behind_proxy,
                           .signs_in = signs_in,
                           .needs_sign_in = needs_sign_in,
                           .proxy_can_help = proxy_can_help});
}

TEST(Listening, on_loopback_nothing_needs_to_protect_it) {
  for_each_protection([](Listening one) {
    for (const char* address : kHere) {
      one.address = address;
      EXPECT_EQ(why_not_listen(one), std::nullopt) << address;
    }
  });
}

TEST(Listening, beyond_loopback_it_takes_sign_in_and_a_way_that_nobody_can_read) {
  for_each_protection([](Listening one) {
    bool may = (one.encrypted || (one.behind_proxy && one.proxy_can_help)) && (one.signs_in || !one.needs_sign_in);
    for (const char* address : kBeyond) {
      one.address = address;
      auto why = why_not_listen(one);
      EXPECT_EQ(!why, may) << address;
      if (!why) continue;
      bool no_sign_in = one.needs_sign_in && !one.signs_in;
      EXPECT_EQ(why->find("set access.secret_file") != why->npos, no_sign_in) << *why;
      EXPECT_EQ(why->find("set http.tls_certificate_file and http.tls_key_file") != why->npos, !no_sign_in) << *why;
      EXPECT_EQ(why->find("http.trusted_proxy") != why->npos, !no_sign_in && one.proxy_can_help) << *why;
      EXPECT_NE(why->find("127.0.0.1 or ::1"), why->npos) << *why;
    }
  });
}

TEST(Listening, beyond_loopback_results_are_sealed) {
  for_each_protection([](Listening one) {
    one.seals = false;
    bool protected_otherwise = (one.encrypted || (one.behind_proxy && one.proxy_can_help)) && (one.signs_in || !one.needs_sign_in);
    for (const char* address : kBeyond) {
      one.address = address;
      auto why = why_not_listen(one);
      ASSERT_TRUE(why) << address;
      EXPECT_EQ(why->find("set seal.key_file") != why->npos, protected_otherwise) << *why;
    }
    for (const char* address : kHere) {
      one.address = address;
      EXPECT_EQ(why_not_listen(one), std::nullopt) << address;
    }
  });
}

TEST(Listening, a_name_is_no_address) {
  for_each_protection([](Listening one) {
    for (const char* name : kNames) {
      one.address = name;
      auto why = why_not_listen(one);
      ASSERT_TRUE(why) << name;
      EXPECT_NE(why->find("is no IP address"), why->npos) << *why;
    }
  });
}

TEST(TrustedProxy, takes_what_comes_from_it_or_from_this_machine) {
  for (const char* here : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"}) EXPECT_TRUE(comes_from(here, "192.0.2.7")) << here;
  EXPECT_TRUE(comes_from("192.0.2.7", "192.0.2.7"));
  EXPECT_TRUE(comes_from("::ffff:192.0.2.7", "192.0.2.7"));
  EXPECT_TRUE(comes_from("192.0.2.7", "::ffff:192.0.2.7"));
  EXPECT_TRUE(comes_from("2001:db8::7", "2001:0db8:0:0::7"));
  for (const char* other : {"192.0.2.8", "10.0.0.1", "2001:db8::8", "::ffff:192.0.2.8", "::192.0.2.7", "", "proxy.example.org"})
    EXPECT_FALSE(comes_from(other, "192.0.2.7")) << other;
  EXPECT_FALSE(comes_from("192.0.2.7", "")) << "an address that cannot be read lets nobody in";
}

constexpr const char* kProxy = "192.0.2.7";

TEST(ClientOfProxy, is_the_last_that_the_proxy_added) {
  EXPECT_EQ(client_of(kProxy, "203.0.113.9", kProxy), "203.0.113.9");
  EXPECT_EQ(client_of(kProxy, " 203.0.113.9\t", kProxy), "203.0.113.9");
  EXPECT_EQ(client_of("::ffff:192.0.2.7", "203.0.113.9", kProxy), "203.0.113.9");
  EXPECT_EQ(client_of("127.0.0.1", "203.0.113.9", "127.0.0.1"), "203.0.113.9");
  // Whatever stands before it whoever asks may have written.
  EXPECT_EQ(client_of(kProxy, "198.51.100.1, 10.0.0.1 ,203.0.113.9", kProxy), "203.0.113.9");
  EXPECT_EQ(client_of(kProxy, "127.0.0.1, <script>, 203.0.113.9", kProxy), "203.0.113.9");
}

TEST(ClientOfProxy, may_have_an_address_of_version_6_and_a_port) {
  EXPECT_EQ(client_of(kProxy, "2001:0db8::0009", kProxy), "2001:db8::9");
  EXPECT_EQ(client_of(kProxy, "203.0.113.9, [2001:db8::9]", kProxy), "2001:db8::9");
  EXPECT_EQ(client_of(kProxy, "[2001:db8::9]:50123", kProxy), "2001:db8::9");
  EXPECT_EQ(client_of(kProxy, "203.0.113.9:50123", kProxy), "203.0.113.9");
  EXPECT_EQ(client_of(kProxy, "::ffff:203.0.113.9", kProxy), "203.0.113.9");
  EXPECT_EQ(client_of("2001:db8::7", "203.0.113.9", "2001:0db8:0:0::7"), "203.0.113.9");
}

TEST(ClientOfProxy, is_whoever_connects_where_that_is_not_the_proxy) {
  for (const char* other : {"192.0.2.8", "127.0.0.1", "::1", "2001:db8::7", ""}) EXPECT_EQ(client_of(other, "203.0.113.9", kProxy), other) << other;
  EXPECT_EQ(client_of("192.0.2.7", "203.0.113.9", ""), "192.0.2.7") << "no proxy is trusted";
}

TEST(ClientOfProxy, is_the_proxy_where_it_says_nothing_that_is_an_address) {
  for (const char* garbage : {"",
                              " ",
                              ",",
                              "203.0.113.9,",
                              "203.0.113.9, ",
                              "unknown",
                              "203.0.113",
                              "203.0.113.9 198.51.100.1",
                              "203.0.113.256",
                              "_hidden",
                              "[203.0.113.9]",
                              "[2001:db8::9",
                              "2001:db8::9]",
                              "[2001:db8::9]x",
                              "[2001:db8::9]:",
                              "203.0.113.9:",
                              "203.0.113.9:port",
                              "203.0.113.9:1234567",
                              "fe80::1%eth0",
                              "127.0.0.1",
                              "::1",
                              "0.0.0.0",
                              "::",
                              "client.example.org"})
    EXPECT_EQ(client_of(kProxy, garbage, kProxy), kProxy) << garbage;
  EXPECT_EQ(client_of(kProxy, std::string(10'000, '1'), kProxy), kProxy);
}

}  // namespace
}  // namespace vtq
