// When a ready result may go. Pure.
#pragma once

#include "pipeline/facts/reference.h"

namespace vtq {

/// What holds where no release plan was sent.
struct ReleasePolicy {
  TimeMs lead_ms = 72 * kHourMs;         ///< first batch this long before the last cut
  TimeMs every_ms = 24 * kHourMs;        ///< then so often
  TimeMs final_margin_ms = 1 * kHourMs;  ///< the last cut is this long before the issue deadline
  std::uint32_t approvals_least = 0;     ///< people who must approve a release, whatever the awarding organisation's policy
};

/// The moment at which a result that became ready at `ready_at` goes into a batch: the next cut of the plan; from the last cut
/// before the issue deadline on, at once. Without a calendar never: nobody knows when it may be seen.
TimeMs issue_time(TimeMs ready_at, const ReleasePlan* plan, const Calendar* calendar, const ReleasePolicy& policy);

}  // namespace vtq
