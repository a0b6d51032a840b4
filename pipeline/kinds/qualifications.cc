// Qualifications: units, rules of combination, grading. What is wrong in itself is rejected here; rules that are well formed but can never be
// met are for the catalogue check.
#include <algorithm>
#include <set>

#include "pipeline/facts/reference.h"
#include "pipeline/kinds/form.h"
#include "pipeline/kinds/slots.h"
#include "pipeline/kinds/table.h"
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

void units_exist(Form& form, const std::string& field, const Codes& units, const v1::QualificationDefined& fact) {
  form.few(field, units.size(), kUnitsMax);
  for (int at = 0; at < units.size() && !form.failed(); ++at) {
    auto named = [&](const v1::Unit& unit) { return unit.code() == units[at]; };
    if (std::none_of(fact.units().begin(), fact.units().end(), named))
      form.fail(form.path(item(field, at)), "unit-of-qualification", units[at],
                "The qualification lists no such unit; correct the code, or add the unit.");
  }
}

void unit_rules(Form& form, const v1::QualificationDefined& fact) {
  for (int at = 0; at < fact.units_size() && !form.failed(); ++at) {
    const v1::Unit& unit = fact.units(at);
    std::string field = item("units", at) + ".";
    form.at_most(field + "gradingScale", unit.grading_scale(), 64);
    form.at_most(field + "minimumGrade", unit.minimum_grade(), 32);
    form.at_most_of(field + "credit", unit.credit(), kCreditMax);
    form.at_most_of(field + "level", unit.level(), 8);
    form.codes(field + "learningOutcomes", unit.learning_outcomes(), 100, 20);
    std::set<std::string> outcomes;
    for (int outcome = 0; outcome < unit.learning_outcomes_size() && !form.failed(); ++outcome)
      if (!outcomes.insert(unit.learning_outcomes(outcome)).second)
        form.fail(form.path(item(field + "learningOutcomes", outcome)), "outcome-code-once", unit.learning_outcomes(outcome),
                  "Each learning outcome stands once in its unit.");
  }
}

void group_rules(Form& form, const v1::QualificationDefined& fact) {
  form.few("groups", fact.groups_size(), kGroupsMax);
  std::set<std::string> codes_seen, units_seen;
  for (int at = 0; at < fact.groups_size() && !form.failed(); ++at) {
    const v1::UnitGroup& group = fact.groups(at);
    std::string field = item("groups", at) + ".";
    form.code(field + "code", group.code(), 20);
    if (!codes_seen.insert(group.code()).second)
      form.fail(form.path(field + "code"), "group-code-once", group.code(), "Codes of groups are unique within a qualification.");
    units_exist(form, field + "units", group.units(), fact);
    for (int unit = 0; unit < group.units_size() && !form.failed(); ++unit)
      if (!units_seen.insert(group.units(unit)).second)
        form.fail(form.path(item(field + "units", unit)), "group-unit-once", group.units(unit),
                  "A unit stands in at most one group, and there once.");
    form.at_most_of(field + "creditMin", group.credit_min(), kCreditMax);
    form.at_most_of(field + "creditMax", group.credit_max(), kCreditMax);
    form.at_most_of(field + "level", group.level(), 8);
    auto in_order = [&](const char* name, std::uint32_t least, std::uint32_t most) {
      if (most > 0 && least > most)
        form.fail(form.path(field + name), "limits-in-order", std::to_string(least),
                  "The minimum is at most the maximum, " + std::to_string(most) + ".");
    };
    in_order("unitsMin", group.units_min(), group.units_max());
    in_order("creditMin", group.credit_min(), group.credit_max());
    in_order("unitsAtLevelMin", group.units_at_level_min(), group.units_max());
  }
}

void barred_rules(Form& form, const v1::QualificationDefined& fact) {
  if (fact.barred_size() > kBarredMax)
    form.fail(form.path("barred"), "barred-count", std::to_string(fact.barred_size()),
              "Give at most " + std::to_string(kBarredMax) + " barred combinations.");
  std::uint64_t choices = 1;
  for (int at = 0; at < fact.barred_size() && !form.failed(); ++at) {
    const auto& units = fact.barred(at).units();
    std::string field = item("barred", at) + ".units";
    units_exist(form, field, units, fact);
    std::set<std::string> distinct(units.begin(), units.end());
    if (distinct.size() < 2 || distinct.size() != static_cast<std::size_t>(units.size()))
      form.fail(form.path(field), "barred-units", std::to_string(distinct.size()),
                "A barred combination names two different units or more, each once.");
    choices *= std::max<std::uint64_t>(1, distinct.size());
    if (choices > kBarredChoicesMax)
      form.fail(form.path(field), "barred-count", std::to_string(choices),
                "The sizes of the barred combinations multiply to more than " + std::to_string(kBarredChoicesMax) + "; name fewer units in them.");
  }
}

void pathway_rules(Form& form, const v1::QualificationDefined& fact) {
  form.few("pathways", fact.pathways_size(), kPathwaysMax);
  std::set<std::string> seen;
  for (int at = 0; at < fact.pathways_size() && !form.failed(); ++at) {
    const v1::Pathway& pathway = fact.pathways(at);
    std::string field = item("pathways", at) + ".";
    form.code(field + "code", pathway.code(), 20);
    if (!seen.insert(pathway.code()).second)
      form.fail(form.path(field + "code"), "pathway-code-once", pathway.code(), "Codes of pathways are unique within a qualification.");
    units_exist(form, field + "units", pathway.units(), fact);
    for (int group = 0; group < pathway.groups_size() && !form.failed(); ++group) {
      auto named = [&](const v1::UnitGroup& one) { return one.code() == pathway.groups(group); };
      if (std::none_of(fact.groups().begin(), fact.groups().end(), named))
        form.fail(form.path(item(field + "groups", group)), "group-of-qualification", pathway.groups(group),
                  "The qualification has no such group; correct the code, or add the group.");
    }
  }
}

void combination_rules(Form& form, const v1::QualificationDefined& fact) {
  unit_rules(form, fact);
  form.at_most_of("optionalCreditRequired", fact.optional_credit_required(), kCreditMax);
  form.at_most_of("creditRequired", fact.credit_required(), kCreditMax);
  form.at_most_of("creditAtLevelRequired", fact.credit_at_level_required(), kCreditMax);
  form.at_most_of("creditLevel", fact.credit_level(), 8);
  group_rules(form, fact);
  barred_rules(form, fact);
  pathway_rules(form, fact);
}

/// With all units achieved every choice is open; the search for the best of them must end in its steps, all ways together.
void choice_rules(Form& form, const v1::QualificationDefined& fact) {
  if (form.failed() || (fact.groups().empty() && fact.barred().empty())) return;
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
  form.fail(form.path("groups"), "combination-choices", std::to_string(fact.units_size()) + " units",
            "The rules of combination leave more choices of units than can be tried; give the units of a group fewer different credits, "
            "or leave out a maximum or a barred combination.");
}

void points_rules(Form& form, const v1::Grading& grading) {
  form.few("grading.points", grading.points_size(), kPointsMax);
  std::set<std::pair<std::string, std::uint32_t>> seen;
  for (int at = 0; at < grading.points_size() && !form.failed(); ++at) {
    const v1::UnitPoints& points = grading.points(at);
    std::string field = item("grading.points", at);
    form.name(field + ".grade", points.grade(), 32);
    form.at_most_of(field + ".points", points.points(), 100'000);
    form.at_most_of(field + ".credit", points.credit(), kCreditMax);
    if (!seen.emplace(points.grade(), points.credit()).second)
      form.fail(form.path(field), "points-once", points.grade(), "Points for a grade and credit stand once.");
  }
  form.few("grading.boundaries", grading.boundaries_size(), kGradesMax);
  std::set<std::string> grades;
  for (int at = 0; at < grading.boundaries_size() && !form.failed(); ++at) {
    const v1::GradeBoundary& boundary = grading.boundaries(at);
    std::string field = item("grading.boundaries", at);
    form.name(field + ".grade", boundary.grade(), 32);
    bool descends = at == 0 || boundary.points() < grading.boundaries(at - 1).points();
    if (!descends || !grades.insert(boundary.grade()).second)
      form.fail(form.path(field), "boundaries-descending", std::to_string(boundary.points()),
                "Boundaries stand from the highest grade to the lowest, each with fewer points than the one before, each grade once.");
  }
}

void limit_rules(Form& form, const v1::QualificationDefined& fact) {
  const v1::Grading& grading = fact.grading();
  form.few("grading.hurdles", grading.hurdles_size(), kHurdlesMax);
  for (int at = 0; at < grading.hurdles_size() && !form.failed(); ++at) {
    const v1::Hurdle& hurdle = grading.hurdles(at);
    std::string field = item("grading.hurdles", at) + ".";
    form.at_most(field + "fromGrade", hurdle.from_grade(), 32);
    form.name(field + "unitGrade", hurdle.unit_grade(), 32);
    units_exist(form, field + "units", hurdle.units(), fact);
    auto most = static_cast<std::uint32_t>(hurdle.units().empty() ? fact.units_size() : hurdle.units_size());
    form.at_most_of(field + "unitsMin", hurdle.units_min(), most);
  }
  form.few("grading.caps", grading.caps_size(), kHurdlesMax);
  for (int at = 0; at < grading.caps_size() && !form.failed(); ++at) {
    const v1::GradeCap& cap = grading.caps(at);
    std::string field = item("grading.caps", at) + ".";
    form.name(field + "grade", cap.grade(), 32);
    form.name(field + "unitGrade", cap.unit_grade(), 32);
    units_exist(form, field + "units", cap.units(), fact);
    form.at_most_of(field + "unitsMax", cap.units_max(), kUnitsMax);
  }
}

void table_rules(Form& form, const v1::QualificationDefined& fact) {
  const v1::Grading& grading = fact.grading();
  form.few("grading.components", grading.components_size(), kComponentsMax);
  units_exist(form, "grading.components", grading.components(), fact);
  std::set<std::string> components(grading.components().begin(), grading.components().end());
  if (components.size() != static_cast<std::size_t>(grading.components_size()))
    form.fail(form.path("grading.components"), "component-once", std::to_string(grading.components_size()), "Each component stands once.");
  form.few("grading.combinations", grading.combinations_size(), kCombinationsMax);
  std::set<std::vector<std::string>> rows;
  for (int at = 0; at < grading.combinations_size() && !form.failed(); ++at) {
    const v1::GradeCombination& row = grading.combinations(at);
    std::string field = item("grading.combinations", at);
    form.name(field + ".grade", row.grade(), 32);
    if (row.unit_grades_size() != grading.components_size())
      form.fail(form.path(field + ".unitGrades"), "combination-length", std::to_string(row.unit_grades_size()),
                "Give one unit grade for each of the " + std::to_string(grading.components_size()) + " components, in their order.");
    for (int grade = 0; grade < row.unit_grades_size() && !form.failed(); ++grade)
      form.name(item(field + ".unitGrades", grade), row.unit_grades(grade), 32);
    if (!rows.insert({row.unit_grades().begin(), row.unit_grades().end()}).second)
      form.fail(form.path(field), "combination-once", row.grade(), "Each combination of unit grades stands once.");
  }
}

void grading_rules(Form& form, const v1::QualificationDefined& fact) {
  const v1::Grading& grading = fact.grading();
  int ways = (grading.pass_grade().empty() ? 0 : 1) + (grading.boundaries().empty() ? 0 : 1) + (grading.components().empty() ? 0 : 1);
  if (fact.determination() == v1::DETERMINATION_COMPUTED && ways == 0)
    form.fail(form.path("determination"), "grading-present", "",
              "A computed result needs a way to its grade: give grading with a pass grade, with boundaries, or with components and "
              "combinations.");
  if (ways > 1)
    form.fail(form.path("grading"), "grading-one-way", std::to_string(ways),
              "Give either a pass grade, or points and boundaries, or components and combinations.");
  for (auto [field, grade] : {std::pair{"grading.passGrade", &grading.pass_grade()},
                              {"grading.partialGrade", &grading.partial_grade()},
                              {"grading.unclassifiedGrade", &grading.unclassified_grade()}})
    form.at_most(field, *grade, 32);
  points_rules(form, grading);
  limit_rules(form, fact);
  table_rules(form, fact);
  choice_rules(form, fact);
}

void check_qualification(Form& form, const v1::QualificationDefined& fact) {
  form.qualification("qualification", fact.qualification());
  form.name("title", fact.title(), 300);
  form.awarding_organisation("awardingOrganisation", fact.awarding_organisation());
  form.level("level", fact.level());
  form.name("gradingScale", fact.grading_scale(), 64);
  form.at_most("unitGradingScale", fact.unit_grading_scale(), 64);
  if (fact.guided_learning_hours() > 10'000)
    form.fail(form.path("guidedLearningHours"), "hours-range", std::to_string(fact.guided_learning_hours()), "Hours run from 0 to 10,000.");
  if (fact.units_size() > kUnitsMax)
    form.fail(form.path("units"), "units-count", std::to_string(fact.units_size()), "A qualification has at most 200 units.");
  std::set<std::uint32_t> ids;
  for (int at = 0; at < fact.units_size() && !form.failed(); ++at) {
    std::string field = "units[" + std::to_string(at) + "].code";
    form.name(field, fact.units(at).code(), 20);
    if (!printable(fact.units(at).code()))
      form.fail(form.path(field), "unit-code-form", fact.units(at).code(), "Write unit codes in printable ASCII characters.");
    if (!ids.insert(short_hash(fact.units(at).code())).second)
      form.fail(form.path(field), "unit-code-once", fact.units(at).code(), "Unit codes are unique within a qualification.");
  }
  form.chosen("certification", fact.certification(), v1::Certification_IsValid(fact.certification()));
  if (!v1::Determination_IsValid(fact.determination())) form.chosen("determination", fact.determination(), false);
  if (!v1::Size_IsValid(fact.size())) form.chosen("size", fact.size(), false);
  for (int at = 0; at < fact.approval_needed_size(); ++at)
    form.chosen("approvalNeeded[" + std::to_string(at) + "]", fact.approval_needed(at), v1::ApprovalBody_IsValid(fact.approval_needed(at)));
  form.optional_date("firstRegistrationOn", fact.first_registration_on());
  form.optional_date("lastRegistrationOn", fact.last_registration_on());
  form.optional_date("lastCertificationOn", fact.last_certification_on());
  form.optional_date("contentChangedOn", fact.content_changed_on());
  form.optional_date("professionalStandardChangedOn", fact.professional_standard_changed_on());
  form.at_most_of("frameworkLevel", fact.framework_level(), 8);
  form.at_most_of("totalQualificationTime", fact.total_qualification_time(), 20'000);
  form.optional_code("family", fact.family(), 64);
  if (form.failed()) return;
  combination_rules(form, fact);
  grading_rules(form, fact);
}

}  // namespace

constinit const FactKind kinds::qualification_defined{
    .fact = v1::Event::kQualificationDefined,
    .topic = Topic::reference,
    .subject = Subject::reference,
    .check = [](Form& form, const v1::Event& event) { check_qualification(form, event.qualification_defined()); },
    .slot =
        [](const v1::Event& event) {
          return slot({kQualificationSlot, canonical(event.qualification_defined().qualification())});
        },
    .define = [](Reference& reference, const v1::Event& event, const Address&,
                 const Stamp&) { reference.define_qualification(event.qualification_defined()); },
};

}  // namespace vtq
