// librdkafka's C API, owned: handles that close themselves, configuration from settings, and errors that say what to mend. Everything that
// talks to Kafka goes through here.
#pragma once

#include <librdkafka/rdkafka.h>

#include <atomic>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/process/settings.h"

namespace vtq::kafka {

/// Kafka cannot be used as set up, or cannot go on. The text names the setting and says what to do.
struct KafkaError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Whoever waited for Kafka was asked to stop.
struct StoppedWaiting : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <auto release>
struct Release {
  template <class Handle>
  void operator()(Handle* handle) const {
    release(handle);
  }
};

/// Does not leave the group: closing a consumer of librdkafka 2.0.2 can hang, so who wants to leave closes it first, with a deadline.
inline void destroy_client(rd_kafka_t* client) { rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE); }
using Client = std::unique_ptr<rd_kafka_t, Release<destroy_client>>;
using Config = std::unique_ptr<rd_kafka_conf_t, Release<rd_kafka_conf_destroy>>;
using Message = std::unique_ptr<rd_kafka_message_t, Release<rd_kafka_message_destroy>>;
using TopicHandle = std::unique_ptr<rd_kafka_topic_t, Release<rd_kafka_topic_destroy>>;
using PartitionList = std::unique_ptr<rd_kafka_topic_partition_list_t, Release<rd_kafka_topic_partition_list_destroy>>;
using Queue = std::unique_ptr<rd_kafka_queue_t, Release<rd_kafka_queue_destroy>>;
using Event = std::unique_ptr<rd_kafka_event_t, Release<rd_kafka_event_destroy>>;
using AdminOptions = std::unique_ptr<rd_kafka_AdminOptions_t, Release<rd_kafka_AdminOptions_destroy>>;
using GroupMetadata = std::unique_ptr<rd_kafka_consumer_group_metadata_t, Release<rd_kafka_consumer_group_metadata_destroy>>;
using Failure = std::unique_ptr<rd_kafka_error_t, Release<rd_kafka_error_destroy>>;  ///< null: none

using Properties = std::vector<std::pair<std::string, std::string>>;

/// What every client has: brokers, security, the partitioner of Kafka's Java clients, kafka.properties. `purpose` goes into the client's id.
Properties common_properties(const Settings& settings, std::string_view purpose);

/// A configuration; `properties` later in the list win. Throws KafkaError naming the property that librdkafka does not take.
Config make_config(const Properties& properties);
/// Whether the brokers answered every request that changes a transaction. librdkafka 2.0.2 knows no KIP-890: of a request that was not answered,
/// because its connection broke or it took too long, it sends another, tells nobody, and when the first one still arrives, it ends the next
/// transaction half-way, or takes that one's offsets back. A new producer has a new epoch, which fences it. Outlives the producer.
class Answers {
 public:
  void watch(rd_kafka_conf_t* config);
  bool missing() const { return missing_; }
  /// Once the producer has gone that was watched.
  void forget() { missing_ = false; }

 private:
  std::atomic<bool> missing_{false};
};

/// Takes over the configuration. Throws KafkaError.
Client make_client(rd_kafka_type_t type, Config config);

/// Up to `count` records or errors; waits for them up to `timeout_ms`. All are held before one is looked at: whoever throws leaves none behind,
/// for which the end of its client would wait for ever.
std::vector<Message> take_batch(rd_kafka_queue_t* queue, std::size_t count, int timeout_ms);

/// When a connection of any client of this process last broke or could not be made, in milliseconds of the steady clock; 0: never. Any thread.
std::int64_t connection_broke_ms();

/// Name of this instance: kafka.instance, or the host's.
std::string instance_name(const Settings& settings);

/// Whether the brokers answer within `seconds`; tries again meanwhile. What is wrong with the set-up, if anything: no broker, wrong
/// credentials, names the setting. Logs that it waits. `asked_to_stop` is asked now and then: throws StoppedWaiting.
void await_brokers(rd_kafka_t* client, const Settings& settings, int seconds, const std::function<bool()>& asked_to_stop = {});

/// The cluster, group and topics that a store belongs to, in words. Asks the brokers; throws KafkaError.
std::string log_identity(const Settings& settings, const std::function<bool()>& asked_to_stop = {});

/// `name: explanation` of an error, without addresses of learners or credentials.
std::string text_of(rd_kafka_resp_err_t error);
std::string text_of(const rd_kafka_error_t* error);

}  // namespace vtq::kafka
