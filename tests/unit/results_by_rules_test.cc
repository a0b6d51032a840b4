// Results by the rules, through a whole pipeline: computed without anybody sending them, held where they disagree, corrected when the
// units change; and what the status says on the way.
#include "tests/support/season.h"

namespace vtq::test {
namespace {

/// The test qualification with grades by points: two mandatory units, D 16, M 10, P 6; Distinction from 30, Merit from 20, Pass from 12.
v1::Event by_points(v1::Determination determination) {
  v1::Event event = reference_data()[5];
  event.set_id("by-points");
  event.mutable_occurred_at()->set_seconds(local("2022-08-02T09:00") / 1000);
  auto* fact = event.mutable_qualification_defined();
  fact->set_determination(determination);
  while (fact->units_size() > 2) fact->mutable_units()->RemoveLast();
  fact->clear_optional_credit_required();
  for (auto [grade, points] : {std::pair{"D", 16u}, {"M", 10u}, {"P", 6u}}) {
    auto* made = fact->mutable_grading()->add_points();
    made->set_grade(grade);
    made->set_points(points);
  }
  for (auto [grade, points] : {std::pair{"Distinction", 30u}, {"Merit", 20u}, {"Pass", 12u}}) {
    auto* made = fact->mutable_grading()->add_boundaries();
    made->set_grade(grade);
    made->set_points(points);
  }
  return event;
}

v1::Event graded(const Ref& ref, TimeMs at, const std::string& unit, const std::string& grade) {
  v1::Event event = achieved(ref, at, {unit});
  event.mutable_outcome_recorded()->mutable_outcomes(0)->set_grade(grade);
  return event;
}

class ResultsByRules : public testing::Test {
 protected:
  explicit ResultsByRules(v1::Determination determination = v1::DETERMINATION_COMPUTED) {
    season.play({by_points(determination)}, local("2022-09-01T09:00"));
    season.play(
        {registered(ref, local("2022-10-01T09:00")), answered(ref, local("2023-05-10T09:00")), graded(ref, local("2023-06-01T09:00"), "A", "M"),
         graded(ref, local("2023-06-01T10:00"), "B", "M"), claimed(ref, local("2023-06-02T09:00"))},
        june);
  }
  std::string issued() {
    std::string all;
    for (const auto& batch : season.outputs.batches)
      for (const auto& result : batch.results()) all += (all.empty() ? "" : " ") + (result.revoked() ? "revoked" : result.grade().value());
    return all;
  }
  std::string obstacles() {
    std::string lines;
    v1::EntryStatus described = season.described(ref);
    for (const auto& one : described.obstacles()) lines += one.rule() + ": " + one.text() + "\n";
    return lines;
  }

  std::string why() { return season.described(ref).why(); }

  TimeMs june = local("2023-06-10T09:00");
  TimeMs issue = local("2023-08-10T06:00");
  Ref ref;
  StartedSeason season;
};
struct ComputedResults : ResultsByRules {};
struct ExternalResults : ResultsByRules {
  ExternalResults() : ResultsByRules(v1::DETERMINATION_EXTERNAL) {}
};

TEST_F(ComputedResults, are_ready_with_the_claim_and_go_with_the_plan) {
  EXPECT_EQ(season.status(ref).stage, v1::READY);
  season.time_passes(issue);
  EXPECT_EQ(issued(), "Merit");
  EXPECT_EQ(season.outputs.batches[0].results(0).grade().scale(), "pass");
}
TEST_F(ComputedResults, follow_the_units_until_they_go) {
  season.play({graded(ref, local("2023-06-20T09:00"), "A", "D"), graded(ref, local("2023-06-20T09:00"), "B", "D")}, local("2023-06-20T10:00"));
  season.time_passes(issue);
  EXPECT_EQ(issued(), "Distinction");
}
TEST_F(ComputedResults, changed_after_issue_are_corrected_by_the_awarding_organisations_word_only) {
  season.time_passes(issue);
  season.play({graded(ref, issue + 1'000, "A", "D"), graded(ref, issue + 1'000, "B", "D")}, issue + kHourMs);
  EXPECT_EQ(issued(), "Merit");
  EXPECT_EQ(season.status(ref).rule, Rule::result_agrees);
  EXPECT_EQ(season.status(ref).step, v1::RESOLVE_DISAGREEMENT);
  EXPECT_EQ(obstacles(),
            "result-agrees: The result that was issued is not what the rules now give by points. It is changed by a result sent as "
            "amended.\n");
  season.play({amended(ref, issue + 2 * kHourMs, "Distinction")}, issue + 2 * kHourMs);
  EXPECT_EQ(issued(), "Merit Distinction");
  EXPECT_EQ(season.outputs.batches[1].kind(), v1::ResultBatch::CORRECTION);
}
TEST_F(ComputedResults, that_went_are_not_touched_by_rules_of_later) {
  season.time_passes(issue);
  v1::Event stricter = by_points(v1::DETERMINATION_COMPUTED);
  stricter.set_id("stricter");
  stricter.mutable_occurred_at()->set_seconds((issue + 1'000) / 1000);
  stricter.mutable_qualification_defined()->mutable_grading()->mutable_boundaries(1)->set_points(22);
  season.play({stricter}, issue + kHourMs);
  season.time_passes(issue + kDayMs);
  EXPECT_EQ(issued(), "Merit");
}
TEST_F(ComputedResults, wait_while_a_scale_is_not_known) {
  v1::Event elsewhere = by_points(v1::DETERMINATION_COMPUTED);
  elsewhere.set_id("elsewhere");
  elsewhere.mutable_occurred_at()->set_seconds(local("2022-08-03T09:00") / 1000);
  elsewhere.mutable_qualification_defined()->set_unit_grading_scale("not there yet");
  season.play({elsewhere}, june + kHourMs);
  EXPECT_EQ(season.status(ref).stage, v1::ASSURED);
  EXPECT_EQ(season.status(ref).owner, v1::AWARDING_ORGANISATION);
  EXPECT_NE(obstacles().find("scale-known: The grading scale not there yet is not in the reference data"), std::string::npos) << obstacles();
  season.time_passes(issue);
  EXPECT_EQ(issued(), "");
}
TEST_F(ComputedResults, that_lose_their_ground_after_issue_stay_and_say_so) {
  season.time_passes(issue);
  season.play({graded(ref, issue + 1'000, "A", "U")}, issue + kHourMs);
  EXPECT_EQ(issued(), "Merit");
  EXPECT_EQ(obstacles(), "unit-mandatory: Unit A: the grade recorded does not count as achieved.\n");
  season.play({revoked(ref, issue + 2 * kHourMs)}, issue + 2 * kHourMs);
  EXPECT_EQ(issued(), "Merit revoked");
}
TEST_F(ComputedResults, give_way_to_an_amended_one) {
  season.play({amended(ref, local("2023-06-20T09:00"), "Pass")}, local("2023-06-20T10:00"));
  season.time_passes(issue);
  EXPECT_EQ(issued(), "Pass");
}
TEST_F(ComputedResults, that_a_result_sent_disagrees_with_are_held) {
  season.play({determined(ref, local("2023-06-20T09:00"), "Distinction")}, local("2023-06-20T10:00"));
  season.time_passes(issue);
  EXPECT_EQ(issued(), "");
  EXPECT_EQ(season.status(ref).rule, Rule::result_agrees);
}

TEST_F(ExternalResults, wait_for_the_awarding_organisation) {
  EXPECT_EQ(season.status(ref).stage, v1::ASSURED);
  EXPECT_EQ(season.status(ref).step, v1::DETERMINE_RESULT);
}
TEST_F(ExternalResults, that_agree_go) {
  season.play({determined(ref, local("2023-06-20T09:00"), "Merit")}, local("2023-06-20T10:00"));
  EXPECT_EQ(obstacles(), "");
  season.time_passes(issue);
  EXPECT_EQ(issued(), "Merit");
}
TEST_F(ExternalResults, that_disagree_are_held_and_name_the_rule_but_no_grade) {
  season.play({determined(ref, local("2023-06-20T09:00"), "Distinction")}, local("2023-06-20T10:00"));
  season.time_passes(issue + kDayMs);
  EXPECT_EQ(issued(), "");
  Status status = season.status(ref);
  EXPECT_EQ(status.stage, v1::CLAIMED);
  EXPECT_EQ(status.step, v1::RESOLVE_DISAGREEMENT);
  EXPECT_EQ(status.owner, v1::AWARDING_ORGANISATION);
  EXPECT_EQ(obstacles(),
            "result-agrees: The result sent is not what the rules give by points. Correct the units or send the result anew; where it is to stand "
            "all the same, send it as amended.\n");
  // The sentence goes on: no full stop in its middle.
  EXPECT_NE(why().find("send it as amended; 3 days"), std::string::npos) << why();
}
TEST_F(ExternalResults, that_disagree_are_late_by_the_awarding_organisations_fault_once_the_deadline_passes) {
  season.play({determined(ref, local("2023-06-20T09:00"), "Distinction")}, local("2023-06-20T10:00"));
  season.time_passes(local("2023-08-15T09:00"));
  EXPECT_EQ(season.status(ref).band, v1::LATE);
  EXPECT_EQ(season.status(ref).reason, v1::L6);
}
TEST_F(ExternalResults, go_once_they_are_sent_again_in_agreement) {
  season.play({determined(ref, local("2023-06-20T09:00"), "Distinction")}, local("2023-06-20T10:00"));
  season.play({determined(ref, local("2023-06-21T09:00"), "Merit")}, local("2023-06-21T10:00"));
  season.time_passes(issue);
  EXPECT_EQ(issued(), "Merit");
}
TEST_F(ExternalResults, go_once_the_units_agree) {
  season.play({determined(ref, local("2023-06-20T09:00"), "Distinction")}, local("2023-06-20T10:00"));
  season.play({graded(ref, local("2023-06-21T09:00"), "A", "D"), graded(ref, local("2023-06-21T09:00"), "B", "D")}, local("2023-06-21T10:00"));
  season.time_passes(issue);
  EXPECT_EQ(issued(), "Distinction");
}
TEST_F(ExternalResults, that_were_amended_go_as_they_are) {
  season.play({amended(ref, local("2023-06-20T09:00"), "Distinction")}, local("2023-06-20T10:00"));
  season.time_passes(issue);
  EXPECT_EQ(issued(), "Distinction");
}
TEST_F(ExternalResults, that_come_to_disagree_after_issue_are_named_and_not_corrected) {
  season.play({determined(ref, local("2023-06-20T09:00"), "Merit")}, local("2023-06-20T10:00"));
  season.time_passes(issue);
  season.play({determined(ref, issue + 1'000, "Distinction")}, issue + kHourMs);
  EXPECT_EQ(issued(), "Merit");
  EXPECT_EQ(season.status(ref).rule, Rule::result_agrees);
  EXPECT_EQ(season.status(ref).step, v1::RESOLVE_DISAGREEMENT);
}

TEST_F(ExternalResults, that_the_units_no_longer_bear_out_are_not_corrected_to) {
  season.play({determined(ref, local("2023-06-20T09:00"), "Merit")}, local("2023-06-20T10:00"));
  season.time_passes(issue);
  season.play({graded(ref, issue + 1'000, "A", "U"), determined(ref, issue + 2'000, "Distinction")}, issue + kHourMs);
  EXPECT_EQ(issued(), "Merit");
  EXPECT_EQ(season.status(ref).rule, Rule::result_agrees);
  EXPECT_NE(obstacles().find("The result sent is not what the rules give by points."), std::string::npos) << obstacles();
}

// ---- pathway, holds and what is said of them ----

TEST(PathwayOfAnEntry, missing_is_the_first_thing_to_mend_and_mended_by_registering_anew) {
  StartedSeason season;
  Ref ref;
  v1::Event defined = reference_data()[5];
  defined.set_id("pathways");
  defined.mutable_occurred_at()->set_seconds(local("2022-08-02T09:00") / 1000);
  auto* fact = defined.mutable_qualification_defined();
  fact->clear_optional_credit_required();
  for (auto [code, unit] : {std::pair{"SAIL", "C"}, {"MOTOR", "D"}}) {
    auto* pathway = fact->add_pathways();
    pathway->set_code(code);
    pathway->add_units(unit);
  }
  season.play({defined}, local("2022-09-01T09:00"));
  season.play({registered(ref, local("2022-10-01T09:00")), answered(ref, local("2023-05-10T09:00")),
               achieved(ref, local("2023-06-01T09:00"), {"A", "B", "C"}), claimed(ref, local("2023-06-02T09:00"))},
              local("2023-06-10T09:00"));
  EXPECT_EQ(season.status(ref).stage, v1::REGISTERED);
  EXPECT_EQ(season.status(ref).step, v1::CORRECT_REGISTRATION);
  EXPECT_EQ(season.status(ref).owner, v1::CENTRE);
  EXPECT_EQ(season.status(ref).rule, Rule::pathway);
  ASSERT_EQ(season.described(ref).obstacles_size(), 1);
  EXPECT_EQ(season.described(ref).obstacles(0).text(), "No pathway is registered; register the learner again with one of SAIL, MOTOR.");
  v1::Event again = registered(ref, local("2023-06-11T09:00"));
  again.mutable_registered()->set_pathway("SAIL");
  season.play({again}, local("2023-06-11T10:00"));
  EXPECT_EQ(season.status(ref).stage, v1::ASSURED);
  EXPECT_EQ(season.described(ref).obstacles_size(), 0);
}

TEST(PathwayOfAnEntry, still_missing_at_the_deadline_leaves_a_claimed_result_not_certificated_and_not_late) {
  StartedSeason season;
  Ref ref;
  v1::Event defined = reference_data()[5];
  defined.set_id("pathways");
  defined.mutable_occurred_at()->set_seconds(local("2022-08-02T09:00") / 1000);
  defined.mutable_qualification_defined()->add_pathways()->set_code("SAIL");
  season.play({defined}, local("2022-09-01T09:00"));
  season.play({registered(ref, local("2022-10-01T09:00")), answered(ref, local("2023-05-10T09:00")),
               achieved(ref, local("2023-06-01T09:00"), {"A", "B", "C"}), claimed(ref, local("2023-06-02T09:00"))},
              local("2023-06-10T09:00"));
  EXPECT_EQ(season.status(ref).rule, Rule::pathway);
  season.time_passes(local("2023-08-15T09:00"));
  EXPECT_EQ(season.status(ref).stage, v1::NOT_CERTIFICATED);
  EXPECT_EQ(season.status(ref).reason, v1::N1);
  EXPECT_EQ(season.status(ref).band, v1::SETTLED);
  EXPECT_FALSE(season.status(ref).late);
}

TEST(Obstacles, name_missing_units_then_holds_then_samples) {
  StartedSeason season;
  Ref ref;
  season.play({registered(ref, local("2022-10-01T09:00")), answered(ref, local("2023-05-10T09:00")), achieved(ref, local("2023-06-01T09:00"), {"A"}),
               hold_placed("H1", ref, local("2023-06-02T09:00")), sample(ref, local("2023-06-02T09:00"), v1::SampleDecided::AWAITING_CENTRE)},
              local("2023-06-10T09:00"));
  std::string lines;
  v1::EntryStatus described = season.described(ref);
  for (const auto& one : described.obstacles()) lines += one.rule() + "|" + one.subject() + "|" + one.text() + "\n";
  EXPECT_EQ(lines,
            "unit-mandatory|B|Unit B is not yet achieved.\n"
            "optional-credit||0 of 10 credits of optional units.\n"
            "hold|H1|Hold H1: a malpractice or maladministration case is open; close it, and have the hold lifted.\n"
            "sample||The sample is awaited from the centre, due on 30 Jun 2023.\n");
}
TEST(Obstacles, are_none_for_an_entry_that_was_withdrawn) {
  StartedSeason season;
  Ref ref;
  season.play({registered(ref, local("2022-10-01T09:00")), withdrawn(ref, local("2023-05-10T09:00"))}, local("2023-06-10T09:00"));
  EXPECT_EQ(season.described(ref).obstacles_size(), 0);
}

}  // namespace
}  // namespace vtq::test
