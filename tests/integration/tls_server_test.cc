// Certificates that are renewed or wrong, a client that is particular about them, and a server that hears its proxy alone.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <ifaddrs.h>
#include <net/if.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "daemon/http/http_client.h"
#include "daemon/http/http_server.h"
#include "daemon/http/tls.h"
#include "tests/support/certificates.h"
#include "tests/support/temp_directory.h"

namespace vtq {
namespace {

class Tls : public testing::Test {
 protected:
  TlsFiles files() const { return {.certificate = directory_ / "a.pem", .key = directory_ / "a.key"}; }
  void put(const std::string& certificate, const std::string& key) {
    for (auto [path, text] : {std::pair(files().certificate, certificate), std::pair(files().key, key)}) {
      std::ofstream(path + ".new") << text;
      std::filesystem::rename(path + ".new", path);
    }
  }
  void put(const test::SelfSigned& made) { put(made.certificate(), made.key()); }
  std::string rule_of_loading() {
    try {
      TlsCertificate loaded(files());
      return "";
    } catch (const TlsFault& fault) {
      EXPECT_EQ(std::string(fault.what()).find(fault.field + ": "), 0u) << fault.what();
      EXPECT_NE(fault.value, "");
      return fault.rule;
    }
  }

  test::TempDirectory directory_;
};

TEST_F(Tls, files_that_are_wrong_are_named_by_rule) {
  test::SelfSigned good, other;
  EXPECT_EQ(rule_of_loading(), "file-readable");
  put(good);
  EXPECT_EQ(rule_of_loading(), "");
  put(good.certificate(), other.key());
  EXPECT_EQ(rule_of_loading(), "key-fits");
  put(good.certificate(), good.certificate());
  EXPECT_EQ(rule_of_loading(), "key-form");
  for (const std::string& text : {std::string(), std::string("nothing"), good.key(), good.certificate().substr(0, 200)}) {
    put(text, good.key());
    EXPECT_EQ(rule_of_loading(), "certificate-form") << text;
  }
  put(test::SelfSigned("DNS:localhost", -7200, -3600));
  EXPECT_EQ(rule_of_loading(), "certificate-time");
  put(test::SelfSigned("DNS:localhost", 3600, 7200));
  EXPECT_EQ(rule_of_loading(), "certificate-time");
}

TEST_F(Tls, a_change_is_read_once_it_stands_still) {
  put(test::SelfSigned());
  TlsCertificate certificate(files());
  std::string first = certificate.serial();
  EXPECT_FALSE(certificate.renew(false));
  put(test::SelfSigned("DNS:localhost", -60, 7200));
  EXPECT_FALSE(certificate.renew(false)) << "it may be in the midst of being written";
  EXPECT_TRUE(certificate.renew(false));
  EXPECT_NE(certificate.serial(), first);
  EXPECT_NEAR(static_cast<double>(certificate.ends_s()), static_cast<double>(std::time(nullptr) + 7200), 60);
  EXPECT_FALSE(certificate.renew(false));
  EXPECT_TRUE(certificate.renew(true));
}

TEST_F(Tls, a_change_that_is_wrong_is_said_once_and_the_one_before_stays) {
  test::SelfSigned good;
  put(good);
  TlsCertificate certificate(files());
  std::string first = certificate.serial();
  TlsContext shown = certificate.context();
  put("nothing", good.key());
  EXPECT_FALSE(certificate.renew(false));
  EXPECT_THROW(certificate.renew(false), TlsFault);
  EXPECT_FALSE(certificate.renew(false));
  EXPECT_EQ(certificate.serial(), first);
  EXPECT_EQ(certificate.context(), shown);
  EXPECT_THROW(certificate.renew(true), TlsFault) << "who asks is told again";
  put(good);
  EXPECT_FALSE(certificate.renew(false));
  EXPECT_TRUE(certificate.renew(false));
}

/// A server that answers each request with its target.
struct Echo {
  explicit Echo(const HttpOptions& options)
      : server(options, [](HttpRequest&& request, Respond&& respond) { respond({.body = request.target + request.body}); }) {
    server.start_taking();
  }
  std::string url(const std::string& scheme, const std::string& host) const { return scheme + "://" + host + ":" + std::to_string(server.port()); }
  HttpServer server;
};

TEST_F(Tls, a_client_speaks_it_with_whom_it_trusts_and_with_nobody_else) {
  test::SelfSigned made("DNS:localhost"), stranger;
  put(made);
  auto certificate = std::make_shared<TlsCertificate>(files());
  std::ofstream(directory_ / "stranger.pem") << stranger.certificate();
  HttpOptions options;
  options.tls = certificate;
  Echo echo(options);
  HttpClientOptions trusting{.ca_file = files().certificate}, wrong{.ca_file = directory_ / "stranger.pem"};
  HttpClient client(echo.url("https", "localhost"), trusting);
  for (int at = 0; at < 3; ++at) EXPECT_EQ(client.get("/at/" + std::to_string(at)).body, "/at/" + std::to_string(at));
  EXPECT_EQ(client.post("/", "text/plain", std::string(3u << 20, 'x')).body.size(), (3u << 20) + 1);
  EXPECT_EQ(echo.server.connections(), 1u);
  auto why = [&](const std::string& url, const HttpClientOptions& with) -> std::string {
    try {
      HttpClient(url, with).get("/");
      return "";
    } catch (const Untrusted& error) {
      return error.what();
    }
  };
  EXPECT_NE(why(echo.url("https", "localhost"), wrong).find("--ca-file"), std::string::npos);
  EXPECT_NE(why(echo.url("https", "localhost"), {}).find("--ca-file"), std::string::npos);
  wrong.trust_advice = "http.ca_file";
  EXPECT_NE(why(echo.url("https", "localhost"), wrong).find("http.ca_file"), std::string::npos);
  EXPECT_NE(why(echo.url("https", "127.0.0.1"), trusting).find("not for 127.0.0.1"), std::string::npos);
  EXPECT_EQ(HttpClient(echo.url("http", "127.0.0.1")).get("/").status, 400u);
  EXPECT_THROW(HttpClient("https://localhost", {.ca_file = directory_ / "none.pem"}), std::invalid_argument);
  EXPECT_THROW(HttpClient("ftp://localhost"), std::invalid_argument);
}

TEST_F(Tls, a_new_connection_is_shown_the_new_certificate_and_an_open_one_lives_on) {
  test::SelfSigned before, after;
  put(before);
  auto certificate = std::make_shared<TlsCertificate>(files());
  HttpOptions options;
  options.tls = certificate;
  Echo echo(options);
  std::ofstream(directory_ / "before.pem") << before.certificate();
  std::ofstream(directory_ / "after.pem") << after.certificate();
  HttpClient open(echo.url("https", "127.0.0.1"), {.ca_file = directory_ / "before.pem"});
  EXPECT_EQ(open.get("/one").body, "/one");
  put(after);
  EXPECT_TRUE(certificate->renew(true));
  EXPECT_EQ(open.get("/two").body, "/two");
  EXPECT_EQ(HttpClient(echo.url("https", "127.0.0.1"), {.ca_file = directory_ / "after.pem"}).get("/three").body, "/three");
  EXPECT_THROW(HttpClient(echo.url("https", "127.0.0.1"), {.ca_file = directory_ / "before.pem"}).get("/four"), Untrusted);
}

/// An IPv4 address of this machine that is not loopback; empty: it has none.
std::string outward_address() {
  ifaddrs* all = nullptr;
  std::string found;
  if (::getifaddrs(&all) != 0) return found;
  for (ifaddrs* one = all; one && found.empty(); one = one->ifa_next) {
    if (!one->ifa_addr || one->ifa_addr->sa_family != AF_INET || (one->ifa_flags & IFF_LOOPBACK) || !(one->ifa_flags & IFF_UP)) continue;
    char text[INET_ADDRSTRLEN];
    found = ::inet_ntop(AF_INET, &reinterpret_cast<sockaddr_in*>(one->ifa_addr)->sin_addr, text, sizeof text);
  }
  ::freeifaddrs(all);
  return found;
}

TEST(TrustedProxyServer, hears_its_proxy_and_this_machine_and_closes_whoever_else_comes) {
  // Where there is nothing but loopback nobody else can come; the rule itself is tested without a network.
  const std::string outward = outward_address();
  const bool others = !outward.empty();
  std::vector<std::string> refused;
  HttpOptions options;
  options.address = "0.0.0.0";
  options.refused = [&](unsigned status, std::string_view rule) { refused.push_back(std::to_string(status) + " " + std::string(rule)); };
  options.trusted_proxy = others ? outward : "192.0.2.255";  // what connects to an address of this machine comes from that address
  {
    Echo echo(options);
    if (others) {
      EXPECT_EQ(HttpClient(echo.url("http", outward)).get("/").status, 200u);
    }
    EXPECT_EQ(HttpClient(echo.url("http", "127.0.0.1")).get("/").status, 200u);
  }
  EXPECT_TRUE(refused.empty());
  options.trusted_proxy = "192.0.2.255";
  {
    Echo echo(options);
    if (others) {
      EXPECT_THROW(HttpClient(echo.url("http", outward)).get("/"), Unreachable);
    }
    EXPECT_EQ(HttpClient(echo.url("http", "127.0.0.1")).get("/").status, 200u);
  }
  EXPECT_EQ(refused, std::vector<std::string>(others ? 1 : 0, "0 trusted-proxy"));
}

}  // namespace
}  // namespace vtq
