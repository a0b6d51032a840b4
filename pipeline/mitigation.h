// Mitigations: what applies to a qualification, a centre or a learner in a disruption, and what it asks of the centre before results
// can rest on it (Ofqual, extraordinary regulatory framework, 2020). Pure.
#pragma once

#include "pipeline/derive.h"

namespace vtq {

/// What the mitigation that covers `entry` still asks for; none when it asks nothing. `wake_at` as for approval_obstacle.
Obstacle mitigation_obstacle(const Entry& entry, const Circumstances& around, TimeMs now, TimeMs& wake_at);

/// The same in words, for people.
std::string mitigation_text(const Entry& entry, const Circumstances& around, Rule rule);

}  // namespace vtq
