// Who is signed in, in an encrypted cookie that every instance with the same keys can read; nothing of it is kept at the server. Pure but for random
// numbers; any thread.
//
// Keys are derived from the secrets of sign_in.session_key_file: the first encrypts, all of them decrypt. XChaCha20-Poly1305; each purpose has a key
// of its own, so that a cookie of one is none of another.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/access/caller.h"
#include "pipeline/base/uk_time.h"

namespace vtq {

class SessionKeys {
 public:
  /// `secrets`: 32 bytes each, at least one.
  explicit SessionKeys(std::vector<std::string> secrets);
  /// With one that nobody else knows, and that ends with the process.
  static SessionKeys passing();

  enum class Purpose { session, signing_in };
  /// As base64url.
  std::string sealed(Purpose purpose, std::string_view plain) const;
  std::optional<std::string> opened(Purpose purpose, std::string_view text) const;

  /// What a page's requests bear that change something: bound to the session.
  std::string csrf_token(std::string_view session) const;
  bool is_csrf_token(std::string_view session, std::string_view token) const;

 private:
  std::string derived(const std::string& secret, char purpose) const;
  std::vector<std::string> secrets_;
};

struct SessionLimits {
  TimeMs idle_ms = 30 * 60'000;
  TimeMs absolute_ms = 8 * 60 * 60'000;
};

struct Session {
  std::string id;      ///< random; the same while it lasts
  std::string person;  ///< as in Caller
  std::string name;    ///< for the record, as in Caller
  AccessRoles roles = {};
  Bound bound = {};
  TimeMs begun_ms = 0;
  TimeMs seen_ms = 0;  ///< within a minute

  /// At `now`. A session that was begun more than two minutes in the future is none: the clock was wrong then, or is now.
  bool good_at(TimeMs now, const SessionLimits& limits) const;
  TimeMs ends_ms(const SessionLimits& limits) const { return std::min(begun_ms + limits.absolute_ms, seen_ms + limits.idle_ms); }
  Caller caller() const { return {.name = name, .roles = roles, .bound = bound, .key = {}, .person = person}; }
};

/// The value of its cookie.
std::string text_of(const Session& session, const SessionKeys& keys);
/// Nothing: it is none of ours.
std::optional<Session> read_session(std::string_view text, const SessionKeys& keys);

/// What a browser remembers from the way to the issuer until it is back.
struct SigningIn {
  std::string state, nonce, verifier;
  std::string next;  ///< where to go then, on this server
  TimeMs begun_ms = 0;
};
/// New random ones.
SigningIn begin_signing_in(std::string next, TimeMs now);
std::string text_of(const SigningIn& way, const SessionKeys& keys);
/// Nothing: it is none of ours, or is older than ten minutes.
std::optional<SigningIn> read_signing_in(std::string_view text, const SessionKeys& keys, TimeMs now);
/// S256 of PKCE (RFC 7636).
std::string challenge_of(std::string_view verifier);

/// The one cookie of this name in a header. Nothing: there is none, or there are several.
std::optional<std::string> cookie_in(std::string_view header, std::string_view name);

/// A stable name of a person: BLAKE2b-256 of issuer and subject, hexadecimal.
std::string person_of(std::string_view issuer, std::string_view subject);

}  // namespace vtq
