// One request to an issuer, or to its API of roles. Blocks until its time is up; on any thread, but never on `http`.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

namespace vtq {

struct FetchCall {
  std::string url;
  std::string authorization = {};              ///< header; empty: none
  std::string form = {};                       ///< a form's body, posted; empty: it is a GET
  std::chrono::milliseconds time_max{10'000};  ///< for all of it, the look-up of the name too
};

struct FetchReply {
  unsigned status = 0;  ///< 0: no answer
  std::string body;
  std::string failure;  ///< why there was none, in words; never the address
};

using Fetch = std::function<FetchReply(const FetchCall&)>;

/// Whether a URL is one that may be asked: https://, or http:// on this machine.
bool may_be_asked(std::string_view url);

/// With libcurl: certificates are verified, against `ca_file` or, where that is empty, the system's; no redirect is followed. `stopping`: gives up
/// once it says so.
Fetch fetch_over_network(std::string ca_file, std::function<bool()> stopping);

}  // namespace vtq
