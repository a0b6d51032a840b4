// Words told again: what is kept of them, whatever order they come in, and since when what they say is so.
#include "pipeline/facts/told_again.h"

#include <algorithm>
#include <random>

#include "pipeline/rules/attainment.h"
#include "storage/records.h"
#include "tests/support/situation.h"
#include "tests/support/systems.h"

namespace vtq::test {
namespace {

TimeMs since(const Situation& situation, const std::string& unit) {
  for (const UnitFact& fact : situation.entry.facts.units)
    if (fact.unit == short_hash(unit) && fact.learning_outcome == 0) return said_since(situation.entry.facts, fact);
  return 0;
}

v1::Event graded(const std::string& at, const std::string& grade, const std::string& assessor = {}) {
  v1::Event event = outcome({}, local(at), "A", {}, grade);
  event.mutable_outcome_recorded()->set_assessor(assessor);
  return event;
}
v1::Event unclaimed(const std::string& at) {
  v1::Event event = event_at(local(at));
  set_ref(event.mutable_claim_withdrawn()->mutable_entry(), {});
  return event;
}

TEST(ToldAgain, the_same_of_a_unit_counts_from_the_first_time) {
  Situation situation;
  situation.with(graded("2023-05-01T09:00", "P")).with(graded("2023-08-20T09:00", "P")).with(graded("2023-08-21T09:00", "P"));
  EXPECT_EQ(since(situation, "A"), local("2023-05-01T09:00"));
}
TEST(ToldAgain, another_grade_or_assessor_counts_from_its_own_time) {
  EXPECT_EQ(since(Situation().with(graded("2023-05-01T09:00", "P")).with(graded("2023-08-20T09:00", "M")), "A"), local("2023-08-20T09:00"));
  EXPECT_EQ(since(Situation().with(graded("2023-05-01T09:00", "P", "A-1")).with(graded("2023-08-20T09:00", "P", "A-2")), "A"),
            local("2023-08-20T09:00"));
}
TEST(ToldAgain, nothing_is_kept_of_what_came_once_or_was_not_yet_achieved) {
  Situation situation;
  situation.with(outcome({}, local("2023-05-01T09:00"), "A", {}, "", v1::Outcome::NOT_YET_ACHIEVED)).with(graded("2023-06-01T09:00", "P"));
  situation.claimed_at("2023-06-10T09:00");
  EXPECT_EQ(situation.entry.facts.particulars, nullptr);
}
TEST(ToldAgain, of_many_different_words_the_first_eight_are_kept) {
  Situation situation;
  for (int at = 0; at < 20; ++at) situation.with(graded("2023-05-" + std::to_string(10 + at) + "T09:00", "P", "A-" + std::to_string(at)));
  ASSERT_EQ(situation.entry.facts.particulars->first_said.size(), 8u);
  EXPECT_EQ(situation.entry.facts.particulars->first_said.front().at_ms, local("2023-05-10T09:00"));
}
TEST(ToldAgain, a_claim_counts_from_the_first_and_after_a_withdrawal_anew) {
  Situation situation;
  EXPECT_EQ(claimed_since(situation.claimed_at("2023-06-01T09:00").entry.facts), local("2023-06-01T09:00"));
  EXPECT_EQ(claimed_since(situation.claimed_at("2023-06-05T09:00").entry.facts), local("2023-06-01T09:00"));
  EXPECT_EQ(claimed_since(situation.with(unclaimed("2023-06-06T09:00")).entry.facts), 0);
  EXPECT_EQ(claimed_since(situation.claimed_at("2023-06-07T09:00").entry.facts), local("2023-06-07T09:00"));
}

/// All that is kept, as text.
std::string kept(const EntryFacts& facts) {
  std::string text;
  if (!facts.particulars) return text;
  for (const FirstSaid& one : facts.particulars->first_said)
    text += std::to_string(one.unit) + " " + std::to_string(one.said) + " " + std::to_string(one.at_ms) + "\n";
  return text + std::to_string(facts.particulars->first_claimed_ms) + " " + std::to_string(facts.particulars->claim_withdrawn_ms);
}

TEST(ToldAgainProperty, the_same_is_kept_in_any_order_twice_or_late) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 300; ++round) {
    std::vector<v1::Event> words;
    for (int left = 12; left > 0; --left) {
      std::string at = "2023-06-" + std::to_string(10 + random() % 9) + "T09:00";
      static const char* kGrades[] = {"P", "M", "N"};
      static const char* kAssessors[] = {"", "A-1"};
      switch (random() % 5) {
        case 0:
          words.push_back(claimed({}, local(at)));
          break;
        case 1:
          words.push_back(unclaimed(at));
          break;
        case 2:
          words.push_back(outcome({}, local(at), "A", {}, "", v1::Outcome::NOT_YET_ACHIEVED));
          break;
        default:
          words.push_back(graded(at, kGrades[random() % 3], kAssessors[random() % 2]));
      }
    }
    std::string first;
    for (int order = 0; order < 6; ++order) {
      Situation situation;
      for (const v1::Event& word : words) situation.with(word);
      if (order == 0) first = kept(situation.entry.facts);
      ASSERT_EQ(kept(situation.entry.facts), first) << "round " << round;
      std::shuffle(words.begin(), words.end(), random);
      words.push_back(words[random() % words.size()]);
    }
  }
}

TEST(ToldAgain, what_a_word_that_came_late_tells_is_stored_with_it) {
  StartedSeason season;
  TimeMs may = local("2023-05-01T09:00"), june = local("2023-06-01T09:00");
  season.play({registered({}, may), achieved({}, june, {"A"}), claimed({}, june)}, june);
  season.pipeline->evict(0);
  for (const v1::Event& late : {achieved({}, may, {"A"}), claimed({}, may)}) {
    EXPECT_EQ(season.play({late}, june + 1).at(0).kind, Verdict::Kind::superseded);
    season.pipeline->evict(0);
  }
  const EntryFacts& facts = season.entry({})->facts;
  EXPECT_EQ(said_since(facts, facts.units.at(0)), may);
  EXPECT_EQ(claimed_since(facts), may);
}
TEST(ToldAgain, what_is_kept_survives_storage) {
  Situation situation;
  situation.with(graded("2023-05-01T09:00", "P")).with(graded("2023-08-20T09:00", "P")).claimed_at("2023-06-01T09:00");
  situation.with(unclaimed("2023-06-02T09:00")).claimed_at("2023-06-05T09:00");
  v1::EntryRecord record;
  std::string bytes;
  records::encode(situation.entry, bytes);
  Entry read;
  read.key = situation.entry.key;
  records::decode(bytes, record, read);
  EXPECT_EQ(kept(read.facts), kept(situation.entry.facts));
  EXPECT_NE(kept(read.facts), "");
}

}  // namespace
}  // namespace vtq::test
