#include "daemon/simulator/systems.h"

#include <algorithm>
#include <stdexcept>

namespace vtq::simulator {

namespace {

using std::chrono::days;

const Scale* scale(std::string_view name) {
  for (const auto& one : grading_scales()) {
    if (one.name == name) return &one;
  }
  throw std::logic_error("no grading scale " + std::string{name});
}

// What the plan says of a qualification.
struct Taught {
  std::size_t qualification = 0;
  std::uint32_t entries = 0;
  bool samples_late = false, responses_late = false;
};

std::vector<Taught> taught(const std::vector<CentrePlan>& centres, const Catalogue& catalogue) {
  std::vector<Taught> all(catalogue.qualifications.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i].qualification = i;
  for (const auto& centre : centres) {
    for (const auto& cohort : centre.cohorts) {
      Taught& one = all[cohort.qualification];
      one.entries += cohort.size;
      one.samples_late |= cohort.fate == Fate::cohort_sample_decided_late;
      one.responses_late |= cohort.fate == Fate::cohort_sample_response_late;
    }
  }
  return all;
}

void require_table(Qualification& q) {
  q.by_table = true;
  q.unit_scale = scale("pass");
  // The specialism last: without it no overall grade can be told.
  q.units = {{"CORE-A", "Core paper A", true, 0}, {"CORE-B", "Core paper B", true, 0},          {"PROJECT", "Employer-set project", true, 0},
             {"CORE", "Core component", true, 0}, {"PLACEMENT", "Industry placement", true, 0}, {"SPECIALISM", "Occupational specialism", true, 0}};
}

void require_outcomes(Qualification& q) {
  q.computed = true;
  q.scale = q.unit_scale = scale("pass");
}

void require_combination(Qualification& q, Rng& rng) {
  q.scale = q.unit_scale = scale("pass");
  q.computed = true;
  q.optional_credit_required = 0;
  while (q.units.size() < 8) {
    const std::size_t number = q.units.size() + 1;
    q.units.push_back({"U0" + std::to_string(number), unit_title(number, "Practice", rng), false, 5});
  }
  std::uint32_t least = 60;
  for (std::size_t i = 0; i < q.units.size(); ++i) {
    q.units[i].mandatory = i < 2;
    if (i >= 2 && i < 4) q.pathway_units.push_back(i);
    if (i < 4) continue;
    q.group_units.push_back(i);
    least = std::min(least, q.units[i].credit);
  }
  q.group_units_min = static_cast<std::uint32_t>(q.group_units.size() / 2);
  q.credit_required = q.units[0].credit + q.units[1].credit + std::min(q.units[2].credit, q.units[3].credit) + least * q.group_units_min;
}

// From 1 point for the lowest grade of a unit on.
void require_points(Qualification& q) {
  q.scale = scale("diploma-overall");
  q.unit_scale = scale("diploma-unit");
  q.optional_credit_required = 0;
  for (auto& unit : q.units) unit.mandatory = true;
  const auto units = static_cast<std::uint32_t>(q.units.size());
  q.unit_points = {3, 2, 1};
  q.boundaries = {(28 * units + 9) / 10, (24 * units + 9) / 10, (17 * units + 9) / 10, units};
}

void delay(Qualification& q, const Season& season) {
  Dates moved = season.dates_for(q.awarding_organisation, q.level);
  moved.results_day += days{26};
  moved.issue_deadline_day = moved.results_day;
  moved.issue_deadline = london(moved.results_day, 17);
  moved.final_cut = moved.issue_deadline - kHour;
  q.moved = moved;
}

// A certificate and the diploma whose units are calculated.
void make_family(Catalogue& catalogue) {
  Qualification *certificate = nullptr, *diploma = nullptr;
  for (auto& q : catalogue.qualifications) {
    if (q.system == System::smaller) certificate = &q;
    if (q.system == System::calculated) diploma = &q;
  }
  if (certificate == nullptr || diploma == nullptr) return;
  certificate->family = diploma->family = "family-1";
  certificate->size = v1::SIZE_CERTIFICATE;
  diploma->size = v1::SIZE_DIPLOMA;
  certificate->larger = diploma->number;
}

}  // namespace

SystemDays::SystemDays(int year)
    : disruption_from(day_of(year, 2, 1)),
      disruption_to(day_of(year, 6, 30)),
      mitigated(day_of(year, 3, 20)),
      changed(day_of(year, 4, 17)),
      approval_withdrawn_from(day_of(year, 5, 1)),
      approval_withdrawn_told(day_of(year, 4, 20)) {}

void add_systems(const Season& season, const std::vector<CentrePlan>& centres, Catalogue& catalogue, Rng& rng) {
  std::vector<Taught> all = taught(centres, catalogue);
  rng.shuffle(all);
  std::stable_sort(all.begin(), all.end(), [](const Taught& a, const Taught& b) { return a.entries > b.entries; });
  for (auto& q : catalogue.qualifications) {
    if (q.t_level()) require_table(q);
  }
  const auto free = [&](const Taught& one) {
    const auto& q = catalogue.qualifications[one.qualification];
    return one.entries > 0 && !q.automatic && q.system == System::none;
  };
  // Gives `system` to the first `count` that are `chosen`, in order of their entries, most first or fewest first.
  const auto give = [&](System system, std::size_t count, bool most_first, auto chosen) {
    const auto at = [&](std::size_t i) -> const Taught& { return all[most_first ? i : all.size() - 1 - i]; };
    for (std::size_t i = 0; i < all.size() && count > 0; ++i) {
      if (!free(at(i)) || !chosen(at(i))) continue;
      catalogue.qualifications[at(i).qualification].system = system;
      --count;
    }
  };
  const auto any = [](const Taught&) { return true; };
  const auto moderated = [&](const Taught& one) { return catalogue.qualifications[one.qualification].moderated; };
  const auto unmoderated = [&](const Taught& one) { return !moderated(one); };
  const auto some = [&](std::size_t least) { return [&, least](const Taught& one) { return unmoderated(one) && one.entries >= least; }; };
  const std::size_t hundreds = std::max<std::size_t>(1, catalogue.qualifications.size() / 100);
  give(System::scrutiny, 1, false, [](const Taught& one) { return one.samples_late; });
  give(System::scrutiny, 1, false, [](const Taught& one) { return one.responses_late; });
  give(System::scrutiny, 1, false, [&](const Taught& one) { return moderated(one) && one.entries >= 20; });
  give(System::approval, 1, true, any);
  give(System::none_expected, 1, true, any);
  give(System::smaller, 1, true, any);
  give(System::points, 2 * hundreds, true, any);
  give(System::delayed, 1, false, some(30));
  give(System::calculated, 1, false, some(5));
  give(System::adapted, 1, false, some(5));
  give(System::outcomes, hundreds, false, [](const Taught& one) { return one.entries >= 20; });
  give(System::combination, hundreds, false, [](const Taught& one) { return one.entries >= 20; });
  make_family(catalogue);
  bool computed = false;
  for (auto& q : catalogue.qualifications) {
    if (q.system == System::outcomes) require_outcomes(q);
    if (q.system == System::combination) require_combination(q, rng);
    if (q.system == System::delayed) delay(q, season);
    if (q.system != System::points) continue;
    require_points(q);
    q.computed = std::exchange(computed, !computed);
  }
}

bool allows(const Qualification& q, Fate fate) {
  const bool very_late = fate == Fate::very_late_entry || fate == Fate::very_late_entry_on_time;
  switch (q.system) {
    case System::delayed:
    case System::calculated:
    case System::adapted:
      return false;
    case System::approval:
      // Nobody is registered after the approval's end but for that.
      if (very_late) return false;
      break;
    case System::none_expected:
      if (fate == Fate::claim_late) return false;
      if (rule_of(fate).kind == Kind::none && rule_of(fate).stage == v1::NOT_CERTIFICATED) return false;
      break;
    default:
      break;
  }
  if (!q.computed) return true;
  // What only the awarding organisation's own result can bring about.
  return fate != Fate::very_late_entry && fate != Fate::late_course_change && fate != Fate::marking_late && fate != Fate::result_never_determined &&
         fate != Fate::amended_before_issue && fate != Fate::amended_after_issue && fate != Fate::second_batch;
}

}  // namespace vtq::simulator
