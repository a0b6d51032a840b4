// Form of a qualification's rules: units, rules of combination, grading. What is wrong in itself is rejected here; rules that are well
// formed but can never be met are for the catalogue check.
#include <set>

#include "pipeline/intake/checker.h"
#include "pipeline/rules/combination.h"

namespace vtq {
namespace {

constexpr int kGroupsMax = 100;
constexpr int kPathwaysMax = 50;
constexpr int kGradesMax = 64;
constexpr int kPointsMax = 1'000;
constexpr int kHurdlesMax = 50;
constexpr int kComponentsMax = 10;
constexpr int kCombinationsMax = 2'000;
constexpr std::uint32_t kCreditMax = 10'000;

using Codes = google::protobuf::RepeatedPtrField<std::string>;

std::string item(std::string_view list, int at) { return std::string(list) + "[" + std::to_string(at) + "]"; }

}  // namespace

void Checker::few(std::string_view field, int count, int most) {
  if (count > most) fail(path(field), "list-count", std::to_string(count), "Give at most " + std::to_string(most) + " items.");
}

void Checker::units_exist(const std::string& field, const Codes& units, const v1::QualificationDefined& fact) {
  few(field, units.size(), kUnitsMax);
  for (int at = 0; at < units.size() && !failed_; ++at) {
    auto named = [&](const v1::Unit& unit) { return unit.code() == units[at]; };
    if (std::none_of(fact.units().begin(), fact.units().end(), named))
      fail(path(item(field, at)), "unit-of-qualification", units[at], "The qualification lists no such unit; correct the code, or add the unit.");
  }
}

void Checker::unit_rules(const v1::QualificationDefined& fact) {
  for (int at = 0; at < fact.units_size() && !failed_; ++at) {
    const v1::Unit& unit = fact.units(at);
    std::string field = item("units", at) + ".";
    at_most(field + "gradingScale", unit.grading_scale(), 64);
    at_most(field + "minimumGrade", unit.minimum_grade(), 32);
    at_most_of(field + "credit", unit.credit(), kCreditMax);
    at_most_of(field + "level", unit.level(), 8);
    codes(field + "learningOutcomes", unit.learning_outcomes(), 100, 20);
    std::set<std::string> outcomes;
    for (int outcome = 0; outcome < unit.learning_outcomes_size() && !failed_; ++outcome)
      if (!outcomes.insert(unit.learning_outcomes(outcome)).second)
        fail(path(item(field + "learningOutcomes", outcome)), "outcome-code-once", unit.learning_outcomes(outcome),
             "Each learning outcome stands once in its unit.");
  }
}

void Checker::group_rules(const v1::QualificationDefined& fact) {
  few("groups", fact.groups_size(), kGroupsMax);
  std::set<std::string> codes_seen, units_seen;
  for (int at = 0; at < fact.groups_size() && !failed_; ++at) {
    const v1::UnitGroup& group = fact.groups(at);
    std::string field = item("groups", at) + ".";
    code(field + "code", group.code(), 20);
    if (!codes_seen.insert(group.code()).second)
      fail(path(field + "code"), "group-code-once", group.code(), "Codes of groups are unique within a qualification.");
    units_exist(field + "units", group.units(), fact);
    for (int unit = 0; unit < group.units_size() && !failed_; ++unit)
      if (!units_seen.insert(group.units(unit)).second)
        fail(path(item(field + "units", unit)), "group-unit-once", group.units(unit), "A unit stands in at most one group, and there once.");
    at_most_of(field + "creditMin", group.credit_min(), kCreditMax);
    at_most_of(field + "creditMax", group.credit_max(), kCreditMax);
    at_most_of(field + "level", group.level(), 8);
    auto in_order = [&](const char* name, std::uint32_t least, std::uint32_t most) {
      if (most > 0 && least > most)
        fail(path(field + name), "limits-in-order", std::to_string(least), "The minimum is at most the maximum, " + std::to_string(most) + ".");
    };
    in_order("unitsMin", group.units_min(), group.units_max());
    in_order("creditMin", group.credit_min(), group.credit_max());
    in_order("unitsAtLevelMin", group.units_at_level_min(), group.units_max());
  }
}

void Checker::barred_rules(const v1::QualificationDefined& fact) {
  if (fact.barred_size() > kBarredMax)
    fail(path("barred"), "barred-count", std::to_string(fact.barred_size()), "Give at most " + std::to_string(kBarredMax) + " barred combinations.");
  std::uint64_t choices = 1;
  for (int at = 0; at < fact.barred_size() && !failed_; ++at) {
    const auto& units = fact.barred(at).units();
    std::string field = item("barred", at) + ".units";
    units_exist(field, units, fact);
    std::set<std::string> distinct(units.begin(), units.end());
    if (distinct.size() < 2 || distinct.size() != static_cast<std::size_t>(units.size()))
      fail(path(field), "barred-units", std::to_string(distinct.size()), "A barred combination names two different units or more, each once.");
    choices *= std::max<std::uint64_t>(1, distinct.size());
    if (choices > kBarredChoicesMax)
      fail(path(field), "barred-count", std::to_string(choices),
           "The sizes of the barred combinations multiply to more than " + std::to_string(kBarredChoicesMax) + "; name fewer units in them.");
  }
}

void Checker::pathway_rules(const v1::QualificationDefined& fact) {
  few("pathways", fact.pathways_size(), kPathwaysMax);
  std::set<std::string> seen;
  for (int at = 0; at < fact.pathways_size() && !failed_; ++at) {
    const v1::Pathway& pathway = fact.pathways(at);
    std::string field = item("pathways", at) + ".";
    code(field + "code", pathway.code(), 20);
    if (!seen.insert(pathway.code()).second)
      fail(path(field + "code"), "pathway-code-once", pathway.code(), "Codes of pathways are unique within a qualification.");
    units_exist(field + "units", pathway.units(), fact);
    for (int group = 0; group < pathway.groups_size() && !failed_; ++group) {
      auto named = [&](const v1::UnitGroup& one) { return one.code() == pathway.groups(group); };
      if (std::none_of(fact.groups().begin(), fact.groups().end(), named))
        fail(path(item(field + "groups", group)), "group-of-qualification", pathway.groups(group),
             "The qualification has no such group; correct the code, or add the group.");
    }
  }
}

void Checker::combination_rules(const v1::QualificationDefined& fact) {
  unit_rules(fact);
  at_most_of("optionalCreditRequired", fact.optional_credit_required(), kCreditMax);
  at_most_of("creditRequired", fact.credit_required(), kCreditMax);
  at_most_of("creditAtLevelRequired", fact.credit_at_level_required(), kCreditMax);
  at_most_of("creditLevel", fact.credit_level(), 8);
  group_rules(fact);
  barred_rules(fact);
  pathway_rules(fact);
}

/// With all units achieved every choice is open; the search for the best of them must end in its steps, all ways together.
void Checker::choice_rules(const v1::QualificationDefined& fact) {
  if (failed_ || (fact.groups().empty() && fact.barred().empty())) return;
  Qualification qualification = make_qualification(fact, {});
  UnitSet all;
  for (std::size_t at = 0; at < qualification.units.size(); ++at) all.set(at);
  std::vector<std::uint32_t> worth(qualification.units.size());
  // No two units alike: as far apart as a cohort's grades may put them.
  for (std::size_t at = 0; at < worth.size(); ++at) worth[at] = static_cast<std::uint32_t>(1 + at * 7919 % 997);
  bool by_points = qualification.grading && qualification.grading->by_points();
  std::uint64_t steps = kChoiceStepsMax;
  for (const Combination& way : qualification.ways)
    best_choice(way, qualification.units, all, by_points ? std::span<const std::uint32_t>(worth) : std::span<const std::uint32_t>{}, &steps);
  if (steps > 0) return;
  fail(path("groups"), "combination-choices", std::to_string(fact.units_size()) + " units",
       "The rules of combination leave more choices of units than can be tried; give the units of a group fewer different credits, "
       "or leave out a maximum or a barred combination.");
}

void Checker::points_rules(const v1::Grading& grading) {
  few("grading.points", grading.points_size(), kPointsMax);
  std::set<std::pair<std::string, std::uint32_t>> seen;
  for (int at = 0; at < grading.points_size() && !failed_; ++at) {
    const v1::UnitPoints& points = grading.points(at);
    std::string field = item("grading.points", at);
    name(field + ".grade", points.grade(), 32);
    at_most_of(field + ".points", points.points(), 100'000);
    at_most_of(field + ".credit", points.credit(), kCreditMax);
    if (!seen.emplace(points.grade(), points.credit()).second)
      fail(path(field), "points-once", points.grade(), "Points for a grade and credit stand once.");
  }
  few("grading.boundaries", grading.boundaries_size(), kGradesMax);
  std::set<std::string> grades;
  for (int at = 0; at < grading.boundaries_size() && !failed_; ++at) {
    const v1::GradeBoundary& boundary = grading.boundaries(at);
    std::string field = item("grading.boundaries", at);
    name(field + ".grade", boundary.grade(), 32);
    bool descends = at == 0 || boundary.points() < grading.boundaries(at - 1).points();
    if (!descends || !grades.insert(boundary.grade()).second)
      fail(path(field), "boundaries-descending", std::to_string(boundary.points()),
           "Boundaries stand from the highest grade to the lowest, each with fewer points than the one before, each grade once.");
  }
}

void Checker::limit_rules(const v1::QualificationDefined& fact) {
  const v1::Grading& grading = fact.grading();
  few("grading.hurdles", grading.hurdles_size(), kHurdlesMax);
  for (int at = 0; at < grading.hurdles_size() && !failed_; ++at) {
    const v1::Hurdle& hurdle = grading.hurdles(at);
    std::string field = item("grading.hurdles", at) + ".";
    at_most(field + "fromGrade", hurdle.from_grade(), 32);
    name(field + "unitGrade", hurdle.unit_grade(), 32);
    units_exist(field + "units", hurdle.units(), fact);
    auto most = static_cast<std::uint32_t>(hurdle.units().empty() ? fact.units_size() : hurdle.units_size());
    at_most_of(field + "unitsMin", hurdle.units_min(), most);
  }
  few("grading.caps", grading.caps_size(), kHurdlesMax);
  for (int at = 0; at < grading.caps_size() && !failed_; ++at) {
    const v1::GradeCap& cap = grading.caps(at);
    std::string field = item("grading.caps", at) + ".";
    name(field + "grade", cap.grade(), 32);
    name(field + "unitGrade", cap.unit_grade(), 32);
    units_exist(field + "units", cap.units(), fact);
    at_most_of(field + "unitsMax", cap.units_max(), kUnitsMax);
  }
}

void Checker::table_rules(const v1::QualificationDefined& fact) {
  const v1::Grading& grading = fact.grading();
  few("grading.components", grading.components_size(), kComponentsMax);
  units_exist("grading.components", grading.components(), fact);
  std::set<std::string> components(grading.components().begin(), grading.components().end());
  if (components.size() != static_cast<std::size_t>(grading.components_size()))
    fail(path("grading.components"), "component-once", std::to_string(grading.components_size()), "Each component stands once.");
  few("grading.combinations", grading.combinations_size(), kCombinationsMax);
  std::set<std::vector<std::string>> rows;
  for (int at = 0; at < grading.combinations_size() && !failed_; ++at) {
    const v1::GradeCombination& row = grading.combinations(at);
    std::string field = item("grading.combinations", at);
    name(field + ".grade", row.grade(), 32);
    if (row.unit_grades_size() != grading.components_size())
      fail(path(field + ".unitGrades"), "combination-length", std::to_string(row.unit_grades_size()),
           "Give one unit grade for each of the " + std::to_string(grading.components_size()) + " components, in their order.");
    for (int grade = 0; grade < row.unit_grades_size() && !failed_; ++grade) name(item(field + ".unitGrades", grade), row.unit_grades(grade), 32);
    if (!rows.insert({row.unit_grades().begin(), row.unit_grades().end()}).second)
      fail(path(field), "combination-once", row.grade(), "Each combination of unit grades stands once.");
  }
}

void Checker::grading_rules(const v1::QualificationDefined& fact) {
  const v1::Grading& grading = fact.grading();
  int ways = (grading.pass_grade().empty() ? 0 : 1) + (grading.boundaries().empty() ? 0 : 1) + (grading.components().empty() ? 0 : 1);
  if (fact.determination() == v1::DETERMINATION_COMPUTED && ways == 0)
    fail(path("determination"), "grading-present", "",
         "A computed result needs a way to its grade: give grading with a pass grade, with boundaries, or with components and "
         "combinations.");
  if (ways > 1)
    fail(path("grading"), "grading-one-way", std::to_string(ways),
         "Give either a pass grade, or points and boundaries, or components and combinations.");
  for (auto [field, grade] : {std::pair{"grading.passGrade", &grading.pass_grade()},
                              {"grading.partialGrade", &grading.partial_grade()},
                              {"grading.unclassifiedGrade", &grading.unclassified_grade()}})
    at_most(field, *grade, 32);
  points_rules(grading);
  limit_rules(fact);
  table_rules(fact);
  choice_rules(fact);
}

}  // namespace vtq
