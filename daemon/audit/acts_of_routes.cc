#include "daemon/audit/acts_of_routes.h"

#include <algorithm>

#include "daemon/access/caller.h"
#include "pipeline/base/batch_id.h"

namespace vtq {
namespace {

using Noted = RouteAct::Noted;

struct Row {
  std::string_view method, pattern;
  RouteAct act;
};

/// Where grades are shown, and what is done that is no fact. A fact is written down by what becomes of it.
constexpr Row kRows[] = {
    {"GET", "/v1/batches/{batch}", {Noted::shown, "download"}},
    {"GET", "/v1/batches/{batch}/sealed", {Noted::shown, "download"}},
    {"GET", "/v1/batches/{batch}/key", {Noted::shown, "download"}},
    {"GET", "/v1/batches/{batch}/learners/{qualification}/{learner}", {Noted::shown, "view"}},
    {"GET", "/v1/export/batches", {Noted::shown, "export"}},
    {"GET", "/v1/rejected/{id}", {Noted::shown, "view"}},
    {"POST", "/v1/rejected/{id}/replay", {Noted::before, "replay"}},
    {"POST", "/v1/backups", {Noted::before, "backup"}},
    {"POST", "/v1/clock/confirm", {Noted::before, "clock-confirmed"}},
};

/// As much of it as fits, cut between characters.
std::string cut(std::string_view text, std::size_t most) {
  most = std::min(most, text.size());
  while (most < text.size() && most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
  return std::string(text.substr(0, most));
}

std::string short_text(std::string_view text) { return cut(text, 64); }

}  // namespace

RouteAct act_of_route(std::string_view method, std::string_view pattern) {
  for (const Row& row : kRows)
    if (row.method == method && row.pattern == pattern) return row.act;
  return {};
}

v1::AuditActor actor_of(const Caller* caller, std::string_view peer) {
  v1::AuditActor by;
  by.set_name("anybody");
  by.set_from(short_text(peer));
  if (!caller) return by;
  by.set_name(cut(caller->name, 200));
  by.set_person(cut(caller->person, 500));
  by.set_key(short_text(caller->key));
  for (AccessRole role : kAccessRoles)
    if (caller->roles.has(role)) by.add_roles(std::string(text_of(role)));
  return by;
}

v1::AuditNoted note_of(const RouteAct& act, const HttpRequest& request, std::string_view method, std::string_view pattern) {
  v1::AuditNoted note;
  note.set_centre("*");
  note.set_act(std::string(act.act));
  note.set_outcome(act.noted == Noted::before ? "asked" : "done");
  *note.mutable_by() = actor_of(request);
  note.set_route(std::string(method) + " " + std::string(pattern));
  std::size_t at = 0;
  for (auto open = pattern.find('{'); open != pattern.npos && at < request.parameters.size(); open = pattern.find('{', open + 1)) {
    std::string_view name = pattern.substr(open + 1, pattern.find('}', open) - open - 1);
    const std::string& value = request.parameters[at++];
    if (name == "id") note.set_detail("rejected record " + short_text(value));
    if (name == "qualification")
      if (auto id = parse_qualification(value)) note.set_qualification(text_of(*id));
    if (name != "batch") continue;
    auto batch = parse_batch_id(value);
    if (!batch) continue;
    note.set_batch(text_of(*batch));
    note.set_centre(text_of(batch->centre));
    note.set_awarding_organisation(text_of(batch->awarding_organisation));
    note.set_series(text_of(batch->series));
  }
  for (const auto& [name, value] : request.query) {
    if (name == "centre" && note.centre() == "*")
      if (auto id = parse_centre(value)) note.set_centre(text_of(*id));
    if (name == "awarding_organisation" && note.awarding_organisation().empty())
      if (auto id = parse_awarding_organisation(value)) note.set_awarding_organisation(text_of(*id));
    if (name == "series" && note.series().empty())
      if (auto id = parse_series(value)) note.set_series(text_of(*id));
  }
  return note;
}

}  // namespace vtq
