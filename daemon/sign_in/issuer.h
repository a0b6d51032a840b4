// An OpenID Connect issuer as resultsd knows it: what its discovery document says, its keys, and the requests that sign somebody in. What asks it
// waits, until `until`, on threads for that; `look_at_once` never waits. Any thread.
//
// The document is asked for again after an hour, keys after ten minutes, or when a token names a key that is not known: that three times a minute at
// most. While the issuer does not answer, keys of up to an hour go on being used.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>

#include "daemon/sign_in/fetch.h"
#include "daemon/sign_in/key_set.h"
#include "daemon/sign_in/token.h"

namespace vtq {

struct IssuerOptions {
  std::string issuer;  ///< as it was set; `https://sign-in.example.org:443` and the same without :443 are one
  std::string client_id;
  std::string client_secret;  ///< empty: a public client, which has PKCE alone
  std::string redirect_uri;
  std::string scopes = "openid";
};

/// Whether two names of an issuer are one: the same but for a default port.
bool is_same_issuer(std::string_view one, std::string_view other);
/// Without its default port.
std::string plain_issuer(std::string_view issuer);

class Issuer {
 public:
  using Steady = std::chrono::steady_clock;
  using Until = Steady::time_point;

  /// `now`: what passes, for how old things are.
  Issuer(IssuerOptions options, Fetch fetch, std::function<Steady::time_point()> now = Steady::now);

  /// Of its discovery document.
  struct Description {
    std::string issuer, authorization, token, keys, userinfo, end_session;
    bool secret_in_form = false;  ///< it takes the client's secret in the form alone
  };
  /// Rules here and below: `issuer-reached` (no answer; it says why), `issuer-described` (an answer that cannot be used).
  Result<std::shared_ptr<const Description>> description(Until until);
  /// As far as it is known already; null: it is not.
  std::shared_ptr<const Description> described() const { return known().description; }
  /// Where a browser goes to sign in.
  std::string sign_in_url(const Description& issuer, std::string_view state, std::string_view nonce, std::string_view challenge) const;

  struct Tokens {
    std::string id_token, access_token;
  };
  /// Of a code. Rule `code-good`: the issuer does not take it, as one that was used.
  Result<Tokens> exchange(const Description& issuer, const std::string& code, const std::string& verifier, Until until);
  /// The claims of a token, once its signature is verified; further rules: `token-signature`, and those of `read_token` and `fault_of`.
  Result<nlohmann::json> claims(std::string_view token, TokenWanted wanted, TimeMs now, Until until);
  /// What the issuer says besides to who holds the access token.
  Result<nlohmann::json> more_claims(const Description& issuer, const std::string& access_token, Until until);

  /// The same as `claims` of what is known already; rule `token-keys`: the keys have to be asked for first, with `refresh_keys`.
  Result<nlohmann::json> look_at_once(std::string_view token, TokenWanted wanted, TimeMs now);
  /// Asks for document and keys where they are not known or old, or `at_once` where that is allowed again. Whether there are keys to be used.
  bool refresh_keys(bool at_once, Until until);
  bool may_ask_again();

 private:
  struct Known {
    std::shared_ptr<const Description> description;
    Until described_at{};
    std::shared_ptr<const KeySet> keys;
    Until keys_at{};
  };
  Known known() const;
  Result<nlohmann::json> document(const FetchCall& call, const std::string& what);
  Result<std::shared_ptr<const KeySet>> keys(bool at_once, Until until);
  std::chrono::milliseconds left(Until until) const;
  std::string client_credentials(const Description& issuer, std::string& form) const;

  const IssuerOptions options_;
  const Fetch fetch_;
  const std::function<Steady::time_point()> now_;
  std::timed_mutex asking_;  // one asks for document or keys at a time
  mutable std::mutex mutex_;
  Known known_;
  std::optional<std::pair<Until, Rejection>> failed_;  // when it was asked last, and did not answer
  std::vector<Until> asked_again_;                     // of the last minute
};

}  // namespace vtq
