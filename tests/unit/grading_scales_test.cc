// The grading scales that ship as reference data: every line passes the check, grades stand from the highest, near passes and indicators
// do not count as achieved.
#include <fstream>

#include "tests/support/season.h"
#include "tests/support/test_data.h"

namespace vtq::test {
namespace {

std::map<std::string, GradingScale> shipped() {
  std::map<std::string, GradingScale> scales;
  std::ifstream file(test_data() + "/../../deploy/reference/grading_scales.jsonl");
  for (std::string line; std::getline(file, line);) {
    v1::Event event = event_from(line);
    Result<Address> address = check(event);
    EXPECT_TRUE(address.has_value()) << line;
    EXPECT_TRUE(event.has_grading_scale_defined()) << line;
    bool fresh = scales.emplace(event.grading_scale_defined().name(), make_scale(event.grading_scale_defined())).second;
    EXPECT_TRUE(fresh) << line;
  }
  return scales;
}

/// Grades from the highest, then `|`, then those that do not count as achieved.
std::string grades(const GradingScale& scale) {
  std::string text;
  bool achieved = true;
  for (const auto& grade : scale.grades) {
    if (!grade.achieved && std::exchange(achieved, false)) text += "| ";
    EXPECT_EQ(grade.achieved, achieved) << "a grade that counts below one that does not";
    text += grade.value.str() + " ";
  }
  text.pop_back();
  return text;
}

TEST(ShippedScales, are_those_of_the_field) {
  const std::map<std::string, std::string> expected = {
      {"btec-unit", "D M P T | N U"},
      {"btec-overall-single", "D* D M P | U X Q #"},
      {"btec-overall-double", "D*D* D*D DD DM MM MP PP | U X Q #"},
      {"btec-overall-triple", "D*D*D* D*D*D D*DD DDD DDM DMM MMM MMP MPP PPP | U X Q #"},
      {"tech-award", "L2D* L2D L2M L2P L1D L1M L1P | U X Q #"},
      {"cambridge-technical-unit", "D M P | R U"},
      {"cambridge-technical-overall", "D* D M P | U X Q #"},
      {"cambridge-technical-overall-double", "D*D* D*D DD DM MM MP PP | U X Q #"},
      {"t-level-core", "A* A B C D E | Unclassified X Q #"},
      {"t-level-specialism", "Distinction Merit Pass | Unclassified X Q #"},
      {"t-level-overall", "Distinction* Distinction Merit Pass | Partial achievement Unclassified X Q #"},
      {"caslo", "Pass | Not yet achieved X Q #"}};
  std::map<std::string, std::string> found;
  for (const auto& [name, scale] : shipped()) found[name] = grades(scale);
  EXPECT_EQ(found, expected);
}

TEST(ShippedScales, near_passes_do_not_achieve) {
  auto scales = shipped();
  EXPECT_FALSE(scales.at("btec-unit").achieves(short_hash("N")));
  EXPECT_TRUE(scales.at("btec-unit").achieves(short_hash("P")));
  EXPECT_FALSE(scales.at("cambridge-technical-unit").achieves(short_hash("R")));
}

}  // namespace
}  // namespace vtq::test
