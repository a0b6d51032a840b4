// Certificates that a test makes for itself, without files of its own in the repository.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace vtq::test {

/// A key on the curve P-256, and the certificate that it signs itself.
class SelfSigned {
 public:
  /// `names`: as in OpenSSL's subjectAltName. Both times in seconds from now.
  explicit SelfSigned(const std::string& names = "DNS:localhost,IP:127.0.0.1", long begins_s = -60, long ends_s = 86'400)
      : key_(EVP_EC_gen("P-256"), EVP_PKEY_free), certificate_(X509_new(), X509_free) {
    static int serial = 0;
    X509* made = certificate_.get();
    X509_set_version(made, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(made), begins_s);
    X509_gmtime_adj(X509_getm_notAfter(made), ends_s);
    X509_set_pubkey(made, key_.get());
    X509_NAME* name = X509_get_subject_name(made);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
    X509_set_issuer_name(made, name);
    add(NID_subject_alt_name, names);
    add(NID_basic_constraints, "critical,CA:TRUE");
    if (X509_sign(made, key_.get(), EVP_sha256()) == 0) throw std::runtime_error("no certificate could be made");
  }

  std::string certificate() const {
    return text([this](BIO* out) { PEM_write_bio_X509(out, certificate_.get()); });
  }
  std::string key() const {
    return text([this](BIO* out) { PEM_write_bio_PrivateKey(out, key_.get(), nullptr, nullptr, 0, nullptr, nullptr); });
  }

 private:
  void add(int what, const std::string& value) {
    std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension(X509V3_EXT_conf_nid(nullptr, nullptr, what, value.c_str()),
                                                                              X509_EXTENSION_free);
    X509_add_ext(certificate_.get(), extension.get(), -1);
  }
  template <class Write>
  static std::string text(Write write) {
    std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
    write(out.get());
    char* begin = nullptr;
    long size = BIO_get_mem_data(out.get(), &begin);
    return {begin, static_cast<std::size_t>(size)};
  }

  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
  std::unique_ptr<X509, decltype(&X509_free)> certificate_;
};

}  // namespace vtq::test
