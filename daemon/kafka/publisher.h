// Publishes events to the input topics, as any publisher would: the topic by the fact, the partition by murmur2 of the centre, reference
// data and commands to all centres under their own id. Idempotent; not transactional. Any thread.
//
// A producer that lost count of its records with a broker, as when one is killed at a bad moment, can never be used again: another takes its place.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <thread>

#include "daemon/kafka/client.h"
#include "daemon/kafka/topics.h"
#include "pipeline/intake/check.h"

namespace vtq::kafka {

class Publisher {
 public:
  /// Throws KafkaError.
  Publisher(const Settings& settings, const TopicNames& names);
  ~Publisher();

  /// Queues an event; `done` is called once, on any thread that is in here: whether the brokers have it. It must not publish. False: the queue is
  /// full, the producer is being replaced, or the publisher has stopped; `done` is not called then. A TimeReached goes to every partition: in event
  /// time it says of each how far it has come.
  /// `by`: who says it, sealed, for a header; empty: none.
  bool publish(const v1::Event& event, std::string_view bytes, const Address& address, std::function<void(bool)> done, std::string_view by = {});
  /// Takes nothing more. What is under way is told as not published: it may be, and publishing it again does no harm. When it returns, every
  /// `done` was called. Idempotent; on one thread.
  void stop();
  std::size_t queued_bytes() const { return queued_bytes_; }

 private:
  struct Pending;
  struct Producer {
    Client client;
    std::array<TopicHandle, kInputTopics> topics;
  };
  Producer new_producer() const;
  void replace_producer();
  std::unique_lock<std::shared_mutex> await_publishing();
  /// Tells of everything under way as not published, and waits until it is told.
  static void empty(rd_kafka_t* client);
  bool produce(Topic topic, std::int32_t partition, std::string_view key, std::string_view value, std::int64_t timestamp_ms,
               std::shared_ptr<Pending> pending, std::string_view by = {});
  void run();

  const Settings settings_;
  const TopicNames names_;
  std::uint32_t partitions_;
  bool by_event_time_;
  std::set<Topic> registry_topics_;
  std::atomic<std::size_t> queued_bytes_{0};
  std::atomic<std::int64_t> latest_ms_{0};
  Producer producer_;  // replaced by the publisher's thread, with `publishing_` held alone
  std::atomic<bool> stopping_{false};
  std::atomic<bool> replacing_{false};  // until everything that was queued with the producer before is told of
  std::atomic<std::uint64_t> delivered_{0};
  std::shared_mutex publishing_;  // held shared while events are queued, alone while the last are answered
  std::thread thread_;            // last: stops before what it uses dies
};

}  // namespace vtq::kafka
