// The engine of rules of combination against brute force: random qualifications and learners, every subset of the achieved units tried,
// from the definitions alone. The oracle shares no code with the engine.
#include <gtest/gtest.h>

#include <bit>
#include <cstdio>
#include <random>
#include <set>

#include "pipeline/rules/attainment.h"

namespace vtq::test {
namespace {

constexpr int kCases = 120'000;
constexpr int kUnits = 12;

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  std::uint32_t up_to(std::uint32_t most) { return static_cast<std::uint32_t>(random_() % (most + 1)); }
  bool one_in(std::uint32_t n) { return up_to(n - 1) == 0; }

 private:
  std::mt19937_64 random_;
};

std::string code(std::uint32_t unit) { return "U" + std::to_string(unit); }

const char* const kGrades[] = {"D", "M", "P"};

v1::QualificationDefined random_qualification(Dice& dice) {
  v1::QualificationDefined fact;
  fact.set_qualification("601/0001/5");
  fact.set_awarding_organisation("RN5001");
  fact.set_grading_scale("overall");
  fact.set_unit_grading_scale("unit");
  std::uint32_t units = 3 + dice.up_to(kUnits - 3);
  std::uint32_t credit_total = 0;
  for (std::uint32_t at = 0; at < units; ++at) {
    auto* unit = fact.add_units();
    unit->set_code(code(at));
    unit->set_mandatory(dice.one_in(5));
    unit->set_credit(dice.one_in(8) ? 1 + dice.up_to(20) : 5 * (1 + dice.up_to(3)));
    unit->set_level(1 + dice.up_to(3));
    credit_total += unit->credit();
  }
  // Groups: each unit in one of them, or in none.
  std::uint32_t groups = dice.up_to(3);
  for (std::uint32_t at = 0; at < groups; ++at) fact.add_groups()->set_code("G" + std::to_string(at));
  for (std::uint32_t at = 0; at < units; ++at)
    if (groups > 0 && !dice.one_in(4)) fact.mutable_groups(static_cast<int>(dice.up_to(groups - 1)))->add_units(code(at));
  for (auto& group : *fact.mutable_groups()) {
    auto size = static_cast<std::uint32_t>(group.units_size());
    if (dice.one_in(2)) group.set_units_min(dice.up_to(std::min(size, 3u)));
    if (dice.one_in(2)) group.set_units_max(group.units_min() + dice.up_to(2));
    if (dice.one_in(3)) group.set_credit_min(dice.up_to(25));
    if (dice.one_in(3)) group.set_credit_max(group.credit_min() + dice.up_to(20));
    if (dice.one_in(3)) {
      group.set_level(1 + dice.up_to(3));
      group.set_units_at_level_min(dice.up_to(2));
    }
  }
  std::uint32_t barred = dice.up_to(3);
  for (std::uint32_t at = 0; at < barred; ++at) {
    std::set<std::uint32_t> members;
    for (std::uint32_t pick = 0; pick < 2 + dice.up_to(2); ++pick) members.insert(dice.up_to(units - 1));
    if (members.size() < 2) continue;
    auto* set = fact.add_barred();
    for (std::uint32_t member : members) set->add_units(code(member));
  }
  std::uint32_t pathways = dice.one_in(3) ? 1 + dice.up_to(2) : 0;
  for (std::uint32_t at = 0; at < pathways; ++at) {
    auto* pathway = fact.add_pathways();
    pathway->set_code("W" + std::to_string(at));
    for (std::uint32_t pick = dice.up_to(1); pick > 0; --pick) pathway->add_units(code(dice.up_to(units - 1)));
    for (const auto& group : fact.groups())
      if (dice.one_in(3)) pathway->add_groups(group.code());
  }
  if (dice.one_in(2)) fact.set_credit_required(dice.up_to(credit_total * 2 / 3));
  if (dice.one_in(3)) {
    fact.set_credit_level(1 + dice.up_to(3));
    fact.set_credit_at_level_required(dice.up_to(credit_total / 3));
  }
  if (dice.one_in(3)) fact.set_optional_credit_required(dice.up_to(30));
  if (dice.one_in(2)) {
    auto* grading = fact.mutable_grading();
    for (std::uint32_t at = 0; at < 3; ++at) {
      auto* points = grading->add_points();
      points->set_grade(kGrades[at]);
      points->set_points((3 - at) * (4 + dice.up_to(3)));
      if (dice.one_in(2)) {
        points = grading->add_points();
        points->set_grade(kGrades[at]);
        points->set_credit(10);
        points->set_points((3 - at) * (6 + dice.up_to(6)));
      }
    }
    std::uint32_t boundary = 30 + dice.up_to(60);
    for (const char* grade : {"Distinction", "Merit", "Pass"}) {
      auto* made = grading->add_boundaries();
      made->set_grade(grade);
      made->set_points(boundary);
      boundary = boundary * 2 / 3;
    }
    grading->mutable_boundaries(2)->set_points(0);
  }
  return fact;
}

struct Learner {
  std::string pathway;
  std::map<std::string, std::string> grades;  // of achieved units
};

Learner random_learner(const v1::QualificationDefined& fact, Dice& dice) {
  Learner learner;
  if (fact.pathways_size() > 0)
    learner.pathway = fact.pathways(static_cast<int>(dice.up_to(static_cast<std::uint32_t>(fact.pathways_size()) - 1))).code();
  std::uint32_t misses = dice.up_to(3);
  for (const auto& unit : fact.units())
    if (unit.mandatory() ? !dice.one_in(20) : !(misses > 0 && dice.one_in(6 - misses))) learner.grades[unit.code()] = kGrades[dice.up_to(2)];
  return learner;
}

// ---- the oracle ----

struct Verdict {
  bool attained = false;
  std::uint32_t points = 0;
};

template <class List>
bool holds(const List& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

std::uint32_t points_of(const v1::QualificationDefined& fact, const v1::Unit& unit, const std::string& grade) {
  std::uint32_t generic = 0;
  for (const auto& points : fact.grading().points()) {
    if (points.grade() != grade) continue;
    if (points.credit() != 0 && points.credit() == unit.credit()) return points.points();
    if (points.credit() == 0) generic = points.points();
  }
  return generic;
}

/// Units by their place in the definition, as bits.
class Oracle {
 public:
  Oracle(const v1::QualificationDefined& fact, const Learner& learner) : fact_(fact), learner_(learner) {
    for (const auto& pathway : fact.pathways())
      if (pathway.code() == learner.pathway) own_ = &pathway;
    for (int at = 0; at < fact.units_size(); ++at)
      if (is_mandatory(fact.units(at))) mandatory_ |= 1u << at;
    for (const auto& barred : fact.barred()) barred_.push_back(bits(barred.units()));
    for (const auto& group : fact.groups())
      if (applies(group)) groups_.emplace_back(&group, bits(group.units()));
  }

  Verdict run() {
    std::uint32_t achieved = 0;
    std::vector<std::uint32_t> worth(static_cast<std::size_t>(fact_.units_size()), 0);
    for (int at = 0; at < fact_.units_size(); ++at) {
      const v1::Unit& unit = fact_.units(at);
      if (!learner_.grades.contains(unit.code()) || !may_count(unit)) continue;
      achieved |= 1u << at;
      if (fact_.grading().boundaries_size() > 0) worth[static_cast<std::size_t>(at)] = points_of(fact_, unit, learner_.grades.at(unit.code()));
    }
    Verdict verdict;
    for (std::uint32_t chosen = achieved;; chosen = (chosen - 1) & achieved) {
      if (keeps_all(chosen)) {
        std::uint32_t points = 0;
        for (std::size_t at = 0; at < worth.size(); ++at) points += chosen >> at & 1 ? worth[at] : 0;
        verdict = {true, std::max(verdict.points, points)};
      }
      if (chosen == 0) return verdict;
    }
  }

 private:
  template <class List>
  std::uint32_t bits(const List& codes) const {
    std::uint32_t set = 0;
    for (int at = 0; at < fact_.units_size(); ++at)
      if (holds(codes, fact_.units(at).code())) set |= 1u << at;
    return set;
  }
  bool applies(const v1::UnitGroup& group) const {
    bool named = false;
    for (const auto& pathway : fact_.pathways()) named = named || holds(pathway.groups(), group.code());
    return !named || (own_ && holds(own_->groups(), group.code()));
  }
  bool is_mandatory(const v1::Unit& unit) const { return unit.mandatory() || (own_ && holds(own_->units(), unit.code())); }
  /// Not a unit that only other pathways name.
  bool may_count(const v1::Unit& unit) const {
    if (is_mandatory(unit)) return true;
    bool named_elsewhere = false;
    for (const auto& pathway : fact_.pathways()) named_elsewhere = named_elsewhere || (&pathway != own_ && holds(pathway.units(), unit.code()));
    for (const auto& group : fact_.groups()) {
      if (!holds(group.units(), unit.code())) continue;
      if (applies(group)) return true;
      named_elsewhere = true;
    }
    return !named_elsewhere;
  }

  bool keeps_all(std::uint32_t chosen) const {
    if ((mandatory_ & ~chosen) != 0) return false;
    for (std::uint32_t barred : barred_)
      if (std::popcount(chosen & barred) > 1) return false;
    std::uint32_t credit = 0, at_level = 0, optional = 0;
    for (int at = 0; at < fact_.units_size(); ++at) {
      if ((chosen >> at & 1) == 0) continue;
      credit += fact_.units(at).credit();
      if (fact_.units(at).level() >= fact_.credit_level()) at_level += fact_.units(at).credit();
      if ((mandatory_ >> at & 1) == 0) optional += fact_.units(at).credit();
    }
    if (credit < fact_.credit_required() || at_level < fact_.credit_at_level_required() || optional < fact_.optional_credit_required()) return false;
    return std::all_of(groups_.begin(), groups_.end(), [&](const auto& group) { return keeps(*group.first, chosen & group.second); });
  }

  bool keeps(const v1::UnitGroup& group, std::uint32_t chosen) const {
    std::uint32_t units = 0, credit = 0, at_level = 0;
    for (int at = 0; at < fact_.units_size(); ++at) {
      if ((chosen >> at & 1) == 0) continue;
      ++units;
      credit += fact_.units(at).credit();
      if (fact_.units(at).level() >= group.level()) ++at_level;
    }
    return units >= group.units_min() && (group.units_max() == 0 || units <= group.units_max()) && credit >= group.credit_min() &&
           (group.credit_max() == 0 || credit <= group.credit_max()) && at_level >= group.units_at_level_min();
  }

  const v1::QualificationDefined& fact_;
  const Learner& learner_;
  const v1::Pathway* own_ = nullptr;
  std::uint32_t mandatory_ = 0;
  std::vector<std::uint32_t> barred_;
  std::vector<std::pair<const v1::UnitGroup*, std::uint32_t>> groups_;
};

// ---- the engine's side ----

Scales scales() {
  Scales all;
  v1::GradingScaleDefined unit, overall;
  unit.set_name("unit");
  for (const char* grade : kGrades) {
    unit.add_grades()->set_value(grade);
    unit.mutable_grades()->rbegin()->set_achieved(true);
  }
  overall.set_name("overall");
  for (const char* grade : {"Distinction", "Merit", "Pass"}) {
    overall.add_grades()->set_value(grade);
    overall.mutable_grades()->rbegin()->set_achieved(true);
  }
  all["unit"] = make_scale(unit);
  all["overall"] = make_scale(overall);
  return all;
}

EntryFacts facts_of(const Learner& learner) {
  EntryFacts facts;
  facts.registered = {1, 0};
  TimeMs at = 10;
  for (const auto& [unit, grade] : learner.grades)
    facts.units.push_back({.unit = short_hash(unit), .stamp = {at++, 1}, .grade = short_hash(grade), .standing = UnitFact::Standing::achieved});
  std::sort(facts.units.begin(), facts.units.end(), [](const UnitFact& a, const UnitFact& b) { return a.unit < b.unit; });
  if (!learner.pathway.empty()) {
    auto particulars = std::make_shared<Particulars>();
    particulars->pathway = learner.pathway;
    facts.particulars = std::move(particulars);
  }
  return facts;
}

std::string grade_at(const v1::QualificationDefined& fact, std::uint32_t points) {
  for (const auto& boundary : fact.grading().boundaries())
    if (points >= boundary.points()) return boundary.grade();
  return {};
}

TEST(CombinationOracle, agrees_on_every_random_qualification_and_learner) {
  Dice dice(20'230'817);
  Scales known = scales();
  int attained = 0, graded = 0;
  for (int number = 0; number < kCases; ++number) {
    v1::QualificationDefined fact = random_qualification(dice);
    Learner learner = random_learner(fact, dice);
    Verdict expected = Oracle(fact, learner).run();
    Attainment found = attain(facts_of(learner), make_qualification(fact, known));
    ASSERT_EQ(found.achieved, expected.attained) << "case " << number << "\n" << fact.DebugString();
    ASSERT_EQ(found.complete, expected.attained) << "case " << number;
    attained += expected.attained;
    if (!expected.attained || fact.grading().boundaries_size() == 0) continue;
    ++graded;
    ASSERT_EQ(found.points, expected.points) << "case " << number << "\n" << fact.DebugString();
    ASSERT_EQ(found.grade.view(), grade_at(fact, expected.points)) << "case " << number;
  }
  std::printf("%d cases agree: %d attained, %d of them graded by points\n", kCases, attained, graded);
  EXPECT_GT(attained, kCases / 5);
  EXPECT_LT(attained, kCases * 4 / 5);
}

TEST(CombinationOracle, something_is_named_as_missing_exactly_when_the_rules_are_not_kept) {
  Dice dice(4);
  Scales known = scales();
  for (int number = 0; number < 20'000; ++number) {
    v1::QualificationDefined fact = random_qualification(dice);
    Learner learner = random_learner(fact, dice);
    Qualification qualification = make_qualification(fact, known);
    EntryFacts facts = facts_of(learner);
    std::vector<v1::Obstacle> named = missing(facts, qualification);
    ASSERT_EQ(named.empty(), attain(facts, qualification).complete) << "case " << number << "\n" << fact.DebugString();
    for (const v1::Obstacle& one : named) ASSERT_FALSE(one.rule().empty() || one.text().empty()) << "case " << number;
  }
}

TEST(CombinationOracle, a_further_unit_never_takes_a_qualification_away) {
  Dice dice(5);
  Scales known = scales();
  int looked_at = 0;
  for (int number = 0; number < 20'000; ++number) {
    v1::QualificationDefined fact = random_qualification(dice);
    Learner learner = random_learner(fact, dice);
    Qualification qualification = make_qualification(fact, known);
    Attainment before = attain(facts_of(learner), qualification);
    if (!before.achieved) continue;
    for (const auto& unit : fact.units()) learner.grades.try_emplace(unit.code(), "P");
    Attainment after = attain(facts_of(learner), qualification);
    ASSERT_TRUE(after.achieved) << "case " << number << "\n" << fact.DebugString();
    ASSERT_GE(after.points, before.points) << "case " << number;
    ++looked_at;
  }
  EXPECT_GT(looked_at, 4'000);
}

TEST(CombinationOracle, evidence_is_complete_at_the_first_moment_at_which_the_rules_were_kept) {
  Dice dice(6);
  Scales known = scales();
  for (int number = 0; number < 10'000; ++number) {
    v1::QualificationDefined fact = random_qualification(dice);
    fact.clear_grading();
    Qualification qualification = make_qualification(fact, known);
    EntryFacts facts = facts_of(random_learner(fact, dice));
    TimeMs first = 0;
    for (TimeMs now = 1; now <= 10 + kUnits && first == 0; ++now) {
      EntryFacts until = facts;
      std::erase_if(until.units, [&](const UnitFact& unit) { return unit.stamp.at_ms > now; });
      if (attain(until, qualification).achieved) first = now;
    }
    ASSERT_EQ(evidence_complete_at(facts, qualification), first) << "case " << number << "\n" << fact.DebugString();
  }
}

}  // namespace
}  // namespace vtq::test
