// Times of a season: instants in milliseconds since 1970 UTC, and Europe/London local times, which follow the one rule
// that has held since 1996 (summer time from the last Sunday of March to the last of October, changing at 01:00 UTC).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vtq::simulator {

using Millis = std::int64_t;
using Day = std::chrono::sys_days;

inline constexpr Millis kSecond = 1000;
inline constexpr Millis kMinute = 60 * kSecond;
inline constexpr Millis kHour = 60 * kMinute;
inline constexpr Millis kDay = 24 * kHour;

Day day_of(int year, unsigned month, unsigned day);
// The instant of a London local time.
Millis london(Day day, int hour, int minute = 0);
// The London date of an instant.
Day london_day(Millis instant);
// The next weekday on or after `day`.
Day working_day(Day day);

// YYYY-MM-DD
std::string date_text(Day day);
// YYYY-MM-DDTHH:MM, local
std::string local_text(Day day, int hour, int minute);
// UTC with `Z`; milliseconds only where there are any.
std::string rfc3339(Millis instant);
// Empty when `text` is no RFC 3339 time.
std::optional<Millis> parse_rfc3339(std::string_view text);

}  // namespace vtq::simulator
