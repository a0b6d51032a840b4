// People sign in: by OpenID Connect, with code flow and PKCE, or by the demonstration's own page; systems may come with tokens of the same issuer.
//
//   /sign-in -> /sign-in/start -> the issuer -> /sign-in/callback -> /signed-in
//
// What it knows of a browser is in that browser's cookies, encrypted: any instance with the same keys goes on with it. `start` and `callback` wait
// for the issuer, ten seconds at most, on threads for that; all else is for the `http` thread.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "daemon/access/access.h"
#include "daemon/engine/worker.h"
#include "daemon/sign_in/address_limit.h"
#include "daemon/sign_in/issuer.h"
#include "daemon/sign_in/roles.h"
#include "daemon/sign_in/session.h"

namespace vtq {

struct SignInOptions {
  IssuerOptions issuer;        ///< its client_id empty: no people
  std::string public_url;      ///< `https://results.example.org`, without a slash at its end
  bool encrypted = false;      ///< browsers come by https://
  std::string token_audience;  ///< of systems' tokens; empty: none are taken
  std::string roles_claim = "roles", organisation_claim = "organisation";
  std::vector<RoleGrant> roles;
  std::string roles_api_url;  ///< of the API that says the roles; empty: the claim does
  std::string roles_api_secret, roles_api_audience;
  SessionLimits limits;
  bool demonstration = false;
  std::size_t waiting_by_address_max = 8;
};

/// What became of a step: the answer, and for the record who it was or why not.
struct SignInStep {
  HttpReply reply;
  std::optional<Problem> refused;        ///< why somebody was not signed in
  std::shared_ptr<const Caller> caller;  ///< who was signed in
};

class SignIn {
 public:
  using Until = Issuer::Until;

  /// What it uses outlives it. `time`: by what sessions and tokens end.
  SignIn(SignInOptions options, SessionKeys keys, AccessDirectory& directory, std::function<TimeMs()> time, Fetch fetch);
  ~SignIn();

  bool for_people() const { return options_.demonstration || !options_.issuer.client_id.empty(); }
  /// The ways in which a request of somebody signed in, or of a system with a token, says so.
  Access::OtherWays ways();
  /// `respond`, with the session's cookie renewed where the last time was a minute ago.
  Respond keeping_session(const HttpRequest& request, Respond respond) const;

  /// Whether the body of a request is to be read whoever sends it: a form of these pages, of a few bytes.
  static bool takes_form(const HttpRequest& request);
  static bool is_form_path(std::string_view path);
  /// Fields of a form's body; broken parts are left out.
  static std::map<std::string, std::string> fields_of(std::string_view body);
  /// A place on this server, and no other server's; empty: it is none.
  static std::string safe_next(const std::string* asked);

  HttpReply begin_page(const HttpRequest& request) const;      ///< GET /sign-in
  SignInStep start(const HttpRequest& request);                ///< GET /sign-in/start; waits
  SignInStep callback(const HttpRequest& request);             ///< GET /sign-in/callback; waits
  SignInStep demonstrate(const HttpRequest& request);          ///< POST /sign-in/demonstration
  HttpReply signed_in_page(const HttpRequest& request) const;  ///< GET /signed-in
  /// GET /v1/session. `sign_in`: null where nobody signs in.
  static HttpReply session_json(const SignIn* sign_in, const HttpRequest& request);
  /// POST /sign-out: whose session it ends. A Problem (`csrf-token`): the page did not come from here.
  struct Leaving {
    std::optional<Problem> refused;
    std::shared_ptr<const Caller> caller;  ///< null: nobody was signed in
    TimeMs begun_ms = 0;                   ///< by the clock of the instance at which they signed in
  };
  Leaving leaving(const HttpRequest& request) const;
  /// Its answer, once all instances know; `why`: they do not.
  HttpReply left(const std::optional<Problem>& why) const;

  HttpReply refused_page(const Problem& problem) const;
  static Problem not_set();
  /// The page of a server where nobody signs in.
  static HttpReply refused_without();
  /// Of those that wait for the issuer.
  AddressLimit& waiting() { return waiting_; }
  void stop();

 private:
  struct Person {
    std::string subject;
    Granted granted;
  };
  std::string cookie_name() const { return options_.encrypted ? "__Host-resultsd" : "resultsd"; }
  std::string way_cookie_name() const { return options_.encrypted ? "__Host-resultsd-signing-in" : "resultsd-signing-in"; }
  std::string cookie(const std::string& name, const std::string& value, TimeMs lasts_ms) const;
  std::optional<Session> session_of(const HttpRequest& request, bool* present = nullptr) const;
  Access::Found by_session(const HttpRequest& request) const;
  Access::Found by_token(std::string_view token);
  std::optional<Problem> csrf_fault(const HttpRequest& request, const Session& session, const std::string* field) const;
  SignInStep refuse(const Problem& problem, bool forget) const;
  SignInStep begin_session(const Caller& caller, const std::string& next) const;
  Result<Person> person_by(const SigningIn& way, const std::string& code, Until until);
  Result<std::vector<std::string>> values_by_api(const std::optional<Organisation>& organisation, const std::string& subject, Until until) const;
  Result<Caller> caller_as(const std::string& who, const std::string& centre) const;
  bool first_time(const std::string& state);

  const SignInOptions options_;
  const SessionKeys keys_;
  AccessDirectory& directory_;
  const std::function<TimeMs()> time_;
  const Fetch fetch_;
  std::unique_ptr<Issuer> issuer_;  // null: the demonstration alone
  std::mutex mutex_;
  AddressLimit waiting_;
  std::unordered_set<std::string> came_back_;  // states that were used, of the last minutes
  std::deque<std::pair<TimeMs, std::string>> in_order_;
  std::atomic<bool> refreshing_{false};
  std::unique_ptr<Worker> keeper_;  // asks for keys beside; last: it uses the others. Null: no tokens are taken
};

}  // namespace vtq
