// Who calls, and whether it may: what the service asks before a request goes to its route. Any thread; it never waits, but where it says so.
#pragma once

#include <variant>

#include "daemon/access/access_directory.h"
#include "daemon/access/rights.h"
#include "daemon/access/signed_caller.h"
#include "daemon/engine/clock.h"

namespace vtq {

class Access {
 public:
  /// Store and clock outlive it. Throws AccessSecretError.
  Access(const std::filesystem::path& secret_file, const Store& store, const Clock& clock);

  /// Who calls: by a signed caller of an instance or the operator, or by key. A request that says nothing has none, null; one that says something
  /// wrong is a problem (401).
  std::variant<std::shared_ptr<const Caller>, Problem> caller_of(const HttpRequest& request) const;
  /// Why this request may not have its route; nothing: it may.
  std::optional<Problem> refusal(const HttpRequest& request, const RouteRights& rights, std::string_view pattern) const;
  /// What this caller may assert. A qualification that it defined in the same body counts as known. Looks at the store where something came.
  std::function<std::optional<Rejection>(const v1::Event&, const FactKind&, const Address&)> may_assert(std::shared_ptr<const Caller> caller);

  const AccessSecret& secret() const { return secret_; }
  AccessDirectory& directory() { return directory_; }
  /// For another instance, which is asked instead of this one.
  std::string sign(const HttpRequest& request) const;

 private:
  const AccessSecret secret_;
  const Clock& clock_;
  AccessDirectory directory_;
};

}  // namespace vtq
