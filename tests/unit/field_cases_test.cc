// Small seasons from the field, each of one kind of fault: tests/data/cases. An empty line ends one post.
#include <sstream>

#include "tests/support/examples.h"

namespace vtq::test {
namespace {

struct Played : Season {
  explicit Played(const std::string& name) : Season(TimeSource::event) {
    std::istringstream in(test_file("cases/" + name + ".jsonl"));
    std::vector<v1::Event> post;
    for (std::string line; std::getline(in, line);) {
      // What a check refuses never reaches the pipeline.
      if (v1::Event event = line.empty() ? v1::Event() : event_from(line); check(event)) post.push_back(event);
      if (line.empty()) play(std::exchange(post, {}), 0);
    }
    play(post, 0);
  }

  static Ref of(const std::string& learner) { return {.centre = "30101", .qualification = "603/4101/4", .series = "2024-08", .learner = learner}; }
  v1::EntryStatus now(const std::string& learner) { return described(of(learner)); }
  /// Codes that the entry bore while it was late, in the order of its statuses, then what its batch says; each once.
  std::vector<v1::Reason> codes(const std::string& learner) {
    std::vector<v1::Reason> found;
    auto add = [&](v1::Reason reason) {
      if (found.empty() || found.back() != reason) found.push_back(reason);
    };
    for (const v1::EntryStatus& status : outputs.statuses)
      if (status.entry().learner() == learner && status.late()) add(status.reason());
    for (const v1::ResultBatch& batch : outputs.batches)
      for (const v1::Result& result : batch.results())
        if (result.entry().learner() == learner && result.late()) add(result.reason());
    return found;
  }
  int batches_of(const std::string& learner) {
    int count = 0;
    for (const v1::ResultBatch& batch : outputs.batches)
      for (const v1::Result& result : batch.results()) count += result.entry().learner() == learner;
    return count;
  }
};

using Codes = std::vector<v1::Reason>;

TEST(FieldCase, a_pending_grade_is_late_from_the_deadline_until_a_final_grade_comes) {
  Played season("pending_grade");
  // Q in July, M on 30 August: one result, late.
  EXPECT_EQ(season.codes("P1"), Codes{v1::L6});
  EXPECT_EQ(season.batches_of("P1"), 1);
  EXPECT_EQ(season.now("P1").stage(), v1::RELEASED);
  // X is not final either; U is.
  EXPECT_EQ(season.now("P2").band(), v1::LATE);
  EXPECT_EQ(season.now("P2").next_step(), v1::DETERMINE_RESULT);
  EXPECT_EQ(season.batches_of("P2"), 0);
  EXPECT_EQ(season.now("P3").stage(), v1::RELEASED);
  EXPECT_FALSE(season.now("P3").late());
  // Without any result, and under a case.
  EXPECT_EQ(season.now("P4").reason(), v1::L6);
  EXPECT_EQ(season.codes("P5"), Codes{v1::L4});
}

TEST(FieldCase, without_a_calendar_nothing_is_on_track_and_the_missing_date_is_named) {
  Played season("no_calendar");
  for (const v1::EntryStatus& status : season.outputs.statuses) EXPECT_GT(status.band(), v1::ON_TRACK) << status.ShortDebugString();
  v1::EntryStatus ready = season.now("A1");
  EXPECT_EQ(ready.band(), v1::AT_RISK);
  EXPECT_EQ(ready.reason(), v1::L6);
  EXPECT_EQ(ready.next_step(), v1::SEND_CALENDAR);
  EXPECT_EQ(ready.next_owner(), v1::AWARDING_ORGANISATION);
  EXPECT_EQ(ready.why(),
            "No issue deadline is known for RN5901, Level 3, 2024-08: the awarding organisation is to send its CalendarDefined; without it "
            "nothing is issued.");
  EXPECT_EQ(season.now("A3").band(), v1::WATCH);
  EXPECT_EQ(season.now("A3").obstacles(0).rule(), "calendar");
  EXPECT_TRUE(season.outputs.batches.empty());
}

TEST(FieldCase, the_level_of_a_missing_calendar_is_written_as_people_write_it) {
  for (auto [level, text] : {std::pair{v1::LEVEL_2, "Level 2"}, {v1::LEVEL_1_2, "Level 1/2"}, {v1::LEVEL_OTHER, "other levels"}}) {
    Season season;
    std::vector<v1::Event> known = reference_data();
    std::erase_if(known, [](const v1::Event& event) { return event.has_calendar_defined(); });
    for (v1::Event& event : known)
      if (event.has_qualification_defined()) event.mutable_qualification_defined()->set_level(level);
    season.play(known, local("2022-09-01T09:00"));
    season.play({registered({}, local("2022-09-02T09:00"))}, local("2022-09-02T09:00"));
    EXPECT_NE(season.described({}).why().find(std::string("RN5001, ") + text + ", 2023-08"), std::string::npos) << season.described({}).why();
  }
}

TEST(FieldCase, a_registration_sent_again_after_the_deadline_leaves_the_code_as_it_was) {
  EXPECT_EQ(Played("registered_again").codes("A1"), Codes{v1::L6});
}

TEST(FieldCase, a_sample_found_satisfied_after_the_deadline_leaves_the_code_as_it_was) {
  EXPECT_EQ(Played("sample_with_awarding_organisation").codes("A1"), Codes{v1::L6});
}

TEST(FieldCase, an_approval_withdrawn_from_its_first_day_approves_nobody) {
  Played season("approval_withdrawn");
  EXPECT_EQ(season.batches_of("A1"), 0);
  EXPECT_EQ(season.now("A1").obstacles(0).rule(), "qualification-approval");
}

TEST(FieldCase, without_a_pathway_at_the_deadline_is_not_certificated) {
  v1::EntryStatus status = Played("no_pathway").now("A1");
  EXPECT_EQ(status.stage(), v1::NOT_CERTIFICATED);
  EXPECT_EQ(status.reason(), v1::N1);
  EXPECT_FALSE(status.late());
}

TEST(FieldCase, a_claim_between_deadline_and_results_day_is_the_centres_part_and_no_claim_on_results_day) {
  Played season("claim_after_deadline");
  EXPECT_EQ(season.codes("A1"), Codes{v1::L5});
  EXPECT_EQ(season.batches_of("A1"), 1);
}

}  // namespace
}  // namespace vtq::test
