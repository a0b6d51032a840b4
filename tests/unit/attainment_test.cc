// When a unit is achieved: learning outcomes, decisions for the unit as a whole, grades, prior learning; and what is said of what is
// missing.
#include <random>

#include "tests/support/course.h"

namespace vtq::test {
namespace {

/// One mandatory unit with learning outcomes LO1 to LO4.
Course with_outcomes() {
  Course course;
  v1::Unit& unit = course.unit("U2");
  for (const char* outcome : {"LO1", "LO2", "LO3", "LO4"}) unit.add_learning_outcomes(outcome);
  return course;
}

bool attained(const Course& course, const Record& record) { return attain(record.facts, course.made()).eligible(); }

// ---- learning outcomes ----

TEST(LearningOutcomes, all_achieved_achieve_the_unit) {
  EXPECT_TRUE(attained(with_outcomes(), Record().outcome("U2", "LO1").outcome("U2", "LO2").outcome("U2", "LO3").outcome("U2", "LO4")));
}
TEST(LearningOutcomes, all_but_one_do_not) {
  Record record = Record().outcome("U2", "LO1").outcome("U2", "LO2").outcome("U2", "LO3");
  EXPECT_FALSE(attained(with_outcomes(), record));
  EXPECT_EQ(attain(record.facts, with_outcomes().made()).outstanding_units, 1);
  EXPECT_EQ(missing_lines(with_outcomes(), record), "learning-outcome|U2|Unit U2: learning outcome LO4 is not yet achieved.\n");
}
TEST(LearningOutcomes, that_are_missing_are_named_in_the_order_of_the_unit) {
  EXPECT_EQ(missing_lines(with_outcomes(), Record().outcome("U2", "LO3").outcome("U2", "LO2")),
            "learning-outcome|U2|Unit U2: learning outcomes LO1 and LO4 are not yet achieved.\n");
}
TEST(LearningOutcomes, none_achieved_are_not_listed_one_by_one) {
  EXPECT_EQ(missing_lines(with_outcomes(), Record()), "unit-mandatory|U2|Unit U2 is not yet achieved: none of its 4 learning outcomes is.\n");
}
TEST(LearningOutcomes, not_yet_achieved_is_no_fail) {
  Record record = Record().outcome("U2", "LO1", false).outcome("U2", "LO2").outcome("U2", "LO3").outcome("U2", "LO4");
  EXPECT_FALSE(attained(with_outcomes(), record));
  EXPECT_TRUE(attained(with_outcomes(), record.outcome("U2", "LO1")));
}
TEST(LearningOutcomes, achieved_are_lost_when_found_not_yet_achieved_later) {
  Record record = Record().outcome("U2", "LO1").outcome("U2", "LO2").outcome("U2", "LO3").outcome("U2", "LO4").outcome("U2", "LO2", false);
  EXPECT_FALSE(attained(with_outcomes(), record));
}
TEST(LearningOutcomes, are_all_spoken_for_by_the_unit_as_a_whole) { EXPECT_TRUE(attained(with_outcomes(), Record().unit("U2"))); }
TEST(LearningOutcomes, found_not_yet_achieved_after_the_unit_was_achieved_are_missing) {
  Record record = Record().unit("U2").outcome("U2", "LO3", false);
  EXPECT_EQ(missing_lines(with_outcomes(), record), "learning-outcome|U2|Unit U2: learning outcome LO3 is not yet achieved.\n");
}
TEST(LearningOutcomes, found_not_yet_achieved_before_the_unit_was_achieved_are_not) {
  EXPECT_TRUE(attained(with_outcomes(), Record().outcome("U2", "LO3", false).unit("U2")));
}
TEST(LearningOutcomes, are_all_taken_back_by_the_unit_as_a_whole) {
  Record record = Record().outcome("U2", "LO1").outcome("U2", "LO2").outcome("U2", "LO3").outcome("U2", "LO4").not_yet("U2");
  EXPECT_FALSE(attained(with_outcomes(), record));
  EXPECT_FALSE(attained(with_outcomes(), record.outcome("U2", "LO1").outcome("U2", "LO2").outcome("U2", "LO3")));
  EXPECT_TRUE(attained(with_outcomes(), record.outcome("U2", "LO4")));
}
TEST(LearningOutcomes, that_the_unit_does_not_list_do_not_count) {
  EXPECT_FALSE(attained(with_outcomes(), Record().outcome("U2", "LO5").outcome("U2", "LO1").outcome("U2", "LO2").outcome("U2", "LO3")));
}
TEST(LearningOutcomes, of_a_unit_that_lists_none_achieve_nothing) {
  Course course;
  course.unit("U1");
  EXPECT_FALSE(attained(course, Record().outcome("U1", "LO1")));
}
TEST(LearningOutcomes, missing_are_not_made_up_for_by_another_unit) {
  Course course = with_outcomes();
  course.unit("U3");
  EXPECT_FALSE(attained(course, Record().unit("U3", "D").outcome("U2", "LO1").outcome("U2", "LO2").outcome("U2", "LO3")));
}
TEST(LearningOutcomes, of_prior_learning_need_not_be_recorded) { EXPECT_TRUE(attained(with_outcomes(), Record().recognised("U2"))); }
TEST(LearningOutcomes, leave_the_grade_of_an_earlier_not_yet_behind) {
  Record record = Record().not_yet("U2", "U");
  for (const char* outcome : {"LO1", "LO2", "LO3", "LO4"}) record.outcome("U2", outcome);
  EXPECT_TRUE(attained(with_outcomes(), record));
}
TEST(LearningOutcomes, leave_the_grade_of_a_not_yet_where_one_of_them_still_stands_by_it) {
  Qualification made = with_outcomes().made();
  Record record = Record().not_yet("U2", "U").outcome("U2", "LO1").outcome("U2", "LO2");
  EXPECT_EQ(standings_of(record.facts, made).grade[0], short_hash("U"));
  record.outcome("U2", "LO3").outcome("U2", "LO4");
  EXPECT_EQ(standings_of(record.facts, made).grade[0], 0u);
}
TEST(LearningOutcomes, complete_the_evidence_when_the_last_was_achieved) {
  Record record = Record().outcome("U2", "LO1").outcome("U2", "LO2").outcome("U2", "LO4").outcome("U2", "LO3");
  EXPECT_EQ(evidence_complete_at(record.facts, with_outcomes().made()), 1'004);
}

/// The unit worked out outcome by outcome from a list of decisions, the latest of an outcome or of the whole unit holding.
bool achieved_by_replay(const std::vector<std::pair<int, bool>>& decisions, int outcomes) {
  std::vector<bool> standing(static_cast<std::size_t>(outcomes), false);
  for (auto [outcome, achieved] : decisions)
    for (int at = 0; at < outcomes; ++at)
      if (outcome < 0 || outcome == at) standing[static_cast<std::size_t>(at)] = achieved;
  return std::find(standing.begin(), standing.end(), false) == standing.end();
}

TEST(LearningOutcomes, stand_as_if_all_decisions_were_replayed_in_order) {
  std::mt19937 random(11);
  int achieved = 0;
  for (int round = 0; round < 5'000; ++round) {
    Course course;
    v1::Unit& unit = course.unit("U1");
    int outcomes = 1 + static_cast<int>(random() % 4);
    for (int at = 0; at < outcomes; ++at) unit.add_learning_outcomes("LO" + std::to_string(at));
    std::vector<std::pair<int, bool>> decisions;
    Record record;
    for (std::size_t count = random() % 12; count > 0; --count) {
      int outcome = static_cast<int>(random() % static_cast<unsigned>(outcomes + 1)) - 1;
      bool met = random() % 4 != 0;
      decisions.emplace_back(outcome, met);
      if (outcome >= 0)
        record.outcome("U1", "LO" + std::to_string(outcome), met);
      else if (met)
        record.unit("U1");
      else
        record.not_yet("U1");
    }
    bool expected = achieved_by_replay(decisions, outcomes);
    ASSERT_EQ(attained(course, record), expected) << "round " << round;
    achieved += expected;
  }
  EXPECT_GT(achieved, 1'000);
}

// ---- grades of units ----

struct GradeCase {
  const char* minimum;
  const char* grade;
  bool counts;
  const char* missing;
};
std::ostream& operator<<(std::ostream& out, const GradeCase& one) { return out << "from '" << one.minimum << "' with '" << one.grade << "'"; }
class UnitGrade : public testing::TestWithParam<GradeCase> {};
TEST_P(UnitGrade, counts_from_the_units_minimum_on) {
  Course course;
  course.unit("U1").set_minimum_grade(GetParam().minimum);
  Record record = Record().unit("U1", GetParam().grade);
  EXPECT_EQ(attained(course, record), GetParam().counts);
  std::string text = missing_lines(course, record);
  EXPECT_EQ(text, GetParam().counts ? "" : "unit-mandatory|U1|Unit U1: " + std::string(GetParam().missing) + "\n");
}
INSTANTIATE_TEST_SUITE_P(Attainment, UnitGrade,
                         testing::Values(GradeCase{"", "P", true, ""}, GradeCase{"", "N", false, "the grade recorded does not count as achieved."},
                                         GradeCase{"", "U", false, "the grade recorded does not count as achieved."}, GradeCase{"", "", true, ""},
                                         GradeCase{"M", "M", true, ""}, GradeCase{"M", "D", true, ""},
                                         GradeCase{"M", "P", false, "the grade recorded is below the lowest that the qualification takes for it."},
                                         GradeCase{"M", "", false,
                                                   "no grade is recorded; send one of at least the lowest that the qualification takes for it."},
                                         GradeCase{"N", "N", true, ""},
                                         GradeCase{"N", "U", false, "the grade recorded is below the lowest that the qualification takes for it."}));

TEST(UnitGrade, is_read_on_the_units_own_scale) {
  Course course;
  course.scales["core"] = scale_of("core", {"A*", "A", "|", "U"});
  course.unit("U1").set_grading_scale("core");
  EXPECT_TRUE(attained(course, Record().unit("U1", "A")));
  EXPECT_FALSE(attained(course, Record().unit("U1", "U")));
}
TEST(UnitGrade, not_yet_achieved_does_not_count_however_good) {
  Course course;
  course.unit("U1");
  EXPECT_FALSE(attained(course, Record().not_yet("U1", "D")));
}

// ---- prior learning, calculated units ----

TEST(PriorLearning, achieves_a_unit_with_a_minimum_grade_without_one) {
  Course course;
  course.unit("U1").set_minimum_grade("M");
  EXPECT_TRUE(attained(course, Record().recognised("U1")));
}
TEST(PriorLearning, is_not_taken_away_by_a_later_mark) {
  Course course;
  course.unit("U1");
  EXPECT_TRUE(attained(course, Record().recognised("U1").unit("U1", "U")));
}
TEST(PriorLearning, brings_its_grade_along) {
  Course course;
  course.unit("U1");
  Standings standings = standings_of(Record().recognised("U1", "M").facts, course.made());
  EXPECT_EQ(standings.grade[0], short_hash("M"));
}
TEST(PriorLearning, and_an_assessment_of_ones_own_give_the_better_grade) {
  Course course;
  course.unit("U1");
  EXPECT_EQ(standings_of(Record().recognised("U1", "M").unit("U1", "D").facts, course.made()).grade[0], short_hash("D"));
  EXPECT_EQ(standings_of(Record().recognised("U1", "M").unit("U1", "P").facts, course.made()).grade[0], short_hash("M"));
}

TEST(CalculatedUnit, counts_as_achieved_with_its_grade) {
  Course course;
  course.unit("U1");
  CalculatedUnits calculated{{short_hash("U1"), short_hash("P"), 1'700}};
  Record record;
  EXPECT_FALSE(attained(course, record));
  EXPECT_TRUE(attain(record.facts, course.made(), &calculated).achieved);
  EXPECT_TRUE(standings_of(record.facts, course.made(), &calculated).calculated[0]);
  EXPECT_EQ(evidence_complete_at(record.facts, course.made(), &calculated), 1'700);
}
TEST(CalculatedUnit, does_not_replace_what_was_achieved) {
  Course course;
  course.unit("U1");
  CalculatedUnits calculated{{short_hash("U1"), short_hash("P"), 1'700}};
  Standings standings = standings_of(Record().unit("U1", "D").facts, course.made(), &calculated);
  EXPECT_EQ(standings.grade[0], short_hash("D"));
  EXPECT_FALSE(standings.calculated[0]);
}

}  // namespace
}  // namespace vtq::test
