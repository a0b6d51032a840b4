#include "daemon/audit/signed_note.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>

#include "storage/sealing/secret_file.h"

namespace vtq {
namespace {

constexpr std::string_view kPrivate = "PRIVATE+KEY+";
constexpr std::string_view kDash = "\xe2\x80\x94 ";  // an em dash and a space
constexpr char kEd25519 = 1;
constexpr std::size_t kHashBytes = 4;

const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

void start_library() {
  if (::sodium_init() < 0) throw NoteKeyError("The library of ciphers cannot be started; is there a source of random numbers?");
}

std::string base64(std::string_view plain) {
  std::string text(sodium_base64_encoded_len(plain.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  ::sodium_bin2base64(text.data(), text.size(), bytes(plain), plain.size(), sodium_base64_VARIANT_ORIGINAL);
  text.resize(std::strlen(text.c_str()));
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  std::string plain(text.size(), '\0');
  std::size_t size = 0;
  const char* end = nullptr;
  if (::sodium_base642bin(bytes(plain), plain.size(), text.data(), text.size(), nullptr, &size, &end, sodium_base64_VARIANT_ORIGINAL) != 0 ||
      end != text.data() + text.size())
    return std::nullopt;
  plain.resize(size);
  return plain;
}

bool is_name(std::string_view name) {
  for (char c : name)
    if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7f || c == '+') return false;
  return !name.empty() && name.size() <= 200;
}

std::string hash_of_key(std::string_view name, std::string_view public_key) {
  Hash256 hash = sha256(std::string(name) + '\n' + kEd25519 + std::string(public_key));
  return bytes_of(hash).substr(0, kHashBytes);
}

std::string hex(std::string_view plain) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (char c : plain) {
    text += kDigits[static_cast<unsigned char>(c) >> 4];
    text += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

/// Name, hash and 32 bytes of `NAME+HASH+BASE64`.
struct KeyParts {
  std::string name, hash, key;
};
std::optional<KeyParts> parts_of(std::string_view text) {
  auto first = text.find('+'), second = first == text.npos ? text.npos : text.find('+', first + 1);
  if (second == text.npos) return std::nullopt;
  auto key = from_base64(text.substr(second + 1));
  if (!is_name(text.substr(0, first)) || !key || key->size() != 33 || key->front() != kEd25519) return std::nullopt;
  return KeyParts{std::string(text.substr(0, first)), std::string(text.substr(first + 1, second - first - 1)), key->substr(1)};
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::optional<NoteVerifier> NoteVerifier::read(std::string_view text) {
  start_library();
  auto parts = parts_of(trimmed(text));
  if (!parts || hex(hash_of_key(parts->name, parts->key)) != parts->hash) return std::nullopt;
  NoteVerifier made;
  made.name_ = parts->name;
  made.hash_ = hash_of_key(parts->name, parts->key);
  made.public_ = parts->key;
  return made;
}

std::optional<std::string> NoteVerifier::open(std::string_view note) const {
  auto end = note.rfind("\n\n");
  if (end == note.npos || !note.ends_with('\n')) return std::nullopt;
  std::string_view text = note.substr(0, end + 1), rest = note.substr(end + 2);
  while (!rest.empty()) {
    auto line_end = rest.find('\n');
    if (line_end == rest.npos) return std::nullopt;
    std::string_view line = rest.substr(0, line_end);
    rest.remove_prefix(line_end + 1);
    if (!line.starts_with(kDash)) return std::nullopt;
    line.remove_prefix(kDash.size());
    auto space = line.find(' ');
    if (space == line.npos || line.substr(0, space) != name_) continue;
    auto made = from_base64(line.substr(space + 1));
    if (!made || made->size() != kHashBytes + crypto_sign_BYTES || made->substr(0, kHashBytes) != hash_) continue;
    std::string signature = made->substr(kHashBytes);
    if (::crypto_sign_verify_detached(bytes(signature), bytes(text), text.size(), bytes(public_)) == 0) return std::string(text);
    return std::nullopt;
  }
  return std::nullopt;
}

NoteKey NoteKey::of_seed(std::string name, std::string seed) {
  start_library();
  NoteKey made;
  made.name_ = std::move(name);
  made.seed_ = std::move(seed);
  made.public_.resize(crypto_sign_PUBLICKEYBYTES);
  made.secret_.resize(crypto_sign_SECRETKEYBYTES);
  ::crypto_sign_seed_keypair(bytes(made.public_), bytes(made.secret_), bytes(made.seed_));
  return made;
}

NoteKey NoteKey::make(const std::string& name) {
  start_library();
  if (!is_name(name)) throw NoteKeyError("A key's name has 1 to 200 printable characters without spaces and +, as vtq.example.org/audit.");
  std::string seed(crypto_sign_SEEDBYTES, '\0');
  ::randombytes_buf(seed.data(), seed.size());
  return of_seed(name, std::move(seed));
}

std::optional<NoteKey> NoteKey::parse(std::string_view text) {
  text = trimmed(text);
  if (!text.starts_with(kPrivate)) return std::nullopt;
  auto parts = parts_of(text.substr(kPrivate.size()));
  if (!parts) return std::nullopt;
  NoteKey made = of_seed(parts->name, parts->key);
  if (hex(hash_of_key(made.name_, made.public_)) != parts->hash) return std::nullopt;
  return made;
}

NoteKey NoteKey::read(const std::filesystem::path& file) {
  const std::string name = file.string(), make_one = " Make one with `resultsctl audit keygen " + name + " --name vtq.example.org/audit`.";
  struct stat mode {};
  if (::stat(file.c_str(), &mode) != 0) throw NoteKeyError("audit.key_file: " + name + " cannot be read: " + std::strerror(errno) + "." + make_one);
  if (!S_ISREG(mode.st_mode)) throw NoteKeyError("audit.key_file: " + name + " is no file." + make_one);
  if ((mode.st_mode & others_in_mode(file)) != 0)
    throw NoteKeyError("audit.key_file: " + name + " can be read by others than its owner: chmod 600 " + name +
                       ", and if others could read it for long, make another key.");
  std::ifstream in(file);
  std::string line;
  if (!in || !std::getline(in, line))
    throw NoteKeyError("audit.key_file: " + name + " cannot be read. Give it to the user that runs this: chown USER " + name + ".");
  auto key = parse(line);
  if (!key) throw NoteKeyError("audit.key_file: the first line of " + name + " is no key for signing." + make_one);
  return std::move(*key);
}

void NoteKey::write(const std::filesystem::path& file) const {
  const std::string text = private_text() + "\n";
  int made = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (made < 0)
    throw NoteKeyError(file.string() + " cannot be made: " + std::strerror(errno) + "." +
                       (errno == EEXIST ? " Move the old key away first; what it signed is checked with its public key still." : ""));
  bool written = ::write(made, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(made) == 0;
  int why = errno;
  ::close(made);
  if (!written) throw NoteKeyError(file.string() + " cannot be written: " + std::strerror(why) + ".");
}

std::string NoteKey::private_text() const {
  return std::string(kPrivate) + name_ + "+" + hex(hash_of_key(name_, public_)) + "+" + base64(kEd25519 + seed_);
}

std::string NoteKey::public_text() const { return name_ + "+" + hex(hash_of_key(name_, public_)) + "+" + base64(kEd25519 + public_); }

std::string NoteKey::sign(const std::string& text) const {
  std::string signature(crypto_sign_BYTES, '\0');
  ::crypto_sign_detached(bytes(signature), nullptr, bytes(text), text.size(), bytes(secret_));
  return text + "\n" + std::string(kDash) + name_ + " " + base64(hash_of_key(name_, public_) + signature) + "\n";
}

std::string origin_of(std::string_view key_name, std::uint32_t partition) { return std::string(key_name) + "/" + std::to_string(partition); }

std::string checkpoint_text(const Checkpoint& checkpoint) {
  return checkpoint.origin + "\n" + std::to_string(checkpoint.size) + "\n" + base64(bytes_of(checkpoint.root)) + "\n";
}

std::optional<Checkpoint> read_checkpoint(std::string_view text) {
  std::string_view lines[3];
  for (std::string_view& line : lines) {
    auto end = text.find('\n');
    if (end == text.npos) return std::nullopt;
    line = text.substr(0, end);
    text.remove_prefix(end + 1);
  }
  Checkpoint read{.origin = std::string(lines[0]), .size = 0, .root = {}};
  auto [end, error] = std::from_chars(lines[1].data(), lines[1].data() + lines[1].size(), read.size);
  auto plain = from_base64(lines[2]);
  auto root = plain ? hash_of_bytes(*plain) : std::nullopt;
  if (read.origin.empty() || error != std::errc{} || end != lines[1].data() + lines[1].size() || !root) return std::nullopt;
  read.root = *root;
  return read;
}

std::string signed_checkpoint(const NoteKey& key, std::uint32_t partition, const AuditHead& head) {
  return key.sign(checkpoint_text({origin_of(key.name(), partition), head.size, root_of(head)}));
}

}  // namespace vtq
