// Events on their way to brokers that never answer: whoever waits for word of them gets it when the publisher stops.
#include <gtest/gtest.h>

#include <future>

#include "daemon/kafka/publisher.h"
#include "tests/support/examples.h"

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

}  // namespace
}  // namespace vtq::kafka
