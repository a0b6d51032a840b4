// Identifiers of the field: forms, check digits, compact numbers, and the hash that spreads centres over partitions.
#include "pipeline/base/identifiers.h"

#include <gtest/gtest.h>

#include <random>

#include "pipeline/base/batch_id.h"

namespace vtq {
namespace {

using Random = std::mt19937_64;

std::string digits(Random& random, std::size_t count) {
  std::string text;
  for (std::size_t at = 0; at < count; ++at) text += static_cast<char>('0' + random() % 10);
  return text;
}

// ---- centre ----

TEST(CentreNumber, five_digits_are_taken) { EXPECT_EQ(number(*parse_centre("68199")), 68199u); }
TEST(CentreNumber, leading_zeros_come_back) { EXPECT_EQ(text_of(*parse_centre("00042")), "00042"); }
TEST(CentreNumber, four_digits_are_refused) { EXPECT_FALSE(parse_centre("6819")); }
TEST(CentreNumber, six_digits_are_refused) { EXPECT_FALSE(parse_centre("681990")); }
TEST(CentreNumber, a_letter_is_refused) { EXPECT_FALSE(parse_centre("6819A")); }
TEST(CentreNumber, a_sign_is_refused) { EXPECT_FALSE(parse_centre("-6819")); }
TEST(CentreNumber, empty_is_refused) { EXPECT_FALSE(parse_centre("")); }

TEST(CentreNumber, every_one_comes_back_as_it_was) {
  Random random(1);
  for (int times = 0; times < 2000; ++times) {
    std::string text = digits(random, 5);
    ASSERT_EQ(text_of(*parse_centre(text)), text);
  }
}

// ---- qualification ----

TEST(QualificationNumber, slashes_may_be_left_out) { EXPECT_EQ(parse_qualification("60341014"), parse_qualification("603/4101/4")); }
TEST(QualificationNumber, x_is_a_check_character) { EXPECT_EQ(text_of(*parse_qualification("6001233X")), "600/1233/X"); }
TEST(QualificationNumber, a_small_x_is_refused) { EXPECT_FALSE(parse_qualification("600/1233/x")); }
TEST(QualificationNumber, another_letter_at_the_end_is_refused) { EXPECT_FALSE(parse_qualification("600/1233/A")); }
TEST(QualificationNumber, a_letter_among_the_digits_is_refused) { EXPECT_FALSE(parse_qualification("60A/4101/4")); }
TEST(QualificationNumber, a_misplaced_slash_is_refused) { EXPECT_FALSE(parse_qualification("6034/101/4")); }
TEST(QualificationNumber, one_slash_is_refused) { EXPECT_FALSE(parse_qualification("603/41014")); }
TEST(QualificationNumber, seven_digits_are_refused) { EXPECT_FALSE(parse_qualification("6034101")); }
TEST(QualificationNumber, the_check_that_holds_is_seen) { EXPECT_TRUE(qualification_check_holds(*parse_qualification("603/4101/4"))); }
TEST(QualificationNumber, the_check_that_fails_is_seen) { EXPECT_FALSE(qualification_check_holds(*parse_qualification("603/4101/5"))); }
TEST(QualificationNumber, numbers_that_differ_in_the_check_only_are_two) {
  EXPECT_NE(parse_qualification("603/4101/4"), parse_qualification("603/4101/5"));
}

TEST(QualificationNumber, every_one_comes_back_as_it_was) {
  Random random(2);
  for (int times = 0; times < 2000; ++times) {
    std::string body = digits(random, 7);
    std::string check(1, "0123456789X"[random() % 11]);
    std::string text = body.substr(0, 3) + "/" + body.substr(3) + "/" + check;
    ASSERT_EQ(text_of(*parse_qualification(text)), text);
    ASSERT_EQ(text_of(*parse_qualification(body + check)), text);
  }
}

TEST(QualificationNumber, exactly_one_check_character_holds_for_any_seven_digits) {
  Random random(3);
  for (int times = 0; times < 500; ++times) {
    std::string body = digits(random, 7);
    int holding = 0;
    for (char check : std::string("0123456789X")) holding += qualification_check_holds(*parse_qualification(body + check));
    ASSERT_EQ(holding, 1) << body;
  }
}

// ---- awarding organisation ----

TEST(RecognitionNumber, rn_and_digits_are_taken) { EXPECT_EQ(text_of(*parse_awarding_organisation("RN5353")), "RN5353"); }
TEST(RecognitionNumber, one_digit_is_taken) { EXPECT_TRUE(parse_awarding_organisation("RN1")); }
TEST(RecognitionNumber, six_digits_are_taken) { EXPECT_TRUE(parse_awarding_organisation("RN123456")); }
TEST(RecognitionNumber, seven_digits_are_refused) { EXPECT_FALSE(parse_awarding_organisation("RN1234567")); }
TEST(RecognitionNumber, no_digit_is_refused) { EXPECT_FALSE(parse_awarding_organisation("RN")); }
TEST(RecognitionNumber, a_leading_zero_is_refused) { EXPECT_FALSE(parse_awarding_organisation("RN0535")); }
TEST(RecognitionNumber, small_letters_are_refused) { EXPECT_FALSE(parse_awarding_organisation("rn5353")); }

// ---- series ----

TEST(Series, a_month_comes_back_as_it_was) {
  for (int year : {2000, 2023, 2099})
    for (int month = 1; month <= 12; ++month) {
      std::string text = std::to_string(year) + (month < 10 ? "-0" : "-") + std::to_string(month);
      EXPECT_EQ(text_of(*parse_series(text)), text);
    }
}
TEST(Series, month_0_is_refused) { EXPECT_FALSE(parse_series("2023-00")); }
TEST(Series, month_13_is_refused) { EXPECT_FALSE(parse_series("2023-13")); }
TEST(Series, the_year_1999_is_refused) { EXPECT_FALSE(parse_series("1999-12")); }
TEST(Series, the_year_2100_is_refused) { EXPECT_FALSE(parse_series("2100-01")); }
TEST(Series, a_month_of_one_digit_is_refused) { EXPECT_FALSE(parse_series("2023-8")); }

// ---- ULN ----

TEST(Uln, the_published_example_holds) { EXPECT_TRUE(uln_check_holds("9276308686")); }
TEST(Uln, a_wrong_check_digit_is_seen) { EXPECT_FALSE(uln_check_holds("9276308687")); }
TEST(Uln, unknown_is_well_formed) { EXPECT_TRUE(uln_is_well_formed(kUnknownUln)); }
TEST(Uln, unknown_fails_the_check) { EXPECT_FALSE(uln_check_holds(kUnknownUln)); }
TEST(Uln, a_leading_zero_is_refused) { EXPECT_FALSE(uln_is_well_formed("0276308686")); }
TEST(Uln, nine_digits_are_refused) { EXPECT_FALSE(uln_is_well_formed("927630868")); }
TEST(Uln, eleven_digits_are_refused) { EXPECT_FALSE(uln_is_well_formed("92763086860")); }
TEST(Uln, a_letter_is_refused) { EXPECT_FALSE(uln_is_well_formed("927630868X")); }

TEST(Uln, any_changed_digit_is_noticed) {
  const std::string valid = "9276308686";
  for (std::size_t at = 0; at < valid.size(); ++at)
    for (char digit = '0'; digit <= '9'; ++digit) {
      if (digit == valid[at]) continue;
      std::string changed = valid;
      changed[at] = digit;
      EXPECT_FALSE(uln_check_holds(changed)) << changed;
    }
}

TEST(Uln, the_weighted_sum_of_a_valid_one_leaves_10) {
  Random random(4);
  int valid = 0;
  for (int times = 0; times < 5000; ++times) {
    std::string text = digits(random, 10);
    int sum = 0;
    for (int at = 0; at < 10; ++at) sum += (10 - at) * (text[static_cast<std::size_t>(at)] - '0');
    ASSERT_EQ(uln_check_holds(text), text[0] != '0' && sum % 11 == 10) << text;
    valid += uln_check_holds(text);
  }
  EXPECT_GT(valid, 100);
}

// ---- UCI ----

TEST(Uci, the_published_example_holds) { EXPECT_TRUE(uci_check_holds("681990012058G")); }
TEST(Uci, a_wrong_check_letter_is_seen) { EXPECT_FALSE(uci_check_holds("681990012058H")); }
TEST(Uci, a_letter_may_stand_in_the_board_place) { EXPECT_TRUE(uci_is_well_formed("68199A012058G")); }
TEST(Uci, a_letter_elsewhere_is_refused) { EXPECT_FALSE(uci_is_well_formed("6819A0012058G")); }
TEST(Uci, a_digit_at_the_end_is_refused) { EXPECT_FALSE(uci_is_well_formed("6819900120581")); }
TEST(Uci, twelve_characters_are_refused) { EXPECT_FALSE(uci_is_well_formed("68199001205G")); }

TEST(Uci, exactly_one_check_letter_holds_for_any_twelve) {
  Random random(5);
  for (int times = 0; times < 500; ++times) {
    std::string body = digits(random, 12);
    if (times % 2) body[5] = static_cast<char>('A' + random() % 26);
    int holding = 0;
    for (char letter = 'A'; letter <= 'Z'; ++letter) holding += uci_check_holds(body + letter);
    ASSERT_EQ(holding, 1) << body;
  }
}

// ---- learner ----

TEST(LearnerNumber, twenty_characters_are_taken) { EXPECT_TRUE(learner_is_well_formed("ABCDEFGHIJ-123456789")); }
TEST(LearnerNumber, twenty_one_are_refused) { EXPECT_FALSE(learner_is_well_formed("ABCDEFGHIJ-1234567890")); }
TEST(LearnerNumber, empty_is_refused) { EXPECT_FALSE(learner_is_well_formed("")); }
TEST(LearnerNumber, a_small_letter_is_refused) { EXPECT_FALSE(learner_is_well_formed("abc")); }
TEST(LearnerNumber, a_space_is_refused) { EXPECT_FALSE(learner_is_well_formed("A 1")); }

// ---- batch ----

TEST(BatchName, comes_back_as_it_was) {
  for (const char* text : {"12345.RN5353.2023-08.0001", "00001.RN1.2000-01.9999", "12345.RN123456.2099-12.10000"})
    EXPECT_EQ(text_of(*parse_batch_id(text)), text);
}
TEST(BatchName, number_0_is_refused) { EXPECT_FALSE(parse_batch_id("12345.RN5353.2023-08.0000")); }
TEST(BatchName, three_digits_are_refused) { EXPECT_FALSE(parse_batch_id("12345.RN5353.2023-08.001")); }
TEST(BatchName, five_digits_with_a_leading_zero_are_refused) { EXPECT_FALSE(parse_batch_id("12345.RN5353.2023-08.00001")); }
TEST(BatchName, a_missing_part_is_refused) { EXPECT_FALSE(parse_batch_id("12345.RN5353.0001")); }
TEST(BatchName, a_letter_in_the_number_is_refused) { EXPECT_FALSE(parse_batch_id("12345.RN5353.2023-08.000A")); }

// ---- hashes ----

struct KafkaVector {
  const char* key;
  std::int32_t hash;
};

class KafkaPartitioner : public testing::TestWithParam<KafkaVector> {};

TEST_P(KafkaPartitioner, agrees_with_the_vectors_of_kafkas_own_test) {
  // With 2^31 partitions nothing but the sign bit is lost.
  EXPECT_EQ(murmur2_partition(GetParam().key, 0x80000000u), static_cast<std::uint32_t>(GetParam().hash) & 0x7fffffffu);
}

INSTANTIATE_TEST_SUITE_P(Vectors, KafkaPartitioner,
                         testing::Values(KafkaVector{"21", -973932308}, KafkaVector{"foobar", -790332482},
                                         KafkaVector{"a-little-bit-long-string", -985981536}, KafkaVector{"a-little-bit-longer-string", -1486304829},
                                         KafkaVector{"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971}, KafkaVector{"abc", 479470107}));

TEST(KafkaPartitioner, stays_within_the_partitions) {
  Random random(6);
  for (int times = 0; times < 1000; ++times) {
    auto partitions = static_cast<std::uint32_t>(1 + random() % 64);
    ASSERT_LT(murmur2_partition(digits(random, 5), partitions), partitions);
  }
}

TEST(ShortHash, is_never_0) {
  Random random(7);
  for (int times = 0; times < 10'000; ++times) ASSERT_NE(short_hash(digits(random, 1 + random() % 12)), 0u);
  EXPECT_NE(short_hash(""), 0u);
}

TEST(LongHash, does_not_change_between_builds) {
  // Stamps are stored: another value here would reorder ties of what is on disk.
  // MurmurHash64A of "abc" with seed 0.
  EXPECT_EQ(long_hash("abc"), 0x9cc9c33498a95efbULL);
  EXPECT_EQ(long_hash("abcdefgh"), 0xafdb0257ff41aa98ULL);
}

}  // namespace
}  // namespace vtq
