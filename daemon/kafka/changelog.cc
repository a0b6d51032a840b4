#include "daemon/kafka/changelog.h"

#include <pthread.h>

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>

#include "daemon/kafka/positions.h"
#include "daemon/kafka/transaction.h"
#include "daemon/process/log.h"

namespace vtq::kafka {
namespace {

/// Records applied at once, and how long they are gathered. The more at once, the more of them are about the same keys, of which only the
/// last is written: what makes restoring fast.
constexpr std::size_t kRecordsMax = 200'000;
constexpr int kGatherMs = 50;
/// Deleted keys stay visible in a changelog at least so long: a store that is older may hold what was deleted since. `resultsctl topics
/// check` sees to it that delete.retention.ms is no less.
constexpr TimeMs kDeletionsKeptMs = kDayMs;
/// How long a changelog may seem to end before what was read of it: a new leader does not know at once how far it is replicated.
constexpr TimeMs kBehindMs = 5000;

/// Of the client that only asks for ends of partitions. librdkafka 2.0.2 asks the leader that it remembers, again and again: one that has moved
/// is forgotten after this time, and not by the answer that it is another.
constexpr const char* kLeadersRememberedMs = "1000";

Properties consumer_properties(const Settings& s, const char* purpose, const char* isolation) {
  Properties made = common_properties(s, purpose);
  made.insert(made.end(), {{"group.id", s.kafka_group + "-changelog"},  // needed for assign(); nothing is committed with it
                           {"enable.auto.commit", "false"},
                           {"enable.auto.offset.store", "false"},
                           {"auto.offset.reset", "error"},
                           {"isolation.level", isolation},
                           {"enable.partition.eof", "true"},
                           {"fetch.wait.max.ms", "100"},
                           {"fetch.message.max.bytes", std::to_string(8 << 20)},
                           {"queued.max.messages.kbytes", "131072"},
                           {"allow.auto.create.topics", "false"}});
  return made;
}

Properties watermark_properties(const Settings& s) {
  Properties made = consumer_properties(s, "watermarks", "read_uncommitted");
  made.emplace_back("metadata.max.age.ms", kLeadersRememberedMs);
  return made;
}

}  // namespace

Changelog::Changelog(const Settings& settings, const TopicNames& names, Store& store, const Clock& clock)
    : settings_(settings),
      topic_(names.changelog()),
      store_(store),
      clock_(clock),
      consumer_(make_client(RD_KAFKA_CONSUMER, make_config(consumer_properties(settings, "changelog", "read_committed")))),
      watermarks_(make_client(RD_KAFKA_CONSUMER, make_config(watermark_properties(settings)))) {
  rd_kafka_poll_set_consumer(consumer_.get());
  queue_.reset(rd_kafka_queue_get_consumer(consumer_.get()));
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "changelog");
}

Changelog::~Changelog() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Changelog::finish(std::uint32_t partition) {
  std::lock_guard lock(mutex_);
  wanted_[partition] = true;
  ++wanted_version_;
  changed_.notify_all();
}

void Changelog::follow(std::uint32_t partition) {
  if (!settings_.kafka_standby) return;
  std::lock_guard lock(mutex_);
  if (!wanted_.try_emplace(partition, false).second) return;
  ++wanted_version_;
  changed_.notify_all();
}

void Changelog::release(std::uint32_t partition) {
  std::unique_lock lock(mutex_);
  std::erase(finished_, partition);
  refused_.erase(partition);
  if (wanted_.erase(partition) == 0) return;
  std::uint64_t version = ++wanted_version_;
  changed_.notify_all();
  changed_.wait(lock, [&] { return served_version_ >= version || !failure_.empty() || stopping_; });
}

std::vector<std::uint32_t> Changelog::take_finished() {
  std::lock_guard lock(mutex_);
  return std::exchange(finished_, {});
}

std::map<std::uint32_t, std::string> Changelog::take_refused() {
  std::lock_guard lock(mutex_);
  return std::exchange(refused_, {});
}

Changelog::Progress Changelog::progress() const {
  std::lock_guard lock(mutex_);
  return progress_;
}

std::string Changelog::failure() const {
  std::lock_guard lock(mutex_);
  return failure_;
}

std::string Changelog::place(std::uint32_t partition) const { return "Topic " + topic_ + ", partition " + std::to_string(partition) + ": "; }

/// Lets go of the partition. The others go on.
void Changelog::refuse(std::uint32_t partition, std::string why) {
  followed_.erase(partition);
  std::lock_guard lock(mutex_);
  auto wanted = wanted_.find(partition);
  if (wanted == wanted_.end()) return;
  if (wanted->second)
    refused_[partition] = std::move(why);
  else
    log::write(log::Level::error, "no copy of a partition is kept", {{"why", why}});
  wanted_.erase(wanted);
  ++wanted_version_;
}

void Changelog::fail(std::string why) {
  std::lock_guard lock(mutex_);
  failure_ = std::move(why);
  changed_.notify_all();
}

/// Has the client know the topic before partitions of it are wanted: for one that it does not know it looks only once a second.
void Changelog::learn_topic() {
  known_topic_.reset(rd_kafka_topic_new(consumer_.get(), topic_.c_str(), nullptr));
  const rd_kafka_metadata_t* found = nullptr;
  if (rd_kafka_metadata(consumer_.get(), 0, known_topic_.get(), &found, 1000) == RD_KAFKA_RESP_ERR_NO_ERROR) rd_kafka_metadata_destroy(found);
}

void Changelog::run() {
  try {
    learn_topic();
    for (;;) {
      bool reassigning = false;
      {
        std::unique_lock lock(mutex_);
        if (followed_.empty()) changed_.wait(lock, [&] { return stopping_ || wanted_version_ != served_version_; });
        if (stopping_) return;
        reassigning = wanted_version_ != served_version_;
      }
      if (reassigning) reassign();
      if (!followed_.empty()) read();
      check_finished();
    }
  } catch (const KafkaError& error) {
    fail(error.what());
  } catch (const StoreError& error) {
    fail(error.what());
  }
}

/// Takes over what is wanted.
void Changelog::reassign() {
  std::map<std::uint32_t, bool> wanted;
  std::uint64_t version = 0;
  {
    std::lock_guard lock(mutex_);
    wanted = wanted_;
    version = wanted_version_;
  }
  std::erase_if(followed_, [&](const auto& held) { return !wanted.contains(held.first); });
  std::set<std::uint32_t> assigned;
  for (auto [partition, restoring] : wanted) {
    auto [at, fresh] = followed_.try_emplace(partition);
    if (fresh && !begin(partition, at->second)) continue;
    assigned.insert(partition);
    if (restoring && !at->second.restoring) {
      at->second.restoring = true;
      ask_target(partition, at->second);
    }
  }
  // Only now: to find the ends of others may have taken long, while a leader was away.
  for (auto& [partition, followed] : followed_) followed.progress_ms = clock_.passed_ms();
  if (std::exchange(assigned_, assigned) != assigned) {
    PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(followed_.size())));
    for (const auto& [partition, followed] : followed_)
      rd_kafka_topic_partition_list_add(list.get(), topic_.c_str(), static_cast<std::int32_t>(partition))->offset = followed.position;
    rd_kafka_resp_err_t error = rd_kafka_assign(consumer_.get(), list.get());
    if (error) throw KafkaError("Changelog: cannot be read: " + text_of(error) + ". Start resultsd again; if it stays so, check the brokers.");
  }
  std::lock_guard lock(mutex_);
  served_version_ = version;
  changed_.notify_all();
}

/// Finds where to go on with a partition. What the store has of it is used, unless it cannot be trusted to be the beginning of what the
/// changelog has.
bool Changelog::begin(std::uint32_t partition, Followed& followed) {
  auto held = store_.position(partition);
  std::int64_t low = 0, high = 0;
  TimeMs until = clock_.passed_ms() + settings_.kafka_broker_wait_seconds * 1000;
  for (;;) {
    // A leader that has just moved gives an old answer or none: tried again.
    rd_kafka_resp_err_t error =
        rd_kafka_query_watermark_offsets(watermarks_.get(), topic_.c_str(), static_cast<std::int32_t>(partition), &low, &high, 1000);
    bool behind = !error && held && held->changelog() > high;
    rd_kafka_poll(watermarks_.get(), behind ? 100 : 0);
    if (!error && !behind) break;
    // When one was behind for so long, the others need no time of their own.
    TimeMs now = clock_.passed_ms(), since = now;
    if (behind)
      for (const auto& [other, other_since] : behind_since_) since = std::min(since, other_since);
    if (behind && now - behind_since_.try_emplace(partition, since).first->second >= kBehindMs) {
      refuse(partition,
             place(partition) + "it ends at offset " + std::to_string(high) + ", but the store in data.directory = " + settings_.data_directory +
                 " has read it to offset " + std::to_string(held->changelog()) +
                 ". It lost records, or was deleted and made again. The store has the state and is left as it is: stop this instance and run " +
                 kRepairCommand + " where its store is.");
      return false;
    }
    if (error && now >= until)
      throw KafkaError("Changelog: the end of partition " + std::to_string(partition) + " of " + topic_ + " cannot be found: " + text_of(error) +
                       ". Check that all brokers run, and kafka.broker_wait_seconds.");
    std::lock_guard lock(mutex_);
    if (stopping_) return false;
  }
  behind_since_.erase(partition);
  if (held) {
    bool outside = held->changelog() < low;
    TimeMs kept_since = clock_.now() - kDeletionsKeptMs;
    bool stale = held->written_ms() < kept_since && may_miss_deletions(held->changelog(), first_since(partition, kept_since, high));
    if (outside || stale) {
      log::write(log::Level::warning, "a partition is restored from the beginning of its changelog",
                 {{"partition", std::int64_t{partition}},
                  {"why", std::string(outside ? "the changelog begins after the store's offset"
                                              : "what the store has not read is older than deletions are kept")},
                  {"offset", held->changelog()},
                  {"low", low},
                  {"high", high}});
      if (low > held->commit().whole_from()) {
        // Without its head the changelog has less than the store.
        refuse(partition, place(partition) + "it begins at offset " + std::to_string(low) +
                              ", so its oldest records were deleted, and the store in data.directory = " + settings_.data_directory +
                              " is at offset " + std::to_string(held->changelog()) + ", too old to go on from. Stop this instance and run " +
                              kRepairCommand + " where a newer store is.");
        return false;
      }
      store_.wipe(partition);
      held.reset();
    } else if (low > held->commit().whole_from()) {
      log::write(log::Level::error, "a changelog lost its oldest records: only this store has the whole state",
                 {{"topic", topic_},
                  {"partition", std::int64_t{partition}},
                  {"low", low},
                  {"do", std::string("set cleanup.policy=compact, stop this instance and run ") + kRepairCommand + " where its store is"}});
    }
  }
  if (held)
    followed.record = std::move(*held);
  else
    followed.record.set_from(low);
  followed.position = held ? followed.record.changelog() : low;
  return true;
}

/// The first offset of a partition that was written at `since` or later; `high` when there is none, or nobody can tell.
std::int64_t Changelog::first_since(std::uint32_t partition, TimeMs since, std::int64_t high) {
  PartitionList list(rd_kafka_topic_partition_list_new(1));
  auto* asked = rd_kafka_topic_partition_list_add(list.get(), topic_.c_str(), static_cast<std::int32_t>(partition));
  asked->offset = since;
  rd_kafka_resp_err_t error = rd_kafka_offsets_for_times(watermarks_.get(), list.get(), 1000);
  return error || asked->err || asked->offset < 0 ? high : asked->offset;
}

bool may_miss_deletions(std::int64_t next_to_read, std::int64_t first_kept) {
  // One offset more is the marker that ended the last transaction read: every transaction has a record besides.
  return first_kept > next_to_read + 1;
}

void Changelog::ask_target(std::uint32_t partition, Followed& followed) {
  std::int64_t low = 0, high = 0;
  rd_kafka_resp_err_t error =
      rd_kafka_query_watermark_offsets(watermarks_.get(), topic_.c_str(), static_cast<std::int32_t>(partition), &low, &high, 1000);
  rd_kafka_poll(watermarks_.get(), 0);
  if (!error) followed.target = high;  // else asked again, see check_finished
}

void Changelog::read() {
  std::vector<Message> messages;
  Message first(rd_kafka_consumer_poll(consumer_.get(), 50));
  if (!first) return;
  messages.push_back(std::move(first));
  for (Message& message : take_batch(queue_.get(), kRecordsMax, kGatherMs)) messages.push_back(std::move(message));
  take(messages);
}

void Changelog::take(const std::vector<Message>& messages) {
  struct Part {
    std::vector<Change> changes;
    boost::unordered_flat_map<std::string_view, std::size_t> last;  // change by key
    std::int64_t position = -1;
  };
  std::map<std::uint32_t, Part> parts;
  std::map<std::uint32_t, std::string> unreadable;
  std::uint64_t records = 0;
  for (const Message& message : messages) {
    auto partition = static_cast<std::uint32_t>(message->partition);
    auto held = followed_.find(partition);
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      // The position is past what markers of transactions occupy as well.
      if (held != followed_.end()) parts[partition].position = std::max(parts[partition].position, message->offset);
      continue;
    }
    if (message->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE || message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
      if (held == followed_.end()) continue;
      unreadable[partition] = place(partition) + "it no longer has offset " + std::to_string(held->second.position) +
                              " to go on from. Look at it with " + kRepairCommand + ".";
      continue;
    }
    if (message->err) {
      log::write(log::Level::debug, "changelog", {{"error", text_of(message->err)}});
      continue;
    }
    if (held == followed_.end() || unreadable.contains(partition)) continue;
    Part& part = parts[partition];
    if (message->offset < held->second.position || message->offset < part.position) continue;
    part.position = message->offset + 1;
    ++records;
    std::string_view key(static_cast<const char*>(message->key), message->key_len);
    std::optional<std::string_view> value;
    if (message->payload) value = std::string_view(static_cast<const char*>(message->payload), message->len);
    if (key == kCommitKey) {
      v1::CommitRecord& commit = *held->second.record.mutable_commit();
      std::uint64_t before = commit.transaction();
      if (!value || !commit.ParseFromArray(value->data(), static_cast<int>(value->size())))
        unreadable[partition] = place(partition) + "the commit record at offset " + std::to_string(message->offset) +
                                " cannot be read; use the version of resultsd that wrote it.";
      else if (commit.transaction() <= before)
        unreadable[partition] = place(partition) + "transaction " + std::to_string(commit.transaction()) + " stands at offset " +
                                std::to_string(message->offset) + ", after transaction " + std::to_string(before) +
                                ". It lost records, or was deleted and made again. Stop this instance and run " + kRepairCommand +
                                " where its store is.";
      continue;
    }
    auto [at, first] = part.last.try_emplace(key, part.changes.size());
    if (first)
      part.changes.push_back({key, value});
    else
      part.changes[at->second].value = value;
  }
  for (auto& [partition, why] : unreadable) {
    parts.erase(partition);
    refuse(partition, std::move(why));
  }
  TimeMs now = clock_.now();
  for (auto& [partition, part] : parts) {
    Followed& followed = followed_.at(partition);
    if (part.position <= followed.position && part.changes.empty()) continue;
    followed.position = std::max(followed.position, part.position);
    followed.progress_ms = clock_.passed_ms();
    followed.record.set_changelog(followed.position);
    followed.record.set_written_ms(now);
    std::sort(part.changes.begin(), part.changes.end(), [](const Change& a, const Change& b) { return a.key < b.key; });
    store_.apply_changelog(partition, part.changes, followed.record);
  }
  std::lock_guard lock(mutex_);
  progress_.records_read += records;
}

void Changelog::check_finished() {
  Progress now;
  std::vector<std::uint32_t> done, incomplete;
  for (auto& [partition, followed] : followed_) {
    if (!followed.restoring) {
      ++now.following;
      continue;
    }
    if (followed.target < 0) ask_target(partition, followed);
    if (followed.target >= 0 && followed.position >= followed.target) {
      // A compacted topic begins at offset 0: one that does not has lost its oldest records.
      bool whole = followed.record.from() <= followed.record.commit().whole_from();
      (whole ? done : incomplete).push_back(partition);
      continue;
    }
    ++now.restoring;
    if (followed.target >= 0) now.records_to_restore += followed.target - followed.position;
    if (clock_.passed_ms() - followed.progress_ms > settings_.kafka_restore_wait_seconds * 1000)
      throw KafkaError("Changelog: restoring partition " + std::to_string(partition) + " of " + topic_ + " stands still at offset " +
                       std::to_string(followed.position) + " of " + std::to_string(followed.target) + " for " +
                       std::to_string(settings_.kafka_restore_wait_seconds) +
                       " s. An open transaction may hold it up, or its leader is away; see kafka.restore_wait_seconds.");
  }
  for (std::uint32_t partition : incomplete) {
    std::int64_t from = followed_.at(partition).record.from();
    store_.wipe(partition);
    refuse(partition,
           place(partition) + "it begins at offset " + std::to_string(from) +
               ", so its oldest records were deleted, and this instance's store has no state of the partition. Check cleanup.policy, then run " +
               kRepairCommand + " where a store has it.");
  }
  std::lock_guard lock(mutex_);
  for (std::uint32_t partition : done) {
    followed_.erase(partition);
    if (wanted_.erase(partition) > 0) finished_.push_back(partition);
  }
  // The consumer goes on with the rest at the next change; what it still brings of the finished is dropped in `take`.
  if (!done.empty()) ++wanted_version_;
  now.records_read = progress_.records_read;
  progress_ = now;
}

}  // namespace vtq::kafka
