// One partition: a share of the centres, with everything about each of them, and a logical time of its own. The smallest unit
// that can move between instances.
//
//   apply events at the present time ... -> settle -> advance to a later time -> apply ... -> settle -> write
//
// `settle` closes a window: statuses are derived once for every entry touched, transitions and batches come out, facts that waited
// too long are rejected. Within a window the order of events cannot matter. No clock: time is what the caller says.
//
// Partition keeps the order of events. What they lead to is done by its parts, each with one job and a state of its own:
//
//   Centres        centres in memory: read when first needed, let go of when too many are
//   Agenda         what the window has to do before it closes: entries touched, facts to try again, scrutiny to work out
//   WaitingFacts   facts that wait for what they name: put aside, put back, rejected when their time is over
//   Wakes          who wakes when, and which entries are derived then
//   Scrutinies     the scrutiny of centres' assessment, and what it asks of them
//   Surroundings   what decides about an entry besides its own facts
//   Statuses       statuses out: published, counted, told
//   ReleaseChecks  what stops first results that are due
//   Issuing        results that are due, cut into batches
//   CellCounts     how many entries stand where
//   Changes        what the next commit stores
//
// Partitions share nothing that changes while they work. Each has its own time, centres, estimates and counts. The policy is constant. The
// reference data are only read: Pipeline merges into them, while no partition is at work. So several threads may have partitions, each its
// own; a partition is on one thread at a time, its reads too. They may share a Round, and a StateStore, a StateWriter and an Outputs that bear it;
// two threads never share a WakeBudget.
#pragma once

#include <stdexcept>

#include "pipeline/facts/merge.h"
#include "pipeline/release/gate.h"
#include "pipeline/run/agenda.h"
#include "pipeline/run/cell_counts.h"
#include "pipeline/run/centres.h"
#include "pipeline/run/changes.h"
#include "pipeline/run/issuing.h"
#include "pipeline/run/policy.h"
#include "pipeline/run/ports.h"
#include "pipeline/run/release_checks.h"
#include "pipeline/run/round.h"
#include "pipeline/run/scrutinies.h"
#include "pipeline/run/statuses.h"
#include "pipeline/run/surroundings.h"
#include "pipeline/run/waiting_facts.h"
#include "pipeline/run/wakes.h"

namespace vtq {

/// The centre's records cannot be read.
struct CentreSetAside : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Partition {
 public:
  /// All that it is given outlives it. `wake_late_max_ms`: how late a wake may come and still count as on time; what comes later happens when it
  /// comes. kNever: always on time, as where time comes from events.
  Partition(std::uint32_t index, const Policy& policy, TimeMs wake_late_max_ms, const Reference& reference, StateStore& store, Outputs& outputs);
  // Its parts refer to each other.
  Partition(const Partition&) = delete;
  Partition& operator=(const Partition&) = delete;

  /// Reads what the last commit left. Centres are loaded when first needed.
  void restore();
  /// Of that, the time alone: all else is as it was read.
  void restore_time();

  std::uint32_t index() const { return index_; }
  /// Whether entries wait to be derived when the window closes. No commit may leave any: which they are is known in memory alone.
  bool has_touched() const { return !agenda_.touched().empty(); }
  TimeMs time() const { return time_; }
  /// First moment at which time alone changes something; kNever.
  TimeMs next_wake() const { return wakes_.next(); }

  /// Applies one event of the round at the present time. It names a centre of this partition.
  Verdict apply(const Inbound& inbound, std::int64_t token, const Round& round);
  /// Rejects an event before it is applied.
  Verdict refuse(const Inbound& inbound, Rejection why, std::int64_t token, const Round& round);
  /// Writes down that an event, of this partition or for all, was somebody's act; only where its kind has one.
  void note_act(const v1::Event& event, const Address& address, std::string_view by, Verdict::Kind outcome);
  /// Reference data changed: the centres it concerns wake at the present time, and waiting facts try again.
  void reference_changed(const std::vector<ReferenceChange>& changes);
  /// Reference data changed while another instance had the partition: everything wakes, as nobody knows what is concerned.
  void reference_changed_unseen();
  /// Moves time to `to`, through every wake up to it; each is settled at its own time, or at `to` where it is too late for that. Not
  /// backwards, and not while time is frozen. False when so much changed that a commit is due first: write, then call again.
  [[nodiscard]] bool advance(TimeMs to, Round& round, WakeBudget& budget);
  /// The same but for what `to` itself wakes: that is left until the window closes, when all that is dated `to` is known.
  [[nodiscard]] bool approach(TimeMs to, Round& round, WakeBudget& budget);
  /// Closes the window at the present time.
  void settle(Round& round);

  /// Hands over what changed since the last call.
  void write(StateWriter& writer) { changes_.write(index_, time_, durations_, writer); }
  /// Unloads the longest unused centres until at most `entries_max` entries are in memory, but not the one used last, unless it is 0. Only
  /// right after `write`.
  void evict(std::size_t entries_max) { centres_.evict(entries_max); }

  // Reads, between windows.
  /// Null: there is none. Throws CentreSetAside.
  const Centre* centre(CentreId id);
  /// Of a centre that is set aside: no.
  bool has_entry(CentreId id, const EntryKey& key) { return centres_.has(id) && load(id).find(key); }
  void each_centre(const std::function<void(const Centre&)>& look) const { centres_.each(look); }
  Derived derive_now(const Centre& centre, const Entry& entry) const;
  v1::EntryStatus describe(const Centre& centre, const Entry& entry, bool in_full) const;
  /// What may be seen of a batch of this centre.
  BatchView view(const Centre& centre, const v1::ResultBatch& batch, Role role, const GateTime& time) const;
  /// Whether a grade that was said of an entry may be shown to its centre, wherever it stands: its gate is open, and nothing withholds a result.
  bool may_show(const Centre& centre, const EntryKey& key, const Qualification& qualification, const GateTime& time) const;
  std::size_t entries_loaded() const { return centres_.entries(); }
  std::size_t waiting() const;
  /// Counts over its centres.
  const Totals& totals() const { return counts_.totals(); }
  const Durations& durations() const { return durations_; }

 private:
  /// The centre may come out set aside, with nothing loaded.
  Centre& load(CentreId id);
  /// Puts it together with what is known, and writes down whose act it was.
  Verdict apply_to(Centre& centre, Entry* entry, const Inbound& inbound, const Stamp& stamp);
  Verdict apply_to_entry(Centre& centre, Entry* entry, const v1::Event& event, const Address& address, const Stamp& stamp);
  Verdict apply_to_centre(Centre& centre, const v1::Event& event, const Address& address, std::string_view bytes, const Stamp& stamp);

  bool move_time(TimeMs to, TimeMs wakes_until, Round& round, WakeBudget& budget);
  void reach(TimeMs to);
  void wake_due_centres(WakeBudget& budget);

  void retry_waiting(Round& round);
  void retry(Centre& centre, WaitingFact&& fact, Round& round);
  void settle_scrutiny();
  void derive_touched(const Round& round);

  const std::uint32_t index_;
  const Policy& policy_;
  const TimeMs wake_late_max_ms_;
  const Reference& reference_;
  StateStore& store_;
  Outputs& outputs_;
  TimeMs time_ = 0;
  Durations durations_;
  Changes changes_;
  Agenda agenda_;
  CellCounts counts_;
  Wakes wakes_;
  Centres centres_;
  WaitingFacts waiting_;
  Scrutinies scrutinies_;
  Surroundings surroundings_;
  Statuses statuses_;
  ReleaseChecks checks_;
  Issuing issuing_;
};

}  // namespace vtq
