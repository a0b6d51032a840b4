// Edges of single rules, each with the case that just passes and the one that just fails.
#include "pipeline/rules/scrutiny.h"
#include "pipeline/rules/spike.h"
#include "tests/support/course.h"
#include "tests/support/examples.h"
#include "tests/support/situation.h"
#include "tests/support/systems.h"

namespace vtq::test {
namespace {

constexpr const char* kJune = "2023-06-25T09:00";
constexpr const char* kDeadline = "2023-08-14T17:00";

// ---- final grades ----

v1::Event result_of(const std::string& grade, const std::string& at) { return determined({}, local(at), grade); }

v1::Event scale_with(v1::ScaleGrade::Finality finality_of_x, v1::ScaleGrade::Finality finality_of_wait) {
  v1::Event event = event_at(local("2022-09-01T09:00"));
  auto* fact = event.mutable_grading_scale_defined();
  fact->set_name("pass");
  using Grade = std::tuple<const char*, bool, v1::ScaleGrade::Finality>;
  auto unsaid = v1::ScaleGrade::FINALITY_UNSPECIFIED;
  for (auto [value, achieved, finality] : std::vector<Grade>{{"Pass", true, unsaid},
                                                             {"U", false, unsaid},
                                                             {"X", false, finality_of_x},
                                                             {"Q", false, unsaid},
                                                             {"#", false, unsaid},
                                                             {"Wait", false, finality_of_wait}}) {
    auto* grade = fact->add_grades();
    grade->set_value(value);
    grade->set_achieved(achieved);
    grade->set_finality(finality);
  }
  return event;
}

struct Value {
  const char* name;
  const char* grade;
  v1::ScaleGrade::Finality x, wait;
  bool final;
};
class FinalGrade : public testing::TestWithParam<Value> {};
TEST_P(FinalGrade, alone_makes_an_entry_ready) {
  Situation situation;
  situation.knows(scale_with(GetParam().x, GetParam().wait)).complete_and_claimed().with(result_of(GetParam().grade, "2023-06-20T09:00"));
  EXPECT_EQ(situation.status_at(kJune).stage, GetParam().final ? v1::READY : v1::ASSURED);
  EXPECT_EQ(situation.status_at(kDeadline).late, !GetParam().final);
  EXPECT_EQ(situation.status_at(kJune).step == v1::DETERMINE_RESULT, !GetParam().final);
}
constexpr auto kUnsaid = v1::ScaleGrade::FINALITY_UNSPECIFIED, kFinal = v1::ScaleGrade::FINAL, kIndicator = v1::ScaleGrade::INDICATOR;
INSTANTIATE_TEST_SUITE_P(Values, FinalGrade,
                         testing::Values(Value{"pass", "Pass", kUnsaid, kUnsaid, true}, Value{"unclassified", "U", kUnsaid, kUnsaid, true},
                                         Value{"no_result", "X", kUnsaid, kUnsaid, false}, Value{"pending", "Q", kUnsaid, kUnsaid, false},
                                         Value{"partly_absent", "#", kUnsaid, kUnsaid, false},
                                         Value{"x_said_to_be_final", "X", kFinal, kUnsaid, true},
                                         Value{"another_value", "Wait", kUnsaid, kUnsaid, true},
                                         Value{"another_value_said_to_be_none", "Wait", kUnsaid, kIndicator, false}),
                         [](const auto& given) { return given.param.name; });

TEST(FinalGrade, is_awaited_again_after_an_indicator_was_sent_in_place_of_what_was_issued) {
  StartedSeason season;
  season.play({scale_with(kUnsaid, kUnsaid)}, local("2022-09-02T09:00"));
  season.play(
      {registered({}, local("2022-10-01T09:00")), answered({}, local("2023-05-10T09:00")), achieved({}, local("2023-06-01T09:00"), {"A", "B", "C"}),
       claimed({}, local("2023-06-10T09:00")), determined({}, local("2023-06-20T09:00"))},
      local(kJune));
  season.time_passes(local("2023-08-10T06:00"));
  EXPECT_EQ(season.status({}).band, v1::SETTLED);
  season.play({amended({}, local("2023-08-11T09:00"), "Q")}, local("2023-08-11T09:00"));
  EXPECT_EQ(season.outputs.batches.size(), 2u);
  EXPECT_EQ(season.status({}).band, v1::WATCH);
  season.time_passes(local(kDeadline));
  EXPECT_EQ(season.status({}).band, v1::LATE);
  EXPECT_EQ(season.status({}).reason, v1::L6);
  season.play({amended({}, local("2023-08-20T09:00"), "Pass")}, local("2023-08-20T09:00"));
  EXPECT_EQ(season.status({}).band, v1::SETTLED);
  EXPECT_EQ(season.outputs.batches.size(), 3u);
}

TEST(FinalGrade, alone_disagrees_with_the_rules) {
  Course course;
  course.unit("U1");
  course.fact.mutable_grading()->set_pass_grade("P");
  EXPECT_EQ(test::result_of(Record().unit("U1").result("Q"), course).rule, Rule::none);
  EXPECT_EQ(test::result_of(Record().unit("U1").result("M"), course).rule, Rule::result_agrees);
}

TEST(FinalGrade, is_what_the_scales_to_start_from_say_it_is) {
  std::istringstream in(test_file("../../deploy/reference/grading_scales.jsonl"));
  int indicators = 0;
  for (std::string line; std::getline(in, line);) {
    v1::Event event = event_from(line);
    for (const auto& grade : event.grading_scale_defined().grades()) {
      bool is = grade.value() == "X" || grade.value() == "Q" || grade.value() == "#";
      EXPECT_EQ(grade.finality() == v1::ScaleGrade::INDICATOR, is) << line;
      indicators += is;
    }
  }
  EXPECT_GT(indicators, 20);
}

// ---- scope of holds ----

struct HoldScope {
  const char* name;
  const char *awarding_organisation, *qualification, *series;
  bool covers;
};
class HoldsCover : public testing::TestWithParam<HoldScope> {};
TEST_P(HoldsCover, only_what_they_name) {
  Situation situation;
  v1::Event hold = hold_placed("H1", {}, local("2023-06-11T09:00"));
  hold.mutable_hold_placed()->set_awarding_organisation(GetParam().awarding_organisation);
  hold.mutable_hold_placed()->set_qualification(GetParam().qualification);
  hold.mutable_hold_placed()->set_series(GetParam().series);
  hold.mutable_hold_placed()->set_learner("");
  situation.complete_and_claimed().with(hold);
  EXPECT_EQ(situation.status_at(kJune).stage, GetParam().covers ? v1::CLAIMED : v1::ASSURED);
  EXPECT_EQ(late_reason(situation.entry, situation.around()), GetParam().covers ? v1::L4 : v1::L6);
}
INSTANTIATE_TEST_SUITE_P(Scopes, HoldsCover,
                         testing::Values(HoldScope{"all_of_it", "RN5001", "", "", true},
                                         HoldScope{"the_entry", "RN5001", "601/0001/5", "2023-08", true},
                                         HoldScope{"another_awarding_organisation", "RN5002", "", "", false},
                                         HoldScope{"another_qualification", "RN5001", "601/0002/7", "", false},
                                         HoldScope{"another_series", "RN5001", "", "2024-01", false}),
                         [](const auto& given) { return given.param.name; });

TEST(HoldPlacedAgain, covers_what_its_last_word_names_only) {
  v1::Event wide = hold_placed("H1", {.learner = ""}, local("2023-06-11T09:00"));
  v1::Event narrow = hold_placed("H1", {.learner = "L2"}, local("2023-06-12T09:00"));
  EXPECT_EQ(Situation().complete_and_claimed().with(wide).status_at(kJune).stage, v1::CLAIMED);
  EXPECT_EQ(Situation().complete_and_claimed().with(wide).with(narrow).status_at(kJune).stage, v1::ASSURED);
  EXPECT_EQ(Situation().complete_and_claimed().with(narrow).with(wide).status_at(kJune).stage, v1::ASSURED);
}

// ---- samples of cohort and learner ----

TEST(Samples, of_cohort_and_learner_must_both_be_satisfied) {
  for (bool cohort : {false, true})
    for (bool learner : {false, true}) {
      v1::Event of_all = sample({}, local("2023-06-11T09:00"), cohort ? v1::SampleDecided::SATISFIED : v1::SampleDecided::AWAITING_CENTRE);
      v1::Event of_one = sample({}, local("2023-06-11T09:00"), learner ? v1::SampleDecided::SATISFIED : v1::SampleDecided::AWAITING_CENTRE);
      of_one.mutable_sample_decided()->set_learner("L1");
      Situation situation;
      situation.complete_and_claimed().with(of_all).with(of_one);
      EXPECT_EQ(situation.status_at(kJune).stage, cohort && learner ? v1::ASSURED : v1::CLAIMED) << cohort << learner;
    }
}

// ---- claims ----

TEST(Claim, at_the_deadline_itself_is_in_time_and_a_millisecond_later_is_not) {
  TimeMs deadline = local(kDeadline);
  for (TimeMs at : {deadline, deadline + 1}) {
    Situation situation;
    situation.complete().with(claimed({}, at));
    EXPECT_EQ(late_reason(situation.entry, situation.around()), at == deadline ? v1::L6 : v1::L5);
  }
}
TEST(Claim, under_none_expected_makes_a_result_due) {
  for (bool has_claim : {false, true}) {
    Situation situation;
    situation.knows(mitigation({.centre = "", .learner = ""}, local("2023-04-01T09:00"), v1::MitigationDefined::NONE_EXPECTED));
    situation.complete();
    if (has_claim) situation.claimed_at("2023-06-10T09:00");
    EXPECT_EQ(situation.status_at(kJune).step, has_claim ? v1::DETERMINE_RESULT : v1::STEP_NONE);
    EXPECT_EQ(situation.status_at(kDeadline).late, has_claim);
    EXPECT_EQ(situation.status_at(kDeadline).reason, has_claim ? v1::L6 : v1::N3);
  }
}
TEST(Claim, stands_against_a_later_answer_and_the_entry_says_so) {
  for (auto answer : {v1::CheckpointAnswered::DEFERRED, v1::CheckpointAnswered::NOT_ELIGIBLE, v1::CheckpointAnswered::NOT_NEEDED}) {
    StartedSeason season;
    season.play({registered({}, local("2022-10-01T09:00")), achieved({}, local("2023-06-01T09:00"), {"A", "B", "C"}),
                 claimed({}, local("2023-06-10T09:00")), answered({}, local("2023-06-12T09:00"), answer)},
                local(kJune));
    v1::EntryStatus status = season.described({});
    EXPECT_EQ(status.stage(), v1::ASSURED);
    bool said = status.obstacles_size() > 0 && status.obstacles(0).rule() == "answer-against-claim";
    EXPECT_EQ(said, answer != v1::CheckpointAnswered::NOT_NEEDED);
    if (answer == v1::CheckpointAnswered::DEFERRED) {
      EXPECT_EQ(status.obstacles(0).text(),
                "The centre answered after its claim that the learner is deferred; the claim stands, and is taken back by ClaimWithdrawn only.");
    }
  }
}
TEST(Claim, after_an_answer_says_nothing_against_it) {
  StartedSeason season;
  season.play({registered({}, local("2022-10-01T09:00")), answered({}, local("2023-05-12T09:00"), v1::CheckpointAnswered::DEFERRED),
               achieved({}, local("2023-06-01T09:00"), {"A", "B", "C"}), claimed({}, local("2023-06-10T09:00"))},
              local(kJune));
  EXPECT_EQ(season.described({}).obstacles_size(), 0);
}

// ---- ends without a result ----

TEST(EndsWithoutResult, out_of_scope_and_asked_by_nobody_is_n4_and_incomplete_confirmed_and_unclaimed_is_n3) {
  v1::Event small = reference_data()[5];
  small.mutable_occurred_at()->set_seconds(local("2022-09-01T09:00") / 1000);
  small.mutable_qualification_defined()->set_guided_learning_hours(179);
  Situation situation;
  situation.knows(small).registered_at("2022-10-01T09:00");
  EXPECT_EQ(situation.status_at(kJune).need, v1::NOT_IN_SCOPE);
  EXPECT_EQ(situation.status_at(kDeadline).reason, v1::N4);
  situation.answered_at("2023-05-10T09:00");
  EXPECT_EQ(situation.status_at(kDeadline).reason, v1::N3);
}

// ---- mitigations ----

v1::Event delayed_to(const std::string& day, const std::string& defined) {
  v1::Event event = mitigation({.centre = "", .learner = ""}, local(defined), v1::MitigationDefined::DELAYED);
  event.mutable_mitigation_defined()->set_expected_on(day);
  return event;
}
TEST(DelayedAssessment, keeps_the_calendars_times_of_day_and_moves_the_claim_deadline_along) {
  Situation situation;
  Calendar moved = *situation.knows(delayed_to("2023-09-13", "2023-04-01T09:00")).around().calendar;
  EXPECT_EQ(moved.issue_deadline, local("2023-09-13T17:00"));
  EXPECT_EQ(moved.claim_deadline, local("2023-08-06T17:00"));
  EXPECT_EQ(local_text(moved.learner_release).substr(13), "08:00");
}
TEST(DelayedAssessment, never_brings_dates_forward) {
  for (const char* day : {"2023-08-13", "2023-08-14", "2023-08-15"}) {
    Situation situation;
    Calendar moved = *situation.knows(delayed_to(day, "2023-04-01T09:00")).around().calendar;
    EXPECT_EQ(moved.issue_deadline, local(std::string(day) == "2023-08-15" ? "2023-08-15T17:00" : kDeadline)) << day;
  }
}
TEST(Mitigation, defined_after_issue_moves_nothing_of_what_was_issued) {
  TimeMs issued = local("2023-08-10T06:00");
  for (TimeMs defined : {issued, issued + 1}) {
    Situation situation;
    situation.ready();
    situation.entry.issued = {.batch_number = 1, .first_batch_number = 1, .first_at_ms = issued, .scale = Word("pass"), .grade = Word("Pass")};
    v1::Event delay = delayed_to("2023-09-13", "2023-04-01T09:00");
    delay.mutable_occurred_at()->set_seconds(defined / 1000);
    delay.mutable_occurred_at()->set_nanos(static_cast<int>(defined % 1000) * 1'000'000);
    situation.knows(delay);
    EXPECT_EQ(situation.status_at("2023-08-17T08:00").stage, defined == issued ? v1::ISSUED : v1::RELEASED);
  }
}

// ---- grades ----

TEST(Hurdle, unmet_from_the_lowest_grade_on_gives_no_grade) {
  Course course;
  course.unit("U1");
  course.fact.mutable_grading()->set_pass_grade("P");
  course.hurdle("P", {"U1"}, "M");
  Attainment below = attain(Record().unit("U1", "P").facts, course.made());
  EXPECT_TRUE(below.grade.empty());
  EXPECT_FALSE(below.complete);
  EXPECT_EQ(attain(Record().unit("U1", "M").facts, course.made()).grade.view(), "P");
}
TEST(Points, of_a_unit_without_a_grade_are_none_and_it_is_named) {
  Course course;
  course.unit("U1");
  course.unit("U2");
  course.points("P", 6).boundary("P", 6);
  EXPECT_EQ(missing_lines(course, Record().unit("U1", "P").recognised("U2")),
            "points-without-grade|U2|Unit U2 counts 0 points: its prior learning was recognised without a grade. Where it brings one, send "
            "PriorLearningRecognised again with it.\n");
  EXPECT_EQ(missing_lines(course, Record().unit("U1", "P").unit("U2")),
            "points-without-grade|U2|Unit U2 counts 0 points: it was recorded without a grade. Record it again with one.\n");
  EXPECT_EQ(missing_lines(course, Record().unit("U1", "P").recognised("U2", "P")), "");
}
TEST(Pathways, a_unit_that_another_one_names_is_no_optional_unit_on_yours) {
  Course course;
  course.unit("C");
  course.option("S");
  course.option("M");
  course.option("X");
  course.pathway("SAIL", {"S"});
  course.pathway("MOTOR", {"M"});
  course.fact.set_optional_credit_required(10);
  EXPECT_FALSE(attain(Record().on("SAIL").units({"C", "S", "M"}).facts, course.made()).achieved);
  EXPECT_TRUE(attain(Record().on("SAIL").units({"C", "S", "X"}).facts, course.made()).achieved);
}

// ---- scrutiny ----

/// One claimed entry of a qualification under a strategy.
struct UnderStrategy : Situation {
  v1::ScrutinyStrategyDefined strategy;
  Rule rule_at(const std::string& now) {
    Scrutiny scrutiny = scrutinise({strategy, *reference.qualification(entry.key.qualification), centre, {&entry}}, local(now));
    Circumstances circumstances = around();
    circumstances.scrutiny = &scrutiny;
    return scrutiny_obstacle(entry, circumstances).rule;
  }
};
TEST(ScrutinyEdge, a_claim_of_the_day_of_the_visit_is_not_sampled_by_it) {
  for (const char* claim : {"2023-06-09T23:59", "2023-06-10T00:00"}) {
    UnderStrategy one;
    one.strategy.set_sampling_before_claims(true);
    one.complete().claimed_at(claim);
    one.with(monitored({.learner = ""}, local("2023-06-10T18:00"), "V1", 2, "2023-06-10"));
    EXPECT_EQ(one.rule_at(kJune), std::string(claim) < "2023-06-10" ? Rule::none : Rule::sampling) << claim;
  }
}
TEST(ScrutinyEdge, a_registration_at_the_moment_of_suspension_is_held_and_one_before_is_not) {
  TimeMs suspended = local("2022-10-01T09:00");
  for (TimeMs at : {suspended - 1, suspended}) {
    UnderStrategy one;
    one.with(registered({}, at)).with(sanction({.learner = ""}, suspended, "S1", v1::SanctionDecided::REGISTRATION_SUSPENDED));
    EXPECT_EQ(one.rule_at(kJune), at == suspended ? Rule::registration_suspended : Rule::none);
  }
}
TEST(ScrutinyEdge, a_case_about_another_qualification_asks_for_no_monitoring) {
  for (const char* qualification : {"601/0001/5", "601/0002/7"}) {
    UnderStrategy one;
    one.strategy.mutable_triggers()->set_malpractice(true);
    v1::Event hold = hold_placed("H1", {}, local("2023-06-01T09:00"));
    hold.mutable_hold_placed()->set_qualification(qualification);
    one.complete().with(hold);
    EXPECT_EQ(one.rule_at(kJune), std::string(qualification) == "601/0001/5" ? Rule::malpractice_suspected : Rule::none);
  }
}
TEST(SpikeEdge, weeks_run_from_monday_to_sunday) {
  // 12 weeks of one claim each on their Wednesday, then five on a Sunday and the Monday after.
  Day monday = *parse_date("2023-01-02");
  std::vector<Day> usual;
  for (int week = 0; week < 12; ++week) usual.push_back(monday + week * 7 + 2);
  Day last_sunday = monday + 12 * 7 + 6;
  auto alarms = [&](Day first, Day second) {
    std::vector<Day> days = usual;
    days.insert(days.end(), 3, first);
    days.insert(days.end(), 3, second);
    return spikes(days, {.tenths = 10, .min = 6}, last_sunday + 30).size();
  };
  EXPECT_EQ(alarms(last_sunday - 1, last_sunday), 1u);
  EXPECT_EQ(alarms(last_sunday, last_sunday + 1), 0u);
}

// ---- what is told ----

TEST(Told, an_entry_that_stays_in_its_band_is_told_nothing_again) {
  StartedSeason season;
  season.play({registered({}, local("2022-10-01T09:00")), answered({}, local("2023-05-10T09:00"))}, local("2023-08-13T09:00"));
  ASSERT_EQ(season.status({}).band, v1::AT_RISK);
  std::size_t told = season.outputs.notifications.size();
  EXPECT_EQ(told, 1u);
  season.play({achieved({}, local("2023-08-13T10:00"), {"A", "B", "C"})}, local("2023-08-13T10:00"));
  EXPECT_EQ(season.status({}).band, v1::AT_RISK);
  EXPECT_EQ(season.status({}).step, v1::SUBMIT_CLAIM);
  EXPECT_EQ(season.outputs.notifications.size(), told);
}

}  // namespace
}  // namespace vtq::test
