// Form of the facts about a centre's assessment and about mitigations.
#include "pipeline/intake/checker.h"

namespace vtq {

void Checker::sample(const v1::SampleDecided& fact) {
  centre("centre", fact.centre());
  qualification_of("qualification", fact.qualification());
  series_of("series", fact.series());
  if (!fact.learner().empty() && !learner_is_well_formed(fact.learner()))
    fail(path("learner"), "learner-form", fact.learner(), "Give the learner's registration number, or leave it empty for the cohort.");
  chosen("status", fact.status(), v1::SampleDecided::Status_IsValid(fact.status()));
  optional_date("dueOn", fact.due_on());
  optional_date("respondedOn", fact.responded_on());
}

void Checker::hold(const v1::HoldPlaced& fact) {
  centre("centre", fact.centre());
  if (!names_a_hold(fact.hold())) fail(path("hold"), "hold-form", fact.hold(), "Name the hold in 1 to 32 of A-Z, 0-9 and -.");
  awarding_organisation("awardingOrganisation", fact.awarding_organisation());
  optional_qualification("qualification", fact.qualification());
  if (!fact.series().empty()) series_of("series", fact.series());
  if (!fact.learner().empty() && !learner_is_well_formed(fact.learner()))
    fail(path("learner"), "learner-form", fact.learner(), "Give the learner's registration number, or leave it empty.");
  chosen("cause", fact.cause(), v1::HoldPlaced::Cause_IsValid(fact.cause()));
}

void Checker::monitoring_recorded(const v1::MonitoringRecorded& fact) {
  centre("centre", fact.centre());
  awarding_organisation("awardingOrganisation", fact.awarding_organisation());
  optional_qualification("qualification", fact.qualification());
  name("monitoring", fact.monitoring(), 40);
  optional_date("visitedOn", fact.visited_on());
  if (fact.grade() > 4) fail(path("grade"), "monitoring-grade", std::to_string(fact.grade()), "Grades run from 1 (best) to 4; 0: not graded.");
  optional_code("assurer", fact.assurer(), 40);
  if (fact.findings_size() > kFindingsMax)
    fail(path("findings"), "findings-count", std::to_string(fact.findings_size()), "Record at most 100 findings of a visit.");
  for (int at = 0; at < fact.findings_size() && !failed_; ++at) {
    std::string field = "findings[" + std::to_string(at) + "].";
    code(field + "code", fact.findings(at).code(), 20);
    chosen(field + "severity", fact.findings(at).severity(), v1::Finding::Severity_IsValid(fact.findings(at).severity()));
    at_most(field + "text", fact.findings(at).text(), 2000);
  }
}

void Checker::monitoring_planned(const v1::MonitoringPlanned& fact) {
  centre("centre", fact.centre());
  awarding_organisation("awardingOrganisation", fact.awarding_organisation());
  optional_qualification("qualification", fact.qualification());
  code("monitoring", fact.monitoring(), 40);
  optional_date("plannedOn", fact.planned_on());
  optional_code("assurer", fact.assurer(), 40);
}

void Checker::conflict(const v1::ConflictDeclared& fact) {
  centre("centre", fact.centre());
  awarding_organisation("awardingOrganisation", fact.awarding_organisation());
  code("assurer", fact.assurer(), 40);
  flag("inConflict", fact.has_in_conflict());
  optional_date("declaredOn", fact.declared_on());
}

void Checker::sanction(const v1::SanctionDecided& fact) {
  centre("centre", fact.centre());
  awarding_organisation("awardingOrganisation", fact.awarding_organisation());
  optional_qualification("qualification", fact.qualification());
  if (!names_a_hold(fact.sanction())) fail(path("sanction"), "sanction-form", fact.sanction(), "Name the sanction in 1 to 32 of A-Z, 0-9 and -.");
  flag("inForce", fact.has_in_force());
  chosen("kind", fact.kind(), v1::SanctionDecided::Kind_IsValid(fact.kind()));
}

void Checker::direct_claims(const v1::DirectClaimsDecided& fact) {
  centre("centre", fact.centre());
  awarding_organisation("awardingOrganisation", fact.awarding_organisation());
  qualification_of("qualification", fact.qualification());
  flag("granted", fact.has_granted());
  at_most("reason", fact.reason(), 500);
}

void Checker::mitigation_opted_out(const v1::MitigationOptedOut& fact) {
  centre("centre", fact.centre());
  qualification_of("qualification", fact.qualification());
  series_of("series", fact.series());
  flag("optedOut", fact.has_opted_out());
  optional_learner("learner", fact.learner());
}

void Checker::mitigation_applied(const v1::MitigationApplied& fact) {
  centre("centre", fact.centre());
  qualification_of("qualification", fact.qualification());
  series_of("series", fact.series());
  optional_learner("learner", fact.learner());
  if (fact.units_size() > kUnitsMax) fail(path("units"), "units-count", std::to_string(fact.units_size()), "A qualification has at most 200 units.");
  for (int at = 0; at < fact.units_size() && !failed_; ++at) {
    std::string field = "units[" + std::to_string(at) + "].";
    code(field + "unit", fact.units(at).unit(), 20);
    optional_date(field + "dueOn", fact.units(at).due_on());
  }
  if (fact.evidence_size() > kEvidenceMax)
    fail(path("evidence"), "evidence-count", std::to_string(fact.evidence_size()), "A checklist has at most 100 items.");
  for (int at = 0; at < fact.evidence_size() && !failed_; ++at) code("evidence[" + std::to_string(at) + "]", fact.evidence(at), 40);
}

void Checker::mitigation_reviewed(const v1::MitigationReviewed& fact) {
  centre("centre", fact.centre());
  qualification_of("qualification", fact.qualification());
  series_of("series", fact.series());
  optional_learner("learner", fact.learner());
  chosen("stage", fact.stage(), v1::MitigationReviewed::Stage_IsValid(fact.stage()));
  chosen("conclusion", fact.conclusion(), v1::MitigationReviewed::Conclusion_IsValid(fact.conclusion()));
}

}  // namespace vtq
