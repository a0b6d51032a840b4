#include "pipeline/rules/attainment.h"

#include <algorithm>

#include "pipeline/facts/told_again.h"
#include "pipeline/rules/combination.h"
#include "pipeline/rules/grading.h"

namespace vtq {
namespace {

using UnitFacts = std::vector<UnitFact>::const_iterator;

/// Of two grades the better one on the unit's scale.
std::uint32_t better(std::uint32_t a, std::uint32_t b, const UnitRule& unit) {
  if (a == 0 || b == 0 || !unit.scale) return a == 0 ? b : a;
  return unit.scale->rank(b) < unit.scale->rank(a) ? b : a;
}

void stand(Standings& into, std::size_t place, bool achieved, std::uint32_t grade, TimeMs at) {
  into.recorded[place] = true;
  into.achieved[place] = achieved;
  into.grade[place] = grade;
  into.at_ms[place] = at;
}

/// Reads what is recorded of one unit, from the first fact about it on; returns the end of them. Facts are sorted by outcome: the unit as
/// a whole stands first, prior learning last.
UnitFacts read_unit(const EntryFacts& facts, UnitFacts fact, const UnitRule& unit, std::size_t place, Standings& into) {
  UnitFacts end = facts.units.end();
  const UnitFact* whole = nullptr;
  if (fact->learning_outcome == 0) whole = &*fact++;
  bool achieved = whole && whole->standing == UnitFact::Standing::achieved;
  TimeMs at = whole ? said_since(facts, *whole) : 0;
  bool outdated = false;
  if (!unit.outcomes.empty()) {
    achieved = true;
    bool whole_holds = false;
    for (std::uint32_t outcome : unit.outcomes) {
      while (fact != end && fact->unit == unit.id && fact->learning_outcome < outcome) ++fact;
      const UnitFact* holds = whole;
      if (fact != end && fact->unit == unit.id && fact->learning_outcome == outcome && (!whole || facts.later(fact->stamp, whole->stamp)))
        holds = &*fact;
      achieved = achieved && holds && holds->standing == UnitFact::Standing::achieved;
      whole_holds = whole_holds || (whole && holds == whole);
      if (holds) at = std::max(at, said_since(facts, *holds));
    }
    // The grade of a "not yet achieved" that every outcome has left behind.
    outdated = whole && !whole_holds && whole->standing != UnitFact::Standing::achieved;
  }
  while (fact != end && fact->unit == unit.id && fact->learning_outcome != kPriorLearning) ++fact;
  std::uint32_t grade = whole && !outdated ? whole->grade : 0;
  achieved = achieved && unit.counts(grade);
  if (fact != end && fact->unit == unit.id) {
    grade = achieved ? better(grade, fact->grade, unit) : fact->grade;
    if (!achieved) at = said_since(facts, *fact);
    achieved = true;
    ++fact;
  }
  if (achieved || whole) stand(into, place, achieved, grade, at);
  return fact;
}

void read_calculated(const CalculatedUnits& calculated, const Qualification& qualification, Standings& into) {
  for (const CalculatedUnit& one : calculated) {
    const UnitRule* rule = qualification.unit(one.unit);
    if (!rule) continue;
    auto place = static_cast<std::size_t>(rule - qualification.units.data());
    if (into.achieved[place]) continue;
    into.achieved.set(place);
    into.recorded.set(place);
    into.calculated.set(place);
    into.grade[place] = one.grade;
    into.at_ms[place] = one.at_ms;
  }
}

void read(const EntryFacts& facts, const Qualification& qualification, const CalculatedUnits* calculated, Standings& into) {
  UnitFacts fact = facts.units.begin(), end = facts.units.end();
  for (const auto& [id, place] : qualification.by_id) {
    while (fact != end && fact->unit < id) ++fact;
    if (fact == end) break;
    if (fact->unit != id) continue;
    const UnitRule& unit = qualification.units[place];
    // Most units are recorded as a whole, once.
    bool simple = fact->learning_outcome == 0 && unit.outcomes.empty() && (fact + 1 == end || fact[1].unit != id);
    if (!simple) {
      fact = read_unit(facts, fact, unit, place, into);
      continue;
    }
    stand(into, place, fact->standing == UnitFact::Standing::achieved && unit.counts(fact->grade), fact->grade, said_since(facts, *fact));
    ++fact;
  }
  if (calculated) read_calculated(*calculated, qualification, into);
}

std::uint32_t credit_of(const UnitSet& units, const Qualification& qualification) {
  std::uint32_t credit = 0;
  each_unit(units, [&](std::size_t unit) { credit += qualification.units[unit].credit; });
  return credit;
}

std::uint32_t optional_credit_missing(const Standings& standings, const Combination& rules, const Qualification& qualification) {
  if (rules.optional_credit_required == 0) return 0;
  std::uint32_t credit = credit_of(standings.achieved & rules.counting & ~rules.mandatory, qualification);
  return credit < rules.optional_credit_required ? rules.optional_credit_required - credit : 0;
}

/// Units short in groups, and rules on credit short, with all achieved units counted.
std::uint32_t short_of_groups_and_credit(const UnitSet& achieved, const Combination& rules, const Qualification& qualification) {
  std::uint32_t sum = 0;
  for (const GroupRule& group : rules.groups) {
    UnitSet members = achieved & group.units;
    auto count = static_cast<std::uint32_t>(members.count());
    bool level_short = group.units_at_level_min > 0 && (members & group.at_level).count() < group.units_at_level_min;
    if (count < group.units_min)
      sum += group.units_min - count;
    else if (level_short || credit_of(members, qualification) < group.credit_min)
      ++sum;
  }
  UnitSet counting = achieved & rules.counting;
  bool credit_short = credit_of(counting, qualification) < rules.credit_required ||
                      credit_of(counting & rules.at_credit_level, qualification) < rules.credit_at_level_required;
  return sum + (credit_short && sum == 0 ? 1 : 0);
}

/// Units whose decision a result by table waits for: components, and other mandatory units.
UnitSet undecided(const Standings& standings, const Combination& rules, const Qualification& qualification) {
  UnitSet waiting = rules.mandatory & ~standings.recorded;
  for (std::size_t component : qualification.grading->components) waiting.set(component, !decided(component, standings, qualification));
  return waiting;
}

/// Whether the rules of combination are kept; with the most points that a choice of units is worth.
bool kept(const Standings& standings, const Combination& rules, const Qualification& qualification, std::uint32_t& points, bool& given_up) {
  bool by_points = qualification.grading && qualification.grading->by_points();
  if (rules.plain() && !by_points)
    return (rules.mandatory & ~standings.achieved).none() && optional_credit_missing(standings, rules, qualification) == 0;
  std::array<std::uint32_t, kUnitsMax> worth;
  if (by_points) each_unit(standings.achieved, [&](std::size_t unit) { worth[unit] = qualification.units[unit].points_for(standings.grade[unit]); });
  std::uint64_t steps = kChoiceStepsMax;
  auto best = best_choice(rules, qualification.units, standings.achieved,
                          by_points ? std::span<const std::uint32_t>(worth) : std::span<const std::uint32_t>{}, &steps);
  given_up = steps == 0 && !best;
  points = best.value_or(0);
  return best.has_value();
}

}  // namespace

Standings standings_of(const EntryFacts& facts, const Qualification& qualification, const CalculatedUnits* calculated) {
  Standings standings;
  read(facts, qualification, calculated, standings);
  return standings;
}

const Combination* way_of(const EntryFacts& facts, const Qualification& qualification) {
  if (qualification.pathways.empty()) return &qualification.ways.front();
  return qualification.way(facts.particulars ? std::string_view(facts.particulars->pathway) : std::string_view{});
}

Attainment attain(const EntryFacts& facts, const Qualification& qualification, const CalculatedUnits* calculated) {
  Attainment found;
  Standings standings;
  read(facts, qualification, calculated, standings);
  const Combination* way = way_of(facts, qualification);
  found.pathway_missing = !way;
  const Combination& rules = way ? *way : qualification.ways.front();
  found.achieved = kept(standings, rules, qualification, found.points, found.too_many_choices) && way;
  found.complete = found.achieved;
  if (!found.achieved) found.optional_credit_missing = optional_credit_missing(standings, rules, qualification);
  const Grading* grading = qualification.grading.get();
  if (grading && grading->by_table()) {
    UnitSet waiting = undecided(standings, rules, qualification);
    bool only_mandatory_short = short_of_groups_and_credit(standings.achieved | rules.mandatory, rules, qualification) == 0;
    found.complete = way && waiting.none() && (found.achieved || (only_mandatory_short && found.optional_credit_missing == 0));
    found.outstanding_units = static_cast<std::uint16_t>(waiting.count());
  } else if (!found.achieved) {
    auto mandatory = static_cast<std::uint32_t>((rules.mandatory & ~standings.achieved).count());
    std::uint32_t others = rules.plain() ? 0 : short_of_groups_and_credit(standings.achieved, rules, qualification);
    found.outstanding_units = static_cast<std::uint16_t>(mandatory + others + (found.optional_credit_missing > 0 ? 1 : 0));
  }
  if (grading && found.complete) {
    Graded graded = grade_of(standings, rules, qualification, found.achieved, found.points);
    found.grade = graded.grade;
    found.ungraded = graded.no_row;
    found.complete = !graded.none || graded.no_row;
  }
  if (qualification.computed && !qualification.scales_known && found.complete) {
    found.grade = {};
    found.ungraded = true;
  }
  if (!found.complete && found.outstanding_units == 0 && !found.pathway_missing) found.outstanding_units = 1;
  return found;
}

TimeMs evidence_complete_at(const EntryFacts& facts, const Qualification& qualification, const CalculatedUnits* calculated) {
  Attainment attainment = attain(facts, qualification, calculated);
  const Combination* way = way_of(facts, qualification);
  if (!attainment.complete || !way) return 0;
  Standings standings = standings_of(facts, qualification, calculated);
  // A registration sent again brings no evidence; only one that may have brought the pathway does.
  bool first_counts = facts.first_registered_ms != 0 && qualification.pathways.empty();
  TimeMs complete = first_counts ? facts.first_registered_ms : facts.registered.at_ms;
  if (qualification.grading && qualification.grading->by_table()) {
    UnitSet decisive = way->mandatory & standings.recorded;
    for (std::size_t component : qualification.grading->components) decisive.set(component);
    each_unit(decisive, [&](std::size_t unit) { complete = std::max(complete, standings.at_ms[unit]); });
    return complete;
  }
  // With each unit more the rules are kept, or still are: the first moment is found by halving.
  std::vector<std::pair<TimeMs, std::size_t>> units;
  each_unit(standings.achieved, [&](std::size_t unit) { units.emplace_back(standings.at_ms[unit], unit); });
  std::sort(units.begin(), units.end());
  std::size_t enough = units.size(), too_few = 0;
  auto keeps = [&](std::size_t count) {
    UnitSet first;
    for (std::size_t at = 0; at < count; ++at) first.set(units[at].second);
    return best_choice(*way, qualification.units, first, {}).has_value();
  };
  if (keeps(0)) return complete;
  while (enough - too_few > 1) {
    std::size_t middle = too_few + (enough - too_few) / 2;
    (keeps(middle) ? enough : too_few) = middle;
  }
  return std::max(complete, units[enough - 1].first);
}

}  // namespace vtq
