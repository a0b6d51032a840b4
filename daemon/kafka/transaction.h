// The transactional producer of one instance. A transaction carries outputs, rejected records, changelog records, one commit record
// per partition, and the consumer's offsets with the group's metadata: all of it is seen, or nothing.
//
//   begin -> output, rejected, change, ... -> commit          (throws Aborted or Lost: nothing of it was seen, or nobody knows)
//
// Lives on the pipeline's thread.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <functional>

#include "daemon/kafka/client.h"
#include "daemon/kafka/topics.h"
#include "storage/store.h"

namespace vtq::kafka {

/// The transaction was rolled back, and the producer can go on: drop the overlay and read again.
struct Aborted : std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// Fenced, or the outcome is unknown: destroy producer and consumer, drop the overlay, restore from what Kafka holds.
struct Lost : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Lost, because the brokers know a later member or producer of this instance's name.
struct Fenced : Lost {
  using Lost::Lost;
};

/// Where tests stop or kill the process.
enum class TransactionPoint { before_apply, before_offsets, before_end, after_end };

/// A place in an input topic.
struct StreamOffset {
  Topic topic{};
  std::uint32_t partition = 0;
  std::int64_t next = 0;
};

/// Key of the commit record in a changelog.
constexpr std::string_view kCommitKey = "c";
/// Header of a record that resultsd moved to its right place; it is not moved a second time.
constexpr std::string_view kRoutedHeader = "vtq-routed";

class Transaction final : public CommitSink {
 public:
  /// Fences an earlier producer of this instance and finishes what it left. Throws KafkaError and Lost.
  Transaction(const Settings& settings, const TopicNames& names);

  void begin();
  bool open() const { return open_; }
  void output(Topic topic, std::uint32_t partition, CentreId centre, const google::protobuf::MessageLite& message) override;
  void rejected(std::uint32_t partition, const v1::Rejected& record) override;
  void change(std::uint32_t partition, std::string_view key, std::optional<std::string_view> value) override;
  /// A record that came to the wrong place, to the right one, unchanged but for the mark that it was routed. `rewritten`: its value where
  /// the form of that topic's records is another; an Event in protobuf all the same.
  void route(Topic topic, std::uint32_t partition, std::string_view key, const rd_kafka_message_t& record,
             std::optional<std::string_view> rewritten);
  /// Publishes reference data once more: compaction keeps the record that came last, which need not be the latest fact.
  void reference(std::string_view key, std::string_view event);
  /// Where this instance can be reached and what it owns.
  void instance(std::string_view name, std::string_view record);
  void commit_record(std::uint32_t partition, const v1::CommitRecord& record);

  /// Commits what was produced, with the offsets if there are any. Throws Aborted and Lost.
  void commit(rd_kafka_t* consumer, const std::vector<StreamOffset>& offsets);
  /// Rolls back. Throws Lost.
  void abort();

  /// After `commit`: one past the last changelog record of the partition; -1: there was none.
  std::int64_t changelog_next(std::uint32_t partition) const { return changelog_next_[partition]; }
  /// Partitions that have a change in the open transaction.
  bool touched(std::uint32_t partition) const { return touched_[partition]; }
  bool touched_any() const { return std::find(touched_.begin(), touched_.end(), true) != touched_.end(); }

  void on_point(std::function<void(TransactionPoint)> hook) { hook_ = std::move(hook); }
  /// When the last call that may block began; 0: none is under way. For the watchdog, any thread.
  std::atomic<std::int64_t> blocking_since_ms{0};

 private:
  void produce(rd_kafka_topic_t* topic, std::uint32_t partition, std::string_view key, std::optional<std::string_view> value);
  void produce_with(rd_kafka_topic_t* topic, std::uint32_t partition, std::optional<std::string_view> key,
                    std::optional<std::string_view> value, rd_kafka_headers_t* headers);
  void produced(rd_kafka_resp_err_t error);
  void finish(rd_kafka_t* consumer, const std::vector<StreamOffset>& offsets);
  template <class Call>
  void carry_out(const char* what, Call call);
  void take_report(const rd_kafka_message_t& report);
  rd_kafka_topic_t* topic(Topic of);

  TopicNames names_;
  std::string group_;
  std::chrono::milliseconds patience_;
  Client producer_;
  std::array<TopicHandle, kTopics> topics_;
  TopicHandle changelog_;
  TopicHandle instances_;
  std::vector<std::int64_t> changelog_next_;
  std::vector<bool> touched_;
  bool open_ = false;
  bool doubtful_ = false;  // an ended transaction may be ended again by a delayed request
  std::string scratch_;
  std::function<void(TransactionPoint)> hook_;
};

/// The group generation in a consumer's metadata; negative: it is no member any more.
std::int32_t generation_of(const rd_kafka_consumer_group_metadata_t* metadata);

}  // namespace vtq::kafka
