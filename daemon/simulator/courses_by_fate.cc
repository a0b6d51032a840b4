// What each fate does to the usual course of an entry.
#include <algorithm>

#include "daemon/simulator/courses.h"

namespace vtq::simulator {

namespace {

using std::chrono::days;

constexpr int kAfterResultsDay = 4;

v1::RegistrationChanged::Change course_or_size(Rng& rng) { return rng.chance(0.5) ? v1::RegistrationChanged::COURSE : v1::RegistrationChanged::SIZE; }

}  // namespace

// Everything in a few weeks, and claimed before the claim deadline.
void CoursePlanner::register_very_late(Course& course, const CohortCourse& cohort, int most_days) {
  const Day day = cohort.dates->late_entry_day + days{rng_.between(2, most_days)};
  course.registered = office_time(day);
  course.registered_delay = 0;
  course.changed = 0;
  course.own_sessions = office_time(day + days{1});
  course.claimed = office_time(day + days{9});
}

// The result comes after the last other fact, or is known `already` before.
void CoursePlanner::determine_late(Course& course, Millis last_other, double already) {
  if (!rng_.chance(already)) course.results.back().at = after(last_other);
}

void CoursePlanner::plan_on_time(Course& course, const CohortCourse& cohort) {
  const Dates& dates = *cohort.dates;
  Millis& determined = course.results.back().at;
  switch (course.fate) {
    case Fate::second_batch:
      determined = clear_time(std::min(dates.first_cut_day + days{rng_.between(0, 5)}, dates.issue_deadline_day));
      break;
    case Fate::claim_after_claim_deadline:
      course.claimed = office_time(dates.claim_deadline_day + days{rng_.between(1, 9)});
      determined = before_first_cut(dates);
      break;
    case Fate::very_late_entry_on_time:
      register_very_late(course, cohort, 15);
      determined = before_first_cut(dates);
      break;
    case Fate::late_change_on_time:
      course.changed = office_time(dates.late_entry_day + days{rng_.between(2, 40)});
      course.change = course_or_size(rng_);
      break;
    case Fate::hold_lifted_in_time:
      course.hold = hold_in_summer(static_cast<v1::HoldPlaced::Cause>(rng_.between(1, 3)));
      course.hold.lifted = clear_time(london_day(course.hold.placed) + days{rng_.between(2, 20)});
      break;
    case Fate::learner_sample_in_time:
      course.sample = sample_in_time();
      break;
    case Fate::special_consideration_in_time:
      course.consideration_requested = office_time(day_of(season_.year, 5, 15) + days{rng_.between(0, 45)});
      course.consideration_decided = course.consideration_requested + rng_.between(3, 20) * kDay;
      course.consideration_date_given = rng_.chance(0.5);
      break;
    case Fate::claimed_again:
      course.claim_withdrawn = course.claimed + rng_.between(1, 3) * kDay;
      course.claimed_again = course.claim_withdrawn + rng_.between(1, 5) * kDay;
      determined = before_first_cut(dates);
      break;
    case Fate::amended_before_issue: {
      const std::size_t grade = course.results.back().grade, other = other_grade(grade, cohort);
      const Millis last = before_first_cut(dates);
      course.results = {{ResultFact::determined, last - 6 * kDay, other}};
      if (rng_.chance(0.4)) {
        course.results.push_back({ResultFact::revoked, last - 3 * kDay, other});
        course.results.push_back({ResultFact::determined, last, grade});
      } else {
        course.results.push_back({ResultFact::amended, last, grade});
      }
      break;
    }
    case Fate::prior_learning:
      course.prior_learning = course.registered + rng_.between(5, 25) * kDay;
      break;
    case Fate::amended_after_issue: {
      const std::size_t grade = course.results.back().grade, other = other_grade(grade, cohort);
      const Millis amended = late_time(dates, kAfterResultsDay);
      // A scale of one grade leaves nothing to amend to: the result is revoked and given back.
      const bool one_grade = other == grade;
      course.results.push_back({one_grade ? ResultFact::revoked : ResultFact::amended, amended, other});
      if (one_grade || rng_.chance(0.25)) course.results.push_back({ResultFact::amended, after(amended), grade});
      break;
    }
    case Fate::disagreement_resolved: {
      const std::size_t grade = course.results.back().grade, other = other_grade(grade, cohort);
      const Millis last = before_first_cut(dates);
      course.results = {{ResultFact::determined, last - 6 * kDay, other}};
      // Sent again as the rules say, or decided otherwise by the awarding organisation.
      if (rng_.chance(0.5))
        course.results.push_back({ResultFact::determined, last, grade});
      else
        course.results.push_back({ResultFact::amended, last, other});
      break;
    }
    case Fate::partial_achievement:
      course.overall_grade = course.results.back().grade = cohort.qualification->scale->achieved.size();
      course.resubmits = false;
      break;
    case Fate::pathway_corrected:
      course.pathway_told = course.registered + rng_.between(30, 120) * kDay;
      break;
    case Fate::delayed_result:
      determined = clear_time(dates.results_day - days{rng_.between(3, 18)});
      break;
    case Fate::calculated_result:
      course.units_missing = 1;
      break;
    case Fate::revoked_after_issue: {
      const std::size_t grade = course.results.back().grade;
      course.results.push_back({ResultFact::revoked, late_time(dates, kAfterResultsDay), grade});
      break;
    }
    default:
      break;
  }
}

void CoursePlanner::plan_late(Course& course, const CohortCourse& cohort) {
  const Dates& dates = *cohort.dates;
  const bool by_claim = !cohort.qualification->automatic;
  switch (course.fate) {
    case Fate::claim_late:
      course.claimed = late_time(dates, kAfterResultsDay);
      if (rng_.chance(0.1)) {
        course.units_missing = 1;
        course.missing_at = clear_time(london_day(course.claimed) - days{rng_.between(1, 2)});
      }
      determine_late(course, course.claimed, 0.3);
      break;
    case Fate::very_late_entry:
      register_very_late(course, cohort, 20);
      if (rng_.chance(0.2)) {
        course.changed = course.registered + 3 * kDay;
        course.change = course_or_size(rng_);
      }
      course.results.back().at = late_time(dates, 1);
      break;
    case Fate::late_course_change:
      course.changed = office_time(dates.late_entry_day + days{rng_.between(2, 40)});
      course.change = course_or_size(rng_);
      course.results.back().at = late_time(dates, 1);
      break;
    case Fate::malpractice_lifted_late:
      course.hold = hold_in_summer(v1::HoldPlaced::MALPRACTICE);
      course.hold.lifted = late_time(dates, 1);
      if (by_claim && rng_.chance(0.2)) {
        course.claimed = late_time(dates, kAfterResultsDay);
        course.hold.lifted = after(course.claimed);
      }
      determine_late(course, course.hold.lifted, 0.5);
      break;
    case Fate::malpractice_open:
      course.hold = hold_in_summer(v1::HoldPlaced::MALPRACTICE);
      break;
    case Fate::evidence_late:
      course.units_missing = 1 + rng_.below(2);
      course.missing_at = late_time(dates, 1);
      determine_late(course, course.missing_at, 0.3);
      break;
    case Fate::response_hold_lifted_late:
    case Fate::awarding_organisation_hold_late:
      course.hold =
          hold_in_summer(course.fate == Fate::response_hold_lifted_late ? v1::HoldPlaced::CENTRE_RESPONSE : v1::HoldPlaced::AWARDING_ORGANISATION);
      course.hold.lifted = late_time(dates, 1);
      determine_late(course, course.hold.lifted, 0.6);
      break;
    case Fate::learner_sample_late:
      course.sample = sample_in_time();
      course.sample.refused = 0;
      course.sample.decided = late_time(dates, 1);
      course.sample.responded = std::min(dates.issue_deadline_day + days{rng_.between(1, 20)}, london_day(course.sample.decided));
      course.sample.received = std::min(office_time(course.sample.responded), course.sample.decided - kHour);
      course.sample.responded_on_known = rng_.chance(0.7);
      determine_late(course, course.sample.decided, 0.6);
      break;
    case Fate::marking_late:
      course.results.back().at = late_time(dates, 1);
      break;
    case Fate::result_never_determined:
      course.results.clear();
      break;
    case Fate::special_consideration_late:
    case Fate::special_consideration_open:
      course.consideration_requested = office_time(dates.claim_deadline_day + days{rng_.between(2, 10)});
      if (course.fate == Fate::special_consideration_open) break;
      course.consideration_decided = late_time(dates, 1);
      determine_late(course, course.consideration_decided, 0.6);
      break;
    case Fate::disagreement_late: {
      const std::size_t grade = course.results.back().grade, other = other_grade(grade, cohort);
      course.results.back().grade = other;
      course.results.push_back({rng_.chance(0.5) ? ResultFact::determined : ResultFact::amended, late_time(dates, 1), grade});
      break;
    }
    case Fate::registered_after_withdrawal: {
      const Day day = SystemDays(season_.year).approval_withdrawn_from + days{rng_.between(2, 12)};
      course.registered = office_time(day);
      course.registered_delay = 0;
      course.changed = 0;
      course.own_sessions = office_time(day + days{1});
      break;
    }
    case Fate::size_change_refused:
      course.changed = office_time(day_of(season_.year, 4, 3) + days{rng_.between(0, 40)});
      course.change = v1::RegistrationChanged::SIZE;
      break;
    case Fate::cohort_monitoring_late:
      determine_late(course, cohort.visited, 0.8);
      break;
    case Fate::cohort_action_overdue:
      determine_late(course, cohort.action_done, 0.8);
      break;
    case Fate::cohort_malpractice_late:
      determine_late(course, cohort.hold.lifted, 0.8);
      break;
    case Fate::cohort_sample_response_late:
    case Fate::cohort_sample_decided_late:
      determine_late(course, cohort.sample.decided, 0.8);
      break;
    default:
      break;
  }
}

void CoursePlanner::plan_without_result(Course& course, const CohortCourse& cohort) {
  const auto leave_unfinished = [&] { course.units_missing = 1 + rng_.below(2); };
  const bool left_late = rng_.chance(0.1);
  switch (course.fate) {
    case Fate::withdrawn:
    case Fate::transferred:
      if (left_late) {
        // Gone long ago, and only said so once the results were out.
        leave_unfinished();
        course.claimed = 0;
        course.gone = late_time(*cohort.dates, 1);
      } else {
        const Millis latest = london(day_of(season_.year, 6, 28), 12);
        course.gone = course.registered + 20 * kDay + static_cast<Millis>(rng_.unit() * static_cast<double>(latest - course.registered - 20 * kDay));
      }
      break;
    case Fate::deferred:
      course.claimed = 0;
      if (rng_.chance(0.85)) leave_unfinished();
      break;
    case Fate::claimed_incomplete_answered:
    case Fate::claimed_incomplete_silent:
    case Fate::automatic_incomplete_answered:
    case Fate::automatic_incomplete_silent:
      leave_unfinished();
      break;
    case Fate::claim_never_made:
      course.claimed = 0;
      if (!course.answers.empty() && rng_.chance(0.4)) leave_unfinished();
      if (course.units_missing == 0 && rng_.chance(0.1)) return;
      break;
    case Fate::none_expected:
      course.claimed = 0;
      if (rng_.chance(0.5)) leave_unfinished();
      break;
    case Fate::claim_withdrawn:
      course.claim_withdrawn = course.claimed + rng_.between(1, 10) * kDay;
      break;
    case Fate::not_completed_silent:
      course.claimed = 0;
      leave_unfinished();
      break;
    default:
      break;
  }
  course.results.clear();
}

}  // namespace vtq::simulator
