// SHA-256 (FIPS 180-4). Pure; any thread. Here, for the pipeline uses no library of ciphers; held against libsodium's by a test.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vtq {

using Hash256 = std::array<std::uint8_t, 32>;

Hash256 sha256(std::string_view text);

/// 64 hexadecimal digits, in small letters.
std::string hex_of(const Hash256& hash);
std::optional<Hash256> hash_of_hex(std::string_view text);
/// The 32 bytes as they are.
std::string bytes_of(const Hash256& hash);
std::optional<Hash256> hash_of_bytes(std::string_view bytes);

}  // namespace vtq
