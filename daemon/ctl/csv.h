// Comma-separated values as RFC 4180 has them, and as spreadsheets write them: CRLF or LF, a byte order mark in front, fields in double
// quotes with commas, line ends and doubled quotes inside; and the same with another delimiter. A row that is broken does not stop the ones after it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace vtq::ctl {

struct CsvRow {
  std::size_t line = 0;  ///< where it begins, from 1
  std::vector<std::string> fields;
  const char* broken = nullptr;  ///< what is wrong with it, in words; no fields then
};

/// Reads rows from a text that outlives it. Not for several threads.
class CsvReader {
 public:
  /// A row may have this many bytes.
  static constexpr std::size_t kRowBytesMax = 1 << 20;

  explicit CsvReader(std::string_view text, char delimiter = ',');
  /// The next row that is not empty; false at the end. After a broken row it goes on with the line after the one where that began.
  bool next(CsvRow& row);

 private:
  /// Moves past one row. What is wrong with it, or null.
  const char* read_row(CsvRow& row);
  const char* read_quoted(std::string& field);
  bool at_line_end() const;
  void skip_line_end();

  std::string_view text_;
  char delimiter_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
};

}  // namespace vtq::ctl
