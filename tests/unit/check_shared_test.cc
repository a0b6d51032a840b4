// Form rules that many facts share, held against every fact that has such a field: identifiers, levels, enumerations, dates.
#include <set>

#include "tests/support/examples.h"

namespace vtq::test {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

const FieldDescriptor* fact_field(const std::string& fact) { return v1::Event::descriptor()->FindFieldByName(fact); }

/// Facts whose message has a field of this name.
std::vector<std::string> facts_with(const std::string& field) {
  std::vector<std::string> names;
  for (const std::string& fact : all_facts())
    if (fact_field(fact)->message_type()->FindFieldByName(field)) names.push_back(fact);
  return names;
}

/// Enumerations that may be left open.
bool may_be_open(const std::string& field) {
  static const std::set<std::string> kOpen = {"route", "method", "determination", "size", "calculation", "outcome", "embargo"};
  return kOpen.contains(field);
}

/// Facts with an enumeration of their own.
std::vector<std::pair<std::string, std::string>> enum_fields() {
  std::vector<std::pair<std::string, std::string>> found;
  for (const std::string& fact : all_facts()) {
    const auto* type = fact_field(fact)->message_type();
    for (int at = 0; at < type->field_count(); ++at)
      if (type->field(at)->cpp_type() == FieldDescriptor::CPPTYPE_ENUM && !type->field(at)->is_repeated())
        found.emplace_back(fact, type->field(at)->name());
  }
  return found;
}

void set_text(Message& message, const std::string& field, const std::string& value) {
  message.GetReflection()->SetString(&message, message.GetDescriptor()->FindFieldByName(field), value);
}

void expect_rejected(const v1::Event& event, const std::string& field, const std::string& rule, const std::string& value) {
  Result<Address> address = check(event);
  ASSERT_FALSE(address.has_value());
  EXPECT_EQ(address.error().field, fact_name(event) + "." + field);
  EXPECT_EQ(address.error().rule, rule);
  EXPECT_EQ(address.error().value, value);
}

std::string plain(const testing::TestParamInfo<std::string>& instance) { return instance.param; }

class EntryFact : public testing::TestWithParam<std::string> {
 protected:
  v1::Event with(const std::string& member, const std::string& value) {
    v1::Event event = example(GetParam());
    Message& fact = fact_of(event);
    Message* ref = fact.GetReflection()->MutableMessage(&fact, fact.GetDescriptor()->FindFieldByName("entry"));
    set_text(*ref, member, value);
    return event;
  }
};

TEST_P(EntryFact, with_a_centre_of_four_digits_is_rejected) { expect_rejected(with("centre", "6819"), "entry.centre", "centre-form", "6819"); }
TEST_P(EntryFact, to_all_centres_is_rejected) { expect_rejected(with("centre", "*"), "entry.centre", "centre-form", "*"); }
TEST_P(EntryFact, with_a_qualification_of_another_form_is_rejected) {
  expect_rejected(with("qualification", "603-4101-4"), "entry.qualification", "qualification-form", "603-4101-4");
}
TEST_P(EntryFact, with_a_qualification_without_slashes_is_the_same_entry) {
  EXPECT_EQ(check(with("qualification", "60341014")).value().entry, check(example(GetParam())).value().entry);
}
TEST_P(EntryFact, with_month_13_is_rejected) { expect_rejected(with("series", "2024-13"), "entry.series", "series-form", "2024-13"); }
TEST_P(EntryFact, without_a_learner_is_rejected) { expect_rejected(with("learner", ""), "entry.learner", "learner-form", ""); }
TEST_P(EntryFact, with_a_learner_of_20_characters_passes) { EXPECT_TRUE(check(with("learner", std::string(20, 'L'))).has_value()); }
TEST_P(EntryFact, with_a_learner_of_21_characters_is_rejected) {
  expect_rejected(with("learner", std::string(21, 'L')), "entry.learner", "learner-form", std::string(21, 'L'));
}
TEST_P(EntryFact, belongs_to_its_centre) {
  Address address = check(example(GetParam())).value();
  EXPECT_EQ(address.subject, Subject::entry);
  EXPECT_FALSE(address.everywhere);
  EXPECT_EQ(text_of(address.centre), "68199");
}

INSTANTIATE_TEST_SUITE_P(Check, EntryFact, testing::ValuesIn(facts_with("entry")), plain);

class CentreFact : public testing::TestWithParam<std::string> {};

TEST_P(CentreFact, with_a_centre_of_six_digits_is_rejected) {
  v1::Event event = example(GetParam());
  set_text(fact_of(event), "centre", "681990");
  if (GetParam() == "time_reached") return expect_rejected(event, "centre", "time-for-all", "681990");
  expect_rejected(event, "centre", "centre-form", "681990");
}

TEST_P(CentreFact, to_all_centres_passes_only_where_the_contract_says_so) {
  v1::Event event = example(GetParam());
  set_text(fact_of(event), "centre", "*");
  bool for_all = GetParam() == "release_planned" || GetParam() == "release_approved" || GetParam() == "release_overridden" ||
                 GetParam() == "issuing_halted" || GetParam() == "time_reached";
  const bool noted = GetParam() == "audit_noted";
  if (!for_all && !noted) return expect_rejected(event, "centre", "centre-form", "*");
  EXPECT_EQ(check(event).value().everywhere, !noted) << "a note of no centre lies in one partition";
}

INSTANTIATE_TEST_SUITE_P(Check, CentreFact, testing::ValuesIn(facts_with("centre")), plain);

class AwardingOrganisationFact : public testing::TestWithParam<std::string> {};

TEST_P(AwardingOrganisationFact, without_rn_is_rejected) {
  v1::Event event = example(GetParam());
  set_text(fact_of(event), "awarding_organisation", "5901");
  expect_rejected(event, "awardingOrganisation", "awarding-organisation-form", "5901");
}

INSTANTIATE_TEST_SUITE_P(Check, AwardingOrganisationFact, testing::ValuesIn(facts_with("awarding_organisation")), plain);

class SeriesFact : public testing::TestWithParam<std::string> {};

TEST_P(SeriesFact, with_month_0_is_rejected) {
  v1::Event event = example(GetParam());
  set_text(fact_of(event), "series", "2024-00");
  expect_rejected(event, "series", "series-form", "2024-00");
}

INSTANTIATE_TEST_SUITE_P(Check, SeriesFact, testing::ValuesIn(facts_with("series")), plain);

// ---- flags that decide ----

/// Those of facts of which leaving them out must not be taken for no: they have presence.
std::vector<std::pair<std::string, std::string>> flags_that_decide() {
  std::vector<std::pair<std::string, std::string>> found;
  for (const std::string& fact : all_facts()) {
    const auto* type = fact_field(fact)->message_type();
    for (int at = 0; at < type->field_count(); ++at)
      if (type->field(at)->cpp_type() == FieldDescriptor::CPPTYPE_BOOL && type->field(at)->has_presence())
        found.emplace_back(fact, type->field(at)->name());
  }
  return found;
}

/// Every date of a fact itself: a day, not a moment.
std::vector<std::pair<std::string, std::string>> dates() {
  std::vector<std::pair<std::string, std::string>> found;
  for (const std::string& fact : all_facts()) {
    const auto* type = fact_field(fact)->message_type();
    for (int at = 0; at < type->field_count(); ++at) {
      const std::string& name = type->field(at)->name();
      bool day = name.ends_with("_on") || name.ends_with("_from") || name.ends_with("_to") || name.ends_with("_until");
      if (day && type->field(at)->cpp_type() == FieldDescriptor::CPPTYPE_STRING && !type->field(at)->is_repeated()) found.emplace_back(fact, name);
    }
  }
  return found;
}

class DateOfAFact : public testing::TestWithParam<std::pair<std::string, std::string>> {
 protected:
  v1::Event with(const std::string& date) {
    v1::Event event = example(GetParam().first);
    set_text(fact_of(event), GetParam().second, date);
    return event;
  }
};
TEST_P(DateOfAFact, that_does_not_exist_is_rejected) {
  const auto& [fact, field] = GetParam();
  expect_rejected(with("2023-02-30"), fact_field(fact)->message_type()->FindFieldByName(field)->json_name(), "date", "2023-02-30");
}
TEST_P(DateOfAFact, written_as_in_britain_is_rejected) {
  const auto& [fact, field] = GetParam();
  expect_rejected(with("28/02/2023"), fact_field(fact)->message_type()->FindFieldByName(field)->json_name(), "date", "28/02/2023");
}
INSTANTIATE_TEST_SUITE_P(All, DateOfAFact, testing::ValuesIn(dates()),
                         [](const auto& instance) { return instance.param.first + "_" + instance.param.second; });

class FlagThatDecides : public testing::TestWithParam<std::pair<std::string, std::string>> {
 protected:
  v1::Event event = example(GetParam().first);
  Message& fact = fact_of(event);
  const FieldDescriptor* field = fact.GetDescriptor()->FindFieldByName(GetParam().second);
};

TEST_P(FlagThatDecides, passes_whichever_way_it_is_said) {
  for (bool value : {true, false}) {
    fact.GetReflection()->SetBool(&fact, field, value);
    EXPECT_TRUE(check(event).has_value());
  }
}
TEST_P(FlagThatDecides, left_out_is_rejected_but_for_what_was_taken_before) {
  fact.GetReflection()->ClearField(&fact, field);
  expect_rejected(event, field->json_name(), "flag-given", "");
  EXPECT_TRUE(check_stored(event).has_value());
  EXPECT_TRUE(stored_fact(event.SerializeAsString()));
}
INSTANTIATE_TEST_SUITE_P(Check, FlagThatDecides, testing::ValuesIn(flags_that_decide()), [](const auto& instance) { return instance.param.first; });

TEST(FlagsThatDecide, are_those_whose_no_lets_go_or_refuses) {
  std::set<std::string> facts;
  for (const auto& [fact, flag] : flags_that_decide()) facts.insert(fact);
  EXPECT_EQ(facts, (std::set<std::string>{"approval_decided", "conflict_declared", "direct_claims_decided", "issuing_halted", "mitigation_opted_out",
                                          "sanction_decided", "staff_approved"}));
}

// ---- words that let go ----

TEST(LettingGo, may_be_dated_a_minute_ahead_and_no_more_while_what_stops_may_be_a_day_ahead) {
  const TimeMs now = local("2024-06-10T10:00"), latest = now + kAheadMaxMs;
  auto dated = [](v1::Event event, TimeMs at) {
    event.mutable_occurred_at()->set_seconds(at / 1000);
    event.mutable_occurred_at()->set_nanos(static_cast<int>(at % 1000) * 1'000'000);
    return event;
  };
  v1::Event lifted = example("hold_lifted"), go_on = example("issuing_halted"), sanction = example("sanction_decided"),
            conflict = example("conflict_declared");
  go_on.mutable_issuing_halted()->set_halted(false);
  sanction.mutable_sanction_decided()->set_in_force(false);
  conflict.mutable_conflict_declared()->set_in_conflict(false);
  for (const v1::Event& event : {lifted, go_on, sanction, conflict}) {
    EXPECT_TRUE(check(dated(event, now + 60'000), latest).has_value()) << fact_name(event);
    Result<Address> ahead = check(dated(event, now + 60'001), latest);
    ASSERT_FALSE(ahead.has_value()) << fact_name(event);
    EXPECT_EQ(ahead.error().rule, "letting-go-ahead");
    EXPECT_EQ(ahead.error().field, "occurredAt");
    // In event time there is no such clock.
    EXPECT_TRUE(check(dated(event, now + 60'001)).has_value()) << fact_name(event);
  }
  go_on.mutable_issuing_halted()->set_halted(true);
  for (const v1::Event& event : {example("hold_placed"), go_on, example("claim_submitted")}) {
    EXPECT_TRUE(check(dated(event, latest), latest).has_value()) << fact_name(event);
    EXPECT_EQ(check(dated(event, latest + 1), latest).error().rule, "occurred-at-future") << fact_name(event);
  }
}

class EnumFact : public testing::TestWithParam<std::pair<std::string, std::string>> {
 protected:
  void expect_rejected_with(int value) {
    v1::Event event = example(GetParam().first);
    Message& fact = fact_of(event);
    const auto* field = fact.GetDescriptor()->FindFieldByName(GetParam().second);
    fact.GetReflection()->SetEnumValue(&fact, field, value);
    expect_rejected(event, field->json_name(), "enum-value", std::to_string(value));
  }
};

TEST_P(EnumFact, left_open_is_rejected_where_it_must_be_chosen) {
  if (!may_be_open(GetParam().second)) return expect_rejected_with(0);
  v1::Event event = example(GetParam().first);
  Message& fact = fact_of(event);
  fact.GetReflection()->ClearField(&fact, fact.GetDescriptor()->FindFieldByName(GetParam().second));
  EXPECT_TRUE(check(event).has_value());
}
TEST_P(EnumFact, of_a_later_version_is_rejected) { expect_rejected_with(99); }

INSTANTIATE_TEST_SUITE_P(Check, EnumFact, testing::ValuesIn(enum_fields()),
                         [](const auto& instance) { return instance.param.first + "_" + instance.param.second; });

class CentreFactOfAQualification : public testing::TestWithParam<std::string> {};

TEST_P(CentreFactOfAQualification, with_a_letter_in_the_number_is_rejected) {
  v1::Event event = example(GetParam());
  set_text(fact_of(event), "qualification", "60A/4101/4");
  expect_rejected(event, "qualification", "qualification-form", "60A/4101/4");
}

INSTANTIATE_TEST_SUITE_P(Check, CentreFactOfAQualification, testing::ValuesIn(facts_with("qualification")), plain);

}  // namespace
}  // namespace vtq::test
