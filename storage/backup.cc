// Backups: RocksDB's backup engine, which shares files between backups and keeps a checksum of each. A backup counts once it was read back
// whole and opened.
#include <fcntl.h>
#include <rocksdb/utilities/backup_engine.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>

#include "storage/database.h"

namespace vtq {
namespace {

namespace fs = std::filesystem;

/// What a backup says of itself, as `key=value;` with a checksum: RocksDB's own list of backups is not protected.
struct Label {
  std::uint64_t commit = 0;
  TimeMs commit_ms = 0;
  TimeMs made_ms = 0;

  std::string text() const {
    std::string body = "commit=" + std::to_string(commit) + ";at=" + std::to_string(commit_ms) + ";made=" + std::to_string(made_ms) + ";";
    return body + "sum=" + checksum_text(body);
  }
};

std::optional<Label> read_label(const std::string& text) {
  Label label;
  long long commit = 0, at = 0, made = 0;
  if (std::sscanf(text.c_str(), "commit=%lld;at=%lld;made=%lld;", &commit, &at, &made) != 3) return std::nullopt;
  label = {static_cast<std::uint64_t>(commit), at, made};
  return label.text() == text ? std::optional(label) : std::nullopt;
}

/// The newest backup that was made here: were its own files to vanish, an older one must not pass for the newest.
fs::path newest_file(const fs::path& directory) { return directory / "newest"; }

std::uint32_t newest_made(const fs::path& directory) {
  std::ifstream in(newest_file(directory));
  std::uint32_t id = 0;
  in >> id;
  return id;
}

void write_newest(const fs::path& directory, std::uint32_t id) {
  fs::path made = directory / "newest.new";
  {
    std::ofstream out(made, std::ios::trunc);
    out << id << "\n";
    if (!out.flush()) throw StoreError("Backup: cannot write " + made.string() + ". Free disk space there.");
  }
  std::error_code error;
  fs::rename(made, newest_file(directory), error);
  if (error) throw StoreError("Backup: cannot write " + newest_file(directory).string() + ": " + error.message() + ".");
  sync_directory(directory);
}

template <class Engine>
std::unique_ptr<Engine> open_backups(const fs::path& directory) {
  rocksdb::BackupEngineOptions options(directory.string());
  Engine* engine = nullptr;
  rocksdb::IOStatus status = Engine::Open(options, rocksdb::Env::Default(), &engine);
  require(status, "opening the backups in " + directory.string());
  return std::unique_ptr<Engine>(engine);
}

BackupInfo info_of(const rocksdb::BackupInfo& info) {
  auto label = read_label(info.app_metadata);
  return {.id = info.backup_id,
          .made_ms = label ? label->made_ms : 0,
          .bytes = info.size,
          .commit = label ? label->commit : 0,
          .commit_ms = label ? label->commit_ms : 0,
          .damage = label ? "" : "its list of files is damaged"};
}

std::vector<BackupInfo> list(const fs::path& directory) {
  auto engine = open_backups<rocksdb::BackupEngineReadOnly>(directory);
  std::vector<rocksdb::BackupInfo> all;
  engine->GetBackupInfo(&all);
  std::vector<BackupInfo> found;
  for (const auto& info : all) found.push_back(info_of(info));
  std::vector<rocksdb::BackupID> damaged;
  engine->GetCorruptedBackups(&damaged);
  for (rocksdb::BackupID id : damaged) found.push_back({.id = id, .damage = "a file of it is missing or damaged"});
  std::uint32_t newest = newest_made(directory);
  if (newest > 0 && std::none_of(found.begin(), found.end(), [&](const BackupInfo& one) { return one.id == newest; }))
    found.push_back({.id = newest, .damage = "it is missing"});
  std::sort(found.begin(), found.end(), [](const BackupInfo& a, const BackupInfo& b) { return a.id < b.id; });
  return found;
}

/// Reads every file of a backup and opens it as a store. Empty: all is well.
std::string damage_of(const fs::path& directory, std::uint32_t id) {
  auto engine = open_backups<rocksdb::BackupEngineReadOnly>(directory);
  rocksdb::IOStatus status = engine->VerifyBackup(id, true);
  if (!status.ok()) return without_keys(status.ToString());
  rocksdb::BackupInfo info;
  rocksdb::Status found = engine->GetBackupInfo(id, &info, true);
  if (!found.ok()) return without_keys(found.ToString());
  rocksdb::Options options;
  options.env = info.env_for_open.get();
  // As the store is opened: RocksDB 7.8 would take the logs that its manifest names out of it, where nothing may be written, and end the process.
  options.track_and_verify_wals_in_manifest = true;
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const char* name : {"default", "state", "log", "batches", "rejected"}) families.push_back({name, rocksdb::ColumnFamilyOptions{}});
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  rocksdb::Status opened = rocksdb::DB::OpenForReadOnly(options, info.name_for_open, families, &handles, &db);
  if (!opened.ok()) return without_keys(opened.ToString());
  std::string format;
  rocksdb::Status read = db->Get(rocksdb::ReadOptions{}, handles[1], slice(keys::kFormat), &format);
  for (auto* handle : handles) db->DestroyColumnFamilyHandle(handle);
  delete db;
  return read.ok() ? "" : without_keys(read.ToString());
}

}  // namespace

BackupInfo Store::backup(const fs::path& directory, const BackupsKept& kept, TimeMs now) {
  Database& database = *database_;
  std::error_code error;
  fs::create_directories(directory, error);
  if (error)
    throw StoreError("Backup: cannot make " + directory.string() + ": " + error.message() + ". Set backup.directory to a place that can be written.");
  if (DamageFound known = this->damage(); known.any())
    throw StoreDamage("Backup: none was made, for the store is damaged: " +
                      (known.findings.empty() ? std::string("a centre is set aside") : known.findings.front()) +
                      " Earlier backups are left as they are; restore the newest with `resultsctl restore`.");
  if (std::vector<std::string> damage = verify(); !damage.empty())
    throw StoreDamage("Backup: none was made, for the store is damaged: " + damage.front() +
                      ". Earlier backups are left as they are; restore the newest with `resultsctl restore`.");
  std::uint32_t before = newest_made(directory);
  auto engine = open_backups<rocksdb::BackupEngine>(directory);
  Label label;
  {
    std::lock_guard lock(database.committed_mutex);
    label = {database.committed_reached.commit, database.committed_reached.at_ms, now};
  }
  rocksdb::CreateBackupOptions how;
  how.flush_before_backup = true;
  rocksdb::BackupID id = 0;
  require(engine->CreateNewBackupWithMetadata(how, database.db.get(), label.text(), &id), "making a backup");
  if (std::string damage = damage_of(directory, id); !damage.empty()) {
    engine->DeleteBackup(id).PermitUncheckedError();
    throw StoreDamage("Backup: it was made, read back, found damaged and removed: " + damage + ". Check the disk under " + directory.string() +
                      ", and make another.");
  }
  write_newest(directory, std::max<std::uint32_t>(id, before));
  std::vector<rocksdb::BackupInfo> all;
  engine->GetBackupInfo(&all);
  // The oldest first; the one just made stays.
  std::size_t left = all.size();
  for (const auto& old : all) {
    if (old.backup_id == id) break;
    BackupInfo info = info_of(old);
    bool too_many = kept.count_max > 0 && left > kept.count_max;
    bool too_old = kept.age_ms_max > 0 && info.made_ms > 0 && now - info.made_ms > kept.age_ms_max;
    if (!too_many && !too_old) continue;
    require(engine->DeleteBackup(old.backup_id), "removing an old backup");
    --left;
  }
  return info_of(*std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.backup_id == id; }));
}

std::vector<BackupInfo> Store::backups(const fs::path& directory) {
  std::error_code error;
  if (!fs::exists(directory / "meta", error)) return {};
  return list(directory);
}

std::string Store::restore(const RestoreOptions& asked) {
  const fs::path& to = asked.to;
  std::error_code error;
  if (!fs::exists(asked.from / "meta", error)) throw StoreError("Restore: there are no backups in " + asked.from.string() + ".");
  if (fs::exists(to, error) && !fs::is_empty(to, error))
    throw StoreError("Restore: " + to.string() + " already holds files, a store perhaps; move it away first.");
  std::vector<BackupInfo> all = list(asked.from);
  auto chosen = std::find_if(all.begin(), all.end(), [&](const BackupInfo& one) { return asked.id == 0 ? &one == &all.back() : one.id == asked.id; });
  if (chosen == all.end())
    throw StoreError("Restore: there is no backup " + std::to_string(asked.id) + " in " + asked.from.string() +
                     "; `resultsctl backup --list` names them.");
  std::string which = "backup " + std::to_string(chosen->id);
  if (std::string damage = chosen->damage.empty() ? damage_of(asked.from, chosen->id) : chosen->damage; !damage.empty())
    throw StoreDamage("Restore: " + which + " is damaged: " + damage +
                      ". Nothing was restored. Name another with --id; what came after it must then be published again.");
  const fs::path& was = asked.was.empty() ? to : asked.was;
  HeadFile::Found head = HeadFile::read(was);
  IssuedFile::Found issued = IssuedFile::read(was);
  require_numbers(was, issued, asked.batch_numbers_from);

  fs::path making = unfinished_restore(to);
  fs::remove_all(making, error);
  if (!fs::create_directories(making, error) && error) throw StoreError("Restore: cannot make " + making.string() + ": " + error.message() + ".");
  auto engine = open_backups<rocksdb::BackupEngineReadOnly>(asked.from);
  require(engine->RestoreDBFromBackup(chosen->id, making.string(), making.string()), "restoring from " + asked.from.string());
  Reached kept;
  bool has_keys = false;
  {
    Database database;
    database.options = {.partitions = 0, .block_cache_bytes = 8u << 20, .write_buffer_bytes = 8u << 20};
    database.directory = making;
    database.open(false, false);
    kept = database.reached;
    database.scan(database.state, std::string(keys::kReference) + "access-key ", [&](std::string_view, std::string_view) { has_keys = true; });
    database.begin_epoch(true, head, issued.highest, asked.batch_numbers_from, asked.now);
  }
  for (const auto& file : fs::directory_iterator(making)) {
    int opened = ::open(file.path().c_str(), O_RDONLY | O_CLOEXEC);
    bool done = opened >= 0 && ::fsync(opened) == 0;
    if (opened >= 0) ::close(opened);
    if (!done) throw StoreError("Restore: " + file.path().string() + " cannot be made lasting; check the disk.");
  }
  sync_directory(making);
  if (was != to && !issued.highest.empty()) IssuedFile::rewrite(to, issued.highest);
  fs::rename(making, to, error);
  if (error)
    throw StoreError("Restore: the restored store is in " + making.string() + ", but cannot be moved to " + to.string() + ": " + error.message() +
                     ".");
  sync_directory(to.parent_path());

  std::ostringstream text;
  text << "Restored " << which << " into " << to.string() << ": everything up to commit " << kept.commit << " of " << utc_text(kept.at_ms) << ".\n";
  if (head.reached && head.reached->commit > kept.commit)
    text << "Lost: what came after that, " << head.reached->commit - kept.commit << " commits up to " << utc_text(head.reached->at_ms) << ".\n";
  else if (!head.reached)
    text << "Lost: whatever came after that. How far the store had come is not known here.\n";
  else
    text << "Nothing was committed after that.\n";
  if (has_keys) text << "Keys of callers that were revoked after that are good again: revoke them again (resultsctl keys list).\n";
  text << kHowToFindOut << "\n";
  return text.str();
}

}  // namespace vtq
