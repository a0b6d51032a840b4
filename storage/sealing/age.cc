#include "storage/sealing/age.h"

#include <sodium.h>

#include <algorithm>
#include <cctype>
#include <cstring>

#include "storage/sealing/bech32.h"

namespace vtq::age {
namespace {

using Bytes16 = std::array<unsigned char, 16>;
using Bytes32 = std::array<unsigned char, 32>;

constexpr std::string_view kVersion = "age-encryption.org/v1\n";
constexpr std::string_view kStanza = "-> X25519 ";
constexpr std::string_view kMac = "---";
constexpr std::string_view kWrapInfo = "age-encryption.org/v1/X25519";
constexpr std::size_t kChunkBytes = 64u << 10;
constexpr std::size_t kTagBytes = crypto_aead_chacha20poly1305_ietf_ABYTES;
constexpr std::size_t kWrappedBytes = 16 + kTagBytes;
using Nonce = std::array<unsigned char, crypto_aead_chacha20poly1305_ietf_NPUBBYTES>;
static_assert(std::tuple_size_v<Nonce> == 12);

template <std::size_t N>
std::string_view view(const std::array<unsigned char, N>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), N};
}

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

Bytes32 hmac(std::string_view key, std::string_view first, std::string_view second = {}) {
  crypto_auth_hmacsha256_state state;
  ::crypto_auth_hmacsha256_init(&state, bytes_of(key), key.size());
  ::crypto_auth_hmacsha256_update(&state, bytes_of(first), first.size());
  ::crypto_auth_hmacsha256_update(&state, bytes_of(second), second.size());
  Bytes32 made;
  ::crypto_auth_hmacsha256_final(&state, made.data());
  return made;
}

/// HKDF with SHA-256 (RFC 5869), of 32 bytes.
Bytes32 hkdf(std::string_view secret, std::string_view salt, std::string_view info) { return hmac(view(hmac(salt, secret)), info, "\x01"); }

std::string base64(std::string_view bytes) {
  constexpr int kForm = sodium_base64_VARIANT_ORIGINAL_NO_PADDING;
  std::string text(sodium_base64_ENCODED_LEN(bytes.size(), kForm), '\0');
  ::sodium_bin2base64(text.data(), text.size(), bytes_of(bytes), bytes.size(), kForm);
  text.resize(std::strlen(text.c_str()));
  return text;
}

template <std::size_t N>
bool from_base64(std::string_view text, std::array<unsigned char, N>& bytes) {
  std::size_t size = 0;
  const char* end = nullptr;
  return ::sodium_base642bin(bytes.data(), N, text.data(), text.size(), nullptr, &size, &end, sodium_base64_VARIANT_ORIGINAL_NO_PADDING) == 0 &&
         size == N && end == text.data() + text.size();
}

Nonce nonce_of(std::uint64_t chunk, bool last) {
  Nonce nonce{};
  for (std::size_t byte = 0; byte < sizeof chunk; ++byte) nonce[10 - byte] = static_cast<unsigned char>(chunk >> (8 * byte));
  nonce[11] = last;
  return nonce;
}

Bytes32 wrap_key(const Bytes32& shared, const Bytes32& ephemeral, const Bytes32& recipient) {
  return hkdf(view(shared), std::string(view(ephemeral)) + std::string(view(recipient)), kWrapInfo);
}

Bytes32 mac_of(const Bytes16& file_key, std::string_view header) { return hmac(view(hkdf(view(file_key), "", "header")), header); }

/// Takes a line from the front, without its end; nothing: there is no end.
std::optional<std::string_view> take_line(std::string_view& rest) {
  auto end = rest.find('\n');
  if (end == rest.npos) return std::nullopt;
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return line;
}

}  // namespace

Identity identity_of_secret(const std::array<unsigned char, 32>& secret) {
  Identity made{.secret = secret};
  ::crypto_scalarmult_base(made.recipient.data(), made.secret.data());
  return made;
}

Identity identity_of(const BatchKey& key) {
  Bytes32 secret;
  derive_bytes(secret.data(), secret.size(), key.bytes.data(), "age identity");
  return identity_of_secret(secret);
}

std::string text_of_secret(const Identity& identity) {
  std::string text = bech32("age-secret-key-", view(identity.secret));
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

std::string text_of_recipient(const Identity& identity) { return bech32("age", view(identity.recipient)); }

std::string encrypt(std::string_view plain, const BatchKey& key) {
  const Identity identity = identity_of(key);
  // Of the text as well: a file key is never used for two of them.
  std::array<unsigned char, 64> made;
  derive_bytes(made.data(), made.size(), key.bytes.data(), "age file", plain);
  Bytes16 file_key, nonce;
  Bytes32 ephemeral_secret, ephemeral, shared;
  std::copy_n(made.begin(), 16, file_key.begin());
  std::copy_n(made.begin() + 16, 16, nonce.begin());
  std::copy_n(made.begin() + 32, 32, ephemeral_secret.begin());
  ::crypto_scalarmult_base(ephemeral.data(), ephemeral_secret.data());
  if (::crypto_scalarmult(shared.data(), ephemeral_secret.data(), identity.recipient.data()) != 0)
    throw SealError("A key of a batch is none that can be sealed to.");

  std::array<unsigned char, kWrappedBytes> wrapped;
  const Nonce zero{};
  ::crypto_aead_chacha20poly1305_ietf_encrypt(wrapped.data(), nullptr, file_key.data(), file_key.size(), nullptr, 0, nullptr, zero.data(),
                                              wrap_key(shared, ephemeral, identity.recipient).data());
  std::string file(kVersion);
  file += std::string(kStanza) + base64(view(ephemeral)) + "\n" + base64(view(wrapped)) + "\n" + std::string(kMac);
  file += " " + base64(view(mac_of(file_key, file))) + "\n";
  file += view(nonce);

  const Bytes32 payload = hkdf(view(file_key), view(nonce), "payload");
  std::size_t at = file.size();
  const std::size_t chunks = plain.empty() ? 1 : (plain.size() + kChunkBytes - 1) / kChunkBytes;
  file.resize(at + plain.size() + chunks * kTagBytes);
  for (std::size_t chunk = 0; chunk < chunks; ++chunk) {
    std::string_view piece = plain.substr(chunk * kChunkBytes, kChunkBytes);
    ::crypto_aead_chacha20poly1305_ietf_encrypt(reinterpret_cast<unsigned char*>(file.data() + at), nullptr, bytes_of(piece), piece.size(), nullptr,
                                                0, nullptr, nonce_of(chunk, chunk + 1 == chunks).data(), payload.data());
    at += piece.size() + kTagBytes;
  }
  return file;
}

std::optional<std::string> decrypt(std::string_view file, const Identity& identity) {
  if (!file.starts_with(kVersion)) return std::nullopt;
  std::string_view rest = file.substr(kVersion.size());
  auto stanza = take_line(rest), body = take_line(rest);
  const std::size_t mac_at = file.size() - rest.size();
  auto mac_line = take_line(rest);
  Bytes32 ephemeral, mac, shared;
  std::array<unsigned char, kWrappedBytes> wrapped;
  if (!stanza || !body || !mac_line || !stanza->starts_with(kStanza) || !mac_line->starts_with("--- ")) return std::nullopt;
  if (!from_base64(stanza->substr(kStanza.size()), ephemeral) || !from_base64(*body, wrapped) || !from_base64(mac_line->substr(4), mac))
    return std::nullopt;
  if (::crypto_scalarmult(shared.data(), identity.secret.data(), ephemeral.data()) != 0) return std::nullopt;
  Bytes16 file_key, nonce;
  const Nonce zero{};
  if (::crypto_aead_chacha20poly1305_ietf_decrypt(file_key.data(), nullptr, nullptr, wrapped.data(), wrapped.size(), nullptr, 0, zero.data(),
                                                  wrap_key(shared, ephemeral, identity.recipient).data()) != 0)
    return std::nullopt;
  const Bytes32 right = mac_of(file_key, file.substr(0, mac_at + kMac.size()));
  if (::sodium_memcmp(right.data(), mac.data(), mac.size()) != 0 || rest.size() < nonce.size() + kTagBytes) return std::nullopt;
  std::copy_n(bytes_of(rest), nonce.size(), nonce.begin());
  rest.remove_prefix(nonce.size());
  const Bytes32 payload = hkdf(view(file_key), view(nonce), "payload");
  std::string plain;
  for (std::uint64_t chunk = 0; !rest.empty(); ++chunk) {
    std::string_view piece = rest.substr(0, kChunkBytes + kTagBytes);
    rest.remove_prefix(piece.size());
    // Only a text of nothing has an empty chunk.
    if (piece.size() < kTagBytes || (piece.size() == kTagBytes && chunk > 0)) return std::nullopt;
    const std::size_t from = plain.size();
    plain.resize(from + piece.size() - kTagBytes);
    if (::crypto_aead_chacha20poly1305_ietf_decrypt(reinterpret_cast<unsigned char*>(plain.data() + from), nullptr, nullptr, bytes_of(piece),
                                                    piece.size(), nullptr, 0, nonce_of(chunk, rest.empty()).data(), payload.data()) != 0)
      return std::nullopt;
  }
  return plain;
}

}  // namespace vtq::age
