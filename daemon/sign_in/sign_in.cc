#include "daemon/sign_in/sign_in.h"

#include <sodium.h>

#include <algorithm>

#include "daemon/sign_in/pages.h"

namespace vtq {
namespace {

constexpr std::chrono::seconds kWaitMost{9};
constexpr TimeMs kRenewMs = 60'000, kWayMs = 10 * 60'000;
constexpr std::size_t kFormBytesMax = 4096, kCookieBytesMost = 3800, kNextBytesMost = 500, kCodeBytesMost = 4096;
constexpr std::size_t kStatesMost = 100'000;
constexpr std::chrono::seconds kKeepEvery{60}, kKeepAgainAfter{10};

std::string hmac_sha256(std::string_view key, std::string_view text) {
  auto bytes = [](std::string_view of) { return reinterpret_cast<const unsigned char*>(of.data()); };
  crypto_auth_hmacsha256_state state;
  unsigned char mac[crypto_auth_hmacsha256_BYTES];
  ::crypto_auth_hmacsha256_init(&state, bytes(key), key.size());
  ::crypto_auth_hmacsha256_update(&state, bytes(text), text.size());
  ::crypto_auth_hmacsha256_final(&state, mac);
  return {reinterpret_cast<const char*>(mac), sizeof mac};
}

/// What a browser is told of why somebody is not signed in.
Problem problem_of(const Rejection& why) {
  if (why.rule == "issuer-reached" || why.rule == "issuer-described")
    return {503, "The sign-in provider does not answer", why.message + " Try again in a few minutes; if it lasts, tell the operator.", why.field,
            why.rule};
  if (why.rule == "code-good") return {400, "Sign in again", why.message + " Begin again.", why.field, why.rule};
  if (why.rule.starts_with("token-"))
    return {403, "Not signed in", why.message + " Begin again; if it happens again, tell the operator.", why.field, why.rule};
  return {403, "No access", why.message, why.field, why.rule};
}

Problem wrong_state() {
  return {
      400, "Sign in again",
      "This answer of the sign-in provider belongs to no sign-in that was begun in this browser within the last ten minutes, or it was used already. "
      "Begin again, and keep cookies switched on.",
      "state", "sign-in-state"};
}

}  // namespace

std::map<std::string, std::string> SignIn::fields_of(std::string_view body) {
  std::map<std::string, std::string> fields;
  std::string spaced(body);
  std::replace(spaced.begin(), spaced.end(), '+', ' ');
  for (std::size_t begin = 0; begin < spaced.size();) {
    const std::size_t end = std::min(spaced.find('&', begin), spaced.size());
    const std::string one = spaced.substr(begin, end - begin);
    begin = end + 1;
    const std::size_t equals = std::min(one.find('='), one.size());
    auto name = percent_decode(one.substr(0, equals)), value = percent_decode(equals < one.size() ? one.substr(equals + 1) : std::string());
    if (name && value) fields.emplace(std::move(*name), std::move(*value));
  }
  return fields;
}

std::string SignIn::safe_next(const std::string* asked) {
  if (!asked || asked->size() > kNextBytesMost || !asked->starts_with('/') || asked->starts_with("//")) return "";
  bool plain = std::all_of(asked->begin(), asked->end(), [](char c) { return c > 0x20 && c < 0x7f && c != '\\'; });
  return plain ? *asked : "";
}

Problem SignIn::not_set() {
  return {404, "Nobody signs in here", "Sign-in is not set up at this server. Its operator sets sign_in.issuer; until then, ask with a key.", "",
          "sign-in-set"};
}

SignIn::SignIn(SignInOptions options, SessionKeys keys, AccessDirectory& directory, std::function<TimeMs()> time, Fetch fetch)
    : options_(std::move(options)),
      keys_(std::move(keys)),
      directory_(directory),
      time_(std::move(time)),
      fetch_(fetch),
      issuer_(options_.issuer.issuer.empty() ? nullptr : std::make_unique<Issuer>(options_.issuer, std::move(fetch))),
      waiting_(options_.waiting_by_address_max) {
  if (!issuer_ || options_.token_audience.empty()) return;
  keeper_ = std::make_unique<Worker>("sign-in-keys", [this, next = Until{}]() mutable {
    if (Issuer::Steady::now() < next) return;
    bool good = false;
    try {
      good = issuer_->refresh_keys(false, Issuer::Steady::now() + kWaitMost);
    } catch (const std::bad_alloc&) {
      // The next look asks again.
    }
    next = Issuer::Steady::now() + (good ? kKeepEvery : kKeepAgainAfter);
  });
}

SignIn::~SignIn() { stop(); }

void SignIn::stop() {
  if (keeper_) keeper_->stop();
}

// ---- who asks ----

Access::OtherWays SignIn::ways() {
  Access::OtherWays ways;
  if (keeper_) ways.by_token = [this](const HttpRequest&, std::string_view token) { return by_token(token); };
  if (for_people()) ways.by_session = [this](const HttpRequest& request) { return by_session(request); };
  return ways;
}

std::optional<Session> SignIn::session_of(const HttpRequest& request, bool* present) const {
  auto text = cookie_in(request.cookie, cookie_name());
  if (present) *present = text.has_value();
  if (!text) return std::nullopt;
  auto session = read_session(*text, keys_);
  if (!session || !session->good_at(time_(), options_.limits)) return std::nullopt;
  const auto facts = directory_.current();
  auto out = facts->signed_out.find(session->person);
  if (out != facts->signed_out.end() && session->begun_ms <= out->second) return std::nullopt;
  return session;
}

std::optional<Problem> SignIn::csrf_fault(const HttpRequest& request, const Session& session, const std::string* field) const {
  if (keys_.is_csrf_token(session.id, field ? *field : request.csrf_token)) return std::nullopt;
  return Problem{
      403, "Not from a page of this server",
      "A request that comes with a session and changes something bears the token of that session, as GET /v1/session shows it. Load the page "
      "again.",
      std::string(kCsrfHeader), "csrf-token"};
}

Access::Found SignIn::by_session(const HttpRequest& request) const {
  bool present = false;
  auto session = session_of(request, &present);
  if (!present) return std::shared_ptr<const Caller>();
  if (!session) return Problem{401, "Sign in again", "Your session has ended. Sign in again at /sign-in.", "Cookie", "session-good"};
  if (request.method != "GET" && request.method != "HEAD")
    if (auto fault = csrf_fault(request, *session, nullptr)) return *fault;
  return std::make_shared<const Caller>(session->caller());
}

Access::Found SignIn::by_token(std::string_view text) {
  auto claims = issuer_->look_at_once(text, {.issuer = {}, .audience = options_.token_audience}, time_());
  if (!claims && claims.error().rule == "token-keys") {
    const Problem later{503, "In a moment", claims.error().message, "Authorization", "token-keys"};
    if (refreshing_.exchange(true)) return later;
    if (issuer_->may_ask_again()) {
      keeper_->post([this] {
        try {
          issuer_->refresh_keys(true, Issuer::Steady::now() + kWaitMost);
        } catch (const std::bad_alloc&) {
          // Whoever asks next has them asked for again.
        }
        refreshing_ = false;
      });
      return later;
    }
    refreshing_ = false;
    return Problem{401, "Who are you?", "This token is signed with a key that its issuer does not name.", "Authorization", "token-signature"};
  }
  if (!claims) return Problem{401, "Who are you?", claims.error().message, "Authorization", claims.error().rule};
  const nlohmann::json& said = claims.value();
  auto organisation = read_organisation(claim_of(said, options_.organisation_claim));
  if (!organisation) return problem_of(organisation.error());
  const auto facts = directory_.current();
  auto given =
      granted(options_.roles, values_of_claim(claim_of(said, options_.roles_claim), options_.roles_claim), organisation.value(), facts->centres);
  if (!given) return problem_of(given.error());
  std::string name = "system " + person_of(plain_issuer(text_of_claim(said, "iss")), text_of_claim(said, "sub")).substr(0, 16);
  std::string client = text_of_claim(said, "client_id");
  bool plain = !client.empty() && client.size() <= 64 &&
               std::all_of(client.begin(), client.end(), [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_' || c == '.'; });
  if (plain) name += " (" + client + ")";
  return std::make_shared<const Caller>(Caller{.name = std::move(name), .roles = given.value().roles, .bound = given.value().bound});
}

std::string SignIn::cookie(const std::string& name, const std::string& value, TimeMs lasts_ms) const {
  return name + "=" + value + "; Path=/; HttpOnly; SameSite=Lax" + (options_.encrypted ? "; Secure" : "") +
         "; Max-Age=" + std::to_string(std::max<TimeMs>(lasts_ms, 0) / 1000);
}

Respond SignIn::keeping_session(const HttpRequest& request, Respond respond) const {
  if (!for_people() || request.cookie.empty() || !request.authorization.empty() || !request.signed_caller.empty()) return respond;
  auto session = session_of(request);
  const TimeMs now = time_();
  if (!session || now - session->seen_ms < kRenewMs) return respond;
  session->seen_ms = now;
  std::string renewed = cookie(cookie_name(), text_of(*session, keys_), session->begun_ms + options_.limits.absolute_ms - now);
  return [respond = std::move(respond), renewed = std::move(renewed)](HttpReply&& reply) {
    bool has_own = std::any_of(reply.headers.begin(), reply.headers.end(), [](const auto& header) { return header.first == "Set-Cookie"; });
    if (!has_own) reply.headers.emplace_back("Set-Cookie", renewed);
    respond(std::move(reply));
  };
}

bool SignIn::is_form_path(std::string_view path) { return path == "/sign-out" || path == "/sign-in/demonstration"; }

bool SignIn::takes_form(const HttpRequest& request) {
  std::string_view target = request.target;
  return request.method == "POST" && is_form_path(target.substr(0, target.find('?'))) && request.body_announced &&
         *request.body_announced <= kFormBytesMax;
}

// ---- the way to a session ----

HttpReply SignIn::refused_page(const Problem& problem) const { return page_of(problem, options_.encrypted); }

SignInStep SignIn::refuse(const Problem& problem, bool forget) const {
  SignInStep step{.reply = refused_page(problem), .refused = problem, .caller = nullptr};
  if (forget) step.reply.headers.emplace_back("Set-Cookie", cookie(way_cookie_name(), "", 0));
  if (problem.status == 503) step.reply.headers.emplace_back("Retry-After", "5");
  return step;
}

SignInStep SignIn::start(const HttpRequest& request) {
  if (!issuer_ || options_.issuer.client_id.empty()) return refuse(not_set(), false);
  std::string next = safe_next(request.query_value("next"));
  // The issuer sends the browser back to the public address: what it is to remember has to be there too.
  const std::string own = options_.public_url.substr(options_.public_url.find("://") + 3);
  if (request.host != own && !request.query_value("moved"))
    return {
        .reply = go_to(options_.public_url + "/sign-in/start?moved=1" + (next.empty() ? "" : "&next=" + percent_encode(next)), options_.encrypted),
        .refused = {},
        .caller = nullptr};
  auto issuer = issuer_->description(request.arrived + kWaitMost);
  if (!issuer) return refuse(problem_of(issuer.error()), false);
  SigningIn way = begin_signing_in(std::move(next), time_());
  SignInStep step{.reply = go_to(issuer_->sign_in_url(*issuer.value(), way.state, way.nonce, challenge_of(way.verifier)), options_.encrypted),
                  .refused = {},
                  .caller = nullptr};
  step.reply.headers.emplace_back("Set-Cookie", cookie(way_cookie_name(), text_of(way, keys_), kWayMs));
  return step;
}

SignInStep SignIn::callback(const HttpRequest& request) {
  if (!issuer_ || options_.issuer.client_id.empty()) return refuse(not_set(), false);
  const std::string *code = request.query_value("code"), *state = request.query_value("state"), *error = request.query_value("error"),
                    *from = request.query_value("iss");
  const bool is_in = session_of(request).has_value();
  // Some providers come back without anything: that is no error, and leads to the start.
  if (!code && !error) return {.reply = go_to(is_in ? "/signed-in" : "/sign-in", options_.encrypted), .refused = {}, .caller = nullptr};
  auto text = cookie_in(request.cookie, way_cookie_name());
  auto way = text ? read_signing_in(*text, keys_, time_()) : std::nullopt;
  if (!way || !state || !same_secret(*state, way->state)) {
    // The page was loaded again, or gone back to.
    if (is_in) return {.reply = go_to("/signed-in", options_.encrypted), .refused = {}, .caller = nullptr};
    return refuse(wrong_state(), false);
  }
  if (from && !is_same_issuer(*from, options_.issuer.issuer))
    return refuse({400, "Sign in again", "Another sign-in provider answered than was asked. Begin again.", "iss", "sign-in-issuer"}, true);
  if (error && *error == "access_denied")
    return refuse({403, "Not signed in", "The sign-in was given up, or the sign-in provider does not let you in. Begin again when you like.", "error",
                   "sign-in-denied"},
                  true);
  if (error || code->empty() || code->size() > kCodeBytesMost)
    return refuse({400, "Not signed in", "The sign-in provider ended the sign-in with an error. Begin again; if it happens again, tell the operator.",
                   "error", "sign-in-error"},
                  true);
  if (!first_time(way->state)) return refuse(wrong_state(), true);
  auto person = person_by(*way, *code, request.arrived + kWaitMost);
  if (!person) return refuse(problem_of(person.error()), true);
  const std::string who = person_of(plain_issuer(options_.issuer.issuer), person.value().subject);
  SignInStep step = begin_session(
      {.name = "person " + who.substr(0, 16), .roles = person.value().granted.roles, .bound = person.value().granted.bound, .key = {}, .person = who},
      way->next);
  step.reply.headers.emplace_back("Set-Cookie", cookie(way_cookie_name(), "", 0));
  return step;
}

Result<SignIn::Person> SignIn::person_by(const SigningIn& way, const std::string& code, Until until) {
  auto issuer = issuer_->description(until);
  if (!issuer) return issuer.error();
  auto tokens = issuer_->exchange(*issuer.value(), code, way.verifier, until);
  if (!tokens) return tokens.error();
  auto claims = issuer_->claims(tokens.value().id_token, {.issuer = {}, .audience = options_.issuer.client_id, .of_person = true, .nonce = way.nonce},
                                time_(), until);
  if (!claims) return claims.error();
  nlohmann::json said = claims.value();
  const std::string subject = text_of_claim(said, "sub");
  const bool by_api = !options_.roles_api_url.empty();
  const bool needs_organisation =
      by_api || std::any_of(options_.roles.begin(), options_.roles.end(), [](const RoleGrant& grant) { return grant.of_organisation; });
  const bool lacks = (!by_api && !claim_of(said, options_.roles_claim)) || (needs_organisation && !claim_of(said, options_.organisation_claim));
  if (lacks) {
    auto more = issuer_->more_claims(*issuer.value(), tokens.value().access_token, until);
    if (!more) return more.error();
    if (!more.value().empty() && text_of_claim(more.value(), "sub") != subject)
      return Rejection{"sub", "token-subject", "", "The sign-in provider speaks of two people at once."};
    for (const auto& [name, value] : more.value().items())
      if (!said.contains(name)) said[name] = value;
  }
  auto organisation = read_organisation(claim_of(said, options_.organisation_claim));
  if (!organisation) return organisation.error();
  std::vector<std::string> values = values_of_claim(claim_of(said, options_.roles_claim), options_.roles_claim);
  if (by_api) {
    auto asked = values_by_api(organisation.value(), subject, until);
    if (!asked) return asked.error();
    values = std::move(asked).value();
  }
  auto given = granted(options_.roles, values, organisation.value(), directory_.up_to_date()->centres);
  if (!given) return given.error();
  return Person{subject, std::move(given).value()};
}

/// As DfE Sign-in has it: the roles of a user at an organisation, for a service.
Result<std::vector<std::string>> SignIn::values_by_api(const std::optional<Organisation>& organisation, const std::string& subject,
                                                       Until until) const {
  if (!organisation || organisation->id.empty())
    return Rejection{"organisation", "organisation-given", "",
                     "You signed in without an organisation. Sign in again, and pick the one whose results you look after."};
  const std::int64_t now_s = time_() / 1000;
  const std::string claims =
      nlohmann::json{{"iss", options_.issuer.client_id}, {"aud", options_.roles_api_audience}, {"iat", now_s - 5}, {"exp", now_s + 300}}.dump();
  const std::string text = base64url(R"({"alg":"HS256","typ":"JWT"})") + "." + base64url(claims);
  FetchReply reply = fetch_({.url = options_.roles_api_url + "/services/" + percent_encode(options_.issuer.client_id) + "/organisations/" +
                                    percent_encode(organisation->id) + "/users/" + percent_encode(subject),
                             .authorization = "Bearer " + text + "." + base64url(hmac_sha256(options_.roles_api_secret, text)),
                             .time_max = std::chrono::duration_cast<std::chrono::milliseconds>(until - Issuer::Steady::now())});
  if (reply.status == 404)
    return Rejection{"roles", "role-given", "", "You have no role here for this organisation. Ask whoever looks after your account to give you one."};
  if (reply.status == 0) return Rejection{"roles", "issuer-reached", "", "The register of roles did not answer (" + reply.failure + ")."};
  auto json = nlohmann::json::parse(reply.body, nullptr, false);
  if (reply.status != 200 || !json.is_object() || !json.contains("roles") || !json["roles"].is_array())
    return Rejection{"roles", "issuer-described", "", "The register of roles was answered with status " + std::to_string(reply.status) + "."};
  std::vector<std::string> codes;
  for (const auto& role : json["roles"]) {
    if (!role.is_object()) continue;
    // A role may be switched off: its status is 1 while it is not.
    if (role.contains("status") && role["status"].is_object() && role["status"].value("id", nlohmann::json(1)) != nlohmann::json(1)) continue;
    if (std::string code = text_of_claim(role, "code"); !code.empty()) codes.push_back(std::move(code));
  }
  return codes;
}

bool SignIn::first_time(const std::string& state) {
  const TimeMs now = time_();
  std::lock_guard lock(mutex_);
  // Anybody may begin as often as they like. Of those forgotten early the issuer still takes no code twice.
  while (!in_order_.empty() && (now - in_order_.front().first > 2 * kWayMs || in_order_.size() >= kStatesMost)) {
    came_back_.erase(in_order_.front().second);
    in_order_.pop_front();
  }
  if (!came_back_.insert(state).second) return false;
  in_order_.emplace_back(now, state);
  return true;
}

SignInStep SignIn::begin_session(const Caller& caller, const std::string& next) const {
  const TimeMs now = time_();
  Session session{.id = random_hex(16),
                  .person = caller.person,
                  .name = caller.name,
                  .roles = caller.roles,
                  .bound = caller.bound,
                  .begun_ms = now,
                  .seen_ms = now};
  std::string value = text_of(session, keys_);
  if (value.size() > kCookieBytesMost)
    return refuse({403, "No access", "Your roles name more awarding organisations or centres than a session can hold. Ask the operator.", "roles",
                   "role-bounds"},
                  true);
  SignInStep step{
      .reply = go_to(next.empty() ? "/signed-in" : next, options_.encrypted), .refused = {}, .caller = std::make_shared<const Caller>(caller)};
  step.reply.headers.emplace_back("Set-Cookie", cookie(cookie_name(), value, options_.limits.absolute_ms));
  return step;
}

// ---- signed in ----

SignIn::Leaving SignIn::leaving(const HttpRequest& request) const {
  auto session = session_of(request);
  if (!session) return {};
  auto fields = fields_of(request.body);
  auto field = fields.find("csrf");
  if (auto fault = csrf_fault(request, *session, field == fields.end() ? nullptr : &field->second)) return {.refused = fault, .caller = nullptr};
  return {.refused = {}, .caller = std::make_shared<const Caller>(session->caller()), .begun_ms = session->begun_ms};
}

HttpReply SignIn::left(const std::optional<Problem>& why) const {
  HttpReply reply = go_to("/sign-in?signed-out=1", options_.encrypted);
  if (why)
    reply = refused_page(
        {503, "Signed out here alone",
         "This browser has forgotten you, but the server could not keep it on record: a copy of the session may still be used elsewhere until "
         "it ends. Sign in and out again in a few minutes.",
         why->field, why->rule});
  reply.headers.emplace_back("Set-Cookie", cookie(cookie_name(), "", 0));
  return reply;
}

}  // namespace vtq
