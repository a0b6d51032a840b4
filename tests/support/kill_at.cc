// Preloaded into a program by tests that cut it short: KILL_AT is the number of a file operation, counted from 1, under paths that begin with
// KILL_UNDER; the process is killed, as by kill -9, before it does that one. Counted is what can change a disk, or wait for it.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdarg>
#include <cstdlib>
#include <string_view>

namespace {

void count(std::string_view path) {
  static const char* const under = std::getenv("KILL_UNDER");
  static const char* const at = std::getenv("KILL_AT");
  static std::atomic<long> counted = 0;
  if (!under || !at || !path.starts_with(under)) return;
  if (++counted == std::strtol(at, nullptr, 10)) ::kill(::getpid(), SIGKILL);
}

void count(int file) {
  char link[32], path[4096];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  long length = ::syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path);
  if (length > 0) count(std::string_view(path, static_cast<std::size_t>(length)));
}

int open_counted(int folder, const char* path, int flags, mode_t mode) {
  if (flags & (O_CREAT | O_TRUNC)) count(std::string_view(path));
  return static_cast<int>(::syscall(SYS_openat, folder, path, flags, mode));
}

/// O_TMPFILE has the bit of O_DIRECTORY in it.
mode_t mode_of(int flags, va_list more) {
  bool makes = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
  return makes ? static_cast<mode_t>(va_arg(more, unsigned)) : 0;
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  mode_t mode = mode_of(flags, more);
  va_end(more);
  return open_counted(AT_FDCWD, path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  mode_t mode = mode_of(flags, more);
  va_end(more);
  return open_counted(AT_FDCWD, path, flags, mode);
}
int mkdir(const char* path, mode_t mode) noexcept {
  count(std::string_view(path));
  return static_cast<int>(::syscall(SYS_mkdirat, AT_FDCWD, path, mode));
}
int rename(const char* from, const char* to) noexcept {
  count(std::string_view(to));
  return static_cast<int>(::syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}
int unlink(const char* path) noexcept {
  count(std::string_view(path));
  return static_cast<int>(::syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}
ssize_t write(int file, const void* bytes, size_t size) {
  count(file);
  return ::syscall(SYS_write, file, bytes, size);
}
ssize_t pwrite(int file, const void* bytes, size_t size, off_t at) {
  count(file);
  return ::syscall(SYS_pwrite64, file, bytes, size, at);
}
ssize_t pwrite64(int file, const void* bytes, size_t size, off64_t at) {
  count(file);
  return ::syscall(SYS_pwrite64, file, bytes, size, at);
}
int fsync(int file) {
  count(file);
  return static_cast<int>(::syscall(SYS_fsync, file));
}
int fdatasync(int file) {
  count(file);
  return static_cast<int>(::syscall(SYS_fdatasync, file));
}
}
