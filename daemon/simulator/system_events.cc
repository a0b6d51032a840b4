// The facts of centre assessment scrutiny and of mitigations, and how units stand where they have learning outcomes.
#include "daemon/simulator/centre_events.h"

namespace vtq::simulator {

namespace {

using std::chrono::days;

std::string outcome_code(std::size_t index) { return "LO" + std::to_string(index + 1); }

}  // namespace

std::string CentreEvents::grade_not_achieved(const Qualification& q, const UnitOffer& unit) const {
  return q.by_table && (unit.code == "CORE" || unit.code == "SPECIALISM") ? "Unclassified" : q.unit_scale->not_achieved.front();
}

void CentreEvents::add_standing(v1::OutcomeRecorded& recorded, const UnitOffer& unit, bool achieved, std::string grade) {
  if (cohort_->qualification->system == System::outcomes) {
    // Not yet: all of the outcomes but the last.
    for (std::size_t i = 0; i < kOutcomesPerUnit; ++i) {
      auto& outcome = *recorded.add_outcomes();
      outcome.set_unit(unit.code);
      outcome.set_learning_outcome(outcome_code(i));
      outcome.set_standing(achieved || i + 1 < kOutcomesPerUnit ? v1::Outcome::ACHIEVED : v1::Outcome::NOT_YET_ACHIEVED);
    }
    return;
  }
  auto& outcome = *recorded.add_outcomes();
  outcome.set_unit(unit.code);
  outcome.set_standing(achieved ? v1::Outcome::ACHIEVED : v1::Outcome::NOT_YET_ACHIEVED);
  outcome.set_grade(std::move(grade));
  if (achieved && rng_.chance(0.1)) outcome.set_mark(static_cast<std::uint32_t>(rng_.between(20, 90)));
}

// What makes no difference: some outcomes of a unit that lacks others, and the other unit of a barred pair.
void CentreEvents::add_beside_the_units(v1::OutcomeRecorded& recorded, const CohortCourse& cohort, const Course& course) {
  const Qualification& q = *cohort.qualification;
  if (q.system == System::outcomes && course.units_missing > 0) add_standing(recorded, q.units[cohort.units.back()], false, {});
  if (!course.surplus) return;
  for (const std::size_t unit : cohort.units) {
    if (unit == q.group_units[0]) add_standing(recorded, q.units[q.group_units[1]], true, "Pass");
    if (unit == q.group_units[1]) add_standing(recorded, q.units[q.group_units[0]], true, "Pass");
  }
}

void CentreEvents::add_visit(const CohortCourse& cohort, const std::string& name, Millis recorded) {
  auto& visit = *begin("quality", recorded).mutable_monitoring_recorded();
  visit.set_centre(centre_.number);
  visit.set_awarding_organisation(organisation(cohort.qualification->awarding_organisation));
  visit.set_qualification(cohort.qualification->number);
  visit.set_monitoring(name);
  visit.set_visited_on(date_text(london_day(recorded)));
  visit.set_grade(static_cast<std::uint32_t>(rng_.between(1, 2)));
  visit.set_assurer("EQA-" + std::to_string(1 + rng_.below(9)));
  visit.set_learners_sampled(std::min<std::uint32_t>(cohort.size, 10));
  publish(recorded);
}

void CentreEvents::add_scrutiny(const CohortCourse& cohort) {
  const std::string& number = organisation(cohort.qualification->awarding_organisation);
  const Millis approved = cohort.registered - rng_.between(10, 30) * kDay;
  auto& centre = *begin("quality", approved).mutable_centre_approved();
  centre.set_centre(centre_.number);
  centre.set_awarding_organisation(number);
  centre.set_qualification(cohort.qualification->number);
  centre.set_status(v1::CentreApproved::APPROVED);
  publish(approved);
  for (const char* staff : {"A-1", "A-2"}) {
    const Millis at = approved + rng_.between(1, 5) * kDay;
    auto& fact = *begin("quality", at).mutable_staff_approved();
    fact.set_centre(centre_.number);
    fact.set_awarding_organisation(number);
    fact.set_qualification(cohort.qualification->number);
    fact.set_staff(staff);
    fact.set_role(v1::StaffApproved::ASSESSOR);
    fact.set_approved(true);
    publish(at);
  }
  const Millis planned = cohort.visited - 14 * kDay;
  auto& plan = *begin("quality", planned).mutable_monitoring_planned();
  plan.set_centre(centre_.number);
  plan.set_awarding_organisation(number);
  plan.set_qualification(cohort.qualification->number);
  plan.set_monitoring("M-1");
  plan.set_planned_on(date_text(london_day(cohort.visited)));
  plan.set_seed(rng_.below(1'000'000));
  publish(planned);
  add_visit(cohort, "M-1", cohort.visited);
  if (cohort.visited_again != 0) add_visit(cohort, "M-2", cohort.visited_again);
  for (const bool in_force : {true, false}) {
    const Millis at = in_force ? cohort.sanctioned : cohort.sanction_lifted;
    if (at == 0) break;
    auto& sanction = *begin("quality", at).mutable_sanction_decided();
    sanction.set_centre(centre_.number);
    sanction.set_awarding_organisation(number);
    sanction.set_qualification(cohort.qualification->number);
    sanction.set_sanction("S-" + cohort.qualification->number.substr(4, 4));
    sanction.set_kind(v1::SanctionDecided::CERTIFICATION_SUSPENDED);
    sanction.set_in_force(in_force);
    publish(at);
  }
  if (cohort.action_done == 0) return;
  for (const bool done : {false, true}) {
    const Millis at = done ? cohort.action_done : london(cohort.action_due - days{45}, 10);
    auto& action = *begin("quality", at).mutable_action_plan();
    action.set_centre(centre_.number);
    action.set_awarding_organisation(number);
    action.set_qualification(cohort.qualification->number);
    action.set_action("ACTION-1");
    action.set_due_on(date_text(cohort.action_due));
    action.set_done(done);
    publish(at);
  }
}

void CentreEvents::add_opting_out(const CohortCourse& cohort) {
  auto& out = *begin("mitigations", cohort.opted_out).mutable_mitigation_opted_out();
  out.set_centre(centre_.number);
  out.set_qualification(cohort.qualification->number);
  out.set_series(season_.series);
  out.set_opted_out(true);
  publish(cohort.opted_out);
}

void CentreEvents::add_application(const CohortCourse& cohort) {
  const Qualification& q = *cohort.qualification;
  auto& application = *begin("mitigations", cohort.applied).mutable_mitigation_applied();
  application.set_centre(centre_.number);
  application.set_qualification(q.number);
  application.set_series(season_.series);
  if (q.system == System::calculated) {
    auto& unit = *application.add_units();
    unit.set_unit(q.units[cohort.units.back()].code);
    unit.set_due_on(date_text(cohort.unit_due));
  }
  for (const auto& item : kMitigationEvidence) application.add_evidence(std::string{item});
  publish(cohort.applied);
  for (const auto& [at, stage] :
       {std::pair{cohort.panel, v1::MitigationReviewed::PANEL}, std::pair{cohort.verified, v1::MitigationReviewed::VERIFICATION}}) {
    auto& review = *begin("mitigations", at).mutable_mitigation_reviewed();
    review.set_centre(centre_.number);
    review.set_qualification(q.number);
    review.set_series(season_.series);
    review.set_stage(stage);
    review.set_conclusion(v1::MitigationReviewed::SUFFICIENT);
    publish(at);
  }
}

}  // namespace vtq::simulator
