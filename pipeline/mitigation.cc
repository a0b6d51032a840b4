#include "pipeline/mitigation.h"

namespace vtq {

Obstacle mitigation_obstacle(const Entry&, const Circumstances&, TimeMs, TimeMs&) { return {}; }

std::string mitigation_text(const Entry&, const Circumstances&, Rule) { return {}; }

}  // namespace vtq
