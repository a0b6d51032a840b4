#include "daemon/sign_in/issuer.h"

#include <sodium.h>

#include <algorithm>

#include "daemon/http/http_message.h"

namespace vtq {
namespace {

constexpr std::chrono::minutes kDescriptionFresh{60}, kKeysFresh{10}, kKeysMost{60}, kAskedAgainIn{1};
constexpr std::size_t kAskedAgainMost = 3;
/// After it did not answer it is not asked again for so long: those who wait meanwhile are told at once.
constexpr std::chrono::seconds kFailedFor{2};

Rejection not_reached(const std::string& why) { return {"issuer", "issuer-reached", "", "The sign-in provider did not answer (" + why + ")."}; }
Rejection not_described(const std::string& why) {
  return {"issuer", "issuer-described", "", "The sign-in provider's answer cannot be used: " + why + "."};
}

std::string base64(std::string_view text) {
  std::string out(sodium_base64_ENCODED_LEN(text.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  ::sodium_bin2base64(out.data(), out.size(), reinterpret_cast<const unsigned char*>(text.data()), text.size(), sodium_base64_VARIANT_ORIGINAL);
  out.pop_back();
  return out;
}

}  // namespace

std::string plain_issuer(std::string_view issuer) {
  for (auto [scheme, port] :
       {std::pair(std::string_view("https://"), std::string_view(":443")), std::pair(std::string_view("http://"), std::string_view(":80"))}) {
    if (!issuer.starts_with(scheme)) continue;
    auto end = std::min(issuer.find('/', scheme.size()), issuer.size());
    std::string_view host = issuer.substr(0, end);
    if (host.ends_with(port)) host.remove_suffix(port.size());
    return std::string(host) + std::string(issuer.substr(end));
  }
  return std::string(issuer);
}

bool is_same_issuer(std::string_view one, std::string_view other) { return plain_issuer(one) == plain_issuer(other); }

Issuer::Issuer(IssuerOptions options, Fetch fetch, std::function<Steady::time_point()> now)
    : options_(std::move(options)), fetch_(std::move(fetch)), now_(std::move(now)) {}

Issuer::Known Issuer::known() const {
  std::lock_guard lock(mutex_);
  return known_;
}

std::chrono::milliseconds Issuer::left(Until until) const { return std::chrono::duration_cast<std::chrono::milliseconds>(until - Steady::now()); }

Result<nlohmann::json> Issuer::document(const FetchCall& call, const std::string& what) {
  FetchReply reply = fetch_(call);
  if (reply.status == 0) return not_reached(reply.failure);
  if (reply.status != 200) return not_described(what + " was answered with status " + std::to_string(reply.status));
  auto json = nlohmann::json::parse(reply.body, nullptr, false);
  if (!json.is_object()) return not_described(what + " is no JSON object");
  return json;
}

Result<std::shared_ptr<const Issuer::Description>> Issuer::description(Until until) {
  auto is_fresh = [&](const Known& what) { return what.description && now_() - what.described_at < kDescriptionFresh; };
  if (Known have = known(); is_fresh(have)) return have.description;
  std::unique_lock asking(asking_, until);
  if (!asking) return not_reached("others wait for it too");
  const Known have = known();
  if (is_fresh(have)) return have.description;
  auto failing = [&](Rejection why) -> Result<std::shared_ptr<const Description>> {
    std::lock_guard lock(mutex_);
    failed_ = std::pair(now_(), why);
    if (known_.description) return known_.description;  // it has hardly moved
    return why;
  };
  {
    std::lock_guard lock(mutex_);
    if (failed_ && now_() - failed_->first < kFailedFor) {
      if (known_.description) return known_.description;
      return failed_->second;
    }
  }
  std::string base = options_.issuer;
  if (base.ends_with('/')) base.pop_back();
  auto found = document({.url = base + "/.well-known/openid-configuration", .time_max = left(until)}, "its discovery document");
  if (!found) return failing(found.error());
  const nlohmann::json& json = found.value();
  auto said = std::make_shared<Description>(Description{.issuer = text_of_claim(json, "issuer"),
                                                        .authorization = text_of_claim(json, "authorization_endpoint"),
                                                        .token = text_of_claim(json, "token_endpoint"),
                                                        .keys = text_of_claim(json, "jwks_uri"),
                                                        .userinfo = text_of_claim(json, "userinfo_endpoint"),
                                                        .end_session = text_of_claim(json, "end_session_endpoint")});
  if (!is_same_issuer(said->issuer, options_.issuer)) return failing(not_described("it names another issuer than sign_in.issuer does"));
  for (const std::string& url : {said->authorization, said->token, said->keys})
    if (!may_be_asked(url)) return failing(not_described("an address in it is missing, or is not https://"));
  for (std::string* url : {&said->userinfo, &said->end_session})
    if (!may_be_asked(*url)) url->clear();
  if (auto ways = json.find("token_endpoint_auth_methods_supported"); ways != json.end() && ways->is_array()) {
    auto has = [&](const char* way) { return std::find(ways->begin(), ways->end(), nlohmann::json(way)) != ways->end(); };
    said->secret_in_form = has("client_secret_post") && !has("client_secret_basic");
  }
  std::lock_guard lock(mutex_);
  known_.description = std::move(said);
  known_.described_at = now_();
  failed_.reset();
  return known_.description;
}

std::string Issuer::sign_in_url(const Description& issuer, std::string_view state, std::string_view nonce, std::string_view challenge) const {
  std::string url = issuer.authorization + (issuer.authorization.find('?') == std::string::npos ? "?" : "&");
  url += "response_type=code&client_id=" + percent_encode(options_.client_id) + "&redirect_uri=" + percent_encode(options_.redirect_uri);
  url += "&scope=" + percent_encode(options_.scopes) + "&state=" + percent_encode(state) + "&nonce=" + percent_encode(nonce);
  return url + "&code_challenge=" + percent_encode(challenge) + "&code_challenge_method=S256";
}

/// The header that says who asks, or, where the issuer wants it so, a part of the form.
std::string Issuer::client_credentials(const Description& issuer, std::string& form) const {
  if (!options_.client_secret.empty() && !issuer.secret_in_form)
    return "Basic " + base64(percent_encode(options_.client_id) + ":" + percent_encode(options_.client_secret));
  form += "&client_id=" + percent_encode(options_.client_id);
  if (!options_.client_secret.empty()) form += "&client_secret=" + percent_encode(options_.client_secret);
  return "";
}

Result<Issuer::Tokens> Issuer::exchange(const Description& issuer, const std::string& code, const std::string& verifier, Until until) {
  FetchCall call{.url = issuer.token, .time_max = left(until)};
  call.form = "grant_type=authorization_code&code=" + percent_encode(code) + "&redirect_uri=" + percent_encode(options_.redirect_uri) +
              "&code_verifier=" + percent_encode(verifier);
  call.authorization = client_credentials(issuer, call.form);
  FetchReply reply = fetch_(call);
  if (reply.status == 0) return not_reached(reply.failure);
  auto json = nlohmann::json::parse(reply.body, nullptr, false);
  if (reply.status == 400 && json.is_object() && text_of_claim(json, "error") == "invalid_grant")
    return Rejection{"code", "code-good", "", "The sign-in provider does not take this code: it was used, or is too old."};
  if (reply.status != 200 || !json.is_object()) return not_described("the code was answered with status " + std::to_string(reply.status));
  Tokens tokens{.id_token = text_of_claim(json, "id_token"), .access_token = text_of_claim(json, "access_token")};
  if (tokens.id_token.empty()) return not_described("it gave no ID token; scope openid is needed");
  return tokens;
}

Result<std::shared_ptr<const KeySet>> Issuer::keys(bool at_once, Until until) {
  auto is_fresh = [&](const Known& what) { return what.keys && now_() - what.keys_at < kKeysFresh; };
  const Known before = known();
  if (!at_once && is_fresh(before)) return before.keys;
  auto issuer = description(until);
  if (!issuer) return issuer.error();
  std::unique_lock asking(asking_, until);
  if (!asking) return not_reached("others wait for it too");
  const Known have = known();
  // Somebody else has asked meanwhile.
  if (is_fresh(have) && (!at_once || have.keys_at != before.keys_at)) return have.keys;
  auto found = document({.url = issuer.value()->keys, .time_max = left(until)}, "its keys");
  auto read = found ? KeySet::read(found.value().dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)) : std::nullopt;
  if (!read) {
    if (have.keys && now_() - have.keys_at < kKeysMost) return have.keys;
    if (!found) return found.error();
    return not_described("its keys cannot be read");
  }
  std::lock_guard lock(mutex_);
  known_.keys = std::make_shared<const KeySet>(std::move(*read));
  known_.keys_at = now_();
  return known_.keys;
}

bool Issuer::may_ask_again() {
  std::lock_guard lock(mutex_);
  const auto now = now_();
  std::erase_if(asked_again_, [&](Until at) { return now - at >= kAskedAgainIn; });
  if (asked_again_.size() >= kAskedAgainMost) return false;
  asked_again_.push_back(now);
  return true;
}

bool Issuer::refresh_keys(bool at_once, Until until) { return keys(at_once, until).has_value(); }

namespace {

Rejection not_signed() { return {"token", "token-signature", "", "The token is not signed by its issuer."}; }

}  // namespace

Result<nlohmann::json> Issuer::claims(std::string_view text, TokenWanted wanted, TimeMs now, Until until) {
  auto token = read_token(text);
  if (!token) return token.error();
  auto issuer = description(until);
  if (!issuer) return issuer.error();
  auto have = keys(false, until);
  if (!have) return have.error();
  const Token& said = token.value();
  auto look = [&](const KeySet& set) { return set.look(said.algorithm, said.key, said.signed_text, said.signature); };
  KeySet::Signed found = look(*have.value());
  if (found == KeySet::Signed::unknown_key && may_ask_again()) {
    have = keys(true, until);
    if (!have) return have.error();
    found = look(*have.value());
  }
  if (found != KeySet::Signed::yes) return not_signed();
  wanted.issuer = issuer.value()->issuer;
  if (auto fault = fault_of(said.claims, wanted, now)) return *fault;
  return said.claims;
}

Result<nlohmann::json> Issuer::look_at_once(std::string_view text, TokenWanted wanted, TimeMs now) {
  auto token = read_token(text);
  if (!token) return token.error();
  const Rejection no_keys{"token", "token-keys", "", "The issuer's keys are being asked for; send it again in a moment."};
  const Known have = known();
  if (!have.description || !have.keys || now_() - have.keys_at >= kKeysMost) return no_keys;
  const Token& said = token.value();
  switch (have.keys->look(said.algorithm, said.key, said.signed_text, said.signature)) {
    case KeySet::Signed::no:
      return not_signed();
    case KeySet::Signed::unknown_key:
      return no_keys;
    case KeySet::Signed::yes:
      break;
  }
  wanted.issuer = have.description->issuer;
  if (auto fault = fault_of(said.claims, wanted, now)) return *fault;
  return said.claims;
}

Result<nlohmann::json> Issuer::more_claims(const Description& issuer, const std::string& access_token, Until until) {
  if (issuer.userinfo.empty() || access_token.empty() || access_token.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
    return nlohmann::json(nlohmann::json::object());
  return document({.url = issuer.userinfo, .authorization = "Bearer " + access_token, .time_max = left(until)}, "what it says of you");
}

}  // namespace vtq
