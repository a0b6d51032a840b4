// From units to the overall grade: points, hurdles, caps, tables of component grades; and a result against the rules.
#include <random>

#include "tests/support/course.h"

namespace vtq::test {
namespace {

std::string grade(const Course& course, const Record& record) {
  Attainment found = attain(record.facts, course.made());
  return found.complete ? found.grade.str() : "none";
}

// ---- pass ----

TEST(PassGrade, is_given_to_all_who_attain) {
  Course course;
  course.unit("U1");
  course.fact.mutable_grading()->set_pass_grade("P");
  EXPECT_EQ(grade(course, Record().unit("U1")), "P");
  EXPECT_EQ(grade(course, Record()), "none");
}

// ---- points ----

/// Four mandatory units of 10 credits and one of 20. A unit: D 16, M 10, P 6; of 20 credits twice that. D* from 90 points, D from 60, M
/// from 45, P from 30.
Course by_points() {
  Course course;
  for (const char* code : {"U1", "U2", "U3", "U4"}) course.unit(code);
  course.unit("U5", true, 20);
  course.points("D", 16).points("M", 10).points("P", 6).points("D", 32, 20).points("M", 20, 20).points("P", 12, 20);
  course.boundary("D*", 90).boundary("D", 60).boundary("M", 45).boundary("P", 30);
  return course;
}

struct PointsCase {
  const char* grades[5];
  std::uint32_t points;
  const char* grade;
};
class Points : public testing::TestWithParam<PointsCase> {};
TEST_P(Points, give_the_grade_by_the_boundaries) {
  Record record;
  for (int at = 0; at < 5; ++at) record.unit("U" + std::to_string(at + 1), GetParam().grades[at]);
  EXPECT_EQ(grade(by_points(), record), GetParam().grade);
  EXPECT_EQ(attain(record.facts, by_points().made()).points, GetParam().points);
}
INSTANTIATE_TEST_SUITE_P(Grading, Points,
                         testing::Values(PointsCase{{"P", "P", "P", "P", "P"}, 36, "P"}, PointsCase{{"M", "M", "P", "P", "P"}, 44, "P"},
                                         PointsCase{{"D", "P", "P", "P", "P"}, 46, "M"}, PointsCase{{"M", "M", "M", "D", "P"}, 58, "M"},
                                         PointsCase{{"M", "M", "M", "M", "M"}, 60, "D"}, PointsCase{{"D", "D", "D", "M", "D"}, 90, "D*"},
                                         PointsCase{{"D", "D", "D", "P", "D"}, 86, "D"}, PointsCase{{"D", "D", "D", "D", "D"}, 96, "D*"}));

TEST(Points, below_the_lowest_boundary_give_no_result_and_say_so) {
  Course course = by_points();
  course.fact.mutable_grading()->mutable_boundaries(3)->set_points(37);
  Record record = Record().units({"U1", "U2", "U3", "U4", "U5"}, "P");
  EXPECT_EQ(grade(course, record), "none");
  EXPECT_EQ(missing_lines(course, record), "grade-boundary||No result: the points lie below the lowest boundary.\n");
  course.fact.mutable_grading()->set_unclassified_grade("U");
  EXPECT_EQ(grade(course, record), "U");
}
TEST(Points, are_those_of_the_best_choice_of_units) {
  Course course;
  for (const char* code : {"A", "B", "C"}) course.option(code);
  course.group("OPT", {"A", "B", "C"}).set_units_max(2);
  course.points("D", 16).points("M", 10).points("P", 6).boundary("D", 26).boundary("P", 0);
  EXPECT_EQ(grade(course, Record().unit("A", "P").unit("B", "D").unit("C", "M")), "D");
}
TEST(Points, of_barred_units_are_those_of_the_better_one) {
  Course course;
  course.option("A");
  course.option("B");
  course.bar({"A", "B"}).points("D", 16).points("P", 6).boundary("D", 17).boundary("M", 16).boundary("P", 0);
  EXPECT_EQ(grade(course, Record().unit("A", "P").unit("B", "D")), "M");
}

TEST(Points, of_a_near_pass_count_where_it_is_the_minimum) {
  Course course;
  course.unit("U1").set_minimum_grade("N");
  course.unit("U2");
  course.points("P", 6).points("N", 3).boundary("P", 9);
  EXPECT_EQ(grade(course, Record().unit("U1", "N").unit("U2", "P")), "P");
  EXPECT_EQ(grade(course, Record().unit("U1", "P").unit("U2", "N")), "none");
}

TEST(Points, never_fall_when_a_unit_grade_rises) {
  std::mt19937 random(3);
  const char* const grades[] = {"P", "M", "D"};
  Course course = by_points();
  Qualification qualification = course.made();
  for (int round = 0; round < 2'000; ++round) {
    Record record;
    for (int at = 1; at <= 5; ++at) record.unit("U" + std::to_string(at), grades[random() % 3]);
    Attainment before = attain(record.facts, qualification);
    int raised = 1 + static_cast<int>(random() % 5);
    Attainment after = attain(record.unit("U" + std::to_string(raised), "D").facts, qualification);
    ASSERT_GE(after.points, before.points);
    ASSERT_LE(qualification.scale->rank(short_hash(after.grade.view())), qualification.scale->rank(short_hash(before.grade.view())));
  }
}

// ---- hurdles and caps ----

TEST(Hurdle, not_met_keeps_the_grade_below) {
  Course course = by_points();
  course.hurdle("D", {"U1"}, "M");
  Record record = Record().units({"U2", "U3", "U4", "U5"}, "D").unit("U1", "P");
  EXPECT_EQ(grade(course, record), "M");
  EXPECT_EQ(missing_lines(course, record), "hurdle||The result is kept down: the hurdle on all of U1 is not met.\n");
}
TEST(Hurdle, just_met_does_not) {
  Course course = by_points();
  course.hurdle("D", {"U1"}, "M");
  Record record = Record().units({"U2", "U3", "U4", "U5"}, "D").unit("U1", "M");
  EXPECT_EQ(grade(course, record), "D*");
  EXPECT_EQ(missing_lines(course, record), "");
}
TEST(Hurdle, not_met_by_a_grade_that_is_not_reached_anyway_is_not_named) {
  Course course = by_points();
  course.hurdle("D", {"U1"}, "M");
  Record record = Record().units({"U1", "U2", "U3", "U4", "U5"}, "P");
  EXPECT_EQ(grade(course, record), "P");
  EXPECT_EQ(missing_lines(course, record), "");
}
TEST(Hurdle, of_some_units_asks_for_as_many) {
  for (auto [least, expected] : {std::pair{2u, "D*"}, {3u, "D"}}) {
    Course course = by_points();
    course.hurdle("D*", {"U1", "U2", "U3"}, "D", least);
    EXPECT_EQ(grade(course, Record().units({"U1", "U2", "U4", "U5"}, "D").unit("U3", "M")), expected);
  }
}
TEST(Hurdle, without_units_is_about_the_mandatory_ones) {
  Course course = by_points();
  course.option("X");
  course.hurdle("D", {}, "M");
  EXPECT_EQ(grade(course, Record().units({"U1", "U2", "U3", "U4", "U5"}, "D").unit("X", "P")), "D*");
  EXPECT_EQ(grade(course, Record().units({"U1", "U2", "U3", "U5"}, "D").unit("U4", "P").unit("X", "D")), "M");
}
TEST(Hurdle, without_a_grade_is_about_any_result) {
  Course course = by_points();
  course.hurdle("", {"U1"}, "M");
  Record record = Record().units({"U2", "U3", "U4", "U5"}, "D").unit("U1", "P");
  EXPECT_EQ(grade(course, record), "none");
  EXPECT_EQ(missing_lines(course, record), "hurdle||No result: the hurdle on all of U1 is not met.\n");
}
TEST(Hurdle, from_a_grade_that_is_not_on_the_scale_is_about_any_result) {
  Course course = by_points();
  course.hurdle("Starred", {"U1"}, "M");
  EXPECT_EQ(grade(course, Record().units({"U2", "U3", "U4", "U5"}, "D").unit("U1", "P")), "none");
  EXPECT_EQ(grade(course, Record().units({"U2", "U3", "U4", "U5"}, "D").unit("U1", "M")), "D*");
}
TEST(Cap, with_more_low_grades_than_allowed_lowers_the_grade) {
  for (auto [low, expected] : {std::pair{1, "D*"}, {2, "M"}}) {
    Course course = by_points();
    course.cap("M", {}, "P", 1);
    course.fact.mutable_grading()->mutable_boundaries(0)->set_points(60);
    course.fact.mutable_grading()->mutable_boundaries(1)->set_points(50);
    Record record = Record().units({"U3", "U4", "U5"}, "D").unit("U1", "P").unit("U2", low == 2 ? "P" : "D");
    EXPECT_EQ(grade(course, record), expected);
    EXPECT_EQ(missing_lines(course, record),
              low == 2 ? "grade-cap||The result is kept down: the cap on more than 1 unit with a low grade applies.\n" : "");
  }
}
TEST(Cap, of_any_unit_is_said_so) {
  Course course = by_points();
  course.cap("M", {"U1"}, "P");
  EXPECT_EQ(missing_lines(course, Record().units({"U2", "U3", "U4", "U5"}, "D").unit("U1", "P")),
            "grade-cap||The result is kept down: the cap on any unit with a low grade applies.\n");
}
TEST(Cap, does_not_raise_a_grade) {
  Course course = by_points();
  course.cap("M", {"U1"}, "P");
  EXPECT_EQ(grade(course, Record().units({"U1", "U2", "U3", "U4", "U5"}, "P")), "P");
}
TEST(Cap, does_not_raise_the_grade_of_a_table_or_the_one_for_all_who_attain) {
  for (bool table : {false, true}) {
    Course course;
    course.unit("U1");
    course.cap("M", {"U1"}, "P");
    v1::Grading* grading = course.fact.mutable_grading();
    if (table) {
      grading->add_components("U1");
      grading->add_combinations()->add_unit_grades("P");
      grading->mutable_combinations(0)->set_grade("P");
    } else {
      grading->set_pass_grade("P");
    }
    EXPECT_EQ(grade(course, Record().unit("U1", "P")), "P") << (table ? "by table" : "pass");
  }
}

// ---- a result against the rules ----

Record merit() { return Record().unit("U1", "M").unit("U2", "M").unit("U3", "M").unit("U4", "P").unit("U5", "M"); }

TEST(ResultAgainstTheRules, that_agrees_is_no_obstacle) {
  Record record = merit().result("M");
  EXPECT_EQ(result_of(record, by_points()).rule, Rule::none);
}
TEST(ResultAgainstTheRules, that_is_too_high_is_held_and_explained) {
  Record record = merit().result("D");
  Obstacle obstacle = result_of(record, by_points());
  EXPECT_EQ(obstacle.rule, Rule::result_agrees);
  EXPECT_EQ(obstacle.step, v1::RESOLVE_DISAGREEMENT);
  EXPECT_EQ(obstacle.owner, v1::AWARDING_ORGANISATION);
  EXPECT_EQ(obstacle.reason, v1::L6);
  EXPECT_EQ(result_text(record.facts, by_points().made(), nullptr, Rule::result_agrees),
            "The result sent is not what the rules give by points. Correct the units or send the result anew; where it is to stand all the "
            "same, send it as amended.");
}
TEST(ResultAgainstTheRules, that_is_too_low_is_held_and_explained) {
  Record record = merit().result("P");
  EXPECT_EQ(result_of(record, by_points()).rule, Rule::result_agrees);
  std::string text = result_text(record.facts, by_points().made(), nullptr, Rule::result_agrees);
  EXPECT_EQ(text.substr(0, text.find('.')), "The result sent is not what the rules give by points");
}
TEST(ResultAgainstTheRules, that_a_hurdle_forbids_is_explained_by_it) {
  Course course = by_points();
  course.hurdle("D", {"U1", "U2"}, "M");
  Record record = Record().units({"U2", "U3", "U4", "U5"}, "D").unit("U1", "P").result("D");
  std::string text = result_text(record.facts, course.made(), nullptr, Rule::result_agrees);
  EXPECT_EQ(text.substr(0, text.find('.')), "The result sent is not what the rules give under the hurdle on all of U1 and U2");
}
TEST(ResultAgainstTheRules, that_a_cap_forbids_is_explained_by_it) {
  Course course = by_points();
  course.cap("M", {"U1"}, "P");
  Record record = Record().units({"U2", "U3", "U4", "U5"}, "D").unit("U1", "P").result("D");
  std::string text = result_text(record.facts, course.made(), nullptr, Rule::result_agrees);
  EXPECT_EQ(text.substr(0, text.find(" Correct")), "The result sent is not what the rules give under the cap on any unit with a low grade.");
}
TEST(ResultAgainstTheRules, that_was_amended_is_the_awarding_organisations_decision) {
  Record record = merit().result("D", ResultKind::amended);
  EXPECT_EQ(result_of(record, by_points()).rule, Rule::none);
}
TEST(ResultAgainstTheRules, is_not_checked_where_no_grading_is_known) {
  Course course;
  course.unit("U1");
  Record record = Record().unit("U1").result("D*");
  EXPECT_EQ(result_of(record, course).rule, Rule::none);
}

Outcome outcome(const Course& course, const Record& record) {
  Qualification qualification = course.made();
  return outcome_of(record.facts, qualification, attain(record.facts, qualification));
}
Course computed() {
  Course course = by_points();
  course.fact.set_determination(v1::DETERMINATION_COMPUTED);
  return course;
}

TEST(ComputedResult, is_the_grade_by_the_rules) {
  Outcome found = outcome(computed(), merit());
  EXPECT_EQ(found.kind, ResultKind::determined);
  EXPECT_EQ(found.grade.view(), "M");
  EXPECT_EQ(found.scale.view(), "overall");
}
TEST(ComputedResult, is_none_while_something_is_missing) { EXPECT_EQ(outcome(computed(), merit().not_yet("U3")).kind, ResultKind::none); }
TEST(ComputedResult, gives_way_to_an_amended_one) {
  Outcome found = outcome(computed(), merit().result("D", ResultKind::amended));
  EXPECT_EQ(found.kind, ResultKind::amended);
  EXPECT_EQ(found.grade.view(), "D");
}
TEST(ComputedResult, gives_way_to_a_revocation) { EXPECT_EQ(outcome(computed(), merit().result("", ResultKind::revoked)).kind, ResultKind::revoked); }
TEST(ComputedResult, goes_before_one_that_was_determined) { EXPECT_EQ(outcome(computed(), merit().result("D")).grade.view(), "M"); }
TEST(ExternalResult, is_what_was_sent) {
  EXPECT_EQ(outcome(by_points(), merit()).kind, ResultKind::none);
  EXPECT_EQ(outcome(by_points(), merit().result("M")).grade.view(), "M");
}

}  // namespace
}  // namespace vtq::test
