// Words that were told again. State is the latest word of each slot; but a word that is sent once more is no later one, and whose part a
// late result is hangs on when things were first said. So of the words that no longer hold a slot it is kept when they were first said:
// of units and outcomes that were achieved, and of claims. Nothing is kept of entries whose words came once.
#pragma once

#include <string_view>

#include "pipeline/facts/entry.h"

namespace vtq {

/// Notes what `event` says of an entry, or takes the place of. Before it is merged; in any order, twice or late, the same is kept.
void note_told_again(EntryFacts& facts, const v1::Event& event, const Stamp& stamp);

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

}  // namespace vtq
