// Who vouches for what people decide, where others can write to the topics: the header with who said it, and what is refused without it.
#include <gtest/gtest.h>

#include <fstream>
#include <random>

#include "daemon/access/access_secret.h"
#include "daemon/engine/audit_seal.h"
#include "daemon/engine/vouched.h"
#include "pipeline/intake/check.h"
#include "tests/support/examples.h"
#include "tests/support/temp_directory.h"

namespace vtq::test {
namespace {

const std::string kOld(64, 'a'), kNew(64, 'b');

class Vouched : public testing::Test {
 protected:
  /// A secret of these lines, the first of which seals.
  AccessSecret secret(const std::string& lines) const {
    const std::filesystem::path file = directory / "secret";
    std::ofstream(file, std::ios::trunc) << lines;
    std::filesystem::permissions(file, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    return AccessSecret::read(file);
  }
  static std::string header(const AccessSecret& secret, std::string_view actor, std::string_view event) {
    return said_by_header(actor, event, [&](std::string_view text) { return secret.seal(text); });
  }
  static std::string sayer(const AccessSecret& secret, std::string_view header, std::string_view event) {
    return std::string(sayer_in(header, event, [&](std::string_view text, std::string_view seal) { return secret.sealed(text, seal); }));
  }
  static std::string actor(const std::string& name = "key 0123456789abcdef (Ann)") {
    v1::AuditActor made;
    made.set_name(name);
    return made.SerializeAsString();
  }
  /// The rule by which the event is refused; empty: it is not.
  static std::string refused(const v1::Event& event, bool said, bool vouched = true) {
    EngineOptions options;
    options.vouched = vouched;
    auto why = not_vouched_for(options, event, said);
    return why ? why->rule : "";
  }
  TempDirectory directory;
};

TEST_F(Vouched, who_said_it_is_read_back_with_the_same_secret_and_event) {
  const std::string event = example("release_approved").SerializeAsString();
  EXPECT_EQ(sayer(secret(kOld), header(secret(kOld), actor(), event), event), actor());
}

TEST_F(Vouched, nobody_said_an_event_of_which_any_field_is_another) {
  const AccessSecret one = secret(kOld);
  const v1::Event event = example("release_approved");
  const std::string made = header(one, actor(), event.SerializeAsString());
  auto changed = [&](const std::function<void(v1::Event&)>& change) {
    v1::Event other = event;
    change(other);
    EXPECT_NE(other.SerializeAsString(), event.SerializeAsString());
    return sayer(one, made, other.SerializeAsString());
  };
  EXPECT_EQ(changed([](v1::Event& other) { other.set_id("another"); }), "");
  EXPECT_EQ(changed([](v1::Event& other) { other.set_source("another"); }), "");
  EXPECT_EQ(changed([](v1::Event& other) { other.mutable_occurred_at()->set_seconds(other.occurred_at().seconds() + 1); }), "");
  EXPECT_EQ(changed([](v1::Event& other) { other.mutable_occurred_at()->set_nanos(other.occurred_at().nanos() + 1); }), "");
  EXPECT_EQ(changed([](v1::Event& other) { other.set_sequence(other.sequence() + 1); }), "");
  for (const auto* field : {"centre", "awarding_organisation", "series", "approver", "plan", "said_by"})
    EXPECT_EQ(changed([&](v1::Event& other) {
                google::protobuf::Message& fact = fact_of(other);
                const auto* found = fact.GetDescriptor()->FindFieldByName(field);
                fact.GetReflection()->SetString(&fact, found, fact.GetReflection()->GetString(fact, found) + "1");
              }),
              "")
        << field;
  EXPECT_EQ(changed([](v1::Event& other) { other.mutable_release_approved()->set_by_approver(!other.release_approved().by_approver()); }), "");
  EXPECT_EQ(changed([](v1::Event& other) { other.mutable_release_approved()->set_withdrawn(!other.release_approved().withdrawn()); }), "");
  EXPECT_EQ(changed([](v1::Event& other) { other.mutable_release_approved()->set_level(v1::LEVEL_2); }), "");
  // A resume is no halt.
  v1::Event halt = example("issuing_halted"), resume = halt;
  halt.mutable_issuing_halted()->set_halted(true);
  resume.mutable_issuing_halted()->set_halted(false);
  EXPECT_EQ(sayer(one, header(one, actor(), halt.SerializeAsString()), resume.SerializeAsString()), "");
}

TEST_F(Vouched, nobody_said_it_where_the_name_or_the_seal_is_another) {
  const AccessSecret one = secret(kOld);
  const std::string event = example("release_approved").SerializeAsString(), made = header(one, actor(), event);
  std::string bob = made;
  bob[bob.find("Ann")] = 'B';
  std::string seal = made;
  seal[0] = seal[0] == '0' ? '1' : '0';
  std::string seal_alone = made.substr(0, kSealDigits);
  for (const std::string& wrong : {bob, seal, seal_alone, made.substr(1), made + "x", std::string(), std::string(64, '0') + actor()})
    EXPECT_EQ(sayer(one, wrong, event), "");
  // Nor is the seal of an actor without a name, or of another thing.
  EXPECT_EQ(sayer(one, header(one, "", event), event), "");
  EXPECT_EQ(sayer(one, one.seal(event) + actor(), event), "");
  EXPECT_EQ(sayer_in(made, event, nullptr), "");
}

TEST_F(Vouched, what_is_between_name_and_event_cannot_be_moved) {
  const AccessSecret one = secret(kOld);
  const std::string event = example("release_approved").SerializeAsString(), made = header(one, actor(), event);
  EXPECT_EQ(sayer(one, made + event.substr(0, 1), event.substr(1)), "");
  EXPECT_EQ(sayer(one, made.substr(0, made.size() - 1), made.substr(made.size() - 1) + event), "");
}

TEST_F(Vouched, secrets_change_in_rounds) {
  const std::string event = example("release_approved").SerializeAsString();
  const std::string old_one = header(secret(kOld), actor(), event);
  const std::string of_both = header(secret(kOld + "\n" + kNew), actor(), event);
  const std::string new_one = header(secret(kNew + "\n" + kOld), actor(), event);
  EXPECT_EQ(old_one, of_both);
  EXPECT_NE(old_one, new_one);
  for (const std::string& lines : {kOld + "\n" + kNew, kNew + "\n" + kOld}) {
    EXPECT_EQ(sayer(secret(lines), old_one, event), actor());
    EXPECT_EQ(sayer(secret(lines), new_one, event), actor());
  }
  EXPECT_EQ(sayer(secret(kNew), old_one, event), "");
  EXPECT_EQ(sayer(secret(kOld), new_one, event), "");
}

TEST_F(Vouched, of_every_fact_one_byte_more_less_or_another_is_another_event) {
  std::mt19937 random(20230817);
  const AccessSecret one = secret(kOld);
  for (const std::string& fact : all_facts()) {
    SCOPED_TRACE(fact);
    v1::Event event = example(fact);
    for (int times = 0; times < 20; ++times) {
      event.set_id("e" + std::to_string(random()));
      event.mutable_occurred_at()->set_nanos(static_cast<int>(random() % 1'000'000'000));
      const std::string bytes = event.SerializeAsString(), made = header(one, actor(), bytes);
      ASSERT_EQ(sayer(one, made, bytes), actor());
      std::string other = bytes;
      const std::size_t at = random() % bytes.size();
      other[at] = static_cast<char>(other[at] ^ (1 << (random() % 8)));
      ASSERT_EQ(sayer(one, made, other), "");
      ASSERT_EQ(sayer(one, made, bytes + bytes[at]), "");
      ASSERT_EQ(sayer(one, made, bytes.substr(1)), "");
    }
  }
}

TEST_F(Vouched, what_people_decide_is_refused_of_nobody_and_taken_of_somebody) {
  for (const std::string& fact : all_facts()) {
    SCOPED_TRACE(fact);
    const v1::Event event = example(fact);
    EXPECT_EQ(refused(event, false), must_be_vouched_for(event) ? "vouched-for" : "");
    EXPECT_EQ(refused(event, true), "");
    // Where nobody has to say who it is, all is taken as it comes.
    EXPECT_EQ(refused(event, false, false), "");
  }
}

TEST_F(Vouched, a_refusal_names_fact_and_source_and_no_seal) {
  EngineOptions options;
  options.vouched = true;
  const v1::Event event = example("release_approved");
  auto without = not_vouched_for(options, event, false, false), with = not_vouched_for(options, event, false, true);
  ASSERT_TRUE(without && with);
  for (const Rejection& why : {*without, *with}) {
    EXPECT_EQ(why.field, "releaseApproved");
    EXPECT_EQ(why.rule, "vouched-for");
    EXPECT_EQ(why.value, event.source());
  }
  EXPECT_NE(without->message, with->message);
}

}  // namespace
}  // namespace vtq::test
