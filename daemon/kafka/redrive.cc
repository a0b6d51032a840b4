#include "daemon/kafka/redrive.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "daemon/kafka/transaction.h"
#include "pipeline/intake/check.h"
#include "storage/sealing/sealed_event.h"
#include "storage/sealing/sealed_output.h"

namespace vtq::kafka {
namespace {

using Steady = std::chrono::steady_clock;

/// Of one transaction. It must end well within its timeout, and an interrupted redrive repeats no more than this.
constexpr std::size_t kPortionRecordsMax = 500;
constexpr std::size_t kPortionBytesMax = 8u << 20;
constexpr int kTries = 5;
constexpr int kRequestMs = 10'000;

std::string now_text() {
  return utc_text(std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count());
}

/// Those of every client, but for the partitioner: make_config does not take a property of topics, and only who writes needs it.
Properties client_properties(const Settings& settings) {
  Properties made = common_properties(settings, "redrive");
  std::erase_if(made, [](const auto& property) { return property.first == "partitioner"; });
  return made;
}

/// The input topic of this name; nothing: there is none.
std::optional<Topic> input_topic(const TopicNames& names, std::string_view name) {
  for (std::size_t at = 0; at < kInputTopics; ++at)
    if (names.of(static_cast<Topic>(at)) == name) return static_cast<Topic>(at);
  return std::nullopt;
}

constexpr const char* kContentType = "content-type";

/// What goes in the place of a record that was sealed: its event, sealed. Nothing: it is no event, and goes as it came.
std::optional<std::string> sealed_again(const DeadLetter& letter, const RecordView& record, const std::string& to, const Settings& settings,
                                        const Seal& seal) {
  auto topic = input_topic(TopicNames(settings.kafka_topic_prefix), to);
  bool framed = topic && registry_topics(settings).contains(*topic);
  RecordView own = record;
  own.headers.resize(letter.own_headers);
  auto decoded = decode_record(own, framed && !letter.topic.empty() ? RecordMode::schema_registry : RecordMode::cloud_events);
  v1::Event event;
  if (!decoded || !event.ParseFromArray(decoded.value().bytes.data(), static_cast<int>(decoded.value().bytes.size()))) return std::nullopt;
  if (topic == Topic::reference || event.has_sealed()) return std::nullopt;
  fill_from_attributes(own, event);
  std::string bytes = seal_event(seal, event);
  return framed ? in_registry_format(bytes) : bytes;
}

/// Of an earlier way through resultsd, not of the publisher.
bool is_mark(std::string_view header) { return header == kRedrivenHeader || header == kRoutedHeader; }

/// As one that came over HTTP would be published.
std::optional<RedriveTarget> target_by_content(const DeadLetter& letter, const RecordView& record, const Settings& settings, std::string& why) {
  RecordView own = record;
  own.headers.resize(letter.own_headers);
  why = "it came over HTTP and is still wrong: mend it and replay it with resultsctl rejected replay";
  auto decoded = decode_record(own, RecordMode::cloud_events);
  if (!decoded) return std::nullopt;
  v1::Event event;
  std::string_view bytes = decoded.value().bytes;
  if (!event.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return std::nullopt;
  Result<Address> address = check(event);
  if (!address) return std::nullopt;
  if (event.has_time_reached()) {
    why = "it moves time, for every partition: publish it again";
    return std::nullopt;
  }
  const Address& found = address.value();
  TopicNames names(settings.kafka_topic_prefix);
  Topic topic = found.everywhere ? Topic::reference : found.topic;
  if (registry_topics(settings).contains(topic)) {
    why = "it came over HTTP, and its topic is in the schema registry's format: publish it again";
    return std::nullopt;
  }
  return RedriveTarget{names.of(topic), found.everywhere ? slot_of(event) : vtq::text_of(found.centre)};
}

std::string audit_of(const RedriveCandidate& candidate, const RedriveOptions& options, std::int32_t partition, std::int64_t offset) {
  using Json = nlohmann::ordered_json;
  const RedriveFilter& filter = options.filter;
  Json chosen = Json::object();
  if (!filter.rule.empty()) chosen["rule"] = filter.rule;
  if (!filter.field.empty()) chosen["field"] = filter.field;
  if (!filter.topic.empty()) chosen["topic"] = filter.topic;
  if (filter.key) chosen["centreKey"] = *filter.key;
  if (!filter.ids.empty()) chosen["ids"] = filter.ids.size();
  if (filter.since_ms) chosen["since"] = utc_text(*filter.since_ms);
  if (filter.until_ms) chosen["until"] = utc_text(*filter.until_ms);
  Json audit = {{"id", candidate.letter.id}, {"at", now_text()},       {"who", options.who}, {"filter", chosen},
                {"topic", candidate.target}, {"partition", partition}, {"offset", offset}};
  // A name from the command line or a header may be no UTF-8.
  return audit.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::optional<DeadLetter> read_dead_letter(const RecordView& record) {
  const Headers& headers = record.headers;
  auto begin = std::find_if(headers.rbegin(), headers.rend(), [](const auto& header) { return header.first == kRejectedHeadersBegin; });
  if (begin == headers.rend()) return std::nullopt;
  DeadLetter letter;
  letter.own_headers = static_cast<std::size_t>(headers.rend() - begin) - 1;
  for (std::size_t at = letter.own_headers; at < headers.size(); ++at) {
    const auto& [name, value] = headers[at];
    if (name == "__streams.errors.topic") letter.topic = value;
    if (name == "__streams.errors.partition") letter.partition = value;
    if (name == "__streams.errors.offset") letter.offset = value;
    if (name == kWholeBytesHeader) letter.whole_bytes = value;
    if (name == kSealedHeader) letter.sealed = value;
    if (name == "vtq.rule") letter.rule = value;
    if (name == "vtq.field") letter.field = value;
    if (name == "vtq.id") letter.id = value;
    if (name == "vtq.rejected_at") letter.rejected_at_ms = parse_instant(value).value_or(0);
  }
  if (letter.id.empty()) return std::nullopt;
  return letter;
}

bool matches(const RedriveFilter& filter, const DeadLetter& letter, const RecordView& record) {
  auto is = [](const std::string& wanted, std::string_view found) { return wanted.empty() || wanted == found; };
  if (!is(filter.rule, letter.rule) || !is(filter.field, letter.field) || !is(filter.topic, letter.topic)) return false;
  if (filter.key && (!record.has_key || record.key != *filter.key)) return false;
  if (!filter.ids.empty() && !filter.ids.contains(letter.id)) return false;
  if (filter.since_ms && letter.rejected_at_ms < *filter.since_ms) return false;
  return !filter.until_ms || letter.rejected_at_ms < *filter.until_ms;
}

bool open_letter(const DeadLetter& letter, RecordView& record, const Seal* seal, std::string& value, std::string& why) {
  if (letter.sealed.empty()) return true;
  Opening opening = seal ? open_rejected(*seal, letter.id, record.value, value) : Opening::unknown_key;
  if (opening == Opening::unknown_key)
    why = "its value is sealed with key " + letter.sealed + ", which is not here: run this with the daemon's seal.key_file";
  else if (opening == Opening::damaged)
    why = "its value is sealed and does not open: it was changed on its way";
  else
    record.value = value;
  return opening == Opening::opened;
}

std::optional<RedriveTarget> target_of(const DeadLetter& letter, const RecordView& record, const Settings& settings, std::string& why) {
  if (!letter.whole_bytes.empty()) {
    why =
        "only its beginning was kept, for it had " + letter.whole_bytes + " bytes: " +
        (letter.topic.empty() ? "" : "the whole is at offset " + letter.offset + " of partition " + letter.partition + " of " + letter.topic + "; ") +
        "split it, and publish the parts";
    return std::nullopt;
  }
  if (letter.topic.empty()) return target_by_content(letter, record, settings, why);
  if (!input_topic(TopicNames(settings.kafka_topic_prefix), letter.topic)) {
    why = "it came from " + letter.topic + ", which is no input topic with the present kafka.topic_prefix";
    return std::nullopt;
  }
  RecordView own = record;
  own.headers.resize(letter.own_headers);
  if (std::size_t bytes = bytes_of(own); bytes > kMovedBytesMax) {
    why = "it has " + std::to_string(bytes) + " bytes, and above " + std::to_string(kMovedBytesMax) + " brokers may refuse it: it is at offset " +
          letter.offset + " of partition " + letter.partition + " of " + letter.topic + "; publish it again as it was packed there, or split it";
    return std::nullopt;
  }
  RedriveTarget target{letter.topic, std::nullopt};
  if (record.has_key) target.key = std::string(record.key);
  return target;
}

void choose(RedrivePlan& plan, std::int64_t limit) {
  auto age = [](const RedriveCandidate& one) { return std::tuple(one.letter.rejected_at_ms, one.partition, one.offset); };
  std::sort(plan.chosen.begin(), plan.chosen.end(), [&](const auto& a, const auto& b) { return age(a) < age(b); });
  // Copies: a short text moves with its record.
  std::set<std::string> ids;
  std::vector<RedriveCandidate> kept;
  for (RedriveCandidate& one : plan.chosen) {
    if (ids.contains(one.letter.id)) {
      ++plan.repeated;
    } else if (limit > 0 && static_cast<std::int64_t>(kept.size()) == limit) {
      ++plan.beyond_limit;
    } else {
      ids.insert(one.letter.id);
      kept.push_back(std::move(one));
    }
  }
  plan.chosen = std::move(kept);
}

// ---- reading -----------------------------------------------------------------------------------------------------

/// Reads what is committed in a topic, partitions by hand.
class Redrive::Reader {
 public:
  struct Span {
    std::int32_t partition = 0;
    std::int64_t from = 0, to = 0;
  };

  explicit Reader(const Settings& settings) : patience_(settings.kafka_restore_wait_seconds) {
    auto make = [&](const char* isolation) {
      Properties properties = client_properties(settings);
      // Nothing is ever committed for this group, nor does anyone join it; librdkafka wants one named.
      properties.insert(properties.end(), {{"group.id", settings.kafka_group + "-redrive"},
                                           {"isolation.level", isolation},
                                           {"enable.auto.commit", "false"},
                                           {"enable.auto.offset.store", "false"},
                                           {"enable.partition.eof", "true"},
                                           {"auto.offset.reset", "earliest"},
                                           {"queued.max.messages.kbytes", "16384"},
                                           {"fetch.wait.max.ms", "50"},  // the end of a partition is only told by a fetch that brings nothing
                                           {"max.poll.interval.ms", "86400000"}});
      Client made = make_client(RD_KAFKA_CONSUMER, make_config(properties));
      rd_kafka_poll_set_consumer(made.get());
      return made;
    };
    committed_ = make("read_committed");
    // A reader of what is committed would be told where the oldest open transaction begins; the end is what this one is told.
    ends_ = make("read_uncommitted");
    await_brokers(ends_.get(), settings, static_cast<int>(settings.kafka_broker_wait_seconds));
  }

  /// Whether the topic is there.
  bool knows(const std::string& topic) { return partitions_of(topic) > 0; }

  /// All of a topic, as far as it goes now.
  std::vector<Span> all_of(const std::string& topic) {
    std::vector<Span> spans;
    std::int32_t partitions = partitions_of(topic);
    if (partitions == 0) throw KafkaError("Kafka: there is no topic " + topic + ". Create what is missing: resultsctl topics create.");
    for (std::int32_t partition = 0; partition < partitions; ++partition) {
      Span span{partition};
      rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
      for (int tries = 0; tries < kTries; ++tries) {
        error = rd_kafka_query_watermark_offsets(ends_.get(), topic.c_str(), partition, &span.from, &span.to, kRequestMs);
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR) break;
      }
      if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
        throw KafkaError("Kafka: the end of " + topic + " is not known: " + text_of(error) + ". Check that all brokers run.");
      if (span.from < span.to) spans.push_back(span);
    }
    return spans;
  }

  /// Hands over each committed record in the spans; those of one partition in order.
  void read(const std::string& topic, const std::vector<Span>& spans, const std::function<void(Message)>& take) {
    if (spans.empty()) return;
    assign(topic, spans);
    std::map<std::int32_t, std::int64_t> ends;
    for (const Span& span : spans) ends[span.partition] = span.to;
    auto until = Steady::now() + patience_;
    while (!ends.empty()) {
      Message message(rd_kafka_consumer_poll(committed_.get(), 200));
      if (!message) {
        if (Steady::now() > until) throw no_progress(topic);
        continue;
      }
      bool at_end = message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
      // Other errors are of connections; whether they pass shows in the progress.
      if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR && !at_end) continue;
      auto end = ends.find(message->partition);
      if (end == ends.end()) continue;
      // Markers of transactions have offsets and are no records: where they stand last, only the end of the partition tells.
      std::int64_t next = at_end ? message->offset : message->offset + 1;
      bool inside = !at_end && message->offset < end->second;
      if (next >= end->second) ends.erase(end);
      if (inside) take(std::move(message));
      until = Steady::now() + patience_;
    }
    rd_kafka_assign(committed_.get(), nullptr);
  }

 private:
  std::int32_t partitions_of(const std::string& topic) {
    TopicHandle handle(rd_kafka_topic_new(ends_.get(), topic.c_str(), nullptr));
    const rd_kafka_metadata_t* found = nullptr;
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
    for (int tries = 0; tries < kTries; ++tries) {
      error = rd_kafka_metadata(ends_.get(), 0, handle.get(), &found, kRequestMs);
      if (error == RD_KAFKA_RESP_ERR_NO_ERROR) break;
    }
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) throw KafkaError("Kafka: the brokers do not say what " + topic + " is: " + text_of(error) + ".");
    std::int32_t partitions = found->topic_cnt == 1 ? found->topics[0].partition_cnt : 0;
    rd_kafka_metadata_destroy(found);
    return partitions;
  }

  void assign(const std::string& topic, const std::vector<Span>& spans) {
    PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(spans.size())));
    for (const Span& span : spans) rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), span.partition)->offset = span.from;
    rd_kafka_resp_err_t error = rd_kafka_assign(committed_.get(), list.get());
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) throw KafkaError("Kafka: " + topic + " cannot be read: " + text_of(error) + ".");
  }

  KafkaError no_progress(const std::string& topic) const {
    return KafkaError("Kafka: reading " + topic + " made no progress for " + std::to_string(patience_.count()) +
                      " s. Check that all brokers run, and that the user may read it; a transaction that was left open ends by itself. "
                      "Then run this again.");
  }

  std::chrono::seconds patience_;
  Client ends_, committed_;
};

// ---- sending -----------------------------------------------------------------------------------------------------

/// Sends portions, each in one transaction with its audits.
class Redrive::Sender {
 public:
  struct Outgoing {
    Message message;
    const RedriveCandidate* candidate = nullptr;
    RedriveTarget target;
    std::string value;       ///< what goes in its place: of a sealed one opened, and sealed again where it is an event
    bool rewritten = false;  ///< it is an Event in protobuf, whatever it was before
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR__IN_PROGRESS;
    std::int32_t partition = -1;
    std::int64_t offset = -1;
  };

  Sender(const Settings& settings, const RedriveOptions& options, std::string audit_topic)
      : settings_(settings), options_(options), audit_topic_(std::move(audit_topic)) {
    open();
  }

  void send(std::vector<Outgoing>& portion) {
    if (answers_.missing()) open();
    carry_out("beginning a transaction", [&](int) { return rd_kafka_begin_transaction(producer_.get()); });
    for (Outgoing& one : portion) produce_original(one);
    await_delivery();
    for (const Outgoing& one : portion)
      if (one.error != RD_KAFKA_RESP_ERR_NO_ERROR)
        give_up("record " + one.candidate->letter.id + " was not taken by " + one.target.topic, text_of(one.error));
    for (const Outgoing& one : portion)
      produce(audit_topic_, one.candidate->letter.id, audit_of(*one.candidate, options_, one.partition, one.offset), nullptr, nullptr);
    carry_out("committing a transaction", [&](int timeout_ms) { return rd_kafka_commit_transaction(producer_.get(), timeout_ms); });
    sent_ += static_cast<std::int64_t>(portion.size());
  }

 private:
  /// Fences whoever has the transactional id, and waits until what they left is rolled back or committed.
  void open() {
    producer_.reset();
    answers_.forget();
    Properties properties = client_properties(settings_);
    std::string timeout = std::to_string(settings_.kafka_transaction_timeout_ms);
    properties.insert(properties.end(), {{"transactional.id", settings_.kafka_group + "-redrive"},
                                         {"transaction.timeout.ms", timeout},
                                         {"message.timeout.ms", timeout},
                                         {"linger.ms", "2"},
                                         {"compression.type", "lz4"},
                                         {"message.max.bytes", std::to_string(kMessageBytesMax)}});
    Config config = make_config(properties);
    if (rd_kafka_conf_set(config.get(), "partitioner", "murmur2_random", nullptr, 0) != RD_KAFKA_CONF_OK)
      throw KafkaError("Kafka: librdkafka has no partitioner murmur2_random.");
    rd_kafka_conf_set_dr_msg_cb(config.get(), [](rd_kafka_t*, const rd_kafka_message_t* report, void*) {
      auto* one = static_cast<Outgoing*>(report->_private);
      if (!one) return;
      one->error = report->err;
      one->partition = report->partition;
      one->offset = report->offset;
    });
    answers_.watch(config.get());
    producer_ = make_client(RD_KAFKA_PRODUCER, std::move(config));
    await_brokers(producer_.get(), settings_, static_cast<int>(settings_.kafka_broker_wait_seconds));
    carry_out("taking over from an earlier redrive", [&](int timeout_ms) { return rd_kafka_init_transactions(producer_.get(), timeout_ms); });
  }

  void produce_original(Outgoing& one) {
    RecordView view;
    view_message(*one.message, view);
    rd_kafka_headers_t* headers = rd_kafka_headers_new(view.headers.size());
    auto add = [&](std::string_view name, std::string_view value) {
      rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), value.data(), static_cast<ssize_t>(value.size()));
    };
    for (std::size_t at = 0; at < one.candidate->letter.own_headers; ++at)
      if (const auto& [name, text] = view.headers[at]; !is_mark(name) && !(one.rewritten && name == kContentType)) add(name, text);
    if (one.rewritten) add(kContentType, "application/protobuf");
    add(kRedrivenHeader, one.candidate->letter.id);
    const bool as_it_is = one.candidate->letter.sealed.empty() && !one.rewritten;
    produce(one.target.topic, one.target.key, as_it_is ? view.value : one.value, headers, &one);
  }

  /// Takes over `headers`, which may be null.
  void produce(const std::string& topic, const std::optional<std::string>& key, std::string_view value, rd_kafka_headers_t* headers,
               Outgoing* report_to) {
    if (!headers) headers = rd_kafka_headers_new(0);
    const void* key_bytes = key ? key->data() : nullptr;
    std::size_t key_size = key ? key->size() : 0;
    auto until = Steady::now() + std::chrono::milliseconds(settings_.kafka_transaction_timeout_ms);
    for (;;) {
      rd_kafka_resp_err_t error =
          rd_kafka_producev(producer_.get(), RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                            RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()), RD_KAFKA_V_KEY(key_bytes, key_size),
                            RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(report_to), RD_KAFKA_V_END);
      if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return;  // the headers are librdkafka's now
      if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL && Steady::now() < until) {
        rd_kafka_poll(producer_.get(), 10);
        continue;
      }
      rd_kafka_headers_destroy(headers);
      give_up("a record was not taken by " + topic, text_of(error));
    }
  }

  void await_delivery() {
    rd_kafka_resp_err_t error = rd_kafka_flush(producer_.get(), static_cast<int>(settings_.kafka_transaction_timeout_ms) + kRequestMs);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) give_up("records were not taken in time", text_of(error));
  }

  /// Calls until it works.
  template <class Call>
  void carry_out(const char* what, Call call) {
    for (int tries = 1;; ++tries) {
      Failure failure(call(static_cast<int>(settings_.kafka_transaction_timeout_ms)));
      rd_kafka_poll(producer_.get(), 0);
      if (!failure) return;
      if (!rd_kafka_error_is_retriable(failure.get()) || tries == kTries) give_up(what, text_of(failure.get()));
    }
  }

  /// Rolls back what is open, as far as that can be done: if not, the brokers or the next redrive do.
  [[noreturn]] void give_up(const std::string& what, const std::string& error) {
    char words[256] = "";
    rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(producer_.get(), words, sizeof words);
    std::string so_far =
        std::to_string(sent_) +
        " records went; of those under way, all or none did. Nothing is lost or goes twice: run this again, and it goes on from there.";
    if (fatal == RD_KAFKA_RESP_ERR__FENCED || fatal == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH || fatal == RD_KAFKA_RESP_ERR_PRODUCER_FENCED)
      throw KafkaError("Another redrive of the group " + settings_.kafka_group + " was started, which stopped this one. " + so_far);
    if (fatal == RD_KAFKA_RESP_ERR_NO_ERROR)
      Failure ignored(rd_kafka_abort_transaction(producer_.get(), static_cast<int>(settings_.kafka_transaction_timeout_ms)));
    throw KafkaError("Kafka: " + what + " failed: " + error + (*words ? " (" + std::string(words) + ")" : "") + ". " + so_far);
  }

  const Settings& settings_;
  const RedriveOptions& options_;
  std::string audit_topic_;
  Answers answers_;
  Client producer_;
  std::int64_t sent_ = 0;
};

// ---- the redrive -------------------------------------------------------------------------------------------------

Redrive::Redrive(const Settings& settings, RedriveOptions options)
    : settings_(settings), options_(std::move(options)), names_(settings.kafka_topic_prefix) {
  // Before anything is read: once an earlier redrive is fenced, no audit can come behind what is read here.
  if (!settings_.seal_key_file.empty()) seal_ = Seal::read(settings_.seal_key_file);
  if (!options_.dry_run) sender_ = std::make_unique<Sender>(settings_, options_, names_.redriven());
  reader_ = std::make_unique<Reader>(settings_);
}

Redrive::~Redrive() = default;

std::set<std::string> Redrive::redriven_before() {
  std::set<std::string> ids;
  reader_->read(names_.redriven(), reader_->all_of(names_.redriven()), [&](Message message) {
    std::string id(static_cast<const char*>(message->key), message->key_len);
    if (message->payload)
      ids.insert(std::move(id));
    else
      ids.erase(id);
  });
  return ids;
}

const RedrivePlan& Redrive::plan() {
  plan_ = {};
  std::set<std::string> before = redriven_before();
  std::string rejected = names_.of(Topic::rejected);
  RecordView view;
  reader_->read(rejected, reader_->all_of(rejected), [&](Message message) {
    view_message(*message, view);
    consider(view, before);
  });
  choose(plan_, options_.limit);
  check_targets();
  return plan_;
}

void Redrive::consider(RecordView& record, const std::set<std::string>& before) {
  ++plan_.read;
  auto letter = read_dead_letter(record);
  if (!letter || !matches(options_.filter, *letter, record)) return;
  ++plan_.matched;
  if (before.contains(letter->id)) {
    ++plan_.redriven_before;
    return;
  }
  RedriveCandidate candidate{std::move(*letter), record.partition, record.offset, "", ""};
  std::string value;
  std::optional<RedriveTarget> target;
  if (open_letter(candidate.letter, record, seal_.get(), value, candidate.why))
    target = target_of(candidate.letter, record, settings_, candidate.why);
  if (target) candidate.target = std::move(target->topic);
  (target ? plan_.chosen : plan_.stuck).push_back(std::move(candidate));
}

void Redrive::check_targets() {
  std::set<std::string> targets;
  for (const RedriveCandidate& one : plan_.chosen) targets.insert(one.target);
  for (const std::string& target : targets)
    if (!reader_->knows(target)) throw KafkaError("Kafka: there is no topic " + target + ". Create what is missing: resultsctl topics create.");
}

RedriveResult Redrive::run(const std::function<void(std::int64_t, std::int64_t)>& progress) {
  RedriveResult result;
  auto total = static_cast<std::int64_t>(plan_.chosen.size());
  std::map<std::pair<std::int32_t, std::int64_t>, const RedriveCandidate*> by_place;
  for (const RedriveCandidate& one : plan_.chosen) by_place[{one.partition, one.offset}] = &one;
  std::vector<Reader::Span> spans;
  for (const auto& [place, one] : by_place) {
    if (spans.empty() || spans.back().partition != place.first) spans.push_back({place.first, place.second, 0});
    spans.back().to = place.second + 1;
  }
  std::size_t most = kPortionRecordsMax;
  // Two portions a second at least, so that the rate is kept in the short run, too.
  if (options_.rate > 0) most = static_cast<std::size_t>(std::clamp<std::int64_t>(options_.rate / 2, 1, kPortionRecordsMax));
  std::vector<Sender::Outgoing> portion;
  std::size_t bytes = 0;
  auto due = Steady::now();
  auto send = [&] {
    std::this_thread::sleep_until(due);
    sender_->send(portion);
    // What a slow portion lost is made up for a second at most.
    if (options_.rate > 0)
      due = std::max(due, Steady::now() - std::chrono::seconds(1)) +
            std::chrono::microseconds(1'000'000 * static_cast<std::int64_t>(portion.size()) / options_.rate);
    for (const auto& one : portion) ++result.by_topic[one.target.topic];
    result.sent += static_cast<std::int64_t>(portion.size());
    portion.clear();
    bytes = 0;
    progress(result.sent, total);
  };
  reader_->read(names_.of(Topic::rejected), spans, [&](Message message) {
    auto found = by_place.find({message->partition, message->offset});
    if (found == by_place.end()) return;
    RecordView view;
    view_message(*message, view);
    std::string why, value;
    const DeadLetter& letter = found->second->letter;
    if (!open_letter(letter, view, seal_.get(), value, why)) return;
    auto target = target_of(letter, view, settings_, why);
    if (!target) return;
    bytes += message->len;
    Sender::Outgoing one{.message = std::move(message), .candidate = found->second, .target = std::move(*target)};
    if (!letter.sealed.empty()) one.value = view.value;
    // Of one from before there was a key the event goes on sealed, too.
    if (seal_)
      if (auto sealed = sealed_again(letter, view, one.target.topic, settings_, *seal_)) {
        one.rewritten = true;
        one.value = std::move(*sealed);
      }
    portion.push_back(std::move(one));
    if (portion.size() >= most || bytes >= kPortionBytesMax) send();
  });
  if (!portion.empty()) send();
  result.gone = total - result.sent;
  return result;
}

}  // namespace vtq::kafka
