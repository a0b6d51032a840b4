// Publishes a season from a file of length-delimited events to Kafka, as publishers would: each fact to its topic, keyed by centre, on
// the partition that murmur2 of the key names; reference data and commands for all to the reference topic, keyed by their slot. What
// moves time goes to every partition. Prints one JSON object of figures.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <iostream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>
#include <vector>

#include "pipeline/intake/check.h"
#include "tests/bench/machine.h"
#include "tests/bench/peer/kafka.h"

namespace vtq::bench {
namespace {

struct Options {
  std::string bootstrap = "127.0.0.1:19092";
  std::string prefix = "vtq.";
  std::string events;
  std::string compression = "none";
  int partitions = 8;
  bool create = false;
  bool event_time = true;
  bool headers = false;
  bool finish = false;
  std::uint64_t rate = 0;
  std::uint64_t limit = 0;
  std::uint64_t mark_every = 0;
};

constexpr TimeMs kYearMs = 365 * kDayMs;

void create_all(rd_kafka_t* client, const Options& options) {
  std::vector<NewTopic> topics{{options.prefix + "reference", 1, true}};
  for (const char* name : kInputs) topics.push_back({options.prefix + name, options.partitions});
  for (const char* name : {"entry-status", "result-batches", "notifications", "rejected"})
    topics.push_back({options.prefix + name, options.partitions});
  create_topics(client, topics);
}

class Load {
 public:
  explicit Load(const Options& options) : options_(options), producer_(new_producer()) {
    if (options_.create) create_all(producer_.get(), options_);
    partitions_ = counted(options_.prefix + kInputs[0]);
  }

  void run() {
    if (!options_.events.empty()) send_file();
    if (options_.finish) send_time_reached(latest_ms_ + kYearMs);
    flush();
    while (lost_count()) {
      begin_anew();
      flush();
    }
    if (!undelivered_.empty()) throw std::runtime_error(std::to_string(undelivered_.size()) + " records were not delivered");
  }

  std::uint64_t events() const { return events_; }
  std::uint64_t delivered_records() const { return delivered_; }

 private:
  /// A record that was not delivered, as it was produced.
  struct Kept {
    std::string topic, key, value;
    std::int32_t partition = 0;
    std::int64_t timestamp_ms = 0;
    std::uintptr_t number = 0;
    std::unique_ptr<rd_kafka_headers_t, Destroy<rd_kafka_headers_destroy>> headers;
  };

  static void delivered(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
    Load& self = *static_cast<Load*>(opaque);
    if (!message->err) {
      ++self.delivered_;
      return;
    }
    Kept kept{.topic = rd_kafka_topic_name(message->rkt),
              .key = text(message->key, message->key_len),
              .value = text(message->payload, message->len),
              .partition = message->partition,
              .timestamp_ms = rd_kafka_message_timestamp(message, nullptr),
              .number = reinterpret_cast<std::uintptr_t>(message->_private),
              .headers = nullptr};
    rd_kafka_headers_t* headers = nullptr;
    if (!rd_kafka_message_headers(message, &headers)) kept.headers.reset(rd_kafka_headers_copy(headers));
    self.undelivered_.push_back(std::move(kept));
  }

  static std::string text(const void* bytes, std::size_t size) { return bytes ? std::string(static_cast<const char*>(bytes), size) : std::string(); }

  Client new_producer() {
    return make_client(RD_KAFKA_PRODUCER,
                       {{"bootstrap.servers", options_.bootstrap},
                        {"enable.idempotence", "true"},
                        {"linger.ms", "10"},
                        {"batch.num.messages", "10000"},
                        {"queue.buffering.max.messages", "500000"},
                        {"compression.type", options_.compression},
                        {"topic.metadata.propagation.max.ms", "600000"},
                        {"socket.nagle.disable", "true"}},
                       delivered, this);
  }

  void flush() {
    while (rd_kafka_outq_len(producer_.get()) > 0) rd_kafka_flush(producer_.get(), 1000);
  }

  /// A broker that is killed at a bad moment has not what the producer thinks it has. Such a producer can never be used again.
  bool lost_count() const { return rd_kafka_fatal_error(producer_.get(), nullptr, 0) != RD_KAFKA_RESP_ERR_NO_ERROR; }

  /// With another producer, sends again what is not known to be delivered, in its order: some of it twice, which does no harm.
  void begin_anew() {
    while (lost_count()) {
      std::cerr << "the producer lost count of what the brokers have; sending again what is not known to be delivered\n";
      rd_kafka_purge(producer_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
      flush();
      topics_.clear();
      producer_ = new_producer();
      std::vector<Kept> again = std::exchange(undelivered_, {});
      std::sort(again.begin(), again.end(), [](const Kept& a, const Kept& b) { return a.number < b.number; });
      for (auto at = again.begin(); at != again.end(); ++at) {
        Outgoing record{topic_handle(at->topic), at->partition, at->key, at->value, at->timestamp_ms, at->number};
        try {
          produce(producer_.get(), record, at->headers ? rd_kafka_headers_copy(at->headers.get()) : nullptr);
        } catch (const std::runtime_error&) {
          if (!lost_count()) throw;
          std::move(at, again.end(), std::back_inserter(undelivered_));
          break;
        }
      }
    }
  }

  /// Partitions of a topic. One that was created a moment ago may not be known yet, nor to a broker just started.
  std::uint32_t counted(const std::string& topic) {
    for (auto until = std::chrono::steady_clock::now() + kTopicsReturnIn;;) {
      try {
        return static_cast<std::uint32_t>(partition_count(producer_.get(), topic));
      } catch (const std::exception&) {
        if (std::chrono::steady_clock::now() >= until) throw;
        rd_kafka_poll(producer_.get(), 100);
      }
    }
  }

  void send_file() {
    EventFile file(options_.events);
    auto started = std::chrono::steady_clock::now();
    std::string bytes;
    v1::Event event;
    while ((options_.limit == 0 || events_ < options_.limit) && file.next(bytes)) {
      if (!event.ParseFromString(bytes)) throw std::runtime_error("event " + std::to_string(events_ + 1) + " is no Event");
      Result<Address> address = check(event);
      if (!address) throw std::runtime_error(event.id() + ": " + address.error().message);
      if (options_.mark_every != 0 && events_ >= marked_ + options_.mark_every && address.value().at_ms > latest_ms_) mark();
      send(event, bytes, address.value());
      if (event.has_time_reached()) continue;  // marks stay where they would be without it
      ++events_;
      if (events_ % 1024 == 0) rd_kafka_poll(producer_.get(), 0);
      if (events_ % 500'000 == 0) std::cerr << events_ << " events\n";
      // Open loop: the schedule does not wait for the broker.
      if (options_.rate != 0 && events_ % 16 == 0)
        std::this_thread::sleep_until(started + std::chrono::nanoseconds(events_ * 1'000'000'000 / options_.rate));
    }
  }

  /// Says to every partition that nothing of the present moment comes any more.
  void mark() {
    send_time_reached(latest_ms_);
    marked_ = events_;
  }

  void send(const v1::Event& event, const std::string& bytes, const Address& address) {
    latest_ms_ = std::max(latest_ms_, address.at_ms);
    if (event.has_time_reached()) return send_everywhere(event, bytes);
    if (address.everywhere) return send_to("reference", 0, slot_of(event), event, bytes);
    std::string key = text_of(address.centre);
    send_to(topic_name(address.topic).substr(4), murmur2_partition(key, partitions_), key, event, bytes);
  }

  void send_everywhere(const v1::Event& event, const std::string& bytes) {
    for (const char* name : kInputs)
      for (std::uint32_t partition = 0; partition < partitions_; ++partition) send_to(name, partition, "*", event, bytes);
    send_to("reference", 0, "*", event, bytes);
  }

  void send_time_reached(TimeMs at) {
    v1::Event event;
    event.set_id("load-time");
    event.set_source("load");
    event.mutable_occurred_at()->set_seconds(at / 1000);
    event.mutable_time_reached()->set_centre("*");
    latest_ms_ = at;
    send_everywhere(event, event.SerializeAsString());
  }

  void send_to(std::string_view topic, std::uint32_t partition, std::string_view key, const v1::Event& event, const std::string& bytes) {
    const std::uintptr_t number = ++numbered_;
    for (;;) {
      Outgoing record{.topic = topic_handle(options_.prefix + std::string(topic)),
                      .partition = static_cast<std::int32_t>(partition),
                      .key = key,
                      .value = bytes,
                      .timestamp_ms = options_.event_time ? latest_ms_ : 0,
                      .number = number};
      try {
        return produce(producer_.get(), record, options_.headers ? cloud_event_headers(event) : nullptr);
      } catch (const std::runtime_error&) {
        if (!lost_count()) throw;
        begin_anew();
      }
    }
  }

  rd_kafka_topic_t* topic_handle(std::string_view name) {
    auto at = topics_.find(name);
    if (at == topics_.end()) {
      Topic topic(rd_kafka_topic_new(producer_.get(), std::string(name).c_str(), nullptr));
      at = topics_.emplace(name, std::move(topic)).first;
    }
    return at->second.get();
  }

  /// CloudEvents' Kafka binding, binary mode.
  static rd_kafka_headers_t* cloud_event_headers(const v1::Event& event) {
    rd_kafka_headers_t* headers = rd_kafka_headers_new(6);
    auto add = [&](const char* name, const std::string& value) {
      rd_kafka_header_add(headers, name, -1, value.data(), static_cast<ssize_t>(value.size()));
    };
    add("ce_specversion", "1.0");
    add("ce_id", event.id());
    add("ce_type", "vtq.v1." + fact_name(event));
    add("ce_source", event.source());
    add("ce_time", utc_text(event.occurred_at().seconds() * 1000 + event.occurred_at().nanos() / 1'000'000));
    add("content-type", "application/protobuf");
    return headers;
  }

  const Options& options_;
  Client producer_;
  std::map<std::string, Topic, std::less<>> topics_;
  std::uint32_t partitions_ = 0;
  TimeMs latest_ms_ = 0;
  std::uint64_t events_ = 0;
  std::uint64_t marked_ = 0;  ///< how many of them were sent before the last mark
  std::uint64_t delivered_ = 0;
  std::uintptr_t numbered_ = 0;  ///< records so far, from 1
  std::vector<Kept> undelivered_;
};

int run(const Options& options) {
  Load load(options);
  Usage before = Usage::now();
  load.run();
  Usage used = Usage::now() - before;
  nlohmann::ordered_json figures;
  figures["events"] = load.events();
  figures["records"] = load.delivered_records();
  figures["seconds"] = used.wall_seconds;
  figures["events_per_second"] = static_cast<double>(load.events()) / used.wall_seconds;
  figures["cpu_seconds"] = used.cpu_seconds;
  std::cout << figures.dump() << '\n';
  return 0;
}

}  // namespace
}  // namespace vtq::bench

int main(int argc, char** argv) {
  CLI::App app("Publishes a season to Kafka");
  vtq::bench::Options options;
  std::string time = "event";
  app.add_option("--bootstrap", options.bootstrap, "Bootstrap servers");
  app.add_option("--prefix", options.prefix, "Prefix of the topics");
  app.add_option("--events", options.events, "Length-delimited events")->check(CLI::ExistingFile);
  app.add_flag("--create", options.create, "Create the topics first, where they are missing");
  app.add_option("--partitions", options.partitions, "Partitions of topics to create");
  app.add_option("--time", time, "Time of the records: event (latest occurred_at so far) or now")->check(CLI::IsMember({"event", "now"}));
  app.add_option("--rate", options.rate, "Events per second; 0: as fast as it goes");
  app.add_option("--limit", options.limit, "Only so many events; 0: all");
  app.add_option("--compression", options.compression, "none, lz4, zstd, snappy or gzip");
  app.add_flag("--headers", options.headers, "With CloudEvents headers");
  app.add_option("--mark-every", options.mark_every, "Say to all partitions how far time has come, each time so many events were sent");
  app.add_flag("--finish", options.finish, "End with the time a year after the last event");
  CLI11_PARSE(app, argc, argv);
  options.event_time = time == "event";
  try {
    return vtq::bench::run(options);
  } catch (const std::exception& error) {
    std::cerr << "kafka_load: " << error.what() << '\n';
    return 1;
  }
}
