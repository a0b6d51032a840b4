// Awarding organisations, grading scales and qualifications of a season.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/simulator/rng.h"
#include "daemon/simulator/scenario.h"
#include "vtq/v1/reference.pb.h"

namespace vtq::simulator {

struct AwardingOrganisation {
  std::string number;
  std::string name;
  double weight = 0;
  bool silence_is_critical = false;
};

struct Scale {
  std::string name;
  // Highest first.
  std::vector<std::string> achieved;
  std::vector<std::string> not_achieved;

  // The grades of the scale in order, those not achieved after those achieved.
  const std::string& value(std::size_t index) const { return index < achieved.size() ? achieved[index] : not_achieved[index - achieved.size()]; }
};

// The rules that a qualification has beyond its units; T Levels have a table besides. See systems.h.
enum class System : std::uint8_t { none, outcomes, combination, points, scrutiny, approval, delayed, calculated, adapted, none_expected, smaller };

inline constexpr std::size_t kOutcomesPerUnit = 3;

// What a T Level gives for a core grade and a grade of the occupational specialism.
struct OverallGrade {
  std::string core, specialism, overall;
};

struct UnitOffer {
  std::string code, title;
  bool mandatory = true;
  std::uint32_t credit = 0;
};

struct Qualification {
  std::string number, title;
  std::size_t awarding_organisation = 0;
  v1::Level level = v1::LEVEL_3;
  std::uint32_t guided_learning_hours = 0;
  std::uint32_t ucas_points = 0;
  bool performance_table = false;
  bool automatic = false;
  // Centre marking is moderated before results.
  bool moderated = false;
  const Scale* scale = nullptr;
  const Scale* unit_scale = nullptr;
  std::vector<UnitOffer> units;
  std::uint32_t optional_credit_required = 0;
  // Only for T Levels; never empty for them.
  std::vector<OverallGrade> overall_grades;
  double weight = 1;
  System system = System::none;
  // The result follows from the rules; nobody sends it.
  bool computed = false;
  // T Level: the result is held against the table.
  bool by_table = false;
  // System::combination: learners take one of two pathways, with a unit of its own each, and so many units of the group; of the group's
  // first two only one counts.
  std::vector<std::size_t> pathway_units, group_units;
  std::uint32_t group_units_min = 0, credit_required = 0;
  // System::points: points of a unit by grade, and the fewest of an overall grade; both in the order of their scales.
  std::vector<std::uint32_t> unit_points, boundaries;
  // System::smaller: a certificate of the family of a diploma that has a mitigation, with the diploma's number.
  std::string family, larger;
  v1::Size size = v1::SIZE_UNSPECIFIED;
  // System::delayed: the dates that take the place of the season's.
  std::optional<Dates> moved;

  bool t_level() const { return !overall_grades.empty(); }
  // Level 3: 180 hours and 16 UCAS points. Others: performance tables and 120 hours. (Ofqual, 2023 and 2024)
  bool in_scope() const {
    return level == v1::LEVEL_3 ? guided_learning_hours >= 180 && ucas_points >= 16 : performance_table && guided_learning_hours >= 120;
  }
};

struct Catalogue {
  std::vector<AwardingOrganisation> awarding_organisations;
  std::vector<Qualification> qualifications;
};

const std::vector<Scale>& grading_scales();
// Of the components of T Levels, where they are held against their table.
const std::vector<Scale>& component_scales();
Catalogue make_catalogue(const Figures& figures, Rng& rng);

// ---- invented.cc: titles and names that belong to nobody ----

// Largest first.
std::vector<AwardingOrganisation> invented_awarding_organisations();
// Index of the one that takes over a public title, or -1.
int awarding_organisation_of(std::string_view title, const std::vector<AwardingOrganisation>& among);
// The title with the name of the one that takes it over.
std::string title_taken_over(std::string_view title, std::size_t awarding_organisation);
const std::vector<std::string_view>& subjects();
std::string unit_title(std::size_t number, std::string_view subject, Rng& rng);
std::string centre_name(std::string_view type, Rng& rng);

}  // namespace vtq::simulator
