// T Levels: the overall grade follows from core and occupational specialism by the published tables (every row of them), partial
// achievement where not all is achieved. The tables are the Department for Education's (MIT licence).
#include <fstream>
#include <sstream>

#include "tests/support/course.h"
#include "tests/support/test_data.h"

namespace vtq::test {
namespace {

struct Row {
  std::string core, specialism, overall;
};
std::map<std::string, std::vector<Row>> published() {
  std::map<std::string, std::vector<Row>> tables;
  std::ifstream file(test_data() + "/tlevel_overall_grades.csv");
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    std::stringstream fields(line);
    std::string number;
    Row row;
    std::getline(fields, number, ',');
    std::getline(fields, row.core, ',');
    std::getline(fields, row.specialism, ',');
    std::getline(fields, row.overall, ',');
    while (!row.overall.empty() && row.overall.back() == '\r') row.overall.pop_back();
    tables[number].push_back(row);
  }
  return tables;
}

Course t_level(const std::string& number, const std::vector<Row>& rows) {
  Course course;
  course.fact.set_qualification(number);
  course.fact.set_determination(v1::DETERMINATION_COMPUTED);
  course.scales["overall"] = scale_of("overall", {"Distinction*", "Distinction", "Merit", "Pass", "|", "Partial achievement", "Unclassified"});
  course.scales["core"] = scale_of("core", {"A*", "A", "B", "C", "D", "E", "|", "Unclassified"});
  course.scales["specialism"] = scale_of("specialism", {"Distinction", "Merit", "Pass", "|", "Unclassified"});
  course.fact.clear_unit_grading_scale();
  course.unit("CORE", true, 0).set_grading_scale("core");
  course.unit("OS", true, 0).set_grading_scale("specialism");
  course.unit("IP", true, 0);
  auto* grading = course.fact.mutable_grading();
  grading->add_components("CORE");
  grading->add_components("OS");
  grading->set_partial_grade("Partial achievement");
  grading->set_unclassified_grade("Unclassified");
  for (const Row& row : rows) {
    auto* combination = grading->add_combinations();
    combination->add_unit_grades(row.core);
    combination->add_unit_grades(row.specialism);
    combination->set_grade(row.overall);
  }
  return course;
}
Course first_t_level() {
  auto tables = published();
  return t_level(tables.begin()->first, tables.begin()->second);
}

std::string grade(const Course& course, const Record& record) {
  Attainment found = attain(record.facts, course.made());
  return found.complete && !found.grade.empty() ? found.grade.str() : "none";
}

TEST(TLevel, every_published_row_is_computed) {
  std::size_t rows = 0;
  for (const auto& [number, table] : published()) {
    Course course = t_level(number, table);
    Qualification qualification = course.made();
    for (const Row& row : table) {
      Record record = Record().unit("CORE", row.core).unit("OS", row.specialism).unit("IP");
      Attainment found = attain(record.facts, qualification);
      ASSERT_EQ(found.grade.view(), row.overall) << number << " " << row.core << " " << row.specialism;
      ASSERT_TRUE(found.achieved && found.complete);
      ASSERT_EQ(outcome_of(record.facts, qualification, found).grade.view(), row.overall);
      ++rows;
    }
  }
  EXPECT_EQ(rows, 450u);
}

TEST(TLevel, every_published_row_is_what_a_result_sent_is_held_to) {
  for (const auto& [number, table] : published()) {
    Course course = t_level(number, table);
    course.fact.set_determination(v1::DETERMINATION_EXTERNAL);
    Qualification qualification = course.made();
    for (const Row& row : table) {
      for (const char* sent : {"Distinction*", "Distinction", "Merit", "Pass", "Partial achievement", "Unclassified"}) {
        Record record = Record().unit("CORE", row.core).unit("OS", row.specialism).unit("IP").result(sent);
        Attainment found = attain(record.facts, qualification);
        bool agrees = result_obstacle(record.facts, qualification, found).rule == Rule::none;
        ASSERT_EQ(agrees, sent == row.overall) << number << " " << row.core << " " << row.specialism << " " << sent;
      }
    }
  }
}

TEST(TLevel, a_disagreement_names_the_components_but_no_grade) {
  Record record = Record().unit("CORE", "A").unit("OS", "Merit").unit("IP").result("Merit");
  EXPECT_EQ(result_text(record.facts, first_t_level().made(), nullptr, Rule::result_agrees),
            "The result sent is not what the rules give by the table of CORE and OS. Correct the units or send the result anew; where it is "
            "to stand all the same, send it as amended.");
}

struct PartCase {
  const char* name;
  const char* core;
  const char* specialism;
  bool placement;
  const char* overall;
};
class TLevelParts : public testing::TestWithParam<PartCase> {};
TEST_P(TLevelParts, lead_to_the_overall_grade) {
  Record record = Record().unit("CORE", GetParam().core).unit("OS", GetParam().specialism);
  GetParam().placement ? record.unit("IP") : record.not_yet("IP");
  EXPECT_EQ(grade(first_t_level(), record), GetParam().overall);
}
INSTANTIATE_TEST_SUITE_P(TLevel, TLevelParts,
                         testing::Values(PartCase{"all_achieved", "E", "Pass", true, "Pass"},
                                         PartCase{"core_not_achieved", "Unclassified", "Distinction", true, "Partial achievement"},
                                         PartCase{"specialism_not_achieved", "A*", "Unclassified", true, "Partial achievement"},
                                         PartCase{"placement_not_achieved", "A*", "Distinction", false, "Partial achievement"},
                                         PartCase{"nothing_but_the_placement", "Unclassified", "Unclassified", true, "Unclassified"},
                                         PartCase{"nothing", "Unclassified", "Unclassified", false, "Unclassified"}),
                         [](const auto& instance) { return std::string(instance.param.name); });

class TLevelIndicators : public testing::TestWithParam<const char*> {};
TEST_P(TLevelIndicators, are_no_decision) {
  Course course = first_t_level();
  EXPECT_EQ(grade(course, Record().unit("CORE", "A").not_yet("OS", GetParam()).unit("IP")), "none");
  EXPECT_EQ(grade(course, Record().not_yet("CORE", GetParam()).not_yet("OS", GetParam()).unit("IP")), "none");
  EXPECT_EQ(grade(course, Record().unit("CORE", "A").not_yet("OS", "Unclassified").unit("IP")), "Partial achievement");
}
INSTANTIATE_TEST_SUITE_P(TLevel, TLevelIndicators, testing::Values("X", "Q", "#"),
                         [](const auto& instance) { return std::string(*instance.param == '#' ? "partial_absence" : instance.param); });

TEST(TLevelParts, partial_achievement_is_a_result_although_not_all_is_achieved) {
  Record record = Record().unit("CORE", "A").unit("OS", "Unclassified").unit("IP");
  Attainment found = attain(record.facts, first_t_level().made());
  EXPECT_TRUE(found.complete);
  EXPECT_FALSE(found.achieved);
  EXPECT_EQ(found.outstanding_units, 0);
  EXPECT_EQ(missing_lines(first_t_level(), record), "component|OS|Component OS is not achieved.\n");
}
TEST(TLevelParts, a_component_without_a_decision_leaves_no_result) {
  Record record = Record().unit("CORE", "A").unit("IP");
  EXPECT_EQ(grade(first_t_level(), record), "none");
  EXPECT_EQ(attain(record.facts, first_t_level().made()).outstanding_units, 1);
  EXPECT_EQ(missing_lines(first_t_level(), record), "component|OS|Component OS: no grade is recorded yet.\n");
}
TEST(TLevelParts, a_placement_without_a_decision_leaves_no_result) {
  Record record = Record().unit("CORE", "A").unit("OS", "Merit");
  EXPECT_EQ(grade(first_t_level(), record), "none");
  EXPECT_EQ(missing_lines(first_t_level(), record), "unit-mandatory|IP|Unit IP is not yet achieved.\n");
}
TEST(TLevelParts, grades_that_the_table_lacks_leave_no_result_and_say_so) {
  Course course = first_t_level();
  course.fact.mutable_grading()->mutable_combinations()->RemoveLast();
  Record record = Record().unit("CORE", "E").unit("OS", "Pass").unit("IP");
  EXPECT_EQ(grade(course, record), "none");
  EXPECT_EQ(missing_lines(course, record),
            "component||No result by the table of CORE and OS: it has no row for what is recorded; send the qualification with it.\n");
}
TEST(TLevelParts, evidence_is_complete_with_the_last_decision) {
  Record record = Record().unit("CORE", "A").unit("OS", "Unclassified").unit("IP");
  EXPECT_EQ(evidence_complete_at(record.facts, first_t_level().made()), 1'003);
}

}  // namespace
}  // namespace vtq::test
