// The rules that a status can name as what stands between an entry and its result, and what each asks of whom. Before issue, missing
// evidence, holds in force and samples of a cohort are known by the step that is next, not by a rule. After it, `Rule::hold` says what withholds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pipeline/base/uk_time.h"
#include "vtq/v1/event.pb.h"
#include "vtq/v1/output.pb.h"

namespace vtq {

/// In the order in which they are named when several hold. The numbers are stored: a new rule takes a free one at the end of its group; none is ever
/// renumbered.
enum class Rule : std::uint8_t {
  none,
  // Approval of the qualification.
  qualification_approval = 1,
  first_registration,
  last_registration,
  last_certification,
  // Dates.
  calendar = 9,
  // Registration.
  size_change = 10,
  pathway,
  // Scrutiny of the centre's assessment.
  centre_approval = 20,
  staff_approval,
  certification_suspended,
  registration_suspended,
  critical_finding,
  action_overdue,
  first_monitoring,
  second_monitoring,
  yearly_monitoring,
  registration_rise,
  registration_spike,
  claim_spike,
  content_change,
  professional_standard_change,
  malpractice_suspected,
  sampling,
  action_required,
  // Mitigations.
  mitigation_application = 40,
  mitigation_evidence,
  mitigation_review,
  // The result against the rules.
  result_agrees = 50,
  // What withholds a result that was issued.
  issuing_halted = 60,
  hold,
  learner_left,
  // What keeps a result that is ready.
  release_approval = 70,
  release_missing,
  release_grades,
  release_corrections,
};

/// As outputs name it: `first-monitoring`; empty for none.
std::string_view rule_name(Rule rule);

/// The check of a release that a status names; none where it names another rule.
constexpr v1::ReleaseCheck check_of(Rule rule) {
  return rule == Rule::release_missing       ? v1::RELEASE_MISSING
         : rule == Rule::release_grades      ? v1::RELEASE_GRADES
         : rule == Rule::release_corrections ? v1::RELEASE_CORRECTIONS
                                             : v1::RELEASE_CHECK_NONE;
}
constexpr Rule rule_of(v1::ReleaseCheck check) {
  return check == v1::RELEASE_MISSING       ? Rule::release_missing
         : check == v1::RELEASE_GRADES      ? Rule::release_grades
         : check == v1::RELEASE_CORRECTIONS ? Rule::release_corrections
                                            : Rule::none;
}

/// What one rule asks: who must do what, by when.
struct Obstacle {
  Rule rule = Rule::none;
  v1::Step step = v1::STEP_NONE;
  v1::Owner owner = v1::OWNER_NONE;
  v1::Reason reason = v1::REASON_NONE;  ///< that the return would carry if nothing moved
  TimeMs due_ms = 0;                    ///< 0: the issue deadline
};

/// Keeps of several obstacles the one to be named first.
inline void raise(Obstacle& first, const Obstacle& other) {
  if (other.rule != Rule::none && (first.rule == Rule::none || other.rule < first.rule)) first = other;
}

}  // namespace vtq
