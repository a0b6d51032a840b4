// Order does not matter: however the events between two advances of time are permuted and repeated, state, statuses, issued results and
// rejections end the same. The same file is built against a merge with a planted fault, and must fail there.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>

#include "tests/support/season.h"

namespace vtq::test {
namespace {

using Random = std::mt19937_64;

std::uint64_t pick(Random& random, std::uint64_t below) { return random() % below; }

const std::vector<Ref>& refs() {
  static const std::vector<Ref> all = {{},
                                       {.learner = "L2"},
                                       {.qualification = "601/0002/7", .learner = "L1"},
                                       {.qualification = "601/0003/9", .learner = "L4"},
                                       {.centre = "54321", .learner = "L1"},
                                       {.centre = "54321", .qualification = "601/0002/7", .learner = "L9"}};
  return all;
}

/// Any fact, some of them wrong: unknown units, grades, centres and qualifications.
v1::Event any_event(Random& random, TimeMs from, TimeMs to) {
  Ref ref = refs()[pick(random, refs().size())];
  // Few distinct times, so that ties happen.
  TimeMs at = from + static_cast<TimeMs>(pick(random, 5)) * ((to - from) / 5) + 1;
  switch (pick(random, 22)) {
    case 0:
    case 1:
    case 2:
      return registered(ref, at);
    case 3:
      return answered(ref, at, static_cast<v1::CheckpointAnswered::Answer>(1 + pick(random, 4)));
    case 4:
    case 5:
      return achieved(ref, at, {"A", "B"});
    case 6:
      return achieved(ref, at, {pick(random, 8) == 0 ? "Z" : "C"});
    case 7: {
      v1::Event event = achieved(ref, at, {"A"});
      event.mutable_outcome_recorded()->mutable_outcomes(0)->set_grade(pick(random, 2) ? "N" : "M");
      return event;
    }
    case 8:
    case 9:
      return claimed(ref, at);
    case 10: {
      v1::Event event = event_at(at);
      set_ref(event.mutable_claim_withdrawn()->mutable_entry(), ref);
      return event;
    }
    case 11:
    case 12:
      return determined(ref, at, pick(random, 10) == 0 ? "Nonsense" : "Merit");
    case 13:
      return amended(ref, at, pick(random, 2) ? "Pass" : "Distinction");
    case 14:
      return pick(random, 3) ? withdrawn(ref, at) : revoked(ref, at);
    case 15:
      return hold_placed("H" + std::to_string(pick(random, 2)), ref, at);
    case 16:
      return hold_lifted("H" + std::to_string(pick(random, 2)), ref, at);
    case 17:
      return sample(ref, at, static_cast<v1::SampleDecided::Status>(1 + pick(random, 5)));
    case 18: {
      v1::Event event = event_at(at);
      set_ref(event.mutable_registration_changed()->mutable_entry(), ref);
      event.mutable_registration_changed()->set_change(static_cast<v1::RegistrationChanged::Change>(1 + pick(random, 3)));
      return event;
    }
    case 19: {
      v1::Event event = event_at(at);
      set_ref(event.mutable_special_consideration()->mutable_entry(), ref);
      event.mutable_special_consideration()->set_status(static_cast<v1::SpecialConsideration::Status>(1 + pick(random, 3)));
      return event;
    }
    case 20: {
      v1::Event event = event_at(at);
      auto* fact = event.mutable_issuing_halted();
      fact->set_centre(pick(random, 2) ? "*" : ref.centre);
      fact->set_awarding_organisation("RN5001");
      fact->set_series("2023-08");
      fact->set_halted(pick(random, 3) == 0);
      return event;
    }
    default:
      ref.qualification = pick(random, 2) ? "601/0009/8" : ref.qualification;
      ref.centre = pick(random, 2) ? "99999" : ref.centre;
      return registered(ref, at);
  }
}

struct Window {
  TimeMs now;
  std::vector<v1::Event> events;
};

std::vector<Window> any_season(Random& random) {
  static const char* kTimes[] = {"2022-10-01T09:00", "2023-05-10T09:00", "2023-06-20T09:00", "2023-08-09T09:00",
                                 "2023-08-11T09:00", "2023-08-15T09:00", "2023-08-18T09:00", "2023-09-10T09:00"};
  std::vector<Window> season;
  TimeMs before = local("2022-09-02T09:00");
  for (const char* text : kTimes) {
    TimeMs now = local(text);
    Window window{now, {}};
    for (std::uint64_t left = pick(random, 16); left > 0; --left) window.events.push_back(any_event(random, before, now));
    // Reference data may change, too.
    if (pick(random, 10) == 0) {
      std::vector<v1::Event> reference = reference_data();
      v1::Event changed = reference[5 + pick(random, reference.size() - 5)];
      changed.set_id("again-" + std::to_string(pick(random, 1000)));
      changed.mutable_occurred_at()->set_seconds(before / 1000);
      if (changed.has_calendar_defined()) changed.mutable_calendar_defined()->set_issue_deadline("2023-08-12T12:00");
      window.events.push_back(changed);
    }
    season.push_back(std::move(window));
    before = now;
  }
  return season;
}

std::vector<Window> shuffled(std::vector<Window> season, Random& random) {
  for (Window& window : season) {
    std::size_t distinct = window.events.size();
    for (std::size_t at = 0; at < distinct; ++at)
      if (pick(random, 3) == 0) window.events.push_back(window.events[at]);
    std::shuffle(window.events.begin(), window.events.end(), random);
  }
  return season;
}

/// Everything that must not depend on order.
struct Ending {
  std::map<std::string, std::string> state;
  std::multiset<std::string> statuses;
  std::multiset<std::string> batches;
  std::multiset<std::string> notifications;
  std::multiset<std::string> rejections;
};

/// Keys at which two states differ, readable.
std::string differing(const std::map<std::string, std::string>& a, const std::map<std::string, std::string>& b) {
  std::string names;
  for (const auto* one : {&a, &b})
    for (const auto& [key, value] : *one) {
      auto in_a = a.find(key);
      auto in_b = b.find(key);
      if (in_a == a.end() || in_b == b.end() || in_a->second != in_b->second) names += testing::PrintToString(key) + " ";
    }
  return names;
}

/// What one has and the other has not, readable.
std::string differing(const std::multiset<std::string>& a, const std::multiset<std::string>& b) {
  std::string lines;
  for (const std::string& text : a)
    if (a.count(text) != b.count(text)) lines += "\n- " + text;
  for (const std::string& text : b)
    if (a.count(text) != b.count(text)) lines += "\n+ " + text;
  return lines;
}

template <class Messages>
auto texts(const Messages& messages) {
  std::multiset<std::string> all;
  for (const auto& message : messages) all.insert(message.ShortDebugString());
  return all;
}

Ending ending_of(const std::vector<Window>& windows) {
  StartedSeason season;
  for (const Window& window : windows) season.play(window.events, window.now);
  return {season.store.records(), texts(season.outputs.statuses), texts(season.outputs.batches),
          texts(season.outputs.notifications), texts(season.outputs.rejections)};
}

TEST(Order, any_permutation_and_duplication_within_a_window_ends_the_same) {
  constexpr int kCases = 2500;
  int issued = 0;
  int rejected = 0;
  for (std::uint64_t seed = 1; seed <= kCases; ++seed) {
    Random random(seed);
    std::vector<Window> season = any_season(random);
    Ending plain = ending_of(season);
    Ending other = ending_of(shuffled(season, random));
    ASSERT_EQ(differing(plain.state, other.state), "") << "seed " << seed;
    ASSERT_EQ(differing(plain.statuses, other.statuses), "") << "seed " << seed;
    ASSERT_EQ(differing(plain.batches, other.batches), "") << "seed " << seed;
    ASSERT_EQ(differing(plain.notifications, other.notifications), "") << "seed " << seed;
    ASSERT_EQ(differing(plain.rejections, other.rejections), "") << "seed " << seed;
    issued += static_cast<int>(plain.batches.size());
    rejected += static_cast<int>(plain.rejections.size());
  }
  // The property means little if the generated seasons issue and reject nothing.
  EXPECT_GT(issued, kCases / 4);
  EXPECT_GT(rejected, kCases / 4);
}

TEST(Order, a_restart_between_windows_changes_nothing) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Random random(seed);
    std::vector<Window> windows = any_season(random);
    Ending plain = ending_of(windows);
    StartedSeason season;
    for (const Window& window : windows) {
      season.pipeline = std::make_unique<Pipeline>(season.policy, TimeSource::wall, 2, season.store, season.outputs);
      season.pipeline->restore();
      season.play(window.events, window.now);
    }
    ASSERT_EQ(differing(plain.state, season.store.records()), "") << "seed " << seed;
    ASSERT_EQ(differing(plain.statuses, texts(season.outputs.statuses)), "") << "seed " << seed;
  }
}

}  // namespace
}  // namespace vtq::test
