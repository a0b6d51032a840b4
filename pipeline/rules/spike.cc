#include "pipeline/rules/spike.h"

#include <algorithm>
#include <cmath>

namespace vtq {
namespace {

constexpr std::size_t kWarmUpWeeks = 8;
constexpr std::size_t kYearWeeks = 52;
constexpr std::size_t kSeasonWeeks = 3;  // to either side of the same week a year ago
constexpr std::uint32_t kNewLevelWeeks = 4;
constexpr double kGrowth = 1.15;       // of a cohort from one year to the next
constexpr double kSeasonShare = 0.45;  // of the sensitivity, against a bar that is itself a maximum

/// 1970-01-01 was a Thursday: weeks from Monday.
int week_of(Day day) { return static_cast<int>(std::floor((static_cast<double>(day) + 3) / 7)); }

/// Anscombe's square root: about a normal count of deviation 1/2.
double root(double count) { return std::sqrt(count + 0.375); }

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

struct Week {
  std::uint32_t count = 0;
  std::uint32_t alarmed = 0;  // weeks in a row that alarmed, this one included

  bool teaches() const { return alarmed == 0 || alarmed > kNewLevelWeeks; }
};

/// The smallest count of week `at` that would be a spike, by the weeks before it.
double bar(const std::vector<Week>& weeks, std::size_t at, const SpikeRule& rule) {
  double deviations = rule.tenths / 10.0;
  std::vector<double> usual;
  for (std::size_t before = at > kYearWeeks ? at - kYearWeeks : 0; before < at; ++before)
    if (weeks[before].teaches()) usual.push_back(root(weeks[before].count));
  double middle = median(usual);
  std::vector<double> distances = usual;
  for (double& one : distances) one = std::abs(one - middle);
  double usual_bar = middle + deviations * std::max(0.5, 1.4826 * median(std::move(distances)));

  // The season a year ago, or the busiest week so far.
  bool has_year = at >= kYearWeeks;
  std::size_t from = has_year ? at - kYearWeeks - std::min<std::size_t>(at - kYearWeeks, kSeasonWeeks) : 0;
  std::size_t to = has_year ? std::min(at, at - kYearWeeks + kSeasonWeeks + 1) : at;
  std::uint32_t busiest = 0;
  for (std::size_t before = from; before < to; ++before)
    if (has_year || weeks[before].teaches()) busiest = std::max(busiest, weeks[before].count);
  for (std::size_t before = at > kYearWeeks ? at - kYearWeeks : 0; before < at; ++before)
    if (weeks[before].alarmed > kNewLevelWeeks) busiest = std::max(busiest, weeks[before].count);
  double season_bar = root(busiest * kGrowth) + deviations * kSeasonShare * 0.5;

  double root_bar = std::max(usual_bar, season_bar);
  return root_bar * root_bar - 0.375;
}

}  // namespace

std::vector<Day> spikes(const std::vector<Day>& days, const SpikeRule& rule, Day today) {
  std::vector<Day> alarms;
  if (rule.tenths == 0 || days.empty()) return alarms;
  int first = week_of(days.front());
  std::vector<Week> weeks;
  auto known = static_cast<std::size_t>(std::lower_bound(days.begin(), days.end(), today) - days.begin());
  for (std::size_t at = 0; at < known;) {
    auto week = static_cast<std::size_t>(week_of(days[at]) - first);
    std::size_t end = at;
    while (end < known && static_cast<std::size_t>(week_of(days[end]) - first) == week) ++end;
    weeks.resize(week + 1);
    weeks[week].count = static_cast<std::uint32_t>(end - at);
    if (week >= kWarmUpWeeks && weeks[week].count >= std::max(rule.min, 1u)) {
      double least = std::max<double>(bar(weeks, week, rule), rule.min);
      if (weeks[week].count >= least) {
        // The day on which the count came there.
        alarms.push_back(days[at + static_cast<std::size_t>(std::ceil(least)) - 1]);
        weeks[week].alarmed = weeks[week - 1].alarmed + 1;
      }
    }
    at = end;
  }
  return alarms;
}

}  // namespace vtq
