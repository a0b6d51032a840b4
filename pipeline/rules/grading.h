// Grading: which overall grade follows from the units, which result an entry has, and whether a result that was sent agrees with the
// rules. Pure. Indicators such as X (no result) or Q (pending) are never computed.
#pragma once

#include "pipeline/rules/attainment.h"

namespace vtq {

/// The overall grade by the rules, and what kept it down.
struct Graded {
  Word grade;           ///< empty: the rules compute none
  bool none = false;    ///< the rules give no result: a hurdle without which there is none, points below the lowest boundary, no row
  bool no_row = false;  ///< the last of these: the table is at fault
  const Grading::Hurdle* hurdle = nullptr;  ///< the strictest one that is not met
  const Grading::Cap* cap = nullptr;        ///< the strictest one that applies
};

/// Of a qualification with grading. `achieved`: the rules of combination are kept. Hurdles and caps look at all recorded unit grades,
/// whichever units count.
Graded grade_of(const Standings& standings, const Combination& rules, const Qualification& qualification, bool achieved, std::uint32_t points);

/// Whether a component of a table has its decision: a grade, where it is graded.
bool decided(std::size_t component, const Standings& standings, const Qualification& qualification);

/// Adds what of grading stands in the way of a result, then what only keeps the grade down.
void add_grade_obstacles(const Standings& standings, const Combination& rules, const Qualification& qualification, bool achieved,
                         std::uint32_t points, std::vector<v1::Obstacle>& to);

/// The result that an entry has: what was said last, or what follows from the rules.
struct Outcome {
  ResultKind kind = ResultKind::none;
  Word scale;
  Word grade;
  TimeMs at_ms = 0;    ///< when it was said; 0 when it follows from the rules
  bool final = false;  ///< a grade that settles the entry; an indicator (X, Q, #) in its place does not

  bool has_grade() const { return kind == ResultKind::determined || kind == ResultKind::amended; }
};

/// Of a qualification whose results are computed, the computed grade goes before one that was determined; amended and revoked results
/// are the awarding organisation's decisions and hold.
Outcome outcome_of(const EntryFacts& facts, const Qualification& qualification, const Attainment& attainment);

/// What of pathway and result stands in the way: no pathway that the qualification has (Rule::pathway), or a result sent that is not what
/// the rules give (Rule::result_agrees). A result that disagrees is held, never issued. An indicator disagrees with nothing.
Obstacle result_obstacle(const EntryFacts& facts, const Qualification& qualification, const Attainment& attainment);

/// The same in words, for people: names the rule, never a grade.
std::string result_text(const EntryFacts& facts, const Qualification& qualification, const CalculatedUnits* calculated, Rule rule);

}  // namespace vtq
