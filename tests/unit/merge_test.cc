// Merge: of the facts asserted for one slot the latest holds, whatever order they came in.
#include <algorithm>
#include <random>

#include "tests/support/situation.h"

namespace vtq::test {
namespace {

Merged merged(EntryFacts& facts, const v1::Event& event) { return merge(facts, event, stamp_of(event)); }

v1::Event changed_to(v1::RegistrationChanged::Change change, TimeMs at) {
  v1::Event event = event_at(at);
  set_ref(event.mutable_registration_changed()->mutable_entry(), {});
  event.mutable_registration_changed()->set_change(change);
  return event;
}

v1::Event claim_withdrawn(TimeMs at) {
  v1::Event event = event_at(at);
  set_ref(event.mutable_claim_withdrawn()->mutable_entry(), {});
  return event;
}

v1::Event recognised(const std::string& unit, TimeMs at) {
  v1::Event event = event_at(at);
  set_ref(event.mutable_prior_learning_recognised()->mutable_entry(), {});
  event.mutable_prior_learning_recognised()->set_unit(unit);
  event.mutable_prior_learning_recognised()->set_kind(v1::PriorLearningRecognised::CREDIT_TRANSFER);
  return event;
}

const TimeMs kEarly = local("2023-05-01T09:00");
const TimeMs kLate = local("2023-05-02T09:00");

TEST(Merge, a_first_fact_applies) {
  EntryFacts facts;
  EXPECT_EQ(merged(facts, answered({}, kEarly)), Merged::applied);
  EXPECT_EQ(facts.answer, v1::CheckpointAnswered::NEEDED);
}
TEST(Merge, the_same_event_again_is_a_duplicate) {
  EntryFacts facts;
  v1::Event event = answered({}, kEarly);
  merged(facts, event);
  EXPECT_EQ(merged(facts, event), Merged::duplicate);
}
TEST(Merge, a_later_answer_replaces_an_earlier_one) {
  EntryFacts facts;
  merged(facts, answered({}, kEarly, v1::CheckpointAnswered::NEEDED));
  EXPECT_EQ(merged(facts, answered({}, kLate, v1::CheckpointAnswered::NOT_NEEDED)), Merged::applied);
  EXPECT_EQ(facts.answer, v1::CheckpointAnswered::NOT_NEEDED);
}
TEST(Merge, an_earlier_answer_that_comes_later_is_superseded) {
  EntryFacts facts;
  merged(facts, answered({}, kLate, v1::CheckpointAnswered::NOT_NEEDED));
  EXPECT_EQ(merged(facts, answered({}, kEarly, v1::CheckpointAnswered::NEEDED)), Merged::superseded);
  EXPECT_EQ(facts.answer, v1::CheckpointAnswered::NOT_NEEDED);
}
TEST(Merge, of_two_answers_at_the_same_time_the_same_one_holds_in_either_order) {
  for (int times = 0; times < 50; ++times) {
    v1::Event one = answered({}, kEarly, v1::CheckpointAnswered::NEEDED);
    v1::Event other = answered({}, kEarly, v1::CheckpointAnswered::DEFERRED);
    EntryFacts forward, backward;
    merged(forward, one), merged(forward, other);
    merged(backward, other), merged(backward, one);
    ASSERT_EQ(forward.answer, backward.answer);
  }
}
TEST(Merge, the_tie_comes_from_the_content_too) {
  v1::Event one = answered({}, kEarly, v1::CheckpointAnswered::NEEDED);
  v1::Event other = one;
  other.mutable_checkpoint_answered()->set_answer(v1::CheckpointAnswered::DEFERRED);
  EXPECT_NE(stamp_of(one), stamp_of(other));
}
TEST(Merge, a_stamp_keeps_the_time_to_the_nanosecond) {
  v1::Event event = event_at(kEarly);
  event.mutable_occurred_at()->set_nanos(1'999'999);
  EXPECT_EQ(stamp_of(event).at_ms, kEarly + 1);
  EXPECT_EQ(stamp_of(event).nanos, 999'999u);
}
TEST(Merge, of_two_facts_within_a_millisecond_the_later_holds_in_either_order) {
  v1::Event early = answered({}, kEarly, v1::CheckpointAnswered::NEEDED), late = answered({}, kEarly, v1::CheckpointAnswered::NOT_NEEDED);
  early.mutable_occurred_at()->set_nanos(100'000);
  late.mutable_occurred_at()->set_nanos(100'001);
  EntryFacts forward, backward;
  merged(forward, early), merged(forward, late);
  merged(backward, late);
  EXPECT_EQ(merged(backward, early), Merged::superseded);
  EXPECT_EQ(forward.answer, v1::CheckpointAnswered::NOT_NEEDED);
  EXPECT_EQ(backward.answer, v1::CheckpointAnswered::NOT_NEEDED);
}
TEST(Merge, who_said_a_fact_is_kept_while_it_holds_a_slot_and_no_longer) {
  EntryFacts facts;
  v1::Event two_units = achieved({}, kEarly, {"A", "B"}), first = achieved({}, kLate, {"A"}), second = achieved({}, kLate, {"B"});
  for (const v1::Event* event : {&two_units, &first}) merged(facts, *event);
  EXPECT_TRUE(facts.said.find(stamp_of(two_units).tie)) << "it holds unit B";
  merged(facts, second);
  EXPECT_FALSE(facts.said.find(stamp_of(two_units).tie));
  EXPECT_TRUE(facts.said.find(stamp_of(first).tie));
  EXPECT_TRUE(facts.said.find(stamp_of(second).tie));
}
TEST(Merge, a_change_of_details_does_not_hide_a_change_of_course) {
  EntryFacts facts;
  merged(facts, changed_to(v1::RegistrationChanged::COURSE, kEarly));
  merged(facts, changed_to(v1::RegistrationChanged::DETAILS, kLate));
  EXPECT_EQ(facts.change, v1::RegistrationChanged::COURSE);
  EXPECT_EQ(facts.changed.at_ms, kEarly);
  EXPECT_EQ(facts.details_changed.at_ms, kLate);
}
TEST(Merge, a_change_of_size_after_one_of_course_holds) {
  EntryFacts facts;
  merged(facts, changed_to(v1::RegistrationChanged::COURSE, kEarly));
  merged(facts, changed_to(v1::RegistrationChanged::SIZE, kLate));
  EXPECT_EQ(facts.change, v1::RegistrationChanged::SIZE);
}
TEST(Merge, a_withdrawn_claim_is_none) {
  EntryFacts facts;
  merged(facts, claimed({}, kEarly));
  EXPECT_TRUE(facts.has_claim());
  merged(facts, claim_withdrawn(kLate));
  EXPECT_FALSE(facts.has_claim());
}
TEST(Merge, a_claim_after_one_withdrawn_counts) {
  EntryFacts facts;
  merged(facts, claim_withdrawn(kEarly));
  merged(facts, claimed({}, kLate));
  EXPECT_TRUE(facts.has_claim());
}
TEST(Merge, a_withdrawal_of_a_claim_that_comes_before_the_claim_still_holds) {
  EntryFacts facts;
  merged(facts, claim_withdrawn(kLate));
  merged(facts, claimed({}, kEarly));
  EXPECT_FALSE(facts.has_claim());
}
TEST(Merge, a_result_determined_amended_and_revoked_share_one_slot) {
  EntryFacts facts;
  merged(facts, determined({}, kEarly, "Pass"));
  merged(facts, amended({}, kEarly + 1, "Merit"));
  EXPECT_EQ(facts.result_kind, ResultKind::amended);
  merged(facts, revoked({}, kEarly + 2));
  EXPECT_EQ(facts.result_kind, ResultKind::revoked);
  EXPECT_FALSE(facts.has_result());
  EXPECT_EQ(merged(facts, amended({}, kEarly + 1, "Merit")), Merged::superseded);
}
TEST(Merge, an_unknown_uln_is_kept_as_none) {
  EntryFacts facts;
  v1::Event event = registered({}, kEarly);
  event.mutable_registered()->set_uln(std::string(kUnknownUln));
  merged(facts, event);
  EXPECT_EQ(facts.uln, 0u);
}
TEST(Merge, a_registration_without_details_drops_the_earlier_ones) {
  EntryFacts facts;
  v1::Event event = registered({}, kEarly);
  event.mutable_registered()->mutable_details()->set_given_names("Example");
  merged(facts, event);
  merged(facts, registered({}, kLate));
  EXPECT_FALSE(facts.details);
}
TEST(Merge, units_are_slots_of_their_own) {
  EntryFacts facts;
  merged(facts, achieved({}, kLate, {"A"}));
  EXPECT_EQ(merged(facts, achieved({}, kEarly, {"A", "B"})), Merged::applied);
  EXPECT_EQ(facts.units.size(), 2u);
}
TEST(Merge, outcomes_that_are_all_older_are_superseded) {
  EntryFacts facts;
  merged(facts, achieved({}, kLate, {"A", "B"}));
  EXPECT_EQ(merged(facts, achieved({}, kEarly, {"A", "B"})), Merged::superseded);
}
TEST(Merge, recognised_learning_counts_for_its_unit) {
  EntryFacts facts;
  merged(facts, recognised("A", kEarly));
  ASSERT_EQ(facts.units.size(), 1u);
  EXPECT_EQ(facts.units[0].standing, UnitFact::Standing::recognised);
}
TEST(Merge, a_mark_of_0_is_not_no_mark) {
  EntryFacts facts;
  v1::Event event = achieved({}, kEarly, {"A", "B"});
  event.mutable_outcome_recorded()->mutable_outcomes(0)->set_mark(0);
  merged(facts, event);
  std::vector<std::uint32_t> marks{facts.units[0].mark_plus_one, facts.units[1].mark_plus_one};
  std::sort(marks.begin(), marks.end());
  EXPECT_EQ(marks, (std::vector<std::uint32_t>{0, 1}));
}
TEST(Merge, a_special_consideration_without_day_was_asked_for_on_the_local_day_it_occurred) {
  EntryFacts facts;
  v1::Event event = event_at(local("2023-07-08T00:30"));
  set_ref(event.mutable_special_consideration()->mutable_entry(), {});
  event.mutable_special_consideration()->set_status(v1::SpecialConsideration::REQUESTED);
  merged(facts, event);
  EXPECT_EQ(facts.special_consideration_day, *parse_date("2023-07-08"));
}

TEST(MergeCentre, a_hold_is_open_until_lifted) {
  Situation situation;
  situation.with(hold_placed("H1", {}, kEarly));
  EXPECT_TRUE(situation.centre.holds.at(0).open());
  situation.with(hold_lifted("H1", {}, kLate));
  EXPECT_FALSE(situation.centre.holds.at(0).open());
}
TEST(MergeCentre, a_lifting_that_comes_before_its_placing_still_lifts) {
  Situation situation;
  situation.with(hold_lifted("H1", {}, kLate)).with(hold_placed("H1", {}, kEarly));
  ASSERT_EQ(situation.centre.holds.size(), 1u);
  EXPECT_FALSE(situation.centre.holds[0].open());
}
TEST(MergeCentre, a_hold_placed_anew_after_its_lifting_is_open) {
  Situation situation;
  situation.with(hold_placed("H1", {}, kEarly)).with(hold_lifted("H1", {}, kLate)).with(hold_placed("H1", {}, kLate + 1));
  EXPECT_TRUE(situation.centre.holds.at(0).open());
}
TEST(MergeCentre, the_lifting_of_one_hold_leaves_another) {
  Situation situation;
  situation.with(hold_placed("H1", {}, kEarly)).with(hold_placed("H2", {}, kEarly)).with(hold_lifted("H1", {}, kLate));
  EXPECT_TRUE(situation.centre.holds.at(1).open());
}
TEST(MergeCentre, a_later_decision_on_a_sample_replaces_the_earlier_one) {
  Situation situation;
  situation.with(sample({}, kLate, v1::SampleDecided::SATISFIED)).with(sample({}, kEarly, v1::SampleDecided::AWAITING_CENTRE));
  ASSERT_EQ(situation.centre.samples.size(), 1u);
  EXPECT_FALSE(situation.centre.samples[0].pending());
}
TEST(MergeCentre, a_qualification_written_without_slashes_is_the_same_sample) {
  Situation situation;
  situation.with(sample({}, kEarly, v1::SampleDecided::AWAITING_CENTRE));
  situation.with(sample({.qualification = "60100015"}, kLate, v1::SampleDecided::SATISFIED));
  EXPECT_EQ(situation.centre.samples.size(), 1u);
}

TEST(Merge, any_order_of_any_facts_ends_the_same) {
  std::mt19937_64 random(1);
  for (int times = 0; times < 300; ++times) {
    std::vector<v1::Event> events;
    for (int count = 0; count < 12; ++count) {
      TimeMs at = kEarly + static_cast<TimeMs>(random() % 4);
      switch (random() % 8) {
        case 0:
          events.push_back(registered({}, at));
          break;
        case 1:
          events.push_back(answered({}, at, static_cast<v1::CheckpointAnswered::Answer>(1 + random() % 4)));
          break;
        case 2:
          events.push_back(achieved({}, at, {"A", "B"}));
          break;
        case 3:
          events.push_back(recognised(random() % 2 ? "A" : "C", at));
          break;
        case 4:
          events.push_back(random() % 2 ? claimed({}, at) : claim_withdrawn(at));
          break;
        case 5:
          events.push_back(determined({}, at, random() % 2 ? "Pass" : "Merit"));
          break;
        case 6:
          events.push_back(changed_to(static_cast<v1::RegistrationChanged::Change>(1 + random() % 3), at));
          break;
        default:
          events.push_back(random() % 2 ? withdrawn({}, at) : revoked({}, at));
      }
    }
    auto encoded = [&] {
      Entry entry;
      for (const v1::Event& event : events) merged(entry.facts, event);
      std::string bytes;
      records::encode(entry, bytes);
      return bytes;
    };
    std::string before = encoded();
    std::shuffle(events.begin(), events.end(), random);
    events.push_back(events.front());
    ASSERT_EQ(encoded(), before) << "round " << times;
  }
}

TEST(Merge, keeps_the_earliest_registration_whatever_order_registrations_come_in) {
  TimeMs early = local("2022-10-01T09:00");
  v1::Event first = registered({}, early);
  v1::Event corrected = registered({}, local("2023-06-15T09:00"));
  for (bool first_comes_first : {true, false}) {
    EntryFacts facts;
    for (const v1::Event* event : {first_comes_first ? &first : &corrected, first_comes_first ? &corrected : &first})
      merge(facts, *event, stamp_of(*event));
    EXPECT_EQ(facts.first_registered_ms, early);
    EXPECT_EQ(facts.registered.at_ms, local("2023-06-15T09:00"));
  }
}

TEST(Merge, a_later_mark_does_not_take_recognised_prior_learning_away) {
  v1::Event recognised = event_at(local("2022-10-05T09:00"));
  set_ref(recognised.mutable_prior_learning_recognised()->mutable_entry(), {});
  recognised.mutable_prior_learning_recognised()->set_unit("A");
  v1::Event missed = achieved({}, local("2023-01-05T09:00"), {"A"});
  missed.mutable_outcome_recorded()->mutable_outcomes(0)->set_standing(v1::Outcome::NOT_YET_ACHIEVED);
  EntryFacts facts;
  for (const v1::Event* event : {&recognised, &missed}) merge(facts, *event, stamp_of(*event));
  v1::QualificationDefined defined = reference_data()[5].qualification_defined();
  while (defined.units_size() > 1) defined.mutable_units()->RemoveLast();
  defined.clear_optional_credit_required();
  EXPECT_TRUE(attain(facts, make_qualification(defined, {})).eligible());
}

}  // namespace
}  // namespace vtq::test
