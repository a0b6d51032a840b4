// Attainment: is the qualification achieved by what was assessed, what is missing by which rule, and which grade follows. Pure.
#pragma once

#include "pipeline/reference.h"

namespace vtq {

/// What is missing by the attainment rules: mandatory units not achieved, and credit short among the optional ones.
struct Attainment {
  std::uint16_t outstanding_units = 0;  ///< mandatory units missing, and one more if optional credit is short
  std::uint32_t optional_credit_missing = 0;
  bool eligible() const { return outstanding_units == 0; }
};

Attainment attain(const EntryFacts& facts, const Qualification& qualification);

/// When the attainment rules were first met by the facts that now hold; 0 when they are not.
TimeMs evidence_complete_at(const EntryFacts& facts, const Qualification& qualification);

}  // namespace vtq
