// How a commit is written: at once, with the embedded log; or cut first and written later, once a transaction carries the same.
#include <rocksdb/perf_level.h>

#include <cstdlib>

#include "storage/database.h"

namespace vtq {

/// While a commit is being written: readers may see it, and its versions are not counted yet. `cut`: it is one that nobody cut before.
class Store::Database::Writing {
 public:
  Writing(Database& database, bool cut) : database_(database), cut_(cut) {
    std::lock_guard lock(database_.committed_mutex);
    database_.being_written = true;
    if (cut_) ++database_.cuts_made;
  }
  ~Writing() {
    std::lock_guard lock(database_.committed_mutex);
    database_.being_written = false;
    if (cut_) ++database_.cuts_ended;
    database_.cut_ended.notify_all();
  }
  Writing(const Writing&) = delete;
  Writing& operator=(const Writing&) = delete;

 private:
  Database& database_;
  const bool cut_;
};

void Store::commit(TimeMs now) {
  Database& database = *database_;
  if (!database.dirty) return;
  for (std::uint32_t partition = 0; partition < database.options.partitions; ++partition) {
    for (std::size_t topic = 0; topic < kTopics; ++topic) {
      Database::Appends& appends = database.appends[partition][topic];
      if (appends.chunk.empty()) continue;
      std::uint64_t from = appends.next_offset;
      appends.next_offset += appends.chunk.records();
      appends.chunk.take(now, database.value);
      database.pending.Put(database.log, slice(keys::chunk(static_cast<Topic>(topic), partition, from)), slice(database.value));
      database.pending.Put(database.state, slice(keys::next_offset(static_cast<Topic>(topic), partition)), slice(keys::u64(appends.next_offset)));
    }
  }
  database.check_directory();
  if (database.merging_failed.exchange(false)) database.stop_merging();
  Reached next = database.reached;
  next.commit += 1;
  next.at_ms = now;
  next.rejected = database.counters[0].rejected_last;
  database.pending.Put(database.state, slice(keys::kCommit), slice(keys::u64(next.commit) + keys::u64(static_cast<std::uint64_t>(now))));
  // A number is on record before anybody can see the batch.
  if (database.issued && !database.issuing.empty()) database.issued->append(database.issuing);
  Database::Writing writing(database, true);
  database.write(database.pending);
  database.reached = next;
  // The disk is waited for now and then only: a crash of the process does not undo a write to a file, and a power cut takes with it at
  // most the proof of the last second, not what it proves.
  bool sync = database.options.sync && std::abs(now - database.head_synced_ms) >= kHeadSyncMs;
  if (database.head) database.head->write(next, sync);
  if (sync) database.head_synced_ms = now;
  database.issuing.clear();
  database.pending.Clear();
  database.dirty = false;
  std::lock_guard lock(database.committed_mutex);
  for (std::uint32_t partition = 0; partition < database.options.partitions; ++partition)
    for (std::size_t topic = 0; topic < kTopics; ++topic)
      database.committed_offsets[partition][topic] = database.appends[partition][topic].next_offset;
  database.committed_counters = database.counters;
  database.committed_reached = database.reached;
  database.count(database.touched);
  database.touched.clear();
}

void Store::Database::count(const Touched& changed) {
  for (std::size_t partition = 0; partition < versions.size(); ++partition) versions[partition] += changed.partitions[partition];
  reference_version += changed.reference;
}

rocksdb::WriteOptions Store::Database::write_options() const {
  rocksdb::WriteOptions write;
  write.disableWAL = options.sink != nullptr;
  return write;
}

void Store::Database::write(rocksdb::WriteBatch& batch) {
  if (hook) hook(CommitPoint::before_write);
  // Of this thread: nobody reads RocksDB's counts of comparisons, and keeping them costs a memory access each.
  rocksdb::SetPerfLevel(rocksdb::PerfLevel::kDisable);
  rocksdb::WriteOptions how = write_options();
  how.sync = options.sync && !how.disableWAL;
  require(db->Write(how, &batch), "committing");
  if (hook) hook(CommitPoint::after_write);
}

// ---- with a sink: cut, then write ----

struct Store::Cut {
  rocksdb::WriteBatch batch;
  std::vector<Database::Counters> counters;
  Touched touched;
};

void Store::CutDeleter::operator()(Cut* cut) const { delete cut; }

Store::CutPointer Store::cut() {
  CutPointer made(new Cut{.batch = std::move(database_->pending), .counters = database_->counters, .touched = database_->touched});
  database_->pending.Clear();
  database_->dirty = false;
  database_->touched.clear();
  std::lock_guard lock(database_->committed_mutex);
  ++database_->cuts_made;
  return made;
}

void Store::write(Cut& cut, const std::vector<std::pair<std::uint32_t, v1::PositionRecord>>& positions, std::int64_t reference_offset) {
  Database& database = *database_;
  for (const auto& [partition, position] : positions)
    cut.batch.Put(database.state, slice(keys::position(partition)), slice(position.SerializeAsString()));
  cut.batch.Put(database.state, slice(keys::kReferenceOffset), slice(keys::u64(static_cast<std::uint64_t>(reference_offset))));
  database.check_directory();
  if (database.merging_failed)
    throw StoreError("Store: " + database.directory.string() + " is damaged. The next start builds it anew from the changelog.");
  Database::Writing writing(database, false);
  database.write(cut.batch);
  std::lock_guard lock(database.committed_mutex);
  for (const auto& [partition, position] : positions) {
    database.committed_counters[partition] = cut.counters[partition];
    cut.touched.partitions[partition] = true;  // its time, at the least
  }
  database.count(cut.touched);
  ++database.cuts_ended;
  database.cut_ended.notify_all();
}

void Store::discard() {
  database_->pending.Clear();
  database_->dirty = false;
  database_->touched.clear();
  std::lock_guard lock(database_->committed_mutex);
  database_->counters = database_->committed_counters;
  database_->cuts_ended = database_->cuts_made;
  database_->cut_ended.notify_all();
}

bool Store::await_cut(std::chrono::milliseconds most) const {
  std::unique_lock lock(database_->committed_mutex);
  // Of cuts that come after it nobody has heard anything.
  return database_->cut_ended.wait_for(lock, most, [&, last = database_->cuts_made] { return database_->cuts_ended >= last; });
}

}  // namespace vtq
