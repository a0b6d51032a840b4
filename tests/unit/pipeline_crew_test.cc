// The pipeline's threads: every piece is done once, several at once, and what fails comes out once all have ended.
#include "daemon/engine/pipeline_crew.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <set>
#include <stdexcept>
#include <string>

namespace vtq::test {
namespace {

constexpr auto kPatience = std::chrono::seconds(20);

TEST(PipelineCrew, does_every_piece_once) {
  PipelineCrew crew(4);
  for (std::size_t count : {0u, 1u, 2u, 3u, 4u, 5u, 1000u}) {
    std::vector<std::atomic<int>> done(count);
    crew.each(count, [&](std::size_t at) { ++done[at]; });
    for (const std::atomic<int>& times : done) ASSERT_EQ(times, 1) << "of " << count;
  }
}
TEST(PipelineCrew, of_one_lane_is_the_calling_thread) {
  PipelineCrew crew(1);
  EXPECT_EQ(crew.lanes(), 1u);
  std::set<std::thread::id> threads;
  crew.each(10, [&](std::size_t) { threads.insert(std::this_thread::get_id()); });
  EXPECT_EQ(threads, std::set{std::this_thread::get_id()});
}
TEST(PipelineCrew, does_as_many_pieces_at_once_as_it_has_lanes) {
  PipelineCrew crew(3);
  std::vector<std::promise<void>> begun(3);
  std::vector<std::shared_future<void>> others;
  for (std::promise<void>& one : begun) others.push_back(one.get_future().share());
  std::atomic<int> met{0};
  crew.each(3, [&](std::size_t at) {
    begun[at].set_value();
    bool all = true;
    for (const std::shared_future<void>& other : others) all = all && other.wait_for(kPatience) == std::future_status::ready;
    met += all;
  });
  EXPECT_EQ(met, 3);
}
TEST(PipelineCrew, throws_what_the_first_piece_threw_once_all_have_ended) {
  PipelineCrew crew(4);
  for (int times = 0; times < 50; ++times) {
    std::atomic<int> done{0};
    try {
      crew.each(40, [&](std::size_t at) {
        ++done;
        if (at % 10 == 7) throw std::runtime_error("piece " + std::to_string(at));
      });
      FAIL() << "nothing was thrown";
    } catch (const std::runtime_error& failure) {
      EXPECT_STREQ(failure.what(), "piece 7");
    }
    EXPECT_EQ(done, 40);
  }
  std::atomic<int> after{0};
  crew.each(4, [&](std::size_t) { ++after; });
  EXPECT_EQ(after, 4);
}

}  // namespace
}  // namespace vtq::test
