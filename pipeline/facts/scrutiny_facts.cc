#include "pipeline/facts/scrutiny_facts.h"

#include <algorithm>

namespace vtq {
const ScrutinyFacts::Approval* ScrutinyFacts::approval(AwardingOrganisationId ao, QualificationId qualification) const {
  const Approval *whole = nullptr, *own = nullptr;
  for (const Approval& one : approvals)
    if (one.about.covers(ao, qualification)) (one.about.qualification ? own : whole) = &one;
  if (!own || !whole) return own ? own : whole;
  return whole->status == v1::CentreApproved::APPROVED || whole->stamp.before(own->stamp) ? own : whole;
}

TimeMs ScrutinyFacts::in_force_since(const Sanction& sanction, AwardingOrganisationId ao, QualificationId qualification) const {
  TimeMs since = sanction.stamp.at_ms;
  for (auto word = sanction_words.rbegin(); word != sanction_words.rend(); ++word) {
    if (word->sanction != sanction.sanction || word->about.awarding_organisation != sanction.about.awarding_organisation) continue;
    if (!word->in_force || word->kind != sanction.kind || !word->about.covers(ao, qualification)) break;
    since = word->stamp.at_ms;
  }
  return since;
}

bool ScrutinyFacts::in_conflict(AwardingOrganisationId ao, const std::string& assurer, Day day) const {
  return std::any_of(conflicts.begin(), conflicts.end(), [&](const Conflict& one) {
    return one.awarding_organisation == ao && one.assurer == assurer && one.in_conflict && one.from <= day;
  });
}

}  // namespace vtq
