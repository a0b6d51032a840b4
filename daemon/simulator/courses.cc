#include "daemon/simulator/courses.h"

#include <algorithm>
#include <stdexcept>

namespace vtq::simulator {

namespace {

using std::chrono::days;

// When the last required unit is achieved; 0 when one never is.
Millis evidence_complete(const CohortCourse& cohort, const Course& course, std::size_t learner) {
  if (course.units_missing > 0) return course.missing_at;
  return course.session(cohort, cohort.sessions.size() - 1, learner);
}

v1::MitigationDefined::Kind mitigation_of(System system) {
  switch (system) {
    case System::delayed:
      return v1::MitigationDefined::DELAYED;
    case System::calculated:
      return v1::MitigationDefined::CALCULATED;
    case System::adapted:
      return v1::MitigationDefined::ADAPTED;
    case System::none_expected:
      return v1::MitigationDefined::NONE_EXPECTED;
    default:
      return v1::MitigationDefined::KIND_UNSPECIFIED;
  }
}

}  // namespace

// During office hours.
Millis CoursePlanner::office_time(Day day) { return london(day, 8, 30) + static_cast<Millis>(rng_.below(9 * kHour)); }

// Three hours and more from any time at which batches go or a deadline passes; no two the same at a centre.
Millis CoursePlanner::clear_time(Day day) {
  Millis at = london(day, 11, 5) + static_cast<Millis>(rng_.below(50 * kMinute));
  while (!taken_.insert(at).second) ++at;
  return at;
}

Millis CoursePlanner::before_first_cut(const Dates& dates) { return clear_time(dates.first_cut_day - days{rng_.between(1, 4)}); }

Millis CoursePlanner::late_time(const Dates& dates, int days_after_deadline) {
  const double more = std::min(rng_.exponential(7), 24.0);
  return clear_time(dates.issue_deadline_day + days{days_after_deadline + static_cast<int>(more)});
}

Millis CoursePlanner::after(Millis decisive) { return clear_time(london_day(decisive) + days{rng_.between(1, 3)}); }

std::size_t CoursePlanner::other_grade(std::size_t grade, const CohortCourse& cohort) {
  const std::size_t count = cohort.qualification->scale->achieved.size();
  return count == 1 ? grade : grade > 0 ? grade - 1 : 1;
}

Sample CoursePlanner::sample_in_time() {
  Sample sample;
  const Day asked = working_day(day_of(season_.year, 5, 2) + days{rng_.between(0, 18)});
  sample.asked = office_time(asked);
  sample.due = asked + days{rng_.between(14, 21)};
  sample.responded = asked + days{rng_.between(4, 13)};
  sample.received = office_time(sample.responded);
  const Day decided = working_day(sample.responded + days{rng_.between(6, 34)});
  if (rng_.chance(0.05)) sample.refused = office_time(decided - days{2});
  sample.decided = office_time(decided);
  return sample;
}

Hold CoursePlanner::hold_in_summer(v1::HoldPlaced::Cause cause) {
  return {cause, office_time(working_day(day_of(season_.year, 6, 1) + days{rng_.between(0, 40)})), 0};
}

void CoursePlanner::plan_sample(CohortCourse& cohort, const Cohort& plan) {
  cohort.sample_not_required = !cohort.qualification->moderated && rng_.chance(0.1);
  if (!cohort.qualification->moderated) return;
  Sample& sample = cohort.sample = sample_in_time();
  if (rule_of(plan.fate).kind != Kind::late_cohort || plan.fate == Fate::cohort_malpractice_late) return;
  // Under scrutiny it is the monitoring, or an action, that is late.
  if (cohort.fate != plan.fate) return;
  sample.refused = 0;
  sample.decided = late_time(*cohort.dates, 1);
  switch (plan.fate) {
    case Fate::cohort_sample_response_late:
      // Whatever it was due, when the issue deadline passed the centre had not answered.
      sample.responded = std::min(cohort.dates->issue_deadline_day + days{rng_.between(1, 20)}, london_day(sample.decided));
      sample.received = std::min(office_time(sample.responded), sample.decided - kHour);
      sample.responded_on_known = rng_.chance(0.7);
      break;
    case Fate::cohort_sample_response_open:
      sample.received = sample.decided = 0;
      break;
    case Fate::cohort_sample_undecided:
      sample.decided = 0;
      break;
    default:
      break;
  }
}

CohortCourse CoursePlanner::cohort(const Cohort& plan, const Qualification& qualification) {
  CohortCourse cohort;
  cohort.qualification = &qualification;
  cohort.dates = qualification.moved ? &*qualification.moved : &season_.dates_for(qualification.awarding_organisation, qualification.level);
  cohort.fate = plan.fate;
  if (qualification.system == System::scrutiny && plan.fate == Fate::cohort_sample_decided_late) cohort.fate = Fate::cohort_monitoring_late;
  if (qualification.system == System::scrutiny && plan.fate == Fate::cohort_sample_response_late) cohort.fate = Fate::cohort_action_overdue;
  cohort.size = plan.size;
  const Dates& dates = *cohort.dates;

  std::vector<std::size_t> optional;
  for (std::size_t i = 0; i < qualification.units.size(); ++i) {
    (qualification.units[i].mandatory ? cohort.units : optional).push_back(i);
  }
  rng_.shuffle(optional);
  if (qualification.system == System::combination) choose_combination(cohort, optional);
  std::uint32_t credit = 0;
  for (std::size_t i = 0; i < optional.size() && credit < qualification.optional_credit_required; ++i) {
    credit += qualification.units[optional[i]].credit;
    cohort.units.push_back(optional[i]);
  }

  const bool two_years = qualification.t_level() || (qualification.level == v1::LEVEL_3 && rng_.chance(0.45));
  const Day registered = working_day(day_of(season_.year - (two_years ? 2 : 1), 9, 4) + days{rng_.between(0, 80)});
  const Day evidence_ends =
      qualification.automatic ? day_of(season_.year, 7, 3) + days{rng_.between(0, 25)} : day_of(season_.year, 5, 10) + days{rng_.between(0, 46)};
  cohort.step = std::min<Millis>(rng_.between(2, 9) * kSecond + rng_.between(1, 999), 40 * kMinute / std::max(1u, plan.size));
  cohort.registered = office_time(registered);
  const std::size_t sessions = std::min(cohort.units.size(), std::clamp<std::size_t>(cohort.units.size() - 1, 4, 7));
  for (std::size_t i = 0; i < sessions; ++i) {
    const Day first = registered + days{30};
    const auto gone_by = (evidence_ends - first) * static_cast<int>(i + 1) / static_cast<int>(sessions);
    cohort.sessions.push_back(office_time(working_day(first + gone_by - days{rng_.between(0, 4)})));
  }
  plan_sample(cohort, plan);
  if (plan.fate == Fate::cohort_malpractice_late) {
    cohort.hold = hold_in_summer(v1::HoldPlaced::MALPRACTICE);
    cohort.hold.lifted = late_time(dates, 1);
  }

  const Day claim_from = working_day(evidence_ends + days{3});
  cohort.claimed = office_time(std::min(claim_from + days{rng_.between(0, 8)}, dates.claim_deadline_day - days{1}));
  const bool decided_in_time = cohort.sample.decided != 0 && cohort.sample.decided < dates.first_cut;
  Day known = std::max(london_day(cohort.claimed), claim_from);
  if (decided_in_time) known = std::max(known, london_day(cohort.sample.decided));
  const bool second_batch = plan.fate == Fate::on_time && rng_.chance(0.05);
  const Day determined = second_batch ? std::min(dates.first_cut_day + days{rng_.between(0, 5)}, dates.issue_deadline_day)
                                      : std::min(working_day(known + days{rng_.between(3, 18)}), dates.first_cut_day - days{1});
  cohort.determined = clear_time(determined);

  if (season_.checkpoint) {
    const auto window = (dates.checkpoint_closes - dates.checkpoint_opens).count();
    cohort.answered = office_time(working_day(dates.checkpoint_opens + days{rng_.between(1, window - 9)}));
    cohort.answered_again = office_time(dates.checkpoint_closes - days{rng_.between(2, 4)});
    if (centre_.incomplete) {
      const double reply = rng_.unit();
      cohort.reply = reply < 0.5 ? Reply::never : reply < 0.8 ? Reply::after_june : Reply::in_time;
    }
    if (cohort.reply == Reply::after_june) {
      cohort.answered = office_time(day_of(season_.year, 7, 1) + days{rng_.between(1, 4)});
      cohort.answered_again = cohort.answered + kDay;
    }
  }
  if (qualification.system != System::none) plan_system(cohort);
  return cohort;
}

void CoursePlanner::plan_answers(Course& course, const CohortCourse& cohort, std::size_t learner) {
  if (!season_.checkpoint) return;
  const FateRule& rule = rule_of(course.fate);
  bool answers = cohort.reply != Reply::never && (cohort.qualification->in_scope() || rng_.chance(0.2));
  if (rule.answered != Answered::either) answers = rule.answered == Answered::yes;
  if (!answers) return;
  const Millis at = std::max(cohort.answered + static_cast<Millis>(learner) * cohort.step, course.registered + kDay);
  const auto needed = rng_.chance(0.68) ? v1::CheckpointAnswered::NEEDED : v1::CheckpointAnswered::NOT_NEEDED;
  const auto never = rng_.chance(0.6) ? v1::CheckpointAnswered::DEFERRED : v1::CheckpointAnswered::NOT_ELIGIBLE;
  const bool ends_deferred = course.fate == Fate::deferred || course.fate == Fate::deferred_but_claimed;
  if (rng_.chance(ends_deferred ? 0.4 : 0.09)) {
    const auto opposite = needed == v1::CheckpointAnswered::NEEDED ? v1::CheckpointAnswered::NOT_NEEDED : v1::CheckpointAnswered::NEEDED;
    const Millis again = std::max(cohort.answered_again, at + kHour) + static_cast<Millis>(learner) * cohort.step;
    course.answers.push_back({at, ends_deferred ? needed : rng_.chance(0.2) ? never : opposite});
    course.answers.push_back({again, ends_deferred ? never : needed});
    return;
  }
  course.answers.push_back({at, ends_deferred ? never : needed});
}

Course CoursePlanner::entry(const CohortCourse& cohort, std::size_t learner, Fate fate) {
  Course course;
  course.fate = fate;
  const Millis offset = static_cast<Millis>(learner) * cohort.step;
  course.registered = cohort.registered + offset;
  course.overall_grade =
      static_cast<std::size_t>(std::min(rng_.unit(), rng_.unit() + 0.2) * static_cast<double>(cohort.qualification->scale->achieved.size()));
  course.overall_grade = std::min(course.overall_grade, cohort.qualification->scale->achieved.size() - 1);
  if (!cohort.qualification->automatic) course.claimed = cohort.claimed + offset;
  course.results.push_back({ResultFact::determined, cohort.determined + offset, course.overall_grade});
  course.resubmits = rng_.chance(0.12);
  if (rng_.chance(0.004)) {
    // Registered at the last moment, and the registration travels slowly: marks come before it.
    course.registered = cohort.sessions.front() - rng_.between(10, 300) * kMinute;
    course.registered_delay = rng_.between(6, 80) * kHour;
  }
  if (rng_.chance(0.03)) {
    course.changed = course.registered + rng_.between(1, 20) * kDay;
    course.change = static_cast<v1::RegistrationChanged::Change>(rng_.between(1, 3));
  }
  switch (rule_of(fate).kind) {
    case Kind::on_time:
      plan_on_time(course, cohort);
      break;
    case Kind::late:
    case Kind::late_cohort:
      plan_late(course, cohort);
      break;
    case Kind::none:
      break;
  }
  plan_answers(course, cohort, learner);
  if (rule_of(fate).kind == Kind::none) plan_without_result(course, cohort);
  plan_by_rules(course, cohort);
  return course;
}

Expectation CoursePlanner::expectation(const CohortCourse& cohort, const Course& course, std::size_t learner) const {
  const FateRule& rule = rule_of(course.fate);
  const Dates& dates = *cohort.dates;
  Expectation expected;
  expected.stage = rule.stage;
  expected.reason = rule.reason;
  expected.late = is_late(rule.kind);
  expected.need = !cohort.qualification->in_scope() ? v1::NOT_IN_SCOPE : v1::UNCONFIRMED;
  if (cohort.qualification->in_scope()) {
    for (const auto& [at, answer] : course.answers) {
      if (course.gone != 0 && at > course.gone) break;
      expected.need = answer == v1::CheckpointAnswered::NEEDED ? v1::PROGRESSION_CRITICAL : v1::NOT_NEEDED;
    }
  }
  if (cohort.opted_out == 0) expected.mitigation = mitigation_of(cohort.qualification->system);
  if (rule.stage != v1::RELEASED) return expected;
  if (course.fate == Fate::calculated_result) expected.basis = v1::CALCULATED_UNITS;
  if (course.fate == Fate::adapted_result) expected.basis = v1::ADAPTED_ASSESSMENT;

  const Millis claimed = course.claimed_again != 0 ? course.claimed_again : course.claimed;
  Millis result_known = 0;
  expected.grade = course.overall_grade;
  for (const auto& result : course.results) {
    if (result.at > dates.issue_deadline && !expected.late) {
      expected.corrections.push_back(result);
      continue;
    }
    result_known = result.at;
    expected.grade = result.grade;
  }
  const Millis ready = std::max({evidence_complete(cohort, course, learner), claimed, course.hold.lifted, cohort.hold.lifted, cohort.sample.decided,
                                 course.sample.decided, course.consideration_decided, result_known, cohort.visited, cohort.action_done,
                                 cohort.sanction_lifted, course.pathway_told, course.fate == Fate::calculated_result ? cohort.verified : 0});
  expected.issued_at = dates.issued_at(ready);
  if ((expected.issued_at > dates.issue_deadline) != expected.late) {
    throw std::logic_error("simulator: the course of fate " + std::string{rule.name} + " does not lead to it");
  }
  return expected;
}

}  // namespace vtq::simulator
