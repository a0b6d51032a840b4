#include "daemon/ctl/table_dates.h"

#include <cstdio>
#include <regex>
#include <stdexcept>

#include "pipeline/base/uk_time.h"

namespace vtq::ctl {
namespace {

/// As far as a date may be followed by a time of day, AM or PM, and an offset.
constexpr const char* kTimeOfDay = R"(([T ]\d{1,2}:\d\d(:\d\d(\.\d+)?)?( ?[AaPp][Mm])?( ?(Z|[+-]\d\d:?\d\d))?)?)";

struct Strokes {
  int first = 0, second = 0, year = 0;
};

/// Numbers of a date with strokes.
std::optional<Strokes> strokes_of(const std::string& text) {
  static const std::regex form(std::string(R"((\d{1,2})/(\d{1,2})/(\d{4}))") + kTimeOfDay);
  std::smatch found;
  if (!std::regex_match(text, found, form)) return std::nullopt;
  return Strokes{std::stoi(found[1]), std::stoi(found[2]), std::stoi(found[3])};
}

}  // namespace

void DateOrderFinder::look_at(std::string_view cell, std::size_t line) {
  auto date = strokes_of(std::string(cell));
  if (!date || date->first == date->second) return;
  Seen& seen = date->first > 12 ? day_first_ : date->second > 12 ? month_first_ : either_;
  if (seen.line == 0) seen = {std::string(cell), line};
}

DateOrder DateOrderFinder::order(DateOrder given) const {
  if (given != DateOrder::unknown) return given;
  auto named = [](const Seen& seen) { return seen.text + " in line " + std::to_string(seen.line); };
  if (day_first_.line != 0 && month_first_.line != 0)
    throw std::runtime_error("dates are written in two orders, day first (" + named(day_first_) + ") and month first (" + named(month_first_) +
                             "); write all of them as YYYY-MM-DD.");
  if (day_first_.line != 0) return DateOrder::day_first;
  if (month_first_.line != 0) return DateOrder::month_first;
  if (either_.line != 0)
    throw std::runtime_error("nothing tells whether dates are written day first or month first (" + named(either_) +
                             "); say it with --dates day-first or --dates month-first.");
  return DateOrder::unknown;
}

std::optional<std::string> date_of(const std::string& text, DateOrder order) {
  if (text.empty()) return "";
  static const std::regex iso(std::string(R"((\d{4}-\d\d-\d\d))") + kTimeOfDay);
  std::smatch found;
  std::string day;
  if (std::regex_match(text, found, iso)) {
    day = found[1];
  } else if (auto date = strokes_of(text)) {
    bool month_first = order == DateOrder::month_first;
    char written[16];
    std::snprintf(written, sizeof written, "%04d-%02d-%02d", date->year, month_first ? date->first : date->second,
                  month_first ? date->second : date->first);
    day = written;
  }
  return parse_date(day) ? std::optional(day) : std::nullopt;
}

}  // namespace vtq::ctl
