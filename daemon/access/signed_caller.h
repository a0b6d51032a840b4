// Who asks, as one holder of the access secret tells another: an instance that passes a request on, or the operator's resultsctl. It speaks of one
// request and for a minute. Pure; any thread.
#pragma once

#include "daemon/access/access_secret.h"
#include "daemon/access/caller.h"
#include "daemon/http/http_message.h"
#include "pipeline/base/result.h"
#include "pipeline/base/uk_time.h"

namespace vtq {

/// What the signature holds together.
struct SignedRequest {
  std::string_view method;
  std::string_view target;
  std::string_view body;
};

/// The value of kCallerHeader.
std::string sign_caller(const Caller& caller, const SignedRequest& request, TimeMs now, const AccessSecret& secret);
/// The caller that it names; a Rejection (`caller-signed`, `caller-fresh`) when it is not of this request, this minute or this secret.
Result<Caller> read_signed_caller(std::string_view header, const SignedRequest& request, TimeMs now, const AccessSecret& secret);

}  // namespace vtq
