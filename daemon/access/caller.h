// Who asks, and what it may be about. Plain values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/access_role.h"
#include "pipeline/base/identifiers.h"

namespace vtq {

/// What rights reach: everywhere, or the awarding organisations and centres named.
struct Bound {
  bool everywhere = false;
  std::vector<AwardingOrganisationId> awarding_organisations = {};
  std::vector<CentreId> centres = {};

  bool has(AwardingOrganisationId id) const;
  bool has(CentreId id) const;
  bool operator==(const Bound&) const = default;
};

struct Caller {
  std::string name;  ///< for the record: `key 0123456789abcdef (Northgate MIS)`
  AccessRoles roles = {};
  Bound bound = {};
  std::string key = {};  ///< the id of the key with which it came; empty: without one
  /// Who a signed-in person is: a hash of issuer and subject, the same in every session; empty: a system.
  std::string person = {};
  bool makes_keys = false;  ///< it has the access secret: it may make and revoke keys, and no key can say that of itself

  bool operator==(const Caller&) const = default;
};

/// Where nobody has to say who it is: on loopback, with no access secret set.
Caller anybody();
/// Who holds the access secret: all that systems and operations may, everywhere, but approves nothing.
/// `name`: what is not printable ASCII is left out.
Caller operator_named(std::string_view name);

}  // namespace vtq
