// Sign-in without a network: sessions in cookies, tokens of an issuer, PKCE, roles and organisations, and an issuer that answers from a table.
#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <map>

#include "daemon/access/signed_out.h"
#include "daemon/process/sign_in_settings.h"
#include "daemon/sign_in/issuer.h"
#include "daemon/sign_in/pages.h"
#include "daemon/sign_in/roles.h"
#include "daemon/sign_in/session.h"
#include "daemon/sign_in/token.h"

namespace vtq::test {
namespace {

constexpr TimeMs kNow = 1'791'000'000'000;  // in October 2026
constexpr std::int64_t kNowS = kNow / 1000;
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

// ---- keys and signatures ----

struct Signer {
  std::string algorithm, name;
  std::shared_ptr<EVP_PKEY> key;

  static Signer make(const std::string& algorithm, const std::string& name, unsigned bits = 2048) {
    EVP_PKEY* made = algorithm == "ES256"   ? ::EVP_EC_gen("P-256")
                     : algorithm == "EdDSA" ? ::EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")
                                            : ::EVP_RSA_gen(bits);
    return {algorithm, name, std::shared_ptr<EVP_PKEY>(made, ::EVP_PKEY_free)};
  }

  std::string number(const char* parameter, std::size_t bytes = 0) const {
    BIGNUM* value = nullptr;
    EXPECT_EQ(::EVP_PKEY_get_bn_param(key.get(), parameter, &value), 1);
    std::string text(bytes ? bytes : static_cast<std::size_t>(BN_num_bytes(value)), '\0');
    ::BN_bn2binpad(value, reinterpret_cast<unsigned char*>(text.data()), static_cast<int>(text.size()));
    ::BN_free(value);
    return base64url(text);
  }

  nlohmann::json jwk() const {
    nlohmann::json json{{"kid", name}, {"use", "sig"}};
    if (algorithm == "ES256") {
      json.update({{"kty", "EC"}, {"crv", "P-256"}, {"x", number(OSSL_PKEY_PARAM_EC_PUB_X, 32)}, {"y", number(OSSL_PKEY_PARAM_EC_PUB_Y, 32)}});
    } else if (algorithm == "EdDSA") {
      std::string x(32, '\0');
      std::size_t size = x.size();
      ::EVP_PKEY_get_raw_public_key(key.get(), reinterpret_cast<unsigned char*>(x.data()), &size);
      json.update({{"kty", "OKP"}, {"crv", "Ed25519"}, {"x", base64url(x)}});
    } else {
      json.update({{"kty", "RSA"}, {"n", number(OSSL_PKEY_PARAM_RSA_N)}, {"e", number(OSSL_PKEY_PARAM_RSA_E)}});
    }
    return json;
  }

  std::string sign(const std::string& text) const {
    EVP_MD_CTX* digest = ::EVP_MD_CTX_new();
    EVP_PKEY_CTX* context = nullptr;
    ::EVP_DigestSignInit(digest, &context, algorithm == "EdDSA" ? nullptr : ::EVP_sha256(), nullptr, key.get());
    if (algorithm == "PS256") {
      ::EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING);
      ::EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST);
    }
    auto bytes = reinterpret_cast<const unsigned char*>(text.data());
    std::size_t size = 0;
    ::EVP_DigestSign(digest, nullptr, &size, bytes, text.size());
    std::string signature(size, '\0');
    EXPECT_EQ(::EVP_DigestSign(digest, reinterpret_cast<unsigned char*>(signature.data()), &size, bytes, text.size()), 1);
    signature.resize(size);
    ::EVP_MD_CTX_free(digest);
    if (algorithm != "ES256") return signature;
    auto at = reinterpret_cast<const unsigned char*>(signature.data());
    ECDSA_SIG* pair = ::d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(signature.size()));
    std::string both(64, '\0');
    ::BN_bn2binpad(::ECDSA_SIG_get0_r(pair), reinterpret_cast<unsigned char*>(both.data()), 32);
    ::BN_bn2binpad(::ECDSA_SIG_get0_s(pair), reinterpret_cast<unsigned char*>(both.data()) + 32, 32);
    ::ECDSA_SIG_free(pair);
    return both;
  }

  std::string token(const nlohmann::json& claims, nlohmann::json header = nullptr) const {
    if (header.is_null()) header = {{"alg", algorithm}, {"kid", name}};
    std::string text = base64url(header.dump()) + "." + base64url(claims.dump());
    return text + "." + base64url(sign(text));
  }
};

std::string set_of(const std::vector<Signer>& signers) {
  auto keys = nlohmann::json::array();
  for (const Signer& one : signers) keys.push_back(one.jwk());
  return nlohmann::json{{"keys", keys}}.dump();
}

TEST(KeySet, verifies_what_each_of_its_keys_signed_and_nothing_else) {
  const std::vector<Signer> signers{Signer::make("RS256", "r"), Signer::make("PS256", "p"), Signer::make("ES256", "e"), Signer::make("EdDSA", "d")};
  auto set = KeySet::read(set_of(signers));
  ASSERT_TRUE(set);
  EXPECT_EQ(set->size(), 4u);
  for (const Signer& one : signers) {
    std::string signature = one.sign("text");
    EXPECT_EQ(set->look(one.algorithm, one.name, "text", signature), KeySet::Signed::yes) << one.algorithm;
    EXPECT_EQ(set->look(one.algorithm, one.name, "texT", signature), KeySet::Signed::no) << one.algorithm;
    EXPECT_EQ(set->look(one.algorithm, one.name, "text", signature.substr(1)), KeySet::Signed::no) << one.algorithm;
    EXPECT_EQ(set->look(one.algorithm, one.name, "text", ""), KeySet::Signed::no) << one.algorithm;
    EXPECT_EQ(set->look(one.algorithm, "another", "text", signature), KeySet::Signed::unknown_key) << one.algorithm;
    signature.back() = static_cast<char>(signature.back() ^ 1);
    EXPECT_EQ(set->look(one.algorithm, one.name, "text", signature), KeySet::Signed::no) << one.algorithm;
  }
  EXPECT_EQ(set->look("ES256", "r", "text", signers[0].sign("text")), KeySet::Signed::unknown_key) << "a key is of its own algorithms";
  EXPECT_EQ(set->look("PS256", "r", "text", signers[0].sign("text")), KeySet::Signed::no);
  EXPECT_EQ(set->look("HS256", "r", "text", signers[0].sign("text")), KeySet::Signed::unknown_key);
  EXPECT_EQ(set->look("ES256", "", "text", signers[2].sign("text")), KeySet::Signed::yes) << "the one that fits needs no name";
  EXPECT_EQ(set->look("RS256", "", "text", signers[0].sign("text")), KeySet::Signed::no) << "of two that fit nobody can say which";
}

TEST(KeySet, leaves_out_what_is_no_key_to_be_trusted) {
  nlohmann::json weak = Signer::make("RS256", "weak", 1024).jwk(), secret{{"kty", "oct"}, {"k", "AAAA"}, {"kid", "s"}};
  nlohmann::json off_curve = Signer::make("ES256", "e").jwk(), to_encrypt = Signer::make("RS256", "enc").jwk();
  off_curve["y"] = off_curve["x"];
  to_encrypt["use"] = "enc";
  auto set = KeySet::read(nlohmann::json{{"keys", {weak, secret, off_curve, to_encrypt, 7, nullptr}}}.dump());
  ASSERT_TRUE(set);
  EXPECT_EQ(set->size(), 0u);
  EXPECT_FALSE(KeySet::read("{}"));
  EXPECT_FALSE(KeySet::read("[]"));
  EXPECT_FALSE(KeySet::read("<html>"));
}

// ---- tokens ----

nlohmann::json good_claims() {
  return {{"iss", kIssuer}, {"aud", "resultsd"}, {"sub", "ada"}, {"exp", kNowS + 300}, {"iat", kNowS}, {"nonce", "n1"}};
}
TokenWanted wanted() { return {.issuer = kIssuer, .audience = "resultsd", .of_person = true, .nonce = "n1"}; }
std::string rule_of(const nlohmann::json& claims, const TokenWanted& against = wanted()) {
  auto fault = fault_of(claims, against, kNow);
  return fault ? fault->rule : "";
}
std::string with(const char* name, const nlohmann::json& value) {
  nlohmann::json claims = good_claims();
  if (value.is_null())
    claims.erase(name);
  else
    claims[name] = value;
  return rule_of(claims);
}

TEST(Token, that_is_good_passes) { EXPECT_EQ(rule_of(good_claims()), ""); }

TEST(Token, is_of_its_issuer_and_for_this_service) {
  EXPECT_EQ(with("iss", kIssuer + "/"), "token-issuer");
  EXPECT_EQ(with("iss", nullptr), "token-issuer");
  EXPECT_EQ(with("aud", "resultsd2"), "token-audience");
  EXPECT_EQ(with("aud", nullptr), "token-audience");
  EXPECT_EQ(with("aud", {"resultsd"}), "");
  EXPECT_EQ(with("aud", {"other"}), "token-audience");
  EXPECT_EQ(with("aud", 7), "token-audience");
  EXPECT_EQ(with("aud", nlohmann::json::array({"resultsd", "other"})), "token-party") << "with two audiences it says to whom it was given";
  EXPECT_EQ(with("azp", "resultsd"), "");
  EXPECT_EQ(with("azp", "other"), "token-party");
  nlohmann::json both = good_claims();
  both["aud"] = {"resultsd", "other"};
  both["azp"] = "resultsd";
  EXPECT_EQ(rule_of(both), "");
}

TEST(Token, holds_from_when_to_when_it_says_and_a_minute_more) {
  EXPECT_EQ(with("exp", kNowS - 59), "");
  EXPECT_EQ(with("exp", kNowS - 60), "token-expired");
  EXPECT_EQ(with("exp", nullptr), "token-form");
  EXPECT_EQ(with("exp", "soon"), "token-form");
  EXPECT_EQ(with("exp", 1e300), "token-form");
  EXPECT_EQ(with("nbf", kNowS + 60), "");
  EXPECT_EQ(with("nbf", kNowS + 61), "token-early");
  EXPECT_EQ(with("nbf", "soon"), "token-form");
  EXPECT_EQ(with("iat", kNowS + 60), "");
  EXPECT_EQ(with("iat", kNowS + 61), "token-early");
  EXPECT_EQ(with("iat", kNowS - 600), "");
  EXPECT_EQ(with("iat", kNowS - 601), "token-expired");
  EXPECT_EQ(with("iat", nullptr), "token-form");
}

TEST(Token, is_for_the_sign_in_that_was_begun) {
  EXPECT_EQ(with("nonce", "n2"), "token-nonce");
  EXPECT_EQ(with("nonce", nullptr), "token-nonce");
  TokenWanted no_nonce = wanted();
  no_nonce.nonce.clear();
  nlohmann::json claims = good_claims();
  claims["nonce"] = "";
  EXPECT_EQ(rule_of(claims, no_nonce), "token-nonce") << "nothing is no nonce";
}

TEST(Token, says_of_whom_it_is) {
  EXPECT_EQ(with("sub", ""), "token-subject");
  EXPECT_EQ(with("sub", nullptr), "token-subject");
  EXPECT_EQ(with("sub", std::string(255, 'x')), "");
  EXPECT_EQ(with("sub", std::string(256, 'x')), "token-subject");
}

TEST(Token, of_a_system_needs_no_nonce) {
  nlohmann::json claims = good_claims();
  claims.erase("nonce");
  claims.erase("iat");
  EXPECT_EQ(rule_of(claims, {.issuer = kIssuer, .audience = "resultsd"}), "");
  claims["aud"] = "another";
  EXPECT_EQ(rule_of(claims, {.issuer = kIssuer, .audience = "resultsd"}), "token-audience");
}

std::string rule_of_text(const std::string& text) {
  auto read = read_token(text);
  return read ? "" : read.error().rule;
}

TEST(Token, of_another_form_or_algorithm_is_refused) {
  Signer signer = Signer::make("EdDSA", "d");
  const std::string good = signer.token(good_claims());
  EXPECT_EQ(rule_of_text(good), "");
  for (const char* algorithm : {"none", "HS256", "HS512", "RS512", "", "es256"})
    EXPECT_EQ(rule_of_text(signer.token(good_claims(), {{"alg", algorithm}, {"kid", "d"}})), "token-algorithm") << algorithm;
  EXPECT_EQ(rule_of_text(signer.token(good_claims(), {{"alg", "EdDSA"}, {"crit", {"b64"}}})), "token-critical");
  for (const std::string& wrong :
       {std::string(), std::string("a"), std::string("a.b"), good + ".x", good.substr(good.find('.')), "!" + good,
        base64url("[]") + "." + base64url("{}") + ".AAAA", base64url("{}") + "." + base64url("7") + ".AAAA", good + std::string(20'000, 'A')})
    EXPECT_EQ(rule_of_text(wrong), "token-form") << wrong.substr(0, 60);
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
  EXPECT_EQ(centre_by(R"({"urn": "100001", "status": {"id": 3, "name": "Proposed to close"}})"), "10001");
  EXPECT_EQ(rule_of(given({"ops"}, R"({"status": {"id": 2}})")), "organisation-closed");
}

// ---- an issuer ----

class IssuerTest : public testing::Test {
 protected:
  IssuerTest() {
    describe(kIssuer);
    answers[kIssuer + "/keys"] = {200, set_of({signer}), ""};
  }
  void describe(const std::string& name) {
    answers[kIssuer + "/.well-known/openid-configuration"] = {
        200,
        nlohmann::json{
            {"issuer", name}, {"authorization_endpoint", kIssuer + "/auth"}, {"token_endpoint", kIssuer + "/token"}, {"jwks_uri", kIssuer + "/keys"}}
            .dump(),
        ""};
  }
  Issuer issuer(const std::string& name = kIssuer) {
    return Issuer(
        {.issuer = name, .client_id = "resultsd", .client_secret = "s/1", .redirect_uri = "https://here/sign-in/callback"},
        [this](const FetchCall& call) {
          ++asked[call.url];
          last = call;
          auto found = answers.find(call.url);
          return found == answers.end() ? FetchReply{0, "", "nobody there"} : found->second;
        },
        [this] { return passed; });
  }
  std::string claimed(Issuer& by, const std::string& token) {
    auto claims = by.claims(token, wanted(), kNow, until());
    return claims ? "" : claims.error().rule;
  }
  static Issuer::Until until() { return Issuer::Steady::now() + std::chrono::seconds(10); }

  const Signer signer = Signer::make("ES256", "k1");
  std::map<std::string, FetchReply> answers;
  std::map<std::string, int> asked;
  FetchCall last;
  Issuer::Until passed{std::chrono::hours(1000)};
};

TEST_F(IssuerTest, is_asked_once_and_remembered) {
  Issuer by = issuer();
  for (int time = 0; time < 3; ++time) EXPECT_EQ(claimed(by, signer.token(good_claims())), "");
  EXPECT_EQ(asked[kIssuer + "/.well-known/openid-configuration"], 1);
  EXPECT_EQ(asked[kIssuer + "/keys"], 1);
  passed += std::chrono::minutes(10);
  EXPECT_EQ(claimed(by, signer.token(good_claims())), "");
  EXPECT_EQ(asked[kIssuer + "/keys"], 2);
}

TEST_F(IssuerTest, that_calls_itself_something_else_is_refused) {
  describe("https://other.example.org");
  Issuer by = issuer();
  EXPECT_EQ(claimed(by, signer.token(good_claims())), "issuer-described");
  describe(kIssuer + ":443");
  passed += std::chrono::seconds(3);
  nlohmann::json claims = good_claims();
  claims["iss"] = kIssuer + ":443";
  EXPECT_EQ(claimed(by, signer.token(claims)), "") << "the default port says nothing";
  EXPECT_EQ(plain_issuer("https://a.example:443/x"), "https://a.example/x");
  EXPECT_EQ(plain_issuer("https://a.example:4430"), "https://a.example:4430");
  EXPECT_FALSE(is_same_issuer("https://a.example", "http://a.example"));
}

TEST_F(IssuerTest, with_a_new_key_is_asked_again_a_few_times_a_minute) {
  Issuer by = issuer();
  EXPECT_EQ(claimed(by, signer.token(good_claims())), "");
  Signer next = Signer::make("ES256", "k2");
  answers[kIssuer + "/keys"] = {200, set_of({next}), ""};
  EXPECT_EQ(claimed(by, next.token(good_claims())), "");
  EXPECT_EQ(claimed(by, signer.token(good_claims())), "token-signature") << "the old key is gone";
  Signer unknown = Signer::make("ES256", "k3");
  for (int time = 0; time < 10; ++time) EXPECT_EQ(claimed(by, unknown.token(good_claims())), "token-signature");
  EXPECT_EQ(asked[kIssuer + "/keys"], 4) << "once, and three times again";
  answers[kIssuer + "/keys"] = {200, set_of({unknown}), ""};
  EXPECT_EQ(claimed(by, unknown.token(good_claims())), "token-signature");
  passed += std::chrono::minutes(1);
  EXPECT_EQ(claimed(by, unknown.token(good_claims())), "");
}

TEST_F(IssuerTest, that_does_not_answer_is_named_and_its_keys_serve_for_an_hour) {
  Issuer by = issuer();
  EXPECT_EQ(claimed(by, signer.token(good_claims())), "");
  answers.clear();
  passed += std::chrono::minutes(59);
  EXPECT_EQ(claimed(by, signer.token(good_claims())), "");
  passed += std::chrono::minutes(1);
  EXPECT_EQ(claimed(by, signer.token(good_claims())), "issuer-reached");
  Issuer never = issuer();
  EXPECT_EQ(claimed(never, signer.token(good_claims())), "issuer-reached");
  EXPECT_EQ(claimed(never, signer.token(good_claims())), "issuer-reached");
}

TEST_F(IssuerTest, is_not_waited_for_at_once) {
  Issuer by = issuer();
  auto look = [&](const std::string& token) {
    auto claims = by.look_at_once(token, {.issuer = {}, .audience = "resultsd"}, kNow);
    return claims ? std::string() : claims.error().rule;
  };
  EXPECT_EQ(look(signer.token(good_claims())), "token-keys");
  EXPECT_TRUE(asked.empty());
  EXPECT_TRUE(by.refresh_keys(false, until()));
  EXPECT_EQ(look(signer.token(good_claims())), "");
  EXPECT_EQ(look(Signer::make("ES256", "k2").token(good_claims())), "token-keys");
  EXPECT_EQ(look(Signer::make("ES256", "k1").token(good_claims())), "token-signature");
}

TEST_F(IssuerTest, gets_the_code_with_its_verifier_and_the_clients_secret) {
  answers[kIssuer + "/token"] = {200, R"({"id_token": "t", "access_token": "a"})", ""};
  Issuer by = issuer();
  auto description = by.description(until());
  ASSERT_TRUE(description);
  std::string url = by.sign_in_url(*description.value(), "s&1", "n", "c");
  EXPECT_TRUE(says(url, "state=s%261&nonce=n&code_challenge=c&code_challenge_method=S256")) << url;
  auto tokens = by.exchange(*description.value(), "the code", "v", until());
  ASSERT_TRUE(tokens);
  EXPECT_EQ(tokens.value().id_token, "t");
  EXPECT_TRUE(says(last.form, "code=the%20code")) << last.form;
  EXPECT_TRUE(says(last.form, "code_verifier=v"));
  EXPECT_EQ(last.authorization, "Basic cmVzdWx0c2Q6cyUyRjE=");
  answers[kIssuer + "/token"] = {400, R"({"error": "invalid_grant"})", ""};
  EXPECT_EQ(by.exchange(*description.value(), "x", "v", until()).error().rule, "code-good");
  answers[kIssuer + "/token"] = {200, R"({"access_token": "a"})", ""};
  EXPECT_EQ(by.exchange(*description.value(), "x", "v", until()).error().rule, "issuer-described");
}

TEST(Fetch, goes_out_encrypted_or_stays_on_this_machine) {
  for (const char* good : {"https://a.example", "https://a.example:443/x", "http://127.0.0.1:8000/x", "http://localhost", "http://[::1]:80/"})
    EXPECT_TRUE(may_be_asked(good)) << good;
  for (const char* wrong : {"http://a.example", "http://127.0.0.1.example.org", "http://localhost.example.org/", "http://localhost@a.example",
                            "ftp://localhost", "file:///etc/passwd", "https://", "https:///x", "", "https://a.example/\r\nX: 1"})
    EXPECT_FALSE(may_be_asked(wrong)) << wrong;
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
    EXPECT_EQ(header(reply, "Strict-Transport-Security"), "max-age=31536000");
    EXPECT_EQ(header(reply, "Referrer-Policy"), "no-referrer");
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
