// The rules of a release by themselves: who has approved it, and which check stops a centre.
#include "pipeline/release/checks.h"

#include "tests/support/release.h"

namespace vtq::test {
namespace {

struct Words : ReleaseWords {
  explicit Words(std::uint32_t least = 2) : needed(least) {
    v1::Event event = planned(local("2023-07-01T09:00"));
    say(event, event.release_planned());
  }
  Words& by(const std::string& person, bool by_approver = true, bool withdrawn = false, std::string digest = "") {
    v1::Event event = vtq::test::approved(local("2023-07-02T09:00"), digest.empty() ? plan->digest : digest, person, by_approver, withdrawn);
    say(event.release_approved(), stamp_of(event));
    return *this;
  }
  bool given() const { return Approval{this, needed}.given(); }
  std::uint32_t needed;
};

TEST(ReleaseApproval, wants_two_different_people_one_of_them_an_approver) {
  EXPECT_FALSE(Words().given());
  EXPECT_FALSE(Words().by("key a").given());
  EXPECT_TRUE(Words().by("key a").by("key b").given());
  EXPECT_TRUE(Words().by("key a").by("key b", false).given());
  EXPECT_FALSE(Words().by("key a", false).by("key b", false).given());
}

TEST(ReleaseApproval, of_one_person_counts_once) {
  EXPECT_FALSE(Words().by("key a").by("key a").given());
  EXPECT_TRUE(Words().by("issuer a").by("issuer A").given()) << "names that a sign-in gave are taken as they are";
}

TEST(ReleaseApproval, of_another_version_does_not_count) { EXPECT_FALSE(Words().by("key a").by("key b", true, false, std::string(32, '0')).given()); }

TEST(ReleaseApproval, that_was_withdrawn_does_not_count) {
  EXPECT_FALSE(Words().by("key a").by("key b").by("key b", true, true).given());
  EXPECT_TRUE(Words().by("key a").by("key b").by("key b", true, true).by("key b").given());
}

TEST(ReleaseApproval, is_not_needed_where_nobody_is_asked) {
  EXPECT_TRUE(Words(0).given());
  EXPECT_FALSE(Words(1).given());
  EXPECT_TRUE(Words(1).by("key a").given());
  EXPECT_TRUE((Approval{nullptr, 0}.given()));
  EXPECT_FALSE((Approval{nullptr, 1}.given()));
}

TEST(ReleaseApproval, is_of_the_name_given_where_nobody_filled_in_who_says_it) {
  Words words;
  for (const char* name : {"Ann", "Bob"}) {
    v1::Event event = vtq::test::approved(local("2023-07-02T09:00"), words.plan->digest, "");
    event.mutable_release_approved()->set_approver(name);
    words.say(event.release_approved(), stamp_of(event));
  }
  EXPECT_TRUE(words.given());
  Words same;
  for (const char* name : {"Ann Lee", "ann  lee"}) {
    v1::Event event = vtq::test::approved(local("2023-07-02T09:00"), same.plan->digest, "");
    event.mutable_release_approved()->set_approver(name);
    same.say(event.release_approved(), stamp_of(event));
  }
  EXPECT_FALSE(same.given());
}

TEST(ReleasePolicyOfOrganisation, asks_for_more_people_and_never_for_fewer) {
  ReleaseTerms three{.approvals = 3}, none{};
  EXPECT_EQ(approvals_needed(&three, 2), 3u);
  EXPECT_EQ(approvals_needed(&none, 2), 2u);
  EXPECT_EQ(approvals_needed(nullptr, 2), 2u);
}

TEST(ReleaseDigest, is_another_for_another_plan_or_another_moment_and_not_for_another_sayer) {
  TimeMs at = local("2023-07-01T09:00");
  v1::Event one = planned(at), same = planned(at), later = planned(at + 1), other = planned(at, {}, "2023-08-09T10:00");
  same.mutable_release_planned()->set_said_by("key a");
  EXPECT_EQ(digest_of(one), digest_of(same));
  EXPECT_NE(digest_of(one), digest_of(later));
  EXPECT_NE(digest_of(one), digest_of(other));
  EXPECT_EQ(digest_of(one).size(), 32u);
}

TEST(ReleaseWaves, take_the_centres_that_they_name_and_the_rest_is_last) {
  v1::Event event = planned(local("2023-07-01T09:00"), {{"pilot", {"54321"}, "2023-08-07T09:00"}, {"rest", {}, "2023-08-09T09:00"}});
  ASSERT_TRUE(check(event).has_value());
  ReleaseWords words;
  words.say(event, event.release_planned());
  EXPECT_EQ(words.plan->wave_of(CentreId{54321}).name, "pilot");
  EXPECT_EQ(words.plan->wave_of(CentreId{12345}).name, "rest");
}

std::string rule_of_check(const v1::Event& event) {
  auto address = check(event);
  return address ? "" : address.error().rule;
}

TEST(ReleaseWaves, that_are_not_well_formed_are_rejected) {
  TimeMs at = local("2023-07-01T09:00");
  EXPECT_EQ(rule_of_check(planned(at, {{"pilot", {"54321"}, ""}})), "waves-rest");
  EXPECT_EQ(rule_of_check(planned(at, {{"pilot", {}, ""}, {"rest", {}, ""}})), "waves-rest");
  EXPECT_EQ(rule_of_check(planned(at, {{"pilot", {"54321"}, ""}, {"pilot", {}, ""}})), "waves-named");
  EXPECT_EQ(rule_of_check(planned(at, {{"a", {"54321"}, ""}, {"b", {"54321"}, ""}, {"rest", {}, ""}})), "waves-centre-once");
  EXPECT_EQ(rule_of_check(planned(at, {{"a", {"5432"}, ""}, {"rest", {}, ""}})), "centre-form");
  EXPECT_EQ(rule_of_check(planned(at, {{"a", {"54321"}, "2023-08-09T09:00"}, {"rest", {}, "2023-08-09T08:59"}})), "dates-in-order");
  EXPECT_EQ(rule_of_check(planned(at, {{"a", {"54321"}, "2023-08-09T09:00"}, {"rest", {}, "2023-08-09T09:00"}})), "");
  EXPECT_EQ(rule_of_check(planned(at, {{"a", {"54321"}, ""}, {"rest", {}, ""}}, "2023-08-09T09:00", "12345")), "waves-for-all");
  EXPECT_EQ(rule_of_check(approved(at, "0123", "key a")), "plan-digest");
  EXPECT_EQ(rule_of_check(approved(at, std::string(32, 'a'), "key a")), "");
}

// ---- checks ----

constexpr QualificationId kOne{1};

TEST(ReleaseChecks, nothing_stops_without_limits) {
  EXPECT_EQ(stopping({.expected = 10, .missing = 10, .corrected = 10, .grades = {{kOne, {{"A", 50}}}}, .grades_before = {{kOne, {{"B", 50}}}}}, {},
                     nullptr),
            v1::RELEASE_CHECK_NONE);
}

TEST(ReleaseChecks, too_large_a_share_missing_stops_and_what_just_reaches_the_limit_does_not) {
  ReleaseTerms terms{.missing_percent_max = 20};
  EXPECT_EQ(stopping({.expected = 10, .missing = 2}, terms, nullptr), v1::RELEASE_CHECK_NONE);
  EXPECT_EQ(stopping({.expected = 10, .missing = 3}, terms, nullptr), v1::RELEASE_MISSING);
  EXPECT_EQ(stopping({}, terms, nullptr), v1::RELEASE_CHECK_NONE);
}

TEST(ReleaseChecks, too_many_corrections_stop_and_what_just_reaches_the_limit_does_not) {
  ReleaseTerms terms{.corrections_max = 2};
  EXPECT_EQ(stopping({.corrected = 2}, terms, nullptr), v1::RELEASE_CHECK_NONE);
  EXPECT_EQ(stopping({.corrected = 3}, terms, nullptr), v1::RELEASE_CORRECTIONS);
}

TEST(ReleaseChecks, shift_of_grades_is_how_many_in_a_hundred_would_have_another) {
  EXPECT_DOUBLE_EQ(grade_shift({{"A", 10}, {"B", 10}}, {{"A", 20}, {"B", 20}}), 0);
  EXPECT_DOUBLE_EQ(grade_shift({{"A", 3}, {"B", 1}}, {{"A", 1}, {"B", 1}}), 25);
  EXPECT_DOUBLE_EQ(grade_shift({{"A", 7}}, {{"B", 5}}), 100);
  EXPECT_DOUBLE_EQ(grade_shift({}, {{"B", 5}}), 0);
}

TEST(ReleaseChecks, grades_far_from_last_years_stop_where_there_are_enough_of_both) {
  ReleaseTerms terms{.grade_shift_percent_max = 25, .grade_results_min = 20};
  auto by = [&](std::uint32_t a, std::uint32_t b, std::uint32_t a_before, std::uint32_t b_before) {
    return stopping({.grades = {{kOne, {{"A", a}, {"B", b}}}}, .grades_before = {{kOne, {{"A", a_before}, {"B", b_before}}}}}, terms, nullptr);
  };
  EXPECT_EQ(by(15, 5, 10, 10), v1::RELEASE_CHECK_NONE);
  EXPECT_EQ(by(16, 4, 10, 10), v1::RELEASE_GRADES);
  EXPECT_EQ(by(15, 4, 0, 20), v1::RELEASE_CHECK_NONE);
  EXPECT_EQ(by(20, 0, 0, 19), v1::RELEASE_CHECK_NONE);
}

TEST(ReleaseChecks, grades_outside_of_the_plans_shares_stop) {
  ReleaseWords words;
  words.plan = PlannedRelease{.waves = {{"all", {}, {}}}, .shares = {{kOne, "A", 10, 50}}, .digest = "d", .said_by = {}};
  auto by = [&](std::uint32_t a, std::uint32_t b) { return stopping({.grades = {{kOne, {{"A", a}, {"B", b}}}}}, {}, &words); };
  EXPECT_EQ(by(10, 10), v1::RELEASE_CHECK_NONE);
  EXPECT_EQ(by(11, 9), v1::RELEASE_GRADES);
  EXPECT_EQ(by(2, 18), v1::RELEASE_CHECK_NONE);
  EXPECT_EQ(by(1, 19), v1::RELEASE_GRADES);
  EXPECT_EQ(by(0, 19), v1::RELEASE_CHECK_NONE) << "too few to say";
}

TEST(ReleaseChecks, an_override_lets_go_its_own_check_of_its_own_plan) {
  ReleaseTerms terms{.missing_percent_max = 0, .corrections_max = 0};
  Words words;
  ReleaseCounts counts{.expected = 2, .missing = 1, .corrected = 1};
  auto say = [&](v1::ReleaseCheck check, const std::string& digest, bool withdrawn = false) {
    words.say(overridden(local("2023-08-01T09:00"), digest, check, "*", withdrawn).release_overridden());
  };
  say(v1::RELEASE_MISSING, std::string(32, '0'));
  EXPECT_EQ(stopping(counts, terms, &words), v1::RELEASE_MISSING);
  say(v1::RELEASE_MISSING, words.plan->digest);
  EXPECT_EQ(stopping(counts, terms, &words), v1::RELEASE_CORRECTIONS);
  say(v1::RELEASE_CORRECTIONS, words.plan->digest);
  EXPECT_EQ(stopping(counts, terms, &words), v1::RELEASE_CHECK_NONE);
  say(v1::RELEASE_MISSING, words.plan->digest, true);
  EXPECT_EQ(stopping(counts, terms, &words), v1::RELEASE_MISSING);
}

}  // namespace
}  // namespace vtq::test
