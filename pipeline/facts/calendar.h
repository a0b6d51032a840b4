// The dates of one awarding organisation, level and series.
#pragma once

#include <string>
#include <vector>

#include "pipeline/base/uk_time.h"

namespace vtq {

struct CheckpointWindow {
  std::string name;  ///< empty: the one without a name
  TimeMs opens = 0;
  TimeMs closes = 0;

  bool operator==(const CheckpointWindow&) const = default;
};

struct DeclarationDue {
  std::string name;
  TimeMs at = 0;

  bool operator==(const DeclarationDue&) const = default;
};

/// Resolved from Europe/London.
struct Calendar {
  TimeMs checkpoint_opens = 0;   ///< the first window's; 0: the series has no checkpoint
  TimeMs checkpoint_closes = 0;  ///< the last window's
  TimeMs late_entry_after = kNever;
  TimeMs claim_deadline = kNever;
  TimeMs issue_deadline = kNever;
  /// The gates as they stand: the latest that any calendar of the cohort said since two people last confirmed them. 0: no embargo.
  TimeMs centre_release = kNever;
  TimeMs learner_release = kNever;
  TimeMs gates_confirmed_ms = 0;  ///< when two people last did; 0: never

  std::vector<CheckpointWindow> windows;  ///< in their order; empty: there is one, of the times above
  std::vector<DeclarationDue> declarations;

  bool has_checkpoint() const { return checkpoint_closes != 0; }
  /// When the window closes in which an answer is asked for at `now`: one that is open or to come, or else the last.
  TimeMs answer_due(TimeMs now) const {
    for (const CheckpointWindow& window : windows)
      if (now < window.closes) return window.closes;
    return checkpoint_closes;
  }
  bool operator==(const Calendar&) const = default;
};

}  // namespace vtq
