// Two years of one centre under Qualifi's strategy for the scrutiny of centre assessment, and what it is told at each step.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <random>
#include <set>

#include "pipeline/rules/activity.h"
#include "tests/support/systems.h"
#include "tests/support/test_data.h"

namespace vtq::test {
namespace {

const Ref kDiploma{.centre = "70001", .qualification = "610/9001/3", .series = "2024-08"};

/// The dates of an August's results; without them no entry could be in time, whatever else it waits for.
v1::Event dates_of(const std::string& organisation, const std::string& year) {
  v1::Event event = event_at(local("2023-08-01T09:00"));
  auto* fact = event.mutable_calendar_defined();
  fact->set_awarding_organisation(organisation);
  fact->set_level(v1::LEVEL_OTHER);
  fact->set_series(year + "-08");
  fact->set_late_entry_after(year + "-05-31T17:00");
  fact->set_claim_deadline(year + "-07-05T17:00");
  fact->set_issue_deadline(year + "-08-12T17:00");
  fact->set_centre_release(year + "-08-14T00:01");
  fact->set_learner_release(year + "-08-15T08:00");
  return event;
}

std::vector<v1::Event> qualifi() {
  std::ifstream file(test_data() + "/../../deploy/reference/qualifi_cass.jsonl");
  std::vector<v1::Event> events;
  for (std::string line; std::getline(file, line);) events.push_back(event_from(line));
  EXPECT_EQ(events.size(), 8u);
  v1::Event centre = event_at(local("2023-08-01T09:00"));
  centre.mutable_centre_defined()->set_centre(kDiploma.centre);
  centre.mutable_centre_defined()->set_name("Northgate Aesthetics Academy");
  events.push_back(centre);
  for (const char* year : {"2024", "2025"}) events.push_back(dates_of("RN9990", year));
  return events;
}

Ref learner(const std::string& name, const std::string& series = kDiploma.series) {
  Ref ref = kDiploma;
  ref.learner = name;
  ref.series = series;
  return ref;
}

/// The builders speak of RN5001.
template <class Fact>
void of_qualifi(Fact& fact) {
  fact.set_awarding_organisation("RN9990");
}

class QualifiSeason : public ::testing::Test {
 protected:
  QualifiSeason() { season.play(qualifi(), local("2023-09-01T09:00")); }

  /// What the centre, and whoever must act for it, was told as a whole since the last look: day, whom, rule, words.
  std::string told() {
    std::string text;
    for (; seen_ < season.outputs.notifications.size(); ++seen_) {
      const v1::Notification& one = season.outputs.notifications[seen_];
      if (one.centre().empty()) continue;
      text += local_text(one.as_of().seconds() * 1000) + " " + (one.recipient() == v1::CENTRE ? "centre" : "AO") + " " + one.rule() + ": " +
              one.text() + "\n";
    }
    return text;
  }

  void intake(const std::string& cohort, int from, int to, const std::string& at, const std::string& series = kDiploma.series) {
    std::vector<v1::Event> events;
    for (int number = from; number <= to; ++number) events.push_back(registered_on(learner(name(number), series), local(at), "", cohort));
    season.play(events, local(at));
  }
  void assess(int from, int to, const std::string& at, const std::string& assessor, const std::string& series = kDiploma.series) {
    std::vector<v1::Event> events;
    for (int number = from; number <= to; ++number) {
      events.push_back(assessed_by(achieved(learner(name(number), series), local(at), {"U1", "U2"}), assessor, v1::OBSERVATION));
      events.push_back(assessed_by(achieved(learner(name(number), series), local(at), {"U3", "U4", "U5"}), assessor, v1::ASSIGNMENT));
    }
    season.play(events, local(at));
  }
  void claim(int from, int to, const std::string& at, const std::string& series = kDiploma.series) {
    std::vector<v1::Event> events;
    for (int number = from; number <= to; ++number) events.push_back(claimed(learner(name(number), series), local(at)));
    season.play(events, local(at));
  }
  v1::Event approval(const std::string& at) {
    v1::Event event = centre_approved(kDiploma, local(at));
    of_qualifi(*event.mutable_centre_approved());
    return event;
  }
  v1::Event staff(const std::string& at, const std::string& who) {
    v1::Event event = staff_approved(kDiploma, local(at), who);
    of_qualifi(*event.mutable_staff_approved());
    return event;
  }
  v1::Event plan(const std::string& at, const std::string& monitoring, const std::string& on, const std::string& assurer) {
    v1::Event event = monitoring_planned(kDiploma, local(at), monitoring, on, 20240304);
    of_qualifi(*event.mutable_monitoring_planned());
    event.mutable_monitoring_planned()->set_assurer(assurer);
    return event;
  }
  v1::Event visit(const std::string& at, const std::string& monitoring, const std::string& assurer) {
    v1::Event event = monitored(kDiploma, local(at), monitoring, 2);
    of_qualifi(*event.mutable_monitoring_recorded());
    event.mutable_monitoring_recorded()->set_assurer(assurer);
    return event;
  }
  Status status(int number, const std::string& series = kDiploma.series) { return season.status(learner(name(number), series)); }

  static std::string name(int number) { return "Q" + std::to_string(1000 + number); }

  Season season;

 private:
  std::size_t seen_ = 0;
};

TEST_F(QualifiSeason, tells_the_centre_at_each_step_what_is_asked_of_it) {
  // Learners come before the centre is approved.
  intake("2023-A", 1, 12, "2023-09-11T09:00");
  EXPECT_EQ(told(),
            "11 Sep 2023, 09:00 AO centre-approval: Claims of this centre for Qualifi Level 4 Diploma in Aesthetic Procedures for "
            "Skin Rejuvenation are held: the centre is not approved for the qualification. Decide on the centre's approval and "
            "send CentreApproved.\n"
            "11 Sep 2023, 09:00 AO first-monitoring: Claims of this centre for Qualifi Level 4 Diploma in Aesthetic Procedures for "
            "Skin Rejuvenation are held: the first monitoring has not taken place. Carry out the monitoring and record it "
            "(MonitoringRecorded).\n");
  season.play({approval("2023-09-18T10:00"), staff("2023-09-18T10:00", "A-1"), staff("2023-09-18T10:00", "A-2")}, local("2023-09-18T12:00"));
  EXPECT_EQ(told(), "");

  // An assessor whom nobody approved.
  assess(1, 8, "2024-01-15T16:00", "A-1");
  assess(9, 11, "2024-01-16T16:00", "A-2");
  assess(12, 12, "2024-01-17T16:00", "A-3");
  EXPECT_EQ(told(),
            "17 Jan 2024, 16:00 centre staff-approval: Some claims of this centre for Qualifi Level 4 Diploma in Aesthetic "
            "Procedures for Skin Rejuvenation are held: assessor A-3 was not approved for the qualification when they assessed. "
            "Apply for the approval of A-3 and have the work assessed again by an approved assessor.\n");

  // The first cohort's claims wait for the first monitoring.
  claim(1, 12, "2024-02-05T09:00");
  EXPECT_EQ(status(1).stage, v1::CLAIMED);
  EXPECT_EQ(status(1).rule, Rule::first_monitoring);
  EXPECT_EQ(status(12).rule, Rule::staff_approval);
  EXPECT_EQ(told(), "");

  // The sample is drawn and told ahead; its assurer declares a conflict, another one comes.
  season.play({plan("2024-02-12T09:00", "V-2024-1", "2024-03-04", "EQA-9")}, local("2024-02-12T10:00"));
  const v1::Notification& advised = season.outputs.notifications.back();
  EXPECT_EQ(advised.sample_size(), 10) << "10 learners are more than 20 % of 12";
  EXPECT_EQ(advised.monitoring(), "V-2024-1");
  EXPECT_EQ(told(),
            "12 Feb 2024, 10:00 centre sampling: The monitoring V-2024-1 of Qualifi Level 4 Diploma in Aesthetic Procedures for "
            "Skin Rejuvenation is planned for 4 Mar 2024. Have the work and assessment records of the 10 learners of the sample "
            "ready for the assurer.\n");
  v1::Event in_conflict = conflict(kDiploma, local("2024-02-14T09:00"), "EQA-9");
  of_qualifi(*in_conflict.mutable_conflict_declared());
  season.play({in_conflict}, local("2024-02-14T10:00"));
  EXPECT_EQ(told(),
            "14 Feb 2024, 10:00 AO first-monitoring: Qualifi Level 4 Diploma in Aesthetic Procedures for Skin Rejuvenation: "
            "assurer EQA-9, who is to make the visit V-2024-1, has declared a conflict of interest. Assign another external "
            "quality assurer (MonitoringPlanned).\n");
  season.play({plan("2024-02-15T09:00", "V-2024-1", "2024-03-04", "EQA-4")}, local("2024-02-15T10:00"));
  EXPECT_EQ(told(),
            "15 Feb 2024, 10:00 centre sampling: The monitoring V-2024-1 of Qualifi Level 4 Diploma in Aesthetic Procedures for "
            "Skin Rejuvenation is planned for 4 Mar 2024. Have the work and assessment records of the 10 learners of the sample "
            "ready for the assurer.\n");

  // The visit: claims go, but for the one that A-3 assessed; a finding, an action, done in time.
  season.play({with_finding(visit("2024-03-04T17:00", "V-2024-1", "EQA-4"), "F1", v1::Finding::REQUIRED)}, local("2024-03-04T18:00"));
  EXPECT_EQ(told(),
            "4 Mar 2024, 18:00 centre action-required: Qualifi Level 4 Diploma in Aesthetic Procedures for Skin Rejuvenation: the "
            "visit V-2024-1 on 4 Mar 2024 made the required finding F1: Records of F1. Mend it, and agree by when (ActionPlan).\n");
  EXPECT_EQ(status(1).rule, Rule::none);
  EXPECT_GE(status(1).stage, v1::READY);
  EXPECT_EQ(status(12).rule, Rule::staff_approval);
  v1::Event action = action_plan(kDiploma, local("2024-03-06T09:00"), "F1", "2024-04-30");
  of_qualifi(*action.mutable_action_plan());
  season.play({action}, local("2024-03-06T10:00"));
  EXPECT_EQ(told(),
            "6 Mar 2024, 10:00 centre action-required: Qualifi Level 4 Diploma in Aesthetic Procedures for Skin Rejuvenation: "
            "action F1 is due by 30 Apr 2024. Complete it, and have it recorded as done (ActionPlan).\n");
  action.set_id("done");
  action.mutable_occurred_at()->set_seconds(local("2024-04-20T09:00") / 1000);
  action.mutable_action_plan()->set_done(true);
  season.play({action}, local("2024-04-20T10:00"));
  season.play({staff("2024-04-21T09:00", "A-3")}, local("2024-04-21T10:00"));
  assess(12, 12, "2024-04-22T16:00", "A-3");
  season.time_passes(local("2024-04-24T09:00"));
  EXPECT_EQ(told(), "");
  EXPECT_GE(status(12).stage, v1::READY);

  // The second within six months; somebody is told four weeks ahead, and again when it did not take place.
  intake("2024-A", 21, 30, "2024-06-10T09:00", "2025-08");
  season.time_passes(local("2024-09-10T09:00"));
  EXPECT_EQ(told(),
            "7 Aug 2024, 00:00 AO second-monitoring: Qualifi Level 4 Diploma in Aesthetic Procedures for Skin Rejuvenation: the "
            "second monitoring is due by 4 Sep 2024. Carry out the monitoring and record it (MonitoringRecorded).\n"
            "5 Sep 2024, 00:00 AO second-monitoring: Claims of this centre for Qualifi Level 4 Diploma in Aesthetic Procedures for "
            "Skin Rejuvenation made from 5 Sep 2024 on are held: the second monitoring was due by 4 Sep 2024 and has not taken "
            "place. Carry out the monitoring and record it (MonitoringRecorded).\n");
  season.play({visit("2024-09-12T17:00", "V-2024-2", "EQA-4")}, local("2024-09-12T18:00"));

  // Far more learners than ever in one week.
  intake("2024-B", 31, 60, "2024-11-05T09:00", "2025-08");
  intake("2024-B", 61, 75, "2024-11-06T09:00", "2025-08");
  EXPECT_EQ(told(),
            "6 Nov 2024, 00:00 AO registration-rise: Claims of this centre for Qualifi Level 4 Diploma in Aesthetic Procedures for "
            "Skin Rejuvenation made from 5 Nov 2024 on are held: registrations rose to 30 since the visit on 12 Sep 2024, from 0 "
            "in as long a time before. Carry out the monitoring and record it (MonitoringRecorded).\n"
            "6 Nov 2024, 00:00 AO registration-spike: Claims of this centre for Qualifi Level 4 Diploma in Aesthetic Procedures "
            "for Skin Rejuvenation made from 5 Nov 2024 on are held: there were 30 registrations in the week from 4 Nov 2024, far "
            "more than usual. Carry out the monitoring and record it (MonitoringRecorded).\n");
  season.time_passes(local("2024-11-07T09:00"));
  EXPECT_EQ(told(), "");
  assess(31, 31, "2024-11-20T16:00", "A-1", "2025-08");
  claim(31, 31, "2024-11-25T09:00", "2025-08");
  EXPECT_EQ(status(31, "2025-08").rule, Rule::registration_rise);
  season.play({visit("2024-11-28T17:00", "V-2024-3", "EQA-4")}, local("2024-11-28T18:00"));
  EXPECT_EQ(status(31, "2025-08").rule, Rule::none);
  EXPECT_EQ(told(),
            "25 Nov 2024, 09:00 AO sampling: Some claims of this centre for Qualifi Level 4 Diploma in Aesthetic Procedures for "
            "Skin Rejuvenation are held: not yet fully sampled, as the centre has no direct claims status. Sample them "
            "(SampleDecided) or monitor the centre.\n");

  // The month's report.
  CentreId id = *parse_centre(kDiploma.centre);
  std::map<QualificationId, Activity> activities;
  for (const Entry& entry : season.pipeline->partition(season.pipeline->partition_of(id)).centre(id)->entries)
    activities[entry.key.qualification].add(entry);
  for (auto& [qualification, activity] : activities) activity.sort();
  EXPECT_EQ(
      activity_csv("70001", "2024-11", activity_report(activities, month_of(*parse_date("2024-11-01"))), [](QualificationId) { return "Diploma"; }),
      "Centre,Month,Qualification,Title,Registrations,Registrations3MonthAverage,RegistrationsSameMonthLastYear,Claims,"
      "Claims3MonthAverage,ClaimsSameMonthLastYear,Certifications,Certifications3MonthAverage,"
      "CertificationsSameMonthLastYear,Withdrawals,Withdrawals3MonthAverage,WithdrawalsSameMonthLastYear\n"
      "70001,2024-11,610/9001/3,\"Diploma\",45,0.0,0,1,0.0,0,0,4.0,0,0,0.0,0\n")
      << "the twelve of August";

  // A year after the last visit.
  season.time_passes(local("2025-12-01T09:00"));
  EXPECT_EQ(told(),
            "31 Oct 2025, 00:00 AO yearly-monitoring: Qualifi Level 4 Diploma in Aesthetic Procedures for Skin Rejuvenation: the "
            "regular monitoring is due by 28 Nov 2025. Carry out the monitoring and record it (MonitoringRecorded).\n"
            "29 Nov 2025, 00:00 AO yearly-monitoring: Claims of this centre for Qualifi Level 4 Diploma in Aesthetic Procedures "
            "for Skin Rejuvenation made from 29 Nov 2025 on are held: the regular monitoring was due by 28 Nov 2025 and has not "
            "taken place. Carry out the monitoring and record it (MonitoringRecorded).\n");
}

TEST_F(QualifiSeason, tells_each_thing_once_whichever_learner_was_first) {
  intake("2023-A", 1, 12, "2023-09-11T09:00");
  std::size_t notifications = season.outputs.notifications.size();
  EXPECT_GT(notifications, 0u);
  // Registered before the others, and heard of after them.
  season.play({registered_on(learner(name(13)), local("2023-09-05T09:00"), "", "2023-A")}, local("2023-09-12T09:00"));
  EXPECT_EQ(season.outputs.notifications.size(), notifications);
}

TEST_F(QualifiSeason, tells_each_thing_once_across_a_restart) {
  intake("2023-A", 1, 12, "2023-09-11T09:00");
  std::size_t notifications = season.outputs.notifications.size();
  EXPECT_GT(notifications, 0u);
  season.pipeline = std::make_unique<Pipeline>(season.policy, TimeSource::wall, 2, season.store, season.outputs);
  season.pipeline->restore();
  intake("2023-A", 13, 14, "2023-09-12T09:00");
  season.time_passes(local("2023-10-01T09:00"));
  EXPECT_EQ(season.outputs.notifications.size(), notifications);
  season.play({approval("2023-10-02T10:00")}, local("2023-10-02T12:00"));
  v1::Event suspended = approval("2023-10-03T10:00");
  suspended.mutable_centre_approved()->set_status(v1::CentreApproved::SUSPENDED);
  season.play({suspended}, local("2023-10-03T12:00"));
  EXPECT_EQ(season.outputs.notifications.size(), notifications + 1) << "asked for anew";
}

/// What a year at the centre puts out, with the centre out of memory between windows or not.
std::multiset<std::string> a_year_of(bool evicted) {
  Season season;
  std::mt19937_64 random(5);
  season.play(qualifi(), local("2023-09-01T09:00"));
  TimeMs now = local("2023-09-02T09:00");
  auto either = [&](auto a, auto b) { return random() % 2 ? a : b; };
  for (int step = 0; step < 200; ++step) {
    now += static_cast<TimeMs>(random() % 60) * kHourMs;
    std::vector<v1::Event> events;
    for (std::uint64_t count = random() % 6; count > 0; --count) {
      Ref ref = learner("L" + std::to_string(random() % 40));
      std::string id = "s" + std::to_string(step) + "-" + std::to_string(count);
      v1::Event event;
      switch (random() % 9) {
        case 0:
          event = centre_approved(ref, now, random() % 4 ? v1::CentreApproved::APPROVED : v1::CentreApproved::SUSPENDED);
          of_qualifi(*event.mutable_centre_approved());
          break;
        case 1:
          event = staff_approved(ref, now, either("A-1", "A-2"), random() % 3 > 0);
          of_qualifi(*event.mutable_staff_approved());
          break;
        case 2:
          if (random() % 4) continue;
          event = monitored(ref, now, "V-" + std::to_string(step), 2);
          of_qualifi(*event.mutable_monitoring_recorded());
          break;
        case 3:
          event = monitoring_planned(ref, now, "V-" + std::to_string(step), "2024-03-01", random());
          of_qualifi(*event.mutable_monitoring_planned());
          break;
        case 4:
          event = action_plan(ref, now, either("F-1", "F-2"), either("2023-12-01", "2024-05-01"), random() % 2);
          of_qualifi(*event.mutable_action_plan());
          break;
        case 5:
          event = assessed_by(achieved(ref, now, {"U1", "U2", "U3", "U4", "U5"}), either("A-1", "A-2"), v1::OBSERVATION);
          break;
        case 6:
          event = claimed(ref, now);
          break;
        default:
          event = registered(ref, now);
          break;
      }
      event.set_id(id);
      events.push_back(event);
    }
    season.play(events, now);
    if (evicted) season.pipeline->evict(0);
  }
  // Within a window a centre's entries come in the order in which they lie in memory.
  std::multiset<std::string> out;
  for (const v1::Notification& one : season.outputs.notifications) out.insert(one.ShortDebugString());
  for (const v1::EntryStatus& one : season.outputs.statuses) out.insert(one.ShortDebugString());
  for (const v1::ResultBatch& one : season.outputs.batches) out.insert(one.ShortDebugString());
  return out;
}

TEST_F(QualifiSeason, comes_out_the_same_when_the_centre_leaves_memory_between_windows) {
  std::multiset<std::string> in_memory = a_year_of(false), evicted = a_year_of(true);
  EXPECT_GT(in_memory.size(), 200u);
  std::vector<std::string> only_in_memory, only_evicted;
  std::set_difference(in_memory.begin(), in_memory.end(), evicted.begin(), evicted.end(), std::back_inserter(only_in_memory));
  std::set_difference(evicted.begin(), evicted.end(), in_memory.begin(), in_memory.end(), std::back_inserter(only_evicted));
  EXPECT_EQ(only_in_memory, only_evicted);
}

TEST(QualifiByEventTime, a_qualification_that_moves_away_from_its_strategy_is_asked_nothing_more) {
  Season season(TimeSource::event);
  season.play(qualifi(), 0);
  v1::Event moved;
  for (const v1::Event& event : qualifi())
    if (event.has_qualification_defined() && event.qualification_defined().qualification() == kDiploma.qualification) moved = event;
  moved.set_id("moved");
  moved.mutable_occurred_at()->set_seconds(local("2023-09-12T09:00") / 1000);
  moved.mutable_qualification_defined()->set_awarding_organisation("RN9991");
  v1::Event organisation = event_at(local("2023-09-01T09:00"));
  organisation.mutable_awarding_organisation_defined()->set_awarding_organisation("RN9991");
  organisation.mutable_awarding_organisation_defined()->set_name("Without a strategy");
  season.play({organisation, dates_of("RN9991", "2024"), registered(learner("Q1"), local("2023-09-11T09:00"))}, 0);
  EXPECT_EQ(season.outputs.notifications.size(), 2u);
  season.play({registered(learner("Q2"), local("2023-09-12T09:00")), moved}, 0);
  CentreId id = *parse_centre(kDiploma.centre);
  const Centre& centre = *season.pipeline->partition(season.pipeline->partition_of(id)).centre(id);
  EXPECT_TRUE(centre.summary.notices.empty());
  EXPECT_EQ(season.status(learner("Q2")).rule, Rule::none);
}

TEST_F(QualifiSeason, draws_a_fifth_of_many_learners_over_assessors_and_cohorts) {
  season.play({approval("2023-09-01T10:00"), staff("2023-09-01T10:00", "A-1"), staff("2023-09-01T10:00", "A-2")}, local("2023-09-02T12:00"));
  intake("2023-A", 1, 60, "2023-09-11T09:00");
  intake("2023-B", 61, 71, "2023-09-12T09:00");
  assess(1, 70, "2024-01-15T16:00", "A-1");
  assess(71, 71, "2024-01-16T16:00", "A-2");
  season.play({plan("2024-02-12T09:00", "V-2024-1", "2024-03-04", "EQA-4")}, local("2024-02-12T10:00"));
  const v1::Notification& advised = season.outputs.notifications.back();
  ASSERT_EQ(advised.sample_size(), 15) << "20 % of 71, rounded up";
  bool other_assessor = false, other_cohort = false;
  for (const auto& one : advised.sample()) {
    other_assessor |= one.reason().find("assessor A-2") != std::string::npos;
    other_cohort |= one.reason().find("cohort 2023-B") != std::string::npos;
  }
  EXPECT_TRUE(other_assessor);
  EXPECT_TRUE(other_cohort);
}

}  // namespace
}  // namespace vtq::test
