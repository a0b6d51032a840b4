// Who calls and what it may: secrets, keys, signed callers, and the table of rights.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <random>

#include "daemon/access/access_key.h"
#include "daemon/access/rights.h"
#include "daemon/access/said_by.h"
#include "daemon/access/signed_caller.h"
#include "pipeline/facts/reference.h"
#include "pipeline/intake/check.h"
#include "tests/support/examples.h"
#include "tests/support/temp_directory.h"

namespace vtq::test {
namespace {

constexpr TimeMs kNow = 1'791'000'000'000;  // in October 2026
constexpr AwardingOrganisationId kOurs{5901}, kTheirs{5217};
constexpr CentreId kCentre{68199};

class AccessTest : public testing::Test {
 protected:
  AccessTest() { AccessSecret::make(file()); }
  std::filesystem::path file() const { return directory / "secret"; }
  AccessSecret secret() const { return AccessSecret::read(file()); }
  void write(const std::string& text) const { std::ofstream(file(), std::ios::trunc) << text; }
  std::string why_unusable() const {
    try {
      AccessSecret::read(file());
      return "";
    } catch (const AccessSecretError& error) {
      return error.what();
    }
  }
  TempDirectory directory;
};

bool says(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

// ---- the secret ----

TEST_F(AccessTest, a_secret_is_made_for_its_owner_alone_and_never_over_another) {
  struct stat made {};
  ASSERT_EQ(::stat(file().c_str(), &made), 0);
  EXPECT_EQ(made.st_mode & 0777, 0600u);
  EXPECT_THROW(AccessSecret::make(file()), AccessSecretError);
  EXPECT_EQ(why_unusable(), "");
}

TEST_F(AccessTest, a_secret_that_others_can_read_is_refused) {
  for (mode_t mode : {0640u, 0604u, 0660u, 0700u}) {
    ::chmod(file().c_str(), mode);
    EXPECT_EQ(says(why_unusable(), "chmod 600"), (mode & 077) != 0) << mode;
  }
}

TEST_F(AccessTest, what_systemd_passes_on_is_read_although_it_looks_like_its_groups) {
  ::setenv("CREDENTIALS_DIRECTORY", file().parent_path().c_str(), 1);
  for (mode_t mode : {0400u, 0440u, 0444u}) {
    ::chmod(file().c_str(), mode);
    EXPECT_EQ(says(why_unusable(), "chmod 600"), (mode & 07) != 0) << mode;
  }
  ::unsetenv("CREDENTIALS_DIRECTORY");
  ::chmod(file().c_str(), 0440);
  EXPECT_TRUE(says(why_unusable(), "chmod 600"));
}

TEST_F(AccessTest, a_line_that_is_no_secret_is_named) {
  std::string good(64, 'a');
  for (const std::string& line : {good.substr(1), good + "a", std::string(63, 'a') + "g", "0x" + good}) {
    write("# one\n" + good + "\n" + line + "\n");
    EXPECT_TRUE(says(why_unusable(), "line 3")) << line << ": " << why_unusable();
  }
  write("# none\n\n");
  EXPECT_TRUE(says(why_unusable(), "no secret in it"));
  std::filesystem::remove(file());
  EXPECT_TRUE(says(why_unusable(), "resultsctl access make-secret"));
}

TEST_F(AccessTest, any_secret_of_the_file_opens_its_seals_and_the_first_makes_them) {
  write(std::string(64, 'a') + "\n");
  AccessSecret before = secret();
  std::string old_seal = before.seal("text");
  write(std::string(64, 'b') + "\r\n" + std::string(64, 'a') + "\n");
  AccessSecret both = secret();
  EXPECT_TRUE(both.sealed("text", old_seal));
  EXPECT_FALSE(before.sealed("text", both.seal("text")));
  EXPECT_FALSE(both.sealed("text ", old_seal));
  for (std::size_t at = 0; at < old_seal.size(); ++at) {
    std::string wrong = old_seal;
    wrong[at] = wrong[at] == '0' ? '1' : '0';
    EXPECT_FALSE(both.sealed("text", wrong));
  }
  EXPECT_FALSE(both.sealed("text", ""));
}

// ---- keys ----

KeyWanted wanted_for(AccessRoles roles, Bound bound) {
  return {.name = "Northgate MIS", .roles = roles, .bound = std::move(bound), .expires_on = "2026-12-31"};
}

TEST_F(AccessTest, a_key_is_read_back_as_it_was_made_and_only_with_its_seal) {
  AccessSecret ours = secret();
  KeyWanted wanted = wanted_for({AccessRole::publisher, AccessRole::operations}, {.everywhere = false, .awarding_organisations = {kOurs, kTheirs}});
  const auto made = make_key(wanted, "operator ada", ours);
  const v1::AccessKeyMade& fact = made.first;
  const std::string& text = made.second;
  auto key = read_key(fact, kNow, ours);
  ASSERT_TRUE(key);
  EXPECT_EQ(key->of.roles, wanted.roles);
  EXPECT_EQ(key->of.bound, wanted.bound);
  EXPECT_EQ(key->made_by, "operator ada");
  auto parts = parts_of_key(text);
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->first, key->id);
  EXPECT_EQ(hash_hex(parts->second), key->secret_hash);
  EXPECT_FALSE(says(fact.ShortDebugString(), parts->second)) << "the secret is kept nowhere";

  auto forged = [&](auto change) {
    v1::AccessKeyMade changed = fact;
    change(changed);
    return read_key(changed, kNow, ours).has_value();
  };
  EXPECT_FALSE(forged([](auto& one) { one.set_everywhere(true); }));
  EXPECT_FALSE(forged([](auto& one) { one.add_roles("approver"); }));
  EXPECT_FALSE(forged([](auto& one) { one.add_awarding_organisations("RN1"); }));
  EXPECT_FALSE(forged([](auto& one) { one.set_expires_on("2027-12-31"); }));
  EXPECT_FALSE(forged([](auto& one) { one.set_secret_hash(std::string(64, '0')); }));
  EXPECT_FALSE(forged([](auto& one) { one.set_key("0000000000000000"); }));
  EXPECT_FALSE(forged([](auto& one) { one.set_seal(""); }));
  EXPECT_TRUE(forged([](auto&) {}));
  write(std::string(64, 'b') + "\n");
  EXPECT_FALSE(read_key(fact, kNow, secret())) << "another service's";
}

TEST_F(AccessTest, a_revocation_counts_only_with_its_seal) {
  AccessSecret ours = secret();
  v1::AccessKeyRevoked fact = revoke_key("0123456789abcdef", "lost", "operator", ours);
  EXPECT_TRUE(is_sealed(fact, ours));
  fact.set_key("0123456789abcde0");
  EXPECT_FALSE(is_sealed(fact, ours));
}

TEST_F(AccessTest, a_key_is_good_to_the_end_of_its_last_day_in_london_unless_revoked) {
  AccessSecret ours = secret();
  KeyWanted wanted = wanted_for({AccessRole::auditor}, {.everywhere = true});
  wanted.expires_on = "2026-08-20";  // summer time: the day ends at 23:00 UTC
  auto key = read_key(make_key(wanted, "operator", ours).first, 0, ours);
  ASSERT_TRUE(key);
  TimeMs midnight = *parse_local_time("2026-08-21T00:00");
  EXPECT_EQ(utc_text(midnight), "2026-08-20T23:00:00.000Z");
  EXPECT_TRUE(key->good_at(midnight - 1));
  EXPECT_FALSE(key->good_at(midnight));
  key->revoked_ms = kNow;
  EXPECT_FALSE(key->good_at(0));
}

TEST_F(AccessTest, what_is_no_key_by_its_form_is_none) {
  std::string good = "vtq_0123456789abcdef_" + std::string(64, 'a');
  EXPECT_TRUE(parts_of_key(good));
  for (const std::string& wrong : {good + "a", good.substr(0, good.size() - 1), " " + good, "VTQ" + good.substr(3), std::string("vtq_"),
                                   std::string(), "vtq_0123456789abcdeF_" + std::string(64, 'a'), "vtq_0123456789abcdef-" + std::string(64, 'a')})
    EXPECT_FALSE(parts_of_key(wrong)) << wrong;
}

TEST_F(AccessTest, what_is_asked_for_is_held_to_its_rules) {
  auto rule = [](const std::string& body) {
    auto read = read_key_wanted(body, kNow);
    return read ? std::string() : read.error().rule;
  };
  EXPECT_EQ(rule(R"({"name":"N","roles":["publisher"],"awardingOrganisations":["RN5901"],"expiresOn":"2027-09-30"})"), "");
  EXPECT_EQ(rule(R"({"name":"N","roles":["centre"],"centres":["68199"],"expiresOn":"2027-09-30"})"), "");
  EXPECT_EQ(rule(R"({"name":"N","roles":["auditor"],"everywhere":true,"expiresOn":"2027-09-30"})"), "");
  EXPECT_EQ(rule("[]"), "json-form");
  EXPECT_EQ(rule(R"({"name":"N","role":"publisher"})"), "json-form");
  EXPECT_EQ(rule(R"({"name":"","roles":["publisher"],"everywhere":true,"expiresOn":"2027-09-30"})"), "text-length");
  EXPECT_EQ(rule(R"({"name":"Coleg Gŵyr","roles":["auditor"],"everywhere":true,"expiresOn":"2027-09-30"})"), "");
  for (const char* hidden : {R"(a\nb)", R"(\u001b[31mRED)", R"(\u0000)", R"(a\u202eb)", R"(a\u2066b)", R"(a\u0085b)", R"(\u007f)", R"(a\u200bb)"})
    EXPECT_EQ(rule(std::string(R"({"name":")") + hidden + R"(","roles":["auditor"],"everywhere":true,"expiresOn":"2027-09-30"})"), "text-plain")
        << hidden;
  EXPECT_EQ(rule(R"({"name":"N","roles":[],"everywhere":true,"expiresOn":"2027-09-30"})"), "access-role");
  EXPECT_EQ(rule(R"({"name":"N","roles":["root"],"everywhere":true,"expiresOn":"2027-09-30"})"), "access-role");
  EXPECT_EQ(rule(R"({"name":"N","roles":["publisher"],"expiresOn":"2027-09-30"})"), "bound-given");
  EXPECT_EQ(rule(R"({"name":"N","roles":["publisher"],"everywhere":true,"awardingOrganisations":["RN1"],"expiresOn":"2027-09-30"})"), "bound-given");
  EXPECT_EQ(rule(R"({"name":"N","roles":["publisher"],"centres":["68199"],"expiresOn":"2027-09-30"})"), "bound-given");
  EXPECT_EQ(rule(R"({"name":"N","roles":["centre"],"everywhere":true,"expiresOn":"2027-09-30"})"), "bound-given");
  EXPECT_EQ(rule(R"({"name":"N","roles":["centre","operations"],"centres":["68199"],"expiresOn":"2027-09-30"})"), "role-alone");
  EXPECT_EQ(rule(R"({"name":"N","roles":["publisher"],"awardingOrganisations":["5901"],"expiresOn":"2027-09-30"})"), "awarding-organisation-form");
  EXPECT_EQ(rule(R"({"name":"N","roles":["centre"],"centres":["681990"],"expiresOn":"2027-09-30"})"), "centre-form");
  for (const char* day : {"", "2027-02-30", "2020-01-01", "2099-01-01"})
    EXPECT_EQ(rule(std::string(R"({"name":"N","roles":["publisher"],"everywhere":true,"expiresOn":")") + day + "\"}"), "key-expiry") << day;
}

// ---- signed callers ----

TEST_F(AccessTest, a_signed_caller_is_of_one_request_one_server_one_minute_and_one_secret) {
  AccessSecret ours = secret();
  Caller caller{.name = "key 0123456789abcdef (Caf\xc3\xa9 \"x\")",
                .roles = {AccessRole::operations, AccessRole::centre},
                .bound = {.everywhere = false, .awarding_organisations = {kOurs}, .centres = {kCentre}},
                .key = "0123456789abcdef",
                .person = std::string(64, 'f'),
                .makes_keys = true};
  SignedRequest request{"GET", "/v1/entries?centre=68199", "127.0.0.1:8410"};
  std::string header = sign_caller(caller, request, "body", kNow, ours);
  auto rule = [&](std::string_view text, const SignedRequest& asked, TimeMs now) {
    auto read = read_signed_caller(text, asked, now, ours);
    return read ? std::string() : read.error().rule;
  };
  ASSERT_EQ(rule(header, request, kNow), "");
  SignedCaller read = read_signed_caller(header, request, kNow, ours).value();
  EXPECT_EQ(read.caller, caller);
  EXPECT_EQ(read.body_hash, hash_hex("body"));
  EXPECT_NE(read.once, read_signed_caller(sign_caller(caller, request, "body", kNow, ours), request, kNow, ours).value().once);
  EXPECT_EQ(rule(header, request, kNow + 60'000), "");
  EXPECT_EQ(rule(header, request, kNow + 60'001), "caller-fresh");
  EXPECT_EQ(rule(header, request, kNow - 60'001), "caller-fresh");
  EXPECT_EQ(rule(header, {"POST", request.target, request.host}, kNow), "caller-signed");
  EXPECT_EQ(rule(header, {"GET", "/v1/entries?centre=68198", request.host}, kNow), "caller-signed");
  EXPECT_EQ(rule(header, {"GET", request.target, "127.0.0.1:8411"}, kNow), "caller-signed");
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    std::string changed = header;
    std::size_t at = random() % changed.size();
    char was = changed[at];
    while (changed[at] == was) changed[at] = "0123456789abcdef."[random() % 17];
    EXPECT_EQ(rule(changed, request, kNow), "caller-signed");
    EXPECT_EQ(rule(header.substr(0, random() % header.size()), request, kNow), "caller-signed");
  }
  write(std::string(64, 'b') + "\n");
  EXPECT_FALSE(read_signed_caller(header, request, kNow, secret()));
}

TEST_F(AccessTest, what_another_version_signed_otherwise_is_refused_and_not_fatal) {
  AccessSecret ours = secret();
  SignedRequest request{"GET", "/", "h"};
  for (const std::string& claims : {std::string("{}"), std::string("[]"), std::string("null"), std::string("{\"at\":\"now\"}"), std::string("{"),
                                    std::string("{\"at\":") + std::to_string(kNow) + ",\"name\":7}",
                                    std::string("{\"at\":-9223372036854775808,\"name\":\"x\"}"), std::string()}) {
    std::string hex;
    for (char c : claims) {
      char digits[3];
      std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned char>(c));
      hex += digits;
    }
    std::string seal = ours.seal(claims + "\nGET\n/\nh");
    EXPECT_FALSE(read_signed_caller(hex + "." + seal, request, kNow, ours)) << claims;
  }
}

// ---- among the facts ----

TEST_F(AccessTest, a_copy_of_a_word_about_a_key_takes_the_place_of_none) {
  AccessSecret ours = secret();
  v1::Event made = example("access_key_made"), revoked = example("access_key_revoked");
  *made.mutable_access_key_made() = make_key(wanted_for({AccessRole::auditor}, {.everywhere = true}), "operator", ours).first;
  *revoked.mutable_access_key_revoked() = revoke_key(made.access_key_made().key(), "lost", "operator", ours);
  Reference reference;
  auto merge = [&](const v1::Event& event) {
    std::string bytes = event.SerializeAsString();
    return reference.merge(event, check(event).value(), bytes, stamp_of(event, bytes));
  };
  EXPECT_EQ(merge(made), Merged::applied);
  EXPECT_EQ(merge(revoked), Merged::applied);
  v1::Event copy = revoked;
  copy.mutable_occurred_at()->set_seconds(copy.occurred_at().seconds() + 1);
  copy.mutable_access_key_revoked()->set_reason("found again");
  EXPECT_EQ(merge(copy), Merged::applied);
  v1::Event unknown = revoked;
  unknown.mutable_access_key_revoked()->GetReflection()->MutableUnknownFields(unknown.mutable_access_key_revoked())->AddVarint(99, 1);
  EXPECT_EQ(merge(unknown), Merged::applied);
  v1::Event other = made;
  other.mutable_occurred_at()->set_seconds(other.occurred_at().seconds() + 1);
  other.mutable_access_key_made()->set_name("me");
  EXPECT_EQ(merge(other), Merged::applied);
  std::size_t good_keys = 0, ends = 0;
  for (const auto& [name, held] : reference.slots()) {
    v1::Event event;
    ASSERT_TRUE(event.ParseFromString(held.event));
    good_keys += event.has_access_key_made() && read_key(event.access_key_made(), 0, ours);
    ends += event.has_access_key_revoked() && is_sealed(event.access_key_revoked(), ours);
  }
  EXPECT_EQ(good_keys, 1u);
  EXPECT_EQ(ends, 1u);
  EXPECT_EQ(reference.slots().size(), 5u);
}

TEST_F(AccessTest, an_operators_name_is_cut_to_what_can_be_printed) {
  EXPECT_EQ(operator_named("ada").name, "operator ada");
  EXPECT_EQ(operator_named("Ren\xc3\xa9\n").name, "operator Ren");
  EXPECT_LE(operator_named(std::string(500, 'x')).name.size(), 64u);
}

// ---- rights ----

/// The rule by which the caller may not assert it; empty: it may. `owner`: of every qualification; nothing: none is known.
std::string refused(const Caller& caller, const v1::Event& event, std::optional<AwardingOrganisationId> owner) {
  auto address = check(event);
  if (!address) return "unchecked: " + address.error().rule;
  auto why = refusal(caller, *kind_of_fact(event), address.value(), [&](QualificationId) { return owner; });
  return why ? why->rule : "";
}

Caller caller_with(AccessRole role, Bound bound) { return {.name = "test", .roles = {role}, .bound = std::move(bound)}; }
Bound of(AwardingOrganisationId id) { return {.everywhere = false, .awarding_organisations = {id}}; }
Bound of(CentreId id) { return {.everywhere = false, .centres = {id}}; }
constexpr bool is_one_of(std::string_view text, std::initializer_list<std::string_view> list) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

TEST(AccessRights, each_fact_is_asserted_by_its_roles_and_for_its_own_awarding_organisation_alone) {
  const Bound everywhere{.everywhere = true};
  std::size_t by_one = 0;
  for (const std::string& fact : all_facts()) {
    SCOPED_TRACE(fact);
    v1::Event event = example(fact);
    const bool by_nobody = is_one_of(fact, {"access_key_made", "access_key_revoked", "person_signed_out", "audit_noted"});
    const bool by_approver = is_one_of(fact, {"release_approved", "release_overridden", "release_policy_defined"});
    const bool of_all = is_one_of(fact, {"time_reached", "grading_scale_defined", "centre_defined", "approval_category_defined", "approval_decided"});
    const bool by_centre = is_one_of(fact, {"checkpoint_answered", "centre_declared", "batch_acknowledged", "result_queried"});
    const bool by_operations = is_one_of(fact, {"release_planned", "release_approved", "issuing_halted"});

    EXPECT_EQ(refused(caller_with(AccessRole::publisher, everywhere), event, kOurs), by_nobody || by_approver ? "asserted-by-role" : "");
    std::string of_ours = refused(caller_with(AccessRole::publisher, of(kOurs)), event, kOurs);
    EXPECT_EQ(of_ours, by_nobody || by_approver ? "asserted-by-role" : of_all ? "asserted-by-all" : of_ours);
    EXPECT_NE(refused(caller_with(AccessRole::publisher, of(kTheirs)), event, kOurs), "");
    by_one += of_ours.empty();
    EXPECT_EQ(refused(caller_with(AccessRole::centre, of(kCentre)), event, kOurs).empty(), by_centre && check(event).value().centre == kCentre);
    EXPECT_NE(refused(caller_with(AccessRole::centre, of(CentreId{11111})), event, kOurs), "");
    EXPECT_EQ(refused(caller_with(AccessRole::operations, everywhere), event, kOurs).empty(), by_operations);
    EXPECT_EQ(refused(caller_with(AccessRole::approver, of(kOurs)), event, kOurs).empty(), by_operations || by_approver);
    EXPECT_EQ(refused(caller_with(AccessRole::auditor, everywhere), event, kOurs), "asserted-by-role");
    EXPECT_EQ(refused(Caller{}, event, kOurs), "asserted-by-role");
  }
  EXPECT_GE(by_one, 34u);
}

// ---- who says an act ----

/// The rule by which the event is refused once it was filled in; else who says it then.
std::string said_by(v1::Event event, const Caller& caller) {
  fill_said_by(event, caller);
  if (auto why = not_its_own(event, caller)) return why->rule;
  const std::string* name = said_by_of(event);
  return name ? *name : "";
}

v1::Event without_sayer(const std::string& fact) {
  v1::Event event = example(fact);
  if (std::string* name = said_by_of(event)) name->clear();
  return event;
}

TEST(SaidBy, is_the_person_in_whatever_session_or_else_the_key) {
  Caller one{.name = "test", .roles = {AccessRole::approver}, .key = "k1", .person = "https://issuer sub-1"};
  Caller other_session = one;
  other_session.key = "";
  Caller key{.name = "test", .roles = {AccessRole::approver}, .key = "k1"};
  for (const char* fact : {"release_planned", "release_approved", "release_overridden", "issuing_halted", "release_policy_defined"}) {
    EXPECT_EQ(said_by(without_sayer(fact), one), "https://issuer sub-1") << fact;
    EXPECT_EQ(said_by(without_sayer(fact), other_session), "https://issuer sub-1") << fact;
    EXPECT_EQ(said_by(without_sayer(fact), key), "key k1") << fact;
    EXPECT_EQ(said_by(example(fact), key), "said-by-caller") << fact;
  }
  EXPECT_EQ(said_by(example("registered"), key), "");
}

TEST(SaidBy, of_an_approval_has_the_role_that_the_caller_has) {
  for (AccessRole role : {AccessRole::approver, AccessRole::operations}) {
    v1::Event event = without_sayer("release_approved");
    event.mutable_release_approved()->set_by_approver(role == AccessRole::operations);
    fill_said_by(event, {.name = "test", .roles = {role}, .key = "k1"});
    EXPECT_EQ(event.release_approved().by_approver(), role == AccessRole::approver);
  }
}

TEST(SaidBy, of_the_operator_approves_and_overrides_nothing) {
  Caller holder = operator_named("root");
  EXPECT_EQ(said_by(without_sayer("release_approved"), holder), "said-by-person");
  EXPECT_EQ(said_by(without_sayer("release_overridden"), holder), "said-by-person");
  EXPECT_EQ(said_by(without_sayer("issuing_halted"), holder), "operator");
}

TEST(SaidBy, of_a_system_with_a_token_is_that_system_and_not_the_operator) {
  const Caller one{.name = "system 0123456789abcdef (northgate)"}, same{.name = "system 0123456789abcdef"}, other{.name = "system 1123456789abcdef"};
  EXPECT_EQ(said_by(without_sayer("issuing_halted"), one), "system 0123456789abcdef");
  EXPECT_EQ(said_by(without_sayer("issuing_halted"), same), "system 0123456789abcdef");
  EXPECT_EQ(said_by(without_sayer("issuing_halted"), other), "system 1123456789abcdef");
  EXPECT_EQ(said_by(without_sayer("release_approved"), one), "said-by-person");
}

TEST(SaidBy, of_gates_is_not_one_caller_for_two_people) {
  v1::Event event = example("calendar_defined");
  event.mutable_calendar_defined()->clear_gates_confirmed_by();
  EXPECT_EQ(said_by(event, {.name = "test", .key = "k1"}), "");
  event.mutable_calendar_defined()->add_gates_confirmed_by("Ann");
  event.mutable_calendar_defined()->add_gates_confirmed_by("Bob");
  EXPECT_EQ(said_by(event, {.name = "test", .key = "k1"}), "gates-by-approval");
}

TEST(AccessRights, a_qualification_that_is_unknown_or_anothers_is_not_spoken_for) {
  Caller publisher = caller_with(AccessRole::publisher, of(kOurs));
  EXPECT_EQ(refused(publisher, example("registered"), kOurs), "");
  EXPECT_EQ(refused(publisher, example("registered"), kTheirs), "asserted-by-owner");
  EXPECT_EQ(refused(publisher, example("registered"), std::nullopt), "asserted-by-owner");
  // Who claims a new number is nothing that its sender can say: two could, and only one has it.
  EXPECT_EQ(refused(publisher, example("qualification_defined"), std::nullopt), "asserted-by-owner");
  EXPECT_EQ(refused(caller_with(AccessRole::publisher, {.everywhere = true}), example("qualification_defined"), std::nullopt), "");
  EXPECT_EQ(refused(publisher, example("qualification_defined"), kOurs), "");
  EXPECT_EQ(refused(publisher, example("qualification_defined"), kTheirs), "asserted-by-owner");
  // A hold names its awarding organisation, and a qualification as well.
  EXPECT_EQ(refused(publisher, example("hold_placed"), kTheirs), "asserted-by-owner");
  EXPECT_EQ(refused(publisher, example("hold_placed"), std::nullopt), "asserted-by-owner");
  // A centre speaks of what is known.
  Caller centre = caller_with(AccessRole::centre, of(kCentre));
  EXPECT_EQ(refused(centre, example("checkpoint_answered"), kTheirs), "");
  EXPECT_EQ(refused(centre, example("checkpoint_answered"), std::nullopt), "qualification-known");
}

// ---- routes ----

constexpr QualificationId kOurQualification{1}, kTheirQualification{2};

AccessFacts facts() {
  AccessFacts made;
  made.owners.emplace(kOurQualification, kOurs);
  made.owners.emplace(kTheirQualification, kTheirs);
  return made;
}

/// The rule by which the caller may not have the route; empty: it may.
std::string closed(const Caller& caller, std::string_view method, std::string_view pattern, std::vector<std::string> parameters,
                   std::vector<std::pair<std::string, std::string>> query = {}) {
  HttpRequest request;
  request.method = method;
  request.parameters = std::move(parameters);
  request.query = std::move(query);
  auto why = refusal(rights_of(method, pattern), caller, request, pattern, facts());
  return why ? why->rule : "";
}

TEST(AccessRights, what_has_no_row_is_for_nobody) {
  EXPECT_EQ(rights_of("GET", "/v1/nothing").who, RouteRights::For::nobody);
  EXPECT_EQ(rights_of("DELETE", "/v1/entries").who, RouteRights::For::nobody);
  EXPECT_EQ(closed(anybody(), "GET", "/v1/nothing", {}), "route-rights");
}

TEST(AccessRights, a_centre_sees_itself_and_names_itself) {
  Caller centre = caller_with(AccessRole::centre, of(kCentre));
  const std::string entry = "/v1/entries/{centre}/{qualification}/{series}/{learner}", ours = text_of(kOurQualification);
  EXPECT_EQ(closed(centre, "GET", entry, {"68199", ours, "2024-08", "P1"}), "");
  EXPECT_EQ(closed(centre, "GET", entry, {"68198", ours, "2024-08", "P1"}), "bound");
  EXPECT_EQ(closed(centre, "GET", entry, {"68198", ours, "2024-08", "P1"}, {{"centre", "68199"}}), "bound");
  EXPECT_EQ(closed(centre, "GET", "/v1/entries", {}), "bound");
  EXPECT_EQ(closed(centre, "GET", "/v1/entries", {}, {{"centre", "68199"}}), "");
  EXPECT_EQ(closed(centre, "GET", "/v1/entries", {}, {{"centre", "68199"}, {"centre", "68198"}}), "bound");
  EXPECT_EQ(closed(centre, "GET", "/v1/entries", {}, {{"centre", "6819"}}), "bound");
  EXPECT_EQ(closed(centre, "GET", "/v1/batches/{batch}", {"68199.RN5217.2024-08.0001"}), "");
  EXPECT_EQ(closed(centre, "GET", "/v1/batches/{batch}", {"68198.RN5217.2024-08.0001"}), "bound");
  EXPECT_EQ(closed(centre, "GET", "/v1/batches/{batch}", {"nothing"}, {{"centre", "68199"}}), "");  // and the route knows no such batch
  EXPECT_EQ(closed(centre, "GET", "/v1/overview", {}), "role");
  EXPECT_EQ(closed(centre, "GET", "/v1/keys", {}), "access-secret");
}

TEST(AccessRights, an_awarding_organisation_sees_its_own_and_names_it) {
  Caller ours = caller_with(AccessRole::operations, of(kOurs));
  const std::string our = text_of(kOurQualification), their = text_of(kTheirQualification);
  const std::string entry = "/v1/entries/{centre}/{qualification}/{series}/{learner}";
  EXPECT_EQ(closed(ours, "GET", entry, {"68199", our, "2024-08", "P1"}), "");
  EXPECT_EQ(closed(ours, "GET", entry, {"68199", their, "2024-08", "P1"}), "bound");
  EXPECT_EQ(closed(ours, "GET", entry, {"68199", their, "2024-08", "P1"}, {{"awarding_organisation", "RN5901"}}), "bound");
  EXPECT_EQ(closed(ours, "GET", entry, {"68199", text_of(QualificationId{3}), "2024-08", "P1"}, {{"awarding_organisation", "RN5901"}}), "bound");
  EXPECT_EQ(closed(ours, "GET", "/v1/rollups", {}), "bound");
  EXPECT_EQ(closed(ours, "GET", "/v1/rollups", {}, {{"awarding_organisation", "RN5901"}}), "");
  EXPECT_EQ(closed(ours, "GET", "/v1/rollups", {}, {{"awarding_organisation", "RN5217"}}), "bound");
  EXPECT_EQ(closed(ours, "GET", "/v1/rollups", {}, {{"awarding_organisation", "RN5901"}, {"awarding_organisation", "RN5217"}}), "bound");
  EXPECT_EQ(closed(ours, "GET", "/v1/rollups", {}, {{"qualification", our}}), "");
  EXPECT_EQ(closed(ours, "GET", "/v1/rollups", {}, {{"qualification", their}}), "bound");
  EXPECT_EQ(closed(ours, "GET", "/v1/rollups", {}, {{"qualification", our}, {"qualification", their}}), "bound");
  EXPECT_EQ(closed(ours, "GET", "/v1/batches/{batch}", {"68199.RN5901.2024-08.0001"}), "");
  EXPECT_EQ(closed(ours, "GET", "/v1/batches/{batch}", {"68199.RN5217.2024-08.0001"}), "bound");
  EXPECT_EQ(closed(ours, "GET", "/v1/batches/{batch}", {"68199.RN5217.2024-08.0001"}, {{"awarding_organisation", "RN5901"}}), "bound");
  EXPECT_EQ(closed(ours, "GET", "/v1/centres/{centre}", {"68199"}), "bound");
  EXPECT_EQ(closed(ours, "GET", "/v1/overview", {}), "bound");
  EXPECT_EQ(closed(ours, "GET", "/v1/rejected", {}), "bound");
  EXPECT_EQ(closed(caller_with(AccessRole::operations, {.everywhere = true}), "GET", "/v1/rejected", {}), "");
  EXPECT_EQ(closed(caller_with(AccessRole::publisher, {.everywhere = true}), "GET", "/v1/entries", {}), "role");
  EXPECT_EQ(closed(operator_named("ada"), "POST", "/v1/keys", {}), "");
  EXPECT_EQ(closed(anybody(), "POST", "/v1/keys", {}), "access-secret");
}

}  // namespace
}  // namespace vtq::test
