// Files with secrets, and who else may read them.
#pragma once

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

namespace vtq {

/// Bits of a file's mode that let others than its reader in: those of group and others. What systemd passes on (LoadCredential=) it may show as
/// its group's, which nobody is in; of such a file those of others alone.
inline mode_t others_in_mode(const std::filesystem::path& file) {
  const char* credentials = std::getenv("CREDENTIALS_DIRECTORY");
  return credentials && file.parent_path() == std::filesystem::path(credentials) ? 07 : 077;
}

}  // namespace vtq
