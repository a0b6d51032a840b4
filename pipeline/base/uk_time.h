// Local times of the field. Results days, embargoes and deadlines are Europe/London times; the pipeline counts in
// milliseconds since 1970-01-01 UTC. The time-zone database does the conversion, never arithmetic by hand.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace vtq {

/// Milliseconds since 1970-01-01T00:00Z.
using TimeMs = std::int64_t;
/// Days since 1970-01-01.
using Day = std::int32_t;

constexpr TimeMs kNever = std::numeric_limits<TimeMs>::max();
constexpr TimeMs kHourMs = 3'600'000;
constexpr TimeMs kDayMs = 24 * kHourMs;
/// 2000-01-01T00:00Z and 2100-01-01T00:00Z: events outside are wrong.
constexpr TimeMs kEarliestEventMs = 946'684'800'000;
constexpr TimeMs kLatestEventMs = 4'102'444'800'000;

/// `YYYY-MM-DD`, a real date in 1900 to 2099.
std::optional<Day> parse_date(std::string_view text);
/// `YYYY-MM-DDTHH:MM` in Europe/London. None for a time that the clocks skip in spring; of a time that comes twice in autumn the first is
/// taken, in summer time.
std::optional<TimeMs> parse_local_time(std::string_view text);
/// Whether `text` is a local time that the clocks skip.
bool is_skipped_local_time(std::string_view text);
/// Why local times cannot be told, and what to do; empty: they can. To be asked once before anything else here is.
std::string time_zone_problem(const std::string& zone = "Europe/London");
/// The local date at `at`.
Day local_day(TimeMs at);
/// Local midnight at which `day` begins.
TimeMs day_begins(Day day);
/// The same day of the month so many calendar months later (or earlier), or the month's last day where it has no such day.
Day add_months(Day day, int months);
/// Month of a day, counted from year 0: year * 12 + month - 1.
int month_of(Day day);
/// First day of a month counted so.
Day month_begins(int month);
/// `17 Aug 2023`, for people.
std::string date_text(Day day);
/// `17 Aug 2023, 08:00` in Europe/London, for people.
std::string local_text(TimeMs at);
/// `2023-08-17T07:00:00.000Z`.
std::string utc_text(TimeMs at);

}  // namespace vtq
