// Keys over HTTP: made, listed, revoked by who has the access secret.
#include <google/protobuf/util/time_util.h>

#include <nlohmann/json.hpp>

#include "daemon/app/service.h"
#include "daemon/process/log.h"

namespace vtq {
namespace {

constexpr std::chrono::seconds kTakenMax{10};
constexpr std::chrono::milliseconds kKnownLook{20};

nlohmann::ordered_json json_of(const AccessKey& key, TimeMs now) {
  auto roles = nlohmann::ordered_json::array(), organisations = nlohmann::ordered_json::array(), centres = nlohmann::ordered_json::array();
  for (AccessRole role : kAccessRoles)
    if (key.of.roles.has(role)) roles.push_back(text_of(role));
  for (AwardingOrganisationId id : key.of.bound.awarding_organisations) organisations.push_back(text_of(id));
  for (CentreId id : key.of.bound.centres) centres.push_back(text_of(id));
  nlohmann::ordered_json json{{"key", key.id},
                              {"name", key.of.name},
                              {"roles", std::move(roles)},
                              {"everywhere", key.of.bound.everywhere},
                              {"awardingOrganisations", std::move(organisations)},
                              {"centres", std::move(centres)},
                              {"expiresOn", key.of.expires_on},
                              {"madeBy", key.made_by},
                              {"madeAt", utc_text(key.made_ms)},
                              {"good", key.good_at(now)}};
  if (key.revoked_ms) json["revokedAt"] = utc_text(*key.revoked_ms);
  return json;
}

HttpReply without_secret() {
  return reply_with(
      {409, "No access secret", "Keys are of no use without access.secret_file: set it, and start resultsd again.", "", "access-secret-set"});
}

HttpReply busy(const Problem& problem) {
  HttpReply reply = reply_with(problem);
  if (problem.status == 503) reply.headers.emplace_back("Retry-After", "1");
  return reply;
}

}  // namespace

HttpReply Service::keys(const HttpRequest& request) {
  Query query(request, {});
  if (query.wrong()) return reply_with(*query.wrong());
  const auto facts = access_ ? access_->directory().up_to_date() : std::make_shared<const AccessFacts>();
  auto listed = nlohmann::ordered_json::array();
  for (const auto& [id, key] : facts->keys) listed.push_back(json_of(key, access_->time()));
  return {200, "application/json", nlohmann::ordered_json{{"keys", std::move(listed)}, {"unsealed", facts->unsealed}}.dump() + "\n"};
}

HttpReply Service::make_access_key(const HttpRequest& request) {
  if (!access_) return without_secret();
  auto wanted = read_key_wanted(request.body, access_->time());
  if (!wanted) {
    const Rejection& why = wanted.error();
    return reply_with({422, "Wrong key", why.message, why.field, why.rule, why.value});
  }
  auto [fact, key] = make_key(wanted.value(), request.caller->name, access_->secret());
  const std::string id = fact.key();
  v1::Event event;
  event.set_id("key-" + id);
  *event.mutable_access_key_made() = std::move(fact);
  auto is_there = [&](const AccessFacts& facts) { return facts.keys.contains(id); };
  if (auto problem = say_of_key(std::move(event), request, is_there)) return busy(*problem);
  log::write(log::Level::info, "a key was made", {{"key", id}, {"name", wanted.value().name}, {"by", request.caller->name}});
  nlohmann::ordered_json body{{"key", id}, {"secret", key}, {"expiresOn", wanted.value().expires_on}};
  return {201, "application/json", body.dump() + "\n"};
}

HttpReply Service::revoke_access_key(const HttpRequest& request) {
  if (!access_) return without_secret();
  const std::string& id = request.parameters[0];
  auto body = nlohmann::json::parse(request.body.empty() ? "{}" : request.body, nullptr, false);
  std::string reason = body.is_object() && body.contains("reason") && body["reason"].is_string() ? body["reason"].get<std::string>() : "";
  if (!body.is_object() || reason.size() > 500)
    return reply_with({422, "Wrong reason", "Send {\"reason\": \"...\"} of at most 500 bytes, or nothing.", "reason", "text-length"});
  const auto facts = access_->directory().up_to_date();
  auto key = facts->keys.find(id);
  if (key == facts->keys.end())
    return reply_with({404, "Not found", "There is no such key; `resultsctl keys list` names them.", "key", "key-known", id.substr(0, 64)});
  if (!key->second.revoked_ms) {
    v1::Event event;
    event.set_id("key-revoked-" + id);
    *event.mutable_access_key_revoked() = revoke_key(id, reason, request.caller->name, access_->secret());
    auto known = [&](const AccessFacts& now) {
      auto found = now.keys.find(id);
      return found != now.keys.end() && found->second.revoked_ms.has_value();
    };
    if (auto problem = say_of_key(std::move(event), request, known)) return busy(*problem);
    log::write(log::Level::info, "a key was revoked", {{"key", id}, {"by", request.caller->name}});
  }
  const auto after = access_->directory().up_to_date();
  if (auto now = after->keys.find(id); now != after->keys.end())
    return {200, "application/json", json_of(now->second, access_->time()).dump() + "\n"};
  return reply_with({404, "Not found", "There is no such key any more.", "key", "key-known", id.substr(0, 64)});
}

std::optional<Problem> Service::say_of_key(v1::Event&& event, const HttpRequest& request, const std::function<bool(const AccessFacts&)>& known) {
  const auto until = std::chrono::steady_clock::now() + kTakenMax;
  event.set_source("resultsd");
  *event.mutable_occurred_at() = google::protobuf::util::TimeUtil::MillisecondsToTimestamp(clock_.state().now_ms);
  auto answered = std::make_shared<std::promise<std::vector<vtq::Answer>>>();
  auto answers = answered->get_future();
  std::vector<Submitted> events;
  events.push_back({.event = event.SerializeAsString(), .unreadable = {}, .by = said_by(request)});
  if (!engine_->submit(std::move(events), [answered](std::vector<vtq::Answer>&& made) { answered->set_value(std::move(made)); }))
    return Problem{503, "Busy", "Events are waiting already; try again.", "", "queue-bytes-max"};
  if (answers.wait_until(until) != std::future_status::ready) throw EngineStalled("The pipeline has not answered for 10 seconds.");
  std::vector<vtq::Answer> made = answers.get();
  if (made.empty()) return Problem{503, "Not running", "resultsd is stopping or has failed; try again later.", "", "engine-running"};
  if (made.front().verdict.kind == Verdict::Kind::rejected) {
    const Rejection& why = *made.front().verdict.why;
    return Problem{422, "Rejected", why.message, why.field, why.rule, why.value};
  }
  // On Kafka it comes back from its topic.
  while (!known(*access_->directory().up_to_date())) {
    if (std::chrono::steady_clock::now() >= until)
      return Problem{503, "On its way", "It was said, and is not known here yet; look at `resultsctl keys list` in a moment.", "", "key-known"};
    std::this_thread::sleep_for(kKnownLook);
  }
  return std::nullopt;
}

}  // namespace vtq
