// The form of a qualification's rules: each rule of the check just kept and just broken; and what fits() holds units' facts to.
#include <functional>

#include "tests/support/situation.h"

namespace vtq::test {
namespace {

/// Units U1 to U4, groups A (U1, U2) and B (U3), points and boundaries.
v1::Event sound() {
  v1::Event event = event_at(local("2022-08-01T09:00"));
  auto* fact = event.mutable_qualification_defined();
  fact->set_qualification("601/0001/5");
  fact->set_title("Diploma in Testing");
  fact->set_awarding_organisation("RN5001");
  fact->set_level(v1::LEVEL_3);
  fact->set_grading_scale("pass");
  fact->set_certification(v1::CERTIFICATION_BY_CLAIM);
  for (const char* code : {"U1", "U2", "U3", "U4"}) fact->add_units()->set_code(code);
  for (const char* code : {"A", "B"}) fact->add_groups()->set_code(code);
  fact->mutable_groups(0)->add_units("U1");
  fact->mutable_groups(0)->add_units("U2");
  fact->mutable_groups(1)->add_units("U3");
  auto* grading = fact->mutable_grading();
  for (auto [grade, points] : {std::pair{"Distinction", 60u}, {"Merit", 45u}, {"Pass", 30u}}) {
    auto* boundary = grading->add_boundaries();
    boundary->set_grade(grade);
    boundary->set_points(points);
  }
  return event;
}

using Fact = v1::QualificationDefined;
struct RuleCase {
  const char* name;
  std::function<void(Fact&)> change;
  const char* field = nullptr;  ///< null: passes
  const char* rule = "";
  const char* value = "";
};
std::ostream& operator<<(std::ostream& out, const RuleCase& one) { return out << one.name; }
class QualificationRule : public testing::TestWithParam<RuleCase> {};
TEST_P(QualificationRule, is_checked) {
  v1::Event event = sound();
  GetParam().change(*event.mutable_qualification_defined());
  Result<Address> address = check(event);
  if (!GetParam().field) {
    EXPECT_TRUE(address.has_value()) << address.error().field << " " << address.error().rule;
    return;
  }
  ASSERT_FALSE(address.has_value());
  EXPECT_EQ(address.error().field, "qualificationDefined." + std::string(GetParam().field));
  EXPECT_EQ(address.error().rule, GetParam().rule);
  EXPECT_EQ(address.error().value, GetParam().value);
  EXPECT_FALSE(address.error().message.empty());
}

template <class Item>
void name_units(Item* item, std::initializer_list<const char*> units) {
  for (const char* unit : units) item->add_units(unit);
}
void bar_pairs(Fact& fact, int count) {
  for (int at = 0; at < count; ++at) name_units(fact.add_barred(), {"U1", "U2"});
}
/// Three barred combinations of `size` units each.
void bar_many(Fact& fact, int size) {
  for (int at = 0; at < size; ++at) fact.add_units()->set_code("X" + std::to_string(at));
  for (int set = 0; set < 3; ++set) {
    auto* barred = fact.add_barred();
    for (int at = 0; at < size; ++at) barred->add_units("X" + std::to_string(at));
  }
}
/// A group of `size` further units of different credits that may not take them all: choosing the best of them is work.
void choose_among(Fact& fact, int size) {
  auto* group = fact.add_groups();
  group->set_code("OPT");
  std::uint32_t sum = 0;
  for (int at = 1; at <= size; ++at) {
    auto* unit = fact.add_units();
    unit->set_code("V" + std::to_string(at));
    unit->set_credit(static_cast<std::uint32_t>(11 + at * at % 89));
    group->add_units(unit->code());
    sum += unit->credit();
  }
  group->set_credit_max(sum / 2);
}
void by_table(Fact& fact) {
  fact.mutable_grading()->clear_boundaries();
  fact.mutable_grading()->add_components("U1");
  fact.mutable_grading()->add_components("U2");
}
v1::GradeCombination& row(Fact& fact, std::initializer_list<const char*> grades) {
  auto* made = fact.mutable_grading()->add_combinations();
  made->set_grade("Pass");
  for (const char* grade : grades) made->add_unit_grades(grade);
  return *made;
}

INSTANTIATE_TEST_SUITE_P(
    Check, QualificationRule,
    testing::Values(
        RuleCase{"as_it_is", [](Fact&) {}},
        RuleCase{"an_outcome_twice",
                 [](Fact& f) {
                   f.mutable_units(0)->add_learning_outcomes("LO1");
                   f.mutable_units(0)->add_learning_outcomes("LO1");
                 },
                 "units[0].learningOutcomes[1]", "outcome-code-once", "LO1"},
        RuleCase{"an_outcome_in_two_units",
                 [](Fact& f) {
                   f.mutable_units(0)->add_learning_outcomes("LO1");
                   f.mutable_units(1)->add_learning_outcomes("LO1");
                 }},
        RuleCase{"unit_level_8", [](Fact& f) { f.mutable_units(0)->set_level(8); }},
        RuleCase{"unit_level_9", [](Fact& f) { f.mutable_units(0)->set_level(9); }, "units[0].level", "number-range", "9"},
        RuleCase{"credit_required_10000", [](Fact& f) { f.set_credit_required(10'000); }},
        RuleCase{"credit_required_10001", [](Fact& f) { f.set_credit_required(10'001); }, "creditRequired", "number-range", "10001"},
        RuleCase{"a_group_twice", [](Fact& f) { f.mutable_groups(1)->set_code("A"); }, "groups[1].code", "group-code-once", "A"},
        RuleCase{"a_unit_in_two_groups", [](Fact& f) { f.mutable_groups(1)->add_units("U2"); }, "groups[1].units[1]", "group-unit-once", "U2"},
        RuleCase{"a_unit_that_is_not_there", [](Fact& f) { f.mutable_groups(1)->add_units("U9"); }, "groups[1].units[1]", "unit-of-qualification",
                 "U9"},
        RuleCase{"minimum_equal_to_maximum",
                 [](Fact& f) {
                   f.mutable_groups(0)->set_units_min(2);
                   f.mutable_groups(0)->set_units_max(2);
                 }},
        RuleCase{"minimum_above_maximum",
                 [](Fact& f) {
                   f.mutable_groups(0)->set_units_min(2);
                   f.mutable_groups(0)->set_units_max(1);
                 },
                 "groups[0].unitsMin", "limits-in-order", "2"},
        RuleCase{"minimum_without_maximum", [](Fact& f) { f.mutable_groups(0)->set_credit_min(20); }},
        RuleCase{"credit_minimum_above_maximum",
                 [](Fact& f) {
                   f.mutable_groups(0)->set_credit_min(20);
                   f.mutable_groups(0)->set_credit_max(19);
                 },
                 "groups[0].creditMin", "limits-in-order", "20"},
        RuleCase{"a_barred_pair", [](Fact& f) { bar_pairs(f, 1); }}, RuleCase{"twelve_barred_pairs", [](Fact& f) { bar_pairs(f, 12); }},
        RuleCase{"thirteen_barred_pairs", [](Fact& f) { bar_pairs(f, 13); }, "barred", "barred-count", "13"},
        RuleCase{"barred_choices_of_9261", [](Fact& f) { bar_many(f, 21); }},
        RuleCase{"barred_choices_of_10648", [](Fact& f) { bar_many(f, 22); }, "barred[2].units", "barred-count", "10648"},
        RuleCase{"one_barred_unit", [](Fact& f) { name_units(f.add_barred(), {"U1"}); }, "barred[0].units", "barred-units", "1"},
        RuleCase{"a_unit_barred_against_itself",
                 [](Fact& f) {
                   name_units(f.add_barred(), {"U1", "U1"});
                 },
                 "barred[0].units", "barred-units", "1"},
        RuleCase{"a_pathway",
                 [](Fact& f) {
                   f.add_pathways()->set_code("W");
                   f.mutable_pathways(0)->add_groups("A");
                 }},
        RuleCase{"a_pathway_twice",
                 [](Fact& f) {
                   f.add_pathways()->set_code("W");
                   f.add_pathways()->set_code("W");
                 },
                 "pathways[1].code", "pathway-code-once", "W"},
        RuleCase{"a_group_that_is_not_there",
                 [](Fact& f) {
                   f.add_pathways()->set_code("W");
                   f.mutable_pathways(0)->add_groups("C");
                 },
                 "pathways[0].groups[0]", "group-of-qualification", "C"},
        RuleCase{"boundaries_with_the_same_points", [](Fact& f) { f.mutable_grading()->mutable_boundaries(2)->set_points(45); },
                 "grading.boundaries[2]", "boundaries-descending", "45"},
        RuleCase{"a_boundary_one_point_lower", [](Fact& f) { f.mutable_grading()->mutable_boundaries(2)->set_points(44); }},
        RuleCase{"points_twice",
                 [](Fact& f) {
                   f.mutable_grading()->add_points()->set_grade("P");
                   f.mutable_grading()->add_points()->set_grade("P");
                 },
                 "grading.points[1]", "points-once", "P"},
        RuleCase{"a_hurdle_over_a_unit_that_is_not_there",
                 [](Fact& f) {
                   f.mutable_grading()->add_hurdles()->set_unit_grade("M");
                   f.mutable_grading()->mutable_hurdles(0)->add_units("U9");
                 },
                 "grading.hurdles[0].units[0]", "unit-of-qualification", "U9"},
        RuleCase{"a_cap_on_a_unit_that_is_not_there",
                 [](Fact& f) {
                   auto* cap = f.mutable_grading()->add_caps();
                   cap->set_grade("Pass");
                   cap->set_unit_grade("P");
                   cap->add_units("U9");
                 },
                 "grading.caps[0].units[0]", "unit-of-qualification", "U9"},
        RuleCase{"a_pass_grade_and_boundaries", [](Fact& f) { f.mutable_grading()->set_pass_grade("Pass"); }, "grading", "grading-one-way", "2"},
        RuleCase{"a_computed_result_by_points", [](Fact& f) { f.set_determination(v1::DETERMINATION_COMPUTED); }},
        RuleCase{"a_computed_result_without_grading",
                 [](Fact& f) {
                   f.set_determination(v1::DETERMINATION_COMPUTED);
                   f.clear_grading();
                 },
                 "determination", "grading-present", ""},
        RuleCase{"a_table",
                 [](Fact& f) {
                   by_table(f);
                   row(f, {"P", "P"});
                   row(f, {"P", "M"});
                 }},
        RuleCase{"a_row_too_short",
                 [](Fact& f) {
                   by_table(f);
                   row(f, {"P"});
                 },
                 "grading.combinations[0].unitGrades", "combination-length", "1"},
        RuleCase{"a_row_twice",
                 [](Fact& f) {
                   by_table(f);
                   row(f, {"P", "P"});
                   row(f, {"P", "P"});
                 },
                 "grading.combinations[1]", "combination-once", "Pass"},
        RuleCase{"choices_that_can_be_tried", [](Fact& f) { choose_among(f, 12); }},
        RuleCase{"more_choices_than_can_be_tried", [](Fact& f) { choose_among(f, 120); }, "groups", "combination-choices", "124 units"},
        RuleCase{"a_component_twice",
                 [](Fact& f) {
                   by_table(f);
                   f.mutable_grading()->add_components("U1");
                 },
                 "grading.components", "component-once", "3"}),
    [](const auto& instance) { return std::string(instance.param.name); });

// ---- facts about units ----

class UnitFits : public testing::Test {
 protected:
  UnitFits() {
    v1::Event defined = sound();
    defined.mutable_qualification_defined()->set_unit_grading_scale("unit");
    auto* unit = defined.mutable_qualification_defined()->mutable_units(0);
    unit->set_grading_scale("pass");
    unit->add_learning_outcomes("LO1");
    defined.mutable_occurred_at()->set_seconds(local("2022-08-02T09:00") / 1000);
    known.knows(defined);
  }
  std::string rule_of(const std::string& unit, const std::string& outcome, const std::string& grade) {
    v1::Event event = achieved({}, local("2023-06-01T09:00"), {unit});
    event.mutable_outcome_recorded()->mutable_outcomes(0)->set_learning_outcome(outcome);
    event.mutable_outcome_recorded()->mutable_outcomes(0)->set_grade(grade);
    auto unfit = fits(event, check(event).value(), known.reference);
    return unfit ? unfit->field + " " + unfit->rule + " " + unfit->value : "";
  }
  std::string rule_of_prior_learning(const std::string& unit, const std::string& grade) {
    v1::Event event = event_at(local("2023-06-01T09:00"));
    set_ref(event.mutable_prior_learning_recognised()->mutable_entry(), {});
    event.mutable_prior_learning_recognised()->set_unit(unit);
    event.mutable_prior_learning_recognised()->set_kind(v1::PriorLearningRecognised::CREDIT_TRANSFER);
    event.mutable_prior_learning_recognised()->set_grade(grade);
    auto unfit = fits(event, check(event).value(), known.reference);
    return unfit ? unfit->field + " " + unfit->rule + " " + unfit->value : "";
  }
  Situation known;
};
TEST_F(UnitFits, a_grade_is_read_on_the_units_own_scale) {
  EXPECT_EQ(rule_of("U1", "", "Merit"), "");
  EXPECT_EQ(rule_of("U1", "", "M"), "outcomeRecorded.outcomes[0].grade.value grade-of-scale (not shown)");
}
TEST_F(UnitFits, a_grade_is_read_on_the_scale_for_all_units_where_it_has_none) {
  EXPECT_EQ(rule_of("U2", "", "M"), "");
  EXPECT_EQ(rule_of("U2", "", "Merit"), "outcomeRecorded.outcomes[0].grade.value grade-of-scale (not shown)");
}
TEST_F(UnitFits, a_learning_outcome_is_one_of_the_unit) {
  EXPECT_EQ(rule_of("U1", "LO1", ""), "");
  EXPECT_EQ(rule_of("U1", "LO2", ""), "outcomeRecorded.outcomes[0].learningOutcome outcome-of-unit LO2");
}
TEST_F(UnitFits, a_learning_outcome_of_a_unit_that_lists_none_is_taken) { EXPECT_EQ(rule_of("U2", "LO2", ""), ""); }
TEST_F(UnitFits, a_transferred_grade_is_one_of_the_units_scale) {
  EXPECT_EQ(rule_of_prior_learning("U2", "M"), "");
  EXPECT_EQ(rule_of_prior_learning("U2", ""), "");
  EXPECT_EQ(rule_of_prior_learning("U2", "Merit"), "priorLearningRecognised.grade.value grade-of-scale (not shown)");
}

}  // namespace
}  // namespace vtq::test
