#include "pipeline/rules/combination.h"

#include <algorithm>
#include <tuple>

namespace vtq {
namespace {

/// What a choice of units adds up to. Credit of units that are not mandatory follows from `credit`.
struct Sum {
  std::uint32_t credit = 0;
  std::uint32_t at_credit_level = 0;
  std::uint32_t points = 0;

  Sum operator+(const Sum& other) const { return {credit + other.credit, at_credit_level + other.at_credit_level, points + other.points}; }
  bool no_better_than(const Sum& other) const { return credit <= other.credit && at_credit_level <= other.at_credit_level && points <= other.points; }
};

/// The same within a group, with what its limits look at.
struct GroupSum {
  std::uint32_t units = 0;
  std::uint32_t at_level = 0;
  Sum sum;

  bool no_better_than(const GroupSum& other) const { return at_level <= other.at_level && sum.no_better_than(other.sum); }
};

class Search {
 public:
  Search(const Combination& rules, std::span<const UnitRule> units, std::span<const std::uint32_t> points, std::uint64_t& steps)
      : rules_(rules), units_(units), points_(points), steps_(steps) {
    mandatory_credit_ = sum_of(rules.mandatory).credit;
  }

  std::optional<std::uint32_t> run(const UnitSet& achieved) {
    if ((rules_.mandatory & ~achieved).any()) return std::nullopt;
    for (const UnitSet& barred : rules_.barred)
      if ((barred & rules_.mandatory).count() > 1) return std::nullopt;
    UnitSet pool = achieved & rules_.counting;
    for (const UnitSet& barred : rules_.barred)
      if ((pool & barred).count() > 1) (is_local(barred, pool) ? local_ : others_).push_back(pool & barred);
    without_barred(0, pool);
    // The best so far need not be the best; that there is one holds.
    if (steps_ == 0 && !points_.empty()) return std::nullopt;
    return best_;
  }

 private:
  Sum sum_of(const UnitSet& set) const {
    Sum sum;
    each_unit(set, [&](std::size_t unit) { sum = sum + sum_of(unit); });
    return sum;
  }
  Sum sum_of(std::size_t unit) const {
    std::uint32_t credit = units_[unit].credit;
    return {credit, rules_.at_credit_level[unit] ? credit : 0, points_.empty() ? 0 : points_[unit]};
  }

  /// Whether the achieved units of a barred combination are all of one group, or of none, and in no other such combination: then they are
  /// chosen among together with the rest of the group.
  bool is_local(const UnitSet& barred, const UnitSet& pool) const {
    UnitSet members = barred & pool;
    if ((members & rules_.mandatory).any()) return false;
    for (const UnitSet& other : rules_.barred)
      if (&other != &barred && (other & pool).count() > 1 && (other & members).any()) return false;
    for (const GroupRule& group : rules_.groups)
      if ((members & group.units).any()) return (members & ~group.units).none();
    return true;
  }

  /// False: there are none left, and nothing more is tried.
  bool step(std::uint64_t count = 1) const {
    steps_ -= std::min(steps_, count);
    return steps_ > 0;
  }

  /// Tries each member of each other barred combination as the one that stays. A choice that takes none of them lies within any of these.
  void without_barred(std::size_t from, const UnitSet& pool) {
    if (best_ && points_.empty()) return;  // any choice is as good
    if (!step()) return;
    for (std::size_t at = from; at < others_.size(); ++at) {
      UnitSet members = pool & others_[at];
      if (members.count() < 2) continue;
      UnitSet keepers = (members & rules_.mandatory).any() ? members & rules_.mandatory : members;
      each_unit(keepers, [&](std::size_t keeper) {
        UnitSet rest = pool & ~members;
        rest.set(keeper);
        without_barred(at + 1, rest);
      });
      return;
    }
    within_limits(pool);
  }

  /// More units only help, but for maxima: groups that pass none count as a whole.
  void within_limits(const UnitSet& pool) {
    UnitSet whole = pool;
    bool choose = false;
    for (const GroupRule& group : rules_.groups) {
      UnitSet members = pool & group.units;
      auto count = static_cast<std::uint32_t>(members.count());
      std::uint32_t credit = sum_of(members).credit;
      if (count < group.units_min || credit < group.credit_min) return;
      if (group.units_at_level_min > 0 && (members & group.at_level).count() < group.units_at_level_min) return;
      bool all = !passes_maximum(group, count, credit) &&
                 std::none_of(local_.begin(), local_.end(), [&](const UnitSet& set) { return (set & group.units).any(); });
      if (all) continue;
      whole &= ~group.units;
      choose = true;
    }
    // Units of no group that bar each other: a group without limits.
    static const GroupRule kNoGroup{};
    UnitSet loose;
    for (const UnitSet& set : local_)
      if ((set & whole).any()) loose |= set;
    whole &= ~loose;
    choose = choose || loose.any();
    Sum sum = sum_of(whole);
    if (!choose) {
      take(sum);
      return;
    }
    std::vector<Sum> sums{sum};
    auto choose_from = [&](const GroupRule& group, const UnitSet& members) {
      std::vector<Sum> combined;
      for (const Sum& choice : choices_of(group, members))
        for (const Sum& one : sums)
          if (step()) combined.push_back(one + choice);
      sums = worthwhile(std::move(combined));
    };
    for (const GroupRule& group : rules_.groups) {
      UnitSet members = pool & group.units;
      if ((members & whole).none() && members.any()) choose_from(group, members);
    }
    if (loose.any()) choose_from(kNoGroup, loose);
    for (const Sum& one : sums) take(one);
  }

  static bool passes_maximum(const GroupRule& group, std::uint32_t count, std::uint32_t credit) {
    return (group.units_max > 0 && count > group.units_max) || (group.credit_max > 0 && credit > group.credit_max);
  }

  /// What can be counted of a group with too much in it: unit by unit, over the distinct sums.
  std::vector<Sum> choices_of(const GroupRule& group, const UnitSet& members) const {
    std::vector<GroupSum> reached{{}};
    auto add = [&](const GroupSum& to, std::size_t unit) {
      GroupSum with = to;
      with.units += 1;
      with.at_level += group.at_level[unit] ? 1 : 0;
      with.sum = with.sum + sum_of(unit);
      cap(group, with);
      return with;
    };
    each_unit(members & rules_.mandatory, [&](std::size_t unit) { reached[0] = add(reached[0], unit); });
    if (passes_maximum(group, reached[0].units, reached[0].sum.credit)) return {};
    auto one_of = [&](const UnitSet& alternatives) {
      std::size_t before = reached.size();
      each_unit(alternatives, [&](std::size_t unit) {
        for (std::size_t at = 0; at < before && step(); ++at) {
          GroupSum with = add(reached[at], unit);
          if (!passes_maximum(group, with.units, with.sum.credit)) reached.push_back(with);
        }
      });
      thin_out(reached, group);
    };
    UnitSet singly = members & ~rules_.mandatory;
    for (const UnitSet& set : local_) {
      if ((set & members).none()) continue;
      one_of(set);
      singly &= ~set;
    }
    each_unit(singly, [&](std::size_t unit) { one_of(UnitSet{}.set(unit)); });
    std::vector<Sum> kept;
    for (const GroupSum& one : reached)
      if (one.units >= group.units_min && one.sum.credit >= group.credit_min && one.at_level >= group.units_at_level_min) kept.push_back(one.sum);
    return worthwhile(std::move(kept));
  }

  /// Drops what another sum with as many units (and, where credit has a maximum, as much credit) is at least as good as in everything.
  void thin_out(std::vector<GroupSum>& sums, const GroupRule& group) const {
    bool exact_credit = group.credit_max > 0;
    auto bucket = [&](const GroupSum& one) { return std::pair{one.units, exact_credit ? one.sum.credit : 0}; };
    std::sort(sums.begin(), sums.end(), [&](const GroupSum& a, const GroupSum& b) {
      if (bucket(a) != bucket(b)) return bucket(a) < bucket(b);
      return std::tie(a.sum.points, a.sum.credit, a.sum.at_credit_level, a.at_level) >
             std::tie(b.sum.points, b.sum.credit, b.sum.at_credit_level, b.at_level);
    });
    std::size_t kept = 0, first = 0;  // of the bucket at hand
    for (std::size_t at = 0; at < sums.size(); ++at) {
      if (kept == 0 || bucket(sums[kept - 1]) != bucket(sums[at])) first = kept;
      bool worse = false;
      for (std::size_t other = first; other < kept && !worse && step(); ++other) worse = sums[at].no_better_than(sums[other]);
      if (!worse) sums[kept++] = sums[at];
    }
    sums.resize(kept);
  }

  /// What is beyond every minimum, and has no maximum, makes no difference any more.
  void cap(const GroupRule& group, GroupSum& sum) const {
    sum.at_level = std::min(sum.at_level, group.units_at_level_min);
    sum.sum.at_credit_level = std::min(sum.sum.at_credit_level, rules_.credit_at_level_required);
    if (group.units_max == 0) sum.units = std::min(sum.units, group.units_min);
    std::uint32_t enough = std::max({group.credit_min, rules_.credit_required, rules_.optional_credit_required + mandatory_credit_});
    if (group.credit_max == 0) sum.sum.credit = std::min(sum.sum.credit, enough);
  }

  /// Without those that another is at least as good as in everything.
  std::vector<Sum> worthwhile(std::vector<Sum> sums) const {
    std::sort(sums.begin(), sums.end(), [](const Sum& a, const Sum& b) {
      return std::tie(a.points, a.credit, a.at_credit_level) > std::tie(b.points, b.credit, b.at_credit_level);
    });
    std::vector<Sum> kept;
    for (const Sum& one : sums)
      if (std::none_of(kept.begin(), kept.end(), [&](const Sum& other) { return !step() || one.no_better_than(other); })) kept.push_back(one);
    return kept;
  }

  void take(const Sum& sum) {
    if (sum.credit < rules_.credit_required || sum.at_credit_level < rules_.credit_at_level_required) return;
    if (sum.credit - mandatory_credit_ < rules_.optional_credit_required) return;
    if (!best_ || sum.points > *best_) best_ = sum.points;
  }

  const Combination& rules_;
  std::span<const UnitRule> units_;
  std::span<const std::uint32_t> points_;
  std::uint64_t& steps_;
  std::uint32_t mandatory_credit_ = 0;
  std::vector<UnitSet> local_;   ///< barred combinations with a choice to make within one group
  std::vector<UnitSet> others_;  ///< and the others
  std::optional<std::uint32_t> best_;
};

}  // namespace

std::optional<std::uint32_t> best_choice(const Combination& rules, std::span<const UnitRule> units, const UnitSet& achieved,
                                         std::span<const std::uint32_t> points, std::uint64_t* steps) {
  std::uint64_t own = kChoiceStepsMax;
  return Search(rules, units, points, steps ? *steps : own).run(achieved);
}

}  // namespace vtq
