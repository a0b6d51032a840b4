// Whether a fact that fits the reference data can be applied at its centre as it stands. Pure.
#pragma once

#include "pipeline/run/centre_state.h"

namespace vtq {

/// What the fact names that is not there yet, and may come: its entry's registration, or the batch that it acknowledges. `entry`: the one that it is
/// about; null: not registered.
std::optional<Rejection> waits_for(const Centre& centre, const Entry* entry, const v1::Event& event, const Address& address);

/// Why the fact is one too many of its name. Every word of a hold, halt and sanction is kept, and looked through: one name has no more of them than
/// can be borne. A word that is there already is none too many, nor is one that lifts.
std::optional<Rejection> one_too_many(const Centre& centre, const v1::Event& event, const Address& address, const Stamp& stamp);

}  // namespace vtq
