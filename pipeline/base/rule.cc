#include "pipeline/base/rule.h"

namespace vtq {

std::string_view rule_name(Rule rule) {
  switch (rule) {
    case Rule::none:
      return "";
    case Rule::qualification_approval:
      return "qualification-approval";
    case Rule::first_registration:
      return "first-registration";
    case Rule::last_registration:
      return "last-registration";
    case Rule::last_certification:
      return "last-certification";
    case Rule::calendar:
      return "calendar";
    case Rule::size_change:
      return "size-change";
    case Rule::pathway:
      return "pathway";
    case Rule::centre_approval:
      return "centre-approval";
    case Rule::staff_approval:
      return "staff-approval";
    case Rule::certification_suspended:
      return "certification-suspended";
    case Rule::registration_suspended:
      return "registration-suspended";
    case Rule::critical_finding:
      return "critical-finding";
    case Rule::action_overdue:
      return "action-overdue";
    case Rule::first_monitoring:
      return "first-monitoring";
    case Rule::second_monitoring:
      return "second-monitoring";
    case Rule::yearly_monitoring:
      return "yearly-monitoring";
    case Rule::registration_rise:
      return "registration-rise";
    case Rule::registration_spike:
      return "registration-spike";
    case Rule::claim_spike:
      return "claim-spike";
    case Rule::content_change:
      return "content-change";
    case Rule::professional_standard_change:
      return "professional-standard-change";
    case Rule::malpractice_suspected:
      return "malpractice-suspected";
    case Rule::sampling:
      return "sampling";
    case Rule::action_required:
      return "action-required";
    case Rule::mitigation_application:
      return "mitigation-application";
    case Rule::mitigation_evidence:
      return "mitigation-evidence";
    case Rule::mitigation_review:
      return "mitigation-review";
    case Rule::result_agrees:
      return "result-agrees";
    case Rule::issuing_halted:
      return "issuing-halted";
    case Rule::hold:
      return "hold";
    case Rule::learner_left:
      return "learner-left";
    case Rule::release_approval:
      return "release-approval";
    case Rule::release_missing:
      return "release-missing";
    case Rule::release_grades:
      return "release-grades";
    case Rule::release_corrections:
      return "release-corrections";
  }
  return "";
}

}  // namespace vtq
