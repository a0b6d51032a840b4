// The keys with which an issuer signs (RFC 7517), and whether one of them signed a text: RS256, PS256, ES256, EdDSA (Ed25519). Pure; any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct evp_pkey_st;

namespace vtq {

/// Whether it is one of the four; `none` and what is signed with a shared secret are not.
bool is_known_algorithm(std::string_view name);

class KeySet {
 public:
  enum class Signed {
    yes,
    no,           ///< by none of its keys
    unknown_key,  ///< by a key that is not among them
  };

  /// Of a JWKS document; keys of other kinds are left out, and so are RSA keys of fewer than 2048 or more than 8192 bits. Nothing: it is none.
  static std::optional<KeySet> read(std::string_view document);

  /// `key`: the name of the key; empty: not said, and then there must be one alone that fits the algorithm.
  Signed look(std::string_view algorithm, std::string_view key, std::string_view text, std::string_view signature) const;
  std::size_t size() const { return keys_.size(); }

 private:
  enum class Kind { rsa, p256, ed25519 };
  struct Key {
    std::string name;
    std::string algorithm;  // empty: any that fits
    Kind kind;
    std::shared_ptr<evp_pkey_st> key;
  };
  static bool fits(const Key& key, std::string_view algorithm);

  std::vector<Key> keys_;
};

/// base64url without padding (RFC 7515). Nothing: it is none.
std::optional<std::string> base64url_decoded(std::string_view text);
std::string base64url(std::string_view bytes);

}  // namespace vtq
