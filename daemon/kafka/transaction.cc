#include "daemon/kafka/transaction.h"

#include <cstring>

#include "daemon/kafka/record.h"
#include "daemon/log.h"

namespace vtq::kafka {
namespace {

using Steady = std::chrono::steady_clock;

std::int64_t steady_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now().time_since_epoch()).count();
}

/// An end that takes longer was tried more than once.
constexpr auto kPromptEnd = std::chrono::seconds(1);

constexpr int kTries = 5;

Properties producer_properties(const Settings& s) {
  Properties made = common_properties(s, "writer");
  std::string timeout = std::to_string(s.kafka_transaction_timeout_ms);
  made.insert(made.end(), {{"transactional.id", s.kafka_group + "-" + instance_name(s)},
                           {"transaction.timeout.ms", timeout},
                           {"message.timeout.ms", timeout},
                           {"linger.ms", "2"},
                           {"batch.size", "1000000"},
                           {"batch.num.messages", "10000"},
                           {"queue.buffering.max.messages", "1000000"},
                           {"queue.buffering.max.kbytes", "262144"},
                           {"compression.type", "lz4"},
                           {"message.max.bytes", std::to_string(kMessageBytesMax)}});
  return made;
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
      changelog_next_(static_cast<std::size_t>(settings.partitions), -1),
      touched_(static_cast<std::size_t>(settings.partitions), false) {
  Config config = make_config(producer_properties(settings));
  rd_kafka_conf_set_opaque(config.get(), this);
  rd_kafka_conf_set_dr_msg_cb(config.get(), [](rd_kafka_t*, const rd_kafka_message_t* report, void* self) {
    static_cast<Transaction*>(self)->take_report(*report);
  });
  producer_ = make_client(RD_KAFKA_PRODUCER, std::move(config));
  for (Topic output : {Topic::entry_status, Topic::result_batches, Topic::notifications, Topic::rejected})
    topics_[static_cast<std::size_t>(output)] = handle(producer_.get(), names_.of(output));
  changelog_ = handle(producer_.get(), names_.changelog());
  instances_ = handle(producer_.get(), names_.instances());
  carry_out("beginning", [&](int timeout_ms) { return rd_kafka_init_transactions(producer_.get(), timeout_ms); });
  doubtful_ = false;  // whatever it took: nothing was ended yet
}

rd_kafka_topic_t* Transaction::topic(Topic of) {
  TopicHandle& held = topics_[static_cast<std::size_t>(of)];
  if (!held) held = handle(producer_.get(), names_.of(of));
  return held.get();
}

/// Calls until it works, in the order that the transactional API asks for: what must be aborted, what may be tried again, what is over.
template <class Call>
void Transaction::carry_out(const char* what, Call call) {
  for (int tries = 1;; ++tries) {
    blocking_since_ms = steady_ms();
    Failure failure(call(static_cast<int>(patience_.count())));
    blocking_since_ms = 0;
    rd_kafka_poll(producer_.get(), 0);
    if (!failure) return;
    std::string why = std::string(what) + " a transaction: " + text_of(failure.get());
    if (rd_kafka_error_txn_requires_abort(failure.get())) {
      abort();
      throw Aborted(why);
    }
    if (rd_kafka_error_code(failure.get()) == RD_KAFKA_RESP_ERR__FENCED) throw Fenced(why);
    if (!rd_kafka_error_is_retriable(failure.get()) || tries == kTries) throw Lost(why);
    doubtful_ = true;
    log::write(log::Level::info, "trying again", {{"why", why}});
  }
}

void Transaction::begin() {
  std::fill(changelog_next_.begin(), changelog_next_.end(), -1);
  std::fill(touched_.begin(), touched_.end(), false);
  // librdkafka 2.0.2 knows no KIP-890: a request to end the last transaction that is still on its way would end this one. A new producer
  // has a new epoch, which fences it.
  if (doubtful_) throw Lost("the last transaction took more than one request to end");
  Failure failure(rd_kafka_begin_transaction(producer_.get()));
  if (failure) throw Lost("beginning a transaction: " + text_of(failure.get()));
  open_ = true;
}

void Transaction::produced(rd_kafka_resp_err_t error) {
  // What cannot be sent shows again, with what to do about it, when the transaction is committed.
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR && error != RD_KAFKA_RESP_ERR__STATE && error != RD_KAFKA_RESP_ERR__FATAL)
    throw Lost("producing: " + text_of(error));
}

void Transaction::produce(rd_kafka_topic_t* topic, std::uint32_t partition, std::string_view key, std::optional<std::string_view> value) {
  auto until = Steady::now() + patience_;
  for (;;) {
    int failed = rd_kafka_produce(topic, static_cast<std::int32_t>(partition), RD_KAFKA_MSG_F_COPY,
                                  value ? const_cast<char*>(value->data()) : nullptr, value ? value->size() : 0, key.data(), key.size(),
                                  nullptr);
    if (!failed) return;
    rd_kafka_resp_err_t error = rd_kafka_last_error();
    if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL || Steady::now() >= until) return produced(error);
    rd_kafka_poll(producer_.get(), 5);
  }
}

void Transaction::produce_with(rd_kafka_topic_t* topic, std::uint32_t partition, std::optional<std::string_view> key,
                               std::optional<std::string_view> value, rd_kafka_headers_t* headers) {
  void* payload = value ? const_cast<char*>(value->data()) : nullptr;
  std::size_t payload_size = value ? value->size() : 0;
  const void* key_data = key ? key->data() : nullptr;
  std::size_t key_size = key ? key->size() : 0;
  // The partition is known and valid: with one that is not, librdkafka 2.0.2 would free the headers twice.
  auto until = Steady::now() + patience_;
  for (;;) {
    rd_kafka_resp_err_t error = rd_kafka_producev(
        producer_.get(), RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(static_cast<std::int32_t>(partition)),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_VALUE(payload, payload_size), RD_KAFKA_V_KEY(key_data, key_size), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return;  // the headers are librdkafka's now
    if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL || Steady::now() >= until) {
      rd_kafka_headers_destroy(headers);
      return produced(error);
    }
    rd_kafka_poll(producer_.get(), 5);
  }
}

void Transaction::output(Topic to, std::uint32_t partition, CentreId centre, const google::protobuf::MessageLite& message) {
  message.SerializeToString(&scratch_);
  produce(topic(to), partition, vtq::text_of(centre), scratch_);
  touched_[partition] = true;
}

void Transaction::rejected(std::uint32_t partition, const v1::Rejected& record) {
  rd_kafka_headers_t* headers = rd_kafka_headers_new(16);
  for (const auto& [name, value] : rejected_headers(record))
    rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), value.data(), static_cast<ssize_t>(value.size()));
  const v1::RecordOrigin& origin = record.origin();
  std::optional<std::string_view> key;
  if (origin.has_key()) key = origin.key();
  produce_with(topic(Topic::rejected), partition, key, rejected_value(record), headers);
  touched_[partition] = true;
}

void Transaction::change(std::uint32_t partition, std::string_view key, std::optional<std::string_view> value) {
  produce(changelog_.get(), partition, key, value);
  touched_[partition] = true;
}

void Transaction::commit_record(std::uint32_t partition, const v1::CommitRecord& record) {
  record.SerializeToString(&scratch_);
  produce(changelog_.get(), partition, kCommitKey, scratch_);
}

void Transaction::route(Topic to, std::uint32_t partition, std::string_view key, const rd_kafka_message_t& record,
                        std::optional<std::string_view> rewritten) {
  rd_kafka_headers_t* held = nullptr;
  rd_kafka_headers_t* headers = rd_kafka_message_headers(&record, &held) == RD_KAFKA_RESP_ERR_NO_ERROR ? rd_kafka_headers_copy(held)
                                                                                                       : rd_kafka_headers_new(1);
  rd_kafka_header_add(headers, kRoutedHeader.data(), static_cast<ssize_t>(kRoutedHeader.size()), "1", 1);
  std::string_view value(static_cast<const char*>(record.payload), record.len);
  if (rewritten) {
    constexpr std::string_view kName = "content-type", kType = "application/protobuf";
    rd_kafka_header_remove(headers, kName.data());
    rd_kafka_header_add(headers, kName.data(), static_cast<ssize_t>(kName.size()), kType.data(), static_cast<ssize_t>(kType.size()));
  }
  produce_with(topic(to), partition, key, rewritten.value_or(value), headers);
}

void Transaction::reference(std::string_view key, std::string_view event) { produce(topic(Topic::reference), 0, key, event); }

void Transaction::instance(std::string_view name, std::string_view record) { produce(instances_.get(), 0, name, record); }

void Transaction::take_report(const rd_kafka_message_t& report) {
  if (report.rkt != changelog_.get() || report.err != RD_KAFKA_RESP_ERR_NO_ERROR) return;
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

void Transaction::commit(rd_kafka_t* consumer, const std::vector<StreamOffset>& offsets) {
  try {
    finish(consumer, offsets);
  } catch (...) {
    open_ = false;
    throw;
  }
  open_ = false;
}

void Transaction::finish(rd_kafka_t* consumer, const std::vector<StreamOffset>& offsets) {
  if (hook_) hook_(TransactionPoint::before_offsets);
  if (!offsets.empty()) {
    PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(offsets.size())));
    for (const StreamOffset& offset : offsets)
      rd_kafka_topic_partition_list_add(list.get(), names_.of(offset.topic).c_str(), static_cast<std::int32_t>(offset.partition))->offset =
          offset.next;
    carry_out("adding the offsets to", [&](int timeout_ms) -> rd_kafka_error_t* {
      // Fetched afresh at each try: the group may have moved on.
      GroupMetadata group(rd_kafka_consumer_group_metadata(consumer));
      // A consumer that lost its membership has generation -1, with which the brokers would take the offsets unfenced.
      if (!group || generation_of(group.get()) < 0) throw Lost("this instance is no member of " + group_ + " any more");
      return rd_kafka_send_offsets_to_transaction(producer_.get(), list.get(), group.get(), timeout_ms);
    });
  }
  if (hook_) hook_(TransactionPoint::before_end);
  auto started = Steady::now();
  std::uint64_t errors = connection_errors(producer_.get());
  carry_out("committing", [&](int timeout_ms) { return rd_kafka_commit_transaction(producer_.get(), timeout_ms); });
  if (Steady::now() - started > kPromptEnd || connection_errors(producer_.get()) != errors) doubtful_ = true;
  if (hook_) hook_(TransactionPoint::after_end);
}

void Transaction::abort() {
  open_ = false;
  auto started = Steady::now();
  for (int tries = 1;; ++tries) {
    blocking_since_ms = steady_ms();
    Failure failure(rd_kafka_abort_transaction(producer_.get(), static_cast<int>(patience_.count())));
    blocking_since_ms = 0;
    if (!failure) break;
    if (!rd_kafka_error_is_retriable(failure.get()) || tries == kTries) throw Lost("aborting a transaction: " + text_of(failure.get()));
  }
  if (Steady::now() - started > kPromptEnd) doubtful_ = true;
}

}  // namespace vtq::kafka
