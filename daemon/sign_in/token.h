// A signed token (JWT, RFC 7519) of an issuer: its form, and what it must say. Pure; any thread.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/base/result.h"
#include "pipeline/base/uk_time.h"

namespace vtq {

struct Token {
  std::string algorithm, key;
  nlohmann::json claims;  ///< an object; to be believed once the signature is verified
  std::string signed_text, signature;
};

/// Rules: `token-form` (no JWT of three parts and 16 KiB at most), `token-algorithm` (none, a shared secret's, or one that is not known),
/// `token-critical` (it asks for what is not known).
Result<Token> read_token(std::string_view text);

/// What its claims are held against.
struct TokenWanted {
  std::string issuer;      ///< as the issuer's own description has it
  std::string audience;    ///< for whom it must be
  bool of_person = false;  ///< an ID token: `azp` and `nonce` are looked at, and `iat` must be of the last ten minutes
  std::string nonce = {};
};

/// Why it is not good at `now`; nothing: it is. Clocks may differ by 60 seconds. Rules: `token-issuer`, `token-audience`, `token-party`,
/// `token-expired`, `token-early`, `token-nonce`, `token-subject`, `token-form`.
std::optional<Rejection> fault_of(const nlohmann::json& claims, const TokenWanted& wanted, TimeMs now);

/// The claim of this name, or where there is none the one that a path with dots leads to (`realm_access.roles`). Null: there is none.
const nlohmann::json* claim_of(const nlohmann::json& claims, const std::string& name);
/// A text among the members; empty: none.
std::string text_of_claim(const nlohmann::json& claims, const char* name);

}  // namespace vtq
