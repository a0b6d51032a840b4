#include <algorithm>
#include <charconv>

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

/// On Kafka, where a page ends: the time of its last record in milliseconds, and its id, as `1691496000000.17-3`. An id alone would not say
/// to other instances where to go on.
std::string text_of_place(const v1::Rejected& record) { return std::to_string(time_of(record.rejected_at())) + "." + record.id(); }

std::optional<RejectedPlace> parse_place(std::string_view text) {
  auto dot = text.find('.');
  TimeMs at_ms = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + std::min(dot, text.size()), at_ms);
  if (dot == text.npos || error != std::errc{} || end != text.data() + dot) return std::nullopt;
  return place_of(text.substr(dot + 1), at_ms);
}

bool newer(const std::string& a, const std::string& b) { return parse_place(a) > parse_place(b); }

}  // namespace

HttpReply Reads::rejected_records(const HttpRequest& request) {
  Query query(request, {"limit", "before", "open"});
  auto limit = static_cast<std::size_t>(query.number("limit", 1, 1000, 100));
  bool open = query.flag("open").value_or(false);
  std::string text = query.text("before");
  auto before = forward_ ? parse_place(text) : std::nullopt;
  if (forward_ && !before && !text.empty()) query.fail("before", text, "Give the `next` of the page before, as it came.");
  if (query.wrong()) return reply_with(*query.wrong());
  auto gather = [&] {
    PagePart page{.items = {}, .limit = limit, .before = newer};
    const Store& store = engine_.store();
    for (const v1::Rejected& record : forward_ ? store.rejected_records_by_time(before, limit, open) : store.rejected_records(text, limit, open))
      page.items.push_back({forward_ ? text_of_place(record) : record.id(), "{" + summary(record) + "}"});
    return page;
  };
  return over_all<PagePart>(request, gather,
                            [&](const PagePart& page) { return page_reply(request, page, {.member = "rejected", .name = "before"}); });
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
