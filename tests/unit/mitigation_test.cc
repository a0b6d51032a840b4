// Mitigations, rule by rule: which definition holds, what is calculated from what, which dates move, and which changes are refused.
#include "pipeline/rules/mitigation.h"

#include <algorithm>
#include <random>

#include "tests/support/situation.h"
#include "tests/support/systems.h"

namespace vtq::test {
namespace {

using Kind = v1::MitigationDefined;
using Review = v1::MitigationReviewed;

constexpr const char* kDiploma = "601/0071/1";
constexpr const char* kOther = "601/0072/1";

v1::Event diploma(const std::string& number = kDiploma, v1::Size size = v1::SIZE_DIPLOMA, const std::string& family = "works") {
  v1::Event event = event_at(local("2022-08-01T09:00"));
  auto* fact = event.mutable_qualification_defined();
  fact->set_qualification(number);
  fact->set_title(v1::Size_Name(size));
  fact->set_awarding_organisation("RN5001");
  fact->set_level(v1::LEVEL_2);
  fact->set_grading_scale("pass");
  fact->set_unit_grading_scale("unit");
  fact->set_certification(v1::CERTIFICATION_BY_CLAIM);
  fact->set_family(family);
  fact->set_size(size);
  for (const char* code : {"U1", "U2", "U3", "U4", "U5", "U6"}) {
    fact->add_units()->set_code(code);
    fact->mutable_units(fact->units_size() - 1)->set_mandatory(true);
  }
  return event;
}

v1::Event defined(Kind::Kind kind, Kind::Calculation calculation = Kind::LOWEST, std::uint32_t achieved_min = 1) {
  v1::Event event = event_at(local("2023-04-01T09:00"));
  auto* fact = event.mutable_mitigation_defined();
  fact->set_qualification(kDiploma);
  fact->set_series("2023-08");
  fact->set_kind(kind);
  if (kind == Kind::DELAYED) fact->set_expected_on("2023-10-02");
  fact->set_disruption_from("2023-03-20");
  fact->set_disruption_to("2023-06-30");
  fact->set_calculation(calculation);
  fact->set_achieved_units_min(achieved_min);
  fact->add_required_evidence("records");
  return event;
}

/// A learner of the diploma with unit grades as given, for U1, U2 and so on; empty: achieved without a grade.
struct Learner : Situation {
  explicit Learner(const std::vector<std::string>& grades = {}) : Situation({.qualification = kDiploma}) {
    knows(diploma());
    registered_at("2022-10-01T09:00");
    for (std::size_t at = 0; at < grades.size(); ++at) with(outcome(ref, local("2023-02-01T09:00"), "U" + std::to_string(at + 1), {}, grades[at]));
  }
  Learner& under(const v1::Event& mitigation) {
    knows(mitigation);
    return *this;
  }
  Learner& reviewed_well(const std::string& due_on = "2023-05-15", const std::string& unit = "U6") {
    with(applied(ref, local("2023-05-01T09:00"), {unit}, due_on, {"records"}));
    with(reviewed(ref, local("2023-05-02T09:00"), Review::PANEL));
    with(reviewed(ref, local("2023-05-03T09:00"), Review::VERIFICATION));
    return *this;
  }
  /// `U6=M`; for several units separated by blanks.
  std::string calculated() const {
    Circumstances now = around();
    std::string text;
    if (!now.calculated) return text;
    for (const CalculatedUnit& unit : *now.calculated) {
      const GradingScale& scale = *now.qualification.units[0].scale;
      Rank rank = scale.rank(unit.grade);
      text += (text.empty() ? "" : " ") + now.qualification.unit(unit.unit)->code + "=" + (rank == kNoRank ? "" : scale.grades[rank].value.str());
    }
    return text;
  }
};

// ---- the grade calculated ----

struct GradeCase {
  const char* name;
  Kind::Calculation calculation;
  std::vector<std::string> achieved;
  const char* calculated;
};

class CalculatedGrade : public testing::TestWithParam<GradeCase> {};

TEST_P(CalculatedGrade, follows_from_the_units_achieved) {
  Learner learner(GetParam().achieved);
  learner.under(defined(Kind::CALCULATED, GetParam().calculation)).reviewed_well();
  EXPECT_EQ(learner.calculated(), GetParam().calculated);
}

INSTANTIATE_TEST_SUITE_P(All, CalculatedGrade,
                         testing::Values(GradeCase{"lowest", Kind::LOWEST, {"D", "M", "P"}, "U6=P"},
                                         GradeCase{"lowest_of_one", Kind::LOWEST, {"D"}, "U6=D"},
                                         GradeCase{"not_said_is_lowest", Kind::CALCULATION_UNSPECIFIED, {"M", "D"}, "U6=M"},
                                         GradeCase{"middle_of_three", Kind::MEDIAN, {"P", "D", "M"}, "U6=M"},
                                         GradeCase{"lower_middle_of_four", Kind::MEDIAN, {"D", "D", "P", "P"}, "U6=P"},
                                         GradeCase{"lower_middle_of_two", Kind::MEDIAN, {"D", "M"}, "U6=M"},
                                         GradeCase{"commonest", Kind::COMMONEST, {"D", "P", "D"}, "U6=D"},
                                         GradeCase{"lowest_of_the_commonest", Kind::COMMONEST, {"D", "P", "D", "P", "M"}, "U6=P"},
                                         GradeCase{"near_pass_is_not_achieved", Kind::LOWEST, {"D", "N"}, "U6=D"},
                                         GradeCase{"ungraded_units_give_no_grade", Kind::LOWEST, {"", ""}, "U6="},
                                         GradeCase{"ungraded_units_do_not_lower", Kind::LOWEST, {"", "M"}, "U6=M"}),
                         [](const auto& given) { return std::string(given.param.name); });

TEST(CalculatedGradeProperty, lies_between_the_worst_and_the_best_achieved_and_keeps_the_rule) {
  std::mt19937 random(2020);
  const std::vector<std::string> scale = {"D", "M", "P"};
  for (int round = 0; round < 600; ++round) {
    std::vector<std::string> grades(1 + random() % 5);
    for (std::string& grade : grades) grade = scale[random() % 3];
    auto calculation = static_cast<Kind::Calculation>(1 + random() % 3);
    Learner learner(grades);
    learner.under(defined(Kind::CALCULATED, calculation)).reviewed_well();
    std::string grade = learner.calculated().substr(3);
    auto rank = [&](const std::string& one) { return std::find(scale.begin(), scale.end(), one) - scale.begin(); };
    auto worse = [&](const std::string& a, const std::string& b) { return rank(a) < rank(b); };
    std::string best = *std::min_element(grades.begin(), grades.end(), worse);
    std::string worst = *std::max_element(grades.begin(), grades.end(), worse);
    ASSERT_GE(rank(grade), rank(best)) << "never above the best achieved";
    ASSERT_LE(rank(grade), rank(worst));
    auto count = [&](const std::string& one) { return std::count(grades.begin(), grades.end(), one); };
    if (calculation == Kind::LOWEST) {
      ASSERT_EQ(grade, worst);
    }
    for (const std::string& other : scale) {
      if (calculation != Kind::COMMONEST || other == grade) continue;
      ASSERT_TRUE(count(grade) > count(other) || (count(grade) == count(other) && rank(grade) > rank(other)));
    }
    if (calculation == Kind::MEDIAN) {
      auto better_than = std::count_if(grades.begin(), grades.end(), [&](const std::string& one) { return rank(one) < rank(grade); });
      auto worse_than = std::count_if(grades.begin(), grades.end(), [&](const std::string& one) { return rank(one) > rank(grade); });
      auto half = static_cast<std::ptrdiff_t>(grades.size() / 2);
      ASSERT_LE(better_than, half);
      ASSERT_LT(worse_than, static_cast<std::ptrdiff_t>(grades.size()) - half);
    }
  }
}

// ---- what is calculated ----

TEST(CalculatedUnits, need_as_many_achieved_as_the_mitigation_says) {
  Learner two({"M", "M"});
  two.under(defined(Kind::CALCULATED, Kind::LOWEST, 3)).reviewed_well();
  EXPECT_EQ(two.calculated(), "");
  EXPECT_EQ(mitigation_note(two.entry, two.around()), "units are calculated once 3 are achieved");
  Learner three({"M", "M", "P"});
  three.under(defined(Kind::CALCULATED, Kind::LOWEST, 3)).reviewed_well();
  EXPECT_EQ(three.calculated(), "U6=P");
}

TEST(CalculatedUnits, fell_due_within_the_disruption) {
  for (auto [due, expected] : {std::pair{"2023-03-19", ""}, {"2023-03-20", "U6=M"}, {"2023-06-30", "U6=M"}, {"2023-07-01", ""}, {"", ""}}) {
    Learner learner({"M"});
    learner.under(defined(Kind::CALCULATED)).reviewed_well(due);
    EXPECT_EQ(learner.calculated(), expected) << due;
    EXPECT_EQ(mitigation_note(learner.entry, learner.around()),
              *expected ? "" : "unit U6 did not fall due in the disruption and is assessed as usual");
  }
}

TEST(CalculatedUnits, are_not_those_that_were_achieved) {
  Learner learner({"M", "D"});
  learner.under(defined(Kind::CALCULATED)).reviewed_well("2023-05-15", "U2");
  EXPECT_EQ(learner.calculated(), "");
}

TEST(CalculatedUnits, give_way_to_the_unit_once_it_is_achieved) {
  Learner learner({"M"});
  learner.under(defined(Kind::CALCULATED)).reviewed_well();
  EXPECT_EQ(learner.calculated(), "U6=M");
  learner.with(outcome(learner.ref, local("2023-06-20T09:00"), "U6", {}, "D"));
  EXPECT_EQ(learner.calculated(), "");
}

TEST(CalculatedUnits, count_from_prior_learning_too) {
  Learner learner;
  learner.with(prior_learning(learner.ref, local("2023-01-10T09:00"), "U1", "D"));
  learner.under(defined(Kind::CALCULATED)).reviewed_well();
  EXPECT_EQ(learner.calculated(), "U6=D");
}

TEST(CalculatedUnits, relax_no_rule_of_combination) {
  Learner learner({"M", "M", "M", "M"});
  learner.under(defined(Kind::CALCULATED)).reviewed_well().claimed_at("2023-06-01T09:00").determined_at("2023-06-02T09:00");
  EXPECT_EQ(learner.calculated(), "U6=M");
  EXPECT_EQ(learner.status_at("2023-07-01T09:00").stage, v1::REGISTERED) << "U5 is mandatory, and stays so";
  EXPECT_EQ(learner.status_at("2023-07-01T09:00").outstanding_units, 1);
}

// ---- reviews ----

struct ReviewCase {
  const char* name;
  const char* applied_at;
  const char* panel_at;  ///< empty: none
  Review::Conclusion panel;
  const char* verified_at;
  Review::Conclusion verification;
  Rule rule;
  bool calculated;
};

class Reviews : public testing::TestWithParam<ReviewCase> {};

TEST_P(Reviews, decide_whether_units_are_calculated) {
  const ReviewCase& one = GetParam();
  auto at = [](const char* day) { return local(std::string(day) + "T09:00"); };
  Learner learner({"M", "M", "M", "M", "M"});
  std::vector<v1::Event> facts;
  if (*one.applied_at) facts.push_back(applied(learner.ref, at(one.applied_at), {"U6"}, "2023-05-15", {"records"}));
  if (*one.panel_at) facts.push_back(reviewed(learner.ref, at(one.panel_at), Review::PANEL, one.panel));
  if (*one.verified_at) facts.push_back(reviewed(learner.ref, at(one.verified_at), Review::VERIFICATION, one.verification));
  learner.knows(defined(Kind::CALCULATED));
  // Whatever order they come in.
  std::sort(facts.begin(), facts.end(), [](const v1::Event& a, const v1::Event& b) { return a.id() < b.id(); });
  do {
    Learner again({"M", "M", "M", "M", "M"});
    again.knows(defined(Kind::CALCULATED));
    for (const v1::Event& fact : facts) again.with(fact);
    TimeMs wake = kNever;
    EXPECT_EQ(rule_name(mitigation_obstacle(again.entry, again.around(), local("2023-06-01T09:00"), wake).rule), rule_name(one.rule));
    EXPECT_EQ(again.calculated(), one.calculated ? "U6=M" : "");
  } while (std::next_permutation(facts.begin(), facts.end(), [](const v1::Event& a, const v1::Event& b) { return a.id() < b.id(); }));
}

INSTANTIATE_TEST_SUITE_P(
    All, Reviews,
    testing::Values(
        ReviewCase{"nothing", "", "", {}, "", {}, Rule::mitigation_application, false},
        ReviewCase{"applied", "2023-05-01", "", {}, "", {}, Rule::mitigation_review, false},
        ReviewCase{"panel_only", "2023-05-01", "2023-05-02", Review::SUFFICIENT, "", {}, Rule::mitigation_review, false},
        ReviewCase{"verification_only", "2023-05-01", "", {}, "2023-05-02", Review::SUFFICIENT, Rule::mitigation_review, false},
        ReviewCase{"both", "2023-05-01", "2023-05-02", Review::SUFFICIENT, "2023-05-03", Review::SUFFICIENT, Rule::none, true},
        ReviewCase{"verified_before_the_panel", "2023-05-01", "2023-05-03", Review::SUFFICIENT, "2023-05-02", Review::SUFFICIENT,
                   Rule::mitigation_review, false},
        ReviewCase{"reviewed_before_the_application", "2023-05-04", "2023-05-02", Review::SUFFICIENT, "2023-05-03", Review::SUFFICIENT,
                   Rule::mitigation_review, false},
        ReviewCase{"more_asked_by_the_panel", "2023-05-01", "2023-05-02", Review::MORE_EVIDENCE, "", {}, Rule::mitigation_evidence, false},
        ReviewCase{"more_asked_by_verification", "2023-05-01", "2023-05-02", Review::SUFFICIENT, "2023-05-03", Review::MORE_EVIDENCE,
                   Rule::mitigation_evidence, false},
        ReviewCase{"refused_by_the_panel", "2023-05-01", "2023-05-02", Review::REFUSED, "", {}, Rule::none, false},
        ReviewCase{"refused_by_verification", "2023-05-01", "2023-05-02", Review::SUFFICIENT, "2023-05-03", Review::REFUSED, Rule::none, false}),
    [](const auto& given) { return std::string(given.param.name); });

TEST(Reviews, of_one_learner_go_before_those_of_all) {
  Learner learner({"M", "M", "M", "M", "M"});
  Ref all = learner.ref;
  all.learner = "";
  learner.knows(defined(Kind::CALCULATED));
  learner.with(applied(all, local("2023-05-01T09:00"), {"U6"}, "2023-05-15", {"records"}));
  learner.with(reviewed(all, local("2023-05-02T09:00"), Review::PANEL)).with(reviewed(all, local("2023-05-03T09:00"), Review::VERIFICATION));
  EXPECT_EQ(learner.calculated(), "U6=M");
  learner.with(reviewed(learner.ref, local("2023-05-02T08:00"), Review::PANEL, Review::REFUSED));
  EXPECT_EQ(learner.calculated(), "");
  EXPECT_EQ(mitigation_note(learner.entry, learner.around()), "the panel refused the calculated grade: ordinary rules hold");
}

TEST(Reviews, of_all_do_not_decide_a_learner_s_own_application) {
  Learner learner({"M", "M", "M", "M", "M"});
  Ref all = learner.ref;
  all.learner = "";
  learner.knows(defined(Kind::CALCULATED)).with(applied(learner.ref, local("2023-05-01T09:00"), {"U6"}, "2023-05-15", {"records"}));
  learner.with(reviewed(all, local("2023-05-02T09:00"), Review::PANEL)).with(reviewed(all, local("2023-05-03T09:00"), Review::VERIFICATION));
  EXPECT_EQ(learner.calculated(), "");
}

TEST(Application, is_not_asked_for_before_the_disruption) {
  Learner learner({"M"});
  learner.knows(defined(Kind::CALCULATED));
  TimeMs wake = kNever;
  EXPECT_EQ(mitigation_obstacle(learner.entry, learner.around(), local("2023-03-19T23:59"), wake).rule, Rule::none);
  EXPECT_EQ(wake, local("2023-03-20T00:00"));
  EXPECT_EQ(mitigation_obstacle(learner.entry, learner.around(), wake, wake).rule, Rule::mitigation_application);
}

TEST(Application, is_not_asked_for_when_nothing_is_missing) {
  Learner learner({"M", "M", "M", "M", "M", "P"});
  learner.knows(defined(Kind::CALCULATED));
  TimeMs wake = kNever;
  EXPECT_EQ(mitigation_obstacle(learner.entry, learner.around(), local("2023-05-01T09:00"), wake).rule, Rule::none);
}

// ---- which definition holds ----

TEST(Definition, told_again_is_no_later_one_in_whatever_order_they_come) {
  v1::Event first = defined(Kind::CALCULATED), again = first, other = defined(Kind::ADAPTED), back = first;
  for (auto [event, day] : {std::pair{&again, 1}, {&other, 2}, {&back, 3}}) {
    event->set_id(event->id() + std::to_string(day));
    event->mutable_occurred_at()->set_seconds(first.occurred_at().seconds() + day * kDayMs / 1000);
  }
  auto since = [](std::vector<const v1::Event*> events) {
    Situation learner({.qualification = kDiploma});
    learner.knows(diploma());
    for (const v1::Event* event : events) learner.knows(*event);
    const Mitigations& held = *learner.reference.qualification(*parse_qualification(kDiploma))->mitigations;
    EXPECT_EQ(held.size(), 1u);
    return held.front().defined_ms - local("2023-04-01T09:00");
  };
  EXPECT_EQ(since({&first, &again}), 0);
  EXPECT_EQ(since({&again, &first}), 0);
  EXPECT_EQ(since({&first, &again, &other}), 2 * kDayMs);
  EXPECT_EQ(since({&other, &again, &first}), 2 * kDayMs);
  EXPECT_EQ(since({&back, &first, &other, &again}), 3 * kDayMs) << "it was another in between";
  EXPECT_EQ(since({&back, &first}), 0) << "nobody said another in between";
}

TEST(NarrowestDefinition, holds_whatever_else_is_defined) {
  std::mt19937 random(7);
  const std::vector<std::string> centres = {"", "12345", "54321"}, learners = {"", "L1", "L2"};
  int covered = 0;
  for (int round = 0; round < 2000; ++round) {
    Mitigations held;
    std::map<std::pair<std::string, std::string>, Kind::Kind> latest;
    for (unsigned count = random() % 8; count > 0; --count) {
      v1::Event event = defined(static_cast<Kind::Kind>(1 + random() % 5));
      std::string centre = centres[random() % 3], learner = centre.empty() ? "" : learners[random() % 3];
      event.mutable_mitigation_defined()->set_centre(centre);
      event.mutable_mitigation_defined()->set_learner(learner);
      event.mutable_mitigation_defined()->set_series(random() % 4 ? "2023-08" : "2024-08");
      take_mitigation(held, event);
      if (event.mitigation_defined().series() == "2023-08") latest[{centre, learner}] = event.mitigation_defined().kind();
    }
    for (std::string centre : {"12345", "54321", "99999"}) {
      for (std::string learner : {"L1", "L2", "L3"}) {
        const Mitigation* found = covering(held, *parse_series("2023-08"), *parse_centre(centre), learner);
        Kind::Kind expected = Kind::KIND_UNSPECIFIED;
        for (const auto& scope : {std::pair<std::string, std::string>{"", ""}, {centre, ""}, {centre, learner}})
          if (auto at = latest.find(scope); at != latest.end()) expected = at->second;
        ASSERT_EQ(found ? found->kind : Kind::KIND_UNSPECIFIED, expected) << "round " << round << " " << centre << " " << learner;
        covered += found != nullptr;
      }
    }
  }
  EXPECT_GT(covered, 5000);
}

TEST(OptOut, of_the_learner_goes_before_that_of_the_centre) {
  for (bool all_out : {false, true}) {
    for (std::optional<bool> own : {std::optional<bool>{}, std::optional(false), std::optional(true)}) {
      for (bool all_last : {false, true}) {
        Learner learner({"M"});
        Ref all = learner.ref;
        all.learner = "";
        learner.knows(defined(Kind::CALCULATED)).with(opted_out(all, local(all_last ? "2023-04-20T09:00" : "2023-04-10T09:00"), all_out));
        if (own) learner.with(opted_out(learner.ref, local("2023-04-15T09:00"), *own));
        EXPECT_EQ(learner.around().mitigation == nullptr, own.value_or(all_out));
      }
    }
  }
}

TEST(Mitigation, of_another_series_or_qualification_does_not_concern_the_entry) {
  Learner learner({"M"});
  v1::Event other = defined(Kind::CALCULATED);
  other.mutable_mitigation_defined()->set_series("2024-08");
  learner.knows(other);
  EXPECT_EQ(learner.around().mitigation, nullptr);
  Situation ordinary;
  EXPECT_EQ(ordinary.around().qualification.mitigations, nullptr);
}

// ---- dates ----

TEST(DelayedDates, keep_their_times_of_day_and_their_order) {
  Calendar calendar{.claim_deadline = local("2023-07-07T17:00"),
                    .issue_deadline = local("2023-08-14T17:00"),
                    .centre_release = local("2023-08-16T00:01"),
                    .learner_release = local("2023-08-17T08:00")};
  Calendar winter = delayed(calendar, *parse_date("2023-11-15"));
  EXPECT_EQ(local_text(winter.issue_deadline), "15 Nov 2023, 17:00");
  EXPECT_EQ(local_text(winter.claim_deadline), "8 Oct 2023, 17:00");
  EXPECT_EQ(local_text(winter.centre_release), "16 Nov 2023, 00:01");
  EXPECT_EQ(local_text(winter.learner_release), "16 Nov 2023, 08:00");
  Calendar long_day = delayed(calendar, *parse_date("2023-10-29"));
  EXPECT_EQ(local_text(long_day.issue_deadline), "29 Oct 2023, 17:00") << "by the clock, on a day of 25 hours";
  Calendar next_day = delayed(calendar, *parse_date("2023-08-15"));
  EXPECT_EQ(local_text(next_day.issue_deadline), "15 Aug 2023, 17:00");
  EXPECT_EQ(next_day.centre_release, calendar.centre_release) << "not before the ordinary ones";
  EXPECT_EQ(next_day.learner_release, calendar.learner_release);
  for (const char* day : {"2023-08-14", "2023-08-01"}) EXPECT_EQ(delayed(calendar, *parse_date(day)).issue_deadline, calendar.issue_deadline);
}

TEST(DelayedDates, follow_the_calendar_when_it_changes) {
  Learner learner({"M"});
  v1::Event delay = defined(Kind::DELAYED);
  delay.mutable_mitigation_defined()->set_expected_on("2023-11-15");
  learner.knows(delay);
  EXPECT_EQ(local_text(learner.around().calendar->issue_deadline), "15 Nov 2023, 17:00");
  v1::Event calendar = event_at(local("2023-04-02T09:00"));
  auto* fact = calendar.mutable_calendar_defined();
  fact->set_awarding_organisation("RN5001");
  fact->set_level(v1::LEVEL_2);
  fact->set_series("2023-08");
  fact->set_issue_deadline("2023-08-21T12:00");
  fact->set_centre_release("2023-08-23T00:01");
  fact->set_learner_release("2023-08-24T08:00");
  learner.knows(calendar);
  EXPECT_EQ(local_text(learner.around().calendar->issue_deadline), "15 Nov 2023, 12:00");
}

// ---- sizes ----

struct SizeCase {
  const char* name;
  v1::Size left;
  v1::Size now;
  const char* family;
  const char* moved_at;
  Kind::Kind kind;
  bool refused;
};

class SizeChange : public testing::TestWithParam<SizeCase> {};

TEST_P(SizeChange, to_a_smaller_one_during_a_mitigation_is_refused) {
  const SizeCase& one = GetParam();
  Situation learner({.qualification = kOther});
  learner.knows(diploma(kDiploma, one.left)).knows(diploma(kOther, one.now, one.family)).knows(defined(one.kind));
  learner.registered_at("2022-10-01T09:00").with(moved_from(learner.ref, local(one.moved_at), kDiploma));
  TimeMs wake = kNever;
  Obstacle found = mitigation_obstacle(learner.entry, learner.around(), local("2023-07-01T09:00"), wake);
  EXPECT_EQ(found.rule == Rule::size_change, one.refused);
  if (!one.refused) return;
  EXPECT_EQ(found.owner, v1::CENTRE);
  EXPECT_EQ(found.step, v1::CORRECT_REGISTRATION);
  std::string from = v1::Size_Name(one.left), to = v1::Size_Name(one.now);
  EXPECT_EQ(mitigation_text(learner.entry, learner.around(), found.rule),
            "the change from " + from + " to " + to +
                " during a mitigation is refused: a qualification is not made smaller to fit what was done; register the learner for "
                "" +
                from + " again and claim it with the mitigation");
}

INSTANTIATE_TEST_SUITE_P(
    All, SizeChange,
    testing::Values(SizeCase{"smaller", v1::SIZE_DIPLOMA, v1::SIZE_CERTIFICATE, "works", "2023-05-01T09:00", Kind::CALCULATED, true},
                    SizeCase{"one_step_smaller", v1::SIZE_EXTENDED_DIPLOMA, v1::SIZE_DIPLOMA, "works", "2023-05-01T09:00", Kind::DELAYED, true},
                    SizeCase{"on_the_first_day", v1::SIZE_DIPLOMA, v1::SIZE_AWARD, "works", "2023-03-20T00:00", Kind::ADAPTED, true},
                    SizeCase{"the_day_before", v1::SIZE_DIPLOMA, v1::SIZE_AWARD, "works", "2023-03-19T23:59", Kind::ADAPTED, false},
                    SizeCase{"after_the_disruption", v1::SIZE_DIPLOMA, v1::SIZE_AWARD, "works", "2023-07-01T00:00", Kind::ADAPTED, true},
                    SizeCase{"larger", v1::SIZE_CERTIFICATE, v1::SIZE_DIPLOMA, "works", "2023-05-01T09:00", Kind::CALCULATED, false},
                    SizeCase{"same_size", v1::SIZE_DIPLOMA, v1::SIZE_DIPLOMA, "works", "2023-05-01T09:00", Kind::CALCULATED, false},
                    SizeCase{"size_not_given", v1::SIZE_DIPLOMA, v1::SIZE_UNSPECIFIED, "works", "2023-05-01T09:00", Kind::CALCULATED, false},
                    SizeCase{"other_family", v1::SIZE_DIPLOMA, v1::SIZE_AWARD, "trades", "2023-05-01T09:00", Kind::CALCULATED, false},
                    SizeCase{"no_change_needed", v1::SIZE_DIPLOMA, v1::SIZE_AWARD, "works", "2023-05-01T09:00", Kind::NO_CHANGE, false}),
    [](const auto& given) { return std::string(given.param.name); });

TEST(SizeChange, of_a_centre_that_opted_out_is_an_ordinary_one) {
  Situation learner({.qualification = kOther});
  learner.knows(diploma()).knows(diploma(kOther, v1::SIZE_AWARD)).knows(defined(Kind::CALCULATED));
  learner.registered_at("2022-10-01T09:00").with(moved_from(learner.ref, local("2023-05-01T09:00"), kDiploma));
  Ref left = learner.ref;
  left.qualification = kDiploma;
  learner.with(opted_out(left, local("2023-05-02T09:00")));
  TimeMs wake = kNever;
  EXPECT_EQ(mitigation_obstacle(learner.entry, learner.around(), local("2023-07-01T09:00"), wake).rule, Rule::none);
}

// ---- order ----

TEST(MitigationProperty, evidence_in_any_order_makes_the_same_status) {
  std::mt19937 random(11);
  std::map<v1::Step, int> seen;
  for (int round = 0; round < 300; ++round) {
    Ref one{.qualification = kDiploma}, all{.qualification = kDiploma, .learner = ""};
    std::vector<v1::Event> facts;
    auto some_time = [&] { return local("2023-04-01T09:00") + static_cast<TimeMs>(random() % 40) * kDayMs; };
    auto some_ref = [&]() -> const Ref& { return random() % 2 ? one : all; };
    for (const char* unit : {"U1", "U2", "U3", "U4", "U5"}) facts.push_back(outcome(one, some_time(), unit, {}, random() % 2 ? "D" : "P"));
    for (int at = 0; at < 2; ++at) facts.push_back(applied(some_ref(), some_time(), {"U6"}, "2023-05-15", {"records"}));
    for (int at = 0; at < 6; ++at)
      facts.push_back(reviewed(some_ref(), some_time(), at % 2 ? Review::PANEL : Review::VERIFICATION,
                               random() % 5 ? Review::SUFFICIENT : static_cast<Review::Conclusion>(1 + random() % 3)));
    if (random() % 4 == 0) facts.push_back(opted_out(some_ref(), some_time(), random() % 2));
    std::optional<Status> first;
    std::string calculated;
    for (int order = 0; order < 4; ++order) {
      Learner learner;
      learner.knows(defined(Kind::CALCULATED, Kind::MEDIAN));
      for (const v1::Event& fact : facts) learner.with(fact);
      Status status = learner.status_at("2023-06-01T09:00");
      if (!first) {
        first = status;
        calculated = learner.calculated();
        ++seen[status.step];
      }
      ASSERT_EQ(status, *first) << "round " << round;
      ASSERT_EQ(learner.calculated(), calculated) << "round " << round;
      std::shuffle(facts.begin(), facts.end(), random);
    }
  }
  for (v1::Step step : {v1::RECORD_EVIDENCE, v1::SEND_EVIDENCE, v1::REVIEW_MITIGATION, v1::SUBMIT_CLAIM})
    EXPECT_GT(seen[step], 5) << v1::Step_Name(step);
}

}  // namespace
}  // namespace vtq::test
