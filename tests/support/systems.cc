#include "tests/support/systems.h"

namespace vtq::test {
namespace {

/// The fields by which a fact about a centre's assessment says whom it is about.
template <class Fact>
Fact& about(Fact& fact, const Ref& ref) {
  fact.set_centre(ref.centre);
  fact.set_awarding_organisation("RN5001");
  fact.set_qualification(ref.qualification);
  return fact;
}

template <class Fact>
Fact& under_mitigation(Fact& fact, const Ref& ref) {
  fact.set_centre(ref.centre);
  fact.set_qualification(ref.qualification);
  fact.set_series(ref.series);
  fact.set_learner(ref.learner);
  return fact;
}

template <class Fact>
Fact& of_ifate(Fact& fact, const std::string& qualification) {
  fact.set_qualification(qualification);
  fact.set_body(v1::IFATE);
  return fact;
}

constexpr const char* kReference[] = {
    R"({"gradingScaleDefined": {"name": "core", "grades": [{"value": "A", "achieved": true}, {"value": "E", "achieved": true},
        {"value": "Unclassified"}]}})",
    R"({"gradingScaleDefined": {"name": "t-level", "grades": [{"value": "Distinction", "achieved": true},
        {"value": "Pass", "achieved": true}, {"value": "Partial achievement"}, {"value": "Unclassified"}]}})",
    R"({"qualificationDefined": {"qualification": "601/0021/1", "title": "Diploma by Outcomes", "awardingOrganisation": "RN5001",
        "level": "LEVEL_3", "guidedLearningHours": 360, "ucasPoints": 48, "performanceTable": true, "gradingScale": "pass",
        "unitGradingScale": "unit", "certification": "CERTIFICATION_BY_CLAIM", "determination": "DETERMINATION_COMPUTED",
        "units": [{"code": "U1", "title": "One", "mandatory": true, "credit": 10, "level": 3, "learningOutcomes": ["LO1", "LO2"]},
                  {"code": "U2", "title": "Two", "mandatory": true, "credit": 10, "level": 3, "learningOutcomes": ["LO1"]},
                  {"code": "U3", "title": "Three", "credit": 10, "level": 3}, {"code": "U4", "title": "Four", "credit": 10, "level": 3},
                  {"code": "U5", "title": "Five", "credit": 5, "level": 2}, {"code": "U6", "title": "Six", "credit": 5, "level": 3}],
        "groups": [{"code": "OPT", "title": "Options", "units": ["U3", "U4", "U5"], "unitsMin": 1, "unitsMax": 2, "level": 3,
                    "unitsAtLevelMin": 1}],
        "barred": [{"units": ["U3", "U4"]}],
        "pathways": [{"code": "P1", "title": "First way", "units": ["U6"]}, {"code": "P2", "title": "Second way", "groups": ["OPT"]}],
        "creditRequired": 25, "family": "F", "size": "SIZE_DIPLOMA", "grading": {"passGrade": "Pass"}}})",
    R"({"qualificationDefined": {"qualification": "601/0022/1", "title": "Certificate by Points", "awardingOrganisation": "RN5001",
        "level": "LEVEL_3", "guidedLearningHours": 180, "ucasPoints": 16, "performanceTable": true, "gradingScale": "pass",
        "unitGradingScale": "unit", "certification": "CERTIFICATION_BY_CLAIM", "determination": "DETERMINATION_EXTERNAL",
        "units": [{"code": "A", "title": "First", "mandatory": true, "credit": 10}, {"code": "B", "title": "Second", "mandatory": true,
                   "credit": 10, "minimumGrade": "N"}],
        "family": "F", "size": "SIZE_CERTIFICATE",
        "grading": {"points": [{"grade": "D", "points": 9}, {"grade": "M", "points": 6}, {"grade": "P", "points": 3},
                               {"grade": "N", "points": 1}],
                    "boundaries": [{"grade": "Distinction", "points": 15}, {"grade": "Merit", "points": 9}, {"grade": "Pass", "points": 4}],
                    "hurdles": [{"fromGrade": "Distinction", "units": ["A"], "unitGrade": "M"}],
                    "caps": [{"grade": "Merit", "unitGrade": "N"}]}}})",
    R"({"qualificationDefined": {"qualification": "601/0023/1", "title": "T Level by Table", "awardingOrganisation": "RN5001",
        "level": "LEVEL_3", "guidedLearningHours": 1180, "ucasPoints": 168, "performanceTable": true, "tLevel": true,
        "gradingScale": "t-level", "unitGradingScale": "unit", "certification": "CERTIFICATION_AUTOMATIC",
        "determination": "DETERMINATION_COMPUTED",
        "units": [{"code": "CORE", "title": "Core", "mandatory": true, "gradingScale": "core"},
                  {"code": "SPEC", "title": "Specialism", "mandatory": true}],
        "grading": {"components": ["CORE", "SPEC"], "partialGrade": "Partial achievement", "unclassifiedGrade": "Unclassified",
                    "combinations": [{"unitGrades": ["A", "D"], "grade": "Distinction"}, {"unitGrades": ["A", "M"], "grade": "Distinction"},
                                     {"unitGrades": ["A", "P"], "grade": "Pass"}, {"unitGrades": ["E", "D"], "grade": "Pass"},
                                     {"unitGrades": ["E", "M"], "grade": "Pass"}, {"unitGrades": ["E", "P"], "grade": "Pass"}]}}})",
    R"({"qualificationDefined": {"qualification": "601/0024/1", "title": "Award with Approval", "awardingOrganisation": "RN5001",
        "level": "LEVEL_2", "guidedLearningHours": 120, "performanceTable": true, "gradingScale": "pass",
        "certification": "CERTIFICATION_BY_CLAIM", "units": [{"code": "A", "title": "First", "mandatory": true}],
        "grading": {"passGrade": "Pass"}, "frameworkLevel": 2, "approvalNeeded": ["IFATE"], "firstRegistrationOn": "2022-09-01",
        "lastRegistrationOn": "2023-06-30", "lastCertificationOn": "2023-12-31"}})",
    R"({"scrutinyStrategyDefined": {"awardingOrganisation": "RN5001", "qualification": "601/0022/1", "centreApproval": true,
        "staffApproval": true, "samplingBeforeClaims": true, "monitoring": {"beforeFirstClaims": true, "secondWithinMonths": 6,
        "thenEveryMonths": 12}, "sample": {"learnersMin": 2, "percent": 20},
        "directClaims": {"singleGradeMax": 1, "singleLearnersMin": 3, "reviews": 2, "reviewsGradeMax": 3, "withinMonths": 18},
        "triggers": {"registrationRisePercent": 50, "registrationRiseMin": 2, "registrationSpikeTenths": 35, "registrationSpikeMin": 2,
                     "claimSpikeTenths": 35, "claimSpikeMin": 2, "contentChange": true, "professionalStandardChange": true,
                     "malpractice": true}}})",
    R"({"approvalCategoryDefined": {"body": "IFATE", "category": "specialist", "requiredDocuments": ["specification", "mapping"],
        "proposalLevels": [2], "predefinedAreas": ["welding"]}})"};

}  // namespace

std::vector<v1::Event> systems_reference_data() {
  std::vector<v1::Event> all;
  for (const char* json : kReference) {
    v1::Event& event = all.emplace_back(event_from(json));
    event.set_id("systems-" + std::to_string(all.size()));
    event.set_source("test");
    event.mutable_occurred_at()->set_seconds(local("2022-08-01T09:00") / 1000);
  }
  return all;
}

v1::Event outcome(const Ref& ref, TimeMs at, const std::string& unit, const std::string& learning_outcome, const std::string& grade,
                  v1::Outcome::Standing standing) {
  v1::Event event = event_at(at);
  set_ref(event.mutable_outcome_recorded()->mutable_entry(), ref);
  auto* made = event.mutable_outcome_recorded()->add_outcomes();
  made->set_unit(unit);
  made->set_learning_outcome(learning_outcome);
  made->set_grade(grade);
  made->set_standing(standing);
  return event;
}

v1::Event assessed_by(v1::Event outcome, const std::string& assessor, v1::AssessmentMethod method) {
  outcome.mutable_outcome_recorded()->set_assessor(assessor);
  outcome.mutable_outcome_recorded()->set_method(method);
  return outcome;
}

v1::Event prior_learning(const Ref& ref, TimeMs at, const std::string& unit, const std::string& grade) {
  v1::Event event = event_at(at);
  auto* fact = event.mutable_prior_learning_recognised();
  set_ref(fact->mutable_entry(), ref);
  fact->set_unit(unit);
  fact->set_kind(grade.empty() ? v1::PriorLearningRecognised::RECOGNITION_OF_PRIOR_LEARNING : v1::PriorLearningRecognised::CREDIT_TRANSFER);
  fact->set_grade(grade);
  return event;
}

v1::Event registered_on(const Ref& ref, TimeMs at, const std::string& pathway, const std::string& cohort) {
  v1::Event event = registered(ref, at);
  event.mutable_registered()->set_pathway(pathway);
  event.mutable_registered()->set_cohort(cohort);
  return event;
}

v1::Event moved_from(const Ref& ref, TimeMs at, const std::string& qualification, v1::RegistrationChanged::Change change) {
  v1::Event event = event_at(at);
  auto* fact = event.mutable_registration_changed();
  set_ref(fact->mutable_entry(), ref);
  fact->set_change(change);
  fact->set_from_qualification(qualification);
  return event;
}

v1::Event centre_approved(const Ref& ref, TimeMs at, v1::CentreApproved::Status status) {
  v1::Event event = event_at(at);
  about(*event.mutable_centre_approved(), ref).set_status(status);
  return event;
}

v1::Event staff_approved(const Ref& ref, TimeMs at, const std::string& staff, bool approved) {
  v1::Event event = event_at(at);
  auto& fact = about(*event.mutable_staff_approved(), ref);
  fact.set_staff(staff);
  fact.set_role(v1::StaffApproved::ASSESSOR);
  fact.set_approved(approved);
  return event;
}

v1::Event monitored(const Ref& ref, TimeMs at, const std::string& monitoring, std::uint32_t grade, const std::string& visited_on) {
  v1::Event event = event_at(at);
  auto& fact = about(*event.mutable_monitoring_recorded(), ref);
  fact.set_monitoring(monitoring);
  fact.set_grade(grade);
  fact.set_visited_on(visited_on);
  fact.set_assurer("EQA-1");
  fact.set_learners_sampled(3);
  return event;
}

v1::Event with_finding(v1::Event monitored, const std::string& code, v1::Finding::Severity severity) {
  auto* finding = monitored.mutable_monitoring_recorded()->add_findings();
  finding->set_code(code);
  finding->set_severity(severity);
  finding->set_text("Records of " + code);
  return monitored;
}

v1::Event monitoring_planned(const Ref& ref, TimeMs at, const std::string& monitoring, const std::string& planned_on, std::uint64_t seed) {
  v1::Event event = event_at(at);
  auto& fact = about(*event.mutable_monitoring_planned(), ref);
  fact.set_monitoring(monitoring);
  fact.set_planned_on(planned_on);
  fact.set_assurer("EQA-1");
  fact.set_seed(seed);
  return event;
}

v1::Event conflict(const Ref& ref, TimeMs at, const std::string& assurer, bool in_conflict) {
  v1::Event event = event_at(at);
  auto* fact = event.mutable_conflict_declared();
  fact->set_centre(ref.centre);
  fact->set_awarding_organisation("RN5001");
  fact->set_assurer(assurer);
  fact->set_in_conflict(in_conflict);
  return event;
}

v1::Event sanction(const Ref& ref, TimeMs at, const std::string& name, v1::SanctionDecided::Kind kind, bool in_force) {
  v1::Event event = event_at(at);
  auto& fact = about(*event.mutable_sanction_decided(), ref);
  fact.set_sanction(name);
  fact.set_kind(kind);
  fact.set_in_force(in_force);
  return event;
}

v1::Event direct_claims(const Ref& ref, TimeMs at, bool granted) {
  v1::Event event = event_at(at);
  about(*event.mutable_direct_claims_decided(), ref).set_granted(granted);
  return event;
}

v1::Event action_plan(const Ref& ref, TimeMs at, const std::string& action, const std::string& due_on, bool done) {
  v1::Event event = event_at(at);
  auto& fact = about(*event.mutable_action_plan(), ref);
  fact.set_action(action);
  fact.set_due_on(due_on);
  fact.set_done(done);
  return event;
}

v1::Event mitigation(const Ref& ref, TimeMs at, v1::MitigationDefined::Kind kind) {
  v1::Event event = event_at(at);
  auto& fact = under_mitigation(*event.mutable_mitigation_defined(), ref);
  fact.set_kind(kind);
  fact.set_disruption_from("2023-03-01");
  fact.set_disruption_to("2023-06-30");
  if (kind == v1::MitigationDefined::DELAYED) fact.set_expected_on("2023-09-05");
  if (kind != v1::MitigationDefined::CALCULATED && kind != v1::MitigationDefined::ADAPTED) return event;
  fact.set_calculation(v1::MitigationDefined::MEDIAN);
  fact.set_achieved_units_min(1);
  fact.add_required_evidence("plan");
  fact.add_required_evidence("marks");
  return event;
}

v1::Event opted_out(const Ref& ref, TimeMs at, bool out) {
  v1::Event event = event_at(at);
  under_mitigation(*event.mutable_mitigation_opted_out(), ref).set_opted_out(out);
  return event;
}

v1::Event applied(const Ref& ref, TimeMs at, std::initializer_list<std::string> units, const std::string& due_on,
                  std::initializer_list<std::string> evidence) {
  v1::Event event = event_at(at);
  auto& fact = under_mitigation(*event.mutable_mitigation_applied(), ref);
  for (const std::string& unit : units) {
    auto* made = fact.add_units();
    made->set_unit(unit);
    made->set_due_on(due_on);
  }
  for (const std::string& item : evidence) fact.add_evidence(item);
  return event;
}

v1::Event reviewed(const Ref& ref, TimeMs at, v1::MitigationReviewed::Stage stage, v1::MitigationReviewed::Conclusion conclusion) {
  v1::Event event = event_at(at);
  auto& fact = under_mitigation(*event.mutable_mitigation_reviewed(), ref);
  fact.set_stage(stage);
  fact.set_conclusion(conclusion);
  return event;
}

v1::Event proposed(const std::string& qualification, TimeMs at, v1::ApprovalProposed::ProposalOutcome outcome) {
  v1::Event event = event_at(at);
  auto& fact = of_ifate(*event.mutable_approval_proposed(), qualification);
  fact.set_category("specialist");
  fact.set_area("plumbing");
  fact.set_occupational_standard("ST0123");
  fact.add_duties("D1");
  fact.set_outcome(outcome);
  return event;
}

v1::Event submitted(const std::string& qualification, TimeMs at, std::initializer_list<std::string> documents) {
  v1::Event event = event_at(at);
  auto& fact = of_ifate(*event.mutable_approval_submitted(), qualification);
  fact.set_category("specialist");
  fact.set_area("plumbing");
  fact.set_occupational_standard("ST0123");
  for (const std::string& document : documents) fact.add_documents(document);
  fact.add_duties("D1");
  fact.add_mappings()->set_statement("D1");
  fact.mutable_mappings(0)->set_unit("A");
  return event;
}

v1::Event approval_decided(const std::string& qualification, TimeMs at, const std::string& from) {
  v1::Event event = event_at(at);
  auto& fact = of_ifate(*event.mutable_approval_decided(), qualification);
  fact.set_approved(true);
  fact.set_approved_from(from);
  return event;
}

v1::Event approval_withdrawn(const std::string& qualification, TimeMs at, const std::string& from, const std::string& last_certification_on) {
  v1::Event event = event_at(at);
  auto& fact = of_ifate(*event.mutable_approval_withdrawn(), qualification);
  fact.set_withdrawn_from(from);
  fact.set_last_certification_on(last_certification_on);
  return event;
}

}  // namespace vtq::test
