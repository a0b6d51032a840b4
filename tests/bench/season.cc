// Plays a season from a file of length-delimited events into a store of its own, as fast as it goes, and prints one JSON object of
// figures. With --statuses and --batches it also writes what came out, for comparison with the truth. With --stop-before and --then it
// stops at the first event that occurred at or after the one time, and measures how long everything takes that is due by the other:
// all batches, when the times are the first release and the last issue deadline. With --wall time is a clock's that stands still.
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/time_util.h>
#include <csignal>

#include <CLI/CLI.hpp>
#include <chrono>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "daemon/engine/embedded_engine.h"
#include "tests/bench/machine.h"

namespace vtq::bench {
namespace {

struct SystemClock final : Clock {
  TimeMs now() const override {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  }
};

struct StandingClock final : Clock {
  explicit StandingClock(TimeMs at) : at_(at) {}
  TimeMs now() const override { return at_; }

 private:
  TimeMs at_;
};

struct Options {
  std::string events;
  std::string directory;
  std::string statuses;
  std::string batches;
  bool sync = true;
  std::size_t events_per_body = 5'000;
  std::string stop_before;
  std::string then;
  std::string wall;
  bool kill_at_end = false;
  bool open_only = false;
  EngineOptions engine;
};

/// Reads delimited events one by one.
class EventFile {
 public:
  explicit EventFile(const std::string& path) : file_(std::fopen(path.c_str(), "rb")), raw_(fileno(file_), 1 << 20) {}
  ~EventFile() { std::fclose(file_); }

  bool next(std::string& bytes) {
    // A fresh stream each time keeps its total-bytes limit out of the way.
    google::protobuf::io::CodedInputStream in(&raw_);
    std::uint32_t size = 0;
    return in.ReadVarint32(&size) && in.ReadString(&bytes, static_cast<int>(size));
  }

 private:
  std::FILE* file_;
  google::protobuf::io::FileInputStream raw_;
};

/// Hands bodies to the engine; waits while its queue is full; counts answers.
class Feed {
 public:
  explicit Feed(Engine& engine) : engine_(engine) {}

  void send(std::vector<Submitted>&& events) {
    {
      std::lock_guard lock(mutex_);
      ++open_;
    }
    for (;;) {
      std::vector<Submitted> copy = std::move(events);
      if (engine_.submit(std::move(copy), [this](std::vector<Answer>&& answers) { answered(answers); })) return;
      events = std::move(copy);
      std::promise<void> room;
      engine_.when_room([&] { room.set_value(); });
      room.get_future().wait();
    }
  }

  void wait() {
    std::unique_lock lock(mutex_);
    done_.wait(lock, [&] { return open_ == 0; });
  }

  std::map<Verdict::Kind, std::uint64_t> outcomes;

 private:
  void answered(const std::vector<Answer>& answers) {
    std::lock_guard lock(mutex_);
    for (const Answer& answer : answers) ++outcomes[answer.verdict.kind];
    --open_;
    done_.notify_one();
  }

  Engine& engine_;
  std::mutex mutex_;
  std::condition_variable done_;
  std::size_t open_ = 0;
};

std::string json_of(const google::protobuf::Message& message) {
  std::string json;
  auto status = google::protobuf::util::MessageToJsonString(message, &json);
  if (!status.ok()) throw std::runtime_error("an output has no JSON form: " + std::string(status.message()));
  return json;
}

void write_results(Engine& engine, const Options& options) {
  if (!options.statuses.empty()) {
    std::ofstream out(options.statuses);
    engine
        .ask([&](Pipeline& pipeline, Store&) {
          for (std::uint32_t index = 0; index < pipeline.partitions(); ++index) {
            Partition& partition = pipeline.partition(index);
            std::vector<CentreId> ids;
            partition.each_centre([&](const Centre& centre) { ids.push_back(centre.id); });
            for (CentreId id : ids) {
              const Centre* centre = partition.centre(id);
              for (const Entry& entry : centre->entries) out << json_of(partition.describe(*centre, entry, false)) << '\n';
            }
          }
          return 0;
        })
        .get();
  }
  if (options.batches.empty()) return;
  std::ofstream out(options.batches);
  std::optional<BatchId> after;
  for (;;) {
    auto page = engine.store().batches({}, after, 1000);
    if (page.empty()) break;
    for (const auto& batch : page) out << json_of(batch) << '\n';
    after = parse_batch_id(page.back().batch());
  }
}

/// A TimeReached event, as submitted.
Submitted time_reached(const google::protobuf::Timestamp& at) {
  v1::Event event;
  event.set_id("bench-time");
  event.set_source("bench");
  *event.mutable_occurred_at() = at;
  event.mutable_time_reached()->set_centre("*");
  return {.event = event.SerializeAsString()};
}

google::protobuf::Timestamp time_of(const std::string& text) {
  google::protobuf::Timestamp at;
  if (!text.empty() && !google::protobuf::util::TimeUtil::FromString(text, &at)) throw CLI::ValidationError(text + " is not an RFC 3339 time");
  return at;
}

double open_seconds(const Options& options, Clock& clock) {
  auto started = std::chrono::steady_clock::now();
  EmbeddedEngine engine(options.engine, clock, nullptr);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
}

int run(Options options) {
  SystemClock system;
  StandingClock standing(google::protobuf::util::TimeUtil::TimestampToMilliseconds(time_of(options.wall)));
  Clock& clock = options.wall.empty() ? static_cast<Clock&>(system) : standing;
  if (options.stop_before.empty()) options.stop_before = options.wall;
  options.engine.directory = options.directory;
  options.engine.store.sync = options.sync;
  options.engine.time_source = options.wall.empty() ? TimeSource::event : TimeSource::wall;
  nlohmann::ordered_json figures;
  if (options.open_only) {
    figures["startup_seconds"] = open_seconds(options, clock);
    std::cout << figures.dump(2) << '\n';
    return 0;
  }
  auto stop_before = time_of(options.stop_before);
  {
    EmbeddedEngine engine(options.engine, clock, nullptr);
    Feed feed(engine);
    EventFile file(options.events);
    Usage before = Usage::now();
    std::uint64_t events = 0;
    std::vector<Submitted> body;
    Submitted event;
    v1::Event parsed;
    while (file.next(event.event)) {
      if (!options.stop_before.empty()) {
        parsed.ParseFromString(event.event);
        if (parsed.occurred_at() >= stop_before) break;
      }
      ++events;
      body.push_back(std::move(event));
      event = {};
      if (body.size() < options.events_per_body) continue;
      feed.send(std::move(body));
      body = {};
    }
    if (!body.empty()) feed.send(std::move(body));
    feed.wait();
    if (!options.then.empty()) {
      auto started = std::chrono::steady_clock::now();
      std::vector<Submitted> last;
      last.push_back(time_reached(time_of(options.then)));
      feed.send(std::move(last));
      feed.wait();
      figures["issue_seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
    }
    Usage used = Usage::now() - before;
    figures["events"] = events;
    figures["entries"] = engine
                             .ask([](Pipeline& pipeline, Store&) {
                               std::int64_t sum = 0;
                               for (const auto& [cell, entries] : pipeline.totals()) sum += entries;
                               return sum;
                             })
                             .get();
    figures["batches"] = engine.store().batch_count();
    figures["rejected"] = engine.store().rejected_count();
    figures["seconds"] = used.wall_seconds;
    figures["events_per_second"] = static_cast<double>(events) / used.wall_seconds;
    figures["cpu_seconds_per_million_events"] = used.cpu_seconds / static_cast<double>(events) * 1e6;
    figures["events_per_cpu_second"] = static_cast<double>(events) / used.cpu_seconds;
    figures["events_per_pipeline_cpu_second"] =
        static_cast<double>(events) / engine.ask([](Pipeline&, Store&) { return thread_cpu_seconds(); }).get();
    figures["outcomes"] = {{"accepted", feed.outcomes[Verdict::Kind::accepted]},
                           {"superseded", feed.outcomes[Verdict::Kind::superseded]},
                           {"duplicate", feed.outcomes[Verdict::Kind::duplicate]},
                           {"waiting", feed.outcomes[Verdict::Kind::waiting]},
                           {"rejected", feed.outcomes[Verdict::Kind::rejected]}};
    figures["peak_memory_bytes"] = peak_memory_bytes();
    write_results(engine, options);
    if (options.kill_at_end) {
      std::cout << figures.dump(2) << std::endl;
      std::raise(SIGKILL);
    }
  }
  figures["startup_seconds"] = open_seconds(options, clock);
  EmbeddedEngine engine(options.engine, clock, nullptr);
  StoreSizes sizes = engine.store().sizes();
  figures["disk_bytes_per_entry"] = {{"state", sizes.state_bytes / figures["entries"].get<std::uint64_t>()},
                                     {"log", sizes.log_bytes / figures["entries"].get<std::uint64_t>()},
                                     {"total", sizes.total_bytes / figures["entries"].get<std::uint64_t>()}};
  std::cout << figures.dump(2) << '\n';
  return 0;
}

}  // namespace
}  // namespace vtq::bench

int main(int argc, char** argv) {
  CLI::App app("Plays a season into the embedded log and prints figures");
  vtq::bench::Options options;
  auto* events = app.add_option("--events", options.events, "Length-delimited events")->check(CLI::ExistingFile);
  app.add_option("--data", options.directory, "Directory for the store")->required();
  app.add_option("--statuses", options.statuses, "Write final statuses there, JSON Lines");
  app.add_option("--batches", options.batches, "Write result batches there, JSON Lines");
  app.add_option("--sync", options.sync, "Wait for the disk at each commit");
  app.add_option("--threads", options.engine.threads, "Threads of the pipeline");
  app.add_option("--wall", options.wall, "Where the wall clock stands (RFC 3339); what occurred from then on is left out");
  app.add_option("--events-per-commit", options.engine.batch_events_max, "Events in one commit at most");
  app.add_option("--write-buffer", options.engine.store.write_buffer_bytes, "Bytes of a memtable");
  app.add_option("--wal-max", options.engine.store.wal_bytes_max, "Bytes of write-ahead log kept");
  app.add_option("--stop-before", options.stop_before, "Leave out what occurred from this time on (RFC 3339)");
  app.add_option("--then", options.then, "Then let this time come, and measure what is due by it");
  app.add_flag("--kill-at-end", options.kill_at_end, "End with kill -9, leaving the store as it is");
  app.add_flag("--open-only", options.open_only, "Only open the store and measure that")->excludes(events);
  CLI11_PARSE(app, argc, argv);
  return vtq::bench::run(options);
}
