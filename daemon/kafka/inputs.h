// The consumer of one instance: a member of the group that shares out the centre-keyed input topics. It says which partitions come and go,
// and gives their records: as they come, or in order of time.
//
//   (assigned by the group) -> start -> records -> (revoked) ...
//
// A partition is one of the same number in all six topics. Nothing is fetched of it before `start`, which says from where: no pausing and
// no seeking, with which librdkafka 2.0.2 loses count of offsets. Offsets are never committed here; they go with the transaction.
// Lives on the pipeline's thread, but for `wake`.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "daemon/kafka/client.h"
#include "daemon/kafka/probe.h"
#include "daemon/kafka/topics.h"
#include "daemon/kafka/transaction.h"

namespace vtq::kafka {

constexpr std::array<Topic, 6> kCentreTopics = {Topic::registrations, Topic::checkpoints, Topic::assessments,
                                                Topic::claims,        Topic::assurance,   Topic::commands};

/// Next offset of each input topic of a partition; absent: nothing of it was consumed yet.
using InputOffsets = std::map<Topic, std::int64_t>;

/// Where to go on with a partition.
struct Start {
  InputOffsets offsets;
  std::int64_t time_ms = 0;  ///< nothing earlier comes any more; matters in order of time only
};

/// A record of an input topic. The message is held.
struct InputRecord {
  Message message;
  Topic topic{};
  std::uint32_t partition = 0;
};

class Inputs {
 public:
  /// Joins the group. `before_revoked` is called while the group still waits for this instance to let go of partitions: what of them is
  /// under way must be at its end when it returns. It does not throw. Throws KafkaError.
  Inputs(const Settings& settings, const TopicNames& names, std::function<void()> before_revoked);
  /// Stays a member, for a restart within the session's time; call `leave` to hand over.
  ~Inputs();

  /// What the group said since the last call; in this order: revoked, then assigned.
  struct Changes {
    bool lost = false;  ///< the membership was lost: others may have the revoked partitions already
    std::set<std::uint32_t> revoked;
    std::optional<std::set<std::uint32_t>> assigned;  ///< all of them with eager rebalancing, the new ones with cooperative
    std::map<std::uint32_t, std::string> incomplete;  ///< given of some input topics only, and which are missing: they cannot be worked on
    bool any() const { return lost || !revoked.empty() || assigned; }
  };
  Changes take_changes();
  bool has_changes() const { return changes_.any() || !failure_.empty(); }

  /// The stable offsets that the group committed for a partition; nothing: the brokers could not say within `timeout_ms`.
  std::optional<InputOffsets> committed(std::uint32_t partition, int timeout_ms);
  /// Fetches exactly these partitions from now on, each from where it says. What was gathered before is dropped.
  void start(const std::map<std::uint32_t, Start>& partitions);

  /// Waits up to `idle_ms` for a first record, then for more as long as `more_ms` says; 0: what is there. Serves the group meanwhile.
  std::vector<InputRecord> gather(std::size_t records_max, int idle_ms, const std::function<int()>& more_ms);
  /// The same in order of the records' timestamps over all streams, as far as that order is certain: every stream must have said, by a
  /// record or a TimeReached, how far it has come. `until_ms`: how far the reference data have. A record that is dated far ahead of those
  /// behind it in its stream does not hold them up: it comes at once, and moves no stream.
  std::vector<InputRecord> gather_in_order(std::size_t records_max, int idle_ms, std::int64_t until_ms);
  /// Records that cannot be unpacked, each of the offset that is wanted next, with the error in place of the record. `start` is to follow, from
  /// behind them; until then no other of their partitions is told. Not in order of time, where what comes before may still wait.
  std::vector<InputRecord> take_unreadable() { return std::exchange(unreadable_, {}); }
  /// Ends a wait in `gather`. Any thread.
  void wake();

  /// How far a stream was read.
  struct Position {
    std::int64_t next = -1;     ///< one past the last record; -1: there was none since `start`, nor before
    std::int64_t reached = -1;  ///< past what follows it and is no record, as of the last time that its end was reached; -1: not yet
  };
  /// Nothing: it is not read, or records of it were read that `gather_in_order` holds back.
  std::optional<Position> position(Topic topic, std::uint32_t partition) const;
  /// Partitions that cannot be read on since the last call, because a topic has not the offset that is wanted.
  std::set<std::uint32_t> take_stopped() { return std::exchange(stopped_, {}); }

  /// Leaves the group, so that others take over at once; with static membership only `for_good`. Waits up to `deadline_ms`; a client that has
  /// not closed by then is left to the end of the process.
  void leave(int deadline_ms, bool for_good);

  rd_kafka_t* consumer() const { return consumer_.get(); }
  std::int32_t generation() const;
  bool joined() const { return joined_; }
  /// Whether the group has gone on without this instance. To be asked before `start`, which would make the consumer forget it.
  bool lost() const { return rd_kafka_assignment_lost(consumer_.get()) != 0; }
  /// What this instance has not read of the partitions that it reads, as far as known; `now`: the clock.
  std::vector<StreamLag> lags(TimeMs now);

 private:
  struct Stream {
    std::int64_t next = -1;    // first offset that is wanted; -1: the beginning
    std::int64_t time_ms = 0;  // nothing earlier comes any more
    // Where reading came to an end of what is committed, past all that is no record; -1: nowhere yet. What is wanted goes by the
    // records themselves.
    std::int64_t end = -1;
    TimeMs behind_since_ms = 0;
    TimeMs held_since_ms = 0;
    bool unreadable = false;  // what is wanted next
    std::deque<Message> gathered;
    Queue queue;
  };
  using StreamKey = std::pair<Topic, std::uint32_t>;

  static void on_rebalance(rd_kafka_t*, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* list, void* self);
  void rebalance(rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* list);
  std::set<std::uint32_t> partitions_in(const rd_kafka_topic_partition_list_t& list, std::map<std::uint32_t, std::string>* incomplete);
  void poll(rd_kafka_queue_t* queue, std::size_t count, int timeout_ms, std::vector<Message>& out);
  void check(Message message);
  void keep_unreadable(Message message);
  Stream* wanted(const rd_kafka_message_t& message);
  Topic topic_of(const rd_kafka_message_t& message);
  void poll_group(int timeout_ms);
  void fill(Stream& stream, int timeout_ms);
  bool is_astray(Stream& stream);

  TopicNames names_;
  bool in_order_;
  std::int64_t step_max_ms_;  // in event time, how far one event may lie ahead
  std::function<void()> before_revoked_;
  Client consumer_;
  Queue queue_;
  std::map<StreamKey, Stream> streams_;
  std::vector<InputRecord> unreadable_;
  std::vector<std::pair<const rd_kafka_topic_t*, Topic>> topics_;
  Changes changes_;
  std::set<std::uint32_t> started_;
  std::set<std::uint32_t> stopped_;
  bool joined_ = false;
  bool left_open_ = false;  // it did not close in time: its end would wait for ever
  std::string failure_;     // found in a callback, thrown after the poll
};

}  // namespace vtq::kafka
