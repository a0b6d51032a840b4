// Awarding organisations, grading scales and qualifications of a season.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/simulator/rng.h"
#include "daemon/simulator/scenario.h"

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
};

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

  bool t_level() const { return !overall_grades.empty(); }
  // Level 3: 180 hours and 16 UCAS points. Others: performance tables and 120 hours. (Ofqual, 2023 and 2024)
  bool in_scope() const {
    return level == v1::LEVEL_3 ? guided_learning_hours >= 180 && ucas_points >= 16
                                : performance_table && guided_learning_hours >= 120;
  }
};

struct Catalogue {
  std::vector<AwardingOrganisation> awarding_organisations;
  std::vector<Qualification> qualifications;
};

const std::vector<Scale>& grading_scales();
Catalogue make_catalogue(const Figures& figures, Rng& rng);

// ---- invented.cc: titles and names that belong to nobody ----

// The known awarding organisations, largest first. The registration numbers of most are illustrative.
std::vector<AwardingOrganisation> known_awarding_organisations();
// Index of the one that a public title starts with, or -1.
int awarding_organisation_of(std::string_view title, const std::vector<AwardingOrganisation>& among);
const std::vector<std::string_view>& subjects();
std::string unit_title(std::size_t number, std::string_view subject, Rng& rng);
std::string centre_name(std::string_view type, Rng& rng);

}  // namespace vtq::simulator
