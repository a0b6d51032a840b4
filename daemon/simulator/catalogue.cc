#include "daemon/simulator/catalogue.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <stdexcept>

#include "daemon/simulator/identifiers.h"
#include "daemon/simulator/reference_data.h"

namespace vtq::simulator {

namespace {

using Fields = std::vector<std::string>;

// Fields of each line but the first; a field may stand in double quotes.
std::vector<Fields> parse_csv(std::string_view text) {
  std::vector<Fields> rows;
  Fields row(1);
  bool quoted = false;
  for (const char c : text) {
    if (c == '"')
      quoted = !quoted;
    else if (c == ',' && !quoted)
      row.emplace_back();
    else if (c == '\n')
      rows.push_back(std::exchange(row, Fields(1)));
    else if (c != '\r')
      row.back() += c;
  }
  if (row.size() > 1) rows.push_back(row);
  rows.erase(rows.begin());
  return rows;
}

const Scale* scale(std::string_view name) {
  for (const auto& one : grading_scales()) {
    if (one.name == name) return &one;
  }
  throw std::logic_error("no grading scale " + std::string{name});
}

// A shape that invented qualifications come in.
struct Form {
  v1::Level level;
  // The only awarding organisation that offers it; empty: any but Astley and Dunvale.
  std::string_view awarding_organisation;
  std::string_view title;
  std::uint32_t hours, ucas_points;
  bool performance_table;
  double moderated;
  std::string_view scale, unit_scale;
  double share;
};

constexpr Form kForms[] = {
    {v1::LEVEL_3, "Astley", "Level 3 National Extended Diploma in", 1080, 168, true, 0.2, "btec-overall-triple", "btec-unit", 8},
    {v1::LEVEL_3, "Astley", "Level 3 National Diploma in", 720, 112, true, 0.2, "btec-overall-double", "btec-unit", 8},
    {v1::LEVEL_3, "Astley", "Level 3 National Extended Certificate in", 360, 56, true, 0.2, "btec-overall-single", "btec-unit", 14},
    {v1::LEVEL_3, "Astley", "Level 3 National Certificate in", 180, 28, true, 0.2, "btec-overall-single", "btec-unit", 5},
    {v1::LEVEL_3, "Dunvale", "Level 3 Technical Diploma in", 720, 112, true, 0.6, "cambridge-technical-overall-double", "cambridge-technical-unit",
     6},
    {v1::LEVEL_3, "Dunvale", "Level 3 Technical Extended Certificate in", 360, 56, true, 0.6, "cambridge-technical-overall",
     "cambridge-technical-unit", 8},
    {v1::LEVEL_3, "", "Level 3 Extended Diploma in", 1080, 168, true, 0.4, "diploma-overall", "diploma-unit", 12},
    {v1::LEVEL_3, "", "Level 3 Diploma in", 540, 84, true, 0.4, "diploma-overall", "diploma-unit", 16},
    {v1::LEVEL_3, "", "Level 3 Certificate in", 180, 16, false, 0.3, "diploma-overall", "diploma-unit", 8},
    {v1::LEVEL_3, "", "Level 3 Applied Certificate in", 360, 48, true, 0.4, "pass", "pass", 8},
    {v1::LEVEL_3, "", "Level 3 Occupational Diploma in", 400, 0, false, 0.2, "pass", "pass", 4},
    {v1::LEVEL_3, "", "Level 3 Award in", 150, 12, false, 0.2, "pass", "pass", 3},
    {v1::LEVEL_1_2, "Astley", "Level 1/Level 2 Tech Award in", 120, 0, true, 1, "tech-award", "tech-award", 22},
    {v1::LEVEL_1_2, "Dunvale", "Level 1/Level 2 National in", 120, 0, true, 1, "tech-award", "tech-award", 12},
    {v1::LEVEL_1_2, "", "Level 1/Level 2 Technical Award in", 120, 0, true, 1, "tech-award", "tech-award", 22},
    {v1::LEVEL_2, "Astley", "Level 2 Technical Diploma in", 360, 0, true, 0.5, "btec-overall-single", "btec-unit", 10},
    {v1::LEVEL_2, "", "Level 2 Technical Certificate in", 240, 0, true, 0.9, "diploma-overall", "diploma-unit", 14},
    {v1::LEVEL_2, "", "Level 2 Diploma in", 300, 0, true, 0.5, "pass", "pass", 14},
    {v1::LEVEL_2, "", "Level 2 Award in", 90, 0, false, 0.2, "pass", "pass", 4},
};

void add_units(Qualification& qualification, std::string_view subject, Rng& rng) {
  const auto total = static_cast<std::size_t>(rng.between(5, qualification.guided_learning_hours >= 360 ? 14 : 9));
  const std::size_t mandatory = rng.chance(0.35) ? total : static_cast<std::size_t>(rng.between(2, static_cast<std::int64_t>(total) - 2));
  std::uint32_t optional_credit = 0;
  for (std::size_t i = 0; i < total; ++i) {
    UnitOffer unit;
    unit.code = (i < 9 ? "U0" : "U") + std::to_string(i + 1);
    unit.title = unit_title(i + 1, subject, rng);
    unit.mandatory = i < mandatory;
    unit.credit = 5 * static_cast<std::uint32_t>(rng.between(1, 3));
    if (!unit.mandatory) optional_credit += unit.credit;
    qualification.units.push_back(std::move(unit));
  }
  if (optional_credit > 0) qualification.optional_credit_required = std::max(5u, optional_credit / 10 * 5);
}

// In place of a public number, so that no season speaks of a qualification that exists. The register has none from 690 to 699.
std::string invented_number(std::string_view public_number) {
  std::uint32_t digits = 0;
  for (const char c : public_number.substr(0, 8))
    if (c >= '0' && c <= '9') digits = digits * 10 + static_cast<std::uint32_t>(c - '0');
  return qualification_number(6'900'000 + digits % 100'000);
}

Qualification t_level(const Fields& row, const std::vector<Fields>& grades, std::size_t awarding_organisation) {
  Qualification q;
  q.number = invented_number(row[0]);
  q.title = row[1];
  q.awarding_organisation = awarding_organisation;
  q.guided_learning_hours = 1180;
  q.ucas_points = 168;
  q.performance_table = true;
  q.automatic = true;
  q.scale = scale("t-level-overall");
  q.unit_scale = scale("t-level-component");
  const char* parts[] = {"Core paper A", "Core paper B", "Employer-set project", "Occupational specialism", "Industry placement"};
  const char* codes[] = {"CORE-A", "CORE-B", "PROJECT", "SPECIALISM", "PLACEMENT"};
  for (std::size_t i = 0; i < 5; ++i) q.units.push_back({codes[i], parts[i], true, 0});
  for (const auto& grade : grades) {
    if (grade[0] == row[0]) q.overall_grades.push_back({grade[1], grade[2], grade[3]});
  }
  return q;
}

void add_t_levels(Catalogue& catalogue, const Figures& figures, std::size_t most) {
  // The first T Levels are spread over three awarding organisations. Their tables of grades are public, their numbers here invented.
  const std::pair<std::string_view, std::string_view> held_by[] = {
      {"603/5830/0", "Astley"}, {"603/5832/4", "Astley"}, {"603/6917/6", "Burnhope Guilds"}, {"603/6911/5", "Burnhope Guilds"}};
  const auto grades = parse_csv(tlevel_overall_grades_csv());
  const auto& organisations = catalogue.awarding_organisations;
  for (const auto& row : parse_csv(tlevel_qualifications_csv())) {
    // Two years of study.
    if (catalogue.qualifications.size() >= most || std::stoi(row[2]) + 2 > figures.year) continue;
    std::string_view holder = "Carrowmore";
    for (const auto& [number, name] : held_by) holder = number == row[0] ? name : holder;
    const auto found = std::find_if(organisations.begin(), organisations.end(), [&](const auto& one) { return one.name == holder; });
    Qualification q = t_level(row, grades, static_cast<std::size_t>(found - organisations.begin()));
    if (found != organisations.end() && q.t_level()) catalogue.qualifications.push_back(std::move(q));
  }
}

// Functional and essential skills and sign language at Level 2: vocational, and not in scope.
void add_public_level_2(Catalogue& catalogue, std::size_t most, Rng& rng) {
  std::set<std::string> seen;
  std::vector<Fields> rows;
  for (auto& row : parse_csv(qualifications_csv())) {
    const std::string& title = row[1];
    const bool wanted = title.find("Functional Skills") != std::string::npos || title.find("Essential Skills") != std::string::npos ||
                        title.find("British Sign Language") != std::string::npos;
    const bool level_2 = title.find("Level 2") != std::string::npos || title.find("level 2") != std::string::npos;
    if (wanted && level_2 && title.find("(QCF)") == std::string::npos && seen.insert(row[0]).second &&
        awarding_organisation_of(title, catalogue.awarding_organisations) >= 0) {
      rows.push_back(row);
    }
  }
  rng.shuffle(rows);
  if (rows.size() > most) rows.resize(most);
  std::set<std::string> numbers;
  for (const auto& q : catalogue.qualifications) numbers.insert(q.number);
  for (const auto& row : rows) {
    Qualification q;
    q.number = invented_number(row[0]);
    if (!numbers.insert(q.number).second) continue;
    q.awarding_organisation = static_cast<std::size_t>(awarding_organisation_of(row[1], catalogue.awarding_organisations));
    q.title = title_taken_over(row[1], q.awarding_organisation);
    q.level = v1::LEVEL_2;
    q.guided_learning_hours = 55;
    q.scale = q.unit_scale = scale("pass");
    add_units(q, "Practice", rng);
    catalogue.qualifications.push_back(std::move(q));
  }
}

void add_invented(Catalogue& catalogue, std::size_t until, bool level_3, Rng& rng) {
  WeightedPick forms, organisations;
  for (const auto& form : kForms) forms.add((form.level == v1::LEVEL_3) == level_3 ? form.share : 0);
  for (const auto& one : catalogue.awarding_organisations) {
    organisations.add(one.name == "Astley" || one.name == "Dunvale" ? 0 : one.weight + 15);
  }
  std::set<std::string> numbers, titles;
  for (const auto& q : catalogue.qualifications) numbers.insert(q.number);
  while (catalogue.qualifications.size() < until) {
    const Form& form = kForms[forms.draw(rng)];
    const auto& all = catalogue.awarding_organisations;
    std::size_t organisation = organisations.draw(rng);
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (all[i].name == form.awarding_organisation) organisation = i;
    }
    const auto subject = rng.pick(subjects());
    Qualification q;
    q.title = all[organisation].name + " " + std::string{form.title} + " " + std::string{subject};
    // The register has no numbers from 690 to 699.
    q.number = qualification_number(static_cast<std::uint32_t>(rng.between(6'900'000, 6'999'999)));
    if (titles.contains(q.title) || !numbers.insert(q.number).second) continue;
    titles.insert(q.title);
    q.awarding_organisation = organisation;
    q.level = form.level;
    q.guided_learning_hours = form.hours;
    q.ucas_points = form.ucas_points;
    q.performance_table = form.performance_table;
    q.moderated = rng.chance(form.moderated);
    // Wholly examined by the awarding organisation, which then awards without a claim.
    q.automatic = !q.moderated && form.performance_table && rng.chance(0.08);
    q.scale = scale(form.scale);
    q.unit_scale = scale(form.unit_scale);
    q.weight = std::sqrt(all[organisation].weight) * rng.lognormal(1, 0.8);
    add_units(q, subject, rng);
    catalogue.qualifications.push_back(std::move(q));
  }
}

// Makes the qualifications that `chosen` names carry `share` of their group's entries.
template <class Predicate>
void set_share(std::vector<Qualification>& all, std::size_t group, double share, Predicate chosen) {
  double inside = 0, outside = 0;
  for (const auto& q : all) {
    if (group_of(q.level) == group) (chosen(q) ? inside : outside) += q.weight;
  }
  if (inside <= 0 || outside <= 0) return;
  for (auto& q : all) {
    if (group_of(q.level) == group && chosen(q)) q.weight *= share / (1 - share) * outside / inside;
  }
}

}  // namespace

const std::vector<Scale>& component_scales() {
  static const std::vector<Scale> scales = {
      {"t-level-core", {"A*", "A", "B", "C", "D", "E"}, {"Unclassified", "X"}},
      {"t-level-specialism", {"Distinction", "Merit", "Pass"}, {"Unclassified", "X"}},
  };
  return scales;
}

const std::vector<Scale>& grading_scales() {
  static const std::vector<Scale> scales = {
      {"btec-overall-single", {"D*", "D", "M", "P"}, {"U", "X"}},
      {"btec-overall-double", {"D*D*", "D*D", "DD", "DM", "MM", "MP", "PP"}, {"U", "X"}},
      {"btec-overall-triple", {"D*D*D*", "D*D*D", "D*DD", "DDD", "DDM", "DMM", "MMM", "MMP", "MPP", "PPP"}, {"U", "X"}},
      {"btec-unit", {"D", "M", "P"}, {"N", "U", "X"}},
      {"tech-award", {"L2D*", "L2D", "L2M", "L2P", "L1D", "L1M", "L1P"}, {"U", "X"}},
      {"cambridge-technical-overall", {"D*", "D", "M", "P"}, {"U", "X"}},
      {"cambridge-technical-overall-double", {"D*D*", "D*D", "DD", "DM", "MM", "MP", "PP"}, {"U", "X"}},
      {"cambridge-technical-unit", {"D", "M", "P"}, {"R", "U", "X"}},
      {"t-level-overall", {"Distinction*", "Distinction", "Merit", "Pass"}, {"Partial achievement", "Unclassified", "X"}},
      {"t-level-component", {"A*", "A", "B", "C", "D", "E", "Distinction", "Merit", "Pass"}, {"Unclassified", "X"}},
      {"diploma-overall", {"Distinction*", "Distinction", "Merit", "Pass"}, {"Unclassified", "X"}},
      {"diploma-unit", {"Distinction", "Merit", "Pass"}, {"Unclassified", "X"}},
      {"pass", {"Pass"}, {"Not yet achieved", "X"}},
  };
  return scales;
}

Catalogue make_catalogue(const Figures& figures, Rng& rng) {
  Catalogue catalogue;
  catalogue.awarding_organisations = invented_awarding_organisations();
  catalogue.awarding_organisations.resize(figures.awarding_organisations);
  const std::size_t count = figures.qualifications;
  add_t_levels(catalogue, figures, std::max<std::size_t>(2, count / 40));
  add_public_level_2(catalogue, std::max<std::size_t>(2, count / 9), rng);
  const std::size_t invented = count - catalogue.qualifications.size();
  add_invented(catalogue, catalogue.qualifications.size() + invented * 55 / 100, true, rng);
  add_invented(catalogue, count, false, rng);
  const auto out_of_scope = [](const Qualification& q) { return !q.in_scope(); };
  const auto t_levels = [](const Qualification& q) { return q.t_level(); };
  set_share(catalogue.qualifications, 0, figures.t_level_share, t_levels);
  for (std::size_t group = 0; group < kGroups; ++group) {
    set_share(catalogue.qualifications, group, figures.out_of_scope_share, out_of_scope);
  }
  return catalogue;
}

}  // namespace vtq::simulator
