// What resultsctl shows people: aligned tables, and a progress bar when a terminal is there to show it. Main thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace vtq::ctl {

/// Columns aligned; those whose cells are all numbers to the right.
class Table {
 public:
  explicit Table(std::vector<std::string> header) : rows_{std::move(header)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.size() == 1; }
  /// With `indent` spaces before each line.
  std::string text(std::size_t indent = 0) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// `1234567` to `1,234,567`.
std::string grouped(std::int64_t number);
/// `2 d 3 h`, `5 min`.
std::string span_text(std::int64_t seconds);

/// A bar on standard error, drawn at most ten times a second; nothing where that is no terminal.
class ProgressBar {
 public:
  explicit ProgressBar(std::string what);
  ~ProgressBar();
  /// `unit`: what is counted, as `events`; shown with its rate when `count` is not 0.
  void show(std::uint64_t done, std::uint64_t total, std::uint64_t count = 0, const char* unit = "");
  /// A line above the bar.
  void say(const std::string& line);
  /// Takes the bar away.
  void clear();

 private:
  std::string what_;
  bool terminal_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point began_, last_;
};

}  // namespace vtq::ctl
