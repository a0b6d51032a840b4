#include "pipeline/base/sha256.h"

#include <algorithm>
#include <bit>

namespace vtq {
namespace {

constexpr std::uint32_t kRound[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
    0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
    0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

constexpr std::size_t kBlockBytes = 64, kLengthBytes = 8;

void take_block(std::array<std::uint32_t, 8>& state, const unsigned char* block) {
  std::uint32_t words[64];
  for (std::size_t at = 0; at < 16; ++at)
    words[at] = std::uint32_t{block[4 * at]} << 24 | std::uint32_t{block[4 * at + 1]} << 16 | std::uint32_t{block[4 * at + 2]} << 8 |
                std::uint32_t{block[4 * at + 3]};
  for (std::size_t at = 16; at < 64; ++at) {
    std::uint32_t first = std::rotr(words[at - 15], 7) ^ std::rotr(words[at - 15], 18) ^ words[at - 15] >> 3;
    std::uint32_t second = std::rotr(words[at - 2], 17) ^ std::rotr(words[at - 2], 19) ^ words[at - 2] >> 10;
    words[at] = words[at - 16] + first + words[at - 7] + second;
  }
  auto [a, b, c, d, e, f, g, h] = state;
  for (std::size_t at = 0; at < 64; ++at) {
    std::uint32_t choice = (e & f) ^ (~e & g), majority = (a & b) ^ (a & c) ^ (b & c);
    std::uint32_t one = h + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) + choice + kRound[at] + words[at];
    std::uint32_t two = (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + majority;
    h = g, g = f, f = e, e = d + one, d = c, c = b, b = a, a = one + two;
  }
  const std::uint32_t after[] = {a, b, c, d, e, f, g, h};
  for (std::size_t at = 0; at < state.size(); ++at) state[at] += after[at];
}

}  // namespace

Hash256 sha256(std::string_view text) {
  std::array<std::uint32_t, 8> state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  const std::size_t whole = text.size() / kBlockBytes * kBlockBytes, rest = text.size() - whole;
  for (std::size_t at = 0; at < whole; at += kBlockBytes) take_block(state, bytes + at);
  // The rest, a one, zeroes, and the number of bits.
  std::array<unsigned char, 2 * kBlockBytes> last{};
  std::copy_n(bytes + whole, rest, last.begin());
  last[rest] = 0x80;
  const std::size_t last_bytes = rest + 1 + kLengthBytes <= kBlockBytes ? kBlockBytes : 2 * kBlockBytes;
  const std::uint64_t bits = std::uint64_t{text.size()} * 8;
  for (std::size_t at = 0; at < kLengthBytes; ++at) last[last_bytes - 1 - at] = static_cast<unsigned char>(bits >> (8 * at));
  for (std::size_t at = 0; at < last_bytes; at += kBlockBytes) take_block(state, last.data() + at);
  Hash256 hash;
  for (std::size_t at = 0; at < hash.size(); ++at) hash[at] = static_cast<std::uint8_t>(state[at / 4] >> (24 - 8 * (at % 4)));
  return hash;
}

std::string hex_of(const Hash256& hash) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (std::uint8_t byte : hash) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::optional<Hash256> hash_of_hex(std::string_view text) {
  auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
  Hash256 hash;
  if (text.size() != 2 * hash.size()) return std::nullopt;
  for (std::size_t at = 0; at < hash.size(); ++at) {
    int high = digit(text[2 * at]), low = digit(text[2 * at + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    hash[at] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return hash;
}

std::string bytes_of(const Hash256& hash) { return {reinterpret_cast<const char*>(hash.data()), hash.size()}; }

std::optional<Hash256> hash_of_bytes(std::string_view bytes) {
  Hash256 hash;
  if (bytes.size() != hash.size()) return std::nullopt;
  for (std::size_t at = 0; at < hash.size(); ++at) hash[at] = static_cast<std::uint8_t>(bytes[at]);
  return hash;
}

}  // namespace vtq
