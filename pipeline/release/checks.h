// Whether a release may go by itself: who has approved it, and what stops a centre's first results although it was approved. Pure.
//
// The checks look at one centre at a time. That is all that a partition knows, so that they come out the same however centres are spread, and one
// odd centre stops itself only. What is odd over all centres together, each of them within the limits, they do not see: people do, in the dry run,
// before they approve.
#pragma once

#include <map>

#include "pipeline/facts/release_facts.h"

namespace vtq {

/// Whose approvals count for results at a centre, and for what.
struct Approval {
  const ReleaseWords* words = nullptr;  ///< where the plan stands: the centre's own, or that for all; null: there is no plan
  std::uint32_t needed = 0;             ///< different people
  bool planned() const { return words && words->plan; }
  /// Enough people have approved the plan as it stands.
  bool given() const;
};

/// How many people an awarding organisation's release wants: what its policy says, and no fewer than everybody's.
std::uint32_t approvals_needed(const ReleaseTerms* terms, std::uint32_t least);

/// How often each grade was given.
using GradeCounts = std::map<std::string, std::uint32_t>;

/// What of one centre and cohort the checks look at.
struct ReleaseCounts {
  std::uint32_t expected = 0;   ///< entries that have a result, or are due one
  std::uint32_t missing = 0;    ///< of them, not ready
  std::uint32_t corrected = 0;  ///< issued more than once
  /// Results ready or issued, by qualification; and the same a year before.
  std::map<QualificationId, GradeCounts> grades, grades_before;
};

/// How far two distributions lie apart, in points of a hundred: so many of them would have to have another grade. 0 for one that is empty.
double grade_shift(const GradeCounts& now, const GradeCounts& before);

/// The first check that stops a centre's first results: RELEASE_MISSING, RELEASE_GRADES, RELEASE_CORRECTIONS; an overridden one stops nothing.
/// Limits are kept by what just reaches them.
v1::ReleaseCheck stopping(const ReleaseCounts& counts, const ReleaseTerms& terms, const ReleaseWords* words);

/// Whether there is anything to look at.
bool has_checks(const ReleaseTerms* terms, const ReleaseWords* words);

}  // namespace vtq
