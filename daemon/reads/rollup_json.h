// Counts of entries by stage, need, band and reason, and the dates of a calendar by name. Plain values.
#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "pipeline/facts/reference.h"
#include "pipeline/status/rollup.h"

namespace vtq {

struct Counts {
  std::int64_t entries = 0;
  std::int64_t late = 0;
  std::map<v1::Stage, std::int64_t> by_stage;
  std::map<v1::Need, std::int64_t> by_need;
  std::map<v1::Band, std::int64_t> by_band;
  std::map<v1::Reason, std::int64_t> by_reason;  ///< without those that have none

  void add(const Cell& cell, std::int64_t count);
  void add(const Counts& others);
  /// `"entries":12,"late":0,"byStage":{...},"byNeed":{...},"byBand":{...},"byReason":{...}`.
  std::string json() const;
};

/// Issued, and not to be seen.
inline bool is_withheld(const Cell& cell) { return (cell.stage == v1::ISSUED || cell.stage == v1::ACKNOWLEDGED) && cell.band == v1::AT_RISK; }

/// A calendar's dates, named as in metrics.
inline std::array<std::pair<std::string_view, TimeMs>, 5> deadlines_of(const Calendar& calendar) {
  return {{{"checkpoint_closes", calendar.has_checkpoint() ? calendar.checkpoint_closes : kNever},
           {"claim", calendar.claim_deadline},
           {"issue", calendar.issue_deadline},
           {"centre_release", calendar.centre_release ? calendar.centre_release : kNever},
           {"learner_release", calendar.learner_release ? calendar.learner_release : kNever}}};
}

}  // namespace vtq
