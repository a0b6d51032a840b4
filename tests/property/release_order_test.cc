// Whatever is said about releases, and in whatever order it comes within a window: everything ends the same, and no first result is issued that the
// plan as it stands, its approvals and the halts did not let go, by an account that is kept here. The same file is built against releases with a
// planted fault, approvals of an older plan that count, and must fail there.
#include <algorithm>
#include <random>
#include <set>

#include "tests/support/release.h"

namespace vtq::test {
namespace {

using Random = std::mt19937_64;
std::uint64_t pick(Random& random, std::uint64_t below) { return random() % below; }

constexpr const char* kTimes[] = {"2023-05-25T09:00", "2023-07-01T09:00", "2023-07-20T09:00", "2023-08-08T09:00",
                                  "2023-08-09T12:00", "2023-08-11T09:00", "2023-08-14T09:00", "2023-08-18T09:00"};
constexpr const char* kPeople[] = {"key a", "key b", "key c"};

struct Window {
  TimeMs now;
  std::vector<v1::Event> events;
};

/// Of one cohort, what lets results go: the latest plan, the latest word of each person about each version of it, halts.
struct Account {
  std::pair<TimeMs, std::string> plan;
  std::map<std::pair<std::string, std::string>, std::pair<TimeMs, v1::ReleaseApproved>> approvals;
  std::map<std::string, std::pair<TimeMs, bool>> halts;

  void say(const v1::Event& event) {
    TimeMs at = event.occurred_at().seconds() * 1000 + event.occurred_at().nanos() / 1'000'000;
    if (event.has_release_planned() && at >= plan.first) plan = {at, digest_of(event)};
    if (event.has_release_approved()) {
      const auto& fact = event.release_approved();
      auto& held = approvals[{fact.said_by(), fact.plan()}];
      if (at >= held.first) held = {at, fact};
    }
    if (event.has_issuing_halted()) {
      const auto& fact = event.issuing_halted();
      auto& held = halts[fact.awarding_organisation() + fact.qualification()];
      if (at >= held.first) held = {at, fact.halted()};
    }
  }
  bool lets_go() const {
    std::set<std::string> people;
    bool approver = false;
    for (const auto& [key, word] : approvals) {
      if (key.second != plan.second || word.second.withdrawn()) continue;
      people.insert(key.first);
      approver = approver || word.second.by_approver();
    }
    bool halted = std::any_of(halts.begin(), halts.end(), [](const auto& halt) { return halt.second.second; });
    return people.size() >= 2 && approver && !halted;
  }
};

std::vector<Window> any_season(Random& random) {
  std::vector<Window> season;
  std::vector<std::string> digests{std::string(32, '0')};
  TimeMs before = local("2023-05-21T09:00");
  int learner = 0;
  for (const char* text : kTimes) {
    Window window{local(text), {}};
    // Each of its own moment, and in any order.
    TimeMs at = before + 1;
    TimeMs step = (window.now - before) / 40;
    for (std::uint64_t left = 4 + pick(random, 10); left > 0; --left, at += step) {
      switch (pick(random, 9)) {
        case 0:
        case 1: {
          v1::Event event = planned(
              at, pick(random, 2) ? std::vector<WaveWords>{{"pilot", {"54321"}, "2023-08-07T09:00"}, {"rest", {}, ""}} : std::vector<WaveWords>{});
          digests.push_back(digest_of(event));
          window.events.push_back(std::move(event));
          break;
        }
        case 2:
        case 3:
        case 4:
        case 5: {
          // Most are of the last plan, some of an older.
          const std::string& digest = pick(random, 4) ? digests.back() : digests[pick(random, digests.size())];
          window.events.push_back(approved(at, digest, kPeople[pick(random, 3)], pick(random, 3) != 0, pick(random, 6) == 0));
          break;
        }
        case 6:
          window.events.push_back(halt_word(at, pick(random, 3) == 0, pick(random, 2) ? "*" : "RN5001", pick(random, 2) ? "601/0001/5" : ""));
          break;
        case 7:
          window.events.push_back(overridden(at, digests.back(), v1::RELEASE_MISSING, "*", pick(random, 3) == 0));
          break;
        default: {
          Ref ref{.centre = pick(random, 2) ? "12345" : "54321", .learner = "L" + std::to_string(++learner)};
          for (v1::Event& event : with_result(ref)) window.events.push_back(std::move(event));
          if (pick(random, 3) == 0) window.events.push_back(registered({.centre = ref.centre, .learner = ref.learner + "X"}, at));
        }
      }
    }
    before = window.now;
    season.push_back(std::move(window));
  }
  return season;
}

struct Ending {
  std::map<std::string, std::string> state;
  std::multiset<std::string> statuses, batches;
  int issued = 0, wrong = 0;
};

/// `restarts`: the daemon starts anew before each window.
Ending play(const std::vector<Window>& windows, bool restarts = false) {
  Policy policy;
  policy.release.approvals_least = 2;
  StartedSeason season(policy);
  v1::Event limits = release_policy(local("2022-09-01T10:00"), 2);
  limits.mutable_release_policy_defined()->set_missing_percent_max(40);
  limits.set_id("limits");
  season.play({limits}, local("2022-09-01T10:00"));
  Account account;
  for (const v1::Event& event : reference_data())
    if (event.has_release_planned() && event.release_planned().level() == v1::LEVEL_3) account.say(event);
  Ending ending;
  for (const Window& window : windows) {
    if (restarts) {
      season.pipeline = std::make_unique<Pipeline>(season.policy, TimeSource::wall, 2, season.store, season.outputs);
      season.pipeline->restore();
    }
    const bool before = account.lets_go();
    const std::size_t batches = season.outputs.batches.size();
    season.play(window.events, window.now);
    for (const v1::Event& event : window.events) account.say(event);
    // What time alone let go went by what was known before; what goes now, by all.
    if (season.outputs.batches.size() > batches) {
      ++ending.issued;
      ending.wrong += !before && !account.lets_go();
    }
  }
  ending.state = season.store.records();
  for (const auto& status : season.outputs.statuses) ending.statuses.insert(status.ShortDebugString());
  for (const auto& batch : season.outputs.batches) ending.batches.insert(batch.ShortDebugString());
  return ending;
}

TEST(Release, nothing_unapproved_is_issued_and_no_order_of_words_matters) {
  int issued = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    Random random(seed);
    std::vector<Window> season = any_season(random);
    std::vector<Window> other = season;
    for (Window& window : other) {
      for (std::size_t at = 0, distinct = window.events.size(); at < distinct; ++at)
        if (pick(random, 3) == 0) window.events.push_back(window.events[at]);
      std::shuffle(window.events.begin(), window.events.end(), random);
    }
    Ending plain = play(season), shuffled = play(other);
    issued += plain.issued;
    EXPECT_EQ(plain.wrong, 0) << "seed " << seed;
    EXPECT_EQ(shuffled.wrong, 0) << "seed " << seed;
    EXPECT_TRUE(plain.state == shuffled.state) << "seed " << seed;
    EXPECT_TRUE(plain.statuses == shuffled.statuses) << "seed " << seed;
    EXPECT_TRUE(plain.batches == shuffled.batches) << "seed " << seed;
    if (seed % 4 != 0) continue;
    Ending restarted = play(season, true);
    EXPECT_EQ(restarted.wrong, 0) << "seed " << seed;
    EXPECT_TRUE(plain.state == restarted.state) << "seed " << seed;
    EXPECT_TRUE(plain.statuses == restarted.statuses) << "seed " << seed;
    EXPECT_TRUE(plain.batches == restarted.batches) << "seed " << seed;
  }
  EXPECT_GT(issued, 50) << "seasons in which nothing ever goes show nothing";
}

}  // namespace
}  // namespace vtq::test
