// The sample for a visit: how many, which, and why.
#include "pipeline/rules/sampling.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace vtq {
namespace {

TEST(SampleSize, is_the_larger_of_ten_learners_and_a_fifth_and_never_more_than_there_are) {
  struct Case {
    std::size_t learners, size;
  };
  for (auto [learners, size] : {Case{0, 0}, Case{1, 1}, Case{9, 9}, Case{10, 10}, Case{11, 10}, Case{50, 10}, Case{51, 11}, Case{55, 11},
                                Case{56, 12}, Case{100, 20}, Case{1001, 201}})
    EXPECT_EQ(sample_size(learners, 10, 20), size) << learners;
  EXPECT_EQ(sample_size(40, 0, 0), 0u);
  EXPECT_EQ(sample_size(40, 0, 100), 40u);
}

TEST(Sample, says_of_each_learner_what_they_are_the_first_of) {
  std::vector<Candidate> learners = {{"2023-08", "L1", {"assessor A-17", "observation", "cohort 2022-A"}},
                                     {"2023-08", "L2", {"assessor A-17", "observation", "cohort 2022-A"}},
                                     {"2023-08", "L3", {"assessor A-18", "cohort 2022-A"}}};
  std::vector<Sampled> sample = draw_sample(learners, 3, 1);
  ASSERT_EQ(sample.size(), 3u);
  // Which of the two alike comes first is a matter of the seed.
  std::multiset<std::string> reasons;
  for (const Sampled& one : sample) reasons.insert(one.reason);
  EXPECT_EQ(reasons, (std::multiset<std::string>{"first of assessor A-17; observation; cohort 2022-A", "first of assessor A-18", "drawn at random"}));
  EXPECT_EQ(sample[2].reason, "first of assessor A-18");
}

TEST(Sample, is_the_one_that_this_seed_always_gave) {
  std::vector<Candidate> learners;
  for (int at = 0; at < 8; ++at) learners.push_back({"2023-08", "L" + std::to_string(at), {}});
  auto drawn = [&](std::uint64_t seed) {
    std::string names;
    for (const Sampled& one : draw_sample(learners, 3, seed)) names += one.learner + " ";
    return names;
  };
  std::set<std::string> different;
  for (std::uint64_t seed = 0; seed < 50; ++seed) different.insert(drawn(seed));
  EXPECT_GT(different.size(), 20u);
  EXPECT_EQ(drawn(42), "L1 L3 L6 ");
}

std::vector<Candidate> any_learners(std::mt19937_64& random) {
  std::vector<Candidate> learners(random() % 120);
  std::size_t assessors = 1 + random() % 8, cohorts = 1 + random() % 5;
  for (std::size_t at = 0; at < learners.size(); ++at) {
    std::set<std::string> traits = {"cohort " + std::to_string(random() % cohorts)};
    for (std::uint64_t units = random() % 6; units > 0; --units) {
      traits.insert("unit " + std::to_string(random() % 8));
      traits.insert("assessor " + std::to_string(random() % assessors));
      if (random() % 2) traits.insert("method " + std::to_string(random() % 7));
    }
    learners[at] = {random() % 2 ? "2023-08" : "2024-08", "L" + std::to_string(at), {traits.begin(), traits.end()}};
  }
  return learners;
}

TEST(Sample, of_any_learners_has_its_size_covers_all_it_can_and_is_reproducible) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 500; ++round) {
    std::vector<Candidate> learners = any_learners(random);
    std::size_t size = sample_size(learners.size(), 10, 20);
    std::uint64_t seed = random();
    std::vector<Sampled> sample = draw_sample(learners, size, seed);
    ASSERT_EQ(sample.size(), size);

    std::set<std::string> names, all, covered;
    std::size_t at_random = 0;
    for (const Candidate& one : learners) all.insert(one.traits.begin(), one.traits.end());
    for (const Sampled& one : sample) {
      EXPECT_TRUE(names.insert(one.series + one.learner).second) << "drawn twice";
      auto at = std::find_if(learners.begin(), learners.end(),
                             [&](const Candidate& held) { return held.series == one.series && held.learner == one.learner; });
      ASSERT_NE(at, learners.end());
      covered.insert(at->traits.begin(), at->traits.end());
      at_random += one.reason == "drawn at random";
    }
    // Nobody is drawn at random as long as something is not covered that somebody could bring.
    EXPECT_TRUE(at_random == 0 || covered == all);

    std::shuffle(learners.begin(), learners.end(), random);
    EXPECT_EQ(draw_sample(learners, size, seed), sample) << "depends on the order";
  }
}

}  // namespace
}  // namespace vtq
