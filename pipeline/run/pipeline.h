// The pipeline: batches of events in, verdicts, transitions and result batches out, and the changes of one commit. It does not know
// which log or store it runs on, and it never reads a clock.
//
// One thread calls it: `process` then `write`, then the caller commits; only then are outputs visible to others. It owns what its partitions
// read, the policy and the reference data, and merges into these between the partitions' calls. What is done in a partition alone, the crew does:
// with one lane one partition after another, with more of them several at once. Of each partition the same comes out either way, in the same order,
// but where so much wakes that a commit is due before the batch is through: the commit may then fall elsewhere, and a status that one window would
// have passed over is published.
#pragma once

#include <map>
#include <span>

#include "pipeline/run/partition.h"

namespace vtq {

/// Where logical time comes from.
enum class TimeSource {
  wall,   ///< the `now` of each batch; a batch is one window
  event,  ///< occurred_at of the events, never backwards, for replaying a season; every new time opens a window, and no event opens one
          ///< further ahead than Policy::event_step_max_ms
};

class Pipeline {
 public:
  /// `crew`: null: the calling thread alone. Store, outputs and crew outlive it.
  Pipeline(const Policy& policy, TimeSource time_source, std::uint32_t partitions, StateStore& store, Outputs& outputs, Crew* crew = nullptr);

  /// Reads what the last commit left: the reference data; then all partitions, or one by one as they come to this instance.
  /// Throws std::runtime_error for reference data that this version does not take.
  void restore();
  void restore_reference();
  void take(std::uint32_t partition);
  /// Another instance goes on with the partition. Only right after `write`.
  void give_up(std::uint32_t partition);
  bool owns(std::uint32_t partition) const { return partitions_[partition] != nullptr; }
  /// The partitions that were taken, ascending.
  const std::vector<Partition*>& owned() const { return owned_; }

  /// How far `process` came.
  struct Progress {
    std::size_t consumed = 0;  ///< events of the batch, from its start
    bool finished = true;      ///< false: a commit is due; then call again with the rest of the batch, even if it is empty
  };
  /// Applies a batch and closes its windows. `now`: the wall clock. `frozen`: it is not trusted: facts are taken, time stands still, nothing
  /// is issued. Both are ignored when time comes from events.
  Progress process(std::span<const Inbound> batch, TimeMs now, bool frozen = false);
  /// Applies reference data, and commands to all centres, at the present time of each partition, which does not move. For a log that
  /// delivers them apart from the rest.
  Progress process_reference(std::span<const Inbound> batch, bool frozen = false);
  /// What became of each event of the last call's batch, as far as it was consumed.
  const std::vector<Verdict>& verdicts() const { return round_.verdicts; }

  /// How to find out where an event of the batch came from; see Round::origin_of. Called from the crew's lanes.
  void set_origins(std::function<std::string(std::int64_t token)> origin_of) { round_.origin_of = std::move(origin_of); }

  /// Hands the changes since the last call to the commit.
  void write(StateWriter& writer);
  /// Keeps at most about `entries_max` entries in memory. Only after `write`, and once the store has what was written.
  void evict(std::size_t entries_max);
  /// Whether `evict` would let go of any.
  bool holds_more_than(std::size_t entries_max) const;

  // Reads, between batches.
  std::uint32_t partition_of(CentreId centre) const;
  /// One that is owned.
  Partition& partition(std::uint32_t index) { return *partitions_[index]; }
  const Partition& partition(std::uint32_t index) const { return *partitions_[index]; }
  std::uint32_t partitions() const { return static_cast<std::uint32_t>(partitions_.size()); }
  const Reference& reference() const { return reference_; }
  const Policy& policy() const { return policy_; }
  /// Counts over all partitions that were taken, summed up anew.
  Totals totals() const;
  /// First moment at which time alone changes something in any partition; kNever.
  TimeMs next_wake() const;
  /// Latest logical time of any partition.
  TimeMs time() const;

 private:
  Progress process_window(std::span<const Inbound> batch, TimeMs now);
  Progress process_by_event_time(std::span<const Inbound> batch);
  std::optional<Rejection> too_far_ahead(const Inbound& inbound) const;
  bool advance_for(const Inbound& inbound);
  void finish_stopped(TimeMs now);
  void stop_first(std::span<const Inbound> batch, TimeMs now);
  bool advance_all(TimeMs to);
  bool close_window();
  void settle_all();
  void apply_in_order(std::span<const Inbound> batch, const std::vector<std::uint32_t>& order);
  void apply_by_partition(std::span<const Inbound> batch);
  void apply(const Inbound& inbound, std::int64_t token);
  void apply_everywhere(const Inbound& inbound, std::int64_t token);
  bool spread_reference_changes();
  /// Does `work` in every partition that was taken.
  template <class Work>
  void each_owned(Work work);
  /// Goes a step in every partition that was taken, through what wakes until `to`, or until the partition's own time where that is later. False when
  /// a commit is due in any; with one lane those after it do not go then.
  template <class Step>
  bool all_owned(TimeMs to, Step step);
  WakeBudget& budget_of(const Partition& partition) { return budgets_[budgets_.size() == 1 ? 0 : partition.index()]; }
  std::size_t budget_left() const;
  void share_budget(TimeMs to);

  const Policy policy_;
  const TimeSource time_source_;
  Reference reference_;
  std::map<std::size_t, Verdict> stops_applied_;  // by place in the batch being processed: applied before its window
  Round round_;
  StateStore& store_;
  Outputs& outputs_;
  CrewOfOne alone_;
  Crew& crew_;
  bool together_ = false;                               // what is under way is worth the crew's lanes
  std::vector<WakeBudget> budgets_;                     // one for all, or with more lanes one for each partition
  std::vector<std::vector<std::uint32_t>> to_apply_;    // by partition, places in the batch
  std::vector<std::uint8_t> came_;                      // by partition: whether it went its step to the end
  std::vector<std::unique_ptr<Partition>> partitions_;  // null: not owned
  std::vector<Partition*> owned_;
};

}  // namespace vtq
