// Reads of the store: state for the pipeline's thread, and what any thread may look at.
#include <algorithm>
#include <charconv>

#include "storage/database.h"
#include "storage/state_snapshot.h"

namespace vtq {
namespace {

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

template <class Message>
Message parsed(std::string_view bytes) {
  Message message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    throw StoreDamage("Store: a record cannot be read as what it is; restore the newest backup with `resultsctl restore`.");
  return message;
}

}  // namespace

std::optional<RejectedKey> rejected_key(std::string_view id) {
  auto dash = id.find('-');
  auto number = parse_number<std::uint64_t>(id.substr(0, dash));
  if (!number || *number == 0) return std::nullopt;
  if (dash == id.npos) return RejectedKey{*number, std::nullopt};
  auto partition = parse_number<std::uint16_t>(id.substr(dash + 1));
  if (!partition) return std::nullopt;
  return RejectedKey{*number, *partition};
}

TimeMs Store::time(std::uint32_t partition) { return state_->time(partition); }

void Store::each_durations(std::uint32_t partition, const std::function<void(const Durations::Key&, const Durations::Counts&)>& take) {
  state_->each_durations(partition, take);
}

void Store::each_summary(std::uint32_t partition, const std::function<void(CentreId, CentreSummary&&)>& take) {
  state_->each_summary(partition, take);
}

void Store::each_slot(std::uint32_t partition, CentreId centre, const std::function<void(std::string_view, const Stamp&, std::string_view)>& take) {
  state_->each_slot(partition, centre, take);
}

void Store::each_entry(std::uint32_t partition, CentreId centre, const std::function<void(Entry&&)>& take) {
  state_->each_entry(partition, centre, take);
}

void Store::each_waiting(std::uint32_t partition, CentreId centre, const std::function<void(WaitingRecord&&)>& take) {
  state_->each_waiting(partition, centre, take);
}

void Store::each_reference(const std::function<void(std::string_view, const Stamp&, std::string_view)>& take) { state_->each_reference(take); }

std::vector<LogEntry> Store::read_log(Topic topic, std::uint32_t partition, std::uint64_t from, std::size_t count) const {
  std::vector<LogEntry> found;
  std::unique_ptr<rocksdb::Iterator> at(database_->db->NewIterator(rocksdb::ReadOptions{}, database_->log));
  std::string prefix = keys::chunk(topic, partition, 0).substr(0, 3);
  bool sought = false;
  for (at->SeekForPrev(slice(keys::chunk(topic, partition, from))); found.size() < count; at->Next()) {
    if (!at->Valid() || !at->key().starts_with(slice(prefix))) {
      // Nothing at or before `from`, or not any more: go on with the first chunk after it.
      if (!found.empty() || sought) break;
      sought = true;
      at->Seek(slice(keys::chunk(topic, partition, from)));
      if (!at->Valid() || !at->key().starts_with(slice(prefix))) break;
    }
    database_->readable(at->status(), "reading the log");
    std::string plain;
    auto chunk = parsed<v1::LogChunk>(database_->opened(database_->log, view(at->key()), view(at->value()), plain));
    std::uint64_t offset = keys::last_u64(view(at->key()));
    for (v1::LogRecord& record : *chunk.mutable_records()) {
      if (offset >= from && found.size() < count)
        found.push_back({offset, chunk.appended_ms(), std::move(*record.mutable_key()), std::move(*record.mutable_value())});
      ++offset;
    }
  }
  return found;
}

std::uint64_t Store::end_offset(Topic topic, std::uint32_t partition) const {
  std::lock_guard lock(database_->committed_mutex);
  return database_->committed_offsets[partition][static_cast<std::size_t>(topic)];
}

std::optional<v1::ResultBatch> Store::batch(const BatchId& id) const {
  std::string key = keys::batch(id), plain;
  auto found = database_->shows(id.centre) ? database_->get(database_->batches, key) : std::nullopt;
  if (!found) return std::nullopt;
  return parsed<v1::ResultBatch>(database_->opened(database_->batches, key, *found, plain));
}

std::optional<BatchKey> Store::batch_key(const BatchId& id) const {
  std::string key = keys::batch(id), plain;
  auto found = database_->shows(id.centre) ? database_->get(database_->batches, key) : std::nullopt;
  if (!found || !Seal::is_sealed(*found)) return std::nullopt;
  // Whatever is wrong with it is said there.
  database_->opened(database_->batches, key, *found, plain);
  BatchKey opens;
  if (database_->options.seal->batch_key_of(kBatchChange + key, *found, opens) != Opening::opened) return std::nullopt;
  return opens;
}

std::vector<v1::ResultBatch> Store::batches(std::optional<CentreId> centre, const std::optional<BatchId>& after, std::size_t count) const {
  std::vector<v1::ResultBatch> found;
  std::string prefix = centre ? keys::batch({*centre, {}, {}, 0}).substr(0, 4) : std::string{};
  std::string from = after ? keys::batch(*after) + '\0' : prefix;
  std::string plain;
  std::unique_ptr<rocksdb::Iterator> at(database_->db->NewIterator(rocksdb::ReadOptions{}, database_->batches));
  for (at->Seek(slice(std::max(from, prefix))); at->Valid() && at->key().starts_with(slice(prefix)) && found.size() < count; at->Next())
    if (database_->shows(keys::batch_id(view(at->key())).centre))
      found.push_back(parsed<v1::ResultBatch>(database_->opened(database_->batches, view(at->key()), view(at->value()), plain)));
  database_->readable(at->status(), "reading batches");
  return found;
}

/// Copies of partitions that other instances have are not for showing.
bool Store::Database::shows(CentreId centre) const { return !options.sink || has_taken(murmur2_partition(text_of(centre), options.partitions)); }

std::uint64_t Store::batch_count() const {
  std::lock_guard lock(database_->committed_mutex);
  std::uint64_t sum = 0;
  for (const auto& counters : database_->committed_counters) sum += counters.batches;
  return sum;
}

std::optional<v1::Rejected> Store::rejected_record(std::string_view id) const {
  auto key = rejected_key(id);
  if (!key || (key->partition && (*key->partition >= partitions() || !database_->has_taken(*key->partition)))) return std::nullopt;
  std::string name = keys::rejected(key->number, key->partition), plain;
  auto found = database_->get(database_->rejected, name);
  if (!found) return std::nullopt;
  return parsed<v1::Rejected>(database_->opened(database_->rejected, name, *found, plain));
}

std::vector<v1::Rejected> Store::rejected_records(std::string_view before, std::size_t count, bool open_only) const {
  std::vector<v1::Rejected> found;
  std::unique_ptr<rocksdb::Iterator> at(database_->db->NewIterator(rocksdb::ReadOptions{}, database_->rejected));
  if (auto limit = rejected_key(before)) {
    std::string key = keys::rejected(limit->number, limit->partition);
    at->SeekForPrev(slice(key));
    if (at->Valid() && view(at->key()) == key) at->Prev();
  } else {
    at->SeekToLast();
  }
  for (; at->Valid() && found.size() < count; at->Prev()) {
    auto partition = keys::rejected_partition(view(at->key()));
    if (partition && !database_->has_taken(*partition)) continue;
    std::string plain;
    auto record = parsed<v1::Rejected>(database_->opened(database_->rejected, view(at->key()), view(at->value()), plain));
    if (!open_only || !record.has_replayed_at()) found.push_back(std::move(record));
  }
  database_->readable(at->status(), "reading rejected records");
  return found;
}

std::optional<RejectedPlace> place_of(std::string_view id, TimeMs at_ms) {
  auto key = rejected_key(id);
  if (!key || !key->partition) return std::nullopt;
  return RejectedPlace{at_ms, key->number, *key->partition};
}

std::vector<v1::Rejected> Store::rejected_records_by_time(const std::optional<RejectedPlace>& before, std::size_t count, bool open_only) const {
  using Placed = std::pair<RejectedPlace, v1::Rejected>;
  std::vector<Placed> newest;  // a heap with the oldest on top
  auto newer = [](const Placed& a, const Placed& b) { return a.first > b.first; };
  std::unique_ptr<rocksdb::Iterator> at(database_->db->NewIterator(rocksdb::ReadOptions{}, database_->rejected));
  for (at->SeekToFirst(); at->Valid(); at->Next()) {
    auto partition = keys::rejected_partition(view(at->key()));
    if (!partition || !database_->has_taken(*partition)) continue;
    std::string plain;
    auto record = parsed<v1::Rejected>(database_->opened(database_->rejected, view(at->key()), view(at->value()), plain));
    if (open_only && record.has_replayed_at()) continue;
    TimeMs rejected_ms = record.rejected_at().seconds() * 1000 + record.rejected_at().nanos() / 1'000'000;
    auto place = place_of(record.id(), rejected_ms);
    if (!place || (before && *place >= *before)) continue;
    if (newest.size() == count) {
      if (newest.front().first > *place) continue;
      std::pop_heap(newest.begin(), newest.end(), newer);
      newest.pop_back();
    }
    newest.emplace_back(*place, std::move(record));
    std::push_heap(newest.begin(), newest.end(), newer);
  }
  database_->readable(at->status(), "reading rejected records");
  std::sort_heap(newest.begin(), newest.end(), newer);
  std::vector<v1::Rejected> found;
  for (auto& [place, record] : newest) found.push_back(std::move(record));
  return found;
}

std::uint64_t Store::rejected_count() const {
  std::lock_guard lock(database_->committed_mutex);
  std::uint64_t sum = 0;
  for (const auto& counters : database_->committed_counters) sum += counters.rejected_last;
  return sum;
}

StoreSizes Store::sizes() const {
  auto property = [&](rocksdb::ColumnFamilyHandle* family, const char* name) {
    std::uint64_t value = 0;
    database_->db->GetIntProperty(family, name, &value);
    return value;
  };
  auto of = [&](rocksdb::ColumnFamilyHandle* family) {
    return property(family, "rocksdb.total-sst-files-size") + property(family, "rocksdb.total-blob-file-size") +
           property(family, "rocksdb.cur-size-all-mem-tables");
  };
  StoreSizes sizes{.state_bytes = of(database_->state), .log_bytes = of(database_->log)};
  std::error_code ignored;  // files come and go while they are counted
  for (const auto& file : std::filesystem::directory_iterator(database_->directory, ignored)) {
    auto bytes = file.file_size(ignored);
    if (!ignored) sizes.total_bytes += bytes;
    ignored.clear();
  }
  return sizes;
}

}  // namespace vtq
