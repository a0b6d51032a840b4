// Derive: stages, need and scope, next step with owner and due date.
#include "tests/support/situation.h"

namespace vtq::test {
namespace {

constexpr const char* kJune = "2023-06-25T09:00";  // after all of `ready`, before any batch

// ---- stages ----

TEST(Stage, of_a_registered_entry_without_evidence_is_registered) {
  EXPECT_EQ(Situation().registered_at("2022-10-01T09:00").status_at(kJune).stage, v1::REGISTERED);
}
TEST(Stage, with_all_required_units_is_eligible) { EXPECT_EQ(Situation().complete().status_at(kJune).stage, v1::ELIGIBLE); }
TEST(Stage, with_one_mandatory_unit_missing_is_registered) {
  Situation situation;
  situation.registered_at("2022-10-01T09:00").achieved_at("2023-06-01T09:00", {"A", "C", "D"});
  EXPECT_EQ(situation.status_at(kJune).stage, v1::REGISTERED);
  EXPECT_EQ(situation.status_at(kJune).outstanding_units, 1);
}
TEST(Stage, with_optional_credit_just_missed_is_registered) {
  Situation situation;
  situation.registered_at("2022-10-01T09:00").achieved_at("2023-06-01T09:00", {"A", "B"});
  EXPECT_EQ(situation.status_at(kJune).stage, v1::REGISTERED);
  EXPECT_EQ(situation.at(kJune).attainment.optional_credit_missing, 10u);
}
TEST(Stage, with_optional_credit_just_reached_is_eligible) {
  Situation situation;
  situation.registered_at("2022-10-01T09:00").achieved_at("2023-06-01T09:00", {"A", "B", "D"});
  EXPECT_EQ(situation.status_at(kJune).stage, v1::ELIGIBLE);
}
TEST(Stage, claimed_without_evidence_is_registered) {
  Situation situation;
  situation.registered_at("2022-10-01T09:00").claimed_at("2023-06-01T09:00");
  EXPECT_EQ(situation.status_at(kJune).stage, v1::REGISTERED);
}
TEST(Stage, eligible_and_claimed_without_a_hold_is_assured) { EXPECT_EQ(Situation().complete_and_claimed().status_at(kJune).stage, v1::ASSURED); }
TEST(Stage, claimed_under_a_hold_is_claimed) {
  Situation situation;
  situation.complete_and_claimed().with(hold_placed("H1", {}, local("2023-06-11T09:00")));
  EXPECT_EQ(situation.status_at(kJune).stage, v1::CLAIMED);
}
TEST(Stage, under_a_hold_of_another_learner_is_assured) {
  Situation situation;
  situation.complete_and_claimed().with(hold_placed("H1", {.learner = "L2"}, local("2023-06-11T09:00")));
  EXPECT_EQ(situation.status_at(kJune).stage, v1::ASSURED);
}
TEST(Stage, after_the_hold_was_lifted_is_assured) {
  Situation situation;
  situation.complete_and_claimed().with(hold_placed("H1", {}, local("2023-06-11T09:00"))).with(hold_lifted("H1", {}, local("2023-06-12T09:00")));
  EXPECT_EQ(situation.status_at(kJune).stage, v1::ASSURED);
}

class PendingSample : public testing::TestWithParam<std::pair<v1::SampleDecided::Status, v1::Stage>> {};
TEST_P(PendingSample, keeps_the_entry_from_being_assured_while_it_lasts) {
  Situation situation;
  situation.complete_and_claimed().with(sample({}, local("2023-06-11T09:00"), GetParam().first));
  EXPECT_EQ(situation.status_at(kJune).stage, GetParam().second);
}
INSTANTIATE_TEST_SUITE_P(Stage, PendingSample,
                         testing::Values(std::pair(v1::SampleDecided::NOT_REQUIRED, v1::ASSURED),
                                         std::pair(v1::SampleDecided::AWAITING_CENTRE, v1::CLAIMED),
                                         std::pair(v1::SampleDecided::WITH_AWARDING_ORGANISATION, v1::CLAIMED),
                                         std::pair(v1::SampleDecided::SATISFIED, v1::ASSURED),
                                         std::pair(v1::SampleDecided::NOT_SATISFIED, v1::CLAIMED)),
                         [](const auto& instance) { return v1::SampleDecided::Status_Name(instance.param.first); });

TEST(Stage, with_a_result_is_ready) { EXPECT_EQ(Situation().ready().status_at(kJune).stage, v1::READY); }
TEST(Stage, with_a_revoked_result_is_assured) {
  EXPECT_EQ(Situation().ready().with(revoked({}, local("2023-06-21T09:00"))).status_at(kJune).stage, v1::ASSURED);
}
TEST(Stage, with_special_consideration_undecided_is_assured) {
  Situation situation;
  v1::Event event = event_at(local("2023-06-21T09:00"));
  set_ref(event.mutable_special_consideration()->mutable_entry(), {});
  event.mutable_special_consideration()->set_status(v1::SpecialConsideration::REQUESTED);
  EXPECT_EQ(situation.ready().with(event).status_at(kJune).stage, v1::ASSURED);
}
TEST(Stage, with_special_consideration_refused_is_ready) {
  Situation situation;
  v1::Event event = event_at(local("2023-06-21T09:00"));
  set_ref(event.mutable_special_consideration()->mutable_entry(), {});
  event.mutable_special_consideration()->set_status(v1::SpecialConsideration::REFUSED);
  EXPECT_EQ(situation.ready().with(event).status_at(kJune).stage, v1::READY);
}
TEST(Stage, awarded_without_claim_is_ready_with_its_result) {
  Situation situation({.qualification = "601/0003/9"});
  situation.registered_at("2022-10-01T09:00").determined_at("2023-06-20T09:00");
  EXPECT_EQ(situation.status_at(kJune).stage, v1::READY);
}
TEST(Stage, with_an_unachieved_unit_grade_is_registered) {
  Situation situation;
  v1::Event near_pass = achieved({}, local("2023-06-02T09:00"), {"A"});
  near_pass.mutable_outcome_recorded()->mutable_outcomes(0)->set_grade("N");
  EXPECT_EQ(situation.complete().with(near_pass).status_at(kJune).stage, v1::REGISTERED);
}
TEST(Stage, with_the_lowest_achieved_unit_grade_is_eligible) {
  Situation situation;
  v1::Event pass = achieved({}, local("2023-06-02T09:00"), {"A"});
  pass.mutable_outcome_recorded()->mutable_outcomes(0)->set_grade("P");
  EXPECT_EQ(situation.complete().with(pass).status_at(kJune).stage, v1::ELIGIBLE);
}
TEST(Stage, with_prior_learning_recognised_for_the_last_unit_is_eligible) {
  Situation situation;
  situation.registered_at("2022-10-01T09:00").achieved_at("2023-06-01T09:00", {"B", "C"});
  v1::Event event = event_at(local("2023-06-02T09:00"));
  set_ref(event.mutable_prior_learning_recognised()->mutable_entry(), {});
  event.mutable_prior_learning_recognised()->set_unit("A");
  event.mutable_prior_learning_recognised()->set_kind(v1::PriorLearningRecognised::EXEMPTION);
  EXPECT_EQ(situation.with(event).status_at(kJune).stage, v1::ELIGIBLE);
}

TEST(Stage, withdrawn_is_withdrawn_whatever_else_is_there) {
  EXPECT_EQ(Situation().ready().with(withdrawn({}, local("2023-06-21T09:00"))).status_at(kJune).stage, v1::WITHDRAWN);
}
TEST(Stage, registered_again_after_a_withdrawal_goes_on) {
  Situation situation;
  situation.complete().with(withdrawn({}, local("2023-06-02T09:00"))).registered_at("2023-06-03T09:00");
  EXPECT_EQ(situation.status_at(kJune).stage, v1::ELIGIBLE);
}
TEST(Stage, transferred_is_withdrawn) {
  v1::Event event = event_at(local("2023-06-02T09:00"));
  set_ref(event.mutable_transferred()->mutable_entry(), {});
  event.mutable_transferred()->set_to_centre("54321");
  Status status = Situation().complete().with(event).status_at(kJune);
  EXPECT_EQ(status.stage, v1::WITHDRAWN);
  EXPECT_EQ(status.reason, v1::N2);
}
TEST(Stage, withdrawn_goes_before_deferred) {
  Situation situation;
  situation.registered_at("2022-10-01T09:00").answered_at("2023-05-10T09:00", v1::CheckpointAnswered::DEFERRED);
  EXPECT_EQ(situation.with(withdrawn({}, local("2023-05-11T09:00"))).status_at(kJune).stage, v1::WITHDRAWN);
}

class EndingAnswer : public testing::TestWithParam<v1::CheckpointAnswered::Answer> {};
TEST_P(EndingAnswer, ends_the_entry_as_deferred) {
  Status status = Situation().registered_at("2022-10-01T09:00").answered_at("2023-05-10T09:00", GetParam()).status_at(kJune);
  EXPECT_EQ(status.stage, v1::DEFERRED);
  EXPECT_EQ(status.reason, v1::N1);
  EXPECT_EQ(status.band, v1::SETTLED);
}
TEST_P(EndingAnswer, does_not_count_against_a_claim) {
  Situation situation;
  situation.complete_and_claimed().answered_at("2023-06-12T09:00", GetParam());
  EXPECT_EQ(situation.status_at(kJune).stage, v1::ASSURED);
}
TEST_P(EndingAnswer, does_not_count_against_a_result_without_claim) {
  Situation situation({.qualification = "601/0003/9"});
  situation.registered_at("2022-10-01T09:00").answered_at("2023-05-10T09:00", GetParam()).determined_at("2023-06-20T09:00");
  EXPECT_EQ(situation.status_at(kJune).stage, v1::READY);
}
INSTANTIATE_TEST_SUITE_P(Stage, EndingAnswer, testing::Values(v1::CheckpointAnswered::DEFERRED, v1::CheckpointAnswered::NOT_ELIGIBLE),
                         [](const auto& instance) { return v1::CheckpointAnswered::Answer_Name(instance.param); });

Situation issued_at(const std::string& at) {
  Situation situation;
  situation.ready();
  situation.entry.issued.batch_number = situation.entry.issued.first_batch_number = 1;
  situation.entry.issued.first_at_ms = local(at);
  situation.entry.issued.scale = Word("pass");
  situation.entry.issued.grade = Word("Pass");
  return situation;
}

TEST(Stage, in_a_batch_is_issued) { EXPECT_EQ(issued_at("2023-08-10T06:00").status_at("2023-08-11T09:00").stage, v1::ISSUED); }
TEST(Stage, with_its_batch_acknowledged_is_acknowledged) {
  Situation situation = issued_at("2023-08-10T06:00");
  situation.entry.acknowledged_ms = local("2023-08-11T09:00");
  EXPECT_EQ(situation.status_at("2023-08-11T09:00").stage, v1::ACKNOWLEDGED);
}
TEST(Stage, just_before_the_learner_release_is_issued) {
  EXPECT_EQ(issued_at("2023-08-10T06:00").at(local("2023-08-17T08:00") - 1).status.stage, v1::ISSUED);
}
TEST(Stage, at_the_learner_release_is_released) { EXPECT_EQ(issued_at("2023-08-10T06:00").status_at("2023-08-17T08:00").stage, v1::RELEASED); }
TEST(Stage, issued_stays_so_when_the_learner_is_withdrawn) {
  Situation situation = issued_at("2023-08-10T06:00");
  situation.with(withdrawn({}, local("2023-08-11T09:00")));
  EXPECT_EQ(situation.status_at("2023-08-12T09:00").stage, v1::ISSUED);
}

// ---- need and scope ----

TEST(Need, is_unconfirmed_without_an_answer) { EXPECT_EQ(Situation().registered_at("2022-10-01T09:00").status_at(kJune).need, v1::UNCONFIRMED); }
TEST(Need, is_progression_critical_when_needed) { EXPECT_EQ(Situation().complete().status_at(kJune).need, v1::PROGRESSION_CRITICAL); }
TEST(Need, is_not_needed_when_the_centre_says_so) {
  EXPECT_EQ(Situation().complete().answered_at("2023-05-20T09:00", v1::CheckpointAnswered::NOT_NEEDED).status_at(kJune).need, v1::NOT_NEEDED);
}
TEST(Need, is_not_needed_when_deferred) {
  EXPECT_EQ(Situation().complete().answered_at("2023-05-20T09:00", v1::CheckpointAnswered::DEFERRED).status_at(kJune).need, v1::NOT_NEEDED);
}

struct Scope {
  v1::Level level;
  std::uint32_t hours, points;
  bool tables;
  bool in_scope;
};
std::ostream& operator<<(std::ostream& out, const Scope& scope) {
  return out << v1::Level_Name(scope.level) << " " << scope.hours << " h " << scope.points << " points" << (scope.tables ? " tables" : "");
}
class CheckpointScope : public testing::TestWithParam<Scope> {};
TEST_P(CheckpointScope, is_as_published) {
  Qualification qualification;
  qualification.level = GetParam().level;
  qualification.guided_learning_hours = GetParam().hours;
  qualification.ucas_points = GetParam().points;
  qualification.performance_table = GetParam().tables;
  EXPECT_EQ(qualification.in_checkpoint_scope(), GetParam().in_scope);
}
INSTANTIATE_TEST_SUITE_P(Need, CheckpointScope,
                         testing::Values(Scope{v1::LEVEL_3, 180, 16, false, true}, Scope{v1::LEVEL_3, 179, 16, true, false},
                                         Scope{v1::LEVEL_3, 180, 15, true, false}, Scope{v1::LEVEL_2, 120, 0, true, true},
                                         Scope{v1::LEVEL_2, 119, 0, true, false}, Scope{v1::LEVEL_2, 120, 0, false, false},
                                         Scope{v1::LEVEL_1_2, 120, 0, true, true}, Scope{v1::LEVEL_1_2, 119, 16, true, false},
                                         Scope{v1::LEVEL_1_2, 120, 16, false, false}));

TEST(Need, out_of_scope_is_not_in_scope_whatever_was_answered) {
  v1::Event qualification = reference_data()[5];
  qualification.mutable_occurred_at()->set_seconds(local("2022-09-01T09:00") / 1000);
  qualification.mutable_qualification_defined()->set_guided_learning_hours(179);
  EXPECT_EQ(Situation().knows(qualification).complete().status_at(kJune).need, v1::NOT_IN_SCOPE);
}

v1::Event silence_is_critical() {
  v1::Event event = event_at(local("2022-09-01T09:00"));
  event.mutable_awarding_organisation_defined()->set_awarding_organisation("RN5001");
  event.mutable_awarding_organisation_defined()->set_name("Test Awards");
  event.mutable_awarding_organisation_defined()->set_silence_is_critical(true);
  return event;
}

TEST(Silence, before_the_checkpoint_closes_is_not_critical) {
  Situation situation;
  situation.knows(silence_is_critical()).registered_at("2022-10-01T09:00");
  EXPECT_FALSE(situation.at(local("2023-05-26T17:00") - 1).status.treated_as_critical);
}
TEST(Silence, once_the_checkpoint_closed_is_critical_where_the_awarding_organisation_says_so) {
  Situation situation;
  situation.knows(silence_is_critical()).registered_at("2022-10-01T09:00");
  EXPECT_TRUE(situation.status_at("2023-05-26T17:00").treated_as_critical);
}
TEST(Silence, is_not_critical_elsewhere) { EXPECT_FALSE(Situation().registered_at("2022-10-01T09:00").status_at(kJune).treated_as_critical); }
TEST(Silence, broken_by_an_answer_is_not_critical) {
  Situation situation;
  situation.knows(silence_is_critical()).registered_at("2022-10-01T09:00").answered_at("2023-06-10T09:00", v1::CheckpointAnswered::NOT_NEEDED);
  EXPECT_FALSE(situation.status_at(kJune).treated_as_critical);
}

// ---- next step, owner, due ----

void expect_next(const Status& status, v1::Step step, v1::Owner owner, const std::string& due) {
  EXPECT_EQ(v1::Step_Name(status.step), v1::Step_Name(step));
  EXPECT_EQ(status.owner, owner);
  EXPECT_EQ(status.due_ms, due.empty() ? 0 : local(due));
}

TEST(NextStep, before_the_checkpoint_opens_is_the_evidence) {
  expect_next(Situation().registered_at("2022-10-01T09:00").at(local("2023-05-01T09:00") - 1).status, v1::RECORD_EVIDENCE, v1::CENTRE,
              "2023-07-07T17:00");
}
TEST(NextStep, once_the_checkpoint_opened_is_the_answer) {
  expect_next(Situation().registered_at("2022-10-01T09:00").status_at("2023-05-01T09:00"), v1::ANSWER_CHECKPOINT, v1::CENTRE, "2023-05-26T17:00");
}
TEST(NextStep, of_a_claimed_entry_is_never_the_answer) {
  Situation situation;
  situation.registered_at("2022-10-01T09:00").claimed_at("2023-05-02T09:00");
  expect_next(situation.status_at("2023-05-10T09:00"), v1::RECORD_EVIDENCE, v1::CENTRE, "2023-07-07T17:00");
}
TEST(NextStep, of_an_eligible_entry_is_the_claim) {
  expect_next(Situation().complete().status_at(kJune), v1::SUBMIT_CLAIM, v1::CENTRE, "2023-07-07T17:00");
}
TEST(NextStep, under_malpractice_is_closing_the_case) {
  expect_next(Situation().complete_and_claimed().with(hold_placed("H1", {}, local("2023-06-11T09:00"))).status_at(kJune), v1::CLOSE_CASE,
              v1::AWARDING_ORGANISATION, "2023-08-14T17:00");
}
TEST(NextStep, while_the_sample_is_awaited_is_sending_it_by_the_end_of_its_day) {
  expect_next(Situation().complete_and_claimed().with(sample({}, local("2023-06-11T09:00"), v1::SampleDecided::AWAITING_CENTRE)).status_at(kJune),
              v1::SEND_SAMPLE, v1::CENTRE, "2023-07-01T00:00");
}
TEST(NextStep, while_the_sample_is_moderated_is_completing_that) {
  expect_next(
      Situation().complete_and_claimed().with(sample({}, local("2023-06-11T09:00"), v1::SampleDecided::WITH_AWARDING_ORGANISATION)).status_at(kJune),
      v1::COMPLETE_MODERATION, v1::AWARDING_ORGANISATION, "2023-08-14T17:00");
}
TEST(NextStep, under_malpractice_and_an_awaited_sample_is_closing_the_case) {
  Situation situation;
  situation.complete_and_claimed().with(sample({}, local("2023-06-11T09:00"), v1::SampleDecided::AWAITING_CENTRE));
  situation.with(hold_placed("H1", {}, local("2023-06-11T09:00")));
  EXPECT_EQ(situation.status_at(kJune).step, v1::CLOSE_CASE);
}
TEST(NextStep, under_holds_for_the_centre_and_the_awarding_organisation_is_the_centres) {
  Situation situation;
  situation.complete_and_claimed().with(hold_placed("H1", {}, local("2023-06-11T09:00"), v1::HoldPlaced::AWARDING_ORGANISATION));
  situation.with(hold_placed("H2", {}, local("2023-06-11T09:00"), v1::HoldPlaced::CENTRE_RESPONSE));
  EXPECT_EQ(situation.status_at(kJune).step, v1::SEND_SAMPLE);
}
TEST(NextStep, without_a_result_is_determining_it) {
  expect_next(Situation().complete_and_claimed().status_at(kJune), v1::DETERMINE_RESULT, v1::AWARDING_ORGANISATION, "2023-08-14T17:00");
}
TEST(NextStep, of_a_ready_entry_is_issuing_at_the_plans_cut) {
  expect_next(Situation().ready().status_at(kJune), v1::ISSUE_RESULT, v1::AWARDING_ORGANISATION, "2023-08-10T06:00");
}
TEST(NextStep, of_an_issued_entry_is_acknowledging) {
  expect_next(issued_at("2023-08-10T06:00").status_at("2023-08-11T09:00"), v1::ACKNOWLEDGE_BATCH, v1::CENTRE, "2023-08-17T08:00");
}
TEST(NextStep, of_a_released_entry_is_none) {
  expect_next(issued_at("2023-08-10T06:00").status_at("2023-08-18T09:00"), v1::STEP_NONE, v1::OWNER_NONE, "");
}
TEST(NextStep, of_an_ended_entry_is_none) {
  expect_next(Situation().complete().with(withdrawn({}, local("2023-06-02T09:00"))).status_at(kJune), v1::STEP_NONE, v1::OWNER_NONE, "");
}
TEST(NextStep, without_a_calendar_is_sending_it) {
  Situation situation;
  situation.without_calendar = true;
  expect_next(situation.complete().status_at(kJune), v1::SEND_CALENDAR, v1::AWARDING_ORGANISATION, "");
}

}  // namespace
}  // namespace vtq::test
