#include "storage/sealing/seal.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "storage/sealing/secret_file.h"

namespace vtq {
namespace {

constexpr std::size_t kKeyBytes = crypto_aead_xchacha20poly1305_ietf_KEYBYTES;
constexpr std::size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr std::size_t kHeadBytes = 1 + sizeof(SealKeyId);
constexpr std::size_t kWrappedBytes = kKeyBytes + kTagBytes;
constexpr std::size_t kBatchHeadBytes = kHeadBytes + kNonceBytes + kWrappedBytes;
/// A line has no more; a file has no more keys than are worth keeping.
constexpr std::size_t kFileBytesMax = 64u << 10;
constexpr std::string_view kWrappedName = "batch key ";
static_assert(kHeadBytes + kNonceBytes + kTagBytes == Seal::kOverhead);
static_assert(kKeyBytes == 32 && crypto_box_PUBLICKEYBYTES == 32 && crypto_box_SECRETKEYBYTES == 32 && crypto_box_SEEDBYTES == 32);

unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

void start_library() {
  // Safe to call from several threads, and more than once.
  if (::sodium_init() < 0) throw SealError("The library of ciphers cannot be started; is there a source of random numbers?");
}

/// Asking the system for each nonce by itself would cost more than sealing.
void random_nonce(unsigned char* out) {
  constexpr std::size_t kAtOnce = 128;
  struct Ahead {
    std::array<unsigned char, kAtOnce * kNonceBytes> bytes;
    std::size_t used = kAtOnce;
  };
  static thread_local Ahead ahead;
  if (ahead.used == kAtOnce) {
    ::randombytes_buf(ahead.bytes.data(), ahead.bytes.size());
    ahead.used = 0;
  }
  std::memcpy(out, ahead.bytes.data() + kNonceBytes * ahead.used++, kNonceBytes);
}

void put_head(unsigned char* out, char form, SealKeyId id) {
  out[0] = static_cast<unsigned char>(form);
  for (std::size_t byte = 0; byte < sizeof id; ++byte) out[1 + byte] = static_cast<unsigned char>(id >> (8 * (sizeof id - 1 - byte)));
}

std::size_t step_of(SealedAs as) { return as == SealedAs::record ? Seal::kRecordStep : Seal::kStep; }

/// What fills a value up: a byte 0x80, and zeros.
constexpr unsigned char kFill = 0x80;

/// Cut off again; false: it is not there.
bool take_off_filling(std::string& text) {
  auto end = text.find_last_not_of('\0');
  if (end == text.npos || static_cast<unsigned char>(text[end]) != kFill) return false;
  text.resize(end);
  return true;
}

/// Nonce, ciphertext and tag, to `out`, which has room.
void encrypt(const unsigned char* key, std::string_view place, std::string_view plain, unsigned char* out) {
  random_nonce(out);
  ::crypto_aead_xchacha20poly1305_ietf_encrypt(out + kNonceBytes, nullptr, bytes_of(plain), plain.size(), bytes_of(place), place.size(), nullptr, out,
                                               key);
}

/// The same of `plain` filled up to a step.
void encrypt_filled(const unsigned char* key, std::string_view place, std::string_view plain, std::size_t step, unsigned char* out) {
  const std::size_t size = Seal::filled(plain.size(), step);
  unsigned char* text = out + kNonceBytes;
  std::copy(plain.begin(), plain.end(), text);
  text[plain.size()] = kFill;
  std::fill(text + plain.size() + 1, text + size, static_cast<unsigned char>(0));
  random_nonce(out);
  // In its place.
  ::crypto_aead_xchacha20poly1305_ietf_encrypt(text, nullptr, text, size, bytes_of(place), place.size(), nullptr, out, key);
}

/// What `encrypt` made. `out` has room for all but nonce and tag.
bool decrypt(const unsigned char* key, std::string_view place, std::string_view sealed, unsigned char* out) {
  if (sealed.size() < kNonceBytes + kTagBytes) return false;
  const unsigned char* nonce = bytes_of(sealed);
  return ::crypto_aead_xchacha20poly1305_ietf_decrypt(out, nullptr, nullptr, nonce + kNonceBytes, sealed.size() - kNonceBytes, bytes_of(place),
                                                      place.size(), nonce, key) == 0;
}

bool decrypt_filled(const unsigned char* key, std::string_view place, std::string_view sealed, std::string& out) {
  if (sealed.size() < kNonceBytes + kTagBytes) return false;
  std::string opened(sealed.size() - kNonceBytes - kTagBytes, '\0');
  if (!decrypt(key, place, sealed, bytes_of(opened)) || !take_off_filling(opened)) return false;
  out = std::move(opened);
  return true;
}

/// What the rows of a batch are sealed with, so that the batch's key itself is used to derive alone.
std::array<unsigned char, 32> rows_key(const BatchKey& key) {
  std::array<unsigned char, 32> made;
  derive_bytes(made.data(), made.size(), key.bytes.data(), "rows");
  return made;
}

std::optional<SealKeyId> parse_id(std::string_view text) {
  if (text.size() != 8) return std::nullopt;
  SealKeyId id = 0;
  for (char c : text) {
    int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) return std::nullopt;
    id = id << 4 | static_cast<SealKeyId>(digit);
  }
  return id == 0 ? std::nullopt : std::optional(id);
}

/// `3f9a01c2:base64` of 32 bytes.
std::optional<SealKeyId> parse_line(std::string_view line, unsigned char* key) {
  auto id = parse_id(line.substr(0, line.find(':')));
  if (!id || line.size() < 9 || line[8] != ':') return std::nullopt;
  std::string_view text = line.substr(9);
  std::size_t size = 0;
  const char* end = nullptr;
  if (::sodium_base642bin(key, kKeyBytes, text.data(), text.size(), nullptr, &size, &end, sodium_base64_VARIANT_ORIGINAL) != 0 || size != kKeyBytes ||
      end != text.data() + text.size())
    return std::nullopt;
  return id;
}

std::string line_of(SealKeyId id, const unsigned char* key) {
  std::string text(sodium_base64_ENCODED_LEN(kKeyBytes, sodium_base64_VARIANT_ORIGINAL), '\0');
  ::sodium_bin2base64(text.data(), text.size(), key, kKeyBytes, sodium_base64_VARIANT_ORIGINAL);
  text.resize(std::strlen(text.c_str()));
  return text_of_seal_key(id) + ":" + text;
}

}  // namespace

std::string text_of_seal_key(SealKeyId id) {
  char text[9];
  std::snprintf(text, sizeof text, "%08x", id);
  return text;
}

void derive_bytes(unsigned char* out, std::size_t length, const unsigned char* key, std::string_view label, std::string_view data) {
  crypto_generichash_state state;
  ::crypto_generichash_init(&state, key, 32, length);
  // The label ends where a zero stands, which none has in it.
  ::crypto_generichash_update(&state, bytes_of(label), label.size());
  const unsigned char zero = 0;
  ::crypto_generichash_update(&state, &zero, 1);
  ::crypto_generichash_update(&state, bytes_of(data), data.size());
  ::crypto_generichash_final(&state, out, length);
}

// ---- the key file ----

std::shared_ptr<const Seal> Seal::read(const std::filesystem::path& file) {
  const std::string name = file.string();
  struct stat found {};
  if (::stat(file.c_str(), &found) != 0)
    throw SealError("seal.key_file: " + name + " cannot be read: " + std::strerror(errno) + ". Make one with resultsctl seal keygen " + name +
                    ", or put it back: without it nothing that was sealed opens.");
  if ((found.st_mode & others_in_mode(file)) != 0)
    throw SealError("seal.key_file: " + name + " can be read by others than its owner: chmod 600 " + name +
                    ", and if others could read it for long, put a new key in front of it.");
  std::ifstream in(file, std::ios::binary);
  if (!in)
    throw SealError("seal.key_file: " + name + " cannot be read: " + std::strerror(errno) + ". Give it to the user that runs this: chown USER " +
                    name + ".");
  std::string text(kFileBytesMax + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kFileBytesMax) throw SealError("seal.key_file: " + name + " is larger than 64 KiB: it is no file of keys.");
  auto seal = std::make_shared<const Seal>(text, name);
  ::sodium_memzero(text.data(), text.size());
  return seal;
}

std::string Seal::new_line() {
  start_library();
  unsigned char key[kKeyBytes];
  ::randombytes_buf(key, sizeof key);
  SealKeyId id = 0;
  while (id == 0) ::randombytes_buf(&id, sizeof id);
  std::string line = line_of(id, key);
  ::sodium_memzero(key, sizeof key);
  return line;
}

void Seal::make(const std::filesystem::path& file) {
  std::string text =
      "# Keys of resultsd that results are sealed with: the first seals, all of them open. Whoever can read this file can read results.\n" +
      new_line() + "\n";
  int made = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (made < 0)
    throw SealError(file.string() + " cannot be made: " + std::strerror(errno) + "." +
                    (errno == EEXIST ? " To change keys, put a line of resultsctl seal new-key into it, and leave the others." : ""));
  bool written = ::write(made, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(made) == 0;
  int why = errno;
  ::close(made);
  ::sodium_memzero(text.data(), text.size());
  if (!written) throw SealError(file.string() + " cannot be written: " + std::strerror(why) + ".");
}

Seal::Seal(std::string_view text, const std::string& name) {
  start_library();
  // A list that grows would leave copies of keys behind.
  keys_.reserve(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1);
  unsigned char key[kKeyBytes];
  for (std::size_t number = 1; !text.empty(); ++number) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
    if (line.empty() || line.front() == '#') continue;
    auto id = parse_line(line, key);
    if (!id)
      throw SealError("seal.key_file: line " + std::to_string(number) + " of " + name +
                      " is no key: give 8 hexadecimal digits, a colon, and 32 bytes in base64, as resultsctl seal new-key does.");
    if (has(*id)) throw SealError("seal.key_file: key " + text_of_seal_key(*id) + " stands twice in " + name + "; leave one of them.");
    add(*id, key);
  }
  ::sodium_memzero(key, sizeof key);
  if (keys_.empty()) throw SealError("seal.key_file: " + name + " has no key in it. Make one with resultsctl seal keygen FILE.");
}

void Seal::add(SealKeyId id, const unsigned char* master) {
  constexpr std::string_view kNames[kSealedAs] = {"record", "log", "dead", "event", "wrapped"};
  Key made{.id = id};
  for (std::size_t as = 0; as < kSealedAs; ++as) derive_bytes(made.of[as].data(), made.of[as].size(), master, kNames[as]);
  derive_bytes(made.batches.data(), made.batches.size(), master, "batches");
  derive_bytes(made.names.data(), made.names.size(), master, "names");
  unsigned char seed[crypto_box_SEEDBYTES];
  derive_bytes(seed, sizeof seed, master, "box");
  ::crypto_box_seed_keypair(made.box_public.data(), made.box_secret.data(), seed);
  ::sodium_memzero(seed, sizeof seed);
  keys_.push_back(made);
  ::sodium_memzero(&made, sizeof made);
}

Seal::~Seal() {
  for (Key& key : keys_) ::sodium_memzero(&key, sizeof key);
}

const Seal::Key* Seal::find(SealKeyId id) const {
  for (const Key& key : keys_)
    if (key.id == id) return &key;
  return nullptr;
}

std::optional<SealKeyId> Seal::key_of(std::string_view sealed) {
  if (!is_sealed(sealed) || sealed.size() < kHeadBytes) return std::nullopt;
  SealKeyId id = 0;
  for (std::size_t byte = 1; byte < kHeadBytes; ++byte) id = id << 8 | static_cast<unsigned char>(sealed[byte]);
  return id;
}

// ---- values ----

void Seal::close(SealedAs as, std::string_view place, std::string_view plain, std::string& out) const {
  out.resize(kOverhead + filled(plain.size(), step_of(as)));
  put_head(bytes_of(out), kDirect, first());
  encrypt_filled(keys_.front().of[static_cast<std::size_t>(as)].data(), place, plain, step_of(as), bytes_of(out) + kHeadBytes);
}

Opening Seal::open(SealedAs as, std::string_view place, std::string_view sealed, std::string& out) const {
  auto id = key_of(sealed);
  if (!id || sealed[0] != kDirect) return Opening::damaged;
  const Key* key = find(*id);
  if (!key) return Opening::unknown_key;
  bool opened = decrypt_filled(key->of[static_cast<std::size_t>(as)].data(), place, sealed.substr(kHeadBytes), out);
  return opened ? Opening::opened : Opening::damaged;
}

// ---- batches ----

BatchKey Seal::batch_key_for(std::string_view place, std::string_view plain) const {
  BatchKey key;
  std::string whole = std::to_string(place.size()) + " ";
  whole += place;
  whole += plain;
  derive_bytes(key.bytes.data(), key.bytes.size(), keys_.front().batches.data(), "batch", whole);
  return key;
}

void Seal::close_batch(std::string_view place, std::string_view plain, const BatchKey& key, std::string& out) const {
  out.resize(kBatchHeadBytes + kNonceBytes + filled(plain.size(), kBatchStep) + kTagBytes);
  put_head(bytes_of(out), kBatch, first());
  encrypt(keys_.front().of[static_cast<std::size_t>(SealedAs::wrapped)].data(), std::string(kWrappedName) + std::string(place),
          {reinterpret_cast<const char*>(key.bytes.data()), key.bytes.size()}, bytes_of(out) + kHeadBytes);
  encrypt_filled(rows_key(key).data(), place, plain, kBatchStep, bytes_of(out) + kBatchHeadBytes);
}

Opening Seal::batch_key_of(std::string_view place, std::string_view sealed, BatchKey& key) const {
  auto id = key_of(sealed);
  if (!id || sealed[0] != kBatch || sealed.size() < kBatchHeadBytes) return Opening::damaged;
  const Key* master = find(*id);
  if (!master) return Opening::unknown_key;
  BatchKey found;
  bool opened = decrypt(master->of[static_cast<std::size_t>(SealedAs::wrapped)].data(), std::string(kWrappedName) + std::string(place),
                        sealed.substr(kHeadBytes, kNonceBytes + kWrappedBytes), found.bytes.data());
  if (!opened) return Opening::damaged;
  key = found;
  return Opening::opened;
}

Opening Seal::open_batch(std::string_view place, std::string_view sealed, std::string& out) const {
  BatchKey key;
  if (Opening opening = batch_key_of(place, sealed, key); opening != Opening::opened) return opening;
  return decrypt_filled(rows_key(key).data(), place, sealed.substr(kBatchHeadBytes), out) ? Opening::opened : Opening::damaged;
}

Opening Seal::wrap_anew(std::string_view place, std::string_view sealed, std::string& out) const {
  BatchKey key;
  std::string plain;
  if (Opening opening = batch_key_of(place, sealed, key); opening != Opening::opened) return opening;
  if (Opening opening = open_batch(place, sealed, plain); opening != Opening::opened) return opening;
  close_batch(place, plain, key, out);
  return Opening::opened;
}

// ---- names, boxes ----

std::vector<std::string> Seal::names_of(std::string_view text) const {
  constexpr std::size_t kNameBytes = 16;
  std::vector<std::string> names;
  for (const Key& key : keys_) {
    std::string& name = names.emplace_back(kNameBytes, '\0');
    derive_bytes(bytes_of(name), name.size(), key.names.data(), "name", text);
  }
  return names;
}

std::string Seal::public_key() const {
  const auto& key = keys_.front().box_public;
  return {reinterpret_cast<const char*>(key.data()), key.size()};
}

std::string Seal::public_key_text() const { return line_of(first(), keys_.front().box_public.data()); }

Opening Seal::open_box(std::string_view sealed, std::string& out) const {
  auto id = key_of(sealed);
  if (!id || sealed[0] != kBox || sealed.size() < kHeadBytes + crypto_box_SEALBYTES) return Opening::damaged;
  const Key* key = find(*id);
  if (!key) return Opening::unknown_key;
  std::string_view box = sealed.substr(kHeadBytes);
  std::string opened(box.size() - crypto_box_SEALBYTES, '\0');
  if (::crypto_box_seal_open(bytes_of(opened), bytes_of(box), box.size(), key->box_public.data(), key->box_secret.data()) != 0 ||
      !take_off_filling(opened))
    return Opening::damaged;
  out = std::move(opened);
  return Opening::opened;
}

std::optional<SealRecipient> parse_seal_recipient(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.remove_suffix(1);
  SealRecipient to;
  auto id = parse_line(text, to.key.data());
  if (!id) return std::nullopt;
  to.id = *id;
  return to;
}

std::string close_box(const SealRecipient& to, std::string_view plain) {
  start_library();
  std::string text(plain);
  text += static_cast<char>(kFill);
  text.resize(Seal::filled(plain.size(), Seal::kStep), '\0');
  std::string out(kHeadBytes + crypto_box_SEALBYTES + text.size(), '\0');
  put_head(bytes_of(out), Seal::kBox, to.id);
  if (::crypto_box_seal(bytes_of(out) + kHeadBytes, bytes_of(text), text.size(), to.key.data()) != 0)
    throw SealError("The public key " + text_of_seal_key(to.id) + " is none that can be sealed to; ask resultsd for it again.");
  return out;
}

}  // namespace vtq
