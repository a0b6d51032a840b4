// Which centres there are, which cohorts they have, and how many entries of each fate fall to them. Small next to the
// events: the plan of a full season fits in a few megabytes.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "daemon/simulator/catalogue.h"
#include "daemon/simulator/scenario.h"

namespace vtq::simulator {

// One qualification at one centre.
struct Cohort {
  std::uint32_t qualification = 0;
  std::uint32_t size = 0;
  // on_time, or a fate of Kind::late_cohort that all of its entries share.
  Fate fate = Fate::on_time;
};

struct CentrePlan {
  std::string number, name, urn, ukprn, postcode, type;
  // Another centre, to which learners transfer.
  std::string neighbour;
  std::vector<Cohort> cohorts;
  std::uint32_t entries = 0;
  std::array<std::uint32_t, kGroups> entries_in{};
  // Not all of the checkpoint answered by 30 June.
  bool incomplete = false;
  // How many entries each fate befalls, without those of the cohorts' own fates.
  std::array<FateCounts, kGroups> fates{};
};

std::vector<CentrePlan> make_plan(const Figures& figures, const Catalogue& catalogue, Rng& rng);

}  // namespace vtq::simulator
