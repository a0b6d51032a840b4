// The table of kinds of facts. A new kind asks for one row here and one definition in a file beside, once its message stands in
// vtq/v1/event.proto and an example in tests/data/events. One about an entry also asks for its slot in facts/entry.h, and that for its field in
// the stored record.
#pragma once

#include "pipeline/facts/kind.h"

// By topic; the order means nothing.
#define VTQ_FACT_KINDS(row)                                                                                                                          \
  row(registered) row(registration_changed) row(transferred) row(withdrawn) row(checkpoint_answered) row(centre_declared) row(outcome_recorded)      \
      row(prior_learning_recognised) row(special_consideration) row(claim_submitted) row(claim_withdrawn) row(result_determined) row(result_amended) \
          row(result_revoked) row(centre_approved) row(staff_approved) row(monitoring_recorded) row(monitoring_planned) row(conflict_declared)       \
              row(sanction_decided) row(direct_claims_decided) row(action_plan) row(sample_decided) row(hold_placed) row(hold_lifted)                \
                  row(mitigation_opted_out) row(mitigation_applied) row(mitigation_reviewed) row(release_planned) row(release_approved)              \
                      row(issuing_halted) row(batch_acknowledged) row(result_queried) row(time_reached) row(awarding_organisation_defined)           \
                          row(centre_defined) row(qualification_defined) row(grading_scale_defined) row(calendar_defined) row(mitigation_defined)    \
                              row(scrutiny_strategy_defined) row(approval_category_defined) row(approval_proposed) row(approval_submitted)           \
                                  row(approval_decided) row(approval_withdrawn) row(access_key_made) row(access_key_revoked) row(person_signed_out)  \
                                      row(release_overridden) row(release_policy_defined) row(audit_noted)

namespace vtq::kinds {

#define VTQ_DECLARE(name) extern const FactKind name;
VTQ_FACT_KINDS(VTQ_DECLARE)
#undef VTQ_DECLARE

}  // namespace vtq::kinds
