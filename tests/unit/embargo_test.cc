// An embargo sweep over the pipeline: a season in which every grade is a word that stands nowhere else. Nothing that the pipeline says
// before a gate has one, and what stops a result keeps it back after the gate. Planted leaks must make it fail, see tests/CMakeLists.txt.
#include "pipeline/kinds/hidden_grades.h"
#include "tests/support/recall.h"

namespace vtq::test {
namespace {

constexpr const char* kToken = "Zq";  // all grades begin with it
const TimeMs kIssued = local("2023-08-10T06:00");
const TimeMs kCentreGate = local("2023-08-16T00:01");
const TimeMs kLearnerGate = local("2023-08-17T08:00");

v1::Event scale(const std::string& name, std::initializer_list<std::pair<const char*, bool>> grades) {
  v1::Event event = event_at(local("2022-08-01T09:30"));
  event.mutable_grading_scale_defined()->set_name(name);
  for (auto [value, achieved] : grades) {
    auto* grade = event.mutable_grading_scale_defined()->add_grades();
    grade->set_value(value);
    grade->set_achieved(achieved);
  }
  return event;
}

/// Graded by points under a hurdle and a cap, on scales of tokens.
v1::Event graded_course() {
  return event_from(R"({"id":"course","source":"t","occurredAt":"2022-08-01T08:30:00Z","qualificationDefined":{"qualification":"601/0001/5",
    "title":"Course","awardingOrganisation":"RN5001","level":"LEVEL_3","guidedLearningHours":360,"ucasPoints":48,"performanceTable":true,
    "gradingScale":"overall","unitGradingScale":"units","certification":"CERTIFICATION_BY_CLAIM",
    "units":[{"code":"A","mandatory":true,"credit":1,"minimumGrade":"ZqNear"},{"code":"B","mandatory":true,"credit":1}],
    "grading":{"points":[{"grade":"ZqHigh","points":10},{"grade":"ZqNear","points":4}],
      "boundaries":[{"grade":"ZqTop","points":18},{"grade":"ZqLow","points":6}],
      "hurdles":[{"fromGrade":"ZqTop","units":["A"],"unitGrade":"ZqHigh"}],"caps":[{"grade":"ZqLow","unitGrade":"ZqNear","unitsMax":1}]}}})");
}

std::vector<v1::Event> learner(const std::string& name, const char* a, const char* b, const char* result) {
  Ref ref{.learner = name};
  v1::Event outcomes = achieved(ref, local("2023-06-01T09:00"), {"A", "B"});
  outcomes.mutable_outcome_recorded()->mutable_outcomes(0)->set_grade(a);
  outcomes.mutable_outcome_recorded()->mutable_outcomes(1)->set_grade(b);
  return {registered(ref, local("2022-10-01T09:00")), answered(ref, local("2023-05-10T09:00")), outcomes, claimed(ref, local("2023-06-10T09:00")),
          determined(ref, local("2023-06-20T09:00"), result, "overall")};
}

class EmbargoSweep : public testing::Test {
 protected:
  void SetUp() override {
    season.play({scale("overall", {{"ZqTop", true}, {"ZqLow", true}, {"ZqNone", false}}),
                 scale("units", {{"ZqHigh", true}, {"ZqNear", true}, {"ZqShort", false}}), graded_course()},
                local("2022-09-02T09:00"));
    std::vector<v1::Event> events;
    auto add = [&](std::vector<v1::Event> of) { events.insert(events.end(), of.begin(), of.end()); };
    add(learner("GOOD", "ZqHigh", "ZqHigh", "ZqTop"));
    add(learner("DISAGREES", "ZqHigh", "ZqHigh", "ZqLow"));
    add(learner("HURDLE", "ZqNear", "ZqHigh", "ZqTop"));
    add(learner("CAPPED", "ZqNear", "ZqNear", "ZqTop"));
    add(learner("SHORT", "ZqShort", "ZqHigh", "ZqLow"));
    add(learner("SHORT2", "ZqHigh", "ZqShort", "ZqLow"));
    for (const char* stopped : {"HELD", "AMENDED", "REVOKED"}) add(learner(stopped, "ZqHigh", "ZqHigh", "ZqTop"));
    season.play(events, local("2023-07-01T09:00"));
    season.play({determined({.learner = "GOOD"}, local("2023-07-01T10:00"), "ZqWrong", "overall"),
                 determined({.learner = "GOOD"}, local("2023-07-01T10:00"), "ZqTop", "ZqScale")},
                local("2023-07-01T11:00"));
    season.time_passes(kIssued);
    v1::Event lower = amended({.learner = "AMENDED"}, kIssued + 1, "ZqLow");
    lower.mutable_result_amended()->mutable_grade()->set_scale("overall");
    season.play({hold_placed("H1", {.learner = "HELD"}, kIssued + 1), lower, revoked({.learner = "REVOKED"}, kIssued + 1)}, kIssued + kHourMs);
    ASSERT_FALSE(season.outputs.batches.empty());
  }

  static bool names_a_grade(const std::string& text) { return text.find(kToken) != text.npos; }
  /// Every word to anybody so far, but for the batches.
  std::string words() {
    std::string all;
    for (const auto& one : season.outputs.statuses) all += one.ShortDebugString() + "\n";
    for (const auto& one : season.outputs.notifications) all += one.ShortDebugString() + "\n";
    for (const auto& one : season.outputs.rejections) all += one.field() + " " + one.rule() + " " + one.value() + " " + one.message() + "\n";
    for (const char* name : {"GOOD", "DISAGREES", "HURDLE", "CAPPED", "SHORT", "SHORT2", "HELD", "AMENDED", "REVOKED"})
      all += season.described({.learner = name}).ShortDebugString() + "\n";
    return all;
  }
  /// The grades that `role` sees of each learner at `at`, over all batches.
  std::map<std::string, std::string> grades(Role role, TimeMs at) {
    std::map<std::string, std::string> found;
    for (std::size_t batch = 0; batch < season.outputs.batches.size(); ++batch) {
      v1::ResultBatch may = shown_at(season, batch, role, at);
      for (const v1::Result& result : may.results()) {
        if (result.has_grade()) found[result.entry().learner()] += result.grade().value();
        if (result.supersedes().has_grade()) found[result.entry().learner()] += "<" + result.supersedes().grade().value();
      }
    }
    return found;
  }
  using Grades = std::map<std::string, std::string>;

  StartedSeason season;
};

TEST_F(EmbargoSweep, no_word_to_anybody_names_a_grade) {
  for (TimeMs at : {kIssued + kDayMs, local("2023-08-14T18:00"), kCentreGate, kLearnerGate, kLearnerGate + 30 * kDayMs}) {
    season.time_passes(at);
    std::string all = words();
    EXPECT_FALSE(names_a_grade(all)) << all;
  }
  EXPECT_EQ(season.outputs.rejections.size(), 2u);
}
TEST_F(EmbargoSweep, before_a_gate_nobody_sees_a_grade) {
  EXPECT_EQ(grades(Role::centre, kCentreGate - 1), Grades{});
  EXPECT_EQ(grades(Role::learner, kLearnerGate - 1), Grades{});
}
TEST_F(EmbargoSweep, after_the_gate_only_what_nothing_stopped_is_seen) {
  EXPECT_EQ(grades(Role::centre, kCentreGate), (Grades{{"GOOD", "ZqTop"}, {"AMENDED", "ZqLow"}}));
  season.play({issuing_halted(kCentreGate)}, kCentreGate);
  EXPECT_EQ(grades(Role::centre, kCentreGate), Grades{});
}
TEST_F(EmbargoSweep, a_calendar_with_earlier_gates_opens_nothing) {
  v1::Event earlier = reference_data()[8];
  earlier.set_id("earlier");
  earlier.mutable_occurred_at()->set_seconds((kIssued + kHourMs) / 1000);
  earlier.mutable_calendar_defined()->set_centre_release("2023-08-10T08:00");
  season.play({earlier}, kIssued + 2 * kHourMs);
  EXPECT_EQ(grades(Role::centre, kCentreGate - 1), Grades{});
  EXPECT_EQ(season.pipeline->reference().calendar({*parse_awarding_organisation("RN5001"), v1::LEVEL_3, *parse_series("2023-08")})->centre_release,
            kCentreGate);
}
TEST_F(EmbargoSweep, gates_confirmed_before_the_issue_open_nothing_of_what_was_issued_with_others) {
  v1::Event earlier = reference_data()[8];
  earlier.set_id("earlier");
  earlier.mutable_occurred_at()->set_seconds((kIssued - kHourMs) / 1000);
  earlier.mutable_calendar_defined()->set_centre_release("2023-08-10T08:00");
  earlier.mutable_calendar_defined()->add_gates_confirmed_by("A. Head");
  earlier.mutable_calendar_defined()->add_gates_confirmed_by("B. Deputy");
  season.play({earlier}, kIssued + 2 * kHourMs);
  EXPECT_EQ(grades(Role::centre, kCentreGate - 1), Grades{});
}
TEST_F(EmbargoSweep, a_revocation_dated_before_the_gate_that_comes_after_it_takes_the_result_out) {
  season.time_passes(kCentreGate + kHourMs);
  season.play({revoked({.learner = "GOOD"}, kCentreGate - kHourMs)}, kCentreGate + 2 * kHourMs);
  EXPECT_EQ(grades(Role::centre, kCentreGate + 3 * kHourMs), (Grades{{"AMENDED", "ZqLow"}}));
}
TEST_F(EmbargoSweep, a_clock_that_nobody_trusts_opens_nothing) {
  const v1::ResultBatch& batch = season.outputs.batches.front();
  Partition& partition = season.pipeline->partition(season.pipeline->partition_of(*parse_centre(batch.centre())));
  BatchView view = partition.view(*partition.centre(*parse_centre(batch.centre())), batch, Role::centre, {.wall_ms = kLearnerGate, .trusted = false});
  EXPECT_FALSE(names_a_grade(shown(batch, view).ShortDebugString()));
}
TEST_F(EmbargoSweep, a_learner_never_sees_before_the_centre) {
  Calendar odd{.centre_release = kLearnerGate, .learner_release = kCentreGate};
  EXPECT_GE(gates_by(&odd).learner_ms, gates_by(&odd).centre_ms);
}
TEST_F(EmbargoSweep, what_was_rejected_is_read_back_without_its_grades) {
  for (v1::Event& event : learner("GOOD", "ZqHigh", "ZqHigh", "ZqTop")) {
    hide_grades(event);
    EXPECT_FALSE(names_a_grade(event.ShortDebugString()));
  }
}

}  // namespace
}  // namespace vtq::test
