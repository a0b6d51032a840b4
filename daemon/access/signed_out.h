// That a person has signed out, or was, as a fact. Pure; any thread.
#pragma once

#include <string>

#include "daemon/access/access_secret.h"
#include "pipeline/base/uk_time.h"
#include "vtq/v1/event.pb.h"

namespace vtq {

/// Sessions of this person that had begun by `before_ms` are void. `reason`: why another ended them; empty: the person did.
v1::PersonSignedOut sign_out(const std::string& person, TimeMs before_ms, const AccessSecret& secret, const std::string& reason = {});
/// Whether this service said it.
bool is_sealed(const v1::PersonSignedOut& fact, const AccessSecret& secret);

}  // namespace vtq
