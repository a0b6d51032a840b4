// The form check, fact by fact: what just passes, what just fails, and that a failure names field, rule and value. The rules that many
// facts share are in check_shared_test.cc.
#include <functional>

#include "tests/support/examples.h"

namespace vtq::test {
namespace {

/// The example of a fact after `change`.
template <class Change>
v1::Event changed(const std::string& fact, Change change) {
  v1::Event event = example(fact);
  change(event);
  return event;
}

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
  EXPECT_FALSE(address.error().message.empty());
}

// ---- envelope ----

TEST(CheckEnvelope, id_of_64_characters_passes) {
  expect_passes(changed("withdrawn", [](auto& event) { event.set_id(std::string(64, 'i')); }));
}
TEST(CheckEnvelope, id_of_65_characters_is_rejected) {
  expect_rejected(changed("withdrawn", [](auto& event) { event.set_id(std::string(65, 'i')); }), "id", "event-id", std::string(65, 'i'));
}
TEST(CheckEnvelope, empty_id_is_rejected) {
  expect_rejected(changed("withdrawn", [](auto& event) { event.clear_id(); }), "id", "event-id", "");
}
TEST(CheckEnvelope, id_with_a_line_break_is_rejected) {
  expect_rejected(changed("withdrawn", [](auto& event) { event.set_id("a\nb"); }), "id", "event-id", "a\nb");
}
TEST(CheckEnvelope, source_of_64_characters_passes) {
  expect_passes(changed("withdrawn", [](auto& event) { event.set_source(std::string(64, 's')); }));
}
TEST(CheckEnvelope, source_of_65_characters_is_rejected) {
  expect_rejected(changed("withdrawn", [](auto& event) { event.set_source(std::string(65, 's')); }), "source", "event-source", std::string(65, 's'));
}
TEST(CheckEnvelope, empty_source_is_rejected) {
  expect_rejected(changed("withdrawn", [](auto& event) { event.clear_source(); }), "source", "event-source", "");
}
TEST(CheckEnvelope, missing_time_is_rejected) {
  expect_rejected(changed("withdrawn", [](auto& event) { event.clear_occurred_at(); }), "occurredAt", "occurred-at-range", "");
}
TEST(CheckEnvelope, first_second_of_2000_passes) {
  expect_passes(changed("withdrawn", [](auto& event) { event.mutable_occurred_at()->set_seconds(946684800); }));
}
TEST(CheckEnvelope, last_second_of_1999_is_rejected) {
  expect_rejected(changed("withdrawn", [](auto& event) { event.mutable_occurred_at()->set_seconds(946684799); }), "occurredAt", "occurred-at-range",
                  "946684799 s");
}
TEST(CheckEnvelope, last_second_of_2099_passes) {
  expect_passes(changed("withdrawn", [](auto& event) { event.mutable_occurred_at()->set_seconds(4102444799); }));
}
TEST(CheckEnvelope, first_second_of_2100_is_rejected) {
  expect_rejected(changed("withdrawn", [](auto& event) { event.mutable_occurred_at()->set_seconds(4102444800); }), "occurredAt", "occurred-at-range",
                  "4102444800 s");
}
TEST(CheckEnvelope, most_negative_time_is_rejected) {
  expect_rejected(changed("withdrawn", [](auto& event) { event.mutable_occurred_at()->set_seconds(INT64_MIN); }), "occurredAt", "occurred-at-range",
                  "-9223372036854775808 s");
}
TEST(CheckEnvelope, most_positive_time_is_rejected) {
  expect_rejected(changed("withdrawn", [](auto& event) { event.mutable_occurred_at()->set_seconds(INT64_MAX); }), "occurredAt", "occurred-at-range",
                  "9223372036854775807 s");
}
TEST(CheckEnvelope, negative_nanoseconds_are_rejected) {
  expect_rejected(changed("withdrawn", [](auto& event) { event.mutable_occurred_at()->set_nanos(-1); }), "occurredAt", "occurred-at-range",
                  "1718011800 s");
}
TEST(CheckEnvelope, a_billion_nanoseconds_are_rejected) {
  expect_rejected(changed("withdrawn", [](auto& event) { event.mutable_occurred_at()->set_nanos(1'000'000'000); }), "occurredAt", "occurred-at-range",
                  "1718011800 s");
}
TEST(CheckEnvelope, time_at_the_latest_allowed_passes) { EXPECT_TRUE(check(example("withdrawn"), 1718011800'000).has_value()); }
TEST(CheckEnvelope, time_just_after_the_latest_allowed_is_rejected) {
  Result<Address> address = check(example("withdrawn"), 1718011800'000 - 1);
  ASSERT_FALSE(address.has_value());
  EXPECT_EQ(address.error().rule, "occurred-at-future");
  EXPECT_EQ(address.error().field, "occurredAt");
  EXPECT_EQ(address.error().value, "2024-06-10T09:30:00.000Z");
}
TEST(CheckEnvelope, no_fact_is_rejected) {
  expect_rejected(changed("withdrawn", [](auto& event) { event.clear_fact(); }), "fact", "fact-present", "");
}
TEST(CheckEnvelope, the_first_failure_is_the_one_named) {
  expect_rejected(changed("withdrawn",
                          [](auto& event) {
                            event.clear_id();
                            event.clear_source();
                          }),
                  "id", "event-id", "");
}
TEST(CheckEnvelope, a_value_longer_than_200_bytes_is_cut) {
  expect_rejected(changed("withdrawn", [](auto& event) { event.set_id(std::string(300, 'x')); }), "id", "event-id", std::string(200, 'x') + "...");
}
TEST(CheckEnvelope, a_cut_never_splits_a_character) {
  EXPECT_EQ(cut_value(std::string(199, 'x') + "\xc3\xa9tail"), std::string(199, 'x') + "...");
  EXPECT_EQ(cut_value(std::string(200, 'x')), std::string(200, 'x'));
}
TEST(CheckEnvelope, a_cut_of_bytes_that_begin_no_character_leaves_nothing) { EXPECT_EQ(cut_value(std::string(300, '\x80')), "..."); }

// ---- registered ----

auto with_uln(const std::string& uln) {
  return changed("registered", [&](auto& event) { event.mutable_registered()->set_uln(uln); });
}
auto with_uci(const std::string& uci) {
  return changed("registered", [&](auto& event) { event.mutable_registered()->set_uci(uci); });
}

TEST(CheckRegistered, without_a_uln_passes) { expect_passes(with_uln("")); }
TEST(CheckRegistered, with_the_unknown_uln_passes) { expect_passes(with_uln("9999999999")); }
TEST(CheckRegistered, with_a_short_uln_is_rejected) { expect_rejected(with_uln("927630868"), "registered.uln", "uln-form", "927630868"); }
TEST(CheckRegistered, with_a_wrong_uln_check_digit_is_rejected) {
  expect_rejected(with_uln("9276308687"), "registered.uln", "uln-check-digit", "9276308687");
}
TEST(CheckRegistered, without_a_uci_passes) { expect_passes(with_uci("")); }
TEST(CheckRegistered, with_a_uci_of_another_form_is_rejected) {
  expect_rejected(with_uci("681990012058"), "registered.uci", "uci-form", "681990012058");
}
TEST(CheckRegistered, with_a_wrong_uci_check_letter_passes) { expect_passes(with_uci("681990012058H")); }
TEST(CheckRegistered, with_a_wrong_uci_check_letter_is_warned_about) {
  auto found = warnings(with_uci("681990012058H"));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].field, "registered.uci");
  EXPECT_EQ(found[0].rule, "uci-check-letter");
  EXPECT_EQ(found[0].value, "681990012058H");
}
TEST(CheckRegistered, without_details_passes) {
  expect_passes(changed("registered", [](auto& event) { event.mutable_registered()->clear_details(); }));
}
TEST(CheckRegistered, with_names_of_200_bytes_passes) {
  expect_passes(changed("registered", [](auto& event) {
    event.mutable_registered()->mutable_details()->set_given_names(std::string(200, 'n'));
    event.mutable_registered()->mutable_details()->set_family_name(std::string(200, 'n'));
  }));
}
TEST(CheckRegistered, with_given_names_of_201_bytes_is_rejected) {
  expect_rejected(changed("registered", [](auto& event) { event.mutable_registered()->mutable_details()->set_given_names(std::string(201, 'n')); }),
                  "registered.details.givenNames", "text-length", "201 bytes");
}
TEST(CheckRegistered, with_a_family_name_of_201_bytes_is_rejected) {
  expect_rejected(changed("registered", [](auto& event) { event.mutable_registered()->mutable_details()->set_family_name(std::string(201, 'n')); }),
                  "registered.details.familyName", "text-length", "201 bytes");
}
TEST(CheckRegistered, with_an_impossible_date_of_birth_is_rejected) {
  expect_rejected(changed("registered", [](auto& event) { event.mutable_registered()->mutable_details()->set_date_of_birth("2006-02-30"); }),
                  "registered.details.dateOfBirth", "date", "2006-02-30");
}
TEST(CheckRegistered, is_addressed_to_its_entry) {
  Address address = check(example("registered")).value();
  EXPECT_EQ(address.topic, Topic::registrations);
  EXPECT_EQ(address.subject, Subject::entry);
  EXPECT_EQ(text_of(address.centre), "68199");
  EXPECT_EQ(text_of(address.entry.qualification), "603/4101/4");
  EXPECT_EQ(text_of(address.entry.series), "2024-08");
  EXPECT_EQ(address.entry.learner, "HL-0042");
  EXPECT_EQ(address.at_ms, 1718011800'000);
}

// ---- other facts about entries ----

TEST(CheckTransferred, to_a_centre_of_four_digits_is_rejected) {
  expect_rejected(changed("transferred", [](auto& event) { event.mutable_transferred()->set_to_centre("6820"); }), "transferred.toCentre",
                  "centre-form", "6820");
}
TEST(CheckAnswered, without_optional_fields_passes) {
  expect_passes(changed("checkpoint_answered", [](auto& event) {
    event.mutable_checkpoint_answered()->clear_estimated_completion();
    event.mutable_checkpoint_answered()->clear_predicted_grade();
    event.mutable_checkpoint_answered()->clear_route();
  }));
}
TEST(CheckAnswered, with_an_impossible_estimated_completion_is_rejected) {
  expect_rejected(changed("checkpoint_answered", [](auto& event) { event.mutable_checkpoint_answered()->set_estimated_completion("2024-06-31"); }),
                  "checkpointAnswered.estimatedCompletion", "date", "2024-06-31");
}
TEST(CheckAnswered, with_a_predicted_grade_without_scale_is_rejected) {
  expect_rejected(changed("checkpoint_answered", [](auto& event) { event.mutable_checkpoint_answered()->mutable_predicted_grade()->clear_scale(); }),
                  "checkpointAnswered.predictedGrade", "grade-with-scale", "(not shown)");
}

v1::Event with_outcomes(int count) {
  return changed("outcome_recorded", [&](auto& event) {
    event.mutable_outcome_recorded()->clear_outcomes();
    for (int at = 0; at < count; ++at) {
      auto* outcome = event.mutable_outcome_recorded()->add_outcomes();
      outcome->set_unit("U" + std::to_string(at));
      outcome->set_standing(v1::Outcome::ACHIEVED);
    }
  });
}
template <class Change>
v1::Event with_outcome(Change change) {
  return changed("outcome_recorded", [&](auto& event) { change(*event.mutable_outcome_recorded()->mutable_outcomes(1)); });
}

TEST(CheckOutcomes, none_is_rejected) { expect_rejected(with_outcomes(0), "outcomeRecorded.outcomes", "outcomes-count", "0"); }
TEST(CheckOutcomes, two_hundred_pass) { expect_passes(with_outcomes(200)); }
TEST(CheckOutcomes, two_hundred_and_one_are_rejected) { expect_rejected(with_outcomes(201), "outcomeRecorded.outcomes", "outcomes-count", "201"); }
TEST(CheckOutcomes, unit_of_20_characters_passes) {
  expect_passes(with_outcome([](auto& one) { one.set_unit(std::string(20, 'U')); }));
}
TEST(CheckOutcomes, unit_of_21_characters_is_rejected) {
  expect_rejected(with_outcome([](auto& one) { one.set_unit(std::string(21, 'U')); }), "outcomeRecorded.outcomes[1].unit", "text-length",
                  std::string(21, 'U'));
}
TEST(CheckOutcomes, empty_unit_is_rejected) {
  expect_rejected(with_outcome([](auto& one) { one.clear_unit(); }), "outcomeRecorded.outcomes[1].unit", "text-length", "");
}
TEST(CheckOutcomes, learning_outcome_of_21_characters_is_rejected) {
  expect_rejected(with_outcome([](auto& one) { one.set_learning_outcome(std::string(21, 'L')); }), "outcomeRecorded.outcomes[1].learningOutcome",
                  "text-length", "21 bytes");
}
TEST(CheckOutcomes, grade_of_33_characters_is_rejected) {
  expect_rejected(with_outcome([](auto& one) { one.set_grade(std::string(33, 'G')); }), "outcomeRecorded.outcomes[1].grade", "text-length",
                  "33 bytes");
}
TEST(CheckOutcomes, without_standing_is_rejected) {
  expect_rejected(with_outcome([](auto& one) { one.clear_standing(); }), "outcomeRecorded.outcomes[1].standing", "enum-value", "0");
}
TEST(CheckOutcomes, standing_of_a_later_version_is_rejected) {
  expect_rejected(with_outcome([](auto& one) { one.set_standing(static_cast<v1::Outcome::Standing>(9)); }), "outcomeRecorded.outcomes[1].standing",
                  "enum-value", "9");
}
TEST(CheckOutcomes, mark_of_100000_passes) {
  expect_passes(with_outcome([](auto& one) { one.set_mark(100'000); }));
}
TEST(CheckOutcomes, mark_of_100001_is_rejected) {
  expect_rejected(with_outcome([](auto& one) { one.set_mark(100'001); }), "outcomeRecorded.outcomes[1].mark", "mark-range", "100001");
}
TEST(CheckOutcomes, the_same_unit_twice_is_rejected) {
  expect_rejected(with_outcome([](auto& one) {
                    one.set_unit("U1");
                    one.clear_learning_outcome();
                  }),
                  "outcomeRecorded.outcomes[1].unit", "outcome-once", "U1");
}
TEST(CheckOutcomes, a_unit_and_one_of_its_learning_outcomes_pass) {
  expect_passes(with_outcome([](auto& one) { one.set_unit("U1"); }));
}

TEST(CheckPriorLearning, unit_of_21_characters_is_rejected) {
  expect_rejected(
      changed("prior_learning_recognised", [](auto& event) { event.mutable_prior_learning_recognised()->set_unit(std::string(21, 'U')); }),
      "priorLearningRecognised.unit", "text-length", std::string(21, 'U'));
}
TEST(CheckSpecialConsideration, impossible_date_is_rejected) {
  expect_rejected(changed("special_consideration", [](auto& event) { event.mutable_special_consideration()->set_requested_on("2024-6-1"); }),
                  "specialConsideration.requestedOn", "date", "2024-6-1");
}
TEST(CheckClaim, without_a_grade_passes) {
  expect_passes(changed("claim_submitted", [](auto& event) { event.mutable_claim_submitted()->clear_grade(); }));
}
TEST(CheckClaim, with_a_scale_without_grade_is_rejected) {
  expect_rejected(changed("claim_submitted", [](auto& event) { event.mutable_claim_submitted()->mutable_grade()->clear_value(); }),
                  "claimSubmitted.grade", "grade-with-scale", "(not shown)");
}
TEST(CheckResult, without_a_grade_is_rejected) {
  expect_rejected(changed("result_determined", [](auto& event) { event.mutable_result_determined()->clear_grade(); }), "resultDetermined.grade",
                  "grade-with-scale", "");
}
TEST(CheckResult, amended_without_a_grade_is_rejected) {
  expect_rejected(changed("result_amended", [](auto& event) { event.mutable_result_amended()->clear_grade(); }), "resultAmended.grade",
                  "grade-with-scale", "");
}
TEST(CheckResult, scale_of_65_characters_is_rejected) {
  expect_rejected(
      changed("result_determined", [](auto& event) { event.mutable_result_determined()->mutable_grade()->set_scale(std::string(65, 'S')); }),
      "resultDetermined.grade", "text-length", "65 bytes");
}
TEST(CheckResult, grade_of_33_characters_is_rejected) {
  expect_rejected(
      changed("result_determined", [](auto& event) { event.mutable_result_determined()->mutable_grade()->set_value(std::string(33, 'G')); }),
      "resultDetermined.grade", "text-length", "33 bytes");
}
TEST(CheckQuery, text_of_2000_bytes_passes) {
  expect_passes(changed("result_queried", [](auto& event) { event.mutable_result_queried()->set_text(std::string(2000, 't')); }));
}
TEST(CheckQuery, text_of_2001_bytes_is_rejected) {
  expect_rejected(changed("result_queried", [](auto& event) { event.mutable_result_queried()->set_text(std::string(2001, 't')); }),
                  "resultQueried.text", "text-length", "2001 bytes");
}
TEST(CheckQuery, name_of_41_bytes_is_rejected) {
  expect_rejected(changed("result_queried", [](auto& event) { event.mutable_result_queried()->set_query(std::string(41, 'q')); }),
                  "resultQueried.query", "text-length", "41 bytes");
}

class ReasonGiven : public testing::TestWithParam<std::string> {};

TEST_P(ReasonGiven, of_500_bytes_passes_and_of_501_is_rejected) {
  v1::Event event = example(GetParam());
  auto& fact = fact_of(event);
  const auto* field = fact.GetDescriptor()->FindFieldByName("reason");
  fact.GetReflection()->SetString(&fact, field, std::string(500, 'r'));
  expect_passes(event);
  fact.GetReflection()->SetString(&fact, field, std::string(501, 'r'));
  expect_rejected(event, fact_name(event) + ".reason", "text-length", "501 bytes");
}

INSTANTIATE_TEST_SUITE_P(Check, ReasonGiven, testing::Values("withdrawn", "claim_withdrawn", "result_amended", "result_revoked", "issuing_halted"),
                         [](const auto& instance) { return instance.param; });

}  // namespace
}  // namespace vtq::test
