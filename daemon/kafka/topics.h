// The topics: their names, what each must be, how they are made, and what is wrong with those that are there.
//
// Names come from the setting kafka.topic_prefix; nothing else in the product spells one. create_topics and ask_cluster talk to the brokers
// and block, for kafka.broker_wait_seconds at most after the brokers answered; any thread may call them. Nothing here changes or deletes a
// topic that is there. Knows nothing of librdkafka's API, so that whoever only needs names can include it.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace vtq {
struct Settings;
enum class Topic : std::uint8_t;
}  // namespace vtq

namespace vtq::kafka {

/// Largest record in bytes that resultsd writes: a batch of 5,000 results has about 1 MiB, and the changelog and the rejected records carry
/// other records whole. Producers need it as message.max.bytes. Brokers copy a larger record than their replica.fetch.max.bytes all the
/// same, since a fetch returns its first batch whole; so nothing has to be set there.
constexpr std::int64_t kMessageBytesMax = 8 << 20;

/// Names of the topics under a prefix.
class TopicNames {
 public:
  explicit TopicNames(std::string prefix) : prefix_(std::move(prefix)) {}

  std::string of(Topic topic) const;
  /// State of each partition: what a store is rebuilt from.
  std::string changelog() const { return prefix_ + "changelog"; }
  /// Which instance answers where.
  std::string instances() const { return prefix_ + "instances"; }
  /// Which rejected records were sent again.
  std::string redriven() const { return prefix_ + "redriven"; }

 private:
  std::string prefix_;
};

/// Input topics in the schema registry's wire format, from kafka.registry_topics.
std::set<Topic> registry_topics(const Settings& settings);

/// What a topic must be.
struct TopicPlan {
  std::string name;
  int partitions = 1;
  bool by_centre = false;  ///< keyed by centre: as many partitions as the setting says, and as all others of this kind
  bool input = false;      ///< read, and written by publishers
  /// Its own configuration; min.insync.replicas comes besides, from min_in_sync.
  std::vector<std::pair<std::string, std::string>> config;
};

/// Every topic: inputs, outputs, then resultsd's own.
std::vector<TopicPlan> topic_plans(const Settings& settings);
/// How many copies a topic gets in a cluster of so many brokers: three, or as many as there are.
int replicas_for(std::size_t brokers);
/// min.insync.replicas for so many copies: with three, one broker may be away and no record that was acknowledged is on one broker only.
int min_in_sync(int replicas);

struct MadeTopic {
  TopicPlan plan;
  bool made = false;  ///< else it was there, and stays as it is
  int replicas = 0;   ///< of one that was made
};

/// Creates what is missing, and waits until every broker knows every topic and each partition has a leader. Again does no harm. Throws
/// KafkaError: no brokers, wrong credentials, or what the brokers refuse and what to do.
std::vector<MadeTopic> create_topics(const Settings& settings);

/// Gives topics so many partitions, more than they have. Throws KafkaError like create_topics.
void raise_partitions(const Settings& settings, const std::vector<std::pair<std::string, int>>& counts);

using Configuration = std::map<std::string, std::string>;

/// What the brokers say of themselves and of those of the topics that are there.
struct FoundCluster {
  struct Topic {
    int partitions = 0;
    int replicas = 0;  ///< of the partition that has fewest
    bool led = true;   ///< every partition has a leader
    Configuration config;
  };
  std::map<int, Configuration> brokers;  ///< by node id
  std::map<std::string, Topic> topics;   ///< by name
};

/// Asks. Throws KafkaError like create_topics.
FoundCluster ask_cluster(const Settings& settings);
/// Everything that would make resultsd lose, misplace or fail to write records, each with the setting or topic configuration to mend and
/// how. Pure.
std::vector<std::string> problems_of(const Settings& settings, const FoundCluster& found);
/// Both: resultsd starts only when nothing comes back. Throws KafkaError like create_topics.
std::vector<std::string> check_topics(const Settings& settings);

}  // namespace vtq::kafka
