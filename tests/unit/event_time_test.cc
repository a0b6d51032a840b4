// Time from events: timers fire between events, TimeReached moves every partition, and how the stream is cut into batches changes nothing.
#include <random>

#include "tests/support/season.h"

namespace vtq::test {
namespace {

v1::Event time_reached(TimeMs at) {
  v1::Event event = event_at(at);
  event.mutable_time_reached()->set_centre("*");
  return event;
}

std::vector<v1::Event> complete(const Ref& ref, TimeMs at) {
  return {registered(ref, at), answered(ref, at + 1), achieved(ref, at + 2, {"A", "B", "C"}), claimed(ref, at + 3), determined(ref, at + 4)};
}

template <class... Lists>
std::vector<v1::Event> joined(const Lists&... lists) {
  std::vector<v1::Event> all;
  (all.insert(all.end(), lists.begin(), lists.end()), ...);
  return all;
}

TEST(EventTime, timers_fire_between_events) {
  Season season(TimeSource::event);
  season.play(
      joined(reference_data(), complete({}, local("2023-06-01T09:00")), std::vector{registered({.learner = "L2"}, local("2023-08-20T09:00"))}), 0);
  ASSERT_EQ(season.outputs.batches.size(), 1u);
  EXPECT_EQ(season.outputs.batches[0].issued_at().seconds() * 1000, local("2023-08-10T06:00"));
}
TEST(EventTime, does_not_look_at_the_wall_clock) {
  Season season(TimeSource::event);
  season.play(joined(reference_data(), complete({}, local("2023-06-01T09:00"))), local("2030-01-01T09:00"));
  EXPECT_EQ(season.pipeline->time(), local("2023-06-01T09:00") + 4);
  EXPECT_TRUE(season.outputs.batches.empty());
}
TEST(EventTime, never_goes_backwards) {
  Season season(TimeSource::event);
  season.play(joined(reference_data(), complete({}, local("2023-06-01T09:00"))), 0);
  season.play({registered({.learner = "L2"}, local("2022-10-01T09:00"))}, 0);
  EXPECT_EQ(season.pipeline->time(), local("2023-06-01T09:00") + 4);
  EXPECT_EQ(season.described({.learner = "L2"}).as_of().seconds(), local("2023-06-01T09:00") / 1000);
}
TEST(EventTime, of_one_partition_does_not_move_another) {
  Season season(TimeSource::event, {}, 8);
  season.play(reference_data(), 0);
  CentreId one = *parse_centre("12345");
  CentreId other = *parse_centre("54321");
  ASSERT_NE(season.pipeline->partition_of(one), season.pipeline->partition_of(other));
  season.play({registered({}, local("2023-06-01T09:00"))}, 0);
  EXPECT_EQ(season.pipeline->partition(season.pipeline->partition_of(other)).time(), local("2022-08-01T09:00"));
}
TEST(EventTime, reached_moves_every_partition) {
  Season season(TimeSource::event, {}, 8);
  season.play(joined(reference_data(), complete({}, local("2023-06-01T09:00")), complete({.centre = "54321"}, local("2023-06-02T09:00"))), 0);
  season.play({time_reached(local("2023-08-30T09:00"))}, 0);
  for (std::uint32_t at = 0; at < 8; ++at) EXPECT_EQ(season.pipeline->partition(at).time(), local("2023-08-30T09:00"));
  EXPECT_EQ(season.outputs.batches.size(), 2u);
}
TEST(EventTime, reached_is_accepted_and_changes_no_record_of_its_own) {
  Season season(TimeSource::event);
  season.play(reference_data(), 0);
  auto before = season.store.records().size();
  EXPECT_EQ(season.play({time_reached(local("2022-09-01T09:00"))}, 0).at(0).kind, Verdict::Kind::accepted);
  EXPECT_EQ(season.store.records().size(), before);
}
TEST(EventTime, reached_means_nothing_to_the_wall_clock) {
  StartedSeason season;
  season.play({time_reached(local("2023-09-01T09:00"))}, local("2022-09-01T10:00"));
  EXPECT_EQ(season.pipeline->time(), local("2022-09-01T10:00"));
}

/// A season of many centres; no two events at the same time, but for the reference data.
std::vector<v1::Event> any_stream(std::mt19937_64& random) {
  std::vector<v1::Event> events = reference_data();
  TimeMs now = local("2022-10-01T09:00");
  for (int count = 0; count < 250; ++count) {
    now += static_cast<TimeMs>(1 + random() % (3 * kDayMs));
    // Some facts come to be known later than they came to hold.
    TimeMs at = random() % 6 ? now : now - static_cast<TimeMs>(random() % (20 * kDayMs));
    Ref ref{.centre = random() % 2 ? "12345" : "54321", .learner = "L" + std::to_string(random() % 5)};
    switch (random() % 12) {
      case 0:
      case 1:
        events.push_back(registered(ref, at));
        break;
      case 2:
        events.push_back(answered(ref, at, static_cast<v1::CheckpointAnswered::Answer>(1 + random() % 4)));
        break;
      case 3:
      case 4:
        events.push_back(achieved(ref, at, {"A", "B", "C"}));
        break;
      case 5:
      case 6:
        events.push_back(claimed(ref, at));
        break;
      case 7:
        events.push_back(determined(ref, at, random() % 2 ? "Pass" : "Nonsense"));
        break;
      case 8:
        events.push_back(amended(ref, at, random() % 2 ? "Merit" : "Pass"));
        break;
      case 9:
        events.push_back(random() % 2 ? hold_placed("H1", ref, at) : hold_lifted("H1", ref, at));
        break;
      case 10:
        events.push_back(time_reached(now));
        break;
      default: {
        v1::Event event = event_at(at);
        auto* fact = event.mutable_release_planned();
        fact->set_centre("*");
        fact->set_awarding_organisation("RN5001");
        fact->set_series("2023-08");
        fact->set_level(v1::LEVEL_3);
        fact->set_first_issue_at("2023-08-0" + std::to_string(1 + random() % 9) + "T06:00");
        events.push_back(event);
      }
    }
  }
  return events;
}

struct Ending {
  std::map<std::string, std::string> records;
  std::multiset<std::string> batches, rejections;
  bool operator==(const Ending&) const = default;
};

Ending ending_of(const std::vector<v1::Event>& events, std::size_t size, const Policy& policy = {}) {
  Season season(TimeSource::event, policy);
  for (std::size_t from = 0; from < events.size(); from += size) {
    auto begin = events.begin() + static_cast<std::ptrdiff_t>(from);
    season.play({begin, begin + static_cast<std::ptrdiff_t>(std::min(size, events.size() - from))}, 0);
  }
  Ending ending{season.store.records(), {}, {}};
  for (const auto& batch : season.outputs.batches) ending.batches.insert(batch.ShortDebugString());
  for (const auto& one : season.outputs.rejections) ending.rejections.insert(one.ShortDebugString());
  return ending;
}

class BatchSize : public testing::TestWithParam<std::size_t> {};

TEST_P(BatchSize, changes_nothing) {
  std::size_t issued = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    std::mt19937_64 random(seed);
    std::vector<v1::Event> events = any_stream(random);
    Ending whole = ending_of(events, events.size());
    Ending cut = ending_of(events, GetParam());
    ASSERT_EQ(cut.records.size(), whole.records.size()) << "seed " << seed;
    ASSERT_TRUE(cut.records == whole.records) << "seed " << seed;
    ASSERT_EQ(cut.batches, whole.batches) << "seed " << seed;
    ASSERT_EQ(cut.rejections, whole.rejections) << "seed " << seed;
    issued += whole.batches.size();
  }
  EXPECT_GT(issued, 40u);
}

INSTANTIATE_TEST_SUITE_P(EventTime, BatchSize, testing::Values(1, 7, 100),
                         [](const auto& instance) { return "of_" + std::to_string(instance.param); });

TEST(EventTime, woken_in_small_portions_ends_the_same) {
  Policy small;
  small.woken_per_commit_max = 1;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    std::mt19937_64 random(seed);
    std::vector<v1::Event> events = any_stream(random);
    Ending whole = ending_of(events, 100);
    Ending portions = ending_of(events, 100, small);
    ASSERT_TRUE(portions.records == whole.records) << "seed " << seed;
    ASSERT_EQ(portions.batches, whole.batches) << "seed " << seed;
    ASSERT_EQ(portions.rejections, whole.rejections) << "seed " << seed;
  }
}

TEST(EventTime, entries_unloaded_between_batches_end_the_same) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    std::mt19937_64 random(seed);
    std::vector<v1::Event> events = any_stream(random);
    Ending whole = ending_of(events, 10);
    Season season(TimeSource::event);
    for (std::size_t from = 0; from < events.size(); from += 10) {
      auto begin = events.begin() + static_cast<std::ptrdiff_t>(from);
      season.play({begin, begin + static_cast<std::ptrdiff_t>(std::min<std::size_t>(10, events.size() - from))}, 0);
      season.pipeline->evict(0);
    }
    ASSERT_TRUE(season.store.records() == whole.records) << "seed " << seed;
  }
}

}  // namespace
}  // namespace vtq::test
