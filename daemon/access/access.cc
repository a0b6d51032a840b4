#include "daemon/access/access.h"

namespace vtq {
namespace {

constexpr std::string_view kBearer = "Bearer ";

Problem unknown(std::string rule, std::string detail) { return {401, "Who are you?", std::move(detail), "Authorization", std::move(rule)}; }

}  // namespace

Access::Access(const std::filesystem::path& secret_file, const Store& store, const Clock& clock)
    : secret_(AccessSecret::read(secret_file)), clock_(clock), directory_(store, secret_) {}

std::variant<std::shared_ptr<const Caller>, Problem> Access::caller_of(const HttpRequest& request) const {
  if (!request.signed_caller.empty()) {
    auto caller = read_signed_caller(request.signed_caller, {request.method, request.target, request.body}, clock_.now(), secret_);
    if (caller) return std::make_shared<const Caller>(std::move(caller).value());
    return Problem{401, "Who are you?", caller.error().message, caller.error().field, caller.error().rule, caller.error().value};
  }
  if (request.forwarded)
    return unknown("caller-signed", "A request that is passed on says who asks; give all instances the same access.secret_file.");
  if (request.authorization.empty()) return std::shared_ptr<const Caller>();
  std::string_view text = request.authorization;
  auto parts = text.starts_with(kBearer) ? parts_of_key(text.substr(kBearer.size())) : std::nullopt;
  if (!parts) return unknown("key-form", "Send `Authorization: Bearer vtq_...` with the key as it was shown when it was made.");
  const auto facts = directory_.current();
  auto key = facts->keys.find(parts->first);
  // The same words for every key that opens nothing: who guesses learns nothing from them.
  bool known = key != facts->keys.end() && same_secret(key->second.secret_hash, hash_hex(parts->second));
  if (!known || !key->second.good_at(clock_.state().now_ms))
    return unknown("key-good", "This key is not known, has expired or was revoked; ask the operator for another.");
  return std::make_shared<const Caller>(key->second.caller());
}

std::optional<Problem> Access::refusal(const HttpRequest& request, const RouteRights& rights, std::string_view pattern) const {
  if (rights.who == RouteRights::For::everybody) return std::nullopt;
  if (!request.caller)
    return unknown("caller-named", "Say who asks: `Authorization: Bearer vtq_...`. The operator makes keys: `resultsctl keys create`.");
  return vtq::refusal(rights, *request.caller, request, pattern, *directory_.current());
}

std::function<std::optional<Rejection>(const v1::Event&, const FactKind&, const Address&)> Access::may_assert(std::shared_ptr<const Caller> caller) {
  struct Known {
    std::shared_ptr<const AccessFacts> facts;
    boost::unordered_flat_map<QualificationId, AwardingOrganisationId> here;
  };
  auto known = std::make_shared<Known>(Known{directory_.up_to_date(), {}});
  return [caller = std::move(caller), known](const v1::Event& event, const FactKind& kind, const Address& address) -> std::optional<Rejection> {
    auto owner = [&](QualificationId id) {
      auto found = known->here.find(id);
      return found != known->here.end() ? std::optional(found->second) : known->facts->owner(id);
    };
    auto why = vtq::refusal(*caller, kind, address, owner);
    if (!why && event.has_qualification_defined() && address.qualification && address.awarding_organisation)
      known->here.insert_or_assign(*address.qualification, *address.awarding_organisation);
    return why;
  };
}

std::string Access::sign(const HttpRequest& request) const {
  return sign_caller(request.caller ? *request.caller : Caller{}, {request.method, request.target, request.body}, clock_.now(), secret_);
}

}  // namespace vtq
