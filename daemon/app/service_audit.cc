// The audit over HTTP: what is on record before a route has a request or a client its answer, and reading the records.
#include <nlohmann/json.hpp>

#include "daemon/app/service.h"
#include "daemon/audit/acts_of_routes.h"
#include "daemon/process/log.h"

namespace vtq {
namespace {

/// Records read from the store at once, and looked at for one page.
constexpr std::size_t kLinesAtOnce = 500, kLookedAtMax = 20'000;
constexpr std::int64_t kPageRecords = 100, kPageRecordsMax = 5'000;
constexpr std::size_t kStartDetailBytesMax = 1'900;

HttpReply not_on_record() {
  return reply_busy("audit-recorded", "This is to be on record in the audit first, and could not be put there in time; try again.");
}

std::string text_of_value(const Settings& settings, const Setting& setting) {
  return std::visit(
      [&](auto member) -> std::string {
        const auto& value = settings.*member;
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string>)
          return value;
        else
          return std::to_string(value);
      },
      setting.member);
}

/// Those that are not as they are by default; of a secret its name alone.
std::string changed_settings(const Settings& settings) {
  const Settings standard = load_settings({}, {}).settings;
  std::string text;
  for (const Setting& setting : settings_table()) {
    std::string value = text_of_value(settings, setting);
    if (value == text_of_value(standard, setting)) continue;
    text += "; " + std::string(setting.name) + "=" + (setting.secret ? "(not shown)" : value);
  }
  return text;
}

struct AuditWanted {
  std::uint32_t partition = 0;
  std::uint64_t from = 0;
  std::size_t limit = 0;
  std::string centre, act;

  bool takes(const std::string& line) const {
    if (centre.empty() && act.empty()) return true;
    auto record = nlohmann::json::parse(line, nullptr, false);
    return record.is_object() && (centre.empty() || record.value("centre", "") == centre) && (act.empty() || record.value("act", "") == act);
  }
};

}  // namespace

void Service::give_seals(EngineOptions& options) const {
  options.instance = kafka::instance_name(settings_);
  if (!access_secret_) return;
  options.seal = [this](std::string_view text) { return access_secret_->seal(text); };
  options.sealed = [this](std::string_view text, std::string_view seal) { return access_secret_->sealed(text, seal); };
  options.vouched = !settings_.access_secret_file.empty();
}

std::unique_ptr<Audit> Service::make_audit() {
  AuditOptions options;
  options.notes = access_secret_.has_value();
  options.patience = std::chrono::seconds(settings_.http_read_seconds_max);
  if (access_secret_) options.seal = [this](std::string_view text) { return access_secret_->seal(text); };
  options.dropped = [this](std::uint64_t count) { metrics_->audit_dropped(count); };
  options.key = audit_key_;
  options.checkpoint_every = std::chrono::minutes(settings_.audit_checkpoint_minutes);
  options.checkpoint = [](std::uint32_t partition, const std::string& note) {
    log::write(log::Level::info, "checkpoint of the audit", {{"partition", std::int64_t{partition}}, {"note", note}});
  };
  return std::make_unique<Audit>(*engine_, clock_, static_cast<std::uint32_t>(settings_.partitions), std::move(options));
}

void Service::note_start() {
  v1::AuditNoted note;
  note.set_act("start");
  note.set_outcome("done");
  note.mutable_by()->set_name("instance " + kafka::instance_name(settings_));
  std::string detail = version_text("resultsd") + changed_settings(settings_);
  if (detail.size() > kStartDetailBytesMax) detail.resize(kStartDetailBytesMax);
  while (!detail.empty() && (static_cast<unsigned char>(detail.back()) & 0x80) != 0) detail.pop_back();
  note.set_detail(detail);
  audit_->note(std::move(note));
}

std::shared_ptr<const std::string> Service::said_by(const HttpRequest& request) const {
  return access_ ? std::make_shared<const std::string>(actor_of(request).SerializeAsString()) : nullptr;
}

void Service::take_on_record(const Route& route, HttpRequest&& request, Respond&& respond) {
  // What another instance passes on that one puts on record.
  const bool elsewhere = owners_ && request.forwarded;
  const RouteAct act = audit_->notes() && !elsewhere ? act_of_route(route.method, route.pattern) : RouteAct{};
  if (act.noted == RouteAct::Noted::never) return route.take(std::move(request), std::move(respond));
  v1::AuditNoted note = note_of(act, request, route.method, route.pattern);
  if (act.noted == RouteAct::Noted::before) {
    struct Asked {
      HttpRequest request;
      Respond respond;
    };
    auto asked = std::make_shared<Asked>(Asked{std::move(request), std::move(respond)});
    return audit_->record(std::move(note), [&route, asked](bool on_record) {
      if (!on_record) return asked->respond(not_on_record());
      route.take(std::move(asked->request), std::move(asked->respond));
    });
  }
  auto shown = [this, note = std::move(note), respond = std::move(respond)](HttpReply&& reply) {
    if (reply.status != 200) return respond(std::move(reply));
    // While nothing comes on record, what waits for it is held to the memory that replies may take.
    const std::size_t bytes = reply.body.size();
    if (std::size_t before = unrecorded_bytes_.fetch_add(bytes);
        before != 0 && before + bytes > static_cast<std::size_t>(settings_.http_replies_bytes_max)) {
      unrecorded_bytes_ -= bytes;
      return respond(not_on_record());
    }
    auto held = std::make_shared<HttpReply>(std::move(reply));
    audit_->record(v1::AuditNoted(note), [this, held, respond, bytes](bool on_record) {
      unrecorded_bytes_ -= bytes;
      respond(on_record ? std::move(*held) : not_on_record());
    });
  };
  route.take(std::move(request), std::move(shown));
}

void Service::add_audit_routes() {
  ConcernOf named = [this](const HttpRequest& request) -> Concern {
    if (const std::string* centre = request.query_value("centre")) return of_centre(parse_centre(*centre));
    // One that is wrong is said to be so by whichever instance has partition 0.
    std::int64_t partition = Query(request, {}).number("partition", 0, settings_.partitions - 1, 0);
    return {Concern::Of::partition, static_cast<std::uint32_t>(partition)};
  };
  add(
      "GET", "/v1/audit", Place::people, [this](const HttpRequest& request) { return audit_page(request); }, named);
  add(
      "GET", "/v1/audit/checkpoint", Place::people, [this](const HttpRequest& request) { return audit_checkpoint(request); }, named);
}

HttpReply Service::audit_page(const HttpRequest& request) {
  Query query(request, {"partition", "from", "centre", "act", "limit"});
  AuditWanted wanted;
  const std::int64_t partition = query.number("partition", 0, settings_.partitions - 1, 0);
  wanted.from = static_cast<std::uint64_t>(query.number("from", 0, std::numeric_limits<std::int64_t>::max(), 0));
  wanted.limit = static_cast<std::size_t>(query.number("limit", 1, kPageRecordsMax, kPageRecords));
  wanted.centre = query.text("centre");
  wanted.act = query.text("act");
  const auto centre = parse_centre(wanted.centre);
  if (request.query_value("centre") && !centre) query.fail("centre", wanted.centre, "A national centre number has exactly 5 digits.");
  if (query.wrong()) return reply_with(*query.wrong());
  wanted.partition =
      centre ? murmur2_partition(text_of(*centre), static_cast<std::uint32_t>(settings_.partitions)) : static_cast<std::uint32_t>(partition);

  const Store& store = engine_->store();
  const bool lines = request.accept == "application/x-ndjson";
  const AuditHead head = store.audit_head(wanted.partition);
  const std::size_t bytes_max = static_cast<std::size_t>(settings_.http_reply_bytes_max);
  std::string listed;
  std::uint64_t at = wanted.from;
  std::size_t found = 0;
  const std::uint64_t until = wanted.from < head.size ? std::min(head.size, wanted.from + kLookedAtMax) : wanted.from;
  for (bool full = false; at < until && !full;) {
    std::vector<std::string> read = store.audit_lines(wanted.partition, at, std::min<std::size_t>(kLinesAtOnce, until - at));
    if (read.empty()) break;
    for (const std::string& line : read) {
      full = found == wanted.limit || listed.size() >= bytes_max;
      if (full) break;
      ++at;
      if (!wanted.takes(line)) continue;
      ++found;
      listed += lines ? line + "\n" : (listed.empty() ? "" : ",") + line;
    }
  }
  HttpReply reply;
  if (at < head.size) {
    std::string next =
        "/v1/audit?partition=" + std::to_string(wanted.partition) + "&from=" + std::to_string(at) + "&limit=" + std::to_string(wanted.limit);
    // A centre names its partition by itself.
    if (centre) next = "/v1/audit?centre=" + wanted.centre + "&from=" + std::to_string(at) + "&limit=" + std::to_string(wanted.limit);
    if (!wanted.act.empty()) next += "&act=" + percent_encode(wanted.act);
    reply.headers.emplace_back("Link", "<" + next + ">; rel=\"next\"");
  }
  reply.content_type = lines ? "application/x-ndjson" : "application/json";
  reply.body = lines ? std::move(listed)
                     : "{\"partition\":" + std::to_string(wanted.partition) + ",\"partitions\":" + std::to_string(settings_.partitions) +
                           ",\"size\":" + std::to_string(head.size) + ",\"next\":" + (at < head.size ? std::to_string(at) : std::string("null")) +
                           ",\"records\":[" + listed + "]}\n";
  return reply;
}

HttpReply Service::audit_checkpoint(const HttpRequest& request) {
  Query query(request, {"partition"});
  const std::int64_t partition = query.number("partition", 0, settings_.partitions - 1, 0);
  if (query.wrong()) return reply_with(*query.wrong());
  if (!audit_->key())
    return reply_with({409, "No key", "Checkpoints are signed with audit.key_file: set it, and start resultsd again.", "", "audit-key-set"});
  const auto number = static_cast<std::uint32_t>(partition);
  return {200, "text/plain; charset=utf-8", signed_checkpoint(*audit_->key(), number, engine_->store().audit_head(number))};
}

}  // namespace vtq
