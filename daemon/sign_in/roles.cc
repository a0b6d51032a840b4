#include "daemon/sign_in/roles.h"

#include <algorithm>
#include <map>

namespace vtq {
namespace {

constexpr std::size_t kNamedMost = 100;

std::string_view trimmed(std::string_view text) {
  auto begin = text.find_first_not_of(" \t");
  return begin == text.npos ? std::string_view() : text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// The parts between `mark`, without spaces around; empty ones are left out.
std::vector<std::string_view> parts(std::string_view text, char mark) {
  std::vector<std::string_view> found;
  while (!text.empty()) {
    auto end = std::min(text.find(mark), text.size());
    if (auto part = trimmed(text.substr(0, end)); !part.empty()) found.push_back(part);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return found;
}

[[noreturn]] void unusable(std::string_view part, const std::string& why) {
  throw SignInError("sign_in.roles: \"" + std::string(part) + "\": " + why);
}

Rejection no(std::string field, std::string rule, std::string message) { return {std::move(field), std::move(rule), "", std::move(message)}; }

/// A number, as text or not; empty: none.
std::string digits_in(const nlohmann::json& object, const char* name) {
  auto found = object.find(name);
  if (found == object.end()) return "";
  if (found->is_number_unsigned()) return std::to_string(found->get<std::uint64_t>());
  return found->is_string() ? std::string(trimmed(found->get<std::string>())) : "";
}

bool is_closed(const nlohmann::json& organisation) {
  auto status = organisation.find("status");
  if (status == organisation.end()) return false;
  auto says_so = [](std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text == "closed";
  };
  if (status->is_number()) return *status == nlohmann::json(2);
  if (status->is_string()) return says_so(status->get<std::string>());
  if (!status->is_object()) return false;
  // As DfE Sign-in numbers them: 1 open, 2 closed, 3 proposed to close, 4 proposed to open.
  return digits_in(*status, "id") == "2" || says_so(digits_in(*status, "name"));
}

void unite(Bound& into, const Bound& other) {
  into.everywhere = into.everywhere || other.everywhere;
  for (auto id : other.awarding_organisations)
    if (!into.has(id)) into.awarding_organisations.push_back(id);
  for (auto id : other.centres)
    if (!into.has(id)) into.centres.push_back(id);
  if (!into.everywhere) return;
  into.awarding_organisations.clear();
  into.centres.clear();
}

Bound common(const Bound& one, const Bound& other) {
  if (one.everywhere) return other;
  if (other.everywhere) return one;
  Bound both;
  for (auto id : one.awarding_organisations)
    if (other.has(id)) both.awarding_organisations.push_back(id);
  return both;
}

}  // namespace

std::vector<RoleGrant> read_role_grants(std::string_view setting) {
  std::vector<RoleGrant> grants;
  for (std::string_view part : parts(setting, ';')) {
    auto equals = part.rfind('=');
    if (equals == part.npos) unusable(part, "write VALUE = ROLE BOUND, as `ops-team = operations everywhere`.");
    RoleGrant grant{.value = std::string(trimmed(part.substr(0, equals)))};
    auto words = parts(part.substr(equals + 1), ' ');
    if (grant.value.empty() || words.empty()) unusable(part, "write VALUE = ROLE BOUND, as `ops-team = operations everywhere`.");
    auto role = parse_access_role(words.front());
    if (!role) unusable(part, "give operations, approver, publisher, centre, auditor or learner-details.");
    grant.role = *role;
    const bool of_centre = grant.role == AccessRole::centre;
    if (words.size() > kNamedMost + 1) unusable(part, "name at most " + std::to_string(kNamedMost) + ".");
    for (std::size_t at = 1; at < words.size(); ++at) {
      auto organisation = parse_awarding_organisation(words[at]);
      auto centre = parse_centre(words[at]);
      if (words[at] == "everywhere" && !of_centre)
        grant.bound.everywhere = true;
      else if (words[at] == "organisation" && of_centre)
        grant.of_organisation = true;
      else if (organisation && !of_centre)
        grant.bound.awarding_organisations.push_back(*organisation);
      else if (centre && of_centre)
        grant.bound.centres.push_back(*centre);
      else
        unusable(part,
                 of_centre ? "a centre's bound is `organisation`, or centre numbers." : "a bound is `everywhere`, or recognition numbers as RN5217.");
    }
    if (words.size() == 1)
      unusable(part, of_centre ? "say of which: `centre organisation`, or centre numbers." : "say of what: `everywhere`, or recognition numbers.");
    if (grant.bound.everywhere && !grant.bound.awarding_organisations.empty()) unusable(part, "say either `everywhere` or recognition numbers.");
    if (grant.of_organisation && !grant.bound.centres.empty()) unusable(part, "say either `organisation` or centre numbers.");
    grants.push_back(std::move(grant));
  }
  return grants;
}

std::vector<std::string> values_of_claim(const nlohmann::json* claim, std::string_view name) {
  std::vector<std::string> values;
  if (!claim) return values;
  if (claim->is_string()) {
    const std::string text = claim->get<std::string>();
    if (name != "scope") return {text};
    for (std::string_view word : parts(text, ' ')) values.emplace_back(word);
  }
  if (claim->is_array())
    for (const auto& one : *claim)
      if (one.is_string()) values.push_back(one.get<std::string>());
  return values;
}

Result<std::optional<Organisation>> read_organisation(const nlohmann::json* claim) {
  if (!claim || claim->is_null()) return std::optional<Organisation>();
  nlohmann::json inner;
  if (claim->is_string()) {
    if (trimmed(claim->get<std::string>()).empty()) return std::optional<Organisation>();
    inner = nlohmann::json::parse(claim->get<std::string>(), nullptr, false);
    claim = &inner;
    if (claim->is_null()) return std::optional<Organisation>();
  }
  if (!claim->is_object()) return no("organisation", "organisation-form", "What the sign-in provider says of your organisation cannot be read.");
  if (claim->empty()) return std::optional<Organisation>();
  return std::optional(
      Organisation{.id = digits_in(*claim, "id"), .urn = digits_in(*claim, "urn"), .ukprn = digits_in(*claim, "ukprn"), .closed = is_closed(*claim)});
}

Result<CentreId> centre_of(const Organisation& organisation, const std::vector<CentreNumbers>& centres) {
  auto with = [&](std::string CentreNumbers::*number, const std::string& text) {
    std::vector<const CentreNumbers*> found;
    for (const CentreNumbers& one : centres)
      if (!text.empty() && one.*number == text) found.push_back(&one);
    return found;
  };
  const Rejection ambiguous = no("organisation", "organisation-ambiguous",
                                 "Several centres are known under your organisation's number, and which is yours cannot be told. Ask the awarding "
                                 "organisation to put the centres' URN and UKPRN right.");
  const Rejection differ = no("organisation", "organisation-numbers",
                              "URN and UKPRN of your organisation are of different centres here. Ask the awarding organisation to put them right.");
  auto by_urn = with(&CentreNumbers::urn, organisation.urn);
  if (by_urn.size() > 1) return ambiguous;
  if (by_urn.size() == 1) {
    const CentreNumbers& found = *by_urn.front();
    if (!found.ukprn.empty() && !organisation.ukprn.empty() && found.ukprn != organisation.ukprn) return differ;
    return found.centre;
  }
  auto by_ukprn = with(&CentreNumbers::ukprn, organisation.ukprn);
  if (by_ukprn.size() > 1) return ambiguous;
  if (by_ukprn.size() == 1) {
    if (!organisation.urn.empty() && !by_ukprn.front()->urn.empty()) return differ;
    return by_ukprn.front()->centre;
  }
  return no("organisation", "organisation-known",
            organisation.urn.empty() && organisation.ukprn.empty()
                ? "Your organisation has neither a URN nor a UKPRN, by which a centre could be known."
                : "No centre is known here under your organisation's URN or UKPRN. Ask the awarding organisation whether it has them.");
}

Result<Granted> granted(const std::vector<RoleGrant>& grants, const std::vector<std::string>& values, const std::optional<Organisation>& organisation,
                        const std::vector<CentreNumbers>& centres) {
  if (organisation && organisation->closed)
    return no("organisation", "organisation-closed", "Your organisation is closed. Pick another at sign-in, or ask the awarding organisation.");
  std::map<AccessRole, Bound> by_role;
  for (const RoleGrant& grant : grants) {
    if (std::find(values.begin(), values.end(), grant.value) == values.end()) continue;
    unite(by_role[grant.role], grant.bound);
    if (!grant.of_organisation) continue;
    if (!organisation)
      return no("organisation", "organisation-given",
                "You signed in without an organisation. Sign in again, and pick the one whose results you look after.");
    auto centre = centre_of(*organisation, centres);
    if (!centre) return centre.error();
    unite(by_role[grant.role], Bound{.centres = {centre.value()}});
  }
  if (by_role.empty())
    return no("roles", "role-given", "You have no role here. Ask the operator, or whoever looks after your account, to give you one.");
  if (by_role.contains(AccessRole::centre) && by_role.size() > 1)
    return no("roles", "role-alone", "Your account has a centre's role and others. Use another account for one of them.");
  Granted all{.roles = {}, .bound = by_role.begin()->second};
  for (const auto& [role, bound] : by_role) {
    all.roles.add(role);
    all.bound = common(all.bound, bound);
    if (by_role.size() == 1) all.bound = bound;
  }
  if (!all.bound.everywhere && all.bound.awarding_organisations.empty() && all.bound.centres.empty())
    return no("roles", "role-bounds", "Your roles are for different awarding organisations. Use an account for each.");
  return all;
}

}  // namespace vtq
