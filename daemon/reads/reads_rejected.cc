#include <algorithm>
#include <charconv>

#include "daemon/intake/event_bodies.h"
#include "daemon/intake/event_json.h"
#include "daemon/process/log.h"
#include "daemon/reads/reads.h"
#include "pipeline/intake/check.h"
#include "pipeline/kinds/hidden_grades.h"

namespace vtq {
namespace {

/// All of a rejected record but the record.
std::string summary(const v1::Rejected& record) {
  std::string text = "\"id\":" + json_string(record.id()) + ",\"topic\":" + json_string(record.topic()) +
                     ",\"field\":" + json_string(record.field()) + ",\"rule\":" + json_string(record.rule()) +
                     ",\"value\":" + json_string(record.value()) + ",\"message\":" + json_string(record.message()) + ",\"rejectedAt\":\"" +
                     utc_text(time_of(record.rejected_at())) + "\"";
  text += ",\"replayedAt\":" + (record.has_replayed_at() ? "\"" + utc_text(time_of(record.replayed_at())) + "\"" : "null");
  return text;
}

/// Where it came from, and what it was like where only its beginning was kept.
std::string place_json(const v1::Rejected& record) {
  std::string text = "\"origin\":null";
  if (record.has_origin())
    text = "\"origin\":{\"topic\":" + json_string(record.origin().topic()) + ",\"partition\":" + std::to_string(record.origin().partition()) +
           ",\"offset\":" + std::to_string(record.origin().offset()) + "}";
  if (!record.has_whole()) return text + ",\"whole\":null";
  // No checksum: it would tell a grade in the record to whoever tries all that there are.
  return text + ",\"whole\":{\"bytes\":" + std::to_string(record.whole().bytes()) +
         ",\"valueBytes\":" + std::to_string(record.whole().value_bytes()) + "}";
}

std::string backup_json(const BackupInfo& backup) {
  return "{\"id\":" + std::to_string(backup.id) + ",\"madeAt\":\"" + utc_text(backup.made_ms) + "\",\"bytes\":" + std::to_string(backup.bytes) +
         ",\"upTo\":\"" + utc_text(backup.commit_ms) + "\",\"damage\":" + (backup.damage.empty() ? std::string("null") : json_string(backup.damage)) +
         "}";
}

/// Whether it has what only a later version reads: nobody here knows which of that is a grade.
bool has_unknown_fields(const v1::Event& event) {
  v1::Event known = event;
  known.DiscardUnknownFields();
  return known.ByteSizeLong() != event.ByteSizeLong();
}

/// Protobuf's JSON mapping of bytes is base64.
std::string base64_json(const std::string& bytes) {
  v1::Rejected carrier;
  carrier.set_original(bytes);
  std::string whole = json_of(carrier);
  auto begin = whole.find("\"original\":") + std::string_view("\"original\":").size();
  return whole.substr(begin, whole.find('"', begin + 1) - begin + 1);
}

HttpReply no_backups() {
  return reply_with({409, "No backups", "No directory for backups is configured; set backup.directory and start resultsd again.", "backup.directory",
                     "backup-configured"});
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

/// Whether the grades in a rejected record may be read: those of an entry whose results its centre may see.
bool Reads::may_be_seen(const v1::Rejected& record) {
  ReadEvent read = record.json() ? read_json_event(record.original()) : read_protobuf_event(record.original());
  v1::Event event;
  if (read.submitted.unreadable || !event.ParseFromString(read.submitted.event)) return false;
  auto address = check_stored(event);
  if (!address || address.value().subject != Subject::entry) return false;
  ReadModel::Visit visit = begin_visit_now();
  return look(visit, [to = address.value(), time = gate_time()](Pipeline& pipeline) {
    const Qualification* qualification = pipeline.reference().qualification(to.entry.qualification);
    // What is known of the entry is known where its centre is.
    if (!qualification || !pipeline.owns(pipeline.partition_of(to.centre))) return false;
    Partition& partition = pipeline.partition(pipeline.partition_of(to.centre));
    GateTime now = time;
    if (now.logical_ms) now.logical_ms = partition.time();
    try {
      static const Centre kNone{};
      const Centre* centre = partition.centre(to.centre);
      return partition.may_show(centre ? *centre : kNone, to.entry, *qualification, now);
    } catch (const CentreSetAside&) {
      return false;
    }
  });
}

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
  bool may_see = may_be_seen(*record);
  std::string original = "null";
  bool hidden = false;
  v1::Event event;
  if (record->json() && read_event_json(record->original(), event)) {
    // A grade may stand anywhere in it.
    hidden = true;
    original = json_string(who_and_what(record->original()));
  } else if (record->json()) {
    std::string_view text = record->original();
    std::string_view shown = may_see ? text : before_grades(text);
    hidden = shown.size() < text.size();
    original = json_string(std::string(shown) + (hidden ? std::string(kNotShown) : ""));
  } else if (event.ParseFromString(record->original())) {
    hidden = !may_see && (hide_grades(event) || has_unknown_fields(event));
    original = json_of(event);
  } else {
    hidden = true;  // nobody knows which of the bytes are a grade
  }
  return {200, "application/json",
          "{" + summary(*record) + ",\"json\":" + (record->json() ? "true" : "false") + "," + place_json(*record) + ",\"original\":" + original +
              ",\"originalBase64\":" + (hidden ? "null" : base64_json(record->original())) + ",\"gradesHidden\":" + (hidden ? "true" : "false") +
              "}\n"};
}

HttpReply Reads::backups(const HttpRequest& request) {
  Query query(request, {});
  if (query.wrong()) return reply_with(*query.wrong());
  auto directory = settings_.backups();
  if (directory.empty()) return no_backups();
  std::string body = "{\"directory\":" + json_string(directory.string()) + ",\"backups\":[";
  bool first = true;
  for (const BackupInfo& backup : Store::backups(directory)) body += (std::exchange(first, false) ? "" : ",") + backup_json(backup);
  return {200, "application/json", body + "]}\n"};
}

HttpReply Reads::make_backup(const HttpRequest& request) {
  Query query(request, {});
  if (query.wrong()) return reply_with(*query.wrong());
  auto directory = settings_.backups();
  if (directory.empty()) return no_backups();
  BackupInfo backup = engine_.store().backup(
      directory, {static_cast<std::size_t>(settings_.backup_count_max), static_cast<TimeMs>(settings_.backup_days_max * static_cast<double>(kDayMs))},
      clock_.now());
  log::write(log::Level::info, "backup made", {{"id", std::int64_t{backup.id}}, {"bytes", static_cast<std::int64_t>(backup.bytes)}});
  return {201, "application/json", backup_json(backup) + "\n"};
}

}  // namespace vtq
