// Releases at a terminal: what people do about them are events, posted like any other; what stands is read.
#include <google/protobuf/util/time_util.h>

#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>

#include "daemon/access/access_secret.h"
#include "daemon/ctl/commands.h"
#include "daemon/ctl/output.h"
#include "pipeline/base/uk_time.h"

namespace vtq::ctl {
namespace {

using Json = nlohmann::ordered_json;
using google::protobuf::util::TimeUtil;

std::string address_of(const ReleaseWords& words, const std::string& what) {
  return "/v1/releases/" + percent_encode(words.awarding_organisation) + "/" + percent_encode(words.series) + what +
         (words.centre == "*" ? "" : "?centre=" + percent_encode(words.centre));
}

Json released(HttpClient& client, const ReleaseWords& words, const std::string& what = "") {
  return Json::parse(expect_ok(client.get(address_of(words, what))));
}

std::string text_at(const Json& json, const char* name) {
  auto at = json.find(name);
  return at == json.end() || at->is_null() ? "" : at->get<std::string>();
}

std::string when_text(const std::string& time) {
  google::protobuf::Timestamp at;
  return TimeUtil::FromString(time, &at) ? local_text(TimeUtil::TimestampToMilliseconds(at)) : "no date";
}

/// When it is said: now, or where time comes from events, a moment after what they have reached.
std::string moment(HttpClient& client, const ReleaseWords& words) {
  if (!words.at.empty()) return words.at;
  auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  const TimeMs now = std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count();
  const bool all = words.awarding_organisation == "*";
  Json stands = all ? Json::parse(expect_ok(client.get("/v1/overview"))) : released(client, words);
  google::protobuf::Timestamp reached;
  if (stands.value("timeSource", "") != "event" || !TimeUtil::FromString(text_at(stands, "time"), &reached)) return utc_text(now);
  return utc_text(TimeUtil::TimestampToMilliseconds(reached) + 1);
}

/// The level's release as it stands.
Json level_of(const Json& stands, const std::string& level) {
  for (const Json& one : stands.at("releases"))
    if (text_at(one, "level") == level) return one;
  throw std::runtime_error("No calendar and no plan is known of " + level + "; levels are LEVEL_3, LEVEL_2, LEVEL_1_2 and LEVEL_OTHER.");
}

int say(HttpClient& client, const ReleaseWords& words, const char* fact, Json content) {
  Json event{{"id", "release-" + random_hex(8)}, {"source", "resultsctl"}, {"occurredAt", moment(client, words)}, {fact, std::move(content)}};
  Json answer = Json::parse(expect_ok(client.post("/v1/events", "application/json", event.dump())));
  int code = 0;
  for (const Json& one : answer.at("events")) {
    const std::string outcome = text_at(one, "outcome");
    if (outcome != "accepted" && outcome != "published") {
      std::cout << "It is " << outcome << ": " << text_at(one, "message") << "\n";
      code = 1;
    }
    if (!one.contains("warnings")) continue;
    for (const Json& warning : one.at("warnings")) std::cout << text_at(warning, "rule") << ": " << text_at(warning, "message") << "\n";
    code = 1;
  }
  return code;
}

Json about(const ReleaseWords& words) {
  return {{"centre", words.centre}, {"awardingOrganisation", words.awarding_organisation}, {"series", words.series}, {"level", words.level}};
}

/// `pilot=2024-08-05T06:00=12345,54321`; the rest: `rest=2024-08-08T06:00`.
Json wave_of(const std::string& text) {
  auto first = text.find('='), second = first == text.npos ? text.npos : text.find('=', first + 1);
  if (first == text.npos)
    throw std::runtime_error("--wave " + text + ": give NAME=TIME=CENTRE,CENTRE, as pilot=2024-08-05T06:00=12345,54321; the last without centres.");
  Json wave{{"name", text.substr(0, first)}, {"firstIssueAt", text.substr(first + 1, second == text.npos ? text.npos : second - first - 1)}};
  wave["centres"] = Json::array();
  if (second == text.npos) return wave;
  std::string rest = text.substr(second + 1);
  while (!rest.empty()) {
    auto comma = rest.find(',');
    wave["centres"].push_back(rest.substr(0, comma));
    rest = comma == rest.npos ? "" : rest.substr(comma + 1);
  }
  return wave;
}

void print_release(const Json& one, bool by_centre) {
  const Json& policy = one.at("policy");
  const std::string plan = text_at(one, "plan");
  std::cout << "\n" << text_at(one, "level") << ": ";
  if (plan.empty())
    std::cout << "no plan";
  else
    std::cout << "plan " << plan << (text_at(one, "saidBy").empty() ? "" : ", by " + text_at(one, "saidBy"));
  std::cout << "\n  " << (one.value("approved", false) ? "approved" : "NOT APPROVED: nothing goes") << ", " << one.at("approvedBy").size() << " of "
            << policy.value("approvals", 0) << (policy.value("approvals", 0) == 1 ? " person" : " people");
  for (const Json& person : one.at("approvedBy")) std::cout << "; " << person.get<std::string>();
  std::cout << "\n";
  for (const Json& override : one.at("overrides"))
    std::cout << "  overridden: " << text_at(override, "check") << " by " << text_at(override, "saidBy") << ": " << text_at(override, "reason")
              << "\n";
  for (const Json& gates : one.at("gates"))
    if (!gates.value("confirmed", false))
      std::cout << "  gates of calendar " << text_at(gates, "plan") << ": centre " << when_text(text_at(gates, "centreRelease")) << ", learner "
                << when_text(text_at(gates, "learnerRelease")) << "; " << gates.at("approvedBy").size() << " of 2 approvers confirmed them\n";
  auto count = [](const Json& json, const char* name) { return grouped(json.value(name, std::int64_t{0})); };
  Table waves({"wave", "goes at", "centres", "stopped", "results", "issued", "evidence", "claim", "assurance", "result missing"});
  for (const Json& wave : one.at("waves")) {
    const Json& missing = wave.at("missing");
    waves.add({text_at(wave, "name"), when_text(text_at(wave, "goesAt")), count(wave, "centres"), count(wave, "centresStopped"),
               count(wave, "results"), count(wave, "issued"), count(missing, "evidence"), count(missing, "claim"), count(missing, "assurance"),
               count(missing, "result")});
  }
  std::cout << waves.text(2);
  if (!by_centre) return;
  Table centres({"wave", "centre", "would get", "has", "missing", ""});
  for (const Json& wave : one.at("waves"))
    for (const Json& centre : wave.at("byCentre")) {
      std::int64_t missing = 0;
      for (const auto& [what, number] : centre.at("missing").items()) missing += number.get<std::int64_t>();
      centres.add({text_at(wave, "name"), text_at(centre, "centre"), count(centre, "results"), count(centre, "issued"), grouped(missing),
                   text_at(centre, "stoppedBy").empty() ? "" : "stopped by " + text_at(centre, "stoppedBy")});
    }
  if (!centres.empty()) std::cout << centres.text(2);
}

int print(const Json& stands, const ReleaseWords& words, bool by_centre) {
  if (words.json) {
    std::cout << stands.dump(2) << "\n";
    return 0;
  }
  std::cout << "Releases of " << text_at(stands, "awardingOrganisation") << ", " << text_at(stands, "series") << "\n";
  for (const Json& halt : stands.at("halts"))
    std::cout << "ISSUING IS HALTED for "
              << (text_at(halt, "awardingOrganisation") == "*" ? "all awarding organisations" : text_at(halt, "awardingOrganisation"))
              << (text_at(halt, "qualification").empty() ? "" : ", " + text_at(halt, "qualification")) << " since "
              << when_text(text_at(halt, "since")) << "\n";
  for (const Json& one : stands.at("releases"))
    if (words.level.empty() || words.level == text_at(one, "level")) print_release(one, by_centre);
  return 0;
}

/// What is approved: what was named, or as it stands now.
std::string digest_of(HttpClient& client, const ReleaseWords& words) {
  if (!words.plan.empty()) return words.plan;
  Json one = level_of(released(client, words), words.level);
  if (!words.calendar) {
    if (std::string plan = text_at(one, "plan"); !plan.empty()) return plan;
    throw std::runtime_error("There is no plan yet: resultsctl release plan.");
  }
  std::string open;
  for (const Json& gates : one.at("gates")) {
    if (gates.value("confirmed", false)) continue;
    if (!open.empty()) throw std::runtime_error("Several calendars are not confirmed; name one with --plan, as resultsctl release show lists them.");
    open = text_at(gates, "plan");
  }
  if (open.empty()) throw std::runtime_error("All calendars are confirmed.");
  return open;
}

}  // namespace

int release_show(HttpClient& client, const ReleaseWords& words) { return print(released(client, words), words, false); }
int release_dry_run(HttpClient& client, const ReleaseWords& words) { return print(released(client, words, "/dry-run"), words, true); }

int release_plan(HttpClient& client, const ReleaseWords& words) {
  Json fact = about(words);
  fact["everyHours"] = words.every_hours;
  if (!words.waves.empty()) fact["waves"] = Json::array();
  for (const std::string& text : words.waves) fact["waves"].push_back(wave_of(text));
  if (words.first.empty() && words.waves.empty()) throw std::runtime_error("Give --first, or waves with their times.");
  fact["firstIssueAt"] = words.first.empty() ? text_at(fact["waves"].front(), "firstIssueAt") : words.first;
  int code = say(client, words, "releasePlanned", std::move(fact));
  if (code == 0)
    std::cout << "Planned. It waits for its approvals: resultsctl release show " << words.awarding_organisation << " " << words.series << "\n";
  return code;
}

int release_approve(HttpClient& client, const ReleaseWords& words, bool withdrawn) {
  Json fact = about(words);
  const std::string digest = digest_of(client, words);
  fact["plan"] = digest;
  fact["approver"] = words.name;
  fact["withdrawn"] = withdrawn;
  int code = say(client, words, "releaseApproved", std::move(fact));
  if (code == 0) std::cout << (withdrawn ? "Withdrawn: your approval of " : "Approved: ") << digest << "\n";
  return code;
}

int release_override(HttpClient& client, const ReleaseWords& words) {
  Json fact = about(words);
  fact["plan"] = words.plan.empty() ? text_at(level_of(released(client, words), words.level), "plan") : words.plan;
  fact["check"] = words.check;
  fact["reason"] = words.reason;
  int code = say(client, words, "releaseOverridden", std::move(fact));
  if (code == 0) std::cout << "Overridden: " << words.check << " stops nothing of this plan any more.\n";
  return code;
}

int release_halt(HttpClient& client, const ReleaseWords& words, bool halted) {
  Json fact{{"centre", words.centre}, {"awardingOrganisation", words.awarding_organisation}, {"series", words.series}, {"halted", halted}};
  fact["reason"] = words.reason;
  if (!words.qualification.empty()) fact["qualification"] = words.qualification;
  int code = say(client, words, "issuingHalted", std::move(fact));
  if (code == 0)
    std::cout << (halted ? "Halted: nothing is issued, and nothing issued is shown, until it is resumed.\n"
                         : "Resumed, as far as this halt goes; others may stand: resultsctl status\n");
  return code;
}

}  // namespace vtq::ctl
