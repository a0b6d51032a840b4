#include "daemon/kafka/topic_rights.h"

#include <algorithm>
#include <map>
#include <set>

#include "daemon/kafka/client.h"
#include "daemon/kafka/topics.h"
#include "daemon/process/settings.h"
#include "pipeline/facts/kind.h"

namespace vtq::kafka {
namespace {

constexpr int kRequestMs = 10'000;
constexpr const char* kNoAuthorizer = "they have no authorizer, so that everybody may read everything";
using Filter = std::unique_ptr<rd_kafka_AclBindingFilter_t, Release<rd_kafka_AclBinding_destroy>>;

/// Where publishers write grades: predicted, of units, and results.
constexpr Topic kGraded[] = {Topic::checkpoints, Topic::assessments, Topic::claims, Topic::commands};

std::string list_of(const std::set<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

bool reads(rd_kafka_AclOperation_t operation) { return operation == RD_KAFKA_ACL_OPERATION_READ || operation == RD_KAFKA_ACL_OPERATION_ALL; }

}  // namespace

bool lacks_authorizer(const FoundCluster& cluster) {
  return std::any_of(cluster.brokers.begin(), cluster.brokers.end(), [](const auto& broker) {
    auto found = broker.second.find("authorizer.class.name");
    return found != broker.second.end() && found->second.empty();
  });
}

FoundRights ask_read_rights(const Settings& settings, const FoundCluster& cluster) {
  // librdkafka 2.0 makes an empty list of the error with which such brokers answer.
  if (lacks_authorizer(cluster)) return {.told = false, .why = kNoAuthorizer, .rights = {}};
  Properties properties = common_properties(settings, "topics");
  std::erase_if(properties, [](const auto& property) { return property.first == "partitioner"; });
  Client client = make_client(RD_KAFKA_PRODUCER, make_config(properties));
  await_brokers(client.get(), settings, static_cast<int>(settings.kafka_broker_wait_seconds));
  char wrong[256] = "";
  Filter filter(rd_kafka_AclBindingFilter_new(RD_KAFKA_RESOURCE_TOPIC, nullptr, RD_KAFKA_RESOURCE_PATTERN_ANY, nullptr, nullptr,
                                              RD_KAFKA_ACL_OPERATION_ANY, RD_KAFKA_ACL_PERMISSION_TYPE_ANY, wrong, sizeof wrong));
  if (!filter) return {.told = false, .why = wrong, .rights = {}};
  AdminOptions options(rd_kafka_AdminOptions_new(client.get(), RD_KAFKA_ADMIN_OP_DESCRIBEACLS));
  rd_kafka_AdminOptions_set_request_timeout(options.get(), kRequestMs, nullptr, 0);
  Queue queue(rd_kafka_queue_new(client.get()));
  rd_kafka_DescribeAcls(client.get(), filter.get(), options.get(), queue.get());
  Event event(rd_kafka_queue_poll(queue.get(), 2 * kRequestMs));
  if (!event) return {.told = false, .why = "no answer came", .rights = {}};
  if (rd_kafka_resp_err_t error = rd_kafka_event_error(event.get()); error != RD_KAFKA_RESP_ERR_NO_ERROR)
    return {.told = false, .why = error == RD_KAFKA_RESP_ERR_SECURITY_DISABLED ? kNoAuthorizer : text_of(error), .rights = {}};
  FoundRights found{.told = true, .why = {}, .rights = {}};
  std::size_t count = 0;
  const rd_kafka_AclBinding_t** said = rd_kafka_DescribeAcls_result_acls(rd_kafka_event_DescribeAcls_result(event.get()), &count);
  for (std::size_t at = 0; at < count; ++at) {
    if (!reads(rd_kafka_AclBinding_operation(said[at]))) continue;
    found.rights.push_back({.principal = rd_kafka_AclBinding_principal(said[at]),
                            .pattern = rd_kafka_AclBinding_name(said[at]),
                            .prefixed = rd_kafka_AclBinding_resource_pattern_type(said[at]) == RD_KAFKA_RESOURCE_PATTERN_PREFIXED,
                            .allowed = rd_kafka_AclBinding_permission_type(said[at]) == RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW});
  }
  return found;
}

std::vector<std::string> warnings_about_rights(const Settings& settings, const FoundRights& found) {
  TopicNames names(settings.kafka_topic_prefix);
  std::set<std::string> graded;
  for (Topic topic : kGraded) graded.insert(names.of(topic));
  const std::string means = " Events that publishers write there unsealed show grades to whoever reads them; see Sealing in the README.";
  if (!found.told)
    return {"Who may read " + list_of(graded) + " the brokers do not say: " + found.why + "." + means +
            " Set up an authorizer, and grant Read on them to resultsd alone."};
  const std::string own = settings.kafka_sasl_username.empty() ? "" : "User:" + settings.kafka_sasl_username;
  std::map<std::string, std::set<std::string>> readers;  // topics by principal
  for (const ReadRight& right : found.rights)
    for (const std::string& topic : graded)
      if (right.allowed && right.principal != own && right.covers(topic)) readers[right.principal].insert(topic);
  std::vector<std::string> warnings;
  for (const auto& [principal, topics] : readers)
    warnings.push_back((principal == "User:*" ? std::string("Everybody") : principal) + " may read " + list_of(topics) + "." + means +
                       (own.empty() ? " Is it resultsd itself? Else take the right back." : " Take the right back where it is not needed."));
  return warnings;
}

}  // namespace vtq::kafka
