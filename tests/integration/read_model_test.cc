// The read model beside a real engine: a look sees what was committed before it began, all of one moment, and says what the pipeline says.
#include "daemon/engine/read_model.h"

#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "daemon/engine/embedded_engine.h"
#include "tests/support/fake_clock.h"
#include "tests/support/recall.h"
#include "tests/support/temp_directory.h"

namespace vtq::test {
namespace {

constexpr auto kPatience = std::chrono::seconds(20);

/// A look of a visitor who looks once.
struct OneLook {
  explicit OneLook(ReadModel& model)
      : visit(model, std::chrono::steady_clock::now()), look(visit.look(std::chrono::steady_clock::now() + kPatience)) {}
  Pipeline& pipeline() const { return look->pipeline(); }

  ReadModel::Visit visit;
  std::unique_ptr<ReadModel::Look> look;
};

class ReadModelTest : public testing::Test {
 protected:
  ReadModelTest() {
    options.directory = directory / "data";
    options.store.partitions = 3;
    options.store.sync = false;
    options.tick_ms = 5;
    options.policy.durations.samples_min = 3;
    engine = std::make_unique<EmbeddedEngine>(options, clock, nullptr);
  }

  void publish(const std::vector<v1::Event>& events) {
    std::vector<Submitted> all;
    for (const v1::Event& event : events) all.push_back({event.SerializeAsString(), std::nullopt, false});
    std::promise<void> done;
    ASSERT_TRUE(engine->submit(std::move(all), [&](std::vector<Answer>&&) { done.set_value(); }));
    ASSERT_EQ(done.get_future().wait_for(kPatience), std::future_status::ready);
  }

  std::unique_ptr<OneLook> look() { return std::make_unique<OneLook>(engine->read_model()); }
  /// A model of its own, whose snapshots last so long.
  ReadModel model_with(std::chrono::milliseconds snapshot_max) {
    return {engine->store(), options.policy, options.time_source, options.entries_in_memory_max, snapshot_max};
  }
  static std::vector<std::string> seen(ReadModel::Visit& visit) {
    auto look = visit.look(std::chrono::steady_clock::now() + kPatience);
    return look ? said(look->pipeline()) : std::vector<std::string>{"no look"};
  }

  /// All that can be said of every entry and of the centres' counts.
  static std::vector<std::string> said(Pipeline& pipeline) {
    std::vector<std::string> all;
    for (Partition* partition : pipeline.owned()) {
      std::vector<CentreId> ids;
      partition->each_centre([&](const Centre& centre) { ids.push_back(centre.id); });
      std::sort(ids.begin(), ids.end());
      all.push_back(std::to_string(partition->time()) + " waiting " + std::to_string(partition->waiting()));
      for (CentreId id : ids) {
        const Centre& centre = *partition->centre(id);
        for (const auto& [cell, entries] : centre.summary.cells.all()) all.push_back(text_of(id) + " " + std::to_string(entries));
        for (const Entry* entry : centre.by_key()) all.push_back(partition->describe(centre, *entry, true).ShortDebugString());
      }
    }
    std::multiset<std::int64_t> counts;
    for (const auto& [cell, entries] : pipeline.totals())
      if (entries != 0) counts.insert(entries);
    for (std::int64_t entries : counts) all.push_back("in all " + std::to_string(entries));
    return all;
  }
  std::vector<std::string> said_by_the_pipeline() {
    return engine->ask([](Pipeline& pipeline, Store&) { return said(pipeline); }).get();
  }

  TempDirectory directory;
  EngineOptions options;
  FakeClock clock{local("2023-07-01T09:00")};
  std::unique_ptr<Engine> engine;
};

TEST_F(ReadModelTest, a_look_sees_what_was_committed_before_it_began) {
  EXPECT_EQ(look()->pipeline().reference().qualification(*parse_qualification(Ref{}.qualification)), nullptr);
  publish(reference_data());
  publish({registered({}, local("2022-10-01T09:00"))});
  EXPECT_NE(look()->pipeline().reference().qualification(*parse_qualification(Ref{}.qualification)), nullptr);
  EXPECT_EQ(said(look()->pipeline()), said_by_the_pipeline());
  publish({claimed({}, local("2023-06-01T09:00"))});
  EXPECT_EQ(said(look()->pipeline()), said_by_the_pipeline());
}

TEST_F(ReadModelTest, a_look_sees_nothing_of_commits_that_come_while_it_lasts) {
  publish(reference_data());
  publish({registered({}, local("2022-10-01T09:00"))});
  auto before = said(look()->pipeline());
  auto lasting = look();
  publish({claimed({}, local("2023-06-01T09:00")), registered({.learner = "L2"}, local("2022-10-01T09:00"))});
  // The centre is loaded only now.
  EXPECT_EQ(said(lasting->pipeline()), before);
  lasting.reset();
  EXPECT_NE(said(look()->pipeline()), before);
  EXPECT_EQ(said(look()->pipeline()), said_by_the_pipeline());
}

TEST_F(ReadModelTest, one_look_at_a_time_and_who_waits_too_long_gets_none) {
  auto first = look();
  ReadModel::Visit other(engine->read_model(), std::chrono::steady_clock::now());
  EXPECT_EQ(other.look(std::chrono::steady_clock::now() + std::chrono::milliseconds(20)), nullptr);
  first.reset();
  EXPECT_NE(look(), nullptr);
}

TEST_F(ReadModelTest, visits_share_a_snapshot_that_is_late_enough_for_them) {
  publish(reference_data());
  publish({registered({}, local("2022-10-01T09:00"))});
  ReadModel model = model_with(std::chrono::hours(1));
  auto asked = std::chrono::steady_clock::now();
  ReadModel::Visit first(model, asked), second(model, asked);
  auto before = seen(first);
  publish({claimed({}, local("2023-06-01T09:00"))});
  EXPECT_EQ(seen(first), before) << "all looks of a visit are of one moment";
  EXPECT_EQ(seen(second), before) << "it asked before the claim came";
  ReadModel::Visit third(model, std::chrono::steady_clock::now());
  EXPECT_EQ(seen(third), said_by_the_pipeline()) << "it asked after the claim was taken";
  EXPECT_NE(said_by_the_pipeline(), before);
}

TEST_F(ReadModelTest, who_asks_again_sees_what_came_since) {
  publish(reference_data());
  publish({registered({}, local("2022-10-01T09:00"))});
  ReadModel model = model_with(std::chrono::hours(1));
  ReadModel::Visit visit(model, std::chrono::steady_clock::now());
  EXPECT_EQ(seen(visit), said_by_the_pipeline());
  publish({claimed({}, local("2023-06-01T09:00"))});
  EXPECT_NE(seen(visit), said_by_the_pipeline());
  visit.ask_again();
  EXPECT_EQ(seen(visit), said_by_the_pipeline());
}

TEST_F(ReadModelTest, a_snapshot_goes_with_the_last_visitor_and_when_it_is_old) {
  publish(reference_data());
  publish({registered({}, local("2022-10-01T09:00"))});
  ReadModel lasting = model_with(std::chrono::hours(1)), brief = model_with(std::chrono::milliseconds(0));
  auto asked = std::chrono::steady_clock::now();
  std::vector<std::string> before;
  {
    ReadModel::Visit visit(lasting, asked);
    before = seen(visit);
  }
  ReadModel::Visit of_brief(brief, asked);
  EXPECT_EQ(seen(of_brief), before);
  publish({claimed({}, local("2023-06-01T09:00"))});
  ReadModel::Visit later(lasting, asked);
  EXPECT_EQ(seen(later), said_by_the_pipeline()) << "nobody visited in between";
  EXPECT_EQ(seen(of_brief), said_by_the_pipeline()) << "the snapshot was old";
  EXPECT_NE(said_by_the_pipeline(), before);
}

/// A commit shows in a snapshot before it is counted.
TEST_F(ReadModelTest, a_look_while_a_commit_is_being_written_is_of_one_moment) {
  std::vector<v1::Event> reference = reference_data(), held_back;
  std::erase_if(reference, [&](const v1::Event& event) {
    bool level_2 = event.qualification_defined().qualification() == "601/0002/7";
    if (level_2) held_back.push_back(event);
    return level_2;
  });
  ASSERT_EQ(held_back.size(), 1u);
  held_back.push_back(registered({.qualification = "601/0002/7", .learner = "L2"}, local("2022-10-01T09:00")));
  publish(reference);
  publish({registered({}, local("2022-10-01T09:00"))});
  EXPECT_EQ(look()->pipeline().totals().size(), 1u);  // the centre is known, and not in the model's memory
  std::vector<std::string> meanwhile;
  auto at_commit_points = [&](const std::function<void(CommitPoint)>& hook) {
    engine->ask([&](Pipeline&, Store& store) { store.on_commit_point(hook); }).get();
  };
  at_commit_points([&](CommitPoint point) {
    if (point == CommitPoint::after_write && meanwhile.empty()) meanwhile = said(look()->pipeline());
  });
  publish(held_back);
  at_commit_points({});
  EXPECT_EQ(meanwhile, said_by_the_pipeline());
  EXPECT_EQ(said(look()->pipeline()), said_by_the_pipeline());
}

TEST_F(ReadModelTest, who_asks_for_a_look_once_more_keeps_the_place_in_the_line) {
  publish(reference_data());
  ReadModel& model = engine->read_model();
  auto held = look();
  std::mutex mutex;
  std::vector<std::string> turns;
  auto note = [&](const std::string& name) {
    std::lock_guard lock(mutex);
    turns.push_back(name);
  };
  ReadModel::Visit first(model, std::chrono::steady_clock::now());
  EXPECT_EQ(first.look(std::chrono::steady_clock::now() + std::chrono::milliseconds(1)), nullptr);
  std::thread second([&] {
    OneLook one(model);
    note("second");
  });
  while (model.waiting() != 1) std::this_thread::yield();
  std::thread again([&] {
    auto one = first.look(std::chrono::steady_clock::now() + kPatience);
    note("first");
  });
  while (model.waiting() != 2) std::this_thread::yield();
  held.reset();
  second.join();
  again.join();
  EXPECT_EQ(turns, (std::vector<std::string>{"first", "second"}));
}

TEST_F(ReadModelTest, looks_get_their_turns_in_the_order_in_which_they_were_asked_for) {
  publish(reference_data());
  auto first = look();
  std::mutex mutex;
  std::vector<int> turns;
  std::vector<std::thread> waiting;
  for (int at = 0; at < 4; ++at) {
    std::size_t before = engine->read_model().waiting();
    waiting.emplace_back([&, at] {
      OneLook one(engine->read_model());
      std::lock_guard lock(mutex);
      turns.push_back(at);
    });
    while (engine->read_model().waiting() == before) std::this_thread::yield();
  }
  first.reset();
  for (std::thread& one : waiting) one.join();
  EXPECT_EQ(turns, (std::vector{0, 1, 2, 3}));
}

TEST_F(ReadModelTest, after_draining_it_says_what_was_committed_last) {
  publish(reference_data());
  publish({registered({}, local("2022-10-01T09:00"))});
  engine->drain();
  EXPECT_EQ(said(look()->pipeline()), said_by_the_pipeline());
}

/// Of any events, taken in bodies of any size: after each the model says what the pipeline says.
TEST_F(ReadModelTest, it_says_what_the_pipeline_says_whatever_came) {
  std::mt19937 random(20230817);
  publish(reference_data());
  std::vector<v1::Event> events;
  for (int learner = 0; learner < 60; ++learner) {
    Ref ref{.learner = "L" + std::to_string(learner)};
    for (v1::Event& event : complete_entry(ref))
      if (random() % 5 != 0) events.push_back(std::move(event));
    if (random() % 6 == 0) events.push_back(hold_placed("H" + std::to_string(learner % 4), ref, local("2023-06-20T09:00")));
    if (random() % 9 == 0) events.push_back(hold_lifted("H" + std::to_string(learner % 4), ref, local("2023-06-25T09:00")));
  }
  std::shuffle(events.begin(), events.end(), random);
  for (std::size_t at = 0; at < events.size();) {
    std::size_t count = std::min<std::size_t>(1 + random() % 25, events.size() - at);
    publish({events.begin() + static_cast<std::ptrdiff_t>(at), events.begin() + static_cast<std::ptrdiff_t>(at + count)});
    at += count;
    if (random() % 8 == 0) publish(reference_data());  // again: nothing changes
    auto by_model = said(look()->pipeline());
    ASSERT_EQ(by_model, said_by_the_pipeline()) << "after " << at << " events";
    ASSERT_FALSE(by_model.empty());
  }
}

}  // namespace
}  // namespace vtq::test
