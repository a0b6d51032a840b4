#include "storage/sealing/bech32.h"

#include <cstdint>
#include <vector>

namespace vtq {
namespace {

constexpr std::string_view kLetters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
constexpr std::size_t kChecksumLetters = 6;

std::uint32_t polymod(const std::vector<std::uint8_t>& values) {
  constexpr std::uint32_t kGenerators[] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3};
  std::uint32_t sum = 1;
  for (std::uint8_t value : values) {
    std::uint32_t top = sum >> 25;
    sum = (sum & 0x1ffffff) << 5 ^ value;
    for (int bit = 0; bit < 5; ++bit)
      if (top >> bit & 1) sum ^= kGenerators[bit];
  }
  return sum;
}

/// Groups of five bits, the last filled up with zeros.
std::vector<std::uint8_t> in_fives(std::string_view bytes) {
  std::vector<std::uint8_t> fives;
  std::uint32_t held = 0;
  int bits = 0;
  for (char byte : bytes) {
    held = held << 8 | static_cast<unsigned char>(byte);
    for (bits += 8; bits >= 5; bits -= 5) fives.push_back(held >> (bits - 5) & 31);
    held &= (1u << bits) - 1;
  }
  if (bits > 0) fives.push_back(held << (5 - bits) & 31);
  return fives;
}

}  // namespace

std::string bech32(std::string_view prefix, std::string_view bytes) {
  const std::vector<std::uint8_t> fives = in_fives(bytes);
  std::vector<std::uint8_t> checked;
  for (char c : prefix) checked.push_back(static_cast<std::uint8_t>(c) >> 5);
  checked.push_back(0);
  for (char c : prefix) checked.push_back(static_cast<std::uint8_t>(c) & 31);
  checked.insert(checked.end(), fives.begin(), fives.end());
  checked.insert(checked.end(), kChecksumLetters, 0);
  const std::uint32_t sum = polymod(checked) ^ 1;
  std::string text(prefix);
  text += '1';
  for (std::uint8_t five : fives) text += kLetters[five];
  for (std::size_t at = 0; at < kChecksumLetters; ++at) text += kLetters[sum >> (5 * (kChecksumLetters - 1 - at)) & 31];
  return text;
}

}  // namespace vtq
