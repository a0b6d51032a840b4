// What a cycle on Kafka leaves to be done: the records that go to the next transaction, and the part of the store that
// is written after it.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "daemon/engine/read_model.h"
#include "daemon/kafka/outgoing.h"
#include "tests/support/temp_directory.h"

namespace vtq::kafka {
namespace {

constexpr std::uint32_t kPartitions = 3;

v1::Rejected rejected_by(const std::string& rule) {
  v1::Rejected made;
  made.set_rule(rule);
  made.set_original("bytes");
  return made;
}

/// `destination partition key=value`, in order.
std::vector<std::string> told(Outgoing& outgoing) {
  std::vector<std::string> all;
  for (const Outgoing::Part& part : outgoing.parts())
    for (const Outgoing::Record& record : part.records)
      all.push_back(std::to_string(static_cast<int>(record.to)) + " " + std::to_string(record.partition) + " " + std::string(part.key(record)) +
                    (record.has_value ? "=" + std::string(part.value(record)) : " erased"));
  return all;
}

TEST(Outgoing, keeps_records_in_their_order_with_key_and_value) {
  Outgoing outgoing(kPartitions);
  outgoing.change(2, "a", "1");
  outgoing.change(0, "b", std::nullopt);
  outgoing.change(2, "", "");
  outgoing.reference("slot", "event");
  std::string changelog = std::to_string(static_cast<int>(Destination::changelog));
  std::string reference = std::to_string(static_cast<int>(Topic::reference));
  EXPECT_EQ(told(outgoing),
            (std::vector<std::string>{changelog + " 2 a=1", changelog + " 0 b erased", changelog + " 2 =", reference + " 0 slot=event"}));
}
TEST(Outgoing, of_several_threads_keeps_the_order_within_each_partition) {
  Outgoing outgoing(kPartitions, 2);
  outgoing.change(2, "a", "1");
  outgoing.change(0, "b", "1");
  outgoing.change(2, "a", "2");
  outgoing.commit_record(0, {});
  outgoing.change(2, "a", std::nullopt);
  outgoing.commit_record(2, {});
  std::string changelog = std::to_string(static_cast<int>(Destination::changelog));
  EXPECT_EQ(told(outgoing), (std::vector<std::string>{changelog + " 0 b=1", changelog + " 0 c=", changelog + " 2 a=1", changelog + " 2 a=2",
                                                      changelog + " 2 a erased", changelog + " 2 c="}));
  outgoing.clear();
  EXPECT_TRUE(outgoing.empty());
}
TEST(Outgoing, holds_a_message_as_its_bytes) {
  Outgoing outgoing(kPartitions);
  v1::CommitRecord commit;
  commit.set_transaction(7);
  outgoing.change(1, "before", "x");
  outgoing.commit_record(1, commit);
  outgoing.change(1, "after", "y");
  const Outgoing::Part& part = outgoing.parts().front();
  ASSERT_EQ(part.records.size(), 3u);
  v1::CommitRecord read;
  ASSERT_TRUE(read.ParseFromString(std::string(part.value(part.records[1]))));
  EXPECT_EQ(read.transaction(), 7u);
  EXPECT_EQ(part.key(part.records[1]), kCommitKey);
  EXPECT_EQ(part.value(part.records[2]), "y");
}
TEST(Outgoing, touches_the_partitions_that_something_changes_in) {
  Outgoing outgoing(kPartitions);
  outgoing.commit_record(0, {});
  outgoing.reference("slot", "event");
  outgoing.instance("name", "record");
  EXPECT_FALSE(outgoing.touched_any());
  outgoing.change(1, "a", "1");
  outgoing.rejected(2, rejected_by("some-rule"));
  EXPECT_FALSE(outgoing.touched(0));
  EXPECT_TRUE(outgoing.touched(1));
  EXPECT_TRUE(outgoing.touched(2));
}
TEST(Outgoing, is_empty_once_cleared) {
  Outgoing outgoing(kPartitions);
  outgoing.rejected(1, rejected_by("some-rule"));
  outgoing.clear();
  EXPECT_TRUE(outgoing.empty());
  EXPECT_FALSE(outgoing.touched_any());
  outgoing.change(0, "a", "1");
  EXPECT_EQ(outgoing.parts()[0].value(outgoing.parts()[0].records.front()), "1");
}
TEST(Outgoing, gives_reference_data_the_header_with_who_said_them_where_somebody_did) {
  Outgoing outgoing(kPartitions);
  outgoing.reference("slot", "event");
  outgoing.reference("slot", "event", "seal and actor");
  const Outgoing::Part& part = outgoing.parts().front();
  ASSERT_EQ(part.records.size(), 2u);
  EXPECT_EQ(part.records[0].headers, nullptr);
  ASSERT_NE(part.records[1].headers, nullptr);
  const void* value = nullptr;
  std::size_t size = 0;
  ASSERT_EQ(rd_kafka_header_get_last(part.records[1].headers.get(), kByHeader.data(), &value, &size), RD_KAFKA_RESP_ERR_NO_ERROR);
  EXPECT_EQ(std::string_view(static_cast<const char*>(value), size), "seal and actor");
}
TEST(Outgoing, gives_a_rejected_record_its_headers_and_its_first_key) {
  Outgoing outgoing(kPartitions);
  v1::Rejected record = rejected_by("some-rule");
  outgoing.rejected(1, record);
  EXPECT_FALSE(outgoing.parts()[0].records[0].has_key);
  record.mutable_origin()->set_has_key(true);
  record.mutable_origin()->set_key("36541");
  outgoing.rejected(1, record);
  EXPECT_TRUE(outgoing.parts()[0].records[1].has_key);
  EXPECT_EQ(outgoing.parts()[0].key(outgoing.parts()[0].records[1]), "36541");
  EXPECT_GT(rd_kafka_header_cnt(outgoing.parts()[0].records[1].headers.get()), 0u);
}

class CutTest : public testing::Test {
 protected:
  void SetUp() override {
    store = Store::open(directory / "data", {.partitions = kPartitions, .sync = false, .sink = &outgoing, .log_identity = "test"});
    for (std::uint32_t partition = 0; partition < kPartitions; ++partition) store->take(partition);
  }
  std::string reject(std::uint32_t partition) { return store->rejected(partition, rejected_by("some-rule")); }
  void write(Store::Cut& cut, std::uint32_t partition) { store->write(cut, {{partition, {}}}, 0); }

  test::TempDirectory directory;
  Outgoing outgoing{kPartitions};
  std::unique_ptr<Store> store;
};

TEST_F(CutTest, nothing_is_there_before_the_cut_is_written) {
  EXPECT_EQ(reject(1), "1-1");
  Store::CutPointer cut = store->cut();
  EXPECT_FALSE(store->rejected_record("1-1"));
  EXPECT_EQ(store->rejected_count(), 0u);
  write(*cut, 1);
  EXPECT_TRUE(store->rejected_record("1-1"));
  EXPECT_EQ(store->rejected_count(), 1u);
}
TEST_F(CutTest, whoever_waits_for_a_cut_waits_until_it_is_written_or_dropped) {
  constexpr std::chrono::milliseconds kNoTime{0};
  EXPECT_TRUE(store->await_cut(kNoTime));
  reject(1);
  Store::CutPointer cut = store->cut();
  EXPECT_FALSE(store->await_cut(kNoTime));
  write(*cut, 1);
  EXPECT_TRUE(store->await_cut(kNoTime));
  reject(1);
  cut = store->cut();
  EXPECT_FALSE(store->await_cut(kNoTime));
  cut = nullptr;
  store->discard();
  EXPECT_TRUE(store->await_cut(kNoTime));
}
/// While the brokers are away a cut is not written; reads that come then wait for it side by side, and not one after another.
TEST_F(CutTest, looks_wait_for_a_cut_together) {
  ReadModel model(*store, {}, TimeSource::wall, 1000);
  reject(1);
  Store::CutPointer cut = store->cut();
  auto began = std::chrono::steady_clock::now();
  std::vector<std::thread> looks;
  std::atomic<int> looked{0};
  for (int at = 0; at < 40; ++at)
    looks.emplace_back([&] {
      ReadModel::Visit visit(model, std::chrono::steady_clock::now());
      if (visit.look(std::chrono::steady_clock::now() + std::chrono::seconds(20))) ++looked;
    });
  for (std::thread& one : looks) one.join();
  EXPECT_EQ(looked, 40);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5)) << "a quarter of a second each would be ten";
  write(*cut, 1);
}
TEST_F(CutTest, versions_rise_with_what_a_written_cut_changes_and_with_nothing_else) {
  StoreVersions before = store->versions();
  reject(1);
  Store::CutPointer cut = store->cut();
  EXPECT_EQ(store->versions(), before);
  write(*cut, 1);
  StoreVersions after = store->versions();
  EXPECT_EQ(after.partitions[0], before.partitions[0]);
  EXPECT_GT(after.partitions[1], before.partitions[1]);
  EXPECT_EQ(after.reference, before.reference);
  reject(2);
  store->cut();
  store->discard();
  EXPECT_EQ(store->versions(), after);
}
TEST_F(CutTest, what_comes_after_a_cut_is_not_in_it) {
  reject(1);
  Store::CutPointer first = store->cut();
  EXPECT_EQ(reject(1), "2-1");
  write(*first, 1);
  EXPECT_TRUE(store->rejected_record("1-1"));
  EXPECT_FALSE(store->rejected_record("2-1"));
  EXPECT_EQ(store->rejected_count(), 1u);
  Store::CutPointer second = store->cut();
  write(*second, 1);
  EXPECT_TRUE(store->rejected_record("2-1"));
  EXPECT_EQ(store->rejected_count(), 2u);
}
TEST_F(CutTest, a_cut_that_is_never_written_and_what_came_after_it_are_discarded) {
  reject(1);
  write(*store->cut(), 1);
  reject(1);
  Store::CutPointer failed = store->cut();
  reject(1);
  failed = nullptr;
  store->discard();
  EXPECT_EQ(reject(1), "2-1");
}
TEST_F(CutTest, a_partition_that_was_given_up_meanwhile_does_not_come_back_with_a_cut_of_others) {
  reject(0);
  reject(2);
  write(*store->cut(), 0);
  reject(0);
  Store::CutPointer cut = store->cut();
  store->give_up(2);
  write(*cut, 0);
  EXPECT_EQ(store->rejected_count(), 2u);
}
TEST_F(CutTest, marks_are_refused_while_partitions_are_on_the_move) {
  reject(1);
  write(*store->cut(), 1);
  store->refuse_marks(true);
  EXPECT_FALSE(store->mark_replayed("1-1", 5000));
  store->refuse_marks(false);
  EXPECT_TRUE(store->mark_replayed("1-1", 5000));
}

}  // namespace
}  // namespace vtq::kafka
