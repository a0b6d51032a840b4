// What of the store is sealed, and how: opened where it is read, and sealed in one pass where it is not yet, or with another key than the first.
#include <rocksdb/options.h>

#include <algorithm>

#include "storage/database.h"

namespace vtq {
namespace {

constexpr std::size_t kPassBytes = 4u << 20;
/// Ends the name of a fact that waits, where the seal key made it.
constexpr char kSealedName = 's';

std::string key_file_of(SealKeyId id) {
  return "key " + text_of_seal_key(id) +
         ", which is not here: set seal.key_file to the file that has it. A new key goes in front of it, and it stays in the file.";
}

}  // namespace

bool Store::Database::is_sealed_at(std::string_view place) {
  if (place.size() < 2) return false;
  switch (place[0]) {
    case kStateChange:
      // Entries, facts of centres, facts that wait, and reference data, which hold the words for grades. Counts and positions carry none.
      return place[1] == 'e' || place[1] == 'f' || place[1] == 'p' || place[1] == 'r';
    case kBatchChange:
    case kRejectedChange:
    case kLogPlace:
      return true;
    default:
      return false;
  }
}

std::string_view Store::Database::opened(rocksdb::ColumnFamilyHandle* family, std::string_view of_key, std::string_view value,
                                         std::string& scratch) const {
  if (!Seal::is_sealed(value)) {
    if (mark.seal_key() == 0) return value;
    // Somebody put it there: nothing that is not sealed is written.
    std::string what = "a record is not sealed, though all are";
    found_damage(what);
    throw StoreDamage("Store: " + what + "; restore the newest backup with `resultsctl restore`.");
  }
  SealKeyId id = Seal::key_of(value).value_or(0);
  if (!options.seal) throw StoreError("Store: a record is sealed with " + key_file_of(id));
  std::string key;
  std::string_view place = family == log ? std::string_view(key = kLogPlace + std::string(of_key)) : changelog_key(family, of_key, key);
  Opening opening = family == log              ? options.seal->open(SealedAs::log, place, value, scratch)
                    : value[0] == Seal::kBatch ? options.seal->open_batch(place, value, scratch)
                                               : options.seal->open(SealedAs::record, place, value, scratch);
  if (opening == Opening::opened) return scratch;
  if (opening == Opening::unknown_key) throw StoreError("Store: a record is sealed with " + key_file_of(id));
  std::string what = "a sealed record does not open with its key";
  found_damage(what);
  throw StoreDamage("Store: " + what + ": it is damaged, or another's; restore the newest backup with `resultsctl restore`.");
}

std::optional<std::string> Store::Database::sealed_anew(std::string_view place, std::string_view value) const {
  if (!is_sealed_at(place)) return std::nullopt;
  const Seal* seal = options.seal.get();
  std::string out;
  if (!Seal::is_sealed(value)) {
    if (!seal) return std::nullopt;
    if (place[0] == kBatchChange)
      seal->close_batch(place, value, seal->batch_key_for(place, value), out);
    else
      seal->close(SealedAs::record, place, value, out);
    return out;
  }
  SealKeyId id = Seal::key_of(value).value_or(0);
  if (seal && id == seal->first()) return std::nullopt;
  if (!seal || !seal->has(id)) throw StoreError("Store: a record is sealed with " + key_file_of(id));
  if (value[0] == Seal::kBatch) {
    if (seal->wrap_anew(place, value, out) == Opening::opened) return out;
  } else {
    std::string plain;
    if (seal->open(SealedAs::record, place, value, plain) == Opening::opened) {
      seal->close(SealedAs::record, place, plain, out);
      return out;
    }
  }
  // Kept as it is: whoever reads it hears of the damage.
  return std::nullopt;
}

std::vector<std::string> Store::Database::sealed_names(std::string_view telling) const {
  std::vector<std::string> names;
  for (const std::string& hidden : options.seal->names_of(telling))
    names.push_back(std::string(telling.substr(0, telling.size() - keys::kWaitingHashBytes)) + hidden + kSealedName);
  return names;
}

std::vector<std::string> Store::Database::waiting_names(std::uint32_t partition, CentreId centre, const WaitingKey& key) const {
  std::string telling = keys::waiting(partition, centre, key);
  if (!options.seal) return {telling};
  std::vector<std::string> names = sealed_names(telling);
  if (telling_names) names.push_back(telling);
  return names;
}

void Store::Database::has_telling_names(rocksdb::WriteBatch& batch) {
  batch.Put(state, slice(keys::kTellingNames), slice(""));
  telling_names = true;
}

void Store::Database::apply(std::uint32_t partition, const Change& change, rocksdb::WriteBatch& batch) {
  char kind = change.key.empty() ? '\0' : change.key[0];
  auto* family = kind == kStateChange ? state : kind == kBatchChange ? batches : kind == kRejectedChange ? rejected : nullptr;
  if (!family)
    throw StoreError("Changelog: partition " + std::to_string(partition) +
                     " holds a record of unknown kind; use the version of resultsd that wrote it.");
  std::string_view key = change.key.substr(1);
  // The names that one of before has here. Nothing of the other is written, not even that it is gone.
  std::vector<std::string> here;
  if (options.seal && kind == kStateChange && key.starts_with('p') && key.size() == keys::kWaitingBytes) here = sealed_names(key);
  if (!change.value) {
    if (here.empty()) batch.Delete(family, slice(key));
    for (const std::string& name : here) batch.Delete(family, slice(name));
    return;
  }
  if (!here.empty()) {
    has_telling_names(batch);
    std::string place = std::string(1, kStateChange) + here.front();
    auto sealed = sealed_anew(place, *change.value);
    batch.Put(family, slice(here.front()), sealed ? slice(*sealed) : slice(*change.value));
    return;
  }
  auto sealed = sealed_anew(change.key, *change.value);
  batch.Put(family, slice(key), sealed ? slice(*sealed) : slice(*change.value));
}

void Store::Database::check_seal() {
  SealKeyId sealed_with = mark.seal_key();
  if (sealed_with != 0 && !(options.seal && options.seal->has(sealed_with)))
    throw StoreError("Store: " + directory.string() + " is sealed with " + key_file_of(sealed_with));
}

/// The mark goes last: a start that is cut short does it again.
void Store::Database::seal_all() {
  const SealKeyId before = mark.seal_key();
  if (!options.seal || before == options.seal->first()) return;
  std::string with = "key " + text_of_seal_key(options.seal->first());
  note(false, directory.string() + (before == 0 ? " is not sealed: " : " is sealed with key " + text_of_seal_key(before) + ": ") +
                  "everything in it that may carry a grade is sealed with " + with + " now, before anything else.");
  std::uint64_t records = 0;
  for (rocksdb::ColumnFamilyHandle* family : {state, batches, rejected}) records += seal_family(family);
  if (before == 0) drop_log();
  require(db->Flush(rocksdb::FlushOptions{}, handles), "sealing the store");
  // What was there before stays in the files until they are written anew.
  rocksdb::CompactRangeOptions all;
  all.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  for (rocksdb::ColumnFamilyHandle* family : {state, batches, rejected})
    if (before == 0) require(db->CompactRange(all, family, nullptr, nullptr), "sealing the store");
  // Files that are not needed any more go now, and not some time later.
  require(db->DisableFileDeletions(), "sealing the store");
  require(db->EnableFileDeletions(true), "sealing the store");
  mark.set_seal_key(options.seal->first());
  rocksdb::WriteOptions how = write_options();
  how.sync = !how.disableWAL;
  require(db->Put(how, state, slice(keys::kMark), slice(mark.SerializeAsString())), "marking the store as sealed");
  require(db->Flush(rocksdb::FlushOptions{}, handles), "marking the store as sealed");
  note(false, std::to_string(records) + " records of " + directory.string() + " were sealed with " + with + "." +
                  (before == 0 ? " The embedded log of before is dropped. Backups made before still hold grades in plaintext: remove them when "
                                 "another is made; and what a disk keeps of files that are gone is beyond resultsd."
                               : " Older keys stay in the file for as long as backups, the embedded log and topics hold what they sealed."));
}

std::uint64_t Store::Database::seal_family(rocksdb::ColumnFamilyHandle* family) {
  const SealKeyId before = mark.seal_key();
  rocksdb::WriteBatch batch;
  std::uint64_t records = 0;
  auto write_if = [&](std::size_t most) {
    if (batch.GetDataSize() < most || batch.Count() == 0) return;
    require(db->Write(write_options(), &batch), "sealing the store");
    batch.Clear();
  };
  std::string scratch, plain;
  auto seal_one = [&](std::string_view key, std::string_view value) {
    std::string_view place = changelog_key(family, key, scratch);
    if (!is_sealed_at(place)) return;
    // A fact that waits also gets the name that it has under this key.
    if (family == state && key[0] == 'p' && options.seal) {
      v1::WaitingFactRecord record;
      std::string_view bytes = opened(family, key, value, plain);
      if (!record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
      WaitingRecord fact = records::decode_waiting(bytes);
      std::uint32_t partition = static_cast<std::uint32_t>(static_cast<unsigned char>(key[1])) << 8 | static_cast<unsigned char>(key[2]);
      std::string name = waiting_names(partition, keys::summary_centre(key), fact.key).front();
      if (name == key) return;
      std::string sealed;
      options.seal->close(SealedAs::record, changelog_key(family, name, scratch), bytes, sealed);
      batch.Put(family, slice(name), slice(sealed));
      batch.Delete(family, slice(key));
      if (options.sink && before == 0) has_telling_names(batch);
    } else {
      auto sealed = sealed_anew(place, value);
      if (!sealed) return;
      batch.Put(family, slice(key), slice(*sealed));
    }
    ++records;
    write_if(kPassBytes);
  };
  scan(family, "", seal_one);
  write_if(0);
  return records;
}

void Store::Database::drop_log() {
  rocksdb::ColumnFamilyOptions how = db->GetOptions(log);
  require(db->DropColumnFamily(log), "dropping the embedded log");
  require(db->DestroyColumnFamilyHandle(log), "dropping the embedded log");
  log = handles[2] = nullptr;
  std::erase(handles, nullptr);
  rocksdb::ColumnFamilyHandle* made = nullptr;
  require(db->CreateColumnFamily(how, "log", &made), "making the embedded log");
  handles.insert(handles.begin() + 2, made);
  log = made;
}

}  // namespace vtq
