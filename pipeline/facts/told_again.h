// Words that were told again. State is the latest word of each slot; but a word that is sent once more is no later one, and whose part a
// late result is hangs on when things were first said. So of the words that no longer hold a slot it is kept when they were first said:
// of units and outcomes that were achieved, and of claims. Nothing is kept of entries whose words came once.
#pragma once

#include <string_view>

#include "pipeline/facts/entry.h"

namespace vtq {

/// Notes what is said of a unit or learning outcome, or what that takes the place of. Before it is merged; in any order, twice or late, the
/// same is kept.
void note_unit(EntryFacts& facts, const UnitFact& word, std::string_view assessor, const Stamp& stamp);
/// The same of a claim, or of its withdrawal.
void note_claim(EntryFacts& facts, bool claimed, const Stamp& stamp);

/// Words that stop are kept of an entry, at most: the first of them, and the last.
constexpr std::size_t kStopsKept = 8;
/// The same of a word that the learner has left, for the slot that `held` holds.
void note_left(EntryFacts& facts, const Stamp& held, const Stamp& stamp);
/// The same of a word about the result.
void note_result(EntryFacts& facts, bool revokes, const Stamp& stamp);

/// The first time of a word that was told again; that of the word itself where it was not.
TimeMs first_time_of(const EntryFacts& facts, const UnitFact& fact);

/// Since when what holds of a unit or learning outcome has been said: standing, grade and assessor alike. Most words came once.
inline TimeMs said_since(const EntryFacts& facts, const UnitFact& fact) {
  bool once = !facts.particulars || facts.particulars->first_said.empty();
  return once ? fact.stamp.at_ms : first_time_of(facts, fact);
}

/// Since when the claim stands; 0 when there is none. A claim sent again is no later one; after a withdrawal a claim begins anew, and of
/// several after it, where there was one before, the last counts.
TimeMs claimed_since(const EntryFacts& facts);

/// Since when the learner has left, however often that was told; 0: not withdrawn, or registered again since.
TimeMs left_since(const EntryFacts& facts);

/// Whether the learner had left at `at` or before, and the result was not sent as amended after that.
bool had_left(const EntryFacts& facts, TimeMs at);

/// Since when a result that is revoked has been.
TimeMs revoked_since(const EntryFacts& facts);

}  // namespace vtq
