// Merge: facts in. Commutative, associative and idempotent, so that the order of arrival, duplicates and re-delivery cannot
// change where the state ends. Pure functions over plain values.
#pragma once

#include "pipeline/centre.h"
#include "pipeline/entry.h"

namespace vtq {

/// The stamp of an event: its time, and a hash over its bytes, which hold its id.
Stamp stamp_of(const v1::Event& event, std::string_view bytes);

/// Merges a fact about an entry. The event has passed `check` and names this entry.
Merged merge(EntryFacts& facts, const v1::Event& event, const Stamp& stamp);

/// Merges a fact about a centre as a whole; says through `change` which entries it touches.
Merged merge(CentreFacts& facts, const v1::Event& event, std::string_view bytes, const Stamp& stamp, CentreChange& change);

/// Rebuilds the decoded side of a centre's facts from a stored slot.
void restore(CentreFacts& facts, std::string_view slot, const Stamp& stamp, std::string_view bytes);

}  // namespace vtq
