// Events on their way to brokers that never answer: whoever waits for word of them gets it when the publisher stops.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <optional>

#include "daemon/kafka/publisher.h"
#include "tests/support/examples.h"
// After rdkafka.h.
#include <librdkafka/rdkafka_mock.h>

namespace vtq::kafka {
namespace {

Settings settings() {
  // Nobody listens on the discard port of this machine.
  return load_settings("", {"RESULTSD_KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:9", "RESULTSD_PARTITIONS=2"}).settings;
}

struct Told {
  int published = 0, lost = 0;
  std::function<void(bool)> done() {
    return [this](bool yes) { ++(yes ? published : lost); };
  }
};

TEST(KafkaPublisher, tells_of_everything_under_way_by_the_time_it_has_stopped) {
  Settings used = settings();
  Publisher publisher(used, TopicNames("vtq."));
  Told told;
  v1::Event event = test::example("registered");
  auto address = check(event);
  ASSERT_TRUE(address);
  for (int number = 0; number < 100; ++number) ASSERT_TRUE(publisher.publish(event, event.SerializeAsString(), address.value(), told.done()));
  EXPECT_EQ(told.lost, 0);
  EXPECT_GT(publisher.queued_bytes(), 0u);
  publisher.stop();
  EXPECT_EQ(told.lost, 100);
  EXPECT_EQ(told.published, 0);
  EXPECT_EQ(publisher.queued_bytes(), 0u);
  publisher.stop();  // again does no harm
  EXPECT_EQ(told.lost, 100);
}

TEST(KafkaPublisher, takes_nothing_once_it_has_stopped) {
  Settings used = settings();
  Publisher publisher(used, TopicNames("vtq."));
  publisher.stop();
  Told told;
  v1::Event event = test::example("registered");
  EXPECT_FALSE(publisher.publish(event, event.SerializeAsString(), check(event).value(), told.done()));
  EXPECT_EQ(told.lost + told.published, 0);
}

TEST(KafkaPublisher, who_moves_time_behind_what_cannot_be_sent_is_not_waited_for) {
  Settings used = settings();
  Publisher publisher(used, TopicNames("vtq."));
  Told told;
  v1::Event event = test::example("registered");
  ASSERT_TRUE(publisher.publish(event, event.SerializeAsString(), check(event).value(), told.done()));
  v1::Event time = test::example("time_reached");
  auto moving = std::async(std::launch::async, [&] { return publisher.publish(time, time.SerializeAsString(), check(time).value(), told.done()); });
  publisher.stop();
  moving.get();
  EXPECT_EQ(told.published, 0);
  EXPECT_EQ(publisher.queued_bytes(), 0u);
}

/// A broker that says of records what it is told to say: one that does so of itself is not to be had.
class KafkaPublisherOnce : public testing::Test {
 protected:
  KafkaPublisherOnce() : client_(make_client(RD_KAFKA_PRODUCER, make_config({}))), cluster_(rd_kafka_mock_cluster_new(client_.get(), 1)) {
    LoadedSettings loaded = load_settings(
        "", {"RESULTSD_KAFKA_BOOTSTRAP_SERVERS=" + std::string(rd_kafka_mock_cluster_bootstraps(cluster_.get())), "RESULTSD_PARTITIONS=2"});
    EXPECT_TRUE(loaded.errors.empty());
    publisher_ = std::make_unique<Publisher>(loaded.settings, TopicNames("vtq."));
  }

  /// Whether the brokers have it; nothing where it was not queued.
  std::optional<bool> publish(const v1::Event& event) {
    std::promise<bool> published;
    if (!publisher_->publish(event, event.SerializeAsString(), check(event).value(), [&](bool yes) { published.set_value(yes); })) return {};
    return published.get_future().get();
  }
  std::optional<bool> publish_until_taken(const v1::Event& event) {
    for (auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20); std::chrono::steady_clock::now() < until;)
      if (publish(event) == true) return true;
    return false;
  }

  Client client_;
  std::unique_ptr<rd_kafka_mock_cluster_t, Release<rd_kafka_mock_cluster_destroy>> cluster_;
  std::unique_ptr<Publisher> publisher_;
};

TEST_F(KafkaPublisherOnce, a_producer_that_the_brokers_want_no_more_of_is_replaced) {
  v1::Event event = test::example("registered");
  ASSERT_EQ(publish(event), true);
  for (int time = 0; time < 3; ++time) {
    constexpr std::int16_t kProduce = 0;
    rd_kafka_mock_push_request_errors(cluster_.get(), kProduce, 1, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    EXPECT_EQ(publish(event), false);
    EXPECT_EQ(publish_until_taken(event), true);
    v1::Event moves = test::example("time_reached");
    EXPECT_EQ(publish_until_taken(moves), true);
  }
  EXPECT_EQ(publisher_->queued_bytes(), 0u);
}

TEST_F(KafkaPublisherOnce, no_time_is_said_to_have_come_behind_what_was_lost) {
  v1::Event event = test::example("registered"), moves = test::example("time_reached");
  ASSERT_EQ(publish(event), true);
  constexpr std::int16_t kProduce = 0;
  for (int time = 0; time < 5; ++time) {
    rd_kafka_mock_push_request_errors(cluster_.get(), kProduce, 1, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    std::atomic<int> lost{0}, arrived{0};
    bool queued = publisher_->publish(event, event.SerializeAsString(), check(event).value(), [&](bool yes) { ++(yes ? arrived : lost); });
    ASSERT_TRUE(queued);
    // Asked for until it is out: by then the event before it was told of.
    for (auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20); publish(moves) != true;)
      ASSERT_LT(std::chrono::steady_clock::now(), until);
    EXPECT_EQ(lost, 1);
    ASSERT_EQ(publish_until_taken(event), true);
  }
}

TEST_F(KafkaPublisherOnce, of_many_under_way_when_its_producer_is_replaced_each_is_told_once) {
  v1::Event event = test::example("registered");
  ASSERT_EQ(publish(event), true);
  constexpr std::int16_t kProduce = 0;
  rd_kafka_mock_push_request_errors(cluster_.get(), kProduce, 1, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
  std::atomic<int> told{0};
  int queued = 0;
  for (int number = 0; number < 5000; ++number)
    queued += publisher_->publish(event, event.SerializeAsString(), check(event).value(), [&](bool) { ++told; });
  EXPECT_EQ(publish_until_taken(event), true);
  publisher_->stop();
  EXPECT_EQ(told, queued);
  EXPECT_EQ(publisher_->queued_bytes(), 0u);
}

}  // namespace
}  // namespace vtq::kafka
