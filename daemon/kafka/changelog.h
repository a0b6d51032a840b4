// Reads changelogs into the store: to the end, for a partition that has come to this instance (restoring), or on and on, for one that
// another instance has (standby). A thread of its own, `changelog`, with a consumer of its own; the partitions that this instance works on
// are none of its business.
//
//   follow (standby) -> finish -> take_finished -> the pipeline's
//                  \-> take_refused: it does not hold the whole state, or not what the store has read of it
//
// Restoring ends at the changelog's high watermark as a read_uncommitted handle gives it, once the *position* of committed reading has
// passed it. (A read_committed handle would give the last stable offset, and stopping there misses what is committed: KAFKA-10167.)
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "daemon/engine/engine.h"
#include "daemon/kafka/client.h"
#include "daemon/kafka/topics.h"

namespace vtq::kafka {

class Changelog {
 public:
  /// `store` and `clock` outlive it. Throws KafkaError.
  Changelog(const Settings& settings, const TopicNames& names, Store& store, const Clock& clock);
  ~Changelog();

  /// Reads the partition's changelog to its end, then lets go of it.
  void finish(std::uint32_t partition);
  /// Partitions whose changelog was read to its end since the last call.
  std::vector<std::uint32_t> take_finished();
  /// Partitions that cannot be read to their end since the last call, and why; they are let go of. One that is only followed is just logged.
  std::map<std::uint32_t, std::string> take_refused();
  /// Lets go of the partition, wherever it is. Returns when nothing of it is written any more.
  void release(std::uint32_t partition);
  /// Keeps a copy of the partition from now on, if there are standbys.
  void follow(std::uint32_t partition);

  struct Progress {
    std::uint32_t restoring = 0;          ///< partitions
    std::uint32_t following = 0;          ///< partitions
    std::int64_t records_to_restore = 0;  ///< offsets still to read
    std::uint64_t records_read = 0;       ///< since the start
  };
  Progress progress() const;
  /// Why it cannot go on; empty: it can.
  std::string failure() const;

 private:
  struct Followed {
    bool restoring = false;
    std::int64_t position = 0;
    std::int64_t target = -1;  // offset that the position must pass; -1: not known yet
    TimeMs progress_ms = 0;
    v1::PositionRecord record;
  };

  void run();
  void learn_topic();
  void reassign();
  /// False: refused.
  bool begin(std::uint32_t partition, Followed& followed);
  void refuse(std::uint32_t partition, std::string why);
  std::string place(std::uint32_t partition) const;
  std::int64_t first_since(std::uint32_t partition, TimeMs since, std::int64_t high);
  void ask_target(std::uint32_t partition, Followed& followed);
  void read();
  void take(const std::vector<Message>& messages);
  void check_finished();
  void fail(std::string why);

  const Settings settings_;
  const std::string topic_;
  Store& store_;
  const Clock& clock_;
  Client consumer_;    // read_committed
  Client watermarks_;  // read_uncommitted; reads nothing
  Queue queue_;
  TopicHandle known_topic_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::uint32_t, bool> wanted_;  // partition: whether it is to be finished
  std::uint64_t wanted_version_ = 1;
  std::uint64_t served_version_ = 0;
  std::vector<std::uint32_t> finished_;
  std::map<std::uint32_t, std::string> refused_;
  Progress progress_;
  std::string failure_;
  bool stopping_ = false;

  std::map<std::uint32_t, Followed> followed_;  // its thread only, like the next
  std::set<std::uint32_t> assigned_;
  std::map<std::uint32_t, TimeMs> behind_since_;  // partitions whose changelog ends before the store's offset
  std::thread thread_;                            // last: stops before what it uses dies
};

/// Whether deletions may have gone from a changelog between what a store reads next and the first record that is young enough for all
/// deletions to be there. A partition that was quiet has nothing there.
bool may_miss_deletions(std::int64_t next_to_read, std::int64_t first_kept);

}  // namespace vtq::kafka
