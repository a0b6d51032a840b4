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
  /// The same of an answer that is shared: its body is how many were made.
  std::future<HttpReply> post_shared(const std::string& name, HttpRequest asked = request(), std::string more = "") {
    auto promise = std::make_shared<std::promise<HttpReply>>();
    pool_->post_shared(
        name, asked, [promise](HttpReply&& reply) { promise->set_value(std::move(reply)); },
        [this, more] {
          return HttpReply{200, "", std::to_string(++made_) + more};
        });
    return promise->get_future();
  }
  static std::string body(std::future<HttpReply>& future) {
    return future.wait_for(seconds(10)) == std::future_status::ready ? future.get().body : "no answer";
  }
  static std::pair<unsigned, std::string> answer(std::future<HttpReply>& future) {
    if (future.wait_for(seconds(10)) != std::future_status::ready) return {0, "no answer"};
    HttpReply reply = future.get();
    auto begin = reply.body.find("urn:vtq:problem:");
    if (begin == std::string::npos) return {reply.status, ""};
    begin += std::string_view("urn:vtq:problem:").size();
    return {reply.status, reply.body.substr(begin, reply.body.find('"', begin) - begin)};
  }

  std::atomic<int> made_{0};
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

TEST_F(HeldPool, reads_of_one_name_that_wait_together_have_one_answer) {
  start({});
  auto first = post_shared("a"), other = post_shared("b"), second = post_shared("a");
  go_on();
  EXPECT_EQ(body(first), "1");
  EXPECT_EQ(body(second), "1");
  EXPECT_EQ(body(other), "2");
  auto later = post_shared("a");
  EXPECT_EQ(body(later), "3") << "it asked after the answer was begun";
}

TEST_F(HeldPool, so_many_share_an_answer_and_the_next_has_another) {
  start({});
  std::vector<std::future<HttpReply>> all;
  for (std::size_t at = 0; at <= ReadPool::kSharersMax; ++at) all.push_back(post_shared("a"));
  go_on();
  for (std::size_t at = 0; at < ReadPool::kSharersMax; ++at) EXPECT_EQ(body(all[at]), "1");
  EXPECT_EQ(body(all.back()), "2");
}

TEST_F(HeldPool, of_a_large_answer_each_has_its_own) {
  start({});
  const std::string large(ReadPool::kSharedBytesMax, 'x');
  auto first = post_shared("a", request(), large), second = post_shared("a", request(), large), third = post_shared("a", request(), large);
  go_on();
  EXPECT_EQ(body(first), "1" + large);
  EXPECT_EQ(body(second), "2" + large);
  EXPECT_EQ(body(third), "3" + large);
}

TEST_F(HeldPool, those_who_share_an_answer_count_each_among_those_who_wait) {
  start({.waiting_max = 2});
  auto first = post_shared("a"), second = post_shared("a"), third = post_shared("a");
  EXPECT_EQ(answer(third), std::pair(503u, std::string("reads-waiting-max")));
  go_on();
  EXPECT_EQ(body(first), "1");
  EXPECT_EQ(body(second), "1");
  auto then = post_shared("a");
  EXPECT_EQ(body(then), "2");
}

TEST_F(HeldPool, who_goes_leaves_the_answer_to_the_others) {
  start({});
  auto gone = std::make_shared<std::atomic<bool>>(false);
  HttpRequest asked = request();
  asked.gone = gone;
  auto first = post_shared("a", asked), second = post_shared("a");
  *gone = true;
  EXPECT_EQ(answer(first), std::pair(499u, std::string("client-gone")));
  go_on();
  EXPECT_EQ(body(second), "1");
}

TEST_F(HeldPool, nobody_joins_who_has_waited_for_long) {
  start({.time_max = seconds(60)});
  HttpRequest early = request();
  early.arrived -= seconds(16);
  auto first = post_shared("a", early), second = post_shared("a");
  go_on();
  EXPECT_EQ(body(first), "1");
  EXPECT_EQ(body(second), "2");
}

TEST_F(HeldPool, a_shared_answer_is_bound_to_when_the_last_asked) {
  start({});
  std::promise<ReadBounds> bounds;
  std::atomic<int> answers{0};
  HttpRequest early = request();
  early.arrived -= seconds(1);
  HttpRequest late = request();
  auto make = [&] {
    if (++answers == 1) bounds.set_value(ReadBounds::current());
    return HttpReply{200};
  };
  pool_->post_shared(
      "a", early, [](HttpReply&&) {}, make);
  pool_->post_shared(
      "a", late, [](HttpReply&&) {}, make);
  go_on();
  auto found = bounds.get_future();
  ASSERT_EQ(found.wait_for(seconds(10)), std::future_status::ready);
  ReadBounds was = found.get();
  EXPECT_EQ(was.arrived, late.arrived);
  EXPECT_EQ(was.until, early.arrived + seconds(10));
  pool_->stop();
  EXPECT_EQ(answers, 1);
}

}  // namespace
}  // namespace vtq
