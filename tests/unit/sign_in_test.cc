// Sign-in without a network: sessions in cookies, PKCE, roles and organisations, pages, settings.
#include <gtest/gtest.h>

#include "daemon/access/signed_out.h"
#include "daemon/process/sign_in_settings.h"
#include "daemon/sign_in/address_limit.h"
#include "daemon/sign_in/fetch.h"
#include "daemon/sign_in/pages.h"
#include "daemon/sign_in/roles.h"
#include "daemon/sign_in/session.h"
#include "daemon/sign_in/token.h"

namespace vtq::test {
namespace {

constexpr TimeMs kNow = 1'791'000'000'000;  // in October 2026
const std::string kIssuer = "https://sign-in.example.org";

bool says(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

// ---- sessions ----

SessionKeys keys_of(const std::string& letters) {
  std::vector<std::string> secrets;
  for (char letter : letters) secrets.emplace_back(32, letter);
  return SessionKeys(secrets);
}

Session session() {
  return {.id = "0123456789abcdef",
          .person = person_of(kIssuer, "ada"),
          .name = "person 0011",
          .roles = {AccessRole::operations, AccessRole::approver},
          .bound = {.everywhere = false, .awarding_organisations = {AwardingOrganisationId{5217}}},
          .begun_ms = kNow,
          .seen_ms = kNow};
}

TEST(Session, is_read_back_as_it_was_written_and_shows_nothing) {
  SessionKeys keys = keys_of("a");
  std::string text = text_of(session(), keys);
  auto read = read_session(text, keys);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->caller(), session().caller());
  EXPECT_EQ(read->caller().person, session().person);
  EXPECT_EQ(read->id, session().id);
  EXPECT_EQ(read->begun_ms, kNow);
  EXPECT_NE(text, text_of(session(), keys)) << "no two are alike";
  EXPECT_FALSE(says(text, "person"));
  EXPECT_EQ(text.find_first_of("=;, \""), text.npos);
}

TEST(Session, of_a_bound_for_centres_is_read_back) {
  Session of_centre = session();
  of_centre.roles = {AccessRole::centre};
  of_centre.bound = {.everywhere = false, .awarding_organisations = {}, .centres = {CentreId{68199}}};
  auto read = read_session(text_of(of_centre, keys_of("a")), keys_of("a"));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->bound, of_centre.bound);
}

TEST(Session, that_was_tampered_with_is_none) {
  SessionKeys keys = keys_of("a");
  const std::string text = text_of(session(), keys);
  for (std::size_t at = 0; at + 1 < text.size(); ++at) {
    std::string wrong = text;
    wrong[at] = wrong[at] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(read_session(wrong, keys)) << at;
  }
  EXPECT_FALSE(read_session(text.substr(0, text.size() - 1), keys));
  EXPECT_FALSE(read_session(text + "A", keys));
  EXPECT_FALSE(read_session("", keys));
  EXPECT_FALSE(read_session(std::string(100'000, 'A'), keys));
}

TEST(Session, is_read_with_any_key_of_the_file_and_written_with_the_first) {
  const std::string old = text_of(session(), keys_of("a"));
  EXPECT_TRUE(read_session(old, keys_of("ba")));
  EXPECT_FALSE(read_session(old, keys_of("b")));
  EXPECT_TRUE(read_session(text_of(session(), keys_of("ba")), keys_of("b")));
  EXPECT_FALSE(read_session(text_of(session(), keys_of("ba")), keys_of("a")));
  EXPECT_FALSE(read_session(old, SessionKeys::passing()));
}

TEST(Session, ends_when_nothing_is_asked_or_its_time_is_up) {
  SessionLimits limits{.idle_ms = 30 * 60'000, .absolute_ms = 8 * 3'600'000};
  Session one = session();
  EXPECT_TRUE(one.good_at(kNow + limits.idle_ms - 1, limits));
  EXPECT_FALSE(one.good_at(kNow + limits.idle_ms, limits));
  one.seen_ms = kNow + limits.absolute_ms - 1000;
  EXPECT_TRUE(one.good_at(kNow + limits.absolute_ms - 1, limits));
  EXPECT_FALSE(one.good_at(kNow + limits.absolute_ms, limits));
  one = session();
  EXPECT_TRUE(one.good_at(kNow - 2 * 60'000, limits)) << "another instance's clock may be ahead a little";
  EXPECT_FALSE(one.good_at(kNow - 2 * 60'000 - 1, limits));
}

TEST(Session, has_a_token_that_no_other_session_has) {
  SessionKeys keys = keys_of("a");
  std::string token = keys.csrf_token("one");
  EXPECT_TRUE(keys.is_csrf_token("one", token));
  EXPECT_TRUE(keys_of("ba").is_csrf_token("one", token));
  EXPECT_FALSE(keys.is_csrf_token("two", token));
  EXPECT_FALSE(keys_of("b").is_csrf_token("one", token));
  EXPECT_FALSE(keys.is_csrf_token("one", ""));
  EXPECT_FALSE(keys.is_csrf_token("one", token.substr(1)));
}

TEST(Session, is_one_cookie_among_others) {
  EXPECT_EQ(cookie_in("a=1; resultsd=x.y; b=2", "resultsd"), "x.y");
  EXPECT_EQ(cookie_in("resultsd=x", "resultsd"), "x");
  EXPECT_EQ(cookie_in("not-resultsd=x; resultsdb=y", "resultsd"), std::nullopt);
  EXPECT_EQ(cookie_in("resultsd=x; resultsd=y", "resultsd"), std::nullopt) << "which of two nobody may guess";
  EXPECT_EQ(cookie_in("", "resultsd"), std::nullopt);
}

TEST(SigningIn, is_remembered_for_ten_minutes_and_is_no_session) {
  SessionKeys keys = keys_of("a");
  SigningIn way = begin_signing_in("/signed-in", kNow);
  EXPECT_NE(way.state, begin_signing_in("", kNow).state);
  std::string text = text_of(way, keys);
  auto read = read_signing_in(text, keys, kNow + 10 * 60'000 - 1);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->nonce, way.nonce);
  EXPECT_EQ(read->next, "/signed-in");
  EXPECT_FALSE(read_signing_in(text, keys, kNow + 10 * 60'000));
  EXPECT_FALSE(read_session(text, keys));
  EXPECT_FALSE(read_signing_in(text_of(session(), keys), keys, kNow));
}

TEST(SigningIn, has_the_challenge_of_its_verifier) {
  EXPECT_EQ(challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");  // RFC 7636, appendix B
  SigningIn way = begin_signing_in("", kNow);
  EXPECT_GE(way.verifier.size(), 43u);
  EXPECT_LE(way.verifier.size(), 128u);
}

TEST(Person, is_a_hash_of_issuer_and_subject) {
  EXPECT_EQ(person_of(kIssuer, "ada"), person_of(kIssuer, "ada"));
  EXPECT_NE(person_of(kIssuer, "ada"), person_of(kIssuer, "bob"));
  EXPECT_NE(person_of(kIssuer, "ada"), person_of("https://other.example.org", "ada"));
  EXPECT_EQ(person_of(kIssuer, "ada").size(), 64u);
  EXPECT_FALSE(says(person_of(kIssuer, "ada"), "ada"));
}

TEST(SignedOut, counts_only_with_its_seal) {
  AccessSecret ours = AccessSecret::passing();
  v1::PersonSignedOut fact = sign_out(person_of(kIssuer, "ada"), kNow, ours);
  EXPECT_TRUE(is_sealed(fact, ours));
  EXPECT_FALSE(is_sealed(fact, AccessSecret::passing()));
  fact.set_before_ms(fact.before_ms() + 1);
  EXPECT_FALSE(is_sealed(fact, ours));
}

TEST(SignedOut, has_a_reason_under_its_seal_where_another_ended_the_sessions) {
  AccessSecret ours = AccessSecret::passing();
  v1::PersonSignedOut fact = sign_out(person_of(kIssuer, "ada"), kNow, ours, "left the project");
  EXPECT_EQ(fact.reason(), "left the project");
  EXPECT_TRUE(is_sealed(fact, ours));
  fact.clear_reason();
  EXPECT_FALSE(is_sealed(fact, ours));
}

// ---- roles ----

std::string why_unusable(const std::string& setting) {
  try {
    read_role_grants(setting);
    return "";
  } catch (const SignInError& error) {
    return error.what();
  }
}

TEST(Roles, are_read_from_the_setting) {
  auto grants = read_role_grants(
      " ops-team = operations everywhere ; cn=ada,ou=x = approver RN5217 RN5901;; exams = centre organisation; two = centre 68199 68200 ");
  ASSERT_EQ(grants.size(), 4u);
  EXPECT_EQ(grants[0].value, "ops-team");
  EXPECT_TRUE(grants[0].bound.everywhere);
  EXPECT_EQ(grants[1].value, "cn=ada,ou=x");
  EXPECT_EQ(grants[1].bound.awarding_organisations.size(), 2u);
  EXPECT_TRUE(grants[2].of_organisation);
  EXPECT_EQ(grants[3].bound.centres.size(), 2u);
}

TEST(Roles, without_a_bound_or_of_no_role_are_named) {
  EXPECT_TRUE(says(why_unusable("ops = operations"), "everywhere"));
  EXPECT_TRUE(says(why_unusable("ops = centre"), "organisation"));
  EXPECT_TRUE(says(why_unusable("ops = king everywhere"), "publisher"));
  EXPECT_TRUE(says(why_unusable("ops = centre everywhere"), "centre numbers"));
  EXPECT_TRUE(says(why_unusable("ops = centre RN5217"), "centre numbers"));
  EXPECT_TRUE(says(why_unusable("ops = approver 68199"), "recognition numbers"));
  EXPECT_TRUE(says(why_unusable("ops = approver everywhere RN5217"), "either"));
  EXPECT_TRUE(says(why_unusable("ops operations everywhere"), "VALUE = ROLE"));
  EXPECT_TRUE(says(why_unusable("= operations everywhere"), "VALUE = ROLE"));
  EXPECT_EQ(why_unusable(""), "");
}

const std::vector<CentreNumbers> kCentres{{CentreId{10001}, "One", "100001", "10000001"},  {CentreId{10002}, "Two", "100002", ""},
                                          {CentreId{10003}, "Three", "", "10000003"},      {CentreId{10004}, "Four", "100004", "10000004"},
                                          {CentreId{10005}, "Five", "100005", "10000004"}, {CentreId{10006}, "Six", "100006", ""},
                                          {CentreId{10007}, "Seven", "100006", ""},        {CentreId{10008}, "Eight", "", ""}};
const std::string kGrants =
    "ops = operations everywhere; here = approver RN5217; there = approver RN5901; ops-there = operations RN5901; exams = centre organisation";

Result<Granted> given(std::vector<std::string> values, const std::string& organisation = "{}") {
  auto claim = nlohmann::json::parse(organisation);
  auto read = read_organisation(&claim);
  if (!read) return read.error();
  return granted(read_role_grants(kGrants), values, read.value(), kCentres);
}
std::string rule_of(const Result<Granted>& result) { return result ? "" : result.error().rule; }

TEST(Roles, are_given_by_the_values_of_the_claim_alone) {
  EXPECT_EQ(rule_of(given({})), "role-given");
  EXPECT_EQ(rule_of(given({"Ops", "op", "ops "})), "role-given");
  auto one = given({"other", "ops"});
  ASSERT_TRUE(one);
  EXPECT_EQ(one.value().roles, AccessRoles{AccessRole::operations});
  EXPECT_TRUE(one.value().bound.everywhere);
}

TEST(Roles, of_several_values_reach_no_further_than_each_of_them) {
  auto same = given({"here", "there"});
  ASSERT_TRUE(same);
  EXPECT_EQ(same.value().bound.awarding_organisations.size(), 2u) << "one role of two values reaches both";
  auto narrower = given({"ops", "here"});
  ASSERT_TRUE(narrower);
  EXPECT_FALSE(narrower.value().bound.everywhere) << "nobody approves everywhere for being operations everywhere";
  EXPECT_EQ(narrower.value().bound.awarding_organisations, std::vector{AwardingOrganisationId{5217}});
  EXPECT_EQ(rule_of(given({"ops-there", "here"})), "role-bounds");
  EXPECT_EQ(rule_of(given({"ops", "exams"}, R"({"urn": "100001"})")), "role-alone");
}

TEST(Roles, stand_in_a_claim_in_several_ways) {
  nlohmann::json claims{{"roles", {"a", 7, "b"}}, {"one", "a b"},        {"scope", "a b"}, {"realm_access", {{"roles", {"c"}}}},
                        {"x.y", "whole"},         {"x", {{"y", "path"}}}};
  auto values = [&](const std::string& name) { return values_of_claim(claim_of(claims, name), name); };
  EXPECT_EQ(values("roles"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(values("one"), std::vector<std::string>{"a b"});
  EXPECT_EQ(values("scope"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(values("realm_access.roles"), std::vector<std::string>{"c"});
  EXPECT_EQ(values("x.y"), std::vector<std::string>{"whole"});
  EXPECT_TRUE(values("realm_access").empty());
  EXPECT_TRUE(values("none.at.all").empty());
}

/// The centre of an exams officer of this organisation, or the rule by which there is none.
std::string centre_by(const std::string& organisation) {
  auto result = given({"exams"}, organisation);
  return result ? text_of(result.value().bound.centres.at(0)) : result.error().rule;
}

TEST(Organisations, are_centres_by_urn_and_ukprn) {
  EXPECT_EQ(centre_by(R"({"id": "x", "urn": "100001", "ukprn": "10000001", "status": {"id": 1, "name": "Open"}})"), "10001");
  EXPECT_EQ(centre_by(R"({"urn": "100001"})"), "10001");
  EXPECT_EQ(centre_by(R"({"urn": 100001, "ukprn": null})"), "10001") << "a number is one, too";
  EXPECT_EQ(centre_by(R"({"ukprn": "10000001"})"), "10001");
  EXPECT_EQ(centre_by(R"({"urn": "100002", "ukprn": "10000009"})"), "10002") << "the centre has no UKPRN here";
  EXPECT_EQ(centre_by(R"({"urn": "100009", "ukprn": "10000003"})"), "10003") << "the centre has no URN here";
  EXPECT_EQ(centre_by(R"("{\"urn\": \"100001\"}")"), "10001") << "as the text of an object";
}

TEST(Organisations, that_fit_no_centre_or_several_are_refused) {
  EXPECT_EQ(centre_by("{}"), "organisation-given");
  EXPECT_EQ(centre_by("null"), "organisation-given");
  EXPECT_EQ(centre_by(R"("")"), "organisation-given");
  EXPECT_EQ(centre_by(R"("{}")"), "organisation-given");
  EXPECT_EQ(centre_by("[]"), "organisation-form");
  EXPECT_EQ(centre_by(R"("not json")"), "organisation-form");
  EXPECT_EQ(centre_by(R"({"urn": "999999"})"), "organisation-known");
  EXPECT_EQ(centre_by(R"({"establishmentNumber": "4001", "urn": null, "ukprn": ""})"), "organisation-known") << "no empty number is a centre's";
  EXPECT_EQ(centre_by(R"({"urn": "100006"})"), "organisation-ambiguous");
  EXPECT_EQ(centre_by(R"({"ukprn": "10000004"})"), "organisation-ambiguous");
  EXPECT_EQ(centre_by(R"({"urn": "100004", "ukprn": "10000004"})"), "10004") << "the URN tells two of one UKPRN apart";
  EXPECT_EQ(centre_by(R"({"urn": "100001", "ukprn": "10000003"})"), "organisation-numbers");
  EXPECT_EQ(centre_by(R"({"urn": "100009", "ukprn": "10000001"})"), "organisation-numbers");
}

TEST(Organisations, that_are_closed_are_refused_whatever_the_role) {
  EXPECT_EQ(centre_by(R"({"urn": "100001", "status": {"id": 2, "name": "Closed"}})"), "organisation-closed");
  EXPECT_EQ(centre_by(R"({"urn": "100001", "status": {"id": "2"}})"), "organisation-closed");
  EXPECT_EQ(centre_by(R"({"urn": "100001", "status": "closed"})"), "organisation-closed");
  EXPECT_EQ(centre_by(R"({"urn": "100001", "status": 2})"), "organisation-closed");
  EXPECT_EQ(centre_by(R"({"urn": "100001", "status": {"id": 3, "name": "Proposed to close"}})"), "10001");
  EXPECT_EQ(rule_of(given({"ops"}, R"({"status": {"id": 2}})")), "organisation-closed");
}

TEST(Fetch, goes_out_encrypted_or_stays_on_this_machine) {
  for (const char* good : {"https://a.example", "https://a.example:443/x", "http://127.0.0.1:8000/x", "http://localhost", "http://[::1]:80/"})
    EXPECT_TRUE(may_be_asked(good)) << good;
  for (const char* wrong :
       {"http://a.example", "http://127.0.0.1.example.org", "http://localhost.example.org/", "http://localhost@a.example", "http://[::1].example",
        "ftp://localhost", "file:///etc/passwd", "https://", "https:///x", "", "https://a.example/\r\nX: 1"})
    EXPECT_FALSE(may_be_asked(wrong)) << wrong;
}

// ---- limits ----

TEST(AddressLimit, keeps_one_address_to_its_share_and_remembers_none_that_waits_no_more) {
  AddressLimit limit(2);
  EXPECT_TRUE(limit.enter("192.0.2.1"));
  EXPECT_TRUE(limit.enter("192.0.2.1"));
  EXPECT_FALSE(limit.enter("192.0.2.1"));
  EXPECT_TRUE(limit.enter("192.0.2.2"));
  limit.leave("192.0.2.1");
  EXPECT_TRUE(limit.enter("192.0.2.1"));
  for (int time = 0; time < 10; ++time) EXPECT_TRUE(limit.enter("")) << "behind a proxy all have one address";
  for (const char* address : {"192.0.2.1", "192.0.2.1", "192.0.2.2", ""}) limit.leave(address);
  EXPECT_EQ(limit.size(), 0u);
}

// ---- pages ----

TEST(Pages, escape_what_comes_from_elsewhere) {
  EXPECT_EQ(escaped("<script>\"a\" & 'b'</script>"), "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;&lt;/script&gt;");
  Html body;
  body.button("/x\"y", "<b>", {{"n", "\"><script>"}}).link("javascript:\"x", "'").paragraph("<i>");
  HttpReply reply = page(200, "<title>", body, true);
  for (const char* wrong : {"<script", "<b>", "<i>", "x\"y", "<title><"}) EXPECT_FALSE(says(reply.body, wrong)) << wrong << reply.body;
}

TEST(Pages, have_headers_that_let_no_script_run) {
  auto header = [](const HttpReply& reply, std::string_view name) {
    for (const auto& [one, value] : reply.headers)
      if (one == name) return value;
    return std::string();
  };
  for (const HttpReply& reply : {page(200, "t", Html(), true), go_to("/signed-in", true), page_of({403, "No", "Why", "", "rule"}, true)}) {
    EXPECT_TRUE(says(header(reply, "Content-Security-Policy"), "default-src 'none'"));
    EXPECT_FALSE(says(header(reply, "Content-Security-Policy"), "unsafe"));
    EXPECT_EQ(header(reply, "Strict-Transport-Security"), "max-age=31536000; includeSubDomains");
    EXPECT_EQ(header(reply, "Referrer-Policy"), "same-origin") << "forms of these pages must name their origin";
    EXPECT_TRUE(says(reply.body, "<html lang=\"en-GB\">"));
    EXPECT_FALSE(says(reply.body, "<script"));
    EXPECT_FALSE(says(reply.body, "style="));
  }
  EXPECT_EQ(header(page(200, "t", Html(), false), "Strict-Transport-Security"), "");
}

// ---- settings ----

Settings settings(const std::vector<std::string>& environment) { return load_settings("", environment).settings; }
std::vector<std::string> wrong(std::vector<std::string> environment) {
  std::vector<std::string> names;
  for (const auto& [name, why] : wrong_sign_in(settings(environment))) names.emplace_back(name);
  return names;
}

TEST(SignInSettings, say_nothing_where_nothing_is_set_or_all_is_right) {
  EXPECT_TRUE(wrong({}).empty());
  EXPECT_TRUE(wrong({"RESULTSD_SIGN_IN_ISSUER=" + kIssuer, "RESULTSD_SIGN_IN_CLIENT_ID=a", "RESULTSD_SIGN_IN_PUBLIC_URL=https://here.example.org",
                     "RESULTSD_SIGN_IN_ROLES=a = operations everywhere", "RESULTSD_ACCESS_SECRET_FILE=/x"})
                  .empty());
  EXPECT_TRUE(wrong({"RESULTSD_SIGN_IN_DEMONSTRATION=true", "RESULTSD_TIME_SOURCE=event"}).empty());
}

TEST(SignInSettings, of_the_demonstration_keep_it_to_event_time_and_loopback) {
  const std::string demonstration = "RESULTSD_SIGN_IN_DEMONSTRATION=true", event = "RESULTSD_TIME_SOURCE=event";
  const std::vector<std::string> named{"sign_in.demonstration"};
  EXPECT_EQ(wrong({demonstration}), named);
  EXPECT_EQ(wrong({demonstration, event, "RESULTSD_HTTP_ADDRESS=0.0.0.0"}), named);
  EXPECT_EQ(wrong({demonstration, event, "RESULTSD_HTTP_TRUSTED_PROXY=127.0.0.1"}), named);
  EXPECT_EQ(wrong({demonstration, event, "RESULTSD_KAFKA_BOOTSTRAP_SERVERS=x:1"}), named);
}

TEST(SignInSettings, that_do_not_fit_each_other_are_named) {
  const std::vector<std::string> good{"RESULTSD_SIGN_IN_ISSUER=" + kIssuer, "RESULTSD_SIGN_IN_CLIENT_ID=a",
                                      "RESULTSD_SIGN_IN_PUBLIC_URL=https://here.example.org", "RESULTSD_SIGN_IN_ROLES=a = operations everywhere",
                                      "RESULTSD_ACCESS_SECRET_FILE=/x"};
  auto but = [&](const std::string& changed) {
    auto environment = good;
    environment.push_back(changed);
    return wrong(environment);
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(but("RESULTSD_SIGN_IN_ISSUER=http://a.example"), Names{"sign_in.issuer"});
  EXPECT_EQ(but("RESULTSD_SIGN_IN_ISSUER=http://127.0.0.1:9"), Names{});
  EXPECT_EQ(but("RESULTSD_ACCESS_SECRET_FILE="), Names{"sign_in.issuer"});
  EXPECT_EQ(but("RESULTSD_SIGN_IN_PUBLIC_URL=https://here.example.org/x"), Names{"sign_in.public_url"});
  EXPECT_EQ(but("RESULTSD_SIGN_IN_PUBLIC_URL=http://here.example.org"), Names{"sign_in.public_url"});
  EXPECT_EQ(but("RESULTSD_SIGN_IN_PUBLIC_URL=http://127.0.0.1:8410"), Names{});
  EXPECT_EQ(wrong({good[0], good[1], good[3], good[4], "RESULTSD_SIGN_IN_PUBLIC_URL=http://127.0.0.1:8410", "RESULTSD_HTTP_TLS_CERTIFICATE_FILE=/c",
                   "RESULTSD_HTTP_TLS_KEY_FILE=/k"}),
            Names{"sign_in.public_url"});
  EXPECT_EQ(but("RESULTSD_SIGN_IN_ROLES="), Names{"sign_in.roles"});
  EXPECT_EQ(but("RESULTSD_SIGN_IN_SCOPES=profile"), Names{"sign_in.scopes"});
  EXPECT_EQ(but("RESULTSD_SIGN_IN_TOKEN_AUDIENCE=a"), Names{"sign_in.token_audience"});
  EXPECT_EQ(but("RESULTSD_SIGN_IN_ROLES_API_URL=https://api.example"), Names{"sign_in.roles_api_url"});
  EXPECT_EQ(but("RESULTSD_KAFKA_BOOTSTRAP_SERVERS=x:1"), Names{"sign_in.session_key_file"});
  EXPECT_EQ(but("RESULTSD_SIGN_IN_IDLE_MINUTES=481"), Names{"sign_in.idle_minutes"});
  EXPECT_EQ(wrong({"RESULTSD_SIGN_IN_CLIENT_ID=a"}), Names{"sign_in.client_id"});
}

}  // namespace
}  // namespace vtq::test
