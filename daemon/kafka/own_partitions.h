// The partitions that this instance works on, and how far each has come: its position. That is the commit record of the last cycle (the next offset
// of each input topic, the last record of each, logical time, how far the reference data were read) and how much of the changelog the store has.
//
//   Membership   puts a position when it takes a partition over, and removes it when it gives one up, each time after Commits::settle
//   Cycle        moves it on when it hands a commit over
//   Session      notes, once that is committed, how far the changelog is
//
// In the store it is written by the committer, while another instance has the partition by Changelog. Only memory. Pipeline's thread.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "daemon/kafka/inputs.h"
#include "vtq/v1/store.pb.h"

namespace vtq::kafka {

class OwnPartitions {
 public:
  /// `partitions`: as many as the setting says.
  explicit OwnPartitions(std::uint32_t partitions) : partitions_(partitions) {}

  using Positions = std::map<std::uint32_t, v1::PositionRecord>;
  /// As of the last cycle, also while that is being committed.
  const Positions& positions() const { return positions_; }
  bool none() const { return positions_.empty(); }
  bool has(std::uint32_t partition) const { return positions_.contains(partition); }
  /// The partition has come, or has come so far.
  void put(std::uint32_t partition, v1::PositionRecord position) { positions_[partition] = std::move(position); }
  void give_up(std::uint32_t partition) {
    positions_.erase(partition);
    group_lacks_.erase(partition);
  }
  void give_up_all() {
    positions_.clear();
    group_lacks_.clear();
  }
  /// These were committed: the positions say where their changelogs are.
  void committed(const std::vector<std::pair<std::uint32_t, v1::PositionRecord>>& positions) {
    for (const auto& [partition, position] : positions) {
      if (auto own = positions_.find(partition); own != positions_.end()) own->second.set_changelog(position.changelog());
      group_lacks_.erase(partition);
    }
  }

  /// The partition that keeps what is rejected in this one: itself, or for one beyond the setting any that works.
  std::uint32_t home_of(std::uint32_t partition) const { return partition < partitions_ ? partition : positions_.begin()->first; }
  /// Whether this instance answers for what is wrong with that record of the reference data: whoever has partition 0 does.
  bool answer_for_reference(std::int64_t offset) const {
    auto zero = positions_.find(0);
    return zero != positions_.end() && offset >= zero->second.commit().answered();
  }

  /// Those whose offsets the group does not have, until the next commit gives them to it.
  const std::set<std::uint32_t>& group_lacks() const { return group_lacks_; }
  void note_group_lacks(std::uint32_t partition) { group_lacks_.insert(partition); }

  /// Partitions beyond the setting, whose records are moved to where they belong: how far each topic was read, as far as known. Only the group
  /// keeps it.
  const std::map<std::uint32_t, InputOffsets>& surplus() const { return surplus_; }
  void put_surplus(std::uint32_t partition, InputOffsets offsets) { surplus_[partition] = std::move(offsets); }
  void move_surplus(std::uint32_t partition, Topic topic, std::int64_t next) { surplus_[partition][topic] = next; }
  void forget_surplus(std::uint32_t partition) { surplus_.erase(partition); }
  void forget_surplus() { surplus_.clear(); }

 private:
  std::uint32_t partitions_;
  Positions positions_;
  std::set<std::uint32_t> group_lacks_;
  std::map<std::uint32_t, InputOffsets> surplus_;
};

}  // namespace vtq::kafka
