// What the rules of a qualification do to the courses of its cohorts and entries.
#include <algorithm>

#include "daemon/simulator/courses.h"

namespace vtq::simulator {

using std::chrono::days;

// One of the pathways, and no more of the group than is asked for.
void CoursePlanner::choose_combination(CohortCourse& cohort, std::vector<std::size_t>& optional) {
  const Qualification& q = *cohort.qualification;
  cohort.pathway = rng_.below(q.pathway_units.size());
  const auto of_a_pathway = [&](std::size_t unit) {
    return std::find(q.pathway_units.begin(), q.pathway_units.end(), unit) != q.pathway_units.end();
  };
  std::erase_if(optional, of_a_pathway);
  cohort.units.push_back(q.pathway_units[cohort.pathway]);
  bool one_of_the_pair = false;
  std::uint32_t chosen = 0;
  for (const std::size_t unit : optional) {
    const bool of_the_pair = unit == q.group_units[0] || unit == q.group_units[1];
    if (chosen == q.group_units_min || (of_the_pair && one_of_the_pair)) continue;
    one_of_the_pair |= of_the_pair;
    cohort.units.push_back(unit);
    ++chosen;
  }
  optional.clear();
}

// The first visit lets the claims through that were made before it; the second falls due six months later.
void CoursePlanner::plan_scrutiny(CohortCourse& cohort) {
  const Dates& dates = *cohort.dates;
  const bool by_spring = cohort.fate != Fate::cohort_monitoring_late && rng_.chance(0.5);
  if (by_spring) {
    cohort.visited = london(working_day(day_of(season_.year, 3, 6) + days{rng_.between(0, 20)}), 15);
    cohort.visited_again = london(working_day(day_of(season_.year, 7, 3) + days{rng_.between(0, 10)}), 15);
  } else {
    cohort.visited = cohort.fate == Fate::cohort_monitoring_late ? late_time(dates, 1) : before_first_cut(dates);
  }
  if (cohort.fate == Fate::on_time && rng_.chance(0.4)) {
    cohort.sanctioned = office_time(working_day(day_of(season_.year, 5, 15) + days{rng_.between(0, 40)}));
    cohort.sanction_lifted = before_first_cut(dates);
  }
  const bool overdue = cohort.fate == Fate::cohort_action_overdue;
  if (!overdue && !rng_.chance(0.5)) return;
  // An action overdue holds what is claimed after it fell due.
  cohort.action_due = london_day(cohort.claimed) - days{rng_.between(4, 12)};
  cohort.action_done = overdue            ? late_time(dates, 1)
                       : rng_.chance(0.5) ? before_first_cut(dates)
                                          : office_time(cohort.action_due - days{rng_.between(4, 20)});
}

void CoursePlanner::plan_system(CohortCourse& cohort) {
  const System system = cohort.qualification->system;
  if (system == System::scrutiny) plan_scrutiny(cohort);
  if (system == System::delayed && rng_.chance(0.4)) {
    cohort.opted_out = office_time(day_of(season_.year, 4, 3) + days{rng_.between(0, 15)});
    cohort.dates = &season_.dates_for(cohort.qualification->awarding_organisation, cohort.qualification->level);
  }
  if (system != System::calculated && system != System::adapted) return;
  const Day applied = working_day(day_of(season_.year, 5, 8) + days{rng_.between(0, 20)});
  cohort.unit_due = SystemDays(season_.year).disruption_from + days{rng_.between(10, 100)};
  cohort.applied = office_time(applied);
  cohort.panel = office_time(working_day(applied + days{7}));
  cohort.verified = office_time(working_day(applied + days{rng_.between(14, 30)}));
}

// Points of the units that add up to the overall grade, spread by chance.
std::vector<std::size_t> CoursePlanner::unit_grades_for(const CohortCourse& cohort, std::size_t overall_grade) {
  const Qualification& q = *cohort.qualification;
  const std::size_t lowest = q.unit_points.size() - 1;
  std::vector<std::size_t> grades(cohort.units.size(), lowest);
  const std::uint32_t from = q.boundaries[overall_grade];
  const std::uint32_t most = q.unit_points.front() * static_cast<std::uint32_t>(grades.size());
  const std::uint32_t to = overall_grade == 0 ? most : q.boundaries[overall_grade - 1] - 1;
  for (auto points = rng_.between(from, to) - static_cast<std::int64_t>(grades.size()); points > 0;) {
    std::size_t& grade = grades[rng_.below(grades.size())];
    if (grade == 0) continue;
    --grade;
    --points;
  }
  return grades;
}

void CoursePlanner::plan_by_rules(Course& course, const CohortCourse& cohort) {
  const Qualification& q = *cohort.qualification;
  if (q.system == System::points) course.unit_grades = unit_grades_for(cohort, course.overall_grade);
  if (q.system == System::combination) course.surplus = course.units_missing == 0 && course.gone == 0 && rng_.chance(0.2);
  if (q.computed) std::erase_if(course.results, [](const ResultFact& result) { return result.kind == ResultFact::determined; });
}

}  // namespace vtq::simulator
