// What decides about an entry besides its own facts, put together once for all rules that look at it.
#pragma once

#include "pipeline/facts/centre.h"
#include "pipeline/release/checks.h"
#include "pipeline/release/release.h"
#include "pipeline/risk/durations.h"
#include "pipeline/rules/attainment.h"

namespace vtq {

/// Everything that decides besides the entry's own facts. All outlive the call.
struct Circumstances {
  const Qualification& qualification;
  const AwardingOrganisation& awarding_organisation;
  const Calendar* calendar;  ///< null: no dates are known for the awarding organisation, level and series
  const ReleasePlan* plan;   ///< null: the policy's
  bool halted;
  const CentreFacts& centre;
  const Durations& durations;
  const ReleasePolicy& release;
  /// What stands for the entry in a disruption; null: nothing, out of scope, or the centre has opted out.
  const Mitigation* mitigation = nullptr;
  /// The qualification that the learner left for this one, and what stands for them there; null as above.
  const Qualification* left = nullptr;
  const Mitigation* left_mitigation = nullptr;
  /// The results that a mitigation puts in place of missing units; null: none. Passed to whatever judges attainment.
  std::shared_ptr<const CalculatedUnits> calculated = nullptr;
  bool mitigation_since_issue = false;                     ///< what was issued came before the mitigation that stands now, and is not changed by it
  const Reference* reference = nullptr;                    ///< with the halts for all centres; null: there are none
  const struct Scrutiny* scrutiny = nullptr;               ///< of the centre's assessment of the qualification; null: nothing is asked
  Approval approval = {};                                  ///< of the release
  const ReleaseTerms* terms = nullptr;                     ///< what the awarding organisation asks of its releases; null: nothing
  v1::ReleaseCheck stopped = {};                           ///< the check that stops the centre's first results
  std::shared_ptr<const Calendar> own_calendar = nullptr;  ///< what `calendar` points to where it was made for this entry
};

/// What the entry has attained; units calculated under its mitigation count.
inline Attainment attainment_of(const Entry& entry, const Circumstances& around) {
  return attain(entry.facts, around.qualification, around.calculated.get());
}

}  // namespace vtq
