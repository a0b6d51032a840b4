// Attainment: is the qualification achieved by what was assessed, what is missing by which rule, and which grade follows. Pure.
//
// A unit with learning outcomes is achieved when all of them are (CASLO: no compensation, and "not yet achieved" is no fail); a decision
// for the unit as a whole speaks for all its outcomes as of its time. Recognised prior learning achieves a unit whatever else is recorded.
// The qualification is attained when some choice among the achieved units keeps all rules of combination.
#pragma once

#include <array>

#include "pipeline/facts/reference.h"

namespace vtq {

/// A unit that counts as achieved without having been assessed: its result was calculated under a mitigation.
struct CalculatedUnit {
  std::uint32_t unit = 0;   ///< short_hash of the unit's code
  std::uint32_t grade = 0;  ///< short_hash of the grade, 0 when ungraded
  TimeMs at_ms = 0;         ///< since when it counts
};
using CalculatedUnits = std::vector<CalculatedUnit>;

/// How an entry's units stand, by place in the qualification. `grade` and `at_ms` are set for units in `recorded` only.
struct Standings {
  UnitSet achieved;
  UnitSet recorded;                            ///< a decision for the unit as a whole, prior learning, or all its outcomes
  UnitSet calculated;                          ///< achieved by calculation only
  std::array<std::uint32_t, kUnitsMax> grade;  ///< short_hash; 0: ungraded
  std::array<TimeMs, kUnitsMax> at_ms;         ///< when it came to stand so
};

Standings standings_of(const EntryFacts& facts, const Qualification& qualification, const CalculatedUnits* calculated = nullptr);

/// What the rules make of an entry's units.
struct Attainment {
  /// Mandatory units missing, units short in groups, and one more for each other rule on credit or level that is not met. 0 when complete.
  std::uint16_t outstanding_units = 0;
  std::uint32_t optional_credit_missing = 0;
  bool pathway_missing = false;   ///< the learner is on none of the qualification's pathways
  bool achieved = false;          ///< all rules of combination are kept
  bool too_many_choices = false;  ///< the search for a choice was given up (kChoiceStepsMax); not achieved then
  /// A result can be determined: all is achieved, or, where grades follow a table, every component is decided.
  bool complete = false;
  std::uint32_t points = 0;  ///< of the units counted, where points decide the grade
  Word grade;                ///< that follows by the rules; empty: none is computed
  /// The rules should give a grade and do not: a row is missing in the table, or a scale is not known. The awarding organisation's to mend.
  bool ungraded = false;
  bool eligible() const { return complete; }
};

Attainment attain(const EntryFacts& facts, const Qualification& qualification, const CalculatedUnits* calculated = nullptr);

/// When a result could first be determined by the facts that now hold; 0 when it cannot.
TimeMs evidence_complete_at(const EntryFacts& facts, const Qualification& qualification, const CalculatedUnits* calculated = nullptr);

/// The rules of combination that hold for the entry: those on its pathway; null when it is on none and there are some.
const Combination* way_of(const EntryFacts& facts, const Qualification& qualification);

/// Every rule that is not met, in the order in which it is to be mended: by name, with its unit or group, and in words. Hurdles and caps
/// that only lower the grade, and units that bring no points, come last. Empty when nothing is missing.
std::vector<v1::Obstacle> missing(const EntryFacts& facts, const Qualification& qualification, const CalculatedUnits* calculated = nullptr);

}  // namespace vtq
