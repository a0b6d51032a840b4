// A settings file: every error says where, and settings without errors can be printed.
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/process/settings.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vtq;
  int file = ::memfd_create("resultsd.toml", 0);
  fuzz::require(file >= 0 && ::write(file, data, size) == static_cast<ssize_t>(size), "a file in memory");
  LoadedSettings loaded = load_settings("/proc/self/fd/" + std::to_string(file), {});
  ::close(file);
  for (const SettingError& error : loaded.errors) fuzz::require(!error.where.empty() && !error.message.empty(), "an error says where and what");
  if (loaded.errors.empty()) fuzz::require(!print_settings(loaded).empty(), "settings without errors are printed");
  return 0;
}
