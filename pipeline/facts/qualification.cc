#include "pipeline/facts/qualification.h"

#include <algorithm>

namespace vtq {
namespace {

using Codes = google::protobuf::RepeatedPtrField<std::string>;

std::uint32_t hash_or_0(const std::string& text) { return text.empty() ? 0 : short_hash(text); }

/// Places of units by code; `check` has seen that each exists.
class Places {
 public:
  explicit Places(const Qualification& qualification) : qualification_(qualification) {}

  std::size_t of(const std::string& code) const {
    return static_cast<std::size_t>(qualification_.unit(short_hash(code)) - qualification_.units.data());
  }
  UnitSet set(const Codes& codes) const {
    UnitSet places;
    for (const std::string& code : codes)
      if (qualification_.unit(short_hash(code))) places.set(of(code));
    return places;
  }

 private:
  const Qualification& qualification_;
};

UnitRule make_unit(const v1::Unit& unit, const v1::QualificationDefined& fact) {
  UnitRule rule{unit.code(), short_hash(unit.code()), unit.credit(), unit.mandatory()};
  rule.title = unit.title();
  rule.level = unit.level();
  rule.learning_outcomes.assign(unit.learning_outcomes().begin(), unit.learning_outcomes().end());
  for (const std::string& outcome : unit.learning_outcomes()) rule.outcomes.push_back(short_hash(outcome));
  std::sort(rule.outcomes.begin(), rule.outcomes.end());
  rule.outcomes.erase(std::unique(rule.outcomes.begin(), rule.outcomes.end()), rule.outcomes.end());
  rule.grading_scale = unit.grading_scale().empty() ? fact.unit_grading_scale() : unit.grading_scale();
  rule.minimum_grade = unit.minimum_grade();
  rule.minimum_hash = hash_or_0(unit.minimum_grade());
  // Points named for the unit's own credit go before those for any.
  for (bool own : {true, false})
    for (const auto& points : fact.grading().points())
      if (own ? points.credit() == rule.credit && points.credit() != 0 : points.credit() == 0)
        rule.points.emplace_back(short_hash(points.grade()), points.points());
  return rule;
}

GroupRule make_group(const v1::UnitGroup& group, const Qualification& qualification) {
  GroupRule rule{.code = group.code(),
                 .units = Places(qualification).set(group.units()),
                 .at_level = {},
                 .units_min = group.units_min(),
                 .units_max = group.units_max(),
                 .credit_min = group.credit_min(),
                 .credit_max = group.credit_max(),
                 .level = group.level(),
                 .units_at_level_min = group.units_at_level_min()};
  each_unit(rule.units, [&](std::size_t unit) { rule.at_level[unit] = qualification.units[unit].level >= group.level(); });
  return rule;
}

bool names(const v1::Pathway& pathway, const std::string& group) {
  return std::find(pathway.groups().begin(), pathway.groups().end(), group) != pathway.groups().end();
}

/// The rules on one pathway; null: those for all.
Combination make_combination(const v1::QualificationDefined& fact, const v1::Pathway* pathway, const Qualification& qualification) {
  Places places(qualification);
  Combination made;
  made.credit_required = fact.credit_required();
  made.credit_at_level_required = fact.credit_at_level_required();
  made.optional_credit_required = fact.optional_credit_required();
  for (std::size_t at = 0; at < qualification.units.size(); ++at) {
    made.mandatory[at] = qualification.units[at].mandatory;
    made.at_credit_level[at] = qualification.units[at].level >= fact.credit_level();
  }
  UnitSet elsewhere, here;
  if (pathway) made.mandatory |= places.set(pathway->units());
  for (const auto& other : fact.pathways())
    if (&other != pathway) elsewhere |= places.set(other.units());
  for (const auto& group : fact.groups()) {
    bool on_some = std::any_of(fact.pathways().begin(), fact.pathways().end(), [&](const auto& one) { return names(one, group.code()); });
    if (!on_some || (pathway && names(*pathway, group.code()))) {
      made.groups.push_back(make_group(group, qualification));
      here |= made.groups.back().units;
    } else {
      elsewhere |= places.set(group.units());
    }
  }
  made.counting = ~elsewhere | here | made.mandatory;
  for (const auto& barred : fact.barred()) made.barred.push_back(places.set(barred.units()));
  return made;
}

std::shared_ptr<const Grading> make_grading(const v1::Grading& fact, const Qualification& qualification) {
  Places places(qualification);
  auto made = std::make_shared<Grading>();
  made->pass_grade = Word(fact.pass_grade());
  made->partial_grade = Word(fact.partial_grade());
  made->unclassified_grade = Word(fact.unclassified_grade());
  for (const auto& boundary : fact.boundaries()) made->boundaries.push_back({Word(boundary.grade()), kNoRank, boundary.points()});
  for (const auto& hurdle : fact.hurdles())
    made->hurdles.push_back(
        {Word(hurdle.from_grade()), kNoRank, places.set(hurdle.units()), hurdle.unit_grade(), hash_or_0(hurdle.unit_grade()), hurdle.units_min()});
  for (const auto& cap : fact.caps())
    made->caps.push_back({Word(cap.grade()), kNoRank, places.set(cap.units()), cap.unit_grade(), hash_or_0(cap.unit_grade()), cap.units_max()});
  for (const std::string& code : fact.components()) made->components.push_back(places.of(code));
  for (const auto& combination : fact.combinations()) {
    Grading::Row row{{}, Word(combination.grade())};
    for (const std::string& grade : combination.unit_grades()) row.unit_grades.push_back(hash_or_0(grade));
    made->rows.push_back(std::move(row));
  }
  return made;
}

}  // namespace

GradingScale make_scale(const v1::GradingScaleDefined& fact) {
  GradingScale scale{Word(fact.name()), {}};
  for (const auto& grade : fact.grades()) {
    std::uint32_t hash = short_hash(grade.value());
    bool final = grade.finality() == v1::ScaleGrade::FINALITY_UNSPECIFIED ? !is_indicator(hash) : grade.finality() == v1::ScaleGrade::FINAL;
    scale.grades.push_back({Word(grade.value()), hash, grade.achieved(), final});
  }
  return scale;
}

bool UnitRule::has_outcome(std::uint32_t outcome_hash) const { return std::binary_search(outcomes.begin(), outcomes.end(), outcome_hash); }

std::uint32_t UnitRule::points_for(std::uint32_t grade_hash) const {
  for (const auto& [grade, worth] : points)
    if (grade == grade_hash) return worth;
  return 0;
}

bool Qualification::in_checkpoint_scope() const {
  if (level == v1::LEVEL_3) return guided_learning_hours >= 180 && ucas_points >= 16;
  return performance_table && guided_learning_hours >= 120;
}

const UnitRule* Qualification::unit(std::uint32_t unit_id) const {
  for (const UnitRule& rule : units)
    if (rule.id == unit_id) return &rule;
  return nullptr;
}

const Combination* Qualification::way(std::string_view pathway) const {
  if (pathways.empty()) return &ways.front();
  for (std::size_t at = 0; at < pathways.size(); ++at)
    if (pathways[at] == pathway) return &ways[at + 1];
  return nullptr;
}

bool is_indicator(std::uint32_t grade_hash) {
  static const std::uint32_t kIndicators[] = {short_hash("X"), short_hash("Q"), short_hash("#")};
  return std::find(std::begin(kIndicators), std::end(kIndicators), grade_hash) != std::end(kIndicators);
}

bool is_final(const GradingScale* scale, std::uint32_t grade_hash) {
  Rank rank = scale ? scale->rank(grade_hash) : kNoRank;
  return rank == kNoRank ? !is_indicator(grade_hash) : scale->grades[rank].final;
}

bool Qualification::settles(const Word& grade) const {
  if (scale)
    for (const GradingScale::Grade& one : scale->grades)
      if (one.value == grade) return one.final;
  return !is_indicator(short_hash(grade.view()));
}

void Qualification::link(const Scales& scales) {
  auto find = [&](const std::string& name) {
    auto at = scales.find(name);
    return at == scales.end() ? nullptr : &at->second;
  };
  scale = find(grading_scale);
  scales_known = scale != nullptr;
  for (UnitRule& unit : units) {
    unit.scale = find(unit.grading_scale);
    scales_known = scales_known && (unit.scale || unit.grading_scale.empty());
  }
  if (!grading) return;
  auto linked = std::make_shared<Grading>(*grading);
  auto rank = [&](const Word& grade) -> Rank {
    if (grade.empty()) return kNoRank;
    if (scale) return scale->rank(short_hash(grade.view()));
    for (std::size_t at = 0; at < linked->boundaries.size(); ++at)
      if (linked->boundaries[at].grade == grade) return static_cast<Rank>(at);
    return kNoRank;
  };
  for (auto& boundary : linked->boundaries) boundary.rank = rank(boundary.grade);
  for (auto& hurdle : linked->hurdles) hurdle.rank = rank(hurdle.from_grade);
  for (auto& cap : linked->caps) cap.rank = rank(cap.grade);
  grading = std::move(linked);
}

Qualification make_qualification(const v1::QualificationDefined& fact, const Scales& scales) {
  Qualification made;
  made.id = *parse_qualification(fact.qualification());
  made.title = fact.title();
  made.awarding_organisation = *parse_awarding_organisation(fact.awarding_organisation());
  made.level = fact.level();
  made.guided_learning_hours = fact.guided_learning_hours();
  made.ucas_points = fact.ucas_points();
  made.performance_table = fact.performance_table();
  made.awarded_without_claim = fact.certification() == v1::CERTIFICATION_AUTOMATIC;
  made.computed = fact.determination() == v1::DETERMINATION_COMPUTED;
  made.grading_scale = fact.grading_scale();
  made.unit_grading_scale = fact.unit_grading_scale();
  made.scale_name = Word(fact.grading_scale());
  made.optional_credit_required = fact.optional_credit_required();
  made.credit_level = fact.credit_level();
  made.family = fact.family();
  made.size = fact.size();
  made.framework_level = fact.framework_level();
  made.content_changed = parse_date(fact.content_changed_on()).value_or(0);
  made.professional_standard_changed = parse_date(fact.professional_standard_changed_on()).value_or(0);
  for (const auto& unit : fact.units()) {
    made.by_id.emplace_back(short_hash(unit.code()), static_cast<std::uint16_t>(made.units.size()));
    made.units.push_back(make_unit(unit, fact));
  }
  std::sort(made.by_id.begin(), made.by_id.end());
  made.ways.push_back(make_combination(fact, nullptr, made));
  for (const auto& pathway : fact.pathways()) {
    made.pathways.push_back(pathway.code());
    made.ways.push_back(make_combination(fact, &pathway, made));
  }
  if (fact.has_grading()) made.grading = make_grading(fact.grading(), made);
  made.link(scales);
  return made;
}

}  // namespace vtq
