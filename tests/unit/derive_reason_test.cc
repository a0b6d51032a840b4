// Derive: reason codes N1 to N4 and L1 to L7, bands to the hour, halts, and when time alone changes a status.
#include <random>

#include "tests/support/situation.h"

namespace vtq::test {
namespace {

constexpr const char* kJune = "2023-06-25T09:00";
constexpr const char* kDeadline = "2023-08-14T17:00";
constexpr const char* kAfter = "2023-08-16T09:00";

v1::Event changed_to(v1::RegistrationChanged::Change change, const std::string& at) {
  v1::Event event = event_at(local(at));
  set_ref(event.mutable_registration_changed()->mutable_entry(), {});
  event.mutable_registration_changed()->set_change(change);
  return event;
}

v1::Event consideration(v1::SpecialConsideration::Status status, const std::string& at, const std::string& requested_on = {}) {
  v1::Event event = event_at(local(at));
  set_ref(event.mutable_special_consideration()->mutable_entry(), {});
  event.mutable_special_consideration()->set_status(status);
  event.mutable_special_consideration()->set_requested_on(requested_on);
  return event;
}

// ---- no result is due any more ----

TEST(NotCertificated, without_a_claim_at_the_deadline_is_n3) {
  Status status = Situation().complete().status_at(kDeadline);
  EXPECT_EQ(status.stage, v1::NOT_CERTIFICATED);
  EXPECT_EQ(status.reason, v1::N3);
  EXPECT_EQ(status.band, v1::SETTLED);
  EXPECT_FALSE(status.late);
}
TEST(NotCertificated, is_not_said_just_before_the_deadline) { EXPECT_EQ(Situation().complete().at(local(kDeadline) - 1).status.stage, v1::ELIGIBLE); }
TEST(NotCertificated, incomplete_and_unconfirmed_is_n4) {
  EXPECT_EQ(Situation().registered_at("2022-10-01T09:00").status_at(kDeadline).reason, v1::N4);
}
TEST(NotCertificated, incomplete_but_confirmed_is_n3) {
  EXPECT_EQ(Situation().registered_at("2022-10-01T09:00").answered_at("2023-05-10T09:00").status_at(kDeadline).reason, v1::N3);
}
TEST(NotCertificated, complete_and_unconfirmed_is_n3) {
  EXPECT_EQ(Situation().registered_at("2022-10-01T09:00").achieved_at("2023-06-01T09:00", {"A", "B", "C"}).status_at(kDeadline).reason, v1::N3);
}
TEST(NotCertificated, claimed_but_incomplete_is_n1) {
  Situation situation;
  situation.registered_at("2022-10-01T09:00").answered_at("2023-05-10T09:00").claimed_at("2023-06-10T09:00");
  EXPECT_EQ(situation.status_at(kDeadline).stage, v1::NOT_CERTIFICATED);
  EXPECT_EQ(situation.status_at(kDeadline).reason, v1::N1);
}
TEST(NotCertificated, is_taken_back_by_a_late_claim) {
  EXPECT_EQ(Situation().complete().claimed_at("2023-08-15T09:00").status_at(kAfter).stage, v1::ASSURED);
}
TEST(Withdrawn, is_n2) {
  Status status = Situation().complete().with(withdrawn({}, local("2023-06-02T09:00"))).status_at(kJune);
  EXPECT_EQ(status.reason, v1::N2);
  EXPECT_EQ(status.band, v1::SETTLED);
}

// ---- due, and late ----

/// The reason of an entry that is due and not issued after the deadline.
v1::Reason late_reason_of(const Situation& situation) {
  Status status = situation.status_at(kAfter);
  EXPECT_TRUE(status.late);
  EXPECT_EQ(status.band, v1::LATE);
  return status.reason;
}

TEST(Late, without_a_result_from_the_awarding_organisation_is_l6) { EXPECT_EQ(late_reason_of(Situation().complete_and_claimed()), v1::L6); }
TEST(Late, is_not_said_just_before_the_deadline) { EXPECT_FALSE(Situation().complete_and_claimed().at(local(kDeadline) - 1).status.late); }
TEST(Late, is_said_at_the_deadline) { EXPECT_TRUE(Situation().complete_and_claimed().status_at(kDeadline).late); }
TEST(Late, claimed_on_results_day_is_l1) { EXPECT_EQ(late_reason_of(Situation().complete().claimed_at("2023-08-17T08:00")), v1::L1); }
TEST(Late, claimed_just_before_the_deadline_is_not_l1) { EXPECT_EQ(late_reason_of(Situation().complete().claimed_at("2023-08-14T16:59")), v1::L6); }
TEST(Late, registered_after_the_last_day_for_entries_is_l2) {
  Situation situation;
  situation.registered_at("2023-06-01T00:00").achieved_at("2023-06-01T09:00", {"A", "B", "C"}).claimed_at("2023-06-10T09:00");
  EXPECT_EQ(late_reason_of(situation), v1::L2);
}
TEST(Late, registered_at_the_last_minute_for_entries_is_not_l2) {
  Situation situation;
  situation.registered_at("2023-05-31T23:59").achieved_at("2023-06-01T09:00", {"A", "B", "C"}).claimed_at("2023-06-10T09:00");
  EXPECT_EQ(late_reason_of(situation), v1::L6);
}
TEST(Late, changed_course_after_the_last_day_for_entries_is_l3) {
  EXPECT_EQ(late_reason_of(Situation().complete_and_claimed().with(changed_to(v1::RegistrationChanged::COURSE, "2023-06-01T00:00"))), v1::L3);
}
TEST(Late, changed_size_after_the_last_day_for_entries_is_l3) {
  EXPECT_EQ(late_reason_of(Situation().complete_and_claimed().with(changed_to(v1::RegistrationChanged::SIZE, "2023-06-01T00:00"))), v1::L3);
}
TEST(Late, changed_course_at_the_last_minute_for_entries_is_not_l3) {
  EXPECT_EQ(late_reason_of(Situation().complete_and_claimed().with(changed_to(v1::RegistrationChanged::COURSE, "2023-05-31T23:59"))), v1::L6);
}
TEST(Late, changed_details_after_the_last_day_for_entries_is_not_l3) {
  EXPECT_EQ(late_reason_of(Situation().complete_and_claimed().with(changed_to(v1::RegistrationChanged::DETAILS, "2023-06-01T00:00"))), v1::L6);
}
TEST(Late, under_open_malpractice_is_l4) {
  EXPECT_EQ(late_reason_of(Situation().complete_and_claimed().with(hold_placed("H1", {}, local("2023-06-11T09:00")))), v1::L4);
}
TEST(Late, after_malpractice_closed_beyond_the_deadline_is_l4) {
  Situation situation;
  situation.complete_and_claimed().with(hold_placed("H1", {}, local("2023-06-11T09:00"))).with(hold_lifted("H1", {}, local("2023-08-14T17:01")));
  EXPECT_EQ(late_reason_of(situation), v1::L4);
}
TEST(Late, after_malpractice_closed_at_the_deadline_is_not_l4) {
  Situation situation;
  situation.complete_and_claimed().with(hold_placed("H1", {}, local("2023-06-11T09:00"))).with(hold_lifted("H1", {}, local(kDeadline)));
  EXPECT_EQ(late_reason_of(situation), v1::L6);
}
TEST(Late, under_malpractice_of_another_learner_is_not_l4) {
  EXPECT_EQ(late_reason_of(Situation().complete_and_claimed().with(hold_placed("H1", {.learner = "L2"}, local("2023-06-11T09:00")))), v1::L6);
}
TEST(Late, while_the_sample_is_awaited_is_l5) {
  EXPECT_EQ(late_reason_of(Situation().complete_and_claimed().with(sample({}, local("2023-06-11T09:00"), v1::SampleDecided::AWAITING_CENTRE))),
            v1::L5);
}
TEST(Late, while_the_sample_is_moderated_is_l6) {
  EXPECT_EQ(
      late_reason_of(Situation().complete_and_claimed().with(sample({}, local("2023-06-11T09:00"), v1::SampleDecided::WITH_AWARDING_ORGANISATION))),
      v1::L6);
}
TEST(Late, after_a_sample_answered_after_the_deadline_is_l5) {
  EXPECT_EQ(
      late_reason_of(Situation().complete_and_claimed().with(sample({}, local("2023-08-15T19:00"), v1::SampleDecided::SATISFIED, "2023-08-15"))),
      v1::L5);
}
TEST(Late, after_a_sample_answered_by_the_deadline_is_l6_though_it_was_due_before) {
  EXPECT_EQ(
      late_reason_of(Situation().complete_and_claimed().with(sample({}, local("2023-08-15T19:00"), v1::SampleDecided::SATISFIED, "2023-08-14"))),
      v1::L6);
}
TEST(Late, under_a_hold_for_the_centres_answer_is_l5) {
  EXPECT_EQ(
      late_reason_of(Situation().complete_and_claimed().with(hold_placed("H1", {}, local("2023-06-11T09:00"), v1::HoldPlaced::CENTRE_RESPONSE))),
      v1::L5);
}
TEST(Late, under_a_hold_of_the_awarding_organisation_is_l6) {
  EXPECT_EQ(late_reason_of(
                Situation().complete_and_claimed().with(hold_placed("H1", {}, local("2023-06-11T09:00"), v1::HoldPlaced::AWARDING_ORGANISATION))),
            v1::L6);
}
TEST(Late, with_consideration_asked_for_after_the_claim_deadline_is_l7) {
  EXPECT_EQ(late_reason_of(Situation().complete_and_claimed().with(consideration(v1::SpecialConsideration::REQUESTED, "2023-07-08T00:01"))), v1::L7);
}
TEST(Late, with_consideration_asked_for_on_the_day_of_the_claim_deadline_is_not_l7) {
  EXPECT_EQ(late_reason_of(Situation().complete_and_claimed().with(consideration(v1::SpecialConsideration::REQUESTED, "2023-07-07T23:59"))), v1::L6);
}
TEST(Late, with_very_late_consideration_decided_by_the_deadline_is_not_l7) {
  EXPECT_EQ(late_reason_of(Situation().complete_and_claimed().with(consideration(v1::SpecialConsideration::GRANTED, kDeadline, "2023-07-08"))),
            v1::L6);
}
TEST(Late, with_very_late_consideration_decided_after_the_deadline_is_l7) {
  EXPECT_EQ(
      late_reason_of(Situation().complete_and_claimed().with(consideration(v1::SpecialConsideration::GRANTED, "2023-08-14T17:01", "2023-07-08"))),
      v1::L7);
}

TEST(Late, gives_the_first_that_applies_of_l4_l1_l2_l3_l7_l5_l6) {
  Situation situation;
  situation.registered_at("2023-06-02T09:00").achieved_at("2023-06-03T09:00", {"A", "B", "C"}).claimed_at("2023-08-17T08:00");
  situation.with(changed_to(v1::RegistrationChanged::SIZE, "2023-06-02T09:00"));
  situation.with(consideration(v1::SpecialConsideration::REQUESTED, "2023-07-10T09:00"));
  situation.with(sample({}, local("2023-06-11T09:00"), v1::SampleDecided::AWAITING_CENTRE));
  situation.with(hold_placed("H1", {}, local("2023-06-11T09:00")));
  EXPECT_EQ(late_reason_of(situation), v1::L4);
  situation.with(hold_lifted("H1", {}, local("2023-06-12T09:00")));
  EXPECT_EQ(late_reason_of(situation), v1::L1);
  situation.entry.facts.claim.at_ms = local("2023-06-10T09:00");
  EXPECT_EQ(late_reason_of(situation), v1::L2);
  situation.entry.facts.first_registered_ms = local("2023-05-01T09:00");
  EXPECT_EQ(late_reason_of(situation), v1::L3);
  situation.entry.facts.changed.at_ms = local("2023-05-01T09:00");
  EXPECT_EQ(late_reason_of(situation), v1::L7);
  situation.with(consideration(v1::SpecialConsideration::GRANTED, "2023-08-01T09:00", "2023-07-10"));
  EXPECT_EQ(late_reason_of(situation), v1::L5);
  situation.with(sample({}, local("2023-06-12T09:00"), v1::SampleDecided::SATISFIED, "2023-06-12"));
  EXPECT_EQ(late_reason_of(situation), v1::L6);
}

// ---- bands ----

v1::Band band_at(const Situation& situation, TimeMs now) { return situation.at(now).status.band; }

/// An eligible and claimed entry waits for its result: usually 3 days, at times 10.
TEST(Band, is_on_track_while_even_slow_steps_fit) {
  EXPECT_EQ(band_at(Situation().complete_and_claimed(), local(kDeadline) - 10 * kDayMs), v1::ON_TRACK);
}
TEST(Band, is_on_track_until_the_hour_is_full) {
  EXPECT_EQ(band_at(Situation().complete_and_claimed(), local(kDeadline) - 10 * kDayMs + kHourMs - 1), v1::ON_TRACK);
}
TEST(Band, is_watch_once_slow_steps_no_longer_fit) {
  EXPECT_EQ(band_at(Situation().complete_and_claimed(), local(kDeadline) - 10 * kDayMs + kHourMs), v1::WATCH);
}
TEST(Band, is_watch_while_usual_steps_fit) {
  EXPECT_EQ(band_at(Situation().complete_and_claimed(), local(kDeadline) - 3 * kDayMs + kHourMs - 1), v1::WATCH);
}
TEST(Band, is_at_risk_once_usual_steps_no_longer_fit) {
  EXPECT_EQ(band_at(Situation().complete_and_claimed(), local(kDeadline) - 3 * kDayMs + kHourMs), v1::AT_RISK);
}
TEST(Band, counts_the_claim_that_is_missing) {
  // Claim 4 and 14 days, result 3 and 10.
  EXPECT_EQ(band_at(Situation().complete(), local(kDeadline) - 24 * kDayMs), v1::ON_TRACK);
  EXPECT_EQ(band_at(Situation().complete(), local(kDeadline) - 24 * kDayMs + kHourMs), v1::WATCH);
  EXPECT_EQ(band_at(Situation().complete(), local(kDeadline) - 7 * kDayMs + kHourMs), v1::AT_RISK);
}
TEST(Band, counts_at_most_three_gaps_of_evidence) {
  // Three of evidence 5 days each, claim 4, result 3; A, B and the optional credit are missing.
  Situation situation;
  situation.registered_at("2022-10-01T09:00").answered_at("2023-05-10T09:00");
  EXPECT_EQ(situation.at(kJune).remaining.usual_ms, (3 * 5 + 4 + 3) * kDayMs);
}
TEST(Band, under_open_malpractice_is_at_least_watch) {
  Situation situation;
  situation.complete_and_claimed().with(hold_placed("H1", {}, local("2023-06-11T09:00")));
  EXPECT_EQ(band_at(situation, local(kJune)), v1::WATCH);
  EXPECT_EQ(situation.status_at(kJune).reason, v1::L4);
}
TEST(Band, silent_at_the_checkpoint_is_at_least_watch_from_its_close) {
  Situation situation;
  situation.registered_at("2022-10-01T09:00").achieved_at("2023-03-01T09:00", {"A", "B", "C"});
  EXPECT_EQ(band_at(situation, local("2023-05-26T17:00") - 1), v1::ON_TRACK);
  EXPECT_EQ(band_at(situation, local("2023-05-26T17:00")), v1::WATCH);
}
TEST(Band, of_a_ready_entry_is_on_track_to_the_end) {
  Situation situation;
  situation.ready();
  situation.entry.ready_since_ms = local("2023-06-20T09:00");
  EXPECT_EQ(band_at(situation, local("2023-08-10T05:59")), v1::ON_TRACK);
}
TEST(Band, without_a_calendar_is_watch_and_at_risk_once_the_result_is_ready) {
  Situation situation;
  situation.without_calendar = true;
  EXPECT_EQ(band_at(situation.complete(), local(kAfter)), v1::WATCH);
  EXPECT_EQ(band_at(situation.claimed_at("2023-06-10T09:00").determined_at("2023-06-20T09:00"), local(kAfter)), v1::AT_RISK);
  EXPECT_FALSE(situation.at(kAfter).issue_now);
}
TEST(Band, on_track_has_no_reason) { EXPECT_EQ(Situation().complete().status_at(kJune).reason, v1::REASON_NONE); }

class RiskReason : public testing::Test {
 protected:
  v1::Reason at_risk(const Situation& situation) { return situation.at(local(kDeadline) - kDayMs).status.reason; }
};
TEST_F(RiskReason, of_a_missing_claim_is_n3) { EXPECT_EQ(at_risk(Situation().complete()), v1::N3); }
TEST_F(RiskReason, of_missing_evidence_unconfirmed_is_n4) { EXPECT_EQ(at_risk(Situation().registered_at("2022-10-01T09:00")), v1::N4); }
TEST_F(RiskReason, of_missing_evidence_confirmed_is_n3_and_claimed_n1) {
  Situation situation;
  EXPECT_EQ(at_risk(situation.registered_at("2022-10-01T09:00").answered_at("2023-05-10T09:00")), v1::N3);
  EXPECT_EQ(at_risk(situation.claimed_at("2023-06-10T09:00")), v1::N1);
}
TEST_F(RiskReason, of_an_awaited_sample_is_l5) {
  EXPECT_EQ(at_risk(Situation().complete_and_claimed().with(sample({}, local("2023-06-11T09:00"), v1::SampleDecided::AWAITING_CENTRE))), v1::L5);
}
TEST_F(RiskReason, of_a_missing_result_is_l6) { EXPECT_EQ(at_risk(Situation().complete_and_claimed()), v1::L6); }
TEST_F(RiskReason, of_undecided_very_late_consideration_is_l7) {
  EXPECT_EQ(at_risk(Situation().ready().with(consideration(v1::SpecialConsideration::REQUESTED, "2023-07-10T09:00"))), v1::L7);
}
TEST_F(RiskReason, of_a_very_late_entry_is_l2) { EXPECT_EQ(at_risk(Situation().registered_at("2023-06-01T09:00")), v1::L2); }
TEST_F(RiskReason, of_a_late_change_is_l3) {
  EXPECT_EQ(at_risk(Situation().complete().with(changed_to(v1::RegistrationChanged::COURSE, "2023-06-01T09:00"))), v1::L3);
}

// ---- halted ----

TEST(Halted, ready_is_at_risk_with_l6) {
  Situation situation;
  situation.ready().halted = true;
  EXPECT_EQ(situation.status_at(kJune).band, v1::AT_RISK);
  EXPECT_EQ(situation.status_at(kJune).reason, v1::L6);
}
TEST(Halted, at_the_cut_is_not_issued) {
  Situation situation;
  situation.ready().halted = true;
  situation.entry.ready_since_ms = local("2023-06-20T09:00");
  EXPECT_FALSE(situation.at("2023-08-10T06:00").issue_now);
}
TEST(Halted, not_at_the_cut_is_issued) {
  Situation situation;
  situation.ready();
  situation.entry.ready_since_ms = local("2023-06-20T09:00");
  EXPECT_TRUE(situation.at("2023-08-10T06:00").issue_now);
  EXPECT_FALSE(situation.at(local("2023-08-10T06:00") - 1).issue_now);
}
TEST(Halted, at_the_deadline_is_late) {
  Situation situation;
  situation.ready().halted = true;
  situation.entry.ready_since_ms = local("2023-06-20T09:00");
  EXPECT_EQ(situation.status_at(kDeadline).band, v1::LATE);
  EXPECT_EQ(situation.status_at(kDeadline).stage, v1::READY);
}

// ---- time alone ----

/// Entries in any state of their facts.
Situation any_situation(std::mt19937_64& random) {
  static const char* kTimes[] = {"2022-10-01T09:00", "2023-05-10T09:00", "2023-05-31T23:59", "2023-06-01T09:00",
                                 "2023-07-07T18:00", "2023-07-20T09:00", "2023-08-12T10:30", "2023-08-15T09:00"};
  auto some_time = [&] { return std::string(kTimes[random() % std::size(kTimes)]); };
  Situation situation;
  if (random() % 2) {
    v1::Event silence = event_at(local("2022-09-01T09:00"));
    silence.mutable_awarding_organisation_defined()->set_awarding_organisation("RN5001");
    silence.mutable_awarding_organisation_defined()->set_name("Example Awards");
    silence.mutable_awarding_organisation_defined()->set_silence_is_critical(true);
    situation.knows(silence);
  }
  situation.registered_at(some_time());
  if (random() % 2) situation.answered_at(some_time(), static_cast<v1::CheckpointAnswered::Answer>(1 + random() % 4));
  if (random() % 4) situation.achieved_at(some_time(), {"A", "B", "C"});
  if (random() % 3) situation.claimed_at(some_time());
  if (random() % 3) situation.determined_at(some_time());
  if (random() % 6 == 0) situation.with(hold_placed("H1", {}, local(some_time()), static_cast<v1::HoldPlaced::Cause>(1 + random() % 3)));
  if (random() % 6 == 0) situation.with(sample({}, local(some_time()), static_cast<v1::SampleDecided::Status>(1 + random() % 5)));
  if (random() % 8 == 0) situation.with(consideration(v1::SpecialConsideration::REQUESTED, some_time()));
  if (random() % 10 == 0) situation.with(withdrawn({}, local(some_time())));
  situation.halted = random() % 8 == 0;
  if (random() % 5 == 0) {
    situation.entry.issued.batch_number = situation.entry.issued.first_batch_number = 1;
    situation.entry.issued.scale = Word("pass");
    situation.entry.issued.grade = Word("Pass");
  }
  return situation;
}

TEST(Time, changes_a_status_only_at_the_announced_wake) {
  std::mt19937_64 random(1);
  TimeMs from = local("2022-10-01T00:00");
  TimeMs to = local("2023-09-01T00:00");
  for (int times = 0; times < 3000; ++times) {
    Situation situation = any_situation(random);
    TimeMs now = from + static_cast<TimeMs>(random() % static_cast<std::uint64_t>(to - from));
    Derived derived = situation.at(now);
    if (derived.issue_now) continue;
    if (derived.ready) situation.entry.ready_since_ms = now;
    TimeMs until = std::min(derived.wake_at_ms, to + 400 * kDayMs);
    ASSERT_GT(until, now) << "round " << times;
    for (int look = 0; look < 8; ++look) {
      TimeMs later = now + static_cast<TimeMs>(random() % static_cast<std::uint64_t>(until - now));
      if (look == 0) later = until - 1;
      Derived same = situation.at(later);
      ASSERT_TRUE(same.status == derived.status) << "round " << times << " at " << local_text(now) << ", looked at again at " << local_text(later)
                                                 << ": " << v1::Stage_Name(same.status.stage) << " " << v1::Band_Name(same.status.band) << " "
                                                 << v1::Reason_Name(same.status.reason) << " critical " << same.status.treated_as_critical;
      ASSERT_FALSE(same.issue_now) << "round " << times;
    }
  }
}

TEST(Time, alone_takes_an_entry_through_every_band) {
  StartedSeason season;
  season.play({registered({}, local("2022-10-01T09:00")), answered({}, local("2022-10-02T09:00")),
               achieved({}, local("2022-10-03T09:00"), {"A", "B", "C"}), claimed({}, local("2022-10-04T09:00"))},
              local("2022-10-05T09:00"));
  season.time_passes(local("2023-09-01T09:00"));
  std::vector<v1::Band> bands;
  for (const auto& status : season.outputs.statuses) bands.push_back(status.band());
  EXPECT_EQ(bands, (std::vector<v1::Band>{v1::ON_TRACK, v1::WATCH, v1::AT_RISK, v1::LATE}));
}

TEST(Time, wakes_at_the_moment_itself_however_far_it_is_moved_on) {
  StartedSeason season;
  season.play({registered({}, local("2022-10-01T09:00"))}, local("2022-10-05T09:00"));
  season.time_passes(local("2023-09-01T09:00"));
  ASSERT_FALSE(season.outputs.statuses.empty());
  EXPECT_EQ(season.outputs.statuses.back().stage(), v1::NOT_CERTIFICATED);
  EXPECT_EQ(season.outputs.statuses.back().as_of().seconds() * 1000, local(kDeadline));
}

}  // namespace
}  // namespace vtq::test
