// Who says an act: a plan, an approval, an override, a halt, a policy. What comes over HTTP bears the name of its caller, and of nobody else. Pure.
#pragma once

#include <optional>
#include <string>

#include "daemon/access/caller.h"
#include "pipeline/base/result.h"
#include "vtq/v1/event.pb.h"

namespace vtq {

/// Who a caller is, however many sessions it has: the person who signed in, or else the key, or the system with a token; with the access secret
/// alone, `operator`.
std::string sayer_of(const Caller& caller);

/// Fills in who says it, where the event is an act that says so of nobody yet. Returns whether it changed the event.
bool fill_said_by(v1::Event& event, const Caller& caller);

/// Why the caller may not say an event that was filled in: it names another (said-by-caller), approvals and overrides are for people and keys
/// (said-by-person), and gates are confirmed by two people, not by one who names two (gates-by-approval).
std::optional<Rejection> not_its_own(const v1::Event& event, const Caller& caller);

}  // namespace vtq
