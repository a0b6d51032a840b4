#include "daemon/simulator/reference_events.h"

namespace vtq::simulator {

namespace {

class ReferenceEvents {
 public:
  ReferenceEvents(const Season& season, EventIds& ids, EventBook& book)
      : season_(season), ids_(ids), book_(book), at_(season.reference_from) {}

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

 private:
  const Season& season_;
  EventIds& ids_;
  EventBook& book_;
  Millis at_;
  v1::Event event_;
};

}  // namespace

void add_reference_events(const Season& season, const Catalogue& catalogue, const std::vector<CentrePlan>& centres,
                          EventIds& ids, EventBook& book) {
  ReferenceEvents events(season, ids, book);
  const auto& organisations = catalogue.awarding_organisations;
  for (const auto& organisation : organisations) events.add(organisation);
  for (const auto& scale : grading_scales()) events.add(scale);
  for (const auto& q : catalogue.qualifications) events.add(q, organisations[q.awarding_organisation].number);
  for (const auto& centre : centres) events.add(centre);
  for (std::size_t i = 0; i < organisations.size(); ++i) {
    for (const auto level : kLevels) events.add_calendar(organisations[i].number, level, season.dates_for(i, level));
  }
  for (std::size_t i = 0; i < organisations.size(); ++i) {
    for (const auto level : kLevels)
      events.add_release_plan(organisations[i].number, level, season.dates_for(i, level));
  }
}

}  // namespace vtq::simulator
