// Approval and life-cycle dates: which rule stands in the way of an entry, at the edges of days, and what the stages are.
#include <random>

#include "pipeline/rules/approval.h"
#include "tests/support/situation.h"
#include "tests/support/systems.h"

namespace vtq {
namespace {

using test::local;
using test::Situation;

constexpr const char* kQualification = "601/0041/1";

/// A qualification of one unit, and what is said about its approval; dates may be empty.
struct Terms {
  std::string first_registration, last_registration, last_certification;
  bool needed = false;
  std::string approved_from, approved_until, approval_last_registration, approval_last_certification;
  std::string withdrawn_from, withdrawal_last_certification;
};

v1::Event definition(const Terms& terms, std::uint32_t framework_level = 3) {
  v1::Event event = test::event_at(local("2020-01-01T09:00"));
  auto* fact = event.mutable_qualification_defined();
  fact->set_qualification(kQualification);
  fact->set_title("Certificate in Hulls");
  fact->set_awarding_organisation("RN5001");
  fact->set_level(v1::LEVEL_3);
  fact->set_grading_scale("pass");
  fact->set_certification(v1::CERTIFICATION_BY_CLAIM);
  auto* unit = fact->add_units();
  unit->set_code("A");
  unit->set_mandatory(true);
  fact->set_framework_level(framework_level);
  fact->set_first_registration_on(terms.first_registration);
  fact->set_last_registration_on(terms.last_registration);
  fact->set_last_certification_on(terms.last_certification);
  if (terms.needed) fact->add_approval_needed(v1::IFATE);
  return event;
}

struct Certificate : Situation {
  explicit Certificate(const Terms& terms, std::uint32_t framework_level = 3) : Situation({.qualification = kQualification}) {
    knows(definition(terms, framework_level));
    if (!terms.approved_from.empty()) {
      v1::Event decided = test::approval_decided(kQualification, local("2020-02-01T09:00"), terms.approved_from);
      decided.mutable_approval_decided()->set_approved_until(terms.approved_until);
      decided.mutable_approval_decided()->set_last_registration_on(terms.approval_last_registration);
      decided.mutable_approval_decided()->set_last_certification_on(terms.approval_last_certification);
      knows(decided);
    }
    if (!terms.withdrawn_from.empty()) {
      v1::Event withdrawn = test::approval_withdrawn(kQualification, local("2021-02-01T09:00"), terms.withdrawn_from);
      withdrawn.mutable_approval_withdrawn()->set_last_certification_on(terms.withdrawal_last_certification);
      knows(withdrawn);
    }
  }

  Obstacle obstacle(TimeMs registered, TimeMs now, TimeMs* wake = nullptr) {
    entry.facts.first_registered_ms = registered;
    TimeMs wake_at = kNever;
    Obstacle found = approval_obstacle(entry, around(), now, wake_at);
    if (wake) *wake = wake_at;
    return found;
  }
  std::string words(TimeMs registered, TimeMs now) {
    Rule rule = obstacle(registered, now).rule;
    return approval_text(entry, around(), rule);
  }
  ApprovalState state() const { return reference.approvals().states(*parse_qualification(kQualification)).at(0); }
};

// ---- dates ----

struct DateCase {
  const char* name;
  Terms terms;
  TimeMs registered;
  TimeMs now;
  Rule rule;
  const char* text;
};

TimeMs before(const std::string& day) { return local(day + "T00:00") - 1; }
TimeMs at(const std::string& day) { return local(day + "T00:00"); }

class ApprovalDates : public testing::TestWithParam<DateCase> {};

TEST_P(ApprovalDates, name_the_rule) {
  const DateCase& one = GetParam();
  Certificate certificate(one.terms);
  EXPECT_EQ(rule_name(certificate.obstacle(one.registered, one.now).rule), rule_name(one.rule));
  EXPECT_EQ(certificate.words(one.registered, one.now), one.text);
}

// Days in which the clocks change: 26 March 2023 (23 hours) and 29 October 2023 (25 hours).
INSTANTIATE_TEST_SUITE_P(
    All, ApprovalDates,
    testing::Values(
        DateCase{"nothing_asked", {}, at("2022-09-01"), at("2023-08-01"), Rule::none, ""},
        DateCase{"before_first",
                 {.first_registration = "2022-09-01"},
                 before("2022-09-01"),
                 at("2023-08-01"),
                 Rule::first_registration,
                 "the first day for registration is 1 Sep 2022 and this learner was first registered on 31 Aug 2022: correct the "
                 "registration"},
        DateCase{"on_first", {.first_registration = "2022-09-01"}, at("2022-09-01"), at("2023-08-01"), Rule::none, ""},
        DateCase{"on_last", {.last_registration = "2022-09-30"}, before("2022-10-01"), at("2023-08-01"), Rule::none, ""},
        DateCase{"after_last",
                 {.last_registration = "2022-09-30"},
                 at("2022-10-01"),
                 at("2023-08-01"),
                 Rule::last_registration,
                 "the last day for registration, of the qualification, was 30 Sep 2022 and this learner was first registered on 1 Oct "
                 "2022: "
                 "correct the registration"},
        DateCase{"last_hour_of_a_short_day", {.last_registration = "2023-03-26"}, local("2023-03-26T23:59"), at("2023-08-01"), Rule::none, ""},
        DateCase{"after_a_short_day",
                 {.last_registration = "2023-03-26"},
                 at("2023-03-27"),
                 at("2023-08-01"),
                 Rule::last_registration,
                 "the last day for registration, of the qualification, was 26 Mar 2023 and this learner was first registered on 27 Mar "
                 "2023: "
                 "correct the registration"},
        DateCase{"before_a_short_day",
                 {.first_registration = "2023-03-26"},
                 before("2023-03-26"),
                 at("2023-08-01"),
                 Rule::first_registration,
                 "the first day for registration is 26 Mar 2023 and this learner was first registered on 25 Mar 2023: correct the "
                 "registration"},
        DateCase{"last_hour_of_a_long_day", {.last_certification = "2023-10-29"}, at("2022-09-01"), before("2023-10-30"), Rule::none, ""},
        DateCase{"after_a_long_day",
                 {.last_certification = "2023-10-29"},
                 at("2022-09-01"),
                 at("2023-10-30"),
                 Rule::last_certification,
                 "the last day for certification, of the qualification, was 29 Oct 2023: no result can be issued unless it is extended"},
        DateCase{"not_approved",
                 {.needed = true},
                 at("2022-09-01"),
                 at("2023-08-01"),
                 Rule::qualification_approval,
                 "the qualification is not approved: nothing was submitted to IfATE"},
        DateCase{"before_approval",
                 {.needed = true, .approved_from = "2022-09-02"},
                 at("2022-09-01"),
                 at("2023-08-01"),
                 Rule::first_registration,
                 "the qualification is approved from 2 Sep 2022 and this learner was first registered on 1 Sep 2022: correct the "
                 "registration"},
        DateCase{"from_approval", {.needed = true, .approved_from = "2022-09-01"}, at("2022-09-01"), at("2023-08-01"), Rule::none, ""},
        DateCase{"on_the_last_day_approved",
                 {.needed = true, .approved_from = "2022-01-01", .approved_until = "2022-12-31"},
                 before("2023-01-01"),
                 at("2023-08-01"),
                 Rule::none,
                 ""},
        DateCase{"after_the_approval",
                 {.needed = true, .approved_from = "2022-01-01", .approved_until = "2022-12-31"},
                 at("2023-01-01"),
                 at("2023-08-01"),
                 Rule::qualification_approval,
                 "approval by IfATE ended on 31 Dec 2022 and this learner was first registered on 1 Jan 2023"},
        DateCase{"the_body's_date_is_earlier",
                 {.last_registration = "2022-12-31", .needed = true, .approved_from = "2022-01-01", .approval_last_registration = "2022-09-30"},
                 at("2022-10-01"),
                 at("2023-08-01"),
                 Rule::last_registration,
                 "the last day for registration, set by IfATE, was 30 Sep 2022 and this learner was first registered on 1 Oct 2022: "
                 "correct "
                 "the registration"},
        DateCase{"the_body's_date_is_later",
                 {.last_registration = "2022-09-30", .needed = true, .approved_from = "2022-01-01", .approval_last_registration = "2022-12-31"},
                 at("2022-10-01"),
                 at("2023-08-01"),
                 Rule::last_registration,
                 "the last day for registration, of the qualification, was 30 Sep 2022 and this learner was first registered on 1 Oct "
                 "2022: "
                 "correct the registration"},
        DateCase{"before_withdrawal",
                 {.needed = true, .approved_from = "2022-01-01", .withdrawn_from = "2022-10-01"},
                 before("2022-10-01"),
                 at("2023-08-01"),
                 Rule::none,
                 ""},
        DateCase{"from_withdrawal",
                 {.needed = true, .approved_from = "2022-01-01", .withdrawn_from = "2022-10-01"},
                 at("2022-10-01"),
                 at("2023-08-01"),
                 Rule::qualification_approval,
                 "approval by IfATE is withdrawn from 1 Oct 2022 and this learner was first registered on 1 Oct 2022: only learners "
                 "registered before may still be certificated"},
        DateCase{"withdrawn_from_its_first_day",
                 {.needed = true, .approved_from = "2022-10-01", .withdrawn_from = "2022-10-01"},
                 at("2022-10-01"),
                 at("2023-08-01"),
                 Rule::qualification_approval,
                 "the qualification is not approved: IfATE approves it from 1 Oct 2022; approval is withdrawn from 1 Oct 2022"},
        DateCase{"withdrawn_before_its_first_day",
                 {.needed = true, .approved_from = "2022-10-01", .withdrawn_from = "2022-09-30"},
                 at("2022-09-29"),
                 at("2023-08-01"),
                 Rule::qualification_approval,
                 "the qualification is not approved: IfATE approves it from 1 Oct 2022; approval is withdrawn from 30 Sep 2022"},
        DateCase{"certificated_after_withdrawal",
                 {.needed = true, .approved_from = "2022-01-01", .withdrawn_from = "2022-10-01", .withdrawal_last_certification = "2023-08-31"},
                 at("2022-09-01"),
                 before("2023-09-01"),
                 Rule::none,
                 ""},
        DateCase{"too_late_after_withdrawal",
                 {.needed = true, .approved_from = "2022-01-01", .withdrawn_from = "2022-10-01", .withdrawal_last_certification = "2023-08-31"},
                 at("2022-09-01"),
                 at("2023-09-01"),
                 Rule::last_certification,
                 "the last day for certification, set by IfATE, was 31 Aug 2023: no result can be issued unless it is extended"}),
    [](const auto& given) {
      std::string name = given.param.name;
      std::replace(name.begin(), name.end(), '\'', '_');
      return name;
    });

TEST(Approval, tells_who_acts) {
  Certificate unapproved({.needed = true});
  Obstacle approval = unapproved.obstacle(at("2022-09-01"), at("2023-08-01"));
  EXPECT_EQ(approval.owner, v1::AWARDING_ORGANISATION);
  EXPECT_EQ(approval.step, v1::OBTAIN_APPROVAL);
  EXPECT_EQ(approval.reason, v1::L6);
  Obstacle late = Certificate({.last_registration = "2022-08-31"}).obstacle(at("2022-09-01"), at("2023-08-01"));
  EXPECT_EQ(late.owner, v1::CENTRE);
  EXPECT_EQ(late.step, v1::CORRECT_REGISTRATION);
}

TEST(Approval, of_a_body_that_is_not_needed_changes_nothing) {
  Certificate certificate({.approved_from = "2023-01-01", .approval_last_certification = "2023-01-31"});
  EXPECT_EQ(certificate.around().qualification.approval, nullptr);
  EXPECT_EQ(certificate.obstacle(at("2022-09-01"), at("2023-08-01")).rule, Rule::none);
  EXPECT_EQ(certificate.state().stage, ApprovalStage::approved) << "yet it can be read";
}

TEST(Approval, defined_after_its_facts_is_the_same) {
  Situation situation({.qualification = kQualification});
  situation.knows(test::approval_decided(kQualification, local("2020-02-01T09:00"), "2022-09-02"));
  situation.knows(definition({.needed = true}));
  situation.entry.facts.first_registered_ms = at("2022-09-01");
  TimeMs wake = kNever;
  EXPECT_EQ(approval_obstacle(situation.entry, situation.around(), at("2023-01-01"), wake).rule, Rule::first_registration);
}

// ---- one approval after another ----

v1::Event period(const char* decided_on, const char* from, const char* until, bool approved = true) {
  v1::Event event = test::approval_decided(kQualification, local(std::string(decided_on) + "T09:00"), from);
  event.mutable_approval_decided()->set_approved(approved);
  event.mutable_approval_decided()->set_approved_until(until);
  return event;
}

v1::Event needs_the_specification() {
  v1::Event event = test::event_at(local("2020-01-01T09:00"));
  event.mutable_approval_category_defined()->set_body(v1::IFATE);
  event.mutable_approval_category_defined()->set_category("specialist");
  event.mutable_approval_category_defined()->add_required_documents("spec");
  return event;
}

struct RenewalCase {
  const char* name;
  std::vector<v1::Event> facts;
  Rule in_2023;  ///< of a learner registered on 1 September 2023
  Rule in_2024;  ///< on 31 August 2024
  Rule in_2025;  ///< on 1 September 2025
  ApprovalStage stage;
  const char* words;
};

class Renewal : public testing::TestWithParam<RenewalCase> {};

TEST_P(Renewal, holds_no_learner_of_the_time_before) {
  RenewalCase one = GetParam();
  std::vector<std::size_t> order(one.facts.size());
  for (std::size_t at = 0; at < order.size(); ++at) order[at] = at;
  do {
    Certificate certificate({.needed = true});
    certificate.knows(needs_the_specification());
    for (std::size_t at : order) certificate.knows(one.facts[at]);
    EXPECT_EQ(rule_name(certificate.obstacle(at("2023-09-01"), at("2025-10-01")).rule), rule_name(one.in_2023));
    EXPECT_EQ(rule_name(certificate.obstacle(before("2024-09-01"), at("2025-10-01")).rule), rule_name(one.in_2024));
    EXPECT_EQ(rule_name(certificate.obstacle(at("2025-09-01"), at("2025-10-01")).rule), rule_name(one.in_2025));
    EXPECT_EQ(stage_name(certificate.state().stage), stage_name(one.stage));
    EXPECT_EQ(certificate.state().words(), one.words);
  } while (std::next_permutation(order.begin(), order.end()));
}

v1::Event submitted_on(const char* day, bool complete) {
  v1::Event event = test::submitted(kQualification, local(std::string(day) + "T09:00"), {});
  if (complete) event.mutable_approval_submitted()->add_documents("spec");
  return event;
}

INSTANTIATE_TEST_SUITE_P(
    All, Renewal,
    testing::Values(
        RenewalCase{"in_sequence",
                    {period("2021-05-01", "2021-09-01", "2024-08-31"), period("2024-05-01", "2024-09-01", "2027-08-31")},
                    Rule::none,
                    Rule::none,
                    Rule::none,
                    ApprovalStage::approved,
                    "IfATE approves it from 1 Sep 2024 to 31 Aug 2027; its approval from 1 Sep 2021 to 31 Aug 2024 stands for learners "
                    "registered in that time"},
        RenewalCase{"with_a_gap",
                    {period("2021-05-01", "2021-09-01", "2024-07-31"), period("2024-05-01", "2024-09-01", "2025-08-31")},
                    Rule::none,
                    Rule::qualification_approval,
                    Rule::qualification_approval,
                    ApprovalStage::approved,
                    "IfATE approves it from 1 Sep 2024 to 31 Aug 2025; its approval from 1 Sep 2021 to 31 Jul 2024 stands for learners "
                    "registered in that time"},
        RenewalCase{"refused",
                    {period("2021-05-01", "2021-09-01", "2024-08-31"), period("2024-05-01", "2024-09-01", "", false)},
                    Rule::none,
                    Rule::none,
                    Rule::qualification_approval,
                    ApprovalStage::refused,
                    "IfATE refused approval; its approval from 1 Sep 2021 to 31 Aug 2024 stands for learners registered in that time"},
        RenewalCase{"refused_for_no_day",
                    {period("2021-05-01", "2021-09-01", "2024-08-31"), period("2024-05-01", "", "", false)},
                    Rule::none,
                    Rule::none,
                    Rule::qualification_approval,
                    ApprovalStage::refused,
                    "IfATE refused approval; its approval from 1 Sep 2021 to 31 Aug 2024 stands for learners registered in that time"},
        RenewalCase{"incomplete",
                    {submitted_on("2021-04-01", true), period("2021-05-01", "2021-09-01", "2024-08-31"), submitted_on("2024-04-01", false)},
                    Rule::none,
                    Rule::none,
                    Rule::qualification_approval,
                    ApprovalStage::submission_invalid,
                    "the submission to IfATE is invalid: document spec is missing; its approval from 1 Sep 2021 to 31 Aug 2024 stands for "
                    "learners registered in that time"},
        RenewalCase{
            "decided_though_incomplete",
            {period("2021-05-01", "2021-09-01", "2024-08-31"), submitted_on("2024-04-01", false), period("2024-05-01", "2024-09-01", "2027-08-31")},
            Rule::none,
            Rule::none,
            Rule::qualification_approval,
            ApprovalStage::submission_invalid,
            "the submission to IfATE is invalid: document spec is missing; the approval that was decided does not count until this "
            "is mended; its approval from 1 Sep 2021 to 31 Aug 2024 stands for learners registered in that time"},
        RenewalCase{"taken_back",
                    {period("2021-05-01", "2021-09-01", "2024-08-31"), period("2022-05-01", "2021-09-01", "", false),
                     period("2024-05-01", "2024-09-01", "2027-08-31")},
                    Rule::first_registration,
                    Rule::first_registration,
                    Rule::none,
                    ApprovalStage::approved,
                    "IfATE approves it from 1 Sep 2024 to 31 Aug 2027"},
        RenewalCase{"proposed_again",
                    {submitted_on("2021-04-01", true), period("2021-05-01", "2021-09-01", ""),
                     test::proposed(kQualification, local("2024-04-01T09:00"), v1::ApprovalProposed::PROPOSAL_REFUSED)},
                    Rule::none,
                    Rule::none,
                    Rule::none,
                    ApprovalStage::approved,
                    "IfATE approves it from 1 Sep 2021"}),
    [](const auto& given) { return std::string(given.param.name); });

TEST(Approval, tells_in_a_gap_when_it_goes_on) {
  Certificate certificate({.needed = true});
  certificate.knows(period("2021-05-01", "2021-09-01", "2024-07-31")).knows(period("2024-05-01", "2024-09-01", ""));
  EXPECT_EQ(certificate.words(at("2024-08-01"), at("2025-08-01")),
            "approval by IfATE ended on 31 Jul 2024 and this learner was first registered on 1 Aug 2024; approval goes on only from 1 Sep "
            "2024");
}

TEST(Approval, of_each_period_sets_the_last_day_for_certification) {
  Certificate certificate({.needed = true});
  v1::Event first = period("2021-05-01", "2021-09-01", "2024-08-31");
  first.mutable_approval_decided()->set_last_certification_on("2025-08-31");
  certificate.knows(first).knows(period("2024-05-01", "2024-09-01", "2027-08-31"));
  EXPECT_EQ(certificate.obstacle(at("2023-09-01"), before("2025-09-01")).rule, Rule::none);
  EXPECT_EQ(certificate.words(at("2023-09-01"), at("2025-09-01")),
            "the last day for certification, set by IfATE, was 31 Aug 2025: no result can be issued unless it is extended");
  EXPECT_EQ(certificate.obstacle(at("2024-09-01"), at("2025-09-01")).rule, Rule::none);
}

// ---- the whole range of dates, against what each day means by itself ----

std::string date_of(TimeMs moment) { return utc_text(local_day(moment) * kDayMs).substr(0, 10); }

Rule expected_rule(const Terms& terms, const std::string& registered, const std::string& today) {
  auto after = [](const std::string& day, const std::string& last) { return !last.empty() && day > last; };
  bool withdrawn = terms.needed && !terms.withdrawn_from.empty();
  if (terms.needed) {
    if (terms.approved_from.empty()) return Rule::qualification_approval;
    if (after(registered, terms.approved_until)) return Rule::qualification_approval;
    if (withdrawn && (registered >= terms.withdrawn_from || terms.withdrawn_from <= terms.approved_from)) return Rule::qualification_approval;
  }
  if (registered < terms.first_registration || (terms.needed && registered < terms.approved_from)) return Rule::first_registration;
  if (after(registered, terms.last_registration) || (terms.needed && after(registered, terms.approval_last_registration)))
    return Rule::last_registration;
  if (after(today, terms.last_certification) || (terms.needed && after(today, terms.approval_last_certification)) ||
      (withdrawn && after(today, terms.withdrawal_last_certification)))
    return Rule::last_certification;
  return Rule::none;
}

TEST(ApprovalProperty, each_day_is_judged_as_its_dates_say) {
  std::mt19937 random(20230420);
  Day first = *parse_date("2023-03-01"), last = *parse_date("2023-11-30");
  auto some_day = [&](int chance) {
    if (static_cast<int>(random() % 100) >= chance) return std::string();
    return utc_text((first + static_cast<Day>(random() % static_cast<unsigned>(last - first))) * kDayMs).substr(0, 10);
  };
  std::map<Rule, int> seen;
  for (int round = 0; round < 300; ++round) {
    Terms terms{.first_registration = some_day(40),
                .last_registration = some_day(40),
                .last_certification = some_day(40),
                .needed = random() % 4 != 0,
                .approved_from = some_day(85),
                .approved_until = some_day(30),
                .approval_last_registration = some_day(40),
                .approval_last_certification = some_day(40),
                .withdrawn_from = some_day(40),
                .withdrawal_last_certification = some_day(60)};
    Certificate certificate(terms);
    Circumstances around = certificate.around();
    for (Day day = first - 2; day <= last + 2; ++day) {
      for (TimeMs registered : {day_begins(day), day_begins(day + 1) - 1}) {
        for (TimeMs now : {registered, day_begins(last + 3), day_begins(day + 40) - 1}) {
          certificate.entry.facts.first_registered_ms = registered;
          TimeMs wake = kNever;
          Rule found = approval_obstacle(certificate.entry, around, now, wake).rule;
          ASSERT_EQ(found, expected_rule(terms, date_of(registered), date_of(now)))
              << "round " << round << ", registered " << utc_text(registered) << ", now " << utc_text(now);
          ++seen[found];
          // Time alone changes it at the moment to wake at, and not before.
          if (wake == kNever) continue;
          ASSERT_GT(wake, now);
          TimeMs none = kNever;
          ASSERT_EQ(approval_obstacle(certificate.entry, around, wake - 1, none).rule, found);
          ASSERT_EQ(approval_obstacle(certificate.entry, around, wake, none).rule, Rule::last_certification);
        }
      }
    }
  }
  for (Rule rule : {Rule::none, Rule::qualification_approval, Rule::first_registration, Rule::last_registration, Rule::last_certification})
    EXPECT_GT(seen[rule], 1000) << rule_name(rule);
}

// ---- the latest word ----

TEST(ApprovalLatestWord, a_decision_after_the_withdrawal_approves_again) {
  Certificate certificate({.needed = true, .approved_from = "2022-01-01", .withdrawn_from = "2022-06-01"});
  TimeMs registered = at("2022-09-01"), now = at("2023-08-01");
  EXPECT_EQ(certificate.obstacle(registered, now).rule, Rule::qualification_approval);
  certificate.knows(test::approval_decided(kQualification, local("2021-02-01T09:00") + 1, "2022-01-01"));
  EXPECT_EQ(certificate.obstacle(registered, now).rule, Rule::none);
  EXPECT_EQ(certificate.state().stage, ApprovalStage::approved);
  EXPECT_EQ(certificate.state().withdrawn_from, 0);
}
TEST(ApprovalLatestWord, a_decision_of_before_the_withdrawal_changes_nothing_when_it_comes_after_it) {
  Certificate certificate({.needed = true, .approved_from = "2022-01-01", .withdrawn_from = "2022-06-01"});
  certificate.knows(test::approval_decided(kQualification, local("2021-02-01T09:00") - 1, "2022-05-01"));
  EXPECT_EQ(certificate.obstacle(at("2022-09-01"), at("2023-08-01")).rule, Rule::qualification_approval);
}

// ---- the life cycle ----

v1::Event category(std::initializer_list<std::string> documents, std::uint32_t proposal_level, const std::string& predefined) {
  v1::Event event = test::event_at(local("2020-01-01T09:00"));
  auto* fact = event.mutable_approval_category_defined();
  fact->set_body(v1::IFATE);
  fact->set_category("specialist");
  for (const std::string& document : documents) fact->add_required_documents(document);
  fact->add_proposal_levels(proposal_level);
  fact->add_predefined_areas(predefined);
  return event;
}

struct StageCase {
  const char* name;
  std::uint32_t framework_level;
  const char* predefined;  ///< the area of everything is `plumbing`
  std::optional<v1::ApprovalProposed::ProposalOutcome> proposal;
  std::optional<std::vector<std::string>> documents;  ///< of the submission; `spec` and `mapping` are asked for
  bool second_duty;                                   ///< the submission names a duty that is not mapped
  std::optional<bool> decided;
  ApprovalStage stage;
  const char* words;
};

class ApprovalStages : public testing::TestWithParam<StageCase> {};

TEST_P(ApprovalStages, follow_from_the_facts) {
  const StageCase& one = GetParam();
  Certificate certificate({.needed = true}, one.framework_level);
  std::vector<v1::Event> facts = {category({"spec", "mapping"}, 2, one.predefined)};
  if (one.proposal) facts.push_back(test::proposed(kQualification, local("2021-01-01T09:00"), *one.proposal));
  if (one.documents) {
    v1::Event submitted = test::submitted(kQualification, local("2021-02-01T09:00"), {});
    for (const std::string& document : *one.documents) submitted.mutable_approval_submitted()->add_documents(document);
    if (one.second_duty) submitted.mutable_approval_submitted()->add_duties("D2");
    facts.push_back(submitted);
  }
  if (one.decided) {
    facts.push_back(test::approval_decided(kQualification, local("2021-03-01T09:00"), "2021-09-01"));
    facts.back().mutable_approval_decided()->set_approved(*one.decided);
  }
  // In the order of time, and the other way round.
  Certificate reversed({.needed = true}, one.framework_level);
  for (std::size_t at = 0; at < facts.size(); ++at) {
    certificate.knows(facts[at]);
    reversed.knows(facts[facts.size() - 1 - at]);
  }
  EXPECT_EQ(stage_name(certificate.state().stage), stage_name(one.stage));
  EXPECT_EQ(certificate.state().words(), one.words);
  EXPECT_EQ(reversed.state().words(), one.words);
  bool held = certificate.obstacle(at("2022-09-01"), at("2023-08-01")).rule == Rule::qualification_approval;
  EXPECT_EQ(held, one.stage != ApprovalStage::approved);
}

using Proposal = v1::ApprovalProposed;
using Documents = std::vector<std::string>;

INSTANTIATE_TEST_SUITE_P(
    All, ApprovalStages,
    testing::Values(
        StageCase{"nothing_at_level_3", 3, "welding", {}, {}, false, {}, ApprovalStage::none, "nothing was submitted to IfATE"},
        StageCase{"nothing_at_level_2",
                  2,
                  "welding",
                  {},
                  {},
                  false,
                  {},
                  ApprovalStage::proposal_needed,
                  "nothing was submitted to IfATE, and outside its pre-defined areas a proposal must be accepted first"},
        StageCase{"proposed",
                  2,
                  "welding",
                  Proposal::PROPOSAL_PENDING,
                  {},
                  false,
                  {},
                  ApprovalStage::proposal_pending,
                  "the proposal to IfATE is not decided yet"},
        StageCase{"proposal_refused",
                  2,
                  "welding",
                  Proposal::PROPOSAL_REFUSED,
                  {},
                  false,
                  {},
                  ApprovalStage::proposal_refused,
                  "IfATE refused the proposal"},
        StageCase{"proposal_accepted",
                  2,
                  "welding",
                  Proposal::PROPOSAL_ACCEPTED,
                  {},
                  false,
                  {},
                  ApprovalStage::proposal_accepted,
                  "IfATE accepted the proposal, and the submission has not come"},
        StageCase{"decided_on_a_pending_proposal",
                  2,
                  "welding",
                  Proposal::PROPOSAL_PENDING,
                  {},
                  false,
                  true,
                  ApprovalStage::proposal_pending,
                  "the proposal to IfATE is not decided yet; the approval that was decided does not count until this is mended"},
        StageCase{"submitted_without_proposal",
                  2,
                  "welding",
                  {},
                  Documents{"spec", "mapping"},
                  false,
                  {},
                  ApprovalStage::submission_invalid,
                  "the submission to IfATE is invalid: no proposal for the area plumbing, which is not pre-defined, was accepted"},
        StageCase{"submitted_in_a_predefined_area",
                  2,
                  "plumbing",
                  {},
                  Documents{"spec", "mapping"},
                  false,
                  {},
                  ApprovalStage::submitted,
                  "the submission to IfATE is not decided yet"},
        StageCase{"submitted_at_another_level",
                  3,
                  "welding",
                  {},
                  Documents{"spec", "mapping"},
                  false,
                  {},
                  ApprovalStage::submitted,
                  "the submission to IfATE is not decided yet"},
        StageCase{"submitted_after_acceptance",
                  2,
                  "welding",
                  Proposal::PROPOSAL_ACCEPTED,
                  Documents{"spec", "mapping"},
                  false,
                  {},
                  ApprovalStage::submitted,
                  "the submission to IfATE is not decided yet"},
        StageCase{"one_document_missing",
                  3,
                  "welding",
                  {},
                  Documents{"spec"},
                  false,
                  {},
                  ApprovalStage::submission_invalid,
                  "the submission to IfATE is invalid: document mapping is missing"},
        StageCase{"all_documents_missing",
                  3,
                  "welding",
                  {},
                  Documents{},
                  false,
                  {},
                  ApprovalStage::submission_invalid,
                  "the submission to IfATE is invalid: documents spec and mapping are missing"},
        StageCase{"a_duty_not_mapped",
                  3,
                  "welding",
                  {},
                  Documents{"spec", "mapping"},
                  true,
                  {},
                  ApprovalStage::submission_invalid,
                  "the submission to IfATE is invalid: duty D2 is not mapped to any content"},
        StageCase{
            "approved", 3, "welding", {}, Documents{"spec", "mapping"}, false, true, ApprovalStage::approved, "IfATE approves it from 1 Sep 2021"},
        StageCase{"approved_without_records",
                  3,
                  "welding",
                  {},
                  {},
                  false,
                  true,
                  ApprovalStage::approved,
                  "IfATE approves it from 1 Sep "
                  "2021"},
        StageCase{"refused", 3, "welding", {}, Documents{"spec", "mapping"}, false, false, ApprovalStage::refused, "IfATE refused approval"},
        StageCase{"approved_on_an_invalid_submission",
                  3,
                  "welding",
                  {},
                  Documents{"mapping"},
                  false,
                  true,
                  ApprovalStage::submission_invalid,
                  "the submission to IfATE is invalid: document spec is missing; the approval that was decided does not count until this "
                  "is "
                  "mended"},
        StageCase{"approved_without_the_needed_proposal", 2, "welding", Proposal::PROPOSAL_REFUSED, Documents{"spec", "mapping"}, false, true,
                  ApprovalStage::submission_invalid,
                  "the submission to IfATE is invalid: no proposal for the area plumbing, which is not pre-defined, was accepted; the "
                  "approval "
                  "that was decided does not count until this is mended"}),
    [](const auto& given) { return std::string(given.param.name); });

TEST(ApprovalStage, follows_the_dates_of_approval_and_withdrawal) {
  Certificate certificate({.needed = true, .approved_from = "2022-09-01", .approved_until = "2023-12-31", .withdrawn_from = "2023-03-26"});
  auto stage_on = [&](const char* day) { return std::string(stage_name(certificate.state().stage_on(*parse_date(day)))); };
  EXPECT_EQ(stage_on("2022-08-31"), "approved-later");
  EXPECT_EQ(stage_on("2022-09-01"), "approved");
  EXPECT_EQ(stage_on("2023-03-25"), "approved");
  EXPECT_EQ(stage_on("2023-03-26"), "withdrawn");
  Certificate ended({.needed = true, .approved_from = "2022-09-01", .approved_until = "2023-12-31"});
  EXPECT_EQ(stage_name(ended.state().stage_on(*parse_date("2023-12-31"))), "approved");
  EXPECT_EQ(stage_name(ended.state().stage_on(*parse_date("2024-01-01"))), "ended");
}

TEST(ApprovalCoverage, names_where_each_statement_is_covered) {
  Certificate certificate({.needed = true});
  v1::Event submitted = test::submitted(kQualification, local("2021-02-01T09:00"), {"spec"});
  submitted.mutable_approval_submitted()->add_duties("D2");
  auto* mapping = submitted.mutable_approval_submitted()->add_mappings();
  mapping->set_statement("K3");
  mapping->set_unit("A");
  mapping->set_learning_outcome("LO1");
  certificate.knows(submitted);
  auto covered = certificate.reference.approvals().coverage(*parse_qualification(kQualification), v1::IFATE);
  ASSERT_EQ(covered.size(), 3u);
  EXPECT_EQ(covered[0].statement, "D1");
  EXPECT_EQ(covered[0].places, std::vector<std::string>{"A"});
  EXPECT_EQ(covered[1].statement, "D2");
  EXPECT_TRUE(covered[1].places.empty());
  EXPECT_EQ(covered[2].statement, "K3");
  EXPECT_EQ(covered[2].places, std::vector<std::string>{"A LO1"});
}

}  // namespace
}  // namespace vtq
