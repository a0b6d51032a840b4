#include "daemon/kafka/tables.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "daemon/process/log.h"
#include "pipeline/intake/check.h"

namespace vtq::kafka {
namespace {

constexpr std::size_t kRecordsMax = 10'000;

}  // namespace

std::string encode_instance(const InstanceRecord& record) {
  return nlohmann::json{{"url", record.url}, {"partitions", record.partitions}, {"halted", record.halted}, {"at", record.at_ms}}.dump();
}

std::optional<InstanceRecord> decode_instance(std::string_view name, std::string_view text) {
  auto json = nlohmann::json::parse(text, nullptr, false);
  if (as_utf8(name) != name) return std::nullopt;
  if (!json.is_object() || !json.contains("url") || !json["url"].is_string() || !json.contains("partitions") || !json["partitions"].is_array())
    return std::nullopt;
  InstanceRecord record{.name = std::string(name), .url = json["url"]};
  for (const auto& partition : json["partitions"])
    if (partition.is_number_unsigned()) record.partitions.push_back(partition);
  if (json.contains("halted") && json["halted"].is_array())
    for (const auto& partition : json["halted"])
      if (partition.is_number_unsigned()) record.halted.push_back(partition);
  if (json.contains("at") && json["at"].is_number_integer()) record.at_ms = json["at"];
  return record;
}

Tables::Tables(const Settings& settings, const TopicNames& names, std::int64_t reference_from)
    : reference_topic_(names.of(Topic::reference)), instances_topic_(names.instances()) {
  Properties properties = common_properties(settings, "tables");
  properties.insert(properties.end(), {{"group.id", settings.kafka_group + "-tables"},  // needed for assign(); nothing is committed with it
                                       {"enable.auto.commit", "false"},
                                       {"enable.auto.offset.store", "false"},
                                       {"isolation.level", "read_committed"},
                                       // Compaction may have taken the offset itself, never what is later.
                                       {"auto.offset.reset", "earliest"},
                                       {"enable.partition.eof", "true"},
                                       {"fetch.wait.max.ms", "100"},
                                       {"allow.auto.create.topics", "false"}});
  consumer_ = make_client(RD_KAFKA_CONSUMER, make_config(properties));
  rd_kafka_poll_set_consumer(consumer_.get());
  queue_.reset(rd_kafka_queue_get_consumer(consumer_.get()));
  assign(reference_from, 0);
}

void Tables::assign(std::int64_t reference_from, std::int64_t instances_from) {
  PartitionList list(rd_kafka_topic_partition_list_new(2));
  rd_kafka_topic_partition_list_add(list.get(), reference_topic_.c_str(), 0)->offset = reference_from;
  rd_kafka_topic_partition_list_add(list.get(), instances_topic_.c_str(), 0)->offset = instances_from;
  rd_kafka_resp_err_t error = rd_kafka_assign(consumer_.get(), list.get());
  reference_wanted_ = reference_from;
  if (error)
    throw KafkaError("Kafka: cannot read " + reference_topic_ + " and " + instances_topic_ + ": " + text_of(error) +
                     ". Run `resultsctl topics check`.");
}

void Tables::rewind(std::int64_t reference_from) {
  reference_.clear();
  assign(reference_from, instances_next_);
}

void Tables::poll(int wait_ms) {
  for (Message& message : take_batch(queue_.get(), wait_ms > 0 ? 1 : kRecordsMax, wait_ms)) {
    bool reference = message->rkt && rd_kafka_topic_name(message->rkt) == reference_topic_;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      (reference ? reference_complete_ : instances_complete_) = true;
      continue;
    }
    if (reference && (message->err == RD_KAFKA_RESP_ERR__BAD_COMPRESSION || message->err == RD_KAFKA_RESP_ERR__BAD_MSG)) {
      // It would be fetched again and again. Its batch may have begun before what is wanted of it.
      message->offset = std::max(message->offset, reference_wanted_);
      std::int64_t next = message->offset + 1;
      reference_.push_back(std::move(message));
      assign(next, instances_next_);
      return;
    }
    if (message->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
      throw KafkaError("Kafka: " + text_of(message->err) + ". Give the user of kafka.sasl_username the right to read " + reference_topic_ + " and " +
                       instances_topic_ + ".");
    if (message->err) {
      log::write(log::Level::debug, "reading tables", {{"error", text_of(message->err)}});
      continue;
    }
    if (reference) {
      reference_wanted_ = message->offset + 1;
      reference_.push_back(std::move(message));
      continue;
    }
    instances_next_ = message->offset + 1;
    std::string name(static_cast<const char*>(message->key), message->key_len);
    auto record = message->payload ? decode_instance(name, {static_cast<const char*>(message->payload), message->len}) : std::nullopt;
    if (record) {
      record->offset = message->offset;
      instances_[name] = std::move(*record);
    } else {
      instances_.erase(name);
    }
    instances_changed_ = true;
  }
}

std::optional<std::map<std::string, InstanceRecord>> Tables::take_instances() {
  if (!std::exchange(instances_changed_, false)) return std::nullopt;
  return instances_;
}

}  // namespace vtq::kafka
