// Redriving: rejected records go back to the topics that they came from, as their publishers wrote them, once whatever was wrong is mended.
//
//   Redrive (fences an earlier one) -> plan: what matches and was not redriven before -> run: portions, each in one transaction
//
// A portion's records and the audit of each, in the topic `redriven`, are one transaction, and what has an audit is left out. So a redrive
// that is stopped at any point loses nothing and sends nothing twice: run it again. The transactional id is the group's, `<group>-redrive`,
// so that a second redrive at the same time stops the first. One thread; reads rejected records from Kafka, never from a store.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "daemon/kafka/client.h"
#include "daemon/kafka/record.h"
#include "daemon/kafka/topics.h"
#include "storage/sealing/seal.h"

namespace vtq::kafka {

/// The record's publisher's headers are kept, and this one names the rejected record that it was.
constexpr std::string_view kRedrivenHeader = "vtq-redriven";

/// Which rejected records; what is empty matches all.
struct RedriveFilter {
  std::string rule, field;
  std::string topic;  ///< where it came from, by its full name
  std::optional<std::string> key;
  std::set<std::string> ids;
  std::optional<TimeMs> since_ms, until_ms;  ///< when it was rejected: from, and before
};

/// A rejected record's headers say what it was.
struct DeadLetter {
  std::string id, rule, field;
  TimeMs rejected_at_ms = 0;
  std::string topic;              ///< where it came from; empty: over HTTP
  std::size_t own_headers = 0;    ///< its publisher's, which come first
  std::string partition, offset;  ///< where it stood in that topic
  std::string whole_bytes;        ///< not empty: only its beginning was kept of so many bytes
  std::string sealed;             ///< not empty: its value is sealed with the key of this id
};

/// Nothing: the record is not one that resultsd rejected.
std::optional<DeadLetter> read_dead_letter(const RecordView& record);
bool matches(const RedriveFilter& filter, const DeadLetter& letter, const RecordView& record);

/// Where a rejected record goes.
struct RedriveTarget {
  std::string topic;
  std::optional<std::string> key;
};
/// Opens its value where it is sealed: into `value`, which `record` then shows. False: `why` says.
bool open_letter(const DeadLetter& letter, RecordView& record, const Seal* seal, std::string& value, std::string& why);
/// The topic that it came from; of one that came over HTTP, the topic and key that a publisher would give it. Nothing: `why` says.
std::optional<RedriveTarget> target_of(const DeadLetter& letter, const RecordView& record, const Settings& settings, std::string& why);

struct RedriveOptions {
  RedriveFilter filter;
  std::string who;         ///< for the audit
  bool dry_run = false;    ///< only `plan`; disturbs no other redrive
  std::int64_t rate = 0;   ///< records a second; 0: as fast as it goes
  std::int64_t limit = 0;  ///< the oldest so many; 0: all
};

/// One record that is to go, or cannot.
struct RedriveCandidate {
  DeadLetter letter;
  std::int32_t partition = 0;  ///< its place among the rejected records
  std::int64_t offset = 0;
  std::string target;  ///< topic; empty: `why` it cannot go
  std::string why;
};

struct RedrivePlan {
  std::vector<RedriveCandidate> chosen;  ///< by time of rejection
  std::vector<RedriveCandidate> stuck;   ///< match, and cannot go
  std::int64_t read = 0;
  std::int64_t matched = 0;
  std::int64_t redriven_before = 0;
  std::int64_t repeated = 0;  ///< bear the id of an older one; of each id, one goes
  std::int64_t beyond_limit = 0;
};

/// Keeps the oldest of `chosen`, of each id one, and `limit` at most; 0: all. Counts the others.
void choose(RedrivePlan& plan, std::int64_t limit);

struct RedriveResult {
  std::int64_t sent = 0;
  std::map<std::string, std::int64_t> by_topic;
  std::int64_t gone = 0;  ///< removed from the topic of rejected records after `plan`
};

class Redrive {
 public:
  /// Connects and, but for a dry run, stops an earlier redrive of the group. `settings` outlive it. Throws KafkaError.
  Redrive(const Settings& settings, RedriveOptions options);
  ~Redrive();

  /// Reads all records rejected so far and all audits. Throws KafkaError.
  const RedrivePlan& plan();
  /// Sends what `plan` chose; `progress` hears of every portion committed. Throws KafkaError, with how many went: another redrive stopped
  /// this one, or the brokers refuse or are away.
  RedriveResult run(const std::function<void(std::int64_t done, std::int64_t total)>& progress);

 private:
  class Reader;
  class Sender;

  std::set<std::string> redriven_before();
  void consider(RecordView& record, const std::set<std::string>& before);
  void check_targets();

  const Settings& settings_;
  RedriveOptions options_;
  TopicNames names_;
  std::shared_ptr<const Seal> seal_;  // null: none is set
  std::unique_ptr<Sender> sender_;    // null in a dry run
  std::unique_ptr<Reader> reader_;
  RedrivePlan plan_;
};

}  // namespace vtq::kafka
