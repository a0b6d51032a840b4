// Partitions spread over the lanes of a crew: of each the same comes out as with one lane, in the same order, and what is written is the same.
#include <algorithm>
#include <atomic>
#include <exception>
#include <numeric>
#include <random>
#include <stdexcept>
#include <thread>

#include "tests/support/recall.h"

namespace vtq::test {
namespace {

constexpr std::uint32_t kPartitions = 5;
constexpr int kCentres = 12;

/// Pieces one after another, but in any order: what depends on the order of partitions shows each time.
class ShuffledCrew final : public Crew {
 public:
  explicit ShuffledCrew(std::uint64_t seed) : random_(seed) {}
  std::size_t lanes() const override { return 4; }
  void each(std::size_t count, const std::function<void(std::size_t)>& piece) override {
    std::vector<std::size_t> order(count);
    std::iota(order.begin(), order.end(), 0u);
    std::shuffle(order.begin(), order.end(), random_);
    for (std::size_t at : order) piece(at);
  }

 private:
  std::mt19937_64 random_;
};

/// A thread for every piece: what two of them touch is for the sanitiser to find.
class ThreadedCrew final : public Crew {
 public:
  std::size_t lanes() const override { return kPartitions; }
  void each(std::size_t count, const std::function<void(std::size_t)>& piece) override {
    std::vector<std::exception_ptr> failures(count);
    std::vector<std::thread> threads;
    for (std::size_t at = 0; at < count; ++at)
      threads.emplace_back([&, at] {
        try {
          piece(at);
        } catch (...) {
          failures[at] = std::current_exception();
        }
      });
    for (std::thread& thread : threads) thread.join();
    for (std::exception_ptr& failure : failures)
      if (failure) std::rethrow_exception(failure);
  }
};

/// A store, a writer and outputs that several threads may use at once, each for other partitions. Keeps all that a partition said and wrote, in its
/// order.
class SplitStore final : public StateStore, public StateWriter, public Outputs {
 public:
  struct Part {
    FakeStore store;
    std::vector<std::string> said;
    std::uint64_t rejected = 0;
    std::string fails = {};  ///< throws this with its next output
  };
  std::vector<Part> parts{kPartitions};
  FakeStore reference;

  TimeMs time(std::uint32_t partition) override { return parts[partition].store.time(partition); }
  void each_durations(std::uint32_t partition, const std::function<void(const Durations::Key&, const Durations::Counts&)>& take) override {
    parts[partition].store.each_durations(partition, take);
  }
  void each_summary(std::uint32_t partition, const std::function<void(CentreId, CentreSummary&&)>& take) override {
    parts[partition].store.each_summary(partition, take);
  }
  void each_slot(std::uint32_t partition, CentreId centre,
                 const std::function<void(std::string_view, const Stamp&, std::string_view)>& take) override {
    parts[partition].store.each_slot(partition, centre, take);
  }
  void each_entry(std::uint32_t partition, CentreId centre, const std::function<void(Entry&&)>& take) override {
    parts[partition].store.each_entry(partition, centre, take);
  }
  void each_waiting(std::uint32_t partition, CentreId centre, const std::function<void(WaitingRecord&&)>& take) override {
    parts[partition].store.each_waiting(partition, centre, take);
  }
  void each_reference(const std::function<void(std::string_view, const Stamp&, std::string_view)>& take) override { reference.each_reference(take); }

  void put_time(std::uint32_t partition, TimeMs at) override {
    say(partition, "time " + std::to_string(at));
    parts[partition].store.put_time(partition, at);
  }
  void put_durations(std::uint32_t partition, const Durations::Key& key, const Durations::Counts& counts) override {
    // In no order of their own.
    parts[partition].store.put_durations(partition, key, counts);
  }
  void put_summary(std::uint32_t partition, CentreId centre, const CentreSummary& summary) override {
    say(partition, "summary " + text_of(centre));
    parts[partition].store.put_summary(partition, centre, summary);
  }
  void put_slot(std::uint32_t partition, CentreId centre, std::string_view slot, const Stamp& stamp, std::string_view event) override {
    say(partition, "slot " + text_of(centre) + " " + std::string(slot));
    parts[partition].store.put_slot(partition, centre, slot, stamp, event);
  }
  void put_entry(std::uint32_t partition, CentreId centre, const Entry& entry) override {
    say(partition, "entry " + text_of(centre) + " " + entry.key.learner);
    parts[partition].store.put_entry(partition, centre, entry);
  }
  void put_waiting(std::uint32_t partition, CentreId centre, const WaitingRecord& record) override {
    say(partition, "waits " + text_of(centre));
    parts[partition].store.put_waiting(partition, centre, record);
  }
  void erase_waiting(std::uint32_t partition, CentreId centre, const WaitingKey& key) override {
    say(partition, "erased " + text_of(centre));
    parts[partition].store.erase_waiting(partition, centre, key);
  }
  void put_reference(std::string_view slot, const Stamp& stamp, std::string_view event) override { reference.put_reference(slot, stamp, event); }

  void entry_status(std::uint32_t partition, CentreId, const v1::EntryStatus& status) override { say(partition, status.ShortDebugString()); }
  void result_batch(std::uint32_t partition, CentreId, const v1::ResultBatch& batch) override { say(partition, batch.ShortDebugString()); }
  void notification(std::uint32_t partition, CentreId, const v1::Notification& one) override { say(partition, one.ShortDebugString()); }
  void audit(std::uint32_t partition, AuditEntry&& entry) override { say(partition, "audit " + entry.noted.act()); }
  std::string rejected(std::uint32_t partition, v1::Rejected&& one) override {
    say(partition, one.ShortDebugString());
    return std::to_string(++parts[partition].rejected) + "-" + std::to_string(partition);
  }

 private:
  void say(std::uint32_t partition, std::string what) {
    Part& part = parts[partition];
    if (!part.fails.empty()) throw std::runtime_error(std::exchange(part.fails, {}));
    part.said.push_back(std::move(what));
  }
};

/// One call of the pipeline.
struct Step {
  std::vector<v1::Event> events;
  TimeMs now = 0;
  bool frozen = false;
  bool evict = false;
};

std::string centre_number(std::uint64_t at) { return std::to_string(10001 + at % kCentres); }

Step reference_step() {
  Step step{.events = reference_data(), .now = local("2022-09-01T09:00")};
  for (int centre = 0; centre < kCentres; ++centre) {
    v1::Event event = event_at(local("2022-08-01T09:00"));
    event.mutable_centre_defined()->set_centre(centre_number(static_cast<std::uint64_t>(centre)));
    event.mutable_centre_defined()->set_name("College");
    step.events.push_back(event);
  }
  return step;
}

v1::Event any_event(std::mt19937_64& random, TimeMs now) {
  TimeMs at = now - static_cast<TimeMs>(random() % (20 * kDayMs));
  Ref ref{.centre = centre_number(random()), .learner = "L" + std::to_string(random() % 8)};
  switch (random() % 16) {
    case 0:
    case 1:
    case 2:
      return registered(ref, at);
    case 3:
      return answered(ref, at, static_cast<v1::CheckpointAnswered::Answer>(1 + random() % 4));
    case 4:
    case 5:
      return achieved(ref, at, {"A", "B", "C"});
    case 6:
    case 7:
      return claimed(ref, at);
    case 8:
    case 9:
      return determined(ref, at, random() % 4 ? "Pass" : "Nonsense");
    case 10:
      return amended(ref, at, random() % 2 ? "Merit" : "Pass");
    case 11:
      return random() % 2 ? hold_placed("H1", ref, at) : hold_lifted("H1", ref, at);
    case 12:
      return withdrawn(ref, at);
    case 13:
      return batch_acknowledged(at, ref.centre + ".RN5001.2023-08.000" + std::to_string(1 + random() % 3));
    case 14:
      return issuing_halted(at, random() % 3 == 0, random() % 2 ? "*" : ref.centre);
    default: {
      v1::Event event = event_at(at);
      auto* fact = event.mutable_release_planned();
      fact->set_centre(random() % 2 ? "*" : ref.centre);
      fact->set_awarding_organisation("RN5001");
      fact->set_series("2023-08");
      fact->set_level(v1::LEVEL_3);
      fact->set_first_issue_at("2023-07-" + std::to_string(10 + random() % 20) + "T06:00");
      return event;
    }
  }
}

std::vector<Step> any_season(std::mt19937_64& random) {
  std::vector<Step> steps{reference_step()};
  for (TimeMs now = local("2023-05-20T09:00"); now < local("2023-09-01T09:00"); now += static_cast<TimeMs>(1 + random() % (5 * kDayMs))) {
    Step step{.now = now, .frozen = random() % 9 == 0, .evict = random() % 5 == 0};
    // Of few events, of none, and of more than enough to share out.
    std::size_t count = random() % 3 ? random() % 250 : random() % 3;
    for (std::size_t at = 0; at < count; ++at) step.events.push_back(any_event(random, now));
    if (random() % 6 == 0) step.events.push_back(reference_data()[random() % 12]);
    steps.push_back(std::move(step));
  }
  return steps;
}

std::string text_of_verdict(const Verdict& verdict) {
  return std::to_string(static_cast<int>(verdict.kind)) + " " + (verdict.why ? verdict.why->rule + " " + verdict.why->value : "") + " " +
         std::to_string(verdict.until_ms) + " " + verdict.rejected_id + (verdict.clash.any() ? " clash" : "");
}

struct Played {
  std::vector<std::string> verdicts;
  std::vector<std::vector<std::string>> said;  ///< by partition, with what it wrote
  std::vector<std::map<std::string, std::string>> records;
};

Played play(const std::vector<Step>& steps, Crew* crew, TimeSource source = TimeSource::wall, Policy policy = {}) {
  policy.durations.samples_min = 3;
  SplitStore store;
  Pipeline pipeline(policy, source, kPartitions, store, store, crew);
  pipeline.restore();
  Played played;
  for (const Step& step : steps) {
    std::vector<std::string> bytes(step.events.size());
    std::vector<Inbound> batch;
    for (std::size_t at = 0; at < step.events.size(); ++at) {
      bytes[at] = step.events[at].SerializeAsString();
      batch.push_back({&step.events[at], bytes[at], check(step.events[at]).value()});
    }
    std::size_t consumed = 0;
    for (bool finished = false; !finished;) {
      auto progress = pipeline.process(std::span(batch).subspan(consumed), step.now, step.frozen);
      for (std::size_t at = 0; at < progress.consumed; ++at) played.verdicts.push_back(text_of_verdict(pipeline.verdicts()[at]));
      consumed += progress.consumed;
      finished = progress.finished;
      pipeline.write(store);
    }
    if (step.evict) pipeline.evict(0);
  }
  for (SplitStore::Part& part : store.parts) {
    played.said.push_back(std::move(part.said));
    played.records.push_back(part.store.records());
  }
  played.records.push_back(store.reference.records());
  return played;
}

void expect_same(const Played& one, const Played& other, std::uint64_t seed) {
  ASSERT_EQ(one.verdicts, other.verdicts) << "seed " << seed;
  for (std::uint32_t at = 0; at < kPartitions; ++at) ASSERT_EQ(one.said[at], other.said[at]) << "partition " << at << ", seed " << seed;
  ASSERT_TRUE(one.records == other.records) << "seed " << seed;
}

std::size_t batches_in(const Played& played) {
  std::size_t found = 0;
  for (const auto& said : played.said)
    found += static_cast<std::size_t>(std::count_if(said.begin(), said.end(), [](const std::string& one) { return one.starts_with("batch:"); }));
  return found;
}

TEST(Lanes, give_of_each_partition_what_one_lane_gives) {
  std::size_t issued = 0;
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    std::mt19937_64 random(seed);
    std::vector<Step> steps = any_season(random);
    Played one = play(steps, nullptr);
    ShuffledCrew shuffled(seed);
    expect_same(one, play(steps, &shuffled), seed);
    issued += batches_in(one);
  }
  EXPECT_GT(issued, 100u);
}

TEST(Lanes, of_threads_give_of_each_partition_what_one_lane_gives) {
  for (std::uint64_t seed = 101; seed <= 104; ++seed) {
    std::mt19937_64 random(seed);
    std::vector<Step> steps = any_season(random);
    ThreadedCrew threads;
    expect_same(play(steps, nullptr), play(steps, &threads), seed);
  }
}

/// By which lane a partition is worked on is left open, and so must be what comes of it: here where time wakes more than one commit bears.
TEST(Lanes, give_the_same_whichever_of_them_is_faster) {
  Policy small;
  small.woken_per_commit_max = 20;
  for (std::uint64_t seed = 201; seed <= 215; ++seed) {
    std::mt19937_64 random(seed);
    std::vector<Step> steps = any_season(random);
    ShuffledCrew shuffled(seed), otherwise(seed + 1000);
    expect_same(play(steps, &shuffled, TimeSource::wall, small), play(steps, &otherwise, TimeSource::wall, small), seed);
  }
}

TEST(Lanes, give_the_same_where_time_comes_from_events) {
  for (std::uint64_t seed = 301; seed <= 310; ++seed) {
    std::mt19937_64 random(seed);
    std::vector<Step> steps = any_season(random);
    ShuffledCrew shuffled(seed);
    expect_same(play(steps, nullptr, TimeSource::event), play(steps, &shuffled, TimeSource::event), seed);
  }
}

/// How many commits it takes to move time on to a late day, where entries of one partition wake and no others.
int commits_to_wake(std::size_t most, Crew* crew) {
  Policy policy;
  policy.woken_per_commit_max = most;
  SplitStore store;
  Pipeline pipeline(policy, TimeSource::wall, kPartitions, store, store, crew);
  pipeline.restore();
  std::vector<v1::Event> events = reference_step().events;
  for (std::uint64_t at = 0; at < 20 * kCentres; ++at) {
    std::string centre = centre_number(at % kCentres);
    if (murmur2_partition(centre, kPartitions) != murmur2_partition(centre_number(1), kPartitions)) continue;
    events.push_back(registered({.centre = centre, .learner = "L" + std::to_string(at)}, local("2022-10-01T09:00")));
  }
  std::vector<std::string> bytes;
  for (const v1::Event& event : events) bytes.push_back(event.SerializeAsString());
  std::vector<Inbound> batch;
  for (std::size_t at = 0; at < events.size(); ++at) batch.push_back({&events[at], bytes[at], check(events[at]).value()});
  EXPECT_EQ(pipeline.process(batch, local("2022-10-02T09:00")).consumed, batch.size());
  for (bool finished = false; !finished; pipeline.write(store)) finished = pipeline.process({}, local("2022-10-02T09:00")).finished;
  int commits = 1;
  while (!pipeline.process({}, local("2023-09-01T09:00")).finished) {
    pipeline.write(store);
    ++commits;
  }
  return commits;
}

TEST(Lanes, leave_to_one_partition_alone_what_one_lane_leaves_to_it) {
  for (std::size_t most : {20u, 100u, 1000u}) {
    ShuffledCrew shuffled(most);
    EXPECT_EQ(commits_to_wake(most, &shuffled), commits_to_wake(most, nullptr)) << most;
  }
  EXPECT_GT(commits_to_wake(20, nullptr), 1);
}

TEST(Lanes, of_partitions_that_fail_the_first_says_why) {
  ThreadedCrew threads;
  SplitStore store;
  Pipeline pipeline({}, TimeSource::wall, kPartitions, store, store, &threads);
  pipeline.restore();
  std::mt19937_64 random(1);
  std::vector<Step> steps{reference_step(), {.events = {}, .now = local("2023-06-01T09:00")}};
  for (std::uint64_t at = 0; at < 100; ++at)
    steps[1].events.push_back(registered({.centre = centre_number(at), .learner = "L" + std::to_string(at)}, local("2022-10-01T09:00")));
  auto process = [&](const Step& step) {
    std::vector<std::string> bytes;
    for (const v1::Event& event : step.events) bytes.push_back(event.SerializeAsString());
    std::vector<Inbound> batch;
    for (std::size_t at = 0; at < bytes.size(); ++at) batch.push_back({&step.events[at], bytes[at], check(step.events[at]).value()});
    pipeline.process(batch, step.now);
  };
  process(steps[0]);
  pipeline.write(store);
  store.parts[1].fails = "the second";
  store.parts[3].fails = "the fourth";
  try {
    process(steps[1]);
    FAIL() << "it went on";
  } catch (const std::runtime_error& failure) {
    EXPECT_STREQ(failure.what(), "the second");
  }
}

}  // namespace
}  // namespace vtq::test
