// What is wrong with topics and brokers, judged from what the brokers say; above all what takes a cluster of several to bring about.
#include "daemon/kafka/changelog.h"
#include "daemon/kafka/topics.h"

#include <gtest/gtest.h>

#include "daemon/process/settings.h"
#include "pipeline/intake/check.h"

namespace vtq::kafka {
namespace {

Settings settings() { return load_settings("", {"RESULTSD_KAFKA_BOOTSTRAP_SERVERS=broker:9092", "RESULTSD_PARTITIONS=4"}).settings; }

/// Three brokers with Kafka's defaults but for topics that come into being by themselves, and topics as they are created.
FoundCluster right_cluster() {
  FoundCluster made;
  for (int id : {1, 2, 3})
    made.brokers[id] = {{"auto.create.topics.enable", "false"},
                        {"transaction.max.timeout.ms", "900000"},
                        {"group.min.session.timeout.ms", "6000"},
                        {"group.max.session.timeout.ms", "1800000"}};
  for (const TopicPlan& plan : topic_plans(settings())) {
    FoundCluster::Topic& topic = made.topics[plan.name];
    topic = {plan.partitions, 3, true, {plan.config.begin(), plan.config.end()}};
    topic.config["min.insync.replicas"] = "2";
  }
  return made;
}

std::vector<std::string> problems(const FoundCluster& found) { return problems_of(settings(), found); }

std::vector<std::string> only(const std::string& problem) { return {problem}; }

TEST(KafkaTopics, names_follow_the_prefix) {
  TopicNames names("college-test.");
  EXPECT_EQ(names.of(Topic::registrations), "college-test.registrations");
  EXPECT_EQ(names.of(Topic::entry_status), "college-test.entry-status");
  EXPECT_EQ(names.changelog(), "college-test.changelog");
  EXPECT_EQ(TopicNames("vtq.").of(Topic::rejected), topic_name(Topic::rejected));
}

TEST(KafkaTopics, three_copies_where_there_are_brokers_for_them) {
  EXPECT_EQ(replicas_for(1), 1);
  EXPECT_EQ(replicas_for(2), 2);
  EXPECT_EQ(replicas_for(9), 3);
  EXPECT_EQ(min_in_sync(2), 1);
  EXPECT_EQ(min_in_sync(3), 2);
}

TEST(KafkaTopics, a_cluster_as_created_is_right) { EXPECT_EQ(problems(right_cluster()), std::vector<std::string>{}); }

TEST(KafkaTopics, one_copy_in_sync_of_three_is_too_few) {
  FoundCluster found = right_cluster();
  found.topics["vtq.claims"].config["min.insync.replicas"] = "1";
  EXPECT_EQ(problems(found), only("Topic vtq.claims: min.insync.replicas is 1 of 3, so what one broker acknowledged can be lost with it: run "
                                  "kafka-configs.sh --bootstrap-server broker:9092 --alter --topic vtq.claims --add-config "
                                  "min.insync.replicas=2."));
}

TEST(KafkaTopics, one_copy_in_sync_of_two_is_accepted) {
  FoundCluster found = right_cluster();
  found.topics["vtq.claims"].replicas = 2;
  found.topics["vtq.claims"].config["min.insync.replicas"] = "1";
  EXPECT_EQ(problems(found), std::vector<std::string>{});
}

TEST(KafkaTopics, brokers_that_are_wrong_alike_are_named_together) {
  FoundCluster found = right_cluster();
  found.brokers[1]["auto.create.topics.enable"] = found.brokers[3]["auto.create.topics.enable"] = "true";
  EXPECT_EQ(problems(found), only("Brokers 1, 3: auto.create.topics.enable is true, so a misspelt topic would come into being unnoticed. Set "
                                  "auto.create.topics.enable=false in the broker's properties and restart it."));
}

TEST(KafkaTopics, an_input_that_is_kept_for_ever_is_accepted) {
  FoundCluster found = right_cluster();
  found.topics["vtq.claims"].config["retention.ms"] = "-1";
  EXPECT_EQ(problems(found), std::vector<std::string>{});
}

TEST(KafkaTopics, in_event_time_inputs_are_kept_for_ever) {
  Settings event_time = settings();
  event_time.time_source = "event";
  for (const TopicPlan& plan : topic_plans(event_time))
    for (const auto& [name, value] : plan.config)
      if (name == "retention.ms") {
        EXPECT_EQ(value, plan.input || plan.name == "vtq.audit" ? "-1" : "34560000000") << plan.name;
      }
  FoundCluster found = right_cluster();
  for (auto& [name, topic] : found.topics)
    if (name != "vtq.claims") topic.config["retention.ms"] = "-1";
  EXPECT_EQ(problems_of(event_time, found),
            only("Topic vtq.claims: retention.ms is 34560000000, but with time.source = event records bear the times of a past season and can "
                 "be deleted before they are read: run kafka-configs.sh --bootstrap-server broker:9092 --alter --topic vtq.claims --add-config "
                 "retention.ms=-1."));
}

TEST(KafkaTopics, an_output_may_be_kept_for_a_short_time) {
  FoundCluster found = right_cluster();
  found.topics["vtq.notifications"].config["retention.ms"] = "86400000";
  EXPECT_EQ(problems(found), std::vector<std::string>{});
}

TEST(KafkaTopics, topics_of_others_are_not_looked_at) {
  FoundCluster found = right_cluster();
  found.topics["finance.claims"] = {17, 1, true, {{"cleanup.policy", "compact"}}};
  EXPECT_EQ(problems(found), std::vector<std::string>{});
}

TEST(KafkaTopics, every_problem_is_said_at_once) {
  FoundCluster found = right_cluster();
  found.brokers[2]["auto.create.topics.enable"] = "true";
  found.topics.erase("vtq.assurance");
  found.topics["vtq.claims"].partitions = 3;
  found.topics["vtq.changelog"].config["cleanup.policy"] = "delete";
  EXPECT_EQ(problems(found).size(), 4u);
}

TEST(KafkaTopics, only_input_topics_may_be_in_the_registrys_format) {
  Settings named = settings();
  named.kafka_registry_topics = " claims, reference,";
  EXPECT_EQ(problems_of(named, right_cluster()), std::vector<std::string>{});
  EXPECT_EQ(registry_topics(named), (std::set{Topic::reference, Topic::claims}));
  named.kafka_registry_topics = "claims,vtq.assurance";
  EXPECT_EQ(problems_of(named, right_cluster()),
            only("kafka.registry_topics names vtq.assurance, which is no input topic: name any of reference, registrations, checkpoints, "
                 "assessments, claims, assurance, commands, without kafka.topic_prefix."));
}

TEST(KafkaTopics, a_missing_topic_may_be_one_that_this_user_may_not_see) {
  FoundCluster found = right_cluster();
  found.topics.erase("vtq.assurance");
  Settings with_login = settings();
  with_login.kafka_security_protocol = "sasl_ssl";
  EXPECT_EQ(problems_of(with_login, found),
            only("Topic vtq.assurance is missing, or this user may not describe it: run resultsctl topics create, or mend kafka.topic_prefix."));
}

// ---- a changelog that was quiet ----

TEST(QuietChangelog, hides_no_deletions_from_a_store_that_has_read_it_to_its_end) {
  // Nothing young: the first kept is the end.
  EXPECT_FALSE(may_miss_deletions(100, 100));
}
TEST(QuietChangelog, ends_with_the_marker_of_the_last_transaction_which_is_no_record) { EXPECT_FALSE(may_miss_deletions(100, 101)); }
TEST(QuietChangelog, may_hide_deletions_where_unread_records_are_older_than_deletions_are_kept) { EXPECT_TRUE(may_miss_deletions(100, 102)); }

}  // namespace
}  // namespace vtq::kafka
