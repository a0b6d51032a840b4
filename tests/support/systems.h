// Short ways to make the facts of centre assessment scrutiny, approval, mitigations and learning outcomes, and reference data that uses
// all of their rules.
#pragma once

#include "tests/support/season.h"

namespace vtq::test {

/// Beside `reference_data()`, all of RN5001 and on its dates:
/// 601/0021/1  computed, learning outcomes, groups, a barred pair, pathways P1 and P2; Diploma of the family F; mitigations
/// 601/0022/1  graded by points, external, with a hurdle and a cap; Certificate of the family F; a scrutiny strategy of its own
/// 601/0023/1  a T Level by table, computed and without claim
/// 601/0024/1  needs the approval of IfATE, in a category; pass by one grade, external
std::vector<v1::Event> systems_reference_data();

v1::Event outcome(const Ref& ref, TimeMs at, const std::string& unit, const std::string& learning_outcome = {}, const std::string& grade = {},
                  v1::Outcome::Standing standing = v1::Outcome::ACHIEVED);
v1::Event assessed_by(v1::Event outcome, const std::string& assessor, v1::AssessmentMethod method);
v1::Event prior_learning(const Ref& ref, TimeMs at, const std::string& unit, const std::string& grade = {});
v1::Event registered_on(const Ref& ref, TimeMs at, const std::string& pathway, const std::string& cohort = {});
v1::Event moved_from(const Ref& ref, TimeMs at, const std::string& qualification,
                     v1::RegistrationChanged::Change change = v1::RegistrationChanged::SIZE);

// Scrutiny; of the qualification that `ref` names, or of the whole awarding organisation where `ref.qualification` is empty.
v1::Event centre_approved(const Ref& ref, TimeMs at, v1::CentreApproved::Status status = v1::CentreApproved::APPROVED);
v1::Event staff_approved(const Ref& ref, TimeMs at, const std::string& staff, bool approved = true);
v1::Event monitored(const Ref& ref, TimeMs at, const std::string& monitoring, std::uint32_t grade = 1, const std::string& visited_on = {});
v1::Event with_finding(v1::Event monitored, const std::string& code, v1::Finding::Severity severity);
v1::Event monitoring_planned(const Ref& ref, TimeMs at, const std::string& monitoring, const std::string& planned_on, std::uint64_t seed);
v1::Event conflict(const Ref& ref, TimeMs at, const std::string& assurer, bool in_conflict = true);
v1::Event sanction(const Ref& ref, TimeMs at, const std::string& name, v1::SanctionDecided::Kind kind, bool in_force = true);
v1::Event direct_claims(const Ref& ref, TimeMs at, bool granted);
v1::Event action_plan(const Ref& ref, TimeMs at, const std::string& action, const std::string& due_on, bool done = false);

// Mitigations; for one learner, or for all where `ref.learner` is empty.
v1::Event mitigation(const Ref& ref, TimeMs at, v1::MitigationDefined::Kind kind);
v1::Event opted_out(const Ref& ref, TimeMs at, bool out = true);
v1::Event applied(const Ref& ref, TimeMs at, std::initializer_list<std::string> units, const std::string& due_on,
                  std::initializer_list<std::string> evidence);
v1::Event reviewed(const Ref& ref, TimeMs at, v1::MitigationReviewed::Stage stage,
                   v1::MitigationReviewed::Conclusion conclusion = v1::MitigationReviewed::SUFFICIENT);

// Approval by IfATE in the category `specialist`.
v1::Event proposed(const std::string& qualification, TimeMs at, v1::ApprovalProposed::ProposalOutcome outcome);
v1::Event submitted(const std::string& qualification, TimeMs at, std::initializer_list<std::string> documents);
v1::Event approval_decided(const std::string& qualification, TimeMs at, const std::string& from);
v1::Event approval_withdrawn(const std::string& qualification, TimeMs at, const std::string& from,
                             const std::string& last_certification_on = "2023-10-31");

}  // namespace vtq::test
