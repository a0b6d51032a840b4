#include "pipeline/facts/told_again.h"

#include <algorithm>
#include <tuple>

namespace vtq {
namespace {

/// First words are kept for so many different ones of a unit or outcome, the earliest.
constexpr std::size_t kFirstSaidMax = 8;

std::uint32_t hash_of(UnitFact::Standing standing, std::uint32_t grade, std::string_view assessor) {
  return short_hash(std::to_string(static_cast<int>(standing)) + " " + std::to_string(grade) + " " + std::string(assessor));
}

/// Who is named as assessor in the word that holds.
std::string_view assessor_of(const EntryFacts& facts, const UnitFact& fact) {
  if (facts.particulars)
    for (const Assessed& one : facts.particulars->assessed)
      if (one.unit == fact.unit && one.learning_outcome == fact.learning_outcome && one.stamp == fact.stamp) return one.assessor;
  return {};
}

void note(std::vector<FirstSaid>& all, const FirstSaid& word) {
  auto same_slot = [&](const FirstSaid& held) { return held.unit == word.unit && held.learning_outcome == word.learning_outcome; };
  auto known = std::find_if(all.begin(), all.end(), [&](const FirstSaid& held) { return same_slot(held) && held.said == word.said; });
  if (known != all.end() && known->at_ms <= word.at_ms) return;
  if (known != all.end()) all.erase(known);
  auto place = [](const FirstSaid& one) { return std::tie(one.unit, one.learning_outcome, one.at_ms, one.said); };
  auto before = [&](const FirstSaid& a, const FirstSaid& b) { return place(a) < place(b); };
  all.insert(std::upper_bound(all.begin(), all.end(), word, before), word);
  auto slot = std::find_if(all.begin(), all.end(), same_slot);
  auto end = std::find_if_not(slot, all.end(), same_slot);
  if (static_cast<std::size_t>(end - slot) > kFirstSaidMax) all.erase(end - 1);
}

/// Particulars are shared and never changed: a changed copy takes their place.
template <class Change>
void change_particulars(EntryFacts& facts, Change change) {
  auto changed = facts.particulars ? std::make_shared<Particulars>(*facts.particulars) : std::make_shared<Particulars>();
  change(*changed);
  facts.particulars = *changed == Particulars{} ? nullptr : std::move(changed);
}

/// Of two words of one slot: which of them holds it no more, or may not, and so is to be noted.
bool gives_way(const Stamp& word, const Stamp& other) { return word.at_ms <= other.at_ms; }

void note_unit(EntryFacts& facts, std::uint32_t unit, std::uint32_t learning_outcome, UnitFact::Standing standing, std::uint32_t grade,
               std::string_view assessor, const Stamp& stamp) {
  auto held = std::find_if(facts.units.begin(), facts.units.end(),
                           [&](const UnitFact& one) { return one.unit == unit && one.learning_outcome == learning_outcome; });
  if (held == facts.units.end() || held->stamp == stamp) return;
  auto counts = [](UnitFact::Standing of) { return of != UnitFact::Standing::not_yet_achieved; };
  bool held_goes = counts(held->standing) && gives_way(held->stamp, stamp);
  bool comes_late = counts(standing) && gives_way(stamp, held->stamp);
  if (!held_goes && !comes_late) return;
  FirstSaid before{unit, learning_outcome, hash_of(held->standing, held->grade, assessor_of(facts, *held)), held->stamp.at_ms};
  change_particulars(facts, [&](Particulars& particulars) {
    if (held_goes) note(particulars.first_said, before);
    if (comes_late) note(particulars.first_said, {unit, learning_outcome, hash_of(standing, grade, assessor), stamp.at_ms});
  });
}

void note_outcomes(EntryFacts& facts, const v1::OutcomeRecorded& fact, const Stamp& stamp) {
  for (const auto& outcome : fact.outcomes())
    note_unit(facts, short_hash(outcome.unit()), outcome.learning_outcome().empty() ? 0 : short_hash(outcome.learning_outcome()),
              outcome.standing() == v1::Outcome::ACHIEVED ? UnitFact::Standing::achieved : UnitFact::Standing::not_yet_achieved,
              outcome.grade().empty() ? 0 : short_hash(outcome.grade()), fact.assessor(), stamp);
}

void note_claim(EntryFacts& facts, bool claimed, const Stamp& stamp) {
  const Stamp held = facts.claim;
  if (!held.set() || held == stamp) return;
  bool held_claims = !facts.claim_withdrawn;
  change_particulars(facts, [&](Particulars& particulars) {
    auto keep = [&](bool is_claim, TimeMs at) {
      if (!is_claim)
        particulars.claim_withdrawn_ms = std::max(particulars.claim_withdrawn_ms, at);
      else if (particulars.first_claimed_ms == 0 || at < particulars.first_claimed_ms)
        particulars.first_claimed_ms = at;
    };
    if (gives_way(held, stamp)) keep(held_claims, held.at_ms);
    if (gives_way(stamp, held)) keep(claimed, stamp.at_ms);
  });
}

}  // namespace

void note_told_again(EntryFacts& facts, const v1::Event& event, const Stamp& stamp) {
  switch (event.fact_case()) {
    case v1::Event::kOutcomeRecorded:
      return note_outcomes(facts, event.outcome_recorded(), stamp);
    case v1::Event::kPriorLearningRecognised: {
      const auto& fact = event.prior_learning_recognised();
      return note_unit(facts, short_hash(fact.unit()), kPriorLearning, UnitFact::Standing::recognised,
                       fact.grade().empty() ? 0 : short_hash(fact.grade()), {}, stamp);
    }
    case v1::Event::kClaimSubmitted:
      return note_claim(facts, true, stamp);
    case v1::Event::kClaimWithdrawn:
      return note_claim(facts, false, stamp);
    default:
      return;
  }
}

TimeMs first_time_of(const EntryFacts& facts, const UnitFact& fact) {
  TimeMs since = fact.stamp.at_ms;
  if (!facts.particulars) return since;
  std::uint32_t said = hash_of(fact.standing, fact.grade, assessor_of(facts, fact));
  for (const FirstSaid& one : facts.particulars->first_said)
    if (one.unit == fact.unit && one.learning_outcome == fact.learning_outcome && one.said == said) since = std::min(since, one.at_ms);
  return since;
}

TimeMs claimed_since(const EntryFacts& facts) {
  if (!facts.has_claim()) return 0;
  if (!facts.particulars || facts.particulars->first_claimed_ms == 0) return facts.claim.at_ms;
  TimeMs first = std::min(facts.particulars->first_claimed_ms, facts.claim.at_ms);
  return first > facts.particulars->claim_withdrawn_ms ? first : facts.claim.at_ms;
}

}  // namespace vtq
