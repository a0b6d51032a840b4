// Time from publishing a fact to reading the status that follows from it. Publishes events at a given rate, open loop: registrations
// of fresh learners, each of which makes exactly one first transition, among outcomes of learners registered before. Reads the status
// topic, committed records only, and matches them by learner. Centres and qualifications are those of a season that kafka_load has
// played before; the series is one to come. Prints one JSON object of figures.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <thread>

#include "pipeline/base/identifiers.h"
#include "tests/bench/machine.h"
#include "tests/bench/peer/kafka.h"
#include "vtq/v1/event.pb.h"
#include "vtq/v1/output.pb.h"

namespace vtq::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string bootstrap = "127.0.0.1:19092";
  std::string prefix = "vtq.";
  std::string events;
  std::string series;
  std::uint64_t rate = 5'000;
  double seconds = 20;
  double warm_up_seconds = 5;
  double drain_seconds = 10;
  double registered = 0.2;
  std::uint64_t seed = 1;
};

/// What entries can be made of: centres, and qualifications with their units and the grade for each.
struct Catalogue {
  struct Qualification {
    std::string number;
    std::vector<std::string> units;
    std::string unit_scale;
  };
  std::vector<std::string> centres;
  std::vector<Qualification> qualifications;
  std::map<std::string, std::string> grade_of_scale;

  explicit Catalogue(const std::string& path) {
    EventFile file(path);
    std::string bytes;
    v1::Event event;
    while (file.next(bytes) && event.ParseFromString(bytes)) {
      if (event.has_centre_defined()) centres.push_back(event.centre_defined().centre());
      if (event.has_qualification_defined()) add(event.qualification_defined());
      if (event.has_grading_scale_defined()) grade_of_scale[event.grading_scale_defined().name()] = event.grading_scale_defined().grades(0).value();
      if (event.has_registered()) break;  // reference data stands before all others
    }
    if (centres.empty() || qualifications.empty()) throw std::runtime_error(path + " defines no centres or no qualifications");
  }

 private:
  void add(const v1::QualificationDefined& fact) {
    if (fact.units().empty()) return;
    Qualification& made = qualifications.emplace_back();
    made.number = fact.qualification();
    made.unit_scale = fact.unit_grading_scale();
    for (const auto& unit : fact.units()) made.units.push_back(unit.code());
  }
};

/// Learners of this run, by number: `T<run>-<number>`.
class Learners {
 public:
  Learners() : prefix_("T" + std::to_string(std::time(nullptr) % 100'000'000) + "-") {}

  std::string name(std::uint64_t number) const { return prefix_ + std::to_string(number); }
  std::optional<std::uint64_t> number(const std::string& name) const {
    if (!name.starts_with(prefix_)) return std::nullopt;
    return std::stoull(name.substr(prefix_.size()));
  }

 private:
  std::string prefix_;
};

/// When each registration was due to be sent, and how long its status took; nanoseconds. Written by one thread each.
struct Times {
  explicit Times(std::size_t most) : sent(most), took(most) {}
  std::vector<std::atomic<std::int64_t>> sent;
  std::vector<std::atomic<std::int64_t>> took;  ///< 0: no status yet
};

std::int64_t nanoseconds_now() { return Clock::now().time_since_epoch().count(); }

/// Reads statuses until told to stop.
class Watch {
 public:
  Watch(const Options& options, const Learners& learners, Times& times)
      : learners_(learners),
        times_(times),
        consumer_(make_client(RD_KAFKA_CONSUMER, {{"bootstrap.servers", options.bootstrap},
                                                  {"group.id", "latency"},
                                                  {"isolation.level", "read_committed"},
                                                  {"enable.auto.commit", "false"},
                                                  {"fetch.wait.max.ms", "100"},
                                                  {"socket.nagle.disable", "true"}})) {
    rd_kafka_poll_set_consumer(consumer_.get());
    std::string topic = options.prefix + "entry-status";
    auto count = static_cast<std::int32_t>(partition_count(consumer_.get(), topic));
    Partitions partitions(rd_kafka_topic_partition_list_new(count));
    for (std::int32_t partition = 0; partition < count; ++partition) {
      std::int64_t low = 0, high = 0;
      // A topic that has just been made may be without a leader for a moment.
      rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
      for (int tries = 0; tries < 10; ++tries) {
        error = rd_kafka_query_watermark_offsets(consumer_.get(), topic.c_str(), partition, &low, &high, 10'000);
        if (error != RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION && error != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) break;
        std::this_thread::sleep_for(std::chrono::milliseconds(500));
      }
      check_error(error, topic);
      rd_kafka_topic_partition_list_add(partitions.get(), topic.c_str(), partition)->offset = high;
    }
    check_error(rd_kafka_assign(consumer_.get(), partitions.get()), "assigning " + topic);
    thread_ = std::thread([this] { run(); });
  }
  ~Watch() {
    stop_ = true;
    thread_.join();
    rd_kafka_consumer_close(consumer_.get());
  }

  std::uint64_t matched() const { return matched_; }

 private:
  void run() {
    Queue queue(rd_kafka_queue_get_consumer(consumer_.get()));
    std::vector<rd_kafka_message_t*> batch(1'000);
    while (!stop_) {
      // With room for one only it comes back with the first; what else is there is fetched without waiting.
      ssize_t count = rd_kafka_consume_batch_queue(queue.get(), 100, batch.data(), 1);
      if (count == 1) count += std::max<ssize_t>(rd_kafka_consume_batch_queue(queue.get(), 0, batch.data() + 1, batch.size() - 1), 0);
      std::int64_t now = nanoseconds_now();
      for (ssize_t at = 0; at < count; ++at) take(batch[static_cast<std::size_t>(at)], now);
    }
  }

  void take(rd_kafka_message_t* taken, std::int64_t now) {
    Message message(taken);
    if (message->err || !status_.ParseFromArray(message->payload, static_cast<int>(message->len))) return;
    auto number = learners_.number(status_.entry().learner());
    if (!number || *number >= times_.sent.size() || times_.took[*number] != 0) return;
    times_.took[*number] = std::max<std::int64_t>(now - times_.sent[*number], 1);
    ++matched_;
  }

  const Learners& learners_;
  Times& times_;
  Client consumer_;
  v1::EntryStatus status_;
  std::atomic<std::uint64_t> matched_ = 0;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

/// Publishes on schedule.
class Publisher {
 public:
  Publisher(const Options& options, const Learners& learners, Times& times)
      : options_(options),
        learners_(learners),
        times_(times),
        catalogue_(options.events),
        random_(options.seed),
        producer_(make_client(RD_KAFKA_PRODUCER, {{"bootstrap.servers", options.bootstrap},
                                                  {"enable.idempotence", "true"},
                                                  {"linger.ms", "1"},
                                                  {"queue.buffering.max.messages", "1000000"},
                                                  {"socket.nagle.disable", "true"}})) {
    partitions_ = partition_count(producer_.get(), options.prefix + "registrations");
    registrations_.reset(rd_kafka_topic_new(producer_.get(), (options.prefix + "registrations").c_str(), nullptr));
    assessments_.reset(rd_kafka_topic_new(producer_.get(), (options.prefix + "assessments").c_str(), nullptr));
  }

  void run(std::uint64_t events) {
    auto began = Clock::now();
    std::bernoulli_distribution registers(options_.registered);
    for (std::uint64_t number = 0; number < events; ++number) {
      auto due = began + std::chrono::nanoseconds(number * 1'000'000'000 / options_.rate);
      if (Clock::now() < due) {
        rd_kafka_poll(producer_.get(), 0);
        std::this_thread::sleep_until(due);
      }
      if (entries_.empty() || registers(random_)) {
        times_.sent[entries_.size()] = due.time_since_epoch().count();
        register_next(number);
      } else {
        record_outcome(number);
      }
    }
    seconds_ = std::chrono::duration<double>(Clock::now() - began).count();
    while (rd_kafka_outq_len(producer_.get()) > 0) rd_kafka_flush(producer_.get(), 1000);
  }

  double seconds() const { return seconds_; }
  std::uint64_t registered() const { return entries_.size(); }

 private:
  struct MadeEntry {
    std::uint32_t centre;
    std::uint32_t qualification;
    std::uint32_t outcomes = 0;
  };

  std::uint32_t any(std::size_t of) { return static_cast<std::uint32_t>(random_() % of); }

  void register_next(std::uint64_t number) {
    entries_.push_back({any(catalogue_.centres.size()), any(catalogue_.qualifications.size())});
    begin(number);
    name(*event_.mutable_registered()->mutable_entry(), entries_.size() - 1);
    send(registrations_.get(), entries_.back());
  }

  /// The next unit of some learner registered before.
  void record_outcome(std::uint64_t number) {
    std::size_t at = any(entries_.size());
    MadeEntry& entry = entries_[at];
    const Catalogue::Qualification& qualification = catalogue_.qualifications[entry.qualification];
    begin(number);
    auto& fact = *event_.mutable_outcome_recorded();
    name(*fact.mutable_entry(), at);
    v1::Outcome& outcome = *fact.add_outcomes();
    outcome.set_unit(qualification.units[entry.outcomes++ % qualification.units.size()]);
    outcome.set_standing(v1::Outcome::ACHIEVED);
    if (!qualification.unit_scale.empty()) outcome.set_grade(catalogue_.grade_of_scale[qualification.unit_scale]);
    send(assessments_.get(), entry);
  }

  void begin(std::uint64_t number) {
    event_.Clear();
    event_.set_id(learners_.name(number) + "-E");
    event_.set_source("latency");
    auto now = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
    event_.mutable_occurred_at()->set_seconds(now / 1000);
    event_.mutable_occurred_at()->set_nanos(static_cast<std::int32_t>(now % 1000) * 1'000'000);
  }

  void name(v1::EntryRef& entry, std::uint64_t at) {
    entry.set_centre(catalogue_.centres[entries_[at].centre]);
    entry.set_qualification(catalogue_.qualifications[entries_[at].qualification].number);
    entry.set_series(options_.series);
    entry.set_learner(learners_.name(at));
  }

  void send(rd_kafka_topic_t* topic, const MadeEntry& entry) {
    const std::string& centre = catalogue_.centres[entry.centre];
    event_.SerializeToString(&bytes_);
    produce(producer_.get(),
            {.topic = topic, .partition = static_cast<std::int32_t>(murmur2_partition(centre, partitions_)), .key = centre, .value = bytes_});
  }

  const Options& options_;
  const Learners& learners_;
  Times& times_;
  Catalogue catalogue_;
  std::mt19937_64 random_;
  Client producer_;
  Topic registrations_;
  Topic assessments_;
  std::uint32_t partitions_ = 0;
  std::vector<MadeEntry> entries_;
  v1::Event event_;
  std::string bytes_;
  double seconds_ = 0;
};

nlohmann::ordered_json latencies(const Times& times, std::uint64_t registered, std::int64_t counted_from) {
  std::vector<std::int64_t> took;
  std::uint64_t unmatched = 0;
  for (std::size_t at = 0; at < registered; ++at) {
    if (times.took[at] == 0) ++unmatched;
    if (times.took[at] != 0 && times.sent[at] >= counted_from) took.push_back(times.took[at]);
  }
  std::sort(took.begin(), took.end());
  auto quantile = [&](double share) -> nlohmann::ordered_json {
    if (took.empty()) return nullptr;
    return static_cast<double>(took[static_cast<std::size_t>(share * static_cast<double>(took.size() - 1))]) / 1e6;
  };
  return {{"measured", took.size()},  {"unmatched", unmatched},     {"p50_ms", quantile(0.5)},
          {"p99_ms", quantile(0.99)}, {"p999_ms", quantile(0.999)}, {"max_ms", quantile(1)}};
}

int run(const Options& options) {
  auto events = static_cast<std::uint64_t>(static_cast<double>(options.rate) * (options.warm_up_seconds + options.seconds));
  Learners learners;
  Times times(events);
  Publisher publisher(options, learners, times);
  Watch watch(options, learners, times);
  std::int64_t counted_from = nanoseconds_now() + static_cast<std::int64_t>(options.warm_up_seconds * 1e9);
  Usage before = Usage::now();
  publisher.run(events);
  auto until = Clock::now() + std::chrono::duration<double>(options.drain_seconds);
  while (watch.matched() < publisher.registered() && Clock::now() < until) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  nlohmann::ordered_json figures = {{"events", events},
                                    {"rate", options.rate},
                                    {"achieved_rate", static_cast<double>(events) / publisher.seconds()},
                                    {"registered", publisher.registered()}};
  figures.update(latencies(times, publisher.registered(), counted_from));
  figures["cpu_seconds"] = (Usage::now() - before).cpu_seconds;
  std::cout << figures.dump() << '\n';
  return 0;
}

/// The series of August in the year after this.
std::string series_to_come() {
  std::time_t now = std::time(nullptr);
  return std::to_string(std::gmtime(&now)->tm_year + 1901) + "-08";
}

}  // namespace
}  // namespace vtq::bench

int main(int argc, char** argv) {
  CLI::App app("Measures the time from a fact to its status");
  vtq::bench::Options options;
  options.series = vtq::bench::series_to_come();
  app.add_option("--bootstrap", options.bootstrap, "Bootstrap servers");
  app.add_option("--prefix", options.prefix, "Prefix of the topics");
  app.add_option("--events", options.events, "The season that kafka_load played: its centres and qualifications are used")
      ->check(CLI::ExistingFile)
      ->required();
  app.add_option("--series", options.series, "Series of the entries");
  app.add_option("--rate", options.rate, "Events per second")->check(CLI::PositiveNumber);
  app.add_option("--seconds", options.seconds, "How long to measure");
  app.add_option("--warm-up", options.warm_up_seconds, "Seconds at the same rate before that");
  app.add_option("--drain", options.drain_seconds, "Seconds to wait at the end for statuses that are missing");
  app.add_option("--registered", options.registered, "Share of events that register a learner")->check(CLI::Range(0.001, 1.0));
  app.add_option("--seed", options.seed, "Seed of the mix");
  CLI11_PARSE(app, argc, argv);
  try {
    return vtq::bench::run(options);
  } catch (const std::exception& error) {
    std::cerr << "kafka_latency: " << error.what() << '\n';
    return 1;
  }
}
