// Every fact of the contract has an example in its JSON mapping that a publisher can copy.
#include "tests/support/examples.h"

#include <algorithm>
#include <filesystem>

namespace vtq::test {
namespace {

class EveryFact : public testing::TestWithParam<std::string> {};

TEST_P(EveryFact, has_an_example_that_holds_that_fact) {
  v1::Event event = example(GetParam());
  const auto* field = v1::Event::descriptor()->FindFieldByNumber(event.fact_case());
  ASSERT_NE(field, nullptr);
  EXPECT_EQ(field->name(), GetParam());
}

TEST_P(EveryFact, has_an_example_that_passes_the_form_check) {
  Result<Address> address = check(example(GetParam()));
  EXPECT_TRUE(address.has_value()) << address.error().field << " " << address.error().rule;
}

TEST_P(EveryFact, has_an_example_without_warnings) { EXPECT_TRUE(warnings(example(GetParam())).empty()); }

TEST_P(EveryFact, has_an_example_that_survives_the_json_mapping_both_ways) {
  v1::Event event = example(GetParam());
  std::string json;
  ASSERT_TRUE(google::protobuf::util::MessageToJsonString(event, &json).ok());
  EXPECT_EQ(event_from(json).SerializeAsString(), event.SerializeAsString());
}

TEST_P(EveryFact, has_an_example_that_leaves_no_field_out) {
  // proto3 does not tell an absent scalar from its default, and `done: false` is a fair example.
  v1::Event event = example(GetParam());
  const auto& fact = fact_of(event);
  for (int at = 0; at < fact.GetDescriptor()->field_count(); ++at) {
    const auto* field = fact.GetDescriptor()->field(at);
    if (field->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_BOOL) continue;
    bool there = field->is_repeated() ? fact.GetReflection()->FieldSize(fact, field) > 0 : fact.GetReflection()->HasField(fact, field);
    EXPECT_TRUE(there) << field->name();
  }
}

INSTANTIATE_TEST_SUITE_P(Contract, EveryFact, testing::ValuesIn(all_facts()), [](const auto& instance) { return instance.param; });

TEST(Examples, no_file_is_without_its_fact) {
  std::vector<std::string> names = all_facts();
  for (const auto& file : std::filesystem::directory_iterator(test_data() + "/events"))
    EXPECT_NE(std::find(names.begin(), names.end(), file.path().stem().string()), names.end()) << file.path();
}

TEST(Examples, all_fit_the_reference_data_among_them) {
  Season season;
  std::vector<v1::Event> reference;
  for (const char* fact : {"awarding_organisation_defined", "centre_defined", "grading_scale_defined", "calendar_defined", "qualification_defined"})
    reference.push_back(example(fact));
  v1::Event units = example("grading_scale_defined");
  units.set_id("example-unit-scale");
  units.mutable_grading_scale_defined()->set_name("Unit");
  units.mutable_grading_scale_defined()->add_grades()->set_value("M");
  reference.push_back(units);
  season.play(reference, local("2024-06-10T12:00"));
  for (const std::string& fact : all_facts()) {
    v1::Event event = example(fact);
    Address address = check(event).value();
    if (address.everywhere) continue;
    auto unfit = fits(event, address, season.pipeline->reference());
    EXPECT_FALSE(unfit.has_value()) << unfit->field << " " << unfit->rule << " " << unfit->value;
  }
}

}  // namespace
}  // namespace vtq::test
