// What the next transaction is to carry: outputs, rejected records, changelog records. Filled while the one before it
// is still being committed. Only memory: nothing here knows the brokers.
//
// Pipeline's thread; what names a partition that is worked on, where there are several, from whichever of them is at work on it.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/kafka/client.h"
#include "storage/store.h"

namespace vtq::kafka {

/// Key of the commit record in a changelog.
constexpr std::string_view kCommitKey = "c";
/// Header of a record that resultsd moved to its right place; it is not moved a second time.
constexpr std::string_view kRoutedHeader = "vtq-routed";
/// Header of a record that came over HTTP: a seal of 64 hexadecimal digits, and who said it, a serialised AuditActor.
constexpr std::string_view kByHeader = "vtq-by";

/// A topic that records go to: one of `Topic`, or one that only resultsd reads.
enum class Destination : std::uint8_t { changelog = kTopics, instances };
constexpr std::size_t kDestinations = kTopics + 2;
constexpr Destination destination(Topic topic) { return static_cast<Destination>(topic); }

class Outgoing final : public CommitSink {
 public:
  /// `threads`: that fill it at once, each for partitions of its own.
  explicit Outgoing(std::size_t partitions, std::size_t threads = 1) : parts_(threads > 1 ? partitions : 1), touched_(partitions, false) {}

  void output(Topic topic, std::uint32_t partition, CentreId centre, const google::protobuf::MessageLite& message) override;
  void rejected(std::uint32_t partition, const v1::Rejected& record) override;
  void audit(std::uint32_t partition, std::string_view key, std::string_view line) override;
  void change(std::uint32_t partition, std::string_view key, std::optional<std::string_view> value) override;
  /// A record that came to the wrong place, to the right one, unchanged but for the mark that it was routed.
  /// `rewritten`: its value where the form of that topic's records is another; an Event in protobuf all the same.
  void route(Topic topic, std::uint32_t partition, std::string_view key, const rd_kafka_message_t& record, std::optional<std::string_view> rewritten);
  /// Publishes reference data once more: compaction keeps the record that came last, which need not be the latest fact.
  /// `by`: the header with who said it; empty: none.
  void reference(std::string_view key, std::string_view event, std::string_view by = {});
  /// Where this instance can be reached and what it owns.
  void instance(std::string_view name, std::string_view record);
  void commit_record(std::uint32_t partition, const v1::CommitRecord& record);

  /// Partitions that have an output, a rejected record or a change.
  bool touched(std::uint32_t partition) const { return touched_[partition]; }
  bool touched_any() const { return std::find(touched_.begin(), touched_.end(), true) != touched_.end(); }
  bool empty() const {
    return std::all_of(parts_.begin(), parts_.end(), [](const Part& part) { return part.records.empty(); });
  }
  /// Drops everything; keeps the memory.
  void clear();

  struct HeadersDeleter {
    void operator()(rd_kafka_headers_t* headers) const { rd_kafka_headers_destroy(headers); }
  };
  struct Record {
    Destination to{};
    bool has_key = true;
    bool has_value = true;
    std::uint32_t partition = 0;
    std::uint32_t key_size = 0;
    std::uint32_t value_size = 0;
    std::size_t at = 0;  // of the key in `bytes`; the value follows
    std::unique_ptr<rd_kafka_headers_t, HeadersDeleter> headers;
  };
  /// Records in the order in which they came. Their headers may be taken.
  struct alignas(64) Part {
    std::vector<Record> records;
    std::string bytes;

    std::string_view key(const Record& record) const { return std::string_view(bytes).substr(record.at, record.key_size); }
    std::string_view value(const Record& record) const { return std::string_view(bytes).substr(record.at + record.key_size, record.value_size); }
  };
  /// One for all, or one for each partition. Of a partition of a topic all records are in the same.
  std::vector<Part>& parts() { return parts_; }

 private:
  Part& part(std::uint32_t partition) { return parts_[parts_.size() == 1 ? 0 : partition]; }
  void touch(std::uint32_t partition) {
    if (!touched_[partition]) touched_[partition] = true;
  }
  static void add(Part& part, Destination to, std::uint32_t partition, std::optional<std::string_view> key, std::optional<std::string_view> value,
                  rd_kafka_headers_t* headers = nullptr);
  static void add(Part& part, Destination to, std::uint32_t partition, std::string_view key, const google::protobuf::MessageLite& value);

  std::vector<Part> parts_;
  std::vector<std::uint8_t> touched_;  // a byte each: threads write theirs at once
};

}  // namespace vtq::kafka
