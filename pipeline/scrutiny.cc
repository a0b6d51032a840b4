#include "pipeline/scrutiny.h"

namespace vtq {

Obstacle scrutiny_obstacle(const Entry&, const Circumstances&, TimeMs, TimeMs&) { return {}; }

std::string scrutiny_text(const Entry&, const Circumstances&, Rule) { return {}; }

}  // namespace vtq
