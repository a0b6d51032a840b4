// Who may do what: for each route the roles that it takes, and what of a request the caller's bound is held against. Facts have their roles in
// pipeline/kinds/. What is not said here nobody may. Pure.
#pragma once

#include <optional>
#include <string>

#include "daemon/access/access_directory.h"
#include "daemon/access/caller.h"
#include "daemon/http/http_message.h"
#include "pipeline/facts/kind.h"

namespace vtq {

/// What one route asks of who calls it.
struct RouteRights {
  enum class For : std::uint8_t {
    nobody,      ///< the default
    everybody,   ///< without a name
    callers,     ///< any caller, whatever it is bound to
    bound,       ///< a role; what the request names lies within the caller's bound
    everywhere,  ///< a role, and a bound that is everything
    events,      ///< a role; each fact is looked at by itself
    keys,        ///< who has the access secret
  };
  For who = For::nobody;
  AccessRoles roles = {};
};

/// The row of a route, `GET /v1/entries`. One that has none is for nobody.
RouteRights rights_of(std::string_view method, std::string_view pattern);

/// Every row, in words, for the API's description: `operations, centre`, `everybody`.
std::string text_of(const RouteRights& rights);

/// Why this caller may not; nothing: it may. `pattern`: of the route; its parameters are in the request.
std::optional<Problem> refusal(const RouteRights& rights, const Caller& caller, const HttpRequest& request, std::string_view pattern,
                               const AccessFacts& facts);

/// The same of a fact. `owner`: whose a qualification is; nothing: it is not known. A number that is new is for a publisher for all to define, as the
/// Register of Regulated Qualifications has it: of two that claim it, neither can be told from its owner.
std::optional<Rejection> refusal(const Caller& caller, const FactKind& kind, const Address& address,
                                 const std::function<std::optional<AwardingOrganisationId>(QualificationId)>& owner);

}  // namespace vtq
