#include "daemon/access/caller.h"

#include <algorithm>

namespace vtq {

bool Bound::has(AwardingOrganisationId id) const {
  return everywhere || std::find(awarding_organisations.begin(), awarding_organisations.end(), id) != awarding_organisations.end();
}

bool Bound::has(CentreId id) const { return everywhere || std::find(centres.begin(), centres.end(), id) != centres.end(); }

Caller anybody() {
  Caller caller{.name = "anybody", .bound = {.everywhere = true}};
  for (AccessRole role : kAccessRoles) caller.roles.add(role);
  return caller;
}

Caller operator_named(std::string_view name) {
  constexpr std::size_t kNameMax = 48;
  std::string printable = "operator ";
  for (char c : name)
    if (c >= 0x20 && c < 0x7f && printable.size() < kNameMax) printable += c;
  return {.name = std::move(printable),
          .roles = {AccessRole::operations, AccessRole::publisher, AccessRole::auditor, AccessRole::learner_details},
          .bound = {.everywhere = true},
          .makes_keys = true};
}

}  // namespace vtq
