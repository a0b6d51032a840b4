// Who calls, and whether it may: what the service asks before a request goes to its route. Any thread; it never waits, but where it says so.
#pragma once

#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <unordered_set>
#include <utility>
#include <variant>

#include "daemon/access/access_directory.h"
#include "daemon/access/rights.h"
#include "daemon/access/signed_caller.h"
#include "daemon/engine/clock.h"
#include "daemon/http/http_client.h"

namespace vtq {

/// 401: nobody says who asks.
Problem who_are_you();

class Access {
 public:
  /// Store and clock outlive it.
  Access(AccessSecret secret, const Store& store, const Clock& clock);

  using Found = std::variant<std::shared_ptr<const Caller>, Problem>;
  /// Further ways to say who asks; each may be null. Called on the `http` thread: they never wait.
  struct OtherWays {
    std::function<Found(const HttpRequest&, std::string_view token)> by_token = {};  ///< a bearer's token that is no key
    std::function<Found(const HttpRequest&)> by_session = {};                        ///< where nothing else is said; null: no session either
    std::shared_ptr<const Caller> unnamed = {};                                      ///< who a request is taken for that says nothing at all
  };
  /// Before requests are taken.
  void also_by(OtherWays others) { others_ = std::move(others); }
  /// Who calls: by a signed caller of an instance or the operator, or by key. A request that says nothing has none, null; one that says something
  /// wrong is a problem (401).
  Found caller_of(const HttpRequest& request) const;
  /// The same of a request whose body is still to come: what it says of the body is not looked at.
  Found caller_of_head(const HttpRequest& request) const;
  /// Why this request may not have its route; nothing: it may.
  std::optional<Problem> refusal(const HttpRequest& request, const RouteRights& rights, std::string_view pattern) const;
  /// Why this caller may not assert an event, for the events of one body. Looks at the store, once, where a qualification is not known: throws
  /// StoreError.
  std::function<std::optional<Rejection>(const v1::Event&, const FactKind&, const Address&)> may_assert(std::shared_ptr<const Caller> caller);

  /// By what keys end: the clock while it is trusted, and never earlier than what it should say.
  TimeMs time() const;

  const AccessSecret& secret() const { return secret_; }
  AccessDirectory& directory() { return directory_; }
  /// Name and value of the header that tells another instance, at `host`, who asks.
  std::pair<std::string, std::string> sign(const Caller* caller, const HttpCall& call, std::string_view host) const;

 private:
  std::variant<SignedCaller, Problem> signed_caller_of(const HttpRequest& request) const;
  Found caller_by_key(const HttpRequest& request) const;
  bool first_time(const std::string& once) const;

  const AccessSecret secret_;
  OtherWays others_;
  const Clock& clock_;
  const TimeMs started_ms_;  // by the wall clock
  // Of signed callers that changed something in the last minutes: each is good for once.
  mutable std::mutex said_mutex_;
  mutable std::unordered_set<std::string> said_;
  mutable std::deque<std::pair<TimeMs, std::string>> said_in_order_;
  AccessDirectory directory_;
};

}  // namespace vtq
