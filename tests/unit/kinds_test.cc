// The table of kinds: every fact of the contract has one row, which knows what rows of its sort must.
#include <gtest/gtest.h>

#include "pipeline/facts/kind.h"
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

INSTANTIATE_TEST_SUITE_P(All, Kind, testing::ValuesIn(all_facts()), [](const auto& given) { return given.param; });

TEST(Kinds, of_an_event_without_a_fact_is_none) {
  EXPECT_EQ(kind_of_fact(v1::Event()), nullptr);
  EXPECT_EQ(slot_of(v1::Event()), "");
}

}  // namespace
}  // namespace vtq::test
