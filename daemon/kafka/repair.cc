#include "daemon/kafka/repair.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <set>
#include <thread>

#include "daemon/kafka/client.h"
#include "daemon/kafka/outgoing.h"
#include "daemon/kafka/positions.h"
#include "daemon/kafka/tables.h"
#include "daemon/kafka/topics.h"
#include "pipeline/base/uk_time.h"
#include "storage/store.h"

namespace vtq::kafka {
namespace {

using Steady = std::chrono::steady_clock;

constexpr int kRequestMs = 10'000;
constexpr int kRetryMs = 200;
/// Of a changelog's end, where its last commit record is: more is read where this is not enough.
constexpr std::int64_t kTailRecords = 64;
/// A changelog is built again in one transaction, which brokers allow to last 15 minutes unless told otherwise.
constexpr int kRebuildMs = 600'000;
constexpr std::int64_t kFlushRecords = 50'000;

/// The store only has to be read: nothing is committed through it.
class NoSink final : public CommitSink {
 public:
  void output(Topic, std::uint32_t, CentreId, const google::protobuf::MessageLite&) override {}
  void rejected(std::uint32_t, const v1::Rejected&) override {}
  void audit(std::uint32_t, std::string_view, std::string_view) override {}
  void change(std::uint32_t, std::string_view, std::optional<std::string_view>) override {}
};

Properties reader_properties(const Settings& settings) {
  Properties made = common_properties(settings, "repair");
  made.insert(made.end(), {{"group.id", settings.kafka_group},  // whose offsets are asked for; it does not become a member
                           {"enable.auto.commit", "false"},
                           {"enable.auto.offset.store", "false"},
                           {"auto.offset.reset", "earliest"},
                           {"isolation.level", "read_committed"},
                           {"enable.partition.eof", "true"},
                           {"fetch.wait.max.ms", "50"},
                           {"allow.auto.create.topics", "false"}});
  return made;
}

Properties writer_properties(const Settings& settings, int timeout_ms) {
  Properties made = common_properties(settings, "repair");
  std::string timeout = std::to_string(timeout_ms);
  made.insert(made.end(), {{"transactional.id", settings.kafka_group + "-repair"},
                           {"transaction.timeout.ms", timeout},
                           {"message.timeout.ms", timeout},
                           {"compression.type", "lz4"},
                           {"message.max.bytes", std::to_string(kMessageBytesMax)}});
  return made;
}

void expect(rd_kafka_error_t* error, const std::string& what) {
  if (Failure failure(error); failure)
    throw KafkaError("Kafka: " + what + " failed (" + text_of(failure.get()) + "). Nothing was changed by it; check the brokers and run this again.");
}

/// A transaction of this tool: rolled back unless it is committed.
class Writing {
 public:
  Writing(const Settings& settings, int timeout_ms)
      : changelog_name_(TopicNames(settings.kafka_topic_prefix).changelog()),
        names_(settings.kafka_topic_prefix),
        group_(settings.kafka_group),
        timeout_ms_(timeout_ms) {
    Config config = make_config(writer_properties(settings, timeout_ms));
    rd_kafka_conf_set_opaque(config.get(), this);
    rd_kafka_conf_set_dr_msg_cb(config.get(), [](rd_kafka_t*, const rd_kafka_message_t* report, void* self) {
      auto* writing = static_cast<Writing*>(self);
      if (report->err)
        ++writing->failed_;
      else
        writing->next_ = std::max(writing->next_, report->offset + 1);
    });
    producer_ = make_client(RD_KAFKA_PRODUCER, std::move(config));
    changelog_.reset(rd_kafka_topic_new(producer_.get(), changelog_name_.c_str(), nullptr));
    expect(rd_kafka_init_transactions(producer_.get(), kRequestMs * 3), "beginning to write");
    expect(rd_kafka_begin_transaction(producer_.get()), "beginning a transaction");
  }

  void change(std::uint32_t partition, std::string_view key, std::optional<std::string_view> value) {
    for (;;) {
      void* payload = value ? const_cast<char*>(value->data()) : nullptr;
      if (!rd_kafka_produce(changelog_.get(), static_cast<std::int32_t>(partition), RD_KAFKA_MSG_F_COPY, payload, value ? value->size() : 0,
                            key.data(), key.size(), nullptr))
        break;
      rd_kafka_resp_err_t error = rd_kafka_last_error();
      if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL)
        throw KafkaError("Kafka: writing to " + changelog_name_ + " failed (" + text_of(error) +
                         "). Nothing was changed; check the brokers and run this again.");
      rd_kafka_poll(producer_.get(), 50);
    }
    if (++written_ % kFlushRecords == 0) rd_kafka_flush(producer_.get(), timeout_ms_);
  }

  /// Offset after the last record that was written.
  std::int64_t commit(const std::map<std::uint32_t, InputOffsets>& offsets) {
    PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(offsets.size() * kCentreTopics.size())));
    for (const auto& [partition, of] : offsets)
      for (auto [topic, next] : of)
        rd_kafka_topic_partition_list_add(list.get(), names_.of(topic).c_str(), static_cast<std::int32_t>(partition))->offset = next;
    if (list->cnt > 0) {
      // No member of the group: its offsets are taken as they are, which is why nobody may work on these partitions.
      GroupMetadata group(rd_kafka_consumer_group_metadata_new(group_.c_str()));
      expect(rd_kafka_send_offsets_to_transaction(producer_.get(), list.get(), group.get(), kRequestMs * 3), "setting the group's offsets");
    }
    rd_kafka_flush(producer_.get(), timeout_ms_);
    if (failed_ > 0)
      throw KafkaError("Kafka: records could not be written to " + changelog_name_ + ". Nothing was changed; check the brokers and run this again.");
    expect(rd_kafka_commit_transaction(producer_.get(), kRequestMs * 3), "committing");
    return next_;
  }

 private:
  std::string changelog_name_;
  TopicNames names_;
  std::string group_;
  int timeout_ms_;
  std::int64_t written_ = 0, failed_ = 0, next_ = -1;
  Client producer_;
  TopicHandle changelog_;
};

}  // namespace

struct TopicRepair::Work {
  explicit Work(const Settings& s)
      : settings(s), names(s.kafka_topic_prefix), reader(make_client(RD_KAFKA_CONSUMER, make_config(reader_properties(s)))), logs(s, names) {
    rd_kafka_poll_set_consumer(reader.get());
    queue.reset(rd_kafka_queue_get_consumer(reader.get()));
  }

  /// What the changelog of a partition holds.
  struct Log {
    std::int64_t start = 0, end = 0;
    v1::CommitRecord last;  // transaction 0: there is no commit record
  };

  bool look_at_topics();
  void look_at_store();
  Log changelog(std::uint32_t partition);
  InputOffsets group_offsets(std::uint32_t partition);
  bool look_at_changelog(std::uint32_t partition, const Log& log, const InputOffsets& group);
  void look_at_inputs(std::uint32_t partition, const v1::CommitRecord& record, const InputOffsets* group, const InputLogs& found);
  void read(std::uint32_t partition, std::int64_t from, const std::function<void(const rd_kafka_message_t&)>& take);
  /// Who is in the group: by partition, the instance that says that it works on it; or why that does not count.
  struct Members {
    std::map<std::uint32_t, std::string> at_work;
    std::string obstacle;
  };
  Members members();
  /// Which of these partitions a running instance works on, or whom else the group has; empty: nobody.
  std::string at_work(const std::set<std::uint32_t>& partitions);
  void rebuild(std::uint32_t partition);

  const Settings& settings;
  TopicNames names;
  Client reader;
  Queue queue;
  InputLogReader logs;
  NoSink sink;
  std::unique_ptr<Store> store;
  std::vector<Repair> found;
  std::vector<std::string> notes;
  std::vector<std::pair<std::string, int>> counts;  // topics that get so many partitions
  std::set<std::uint32_t> rebuilds;
  std::map<std::uint32_t, std::pair<v1::CommitRecord, InputOffsets>> positions;
};

/// Numbers of partitions. False: positions cannot be looked at before these are right.
bool TopicRepair::Work::look_at_topics() {
  FoundCluster cluster = ask_cluster(settings);
  bool readable = true;
  int most = static_cast<int>(settings.partitions);
  for (const TopicPlan& plan : topic_plans(settings)) {
    auto topic = cluster.topics.find(plan.name);
    if (topic == cluster.topics.end()) {
      found.push_back({plan.name, {}, "It is missing. Run resultsctl topics create, and then this again.", "", ""});
      readable = false;
    } else if (plan.by_centre && plan.input) {
      most = std::max(most, topic->second.partitions);
    }
  }
  for (const TopicPlan& plan : topic_plans(settings)) {
    auto topic = cluster.topics.find(plan.name);
    if (topic == cluster.topics.end() || !plan.by_centre) continue;
    int has = topic->second.partitions, wanted = plan.input ? most : static_cast<int>(settings.partitions);
    if (has >= wanted) continue;
    bool few = has < static_cast<int>(settings.partitions);
    readable = readable && !few;
    std::string why = few ? "partitions = " + std::to_string(settings.partitions) : "another input topic has " + std::to_string(most);
    found.push_back(
        {plan.name,
         {},
         "It has " + std::to_string(has) + " partitions, but " + why + ".",
         "It gets " + std::to_string(wanted) + ". Records that are or come in a partition that is not their centre's are moved to the right one.",
         ""});
    counts.emplace_back(plan.name, wanted);
  }
  if (!readable) notes.push_back("Positions and changelogs were not looked at: the topics come first.");
  return readable;
}

void TopicRepair::Work::look_at_store() {
  std::filesystem::path directory = settings.data_directory;
  std::error_code error;
  if (!std::filesystem::exists(directory / "CURRENT", error)) {
    notes.push_back("There is no store in data.directory = " + settings.data_directory + ": changelogs were not compared with one.");
    return;
  }
  StoreOptions options{.partitions = static_cast<std::uint32_t>(settings.partitions)};
  options.sink = &sink;
  options.log_identity = log_identity(settings);
  options.as_it_is = true;
  if (!settings.seal_key_file.empty()) options.seal = Seal::read(settings.seal_key_file);
  try {
    store = Store::open(directory, options);
  } catch (const StoreError& wrong) {
    notes.push_back("Changelogs were not compared with the store in data.directory = " + settings.data_directory +
                    ": stop this instance first, if it is to be looked at. (" + wrong.what() + ")");
  }
}

/// Committed records of the partition's changelog, to its end.
void TopicRepair::Work::read(std::uint32_t partition, std::int64_t from, const std::function<void(const rd_kafka_message_t&)>& take) {
  PartitionList list(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(list.get(), names.changelog().c_str(), static_cast<std::int32_t>(partition))->offset = from;
  rd_kafka_assign(reader.get(), list.get());
  auto until = Steady::now() + std::chrono::seconds(settings.kafka_restore_wait_seconds);
  for (bool ended = false; !ended;) {
    for (const Message& message : take_batch(queue.get(), 1000, 100)) {
      if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) ended = true;
      if (message->err || !message->rkt || static_cast<std::uint32_t>(message->partition) != partition) continue;
      take(*message);
      until = Steady::now() + std::chrono::seconds(settings.kafka_restore_wait_seconds);
    }
    if (Steady::now() > until)
      throw KafkaError("Kafka: partition " + std::to_string(partition) + " of " + names.changelog() +
                       " cannot be read to its end. Check the brokers, and kafka.restore_wait_seconds.");
  }
  rd_kafka_assign(reader.get(), nullptr);
}

TopicRepair::Work::Log TopicRepair::Work::changelog(std::uint32_t partition) {
  Log log;
  auto until = Steady::now() + std::chrono::milliseconds(3 * kRequestMs);
  while (rd_kafka_resp_err_t error = rd_kafka_query_watermark_offsets(reader.get(), names.changelog().c_str(), static_cast<std::int32_t>(partition),
                                                                      &log.start, &log.end, 1000)) {
    if (Steady::now() > until)
      throw KafkaError("Kafka: the end of partition " + std::to_string(partition) + " of " + names.changelog() +
                       " cannot be found: " + text_of(error) + ". Check that all brokers run.");
    std::this_thread::sleep_for(std::chrono::milliseconds(kRetryMs));
  }
  for (std::int64_t tail = kTailRecords; log.last.transaction() == 0 && log.end > log.start; tail *= 64) {
    std::int64_t from = std::max(log.start, log.end - tail);
    read(partition, from, [&](const rd_kafka_message_t& message) {
      std::string_view key(static_cast<const char*>(message.key), message.key_len);
      if (key == kCommitKey && !log.last.ParseFromArray(message.payload, static_cast<int>(message.len)))
        throw KafkaError("Kafka: partition " + std::to_string(partition) + " of " + names.changelog() +
                         " has a commit record that cannot be read; use the version of resultsd that wrote it.");
    });
    if (from == log.start) break;
  }
  if (log.last.schema() > kCommitSchema)
    throw KafkaError("Kafka: partition " + std::to_string(partition) + " of " + names.changelog() +
                     " was written by a later version of resultsd; use that.");
  return log;
}

InputOffsets TopicRepair::Work::group_offsets(std::uint32_t partition) {
  auto until = Steady::now() + std::chrono::milliseconds(3 * kRequestMs);
  for (;;) {
    PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(kCentreTopics.size())));
    for (Topic topic : kCentreTopics) rd_kafka_topic_partition_list_add(list.get(), names.of(topic).c_str(), static_cast<std::int32_t>(partition));
    rd_kafka_resp_err_t error = rd_kafka_committed(reader.get(), list.get(), 2000);
    InputOffsets offsets;
    for (std::size_t at = 0; at < kCentreTopics.size() && !error; ++at) {
      error = list->elems[at].err;
      if (list->elems[at].offset >= 0) offsets[kCentreTopics[at]] = list->elems[at].offset;
    }
    if (!error) return offsets;
    if (Steady::now() > until)
      throw KafkaError("Kafka: the offsets of kafka.group = " + settings.kafka_group + " cannot be read: " + text_of(error) + ". Check the brokers.");
    std::this_thread::sleep_for(std::chrono::milliseconds(kRetryMs));
  }
}

/// Whether the changelog is right, or becomes so.
bool TopicRepair::Work::look_at_changelog(std::uint32_t partition, const Log& log, const InputOffsets& group) {
  auto held = store ? store->position(partition) : std::nullopt;
  bool headless = log.start > log.last.whole_from();
  bool consumed = std::any_of(group.begin(), group.end(), [](const auto& one) { return one.second > 0; });
  bool stateless = log.last.transaction() == 0 && consumed;
  bool cut = held && (held->changelog() > log.end || held->commit().transaction() > log.last.transaction());
  if (!headless && !stateless && !cut) return true;
  std::string wrong =
      cut ? "It ends at offset " + std::to_string(log.end) + ", and the store has read it to offset " + std::to_string(held->changelog()) +
                ": it lost records, or was deleted and made again."
      : headless ? "It begins at offset " + std::to_string(log.start) + ": its oldest records were deleted, so that no store can be built from it."
                 : "It has no state, though the group has consumed the partition: it lost its records, or was deleted and made again.";
  Repair repair{names.changelog(), partition, wrong, "", ""};
  InputOffsets of_store = held ? offsets_of(held->commit()) : InputOffsets{};
  bool newest = held && held->from() <= held->commit().whole_from() && held->commit().transaction() >= log.last.transaction() &&
                held->commit().transaction() > 0;
  for (auto [topic, next] : group)
    if (auto own = of_store.find(topic); own == of_store.end() ? next > 0 : own->second < next) newest = false;
  if (newest) {
    repair.remedy = "It is built again from the store in data.directory = " + settings.data_directory + ", which has everything that was committed.";
    rebuilds.insert(partition);
  } else if (held && headless && !cut && held->changelog() >= log.start) {
    repair.wrong += " The store in data.directory is behind it: start this instance, so that it catches up, stop it, and run this again.";
  } else {
    repair.wrong += held ? " The store in data.directory is older than what was committed." : " No store was found here that has the state.";
    repair.wrong +=
        " Stop the instance whose store is newest and run this there. If there is none, restore a backup, or begin anew with another kafka.group, "
        "kafka.topic_prefix and data.directory.";
  }
  found.push_back(std::move(repair));
  return newest;
}

void TopicRepair::Work::look_at_inputs(std::uint32_t partition, const v1::CommitRecord& record, const InputOffsets* group, const InputLogs& held) {
  std::vector<PositionFault> faults = faults_of(partition, record, group, held);
  std::erase_if(faults, [](const PositionFault& fault) { return fault.kind == PositionFault::Kind::state_lost; });  // the changelog's
  if (faults.empty()) return;
  for (const PositionFault& fault : faults) {
    std::string wrong = text_of(fault, names, settings.kafka_group);
    found.push_back({names.of(fault.topic), partition, wrong.substr(wrong.find(": ") + 2), remedy_of(fault), loss_of(fault)});
  }
  positions[partition] = repaired(record, faults);
}

const std::vector<Repair>& TopicRepair::look() {
  Work& work = *work_;
  if (!work.look_at_topics()) return work.found;
  work.look_at_store();
  std::map<std::uint32_t, v1::CommitRecord> records;
  std::map<std::uint32_t, InputOffsets> groups;
  for (std::uint32_t partition = 0; partition < static_cast<std::uint32_t>(work.settings.partitions); ++partition) {
    groups[partition] = work.group_offsets(partition);
    Work::Log log = work.changelog(partition);
    bool right = work.look_at_changelog(partition, log, groups[partition]);
    if (right) records[partition] = work.rebuilds.contains(partition) ? work.store->position(partition)->commit() : log.last;
  }
  if (records.empty()) return work.found;
  auto logs = work.logs.read(records, kRequestMs, kRequestMs);
  if (!logs) throw KafkaError("Kafka: the input topics cannot be read: " + work.logs.failure() + ". Check that all brokers run.");
  // Of a partition that is worked on, the group's offsets move on between one question and the next; whoever works on it looks after them.
  Work::Members members = work.members();
  for (const auto& [partition, record] : records) {
    bool moving = members.at_work.contains(partition);
    work.look_at_inputs(partition, record, moving ? nullptr : &groups[partition], logs->at(partition));
  }
  return work.found;
}

TopicRepair::Work::Members TopicRepair::Work::members() {
  Members made;
  const rd_kafka_group_list* groups = nullptr;
  rd_kafka_resp_err_t error = rd_kafka_list_groups(reader.get(), settings.kafka_group.c_str(), &groups, kRequestMs);
  std::unique_ptr<const rd_kafka_group_list, Release<rd_kafka_group_list_destroy>> owned(groups);
  if (error) {
    made.obstacle = "whether the group " + settings.kafka_group + " has members cannot be found: " + text_of(error);
    return made;
  }
  std::set<std::string> running;
  constexpr std::string_view kReader = "-reader";
  for (int at = 0; at < groups->group_cnt; ++at) {
    for (int member = 0; member < groups->groups[at].member_cnt; ++member) {
      std::string client = groups->groups[at].members[member].client_id;
      if (!client.ends_with(kReader)) {
        made.obstacle = "another client is in the group " + settings.kafka_group + ": " + client + " at " +
                        groups->groups[at].members[member].client_host + ". Stop it, or give it a group of its own";
        return made;
      }
      running.insert(client.substr(0, client.size() - kReader.size()));
    }
  }
  if (running.empty()) return made;
  Tables tables(settings, names, RD_KAFKA_OFFSET_END);
  auto until = Steady::now() + std::chrono::milliseconds(kRequestMs);
  while (!tables.complete() && Steady::now() < until) tables.poll(100), tables.poll(0);
  std::map<std::string, InstanceRecord> said = tables.take_instances().value_or(std::map<std::string, InstanceRecord>{});
  for (const auto& [name, record] : said)
    for (std::uint32_t partition : record.partitions)
      if (running.contains(name)) made.at_work[partition] = name;
  return made;
}

std::string TopicRepair::Work::at_work(const std::set<std::uint32_t>& partitions) {
  Members now = members();
  if (!now.obstacle.empty()) return now.obstacle;
  for (const auto& [partition, name] : now.at_work)
    if (partitions.contains(partition))
      return "the instance " + name + " is at work on partition " + std::to_string(partition) +
             ". It stops there by itself once it finds what is wrong, every kafka.position_check_seconds; or stop it";
  return "";
}

/// Writes everything that the store has of the partition, takes back what only the changelog has, and then says that it is whole from here on.
void TopicRepair::Work::rebuild(std::uint32_t partition) {
  Log log = changelog(partition);
  v1::PositionRecord position = store->position(partition).value();
  Writing writing(settings, kRebuildMs);
  std::set<std::string> only_there;
  if (log.end > log.start)
    read(partition, log.start, [&](const rd_kafka_message_t& message) {
      std::string key(static_cast<const char*>(message.key), message.key_len);
      if (key == kCommitKey) return;
      if (message.payload && !store->has_change(key))
        only_there.insert(std::move(key));
      else if (!message.payload)
        only_there.erase(key);
    });
  for (const std::string& key : only_there) writing.change(partition, key, std::nullopt);
  store->each_change(partition, [&](std::string_view key, std::string_view value) { writing.change(partition, key, value); });
  v1::CommitRecord& record = *position.mutable_commit();
  record.set_transaction(std::max(record.transaction(), log.last.transaction()) + 1);
  record.set_whole_from(log.end);
  record.set_writer(kRepairCommand);
  writing.change(partition, kCommitKey, record.SerializeAsString());
  InputOffsets offsets = offsets_of(record);
  position.set_changelog(writing.commit({{partition, offsets}}));
  position.set_from(log.end);
  store->apply_changelog(partition, {}, position);
}

void TopicRepair::apply() {
  Work& work = *work_;
  std::set<std::uint32_t> partitions = work.rebuilds;
  for (const auto& [partition, to] : work.positions) partitions.insert(partition);
  if (!partitions.empty()) {
    // An instance that ended a moment ago is still a member; one that runs may find what is wrong any moment.
    auto until = Steady::now() + std::chrono::milliseconds(work.settings.kafka_session_timeout_ms) +
                 std::chrono::seconds(work.settings.kafka_position_check_seconds + 5);
    for (std::string who = work.at_work(partitions); !who.empty(); who = work.at_work(partitions)) {
      if (Steady::now() > until) throw KafkaError("Nothing was changed: " + who + ".");
      std::this_thread::sleep_for(std::chrono::milliseconds(kRetryMs));
    }
  }
  if (!work.counts.empty()) raise_partitions(work.settings, work.counts);
  for (std::uint32_t partition : work.rebuilds) work.rebuild(partition);
  for (auto& [partition, to] : work.positions) {
    auto& [record, offsets] = to;
    // Of one whose changelog was built again just now, that record is the latest.
    if (work.rebuilds.contains(partition)) {
      v1::CommitRecord latest = work.store->position(partition)->commit();
      record.set_transaction(latest.transaction() + 1);
      record.set_whole_from(latest.whole_from());
    }
    record.set_writer(kRepairCommand);
    Writing writing(work.settings, static_cast<int>(work.settings.kafka_transaction_timeout_ms));
    writing.change(partition, kCommitKey, record.SerializeAsString());
    writing.commit({{partition, offsets}});
  }
}

TopicRepair::TopicRepair(const Settings& settings) : work_(std::make_unique<Work>(settings)) {}
TopicRepair::~TopicRepair() = default;
const std::vector<std::string>& TopicRepair::notes() const { return work_->notes; }

}  // namespace vtq::kafka
