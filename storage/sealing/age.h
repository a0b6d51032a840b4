// Files of the age format (age-encryption.org/v1), for one X25519 recipient: what a batch is handed out as before its gate. Stock `age -d -i KEY`
// opens them. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "storage/sealing/seal.h"

namespace vtq::age {

struct Identity {
  std::array<unsigned char, 32> secret{};
  std::array<unsigned char, 32> recipient{};
};

/// The identity of a batch. It opens the batch's files and nothing else.
Identity identity_of(const BatchKey& key);
Identity identity_of_secret(const std::array<unsigned char, 32>& secret);
/// `AGE-SECRET-KEY-1...`
std::string text_of_secret(const Identity& identity);
/// `age1...`
std::string text_of_recipient(const Identity& identity);

/// The same text for the same key makes the same file, so that it can be fetched twice; another text makes a file of other keys throughout.
std::string encrypt(std::string_view plain, const BatchKey& key);
/// Nothing: it is no such file, is damaged, or another's.
std::optional<std::string> decrypt(std::string_view file, const Identity& identity);

}  // namespace vtq::age
