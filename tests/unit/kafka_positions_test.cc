// Whether one can go on with an input topic's partition, judged from its commit record, the group's offsets and what the topic holds.
#include "daemon/kafka/positions.h"

#include <gtest/gtest.h>

#include <random>

#include "pipeline/intake/check.h"

namespace vtq::kafka {
namespace {

using Kind = PositionFault::Kind;
constexpr Topic kTopic = Topic::claims;

v1::ReadRecord record_at(std::int64_t offset, std::uint32_t checksum = 7) {
  v1::ReadRecord record;
  record.set_offset(offset);
  record.set_at_ms(1'700'000'000'000);
  record.set_checksum(checksum);
  return record;
}

/// Read to `next`; the last record stood at `last`.
v1::CommitRecord read_to(std::int64_t next, std::int64_t last) {
  v1::CommitRecord record;
  record.set_transaction(5);
  (*record.mutable_inputs())[std::string(topic_name(kTopic))] = next;
  (*record.mutable_last())[std::string(topic_name(kTopic))] = record_at(last);
  return record;
}

/// What is wrong, of one that the group has at `group`; nothing: all is well.
std::optional<Kind> fault(const v1::CommitRecord& record, std::optional<std::int64_t> group, const InputLog& log) {
  InputOffsets offsets;
  if (group) offsets[kTopic] = *group;
  std::vector<PositionFault> faults = faults_of(3, record, &offsets, {{kTopic, log}});
  EXPECT_LE(faults.size(), 1u);
  return faults.empty() ? std::nullopt : std::optional(faults.front().kind);
}

TEST(KafkaPositions, a_log_that_holds_what_was_read_is_right) {
  EXPECT_EQ(fault(read_to(12, 11), 12, {0, 12, record_at(11)}), std::nullopt);
  EXPECT_EQ(fault(read_to(12, 11), 12, {0, 400, record_at(11)}), std::nullopt);
}

TEST(KafkaPositions, offsets_that_expired_are_no_fault) { EXPECT_EQ(fault(read_to(12, 11), {}, {0, 12, record_at(11)}), std::nullopt); }

TEST(KafkaPositions, a_group_at_another_offset_is_one) {
  EXPECT_EQ(fault(read_to(12, 11), 11, {0, 12, record_at(11)}), Kind::group_moved);
  EXPECT_EQ(fault(read_to(12, 11), 13, {0, 20, record_at(11)}), Kind::group_moved);
  EXPECT_EQ(fault(read_to(12, 11), 0, {0, 12, record_at(11)}), Kind::group_moved);
}

TEST(KafkaPositions, nothing_read_and_a_group_at_the_beginning_are_the_same) {
  v1::CommitRecord nothing;
  nothing.set_transaction(1);
  EXPECT_EQ(fault(nothing, {}, {0, 9, {}}), std::nullopt);
  EXPECT_EQ(fault(nothing, 0, {0, 9, {}}), std::nullopt);
  EXPECT_EQ(fault(nothing, 4, {4, 9, {}}), std::nullopt);
  EXPECT_EQ(fault(nothing, 5, {4, 9, {}}), Kind::group_moved);
}

TEST(KafkaPositions, a_group_that_has_consumed_without_any_state_is_one) {
  EXPECT_EQ(fault({}, 5, {0, 9, {}}), Kind::state_lost);
  EXPECT_EQ(fault({}, {}, {0, 9, {}}), std::nullopt);
}

TEST(KafkaPositions, what_was_read_may_be_deleted_and_no_more) {
  EXPECT_EQ(fault(read_to(12, 11), 12, {12, 20, {}}), std::nullopt);
  EXPECT_EQ(fault(read_to(12, 11), 12, {13, 20, {}}), Kind::deleted_unread);
  EXPECT_EQ(fault(read_to(12, 11), 12, {12, 12, {}}), std::nullopt);
}

TEST(KafkaPositions, a_marker_that_was_read_over_may_be_deleted_too) { EXPECT_EQ(fault(read_to(13, 11), 13, {13, 13, {}}), std::nullopt); }

TEST(KafkaPositions, a_log_that_ends_before_what_was_read_is_one) {
  EXPECT_EQ(fault(read_to(12, 11), 12, {0, 11, {}}), Kind::log_cut);
  EXPECT_EQ(fault(read_to(13, 11), 13, {0, 12, record_at(11)}), Kind::log_cut);
  EXPECT_EQ(fault(read_to(12, 11), 12, {0, 0, {}}), Kind::log_cut);
}

TEST(KafkaPositions, another_record_or_none_where_the_last_one_was_read_is_one) {
  EXPECT_EQ(fault(read_to(12, 11), 12, {0, 20, record_at(11, 8)}), Kind::log_replaced);
  EXPECT_EQ(fault(read_to(12, 11), 12, {0, 20, {}}), Kind::log_replaced);
  v1::ReadRecord later = record_at(11);
  later.set_at_ms(later.at_ms() + 1);
  EXPECT_EQ(fault(read_to(12, 11), 12, {0, 20, later}), Kind::log_replaced);
}

TEST(KafkaPositions, the_words_name_topic_partition_and_offsets) {
  InputOffsets group{{kTopic, 4}};
  std::vector<PositionFault> faults = faults_of(3, read_to(12, 11), &group, {{kTopic, {0, 12, record_at(11)}}});
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_EQ(
      text_of(faults[0], TopicNames("vtq."), "resultsd"),
      "Topic vtq.claims, partition 3: resultsd has read it to offset 12, but the group resultsd is at offset 4. Another client used the group, or "
      "somebody reset it.");
  EXPECT_EQ(remedy_of(faults[0]), "The group's offset is set back to 12.");
  EXPECT_EQ(loss_of(faults[0]), "");
  faults = faults_of(3, read_to(12, 11), &group, {{kTopic, {20, 30, {}}}});
  EXPECT_EQ(loss_of(faults[0]),
            "Offsets 12 to 19 (8 records, or markers of transactions) are gone. Its publishers send again what they sent since "
            "2023-11-14T22:13:20.000Z.");
}

/// Over any log, record and group: one repair leaves nothing to repair, and passes over nothing that is there and was not read.
TEST(KafkaPositions, one_repair_is_enough_and_passes_over_nothing) {
  std::mt19937 random(20260801);
  auto below = [&](int most) { return static_cast<std::int64_t>(random() % static_cast<unsigned>(most)); };
  int repaired_ones = 0;
  for (int run = 0; run < 20'000; ++run) {
    InputLog log{below(20), 0, {}};
    log.end = log.start + below(20);
    std::int64_t next = below(40), last = std::max<std::int64_t>(0, next - 1 - below(2));
    v1::CommitRecord record = next == 0 ? v1::CommitRecord{} : read_to(next, last);
    record.set_transaction(1 + static_cast<std::uint64_t>(below(9)));
    if (last >= log.start && last < log.end && below(3) > 0) log.at_last = record_at(last, below(2) == 0 ? 7 : 8);
    InputOffsets group;
    if (below(3) > 0) group[kTopic] = below(40);
    std::vector<PositionFault> faults = faults_of(3, record, &group, {{kTopic, log}});
    if (faults.empty()) continue;
    ++repaired_ones;
    auto [made, offsets] = repaired(record, faults);
    if (!made.last().contains(std::string(topic_name(kTopic)))) log.at_last.reset();
    EXPECT_TRUE(faults_of(3, made, &offsets, {{kTopic, log}}).empty()) << "run " << run;
    EXPECT_GT(made.transaction(), record.transaction());
    InputOffsets goes_on = offsets_of(made);
    if (faults[0].kind != Kind::group_moved)
      EXPECT_EQ(goes_on.at(kTopic), log.start) << "run " << run;
    else
      EXPECT_EQ(goes_on, offsets_of(record)) << "run " << run;
  }
  EXPECT_GT(repaired_ones, 5000);
}

}  // namespace
}  // namespace vtq::kafka
