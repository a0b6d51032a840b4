// The options of the extraordinary regulatory framework (Ofqual, 2020) at one centre whose doors are shut from 20 March to 30 June, and
// what the centre is told in each.
#include "pipeline/rules/mitigation.h"
#include "tests/support/season.h"
#include "tests/support/systems.h"

namespace vtq::test {
namespace {

using Kind = v1::MitigationDefined;
using Review = v1::MitigationReviewed;

constexpr const char* kDiploma = "601/0061/1";
constexpr const char* kCertificate = "601/0062/1";

v1::Event engineering(const std::string& number, const std::string& title, v1::Size size, std::initializer_list<const char*> units) {
  v1::Event event = event_at(local("2022-08-01T09:00"));
  auto* fact = event.mutable_qualification_defined();
  fact->set_qualification(number);
  fact->set_title(title);
  fact->set_awarding_organisation("RN5001");
  fact->set_level(v1::LEVEL_2);
  fact->set_guided_learning_hours(60);
  fact->set_grading_scale("pass");
  fact->set_unit_grading_scale("unit");
  fact->set_certification(v1::CERTIFICATION_BY_CLAIM);
  fact->set_family("engineering");
  fact->set_size(size);
  for (const char* code : units) {
    auto* unit = fact->add_units();
    unit->set_code(code);
    unit->set_mandatory(true);
    unit->set_credit(10);
  }
  return event;
}

struct Erf : StartedSeason {
  Ref learner{.qualification = kDiploma, .learner = "L1"};

  Erf() {
    play({engineering(kDiploma, "Diploma in Engineering", v1::SIZE_DIPLOMA, {"U1", "U2", "U3", "U4"}),
          engineering(kCertificate, "Certificate in Engineering", v1::SIZE_CERTIFICATE, {"U1", "U2"})},
         local("2022-09-02T09:00"));
    // Three of four units are done before the doors shut.
    play({registered(learner, local("2022-10-03T09:00"))}, local("2022-10-03T09:00"));
    play({outcome(learner, local("2022-12-01T09:00"), "U1", {}, "M"), outcome(learner, local("2023-01-20T09:00"), "U2", {}, "D"),
          outcome(learner, local("2023-03-01T09:00"), "U3", {}, "M")},
         local("2023-03-01T09:00"));
    forget();
  }

  v1::Event mitigation_of(Kind::Kind kind, TimeMs at, const Ref& of = {.centre = "", .qualification = kDiploma, .learner = ""}) {
    v1::Event event = event_at(at);
    auto* fact = event.mutable_mitigation_defined();
    fact->set_centre(of.centre);
    fact->set_qualification(of.qualification);
    fact->set_series(of.series);
    fact->set_learner(of.learner);
    fact->set_kind(kind);
    fact->set_disruption_from("2023-03-20");
    fact->set_disruption_to("2023-06-30");
    if (kind == Kind::DELAYED) fact->set_expected_on("2023-11-15");
    if (kind == Kind::CALCULATED || kind == Kind::ADAPTED) {
      fact->set_calculation(Kind::MEDIAN);
      fact->set_achieved_units_min(2);
      fact->add_required_evidence("assessor records");
      fact->add_required_evidence("predicted grades");
    }
    return event;
  }

  void forget() { outputs.notifications.clear(); }
  /// What the centre was told about mitigation since the last time.
  std::vector<std::string> told() {
    std::vector<std::string> texts;
    for (const v1::Notification& one : outputs.notifications)
      if (one.rule() == "mitigation" && one.recipient() == v1::CENTRE) texts.push_back(one.entry().learner() + ": " + one.text());
    forget();
    return texts;
  }
  /// What stands in the way, without the time left.
  std::string way() { return way(learner); }
  std::string way(const Ref& ref) {
    std::string why = described(ref).why();
    return why.substr(0, why.rfind("; ", why.find(" to the issue deadline")));
  }
  void verify(const Ref& ref, const std::string& day) {
    play({reviewed(ref, local(day + "T09:00"), Review::PANEL), reviewed(ref, local(day + "T10:00"), Review::VERIFICATION)}, local(day + "T11:00"));
  }
  const v1::Result* issued_result(const Ref& ref) {
    for (const v1::ResultBatch& batch : outputs.batches)
      for (const v1::Result& result : batch.results())
        if (result.entry().learner() == ref.learner && result.entry().centre() == ref.centre) return &result;
    return nullptr;
  }
};

using Told = std::vector<std::string>;

TEST(ErfStory, calculated_grade) {
  Erf erf;
  EXPECT_EQ(erf.way(), "1 unit is outstanding");
  erf.play({erf.mitigation_of(Kind::CALCULATED, local("2023-04-03T09:00"))}, local("2023-04-03T09:00"));
  EXPECT_EQ(erf.told(),
            Told{"L1: The mitigation for Diploma in Engineering is: calculated grade. Apply with the evidence checklist (assessor records "
                 "and "
                 "predicted grades) for the units that fell due from 20 Mar 2023 to 30 Jun 2023; other units are assessed as usual. You "
                 "may opt "
                 "out and claim as usual."});
  EXPECT_EQ(erf.status(erf.learner).step, v1::APPLY_FOR_MITIGATION);
  EXPECT_EQ(erf.status(erf.learner).owner, v1::CENTRE);
  EXPECT_EQ(erf.way(),
            "1 unit is outstanding: apply for the calculated grade of those that fell due from 20 Mar 2023 to 30 Jun 2023, or record them "
            "as "
            "usual");

  // An application without the whole checklist; then with it; then the panel asks for more.
  erf.play({applied(erf.learner, local("2023-05-02T09:00"), {"U4"}, "2023-05-15", {"assessor records"})}, local("2023-05-02T09:00"));
  EXPECT_EQ(erf.way(), "The application for the calculated grade lacks evidence: send predicted grades");
  EXPECT_EQ(erf.status(erf.learner).step, v1::SEND_EVIDENCE);
  erf.play({applied(erf.learner, local("2023-05-03T09:00"), {"U4"}, "2023-05-15", {"predicted grades", "assessor records"})},
           local("2023-05-03T09:00"));
  EXPECT_EQ(erf.way(), "The application for the calculated grade waits for the panel");
  EXPECT_EQ(erf.status(erf.learner).step, v1::REVIEW_MITIGATION);
  EXPECT_EQ(erf.status(erf.learner).owner, v1::AWARDING_ORGANISATION);
  erf.play({reviewed(erf.learner, local("2023-05-04T09:00"), Review::PANEL, Review::MORE_EVIDENCE)}, local("2023-05-04T09:00"));
  EXPECT_EQ(erf.way(), "The panel asks for more evidence for the calculated grade: send the application again with it");
  EXPECT_EQ(erf.status(erf.learner).step, v1::SEND_EVIDENCE);
  erf.play({applied(erf.learner, local("2023-05-05T09:00"), {"U4"}, "2023-05-15", {"predicted grades", "assessor records"})},
           local("2023-05-05T09:00"));
  EXPECT_EQ(erf.way(), "The application for the calculated grade waits for the panel") << "a new application is reviewed anew";
  erf.play({reviewed(erf.learner, local("2023-05-08T09:00"), Review::PANEL)}, local("2023-05-08T09:00"));
  EXPECT_EQ(erf.way(), "The application for the calculated grade waits for external verification");

  // Verified: the unit counts, and the centre claims.
  erf.play({reviewed(erf.learner, local("2023-05-10T09:00"), Review::VERIFICATION)}, local("2023-05-10T09:00"));
  EXPECT_EQ(erf.status(erf.learner).stage, v1::ELIGIBLE);
  EXPECT_EQ(erf.way(), "The result is not claimed");
  EXPECT_EQ(erf.described(erf.learner).basis(), v1::CALCULATED_UNITS);
  EXPECT_TRUE(erf.described(erf.learner).outstanding_units().empty());
  erf.play({claimed(erf.learner, local("2023-06-01T09:00")), determined(erf.learner, local("2023-06-02T09:00"))}, local("2023-06-02T09:00"));
  erf.time_passes(local("2023-08-21T17:00"));
  const v1::Result* result = erf.issued_result(erf.learner);
  ASSERT_NE(result, nullptr);
  EXPECT_EQ(result->basis(), v1::CALCULATED_UNITS);
  ASSERT_EQ(result->calculated_units_size(), 1);
  EXPECT_EQ(result->calculated_units(0), "U4");
  EXPECT_FALSE(result->late());
  EXPECT_EQ(erf.described(erf.learner).basis(), v1::CALCULATED_UNITS) << "the basis stays with the result";
}

TEST(ErfStory, a_refused_application_leaves_the_ordinary_rules) {
  Erf erf;
  erf.play({erf.mitigation_of(Kind::CALCULATED, local("2023-04-03T09:00")),
            applied(erf.learner, local("2023-04-03T10:00"), {"U4"}, "2023-05-15", {"predicted grades", "assessor records"})},
           local("2023-04-03T12:00"));
  erf.play({reviewed(erf.learner, local("2023-04-10T09:00"), Review::PANEL, Review::REFUSED)}, local("2023-04-10T09:00"));
  EXPECT_EQ(erf.way(), "1 unit is outstanding (the panel refused the calculated grade: ordinary rules hold)");
  EXPECT_EQ(erf.status(erf.learner).step, v1::RECORD_EVIDENCE);
  erf.play({outcome(erf.learner, local("2023-06-12T09:00"), "U4", {}, "P")}, local("2023-06-12T09:00"));
  EXPECT_EQ(erf.status(erf.learner).stage, v1::ELIGIBLE);
  EXPECT_EQ(erf.described(erf.learner).basis(), v1::ORDINARY);
}

TEST(ErfStory, an_application_that_waits_for_the_review_is_late_and_not_given_up) {
  Erf erf;
  erf.play({erf.mitigation_of(Kind::CALCULATED, local("2023-04-03T09:00")),
            applied(erf.learner, local("2023-04-03T10:00"), {"U4"}, "2023-05-15", {"predicted grades", "assessor records"}),
            claimed(erf.learner, local("2023-06-01T09:00"))},
           local("2023-06-01T12:00"));
  erf.time_passes(local("2023-08-21T17:00"));
  EXPECT_TRUE(erf.status(erf.learner).late);
  EXPECT_EQ(erf.status(erf.learner).reason, v1::L6);
  EXPECT_EQ(erf.described(erf.learner).why(),
            "Late since the issue deadline, 21 Aug 2023, 17:00: the application for the calculated grade waits for the panel (awarding "
            "organisation's marking or moderation late).");
}

TEST(ErfStory, year_10_units_count_and_year_11_goes_on_as_normal) {
  Erf erf;
  Ref year10{.qualification = kDiploma, .learner = "Y10"};
  // In Year 10 two units were done, one fell due in the closure; the fourth is of Year 11 and done as normal afterwards.
  erf.play({erf.mitigation_of(Kind::CALCULATED, local("2023-04-03T09:00")), registered(year10, local("2022-10-03T09:00")),
            outcome(year10, local("2022-12-01T09:00"), "U1", {}, "D"), outcome(year10, local("2023-01-20T09:00"), "U2", {}, "M"),
            applied(year10, local("2023-04-20T09:00"), {"U3"}, "2023-05-31", {"predicted grades", "assessor records"})},
           local("2023-04-20T10:00"));
  erf.verify(year10, "2023-05-02");
  EXPECT_EQ(erf.way(year10), "1 unit is outstanding");
  EXPECT_EQ(erf.status(year10).step, v1::RECORD_EVIDENCE);
  auto outstanding = erf.described(year10).outstanding_units();
  EXPECT_EQ(std::vector<std::string>(outstanding.begin(), outstanding.end()), std::vector<std::string>{"U4"});

  // Asked to calculate the Year 11 unit too: it did not fall due in the closure.
  v1::Event both = applied(year10, local("2023-05-03T09:00"), {"U3"}, "2023-05-31", {"predicted grades", "assessor records"});
  auto* year11 = both.mutable_mitigation_applied()->add_units();
  year11->set_unit("U4");
  year11->set_due_on("2023-07-14");
  erf.play({both}, local("2023-05-03T09:00"));
  erf.verify(year10, "2023-05-04");
  EXPECT_EQ(erf.way(year10), "1 unit is outstanding (unit U4 did not fall due in the disruption and is assessed as usual)");
  erf.play({outcome(year10, local("2023-07-12T09:00"), "U4", {}, "P")}, local("2023-07-12T09:00"));
  EXPECT_EQ(erf.status(year10).stage, v1::ELIGIBLE);
  EXPECT_EQ(erf.described(year10).basis(), v1::CALCULATED_UNITS);
}

TEST(ErfStory, adapted_assessment) {
  Erf erf;
  erf.play({erf.mitigation_of(Kind::ADAPTED, local("2023-04-03T09:00"))}, local("2023-04-03T09:00"));
  EXPECT_EQ(erf.told(), Told{"L1: The mitigation for Diploma in Engineering is: adapted assessment. Apply with the evidence checklist "
                             "(assessor "
                             "records and predicted grades), and record the units as they are assessed. You may opt out and claim as "
                             "usual."});
  EXPECT_EQ(erf.way(), "1 unit is outstanding: apply for the adapted assessment, or record them as usual");
  erf.play({applied(erf.learner, local("2023-05-03T09:00"), {}, "", {"predicted grades", "assessor records"})}, local("2023-05-03T09:00"));
  EXPECT_EQ(erf.way(), "The application for the adapted assessment waits for the panel");
  erf.verify(erf.learner, "2023-05-10");
  EXPECT_EQ(erf.way(), "1 unit is outstanding") << "nothing is calculated: the unit is assessed, in another way";
  erf.play({outcome(erf.learner, local("2023-06-12T09:00"), "U4", {}, "P"), claimed(erf.learner, local("2023-06-13T09:00")),
            determined(erf.learner, local("2023-06-14T09:00"))},
           local("2023-06-14T09:00"));
  erf.time_passes(local("2023-08-21T17:00"));
  const v1::Result* result = erf.issued_result(erf.learner);
  ASSERT_NE(result, nullptr);
  EXPECT_EQ(result->basis(), v1::ADAPTED_ASSESSMENT);
  EXPECT_TRUE(result->calculated_units().empty());
}

TEST(ErfStory, delayed_assessment) {
  Erf erf;
  erf.play({claimed(erf.learner, local("2023-03-10T09:00"))}, local("2023-03-10T09:00"));
  EXPECT_EQ(local_text(erf.status(erf.learner).due_ms), "7 Jul 2023, 17:00");
  erf.play({erf.mitigation_of(Kind::DELAYED, local("2023-04-03T09:00"))}, local("2023-04-03T09:00"));
  EXPECT_EQ(erf.told(), Told{"L1: The mitigation for Diploma in Engineering is: delayed assessment. The result is expected by 15 Nov "
                             "2023, 17:00, "
                             "and is not late until then."});
  v1::EntryStatus status = erf.described(erf.learner);
  EXPECT_EQ(status.mitigation(), Kind::DELAYED);
  EXPECT_EQ(status.expected_at().seconds() * 1000, local("2023-11-15T17:00"));
  EXPECT_EQ(status.issue_deadline().seconds() * 1000, local("2023-11-15T17:00"));
  // The old deadline passes, and results day: nothing is late, nobody is told again.
  erf.time_passes(local("2023-08-25T09:00"));
  EXPECT_FALSE(erf.status(erf.learner).late);
  EXPECT_NE(erf.status(erf.learner).stage, v1::NOT_CERTIFICATED);
  EXPECT_EQ(erf.told(), Told{});

  // The date moves once more, which is told; and another time it does not move.
  v1::Event moved = erf.mitigation_of(Kind::DELAYED, local("2023-09-01T09:00"));
  moved.mutable_mitigation_defined()->set_expected_on("2023-12-06");
  erf.play({moved}, local("2023-09-01T09:00"));
  EXPECT_EQ(erf.told(), Told{"L1: The mitigation for Diploma in Engineering, delayed assessment, has changed. The result is expected by 6 "
                             "Dec 2023, "
                             "17:00, and is not late until then."});

  // Assessed in November, and issued under gates that open on the moved date.
  erf.play({outcome(erf.learner, local("2023-11-20T09:00"), "U4", {}, "M"), determined(erf.learner, local("2023-11-21T09:00"))},
           local("2023-11-21T09:00"));
  EXPECT_EQ(erf.status(erf.learner).stage, v1::READY);
  erf.time_passes(local("2023-12-06T16:59"));
  const v1::Result* result = erf.issued_result(erf.learner);
  ASSERT_NE(result, nullptr);
  EXPECT_FALSE(result->late());
  const v1::ResultBatch& batch = erf.outputs.batches.back();
  EXPECT_EQ(batch.centre_release_at().seconds() * 1000, local("2023-12-07T00:01"));
  EXPECT_EQ(batch.learner_release_at().seconds() * 1000, local("2023-12-07T08:00"));
  erf.time_passes(local("2023-12-07T08:00"));
  EXPECT_EQ(erf.status(erf.learner).stage, v1::RELEASED);
}

TEST(ErfStory, a_date_that_moves_is_told_whatever_the_learner_waits_for) {
  Erf erf;
  erf.play({claimed(erf.learner, local("2023-03-10T09:00")), outcome(erf.learner, local("2023-03-11T09:00"), "U4", {}, "M"),
            sample(erf.learner, local("2023-03-12T09:00"), v1::SampleDecided::WITH_AWARDING_ORGANISATION),
            erf.mitigation_of(Kind::DELAYED, local("2023-04-03T09:00"))},
           local("2023-04-03T09:00"));
  erf.forget();
  v1::Event ready = determined(erf.learner, local("2023-05-02T09:00"));
  erf.play({ready, sample(erf.learner, local("2023-05-02T09:00"), v1::SampleDecided::SATISFIED)}, local("2023-05-02T10:00"));
  ASSERT_EQ(erf.status(erf.learner).stage, v1::READY);
  v1::Event moved = erf.mitigation_of(Kind::DELAYED, local("2023-05-10T09:00"));
  moved.mutable_mitigation_defined()->set_expected_on("2023-12-06");
  erf.play({moved}, local("2023-05-10T09:00"));
  EXPECT_EQ(erf.told(), Told{"L1: The mitigation for Diploma in Engineering, delayed assessment, has changed. The result is expected by 6 "
                             "Dec 2023, 17:00, and is not late until then."});
  // Sent again with the same date, it is not told again.
  v1::Event again = moved;
  again.set_id("again");
  again.mutable_occurred_at()->set_seconds(local("2023-05-11T09:00") / 1000);
  erf.play({again}, local("2023-05-11T09:00"));
  EXPECT_EQ(erf.told(), Told{});
}

TEST(ErfStory, a_delay_taken_back_after_issue_opens_nothing_before_its_gate) {
  Erf erf;
  erf.play({claimed(erf.learner, local("2023-03-10T09:00")), outcome(erf.learner, local("2023-03-11T09:00"), "U4", {}, "M"),
            determined(erf.learner, local("2023-04-02T09:00")), erf.mitigation_of(Kind::DELAYED, local("2023-04-03T09:00"))},
           local("2023-04-03T09:00"));
  erf.time_passes(local("2023-11-15T16:59"));
  ASSERT_NE(erf.issued_result(erf.learner), nullptr);
  TimeMs gate = erf.outputs.batches.back().learner_release_at().seconds() * 1000;
  ASSERT_EQ(gate, local("2023-11-16T08:00"));
  v1::Event back = erf.mitigation_of(Kind::NO_CHANGE, local("2023-11-15T17:10"));
  erf.play({back, amended(erf.learner, local("2023-11-15T17:20"), "Distinction")}, local("2023-11-15T17:30"));
  ASSERT_EQ(erf.outputs.batches.back().kind(), v1::ResultBatch::CORRECTION);
  EXPECT_EQ(erf.outputs.batches.back().learner_release_at().seconds() * 1000, gate);
  EXPECT_EQ(erf.outputs.batches.back().centre_release_at().seconds() * 1000, local("2023-11-16T00:01"));
  EXPECT_EQ(erf.status(erf.learner).stage, v1::ISSUED);
  erf.time_passes(gate);
  EXPECT_EQ(erf.status(erf.learner).stage, v1::RELEASED);
}

TEST(ErfStory, delayed_results_do_not_go_in_one_batch_with_those_of_the_day) {
  Erf erf;
  Ref other{.qualification = "601/0002/7", .learner = "L2"};
  erf.play({erf.mitigation_of(Kind::DELAYED, local("2023-04-03T09:00")), registered(other, local("2022-10-03T09:00")),
            outcome(erf.learner, local("2023-06-20T09:00"), "U4", {}, "M")},
           local("2023-06-20T10:00"));
  for (const Ref& ref : {erf.learner, other})
    erf.play({answered(ref, local("2023-05-10T09:00")), claimed(ref, local("2023-06-21T09:00")), determined(ref, local("2023-06-22T09:00"))},
             local("2023-06-22T10:00"));
  erf.time_passes(local("2023-08-21T17:00"));
  ASSERT_EQ(erf.outputs.batches.size(), 2u);
  EXPECT_NE(erf.outputs.batches[0].learner_release_at().seconds(), erf.outputs.batches[1].learner_release_at().seconds());
}

TEST(ErfStory, a_delay_taken_back_brings_the_old_dates_back) {
  Erf erf;
  erf.play({claimed(erf.learner, local("2023-03-10T09:00"))}, local("2023-03-10T09:00"));
  Status before = erf.status(erf.learner);
  erf.play({erf.mitigation_of(Kind::DELAYED, local("2023-03-10T10:00"))}, local("2023-03-10T10:00"));
  EXPECT_NE(erf.status(erf.learner).due_ms, before.due_ms);
  erf.told();
  erf.play({erf.mitigation_of(Kind::NO_CHANGE, local("2023-03-10T11:00"))}, local("2023-03-10T11:00"));
  EXPECT_EQ(erf.status(erf.learner).due_ms, before.due_ms);
  EXPECT_EQ(erf.told(), Told{"L1: The mitigation for Diploma in Engineering has changed from delayed assessment to no changes needed. "
                             "Ordinary rules "
                             "hold: record the units and claim as usual."});
  erf.time_passes(local("2023-08-21T17:00"));
  EXPECT_EQ(erf.status(erf.learner).stage, v1::NOT_CERTIFICATED) << "the old deadline counts";
}

TEST(ErfStory, no_learners_expected_to_be_certificated) {
  Erf erf;
  Ref claims{.qualification = kDiploma, .learner = "L2"};
  erf.play({registered(claims, local("2022-10-03T09:00")), achieved(claims, local("2023-03-01T09:00"), {"U1", "U2", "U3", "U4"})},
           local("2023-03-02T09:00"));
  erf.play({erf.mitigation_of(Kind::NONE_EXPECTED, local("2023-04-03T09:00"))}, local("2023-04-03T09:00"));
  EXPECT_EQ(erf.told(), (Told{"L1: The mitigation for Diploma in Engineering is: no learners expected to be certificated. No result is "
                              "due in this "
                              "series, unless you claim it or opt out.",
                              "L2: The mitigation for Diploma in Engineering is: no learners expected to be certificated. No result is "
                              "due in this "
                              "series, unless you claim it or opt out."}));
  EXPECT_EQ(erf.way(), "No learners are expected to be certificated: no result is due unless the centre claims it or opts out");
  EXPECT_EQ(erf.status(erf.learner).step, v1::STEP_NONE);
  // One claims all the same, and goes the ordinary way.
  erf.play({claimed(claims, local("2023-06-01T09:00")), determined(claims, local("2023-06-02T09:00"))}, local("2023-06-02T09:00"));
  EXPECT_EQ(erf.status(claims).stage, v1::READY);
  // No warnings on the way to the deadline; it ends quietly.
  erf.forget();
  for (const char* day : {"2023-07-08", "2023-08-01", "2023-08-20"}) {
    erf.time_passes(local(std::string(day) + "T12:00"));
    EXPECT_EQ(erf.status(erf.learner).band, v1::ON_TRACK) << day;
  }
  erf.time_passes(local("2023-08-21T17:00"));
  EXPECT_EQ(erf.status(erf.learner).stage, v1::NOT_CERTIFICATED);
  EXPECT_EQ(erf.status(erf.learner).reason, v1::N3);
  EXPECT_FALSE(erf.status(erf.learner).late);
  EXPECT_TRUE(erf.outputs.notifications.empty());
  ASSERT_NE(erf.issued_result(claims), nullptr);
  EXPECT_EQ(erf.issued_result(claims)->basis(), v1::ORDINARY);
}

TEST(ErfStory, no_changes_needed) {
  Erf erf;
  std::string before = erf.way();
  erf.play({erf.mitigation_of(Kind::NO_CHANGE, local("2023-04-03T09:00"))}, local("2023-04-03T09:00"));
  EXPECT_EQ(erf.told(), Told{"L1: The mitigation for Diploma in Engineering is: no changes needed. Ordinary rules hold: record the units "
                             "and claim as "
                             "usual."});
  EXPECT_EQ(erf.way(), before);
  EXPECT_EQ(erf.status(erf.learner).step, v1::RECORD_EVIDENCE);
}

TEST(ErfStory, out_of_scope_is_as_if_nothing_were_said) {
  Erf erf;
  v1::Event out = erf.mitigation_of(Kind::CALCULATED, local("2023-04-03T09:00"));
  out.mutable_mitigation_defined()->set_out_of_scope(true);
  Status before = erf.status(erf.learner);
  erf.play({out}, local("2023-03-01T10:00"));
  EXPECT_EQ(erf.told(), Told{});
  EXPECT_EQ(erf.status(erf.learner), before);
}

TEST(ErfStory, a_centre_opts_out_and_claims_as_usual) {
  Erf erf;
  Ref other{.qualification = kDiploma, .learner = "L2"};
  Ref all{.qualification = kDiploma, .learner = ""};
  erf.play({registered(other, local("2022-10-03T09:00")), erf.mitigation_of(Kind::CALCULATED, local("2023-04-03T09:00"))}, local("2023-04-03T09:00"));
  erf.told();
  erf.play({opted_out(all, local("2023-04-20T09:00"))}, local("2023-04-20T09:00"));
  EXPECT_EQ(erf.told(), (Told{"L1: The mitigation for Diploma in Engineering, calculated grade, no longer stands, as the centre has opted out. "
                              "Ordinary rules "
                              "hold: record the units and claim as usual.",
                              "L2: The mitigation for Diploma in Engineering, calculated grade, no longer stands, as the centre has opted out. "
                              "Ordinary rules "
                              "hold: record the units and claim as usual."}));
  EXPECT_EQ(erf.way(), "1 unit is outstanding");
  // For one learner it takes that back: the learner's own word goes before the one for all, whichever came last.
  erf.play({opted_out(other, local("2023-04-19T09:00"), false)}, local("2023-04-21T09:00"));
  EXPECT_EQ(erf.status(erf.learner).step, v1::RECORD_EVIDENCE);
  EXPECT_EQ(erf.status(other).step, v1::APPLY_FOR_MITIGATION);
  EXPECT_EQ(erf.told().size(), 1u);
  // The unit is done as usual, claimed and issued on ordinary grounds.
  erf.play({outcome(erf.learner, local("2023-06-12T09:00"), "U4", {}, "P"), claimed(erf.learner, local("2023-06-13T09:00")),
            determined(erf.learner, local("2023-06-14T09:00"))},
           local("2023-06-14T09:00"));
  erf.time_passes(local("2023-08-21T17:00"));
  ASSERT_NE(erf.issued_result(erf.learner), nullptr);
  EXPECT_EQ(erf.issued_result(erf.learner)->basis(), v1::ORDINARY);
}

TEST(ErfStory, a_mitigation_that_changes_is_told_and_what_was_issued_stays) {
  Erf erf;
  erf.play({erf.mitigation_of(Kind::CALCULATED, local("2023-04-03T09:00")),
            applied(erf.learner, local("2023-04-03T10:00"), {"U4"}, "2023-05-15", {"predicted grades", "assessor records"})},
           local("2023-04-03T12:00"));
  erf.verify(erf.learner, "2023-04-10");
  EXPECT_EQ(erf.status(erf.learner).stage, v1::ELIGIBLE);
  erf.told();
  // The dynamic, live tool says something else now: the calculated unit counts no more.
  erf.play({erf.mitigation_of(Kind::ADAPTED, local("2023-04-17T09:00"))}, local("2023-04-17T09:00"));
  EXPECT_EQ(erf.told(),
            Told{"L1: The mitigation for Diploma in Engineering has changed from calculated grade to adapted assessment. Apply with the "
                 "evidence "
                 "checklist (assessor records and predicted grades), and record the units as they are assessed. You may opt out and claim "
                 "as usual."});
  EXPECT_EQ(erf.status(erf.learner).stage, v1::REGISTERED);
  // And back again, and issued.
  erf.play({erf.mitigation_of(Kind::CALCULATED, local("2023-04-18T09:00"))}, local("2023-04-18T09:00"));
  EXPECT_EQ(erf.told()[0].substr(0, 102), "L1: The mitigation for Diploma in Engineering has changed from adapted assessment to calculated grade.");
  erf.play({claimed(erf.learner, local("2023-06-01T09:00")), determined(erf.learner, local("2023-06-02T09:00"))}, local("2023-06-02T09:00"));
  erf.time_passes(local("2023-08-21T17:00"));
  ASSERT_EQ(erf.outputs.batches.size(), 1u);
  erf.told();
  // After issue it changes once more: told, but nothing is corrected by itself.
  erf.play({erf.mitigation_of(Kind::NO_CHANGE, local("2023-08-22T09:00"))}, local("2023-08-22T09:00"));
  EXPECT_EQ(erf.told(), Told{"L1: The mitigation for Diploma in Engineering has changed from calculated grade to no changes needed. The "
                             "result that was "
                             "issued stays as it is."});
  EXPECT_EQ(erf.outputs.batches.size(), 1u);
  EXPECT_EQ(erf.status(erf.learner).stage, v1::ISSUED);
  EXPECT_EQ(erf.status(erf.learner).basis, v1::CALCULATED_UNITS);
  erf.time_passes(local("2023-08-24T08:00"));
  EXPECT_EQ(erf.outputs.batches.size(), 1u);
  EXPECT_EQ(erf.status(erf.learner).stage, v1::RELEASED);
}

TEST(ErfStory, a_computed_result_follows_from_calculated_units_and_stays_once_issued) {
  Erf erf;
  Ref ref{.qualification = "601/0063/1", .learner = "L1"};
  v1::Event graded = engineering(ref.qualification, "Diploma in Grades", v1::SIZE_DIPLOMA, {"U1", "U2", "U3", "U4"});
  graded.mutable_qualification_defined()->set_determination(v1::DETERMINATION_COMPUTED);
  auto* grading = graded.mutable_qualification_defined()->mutable_grading();
  for (auto [grade, points] : {std::pair{"D", 3u}, {"M", 2u}, {"P", 1u}}) {
    grading->add_points()->set_grade(grade);
    grading->mutable_points(grading->points_size() - 1)->set_points(points);
  }
  for (auto [grade, points] : {std::pair{"Distinction", 10u}, {"Merit", 7u}, {"Pass", 4u}}) {
    grading->add_boundaries()->set_grade(grade);
    grading->mutable_boundaries(grading->boundaries_size() - 1)->set_points(points);
  }
  Ref everywhere{.centre = "", .qualification = ref.qualification, .learner = ""};
  erf.play({graded, erf.mitigation_of(Kind::CALCULATED, local("2023-04-03T09:00"), everywhere), registered(ref, local("2022-10-03T09:00"))},
           local("2023-04-03T10:00"));
  erf.play({outcome(ref, local("2023-02-01T09:00"), "U1", {}, "D"), outcome(ref, local("2023-02-01T09:00"), "U2", {}, "D"),
            outcome(ref, local("2023-02-01T09:00"), "U3", {}, "P"), claimed(ref, local("2023-04-04T09:00")),
            applied(ref, local("2023-04-04T09:00"), {"U4"}, "2023-05-15", {"predicted grades", "assessor records"})},
           local("2023-04-04T10:00"));
  erf.verify(ref, "2023-04-10");
  EXPECT_EQ(erf.status(ref).stage, v1::READY);
  erf.time_passes(local("2023-08-21T17:00"));
  // Two distinctions and a pass: the one in the middle is a distinction, which makes 10 points.
  ASSERT_EQ(erf.outputs.batches.size(), 1u);
  EXPECT_EQ(erf.entry(ref)->issued.grade.view(), "Distinction");
  EXPECT_EQ(erf.entry(ref)->issued.basis, v1::CALCULATED_UNITS);
  // By another calculation, defined afterwards, it would be a merit. It is not corrected by itself...
  v1::Event lowest = erf.mitigation_of(Kind::CALCULATED, local("2023-08-22T09:00"), everywhere);
  lowest.mutable_mitigation_defined()->set_calculation(Kind::LOWEST);
  erf.play({lowest}, local("2023-08-22T09:00"));
  EXPECT_EQ(erf.outputs.batches.size(), 1u);
  // ... but by the awarding organisation's word.
  erf.play({amended(ref, local("2023-08-23T09:00"), "Merit")}, local("2023-08-23T09:00"));
  ASSERT_EQ(erf.outputs.batches.size(), 2u);
  EXPECT_EQ(erf.outputs.batches[1].kind(), v1::ResultBatch::CORRECTION);
  EXPECT_EQ(erf.entry(ref)->issued.grade.view(), "Merit");
}

TEST(ErfStory, all_of_it_is_there_after_a_restart) {
  Erf erf;
  Ref shrunk{.qualification = kCertificate, .learner = "L1"};
  erf.play({erf.mitigation_of(Kind::CALCULATED, local("2023-04-03T09:00")), registered(shrunk, local("2022-10-03T09:00")),
            moved_from(shrunk, local("2023-05-02T09:00"), kDiploma),
            applied(erf.learner, local("2023-05-02T09:00"), {"U4"}, "2023-05-15", {"predicted grades", "assessor records"})},
           local("2023-05-02T10:00"));
  erf.verify(erf.learner, "2023-05-10");
  std::string calculated = erf.described(erf.learner).SerializeAsString(), refused = erf.described(shrunk).SerializeAsString();
  std::size_t told = erf.outputs.notifications.size();
  erf.pipeline = std::make_unique<Pipeline>(erf.policy, TimeSource::wall, 2, erf.store, erf.outputs);
  erf.pipeline->restore();
  EXPECT_EQ(erf.described(erf.learner).SerializeAsString(), calculated);
  EXPECT_EQ(erf.described(shrunk).SerializeAsString(), refused);
  erf.play({claimed(erf.learner, local("2023-05-11T09:00"))}, local("2023-05-11T09:00"));
  EXPECT_EQ(erf.status(erf.learner).basis, v1::CALCULATED_UNITS);
  EXPECT_EQ(erf.outputs.notifications.size(), told) << "nothing is told again";
}

TEST(ErfStory, shrinking_the_diploma_to_a_certificate_is_refused) {
  Erf erf;
  Ref shrunk{.qualification = kCertificate, .learner = "L1"};
  Ref before{.qualification = kCertificate, .learner = "L2"};
  erf.play({erf.mitigation_of(Kind::CALCULATED, local("2023-04-03T09:00")), registered(shrunk, local("2022-10-03T09:00")),
            moved_from(shrunk, local("2023-05-02T09:00"), kDiploma), registered(before, local("2022-10-03T09:00")),
            moved_from(before, local("2023-03-19T23:59"), kDiploma), achieved(shrunk, local("2023-03-01T09:00"), {"U1", "U2"}),
            claimed(shrunk, local("2023-05-03T09:00")), determined(shrunk, local("2023-05-04T09:00"))},
           local("2023-05-04T10:00"));
  EXPECT_EQ(erf.way(shrunk),
            "The change from Diploma in Engineering to Certificate in Engineering during a mitigation is refused: a qualification is not "
            "made "
            "smaller to fit what was done; register the learner for Diploma in Engineering again and claim it with the mitigation");
  EXPECT_EQ(erf.status(shrunk).step, v1::CORRECT_REGISTRATION);
  EXPECT_EQ(erf.status(shrunk).owner, v1::CENTRE);
  EXPECT_EQ(erf.status(shrunk).stage, v1::CLAIMED) << "held";
  EXPECT_EQ(erf.status(before).rule, Rule::none) << "the day before the disruption";
  // Opted out of the diploma's mitigation, the change is an ordinary one; and refused again when that is taken back.
  Ref of_diploma{.qualification = kDiploma, .learner = ""};
  erf.play({opted_out(of_diploma, local("2023-05-05T09:00"))}, local("2023-05-05T09:00"));
  EXPECT_EQ(erf.status(shrunk).stage, v1::READY);
  erf.play({opted_out(of_diploma, local("2023-05-06T09:00"), false)}, local("2023-05-06T09:00"));
  EXPECT_EQ(erf.status(shrunk).rule, Rule::size_change);
  // The mitigation is taken back: nothing is refused.
  erf.play({erf.mitigation_of(Kind::NO_CHANGE, local("2023-05-10T09:00"))}, local("2023-05-10T09:00"));
  EXPECT_EQ(erf.status(shrunk).stage, v1::READY);
}

}  // namespace
}  // namespace vtq::test
