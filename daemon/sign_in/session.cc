#include "daemon/sign_in/session.h"

#include <sodium.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "daemon/access/access_secret.h"
#include "daemon/sign_in/key_set.h"
#include "pipeline/base/sha256.h"

namespace vtq {
namespace {

constexpr std::size_t kKeyBytes = crypto_aead_xchacha20poly1305_ietf_KEYBYTES;
constexpr std::size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr std::size_t kCookieBytesMax = 8u << 10;
constexpr TimeMs kAheadMs = 2 * 60'000, kWayMs = 10 * 60'000;
constexpr char kCsrf = 'c';

char letter_of(SessionKeys::Purpose purpose) { return purpose == SessionKeys::Purpose::session ? 's' : 'w'; }
unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

}  // namespace

SessionKeys::SessionKeys(std::vector<std::string> secrets) : secrets_(std::move(secrets)) {}

SessionKeys SessionKeys::passing() {
  std::string random(kKeyBytes, '\0');
  (void)random_hex(1);  // starts the library
  ::randombytes_buf(random.data(), random.size());
  return SessionKeys({std::move(random)});
}

std::string SessionKeys::derived(const std::string& secret, char purpose) const {
  const std::string text = std::string("resultsd sign-in ") + purpose;
  std::string key(kKeyBytes, '\0');
  ::crypto_generichash(bytes_of(key), key.size(), bytes_of(std::string_view(text)), text.size(), bytes_of(std::string_view(secret)), secret.size());
  return key;
}

std::string SessionKeys::sealed(Purpose purpose, std::string_view plain) const {
  std::string text(kNonceBytes + plain.size() + kTagBytes, '\0');
  const std::string key = derived(secrets_.front(), letter_of(purpose));
  ::randombytes_buf(text.data(), kNonceBytes);
  ::crypto_aead_xchacha20poly1305_ietf_encrypt(bytes_of(text) + kNonceBytes, nullptr, bytes_of(plain), plain.size(), nullptr, 0, nullptr,
                                               bytes_of(text), bytes_of(std::string_view(key)));
  return base64url(text);
}

std::optional<std::string> SessionKeys::opened(Purpose purpose, std::string_view text) const {
  if (text.size() > kCookieBytesMax) return std::nullopt;
  auto bytes = base64url_decoded(text);
  if (!bytes || bytes->size() < kNonceBytes + kTagBytes) return std::nullopt;
  for (const std::string& secret : secrets_) {
    const std::string key = derived(secret, letter_of(purpose));
    std::string plain(bytes->size() - kNonceBytes - kTagBytes, '\0');
    if (::crypto_aead_xchacha20poly1305_ietf_decrypt(bytes_of(plain), nullptr, nullptr, bytes_of(*bytes) + kNonceBytes, bytes->size() - kNonceBytes,
                                                     nullptr, 0, bytes_of(*bytes), bytes_of(std::string_view(key))) == 0)
      return plain;
  }
  return std::nullopt;
}

std::string SessionKeys::csrf_token(std::string_view session) const {
  const std::string key = derived(secrets_.front(), kCsrf);
  std::string mac(crypto_auth_hmacsha256_BYTES, '\0');
  ::crypto_auth_hmacsha256(bytes_of(mac), bytes_of(session), session.size(), bytes_of(std::string_view(key)));
  return base64url(mac);
}

bool SessionKeys::is_csrf_token(std::string_view session, std::string_view token) const {
  bool found = false;
  for (const std::string& secret : secrets_) found = same_secret(SessionKeys({secret}).csrf_token(session), token) || found;
  return found;
}

bool Session::good_at(TimeMs now, const SessionLimits& limits) const {
  return begun_ms <= now + kAheadMs && seen_ms <= now + kAheadMs && now < ends_ms(limits);
}

std::string text_of(const Session& session, const SessionKeys& keys) {
  auto roles = nlohmann::json::array(), organisations = nlohmann::json::array(), centres = nlohmann::json::array();
  for (AccessRole role : kAccessRoles)
    if (session.roles.has(role)) roles.push_back(text_of(role));
  for (AwardingOrganisationId id : session.bound.awarding_organisations) organisations.push_back(text_of(id));
  for (CentreId id : session.bound.centres) centres.push_back(text_of(id));
  nlohmann::json json{{"i", session.id},         {"p", session.person},           {"n", session.name},
                      {"r", std::move(roles)},   {"e", session.bound.everywhere}, {"o", std::move(organisations)},
                      {"c", std::move(centres)}, {"b", session.begun_ms},         {"s", session.seen_ms}};
  return keys.sealed(SessionKeys::Purpose::session, json.dump());
}

std::optional<Session> read_session(std::string_view text, const SessionKeys& keys) {
  auto plain = keys.opened(SessionKeys::Purpose::session, text);
  if (!plain) return std::nullopt;
  // From here on it is what a holder of the keys wrote, perhaps of another version.
  try {
    auto json = nlohmann::json::parse(*plain);
    Session read{.id = json.at("i").get<std::string>(),
                 .person = json.at("p").get<std::string>(),
                 .name = json.at("n").get<std::string>(),
                 .bound = {.everywhere = json.at("e").get<bool>()},
                 .begun_ms = json.at("b").get<TimeMs>(),
                 .seen_ms = json.at("s").get<TimeMs>()};
    for (const auto& role : json.at("r"))
      if (auto known = parse_access_role(role.get<std::string>())) read.roles.add(*known);
    for (const auto& one : json.at("o"))
      if (auto id = parse_awarding_organisation(one.get<std::string>())) read.bound.awarding_organisations.push_back(*id);
    for (const auto& one : json.at("c"))
      if (auto id = parse_centre(one.get<std::string>())) read.bound.centres.push_back(*id);
    if (read.begun_ms < 0 || read.begun_ms > kLatestEventMs || read.seen_ms < 0 || read.seen_ms > kLatestEventMs) return std::nullopt;
    return read;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

SigningIn begin_signing_in(std::string next, TimeMs now) {
  constexpr std::size_t kRandomBytes = 32;
  return {.state = random_hex(kRandomBytes),
          .nonce = random_hex(kRandomBytes),
          .verifier = random_hex(kRandomBytes),
          .next = std::move(next),
          .begun_ms = now};
}

std::string text_of(const SigningIn& way, const SessionKeys& keys) {
  nlohmann::json json{{"s", way.state}, {"n", way.nonce}, {"v", way.verifier}, {"t", way.next}, {"b", way.begun_ms}};
  return keys.sealed(SessionKeys::Purpose::signing_in, json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

std::optional<SigningIn> read_signing_in(std::string_view text, const SessionKeys& keys, TimeMs now) {
  auto plain = keys.opened(SessionKeys::Purpose::signing_in, text);
  if (!plain) return std::nullopt;
  try {
    auto json = nlohmann::json::parse(*plain);
    SigningIn way{.state = json.at("s").get<std::string>(),
                  .nonce = json.at("n").get<std::string>(),
                  .verifier = json.at("v").get<std::string>(),
                  .next = json.at("t").get<std::string>(),
                  .begun_ms = json.at("b").get<TimeMs>()};
    if (way.begun_ms > now + kAheadMs || now >= way.begun_ms + kWayMs) return std::nullopt;
    return way;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

std::string challenge_of(std::string_view verifier) { return base64url(vtq::bytes_of(sha256(verifier))); }

std::optional<std::string> cookie_in(std::string_view header, std::string_view name) {
  std::optional<std::string> found;
  while (!header.empty()) {
    auto end = std::min(header.find(';'), header.size());
    std::string_view one = header.substr(0, end);
    header.remove_prefix(std::min(end + 1, header.size()));
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    auto equals = one.find('=');
    if (equals == one.npos || one.substr(0, equals) != name) continue;
    if (found) return std::nullopt;
    found = one.substr(equals + 1);
  }
  return found;
}

std::string person_of(std::string_view issuer, std::string_view subject) {
  return hash_hex("person\n" + std::string(issuer) + "\n" + std::string(subject));
}

}  // namespace vtq
