#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "daemon/ctl/commands.h"
#include "daemon/ctl/output.h"
#include "daemon/kafka/repair.h"
#include "daemon/kafka/topic_rights.h"
#include "daemon/kafka/topics.h"
#include "daemon/process/log.h"
#include "daemon/process/settings.h"

namespace vtq::ctl {
namespace {

std::string value_of(const kafka::Configuration& config, const std::string& name) {
  auto found = config.find(name);
  return found == config.end() ? "" : found->second;
}

std::string retention_text(const kafka::Configuration& config) {
  if (value_of(config, "cleanup.policy") == "compact") return "last of each key";
  std::int64_t ms = std::strtoll(value_of(config, "retention.ms").c_str(), nullptr, 10);
  return ms < 0 ? "for ever" : grouped(ms / (24 * 60 * 60 * 1000)) + " days";
}

int list(const Settings& settings) {
  Table table({"topic", "partitions", "configuration"});
  for (const kafka::TopicPlan& plan : kafka::topic_plans(settings)) {
    std::string config;
    for (const auto& [name, value] : plan.config) config += (config.empty() ? "" : " ") + name + "=" + value;
    table.add({plan.name, std::to_string(plan.partitions), config});
  }
  int replicas = kafka::replicas_for(3);
  std::cout << table.text() << "Replicas: " << replicas << " with min.insync.replicas=" << kafka::min_in_sync(replicas)
            << "; with fewer brokers, one on each and min.insync.replicas=" << kafka::min_in_sync(1) << ".\n";
  return 0;
}

int create(const Settings& settings) {
  Table table({"topic", "", "partitions", "replicas"});
  int made = 0;
  for (const kafka::MadeTopic& topic : kafka::create_topics(settings)) {
    if (topic.made)
      table.add({topic.plan.name, "created", std::to_string(topic.plan.partitions), std::to_string(topic.replicas)});
    else
      table.add({topic.plan.name, "was there", "", ""});
    made += topic.made;
  }
  std::cout << table.text() << grouped(made) << " created.\nNext: resultsctl topics check\n";
  return 0;
}

int check(const Settings& settings) {
  kafka::FoundCluster found = kafka::ask_cluster(settings);
  std::vector<std::string> problems = kafka::problems_of(settings, found);
  for (const std::string& problem : problems) std::cerr << problem << "\n";
  if (!problems.empty()) return 1;
  Table table({"topic", "partitions", "replicas", "in sync, at least", "kept"});
  for (const kafka::TopicPlan& plan : kafka::topic_plans(settings)) {
    const kafka::FoundCluster::Topic& topic = found.topics.at(plan.name);
    table.add({plan.name, std::to_string(topic.partitions), std::to_string(topic.replicas), value_of(topic.config, "min.insync.replicas"),
               retention_text(topic.config)});
  }
  std::cout << table.text() << "Topics and brokers are right.\n";
  for (const std::string& warning : kafka::warnings_about_rights(settings, kafka::ask_read_rights(settings, found)))
    std::cout << "Warning: " << warning << "\n";
  return 0;
}

int repair(const Settings& settings, bool apply) {
  kafka::TopicRepair repair(settings);
  const std::vector<kafka::Repair>& found = repair.look();
  std::size_t possible = 0;
  for (const kafka::Repair& one : found) {
    std::cout << one.topic << (one.partition ? ", partition " + std::to_string(*one.partition) : "") << "\n  wrong   " << one.wrong << "\n";
    if (!one.remedy.empty()) std::cout << "  repair  " << one.remedy << "\n";
    if (!one.remedy.empty()) std::cout << "  lost    " << (one.lost.empty() ? "Nothing." : one.lost) << "\n";
    possible += !one.remedy.empty();
  }
  for (const std::string& note : repair.notes()) std::cout << "Note: " << note << "\n";
  if (found.empty()) {
    std::cout << "Nothing to repair.\n";
    return 0;
  }
  if (!apply || possible == 0) {
    std::cout << grouped(static_cast<std::int64_t>(found.size())) << " found, "
              << (possible > 0 ? "nothing changed. To repair: resultsctl topics repair --apply\n" : "none of which can be repaired here.\n");
    return 1;
  }
  repair.apply();
  std::cout << grouped(static_cast<std::int64_t>(possible)) << " repaired. A running instance takes its partitions up again within "
            << span_text(2 * settings.kafka_position_check_seconds) << "; start one that ended.\n";
  return possible == found.size() ? 0 : 1;
}

}  // namespace

int topics(const std::string& what, const std::filesystem::path& config, bool apply) {
  LoadedSettings loaded = load_settings(config, process_environment());
  if (!loaded.errors.empty()) {
    std::cerr << print_setting_errors(loaded.errors);
    return 2;
  }
  const Settings& settings = loaded.settings;
  if (what == "list") return list(settings);
  if (!settings.on_kafka()) {
    std::cerr << "resultsctl: kafka.bootstrap_servers is empty, so resultsd keeps its topics in its store. Name the brokers in the file given with "
                 "--config, or in RESULTSD_KAFKA_BOOTSTRAP_SERVERS.\n";
    return 2;
  }
  log::start("error");  // what is wrong is said in words, and the clients' own lines would stand in between
  if (::isatty(STDERR_FILENO))
    std::cerr << "Asking the brokers at " << settings.kafka_bootstrap_servers << "; if none answers, for "
              << span_text(settings.kafka_broker_wait_seconds) << ".\n";
  if (what == "repair") return repair(settings, apply);
  return what == "create" ? create(settings) : check(settings);
}

}  // namespace vtq::ctl
