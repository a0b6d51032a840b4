// The secret that the instances of one service share, in a file for their owner alone: with it they seal keys, and sign for each other who asks.
// Whoever can read the file is the operator. Any thread.
//
//   # comments, and one secret a line: 64 hexadecimal digits. The first seals and signs, all of them are heeded. A new one is put behind the first
//   # and all instances are started again; then it is put in front, and they are once more.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace vtq {

/// The file cannot be used. Says what to do.
struct AccessSecretError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The secrets of a file, 32 bytes each, at least one. `setting`: which names the file, for what is said. Throws AccessSecretError: no such file,
/// others can read it, a line is no secret, there is none.
std::vector<std::string> read_secrets(const std::filesystem::path& file, const std::string& setting);

class AccessSecret {
 public:
  /// Throws AccessSecretError: no such file, others can read it, a line is no secret, there is none.
  static AccessSecret read(const std::filesystem::path& file);
  /// One that nobody else knows, and that ends with the process.
  static AccessSecret passing();
  /// Makes a file with a new secret. Throws AccessSecretError, also when there is one.
  static void make(const std::filesystem::path& file);

  /// HMAC-SHA256, hexadecimal, with the first secret.
  std::string seal(std::string_view text) const;
  /// Whether one of the secrets made this seal of the text. Takes as long whichever digit is wrong.
  bool sealed(std::string_view text, std::string_view seal) const;
  /// A key of 32 bytes for one use of its own, of each secret in its order.
  std::vector<std::string> keys_for(std::string_view use) const;

 private:
  std::vector<std::string> secrets_;  // 32 bytes each; at least one
};

/// Random bytes, hexadecimal.
std::string random_hex(std::size_t bytes);
/// BLAKE2b-256, hexadecimal.
std::string hash_hex(std::string_view text);
/// Equal, found in a time that does not tell where they differ.
bool same_secret(std::string_view one, std::string_view other);

}  // namespace vtq
