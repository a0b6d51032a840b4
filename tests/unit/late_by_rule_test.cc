// Which reason a result is late for, when it is a rule of scrutiny or of approval that held it.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/systems.h"

namespace vtq::test {
namespace {

const Ref kRef{.qualification = "601/0022/1", .learner = "L1"};
const Ref kCentre{.qualification = "601/0022/1", .learner = {}};

/// A learner of a centre in order, assessed, claimed on 20 June and determined; the sample of the cohort is satisfied.
struct Scrutinised : StartedSeason {
  Scrutinised() {
    play(systems_reference_data(), local("2022-09-01T10:00"));
    play({centre_approved(kCentre, local("2022-09-05T09:00")), staff_approved(kCentre, local("2022-09-05T10:00"), "A-1"),
          registered(kRef, local("2022-09-20T09:00")), monitored(kCentre, local("2023-02-01T09:00"), "V1", 2),
          monitored(kCentre, local("2023-07-01T09:00"), "V2", 2), answered(kRef, local("2023-05-10T09:00")),
          sample(kRef, local("2023-06-10T09:00"), v1::SampleDecided::SATISFIED)},
         local("2023-07-02T09:00"));
    std::vector<v1::Event> facts;
    for (const char* unit : {"A", "B"}) facts.push_back(assessed_by(outcome(kRef, local("2023-05-01T09:00"), unit, "", "P"), "A-1", v1::PORTFOLIO));
    facts.push_back(claimed(kRef, local("2023-06-20T09:00")));
    facts.push_back(determined(kRef, local("2023-06-25T09:00"), "Pass"));
    play(facts, local("2023-07-02T10:00"));
  }
};

TEST(LateByRule, a_centre_in_order_is_issued_in_time) {
  Scrutinised season;
  season.time_passes(local("2023-08-15T09:00"));
  EXPECT_EQ(season.status(kRef).stage, v1::ISSUED);
  EXPECT_FALSE(season.status(kRef).late);
}

struct ActionCase {
  const char* name;
  const char* due;
  const char* done;  ///< null: not yet
  v1::Stage stage;   ///< on 20 August
  bool late;
  v1::Reason reason;
};

class ActionOverdue : public testing::TestWithParam<ActionCase> {};

// The claim is of 20 June, the issue deadline 14 August.
INSTANTIATE_TEST_SUITE_P(LateByRule, ActionOverdue,
                         testing::Values(ActionCase{"done_in_time", "2023-06-19", "2023-08-01T09:00", v1::RELEASED, false, v1::REASON_NONE},
                                         ActionCase{"due_after_the_claim", "2023-06-20", nullptr, v1::RELEASED, false, v1::REASON_NONE},
                                         ActionCase{"done_late", "2023-06-19", "2023-08-16T09:00", v1::RELEASED, true, v1::L5},
                                         ActionCase{"never_done", "2023-06-19", nullptr, v1::CLAIMED, true, v1::L5}),
                         [](const auto& test) { return test.param.name; });

TEST_P(ActionOverdue, is_the_centres_part) {
  Scrutinised season;
  season.play({action_plan(kCentre, local("2023-06-01T09:00"), "ACT", GetParam().due)}, local("2023-07-03T09:00"));
  if (GetParam().done) {
    TimeMs done = local(GetParam().done);
    season.play({action_plan(kCentre, done, "ACT", GetParam().due, true)}, done);
  }
  season.time_passes(local("2023-08-20T09:00"));
  Status status = season.status(kRef);
  EXPECT_EQ(status.stage, GetParam().stage);
  EXPECT_EQ(status.late, GetParam().late);
  EXPECT_EQ(status.reason, GetParam().reason);
}

TEST(LateByRule, first_monitoring_that_is_late_is_the_awarding_organisations_part) {
  StartedSeason season;
  season.play(systems_reference_data(), local("2022-09-01T10:00"));
  season.play({centre_approved(kCentre, local("2022-09-05T09:00")), registered(kRef, local("2022-09-20T09:00")),
               outcome(kRef, local("2023-05-01T09:00"), "A", "", "P"), outcome(kRef, local("2023-05-01T09:00"), "B", "", "P"),
               sample(kRef, local("2023-06-10T09:00"), v1::SampleDecided::SATISFIED), claimed(kRef, local("2023-06-20T09:00")),
               determined(kRef, local("2023-06-25T09:00"), "Pass")},
              local("2023-07-02T09:00"));
  season.time_passes(local("2023-08-15T09:00"));
  EXPECT_EQ(season.status(kRef).rule, Rule::first_monitoring);
  EXPECT_EQ(season.status(kRef).reason, v1::L6);
  season.play({monitored(kCentre, local("2023-08-16T12:00"), "V1")}, local("2023-08-16T12:00"));
  EXPECT_EQ(season.status(kRef).stage, v1::ISSUED);
  EXPECT_TRUE(season.status(kRef).late);
  EXPECT_EQ(season.status(kRef).reason, v1::L6);
}

TEST(LateByRule, what_is_said_of_several_holds_and_samples_does_not_hang_on_which_came_first) {
  std::vector<v1::Event> facts = {hold_placed("H2", {.learner = {}}, local("2023-06-01T09:00")),
                                  hold_placed("H1", {.learner = {}}, local("2023-06-02T09:00")),
                                  sample({}, local("2023-06-03T09:00"), v1::SampleDecided::AWAITING_CENTRE),
                                  sample({}, local("2023-06-04T09:00"), v1::SampleDecided::AWAITING_CENTRE)};
  facts.back().mutable_sample_decided()->set_learner("L1");
  facts.push_back(registered({}, local("2022-10-01T09:00")));
  std::vector<std::string> texts;
  for (bool reversed : {false, true}) {
    std::vector<v1::Event> order = facts;
    if (reversed) std::reverse(order.begin(), order.end());
    StartedSeason season;
    for (const v1::Event& event : order) season.play({event}, local("2023-06-10T09:00"));
    texts.push_back(season.described({}).ShortDebugString());
    EXPECT_LT(texts.back().find("Hold H1"), texts.back().find("Hold H2"));
  }
  EXPECT_EQ(texts[0], texts[1]);
}

}  // namespace
}  // namespace vtq::test
