// What the Kafka programs here share: clients of librdkafka that are owned, errors as exceptions, topics, and files of events.
#pragma once

#include <librdkafka/rdkafka.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vtq::bench {

/// Topics of the six centre-keyed inputs, without prefix.
constexpr std::array<const char*, 6> kInputs = {"registrations", "checkpoints", "assessments", "claims", "assurance", "commands"};

template <auto destroy>
struct Destroy {
  template <class T>
  void operator()(T* held) const {
    destroy(held);
  }
};
using Client = std::unique_ptr<rd_kafka_t, Destroy<rd_kafka_destroy>>;
using Queue = std::unique_ptr<rd_kafka_queue_t, Destroy<rd_kafka_queue_destroy>>;
using Event = std::unique_ptr<rd_kafka_event_t, Destroy<rd_kafka_event_destroy>>;
using Message = std::unique_ptr<rd_kafka_message_t, Destroy<rd_kafka_message_destroy>>;
using Topic = std::unique_ptr<rd_kafka_topic_t, Destroy<rd_kafka_topic_destroy>>;
using Partitions = std::unique_ptr<rd_kafka_topic_partition_list_t, Destroy<rd_kafka_topic_partition_list_destroy>>;
using Metadata = std::unique_ptr<const rd_kafka_metadata_t, Destroy<rd_kafka_metadata_destroy>>;

using Settings = std::vector<std::pair<std::string, std::string>>;

inline void check_error(rd_kafka_resp_err_t error, const std::string& doing) {
  if (error) throw std::runtime_error(doing + ": " + rd_kafka_err2str(error));
}

/// Takes the error over.
inline void check_error(rd_kafka_error_t* error, const std::string& doing) {
  if (!error) return;
  std::string text = rd_kafka_error_string(error);
  rd_kafka_error_destroy(error);
  throw std::runtime_error(doing + ": " + text);
}

/// `deliver`, of producers: called for every record from poll and flush.
inline Client make_client(rd_kafka_type_t type, const Settings& settings, void (*deliver)(rd_kafka_t*, const rd_kafka_message_t*, void*) = nullptr,
                          void* opaque = nullptr) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char reason[512];
  // Its warnings tell of retries that succeed, as while a broker just started finds its coordinators.
  rd_kafka_conf_set(conf, "log_level", "3", nullptr, 0);
  for (const auto& [name, value] : settings) {
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), reason, sizeof reason) == RD_KAFKA_CONF_OK) continue;
    rd_kafka_conf_destroy(conf);
    throw std::runtime_error(reason);
  }
  if (deliver) rd_kafka_conf_set_dr_msg_cb(conf, deliver);
  rd_kafka_conf_set_opaque(conf, opaque);
  rd_kafka_t* client = rd_kafka_new(type, conf, reason, sizeof reason);
  if (!client) {
    rd_kafka_conf_destroy(conf);
    throw std::runtime_error(reason);
  }
  return Client(client);
}

/// Number of partitions of a topic that is there.
inline std::uint32_t partition_count(rd_kafka_t* client, const std::string& name) {
  Topic topic(rd_kafka_topic_new(client, name.c_str(), nullptr));
  const rd_kafka_metadata_t* found = nullptr;
  check_error(rd_kafka_metadata(client, 0, topic.get(), &found, 10'000), "asking for " + name);
  Metadata metadata(found);
  check_error(metadata->topics[0].err, name);
  return static_cast<std::uint32_t>(metadata->topics[0].partition_cnt);
}

/// What is asked of the broker when a topic is made.
struct NewTopic {
  std::string name;
  int partitions = 1;
  bool compacted = false;
};

/// Makes topics; those that are there already stay as they are. Nothing is ever dropped by age: records carry times of past seasons.
inline void create_topics(rd_kafka_t* client, const std::vector<NewTopic>& wanted) {
  std::vector<rd_kafka_NewTopic_t*> topics;
  char reason[256];
  for (const NewTopic& one : wanted) {
    topics.push_back(rd_kafka_NewTopic_new(one.name.c_str(), one.partitions, -1, reason, sizeof reason));
    if (!topics.back()) throw std::runtime_error(reason);
    if (one.compacted) rd_kafka_NewTopic_set_config(topics.back(), "cleanup.policy", "compact");
    rd_kafka_NewTopic_set_config(topics.back(), "retention.ms", "-1");
  }
  Queue queue(rd_kafka_queue_new(client));
  rd_kafka_CreateTopics(client, topics.data(), topics.size(), nullptr, queue.get());
  rd_kafka_NewTopic_destroy_array(topics.data(), topics.size());
  Event event(rd_kafka_queue_poll(queue.get(), 60'000));
  if (!event) throw std::runtime_error("the broker does not answer");
  check_error(rd_kafka_event_error(event.get()), "creating topics");
  std::size_t count = 0;
  const rd_kafka_topic_result_t** results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  for (std::size_t at = 0; at < count; ++at) {
    rd_kafka_resp_err_t error = rd_kafka_topic_result_error(results[at]);
    if (error != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) check_error(error, rd_kafka_topic_result_name(results[at]));
  }
}

/// Fields of a record to produce. Key and value are copied.
struct Outgoing {
  rd_kafka_topic_t* topic = nullptr;
  std::int32_t partition = 0;
  std::string_view key;
  std::string_view value;
  std::int64_t timestamp_ms = 0;  ///< 0: now
  std::uintptr_t number = 0;      ///< said again in the delivery report
};

/// How long a topic may be unknown: a broker just started answers from what it had known before.
constexpr std::chrono::seconds kTopicsReturnIn{60};

/// Produces; waits while the client's queue is full or its topic is unknown. `headers` are taken over.
inline void produce(rd_kafka_t* producer, const Outgoing& record, rd_kafka_headers_t* headers = nullptr) {
  std::array<rd_kafka_vu_t, 8> fields;
  fields[0] = {.vtype = RD_KAFKA_VTYPE_RKT, .u = {.rkt = record.topic}};
  fields[1] = {.vtype = RD_KAFKA_VTYPE_PARTITION, .u = {.i32 = record.partition}};
  fields[2] = {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u = {.i = RD_KAFKA_MSG_F_COPY}};
  fields[3] = {.vtype = RD_KAFKA_VTYPE_KEY, .u = {.mem = {const_cast<char*>(record.key.data()), record.key.size()}}};
  fields[4] = {.vtype = RD_KAFKA_VTYPE_VALUE, .u = {.mem = {const_cast<char*>(record.value.data()), record.value.size()}}};
  fields[5] = {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u = {.i64 = record.timestamp_ms}};
  fields[6] = {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u = {.ptr = reinterpret_cast<void*>(record.number)}};
  fields[7] = {.vtype = RD_KAFKA_VTYPE_HEADERS, .u = {.headers = headers}};
  std::size_t count = headers ? 8 : 7;
  auto until = std::chrono::steady_clock::now() + kTopicsReturnIn;
  while (rd_kafka_error_t* error = rd_kafka_produceva(producer, fields.data(), count)) {
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    bool away = code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
    if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL && !(away && std::chrono::steady_clock::now() < until)) {
      if (headers) rd_kafka_headers_destroy(headers);
      check_error(error, "producing");
    }
    rd_kafka_error_destroy(error);
    rd_kafka_poll(producer, 10);
  }
}

/// A file of length-delimited events, read one by one.
class EventFile {
 public:
  explicit EventFile(const std::string& path) : file_(std::fopen(path.c_str(), "rb")) {
    if (!file_) throw std::runtime_error(path + " cannot be read");
  }

  bool next(std::string& bytes) {
    std::size_t size = 0;
    for (int shift = 0;; shift += 7) {
      int one = std::getc(file_.get());
      if (one == EOF) return false;
      size |= static_cast<std::size_t>(one & 0x7f) << shift;
      if (one < 0x80) break;
    }
    bytes.resize(size);
    if (std::fread(bytes.data(), 1, size, file_.get()) != size) throw std::runtime_error("the last event is cut short");
    return true;
  }

 private:
  std::unique_ptr<std::FILE, Destroy<std::fclose>> file_;
};

}  // namespace vtq::bench
