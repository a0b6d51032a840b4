// Who asks, as one holder of the access secret tells another: an instance that passes a request on, or the operator's resultsctl. It speaks of one
// request and for a minute, and no two are alike. Pure but for that; any thread.
#pragma once

#include "daemon/access/access_secret.h"
#include "daemon/access/caller.h"
#include "daemon/http/http_message.h"
#include "pipeline/base/result.h"
#include "pipeline/base/uk_time.h"

namespace vtq {

/// What the signature holds together, besides the body.
struct SignedRequest {
  std::string_view method;
  std::string_view target;
  std::string_view host;  ///< to whom it is sent, as `Host` has it: another server cannot pass it on
};

struct SignedCaller {
  Caller caller;
  std::string body_hash;  ///< by `hash_hex`
  std::string once;       ///< no two are alike
  TimeMs at_ms = 0;       ///< when it was signed, by its maker's clock
};

/// The value of kCallerHeader.
std::string sign_caller(const Caller& caller, const SignedRequest& request, std::string_view body, TimeMs now, const AccessSecret& secret);
/// What it says; a Rejection (`caller-signed`, `caller-fresh`) when it is not of this request, this minute or this secret. The body is still to be
/// held against its hash.
Result<SignedCaller> read_signed_caller(std::string_view header, const SignedRequest& request, TimeMs now, const AccessSecret& secret);

}  // namespace vtq
