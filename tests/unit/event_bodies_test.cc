// What is said of a body that cannot be read: field, rule and value, but no value that may be a grade.
#include "daemon/intake/event_bodies.h"

#include <gtest/gtest.h>

#include "pipeline/kinds/hidden_grades.h"

namespace vtq::test {
namespace {

TEST(RejectionOfAGrade, in_json_that_does_not_fit_shows_no_value) {
  for (const char* text :
       {R"({"id":"x","claimSubmitted":{"grade":"Zephyr"}})", R"({"id":"x","outcomeRecorded":{"outcomes":[{"grade":{"value":"Zephyr"}}]}})",
        R"({"id":"x","claimSubmitted":{"grade":{"value":"Zephyr",,}}})", R"({"id":"x","resultAmended":{"reason":["Zephyr"]}})"}) {
    ReadEvent read = read_json_event(text);
    ASSERT_TRUE(read.submitted.unreadable) << text;
    const Rejection& why = *read.submitted.unreadable;
    EXPECT_EQ(why.rule, "json-form") << text;
    EXPECT_EQ((why.field + why.value + why.message).find("Zephyr"), std::string::npos) << text << " " << why.message;
    EXPECT_FALSE(why.value.empty()) << text;
  }
}
TEST(RejectionOfAGrade, elsewhere_in_json_still_shows_the_value) {
  ReadEvent read = read_json_event(R"({"id":"x","checkpointAnswered":{"answer":"PERHAPS"}})");
  ASSERT_TRUE(read.submitted.unreadable);
  EXPECT_EQ(read.submitted.unreadable->value, "PERHAPS");
}

}  // namespace
}  // namespace vtq::test
