// The rules between work and result that some qualifications of a season have: learning outcomes, rules of combination, grades by points or
// by table, scrutiny of centres, approval of the qualification, mitigations. A season without them is what it was before they were known.
#pragma once

#include <string_view>
#include <vector>

#include "daemon/simulator/catalogue.h"
#include "daemon/simulator/plan.h"

namespace vtq::simulator {

// Gives some of the qualifications that are taught rules of their own, and T Levels their table. Qualifications under scrutiny are among
// those where a cohort's sampling is late, so that monitoring and actions can be late in its stead.
void add_systems(const Season& season, const std::vector<CentrePlan>& centres, Catalogue& catalogue, Rng& rng);

// Whether a fate can befall entries of the qualification. The wording of the plan knows nothing of its rules.
bool allows(const Qualification& qualification, Fate fate);

// What the evidence checklist of an application for a mitigation holds.
inline constexpr std::string_view kMitigationEvidence[] = {"internal-marks", "centre-declaration"};

// The dates of the disruption that mitigations are for, and of the approval's end.
struct SystemDays {
  explicit SystemDays(int year);
  Day disruption_from, disruption_to, mitigated, changed, approval_withdrawn_from, approval_withdrawn_told;
};

}  // namespace vtq::simulator
