// The ceiling: consumes the six input topics as a member of a group, parses each event, and produces one record as large as an
// EntryStatus for each, in transactions that carry the offsets. No state, no decisions. Ends when it has committed all that the topics
// held when it began, and prints one JSON object of figures.
#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "tests/bench/machine.h"
#include "tests/bench/peer/kafka.h"
#include "vtq/v1/event.pb.h"
#include "vtq/v1/output.pb.h"

namespace vtq::bench {
namespace {

struct Options {
  std::string bootstrap = "127.0.0.1:19092";
  std::string prefix = "vtq.";
  std::string group = "bare-loop";
  int commit_interval_ms = 100;
};

constexpr std::size_t kBatch = 10'000;
constexpr int kTimeoutMs = 30'000;

/// As large as the statuses of a season are on average.
std::string usual_status() {
  v1::EntryStatus status;
  status.mutable_entry()->set_centre("12345");
  status.mutable_entry()->set_qualification("603/6917/6");
  status.mutable_entry()->set_series("2023-08");
  status.mutable_entry()->set_learner("B0046488");
  status.set_awarding_organisation("RN5217");
  status.set_level(v1::LEVEL_3);
  status.set_stage(v1::CLAIMED);
  status.set_need(v1::PROGRESSION_CRITICAL);
  status.set_band(v1::ON_TRACK);
  status.set_next_step(v1::DETERMINE_RESULT);
  status.set_next_owner(v1::AWARDING_ORGANISATION);
  for (auto* time : {status.mutable_next_due_at(), status.mutable_issue_deadline(), status.mutable_as_of()}) time->set_seconds(1'692'000'000);
  status.mutable_as_of()->set_nanos(123'000'000);
  status.set_batch("12345.RN5217.2023-08.0001");
  return status.SerializeAsString();
}

class Loop {
 public:
  explicit Loop(const Options& options)
      : options_(options),
        consumer_(make_client(RD_KAFKA_CONSUMER, {{"bootstrap.servers", options.bootstrap},
                                                  {"group.id", options.group},
                                                  {"isolation.level", "read_committed"},
                                                  {"auto.offset.reset", "earliest"},
                                                  {"enable.auto.commit", "false"},
                                                  {"enable.auto.offset.store", "false"},
                                                  {"queued.min.messages", "200000"},
                                                  {"fetch.wait.max.ms", "100"},
                                                  {"max.partition.fetch.bytes", "4194304"},
                                                  {"socket.nagle.disable", "true"}})),
        producer_(make_client(RD_KAFKA_PRODUCER, {{"bootstrap.servers", options.bootstrap},
                                                  {"transactional.id", options.group},
                                                  {"transaction.timeout.ms", "60000"},
                                                  {"linger.ms", "5"},
                                                  {"batch.num.messages", "10000"},
                                                  {"queue.buffering.max.messages", "500000"},
                                                  {"socket.nagle.disable", "true"}})),
        status_(usual_status()) {
    rd_kafka_poll_set_consumer(consumer_.get());
    create_topics(producer_.get(), {{out_name(), static_cast<int>(partition_count(producer_.get(), options.prefix + kInputs[0]))}});
    out_.reset(rd_kafka_topic_new(producer_.get(), out_name().c_str(), nullptr));
    check_error(rd_kafka_init_transactions(producer_.get(), kTimeoutMs), "starting transactions");
    find_ends();
    subscribe();
  }

  ~Loop() { rd_kafka_consumer_close(consumer_.get()); }

  /// Returns what it took from the first record on.
  Usage run() {
    Queue queue(rd_kafka_queue_get_consumer(consumer_.get()));
    std::vector<rd_kafka_message_t*> batch(kBatch);
    std::optional<Usage> first;
    auto commit_due = std::chrono::steady_clock::now();
    while (left_ > 0) {
      ssize_t count = rd_kafka_consume_batch_queue(queue.get(), options_.commit_interval_ms, batch.data(), batch.size());
      if (count < 0) check_error(rd_kafka_last_error(), "consuming");
      if (count > 0 && !first) first = Usage::now();
      for (ssize_t at = 0; at < count; ++at) take(batch[static_cast<std::size_t>(at)]);
      rd_kafka_poll(producer_.get(), 0);
      if (in_transaction_ && (left_ <= 0 || std::chrono::steady_clock::now() >= commit_due)) {
        commit();
        commit_due = std::chrono::steady_clock::now() + std::chrono::milliseconds(options_.commit_interval_ms);
      }
    }
    return first ? Usage::now() - *first : Usage{};
  }

  std::uint64_t events() const { return events_; }
  std::uint64_t transactions() const { return transactions_; }

 private:
  std::string out_name() const { return options_.prefix + "bare-loop"; }

  void find_ends() {
    for (const char* name : kInputs) {
      std::string topic = options_.prefix + name;
      auto partitions = static_cast<std::int32_t>(partition_count(producer_.get(), topic));
      for (std::int32_t partition = 0; partition < partitions; ++partition) {
        std::int64_t low = 0, high = 0;
        check_error(rd_kafka_query_watermark_offsets(producer_.get(), topic.c_str(), partition, &low, &high, kTimeoutMs), topic);
        left_ += high - low;
      }
    }
  }

  void subscribe() {
    Partitions topics(rd_kafka_topic_partition_list_new(static_cast<int>(kInputs.size())));
    for (const char* name : kInputs) rd_kafka_topic_partition_list_add(topics.get(), (options_.prefix + name).c_str(), RD_KAFKA_PARTITION_UA);
    check_error(rd_kafka_subscribe(consumer_.get(), topics.get()), "subscribing");
  }

  void take(rd_kafka_message_t* taken) {
    Message message(taken);
    check_error(message->err, "consuming");
    if (!event_.ParseFromArray(message->payload, static_cast<int>(message->len))) throw std::runtime_error("a record is no Event");
    if (!in_transaction_) {
      check_error(rd_kafka_begin_transaction(producer_.get()), "beginning a transaction");
      in_transaction_ = true;
    }
    produce(
        producer_.get(),
        {.topic = out_.get(), .partition = message->partition, .key = {static_cast<const char*>(message->key), message->key_len}, .value = status_});
    next_[{message->rkt, message->partition}] = message->offset + 1;
    ++events_;
    --left_;
  }

  void commit() {
    Partitions offsets(rd_kafka_topic_partition_list_new(static_cast<int>(next_.size())));
    for (const auto& [from, next] : next_)
      rd_kafka_topic_partition_list_add(offsets.get(), rd_kafka_topic_name(from.first), from.second)->offset = next;
    rd_kafka_consumer_group_metadata_t* group = rd_kafka_consumer_group_metadata(consumer_.get());
    rd_kafka_error_t* error = rd_kafka_send_offsets_to_transaction(producer_.get(), offsets.get(), group, kTimeoutMs);
    rd_kafka_consumer_group_metadata_destroy(group);
    check_error(error, "sending offsets");
    check_error(rd_kafka_commit_transaction(producer_.get(), kTimeoutMs), "committing");
    next_.clear();
    in_transaction_ = false;
    ++transactions_;
  }

  const Options& options_;
  Client consumer_;
  Client producer_;
  Topic out_;
  std::string status_;
  v1::Event event_;
  std::map<std::pair<rd_kafka_topic_t*, std::int32_t>, std::int64_t> next_;  // offsets of the transaction
  bool in_transaction_ = false;
  std::int64_t left_ = 0;
  std::uint64_t events_ = 0;
  std::uint64_t transactions_ = 0;
};

int run(const Options& options) {
  nlohmann::ordered_json figures;
  Loop loop(options);
  Usage used = loop.run();
  auto events = static_cast<double>(loop.events());
  figures["events"] = loop.events();
  figures["transactions"] = loop.transactions();
  figures["seconds"] = used.wall_seconds;
  figures["events_per_second"] = events / used.wall_seconds;
  figures["cpu_seconds"] = used.cpu_seconds;
  figures["cpu_seconds_per_million_events"] = used.cpu_seconds / events * 1e6;
  figures["record_bytes"] = usual_status().size();
  figures["peak_memory_bytes"] = peak_memory_bytes();
  std::cout << figures.dump() << '\n';
  return 0;
}

}  // namespace
}  // namespace vtq::bench

int main(int argc, char** argv) {
  CLI::App app("Consumes, parses and produces, with nothing in between");
  vtq::bench::Options options;
  app.add_option("--bootstrap", options.bootstrap, "Bootstrap servers");
  app.add_option("--prefix", options.prefix, "Prefix of the topics");
  app.add_option("--group", options.group, "Consumer group, and id of the transactions; a new one begins at the beginning");
  app.add_option("--commit-interval-ms", options.commit_interval_ms, "Time between commits")->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  try {
    return vtq::bench::run(options);
  } catch (const std::exception& error) {
    std::cerr << "kafka_bare_loop: " << error.what() << '\n';
    return 1;
  }
}
