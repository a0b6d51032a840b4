#include "daemon/simulator/scenario.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace vtq::simulator {

namespace {

using std::chrono::days;

// Counts at scale 1 for Level 3 and for Levels 2 and 1/2, per scenario. claim_late in 2022 is what remains to the
// published totals of 12,346 and 8,573 late results.
struct FateFigure {
  Fate fate;
  std::uint32_t in_2022, in_2023, in_small;
};

constexpr std::uint32_t kLate2022[kGroups] = {12'346, 8'573};
constexpr double kLevel3Share = 0.59;

// Late: both groups together. Others: per 100,000 entries of each group, except for small, which is both together.
constexpr FateFigure kFateFigures[] = {
    {Fate::second_batch, 2'000, 2'000, 60},
    {Fate::claim_after_claim_deadline, 900, 400, 16},
    {Fate::very_late_entry_on_time, 300, 200, 12},
    {Fate::late_change_on_time, 200, 150, 12},
    {Fate::hold_lifted_in_time, 150, 150, 12},
    {Fate::learner_sample_in_time, 100, 100, 10},
    {Fate::special_consideration_in_time, 300, 300, 12},
    {Fate::claimed_again, 150, 150, 10},
    {Fate::amended_before_issue, 120, 120, 12},
    {Fate::prior_learning, 500, 500, 16},
    {Fate::deferred_but_claimed, 0, 60, 10},
    {Fate::amended_after_issue, 100, 80, 14},
    {Fate::revoked_after_issue, 20, 15, 8},
    {Fate::claim_late, 0, 100, 24},
    {Fate::very_late_entry, 1'000, 35, 10},
    {Fate::late_course_change, 420, 16, 10},
    {Fate::malpractice_lifted_late, 100, 6, 6},
    {Fate::malpractice_open, 50, 4, 4},
    {Fate::evidence_late, 5'300, 90, 20},
    {Fate::response_hold_lifted_late, 420, 20, 8},
    {Fate::learner_sample_late, 250, 12, 6},
    {Fate::marking_late, 2'500, 70, 16},
    {Fate::awarding_organisation_hold_late, 250, 12, 6},
    {Fate::result_never_determined, 130, 8, 6},
    {Fate::special_consideration_late, 340, 16, 8},
    {Fate::special_consideration_open, 30, 4, 4},
    {Fate::cohort_malpractice_late, 100, 10, 2},
    {Fate::cohort_sample_response_late, 1'500, 34, 2},
    {Fate::cohort_sample_response_open, 100, 10, 2},
    {Fate::cohort_sample_decided_late, 850, 40, 2},
    {Fate::cohort_sample_undecided, 70, 10, 2},
    {Fate::withdrawn, 1'100, 700, 24},
    {Fate::transferred, 120, 100, 8},
    {Fate::deferred, 0, 1'100, 24},
    {Fate::claimed_incomplete_answered, 0, 120, 10},
    {Fate::claimed_incomplete_silent, 250, 40, 8},
    {Fate::claim_never_made, 800, 350, 14},
    {Fate::claim_withdrawn, 60, 60, 8},
    {Fate::not_completed_silent, 700, 80, 10},
    {Fate::automatic_incomplete_answered, 0, 20, 8},
    {Fate::automatic_incomplete_silent, 20, 6, 6},
};

// Splits a count of both groups by the share that Level 3 has.
std::array<double, kGroups> split(double both) { return {both * kLevel3Share, both * (1 - kLevel3Share)}; }

std::uint32_t rounded(double value) { return static_cast<std::uint32_t>(std::llround(value)); }

void set_fates(Figures& figures, double scale) {
  std::array<double, kGroups> late{};
  for (const auto& figure : kFateFigures) {
    const bool counts_both = figures.small || is_late(rule_of(figure.fate).kind);
    const std::uint32_t count = figures.small ? figure.in_small : figures.year == 2022 ? figure.in_2022 : figure.in_2023;
    const auto parts = split(count * scale);
    for (std::size_t group = 0; group < kGroups; ++group) {
      const double expected = counts_both ? parts[group] : count * 1e-5 * figures.entries[group];
      figures.fates[group][index_of(figure.fate)] = rounded(expected);
      if (is_late(rule_of(figure.fate).kind)) late[group] += rounded(expected);
    }
  }
  if (figures.year != 2022) return;
  for (std::size_t group = 0; group < kGroups; ++group) {
    figures.fates[group][index_of(Fate::claim_late)] = rounded(std::max(0.0, kLate2022[group] * scale - late[group]));
  }
}

Figures figures_of_small(double scale) {
  Figures figures;
  figures.small = true;
  figures.entries = {rounded(1'000 * scale), rounded(1'000 * scale)};
  figures.centres = std::max(2u, rounded(12 * scale));
  figures.centres_with_late = std::max(2u, rounded(9 * scale));
  figures.centres_incomplete = std::max(1u, rounded(3 * scale));
  figures.centre_entries_max = 700;
  figures.qualifications = 20;
  figures.awarding_organisations = 4;
  figures.t_level_share = 0.10;
  figures.out_of_scope_share = 0.03;
  return figures;
}

Figures figures_of_year(int year, double scale) {
  Figures figures;
  figures.year = year;
  figures.checkpoint = year != 2022;
  // 2023: 378,000 Level 3 and 400,000 other results on time; the rest ends without a result.
  figures.entries =
      year == 2022 ? std::array{rounded(392'000 * scale), rounded(404'000 * scale)} : std::array{rounded(388'500 * scale), rounded(411'000 * scale)};
  figures.centres = std::max(3u, rounded(2'500 * scale));
  figures.centres_with_late = std::max(1u, rounded((year == 2022 ? 1'550 : 150) * scale));
  figures.centres_incomplete = year == 2022 ? 0 : std::max(1u, rounded(72 * scale));
  figures.centre_entries_max = 4'000;
  figures.qualifications = std::clamp(rounded(575 * std::sqrt(scale)), 60u, 575u);
  figures.awarding_organisations = 30;
  figures.t_level_share = year == 2022 ? 0.003 : 0.01;
  figures.out_of_scope_share = 0.025;
  return figures;
}

struct Local {
  Day day;
  int hour, minute;
};
Millis instant(const Local& local) { return london(local.day, local.hour, local.minute); }

Dates dates_of(Day results_level_3, Day results_of_level, Rng& rng, const Dates* like) {
  Dates dates;
  const Day r3 = results_level_3;
  dates.results_day = results_of_level;
  // The term-time dates are the awarding organisation's, the same for all of its levels.
  dates.checkpoint_opens = like ? like->checkpoint_opens : working_day(r3 - days{rng.between(101, 115)});
  dates.checkpoint_closes = like ? like->checkpoint_closes : working_day(r3 - days{rng.pick(std::array{76, 78, 79, 83})});
  dates.late_entry_day = like ? like->late_entry_day : r3 - days{rng.pick(std::array{77, 78, 78, 78, 79})};
  dates.claim_deadline_day = like ? like->claim_deadline_day : r3 - days{rng.pick(std::array{41, 41, 38, 36, 34})};
  dates.issue_deadline_day = results_of_level - days{3};
  dates.first_cut_day = results_of_level - days{rng.between(6, 8)};
  dates.every_hours = rng.pick(std::array<std::uint32_t, 6>{24, 24, 24, 12, 48, 24});
  dates.late_entry_after = instant({dates.late_entry_day, 23, 59});
  dates.claim_deadline = instant({dates.claim_deadline_day, 17, 0});
  dates.issue_deadline = instant({dates.issue_deadline_day, 17, 0});
  dates.first_cut = instant({dates.first_cut_day, 6, 0});
  dates.final_cut = dates.issue_deadline - kHour;
  return dates;
}

}  // namespace

Figures figures_for(const std::string& scenario, double scale) {
  if (!(scale > 0 && scale <= 20)) throw std::runtime_error("scale must be above 0 and at most 20");
  Figures figures;
  if (scenario == "small") {
    figures = figures_of_small(scale);
  } else if (scenario == "2022" || scenario == "2023") {
    figures = figures_of_year(scenario == "2022" ? 2022 : 2023, scale);
  } else {
    throw std::runtime_error("unknown scenario '" + scenario + "': use 2022, 2023 or small");
  }
  if (figures.entries[0] + figures.entries[1] < 20) throw std::runtime_error("scale is too small: it leaves fewer than 20 entries");
  set_fates(figures, scale);
  return figures;
}

Millis Dates::issued_at(Millis ready) const {
  if (ready >= final_cut) return ready;
  Millis cut = first_cut;
  while (cut < ready && cut < final_cut) cut += every_hours * kHour;
  return std::min(cut, final_cut);
}

Season season_for(const Figures& figures, Rng& rng) {
  Season season;
  season.year = figures.year;
  season.checkpoint = figures.checkpoint;
  season.series = std::to_string(figures.year) + "-08";
  // Results days: the third Thursday of August in these two years, and the Thursday after.
  const Day results_3 = figures.year == 2022 ? day_of(2022, 8, 18) : day_of(2023, 8, 17);
  season.reference_from = london(day_of(figures.year - 2, 8, 1), 1);
  season.checkpoint_due = london(day_of(figures.year, 7, 1), 0);
  season.ends = london(day_of(figures.year, 9, 30), 13);
  season.order_matters_from = season.ends;
  season.dates.resize(figures.awarding_organisations);
  for (auto& by_level : season.dates) {
    const Dates* first = nullptr;
    for (const auto level : kLevels) {
      Dates& dates = by_level[static_cast<std::size_t>(level)];
      dates = dates_of(results_3, level == v1::LEVEL_3 ? results_3 : results_3 + days{7}, rng, first);
      if (!first) first = &dates;
      season.order_matters_from = std::min(season.order_matters_from, dates.first_cut - 3 * kHour);
    }
  }
  return season;
}

}  // namespace vtq::simulator
