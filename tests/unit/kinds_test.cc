// The table of kinds: every fact of the contract has one row, which knows what rows of its sort must.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "pipeline/facts/kind.h"
#include "pipeline/intake/check.h"
#include "tests/support/examples.h"

namespace vtq::test {
namespace {

class Kind : public testing::TestWithParam<std::string> {};

TEST_P(Kind, has_a_row_of_its_own) {
  v1::Event event = example(GetParam());
  const FactKind* kind = kind_of_fact(event);
  ASSERT_NE(kind, nullptr);
  EXPECT_EQ(kind->fact, event.fact_case());
  EXPECT_NE(kind->check, nullptr);
}

TEST_P(Kind, has_what_its_subject_asks_for) {
  v1::Event event = example(GetParam());
  const FactKind& kind = *kind_of_fact(event);
  bool of_entry = kind.subject == Subject::entry;
  bool for_the_record = event.has_centre_declared() || event.has_batch_acknowledged() || event.has_time_reached() || event.has_audit_noted();
  EXPECT_EQ(kind.merge != nullptr, of_entry) << "a fact about an entry goes into the entry's slots";
  EXPECT_EQ(kind.slot != nullptr, !of_entry && !event.has_time_reached() && !event.has_audit_noted()) << "others are kept whole";
  EXPECT_EQ(kind.apply != nullptr, kind.subject == Subject::centre && !for_the_record);
  if (kind.subject == Subject::reference) {
    EXPECT_EQ(kind.topic, Topic::reference);
    EXPECT_NE(kind.define, nullptr);
  }
  EXPECT_EQ(slot_of(event).empty(), kind.slot == nullptr);
}

TEST_P(Kind, that_stops_and_lets_go_does_not_do_both_at_once) {
  v1::Event event = example(GetParam());
  const FactKind& kind = *kind_of_fact(event);
  bool both = kind.stops && kind.lets_go && kind.stops(event) == kind.lets_go(event);
  EXPECT_FALSE(both);
}

// Who writes to the topics says what happened; what people decide resultsd vouches for. A new fact wants a word here.
TEST_P(Kind, is_vouched_for_or_for_whoever_writes_to_its_topic) {
  enum class By { writers, people, itself };
  const std::map<std::string, By> decided{
      {"release_planned", By::people},    {"release_approved", By::people},
      {"release_overridden", By::people}, {"release_policy_defined", By::people},
      {"issuing_halted", By::people},    // a resume
      {"calendar_defined", By::people},  // with the names of two people
      {"access_key_made", By::people},    {"access_key_revoked", By::people},
      {"person_signed_out", By::people},  {"audit_noted", By::itself},  // bears a seal of its own
  };
  const std::set<std::string> of_writers{"registered",
                                         "registration_changed",
                                         "transferred",
                                         "withdrawn",
                                         "checkpoint_answered",
                                         "centre_declared",
                                         "outcome_recorded",
                                         "prior_learning_recognised",
                                         "special_consideration",
                                         "claim_submitted",
                                         "claim_withdrawn",
                                         "result_determined",
                                         "result_amended",
                                         "result_revoked",
                                         "centre_approved",
                                         "staff_approved",
                                         "monitoring_recorded",
                                         "sample_decided",
                                         "hold_placed",
                                         "hold_lifted",
                                         "action_plan",
                                         "monitoring_planned",
                                         "conflict_declared",
                                         "sanction_decided",
                                         "batch_acknowledged",
                                         "result_queried",
                                         "time_reached",
                                         "direct_claims_decided",
                                         "mitigation_opted_out",
                                         "mitigation_applied",
                                         "mitigation_reviewed",
                                         "awarding_organisation_defined",
                                         "centre_defined",
                                         "qualification_defined",
                                         "grading_scale_defined",
                                         "mitigation_defined",
                                         "scrutiny_strategy_defined",
                                         "approval_category_defined",
                                         "approval_proposed",
                                         "approval_submitted",
                                         "approval_decided",
                                         "approval_withdrawn"};
  v1::Event event = example(GetParam());
  const FactKind& kind = *kind_of_fact(event);
  ASSERT_NE(decided.contains(GetParam()), of_writers.contains(GetParam())) << "say who this fact is to be taken of";
  const By by = of_writers.contains(GetParam()) ? By::writers : decided.at(GetParam());
  EXPECT_EQ(kind.vouched != nullptr, by == By::people);
  // What names its sayer, and what no publisher may say, is people's.
  const bool of_people = said_by_of(event) || !kind.asserted_by.has(AccessRole::publisher);
  EXPECT_TRUE(!of_people || by != By::writers);
}

TEST(Vouched, are_resumes_and_not_halts) {
  v1::Event event = example("issuing_halted");
  event.mutable_issuing_halted()->set_halted(true);
  EXPECT_FALSE(must_be_vouched_for(event));
  event.mutable_issuing_halted()->set_halted(false);
  EXPECT_TRUE(must_be_vouched_for(event));
}
TEST(Vouched, are_calendars_that_two_people_confirm_and_no_others) {
  v1::Event event = example("calendar_defined");
  event.mutable_calendar_defined()->clear_gates_confirmed_by();
  EXPECT_FALSE(must_be_vouched_for(event));
  event.mutable_calendar_defined()->add_gates_confirmed_by("A. Lee");
  EXPECT_TRUE(must_be_vouched_for(event));
}
TEST(Vouched, are_withdrawals_as_approvals) {
  for (bool withdrawn : {false, true}) {
    v1::Event event = example("release_approved");
    event.mutable_release_approved()->set_withdrawn(withdrawn);
    EXPECT_TRUE(must_be_vouched_for(event));
  }
}
TEST(Vouched, is_no_event_without_a_fact) { EXPECT_FALSE(must_be_vouched_for(v1::Event())); }

INSTANTIATE_TEST_SUITE_P(All, Kind, testing::ValuesIn(all_facts()), [](const auto& given) { return given.param; });

TEST(Kinds, of_an_event_without_a_fact_is_none) {
  EXPECT_EQ(kind_of_fact(v1::Event()), nullptr);
  EXPECT_EQ(slot_of(v1::Event()), "");
}

}  // namespace
}  // namespace vtq::test
