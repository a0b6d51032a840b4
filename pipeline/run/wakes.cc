#include "pipeline/run/wakes.h"

#include <algorithm>

namespace vtq {
namespace {

/// On the way, and not decided by the issue deadline.
bool on_the_way(v1::Band band) { return band != v1::SETTLED && band != v1::LATE; }

/// Of what had all entries derived, nothing is left.
void forget_derive_all(Centre& centre) {
  centre.summary.derive_all = false;
  centre.estimates_of.clear();
}

}  // namespace

void Wakes::restore(const Centre& centre) {
  if (centre.summary.next_wake_ms != kNever) wakes_.insert({centre.summary.next_wake_ms, centre.id});
}

CentreId Wakes::take_next() { return wakes_.extract(wakes_.begin()).value().second; }

void Wakes::wake_by(Centre& centre, TimeMs at) {
  if (at >= centre.summary.next_wake_ms) return;
  if (centre.summary.next_wake_ms != kNever) wakes_.erase({centre.summary.next_wake_ms, centre.id});
  centre.summary.next_wake_ms = at;
  wakes_.insert({at, centre.id});
  changes_.mark(centre);
}

void Wakes::derive_all(Centre& centre, TimeMs now) {
  forget_derive_all(centre);
  centre.summary.derive_all = true;
  changes_.mark(centre);
  wake_by(centre, now);
}

/// By the full hour, as risk is judged, so that many changes cost no more than one.
void Wakes::estimates_moved(Centre& centre, AwardingOrganisationId awarding_organisation, TimeMs now) {
  std::vector<AwardingOrganisationId>& moved = centre.estimates_of;
  if (centre.summary.derive_all && moved.empty()) return;
  const auto& cells = centre.summary.cells.all();
  bool concerned = std::any_of(cells.begin(), cells.end(), [&](const auto& cell) {
    return cell.first.awarding_organisation == awarding_organisation && on_the_way(cell.first.band);
  });
  if (!concerned || std::find(moved.begin(), moved.end(), awarding_organisation) != moved.end()) return;
  moved.push_back(awarding_organisation);
  if (!std::exchange(centre.summary.derive_all, true)) changes_.keep_summary(centre);
  wake_by(centre, (now / kHourMs + 1) * kHourMs);
}

void Wakes::wake(Centre& centre, TimeMs now) {
  centre.summary.next_wake_ms = kNever;
  changes_.mark(centre);
  TimeMs next = kNever;
  bool all = centre.summary.derive_all && centre.estimates_of.empty();
  if (all) agenda_.retry(centre);
  for (Entry& entry : centre.entries) {
    if (all || entry.wake_at_ms <= now || rests_on_estimates(centre, entry))
      agenda_.touch(centre, entry);
    else
      next = std::min(next, entry.wake_at_ms);
  }
  forget_derive_all(centre);
  // Those whose time is over now are rejected when the window closes.
  if (TimeMs expiry = centre.waiting.next_expiry(); expiry > now) next = std::min(next, expiry);
  wake_by(centre, next);
  if (reference_.has_strategies()) agenda_.scrutinise(centre);
}

/// Whether the entry's band rests on an estimate that moved at its centre.
bool Wakes::rests_on_estimates(const Centre& centre, const Entry& entry) const {
  const std::vector<AwardingOrganisationId>& moved = centre.estimates_of;
  if (moved.empty() || !on_the_way(entry.status.band)) return false;
  const Qualification* qualification = reference_.qualification(entry.key.qualification);
  return std::find(moved.begin(), moved.end(), qualification->awarding_organisation) != moved.end();
}

}  // namespace vtq
