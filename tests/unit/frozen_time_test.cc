// The pipeline where the clock is not trusted, and where the daemon was down across a deadline.
#include "tests/support/season.h"

namespace vtq::test {
namespace {

constexpr TimeMs kSecond = 1000;

class Down : public testing::Test {
 protected:
  void complete(const Ref& ref, const std::string& result_at) {
    season.play(
        {registered(ref, local("2022-10-01T09:00")), answered(ref, local("2023-05-10T09:00")),
         achieved(ref, local("2023-06-01T09:00"), {"A", "B", "C"}), claimed(ref, local("2023-06-10T09:00")), determined(ref, local(result_at))},
        local(result_at));
  }
  const v1::ResultBatch& only() {
    EXPECT_EQ(season.outputs.batches.size(), 1u);
    return season.outputs.batches.at(0);
  }
  static TimeMs at(const google::protobuf::Timestamp& time) { return time.seconds() * 1000 + time.nanos() / 1'000'000; }

  StartedSeason season;
};

TEST_F(Down, what_is_cut_after_the_deadline_is_dated_when_it_is_cut_and_late) {
  complete({}, "2023-06-20T09:00");
  season.comes_back({}, local("2023-08-15T09:00"));
  EXPECT_EQ(at(only().issued_at()), local("2023-08-15T09:00"));
  EXPECT_TRUE(only().results(0).late());
  EXPECT_EQ(only().results(0).reason(), v1::L6);
  EXPECT_TRUE(season.status({}).late);
}
TEST_F(Down, what_is_cut_before_the_deadline_is_dated_when_it_is_cut_and_in_time) {
  complete({}, "2023-06-20T09:00");
  season.comes_back({}, local("2023-08-13T09:00"));
  EXPECT_EQ(at(only().issued_at()), local("2023-08-13T09:00"));
  EXPECT_FALSE(only().results(0).late());
}
TEST_F(Down, a_cut_a_few_seconds_late_is_a_cut_on_time) {
  complete({}, "2023-06-20T09:00");
  season.comes_back({}, local("2023-08-10T06:00") + 5 * kSecond);
  EXPECT_EQ(at(only().issued_at()), local("2023-08-10T06:00"));
}
TEST_F(Down, a_cut_more_than_a_few_seconds_late_is_a_late_cut) {
  complete({}, "2023-06-20T09:00");
  season.comes_back({}, local("2023-08-10T06:00") + 5 * kSecond + 1);
  EXPECT_EQ(at(only().issued_at()), local("2023-08-10T06:00") + 5 * kSecond + 1);
}
TEST_F(Down, a_halt_that_came_meanwhile_is_heard_with_the_first_batch_after) {
  complete({}, "2023-06-20T09:00");
  v1::Event halt = event_at(local("2023-08-09T09:00"));
  halt.mutable_issuing_halted()->set_centre("*");
  halt.mutable_issuing_halted()->set_awarding_organisation("RN5001");
  halt.mutable_issuing_halted()->set_series("2023-08");
  halt.mutable_issuing_halted()->set_halted(true);
  season.play({halt}, local("2023-08-09T09:00"));
  season.comes_back({}, local("2023-08-15T09:00"));
  EXPECT_TRUE(season.outputs.batches.empty());
}
TEST(DownInEventTime, every_cut_is_dated_when_it_was_due) {
  Season season(TimeSource::event);
  std::vector<v1::Event> events = reference_data();
  TimeMs at = local("2023-06-01T09:00");
  for (v1::Event event : {registered({}, at), answered({}, at), achieved({}, at, {"A", "B", "C"}), claimed({}, at), determined({}, at),
                          registered({.learner = "L2"}, local("2023-09-01T09:00"))})
    events.push_back(event);
  season.play(events, 0);
  ASSERT_EQ(season.outputs.batches.size(), 1u);
  EXPECT_EQ(season.outputs.batches[0].issued_at().seconds() * 1000, local("2023-08-10T06:00"));
}

// ---- frozen ----

class Frozen : public Down {};

TEST_F(Frozen, time_does_not_move_and_nothing_is_issued) {
  complete({}, "2023-06-20T09:00");
  season.play_frozen({}, local("2024-06-20T09:00"));
  EXPECT_TRUE(season.outputs.batches.empty());
  EXPECT_EQ(season.pipeline->time(), local("2023-06-20T09:00"));
}
TEST_F(Frozen, facts_are_taken_and_statuses_follow) {
  season.play({registered({}, local("2022-10-01T09:00"))}, local("2022-10-01T09:00"));
  season.play_frozen({withdrawn({}, local("2022-10-02T09:00"))}, local("2022-10-01T09:00"));
  EXPECT_EQ(season.status({}).stage, v1::WITHDRAWN);
}
TEST_F(Frozen, what_would_go_at_once_goes_once_time_moves_dated_then) {
  complete({}, "2023-08-14T15:00");
  ASSERT_TRUE(season.outputs.batches.empty());
  season.time_passes(local("2023-08-14T15:59"));
  season.play_frozen({determined({}, local("2023-08-14T15:59"), "Merit")}, local("2023-08-14T15:59"));
  EXPECT_TRUE(season.outputs.batches.empty());
  season.comes_back({}, local("2023-08-14T17:30"));
  EXPECT_EQ(at(only().issued_at()), local("2023-08-14T17:30"));
  EXPECT_TRUE(only().results(0).late());
}
TEST_F(Frozen, a_late_result_waits_until_time_moves) {
  season.play({registered({}, local("2022-10-01T09:00")), answered({}, local("2023-05-10T09:00")),
               achieved({}, local("2023-06-01T09:00"), {"A", "B", "C"}), claimed({}, local("2023-06-10T09:00"))},
              local("2023-08-14T16:50"));
  season.play_frozen({determined({}, local("2023-08-14T17:10"))}, local("2023-08-14T16:50"));
  EXPECT_TRUE(season.outputs.batches.empty());
  EXPECT_EQ(season.status({}).stage, v1::READY);
  season.comes_back({}, local("2023-08-14T17:40"));
  EXPECT_EQ(at(only().issued_at()), local("2023-08-14T17:40"));
  EXPECT_TRUE(only().results(0).late());
}
TEST_F(Frozen, a_correction_waits_until_time_moves) {
  complete({}, "2023-08-14T16:30");
  ASSERT_EQ(season.outputs.batches.size(), 1u);
  season.play_frozen({amended({}, local("2023-08-14T16:40"), "Merit")}, local("2023-08-14T16:30"));
  EXPECT_EQ(season.outputs.batches.size(), 1u);
  season.comes_back({}, local("2023-08-14T16:45"));
  ASSERT_EQ(season.outputs.batches.size(), 2u);
  EXPECT_EQ(season.outputs.batches[1].kind(), v1::ResultBatch::CORRECTION);
}
TEST_F(Frozen, what_waits_for_time_is_not_forgotten_by_a_restart) {
  season.play({registered({}, local("2022-10-01T09:00")), answered({}, local("2023-05-10T09:00")),
               achieved({}, local("2023-06-01T09:00"), {"A", "B", "C"}), claimed({}, local("2023-06-10T09:00"))},
              local("2023-08-14T16:50"));
  season.play_frozen({determined({}, local("2023-08-14T17:10"))}, local("2023-08-14T16:50"));
  season.pipeline = std::make_unique<Pipeline>(season.policy, TimeSource::wall, 2, season.store, season.outputs);
  season.pipeline->restore();
  season.comes_back({}, local("2023-08-14T17:40"));
  EXPECT_EQ(season.outputs.batches.size(), 1u);
}
TEST_F(Frozen, waiting_facts_do_not_expire) {
  season.play({claimed({.learner = "L9"}, local("2022-10-01T09:00"))}, local("2022-10-01T09:00"));
  season.play_frozen({}, local("2022-12-01T09:00"));
  EXPECT_TRUE(season.outputs.rejections.empty());
  season.comes_back({}, local("2022-12-01T09:00"));
  EXPECT_EQ(season.outputs.rejections.size(), 1u);
}
TEST_F(Frozen, reference_data_are_taken) {
  season.play({registered({}, local("2022-10-01T09:00"))}, local("2022-10-01T09:00"));
  std::vector<v1::Event> again = reference_data();
  for (v1::Event& event : again) event.mutable_occurred_at()->set_seconds(local("2022-10-02T09:00") / 1000);
  for (const Verdict& verdict : season.play_frozen(again, local("2022-10-01T09:00"))) EXPECT_EQ(verdict.kind, Verdict::Kind::accepted);
}

// ---- one event in event time ----

class EventStep : public testing::Test {
 protected:
  static Policy bounded() {
    Policy policy;
    policy.event_step_max_ms = 180 * kDayMs;
    return policy;
  }
  static v1::Event reached(TimeMs at) {
    v1::Event event = event_at(at);
    event.mutable_time_reached()->set_centre("*");
    return event;
  }
  EventStep() { season.play(reference_data(), 0); }

  Season season{TimeSource::event, bounded(), 8};
  TimeMs start = season.pipeline->time() == 0 ? local("2022-08-01T09:00") : season.pipeline->time();
};

TEST_F(EventStep, of_exactly_the_limit_is_taken) {
  EXPECT_EQ(season.play({registered({}, start + 180 * kDayMs)}, 0).at(0).kind, Verdict::Kind::accepted);
  EXPECT_EQ(season.pipeline->time(), start + 180 * kDayMs);
}
TEST_F(EventStep, beyond_the_limit_is_rejected_with_field_rule_and_value_and_moves_nothing) {
  Verdict verdict = season.play({registered({}, start + 180 * kDayMs + 1)}, 0).at(0);
  ASSERT_EQ(verdict.kind, Verdict::Kind::rejected);
  EXPECT_EQ(verdict.why->field, "occurredAt");
  EXPECT_EQ(verdict.why->rule, "event-time-step");
  EXPECT_EQ(verdict.why->value, utc_text(start + 180 * kDayMs + 1));
  EXPECT_EQ(verdict.rejected_id, "1");
  EXPECT_EQ(season.pipeline->time(), start);
  EXPECT_EQ(season.entry({}), nullptr);
}
TEST_F(EventStep, of_a_wrong_year_stops_nothing_that_follows) {
  TimeMs at = start + 30 * kDayMs;
  auto verdicts = season.play({registered({}, at), answered({}, at + 365 * kDayMs), claimed({}, at + kDayMs)}, 0);
  EXPECT_EQ(verdicts.at(1).kind, Verdict::Kind::rejected);
  EXPECT_EQ(verdicts.at(2).kind, Verdict::Kind::accepted);
  EXPECT_EQ(season.pipeline->time(), at + kDayMs);
}
TEST_F(EventStep, is_bounded_for_reference_data_too) {
  std::vector<v1::Event> again = reference_data();
  again.back().set_id("again");
  again.back().mutable_occurred_at()->set_seconds((start + 365 * kDayMs) / 1000);
  EXPECT_EQ(season.play({again.back()}, 0).at(0).kind, Verdict::Kind::rejected);
  EXPECT_EQ(season.pipeline->time(), start);
}
TEST_F(EventStep, is_measured_by_the_whole_season_and_not_by_a_quiet_centre) {
  for (int month = 1; month <= 12; ++month) season.play({registered({}, start + month * 30 * kDayMs)}, 0);
  EXPECT_EQ(season.play({registered({.centre = "54321"}, start + 361 * kDayMs)}, 0).at(0).kind, Verdict::Kind::accepted);
}
TEST_F(EventStep, of_any_length_is_possible_after_a_time_reached) {
  season.play({reached(start + 700 * kDayMs)}, 0);
  EXPECT_EQ(season.play({registered({}, start + 701 * kDayMs)}, 0).at(0).kind, Verdict::Kind::accepted);
}
TEST_F(EventStep, a_late_fact_from_long_ago_is_taken) {
  season.play({reached(start + 700 * kDayMs)}, 0);
  EXPECT_EQ(season.play({registered({}, start)}, 0).at(0).kind, Verdict::Kind::accepted);
}
TEST(EventStepOfTheFirst, may_lie_anywhere) {
  Policy policy;
  policy.event_step_max_ms = kDayMs;
  Season season(TimeSource::event, policy);
  season.play({reference_data().front()}, 0);
  EXPECT_NE(season.pipeline->time(), 0);
}

// ---- reference data that change often ----

TEST(ReferenceOfOneMoment, is_worked_out_once) {
  Season season(TimeSource::event);
  season.play(reference_data(), 0);
  season.play({registered({}, local("2022-10-01T09:00"))}, 0);
  std::vector<v1::Event> calendars;
  for (const v1::Event& event : reference_data())
    if (event.has_calendar_defined() && event.calendar_defined().level() == v1::LEVEL_3) calendars.assign(200, event);
  ASSERT_EQ(calendars.size(), 200u);
  for (std::size_t at = 0; at < calendars.size(); ++at) {
    calendars[at].set_id("moved-" + std::to_string(at));
    calendars[at].mutable_occurred_at()->set_seconds(local("2023-07-20T09:00") / 1000);
    // In and out of the time in which the entry is at risk.
    calendars[at].mutable_calendar_defined()->set_issue_deadline(at % 2 ? "2023-08-14T17:00" : "2023-07-25T17:00");
  }
  std::size_t before = season.outputs.statuses.size();
  season.play(calendars, 0);
  EXPECT_LE(season.outputs.statuses.size(), before + 4);
}

// ---- what was learned ----

class Learned : public testing::Test {
 protected:
  static Policy quick_to_learn() {
    Policy policy;
    policy.durations.samples_min = 1;
    return policy;
  }
  /// L2 waits for its result only; L1's comes within an hour and is issued with the first cut.
  void learn() {
    for (const char* learner : {"L1", "L2"}) {
      Ref ref{.learner = learner};
      season.play({registered(ref, local("2022-10-01T09:00")), answered(ref, local("2023-05-10T09:00")),
                   achieved(ref, local("2023-06-01T09:00"), {"A", "B", "C"}), claimed(ref, local("2023-08-09T09:00"))},
                  local("2023-08-09T09:30"));
    }
    ASSERT_EQ(season.status({.learner = "L2"}).band, v1::WATCH);
    season.play({determined({.learner = "L1"}, local("2023-08-09T09:40"))}, local("2023-08-09T09:40"));
    season.time_passes(local("2023-08-10T06:30"));
    ASSERT_EQ(season.outputs.batches.size(), 1u);
  }

  StartedSeason season{quick_to_learn()};
};

TEST_F(Learned, lengths_change_the_bands_that_rest_on_them_within_the_hour) {
  learn();
  season.time_passes(local("2023-08-10T07:00"));
  EXPECT_EQ(season.status({.learner = "L2"}).band, v1::ON_TRACK);
}
TEST_F(Learned, lengths_change_bands_after_a_restart_too) {
  learn();
  season.pipeline = std::make_unique<Pipeline>(season.policy, TimeSource::wall, 2, season.store, season.outputs);
  season.pipeline->restore();
  season.time_passes(local("2023-08-10T07:00"));
  EXPECT_EQ(season.status({.learner = "L2"}).band, v1::ON_TRACK);
}
TEST_F(Learned, lengths_are_the_same_after_a_restart) {
  learn();
  auto lengths = [&] {
    const Durations& durations = season.pipeline->partition(season.pipeline->partition_of(*parse_centre("12345"))).durations();
    return durations.of(*parse_awarding_organisation("RN5001"), TimedStep::result);
  };
  Duration before = lengths();
  ASSERT_NE(before, season.policy.durations.configured[static_cast<std::size_t>(TimedStep::result)]);
  season.pipeline = std::make_unique<Pipeline>(season.policy, TimeSource::wall, 2, season.store, season.outputs);
  season.pipeline->restore();
  EXPECT_EQ(lengths(), before);
}

}  // namespace
}  // namespace vtq::test
