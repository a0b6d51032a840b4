// The trusted clock: what jumps is doubted, what slews is not, and what ends a doubt.
#include "daemon/engine/trusted_clock.h"

#include <random>

#include "tests/support/season.h"

namespace vtq::test {
namespace {

constexpr TimeMs kSecond = 1000;
constexpr TimeMs kYear = 365 * kDayMs;

/// Both clocks of a machine, moved by the test.
struct Machine {
  ClockReading at{local("2026-08-12T15:00"), 1'000'000};
  ClockLimits limits{};
  ClockJudge judge{limits, at};

  ClockState look() { return judge.look(at); }
  /// Real time passes, as an engine looks at it.
  ClockState passes(TimeMs ms) {
    for (TimeMs step = 0; step < ms; step += kSecond) {
      at.wall_ms += std::min(kSecond, ms - step);
      at.passed_ms += std::min(kSecond, ms - step);
      look();
    }
    return look();
  }
  ClockState jumps(TimeMs ms) {
    at.wall_ms += ms;
    return look();
  }
};

TEST(TrustedClock, that_only_passes_is_trusted) {
  Machine machine;
  ClockState state = machine.passes(kHourMs);
  EXPECT_TRUE(state.trusted);
  EXPECT_EQ(state.now_ms, machine.at.wall_ms);
}
TEST(TrustedClock, a_year_ahead_is_doubted_at_the_first_look_and_time_stands_still) {
  Machine machine;
  TimeMs before = machine.passes(kHourMs).now_ms;
  ClockState state = machine.jumps(kYear);
  EXPECT_FALSE(state.trusted);
  EXPECT_EQ(state.now_ms, before);
  EXPECT_EQ(state.expected_ms, before);
}
TEST(TrustedClock, a_year_back_is_doubted) {
  Machine machine;
  TimeMs before = machine.passes(kHourMs).now_ms;
  EXPECT_FALSE(machine.jumps(-kYear).trusted);
  EXPECT_EQ(machine.look().now_ms, before);
}
TEST(TrustedClock, a_jump_of_exactly_the_limit_passes_and_one_millisecond_more_does_not) {
  for (TimeMs way : {TimeMs{1}, TimeMs{-1}}) {
    Machine just, over;
    EXPECT_TRUE(just.jumps(way * 60 * kSecond).trusted);
    EXPECT_FALSE(over.jumps(way * (60 * kSecond + 1)).trusted);
  }
}
TEST(TrustedClock, many_small_jumps_add_up_to_a_large_one) {
  Machine machine;
  ClockState state;
  for (int times = 0; times < 4; ++times) {
    machine.passes(kSecond);
    state = machine.jumps(30 * kSecond);
  }
  EXPECT_FALSE(state.trusted);
}
TEST(TrustedClock, a_correction_by_steady_slewing_is_never_doubted) {
  Machine machine;
  // Ten minutes, at chrony's fastest: 1 second in 12.
  for (int times = 0; times < 7200; ++times) {
    machine.at.wall_ms += kSecond + 83;
    machine.at.passed_ms += kSecond;
    ASSERT_TRUE(machine.look().trusted) << times;
  }
}
TEST(TrustedClock, slewing_is_followed_however_often_it_is_looked_at) {
  Machine machine;
  for (int times = 0; times < 720'000; ++times) {
    machine.at.passed_ms += 10;
    machine.at.wall_ms += times % 12 == 0 ? 20 : 10;
    ASSERT_TRUE(machine.look().trusted) << times;
  }
}
TEST(TrustedClock, put_right_it_is_trusted_again_and_time_has_not_moved_meanwhile) {
  Machine machine;
  TimeMs before = machine.passes(kHourMs).now_ms;
  machine.jumps(kYear);
  EXPECT_EQ(machine.passes(10 * 60 * kSecond).now_ms, before);
  ClockState state = machine.jumps(-kYear);
  EXPECT_TRUE(state.trusted);
  EXPECT_EQ(state.now_ms, before + 10 * 60 * kSecond);
}
TEST(TrustedClock, confirmed_it_is_trusted_as_it_is) {
  Machine machine;
  machine.passes(kHourMs);
  machine.jumps(kYear);
  machine.judge.confirm(machine.at);
  ClockState state = machine.passes(kHourMs);
  EXPECT_TRUE(state.trusted);
  EXPECT_EQ(state.now_ms, machine.at.wall_ms);
  EXPECT_FALSE(machine.jumps(-kYear).trusted);
}

// ---- against the log ----

TEST(TrustedClock, that_starts_before_the_last_commit_is_doubted) {
  Machine machine;
  machine.judge.log_says(machine.at.wall_ms + kYear, {}, machine.at);
  ClockState state = machine.passes(kHourMs);
  EXPECT_FALSE(state.trusted);
  EXPECT_TRUE(state.at_least);
  EXPECT_TRUE(machine.jumps(kYear).trusted);
}
TEST(TrustedClock, that_starts_after_a_winter_is_trusted) {
  Machine machine;
  machine.judge.log_says(machine.at.wall_ms - 300 * kDayMs, {}, machine.at);
  ClockState state = machine.look();
  EXPECT_TRUE(state.trusted);
  EXPECT_EQ(state.now_ms, machine.at.wall_ms);
  EXPECT_FALSE(machine.jumps(61 * kSecond).trusted);
}
TEST(TrustedClock, that_starts_further_on_than_the_daemon_may_have_been_away_is_doubted) {
  Machine just, over;
  just.judge.log_says(just.at.wall_ms - 400 * kDayMs, {}, just.at);
  EXPECT_TRUE(just.look().trusted);
  TimeMs committed = over.at.wall_ms - 400 * kDayMs - 1;
  over.judge.log_says(committed, {}, over.at);
  EXPECT_FALSE(over.look().trusted);
  EXPECT_EQ(over.look().now_ms, committed);
}
TEST(TrustedClock, without_a_log_is_trusted_as_it_is) {
  Machine machine;
  machine.judge.log_says(0, {}, machine.at);
  EXPECT_TRUE(machine.look().trusted);
}
TEST(TrustedClock, what_was_confirmed_holds_after_a_restart) {
  Machine machine;
  ClockConfirmation confirmed{machine.at.wall_ms + kYear, machine.at.wall_ms};
  machine.passes(kHourMs);
  Machine restarted{.at = machine.at};
  restarted.judge.log_says(confirmed.log_ms, confirmed, restarted.at);
  EXPECT_TRUE(restarted.look().trusted);
}
TEST(TrustedClock, what_was_confirmed_does_not_hold_for_a_log_that_went_on) {
  Machine machine;
  ClockConfirmation confirmed{machine.at.wall_ms + kYear, machine.at.wall_ms};
  machine.judge.log_says(confirmed.log_ms + kDayMs, confirmed, machine.at);
  EXPECT_FALSE(machine.look().trusted);
}
TEST(TrustedClock, what_was_confirmed_does_not_hold_for_a_clock_that_went_back_since) {
  Machine machine;
  ClockConfirmation confirmed{machine.at.wall_ms + kYear, machine.at.wall_ms};
  machine.at.wall_ms -= kHourMs;
  machine.judge.log_says(confirmed.log_ms, confirmed, machine.at);
  EXPECT_FALSE(machine.look().trusted);
}
TEST(TrustedClock, a_partition_from_elsewhere_that_is_ahead_of_the_clock_casts_doubt_and_one_behind_does_not) {
  Machine machine;
  machine.judge.log_says(machine.at.wall_ms - kHourMs, {}, machine.at);
  machine.passes(kHourMs);
  machine.judge.log_says(machine.at.wall_ms - 30 * kDayMs, {}, machine.at);
  EXPECT_TRUE(machine.look().trusted);
  machine.judge.log_says(machine.at.wall_ms + kDayMs, {}, machine.at);
  EXPECT_FALSE(machine.look().trusted);
}

// ---- against where the clocks stood before ----

constexpr std::uint64_t kBoot = 7;

/// The same machine's next process, by the witness that the last one kept.
Machine restarted(const Machine& machine, const ClockWitness& kept, std::uint64_t boot = kBoot) {
  Machine made{.at = machine.at};
  made.judge.log_says(local("2026-08-12T15:00"), {}, made.at);
  made.judge.was(kept, boot, made.at);
  return made;
}

TEST(TrustedClock, that_jumped_while_nobody_looked_is_doubted_and_one_that_passed_is_not) {
  Machine machine;
  ClockWitness kept{kBoot, machine.at.wall_ms, machine.at.passed_ms, false};
  machine.passes(kHourMs);
  EXPECT_TRUE(restarted(machine, kept).look().trusted);
  for (TimeMs way : {TimeMs{1}, TimeMs{-1}}) {
    Machine just = machine, over = machine;
    just.at.wall_ms += way * 60 * kSecond;
    over.at.wall_ms += way * (60 * kSecond + 1);
    EXPECT_TRUE(restarted(just, kept).look().trusted);
    Machine doubted = restarted(over, kept);
    ClockState state = doubted.look();
    EXPECT_FALSE(state.trusted);
    EXPECT_EQ(state.expected_ms, machine.at.wall_ms);
    EXPECT_EQ(state.now_ms, kept.should_ms);
    EXPECT_TRUE(doubted.jumps(-way * kHourMs / 60).trusted);
  }
}
TEST(TrustedClock, that_was_doubted_when_the_machine_was_last_up_is_doubted_until_it_is_confirmed) {
  Machine machine;
  ClockWitness right{kBoot, machine.at.wall_ms, machine.at.passed_ms, false}, doubted = right;
  doubted.doubted = true;
  machine.passes(kHourMs);
  EXPECT_TRUE(restarted(machine, right, kBoot + 1).look().trusted);
  Machine again = restarted(machine, doubted, kBoot + 1);
  EXPECT_FALSE(again.passes(kHourMs).trusted);
  EXPECT_NE(clock_words(again.look()).find("before the machine was started again"), std::string::npos);
  again.judge.confirm(again.at);
  EXPECT_TRUE(again.look().trusted);
}
TEST(TrustedClock, without_a_witness_the_log_alone_speaks) {
  Machine machine;
  machine.passes(kHourMs);
  EXPECT_TRUE(restarted(machine, {}).look().trusted);
}
TEST(TrustedClock, a_log_that_is_later_than_the_witness_says_is_believed) {
  Machine machine;
  ClockWitness kept{kBoot, machine.at.wall_ms, machine.at.passed_ms, false};
  machine.judge.log_says(machine.at.wall_ms + kYear, {}, machine.at);
  machine.judge.was(kept, kBoot, machine.at);
  ClockState state = machine.look();
  EXPECT_FALSE(state.trusted);
  EXPECT_TRUE(state.at_least);
}
TEST(TrustedClock, keeps_where_it_stands_at_first_now_and_then_and_when_trust_ends_or_comes_back) {
  ClockReading at{local("2026-08-12T15:00"), 1'000'000};
  TrustedClock clock(
      {}, [&] { return at; }, kBoot);
  auto passes = [&](TimeMs ms) { at.wall_ms += ms, at.passed_ms += ms; };
  auto kept = clock.witness();
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->should_ms, at.wall_ms);
  EXPECT_FALSE(kept->doubted);
  passes(10 * 60'000 - 1);
  EXPECT_FALSE(clock.witness());
  passes(1);
  EXPECT_TRUE(clock.witness());
  at.wall_ms += kYear;
  kept = clock.witness();
  ASSERT_TRUE(kept);
  EXPECT_TRUE(kept->doubted);
  EXPECT_EQ(kept->should_ms, at.wall_ms - kYear);
  EXPECT_FALSE(clock.witness());
  at.wall_ms -= kYear;
  ASSERT_TRUE(clock.witness());
  at.wall_ms += kYear;
  clock.confirm();
  kept = clock.witness();
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->should_ms, at.wall_ms);
  EXPECT_FALSE(kept->doubted);
}

TEST(TrustedClock, whose_doubt_outlived_the_machines_start_keeps_that_doubt_for_further_restarts_too) {
  ClockReading at{local("2026-08-12T15:00"), 1'000'000};
  TrustedClock clock(
      {}, [&] { return at; }, kBoot + 1);
  clock.was({kBoot, at.wall_ms, 5'000'000, true});
  EXPECT_FALSE(clock.state().trusted);
  // A witness of this start would forget that nobody knows how much time has passed.
  EXPECT_FALSE(clock.witness());
  clock.confirm();
  auto kept = clock.witness();
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->boot, kBoot + 1);
  EXPECT_FALSE(kept->doubted);
}

TEST(TrustedClock, that_jumped_before_the_start_stands_at_what_it_should_say_whatever_the_log_says_first) {
  const TimeMs should = local("2026-08-12T15:00");
  ClockReading at{should + 3 * kDayMs, 1'000'000};
  TrustedClock clock(
      {}, [&] { return at; }, kBoot);
  clock.log_says(should - kHourMs, {});
  clock.was({kBoot, should, 1'000'000, false});
  ClockState state = clock.state();
  EXPECT_FALSE(state.trusted);
  EXPECT_EQ(state.expected_ms, should);
  EXPECT_EQ(state.now_ms, should);
  EXPECT_LT(state.now_ms, latest_event(state));
}

// ---- what follows ----

TEST(TrustedClock, a_doubted_one_refuses_events_from_the_future_by_what_it_should_say) {
  Machine machine;
  machine.passes(kHourMs);
  TimeMs right = machine.at.wall_ms;
  machine.jumps(-kYear);
  EXPECT_EQ(latest_event(machine.look()), right + kDayMs);
}
TEST(TrustedClock, doubted_from_the_start_it_refuses_no_event_as_from_the_future) {
  Machine machine;
  machine.judge.log_says(machine.at.wall_ms + kYear, {}, machine.at);
  EXPECT_EQ(latest_event(machine.look()), kLatestEventMs);
}
TEST(TrustedClock, time_for_decisions_never_leaves_real_time_however_the_clock_jumps) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    std::mt19937_64 random(seed);
    Machine machine;
    TimeMs real = machine.at.wall_ms;
    for (int times = 0; times < 200; ++times) {
      TimeMs ms = static_cast<TimeMs>(random() % 100'000);
      real += ms;
      machine.at.wall_ms += ms;
      machine.at.passed_ms += ms;
      if (random() % 4 == 0) machine.at.wall_ms = real + static_cast<TimeMs>(random() % (2 * kYear)) - kYear;
      if (random() % 4 == 0) machine.at.wall_ms = real;
      ClockState state = machine.look();
      ASSERT_LE(state.now_ms, real + machine.limits.jump_max_ms) << "seed " << seed;
      ASSERT_TRUE(state.trusted || machine.at.wall_ms != real) << "seed " << seed;
    }
  }
}
TEST(TrustedClock, says_what_is_wrong_and_what_to_do) {
  Machine machine;
  EXPECT_EQ(clock_words(machine.look()), "");
  EXPECT_EQ(clock_words(machine.jumps(kYear)),
            "The clock says 2027-08-12T14:00:00.000Z, 365 days after what it should say, 2026-08-12T14:00:00.000Z. Put it right, and this ends "
            "by itself; if the clock is right, run `resultsctl clock confirm`.");
}
TEST(TrustedClock, of_the_system_passes) {
  TrustedClock clock({});
  ClockState first = clock.state();
  EXPECT_TRUE(first.trusted);
  EXPECT_GE(clock.state().now_ms, first.now_ms);
  EXPECT_GE(clock.passed_ms(), 0);
}

}  // namespace
}  // namespace vtq::test
