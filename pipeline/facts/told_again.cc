#include "pipeline/facts/told_again.h"

#include <algorithm>
#include <tuple>

#include "pipeline/facts/coming.h"

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

/// Of two words of one slot: which of them holds it no more, or may not, and so is to be noted.
bool gives_way(const Stamp& word, const Stamp& other) { return word.at_ms <= other.at_ms; }

}  // namespace

void note_unit(EntryFacts& facts, const UnitFact& word, std::string_view assessor, const Stamp& stamp) {
  auto held = std::find_if(facts.units.begin(), facts.units.end(),
                           [&](const UnitFact& one) { return one.unit == word.unit && one.learning_outcome == word.learning_outcome; });
  if (held == facts.units.end() || held->stamp == stamp) return;
  auto counts = [](UnitFact::Standing of) { return of != UnitFact::Standing::not_yet_achieved; };
  bool held_goes = counts(held->standing) && gives_way(held->stamp, stamp);
  bool comes_late = counts(word.standing) && gives_way(stamp, held->stamp);
  if (!held_goes && !comes_late) return;
  FirstSaid before{word.unit, word.learning_outcome, hash_of(held->standing, held->grade, assessor_of(facts, *held)), held->stamp.at_ms};
  change_particulars(facts, [&](Particulars& particulars) {
    if (held_goes) note(particulars.first_said, before);
    if (comes_late) note(particulars.first_said, {word.unit, word.learning_outcome, hash_of(word.standing, word.grade, assessor), stamp.at_ms});
  });
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

namespace {

void keep_stop(std::vector<TimeMs>& held, TimeMs at) {
  auto place = std::lower_bound(held.begin(), held.end(), at);
  if (place != held.end() && *place == at) return;
  held.insert(place, at);
  // Whatever order they come in, the same are kept.
  if (held.size() > kStopsKept) held.erase(held.end() - 2);
}

/// Whether stops that came at `from` or later may not have been kept: they lie before the last that was.
bool may_lack(const std::vector<TimeMs>& held, TimeMs from) {
  return held.size() == kStopsKept && held.back() >= from && held[kStopsKept - 2] < from;
}

/// The first of the stops that came at `from` or later; `last` is one. Where some may not have been kept, it is taken to have come at once.
TimeMs first_stop(const std::vector<TimeMs>& held, TimeMs from, TimeMs last) {
  if (may_lack(held, from)) return std::min(from, last);
  auto first = std::lower_bound(held.begin(), held.end(), from);
  return first == held.end() ? last : std::min(*first, last);
}

}  // namespace

void note_left(EntryFacts& facts, const Stamp& held, const Stamp& stamp) {
  if (!held.set() || held == stamp) return;
  change_particulars(facts, [&](Particulars& particulars) { keep_stop(particulars.left_before_ms, std::min(held.at_ms, stamp.at_ms)); });
}

void note_result(EntryFacts& facts, bool revokes, const Stamp& stamp) {
  const Stamp held = facts.result;
  if (!held.set() || held == stamp) return;
  bool held_revokes = facts.result_kind == ResultKind::revoked;
  // At one moment a revocation goes before any other word.
  bool held_goes = held.moment() != stamp.moment() ? held.before(stamp) : !held_revokes;
  bool goes_revokes = held_goes ? held_revokes : revokes;
  TimeMs at = held_goes ? held.at_ms : stamp.at_ms;
  change_particulars(facts, [&](Particulars& particulars) {
    if (goes_revokes)
      keep_stop(particulars.revoked_before_ms, at);
    else
      particulars.result_before_ms = std::max(particulars.result_before_ms, at);
  });
}

TimeMs left_since(const EntryFacts& facts) {
  if (!facts.has_left()) return 0;
  TimeMs first = kNever;
  for (const Stamp* leaving : {&facts.withdrawn, &facts.transferred})
    if (leaving->set() && !leaving->before(facts.registered)) first = std::min(first, leaving->at_ms);
  return facts.particulars ? first_stop(facts.particulars->left_before_ms, facts.registered.at_ms, first) : first;
}

bool had_left(const EntryFacts& facts, TimeMs at) {
  if (!facts.has_left()) return false;
  TimeMs amended = facts.result_kind == ResultKind::amended ? facts.result.at_ms : 0;
  auto counts = [&](TimeMs left) { return left <= at && left > amended; };
  for (const Stamp* leaving : {&facts.withdrawn, &facts.transferred})
    if (leaving->set() && !leaving->before(facts.registered) && counts(leaving->at_ms)) return true;
  if (!facts.particulars) return false;
  const std::vector<TimeMs>& held = facts.particulars->left_before_ms;
  TimeMs from = facts.registered.at_ms;
  if (may_lack(held, from) && from <= at && std::min(held.back(), at) > amended) return true;
  return std::any_of(std::lower_bound(held.begin(), held.end(), from), held.end(), counts);
}

TimeMs revoked_since(const EntryFacts& facts) {
  if (!facts.particulars) return facts.result.at_ms;
  return first_stop(facts.particulars->revoked_before_ms, facts.particulars->result_before_ms, facts.result.at_ms);
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
