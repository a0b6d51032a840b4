// One membership of the group: which partitions it gave to this instance, and where each stands on the way to being worked on.
//
//   assigned -> the group's offsets known -> changelog read -> compared with the topics, no reference data missing -> worked on (OwnPartitions)
//                                        \                |                                                           |
//                                         +---------------+------ halted, with a reason, and tried again <------------+
//
// The group *gives* or *assigns* a partition; this instance *works on* it, and *owns* it in the words of others, from when OwnPartitions has it.
// Revoked from anywhere: back to the changelog's thread, which may follow it. With eager rebalancing all partitions are revoked and most given
// back at once: meanwhile those that are worked on are suspended, and nothing of them may be committed. Partitions beyond the setting are surplus:
// they have no state, and only need somebody who moves their records to where they belong.
//
// Knows nothing of records and of what becomes of them. Joins the group when it is made; destroyed, it stays a member, for a restart within the
// session's time. Pipeline's thread.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "daemon/kafka/changelog.h"
#include "daemon/kafka/commits.h"
#include "daemon/kafka/given.h"
#include "daemon/kafka/inputs.h"
#include "daemon/kafka/own_partitions.h"
#include "daemon/kafka/positions.h"
#include "daemon/kafka/reference_reading.h"
#include "daemon/kafka/tables.h"

namespace vtq::kafka {

class Membership {
 public:
  /// Throws KafkaError. All outlive it; when `pipeline` was made anew, `go_back` is to follow.
  Membership(const Given& given, Store& store, const std::unique_ptr<Pipeline>& pipeline, Changelog& changelog, PositionWatch& watch, Tables& tables,
             OwnPartitions& own, ReferenceReading& reference, Commits& commits);

  /// What this instance reads of its partitions.
  Inputs& inputs() { return inputs_; }

  /// Carries out what the group said. Whether fetching began anew from what is committed: what was gathered before comes again. Throws Lost, and
  /// as Commits::settle does.
  bool take_assignment();
  /// Brings those that are restoring further, compares what is worked on with the topics, tries the halted again. Throws KafkaError, and as
  /// Commits::settle does.
  void advance();
  /// Fetches what is worked on, from where the positions say.
  void start_inputs();
  /// After everything in memory was dropped: what is worked on goes on from what the last commit left.
  void go_back();
  /// Before leaving the group: works on nothing any more.
  void give_up_all();
  /// Ends restoring, for a membership after this one to begin again.
  void release_restoring();

  /// Whether partitions were revoked that may come back: nothing can be committed.
  bool suspended() const { return !suspended_.empty(); }
  /// How many partitions are on the way to being worked on.
  std::size_t restoring() const { return restoring_.size(); }
  /// Whether all that the group gave is worked on.
  bool complete() const { return inputs_.joined() && restoring_.empty() && suspended_.empty() && halted_.empty(); }
  /// Why partitions stand still; while they are tried again, too.
  const std::map<std::uint32_t, std::string>& halted() const { return halted_; }
  /// Whether there is something to tell the other instances since the last call.
  bool take_changed() { return std::exchange(changed_, false); }
  /// What is left to be read of what is worked on; logs where a publisher's transaction holds it up.
  std::vector<StreamLag> lags(TimeMs now);

 private:
  /// What is known of a partition on its way.
  struct Restoring {
    std::optional<InputOffsets> group;  // the group's offsets
    bool restored = false;              // from the changelog; it may wait for reference data
    std::optional<InputLogs> logs;      // what the topics hold
  };
  using Steady = std::chrono::steady_clock;

  void revoke(std::uint32_t partition);
  void assign(const std::set<std::uint32_t>& partitions, const std::map<std::uint32_t, std::string>& incomplete);
  std::map<std::uint32_t, std::string> unworkable(const std::map<std::uint32_t, std::string>& incomplete);
  void give_up(std::uint32_t partition);
  /// Asks the group from where each restoring partition goes on, and has its changelog read to the end.
  void ask_group();
  /// The same of surplus partitions, which have no changelog.
  void ask_group_of_surplus();
  void hear_changelog();
  /// Compares what the topics hold with what was read of them, at the take-over and then every kafka.position_check_seconds.
  void look_at_positions();
  void hear_positions(PositionWatch::Answer answer);
  std::map<std::uint32_t, v1::CommitRecord> positions_to_ask();
  /// What keeps a restored partition from being worked on, in words; empty: nothing.
  std::string verify(std::uint32_t partition, const Restoring& restoring, const v1::CommitRecord& record) const;
  std::string words_for(const std::vector<PositionFault>& faults) const;
  /// Holds the clock against the logical time of these partitions' last commits. Whether the reference data are read again for it: they were read
  /// before anything was known of a clock that is behind, and what seemed to be from the future was passed over.
  bool hear_log(const std::vector<std::uint32_t>& partitions);
  void activate(const std::vector<std::uint32_t>& partitions);
  void take_into_pipeline(std::uint32_t partition, const v1::PositionRecord& position);
  /// Lets partitions stand still, while the others go on; they are tried again every kafka.position_check_seconds.
  void halt(const std::map<std::uint32_t, std::string>& whys);
  void retry_halted();
  void tell_held(const StreamLag& lag, TimeMs now);
  /// As it stands in the store.
  v1::PositionRecord position_of(std::uint32_t partition) const;
  v1::CommitRecord record_of(std::uint32_t partition) const { return position_of(partition).commit(); }

  const Given given_;
  Store& store_;
  const std::unique_ptr<Pipeline>& pipeline_;
  Changelog& changelog_;
  PositionWatch& watch_;
  Tables& tables_;
  OwnPartitions& own_;
  ReferenceReading& reference_;
  Commits& commits_;
  Inputs inputs_;

  std::set<std::uint32_t> assigned_;   // by the group
  std::set<std::uint32_t> surplus_;    // by the group, beyond the setting
  std::set<std::uint32_t> suspended_;  // revoked a moment ago; likely to come back
  std::int32_t generation_ = -1;       // of the group, at the last assignment
  std::map<std::uint32_t, Restoring> restoring_;
  std::map<std::uint32_t, std::string> halted_;
  std::set<std::uint32_t> stopped_;                      // worked on, and could not be read on
  std::set<std::uint32_t> unanswered_;                   // worked on; it could not be said yet whether the topics hold what was read
  Steady::time_point looked_{};                          // at the positions of those that are worked on
  Steady::time_point retried_{};                         // the halted
  std::set<std::pair<Topic, std::uint32_t>> held_told_;  // of the log: a transaction of a publisher is open there
  bool changed_ = true;
};

}  // namespace vtq::kafka
