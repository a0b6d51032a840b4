#include "daemon/access/access_secret.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "storage/sealing/secret_file.h"

namespace vtq {
namespace {

constexpr std::size_t kSecretBytes = crypto_auth_hmacsha256_KEYBYTES;

void start_library() {
  // Safe to call from several threads, and more than once.
  if (::sodium_init() < 0) throw AccessSecretError("The library of ciphers cannot be started; is there a source of random numbers?");
}

std::string hex_of(const unsigned char* bytes, std::size_t size) {
  std::string text(size * 2 + 1, '\0');
  ::sodium_bin2hex(text.data(), text.size(), bytes, size);
  text.pop_back();
  return text;
}

}  // namespace

std::string random_hex(std::size_t bytes) {
  start_library();
  std::string random(bytes, '\0');
  ::randombytes_buf(random.data(), random.size());
  return hex_of(reinterpret_cast<const unsigned char*>(random.data()), random.size());
}

std::string hash_hex(std::string_view text) {
  start_library();
  unsigned char hash[crypto_generichash_BYTES];
  ::crypto_generichash(hash, sizeof hash, reinterpret_cast<const unsigned char*>(text.data()), text.size(), nullptr, 0);
  return hex_of(hash, sizeof hash);
}

bool same_secret(std::string_view one, std::string_view other) {
  return one.size() == other.size() && ::sodium_memcmp(one.data(), other.data(), one.size()) == 0;
}

std::vector<std::string> read_secrets(const std::filesystem::path& file, const std::string& setting) {
  start_library();
  const std::string name = file.string(), make_one = " Make one with `resultsctl access make-secret " + name + "`.";
  struct stat mode {};
  if (::stat(file.c_str(), &mode) != 0) throw AccessSecretError(setting + ": " + name + " cannot be read: " + std::strerror(errno) + "." + make_one);
  if (!S_ISREG(mode.st_mode)) throw AccessSecretError(setting + ": " + name + " is no file." + make_one);
  if ((mode.st_mode & others_in_mode(file)) != 0)
    throw AccessSecretError(setting + ": " + name + " can be read by others than its owner: chmod 600 " + name +
                            ", and if others could read it for long, put a new secret in its place.");
  std::ifstream in(file);
  if (!in)
    throw AccessSecretError(setting + ": " + name + " cannot be read: " + std::strerror(errno) + ". Give it to the user that runs this: chown USER " +
                            name + ".");
  std::vector<std::string> secrets;
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    if (line.empty() || line.starts_with('#')) continue;
    std::string secret(kSecretBytes, '\0');
    std::size_t size = 0;
    const char* end = nullptr;
    if (::sodium_hex2bin(reinterpret_cast<unsigned char*>(secret.data()), secret.size(), line.data(), line.size(), nullptr, &size, &end) != 0 ||
        size != kSecretBytes || end != line.data() + line.size())
      throw AccessSecretError(setting + ": line " + std::to_string(number) + " of " + name + " is no secret: give 64 hexadecimal digits.");
    secrets.push_back(std::move(secret));
  }
  if (secrets.empty()) throw AccessSecretError(setting + ": " + name + " has no secret in it." + make_one);
  return secrets;
}

AccessSecret AccessSecret::read(const std::filesystem::path& file) {
  AccessSecret read;
  read.secrets_ = read_secrets(file, "access.secret_file");
  return read;
}

AccessSecret AccessSecret::passing() {
  start_library();
  AccessSecret made;
  made.secrets_.emplace_back(kSecretBytes, '\0');
  ::randombytes_buf(made.secrets_.back().data(), kSecretBytes);
  return made;
}

void AccessSecret::make(const std::filesystem::path& file) {
  std::string text =
      "# The access secret of resultsd. Whoever can read this file is the operator. All instances have the same.\n" + random_hex(kSecretBytes) + "\n";
  int made = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (made < 0)
    throw AccessSecretError(file.string() + " cannot be made: " + std::strerror(errno) + "." +
                            (errno == EEXIST ? " To put a new secret in its place, move it away first: keys sealed with the old one end then." : ""));
  bool written = ::write(made, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(made) == 0;
  int why = errno;
  ::close(made);
  if (!written) throw AccessSecretError(file.string() + " cannot be written: " + std::strerror(why) + ".");
}

std::string AccessSecret::seal(std::string_view text) const {
  unsigned char mac[crypto_auth_hmacsha256_BYTES];
  ::crypto_auth_hmacsha256(mac, reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                           reinterpret_cast<const unsigned char*>(secrets_.front().data()));
  return hex_of(mac, sizeof mac);
}

std::vector<std::string> AccessSecret::keys_for(std::string_view use) const {
  std::vector<std::string> keys;
  for (const std::string& secret : secrets_) {
    std::string key(crypto_auth_hmacsha256_BYTES, '\0');
    ::crypto_auth_hmacsha256(reinterpret_cast<unsigned char*>(key.data()), reinterpret_cast<const unsigned char*>(use.data()), use.size(),
                             reinterpret_cast<const unsigned char*>(secret.data()));
    keys.push_back(std::move(key));
  }
  return keys;
}

bool AccessSecret::sealed(std::string_view text, std::string_view seal) const {
  bool found = false;
  for (const std::string& secret : secrets_) {
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    ::crypto_auth_hmacsha256(mac, reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                             reinterpret_cast<const unsigned char*>(secret.data()));
    if (same_secret(hex_of(mac, sizeof mac), seal)) found = true;
  }
  return found;
}

}  // namespace vtq
