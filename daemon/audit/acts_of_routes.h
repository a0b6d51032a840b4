// Which requests are acts that the audit has, besides facts. Pure.
#pragma once

#include <string>
#include <string_view>

#include "daemon/http/http_message.h"
#include "vtq/v1/event.pb.h"

namespace vtq {

struct RouteAct {
  enum class Noted : std::uint8_t {
    never,
    before,  ///< it changes something: on record before it begins
    shown,   ///< results are seen: on record before an answer of 200 goes out
  };
  Noted noted = Noted::never;
  std::string_view act = {};
};

/// Of `GET`, `/v1/batches/{batch}`.
RouteAct act_of_route(std::string_view method, std::string_view pattern);

/// The note of such a request: who, from where, and what its address says it is about. No learner: of an address that names one, what is around.
v1::AuditNoted note_of(const RouteAct& act, const HttpRequest& request, std::string_view method, std::string_view pattern);

/// Who sends it. `caller`: null: nobody has to say. `peer`: the address that it comes from.
v1::AuditActor actor_of(const Caller* caller, std::string_view peer);
inline v1::AuditActor actor_of(const HttpRequest& request) { return actor_of(request.caller.get(), request.peer); }

}  // namespace vtq
