// Reference data that stand for themselves: awarding organisations, centres, grading scales, strategies for the scrutiny of assessment.
#include <algorithm>
#include <set>

#include "pipeline/facts/reference.h"
#include "pipeline/kinds/form.h"
#include "pipeline/kinds/slots.h"
#include "pipeline/kinds/table.h"

namespace vtq {
namespace {

void check_centre(Form& form, const v1::CentreDefined& fact) {
  auto digits = [](const std::string& text) { return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }); };
  form.centre("centre", fact.centre());
  form.name("name", fact.name(), 200);
  if (!fact.urn().empty() && (!digits(fact.urn()) || fact.urn().size() < 6 || fact.urn().size() > 7))
    form.fail(form.path("urn"), "urn-form", fact.urn(), "A unique reference number has 6 or 7 digits.");
  if (!fact.ukprn().empty() && (!digits(fact.ukprn()) || fact.ukprn().size() != 8 || fact.ukprn()[0] != '1'))
    form.fail(form.path("ukprn"), "ukprn-form", fact.ukprn(), "A UKPRN has 8 digits and starts with 1.");
}

void check_scale(Form& form, const v1::GradingScaleDefined& fact) {
  form.name("name", fact.name(), 64);
  if (fact.grades().empty() || fact.grades_size() > 64)
    form.fail(form.path("grades"), "grades-count", std::to_string(fact.grades_size()), "A grading scale has 1 to 64 grades.");
  std::set<std::string> values;
  for (int at = 0; at < fact.grades_size() && !form.failed(); ++at) {
    std::string field = "grades[" + std::to_string(at) + "].value";
    form.name(field, fact.grades(at).value(), 32);
    if (!values.insert(fact.grades(at).value()).second)
      form.fail(form.path(field), "grade-once", fact.grades(at).value(), "Each grade stands once in its scale.");
  }
}

void check_strategy(Form& form, const v1::ScrutinyStrategyDefined& fact) {
  form.awarding_organisation("awardingOrganisation", fact.awarding_organisation());
  form.optional_qualification("qualification", fact.qualification());
  form.at_most_of("monitoring.secondWithinMonths", fact.monitoring().second_within_months(), 60);
  form.at_most_of("monitoring.thenEveryMonths", fact.monitoring().then_every_months(), 60);
  form.at_most_of("sample.learnersMin", fact.sample().learners_min(), 100'000);
  form.at_most_of("sample.percent", fact.sample().percent(), 100);
  form.at_most_of("directClaims.singleGradeMax", fact.direct_claims().single_grade_max(), 4);
  form.at_most_of("directClaims.reviewsGradeMax", fact.direct_claims().reviews_grade_max(), 4);
  form.at_most_of("directClaims.withinMonths", fact.direct_claims().within_months(), 60);
  form.at_most_of("triggers.registrationRisePercent", fact.triggers().registration_rise_percent(), 10'000);
  form.at_most_of("triggers.registrationSpikeTenths", fact.triggers().registration_spike_tenths(), 1'000);
  form.at_most_of("triggers.claimSpikeTenths", fact.triggers().claim_spike_tenths(), 1'000);
}

}  // namespace

constinit const FactKind kinds::awarding_organisation_defined{
    .fact = v1::Event::kAwardingOrganisationDefined,
    .topic = Topic::reference,
    .subject = Subject::reference,
    .check =
        [](Form& form, const v1::Event& event) {
          const auto& fact = event.awarding_organisation_defined();
          form.awarding_organisation("awardingOrganisation", fact.awarding_organisation());
          form.name("name", fact.name(), 200);
        },
    .slot =
        [](const v1::Event& event) {
          return slot({"awarding-organisation", event.awarding_organisation_defined().awarding_organisation()});
        },
    .define = [](Reference& reference, const v1::Event& event, const Address& address,
                 const Stamp&) { reference.define_awarding_organisation(*address.awarding_organisation, event.awarding_organisation_defined()); },
};

constinit const FactKind kinds::centre_defined{
    .fact = v1::Event::kCentreDefined,
    .topic = Topic::reference,
    .subject = Subject::reference,
    .check = [](Form& form, const v1::Event& event) { check_centre(form, event.centre_defined()); },
    .slot =
        [](const v1::Event& event) {
          return slot({kCentreSlot, event.centre_defined().centre()});
        },
    .define = [](Reference& reference, const v1::Event& event, const Address& address,
                 const Stamp&) { reference.define_centre(address.centre, event.centre_defined()); },
    // On record where its numbers change: pipeline/run/.
    .act = [](const v1::Event&) -> std::string_view { return "centre-defined"; },
};

constinit const FactKind kinds::grading_scale_defined{
    .fact = v1::Event::kGradingScaleDefined,
    .topic = Topic::reference,
    .subject = Subject::reference,
    .check = [](Form& form, const v1::Event& event) { check_scale(form, event.grading_scale_defined()); },
    .slot =
        [](const v1::Event& event) {
          return slot({"scale", event.grading_scale_defined().name()});
        },
    .define = [](Reference& reference, const v1::Event& event, const Address&,
                 const Stamp&) { reference.define_scale(event.grading_scale_defined()); },
};

constinit const FactKind kinds::scrutiny_strategy_defined{
    .fact = v1::Event::kScrutinyStrategyDefined,
    .topic = Topic::reference,
    .subject = Subject::reference,
    .check = [](Form& form, const v1::Event& event) { check_strategy(form, event.scrutiny_strategy_defined()); },
    .slot =
        [](const v1::Event& event) {
          const auto& fact = event.scrutiny_strategy_defined();
          return slot({"strategy", fact.awarding_organisation(), canonical(fact.qualification())});
        },
    .define =
        [](Reference& reference, const v1::Event& event, const Address& address, const Stamp&) {
          reference.define_strategy(*address.awarding_organisation, address.qualification, event.scrutiny_strategy_defined());
        },
};

}  // namespace vtq
