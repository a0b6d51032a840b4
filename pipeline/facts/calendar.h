// The dates of one awarding organisation, level and series.
#pragma once

#include "pipeline/base/uk_time.h"

namespace vtq {

/// Resolved from Europe/London.
struct Calendar {
  TimeMs checkpoint_opens = 0;  ///< 0: the series has no checkpoint
  TimeMs checkpoint_closes = 0;
  TimeMs late_entry_after = kNever;
  TimeMs claim_deadline = kNever;
  TimeMs issue_deadline = kNever;
  /// The gates as they stand: the latest that any calendar of the cohort said since two people last confirmed them. 0: no embargo.
  TimeMs centre_release = kNever;
  TimeMs learner_release = kNever;
  TimeMs gates_confirmed_ms = 0;  ///< when two people last did; 0: never

  bool has_checkpoint() const { return checkpoint_closes != 0; }
  bool operator==(const Calendar&) const = default;
};

}  // namespace vtq
