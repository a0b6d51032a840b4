// The check that an instance makes of its own membership, against real brokers: offsets of a consumer that is no member of its group would
// be committed unfenced, so the transaction must not go through. Run by kafka_zombie_test.py, which starts Kafka and sets KAFKA_TOPIC_PREFIX
// and KAFKA_BOOTSTRAP; built a second time with the planted fault, with which it must fail.
#include <gtest/gtest.h>

#include <cstdlib>

#include "daemon/kafka/transaction.h"

namespace vtq::kafka {
namespace {

Settings settings_of_test() {
  LoadedSettings loaded = load_settings("", {"RESULTSD_KAFKA_BOOTSTRAP_SERVERS=" + std::string(std::getenv("KAFKA_BOOTSTRAP")),
                                             "RESULTSD_KAFKA_TOPIC_PREFIX=" + std::string(std::getenv("KAFKA_TOPIC_PREFIX")),
                                             "RESULTSD_KAFKA_INSTANCE=transaction-test", "RESULTSD_PARTITIONS=1"});
  EXPECT_TRUE(loaded.errors.empty());
  return loaded.settings;
}

/// A consumer of the group that has not joined it, as one is that was thrown out and has not come back.
Client no_member(const Settings& settings) {
  Properties properties = common_properties(settings, "test");
  properties.insert(properties.end(), {{"group.id", settings.kafka_group}, {"enable.auto.commit", "false"}});
  Client consumer = make_client(RD_KAFKA_CONSUMER, make_config(properties));
  rd_kafka_poll_set_consumer(consumer.get());
  return consumer;
}

/// What the group has committed for the only partition of an input topic; -1001: nothing.
std::int64_t committed_offset(rd_kafka_t* consumer, const TopicNames& names) {
  PartitionList list(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(list.get(), names.of(Topic::claims).c_str(), 0);
  EXPECT_EQ(rd_kafka_committed(consumer, list.get(), 10'000), RD_KAFKA_RESP_ERR_NO_ERROR);
  return list->elems[0].offset;
}

void produce_change(Transaction& transaction, std::string_view key, std::optional<std::string_view> value) {
  Outgoing outgoing(1);
  outgoing.change(0, key, value);
  transaction.produce(outgoing);
}

TEST(KafkaTransaction, of_one_that_is_no_member_does_not_go_through) {
  Settings settings = settings_of_test();
  TopicNames names(settings.kafka_topic_prefix);
  Transaction transaction(settings, names);
  Client consumer = no_member(settings);
  GroupMetadata metadata(rd_kafka_consumer_group_metadata(consumer.get()));
  EXPECT_LT(generation_of(metadata.get()), 0);
  transaction.begin();
  EXPECT_THROW(transaction.add_offsets(consumer.get(), {{Topic::claims, 0, 7}}), Lost);
  EXPECT_THROW(transaction.add_offsets(consumer.get(), {}), Lost);
  EXPECT_EQ(committed_offset(consumer.get(), names), static_cast<std::int64_t>(RD_KAFKA_OFFSET_INVALID));
}

TEST(KafkaTransaction, without_offsets_needs_no_membership_and_says_where_the_changelog_is) {
  Settings settings = settings_of_test();
  TopicNames names(settings.kafka_topic_prefix);
  Transaction transaction(settings, names);
  transaction.begin();
  EXPECT_EQ(transaction.changelog_next(0), -1);
  produce_change(transaction, "a", "1");
  produce_change(transaction, "b", std::nullopt);
  transaction.commit();
  std::int64_t next = transaction.changelog_next(0);
  EXPECT_GE(next, 2);
  transaction.begin();
  produce_change(transaction, "c", "3");
  transaction.commit();
  EXPECT_EQ(transaction.changelog_next(0), next + 2);  // the first one's marker lies between
}

TEST(KafkaTransaction, of_an_earlier_producer_of_the_same_instance_is_fenced) {
  Settings settings = settings_of_test();
  TopicNames names(settings.kafka_topic_prefix);
  Transaction earlier(settings, names);
  earlier.begin();
  produce_change(earlier, "key", "value");
  Transaction later(settings, names);
  EXPECT_THROW(earlier.commit(), std::runtime_error);
  later.begin();
  produce_change(later, "key", "value");
  later.commit();
}

}  // namespace
}  // namespace vtq::kafka
