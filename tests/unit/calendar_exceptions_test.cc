// Calendars with gates of a qualification or a centre, several checkpoint windows, and declarations.
#include "tests/support/release.h"

namespace vtq::test {
namespace {

constexpr const char* kQualification = "601/0001/5";
const TimeMs kSaidAt = local("2023-03-01T09:00");

v1::Event level_3_calendar(TimeMs at = kSaidAt) {
  v1::Event event;
  for (v1::Event& one : reference_data())
    if (one.has_calendar_defined() && one.calendar_defined().level() == v1::LEVEL_3) event = one;
  event.set_id("calendar-" + std::to_string(at));
  event.mutable_occurred_at()->set_seconds(at / 1000);
  return event;
}

v1::Event with_exception(v1::Event event, const std::string& qualification, const std::string& centre, const std::string& centre_release,
                         const std::string& learner_release) {
  auto* one = event.mutable_calendar_defined()->add_gate_exceptions();
  one->set_qualification(qualification);
  one->set_centre(centre);
  one->set_centre_release(centre_release);
  one->set_learner_release(learner_release);
  if (centre_release.empty()) one->set_embargo(v1::CalendarDefined::EMBARGO_NONE);
  return event;
}

struct Dates : StartedSeason {
  TimeMs gate(const std::string& qualification, const std::string& centre) {
    const Calendar* found = pipeline->reference().calendar({AwardingOrganisationId{5001}, v1::LEVEL_3, *parse_series("2023-08")},
                                                           *parse_qualification(qualification), *parse_centre(centre));
    return found->centre_release;
  }
};

const TimeMs kGeneral = local("2023-08-16T00:01");

TEST(GateException, of_a_qualification_a_centre_or_both_holds_there_alone) {
  Dates season;
  v1::Event event = with_exception(level_3_calendar(), kQualification, "", "2023-08-17T00:01", "2023-08-18T08:00");
  event = with_exception(event, "", "54321", "2023-08-18T00:01", "2023-08-19T08:00");
  event = with_exception(event, "601/0003/9", "54321", "2023-08-20T00:01", "2023-08-21T08:00");
  season.play({event}, kSaidAt);
  EXPECT_EQ(season.gate("601/0003/9", "12345"), kGeneral);
  EXPECT_EQ(season.gate(kQualification, "12345"), local("2023-08-17T00:01"));
  EXPECT_EQ(season.gate("601/0009/8", "54321"), local("2023-08-18T00:01"));
  EXPECT_EQ(season.gate(kQualification, "54321"), local("2023-08-18T00:01")) << "the later of both";
  EXPECT_EQ(season.gate("601/0003/9", "54321"), local("2023-08-20T00:01"));
}

TEST(GateException, moves_later_by_one_word_and_earlier_by_two_approvers_alone) {
  for (const char* earlier : {"2023-08-15T00:01", ""}) {
    Dates season;
    v1::Event event = with_exception(level_3_calendar(), kQualification, "", earlier, *earlier ? "2023-08-17T08:00" : "");
    std::vector<Verdict> verdicts = season.play({event}, kSaidAt);
    ASSERT_TRUE(verdicts[0].why.has_value());
    EXPECT_EQ(verdicts[0].why->rule, "gate-not-earlier");
    EXPECT_EQ(season.gate(kQualification, "12345"), kGeneral);
    season.play({approved(kSaidAt + 1, digest_of(event), "key a"), approved(kSaidAt + 1, digest_of(event), "key b")}, kSaidAt + 1);
    EXPECT_EQ(season.gate(kQualification, "12345"), *earlier ? local(earlier) : 0);
    EXPECT_EQ(season.gate("601/0003/9", "12345"), kGeneral);
  }
}

TEST(GateException, that_a_later_calendar_leaves_out_opens_nothing_earlier) {
  Dates season;
  season.play({with_exception(level_3_calendar(), "", "12345", "2023-08-18T00:01", "2023-08-19T08:00")}, kSaidAt);
  season.play({level_3_calendar(kSaidAt + 1000)}, kSaidAt + 1000);
  EXPECT_EQ(season.gate(kQualification, "12345"), local("2023-08-18T00:01"));
  EXPECT_EQ(season.gate(kQualification, "54321"), kGeneral);
}

TEST(GateException, of_a_centre_stays_shut_under_a_delay_that_ends_before_it) {
  Dates season;
  season.play({with_exception(level_3_calendar(), "", "12345", "2023-09-18T00:01", "2023-09-19T08:00")}, kSaidAt);
  v1::Event delay;
  delay.set_id("delay");
  delay.set_source("portal");
  delay.mutable_occurred_at()->set_seconds(kSaidAt / 1000);
  auto* fact = delay.mutable_mitigation_defined();
  fact->set_qualification(kQualification);
  fact->set_series("2023-08");
  fact->set_kind(v1::MitigationDefined::DELAYED);
  fact->set_expected_on("2023-08-01");
  season.play({delay}, kSaidAt);
  season.play(with_result({}), local("2023-05-21T09:00"));
  season.time_passes(local("2023-08-17T09:00"));
  EXPECT_EQ(season.status({}).stage, v1::ISSUED);
  season.time_passes(local("2023-09-19T08:00"));
  EXPECT_EQ(season.status({}).stage, v1::RELEASED);
}

TEST(GateException, is_kept_by_the_batch_that_goes_under_it) {
  Dates season;
  season.play({with_exception(level_3_calendar(), "", "54321", "2023-08-18T00:01", "2023-08-19T08:00")}, kSaidAt);
  Ref other{.centre = "54321"};
  season.play(with_result({}), local("2023-05-21T09:00"));
  season.play(with_result(other), local("2023-05-21T10:00"));
  season.time_passes(local("2023-08-17T09:00"));
  EXPECT_EQ(season.status({}).stage, v1::RELEASED);
  EXPECT_EQ(season.status(other).stage, v1::ISSUED);
  season.time_passes(local("2023-08-19T08:00"));
  EXPECT_EQ(season.status(other).stage, v1::RELEASED);
}

TEST(GateOfMovedQualification, opens_no_earlier_than_where_the_qualification_was) {
  for (bool late : {false, true}) {
    Dates season;
    v1::Event open = level_3_calendar();
    open.set_id("open");
    auto* dates = open.mutable_calendar_defined();
    dates->set_level(v1::LEVEL_OTHER);
    dates->set_embargo(v1::CalendarDefined::EMBARGO_NONE);
    dates->clear_centre_release();
    dates->clear_learner_release();
    v1::Event moved, before;
    for (const v1::Event& one : reference_data())
      if (one.has_qualification_defined() && one.qualification_defined().qualification() == kQualification) moved = before = one;
    moved.set_id("moved");
    moved.mutable_occurred_at()->set_seconds(kSaidAt / 1000);
    moved.mutable_qualification_defined()->set_level(v1::LEVEL_OTHER);
    season.play({open, moved}, kSaidAt);
    // A word that came late counts as well.
    before.set_id("before");
    before.mutable_occurred_at()->set_seconds(before.occurred_at().seconds() + 1);
    if (late) season.play({before}, kSaidAt);
    season.play(with_result({}), local("2023-05-21T09:00"));
    Pipeline restarted(season.policy, TimeSource::wall, 2, season.store, season.outputs);
    restarted.restore();
    for (const Reference* reference : {&season.pipeline->reference(), &restarted.reference()}) {
      const Qualification& qualification = *reference->qualification(*parse_qualification(kQualification));
      const SeriesId series = *parse_series("2023-08");
      const Calendar* stands = reference->calendar({AwardingOrganisationId{5001}, v1::LEVEL_OTHER, series}, qualification.id);
      auto kept = reference->kept_shut(qualification, series, *parse_centre("12345"), *stands);
      ASSERT_TRUE(kept);
      EXPECT_EQ(kept->centre_release, kGeneral);
    }
    season.time_passes(local("2023-08-16T12:00"));
    EXPECT_EQ(season.status({}).stage, v1::ISSUED);
    season.time_passes(local("2023-08-17T09:00"));
    EXPECT_EQ(season.status({}).stage, v1::RELEASED);
  }
}

std::string rule_of(const v1::Event& event) {
  auto address = check(event);
  return address ? "" : address.error().rule;
}

TEST(GateException, that_is_not_well_formed_is_rejected) {
  const v1::Event plain = level_3_calendar();
  auto one = [&](const char* qualification, const char* centre, const char* from, const char* learner) {
    return with_exception(plain, qualification, centre, from, learner);
  };
  EXPECT_EQ(rule_of(one(kQualification, "", "2023-08-17T00:01", "2023-08-18T08:00")), "");
  EXPECT_EQ(rule_of(one("", "", "2023-08-17T00:01", "2023-08-18T08:00")), "gates-once");
  EXPECT_EQ(rule_of(with_exception(one(kQualification, "", "2023-08-17T00:01", "2023-08-18T08:00"), "60100015", "", "2023-08-17T00:01",
                                   "2023-08-18T08:00")),
            "gates-once");
  EXPECT_EQ(rule_of(one("", "1234", "2023-08-17T00:01", "2023-08-18T08:00")), "centre-form");
  EXPECT_EQ(rule_of(one("", "12345", "2023-08-19T00:01", "2023-08-18T08:00")), "dates-in-order");
  v1::Event both = one("", "12345", "2023-08-17T00:01", "2023-08-18T08:00");
  both.mutable_calendar_defined()->mutable_gate_exceptions(0)->set_embargo(v1::CalendarDefined::EMBARGO_NONE);
  EXPECT_EQ(rule_of(both), "embargo-or-gates");
}

// ---- checkpoint windows ----

v1::Event with_window(v1::Event event, const std::string& name, const std::string& opens, const std::string& closes) {
  auto* one = event.mutable_calendar_defined()->add_checkpoints();
  one->set_name(name);
  one->set_opens(opens);
  one->set_closes(closes);
  return event;
}

TEST(CheckpointWindows, are_asked_one_after_another_until_the_centre_answers) {
  Dates season;
  season.play({with_window(level_3_calendar(), "summer", "2023-06-05T09:00", "2023-06-16T17:00")}, kSaidAt);
  season.play({registered({}, local("2023-03-02T09:00"))}, local("2023-03-02T09:00"));
  season.time_passes(local("2023-05-10T09:00"));
  EXPECT_EQ(season.status({}).step, v1::ANSWER_CHECKPOINT);
  EXPECT_EQ(season.status({}).due_ms, local("2023-05-26T17:00"));
  season.time_passes(local("2023-05-26T17:00"));
  EXPECT_EQ(season.status({}).due_ms, local("2023-06-16T17:00"));
  season.time_passes(local("2023-06-17T09:00"));
  EXPECT_EQ(season.status({}).due_ms, local("2023-06-16T17:00"));
  season.play({answered({}, local("2023-06-18T09:00"))}, local("2023-06-18T09:00"));
  EXPECT_NE(season.status({}).step, v1::ANSWER_CHECKPOINT);
}

TEST(CheckpointWindows, go_in_their_order_and_have_names) {
  const v1::Event plain = level_3_calendar();
  EXPECT_EQ(rule_of(with_window(plain, "summer", "2023-05-26T17:00", "2023-06-16T17:00")), "");
  EXPECT_EQ(rule_of(with_window(plain, "summer", "2023-05-26T16:59", "2023-06-16T17:00")), "dates-in-order");
  EXPECT_EQ(rule_of(with_window(plain, "summer", "2023-06-16T17:01", "2023-06-16T17:00")), "dates-in-order");
  EXPECT_EQ(rule_of(with_window(plain, "", "2023-05-26T17:00", "2023-06-16T17:00")), "code-form");
  v1::Event declared = with_window(plain, "summer", "2023-05-26T17:00", "2023-06-16T17:00");
  auto* one = declared.mutable_calendar_defined()->add_declarations();
  one->set_name("summer");
  one->set_due("2023-06-16T17:00");
  EXPECT_EQ(rule_of(declared), "windows-named");
  one->set_name("entries complete");
  EXPECT_EQ(rule_of(declared), "");
}

}  // namespace
}  // namespace vtq::test
