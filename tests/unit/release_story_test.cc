// Releases in a pipeline: nothing goes that was not approved, a pilot goes before the rest, checks stop a centre, halts of every reach stop at once.
#include "tests/support/release.h"

namespace vtq::test {
namespace {

const TimeMs kPlannedAt = local("2023-07-01T09:00");
const TimeMs kCut = local("2023-08-09T09:00");

Policy two_people() {
  Policy policy;
  policy.release.approvals_least = 2;
  return policy;
}

struct Releasing : StartedSeason {
  explicit Releasing(const Policy& with = two_people()) : StartedSeason(with) {}

  std::string plan(const v1::Event& event) {
    play({event}, local("2023-07-01T12:00"));
    return digest_of(event);
  }
  v1::Stage stage(const Ref& ref = {}) { return status(ref).stage; }
};

TEST(Release, waits_as_ready_for_its_approvals_with_reason_step_owner_and_date) {
  Releasing season;
  season.play(with_result({}), local("2023-06-02T09:00"));
  season.plan(planned(kPlannedAt));
  season.time_passes(local("2023-08-01T09:00"));
  Status status = season.status({});
  EXPECT_EQ(status.stage, v1::READY);
  EXPECT_EQ(status.band, v1::WATCH);
  EXPECT_EQ(status.reason, v1::L6);
  EXPECT_EQ(status.step, v1::APPROVE_RELEASE);
  EXPECT_EQ(status.owner, v1::AWARDING_ORGANISATION);
  EXPECT_EQ(status.due_ms, kCut);
  EXPECT_EQ(status.rule, Rule::release_approval);
  EXPECT_NE(season.described({}).why().find("approved by 0 of 2 people"), std::string::npos) << season.described({}).why();
  season.time_passes(kCut - kDayMs);
  EXPECT_EQ(season.status({}).band, v1::AT_RISK);
  season.time_passes(local("2023-08-14T17:00"));
  EXPECT_EQ(season.status({}).band, v1::LATE);
  EXPECT_EQ(season.status({}).reason, v1::L6);
  EXPECT_TRUE(season.outputs.batches.empty());
}

TEST(Release, that_two_people_approved_goes_with_its_cut_and_late_approvals_let_it_go_at_once) {
  for (TimeMs second : {local("2023-07-03T09:00"), kCut + kHourMs}) {
    Releasing season;
    season.play(with_result({}), local("2023-06-02T09:00"));
    std::string digest = season.plan(planned(kPlannedAt));
    season.play({approved(kPlannedAt + kDayMs, digest, "key a")}, kPlannedAt + kDayMs);
    season.time_passes(second - 1);
    EXPECT_EQ(season.stage(), v1::READY);
    season.play({approved(second, digest, "key b", false)}, second);
    EXPECT_EQ(season.stage(), second < kCut ? v1::READY : v1::ISSUED);
    season.time_passes(kCut + 2 * kHourMs);
    EXPECT_EQ(season.stage(), v1::ISSUED);
    EXPECT_EQ(season.outputs.batches.size(), 1u);
  }
}

TEST(Release, of_a_plan_that_changed_is_void) {
  Releasing season;
  season.play(with_result({}), local("2023-06-02T09:00"));
  std::string digest = season.plan(planned(kPlannedAt));
  season.play({approved(kPlannedAt + 1, digest, "key a"), approved(kPlannedAt + 1, digest, "key b")}, kPlannedAt + kDayMs);
  EXPECT_EQ(season.status({}).band, v1::ON_TRACK);
  v1::Event changed = planned(kPlannedAt + 2 * kDayMs, {}, "2023-08-09T10:00");
  season.play({changed}, kPlannedAt + 2 * kDayMs);
  season.play({approved(kPlannedAt + 3 * kDayMs, digest, "key c")}, kPlannedAt + 3 * kDayMs);
  season.time_passes(kCut + kDayMs);
  EXPECT_EQ(season.stage(), v1::READY);
  TimeMs at = kCut + kDayMs + 1;
  season.play({approved(at, digest_of(changed), "key a"), approved(at, digest_of(changed), "key b")}, at);
  EXPECT_EQ(season.stage(), v1::ISSUED);
}

TEST(Release, that_was_planned_anew_before_its_cut_was_made_waits) {
  Releasing season;
  season.play(with_result({}), local("2023-06-02T09:00"));
  std::string digest = season.plan(planned(kPlannedAt));
  season.play({approved(kPlannedAt + 1, digest, "key a"), approved(kPlannedAt + 1, digest, "key b")}, kPlannedAt + kDayMs);
  season.comes_back({planned(kCut - 1, {}, "2023-08-09T12:00")}, kCut + kHourMs);
  EXPECT_EQ(season.stage(), v1::READY);
  EXPECT_TRUE(season.outputs.batches.empty());
}

TEST(Release, whose_approval_was_withdrawn_before_the_cut_waits) {
  Releasing season;
  season.play(with_result({}), local("2023-06-02T09:00"));
  std::string digest = season.plan(planned(kPlannedAt));
  season.play({approved(kPlannedAt + 1, digest, "key a"), approved(kPlannedAt + 1, digest, "key b")}, kPlannedAt + kDayMs);
  season.play({approved(kCut - 1, digest, "key b", true, true)}, kCut - 1);
  season.time_passes(kCut + kHourMs);
  EXPECT_EQ(season.stage(), v1::READY);
}

TEST(Release, goes_to_the_pilot_before_the_rest) {
  Releasing season;
  Ref other{.centre = "54321"};
  season.play(with_result({}), local("2023-06-02T09:00"));
  season.play(with_result(other), local("2023-06-02T10:00"));
  std::string digest = season.plan(planned(kPlannedAt, {{"pilot", {"54321"}, "2023-08-07T09:00"}, {"rest", {}, "2023-08-09T09:00"}}));
  season.play({approved(kPlannedAt + 1, digest, "key a"), approved(kPlannedAt + 1, digest, "key b")}, kPlannedAt + kDayMs);
  season.time_passes(local("2023-08-07T10:00"));
  EXPECT_EQ(season.stage(other), v1::ISSUED);
  EXPECT_EQ(season.stage(), v1::READY);
  season.time_passes(kCut);
  EXPECT_EQ(season.stage(), v1::ISSUED);
}

TEST(Release, asks_as_many_people_as_the_policy_of_the_awarding_organisation) {
  Releasing season;
  season.play(with_result({}), local("2023-06-02T09:00"));
  season.play({release_policy(local("2023-06-03T09:00"), 3)}, local("2023-06-03T09:00"));
  std::string digest = season.plan(planned(kPlannedAt));
  season.play({approved(kPlannedAt + 1, digest, "key a"), approved(kPlannedAt + 1, digest, "key b")}, kPlannedAt + kDayMs);
  season.time_passes(kCut);
  EXPECT_EQ(season.stage(), v1::READY);
  season.play({approved(kCut + 1, digest, "key c")}, kCut + 1);
  EXPECT_EQ(season.stage(), v1::ISSUED);
}

// ---- checks ----

struct Checked : Releasing {
  explicit Checked(const v1::Event& limits) : Releasing(Policy{}) { play({limits}, local("2023-06-01T08:00")); }
};

TEST(ReleaseCheck, of_what_is_missing_stops_the_centre_alone_until_the_rest_comes) {
  v1::Event policy = release_policy(local("2023-06-01T08:00"), 0);
  policy.mutable_release_policy_defined()->set_missing_percent_max(30);
  Checked season(policy);
  Ref missing{.learner = "L2"}, other{.centre = "54321"};
  season.play(with_result({}), local("2023-06-02T09:00"));
  season.play(with_result(other), local("2023-06-02T10:00"));
  season.play({registered(missing, local("2023-06-02T11:00"))}, local("2023-06-02T11:00"));
  season.play({planned(kPlannedAt)}, local("2023-07-01T12:00"));
  season.time_passes(kCut);
  EXPECT_EQ(season.stage(other), v1::ISSUED);
  EXPECT_EQ(season.stage(), v1::READY);
  EXPECT_EQ(season.status({}).rule, Rule::release_missing);
  EXPECT_EQ(season.status({}).step, v1::OVERRIDE_CHECK);
  EXPECT_EQ(season.status({}).band, v1::AT_RISK);
  EXPECT_EQ(season.described({}).obstacles(0).rule(), "release-missing");
  // It comes: both go.
  TimeMs at = kCut + kHourMs;
  season.play({withdrawn(missing, at)}, at);
  EXPECT_EQ(season.stage(), v1::ISSUED);
}

TEST(ReleaseCheck, that_an_approver_overrides_lets_go) {
  v1::Event policy = release_policy(local("2023-06-01T08:00"), 0);
  policy.mutable_release_policy_defined()->set_missing_percent_max(0);
  Checked season(policy);
  season.play(with_result({}), local("2023-06-02T09:00"));
  season.play({registered({.learner = "L2"}, local("2023-06-02T11:00"))}, local("2023-06-02T11:00"));
  v1::Event plan = planned(kPlannedAt);
  season.play({plan}, local("2023-07-01T12:00"));
  season.time_passes(kCut);
  season.play({overridden(kCut + 1, std::string(32, '0'), v1::RELEASE_MISSING)}, kCut + 1);
  EXPECT_EQ(season.stage(), v1::READY);
  season.play({overridden(kCut + 2, digest_of(plan), v1::RELEASE_MISSING, "12345")}, kCut + 2);
  EXPECT_EQ(season.stage(), v1::READY) << "the plan is that for all: so is its override";
  season.play({overridden(kCut + 3, digest_of(plan), v1::RELEASE_MISSING)}, kCut + 3);
  EXPECT_EQ(season.stage(), v1::ISSUED);
}

TEST(ReleaseCheck, of_corrections_stops_what_is_still_to_come) {
  v1::Event policy = release_policy(local("2023-06-01T08:00"), 0);
  policy.mutable_release_policy_defined()->set_corrections_max(0);
  Checked season(policy);
  season.play(with_result({}), local("2023-06-02T09:00"));
  season.play({planned(kPlannedAt)}, local("2023-07-01T12:00"));
  season.time_passes(kCut);
  ASSERT_EQ(season.stage(), v1::ISSUED);
  season.play({amended({}, kCut + 1, "Merit")}, kCut + 1);
  ASSERT_EQ(season.outputs.batches.size(), 2u) << "corrections go";
  season.play(with_result({.learner = "L2"}), kCut + kHourMs);
  season.time_passes(kCut + kDayMs);
  EXPECT_EQ(season.status({.learner = "L2"}).rule, Rule::release_corrections);
  EXPECT_EQ(season.outputs.batches.size(), 2u);
}

TEST(ReleaseCheck, says_the_same_after_a_restart) {
  v1::Event policy = release_policy(local("2023-06-01T08:00"), 0);
  policy.mutable_release_policy_defined()->set_missing_percent_max(0);
  Checked season(policy);
  season.play(with_result({}), local("2023-06-02T09:00"));
  season.play({registered({.learner = "L2"}, local("2023-06-02T11:00"))}, local("2023-06-02T11:00"));
  season.play({planned(kPlannedAt)}, local("2023-07-01T12:00"));
  season.time_passes(kCut);
  season.pipeline = std::make_unique<Pipeline>(season.policy, season.source, 2, season.store, season.outputs);
  season.pipeline->restore();
  EXPECT_EQ(season.described({}).obstacles(0).rule(), "release-missing");
  season.play({withdrawn({.learner = "L2"}, kCut + 1)}, kCut + 1);
  EXPECT_EQ(season.stage(), v1::ISSUED);
}

// ---- halts ----

TEST(Halt, of_a_qualification_stops_it_alone) {
  Releasing season{Policy{}};
  Ref other{.qualification = "601/0003/9"};
  season.play(with_result({}), local("2023-06-02T09:00"));
  season.play({registered(other, local("2023-06-02T10:00")), determined(other, local("2023-06-02T10:00"))}, local("2023-06-02T10:00"));
  season.play({halt_word(local("2023-08-01T09:00"), true, "RN5001", "601/0001/5")}, local("2023-08-01T09:00"));
  season.time_passes(local("2023-08-14T16:30"));
  EXPECT_EQ(season.stage(), v1::READY);
  EXPECT_TRUE(season.pipeline->reference().halted(AwardingOrganisationId{5001}, *parse_series("2023-08"), *parse_qualification("601/0001/5")));
  EXPECT_FALSE(season.pipeline->reference().halted(AwardingOrganisationId{5001}, *parse_series("2023-08"), *parse_qualification("601/0003/9")));
  season.play({halt_word(local("2023-08-14T16:31"), false, "RN5001", "601/0001/5")}, local("2023-08-14T16:31"));
  EXPECT_EQ(season.stage(), v1::ISSUED);
}

TEST(Halt, of_all_awarding_organisations_stops_everything_and_is_lifted_by_itself_alone) {
  Releasing season{Policy{}};
  season.play(with_result({}), local("2023-06-02T09:00"));
  season.play({halt_word(local("2023-08-01T09:00"), true, "*")}, local("2023-08-01T09:00"));
  season.time_passes(local("2023-08-14T16:30"));
  EXPECT_EQ(season.stage(), v1::READY);
  season.play({halt_word(local("2023-08-14T16:31"), false)}, local("2023-08-14T16:31"));
  EXPECT_EQ(season.stage(), v1::READY);
  season.play({halt_word(local("2023-08-14T16:32"), false, "*")}, local("2023-08-14T16:32"));
  EXPECT_EQ(season.stage(), v1::ISSUED);
}

TEST(Halt, of_a_qualification_at_one_centre_stops_it_there) {
  Releasing season{Policy{}};
  Ref other{.centre = "54321"};
  season.play(with_result({}), local("2023-06-02T09:00"));
  season.play(with_result(other), local("2023-06-02T10:00"));
  season.play({halt_word(local("2023-08-01T09:00"), true, "RN5001", "601/0001/5", "54321")}, local("2023-08-01T09:00"));
  season.time_passes(local("2023-08-14T16:30"));
  EXPECT_EQ(season.stage(), v1::ISSUED);
  EXPECT_EQ(season.stage(other), v1::READY);
}

// ---- gates ----

v1::Event earlier_gates(TimeMs at) {
  v1::Event event;
  for (v1::Event& one : reference_data())
    if (one.has_calendar_defined() && one.calendar_defined().level() == v1::LEVEL_3) event = one;
  event.set_id("earlier");
  event.mutable_occurred_at()->set_seconds(at / 1000);
  event.mutable_calendar_defined()->set_centre_release("2023-08-15T00:01");
  return event;
}

TEST(EarlierGate, holds_once_two_approvers_approved_its_calendar) {
  const TimeMs at = local("2023-07-01T09:00");
  Releasing season{Policy{}};
  CohortKey cohort{AwardingOrganisationId{5001}, v1::LEVEL_3, *parse_series("2023-08")};
  auto gate = [&] { return season.pipeline->reference().calendar(cohort)->centre_release; };
  v1::Event calendar = earlier_gates(at);
  season.play({calendar}, at);
  EXPECT_EQ(gate(), local("2023-08-16T00:01"));
  season.play({approved(at + 1, digest_of(calendar), "key a")}, at + 1);
  season.play({approved(at + 2, digest_of(calendar), "key o", false)}, at + 2);
  EXPECT_EQ(gate(), local("2023-08-16T00:01")) << "both must have the role";
  season.play({approved(at + 3, digest_of(calendar), "key b")}, at + 3);
  EXPECT_EQ(gate(), local("2023-08-15T00:01"));
  season.play({approved(at + 4, digest_of(calendar), "key b", true, true)}, at + 4);
  EXPECT_EQ(gate(), local("2023-08-16T00:01")) << "taken back";
}

TEST(EarlierGate, approved_before_its_calendar_comes_holds_too) {
  const TimeMs at = local("2023-07-01T09:00");
  Releasing season{Policy{}};
  v1::Event calendar = earlier_gates(at);
  season.play({approved(at + 1, digest_of(calendar), "key a"), approved(at + 1, digest_of(calendar), "key b"), calendar}, at + 1);
  CohortKey cohort{AwardingOrganisationId{5001}, v1::LEVEL_3, *parse_series("2023-08")};
  EXPECT_EQ(season.pipeline->reference().calendar(cohort)->centre_release, local("2023-08-15T00:01"));
}

}  // namespace
}  // namespace vtq::test
