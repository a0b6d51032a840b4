// Facts of one moment, and ids used twice: which holds, and what the publisher is told.
#include <algorithm>
#include <set>

#include "tests/support/situation.h"

namespace vtq::test {
namespace {

const TimeMs kMoment = local("2023-06-20T00:00");

v1::Event said(v1::Event event, const std::string& id, const std::string& source = "mis") {
  event.set_id(id);
  event.set_source(source);
  return event;
}
v1::Event numbered(v1::Event event, std::uint64_t sequence) {
  event.set_sequence(sequence);
  return event;
}
v1::Event result(const std::string& grade, const std::string& id, const std::string& source = "mis") {
  return said(determined({}, kMoment, grade, "pass"), id, source);
}

std::vector<std::string> rules(const Verdict& verdict, const v1::Event& event) {
  std::vector<std::string> all;
  for (const Rejection& one : warnings_of(verdict.clash, event, verdict.kind == Verdict::Kind::accepted)) all.push_back(one.rule);
  return all;
}
using Rules = std::vector<std::string>;

/// The grade that holds after the events, which must be the same in every order, in one window or in several, and over restarts.
std::string grade_after(std::vector<v1::Event> events) {
  std::sort(events.begin(), events.end(), [](const v1::Event& a, const v1::Event& b) { return a.SerializeAsString() < b.SerializeAsString(); });
  std::set<std::string> grades;
  auto less = [](const v1::Event& a, const v1::Event& b) { return a.SerializeAsString() < b.SerializeAsString(); };
  do {
    for (bool apart : {false, true}) {
      StartedSeason season;
      season.play({registered({}, kMoment - kDayMs)}, kMoment - kDayMs);
      TimeMs now = kMoment;
      if (!apart) season.play(events, now);
      for (const v1::Event& event : events) {
        if (!apart) break;
        season.pipeline = std::make_unique<Pipeline>(season.policy, TimeSource::wall, 2, season.store, season.outputs);
        season.pipeline->restore();
        season.play({event}, now);
      }
      grades.insert(season.entry({})->facts.result_grade.str());
    }
  } while (std::next_permutation(events.begin(), events.end(), less));
  EXPECT_EQ(grades.size(), 1u);
  return *grades.begin();
}

TEST(Tie, an_id_counts_as_people_count) {
  EXPECT_EQ(grade_after({result("Pass", "res-9"), result("Merit", "res-10")}), "Merit");
  EXPECT_EQ(grade_after({result("Merit", "res-9"), result("Pass", "res-10")}), "Pass");
}
TEST(Tie, a_sequence_goes_before_the_id) {
  EXPECT_EQ(grade_after({numbered(result("Merit", "res-9"), 2), numbered(result("Pass", "res-10"), 1)}), "Merit");
  EXPECT_EQ(grade_after({numbered(result("Merit", "res-9"), 1), result("Pass", "res-10")}), "Merit");
}
TEST(Tie, a_later_nanosecond_goes_before_all) {
  v1::Event early = numbered(result("Pass", "res-10"), 9), late = numbered(result("Merit", "res-9"), 1);
  early.mutable_occurred_at()->set_nanos(100'000);
  late.mutable_occurred_at()->set_nanos(100'001);
  EXPECT_EQ(grade_after({early, late}), "Merit");
}
TEST(Tie, of_two_sources_the_name_decides) {
  EXPECT_EQ(grade_after({numbered(result("Pass", "1", "a"), 9), numbered(result("Merit", "1", "b"), 1)}), "Merit");
  EXPECT_EQ(grade_after({result("Merit", "1", "a"), result("Pass", "1", "b")}), "Pass");
}
TEST(Tie, of_one_id_with_several_contents_the_same_holds_in_any_order) {
  grade_after({result("Pass", "r1"), result("Merit", "r1"), result("Distinction", "r1")});
}

TEST(Tie, is_told_with_what_decided) {
  StartedSeason season;
  season.play({registered({}, kMoment - kDayMs), result("Pass", "res-9")}, kMoment);
  v1::Event later = result("Merit", "res-10"), earlier = result("Merit", "res-8");
  Verdict holds = season.play({later}, kMoment).at(0), loses = season.play({earlier}, kMoment).at(0);
  EXPECT_EQ(holds.kind, Verdict::Kind::accepted);
  EXPECT_EQ(loses.kind, Verdict::Kind::superseded);
  for (auto [verdict, event] : {std::pair(holds, later), std::pair(loses, earlier)}) {
    auto told = warnings_of(verdict.clash, event, verdict.kind == Verdict::Kind::accepted);
    ASSERT_EQ(told.size(), 1u);
    EXPECT_EQ(told[0].rule, "tie-decided");
    EXPECT_EQ(told[0].field, "occurredAt");
    EXPECT_EQ(told[0].value, "2023-06-19T23:00:00.000000000Z");
    EXPECT_NE(told[0].message.find("the order of the ids decided"), std::string::npos) << told[0].message;
    EXPECT_EQ(told[0].message.find("Merit"), std::string::npos) << "words never carry a grade";
  }
}
TEST(Tie, is_not_told_where_times_decide_or_nothing_is_there) {
  StartedSeason season;
  v1::Event first = result("Pass", "res-9"), later = result("Merit", "res-10");
  later.mutable_occurred_at()->set_nanos(1);
  EXPECT_EQ(rules(season.play({registered({}, kMoment - kDayMs), first}, kMoment).at(1), first), Rules{});
  EXPECT_EQ(rules(season.play({later}, kMoment).at(0), later), Rules{});
  EXPECT_EQ(rules(season.play({later}, kMoment).at(0), later), Rules{}) << "a duplicate";
}
TEST(Tie, among_facts_for_all_centres_and_for_one_is_decided_and_told_alike) {
  StartedSeason season;
  auto planned = [&](const std::string& centre, const std::string& first, const std::string& id) {
    v1::Event event = said(event_at(kMoment), id);
    auto* fact = event.mutable_release_planned();
    fact->set_centre(centre);
    fact->set_awarding_organisation("RN5001");
    fact->set_series("2023-08");
    fact->set_level(v1::LEVEL_3);
    fact->set_first_issue_at(first);
    return event;
  };
  for (const char* centre : {"*", "12345"}) {
    v1::Event ninth = planned(centre, "2023-08-09T06:00", "plan-9"), tenth = planned(centre, "2023-08-10T06:00", "plan-10");
    v1::Event reused = planned(centre, "2023-08-11T06:00", "plan-10");
    reused.mutable_occurred_at()->set_nanos(1);
    season.play({tenth}, kMoment);
    Verdict verdict = season.play({ninth}, kMoment).at(0);
    EXPECT_EQ(verdict.kind, Verdict::Kind::superseded);
    EXPECT_EQ(rules(verdict, ninth), Rules{"tie-decided"});
    EXPECT_EQ(season.play({tenth}, kMoment).at(0).kind, Verdict::Kind::duplicate);
    EXPECT_EQ(rules(season.play({reused}, kMoment).at(0), reused), Rules{"id-reused"});
  }
}
TEST(Tie, between_a_revocation_and_a_result_is_told_as_decided_by_the_word_that_stops) {
  for (bool swapped : {false, true}) {
    StartedSeason season;
    std::vector<v1::Event> events = {said(revoked({}, kMoment), "row-1"), result("Pass", "row-2")};
    if (swapped) std::swap(events[0], events[1]);
    season.play({registered({}, kMoment - kDayMs), events[0]}, kMoment);
    Verdict verdict = season.play({events[1]}, kMoment).at(0);
    EXPECT_EQ(rules(verdict, events[1]), Rules{"tie-decided"});
    EXPECT_EQ(verdict.clash.decided_by, DecidedBy::stop);
    EXPECT_EQ(season.entry({})->facts.result_kind, ResultKind::revoked);
  }
}

// ---- an id used twice ----

TEST(ReusedId, with_other_content_is_named_whichever_came_first) {
  for (bool swapped : {false, true}) {
    StartedSeason season;
    std::vector<v1::Event> results = {result("Pass", "r1"), result("Merit", "r1")};
    if (swapped) std::swap(results[0], results[1]);
    season.play({registered({}, kMoment - kDayMs), results[0]}, kMoment);
    Verdict verdict = season.play({results[1]}, kMoment).at(0);
    EXPECT_EQ(rules(verdict, results[1]), (Rules{"id-reused", "tie-decided"}));
    Rejection told = warnings_of(verdict.clash, results[1], true).at(0);
    EXPECT_EQ(told.field, "id");
    EXPECT_EQ(told.value, "r1");
  }
}
TEST(ReusedId, at_another_time_is_named_and_the_later_holds) {
  StartedSeason season;
  v1::Event first = result("Pass", "r1"), second = result("Merit", "r1");
  second.mutable_occurred_at()->set_seconds(second.occurred_at().seconds() + 86'400);
  season.play({registered({}, kMoment - kDayMs), first}, kMoment + kDayMs);
  EXPECT_EQ(rules(season.play({second}, kMoment + kDayMs).at(0), second), Rules{"id-reused"});
  EXPECT_EQ(season.entry({})->facts.result_grade.str(), "Merit");
}
TEST(ReusedId, is_named_after_a_restart_too) {
  StartedSeason season;
  season.play({registered({}, kMoment - kDayMs), result("Pass", "r1")}, kMoment);
  season.pipeline = std::make_unique<Pipeline>(season.policy, TimeSource::wall, 2, season.store, season.outputs);
  season.pipeline->restore();
  v1::Event again = result("Merit", "r1");
  EXPECT_EQ(rules(season.play({again}, kMoment).at(0), again), (Rules{"id-reused", "tie-decided"}));
}
TEST(ReusedId, of_another_source_is_another_id) {
  StartedSeason season;
  season.play({registered({}, kMoment - kDayMs), result("Pass", "1", "a")}, kMoment);
  v1::Event other = result("Merit", "1", "b");
  EXPECT_EQ(rules(season.play({other}, kMoment).at(0), other), Rules{"tie-decided"});
}
TEST(ReusedId, is_not_the_same_event_encoded_otherwise) {
  StartedSeason season;
  v1::Event first = result("Pass", "r1"), newer = first;
  newer.GetReflection()->MutableUnknownFields(&newer)->AddVarint(99, 1);
  auto* grade = newer.mutable_result_determined()->mutable_grade();
  grade->GetReflection()->MutableUnknownFields(grade)->AddLengthDelimited(77, "from a later version");
  season.play({registered({}, kMoment - kDayMs), first}, kMoment);
  EXPECT_EQ(season.play({newer}, kMoment).at(0).kind, Verdict::Kind::duplicate);
}

// ---- words that stop, at their own moment ----

TEST(SameMoment, a_learner_who_is_registered_and_withdrawn_has_left) {
  for (const char* id : {"a", "z"}) {
    Situation situation;
    situation.with(said(withdrawn({}, kMoment), id)).with(said(registered({}, kMoment), "m"));
    EXPECT_TRUE(situation.entry.facts.has_left()) << id;
  }
}
TEST(SameMoment, a_learner_whose_registration_the_source_numbers_later_has_not_left) {
  Situation situation;
  situation.with(numbered(withdrawn({}, kMoment), 1)).with(numbered(registered({}, kMoment), 2));
  EXPECT_FALSE(situation.entry.facts.has_left());
}
TEST(SameMoment, a_hold_that_is_placed_and_lifted_stays) {
  for (const char* id : {"a", "z"}) {
    Situation situation;
    situation.with(said(hold_placed("H1", {}, kMoment), id)).with(said(hold_lifted("H1", {}, kMoment), "m"));
    EXPECT_TRUE(situation.centre.holds.at(0).open()) << id;
  }
}
TEST(SameMoment, a_hold_whose_lifting_the_source_numbers_later_is_lifted) {
  Situation situation;
  situation.with(numbered(hold_placed("H1", {}, kMoment), 1)).with(numbered(hold_lifted("H1", {}, kMoment), 2));
  EXPECT_FALSE(situation.centre.holds.at(0).open());
  situation.with(numbered(hold_placed("H1", {}, kMoment), 3));
  EXPECT_TRUE(situation.centre.holds.at(0).open());
}
TEST(SameMoment, of_a_unit_and_its_outcome_the_id_decides) {
  v1::Event whole = said(achieved({}, kMoment, {"A"}), "row-10"), outcome = said(achieved({}, kMoment, {"A"}), "row-9");
  outcome.mutable_outcome_recorded()->mutable_outcomes(0)->set_learning_outcome("LO1");
  for (bool swapped : {false, true}) {
    Situation situation;
    situation.with(swapped ? outcome : whole).with(swapped ? whole : outcome);
    const EntryFacts& facts = situation.entry.facts;
    ASSERT_EQ(facts.units.size(), 2u);
    EXPECT_TRUE(facts.later(facts.units[0].stamp, facts.units[1].stamp));
    EXPECT_FALSE(facts.later(facts.units[1].stamp, facts.units[0].stamp));
  }
}

// ---- whose word it is ----

v1::Event by(const std::string& awarding_organisation, v1::Event event) {
  if (event.has_hold_placed()) event.mutable_hold_placed()->set_awarding_organisation(awarding_organisation);
  if (event.has_hold_lifted()) event.mutable_hold_lifted()->set_awarding_organisation(awarding_organisation);
  return event;
}

TEST(HoldOfTwo, of_one_name_stand_side_by_side) {
  Situation situation;
  situation.complete_and_claimed().determined_at("2023-06-20T09:00");
  situation.with(hold_placed("H1", {}, local("2023-06-21T09:00")))
      .with(by("RN5002", hold_placed("H1", {}, local("2023-06-22T09:00"), v1::HoldPlaced::CENTRE_RESPONSE)));
  ASSERT_EQ(situation.centre.holds.size(), 2u);
  EXPECT_EQ(situation.status_at("2023-06-23T09:00").stage, v1::CLAIMED);
}
TEST(HoldOfTwo, the_lifting_of_one_leaves_the_other) {
  Situation situation;
  situation.complete_and_claimed().determined_at("2023-06-20T09:00");
  situation.with(hold_placed("H1", {}, local("2023-06-21T09:00"))).with(by("RN5002", hold_lifted("H1", {}, local("2023-06-22T09:00"))));
  EXPECT_EQ(situation.status_at("2023-06-23T09:00").stage, v1::CLAIMED);
  situation.with(hold_lifted("H1", {}, local("2023-06-23T09:00")));
  EXPECT_EQ(situation.status_at("2023-06-24T09:00").stage, v1::READY);
}
TEST(HoldOfTwo, stay_apart_over_a_restart) {
  StartedSeason season;
  v1::Event other = reference_data()[0];
  other.mutable_awarding_organisation_defined()->set_awarding_organisation("RN5002");
  season.play({other}, kMoment);
  season.play({hold_placed("H1", {}, kMoment), by("RN5002", hold_placed("H1", {}, kMoment)), by("RN5002", hold_lifted("H1", {}, kMoment + 1))},
              kMoment + 1);
  season.pipeline = std::make_unique<Pipeline>(season.policy, TimeSource::wall, 2, season.store, season.outputs);
  season.pipeline->restore();
  const Centre& centre = *season.pipeline->partition(season.pipeline->partition_of(CentreId{12345})).centre(CentreId{12345});
  ASSERT_EQ(centre.facts.holds.size(), 2u);
  EXPECT_TRUE(centre.facts.holds[0].open());
  EXPECT_FALSE(centre.facts.holds[1].open());
}
TEST(HoldOfTwo, a_lifting_that_does_not_say_whose_is_refused) {
  v1::Event event = by("", hold_lifted("H1", {}, kMoment));
  Result<Address> address = check(event);
  ASSERT_FALSE(address.has_value());
  EXPECT_EQ(address.error().field, "holdLifted.awardingOrganisation");
  EXPECT_EQ(address.error().rule, "awarding-organisation-form");
}

/// Every fact that carries an awarding organisation has a slot of its own for each.
TEST(Slot, of_one_awarding_organisation_is_never_that_of_another) {
  int seen = 0;
  const google::protobuf::OneofDescriptor* facts = v1::Event::descriptor()->FindOneofByName("fact");
  for (int at = 0; at < facts->field_count(); ++at) {
    const auto* fact = facts->field(at);
    const auto* ao = fact->message_type()->FindFieldByName("awarding_organisation");
    // A qualification has one number, whoever awards it; and what is noted has no slot.
    if (!ao || fact->name() == "qualification_defined" || fact->name() == "audit_noted") continue;
    v1::Event event = event_at(kMoment);
    auto* message = event.GetReflection()->MutableMessage(&event, fact);
    for (const char* name : {"series", "qualification"})
      if (const auto* field = fact->message_type()->FindFieldByName(name))
        message->GetReflection()->SetString(message, field, name == std::string("series") ? "2023-08" : "601/0001/5");
    message->GetReflection()->SetString(message, ao, "RN5001");
    std::string first = slot_of(event);
    ASSERT_FALSE(first.empty()) << fact->name();
    message->GetReflection()->SetString(message, ao, "RN5002");
    EXPECT_NE(slot_of(event), first) << fact->name();
    ++seen;
  }
  EXPECT_GE(seen, 15);
}

}  // namespace
}  // namespace vtq::test
