// Who a learner is, kept from callers without the role for it: whom it is shown to, how a number is masked, handles, and replies.
#include "daemon/access/learner_mask.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "tests/support/temp_directory.h"

namespace vtq::test {
namespace {

using Of = LearnerHandles::Of;
using Json = nlohmann::json;

constexpr MaskShape kPlain{}, kPage{.cursor = true}, kRejected{.rejected = true};

bool says(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

class LearnerMaskTest : public testing::Test {
 protected:
  LearnerMaskTest() { AccessSecret::make(directory / "secret"); }
  std::string masked(std::string_view json, const MaskShape& shape = kPlain) const { return masked_json(json, shape, handles); }

  TempDirectory directory;
  LearnerHandles handles{(AccessSecret::make(directory / "first"), AccessSecret::read(directory / "first"))};
};

TEST(LearnerMask, learners_are_shown_to_their_centre_and_to_who_has_the_role) {
  EXPECT_TRUE(sees_learners({.roles = {AccessRole::operations, AccessRole::learner_details}}));
  EXPECT_TRUE(sees_learners({.roles = {AccessRole::centre}}));
  EXPECT_TRUE(sees_learners(anybody()));
  EXPECT_TRUE(sees_learners(operator_named("ada")));
  for (AccessRole role : {AccessRole::operations, AccessRole::approver, AccessRole::publisher, AccessRole::auditor})
    EXPECT_FALSE(sees_learners({.roles = {role}})) << text_of(role);
  EXPECT_FALSE(sees_learners({.roles = {AccessRole::operations, AccessRole::approver, AccessRole::auditor}}));
  EXPECT_FALSE(sees_learners({}));
}

TEST(LearnerMask, of_a_number_the_last_four_stay_and_never_more_than_half) {
  EXPECT_EQ(masked_number("1234567890"), "****7890");
  EXPECT_EQ(masked_number("B0046506"), "****6506");
  EXPECT_EQ(masked_number("1234567"), "****567");
  EXPECT_EQ(masked_number("P1"), "****1");
  EXPECT_EQ(masked_number("7"), "****");
  EXPECT_EQ(masked_number(""), "");
}

TEST_F(LearnerMaskTest, a_handle_is_the_same_for_the_same_learner_and_leads_back) {
  const std::string handle = handles.handle(Of::learner, "B0046506");
  EXPECT_EQ(handle, handles.handle(Of::learner, "B0046506"));
  EXPECT_NE(handle, handles.handle(Of::learner, "B0046507"));
  EXPECT_EQ(handles.text(Of::learner, handle), "B0046506");
  EXPECT_TRUE(LearnerHandles::looks_like_one(handle));
  EXPECT_FALSE(LearnerHandles::looks_like_one("B0046506"));
  EXPECT_FALSE(says(handle, "6506"));
  EXPECT_EQ(handle.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."), std::string::npos);
}

TEST_F(LearnerMaskTest, a_handle_of_another_kind_or_secret_or_with_one_letter_changed_stands_for_nothing) {
  std::string handle = handles.handle(Of::learner, "B0046506");
  EXPECT_EQ(handles.text(Of::cursor, handle), std::nullopt);
  EXPECT_EQ(LearnerHandles(AccessSecret::read(directory / "secret")).text(Of::learner, handle), std::nullopt);
  for (const char* wrong : {"", "h.", "h.AA", "h.!!", "B0046506", "h.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"})
    EXPECT_EQ(handles.text(Of::learner, wrong), std::nullopt) << wrong;
  handle[5] = handle[5] == 'x' ? 'y' : 'x';
  EXPECT_EQ(handles.text(Of::learner, handle), std::nullopt);
}

TEST_F(LearnerMaskTest, a_status_says_whose_it_is_by_mask_and_handle_and_everything_else_as_before) {
  const std::string status =
      R"({"entry":{"centre":"90001","qualification":"600/9001/1","series":"2023-08","learner":"B0046506"},"stage":"CLAIMED",)"
      R"("why":"Sample of B0046506, not of AB0046506.","late":false,"obstacles":[{"rule":"sample","subject":"B0046506","text":"a \"sample\""}]})";
  const std::string handle = handles.handle(Of::learner, "B0046506");
  EXPECT_EQ(masked(status), R"({"entry":{"centre":"90001","qualification":"600/9001/1","series":"2023-08","learner":"****6506","learnerHandle":")" +
                                handle +
                                R"("},"stage":"CLAIMED","why":"Sample of ****6506, not of AB0046506.","late":false,)"
                                R"("obstacles":[{"rule":"sample","subject":"****6506","text":"a \"sample\""}]})");
  EXPECT_EQ(masked(masked(status)), masked(status));
}

TEST_F(LearnerMaskTest, what_names_no_learner_stays_byte_for_byte) {
  for (const char* json : {R"({"entries":[],"next":null})", R"({ "a" : [1, 2.50, true, null, "learner"], "b":"L\u00e9arner \\" })", "[]", "", "{}",
                           R"({"learner":"","uln":"","note":"x"})", "{\"a\":1}\n{\"a\":2}\n"})
    EXPECT_EQ(masked(json), json);
}

TEST_F(LearnerMaskTest, names_birth_dates_and_all_numbers_are_masked_wherever_they_stand) {
  Json found = Json::parse(masked(
      R"({"registered":{"uln":"1234567890","uci":"51217204127B","details":{"givenNames":"Ann\u00e9 \"A\"","familyName":"O'Hara","dateOfBirth":"2005-11-02"}}})"));
  EXPECT_EQ(found, Json::parse(R"({"registered":{"uln":"****7890","uci":"****127B",
      "details":{"givenNames":"****","familyName":"****","dateOfBirth":"****"}}})"));
}

TEST_F(LearnerMaskTest, lines_are_masked_line_by_line) {
  const std::string lines = masked("{\"learner\":\"AAAA1111\"}\n{\"text\":\"AAAA1111\"}\n");
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 2);
  EXPECT_TRUE(says(lines, "****1111"));
  EXPECT_TRUE(says(lines, "{\"text\":\"AAAA1111\"}")) << "another line is about another learner";
}

TEST_F(LearnerMaskTest, the_cursor_of_a_list_is_encrypted_and_of_others_not) {
  const std::string page = R"({"entries":[],"next":"3930303031"})";
  Json found = Json::parse(masked(page, kPage));
  EXPECT_EQ(handles.text(Of::cursor, found["next"].get<std::string>()), "3930303031");
  EXPECT_EQ(masked(masked(page, kPage), kPage), masked(page, kPage));
  EXPECT_EQ(masked(page, kPlain), page);
  EXPECT_EQ(masked(R"({"next":null})", kPage), R"({"next":null})");
}

TEST_F(LearnerMaskTest, of_a_rejected_record_only_what_is_about_no_learner_is_shown) {
  const std::string record =
      R"({"id":"0-1","field":"registered.uln","rule":"uln-form","value":"12345","message":"wrong","json":true,"original":{"id":"e-1234567890","source":"mis",)"
      R"("registered":{"entry":{"centre":"90001","learner":"B0046506"},"uln":"1234567890","details":{"familyName":"Ohara"},"pathway":"Ohara"},)"
      R"("list":["Ohara"]},"originalBase64":"T2hhcmE=","gradesHidden":false})";
  Json found = Json::parse(masked(record, kRejected));
  EXPECT_EQ(found["id"], "0-1");
  EXPECT_EQ(found["value"], "(not shown)");
  EXPECT_EQ(found["message"], "wrong");
  EXPECT_TRUE(found["originalBase64"].is_null());
  const Json& original = found["original"];
  EXPECT_EQ(original["source"], "mis");
  EXPECT_EQ(original["registered"]["entry"]["centre"], "90001");
  EXPECT_EQ(original["registered"]["entry"]["learner"], "****6506");
  for (const char* told : {"Ohara", "1234567890", "B0046506", "T2hhcmE"}) EXPECT_FALSE(says(found.dump(), told)) << told;

  Json of_a_centre = Json::parse(masked(R"({"field":"registered.entry.centre","rule":"centre-known","value":"99999"})", kRejected));
  EXPECT_EQ(of_a_centre["value"], "99999");
  Json no_event = Json::parse(masked(R"({"field":"","rule":"json-form","value":"{Ohara","original":"{Ohara","json":true,"id":"0-2"})", kRejected));
  EXPECT_EQ(no_event["value"], "(not shown)");
  EXPECT_EQ(no_event["original"], "(not shown)");
  EXPECT_EQ(no_event["id"], "0-2");
  // Members that somebody made up, and what stands where something else belongs.
  for (const char* wrong :
       {R"({"field":"registered.entry.Ohara","rule":"json-form","value":"Ohara"})",
        R"({"type":"urn:vtq:problem:json-form","field":"Ohara","rule":"json-form","value":"Ohara"})",
        R"({"field":"occurredAt","rule":"json-form","value":"Ohara"})", R"({"field":"registered.entry.centre","rule":"centre-form","value":"Ohara"})",
        R"({"field":"a","rule":"b","value":"","original":{"registered":{"entry":{"qualification":"Ohara","series":"Ohara"}}}})"})
    EXPECT_FALSE(says(masked(wrong, kRejected), "Ohara")) << masked(wrong, kRejected);
  EXPECT_EQ(Json::parse(masked(R"({"field":"registered.entry.Ohara[2].uln","rule":"json-form","value":"x"})", kRejected))["field"],
            "registered.entry.(not shown).uln");
  EXPECT_EQ(masked(masked(record, kRejected), kRejected), masked(record, kRejected));
}

TEST_F(LearnerMaskTest, what_a_handle_was_opened_to_is_not_repeated_where_it_is_refused) {
  for (const char* field : {"after", "learner"}) {
    const std::string problem = nlohmann::ordered_json{{"field", field}, {"rule", "query-parameter"}, {"value", "B0046506"}}.dump();
    EXPECT_FALSE(says(masked(problem, kPage), "B0046506")) << field;
    EXPECT_FALSE(says(masked(problem), "B0046506")) << field;
  }
  EXPECT_TRUE(says(masked(R"({"field":"limit","rule":"query-parameter","value":"many"})", kPage), "many"));
}

/// Replies of any shape: of 2,000 none has a number, a name or a birth date of those in it, and each is JSON still.
TEST_F(LearnerMaskTest, no_masked_reply_has_what_is_masked_in_it) {
  std::mt19937 chance(20'230'817);
  auto up_to = [&](unsigned most) { return static_cast<unsigned>(chance() % (most + 1)); };
  auto number = [&] {
    std::string text;
    for (unsigned size = 8 + up_to(6); text.size() < size;) text += "ABCDEFGHJK0123456789"[up_to(19)];
    return text;
  };
  for (int round = 0; round < 2'000; ++round) {
    std::vector<std::string> secrets;
    auto secret = [&] { return secrets.emplace_back(number()); };
    auto person = [&] { return secrets.emplace_back("N" + number() + "\"\\ \xc3\xa9"); };
    Json results = Json::array();
    for (unsigned count = up_to(3); results.size() < count;) {
      const std::string learner = secret();
      results.push_back({{"entry", {{"centre", "90001"}, {"learner", learner}}},
                         {"uln", secret()},
                         {"uci", secret()},
                         {"details", {{"givenNames", person()}, {"familyName", person()}, {"dateOfBirth", secret()}}},
                         {"grade", up_to(9)}});
      // Prose comes behind the learner, as the writers have it: j before l would not.
      if (up_to(1)) results.back()["why"] = "Of " + learner + "; " + learner + ".";
    }
    const bool rejected = up_to(1) != 0;
    const Json reply = rejected ? Json{{"id", "0-1"}, {"original", results}, {"field", "uln"}, {"value", secret()}, {"originalBase64", secret()}}
                                : Json{{"batch", "90001.RN9001.2023-08.0001"}, {"results", results}};
    const std::string text = masked(reply.dump(up_to(1) ? -1 : 2), rejected ? kRejected : kPlain);
    ASSERT_FALSE(Json::parse(text, nullptr, false).is_discarded()) << text;
    for (const std::string& one : secrets) {
      const std::string inside = Json(one).dump();
      ASSERT_FALSE(says(text, inside.substr(1, inside.size() - 2))) << one << " in " << text;
    }
  }
}

}  // namespace
}  // namespace vtq::test
