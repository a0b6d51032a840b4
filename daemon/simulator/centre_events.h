// Makes the events of a centre from the courses of its entries, some of them delivered twice or late.
#pragma once

#include <string>
#include <string_view>

#include "daemon/simulator/courses.h"
#include "daemon/simulator/event_book.h"
#include "daemon/simulator/simulator.h"

namespace vtq::simulator {

struct Learner {
  std::string number, uln, uci;
};

// Numbers events: one after the other, for all sources.
class EventIds {
 public:
  std::string next();

 private:
  std::uint64_t last_ = 0;
};

class CentreEvents {
 public:
  CentreEvents(const Season& season, const Catalogue& catalogue, const CentrePlan& centre, EventIds& ids, EventBook& book, Summary& summary, Rng& rng)
      : season_(season), catalogue_(catalogue), centre_(centre), ids_(ids), book_(book), summary_(summary), rng_(rng) {}

  // `monitored`: with a visit to all that the centre does for the awarding organisation.
  void add_approval(std::size_t awarding_organisation, bool monitored);
  void add_declaration(std::size_t awarding_organisation, v1::Level level);
  // A hold on all of the centre's entries with the awarding organisation, gone well before results.
  void add_passing_hold(std::size_t awarding_organisation);
  void add_cohort(const CohortCourse& cohort);
  void add_entry(const CohortCourse& cohort, const Course& course, std::size_t index, const Learner& learner);
  void add_acknowledgement(const std::string& batch, Millis issued_at);

 private:
  v1::Event& begin(std::string_view source, Millis at);
  void publish(Millis at, Millis delay = 0);
  void name_entry(v1::EntryRef& entry) const;
  const std::string& organisation(std::size_t index) const { return catalogue_.awarding_organisations[index].number; }

  void add_registration(const CohortCourse& cohort, const Course& course);
  void add_answers(const CohortCourse& cohort, const Course& course);
  void add_outcomes(const CohortCourse& cohort, const Course& course, std::size_t index);
  void add_claims(const CohortCourse& cohort, const Course& course);
  void add_results(const CohortCourse& cohort, const Course& course);
  void add_consideration(const Course& course);
  void add_sample(const CohortCourse& cohort, const Sample& sample, std::string_view learner);
  void add_scrutiny(const CohortCourse& cohort);
  void add_visit(const CohortCourse& cohort, const std::string& name, Millis recorded);
  void add_application(const CohortCourse& cohort);
  void add_opting_out(const CohortCourse& cohort);
  void add_standing(v1::OutcomeRecorded& recorded, const UnitOffer& unit, bool achieved, std::string grade);
  void add_hold(const CohortCourse& cohort, const Hold& hold, std::string_view learner);
  std::string unit_grade(const CohortCourse& cohort, const Course& course, std::size_t place, const OverallGrade* overall);
  void add_beside_the_units(v1::OutcomeRecorded& recorded, const CohortCourse& cohort, const Course& course);
  std::string grade_not_achieved(const Qualification& qualification, const UnitOffer& unit) const;
  const OverallGrade* overall_grade(const CohortCourse& cohort, const Course& course);

  const Season& season_;
  const Catalogue& catalogue_;
  const CentrePlan& centre_;
  EventIds& ids_;
  EventBook& book_;
  Summary& summary_;
  Rng& rng_;
  v1::Event event_;
  // The entry at hand.
  const Learner* learner_ = nullptr;
  const CohortCourse* cohort_ = nullptr;
  Millis gone_ = 0;
  std::uint32_t holds_ = 0;
};

}  // namespace vtq::simulator
