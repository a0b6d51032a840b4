// Statuses in words, for people. Pure. Words name rules, units and dates, never a grade: they go out before any gate opens.
#pragma once

#include <string>

#include "pipeline/status/derive.h"

namespace vtq {

/// Why the entry is in its band: what is missing, the time left, and how long it usually takes.
std::string why(const Entry& entry, const Derived& derived, const Circumstances& around);
/// What has to be done next, as an instruction to its owner.
std::string_view step_words(v1::Step step);
/// The code's meaning in the late results return.
std::string_view reason_words(v1::Reason reason);
/// Codes of required units not achieved; for short optional credit a last item such as `15 credits of optional units`.
std::vector<std::string> outstanding_units(const EntryFacts& facts, const Qualification& qualification, const CalculatedUnits* calculated = nullptr);

/// What stands in the way, in the order in which it is to be mended: missing units and other rules of attainment, holds and samples, then
/// the rule that the status names. Empty for entries that ended without a result.
std::vector<v1::Obstacle> obstacles(const Entry& entry, const Derived& derived, const Circumstances& around);

}  // namespace vtq
