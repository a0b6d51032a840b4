// The head of a request as bytes: what is wrong with it that would let two readers disagree where the request ends or whom it addresses
// (RFC 9112). Stricter than the parser behind it, which folds lines, takes the first of two hosts, and passes over codings that it does
// not know. Pure; any thread.
#pragma once

#include <optional>
#include <string_view>

#include "daemon/http/http_message.h"

namespace vtq {

/// `head`: from the request line to the empty line, both included. Rules: `header-form`, `header-fold`, `host-once`,
/// `content-length-once`, `transfer-encoding`.
std::optional<Problem> fault_of_head(std::string_view head);

/// Whether a Host names this server: localhost, a loopback address, or one of `names`; with any port or none.
bool is_own_host(std::string_view host, const std::vector<std::string>& names);
/// Whether an Origin is the page of this server: the same host and port as in Host, after `https://`, or after `http://` where this server, or the
/// proxy before it, may be asked without TLS.
bool is_own_origin(std::string_view origin, std::string_view host, bool encrypted_only);

}  // namespace vtq
