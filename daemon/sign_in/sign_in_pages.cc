// What a person sees before the way to the issuer, and after it; and the demonstration's own page, which needs no issuer.
#include <algorithm>

#include "daemon/sign_in/pages.h"
#include "daemon/sign_in/sign_in.h"

namespace vtq {
namespace {

constexpr std::size_t kCentresShown = 6;

std::string words_of(const Bound& bound) {
  if (bound.everywhere) return "everywhere";
  std::string text;
  for (auto id : bound.awarding_organisations) text += (text.empty() ? "" : ", ") + text_of(id);
  for (auto id : bound.centres) text += (text.empty() ? "" : ", ") + text_of(id);
  return text;
}

std::string words_of(AccessRoles roles) {
  std::string text;
  for (AccessRole role : kAccessRoles)
    if (roles.has(role)) text += (text.empty() ? "" : ", ") + std::string(text_of(role));
  return text;
}

/// What somebody with these roles may read in a browser.
void add_addresses(Html& body, AccessRoles roles, const Bound& bound) {
  body.raw("<h2>What you may read here</h2>\n");
  if (bound.everywhere && roles.any_of({AccessRole::operations, AccessRole::approver})) body.link("/v1/overview", "Where everything stands");
  if (bound.everywhere && roles.has(AccessRole::auditor)) body.link("/v1/audit", "The audit");
  for (std::size_t at = 0; at < std::min(bound.centres.size(), kCentresShown); ++at)
    body.link("/v1/centres/" + text_of(bound.centres[at]), "Centre " + text_of(bound.centres[at]));
  body.link("/openapi.json", "Every address of this server");
}

}  // namespace

HttpReply SignIn::refused_without() { return page_of(not_set(), false); }

HttpReply SignIn::begin_page(const HttpRequest& request) const {
  if (!for_people()) return refused_page(not_set());
  Html body;
  if (request.query_value("signed-out")) {
    body.paragraph("You are signed out here.");
    auto issuer = issuer_ ? issuer_->described() : nullptr;
    if (issuer && !issuer->end_session.empty()) {
      body.paragraph("The sign-in provider may still know you. On a machine that others use, sign out there too.");
      body.link(issuer->end_session + (issuer->end_session.find('?') == std::string::npos ? "?" : "&") + "client_id=" +
                    percent_encode(options_.issuer.client_id) + "&post_logout_redirect_uri=" + percent_encode(options_.public_url + "/sign-in"),
                "Sign out at the sign-in provider");
    }
  }
  if (!options_.demonstration) {
    std::string next = safe_next(request.query_value("next"));
    body.paragraph("Results go to those who may see them. Say who you are, at your sign-in provider.");
    body.link("/sign-in/start" + (next.empty() ? "" : "?next=" + percent_encode(next)), "Sign in", true);
    return page(200, "Sign in", body, options_.encrypted);
  }
  body.paragraph("This is a demonstration: everything in it is invented, and whoever sits at this machine may be anybody.");
  for (auto [who, words] : {std::pair("operations", "Operations"), std::pair("approver-a", "Approver A"), std::pair("approver-b", "Approver B")})
    body.button("/sign-in/demonstration", words, {{"as", who}});
  body.raw("<h2>Exams officer of a centre</h2>\n");
  const auto facts = directory_.current();
  std::vector<CentreNumbers> centres = facts->centres;
  std::sort(centres.begin(), centres.end(), [](const auto& one, const auto& other) { return text_of(one.centre) < text_of(other.centre); });
  if (centres.empty()) body.paragraph("No centre is known yet; send the reference data first.");
  for (std::size_t at = 0; at < std::min(centres.size(), kCentresShown); ++at)
    body.button("/sign-in/demonstration", "Exams officer of " + text_of(centres[at].centre) + " " + centres[at].name,
                {{"as", "centre"}, {"centre", text_of(centres[at].centre)}}, true);
  body.raw("<form method=\"post\" action=\"/sign-in/demonstration\">\n<input type=\"hidden\" name=\"as\" value=\"centre\">\n");
  body.raw("<label for=\"centre\">Centre number, 5 digits</label>\n");
  body.raw(
      "<input type=\"text\" id=\"centre\" name=\"centre\" inputmode=\"numeric\" pattern=\"[0-9]{5}\" maxlength=\"5\" required "
      "autocomplete=\"off\">\n");
  body.raw("<button type=\"submit\">Be its exams officer</button>\n</form>\n");
  return page(200, "Sign in", body, options_.encrypted);
}

Result<Caller> SignIn::caller_as(const std::string& who, const std::string& centre) const {
  auto made = [&](const std::string& name, AccessRoles roles, Bound bound) {
    return Caller{.name = "demonstration: " + name, .roles = roles, .bound = std::move(bound), .key = {}, .person = person_of("demonstration", name)};
  };
  if (who == "operations") return made("Operations", {AccessRole::operations, AccessRole::auditor}, {.everywhere = true});
  if (who == "approver-a") return made("Approver A", {AccessRole::approver}, {.everywhere = true});
  if (who == "approver-b") return made("Approver B", {AccessRole::approver}, {.everywhere = true});
  if (who != "centre") return Rejection{"as", "demonstration-person", "", "Choose one of those on the page."};
  auto id = parse_centre(centre);
  const auto facts = directory_.current();
  bool known = id && std::any_of(facts->centres.begin(), facts->centres.end(), [&](const CentreNumbers& one) { return one.centre == *id; });
  if (!known) return Rejection{"centre", "centre-known", "", "No centre has this number; give the 5 digits of one that is in the demonstration."};
  return made("Exams officer of " + text_of(*id), {AccessRole::centre}, {.everywhere = false, .awarding_organisations = {}, .centres = {*id}});
}

SignInStep SignIn::demonstrate(const HttpRequest& request) {
  if (!options_.demonstration) return refuse({404, "No demonstration", "This server is no demonstration.", "", "sign-in-set"}, false);
  auto fields = fields_of(request.body);
  auto caller = caller_as(fields["as"], fields["centre"]);
  if (!caller) return refuse({422, "Nobody of that name", caller.error().message, caller.error().field, caller.error().rule}, false);
  return begin_session(caller.value(), "");
}

HttpReply SignIn::signed_in_page(const HttpRequest& request) const {
  if (!for_people()) return refused_page(not_set());
  auto session = session_of(request);
  if (!session) return go_to("/sign-in", options_.encrypted);
  Html body;
  body.raw("<dl>\n<dt>You are</dt><dd>").text(session->name).raw("</dd>\n<dt>Roles</dt><dd>").text(words_of(session->roles));
  body.raw("</dd>\n<dt>For</dt><dd>").text(words_of(session->bound)).raw("</dd>\n<dt>Signed in until</dt><dd>");
  body.text(local_text(session->begun_ms + options_.limits.absolute_ms)).raw(", or ");
  body.text(std::to_string(options_.limits.idle_ms / 60'000)).raw(" minutes after you were here last</dd>\n</dl>\n");
  add_addresses(body, session->roles, session->bound);
  body.button("/sign-out", "Sign out", {{"csrf", keys_.csrf_token(session->id)}});
  body.raw("<p class=\"small\">Signing out ends every session of yours, in other browsers too.</p>\n");
  return page(200, "You are signed in", body, options_.encrypted);
}

HttpReply SignIn::session_json(const SignIn* sign_in, const HttpRequest& request) {
  const Caller caller = request.caller ? *request.caller : anybody();
  auto roles = nlohmann::ordered_json::array(), organisations = nlohmann::ordered_json::array(), centres = nlohmann::ordered_json::array();
  for (AccessRole role : kAccessRoles)
    if (caller.roles.has(role)) roles.push_back(text_of(role));
  for (AwardingOrganisationId id : caller.bound.awarding_organisations) organisations.push_back(text_of(id));
  for (CentreId id : caller.bound.centres) centres.push_back(text_of(id));
  nlohmann::ordered_json json{{"name", caller.name},
                              {"person", caller.person},
                              {"roles", std::move(roles)},
                              {"everywhere", caller.bound.everywhere},
                              {"awardingOrganisations", std::move(organisations)},
                              {"centres", std::move(centres)}};
  const bool by_session = sign_in && sign_in->for_people() && request.authorization.empty() && request.signed_caller.empty();
  if (auto session = by_session ? sign_in->session_of(request) : std::nullopt) {
    json["csrfToken"] = sign_in->keys_.csrf_token(session->id);
    json["endsAt"] = utc_text(session->ends_ms(sign_in->options_.limits));
  }
  return {200, "application/json", json.dump() + "\n"};
}

}  // namespace vtq
