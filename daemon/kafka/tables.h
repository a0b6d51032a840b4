// The two topics that every instance reads whole: the reference data, and the directory of instances. Read on the pipeline's thread with a
// consumer of its own, outside any group.
#pragma once

#include <deque>
#include <map>
#include <optional>

#include "daemon/kafka/client.h"
#include "daemon/kafka/topics.h"

namespace vtq::kafka {

/// An instance, as it described itself last.
struct InstanceRecord {
  std::string name;
  std::string url;
  std::vector<std::uint32_t> partitions;
  std::vector<std::uint32_t> halted;  ///< given to it by the group, and standing still until something is repaired
  std::int64_t at_ms = 0;
  std::int64_t offset = 0;  ///< of the record: later ones know better who has a partition
};
std::string encode_instance(const InstanceRecord& record);
/// Nothing when it is no such record: the topic is there for anybody to write to, and what it says is passed on in JSON.
std::optional<InstanceRecord> decode_instance(std::string_view name, std::string_view text);

class Tables {
 public:
  /// Goes on with the reference data at `reference_from`; reads the directory from its beginning. Throws KafkaError.
  Tables(const Settings& settings, const TopicNames& names, std::int64_t reference_from);

  /// Reads what there is; waits up to `wait_ms` for a first record.
  void poll(int wait_ms);
  /// Reference records read and not taken, in order. One that cannot be unpacked has an error in its place.
  std::deque<Message>& reference() { return reference_; }
  /// Whether everything that was in both topics at some moment since the start was read.
  bool complete() const { return reference_complete_ && instances_complete_; }
  /// Reads the reference data from there again.
  void rewind(std::int64_t reference_from);
  /// Instances by name, whenever there was a change since the last call.
  std::optional<std::map<std::string, InstanceRecord>> take_instances();

 private:
  void assign(std::int64_t reference_from, std::int64_t instances_from);

  std::string reference_topic_;
  std::string instances_topic_;
  Client consumer_;
  Queue queue_;
  std::deque<Message> reference_;
  std::map<std::string, InstanceRecord> instances_;
  std::int64_t reference_wanted_ = 0;  // next offset
  std::int64_t instances_next_ = 0;
  bool instances_changed_ = true;
  bool reference_complete_ = false;
  bool instances_complete_ = false;
};

}  // namespace vtq::kafka
