#include "daemon/access/access_key.h"

#include <nlohmann/json.hpp>

#include "daemon/access/sealed_text.h"

namespace vtq {
namespace {

constexpr std::string_view kBegins = "vtq_";
constexpr std::size_t kIdDigits = 16, kSecretDigits = 64;
constexpr Day kDaysMost = 800;
constexpr std::size_t kNamedMost = 200, kNameMost = 64;

Rejection wrong(std::string field, std::string rule, std::string value, std::string message) {
  return {std::move(field), std::move(rule), std::move(value), std::move(message)};
}

/// Without what steers a terminal or turns the direction of text: control characters, marks of direction, spaces of no width. UTF-8.
bool is_plain_text(std::string_view text) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    auto byte = [&](std::size_t off) { return at + off < text.size() ? static_cast<unsigned char>(text[at + off]) : 0U; };
    if (byte(0) < 0x20 || byte(0) == 0x7f) return false;
    if (byte(0) == 0xc2 && byte(1) < 0xa0) return false;  // U+0080 to 009F
    if (byte(0) == 0xe2 && byte(1) == 0x80 && ((byte(2) >= 0x8b && byte(2) <= 0x8f) || (byte(2) >= 0xa8 && byte(2) <= 0xae))) return false;  // U+200B
    if (byte(0) == 0xe2 && byte(1) == 0x81 && byte(2) >= 0xa0 && byte(2) <= 0xaf) return false;  // U+2060 to 206F
  }
  return true;
}

/// As much of it as fits, cut between characters.
std::string cut(std::string_view text, std::size_t most) {
  if (text.size() <= most) return std::string(text);
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
  return std::string(text.substr(0, most));
}

/// The texts of a list; nothing: it is none.
std::optional<std::vector<std::string>> texts(const nlohmann::json& body, const char* name) {
  std::vector<std::string> found;
  auto list = body.value(name, nlohmann::json::array());
  if (!list.is_array()) return std::nullopt;
  for (const auto& one : list) {
    if (!one.is_string()) return std::nullopt;
    found.push_back(one.get<std::string>());
  }
  return found;
}

}  // namespace

Caller AccessKey::caller() const { return {.name = "key " + id + " (" + of.name + ")", .roles = of.roles, .bound = of.bound, .key = id}; }

Result<KeyWanted> read_key_wanted(std::string_view text, TimeMs now) {
  auto body = nlohmann::json::parse(text, nullptr, false);
  if (!body.is_object()) return wrong("", "json-form", "", "Send a JSON object with name, roles, what it is for, and expiresOn.");
  for (const auto& [name, value] : body.items())
    if (name != "name" && name != "roles" && name != "everywhere" && name != "awardingOrganisations" && name != "centres" && name != "expiresOn")
      return wrong(name, "json-form", "", "There is no such field; known are name, roles, everywhere, awardingOrganisations, centres and expiresOn.");
  KeyWanted wanted;
  if (!body.contains("name") || !body["name"].is_string() || body["name"].get<std::string>().empty() ||
      body["name"].get<std::string>().size() > kNameMost)
    return wrong("name", "text-length", "", "Say in 1 to 64 characters whose key it is.");
  wanted.name = body["name"].get<std::string>();
  if (!is_plain_text(wanted.name))
    return wrong("name", "text-plain", "", "Leave out line breaks, control characters and marks that turn the direction of text.");
  auto roles = texts(body, "roles"), organisations = texts(body, "awardingOrganisations"), centres = texts(body, "centres");
  if (!roles || !organisations || !centres) return wrong("roles", "json-form", "", "roles, awardingOrganisations and centres are lists of texts.");
  if (organisations->size() > kNamedMost || centres->size() > kNamedMost)
    return wrong(organisations->size() > kNamedMost ? "awardingOrganisations" : "centres", "list-count", "",
                 "Name at most " + std::to_string(kNamedMost) + "; for more make further keys.");
  for (const std::string& role : *roles) {
    auto known = parse_access_role(role);
    if (!known) return wrong("roles", "access-role", role, "Give operations, approver, publisher, centre, auditor or learner-details.");
    wanted.roles.add(*known);
  }
  if (wanted.roles.empty())
    return wrong("roles", "access-role", "", "Give at least one role: operations, approver, publisher, centre, auditor or learner-details.");
  for (const std::string& named : *organisations) {
    auto id = parse_awarding_organisation(named);
    if (!id) return wrong("awardingOrganisations", "awarding-organisation-form", named, "Give Ofqual recognition numbers, as RN5353.");
    wanted.bound.awarding_organisations.push_back(*id);
  }
  for (const std::string& named : *centres) {
    auto id = parse_centre(named);
    if (!id) return wrong("centres", "centre-form", named, "A national centre number has exactly 5 digits.");
    wanted.bound.centres.push_back(*id);
  }
  if (body.contains("everywhere") && !body["everywhere"].is_boolean()) return wrong("everywhere", "json-form", "", "Say true or false.");
  wanted.bound.everywhere = body.value("everywhere", false);
  if (wanted.roles == AccessRoles{AccessRole::learner_details})
    return wrong("roles", "access-role", "learner-details",
                 "This role shows who learners are where another role shows entries; give operations or approver with it.");
  const bool of_centre = wanted.roles.has(AccessRole::centre);
  if (of_centre && wanted.roles != AccessRoles{AccessRole::centre})
    return wrong("roles", "role-alone", "centre", "A centre's key has no other role; make another key for that.");
  int bounds = int{wanted.bound.everywhere} + int{!organisations->empty()} + int{!centres->empty()};
  if (of_centre && (bounds != 1 || centres->empty()))
    return wrong("centres", "bound-given", "", "Name the centres that this key is for, and nothing else.");
  if (!of_centre && (bounds != 1 || !centres->empty()))
    return wrong("awardingOrganisations", "bound-given", "", "Name the awarding organisations that this key is for, or say \"everywhere\": true.");
  wanted.expires_on = body.contains("expiresOn") && body["expiresOn"].is_string() ? body["expiresOn"].get<std::string>() : "";
  auto last = parse_date(wanted.expires_on);
  if (!last || *last < local_day(now) || *last > local_day(now) + kDaysMost)
    return wrong("expiresOn", "key-expiry", wanted.expires_on,
                 "Give the last day on which it is good as YYYY-MM-DD: today or later, and within " + std::to_string(kDaysMost) + " days.");
  return wanted;
}

std::pair<v1::AccessKeyMade, std::string> make_key(const KeyWanted& wanted, const std::string& made_by, const AccessSecret& secret) {
  v1::AccessKeyMade fact;
  std::string hidden = random_hex(kSecretDigits / 2);
  fact.set_key(random_hex(kIdDigits / 2));
  fact.set_name(wanted.name);
  fact.set_secret_hash(hash_hex(hidden));
  for (AccessRole role : kAccessRoles)
    if (wanted.roles.has(role)) fact.add_roles(std::string(text_of(role)));
  fact.set_everywhere(wanted.bound.everywhere);
  for (AwardingOrganisationId id : wanted.bound.awarding_organisations) fact.add_awarding_organisations(text_of(id));
  for (CentreId id : wanted.bound.centres) fact.add_centres(text_of(id));
  fact.set_expires_on(wanted.expires_on);
  fact.set_made_by(cut(made_by, kNameMost));
  fact.set_seal(secret.seal(sealed_text(fact)));
  std::string key = std::string(kBegins) + fact.key() + "_" + hidden;
  return {std::move(fact), std::move(key)};
}

v1::AccessKeyRevoked revoke_key(const std::string& id, const std::string& reason, const std::string& by, const AccessSecret& secret) {
  v1::AccessKeyRevoked fact;
  fact.set_key(id);
  fact.set_reason(reason);
  fact.set_revoked_by(cut(by, kNameMost));
  fact.set_seal(secret.seal(sealed_text(fact)));
  return fact;
}

std::optional<AccessKey> read_key(const v1::AccessKeyMade& fact, TimeMs made_ms, const AccessSecret& secret) {
  auto last = parse_date(fact.expires_on());
  if (!last || !secret.sealed(sealed_text(fact), fact.seal())) return std::nullopt;
  AccessKey key{.id = fact.key(),
                .of = {.name = fact.name(), .roles = {}, .bound = {.everywhere = fact.everywhere()}, .expires_on = fact.expires_on()},
                .secret_hash = fact.secret_hash(),
                .made_by = fact.made_by(),
                .made_ms = made_ms,
                .expires_ms = day_begins(*last + 1)};
  for (const std::string& role : fact.roles())
    if (auto known = parse_access_role(role)) key.of.roles.add(*known);
  for (const std::string& text : fact.awarding_organisations())
    if (auto id = parse_awarding_organisation(text)) key.of.bound.awarding_organisations.push_back(*id);
  for (const std::string& text : fact.centres())
    if (auto id = parse_centre(text)) key.of.bound.centres.push_back(*id);
  return key;
}

bool is_sealed(const v1::AccessKeyRevoked& fact, const AccessSecret& secret) { return secret.sealed(sealed_text(fact), fact.seal()); }

std::optional<std::pair<std::string, std::string>> parts_of_key(std::string_view text) {
  auto digits = [](std::string_view hex, std::size_t count) { return hex.size() == count && hex.find_first_not_of("0123456789abcdef") == hex.npos; };
  if (!text.starts_with(kBegins) || text.size() != kBegins.size() + kIdDigits + 1 + kSecretDigits) return std::nullopt;
  std::string_view id = text.substr(kBegins.size(), kIdDigits), hidden = text.substr(kBegins.size() + kIdDigits + 1);
  if (!digits(id, kIdDigits) || !digits(hidden, kSecretDigits) || text[kBegins.size() + kIdDigits] != '_') return std::nullopt;
  return std::pair{std::string(id), std::string(hidden)};
}

}  // namespace vtq
