#include <gtest/gtest.h>

#include "daemon/kafka/own_name.h"

namespace vtq::kafka {
namespace {

constexpr TimeMs kWindow = 60'000;

TEST(OwnName, fenced_once_is_an_accident_and_twice_is_another_instance) {
  OwnName name(kWindow);
  EXPECT_FALSE(name.is_anothers(100'000, 0));
  EXPECT_TRUE(name.is_anothers(160'000, 0));
}
TEST(OwnName, fenced_again_after_long_is_an_accident_again) {
  OwnName name(kWindow);
  EXPECT_FALSE(name.is_anothers(100'000, 0));
  EXPECT_FALSE(name.is_anothers(160'001, 0));
}
TEST(OwnName, what_is_fenced_while_connections_break_may_have_been_this_instance) {
  OwnName name(kWindow);
  EXPECT_FALSE(name.is_anothers(100'000, 0));
  EXPECT_FALSE(name.is_anothers(110'000, 109'000));
  EXPECT_FALSE(name.is_anothers(130'000, 109'000));
}
TEST(OwnName, fenced_many_times_in_a_row_it_is_another_whatever_connections_do) {
  OwnName name(kWindow);
  for (TimeMs at = 100'000; at < 170'000; at += 10'000) EXPECT_FALSE(name.is_anothers(at, at)) << at;
  EXPECT_TRUE(name.is_anothers(170'000, 170'000));
}
TEST(OwnName, once_connections_hold_another_instance_is_found) {
  OwnName name(kWindow);
  EXPECT_FALSE(name.is_anothers(100'000, 99'000));
  EXPECT_FALSE(name.is_anothers(159'000, 99'000));
  EXPECT_TRUE(name.is_anothers(159'001, 99'000));
}

}  // namespace
}  // namespace vtq::kafka
