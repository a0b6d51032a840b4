#include "daemon/kafka/topics.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>
#include <set>
#include <string_view>
#include <thread>

#include "daemon/kafka/client.h"
#include "pipeline/intake/check.h"

namespace vtq::kafka {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::int64_t kDayMs = 24 * 60 * 60 * 1000;
/// From the first registrations of a series in September to the appeals against its results: an awarding organisation can replay a whole
/// season, and look up what was issued and what was rejected in it.
constexpr std::int64_t kSeasonMs = 400 * kDayMs;
/// Of inputs in event time: their records bear the times of a season that may be long past, and would be deleted before they are read.
constexpr std::int64_t kForEver = -1;
/// Less would lose events while resultsd is being put right.
constexpr std::int64_t kInputRetentionMsLeast = 30 * kDayMs;
/// How long the changelog shows that a key was deleted. A store that was away for longer must be rebuilt.
constexpr std::int64_t kDeletesMs = 7 * kDayMs;
constexpr std::int64_t kDeletesMsLeast = kDayMs;
/// What Kafka's own clients and brokers take for granted. A rejected record holds one such record, so it fits into kMessageBytesMax.
constexpr std::int64_t kInputBytesMax = 1048588;
/// A result in a batch, with the result that it supersedes, takes at most about this much.
constexpr std::int64_t kResultBytesMost = 256;

constexpr const char* kRepair = "resultsctl topics repair";

constexpr int kRequestMs = 10'000;
constexpr auto kPause = std::chrono::milliseconds(200);

using Pairs = std::vector<std::pair<std::string, std::string>>;

Pairs kept(std::int64_t retention_ms, std::int64_t message_bytes_max) {
  return {{"cleanup.policy", "delete"},
          {"retention.ms", std::to_string(retention_ms)},
          {"retention.bytes", "-1"},
          {"max.message.bytes", std::to_string(message_bytes_max)},
          {"message.timestamp.type", "CreateTime"}};
}

/// Segments are small and closed daily, because the open one is never compacted, and what is not compacted is read at every restore.
Pairs compacted(std::int64_t message_bytes_max) {
  return {{"cleanup.policy", "compact"},
          {"min.cleanable.dirty.ratio", "0.2"},
          {"segment.bytes", std::to_string(64 << 20)},
          {"segment.ms", std::to_string(kDayMs)},
          {"delete.retention.ms", std::to_string(kDeletesMs)},
          {"max.message.bytes", std::to_string(message_bytes_max)},
          {"message.timestamp.type", "CreateTime"}};
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::string value_of(const Configuration& config, const std::string& name) {
  auto found = config.find(name);
  return found == config.end() ? "" : found->second;
}

std::optional<std::int64_t> number_of(const Configuration& config, const std::string& name) {
  std::string text = value_of(config, name);
  std::int64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string planned(const TopicPlan& plan, std::string_view name) {
  for (const auto& [of, value] : plan.config)
    if (of == name) return value;
  return "";
}

/// Name of an input topic without any prefix.
std::string short_name(Topic topic) { return std::string(topic_name(topic).substr(std::string_view("vtq.").size())); }

std::optional<Topic> input_topic(std::string_view name) {
  for (std::size_t topic = 0; topic < kInputTopics; ++topic)
    if (short_name(static_cast<Topic>(topic)) == name) return static_cast<Topic>(topic);
  return std::nullopt;
}

/// What stands between commas, without spaces.
std::vector<std::string> words_of(std::string_view list) {
  std::vector<std::string> words;
  while (!list.empty()) {
    std::string one(list.substr(0, list.find(',')));
    list.remove_prefix(std::min(list.size(), one.size() + 1));
    std::erase(one, ' ');
    if (!one.empty()) words.push_back(std::move(one));
  }
  return words;
}

/// Collects what is wrong.
class Problems {
 public:
  Problems(const Settings& settings, const FoundCluster& found)
      : settings_(settings), found_(found), plans_(topic_plans(settings)), names_(settings.kafka_topic_prefix) {}

  std::vector<std::string> run() {
    look_at_brokers();
    look_for_missing();
    look_at_partitions();
    for (const TopicPlan& plan : plans_)
      if (auto topic = found_.topics.find(plan.name); topic != found_.topics.end()) look_at(plan, topic->second);
    look_at_batches();
    look_at_registry();
    return std::move(said_);
  }

 private:
  void say(std::string problem) { said_.push_back(std::move(problem)); }

  /// One message for all brokers of which a property is wrong in the same way.
  template <class Wrong>
  void look_at_property(const std::string& name, Wrong wrong, const std::string& then) {
    std::map<std::string, std::vector<std::string>> by_value;
    for (const auto& [id, config] : found_.brokers)
      if (wrong(config)) by_value[value_of(config, name)].push_back(std::to_string(id));
    for (const auto& [value, ids] : by_value)
      say((ids.size() == 1 ? "Broker " : "Brokers ") + joined(ids) + ": " + name + " is " + value + ", " + then);
  }

  void look_at_brokers() {
    look_at_property(
        "auto.create.topics.enable", [](const Configuration& config) { return value_of(config, "auto.create.topics.enable") == "true"; },
        "so a misspelt topic would come into being unnoticed. Set auto.create.topics.enable=false in the broker's properties and restart it.");
    auto below = [](const std::string& name, std::int64_t least) {
      return [name, least](const Configuration& config) { return number_of(config, name).value_or(least) < least; };
    };
    std::int64_t transaction = settings_.kafka_transaction_timeout_ms, session = settings_.kafka_session_timeout_ms;
    look_at_property("transaction.max.timeout.ms", below("transaction.max.timeout.ms", transaction),
                     "less than kafka.transaction_timeout_ms = " + std::to_string(transaction) +
                         ". Lower the setting, or raise the broker's property and restart it.");
    look_at_property(
        "group.max.session.timeout.ms", below("group.max.session.timeout.ms", session),
        "less than kafka.session_timeout_ms = " + std::to_string(session) + ". Lower the setting, or raise the broker's property and restart it.");
    look_at_property(
        "group.min.session.timeout.ms",
        [session](const Configuration& config) { return number_of(config, "group.min.session.timeout.ms").value_or(session) > session; },
        "more than kafka.session_timeout_ms = " + std::to_string(session) + ". Raise the setting, or lower the broker's property and restart it.");
  }

  void look_for_missing() {
    std::vector<std::string> missing;
    for (const TopicPlan& plan : plans_)
      if (!found_.topics.contains(plan.name)) missing.push_back(plan.name);
    if (missing.empty()) return;
    bool one = missing.size() == 1;
    bool open = settings_.kafka_security_protocol == "plaintext";
    std::string hidden = open ? "" : one ? ", or this user may not describe it" : ", or this user may not describe them";
    say((one ? "Topic " : "Topics ") + joined(missing) + (one ? " is" : " are") + " missing" + hidden +
        ": run resultsctl topics create, or mend kafka.topic_prefix.");
  }

  void look_at_partitions() {
    std::set<int> counts;
    for (const TopicPlan& plan : plans_)
      if (auto topic = found_.topics.find(plan.name); plan.by_centre && topic != found_.topics.end()) counts.insert(topic->second.partitions);
    // All alike but not as the setting says: then it is the setting that is wrong.
    bool alike = counts.size() == 1;
    std::string set = std::to_string(settings_.partitions);
    if (alike && *counts.begin() != settings_.partitions) {
      std::string there = std::to_string(*counts.begin());
      say("All topics keyed by centre have " + there + " partitions, but partitions = " + set + ". Set partitions = " + there +
          "; a store made with another number must be rebuilt from the topics.");
    }
    // Of the inputs one instance gets the same partition of each. Those beyond the setting it moves to where they belong, except in order of time.
    int most = static_cast<int>(settings_.partitions);
    for (const TopicPlan& plan : plans_)
      if (auto topic = found_.topics.find(plan.name); plan.by_centre && plan.input && topic != found_.topics.end())
        most = std::max(most, topic->second.partitions);
    for (const TopicPlan& plan : plans_) {
      auto topic = found_.topics.find(plan.name);
      if (topic == found_.topics.end()) continue;
      int there = topic->second.partitions;
      std::string has = "Topic " + plan.name + " has " + std::to_string(there) + " partitions";
      if (!plan.by_centre && there != 1)
        say(has +
            " and must have 1, because every instance reads it whole and in one order: copy what it holds, delete it, run resultsctl topics create, "
            "and "
            "publish it again.");
      if (!plan.by_centre || alike) continue;
      if (there < plan.partitions)
        say(has + ", but partitions = " + set + ": run " + kRepair + ".");
      else if (plan.input && there > plan.partitions && settings_.time_source == "event")
        say(has + ", but partitions = " + set +
            ", and with time.source = event it must have as many: publish the season to topics with another kafka.topic_prefix.");
      else if (plan.input && there < most && settings_.time_source == "wall")
        say(has + ", but another input topic has " + std::to_string(most) + ": run " + kRepair + ".");
    }
  }

  void look_at(const TopicPlan& plan, const FoundCluster::Topic& topic) {
    std::string policy = value_of(topic.config, "cleanup.policy"), wanted = planned(plan, "cleanup.policy");
    if (policy != wanted) {
      std::string why = wanted == "delete"                ? "a centre's events would be compacted to the last one"
                        : plan.name == names_.changelog() ? "state that is older than the retention would be lost"
                                                          : "what is older than the retention would be lost";
      say("Topic " + plan.name + ": cleanup.policy is " + policy + " and must be " + wanted + " alone, or " + why + ": run " +
          configure(plan, "cleanup.policy", wanted) + ".");
    }
    look_at_copies(plan, topic);
    look_at_times(plan, topic);
    if (planned(plan, "max.message.bytes") != std::to_string(kMessageBytesMax)) return;
    if (std::int64_t most = number_of(topic.config, "max.message.bytes").value_or(kMessageBytesMax); most < kMessageBytesMax)
      say("Topic " + plan.name + ": max.message.bytes is " + std::to_string(most) + ", too little for the largest record of " +
          std::to_string(kMessageBytesMax) + ": run " + configure(plan, "max.message.bytes", std::to_string(kMessageBytesMax)) + ".");
  }

  void look_at_copies(const TopicPlan& plan, const FoundCluster::Topic& topic) {
    auto in_sync = number_of(topic.config, "min.insync.replicas");
    if (!in_sync) return;
    std::string has = "Topic " + plan.name + ": min.insync.replicas is " + std::to_string(*in_sync) + " of " + std::to_string(topic.replicas) + ", ";
    std::string run = ": run " + configure(plan, "min.insync.replicas", std::to_string(min_in_sync(topic.replicas))) + ".";
    if (topic.replicas >= 3 && *in_sync < 2) say(has + "so what one broker acknowledged can be lost with it" + run);
    if (*in_sync > topic.replicas) say(has + "so nothing can be written" + run);
  }

  void look_at_times(const TopicPlan& plan, const FoundCluster::Topic& topic) {
    auto retention = number_of(topic.config, "retention.ms");
    bool for_a_time = plan.input && planned(plan, "cleanup.policy") == "delete";
    if (for_a_time && retention && *retention >= 0 && settings_.time_source == "event")
      say("Topic " + plan.name + ": retention.ms is " + std::to_string(*retention) +
          ", but with time.source = event records bear the times of a past season and can be deleted before they are read: run " +
          configure(plan, "retention.ms", std::to_string(kForEver)) + ".");
    else if (for_a_time && retention && *retention >= 0 && *retention < kInputRetentionMsLeast)
      say("Topic " + plan.name + ": retention.ms is " + std::to_string(*retention) +
          ", less than 30 days, so events can be lost before they are read: run " + configure(plan, "retention.ms", std::to_string(kSeasonMs)) + ".");
    auto deletes = number_of(topic.config, "delete.retention.ms");
    if (plan.name == names_.changelog() && deletes && *deletes < kDeletesMsLeast)
      say("Topic " + plan.name + ": delete.retention.ms is " + std::to_string(*deletes) +
          ", less than a day, so a store that was away can miss what was deleted: run " +
          configure(plan, "delete.retention.ms", std::to_string(kDeletesMs)) + ".");
  }

  void look_at_batches() {
    constexpr std::int64_t kMost = kMessageBytesMax / kResultBytesMost;
    if (settings_.release_batch_results_max > kMost)
      say("release.batch_results_max = " + std::to_string(settings_.release_batch_results_max) +
          " can make a batch that is larger than a record may be: set it to " + std::to_string(kMost) + " at most.");
  }

  void look_at_registry() {
    std::string inputs;
    for (std::size_t topic = 0; topic < kInputTopics; ++topic) inputs += (inputs.empty() ? "" : ", ") + short_name(static_cast<Topic>(topic));
    for (const std::string& name : words_of(settings_.kafka_registry_topics))
      if (!input_topic(name))
        say("kafka.registry_topics names " + name + ", which is no input topic: name any of " + inputs + ", without kafka.topic_prefix.");
  }

  std::string command(const std::string& tool, const std::string& words) const {
    return tool + " --bootstrap-server " + settings_.kafka_bootstrap_servers + " " + words;
  }
  std::string configure(const TopicPlan& plan, const std::string& name, const std::string& value) const {
    return command("kafka-configs.sh", "--alter --topic " + plan.name + " --add-config " + name + "=" + value);
  }

  const Settings& settings_;
  const FoundCluster& found_;
  std::vector<TopicPlan> plans_;
  TopicNames names_;
  std::vector<std::string> said_;
};

/// A failure that may pass: what was being done is done again.
struct Passing : KafkaError {
  using KafkaError::KafkaError;
};

bool may_pass(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__UNKNOWN_BROKER:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_NOT_CONTROLLER:
    case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:       // the broker that was asked has not heard of it yet
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:  // a broker went since they were counted
      return true;
    default:
      return false;
  }
}

[[noreturn]] void fail(const std::string& what, rd_kafka_resp_err_t error, const std::string& text, const std::string& right) {
  std::string why = text.empty() ? rd_kafka_err2str(error) : text;
  std::string message = "Kafka: " + what + " failed (" + rd_kafka_err2name(error) + ": " + why + ").";
  if (may_pass(error)) throw Passing(message + " Check the brokers' logs.");
  bool refused = error == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED || error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
  throw KafkaError(message + (refused ? " Grant " + right + " to the user of kafka.sasl_username or of the certificate." : ""));
}

/// This client writes no records, and what is about them is not for it.
Properties admin_properties(const Settings& settings) {
  Properties made = common_properties(settings, "topics");
  std::erase_if(made, [](const auto& property) { return property.first == "partitioner"; });
  return made;
}

/// The brokers' administration.
class Admin {
 public:
  /// Waits for the brokers.
  explicit Admin(const Settings& settings) : client_(make_client(RD_KAFKA_PRODUCER, make_config(admin_properties(settings)))) {
    auto seconds = static_cast<int>(settings.kafka_broker_wait_seconds);
    await_brokers(client_.get(), settings, seconds);
    until_ = Steady::now() + std::chrono::seconds(seconds);
  }

  /// Does it again until no failure that may pass comes in its way, or time is up.
  template <class Do>
  auto until_it_works(Do it) {
    for (;;) {
      try {
        return it();
      } catch (const Passing& failure) {
        if (Steady::now() >= until_) throw KafkaError(failure.what());
      }
      std::this_thread::sleep_for(kPause);
    }
  }

  /// Brokers, and topics with partitions and replicas; no configurations.
  FoundCluster outline() {
    const rd_kafka_metadata_t* said = nullptr;
    // All topics: asking for one by its name would make it where auto.create.topics.enable is on.
    rd_kafka_resp_err_t error = rd_kafka_metadata(client_.get(), 1, nullptr, &said, kRequestMs);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) fail("listing the topics", error, "", "Describe on the topics");
    std::unique_ptr<const rd_kafka_metadata_t, Release<rd_kafka_metadata_destroy>> owned(said);
    FoundCluster found;
    for (int at = 0; at < said->broker_cnt; ++at) found.brokers[said->brokers[at].id];
    for (int at = 0; at < said->topic_cnt; ++at) {
      const rd_kafka_metadata_topic_t& topic = said->topics[at];
      if (topic.partition_cnt == 0) continue;
      auto of = [&](int partition) { return topic.partitions[partition]; };
      FoundCluster::Topic& made = found.topics[topic.topic];
      made = {topic.partition_cnt, of(0).replica_cnt, true, {}};
      for (int partition = 0; partition < topic.partition_cnt; ++partition) {
        made.replicas = std::min(made.replicas, of(partition).replica_cnt);
        made.led = made.led && of(partition).leader >= 0;
      }
    }
    return found;
  }

  /// `broker`: the one to ask; without it, the client chooses.
  std::map<std::string, Configuration> describe(rd_kafka_ResourceType_t type, const std::vector<std::string>& names, std::optional<int> broker) {
    std::vector<std::unique_ptr<rd_kafka_ConfigResource_t, Release<rd_kafka_ConfigResource_destroy>>> owned;
    std::vector<rd_kafka_ConfigResource_t*> resources;
    for (const std::string& name : names) {
      owned.emplace_back(rd_kafka_ConfigResource_new(type, name.c_str()));
      resources.push_back(owned.back().get());
    }
    bool of_broker = type == RD_KAFKA_RESOURCE_BROKER;
    std::string what = "reading the configuration of " + (of_broker ? "broker " + names.front() : "the topics");
    std::string right = of_broker ? "DescribeConfigs on the cluster" : "DescribeConfigs on the topics";
    Event event = call(RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, what, right, broker, [&](auto* options, auto* queue) {
      rd_kafka_DescribeConfigs(client_.get(), resources.data(), resources.size(), options, queue);
    });
    std::size_t count = 0;
    const rd_kafka_DescribeConfigs_result_t* result = rd_kafka_event_DescribeConfigs_result(event.get());
    const rd_kafka_ConfigResource_t** said = rd_kafka_DescribeConfigs_result_resources(result, &count);
    std::map<std::string, Configuration> found;
    for (std::size_t at = 0; at < count; ++at) {
      if (auto error = rd_kafka_ConfigResource_error(said[at]); error != RD_KAFKA_RESP_ERR_NO_ERROR)
        fail(what, error, text_or_empty(rd_kafka_ConfigResource_error_string(said[at])), right);
      Configuration& config = found[rd_kafka_ConfigResource_name(said[at])];
      std::size_t entries = 0;
      const rd_kafka_ConfigEntry_t** entry = rd_kafka_ConfigResource_configs(said[at], &entries);
      for (std::size_t of = 0; of < entries; ++of)
        config[rd_kafka_ConfigEntry_name(entry[of])] = text_or_empty(rd_kafka_ConfigEntry_value(entry[of]));
    }
    return found;
  }

  Configuration describe_broker(int id) {
    std::string name = std::to_string(id);
    return describe(RD_KAFKA_RESOURCE_BROKER, {name}, std::nullopt)[name];
  }

  /// How many copies new topics get. Brokers that are away just now count, too: default.replication.factor tells of them.
  int replicas() {
    auto brokers = outline().brokers;
    auto copies = static_cast<std::int64_t>(brokers.size());
    for (const auto& [id, unasked] : brokers) copies = std::max(copies, number_of(describe_broker(id), "default.replication.factor").value_or(1));
    return replicas_for(static_cast<std::size_t>(copies));
  }

  /// A topic that has come into being meanwhile is no failure.
  void create(const std::vector<TopicPlan>& plans, int replicas) {
    std::vector<std::unique_ptr<rd_kafka_NewTopic_t, Release<rd_kafka_NewTopic_destroy>>> owned;
    std::vector<rd_kafka_NewTopic_t*> topics;
    for (const TopicPlan& plan : plans) {
      char why[256] = "";
      owned.emplace_back(rd_kafka_NewTopic_new(plan.name.c_str(), plan.partitions, replicas, why, sizeof why));
      if (!owned.back()) throw KafkaError("Kafka: " + plan.name + " cannot be a topic: " + why + ". Mend kafka.topic_prefix.");
      for (const auto& [name, value] : plan.config) rd_kafka_NewTopic_set_config(owned.back().get(), name.c_str(), value.c_str());
      rd_kafka_NewTopic_set_config(owned.back().get(), "min.insync.replicas", std::to_string(min_in_sync(replicas)).c_str());
      topics.push_back(owned.back().get());
    }
    std::string right = "Create on the topics, and Describe and DescribeConfigs";
    Event event = call(RD_KAFKA_ADMIN_OP_CREATETOPICS, "creating the topics", right, std::nullopt,
                       [&](auto* options, auto* queue) { rd_kafka_CreateTopics(client_.get(), topics.data(), topics.size(), options, queue); });
    std::size_t count = 0;
    const rd_kafka_CreateTopics_result_t* result = rd_kafka_event_CreateTopics_result(event.get());
    const rd_kafka_topic_result_t** said = rd_kafka_CreateTopics_result_topics(result, &count);
    for (std::size_t at = 0; at < count; ++at) {
      rd_kafka_resp_err_t error = rd_kafka_topic_result_error(said[at]);
      if (error == RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) continue;
      fail("creating topic " + std::string(rd_kafka_topic_result_name(said[at])), error, text_or_empty(rd_kafka_topic_result_error_string(said[at])),
           right);
    }
  }

  /// One that has as many already is no failure.
  void raise_partitions(const std::vector<std::pair<std::string, int>>& counts) {
    std::vector<std::unique_ptr<rd_kafka_NewPartitions_t, Release<rd_kafka_NewPartitions_destroy>>> owned;
    std::vector<rd_kafka_NewPartitions_t*> wanted;
    for (const auto& [name, count] : counts) {
      char why[256] = "";
      owned.emplace_back(rd_kafka_NewPartitions_new(name.c_str(), static_cast<std::size_t>(count), why, sizeof why));
      if (!owned.back()) throw KafkaError("Kafka: " + name + " cannot get " + std::to_string(count) + " partitions: " + why + ".");
      wanted.push_back(owned.back().get());
    }
    Event event = call(RD_KAFKA_ADMIN_OP_CREATEPARTITIONS, "adding partitions", "Alter on the topics", std::nullopt,
                       [&](auto* options, auto* queue) { rd_kafka_CreatePartitions(client_.get(), wanted.data(), wanted.size(), options, queue); });
    std::size_t count = 0;
    const rd_kafka_CreatePartitions_result_t* result = rd_kafka_event_CreatePartitions_result(event.get());
    const rd_kafka_topic_result_t** said = rd_kafka_CreatePartitions_result_topics(result, &count);
    for (std::size_t at = 0; at < count; ++at) {
      rd_kafka_resp_err_t error = rd_kafka_topic_result_error(said[at]);
      std::string name = rd_kafka_topic_result_name(said[at]);
      auto asked = std::find_if(counts.begin(), counts.end(), [&](const auto& one) { return one.first == name; });
      if (error == RD_KAFKA_RESP_ERR_NO_ERROR || (asked != counts.end() && outline().topics[name].partitions >= asked->second)) continue;
      fail("adding partitions to " + name, error, text_or_empty(rd_kafka_topic_result_error_string(said[at])), "Alter on the topics");
    }
  }

 private:
  static std::string text_or_empty(const char* text) { return text ? text : ""; }

  template <class Start>
  Event call(rd_kafka_admin_op_t operation, const std::string& what, const std::string& right, std::optional<int> broker, Start start) {
    AdminOptions options(rd_kafka_AdminOptions_new(client_.get(), operation));
    rd_kafka_AdminOptions_set_request_timeout(options.get(), kRequestMs, nullptr, 0);
    if (broker) rd_kafka_AdminOptions_set_broker(options.get(), *broker, nullptr, 0);
    // A queue for each call: an answer that comes too late is not taken for the next one's.
    Queue queue(rd_kafka_queue_new(client_.get()));
    start(options.get(), queue.get());
    Event event(rd_kafka_queue_poll(queue.get(), 2 * kRequestMs));
    rd_kafka_resp_err_t error = event ? rd_kafka_event_error(event.get()) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return event;
    fail(what, error, event ? text_or_empty(rd_kafka_event_error_string(event.get())) : "", right);
  }

  Client client_;
  Steady::time_point until_;
};

void expect_leaders(const FoundCluster& found, const std::vector<std::string>& names) {
  for (const std::string& name : names)
    if (auto topic = found.topics.find(name); topic == found.topics.end() || !topic->second.led)
      throw Passing("Kafka: topic " + name + " has partitions without a leader. Check that all brokers run, and their logs.");
}

}  // namespace

std::string TopicNames::of(Topic topic) const { return prefix_ + short_name(topic); }

std::set<Topic> registry_topics(const Settings& settings) {
  std::set<Topic> topics;
  for (const std::string& name : words_of(settings.kafka_registry_topics))
    if (auto topic = input_topic(name)) topics.insert(*topic);
  return topics;
}

std::vector<TopicPlan> topic_plans(const Settings& settings) {
  TopicNames names(settings.kafka_topic_prefix);
  auto partitions = static_cast<int>(settings.partitions);
  std::vector<TopicPlan> plans;
  for (std::size_t at = 0; at < kTopics; ++at) {
    auto topic = static_cast<Topic>(at);
    bool input = at < kInputTopics, large = topic == Topic::result_batches || topic == Topic::rejected;
    // What was done by whom is kept.
    std::int64_t retention_ms = (input && settings.time_source == "event") || topic == Topic::audit ? kForEver : kSeasonMs;
    if (topic == Topic::reference)
      plans.push_back({names.of(topic), 1, false, true, compacted(kInputBytesMax)});
    else
      plans.push_back({names.of(topic), partitions, true, input, kept(retention_ms, large ? kMessageBytesMax : kInputBytesMax)});
  }
  plans.push_back({names.changelog(), partitions, true, false, compacted(kMessageBytesMax)});
  plans.push_back({names.instances(), 1, false, false, compacted(kInputBytesMax)});
  plans.push_back({names.redriven(), 1, false, false, compacted(kInputBytesMax)});
  return plans;
}

int replicas_for(std::size_t brokers) { return static_cast<int>(std::min<std::size_t>(3, brokers)); }

int min_in_sync(int replicas) { return replicas >= 3 ? 2 : 1; }

std::vector<MadeTopic> create_topics(const Settings& settings) {
  Admin admin(settings);
  FoundCluster before = admin.until_it_works([&] { return admin.outline(); });
  std::vector<MadeTopic> all;
  std::vector<TopicPlan> missing;
  std::vector<std::string> names;
  for (TopicPlan& plan : topic_plans(settings)) {
    bool is_there = before.topics.contains(plan.name);
    if (!is_there) missing.push_back(plan);
    names.push_back(plan.name);
    all.push_back({std::move(plan), !is_there});
  }
  int replicas = 0;
  if (!missing.empty()) admin.until_it_works([&] { admin.create(missing, replicas = admin.replicas()); });
  for (MadeTopic& topic : all) topic.replicas = topic.made ? replicas : 0;
  admin.until_it_works([&] {
    FoundCluster now = admin.outline();
    for (const auto& [id, unasked] : now.brokers) admin.describe(RD_KAFKA_RESOURCE_TOPIC, names, id);
    expect_leaders(now, names);
  });
  return all;
}

void raise_partitions(const Settings& settings, const std::vector<std::pair<std::string, int>>& counts) {
  Admin admin(settings);
  admin.until_it_works([&] { admin.raise_partitions(counts); });
  admin.until_it_works([&] {
    FoundCluster now = admin.outline();
    for (const auto& [name, count] : counts)
      if (now.topics[name].partitions < count || !now.topics[name].led)
        throw Passing("Kafka: the new partitions of " + name + " are not there yet. Check the brokers' logs.");
  });
}

FoundCluster ask_cluster(const Settings& settings) {
  Admin admin(settings);
  return admin.until_it_works([&] {
    FoundCluster found = admin.outline();
    std::vector<std::string> names;
    for (const TopicPlan& plan : topic_plans(settings))
      if (found.topics.contains(plan.name)) names.push_back(plan.name);
    expect_leaders(found, names);
    std::erase_if(found.topics, [&](const auto& topic) { return std::find(names.begin(), names.end(), topic.first) == names.end(); });
    if (!names.empty())
      for (auto& [name, config] : admin.describe(RD_KAFKA_RESOURCE_TOPIC, names, std::nullopt)) found.topics[name].config = std::move(config);
    for (auto& [id, config] : found.brokers) config = admin.describe_broker(id);
    return found;
  });
}

std::vector<std::string> problems_of(const Settings& settings, const FoundCluster& found) { return Problems(settings, found).run(); }

std::vector<std::string> check_topics(const Settings& settings) { return problems_of(settings, ask_cluster(settings)); }

}  // namespace vtq::kafka
