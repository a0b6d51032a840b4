// A spike in registrations or claims of one centre and qualification: more in a week than the centre's own past and season explain
// ("unusual spikes in registrations / certificate claims", Qualifi CASS strategy). Robust and online: a pure fold over the days.
//
// Weeks run from Monday. Counts are compared as square roots, in which a Poisson count spreads by about 1/2 whatever its mean.
// A week alarms on the first day on which its count so far is at least `min` and passes both
//   - the usual: the median of the year before plus `tenths`/10 robust deviations (MAD times 1.4826, at least the 1/2 of a Poisson), and
//   - the season: the busiest of the seven weeks around the same week a year ago, or, where the centre's past does not reach back that
//     far, its busiest week yet (its own size of cohort), times kGrowth, plus `tenths`/10 times kSeasonShare of the Poisson 1/2.
// Registrations bunch in September and claims in June and July; the second bar is what lets them. A week that alarmed says nothing of the
// usual, but for the fifth in a row on: that is a new level. It is a season to the year after: monitoring has looked at it since.
// A new centre's first kWarmUpWeeks teach only: there is nothing to compare them with, and its first claims wait for monitoring anyway.
#pragma once

#include <cstdint>
#include <vector>

#include "pipeline/base/uk_time.h"

namespace vtq {

struct SpikeRule {
  std::uint32_t tenths = 0;  ///< of a robust deviation; 0: not watched
  std::uint32_t min = 1;     ///< smallest weekly count that can be a spike
};

/// The days of alarms, ascending, at most one a week, judged by the days before `today` only. `days`: one for each registration or
/// claim, ascending.
std::vector<Day> spikes(const std::vector<Day>& days, const SpikeRule& rule, Day today);

}  // namespace vtq
