// One partition: a share of the centres, with everything about each of them, and a logical time of its own. The smallest unit
// that can move between instances.
//
//   apply events at the present time ... -> settle -> advance to a later time -> apply ... -> settle
//
// `settle` closes a window: statuses are derived once for every entry touched, transitions and batches come out, facts that waited
// too long are rejected. Within a window the order of events cannot matter. No clock: time is what the caller says.
//
// Partitions share nothing that changes while they work. Each has its own time, centres, estimates and counts. The policy is constant. The
// reference data are only read: Pipeline merges into them, while no partition is at work. So several threads may have partitions, each its
// own; a partition is on one thread at a time, its reads too. Two threads never share a Round or an Outputs, and a StateStore only where it
// bears being read by both.
#pragma once

#include <boost/unordered/unordered_flat_set.hpp>
#include <deque>
#include <memory>
#include <set>
#include <stdexcept>

#include "pipeline/facts/merge.h"
#include "pipeline/release/gate.h"
#include "pipeline/run/centre_state.h"
#include "pipeline/run/policy.h"
#include "pipeline/run/ports.h"
#include "pipeline/run/round.h"
#include "pipeline/status/words.h"

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

  /// Reads what the last commit left. Centres are loaded when first needed.
  void restore();

  std::uint32_t index() const { return index_; }
  /// Whether entries wait to be derived when the window closes. They are known in memory alone, so no commit comes before that: Pipeline closes the
  /// window first, or works out what follows from what it applied.
  bool has_touched() const { return !touched_.empty(); }
  TimeMs time() const { return time_; }
  /// First moment at which time alone changes something; kNever.
  TimeMs next_wake() const { return wakes_.empty() ? kNever : wakes_.begin()->first; }

  /// Applies one event at the present time. `address` is what `check` returned and names a centre of this partition.
  Verdict apply(const v1::Event& event, std::string_view bytes, const Address& address, std::int64_t token, const Round& round);
  /// Rejects an event before it is applied.
  Verdict refuse(std::string_view bytes, Topic topic, Rejection why, std::int64_t token, const Round& round);
  /// Reference data changed: the centres it concerns wake at the present time, and waiting facts try again.
  void reference_changed(const std::vector<ReferenceChange>& changes);
  /// Reference data changed while another instance had the partition: everything wakes, as nobody knows what is concerned.
  void reference_changed_unseen();
  /// Moves time to `to`, through every wake up to it; each is settled at its own time, or at `to` where it is too late for that. Not
  /// backwards, and not while time is frozen. False when so much changed that a commit is due first: write, then call again.
  [[nodiscard]] bool advance(TimeMs to, Round& round);
  /// The same but for what `to` itself wakes: that is left until the window closes, when all that is dated `to` is known.
  [[nodiscard]] bool approach(TimeMs to, Round& round);
  /// Closes the window at the present time.
  void settle(Round& round);

  /// Hands over what changed since the last call.
  void write(StateWriter& writer);
  /// Unloads the longest unused centres until at most `entries_max` entries are in memory, but not the one used last, unless it is 0. Only
  /// right after `write`.
  void evict(std::size_t entries_max);

  // Reads, between windows.
  /// Null: there is none. Throws CentreSetAside.
  const Centre* centre(CentreId id);
  /// Of a centre that is set aside: no.
  bool has_entry(CentreId id, const EntryKey& key) { return centres_.contains(id) && load(id).find(key); }
  void each_centre(const std::function<void(const Centre&)>& look) const;
  Derived derive_now(const Centre& centre, const Entry& entry) const;
  v1::EntryStatus describe(const Centre& centre, const Entry& entry, bool in_full) const;
  /// What may be seen of a batch of this centre.
  BatchView view(const Centre& centre, const v1::ResultBatch& batch, Role role, const GateTime& time) const;
  /// Whether a grade that was said of an entry may be shown to its centre, wherever it stands: its gate is open, and nothing withholds a result.
  bool may_show(const Centre& centre, const EntryKey& key, const Qualification& qualification, const GateTime& time) const;
  std::size_t entries_loaded() const { return entries_loaded_; }
  std::size_t parked() const;
  /// Counts over its centres.
  const Totals& totals() const { return totals_; }
  const Durations& durations() const { return durations_; }

 private:
  struct ToIssue {
    Centre* centre;
    Entry* entry;
  };

  struct ToStore {
    std::uint64_t place = 0;  ///< centre, series and qualification, as they stand in its key
    Centre* centre = nullptr;
    Entry* entry = nullptr;

    ToStore(Centre& of, Entry& changed);
    bool operator<(const ToStore& other) const { return place != other.place ? place < other.place : entry->key.learner < other.entry->key.learner; }
  };

  /// The centre may come out set aside, with nothing loaded.
  Centre& load(CentreId id);
  void share_words(Entry& entry) const;
  Centre& centre_of(CentreId id);
  Circumstances circumstances(const Centre& centre, const Entry& entry) const;
  v1::EntryStatus describe(const Centre& centre, const Entry& entry, const Circumstances& around, bool in_full) const;
  Verdict apply_to_entry(Centre& centre, Entry* entry, const v1::Event& event, const Address& address, const Stamp& stamp);
  Verdict apply_to_centre(Centre& centre, const v1::Event& event, const Address& address, std::string_view bytes, const Stamp& stamp);
  Verdict park(Centre& centre, const v1::Event& event, std::string_view bytes, const Address& address, Rejection why, TimeMs wait, std::int64_t token,
               const Round& round);
  /// Has the entry's status derived before the commit.
  void touch(Centre& centre, Entry& entry);
  /// Has the entry written with the commit.
  void keep(Centre& centre, Entry& entry);
  void touch_changed(Centre& centre, const CentreChange& change);
  void acknowledge(Centre& centre, const std::string& batch, TimeMs at);
  void note_halt(Centre& centre, const Address& address);
  std::optional<Rejection> waits_for(const Centre& centre, const Entry* entry, const v1::Event& event, const Address& address) const;
  std::optional<Rejection> one_too_many(const Centre& centre, const v1::Event& event, const Address& address, const Stamp& stamp) const;
  bool move_time(TimeMs to, TimeMs wakes_until, Round& round);
  void mark(Centre& centre);
  void wake_by(Centre& centre, TimeMs at);
  void retry(Centre& centre);
  void retry_for(Centre& centre, const EntryKey& entry);
  void derive_all(Centre& centre);
  /// All of a centre's entries that had to be derived are.
  void derived_all(Centre& centre);
  bool rests_on_estimates(const Centre& centre, const Entry& entry) const;
  void wake_due_centres(TimeMs at, Round& round);
  void wake_centre(Centre& centre);
  void scrutiny_due(Centre& centre, std::optional<QualificationId> qualification);
  bool under_strategy(QualificationId qualification) const;
  bool concerns_scrutiny(const Centre& centre, const Entry& entry, const v1::Event& event) const;
  void scrutinise_all(Centre& centre) const;
  void settle_scrutiny();
  void settle_scrutiny(Centre& centre);
  void tell(Centre& centre);
  void tell(const Centre& centre, const Qualification& qualification, const struct Requirement& requirement);
  void tell(const Centre& centre, const Qualification& qualification, const struct PlannedVisit& planned);

  void retry_waiting(Round& round);
  void retry(Centre& centre, WaitingFact&& fact, Round& round);
  void expire_waiting(Centre& centre, Round& round);
  void put_waiting(Centre& centre, WaitingFact&& fact);
  void count_waiting(Centre& centre);
  void reject_waiting(Centre& centre, Parked&& parked, Round& round);
  Verdict reject(Parked&& parked);
  void derive_touched(const Round& round);
  void estimates_moved(AwardingOrganisationId awarding_organisation);
  void publish(Centre& centre, Entry& entry, Derived& derived, const Circumstances& around);
  void tell_mitigation(const Centre& centre, const Entry& entry, const Status& before, const Circumstances& around);
  void count(Centre& centre, const Cell& cell, std::int64_t by);
  void add_to_totals(const Cell& cell, std::int64_t by);
  void move_counts(Centre& centre);
  void issue(std::vector<ToIssue>& due);
  void cut_batch(Centre& centre, std::vector<Entry*>& entries, const Gates& gates, bool correction);

  std::uint32_t index_;
  const Policy& policy_;
  const TimeMs wake_late_max_ms_;
  const Reference& reference_;
  StateStore& store_;
  Outputs& outputs_;
  TimeMs time_ = 0;
  Durations durations_;
  Totals totals_;
  /// No fact that waits in memory expires before.
  TimeMs first_expiry_ms_ = kNever;
  bool time_to_store_ = false;
  boost::unordered_flat_map<CentreId, std::unique_ptr<Centre>> centres_;
  std::set<std::pair<TimeMs, CentreId>> wakes_;
  std::vector<ToIssue> touched_;  // entries to derive when the window closes
  std::vector<ToStore> to_store_;
  std::vector<Centre*> dirty_;
  std::vector<Centre*> retrying_;
  std::vector<Centre*> scrutiny_due_;  // whose scrutiny is worked out anew when the window closes
  std::size_t entries_loaded_ = 0;
  std::uint64_t uses_ = 0;
};

}  // namespace vtq
