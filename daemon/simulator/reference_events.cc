#include "daemon/simulator/reference_events.h"

#include "daemon/simulator/systems.h"

namespace vtq::simulator {

namespace {

class ReferenceEvents {
 public:
  ReferenceEvents(const Season& season, EventIds& ids, EventBook& book) : season_(season), ids_(ids), book_(book), at_(season.reference_from) {}

  // Each a millisecond after the one before.
  v1::Event& begin(const char* source) {
    event_.Clear();
    event_.set_id(ids_.next());
    event_.set_source(source);
    ++at_;
    event_.mutable_occurred_at()->set_seconds(at_ / kSecond);
    event_.mutable_occurred_at()->set_nanos(static_cast<std::int32_t>(at_ % kSecond) * 1'000'000);
    return event_;
  }
  void publish() { book_.add(event_, at_); }

  void add(const AwardingOrganisation& organisation) {
    auto& defined = *begin("reference").mutable_awarding_organisation_defined();
    defined.set_awarding_organisation(organisation.number);
    defined.set_name(organisation.name);
    defined.set_silence_is_critical(organisation.silence_is_critical);
    publish();
  }

  void add(const Scale& scale) {
    auto& defined = *begin("reference").mutable_grading_scale_defined();
    defined.set_name(scale.name);
    for (const bool achieved : {true, false}) {
      for (const auto& value : achieved ? scale.achieved : scale.not_achieved) {
        auto& grade = *defined.add_grades();
        grade.set_value(value);
        grade.set_achieved(achieved);
      }
    }
    publish();
  }

  void add(const Qualification& q, const std::string& organisation) {
    auto& defined = *begin("reference").mutable_qualification_defined();
    defined.set_qualification(q.number);
    defined.set_title(q.title);
    defined.set_awarding_organisation(organisation);
    defined.set_level(q.level);
    defined.set_guided_learning_hours(q.guided_learning_hours);
    defined.set_ucas_points(q.ucas_points);
    defined.set_performance_table(q.performance_table);
    defined.set_t_level(q.t_level());
    defined.set_grading_scale(q.scale->name);
    defined.set_unit_grading_scale(q.unit_scale->name);
    for (const auto& offer : q.units) {
      auto& unit = *defined.add_units();
      unit.set_code(offer.code);
      unit.set_title(offer.title);
      unit.set_mandatory(offer.mandatory);
      unit.set_credit(offer.credit);
    }
    defined.set_optional_credit_required(q.optional_credit_required);
    defined.set_certification(q.automatic ? v1::CERTIFICATION_AUTOMATIC : v1::CERTIFICATION_BY_CLAIM);
    add_rules(q, defined);
    publish();
  }

  void add(const CentrePlan& centre) {
    auto& defined = *begin("reference").mutable_centre_defined();
    defined.set_centre(centre.number);
    defined.set_name(centre.name);
    defined.set_urn(centre.urn);
    defined.set_ukprn(centre.ukprn);
    defined.set_postcode(centre.postcode);
    defined.set_country("England");
    defined.set_centre_type(centre.type);
    publish();
  }

  void add_calendar(const std::string& organisation, v1::Level level, const Dates& dates) {
    auto& calendar = *begin("reference").mutable_calendar_defined();
    calendar.set_awarding_organisation(organisation);
    calendar.set_level(level);
    calendar.set_series(season_.series);
    if (season_.checkpoint) {
      calendar.set_checkpoint_opens(local_text(dates.checkpoint_opens, 9, 0));
      calendar.set_checkpoint_closes(local_text(dates.checkpoint_closes, 17, 0));
    }
    calendar.set_late_entry_after(local_text(dates.late_entry_day, 23, 59));
    calendar.set_claim_deadline(local_text(dates.claim_deadline_day, 17, 0));
    calendar.set_issue_deadline(local_text(dates.issue_deadline_day, 17, 0));
    calendar.set_centre_release(local_text(dates.results_day - std::chrono::days{1}, 0, 1));
    calendar.set_learner_release(local_text(dates.results_day, 8, 0));
    publish();
  }

  void add_release_plan(const std::string& organisation, v1::Level level, const Dates& dates) {
    auto& plan = *begin("release").mutable_release_planned();
    plan.set_centre("*");
    plan.set_awarding_organisation(organisation);
    plan.set_series(season_.series);
    plan.set_level(level);
    plan.set_first_issue_at(local_text(dates.first_cut_day, 6, 0));
    plan.set_every_hours(dates.every_hours);
    publish();
  }

  void add_strategy(const Qualification& q, const std::string& organisation) {
    auto& strategy = *begin("reference").mutable_scrutiny_strategy_defined();
    strategy.set_awarding_organisation(organisation);
    strategy.set_qualification(q.number);
    strategy.set_centre_approval(true);
    strategy.set_staff_approval(true);
    strategy.set_sampling_before_claims(true);
    strategy.mutable_monitoring()->set_before_first_claims(true);
    strategy.mutable_monitoring()->set_second_within_months(6);
    strategy.mutable_monitoring()->set_then_every_months(12);
    strategy.mutable_sample()->set_learners_min(10);
    strategy.mutable_sample()->set_percent(20);
    publish();
  }

  // The category, and an approval that ends in the season's spring.
  void add_approval(const Qualification& q) {
    auto& category = *begin("reference").mutable_approval_category_defined();
    category.set_body(v1::IFATE);
    category.set_category("additional-specialist");
    category.add_required_documents("specification");
    publish();
    auto& submitted = *begin("reference").mutable_approval_submitted();
    submitted.set_qualification(q.number);
    submitted.set_body(v1::IFATE);
    submitted.set_category("additional-specialist");
    submitted.set_occupational_standard("ST0001");
    submitted.add_documents("specification");
    submitted.add_duties("D1");
    auto& mapping = *submitted.add_mappings();
    mapping.set_statement("D1");
    mapping.set_unit(q.units.front().code);
    publish();
    auto& decided = *begin("reference").mutable_approval_decided();
    decided.set_qualification(q.number);
    decided.set_body(v1::IFATE);
    decided.set_approved(true);
    decided.set_approved_from(date_text(london_day(season_.reference_from)));
    publish();
    const SystemDays of(season_.year);
    auto& withdrawn = *begin_at("reference", london(of.approval_withdrawn_told, 10)).mutable_approval_withdrawn();
    withdrawn.set_qualification(q.number);
    withdrawn.set_body(v1::IFATE);
    withdrawn.set_withdrawn_from(date_text(of.approval_withdrawn_from));
    withdrawn.set_last_certification_on(date_text(day_of(season_.year + 1, 7, 31)));
    book_.add(event_, london(of.approval_withdrawn_told, 10));
  }

  void add_mitigation(const Qualification& q, v1::MitigationDefined::Kind kind, Day day) {
    const SystemDays of(season_.year);
    const Millis at = london(day, 10);
    auto& mitigation = *begin_at("reference", at).mutable_mitigation_defined();
    mitigation.set_qualification(q.number);
    mitigation.set_series(season_.series);
    mitigation.set_kind(kind);
    mitigation.set_disruption_from(date_text(of.disruption_from));
    mitigation.set_disruption_to(date_text(of.disruption_to));
    if (kind == v1::MitigationDefined::DELAYED) mitigation.set_expected_on(date_text(q.moved->results_day));
    if (kind == v1::MitigationDefined::CALCULATED || kind == v1::MitigationDefined::ADAPTED) {
      mitigation.set_calculation(v1::MitigationDefined::LOWEST);
      mitigation.set_achieved_units_min(2);
      for (const auto& item : kMitigationEvidence) mitigation.add_required_evidence(std::string{item});
    }
    book_.add(event_, at);
  }

 private:
  v1::Event& begin_at(const char* source, Millis at) {
    begin(source);
    --at_;
    event_.mutable_occurred_at()->set_seconds(at / kSecond);
    event_.mutable_occurred_at()->set_nanos(0);
    return event_;
  }

  void add_rules(const Qualification& q, v1::QualificationDefined& defined) {
    if (q.computed) defined.set_determination(v1::DETERMINATION_COMPUTED);
    if (q.by_table) add_table(q, defined);
    defined.set_family(q.family);
    defined.set_size(q.size);
    switch (q.system) {
      case System::outcomes:
        defined.mutable_grading()->set_pass_grade(q.scale->achieved.front());
        for (auto& unit : *defined.mutable_units()) {
          for (std::size_t i = 0; i < kOutcomesPerUnit; ++i) unit.add_learning_outcomes("LO" + std::to_string(i + 1));
        }
        break;
      case System::combination:
        add_combination(q, defined);
        break;
      case System::points:
        for (std::size_t i = 0; i < q.unit_points.size(); ++i) {
          auto& points = *defined.mutable_grading()->add_points();
          points.set_grade(q.unit_scale->achieved[i]);
          points.set_points(q.unit_points[i]);
        }
        for (std::size_t i = 0; i < q.boundaries.size(); ++i) {
          auto& boundary = *defined.mutable_grading()->add_boundaries();
          boundary.set_grade(q.scale->achieved[i]);
          boundary.set_points(q.boundaries[i]);
        }
        break;
      case System::approval:
        defined.add_approval_needed(v1::IFATE);
        break;
      default:
        break;
    }
  }

  void add_combination(const Qualification& q, v1::QualificationDefined& defined) {
    defined.mutable_grading()->set_pass_grade(q.scale->achieved.front());
    defined.set_credit_required(q.credit_required);
    auto& group = *defined.add_groups();
    group.set_code("OPTIONS");
    group.set_title("Optional units");
    group.set_units_min(q.group_units_min);
    for (const std::size_t unit : q.group_units) group.add_units(q.units[unit].code);
    auto& barred = *defined.add_barred();
    for (std::size_t i = 0; i < 2; ++i) barred.add_units(q.units[q.group_units[i]].code);
    for (const std::size_t unit : q.pathway_units) {
      auto& pathway = *defined.add_pathways();
      pathway.set_code(q.units[unit].code);
      pathway.set_title("With " + q.units[unit].code);
      pathway.add_units(q.units[unit].code);
    }
  }

  void add_table(const Qualification& q, v1::QualificationDefined& defined) {
    for (auto& unit : *defined.mutable_units()) {
      if (unit.code() == "CORE") unit.set_grading_scale("t-level-core");
      if (unit.code() == "SPECIALISM") unit.set_grading_scale("t-level-specialism");
    }
    auto& grading = *defined.mutable_grading();
    grading.add_components("CORE");
    grading.add_components("SPECIALISM");
    grading.set_partial_grade("Partial achievement");
    grading.set_unclassified_grade("Unclassified");
    for (const auto& row : q.overall_grades) {
      auto& combination = *grading.add_combinations();
      combination.add_unit_grades(row.core);
      combination.add_unit_grades(row.specialism);
      combination.set_grade(row.overall);
    }
  }

  const Season& season_;
  EventIds& ids_;
  EventBook& book_;
  Millis at_;
  v1::Event event_;
};

}  // namespace

void add_reference_events(const Season& season, const Catalogue& catalogue, const std::vector<CentrePlan>& centres, EventIds& ids, EventBook& book,
                          bool plain) {
  ReferenceEvents events(season, ids, book);
  const auto& organisations = catalogue.awarding_organisations;
  for (const auto& organisation : organisations) events.add(organisation);
  for (const auto& scale : grading_scales()) events.add(scale);
  for (const auto& scale : component_scales()) {
    if (!plain) events.add(scale);
  }
  for (const auto& q : catalogue.qualifications) events.add(q, organisations[q.awarding_organisation].number);
  for (const auto& centre : centres) events.add(centre);
  for (std::size_t i = 0; i < organisations.size(); ++i) {
    for (const auto level : kLevels) events.add_calendar(organisations[i].number, level, season.dates_for(i, level));
  }
  for (std::size_t i = 0; i < organisations.size(); ++i) {
    for (const auto level : kLevels) events.add_release_plan(organisations[i].number, level, season.dates_for(i, level));
  }
  const SystemDays of(season.year);
  for (const auto& q : catalogue.qualifications) {
    if (q.system == System::scrutiny) events.add_strategy(q, organisations[q.awarding_organisation].number);
    if (q.system == System::approval) events.add_approval(q);
    if (q.system == System::delayed) events.add_mitigation(q, v1::MitigationDefined::DELAYED, of.mitigated);
    if (q.system == System::calculated) events.add_mitigation(q, v1::MitigationDefined::CALCULATED, of.mitigated);
    if (q.system == System::none_expected) events.add_mitigation(q, v1::MitigationDefined::NONE_EXPECTED, of.mitigated);
    if (q.system != System::adapted) continue;
    // Published as one mitigation, then changed to another.
    events.add_mitigation(q, v1::MitigationDefined::CALCULATED, of.mitigated);
    events.add_mitigation(q, v1::MitigationDefined::ADAPTED, of.changed);
  }
}

}  // namespace vtq::simulator
