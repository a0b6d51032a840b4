// Lengths of steps: configured until enough were seen, then learned quantiles, whatever the order.
#include "pipeline/risk/durations.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace vtq {
namespace {

constexpr AwardingOrganisationId kAo{5001};

Durations taught(std::vector<TimeMs> lengths) {
  Durations durations{DurationPolicy{}};
  for (TimeMs length : lengths) durations.observe(kAo, TimedStep::claim, length);
  durations.settle();
  return durations;
}

TEST(Durations, are_as_configured_before_anything_was_seen) {
  Durations durations{DurationPolicy{}};
  EXPECT_EQ(durations.of(kAo, TimedStep::evidence).usual_ms, 5 * kDayMs);
  EXPECT_EQ(durations.of(kAo, TimedStep::evidence).slow_ms, 14 * kDayMs);
  EXPECT_EQ(durations.of(kAo, TimedStep::result).usual_ms, 3 * kDayMs);
}
TEST(Durations, are_as_configured_after_199) { EXPECT_EQ(taught(std::vector<TimeMs>(199, kHourMs)).of(kAo, TimedStep::claim).usual_ms, 4 * kDayMs); }
TEST(Durations, are_learned_after_200) { EXPECT_LT(taught(std::vector<TimeMs>(200, kHourMs)).of(kAo, TimedStep::claim).usual_ms, 2 * kHourMs); }
TEST(Durations, do_not_count_before_they_settle) {
  Durations durations{DurationPolicy{}};
  for (int times = 0; times < 200; ++times) durations.observe(kAo, TimedStep::claim, kHourMs);
  EXPECT_EQ(durations.of(kAo, TimedStep::claim).usual_ms, 4 * kDayMs);
}
TEST(Durations, say_whose_estimates_moved_when_they_do_and_not_before) {
  Durations durations{{.samples_min = 2}};
  EXPECT_TRUE(durations.settle().empty());
  durations.observe(kAo, TimedStep::claim, kHourMs);
  EXPECT_TRUE(durations.settle().empty()) << "not enough yet";
  durations.observe(kAo, TimedStep::claim, kHourMs);
  durations.observe(kAo, TimedStep::result, kHourMs);
  EXPECT_EQ(durations.settle(), std::vector{kAo});
  EXPECT_TRUE(durations.settle().empty());
  durations.observe(kAo, TimedStep::claim, kHourMs);
  EXPECT_TRUE(durations.settle().empty()) << "one more like the others moves nothing";
}
TEST(Durations, of_one_awarding_organisation_are_not_those_of_another) {
  Durations durations = taught(std::vector<TimeMs>(200, kHourMs));
  EXPECT_EQ(durations.of(AwardingOrganisationId{5002}, TimedStep::claim).usual_ms, 4 * kDayMs);
}
TEST(Durations, of_one_step_are_not_those_of_another) {
  Durations durations = taught(std::vector<TimeMs>(200, kHourMs));
  EXPECT_EQ(durations.of(kAo, TimedStep::assurance).usual_ms, 7 * kDayMs);
}
TEST(Durations, usual_is_the_median_and_slow_what_nine_of_ten_need_to_a_fifth) {
  std::vector<TimeMs> lengths;
  for (int hours = 1; hours <= 1000; ++hours) lengths.push_back(hours * kHourMs);
  Duration learned = taught(lengths).of(kAo, TimedStep::claim);
  // A bucket's upper edge lies at most a fourth of a doubling above what fell into it.
  EXPECT_GE(learned.usual_ms, 500 * kHourMs);
  EXPECT_LE(learned.usual_ms, 500 * kHourMs * 6 / 5);
  EXPECT_GE(learned.slow_ms, 900 * kHourMs);
  EXPECT_LE(learned.slow_ms, 900 * kHourMs * 6 / 5);
}
TEST(Durations, that_are_negative_count_as_none) {
  EXPECT_EQ(taught(std::vector<TimeMs>(200, -5 * kDayMs)).of(kAo, TimedStep::claim).usual_ms,
            taught(std::vector<TimeMs>(200, 0)).of(kAo, TimedStep::claim).usual_ms);
}
TEST(Durations, of_a_hundred_years_fall_into_the_last_bucket) {
  EXPECT_GT(taught(std::vector<TimeMs>(200, 36'500 * kDayMs)).of(kAo, TimedStep::claim).usual_ms, 2000 * kDayMs);
}

TEST(Durations, do_not_depend_on_the_order_in_which_they_were_seen) {
  std::mt19937_64 random(1);
  for (int times = 0; times < 50; ++times) {
    std::vector<TimeMs> lengths(200 + random() % 300);
    for (TimeMs& length : lengths) length = static_cast<TimeMs>(random() % (60 * kDayMs));
    Durations in_order = taught(lengths);
    std::shuffle(lengths.begin(), lengths.end(), random);
    Durations shuffled{DurationPolicy{}};
    for (TimeMs length : lengths) {
      shuffled.observe(kAo, TimedStep::claim, length);
      if (random() % 3 == 0) shuffled.settle();
    }
    shuffled.settle();
    ASSERT_EQ(in_order.of(kAo, TimedStep::claim).usual_ms, shuffled.of(kAo, TimedStep::claim).usual_ms);
    ASSERT_EQ(in_order.of(kAo, TimedStep::claim).slow_ms, shuffled.of(kAo, TimedStep::claim).slow_ms);
  }
}

TEST(Durations, usual_is_never_above_slow) {
  std::mt19937_64 random(2);
  for (int times = 0; times < 100; ++times) {
    std::vector<TimeMs> lengths(200);
    for (TimeMs& length : lengths) length = static_cast<TimeMs>(random() % (1 + random() % (400 * kDayMs)));
    Duration learned = taught(lengths).of(kAo, TimedStep::claim);
    ASSERT_LE(learned.usual_ms, learned.slow_ms);
  }
}

TEST(Durations, come_back_from_their_counts) {
  Durations durations = taught(std::vector<TimeMs>(250, 9 * kDayMs));
  Durations restored{DurationPolicy{}};
  for (const auto& [key, learned] : durations.all()) restored.restore(key, learned.counts);
  EXPECT_EQ(restored.of(kAo, TimedStep::claim).usual_ms, durations.of(kAo, TimedStep::claim).usual_ms);
}

TEST(Durations, are_written_once_after_a_change) {
  Durations durations = taught({kHourMs});
  int written = 0;
  durations.write_changed([&](const auto&, const auto&) { ++written; });
  durations.write_changed([&](const auto&, const auto&) { ++written; });
  EXPECT_EQ(written, 1);
}

}  // namespace
}  // namespace vtq
