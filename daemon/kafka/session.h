// One session of the engine on Kafka, from joining the group to losing it: reads the tables to their ends, joins, then takes turns: settle the
// last commit, answer looks, bring partitions further (Membership), gather and apply (Cycle), tell the others, show how things stand. An aborted
// transaction has everything in memory made anew; at the end the partitions are handed over. Part of KafkaEngine, on its thread.
//
//   read_tables -> turn, turn, ... -> hand_over
//                  ^        | aborted
//                  +- rebuild
#pragma once

#include <memory>
#include <optional>

#include "daemon/kafka/commits.h"
#include "daemon/kafka/cycle.h"
#include "daemon/kafka/engine.h"
#include "daemon/kafka/given.h"
#include "daemon/kafka/membership.h"
#include "daemon/kafka/own_partitions.h"
#include "daemon/kafka/reference_reading.h"
#include "daemon/kafka/tables.h"
#include "daemon/kafka/transaction.h"

namespace vtq::kafka {

/// Lets the store outlive the producers that its changes go to.
class KafkaEngine::Sink final : public CommitSink {
 public:
  CommitSink* to = nullptr;

  void output(Topic topic, std::uint32_t partition, CentreId centre, const google::protobuf::MessageLite& message) override {
    to->output(topic, partition, centre, message);
  }
  void rejected(std::uint32_t partition, const v1::Rejected& record) override { to->rejected(partition, record); }
  void audit(std::uint32_t partition, std::string_view key, std::string_view line) override { to->audit(partition, key, line); }
  void change(std::uint32_t partition, std::string_view key, std::optional<std::string_view> value) override { to->change(partition, key, value); }
};

struct KafkaEngine::Session {
  /// Throws KafkaError and Lost.
  explicit Session(KafkaEngine& engine);
  /// Drops what is not committed.
  ~Session();

  /// Until the engine drains. Throws KafkaError, StoreError and Lost.
  void run();

 private:
  void read_tables();
  void join();
  void turn();
  /// How long to wait for a first record.
  int idle_ms(const ClockState& clock);
  void rebuild();
  void note_aborted(const Aborted& aborted);
  void show();
  void tell_directory();
  void hand_over();
  void conclude(const Committer::Work& done);
  std::vector<LateRejection> take_rejections();
  std::unique_ptr<Pipeline> new_pipeline();

  KafkaEngine& engine_;
  const Given given_;
  Store& store_;
  Transaction transaction_;
  Tables tables_;
  OwnPartitions own_;
  ReferenceReading reference_;
  Commits commits_;
  std::optional<Membership> membership_;  // once the tables are read
  Cycle cycle_;                           // ends first: the records that it has in hand are the consumers', which wait for them when they end
  int aborts_ = 0;                        // since the last commit
  bool quiet_ = false;                    // nothing came in the last turn
  bool directory_due_ = false;
};

}  // namespace vtq::kafka
