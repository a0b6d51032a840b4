#include "daemon/process/listening.h"

#include <arpa/inet.h>

namespace vtq {

bool is_ip_address(const std::string& text) {
  in_addr v4{};
  in6_addr v6{};
  return ::inet_pton(AF_INET, text.c_str(), &v4) == 1 || ::inet_pton(AF_INET6, text.c_str(), &v6) == 1;
}

bool is_loopback(const std::string& text) {
  in_addr v4{};
  in6_addr v6{};
  if (::inet_pton(AF_INET, text.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  if (::inet_pton(AF_INET6, text.c_str(), &v6) != 1) return false;
  return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
}

std::optional<std::string> why_not_listen(const Listening& listening) {
  if (!is_ip_address(listening.address)) return "\"" + listening.address + "\" is no IP address; give 127.0.0.1 or ::1.";
  if (is_loopback(listening.address)) return std::nullopt;
  std::string beyond = listening.address + " is not loopback. ";
  if (listening.needs_sign_in && !listening.signs_in)
    return beyond +
           "There every caller must say who it is: set access.secret_file (resultsctl access make-secret makes the file), or listen on 127.0.0.1 or "
           "::1.";
  if (listening.encrypted || (listening.behind_proxy && listening.proxy_can_help)) {
    if (listening.seals) return std::nullopt;
    return beyond + "There results are kept sealed: set seal.key_file (resultsctl seal keygen makes the file), or listen on 127.0.0.1 or ::1.";
  }
  return beyond + "Beyond this machine nothing may be readable on the way: set http.tls_certificate_file and http.tls_key_file" +
         (listening.proxy_can_help ? ", or http.trusted_proxy where a proxy in front of it speaks TLS," : ",") + " or listen on 127.0.0.1 or ::1.";
}

}  // namespace vtq
