// Tokens of an issuer: keys, signatures, what a token must say, and an issuer that answers from a table.
#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <map>

#include "daemon/sign_in/issuer.h"
#include "daemon/sign_in/token.h"

namespace vtq::test {
namespace {

constexpr TimeMs kNow = 1'791'000'000'000;  // in October 2026
constexpr std::int64_t kNowS = kNow / 1000;
const std::string kIssuer = "https://sign-in.example.org";

bool says(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

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

}  // namespace
}  // namespace vtq::test
