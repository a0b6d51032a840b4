// Encryption of values that may carry a grade, by master keys that stand in a file. Immutable once read; any thread.
//
//   # comments, and one key a line: its id, 8 hexadecimal digits, and 32 bytes in base64. The first seals, all of them open.
//   3f9a01c2:6Pp0...=
//
// What a value is, and where it is kept, is its `place`: a value opens in its own place only.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace vtq {

/// The key file cannot be used. Says what to do.
struct SealError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Names a master key. Never 0.
using SealKeyId = std::uint32_t;
/// As in the key file: `3f9a01c2`.
std::string text_of_seal_key(SealKeyId id);

/// What a value is of; each has keys of its own.
enum class SealedAs : std::uint8_t {
  record,   ///< of the store, and so of a changelog
  log,      ///< of the embedded log
  dead,     ///< in the topic of rejected records
  event,    ///< in an input topic
  wrapped,  ///< the key of a batch
};
constexpr std::size_t kSealedAs = 5;

enum class Opening : std::uint8_t { opened, unknown_key, damaged };

/// Opens one batch and nothing else.
struct BatchKey {
  std::array<unsigned char, 32> bytes{};
  bool operator==(const BatchKey&) const = default;
};

class Seal {
 public:
  static constexpr char kDirect = 1, kBatch = 2, kBox = 3;
  /// What a value of `close` has besides what is in it, which is filled up to a step: the length of a grade shall not show.
  static constexpr std::size_t kOverhead = 1 + 4 + 24 + 16;
  static constexpr std::size_t kRecordStep = 64, kStep = 256, kBatchStep = 1024;
  static constexpr std::size_t filled(std::size_t bytes, std::size_t step) { return (bytes / step + 1) * step; }

  /// Throws SealError: no such file, others can read it, a line is no key, an id stands twice, there is none.
  static std::shared_ptr<const Seal> read(const std::filesystem::path& file);
  /// Makes a file with a new key. Throws SealError, also when there is one.
  static void make(const std::filesystem::path& file);
  /// A line with a new key.
  static std::string new_line();

  explicit Seal(std::string_view text, const std::string& name = "the key file");
  ~Seal();
  Seal(const Seal&) = delete;
  Seal& operator=(const Seal&) = delete;

  /// The id of the key that seals.
  SealKeyId first() const { return keys_.front().id; }
  bool has(SealKeyId id) const { return find(id) != nullptr; }

  static bool is_sealed(std::string_view value) { return !value.empty() && value[0] >= kDirect && value[0] <= kBox; }
  /// Of a sealed value; nothing: it is too short to be one.
  static std::optional<SealKeyId> key_of(std::string_view sealed);

  /// Into `out`, which is not `plain`.
  void close(SealedAs as, std::string_view place, std::string_view plain, std::string& out) const;
  /// Into `out`, which is not `sealed`; as it was unless it is opened.
  Opening open(SealedAs as, std::string_view place, std::string_view sealed, std::string& out) const;

  /// The key that a batch gets when it is sealed for the first time: the same for the same batch and first key.
  BatchKey batch_key_for(std::string_view place, std::string_view plain) const;
  void close_batch(std::string_view place, std::string_view plain, const BatchKey& key, std::string& out) const;
  Opening open_batch(std::string_view place, std::string_view sealed, std::string& out) const;
  Opening batch_key_of(std::string_view place, std::string_view sealed, BatchKey& key) const;
  /// The same batch key under the first master key.
  Opening wrap_anew(std::string_view place, std::string_view sealed, std::string& out) const;

  /// Names `text` for those who have the keys: 16 bytes each, by the first key and then the others.
  std::vector<std::string> names_of(std::string_view text) const;

  /// X25519, 32 bytes: what others seal to.
  std::string public_key() const;
  /// `3f9a01c2:base64`, as `public_key` of the first key is given out.
  std::string public_key_text() const;
  Opening open_box(std::string_view sealed, std::string& out) const;

 private:
  struct Key {
    SealKeyId id = 0;
    std::array<std::array<unsigned char, 32>, kSealedAs> of{};
    std::array<unsigned char, 32> batches{}, names{};
    std::array<unsigned char, 32> box_public{}, box_secret{};
  };
  const Key* find(SealKeyId id) const;
  void add(SealKeyId id, const unsigned char* master);

  std::vector<Key> keys_;  // at least one
};

/// Somebody's public key to seal to, from its text.
struct SealRecipient {
  SealKeyId id = 0;
  std::array<unsigned char, 32> key{};
};
std::optional<SealRecipient> parse_seal_recipient(std::string_view text);
/// A box that only the owner of the key opens, filled up as a value is.
std::string close_box(const SealRecipient& to, std::string_view plain);

/// `length` bytes, at most 64, from a key and what they are for, by BLAKE2b.
void derive_bytes(unsigned char* out, std::size_t length, const unsigned char* key, std::string_view label, std::string_view data = {});

}  // namespace vtq
