// The partitions that an instance works on.
#include "daemon/kafka/own_partitions.h"

#include <gtest/gtest.h>

namespace vtq::kafka {
namespace {

constexpr std::uint32_t kPartitions = 4;

v1::PositionRecord position(std::int64_t changelog, std::int64_t answered = 0) {
  v1::PositionRecord made;
  made.set_changelog(changelog);
  made.mutable_commit()->set_answered(answered);
  return made;
}

TEST(OwnPartitions, a_partition_is_its_own_home_and_one_beyond_the_setting_has_one_that_works) {
  OwnPartitions own(kPartitions);
  own.put(2, position(1));
  own.put(3, position(1));
  EXPECT_EQ(own.home_of(3), 3u);
  EXPECT_EQ(own.home_of(kPartitions), 2u);
}

TEST(OwnPartitions, whoever_has_partition_0_answers_for_reference_data_from_where_it_left_off) {
  OwnPartitions own(kPartitions);
  own.put(1, position(1));
  EXPECT_FALSE(own.answer_for_reference(9));
  own.put(0, position(1, 7));
  EXPECT_FALSE(own.answer_for_reference(6));
  EXPECT_TRUE(own.answer_for_reference(7));
  own.give_up(0);
  EXPECT_FALSE(own.answer_for_reference(7));
}

TEST(OwnPartitions, a_commit_moves_the_changelog_and_nothing_that_a_later_cycle_moved) {
  OwnPartitions own(kPartitions);
  own.put(1, position(10, 5));
  own.committed({{1, position(20, 3)}, {2, position(20)}});
  EXPECT_EQ(own.positions().at(1).changelog(), 20);
  EXPECT_EQ(own.positions().at(1).commit().answered(), 5);
  EXPECT_FALSE(own.has(2));
}

TEST(OwnPartitions, the_group_lacks_offsets_until_a_commit_or_until_the_partition_goes) {
  OwnPartitions own(kPartitions);
  for (std::uint32_t partition : {1, 2, 3}) {
    own.put(partition, position(1));
    own.note_group_lacks(partition);
  }
  own.committed({{1, position(2)}});
  own.give_up(2);
  EXPECT_EQ(own.group_lacks(), std::set<std::uint32_t>{3});
}

}  // namespace
}  // namespace vtq::kafka
