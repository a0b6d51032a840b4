#include "pipeline/run/surroundings.h"

#include <cstdlib>

#include "pipeline/rules/mitigation.h"
#include "pipeline/rules/scrutiny.h"

namespace vtq {

Approval Surroundings::approval(const Centre& centre, const CohortKey& cohort) const {
  const ReleaseWords* own = centre.facts.releases.empty() ? nullptr : centre.facts.release(cohort);
  const ReleaseWords* words = own && own->plan ? own : reference_.release(cohort);
  return {words, approvals_needed(reference_.release_terms(cohort.awarding_organisation), policy_.release.approvals_least)};
}

Circumstances Surroundings::circumstances(const Centre& centre, const Entry& entry) const {
  const EntryKey& key = entry.key;
  const Qualification* qualification = reference_.qualification(key.qualification);
  if (!qualification) std::abort();  // registered entries have a known qualification; reference data is never removed
  // A qualification may be moved to an awarding organisation that is not known yet, under entries already registered.
  static const AwardingOrganisation kUnknown{};
  const AwardingOrganisation* ao = reference_.awarding_organisation(qualification->awarding_organisation);
  if (!ao) ao = &kUnknown;
  CohortKey cohort{qualification->awarding_organisation, qualification->level, key.series};
  Approval release = approval(centre, cohort);
  const ReleasePlan* plan = release.planned() ? &release.words->plan->wave_of(centre.id).when : nullptr;
  // Either may stop issuing; the centre's own word cannot undo a stop for all. So may whoever issued the result, where the qualification
  // has moved since.
  auto halted_by = [&](AwardingOrganisationId by) {
    return reference_.halted(by, key.series, key.qualification) || centre.facts.halted(by, key.series, key.qualification);
  };
  bool halted = halted_by(cohort.awarding_organisation);
  if (entry.issued.any() && entry.issued.awarding_organisation != cohort.awarding_organisation)
    halted = halted || halted_by(entry.issued.awarding_organisation);
  if (entry.issued.before)
    for (const IssuedBefore& batch : *entry.issued.before) halted = halted || halted_by(batch.awarding_organisation);
  Circumstances around{.qualification = *qualification,
                       .awarding_organisation = *ao,
                       .calendar = reference_.calendar(cohort, key.qualification, centre.id),
                       .plan = plan,
                       .halted = halted,
                       .centre = centre.facts,
                       .durations = durations_,
                       .release = policy_.release,
                       .reference = &reference_,
                       .scrutiny = centre.scrutiny ? centre.scrutiny->of(key.qualification) : nullptr,
                       .approval = release,
                       .terms = reference_.release_terms(cohort.awarding_organisation),
                       .stopped = check_of(entry.status.rule)};
  if (qualification->mitigations || entry.facts.particulars || entry.issued.basis == v1::CALCULATED_UNITS)
    mitigate(around, reference_, centre.id, entry);
  if (around.calendar) {
    if (auto kept = reference_.kept_shut(*qualification, key.series, centre.id, *around.calendar)) {
      around.own_calendar = std::move(kept);
      around.calendar = around.own_calendar.get();
    }
  }
  return around;
}

}  // namespace vtq
