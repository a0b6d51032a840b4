#include "daemon/kafka/redrive.h"

#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "daemon/ctl/commands.h"
#include "daemon/ctl/output.h"
#include "daemon/process/log.h"
#include "daemon/process/settings.h"
#include "pipeline/intake/check.h"

namespace vtq::ctl {
namespace {

/// The command line is wrong.
struct WrongWords : std::runtime_error {
  using std::runtime_error::runtime_error;
};

std::optional<TimeMs> time_of(const char* option, const std::string& text) {
  if (text.empty()) return std::nullopt;
  auto at = kafka::parse_instant(text);
  if (!at) throw WrongWords(std::string(option) + " " + text + " is no time; give RFC 3339, as 2023-08-10T00:00:00Z.");
  return at;
}

/// `claims`, or the whole name.
std::string input_topic(const kafka::TopicNames& names, const std::string& prefix, const std::string& text) {
  std::string known;
  for (std::size_t at = 0; at < kInputTopics; ++at) {
    std::string name = names.of(static_cast<Topic>(at));
    if (text == name || prefix + text == name) return name;
    known += (at ? ", " : "") + name.substr(prefix.size());
  }
  throw WrongWords("--topic " + text + " is no input topic; give one of " + known + ".");
}

std::string user() {
  const char* name = std::getenv("USER");
  return name && *name ? name : "uid " + std::to_string(::getuid());
}

kafka::RedriveOptions options_of(const RedriveWords& words, const Settings& settings) {
  kafka::RedriveOptions options;
  kafka::RedriveFilter& filter = options.filter;
  filter.rule = words.rule;
  filter.field = words.field;
  if (!words.topic.empty()) filter.topic = input_topic(kafka::TopicNames(settings.kafka_topic_prefix), settings.kafka_topic_prefix, words.topic);
  if (!words.centre_key.empty()) filter.key = words.centre_key.front();
  filter.ids.insert(words.ids.begin(), words.ids.end());
  filter.since_ms = time_of("--since", words.since);
  filter.until_ms = time_of("--until", words.until);
  options.who = words.who.empty() ? user() : words.who;
  options.dry_run = words.dry_run;
  options.rate = words.rate;
  options.limit = words.limit;
  return options;
}

std::string counted(std::int64_t count, const char* one, const char* many) { return grouped(count) + " " + (count == 1 ? one : many); }

/// What the plan found, before anything goes.
void say_plan(const kafka::RedrivePlan& plan) {
  std::cerr << counted(plan.matched, "record matches", "records match") << " of " << grouped(plan.read) << " rejected";
  if (plan.redriven_before > 0) std::cerr << "; " << grouped(plan.redriven_before) << " went before";
  if (plan.repeated > 0) std::cerr << "; " << grouped(plan.repeated) << " bear the id of another";
  if (plan.beyond_limit > 0) std::cerr << "; " << grouped(plan.beyond_limit) << " are beyond --limit";
  if (!plan.stuck.empty()) std::cerr << "; " << grouped(static_cast<std::int64_t>(plan.stuck.size())) << " cannot go";
  std::cerr << ". " << counted(static_cast<std::int64_t>(plan.chosen.size()), "is", "are") << " to go.\n";
}

void print_chosen(const kafka::RedrivePlan& plan) {
  Table table({"id", "rejected", "rule", "field", "would go to"});
  for (const kafka::RedriveCandidate& one : plan.chosen)
    table.add({one.letter.id, utc_text(one.letter.rejected_at_ms), one.letter.rule, one.letter.field, one.target});
  if (!table.empty()) std::cout << table.text();
  std::cout << counted(static_cast<std::int64_t>(plan.chosen.size()), "record", "records") << " would be redriven.\n";
}

void print_stuck(const kafka::RedrivePlan& plan) {
  for (const kafka::RedriveCandidate& one : plan.stuck) std::cout << "Record " << one.letter.id << " cannot be redriven: " << one.why << ".\n";
}

int redrive(const RedriveWords& words, const Settings& settings) {
  kafka::Redrive redrive(settings, options_of(words, settings));
  const kafka::RedrivePlan& plan = redrive.plan();
  say_plan(plan);
  if (words.dry_run) {
    print_chosen(plan);
  } else {
    ProgressBar bar("redriving");
    kafka::RedriveResult result = redrive.run([&](std::int64_t done, std::int64_t total) {
      bar.show(static_cast<std::uint64_t>(done), static_cast<std::uint64_t>(total), static_cast<std::uint64_t>(done), "records");
    });
    bar.clear();
    std::cout << counted(result.sent, "record", "records") << " redriven";
    for (const auto& [topic, count] : result.by_topic)
      std::cout << (topic == result.by_topic.begin()->first ? ": " : ", ") << grouped(count) << " to " << topic;
    std::cout << ".\n";
    if (result.gone > 0) std::cout << counted(result.gone, "record was", "records were") << " removed from Kafka meanwhile and could not go.\n";
  }
  print_stuck(plan);
  return plan.stuck.empty() ? 0 : 1;
}

}  // namespace

int rejected_redrive(const RedriveWords& words) {
  LoadedSettings loaded = load_settings(words.config, process_environment());
  if (!loaded.errors.empty()) {
    std::cerr << print_setting_errors(loaded.errors);
    return 2;
  }
  if (!loaded.settings.on_kafka()) {
    std::cerr << "resultsctl: kafka.bootstrap_servers is empty, so rejected records are in resultsd's store: see resultsctl rejected "
                 "replay. For those on Kafka, name the brokers in the file given with --config, or in "
                 "RESULTSD_KAFKA_BOOTSTRAP_SERVERS.\n";
    return 2;
  }
  log::start("error");  // what is wrong is said in words, and the clients' own lines would stand in between
  try {
    return redrive(words, loaded.settings);
  } catch (const WrongWords& wrong) {
    std::cerr << "resultsctl: " << wrong.what() << "\n";
    return 2;
  }
}

}  // namespace vtq::ctl
