// Approval of qualifications: what a body must have agreed to before learners are registered and results issued, and until when.
// The life cycle is derived from the latest proposal, submission, decision and withdrawal (IfATE, technical qualification approval:
// additional specialist category, 2023). Pure.
#pragma once

#include "pipeline/rules/circumstances.h"

namespace vtq {

/// The rule of approval and life-cycle dates that stands in the way of `entry`; none when all are kept. `wake_at`: lowered to the
/// moment at which time alone changes that.
Obstacle approval_obstacle(const Entry& entry, const Circumstances& around, TimeMs now, TimeMs& wake_at);

/// The same in words, for people.
std::string approval_text(const Entry& entry, const Circumstances& around, Rule rule);

}  // namespace vtq
