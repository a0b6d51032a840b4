// Merge: facts in. Commutative, associative and idempotent, so that the order of arrival, duplicates and re-delivery cannot
// change where the state ends. Pure functions over plain values.
#pragma once

#include "pipeline/facts/centre.h"
#include "pipeline/facts/entry.h"
#include "pipeline/facts/kind.h"

namespace vtq {

/// Merges a fact about an entry. The event has passed `check` and names this entry. `clash`: what it met in its slots; may be null.
Merged merge(EntryFacts& facts, const v1::Event& event, const Stamp& stamp, Clash* clash = nullptr);

/// Merges a fact about a centre as a whole, of which `check` found `address`; says through `change` which entries it touches.
Merged merge(CentreFacts& facts, const v1::Event& event, const Address& address, std::string_view bytes, const Stamp& stamp, CentreChange& change,
             Clash* clash = nullptr);

/// Lets the entry's words be those of its qualification's scale, where they say the same.
void share_words(Entry& entry, const GradingScale& scale);

/// Rebuilds the decoded side of a centre's facts from a stored slot: `event`, which has passed `check`, and its bytes.
void restore(CentreFacts& facts, std::string_view slot, const Stamp& stamp, const v1::Event& event, const Address& address, std::string_view bytes);

}  // namespace vtq
