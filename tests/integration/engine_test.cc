// The engine on a real store and a fake clock: answers come after their commit, the queue pushes back, draining answers everything.
#include "daemon/engine/embedded_engine.h"

#include <condition_variable>
#include <mutex>
#include <set>

#include "tests/support/fake_clock.h"
#include "tests/support/season.h"
#include "tests/support/temp_directory.h"

namespace vtq::test {
namespace {

constexpr auto kPatience = std::chrono::seconds(20);

std::vector<Submitted> submitted(const std::vector<v1::Event>& events) {
  std::vector<Submitted> all;
  for (const v1::Event& event : events) all.push_back({event.SerializeAsString(), std::nullopt, false});
  return all;
}

/// Counts what a test waits for.
class Probe final : public EngineProbe {
 public:
  void batch_processed(double, double, std::size_t events) override { batches.push_back(events); }
  void event_processed(Topic, Verdict::Kind) override {}
  void event_rejected(std::string_view rule) override { rules.insert(std::string(rule)); }
  void event_warned(std::string_view rule) override { warned.insert(std::string(rule)); }

  // Of the engine's thread; read after `drain`.
  std::vector<std::size_t> batches;
  std::multiset<std::string> rules;
  std::multiset<std::string> warned;
};

class EngineTest : public testing::Test {
 protected:
  EngineTest() {
    options.directory = directory / "data";
    options.store.partitions = 2;
    options.store.sync = false;
    options.tick_ms = 5;
  }
  ~EngineTest() override { let_go(); }

  void start() { engine = std::make_unique<EmbeddedEngine>(options, clock, &probe); }

  std::vector<Answer> answers_to(std::vector<Submitted> events) {
    auto promise = std::make_shared<std::promise<std::vector<Answer>>>();
    auto future = promise->get_future();
    EXPECT_TRUE(engine->submit(std::move(events), [promise](std::vector<Answer>&& got) { promise->set_value(std::move(got)); }));
    if (future.wait_for(kPatience) != std::future_status::ready) throw std::runtime_error("no answer came in time");
    return future.get();
  }
  std::vector<Answer> answers_to(const std::vector<v1::Event>& events) { return answers_to(submitted(events)); }

  /// Keeps the engine's thread busy until `let_go`, so that what is submitted queues up.
  void hold() {
    std::promise<void> held;
    auto reached = held.get_future();
    engine->post([&, go = let_go_.get_future().share()](Pipeline&, Store&) {
      held.set_value();
      go.wait();
    });
    reached.wait();
    holding_ = true;
  }
  void let_go() {
    if (std::exchange(holding_, false)) let_go_.set_value();
  }

  /// Wall-clock time as the pipeline sees it, once it has come to `now`.
  void time_passes(TimeMs now) {
    clock.set(now);
    for (auto until = std::chrono::steady_clock::now() + kPatience; std::chrono::steady_clock::now() < until;) {
      auto reached = engine->ask([](Pipeline& pipeline, Store&) { return pipeline.time(); });
      if (reached.get() >= now) return;
    }
    FAIL() << "the pipeline did not come to " << now;
  }

  TempDirectory directory;
  EngineOptions options;
  FakeClock clock{local("2022-09-01T09:00")};
  Probe probe;
  std::unique_ptr<Engine> engine;

 private:
  std::promise<void> let_go_;
  bool holding_ = false;
};

std::vector<v1::Event> complete(const Ref& ref, TimeMs at) {
  return {registered(ref, at), answered(ref, at), achieved(ref, at, {"A", "B", "C"}), claimed(ref, at), determined(ref, at)};
}

TEST_F(EngineTest, every_event_gets_its_answer_in_order) {
  start();
  answers_to(reference_data());
  auto answers = answers_to({registered({}, local("2022-08-30T09:00")), registered({.centre = "99999"}, local("2022-08-30T09:00")),
                             claimed({.learner = "L7"}, local("2022-08-30T09:00"))});
  ASSERT_EQ(answers.size(), 3u);
  EXPECT_EQ(answers[0].verdict.kind, Verdict::Kind::accepted);
  EXPECT_EQ(answers[1].verdict.kind, Verdict::Kind::rejected);
  EXPECT_EQ(answers[2].verdict.kind, Verdict::Kind::waiting);
}

TEST_F(EngineTest, an_answer_comes_after_its_commit) {
  start();
  std::mutex mutex;
  std::vector<std::string> order;
  engine
      ->ask([&](Pipeline&, Store& store) {
        store.on_commit_point([&](CommitPoint point) {
          std::lock_guard lock(mutex);
          order.push_back(point == CommitPoint::before_write ? "before" : "after");
        });
      })
      .get();
  std::promise<void> done;
  ASSERT_TRUE(engine->submit(submitted(reference_data()), [&](std::vector<Answer>&&) {
    std::lock_guard lock(mutex);
    order.push_back("answer");
    done.set_value();
  }));
  ASSERT_EQ(done.get_future().wait_for(kPatience), std::future_status::ready);
  engine->drain();
  ASSERT_GE(order.size(), 3u);
  auto answer = std::find(order.begin(), order.end(), "answer");
  EXPECT_NE(std::find(order.begin(), answer, "after"), answer);
}

TEST_F(EngineTest, a_full_queue_pushes_back) {
  std::vector<Submitted> two(2, {std::string(600, 'x'), std::nullopt, false});
  options.queue_bytes_max = 3 * memory_of(two[0]);
  start();
  hold();
  EXPECT_TRUE(engine->submit(std::vector<Submitted>(two), [](std::vector<Answer>&&) {}));
  EXPECT_FALSE(engine->submit(std::vector<Submitted>(two), [](std::vector<Answer>&&) { ADD_FAILURE() << "was not queued"; }));
  EXPECT_LE(engine->queued_bytes(), options.queue_bytes_max);
}

TEST_F(EngineTest, a_queue_filled_exactly_to_its_limit_takes_it) {
  std::vector<Submitted> one(1, {std::string(600, 'x'), std::nullopt, false});
  options.queue_bytes_max = 2 * memory_of(one[0]);
  start();
  hold();
  EXPECT_TRUE(engine->submit(std::vector<Submitted>(one), [](std::vector<Answer>&&) {}));
  EXPECT_TRUE(engine->submit(std::vector<Submitted>(one), [](std::vector<Answer>&&) {}));
  EXPECT_FALSE(engine->submit({{"", std::nullopt, false}}, [](std::vector<Answer>&&) {}));
}

TEST_F(EngineTest, a_body_larger_than_the_queue_passes_when_nothing_else_waits) {
  options.queue_bytes_max = 100;
  start();
  EXPECT_EQ(answers_to(reference_data()).size(), reference_data().size());
}

TEST_F(EngineTest, room_in_the_queue_wakes_who_waits_once) {
  options.queue_bytes_max = 1000;
  start();
  hold();
  ASSERT_TRUE(engine->submit({{std::string(800, 'x'), std::nullopt, false}}, [](std::vector<Answer>&&) {}));
  std::promise<void> woken;
  engine->when_room([&] { woken.set_value(); });
  auto future = woken.get_future();
  EXPECT_EQ(future.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  let_go();
  EXPECT_EQ(future.wait_for(kPatience), std::future_status::ready);
}

TEST_F(EngineTest, room_that_is_there_wakes_at_once) {
  start();
  bool woken = false;
  engine->when_room([&] { woken = true; });
  EXPECT_TRUE(woken);
}

TEST_F(EngineTest, draining_answers_everything_that_was_queued) {
  start();
  hold();
  std::atomic<int> answered_events{0};
  for (int times = 0; times < 50; ++times)
    ASSERT_TRUE(engine->submit(submitted(reference_data()), [&](std::vector<Answer>&& got) { answered_events += static_cast<int>(got.size()); }));
  // All of it still waits when draining begins.
  std::thread draining([&] { engine->drain(); });
  for (auto until = std::chrono::steady_clock::now() + kPatience;
       engine->state() == EngineState::running && std::chrono::steady_clock::now() < until;)
    std::this_thread::yield();
  EXPECT_EQ(engine->state(), EngineState::draining);
  EXPECT_EQ(answered_events, 0);
  let_go();
  draining.join();
  EXPECT_EQ(answered_events, static_cast<int>(50 * reference_data().size()));
  EXPECT_EQ(engine->state(), EngineState::stopped);
  EXPECT_EQ(engine->queued_bytes(), 0u);
}

TEST_F(EngineTest, nothing_is_taken_after_draining) {
  start();
  engine->drain();
  EXPECT_FALSE(engine->submit(submitted(reference_data()), [](std::vector<Answer>&&) {}));
}

TEST_F(EngineTest, draining_twice_is_draining_once) {
  start();
  engine->drain();
  engine->drain();
  EXPECT_EQ(engine->state(), EngineState::stopped);
}

TEST_F(EngineTest, a_question_after_draining_is_still_answered) {
  start();
  answers_to(reference_data());
  engine->drain();
  EXPECT_TRUE(engine->ask([](Pipeline& pipeline, Store&) { return pipeline.reference().has_centre(*parse_centre("12345")); }).get());
}

TEST_F(EngineTest, malformed_bytes_are_rejected_and_kept) {
  start();
  auto answers = answers_to(std::vector<Submitted>{{"\xff\xff not a message", std::nullopt, false}});
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].verdict.kind, Verdict::Kind::rejected);
  ASSERT_TRUE(answers[0].verdict.why);
  EXPECT_EQ(answers[0].verdict.why->rule, "protobuf-form");
  auto kept = engine->store().rejected_record(answers[0].verdict.rejected_id);
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->original(), "\xff\xff not a message");
  EXPECT_FALSE(kept->json());
}

TEST_F(EngineTest, unreadable_json_is_rejected_with_its_reason_and_kept_as_text) {
  start();
  Submitted broken{"{\"id\": ", Rejection{"body", "json-form", "{\"id\": ", "Close the object."}, true};
  auto answers = answers_to(std::vector<Submitted>{broken});
  ASSERT_TRUE(answers[0].verdict.why);
  EXPECT_EQ(answers[0].verdict.why->rule, "json-form");
  auto kept = engine->store().rejected_record(answers[0].verdict.rejected_id);
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->original(), "{\"id\": ");
  EXPECT_TRUE(kept->json());
}

TEST_F(EngineTest, a_bad_event_does_not_stop_its_neighbours) {
  start();
  auto events = submitted(reference_data());
  events.insert(events.begin() + 3, {"\xff", std::nullopt, false});
  auto answers = answers_to(std::move(events));
  for (std::size_t at = 0; at < answers.size(); ++at)
    EXPECT_EQ(answers[at].verdict.kind, at == 3 ? Verdict::Kind::rejected : Verdict::Kind::accepted) << at;
}

TEST_F(EngineTest, an_event_a_day_ahead_of_the_clock_passes_and_a_later_one_is_rejected) {
  start();
  answers_to(reference_data());
  TimeMs latest = clock.now() + kDayMs;
  auto answers = answers_to({registered({}, latest), registered({.learner = "L2"}, latest + 1)});
  EXPECT_EQ(answers[0].verdict.kind, Verdict::Kind::accepted);
  ASSERT_TRUE(answers[1].verdict.why);
  EXPECT_EQ(answers[1].verdict.why->rule, "occurred-at-future");
}

TEST_F(EngineTest, in_event_time_no_event_is_from_the_future) {
  options.time_source = TimeSource::event;
  start();
  answers_to(reference_data());
  auto answers = answers_to({registered({}, clock.now() + 300 * kDayMs)});
  EXPECT_EQ(answers[0].verdict.kind, Verdict::Kind::accepted);
}

TEST_F(EngineTest, a_warning_comes_with_the_answer) {
  start();
  v1::Event event = reference_data()[5];
  auto answers = answers_to({event});
  EXPECT_EQ(answers[0].verdict.kind, Verdict::Kind::accepted);
  ASSERT_EQ(answers[0].warnings.size(), 1u);
  EXPECT_EQ(answers[0].warnings[0].rule, "qualification-check-digit");
}

TEST_F(EngineTest, a_question_sees_the_committed_state) {
  start();
  answers_to(reference_data());
  answers_to({registered({}, local("2022-08-30T09:00"))});
  CentreId centre = *parse_centre("12345");
  auto entries = engine
                     ->ask([&](Pipeline& pipeline, Store& store) {
                       std::size_t stored = 0;
                       store.each_entry(pipeline.partition_of(centre), centre, [&](Entry&&) { ++stored; });
                       return std::pair(pipeline.partition(pipeline.partition_of(centre)).centre(centre)->entries.size(), stored);
                     })
                     .get();
  EXPECT_EQ(entries.first, 1u);
  EXPECT_EQ(entries.second, 1u);
}

TEST_F(EngineTest, after_a_commit_no_more_entries_are_in_memory_than_the_limit) {
  options.entries_in_memory_max = 3;
  start();
  answers_to(reference_data());
  for (const char* centre : {"12345", "54321"})
    for (const char* learner : {"L1", "L2", "L3"}) answers_to({registered({.centre = centre, .learner = learner}, local("2022-08-30T09:00"))});
  auto loaded = engine
                    ->ask([&](Pipeline& pipeline, Store&) {
                      std::size_t entries = 0;
                      for (std::uint32_t partition = 0; partition < options.store.partitions; ++partition)
                        entries += pipeline.partition(partition).entries_loaded();
                      return entries;
                    })
                    .get();
  EXPECT_LE(loaded, 3u);
  // What was unloaded is read again when it is asked for.
  CentreId first = *parse_centre("12345");
  EXPECT_EQ(
      engine->ask([&](Pipeline& pipeline, Store&) { return pipeline.partition(pipeline.partition_of(first)).centre(first)->entries.size(); }).get(),
      3u);
}

TEST_F(EngineTest, what_a_question_throws_reaches_who_asked) {
  start();
  auto future = engine->ask([](Pipeline&, Store&) -> int { throw std::runtime_error("looked too closely"); });
  EXPECT_THROW(future.get(), std::runtime_error);
  EXPECT_EQ(engine->state(), EngineState::running);
}

TEST_F(EngineTest, time_alone_issues_a_batch) {
  start();
  answers_to(reference_data());
  clock.set(local("2023-07-01T09:00"));
  answers_to(complete({}, local("2023-06-30T09:00")));
  EXPECT_EQ(engine->store().batch_count(), 0u);
  time_passes(local("2023-08-10T06:00"));
  engine->drain();
  EXPECT_EQ(engine->store().batch_count(), 1u);
}

TEST_F(EngineTest, a_restarted_engine_goes_on_where_the_last_one_stopped) {
  start();
  answers_to(reference_data());
  answers_to(complete({}, local("2022-08-30T09:00")));
  engine = nullptr;
  start();
  time_passes(local("2023-08-10T06:00"));
  engine->drain();
  auto batch = engine->store().batch(*parse_batch_id("12345.RN5001.2023-08.0001"));
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->results_size(), 1);
}

TEST_F(EngineTest, consumed_events_are_in_the_log_as_they_came) {
  start();
  answers_to(reference_data());
  v1::Event event = registered({}, local("2022-08-30T09:00"));
  answers_to({event});
  auto partition = engine->ask([](Pipeline& pipeline, Store&) { return pipeline.partition_of(*parse_centre("12345")); }).get();
  auto log = engine->store().read_log(Topic::registrations, partition, 0, 10);
  ASSERT_EQ(log.size(), 1u);
  EXPECT_EQ(log[0].key, "12345");
  EXPECT_EQ(log[0].value, event.SerializeAsString());
  EXPECT_EQ(log[0].appended_ms, clock.now());
}

TEST_F(EngineTest, a_commit_takes_no_more_events_than_its_limit) {
  options.batch_events_max = 30;
  start();
  hold();
  std::atomic<int> answered_events{0};
  for (int times = 0; times < 10; ++times)
    ASSERT_TRUE(engine->submit(submitted(reference_data()), [&](std::vector<Answer>&& got) { answered_events += static_cast<int>(got.size()); }));
  let_go();
  engine->drain();
  EXPECT_EQ(answered_events, static_cast<int>(10 * reference_data().size()));
  for (std::size_t events : probe.batches) EXPECT_LE(events, 30u);
}

/// A season of many centres in pieces; what is said of every entry and issued in the end.
std::multiset<std::string> season_on_threads(EngineOptions options, const std::filesystem::path& directory, std::size_t threads, TimeSource source) {
  options.directory = directory;
  options.store.partitions = 6;
  options.threads = threads;
  options.time_source = source;
  FakeClock clock{local("2022-09-01T09:00")};
  EmbeddedEngine engine(options, clock, nullptr);
  auto post = [&](const std::vector<v1::Event>& events) {
    auto done = std::make_shared<std::promise<void>>();
    EXPECT_TRUE(engine.submit(submitted(events), [done](std::vector<Answer>&&) { done->set_value(); }));
    EXPECT_EQ(done->get_future().wait_for(kPatience), std::future_status::ready);
  };
  std::vector<v1::Event> reference = reference_data();
  auto centre_number = [](int at) { return std::to_string(10001 + at); };
  for (int at = 0; at < 20; ++at) {
    v1::Event event = event_at(local("2022-08-01T09:00"), "centre-" + std::to_string(at));
    event.mutable_centre_defined()->set_centre(centre_number(at));
    event.mutable_centre_defined()->set_name("College");
    reference.push_back(event);
  }
  post(reference);
  TimeMs at = local("2023-05-01T09:00");
  for (int learner = 0; learner < 15; ++learner) {
    std::vector<v1::Event> events;
    for (int centre = 0; centre < 20; ++centre) {
      Ref ref{.centre = centre_number(centre), .learner = "L" + std::to_string(learner)};
      for (v1::Event event : {registered(ref, at), achieved(ref, at + 1, {"A", "B", "C"}), claimed(ref, at + 2), determined(ref, at + 3)}) {
        event.set_id("e" + std::to_string(at += 10));  // the same whenever it is made
        if ((centre + learner) % 7 != 0 || !event.has_claim_submitted()) events.push_back(event);
      }
      // One that is rejected once its window closes.
      if (centre == learner) events.push_back(determined(ref, at += 10, "Nonsense"));
    }
    clock.set(std::max(at, clock.now()));
    post(events);
  }
  clock.set(local("2023-08-25T09:00"));
  v1::Event end = event_at(local("2023-08-25T09:00"));
  end.mutable_time_reached()->set_centre("*");
  post({end});
  post({});
  std::multiset<std::string> said;
  engine
      .ask([&](Pipeline& pipeline, Store& store) {
        EXPECT_EQ(pipeline.time(), local("2023-08-25T09:00"));
        for (Partition* partition : pipeline.owned()) {
          std::vector<CentreId> ids;
          partition->each_centre([&](const Centre& centre) { ids.push_back(centre.id); });
          for (CentreId id : ids) {
            const Centre& centre = *partition->centre(id);
            for (const Entry* entry : centre.by_key()) said.insert(partition->describe(centre, *entry, true).ShortDebugString());
          }
        }
        for (const v1::ResultBatch& batch : store.batches(std::nullopt, std::nullopt, 1000)) said.insert(batch.ShortDebugString());
        said.insert("rejected " + std::to_string(store.rejected_count()));
        return 0;
      })
      .get();
  return said;
}

TEST_F(EngineTest, a_season_on_four_threads_ends_as_on_one) {
  for (TimeSource source : {TimeSource::wall, TimeSource::event}) {
    std::string name = source == TimeSource::wall ? "wall" : "event";
    auto one = season_on_threads(options, directory / (name + "-1"), 1, source);
    auto four = season_on_threads(options, directory / (name + "-4"), 4, source);
    EXPECT_GT(one.size(), 300u);
    EXPECT_TRUE(one == four) << name;
    EXPECT_GE(std::count_if(one.begin(), one.end(), [](const std::string& line) { return line.starts_with("batch:"); }), 20) << name;
  }
}

TEST_F(EngineTest, lag_is_the_age_of_the_oldest_waiting_event) {
  start();
  EXPECT_EQ(engine->lag_seconds(), 0.0);
  hold();
  ASSERT_TRUE(engine->submit(submitted(reference_data()), [](std::vector<Answer>&&) {}));
  clock.set(clock.now() + 5000);
  EXPECT_DOUBLE_EQ(engine->lag_seconds(), 5.0);
  let_go();
  engine->drain();
  EXPECT_EQ(engine->lag_seconds(), 0.0);
}

TEST_F(EngineTest, a_store_that_breaks_fails_the_engine_and_says_why) {
  start();
  answers_to(reference_data());
  engine
      ->ask([&](Pipeline&, Store& store) {
        store.on_commit_point([](CommitPoint point) {
          if (point == CommitPoint::before_write) throw StoreError("the disk is gone");
        });
      })
      .get();
  std::promise<std::size_t> answers;
  ASSERT_TRUE(
      engine->submit(submitted({registered({}, local("2022-08-30T09:00"))}), [&](std::vector<Answer>&& got) { answers.set_value(got.size()); }));
  auto future = answers.get_future();
  ASSERT_EQ(future.wait_for(kPatience), std::future_status::ready);
  EXPECT_EQ(future.get(), 0u);
  engine->drain();
  EXPECT_EQ(engine->state(), EngineState::failed);
  EXPECT_EQ(engine->failure(), "the disk is gone");
  EXPECT_FALSE(engine->submit(submitted(reference_data()), [](std::vector<Answer>&&) {}));
}

}  // namespace
}  // namespace vtq::test
