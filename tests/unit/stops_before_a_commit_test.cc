// A stop comes while so much wakes that a commit is due before its batch is through, and the process ends after that commit.
#include <gtest/gtest.h>

#include "tests/support/recall.h"

namespace vtq::test {
namespace {

class StopsBeforeACommit : public testing::Test {
 protected:
  StopsBeforeACommit() : season(TimeSource::wall, one_wake_a_commit(), 2) {
    season.play(reference_data(), local("2022-09-01T09:00"));
    for (std::uint32_t number = 20'001; centres[0].size() < 2 || centres[1].empty(); ++number)
      centres[season.pipeline->partition_of(CentreId{number})].push_back(text_of(CentreId{number}));
    for (const auto& [partition, numbers] : centres)
      for (const std::string& number : numbers) season.play({known(number)}, local("2022-09-01T09:00"));
    season.play(complete_entry(stopped()), local("2023-06-20T09:00"));
    season.time_passes(local("2023-09-01T09:00"));
    EXPECT_EQ(season.outputs.batches.size(), 1u);
    // Two centres of the partition before it, each with a fact whose time is over then: more than one commit bears.
    for (const std::string& number : {centres[0][0], centres[0][1]})
      season.play({claimed({.centre = number, .learner = "N1"}, local("2023-09-01T09:00"))}, local("2023-09-01T10:00"));
  }

  static v1::Event known(const std::string& number) {
    v1::Event event = event_at(local("2022-08-01T09:00"));
    event.mutable_centre_defined()->set_centre(number);
    event.mutable_centre_defined()->set_name("School");
    return event;
  }
  static Policy one_wake_a_commit() {
    Policy policy;
    policy.woken_per_commit_max = 1;
    return policy;
  }
  std::string second() const { return centres.at(1)[0]; }
  Ref stopped() const { return {.centre = second()}; }

  /// One call of `process`, and its commit.
  Pipeline::Progress one_commit(const v1::Event& event, TimeMs now) {
    std::string bytes = event.SerializeAsString();
    Inbound inbound{&event, bytes, check(event).value()};
    auto progress = season.pipeline->process(std::span(&inbound, 1), now);
    season.pipeline->write(season.store);
    return progress;
  }
  void starts_again() {
    season.pipeline = std::make_unique<Pipeline>(season.policy, season.source, 2u, season.store, season.outputs);
    season.pipeline->restore();
  }

  std::map<std::uint32_t, std::vector<std::string>> centres;  // by partition
  Season season;
  const TimeMs later = local("2023-09-20T09:00");
};

TEST_F(StopsBeforeACommit, a_revocation_is_corrected_though_the_process_ends_after_it) {
  v1::Event revocation = revoked(stopped(), local("2023-09-20T08:00"));
  Pipeline::Progress progress = one_commit(revocation, later);
  ASSERT_FALSE(progress.finished) << "a commit is due in between";
  ASSERT_EQ(progress.consumed, 0u);
  starts_again();
  season.play({revocation}, later);
  ASSERT_EQ(season.outputs.batches.size(), 2u);
  EXPECT_EQ(season.outputs.batches.back().kind(), v1::ResultBatch::CORRECTION);
  EXPECT_EQ(season.outputs.batches.back().issued_at().seconds() * 1000, later);
}
TEST_F(StopsBeforeACommit, what_it_touched_can_leave_memory_after_that_commit) {
  ASSERT_FALSE(one_commit(revoked(stopped(), local("2023-09-20T08:00")), later).finished);
  season.pipeline->evict(0);
  season.time_passes(later);
  EXPECT_EQ(season.outputs.batches.size(), 2u);
}

}  // namespace
}  // namespace vtq::test
