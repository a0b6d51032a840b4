#include "daemon/access/rights.h"

#include "pipeline/base/batch_id.h"

namespace vtq {
namespace {

using For = RouteRights::For;

constexpr AccessRoles kOperations{AccessRole::operations};
/// Who looks at where results stand.
constexpr AccessRoles kReaders{AccessRole::operations, AccessRole::approver, AccessRole::centre};

struct Row {
  std::string_view method, pattern;
  RouteRights rights;
};

constexpr Row kRows[] = {
    {"POST", "/v1/events", {For::events, {AccessRole::publisher, AccessRole::centre, AccessRole::approver, AccessRole::operations}}},
    {"GET", "/v1/entries", {For::bound, kReaders}},
    {"GET", "/v1/entries/{centre}/{qualification}/{series}/{learner}", {For::bound, kReaders}},
    {"GET", "/v1/centres/{centre}", {For::bound, kReaders}},
    {"GET", "/v1/centres/{centre}/scrutiny", {For::bound, kReaders}},
    {"GET", "/v1/centres/{centre}/activity", {For::bound, kReaders}},
    {"GET", "/v1/qualifications/{qualification}", {For::bound, {AccessRole::operations, AccessRole::approver}}},
    {"GET", "/v1/qualifications/{qualification}/approval", {For::bound, {AccessRole::operations, AccessRole::approver}}},
    {"GET", "/v1/rollups", {For::bound, kReaders}},
    {"GET", "/v1/releases/{awarding_organisation}/{series}", {For::bound, {AccessRole::operations, AccessRole::approver}}},
    {"GET", "/v1/releases/{awarding_organisation}/{series}/dry-run", {For::bound, {AccessRole::operations, AccessRole::approver}}},
    {"GET", "/v1/overview", {For::everywhere, {AccessRole::operations, AccessRole::approver}}},
    {"GET", "/v1/batches", {For::bound, kReaders}},
    {"GET", "/v1/batches/{batch}", {For::bound, kReaders}},
    {"GET", "/v1/batches/{batch}/learners/{qualification}/{learner}", {For::bound, kReaders}},
    {"GET", "/v1/batches/{batch}/sealed", {For::bound, kReaders}},
    {"GET", "/v1/batches/{batch}/key", {For::bound, kReaders}},
    {"GET", "/v1/seal/key", {For::callers, {}}},
    {"GET", "/v1/export/batches", {For::bound, kReaders}},
    {"GET", "/v1/rejected", {For::everywhere, kOperations}},
    {"GET", "/v1/rejected/{id}", {For::everywhere, kOperations}},
    {"POST", "/v1/rejected/{id}/replay", {For::everywhere, kOperations}},
    {"GET", "/v1/backups", {For::everywhere, kOperations}},
    {"POST", "/v1/backups", {For::everywhere, kOperations}},
    {"GET", "/v1/clock", {For::callers, {}}},
    {"POST", "/v1/clock/confirm", {For::everywhere, kOperations}},
    {"GET", "/v1/instances", {For::everywhere, kOperations}},
    {"GET", "/v1/keys", {For::keys, {}}},
    {"POST", "/v1/keys", {For::keys, {}}},
    {"POST", "/v1/keys/{key}/revoke", {For::keys, {}}},
    {"POST", "/v1/people/sign-out", {For::everywhere, kOperations}},
    {"GET", "/v1/session", {For::callers, {}}},
    {"GET", "/sign-in", {For::everybody, {}}},
    {"GET", "/sign-in/start", {For::everybody, {}}},
    {"GET", "/sign-in/callback", {For::everybody, {}}},
    {"POST", "/sign-in/demonstration", {For::everybody, {}}},
    {"GET", "/signed-in", {For::everybody, {}}},
    {"POST", "/sign-out", {For::everybody, {}}},
    {"GET", "/assets/sign-in.css", {For::everybody, {}}},
    {"GET", "/v1/audit", {For::everywhere, {AccessRole::auditor}}},
    {"GET", "/v1/audit/checkpoint", {For::everywhere, {AccessRole::auditor}}},
    {"GET", "/livez", {For::everybody, {}}},
    {"GET", "/readyz", {For::everybody, {}}},
    {"GET", "/metrics", {For::everywhere, {AccessRole::operations, AccessRole::auditor}}},
    {"GET", "/openapi.json", {For::everybody, {}}},
};

Problem forbidden(std::string rule, std::string detail, std::string field = "", std::string value = "") {
  return {403, "Not yours", std::move(detail), std::move(field), std::move(rule), std::move(value)};
}

/// What a request is about, as far as its address says.
struct Named {
  std::optional<CentreId> centre;
  std::optional<AwardingOrganisationId> awarding_organisation;
  bool twice = false;  ///< something is named more than once: which of both counts nobody may guess
};

Named named_in(const HttpRequest& request, std::string_view pattern, const AccessFacts& facts) {
  Named named;
  auto centre = [&](std::string_view text) {
    named.twice = named.twice || named.centre;
    named.centre = parse_centre(text);
  };
  auto owner = [&](std::string_view text) {
    auto id = parse_qualification(text);
    return id ? facts.owner(*id) : std::nullopt;
  };
  std::size_t at = 0;
  for (auto open = pattern.find('{'); open != pattern.npos; open = pattern.find('{', open + 1)) {
    std::string_view name = pattern.substr(open + 1, pattern.find('}', open) - open - 1);
    if (at == request.parameters.size()) break;
    const std::string& value = request.parameters[at++];
    if (name == "centre") centre(value);
    if (name == "awarding_organisation") named.awarding_organisation = parse_awarding_organisation(value);
    if (name == "qualification" && !named.awarding_organisation) named.awarding_organisation = owner(value);
    if (name != "batch") continue;
    auto batch = parse_batch_id(value);
    if (!batch) continue;
    named.centre = batch->centre;
    named.awarding_organisation = batch->awarding_organisation;
  }
  // What the path names counts; the query chooses among it.
  const bool settled = named.awarding_organisation.has_value() || pattern.find("{qualification}") != pattern.npos ||
                       pattern.find("{awarding_organisation}") != pattern.npos;
  std::optional<std::string> organisation, qualification;
  for (const auto& [name, value] : request.query) {
    if (name == "centre") centre(value);
    for (auto [asked, text] :
         {std::pair(std::string_view("awarding_organisation"), &organisation), std::pair(std::string_view("qualification"), &qualification)}) {
      if (name != asked) continue;
      named.twice = named.twice || text->has_value();
      *text = value;
    }
  }
  // Where both are asked for, the answer is of what fits both.
  if (!settled && organisation)
    named.awarding_organisation = parse_awarding_organisation(*organisation);
  else if (!settled && qualification)
    named.awarding_organisation = owner(*qualification);
  return named;
}

}  // namespace

RouteRights rights_of(std::string_view method, std::string_view pattern) {
  for (const Row& row : kRows)
    if (row.method == method && row.pattern == pattern) return row.rights;
  return {};
}

namespace {

std::string names_of(AccessRoles roles) {
  std::string text;
  for (AccessRole role : kAccessRoles)
    if (roles.has(role)) text += (text.empty() ? "" : ", ") + std::string(text_of(role));
  return text;
}

}  // namespace

std::string text_of(const RouteRights& rights) {
  switch (rights.who) {
    case For::nobody:
      return "nobody";
    case For::everybody:
      return "everybody";
    case For::callers:
      return "callers";
    case For::keys:
      return "access-secret";
    default:
      break;
  }
  return names_of(rights.roles) + (rights.who == For::everywhere ? ", everywhere" : rights.who == For::events ? ", by fact" : ", within the bound");
}

std::optional<Problem> refusal(const RouteRights& rights, const Caller& caller, const HttpRequest& request, std::string_view pattern,
                               const AccessFacts& facts) {
  if (rights.who == For::everybody || rights.who == For::callers) return std::nullopt;
  if (rights.who == For::nobody) return forbidden("route-rights", "Nobody may use this address.");
  if (rights.who == For::keys) {
    if (caller.makes_keys) return std::nullopt;
    return forbidden("access-secret",
                     "Keys are made and revoked with the access secret alone: run `resultsctl --secret-file FILE keys ...` where it lies.");
  }
  if (!caller.roles.any_of(rights.roles))
    return forbidden("role", "This address is for " + names_of(rights.roles) + "; ask the operator for a key with one of these roles.");
  if (caller.bound.everywhere || rights.who == For::events) return std::nullopt;
  if (rights.who == For::everywhere)
    return forbidden("bound", "This address shows everything, and your key is bounded; ask for a part of it at another address.");
  Named named = named_in(request, pattern, facts);
  if (named.twice) return forbidden("bound", "Name one centre, one awarding organisation, one qualification.");
  if (caller.roles.has(AccessRole::centre) && rights.roles.has(AccessRole::centre)) {
    if (named.centre && caller.bound.has(*named.centre)) return std::nullopt;
    return named.centre ? forbidden("bound", "That centre is not yours.", "centre", text_of(*named.centre))
                        : forbidden("bound", "Name your centre: centre=12345.", "centre");
  }
  if (named.awarding_organisation && caller.bound.has(*named.awarding_organisation)) return std::nullopt;
  return named.awarding_organisation
             ? forbidden("bound", "That is another awarding organisation's.", "awarding_organisation", text_of(*named.awarding_organisation))
             : forbidden("bound",
                         "Name your awarding organisation where the address takes one: awarding_organisation=RN5353; or one of its qualifications.",
                         "awarding_organisation");
}

std::optional<Rejection> refusal(const Caller& caller, const FactKind& kind, const Address& address,
                                 const std::function<std::optional<AwardingOrganisationId>(QualificationId)>& owner) {
  AccessRoles roles = caller.roles.and_of(kind.asserted_by);
  auto no = [](std::string field, std::string rule, std::string value, std::string message) {
    return Rejection{std::move(field), std::move(rule), std::move(value), std::move(message)};
  };
  if (roles.empty()) return no("fact", "asserted-by-role", "", "None of your roles asserts this fact; leave it to whom it belongs.");
  if (caller.bound.everywhere) return std::nullopt;
  if (kind.asserted_everywhere) return no("fact", "asserted-by-all", "", "This is another body's word; only a publisher for all may pass it on.");
  std::optional<QualificationId> qualification =
      address.subject == Subject::entry ? std::optional(address.entry.qualification) : address.qualification;
  std::optional<AwardingOrganisationId> of_qualification = qualification ? owner(*qualification) : std::nullopt;
  if (roles.has(AccessRole::centre)) {
    if (address.everywhere || !caller.bound.has(address.centre))
      return no("centre", "asserted-by-centre", address.everywhere ? "*" : text_of(address.centre), "A centre speaks for itself alone.");
    if (qualification && !of_qualification)
      return no("qualification", "qualification-known", text_of(*qualification), "This qualification is not known; correct the number.");
    return std::nullopt;
  }
  if (qualification && !of_qualification)
    return no("qualification", "asserted-by-owner", text_of(*qualification),
              "This qualification is not known, so nobody can tell whose it is; a publisher for all defines it first, from the register.");
  for (const auto& organisation : {address.awarding_organisation, of_qualification})
    if (organisation && !caller.bound.has(*organisation))
      return no("awardingOrganisation", "asserted-by-owner", text_of(*organisation), "That is another awarding organisation's to say.");
  if (!address.awarding_organisation && !of_qualification)
    return no("fact", "asserted-by-all", "", "This fact is of no one awarding organisation; only a publisher for all may assert it.");
  return std::nullopt;
}

}  // namespace vtq
