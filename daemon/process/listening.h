// Where the daemon may listen. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace vtq {

/// A listener, and what protects it.
struct Listening {
  std::string address;         ///< as it was set
  bool encrypted = false;      ///< TLS is set
  bool behind_proxy = false;   ///< a trusted proxy is set; whoever comes from elsewhere is closed
  bool signs_in = false;       ///< who asks has to say who that is
  bool needs_sign_in = true;   ///< it shows results
  bool seals = true;           ///< results are sealed where they are kept
  bool proxy_can_help = true;  ///< a trusted proxy is heeded
};

/// Whether this is an IPv4 or IPv6 address, and one that only this machine reaches.
bool is_ip_address(const std::string& text);
bool is_loopback(const std::string& text);

/// Why the daemon does not listen there, and what to set instead; nothing: it does. Names are no addresses.
std::optional<std::string> why_not_listen(const Listening& listening);

}  // namespace vtq
