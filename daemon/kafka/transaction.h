// The transactional producer of one instance. A transaction carries outputs, rejected records, changelog records, one commit record
// per partition, and the consumer's offsets with the group's metadata: all of it is seen, or nothing.
//
//   begin -> add_offsets -> produce -> commit          (throws Aborted or Lost: nothing of it was seen, or nobody knows)
//
// One thread at a time.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <functional>

#include "daemon/kafka/client.h"
#include "daemon/kafka/outgoing.h"
#include "daemon/kafka/topics.h"

namespace vtq::kafka {

/// The transaction was rolled back, and the producer can go on: drop what is applied and not committed, and read again.
struct Aborted : std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// Fenced, timed out, or the outcome is unknown: destroy producer and consumer, drop everything in memory, restore from what Kafka holds.
struct Lost : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Lost, because the brokers know a later member or producer of this instance's name.
struct Fenced : Lost {
  using Lost::Lost;
};

/// Where tests stop or kill the process: before a cycle applies its events, before the transaction takes their offsets, before it is to be committed,
/// and once it is, before the store is written.
enum class TransactionPoint { before_apply, before_offsets, before_end, after_end };

/// A place in an input topic.
struct StreamOffset {
  Topic topic{};
  std::uint32_t partition = 0;
  std::int64_t next = 0;
};

class Transaction {
 public:
  /// Fences an earlier producer of this instance, and has the brokers roll back what that left open. Throws KafkaError and Lost.
  Transaction(const Settings& settings, const TopicNames& names);

  /// Throws Lost, also when a request of the last transaction may still be on its way.
  void begin();
  /// Produces everything, in its order within each partition; takes the records' headers. Throws Lost.
  void produce(Outgoing& outgoing);
  /// Checks that the consumer is a member of the group, and makes the offsets part of the transaction. Name one of
  /// each partition that the transaction is about, also one that has not moved: until the transaction ends the brokers give nobody the offsets of
  /// a partition that is named here, so no other instance begins on it. A partition of which nothing was ever read has none to name. To be called
  /// before `produce`: while the brokers are still writing the last transaction's markers, this is tried again at once, where producing would stand
  /// still for 20 ms, a constant of librdkafka 2.0.2. Throws Aborted and Lost.
  void add_offsets(rd_kafka_t* consumer, const std::vector<StreamOffset>& offsets);
  /// Throws Aborted and Lost.
  void commit();
  /// Rolls back. Throws Lost.
  void abort();

  /// After `commit`: one past the last changelog record of the partition; -1: there was none.
  std::int64_t changelog_next(std::uint32_t partition) const { return changelog_next_[partition]; }
  void on_point(std::function<void(TransactionPoint)> hook) { hook_ = std::move(hook); }
  /// When the last call that may block began; 0: none is under way. For the watchdog, any thread.
  std::atomic<std::int64_t> blocking_since_ms{0};

 private:
  /// False: there is no use in going on.
  bool produce(const Outgoing::Part& part, Outgoing::Record& record, std::chrono::steady_clock::time_point until);
  template <class Call>
  void carry_out(const char* what, Call call);
  void take_report(const rd_kafka_message_t& report);
  rd_kafka_topic_t* topic(Destination of);

  TopicNames names_;
  std::string group_;
  std::chrono::milliseconds patience_;
  Answers answers_;
  std::chrono::steady_clock::time_point begun_;
  Client producer_;
  std::array<TopicHandle, kDestinations> topics_;
  std::vector<std::int64_t> changelog_next_;
  std::string refused_;  // of the transaction under way, the first record that the brokers did not take: its topic, partition and why
  std::function<void(TransactionPoint)> hook_;
};

/// The group generation in a consumer's metadata; negative: it is no member any more.
std::int32_t generation_of(const rd_kafka_consumer_group_metadata_t* metadata);

}  // namespace vtq::kafka
