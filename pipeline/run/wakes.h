// Who wakes when. A centre has one wake: the earliest moment at which time alone changes something there, for an entry, for a fact that waits, for
// its scrutiny, or because reference data or estimates changed. It stands in the centre's summary, and so survives a restart.
#pragma once

#include <set>
#include <utility>

#include "pipeline/run/agenda.h"
#include "pipeline/run/changes.h"

namespace vtq {

class Wakes {
 public:
  Wakes(const Reference& reference, Changes& changes, Agenda& agenda) : reference_(reference), changes_(changes), agenda_(agenda) {}

  /// A centre at start-up, as the store has it.
  void restore(const Centre& centre);

  /// The first wake; kNever.
  TimeMs next() const { return wakes_.empty() ? kNever : wakes_.begin()->first; }
  bool any_until(TimeMs until) const { return !wakes_.empty() && wakes_.begin()->first <= until; }
  /// Takes the centre whose wake is the first. There is one.
  CentreId take_next();

  /// The centre wakes at `at`, or before.
  void wake_by(Centre& centre, TimeMs at);
  /// All its entries are derived when it wakes, at `now`.
  void derive_all(Centre& centre, TimeMs now);
  /// Steps of an awarding organisation usually take another time than was thought: entries whose bands rest on that are derived at the next full
  /// hour.
  void estimates_moved(Centre& centre, AwardingOrganisationId awarding_organisation, TimeMs now);

  /// Wakes a loaded centre that was taken: puts down which of its entries are derived, and when it wakes again.
  void wake(Centre& centre, TimeMs now);

 private:
  bool rests_on_estimates(const Centre& centre, const Entry& entry) const;

  const Reference& reference_;
  Changes& changes_;
  Agenda& agenda_;
  std::set<std::pair<TimeMs, CentreId>> wakes_;  // of each centre that has one, the one of its summary
};

}  // namespace vtq
