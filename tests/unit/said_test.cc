// Who said a fact: the order of ids as people count, and the packed records of an entry.
#include "pipeline/facts/said.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace vtq::test {
namespace {

// ---- as people count ----

TEST(CountedOrder, runs_of_digits_go_by_their_number) {
  EXPECT_TRUE(compare_as_counted("row-9", "row-10") < 0);
  EXPECT_TRUE(compare_as_counted("2-row", "10-row") < 0);
  EXPECT_TRUE(compare_as_counted("a1b2", "a1b10") < 0);
  EXPECT_TRUE(compare_as_counted("row-100", "row-99") > 0);
}
TEST(CountedOrder, numbers_larger_than_any_integer_type_still_count) {
  EXPECT_TRUE(compare_as_counted("99999999999999999999999999999999999998", "99999999999999999999999999999999999999") < 0);
  EXPECT_TRUE(compare_as_counted("99999999999999999999999999999999999999", "100000000000000000000000000000000000000") < 0);
}
TEST(CountedOrder, all_else_goes_by_bytes) {
  EXPECT_TRUE(compare_as_counted("row-", "row-1") < 0);
  EXPECT_TRUE(compare_as_counted("", "0") < 0);
  EXPECT_TRUE(compare_as_counted("Row", "row") < 0);
  EXPECT_TRUE(compare_as_counted("row-1", "row:1") < 0);
}
TEST(CountedOrder, leading_zeros_do_not_make_two_ids_one) {
  EXPECT_TRUE(compare_as_counted("row-9", "row-09") != 0);
  EXPECT_TRUE(compare_as_counted("row-09", "row-10") < 0);
  EXPECT_TRUE(compare_as_counted("row-09", "row-09") == 0);
}
TEST(CountedOrder, is_total_over_any_texts) {
  std::mt19937_64 random(7);
  auto any = [&] {
    std::string text;
    for (std::uint64_t left = random() % 7; left > 0; --left) text += "0019-a~"[random() % 7];
    return text;
  };
  for (int times = 0; times < 20'000; ++times) {
    std::string a = any(), b = any(), c = any();
    ASSERT_EQ(compare_as_counted(a, b) == 0, a == b) << a << " " << b;
    ASSERT_EQ(compare_as_counted(a, b) < 0, compare_as_counted(b, a) > 0) << a << " " << b;
    if (compare_as_counted(a, b) < 0 && compare_as_counted(b, c) < 0) {
      ASSERT_TRUE(compare_as_counted(a, c) < 0) << a << " " << b << " " << c;
    }
  }
}

// ---- what decides at one moment ----

TEST(Turn, of_two_sources_their_names_decide_whatever_else_they_say) {
  Order order = compare({"a", 9, "9"}, {"b", 1, "1"});
  EXPECT_TRUE(order.order < 0);
  EXPECT_EQ(order.by, DecidedBy::source);
}
TEST(Turn, of_one_source_the_sequence_decides_before_the_id) {
  Order order = compare({"a", 10, "row-1"}, {"a", 9, "row-2"});
  EXPECT_TRUE(order.order > 0);
  EXPECT_EQ(order.by, DecidedBy::sequence);
}
TEST(Turn, an_event_without_a_sequence_goes_before_those_with_one) {
  Order order = compare({"a", std::nullopt, "row-2"}, {"a", 0, "row-1"});
  EXPECT_TRUE(order.order < 0);
  EXPECT_EQ(order.by, DecidedBy::sequence);
}
TEST(Turn, without_sequences_the_id_decides) {
  Order order = compare({"a", std::nullopt, "row-9"}, {"a", std::nullopt, "row-10"});
  EXPECT_TRUE(order.order < 0);
  EXPECT_EQ(order.by, DecidedBy::id);
}
TEST(Turn, with_all_of_it_the_same_only_content_is_left) {
  Order order = compare({"a", 1, "row-9"}, {"a", 1, "row-9"});
  EXPECT_TRUE(order.order == 0);
  EXPECT_EQ(order.by, DecidedBy::content);
}

// ---- records of an entry ----

Saying any_saying(std::mt19937_64& random) {
  static const std::vector<std::string> kSources = {"mis-12345", "portal", "quality", "x"};
  Saying made{kSources[random() % 4], std::nullopt, "event-" + std::to_string(random() % 1000)};
  if (random() % 4 == 0) made.sequence = random();
  if (random() % 20 == 0) made.id = std::string(64, 'i');
  return made;
}

void expect_same(const Sayings& packed, const std::map<std::uint32_t, Saying>& held) {
  for (const auto& [tie, saying] : held) {
    auto found = packed.find(tie);
    ASSERT_TRUE(found) << tie;
    EXPECT_EQ(found->source, saying.source);
    EXPECT_EQ(found->sequence, saying.sequence);
    EXPECT_EQ(found->id, saying.id);
  }
  EXPECT_FALSE(packed.find(0));
}

TEST(Sayings, are_found_as_they_were_added_until_they_are_removed) {
  std::mt19937_64 random(11);
  for (int times = 0; times < 300; ++times) {
    std::map<std::uint32_t, Saying> held;
    Sayings packed;
    for (int step = 0; step < 60; ++step) {
      auto tie = static_cast<std::uint32_t>(1 + random() % 30);
      if (random() % 3 == 0) {
        held.erase(tie);
        packed.remove(tie);
        EXPECT_FALSE(packed.find(tie));
      } else {
        Saying saying = any_saying(random);
        Sayings::Look look = packed.look(tie, saying.said());
        EXPECT_EQ(look.held, held.contains(tie));
        EXPECT_EQ(look.otherwise, std::any_of(held.begin(), held.end(),
                                              [&](const auto& one) { return one.first != tie && one.second.said().same_id(saying.said()); }));
        held.try_emplace(tie, saying);
        packed.add(tie, saying.said());
      }
    }
    expect_same(packed, held);
    Sayings copy = packed;
    EXPECT_EQ(copy, packed);
    if (testing::Test::HasFailure()) break;
  }
}
TEST(Sayings, are_packed_alike_whatever_order_they_came_in) {
  std::mt19937_64 random(12);
  for (int times = 0; times < 300; ++times) {
    std::vector<std::pair<std::uint32_t, Saying>> all;
    for (std::uint32_t tie = 1; tie < 12; ++tie) all.emplace_back(tie, any_saying(random));
    Sayings forward, backward;
    for (const auto& [tie, saying] : all) forward.add(tie, saying.said());
    std::reverse(all.begin(), all.end());
    backward.add(99, any_saying(random).said());
    for (const auto& [tie, saying] : all) backward.add(tie, saying.said());
    backward.remove(99);
    ASSERT_EQ(forward, backward);
  }
}
TEST(Sayings, name_an_id_that_stands_for_something_else) {
  Sayings sayings;
  sayings.add(1, {"portal", std::nullopt, "r1"});
  EXPECT_TRUE(sayings.look(2, {"portal", 7, "r1"}).otherwise);
  EXPECT_FALSE(sayings.look(1, {"portal", std::nullopt, "r1"}).otherwise);
  EXPECT_FALSE(sayings.look(2, {"quality", std::nullopt, "r1"}).otherwise);
  EXPECT_FALSE(sayings.look(2, {"portal", std::nullopt, "r2"}).otherwise);
}
TEST(Sayings, come_back_from_their_bytes) {
  std::mt19937_64 random(13);
  Sayings sayings;
  std::map<std::uint32_t, Saying> held;
  for (std::uint32_t tie = 1; tie < 40; ++tie) sayings.add(tie, held.try_emplace(tie, any_saying(random)).first->second.said());
  auto back = Sayings::from(sayings.packed());
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, sayings);
  expect_same(*back, held);
  EXPECT_TRUE(Sayings::from("")->packed().empty());
}
TEST(Sayings, refuse_bytes_that_they_never_give) {
  Sayings sayings;
  sayings.add(1, {"portal", 5, "event-1"});
  sayings.add(2, {"portal", std::nullopt, "event-2"});
  std::string bytes(sayings.packed());
  std::size_t refused = 0;
  for (std::size_t size = 1; size < bytes.size(); ++size) refused += !Sayings::from(bytes.substr(0, size));
  EXPECT_EQ(refused, bytes.size() - 2) << "all but the end of the first record";
  std::mt19937_64 random(14);
  for (int times = 0; times < 5000; ++times) {
    std::string damaged = bytes;
    damaged[random() % damaged.size()] = static_cast<char>(random());
    if (auto read = Sayings::from(damaged)) {
      EXPECT_LE(read->packed().size(), damaged.size());
    }
  }
}
TEST(Sayings, of_ids_that_are_alike_take_few_bytes) {
  Sayings sayings;
  for (std::uint32_t tie = 1; tie <= 9; ++tie) sayings.add(tie, {"mis-12345", std::nullopt, "entry-4711-" + std::to_string(tie)});
  EXPECT_LE(sayings.packed().size(), 9u * 9 + 25);
}

}  // namespace
}  // namespace vtq::test
