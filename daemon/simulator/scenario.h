// The figures and the dates of a season. Figures at scale 1 follow what was published about the summers of 2022 and
// 2023; where nothing was published the share is an assumption.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "daemon/simulator/dates.h"
#include "daemon/simulator/fates.h"
#include "daemon/simulator/rng.h"
#include "vtq/v1/common.pb.h"

namespace vtq::simulator {

// Results days are two: Level 3, and all other levels.
inline constexpr std::size_t kGroups = 2;
inline std::size_t group_of(v1::Level level) { return level == v1::LEVEL_3 ? 0 : 1; }

// How many of everything, already scaled.
struct Figures {
  int year = 2023;
  bool checkpoint = true;
  std::array<std::uint32_t, kGroups> entries{};
  std::array<FateCounts, kGroups> fates{};
  std::uint32_t centres = 0;
  std::uint32_t centres_with_late = 0;
  // Centres that have not answered all of the checkpoint by 30 June.
  std::uint32_t centres_incomplete = 0;
  std::uint32_t centre_entries_max = 0;
  std::uint32_t qualifications = 0;
  std::uint32_t awarding_organisations = 0;
  // Of a group's entries.
  double t_level_share = 0;
  double out_of_scope_share = 0;
  // Few entries, but every fate.
  bool small = false;
};

// Throws std::runtime_error on an unknown scenario or a scale that is not in (0, 20].
Figures figures_for(const std::string& scenario, double scale);

// The dates of one awarding organisation and level, as instants, with the days they came from.
struct Dates {
  Day checkpoint_opens, checkpoint_closes, late_entry_day, claim_deadline_day, issue_deadline_day, results_day, first_cut_day;
  Millis late_entry_after = 0;
  Millis claim_deadline = 0;
  Millis issue_deadline = 0;
  // Batches go at first_cut and every so many hours after it while before final_cut, and at final_cut.
  Millis first_cut = 0;
  Millis final_cut = 0;
  std::uint32_t every_hours = 24;

  // When a result that became ready at `ready` is issued.
  Millis issued_at(Millis ready) const;
};

struct Season {
  int year = 2023;
  bool checkpoint = true;
  std::string series;
  // Reference facts hold from here on.
  Millis reference_from = 0;
  // Before this, facts may arrive out of order without changing what is issued.
  Millis order_matters_from = 0;
  Millis checkpoint_due = 0;
  Millis ends = 0;
  // By awarding organisation and level.
  std::vector<std::array<Dates, 4>> dates;

  const Dates& dates_for(std::size_t awarding_organisation, v1::Level level) const {
    return dates[awarding_organisation][static_cast<std::size_t>(level)];
  }
};

inline constexpr std::array kLevels = {v1::LEVEL_3, v1::LEVEL_2, v1::LEVEL_1_2};

Season season_for(const Figures& figures, Rng& rng);

}  // namespace vtq::simulator
