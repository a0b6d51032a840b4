// Substance: an event against the reference data. What is unknown is named with field, rule and value.
#include "tests/support/recall.h"
#include "tests/support/situation.h"
#include "tests/support/systems.h"

namespace vtq::test {
namespace {

class Fits : public testing::Test {
 protected:
  std::optional<Rejection> unfit(const v1::Event& event) { return fits(event, check(event).value(), known.reference); }

  void expect_fits(const v1::Event& event) {
    auto why = unfit(event);
    EXPECT_FALSE(why.has_value()) << why->field << " " << why->rule << " " << why->value;
  }
  void expect_unfit(const v1::Event& event, const std::string& field, const std::string& rule, const std::string& value) {
    auto why = unfit(event);
    ASSERT_TRUE(why.has_value());
    EXPECT_EQ(why->field, field);
    EXPECT_EQ(why->rule, rule);
    EXPECT_EQ(why->value, value);
    EXPECT_FALSE(why->message.empty());
  }
  v1::Event graded(const std::string& unit, const std::string& grade) {
    v1::Event event = achieved({}, at, {unit});
    event.mutable_outcome_recorded()->mutable_outcomes(0)->set_grade(grade);
    return event;
  }

  TimeMs at = local("2023-06-01T09:00");
  Situation known;
};

TEST_F(Fits, a_registration_at_a_known_centre_fits) { expect_fits(registered({}, at)); }
TEST_F(Fits, a_registration_at_an_unknown_centre_does_not) {
  expect_unfit(registered({.centre = "99999"}, at), "registered.entry.centre", "centre-known", "99999");
}
TEST_F(Fits, a_hold_at_an_unknown_centre_does_not) {
  expect_unfit(hold_placed("H1", {.centre = "99999"}, at), "holdPlaced.centre", "centre-known", "99999");
}
TEST_F(Fits, a_word_about_a_centre_by_an_unknown_awarding_organisation_does_not) {
  v1::Event hold = hold_placed("H1", {}, at), lifted = hold_lifted("H1", {}, at), halt = issuing_halted(at, true, "12345", "RN7777");
  hold.mutable_hold_placed()->set_awarding_organisation("RN7777");
  lifted.mutable_hold_lifted()->set_awarding_organisation("RN7777");
  expect_unfit(hold, "holdPlaced.awardingOrganisation", "awarding-organisation-known", "RN7777");
  expect_unfit(lifted, "holdLifted.awardingOrganisation", "awarding-organisation-known", "RN7777");
  expect_unfit(halt, "issuingHalted.awardingOrganisation", "awarding-organisation-known", "RN7777");
  expect_fits(issuing_halted(at, true, "12345"));
  v1::Event approved = centre_approved({}, at);
  approved.mutable_centre_approved()->set_awarding_organisation("RN7777");
  expect_unfit(approved, "centreApproved.awardingOrganisation", "awarding-organisation-known", "RN7777");
}
TEST_F(Fits, a_hold_on_an_unknown_qualification_does_not_and_one_on_a_known_one_does) {
  v1::Event hold = hold_placed("H1", {}, at);
  hold.mutable_hold_placed()->set_qualification("603/4101/4");
  expect_unfit(hold, "holdPlaced.qualification", "qualification-known", "603/4101/4");
  hold.mutable_hold_placed()->set_qualification("601/0001/5");
  expect_fits(hold);
}

std::vector<std::string> rules_warned_of(const v1::Event& event, const Reference& reference) {
  std::vector<std::string> rules;
  for (const Rejection& warning : warnings(event, check(event).value(), reference))
    rules.push_back(warning.field + " " + warning.rule + " " + warning.value);
  return rules;
}
TEST_F(Fits, a_halt_at_all_centres_by_an_unknown_awarding_organisation_is_taken_and_warned_of) {
  EXPECT_EQ(rules_warned_of(issuing_halted(at, true, "*", "RN7777"), known.reference),
            std::vector<std::string>{"issuingHalted.awardingOrganisation awarding-organisation-known RN7777"});
  EXPECT_EQ(rules_warned_of(issuing_halted(at), known.reference), std::vector<std::string>{});
}
TEST_F(Fits, a_hold_on_a_qualification_of_another_awarding_organisation_is_taken_and_warned_of) {
  v1::Event other = reference_data()[0];
  ASSERT_TRUE(other.has_awarding_organisation_defined());
  other.mutable_awarding_organisation_defined()->set_awarding_organisation("RN5002");
  known.knows(other);
  v1::Event hold = hold_placed("H1", {}, at);
  hold.mutable_hold_placed()->set_qualification("601/0001/5");
  EXPECT_EQ(rules_warned_of(hold, known.reference), std::vector<std::string>{});
  hold.mutable_hold_placed()->set_awarding_organisation("RN5002");
  expect_fits(hold);
  EXPECT_EQ(rules_warned_of(hold, known.reference), std::vector<std::string>{"holdPlaced.qualification qualification-of-another 601/0001/5"});
}
TEST_F(Fits, an_unknown_qualification_does_not) {
  expect_unfit(registered({.qualification = "60341014"}, at), "registered.entry.qualification", "qualification-known", "603/4101/4");
}
TEST_F(Fits, an_unknown_qualification_with_an_odd_check_digit_is_told_so) {
  auto odd = unfit(registered({.qualification = "603/4101/5"}, at));
  auto even = unfit(registered({.qualification = "603/4101/4"}, at));
  ASSERT_TRUE(odd && even);
  EXPECT_NE(odd->message.find("check digit"), std::string::npos);
  EXPECT_EQ(even->message.find("check digit"), std::string::npos);
}
TEST_F(Fits, a_sample_of_an_unknown_qualification_does_not) {
  expect_unfit(sample({.qualification = "603/4101/4"}, at, v1::SampleDecided::AWAITING_CENTRE), "sampleDecided.qualification", "qualification-known",
               "603/4101/4");
}
TEST_F(Fits, a_sample_of_a_known_qualification_fits) { expect_fits(sample({}, at, v1::SampleDecided::AWAITING_CENTRE)); }
TEST_F(Fits, what_is_said_of_mitigations_of_an_unknown_qualification_does_not) {
  Ref unknown{.qualification = "603/4101/4"};
  expect_unfit(opted_out(unknown, at), "mitigationOptedOut.qualification", "qualification-known", "603/4101/4");
  expect_unfit(applied(unknown, at, {"A"}, "2023-05-01", {}), "mitigationApplied.qualification", "qualification-known", "603/4101/4");
  expect_unfit(reviewed(unknown, at, v1::MitigationReviewed::PANEL), "mitigationReviewed.qualification", "qualification-known", "603/4101/4");
}
TEST_F(Fits, an_application_for_units_of_the_qualification_fits) { expect_fits(applied({}, at, {"A", "C"}, "2023-05-01", {"records"})); }
TEST_F(Fits, an_application_for_another_unit_does_not) {
  expect_unfit(applied({}, at, {"A", "Z"}, "2023-05-01", {}), "mitigationApplied.units[1].unit", "unit-of-qualification", "Z");
}
TEST_F(Fits, a_qualification_of_an_unknown_awarding_organisation_does_not) {
  v1::Event qualification = reference_data()[5];
  qualification.mutable_qualification_defined()->set_qualification("603/4101/4");
  qualification.mutable_qualification_defined()->set_awarding_organisation("RN7777");
  known.knows(qualification);
  expect_unfit(registered({.qualification = "603/4101/4"}, at), "registered.entry.qualification", "awarding-organisation-known", "RN7777");
}
TEST_F(Fits, an_outcome_of_a_unit_of_the_qualification_fits) { expect_fits(achieved({}, at, {"A", "D"})); }
TEST_F(Fits, an_outcome_of_another_unit_does_not) {
  expect_unfit(achieved({}, at, {"A", "Z"}), "outcomeRecorded.outcomes[1].unit", "unit-of-qualification", "Z");
}
TEST_F(Fits, a_unit_grade_of_the_scale_fits) { expect_fits(graded("A", "N")); }
TEST_F(Fits, a_unit_grade_that_the_scale_lacks_does_not) {
  expect_unfit(graded("A", "Q"), "outcomeRecorded.outcomes[0].grade.value", "grade-of-scale", "(not shown)");
}
TEST_F(Fits, a_unit_grade_on_a_scale_that_is_not_known_does_not) {
  v1::Event qualification = reference_data()[5];
  qualification.mutable_occurred_at()->set_seconds(at / 1000);
  qualification.mutable_qualification_defined()->set_unit_grading_scale("nowhere");
  known.knows(qualification);
  expect_unfit(graded("A", "M"), "outcomeRecorded.outcomes[0].grade.scale", "scale-known", "nowhere");
}
TEST_F(Fits, prior_learning_for_another_unit_does_not) {
  v1::Event event = event_at(at);
  set_ref(event.mutable_prior_learning_recognised()->mutable_entry(), {});
  event.mutable_prior_learning_recognised()->set_unit("Z");
  event.mutable_prior_learning_recognised()->set_kind(v1::PriorLearningRecognised::EXEMPTION);
  expect_unfit(event, "priorLearningRecognised.unit", "unit-of-qualification", "Z");
}
TEST_F(Fits, a_claim_without_grade_fits) { expect_fits(claimed({}, at)); }
TEST_F(Fits, a_claim_with_a_grade_of_another_scale_does_not) {
  v1::Event event = claimed({}, at);
  event.mutable_claim_submitted()->mutable_grade()->set_scale("unit");
  event.mutable_claim_submitted()->mutable_grade()->set_value("D");
  expect_unfit(event, "claimSubmitted.grade.scale", "scale-of-qualification", "unit");
}
TEST_F(Fits, a_result_with_a_grade_of_the_scale_fits) { expect_fits(determined({}, at, "Merit")); }
TEST_F(Fits, a_result_that_counts_as_not_achieved_fits) { expect_fits(determined({}, at, "X")); }
TEST_F(Fits, a_result_with_a_grade_that_the_scale_lacks_does_not) {
  expect_unfit(determined({}, at, "Credit"), "resultDetermined.grade.value", "grade-of-scale", "(not shown)");
}
TEST_F(Fits, a_result_with_the_grade_in_other_letters_does_not) {
  expect_unfit(determined({}, at, "merit"), "resultDetermined.grade.value", "grade-of-scale", "(not shown)");
}
TEST_F(Fits, a_result_on_another_scale_does_not) {
  expect_unfit(determined({}, at, "D", "unit"), "resultDetermined.grade.scale", "scale-of-qualification", "unit");
}
TEST_F(Fits, a_result_on_the_qualifications_scale_that_is_not_known_does_not) {
  v1::Event qualification = reference_data()[5];
  qualification.mutable_occurred_at()->set_seconds(at / 1000);
  qualification.mutable_qualification_defined()->set_grading_scale("nowhere");
  known.knows(qualification);
  expect_unfit(determined({}, at, "Merit", "nowhere"), "resultDetermined.grade.scale", "scale-known", "nowhere");
}
TEST_F(Fits, an_amended_grade_that_the_scale_lacks_does_not) {
  expect_unfit(amended({}, at, "Credit"), "resultAmended.grade.value", "grade-of-scale", "(not shown)");
}
TEST_F(Fits, a_revocation_needs_no_grade) { expect_fits(revoked({}, at)); }
TEST_F(Fits, a_transfer_to_an_unknown_centre_fits) {
  v1::Event event = event_at(at);
  set_ref(event.mutable_transferred()->mutable_entry(), {});
  event.mutable_transferred()->set_to_centre("99999");
  expect_fits(event);
}

}  // namespace
}  // namespace vtq::test
