// How far the input topics were read, and whether they still are what was read.
//
// A partition's commit record says how far each input topic was read, and what its last record was. The group's offsets say the first as well,
// but they expire, and others can overwrite them. The topics can lose records before they are read, be cut short, or be deleted and made
// again; librdkafka 2.0.2 knows neither topic ids nor leader epochs, so what is there is compared with what was read. `faults_of` decides
// and is pure; InputLogReader asks the brokers and blocks; PositionWatch does so on a thread of its own, `positions`.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "daemon/kafka/client.h"
#include "daemon/kafka/inputs.h"
#include "daemon/kafka/topics.h"
#include "vtq/v1/store.pb.h"

namespace vtq::kafka {

/// The command that repairs what cannot be decided without a person; every message about such a thing ends with it.
constexpr const char* kRepairCommand = "resultsctl topics repair";

/// The form of commit records that this version writes. It refuses later ones.
constexpr std::uint32_t kCommitSchema = 1;

v1::ReadRecord read_record(const rd_kafka_message_t& message);
/// Next offset of each input topic, from a commit record.
InputOffsets offsets_of(const v1::CommitRecord& record);

/// What the log of one partition of an input topic holds now.
struct InputLog {
  std::int64_t start = 0;                 ///< first offset that is kept
  std::int64_t end = 0;                   ///< one past the last, also of transactions that are open
  std::optional<v1::ReadRecord> at_last;  ///< the record at the offset of the one that was read last; nothing: there is none
};
using InputLogs = std::map<Topic, InputLog>;

/// Why one cannot simply go on with an input topic's partition.
struct PositionFault {
  enum class Kind {
    state_lost,      ///< the group has consumed, and the changelog has no state at all
    group_moved,     ///< the group's offset is not that of the commit record: another client, or a person, set it
    deleted_unread,  ///< the log begins after the next offset
    log_cut,         ///< the log ends before the next offset
    log_replaced,    ///< another record, or none, stands where the last one was read
  } kind{};
  Topic topic{};
  std::uint32_t partition = 0;
  std::optional<std::int64_t> next;   ///< of the commit record; nothing: none of it was read
  std::optional<std::int64_t> group;  ///< the group's
  InputLog log;
  std::optional<v1::ReadRecord> last;
};

/// One for each input topic at most. A group that has no offset is none: offsets expire, and the commit record knows. `group`: null: not asked.
std::vector<PositionFault> faults_of(std::uint32_t partition, const v1::CommitRecord& record, const InputOffsets* group, const InputLogs& logs);
/// What is wrong, with topic, partition and offsets; without what to do.
std::string text_of(const PositionFault& fault, const TopicNames& names, const std::string& group);

/// What `resultsctl topics repair` does about it, and what is lost; empty: nothing.
std::string remedy_of(const PositionFault& fault);
std::string loss_of(const PositionFault& fault);
/// The commit record that a partition goes on from once its faults are repaired, and the group's offsets with it. What was read may be read
/// again; nothing that is there is passed over.
std::pair<v1::CommitRecord, InputOffsets> repaired(const v1::CommitRecord& record, const std::vector<PositionFault>& faults);

/// Asks the brokers what the logs hold. One thread at a time.
class InputLogReader {
 public:
  /// Throws KafkaError.
  InputLogReader(const Settings& settings, const TopicNames& names);

  /// Of all input topics of these partitions, for these commit records; nothing: the brokers did not say within `ends_ms` where the logs begin and
  /// end, or did not give the records that were read last within `last_ms`, or `asked_to_stop` said so.
  std::optional<std::map<std::uint32_t, InputLogs>> read(const std::map<std::uint32_t, v1::CommitRecord>& records, int ends_ms, int last_ms,
                                                         const std::function<bool()>& asked_to_stop = {});
  /// Why the last `read` had no answer.
  const std::string& failure() const { return failure_; }

 private:
  bool ask_ends(rd_kafka_topic_partition_list_t* list, std::int64_t end, int timeout_ms);
  bool read_last(const std::map<std::uint32_t, v1::CommitRecord>& records, std::map<std::uint32_t, InputLogs>& found, int timeout_ms,
                 const std::function<bool()>& asked_to_stop);

  TopicNames names_;
  Client consumer_;  // read_uncommitted
  Queue queue_;
  std::string failure_;
};

/// Asks on a thread of its own. `ask` and `take` belong to the pipeline's thread; `problems` to any.
class PositionWatch {
 public:
  /// Throws KafkaError.
  PositionWatch(const Settings& settings, const TopicNames& names);
  ~PositionWatch();

  struct Answer {
    std::map<std::uint32_t, v1::CommitRecord> asked;
    std::map<std::uint32_t, InputLogs> logs;
  };
  bool busy() const;
  /// When it is not busy.
  void ask(std::map<std::uint32_t, v1::CommitRecord> records);
  /// The answer, once there is one. A partition of which nothing can be said yet is left out, to be asked for again: the others do not wait for it.
  std::optional<Answer> take();
  /// What is wrong with the set-up of the topics since the start, as of the last look: as `resultsctl topics check` says it.
  std::vector<std::string> problems() const;

 private:
  void run();
  void answer();
  std::map<std::uint32_t, InputLogs> look(const std::map<std::uint32_t, v1::CommitRecord>& records);
  bool stopping() const;
  void look_at_topics();

  const Settings settings_;
  // Of its thread.
  InputLogReader reader_;
  std::optional<std::chrono::steady_clock::time_point> failing_since_;
  std::set<std::uint32_t> told_;  // those of which nothing could be said, since then
  std::map<std::uint32_t, std::chrono::steady_clock::time_point> behind_since_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<std::map<std::uint32_t, v1::CommitRecord>> asked_;
  std::optional<Answer> answer_;
  std::vector<std::string> problems_;
  bool stopping_ = false;
  std::thread thread_;  // last: stops before what it uses dies
};

}  // namespace vtq::kafka
