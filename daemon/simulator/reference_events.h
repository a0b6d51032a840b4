// The reference facts of a season, before anything else in time: organisations, scales, qualifications, centres,
// calendars and release plans.
#pragma once

#include <vector>

#include "daemon/simulator/catalogue.h"
#include "daemon/simulator/centre_events.h"
#include "daemon/simulator/event_book.h"
#include "daemon/simulator/plan.h"

namespace vtq::simulator {

void add_reference_events(const Season& season, const Catalogue& catalogue, const std::vector<CentrePlan>& centres, EventIds& ids, EventBook& book,
                          bool plain);

}  // namespace vtq::simulator
