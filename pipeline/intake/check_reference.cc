// Form of reference data.
#include <set>

#include "pipeline/intake/checker.h"

namespace vtq {

void Checker::defined_centre(const v1::CentreDefined& fact) {
  auto digits = [](const std::string& text) { return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }); };
  centre("centre", fact.centre());
  name("name", fact.name(), 200);
  if (!fact.urn().empty() && (!digits(fact.urn()) || fact.urn().size() < 6 || fact.urn().size() > 7))
    fail(path("urn"), "urn-form", fact.urn(), "A unique reference number has 6 or 7 digits.");
  if (!fact.ukprn().empty() && (!digits(fact.ukprn()) || fact.ukprn().size() != 8 || fact.ukprn()[0] != '1'))
    fail(path("ukprn"), "ukprn-form", fact.ukprn(), "A UKPRN has 8 digits and starts with 1.");
}

void Checker::qualification(const v1::QualificationDefined& fact) {
  qualification_of("qualification", fact.qualification());
  name("title", fact.title(), 300);
  awarding_organisation("awardingOrganisation", fact.awarding_organisation());
  level("level", fact.level());
  name("gradingScale", fact.grading_scale(), 64);
  at_most("unitGradingScale", fact.unit_grading_scale(), 64);
  if (fact.guided_learning_hours() > 10'000)
    fail(path("guidedLearningHours"), "hours-range", std::to_string(fact.guided_learning_hours()), "Hours run from 0 to 10,000.");
  if (fact.units_size() > kUnitsMax) fail(path("units"), "units-count", std::to_string(fact.units_size()), "A qualification has at most 200 units.");
  std::set<std::uint32_t> ids;
  for (int at = 0; at < fact.units_size() && !failed_; ++at) {
    std::string field = "units[" + std::to_string(at) + "].code";
    name(field, fact.units(at).code(), 20);
    if (!printable(fact.units(at).code()))
      fail(path(field), "unit-code-form", fact.units(at).code(), "Write unit codes in printable ASCII characters.");
    if (!ids.insert(short_hash(fact.units(at).code())).second)
      fail(path(field), "unit-code-once", fact.units(at).code(), "Unit codes are unique within a qualification.");
  }
  chosen("certification", fact.certification(), v1::Certification_IsValid(fact.certification()));
  if (!v1::Determination_IsValid(fact.determination())) chosen("determination", fact.determination(), false);
  if (!v1::Size_IsValid(fact.size())) chosen("size", fact.size(), false);
  for (int at = 0; at < fact.approval_needed_size(); ++at)
    chosen("approvalNeeded[" + std::to_string(at) + "]", fact.approval_needed(at), v1::ApprovalBody_IsValid(fact.approval_needed(at)));
  optional_date("firstRegistrationOn", fact.first_registration_on());
  optional_date("lastRegistrationOn", fact.last_registration_on());
  optional_date("lastCertificationOn", fact.last_certification_on());
  optional_date("contentChangedOn", fact.content_changed_on());
  optional_date("professionalStandardChangedOn", fact.professional_standard_changed_on());
  at_most_of("frameworkLevel", fact.framework_level(), 8);
  at_most_of("totalQualificationTime", fact.total_qualification_time(), 20'000);
  optional_code("family", fact.family(), 64);
  if (failed_) return;
  combination_rules(fact);
  grading_rules(fact);
}

void Checker::scale(const v1::GradingScaleDefined& fact) {
  name("name", fact.name(), 64);
  if (fact.grades().empty() || fact.grades_size() > 64)
    fail(path("grades"), "grades-count", std::to_string(fact.grades_size()), "A grading scale has 1 to 64 grades.");
  std::set<std::string> values;
  for (int at = 0; at < fact.grades_size() && !failed_; ++at) {
    std::string field = "grades[" + std::to_string(at) + "].value";
    name(field, fact.grades(at).value(), 32);
    if (!values.insert(fact.grades(at).value()).second)
      fail(path(field), "grade-once", fact.grades(at).value(), "Each grade stands once in its scale.");
  }
}

void Checker::calendar(const v1::CalendarDefined& fact) {
  awarding_organisation("awardingOrganisation", fact.awarding_organisation());
  level("level", fact.level());
  series_of("series", fact.series());
  TimeMs opens = local_time("checkpointOpens", fact.checkpoint_opens(), !fact.checkpoint_closes().empty());
  TimeMs closes = local_time("checkpointCloses", fact.checkpoint_closes(), !fact.checkpoint_opens().empty());
  local_time("lateEntryAfter", fact.late_entry_after(), false);
  TimeMs claim = local_time("claimDeadline", fact.claim_deadline(), false);
  TimeMs issue = local_time("issueDeadline", fact.issue_deadline(), true);
  bool embargo = fact.embargo() != v1::CalendarDefined::EMBARGO_NONE;
  TimeMs centre_sees = local_time("centreRelease", fact.centre_release(), embargo);
  TimeMs learner_sees = local_time("learnerRelease", fact.learner_release(), embargo);
  if (!v1::CalendarDefined::Embargo_IsValid(fact.embargo())) chosen("embargo", fact.embargo(), false);
  for (int at = 0; at < fact.without_embargo_size(); ++at) qualification_of("withoutEmbargo[" + std::to_string(at) + "]", fact.without_embargo(at));
  few("withoutEmbargo", fact.without_embargo_size(), 1'000);
  people("gatesConfirmedBy", fact.gates_confirmed_by());
  if (failed_) return;
  if (!embargo && !(fact.centre_release() + fact.learner_release()).empty())
    fail(path("embargo"), "embargo-or-gates", "EMBARGO_NONE", "Without an embargo there are no gates: leave centreRelease and learnerRelease empty.");
  if (!embargo) learner_sees = kNever;
  auto ordered = [&](const char* field, const std::string& value, TimeMs earlier, TimeMs later, const char* message) {
    if (earlier > later) fail(path(field), "dates-in-order", value, message);
  };
  ordered("checkpointCloses", fact.checkpoint_closes(), opens, closes, "The checkpoint closes after it opens.");
  ordered("claimDeadline", fact.claim_deadline(), claim, learner_sees, "Claims close before results day.");
  ordered("issueDeadline", fact.issue_deadline(), issue, learner_sees, "Results are issued on or before results day.");
  ordered("centreRelease", fact.centre_release(), centre_sees, learner_sees, "Centres see results before learners do.");
}

/// Two different people or more, or nobody.
void Checker::people(std::string_view field, const google::protobuf::RepeatedPtrField<std::string>& names) {
  if (names.empty()) return;
  std::set<std::string> different;
  for (int at = 0; at < names.size(); ++at) {
    std::string place = std::string(field) + "[" + std::to_string(at) + "]", plain;
    name(place, names[at], 64);
    // One person has one spelling: no letters that only look alike, and neither case nor spaces tell people apart.
    if (!printable(names[at]) && !stored_)
      fail(path(place), "person-form", names[at], "Give the name that the person signs in with, in printable ASCII characters.");
    for (char c : names[at])
      if (c != ' ') plain += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    different.insert(plain);
  }
  if (different.size() < 2 || names.size() > 10)
    fail(path(field), "two-people", std::to_string(different.size()), "Name two different people or more who confirm it, at most 10, or nobody.");
}

void Checker::mitigation(const v1::MitigationDefined& fact) {
  qualification_of("qualification", fact.qualification());
  series_of("series", fact.series());
  if (!fact.centre().empty()) centre("centre", fact.centre());
  chosen("kind", fact.kind(), v1::MitigationDefined::Kind_IsValid(fact.kind()));
  optional_date("expectedOn", fact.expected_on());
  optional_learner("learner", fact.learner());
  optional_date("disruptionFrom", fact.disruption_from());
  optional_date("disruptionTo", fact.disruption_to());
  if (!v1::MitigationDefined::Calculation_IsValid(fact.calculation())) chosen("calculation", fact.calculation(), false);
  at_most_of("achievedUnitsMin", fact.achieved_units_min(), kUnitsMax);
  codes("requiredEvidence", fact.required_evidence(), kEvidenceMax, 40);
  if (!fact.learner().empty() && fact.centre().empty())
    fail(path("centre"), "mitigation-centre", "", "A learner's number means something at their centre only; name the centre too.");
  if (fact.kind() == v1::MitigationDefined::DELAYED && fact.expected_on().empty() && !fact.out_of_scope())
    fail(path("expectedOn"), "expected-date", "", "Give the day on which delayed results are expected, YYYY-MM-DD.");
  if (!fact.disruption_from().empty() && !fact.disruption_to().empty() && fact.disruption_to() < fact.disruption_from())
    fail(path("disruptionTo"), "dates-in-order", fact.disruption_to(), "The disruption ends on or after the day on which it begins.");
}

void Checker::strategy(const v1::ScrutinyStrategyDefined& fact) {
  awarding_organisation("awardingOrganisation", fact.awarding_organisation());
  optional_qualification("qualification", fact.qualification());
  at_most_of("monitoring.secondWithinMonths", fact.monitoring().second_within_months(), 60);
  at_most_of("monitoring.thenEveryMonths", fact.monitoring().then_every_months(), 60);
  at_most_of("sample.learnersMin", fact.sample().learners_min(), 100'000);
  at_most_of("sample.percent", fact.sample().percent(), 100);
  at_most_of("directClaims.singleGradeMax", fact.direct_claims().single_grade_max(), 4);
  at_most_of("directClaims.reviewsGradeMax", fact.direct_claims().reviews_grade_max(), 4);
  at_most_of("directClaims.withinMonths", fact.direct_claims().within_months(), 60);
  at_most_of("triggers.registrationRisePercent", fact.triggers().registration_rise_percent(), 10'000);
  at_most_of("triggers.registrationSpikeTenths", fact.triggers().registration_spike_tenths(), 1'000);
  at_most_of("triggers.claimSpikeTenths", fact.triggers().claim_spike_tenths(), 1'000);
}

void Checker::body(v1::ApprovalBody value) { chosen("body", value, v1::ApprovalBody_IsValid(value)); }

void Checker::approval_category(const v1::ApprovalCategoryDefined& fact) {
  body(fact.body());
  code("category", fact.category(), 40);
  codes("requiredDocuments", fact.required_documents(), kEvidenceMax, 60);
  codes("predefinedAreas", fact.predefined_areas(), 1'000, 100);
  for (std::uint32_t level : fact.proposal_levels()) at_most_of("proposalLevels", level, 8);
}

void Checker::approval_proposed(const v1::ApprovalProposed& fact) {
  qualification_of("qualification", fact.qualification());
  body(fact.body());
  code("category", fact.category(), 40);
  optional_code("area", fact.area(), 100);
  optional_code("occupationalStandard", fact.occupational_standard(), 20);
  codes("duties", fact.duties(), kDutiesMax, 20);
  if (!v1::ApprovalProposed::ProposalOutcome_IsValid(fact.outcome())) chosen("outcome", fact.outcome(), false);
}

void Checker::approval_submitted(const v1::ApprovalSubmitted& fact) {
  qualification_of("qualification", fact.qualification());
  body(fact.body());
  code("category", fact.category(), 40);
  optional_code("area", fact.area(), 100);
  optional_code("occupationalStandard", fact.occupational_standard(), 20);
  codes("documents", fact.documents(), kEvidenceMax, 60);
  codes("duties", fact.duties(), kDutiesMax, 20);
  codes("funding", fact.funding(), kEvidenceMax, 40);
  if (fact.mappings_size() > 1'000)
    fail(path("mappings"), "mappings-count", std::to_string(fact.mappings_size()), "Map at most 1,000 statements in one submission.");
  for (int at = 0; at < fact.mappings_size() && !failed_; ++at) {
    std::string field = "mappings[" + std::to_string(at) + "].";
    code(field + "statement", fact.mappings(at).statement(), 20);
    code(field + "unit", fact.mappings(at).unit(), 20);
    optional_code(field + "learningOutcome", fact.mappings(at).learning_outcome(), 20);
  }
}

void Checker::approval_decided(const v1::ApprovalDecided& fact) {
  qualification_of("qualification", fact.qualification());
  body(fact.body());
  flag("approved", fact.has_approved());
  optional_date("approvedFrom", fact.approved_from());
  optional_date("approvedUntil", fact.approved_until());
  optional_date("lastRegistrationOn", fact.last_registration_on());
  optional_date("lastCertificationOn", fact.last_certification_on());
  codes("funding", fact.funding(), kEvidenceMax, 40);
  if (fact.approved() && fact.approved_from().empty())
    fail(path("approvedFrom"), "approval-dated", "", "Give the day from which the qualification is approved.");
}

void Checker::approval_withdrawn(const v1::ApprovalWithdrawn& fact) {
  qualification_of("qualification", fact.qualification());
  body(fact.body());
  if (!parse_date(fact.withdrawn_from()))
    fail(path("withdrawnFrom"), "date", fact.withdrawn_from(), "Give the day from which approval is withdrawn, YYYY-MM-DD.");
  optional_date("lastCertificationOn", fact.last_certification_on());
  at_most("reason", fact.reason(), 500);
}

}  // namespace vtq
