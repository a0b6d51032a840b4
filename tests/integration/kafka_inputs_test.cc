// Records that lie ready when an instance begins to read, against real brokers. In order of time each stream has a queue of its own; a record
// that comes by another way would overtake those before it, and they would be taken for read. Run by kafka_zombie_test.py, which starts Kafka
// and sets KAFKA_TOPIC_PREFIX and KAFKA_BOOTSTRAP.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <future>
#include <thread>

#include "daemon/kafka/inputs.h"

/// In place of librdkafka's: whoever calls it is interrupted for long afterwards, so that fetching is well under way when it goes on.
extern "C" rd_kafka_resp_err_t rd_kafka_assign(rd_kafka_t* client, const rd_kafka_topic_partition_list_t* partitions) {
  static auto real = reinterpret_cast<decltype(&rd_kafka_assign)>(::dlsym(RTLD_NEXT, "rd_kafka_assign"));
  rd_kafka_resp_err_t error = real(client, partitions);
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  return error;
}

namespace vtq::kafka {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::int64_t kRecords = 20'000;
/// With which they are many times what a stream keeps ready (queued.max.messages.kbytes), so that some are fetched later.
constexpr std::size_t kValueBytes = 1000;
constexpr std::int64_t kFirstMs = 1'000'000;

Settings settings_of_test() {
  LoadedSettings loaded = load_settings("", {"RESULTSD_KAFKA_BOOTSTRAP_SERVERS=" + std::string(std::getenv("KAFKA_BOOTSTRAP")),
                                             "RESULTSD_KAFKA_TOPIC_PREFIX=" + std::string(std::getenv("KAFKA_TOPIC_PREFIX")),
                                             "RESULTSD_KAFKA_GROUP=" + std::string(std::getenv("KAFKA_TOPIC_PREFIX")) + "group",
                                             "RESULTSD_KAFKA_INSTANCE=inputs-test", "RESULTSD_PARTITIONS=1", "RESULTSD_TIME_SOURCE=event"});
  EXPECT_TRUE(loaded.errors.empty());
  return loaded.settings;
}

void produce(rd_kafka_t* producer, const std::string& topic, std::string_view key, std::int64_t at_ms) {
  std::string value(kValueBytes, 'x');
  ASSERT_EQ(rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(0), RD_KAFKA_V_TIMESTAMP(at_ms),
                              RD_KAFKA_V_KEY(key.data(), key.size()), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                              RD_KAFKA_V_VALUE(value.data(), value.size()), RD_KAFKA_V_END),
            RD_KAFKA_RESP_ERR_NO_ERROR);
}

TEST(KafkaInputs, in_order_of_time_no_record_is_passed_over_that_lies_ready_at_the_start) {
  Settings settings = settings_of_test();
  TopicNames names(settings.kafka_topic_prefix);
  Properties properties = common_properties(settings, "test");
  properties.emplace_back("enable.idempotence", "true");
  Client producer = make_client(RD_KAFKA_PRODUCER, make_config(properties));
  for (std::int64_t at = 0; at < kRecords; ++at) produce(producer.get(), names.of(Topic::registrations), "12345", kFirstMs + at);
  for (Topic topic : kCentreTopics) produce(producer.get(), names.of(topic), "*", kFirstMs + kRecords);
  ASSERT_EQ(rd_kafka_flush(producer.get(), 30'000), RD_KAFKA_RESP_ERR_NO_ERROR);

  Inputs inputs(settings, names, [] {});
  auto until = Steady::now() + std::chrono::seconds(60);
  while (!inputs.has_changes() && Steady::now() < until) inputs.gather_in_order(5000, 100, kFirstMs + 2 * kRecords);
  ASSERT_TRUE(inputs.take_changes().assigned);
  inputs.start({{0, {}}});
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));  // of work; more is fetched within (fetch.queue.backoff.ms)
  std::int64_t next = 0;
  while (next < kRecords && Steady::now() < until) {
    for (const InputRecord& record : inputs.gather_in_order(5000, 100, kFirstMs + 2 * kRecords)) {
      if (record.topic != Topic::registrations) continue;
      ASSERT_EQ(record.message->offset, next) << "records before it were passed over";
      ++next;
    }
  }
  EXPECT_GE(next, kRecords);
}

TEST(KafkaInputs, one_that_did_not_close_in_time_ends_all_the_same) {
  Settings settings = settings_of_test();
  settings.kafka_group += "-hasty";
  auto inputs = std::make_unique<Inputs>(settings, TopicNames(settings.kafka_topic_prefix), [] {});
  auto until = Steady::now() + std::chrono::seconds(60);
  while (!inputs->has_changes() && Steady::now() < until) inputs->gather_in_order(5000, 100, kLatestEventMs);
  ASSERT_TRUE(inputs->take_changes().assigned);
  std::promise<void> ended;
  std::thread ending([&] {
    inputs->leave(0, false);
    inputs.reset();
    ended.set_value();
  });
  bool has_ended = ended.get_future().wait_for(std::chrono::seconds(20)) == std::future_status::ready;
  EXPECT_TRUE(has_ended);
  if (!has_ended) std::_Exit(1);  // the thread cannot be joined
  ending.join();
}

TEST(KafkaInputs, a_record_of_a_wrong_year_holds_up_nothing_behind_it) {
  Settings settings = settings_of_test();
  settings.kafka_group += "-astray";
  TopicNames names(settings.kafka_topic_prefix);
  Client producer = make_client(RD_KAFKA_PRODUCER, make_config(common_properties(settings, "test")));
  constexpr std::int64_t kDay = 86'400'000, kLater = 2'000'000'000'000, kYears = 50 * 365 * kDay;
  // Behind the records of the test before, which may have been played or not.
  std::int64_t from = -1, until_offset = -1;
  ASSERT_EQ(rd_kafka_query_watermark_offsets(producer.get(), names.of(Topic::claims).c_str(), 0, &from, &until_offset, 10'000),
            RD_KAFKA_RESP_ERR_NO_ERROR);
  produce(producer.get(), names.of(Topic::claims), "12345", kLater);
  produce(producer.get(), names.of(Topic::claims), "12345", kLater + kYears);
  for (std::int64_t at = 1; at <= 20; ++at) produce(producer.get(), names.of(Topic::claims), "12345", kLater + at);
  produce(producer.get(), names.of(Topic::claims), "12345", kLater + kYears);
  for (Topic topic : kCentreTopics) produce(producer.get(), names.of(topic), "*", kLater + kDay);
  ASSERT_EQ(rd_kafka_flush(producer.get(), 30'000), RD_KAFKA_RESP_ERR_NO_ERROR);

  Inputs inputs(settings, names, [] {});
  auto until = Steady::now() + std::chrono::seconds(60);
  while (!inputs.has_changes() && Steady::now() < until) inputs.gather_in_order(5000, 100, kLatestEventMs);
  ASSERT_TRUE(inputs.take_changes().assigned);
  inputs.start({{0, {}}});
  std::vector<std::int64_t> offsets;
  std::size_t reached = 0;
  while (reached < kCentreTopics.size() && Steady::now() < until)
    for (const InputRecord& record : inputs.gather_in_order(5000, 100, kLatestEventMs)) {
      bool for_all = std::string_view(static_cast<const char*>(record.message->key), record.message->key_len) == "*";
      bool ours = record.topic == Topic::claims && record.message->offset >= until_offset;
      reached += for_all && rd_kafka_message_timestamp(record.message.get(), nullptr) == kLater + kDay;
      if (ours) offsets.push_back(record.message->offset - until_offset);
    }
  EXPECT_EQ(reached, kCentreTopics.size());
  std::vector<std::int64_t> wanted(24);
  for (std::size_t at = 0; at < wanted.size(); ++at) wanted[at] = static_cast<std::int64_t>(at);
  EXPECT_EQ(offsets, wanted) << "all of them, in the order of their offsets";
}

}  // namespace
}  // namespace vtq::kafka
