// Bech32 (BIP 173) without its limit of length, as age writes keys. Pure.
#pragma once

#include <string>
#include <string_view>

namespace vtq {

/// `prefix`, `1`, the bytes and a checksum, in small letters. `prefix`: small letters, digits and signs, at least one.
std::string bech32(std::string_view prefix, std::string_view bytes);

}  // namespace vtq
