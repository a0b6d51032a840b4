// Files held against the checksums that they were written with.
#include <fcntl.h>
#include <rocksdb/metadata.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <thread>

#include "storage/database.h"
#include "storage/file_checksum.h"

namespace vtq {
namespace {

constexpr std::size_t kPieceBytes = 256 << 10;

/// What of a file's bytes is not as it was written. Nothing: all is well. `stopped`: it was not looked at to the end.
std::optional<std::string> wrong_with(const rocksdb::LiveFileStorageInfo& file, const VerifyPace& pace) {
  std::string path = file.directory + "/" + file.relative_filename;
  int opened = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (opened < 0) return "is missing";
  rocksdb::FileChecksumGenContext context;
  context.requested_checksum_func_name = file.file_checksum_func_name;
  auto generator = file_checksums()->CreateFileChecksumGenerator(context);
  bool checked = pace.content && generator && file.file_checksum_func_name == generator->Name();
  std::string piece(kPieceBytes, '\0');
  std::optional<std::string> wrong;
  for (;;) {
    ssize_t read = ::read(opened, piece.data(), checked ? piece.size() : 0);
    if (read < 0) wrong = "cannot be read";
    if (read <= 0) break;
    if (checked) generator->Update(piece.data(), static_cast<std::size_t>(read));
    if (pace.bytes_per_second > 0)
      std::this_thread::sleep_for(std::chrono::microseconds(static_cast<std::uint64_t>(read) * 1'000'000 / pace.bytes_per_second));
    if (pace.stop && pace.stop()) {
      checked = false;
      break;
    }
  }
  off_t size = ::lseek(opened, 0, SEEK_END);
  ::close(opened);
  if (wrong) return wrong;
  // The write-ahead log in use and the manifest grow.
  bool grows = file.file_type == rocksdb::kWalFile || file.file_type == rocksdb::kDescriptorFile || file.file_type == rocksdb::kCurrentFile;
  if (size < static_cast<off_t>(file.size) && !grows) return "is too short";
  if (!checked) return std::nullopt;
  generator->Finalize();
  if (generator->GetChecksum() != file.file_checksum) return "is damaged: its bytes are not what was written";
  return std::nullopt;
}

}  // namespace

std::vector<std::string> Store::verify(const VerifyPace& pace) {
  rocksdb::DB& db = *database_->db;
  auto live = [&db] {
    rocksdb::LiveFilesStorageInfoOptions options;
    options.include_checksum_info = true;
    options.wal_size_for_flush = ~std::uint64_t{0};  // never
    std::vector<rocksdb::LiveFileStorageInfo> files;
    require(db.GetLiveFilesStorageInfo(options, &files), "listing the files of the store");
    return files;
  };
  try {
    database_->check_directory();
  } catch (const StoreError& gone) {
    database_->found_damage(gone.what());
    return {gone.what()};
  }
  // Else it would be tried again each second until the next commit.
  if (database_->keeps_log() && database_->merging_failed.exchange(false)) database_->stop_merging();
  std::vector<std::string> damage;
  for (const rocksdb::LiveFileStorageInfo& file : live()) {
    if (pace.stop && pace.stop()) break;
    auto wrong = wrong_with(file, pace);
    if (!wrong) continue;
    // It may have gone since it was listed: then it is not needed.
    auto now = live();
    if (std::none_of(now.begin(), now.end(), [&](const auto& one) { return one.relative_filename == file.relative_filename; })) continue;
    damage.push_back("file " + file.relative_filename + " " + *wrong);
    database_->found_damage(damage.back());
  }
  return damage;
}

DamageFound Store::damage() const {
  std::lock_guard lock(database_->damage_mutex);
  return database_->damage;
}

void Store::Database::found_damage(const std::string& what) const {
  {
    std::lock_guard lock(damage_mutex);
    if (damage.findings.size() >= kDamageFindingsMax || std::find(damage.findings.begin(), damage.findings.end(), what) != damage.findings.end())
      return;
    damage.findings.push_back(what);
  }
  if (!keeps_log()) std::ofstream(directory / kRebuildFile) << what << "\n";
  note(true, "damage: " + what);
}

void Store::Database::readable(const rocksdb::Status& status, std::string_view doing) const {
  try {
    require(status, doing);
  } catch (const StoreDamage& damaged) {
    found_damage(damaged.what());
    throw;
  }
}

void Store::Database::reading(CentreId centre, const std::function<void()>& read) const {
  try {
    read();
  } catch (const StoreDamage& damaged) {
    // On Kafka nobody need wait: the changelog has it all.
    if (!keeps_log()) throw StoreError(std::string(damaged.what()) + " The next start builds the store anew from the changelog.");
    std::lock_guard lock(damage_mutex);
    if (std::find(damage.centres.begin(), damage.centres.end(), centre) == damage.centres.end()) damage.centres.push_back(centre);
    throw;
  }
}

void Store::Database::stop_merging() {
  for (rocksdb::ColumnFamilyHandle* family : handles)
    require(db->SetOptions(family, {{"disable_auto_compactions", "true"}}), "stopping the merging of files");
}

}  // namespace vtq
