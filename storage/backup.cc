// Snapshots: RocksDB's backup engine, which shares files between backups and verifies checksums.
#include <rocksdb/utilities/backup_engine.h>

#include "storage/database.h"

namespace vtq {
namespace {

std::unique_ptr<rocksdb::BackupEngine> open_backups(const std::filesystem::path& directory) {
  rocksdb::BackupEngine* engine = nullptr;
  require(rocksdb::BackupEngine::Open(rocksdb::Env::Default(), rocksdb::BackupEngineOptions(directory.string()), &engine),
          "opening the backups in " + directory.string());
  return std::unique_ptr<rocksdb::BackupEngine>(engine);
}

BackupInfo info_of(const rocksdb::BackupInfo& info) {
  return {.id = info.backup_id, .made_ms = info.timestamp * 1000, .bytes = info.size};
}

}  // namespace

BackupInfo Store::backup(const std::filesystem::path& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) throw StoreError("Backup: cannot make " + directory.string() + ": " + error.message() + ". Set backup.directory to a place that can be written.");
  auto engine = open_backups(directory);
  require(engine->CreateNewBackup(rocksdb::CreateBackupOptions{}, database_->db.get()), "making a backup");
  std::vector<rocksdb::BackupInfo> all;
  engine->GetBackupInfo(&all);
  return info_of(all.back());
}

std::vector<BackupInfo> Store::backups(const std::filesystem::path& directory) {
  std::vector<rocksdb::BackupInfo> all;
  if (std::filesystem::exists(directory)) open_backups(directory)->GetBackupInfo(&all);
  std::vector<BackupInfo> found;
  for (const auto& info : all) found.push_back(info_of(info));
  return found;
}

void Store::restore(const std::filesystem::path& backups, std::uint32_t id, const std::filesystem::path& directory) {
  if (!std::filesystem::exists(backups)) throw StoreError("Restore: there is no directory " + backups.string() + ".");
  if (std::filesystem::exists(directory / "CURRENT"))
    throw StoreError("Restore: " + directory.string() + " already holds a store; move it away first.");
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) throw StoreError("Restore: cannot make " + directory.string() + ": " + error.message() + ".");
  auto engine = open_backups(backups);
  rocksdb::Status status = id == 0 ? engine->RestoreDBFromLatestBackup(directory.string(), directory.string())
                                   : engine->RestoreDBFromBackup(id, directory.string(), directory.string());
  require(status, "restoring from " + backups.string());
}

}  // namespace vtq
