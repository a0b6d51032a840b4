#include "daemon/ctl/output.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace vtq::ctl {
namespace {

/// Characters as a terminal shows them, near enough: UTF-8 continuation bytes do not count.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

bool is_number(const std::string& text) { return !text.empty() && text.find_first_not_of("0123456789,.-%") == text.npos; }

}  // namespace

std::string Table::text(std::size_t indent) const {
  std::size_t columns = rows_.front().size();
  std::vector<std::size_t> widths(columns, 0);
  std::vector<bool> numbers(columns, rows_.size() > 1);
  for (std::size_t row = 0; row < rows_.size(); ++row)
    for (std::size_t column = 0; column < columns; ++column) {
      widths[column] = std::max(widths[column], width_of(rows_[row][column]));
      if (row > 0 && !is_number(rows_[row][column])) numbers[column] = false;
    }
  std::string out;
  for (const auto& row : rows_) {
    std::string line(indent, ' ');
    for (std::size_t column = 0; column < columns; ++column) {
      std::string pad(widths[column] - width_of(row[column]), ' ');
      line += numbers[column] ? pad + row[column] : row[column] + pad;
      if (column + 1 < columns) line += "  ";
    }
    while (line.ends_with(' ')) line.pop_back();
    out += line + "\n";
  }
  return out;
}

std::string grouped(std::int64_t number) {
  std::string digits = std::to_string(number), text;
  for (std::size_t at = 0; at < digits.size(); ++at) {
    std::size_t left = digits.size() - at;
    if (at > 0 && left % 3 == 0 && digits[at - 1] != '-') text += ',';
    text += digits[at];
  }
  return text;
}

std::string span_text(std::int64_t seconds) {
  std::int64_t days = seconds / 86400, hours = seconds / 3600 % 24, minutes = seconds / 60 % 60;
  if (days > 0) return std::to_string(days) + " d " + std::to_string(hours) + " h";
  if (hours > 0) return std::to_string(hours) + " h " + std::to_string(minutes) + " min";
  return minutes > 0 ? std::to_string(minutes) + " min" : std::to_string(seconds) + " s";
}

ProgressBar::ProgressBar(std::string what) : what_(std::move(what)), terminal_(::isatty(STDERR_FILENO)), began_(std::chrono::steady_clock::now()) {}

ProgressBar::~ProgressBar() { clear(); }

void ProgressBar::show(std::uint64_t done, std::uint64_t total, std::uint64_t count, const char* unit) {
  auto now = std::chrono::steady_clock::now();
  if (!terminal_ || (drawn_ && done < total && now - last_ < std::chrono::milliseconds(100))) return;
  last_ = now;
  constexpr std::size_t kCells = 30;
  double part = total == 0 ? 1.0 : std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  auto full = static_cast<std::size_t>(part * kCells);
  std::string line =
      what_ + " [" + std::string(full, '#') + std::string(kCells - full, '.') + "] " + std::to_string(static_cast<int>(part * 100)) + " %";
  if (count > 0) {
    double seconds = std::chrono::duration<double>(now - began_).count();
    auto rate = static_cast<std::int64_t>(static_cast<double>(count) / std::max(seconds, 0.001));
    line += "  " + grouped(static_cast<std::int64_t>(count)) + " " + unit + ", " + grouped(rate) + "/s";
  }
  std::fprintf(stderr, "\r\033[K%s", line.c_str());
  drawn_ = true;
}

void ProgressBar::say(const std::string& line) {
  clear();
  std::fprintf(stderr, "%s\n", line.c_str());
}

void ProgressBar::clear() {
  if (!drawn_) return;
  std::fprintf(stderr, "\r\033[K");
  drawn_ = false;
}

}  // namespace vtq::ctl
