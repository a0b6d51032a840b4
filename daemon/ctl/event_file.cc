#include "daemon/ctl/event_file.h"

#include <stdexcept>

#include "daemon/event_json.h"

namespace vtq::ctl {

EventFile::EventFile(const std::filesystem::path& path) : path_(path), in_(path, std::ios::binary) {
  auto ending = path.extension();
  json_ = ending == ".jsonl" || ending == ".ndjson";
  if (!json_ && ending != ".pb")
    throw std::runtime_error(path.string() + ": name the file .jsonl (one event per line) or .pb (length-delimited protobuf).");
  std::error_code error;
  bytes_ = std::filesystem::file_size(path, error);
  if (!in_ || error) throw std::runtime_error(path.string() + ": the file cannot be read; check its name and permissions.");
  if (!json_) return;
  char first[2] = {};
  in_.read(first, sizeof first);
  if (in_ && is_utf16({first, sizeof first})) throw std::runtime_error(path.string() + ": " + utf16_rejection().message);
  in_.clear();
  in_.seekg(0);
}

bool EventFile::next(std::string& record) { return json_ ? next_line(record) : next_delimited_record(record); }

bool EventFile::next_line(std::string& record) {
  while (std::getline(in_, record)) {
    ++line_;
    bytes_read_ += record.size() + 1;
    if (record.find_first_not_of(" \t\r") != record.npos) return true;
  }
  return false;
}

bool EventFile::next_delimited_record(std::string& record) {
  std::uint64_t length = 0;
  unsigned shift = 0;
  for (;; shift += 7) {
    int byte = in_.get();
    if (byte == std::char_traits<char>::eof()) {
      if (shift == 0) return false;
      break;
    }
    ++bytes_read_;
    length |= std::uint64_t{static_cast<unsigned>(byte) & 0x7f} << shift;
    if (!(byte & 0x80)) break;
    if (shift > 28) break;
  }
  ++line_;
  std::string broken = path_.string() + ":" + std::to_string(line_) + ": the record's length is broken or runs past the end of the file.";
  if (!in_ || shift > 28 || length > bytes_ - bytes_read_) throw std::runtime_error(broken);
  record.resize(length);
  in_.read(record.data(), static_cast<std::streamsize>(length));
  if (!in_) throw std::runtime_error(broken);
  bytes_read_ += length;
  return true;
}

}  // namespace vtq::ctl
