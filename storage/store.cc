#include "storage/store.h"

#include <unistd.h>

#include <algorithm>

#include "storage/database.h"
#include "storage/sealing/sealed_output.h"
#include "storage/state_snapshot.h"

namespace vtq {

void require(const rocksdb::Status& status, std::string_view doing) {
  if (status.ok()) return;
  bool file_gone = status.IsPathNotFound();
  std::string advice =
      status.IsNoSpace() ? " Free disk space, then start again; nothing committed is lost."
      : status.IsCorruption() || file_gone
          ? " A file of the store is damaged. Move the directory away and restore the newest backup with `resultsctl restore`, then publish "
            "again what came after it; on Kafka, remove the directory: it is built again from the changelog."
      : status.IsIOError() ? " Check the disk and the rights on the data directory, and that no other resultsd uses it."
                           : "";
  std::string text = "Store: " + std::string(doing) + " failed: " + without_keys(status.ToString()) + "." + advice;
  if (status.IsCorruption() || file_gone) throw StoreDamage(text);
  throw StoreError(text);
}

Store::Database::~Database() {
  if (db) {
    for (rocksdb::ColumnFamilyHandle* handle : handles) db->DestroyColumnFamilyHandle(handle);
    db->Close();
  }
  if (directory_file >= 0) ::close(directory_file);
}

std::optional<std::string> Store::Database::get(rocksdb::ColumnFamilyHandle* family, std::string_view get_key,
                                                const rocksdb::Snapshot* snapshot) const {
  std::string found;
  rocksdb::ReadOptions read;
  read.snapshot = snapshot;
  rocksdb::Status status = db->Get(read, family, slice(get_key), &found);
  if (status.IsNotFound()) return std::nullopt;
  readable(status, "reading");
  return found;
}

std::uint64_t Store::Database::get_u64(std::string_view get_key, const rocksdb::Snapshot* snapshot) const {
  auto found = get(state, get_key, snapshot);
  return found ? keys::last_u64(*found) : 0;
}

void Store::Database::scan(rocksdb::ColumnFamilyHandle* family, std::string_view prefix,
                           const std::function<void(std::string_view, std::string_view)>& take, const rocksdb::Snapshot* snapshot) const {
  rocksdb::ReadOptions read;
  read.snapshot = snapshot;
  read.total_order_seek = true;
  std::unique_ptr<rocksdb::Iterator> at(db->NewIterator(read, family));
  for (at->Seek(slice(prefix)); at->Valid() && at->key().starts_with(slice(prefix)); at->Next()) take(view(at->key()), view(at->value()));
  readable(at->status(), "scanning");
}

void Store::Database::read_counters() {
  appends.resize(options.partitions);
  committed_offsets.resize(options.partitions);
  for (std::uint32_t partition = 0; partition < options.partitions; ++partition)
    for (std::size_t topic = 0; topic < kTopics; ++topic) {
      std::uint64_t next = get_u64(keys::next_offset(static_cast<Topic>(topic), partition));
      appends[partition][topic].next_offset = committed_offsets[partition][topic] = next;
    }
  counters.resize(options.partitions);
  touched.partitions.resize(options.partitions);
  lanes.resize(options.threads > 1 ? options.partitions : 1);
  versions.resize(options.partitions);
  taken.resize(options.partitions, options.sink == nullptr);
  if (!options.sink)
    for (std::uint32_t partition = 0; partition < options.partitions; ++partition) counters[partition] = read_counters(partition);
  committed_counters = counters;
}

Store::Database::Counters Store::Database::read_counters(std::uint32_t partition) const {
  return {.rejected_last = get_u64(keys::rejected_last(partition)), .batches = get_u64(keys::batch_count(partition)), .audit = audit_head(partition)};
}

bool Store::Database::has_taken(std::uint32_t partition) const {
  std::lock_guard lock(committed_mutex);
  return taken[partition];
}

Store::Store(std::unique_ptr<Database> database) : database_(std::move(database)), state_(std::make_unique<StateSnapshot>(*this)) {}

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
  // On Kafka, time goes with the partition's position, and by itself is not worth a transaction.
  if (database_->options.sink) return;
  database_->put_unversioned(database_->state, partition, keys::time(partition), keys::u64(static_cast<std::uint64_t>(time)));
}

void Store::put_durations(std::uint32_t partition, const Durations::Key& key, const Durations::Counts& counts) {
  std::string& value = database_->lane(partition).value;
  records::encode(key, counts, value);
  database_->put(database_->state, partition, keys::durations(partition, key), value);
}

void Store::put_summary(std::uint32_t partition, CentreId centre, const CentreSummary& summary) {
  std::string& value = database_->lane(partition).value;
  records::encode(summary, value);
  database_->put(database_->state, partition, keys::summary(partition, centre), value);
}

void Store::put_slot(std::uint32_t partition, CentreId centre, std::string_view slot, const Stamp& stamp, std::string_view event) {
  std::string& value = database_->lane(partition).value;
  records::encode(stamp, event, value);
  database_->put(database_->state, partition, keys::slots(partition, centre) + std::string(slot), value);
}

void Store::put_entry(std::uint32_t partition, CentreId centre, const Entry& entry) {
  Database::Lane& lane = database_->lane(partition);
  keys::entry(partition, centre, entry.key, lane.key);
  records::encode(entry, lane.value);
  database_->put(database_->state, partition, lane.key, lane.value);
}

void Store::put_waiting(std::uint32_t partition, CentreId centre, const WaitingRecord& record) {
  std::string& value = database_->lane(partition).value;
  records::encode(record, value);
  std::vector<std::string> names = database_->waiting_names(partition, centre, record.key);
  database_->put(database_->state, partition, names.front(), value);
  // Sealed under another key before, it had another name.
  for (std::size_t at = 1; at < names.size(); ++at) database_->erase(database_->state, partition, names[at]);
}

void Store::erase_waiting(std::uint32_t partition, CentreId centre, const WaitingKey& key) {
  for (const std::string& name : database_->waiting_names(partition, centre, key)) database_->erase(database_->state, partition, name);
}

void Store::put_reference(std::string_view slot, const Stamp& stamp, std::string_view event) {
  Database::Lane& lane = database_->lanes.front();
  records::encode(stamp, event, lane.value);
  // On Kafka every instance reads the reference data for itself: it is in no changelog.
  std::string key = keys::reference(slot);
  if (database_->options.seal) database_->options.seal->close(SealedAs::record, kStateChange + key, lane.value, lane.sealed);
  lane.pending.Put(database_->state, slice(key), slice(database_->options.seal ? lane.sealed : lane.value));
  lane.dirty = true;
  database_->touched.reference = true;
}

void Store::entry_status(std::uint32_t partition, CentreId centre, const v1::EntryStatus& status) {
  database_->append(Topic::entry_status, partition, centre, status);
}

void Store::result_batch(std::uint32_t partition, CentreId centre, const v1::ResultBatch& batch) {
  Database::Lane& lane = database_->lane(partition);
  batch.SerializeToString(&lane.value);
  BatchId id = *parse_batch_id(batch.batch());
  if (database_->issued) lane.issuing.push_back(id);
  const Seal* seal = database_->options.seal.get();
  if (!seal) {
    database_->append(Topic::result_batches, partition, centre, batch);
    database_->put_as_it_is(database_->batches, partition, keys::batch(id), lane.value);
  } else {
    std::string place = kBatchChange + keys::batch(id), sealed;
    BatchKey key = seal->batch_key_for(place, lane.value);
    // The embedded log is sealed as a whole.
    if (database_->options.sink)
      database_->append(Topic::result_batches, partition, centre, sealed_for_topic(batch, key));
    else
      database_->append(Topic::result_batches, partition, centre, batch);
    seal->close_batch(place, lane.value, key, sealed);
    database_->put_as_it_is(database_->batches, partition, keys::batch(id), sealed);
  }
  database_->put(database_->state, partition, keys::batch_count(partition), keys::u64(++database_->counters[partition].batches));
}

void Store::notification(std::uint32_t partition, CentreId centre, const v1::Notification& notification) {
  database_->append(Topic::notifications, partition, centre, notification);
}

std::string Store::rejected(std::uint32_t partition, v1::Rejected&& rejected) {
  bool own_numbers = database_->options.sink != nullptr;
  // The one run of the embedded log is counted by all lanes, and stored with the commit.
  std::uint64_t number = own_numbers ? ++database_->counters[partition].rejected_last : ++std::atomic_ref(database_->counters[0].rejected_last);
  rejected.set_id(own_numbers ? std::to_string(number) + "-" + std::to_string(partition) : std::to_string(number));
  std::string& value = database_->lane(partition).value;
  rejected.SerializeToString(&value);
  if (own_numbers && database_->options.seal)
    database_->options.sink->rejected(partition, sealed_for_topic(*database_->options.seal, rejected));
  else if (own_numbers)
    database_->options.sink->rejected(partition, rejected);
  else
    database_->append(Topic::rejected, partition, {}, value);
  database_->put(database_->rejected, partition, keys::rejected(number, own_numbers ? std::optional(partition) : std::nullopt), value);
  if (own_numbers) database_->put(database_->state, partition, keys::rejected_last(partition), keys::u64(number));
  return rejected.id();
}

bool Store::mark_replayed(std::string_view id, TimeMs at) {
  auto record = rejected_record(id);
  auto key = rejected_key(id);
  if (database_->marks_refused || !record || (key->partition && !database_->has_taken(*key->partition))) return false;
  record->mutable_replayed_at()->set_seconds(at / 1000);
  std::uint32_t partition = key->partition.value_or(0);
  std::string& value = database_->lane(partition).value;
  record->SerializeToString(&value);
  database_->put(database_->rejected, partition, keys::rejected(key->number, key->partition), value);
  return true;
}

void Store::refuse_marks(bool refused) { database_->marks_refused = refused; }

void Store::put_clock_confirmation(const ClockConfirmation& confirmed) {
  rocksdb::WriteOptions write;
  write.sync = true;
  std::string value = keys::u64(static_cast<std::uint64_t>(confirmed.log_ms)) + keys::u64(static_cast<std::uint64_t>(confirmed.wall_ms));
  require(database_->db->Put(write, database_->state, slice(keys::kClockConfirmed), slice(value)), "keeping that the clock was confirmed");
}

void Store::put_clock_witness(const ClockWitness& witness) {
  rocksdb::WriteOptions write;
  write.sync = true;
  std::string value = keys::u64(witness.boot) + keys::u64(static_cast<std::uint64_t>(witness.should_ms)) +
                      keys::u64(static_cast<std::uint64_t>(witness.passed_ms)) + keys::u64(witness.doubted);
  require(database_->db->Put(write, database_->state, slice(keys::kClockWitness), slice(value)), "keeping where the clocks stood");
}

ClockWitness Store::clock_witness() const {
  auto found = database_->get(database_->state, keys::kClockWitness);
  if (!found || found->size() != 32) return {};
  auto number = [&](std::size_t at) { return keys::last_u64(std::string_view(*found).substr(0, at * 8)); };
  return {number(1), static_cast<TimeMs>(number(2)), static_cast<TimeMs>(number(3)), number(4) != 0};
}

ClockConfirmation Store::clock_confirmation() const {
  auto found = database_->get(database_->state, keys::kClockConfirmed);
  if (!found || found->size() != 16) return {};
  return {static_cast<TimeMs>(keys::last_u64(std::string_view(*found).substr(0, 8))), static_cast<TimeMs>(keys::last_u64(*found))};
}

StoreVersions Store::versions(std::chrono::milliseconds most) const {
  std::unique_lock lock(database_->committed_mutex);
  database_->cut_ended.wait_for(lock, most, [&] { return !database_->being_written; });
  return {.taken = database_->taken_now(),
          .partitions = database_->versions,
          .reference = database_->reference_version,
          .being_written = database_->being_written};
}

// ---- a partition's changelog ----

std::optional<v1::PositionRecord> Store::position(std::uint32_t partition) const { return database_->position(partition); }

std::optional<v1::PositionRecord> Store::Database::position(std::uint32_t partition, const rocksdb::Snapshot* snapshot) const {
  auto found = get(state, keys::position(partition), snapshot);
  if (!found) return std::nullopt;
  v1::PositionRecord position;
  if (!position.ParseFromString(*found))
    throw StoreError("Store: the position of partition " + std::to_string(partition) +
                     " cannot be read; remove data.directory, it is rebuilt from Kafka.");
  return position;
}

void Store::apply_changelog(std::uint32_t partition, const std::vector<Change>& changes, const v1::PositionRecord& position) {
  Database& database = *database_;
  if (SealKeyId id = position.commit().seal_key(); id != 0 && !(database.options.seal && database.options.seal->has(id)))
    throw StoreError("Changelog: partition " + std::to_string(partition) + " is sealed with key " + text_of_seal_key(id) +
                     ", which is not here; set seal.key_file to the file that the other instances have.");
  rocksdb::WriteBatch batch;
  for (const Change& change : changes) database.apply(partition, change, batch);
  batch.Put(database.state, slice(keys::position(partition)), slice(position.SerializeAsString()));
  require(database.db->Write(database.write_options(), &batch), "applying a changelog");
}

void Store::each_change(std::uint32_t partition, const std::function<void(std::string_view key, std::string_view value)>& take) const {
  Database& database = *database_;
  std::string changed, own = keys::position(partition);
  auto give = [&](char kind, std::string_view key, std::string_view value) {
    changed.assign(1, kind);
    changed += key;
    take(changed, value);
  };
  for (const std::string& prefix : keys::prefixes(partition))
    database.scan(database.state, prefix, [&](std::string_view key, std::string_view value) {
      if (key != own) give(kStateChange, key, value);
    });
  database.scan(database.batches, "", [&](std::string_view key, std::string_view value) {
    if (murmur2_partition(text_of(keys::batch_id(key).centre), database.options.partitions) == partition) give(kBatchChange, key, value);
  });
  database.scan(database.rejected, "", [&](std::string_view key, std::string_view value) {
    if (keys::rejected_partition(key) == partition) give(kRejectedChange, key, value);
  });
}

bool Store::has_change(std::string_view key) const {
  char kind = key.empty() ? '\0' : key[0];
  auto* family = kind == kStateChange ? database_->state : kind == kBatchChange ? database_->batches : database_->rejected;
  return database_->get(family, std::string(key.substr(1))).has_value();
}

void Store::wipe(std::uint32_t partition) {
  Database& database = *database_;
  rocksdb::WriteBatch batch;
  for (const std::string& prefix : keys::prefixes(partition))
    database.scan(database.state, prefix, [&](std::string_view key, std::string_view) { batch.Delete(database.state, slice(key)); });
  database.scan(database.batches, "", [&](std::string_view key, std::string_view) {
    if (murmur2_partition(text_of(keys::batch_id(key).centre), database.options.partitions) == partition) batch.Delete(database.batches, slice(key));
  });
  database.scan(database.rejected, "", [&](std::string_view key, std::string_view) {
    if (keys::rejected_partition(key) == partition) batch.Delete(database.rejected, slice(key));
  });
  require(database.db->Write(database.write_options(), &batch), "forgetting a partition");
}

void Store::take(std::uint32_t partition) {
  database_->counters[partition] = database_->read_counters(partition);
  std::lock_guard lock(database_->committed_mutex);
  database_->committed_counters[partition] = database_->counters[partition];
  database_->taken[partition] = true;
  ++database_->taken_changes;
}

void Store::give_up(std::uint32_t partition) {
  database_->counters[partition] = {};
  std::lock_guard lock(database_->committed_mutex);
  database_->committed_counters[partition] = {};
  database_->taken[partition] = false;
  ++database_->taken_changes;
}

TakenPartitions Store::taken() const {
  std::lock_guard lock(database_->committed_mutex);
  return database_->taken_now();
}

TakenPartitions Store::Database::taken_now() const {
  TakenPartitions found{.partitions = {}, .changes = taken_changes};
  for (std::uint32_t partition = 0; partition < taken.size(); ++partition)
    if (taken[partition]) found.partitions.push_back(partition);
  return found;
}

std::int64_t Store::reference_offset() const { return static_cast<std::int64_t>(database_->get_u64(keys::kReferenceOffset)); }

void Store::on_commit_point(std::function<void(CommitPoint)> hook) { database_->hook = std::move(hook); }

}  // namespace vtq
