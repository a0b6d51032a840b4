#include "storage/store.h"

#include <rocksdb/cache.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <rocksdb/write_buffer_manager.h>

#include <algorithm>

#include "storage/database.h"

namespace vtq {
namespace {

rocksdb::DBOptions database_options(const StoreOptions& options) {
  rocksdb::DBOptions made;
  made.create_if_missing = true;
  made.create_missing_column_families = true;
  made.max_background_jobs = 2;
  made.max_total_wal_size = options.wal_bytes_max;
  made.allow_concurrent_memtable_write = false;  // one writer; allows inserting near the last key
  made.enable_write_thread_adaptive_yield = false;
  made.bytes_per_sync = 1 << 20;
  made.keep_log_file_num = 5;
  made.max_open_files = -1;
  made.skip_stats_update_on_db_open = true;
  made.skip_checking_sst_file_sizes_on_db_open = true;
  made.write_buffer_manager = std::make_shared<rocksdb::WriteBufferManager>(options.write_buffer_bytes * 3);
  return made;
}

rocksdb::ColumnFamilyOptions family_options(const StoreOptions& options, const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions made;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.block_size = 16 << 10;
  table.format_version = 5;
  made.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  made.compression = rocksdb::kLZ4Compression;
  made.write_buffer_size = options.write_buffer_bytes;
  return made;
}

rocksdb::ColumnFamilyOptions state_options(const StoreOptions& options, const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions made = family_options(options, cache);
  // A centre's entries lie together and often change together.
  made.memtable_insert_with_hint_prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(7));
  made.compression = rocksdb::kNoCompression;
  made.bottommost_compression = rocksdb::kLZ4Compression;
  made.compaction_style = rocksdb::kCompactionStyleUniversal;
  made.compaction_options_universal.max_size_amplification_percent = 200;
  made.compaction_options_universal.min_merge_width = 4;
  made.compaction_options_universal.compression_size_percent = -1;
  made.level0_file_num_compaction_trigger = 16;
  made.level0_slowdown_writes_trigger = 40;
  made.level0_stop_writes_trigger = 60;
  return made;
}

rocksdb::ColumnFamilyOptions log_options(const StoreOptions& options, const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions made = family_options(options, cache);
  // Chunks are written once and read in order: keep them out of compaction.
  made.enable_blob_files = true;
  made.min_blob_size = 0;
  made.blob_file_size = 256 << 20;
  made.blob_compression_type = rocksdb::kLZ4Compression;
  return made;
}

}  // namespace

void require(const rocksdb::Status& status, std::string_view doing) {
  if (status.ok()) return;
  std::string advice = status.IsNoSpace() ? " Free disk space, then start again; nothing committed is lost."
                       : status.IsCorruption()
                           ? " Restore the newest backup with `resultsctl restore`, then publish again from there."
                       : status.IsIOError() ? " Check the disk and the rights on the data directory, and that no other resultsd uses it."
                                            : "";
  throw StoreError("Store: " + std::string(doing) + " failed: " + status.ToString() + "." + advice);
}

Store::Database::~Database() {
  if (!db) return;
  for (rocksdb::ColumnFamilyHandle* handle : handles) db->DestroyColumnFamilyHandle(handle);
  db->Close();
}

void Store::Database::put(rocksdb::ColumnFamilyHandle* family, std::string_view put_key, std::string_view put_value) {
  pending.Put(family, slice(put_key), slice(put_value));
  dirty = true;
}

void Store::Database::erase(rocksdb::ColumnFamilyHandle* family, std::string_view erase_key) {
  pending.Delete(family, slice(erase_key));
  dirty = true;
}

void Store::Database::append(Topic topic, std::uint32_t partition, std::string_view record_key, std::string_view record_value) {
  appends[partition][static_cast<std::size_t>(topic)].chunk.add(record_key, record_value);
  dirty = true;
}

void Store::Database::append(Topic topic, std::uint32_t partition, CentreId centre, const google::protobuf::MessageLite& message) {
  appends[partition][static_cast<std::size_t>(topic)].chunk.add(text_of(centre), message);
  dirty = true;
}

std::optional<std::string> Store::Database::get(rocksdb::ColumnFamilyHandle* family, std::string_view get_key) const {
  std::string found;
  rocksdb::Status status = db->Get(rocksdb::ReadOptions{}, family, slice(get_key), &found);
  if (status.IsNotFound()) return std::nullopt;
  require(status, "reading");
  return found;
}

std::uint64_t Store::Database::get_u64(std::string_view get_key) const {
  auto found = get(state, get_key);
  return found ? keys::last_u64(*found) : 0;
}

void Store::Database::scan(rocksdb::ColumnFamilyHandle* family, std::string_view prefix,
                           const std::function<void(std::string_view, std::string_view)>& take) const {
  rocksdb::ReadOptions read;
  read.total_order_seek = true;
  std::unique_ptr<rocksdb::Iterator> at(db->NewIterator(read, family));
  for (at->Seek(slice(prefix)); at->Valid() && at->key().starts_with(slice(prefix)); at->Next())
    take(view(at->key()), view(at->value()));
  require(at->status(), "scanning");
}

/// Also true of a store whose first start was killed before it was marked.
bool Store::Database::holds_nothing() const {
  return std::all_of(handles.begin(), handles.end(), [&](rocksdb::ColumnFamilyHandle* family) {
    std::unique_ptr<rocksdb::Iterator> at(db->NewIterator(rocksdb::ReadOptions{}, family));
    at->SeekToFirst();
    require(at->status(), "looking for records");
    return !at->Valid();
  });
}

void Store::Database::check_format() {
  std::string wanted = keys::u64(kSchema) + keys::u64(options.partitions);
  auto found = get(state, keys::kFormat);
  if (!found && holds_nothing()) {
    rocksdb::WriteOptions write;
    write.sync = true;
    require(db->Put(write, state, slice(keys::kFormat), slice(wanted)), "marking the new store");
    return;
  }
  if (!found || found->size() != wanted.size())
    throw StoreError("Store: " + directory.string() + " holds a RocksDB that is not a resultsd store; set data.directory to another place.");
  if (found->substr(0, 8) != wanted.substr(0, 8))
    throw StoreError("Store: " + directory.string() + " has schema " + std::to_string(keys::last_u64(found->substr(0, 8))) +
                     ", this version reads schema " + std::to_string(kSchema) + "; use the version that made it.");
  if (found->substr(8) != wanted.substr(8))
    throw StoreError("Store: " + directory.string() + " was made with partitions = " +
                     std::to_string(keys::last_u64(*found)) + "; set `partitions` to that, it cannot change.");
}

void Store::Database::read_counters() {
  appends.resize(options.partitions);
  committed_offsets.resize(options.partitions);
  for (std::uint32_t partition = 0; partition < options.partitions; ++partition)
    for (std::size_t topic = 0; topic < kTopics; ++topic) {
      std::uint64_t next = get_u64(keys::next_offset(static_cast<Topic>(topic), partition));
      appends[partition][topic].next_offset = committed_offsets[partition][topic] = next;
    }
  rejected_last = committed_rejected = get_u64(keys::kRejectedLast);
  batch_count = committed_batches = get_u64(keys::kBatchCount);
}

std::unique_ptr<Store> Store::open(const std::filesystem::path& directory, const StoreOptions& options) {
  auto database = std::make_unique<Database>();
  database->options = options;
  database->directory = directory;
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) throw StoreError("Store: cannot make " + directory.string() + ": " + error.message() + ". Set data.directory to a place that can be written.");
  auto cache = rocksdb::NewLRUCache(options.block_cache_bytes);
  std::vector<rocksdb::ColumnFamilyDescriptor> families = {
      {rocksdb::kDefaultColumnFamilyName, family_options(options, cache)},
      {"state", state_options(options, cache)},
      {"log", log_options(options, cache)},
      {"batches", family_options(options, cache)},
      {"rejected", family_options(options, cache)}};
  rocksdb::DB* db = nullptr;
  require(rocksdb::DB::Open(database_options(options), directory.string(), families, &database->handles, &db),
          "opening " + directory.string());
  database->db.reset(db);
  database->state = database->handles[1];
  database->log = database->handles[2];
  database->batches = database->handles[3];
  database->rejected = database->handles[4];
  database->check_format();
  database->read_counters();
  return std::unique_ptr<Store>(new Store(std::move(database)));
}

Store::Store(std::unique_ptr<Database> database) : database_(std::move(database)) {}

Store::~Store() {
  // Flushed here, the write-ahead log is empty at the next start.
  rocksdb::FlushOptions flush;
  if (database_->db) database_->db->Flush(flush, {database_->state, database_->log, database_->batches, database_->rejected}).PermitUncheckedError();
}

std::uint32_t Store::partitions() const { return database_->options.partitions; }

// ---- commit side ----

void Store::append_input(Topic topic, std::uint32_t partition, std::string_view key, std::string_view value) {
  database_->append(topic, partition, key, value);
}

void Store::put_time(std::uint32_t partition, TimeMs time) {
  database_->put(database_->state, keys::time(partition), keys::u64(static_cast<std::uint64_t>(time)));
}

void Store::put_durations(std::uint32_t partition, const Durations::Key& key, const Durations::Counts& counts) {
  records::encode(key, counts, database_->value);
  database_->put(database_->state, keys::durations(partition, key), database_->value);
}

void Store::put_summary(std::uint32_t partition, CentreId centre, const CentreSummary& summary) {
  records::encode(summary, database_->value);
  database_->put(database_->state, keys::summary(partition, centre), database_->value);
}

void Store::put_slot(std::uint32_t partition, CentreId centre, std::string_view slot, const Stamp& stamp,
                     std::string_view event) {
  records::encode(stamp, event, database_->value);
  database_->put(database_->state, keys::slots(partition, centre) + std::string(slot), database_->value);
}

void Store::put_entry(std::uint32_t partition, CentreId centre, const Entry& entry) {
  keys::entry(partition, centre, entry.key, database_->key);
  records::encode(entry, database_->scratch, database_->value);
  database_->put(database_->state, database_->key, database_->value);
}

void Store::put_parked(std::uint32_t partition, CentreId centre, const Parked& parked) {
  records::encode(parked, database_->value);
  database_->put(database_->state, keys::parked(partition, centre, parked.stamp), database_->value);
}

void Store::erase_parked(std::uint32_t partition, CentreId centre, const Stamp& stamp) {
  database_->erase(database_->state, keys::parked(partition, centre, stamp));
}

void Store::put_reference(std::string_view slot, const Stamp& stamp, std::string_view event) {
  records::encode(stamp, event, database_->value);
  database_->put(database_->state, keys::reference(slot), database_->value);
}

void Store::entry_status(std::uint32_t partition, CentreId centre, const v1::EntryStatus& status) {
  database_->append(Topic::entry_status, partition, centre, status);
}

void Store::result_batch(std::uint32_t partition, CentreId centre, const v1::ResultBatch& batch) {
  database_->append(Topic::result_batches, partition, centre, batch);
  batch.SerializeToString(&database_->value);
  database_->put(database_->batches, keys::batch(*parse_batch_id(batch.batch())), database_->value);
  database_->put(database_->state, keys::kBatchCount, keys::u64(++database_->batch_count));
}

void Store::notification(std::uint32_t partition, CentreId centre, const v1::Notification& notification) {
  database_->append(Topic::notifications, partition, centre, notification);
}

std::string Store::rejected(std::uint32_t partition, v1::Rejected&& rejected) {
  std::uint64_t id = ++database_->rejected_last;
  rejected.set_id(std::to_string(id));
  rejected.SerializeToString(&database_->value);
  database_->append(Topic::rejected, partition, {}, database_->value);
  database_->put(database_->rejected, keys::rejected(id), database_->value);
  database_->put(database_->state, keys::kRejectedLast, keys::u64(id));
  return std::to_string(id);
}

bool Store::mark_replayed(std::string_view id, TimeMs at) {
  auto record = rejected_record(id);
  if (!record) return false;
  record->mutable_replayed_at()->set_seconds(at / 1000);
  record->SerializeToString(&database_->value);
  database_->put(database_->rejected, keys::rejected(std::stoull(std::string(id))), database_->value);
  return true;
}

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
      database.put(database.log, keys::chunk(static_cast<Topic>(topic), partition, from), database.value);
      database.put(database.state, keys::next_offset(static_cast<Topic>(topic), partition), keys::u64(appends.next_offset));
    }
  }
  if (database.hook) database.hook(CommitPoint::before_write);
  rocksdb::WriteOptions write;
  write.sync = database.options.sync;
  require(database.db->Write(write, &database.pending), "committing");
  if (database.hook) database.hook(CommitPoint::after_write);
  database.pending.Clear();
  database.dirty = false;
  std::lock_guard lock(database.committed_mutex);
  for (std::uint32_t partition = 0; partition < database.options.partitions; ++partition)
    for (std::size_t topic = 0; topic < kTopics; ++topic)
      database.committed_offsets[partition][topic] = database.appends[partition][topic].next_offset;
  database.committed_rejected = database.rejected_last;
  database.committed_batches = database.batch_count;
}

void Store::on_commit_point(std::function<void(CommitPoint)> hook) { database_->hook = std::move(hook); }

}  // namespace vtq
