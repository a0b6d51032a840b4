// The spike detector: single cases, and how often it cries wolf and how fast it is on simulated centres.
#include "pipeline/rules/spike.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <random>

namespace vtq {
namespace {

constexpr SpikeRule kRule{.tenths = 40, .min = 8};
constexpr Day kStart = 19597;  // Monday, 28 August 2023

/// `counts[w]` events in week `w`, on Mondays to Fridays.
std::vector<Day> by_week(const std::vector<std::uint32_t>& counts) {
  std::vector<Day> days;
  for (std::size_t week = 0; week < counts.size(); ++week)
    for (std::uint32_t at = 0; at < counts[week]; ++at) days.push_back(kStart + static_cast<Day>(week) * 7 + static_cast<Day>(at * 5 / counts[week]));
  return days;
}

/// A year of 4 a week, then `last` in one more week.
std::vector<Day> steady_then(std::uint32_t last) {
  std::vector<std::uint32_t> counts(60, 4);
  counts.push_back(last);
  return by_week(counts);
}

TEST(Spike, only_a_week_well_beyond_the_usual_alarms) {
  struct Case {
    std::uint32_t last;
    bool alarms;
  };
  for (auto [last, alarms] : {Case{4, false}, Case{8, false}, Case{12, false}, Case{20, true}, Case{60, true}}) {
    std::vector<Day> days = steady_then(last);
    EXPECT_EQ(!spikes(days, kRule, days.back() + 1).empty(), alarms) << last;
  }
}

TEST(Spike, alarms_on_the_day_on_which_the_week_passes_the_bar_and_once_a_week) {
  std::vector<Day> days = steady_then(60);
  std::vector<Day> alarms = spikes(days, kRule, days.back() + 1);
  ASSERT_EQ(alarms.size(), 1u);
  EXPECT_EQ(alarms[0], kStart + 60 * 7 + 1);  // 12 a day from Monday on
}

TEST(Spike, a_day_counts_once_it_is_over) {
  std::vector<Day> days = steady_then(60);
  Day tuesday = kStart + 60 * 7 + 1;
  EXPECT_TRUE(spikes(days, kRule, tuesday).empty());
  EXPECT_FALSE(spikes(days, kRule, tuesday + 1).empty());
}

TEST(Spike, fewer_than_the_smallest_count_never_alarm) {
  std::vector<std::uint32_t> counts(60, 0);
  counts[0] = 1;
  counts[59] = 7;
  EXPECT_TRUE(spikes(by_week(counts), kRule, kStart + 1000).empty());
  counts[59] = 12;
  EXPECT_EQ(spikes(by_week(counts), kRule, kStart + 1000).size(), 1u);
}

TEST(Spike, a_rule_of_zero_watches_nothing) { EXPECT_TRUE(spikes(steady_then(500), {.tenths = 0, .min = 1}, kStart + 1000).empty()); }

TEST(Spike, the_september_intake_of_every_year_is_no_spike) {
  std::vector<std::uint32_t> counts(160, 1);
  for (std::size_t september : {1u, 53u, 106u}) counts[september] = 30, counts[september + 1] = 12;
  EXPECT_TRUE(spikes(by_week(counts), kRule, kStart + 2000).empty());
  counts[106] = 90;
  EXPECT_EQ(spikes(by_week(counts), kRule, kStart + 2000).size(), 1u);
}

TEST(Spike, in_the_first_year_the_centres_own_cohort_is_the_bar) {
  std::vector<std::uint32_t> counts(40, 0);
  counts[0] = 20;
  counts[20] = 22;
  EXPECT_TRUE(spikes(by_week(counts), kRule, kStart + 2000).empty());
  counts[20] = 60;
  EXPECT_EQ(spikes(by_week(counts), kRule, kStart + 2000).size(), 1u);
}

TEST(Spike, a_new_centre_teaches_for_eight_weeks) {
  EXPECT_TRUE(spikes(by_week({2, 0, 0, 0, 0, 0, 0, 80}), kRule, kStart + 2000).empty());
  EXPECT_EQ(spikes(by_week({2, 0, 0, 0, 0, 0, 0, 0, 80}), kRule, kStart + 2000).size(), 1u);
}

TEST(Spike, a_spike_teaches_nothing_but_a_new_level_is_learned) {
  std::vector<std::uint32_t> counts(60, 4);
  counts.push_back(40);
  counts.push_back(4);
  counts.push_back(40);
  EXPECT_EQ(spikes(by_week(counts), kRule, kStart + 2000).size(), 2u);
  counts.resize(60);
  counts.insert(counts.end(), 100, 40);
  EXPECT_LE(spikes(by_week(counts), kRule, kStart + 2000).size(), 8u);
}

TEST(Spike, what_was_said_of_a_day_is_never_taken_back) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 50; ++round) {
    std::vector<std::uint32_t> counts;
    for (int week = 0; week < 120; ++week) counts.push_back(random() % 20 == 0 ? random() % 60 : random() % 6);
    std::vector<Day> days = by_week(counts);
    if (days.empty()) continue;
    std::vector<Day> all = spikes(days, kRule, days.back() + 1);
    for (int look = 0; look < 20; ++look) {
      Day today = kStart + static_cast<Day>(random() % 840);
      std::vector<Day> until = spikes(days, kRule, today);
      std::vector<Day> expected(all.begin(), std::lower_bound(all.begin(), all.end(), today));
      EXPECT_EQ(until, expected);
    }
  }
}

// ---- simulated centres ----

/// What a centre does in a normal year: cohorts in September, some in January, and roll-on roll-off in between; sizes change from year to
/// year by a fifth, weeks shift by one, and no one is registered at Christmas. Claims come in June and July, or all year round.
struct Habit {
  double cohort = 0;    // of September
  double winter = 0;    // of January
  double trickle = 0;   // a week
  bool claims = false;  // June and July in place of September
};

std::vector<double> expected_weeks(const Habit& habit, int years, std::mt19937_64& random) {
  std::vector<double> weeks(static_cast<std::size_t>(years) * 52, 0.0);
  auto around = [&](double by) { return 1.0 + by * (2.0 * std::uniform_real_distribution<>(0, 1)(random) - 1.0); };
  auto bunch = [&](std::size_t week, double size) {
    static constexpr double kShares[] = {0.5, 0.3, 0.2};
    for (std::size_t at = 0; at < 3; ++at)
      if (week + at < weeks.size()) weeks[week + at] += size * kShares[at];
  };
  for (std::size_t year = 0; year < static_cast<std::size_t>(years); ++year) {
    std::size_t main = year * 52 + (habit.claims ? 42 : 1) + random() % 2;
    bunch(main, habit.cohort * around(0.2));
    if (habit.claims) bunch(main + 3, habit.cohort * 0.4 * around(0.2));
    if (habit.winter > 0) bunch(year * 52 + 19 + random() % 2, habit.winter * around(0.2));
    for (std::size_t week = 0; week < 52; ++week)
      if (week != 17 && week != 18) weeks[year * 52 + week] += habit.trickle;
  }
  return weeks;
}

std::vector<std::uint32_t> drawn(const std::vector<double>& expected, std::mt19937_64& random) {
  std::vector<std::uint32_t> counts;
  for (double mean : expected) counts.push_back(mean > 0 ? std::poisson_distribution<std::uint32_t>(mean)(random) : 0);
  return counts;
}

TEST(Spike, on_simulated_centres_false_alarms_are_few_and_threefold_weeks_are_found_in_days) {
  std::mt19937_64 random(20260822);
  constexpr int kYears = 4;
  constexpr int kCentres = 1000;
  std::size_t false_alarms = 0, false_centres = 0, injected = 0, missed = 0;
  std::vector<int> delays;
  for (int centre = 0; centre < kCentres; ++centre) {
    auto size = [&](double least, double most) { return least * std::pow(most / least, std::uniform_real_distribution<>(0, 1)(random)); };
    Habit habit{.cohort = size(8, 120)};
    if (random() % 3 == 0) habit.winter = habit.cohort * 0.5;
    if (random() % 2 == 0) habit.trickle = size(0.3, 12);
    if (random() % 5 == 0) habit.cohort = 0, habit.trickle = size(1, 20);
    habit.claims = random() % 2 == 0;
    std::vector<double> expected = expected_weeks(habit, kYears, random);
    std::vector<Day> normal = by_week(drawn(expected, random));
    if (normal.empty()) continue;
    std::size_t alarms = spikes(normal, kRule, kStart + 10'000).size();
    false_alarms += alarms;
    false_centres += alarms > 0;

    // Three times what the week would have had, in a week of the last three years in which the centre is busy enough for it to matter.
    std::vector<std::size_t> busy;
    for (std::size_t week = 52; week < expected.size(); ++week)
      if (expected[week] >= 8) busy.push_back(week);
    if (busy.empty()) continue;
    std::size_t hit = busy[random() % busy.size()];
    expected[hit] *= 3;
    std::vector<Day> alarmed = spikes(by_week(drawn(expected, random)), kRule, kStart + 10'000);
    Day monday = kStart + static_cast<Day>(hit) * 7;
    auto found = std::find_if(alarmed.begin(), alarmed.end(), [&](Day day) { return day >= monday && day < monday + 7; });
    ++injected;
    if (found == alarmed.end())
      ++missed, delays.push_back(1000);
    else
      delays.push_back(*found + 1 - monday);  // told at the end of the day
  }
  std::sort(delays.begin(), delays.end());
  double per_year = static_cast<double>(false_alarms) / (kCentres * kYears);
  double found = 1.0 - static_cast<double>(missed) / static_cast<double>(injected);
  int median_delay = delays[delays.size() / 2];
  std::printf(
      "spike detector: %.3f false alarms per centre and year (%zu of %d centres had one in %d years); of %zu threefold weeks "
      "%.1f %% found, median delay %d days\n",
      per_year, false_centres, kCentres, kYears, injected, 100 * found, median_delay);
  EXPECT_LE(per_year, 0.2);
  EXPECT_GE(found, 0.65);
  EXPECT_LE(median_delay, 7);
}

}  // namespace
}  // namespace vtq
