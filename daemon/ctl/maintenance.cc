#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "daemon/ctl/commands.h"
#include "daemon/ctl/credentials.h"
#include "daemon/ctl/output.h"
#include "daemon/kafka/client.h"
#include "daemon/kafka/repair.h"
#include "daemon/kafka/topics.h"
#include "daemon/process/log.h"
#include "daemon/process/settings.h"
#include "pipeline/base/uk_time.h"
#include "storage/store.h"

namespace vtq::ctl {
namespace {

using Json = nlohmann::ordered_json;

std::string bytes_text(std::uint64_t bytes) {
  const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(units)) value /= 1024, ++unit;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
  return text;
}

std::int64_t now_ms() { return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count(); }

std::string read_all(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error(path.string() + ": the file cannot be read; check its name and permissions.");
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The findings of `doctor`, with what to do.
class Findings {
 public:
  void good(const std::string& what) { std::cout << "  ok    " << what << "\n"; }
  void bad(const std::string& what, const std::string& then) {
    std::cout << "  WRONG " << what << "\n        " << then << "\n";
    ++wrong_;
  }
  int wrong() const { return wrong_; }

 private:
  int wrong_ = 0;
};

void look_at_directory(Findings& findings, const Settings& settings) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::path directory = fs::absolute(settings.data_directory, error), existing = directory;
  while (!existing.empty() && !fs::exists(existing, error) && existing != existing.parent_path()) existing = existing.parent_path();
  bool is_there = existing == directory;
  if (::access(existing.c_str(), W_OK | X_OK) != 0)
    findings.bad("data.directory " + directory.string() + " cannot be written by this user",
                 "Make it and give it to the user that runs resultsd: install -d -o USER " + directory.string() + ".");
  else
    findings.good("data.directory " + directory.string() + (is_there ? " can be written" : " can be made"));
  for (const fs::path& held : {directory, settings.backups()}) {
    struct stat mode {};
    if (!held.empty() && ::stat(held.c_str(), &mode) == 0 && (mode.st_mode & 077) != 0)
      findings.bad(held.string() + " can be read by others than its owner", "It holds learners' results: chmod -R go= " + held.string() + ".");
  }
  struct statvfs disk {};
  if (::statvfs(existing.c_str(), &disk) != 0) return;
  std::uint64_t free = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  constexpr std::uint64_t kWanted = std::uint64_t{2} << 30;
  if (free < kWanted)
    findings.bad("only " + bytes_text(free) + " free there",
                 "A season of 800,000 entries takes some 2 GiB with its log; make room, or choose another data.directory.");
  else
    findings.good(bytes_text(free) + " free there");
}

void look_at_time(Findings& findings) {
  if (std::string problem = time_zone_problem(); !problem.empty()) {
    findings.bad("local times cannot be told", problem);
    return;
  }
  findings.good("the time-zone database knows Europe/London's summer time");
  auto now = now_ms();
  if (now < *parse_local_time("2023-01-01T00:00") || now > *parse_local_time("2099-01-01T00:00"))
    findings.bad("the clock says " + utc_text(now), "Set it and keep it with NTP: gates open by it.");
  else
    findings.good("the clock says " + utc_text(now));
}

void look_at_kafka(Findings& findings, Settings settings) {
  constexpr std::int64_t kWaitSeconds = 10;
  settings.kafka_broker_wait_seconds = std::min(settings.kafka_broker_wait_seconds, kWaitSeconds);
  try {
    std::vector<std::string> problems = kafka::check_topics(settings);
    for (const std::string& problem : problems) findings.bad("topics and brokers on Kafka", problem);
    if (problems.empty()) findings.good("topics and brokers at " + settings.kafka_bootstrap_servers + " are right");
    kafka::TopicRepair repair(settings);
    const std::vector<kafka::Repair>& found = repair.look();
    for (const kafka::Repair& one : found)
      findings.bad(one.topic + (one.partition ? ", partition " + std::to_string(*one.partition) : "") + ": " + one.wrong,
                   "Run resultsctl topics repair: it says what it would do.");
    if (found.empty()) findings.good("the topics hold what was read of them");
  } catch (const std::runtime_error& error) {
    findings.bad("Kafka cannot be looked at", error.what());
  }
}

void look_at_daemon(Findings& findings, const std::string& url, const std::string& ca_file) {
  try {
    HttpClient client(url, with_credentials(url, {.ca_file = ca_file}));
    HttpReply ready = client.get("/readyz");
    if (ready.status == 200)
      findings.good("resultsd at " + url + " is ready");
    else
      findings.bad("resultsd at " + url + " is not ready: " + Json::parse(ready.body, nullptr, false).value("detail", ""),
                   "Wait for it to start, or read its log.");
    if (std::string doubt = clock_doubt(client); !doubt.empty())
      findings.bad("its clock is doubted: time stands still and gates are shut", doubt);
    else
      findings.good("its clock is trusted");
    HttpReply live = client.get("/livez");
    if (live.status != 200) findings.bad("its pipeline makes no progress", "Read its log; restart it if it does not recover.");
    Json overview = Json::parse(expect_ok(client.get("/v1/overview?partial=1")));
    std::int64_t rejected = overview.value("rejected", std::int64_t{0});
    if (rejected > 0) std::cout << "  note  " << grouped(rejected) << " records were rejected; see resultsctl rejected\n";
  } catch (const Untrusted& error) {
    findings.bad("resultsd cannot be asked at " + url, error.what());
  } catch (const std::invalid_argument& error) {
    findings.bad("resultsd cannot be asked at " + url, error.what());
  } catch (const Unreachable&) {
    findings.bad("resultsd does not answer at " + url, "Start it with resultsd --config FILE, or name another with --url.");
  } catch (const std::runtime_error& error) {
    findings.bad("resultsd at " + url + " does not say how it is", error.what());
  }
}

std::string place_text(const Json& one) {
  return one.value("topic", "") + " partition " + one.at("partition").dump() + ": " + grouped(one.at("records").get<std::int64_t>()) +
         " records, since " + one.value("since", "");
}

/// Each instance that the one at `url` knows: whether it answers, and what of its input is left.
void look_at_instances(Findings& findings, const std::string& url, const std::string& ca_file, const Settings& settings) {
  constexpr std::int64_t kBehindSeconds = 60;
  auto now = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  auto older = [now](const Json& one, std::int64_t seconds) { return utc_text(now - seconds * 1000) >= one.value("since", ""); };
  try {
    auto ask = [&](const std::string& where) {
      HttpClient client(
          where, with_credentials(
                     where, {.ca_file = ca_file, .connect_max = std::chrono::milliseconds(1'000), .reply_max = std::chrono::milliseconds(5'000)}));
      return Json::parse(expect_ok(client.get("/v1/instances")));
    };
    Json known = ask(url);
    for (const Json& instance : known.at("instances")) {
      std::string name = instance.value("instance", ""), at = instance.value("url", ""), state = state_of_instance(at, ca_file);
      if (state != "ready") {
        findings.bad("instance " + name + " at " + at + ": " + state,
                     "Read its log; its partitions go to others after kafka.session_timeout_ms once it is stopped.");
        continue;
      }
      findings.good("instance " + name + " at " + at + " is ready");
      Json kafka = ask(at).at("kafka");
      for (const Json& one : kafka.at("openTransactions"))
        if (older(one, settings.kafka_open_transaction_seconds))
          findings.bad("a publisher's transaction is open and holds up " + place_text(one),
                       "It ends with its time-out. At once: kafka-transactions.sh --bootstrap-server " + settings.kafka_bootstrap_servers +
                           " find-hanging --topic " + one.value("topic", "") + ", then abort.");
      for (const Json& one : kafka.at("lag"))
        if (older(one, kBehindSeconds))
          findings.bad("instance " + name + " is behind in " + place_text(one), "Its log and vtq_commit_duration_seconds say why.");
    }
  } catch (const std::exception& error) {
    findings.bad("the instances cannot be asked", error.what());
  }
}

}  // namespace

int rejected_replay(HttpClient& client, const std::string& id, const std::filesystem::path& with) {
  std::string body, type = "application/json";
  if (!with.empty()) {
    body = read_all(with);
    if (with.extension() == ".pb") type = "application/x-protobuf";
  }
  Json answer = Json::parse(expect_ok(client.post("/v1/rejected/" + percent_encode(id) + "/replay", type, body)));
  std::cout << "Replayed record " << id << ": " << answer.value("outcome", "") << ".\n";
  return 0;
}

int backup(HttpClient& client, bool list) {
  if (!list) {
    Json made = Json::parse(expect_ok(client.post("/v1/backups", "application/json", "")));
    std::cout << "Backup " << made.at("id") << " made, " << bytes_text(made.at("bytes")) << ".\n";
    return 0;
  }
  Json all = Json::parse(expect_ok(client.get("/v1/backups")));
  Table table({"id", "made", "size", "up to", ""});
  for (const Json& one : all.at("backups"))
    table.add({one.at("id").dump(), one.at("madeAt"), bytes_text(one.at("bytes")), one.at("upTo"),
               one.at("damage").is_null() ? "" : "DAMAGED: " + one.at("damage").get<std::string>()});
  std::cout << all.value("directory", "") << "\n" << (table.empty() ? "No backups yet.\n" : table.text());
  return 0;
}

int restore(const RestoreWords& words) {
  std::cout << Store::restore(
      {.from = words.from, .to = words.to, .was = words.was, .id = words.id, .batch_numbers_from = words.batch_numbers_from, .now = now_ms()});
  std::cout << "Start resultsd with data.directory = \"" << words.to.string() << "\".\n";
  return 0;
}

int accept_loss(const std::filesystem::path& directory, std::uint32_t batch_numbers_from) {
  std::cout << Store::accept_loss(directory, batch_numbers_from, now_ms()) << "\n";
  return 0;
}

int export_lines(HttpClient& client, const std::string& what, const std::filesystem::path& out) {
  std::ofstream file;
  if (!out.empty()) {
    file.open(out, std::ios::binary | std::ios::trunc);
    if (!file) throw std::runtime_error(out.string() + ": the file cannot be written; check the directory and its permissions.");
    // A file that was there before keeps its mode, and may be for all to read.
    if (std::filesystem::is_regular_file(out))
      std::filesystem::permissions(out, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }
  std::ostream& to = out.empty() ? std::cout : file;
  std::string target = what == "statuses" ? "/v1/entries?limit=10000" : "/v1/export/batches?limit=1000";
  std::int64_t lines = 0;
  while (!target.empty()) {
    HttpReply reply = client.get(target, "application/x-ndjson");
    std::string body = expect_ok(reply);
    lines += std::count(body.begin(), body.end(), '\n');
    to << body;
    target = next_link(reply);
  }
  to.flush();
  if (!to) throw std::runtime_error("Writing failed; is the disk full?");
  if (!out.empty()) std::cout << grouped(lines) << " " << what << " written to " << out.string() << ".\n";
  return 0;
}

int doctor(const std::string& url, const std::string& ca_file, const std::filesystem::path& config) {
  Findings findings;
  LoadedSettings loaded = load_settings(config, process_environment());
  std::cout << "resultsd, looked at from here:\n";
  if (loaded.errors.empty())
    findings.good(config.empty() ? "the settings (defaults and environment) are right" : "the settings in " + config.string() + " are right");
  for (const SettingError& error : loaded.errors) findings.bad(error.where, error.message);
  if (loaded.errors.empty()) look_at_directory(findings, loaded.settings);
  if (loaded.errors.empty() && loaded.settings.on_kafka()) {
    log::start("error");  // what is wrong is said in words, and the clients' own lines would stand in between
    look_at_kafka(findings, loaded.settings);
  }
  look_at_time(findings);
  std::string address = loaded.settings.http_address;
  if (address.find(':') != address.npos) address = "[" + address + "]";
  std::string scheme = loaded.settings.has_tls() ? "https://" : "http://";
  std::string asked = url.empty() ? scheme + address + ":" + std::to_string(loaded.settings.http_port) : url;
  std::string trusted = ca_file.empty() ? loaded.settings.http_ca_file : ca_file;
  look_at_daemon(findings, asked, trusted);
  if (loaded.errors.empty() && loaded.settings.on_kafka()) look_at_instances(findings, asked, trusted, loaded.settings);
  std::cout << (findings.wrong() == 0 ? "All is well.\n" : grouped(findings.wrong()) + " to put right.\n");
  return findings.wrong() == 0 ? 0 : 1;
}

}  // namespace vtq::ctl
