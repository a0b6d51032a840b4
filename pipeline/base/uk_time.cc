#include "pipeline/base/uk_time.h"

#include <date/date.h>
#include <date/tz.h>

#include <array>
#include <chrono>
#include <cstdio>

namespace vtq {
namespace {

using std::chrono::minutes;

constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

const date::time_zone& london() {
  static const date::time_zone* zone = date::locate_zone("Europe/London");
  return *zone;
}

date::sys_time<std::chrono::milliseconds> sys_time_of(TimeMs at) { return date::sys_time<std::chrono::milliseconds>{std::chrono::milliseconds{at}}; }

std::optional<int> digits_at(std::string_view text, std::size_t from, std::size_t count) {
  int value = 0;
  for (std::size_t at = from; at < from + count; ++at) {
    if (text[at] < '0' || text[at] > '9') return std::nullopt;
    value = value * 10 + (text[at] - '0');
  }
  return value;
}

TimeMs ms_of(date::local_time<minutes> local) {
  auto at = london().to_sys(local, date::choose::earliest);
  return std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch()).count();
}

}  // namespace

std::optional<Day> parse_date(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  auto year = digits_at(text, 0, 4);
  auto month = digits_at(text, 5, 2);
  auto day = digits_at(text, 8, 2);
  if (!year || !month || !day || *year < 1900 || *year > 2099) return std::nullopt;
  date::year_month_day date{date::year{*year}, date::month{static_cast<unsigned>(*month)}, date::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) return std::nullopt;
  return static_cast<Day>(date::sys_days{date}.time_since_epoch().count());
}

namespace {

std::optional<date::local_time<minutes>> parse_local(std::string_view text) {
  if (text.size() != 16 || text[10] != 'T' || text[13] != ':') return std::nullopt;
  auto day = parse_date(text.substr(0, 10));
  auto hour = digits_at(text, 11, 2);
  auto minute = digits_at(text, 14, 2);
  if (!day || !hour || !minute || *hour > 23 || *minute > 59) return std::nullopt;
  return date::local_days{date::days{*day}} + std::chrono::hours{*hour} + minutes{*minute};
}

bool is_skipped(date::local_time<minutes> local) { return london().get_info(local).result == date::local_info::nonexistent; }

}  // namespace

std::optional<TimeMs> parse_local_time(std::string_view text) {
  auto local = parse_local(text);
  if (!local || is_skipped(*local)) return std::nullopt;
  return ms_of(*local);
}

bool is_skipped_local_time(std::string_view text) {
  auto local = parse_local(text);
  return local && is_skipped(*local);
}

std::string time_zone_problem(const std::string& zone) {
  constexpr const char* kThen = " Install the time-zone database (Debian: tzdata): every deadline hangs on it.";
  try {
    const date::time_zone* found = date::locate_zone(zone);
    // Results day of 2023, 08:00, was in summer time.
    auto results_day = date::local_days{date::year{2023} / 8 / 17} + std::chrono::hours{8};
    if (found->to_sys(results_day) == date::sys_days{date::year{2023} / 8 / 17} + std::chrono::hours{7}) return "";
    return "The time-zone database does not know the summer time of " + zone + "." + kThen;
  } catch (const std::exception& error) {
    return "The time zone " + zone + " cannot be read: " + error.what() + "." + kThen;
  }
}

Day local_day(TimeMs at) {
  auto local = london().to_local(sys_time_of(at));
  return static_cast<Day>(date::floor<date::days>(local).time_since_epoch().count());
}

TimeMs day_begins(Day day) { return ms_of(date::local_days{date::days{day}} + minutes{0}); }

Day add_months(Day day, int months) {
  date::year_month_day at{date::sys_days{date::days{day}}};
  date::year_month_day moved = at + date::months{months};
  if (!moved.ok()) moved = moved.year() / moved.month() / date::last;
  return static_cast<Day>(date::sys_days{moved}.time_since_epoch().count());
}

int month_of(Day day) {
  date::year_month_day at{date::sys_days{date::days{day}}};
  return static_cast<int>(at.year()) * 12 + static_cast<int>(static_cast<unsigned>(at.month())) - 1;
}

Day month_begins(int month) {
  date::year_month_day at{date::year{month / 12}, date::month{static_cast<unsigned>(month % 12 + 1)}, date::day{1}};
  return static_cast<Day>(date::sys_days{at}.time_since_epoch().count());
}

std::string date_text(Day day) {
  date::year_month_day at{date::sys_days{date::days{day}}};
  char text[40];
  std::snprintf(text, sizeof text, "%u %s %d", static_cast<unsigned>(at.day()), kMonths[static_cast<unsigned>(at.month()) - 1],
                static_cast<int>(at.year()));
  return text;
}

std::string local_text(TimeMs at) {
  auto local = london().to_local(sys_time_of(at));
  auto days = date::floor<date::days>(local);
  date::year_month_day date{days};
  auto minute_of_day = date::floor<minutes>(local - days).count();
  char text[40];
  std::snprintf(text, sizeof text, "%u %s %d, %02d:%02d", static_cast<unsigned>(date.day()), kMonths[static_cast<unsigned>(date.month()) - 1],
                static_cast<int>(date.year()), static_cast<int>(minute_of_day / 60), static_cast<int>(minute_of_day % 60));
  return text;
}

std::string utc_text(TimeMs at) {
  auto time = sys_time_of(at);
  auto days = date::floor<date::days>(time);
  date::year_month_day date{days};
  auto ms = (time - days).count();
  char text[40];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(ms / 3'600'000), static_cast<int>(ms / 60'000 % 60),
                static_cast<int>(ms / 1000 % 60), static_cast<int>(ms % 1000));
  return text;
}

}  // namespace vtq
