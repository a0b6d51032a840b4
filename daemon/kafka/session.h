// One membership of the group, from joining to losing it: takes partitions over, works in cycles (gather, apply, hand over to the committer),
// hands partitions over. Part of KafkaEngine, on its thread.
//
// A partition:   assigned -> offsets known -> restoring -> restored, compared with the topics -> active
//                                 ^               |                |                              |      (and back to the changelog's thread
//                                 |               v                v                              |       when revoked)
//                                 +---------------- halted, with a reason <-----------------------+
#pragma once

#include <chrono>
#include <memory>

#include "daemon/kafka/committer.h"
#include "daemon/kafka/engine.h"
#include "daemon/kafka/inputs.h"
#include "daemon/kafka/positions.h"
#include "daemon/kafka/record.h"

namespace vtq::kafka {

/// Lets the store outlive the producers that its changes go to.
class KafkaEngine::Sink final : public CommitSink {
 public:
  CommitSink* to = nullptr;

  void output(Topic topic, std::uint32_t partition, CentreId centre, const google::protobuf::MessageLite& message) override {
    to->output(topic, partition, centre, message);
  }
  void rejected(std::uint32_t partition, const v1::Rejected& record) override { to->rejected(partition, record); }
  void change(std::uint32_t partition, std::string_view key, std::optional<std::string_view> value) override { to->change(partition, key, value); }
};

struct KafkaEngine::Session {
  explicit Session(KafkaEngine& engine);
  ~Session();

  void run();

 private:
  /// One record of a cycle, and what is to become of it.
  struct Item {
    enum class Fate { apply, reject, route, pass } fate = Fate::pass;
    InputRecord input;  // of a reference record: topic reference, partition 0
    Topic route_to{};   // of `route`
    std::uint32_t route_partition = 0;
    std::string route_key;
    std::optional<Rejection> why;  // of `reject`
    bool mine = true;              // of reference data: this instance answers for it
    std::vector<Rejection> warnings;
    std::size_t inbound = 0;  // of `apply`: its place among the inbounds
    std::string held;         // the event's bytes where they are not the record's; of `route`, where the right topic has another form
    bool rewritten = false;   // of `route`: `held` is what goes there
  };

  void read_tables();
  /// Whether fetching began anew from what is committed: what was gathered before comes again.
  bool take_assignment();
  void give_up(std::uint32_t partition);
  void advance_restores();
  void activate(const std::vector<std::uint32_t>& partitions);
  /// Holds the clock against these partitions' logs. Whether the reference data are read again for it: they were read before anything was known
  /// of a clock that is behind, and what seemed to be from the future was passed over.
  bool hear_log(const std::vector<std::uint32_t>& partitions);
  /// Compares what the topics hold with what was read of them, at the take-over and then every kafka.position_check_seconds.
  void look_at_positions();
  /// The commit record in the store.
  v1::CommitRecord record_of(std::uint32_t partition) const;
  /// What keeps a restored partition from working, in words; empty: nothing.
  std::string verify(std::uint32_t partition, const v1::CommitRecord& record);
  std::string words_for(const std::vector<PositionFault>& faults) const;
  /// Lets a partition stand still, while the others go on; it is tried again every kafka.position_check_seconds.
  void halt(const std::map<std::uint32_t, std::string>& whys);
  void retry_halted();
  /// While nothing comes: commits how far the topics were read past the markers of transactions, so that deleting what was read leaves
  /// nothing in doubt; and what the group no longer has.
  void commit_positions(TimeMs now);
  void take(std::uint32_t partition, const v1::PositionRecord& position);
  void start_inputs();
  /// The partition that answers for what is rejected in another one: itself, or for one beyond the setting any that works.
  std::uint32_t home_of(std::uint32_t partition) const;
  void rebuild();
  void show();
  std::vector<StreamLag> lags();
  void tell_held(const StreamLag& lag, TimeMs now);
  void tell_directory();
  void hand_over();

  void cycle();
  void look_at(Item& item, v1::Event& event, Inbound& inbound);
  void process(const ClockState& clock);
  void emit(Item& item, const Verdict* verdict, TimeMs now);
  void reject(Item& item, TimeMs now);
  void commit(TimeMs now);
  std::vector<InputRecord> gather(int idle_ms);
  void keep_within_memory();
  void hand_to_committer(Committer::Work work);
  void settle();
  void conclude(std::optional<Committer::Work> done);

  KafkaEngine& engine_;
  Transaction transaction_;
  Outgoing outgoing_;
  Tables tables_;
  std::optional<Inputs> inputs_;                         // once the tables are read
  std::set<std::uint32_t> assigned_;                     // by the group
  std::set<std::uint32_t> surplus_;                      // by the group, beyond the setting: their records are moved to where they belong
  std::map<std::uint32_t, InputOffsets> surplus_next_;   // of these, as far as known; only the group keeps them
  std::set<std::uint32_t> suspended_;                    // revoked a moment ago; likely to come back
  std::int32_t generation_ = -1;                         // of the group, at the last assignment
  int aborts_ = 0;                                       // since the last commit
  std::map<std::uint32_t, InputOffsets> group_offsets_;  // of partitions that are restoring
  std::set<std::uint32_t> restoring_;
  std::set<std::uint32_t> restored_;                 // of these, from the changelog; they may wait for reference data
  std::map<std::uint32_t, InputLogs> logs_;          // of these, what the topics hold
  std::map<std::uint32_t, std::string> halted_;      // why they stand still; while they are tried again, too
  std::set<std::uint32_t> group_lacks_;              // active ones whose offsets the group does not have
  std::set<std::uint32_t> stopped_;                  // active ones that could not be read on
  std::set<std::uint32_t> unanswered_;               // of these it could not be said yet whether the topics hold what was read
  std::chrono::steady_clock::time_point looked_{};   // at the positions of active ones
  std::chrono::steady_clock::time_point retried_{};  // the halted
  std::chrono::steady_clock::time_point positions_committed_{};
  std::map<std::uint32_t, v1::PositionRecord> active_;  // as of the last cycle, also while that is being committed
  bool quiet_ = false;                                  // nothing came in the last cycle
  std::int64_t reference_next_ = 0;
  std::int64_t reference_answered_ = 0;  // by this instance, with partition 0; below reference_next_ while it reads again
  std::int64_t reference_through_ = 0;   // what was read and processed; ahead of reference_next_ by what changed nothing
  bool reference_moved_ = false;
  struct Ahead {
    std::int64_t offset = 0;
    TimeMs occurred_ms = 0;
  };
  std::optional<Ahead> reference_ahead_;  // the earliest passed over because the clock said that they are from the future
  bool directory_due_ = true;
  std::set<std::pair<Topic, std::uint32_t>> held_told_;  // of the log: a transaction of a publisher is open there
  std::set<Topic> registry_topics_;

  // The cycle under way.
  std::vector<Item> items_;
  std::vector<Inbound> inbounds_;
  std::vector<std::size_t> item_of_;  // by inbound
  std::size_t consumed_ = 0;          // inbounds
  std::size_t emitted_ = 0;           // items
  std::size_t origin_base_ = 0;       // the inbound that the pipeline knows as token 0
  struct Moved {
    std::int64_t next = 0;
    std::int64_t records = 0;
  };
  using Streams = std::map<std::pair<std::uint32_t, Topic>, Moved>;
  Streams moved_;                                                              // by the transaction under way
  std::map<std::pair<std::uint32_t, Topic>, const rd_kafka_message_t*> last_;  // the last record of each; held by `items_`
  std::vector<KafkaEngine::LateRejection> late_;                               // each is answered once its transaction is committed
  RecordView view_;
  double processing_seconds_ = 0;  // since the last commit
  std::size_t processing_events_ = 0;

  // The cycle that is being committed.
  std::vector<std::pair<std::string, KafkaEngine::LateRejection>> answers_;
  Streams committing_;
  std::chrono::steady_clock::time_point handed_over_{};
  Outgoing spare_;
  std::unique_ptr<Committer> committer_;
};

}  // namespace vtq::kafka
