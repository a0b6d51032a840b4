#include "daemon/simulator/centre_events.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace vtq::simulator {

namespace {

using std::chrono::days;

constexpr double kDuplicated = 0.005;
constexpr double kDelayed = 0.005;

}  // namespace

std::string EventIds::next() {
  std::string id = "00000000";
  std::uint64_t rest = ++last_;
  for (std::size_t i = id.size(); i > 0 && rest > 0; rest /= 36) id[--i] = "0123456789abcdefghijklmnopqrstuvwxyz"[rest % 36];
  return id;
}

v1::Event& CentreEvents::begin(std::string_view source, Millis at) {
  event_.Clear();
  event_.set_id(ids_.next());
  event_.set_source(std::string{source});
  event_.mutable_occurred_at()->set_seconds(at / kSecond);
  event_.mutable_occurred_at()->set_nanos(static_cast<std::int32_t>(at % kSecond) * 1'000'000);
  return event_;
}

// Some arrive late, but only while order does not matter; some twice, at any time.
void CentreEvents::publish(Millis at, Millis delay) {
  if (delay == 0 && rng_.chance(kDelayed)) {
    delay = static_cast<Millis>(std::min(rng_.exponential(9.0 * kHour), 5.0 * kDay)) + kMinute;
  }
  if (at + delay >= season_.order_matters_from) delay = 0;
  Millis again = 0;
  if (rng_.chance(kDuplicated)) {
    again = at + delay + kSecond + static_cast<Millis>(std::min(rng_.exponential(4.0 * kHour), 2.0 * kDay));
    if (again >= season_.ends) again = 0;
  }
  summary_.delayed += delay != 0;
  summary_.duplicates += again != 0;
  book_.add(event_, at + delay, again);
}

void CentreEvents::name_entry(v1::EntryRef& entry) const {
  entry.set_centre(centre_.number);
  entry.set_qualification(cohort_->qualification->number);
  entry.set_series(season_.series);
  entry.set_learner(learner_->number);
}

void CentreEvents::add_approval(std::size_t awarding_organisation, bool monitored) {
  const Millis at = season_.reference_from + (1 + static_cast<Millis>(rng_.below(20))) * kDay + 9 * kHour;
  auto& approved = *begin("quality", at).mutable_centre_approved();
  approved.set_centre(centre_.number);
  approved.set_awarding_organisation(organisation(awarding_organisation));
  approved.set_status(v1::CentreApproved::APPROVED);
  approved.set_direct_claims(rng_.chance(0.6));
  publish(at);
  if (!monitored) return;
  const Day visited = working_day(day_of(season_.year - 1, 11, 1) + days{rng_.between(0, 120)});
  const Millis recorded = london(visited + days{1}, 10) + static_cast<Millis>(rng_.below(4 * kHour));
  auto& monitoring = *begin("quality", recorded).mutable_monitoring_recorded();
  monitoring.set_centre(centre_.number);
  monitoring.set_awarding_organisation(organisation(awarding_organisation));
  monitoring.set_monitoring("VISIT-1");
  monitoring.set_visited_on(date_text(visited));
  monitoring.set_grade(rng_.chance(0.8) ? 1 : 2);
  publish(recorded);
}

void CentreEvents::add_declaration(std::size_t awarding_organisation, v1::Level level) {
  const Dates& dates = season_.dates_for(awarding_organisation, level);
  const Millis at = london(dates.checkpoint_closes - days{1}, 10) + static_cast<Millis>(rng_.below(6 * kHour));
  auto& declared = *begin("checkpoint", at).mutable_centre_declared();
  declared.set_centre(centre_.number);
  declared.set_awarding_organisation(organisation(awarding_organisation));
  declared.set_series(season_.series);
  declared.set_level(level);
  publish(at);
}

void CentreEvents::add_passing_hold(std::size_t awarding_organisation) {
  const Millis placed = london(day_of(season_.year, 6, 1) + days{rng_.between(0, 20)}, 14);
  const Millis lifted = placed + rng_.between(2, 30) * kDay;
  auto& hold = *begin("quality", placed).mutable_hold_placed();
  hold.set_hold("H" + std::to_string(++holds_));
  hold.set_centre(centre_.number);
  hold.set_awarding_organisation(organisation(awarding_organisation));
  hold.set_cause(v1::HoldPlaced::AWARDING_ORGANISATION);
  publish(placed);
  auto& gone = *begin("quality", lifted).mutable_hold_lifted();
  gone.set_hold("H" + std::to_string(holds_));
  gone.set_centre(centre_.number);
  gone.set_awarding_organisation(organisation(awarding_organisation));
  publish(lifted);
}

void CentreEvents::add_cohort(const CohortCourse& cohort) {
  gone_ = 0;
  if (cohort.sample_not_required) {
    const Millis at = london(day_of(season_.year, 4, 3) + days{rng_.between(0, 20)}, 11);
    auto& sample = *begin("quality", at).mutable_sample_decided();
    sample.set_centre(centre_.number);
    sample.set_qualification(cohort.qualification->number);
    sample.set_series(season_.series);
    sample.set_status(v1::SampleDecided::NOT_REQUIRED);
    publish(at);
  }
  add_sample(cohort, cohort.sample, "");
  add_hold(cohort, cohort.hold, "");
  if (cohort.visited != 0) add_scrutiny(cohort);
  if (cohort.applied != 0) add_application(cohort);
  if (cohort.opted_out != 0) add_opting_out(cohort);
}

void CentreEvents::add_sample(const CohortCourse& cohort, const Sample& sample, std::string_view learner) {
  const std::pair<Millis, v1::SampleDecided::Status> steps[] = {{sample.asked, v1::SampleDecided::AWAITING_CENTRE},
                                                                {sample.received, v1::SampleDecided::WITH_AWARDING_ORGANISATION},
                                                                {sample.refused, v1::SampleDecided::NOT_SATISFIED},
                                                                {sample.decided, v1::SampleDecided::SATISFIED}};
  for (const auto& [at, status] : steps) {
    if (at == 0) continue;
    auto& decided = *begin("quality", at).mutable_sample_decided();
    decided.set_centre(centre_.number);
    decided.set_qualification(cohort.qualification->number);
    decided.set_series(season_.series);
    decided.set_learner(std::string{learner});
    decided.set_status(status);
    decided.set_due_on(date_text(sample.due));
    if (status != v1::SampleDecided::AWAITING_CENTRE && sample.responded_on_known) decided.set_responded_on(date_text(sample.responded));
    publish(at);
  }
}

void CentreEvents::add_hold(const CohortCourse& cohort, const Hold& hold, std::string_view learner) {
  if (hold.placed == 0) return;
  const std::string name = "H" + std::to_string(++holds_);
  auto& placed = *begin("quality", hold.placed).mutable_hold_placed();
  placed.set_hold(name);
  placed.set_centre(centre_.number);
  placed.set_awarding_organisation(organisation(cohort.qualification->awarding_organisation));
  placed.set_qualification(cohort.qualification->number);
  placed.set_series(season_.series);
  placed.set_learner(std::string{learner});
  placed.set_cause(hold.cause);
  publish(hold.placed);
  if (hold.lifted == 0) return;
  auto& lifted = *begin("quality", hold.lifted).mutable_hold_lifted();
  lifted.set_hold(name);
  lifted.set_centre(centre_.number);
  lifted.set_awarding_organisation(organisation(cohort.qualification->awarding_organisation));
  publish(hold.lifted);
}

void CentreEvents::add_entry(const CohortCourse& cohort, const Course& course, std::size_t index, const Learner& learner) {
  learner_ = &learner;
  cohort_ = &cohort;
  gone_ = course.gone;
  add_registration(cohort, course);
  add_answers(cohort, course);
  add_outcomes(cohort, course, index);
  add_consideration(course);
  add_claims(cohort, course);
  add_results(cohort, course);
  if (course.sample.asked != 0) add_sample(cohort, course.sample, learner.number);
  add_hold(cohort, course.hold, learner.number);
}

void CentreEvents::add_registration(const CohortCourse& cohort, const Course& course) {
  auto& registered = *begin("registrations", course.registered).mutable_registered();
  name_entry(*registered.mutable_entry());
  registered.set_uln(learner_->uln);
  registered.set_uci(learner_->uci);
  const Qualification& q = *cohort.qualification;
  if (q.system != System::none) registered.set_cohort(std::to_string(season_.year) + "-A");
  const bool has_pathway = q.system == System::combination;
  if (has_pathway && course.pathway_told == 0) registered.set_pathway(q.units[q.pathway_units[cohort.pathway]].code);
  publish(course.registered, course.registered_delay);
  if (has_pathway && course.pathway_told != 0) {
    auto& again = *begin("registrations", course.pathway_told).mutable_registered();
    name_entry(*again.mutable_entry());
    again.set_uln(learner_->uln);
    again.set_uci(learner_->uci);
    again.set_cohort(std::to_string(season_.year) + "-A");
    again.set_pathway(q.units[q.pathway_units[cohort.pathway]].code);
    publish(course.pathway_told);
  }
  if (course.changed != 0 && (gone_ == 0 || course.changed < gone_)) {
    auto& changed = *begin("registrations", course.changed).mutable_registration_changed();
    name_entry(*changed.mutable_entry());
    changed.set_change(course.change);
    if (course.fate == Fate::size_change_refused) changed.set_from_qualification(q.larger);
    publish(course.changed);
  }
  if (gone_ == 0) return;
  auto& event = begin("registrations", gone_);
  if (course.fate == Fate::transferred) {
    name_entry(*event.mutable_transferred()->mutable_entry());
    event.mutable_transferred()->set_to_centre(centre_.neighbour);
  } else {
    name_entry(*event.mutable_withdrawn()->mutable_entry());
    event.mutable_withdrawn()->set_reason("left the course");
  }
  publish(gone_);
}

void CentreEvents::add_answers(const CohortCourse& cohort, const Course& course) {
  for (const auto& [at, answer] : course.answers) {
    if (gone_ != 0 && at > gone_) break;
    auto& answered = *begin("checkpoint", at).mutable_checkpoint_answered();
    name_entry(*answered.mutable_entry());
    answered.set_answer(answer);
    if (answer == v1::CheckpointAnswered::NEEDED) {
      answered.set_route(rng_.chance(0.7) == (cohort.qualification->level == v1::LEVEL_3) ? v1::CheckpointAnswered::HIGHER_EDUCATION
                                                                                          : v1::CheckpointAnswered::FURTHER_EDUCATION);
      if (rng_.chance(0.2)) {
        answered.set_estimated_completion(date_text(london_day(cohort.sessions.back())));
        answered.mutable_predicted_grade()->set_scale(cohort.qualification->scale->name);
        answered.mutable_predicted_grade()->set_value(cohort.qualification->scale->value(course.overall_grade));
      }
    }
    publish(at);
  }
}

const OverallGrade* CentreEvents::overall_grade(const CohortCourse& cohort, const Course& course) {
  const auto& rows = cohort.qualification->overall_grades;
  if (rows.empty()) return nullptr;
  // Of a partial achievement one component is there, any of them.
  const std::string& wanted = cohort.qualification->scale->value(course.overall_grade);
  std::vector<const OverallGrade*> leading_to_it;
  for (const auto& row : rows) {
    if (row.overall == wanted) leading_to_it.push_back(&row);
  }
  return leading_to_it.empty() ? &rows.front() : rng_.pick(leading_to_it);
}

std::string CentreEvents::unit_grade(const CohortCourse& cohort, const Course& course, std::size_t place, const OverallGrade* overall) {
  const Qualification& qualification = *cohort.qualification;
  const UnitOffer& unit = qualification.units[cohort.units[place]];
  if (!course.unit_grades.empty()) return qualification.unit_scale->achieved[course.unit_grades[place]];
  if (overall == nullptr) return rng_.pick(qualification.unit_scale->achieved);
  if (qualification.by_table && unit.code != "CORE" && unit.code != "SPECIALISM") return "Pass";
  if (unit.code == "SPECIALISM") return overall->specialism;
  return unit.code == "PLACEMENT" ? "Pass" : overall->core;
}

void CentreEvents::add_outcomes(const CohortCourse& cohort, const Course& course, std::size_t index) {
  const Qualification& q = *cohort.qualification;
  const OverallGrade* overall = overall_grade(cohort, course);
  const std::size_t in_sessions = cohort.units.size() - course.units_missing, sessions = cohort.sessions.size();
  const std::size_t from = course.prior_learning != 0 ? 1 : 0;
  const std::size_t again_in = course.resubmits && sessions > 1 ? rng_.below(sessions - 1) : sessions;
  std::optional<std::size_t> again;
  const auto add = [&](v1::OutcomeRecorded& recorded, std::size_t place, bool achieved) {
    const UnitOffer& unit = q.units[cohort.units[place]];
    // The specialism of a partial achievement.
    const bool never = course.fate == Fate::partial_achievement && unit.code == "SPECIALISM";
    std::string grade = achieved && !never ? unit_grade(cohort, course, place, overall) : grade_not_achieved(q, unit);
    add_standing(recorded, unit, achieved && !never, std::move(grade));
  };
  for (std::size_t session = 0; session < sessions; ++session) {
    const Millis at = course.session(cohort, session, index);
    if (gone_ != 0 && at > gone_) break;
    auto& recorded = *begin(q.automatic && session + 1 == sessions ? "results" : "assessment", at).mutable_outcome_recorded();
    if (again) add(recorded, *std::exchange(again, std::nullopt), true);
    for (std::size_t unit = session; unit < in_sessions; unit += sessions) {
      if (unit < from) continue;
      const bool achieved = session != again_in || again.has_value();
      if (!achieved) again = unit;
      add(recorded, unit, achieved);
    }
    if (session + 1 == sessions) add_beside_the_units(recorded, cohort, course);
    if (recorded.outcomes().empty()) continue;
    if (cohort.visited != 0) {
      recorded.set_assessor("A-" + std::to_string(1 + session % 2));
      recorded.set_method(session % 3 == 0 ? v1::OBSERVATION : v1::PORTFOLIO);
    }
    name_entry(*recorded.mutable_entry());
    publish(at);
  }
  if (course.missing_at != 0) {
    auto& recorded = *begin("assessment", course.missing_at).mutable_outcome_recorded();
    name_entry(*recorded.mutable_entry());
    for (std::size_t unit = in_sessions; unit < cohort.units.size(); ++unit) add(recorded, unit, true);
    publish(course.missing_at);
  }
  if (course.prior_learning != 0) {
    auto& prior = *begin("assessment", course.prior_learning).mutable_prior_learning_recognised();
    name_entry(*prior.mutable_entry());
    prior.set_unit(q.units[cohort.units.front()].code);
    prior.set_kind(static_cast<v1::PriorLearningRecognised::Kind>(rng_.between(1, 3)));
    if (!course.unit_grades.empty()) prior.set_grade(q.unit_scale->achieved[course.unit_grades.front()]);
    publish(course.prior_learning);
  }
}

void CentreEvents::add_consideration(const Course& course) {
  const std::pair<Millis, bool> steps[] = {{course.consideration_requested, false}, {course.consideration_decided, true}};
  for (const auto& [at, decided] : steps) {
    if (at == 0) continue;
    auto& consideration = *begin(decided ? "results" : "assessment", at).mutable_special_consideration();
    name_entry(*consideration.mutable_entry());
    consideration.set_status(!decided           ? v1::SpecialConsideration::REQUESTED
                             : rng_.chance(0.8) ? v1::SpecialConsideration::GRANTED
                                                : v1::SpecialConsideration::REFUSED);
    if (decided || course.consideration_date_given) consideration.set_requested_on(date_text(london_day(course.consideration_requested)));
    publish(at);
  }
}

void CentreEvents::add_claims(const CohortCourse& cohort, const Course& course) {
  const std::pair<Millis, bool> steps[] = {{course.claimed, true}, {course.claim_withdrawn, false}, {course.claimed_again, true}};
  for (const auto& [at, submitted] : steps) {
    if (at == 0 || (gone_ != 0 && at > gone_)) continue;
    auto& event = begin("claims", at);
    if (submitted) {
      name_entry(*event.mutable_claim_submitted()->mutable_entry());
      auto& grade = *event.mutable_claim_submitted()->mutable_grade();
      grade.set_scale(cohort.qualification->scale->name);
      grade.set_value(cohort.qualification->scale->achieved[course.overall_grade]);
    } else {
      name_entry(*event.mutable_claim_withdrawn()->mutable_entry());
      event.mutable_claim_withdrawn()->set_reason("claimed in error");
    }
    publish(at);
  }
}

void CentreEvents::add_results(const CohortCourse& cohort, const Course& course) {
  const Scale& scale = *cohort.qualification->scale;
  for (const auto& result : course.results) {
    auto& event = begin("results", result.at);
    if (result.kind == ResultFact::revoked) {
      name_entry(*event.mutable_result_revoked()->mutable_entry());
      event.mutable_result_revoked()->set_reason("issued in error");
    } else {
      const bool amended = result.kind == ResultFact::amended;
      auto& grade = amended ? *event.mutable_result_amended()->mutable_grade() : *event.mutable_result_determined()->mutable_grade();
      grade.set_scale(scale.name);
      grade.set_value(scale.value(result.grade));
      if (amended) event.mutable_result_amended()->set_reason("review of marking");
      name_entry(amended ? *event.mutable_result_amended()->mutable_entry() : *event.mutable_result_determined()->mutable_entry());
    }
    publish(result.at);
  }
}

void CentreEvents::add_acknowledgement(const std::string& batch, Millis issued_at) {
  const Millis at = issued_at + kHour + static_cast<Millis>(std::min(rng_.exponential(15.0 * kHour), 60.0 * kHour));
  if (at >= season_.ends) return;
  auto& acknowledged = *begin("centres", at).mutable_batch_acknowledged();
  acknowledged.set_centre(centre_.number);
  acknowledged.set_batch(batch);
  acknowledged.set_acknowledged_by("exams-office");
  publish(at);
}

}  // namespace vtq::simulator
