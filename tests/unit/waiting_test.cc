// Facts that wait for what they name: for a registration, and where it is allowed for reference data.
#include "tests/support/season.h"

namespace vtq::test {
namespace {

const TimeMs kNow = local("2023-06-01T09:00");

v1::Event centre_defined(const std::string& number) {
  v1::Event event = event_at(kNow);
  event.mutable_centre_defined()->set_centre(number);
  event.mutable_centre_defined()->set_name("New Centre");
  return event;
}

std::vector<v1::Event> complete(const Ref& ref, TimeMs at) {
  return {answered(ref, at), achieved(ref, at, {"A", "B", "C"}), claimed(ref, at), determined(ref, at)};
}

// ---- orphans ----

TEST(Orphan, waits_and_says_for_what_and_until_when) {
  StartedSeason season;
  Verdict verdict = season.play({claimed({}, kNow)}, kNow).at(0);
  EXPECT_EQ(verdict.kind, Verdict::Kind::waiting);
  EXPECT_EQ(verdict.until_ms, kNow + 14 * kDayMs);
  ASSERT_TRUE(verdict.why);
  EXPECT_EQ(verdict.why->field, "claimSubmitted.entry");
  EXPECT_EQ(verdict.why->rule, "entry-registered");
  EXPECT_EQ(verdict.why->value, "12345 601/0001/5 2023-08");
}
TEST(Orphan, claim_before_registration_waits_and_then_counts) {
  StartedSeason season;
  season.play(complete({}, kNow), kNow);
  EXPECT_EQ(season.entry({}), nullptr);
  season.play({registered({}, kNow)}, kNow + kDayMs);
  EXPECT_EQ(season.status({}).stage, v1::READY);
  season.time_passes(kNow + 30 * kDayMs);
  EXPECT_TRUE(season.outputs.rejections.empty());
}
TEST(Orphan, and_its_registration_in_one_window_never_wait) {
  StartedSeason season;
  auto verdicts = season.play({claimed({}, kNow), registered({}, kNow)}, kNow);
  EXPECT_EQ(verdicts.at(0).kind, Verdict::Kind::accepted);
  EXPECT_EQ(season.status({}).stage, v1::REGISTERED);
}
TEST(Orphan, is_kept_until_just_before_its_time_is_over) {
  StartedSeason season;
  season.play({claimed({}, kNow)}, kNow);
  season.time_passes(kNow + 14 * kDayMs - 1);
  EXPECT_TRUE(season.outputs.rejections.empty());
  season.play({registered({}, kNow)}, kNow + 14 * kDayMs - 1);
  ASSERT_NE(season.entry({}), nullptr);
  EXPECT_TRUE(season.entry({})->facts.has_claim());
}
TEST(Orphan, is_rejected_when_its_time_is_over) {
  StartedSeason season;
  v1::Event event = claimed({}, kNow);
  season.play({event}, kNow);
  season.time_passes(kNow + 14 * kDayMs);
  ASSERT_EQ(season.outputs.rejections.size(), 1u);
  const auto& rejected = season.outputs.rejections[0];
  EXPECT_EQ(rejected.field(), "claimSubmitted.entry");
  EXPECT_EQ(rejected.rule(), "entry-registered");
  EXPECT_EQ(rejected.topic(), "vtq.claims");
  EXPECT_EQ(rejected.original(), event.SerializeAsString());
  EXPECT_EQ(rejected.rejected_at().seconds() * 1000, kNow + 14 * kDayMs);
}
TEST(Orphan, of_several_at_a_centre_each_is_rejected_when_its_own_time_is_over) {
  StartedSeason season;
  for (TimeMs day : {0, 1, 2}) season.play({claimed({.learner = "L" + std::to_string(day)}, kNow + day * kDayMs)}, kNow + day * kDayMs);
  for (TimeMs day : {14, 15, 16}) {
    season.time_passes(kNow + day * kDayMs);
    ASSERT_EQ(season.outputs.rejections.size(), static_cast<std::size_t>(day - 13));
    EXPECT_EQ(season.outputs.rejections.back().rejected_at().seconds() * 1000, kNow + day * kDayMs);
  }
}
TEST(Orphan, rejected_once_does_not_count_after_a_later_registration) {
  StartedSeason season;
  season.play({claimed({}, kNow)}, kNow);
  season.play({registered({}, kNow)}, kNow + 15 * kDayMs);
  EXPECT_FALSE(season.entry({})->facts.has_claim());
}
TEST(Orphan, sent_again_after_its_rejection_and_registration_counts) {
  StartedSeason season;
  v1::Event event = claimed({}, kNow);
  season.play({event}, kNow);
  season.play({registered({}, kNow)}, kNow + 15 * kDayMs);
  EXPECT_EQ(season.play({event}, kNow + 16 * kDayMs).at(0).kind, Verdict::Kind::accepted);
  EXPECT_TRUE(season.entry({})->facts.has_claim());
}
TEST(Orphan, sent_twice_waits_once) {
  StartedSeason season;
  v1::Event event = claimed({}, kNow);
  season.play({event}, kNow);
  EXPECT_EQ(season.play({event}, kNow + kDayMs).at(0).kind, Verdict::Kind::duplicate);
  season.time_passes(kNow + 20 * kDayMs);
  EXPECT_EQ(season.outputs.rejections.size(), 1u);
}
TEST(Orphan, of_one_learner_does_not_wait_for_another) {
  StartedSeason season;
  season.play({claimed({.learner = "L1"}, kNow)}, kNow);
  season.play({registered({.learner = "L2"}, kNow)}, kNow);
  EXPECT_FALSE(season.entry({.learner = "L2"})->facts.has_claim());
}
TEST(Orphan, waits_over_a_restart) {
  StartedSeason season;
  season.play({claimed({}, kNow)}, kNow);
  season.pipeline = std::make_unique<Pipeline>(season.policy, TimeSource::wall, 2, season.store, season.outputs);
  season.pipeline->restore();
  season.play({registered({}, kNow)}, kNow + kDayMs);
  EXPECT_TRUE(season.entry({})->facts.has_claim());
}
TEST(Orphan, rejected_and_sent_again_in_one_commit_waits_over_a_restart) {
  StartedSeason season;
  v1::Event event = claimed({}, kNow);
  season.play({event}, kNow);
  TimeMs later = kNow + 15 * kDayMs;
  EXPECT_EQ(season.play({event}, later).at(0).kind, Verdict::Kind::waiting);
  season.pipeline = std::make_unique<Pipeline>(season.policy, TimeSource::wall, 2, season.store, season.outputs);
  season.pipeline->restore();
  season.play({registered({}, kNow)}, later + kDayMs);
  EXPECT_TRUE(season.entry({})->facts.has_claim());
}
TEST(Orphan, beyond_the_limit_of_its_centre_is_rejected_at_once) {
  Policy policy;
  policy.waiting_per_centre_max = 2;
  StartedSeason season(policy);
  auto verdicts = season.play({claimed({.learner = "L1"}, kNow), claimed({.learner = "L2"}, kNow), claimed({.learner = "L3"}, kNow)}, kNow);
  EXPECT_EQ(verdicts.at(1).kind, Verdict::Kind::waiting);
  EXPECT_EQ(verdicts.at(2).kind, Verdict::Kind::rejected);
  EXPECT_EQ(verdicts.at(2).why->rule, "waiting-facts-max");
}
TEST(Orphan, is_counted_while_it_waits) {
  StartedSeason season;
  season.play({claimed({}, kNow), claimed({.learner = "L2"}, kNow)}, kNow);
  auto waiting = [&] {
    std::size_t sum = 0;
    for (std::uint32_t at = 0; at < season.pipeline->partitions(); ++at) sum += season.pipeline->partition(at).waiting();
    return sum;
  };
  EXPECT_EQ(waiting(), 2u);
  season.play({registered({}, kNow)}, kNow);
  EXPECT_EQ(waiting(), 1u);
  season.time_passes(kNow + 20 * kDayMs);
  EXPECT_EQ(waiting(), 0u);
}

TEST(Orphan, waits_beside_others_of_the_same_moment_and_each_ends_alone) {
  StartedSeason season;
  std::vector<v1::Event> all;
  for (int learner = 0; learner < 2000; ++learner) all.push_back(claimed({.learner = "L" + std::to_string(learner)}, kNow));
  for (const Verdict& verdict : season.play(all, kNow)) ASSERT_EQ(verdict.kind, Verdict::Kind::waiting);
  EXPECT_EQ(season.play({all[7]}, kNow).at(0).kind, Verdict::Kind::duplicate);
  season.play({registered({.learner = "L7"}, kNow)}, kNow);
  EXPECT_TRUE(season.entry({.learner = "L7"})->facts.has_claim());
  season.pipeline = std::make_unique<Pipeline>(season.policy, TimeSource::wall, 2, season.store, season.outputs);
  season.pipeline->restore();
  season.time_passes(kNow + 15 * kDayMs);
  EXPECT_EQ(season.outputs.rejections.size(), 1999u);
}
TEST(Orphan, is_told_from_others_of_the_same_moment_by_128_bits) {
  // Of so many facts two would be the same by 32 bits, 99 times of 100; by 64 none is, in either half.
  constexpr int kFacts = 200'000;
  v1::Event event = claimed({}, kNow);
  std::vector<std::uint64_t> high, low;
  for (int at = 0; at < kFacts; ++at) {
    event.set_id("claim-" + std::to_string(at));
    WaitingKey key = waiting_key(event);
    high.push_back(key.content_high);
    low.push_back(key.content_low);
    ASSERT_NE(key.content_high, key.content_low);
  }
  for (std::vector<std::uint64_t>* half : {&high, &low}) {
    std::sort(half->begin(), half->end());
    EXPECT_EQ(std::adjacent_find(half->begin(), half->end()), half->end());
  }
}
TEST(Orphan, within_a_millisecond_of_another_waits_beside_it) {
  StartedSeason season;
  v1::Event early = claimed({}, kNow), late = early;
  early.mutable_occurred_at()->set_nanos(1);
  late.mutable_occurred_at()->set_nanos(2);
  auto verdicts = season.play({early, late, early}, kNow);
  EXPECT_EQ(verdicts.at(1).kind, Verdict::Kind::waiting);
  EXPECT_EQ(verdicts.at(2).kind, Verdict::Kind::duplicate);
  season.time_passes(kNow + 15 * kDayMs);
  EXPECT_EQ(season.outputs.rejections.size(), 2u);
}
TEST(Orphan, is_told_what_it_met_when_its_registration_comes_in_the_same_commit) {
  StartedSeason season;
  v1::Event first = determined({}, kNow, "Pass"), second = determined({}, kNow, "Merit");
  first.set_id("res-9");
  second.set_id("res-10");
  season.play({second}, kNow);
  auto verdicts = season.play({registered({}, kNow), first}, kNow);
  EXPECT_EQ(season.entry({})->facts.result_grade.str(), "Merit");
  EXPECT_EQ(verdicts.at(1).kind, Verdict::Kind::accepted);
}

// ---- stored facts that this version does not take ----

WaitingRecord stored(const std::string& bytes, const v1::Event& named) {
  return {.event = bytes,
          .key = waiting_key(named),
          .topic = Topic::assurance,
          .until_ms = kNow + 10 * kDayMs,
          .why = {"holdLifted.centre", "centre-known", "12345", "Define the centre."}};
}

void expect_rejected(const WaitingRecord& waiting, const std::string& field, const std::string& rule) {
  StartedSeason season;
  season.play({claimed({}, kNow)}, kNow);  // so that the centre is known
  std::uint32_t partition = season.pipeline->partition_of(CentreId{12345});
  season.store.put_waiting(partition, CentreId{12345}, waiting);
  for (int start = 0; start < 2; ++start) {
    season.pipeline = std::make_unique<Pipeline>(season.policy, TimeSource::wall, 2, season.store, season.outputs);
    season.pipeline->restore();
    season.play({registered({.learner = "L2"}, kNow)}, kNow + kHourMs);
    ASSERT_EQ(season.outputs.rejections.size(), 1u);
  }
  EXPECT_EQ(season.outputs.rejections[0].field(), field);
  EXPECT_EQ(season.outputs.rejections[0].rule(), rule);
  EXPECT_EQ(season.outputs.rejections[0].original(), waiting.event);
  season.play({registered({}, kNow)}, kNow + kHourMs);
  EXPECT_TRUE(season.entry({})->facts.has_claim()) << "others that wait are not concerned";
}

TEST(StoredFact, that_a_stricter_check_does_not_pass_is_rejected_with_its_rule) {
  v1::Event event = hold_lifted("H1", {}, kNow);
  event.mutable_hold_lifted()->clear_awarding_organisation();
  expect_rejected(stored(event.SerializeAsString(), event), "holdLifted.awardingOrganisation", "awarding-organisation-form");
}
TEST(StoredFact, that_does_not_read_is_rejected) { expect_rejected(stored("no event", hold_lifted("H1", {}, kNow)), "event", "protobuf-form"); }
TEST(StoredFact, whose_origin_does_not_read_is_rejected_without_it) {
  v1::Event event = hold_lifted("H1", {}, kNow);
  event.mutable_hold_lifted()->set_hold("h 1");
  WaitingRecord waiting = stored(event.SerializeAsString(), event);
  waiting.origin = "\xff\xff";
  expect_rejected(waiting, "holdLifted.hold", "hold-form");
}
TEST(StoredFact, of_a_centre_that_does_not_read_holds_up_its_results) {
  StartedSeason season;
  season.play(complete({}, kNow), kNow);
  season.play({registered({}, kNow)}, kNow);
  std::uint32_t partition = season.pipeline->partition_of(CentreId{12345});
  season.store.put_slot(partition, CentreId{12345}, "hold-placed RN5001 H1", Stamp{kNow, 1}, "no event");
  season.pipeline = std::make_unique<Pipeline>(season.policy, TimeSource::wall, 2, season.store, season.outputs);
  season.pipeline->restore();
  season.time_passes(local("2023-08-17T08:00"));
  EXPECT_TRUE(season.outputs.batches.empty());
}
TEST(StoredFact, of_reference_data_that_does_not_read_is_named_and_refused) {
  StartedSeason season;
  season.store.put_reference("scale pass", Stamp{kNow, 1}, "no event");
  season.pipeline = std::make_unique<Pipeline>(season.policy, TimeSource::wall, 2, season.store, season.outputs);
  try {
    season.pipeline->restore();
    FAIL() << "restored";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("scale pass"), std::string::npos) << error.what();
  }
}

// ---- unknown references ----

TEST(UnknownReference, is_rejected_when_its_window_closes) {
  StartedSeason season;
  Verdict verdict = season.play({registered({.centre = "99999"}, kNow)}, kNow).at(0);
  EXPECT_EQ(verdict.kind, Verdict::Kind::rejected);
  EXPECT_EQ(verdict.why->field, "registered.entry.centre");
  EXPECT_EQ(verdict.why->rule, "centre-known");
  EXPECT_EQ(verdict.why->value, "99999");
  EXPECT_EQ(verdict.rejected_id, "1");
}
TEST(UnknownReference, defined_in_the_same_window_is_known) {
  StartedSeason season;
  auto verdicts = season.play({registered({.centre = "99999"}, kNow), centre_defined("99999")}, kNow);
  EXPECT_EQ(verdicts.at(0).kind, Verdict::Kind::accepted);
}
TEST(UnknownReference, waits_as_long_as_the_policy_says) {
  Policy policy;
  policy.reference_wait_ms = kDayMs;
  StartedSeason season(policy);
  EXPECT_EQ(season.play({registered({.centre = "99999"}, kNow)}, kNow).at(0).kind, Verdict::Kind::waiting);
  season.time_passes(kNow + kDayMs - 1);
  EXPECT_TRUE(season.outputs.rejections.empty());
  season.time_passes(kNow + kDayMs);
  EXPECT_EQ(season.outputs.rejections.size(), 1u);
}
TEST(UnknownReference, defined_while_it_waits_counts) {
  Policy policy;
  policy.reference_wait_ms = kDayMs;
  StartedSeason season(policy);
  season.play({registered({.centre = "99999"}, kNow)}, kNow);
  season.play({centre_defined("99999")}, kNow + kHourMs);
  EXPECT_NE(season.entry({.centre = "99999"}), nullptr);
  season.time_passes(kNow + 2 * kDayMs);
  EXPECT_TRUE(season.outputs.rejections.empty());
}
TEST(UnknownReference, defined_while_its_partition_was_elsewhere_counts_over_a_restart) {
  Policy policy;
  policy.reference_wait_ms = kDayMs;
  StartedSeason season(policy);
  season.play({registered({.centre = "99999"}, kNow)}, kNow);
  auto restarted = [&] { return std::make_unique<Pipeline>(season.policy, TimeSource::wall, 2, season.store, season.outputs); };
  season.pipeline = restarted();
  season.pipeline->restore_reference();
  v1::Event defined = centre_defined("99999");
  std::string bytes = defined.SerializeAsString();
  Inbound inbound{.event = &defined, .bytes = bytes, .address = check(defined).value()};
  season.pipeline->process_reference({&inbound, 1});
  for (std::uint32_t at = 0; at < 2; ++at) {
    season.pipeline->take(at);
    season.pipeline->partition(at).reference_changed_unseen();
  }
  season.pipeline->write(season.store);  // that it is to be looked at; not what came of it
  season.pipeline = restarted();
  season.pipeline->restore();
  season.time_passes(kNow + kHourMs);
  EXPECT_NE(season.entry({.centre = "99999"}), nullptr);
}
TEST(UnknownReference, unit_is_rejected_with_field_rule_and_value) {
  StartedSeason season;
  season.play({registered({}, kNow)}, kNow);
  Verdict verdict = season.play({achieved({}, kNow, {"A", "Z"})}, kNow).at(0);
  ASSERT_EQ(verdict.kind, Verdict::Kind::rejected);
  EXPECT_EQ(verdict.why->field, "outcomeRecorded.outcomes[1].unit");
  EXPECT_EQ(verdict.why->rule, "unit-of-qualification");
  EXPECT_EQ(verdict.why->value, "Z");
  EXPECT_TRUE(season.entry({})->facts.units.empty());
}
TEST(UnknownReference, grade_is_rejected_with_field_and_rule_and_is_not_shown) {
  StartedSeason season;
  season.play({registered({}, kNow)}, kNow);
  season.play({determined({}, kNow, "Credit")}, kNow);
  ASSERT_EQ(season.outputs.rejections.size(), 1u);
  EXPECT_EQ(season.outputs.rejections[0].field(), "resultDetermined.grade.value");
  EXPECT_EQ(season.outputs.rejections[0].rule(), "grade-of-scale");
  EXPECT_EQ(season.outputs.rejections[0].value(), "(not shown)");
}

// ---- reference data that changes under registered entries ----

v1::Event redefined(std::size_t which, const std::string& at) {
  v1::Event event = reference_data()[which];
  event.set_id("redefined-" + std::to_string(which) + at);
  event.mutable_occurred_at()->set_seconds(local(at) / 1000);
  return event;
}

TEST(ChangedReference, a_qualification_moved_to_an_unknown_awarding_organisation_stops_nothing) {
  StartedSeason season;
  season.play({registered({}, kNow)}, kNow);
  v1::Event moved = redefined(5, "2023-06-02T09:00");
  moved.mutable_qualification_defined()->set_awarding_organisation("RN7777");
  season.play({moved}, local("2023-06-02T09:00"));
  EXPECT_EQ(season.status({}).stage, v1::REGISTERED);
}
TEST(ChangedReference, a_deadline_moved_forward_counts_at_once) {
  StartedSeason season;
  season.play({registered({}, kNow)}, kNow);
  v1::Event moved = redefined(8, "2023-06-02T09:00");
  moved.mutable_calendar_defined()->set_issue_deadline("2023-06-02T08:00");
  season.play({moved}, local("2023-06-02T09:00"));
  EXPECT_EQ(season.status({}).stage, v1::NOT_CERTIFICATED);
}
TEST(ChangedReference, a_unit_no_longer_required_counts_at_once) {
  StartedSeason season;
  season.play({registered({}, kNow), achieved({}, kNow, {"A", "C"})}, kNow);
  v1::Event changed = redefined(5, "2023-06-02T09:00");
  changed.mutable_qualification_defined()->mutable_units(1)->set_mandatory(false);
  season.play({changed}, local("2023-06-02T09:00"));
  EXPECT_EQ(season.status({}).stage, v1::ELIGIBLE);
}

TEST(UnknownReference, that_becomes_known_leaves_the_fact_waiting_for_its_registration) {
  Policy policy;
  policy.reference_wait_ms = 5 * kDayMs;
  StartedSeason season(policy);
  season.play({claimed({.centre = "99999"}, kNow)}, kNow);
  season.play({centre_defined("99999")}, kNow + kHourMs);
  season.pipeline = std::make_unique<Pipeline>(season.policy, TimeSource::wall, 2, season.store, season.outputs);
  season.pipeline->restore();
  season.time_passes(kNow + 5 * kDayMs);
  ASSERT_EQ(season.outputs.rejections.size(), 1u);
  EXPECT_EQ(season.outputs.rejections[0].rule(), "entry-registered");
}

}  // namespace
}  // namespace vtq::test
