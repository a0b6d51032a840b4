// What is missing, in words: `missing` of attainment.h. Off the hot path: it tries the rules one at a time.
#include <algorithm>

#include "pipeline/base/phrases.h"
#include "pipeline/rules/attainment.h"
#include "pipeline/rules/combination.h"
#include "pipeline/rules/grading.h"

namespace vtq {
namespace {

std::string counted(std::uint32_t count, const std::string& noun) { return std::to_string(count) + " " + noun + (count == 1 ? "" : "s"); }

/// Codes of the unit's learning outcomes that are not achieved, as listed.
std::vector<std::string> outcomes_missing(const EntryFacts& facts, const UnitRule& unit) {
  auto fact_for = [&](std::uint32_t outcome) -> const UnitFact* {
    for (const UnitFact& fact : facts.units)
      if (fact.unit == unit.id && fact.learning_outcome == outcome) return &fact;
    return nullptr;
  };
  const UnitFact* whole = fact_for(0);
  std::vector<std::string> codes;
  for (const std::string& code : unit.learning_outcomes) {
    const UnitFact* own = fact_for(short_hash(code));
    const UnitFact* holds = own && (!whole || facts.later(own->stamp, whole->stamp)) ? own : whole;
    if (!holds || holds->standing != UnitFact::Standing::achieved) codes.push_back(code);
  }
  return codes;
}

class Report {
 public:
  Report(const EntryFacts& facts, const Qualification& qualification, const CalculatedUnits* calculated)
      : facts_(facts),
        qualification_(qualification),
        standings_(standings_of(facts, qualification, calculated)),
        attainment_(attain(facts, qualification, calculated)),
        way_(way_of(facts, qualification)),
        rules_(way_ ? *way_ : qualification.ways.front()) {}

  std::vector<v1::Obstacle> run() {
    if (!way_) add("pathway", "", result_text(facts_, qualification_, nullptr, Rule::pathway));
    bool by_table = qualification_.grading && qualification_.grading->by_table();
    if (by_table) components();
    each_unit(rules_.mandatory & ~standings_.achieved, [&](std::size_t unit) {
      if (!by_table || !is_component(unit)) mandatory_unit(unit);
    });
    if (!attainment_.achieved) combination();
    if (attainment_.ungraded && !qualification_.scales_known) scales();
    if (qualification_.grading && way_ && (attainment_.achieved || attainment_.complete))
      add_grade_obstacles(standings_, rules_, qualification_, attainment_.achieved, attainment_.points, found_);
    if (qualification_.grading && qualification_.grading->by_points()) without_points();
    return std::move(found_);
  }

 private:
  /// Achieved units that bring no points, as no grade came with them.
  void without_points() {
    each_unit(standings_.achieved & ~standings_.calculated & rules_.counting, [&](std::size_t place) {
      if (standings_.grade[place] != 0) return;
      const UnitRule& rule = unit(place);
      bool recognised = std::any_of(facts_.units.begin(), facts_.units.end(),
                                    [&](const UnitFact& fact) { return fact.unit == rule.id && fact.learning_outcome == kPriorLearning; });
      add("points-without-grade", rule.code,
          "Unit " + rule.code + " counts 0 points: " +
              (recognised ? "its prior learning was recognised without a grade. Where it brings one, send PriorLearningRecognised again with it."
                          : "it was recorded without a grade. Record it again with one."));
    });
  }

  void scales() {
    auto ask = [&](const std::string& name, const GradingScale* scale) {
      bool named = std::any_of(found_.begin(), found_.end(), [&](const v1::Obstacle& one) { return one.subject() == name; });
      if (!name.empty() && !scale && !named)
        add("scale-known", name, "The grading scale " + name + " is not in the reference data; send its GradingScaleDefined.");
    };
    ask(qualification_.grading_scale, qualification_.scale);
    for (const UnitRule& unit : qualification_.units) ask(unit.grading_scale, unit.scale);
  }

  void add(std::string_view rule, const std::string& subject, std::string text) {
    v1::Obstacle& made = found_.emplace_back();
    made.set_rule(std::string(rule));
    made.set_subject(subject);
    made.set_text(std::move(text));
  }

  const UnitRule& unit(std::size_t place) const { return qualification_.units[place]; }
  std::vector<std::string> codes(const UnitSet& units) const {
    std::vector<std::string> all;
    each_unit(units, [&](std::size_t place) { all.push_back(unit(place).code); });
    return all;
  }
  bool is_component(std::size_t place) const {
    const auto& components = qualification_.grading->components;
    return std::find(components.begin(), components.end(), place) != components.end();
  }

  void components() {
    for (std::size_t component : qualification_.grading->components) {
      const std::string& code = unit(component).code;
      if (!decided(component, standings_, qualification_))
        add("component", code, "Component " + code + ": no grade is recorded yet.");
      else if (!standings_.achieved[component])
        add("component", code, "Component " + code + " is not achieved.");
    }
  }

  bool graded(std::size_t place) const {
    const GradingScale* scale = unit(place).scale;
    return scale && standings_.recorded[place] && scale->rank(standings_.grade[place]) != kNoRank;
  }

  void mandatory_unit(std::size_t place) {
    const UnitRule& rule = unit(place);
    std::vector<std::string> outcomes = outcomes_missing(facts_, rule);
    std::string name = "Unit " + rule.code;
    if (!outcomes.empty() && outcomes.size() < rule.learning_outcomes.size()) {
      bool one = outcomes.size() == 1;
      add("learning-outcome", rule.code,
          name + ": learning outcome" + (one ? " " : "s ") + list_text(outcomes) + (one ? " is" : " are") + " not yet achieved.");
    } else if (!outcomes.empty() && outcomes.size() > 1) {
      add("unit-mandatory", rule.code, name + " is not yet achieved: none of its " + std::to_string(outcomes.size()) + " learning outcomes is.");
    } else if (outcomes.empty() && grade_short(place)) {
      add("unit-mandatory", rule.code, name + ": " + grade_short_words(place));
    } else {
      add("unit-mandatory", rule.code, name + " is not yet achieved.");
    }
  }

  /// Whether all there is against the unit is its grade.
  bool grade_short(std::size_t place) const {
    const UnitRule& rule = unit(place);
    if (!rule.outcomes.empty()) return true;
    for (const UnitFact& fact : facts_.units)
      if (fact.unit == rule.id && fact.learning_outcome == 0) return fact.standing == UnitFact::Standing::achieved;
    return false;
  }
  std::string grade_short_words(std::size_t place) const {
    if (unit(place).minimum_grade.empty()) return "the grade recorded does not count as achieved.";
    return std::string(graded(place) ? "the grade recorded is below" : "no grade is recorded; send one of at least") +
           " the lowest that the qualification takes for it.";
  }

  // ---- rules of combination ----

  /// The rules without any minimum, so that one can be tried at a time.
  Combination without_minima() const {
    Combination bare = rules_;
    bare.mandatory &= standings_.achieved;
    for (GroupRule& group : bare.groups) group.units_min = group.credit_min = group.units_at_level_min = 0;
    bare.credit_required = bare.credit_at_level_required = bare.optional_credit_required = 0;
    return bare;
  }

  /// The most that some choice reaches of a minimum of `needed`, were it the only one.
  template <class Set>
  std::uint32_t reached(std::uint32_t needed, Set set) const {
    Combination bare = without_minima();
    auto feasible = [&](std::uint32_t minimum) {
      set(bare, minimum);
      return best_choice(bare, qualification_.units, standings_.achieved, {}).has_value();
    };
    if (needed == 0 || feasible(needed)) return needed;
    std::uint32_t enough = 0;
    for (std::uint32_t too_many = needed; too_many - enough > 1;) {
      std::uint32_t middle = enough + (too_many - enough) / 2;
      (feasible(middle) ? enough : too_many) = middle;
    }
    return enough;
  }

  void combination() {
    if (attainment_.too_many_choices)
      return add("combination-choices", "",
                 "The rules of combination leave more choices of units than can be tried; the awarding organisation must define the "
                 "qualification with fewer different credits or without a maximum.");
    if (rules_.plain()) return optional_credit(rules_.optional_credit_required - attainment_.optional_credit_missing);
    std::size_t before = found_.size();
    if (!best_choice(without_minima(), qualification_.units, standings_.achieved, {})) return mandatory_units_clash();
    for (std::size_t at = 0; at < rules_.groups.size(); ++at) group(at);
    total();
    barred(found_.size() == before && (rules_.mandatory & ~standings_.achieved).none());
    bool nothing_named = found_.size() == before && (rules_.mandatory & ~standings_.achieved).none() && way_;
    if (nothing_named)
      add("combination", "", "Each limit can be kept, but no choice of the achieved units keeps all of them at once; achieve a further unit.");
  }

  void mandatory_units_clash() {
    std::size_t before = found_.size();
    for (const UnitSet& set : rules_.barred)
      if ((set & rules_.mandatory & standings_.achieved).count() > 1)
        add("barred-combination", list_text(codes(set & rules_.mandatory)),
            "Units " + list_text(codes(set & rules_.mandatory)) + " are mandatory and bar each other; send the qualification anew.");
    for (const GroupRule& group : rules_.groups) {
      UnitSet held = group.units & rules_.mandatory & standings_.achieved;
      std::uint32_t credit = 0;
      each_unit(held, [&](std::size_t place) { credit += unit(place).credit; });
      bool full = (group.units_max > 0 && held.count() > group.units_max) || (group.credit_max > 0 && credit > group.credit_max);
      if (full) add("group-maximum", group.code, "Group " + group.code + " has no room for its mandatory units; send the qualification anew.");
    }
    if (found_.size() == before) add("combination", "", "The mandatory units cannot all be counted together; send the qualification anew.");
  }

  void group(std::size_t at) {
    const GroupRule& rule = rules_.groups[at];
    std::vector<std::string> open = codes(rule.units & ~standings_.achieved);
    std::string choose = open.empty() ? "." : "; choose from " + listed_plainly(open) + ".";
    auto shortage = [&](std::string_view name, std::uint32_t needed, const std::string& what, const std::string& which, auto set) {
      std::uint32_t most = reached(needed, [&](Combination& bare, std::uint32_t minimum) { set(bare.groups[at], minimum); });
      if (most < needed)
        add(name, rule.code, "Group " + rule.code + ": " + std::to_string(most) + " of at least " + counted(needed, what) + which + choose);
    };
    shortage("group-units-min", rule.units_min, "unit", "", [](GroupRule& group, std::uint32_t minimum) { group.units_min = minimum; });
    shortage("group-credit-min", rule.credit_min, "credit", "", [](GroupRule& group, std::uint32_t minimum) { group.credit_min = minimum; });
    shortage("group-level-min", rule.units_at_level_min, "unit", " at level " + std::to_string(rule.level) + " or above",
             [](GroupRule& group, std::uint32_t minimum) { group.units_at_level_min = minimum; });
  }

  static std::string listed_plainly(const std::vector<std::string>& items) {
    std::string text;
    for (const std::string& item : items) text += (text.empty() ? "" : ", ") + item;
    return text;
  }

  void total() {
    auto shortage = [&](std::string_view name, std::uint32_t needed, const std::string& which, auto set) {
      std::uint32_t most = reached(needed, set);
      if (most < needed) add(name, "", std::to_string(most) + " of " + counted(needed, "credit") + which + ".");
    };
    shortage("credit-required", rules_.credit_required, "", [](Combination& bare, std::uint32_t minimum) { bare.credit_required = minimum; });
    std::uint32_t level = qualification_.credit_level;
    shortage("credit-at-level", rules_.credit_at_level_required, " at level " + std::to_string(level) + " or above",
             [](Combination& bare, std::uint32_t minimum) { bare.credit_at_level_required = minimum; });
    optional_credit(
        reached(rules_.optional_credit_required, [](Combination& bare, std::uint32_t minimum) { bare.optional_credit_required = minimum; }));
  }

  void optional_credit(std::uint32_t most) {
    std::uint32_t needed = rules_.optional_credit_required;
    if (most < needed) add("optional-credit", "", std::to_string(most) + " of " + counted(needed, "credit") + " of optional units.");
  }

  /// Achieved units of which not all can count. `alone`: it is the only thing in the way.
  void barred(bool alone) {
    for (const UnitSet& set : rules_.barred) {
      UnitSet achieved = set & standings_.achieved & rules_.counting;
      if (achieved.count() < 2) continue;
      std::string units = list_text(codes(achieved));
      add("barred-combination", units,
          "Units " + units + " bar each other: only one of them counts" +
              (alone ? ", and with none of them are all other rules kept; achieve a further unit." : "."));
    }
  }

  const EntryFacts& facts_;
  const Qualification& qualification_;
  Standings standings_;
  Attainment attainment_;
  const Combination* way_;
  const Combination& rules_;
  std::vector<v1::Obstacle> found_;
};

}  // namespace

std::vector<v1::Obstacle> missing(const EntryFacts& facts, const Qualification& qualification, const CalculatedUnits* calculated) {
  return Report(facts, qualification, calculated).run();
}

}  // namespace vtq
