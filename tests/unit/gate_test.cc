// The gate: when a batch may be opened, and what keeps a result back that was issued.
#include "pipeline/release/gate.h"

#include <random>

#include "tests/support/recall.h"

namespace vtq::test {
namespace {

constexpr TimeMs kCentre = 1000, kLearner = 2000;

Calendar dates(TimeMs centre, TimeMs learner, TimeMs confirmed = 0) {
  return {.centre_release = centre, .learner_release = learner, .gates_confirmed_ms = confirmed};
}

// ---- gates ----

TEST(Gates, of_a_batch_are_the_later_of_those_issued_with_and_those_that_stand) {
  Calendar later = dates(kCentre + 5, kLearner + 5), earlier = dates(kCentre - 5, kLearner - 5);
  EXPECT_EQ(gates_of_batch({kCentre, kLearner}, 10, &later), (Gates{kCentre + 5, kLearner + 5}));
  EXPECT_EQ(gates_of_batch({kCentre, kLearner}, 10, &earlier), (Gates{kCentre, kLearner}));
}
TEST(Gates, that_two_people_confirmed_after_the_issue_hold_alone) {
  Calendar after = dates(kCentre - 5, kLearner - 5, 11), before = dates(kCentre - 5, kLearner - 5, 10);
  EXPECT_EQ(gates_of_batch({kCentre, kLearner}, 10, &after), (Gates{kCentre - 5, kLearner - 5}));
  EXPECT_EQ(gates_of_batch({kCentre, kLearner}, 10, &before), (Gates{kCentre, kLearner}));
}
TEST(Gates, without_a_calendar_are_those_issued_with) { EXPECT_EQ(gates_of_batch({kCentre, kLearner}, 10, nullptr), (Gates{kCentre, kLearner})); }
TEST(Gates, of_a_first_result_without_a_calendar_are_not_known) { EXPECT_EQ(gates_by(nullptr), (Gates{kNever, kNever})); }
TEST(Gates, without_an_embargo_are_the_moment_of_issue) {
  Calendar none = dates(0, 0);
  EXPECT_EQ(gates_at_issue({}, &none, 77), (Gates{77, 77}));
}
TEST(Gates, of_a_correction_are_not_before_those_of_what_it_corrects) {
  Calendar earlier = dates(kCentre - 5, kLearner - 5);
  Issued before{.batch_number = 1, .at_ms = 10, .centre_release_ms = kCentre, .learner_release_ms = kLearner};
  EXPECT_EQ(gates_at_issue(before, &earlier, 20), (Gates{kCentre, kLearner}));
}
TEST(Gates, never_show_a_learner_before_the_centre) {
  std::mt19937_64 random(7);
  for (int times = 0; times < 20'000; ++times) {
    auto any = [&] { return static_cast<TimeMs>(random() % 4); };
    Calendar calendar = dates(any(), any(), any());
    Issued before{.batch_number = 1, .at_ms = any(), .centre_release_ms = any(), .learner_release_ms = any()};
    for (Gates gates : {gates_of_batch({any(), any()}, any(), &calendar), gates_at_issue({}, &calendar, any()),
                        gates_at_issue(before, &calendar, any()), gates_by(&calendar), later_of({any(), any()}, {any(), any()})})
      ASSERT_GE(gates.learner_ms, gates.centre_ms);
  }
}

// ---- time ----

TEST(GateTime, opens_at_the_gate_and_not_a_millisecond_before) {
  EXPECT_TRUE((GateTime{.wall_ms = kCentre}).reached(kCentre));
  EXPECT_FALSE((GateTime{.wall_ms = kCentre - 1}).reached(kCentre));
}
TEST(GateTime, in_event_time_needs_both_clocks) {
  EXPECT_FALSE((GateTime{.wall_ms = kCentre, .logical_ms = kCentre - 1}).reached(kCentre));
  EXPECT_FALSE((GateTime{.wall_ms = kCentre - 1, .logical_ms = kCentre}).reached(kCentre));
  EXPECT_TRUE((GateTime{.wall_ms = kCentre, .logical_ms = kCentre}).reached(kCentre));
}
TEST(GateTime, that_nobody_trusts_opens_nothing) { EXPECT_FALSE((GateTime{.wall_ms = kLearner, .trusted = false}).reached(kCentre)); }

// ---- calendars ----

v1::Event calendar(const std::string& id, TimeMs at, const std::string& centre, const std::string& learner) {
  v1::Event event = reference_data()[8];
  event.set_id(id);
  event.mutable_occurred_at()->set_seconds(at / 1000);
  event.mutable_calendar_defined()->set_centre_release(centre);
  event.mutable_calendar_defined()->set_learner_release(learner);
  return event;
}
v1::Event confirmed(v1::Event event) {
  event.mutable_calendar_defined()->add_gates_confirmed_by("A. Head");
  event.mutable_calendar_defined()->add_gates_confirmed_by("B. Deputy");
  return event;
}
const CohortKey kCohort{*parse_awarding_organisation("RN5001"), v1::LEVEL_3, *parse_series("2023-08")};

class Calendars : public testing::Test {
 protected:
  void knows(const v1::Event& event) {
    std::string bytes = event.SerializeAsString();
    reference.merge(event, check(event).value(), bytes, stamp_of(event));
  }
  Gates gates() { return gates_by(reference.calendar(kCohort)); }
  Reference reference;
  TimeMs may = local("2023-05-01T09:00");
};

TEST_F(Calendars, open_nothing_earlier_than_one_before_them_said) {
  knows(calendar("first", may, "2023-08-16T00:01", "2023-08-17T08:00"));
  knows(calendar("second", may + 1000, "2023-08-15T00:01", "2023-08-16T08:00"));
  EXPECT_EQ(gates(), (Gates{local("2023-08-16T00:01"), local("2023-08-17T08:00")}));
}
TEST_F(Calendars, move_gates_later_without_further_ado) {
  knows(calendar("first", may, "2023-08-16T00:01", "2023-08-17T08:00"));
  knows(calendar("second", may + 1000, "2023-08-17T00:01", "2023-08-18T08:00"));
  EXPECT_EQ(gates(), (Gates{local("2023-08-17T00:01"), local("2023-08-18T08:00")}));
}
TEST_F(Calendars, open_earlier_once_two_people_confirm_it) {
  knows(calendar("first", may, "2062-08-16T00:01", "2062-08-17T08:00"));
  knows(confirmed(calendar("second", may + 1000, "2023-08-16T00:01", "2023-08-17T08:00")));
  EXPECT_EQ(gates(), (Gates{local("2023-08-16T00:01"), local("2023-08-17T08:00")}));
  knows(calendar("third", may + 2000, "2023-08-15T00:01", "2023-08-17T08:00"));
  EXPECT_EQ(gates().centre_ms, local("2023-08-16T00:01"));
}
TEST_F(Calendars, that_say_no_embargo_after_one_that_said_dates_open_nothing) {
  knows(calendar("first", may, "2023-08-16T00:01", "2023-08-17T08:00"));
  v1::Event none = calendar("none", may + 1000, "", "");
  none.mutable_calendar_defined()->set_embargo(v1::CalendarDefined::EMBARGO_NONE);
  knows(none);
  EXPECT_EQ(gates().centre_ms, local("2023-08-16T00:01"));
  none.set_id("confirmed");
  knows(confirmed(none));
  EXPECT_EQ(gates(), (Gates{0, 0}));
}
TEST_F(Calendars, of_one_moment_and_id_do_not_take_the_place_of_one_another) {
  v1::Event shut = calendar("first", may, "2023-08-16T00:01", "2023-08-17T08:00");
  v1::Event again = calendar("first", may, "2023-08-15T00:01", "2023-08-16T08:00");
  again.set_sequence(7);
  knows(shut);
  knows(again);
  EXPECT_EQ(gates().centre_ms, local("2023-08-16T00:01"));
  Reference restored;
  for (const auto& [slot, held] : reference.slots()) {
    auto fact = stored_fact(held.event);
    ASSERT_TRUE(fact);
    // As stores of before named them.
    restored.restore(slot.substr(0, slot.rfind(' ')), held.stamp, fact->event, fact->address, held.event);
  }
  EXPECT_EQ(gates_by(restored.calendar(kCohort)).centre_ms, local("2023-08-16T00:01"));
  for (const v1::Event& one : {shut, again})
    EXPECT_EQ(restored.merge(one, check(one).value(), one.SerializeAsString(), stamp_of(one)), Merged::duplicate);
}
TEST_F(Calendars, say_which_qualifications_have_no_embargo) {
  v1::Event with = calendar("first", may, "2023-08-16T00:01", "2023-08-17T08:00");
  with.mutable_calendar_defined()->add_without_embargo("60100039");
  knows(with);
  EXPECT_EQ(gates_by(reference.calendar(kCohort, *parse_qualification("601/0003/9"))), (Gates{0, 0}));
  EXPECT_EQ(gates_by(reference.calendar(kCohort, *parse_qualification("601/0001/5"))).centre_ms, local("2023-08-16T00:01"));
}
TEST_F(Calendars, free_a_qualification_of_its_embargo_only_once_two_people_confirm_it) {
  auto open = [&] { return reference.calendar(kCohort, *parse_qualification("601/0003/9"))->centre_release == 0; };
  knows(calendar("first", may, "2023-08-16T00:01", "2023-08-17T08:00"));
  v1::Event with = calendar("second", may + 1000, "2023-08-16T00:01", "2023-08-17T08:00");
  with.mutable_calendar_defined()->add_without_embargo("601/0003/9");
  knows(with);
  EXPECT_FALSE(open());
  with.set_id("third");
  knows(confirmed(with));
  EXPECT_TRUE(open());
}
TEST_F(Calendars, end_with_the_same_gates_in_every_order_also_over_a_restart) {
  std::mt19937_64 random(11);
  for (int times = 0; times < 300; ++times) {
    std::vector<v1::Event> events;
    for (int at = 0; at < 5; ++at) {
      std::string day = std::to_string(15 + random() % 8);  // after the deadline for issuing, or `check` would not let it pass
      v1::Event event = calendar("c" + std::to_string(at), may + static_cast<TimeMs>(random() % 3) * 1000, "2023-08-" + day + "T00:01",
                                 "2023-08-" + day + "T08:00");
      if (random() % 4 == 0) event.mutable_calendar_defined()->add_without_embargo("601/0003/9");
      events.push_back(random() % 4 == 0 ? confirmed(event) : event);
    }
    std::optional<std::pair<Gates, Gates>> expected;
    for (int order = 0; order < 6; ++order) {
      Reference merged, restored;
      std::shuffle(events.begin(), events.end(), random);
      for (const v1::Event& event : events) {
        std::string bytes = event.SerializeAsString();
        merged.merge(event, check(event).value(), bytes, stamp_of(event));
        merged.merge(event, check(event).value(), bytes, stamp_of(event));
      }
      for (const auto& [slot, held] : merged.slots()) {
        auto fact = stored_fact(held.event);
        ASSERT_TRUE(fact);
        restored.restore(slot, held.stamp, fact->event, fact->address, held.event);
      }
      for (const Reference* one : {&merged, &restored}) {
        std::pair found{gates_by(one->calendar(kCohort)), gates_by(one->calendar(kCohort, *parse_qualification("601/0003/9")))};
        if (!expected) expected = found;
        ASSERT_EQ(found, *expected) << times << " " << order;
      }
    }
  }
}
TEST_F(Calendars, that_would_open_a_gate_earlier_are_answered_with_what_to_do) {
  StartedSeason season;
  auto answer = [&](const v1::Event& event) { return season.play({event}, local("2023-05-02T09:00")).front(); };
  Verdict earlier = answer(calendar("second", may, "2023-08-15T00:01", "2023-08-17T08:00"));
  EXPECT_EQ(earlier.kind, Verdict::Kind::accepted);
  ASSERT_TRUE(earlier.why);
  EXPECT_EQ(earlier.why->rule, "gate-not-earlier");
  EXPECT_EQ(earlier.why->field, "calendarDefined.centreRelease");
  EXPECT_EQ(earlier.why->value, "2023-08-15T00:01");
  EXPECT_FALSE(answer(calendar("third", may + 1000, "2023-08-16T00:01", "2023-08-17T08:00")).why);
  EXPECT_FALSE(answer(confirmed(calendar("fourth", may + 2000, "2023-08-15T00:01", "2023-08-17T08:00"))).why);
}
TEST(CheckCalendar, wants_two_different_people_or_nobody) {
  v1::Event event = example("calendar_defined");
  event.mutable_calendar_defined()->clear_gates_confirmed_by();
  EXPECT_TRUE(check(event).has_value());
  event.mutable_calendar_defined()->add_gates_confirmed_by("A. Head");
  ASSERT_FALSE(check(event).has_value());
  EXPECT_EQ(check(event).error().rule, "two-people");
  event.mutable_calendar_defined()->add_gates_confirmed_by("A. Head");
  ASSERT_FALSE(check(event).has_value());
  EXPECT_EQ(check(event).error().field, "calendarDefined.gatesConfirmedBy");
  for (const char* same : {"a. head", "A. Head ", " A.  HEAD", "A.Head"}) {
    event.mutable_calendar_defined()->set_gates_confirmed_by(1, same);
    ASSERT_FALSE(check(event).has_value()) << same;
    EXPECT_EQ(check(event).error().rule, "two-people") << same;
  }
  event.mutable_calendar_defined()->set_gates_confirmed_by(1, "B. Deputy");
  EXPECT_TRUE(check(event).has_value());
}
TEST(CheckCalendar, wants_names_that_nobody_can_spell_in_two_ways) {
  v1::Event event = example("calendar_defined");
  event.mutable_calendar_defined()->clear_gates_confirmed_by();
  event.mutable_calendar_defined()->add_gates_confirmed_by("A. Head");
  for (const char* like : {"A. Head\u200b", "\u0410. Head", "A.\u00a0Head", "Jos\u00e9"}) {
    event.mutable_calendar_defined()->clear_gates_confirmed_by();
    event.mutable_calendar_defined()->add_gates_confirmed_by("A. Head");
    event.mutable_calendar_defined()->add_gates_confirmed_by(like);
    ASSERT_FALSE(check(event).has_value()) << like;
    EXPECT_EQ(check(event).error().rule, "person-form") << like;
    EXPECT_EQ(check(event).error().field, "calendarDefined.gatesConfirmedBy[1]");
    EXPECT_TRUE(check_stored(event).has_value());
  }
}
TEST(CheckCalendar, has_gates_or_no_embargo) {
  v1::Event event = example("calendar_defined");
  event.mutable_calendar_defined()->set_embargo(v1::CalendarDefined::EMBARGO_NONE);
  EXPECT_EQ(check(event).error().rule, "embargo-or-gates");
  event.mutable_calendar_defined()->clear_centre_release();
  event.mutable_calendar_defined()->clear_learner_release();
  EXPECT_TRUE(check(event).has_value());
  event.mutable_calendar_defined()->set_embargo(v1::CalendarDefined::EMBARGO_BY_DATES);
  EXPECT_EQ(check(event).error().field, "calendarDefined.centreRelease");
}

}  // namespace
}  // namespace vtq::test
