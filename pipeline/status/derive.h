// Derive: status out. A pure function of an entry's facts, its centre's facts, the reference data and the time. Nothing else
// sets a status.
#pragma once

#include "pipeline/rules/circumstances.h"
#include "pipeline/rules/grading.h"

namespace vtq {

struct Derived {
  Status status;
  Attainment attainment;
  Outcome outcome;
  bool ready = false;  ///< attained, a final result is determined, and no obstacle, sample, hold or halt stands in its way: it goes with the next cut
  bool issue_now = false;  ///< belongs into a batch at this moment: a first result, or a correction
  /// When time alone may change the status next; kNever when it cannot.
  TimeMs wake_at_ms = kNever;
  /// For the words: time left to the issue deadline, and how long the remaining steps take.
  TimeMs left_ms = 0;
  Duration remaining;
};

/// `now` is logical time and not before any earlier call for the entry. It also ends an entry of which no result is due, with its code N1 to N4; late
/// ones get theirs from `late_reason`.
Derived derive(const Entry& entry, const Circumstances& around, TimeMs now);

/// Why a result that missed the issue deadline is late (Ofqual late results return 2023, L1 to L7); the first code that applies of
/// L4, L1, L2, L3, L7, L5, L6. It follows from who held the next step when the deadline passed, by the facts dated up to it: what is said later
/// about something else changes nothing, and the status before issue says what the batch will say.
v1::Reason late_reason(const Entry& entry, const Circumstances& around);

/// Lengths of the steps of an entry whose result is there, for `Durations`.
void observe_steps(const Entry& entry, const Circumstances& around, Durations& into);

}  // namespace vtq
