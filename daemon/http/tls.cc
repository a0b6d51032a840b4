#include "daemon/http/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <boost/asio/ssl/context.hpp>
#include <ctime>
#include <fstream>
#include <optional>

namespace vtq {
namespace {

namespace ssl = boost::asio::ssl;
using Code = boost::system::error_code;

constexpr std::string_view kCertificateSetting = "http.tls_certificate_file", kKeySetting = "http.tls_key_file";
constexpr std::size_t kFileBytesMax = 1u << 20;
constexpr const char* kSuites =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

struct Freed {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(BIGNUM* number) const { BN_free(number); }
};

/// What OpenSSL complained of last, in its words.
std::string complaint() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return reason ? reason : "nothing is there that can be read";
}

std::optional<std::string> read_file(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0 || !S_ISREG(found.st_mode) || static_cast<std::size_t>(found.st_size) > kFileBytesMax) return std::nullopt;
  std::ifstream in(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  return in.bad() || !in.is_open() ? std::nullopt : std::optional(std::move(text));
}

std::string text_of(std::string_view setting, const std::string& path) {
  if (auto text = read_file(path)) return *text;
  throw TlsFault(std::string(setting), "file-readable", path,
                 std::string(setting) + ": " + path + " cannot be read; check the path, and that the user that runs resultsd may read it.");
}

/// Nothing asks for a password: there is nobody at a terminal.
int no_password(char*, int, int, void*) { return -1; }

std::int64_t seconds_of(const ASN1_TIME* time) {
  std::tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? static_cast<std::int64_t>(::timegm(&parts)) : 0;
}

std::string utc(std::int64_t seconds) {
  std::time_t time = seconds;
  std::tm parts{};
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", ::gmtime_r(&time, &parts))};
}

/// `http/1.1`, where it is offered; a client that offers only others is told that there is none.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in, unsigned in_size, void*) {
  static constexpr unsigned char kOurs[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kOurs, sizeof kOurs, in, in_size) != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

void keep_modern(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_cipher_list(context, kSuites);
}

}  // namespace

TlsCertificate::TlsCertificate(TlsFiles files) : files_(std::move(files)), seen_(look()), read_(seen_), loaded_(load()) {}

TlsCertificate::Signs TlsCertificate::look() const {
  auto sign = [](const std::string& path) -> Sign {
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0) return {};
    return {std::int64_t{found.st_ctim.tv_sec} * 1'000'000'000 + found.st_ctim.tv_nsec, found.st_size, found.st_ino};
  };
  return {sign(files_.certificate), sign(files_.key)};
}

bool TlsCertificate::renew(bool at_once) {
  Signs now = look();
  bool stands_still = now == std::exchange(seen_, now);
  if (!at_once && ((now == read_ && fault_.empty()) || !stands_still)) return false;
  bool changed = read_ != now;
  read_ = now;
  Loaded fresh;
  try {
    fresh = load();
  } catch (const TlsFault& fault) {
    // What is wrong may go away by itself: it is tried again, and said once.
    std::string before = std::exchange(fault_, fault.rule + " " + fault.value);
    if (before == fault_ && !changed && !at_once) return false;
    throw;
  }
  fault_.clear();
  std::lock_guard lock(mutex_);
  loaded_ = std::move(fresh);
  return true;
}

TlsCertificate::Loaded TlsCertificate::load() const {
  std::string certificate = text_of(kCertificateSetting, files_.certificate), key = text_of(kKeySetting, files_.key);
  Loaded made{.context = std::make_shared<ssl::context>(ssl::context::tls_server)};
  SSL_CTX* native = made.context->native_handle();
  keep_modern(native);
  SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(native, choose_protocol, nullptr);

  Code code;
  ERR_clear_error();
  if (made.context->use_certificate_chain(boost::asio::buffer(certificate), code)) {
    ERR_clear_error();
    throw TlsFault(std::string(kCertificateSetting), "certificate-form", files_.certificate,
                   std::string(kCertificateSetting) + ": " + files_.certificate + " holds no certificate that can be used (" + code.message() +
                       "); give PEM, the server's certificate first, then those between it and its authority.");
  }
  X509* shown = SSL_CTX_get0_certificate(native);
  made.ends_s = seconds_of(X509_get0_notAfter(shown));
  std::int64_t begins_s = seconds_of(X509_get0_notBefore(shown));
  bool ended = X509_cmp_current_time(X509_get0_notAfter(shown)) < 0;
  if (ended || X509_cmp_current_time(X509_get0_notBefore(shown)) > 0)
    throw TlsFault(
        std::string(kCertificateSetting), "certificate-time", utc(ended ? made.ends_s : begins_s),
        std::string(kCertificateSetting) + ": the certificate in " + files_.certificate +
            (ended ? " ended at " + utc(made.ends_s) + "; put a new one there." : " begins at " + utc(begins_s) + "; put there one that holds now.") +
            " If it should hold, look at the machine's clock.");

  STACK_OF(X509)* between = nullptr;
  SSL_CTX_get0_chain_certs(native, &between);
  for (int at = 0; between && at < sk_X509_num(between); ++at) {
    X509* one = sk_X509_value(between, at);
    X509* below = at == 0 ? shown : sk_X509_value(between, at - 1);
    bool holds = X509_cmp_current_time(X509_get0_notAfter(one)) > 0 && X509_cmp_current_time(X509_get0_notBefore(one)) < 0;
    if (holds && X509_check_issued(one, below) == X509_V_OK) continue;
    ERR_clear_error();
    throw TlsFault(std::string(kCertificateSetting), "certificate-chain", "certificate " + std::to_string(at + 2),
                   std::string(kCertificateSetting) + ": certificate " + std::to_string(at + 2) + " in " + files_.certificate +
                       (holds ? " did not sign the one before it" : " does not hold at this time") +
                       "; after the server's own give those between it and its authority, each after the one that it signed.");
  }

  std::unique_ptr<BIO, Freed> bio(BIO_new_mem_buf(key.data(), static_cast<int>(key.size())));
  std::unique_ptr<EVP_PKEY, Freed> secret(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
  OPENSSL_cleanse(key.data(), key.size());
  if (!secret)
    throw TlsFault(
        std::string(kKeySetting), "key-form", files_.key,
        std::string(kKeySetting) + ": " + files_.key + " holds no private key that can be used (" + complaint() + "); give PEM, without a password.");
  if (X509_check_private_key(shown, secret.get()) != 1 || SSL_CTX_use_PrivateKey(native, secret.get()) != 1) {
    ERR_clear_error();
    throw TlsFault(std::string(kKeySetting), "key-fits", files_.key,
                   std::string(kKeySetting) + ": the key in " + files_.key + " is not that of the certificate in " + files_.certificate +
                       "; put there the two that were made together.");
  }
  std::unique_ptr<BIGNUM, Freed> number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(shown), nullptr));
  char* digits = number ? BN_bn2hex(number.get()) : nullptr;
  made.serial = digits ? digits : "";
  OPENSSL_free(digits);
  return made;
}

TlsContext TlsCertificate::context() const {
  std::lock_guard lock(mutex_);
  return loaded_.context;
}

std::int64_t TlsCertificate::ends_s() const {
  std::lock_guard lock(mutex_);
  return loaded_.ends_s;
}

std::string TlsCertificate::serial() const {
  std::lock_guard lock(mutex_);
  return loaded_.serial;
}

TlsContext trust_of(const std::string& ca_file) {
  auto made = std::make_shared<ssl::context>(ssl::context::tls_client);
  keep_modern(made->native_handle());
  made->set_verify_mode(ssl::verify_peer);
  Code code;
  if (ca_file.empty())
    made->set_default_verify_paths(code);
  else
    made->load_verify_file(ca_file, code);
  ERR_clear_error();
  if (code && !ca_file.empty())
    throw std::invalid_argument("The file of trusted authorities, " + ca_file + ", cannot be used (" + code.message() +
                                "): give the path of a file that holds their certificates in PEM.");
  return made;
}

}  // namespace vtq
