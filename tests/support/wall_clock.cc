// Preloaded into a program by tests that set its clocks: the file named by WALL_CLOCK_OFFSET_FILE, read anew each time, says by how many seconds
// the wall clock is moved, then by how many the clock of what has passed since the machine's start. No allocation, no look-up of symbols: it is
// called while the allocator starts.
#include <fcntl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>

namespace {

/// The first number of the file, or the second.
long offset_seconds(bool second) {
  const char* path = ::getenv("WALL_CLOCK_OFFSET_FILE");
  int file = path ? ::open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return 0;
  char text[64] = {};
  ssize_t read = ::read(file, text, sizeof text - 1);
  ::close(file);
  if (read <= 0) return 0;
  char* end = nullptr;
  long first = std::strtol(text, &end, 10);
  return second ? std::strtol(end, nullptr, 10) : first;
}

}  // namespace

extern "C" int clock_gettime(clockid_t which, timespec* at) noexcept {
  int failed = static_cast<int>(::syscall(SYS_clock_gettime, which, at));
  if (failed == 0 && (which == CLOCK_REALTIME || which == CLOCK_BOOTTIME)) at->tv_sec += offset_seconds(which == CLOCK_BOOTTIME);
  return failed;
}
