// The open RocksDB and one commit under way. Included by store*.cc and backup.cc only.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/listener.h>
#include <rocksdb/utilities/write_batch_with_index.h>
#include <rocksdb/wal_filter.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>

#include "storage/head.h"
#include "storage/keys.h"
#include "storage/log_chunk.h"
#include "storage/records.h"
#include "storage/store.h"

namespace vtq {

/// What a change in a changelog is about.
constexpr char kStateChange = 's';
constexpr char kBatchChange = 'b';
constexpr char kRejectedChange = 'r';
/// Of the embedded log, which is in no changelog.
constexpr char kLogPlace = 'l';

/// Layout of keys and records; a store of another schema is refused.
constexpr std::uint64_t kSchema = 3;

/// The head file reaches the disk at least so often while commits come.
constexpr TimeMs kHeadSyncMs = 1000;

/// What a commit changes: which partitions, and whether the reference data.
struct Touched {
  std::vector<std::uint8_t> partitions;  // a byte each: lanes write theirs at once
  bool reference = false;

  /// Looks first: bytes that nobody writes any more are in every processor's memory.
  void add(std::uint32_t partition) {
    if (!partitions[partition]) partitions[partition] = true;
  }
  void clear() { partitions.assign(partitions.size(), false), reference = false; }
};

struct Store::Database {
  StoreOptions options;
  std::filesystem::path directory;
  std::unique_ptr<rocksdb::WalFilter> wal_filter;  // the options of the open database point to it
  std::unique_ptr<rocksdb::DB> db;
  // Column families: state, log chunks, result batches, rejected records.
  rocksdb::ColumnFamilyHandle* state = nullptr;
  rocksdb::ColumnFamilyHandle* log = nullptr;
  rocksdb::ColumnFamilyHandle* batches = nullptr;
  rocksdb::ColumnFamilyHandle* rejected = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  int directory_file = -1;  // the open directory: it may be moved away, and another put in its place

  // The proof of what was acknowledged; only with the embedded log.
  v1::StoreMark mark;
  Reached reached;
  std::unique_ptr<HeadFile> head;
  std::unique_ptr<IssuedFile> issued;
  TimeMs head_synced_ms = 0;

  // The commit under way. Pipeline's threads. With one of them all changes are in one lane; with more each partition has a lane of its own, and
  // the commit puts them together.
  struct alignas(64) Lane {
    rocksdb::WriteBatch pending;
    std::vector<BatchId> issuing;
    bool dirty = false;
    std::string key;
    std::string value;
    std::string change_key;
    std::string sealed;
  };
  std::vector<Lane> lanes;
  rocksdb::WriteBatch joined;
  struct Appends {
    LogChunkBuilder chunk;
    std::uint64_t next_offset = 0;
  };
  std::vector<std::array<Appends, kTopics>> appends;  // by partition
  bool marks_refused = false;
  /// By partition. With the embedded log, rejected records are numbered in one run, kept at 0: with several threads in no order between partitions.
  struct Counters {
    std::uint64_t rejected_last = 0;
    std::uint64_t batches = 0;
    AuditHead audit = {};
  };
  std::vector<Counters> counters;
  Touched touched;
  std::function<void(CommitPoint)> hook;

  mutable std::mutex damage_mutex;
  mutable DamageFound damage;
  std::atomic<bool> merging_failed{false};
  std::atomic<bool> telling_names{false};  // keys::kTellingNames is there

  // What the last commit left, for readers on other threads.
  mutable std::mutex committed_mutex;
  std::vector<std::array<std::uint64_t, kTopics>> committed_offsets;
  std::vector<Counters> committed_counters;
  Reached committed_reached;
  std::vector<bool> taken;  // all, with the embedded log
  std::uint64_t taken_changes = 0;
  std::vector<std::uint64_t> versions;  // by partition, how many commits have changed it, but for its time
  std::uint64_t reference_version = 0;
  // Cuts made, and of these written or dropped.
  std::uint64_t cuts_made = 0;
  std::uint64_t cuts_ended = 0;
  mutable std::condition_variable cut_ended;
  bool being_written = false;
  class Writing;

  ~Database();
  /// Part of the next commit, and of the partition's changelog where there is one.
  void put(rocksdb::ColumnFamilyHandle* family, std::uint32_t partition, std::string_view put_key, std::string_view put_value);
  /// The same of what readers do not keep decoded: to them it is no change of the partition.
  void put_unversioned(rocksdb::ColumnFamilyHandle* family, std::uint32_t partition, std::string_view put_key, std::string_view put_value);
  void erase(rocksdb::ColumnFamilyHandle* family, std::uint32_t partition, std::string_view erase_key);
  std::string_view changelog_key(rocksdb::ColumnFamilyHandle* family, std::string_view of_key, std::string& scratch) const;

  // ---- sealing: store_seal.cc ----
  /// `put` without sealing.
  void put_as_it_is(rocksdb::ColumnFamilyHandle* family, std::uint32_t partition, std::string_view put_key, std::string_view put_value);
  /// Whether what is kept there may carry a grade. `place`: as `changelog_key` gives it.
  static bool is_sealed_at(std::string_view place);
  /// The value, opened into `scratch` where it is sealed. Throws StoreError, and StoreDamage when it does not open.
  std::string_view opened(rocksdb::ColumnFamilyHandle* family, std::string_view of_key, std::string_view value, std::string& scratch) const;
  /// The value sealed with the first key; nothing: it is so already. Throws likewise.
  std::optional<std::string> sealed_anew(std::string_view place, std::string_view value) const;
  /// Names of a fact that waits: the one that it gets, then those that it may have from before. A name tells nothing about what the fact says, but
  /// for the one that it had in a changelog of before.
  std::vector<std::string> waiting_names(std::uint32_t partition, CentreId centre, const WaitingKey& key) const;
  /// The same by keys of the seal, of the name that it has without one.
  std::vector<std::string> sealed_names(std::string_view telling) const;
  /// Part of `batch`: from here on names of before are erased too.
  void has_telling_names(rocksdb::WriteBatch& batch);
  /// One change of a changelog that another instance wrote, sealed as this one seals.
  void apply(std::uint32_t partition, const Change& change, rocksdb::WriteBatch& batch);
  /// Refuses a store whose key is not here.
  void check_seal();
  /// Seals a store that is not sealed, or with another key than the first.
  void seal_all();
  std::uint64_t seal_family(rocksdb::ColumnFamilyHandle* family);
  void drop_log();
  Lane& lane(std::uint32_t partition) { return lanes[lanes.size() == 1 ? 0 : partition]; }
  bool dirty() const;
  /// Everything since the last commit as one batch, in the order of the lanes: the first lane's own where there is no other, else `joined`.
  rocksdb::WriteBatch& gather();
  /// Names of the batches in it, likewise.
  std::vector<BatchId> take_issuing();
  void clear_lanes();
  Counters read_counters(std::uint32_t partition) const;
  /// As stored. Throws StoreError when it cannot be read.
  AuditHead audit_head(std::uint32_t partition) const;
  bool has_taken(std::uint32_t partition) const;
  /// With `committed_mutex` held.
  TakenPartitions taken_now() const;
  bool shows(CentreId centre) const;
  void write(rocksdb::WriteBatch& batch);
  rocksdb::WriteOptions write_options() const;
  void append(Topic topic, std::uint32_t partition, std::string_view record_key, std::string_view record_value);
  void append(Topic topic, std::uint32_t partition, CentreId centre, const google::protobuf::MessageLite& message);
  void read_counters();
  /// Opens what is there, or makes it. `salvage`: of a damaged write-ahead log what comes before the damage is taken.
  void open(bool make, bool salvage);
  void check_format();
  bool holds_nothing() const;
  bool keeps_log() const { return options.log_identity.empty() && !options.sink; }
  /// Refuses a store that is not as far as its head file says.
  void hold_against_head(const HeadFile::Found& found);
  void follow_with_head();
  void read_reached();
  void check_issued();
  /// Of a store made where one was before: numbers that were issued by that one are not given again.
  void go_on_above_what_was_issued();
  /// Notes a breach: what is here is all that is left.
  void begin_epoch(bool restored, const HeadFile::Found& found, const std::map<BatchRun, std::uint32_t>& issued_before,
                   std::uint32_t batch_numbers_from, TimeMs now);
  /// No number of `highest`, nor any below `from`, is given again.
  std::size_t skip_numbers(rocksdb::WriteBatch& batch, const std::map<BatchRun, std::uint32_t>& highest, std::uint32_t from, TimeMs at);
  /// Throws StoreError when the directory is not the one that was opened.
  void check_directory() const;
  void note(bool error, std::string text) const;
  /// Throws unless `status` is ok; damage is kept as found.
  void readable(const rocksdb::Status& status, std::string_view doing) const;
  void found_damage(const std::string& what) const;
  /// Reads of one centre: should they meet damage, the centre is kept as set aside.
  void reading(CentreId centre, const std::function<void()>& read) const;
  /// After damage was met in merging files: no more of it until the next start, or it would be tried for ever.
  void stop_merging();
  /// Counts what a commit has changed. With `committed_mutex` held.
  void count(const Touched& changed);
  std::optional<std::string> get(rocksdb::ColumnFamilyHandle* family, std::string_view get_key, const rocksdb::Snapshot* snapshot = nullptr) const;
  std::optional<v1::PositionRecord> position(std::uint32_t partition, const rocksdb::Snapshot* snapshot = nullptr) const;
  std::uint64_t get_u64(std::string_view get_key, const rocksdb::Snapshot* snapshot = nullptr) const;
  /// Every key that starts with `prefix`.
  void scan(rocksdb::ColumnFamilyHandle* family, std::string_view prefix, const std::function<void(std::string_view, std::string_view)>& take,
            const rocksdb::Snapshot* snapshot = nullptr) const;
};

/// Throws StoreError unless `status` is ok; `doing` says what was tried.
void require(const rocksdb::Status& status, std::string_view doing);

/// On Kafka: a store with this file in it is built anew by the next start.
constexpr const char* kRebuildFile = "REBUILD";

constexpr std::string_view kHowToFindOut =
    "What is lost can be found out: let publishers send again what they sent since then (an event that is here counts once), and compare the batches "
    "that "
    "centres hold with `resultsctl batches`. Numbers of batches that were issued since are not used again.";

/// A message of RocksDB's without what may be a key: keys hold learners' numbers.
std::string without_keys(std::string_view message);

/// `17`, or `17-3` where each partition numbers its own.
struct RejectedKey {
  std::uint64_t number = 0;
  std::optional<std::uint32_t> partition;
};
std::optional<RejectedKey> rejected_key(std::string_view id);

inline rocksdb::Slice slice(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view view(const rocksdb::Slice& text) { return {text.data(), text.size()}; }

}  // namespace vtq
