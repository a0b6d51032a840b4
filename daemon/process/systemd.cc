#include "daemon/process/systemd.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace vtq {

void tell_systemd(std::string_view state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::size_t length = path ? std::strlen(path) : 0;
  if (length == 0 || length >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, path, length);
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';  // an abstract one
  int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return;
  auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  static_cast<void>(::sendto(socket, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address), size));
  ::close(socket);
}

Watchdog::Watchdog() {
  if (const char* text = std::getenv("WATCHDOG_USEC")) every_ = std::chrono::microseconds(std::strtoll(text, nullptr, 10) / 2);
}

void Watchdog::feed() {
  auto now = std::chrono::steady_clock::now();
  if (every_.count() <= 0 || now - fed_at_ < every_) return;
  fed_at_ = now;
  tell_systemd("WATCHDOG=1");
}

}  // namespace vtq
