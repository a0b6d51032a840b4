#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "daemon/ctl/commands.h"
#include "daemon/ctl/output.h"
#include "pipeline/base/uk_time.h"

namespace vtq::ctl {
namespace {

using Json = nlohmann::ordered_json;

Json fetch(HttpClient& client, const std::string& target) { return Json::parse(expect_ok(client.get(target))); }

std::string lower_words(std::string text) {
  for (char& c : text) c = c == '_' ? ' ' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

/// `2023-08-17T07:00:00Z` to `17 Aug 2023, 08:00`: the field's times are Europe/London.
std::string time_text(const std::string& at) {
  google::protobuf::Timestamp parsed;
  if (!google::protobuf::util::TimeUtil::FromString(at, &parsed)) return at;
  return local_text(google::protobuf::util::TimeUtil::TimestampToMilliseconds(parsed));
}

std::string text_at(const Json& object, const char* name) {
  auto at = object.find(name);
  if (at == object.end() || at->is_null()) return "";
  return at->is_string() ? at->get<std::string>() : at->dump();
}

/// `LEVEL_1_2` as people write it: `1/2`.
std::string level_text(const Json& one) {
  std::string level = lower_words(text_at(one, "level")).substr(6);
  std::replace(level.begin(), level.end(), ' ', '/');
  return level;
}

std::string count_text(const Json& object, const char* name) { return grouped(object.value(name, std::int64_t{0})); }

void print_counts(const Json& from) {
  Table table({"", "entries"});
  for (auto [title, member] : {std::pair{"stage", "byStage"}, {"need", "byNeed"}, {"band", "byBand"}, {"reason", "byReason"}})
    for (const auto& [value, entries] : from.at(member).items())
      table.add({std::string(title) + " " + (member == std::string("byReason") ? value : lower_words(value)), grouped(entries.get<std::int64_t>())});
  if (table.empty())
    std::cout << "  No entries yet. Publish some: resultsctl publish FILE.\n";
  else
    std::cout << table.text(2);
}

/// Dates that several awarding organisations share stand in one line.
void print_deadlines(const Json& deadlines) {
  struct Line {
    std::string what, series, at, left;
    std::set<std::string> levels, awarding_organisations;
  };
  std::vector<Line> lines;
  for (const Json& one : deadlines) {
    std::string what = lower_words(text_at(one, "deadline")), series = text_at(one, "series"), at = time_text(text_at(one, "at"));
    auto held =
        std::find_if(lines.begin(), lines.end(), [&](const Line& line) { return line.what == what && line.series == series && line.at == at; });
    if (held == lines.end()) held = lines.insert(held, {what, series, at, span_text(one.value("secondsLeft", std::int64_t{0})), {}, {}});
    held->levels.insert(level_text(one));
    held->awarding_organisations.insert(text_at(one, "awardingOrganisation"));
  }
  Table table({"next dates", "series", "level", "awarding organisations", "at", "left"});
  for (const Line& line : lines) {
    std::string levels;
    for (const std::string& level : line.levels) levels += (levels.empty() ? "" : ", ") + level;
    std::string awarding_organisations =
        line.awarding_organisations.size() == 1 ? *line.awarding_organisations.begin() : std::to_string(line.awarding_organisations.size());
    table.add({line.what, line.series, levels, awarding_organisations, line.at, line.left});
  }
  if (!table.empty()) std::cout << "\n" << table.text(2);
}

std::string entry_text(const Json& ref) {
  // Where the number is masked, what stands for it: `resultsctl entry` takes it too.
  const std::string handle = text_at(ref, "learnerHandle");
  return text_at(ref, "centre") + " " + text_at(ref, "qualification") + " " + text_at(ref, "series") + " " + text_at(ref, "learner") +
         (handle.empty() ? "" : " " + handle);
}

std::string step_text(const Json& status) {
  std::string text = lower_words(text_at(status, "nextStep"));
  if (text == "step none") return "nothing";
  std::string owner = lower_words(text_at(status, "nextOwner")), due = text_at(status, "nextDueAt");
  if (owner != "owner none") text += ", by the " + owner;
  if (!due.empty()) text += ", due " + time_text(due);
  return text;
}

void print_status(const Json& status) {
  std::string stage = lower_words(text_at(status, "stage"));
  std::string reason = text_at(status, "reason");
  if (!reason.empty()) reason = reason == "REASON_NONE" ? "" : " (" + reason + ")";
  std::cout << entry_text(status.at("entry")) << "  " << lower_words(text_at(status, "band")) << reason << ", " << stage << "\n";
  if (std::string why = text_at(status, "why"); !why.empty()) std::cout << "  " << why << "\n";
  if (std::string step = step_text(status); step != "nothing") std::cout << "  next: " << step << "\n";
}

std::string join(const Json& list) {
  std::string text;
  for (const Json& one : list) text += (text.empty() ? "" : ", ") + one.get<std::string>();
  return text;
}

/// `0-3, 7`.
std::string ranges_text(const Json& numbers) {
  std::string text;
  for (std::size_t at = 0; at < numbers.size(); ++at) {
    std::uint64_t first = numbers[at], last = first;
    while (at + 1 < numbers.size() && numbers[at + 1].get<std::uint64_t>() == last + 1) last = numbers[++at];
    text += (text.empty() ? "" : ", ") + std::to_string(first) + (last > first ? "-" + std::to_string(last) : "");
  }
  return text;
}

}  // namespace

std::string expect_ok(const HttpReply& reply) {
  if (reply.status < 300) return reply.body;
  Json problem = Json::parse(reply.body, nullptr, false);
  if (problem.is_discarded() || !problem.is_object()) throw std::runtime_error("resultsd answered " + std::to_string(reply.status) + ".");
  std::string text = text_at(problem, "title") + ": " + text_at(problem, "detail");
  if (std::string rule = text_at(problem, "rule"); !rule.empty()) {
    text += " [" + rule;
    if (std::string field = text_at(problem, "field"); !field.empty()) text += ", " + field;
    if (std::string value = text_at(problem, "value"); !value.empty()) text += ": " + value;
    text += "]";
  }
  throw std::runtime_error(text);
}

int status(HttpClient& client, bool json) {
  Json overview = fetch(client, "/v1/overview?partial=1");
  // What another instance has and does not tell is named, and the rest is shown.
  const Json& missing = overview.at("missing");
  int code = missing.at("partitions").empty() ? 0 : 1;
  overview["clockDoubt"] = clock_doubt(client);
  if (json) {
    std::cout << overview.dump(2) << "\n";
    return code;
  }
  if (std::string doubt = overview["clockDoubt"]; !doubt.empty())
    std::cout << "THE CLOCK IS DOUBTED: time stands still and gates are shut.\n" << doubt << "\n\n";
  if (code != 0) std::cout << "NOT COUNTED: partitions " << ranges_text(missing.at("partitions")) << ".";
  for (const Json& one : missing.at("instances")) std::cout << " " << text_at(one, "why");
  if (code != 0) std::cout << "\n\n";
  std::string time = text_at(overview, "time");
  std::cout << count_text(overview, "entries") << " entries at " << count_text(overview, "centres") << " centres, " << count_text(overview, "late")
            << " late, as of " << (time.empty() ? "no time yet" : time_text(time))
            << (overview.value("timeSource", "") == "event" ? " (event time)" : "") << "\n";
  std::cout << count_text(overview, "batches") << " batches issued, " << count_text(overview, "waitingFacts") << " facts waiting, "
            << count_text(overview, "rejected") << " records rejected\n";
  for (const Json& halt : overview.at("halts")) {
    std::string centre = text_at(halt, "centre");
    std::string organisation = text_at(halt, "awardingOrganisation"), qualification = text_at(halt, "qualification");
    std::cout << "ISSUING IS HALTED for " << (organisation == "*" ? "all awarding organisations" : organisation)
              << (qualification.empty() ? "" : ", " + qualification + ",") << " in " << text_at(halt, "series") << " "
              << (centre == "*" ? "at all centres" : "at centre " + centre) << " since " << time_text(text_at(halt, "since"))
              << ": nothing is issued, and nothing issued is shown.\n";
  }
  if (overview.value("resultsWithheld", std::int64_t{0}) > 0) {
    std::cout << count_text(overview, "resultsWithheld") << " results issued are withheld; see resultsctl entry for each, and resultsctl batches.\n";
  }
  std::cout << "\n";
  print_counts(overview);
  Table organisations({"awarding organisation", "", "entries", "issued", "watch", "at risk", "late"});
  for (const Json& one : overview.at("awardingOrganisations"))
    organisations.add({text_at(one, "awardingOrganisation"), text_at(one, "name"), count_text(one, "entries"), count_text(one, "issued"),
                       count_text(one, "watch"), count_text(one, "atRisk"), count_text(one, "late")});
  if (!organisations.empty()) std::cout << "\n" << organisations.text(2);
  print_deadlines(overview.at("nextDeadlines"));
  return code;
}

int entries_at_risk(HttpClient& client, std::size_t count, bool json) {
  constexpr std::size_t kLookedAt = 1000;
  Json shown = Json::array();
  // Late and still due first, then those that may become late; within a band those who need the result to progress, and each reason
  // once before any comes again.
  for (const char* band : {"LATE", "AT_RISK", "WATCH"}) {
    if (shown.size() >= count) break;
    Json page = fetch(client, "/v1/entries?band=" + std::string(band) + "&limit=" + std::to_string(std::max(count, kLookedAt)));
    std::map<std::string, std::size_t> seen_with_reason;
    std::vector<std::pair<std::pair<std::size_t, bool>, Json>> ranked;
    for (bool critical : {true, false})
      for (Json& one : page.at("entries"))
        if ((text_at(one, "need") == "PROGRESSION_CRITICAL") == critical)
          ranked.emplace_back(std::pair(seen_with_reason[text_at(one, "reason")]++, !critical), std::move(one));
    std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (auto& [rank, one] : ranked)
      if (shown.size() < count) shown.push_back(std::move(one));
  }
  if (json) {
    std::cout << shown.dump(2) << "\n";
    return 0;
  }
  for (const Json& one : shown) print_status(one);
  if (shown.empty()) std::cout << "No entry is late, at risk or to be watched.\n";
  return 0;
}

int entry(HttpClient& client, const std::string& centre, const std::string& qualification, const std::string& series, const std::string& learner,
          bool json) {
  std::string target = "/v1/entries";
  for (const std::string& part : {centre, qualification, series, learner}) target += "/" + percent_encode(part);
  Json found = fetch(client, target);
  if (json) {
    std::cout << found.dump(2) << "\n";
    return 0;
  }
  const Json& status = found.at("status");
  const Json& facts = found.at("facts");
  std::cout << entry_text(status.at("entry")) << "\n";
  auto flag = [&](const char* name) { return facts.value(name, false) ? "yes" : "no"; };
  std::string claimed = flag("claimed");
  if (std::string at = text_at(facts, "claimedAt"); !at.empty()) claimed += ", " + time_text(at);
  Table table({"awarding organisation", text_at(status, "awardingOrganisation")});
  table.add({"stage", lower_words(text_at(status, "stage"))});
  table.add({"need", lower_words(text_at(status, "need")) + (status.value("treatedAsCritical", false) ? " (treated as critical)" : "")});
  table.add({"band", lower_words(text_at(status, "band"))});
  table.add({"why", text_at(status, "why")});
  if (std::string reason = text_at(status, "reason"); reason != "REASON_NONE") table.add({"reason", reason + ", " + text_at(found, "reasonText")});
  table.add({"next", step_text(status)});
  table.add({"issue deadline", time_text(text_at(status, "issueDeadline"))});
  if (const Json& units = status.at("outstandingUnits"); !units.empty()) table.add({"outstanding units", join(units)});
  if (auto obstacles = status.find("obstacles"); obstacles != status.end())
    for (const Json& one : *obstacles) table.add({"in the way", text_at(one, "text") + " (" + text_at(one, "rule") + ")"});
  if (std::string kind = text_at(status, "mitigation"); !kind.empty() && kind != "KIND_UNSPECIFIED") {
    std::string expected = text_at(status, "expectedAt");
    table.add({"mitigation", lower_words(kind) + (expected.empty() ? "" : ", expected by " + time_text(expected))});
  }
  if (std::string basis = text_at(status, "basis"); !basis.empty() && basis != "BASIS_UNSPECIFIED" && basis != "ORDINARY")
    table.add({"basis", lower_words(basis)});
  if (std::string batch = text_at(status, "batch"); !batch.empty()) {
    std::string at = text_at(status, "batchIssuedAt"), first = text_at(status, "issuedAt");
    table.add({"batch", batch + ", " + time_text(at) + (first == at ? "" : " (first issued " + time_text(first) + ")")});
  }
  table.add({"registered", time_text(text_at(facts, "registeredAt"))});
  table.add({"checkpoint answer", facts.at("checkpointAnswer").is_null() ? "none" : lower_words(text_at(facts, "checkpointAnswer"))});
  table.add({"units recorded", text_at(facts, "unitsRecorded")});
  table.add({"claimed", claimed});
  table.add({"result determined", flag("resultDetermined")});
  std::cout << table.text(2);
  return 0;
}

int centre(HttpClient& client, const std::string& centre, bool json) {
  Json found = fetch(client, "/v1/centres/" + percent_encode(centre));
  if (json) {
    std::cout << found.dump(2) << "\n";
    return 0;
  }
  std::cout << text_at(found, "centre") << " " << text_at(found, "name") << ": " << count_text(found, "entries") << " entries, "
            << count_text(found, "late") << " late, " << count_text(found, "batches") << " batches, " << count_text(found, "waitingFacts")
            << " facts waiting\n\n";
  print_counts(found);
  return 0;
}

int approval(HttpClient& client, const std::string& qualification, bool json) {
  std::string number = qualification;
  std::erase(number, '/');
  Json found = fetch(client, "/v1/qualifications/" + percent_encode(number) + "/approval");
  if (json) {
    std::cout << found.dump(2) << "\n";
    return 0;
  }
  auto or_open = [&](const char* name) { return text_at(found, name).empty() ? std::string("no limit") : text_at(found, name); };
  std::cout << text_at(found, "qualification") << " " << text_at(found, "title") << "\n";
  Table dates({"registration from", or_open("registrationFrom")});
  dates.add({"last registration", or_open("lastRegistrationOn")});
  dates.add({"last certification", or_open("lastCertificationOn")});
  std::cout << dates.text(2);
  if (found.at("approvals").empty()) std::cout << "  No approval is needed.\n";
  for (const Json& one : found.at("approvals")) {
    std::cout << "\n";
    std::string needed = one.value("needed", false) ? "" : " (not needed)";
    Table table({text_at(one, "body") == "IFATE" ? "IfATE" : "Ofqual", text_at(one, "stage") + needed});
    table.add({"", text_at(one, "text")});
    for (auto [title, member] : {std::pair{"category", "category"},
                                 {"area", "area"},
                                 {"occupational standard", "occupationalStandard"},
                                 {"withdrawn because", "withdrawalReason"}})
      if (std::string text = text_at(one, member); !text.empty()) table.add({title, text});
    for (auto [title, member] : {std::pair{"missing documents", "missingDocuments"}, {"unmapped duties", "unmappedDuties"}, {"funding", "funding"}})
      if (const Json& list = one.at(member); !list.empty()) table.add({title, join(list)});
    std::cout << table.text(2);
    Table coverage({"statement", "covered by"});
    for (const Json& covered : one.at("coverage"))
      coverage.add({text_at(covered, "statement"), covered.at("coveredBy").empty() ? "nothing" : join(covered.at("coveredBy"))});
    if (!coverage.empty()) std::cout << "\n" << coverage.text(4);
  }
  return 0;
}

int scrutiny(HttpClient& client, const std::string& centre, bool json) {
  Json found = fetch(client, "/v1/centres/" + percent_encode(centre) + "/scrutiny");
  if (json) {
    std::cout << found.dump(2) << "\n";
    return 0;
  }
  if (found.at("qualifications").empty()) std::cout << "Nothing is asked of centre " << text_at(found, "centre") << ".\n";
  for (const Json& one : found.at("qualifications")) {
    std::string next = lower_words(text_at(one, "nextMonitoring")), due = text_at(one, "nextMonitoringDueOn");
    std::cout << text_at(one, "qualification") << " " << text_at(one, "title") << "\n";
    std::string last = text_at(one, "lastMonitoringOn");
    std::cout << "  approval: " << (one.value("approvalInOrder", false) ? "in order" : "missing")
              << "; direct claims: " << (one.value("directClaims", false) ? "yes, " : "no, ") << text_at(one, "directClaimsWhy")
              << "; last monitoring: " << (last.empty() ? "none" : last)
              << "; next: " << (next.empty() ? "not asked for" : next + (due.empty() ? ", before the first claims" : ", by " + due)) << "\n";
    for (const Json& required : one.at("requirements")) std::cout << "  - " << text_at(required, "text") << "\n";
    for (const Json& visit : one.at("planned")) {
      std::cout << "  " << text_at(visit, "text") << "\n";
      Table sample({"learner", "series", "why"});
      for (const Json& learner : visit.at("sample"))
        sample.add({text_at(learner, "learner"), text_at(learner, "series"), text_at(learner, "reason")});
      if (!sample.empty()) std::cout << sample.text(4);
    }
    std::cout << "\n";
  }
  return 0;
}

namespace {

/// A count, and how it moved against the three months before.
std::string moved(const Json& counted) {
  std::string trend = text_at(counted, "trend");
  return grouped(counted.at("count").get<std::int64_t>()) + (trend == "-" ? "" : " (" + trend + ")");
}

std::string activity_text(const Json& report) {
  Table table({"", "registrations", "claims", "certifications", "withdrawals", ""});
  for (const Json& one : report.at("qualifications"))
    table.add({text_at(one, "qualification"), moved(one.at("registrations")), moved(one.at("claims")), moved(one.at("certifications")),
               moved(one.at("withdrawals")), text_at(one, "title")});
  std::string head = "Centre " + text_at(report, "centre") + " in " + text_at(report, "month");
  if (table.empty()) return head + ": no learner was ever registered here.\n";
  return head + "; in brackets: against the average of the three months before.\n" + table.text(2);
}

}  // namespace

int activity(HttpClient& client, const std::string& centre, const std::string& month, const std::string& format, const std::filesystem::path& out) {
  std::string target = "/v1/centres/" + percent_encode(centre) + "/activity?month=" + percent_encode(month);
  std::string report = expect_ok(client.get(target, format == "csv" ? "text/csv" : "application/json"));
  if (format == "text") report = activity_text(Json::parse(report));
  if (out.empty()) {
    std::cout << report;
    return 0;
  }
  std::ofstream file(out, std::ios::binary | std::ios::trunc);
  file << report;
  file.flush();
  if (!file) throw std::runtime_error(out.string() + ": the file cannot be written; check the directory and its permissions.");
  std::cout << "Activity of centre " << centre << " in " << month << " written to " << out.string() << ".\n";
  return 0;
}

int batches(HttpClient& client, const std::string& centre, const std::string& batch, bool json) {
  if (!batch.empty()) {
    std::cout << fetch(client, "/v1/batches/" + percent_encode(batch)).dump(2) << "\n";
    return 0;
  }
  Json all = Json::array(), gaps = Json::array();
  std::string target = "/v1/batches?limit=1000" + (centre.empty() ? "" : "&centre=" + percent_encode(centre));
  while (!target.empty()) {
    HttpReply reply = client.get(target);
    Json page = Json::parse(expect_ok(reply));
    for (Json& one : page.at("batches")) all.push_back(std::move(one));
    for (Json& one : page.value("gaps", Json::array())) gaps.push_back(std::move(one));
    target = next_link(reply);
  }
  if (json) {
    std::cout << all.dump(2) << "\n";
    return 0;
  }
  Table table({"batch", "kind", "level", "results", "late", "withheld", "issued", "centre may see"});
  for (const Json& one : all)
    table.add({text_at(one, "batch"), lower_words(text_at(one, "kind")), level_text(one), count_text(one, "resultCount"),
               count_text(one, "lateCount"), count_text(one, "withheldCount"), time_text(text_at(one, "issuedAt")),
               one.value("halted", false)       ? "not while issuing is halted"
               : one.contains("embargoedUntil") ? "from " + time_text(text_at(one, "embargoedUntil"))
                                                : "now"});
  if (table.empty())
    std::cout << "No batches yet" << (centre.empty() ? "" : " for centre " + centre) << ".\n";
  else
    std::cout << table.text();
  for (const Json& one : gaps) std::cout << text_at(one, "from") << ": " << text_at(one, "why") << "\n";
  return 0;
}

std::string state_of_instance(const std::string& url, const std::string& ca_file) {
  try {
    HttpClient client(url, {.ca_file = ca_file, .connect_max = std::chrono::milliseconds(1'000), .reply_max = std::chrono::milliseconds(2'000)});
    HttpReply ready = client.get("/readyz");
    if (ready.status == 200) return "ready";
    Json problem = Json::parse(ready.body, nullptr, false);
    return "not ready: " + (problem.is_object() ? text_at(problem, "detail") : std::to_string(ready.status));
  } catch (const Untrusted& error) {
    return error.what();
  } catch (const std::runtime_error&) {
    return "does not answer";
  } catch (const std::invalid_argument&) {
    return "has no address that can be asked";
  }
}

int instances(HttpClient& client, bool json) {
  client.reply_within(std::chrono::seconds(10));
  Json found = fetch(client, "/v1/instances");
  int code = 0;
  for (Json& one : found.at("instances")) {
    one["state"] = state_of_instance(text_at(one, "url"), client.ca_file());
    if (one["state"] != "ready") code = 1;
  }
  if (json) {
    std::cout << found.dump(2) << "\n";
    return code;
  }
  Table table({"instance", "url", "partitions", "state", ""});
  std::size_t held = 0;
  for (const Json& one : found.at("instances")) {
    held += one.at("partitions").size();
    table.add({text_at(one, "instance"), text_at(one, "url"), ranges_text(one.at("partitions")), text_at(one, "state"),
               one.value("answered", false) ? "answered" : ""});
  }
  std::cout << table.text();
  if (std::size_t all = found.at("partitions"); held < all) std::cout << all - held << " of " << all << " partitions are on the move.\n";
  return code;
}

int rejected_list(HttpClient& client, std::size_t count, bool open_only, bool json) {
  Json found = fetch(client, "/v1/rejected?limit=" + std::to_string(count) + (open_only ? "&open=1" : "")).at("rejected");
  if (json) {
    std::cout << found.dump(2) << "\n";
    return 0;
  }
  Table table({"id", "rejected", "rule", "field", "value", "replayed"});
  for (const Json& one : found) {
    std::string value = text_at(one, "value");
    if (value.size() > 40) value = value.substr(0, 37) + "...";
    table.add({text_at(one, "id"), time_text(text_at(one, "rejectedAt")), text_at(one, "rule"), text_at(one, "field"), value,
               time_text(text_at(one, "replayedAt"))});
  }
  if (table.empty())
    std::cout << "No rejected records" << (open_only ? " open" : "") << ".\n";
  else
    std::cout << table.text() << "\nresultsctl rejected show ID shows one whole; resultsctl rejected replay ID [--with FILE] sends it again.\n";
  return 0;
}

int rejected_show(HttpClient& client, const std::string& id) {
  std::cout << fetch(client, "/v1/rejected/" + percent_encode(id)).dump(2) << "\n";
  return 0;
}

}  // namespace vtq::ctl
