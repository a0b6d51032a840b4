// Words: short texts that entries share with the grading scales that define them.
#include "pipeline/base/word.h"

#include "tests/support/season.h"

namespace vtq::test {
namespace {

TEST(Word, is_what_it_says) {
  EXPECT_EQ(Word("Merit"), Word("Merit"));
  EXPECT_NE(Word("Merit"), Word("Pass"));
  EXPECT_EQ(Word("Merit"), "Merit");
  EXPECT_TRUE(Word("").empty());
  EXPECT_EQ(Word(""), Word());
}
TEST(Word, outlives_the_one_that_it_was_copied_from) {
  Word copy;
  {
    Word first(std::string(100, 'x'));
    copy = first;
    EXPECT_EQ(copy.view().data(), first.view().data());
  }
  EXPECT_EQ(copy.str(), std::string(100, 'x'));
}

/// Where the texts of the entry's result lie, and those of the qualification's scale.
void expect_shared(Season& season) {
  const Entry& entry = *season.entry({});
  const GradingScale& scale = *season.pipeline->reference().qualification(entry.key.qualification)->scale;
  EXPECT_EQ(entry.facts.result_scale.view().data(), scale.name.view().data());
  EXPECT_EQ(entry.facts.result_grade.view().data(), scale.grades.at(1).value.view().data());
}

TEST(Word, of_an_entry_is_that_of_its_scale_when_merged_and_when_read_again) {
  StartedSeason season;
  TimeMs now = local("2023-06-20T09:00");
  season.play({registered({}, now), determined({}, now, "Merit", "pass")}, now);
  expect_shared(season);
  season.pipeline = std::make_unique<Pipeline>(season.policy, TimeSource::wall, 2, season.store, season.outputs);
  season.pipeline->restore();
  expect_shared(season);
}

}  // namespace
}  // namespace vtq::test
