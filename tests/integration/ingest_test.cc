// How events are held back when the engine's queue is full.
#include "daemon/embedded_engine.h"
#include "daemon/ingest.h"

#include <gtest/gtest.h>

#include <future>

#include "tests/support/temp_directory.h"

namespace vtq {
namespace {

class RealClock final : public Clock {
 public:
  TimeMs now() const override {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  }
};

/// Holds one event as `post` makes it, not two.
constexpr std::size_t kQueueBytes = 500;
constexpr auto kPatience = std::chrono::seconds(20);

/// An engine whose thread stands still until it is let go, with an Ingest before it.
class HeldBack : public ::testing::Test {
 protected:
  void SetUp() override {
    EngineOptions options;
    options.directory = directory_ / "store";
    options.store.sync = false;
    options.queue_bytes_max = kQueueBytes;
    engine_ = std::make_unique<EmbeddedEngine>(options, clock_, nullptr);
    ingest_ = std::make_unique<Ingest>(*engine_, clock_, kQueueBytes, 1);
    engine_->post([held = let_go_.get_future().share()](Pipeline&, Store&) { held.wait(); });
  }

  void TearDown() override {
    go_on();
    engine_->drain();
    ingest_->stop();
  }

  void go_on() {
    if (!std::exchange(going_, true)) let_go_.set_value();
  }

  /// The reply, once it is there.
  static HttpReply reply_of(std::future<HttpReply>& reply) {
    if (reply.wait_for(kPatience) != std::future_status::ready) throw std::runtime_error("no reply came in time");
    return reply.get();
  }

  /// A body with one event, its centre's name so long.
  std::future<HttpReply> post(int number, std::size_t name_bytes = 150) {
    std::string id = std::to_string(number);
    HttpRequest request;
    request.content_type = "application/json";
    request.body = R"({"id":")" + id + R"(","source":"test","occurredAt":"2023-01-01T00:00:00Z","centreDefined":{"centre":"90001","name":")" +
                   std::string(name_bytes, 'x') + "\"}}";
    auto promise = std::make_shared<std::promise<HttpReply>>();
    ingest_->take_events(std::move(request), [this, number, promise](HttpReply&& reply) {
      {
        std::lock_guard lock(mutex_);
        answered_.push_back(number);
      }
      promise->set_value(std::move(reply));
    });
    return promise->get_future();
  }

  test::TempDirectory directory_;
  RealClock clock_;
  std::promise<void> let_go_;
  bool going_ = false;
  std::mutex mutex_;
  std::vector<int> answered_;  ///< in the order of their replies
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Ingest> ingest_;
};

TEST_F(HeldBack, requests_wait_for_room_and_are_then_answered_in_order) {
  std::vector<std::future<HttpReply>> replies;
  for (int number = 0; number < 5; ++number) replies.push_back(post(number));
  EXPECT_EQ(replies.back().wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  EXPECT_LE(engine_->queued_bytes(), kQueueBytes);
  go_on();
  for (auto& reply : replies) EXPECT_EQ(reply_of(reply).status, 200u);
  std::lock_guard lock(mutex_);
  EXPECT_EQ(answered_, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST_F(HeldBack, a_small_request_does_not_overtake_a_larger_one_that_waits_for_room) {
  auto first = post(0);
  auto large = post(1);
  auto small = post(2, 1);
  EXPECT_EQ(small.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  go_on();
  for (auto* reply : {&first, &large, &small}) EXPECT_EQ(reply_of(*reply).status, 200u);
  std::lock_guard lock(mutex_);
  EXPECT_EQ(answered_, (std::vector<int>{0, 1, 2}));
}

TEST_F(HeldBack, a_request_that_waited_too_long_is_told_to_come_again) {
  auto taken = post(0);
  auto waiting = post(1);
  HttpReply reply = reply_of(waiting);
  EXPECT_EQ(reply.status, 503u);
  EXPECT_NE(reply.body.find("queue-bytes-max"), std::string::npos);
  ASSERT_FALSE(reply.headers.empty());
  EXPECT_EQ(reply.headers.front().first, "Retry-After");
  go_on();
  EXPECT_EQ(reply_of(taken).status, 200u);
}

TEST_F(HeldBack, a_stopping_engine_takes_nothing_more) {
  go_on();
  engine_->drain();
  auto refused = post(0);
  EXPECT_EQ(reply_of(refused).status, 503u);
}

}  // namespace
}  // namespace vtq
