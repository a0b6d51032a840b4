// The open RocksDB and one commit under way. Included by store*.cc and backup.cc only.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/utilities/write_batch_with_index.h>

#include <array>
#include <mutex>

#include "storage/keys.h"
#include "storage/log_chunk.h"
#include "storage/records.h"
#include "storage/store.h"

namespace vtq {

/// What a change in a changelog is about.
constexpr char kStateChange = 's';
constexpr char kBatchChange = 'b';
constexpr char kRejectedChange = 'r';

/// Layout of keys and records; a store of another schema is refused.
constexpr std::uint64_t kSchema = 2;

struct Store::Database {
  StoreOptions options;
  std::filesystem::path directory;
  std::unique_ptr<rocksdb::DB> db;
  // Column families: state, log chunks, result batches, rejected records.
  rocksdb::ColumnFamilyHandle* state = nullptr;
  rocksdb::ColumnFamilyHandle* log = nullptr;
  rocksdb::ColumnFamilyHandle* batches = nullptr;
  rocksdb::ColumnFamilyHandle* rejected = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;

  // The commit under way. Pipeline thread.
  rocksdb::WriteBatch pending;
  struct Appends {
    LogChunkBuilder chunk;
    std::uint64_t next_offset = 0;
  };
  std::vector<std::array<Appends, kTopics>> appends;  // by partition
  bool dirty = false;
  bool marks_refused = false;
  /// By partition. With the embedded log, rejected records are numbered in one run, kept at 0.
  struct Counters {
    std::uint64_t rejected_last = 0;
    std::uint64_t batches = 0;
  };
  std::vector<Counters> counters;
  v1::EntryRecord scratch;
  std::string key;
  std::string value;
  std::string change_key;
  std::function<void(CommitPoint)> hook;

  // What the last commit left, for readers on other threads.
  mutable std::mutex committed_mutex;
  std::vector<std::array<std::uint64_t, kTopics>> committed_offsets;
  std::vector<Counters> committed_counters;
  std::vector<bool> taken;  // all, with the embedded log
  std::uint64_t taken_changes = 0;

  ~Database();
  /// Part of the next commit, and of the partition's changelog where there is one.
  void put(rocksdb::ColumnFamilyHandle* family, std::uint32_t partition, std::string_view put_key, std::string_view put_value);
  void erase(rocksdb::ColumnFamilyHandle* family, std::uint32_t partition, std::string_view erase_key);
  std::string_view changelog_key(rocksdb::ColumnFamilyHandle* family, std::string_view of_key);
  Counters read_counters(std::uint32_t partition) const;
  bool has_taken(std::uint32_t partition) const;
  bool shows(CentreId centre) const;
  void write(rocksdb::WriteBatch& batch);
  rocksdb::WriteOptions write_options() const;
  void append(Topic topic, std::uint32_t partition, std::string_view record_key, std::string_view record_value);
  void append(Topic topic, std::uint32_t partition, CentreId centre, const google::protobuf::MessageLite& message);
  void read_counters();
  void check_format();
  bool holds_nothing() const;
  std::optional<std::string> get(rocksdb::ColumnFamilyHandle* family, std::string_view get_key) const;
  std::uint64_t get_u64(std::string_view get_key) const;
  /// Every key that starts with `prefix`.
  void scan(rocksdb::ColumnFamilyHandle* family, std::string_view prefix,
            const std::function<void(std::string_view, std::string_view)>& take) const;
};

/// Throws StoreError unless `status` is ok; `doing` says what was tried.
void require(const rocksdb::Status& status, std::string_view doing);

/// `17`, or `17-3` where each partition numbers its own.
struct RejectedKey {
  std::uint64_t number = 0;
  std::optional<std::uint32_t> partition;
};
std::optional<RejectedKey> rejected_key(std::string_view id);

inline rocksdb::Slice slice(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view view(const rocksdb::Slice& text) { return {text.data(), text.size()}; }

}  // namespace vtq
