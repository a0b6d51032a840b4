// SHA-256 (FIPS 180-4), for names that nobody can make fit other content. Pure; not for secrets.
#pragma once

#include <string>
#include <string_view>

namespace vtq {

/// Hexadecimal, 64 digits.
std::string sha256_hex(std::string_view text);

}  // namespace vtq
