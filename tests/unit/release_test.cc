// When a ready result may go: the next cut of the plan, and at once from the last cut before the issue deadline.
#include "pipeline/release/release.h"

#include <gtest/gtest.h>

#include <random>

namespace vtq {
namespace {

constexpr TimeMs kDeadline = 1000 * kHourMs;
constexpr TimeMs kLastCut = kDeadline - kHourMs;

Calendar calendar() { return {.issue_deadline = kDeadline}; }

TEST(IssueTime, before_the_first_cut_is_the_first_cut) {
  ReleasePlan plan{900 * kHourMs, kDayMs};
  Calendar dates = calendar();
  EXPECT_EQ(issue_time(10 * kHourMs, &plan, &dates, {}), 900 * kHourMs);
}
TEST(IssueTime, exactly_at_a_cut_is_that_cut) {
  ReleasePlan plan{900 * kHourMs, kDayMs};
  Calendar dates = calendar();
  EXPECT_EQ(issue_time(924 * kHourMs, &plan, &dates, {}), 924 * kHourMs);
}
TEST(IssueTime, just_after_a_cut_is_the_next_one) {
  ReleasePlan plan{900 * kHourMs, kDayMs};
  Calendar dates = calendar();
  EXPECT_EQ(issue_time(924 * kHourMs + 1, &plan, &dates, {}), 948 * kHourMs);
}
TEST(IssueTime, never_waits_beyond_the_last_cut) {
  ReleasePlan plan{900 * kHourMs, 100 * kHourMs};
  Calendar dates = calendar();
  EXPECT_EQ(issue_time(900 * kHourMs + 1, &plan, &dates, {}), kLastCut);
}
TEST(IssueTime, of_a_plan_that_begins_after_the_last_cut_is_the_last_cut) {
  ReleasePlan plan{2000 * kHourMs, kDayMs};
  Calendar dates = calendar();
  EXPECT_EQ(issue_time(0, &plan, &dates, {}), kLastCut);
}
TEST(IssueTime, just_before_the_last_cut_is_the_last_cut) {
  ReleasePlan plan{900 * kHourMs, kDayMs};
  Calendar dates = calendar();
  EXPECT_EQ(issue_time(kLastCut - 1, &plan, &dates, {}), kLastCut);
}
TEST(IssueTime, from_the_last_cut_on_is_at_once) {
  ReleasePlan plan{900 * kHourMs, kDayMs};
  Calendar dates = calendar();
  EXPECT_EQ(issue_time(kLastCut, &plan, &dates, {}), kLastCut);
  EXPECT_EQ(issue_time(kLastCut + 1, &plan, &dates, {}), kLastCut + 1);
}
TEST(IssueTime, after_the_deadline_is_at_once) {
  ReleasePlan plan{900 * kHourMs, kDayMs};
  Calendar dates = calendar();
  EXPECT_EQ(issue_time(kDeadline + 5 * kDayMs + 7, &plan, &dates, {}), kDeadline + 5 * kDayMs + 7);
}
TEST(IssueTime, without_a_plan_begins_three_days_before_the_last_cut) {
  Calendar dates = calendar();
  EXPECT_EQ(issue_time(0, nullptr, &dates, {}), kLastCut - 72 * kHourMs);
}
TEST(IssueTime, without_a_plan_goes_on_daily) {
  Calendar dates = calendar();
  EXPECT_EQ(issue_time(kLastCut - 72 * kHourMs + 1, nullptr, &dates, {}), kLastCut - 48 * kHourMs);
}
TEST(IssueTime, without_a_calendar_is_never_whatever_the_plan_says) {
  ReleasePlan plan{900 * kHourMs, kDayMs};
  EXPECT_EQ(issue_time(0, &plan, nullptr, {}), kNever);
  EXPECT_EQ(issue_time(901 * kHourMs, &plan, nullptr, {}), kNever);
}
TEST(IssueTime, without_calendar_and_plan_is_never) { EXPECT_EQ(issue_time(0, nullptr, nullptr, {}), kNever); }

TEST(IssueTime, is_never_before_ready_and_in_time_for_whatever_was_ready_by_the_last_cut) {
  std::mt19937_64 random(1);
  for (int times = 0; times < 20'000; ++times) {
    ReleasePlan plan{static_cast<TimeMs>(random() % (1500 * kHourMs)), static_cast<TimeMs>(1 + random() % 744) * kHourMs};
    Calendar dates = calendar();
    TimeMs ready = static_cast<TimeMs>(random() % (1500 * kHourMs));
    TimeMs at = issue_time(ready, random() % 4 ? &plan : nullptr, &dates, {});
    ASSERT_GE(at, ready);
    ASSERT_TRUE(ready > kLastCut || at <= kLastCut);
  }
}

}  // namespace
}  // namespace vtq
