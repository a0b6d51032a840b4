// Signed notes (C2SP signed-note) and checkpoints (C2SP tlog-checkpoint): a text, an empty line, and for each key that signed it a line of an em
// dash, its name and, in base64, a hash of the key with the signature, of Ed25519. Keys are written as Go's sumdb/note has them, so that stock tools
// read both.
//
//   PRIVATE+KEY+vtq.example.org/audit+0123abcd+BASE64      the key: a file for the daemon alone
//   vtq.example.org/audit+0123abcd+BASE64                  its public key: for whoever checks
//
// Pure but for random numbers and the key file; any thread.
#pragma once

#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "pipeline/audit/chain.h"

namespace vtq {

/// The key file cannot be used. Says what to do.
struct NoteKeyError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A public key and its name.
class NoteVerifier {
 public:
  /// Nothing: it is none.
  static std::optional<NoteVerifier> read(std::string_view text);

  const std::string& name() const { return name_; }
  /// The note's text, with its last line break, if this key signed it.
  std::optional<std::string> open(std::string_view note) const;

 private:
  friend class NoteKey;
  std::string name_;
  std::string hash_;    // 4 bytes
  std::string public_;  // 32 bytes
};

class NoteKey {
 public:
  /// A name has no spaces and no `+`, and is not empty. Throws NoteKeyError.
  static NoteKey make(const std::string& name);
  /// Nothing: it is none.
  static std::optional<NoteKey> parse(std::string_view text);
  /// Throws NoteKeyError: no such file, others can read it, it has no key in it.
  static NoteKey read(const std::filesystem::path& file);
  /// Makes a file with it. Throws NoteKeyError, also when there is one.
  void write(const std::filesystem::path& file) const;

  const std::string& name() const { return name_; }
  std::string private_text() const;
  std::string public_text() const;
  /// `text` ends with a line break.
  std::string sign(const std::string& text) const;

 private:
  static NoteKey of_seed(std::string name, std::string seed);
  std::string name_;
  std::string seed_;    // 32 bytes
  std::string public_;  // 32 bytes
  std::string secret_;  // 64 bytes, as the library has it
};

/// What a checkpoint says of a partition's audit.
struct Checkpoint {
  std::string origin;  ///< the key's name, `/` and the partition
  std::uint64_t size = 0;
  Hash256 root{};

  bool operator==(const Checkpoint&) const = default;
};

std::string origin_of(std::string_view key_name, std::uint32_t partition);
/// Text of a checkpoint, to be signed; and back. Nothing: it is none.
std::string checkpoint_text(const Checkpoint& checkpoint);
std::optional<Checkpoint> read_checkpoint(std::string_view text);
/// Of the head of a partition's audit, signed.
std::string signed_checkpoint(const NoteKey& key, std::uint32_t partition, const AuditHead& head);

}  // namespace vtq
