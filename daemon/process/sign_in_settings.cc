#include "daemon/process/sign_in_settings.h"

#include "daemon/process/listening.h"

namespace vtq {
namespace {

/// `https://`, or `http://` on this machine; what follows the host, from its slash on, goes to `rest`.
bool is_url(std::string_view text, std::string_view* rest) {
  constexpr std::string_view kEncrypted = "https://", kPlain = "http://";
  const bool encrypted = text.starts_with(kEncrypted);
  if (!encrypted && !text.starts_with(kPlain)) return false;
  if (text.find_first_of(" @\\?#") != text.npos) return false;
  text.remove_prefix(encrypted ? kEncrypted.size() : kPlain.size());
  auto slash = std::min(text.find('/'), text.size());
  *rest = text.substr(slash);
  std::string host(text.substr(0, slash));
  if (auto colon = host.rfind(':'); colon != host.npos && host.find(']', colon) == host.npos) host.resize(colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return !host.empty() && (encrypted || host == "localhost" || is_loopback(host));
}

}  // namespace

std::vector<std::pair<std::string_view, std::string>> wrong_sign_in(const Settings& s) {
  std::vector<std::pair<std::string_view, std::string>> found;
  auto wrong = [&](std::string_view name, std::string why) { found.emplace_back(name, std::move(why)); };
  const bool people = !s.sign_in_client_id.empty(), tokens = !s.sign_in_token_audience.empty();
  std::string_view rest;
  const std::string form = "give https://NAME, or http:// and a loopback address.";
  if (s.sign_in_demonstration) {
    if (s.time_source != "event")
      wrong("sign_in.demonstration", "it shows invented results to whoever sits there, and is only for time.source = \"event\".");
    if (!is_loopback(s.http_address)) wrong("sign_in.demonstration", "it lets anybody in, and is only for a loopback http.address.");
    if (!s.http_trusted_proxy.empty())
      wrong("sign_in.demonstration", "it lets anybody in, and is not for behind a proxy; take http.trusted_proxy out.");
    if (!s.sign_in_issuer.empty()) wrong("sign_in.demonstration", "people sign in either there or at sign_in.issuer; take one of them out.");
    if (s.on_kafka() && s.access_secret_file.empty())
      wrong("sign_in.demonstration", "on Kafka the instances need a secret that they share; set access.secret_file.");
  }
  if (s.sign_in_issuer.empty()) {
    if (people) wrong("sign_in.client_id", "it is a name at an issuer; set sign_in.issuer too.");
    if (tokens) wrong("sign_in.token_audience", "tokens are an issuer's; set sign_in.issuer too.");
    return found;
  }
  if (!is_url(s.sign_in_issuer, &rest)) wrong("sign_in.issuer", form);
  if (s.access_secret_file.empty()) wrong("sign_in.issuer", "roles count for nothing while anybody may do everything; set access.secret_file too.");
  if (!people && !tokens)
    wrong("sign_in.issuer", "set sign_in.client_id, so that people sign in, or sign_in.token_audience, for the tokens of systems.");
  if (people && s.sign_in_client_id == s.sign_in_token_audience)
    wrong("sign_in.token_audience", "with the same name as sign_in.client_id what is given to people would be taken for a system's; give another.");
  if (s.sign_in_roles.empty()) wrong("sign_in.roles", "without it nobody has a role; say which value of the claim gives which.");
  if (!people) return found;
  if (!is_url(s.sign_in_public_url, &rest) || !rest.empty()) wrong("sign_in.public_url", "give https://NAME of this service, without a path.");
  if (s.has_tls() && s.sign_in_public_url.starts_with("http://"))
    wrong("sign_in.public_url", "with http.tls_certificate_file this server speaks https:// alone, and people would not get back to it; give that.");
  if ((" " + s.sign_in_scopes + " ").find(" openid ") == std::string::npos) wrong("sign_in.scopes", "openid must be among them.");
  if (!s.sign_in_roles_api_url.empty() && !is_url(s.sign_in_roles_api_url, &rest)) wrong("sign_in.roles_api_url", form);
  if (!s.sign_in_roles_api_url.empty() && s.sign_in_roles_api_secret_file.empty())
    wrong("sign_in.roles_api_url", "that API wants a secret; set sign_in.roles_api_secret_file too.");
  if (s.on_kafka() && s.sign_in_session_key_file.empty())
    wrong("sign_in.session_key_file", "the instances read each other's sessions; give all of them the same file.");
  if (s.sign_in_idle_minutes > s.sign_in_absolute_minutes) wrong("sign_in.idle_minutes", "it is longer than sign_in.absolute_minutes; make it less.");
  return found;
}

}  // namespace vtq
