// Rules of combination: which of the achieved units count, so that every rule is kept and the units counted are worth the most. Exact:
// a choice is found if there is one. Pure.
#pragma once

#include <optional>
#include <span>

#include "pipeline/facts/qualification.h"

namespace vtq {

/// Barred combinations of one qualification, at most, and what their sizes may multiply to: the choices that they leave are tried one
/// by one.
constexpr int kBarredMax = 12;
constexpr std::uint64_t kBarredChoicesMax = 10'000;

/// Steps that one search may take, each a unit added to a choice or two choices compared: tens of milliseconds. A real qualification takes
/// a few thousand; one that takes more with all its units achieved is refused when it is defined.
constexpr std::uint64_t kChoiceStepsMax = 200'000;

/// Most points that some choice among the `achieved` units, which keeps all `rules`, is worth; nullopt when no choice does. Units are
/// known by their place; `points` (empty: none) are theirs. Mandatory units always count; where no maximum is passed and no two barred
/// units are achieved, everything counts and nothing is allocated.
/// `steps`: what the search may take, and what is left of it afterwards; at 0 it was given up, and nullopt then says nothing. Null:
/// kChoiceStepsMax.
std::optional<std::uint32_t> best_choice(const Combination& rules, std::span<const UnitRule> units, const UnitSet& achieved,
                                         std::span<const std::uint32_t> points, std::uint64_t* steps = nullptr);

}  // namespace vtq
