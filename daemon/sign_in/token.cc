#include "daemon/sign_in/token.h"

#include <algorithm>

#include "daemon/access/access_secret.h"
#include "daemon/sign_in/key_set.h"

namespace vtq {
namespace {

constexpr std::size_t kTokenBytesMax = 16u << 10;
constexpr double kSkewSeconds = 60, kFreshSeconds = 600, kLatestSeconds = 1e11;
constexpr std::size_t kSubjectMax = 255;

Rejection wrong(std::string field, std::string rule, std::string message) { return {std::move(field), std::move(rule), "", std::move(message)}; }

/// Seconds since 1970. Nothing: no number, or none of a time.
std::optional<double> time_in(const nlohmann::json& claims, const char* name) {
  auto found = claims.find(name);
  if (found == claims.end() || !found->is_number()) return std::nullopt;
  double value = found->get<double>();
  if (!(value >= 0 && value <= kLatestSeconds)) return std::nullopt;
  return value;
}

}  // namespace

std::string text_of_claim(const nlohmann::json& claims, const char* name) {
  auto found = claims.find(name);
  return found != claims.end() && found->is_string() ? found->get<std::string>() : std::string();
}

const nlohmann::json* claim_of(const nlohmann::json& claims, const std::string& name) {
  if (auto whole = claims.find(name); whole != claims.end()) return &*whole;
  const nlohmann::json* at = &claims;
  for (std::size_t begin = 0; begin <= name.size();) {
    std::size_t end = std::min(name.find('.', begin), name.size());
    if (!at->is_object()) return nullptr;
    auto next = at->find(name.substr(begin, end - begin));
    if (next == at->end()) return nullptr;
    at = &*next;
    begin = end + 1;
  }
  return at;
}

Result<Token> read_token(std::string_view text) {
  const Rejection no_token = wrong("token", "token-form", "This is no signed token of three parts.");
  auto first = text.find('.'), second = first == text.npos ? text.npos : text.find('.', first + 1);
  if (text.size() > kTokenBytesMax || second == text.npos || text.find('.', second + 1) != text.npos) return no_token;
  auto head = base64url_decoded(text.substr(0, first)), body = base64url_decoded(text.substr(first + 1, second - first - 1)),
       signature = base64url_decoded(text.substr(second + 1));
  if (!head || !body || !signature) return no_token;
  auto header = nlohmann::json::parse(*head, nullptr, false), claims = nlohmann::json::parse(*body, nullptr, false);
  if (!header.is_object() || !claims.is_object()) return no_token;
  Token token{.algorithm = text_of_claim(header, "alg"),
              .key = text_of_claim(header, "kid"),
              .claims = std::move(claims),
              .signed_text = std::string(text.substr(0, second)),
              .signature = std::move(*signature)};
  if (!is_known_algorithm(token.algorithm))
    return wrong("token", "token-algorithm", "A token is signed with RS256, PS256, ES256 or EdDSA; set the issuer to one of them.");
  if (header.contains("crit")) return wrong("token", "token-critical", "The token asks for something that is not known here.");
  return token;
}

std::optional<Rejection> fault_of(const nlohmann::json& claims, const TokenWanted& wanted, TimeMs now_ms) {
  const double now = static_cast<double>(now_ms) / 1000;
  if (text_of_claim(claims, "iss") != wanted.issuer || wanted.issuer.empty()) return wrong("iss", "token-issuer", "The token is another issuer's.");
  auto audience = claims.find("aud");
  bool named = false, others = false;
  if (audience != claims.end() && audience->is_string()) named = audience->get<std::string>() == wanted.audience;
  if (audience != claims.end() && audience->is_array()) {
    for (const auto& one : *audience) named = named || (one.is_string() && one.get<std::string>() == wanted.audience);
    others = audience->size() > 1;
  }
  if (!named || wanted.audience.empty()) return wrong("aud", "token-audience", "The token is for somebody else.");
  if (wanted.of_person) {
    bool has_party = claims.contains("azp");
    if ((others || has_party) && text_of_claim(claims, "azp") != wanted.audience)
      return wrong("azp", "token-party", "The token was given to somebody else.");
  }
  auto expires = time_in(claims, "exp"), issued = time_in(claims, "iat"), begins = time_in(claims, "nbf");
  if (!expires) return wrong("exp", "token-form", "The token does not say when it ends.");
  if (now >= *expires + kSkewSeconds) return wrong("exp", "token-expired", "The token has ended.");
  if ((claims.contains("nbf") && !begins) || (claims.contains("iat") && !issued)) return wrong("nbf", "token-form", "The token's times are none.");
  if (begins && *begins > now + kSkewSeconds) return wrong("nbf", "token-early", "The token has not begun; put the clocks of both sides right.");
  if (issued && *issued > now + kSkewSeconds)
    return wrong("iat", "token-early", "The token was issued in the future; put the clocks of both sides right.");
  if (wanted.of_person) {
    if (!issued) return wrong("iat", "token-form", "The token does not say when it was issued.");
    if (*issued < now - kFreshSeconds) return wrong("iat", "token-expired", "The token was issued more than ten minutes ago.");
    if (wanted.nonce.empty() || !same_secret(text_of_claim(claims, "nonce"), wanted.nonce))
      return wrong("nonce", "token-nonce", "The token was made for another sign-in.");
  }
  std::string subject = text_of_claim(claims, "sub");
  if (subject.empty() || subject.size() > kSubjectMax) return wrong("sub", "token-subject", "The token does not say of whom it is.");
  return std::nullopt;
}

}  // namespace vtq
