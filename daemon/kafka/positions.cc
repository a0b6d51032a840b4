#include "daemon/kafka/positions.h"

#include <pthread.h>

#include <algorithm>
#include <boost/crc.hpp>
#include <chrono>

#include "daemon/process/log.h"
#include "pipeline/base/uk_time.h"

namespace vtq::kafka {
namespace {

using Steady = std::chrono::steady_clock;

/// How long a log may seem to end before what was read of it: a new leader does not know at once how far it is replicated.
constexpr auto kBehind = std::chrono::seconds(5);
constexpr auto kPause = std::chrono::milliseconds(200);
/// A leader that has gone answers nothing: the next time another one is asked.
constexpr int kEndsMs = 1000;
constexpr int kLastMs = 5000;
/// How long all partitions are asked for at once, in vain, before each is asked for by itself: leaders that move are back by then.
constexpr auto kTogether = std::chrono::seconds(5);
/// How often the configuration of the topics is looked at, besides at the start.
constexpr auto kTopicsEvery = std::chrono::seconds(60);
constexpr std::int64_t kTopicsWaitSeconds = 5;

bool same(const v1::ReadRecord& a, const v1::ReadRecord& b) {
  return a.offset() == b.offset() && a.at_ms() == b.at_ms() && a.checksum() == b.checksum();
}

Properties reader_properties(const Settings& settings) {
  Properties made = common_properties(settings, "positions");
  made.insert(made.end(), {{"group.id", settings.kafka_group + "-positions"},  // needed for assign(); nothing is committed with it
                           {"enable.auto.commit", "false"},
                           {"enable.auto.offset.store", "false"},
                           {"auto.offset.reset", "error"},
                           {"isolation.level", "read_uncommitted"},
                           {"enable.partition.eof", "true"},
                           {"fetch.wait.max.ms", "50"},
                           // One record of each is wanted, and at a takeover at once. Of a batch above the limit of its partition brokers send
                           // nothing, but for the first partition of a request: a low limit would make the partitions take turns.
                           {"fetch.message.max.bytes", std::to_string(kMessageBytesMax)},
                           {"fetch.max.bytes", "16777216"},
                           {"queued.max.messages.kbytes", "16384"},
                           {"allow.auto.create.topics", "false"},
                           // A leader that has moved is forgotten after this time, see changelog.cc.
                           {"metadata.max.age.ms", "1000"}});
  return made;
}

const v1::ReadRecord* last_of(const v1::CommitRecord& record, Topic topic) {
  auto found = record.last().find(std::string(topic_name(topic)));
  return found == record.last().end() ? nullptr : &found->second;
}

}  // namespace

v1::ReadRecord read_record(const rd_kafka_message_t& message) {
  boost::crc_32_type crc;
  crc.process_bytes(message.key, message.key_len);
  crc.process_bytes(message.payload, message.len);
  v1::ReadRecord record;
  record.set_offset(message.offset);
  record.set_at_ms(rd_kafka_message_timestamp(&message, nullptr));
  record.set_checksum(crc.checksum());
  return record;
}

InputOffsets offsets_of(const v1::CommitRecord& record) {
  InputOffsets offsets;
  for (Topic topic : kCentreTopics)
    if (auto held = record.inputs().find(std::string(topic_name(topic))); held != record.inputs().end()) offsets[topic] = held->second;
  return offsets;
}

std::vector<PositionFault> faults_of(std::uint32_t partition, const v1::CommitRecord& record, const InputOffsets* group, const InputLogs& logs) {
  using Kind = PositionFault::Kind;
  InputOffsets held = offsets_of(record);
  std::vector<PositionFault> faults;
  for (const auto& [topic, log] : logs) {
    PositionFault fault{.topic = topic, .partition = partition, .next = {}, .group = {}, .log = log, .last = {}};
    if (auto next = held.find(topic); next != held.end()) fault.next = next->second;
    if (const v1::ReadRecord* last = last_of(record, topic)) fault.last = *last;
    if (group)
      if (auto at = group->find(topic); at != group->end()) fault.group = at->second;
    auto add = [&](Kind kind) {
      fault.kind = kind;
      faults.push_back(fault);
    };
    // Between the log's start and an offset up to there lies nothing that anybody could have read.
    bool consumed = fault.group && *fault.group > log.start;
    if (record.transaction() == 0 && consumed)
      add(Kind::state_lost);
    else if ((fault.next && *fault.next > log.end) || (fault.last && fault.last->offset() >= log.end))
      add(Kind::log_cut);
    else if (fault.last && fault.last->offset() >= log.start && !(log.at_last && same(*log.at_last, *fault.last)))
      add(Kind::log_replaced);
    else if (fault.next && *fault.next < log.start)
      add(Kind::deleted_unread);
    else if (fault.next ? fault.group && *fault.group != *fault.next : consumed)
      add(Kind::group_moved);
  }
  return faults;
}

std::string text_of(const PositionFault& fault, const TopicNames& names, const std::string& group) {
  using Kind = PositionFault::Kind;
  auto number = [](std::int64_t offset) { return std::to_string(offset); };
  std::string place = "Topic " + names.of(fault.topic) + ", partition " + std::to_string(fault.partition) + ": ";
  std::string next = fault.next ? "offset " + number(*fault.next) : "its beginning";
  switch (fault.kind) {
    case Kind::state_lost:
      return place + "the group " + group + " has consumed it to offset " + number(*fault.group) + ", but " + names.changelog() +
             " has no state of the partition. The changelog lost its records, or was deleted and made again.";
    case Kind::group_moved:
      return place + "resultsd has read it to " + next + ", but the group " + group + " is at offset " + number(*fault.group) +
             ". Another client used the group, or somebody reset it.";
    case Kind::deleted_unread:
      return place + "it was read to offset " + number(*fault.next) + " and now begins at offset " + number(fault.log.start) +
             ": what stood in between was deleted before it was read.";
    case Kind::log_cut:
      return place + "it was read to " + next + " and now ends at offset " + number(fault.log.end) +
             ": it lost records, or was deleted and made again.";
    case Kind::log_replaced:
      return place + "at offset " + number(fault.last->offset()) + " stands " + (fault.log.at_last ? "another record than" : "no record, where") +
             (fault.log.at_last ? " the one that was read: " : " one was read: ") + "it lost records, or was deleted and made again.";
  }
  return place;
}

std::string remedy_of(const PositionFault& fault) {
  using Kind = PositionFault::Kind;
  switch (fault.kind) {
    case Kind::state_lost:
      return "";
    case Kind::group_moved:
      return "The group's offset is set back to " + std::to_string(fault.next.value_or(fault.log.start)) + ".";
    case Kind::deleted_unread:
      return "It is read on from offset " + std::to_string(fault.log.start) + ".";
    case Kind::log_cut:
    case Kind::log_replaced:
      return "It is read again from offset " + std::to_string(fault.log.start) + ", " + std::to_string(fault.log.end - fault.log.start) +
             " offsets; what was applied already changes nothing.";
  }
  return "";
}

std::string loss_of(const PositionFault& fault) {
  using Kind = PositionFault::Kind;
  std::string since = fault.last ? " since " + utc_text(fault.last->at_ms()) : "";
  if (fault.kind == Kind::deleted_unread)
    return "Offsets " + std::to_string(*fault.next) + " to " + std::to_string(fault.log.start - 1) + " (" +
           std::to_string(fault.log.start - *fault.next) +
           " records, or markers of transactions) are gone. Its publishers send again what they sent" + since + ".";
  if (fault.kind == Kind::log_cut || fault.kind == Kind::log_replaced)
    return "What the topic held and lost before it was read is gone. Its publishers send again what they sent" + since + ".";
  return "";
}

std::pair<v1::CommitRecord, InputOffsets> repaired(const v1::CommitRecord& record, const std::vector<PositionFault>& faults) {
  using Kind = PositionFault::Kind;
  v1::CommitRecord made = record;
  InputOffsets begun;
  for (const PositionFault& fault : faults) {
    std::string name(topic_name(fault.topic));
    if (fault.kind == Kind::deleted_unread || fault.kind == Kind::log_cut || fault.kind == Kind::log_replaced) {
      (*made.mutable_inputs())[name] = fault.log.start;
      made.mutable_last()->erase(name);
    } else if (!fault.next) {
      begun[fault.topic] = fault.log.start;
    }
  }
  made.set_transaction(made.transaction() + 1);
  InputOffsets offsets = offsets_of(made);
  offsets.merge(begun);
  return {std::move(made), std::move(offsets)};
}

// ---- asking ----

InputLogReader::InputLogReader(const Settings& settings, const TopicNames& names)
    : names_(names), consumer_(make_client(RD_KAFKA_CONSUMER, make_config(reader_properties(settings)))) {
  rd_kafka_poll_set_consumer(consumer_.get());
  queue_.reset(rd_kafka_queue_get_consumer(consumer_.get()));
}

/// Puts the start or the end of each partition's log into the list.
bool InputLogReader::ask_ends(rd_kafka_topic_partition_list_t* list, std::int64_t end, int timeout_ms) {
  for (int at = 0; at < list->cnt; ++at) list->elems[at].offset = end;
  // The request takes the ends in place of a time.
  rd_kafka_resp_err_t error = rd_kafka_offsets_for_times(consumer_.get(), list, timeout_ms);
  for (int at = 0; at < list->cnt && !error; ++at) {
    error = list->elems[at].err;
    if (!error && list->elems[at].offset < 0) error = RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (error) failure_ = "partition " + std::to_string(list->elems[at].partition) + " of " + list->elems[at].topic + ": " + text_of(error);
  }
  if (error && failure_.empty()) failure_ = text_of(error);
  return !error;
}

std::optional<std::map<std::uint32_t, InputLogs>> InputLogReader::read(const std::map<std::uint32_t, v1::CommitRecord>& records, int ends_ms,
                                                                       int last_ms, const std::function<bool()>& asked_to_stop) {
  failure_.clear();
  PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(records.size() * kCentreTopics.size())));
  for (const auto& [partition, record] : records)
    for (Topic topic : kCentreTopics) rd_kafka_topic_partition_list_add(list.get(), names_.of(topic).c_str(), static_cast<std::int32_t>(partition));
  std::map<std::uint32_t, InputLogs> found;
  auto each = [&](auto put) {
    int at = 0;
    for (const auto& [partition, record] : records)
      for (Topic topic : kCentreTopics) put(found[partition][topic], list->elems[at++].offset);
  };
  if (!ask_ends(list.get(), RD_KAFKA_OFFSET_END, ends_ms)) return std::nullopt;
  each([](InputLog& log, std::int64_t offset) { log.end = offset; });
  // The start last: what was deleted meanwhile is not missed below.
  if (!ask_ends(list.get(), RD_KAFKA_OFFSET_BEGINNING, ends_ms)) return std::nullopt;
  each([](InputLog& log, std::int64_t offset) { log.start = offset; });
  if (!read_last(records, found, last_ms, asked_to_stop)) return std::nullopt;
  return found;
}

/// The record at the offset of each that was read last, where the log has that offset.
bool InputLogReader::read_last(const std::map<std::uint32_t, v1::CommitRecord>& records, std::map<std::uint32_t, InputLogs>& found, int timeout_ms,
                               const std::function<bool()>& asked_to_stop) {
  PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(records.size() * kCentreTopics.size())));
  std::map<std::pair<std::string, std::uint32_t>, Topic> missing;
  for (const auto& [partition, record] : records) {
    for (Topic topic : kCentreTopics) {
      const v1::ReadRecord* last = last_of(record, topic);
      const InputLog& log = found[partition][topic];
      if (!last || last->offset() < log.start || last->offset() >= log.end) continue;
      std::string name = names_.of(topic);
      rd_kafka_topic_partition_list_add(list.get(), name.c_str(), static_cast<std::int32_t>(partition))->offset = last->offset();
      missing[{name, partition}] = topic;
    }
  }
  if (missing.empty()) return true;
  if (rd_kafka_resp_err_t error = rd_kafka_assign(consumer_.get(), list.get())) {
    failure_ = text_of(error);
    return false;
  }
  auto until = Steady::now() + std::chrono::milliseconds(timeout_ms);
  bool moved = false;
  while (!missing.empty() && !moved && Steady::now() < until && !(asked_to_stop && asked_to_stop())) {
    for (const Message& message : take_batch(queue_.get(), 100, 20)) {
      if (!message->rkt) continue;
      auto partition = static_cast<std::uint32_t>(message->partition);
      auto wanted = missing.find({rd_kafka_topic_name(message->rkt), partition});
      if (wanted == missing.end()) continue;
      const v1::ReadRecord* last = last_of(records.at(partition), wanted->second);
      bool end = message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
      // A new leader does not know at once how far it is replicated: the record comes when it does.
      if (end && message->offset <= last->offset()) continue;
      if (message->err && !end) {
        failure_ = text_of(message->err);
        // The log begins or ends elsewhere by now.
        moved = moved || message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || message->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE;
        continue;
      }
      if (!message->err && message->offset == last->offset()) found[partition][wanted->second].at_last = read_record(*message);
      missing.erase(wanted);
    }
  }
  rd_kafka_assign(consumer_.get(), nullptr);
  while (!take_batch(queue_.get(), 1000, 0).empty()) continue;
  if (missing.empty()) return true;
  failure_ = "partition " + std::to_string(missing.begin()->first.second) + " of " + missing.begin()->first.first + " gave no record" +
             (failure_.empty() ? "" : ": " + failure_);
  return false;
}

// ---- the thread ----

PositionWatch::PositionWatch(const Settings& settings, const TopicNames& names) : settings_(settings), reader_(settings, names) {
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "positions");
}

PositionWatch::~PositionWatch() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

bool PositionWatch::busy() const {
  std::lock_guard lock(mutex_);
  return asked_ || answer_;
}

void PositionWatch::ask(std::map<std::uint32_t, v1::CommitRecord> records) {
  {
    std::lock_guard lock(mutex_);
    asked_ = std::move(records);
  }
  changed_.notify_all();
}

std::optional<PositionWatch::Answer> PositionWatch::take() {
  std::lock_guard lock(mutex_);
  return std::exchange(answer_, std::nullopt);
}

std::vector<std::string> PositionWatch::problems() const {
  std::lock_guard lock(mutex_);
  return problems_;
}

void PositionWatch::run() {
  auto look = Steady::now() + kTopicsEvery;
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait_until(lock, look, [&] { return stopping_ || asked_; });
    if (stopping_) return;
    bool asked = asked_.has_value();
    lock.unlock();
    if (asked) answer();
    if (Steady::now() >= look) {
      look_at_topics();
      look = Steady::now() + kTopicsEvery;
    }
    lock.lock();
  }
}

bool PositionWatch::stopping() const {
  std::lock_guard lock(mutex_);
  return stopping_;
}

void PositionWatch::answer() {
  Answer made;
  {
    std::lock_guard lock(mutex_);
    made.asked = *asked_;
  }
  made.logs = look(made.asked);
  std::erase_if(behind_since_, [&](const auto& one) { return !made.asked.contains(one.first); });
  std::erase_if(made.logs, [&](const auto& one) {
    std::vector<PositionFault> faults = faults_of(one.first, made.asked.at(one.first), nullptr, one.second);
    bool behind = std::any_of(faults.begin(), faults.end(), [](const PositionFault& fault) { return fault.kind == PositionFault::Kind::log_cut; });
    if (!behind) {
      behind_since_.erase(one.first);
      return false;
    }
    auto now = Steady::now();
    return now - behind_since_.try_emplace(one.first, now).first->second < kBehind;
  });
  std::unique_lock lock(mutex_);
  bool whole = made.logs.size() == made.asked.size();
  answer_ = std::move(made);
  asked_.reset();
  if (!whole) changed_.wait_for(lock, kPause, [&] { return stopping_; });
}

/// What the topics hold, of the partitions of which the brokers say it.
std::map<std::uint32_t, InputLogs> PositionWatch::look(const std::map<std::uint32_t, v1::CommitRecord>& records) {
  auto began = Steady::now();
  auto asked_to_stop = [this] { return stopping(); };
  std::map<std::uint32_t, InputLogs> found;
  if (auto all = reader_.read(records, kEndsMs, kLastMs, asked_to_stop)) {
    failing_since_.reset();
    told_.clear();
    return std::move(*all);
  }
  if (!failing_since_) failing_since_ = began;
  if (Steady::now() - *failing_since_ < kTogether) return found;
  for (const auto& one : records) {
    if (stopping()) break;
    if (auto logs = reader_.read({one}, kEndsMs, kLastMs, asked_to_stop))
      found.merge(*logs);
    else if (told_.insert(one.first).second)
      log::write(log::Level::warning, "the input topics of a partition cannot be compared with what was read yet",
                 {{"partition", std::int64_t{one.first}}, {"why", reader_.failure()}});
  }
  return found;
}

/// A configuration can be changed under a running daemon; what that destroys is only missed when it is needed.
void PositionWatch::look_at_topics() {
  Settings impatient = settings_;
  impatient.kafka_broker_wait_seconds = std::min(impatient.kafka_broker_wait_seconds, kTopicsWaitSeconds);
  std::vector<std::string> found;
  try {
    found = check_topics(impatient);
  } catch (const KafkaError& error) {
    log::write(log::Level::debug, "the topics cannot be checked just now", {{"why", std::string(error.what())}});
    return;
  }
  std::lock_guard lock(mutex_);
  for (const std::string& problem : found)
    if (std::find(problems_.begin(), problems_.end(), problem) == problems_.end())
      log::write(log::Level::error, "the topics are not as they must be any more", {{"problem", problem}});
  problems_ = std::move(found);
}

}  // namespace vtq::kafka
