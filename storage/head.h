// Two small files beside the store's directory, which say how far the store had come. They are not in the directory, so they outlive it:
//
//   DIRECTORY.head    the last commit that was acknowledged. A start compares it with what the store holds: fewer commits are a loss.
//   DIRECTORY.issued  the name of every batch that was issued, a line each. A number in it is never given to another batch, whatever
//                     backup is restored; one that a commit did not come to use, for a crash, is used by the batch cut next.
//
// Both belong to the thread that commits. Not here: what a difference means; see store_open.cc.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/base/batch_id.h"
#include "pipeline/base/uk_time.h"

namespace vtq {

/// How far a store has come.
struct Reached {
  std::string store;           ///< 16 random bytes, the store's own for life
  std::uint32_t epoch = 0;     ///< one more with every restore and every loss that was accepted
  std::uint64_t commit = 0;    ///< commits so far; 0: the store is being made
  TimeMs at_ms = 0;            ///< of that commit
  std::uint64_t rejected = 0;  ///< last number given to a rejected record

  bool operator==(const Reached&) const = default;
};

class HeadFile {
 public:
  struct Found {
    std::optional<Reached> reached;  ///< nothing: no file, or no slot of it can be read
    bool is_there = false;
  };
  static std::filesystem::path beside(const std::filesystem::path& directory);
  static Found read(const std::filesystem::path& directory);
  /// Says that a store is being made, before anything of it is there, so that the next start knows when the making was cut short. The folder
  /// of `directory` is made with it. `store`: its 16 random bytes. Throws StoreError.
  static void make(const std::filesystem::path& directory, const std::string& store);
  /// For the writer of the store. Makes the file if there is none. Throws StoreError.
  explicit HeadFile(const std::filesystem::path& directory);
  ~HeadFile();
  HeadFile(const HeadFile&) = delete;
  HeadFile& operator=(const HeadFile&) = delete;

  /// Writes one of the two slots, in turn: a write cut short leaves the other. `sync`: waits for the disk, which a crash of the process
  /// does not need. Throws StoreError.
  void write(const Reached& reached, bool sync);

 private:
  std::filesystem::path path_;
  int file_ = -1;
  std::uint64_t writes_ = 0;
};

/// Batches without their number: the run in which they are numbered.
struct BatchRun {
  CentreId centre{};
  AwardingOrganisationId awarding_organisation{};
  SeriesId series{};
  auto operator<=>(const BatchRun&) const = default;
};

/// The highest number of each run that was issued.
struct HighestIssued {
  std::map<BatchRun, std::uint32_t> highest;
  std::size_t damaged_lines = 0;
  bool is_there = false;
};

class IssuedFile {
 public:
  using Found = HighestIssued;
  static std::filesystem::path beside(const std::filesystem::path& directory);
  static Found read(const std::filesystem::path& directory);
  /// Writes the file anew, with the highest number of each run. Throws StoreError.
  static void rewrite(const std::filesystem::path& directory, const std::map<BatchRun, std::uint32_t>& highest);

  /// To append to. Throws StoreError.
  explicit IssuedFile(const std::filesystem::path& directory);
  ~IssuedFile();
  IssuedFile(const IssuedFile&) = delete;
  IssuedFile& operator=(const IssuedFile&) = delete;

  /// Appends and waits for the disk. Throws StoreError.
  void append(const std::vector<BatchId>& batches);

 private:
  std::filesystem::path path_;
  int file_ = -1;
};

/// CRC-32C of `bytes`, big-endian.
std::string crc32c(std::string_view bytes);

/// The same, as 8 hexadecimal digits.
std::string checksum_text(std::string_view bytes);

/// Makes names in `directory` durable: what was made, renamed or removed there. Throws StoreError.
void sync_directory(const std::filesystem::path& directory);

}  // namespace vtq
