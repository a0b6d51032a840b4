#include "pipeline/intake/checker.h"

#include <algorithm>
#include <set>

#include "pipeline/base/batch_id.h"

namespace vtq {

using boost::outcome_v2::success;

void Checker::fact() {
  switch (event_.fact_case()) {
    case v1::Event::kRegistered:
      in_topic(Topic::registrations, Subject::entry);
      return registered(event_.registered());
    case v1::Event::kRegistrationChanged: {
      const auto& fact = event_.registration_changed();
      in_topic(Topic::registrations, Subject::entry);
      entry(fact.entry());
      optional_qualification("fromQualification", fact.from_qualification());
      return chosen("change", fact.change(), v1::RegistrationChanged::Change_IsValid(fact.change()));
    }
    case v1::Event::kTransferred: {
      const auto& fact = event_.transferred();
      in_topic(Topic::registrations, Subject::entry);
      if (!parse_centre(fact.to_centre())) fail(path("toCentre"), "centre-form", fact.to_centre(), "A national centre number has exactly 5 digits.");
      return entry(fact.entry());
    }
    case v1::Event::kWithdrawn:
      in_topic(Topic::registrations, Subject::entry);
      at_most("reason", event_.withdrawn().reason(), 500);
      return entry(event_.withdrawn().entry());
    case v1::Event::kCheckpointAnswered: {
      const auto& fact = event_.checkpoint_answered();
      in_topic(Topic::checkpoints, Subject::entry);
      entry(fact.entry());
      chosen("answer", fact.answer(), v1::CheckpointAnswered::Answer_IsValid(fact.answer()));
      if (!v1::CheckpointAnswered::Route_IsValid(fact.route())) chosen("route", fact.route(), false);
      optional_date("estimatedCompletion", fact.estimated_completion());
      return grade("predictedGrade", fact.predicted_grade(), false);
    }
    case v1::Event::kCentreDeclared: {
      const auto& fact = event_.centre_declared();
      in_topic(Topic::checkpoints, Subject::centre);
      centre("centre", fact.centre());
      return cohort(fact.centre(), fact.awarding_organisation(), fact.series(), fact.level());
    }
    case v1::Event::kOutcomeRecorded:
      in_topic(Topic::assessments, Subject::entry);
      return outcomes(event_.outcome_recorded());
    case v1::Event::kPriorLearningRecognised: {
      const auto& fact = event_.prior_learning_recognised();
      in_topic(Topic::assessments, Subject::entry);
      entry(fact.entry());
      name("unit", fact.unit(), 20);
      at_most("grade", fact.grade(), 32);
      return chosen("kind", fact.kind(), v1::PriorLearningRecognised::Kind_IsValid(fact.kind()));
    }
    case v1::Event::kSpecialConsideration: {
      const auto& fact = event_.special_consideration();
      in_topic(Topic::assessments, Subject::entry);
      entry(fact.entry());
      optional_date("requestedOn", fact.requested_on());
      return chosen("status", fact.status(), v1::SpecialConsideration::Status_IsValid(fact.status()));
    }
    case v1::Event::kClaimSubmitted:
      in_topic(Topic::claims, Subject::entry);
      grade("grade", event_.claim_submitted().grade(), false);
      return entry(event_.claim_submitted().entry());
    case v1::Event::kClaimWithdrawn:
      in_topic(Topic::claims, Subject::entry);
      at_most("reason", event_.claim_withdrawn().reason(), 500);
      return entry(event_.claim_withdrawn().entry());
    case v1::Event::kResultDetermined:
      in_topic(Topic::claims, Subject::entry);
      grade("grade", event_.result_determined().grade(), true);
      return entry(event_.result_determined().entry());
    case v1::Event::kResultAmended:
      in_topic(Topic::claims, Subject::entry);
      grade("grade", event_.result_amended().grade(), true);
      at_most("reason", event_.result_amended().reason(), 500);
      return entry(event_.result_amended().entry());
    case v1::Event::kResultRevoked:
      in_topic(Topic::claims, Subject::entry);
      at_most("reason", event_.result_revoked().reason(), 500);
      return entry(event_.result_revoked().entry());
    case v1::Event::kCentreApproved: {
      const auto& fact = event_.centre_approved();
      in_topic(Topic::assurance, Subject::centre);
      centre("centre", fact.centre());
      awarding_organisation("awardingOrganisation", fact.awarding_organisation());
      optional_qualification("qualification", fact.qualification());
      return chosen("status", fact.status(), v1::CentreApproved::Status_IsValid(fact.status()));
    }
    case v1::Event::kStaffApproved: {
      const auto& fact = event_.staff_approved();
      in_topic(Topic::assurance, Subject::centre);
      centre("centre", fact.centre());
      awarding_organisation("awardingOrganisation", fact.awarding_organisation());
      optional_qualification("qualification", fact.qualification());
      name("staff", fact.staff(), 40);
      flag("approved", fact.has_approved());
      return chosen("role", fact.role(), v1::StaffApproved::Role_IsValid(fact.role()));
    }
    case v1::Event::kMonitoringRecorded:
      in_topic(Topic::assurance, Subject::centre);
      return monitoring_recorded(event_.monitoring_recorded());
    case v1::Event::kMonitoringPlanned:
      in_topic(Topic::assurance, Subject::centre);
      return monitoring_planned(event_.monitoring_planned());
    case v1::Event::kConflictDeclared:
      in_topic(Topic::assurance, Subject::centre);
      return conflict(event_.conflict_declared());
    case v1::Event::kSanctionDecided:
      in_topic(Topic::assurance, Subject::centre);
      return sanction(event_.sanction_decided());
    case v1::Event::kDirectClaimsDecided:
      in_topic(Topic::assurance, Subject::centre);
      return direct_claims(event_.direct_claims_decided());
    case v1::Event::kMitigationOptedOut:
      in_topic(Topic::assurance, Subject::centre);
      return mitigation_opted_out(event_.mitigation_opted_out());
    case v1::Event::kMitigationApplied:
      in_topic(Topic::assurance, Subject::centre);
      return mitigation_applied(event_.mitigation_applied());
    case v1::Event::kMitigationReviewed:
      in_topic(Topic::assurance, Subject::centre);
      return mitigation_reviewed(event_.mitigation_reviewed());
    case v1::Event::kSampleDecided:
      in_topic(Topic::assurance, Subject::centre);
      return sample(event_.sample_decided());
    case v1::Event::kHoldPlaced:
      in_topic(Topic::assurance, Subject::centre);
      return hold(event_.hold_placed());
    case v1::Event::kHoldLifted: {
      const auto& fact = event_.hold_lifted();
      in_topic(Topic::assurance, Subject::centre);
      centre("centre", fact.centre());
      awarding_organisation("awardingOrganisation", fact.awarding_organisation());
      if (!names_a_hold(fact.hold())) fail(path("hold"), "hold-form", fact.hold(), "Name the hold in 1 to 32 of A-Z, 0-9 and -.");
      return;
    }
    case v1::Event::kActionPlan: {
      const auto& fact = event_.action_plan();
      in_topic(Topic::assurance, Subject::centre);
      centre("centre", fact.centre());
      awarding_organisation("awardingOrganisation", fact.awarding_organisation());
      optional_qualification("qualification", fact.qualification());
      name("action", fact.action(), 40);
      return optional_date("dueOn", fact.due_on());
    }
    case v1::Event::kReleasePlanned: {
      const auto& fact = event_.release_planned();
      in_topic(Topic::commands, Subject::centre);
      cohort(fact.centre(), fact.awarding_organisation(), fact.series(), fact.level());
      local_time("firstIssueAt", fact.first_issue_at(), true);
      if (fact.every_hours() > 744)
        fail(path("everyHours"), "release-interval", std::to_string(fact.every_hours()), "Give 1 to 744 hours, or 0 for 24.");
      return;
    }
    case v1::Event::kReleaseApproved: {
      const auto& fact = event_.release_approved();
      in_topic(Topic::commands, Subject::centre);
      cohort(fact.centre(), fact.awarding_organisation(), fact.series(), fact.level());
      return name("approver", fact.approver(), 64);
    }
    case v1::Event::kIssuingHalted: {
      const auto& fact = event_.issuing_halted();
      in_topic(Topic::commands, Subject::centre);
      centre_or_all("centre", fact.centre());
      awarding_organisation("awardingOrganisation", fact.awarding_organisation());
      series_of("series", fact.series());
      flag("halted", fact.has_halted());
      return at_most("reason", fact.reason(), 500);
    }
    case v1::Event::kBatchAcknowledged: {
      const auto& fact = event_.batch_acknowledged();
      in_topic(Topic::commands, Subject::centre);
      centre("centre", fact.centre());
      at_most("acknowledgedBy", fact.acknowledged_by(), 64);
      if (!parse_batch_id(fact.batch()) || parse_batch_id(fact.batch())->centre != address_.centre)
        fail(path("batch"), "batch-form", fact.batch(),
             "Name a batch of this centre: centre.awarding-organisation.series.number, as 12345.RN5353.2023-08.0001.");
      return;
    }
    case v1::Event::kResultQueried: {
      const auto& fact = event_.result_queried();
      in_topic(Topic::commands, Subject::entry);
      at_most("text", fact.text(), 2000);
      at_most("query", fact.query(), 40);
      return entry(fact.entry());
    }
    case v1::Event::kTimeReached:
      in_topic(Topic::commands, Subject::centre);
      address_.everywhere = true;
      if (event_.time_reached().centre() != "*")
        fail(path("centre"), "time-for-all", event_.time_reached().centre(), "Time is reached for all: give *.");
      return;
    case v1::Event::kAwardingOrganisationDefined: {
      const auto& fact = event_.awarding_organisation_defined();
      in_topic(Topic::reference, Subject::reference);
      awarding_organisation("awardingOrganisation", fact.awarding_organisation());
      return name("name", fact.name(), 200);
    }
    case v1::Event::kCentreDefined:
      in_topic(Topic::reference, Subject::reference);
      return defined_centre(event_.centre_defined());
    case v1::Event::kQualificationDefined:
      in_topic(Topic::reference, Subject::reference);
      return qualification(event_.qualification_defined());
    case v1::Event::kGradingScaleDefined:
      in_topic(Topic::reference, Subject::reference);
      return scale(event_.grading_scale_defined());
    case v1::Event::kCalendarDefined:
      in_topic(Topic::reference, Subject::reference);
      return calendar(event_.calendar_defined());
    case v1::Event::kMitigationDefined:
      in_topic(Topic::reference, Subject::reference);
      return mitigation(event_.mitigation_defined());
    case v1::Event::kScrutinyStrategyDefined:
      in_topic(Topic::reference, Subject::reference);
      return strategy(event_.scrutiny_strategy_defined());
    case v1::Event::kApprovalCategoryDefined:
      in_topic(Topic::reference, Subject::reference);
      return approval_category(event_.approval_category_defined());
    case v1::Event::kApprovalProposed:
      in_topic(Topic::reference, Subject::reference);
      return approval_proposed(event_.approval_proposed());
    case v1::Event::kApprovalSubmitted:
      in_topic(Topic::reference, Subject::reference);
      return approval_submitted(event_.approval_submitted());
    case v1::Event::kApprovalDecided:
      in_topic(Topic::reference, Subject::reference);
      return approval_decided(event_.approval_decided());
    case v1::Event::kApprovalWithdrawn:
      in_topic(Topic::reference, Subject::reference);
      return approval_withdrawn(event_.approval_withdrawn());
    case v1::Event::FACT_NOT_SET:
      return;
  }
}

void Checker::registered(const v1::Registered& fact) {
  entry(fact.entry());
  uln(fact.uln());
  if (!fact.uci().empty() && !uci_is_well_formed(fact.uci()))
    fail(path("uci"), "uci-form", fact.uci(), "A unique candidate identifier has 12 digits (the sixth may be a board letter) and a check letter.");
  optional_code("pathway", fact.pathway(), 20);
  optional_code("cohort", fact.cohort(), 20);
  if (!fact.has_details()) return;
  at_most("details.givenNames", fact.details().given_names(), 200);
  at_most("details.familyName", fact.details().family_name(), 200);
  optional_date("details.dateOfBirth", fact.details().date_of_birth());
}

void Checker::outcomes(const v1::OutcomeRecorded& fact) {
  entry(fact.entry());
  if (fact.outcomes().empty() || fact.outcomes_size() > kOutcomesMax)
    return fail(path("outcomes"), "outcomes-count", std::to_string(fact.outcomes_size()),
                "Record 1 to " + std::to_string(kOutcomesMax) + " outcomes in one event.");
  optional_code("assessor", fact.assessor(), 40);
  if (!v1::AssessmentMethod_IsValid(fact.method())) chosen("method", fact.method(), false);
  for (int at = 0; at < fact.outcomes_size(); ++at) {
    const auto& outcome = fact.outcomes(at);
    auto field = [&](const char* member) { return "outcomes[" + std::to_string(at) + "]." + member; };
    if (outcome.unit().empty() || outcome.unit().size() > 20) name(field("unit"), outcome.unit(), 20);
    if (outcome.learning_outcome().size() > 20) at_most(field("learningOutcome"), outcome.learning_outcome(), 20);
    if (outcome.grade().size() > 32) at_most(field("grade"), outcome.grade(), 32);
    if (outcome.standing() == 0 || !v1::Outcome::Standing_IsValid(outcome.standing())) chosen(field("standing"), outcome.standing(), false);
    if (outcome.mark() > 100'000) fail(path(field("mark")), "mark-range", std::to_string(outcome.mark()), "Marks run from 0 to 100,000.");
    for (int other = 0; other < at; ++other)
      if (fact.outcomes(other).unit() == outcome.unit() && fact.outcomes(other).learning_outcome() == outcome.learning_outcome())
        fail(path(field("unit")), "outcome-once", outcome.unit(), "Record each unit or learning outcome once in an event.");
    if (failed_) return;
  }
}

void Checker::cohort(const std::string& centre_text, const std::string& ao, const std::string& series, v1::Level of) {
  centre_or_all("centre", centre_text);
  awarding_organisation("awardingOrganisation", ao);
  series_of("series", series);
  level("level", of);
}

// ---- substance ----

namespace {

Rejection unknown_qualification(const std::string& field, QualificationId id) {
  std::string message = "No qualification with this number is in the reference data; send its QualificationDefined, or correct the number.";
  if (!qualification_check_holds(id)) message += " Its check digit does not fit: a digit may be wrong.";
  return {field, "qualification-known", text_of(id), message};
}

std::optional<Rejection> unit_fits(const v1::Event& event, const std::string& field, const std::string& unit, const Qualification& qualification) {
  if (qualification.unit(short_hash(unit))) return std::nullopt;
  return Rejection{fact_name(event) + "." + field, "unit-of-qualification", cut_value(unit),
                   "Qualification " + text_of(qualification.id) + " has no such unit; correct the code, or send the qualification anew."};
}

std::optional<Rejection> grade_fits(const v1::Event& event, const std::string& field, const std::string& scale, const std::string& value,
                                    const std::string& expected_scale, const Reference& reference) {
  std::string path = fact_name(event) + "." + field;
  auto has = reference.scale_has(scale, value);
  // A name that no scale has may be the grade itself, set in the wrong place.
  if (scale != expected_scale)
    return Rejection{path + ".scale", "scale-of-qualification", has ? cut_value(scale) : std::string(kNotShown),
                     "The qualification is graded on the scale " + expected_scale + "."};
  if (!has)
    return Rejection{path + ".scale", "scale-known", cut_value(scale),
                     "No such grading scale is in the reference data; send its GradingScaleDefined."};
  if (!*has)
    return Rejection{path + ".value", "grade-of-scale", std::string(kNotShown),
                     "The scale " + scale + " has no such grade; correct it, or send the scale anew with it."};
  return std::nullopt;
}

std::optional<Rejection> overall_grade_fits(const v1::Event& event, const char* field, const v1::Grade& grade, const Qualification& qualification,
                                            const Reference& reference) {
  if (grade.value().empty()) return std::nullopt;
  return grade_fits(event, field, grade.scale(), grade.value(), qualification.grading_scale, reference);
}

std::optional<Rejection> outcomes_fit(const v1::Event& event, const Qualification& qualification, const Reference& reference) {
  for (int at = 0; at < event.outcome_recorded().outcomes_size(); ++at) {
    const auto& outcome = event.outcome_recorded().outcomes(at);
    const UnitRule* unit = qualification.unit(short_hash(outcome.unit()));
    bool known_grade = outcome.grade().empty() || (unit && unit->scale && unit->scale->has(short_hash(outcome.grade())));
    bool known_outcome =
        outcome.learning_outcome().empty() || !unit || unit->outcomes.empty() || unit->has_outcome(short_hash(outcome.learning_outcome()));
    if (unit && known_grade && known_outcome) continue;
    std::string field = "outcomes[" + std::to_string(at) + "]";
    if (!unit) return unit_fits(event, field + ".unit", outcome.unit(), qualification);
    if (!known_outcome)
      return Rejection{fact_name(event) + "." + field + ".learningOutcome", "outcome-of-unit", cut_value(outcome.learning_outcome()),
                       "Unit " + unit->code + " has no such learning outcome; correct the code, or send the qualification anew."};
    return grade_fits(event, field + ".grade", unit->grading_scale, outcome.grade(), unit->grading_scale, reference);
  }
  return std::nullopt;
}

std::optional<Rejection> prior_learning_fits(const v1::Event& event, const Qualification& qualification, const Reference& reference) {
  const auto& fact = event.prior_learning_recognised();
  if (auto unfit = unit_fits(event, "unit", fact.unit(), qualification)) return unfit;
  if (fact.grade().empty()) return std::nullopt;
  const std::string& scale = qualification.unit(short_hash(fact.unit()))->grading_scale;
  return grade_fits(event, "grade", scale, fact.grade(), scale, reference);
}

/// A centre's facts about mitigations name a qualification that is known, and units of it.
std::optional<Rejection> mitigation_fits(const v1::Event& event, const Reference& reference) {
  const std::string* named = event.has_mitigation_opted_out()  ? &event.mitigation_opted_out().qualification()
                             : event.has_mitigation_applied()  ? &event.mitigation_applied().qualification()
                             : event.has_mitigation_reviewed() ? &event.mitigation_reviewed().qualification()
                                                               : nullptr;
  if (!named) return std::nullopt;
  QualificationId id = *parse_qualification(*named);
  const Qualification* qualification = reference.qualification(id);
  if (!qualification) return unknown_qualification(fact_name(event) + ".qualification", id);
  for (int at = 0; at < event.mitigation_applied().units_size(); ++at)
    if (auto unfit = unit_fits(event, "units[" + std::to_string(at) + "].unit", event.mitigation_applied().units(at).unit(), *qualification))
      return unfit;
  return std::nullopt;
}

/// What the event's fact says in the field of this name; empty: nothing.
std::string text_named(const v1::Event& event, const std::string& field) {
  using Field = google::protobuf::FieldDescriptor;
  const Field* member = v1::Event::descriptor()->FindFieldByNumber(event.fact_case());
  if (!member) return "";
  const google::protobuf::Message& fact = event.GetReflection()->GetMessage(event, member);
  const Field* named = fact.GetDescriptor()->FindFieldByName(field);
  return named && named->cpp_type() == Field::CPPTYPE_STRING && !named->is_repeated() ? fact.GetReflection()->GetString(fact, named) : "";
}

/// Of a word about a centre: the awarding organisation and the qualification that it names.
std::optional<Rejection> names_fit(const v1::Event& event, const Reference& reference) {
  if (std::string named = text_named(event, "awarding_organisation");
      !named.empty() && !reference.awarding_organisation(*parse_awarding_organisation(named)))
    return Rejection{
        fact_name(event) + ".awardingOrganisation", "awarding-organisation-known", named,
        "No awarding organisation with this number is in the reference data; send its AwardingOrganisationDefined, or correct the number."};
  if (std::string named = text_named(event, "qualification"); !named.empty()) {
    QualificationId id = *parse_qualification(named);
    if (!reference.qualification(id)) return unknown_qualification(fact_name(event) + ".qualification", id);
  }
  return std::nullopt;
}

}  // namespace

std::string_view topic_name(Topic topic) {
  static constexpr std::string_view kNames[kTopics] = {"vtq.reference",      "vtq.registrations", "vtq.checkpoints", "vtq.assessments",
                                                       "vtq.claims",         "vtq.assurance",     "vtq.commands",    "vtq.entry-status",
                                                       "vtq.result-batches", "vtq.notifications", "vtq.rejected"};
  return kNames[static_cast<std::size_t>(topic)];
}

std::string fact_name(const v1::Event& event) {
  const auto* field = v1::Event::descriptor()->FindFieldByNumber(event.fact_case());
  return field ? field->json_name() : "fact";
}

std::string as_utf8(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    auto first = static_cast<unsigned char>(text[at]);
    std::size_t length = first < 0x80                    ? 1
                         : first >= 0xc2 && first < 0xe0 ? 2
                         : first >= 0xe0 && first < 0xf0 ? 3
                         : first >= 0xf0 && first < 0xf5 ? 4
                                                         : 0;
    bool good = length > 0 && at + length <= text.size();
    for (std::size_t next = 1; good && next < length; ++next) good = (static_cast<unsigned char>(text[at + next]) & 0xc0) == 0x80;
    if (good && length == 3) {
      auto second = static_cast<unsigned char>(text[at + 1]);
      good = !(first == 0xe0 && second < 0xa0) && !(first == 0xed && second >= 0xa0);
    }
    if (good && length == 4) {
      auto second = static_cast<unsigned char>(text[at + 1]);
      good = !(first == 0xf0 && second < 0x90) && !(first == 0xf4 && second >= 0x90);
    }
    if (good)
      out += text.substr(at, length);
    else
      out += '?';
    at += good ? length : 1;
  }
  return out;
}

std::string cut_value(std::string_view value) {
  constexpr std::size_t kMost = 200;
  if (value.size() <= kMost) return as_utf8(value);
  std::size_t end = kMost;
  while (end > 0 && (static_cast<unsigned char>(value[end]) & 0xc0) == 0x80) --end;  // not inside a UTF-8 character
  return as_utf8(value.substr(0, end)) + "...";
}

Result<Address> check(const v1::Event& event, TimeMs latest_ms) { return Checker(event, latest_ms).run(); }
Result<Address> check_stored(const v1::Event& event) { return Checker(event, kLatestEventMs, true).run(); }

std::optional<v1::Event> stored_fact(std::string_view bytes) {
  std::optional<v1::Event> event(std::in_place);
  if (!event->ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || !check_stored(*event)) event.reset();
  return event;
}

std::optional<Rejection> fits(const v1::Event& event, const Address& address, const Reference& reference) {
  auto field = [&](const char* member) { return fact_name(event) + "." + member; };
  if (!reference.has_centre(address.centre))
    return Rejection{field(address.subject == Subject::entry ? "entry.centre" : "centre"), "centre-known", text_of(address.centre),
                     "No centre with this number is in the reference data; send its CentreDefined, or correct the number."};
  if (address.subject == Subject::centre)
    if (auto unfit = names_fit(event, reference)) return unfit;
  if (auto unfit = mitigation_fits(event, reference)) return unfit;
  if (address.subject != Subject::entry) return std::nullopt;
  const Qualification* qualification = reference.qualification(address.entry.qualification);
  if (!qualification) return unknown_qualification(field("entry.qualification"), address.entry.qualification);
  if (!reference.awarding_organisation(qualification->awarding_organisation))
    return Rejection{field("entry.qualification"), "awarding-organisation-known", text_of(qualification->awarding_organisation),
                     "The qualification's awarding organisation is not in the reference data; send its AwardingOrganisationDefined."};
  switch (event.fact_case()) {
    case v1::Event::kCheckpointAnswered:
      return overall_grade_fits(event, "predictedGrade", event.checkpoint_answered().predicted_grade(), *qualification, reference);
    case v1::Event::kOutcomeRecorded:
      return outcomes_fit(event, *qualification, reference);
    case v1::Event::kPriorLearningRecognised:
      return prior_learning_fits(event, *qualification, reference);
    case v1::Event::kClaimSubmitted:
      return overall_grade_fits(event, "grade", event.claim_submitted().grade(), *qualification, reference);
    case v1::Event::kResultDetermined:
      return overall_grade_fits(event, "grade", event.result_determined().grade(), *qualification, reference);
    case v1::Event::kResultAmended:
      return overall_grade_fits(event, "grade", event.result_amended().grade(), *qualification, reference);
    default:
      return std::nullopt;
  }
}

std::vector<Rejection> warnings(const v1::Event& event, const Address& address, const Reference& reference) {
  std::vector<Rejection> found;
  if (address.subject != Subject::centre) return found;
  std::string named = text_named(event, "awarding_organisation");
  if (named.empty()) return found;
  AwardingOrganisationId id = *parse_awarding_organisation(named);
  // A word for one centre does not fit, and waits.
  if (address.everywhere && !reference.awarding_organisation(id))
    found.push_back(
        {fact_name(event) + ".awardingOrganisation", "awarding-organisation-known", named,
         "No awarding organisation with this number is in the reference data yet: it is taken, and stops or plans nothing until there is."});
  if (!event.has_hold_placed() || event.hold_placed().qualification().empty()) return found;
  const Qualification* qualification = reference.qualification(*parse_qualification(event.hold_placed().qualification()));
  if (qualification && qualification->awarding_organisation != id)
    found.push_back({"holdPlaced.qualification", "qualification-of-another", event.hold_placed().qualification(),
                     "The qualification is " + text_of(qualification->awarding_organisation) + "'s: a hold of " + named +
                         " stops no results of it but those that " + named + " issued."});
  return found;
}

std::vector<Rejection> warnings(const v1::Event& event) {
  std::vector<Rejection> found;
  if (event.fact_case() == v1::Event::kQualificationDefined) {
    const std::string& text = event.qualification_defined().qualification();
    auto id = parse_qualification(text);
    if (id && !qualification_check_holds(*id))
      found.push_back({"qualificationDefined.qualification", "qualification-check-digit", text,
                       "The check digit does not fit, as for a handful of real numbers; look the number up once more."});
  }
  if (event.fact_case() == v1::Event::kRegistered) {
    const std::string& uci = event.registered().uci();
    if (uci_is_well_formed(uci) && !uci_check_holds(uci))
      found.push_back({"registered.uci", "uci-check-letter", uci, "The check letter does not fit; look the identifier up once more."});
  }
  return found;
}

std::vector<Rejection> warnings_of(const Clash& clash, const v1::Event& event, bool holds) {
  std::vector<Rejection> found;
  if (clash.id_reused)
    found.push_back({"id", "id-reused", event.id(),
                     "Source " + event.source() +
                         " used this id before, for other content. Both are taken as facts of their own; give every "
                         "event its own id."});
  auto decided = [&](const std::string& by, const std::string& hint) {
    found.push_back({"occurredAt", "tie-decided", text_of_moment(event),
                     "Another fact about the same thing is of the same moment; " + by + " decided, and " +
                         (holds ? "this one holds. " : "the other one holds. ") + hint});
  };
  switch (clash.decided_by) {
    case DecidedBy::moment:
      break;
    case DecidedBy::stop:
      decided("the word that stops", "If that is wrong, send the other with a later time.");
      break;
    case DecidedBy::source:
      decided("the order of the sources' names", "If that is wrong, send the right fact with a later time.");
      break;
    case DecidedBy::sequence:
      decided("the sequence number", "If that is wrong, number the events in the order in which they came to hold.");
      break;
    case DecidedBy::id:
      decided("the order of the ids", "Give sequence, or times of more precision, if ids do not follow the order in which facts came to hold.");
      break;
    case DecidedBy::content:
      decided("a fixed order of their contents", "Give every event its own id, and sequence or times of more precision.");
      break;
  }
  return found;
}

}  // namespace vtq
