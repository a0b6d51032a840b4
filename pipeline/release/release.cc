#include "pipeline/release/release.h"

#include <algorithm>

namespace vtq {

TimeMs issue_time(TimeMs ready_at, const ReleasePlan* plan, const Calendar* calendar, const ReleasePolicy& policy) {
  bool dated = calendar && calendar->issue_deadline != kNever;
  if (!dated) return kNever;
  TimeMs last_cut = calendar->issue_deadline - policy.final_margin_ms;
  if (ready_at >= last_cut) return ready_at;
  TimeMs first = plan ? plan->first_ms : last_cut - policy.lead_ms;
  TimeMs every = plan ? plan->every_ms : policy.every_ms;
  if (ready_at <= first) return std::min(first, last_cut);
  TimeMs cuts = (ready_at - first + every - 1) / every;
  return std::min(first + cuts * every, last_cut);
}

}  // namespace vtq
