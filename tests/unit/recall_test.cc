// Recall: what stops a result after its issue withholds it, corrections name what they replace and are named by it, and nothing is issued
// that nobody knows the gates of.
#include <algorithm>
#include <random>

#include "tests/support/recall.h"

namespace vtq::test {
namespace {

const TimeMs kIssued = local("2023-08-10T06:00");
const TimeMs kCentreGate = local("2023-08-16T00:01");
const TimeMs kLearnerGate = local("2023-08-17T08:00");

class Recall : public testing::Test {
 protected:
  /// One learner's Merit, issued on 10 August.
  void SetUp() override { issue({{}}); }
  void issue(const std::vector<Ref>& refs) {
    std::vector<v1::Event> events;
    for (const Ref& one : refs)
      for (v1::Event& event : complete_entry(one)) events.push_back(std::move(event));
    season.play(events, local("2023-07-01T09:00"));
    season.time_passes(kIssued);
    ASSERT_FALSE(season.outputs.batches.empty());
  }
  void at(TimeMs when, v1::Event event) { season.play({std::move(event)}, when); }
  std::string centre_sees(TimeMs when, std::size_t batch = 0) { return seen_grade(season, batch, Role::centre, when); }
  std::string learner_sees(TimeMs when, std::size_t batch = 0) { return seen_grade(season, batch, Role::learner, when); }

  StartedSeason season;
  Ref ref;
};

TEST_F(Recall, a_result_is_closed_to_its_gate_and_open_from_then_on) {
  EXPECT_EQ(centre_sees(kCentreGate - 1), "closed");
  EXPECT_EQ(centre_sees(kCentreGate), "Merit");
  EXPECT_EQ(learner_sees(kLearnerGate - 1), "closed");
  EXPECT_EQ(learner_sees(kLearnerGate), "Merit");
}

// ---- halts ----

TEST_F(Recall, a_halt_withholds_what_is_issued_until_it_is_lifted) {
  TimeMs halted = local("2023-08-15T15:30");
  at(halted, issuing_halted(halted));
  season.time_passes(kLearnerGate);
  EXPECT_EQ(centre_sees(kLearnerGate), "issuing-halted");
  EXPECT_EQ(season.status(ref).stage, v1::ISSUED);
  EXPECT_EQ(season.status(ref).rule, Rule::issuing_halted);
  EXPECT_EQ(season.described(ref).why(), "Issued, and withheld: Issuing is halted; the result is shown again once the halt is lifted.");
  at(kLearnerGate + kHourMs, issuing_halted(kLearnerGate + kHourMs, false));
  EXPECT_EQ(centre_sees(kLearnerGate + kHourMs), "Merit");
  EXPECT_EQ(season.status(ref).stage, v1::RELEASED);
}
TEST_F(Recall, a_halt_also_closes_what_was_open) {
  season.time_passes(kLearnerGate + kDayMs);
  EXPECT_EQ(season.status(ref).stage, v1::RELEASED);
  at(kLearnerGate + 2 * kDayMs, issuing_halted(kLearnerGate + 2 * kDayMs));
  EXPECT_EQ(learner_sees(kLearnerGate + 2 * kDayMs), "issuing-halted");
  EXPECT_NE(season.status(ref).stage, v1::RELEASED);
}
TEST_F(Recall, a_halt_at_another_centre_in_another_series_or_of_another_organisation_withholds_nothing) {
  TimeMs halted = local("2023-08-15T15:30");
  at(halted, issuing_halted(halted, true, "54321"));
  at(halted, issuing_halted(halted, true, "*", "RN5001", "2024-08"));
  at(halted, issuing_halted(halted, true, "*", "RN5002"));
  EXPECT_EQ(centre_sees(kCentreGate), "Merit");
}
TEST_F(Recall, a_halt_at_one_centre_is_not_undone_by_the_word_for_all) {
  TimeMs halted = local("2023-08-15T15:30");
  at(halted, issuing_halted(halted, true, "12345"));
  at(halted + 1000, issuing_halted(halted + 1000, false));
  EXPECT_EQ(centre_sees(kCentreGate), "issuing-halted");
}
TEST_F(Recall, under_a_halt_a_correction_goes_and_shows_no_grade_but_shows_a_revocation) {
  TimeMs halted = local("2023-08-15T15:30");
  at(halted, issuing_halted(halted));
  at(halted + kHourMs, amended(ref, halted + kHourMs, "Pass"));
  ASSERT_EQ(season.outputs.batches.size(), 2u);
  EXPECT_EQ(centre_sees(kCentreGate, 1), "issuing-halted");
  at(halted + 2 * kHourMs, revoked(ref, halted + 2 * kHourMs));
  ASSERT_EQ(season.outputs.batches.size(), 3u);
  EXPECT_EQ(centre_sees(kCentreGate, 2), "revoked");
  EXPECT_FALSE(shown_at(season, 2, Role::centre, kCentreGate).results(0).supersedes().has_grade());
  EXPECT_EQ(centre_sees(kCentreGate, 0), "issuing-halted");
}
TEST_F(Recall, what_comes_while_a_halt_lasts_over_the_gate_comes_before_the_result_could_be_seen) {
  at(kCentreGate - kHourMs, issuing_halted(kCentreGate - kHourMs));
  at(kLearnerGate + kHourMs, hold_placed("H1", ref, kLearnerGate + kHourMs));
  at(kLearnerGate + kHourMs + 1, amended(ref, kLearnerGate + kHourMs + 1, "Pass"));
  TimeMs lifted = kLearnerGate + 2 * kHourMs;
  at(lifted, issuing_halted(lifted, false));
  EXPECT_EQ(centre_sees(lifted), "hold-open");
  at(lifted + kHourMs, hold_lifted("H1", ref, lifted + kHourMs));
  EXPECT_EQ(centre_sees(lifted + kHourMs, 0), "corrected");
  EXPECT_EQ(centre_sees(lifted + kHourMs, 1), "Pass");
  EXPECT_FALSE(shown_at(season, 1, Role::centre, lifted + kHourMs).results(0).supersedes().has_grade());
}
TEST_F(Recall, a_halt_told_again_or_late_changes_nothing_of_what_was_halted) {
  at(kCentreGate - kHourMs, issuing_halted(kCentreGate - kHourMs, true, "12345"));
  at(kLearnerGate + kHourMs, issuing_halted(kLearnerGate + kHourMs, true, "12345"));
  at(kLearnerGate + 2 * kHourMs, withdrawn(ref, kLearnerGate + 2 * kHourMs));
  at(kLearnerGate + 3 * kHourMs, issuing_halted(kLearnerGate + 3 * kHourMs, false, "12345"));
  EXPECT_EQ(centre_sees(kLearnerGate + 3 * kHourMs), "learner-left");
  // A word of before that comes now stops nothing now.
  at(kLearnerGate + 4 * kHourMs, issuing_halted(kLearnerGate, true, "12345"));
  EXPECT_EQ(season.pipeline->partition(season.pipeline->partition_of(CentreId{12345})).centre(CentreId{12345})->summary.halts.size(), 0u);
}
TEST_F(Recall, a_halt_after_the_gate_only_shuts_what_was_open_for_as_long_as_it_lasts) {
  at(kLearnerGate + kHourMs, issuing_halted(kLearnerGate + kHourMs));
  at(kLearnerGate + 2 * kHourMs, hold_placed("H1", ref, kLearnerGate + 2 * kHourMs));
  at(kLearnerGate + 3 * kHourMs, issuing_halted(kLearnerGate + 3 * kHourMs, false));
  EXPECT_EQ(centre_sees(kLearnerGate + 3 * kHourMs), "Merit");
}
TEST_F(Recall, under_a_halt_no_first_result_goes) {
  TimeMs halted = kIssued + kHourMs;
  at(halted, issuing_halted(halted));
  for (v1::Event& event : complete_entry({.learner = "L2"})) at(halted + 2 * kHourMs, event);
  season.time_passes(local("2023-08-14T17:00"));
  EXPECT_EQ(season.outputs.batches.size(), 1u);
}

// ---- holds ----

TEST_F(Recall, a_hold_between_issue_and_gate_withholds_until_it_is_lifted) {
  at(kCentreGate - kHourMs, hold_placed("H1", ref, kCentreGate - kHourMs));
  EXPECT_EQ(centre_sees(kCentreGate), "hold-open");
  EXPECT_EQ(season.status(ref).step, v1::CLOSE_CASE);
  EXPECT_EQ(season.status(ref).reason, v1::L4);
  EXPECT_EQ(season.status(ref).band, v1::AT_RISK);
  at(kCentreGate + kHourMs, hold_lifted("H1", ref, kCentreGate + kHourMs));
  EXPECT_EQ(centre_sees(kCentreGate + kHourMs), "Merit");
  EXPECT_EQ(season.status(ref).band, v1::SETTLED);
}
TEST_F(Recall, a_hold_at_the_gate_withholds_and_one_after_it_takes_nothing_back) {
  at(kCentreGate, hold_placed("H1", ref, kCentreGate));
  EXPECT_EQ(centre_sees(kCentreGate), "hold-open");
  at(kCentreGate + 1, hold_lifted("H1", ref, kCentreGate + 1));
  at(kCentreGate + 1000, hold_placed("H2", ref, kCentreGate + 1000));
  EXPECT_EQ(centre_sees(kCentreGate + kHourMs), "Merit");
  EXPECT_EQ(learner_sees(kLearnerGate), "hold-open");
}
TEST_F(Recall, a_hold_placed_again_after_the_gate_still_withholds) {
  at(kIssued + kHourMs, hold_placed("H1", ref, kIssued + kHourMs));
  season.time_passes(kLearnerGate);
  EXPECT_EQ(learner_sees(kLearnerGate), "hold-open");
  TimeMs again = kLearnerGate + kHourMs;
  at(again, hold_placed("H1", ref, again, v1::HoldPlaced::AWARDING_ORGANISATION));
  EXPECT_EQ(centre_sees(again), "hold-open");
  EXPECT_EQ(learner_sees(again), "hold-open");
  EXPECT_EQ(season.status(ref).step, v1::COMPLETE_MODERATION) << "by what it was placed for last";
  EXPECT_EQ(season.status(ref).band, v1::AT_RISK);
  at(again + kHourMs, hold_lifted("H1", ref, again + kHourMs));
  EXPECT_EQ(learner_sees(again + kHourMs), "Merit");
}
TEST_F(Recall, a_hold_lifted_after_the_gate_and_placed_again_takes_nothing_back) {
  at(kIssued + kHourMs, hold_placed("H1", ref, kIssued + kHourMs));
  at(kLearnerGate + 1, hold_lifted("H1", ref, kLearnerGate + 1));
  at(kLearnerGate + kHourMs, hold_placed("H1", ref, kLearnerGate + kHourMs));
  EXPECT_EQ(learner_sees(kLearnerGate + kHourMs), "Merit");
}
TEST_F(Recall, a_hold_placed_before_a_lifting_that_came_before_the_gate_counts_from_its_last_placing) {
  at(kIssued + 1, hold_placed("H1", ref, kIssued + 1));
  at(kIssued + 2, hold_lifted("H1", ref, kIssued + 2));
  at(kCentreGate + 1, hold_placed("H1", ref, kCentreGate + 1));
  EXPECT_EQ(centre_sees(kCentreGate + kHourMs), "Merit");
  EXPECT_EQ(learner_sees(kLearnerGate), "hold-open") << "the learner's gate comes after it";
}
TEST_F(Recall, a_hold_widened_after_the_gate_takes_nothing_back) {
  at(kIssued + 1, hold_placed("H1", {.learner = "L2"}, kIssued + 1));
  EXPECT_EQ(learner_sees(kLearnerGate), "Merit");
  at(kLearnerGate + 1, hold_placed("H1", {.learner = ""}, kLearnerGate + 1));
  EXPECT_EQ(learner_sees(kLearnerGate + 1), "Merit");
}
TEST_F(Recall, a_hold_narrowed_after_the_gate_lets_go_of_the_others) {
  at(kIssued + 1, hold_placed("H1", {.learner = ""}, kIssued + 1));
  EXPECT_EQ(learner_sees(kLearnerGate), "hold-open");
  at(kLearnerGate + 1, hold_placed("H1", {.learner = "L2"}, kLearnerGate + 1));
  EXPECT_EQ(learner_sees(kLearnerGate + 1), "Merit");
  at(kLearnerGate + 2, hold_placed("H1", {.learner = ""}, kLearnerGate + 2));
  EXPECT_EQ(learner_sees(kLearnerGate + 2), "Merit") << "seen by then";
}
TEST_F(Recall, a_second_hold_that_comes_while_the_first_still_withholds_goes_on_withholding) {
  at(kIssued + 1, hold_placed("H1", ref, kIssued + 1));
  at(kLearnerGate + kHourMs, hold_placed("H2", ref, kLearnerGate + kHourMs));
  at(kLearnerGate + 2 * kHourMs, hold_lifted("H1", ref, kLearnerGate + 2 * kHourMs));
  EXPECT_EQ(centre_sees(kLearnerGate + 3 * kHourMs), "hold-open") << "nobody could see it before";
  at(kLearnerGate + 4 * kHourMs, hold_lifted("H2", ref, kLearnerGate + 4 * kHourMs));
  EXPECT_EQ(centre_sees(kLearnerGate + 5 * kHourMs), "Merit");
  at(kLearnerGate + 6 * kHourMs, hold_placed("H3", ref, kLearnerGate + 6 * kHourMs));
  EXPECT_EQ(centre_sees(kLearnerGate + 7 * kHourMs), "Merit") << "seen by then";
}
TEST_F(Recall, a_result_corrected_under_a_hold_is_never_seen_nor_named_by_its_correction) {
  at(kIssued + 1, hold_placed("H1", ref, kIssued + 1));
  TimeMs corrected = kLearnerGate + kDayMs;
  at(corrected, amended(ref, corrected, "Pass"));
  ASSERT_EQ(season.outputs.batches.size(), 2u);
  at(corrected + kDayMs, hold_lifted("H1", ref, corrected + kDayMs));
  EXPECT_EQ(centre_sees(corrected + kDayMs, 0), "corrected");
  EXPECT_EQ(centre_sees(corrected + kDayMs, 1), "Pass");
  EXPECT_FALSE(shown_at(season, 1, Role::centre, corrected + kDayMs).results(0).supersedes().has_grade());
}
TEST_F(Recall, who_leaves_under_a_hold_had_left_before_the_result_could_be_seen) {
  at(kIssued + 1, hold_placed("H1", ref, kIssued + 1));
  at(kLearnerGate + kHourMs, withdrawn(ref, kLearnerGate + kHourMs));
  at(kLearnerGate + 2 * kHourMs, hold_lifted("H1", ref, kLearnerGate + 2 * kHourMs));
  EXPECT_EQ(centre_sees(kLearnerGate + 3 * kHourMs), "learner-left");
}
TEST_F(Recall, a_hold_of_whoever_issued_first_covers_the_corrections_of_another) {
  at(kIssued + 1, hold_placed("H1", ref, kIssued + 1));
  v1::Event moved = reference_data().front();
  for (const v1::Event& event : reference_data())
    if (event.has_qualification_defined() && event.qualification_defined().qualification() == ref.qualification) moved = event;
  v1::Event other = event_at(kIssued + 2);
  other.mutable_awarding_organisation_defined()->set_awarding_organisation("RN5002");
  other.mutable_awarding_organisation_defined()->set_name("Another");
  moved.mutable_qualification_defined()->set_awarding_organisation("RN5002");
  moved.set_id("moved");
  moved.mutable_occurred_at()->set_seconds((kIssued + 3) / 1000 + 1);
  season.play({other, moved}, kIssued + kHourMs);
  for (TimeMs when : {kIssued + 2 * kHourMs, kIssued + 3 * kHourMs}) at(when, amended(ref, when, when == kIssued + 2 * kHourMs ? "Pass" : "Merit"));
  ASSERT_EQ(season.outputs.batches.size(), 3u);
  EXPECT_EQ(season.outputs.batches[2].awarding_organisation(), "RN5002");
  for (std::size_t batch : {0u, 1u, 2u}) EXPECT_NE(centre_sees(kLearnerGate + kDayMs, batch), "Merit") << batch;
  EXPECT_EQ(centre_sees(kLearnerGate + kDayMs, 2), "hold-open");
}
TEST_F(Recall, words_of_one_hold_have_a_limit_but_for_the_one_that_lifts_it) {
  std::vector<v1::Event> words;
  for (int at = 0; at < 1'000; ++at) words.push_back(hold_placed("H1", ref, kIssued + 1 + at));
  season.play(words, kIssued + kHourMs);
  std::vector<Verdict> found = season.play({hold_placed("H1", ref, kIssued + 2'000), hold_placed("H2", ref, kIssued + 2'000)}, kIssued + 2 * kHourMs);
  EXPECT_EQ(found[0].kind, Verdict::Kind::rejected);
  EXPECT_EQ(found[0].why->rule, "words-of-one-name-max");
  EXPECT_EQ(found[1].kind, Verdict::Kind::accepted);
  EXPECT_EQ(season.play({words.front()}, kIssued + 2 * kHourMs)[0].kind, Verdict::Kind::duplicate);
  found = season.play({hold_lifted("H1", ref, kIssued + 3'000), hold_lifted("H2", ref, kIssued + 3'000)}, kIssued + 3 * kHourMs);
  EXPECT_EQ(found[0].kind, Verdict::Kind::accepted);
  EXPECT_EQ(centre_sees(kCentreGate), "Merit");
  EXPECT_EQ(season.play({hold_lifted("H1", ref, kIssued + 4'000)}, kIssued + 4 * kHourMs)[0].kind, Verdict::Kind::rejected);
}
TEST_F(Recall, a_hold_that_does_not_cover_the_result_withholds_nothing) {
  at(kIssued + 1, hold_placed("H1", {.learner = "L2"}, kIssued + 1));
  v1::Event elsewhere = hold_placed("H2", {.learner = ""}, kIssued + 2);
  elsewhere.mutable_hold_placed()->set_series("2024-08");
  at(kIssued + 2, elsewhere);
  v1::Event other = hold_placed("H3", {.learner = ""}, kIssued + 3);
  other.mutable_hold_placed()->set_qualification("601/0002/7");
  at(kIssued + 3, other);
  v1::Event foreign = hold_placed("H4", {.learner = ""}, kIssued + 4);
  foreign.mutable_hold_placed()->set_awarding_organisation("RN5002");
  at(kIssued + 4, foreign);
  EXPECT_EQ(centre_sees(kCentreGate), "Merit");
}
TEST_F(Recall, withheld_results_leave_the_others_of_the_batch_open) {
  StartedSeason two;
  std::vector<v1::Event> events = complete_entry({});
  for (v1::Event& event : complete_entry({.learner = "L2"})) events.push_back(event);
  two.play(events, local("2023-07-01T09:00"));
  two.time_passes(kIssued);
  two.play({hold_placed("H1", {.learner = "L2"}, kIssued + 1)}, kIssued + 1);
  EXPECT_EQ(seen_grade(two, 0, Role::centre, kCentreGate, 0), "Merit");
  EXPECT_EQ(seen_grade(two, 0, Role::centre, kCentreGate, 1), "hold-open");
  v1::ResultBatch batch = shown_at(two, 0, Role::centre, kCentreGate);
  EXPECT_EQ(batch.withheld_count(), 1u);
  EXPECT_FALSE(batch.halted());
  EXPECT_EQ(batch.number(), 1u);
}

// ---- corrections, revocations, learners who left ----

TEST_F(Recall, a_result_of_an_entry_that_is_not_registered_any_more_is_withheld_and_the_others_are_seen) {
  v1::ResultBatch& batch = season.outputs.batches.front();
  v1::Result gone = batch.results(0);
  gone.mutable_entry()->set_learner("GONE");
  *batch.add_results() = gone;
  EXPECT_EQ(seen_grade(season, 0, Role::centre, kCentreGate, 0), "Merit");
  EXPECT_EQ(seen_grade(season, 0, Role::centre, kCentreGate, 1), "entry-known");
  EXPECT_EQ(seen(season, 0, Role::centre, kCentreGate).withheld, 1u);
}
TEST_F(Recall, a_result_revoked_before_the_gate_is_never_seen_and_its_correction_names_no_grade) {
  at(kCentreGate - kHourMs, revoked(ref, kCentreGate - kHourMs));
  EXPECT_EQ(centre_sees(kCentreGate), "result-revoked");
  EXPECT_EQ(centre_sees(kCentreGate, 1), "revoked");
  v1::ResultBatch correction = shown_at(season, 1, Role::centre, kCentreGate);
  EXPECT_EQ(correction.results(0).supersedes().batch(), "12345.RN5001.2023-08.0001");
  EXPECT_FALSE(correction.results(0).supersedes().has_grade());
  EXPECT_EQ(shown_at(season, 0, Role::centre, kCentreGate).results(0).superseded_by(), "12345.RN5001.2023-08.0002");
}
TEST_F(Recall, a_result_corrected_before_the_gate_shows_the_correction_only) {
  at(kCentreGate - kHourMs, amended(ref, kCentreGate - kHourMs, "Pass"));
  EXPECT_EQ(centre_sees(kCentreGate), "corrected");
  EXPECT_EQ(centre_sees(kCentreGate, 1), "Pass");
  EXPECT_FALSE(shown_at(season, 1, Role::centre, kCentreGate).results(0).supersedes().has_grade());
}
TEST_F(Recall, a_result_corrected_after_the_gate_stays_to_be_seen_and_names_its_successor) {
  season.time_passes(kLearnerGate);
  at(kLearnerGate + kDayMs, amended(ref, kLearnerGate + kDayMs, "Pass"));
  at(kLearnerGate + 2 * kDayMs, amended(ref, kLearnerGate + 2 * kDayMs, "Distinction"));
  TimeMs now = kLearnerGate + 3 * kDayMs;
  EXPECT_EQ(learner_sees(now, 0), "Merit");
  EXPECT_EQ(learner_sees(now, 1), "Pass");
  EXPECT_EQ(learner_sees(now, 2), "Distinction");
  for (std::size_t batch : {0u, 1u}) EXPECT_EQ(shown_at(season, batch, Role::learner, now).results(0).superseded_by(), "12345.RN5001.2023-08.0003");
  EXPECT_EQ(shown_at(season, 2, Role::learner, now).results(0).superseded_by(), "");
  EXPECT_EQ(shown_at(season, 1, Role::learner, now).results(0).supersedes().grade().value(), "Merit");
  v1::EntryStatus status = season.described(ref);
  EXPECT_EQ(status.batch(), "12345.RN5001.2023-08.0003");
  EXPECT_EQ(status.batch_issued_at().seconds() * 1000, kLearnerGate + 2 * kDayMs);
  EXPECT_EQ(status.issued_at().seconds() * 1000, kIssued);
}
TEST_F(Recall, a_correction_between_the_gates_is_seen_by_the_centre_beside_what_it_replaced_and_alone_by_the_learner) {
  TimeMs between = kCentreGate + kHourMs;
  season.time_passes(kCentreGate);
  at(between, amended(ref, between, "Pass"));
  EXPECT_EQ(centre_sees(between, 0), "Merit");
  EXPECT_EQ(learner_sees(kLearnerGate, 0), "corrected");
  EXPECT_TRUE(shown_at(season, 1, Role::centre, between).results(0).supersedes().has_grade());
  EXPECT_FALSE(shown_at(season, 1, Role::learner, kLearnerGate).results(0).supersedes().has_grade());
}
TEST_F(Recall, a_withdrawal_dated_before_the_issue_that_comes_after_it_withholds_and_says_so) {
  at(kIssued + kDayMs, withdrawn(ref, kIssued - kDayMs));
  EXPECT_EQ(centre_sees(kCentreGate), "learner-left");
  EXPECT_EQ(season.status(ref).rule, Rule::learner_left);
  EXPECT_EQ(season.status(ref).owner, v1::AWARDING_ORGANISATION);
  v1::EntryStatus status = season.described(ref);
  ASSERT_FALSE(status.obstacles().empty());
  EXPECT_EQ(status.obstacles(0).rule(), "learner-left");
  at(kCentreGate + 1, amended(ref, kCentreGate + 1, "Merit"));
  EXPECT_EQ(centre_sees(kCentreGate + 1), "Merit");
}
TEST_F(Recall, a_withdrawal_told_again_after_the_gates_still_withholds) {
  at(kCentreGate - kHourMs, withdrawn(ref, kCentreGate - kHourMs));
  EXPECT_EQ(learner_sees(kLearnerGate), "learner-left");
  at(kLearnerGate + kHourMs, withdrawn(ref, kLearnerGate + kHourMs));
  EXPECT_EQ(centre_sees(kLearnerGate + kHourMs), "learner-left");
  v1::Event moved = event_at(kLearnerGate + 2 * kHourMs);
  set_ref(moved.mutable_transferred()->mutable_entry(), ref);
  moved.mutable_transferred()->set_to_centre("54321");
  at(kLearnerGate + 2 * kHourMs, moved);
  EXPECT_EQ(centre_sees(kLearnerGate + 2 * kHourMs), "learner-left") << "and so does any other word that the learner has left";
}
TEST_F(Recall, an_amendment_outweighs_only_withdrawals_of_before_it) {
  at(kCentreGate - 3 * kHourMs, withdrawn(ref, kCentreGate - 3 * kHourMs));
  at(kCentreGate - 2 * kHourMs, amended(ref, kCentreGate - 2 * kHourMs, "Merit"));
  EXPECT_EQ(centre_sees(kCentreGate), "Merit");
  at(kCentreGate - kHourMs, withdrawn(ref, kCentreGate - kHourMs));
  EXPECT_EQ(centre_sees(kCentreGate), "learner-left");
}
TEST_F(Recall, a_withdrawal_told_many_times_is_still_known_since_the_first) {
  for (int times = 0; times < 20; ++times) at(kCentreGate - kDayMs + times * 2 * kHourMs, withdrawn(ref, kCentreGate - kDayMs + times * 2 * kHourMs));
  EXPECT_EQ(centre_sees(kLearnerGate), "learner-left");
}
TEST_F(Recall, a_withdrawal_after_the_learner_came_back_counts_by_itself) {
  at(kCentreGate - 3 * kHourMs, withdrawn(ref, kCentreGate - 3 * kHourMs));
  at(kCentreGate - 2 * kHourMs, registered(ref, kCentreGate - 2 * kHourMs));
  EXPECT_EQ(centre_sees(kCentreGate), "Merit");
  at(kCentreGate + kHourMs, withdrawn(ref, kCentreGate + kHourMs));
  EXPECT_EQ(centre_sees(kCentreGate + kHourMs), "Merit") << "it comes after the gate";
  EXPECT_EQ(learner_sees(kLearnerGate), "learner-left");
}
TEST_F(Recall, a_revocation_told_again_after_the_gate_still_withholds) {
  // It comes late, so that its correction does.
  TimeMs late = kLearnerGate + kHourMs;
  at(late, revoked(ref, kCentreGate - kHourMs));
  EXPECT_EQ(centre_sees(late), "result-revoked");
  at(late + 1, revoked(ref, late + 1));
  EXPECT_EQ(centre_sees(late + 1), "result-revoked");
}

/// Words about one entry, whatever order they come in.
TEST(RecallProperty, what_is_seen_after_the_gates_follows_from_the_words_and_not_from_their_order) {
  std::mt19937_64 random(11);
  std::map<std::string, int> seen;
  for (int round = 0; round < 300; ++round) {
    std::vector<v1::Event> words;
    for (int left = 2 + static_cast<int>(random() % 6); left > 0; --left) {
      TimeMs when = kIssued + kHourMs + static_cast<TimeMs>(random() % 14) * kDayMs / 2;
      Ref whom{.learner = random() % 3 ? "L1" : random() % 2 ? "" : "L2"};
      switch (random() % 5) {
        case 0:
        case 1:
          words.push_back(hold_placed("H1", whom, when));
          break;
        case 2:
          words.push_back(hold_lifted("H1", {}, when));
          break;
        case 3:
          words.push_back(withdrawn({}, when));
          break;
        default:
          words.push_back(registered({}, when));
          break;
      }
    }
    std::optional<std::pair<std::string, std::string>> first;
    const TimeMs end = kLearnerGate + 7 * kDayMs;
    for (int order = 0; order < 3; ++order) {
      StartedSeason season;
      season.play(complete_entry({}), local("2023-07-01T09:00"));
      season.time_passes(kIssued);
      for (const v1::Event& word : words) season.play({word}, end);
      std::pair found{seen_grade(season, 0, Role::centre, end), seen_grade(season, 0, Role::learner, end)};
      if (!first) first = found;
      ASSERT_EQ(found, *first) << "round " << round;
      ++seen[found.first];
      std::shuffle(words.begin(), words.end(), random);
    }
  }
  EXPECT_GT(seen["Merit"], 50);
  EXPECT_GT(seen["hold-open"], 50);
  EXPECT_GT(seen["learner-left"], 50);
}

TEST_F(Recall, a_withdrawal_after_the_gates_changes_nothing) {
  season.time_passes(kLearnerGate);
  at(kLearnerGate + kDayMs, withdrawn(ref, kLearnerGate + kDayMs));
  EXPECT_EQ(learner_sees(kLearnerGate + kDayMs), "Merit");
  EXPECT_EQ(season.status(ref).stage, v1::RELEASED);
}

// ---- gates that move ----

TEST_F(Recall, an_earlier_calendar_opens_nothing_until_two_people_confirm_it) {
  v1::Event earlier = reference_data()[8];
  earlier.set_id("earlier");
  earlier.mutable_occurred_at()->set_seconds((kIssued + kHourMs) / 1000);
  earlier.mutable_calendar_defined()->set_centre_release("2023-08-10T08:00");
  earlier.mutable_calendar_defined()->set_learner_release("2023-08-14T17:00");
  at(kIssued + kHourMs, earlier);
  EXPECT_EQ(centre_sees(kCentreGate - 1), "closed");
  earlier.set_id("confirmed");
  earlier.mutable_calendar_defined()->add_gates_confirmed_by("A. Head");
  earlier.mutable_calendar_defined()->add_gates_confirmed_by("B. Deputy");
  at(kIssued + 2 * kHourMs, earlier);
  EXPECT_EQ(centre_sees(local("2023-08-10T09:00")), "Merit");
  EXPECT_EQ(learner_sees(local("2023-08-14T16:59")), "closed");
}
TEST_F(Recall, a_later_calendar_shuts_what_is_issued) {
  v1::Event later = reference_data()[8];
  later.set_id("later");
  later.mutable_occurred_at()->set_seconds((kIssued + kHourMs) / 1000);
  later.mutable_calendar_defined()->set_centre_release("2023-08-17T00:01");
  at(kIssued + kHourMs, later);
  EXPECT_EQ(centre_sees(local("2023-08-17T00:01") - 1), "closed");
  EXPECT_EQ(centre_sees(local("2023-08-17T00:01")), "Merit");
}

// ---- acknowledgements, and a qualification that moves to another awarding organisation ----

TEST_F(Recall, an_acknowledgement_of_a_batch_that_does_not_exist_waits_and_is_rejected_when_its_time_is_over) {
  Verdict verdict = season.play({batch_acknowledged(kIssued + 1, "12345.RN5001.2023-08.0002")}, kIssued + 1).front();
  EXPECT_EQ(verdict.kind, Verdict::Kind::waiting);
  ASSERT_TRUE(verdict.why);
  EXPECT_EQ(verdict.why->rule, "batch-known");
  EXPECT_EQ(verdict.why->value, "12345.RN5001.2023-08.0002");
  season.time_passes(verdict.until_ms);
  ASSERT_EQ(season.outputs.rejections.size(), 1u);
  EXPECT_EQ(season.outputs.rejections[0].field(), "batchAcknowledged.batch");
  EXPECT_EQ(season.outputs.rejections[0].rule(), "batch-known");
}
TEST_F(Recall, an_acknowledgement_that_came_before_its_batch_counts_once_the_batch_is_cut) {
  season.play({batch_acknowledged(kIssued + 1, "12345.RN5001.2023-08.0002")}, kIssued + 1);
  at(kIssued + kHourMs, amended(ref, kIssued + kHourMs, "Pass"));
  EXPECT_EQ(season.status(ref).stage, v1::ACKNOWLEDGED);
}
TEST_F(Recall, a_correction_after_the_qualification_moved_names_the_batch_that_it_replaces) {
  v1::Event ao = reference_data()[0];
  ao.set_id("other");
  ao.mutable_awarding_organisation_defined()->set_awarding_organisation("RN5002");
  v1::Event moved = reference_data()[5];
  moved.set_id("moved");
  moved.mutable_occurred_at()->set_seconds((kIssued + kHourMs) / 1000);
  moved.mutable_qualification_defined()->set_awarding_organisation("RN5002");
  season.play({ao, moved}, kIssued + kHourMs);
  at(kIssued + 2 * kHourMs, amended(ref, kIssued + 2 * kHourMs, "Pass"));
  ASSERT_EQ(season.outputs.batches.size(), 2u);
  const v1::ResultBatch& correction = season.outputs.batches[1];
  EXPECT_EQ(correction.batch(), "12345.RN5002.2023-08.0001");
  EXPECT_EQ(correction.results(0).supersedes().batch(), "12345.RN5001.2023-08.0001");
  EXPECT_EQ(correction.centre_release_at().seconds() * 1000, kCentreGate);
  EXPECT_EQ(shown_at(season, 0, Role::centre, kCentreGate).results(0).superseded_by(), "12345.RN5002.2023-08.0001");
  EXPECT_EQ(season.described(ref).batch(), "12345.RN5002.2023-08.0001");
  at(kIssued + 3 * kHourMs, batch_acknowledged(kIssued + 3 * kHourMs, "12345.RN5001.2023-08.0001"));
  EXPECT_EQ(season.status(ref).stage, v1::ISSUED);
  at(kIssued + 4 * kHourMs, batch_acknowledged(kIssued + 4 * kHourMs, "12345.RN5002.2023-08.0001"));
  EXPECT_EQ(season.status(ref).stage, v1::ACKNOWLEDGED);
  at(kIssued + 5 * kHourMs, issuing_halted(kIssued + 5 * kHourMs, true, "*", "RN5001"));
  EXPECT_EQ(centre_sees(kCentreGate), "issuing-halted");
}
TEST_F(Recall, an_acknowledgement_of_one_series_says_nothing_of_another) {
  at(kIssued + 1, batch_acknowledged(kIssued + 1, "12345.RN5001.2024-08.0001"));
  EXPECT_EQ(season.status(ref).stage, v1::ISSUED);
}

// ---- over a restart ----

TEST_F(Recall, all_of_it_survives_a_restart) {
  at(kIssued + kHourMs, amended(ref, kIssued + kHourMs, "Pass"));
  at(kIssued + 2 * kHourMs, issuing_halted(kIssued + 2 * kHourMs, true, "12345"));
  Pipeline again(season.policy, TimeSource::wall, 2, season.store, season.outputs);
  again.restore();
  CentreId id = *parse_centre("12345");
  Partition& partition = again.partition(again.partition_of(id));
  const Centre& centre = *partition.centre(id);
  EXPECT_EQ(centre.summary.halts.size(), 1u);
  for (std::size_t which : {0u, 1u}) {
    const v1::ResultBatch& batch = season.outputs.batches[which];
    BatchView before = seen(season, which, Role::centre, kCentreGate), after = partition.view(centre, batch, Role::centre, {.wall_ms = kCentreGate});
    EXPECT_EQ(shown(batch, after).SerializeAsString(), shown(batch, before).SerializeAsString());
    EXPECT_EQ(shown(batch, after).results(0).withheld(), "issuing-halted");
  }
  EXPECT_EQ(centre.find({*parse_qualification("601/0001/5"), *parse_series("2023-08"), "L1"})->issued.before->size(), 1u);
}

// ---- stopping words win at their own moment ----

/// A day of August in event time, with a result that is ready for the cut at 06:00 on the 10th.
class OneMoment : public testing::TestWithParam<int> {
 protected:
  OneMoment() : season(TimeSource::event) {
    season.play(reference_data(), 0);
    season.play(complete_entry({}), 0);
  }
  v1::Event stop(TimeMs at) {
    switch (GetParam()) {
      case 0:
        return issuing_halted(at);
      case 1:
        return issuing_halted(at, true, "12345");
      case 2:
        return hold_placed("H1", {}, at);
      default:
        return revoked({}, at);
    }
  }
  Season season;
};
TEST_P(OneMoment, a_stop_dated_at_the_cut_is_seen_by_it) {
  season.play({stop(kIssued)}, 0);
  EXPECT_TRUE(season.outputs.batches.empty());
}
TEST_P(OneMoment, a_stop_dated_just_after_the_cut_is_not) {
  season.play({stop(kIssued + 1)}, 0);
  EXPECT_FALSE(season.outputs.batches.empty());
}
TEST_P(OneMoment, a_stop_wins_against_a_result_of_the_same_moment_in_either_order) {
  TimeMs late = local("2023-08-14T16:30");
  for (bool first : {true, false}) {
    Season fresh(TimeSource::event);
    fresh.play(reference_data(), 0);
    std::vector<v1::Event> all = complete_entry({});
    all.pop_back();
    fresh.play(all, 0);
    std::vector<v1::Event> moment{determined({}, late), stop(late)};
    if (first) std::swap(moment[0], moment[1]);
    fresh.play(moment, 0);
    EXPECT_TRUE(fresh.outputs.batches.empty()) << first;
  }
}
TEST_P(OneMoment, a_stop_that_came_before_the_cut_was_made_is_seen_by_it_also_in_wall_time) {
  StartedSeason wall;
  wall.play(complete_entry({}), local("2023-07-01T09:00"));
  // Nobody ran from the eve of the cut to the morning after it.
  std::vector<Verdict> verdicts = wall.comes_back({stop(kIssued - kHourMs)}, kIssued + 3 * kHourMs);
  EXPECT_EQ(verdicts.front().kind, Verdict::Kind::accepted);
  EXPECT_TRUE(wall.outputs.batches.empty());
}
v1::Event time_reached(TimeMs at) {
  v1::Event event = event_at(at);
  event.mutable_time_reached()->set_centre("*");
  return event;
}
TEST(StoppingWords, go_before_what_undoes_them_at_one_moment_in_either_order) {
  TimeMs at = local("2023-07-01T09:00");
  for (const std::string& centre : {std::string("*"), std::string("12345")})
    for (bool first : {true, false}) {
      Season season(TimeSource::event);
      season.play(reference_data(), 0);
      season.play(complete_entry({}), 0);
      season.play({issuing_halted(at, first, centre), issuing_halted(at, !first, centre)}, 0);
      season.play({time_reached(kIssued + 1)}, 0);
      EXPECT_TRUE(season.outputs.batches.empty()) << centre << first;
    }
  for (bool first : {true, false}) {
    Season season(TimeSource::event);
    season.play(reference_data(), 0);
    season.play(complete_entry({}), 0);
    std::vector<v1::Event> words{hold_placed("H1", {}, at), hold_lifted("H1", {}, at)};
    if (first) std::swap(words[0], words[1]);
    season.play(words, 0);
    season.play({time_reached(kIssued + 1)}, 0);
    EXPECT_TRUE(season.outputs.batches.empty()) << first;
  }
}
INSTANTIATE_TEST_SUITE_P(Recall, OneMoment, testing::Range(0, 4));

// ---- the cases of the field ----

TEST(RecallCases, recall_before_gate) {
  Season season(TimeSource::event);
  play_case(season, "recall_before_gate");
  TimeMs gate = local("2024-08-14T00:01");
  ASSERT_EQ(season.outputs.batches.size(), 2u);  // the correction has gone, under the halt
  EXPECT_EQ(seen_grade(season, 0, Role::centre, gate, 0), "issuing-halted");
  EXPECT_EQ(seen_grade(season, 0, Role::centre, gate, 1), "issuing-halted");
  EXPECT_EQ(seen_grade(season, 1, Role::centre, gate), "revoked");
  EXPECT_EQ(season.pipeline->reference().halts().size(), 1u);
  TimeMs lifted = local("2024-08-14T12:00");
  season.play({issuing_halted(lifted, false, "*", "RN5901", "2024-08")}, 0);
  EXPECT_EQ(seen_grade(season, 0, Role::centre, lifted, 0), "M");
  EXPECT_EQ(seen_grade(season, 0, Role::centre, lifted, 1), "result-revoked");
}
TEST(RecallCases, delayed_learner_before_centre) {
  Season season(TimeSource::event);
  play_case(season, "delayed_learner_before_centre");
  ASSERT_EQ(season.outputs.batches.size(), 1u);
  EXPECT_EQ(seen(season, 0, Role::centre, 0).opens_ms, local("2024-11-01T00:01"));
  EXPECT_EQ(seen(season, 0, Role::learner, 0).opens_ms, local("2024-11-01T08:00"));
}
TEST(RecallCases, no_embargo) {
  Season season(TimeSource::event);
  play_case(season, "no_embargo");
  ASSERT_EQ(season.outputs.batches.size(), 1u);
  TimeMs issued = local("2024-08-08T06:00");
  EXPECT_EQ(seen_grade(season, 0, Role::learner, issued), "M");
  EXPECT_EQ(season.outputs.batches[0].centre_release_at().seconds() * 1000, issued);
}
TEST(RecallCases, issued_without_calendar) {
  Season season(TimeSource::event);
  play_case(season, "issued_without_calendar");
  ASSERT_EQ(season.outputs.batches.size(), 1u);
  EXPECT_EQ(season.outputs.batches[0].issued_at().seconds() * 1000, local("2024-08-09T09:00"));
  EXPECT_EQ(seen(season, 0, Role::centre, 0).opens_ms, local("2024-08-14T00:01"));
}
TEST(RecallCases, same_moment_all_centres) {
  Season season(TimeSource::event);
  play_case(season, "same_moment_all_centres");
  EXPECT_TRUE(season.outputs.batches.empty());
}
TEST(RecallCases, correction_during_hold) {
  Season season(TimeSource::event);
  play_case(season, "correction_during_hold");
  ASSERT_EQ(season.outputs.batches.size(), 2u);
  TimeMs now = local("2024-08-16T10:00");
  EXPECT_EQ(seen_grade(season, 0, Role::centre, now), "hold-open");
  EXPECT_EQ(seen_grade(season, 1, Role::centre, now), "hold-open");
}
TEST(RecallCases, computed_redetermined) {
  Season season(TimeSource::event);
  play_case(season, "computed_redetermined");
  ASSERT_EQ(season.outputs.batches.size(), 3u);
  TimeMs now = local("2024-08-30T12:00");
  EXPECT_EQ(seen_grade(season, 0, Role::centre, now), "corrected");
  EXPECT_EQ(seen_grade(season, 1, Role::centre, now), "corrected");
  EXPECT_EQ(seen_grade(season, 2, Role::centre, now), "P");
}
TEST(RecallCases, learner_after_correction) {
  Season season(TimeSource::event);
  play_case(season, "learner_after_correction");
  ASSERT_EQ(season.outputs.batches.size(), 2u);
  v1::ResultBatch first = shown_at(season, 0, Role::learner, local("2024-08-22T10:00"));
  EXPECT_EQ(first.results(0).grade().value(), "M");
  EXPECT_EQ(first.results(0).superseded_by(), "30101.RN5901.2024-08.0002");
}
TEST(RecallCases, words_that_are_kept_for_the_record_hold_nothing_back_and_let_nothing_go) {
  auto issue = [](bool said) {
    StartedSeason season;
    season.play(complete_entry({}), local("2023-07-01T09:00"));
    if (said) {
      auto verdicts =
          season.play({event_from(R"({"id":"approved","source":"t","occurredAt":"2023-07-02T09:00:00Z","releaseApproved":{"centre":"12345",
          "awardingOrganisation":"RN5001","series":"2023-08","level":"LEVEL_3","approver":"LEAD"}})"),
                       event_from(R"({"id":"declared","source":"t","occurredAt":"2023-07-02T09:00:00Z","centreDeclared":{"centre":"12345",
          "awardingOrganisation":"RN5001","series":"2023-08","level":"LEVEL_3"}})")},
                      local("2023-07-02T09:00"));
      for (const Verdict& verdict : verdicts) EXPECT_EQ(verdict.kind, Verdict::Kind::accepted);
    }
    season.time_passes(kIssued - 1);
    EXPECT_TRUE(season.outputs.batches.empty());
    season.time_passes(kIssued);
    EXPECT_EQ(season.outputs.batches.size(), 1u);
    BatchView view = seen(season, 0, Role::centre, kIssued);
    return std::pair(view.opens_ms, season.described({}).SerializeAsString());
  };
  EXPECT_EQ(issue(true), issue(false));
}
TEST(RecallCases, one_cut_makes_one_batch_although_the_qualification_has_a_mitigation) {
  StartedSeason season;
  season.play({event_from(R"({"id":"mitigation","source":"t","occurredAt":"2023-03-01T09:00:00Z","mitigationDefined":{"qualification":"601/0001/5",
      "series":"2023-08","kind":"NO_CHANGE"}})")},
              local("2023-03-01T10:00"));
  std::vector<v1::Event> events = complete_entry({});
  for (v1::Event& event : complete_entry({.qualification = "601/0003/9"})) events.push_back(event);
  events.erase(std::remove_if(events.begin(), events.end(),
                              [](const v1::Event& event) {
                                return event.has_outcome_recorded() && event.outcome_recorded().entry().qualification() == "601/0003/9";
                              }),
               events.end());
  season.play(events, local("2023-07-01T09:00"));
  season.time_passes(kIssued);
  ASSERT_EQ(season.outputs.batches.size(), 1u);
  EXPECT_EQ(season.outputs.batches[0].results_size(), 2);
}

}  // namespace
}  // namespace vtq::test
