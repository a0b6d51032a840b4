#include <gtest/gtest.h>

#include <random>

#include "tests/support/season.h"

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

// ---- how much stays in memory ----

struct InMemory {
  explicit InMemory(std::uint32_t partitions) : season(TimeSource::event, {}, partitions) {
    season.play(reference_data(), local("2022-09-01T09:00"));
  }

  void registers(const std::string& centre, int entries) {
    std::vector<v1::Event> events;
    for (int at = 0; at < entries; ++at)
      events.push_back(registered({.centre = centre, .learner = "L" + std::to_string(at)}, local("2023-02-01T09:00")));
    season.play(std::move(events), local("2023-02-01T09:00"));
  }
  std::size_t loaded() const {
    std::size_t sum = 0;
    for (const Partition* partition : season.pipeline->owned()) sum += partition->entries_loaded();
    return sum;
  }

  Season season;
};

TEST(InMemory, a_centre_larger_than_the_share_of_its_partition_stays_while_all_have_room) {
  InMemory memory(8);
  memory.registers("12345", 50);
  memory.season.pipeline->evict(50);
  EXPECT_EQ(memory.loaded(), 50u);
}
TEST(InMemory, the_centre_used_last_stays_though_it_is_too_large) {
  InMemory memory(8);
  memory.registers("12345", 50);
  memory.season.pipeline->evict(49);
  EXPECT_EQ(memory.loaded(), 50u) << "else it is read anew for every commit";
  memory.season.pipeline->evict(0);
  EXPECT_EQ(memory.loaded(), 0u);
}
TEST(InMemory, the_longest_unused_centre_goes_first) {
  InMemory memory(1);
  memory.registers("12345", 30);
  memory.registers("54321", 20);
  memory.season.pipeline->evict(49);
  EXPECT_EQ(memory.loaded(), 20u);
}

}  // namespace
}  // namespace vtq::test
