#include "daemon/event_bodies.h"
#include "daemon/log.h"
#include "daemon/reads.h"

namespace vtq {
namespace {

/// All of a rejected record but the record.
std::string summary(const v1::Rejected& record) {
  std::string text = "\"id\":" + json_string(record.id()) + ",\"topic\":" + json_string(record.topic()) +
                     ",\"field\":" + json_string(record.field()) + ",\"rule\":" + json_string(record.rule()) +
                     ",\"value\":" + json_string(record.value()) + ",\"message\":" + json_string(record.message()) +
                     ",\"rejectedAt\":\"" + utc_text(time_of(record.rejected_at())) + "\"";
  text += ",\"replayedAt\":" + (record.has_replayed_at() ? "\"" + utc_text(time_of(record.replayed_at())) + "\"" : "null");
  return text;
}

std::string backup_json(const BackupInfo& backup) {
  return "{\"id\":" + std::to_string(backup.id) + ",\"madeAt\":\"" + utc_text(backup.made_ms) +
         "\",\"bytes\":" + std::to_string(backup.bytes) + "}";
}

HttpReply no_backups() {
  return reply_with({409, "No backups", "No directory for backups is configured; set backup.directory and start resultsd again.",
                     "backup.directory", "backup-configured"});
}

}  // namespace

HttpReply Reads::rejected_records(const HttpRequest& request) {
  Query query(request, {"limit", "before", "open"});
  auto limit = static_cast<std::size_t>(query.number("limit", 1, 1000, 100));
  bool open = query.flag("open").value_or(false);
  if (query.wrong()) return reply_with(*query.wrong());
  auto records = engine_.store().rejected_records(query.text("before"), limit, open);
  std::string next = records.size() == limit ? records.back().id() : "";
  std::string body = "{\"rejected\":[";
  for (std::size_t at = 0; at < records.size(); ++at) body += (at ? ",{" : "{") + summary(records[at]) + "}";
  body += "],\"next\":" + (next.empty() ? "null" : json_string(next)) + "}\n";
  HttpReply reply{200, "application/json", std::move(body)};
  if (!next.empty()) reply.headers.push_back(link_to_next(request, "before", next));
  return reply;
}

HttpReply Reads::rejected_record(const HttpRequest& request) {
  Query query(request, {});
  if (query.wrong()) return reply_with(*query.wrong());
  auto record = engine_.store().rejected_record(request.parameters[0]);
  if (!record) return not_found("There is no such rejected record.", "id", "rejected-known", request.parameters[0]);
  std::string original = "null";
  v1::Event event;
  if (record->json())
    original = json_string(record->original());
  else if (event.ParseFromString(record->original()))
    original = json_of(event);
  // Protobuf's JSON mapping of bytes is base64.
  v1::Rejected bytes;
  bytes.set_original(record->original());
  std::string whole = json_of(bytes);
  auto begin = whole.find("\"original\":") + std::string_view("\"original\":").size();
  std::string base64 = whole.substr(begin, whole.find('"', begin + 1) - begin + 1);
  return {200, "application/json",
          "{" + summary(*record) + ",\"json\":" + (record->json() ? "true" : "false") + ",\"original\":" + original +
              ",\"originalBase64\":" + base64 + "}\n"};
}

HttpReply Reads::backups(const HttpRequest& request) {
  Query query(request, {});
  if (query.wrong()) return reply_with(*query.wrong());
  auto directory = settings_.backups();
  if (directory.empty()) return no_backups();
  std::string body = "{\"directory\":" + json_string(directory.string()) + ",\"backups\":[";
  bool first = true;
  if (std::filesystem::exists(directory))
    for (const BackupInfo& backup : Store::backups(directory)) body += (std::exchange(first, false) ? "" : ",") + backup_json(backup);
  return {200, "application/json", body + "]}\n"};
}

HttpReply Reads::make_backup(const HttpRequest& request) {
  Query query(request, {});
  if (query.wrong()) return reply_with(*query.wrong());
  auto directory = settings_.backups();
  if (directory.empty()) return no_backups();
  BackupInfo backup = engine_.store().backup(directory);
  log::write(log::Level::info, "backup made", {{"id", std::int64_t{backup.id}}, {"bytes", static_cast<std::int64_t>(backup.bytes)}});
  return {201, "application/json", backup_json(backup) + "\n"};
}

}  // namespace vtq
