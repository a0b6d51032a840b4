#include "daemon/simulator/plan.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

namespace vtq::simulator {

namespace {

std::string digits(std::uint64_t number, std::size_t width) {
  std::string text = std::to_string(number);
  return text.size() < width ? std::string(width - text.size(), '0') + text : text;
}

// Whole numbers in proportion to `weights` that add up to `total`.
std::vector<std::uint32_t> apportion(const std::vector<double>& weights, std::uint32_t total) {
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::vector<std::uint32_t> parts(weights.size(), 0);
  if (sum <= 0) return parts;
  double exact = 0;
  std::uint32_t given = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    exact += weights[i] / sum * total;
    const auto upto = static_cast<std::uint32_t>(std::min<double>(std::floor(exact + 0.5), total));
    parts[i] = upto - given;
    given = upto;
  }
  parts.back() += total - given;
  return parts;
}

// The long tail: half of the centres have fewer than 150 entries, a few colleges have thousands.
std::vector<double> centre_sizes(const Figures& figures, Rng& rng) {
  std::vector<double> sizes;
  for (std::uint32_t i = 0; i < figures.centres; ++i) sizes.push_back(std::max(4.0, rng.lognormal(150, 1.25)));
  const double wanted = figures.entries[0] + figures.entries[1];
  for (int round = 0; round < 8; ++round) {
    const double factor = wanted / std::accumulate(sizes.begin(), sizes.end(), 0.0);
    for (auto& size : sizes) size = std::clamp<double>(size * factor, 2, figures.centre_entries_max);
  }
  return sizes;
}

void describe(CentrePlan& centre, double size, std::uint32_t index, Rng& rng, std::set<std::uint32_t>& taken) {
  std::uint32_t number = 0;
  do number = static_cast<std::uint32_t>(rng.between(10'000, 79'999));
  while (!taken.insert(number).second);
  centre.number = digits(number, 5);
  centre.type = size > 1'500                    ? "Further education college"
                : size > 500 && rng.chance(0.6) ? "Sixth form college"
                : rng.chance(0.12)              ? "Training provider"
                                                : "School";
  centre.name = centre_name(centre.type, rng);
  if (centre.type != "Training provider") centre.urn = digits(100'000 + (index * 7ull + 13) % 900'000, 6);
  centre.ukprn = digits(10'000'000 + (index * 11ull + 5) % 9'000'000, 8);
  // No postcode starts with ZZ.
  centre.postcode = "ZZ" + std::to_string(rng.between(1, 98)) + " " + std::to_string(rng.between(1, 9)) + static_cast<char>('A' + rng.below(26)) +
                    static_cast<char>('A' + rng.below(26));
}

double level_3_share(const std::string& type, Rng& rng) {
  if (type == "Sixth form college") return 0.85;
  if (type == "Further education college") return 0.45 + 0.25 * rng.unit();
  return rng.chance(0.25) ? 0.0 : 0.2 + 0.5 * rng.unit();
}

void add_cohorts(CentrePlan& centre, std::uint32_t entries, const std::vector<std::uint32_t>& offered, const WeightedPick& popularity, Rng& rng) {
  if (entries == 0) return;
  const auto wanted =
      std::clamp<std::size_t>(static_cast<std::size_t>(entries / (9 + rng.below(16))), 1, std::min<std::size_t>(offered.size() * 2 / 3 + 1, 90));
  std::set<std::uint32_t> chosen;
  for (std::size_t tries = 0; chosen.size() < std::min<std::size_t>(wanted, entries) && tries < wanted * 12; ++tries) {
    chosen.insert(offered[popularity.draw(rng)]);
  }
  std::vector<double> weights;
  for (std::size_t i = 0; i < chosen.size(); ++i) weights.push_back(rng.lognormal(1, 0.8));
  const auto sizes = apportion(weights, entries);
  std::size_t i = 0;
  for (const auto qualification : chosen) {
    if (sizes[i] > 0) centre.cohorts.push_back({qualification, sizes[i]});
    ++i;
  }
}

struct CohortAt {
  std::uint32_t centre, cohort;
};

// Gives whole cohorts to the cohort fates, at centres that are to have late results.
void choose_late_cohorts(const Figures& figures, const Catalogue& catalogue, std::vector<CentrePlan>& centres,
                         const std::vector<std::uint32_t>& troubled, std::array<std::uint32_t, kGroups>& missed, Rng& rng) {
  std::array<std::vector<CohortAt>, kGroups> moderated;
  for (const auto c : troubled) {
    for (std::uint32_t k = 0; k < centres[c].cohorts.size(); ++k) {
      const auto& q = catalogue.qualifications[centres[c].cohorts[k].qualification];
      if (q.moderated && !q.automatic) moderated[group_of(q.level)].push_back({c, k});
    }
  }
  for (std::size_t group = 0; group < kGroups; ++group) {
    auto& candidates = moderated[group];
    rng.shuffle(candidates);
    for (const auto& rule : fate_rules()) {
      if (rule.kind != Kind::late_cohort) continue;
      std::int64_t left = figures.fates[group][index_of(rule.fate)];
      bool none_yet = figures.small;
      for (std::size_t i = 0; i < candidates.size() && left > 0; ++i) {
        Cohort& cohort = centres[candidates[i].centre].cohorts[candidates[i].cohort];
        if (cohort.fate != Fate::on_time || (cohort.size > left && !(none_yet && cohort.size <= 30))) continue;
        cohort.fate = rule.fate;
        left -= cohort.size;
        none_yet = false;
      }
      if (left > 0) missed[group] += static_cast<std::uint32_t>(left);
    }
  }
}

// Spreads `count` over the centres of `among`, in proportion to their entries in the group; first one each while
// `first_each` lasts.
void spread(std::vector<CentrePlan>& centres, const std::vector<std::uint32_t>& among, std::size_t group, Fate fate, std::uint32_t count,
            std::size_t& first_each, Rng& rng) {
  WeightedPick by_size;
  for (const auto c : among) by_size.add(centres[c].entries_in[group]);
  if (by_size.empty()) return;
  for (; count > 0; --count) {
    auto chosen = among[by_size.draw(rng)];
    while (first_each < among.size()) {
      const auto next = among[first_each++];
      if (centres[next].entries_in[group] == 0) continue;
      chosen = next;
      break;
    }
    ++centres[chosen].fates[group][index_of(fate)];
  }
}

void allot_fates(const Figures& figures, const Catalogue& catalogue, std::vector<CentrePlan>& centres, Rng& rng) {
  std::vector<std::uint32_t> all(centres.size()), troubled, incomplete;
  std::iota(all.begin(), all.end(), 0);
  std::vector<std::uint32_t> by_chance = all;
  rng.shuffle(by_chance);
  // Large centres are likelier to have a late result.
  std::vector<double> likelihood;
  for (const auto& centre : centres) likelihood.push_back(centre.entries * rng.lognormal(1, 1));
  std::sort(by_chance.begin(), by_chance.end(), [&](auto a, auto b) { return likelihood[a] > likelihood[b]; });
  const auto many = std::min<std::size_t>(figures.centres_with_late, all.size());
  troubled.assign(by_chance.begin(), by_chance.begin() + static_cast<std::ptrdiff_t>(many));
  rng.shuffle(troubled);
  rng.shuffle(by_chance);
  for (const auto c : by_chance) {
    if (incomplete.size() >= figures.centres_incomplete) break;
    if (figures.small || centres[c].entries < 900) incomplete.push_back(c);
  }
  for (const auto c : incomplete) centres[c].incomplete = true;

  std::array<std::uint32_t, kGroups> missed{};
  choose_late_cohorts(figures, catalogue, centres, troubled, missed, rng);
  std::size_t first_each = 0, nobody = all.size();
  for (std::size_t group = 0; group < kGroups; ++group) {
    for (const auto& rule : fate_rules()) {
      if (rule.kind == Kind::late_cohort || rule.fate == Fate::on_time) continue;
      std::uint32_t count = figures.fates[group][index_of(rule.fate)];
      if (rule.fate == Fate::claim_late) count += missed[group];
      if (is_late(rule.kind))
        spread(centres, troubled, group, rule.fate, count, first_each, rng);
      else if (figures.checkpoint && rule.answered == Answered::no)
        spread(centres, incomplete, group, rule.fate, count, nobody, rng);
      else
        spread(centres, all, group, rule.fate, count, nobody, rng);
    }
  }
}

}  // namespace

std::vector<CentrePlan> make_plan(const Figures& figures, const Catalogue& catalogue, Rng& rng) {
  std::array<std::vector<std::uint32_t>, kGroups> offered;
  std::array<WeightedPick, kGroups> popularity;
  for (std::uint32_t i = 0; i < catalogue.qualifications.size(); ++i) {
    const auto group = group_of(catalogue.qualifications[i].level);
    offered[group].push_back(i);
    popularity[group].add(catalogue.qualifications[i].weight);
  }
  const auto sizes = centre_sizes(figures, rng);
  std::vector<CentrePlan> centres(sizes.size());
  std::array<std::vector<double>, kGroups> weights;
  std::set<std::uint32_t> taken;
  for (std::uint32_t i = 0; i < sizes.size(); ++i) {
    describe(centres[i], sizes[i], i, rng, taken);
    const double share = level_3_share(centres[i].type, rng);
    weights[0].push_back(sizes[i] * share);
    weights[1].push_back(sizes[i] * (1 - share));
  }
  for (std::size_t i = 0; i < centres.size(); ++i) centres[i].neighbour = centres[(i + 1) % centres.size()].number;
  for (std::size_t group = 0; group < kGroups; ++group) {
    const auto entries = apportion(weights[group], figures.entries[group]);
    for (std::size_t i = 0; i < centres.size(); ++i) {
      centres[i].entries_in[group] = entries[i];
      centres[i].entries += entries[i];
      add_cohorts(centres[i], entries[i], offered[group], popularity[group], rng);
    }
  }
  allot_fates(figures, catalogue, centres, rng);
  return centres;
}

}  // namespace vtq::simulator
