// Keys of systems: made, sealed, read back. The key itself, `vtq_ID_SECRET`, is shown once; kept is a hash of its secret part. Pure but for random
// numbers; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "daemon/access/access_secret.h"
#include "daemon/access/caller.h"
#include "pipeline/base/result.h"
#include "pipeline/base/uk_time.h"
#include "vtq/v1/event.pb.h"

namespace vtq {

/// What is asked for.
struct KeyWanted {
  std::string name;  ///< whose it is
  AccessRoles roles;
  Bound bound;
  std::string expires_on;  ///< its last day, `2027-09-30`, Europe/London
};

struct AccessKey {
  std::string id;  ///< 16 hexadecimal digits
  KeyWanted of;
  std::string secret_hash;
  std::string made_by;
  TimeMs made_ms = 0;
  TimeMs expires_ms = 0;             ///< from then on it opens nothing
  std::optional<TimeMs> revoked_ms;  ///< nor once it was revoked, whenever that was

  bool good_at(TimeMs now) const { return !revoked_ms && now < expires_ms; }
  Caller caller() const;
};

/// Of a body such as {"name": "Northgate MIS", "roles": ["publisher"], "awardingOrganisations": ["RN5217"], "expiresOn": "2027-09-30"}; a centre's
/// has "centres", one for all has "everywhere": true. Says what is wrong.
Result<KeyWanted> read_key_wanted(std::string_view body, TimeMs now);

/// The event that makes it known, but for its id, source and time, and the key itself.
std::pair<v1::AccessKeyMade, std::string> make_key(const KeyWanted& wanted, const std::string& made_by, const AccessSecret& secret);
v1::AccessKeyRevoked revoke_key(const std::string& id, const std::string& reason, const std::string& by, const AccessSecret& secret);

/// Nothing: it is not sealed by this service.
std::optional<AccessKey> read_key(const v1::AccessKeyMade& fact, TimeMs made_ms, const AccessSecret& secret);
bool is_sealed(const v1::AccessKeyRevoked& fact, const AccessSecret& secret);

/// ID and secret of `vtq_ID_SECRET`; nothing: it is no key.
std::optional<std::pair<std::string, std::string>> parts_of_key(std::string_view text);

}  // namespace vtq
