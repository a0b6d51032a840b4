#include "daemon/ctl/csv.h"

#include <algorithm>

namespace vtq::ctl {

CsvReader::CsvReader(std::string_view text, char delimiter) : text_(text), delimiter_(delimiter) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text_.starts_with(kByteOrderMark)) text_.remove_prefix(kByteOrderMark.size());
}

bool CsvReader::at_line_end() const {
  return at_ >= text_.size() || text_[at_] == '\n' || (text_[at_] == '\r' && (at_ + 1 == text_.size() || text_[at_ + 1] == '\n'));
}

void CsvReader::skip_line_end() {
  if (at_ < text_.size() && text_[at_] == '\r') ++at_;
  if (at_ < text_.size() && text_[at_] == '\n') ++at_;
  ++line_;
}

bool CsvReader::next(CsvRow& row) {
  while (at_ < text_.size() && at_line_end()) skip_line_end();
  if (at_ >= text_.size()) return false;
  std::size_t began = at_;
  row.line = line_;
  row.fields.clear();
  row.broken = read_row(row);
  if (row.broken) {
    row.fields.clear();
    at_ = std::min(text_.find('\n', began), text_.size());
    line_ = row.line;
  }
  skip_line_end();
  return true;
}

const char* CsvReader::read_row(CsvRow& row) {
  std::size_t began = at_;
  for (;;) {
    std::string& field = row.fields.emplace_back();
    if (at_ < text_.size() && text_[at_] == '"') {
      if (const char* broken = read_quoted(field)) return broken;
      if (!at_line_end() && text_[at_] != delimiter_) return "something follows the quote that ends a field; double the quotes inside the field";
    } else {
      std::size_t from = at_;
      while (!at_line_end() && text_[at_] != delimiter_) ++at_;
      field = text_.substr(from, at_ - from);
    }
    if (at_ - began > kRowBytesMax) return "the row has more than 1 MiB; a quote may be missing";
    if (at_line_end()) return nullptr;
    ++at_;  // the delimiter
  }
}

const char* CsvReader::read_quoted(std::string& field) {
  for (++at_; at_ < text_.size(); ++at_) {
    if (text_[at_] == '\n') ++line_;
    if (text_[at_] != '"') {
      field += text_[at_];
    } else if (at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
      field += text_[++at_];
    } else {
      ++at_;
      return nullptr;
    }
    if (field.size() > kRowBytesMax) break;
  }
  return "a quote opens a field and none ends it";
}

}  // namespace vtq::ctl
