#include "pipeline/rules/grading.h"

#include <algorithm>

#include "pipeline/base/phrases.h"

namespace vtq {
namespace {

/// Units among `units` with a grade that is as good as the hurdle asks; of no grade, and of grades off the scale, none is.
std::size_t over_hurdle(const Grading::Hurdle& hurdle, const UnitSet& units, const Standings& standings, const Qualification& qualification) {
  std::size_t over = 0;
  each_unit(units & standings.recorded, [&](std::size_t unit) {
    const GradingScale* scale = qualification.units[unit].scale;
    Rank needed = scale ? scale->rank(hurdle.unit_grade_hash) : kNoRank;
    if (needed != kNoRank && scale->rank(standings.grade[unit]) <= needed) ++over;
  });
  return over;
}

bool met(const Grading::Hurdle& hurdle, const Standings& standings, const Combination& rules, const Qualification& qualification) {
  UnitSet units = hurdle.units.none() ? rules.mandatory : hurdle.units;
  std::size_t needed = hurdle.units_min == 0 ? units.count() : hurdle.units_min;
  return over_hurdle(hurdle, units, standings, qualification) >= needed;
}

bool applies(const Grading::Cap& cap, const Standings& standings, const Qualification& qualification) {
  std::size_t low = 0;
  UnitSet units = cap.units.none() ? standings.recorded : cap.units & standings.recorded;
  each_unit(units, [&](std::size_t unit) {
    const GradingScale* scale = qualification.units[unit].scale;
    Rank limit = scale ? scale->rank(cap.unit_grade_hash) : kNoRank;
    Rank rank = scale ? scale->rank(standings.grade[unit]) : kNoRank;
    if (limit != kNoRank && rank != kNoRank && rank >= limit && is_final(scale, standings.grade[unit])) ++low;
  });
  return low > cap.units_max;
}

const Grading::Row* row_of(const Standings& standings, const Grading& grading) {
  for (const Grading::Row& row : grading.rows) {
    bool same = true;
    for (std::size_t at = 0; at < grading.components.size() && same; ++at) same = row.unit_grades[at] == standings.grade[grading.components[at]];
    if (same) return &row;
  }
  return nullptr;
}

Rank rank_of(const Word& grade, const Qualification& qualification) {
  if (qualification.scale) return qualification.scale->rank(short_hash(grade.view()));
  for (const auto& boundary : qualification.grading->boundaries)
    if (boundary.grade == grade) return boundary.rank;
  return kNoRank;
}

/// `grade`, or the highest that is still open where that is not allowed; empty where none that counts as achieved is.
Word lowered(Word grade, Rank highest, const Qualification& qualification) {
  if (highest == 0) return grade;
  Rank rank = rank_of(grade, qualification);
  if (rank == kNoRank || rank >= highest) return grade;
  if (!qualification.scale || highest >= qualification.scale->grades.size() || !qualification.scale->grades[highest].achieved) return {};
  return qualification.scale->grades[highest].value;
}

Word by_table(const Standings& standings, const Grading& grading, bool achieved, Rank highest, const Qualification& qualification) {
  std::size_t components_achieved = 0;
  for (std::size_t component : grading.components) components_achieved += standings.achieved[component] ? 1 : 0;
  if (components_achieved == 0) return grading.unclassified_grade;
  if (!achieved || components_achieved < grading.components.size()) return grading.partial_grade;
  const Grading::Row* row = row_of(standings, grading);
  return row ? lowered(row->grade, highest, qualification) : Word{};
}

Word by_points(std::uint32_t points, const Grading& grading, Rank highest) {
  for (const auto& boundary : grading.boundaries)
    if (points >= boundary.points && boundary.rank >= highest) return boundary.grade;
  return grading.unclassified_grade;
}

/// Words name rules and units, never a grade: they go out before any gate opens.
std::string hurdle_words(const Grading::Hurdle& hurdle, const Qualification& qualification) {
  std::vector<std::string> units;
  each_unit(hurdle.units, [&](std::size_t unit) { units.push_back(qualification.units[unit].code); });
  std::string needed = hurdle.units_min == 0 ? "all" : std::to_string(hurdle.units_min);
  return "the hurdle on " + needed + " of " + (units.empty() ? "the mandatory units" : list_text(units));
}

std::string cap_words(const Grading::Cap& cap) {
  return "the cap on " +
         (cap.units_max == 0   ? std::string("any unit")
          : cap.units_max == 1 ? "more than 1 unit"
                               : "more than " + std::to_string(cap.units_max) + " units") +
         " with a low grade";
}

/// Which of the rules gave `graded`: a clause to go on with, empty when there is nothing to name.
std::string because(const Graded& graded, const Qualification& qualification) {
  const Grading& grading = *qualification.grading;
  if (grading.by_table()) {
    std::vector<std::string> components;
    for (std::size_t component : grading.components) components.push_back(qualification.units[component].code);
    return " by the table of " + list_text(components);
  }
  if (graded.hurdle) return " under " + hurdle_words(*graded.hurdle, qualification);
  if (graded.cap) return " under " + cap_words(*graded.cap);
  return grading.by_points() ? " by points" : "";
}

}  // namespace

bool decided(std::size_t component, const Standings& standings, const Qualification& qualification) {
  if (!standings.recorded[component]) return false;
  std::uint32_t grade = standings.grade[component];
  const GradingScale* scale = qualification.units[component].scale;
  return grade == 0 ? !scale : is_final(scale, grade);
}

Graded grade_of(const Standings& standings, const Combination& rules, const Qualification& qualification, bool achieved, std::uint32_t points) {
  const Grading& grading = *qualification.grading;
  Graded graded;
  Rank highest = 0;
  for (const auto& hurdle : grading.hurdles) {
    if (met(hurdle, standings, rules, qualification)) continue;
    // From a grade that is not on the scale on is from any grade on: nothing goes by mistake.
    if (hurdle.from_grade.empty() || hurdle.rank == kNoRank) {
      graded.hurdle = &hurdle;
      graded.none = true;
      return graded;
    }
    if (hurdle.rank + 1 <= highest) continue;
    highest = static_cast<Rank>(hurdle.rank + 1);
    graded.hurdle = &hurdle;
  }
  for (const auto& cap : grading.caps) {
    if ((cap.rank != kNoRank && cap.rank <= highest) || !applies(cap, standings, qualification)) continue;
    if (cap.rank == kNoRank) {
      graded.cap = &cap;
      graded.none = true;
      return graded;
    }
    highest = cap.rank;
    graded.cap = &cap;
    graded.hurdle = nullptr;
  }
  if (grading.by_table())
    graded.grade = by_table(standings, grading, achieved, highest, qualification);
  else if (grading.by_points())
    graded.grade = by_points(points, grading, highest);
  else if (!grading.pass_grade.empty())
    graded.grade = lowered(grading.pass_grade, highest, qualification);
  else
    return graded;  // only hurdles and caps: the grade is another's
  graded.none = graded.grade.empty();
  graded.no_row = graded.none && grading.by_table() && !graded.hurdle && !graded.cap;
  return graded;
}

void add_grade_obstacles(const Standings& standings, const Combination& rules, const Qualification& qualification, bool achieved,
                         std::uint32_t points, std::vector<v1::Obstacle>& to) {
  const Grading& grading = *qualification.grading;
  Graded graded = grade_of(standings, rules, qualification, achieved, points);
  auto add = [&](std::string_view rule, std::string words) {
    v1::Obstacle& made = to.emplace_back();
    made.set_rule(std::string(rule));
    made.set_text(std::move(words));
  };
  if (graded.none && graded.hurdle && graded.hurdle->from_grade.empty())
    return add("hurdle", "No result: " + hurdle_words(*graded.hurdle, qualification) + " is not met.");
  if (graded.none && grading.by_points() && points < grading.boundaries.back().points)
    return add("grade-boundary", "No result: the points lie below the lowest boundary.");
  if (graded.none && grading.by_table() && !graded.hurdle && !graded.cap)
    return add("component", "No result" + because(graded, qualification) + ": it has no row for what is recorded; send the qualification with it.");
  bool lowers = graded.none || !grading.by_points() || by_points(points, grading, 0) != graded.grade;
  if (graded.hurdle && lowers) add("hurdle", "The result is kept down: " + hurdle_words(*graded.hurdle, qualification) + " is not met.");
  if (graded.cap && lowers) add("grade-cap", "The result is kept down: " + cap_words(*graded.cap) + " applies.");
}

Outcome outcome_of(const EntryFacts& facts, const Qualification& qualification, const Attainment& attainment) {
  bool decided = facts.result_kind == ResultKind::amended || facts.result_kind == ResultKind::revoked;
  Outcome found;
  if (!qualification.computed || decided)
    found = {facts.result_kind, facts.result_scale, facts.result_grade, facts.result.at_ms};
  else if (attainment.complete && !attainment.grade.empty())
    found = {ResultKind::determined, qualification.scale_name, attainment.grade, 0};
  found.final = found.has_grade() && qualification.settles(found.grade);
  return found;
}

Obstacle result_obstacle(const EntryFacts& facts, const Qualification& qualification, const Attainment& attainment) {
  if (attainment.pathway_missing) return {.rule = Rule::pathway, .step = v1::CORRECT_REGISTRATION, .owner = v1::CENTRE, .reason = v1::N1};
  bool checked = attainment.complete && (attainment.ungraded || !attainment.grade.empty());
  if (facts.result_kind == ResultKind::determined && checked && facts.result_grade != attainment.grade && qualification.settles(facts.result_grade))
    return {.rule = Rule::result_agrees, .step = v1::RESOLVE_DISAGREEMENT, .owner = v1::AWARDING_ORGANISATION, .reason = v1::L6};
  return {};
}

std::string result_text(const EntryFacts& facts, const Qualification& qualification, const CalculatedUnits* calculated, Rule rule) {
  if (rule == Rule::pathway) {
    std::string pathway = facts.particulars ? facts.particulars->pathway : "";
    std::string known;
    for (const std::string& code : qualification.pathways) known += (known.empty() ? "" : ", ") + code;
    return (pathway.empty() ? "No pathway is registered" : "The qualification has no pathway " + pathway) +
           "; register the learner again with one of " + known + ".";
  }
  if (rule != Rule::result_agrees) return {};
  const Combination* way = way_of(facts, qualification);
  if (!way || !qualification.grading) return {};
  Attainment attainment = attain(facts, qualification, calculated);
  Standings standings = standings_of(facts, qualification, calculated);
  Graded graded = grade_of(standings, *way, qualification, attainment.achieved, attainment.points);
  std::string given = because(graded, qualification);
  if (facts.result_kind != ResultKind::determined)
    return "The result that was issued is not what the rules now give" + given + ". It is changed by a result sent as amended.";
  return "The result sent is not what the rules give" + given +
         ". Correct the units or send the result anew; where it is to stand all the same, send it as amended.";
}

}  // namespace vtq
