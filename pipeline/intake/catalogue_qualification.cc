// Checks of one qualification: rules of combination that exclude each other, grades that lead nowhere, dates.
#include <algorithm>
#include <functional>
#include <memory>
#include <optional>

#include "pipeline/base/phrases.h"
#include "pipeline/intake/catalogue_facts.h"
#include "pipeline/rules/attainment.h"
#include "pipeline/rules/combination.h"

namespace vtq::catalogue {
namespace {

using Texts = std::vector<std::string>;

/// Rows of a table of component grades that are looked for, at most.
constexpr std::size_t kCombinationsMax = 10'000;
/// Units that may be left out, of which all choices are tried.
constexpr std::size_t kFreeUnitsMax = 12;

std::string combination_text(const Texts& grades) {
  std::string text;
  for (const std::string& grade : grades) text += (text.empty() ? "" : " with ") + grade;
  return text;
}
std::string count_of(std::uint64_t count, const std::string& one) { return std::to_string(count) + " " + one + (count == 1 ? "" : "s"); }

/// One way through a qualification: its only one, or a pathway.
struct Way {
  const Combination* rules = nullptr;
  const v1::Pathway* pathway = nullptr;
  std::vector<int> groups;  ///< that apply to it, by index
  std::set<std::string> mandatory;

  std::string where() const { return pathway ? " on pathway " + pathway->code() : ""; }
};

class QualificationChecks : FactChecks {
 public:
  QualificationChecks(CatalogueFacts& facts, std::size_t place, const v1::Event& event, Qualification decoded)
      : FactChecks(facts, place, event, event.qualification_defined().qualification()),
        fact_(event.qualification_defined()),
        decoded_(std::move(decoded)) {
    for (const auto& unit : fact_.units()) units_[unit.code()] = &unit;
  }

  void check_all() {
    known_awarding_organisation(fact_.awarding_organisation());
    scales();
    dates();
    approvals();
    for (int at = 0; at < fact_.groups_size(); ++at) group(at);
    for (const Way& way : ways()) combination(way);
    grading();
  }

 private:
  using Unit = v1::Unit;
  using Worth = std::function<std::uint64_t(const Unit&)>;

  // ---- rules of combination ----

  std::vector<Way> ways() const {
    std::set<std::string> claimed;  // groups that some pathway names
    for (const auto& pathway : fact_.pathways()) claimed.insert(pathway.groups().begin(), pathway.groups().end());
    std::vector<Way> all;
    for (int at = 0; at < std::max(1, fact_.pathways_size()); ++at) {
      Way way;
      if (fact_.pathways_size() > 0) way.pathway = &fact_.pathways(at);
      way.rules = &decoded_.ways[way.pathway ? static_cast<std::size_t>(at) + 1 : 0];
      for (const auto& unit : fact_.units())
        if (unit.mandatory()) way.mandatory.insert(unit.code());
      if (way.pathway) way.mandatory.insert(way.pathway->units().begin(), way.pathway->units().end());
      for (int group = 0; group < fact_.groups_size(); ++group) {
        const std::string& code = fact_.groups(group).code();
        bool own = way.pathway && std::find(way.pathway->groups().begin(), way.pathway->groups().end(), code) != way.pathway->groups().end();
        if (own || !claimed.contains(code)) way.groups.push_back(group);
      }
      all.push_back(std::move(way));
    }
    return all;
  }

  std::vector<const Unit*> units_of(const v1::UnitGroup& group) const {
    std::vector<const Unit*> found;
    for (const std::string& code : group.units())
      if (auto at = units_.find(code); at != units_.end()) found.push_back(at->second);
    return found;
  }

  /// No choice from the group within its limits is worth more.
  std::uint64_t most_of(const v1::UnitGroup& group, const Worth& worth) const {
    std::vector<std::uint64_t> each;
    for (const Unit* unit : units_of(group)) each.push_back(worth(*unit));
    std::sort(each.begin(), each.end(), std::greater<>());
    if (group.units_max() > 0 && each.size() > group.units_max()) each.resize(group.units_max());
    std::uint64_t sum = 0;
    for (std::uint64_t one : each) sum += one;
    return sum;
  }

  static bool counts(const Way& way, int unit) { return way.rules->counting[static_cast<std::size_t>(unit)]; }

  /// No choice of units within the limits of the groups is worth more.
  std::uint64_t most_of(const Way& way, const Worth& worth) const {
    std::set<std::string> grouped;
    std::uint64_t sum = 0;
    for (int at : way.groups) {
      sum += most_of(fact_.groups(at), worth);
      grouped.insert(fact_.groups(at).units().begin(), fact_.groups(at).units().end());
    }
    for (int at = 0; at < fact_.units_size(); ++at)
      if (counts(way, at) && !grouped.contains(fact_.units(at).code())) sum += worth(fact_.units(at));
    return sum;
  }

  std::uint64_t most_credit_of(const v1::UnitGroup& group) const {
    std::uint64_t most = most_of(group, [](const Unit& unit) { return unit.credit(); });
    return group.credit_max() > 0 ? std::min<std::uint64_t>(most, group.credit_max()) : most;
  }

  void group(int at) {
    const auto& rule = fact_.groups(at);
    auto units = units_of(rule);
    if (rule.units_min() > units.size())
      never(item("groups", at, "unitsMin"), "group-units-reachable", rule.units_min(),
            "Group " + rule.code() + " has " + count_of(units.size(), "unit") + "; lower the minimum or add units.");
    if (std::uint64_t most = most_credit_of(rule); rule.credit_min() > most)
      never(item("groups", at, "creditMin"), "group-credit-reachable", rule.credit_min(),
            "Group " + rule.code() + " gives at most " + std::to_string(most) + " credit; lower the minimum or add units.");
    auto at_level =
        static_cast<std::uint64_t>(std::count_if(units.begin(), units.end(), [&](const Unit* unit) { return unit->level() >= rule.level(); }));
    if (rule.units_max() > 0) at_level = std::min<std::uint64_t>(at_level, rule.units_max());
    if (rule.units_at_level_min() > at_level)
      never(item("groups", at, "unitsAtLevelMin"), "group-level-reachable", rule.units_at_level_min(),
            "Of group " + rule.code() + " at most " + count_of(at_level, "unit") + " can count at level " + std::to_string(rule.level()) +
                " or above; lower the minimum or add units of that level.");
    std::vector<std::uint64_t> credits;
    for (const Unit* unit : units) credits.push_back(unit->credit());
    std::sort(credits.begin(), credits.end());
    std::uint64_t least = 0;
    for (std::size_t unit = 0; unit < std::min<std::size_t>(rule.units_min(), credits.size()); ++unit) least += credits[unit];
    if (rule.credit_max() > 0 && least > rule.credit_max())
      never(item("groups", at, "creditMax"), "group-units-fit-credit", rule.credit_max(),
            "The " + count_of(rule.units_min(), "smallest unit") + " of group " + rule.code() + " have " + std::to_string(least) +
                " credit together; raise the maximum or lower units_min.");
  }

  void never(const std::string& field, const std::string& rule, std::uint64_t value, const std::string& message) {
    impossible_ = true;
    problem(field, rule, std::to_string(value), "This can never be met: " + message);
  }

  void combination(const Way& way) {
    mandatory_in_groups(way);
    mandatory_barred(way);
    credits(way);
    if (!impossible_) attainable(way);
  }

  void mandatory_in_groups(const Way& way) {
    for (int at : way.groups) {
      const auto& rule = fact_.groups(at);
      Texts held;
      std::uint64_t credit = 0;
      for (const Unit* unit : units_of(rule))
        if (way.mandatory.contains(unit->code())) {
          held.push_back(unit->code());
          credit += unit->credit();
        }
      bool too_many = rule.units_max() > 0 && held.size() > rule.units_max();
      bool too_large = rule.credit_max() > 0 && credit > rule.credit_max();
      if (!too_many && !too_large) continue;
      impossible_ = true;
      problem(item("groups", at, too_many ? "unitsMax" : "creditMax"), "mandatory-in-capped-group",
              std::to_string(too_many ? rule.units_max() : rule.credit_max()),
              "Group " + rule.code() + " cannot hold " + list_text(held) + ", which " + (held.size() == 1 ? "is" : "are") + " mandatory" +
                  way.where() + (too_many ? "" : " and worth " + std::to_string(credit) + " credit") +
                  "; raise the maximum or take units out of the group.");
    }
  }

  void mandatory_barred(const Way& way) {
    for (int at = 0; at < fact_.barred_size(); ++at) {
      Texts held;
      for (const std::string& code : fact_.barred(at).units())
        if (way.mandatory.contains(code)) held.push_back(code);
      if (held.size() < 2) continue;
      impossible_ = true;
      problem(
          item("barred", at, "units"), "mandatory-barred", list_text(held),
          "These units are mandatory" + way.where() + " and barred from counting together; take one out of the combination, or make it optional.");
    }
  }

  void credits(const Way& way) {
    auto most = [&](const Worth& worth) {
      std::uint64_t sum = most_of(way, worth), capped = 0;
      for (int at : way.groups) {
        std::uint64_t all = most_of(fact_.groups(at), worth);
        if (fact_.groups(at).credit_max() > 0 && all > fact_.groups(at).credit_max()) capped += all - fact_.groups(at).credit_max();
      }
      return sum - capped;
    };
    std::uint64_t all = most([](const Unit& unit) { return unit.credit(); });
    if (fact_.credit_required() > all)
      never(
          "creditRequired", "credit-reachable", fact_.credit_required(),
          "At most " + std::to_string(all) + " credit can count" + way.where() + "; lower it, or correct the units' credit and the groups' maxima.");
    std::uint64_t at_level = most([&](const Unit& unit) { return unit.level() >= fact_.credit_level() ? unit.credit() : 0; });
    if (fact_.credit_at_level_required() > at_level)
      never("creditAtLevelRequired", "credit-at-level-reachable", fact_.credit_at_level_required(),
            "At most " + std::to_string(at_level) + " credit at level " + std::to_string(fact_.credit_level()) + " or above can count" + way.where() +
                "; lower it, or correct the units' levels.");
    std::uint64_t optional = most([&](const Unit& unit) { return way.mandatory.contains(unit.code()) ? 0u : unit.credit(); });
    if (fact_.optional_credit_required() > optional)
      never("optionalCreditRequired", "optional-credit-reachable", fact_.optional_credit_required(),
            "At most " + std::to_string(optional) + " credit of optional units can count" + way.where() + "; lower it or add optional units.");
  }

  /// Most points of a choice that keeps the rules, with all units achieved; nothing: there is none.
  std::optional<std::uint32_t> best(const Way& way, const std::vector<std::uint32_t>& points) const {
    UnitSet all;
    for (std::size_t at = 0; at < decoded_.units.size(); ++at) all.set(at);
    return best_choice(*way.rules, decoded_.units, all, points);
  }

  /// Whoever has achieved every unit must attain: else the rules exclude each other.
  void attainable(const Way& way) {
    if (best(way, {})) return;
    impossible_ = true;
    problem("units", "never-attained", way.pathway ? way.pathway->code() : canonical(fact_.qualification()),
            "With every unit achieved the rules of combination are still not met" + way.where() +
                ": they exclude each other; look at barred combinations beside the minima of groups and the credit required.");
  }

  // ---- grades ----

  const std::string& scale_name(const Unit& unit) const { return unit.grading_scale().empty() ? fact_.unit_grading_scale() : unit.grading_scale(); }

  static Texts grades_of(const v1::GradingScaleDefined* scale, bool achieved_only) {
    Texts grades;
    if (scale)
      for (const auto& grade : scale->grades())
        if (grade.achieved() || !achieved_only) grades.push_back(grade.value());
    return grades;
  }

  /// Grades with which the unit counts, highest first; none for a unit that is not graded.
  Texts counting_grades(const Unit& unit) const {
    const auto* scale = facts_.scale(scale_name(unit));
    if (unit.minimum_grade().empty()) return grades_of(scale, true);
    Texts all = grades_of(scale, false);
    auto lowest = std::find(all.begin(), all.end(), unit.minimum_grade());
    if (lowest != all.end()) all.erase(lowest + 1, all.end());
    return all;
  }

  void scales() {
    known_scale("gradingScale", fact_.grading_scale());
    if (!fact_.unit_grading_scale().empty()) known_scale("unitGradingScale", fact_.unit_grading_scale());
    for (int at = 0; at < fact_.units_size(); ++at) {
      const auto& unit = fact_.units(at);
      if (!unit.grading_scale().empty() && unit.grading_scale() != fact_.unit_grading_scale())
        known_scale(item("units", at, "gradingScale"), unit.grading_scale());
      if (!unit.minimum_grade().empty()) on_scale(item("units", at, "minimumGrade"), unit.minimum_grade(), scale_name(unit));
    }
  }

  /// Where a scale is missing, nothing can be told of what its grades lead to.
  bool scales_are_here() const {
    auto here = [&](const std::string& name) { return name.empty() || facts_.scale(name); };
    return here(fact_.grading_scale()) &&
           std::all_of(fact_.units().begin(), fact_.units().end(), [&](const Unit& unit) { return here(scale_name(unit)); });
  }

  /// A scale that is not known was said to be so already.
  void on_scale(const std::string& field, const std::string& grade, const std::string& scale) {
    const auto* found = facts_.scale(scale);
    if (!found || grade.empty()) return;
    Texts grades = grades_of(found, false);
    if (std::find(grades.begin(), grades.end(), grade) == grades.end())
      problem(field, "grade-of-scale", grade, "The scale " + scale + " has no such grade; it has " + list_text(grades) + ".");
  }

  void on_overall_scale(const std::string& field, const std::string& grade) { on_scale(field, grade, fact_.grading_scale()); }

  /// On the scale of each of the units; none: of any unit.
  template <class Codes>
  void on_unit_scales(const std::string& field, const std::string& grade, const Codes& codes) {
    if (grade.empty()) return;
    std::set<std::string> names;
    for (const auto& unit : fact_.units()) names.insert(scale_name(unit));
    if (codes.empty()) {
      auto has = [&](const std::string& name) {
        Texts grades = grades_of(facts_.scale(name), false);
        return std::find(grades.begin(), grades.end(), grade) != grades.end();
      };
      bool all_known = std::all_of(names.begin(), names.end(), [&](const std::string& name) { return name.empty() || facts_.scale(name); });
      if (all_known && std::none_of(names.begin(), names.end(), has))
        problem(field, "grade-of-scale", grade, "No unit is graded on a scale that has this grade; correct it, or the units' scales.");
      return;
    }
    std::set<std::string> named;
    for (const std::string& code : codes)
      if (auto at = units_.find(code); at != units_.end()) named.insert(scale_name(*at->second));
    for (const std::string& name : named) on_scale(field, grade, name);
  }

  void grading() {
    const auto& grading = fact_.grading();
    if (!fact_.has_grading()) return;
    on_overall_scale("grading.passGrade", grading.pass_grade());
    for (int at = 0; at < grading.hurdles_size(); ++at) {
      const auto& hurdle = grading.hurdles(at);
      on_overall_scale("grading." + item("hurdles", at, "fromGrade"), hurdle.from_grade());
      on_unit_scales("grading." + item("hurdles", at, "unitGrade"), hurdle.unit_grade(), hurdle.units());
      for (const Way& way : ways()) {
        std::size_t units = hurdle.units().empty() ? way.mandatory.size() : static_cast<std::size_t>(hurdle.units_size());
        if (hurdle.units_min() <= units) continue;
        problem("grading." + item("hurdles", at, "unitsMin"), "hurdle-reachable", std::to_string(hurdle.units_min()),
                "This can never be met: the hurdle is over " + count_of(units, "unit") + way.where() + "; lower it or name more units.");
      }
    }
    for (int at = 0; at < grading.caps_size(); ++at) {
      on_overall_scale("grading." + item("caps", at, "grade"), grading.caps(at).grade());
      on_unit_scales("grading." + item("caps", at, "unitGrade"), grading.caps(at).unit_grade(), grading.caps(at).units());
    }
    if (!scales_are_here()) return;
    if (grading.points_size() > 0 || grading.boundaries_size() > 0) points();
    if (grading.components_size() > 0) table();
    on_overall_scale("grading.partialGrade", grading.partial_grade());
    on_overall_scale("grading.unclassifiedGrade", grading.unclassified_grade());
    if (problems_ > 0) return;
    for (const Way& way : ways()) highest_grade(way);
  }

  std::optional<std::uint32_t> points_of(const std::string& grade, std::uint32_t credit) const {
    std::optional<std::uint32_t> any_credit;
    for (const auto& row : fact_.grading().points()) {
      if (row.grade() != grade) continue;
      if (row.credit() == credit && credit != 0) return row.points();
      if (row.credit() == 0) any_credit = row.points();
    }
    return any_credit;
  }

  void points() {
    const auto& grading = fact_.grading();
    for (int at = 0; at < grading.points_size(); ++at) on_unit_scales("grading." + item("points", at, "grade"), grading.points(at).grade(), Texts{});
    for (int at = 0; at < grading.boundaries_size(); ++at)
      on_overall_scale("grading." + item("boundaries", at, "grade"), grading.boundaries(at).grade());
    for (const std::string& grade : grades_of(facts_.scale(fact_.grading_scale()), true))
      if (std::none_of(grading.boundaries().begin(), grading.boundaries().end(), [&](const auto& row) { return row.grade() == grade; }))
        problem("grading.boundaries", "boundary-for-grade", grade,
                "The grade counts as achieved and no points lead to it; say from how many it is given.");
    std::set<std::string> without;
    for (const auto& unit : fact_.units())
      for (const std::string& grade : counting_grades(unit))
        if (!points_of(grade, unit.credit()) && without.insert(grade + ", credit " + std::to_string(unit.credit())).second)
          problem("grading.points", "points-for-grade", grade,
                  "Unit " + unit.code() + " of " + std::to_string(unit.credit()) +
                      " credit can be achieved with this grade, which is worth no points by the table; add a row for it.");
    if (grading.boundaries_size() == 0 || !without.empty() || impossible_) return;
    for (const Way& way : ways()) boundaries(way);
  }

  /// The lowest grade that counts and is a pass: a near pass may count and be meant to be too little.
  std::string lowest_pass(const Unit& unit) const {
    Texts counting = counting_grades(unit), passes = grades_of(facts_.scale(scale_name(unit)), true);
    for (auto grade = counting.rbegin(); grade != counting.rend(); ++grade)
      if (std::find(passes.begin(), passes.end(), *grade) != passes.end()) return *grade;
    return counting.empty() ? std::string() : counting.back();
  }

  /// What each unit is worth with its highest grade, or its lowest pass.
  std::vector<std::uint32_t> points_of_all(bool highest) const {
    std::vector<std::uint32_t> points;
    for (const auto& unit : fact_.units()) {
      Texts grades = counting_grades(unit);
      points.push_back(grades.empty() ? 0 : points_of(highest ? grades.front() : lowest_pass(unit), unit.credit()).value_or(0));
    }
    return points;
  }

  void boundaries(const Way& way) {
    const auto& grading = fact_.grading();
    std::uint32_t most = best(way, points_of_all(true)).value_or(0), least = best(way, points_of_all(false)).value_or(0);
    for (int at = 0; at < grading.boundaries_size(); ++at)
      if (const auto& row = grading.boundaries(at); row.points() > most)
        problem("grading." + item("boundaries", at, "points"), "boundary-reachable", std::to_string(row.points()),
                "Nobody can be given " + row.grade() + way.where() + ": the highest unit grades come to " + count_of(most, "point") +
                    " at most; lower the boundary.");
    int last = grading.boundaries_size() - 1;
    const auto& lowest = grading.boundaries(last);
    std::string field = "grading." + item("boundaries", last, "points");
    std::string below = grading.unclassified_grade().empty() ? "no grade" : grading.unclassified_grade();
    if (lowest.points() > most) return;
    if (lowest.points() > least)
      return problem(field, "lowest-boundary", std::to_string(lowest.points()),
                     "Who achieves every unit with its lowest pass has " + count_of(least, "point") + way.where() + " and is given " + below +
                         "; lower the boundary of " + lowest.grade() + ".");
    if (!grading.unclassified_grade().empty()) return;
    if (auto units = least_worth(way, lowest.points()))
      warning(field, "lowest-boundary-for-few", std::to_string(lowest.points()),
              "Who achieves only " + list_text(*units) + way.where() +
                  ", with the lowest pass, keeps the rules of combination and is given no grade;" + " if that is not meant, lower the boundary of " +
                  lowest.grade() + ".");
  }

  /// Units that keep the rules and are worth less than `points` with their lowest pass, tried one choice after another; nothing where there
  /// are none, or too many choices.
  std::optional<Texts> least_worth(const Way& way, std::uint32_t points) const {
    UnitSet optional = way.rules->counting & ~way.rules->mandatory;
    std::vector<std::size_t> free;
    for (std::size_t at = 0; at < decoded_.units.size(); ++at)
      if (optional[at]) free.push_back(at);
    if (free.size() > kFreeUnitsMax) return std::nullopt;
    std::vector<std::uint32_t> worth = points_of_all(false);
    for (std::size_t choice = 0; choice < std::size_t{1} << free.size(); ++choice) {
      UnitSet achieved = way.rules->mandatory;
      for (std::size_t at = 0; at < free.size(); ++at) achieved[free[at]] = choice >> at & 1;
      auto best_of_these = best_choice(*way.rules, decoded_.units, achieved, worth);
      if (!best_of_these || *best_of_these >= points) continue;
      Texts codes;
      each_unit(achieved, [&](std::size_t at) { codes.push_back(decoded_.units[at].code); });
      return codes;
    }
    return std::nullopt;
  }

  /// Whoever has every unit with its highest grade is given the highest grade that the rules can give: else hurdles and caps forbid it.
  void highest_grade(const Way& way) {
    EntryFacts facts;
    facts.registered = {1, 1};
    auto particulars = std::make_shared<Particulars>();
    if (way.pathway) particulars->pathway = way.pathway->code();
    facts.particulars = std::move(particulars);
    for (const auto& unit : fact_.units()) {
      Texts grades = counting_grades(unit);
      facts.units.push_back({.unit = short_hash(unit.code()),
                             .stamp = {1, 1},
                             .grade = grades.empty() ? 0 : short_hash(grades.front()),
                             .standing = UnitFact::Standing::achieved});
    }
    std::sort(facts.units.begin(), facts.units.end(), [](const UnitFact& a, const UnitFact& b) { return a.unit < b.unit; });
    Attainment attained = attain(facts, decoded_);
    const auto& grading = fact_.grading();
    bool graded_elsewhere = grading.pass_grade().empty() && grading.boundaries().empty() && grading.components().empty();
    bool by_points = !grading.boundaries().empty();
    if (graded_elsewhere ? attained.complete : by_points ? attained.grade == grading.boundaries(0).grade() : !attained.grade.empty()) return;
    auto reasons = missing(facts, decoded_);
    problem("grading", "highest-grade", by_points ? grading.boundaries(0).grade() : grading.pass_grade(),
            "Who has every unit with its highest grade is given " + (attained.grade.empty() ? "no grade" : attained.grade.str()) + way.where() +
                "; correct the hurdles and caps." + (reasons.empty() ? "" : " " + reasons.front().text()));
  }

  /// T Levels and their like: a row for each combination of grades with which the components are achieved.
  void table() {
    const auto& grading = fact_.grading();
    if (grading.partial_grade().empty())
      problem("grading.partialGrade", "partial-grade-given", "", "Say which grade is given when some components are achieved and others are not.");
    if (grading.unclassified_grade().empty())
      problem("grading.unclassifiedGrade", "unclassified-grade-given", "", "Say which grade is given when no component is achieved.");
    std::vector<Texts> grades;
    std::size_t combinations = 1;
    for (const std::string& code : grading.components()) {
      auto at = units_.find(code);
      if (at == units_.end()) return;
      grades.push_back(counting_grades(*at->second));
      combinations = std::min(kCombinationsMax + 1, combinations * grades.back().size());
    }
    std::set<Texts> rows;
    for (int at = 0; at < grading.combinations_size(); ++at) {
      const auto& row = grading.combinations(at);
      on_overall_scale("grading." + item("combinations", at, "grade"), row.grade());
      for (int part = 0; part < std::min(row.unit_grades_size(), grading.components_size()); ++part)
        on_unit_scales("grading." + item("combinations", at, item("unitGrades", part).c_str()), row.unit_grades(part),
                       Texts{grading.components(part)});
      rows.insert(Texts(row.unit_grades().begin(), row.unit_grades().end()));
    }
    if (combinations > kCombinationsMax)
      return warning("grading.combinations", "combinations-count", std::to_string(combinations - 1) + " and more",
                     "So many combinations are not looked at one by one.");
    for (std::size_t number = 0; number < combinations; ++number) {
      Texts row(grades.size());
      std::size_t rest = number;
      for (std::size_t part = grades.size(); part-- > 0; rest /= grades[part].size()) row[part] = grades[part][rest % grades[part].size()];
      if (!rows.contains(row))
        problem("grading.combinations", "combination-for-grades", combination_text(row),
                "The components can be achieved with these grades, and no row says what follows; add it.");
    }
  }

  // ---- dates and approvals ----

  void dates() {
    ordered("lastRegistrationOn", fact_.first_registration_on(), fact_.last_registration_on(), "The last registration comes before the first");
    ordered("lastCertificationOn", fact_.last_registration_on(), fact_.last_certification_on(),
            "The last certification comes before the last registration");
    ordered("lastCertificationOn", fact_.first_registration_on(), fact_.last_certification_on(),
            "The last certification comes before the first registration");
  }

  void approvals() {
    for (int at = 0; at < fact_.approval_needed_size(); ++at) {
      const std::string& body = v1::ApprovalBody_Name(static_cast<v1::ApprovalBody>(fact_.approval_needed(at)));
      if (!facts_.first_approval(fact_.qualification(), body))
        warning(item("approvalNeeded", at), "approval-decided", body,
                "No decision of this body is here; until one is, registrations and results are held.");
    }
  }

  const v1::QualificationDefined& fact_;
  const Qualification decoded_;
  std::map<std::string, const Unit*> units_;
  bool impossible_ = false;
};
}  // namespace

void check_qualification(CatalogueFacts& facts, std::size_t place, const v1::Event& event, Qualification decoded) {
  QualificationChecks(facts, place, event, std::move(decoded)).check_all();
}

}  // namespace vtq::catalogue
