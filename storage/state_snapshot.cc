#include "storage/state_snapshot.h"

#include <utility>

#include "storage/database.h"

namespace vtq {

StateSnapshot::StateSnapshot(const Store& store) : database_(*store.database_) {}
StateSnapshot::~StateSnapshot() { let_go(); }

void StateSnapshot::hold() {
  let_go();
  snapshot_ = database_.db->GetSnapshot();
}

void StateSnapshot::let_go() {
  if (const rocksdb::Snapshot* held = std::exchange(snapshot_, nullptr)) database_.db->ReleaseSnapshot(held);
}

TimeMs StateSnapshot::time(std::uint32_t partition) {
  if (!database_.options.sink) return static_cast<TimeMs>(database_.get_u64(keys::time(partition), snapshot_));
  auto held = database_.position(partition, snapshot_);
  return held ? held->commit().time_ms() : 0;
}

void StateSnapshot::each_durations(std::uint32_t partition, const std::function<void(const Durations::Key&, const Durations::Counts&)>& take) {
  auto read = [&](std::string_view, std::string_view value) {
    auto [key, counts] = records::decode_durations(value);
    take(key, counts);
  };
  database_.scan(database_.state, keys::durations(partition), read, snapshot_);
}

void StateSnapshot::each_summary(std::uint32_t partition, const std::function<void(CentreId, CentreSummary&&)>& take) {
  auto read = [&](std::string_view key, std::string_view value) { take(keys::summary_centre(key), records::decode_summary(value)); };
  database_.scan(database_.state, keys::summaries(partition), read, snapshot_);
}

void StateSnapshot::each_slot(std::uint32_t partition, CentreId centre,
                              const std::function<void(std::string_view, const Stamp&, std::string_view)>& take) {
  std::string prefix = keys::slots(partition, centre);
  std::string plain;
  auto read = [&](std::string_view key, std::string_view value) {
    auto [stamp, event] = records::decode_slot(database_.opened(database_.state, key, value, plain));
    take(key.substr(prefix.size()), stamp, event);
  };
  database_.reading(centre, [&] { database_.scan(database_.state, prefix, read, snapshot_); });
}

void StateSnapshot::each_entry(std::uint32_t partition, CentreId centre, const std::function<void(Entry&&)>& take) {
  static thread_local v1::EntryRecord scratch;
  std::string plain;
  auto read = [&](std::string_view key, std::string_view value) {
    Entry entry;
    entry.key = keys::entry_key(key);
    records::decode(database_.opened(database_.state, key, value, plain), scratch, entry);
    take(std::move(entry));
  };
  database_.reading(centre, [&] { database_.scan(database_.state, keys::entries(partition, centre), read, snapshot_); });
}

void StateSnapshot::each_waiting(std::uint32_t partition, CentreId centre, const std::function<void(WaitingRecord&&)>& take) {
  std::string plain;
  auto read = [&](std::string_view key, std::string_view value) {
    take(records::decode_waiting(database_.opened(database_.state, key, value, plain)));
  };
  database_.reading(centre, [&] { database_.scan(database_.state, keys::waiting(partition, centre), read, snapshot_); });
}

void StateSnapshot::each_reference(const std::function<void(std::string_view, const Stamp&, std::string_view)>& take) {
  std::string plain;
  auto read = [&](std::string_view key, std::string_view value) {
    auto [stamp, event] = records::decode_slot(database_.opened(database_.state, key, value, plain));
    take(key.substr(keys::kReference.size()), stamp, event);
  };
  database_.scan(database_.state, keys::kReference, read, snapshot_);
}

}  // namespace vtq
