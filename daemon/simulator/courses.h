// The course of a cohort and of each of its entries through the season: when which fact comes to hold. Plain values;
// the events are made from them in centre_events.cc. A time of 0 means never.
#pragma once

#include <string>
#include <unordered_set>
#include <vector>

#include "daemon/simulator/plan.h"
#include "daemon/simulator/systems.h"
#include "vtq/v1/event.pb.h"

namespace vtq::simulator {

struct Sample {
  Millis asked = 0, received = 0, refused = 0, decided = 0;
  Day due, responded;
  bool responded_on_known = true;
};

struct Hold {
  v1::HoldPlaced::Cause cause = v1::HoldPlaced::MALPRACTICE;
  Millis placed = 0, lifted = 0;
};

// How a cohort's checkpoint was answered.
enum class Reply { in_time, after_june, never };

struct CohortCourse {
  const Qualification* qualification = nullptr;
  const Dates* dates = nullptr;
  Fate fate = Fate::on_time;
  std::uint32_t size = 0;
  // Indices of the units that the centre teaches; the i-th is recorded in session i modulo sessions.
  std::vector<std::size_t> units;
  std::vector<Millis> sessions;
  // What is done for a cohort in one sitting comes `step` apart from learner to learner.
  Millis step = 0;
  Millis registered = 0, answered = 0, answered_again = 0, claimed = 0, determined = 0;
  Reply reply = Reply::in_time;
  Sample sample;
  bool sample_not_required = false;
  Hold hold;
  // System::combination: which of the pathways.
  std::size_t pathway = 0;
  // System::scrutiny: visits, and an action that is due and done.
  Millis visited = 0, visited_again = 0;
  Day action_due;
  Millis action_done = 0;
  Millis sanctioned = 0, sanction_lifted = 0;
  // System::delayed: the centre claims as usual.
  Millis opted_out = 0;
  // System::calculated and adapted: the centre's application, the panel and the verification.
  Millis applied = 0, panel = 0, verified = 0;
  Day unit_due;
};

struct Answer {
  Millis at = 0;
  v1::CheckpointAnswered::Answer answer = v1::CheckpointAnswered::NEEDED;
};

struct ResultFact {
  enum Kind { determined, amended, revoked } kind = determined;
  Millis at = 0;
  // Index into the scale's achieved values.
  std::size_t grade = 0;
};

struct Course {
  Fate fate = Fate::on_time;
  Millis registered = 0, registered_delay = 0;
  Millis changed = 0;
  v1::RegistrationChanged::Change change = v1::RegistrationChanged::DETAILS;
  std::vector<Answer> answers;
  // Withdrawn or transferred; nothing is reported after it.
  Millis gone = 0;
  // Sessions of the entry's own, a day apart; 0: the cohort's.
  Millis own_sessions = 0;
  // So many of the last units are not recorded in the sessions but at missing_at, or never.
  std::size_t units_missing = 0;
  Millis missing_at = 0;
  Millis prior_learning = 0;
  // A unit was not achieved at first and is in the session after.
  bool resubmits = false;
  Millis claimed = 0, claim_withdrawn = 0, claimed_again = 0;
  Hold hold;
  Sample sample;
  Millis consideration_requested = 0, consideration_decided = 0;
  bool consideration_date_given = true;
  std::vector<ResultFact> results;
  std::size_t overall_grade = 0;
  // Index into the unit scale's achieved values, by place in the cohort's units; empty: any grade will do.
  std::vector<std::size_t> unit_grades;
  // When the pathway that was left out is told.
  Millis pathway_told = 0;
  // The other unit of a barred pair is achieved, too, and does no harm.
  bool surplus = false;

  Millis session(const CohortCourse& cohort, std::size_t index, std::size_t learner) const {
    if (own_sessions != 0) return own_sessions + static_cast<Millis>(index) * kDay;
    return cohort.sessions[index] + static_cast<Millis>(learner) * cohort.step;
  }
};

// What must be true of an entry at the end.
struct Expectation {
  v1::Stage stage = v1::STAGE_UNSPECIFIED;
  v1::Need need = v1::NEED_UNSPECIFIED;
  v1::Reason reason = v1::REASON_NONE;
  bool late = false;
  // 0 when no result is issued.
  Millis issued_at = 0;
  std::size_t grade = 0;
  std::vector<ResultFact> corrections;
  v1::Basis basis = v1::ORDINARY;
  v1::MitigationDefined::Kind mitigation = v1::MitigationDefined::KIND_UNSPECIFIED;
};

// Plans the courses at one centre.
class CoursePlanner {
 public:
  CoursePlanner(const Season& season, const CentrePlan& centre, Rng& rng) : season_(season), centre_(centre), rng_(rng) {}

  CohortCourse cohort(const Cohort& cohort, const Qualification& qualification);
  // The `learner`-th entry of the cohort.
  Course entry(const CohortCourse& cohort, std::size_t learner, Fate fate);
  // Throws std::logic_error when the course does not lead to what the fate's rule says.
  Expectation expectation(const CohortCourse& cohort, const Course& course, std::size_t learner) const;

 private:
  Millis office_time(Day day);
  Millis clear_time(Day day);
  Millis before_first_cut(const Dates& dates);
  Millis late_time(const Dates& dates, int days_after_deadline);
  Millis after(Millis decisive);
  Sample sample_in_time();
  Hold hold_in_summer(v1::HoldPlaced::Cause cause);
  void plan_sample(CohortCourse& cohort, const Cohort& plan);
  void choose_combination(CohortCourse& cohort, std::vector<std::size_t>& optional);
  void plan_system(CohortCourse& cohort);
  void plan_scrutiny(CohortCourse& cohort);
  void plan_by_rules(Course& course, const CohortCourse& cohort);
  std::vector<std::size_t> unit_grades_for(const CohortCourse& cohort, std::size_t overall_grade);
  void plan_answers(Course& course, const CohortCourse& cohort, std::size_t learner);
  void plan_on_time(Course& course, const CohortCourse& cohort);
  void plan_late(Course& course, const CohortCourse& cohort);
  void plan_without_result(Course& course, const CohortCourse& cohort);
  void register_very_late(Course& course, const CohortCourse& cohort, int most_days);
  void determine_late(Course& course, Millis last_other, double already);
  std::size_t other_grade(std::size_t grade, const CohortCourse& cohort);

  const Season& season_;
  const CentrePlan& centre_;
  Rng& rng_;
  std::unordered_set<Millis> taken_;
};

}  // namespace vtq::simulator
