#include "daemon/kafka/publisher.h"

#include <pthread.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "daemon/kafka/inputs.h"
#include "daemon/kafka/outgoing.h"
#include "daemon/kafka/record.h"
#include "daemon/process/log.h"

namespace vtq::kafka {
namespace {

using Steady = std::chrono::steady_clock;

/// Between one replacement and the next, while nothing is delivered: at first, and at most.
constexpr std::chrono::milliseconds kReplaceFirst{100}, kReplaceLast{30'000};

}  // namespace

/// One event under way, in one record or, for a TimeReached, in many.
struct Publisher::Pending {
  std::function<void(bool)> done;
  std::atomic<std::size_t>& queued_bytes;
  std::atomic<std::uint64_t>& delivered;
  std::size_t bytes;
  std::atomic<bool> failed{false};

  Pending(std::function<void(bool)> with, std::atomic<std::size_t>& queued, std::atomic<std::uint64_t>& so_far, std::size_t size)
      : done(std::move(with)), queued_bytes(queued), delivered(so_far), bytes(size) {
    queued_bytes += bytes;
  }
  ~Pending() {
    queued_bytes -= bytes;
    if (!failed) ++delivered;
    if (done) done(!failed);
  }
};

Publisher::Publisher(const Settings& settings, const TopicNames& names)
    : settings_(settings),
      names_(names),
      partitions_(static_cast<std::uint32_t>(settings.partitions)),
      by_event_time_(settings.time_source == "event"),
      registry_topics_(registry_topics(settings)),
      producer_(new_producer()) {
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "publisher");
}

Publisher::~Publisher() { stop(); }

Publisher::Producer Publisher::new_producer() const {
  Properties properties = common_properties(settings_, "publisher");
  properties.insert(properties.end(), {{"enable.idempotence", "true"},
                                       {"linger.ms", "2"},
                                       {"batch.num.messages", "10000"},
                                       {"compression.type", "lz4"},
                                       {"queue.buffering.max.messages", "1000000"},
                                       {"message.timeout.ms", std::to_string(settings_.kafka_broker_wait_seconds * 1000)}});
  Config config = make_config(properties);
  rd_kafka_conf_set_dr_msg_cb(config.get(), [](rd_kafka_t*, const rd_kafka_message_t* report, void*) {
    std::unique_ptr<std::shared_ptr<Pending>> pending(static_cast<std::shared_ptr<Pending>*>(report->_private));
    if (report->err) (*pending)->failed = true;
  });
  Producer made{.client = make_client(RD_KAFKA_PRODUCER, std::move(config)), .topics = {}};
  for (std::size_t topic = 0; topic < kInputTopics; ++topic) {
    made.topics[topic].reset(rd_kafka_topic_new(made.client.get(), names_.of(static_cast<Topic>(topic)).c_str(), nullptr));
    if (!made.topics[topic]) throw KafkaError("Kafka: cannot publish: " + text_of(rd_kafka_last_error()) + ". Check kafka.topic_prefix.");
  }
  return made;
}

void Publisher::stop() {
  if (stopping_.exchange(true)) return;
  thread_.join();
  await_publishing().unlock();
  empty(producer_.client.get());
}

/// Purged, nothing waits for a broker any more: what is left are the reports, and each is an answer that somebody holds memory for.
void Publisher::empty(rd_kafka_t* client) {
  do {
    rd_kafka_purge(client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_poll(client, 10);
  } while (rd_kafka_outq_len(client) > 0);
}

/// Alone with the producer. Who waits behind everything that was published before is let go.
std::unique_lock<std::shared_mutex> Publisher::await_publishing() {
  std::unique_lock alone(publishing_, std::defer_lock);
  while (!alone.try_lock()) empty(producer_.client.get());
  return alone;
}

void Publisher::run() {
  // Where brokers take no producer at all, as one that may not write, another is tried less and less often.
  std::chrono::milliseconds wait{0};
  auto next = Steady::time_point::min();
  std::uint64_t delivered_before = 0;
  while (!stopping_) {
    rd_kafka_poll(producer_.client.get(), 50);
    char why[512];
    rd_kafka_resp_err_t code = rd_kafka_fatal_error(producer_.client.get(), why, sizeof why);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    if (std::uint64_t delivered = delivered_; delivered != delivered_before) {
      delivered_before = delivered;
      next = Steady::time_point::min();
      wait = {};
    }
    if (Steady::now() < next) continue;
    log::write(log::Level::warning, "the producer of published events can no longer be used; another takes its place",
               {{"why", std::string(why)}, {"error", std::string(rd_kafka_err2name(code))}});
    try {
      replace_producer();
    } catch (const KafkaError& error) {
      log::write(log::Level::error, "no other producer can be made", {{"why", std::string(error.what())}});
    }
    wait = std::clamp(2 * wait, kReplaceFirst, kReplaceLast);
    next = Steady::now() + wait;
  }
}

void Publisher::replace_producer() {
  Producer other = new_producer();
  replacing_ = true;
  {
    auto alone = await_publishing();
    std::swap(producer_, other);
  }
  empty(other.client.get());
  replacing_ = false;
}

bool Publisher::produce(Topic topic, std::int32_t partition, std::string_view key, std::string_view value, std::int64_t timestamp_ms,
                        std::shared_ptr<Pending> pending, std::string_view by) {
  auto held = std::make_unique<std::shared_ptr<Pending>>(std::move(pending));
  std::string framed;
  if (registry_topics_.contains(topic)) value = framed = in_registry_format(value);
  rd_kafka_topic_t* to = producer_.topics[static_cast<std::size_t>(topic)].get();
  // Most have no header: librdkafka makes none of them then.
  rd_kafka_resp_err_t error =
      by.empty()
          ? rd_kafka_producev(producer_.client.get(), RD_KAFKA_V_RKT(to), RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                              RD_KAFKA_V_KEY(key.data(), key.size()), RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()),
                              RD_KAFKA_V_TIMESTAMP(timestamp_ms), RD_KAFKA_V_OPAQUE(held.get()), RD_KAFKA_V_END)
          : rd_kafka_producev(producer_.client.get(), RD_KAFKA_V_RKT(to), RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                              RD_KAFKA_V_KEY(key.data(), key.size()), RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()),
                              RD_KAFKA_V_TIMESTAMP(timestamp_ms), RD_KAFKA_V_HEADER(kByHeader.data(), by.data(), static_cast<ssize_t>(by.size())),
                              RD_KAFKA_V_OPAQUE(held.get()), RD_KAFKA_V_END);
  if (error) return false;
  static_cast<void>(held.release());  // the delivery report's now
  return true;
}

bool Publisher::publish(const v1::Event& event, std::string_view bytes, const Address& address, std::function<void(bool)> done, std::string_view by) {
  std::shared_lock held(publishing_);
  // What was queued before and did not arrive is not told of yet while a producer is replaced: no time may be said to have come behind it.
  auto is_refused = [&] { return stopping_ || (replacing_ && event.has_time_reached()); };
  if (is_refused()) return false;
  // 0: the record is stamped as it is produced. In event time the stamps give the order, so they never go back. What is about the service
  // itself has no part in it.
  std::int64_t timestamp = 0;
  if (by_event_time_ && !address.moves_time) {
    timestamp = std::max<std::int64_t>(latest_ms_, kEarliestEventMs);
  } else if (by_event_time_) {
    timestamp = latest_ms_;
    while (address.at_ms > timestamp && !latest_ms_.compare_exchange_weak(timestamp, address.at_ms)) {
    }
    timestamp = std::max<std::int64_t>(timestamp, address.at_ms);
  }
  auto pending = std::make_shared<Pending>(std::move(done), queued_bytes_, delivered_, bytes.size());
  if (!event.has_time_reached()) {
    bool queued = address.everywhere ? produce(Topic::reference, 0, slot_of(event), bytes, timestamp, pending, by)
                                     : produce(address.topic, static_cast<std::int32_t>(murmur2_partition(text_of(address.centre), partitions_)),
                                               text_of(address.centre), bytes, timestamp, pending, by);
    if (!queued) {
      pending->failed = true;
      pending->done = {};
    }
    return queued;
  }
  // Behind everything that was published before: a partition may say that it has come so far only when it has.
  rd_kafka_flush(producer_.client.get(), -1);
  if (is_refused()) {
    pending->failed = true;
    pending->done = {};
    return false;
  }
  bool all = produce(Topic::reference, 0, "time-reached", bytes, timestamp, pending);
  for (Topic topic : kCentreTopics)
    for (std::uint32_t partition = 0; partition < partitions_; ++partition)
      all = produce(topic, static_cast<std::int32_t>(partition), "*", bytes, timestamp, pending) && all;
  if (!all) pending->failed = true;
  return true;
}

}  // namespace vtq::kafka
