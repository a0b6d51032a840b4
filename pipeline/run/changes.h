// What the next commit stores of a partition: whoever changes an entry, a centre or the time puts it down here, and `write` hands each over once, as
// it stands then. Between two commits an entry is kept at most once, and a centre marked at most once, in the order of their first changes.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "pipeline/run/centre_state.h"

namespace vtq {

class Changes {
 public:
  /// The entry is written with the commit.
  void keep(Centre& centre, Entry& entry) {
    if (entry.to_store) return;
    entry.to_store = true;
    entries_.emplace_back(centre, entry);
  }
  /// The centre is looked through at the commit: its slots, what waits at it, and when it wakes.
  void mark(Centre& centre) {
    if (centre.in_dirty_list) return;
    centre.in_dirty_list = true;
    centres_.push_back(&centre);
  }
  /// The centre's summary is written, whatever became of its wake.
  void keep_summary(Centre& centre) {
    centre.summary_to_store = true;
    mark(centre);
  }
  void keep_slot(Centre& centre, std::string slot);
  void keep_waiting(Centre& centre, const WaitingKey& key);
  void erase_waiting(Centre& centre, const WaitingKey& key);
  void time_moved() { time_ = true; }

  /// Those marked since the last commit.
  const std::vector<Centre*>& centres() const { return centres_; }

  /// Hands over what is to be stored, and forgets it.
  void write(std::uint32_t partition, TimeMs now, Durations& durations, StateWriter& writer);

 private:
  struct KeptEntry {
    std::uint64_t place = 0;  ///< centre, series and qualification, as they stand in its key
    Centre* centre = nullptr;
    Entry* entry = nullptr;

    /// Numbers of centres take 17 bits, those of series 16, those of qualifications 27.
    KeptEntry(Centre& its_centre, Entry& kept)
        : place((std::uint64_t{number(its_centre.id)} << 43) | (std::uint64_t{number(kept.key.series)} << 27) | number(kept.key.qualification)),
          centre(&its_centre),
          entry(&kept) {}
    bool operator<(const KeptEntry& other) const {
      return place != other.place ? place < other.place : entry->key.learner < other.entry->key.learner;
    }
  };

  static void write(std::uint32_t partition, Centre& centre, StateWriter& writer);

  std::vector<KeptEntry> entries_;
  std::vector<Centre*> centres_;
  bool time_ = false;
};

}  // namespace vtq
