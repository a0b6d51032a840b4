// The form check of facts about centres, of commands and of reference data.
#include "tests/support/examples.h"

namespace vtq::test {
namespace {

void expect_passes(const v1::Event& event) {
  Result<Address> address = check(event);
  EXPECT_TRUE(address.has_value()) << address.error().field << " " << address.error().rule << " " << address.error().value;
}

void expect_rejected(const v1::Event& event, const std::string& field, const std::string& rule, const std::string& value) {
  Result<Address> address = check(event);
  ASSERT_FALSE(address.has_value());
  EXPECT_EQ(address.error().field, field);
  EXPECT_EQ(address.error().rule, rule);
  EXPECT_EQ(address.error().value, value);
}

/// The example of a fact with one text field set.
v1::Event with(const std::string& fact_named, const std::string& field, const std::string& value) {
  v1::Event event = example(fact_named);
  auto& fact = fact_of(event);
  fact.GetReflection()->SetString(&fact, fact.GetDescriptor()->FindFieldByName(field), value);
  return event;
}

struct TextRule {
  const char* fact;
  const char* field;
  const char* json_field;
  const char* value;
  const char* rule;  ///< null: passes
};

std::ostream& operator<<(std::ostream& out, const TextRule& rule) {
  return out << rule.json_field << " = " << rule.value << (rule.rule ? " fails " : " passes ") << (rule.rule ? rule.rule : "");
}

class TextField : public testing::TestWithParam<TextRule> {};

TEST_P(TextField, is_held_to_its_rule) {
  const TextRule& rule = GetParam();
  v1::Event event = with(rule.fact, rule.field, rule.value);
  if (!rule.rule) return expect_passes(event);
  expect_rejected(event, rule.json_field, rule.rule, rule.value);
}

constexpr const char* k20 = "ABCDEFGHIJ0123456789";
constexpr const char* k21 = "ABCDEFGHIJ01234567890";
constexpr const char* k32 = "ABCDEFGHIJ0123456789ABCDEFGHIJ01";
constexpr const char* k33 = "ABCDEFGHIJ0123456789ABCDEFGHIJ012";
constexpr const char* k40 = "ABCDEFGHIJ0123456789ABCDEFGHIJ0123456789";
constexpr const char* k41 = "ABCDEFGHIJ0123456789ABCDEFGHIJ01234567890";

INSTANTIATE_TEST_SUITE_P(
    Check, TextField,
    testing::Values(
        // Facts kept for rules to come.
        TextRule{"centre_approved", "qualification", "centreApproved.qualification", "", nullptr},
        TextRule{"staff_approved", "staff", "staffApproved.staff", k40, nullptr},
        TextRule{"staff_approved", "staff", "staffApproved.staff", k41, "text-length"},
        TextRule{"staff_approved", "staff", "staffApproved.staff", "", "text-length"},
        TextRule{"monitoring_recorded", "monitoring", "monitoringRecorded.monitoring", "", "text-length"},
        TextRule{"monitoring_recorded", "visited_on", "monitoringRecorded.visitedOn", "", nullptr},
        TextRule{"monitoring_recorded", "visited_on", "monitoringRecorded.visitedOn", "2023-02-29", "date"},
        TextRule{"action_plan", "action", "actionPlan.action", k41, "text-length"},
        TextRule{"action_plan", "due_on", "actionPlan.dueOn", "31.05.2024", "date"},
        // Samples and holds.
        TextRule{"sample_decided", "learner", "sampleDecided.learner", "", nullptr},
        TextRule{"sample_decided", "learner", "sampleDecided.learner", k20, nullptr},
        TextRule{"sample_decided", "learner", "sampleDecided.learner", k21, "learner-form"},
        TextRule{"sample_decided", "qualification", "sampleDecided.qualification", "", "qualification-form"},
        TextRule{"sample_decided", "due_on", "sampleDecided.dueOn", "2024-06-31", "date"},
        TextRule{"sample_decided", "responded_on", "sampleDecided.respondedOn", "yesterday", "date"},
        TextRule{"hold_placed", "hold", "holdPlaced.hold", k32, nullptr}, TextRule{"hold_placed", "hold", "holdPlaced.hold", k33, "hold-form"},
        TextRule{"hold_placed", "hold", "holdPlaced.hold", "", "hold-form"},
        TextRule{"hold_placed", "hold", "holdPlaced.hold", "case 17", "hold-form"},
        TextRule{"hold_placed", "hold", "holdPlaced.hold", "ABCDEFGHIJ0123456789 and more", "hold-form"},
        TextRule{"hold_placed", "qualification", "holdPlaced.qualification", "", nullptr},
        TextRule{"hold_placed", "series", "holdPlaced.series", "", nullptr}, TextRule{"hold_placed", "learner", "holdPlaced.learner", "", nullptr},
        TextRule{"hold_placed", "learner", "holdPlaced.learner", k21, "learner-form"},
        TextRule{"hold_lifted", "hold", "holdLifted.hold", k33, "hold-form"},
        TextRule{"hold_lifted", "hold", "holdLifted.hold", "ABCDEFGHIJ0123456789 and more", "hold-form"},
        TextRule{"hold_lifted", "awarding_organisation", "holdLifted.awardingOrganisation", "RN1", nullptr},
        TextRule{"hold_lifted", "awarding_organisation", "holdLifted.awardingOrganisation", "", "awarding-organisation-form"},
        TextRule{"hold_lifted", "awarding_organisation", "holdLifted.awardingOrganisation", "5901", "awarding-organisation-form"},
        // Commands.
        TextRule{"release_planned", "first_issue_at", "releasePlanned.firstIssueAt", "", "local-time"},
        TextRule{"release_planned", "first_issue_at", "releasePlanned.firstIssueAt", "2024-03-31T01:30", "local-time-skipped"},
        TextRule{"release_planned", "first_issue_at", "releasePlanned.firstIssueAt", "2024-08-08 06:00", "local-time"},
        TextRule{"release_planned", "first_issue_at", "releasePlanned.firstIssueAt", "2024-08-08T24:00", "local-time"},
        TextRule{"release_approved", "approver", "releaseApproved.approver", "", "text-length"},
        TextRule{"batch_acknowledged", "batch", "batchAcknowledged.batch", "68199.RN5901.2024-08", "batch-form"},
        TextRule{"batch_acknowledged", "batch", "batchAcknowledged.batch", "68200.RN5901.2024-08.0001", "batch-form"},
        TextRule{"time_reached", "centre", "timeReached.centre", "68199", "time-for-all"},
        // Reference data.
        TextRule{"awarding_organisation_defined", "name", "awardingOrganisationDefined.name", "", "text-length"},
        TextRule{"centre_defined", "name", "centreDefined.name", "", "text-length"},
        TextRule{"centre_defined", "urn", "centreDefined.urn", "", nullptr},
        TextRule{"centre_defined", "urn", "centreDefined.urn", "100001", nullptr},
        TextRule{"centre_defined", "urn", "centreDefined.urn", "1000011", nullptr},
        TextRule{"centre_defined", "urn", "centreDefined.urn", "10001", "urn-form"},
        TextRule{"centre_defined", "urn", "centreDefined.urn", "10000111", "urn-form"},
        TextRule{"centre_defined", "urn", "centreDefined.urn", "10000A", "urn-form"},
        TextRule{"centre_defined", "ukprn", "centreDefined.ukprn", "", nullptr},
        TextRule{"centre_defined", "ukprn", "centreDefined.ukprn", "20000001", "ukprn-form"},
        TextRule{"centre_defined", "ukprn", "centreDefined.ukprn", "1000001", "ukprn-form"},
        TextRule{"qualification_defined", "title", "qualificationDefined.title", "", "text-length"},
        TextRule{"qualification_defined", "grading_scale", "qualificationDefined.gradingScale", "", "text-length"},
        TextRule{"qualification_defined", "unit_grading_scale", "qualificationDefined.unitGradingScale", "", nullptr},
        TextRule{"grading_scale_defined", "name", "gradingScaleDefined.name", "", "text-length"},
        TextRule{"mitigation_defined", "centre", "mitigationDefined.centre", "", "mitigation-centre"},
        TextRule{"mitigation_defined", "expected_on", "mitigationDefined.expectedOn", "2024-11-31", "date"},
        TextRule{"mitigation_defined", "expected_on", "mitigationDefined.expectedOn", "", "expected-date"},
        TextRule{"mitigation_defined", "disruption_to", "mitigationDefined.disruptionTo", "2024-03-19", "dates-in-order"},
        TextRule{"mitigation_defined", "disruption_to", "mitigationDefined.disruptionTo", "2024-03-20", nullptr},
        // Calendars.
        TextRule{"calendar_defined", "checkpoint_opens", "calendarDefined.checkpointOpens", "", "local-time"},
        TextRule{"calendar_defined", "checkpoint_opens", "calendarDefined.checkpointOpens", "2024-03-31T01:30", "local-time-skipped"},
        TextRule{"calendar_defined", "checkpoint_opens", "calendarDefined.checkpointOpens", "2024-03-31T02:00", nullptr},
        TextRule{"calendar_defined", "checkpoint_opens", "calendarDefined.checkpointOpens", "2023-10-29T01:30", nullptr},
        TextRule{"calendar_defined", "checkpoint_closes", "calendarDefined.checkpointCloses", "", "local-time"},
        TextRule{"calendar_defined", "checkpoint_closes", "calendarDefined.checkpointCloses", "2024-03-04T09:00", nullptr},
        TextRule{"calendar_defined", "checkpoint_closes", "calendarDefined.checkpointCloses", "2024-03-04T08:59", "dates-in-order"},
        TextRule{"calendar_defined", "late_entry_after", "calendarDefined.lateEntryAfter", "", nullptr},
        TextRule{"calendar_defined", "late_entry_after", "calendarDefined.lateEntryAfter", "2024-06-31T00:00", "local-time"},
        TextRule{"calendar_defined", "claim_deadline", "calendarDefined.claimDeadline", "", nullptr},
        TextRule{"calendar_defined", "claim_deadline", "calendarDefined.claimDeadline", "2024-08-15T08:00", nullptr},
        TextRule{"calendar_defined", "claim_deadline", "calendarDefined.claimDeadline", "2024-08-15T08:01", "dates-in-order"},
        TextRule{"calendar_defined", "issue_deadline", "calendarDefined.issueDeadline", "", "local-time"},
        TextRule{"calendar_defined", "issue_deadline", "calendarDefined.issueDeadline", "2024-08-15T08:00", nullptr},
        TextRule{"calendar_defined", "issue_deadline", "calendarDefined.issueDeadline", "2024-08-15T08:01", "dates-in-order"},
        TextRule{"calendar_defined", "centre_release", "calendarDefined.centreRelease", "", "local-time"},
        TextRule{"calendar_defined", "centre_release", "calendarDefined.centreRelease", "2024-08-15T08:01", "dates-in-order"},
        TextRule{"calendar_defined", "learner_release", "calendarDefined.learnerRelease", "", "local-time"}));

TEST(CheckCalendar, without_a_checkpoint_passes) {
  v1::Event event = example("calendar_defined");
  event.mutable_calendar_defined()->clear_checkpoint_opens();
  event.mutable_calendar_defined()->clear_checkpoint_closes();
  expect_passes(event);
}

TEST(CheckMonitoring, grade_4_passes) {
  v1::Event event = example("monitoring_recorded");
  event.mutable_monitoring_recorded()->set_grade(4);
  expect_passes(event);
}
TEST(CheckMonitoring, grade_5_is_rejected) {
  v1::Event event = example("monitoring_recorded");
  event.mutable_monitoring_recorded()->set_grade(5);
  expect_rejected(event, "monitoringRecorded.grade", "monitoring-grade", "5");
}
TEST(CheckReleasePlan, every_744_hours_passes) {
  v1::Event event = example("release_planned");
  event.mutable_release_planned()->set_every_hours(744);
  expect_passes(event);
}
TEST(CheckReleasePlan, every_745_hours_is_rejected) {
  v1::Event event = example("release_planned");
  event.mutable_release_planned()->set_every_hours(745);
  expect_rejected(event, "releasePlanned.everyHours", "release-interval", "745");
}

v1::Event with_units(int count) {
  v1::Event event = example("qualification_defined");
  event.mutable_qualification_defined()->clear_units();
  event.mutable_qualification_defined()->clear_groups();
  event.mutable_qualification_defined()->clear_barred();
  event.mutable_qualification_defined()->clear_pathways();
  event.mutable_qualification_defined()->clear_grading();
  for (int at = 0; at < count; ++at) event.mutable_qualification_defined()->add_units()->set_code("U" + std::to_string(at));
  return event;
}

TEST(CheckQualification, two_hundred_units_pass) { expect_passes(with_units(200)); }
TEST(CheckQualification, two_hundred_and_one_units_are_rejected) {
  expect_rejected(with_units(201), "qualificationDefined.units", "units-count", "201");
}
TEST(CheckQualification, a_unit_code_twice_is_rejected) {
  v1::Event event = with_units(3);
  event.mutable_qualification_defined()->mutable_units(2)->set_code("U0");
  expect_rejected(event, "qualificationDefined.units[2].code", "unit-code-once", "U0");
}
TEST(CheckQualification, a_unit_without_code_is_rejected) {
  v1::Event event = with_units(2);
  event.mutable_qualification_defined()->mutable_units(1)->clear_code();
  expect_rejected(event, "qualificationDefined.units[1].code", "text-length", "");
}
TEST(CheckQualification, ten_thousand_hours_pass) {
  v1::Event event = with_units(1);
  event.mutable_qualification_defined()->set_guided_learning_hours(10'000);
  expect_passes(event);
}
TEST(CheckQualification, more_than_ten_thousand_hours_are_rejected) {
  v1::Event event = with_units(1);
  event.mutable_qualification_defined()->set_guided_learning_hours(10'001);
  expect_rejected(event, "qualificationDefined.guidedLearningHours", "hours-range", "10001");
}
TEST(CheckQualification, its_total_time_is_at_most_twenty_thousand_hours) {
  v1::Event event = with_units(1);
  event.mutable_qualification_defined()->set_total_qualification_time(20'000);
  expect_passes(event);
  event.mutable_qualification_defined()->set_total_qualification_time(20'001);
  expect_rejected(event, "qualificationDefined.totalQualificationTime", "number-range", "20001");
}
TEST(CheckQualification, an_unusual_check_digit_passes_with_a_warning) {
  v1::Event event = with("qualification_defined", "qualification", "603/4101/5");
  expect_passes(event);
  auto found = warnings(event);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].field, "qualificationDefined.qualification");
  EXPECT_EQ(found[0].rule, "qualification-check-digit");
  EXPECT_EQ(found[0].value, "603/4101/5");
}

v1::Event with_grades(int count) {
  v1::Event event = example("grading_scale_defined");
  event.mutable_grading_scale_defined()->clear_grades();
  for (int at = 0; at < count; ++at) event.mutable_grading_scale_defined()->add_grades()->set_value("G" + std::to_string(at));
  return event;
}

TEST(CheckScale, sixty_four_grades_pass) { expect_passes(with_grades(64)); }
TEST(CheckScale, sixty_five_grades_are_rejected) { expect_rejected(with_grades(65), "gradingScaleDefined.grades", "grades-count", "65"); }
TEST(CheckScale, no_grade_is_rejected) { expect_rejected(with_grades(0), "gradingScaleDefined.grades", "grades-count", "0"); }
TEST(CheckScale, a_grade_twice_is_rejected) {
  v1::Event event = with_grades(3);
  event.mutable_grading_scale_defined()->mutable_grades(2)->set_value("G1");
  expect_rejected(event, "gradingScaleDefined.grades[2].value", "grade-once", "G1");
}

class Routing : public testing::TestWithParam<std::string> {};

TEST_P(Routing, goes_to_the_topic_that_the_contract_lists_it_under) {
  static const std::pair<int, Topic> kFrom[] = {{10, Topic::registrations}, {20, Topic::checkpoints}, {30, Topic::assessments},
                                                {40, Topic::claims},        {50, Topic::assurance},   {60, Topic::commands},
                                                {70, Topic::assurance},     {80, Topic::reference}};
  v1::Event event = example(GetParam());
  Topic wanted{};
  for (auto [from, topic] : kFrom)
    if (static_cast<int>(event.fact_case()) >= from) wanted = topic;
  EXPECT_EQ(check(event).value().topic, wanted);
}

INSTANTIATE_TEST_SUITE_P(Check, Routing, testing::ValuesIn(all_facts()), [](const auto& instance) { return instance.param; });

}  // namespace
}  // namespace vtq::test
