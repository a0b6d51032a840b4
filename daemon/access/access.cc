#include "daemon/access/access.h"

#include <algorithm>
#include <boost/algorithm/string/predicate.hpp>

namespace vtq {
namespace {

constexpr std::string_view kBearer = "Bearer ";  // in any case (RFC 9110, 11.1)
/// Longer than a signature is good for, before and after its time.
constexpr TimeMs kRememberedMs = 150'000;

Problem unknown(std::string rule, std::string detail) { return {401, "Who are you?", std::move(detail), "Authorization", std::move(rule)}; }

Problem bad_key() { return unknown("key-good", "This key is not known, has expired or was revoked; ask the operator for another."); }

}  // namespace

Problem who_are_you() {
  return unknown("caller-named", "Say who asks: `Authorization: Bearer vtq_...`. The operator makes keys: `resultsctl keys create`.");
}

Access::Access(AccessSecret secret, const Store& store, const Clock& clock)
    : secret_(std::move(secret)), clock_(clock), started_ms_(clock.now()), directory_(store, secret_) {}

TimeMs Access::time() const {
  const ClockState clock = clock_.state();
  return std::max(clock.now_ms, clock.expected_ms);
}

std::variant<SignedCaller, Problem> Access::signed_caller_of(const HttpRequest& request) const {
  auto read = read_signed_caller(request.signed_caller, {request.method, request.target, request.host}, clock_.now(), secret_);
  if (!read) return Problem{401, "Who are you?", read.error().message, read.error().field, read.error().rule, read.error().value};
  // The other instance may not know yet that the key has ended.
  const auto facts = directory_.current();
  auto key = facts->keys.find(read.value().caller.key);
  if (key != facts->keys.end() && !key->second.good_at(time())) return bad_key();
  return std::move(read).value();
}

Access::Found Access::caller_of_head(const HttpRequest& request) const {
  if (request.signed_caller.empty()) return caller_by_key(request);
  auto found = signed_caller_of(request);
  if (auto* problem = std::get_if<Problem>(&found)) return std::move(*problem);
  return std::make_shared<const Caller>(std::get<SignedCaller>(std::move(found)).caller);
}

Access::Found Access::caller_of(const HttpRequest& request) const {
  if (request.signed_caller.empty()) return caller_by_key(request);
  auto found = signed_caller_of(request);
  if (auto* problem = std::get_if<Problem>(&found)) return std::move(*problem);
  auto& said = std::get<SignedCaller>(found);
  if (said.body_hash != hash_hex(request.body))
    return Problem{401, "Who are you?", "What was signed is not this body.", std::string(kCallerHeader), "caller-signed"};
  if (request.method == "GET") return std::make_shared<const Caller>(std::move(said.caller));
  // What was said before the start nobody remembers.
  if (said.at_ms <= started_ms_ || !first_time(said.once))
    return Problem{401, "Who are you?", "This request was made already, or before this server started; sign it anew.", std::string(kCallerHeader),
                   "caller-fresh"};
  return std::make_shared<const Caller>(std::move(said.caller));
}

Access::Found Access::caller_by_key(const HttpRequest& request) const {
  if (request.forwarded)
    return unknown("caller-signed", "A request that is passed on says who asks; give all instances the same access.secret_file.");
  if (request.authorization.empty()) {
    Found found = others_.by_session ? others_.by_session(request) : std::shared_ptr<const Caller>();
    auto* caller = std::get_if<std::shared_ptr<const Caller>>(&found);
    return caller && !*caller ? others_.unnamed : found;
  }
  std::string_view text = request.authorization;
  const bool bearer = boost::istarts_with(text, kBearer);
  // A key begins with its own name, and a token never does.
  if (bearer && others_.by_token && !text.substr(kBearer.size()).starts_with("vtq_")) return others_.by_token(request, text.substr(kBearer.size()));
  auto parts = bearer ? parts_of_key(text.substr(kBearer.size())) : std::nullopt;
  if (!parts) return unknown("key-form", "Send `Authorization: Bearer vtq_...` with the key as it was shown when it was made.");
  const auto facts = directory_.current();
  auto key = facts->keys.find(parts->first);
  // The same words for every key that opens nothing: who guesses learns nothing from them.
  bool known = key != facts->keys.end() && same_secret(key->second.secret_hash, hash_hex(parts->second));
  if (!known || !key->second.good_at(time())) return bad_key();
  return std::make_shared<const Caller>(key->second.caller());
}

/// What changes something is signed for once: who listens on the way cannot say it again.
bool Access::first_time(const std::string& once) const {
  const TimeMs now = clock_.passed_ms();
  std::lock_guard lock(said_mutex_);
  while (!said_in_order_.empty() && now - said_in_order_.front().first > kRememberedMs) {
    said_.erase(said_in_order_.front().second);
    said_in_order_.pop_front();
  }
  if (!said_.insert(once).second) return false;
  said_in_order_.emplace_back(now, once);
  return true;
}

std::optional<Problem> Access::refusal(const HttpRequest& request, const RouteRights& rights, std::string_view pattern) const {
  if (rights.who == RouteRights::For::everybody) return std::nullopt;
  if (!request.caller) return who_are_you();
  return vtq::refusal(rights, *request.caller, request, pattern, *directory_.current());
}

std::function<std::optional<Rejection>(const v1::Event&, const FactKind&, const Address&)> Access::may_assert(std::shared_ptr<const Caller> caller) {
  struct Known {
    std::shared_ptr<const AccessFacts> facts;
    bool looked = false;
  };
  auto known = std::make_shared<Known>(Known{directory_.current()});
  return [this, caller = std::move(caller), known](const v1::Event&, const FactKind& kind, const Address& address) -> std::optional<Rejection> {
    auto owner = [&](QualificationId id) {
      auto owner_of = known->facts->owner(id);
      // Defined a moment ago, and not read yet.
      if (!owner_of && !std::exchange(known->looked, true)) {
        known->facts = directory_.up_to_date();
        owner_of = known->facts->owner(id);
      }
      return owner_of;
    };
    return vtq::refusal(*caller, kind, address, owner);
  };
}

std::pair<std::string, std::string> Access::sign(const Caller* caller, const HttpCall& call, std::string_view host) const {
  return {std::string(kCallerHeader), sign_caller(caller ? *caller : Caller{}, {call.method, call.target, host}, call.body, clock_.now(), secret_)};
}

}  // namespace vtq
