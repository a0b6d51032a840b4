// How reads wait for their turn, and what becomes of those that do not get it.
#include "daemon/reads/read_pool.h"

#include <gtest/gtest.h>

#include <future>

namespace vtq {
namespace {

using std::chrono::seconds;

/// A pool of one thread, which a first read holds until it is let go.
class HeldPool : public ::testing::Test {
 protected:
  void start(ReadPool::Options options) {
    options.name = "held";
    pool_ = std::make_unique<ReadPool>(std::move(options));
    pool_->post(
        request(), [](HttpReply&&) {},
        [this, held = let_go_.get_future().share()] {
          begun_.set_value();
          held.wait();
        });
    ASSERT_EQ(begun_.get_future().wait_for(seconds(10)), std::future_status::ready);
  }
  void TearDown() override {
    go_on();
    pool_->stop();
  }
  void go_on() {
    if (!std::exchange(going_, true)) let_go_.set_value();
  }

  static HttpRequest request() {
    HttpRequest made;
    made.arrived = std::chrono::steady_clock::now();
    return made;
  }
  /// What a read is answered: its own reply is 200.
  std::future<HttpReply> post(HttpRequest asked = request()) {
    auto promise = std::make_shared<std::promise<HttpReply>>();
    Respond respond = [promise](HttpReply&& reply) { promise->set_value(std::move(reply)); };
    pool_->post(asked, respond, [respond] { respond({200}); });
    return promise->get_future();
  }
  static std::pair<unsigned, std::string> answer(std::future<HttpReply>& future) {
    if (future.wait_for(seconds(10)) != std::future_status::ready) return {0, "no answer"};
    HttpReply reply = future.get();
    auto begin = reply.body.find("urn:vtq:problem:");
    if (begin == std::string::npos) return {reply.status, ""};
    begin += std::string_view("urn:vtq:problem:").size();
    return {reply.status, reply.body.substr(begin, reply.body.find('"', begin) - begin)};
  }

  std::promise<void> let_go_, begun_;
  bool going_ = false;
  std::atomic<bool> room_{true};
  std::unique_ptr<ReadPool> pool_;
};

TEST_F(HeldPool, as_many_reads_as_may_wait_are_answered_and_one_more_is_refused_at_once) {
  start({.waiting_max = 2});
  auto first = post(), second = post(), third = post();
  EXPECT_EQ(answer(third), std::pair(503u, std::string("reads-waiting-max")));
  go_on();
  EXPECT_EQ(answer(first).first, 200u);
  EXPECT_EQ(answer(second).first, 200u);
}

TEST_F(HeldPool, a_read_whose_time_is_up_is_refused_while_the_thread_is_still_busy) {
  start({.time_max = seconds(1)});
  auto waiting = post();
  EXPECT_EQ(answer(waiting), std::pair(503u, std::string("read-seconds-max")));
}

TEST_F(HeldPool, a_read_whose_client_has_gone_is_not_begun) {
  start({});
  auto gone = std::make_shared<std::atomic<bool>>(false);
  HttpRequest asked = request();
  asked.gone = gone;
  auto waiting = post(asked);
  *gone = true;
  EXPECT_EQ(answer(waiting), std::pair(499u, std::string("client-gone")));
}

TEST_F(HeldPool, no_read_is_begun_without_room_for_its_reply) {
  start({.time_max = seconds(1), .has_room = [this] { return room_.load(); }});
  room_ = false;
  go_on();
  auto waiting = post();
  EXPECT_EQ(answer(waiting), std::pair(503u, std::string("replies-bytes-max")));
  room_ = true;
  auto then = post();
  EXPECT_EQ(answer(then).first, 200u);
}

}  // namespace
}  // namespace vtq
