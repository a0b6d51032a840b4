// A file of events, record by record: JSON Lines (.jsonl, .ndjson), one event or a list of them as JSON (.json), or length-delimited
// protobuf (.pb).
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

namespace vtq::ctl {

class EventFile {
 public:
  /// Throws std::runtime_error when it cannot be read or its name has another ending.
  explicit EventFile(const std::filesystem::path& path);

  /// The next record, without newline or length. False at the end. Throws std::runtime_error when a length is broken.
  bool next(std::string& record);
  /// Line, or place of the record, of the last one; from 1.
  std::size_t line() const { return line_; }
  bool json() const { return json_; }
  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t bytes_read() const { return bytes_read_; }

 private:
  void read_whole();
  bool next_of_whole(std::string& record);
  bool next_line(std::string& record);
  bool next_delimited_record(std::string& record);

  std::filesystem::path path_;
  std::ifstream in_;
  bool json_;
  std::optional<std::vector<std::string>> whole_;  ///< records of a .json file, one line each
  std::size_t line_ = 0;
  std::uint64_t bytes_ = 0, bytes_read_ = 0;
};

}  // namespace vtq::ctl
