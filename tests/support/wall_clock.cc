// Preloaded into a program by tests that set its wall clock: the real one, moved by the seconds that stand in the file named by
// WALL_CLOCK_OFFSET_FILE, read anew each time. Clocks that only pass are not touched. No allocation, no look-up of symbols: it is called while
// the allocator starts.
#include <fcntl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>

namespace {

long offset_seconds() {
  const char* path = ::getenv("WALL_CLOCK_OFFSET_FILE");
  int file = path ? ::open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return 0;
  char text[32] = {};
  ssize_t read = ::read(file, text, sizeof text - 1);
  ::close(file);
  return read > 0 ? std::strtol(text, nullptr, 10) : 0;
}

}  // namespace

extern "C" int clock_gettime(clockid_t which, timespec* at) noexcept {
  int failed = static_cast<int>(::syscall(SYS_clock_gettime, which, at));
  if (failed == 0 && which == CLOCK_REALTIME) at->tv_sec += offset_seconds();
  return failed;
}
