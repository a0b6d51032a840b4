#include "daemon/sign_in/key_set.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <sodium.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace vtq {
namespace {

constexpr std::size_t kKeysMax = 64;
constexpr int kRsaBitsMin = 2048, kRsaBitsMax = 8192;
constexpr std::size_t kEcBytes = 32;

template <class Of, void (*free_it)(Of*)>
struct Freed {
  void operator()(Of* one) const { free_it(one); }
};
using Number = std::unique_ptr<BIGNUM, Freed<BIGNUM, ::BN_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Freed<OSSL_PARAM_BLD, ::OSSL_PARAM_BLD_free>>;
using Parameters = std::unique_ptr<OSSL_PARAM, Freed<OSSL_PARAM, ::OSSL_PARAM_free>>;
using Context = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX, ::EVP_PKEY_CTX_free>>;
using Digest = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX, ::EVP_MD_CTX_free>>;
using Pair = std::unique_ptr<ECDSA_SIG, Freed<ECDSA_SIG, ::ECDSA_SIG_free>>;
using PublicKey = std::shared_ptr<EVP_PKEY>;

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
Number number_of(std::string_view text) { return Number(::BN_bin2bn(bytes_of(text), static_cast<int>(text.size()), nullptr)); }

PublicKey built(const char* kind, OSSL_PARAM_BLD* builder) {
  Parameters parameters(::OSSL_PARAM_BLD_to_param(builder));
  Context context(::EVP_PKEY_CTX_new_from_name(nullptr, kind, nullptr));
  EVP_PKEY* made = nullptr;
  if (!parameters || !context || ::EVP_PKEY_fromdata_init(context.get()) != 1 ||
      ::EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1)
    return nullptr;
  return PublicKey(made, ::EVP_PKEY_free);
}

PublicKey rsa_key(const std::string& modulus, const std::string& exponent) {
  if (modulus.size() > kRsaBitsMax / 8 + 1 || exponent.size() > 8) return nullptr;
  Number n = number_of(modulus), e = number_of(exponent);
  Builder builder(::OSSL_PARAM_BLD_new());
  if (!n || !e || !builder || !::BN_is_odd(e.get()) || ::BN_is_one(e.get())) return nullptr;
  if (::BN_num_bits(n.get()) < kRsaBitsMin || ::BN_num_bits(n.get()) > kRsaBitsMax) return nullptr;
  if (::OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      ::OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
    return nullptr;
  return built("RSA", builder.get());
}

PublicKey p256_key(const std::string& x, const std::string& y) {
  if (x.size() != kEcBytes || y.size() != kEcBytes) return nullptr;
  const std::string point = "\x04" + x + y;
  Builder builder(::OSSL_PARAM_BLD_new());
  if (!builder || ::OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) != 1 ||
      ::OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1)
    return nullptr;
  return built("EC", builder.get());
}

PublicKey ed25519_key(const std::string& x) {
  if (x.size() != kEcBytes) return nullptr;
  return PublicKey(::EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(x), x.size()), ::EVP_PKEY_free);
}

bool verified(EVP_PKEY* key, std::string_view algorithm, std::string_view text, std::string_view signature) {
  Digest digest(::EVP_MD_CTX_new());
  EVP_PKEY_CTX* context = nullptr;
  const EVP_MD* hash = algorithm == "EdDSA" ? nullptr : ::EVP_sha256();
  if (!digest || ::EVP_DigestVerifyInit(digest.get(), &context, hash, nullptr, key) != 1) return false;
  if (algorithm == "PS256" &&
      (::EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) != 1 ||
       ::EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) != 1 || ::EVP_PKEY_CTX_set_rsa_mgf1_md(context, ::EVP_sha256()) != 1))
    return false;
  std::string der;
  if (algorithm == "ES256") {
    // Both numbers, one after the other (RFC 7518, 3.4); OpenSSL wants them in ASN.1.
    if (signature.size() != 2 * kEcBytes) return false;
    Pair pair(::ECDSA_SIG_new());
    Number r = number_of(signature.substr(0, kEcBytes)), s = number_of(signature.substr(kEcBytes));
    if (!pair || !r || !s || ::ECDSA_SIG_set0(pair.get(), r.get(), s.get()) != 1) return false;
    (void)r.release();
    (void)s.release();
    unsigned char* out = nullptr;
    int size = ::i2d_ECDSA_SIG(pair.get(), &out);
    if (size <= 0) return false;
    der.assign(reinterpret_cast<char*>(out), static_cast<std::size_t>(size));
    ::OPENSSL_free(out);
    signature = der;
  }
  return ::EVP_DigestVerify(digest.get(), bytes_of(signature), signature.size(), bytes_of(text), text.size()) == 1;
}

/// A member that is a text; empty: it is none.
std::string text_in(const nlohmann::json& object, const char* name) {
  auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

bool is_known_algorithm(std::string_view name) { return name == "RS256" || name == "PS256" || name == "ES256" || name == "EdDSA"; }

std::optional<std::string> base64url_decoded(std::string_view text) {
  std::string bytes(text.size() / 4 * 3 + 3, '\0');
  std::size_t size = 0;
  const char* end = nullptr;
  if (::sodium_base642bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), text.data(), text.size(), nullptr, &size, &end,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
      end != text.data() + text.size())
    return std::nullopt;
  bytes.resize(size);
  return bytes;
}

std::string base64url(std::string_view bytes) {
  std::string text(sodium_base64_ENCODED_LEN(bytes.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING), '\0');
  ::sodium_bin2base64(text.data(), text.size(), bytes_of(bytes), bytes.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  text.pop_back();
  return text;
}

std::optional<KeySet> KeySet::read(std::string_view document) {
  auto json = nlohmann::json::parse(document, nullptr, false);
  if (!json.is_object() || !json.contains("keys") || !json["keys"].is_array()) return std::nullopt;
  KeySet set;
  for (const auto& one : json["keys"]) {
    if (!one.is_object() || set.keys_.size() == kKeysMax) continue;
    if (std::string use = text_in(one, "use"); !use.empty() && use != "sig") continue;
    auto part = [&](const char* name) { return base64url_decoded(text_in(one, name)).value_or(std::string()); };
    const std::string type = text_in(one, "kty"), curve = text_in(one, "crv");
    Key key{.name = text_in(one, "kid"), .algorithm = text_in(one, "alg"), .kind = Kind::rsa, .key = nullptr};
    if (type == "RSA") {
      key.key = rsa_key(part("n"), part("e"));
    } else if (type == "EC" && curve == "P-256") {
      key.kind = Kind::p256;
      key.key = p256_key(part("x"), part("y"));
    } else if (type == "OKP" && curve == "Ed25519") {
      key.kind = Kind::ed25519;
      key.key = ed25519_key(part("x"));
    }
    if (key.key) set.keys_.push_back(std::move(key));
  }
  ::ERR_clear_error();
  return set;
}

bool KeySet::fits(const Key& key, std::string_view algorithm) {
  if (!key.algorithm.empty() && key.algorithm != algorithm) return false;
  switch (key.kind) {
    case Kind::rsa:
      return algorithm == "RS256" || algorithm == "PS256";
    case Kind::p256:
      return algorithm == "ES256";
    case Kind::ed25519:
      return algorithm == "EdDSA";
  }
  return false;
}

KeySet::Signed KeySet::look(std::string_view algorithm, std::string_view name, std::string_view text, std::string_view signature) const {
  const Key* found = nullptr;
  std::size_t count = 0;
  for (const Key& key : keys_) {
    if ((!name.empty() && key.name != name) || !fits(key, algorithm)) continue;
    found = &key;
    ++count;
  }
  if (count == 0) return Signed::unknown_key;
  if (count > 1) return Signed::no;  // nobody can say which is meant
  const bool good = verified(found->key.get(), algorithm, text, signature);
  ::ERR_clear_error();  // what the library noted of it is nothing to whoever uses this thread next
  return good ? Signed::yes : Signed::no;
}

}  // namespace vtq
