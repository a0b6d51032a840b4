// Result batches: when they are cut, what they say, and that what was issued is never taken back silently.
#include <algorithm>

#include "tests/support/season.h"

namespace vtq::test {
namespace {

class Batches : public testing::Test {
 protected:
  /// Learners with everything but the result, in time.
  void complete(const std::vector<Ref>& refs) {
    std::vector<v1::Event> events;
    for (const Ref& ref : refs) {
      events.push_back(registered(ref, local("2022-10-01T09:00")));
      events.push_back(answered(ref, local("2023-05-10T09:00")));
      if (ref.qualification == "601/0001/5") events.push_back(achieved(ref, local("2023-06-01T09:00"), {"A", "B", "C"}));
      events.push_back(claimed(ref, local("2023-06-10T09:00")));
    }
    season.play(events, local("2023-06-11T09:00"));
  }
  void result_at(const Ref& ref, const std::string& at, const std::string& grade = "Pass") {
    season.play({determined(ref, local(at), grade)}, local(at));
  }
  void time_passes(const std::string& to) { season.time_passes(local(to)); }
  const std::vector<v1::ResultBatch>& batches() { return season.outputs.batches; }

  /// The only batch there is.
  v1::ResultBatch only() {
    EXPECT_EQ(batches().size(), 1u);
    return batches().empty() ? v1::ResultBatch{} : batches().front();
  }
  static TimeMs at(const google::protobuf::Timestamp& time) { return time.seconds() * 1000 + time.nanos() / 1'000'000; }

  v1::Event planned(const std::string& centre, const std::string& first, std::uint32_t every, const std::string& when) {
    v1::Event event = event_at(local(when));
    auto* fact = event.mutable_release_planned();
    fact->set_centre(centre);
    fact->set_awarding_organisation("RN5001");
    fact->set_series("2023-08");
    fact->set_level(v1::LEVEL_3);
    fact->set_first_issue_at(first);
    fact->set_every_hours(every);
    return event;
  }
  v1::Event halted(const std::string& centre, bool is, const std::string& when) {
    v1::Event event = event_at(local(when));
    auto* fact = event.mutable_issuing_halted();
    fact->set_centre(centre);
    fact->set_awarding_organisation("RN5001");
    fact->set_series("2023-08");
    fact->set_halted(is);
    return event;
  }
  v1::Event acknowledged(const std::string& batch, const std::string& when) {
    v1::Event event = event_at(local(when));
    event.mutable_batch_acknowledged()->set_centre(batch.substr(0, 5));
    event.mutable_batch_acknowledged()->set_batch(batch);
    return event;
  }

  StartedSeason season;
};

// ---- cuts ----

TEST_F(Batches, a_ready_result_waits_for_the_plans_first_cut) {
  complete({{}});
  result_at({}, "2023-06-20T09:00");
  season.time_passes(local("2023-08-10T06:00") - 1);
  EXPECT_TRUE(batches().empty());
  time_passes("2023-08-10T06:00");
  EXPECT_EQ(at(only().issued_at()), local("2023-08-10T06:00"));
}
TEST_F(Batches, a_cut_is_made_at_its_own_time_while_the_daemon_runs) {
  complete({{}});
  result_at({}, "2023-06-20T09:00");
  time_passes("2023-12-01T09:00");
  EXPECT_EQ(at(only().issued_at()), local("2023-08-10T06:00"));
}
TEST_F(Batches, what_is_ready_after_a_cut_goes_with_the_next) {
  complete({{}});
  result_at({}, "2023-08-10T06:01");
  time_passes("2023-09-01T09:00");
  EXPECT_EQ(at(only().issued_at()), local("2023-08-11T06:00"));
}
TEST_F(Batches, what_is_ready_after_the_last_cut_goes_at_once) {
  complete({{}});
  result_at({}, "2023-08-14T16:00");
  EXPECT_EQ(at(only().issued_at()), local("2023-08-14T16:00"));
  EXPECT_FALSE(only().results(0).late());
}
TEST_F(Batches, what_is_ready_at_the_deadline_is_still_in_time) {
  complete({{}});
  result_at({}, "2023-08-14T17:00");
  EXPECT_FALSE(only().results(0).late());
  EXPECT_EQ(only().results(0).reason(), v1::REASON_NONE);
}
TEST_F(Batches, what_is_ready_after_the_deadline_goes_at_once_marked_late_with_its_code) {
  complete({{}});
  result_at({}, "2023-08-14T17:01");
  EXPECT_TRUE(only().results(0).late());
  EXPECT_EQ(only().results(0).reason(), v1::L6);
}
TEST_F(Batches, a_centres_own_plan_goes_before_the_plan_for_all) {
  complete({{}, {.centre = "54321"}});
  season.play({planned("12345", "2023-08-08T06:00", 24, "2023-06-12T09:00")}, local("2023-06-12T09:00"));
  result_at({}, "2023-06-20T09:00");
  result_at({.centre = "54321"}, "2023-06-21T09:00");
  time_passes("2023-08-09T09:00");
  EXPECT_EQ(only().centre(), "12345");
  EXPECT_EQ(at(only().issued_at()), local("2023-08-08T06:00"));
}
TEST_F(Batches, a_plan_moved_on_moves_what_waits) {
  complete({{}});
  result_at({}, "2023-06-20T09:00");
  season.play({planned("*", "2023-08-12T06:00", 24, "2023-06-21T09:00")}, local("2023-06-21T09:00"));
  time_passes("2023-09-01T09:00");
  EXPECT_EQ(at(only().issued_at()), local("2023-08-12T06:00"));
}
TEST_F(Batches, a_plan_moved_into_the_past_issues_at_the_next_of_its_cuts) {
  complete({{}});
  result_at({}, "2023-06-20T09:00");
  season.play({planned("*", "2023-06-01T06:00", 24, "2023-07-01T09:00")}, local("2023-07-01T09:00"));
  EXPECT_EQ(at(only().issued_at()), local("2023-07-01T09:00"));
}
TEST_F(Batches, a_plan_after_the_deadline_never_makes_a_result_late) {
  complete({{}});
  season.play({planned("*", "2023-08-16T06:00", 24, "2023-06-12T09:00")}, local("2023-06-12T09:00"));
  result_at({}, "2023-06-20T09:00");
  time_passes("2023-09-01T09:00");
  EXPECT_EQ(at(only().issued_at()), local("2023-08-14T16:00"));
}
TEST_F(Batches, a_result_held_back_again_starts_anew) {
  complete({{}});
  result_at({}, "2023-06-20T09:00");
  season.play({hold_placed("H1", {}, local("2023-08-09T09:00"))}, local("2023-08-09T09:00"));
  season.play({hold_lifted("H1", {}, local("2023-08-10T09:00"))}, local("2023-08-10T09:00"));
  time_passes("2023-09-01T09:00");
  EXPECT_EQ(at(only().issued_at()), local("2023-08-11T06:00"));
}

// ---- contents ----

TEST_F(Batches, hold_what_names_the_result) {
  Ref ref;
  v1::Event event = registered(ref, local("2022-10-01T09:00"));
  event.mutable_registered()->set_uln("9276308686");
  event.mutable_registered()->set_uci("681990012058G");
  complete({ref});
  event.mutable_occurred_at()->set_seconds(local("2022-10-02T09:00") / 1000);
  season.play({event}, local("2023-06-12T09:00"));
  result_at(ref, "2023-06-20T09:00", "Merit");
  time_passes("2023-08-10T06:00");
  v1::ResultBatch batch = only();
  EXPECT_EQ(batch.batch(), "12345.RN5001.2023-08.0001");
  EXPECT_EQ(batch.kind(), v1::ResultBatch::RESULTS);
  EXPECT_EQ(batch.level(), v1::LEVEL_3);
  EXPECT_EQ(batch.number(), 1u);
  EXPECT_EQ(at(batch.centre_release_at()), local("2023-08-16T00:01"));
  EXPECT_EQ(at(batch.learner_release_at()), local("2023-08-17T08:00"));
  ASSERT_EQ(batch.results_size(), 1);
  EXPECT_EQ(batch.results(0).uln(), "9276308686");
  EXPECT_EQ(batch.results(0).uci(), "681990012058G");
  EXPECT_EQ(batch.results(0).grade().scale(), "pass");
  EXPECT_EQ(batch.results(0).grade().value(), "Merit");
  EXPECT_FALSE(batch.results(0).has_supersedes());
}
TEST_F(Batches, hold_no_uln_where_it_is_unknown) {
  complete({{}});
  result_at({}, "2023-08-14T16:30");
  EXPECT_EQ(only().results(0).uln(), "");
}
TEST_F(Batches, hold_all_results_of_a_centre_that_are_ready_sorted) {
  complete({{.learner = "L3"}, {.learner = "L1"}, {.learner = "L2"}});
  for (const char* learner : {"L2", "L3", "L1"}) result_at({.learner = learner}, "2023-06-20T09:00");
  time_passes("2023-08-10T06:00");
  ASSERT_EQ(only().results_size(), 3);
  EXPECT_EQ(only().results(0).entry().learner(), "L1");
  EXPECT_EQ(only().results(2).entry().learner(), "L3");
}
TEST_F(Batches, of_two_centres_are_two) {
  complete({{}, {.centre = "54321"}});
  result_at({}, "2023-06-20T09:00");
  result_at({.centre = "54321"}, "2023-06-20T09:00");
  time_passes("2023-08-10T06:00");
  ASSERT_EQ(batches().size(), 2u);
  EXPECT_NE(batches()[0].centre(), batches()[1].centre());
  EXPECT_EQ(batches()[1].number(), 1u);
}
TEST_F(Batches, of_two_levels_are_two_with_one_numbering) {
  Ref other{.qualification = "601/0002/7"};
  complete({{}, other});
  result_at({}, "2023-06-20T09:00");
  result_at(other, "2023-06-20T09:00");
  time_passes("2023-09-01T09:00");
  ASSERT_EQ(batches().size(), 2u);
  EXPECT_EQ(batches()[0].level(), v1::LEVEL_3);
  EXPECT_EQ(batches()[1].level(), v1::LEVEL_2);
  EXPECT_EQ(batches()[1].batch(), "12345.RN5001.2023-08.0002");
}
TEST_F(Batches, are_numbered_without_gaps) {
  std::vector<Ref> refs;
  for (int learner = 1; learner <= 6; ++learner) refs.push_back({.learner = "L" + std::to_string(learner)});
  complete(refs);
  const char* times[] = {"2023-06-20T09:00", "2023-08-10T07:00", "2023-08-11T07:00", "2023-08-14T16:30", "2023-08-14T16:40", "2023-08-20T09:00"};
  for (std::size_t at = 0; at < refs.size(); ++at) result_at(refs[at], times[at]);
  season.play({amended(refs[0], local("2023-08-21T09:00"), "Merit")}, local("2023-08-21T09:00"));
  ASSERT_EQ(batches().size(), 7u);
  for (std::size_t at = 0; at < batches().size(); ++at) EXPECT_EQ(batches()[at].number(), at + 1);
}
TEST_F(Batches, over_the_limit_are_split) {
  season.policy.batch_results_max = 2;
  StartedSeason limited(season.policy);
  std::vector<v1::Event> events;
  for (int learner = 1; learner <= 5; ++learner) {
    Ref ref{.qualification = "601/0003/9", .learner = "L" + std::to_string(learner)};
    events.push_back(registered(ref, local("2022-10-01T09:00")));
    events.push_back(determined(ref, local("2022-10-02T09:00")));
  }
  limited.play(events, local("2022-10-03T09:00"));
  limited.time_passes(local("2023-08-10T06:00"));
  std::vector<int> sizes;
  for (const auto& batch : limited.outputs.batches) sizes.push_back(batch.results_size());
  EXPECT_EQ(sizes, (std::vector<int>{2, 2, 1}));
  EXPECT_EQ(limited.outputs.batches.back().number(), 3u);
}
TEST_F(Batches, over_the_limit_of_bytes_are_split_and_none_is_larger) {
  season.policy.batch_bytes_max = 2'000;
  StartedSeason limited(season.policy);
  std::vector<v1::Event> events;
  for (int learner = 1; learner <= 10; ++learner) {
    Ref ref{.qualification = "601/0003/9", .learner = std::string(static_cast<std::size_t>(learner), 'L')};
    events.push_back(registered(ref, local("2022-10-01T09:00")));
    events.push_back(determined(ref, local("2022-10-02T09:00")));
  }
  limited.play(events, local("2022-10-03T09:00"));
  limited.time_passes(local("2023-08-10T06:00"));
  int results = 0;
  std::uint32_t number = 0;
  for (const auto& batch : limited.outputs.batches) {
    EXPECT_LE(batch.ByteSizeLong(), 2'000u);
    EXPECT_EQ(batch.number(), ++number);
    results += batch.results_size();
  }
  EXPECT_EQ(results, 10);
  EXPECT_GT(number, 2u);
}
TEST_F(Batches, a_result_that_is_larger_than_the_limit_goes_in_a_batch_of_its_own) {
  season.policy.batch_bytes_max = 1;
  StartedSeason limited(season.policy);
  limited.play({registered({.qualification = "601/0003/9", .learner = "A"}, local("2022-10-01T09:00")),
                registered({.qualification = "601/0003/9", .learner = "B"}, local("2022-10-01T09:00")),
                determined({.qualification = "601/0003/9", .learner = "A"}, local("2022-10-02T09:00")),
                determined({.qualification = "601/0003/9", .learner = "B"}, local("2022-10-02T09:00"))},
               local("2022-10-03T09:00"));
  limited.time_passes(local("2023-08-10T06:00"));
  EXPECT_EQ(limited.outputs.batches.size(), 2u);
}
TEST_F(Batches, name_nothing_twice) {
  complete({{}});
  result_at({}, "2023-06-20T09:00");
  time_passes("2023-08-10T06:00");
  season.play({claimed({}, local("2023-08-10T07:00")), determined({}, local("2023-08-10T07:00"))}, local("2023-08-10T08:00"));
  time_passes("2023-09-01T09:00");
  EXPECT_EQ(batches().size(), 1u);
}

// ---- halt ----

class Halting : public Batches, public testing::WithParamInterface<const char*> {};

TEST_P(Halting, keeps_a_batch_from_being_cut) {
  complete({{}});
  result_at({}, "2023-06-20T09:00");
  season.play({halted(GetParam(), true, "2023-07-01T09:00")}, local("2023-07-01T09:00"));
  time_passes("2023-08-10T09:00");
  EXPECT_TRUE(batches().empty());
}
TEST_P(Halting, lets_go_at_once_what_was_due_meanwhile) {
  complete({{}});
  result_at({}, "2023-06-20T09:00");
  season.play({halted(GetParam(), true, "2023-07-01T09:00")}, local("2023-07-01T09:00"));
  season.play({halted(GetParam(), false, "2023-08-10T09:00")}, local("2023-08-10T09:00"));
  EXPECT_EQ(at(only().issued_at()), local("2023-08-10T09:00"));
}
TEST_P(Halting, beyond_the_deadline_makes_results_late) {
  complete({{}});
  result_at({}, "2023-06-20T09:00");
  season.play({halted(GetParam(), true, "2023-07-01T09:00")}, local("2023-07-01T09:00"));
  time_passes("2023-08-15T09:00");
  EXPECT_EQ(season.status({}).band, v1::LATE);
  season.play({halted(GetParam(), false, "2023-08-15T10:00")}, local("2023-08-15T10:00"));
  EXPECT_TRUE(only().results(0).late());
  EXPECT_EQ(only().results(0).reason(), v1::L6);
}
TEST_P(Halting, lets_corrections_go) {
  complete({{}});
  result_at({}, "2023-08-14T16:30");
  season.play({halted(GetParam(), true, "2023-08-15T09:00")}, local("2023-08-15T09:00"));
  season.play({amended({}, local("2023-08-16T09:00"), "Merit")}, local("2023-08-16T09:00"));
  EXPECT_EQ(batches().size(), 2u);
}
INSTANTIATE_TEST_SUITE_P(Batches, Halting, testing::Values("*", "12345"),
                         [](const auto& instance) { return std::string(instance.param) == "*" ? "all_centres" : "one_centre"; });

TEST_F(Batches, a_halt_of_one_centre_leaves_the_others) {
  complete({{}, {.centre = "54321"}});
  result_at({}, "2023-06-20T09:00");
  result_at({.centre = "54321"}, "2023-06-20T09:00");
  season.play({halted("12345", true, "2023-07-01T09:00")}, local("2023-07-01T09:00"));
  time_passes("2023-08-10T09:00");
  EXPECT_EQ(only().centre(), "54321");
}
TEST_F(Batches, a_centre_cannot_lift_a_halt_for_all) {
  complete({{}});
  result_at({}, "2023-06-20T09:00");
  season.play({halted("*", true, "2023-07-01T09:00"), halted("12345", false, "2023-07-02T09:00")}, local("2023-07-02T09:00"));
  time_passes("2023-08-10T09:00");
  EXPECT_TRUE(batches().empty());
}

// ---- corrections ----

class Corrections : public Batches {
 protected:
  void SetUp() override {
    complete({{}});
    result_at({}, "2023-08-10T05:00", "Pass");
    time_passes("2023-08-10T06:00");
    ASSERT_EQ(batches().size(), 1u);
  }
  void then(const v1::Event& event) { season.play({event}, event.occurred_at().seconds() * 1000); }
};

TEST_F(Corrections, name_what_they_supersede) {
  then(amended({}, local("2023-08-11T09:00"), "Merit"));
  ASSERT_EQ(batches().size(), 2u);
  const auto& batch = batches()[1];
  EXPECT_EQ(batch.kind(), v1::ResultBatch::CORRECTION);
  EXPECT_EQ(batch.number(), 2u);
  EXPECT_EQ(batch.results(0).grade().value(), "Merit");
  EXPECT_EQ(batch.results(0).supersedes().batch(), "12345.RN5001.2023-08.0001");
  EXPECT_EQ(batch.results(0).supersedes().grade().value(), "Pass");
  EXPECT_FALSE(batch.results(0).supersedes().revoked());
}
TEST_F(Corrections, of_a_correction_name_the_correction) {
  then(amended({}, local("2023-08-11T09:00"), "Merit"));
  then(amended({}, local("2023-08-12T09:00"), "Distinction"));
  ASSERT_EQ(batches().size(), 3u);
  EXPECT_EQ(batches()[2].results(0).supersedes().batch(), "12345.RN5001.2023-08.0002");
  EXPECT_EQ(batches()[2].results(0).supersedes().grade().value(), "Merit");
}
TEST_F(Corrections, are_not_made_for_the_same_grade) {
  then(amended({}, local("2023-08-11T09:00"), "Pass"));
  EXPECT_EQ(batches().size(), 1u);
}
TEST_F(Corrections, are_not_made_for_an_older_result_that_comes_late) {
  season.play({amended({}, local("2023-08-10T04:00"), "Merit")}, local("2023-08-11T09:00"));
  EXPECT_EQ(batches().size(), 1u);
}
TEST_F(Corrections, that_revoke_have_no_grade) {
  then(revoked({}, local("2023-08-11T09:00")));
  ASSERT_EQ(batches().size(), 2u);
  EXPECT_EQ(batches()[1].kind(), v1::ResultBatch::CORRECTION);
  EXPECT_TRUE(batches()[1].results(0).revoked());
  EXPECT_FALSE(batches()[1].results(0).has_grade());
  EXPECT_EQ(batches()[1].results(0).supersedes().grade().value(), "Pass");
}
TEST_F(Corrections, of_a_revocation_say_that_it_was_one) {
  then(revoked({}, local("2023-08-11T09:00")));
  then(determined({}, local("2023-08-12T09:00"), "Pass"));
  ASSERT_EQ(batches().size(), 3u);
  EXPECT_FALSE(batches()[2].results(0).revoked());
  EXPECT_EQ(batches()[2].results(0).grade().value(), "Pass");
  EXPECT_TRUE(batches()[2].results(0).supersedes().revoked());
  EXPECT_FALSE(batches()[2].results(0).supersedes().has_grade());
}
TEST_F(Corrections, are_not_repeated) {
  then(revoked({}, local("2023-08-11T09:00")));
  then(revoked({}, local("2023-08-12T09:00")));
  time_passes("2023-09-01T09:00");
  EXPECT_EQ(batches().size(), 2u);
}
TEST_F(Corrections, leave_the_entry_issued_when_it_first_was) {
  then(amended({}, local("2023-08-15T09:00"), "Merit"));
  v1::EntryStatus status = season.described({});
  EXPECT_EQ(at(status.issued_at()), local("2023-08-10T06:00"));
  EXPECT_EQ(at(status.batch_issued_at()), local("2023-08-15T09:00"));
  EXPECT_EQ(status.batch(), "12345.RN5001.2023-08.0002");
  EXPECT_FALSE(status.late());
}
TEST_F(Corrections, after_the_deadline_are_not_late_when_the_first_was_in_time) {
  then(amended({}, local("2023-08-15T09:00"), "Merit"));
  EXPECT_FALSE(batches()[1].results(0).late());
}
TEST_F(Corrections, before_issue_are_none) {
  Ref other{.learner = "L2"};
  complete({other});
  result_at(other, "2023-08-10T07:00", "Pass");
  season.play({amended(other, local("2023-08-10T08:00"), "Merit")}, local("2023-08-10T08:00"));
  time_passes("2023-08-11T06:00");
  ASSERT_EQ(batches().size(), 2u);
  EXPECT_EQ(batches()[1].kind(), v1::ResultBatch::RESULTS);
  EXPECT_EQ(batches()[1].results(0).grade().value(), "Merit");
}
TEST_F(Corrections, and_first_results_are_never_in_one_batch) {
  Ref other{.learner = "L2"};
  complete({other});
  season.play({determined(other, local("2023-08-14T16:30")), amended({}, local("2023-08-14T16:30"), "Merit")}, local("2023-08-14T16:30"));
  ASSERT_EQ(batches().size(), 3u);
  EXPECT_NE(batches()[1].kind(), batches()[2].kind());
}

// ---- acknowledgement ----

TEST_F(Corrections, come_after_an_acknowledgement_of_the_first) {
  then(acknowledged("12345.RN5001.2023-08.0001", "2023-08-10T09:00"));
  EXPECT_EQ(season.status({}).stage, v1::ACKNOWLEDGED);
}
TEST_F(Corrections, want_an_acknowledgement_of_their_own) {
  then(acknowledged("12345.RN5001.2023-08.0001", "2023-08-10T09:00"));
  then(amended({}, local("2023-08-11T09:00"), "Merit"));
  EXPECT_EQ(season.status({}).stage, v1::ISSUED);
  then(acknowledged("12345.RN5001.2023-08.0002", "2023-08-11T10:00"));
  EXPECT_EQ(season.status({}).stage, v1::ACKNOWLEDGED);
}
TEST_F(Corrections, are_not_acknowledged_with_the_batch_before) {
  then(amended({}, local("2023-08-11T09:00"), "Merit"));
  then(acknowledged("12345.RN5001.2023-08.0001", "2023-08-11T10:00"));
  EXPECT_EQ(season.status({}).stage, v1::ISSUED);
}
TEST_F(Batches, acknowledged_before_they_were_cut_are_acknowledged) {
  complete({{}});
  season.play({acknowledged("12345.RN5001.2023-08.0001", "2023-08-05T09:00")}, local("2023-08-05T09:00"));
  result_at({}, "2023-08-14T16:30");
  EXPECT_EQ(season.status({}).stage, v1::ACKNOWLEDGED);
}
TEST_F(Batches, acknowledged_in_the_window_that_cuts_them_are_acknowledged) {
  complete({{}});
  TimeMs now = local("2023-08-14T16:30");
  season.play({determined({}, now), acknowledged("12345.RN5001.2023-08.0001", "2023-08-14T16:30")}, now);
  EXPECT_EQ(season.status({}).stage, v1::ACKNOWLEDGED);
}

}  // namespace
}  // namespace vtq::test
