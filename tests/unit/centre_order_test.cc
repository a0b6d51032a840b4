#include <gtest/gtest.h>

#include <random>

#include "pipeline/run/partition.h"

namespace vtq::test {
namespace {

TEST(CentreOrder, of_entries_is_that_of_their_keys_whenever_they_came) {
  std::mt19937_64 random(4);
  for (int times = 0; times < 100; ++times) {
    Centre centre;
    std::set<EntryKey> keys;
    for (int step = 0; step < 60; ++step) {
      EntryKey key{QualificationId{static_cast<std::uint32_t>(random() % 3)}, SeriesId{static_cast<std::uint16_t>(random() % 2)},
                   "L" + std::to_string(random() % 40)};
      if (keys.insert(key).second) centre.add(key);
      if (random() % 4) continue;
      std::vector<EntryKey> in_order;
      for (const Entry* entry : centre.by_key()) in_order.push_back(entry->key);
      ASSERT_EQ(in_order, std::vector<EntryKey>(keys.begin(), keys.end()));
      for (const Entry* entry : centre.by_key()) ASSERT_EQ(centre.find(entry->key), entry);
    }
  }
}
TEST(CentreOrder, is_forgotten_with_the_entries) {
  Centre centre;
  centre.add({QualificationId{1}, SeriesId{1}, "L1"});
  ASSERT_EQ(centre.by_key().size(), 1u);
  centre.unload();
  EXPECT_TRUE(centre.by_key().empty());
  centre.add({QualificationId{1}, SeriesId{1}, "L2"});
  ASSERT_EQ(centre.by_key().size(), 1u);
  EXPECT_EQ(centre.by_key().front()->key.learner, "L2");
}

}  // namespace
}  // namespace vtq::test
