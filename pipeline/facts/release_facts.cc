#include "pipeline/facts/release_facts.h"

#include <algorithm>
#include <cctype>

#include "pipeline/base/sha256.h"

namespace vtq {
namespace {

/// As people count them: neither case nor spaces tell one from another.
std::string plain(std::string_view name) {
  std::string text;
  for (char c : name)
    if (c != ' ') text += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace

const ReleaseWave& PlannedRelease::wave_of(CentreId centre) const {
  for (const ReleaseWave& wave : waves)
    if (std::binary_search(wave.centres.begin(), wave.centres.end(), centre)) return wave;
  return waves.back();
}

std::string digest_of(const v1::Event& event) {
  v1::Event said;
  *said.mutable_occurred_at() = event.occurred_at();
  if (event.has_release_planned()) {
    *said.mutable_release_planned() = event.release_planned();
    said.mutable_release_planned()->clear_said_by();
  }
  if (event.has_calendar_defined()) *said.mutable_calendar_defined() = event.calendar_defined();
  said.DiscardUnknownFields();
  return hex_of(sha256(said.SerializeAsString())).substr(0, 32);
}

std::string person_of(const v1::ReleaseApproved& fact) { return fact.said_by().empty() ? plain(fact.approver()) : fact.said_by(); }

void ReleaseWords::say(const v1::Event& event, const v1::ReleasePlanned& fact) {
  PlannedRelease made{.waves = {}, .shares = {}, .digest = digest_of(event), .said_by = fact.said_by()};
  TimeMs every = (fact.every_hours() ? fact.every_hours() : 24) * kHourMs;
  for (const v1::ReleaseWave& wave : fact.waves()) {
    const std::string& at = wave.first_issue_at().empty() ? fact.first_issue_at() : wave.first_issue_at();
    ReleaseWave& one = made.waves.emplace_back(ReleaseWave{wave.name(), {}, {*parse_local_time(at), every}});
    for (const std::string& centre : wave.centres()) one.centres.push_back(*parse_centre(centre));
    std::sort(one.centres.begin(), one.centres.end());
  }
  if (made.waves.empty()) made.waves.push_back({"all", {}, {*parse_local_time(fact.first_issue_at()), every}});
  for (const v1::GradeShare& share : fact.grade_shares())
    made.shares.push_back({*parse_qualification(share.qualification()), share.grade(), share.percent_min(), share.percent_max()});
  plan = std::move(made);
}

void ReleaseWords::say(const v1::ReleaseApproved& fact, const Stamp& stamp) {
  ReleaseApproval made{.person = person_of(fact),
                       .digest = fact.plan(),
                       .withdrawn = fact.withdrawn(),
                       .by_approver = fact.said_by().empty() || fact.by_approver(),
                       .at = stamp};
  auto held = std::find_if(approvals.begin(), approvals.end(),
                           [&](const ReleaseApproval& one) { return one.person == made.person && one.digest == made.digest; });
  if (held != approvals.end())
    *held = std::move(made);
  else
    approvals.push_back(std::move(made));
}

void ReleaseWords::say(const v1::ReleaseOverridden& fact) {
  CheckOverride made{fact.check(), fact.plan(), fact.withdrawn(), fact.said_by(), fact.reason()};
  auto held = std::find_if(overrides.begin(), overrides.end(),
                           [&](const CheckOverride& one) { return one.check == made.check && one.digest == made.digest; });
  if (held != overrides.end())
    *held = std::move(made);
  else
    overrides.push_back(std::move(made));
}

bool ReleaseWords::overridden(v1::ReleaseCheck check, const std::string& digest) const {
  return std::any_of(overrides.begin(), overrides.end(),
                     [&](const CheckOverride& one) { return one.check == check && one.digest == digest && !one.withdrawn; });
}

Approvers approvers_of(const std::vector<ReleaseApproval>& approvals, const std::string& digest) {
  Approvers found;
  std::vector<TimeMs> with_the_role;
  for (const ReleaseApproval& one : approvals) {
    if (one.withdrawn || one.digest != digest || digest.empty()) continue;
    found.people.push_back(one.person);
    if (one.by_approver) with_the_role.push_back(one.at.at_ms);
  }
  std::sort(found.people.begin(), found.people.end());
  std::sort(with_the_role.begin(), with_the_role.end());
  found.with_the_role = with_the_role.size();
  if (with_the_role.size() >= 2) found.two_with_the_role_ms = with_the_role[1];
  return found;
}

ReleaseTerms terms_of(const v1::ReleasePolicyDefined& fact) {
  ReleaseTerms terms{.approvals = fact.approvals()};
  if (fact.has_missing_percent_max()) terms.missing_percent_max = fact.missing_percent_max();
  if (fact.has_grade_shift_percent_max()) terms.grade_shift_percent_max = fact.grade_shift_percent_max();
  if (fact.grade_results_min() != 0) terms.grade_results_min = fact.grade_results_min();
  if (fact.has_corrections_max()) terms.corrections_max = fact.corrections_max();
  return terms;
}

}  // namespace vtq
