// TLS 1.2 and 1.3: the certificate and key of the server, read again when their files change, and whom a client trusts. A connection keeps the
// certificate that it began with.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>

namespace boost::asio::ssl {
class context;
}

namespace vtq {

using TlsContext = std::shared_ptr<boost::asio::ssl::context>;

/// What is wrong with a file of TLS. `what()` says it in words, and what to do.
struct TlsFault : std::runtime_error {
  TlsFault(std::string field_is, std::string rule_is, std::string value_is, const std::string& words)
      : std::runtime_error(words), field(std::move(field_is)), rule(std::move(rule_is)), value(std::move(value_is)) {}

  std::string field;  ///< the setting that names the file
  std::string rule;   ///< `file-readable`, `certificate-form`, `certificate-time`, `certificate-chain`, `key-form`, `key-fits`
  std::string value;  ///< the file, or the date that is wrong
};

/// Of a server. PEM; the certificate first, then those that lead to its authority.
struct TlsFiles {
  std::string certificate, key;
};

/// What a server shows to new connections: no protocol before 1.2, of 1.2 the suites with forward secrecy and authenticated encryption, no
/// renegotiation, no compression, no cache of sessions (tickets need none), `http/1.1` in ALPN.
class TlsCertificate {
 public:
  /// Reads the files. Throws TlsFault.
  explicit TlsCertificate(TlsFiles files);

  /// Looks whether the files changed, by time, size and inode, and reads them once they stand still: two looks alike. `at_once`: reads them in
  /// any case. Whether new connections get another certificate from here on. Throws TlsFault when what is there now cannot be used, once for
  /// each change and reason: the one before stays, and the files are tried at each look until they can be used. On one thread at a time.
  bool renew(bool at_once);

  /// For a connection that begins. Any thread.
  TlsContext context() const;
  /// When the certificate ends, in seconds of Unix time. Any thread.
  std::int64_t ends_s() const;
  /// Its serial number in hexadecimal digits. Any thread.
  std::string serial() const;

 private:
  struct Loaded {
    TlsContext context;
    std::int64_t ends_s = 0;
    std::string serial;
  };
  struct Sign {
    std::int64_t changed_ns = 0;
    std::int64_t bytes = -1;  ///< -1: there is no such file
    ino_t inode = 0;
    bool operator==(const Sign&) const = default;
  };
  using Signs = std::array<Sign, 2>;

  Signs look() const;
  Loaded load() const;

  TlsFiles files_;
  Signs seen_, read_;
  std::string fault_;  // of the files as they are: rule and value; empty: none
  mutable std::mutex mutex_;
  Loaded loaded_;
};

/// Of a client that trusts the authorities in `ca_file` (PEM), or those of the system when it is empty. Throws std::invalid_argument when the
/// file cannot be used.
TlsContext trust_of(const std::string& ca_file);

}  // namespace vtq
