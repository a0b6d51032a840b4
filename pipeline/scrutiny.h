// Centre assessment standards scrutiny (CASS): whether a centre's own marking of a qualification may be relied on, and what must
// happen before its claims go through (Ofqual condition H2; the strategy is reference data of the awarding organisation). Pure.
#pragma once

#include "pipeline/derive.h"

namespace vtq {

/// The rule of scrutiny that holds `entry`'s claim; none when all are kept. `wake_at` as for approval_obstacle.
Obstacle scrutiny_obstacle(const Entry& entry, const Circumstances& around, TimeMs now, TimeMs& wake_at);

/// The same in words, for people.
std::string scrutiny_text(const Entry& entry, const Circumstances& around, Rule rule);

}  // namespace vtq
