// How far an instance has read the reference data, and when it has to read them again.
#include "daemon/kafka/reference_reading.h"

#include <gtest/gtest.h>

namespace vtq::kafka {
namespace {

/// Reads the record as a cycle does.
void read(ReferenceReading& reading, std::int64_t offset, bool working) {
  reading.processed(offset, working);
  reading.read(offset);
}

TEST(ReferenceReading, a_record_that_changes_nothing_is_read_and_not_committed) {
  ReferenceReading reading;
  reading.go_back(5);
  reading.read(5);
  EXPECT_TRUE(reading.has_read(6));
  EXPECT_FALSE(reading.has_read(7));
  EXPECT_FALSE(reading.moved());
  EXPECT_EQ(reading.next(), 5);
  read(reading, 6, true);
  EXPECT_TRUE(reading.moved());
  EXPECT_EQ(reading.next(), 7);
  reading.committed();
  EXPECT_FALSE(reading.moved());
}

TEST(ReferenceReading, what_is_read_again_takes_nothing_back) {
  ReferenceReading reading;
  reading.go_back(5);
  read(reading, 8, true);
  read(reading, 3, true);
  EXPECT_EQ(reading.next(), 9);
  EXPECT_TRUE(reading.has_read(9));
}

TEST(ReferenceReading, a_partition_that_was_committed_before_the_last_change_missed_it) {
  ReferenceReading reading;
  reading.go_back(5);
  EXPECT_FALSE(reading.is_ahead_of(5));
  EXPECT_TRUE(reading.is_ahead_of(4));
}

TEST(ReferenceReading, whoever_gets_partition_0_answers_for_what_nobody_answered_for) {
  ReferenceReading reading;
  reading.go_back(5);
  read(reading, 9, false);
  EXPECT_EQ(reading.answer_from(7), 7);
  EXPECT_EQ(reading.answered(), 7);
  read(reading, 7, true);
  EXPECT_EQ(reading.answered(), 8);
  EXPECT_EQ(reading.answer_from(10), std::nullopt);
}

TEST(ReferenceReading, after_an_abort_it_goes_on_from_what_is_committed_and_answered_for) {
  ReferenceReading reading;
  reading.go_back(5);
  read(reading, 9, true);
  reading.go_back(6);
  EXPECT_FALSE(reading.moved());
  EXPECT_FALSE(reading.has_read(7));
  EXPECT_EQ(reading.go_on_from(std::nullopt), 6);
  EXPECT_EQ(reading.go_on_from(4), 4);
  EXPECT_EQ(reading.go_on_from(8), 6);
  EXPECT_EQ(reading.answered(), 8);
}

TEST(ReferenceReading, a_record_that_seemed_to_be_from_the_future_is_read_again_once_it_can_be_believed) {
  ReferenceReading reading;
  reading.go_back(0);
  reading.pass_over(4, 2000);
  reading.pass_over(2, 3000);
  for (std::int64_t offset = 0; offset < 6; ++offset) read(reading, offset, false);
  EXPECT_EQ(reading.next(), 0);  // also after the next start
  EXPECT_EQ(reading.read_again(1999), std::nullopt);
  EXPECT_TRUE(reading.passed_over());
  EXPECT_EQ(reading.read_again(2000), 2);
  EXPECT_FALSE(reading.passed_over());
  EXPECT_FALSE(reading.has_read(3));
  EXPECT_EQ(reading.read_again(9000), std::nullopt);
}

TEST(ReferenceReading, what_is_from_the_future_by_a_right_clock_is_left_behind) {
  ReferenceReading reading;
  reading.go_back(0);
  reading.pass_over(0, 2000);
  read(reading, 0, false);
  reading.leave_passed_over();
  EXPECT_EQ(reading.next(), 1);
  read(reading, 1, true);
  EXPECT_EQ(reading.next(), 2);
}

}  // namespace
}  // namespace vtq::kafka
