// What steps usually take is learned while the season runs: by the full hour every band is what it would be if it were looked at.
#include <random>

#include "tests/support/season.h"

namespace vtq::test {
namespace {

Policy learning_from_few() {
  Policy policy;
  policy.durations.samples_min = 3;
  return policy;
}

/// Entries whose status is not what they would be derived as now. Both centres' entries are known by `refs`.
std::vector<std::string> stale(Season& season, const std::vector<Ref>& refs) {
  std::vector<std::string> found;
  for (const Ref& ref : refs) {
    CentreId id = *parse_centre(ref.centre);
    Partition& partition = season.pipeline->partition(season.pipeline->partition_of(id));
    const Entry* entry = season.entry(ref);
    Derived derived = partition.derive_now(*partition.centre(id), *entry);
    if (derived.status.band != entry->status.band || derived.status.reason != entry->status.reason)
      found.push_back(ref.learner + " is " + v1::Band_Name(entry->status.band) + ", not " + v1::Band_Name(derived.status.band));
  }
  return found;
}

/// What was learned of the test's awarding organisation, at both partitions.
std::vector<Duration> learned(const Season& season) {
  std::vector<Duration> all;
  for (std::uint32_t partition = 0; partition < season.pipeline->partitions(); ++partition)
    for (std::size_t step = 0; step < kTimedSteps; ++step)
      all.push_back(season.pipeline->partition(partition).durations().of(AwardingOrganisationId{5001}, static_cast<TimedStep>(step)));
  return all;
}

TEST(Estimates, by_the_full_hour_every_band_rests_on_what_was_learned) {
  std::size_t moved_bands = 0;
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    std::mt19937_64 random(seed);
    StartedSeason season(learning_from_few());
    std::vector<Ref> refs;
    std::vector<v1::Event> events;
    TimeMs begin = local("2023-03-01T09:00");
    for (int learner = 1; learner <= 24; ++learner) {
      refs.push_back({.centre = learner % 2 ? "12345" : "54321", .learner = "L" + std::to_string(learner)});
      events.push_back(registered(refs.back(), local("2022-10-01T09:00")));
    }
    season.play(std::move(events), begin);
    // Words at seven minutes past, so that nothing comes at the full hour; some entries are done fast, others late or never.
    std::multimap<TimeMs, v1::Event> to_come;
    TimeMs end = local("2023-08-20T09:00");
    for (const Ref& ref : refs) {
      TimeMs at = begin + static_cast<TimeMs>(random() % 120) * kDayMs;
      auto next = [&](v1::Event (*make)(const Ref&, TimeMs)) {
        at += 7 * 60'000 + static_cast<TimeMs>(random() % (random() % 3 ? 40 : 1000)) * kHourMs;
        at = at / kHourMs * kHourMs + 7 * 60'000;
        if (at < end && random() % 12 != 0) to_come.emplace(at, make(ref, at));
      };
      next([](const Ref& of, TimeMs when) { return achieved(of, when, {"A"}); });
      next([](const Ref& of, TimeMs when) { return achieved(of, when, {"B"}); });
      next([](const Ref& of, TimeMs when) { return achieved(of, when, {"C", "D"}); });
      next([](const Ref& of, TimeMs when) { return claimed(of, when); });
      next([](const Ref& of, TimeMs when) { return determined(of, when); });
    }
    std::map<std::string, v1::Band> before;
    for (TimeMs hour = begin; hour < end; hour += kHourMs) {
      for (auto at = to_come.begin(); at != to_come.end() && at->first < hour; at = to_come.erase(at)) season.play({at->second}, at->first);
      std::vector<Duration> known = learned(season);
      season.time_passes(hour);
      // What is learned at the hour itself counts by the next.
      if (learned(season) != known) continue;
      ASSERT_EQ(stale(season, refs), std::vector<std::string>{}) << "seed " << seed << ", " << utc_text(hour);
      for (const Ref& ref : refs) {
        v1::Band band = season.entry(ref)->status.band;
        moved_bands += std::exchange(before[ref.learner], band) != band;
      }
    }
  }
  EXPECT_GT(moved_bands, 500u);
}

}  // namespace
}  // namespace vtq::test
