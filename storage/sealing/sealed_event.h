// Events of which the fact is sealed: what came over HTTP, in an input topic; or what a publisher sealed to the daemon's public key. Outside stand
// id, source, occurred_at and sequence, as far as they are known; `sealed` holds the whole event. Once opened nothing tells that it was sealed, so
// that the same event counts once, sealed or not. Any thread.
#pragma once

#include <optional>
#include <string>

#include "pipeline/base/result.h"
#include "storage/sealing/seal.h"
#include "vtq/v1/event.pb.h"

namespace vtq {

/// The event, serialised, with its fact sealed by the first key.
std::string seal_event(const Seal& seal, const v1::Event& event);
/// The same for the owner of a public key.
v1::Event seal_event(const SealRecipient& to, const v1::Event& event);

/// Of an event with `sealed`: puts what is in it in its place. What is wrong, otherwise: rules `sealed-alone`, `sealed-key-known`, `sealed-opens`,
/// `sealed-agrees`. `seal` may be null: no key is known.
std::optional<Rejection> open_event(const Seal* seal, v1::Event& event);

}  // namespace vtq
