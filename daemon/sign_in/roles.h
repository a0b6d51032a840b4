// What a person or a system may be, by what its issuer says of it: the setting sign_in.roles, and the organisation of DfE Sign-in. Pure; any thread.
//
//   ops-team = operations everywhere; northgate-approver = approver RN5217; exams = centre organisation
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/access/access_directory.h"
#include "daemon/access/caller.h"
#include "pipeline/base/result.h"

namespace vtq {

/// The settings of sign-in cannot be used. Says what to do.
struct SignInError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// What one value of the claim gives.
struct RoleGrant {
  std::string value;
  AccessRole role{};
  Bound bound = {};
  bool of_organisation = false;  ///< bound to the centre that the organisation is
};

/// Throws SignInError: a part that is none, or a role without its bound.
std::vector<RoleGrant> read_role_grants(std::string_view setting);

/// The values of a claim: a text, a list of texts, or of `scope` the words of a text. Others are left out.
std::vector<std::string> values_of_claim(const nlohmann::json* claim, std::string_view name);

/// The organisation that was picked at sign-in.
struct Organisation {
  std::string id, urn, ukprn;
  bool closed = false;
};
/// Of the claim `organisation`, an object or the text of one. Nothing: none was picked. Rule `organisation-form`: it is neither.
Result<std::optional<Organisation>> read_organisation(const nlohmann::json* claim);
/// Which centre it is. The URN says it; the UKPRN, where no centre has that URN, and never against a URN that its centre has. Rules:
/// `organisation-known`, `organisation-ambiguous`, `organisation-numbers`.
Result<CentreId> centre_of(const Organisation& organisation, const std::vector<CentreNumbers>& centres);

struct Granted {
  AccessRoles roles;
  Bound bound;
};
/// All that the values give. A role that several values give reaches what each of them reaches; what several roles reach is what all of them do,
/// since a caller has one bound. Rules: `role-given`, `role-alone`, `role-bounds`, `organisation-closed`, `organisation-given` and those of
/// `centre_of`.
Result<Granted> granted(const std::vector<RoleGrant>& grants, const std::vector<std::string>& values, const std::optional<Organisation>& organisation,
                        const std::vector<CentreNumbers>& centres);

}  // namespace vtq
