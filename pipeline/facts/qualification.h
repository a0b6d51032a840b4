// Qualifications and grading scales as reference data defines them, decoded for the rules: units with their learning outcomes, the rules
// of combination per pathway, and how the overall grade follows. Made once per QualificationDefined, then read only; grades are interned
// here, so that nothing has to be afterwards. Any thread may read them.
#pragma once

#include <bitset>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/identifiers.h"
#include "pipeline/base/uk_time.h"
#include "pipeline/base/word.h"
#include "vtq/v1/reference.pb.h"

namespace vtq {

/// Units of one qualification, at most.
constexpr int kUnitsMax = 200;
/// Some of a qualification's units, by their place in `Qualification::units`.
using UnitSet = std::bitset<kUnitsMax>;

/// Calls `look` with the place of each unit in the set, ascending.
template <class Look>
void each_unit(const UnitSet& set, Look look) {
  for (std::size_t unit = set._Find_first(); unit < set.size(); unit = set._Find_next(unit)) look(unit);
}

/// Place of a grade on its scale, 0 the highest.
using Rank = std::uint8_t;
constexpr Rank kNoRank = 255;  ///< not on the scale; worse than any that is

/// A grading scale, highest grade first.
struct GradingScale {
  struct Grade {
    Word value;
    std::uint32_t hash = 0;  ///< short_hash(value)
    bool achieved = false;   ///< counts as achieved
    bool final = true;       ///< settles an entry; an indicator does not
  };
  Word name;
  std::vector<Grade> grades;

  Rank rank(std::uint32_t grade_hash) const {
    for (std::size_t at = 0; at < grades.size(); ++at)
      if (grades[at].hash == grade_hash) return static_cast<Rank>(at);
    return kNoRank;
  }
  bool has(std::uint32_t grade_hash) const { return rank(grade_hash) != kNoRank; }
  /// Whether the grade counts as achieved. Ungraded and unknown grades do.
  bool achieves(std::uint32_t grade_hash) const {
    if (grade_hash == 0) return true;
    Rank at = rank(grade_hash);
    return at == kNoRank || grades[at].achieved;
  }
};

GradingScale make_scale(const v1::GradingScaleDefined& fact);

/// X (no result), Q (pending) and # (partial absence) stand in the place of a grade and are none, unless their scale says otherwise.
bool is_indicator(std::uint32_t grade_hash);

/// Whether a value settles what it stands for: an indicator does not, and nothing is worked out from it. `scale`: null while it is not known.
bool is_final(const GradingScale* scale, std::uint32_t grade_hash);

/// By name. Qualifications point into it: what is in stays where it is.
using Scales = std::map<std::string, GradingScale, std::less<>>;

struct UnitRule {
  std::string code;
  std::uint32_t id = 0;  ///< short_hash(code)
  std::uint32_t credit = 0;
  bool mandatory = false;
  std::string title = {};
  std::uint32_t level = 0;                          ///< 1 to 8; 0: not given
  std::vector<std::string> learning_outcomes = {};  ///< codes, as listed
  std::vector<std::uint32_t> outcomes = {};         ///< their hashes, ascending
  std::string grading_scale = {};                   ///< its own, or that of the qualification's units; empty: not graded
  const GradingScale* scale = nullptr;              ///< of that name; null while it is not known
  std::string minimum_grade = {};
  std::uint32_t minimum_hash = 0;                                    ///< short_hash of it; 0: what the scale counts as achieved
  std::vector<std::pair<std::uint32_t, std::uint32_t>> points = {};  ///< by hash of the grade, for this unit's credit

  /// Whether the unit counts with a decision "achieved" at this grade (its hash; 0: ungraded). Where a minimum grade is named, a grade
  /// is needed, and a near pass counts if it is the one named.
  bool counts(std::uint32_t grade_hash) const {
    if (minimum_hash == 0) return grade_hash == 0 || !scale || scale->achieves(grade_hash);
    if (grade_hash == 0) return false;
    if (!scale) return grade_hash == minimum_hash;
    Rank least = scale->rank(minimum_hash);
    return least != kNoRank && scale->rank(grade_hash) <= least;
  }
  bool has_outcome(std::uint32_t outcome_hash) const;
  std::uint32_t points_for(std::uint32_t grade_hash) const;
};

/// A choice of units with limits; a maximum of 0 is none.
struct GroupRule {
  std::string code;
  UnitSet units;
  UnitSet at_level;  ///< of them, those at `level` or above
  std::uint32_t units_min = 0;
  std::uint32_t units_max = 0;
  std::uint32_t credit_min = 0;
  std::uint32_t credit_max = 0;
  std::uint32_t level = 0;
  std::uint32_t units_at_level_min = 0;
};

/// The rules of combination on one way through a qualification.
struct Combination {
  UnitSet mandatory;
  /// Units that may count: all but those that only other pathways name.
  UnitSet counting;
  std::vector<GroupRule> groups;
  std::vector<UnitSet> barred;
  UnitSet at_credit_level;
  std::uint32_t credit_required = 0;
  std::uint32_t credit_at_level_required = 0;
  std::uint32_t optional_credit_required = 0;  ///< of counted units that are not mandatory

  /// Nothing but mandatory units and optional credit: every achieved unit counts.
  bool plain() const { return groups.empty() && barred.empty() && credit_required == 0 && credit_at_level_required == 0; }
};

/// From units to the overall grade. Ranks are on the qualification's scale; while that is not known, places among the boundaries.
struct Grading {
  struct Boundary {
    Word grade;
    Rank rank = kNoRank;
    std::uint32_t points = 0;
  };
  struct Hurdle {
    Word from_grade;  ///< empty: without it there is no result at all
    Rank rank = kNoRank;
    UnitSet units;  ///< none: the mandatory ones
    std::string unit_grade;
    std::uint32_t unit_grade_hash = 0;
    std::uint32_t units_min = 0;  ///< 0: all of them
  };
  struct Cap {
    Word grade;
    Rank rank = kNoRank;
    UnitSet units;  ///< none: all
    std::string unit_grade;
    std::uint32_t unit_grade_hash = 0;
    std::uint32_t units_max = 0;
  };
  struct Row {
    std::vector<std::uint32_t> unit_grades;  ///< hashes, in the order of components
    Word grade;
  };
  Word pass_grade;
  std::vector<Boundary> boundaries;  ///< highest first
  std::vector<Hurdle> hurdles;
  std::vector<Cap> caps;
  std::vector<std::size_t> components;  ///< places of units
  std::vector<Row> rows;
  Word partial_grade;
  Word unclassified_grade;

  bool by_table() const { return !components.empty(); }
  bool by_points() const { return !boundaries.empty(); }
};

struct Qualification {
  QualificationId id{};
  std::string title;
  AwardingOrganisationId awarding_organisation{};
  v1::Level level{};
  std::uint32_t guided_learning_hours = 0;
  std::uint32_t ucas_points = 0;
  bool performance_table = false;
  bool awarded_without_claim = false;
  /// The result follows from the rules by itself (DETERMINATION_COMPUTED).
  bool computed = false;
  std::string grading_scale;
  std::string unit_grading_scale;
  Word scale_name;                      ///< grading_scale
  const GradingScale* scale = nullptr;  ///< of that name; null while it is not known
  bool scales_known = false;            ///< that one, and those of all units
  std::vector<UnitRule> units;
  std::uint32_t optional_credit_required = 0;
  std::uint32_t credit_level = 0;
  std::string family;
  v1::Size size{};
  std::uint32_t framework_level = 0;
  Day content_changed = 0;  ///< when the content last changed considerably; 0: never
  Day professional_standard_changed = 0;
  const struct ApprovalTerms* approval = nullptr;               ///< null: no approval is needed and no dates are set
  const std::vector<struct Mitigation>* mitigations = nullptr;  ///< null: none is defined, in no series
  std::vector<std::string> pathways;                            ///< codes
  /// The rules that hold for all, then those on each pathway, in the order of `pathways`.
  std::vector<Combination> ways;
  std::shared_ptr<const Grading> grading;  ///< null: the grade is not checked
  /// Units by ascending id: (id, place), to go along an entry's unit facts.
  std::vector<std::pair<std::uint32_t, std::uint16_t>> by_id;

  /// Whether the term-time checkpoint covers it: Level 3 with at least 180 guided learning hours and 16 UCAS points; Level 1/2 and
  /// 2 in the performance tables with at least 120 hours (Ofqual, VTQ results 2024).
  bool in_checkpoint_scope() const;
  const UnitRule* unit(std::uint32_t unit_id) const;
  /// The rules for a learner on `pathway`; null when there are pathways and this is none of them.
  const Combination* way(std::string_view pathway) const;
  /// Whether a result with this overall grade settles an entry.
  bool settles(const Word& grade) const;
  /// Points to the scales as they are now known.
  void link(const Scales& scales);
};

/// From a fact that has passed `check`.
Qualification make_qualification(const v1::QualificationDefined& fact, const Scales& scales);

}  // namespace vtq
