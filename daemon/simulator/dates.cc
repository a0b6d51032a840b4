#include "daemon/simulator/dates.h"

#include <cstdio>

namespace vtq::simulator {

namespace {

namespace chr = std::chrono;

Millis millis_of(Day day) { return chr::duration_cast<chr::milliseconds>(day.time_since_epoch()).count(); }

Millis clock_change(chr::year year, chr::month month) { return millis_of(Day{year / month / chr::Sunday[chr::last]}) + kHour; }

bool summer_time(Millis utc) {
  const auto year = chr::year_month_day{chr::floor<chr::days>(chr::sys_time<chr::milliseconds>{chr::milliseconds{utc}})}.year();
  return utc >= clock_change(year, chr::March) && utc < clock_change(year, chr::October);
}

std::string printed(const char* format, auto... values) {
  char text[48];
  const int length = std::snprintf(text, sizeof text, format, values...);
  return {text, static_cast<std::size_t>(length)};
}

}  // namespace

Day day_of(int year, unsigned month, unsigned day) { return chr::year{year} / chr::month{month} / chr::day{day}; }

Millis london(Day day, int hour, int minute) {
  const Millis as_utc = millis_of(day) + hour * kHour + minute * kMinute;
  return summer_time(as_utc - kHour) ? as_utc - kHour : as_utc;
}

Day london_day(Millis instant) {
  const Millis local = summer_time(instant) ? instant + kHour : instant;
  return chr::floor<chr::days>(chr::sys_time<chr::milliseconds>{chr::milliseconds{local}});
}

Day working_day(Day day) {
  const unsigned weekday = chr::weekday{day}.iso_encoding();
  return weekday <= 5 ? day : day + chr::days{8 - weekday};
}

std::string date_text(Day day) {
  const chr::year_month_day date{day};
  return printed("%04d-%02u-%02u", static_cast<int>(date.year()), static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

std::string local_text(Day day, int hour, int minute) { return date_text(day) + printed("T%02d:%02d", hour, minute); }

std::string rfc3339(Millis instant) {
  const auto day = chr::floor<chr::days>(chr::sys_time<chr::milliseconds>{chr::milliseconds{instant}});
  const Millis rest = instant - millis_of(day);
  const int hour = static_cast<int>(rest / kHour), minute = static_cast<int>(rest / kMinute % 60);
  const int second = static_cast<int>(rest / kSecond % 60), ms = static_cast<int>(rest % kSecond);
  return date_text(day) + (ms == 0 ? printed("T%02d:%02d:%02dZ", hour, minute, second) : printed("T%02d:%02d:%02d.%03dZ", hour, minute, second, ms));
}

std::optional<Millis> parse_rfc3339(std::string_view text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, used = 0;
  const std::string copy{text};
  if (std::sscanf(copy.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%n", &year, &month, &day, &hour, &minute, &second, &used) != 6) {
    return std::nullopt;
  }
  const chr::year_month_day date = chr::year{year} / chr::month{static_cast<unsigned>(month)} / chr::day{static_cast<unsigned>(day)};
  if (!date.ok() || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return std::nullopt;
  std::string_view rest = std::string_view{copy}.substr(static_cast<std::size_t>(used));
  Millis fraction = 0;
  if (rest.starts_with('.')) {
    Millis unit = 100;
    for (rest.remove_prefix(1); !rest.empty() && rest[0] >= '0' && rest[0] <= '9'; rest.remove_prefix(1), unit /= 10) {
      fraction += (rest[0] - '0') * unit;
    }
  }
  Millis offset = 0;
  if (rest != "Z") {
    int hours = 0, minutes = 0, length = 0;
    char sign = 0;
    const std::string zone{rest};
    if (std::sscanf(zone.c_str(), "%c%2d:%2d%n", &sign, &hours, &minutes, &length) != 3 || zone.size() != 6 || (sign != '+' && sign != '-')) {
      return std::nullopt;
    }
    offset = (sign == '+' ? 1 : -1) * (hours * kHour + minutes * kMinute);
  }
  return millis_of(Day{date}) + hour * kHour + minute * kMinute + second * kSecond + fraction - offset;
}

}  // namespace vtq::simulator
