#include "daemon/ctl/event_file.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <limits>
#include <sstream>
#include <stdexcept>

#include "daemon/intake/event_bodies.h"
#include "daemon/intake/event_json.h"

namespace vtq::ctl {

EventFile::EventFile(const std::filesystem::path& path) : path_(path), in_(path, std::ios::binary) {
  auto ending = path.extension();
  json_ = ending == ".jsonl" || ending == ".ndjson" || ending == ".json";
  if (!json_ && ending != ".pb")
    throw std::runtime_error(path.string() +
                             ": name the file .jsonl (one event per line), .json (one event, or a list) or .pb (length-delimited protobuf).");
  std::error_code error;
  bytes_ = std::filesystem::file_size(path, error);
  if (!in_ || error) throw std::runtime_error(path.string() + ": the file cannot be read; check its name and permissions.");
  if (!json_) return;
  char first[2] = {};
  in_.read(first, sizeof first);
  if (in_ && is_utf16({first, sizeof first})) throw std::runtime_error(path.string() + ": " + utf16_rejection().message);
  in_.clear();
  in_.seekg(0);
  if (ending == ".json") read_whole();
}

void EventFile::read_whole() {
  std::ostringstream read;
  read << in_.rdbuf();
  std::string text = std::move(read).str();
  whole_.emplace();
  constexpr std::size_t kAny = std::numeric_limits<std::size_t>::max();
  ReadBody body = read_body(text, BodyFormat::json, {.events_max = kAny, .errors_max = kAny, .memory_bytes_max = kAny});
  if (body.unreadable || body.events.size() == 1) {
    // Within a string JSON has no line ends: without them it is the same event in one line.
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
    whole_->push_back(std::move(text));
    return;
  }
  for (const ReadEvent& one : body.events) {
    v1::Event event;
    std::string line;
    // What only the check finds wrong is an event all the same: the daemon answers for it.
    bool readable =
        !one.submitted.json && event.ParseFromString(one.submitted.event) && google::protobuf::util::MessageToJsonString(event, &line).ok();
    if (!readable)
      throw std::runtime_error(path_.string() + ": event " + std::to_string(whole_->size() + 1) +
                               " of the list cannot be read: " + (one.submitted.unreadable ? one.submitted.unreadable->message : "it is no event") +
                               " Mend it, or put each event into a file of its own.");
    whole_->push_back(std::move(line));
  }
}

bool EventFile::next(std::string& record) {
  if (whole_) return next_of_whole(record);
  return json_ ? next_line(record) : next_delimited_record(record);
}

bool EventFile::next_of_whole(std::string& record) {
  if (line_ == whole_->size()) return false;
  record = std::move((*whole_)[line_++]);
  if (line_ == whole_->size()) bytes_read_ = bytes_;
  return true;
}

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
