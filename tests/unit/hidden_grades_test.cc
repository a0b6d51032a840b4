// What was rejected is read by people before the gates open: where grades may stand in it, and that they are not shown.
#include "pipeline/kinds/hidden_grades.h"

#include "tests/support/examples.h"
#include "tests/support/season.h"

namespace vtq::test {
namespace {

constexpr const char* kToken = "Zephyr";

/// Every string of the message that is named so, or stands in a Grade, set to kToken.
int set_tokens(google::protobuf::Message& message) {
  using Field = google::protobuf::FieldDescriptor;
  int count = 0;
  std::vector<const Field*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const Field* field : fields) {
    if (field->cpp_type() == Field::CPPTYPE_MESSAGE && !field->is_repeated()) {
      count += set_tokens(*message.GetReflection()->MutableMessage(&message, field));
    } else if (field->cpp_type() == Field::CPPTYPE_MESSAGE) {
      for (int at = 0; at < message.GetReflection()->FieldSize(message, field); ++at)
        count += set_tokens(*message.GetReflection()->MutableRepeatedMessage(&message, field, at));
    } else if (field->cpp_type() == Field::CPPTYPE_STRING && !field->is_repeated() &&
               (message.GetDescriptor() == v1::Grade::descriptor() || field->name() == "grade")) {
      message.GetReflection()->SetString(&message, field, kToken);
      ++count;
    }
  }
  return count;
}

TEST(HiddenGrades, are_found_in_every_kind_of_fact_about_an_entry) {
  for (const char* name :
       {"checkpoint_answered", "outcome_recorded", "prior_learning_recognised", "claim_submitted", "result_determined", "result_amended"}) {
    v1::Event event = example(name);
    ASSERT_GT(set_tokens(event), 0) << name;
    EXPECT_TRUE(hide_grades(event)) << name;
    EXPECT_EQ(event.SerializeAsString().find(kToken), std::string::npos) << name;
    EXPECT_NE(event.SerializeAsString().find(kNotShown), std::string::npos) << name;
  }
}
TEST(HiddenGrades, leave_everything_else_of_the_fact) {
  v1::Event event = claimed({}, local("2023-06-10T09:00"));
  v1::Event before = event;
  EXPECT_FALSE(hide_grades(event));
  EXPECT_EQ(event.SerializeAsString(), before.SerializeAsString());
  event.mutable_claim_submitted()->mutable_grade()->set_value("Merit");
  EXPECT_TRUE(hide_grades(event));
  EXPECT_EQ(event.claim_submitted().entry().learner(), "L1");
  EXPECT_EQ(event.id(), before.id());
}
TEST(HiddenGrades, marks_and_free_text_go_too) {
  v1::Event event = achieved({}, local("2023-06-01T09:00"), {"A"});
  event.mutable_outcome_recorded()->mutable_outcomes(0)->set_mark(77);
  EXPECT_TRUE(hide_grades(event));
  EXPECT_FALSE(event.outcome_recorded().outcomes(0).has_mark());
  v1::Event query = example("result_queried");
  query.mutable_result_queried()->set_text("we expected a Merit");
  EXPECT_TRUE(hide_grades(query));
  EXPECT_EQ(query.result_queried().text(), kNotShown);
}
TEST(HiddenGrades, of_reference_data_are_no_secret) {
  v1::Event event = example("grading_scale_defined");
  std::string before = event.SerializeAsString();
  EXPECT_FALSE(hide_grades(event));
  EXPECT_EQ(event.SerializeAsString(), before);
}
TEST(HiddenGrades, text_that_is_no_event_is_shown_up_to_the_first_word_that_may_introduce_one) {
  EXPECT_EQ(before_grades(R"({"id": "x", "claimSubmitted": {"Grade": "M)"), R"({"id": "x", "claimSubmitted": {")");
  EXPECT_EQ(before_grades(R"({"id": "x", "reason": "now M")"), R"({"id": "x", ")");
  EXPECT_EQ(before_grades(R"({"id": "x", )"), R"({"id": "x", )");
}

TEST(RejectionOfAGrade, names_field_and_rule_and_shows_neither_value_nor_scale_that_nobody_knows) {
  Season season;
  season.play(reference_data(), local("2022-09-01T09:00"));
  season.play({registered({}, local("2022-10-01T09:00"))}, local("2022-10-01T09:00"));
  auto why = [&](v1::Event event) { return season.play({std::move(event)}, local("2023-06-20T09:00")).front().why.value(); };
  Rejection wrong = why(determined({}, local("2023-06-20T08:00"), kToken));
  EXPECT_EQ(wrong.rule, "grade-of-scale");
  EXPECT_EQ(wrong.value, kNotShown);
  EXPECT_EQ(wrong.message.find(kToken), std::string::npos);
  EXPECT_EQ(why(determined({}, local("2023-06-20T08:00"), "pass", kToken)).value, kNotShown);
}
}  // namespace
}  // namespace vtq::test
