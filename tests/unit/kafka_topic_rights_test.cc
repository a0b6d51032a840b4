// What is said about who may read topics with grades.
#include "daemon/kafka/topic_rights.h"

#include <gtest/gtest.h>

#include "daemon/kafka/topics.h"
#include "daemon/process/settings.h"

namespace vtq::kafka {
namespace {

std::string said(const FoundRights& found, const std::string& user = "resultsd") {
  Settings settings;
  settings.kafka_topic_prefix = "vtq.";
  settings.kafka_sasl_username = user;
  std::string text;
  for (const std::string& one : warnings_about_rights(settings, found)) text += one + "\n";
  return text;
}

FoundRights told(std::vector<ReadRight> rights) { return {.told = true, .why = {}, .rights = std::move(rights)}; }

TEST(TopicRights, of_resultsd_alone_are_right) {
  EXPECT_EQ(said(told({{"User:resultsd", "vtq.", true, true}})), "");
  EXPECT_EQ(said(told({})), "");
}

TEST(TopicRights, of_others_are_named_with_their_topics) {
  std::string text = said(told({{"User:mis", "vtq.claims", false, true}, {"User:lake", "vtq.", true, true}, {"User:*", "*", false, true}}));
  EXPECT_NE(text.find("User:mis may read vtq.claims."), std::string::npos) << text;
  EXPECT_NE(text.find("User:lake may read vtq.assessments, vtq.checkpoints, vtq.claims, vtq.commands."), std::string::npos) << text;
  EXPECT_NE(text.find("Everybody may read"), std::string::npos) << text;
}

TEST(TopicRights, to_topics_without_grades_or_denied_are_not_looked_at) {
  EXPECT_EQ(said(told({{"User:mis", "vtq.entry-status", false, true}, {"User:mis", "vtq.claim", false, true}, {"User:mis", "*", false, false}})), "");
}

TEST(TopicRights, that_the_brokers_do_not_tell_are_a_warning_with_what_to_do) {
  std::string text = said({.told = false, .why = "they have no authorizer", .rights = {}});
  EXPECT_NE(text.find("they have no authorizer"), std::string::npos);
  EXPECT_NE(text.find("Set up an authorizer"), std::string::npos);
}

TEST(TopicRights, of_brokers_of_which_one_has_no_authorizer_are_everybodys) {
  FoundCluster cluster;
  EXPECT_FALSE(lacks_authorizer(cluster));
  cluster.brokers[1]["authorizer.class.name"] = "org.apache.kafka.metadata.authorizer.StandardAuthorizer";
  cluster.brokers[2]["not.said"] = "";
  EXPECT_FALSE(lacks_authorizer(cluster));
  cluster.brokers[2]["authorizer.class.name"] = "";
  EXPECT_TRUE(lacks_authorizer(cluster));
}

}  // namespace
}  // namespace vtq::kafka
