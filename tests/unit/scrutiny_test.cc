// The rules of centre assessment scrutiny one by one: met, just not met, beyond; and what is said.
#include "pipeline/rules/scrutiny.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>

#include "tests/support/situation.h"
#include "tests/support/systems.h"

namespace vtq::test {
namespace {

/// A centre with entries for one qualification under a strategy that asks for nothing, until a test says what.
class Scrutinised : public ::testing::Test {
 protected:
  Scrutinised() {
    for (const v1::Event& event : reference_data()) knows(event);
    strategy.set_awarding_organisation("RN5001");
  }

  void knows(const v1::Event& event) {
    std::string bytes = event.SerializeAsString();
    reference.merge(event, check(event).value(), bytes, stamp_of(event));
  }

  void with(const v1::Event& event) {
    std::string bytes = event.SerializeAsString();
    Stamp stamp = stamp_of(event);
    Result<Address> address = check(event);
    ASSERT_TRUE(address.has_value()) << address.error().field << " " << address.error().rule;
    CentreChange change;
    if (address.value().subject == Subject::entry)
      merge(entry(address.value().entry.learner).facts, event, stamp);
    else
      merge(centre, event, address.value(), bytes, stamp, change);
  }

  Entry& entry(const std::string& learner) {
    for (Entry& held : entries)
      if (held.key.learner == learner) return held;
    Entry& made = entries.emplace_back();
    made.key = {*parse_qualification(ref.qualification), *parse_series(ref.series), learner};
    return made;
  }

  Ref of(const std::string& learner) const {
    Ref made = ref;
    made.learner = learner;
    return made;
  }
  void registered_at(const std::string& learner, const std::string& at) { with(registered(of(learner), local(at))); }
  void claimed_at(const std::string& learner, const std::string& at) { with(claimed(of(learner), local(at))); }
  void visited(const std::string& day, const std::string& name, std::uint32_t grade = 2) {
    with(monitored(ref, local(day + "T18:00"), name, grade, day));
  }

  const Qualification& qualification() const { return *reference.qualification(*parse_qualification(ref.qualification)); }
  Scrutiny at(const std::string& now) {
    ScrutinyInput input{strategy, qualification(), centre, {}};
    for (const Entry& one : entries) input.entries.push_back(&one);
    return scrutinise(input, local(now));
  }
  /// What stands in the way of a learner; Rule::none: nothing.
  Obstacle obstacle(const std::string& learner, const std::string& now) {
    Scrutiny scrutiny = at(now);
    Circumstances circumstances = around(scrutiny);
    return scrutiny_obstacle(entry(learner), circumstances);
  }
  Rule held(const std::string& learner, const std::string& now) { return obstacle(learner, now).rule; }
  std::string words(const std::string& learner, const std::string& now) {
    Scrutiny scrutiny = at(now);
    Circumstances circumstances = around(scrutiny);
    Rule rule = scrutiny_obstacle(entry(learner), circumstances).rule;
    return scrutiny_text(entry(learner), circumstances, rule);
  }
  /// What the centre is told.
  std::string told(const std::string& now) {
    std::string text;
    for (const Requirement& one : at(now).requirements) text += requirement_text(one, qualification()) + "\n";
    return text;
  }
  std::vector<Rule> rules(const std::string& now) {
    std::vector<Rule> found;
    for (const Requirement& one : at(now).requirements) found.push_back(one.rule);
    return found;
  }

  Circumstances around(const Scrutiny& scrutiny) const {
    return {.qualification = qualification(),
            .awarding_organisation = *reference.awarding_organisation(qualification().awarding_organisation),
            .calendar = nullptr,
            .plan = nullptr,
            .halted = false,
            .centre = centre,
            .durations = durations,
            .release = release,
            .scrutiny = &scrutiny};
  }

  Ref ref;
  Reference reference;
  CentreFacts centre;
  std::deque<Entry> entries;
  v1::ScrutinyStrategyDefined strategy;
  Durations durations{DurationPolicy{}};
  ReleasePolicy release;
};

using Rules = std::vector<Rule>;

TEST_F(Scrutinised, a_strategy_that_asks_for_nothing_holds_nothing) {
  registered_at("L1", "2022-10-01T09:00");
  claimed_at("L1", "2023-06-10T09:00");
  EXPECT_EQ(held("L1", "2023-06-11T09:00"), Rule::none);
  EXPECT_EQ(told("2023-06-11T09:00"), "");
  EXPECT_EQ(at("2023-06-11T09:00").wake_at_ms, kNever);
}

TEST_F(Scrutinised, claims_wait_for_the_centres_approval) {
  strategy.set_centre_approval(true);
  registered_at("L1", "2022-10-01T09:00");
  claimed_at("L1", "2023-06-10T09:00");
  EXPECT_EQ(told("2023-06-11T09:00"),
            "Claims of this centre for Diploma in Testing are held: the centre is not approved for the qualification. Decide on "
            "the centre's "
            "approval and send CentreApproved.\n");
  Obstacle by = obstacle("L1", "2023-06-11T09:00");
  EXPECT_EQ(by.rule, Rule::centre_approval);
  EXPECT_EQ(by.step, v1::APPROVE_CENTRE);
  EXPECT_EQ(by.owner, v1::AWARDING_ORGANISATION);
  EXPECT_EQ(by.reason, v1::L6);

  Ref whole = ref;
  whole.qualification.clear();
  with(centre_approved(whole, local("2023-06-12T09:00")));
  EXPECT_EQ(held("L1", "2023-06-13T09:00"), Rule::none) << "approved as a whole";
  with(centre_approved(ref, local("2023-06-14T09:00"), v1::CentreApproved::SUSPENDED));
  EXPECT_EQ(held("L1", "2023-06-15T09:00"), Rule::centre_approval) << "its own word goes before";
  EXPECT_EQ(words("L1", "2023-06-15T09:00"), "the centre's approval is suspended since 14 Jun 2023");
  with(centre_approved(ref, local("2023-06-16T09:00")));
  EXPECT_EQ(held("L1", "2023-06-17T09:00"), Rule::none);
  with(centre_approved(ref, local("2023-06-18T09:00"), v1::CentreApproved::WITHDRAWN));
  EXPECT_EQ(words("L1", "2023-06-19T09:00"), "the centre's approval is withdrawn since 18 Jun 2023");
}

TEST_F(Scrutinised, who_assessed_one_outcome_is_not_forgotten_for_who_assessed_another) {
  strategy.set_staff_approval(true);
  registered_at("L1", "2022-10-01T09:00");
  with(staff_approved(ref, local("2022-09-01T09:00"), "A-1"));
  with(assessed_by(outcome(of("L1"), local("2023-03-01T12:00"), "A", "LO1"), "A-9", v1::OBSERVATION));
  with(assessed_by(outcome(of("L1"), local("2023-03-02T12:00"), "A", "LO2"), "A-1", v1::PORTFOLIO));
  EXPECT_EQ(held("L1", "2023-06-01T09:00"), Rule::staff_approval);
  // Another's assessment of the unit as a whole takes the place of its outcomes'.
  with(assessed_by(outcome(of("L1"), local("2023-03-03T12:00"), "A"), "A-1", v1::PORTFOLIO));
  EXPECT_EQ(held("L1", "2023-06-01T09:00"), Rule::none);
}

TEST_F(Scrutinised, a_centre_suspended_as_a_whole_is_so_for_each_qualification) {
  using Status = v1::CentreApproved::Status;
  constexpr Status kNone = v1::CentreApproved::STATUS_UNSPECIFIED, kApproved = v1::CentreApproved::APPROVED,
                   kSuspended = v1::CentreApproved::SUSPENDED, kWithdrawn = v1::CentreApproved::WITHDRAWN;
  strategy.set_centre_approval(true);
  registered_at("L1", "2022-10-01T09:00");
  claimed_at("L1", "2023-06-10T09:00");
  Ref whole = ref;
  whole.qualification.clear();
  struct Case {
    const char* name;
    Status own;  ///< said on 12 June
    Status all;
    const char* all_on;
    const char* words;  ///< empty: approved
  };
  for (const Case& one : {
           Case{"nothing", kNone, kNone, "", "the centre is not approved for the qualification"},
           Case{"the whole", kNone, kApproved, "2023-06-14", ""},
           Case{"its own", kApproved, kNone, "", ""},
           Case{"both", kApproved, kApproved, "2023-06-14", ""},
           Case{"the whole suspended since", kApproved, kSuspended, "2023-06-14", "the centre's approval is suspended since 14 Jun 2023"},
           Case{"the whole withdrawn since", kApproved, kWithdrawn, "2023-06-14", "the centre's approval is withdrawn since 14 Jun 2023"},
           Case{"approved after the withdrawal of the whole", kApproved, kWithdrawn, "2023-06-11", ""},
           Case{"its own suspended after the whole", kSuspended, kWithdrawn, "2023-06-11", "the centre's approval is suspended since 12 Jun 2023"},
           Case{"its own suspended, the whole approved since", kSuspended, kApproved, "2023-06-14",
                "the centre's approval is suspended since 12 Jun 2023"},
       })
    for (bool whole_first : {false, true}) {
      SCOPED_TRACE(one.name);
      centre = {};
      auto say = [&](bool all) {
        if (all && one.all != kNone) with(centre_approved(whole, local(std::string(one.all_on) + "T09:00"), one.all));
        if (!all && one.own != kNone) with(centre_approved(ref, local("2023-06-12T09:00"), one.own));
      };
      say(whole_first);
      say(!whole_first);
      EXPECT_EQ(words("L1", "2023-06-20T09:00"), one.words);
    }
}

TEST_F(Scrutinised, an_assessment_is_judged_by_the_last_word_before_it) {
  strategy.set_staff_approval(true);
  registered_at("L1", "2022-10-01T09:00");
  Ref all = ref;
  all.qualification.clear();
  struct Case {
    const char* name;
    std::vector<v1::Event> said;
    bool stands;
  };
  auto word = [&](const char* day, bool approved) { return staff_approved(ref, local(std::string(day) + "T09:00"), "A-17", approved); };
  auto wide = [&](const char* day, bool approved) { return staff_approved(all, local(std::string(day) + "T09:00"), "A-17", approved); };
  with(assessed_by(outcome(of("L1"), local("2023-03-01T12:00"), "A"), "A-17", v1::OBSERVATION));
  for (const Case& one :
       {Case{"approved and renewed", {word("2022-03-01", true), word("2023-05-01", true)}, true},
        Case{"approved only later", {word("2023-05-01", true)}, false}, Case{"refused at first", {word("2023-05-01", false)}, false},
        Case{"refused, then approved", {word("2023-04-01", false), word("2023-05-01", true)}, false},
        Case{"withdrawn later", {word("2022-03-01", true), word("2023-05-01", false)}, true},
        Case{"withdrawn before", {word("2022-03-01", true), word("2023-02-01", false)}, false},
        Case{"withdrawn, approved again before", {word("2022-03-01", true), word("2022-05-01", false), word("2023-02-01", true)}, true},
        Case{"approved again only later", {word("2022-03-01", true), word("2023-02-01", false), word("2023-05-01", true)}, false},
        Case{"in general", {wide("2022-03-01", true), word("2023-05-01", false)}, true},
        Case{"in general, not for this", {word("2022-02-01", false), wide("2022-03-01", true)}, false},
        Case{"for this, not in general", {word("2022-02-01", true), wide("2022-03-01", false)}, true}}) {
    std::vector<v1::Event> said = one.said;
    for (int turn = 0; turn < 2; ++turn) {
      centre = {};
      for (const v1::Event& event : said) with(event);
      EXPECT_EQ(held("L1", "2023-06-01T09:00") == Rule::none, one.stands) << one.name;
      std::reverse(said.begin(), said.end());
    }
  }
}

TEST_F(Scrutinised, who_assesses_is_approved_before) {
  strategy.set_staff_approval(true);
  registered_at("L1", "2022-10-01T09:00");
  registered_at("L2", "2022-10-01T09:00");
  with(assessed_by(outcome(of("L1"), local("2023-03-01T12:00"), "A"), "A-17", v1::OBSERVATION));
  with(outcome(of("L2"), local("2023-03-01T12:00"), "A"));
  EXPECT_EQ(held("L1", "2023-06-01T09:00"), Rule::staff_approval);
  EXPECT_EQ(held("L2", "2023-06-01T09:00"), Rule::none) << "nobody was named";
  EXPECT_EQ(told("2023-06-01T09:00"),
            "Some claims of this centre for Diploma in Testing are held: assessor A-17 was not approved for the qualification when they "
            "assessed. Apply for the approval of A-17 and have the work assessed again by an approved assessor.\n");
  EXPECT_EQ(obstacle("L1", "2023-06-01T09:00").owner, v1::CENTRE);
  EXPECT_EQ(obstacle("L1", "2023-06-01T09:00").reason, v1::L5);

  struct Case {
    const char* approved_at;
    bool approved;
    bool stands;
  };
  int serial = 0;
  for (auto [approved_at, approved, stands] : {Case{"2023-03-01T11:59", true, true}, Case{"2023-03-01T12:00", true, true},
                                               Case{"2023-03-01T12:01", true, true}, Case{"2023-03-01T12:02", false, true}}) {
    SCOPED_TRACE(serial++);
    with(staff_approved(ref, local(approved_at), "A-17", approved));
    EXPECT_EQ(held("L1", "2023-06-01T09:00") == Rule::none, stands) << approved_at;
  }
  with(assessed_by(outcome(of("L1"), local("2023-03-02T12:00"), "A"), "A-17", v1::OBSERVATION));
  EXPECT_EQ(held("L1", "2023-06-01T09:00"), Rule::staff_approval) << "assessed again after the approval was withdrawn";
  with(assessed_by(outcome(of("L1"), local("2023-03-03T12:00"), "A"), "A-18", v1::OBSERVATION));
  v1::Event verifier = staff_approved(ref, local("2023-01-01T12:00"), "A-18");
  verifier.mutable_staff_approved()->set_role(v1::StaffApproved::INTERNAL_QUALITY_ASSURER);
  with(verifier);
  EXPECT_EQ(held("L1", "2023-06-01T09:00"), Rule::staff_approval) << "approved in another role";
  with(staff_approved(ref, local("2023-01-01T12:00"), "A-18"));
  EXPECT_EQ(held("L1", "2023-06-01T09:00"), Rule::none);
}

TEST_F(Scrutinised, the_first_cohorts_claims_wait_for_the_first_monitoring) {
  strategy.mutable_monitoring()->set_before_first_claims(true);
  registered_at("L1", "2022-10-01T09:00");
  claimed_at("L1", "2023-06-10T09:00");
  EXPECT_EQ(told("2023-06-11T09:00"),
            "Claims of this centre for Diploma in Testing are held: the first monitoring has not taken place. Carry out the monitoring and "
            "record it (MonitoringRecorded).\n");
  EXPECT_EQ(obstacle("L1", "2023-06-11T09:00").step, v1::CARRY_OUT_MONITORING);
  visited("2023-06-12", "V-1");
  EXPECT_EQ(held("L1", "2023-06-11T09:00"), Rule::first_monitoring) << "a visit to come";
  EXPECT_EQ(at("2023-06-11T09:00").wake_at_ms, local("2023-06-12T00:00"));
  EXPECT_EQ(held("L1", "2023-06-12T09:00"), Rule::none);
  EXPECT_EQ(told("2023-06-12T09:00"), "");
}

TEST_F(Scrutinised, a_visit_by_an_assurer_in_conflict_does_not_count) {
  strategy.mutable_monitoring()->set_before_first_claims(true);
  registered_at("L1", "2022-10-01T09:00");
  visited("2023-06-12", "V-1");
  with(conflict(ref, local("2023-06-12T08:00"), "EQA-1"));
  EXPECT_EQ(told("2023-06-13T09:00"),
            "Claims of this centre for Diploma in Testing are held: the first monitoring has not taken place; the visit V-1 on 12 Jun 2023 "
            "does not count, as assurer EQA-1 had declared a conflict of interest. Assign another external quality assurer and "
            "carry out the "
            "monitoring.\n");
  EXPECT_EQ(obstacle("L1", "2023-06-13T09:00").step, v1::ASSIGN_ASSURER);
  with(conflict(ref, local("2023-06-13T08:00"), "EQA-1"));
  EXPECT_EQ(held("L1", "2023-06-13T09:00"), Rule::none) << "declared on the day after the visit";
  with(conflict(ref, local("2023-06-14T08:00"), "EQA-2"));
  EXPECT_EQ(held("L1", "2023-06-15T09:00"), Rule::none) << "somebody else";
}

TEST_F(Scrutinised, the_second_monitoring_is_due_six_months_after_the_first_then_yearly) {
  strategy.mutable_monitoring()->set_before_first_claims(true);
  strategy.mutable_monitoring()->set_second_within_months(6);
  strategy.mutable_monitoring()->set_then_every_months(12);
  registered_at("L1", "2022-08-01T09:00");
  claimed_at("L1", "2022-09-01T09:00");
  visited("2022-08-31", "V-1");
  Scrutiny after_first = at("2022-09-01T09:00");
  EXPECT_EQ(after_first.next_monitoring, Rule::second_monitoring);
  EXPECT_EQ(after_first.next_monitoring_due, *parse_date("2023-02-28")) << "the last day of a shorter month";
  EXPECT_EQ(after_first.wake_at_ms, local("2023-01-31T00:00")) << "four weeks' notice";
  EXPECT_EQ(told("2023-01-30T23:59"), "");
  EXPECT_EQ(told("2023-01-31T00:00"),
            "Diploma in Testing: the second monitoring is due by 28 Feb 2023. Carry out the monitoring and record it "
            "(MonitoringRecorded).\n");
  registered_at("L2", "2022-09-01T09:00");
  EXPECT_EQ(held("L2", "2023-02-28T23:59"), Rule::none) << "the last day";
  EXPECT_EQ(held("L2", "2023-03-01T00:00"), Rule::second_monitoring) << "not claimed yet: it would be held";
  EXPECT_EQ(held("L1", "2023-03-01T00:00"), Rule::none) << "claimed in time";
  claimed_at("L2", "2023-02-28T23:59");
  EXPECT_EQ(held("L2", "2023-03-02T00:00"), Rule::none);
  claimed_at("L2", "2023-03-01T00:00");
  EXPECT_EQ(held("L2", "2023-03-02T00:00"), Rule::none) << "sent again, it is no later claim";
  registered_at("L4", "2022-09-01T09:00");
  claimed_at("L4", "2023-03-01T00:00");
  EXPECT_EQ(held("L4", "2023-03-02T00:00"), Rule::second_monitoring);
  EXPECT_EQ(told("2023-03-01T00:00"),
            "Claims of this centre for Diploma in Testing made from 1 Mar 2023 on are held: the second monitoring was due by 28 "
            "Feb 2023 and "
            "has not taken place. Carry out the monitoring and record it (MonitoringRecorded).\n");
  visited("2023-03-05", "V-2");
  EXPECT_EQ(held("L4", "2023-03-05T09:00"), Rule::none);
  EXPECT_EQ(at("2023-03-05T09:00").next_monitoring, Rule::yearly_monitoring);
  EXPECT_EQ(at("2023-03-05T09:00").next_monitoring_due, *parse_date("2024-03-05"));
  EXPECT_EQ(rules("2024-03-05T23:00"), Rules{Rule::yearly_monitoring}) << "told ahead";
  EXPECT_EQ(held("L2", "2024-03-06T09:00"), Rule::none) << "claimed long ago";
  registered_at("L3", "2023-10-01T09:00");
  EXPECT_EQ(held("L3", "2024-03-06T09:00"), Rule::yearly_monitoring);
}

TEST_F(Scrutinised, a_critical_finding_holds_claims_until_a_later_visit_is_without_it) {
  registered_at("L1", "2022-10-01T09:00");
  claimed_at("L1", "2023-01-01T09:00");
  with(with_finding(monitored(ref, local("2023-02-01T18:00"), "V-1"), "F1", v1::Finding::CRITICAL));
  EXPECT_EQ(told("2023-02-02T09:00"),
            "Claims of this centre for Diploma in Testing are held: the visit V-1 on 1 Feb 2023 made the critical finding F1: "
            "Records of F1. "
            "Mend it; claims go on once a later visit finds it mended.\n");
  EXPECT_EQ(held("L1", "2023-02-02T09:00"), Rule::critical_finding);
  with(with_finding(monitored(ref, local("2023-03-01T18:00"), "V-2"), "F1", v1::Finding::RECOMMENDATION));
  EXPECT_EQ(held("L1", "2023-03-02T09:00"), Rule::critical_finding) << "found again, if less grave";
  with(with_finding(monitored(ref, local("2023-04-01T18:00"), "V-3"), "F2", v1::Finding::REQUIRED));
  EXPECT_EQ(held("L1", "2023-04-02T09:00"), Rule::none);
  EXPECT_EQ(told("2023-04-02T09:00"),
            "Diploma in Testing: the visit V-3 on 1 Apr 2023 made the required finding F2: Records of F2. Mend it, and agree by when "
            "(ActionPlan).\n");
}

TEST_F(Scrutinised, an_action_not_done_in_time_holds_later_claims) {
  registered_at("L1", "2022-10-01T09:00");
  with(action_plan(ref, local("2023-02-01T09:00"), "F2", "2023-03-31"));
  EXPECT_EQ(told("2023-03-31T23:59"),
            "Diploma in Testing: action F2 is due by 31 Mar 2023. Complete it, and have it recorded as done (ActionPlan).\n");
  EXPECT_EQ(held("L1", "2023-03-31T23:59"), Rule::none);
  EXPECT_EQ(at("2023-03-31T23:59").wake_at_ms, local("2023-04-01T00:00"));
  EXPECT_EQ(told("2023-04-01T00:00"),
            "Claims of this centre for Diploma in Testing made from 1 Apr 2023 on are held: action F2 was due by 31 Mar 2023 and "
            "is not done. "
            "Complete it, and have it recorded as done (ActionPlan).\n");
  Obstacle by = obstacle("L1", "2023-04-01T00:00");
  EXPECT_EQ(by.rule, Rule::action_overdue);
  EXPECT_EQ(by.owner, v1::CENTRE);
  EXPECT_EQ(by.reason, v1::L5);
  with(action_plan(ref, local("2023-04-02T09:00"), "F2", "2023-03-31", true));
  EXPECT_EQ(held("L1", "2023-04-02T10:00"), Rule::none);
}

TEST_F(Scrutinised, sanctions_hold_what_they_are_about_until_lifted) {
  registered_at("L1", "2022-10-01T09:00");
  registered_at("L2", "2023-02-01T09:00");
  claimed_at("L1", "2023-01-10T09:00");
  struct Case {
    v1::SanctionDecided::Kind kind;
    Rule first, second;
  };
  for (auto [kind, first, second] :
       {Case{v1::SanctionDecided::ACTION_REQUIRED, Rule::none, Rule::none}, Case{v1::SanctionDecided::DIRECT_CLAIMS_REMOVED, Rule::none, Rule::none},
        Case{v1::SanctionDecided::CERTIFICATION_SUSPENDED, Rule::certification_suspended, Rule::certification_suspended},
        Case{v1::SanctionDecided::REGISTRATION_SUSPENDED, Rule::none, Rule::registration_suspended}}) {
    static TimeMs later = local("2023-02-01T08:00");
    with(sanction(ref, later, "S-1", kind));
    EXPECT_EQ(held("L1", "2023-03-01T09:00"), first) << kind;
    EXPECT_EQ(held("L2", "2023-03-01T09:00"), second) << kind;
    EXPECT_EQ(rules("2023-03-01T09:00").size(), 1u) << "told in any case";
    later += 1000;
  }
  EXPECT_EQ(told("2023-03-01T09:00"),
            "Claims of this centre for Diploma in Testing for learners registered from 1 Feb 2023 on are held: registration is "
            "suspended since "
            "1 Feb 2023 (sanction S-1). Do what sanction S-1 asks for; it is lifted by SanctionDecided.\n");
  with(sanction(ref, local("2023-03-01T09:00"), "S-1", v1::SanctionDecided::REGISTRATION_SUSPENDED));
  EXPECT_EQ(held("L2", "2023-03-01T10:00"), Rule::registration_suspended) << "told again it lets go of nobody";
  v1::Event wider = sanction(ref, local("2023-03-01T11:00"), "S-1", v1::SanctionDecided::REGISTRATION_SUSPENDED);
  wider.mutable_sanction_decided()->clear_qualification();
  with(wider);
  EXPECT_EQ(held("L2", "2023-03-01T12:00"), Rule::registration_suspended) << "nor told of more qualifications";
  with(sanction(ref, local("2023-03-02T09:00"), "S-1", v1::SanctionDecided::REGISTRATION_SUSPENDED, false));
  EXPECT_EQ(held("L2", "2023-03-03T09:00"), Rule::none);
  EXPECT_EQ(told("2023-03-03T09:00"), "");
}

TEST_F(Scrutinised, without_direct_claims_status_a_claim_waits_until_it_is_sampled) {
  strategy.set_sampling_before_claims(true);
  registered_at("L1", "2022-10-01T09:00");
  registered_at("L2", "2022-10-01T09:00");
  EXPECT_EQ(held("L1", "2023-06-01T09:00"), Rule::none) << "nothing is claimed yet";
  claimed_at("L1", "2023-06-10T09:00");
  claimed_at("L2", "2023-06-12T09:00");
  EXPECT_EQ(words("L1", "2023-06-13T09:00"), "not yet fully sampled, as the centre has no direct claims status");
  EXPECT_EQ(told("2023-06-13T09:00"),
            "Some claims of this centre for Diploma in Testing are held: not yet fully sampled, as the centre has no direct claims status. "
            "Sample them (SampleDecided) or monitor the centre.\n");
  visited("2023-06-11", "V-1");
  EXPECT_EQ(held("L1", "2023-06-13T09:00"), Rule::none) << "visited after the claim";
  EXPECT_EQ(held("L2", "2023-06-13T09:00"), Rule::sampling) << "visited before the claim";
  v1::Event one = sample(of("L2"), local("2023-06-14T09:00"), v1::SampleDecided::SATISFIED);
  one.mutable_sample_decided()->set_learner("L9");
  with(one);
  EXPECT_EQ(held("L2", "2023-06-15T09:00"), Rule::sampling) << "another learner";
  one.mutable_sample_decided()->set_learner("L2");
  with(one);
  EXPECT_EQ(held("L2", "2023-06-15T09:00"), Rule::none);
  EXPECT_EQ(told("2023-06-15T09:00"), "");
}

TEST_F(Scrutinised, what_the_rules_award_without_a_claim_waits_for_sampling_once_it_is_complete) {
  strategy.set_sampling_before_claims(true);
  v1::Event defined = reference_data()[5];
  defined.set_id("automatic");
  defined.mutable_occurred_at()->set_seconds(local("2022-08-02T09:00") / 1000);
  auto* fact = defined.mutable_qualification_defined();
  fact->set_certification(v1::CERTIFICATION_AUTOMATIC);
  fact->set_determination(v1::DETERMINATION_COMPUTED);
  fact->mutable_grading()->set_pass_grade("Pass");
  std::string bytes = defined.SerializeAsString();
  ASSERT_EQ(reference.merge(defined, check(defined).value(), bytes, stamp_of(defined)), Merged::applied);
  ASSERT_EQ(text_of(qualification().id), ref.qualification);
  registered_at("L1", "2022-10-01T09:00");
  with(achieved(of("L1"), local("2023-06-01T09:00"), {"A", "B"}));
  EXPECT_EQ(held("L1", "2023-06-13T09:00"), Rule::none) << "not complete yet";
  with(achieved(of("L1"), local("2023-06-02T09:00"), {"C"}));
  EXPECT_EQ(held("L1", "2023-06-13T09:00"), Rule::sampling);
  visited("2023-06-03", "V-1");
  EXPECT_EQ(held("L1", "2023-06-13T09:00"), Rule::none) << "visited after it was complete";
}

TEST_F(Scrutinised, direct_claims_status_is_won_and_lost_by_reviews) {
  auto* rule = strategy.mutable_direct_claims();
  rule->set_single_grade_max(1);
  rule->set_single_learners_min(3);
  rule->set_reviews(2);
  rule->set_reviews_grade_max(3);
  rule->set_within_months(18);
  registered_at("L1", "2022-10-01T09:00");
  struct Review {
    const char* on;
    std::uint32_t grade, learners;
  };
  struct Case {
    std::vector<Review> reviews;
    bool won;
    const char* why;
  };
  std::vector<Case> cases = {
      {{}, false, "not won yet by reviews"},
      {{{"2023-01-10", 1, 3}}, true, "won by the review V-0 on 10 Jan 2023, graded 1"},
      {{{"2023-01-10", 1, 2}}, false, "not won yet by reviews"},
      {{{"2023-01-10", 2, 9}}, false, "not won yet by reviews"},
      {{{"2023-01-10", 0, 9}, {"2023-02-10", 0, 9}}, false, "not won yet by reviews"},
      {{{"2023-01-10", 3, 1}, {"2024-07-10", 2, 1}}, true, "won by the review V-1 on 10 Jul 2024, graded 2"},
      {{{"2023-01-10", 3, 1}, {"2024-07-11", 2, 1}}, false, "not won yet by reviews"},
      {{{"2023-01-10", 1, 3}, {"2023-06-10", 4, 3}}, false, "lost by the review V-1 on 10 Jun 2023, graded 4"},
      {{{"2023-01-10", 3, 3}, {"2023-06-10", 4, 3}, {"2023-07-10", 3, 3}}, false, "lost by the review V-1 on 10 Jun 2023, graded 4"},
      {{{"2023-06-10", 4, 3}, {"2023-07-10", 1, 3}}, true, "won by the review V-1 on 10 Jul 2023, graded 1"},
  };
  for (const Case& one : cases) {
    centre = {};
    for (std::size_t at = 0; at < one.reviews.size(); ++at) {
      const Review& review = one.reviews[at];
      v1::Event event = monitored(ref, local(std::string(review.on) + "T18:00"), "V-" + std::to_string(at), review.grade, review.on);
      event.mutable_monitoring_recorded()->set_learners_sampled(review.learners);
      with(event);
    }
    EXPECT_EQ(at("2024-12-01T09:00").direct_claims, one.won) << one.why;
    EXPECT_EQ(at("2024-12-01T09:00").direct_claims_why, one.why);
  }
}

TEST_F(Scrutinised, of_rule_and_decision_the_later_word_on_direct_claims_holds) {
  strategy.mutable_direct_claims()->set_single_grade_max(1);
  registered_at("L1", "2022-10-01T09:00");
  visited("2023-01-10", "V-1", 1);
  with(direct_claims(ref, local("2023-02-01T09:00"), false));
  EXPECT_FALSE(at("2023-02-02T09:00").direct_claims);
  EXPECT_EQ(at("2023-02-02T09:00").direct_claims_why, "taken by decision on 1 Feb 2023");
  visited("2023-03-10", "V-2", 1);
  EXPECT_TRUE(at("2023-03-11T09:00").direct_claims) << "won again";
  visited("2023-04-10", "V-3", 2);
  EXPECT_EQ(at("2023-04-11T09:00").direct_claims_why, "lost by the review V-3 on 10 Apr 2023, graded 2");
  with(direct_claims(ref, local("2023-05-01T09:00"), true));
  EXPECT_EQ(at("2023-05-02T09:00").direct_claims_why, "given by decision on 1 May 2023");
  EXPECT_TRUE(at("2023-05-02T09:00").direct_claims);
}

TEST_F(Scrutinised, direct_claims_status_rests_while_a_case_a_sanction_or_an_overdue_action_lasts) {
  strategy.mutable_direct_claims()->set_single_grade_max(1);
  registered_at("L1", "2022-10-01T09:00");
  visited("2023-01-10", "V-1", 1);
  with(hold_placed("H-1", ref, local("2023-02-01T09:00")));
  EXPECT_EQ(at("2023-02-02T09:00").direct_claims_why, "lost while a malpractice or maladministration case is open");
  with(hold_lifted("H-1", ref, local("2023-02-03T09:00")));
  EXPECT_TRUE(at("2023-02-04T09:00").direct_claims);
  with(sanction(ref, local("2023-02-05T09:00"), "S-1", v1::SanctionDecided::DIRECT_CLAIMS_REMOVED));
  EXPECT_EQ(at("2023-02-06T09:00").direct_claims_why, "lost while sanction S-1 is in force");
  with(direct_claims(ref, local("2023-02-07T09:00"), true));
  EXPECT_TRUE(at("2023-02-08T09:00").direct_claims) << "a later decision against it";
  with(action_plan(ref, local("2023-02-08T09:00"), "F1", "2023-02-20"));
  EXPECT_TRUE(at("2023-02-20T09:00").direct_claims);
  EXPECT_EQ(at("2023-02-21T09:00").direct_claims_why, "lost while an action is overdue");
}

TEST_F(Scrutinised, a_rise_in_registrations_since_the_last_visit_asks_for_another) {
  strategy.mutable_triggers()->set_registration_rise_percent(50);
  strategy.mutable_triggers()->set_registration_rise_min(6);
  for (int at = 0; at < 4; ++at) registered_at("B" + std::to_string(at), "2023-02-0" + std::to_string(at + 1) + "T09:00");
  visited("2023-02-28", "V-1");
  for (int at = 0; at < 5; ++at) registered_at("A" + std::to_string(at), "2023-03-2" + std::to_string(at) + "T09:00");
  EXPECT_EQ(rules("2023-04-01T09:00"), Rules{}) << "5 are too few";
  registered_at("A5", "2023-03-31T23:00");
  EXPECT_EQ(rules("2023-03-31T23:30"), Rules{}) << "the day is not over";
  EXPECT_EQ(at("2023-03-31T23:30").wake_at_ms, local("2023-04-01T00:00"));
  EXPECT_EQ(told("2023-04-01T00:00"),
            "Claims of this centre for Diploma in Testing made from 31 Mar 2023 on are held: registrations rose to 6 since the visit on "
            "28 Feb 2023, from 4 in as long a time before. Carry out the monitoring and record it (MonitoringRecorded).\n");
  claimed_at("B0", "2023-03-30T23:00");
  claimed_at("B1", "2023-03-31T08:00");
  EXPECT_EQ(held("B0", "2023-04-01T09:00"), Rule::none) << "claimed before the rise";
  EXPECT_EQ(held("B1", "2023-04-01T09:00"), Rule::registration_rise);
  registered_at("B4", "2023-02-05T09:00");
  EXPECT_EQ(rules("2023-04-01T09:00"), Rules{}) << "6 are less than half as many again as 5";
  entries.pop_back();
  visited("2023-03-31", "V-2");
  EXPECT_EQ(rules("2023-04-02T09:00"), Rules{}) << "a visit starts a new time";
}

TEST_F(Scrutinised, the_same_intake_as_a_year_before_is_no_rise) {
  strategy.mutable_triggers()->set_registration_rise_percent(50);
  strategy.mutable_triggers()->set_registration_rise_min(6);
  for (int year = 2021; year < 2023; ++year)
    for (int at = 0; at < 9; ++at)
      registered_at("Y" + std::to_string(year) + std::to_string(at), std::to_string(year) + "-09-1" + std::to_string(at) + "T09:00");
  visited("2022-07-01", "V-1");
  EXPECT_EQ(rules("2022-10-01T09:00"), Rules{});
  for (int at = 0; at < 9; ++at) registered_at("M" + std::to_string(at), "2022-09-2" + std::to_string(at) + "T09:00");
  EXPECT_EQ(rules("2022-10-01T09:00"), Rules{Rule::registration_rise});
}

TEST_F(Scrutinised, a_spike_asks_for_a_visit_after_it) {
  strategy.mutable_triggers()->set_claim_spike_tenths(40);
  strategy.mutable_triggers()->set_claim_spike_min(8);
  for (int at = 0; at < 30; ++at) registered_at("L" + std::to_string(at), "2022-10-01T09:00");
  claimed_at("L0", "2023-01-09T09:00");
  for (int at = 1; at < 30; ++at) claimed_at("L" + std::to_string(at), "2023-05-17T09:00");
  EXPECT_EQ(rules("2023-05-17T23:59"), Rules{}) << "the day is not over";
  EXPECT_EQ(at("2023-05-17T10:00").wake_at_ms, local("2023-05-18T00:00"));
  EXPECT_EQ(told("2023-05-18T00:00"),
            "Claims of this centre for Diploma in Testing made from 17 May 2023 on are held: there were 29 claims in the week "
            "from 15 May 2023, "
            "far more than usual. Carry out the monitoring and record it (MonitoringRecorded).\n");
  EXPECT_EQ(held("L0", "2023-05-18T00:00"), Rule::none);
  EXPECT_EQ(held("L1", "2023-05-18T00:00"), Rule::claim_spike);
  visited("2023-05-17", "V-1");
  EXPECT_EQ(held("L1", "2023-05-19T00:00"), Rule::claim_spike) << "the visit was not after it";
  visited("2023-05-18", "V-2");
  EXPECT_EQ(held("L1", "2023-05-19T00:00"), Rule::none);
}

TEST_F(Scrutinised, a_change_of_content_or_standard_asks_for_monitoring_of_those_who_offered_it_before) {
  strategy.mutable_triggers()->set_content_change(true);
  strategy.mutable_triggers()->set_professional_standard_change(true);
  v1::Event changed = reference_data()[5];
  changed.mutable_occurred_at()->set_seconds(local("2023-01-01T09:00") / 1000);
  changed.mutable_qualification_defined()->set_content_changed_on("2023-02-01");
  changed.mutable_qualification_defined()->set_professional_standard_changed_on("2023-03-01");
  knows(changed);
  registered_at("L1", "2023-02-02T09:00");
  EXPECT_EQ(rules("2023-02-10T09:00"), Rules{}) << "began after the change of content";
  EXPECT_EQ(at("2023-02-10T09:00").wake_at_ms, local("2023-03-01T00:00"));
  EXPECT_EQ(rules("2023-03-01T00:00"), Rules{Rule::professional_standard_change});
  registered_at("L2", "2023-01-31T09:00");
  EXPECT_EQ(rules("2023-03-01T00:00"), (Rules{Rule::content_change, Rule::professional_standard_change}));
  EXPECT_EQ(words("L1", "2023-03-01T00:00"), "the qualification's content changed considerably on 1 Feb 2023");
  visited("2023-02-15", "V-1");
  EXPECT_EQ(rules("2023-03-01T00:00"), Rules{Rule::professional_standard_change});
  EXPECT_EQ(words("L1", "2023-03-01T00:00"), "the professional standard changed on 1 Mar 2023");
  visited("2023-03-02", "V-2");
  EXPECT_EQ(rules("2023-03-03T00:00"), Rules{});
}

TEST_F(Scrutinised, suspected_malpractice_asks_for_a_visit_while_the_case_is_open) {
  strategy.mutable_triggers()->set_malpractice(true);
  registered_at("L1", "2022-10-01T09:00");
  registered_at("L2", "2022-10-01T09:00");
  registered_at("L3", "2022-10-01T09:00");
  claimed_at("L1", "2023-01-31T09:00");
  with(hold_placed("H-1", of("L9"), local("2023-02-01T09:00")));
  EXPECT_EQ(held("L1", "2023-02-02T09:00"), Rule::none) << "claimed before";
  EXPECT_EQ(words("L2", "2023-02-02T09:00"), "a malpractice or maladministration case is open since 1 Feb 2023");
  visited("2023-02-05", "V-1");
  EXPECT_EQ(rules("2023-02-06T09:00"), Rules{});
  with(hold_placed("H-1", of("L9"), local("2023-02-07T09:00")));
  EXPECT_EQ(held("L2", "2023-02-08T09:00"), Rule::malpractice_suspected);
  claimed_at("L3", "2023-02-07T12:00");
  with(hold_placed("H-1", of("L9"), local("2023-02-08T09:00")));
  EXPECT_EQ(held("L3", "2023-02-08T10:00"), Rule::malpractice_suspected) << "told again it lets go of no claim made before";
  with(hold_lifted("H-1", ref, local("2023-02-09T09:00")));
  EXPECT_EQ(held("L2", "2023-02-10T09:00"), Rule::none);
}

TEST_F(Scrutinised, a_planned_visit_has_a_sample_of_those_who_were_there_when_it_was_arranged) {
  strategy.mutable_sample()->set_learners_min(2);
  strategy.mutable_sample()->set_percent(20);
  for (int at = 0; at < 5; ++at) registered_at("L" + std::to_string(at), "2022-10-01T09:00");
  with(assessed_by(outcome(of("L3"), local("2023-01-10T09:00"), "A"), "A-17", v1::OBSERVATION));
  with(withdrawn(of("L4"), local("2023-01-11T09:00")));
  with(monitoring_planned(ref, local("2023-02-01T09:00"), "V-1", "2023-03-01", 7));
  registered_at("L5", "2023-02-01T09:01");
  Scrutiny scrutiny = at("2023-02-02T09:00");
  ASSERT_EQ(scrutiny.planned.size(), 1u);
  ASSERT_EQ(scrutiny.planned[0].sample.size(), 2u);
  for (const Sampled& one : scrutiny.planned[0].sample) {
    EXPECT_NE(one.learner, "L4");
    EXPECT_NE(one.learner, "L5");
  }
  EXPECT_EQ(scrutiny.planned[0].sample[1].learner, "L3");
  EXPECT_EQ(scrutiny.planned[0].sample[1].reason, "first of assessor A-17; observation; unit A");
  EXPECT_EQ(planned_text(scrutiny.planned[0], qualification()),
            "The monitoring V-1 of Diploma in Testing is planned for 1 Mar 2023. Have the work and assessment records of the 2 "
            "learners of the "
            "sample ready for the assurer.");
  with(conflict(ref, local("2023-02-03T09:00"), "EQA-1"));
  EXPECT_TRUE(at("2023-02-04T09:00").planned[0].sample.empty());
  EXPECT_EQ(told("2023-02-04T09:00"),
            "Diploma in Testing: assurer EQA-1, who is to make the visit V-1, has declared a conflict of interest. Assign another external "
            "quality assurer (MonitoringPlanned).\n");
  visited("2023-03-01", "V-1");
  EXPECT_TRUE(at("2023-03-02T09:00").planned.empty());
}

TEST_F(Scrutinised, everything_that_holds_an_entry_is_named_with_what_to_do) {
  strategy.set_centre_approval(true);
  strategy.set_staff_approval(true);
  registered_at("L1", "2022-10-01T09:00");
  registered_at("L2", "2022-10-01T09:00");
  with(assessed_by(outcome(of("L1"), local("2023-03-01T12:00"), "A"), "A-17", v1::OBSERVATION));
  with(assessed_by(outcome(of("L1"), local("2023-03-02T12:00"), "B"), "A-18", v1::OBSERVATION));
  Scrutiny scrutiny = at("2023-04-01T09:00");
  std::string text;
  for (const v1::Obstacle& one : scrutiny_obstacles(entry("L1"), around(scrutiny)))
    text += one.rule() + " " + one.subject() + ": " + one.text() + "\n";
  EXPECT_EQ(text,
            "centre-approval : The centre is not approved for the qualification. Decide on the centre's approval and send CentreApproved.\n"
            "staff-approval A-17: Assessor A-17 was not approved for the qualification when they assessed. Apply for the approval of A-17 and "
            "have the work assessed again by an approved assessor.\n"
            "staff-approval A-18: Assessor A-18 was not approved for the qualification when they assessed. Apply for the approval of A-18 and "
            "have the work assessed again by an approved assessor.\n");
  EXPECT_EQ(scrutiny_obstacles(entry("L2"), around(scrutiny)).size(), 1u);
}

TEST_F(Scrutinised, facts_of_another_awarding_organisation_or_qualification_do_not_matter) {
  strategy.set_centre_approval(true);
  strategy.mutable_monitoring()->set_before_first_claims(true);
  registered_at("L1", "2022-10-01T09:00");
  Ref other = ref;
  other.qualification = "601/0002/7";
  with(centre_approved(other, local("2022-10-02T09:00")));
  with(monitored(other, local("2022-10-02T09:00"), "V-1"));
  v1::Event elsewhere = centre_approved(ref, local("2022-10-02T09:00"));
  elsewhere.mutable_centre_approved()->set_awarding_organisation("RN5002");
  with(elsewhere);
  EXPECT_EQ(rules("2022-11-01T09:00"), (Rules{Rule::centre_approval, Rule::first_monitoring}));
}

TEST_F(Scrutinised, whatever_the_facts_the_order_of_their_coming_does_not_matter_and_the_wake_time_is_when_something_changes) {
  auto* rule = strategy.mutable_direct_claims();
  rule->set_single_grade_max(1);
  rule->set_reviews(2);
  rule->set_reviews_grade_max(3);
  strategy.set_centre_approval(true);
  strategy.set_staff_approval(true);
  strategy.set_sampling_before_claims(true);
  strategy.mutable_monitoring()->set_before_first_claims(true);
  strategy.mutable_monitoring()->set_second_within_months(1);
  strategy.mutable_monitoring()->set_then_every_months(2);
  strategy.mutable_sample()->set_learners_min(3);
  auto* triggers = strategy.mutable_triggers();
  triggers->set_registration_rise_percent(50);
  triggers->set_registration_rise_min(3);
  triggers->set_registration_spike_tenths(30);
  triggers->set_registration_spike_min(3);
  triggers->set_claim_spike_tenths(30);
  triggers->set_claim_spike_min(3);
  triggers->set_malpractice(true);
  std::mt19937_64 random(3);
  for (int round = 0; round < 60; ++round) {
    std::vector<v1::Event> events;
    auto moment = [&] { return local("2023-01-02T00:00") + static_cast<TimeMs>(random() % 180) * kDayMs / 2; };
    for (int count = 0; count < 60; ++count) {
      Ref learner = of("L" + std::to_string(random() % 20));
      std::string name = std::to_string(random() % 3);
      switch (random() % 12) {
        case 0:
          events.push_back(centre_approved(ref, moment(), static_cast<v1::CentreApproved::Status>(1 + random() % 3)));
          break;
        case 1:
          events.push_back(staff_approved(ref, moment(), "A-" + name, random() % 3 > 0));
          break;
        case 2:
          events.push_back(with_finding(monitored(ref, moment(), "V-" + name, random() % 5), "F" + name, v1::Finding::CRITICAL));
          break;
        case 3:
          events.push_back(monitoring_planned(ref, moment(), "P-" + name, "2023-03-01", random()));
          break;
        case 4:
          events.push_back(conflict(ref, moment(), "EQA-1", random() % 2));
          break;
        case 5:
          events.push_back(sanction(ref, moment(), "S-" + name, static_cast<v1::SanctionDecided::Kind>(1 + random() % 4), random() % 2));
          break;
        case 6:
          events.push_back(direct_claims(ref, moment(), random() % 2));
          break;
        case 7:
          events.push_back(action_plan(ref, moment(), "F" + name, "2023-02-10", random() % 3 == 0));
          break;
        case 8:
          events.push_back(assessed_by(outcome(learner, moment(), "A"), "A-" + name, v1::ASSIGNMENT));
          break;
        case 9:
          events.push_back(claimed(learner, moment()));
          break;
        default:
          events.push_back(registered(learner, moment()));
          break;
      }
    }
    auto state = [&] {
      centre = {};
      entries.clear();
      for (const v1::Event& event : events) with(event);
      std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.key < b.key; });
    };
    state();
    auto text = [](Day day) { return utc_text(day_begins(day) + 12 * kHourMs).substr(0, 10) + "T12:00"; };
    std::vector<Scrutiny> looks;
    for (Day day = *parse_date("2023-01-02"); day < *parse_date("2023-04-20"); day += 3) looks.push_back(at(text(day)));
    std::shuffle(events.begin(), events.end(), random);
    state();
    std::size_t look = 0;
    for (Day day = *parse_date("2023-01-02"); day < *parse_date("2023-04-20"); day += 3)
      ASSERT_EQ(at(text(day)), looks[look++]) << "round " << round << " " << text(day);
    // Between two wakes nothing changes by time alone.
    Scrutiny last = at("2023-04-20T12:00");
    std::vector<const Entry*> all;
    for (const Entry& one : entries) all.push_back(&one);
    for (int step = 0; step < 20 && last.wake_at_ms != kNever; ++step) {
      TimeMs wake = last.wake_at_ms;
      Scrutiny before = scrutinise({strategy, qualification(), centre, all}, wake - 1);
      ASSERT_EQ(before.requirements, last.requirements) << "changed before it woke at " << utc_text(wake);
      last = scrutinise({strategy, qualification(), centre, all}, wake);
    }
  }
}

}  // namespace
}  // namespace vtq::test
