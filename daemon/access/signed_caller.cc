#include "daemon/access/signed_caller.h"

#include <nlohmann/json.hpp>

namespace vtq {
namespace {

constexpr TimeMs kFreshMs = 60'000;

std::string signed_text(std::string_view claims, const SignedRequest& request) {
  return std::string(claims) + "\n" + std::string(request.method) + "\n" + std::string(request.target) + "\n" + std::string(request.host);
}

Rejection not_signed() {
  return {std::string(kCallerHeader), "caller-signed", "",
          "This is not signed with the access secret of this service; give all instances and the operator the same access.secret_file."};
}

std::string hex_text(std::string_view text) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (char c : text) {
    hex += kDigits[static_cast<unsigned char>(c) >> 4];
    hex += kDigits[c & 15];
  }
  return hex;
}

std::optional<std::string> text_of_hex(std::string_view hex) {
  auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
  std::string text;
  for (std::size_t at = 0; at < hex.size(); at += 2) {
    int high = digit(hex[at]), low = at + 1 < hex.size() ? digit(hex[at + 1]) : -1;
    if (high < 0 || low < 0) return std::nullopt;
    text += static_cast<char>(high << 4 | low);
  }
  return text;
}

}  // namespace

std::string sign_caller(const Caller& caller, const SignedRequest& request, std::string_view body, TimeMs now, const AccessSecret& secret) {
  auto roles = nlohmann::json::array(), organisations = nlohmann::json::array(), centres = nlohmann::json::array();
  for (AccessRole role : kAccessRoles)
    if (caller.roles.has(role)) roles.push_back(text_of(role));
  for (AwardingOrganisationId id : caller.bound.awarding_organisations) organisations.push_back(text_of(id));
  for (CentreId id : caller.bound.centres) centres.push_back(text_of(id));
  std::string claims = nlohmann::json{
      {"name", caller.name},
      {"roles", std::move(roles)},
      {"everywhere", caller.bound.everywhere},
      {"awardingOrganisations", std::move(organisations)},
      {"centres", std::move(centres)},
      {"key", caller.key},
      {"person", caller.person},
      {"makesKeys", caller.makes_keys},
      {"body", hash_hex(body)},
      {"at", now},
      {"once",
       random_hex(8)}}.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return hex_text(claims) + "." + secret.seal(signed_text(claims, request));
}

Result<SignedCaller> read_signed_caller(std::string_view header, const SignedRequest& request, TimeMs now, const AccessSecret& secret) {
  auto dot = header.find('.');
  if (dot == header.npos) return not_signed();
  auto claims = text_of_hex(header.substr(0, dot));
  if (!claims || !secret.sealed(signed_text(*claims, request), header.substr(dot + 1))) return not_signed();
  // From here on it is what a holder of the secret wrote, perhaps of another version.
  try {
    auto json = nlohmann::json::parse(*claims);
    const TimeMs at = json.at("at").get<TimeMs>();
    if (at < now - kFreshMs || at > now + kFreshMs)
      return Rejection{std::string(kCallerHeader), "caller-fresh", at < kEarliestEventMs || at > kLatestEventMs ? "" : utc_text(at),
                       "This was signed more than a minute from this server's time; put the clocks of both machines right."};
    SignedCaller read{.caller = {.name = json.at("name").get<std::string>(),
                                 .roles = {},
                                 .bound = {.everywhere = json.at("everywhere").get<bool>()},
                                 .key = json.at("key").get<std::string>(),
                                 .person = json.value("person", std::string()),
                                 .makes_keys = json.at("makesKeys").get<bool>()},
                      .body_hash = json.at("body").get<std::string>(),
                      .once = json.at("once").get<std::string>(),
                      .at_ms = at};
    for (const auto& role : json.at("roles"))
      if (auto known = parse_access_role(role.get<std::string>())) read.caller.roles.add(*known);
    for (const auto& text : json.at("awardingOrganisations"))
      if (auto id = parse_awarding_organisation(text.get<std::string>())) read.caller.bound.awarding_organisations.push_back(*id);
    for (const auto& text : json.at("centres"))
      if (auto id = parse_centre(text.get<std::string>())) read.caller.bound.centres.push_back(*id);
    return read;
  } catch (const nlohmann::json::exception&) {
    return not_signed();
  }
}

}  // namespace vtq
