// Tells systemd, where it started this process with Type=notify, how far it has come: sd_notify(3) by hand, one datagram a message. Without
// NOTIFY_SOCKET in the environment nothing happens. For the main thread.
#pragma once

#include <chrono>
#include <string_view>

namespace vtq {

/// `READY=1`, `STOPPING=1`, `WATCHDOG=1`.
void tell_systemd(std::string_view state);

/// Feeds the watchdog that WATCHDOG_USEC asks for, twice in its time.
class Watchdog {
 public:
  Watchdog();
  void feed();

 private:
  std::chrono::microseconds every_{0};  ///< 0: there is none
  std::chrono::steady_clock::time_point fed_at_{};
};

}  // namespace vtq
