// Sign-in over HTTP: its settings, its routes, and how a person is signed out at all instances.
#include <fcntl.h>
#include <sys/stat.h>

#include <fstream>
#include <iterator>

#include "daemon/access/signed_out.h"
#include "daemon/app/service.h"
#include "daemon/audit/acts_of_routes.h"
#include "daemon/http/http_framing.h"
#include "daemon/process/log.h"
#include "daemon/sign_in/pages.h"
#include "storage/sealing/secret_file.h"

namespace vtq {
namespace {

constexpr TimeMs kMinuteMs = 60'000;
constexpr std::size_t kSecretBytesMax = 4096;

/// What stands in a file for its owner alone, without the line's end. Throws SignInError.
std::string secret_in(const std::string& file, const std::string& setting) {
  if (file.empty()) return "";
  struct stat mode {};
  if (::stat(file.c_str(), &mode) != 0 || !S_ISREG(mode.st_mode)) throw SignInError(setting + ": " + file + " cannot be read; name a file.");
  if ((mode.st_mode & others_in_mode(file)) != 0)
    throw SignInError(setting + ": " + file + " can be read by others than its owner: chmod 600 " + file + ".");
  std::ifstream in(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  if (text.empty() || text.size() > kSecretBytesMax)
    throw SignInError(setting + ": " + file + " holds no secret, or a longer one than " + std::to_string(kSecretBytesMax) + " bytes.");
  return text;
}

SignInOptions options_of(const Settings& s) {
  SignInOptions options{.issuer = {.issuer = s.sign_in_issuer,
                                   .client_id = s.sign_in_client_id,
                                   .client_secret = secret_in(s.sign_in_client_secret_file, "sign_in.client_secret_file"),
                                   .redirect_uri = s.sign_in_public_url + "/sign-in/callback",
                                   .scopes = s.sign_in_scopes}};
  options.public_url = s.sign_in_public_url;
  options.encrypted = s.sign_in_public_url.starts_with("https://") || s.has_tls();
  options.token_audience = s.sign_in_token_audience;
  options.roles_claim = s.sign_in_roles_claim;
  options.organisation_claim = s.sign_in_organisation_claim;
  options.roles = read_role_grants(s.sign_in_roles);
  options.roles_api_url = s.sign_in_roles_api_url;
  while (options.roles_api_url.ends_with('/')) options.roles_api_url.pop_back();
  options.roles_api_secret = secret_in(s.sign_in_roles_api_secret_file, "sign_in.roles_api_secret_file");
  options.roles_api_audience = s.sign_in_roles_api_audience;
  options.limits = {.idle_ms = s.sign_in_idle_minutes * kMinuteMs, .absolute_ms = s.sign_in_absolute_minutes * kMinuteMs};
  options.demonstration = s.sign_in_demonstration;
  return options;
}

}  // namespace

void Service::make_sign_in() {
  if (!access_ || (settings_.sign_in_issuer.empty() && !settings_.sign_in_demonstration)) return;
  SessionKeys keys = settings_.sign_in_session_key_file.empty()
                         ? SessionKeys::passing()
                         : SessionKeys(read_secrets(settings_.sign_in_session_key_file, "sign_in.session_key_file"));
  sign_in_ = std::make_unique<SignIn>(
      options_of(settings_), std::move(keys), access_->directory(), [this] { return access_->time(); },
      fetch_over_network(settings_.sign_in_ca_file, [this] { return ended_.load(); }));
  Access::OtherWays ways = sign_in_->ways();
  // Where the demonstration is all that there is, whoever says nothing may do everything, as without it.
  if (settings_.access_secret_file.empty()) ways.unnamed = std::make_shared<const Caller>(anybody());
  access_->also_by(std::move(ways));
  std::string host = settings_.sign_in_public_url.substr(std::min(settings_.sign_in_public_url.find("://"), settings_.sign_in_public_url.size()));
  if (host.size() < 4) return;
  host.erase(0, 3);
  if (auto colon = host.rfind(':'); colon != host.npos && host.find(']', colon) == host.npos) host.resize(colon);
  host_names_.push_back(std::move(host));
}

/// What became of a sign-in goes to the log and the audit: who, by hash, or why not.
HttpReply Service::noted(const HttpRequest& request, SignInStep&& step) {
  const std::string route = request.method + " " + request.path;
  if (step.refused) note_refusal(route, *step.refused, nullptr, request.peer);
  if (step.caller) {
    log::write(log::Level::info, "a person signed in", {{"caller", step.caller->name}});
    v1::AuditNoted note;
    note.set_act("sign-in");
    note.set_outcome("done");
    note.set_route(route);
    *note.mutable_by() = actor_of(step.caller.get(), request.peer);
    audit_->note(std::move(note));
  }
  return std::move(step.reply);
}

/// A step that waits for the issuer, on threads of its own.
void Service::add_step(std::string pattern, SignInStep (SignIn::*step)(const HttpRequest&)) {
  auto take = [this, step](HttpRequest&& request, Respond&& respond) {
    if (!sign_in_) return respond(SignIn::refused_without());
    // Behind a proxy that does not say for whom it asks all come from its address.
    const std::string peer = comes_from(request.peer, settings_.http_trusted_proxy) ? "" : request.peer;
    if (!sign_in_->waiting().enter(peer))
      return respond(
          sign_in_->refused_page({429, "Too many at once",
                                  "Too many sign-ins from your address wait for the sign-in provider. Try again in a minute.", "", "sign-ins-max"}));
    // However it is answered, in its turn or because its time was up, it waits no more.
    auto done = std::shared_ptr<void>(nullptr, [this, peer](void*) { sign_in_->waiting().leave(peer); });
    auto asked = std::make_shared<HttpRequest>(std::move(request));
    signing_in_->post(*asked, respond, [this, step, asked, respond, done] {
      try {
        respond(noted(*asked, (sign_in_.get()->*step)(*asked)));
      } catch (const std::bad_alloc&) {
        respond(reply_without_memory());
      } catch (const StoreError& error) {
        respond(reply_with({500, "Store error", error.what(), "", "store"}));
      }
    });
  };
  routes_.push_back({"GET", std::move(pattern), std::move(take)});
}

void Service::add_sign_in_routes() {
  add("GET", "/v1/session", Place::http, [this](const HttpRequest& request) {
    Query query(request, {});
    if (query.wrong()) return reply_with(*query.wrong());
    return SignIn::session_json(sign_in_.get(), request);
  });
  auto page = [this](HttpReply (SignIn::*of)(const HttpRequest&) const) {
    return [this, of](const HttpRequest& request) { return sign_in_ ? (sign_in_.get()->*of)(request) : SignIn::refused_without(); };
  };
  add("GET", "/sign-in", Place::http, page(&SignIn::begin_page));
  add_step("/sign-in/start", &SignIn::start);
  add_step("/sign-in/callback", &SignIn::callback);
  add("POST", "/sign-in/demonstration", Place::http,
      [this](const HttpRequest& request) { return sign_in_ ? noted(request, sign_in_->demonstrate(request)) : SignIn::refused_without(); });
  add("GET", "/signed-in", Place::http, page(&SignIn::signed_in_page));
  add("POST", "/sign-out", Place::people, [this](const HttpRequest& request) { return sign_out(request); });
  add("POST", "/v1/people/sign-out", Place::people, [this](const HttpRequest& request) { return sign_out_person(request); });
  add("GET", "/assets/sign-in.css", Place::http, [](const HttpRequest&) {
    HttpReply reply{200, "text/css; charset=utf-8", std::string(sign_in_css())};
    add_page_headers(reply, false);
    return reply;
  });
}

HttpReply Service::sign_out(const HttpRequest& request) {
  if (!sign_in_ || !sign_in_->for_people()) return SignIn::refused_without();
  SignIn::Leaving leaving = sign_in_->leaving(request);
  if (leaving.refused) {
    note_refusal("POST /sign-out", *leaving.refused, request.caller.get(), request.peer);
    return sign_in_->refused_page(*leaving.refused);
  }
  if (!leaving.caller) return sign_in_->left(std::nullopt);
  const std::string& person = leaving.caller->person;
  // The clock of where they signed in may be ahead of this one.
  const TimeMs before = std::max(access_->time(), leaving.begun_ms);
  v1::Event event;
  event.set_id("signed-out-" + random_hex(16));
  *event.mutable_person_signed_out() = vtq::sign_out(person, before, access_->secret());
  // A form bears its token in a field: who sent it is known only now.
  HttpRequest asked = request;
  asked.caller = leaving.caller;
  std::optional<Problem> why;
  try {
    why = say_of_key(std::move(event), asked, [&](const AccessFacts& facts) {
      auto out = facts.signed_out.find(person);
      return out != facts.signed_out.end() && out->second >= before;
    });
  } catch (const EngineStalled& stalled) {
    why = Problem{503, "Stalled", stalled.what(), "", "engine-progress"};
  }
  log::write(log::Level::info, "a person signed out", {{"caller", leaving.caller->name}, {"recorded", !why}});
  return sign_in_->left(why);
}

}  // namespace vtq
