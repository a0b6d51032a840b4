#include "daemon/kafka/transaction.h"

#include <cstring>

#include "daemon/process/log.h"

namespace vtq::kafka {
namespace {

using Steady = std::chrono::steady_clock;

std::int64_t steady_ms() { return std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now().time_since_epoch()).count(); }

/// For the watchdog: that a call is under way which may block.
class Blocking {
 public:
  explicit Blocking(std::atomic<std::int64_t>& since_ms) : since_ms_(since_ms) { since_ms_ = steady_ms(); }
  ~Blocking() { since_ms_ = 0; }
  Blocking(const Blocking&) = delete;
  Blocking& operator=(const Blocking&) = delete;

 private:
  std::atomic<std::int64_t>& since_ms_;
};

constexpr int kTries = 5;

Properties producer_properties(const Settings& s) {
  Properties made = common_properties(s, "writer");
  std::string timeout = std::to_string(s.kafka_transaction_timeout_ms);
  made.insert(made.end(), {{"transactional.id", s.kafka_group + "-" + instance_name(s)},
                           {"transaction.timeout.ms", timeout},
                           {"message.timeout.ms", timeout},
                           {"linger.ms", "1"},
                           // The brokers may still be writing the last transaction's markers when the next one begins, and then ask to try
                           // again: see `add_offsets`.
                           {"retry.backoff.ms", "2"},
                           {"batch.size", "1000000"},
                           {"batch.num.messages", "10000"},
                           {"queue.buffering.max.messages", "1000000"},
                           {"queue.buffering.max.kbytes", "262144"},
                           {"compression.type", "lz4"},
                           {"message.max.bytes", std::to_string(kMessageBytesMax)}});
  return made;
}

/// What to say of a record that was not taken.
std::string refusal(const char* topic, std::int32_t partition, std::size_t bytes, rd_kafka_resp_err_t error) {
  std::string text = "partition " + std::to_string(partition) + " of " + topic + " did not take a record of " + std::to_string(bytes) + " bytes (" +
                     text_of(error) + ")";
  if (error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
    text += ": give the user of kafka.sasl_username the right to write " + std::string(topic);
  if (error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
    text += ": raise max.message.bytes of " + std::string(topic) + " to " + std::to_string(kMessageBytesMax);
  return text;
}

TopicHandle handle(rd_kafka_t* producer, const std::string& name) {
  TopicHandle made(rd_kafka_topic_new(producer, name.c_str(), nullptr));
  if (!made) throw KafkaError("Kafka: the topic " + name + " cannot be used: " + text_of(rd_kafka_last_error()) + ". Check kafka.topic_prefix.");
  return made;
}

}  // namespace

Transaction::Transaction(const Settings& settings, const TopicNames& names)
    : names_(names),
      group_(settings.kafka_group),
      patience_(settings.kafka_transaction_timeout_ms),
      begun_(Steady::now()),
      changelog_next_(static_cast<std::size_t>(settings.partitions), -1) {
  Config config = make_config(producer_properties(settings));
  rd_kafka_conf_set_opaque(config.get(), this);
  rd_kafka_conf_set_dr_msg_cb(
      config.get(), [](rd_kafka_t*, const rd_kafka_message_t* report, void* self) { static_cast<Transaction*>(self)->take_report(*report); });
  answers_.watch(config.get());
  producer_ = make_client(RD_KAFKA_PRODUCER, std::move(config));
  for (Topic output : {Topic::entry_status, Topic::result_batches, Topic::notifications, Topic::rejected, Topic::audit})
    topics_[static_cast<std::size_t>(output)] = handle(producer_.get(), names_.of(output));
  topics_[static_cast<std::size_t>(Destination::changelog)] = handle(producer_.get(), names_.changelog());
  topics_[static_cast<std::size_t>(Destination::instances)] = handle(producer_.get(), names_.instances());
  carry_out("beginning", [&](int timeout_ms) { return rd_kafka_init_transactions(producer_.get(), timeout_ms); });
}

rd_kafka_topic_t* Transaction::topic(Destination of) {
  TopicHandle& held = topics_[static_cast<std::size_t>(of)];
  if (!held) held = handle(producer_.get(), names_.of(static_cast<Topic>(of)));
  return held.get();
}

/// Calls until it works, in the order that the transactional API asks for: what must be aborted, what may be tried again, what is over.
template <class Call>
void Transaction::carry_out(const char* what, Call call) {
  for (int tries = 1;; ++tries) {
    Failure failure;
    {
      Blocking blocking(blocking_since_ms);
      failure.reset(call(static_cast<int>(patience_.count())));
    }
    rd_kafka_poll(producer_.get(), 0);
    if (!failure) return;
    std::string why = std::string(what) + " a transaction: " + text_of(failure.get()) + (refused_.empty() ? "" : "; " + refused_);
    if (rd_kafka_error_txn_requires_abort(failure.get())) {
      abort();
      throw Aborted(why);
    }
    // The brokers fence as well whoever's transaction they have rolled back for its age.
    bool young = Steady::now() - begun_ < patience_;
    if (rd_kafka_error_code(failure.get()) == RD_KAFKA_RESP_ERR__FENCED && young) throw Fenced(why);
    if (!rd_kafka_error_is_retriable(failure.get()) || tries == kTries) throw Lost(why);
    log::write(log::Level::info, "trying again", {{"why", why}});
  }
}

void Transaction::begin() {
  std::fill(changelog_next_.begin(), changelog_next_.end(), -1);
  refused_.clear();
  if (answers_.missing()) throw Lost("a request of the last transaction was not answered and may still be on its way");
  begun_ = Steady::now();
  Failure failure(rd_kafka_begin_transaction(producer_.get()));
  if (failure) throw Lost("beginning a transaction: " + text_of(failure.get()));
}

void Transaction::produce(Outgoing& outgoing) {
  // First one record for each partition: librdkafka adds to the transaction what partitions it has met a millisecond after the first.
  std::vector<bool> met(kDestinations * changelog_next_.size(), false);
  std::vector<std::pair<const Outgoing::Part*, Outgoing::Record*>> others;
  auto until = Steady::now() + patience_;
  std::size_t records = 0;
  for (const Outgoing::Part& part : outgoing.parts()) records += part.records.size();
  others.reserve(records);
  for (Outgoing::Part& part : outgoing.parts()) {
    for (Outgoing::Record& record : part.records) {
      std::vector<bool>::reference known = met[static_cast<std::size_t>(record.to) * changelog_next_.size() + record.partition];
      if (known)
        others.emplace_back(&part, &record);
      else if (!produce(part, record, until))
        return;
      known = true;
    }
  }
  for (auto [part, record] : others)
    if (!produce(*part, *record, until)) return;
}

bool Transaction::produce(const Outgoing::Part& part, Outgoing::Record& record, Steady::time_point until) {
  std::string_view key = part.key(record), value = part.value(record);
  void* payload = record.has_value ? const_cast<char*>(value.data()) : nullptr;
  const void* key_data = record.has_key ? key.data() : nullptr;
  auto partition = static_cast<std::int32_t>(record.partition);
  for (;;) {
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (!record.headers) {
      if (rd_kafka_produce(topic(record.to), partition, RD_KAFKA_MSG_F_COPY, payload, value.size(), key_data, key.size(), nullptr))
        error = rd_kafka_last_error();
    } else {
      // The partition is known and valid: with one that is not, librdkafka 2.0.2 would free the headers twice.
      error = rd_kafka_producev(producer_.get(), RD_KAFKA_V_RKT(topic(record.to)), RD_KAFKA_V_PARTITION(partition),
                                RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_VALUE(payload, value.size()),
                                RD_KAFKA_V_KEY(key_data, key.size()), RD_KAFKA_V_HEADERS(record.headers.get()), RD_KAFKA_V_END);
      if (!error) static_cast<void>(record.headers.release());  // they are librdkafka's now
    }
    if (!error) return true;
    // What cannot be sent shows again, with what to do about it, when the transaction is committed.
    if (error == RD_KAFKA_RESP_ERR__STATE || error == RD_KAFKA_RESP_ERR__FATAL) return false;
    if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL || Steady::now() >= until)
      throw Lost("producing: " + refusal(rd_kafka_topic_name(topic(record.to)), partition, key.size() + value.size(), error));
    rd_kafka_poll(producer_.get(), 5);
  }
}

void Transaction::take_report(const rd_kafka_message_t& report) {
  bool purged = report.err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || report.err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
  if (report.err && !purged && refused_.empty())
    refused_ = refusal(rd_kafka_topic_name(report.rkt), report.partition, report.key_len + report.len, report.err);
  if (report.rkt != topics_[static_cast<std::size_t>(Destination::changelog)].get() || report.err != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  auto& next = changelog_next_[static_cast<std::size_t>(report.partition)];
  next = std::max(next, report.offset + 1);
}

std::int32_t generation_of(const rd_kafka_consumer_group_metadata_t* metadata) {
  void* bytes = nullptr;
  std::size_t size = 0;
  Failure failure(rd_kafka_consumer_group_metadata_write(metadata, &bytes, &size));
  std::int32_t generation = -1;
  // "CGMDv2:", then the generation: the only way to it in librdkafka 2.0.2.
  constexpr std::size_t kAt = 7;
  if (!failure && size >= kAt + sizeof generation) std::memcpy(&generation, static_cast<char*>(bytes) + kAt, sizeof generation);
  rd_kafka_mem_free(nullptr, bytes);
  return generation;
}

void Transaction::add_offsets(rd_kafka_t* consumer, const std::vector<StreamOffset>& offsets) {
  if (hook_) hook_(TransactionPoint::before_offsets);
  PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(offsets.size())));
  for (const StreamOffset& offset : offsets)
    rd_kafka_topic_partition_list_add(list.get(), names_.of(offset.topic).c_str(), static_cast<std::int32_t>(offset.partition))->offset = offset.next;
  carry_out("adding the offsets to", [&](int timeout_ms) -> rd_kafka_error_t* {
    // Fetched afresh at each try: the group may have moved on.
    GroupMetadata group(rd_kafka_consumer_group_metadata(consumer));
    // A consumer that lost its membership has generation -1, with which the brokers would take the offsets unfenced.
    if (!group || generation_of(group.get()) < 0) throw Lost("this instance is no member of " + group_ + " any more");
    return offsets.empty() ? nullptr : rd_kafka_send_offsets_to_transaction(producer_.get(), list.get(), group.get(), timeout_ms);
  });
}

void Transaction::commit() {
  if (hook_) hook_(TransactionPoint::before_end);
  carry_out("committing", [&](int timeout_ms) { return rd_kafka_commit_transaction(producer_.get(), timeout_ms); });
  if (hook_) hook_(TransactionPoint::after_end);
}

void Transaction::abort() {
  for (int tries = 1;; ++tries) {
    Failure failure;
    {
      Blocking blocking(blocking_since_ms);
      failure.reset(rd_kafka_abort_transaction(producer_.get(), static_cast<int>(patience_.count())));
    }
    if (!failure) break;
    if (!rd_kafka_error_is_retriable(failure.get()) || tries == kTries) throw Lost("aborting a transaction: " + text_of(failure.get()));
  }
}

}  // namespace vtq::kafka
