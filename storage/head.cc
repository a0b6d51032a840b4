#include "storage/head.h"

#include <fcntl.h>
#include <rocksdb/file_checksum.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "storage/keys.h"
#include "storage/store.h"

namespace vtq {
namespace {

constexpr std::string_view kMagic = "VTQHEAD1";
constexpr std::size_t kIdBytes = 16;
constexpr std::size_t kSlotBytes = 512;

std::filesystem::path named(std::filesystem::path directory, std::string_view suffix) {
  directory = directory.lexically_normal();
  if (!directory.has_filename()) directory = directory.parent_path();
  directory += suffix;
  return directory;
}

[[noreturn]] void cannot(const std::string& what, const std::filesystem::path& path) {
  throw StoreError("Store: cannot " + what + " " + path.string() + ": " + std::strerror(errno) +
                   ". It stands beside data.directory; set data.directory to a folder in a place that can be written.");
}

int open_file(const std::filesystem::path& path, int flags) {
  int file = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
  if (file < 0) cannot("open", path);
  return file;
}

std::optional<std::string> read_all(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error))
    throw StoreError("Store: " + path.string() +
                     " is a directory, where a file of the store's belongs. Move it away, and put the file back if you have it.");
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(in), {});
}

// magic, writes, store, epoch, commit, time, rejected, checksum
constexpr std::size_t kRecordBytes = 8 + 8 + kIdBytes + 8 + 8 + 8 + 8 + 4;

std::string record_of(const Reached& reached, std::uint64_t writes) {
  std::string record(kMagic);
  record += keys::u64(writes);
  record += reached.store;
  record.resize(8 + 8 + kIdBytes);
  for (std::uint64_t value : {std::uint64_t{reached.epoch}, reached.commit, static_cast<std::uint64_t>(reached.at_ms), reached.rejected})
    record += keys::u64(value);
  return record + crc32c(record);
}

std::optional<std::pair<Reached, std::uint64_t>> read_record(std::string_view slot) {
  if (slot.size() < kRecordBytes || !slot.starts_with(kMagic)) return std::nullopt;
  std::string_view record = slot.substr(0, kRecordBytes - 4);
  if (crc32c(record) != slot.substr(kRecordBytes - 4, 4)) return std::nullopt;
  auto number_at = [&](std::size_t at) { return keys::last_u64(record.substr(0, at + 8)); };
  constexpr std::size_t kAfterId = 16 + kIdBytes;
  return std::pair{Reached{.store = std::string(record.substr(16, kIdBytes)),
                           .epoch = static_cast<std::uint32_t>(number_at(kAfterId)),
                           .commit = number_at(kAfterId + 8),
                           .at_ms = static_cast<TimeMs>(number_at(kAfterId + 16)),
                           .rejected = number_at(kAfterId + 24)},
                   number_at(8)};
}

std::string line_of(const BatchId& batch) {
  std::string line = text_of(batch);
  return line + " " + checksum_text(line) + "\n";
}

void append_all(int file, const std::filesystem::path& path, std::string_view text) {
  if (::write(file, text.data(), text.size()) != static_cast<ssize_t>(text.size()) || ::fdatasync(file) != 0) cannot("write to", path);
}

/// The whole file at once: killed on the way, it is there as it was.
void write_anew(const std::filesystem::path& path, std::string_view text) {
  std::filesystem::path made = named(path, ".new");
  int file = open_file(made, O_WRONLY | O_CREAT | O_TRUNC);
  append_all(file, made, text);
  ::close(file);
  std::error_code error;
  std::filesystem::rename(made, path, error);
  if (error) throw StoreError("Store: cannot write " + path.string() + ": " + error.message() + ". Check the rights on its folder.");
  sync_directory(path.parent_path());
}

}  // namespace

std::string crc32c(std::string_view bytes) {
  auto generator = rocksdb::GetFileChecksumGenCrc32cFactory()->CreateFileChecksumGenerator({});
  generator->Update(bytes.data(), bytes.size());
  generator->Finalize();
  return generator->GetChecksum();
}

std::string checksum_text(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (unsigned char byte : crc32c(bytes)) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

void sync_directory(const std::filesystem::path& directory) {
  std::filesystem::path path = directory.empty() ? "." : directory;
  int file = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool done = file >= 0 && ::fsync(file) == 0;
  if (file >= 0) ::close(file);
  if (!done) cannot("make lasting what changed in", path);
}

// ---- the head ----

std::filesystem::path HeadFile::beside(const std::filesystem::path& directory) { return named(directory, ".head"); }

HeadFile::Found HeadFile::read(const std::filesystem::path& directory) {
  auto text = read_all(beside(directory));
  if (!text) return {};
  Found found{.reached = std::nullopt, .is_there = true};
  std::uint64_t latest = 0;
  for (std::size_t at = 0; at < text->size(); at += kSlotBytes)
    if (auto slot = read_record(std::string_view(*text).substr(at)); slot && slot->second >= latest) {
      found.reached = slot->first;
      latest = slot->second;
    }
  return found;
}

void HeadFile::make(const std::filesystem::path& directory, const std::string& store) {
  std::filesystem::path path = beside(directory);
  std::error_code error;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
  if (error)
    throw StoreError("Store: cannot make " + path.parent_path().string() + ": " + error.message() +
                     ". Set data.directory to a folder in a place that can be written.");
  write_anew(path, record_of({.store = store, .epoch = 1, .commit = 0, .at_ms = 0, .rejected = 0}, 0));
}

HeadFile::HeadFile(const std::filesystem::path& directory) : path_(beside(directory)) {
  bool is_new = !std::filesystem::exists(path_);
  auto text = read_all(path_);
  if (text)
    for (std::size_t at = 0; at < text->size(); at += kSlotBytes)
      if (auto slot = read_record(std::string_view(*text).substr(at))) writes_ = std::max(writes_, slot->second + 1);
  file_ = open_file(path_, O_RDWR | O_CREAT);
  if (is_new) sync_directory(path_.parent_path());
}

HeadFile::~HeadFile() {
  ::fdatasync(file_);
  ::close(file_);
}

void HeadFile::write(const Reached& reached, bool sync) {
  std::string record = record_of(reached, writes_);
  auto at = static_cast<off_t>(writes_ % 2 * kSlotBytes);
  ++writes_;
  if (::pwrite(file_, record.data(), record.size(), at) != static_cast<ssize_t>(record.size())) cannot("write to", path_);
  if (sync && ::fdatasync(file_) != 0) cannot("write to", path_);
}

// ---- the batches issued ----

std::filesystem::path IssuedFile::beside(const std::filesystem::path& directory) { return named(directory, ".issued"); }

IssuedFile::Found IssuedFile::read(const std::filesystem::path& directory) {
  auto text = read_all(beside(directory));
  if (!text) return {};
  Found found{.highest = {}, .damaged_lines = 0, .is_there = true};
  for (std::size_t at = 0; at < text->size();) {
    std::size_t end = std::min(text->find('\n', at), text->size() - 1) + 1;
    std::string_view line = std::string_view(*text).substr(at, end - at);
    at = end;
    auto id = parse_batch_id(line.substr(0, line.find(' ')));
    if (!id || line != line_of(*id)) {
      ++found.damaged_lines;
      continue;
    }
    std::uint32_t& highest = found.highest[{id->centre, id->awarding_organisation, id->series}];
    highest = std::max(highest, id->number);
  }
  return found;
}

void IssuedFile::rewrite(const std::filesystem::path& directory, const std::map<BatchRun, std::uint32_t>& highest) {
  std::string text;
  for (const auto& [run, number] : highest) text += line_of({run.centre, run.awarding_organisation, run.series, number});
  write_anew(beside(directory), text);
}

IssuedFile::IssuedFile(const std::filesystem::path& directory) : path_(beside(directory)) { file_ = open_file(path_, O_WRONLY | O_CREAT | O_APPEND); }

IssuedFile::~IssuedFile() { ::close(file_); }

void IssuedFile::append(const std::vector<BatchId>& batches) {
  std::string lines;
  for (const BatchId& batch : batches) lines += line_of(batch);
  append_all(file_, path_, lines);
}

}  // namespace vtq
