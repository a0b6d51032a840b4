// One commit under way: what lanes put into it, and how it is put together and written, at once or cut first and written later.
#include <rocksdb/perf_level.h>

#include <algorithm>
#include <cstdlib>

#include "storage/database.h"

namespace vtq {
namespace {

constexpr std::size_t kLaneBytesKept = 1u << 20;

}  // namespace

void Store::Database::put(rocksdb::ColumnFamilyHandle* family, std::uint32_t partition, std::string_view put_key, std::string_view put_value) {
  Lane& own = lane(partition);
  if (options.seal) {
    std::string_view place = changelog_key(family, put_key, own.change_key);
    if (is_sealed_at(place)) {
      options.seal->close(SealedAs::record, place, put_value, own.sealed);
      put_value = own.sealed;
    }
  }
  put_as_it_is(family, partition, put_key, put_value);
}

void Store::Database::put_unversioned(rocksdb::ColumnFamilyHandle* family, std::uint32_t partition, std::string_view put_key,
                                      std::string_view put_value) {
  const std::uint8_t before = touched.partitions[partition];
  put(family, partition, put_key, put_value);
  touched.partitions[partition] = before;
}

void Store::Database::put_as_it_is(rocksdb::ColumnFamilyHandle* family, std::uint32_t partition, std::string_view put_key,
                                   std::string_view put_value) {
  Lane& own = lane(partition);
  own.pending.Put(family, slice(put_key), slice(put_value));
  own.dirty = true;
  touched.add(partition);
  if (options.sink) options.sink->change(partition, changelog_key(family, put_key, own.change_key), put_value);
}

void Store::Database::erase(rocksdb::ColumnFamilyHandle* family, std::uint32_t partition, std::string_view erase_key) {
  Lane& own = lane(partition);
  own.pending.Delete(family, slice(erase_key));
  own.dirty = true;
  touched.add(partition);
  if (options.sink) options.sink->change(partition, changelog_key(family, erase_key, own.change_key), std::nullopt);
}

/// In a changelog, the column family stands before the key.
std::string_view Store::Database::changelog_key(rocksdb::ColumnFamilyHandle* family, std::string_view of_key, std::string& scratch) const {
  scratch.assign(1, family == state ? kStateChange : family == batches ? kBatchChange : kRejectedChange);
  scratch += of_key;
  return scratch;
}

bool Store::Database::dirty() const {
  return std::any_of(lanes.begin(), lanes.end(), [](const Lane& one) { return one.dirty; });
}

rocksdb::WriteBatch& Store::Database::gather() {
  if (lanes.size() == 1) return lanes.front().pending;
  // A batch is its head, which ends with the number of its records, and these one after another: no record is looked at.
  std::string all = rocksdb::WriteBatch().Data();
  const std::size_t head_bytes = all.size();
  std::size_t bytes = head_bytes;
  std::uint32_t records = 0;
  for (const Lane& one : lanes) {
    bytes += one.pending.GetDataSize() - head_bytes;
    records += one.pending.Count();
  }
  all.reserve(bytes);
  for (std::size_t byte = 0; byte < sizeof records; ++byte) all[head_bytes - sizeof records + byte] = static_cast<char>(records >> (8 * byte));
  for (const Lane& one : lanes) all.append(one.pending.Data(), head_bytes);
  joined = rocksdb::WriteBatch(std::move(all));
  if (joined.Count() != records) std::abort();
  return joined;
}

std::vector<BatchId> Store::Database::take_issuing() {
  std::vector<BatchId> all = std::move(lanes.front().issuing);
  for (std::size_t at = 1; at < lanes.size(); ++at) all.insert(all.end(), lanes[at].issuing.begin(), lanes[at].issuing.end());
  return all;
}

void Store::Database::clear_lanes() {
  for (Lane& one : lanes) {
    // Of one lane among many the memory of its largest commit does not stay.
    if (lanes.size() > 1 && one.pending.GetDataSize() > kLaneBytesKept)
      one.pending = rocksdb::WriteBatch();
    else
      one.pending.Clear();
    one.issuing.clear();
    one.dirty = false;
  }
  joined.Clear();
}

void Store::Database::append(Topic topic, std::uint32_t partition, std::string_view record_key, std::string_view record_value) {
  appends[partition][static_cast<std::size_t>(topic)].chunk.add(record_key, record_value);
  lane(partition).dirty = true;
}

void Store::Database::append(Topic topic, std::uint32_t partition, CentreId centre, const google::protobuf::MessageLite& message) {
  if (options.sink) return options.sink->output(topic, partition, centre, message);
  appends[partition][static_cast<std::size_t>(topic)].chunk.add(text_of(centre), message);
  lane(partition).dirty = true;
}

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
  if (!database.dirty()) return;
  rocksdb::WriteBatch& pending = database.gather();
  std::string& value = database.lanes.front().value;
  for (std::uint32_t partition = 0; partition < database.options.partitions; ++partition) {
    for (std::size_t topic = 0; topic < kTopics; ++topic) {
      Database::Appends& appends = database.appends[partition][topic];
      if (appends.chunk.empty()) continue;
      std::uint64_t from = appends.next_offset;
      appends.next_offset += appends.chunk.records();
      appends.chunk.take(now, value);
      std::string key = keys::chunk(static_cast<Topic>(topic), partition, from);
      if (database.options.seal) {
        std::string sealed;
        database.options.seal->close(SealedAs::log, kLogPlace + key, value, sealed);
        value.swap(sealed);
      }
      pending.Put(database.log, slice(key), slice(value));
      pending.Put(database.state, slice(keys::next_offset(static_cast<Topic>(topic), partition)), slice(keys::u64(appends.next_offset)));
    }
  }
  database.check_directory();
  if (database.merging_failed.exchange(false)) database.stop_merging();
  Reached next = database.reached;
  next.commit += 1;
  next.at_ms = now;
  next.rejected = database.counters[0].rejected_last;
  if (next.rejected != database.reached.rejected) pending.Put(database.state, slice(keys::rejected_last(0)), slice(keys::u64(next.rejected)));
  pending.Put(database.state, slice(keys::kCommit), slice(keys::u64(next.commit) + keys::u64(static_cast<std::uint64_t>(now))));
  // A number is on record before anybody can see the batch.
  if (std::vector<BatchId> issuing = database.take_issuing(); database.issued && !issuing.empty()) database.issued->append(issuing);
  Database::Writing writing(database, true);
  database.write(pending);
  database.reached = next;
  // The disk is waited for now and then only: a crash of the process does not undo a write to a file, and a power cut takes with it at
  // most the proof of the last second, not what it proves.
  bool sync = database.options.sync && std::abs(now - database.head_synced_ms) >= kHeadSyncMs;
  if (database.head) database.head->write(next, sync);
  if (sync) database.head_synced_ms = now;
  database.clear_lanes();
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
  CutPointer made(new Cut{.batch = std::move(database_->gather()), .counters = database_->counters, .touched = database_->touched});
  database_->clear_lanes();
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
  for (const auto& [partition, position] : positions) database.committed_counters[partition] = cut.counters[partition];
  database.count(cut.touched);
  ++database.cuts_ended;
  database.cut_ended.notify_all();
}

void Store::discard() {
  database_->clear_lanes();
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
