// What was vouched for once is good for ever: whoever can write to the topics may write it again. It lets nothing go that was stopped since.
#include "tests/support/release.h"

namespace vtq::test {
namespace {

const TimeMs kPlannedAt = local("2023-07-01T09:00");
const TimeMs kCut = local("2023-08-09T09:00");

Policy people(std::uint32_t least) {
  Policy policy;
  policy.release.approvals_least = least;
  return policy;
}

struct Replaying : StartedSeason {
  explicit Replaying(std::uint32_t least = 2) : StartedSeason(people(least)) { play(with_result({}), local("2023-06-02T09:00")); }

  std::string plan(const v1::Event& event) {
    play({event}, local("2023-07-01T12:00"));
    return digest_of(event);
  }
  /// The same bytes once more, and once more after a restart.
  void again(const std::vector<v1::Event>& events, TimeMs now) {
    play(events, now);
    pipeline = std::make_unique<Pipeline>(policy, source, 2, store, outputs);
    pipeline->restore();
    play(events, now + 1);
  }
  v1::Stage stage() { return status({}).stage; }
};

TEST(Replayed, approvals_let_nothing_go_once_one_was_withdrawn) {
  Replaying season;
  const std::string digest = season.plan(planned(kPlannedAt));
  const std::vector<v1::Event> approvals{approved(kPlannedAt + 1, digest, "key a"), approved(kPlannedAt + 1, digest, "key b")};
  season.play(approvals, kPlannedAt + kDayMs);
  season.play({approved(kCut - kHourMs, digest, "key b", true, true)}, kCut - kHourMs);
  season.again(approvals, kCut - 10);
  season.time_passes(kCut + kHourMs);
  EXPECT_EQ(season.stage(), v1::READY);
  EXPECT_TRUE(season.outputs.batches.empty());
  // Said anew, it goes.
  season.play({approved(kCut + kHourMs + 1, digest, "key b")}, kCut + kHourMs + 1);
  EXPECT_EQ(season.stage(), v1::ISSUED);
}

TEST(Replayed, approval_counts_once) {
  Replaying season;
  const std::string digest = season.plan(planned(kPlannedAt));
  const std::vector<v1::Event> one{approved(kPlannedAt + 1, digest, "key a")};
  season.play(one, kPlannedAt + kDayMs);
  season.again(one, kCut - 10);
  season.time_passes(kCut + kHourMs);
  EXPECT_EQ(season.stage(), v1::READY);
}

TEST(Replayed, plan_does_not_come_back_with_its_approvals) {
  Replaying season;
  const v1::Event older = planned(kPlannedAt);
  const std::string digest = season.plan(older);
  const std::vector<v1::Event> approvals{approved(kPlannedAt + 1, digest, "key a"), approved(kPlannedAt + 1, digest, "key b")};
  season.play(approvals, kPlannedAt + kDayMs);
  season.play({planned(kPlannedAt + 2 * kDayMs, {}, "2023-08-09T10:00")}, kPlannedAt + 2 * kDayMs);
  season.again({older, approvals[0], approvals[1]}, kPlannedAt + 3 * kDayMs);
  season.time_passes(kCut + kDayMs);
  EXPECT_EQ(season.stage(), v1::READY);
}

TEST(Replayed, policy_of_before_asks_no_fewer_people) {
  Replaying season;
  const v1::Event nobody = release_policy(local("2023-06-03T09:00"), 0);
  season.play({nobody}, local("2023-06-03T09:00"));
  season.play({release_policy(local("2023-06-04T09:00"), 2)}, local("2023-06-04T09:00"));
  season.plan(planned(kPlannedAt));
  season.again({nobody}, kCut - 10);
  season.time_passes(kCut + kHourMs);
  EXPECT_EQ(season.stage(), v1::READY);
}

TEST(Replayed, override_of_before_its_withdrawal_lets_nothing_go) {
  Replaying season(0);
  v1::Event policy = release_policy(local("2023-06-03T08:00"), 0);
  policy.mutable_release_policy_defined()->set_missing_percent_max(0);
  season.play({policy}, local("2023-06-03T08:00"));
  season.play({registered({.learner = "L2"}, local("2023-06-03T11:00"))}, local("2023-06-03T11:00"));
  const std::string digest = season.plan(planned(kPlannedAt));
  const v1::Event over = overridden(kPlannedAt + kDayMs, digest, v1::RELEASE_MISSING);
  season.play({over}, kPlannedAt + kDayMs);
  season.play({overridden(kPlannedAt + 2 * kDayMs, digest, v1::RELEASE_MISSING, "*", true)}, kPlannedAt + 2 * kDayMs);
  season.again({over}, kCut - 10);
  season.time_passes(kCut + kHourMs);
  EXPECT_EQ(season.stage(), v1::READY);
  EXPECT_EQ(season.status({}).rule, Rule::release_missing);
}

TEST(Replayed, resume_of_before_a_halt_lifts_nothing) {
  Replaying season(0);
  const v1::Event resume = halt_word(kPlannedAt + kDayMs, false);
  season.play({halt_word(kPlannedAt, true)}, kPlannedAt);
  season.play({resume}, kPlannedAt + kDayMs);
  season.play({halt_word(kPlannedAt + 2 * kDayMs, true)}, kPlannedAt + 2 * kDayMs);
  season.again({resume}, kCut - 10);
  season.time_passes(local("2023-08-14T16:30"));
  EXPECT_EQ(season.stage(), v1::READY);
}

}  // namespace
}  // namespace vtq::test
