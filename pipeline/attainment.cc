#include "pipeline/attainment.h"

#include <algorithm>

namespace vtq {
namespace {

bool unit_achieved(const UnitFact& fact, const Qualification& qualification) {
  if (fact.learning_outcome == kPriorLearning) return true;
  return fact.learning_outcome == 0 && fact.standing == UnitFact::Standing::achieved &&
         (!qualification.unit_scale || qualification.unit_scale->achieves(fact.grade));
}

const UnitFact* achieved_fact(const EntryFacts& facts, const UnitRule& rule, const Qualification& qualification) {
  for (const UnitFact& fact : facts.units)
    if (fact.unit == rule.id && unit_achieved(fact, qualification)) return &fact;
  return nullptr;
}

}  // namespace

Attainment attain(const EntryFacts& facts, const Qualification& qualification) {
  Attainment found;
  std::uint32_t credit = 0;
  for (const UnitRule& rule : qualification.units) {
    bool achieved = achieved_fact(facts, rule, qualification) != nullptr;
    if (rule.mandatory) {
      if (!achieved) ++found.outstanding_units;
    } else if (achieved) {
      credit += rule.credit;
    }
  }
  if (credit < qualification.optional_credit_required) {
    found.optional_credit_missing = qualification.optional_credit_required - credit;
    ++found.outstanding_units;
  }
  return found;
}

TimeMs evidence_complete_at(const EntryFacts& facts, const Qualification& qualification) {
  TimeMs complete = facts.registered.at_ms;
  std::vector<std::pair<TimeMs, std::uint32_t>> optional;
  for (const UnitRule& rule : qualification.units) {
    const UnitFact* fact = achieved_fact(facts, rule, qualification);
    if (!fact && rule.mandatory) return 0;
    if (!fact) continue;
    if (rule.mandatory) {
      complete = std::max(complete, fact->stamp.at_ms);
    } else {
      optional.emplace_back(fact->stamp.at_ms, rule.credit);
    }
  }
  std::sort(optional.begin(), optional.end());
  std::uint32_t credit = 0;
  for (const auto& [at, worth] : optional) {
    if (credit >= qualification.optional_credit_required) break;
    credit += worth;
    complete = std::max(complete, at);
  }
  return credit >= qualification.optional_credit_required ? complete : 0;
}

}  // namespace vtq
