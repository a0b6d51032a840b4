// Local times of the field: Europe/London, with and without summer time.
#include "pipeline/base/uk_time.h"

#include <gtest/gtest.h>

#include <random>

namespace vtq {
namespace {

TEST(LocalTime, in_summer_is_one_hour_ahead_of_utc) { EXPECT_EQ(utc_text(*parse_local_time("2023-08-17T08:00")), "2023-08-17T07:00:00.000Z"); }
TEST(LocalTime, in_winter_is_utc) { EXPECT_EQ(utc_text(*parse_local_time("2023-01-31T17:00")), "2023-01-31T17:00:00.000Z"); }
TEST(LocalTime, one_minute_past_midnight_on_the_wednesday_is_the_tuesday_in_utc) {
  EXPECT_EQ(utc_text(*parse_local_time("2023-08-16T00:01")), "2023-08-15T23:01:00.000Z");
}
TEST(LocalTime, skipped_by_the_clocks_is_refused) {
  for (const char* text : {"2023-03-26T01:00", "2023-03-26T01:30", "2023-03-26T01:59", "2024-03-31T01:30"}) {
    EXPECT_FALSE(parse_local_time(text)) << text;
    EXPECT_TRUE(is_skipped_local_time(text)) << text;
  }
}
TEST(LocalTime, just_beside_the_skipped_hour_is_not_skipped) {
  for (const char* text : {"2023-03-26T00:59", "2023-03-26T02:00", "2023-10-29T01:30", "2023-03-25T01:30", "no time"})
    EXPECT_FALSE(is_skipped_local_time(text)) << text;
}
TEST(TimeZone, of_europe_london_is_in_order) { EXPECT_EQ(time_zone_problem(), ""); }
TEST(TimeZone, that_is_missing_is_said_with_what_to_do) {
  std::string problem = time_zone_problem("Europe/Nowhere");
  EXPECT_NE(problem.find("Europe/Nowhere"), std::string::npos) << problem;
  EXPECT_NE(problem.find("tzdata"), std::string::npos) << problem;
}
TEST(TimeZone, with_other_rules_is_said) { EXPECT_NE(time_zone_problem("Asia/Tokyo").find("summer time"), std::string::npos); }
TEST(LocalTime, just_before_the_clocks_go_forward_is_winter_time) {
  EXPECT_EQ(utc_text(*parse_local_time("2023-03-26T00:59")), "2023-03-26T00:59:00.000Z");
}
TEST(LocalTime, just_after_the_clocks_went_forward_is_summer_time) {
  EXPECT_EQ(utc_text(*parse_local_time("2023-03-26T02:00")), "2023-03-26T01:00:00.000Z");
}
TEST(LocalTime, that_comes_twice_is_the_first_of_the_two) { EXPECT_EQ(utc_text(*parse_local_time("2023-10-29T01:30")), "2023-10-29T00:30:00.000Z"); }
TEST(LocalTime, after_the_hour_that_came_twice_is_winter_time) {
  EXPECT_EQ(utc_text(*parse_local_time("2023-10-29T02:00")), "2023-10-29T02:00:00.000Z");
}
TEST(LocalTime, hour_24_is_refused) { EXPECT_FALSE(parse_local_time("2023-08-17T24:00")); }
TEST(LocalTime, minute_60_is_refused) { EXPECT_FALSE(parse_local_time("2023-08-17T08:60")); }
TEST(LocalTime, the_30th_of_february_is_refused) { EXPECT_FALSE(parse_local_time("2023-02-30T08:00")); }
TEST(LocalTime, seconds_are_refused) { EXPECT_FALSE(parse_local_time("2023-08-17T08:00:00")); }
TEST(LocalTime, a_zone_is_refused) { EXPECT_FALSE(parse_local_time("2023-08-17T08:0Z")); }
TEST(LocalTime, a_space_for_the_t_is_refused) { EXPECT_FALSE(parse_local_time("2023-08-17 08:00")); }
TEST(LocalTime, empty_is_refused) { EXPECT_FALSE(parse_local_time("")); }

TEST(Date, the_epoch_is_day_0) { EXPECT_EQ(parse_date("1970-01-01"), 0); }
TEST(Date, a_leap_day_is_taken) { EXPECT_TRUE(parse_date("2024-02-29")); }
TEST(Date, a_leap_day_of_another_year_is_refused) { EXPECT_FALSE(parse_date("2023-02-29")); }
TEST(Date, the_31st_of_april_is_refused) { EXPECT_FALSE(parse_date("2023-04-31")); }
TEST(Date, month_13_is_refused) { EXPECT_FALSE(parse_date("2023-13-01")); }
TEST(Date, day_0_is_refused) { EXPECT_FALSE(parse_date("2023-01-00")); }
TEST(Date, the_year_1900_is_taken) { EXPECT_TRUE(parse_date("1900-01-01")); }
TEST(Date, the_year_1899_is_refused) { EXPECT_FALSE(parse_date("1899-12-31")); }
TEST(Date, the_year_2099_is_taken) { EXPECT_TRUE(parse_date("2099-12-31")); }
TEST(Date, the_year_2100_is_refused) { EXPECT_FALSE(parse_date("2100-01-01")); }
TEST(Date, slashes_are_refused) { EXPECT_FALSE(parse_date("17/08/2023")); }

TEST(LocalDay, begins_at_local_midnight_in_summer) { EXPECT_EQ(utc_text(day_begins(*parse_date("2023-08-17"))), "2023-08-16T23:00:00.000Z"); }
TEST(LocalDay, changes_at_local_midnight) {
  TimeMs midnight = *parse_local_time("2023-08-17T00:00");
  EXPECT_EQ(local_day(midnight), *parse_date("2023-08-17"));
  EXPECT_EQ(local_day(midnight - 1), *parse_date("2023-08-16"));
}
TEST(LocalDay, of_its_own_beginning_is_itself) {
  for (Day day = *parse_date("2023-01-01"); day <= *parse_date("2024-12-31"); ++day) {
    ASSERT_EQ(local_day(day_begins(day)), day);
    ASSERT_EQ(local_day(day_begins(day) - 1), day - 1);
  }
}

TEST(LocalText, is_for_people) { EXPECT_EQ(local_text(*parse_local_time("2023-08-07T08:05")), "7 Aug 2023, 08:05"); }
TEST(UtcText, shows_milliseconds) { EXPECT_EQ(utc_text(kEarliestEventMs + 7), "2000-01-01T00:00:00.007Z"); }

TEST(LocalTime, every_hour_of_a_year_but_the_clock_changes_comes_back) {
  std::mt19937_64 random(1);
  for (int times = 0; times < 2000; ++times) {
    TimeMs at = *parse_local_time("2023-01-01T00:00") + static_cast<TimeMs>(random() % (365 * 24 * 60)) * 60'000;
    std::string text = utc_text(at);
    // As winter time says it, moved by what summer time adds.
    TimeMs summer_begins = *parse_local_time("2023-03-26T02:00");
    TimeMs summer_ends = *parse_local_time("2023-10-29T01:00") + kHourMs;
    if (at >= summer_begins && at < summer_ends) text = utc_text(at + kHourMs);
    auto back = parse_local_time(text.substr(0, 16));
    bool came_twice = at >= summer_ends && at < summer_ends + kHourMs;
    ASSERT_EQ(*back, came_twice ? at - kHourMs : at) << text;
  }
}

}  // namespace
}  // namespace vtq
