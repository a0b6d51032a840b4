// Whose part a late result is: it follows from who held the next step when the issue deadline passed. Words of later about something else
// change nothing, and what the status says before issue the batch says after it.
#include <random>

#include "tests/support/situation.h"
#include "tests/support/systems.h"

namespace vtq::test {
namespace {

constexpr const char* kDeadline = "2023-08-14T17:00";

using Codes = std::vector<v1::Reason>;

/// The codes that L1 bore while late, then in its batch; each once in a row.
Codes codes_of(const Season& season) {
  Codes found;
  auto add = [&](v1::Reason reason) {
    if (found.empty() || found.back() != reason) found.push_back(reason);
  };
  for (const v1::EntryStatus& status : season.outputs.statuses)
    if (status.entry().learner() == "L1" && status.late()) add(status.reason());
  for (const v1::ResultBatch& batch : season.outputs.batches)
    for (const v1::Result& result : batch.results())
      if (result.entry().learner() == "L1" && result.late()) add(result.reason());
  return found;
}

v1::Event consideration(v1::SpecialConsideration::Status status, const std::string& at, const std::string& requested_on) {
  v1::Event event = event_at(local(at));
  set_ref(event.mutable_special_consideration()->mutable_entry(), {});
  event.mutable_special_consideration()->set_status(status);
  event.mutable_special_consideration()->set_requested_on(requested_on);
  return event;
}
v1::Event changed_course(const std::string& at) {
  v1::Event event = event_at(local(at));
  set_ref(event.mutable_registration_changed()->mutable_entry(), {});
  event.mutable_registration_changed()->set_change(v1::RegistrationChanged::COURSE);
  return event;
}
v1::Event due(v1::Event sample, const std::string& due_on) {
  sample.mutable_sample_decided()->set_due_on(due_on);
  return sample;
}
v1::Event unclaimed(const Ref& ref, TimeMs at) {
  v1::Event event = event_at(at);
  set_ref(event.mutable_claim_withdrawn()->mutable_entry(), ref);
  return event;
}
v1::Event own(v1::Event hold) {
  hold.mutable_hold_placed()->set_learner("");
  return hold;
}

std::vector<v1::Event> in_order() {
  return {registered({}, local("2022-10-01T09:00")), answered({}, local("2023-05-10T09:00")),
          achieved({}, local("2023-06-01T09:00"), {"A", "B", "C"}), claimed({}, local("2023-06-10T09:00"))};
}
std::vector<v1::Event> with(std::vector<v1::Event> facts, std::vector<v1::Event> more) {
  facts.insert(facts.end(), more.begin(), more.end());
  return facts;
}

struct Story {
  const char* name;
  std::vector<v1::Event> by_then;
  std::vector<v1::Event> later;  ///< each in a window of its own, at its time
  Codes codes;
};
class Blame : public testing::TestWithParam<Story> {};

TEST_P(Blame, is_the_same_from_the_deadline_to_the_batch) {
  StartedSeason season;
  season.play(GetParam().by_then, local("2023-08-14T09:00"));
  season.time_passes(local("2023-08-14T17:30"));
  for (const v1::Event& event : GetParam().later) season.play({event}, event.occurred_at().seconds() * 1000 + 60'000);
  season.play({determined({}, local("2023-09-01T09:00"))}, local("2023-09-01T09:00"));
  EXPECT_EQ(codes_of(season), GetParam().codes);
  EXPECT_TRUE(season.status({}).stage == v1::RELEASED) << v1::Stage_Name(season.status({}).stage);
}

using Decided = v1::SampleDecided;
constexpr auto kCentre = v1::HoldPlaced::CENTRE_RESPONSE;
const Codes kCentres{v1::L5}, kAwardingOrganisations{v1::L6};

std::vector<Story> stories() {
  auto at = [](const char* text) { return local(text); };
  v1::Event awaited = sample({}, at("2023-06-11T09:00"), Decided::AWAITING_CENTRE);
  v1::Event moderated = sample({}, at("2023-07-15T09:00"), Decided::WITH_AWARDING_ORGANISATION, "2023-07-15");
  return {
      {"of_a_result_that_never_came", in_order(), {}, kAwardingOrganisations},
      {"of_a_registration_sent_again", in_order(), {registered({}, at("2023-08-20T09:00"))}, kAwardingOrganisations},
      {"of_units_sent_again", in_order(), {achieved({}, at("2023-08-20T09:00"), {"A", "B", "C"})}, kAwardingOrganisations},
      {"of_a_claim_sent_again", in_order(), {claimed({}, at("2023-08-20T09:00")), claimed({}, at("2023-08-21T09:00"))}, kAwardingOrganisations},
      {"of_a_claim_withdrawn_and_made_again",
       with(in_order(), {unclaimed({}, at("2023-07-01T09:00"))}),
       {claimed({}, at("2023-08-16T09:00"))},
       kCentres},
      {"of_a_claim_withdrawn_and_made_again_in_time",
       with(in_order(), {unclaimed({}, at("2023-07-01T09:00")), claimed({}, at("2023-07-02T09:00"))}),
       {},
       kAwardingOrganisations},
      {"of_an_answer_sent_again", in_order(), {answered({}, at("2023-08-20T09:00"))}, kAwardingOrganisations},
      {"of_a_course_changed_afterwards", in_order(), {changed_course("2023-08-20T09:00")}, kAwardingOrganisations},
      {"of_a_course_changed_before", with(in_order(), {changed_course("2023-06-20T09:00")}), {}, {v1::L3}},
      {"of_another_learners_case", in_order(), {hold_placed("H1", {.learner = "L2"}, at("2023-08-20T09:00"))}, kAwardingOrganisations},
      {"of_a_case_opened_and_closed_afterwards",
       in_order(),
       {hold_placed("H1", {}, at("2023-08-20T09:00")), hold_lifted("H1", {}, at("2023-08-25T09:00"))},
       kAwardingOrganisations},
      {"of_a_case_closed_afterwards",
       with(in_order(), {hold_placed("H1", {}, at("2023-06-20T09:00"))}),
       {hold_lifted("H1", {}, at("2023-08-25T09:00"))},
       {v1::L4}},
      {"of_a_case_opened_on_the_day_of_the_deadline",
       with(in_order(), {hold_placed("H1", {}, at("2023-08-14T08:00"))}),
       {hold_lifted("H1", {}, at("2023-08-25T09:00"))},
       {v1::L4}},
      {"of_a_case_told_again_afterwards",
       with(in_order(), {hold_placed("H1", {}, at("2023-06-20T09:00"))}),
       {hold_placed("H1", {}, at("2023-08-20T09:00")), hold_lifted("H1", {}, at("2023-08-25T09:00"))},
       {v1::L4}},
      {"of_a_case_closed_in_time_and_opened_again_afterwards",
       with(in_order(), {hold_placed("H1", {}, at("2023-06-20T09:00")), hold_lifted("H1", {}, at("2023-06-25T09:00"))}),
       {hold_placed("H1", {}, at("2023-08-20T09:00")), hold_lifted("H1", {}, at("2023-08-25T09:00"))},
       kAwardingOrganisations},
      {"of_an_answer_to_sampling_that_was_waited_for",
       with(in_order(), {hold_placed("H1", {}, at("2023-06-20T09:00"), kCentre)}),
       {hold_lifted("H1", {}, at("2023-08-25T09:00"))},
       kCentres},
      {"of_an_answer_to_sampling_asked_for_afterwards",
       in_order(),
       {hold_placed("H1", {}, at("2023-08-20T09:00"), kCentre), hold_lifted("H1", {}, at("2023-08-25T09:00"))},
       kAwardingOrganisations},
      {"of_a_sample_satisfied_afterwards",
       with(in_order(), {moderated}),
       {sample({}, at("2023-08-20T09:00"), Decided::SATISFIED, "2023-07-15")},
       kAwardingOrganisations},
      {"of_a_sample_answered_on_the_last_day",
       with(in_order(), {awaited, sample({}, at("2023-08-14T08:00"), Decided::WITH_AWARDING_ORGANISATION, "2023-08-14")}),
       {sample({}, at("2023-08-20T09:00"), Decided::SATISFIED, "2023-08-14")},
       kAwardingOrganisations},
      {"of_a_sample_answered_the_day_after",
       with(in_order(), {awaited}),
       {sample({}, at("2023-08-15T09:00"), Decided::WITH_AWARDING_ORGANISATION, "2023-08-15"),
        sample({}, at("2023-08-20T09:00"), Decided::SATISFIED, "2023-08-15")},
       kCentres},
      {"of_a_sample_answered_afterwards_without_a_day",
       with(in_order(), {awaited}),
       {sample({}, at("2023-08-15T09:00"), Decided::WITH_AWARDING_ORGANISATION), sample({}, at("2023-08-20T09:00"), Decided::SATISFIED)},
       kCentres},
      {"of_a_sample_asked_for_again",
       with(in_order(), {awaited}),
       {sample({}, at("2023-08-15T09:00"), Decided::AWAITING_CENTRE), sample({}, at("2023-08-20T09:00"), Decided::SATISFIED, "2023-08-18")},
       kCentres},
      {"of_a_sample_asked_for_at_the_deadline_itself",
       with(in_order(), {due(sample({}, at(kDeadline), Decided::AWAITING_CENTRE), "2023-09-15")}),
       {due(sample({}, at("2023-08-20T09:00"), Decided::WITH_AWARDING_ORGANISATION), "2023-09-15"),
        due(sample({}, at("2023-08-25T09:00"), Decided::SATISFIED), "2023-09-15")},
       kCentres},
      {"of_a_sample_answered_before_of_which_nobody_said_so_until_later",
       with(in_order(), {awaited}),
       {sample({}, at("2023-08-20T09:00"), Decided::SATISFIED, "2023-08-10")},
       kCentres},
      {"of_a_sample_refused_before",
       with(in_order(), {sample({}, at("2023-07-15T09:00"), Decided::NOT_SATISFIED, "2023-07-01")}),
       {sample({}, at("2023-08-20T09:00"), Decided::SATISFIED, "2023-08-18")},
       kCentres},
      {"of_a_sample_refused_afterwards",
       with(in_order(), {moderated}),
       {sample({}, at("2023-08-16T09:00"), Decided::NOT_SATISFIED, "2023-07-15"),
        sample({}, at("2023-08-20T09:00"), Decided::SATISFIED, "2023-07-15")},
       kAwardingOrganisations},
      {"of_a_sample_asked_for_afterwards",
       in_order(),
       {due(sample({}, at("2023-08-16T09:00"), Decided::AWAITING_CENTRE), "2023-08-20"),
        due(sample({}, at("2023-08-25T09:00"), Decided::SATISFIED, "2023-08-22"), "2023-08-20")},
       kAwardingOrganisations},
      {"of_a_sample_not_required_after_all", in_order(), {sample({}, at("2023-08-16T09:00"), Decided::NOT_REQUIRED)}, kAwardingOrganisations},
      {"of_consideration_decided_afterwards",
       with(in_order(), {consideration(v1::SpecialConsideration::REQUESTED, "2023-07-10T09:00", "2023-07-10")}),
       {consideration(v1::SpecialConsideration::GRANTED, "2023-08-20T09:00", "2023-07-10")},
       {v1::L7}},
      {"of_consideration_asked_for_afterwards",
       in_order(),
       {consideration(v1::SpecialConsideration::REQUESTED, "2023-08-16T09:00", "2023-08-16"),
        consideration(v1::SpecialConsideration::GRANTED, "2023-08-20T09:00", "2023-08-16")},
       kAwardingOrganisations},
      {"of_units_recorded_afterwards",
       {registered({}, at("2022-10-01T09:00")), answered({}, at("2023-05-10T09:00")), achieved({}, at("2023-06-01T09:00"), {"A", "C"}),
        claimed({}, at("2023-06-10T09:00"))},
       {achieved({}, at("2023-08-16T09:00"), {"B"})},
       kCentres},
      {"of_units_recorded_at_the_deadline",
       {registered({}, at("2022-10-01T09:00")), answered({}, at("2023-05-10T09:00")), achieved({}, at("2023-06-01T09:00"), {"A", "C"}),
        claimed({}, at("2023-06-10T09:00"))},
       {achieved({}, at(kDeadline), {"B"})},
       kAwardingOrganisations},
      {"of_a_claim_after_the_deadline",
       {registered({}, at("2022-10-01T09:00")), achieved({}, at("2023-06-01T09:00"), {"A", "B", "C"})},
       {claimed({}, at("2023-08-16T23:59"))},
       kCentres},
      {"of_a_claim_on_results_day",
       {registered({}, at("2022-10-01T09:00")), achieved({}, at("2023-06-01T09:00"), {"A", "B", "C"})},
       {claimed({}, at("2023-08-17T00:00"))},
       {v1::L1}},
      {"of_a_learner_entered_again", with(in_order(), {withdrawn({}, at("2023-07-01T09:00"))}), {registered({}, at("2023-08-16T09:00"))}, {v1::L2}},
      {"of_a_learner_entered_again_in_time",
       with({registered({}, at("2022-09-15T09:00")), withdrawn({}, at("2022-09-20T09:00"))}, in_order()),
       {},
       kAwardingOrganisations},
  };
}
INSTANTIATE_TEST_SUITE_P(Stories, Blame, testing::ValuesIn(stories()), [](const auto& given) { return given.param.name; });

TEST(BlameUnderRules, of_a_critical_finding_mended_afterwards_is_the_centres) {
  StartedSeason season;
  season.play(systems_reference_data(), local("2022-09-01T10:00"));
  const Ref ref{.qualification = "601/0022/1", .learner = "L1"}, centre{.qualification = "601/0022/1", .learner = {}};
  season.play({centre_approved(centre, local("2022-09-05T09:00")), registered(ref, local("2022-09-20T09:00")),
               monitored(centre, local("2023-02-01T09:00"), "V1", 2), answered(ref, local("2023-05-10T09:00")),
               outcome(ref, local("2023-05-01T09:00"), "A", "", "P"), outcome(ref, local("2023-05-01T09:00"), "B", "", "P"),
               claimed(ref, local("2023-06-20T09:00")), determined(ref, local("2023-06-25T09:00"), "Pass"),
               sample(ref, local("2023-06-26T09:00"), v1::SampleDecided::SATISFIED),
               with_finding(monitored(centre, local("2023-07-01T09:00"), "V2", 2), "F1", v1::Finding::CRITICAL)},
              local("2023-07-02T09:00"));
  season.time_passes(local("2023-08-15T09:00"));
  EXPECT_EQ(season.status(ref).rule, Rule::critical_finding);
  season.play({monitored(centre, local("2023-08-20T09:00"), "V3", 2)}, local("2023-08-21T09:00"));
  ASSERT_EQ(season.outputs.batches.size(), 1u);
  EXPECT_EQ(codes_of(season), kCentres);
}

TEST(BlameUnderRules, of_an_application_verified_afterwards_is_the_awarding_organisations) {
  for (bool asked_for_more : {false, true}) {
    const Ref ref{.qualification = "601/0002/7"};
    Season season;
    std::vector<v1::Event> reference = reference_data();
    auto* unit = reference[6].mutable_qualification_defined()->add_units();
    unit->set_code("A");
    unit->set_mandatory(true);
    auto* other = reference[6].mutable_qualification_defined()->add_units();
    other->set_code("B");
    other->set_mandatory(true);
    v1::Event calculated =
        mitigation({.centre = "", .qualification = "601/0002/7", .learner = ""}, local("2023-04-01T09:00"), v1::MitigationDefined::CALCULATED);
    season.play(reference, local("2022-09-01T09:00"));
    season.play({calculated}, local("2023-04-01T09:00"));
    std::vector<v1::Event> facts = {registered(ref, local("2022-10-01T09:00")),
                                    answered(ref, local("2023-05-10T09:00")),
                                    achieved(ref, local("2023-06-01T09:00"), {"A"}),
                                    claimed(ref, local("2023-06-10T09:00")),
                                    applied(ref, local("2023-06-12T09:00"), {"B"}, "2023-06-01", {"plan", "marks"}),
                                    reviewed(ref, local("2023-06-20T09:00"), v1::MitigationReviewed::PANEL)};
    if (asked_for_more)
      facts.push_back(reviewed(ref, local("2023-06-21T09:00"), v1::MitigationReviewed::PANEL, v1::MitigationReviewed::MORE_EVIDENCE));
    season.play(facts, local("2023-08-20T09:00"));
    season.time_passes(local("2023-08-22T09:00"));
    std::vector<v1::Event> later = {applied(ref, local("2023-08-23T08:00"), {"B"}, "2023-06-01", {"plan", "marks"}),
                                    reviewed(ref, local("2023-08-23T09:00"), v1::MitigationReviewed::PANEL)};
    if (asked_for_more) season.play(later, local("2023-08-23T10:00"));
    season.play({reviewed(ref, local("2023-08-25T09:00"), v1::MitigationReviewed::VERIFICATION), determined(ref, local("2023-08-26T09:00"))},
                local("2023-08-26T10:00"));
    ASSERT_EQ(season.outputs.batches.size(), 1u) << asked_for_more;
    EXPECT_EQ(codes_of(season), asked_for_more ? kCentres : kAwardingOrganisations) << asked_for_more;
  }
}

/// Words of after the deadline that are about something else than what was open, or close it as it truly was.
std::vector<v1::Event> words_of_later(std::mt19937_64& random) {
  std::vector<v1::Event> words;
  for (int left = 1 + static_cast<int>(random() % 4); left > 0; --left) {
    TimeMs at = local("2023-08-15T09:00") + static_cast<TimeMs>(random() % 20) * kDayMs;
    switch (random() % 9) {
      case 0:
        words.push_back(registered({}, at));
        break;
      case 1:
        words.push_back(answered({}, at, static_cast<v1::CheckpointAnswered::Answer>(1 + random() % 2)));
        break;
      case 2:
        words.push_back(determined({}, at));
        break;
      case 3:
        words.push_back(own(hold_placed(random() % 2 ? "H7" : "H1", {}, at, static_cast<v1::HoldPlaced::Cause>(1 + random() % 3))));
        break;
      case 4:
        words.push_back(due(sample({}, at, static_cast<Decided::Status>(1 + random() % 5)), "2023-09-15"));
        words.back().mutable_sample_decided()->set_learner("L1");
        break;
      case 5:
        words.push_back(hold_lifted("H1", {}, at));
        break;
      case 6:
        words.push_back(achieved({}, at, {"A", "C"}));
        break;
      case 7:
        words.push_back(claimed({}, at));
        break;
      default:
        words.push_back(changed_course(utc_text(at).substr(0, 16)));
        break;
    }
  }
  return words;
}

TEST(BlameProperty, words_of_after_the_deadline_never_change_the_code) {
  std::mt19937_64 random(7);
  std::map<v1::Reason, int> seen;
  for (int round = 0; round < 2000; ++round) {
    auto some_time = [&] { return local("2023-06-01T09:00") + static_cast<TimeMs>(random() % 70) * kDayMs; };
    Situation situation;
    situation.registered_at(random() % 6 ? "2022-10-01T09:00" : "2023-06-01T10:00").answered_at("2023-05-10T09:00");
    situation.with(achieved({}, some_time(), {"A", "B", "C"})).with(claimed({}, some_time()));
    if (random() % 3 == 0) situation.with(hold_placed("H1", {}, some_time(), static_cast<v1::HoldPlaced::Cause>(1 + random() % 3)));
    if (random() % 3 == 0) situation.with(sample({}, some_time(), static_cast<Decided::Status>(1 + random() % 5)));
    v1::Reason before = late_reason(situation.entry, situation.around());
    ++seen[before];
    for (const v1::Event& word : words_of_later(random)) situation.with(word);
    ASSERT_EQ(late_reason(situation.entry, situation.around()), before) << "round " << round;
  }
  for (v1::Reason reason : {v1::L2, v1::L4, v1::L5, v1::L6}) EXPECT_GT(seen[reason], 50) << v1::Reason_Name(reason);
}

}  // namespace
}  // namespace vtq::test
