#include "daemon/kafka/inputs.h"

#include <algorithm>
#include <chrono>
#include <tuple>

#include "daemon/process/log.h"

namespace vtq::kafka {
namespace {

using Steady = std::chrono::steady_clock;

/// Records taken from one stream at a time when streams are merged.
constexpr std::size_t kFillRecords = 500;
constexpr int kStreamWaitMs = 10;
/// So many records behind one that is dated far ahead of them say that it is wrong; fewer may be late facts.
constexpr std::size_t kAstrayRecords = 8;
/// As far as a stream is looked into for them.
constexpr std::size_t kAstrayLookMax = 10'000;

std::int64_t time_of(const Message& message) { return rd_kafka_message_timestamp(message.get(), nullptr); }

/// In a topic that is keyed by centre, only a TimeReached has this key.
bool is_for_all(const rd_kafka_message_t& message) { return std::string_view(static_cast<const char*>(message.key), message.key_len) == "*"; }

Properties consumer_properties(const Settings& s) {
  Properties made = common_properties(s, "reader");
  bool in_order = s.time_source == "event";
  made.insert(made.end(), {{"group.id", s.kafka_group},
                           {"enable.auto.commit", "false"},
                           {"enable.auto.offset.store", "false"},
                           {"isolation.level", "read_committed"},
                           // Where to begin is always said: an offset that is gone is an error, not a reason to begin elsewhere.
                           {"auto.offset.reset", "error"},
                           {"partition.assignment.strategy", s.kafka_assignment},
                           {"session.timeout.ms", std::to_string(s.kafka_session_timeout_ms)},
                           // By the answers a member learns of a rebalance, and the others stand still until the last has.
                           {"heartbeat.interval.ms", std::to_string(std::min<std::int64_t>(300, s.kafka_session_timeout_ms / 5))},
                           {"max.poll.interval.ms", std::to_string(std::max<std::int64_t>(300'000, s.kafka_session_timeout_ms))},
                           // Brokers gather too: fetching every record as it comes costs both sides more than all else.
                           {"fetch.min.bytes", std::to_string(16 << 10)},
                           {"fetch.wait.max.ms", std::to_string(std::clamp<std::int64_t>(s.kafka_commit_interval_ms, 10, 100))},
                           {"fetch.message.max.bytes", std::to_string(1 << 20)},
                           // In order of time each stream has a queue of its own, with this limit each.
                           {"queued.max.messages.kbytes", in_order ? "4096" : "65536"},
                           // The end of what is committed is told: markers have offsets, and nothing else says that only such are left.
                           {"enable.partition.eof", "true"},
                           {"allow.auto.create.topics", "false"}});
  if (s.kafka_static_membership) made.emplace_back("group.instance.id", s.kafka_group + "-" + instance_name(s));
  return made;
}

}  // namespace

Inputs::Inputs(const Settings& settings, const TopicNames& names, std::function<void()> before_revoked)
    : names_(names),
      in_order_(settings.time_source == "event"),
      step_max_ms_(static_cast<std::int64_t>(settings.time_event_step_days_max * static_cast<double>(kDayMs))),
      before_revoked_(std::move(before_revoked)) {
  Config config = make_config(consumer_properties(settings));
  rd_kafka_conf_set_opaque(config.get(), this);
  rd_kafka_conf_set_rebalance_cb(config.get(), on_rebalance);
  consumer_ = make_client(RD_KAFKA_CONSUMER, std::move(config));
  rd_kafka_poll_set_consumer(consumer_.get());
  queue_.reset(rd_kafka_queue_get_consumer(consumer_.get()));
  PartitionList topics(rd_kafka_topic_partition_list_new(static_cast<int>(kCentreTopics.size())));
  for (Topic topic : kCentreTopics) rd_kafka_topic_partition_list_add(topics.get(), names_.of(topic).c_str(), RD_KAFKA_PARTITION_UA);
  rd_kafka_resp_err_t error = rd_kafka_subscribe(consumer_.get(), topics.get());
  if (error) throw KafkaError("Kafka: cannot subscribe to the input topics: " + text_of(error) + ". Check kafka.topic_prefix.");
}

Inputs::~Inputs() {
  streams_.clear();
  queue_.reset();
  // Destroyed while it closes, it waits for what nobody serves any more.
  if (left_open_) static_cast<void>(consumer_.release());
}

std::int32_t Inputs::generation() const {
  GroupMetadata group(rd_kafka_consumer_group_metadata(consumer_.get()));
  return group ? generation_of(group.get()) : -1;
}

// ---- the group ----

void Inputs::on_rebalance(rd_kafka_t*, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* list, void* self) {
  static_cast<Inputs*>(self)->rebalance(what, list);
}

void Inputs::rebalance(rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* list) {
  bool cooperative = std::string_view(rd_kafka_rebalance_protocol(consumer_.get())) == "COOPERATIVE";
  bool gives = what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
  std::set<std::uint32_t> partitions = partitions_in(*list, gives ? &changes_.incomplete : nullptr);
  PartitionList none(rd_kafka_topic_partition_list_new(0));
  if (gives) {
    joined_ = true;
    if (!changes_.assigned) changes_.assigned.emplace();
    changes_.assigned->insert(partitions.begin(), partitions.end());
    // Acknowledged only: fetching begins with `start`, once the partition is restored.
    if (cooperative) {
      Failure failure(rd_kafka_incremental_assign(consumer_.get(), none.get()));
    } else {
      rd_kafka_assign(consumer_.get(), none.get());
    }
    return;
  }
  before_revoked_();
  changes_.lost = changes_.lost || rd_kafka_assignment_lost(consumer_.get()) != 0;
  if (changes_.assigned)
    for (std::uint32_t partition : partitions) changes_.assigned->erase(partition);
  changes_.revoked.insert(partitions.begin(), partitions.end());
  std::erase_if(streams_, [&](const auto& stream) { return partitions.contains(stream.first.second); });
  if (cooperative) {
    PartitionList fetched(rd_kafka_topic_partition_list_new(list->cnt));
    for (int at = 0; at < list->cnt; ++at)
      if (started_.contains(static_cast<std::uint32_t>(list->elems[at].partition)))
        rd_kafka_topic_partition_list_add(fetched.get(), list->elems[at].topic, list->elems[at].partition);
    Failure failure(rd_kafka_incremental_unassign(consumer_.get(), fetched.get()));
  } else {
    rd_kafka_assign(consumer_.get(), nullptr);
  }
  for (std::uint32_t partition : partitions) started_.erase(partition);
}

/// The partitions that stand in the list for all topics.
std::set<std::uint32_t> Inputs::partitions_in(const rd_kafka_topic_partition_list_t& list, std::map<std::uint32_t, std::string>* incomplete) {
  std::map<std::uint32_t, std::set<std::string>> topics;
  for (int at = 0; at < list.cnt; ++at) topics[static_cast<std::uint32_t>(list.elems[at].partition)].insert(list.elems[at].topic);
  std::set<std::uint32_t> found;
  for (const auto& [partition, given] : topics) {
    if (given.size() == kCentreTopics.size()) {
      found.insert(partition);
      continue;
    }
    if (!incomplete) continue;
    std::string& missing = (*incomplete)[partition];
    for (Topic topic : kCentreTopics)
      if (std::string name = names_.of(topic); !given.contains(name)) missing += (missing.empty() ? "" : ", ") + name;
  }
  return found;
}

Inputs::Changes Inputs::take_changes() {
  if (!failure_.empty()) throw KafkaError(failure_);
  return std::exchange(changes_, {});
}

std::optional<InputOffsets> Inputs::committed(std::uint32_t partition, int timeout_ms) {
  PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(kCentreTopics.size())));
  for (Topic topic : kCentreTopics) rd_kafka_topic_partition_list_add(list.get(), names_.of(topic).c_str(), static_cast<std::int32_t>(partition));
  // With read_committed, the brokers are asked to leave out what a transaction that is still open would commit.
  if (rd_kafka_committed(consumer_.get(), list.get(), timeout_ms)) return std::nullopt;
  InputOffsets offsets;
  for (std::size_t at = 0; at < kCentreTopics.size(); ++at) {
    const rd_kafka_topic_partition_t& one = list->elems[at];
    if (one.err) return std::nullopt;
    if (one.offset >= 0) offsets[kCentreTopics[at]] = one.offset;
  }
  return offsets;
}

void Inputs::start(const std::map<std::uint32_t, Start>& partitions) {
  bool cooperative = std::string_view(rd_kafka_rebalance_protocol(consumer_.get())) == "COOPERATIVE";
  PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size() * kCentreTopics.size())));
  PartitionList before(rd_kafka_topic_partition_list_new(static_cast<int>(started_.size() * kCentreTopics.size())));
  for (std::uint32_t partition : started_)
    for (Topic topic : kCentreTopics) rd_kafka_topic_partition_list_add(before.get(), names_.of(topic).c_str(), static_cast<std::int32_t>(partition));
  streams_.clear();
  unreadable_.clear();
  started_.clear();
  for (const auto& [partition, from] : partitions) {
    started_.insert(partition);
    for (Topic topic : kCentreTopics) {
      auto offset = from.offsets.find(topic);
      Stream& stream = streams_[{topic, partition}];
      stream.next = offset == from.offsets.end() ? -1 : offset->second;
      stream.time_ms = from.time_ms;
      rd_kafka_topic_partition_list_add(list.get(), names_.of(topic).c_str(), static_cast<std::int32_t>(partition))->offset =
          stream.next < 0 ? static_cast<std::int64_t>(RD_KAFKA_OFFSET_BEGINNING) : stream.next;
    }
  }
  // Before anything is fetched: what came to the common queue first would be overtaken by what comes to the stream's own, and then be passed
  // over as read already.
  if (in_order_)
    for (auto& [key, stream] : streams_) {
      stream.queue.reset(rd_kafka_queue_get_partition(consumer_.get(), names_.of(key.first).c_str(), static_cast<std::int32_t>(key.second)));
      if (!stream.queue) throw Lost("starting to read: " + names_.of(key.first) + " has no partition " + std::to_string(key.second) + " yet");
      rd_kafka_queue_forward(stream.queue.get(), nullptr);
    }
  std::string why;
  if (cooperative) {
    Failure gone(before->cnt > 0 ? rd_kafka_incremental_unassign(consumer_.get(), before.get()) : nullptr);
    Failure failure(list->cnt > 0 ? rd_kafka_incremental_assign(consumer_.get(), list.get()) : nullptr);
    if (gone) why = text_of(gone.get());
    if (failure) why = text_of(failure.get());
  } else if (rd_kafka_resp_err_t error = rd_kafka_assign(consumer_.get(), list.get())) {
    why = text_of(error);
  }
  if (!why.empty()) throw Lost("starting to read: " + why);
}

void Inputs::leave(int deadline_ms, bool for_good) {
  start({});
  auto until = Steady::now() + std::chrono::milliseconds(deadline_ms);
  // A static member that closes says nothing to the group; one that wants no topics any more does.
  if (for_good && !rd_kafka_unsubscribe(consumer_.get())) {
    // Without a generation it is no member any more.
    while (generation() >= 0 && Steady::now() < until) {
      Event event(rd_kafka_queue_poll(queue_.get(), 50));
      if (event && rd_kafka_event_type(event.get()) == RD_KAFKA_EVENT_REBALANCE) rd_kafka_assign(consumer_.get(), nullptr);
    }
  }
  Failure failure(rd_kafka_consumer_close_queue(consumer_.get(), queue_.get()));
  // Polled rather than waited for: closing hangs now and then in librdkafka 2.0.2. What is not finished by then the brokers find out for
  // themselves, when the session times out.
  while (!failure && !rd_kafka_consumer_closed(consumer_.get()) && Steady::now() < until) {
    Event event(rd_kafka_queue_poll(queue_.get(), 50));
    if (!event || rd_kafka_event_type(event.get()) != RD_KAFKA_EVENT_REBALANCE) continue;
    rd_kafka_assign(consumer_.get(), nullptr);
  }
  left_open_ = !failure && !rd_kafka_consumer_closed(consumer_.get());
  if (left_open_) log::write(log::Level::warning, "the client of the group did not close in time; the brokers find out for themselves", {});
}

// ---- records ----

void Inputs::wake() { rd_kafka_queue_yield(queue_.get()); }

void Inputs::poll(rd_kafka_queue_t* queue, std::size_t count, int timeout_ms, std::vector<Message>& out) {
  for (Message& message : take_batch(queue, count, timeout_ms)) {
    if (message->err)
      check(std::move(message));
    else
      out.push_back(std::move(message));
  }
}

/// What comes in place of a record.
void Inputs::check(Message held) {
  const rd_kafka_message_t& message = *held;
  switch (message.err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
      if (auto stream = streams_.find({topic_of(message), static_cast<std::uint32_t>(message.partition)}); stream != streams_.end())
        stream->second.end = message.offset;
      break;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
      stopped_.insert(static_cast<std::uint32_t>(message.partition));
      break;
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
    case RD_KAFKA_RESP_ERR__BAD_MSG:
      keep_unreadable(std::move(held));
      break;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
      failure_ = "Kafka: " + text_of(message.err) +
                 ". Give the user of kafka.sasl_username the right to read the input topics and to use the group of kafka.group.";
      break;
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
    case RD_KAFKA_RESP_ERR__FATAL:
      throw Fenced("reading: " + std::string(rd_kafka_message_errstr(&message)));
    default:
      log::write(log::Level::debug, "reading", {{"error", text_of(message.err)}});
  }
}

/// A batch that librdkafka cannot unpack, for it is damaged or has more than receive.message.max.bytes unpacked: it would be fetched again and
/// again.
void Inputs::keep_unreadable(Message message) {
  Topic topic = topic_of(*message);
  auto partition = static_cast<std::uint32_t>(message->partition);
  auto stream = streams_.find({topic, partition});
  if (stream == streams_.end() || stream->second.unreadable) return;
  if (in_order_) {
    failure_ = "Kafka: partition " + std::to_string(partition) + " of " + names_.of(topic) + " has a record at offset " +
               std::to_string(message->offset) + " that cannot be unpacked: " + std::string(rd_kafka_message_errstr(message.get())) +
               ". Move the start of the partition past it with kafka-delete-records.sh, and publish what it was again.";
    return;
  }
  // The batch may have begun before what is wanted of it.
  message->offset = std::max(message->offset, stream->second.next);
  stream->second.next = message->offset + 1;
  stream->second.unreadable = true;
  unreadable_.push_back({std::move(message), topic, partition});
}

Topic Inputs::topic_of(const rd_kafka_message_t& message) {
  for (auto [handle, topic] : topics_)
    if (handle == message.rkt) return topic;
  std::string_view name = rd_kafka_topic_name(message.rkt);
  for (Topic topic : kCentreTopics) {
    if (names_.of(topic) != name) continue;
    topics_.emplace_back(message.rkt, topic);
    return topic;
  }
  std::abort();  // nothing else is subscribed to
}

/// The stream that still wants this record: not one that was revoked meanwhile, nor one that is past it.
Inputs::Stream* Inputs::wanted(const rd_kafka_message_t& message) {
  auto stream = streams_.find({topic_of(message), static_cast<std::uint32_t>(message.partition)});
  if (stream == streams_.end() || message.offset < stream->second.next) return nullptr;
  stream->second.next = message.offset + 1;
  return &stream->second;
}

std::vector<InputRecord> Inputs::gather(std::size_t records_max, int idle_ms, const std::function<int()>& more_ms) {
  std::vector<Message> messages;
  poll(queue_.get(), 1, idle_ms, messages);
  for (int more = 1; more > 0 && !messages.empty() && messages.size() < records_max;) {
    more = more_ms();
    poll(queue_.get(), records_max - messages.size(), more, messages);
  }
  std::vector<InputRecord> records;
  records.reserve(messages.size());
  // Only now: a partition may have been revoked between one message and the next.
  for (Message& message : messages) {
    if (!wanted(*message)) continue;
    Topic topic = topic_of(*message);
    auto partition = static_cast<std::uint32_t>(message->partition);
    records.push_back({std::move(message), topic, partition});
  }
  return records;
}

std::optional<Inputs::Position> Inputs::position(Topic topic, std::uint32_t partition) const {
  auto stream = streams_.find({topic, partition});
  if (stream == streams_.end() || !stream->second.gathered.empty()) return std::nullopt;
  return Position{stream->second.next, stream->second.end};
}

void Inputs::fill(Stream& stream, int timeout_ms) {
  std::vector<Message> messages;
  if (stream.queue) poll(stream.queue.get(), timeout_ms > 0 ? 1 : kFillRecords, timeout_ms, messages);
  for (Message& message : messages)
    if (Stream* into = wanted(*message)) into->gathered.push_back(std::move(message));
}

/// Whether the first record is dated further ahead of what stands behind it than one event may lie: a wrong year, or a wrong clock. A
/// TimeReached behind it says so for certain, other records by their majority. A TimeReached itself may lie anywhere.
bool Inputs::is_astray(Stream& stream) {
  const Message& head = stream.gathered.front();
  if (is_for_all(*head) || time_of(head) - stream.time_ms <= step_max_ms_) return false;
  for (std::size_t before = 0; stream.gathered.size() != before && stream.gathered.size() < kAstrayLookMax;) {
    before = stream.gathered.size();
    fill(stream, 0);
  }
  std::size_t earlier = 0;
  for (std::size_t at = 1; at < stream.gathered.size(); ++at) {
    if (time_of(head) - time_of(stream.gathered[at]) <= step_max_ms_) continue;
    if (is_for_all(*stream.gathered[at])) return true;
    ++earlier;
  }
  return earlier >= kAstrayRecords && 2 * earlier > stream.gathered.size() - 1;
}

/// Serves the group while each stream has a queue of its own.
void Inputs::poll_group(int timeout_ms) {
  std::vector<Message> messages;
  poll(queue_.get(), 1, timeout_ms, messages);
  if (!messages.empty()) throw Lost("a record came to the queue of the group, past those of its partition");
}

std::vector<InputRecord> Inputs::gather_in_order(std::size_t records_max, int idle_ms, std::int64_t until_ms) {
  poll_group(0);
  std::vector<InputRecord> records;
  // A TimeReached comes after what else is of its moment, whichever streams this instance has: it moves all partitions.
  using Head = std::tuple<std::int64_t, bool, StreamKey>;
  std::vector<Head> heads;  // a heap, earliest first
  std::set<const rd_kafka_message_t*> astray;
  std::int64_t certain = until_ms, last = 0;
  Stream* behind = nullptr;
  auto look = [&](const StreamKey& key, Stream& stream) {
    if (stream.gathered.empty()) fill(stream, 0);
    while (!stream.gathered.empty() && is_astray(stream)) {
      // In its place among those of its stream: their offsets are committed in order.
      astray.insert(stream.gathered.front().get());
      records.push_back({std::move(stream.gathered.front()), key.first, key.second});
      stream.gathered.pop_front();
      if (stream.gathered.empty()) fill(stream, 0);
    }
    if (!stream.gathered.empty()) {
      heads.push_back({time_of(stream.gathered.front()), is_for_all(*stream.gathered.front()), key});
      std::push_heap(heads.begin(), heads.end(), std::greater<>());
    } else if (stream.time_ms < certain) {
      certain = stream.time_ms;
      behind = &stream;
    }
  };
  for (auto& [key, stream] : streams_) look(key, stream);
  while (!heads.empty() && std::get<0>(heads.front()) <= certain) {
    // A commit does not part what happened at the same moment.
    if (records.size() >= records_max && std::get<0>(heads.front()) > last) break;
    std::pop_heap(heads.begin(), heads.end(), std::greater<>());
    auto [time, for_all, key] = heads.back();
    heads.pop_back();
    last = time;
    Stream& stream = streams_.at(key);
    // Of its own moment a record leaves open whether more comes; a TimeReached does not.
    stream.time_ms = std::max(stream.time_ms, for_all ? time : time - 1);
    records.push_back({std::move(stream.gathered.front()), key.first, key.second});
    stream.gathered.pop_front();
    look(key, stream);
  }
  // A moment of which more may come stays together: what it changes must not depend on what had arrived.
  auto uncertain = std::find_if(records.begin(), records.end(),
                                [&](const InputRecord& one) { return !astray.contains(one.message.get()) && time_of(one.message) > certain; });
  for (auto kept = static_cast<std::size_t>(uncertain - records.begin()); records.size() > kept; records.pop_back()) {
    InputRecord& back = records.back();
    astray.erase(back.message.get());
    streams_.at({back.topic, back.partition}).gathered.push_front(std::move(back.message));
  }
  for (const InputRecord& one : records)
    if (astray.contains(one.message.get()))
      log::write(log::Level::warning, "a record is dated far ahead of those behind it, and is taken out of the order of time",
                 {{"topic", names_.of(one.topic)}, {"partition", std::int64_t{one.partition}}, {"offset", one.message->offset}});
  // Not for long: `wake` ends waits on the common queue only.
  if (records.empty() && behind)
    fill(*behind, std::min(idle_ms, kStreamWaitMs));
  else if (records.empty())
    poll_group(idle_ms);
  return records;
}

std::vector<StreamLag> Inputs::lags(TimeMs now) {
  std::vector<StreamLag> found;
  found.reserve(streams_.size());
  auto since = [now](std::int64_t records, TimeMs& held) {
    if (records == 0) held = 0;
    if (records > 0 && held == 0) held = now;
    return held;
  };
  for (auto& [key, stream] : streams_) {
    StreamLag& lag = found.emplace_back(StreamLag{.topic = key.first, .partition = key.second});
    std::int64_t low = 0, high = -1;
    if (rd_kafka_get_watermark_offsets(consumer_.get(), names_.of(key.first).c_str(), static_cast<std::int32_t>(key.second), &low, &high)) high = -1;
    // At its end nothing can be read; what the partition holds beyond that waits for a transaction, or is on its way here.
    bool at_end = stream.end >= stream.next;
    if (high >= 0) (at_end ? lag.held_records : lag.records) = std::max<std::int64_t>(0, high - std::max({stream.next, stream.end, low}));
    lag.behind_since_ms = since(lag.records, stream.behind_since_ms);
    lag.held_since_ms = since(lag.held_records, stream.held_since_ms);
  }
  return found;
}

}  // namespace vtq::kafka
