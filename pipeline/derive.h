// Derive: status out. A pure function of an entry's facts, its centre's facts, the reference data and the time. Nothing else
// sets a status.
#pragma once

#include "pipeline/attainment.h"
#include "pipeline/centre.h"
#include "pipeline/durations.h"
#include "pipeline/grading.h"
#include "pipeline/release.h"

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
  bool mitigation_since_issue = false;  ///< what was issued came before the mitigation that stands now, and is not changed by it
  const struct Scrutiny* scrutiny = nullptr;  ///< of the centre's assessment of the qualification; null: nothing is asked
};

struct Derived {
  Status status;
  Attainment attainment;
  Outcome outcome;
  bool ready = false;
  bool issue_now = false;  ///< belongs into a batch at this moment: a first result, or a correction
  /// When time alone may change the status next; kNever when it cannot.
  TimeMs wake_at_ms = kNever;
  /// For the words: time left to the issue deadline, and how long the remaining steps take.
  TimeMs left_ms = 0;
  Duration remaining;
};

/// What the entry has attained; units calculated under its mitigation count.
Attainment attainment_of(const Entry& entry, const Circumstances& around);

/// `now` is logical time and not before any earlier call for the entry.
Derived derive(const Entry& entry, const Circumstances& around, TimeMs now);

/// Why a result that missed the issue deadline is late (Ofqual late results return 2023, L1 to L7); the first code that applies of
/// L4, L1, L2, L3, L7, L5, L6. It follows from who held the next step when the deadline passed, by the facts of by then: what is said later
/// about something else changes nothing, and the status before issue says what the batch will say.
v1::Reason late_reason(const Entry& entry, const Circumstances& around);

/// Lengths of the steps of an entry whose result is there, for `Durations`.
void observe_steps(const Entry& entry, const Circumstances& around, Durations& into);

}  // namespace vtq
