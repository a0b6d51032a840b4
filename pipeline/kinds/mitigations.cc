// Mitigations in a disruption: defined for a qualification, applied for, reviewed or left by centres.
#include <algorithm>

#include "pipeline/facts/centre.h"
#include "pipeline/kinds/fits.h"
#include "pipeline/kinds/form.h"
#include "pipeline/kinds/slots.h"
#include "pipeline/kinds/table.h"

namespace vtq {
namespace {

MitigationScope scope_of(const Address& address, const std::string& learner) { return {*address.qualification, *address.series, learner}; }

/// Puts `made` in place of the fact for the same scope of which `same` holds, if there is one.
template <class Fact, class Same>
void replace(std::vector<Fact>& facts, Fact made, Same same) {
  auto at = std::find_if(facts.begin(), facts.end(), [&](const Fact& held) { return held.scope == made.scope && same(held); });
  if (at == facts.end())
    facts.push_back(std::move(made));
  else
    *at = std::move(made);
}

auto any = [](const auto&) { return true; };

template <class Fact>
void check_scope(Form& form, const Fact& fact) {
  form.centre("centre", fact.centre());
  form.qualification("qualification", fact.qualification());
  form.series("series", fact.series());
}

CentreChange touches(const MitigationScope& scope) {
  return {.qualification = scope.qualification, .series = scope.series, .learner = scope.learner};
}

void check_applied(Form& form, const v1::MitigationApplied& fact) {
  check_scope(form, fact);
  form.optional_learner("learner", fact.learner());
  if (fact.units_size() > kUnitsMax)
    form.fail(form.path("units"), "units-count", std::to_string(fact.units_size()), "A qualification has at most 200 units.");
  for (int at = 0; at < fact.units_size() && !form.failed(); ++at) {
    std::string field = "units[" + std::to_string(at) + "].";
    form.code(field + "unit", fact.units(at).unit(), 20);
    form.optional_date(field + "dueOn", fact.units(at).due_on());
  }
  if (fact.evidence_size() > kEvidenceMax)
    form.fail(form.path("evidence"), "evidence-count", std::to_string(fact.evidence_size()), "A checklist has at most 100 items.");
  for (int at = 0; at < fact.evidence_size() && !form.failed(); ++at) form.code("evidence[" + std::to_string(at) + "]", fact.evidence(at), 40);
}

void check_defined(Form& form, const v1::MitigationDefined& fact) {
  form.qualification("qualification", fact.qualification());
  form.series("series", fact.series());
  if (!fact.centre().empty()) form.centre("centre", fact.centre());
  form.chosen("kind", fact.kind(), v1::MitigationDefined::Kind_IsValid(fact.kind()));
  form.optional_date("expectedOn", fact.expected_on());
  form.optional_learner("learner", fact.learner());
  form.optional_date("disruptionFrom", fact.disruption_from());
  form.optional_date("disruptionTo", fact.disruption_to());
  if (!v1::MitigationDefined::Calculation_IsValid(fact.calculation())) form.chosen("calculation", fact.calculation(), false);
  form.at_most_of("achievedUnitsMin", fact.achieved_units_min(), kUnitsMax);
  form.codes("requiredEvidence", fact.required_evidence(), kEvidenceMax, 40);
  if (!fact.learner().empty() && fact.centre().empty())
    form.fail(form.path("centre"), "mitigation-centre", "", "A learner's number means something at their centre only; name the centre too.");
  if (fact.kind() == v1::MitigationDefined::DELAYED && fact.expected_on().empty() && !fact.out_of_scope())
    form.fail(form.path("expectedOn"), "expected-date", "", "Give the day on which delayed results are expected, YYYY-MM-DD.");
  if (!fact.disruption_from().empty() && !fact.disruption_to().empty() && fact.disruption_to() < fact.disruption_from())
    form.fail(form.path("disruptionTo"), "dates-in-order", fact.disruption_to(), "The disruption ends on or after the day on which it begins.");
}

}  // namespace

constinit const FactKind kinds::mitigation_opted_out{
    .fact = v1::Event::kMitigationOptedOut,
    .topic = Topic::assurance,
    .subject = Subject::centre,
    .check =
        [](Form& form, const v1::Event& event) {
          const auto& fact = event.mitigation_opted_out();
          check_scope(form, fact);
          form.flag("optedOut", fact.has_opted_out());
          form.optional_learner("learner", fact.learner());
        },
    .slot =
        [](const v1::Event& event) {
          const auto& fact = event.mitigation_opted_out();
          return slot({"mitigation-opted-out", canonical(fact.qualification()), fact.series(), fact.learner()});
        },
    .apply =
        [](CentreFacts& facts, const v1::Event& event, const Address& address, const Stamp& stamp) {
          const auto& fact = event.mitigation_opted_out();
          MitigationScope scope = scope_of(address, fact.learner());
          replace(facts.mitigations.opt_outs, {scope, stamp, fact.opted_out()}, any);
          // It also decides whether learners may have moved from this qualification to a smaller one.
          return CentreChange{.series = scope.series, .learner = scope.learner};
        },
};

constinit const FactKind kinds::mitigation_applied{
    .fact = v1::Event::kMitigationApplied,
    .topic = Topic::assurance,
    .subject = Subject::centre,
    .check = [](Form& form, const v1::Event& event) { check_applied(form, event.mitigation_applied()); },
    .slot =
        [](const v1::Event& event) {
          const auto& fact = event.mitigation_applied();
          return slot({"mitigation-applied", canonical(fact.qualification()), fact.series(), fact.learner()});
        },
    .fits = [](const v1::Event& event, const Qualification& qualification, const Reference&) -> std::optional<Rejection> {
      for (int at = 0; at < event.mitigation_applied().units_size(); ++at)
        if (auto unfit = unit_fits(event, "units[" + std::to_string(at) + "].unit", event.mitigation_applied().units(at).unit(), qualification))
          return unfit;
      return std::nullopt;
    },
    .apply =
        [](CentreFacts& facts, const v1::Event& event, const Address& address, const Stamp& stamp) {
          const auto& fact = event.mitigation_applied();
          MitigationApplication made{
              .scope = scope_of(address, fact.learner()), .stamp = stamp, .units = {}, .evidence = {fact.evidence().begin(), fact.evidence().end()}};
          for (const auto& unit : fact.units()) made.units.push_back({unit.unit(), short_hash(unit.unit()), parse_date(unit.due_on()).value_or(0)});
          CentreChange change = touches(made.scope);
          replace(facts.mitigations.applications, std::move(made), any);
          return change;
        },
};

constinit const FactKind kinds::mitigation_reviewed{
    .fact = v1::Event::kMitigationReviewed,
    .topic = Topic::assurance,
    .subject = Subject::centre,
    .check =
        [](Form& form, const v1::Event& event) {
          const auto& fact = event.mitigation_reviewed();
          check_scope(form, fact);
          form.optional_learner("learner", fact.learner());
          form.chosen("stage", fact.stage(), v1::MitigationReviewed::Stage_IsValid(fact.stage()));
          form.chosen("conclusion", fact.conclusion(), v1::MitigationReviewed::Conclusion_IsValid(fact.conclusion()));
        },
    .slot =
        [](const v1::Event& event) {
          const auto& fact = event.mitigation_reviewed();
          return slot({"mitigation-reviewed", canonical(fact.qualification()), fact.series(), fact.learner(),
                       v1::MitigationReviewed::Stage_Name(fact.stage())});
        },
    .apply =
        [](CentreFacts& facts, const v1::Event& event, const Address& address, const Stamp& stamp) {
          const auto& fact = event.mitigation_reviewed();
          MitigationReview made{scope_of(address, fact.learner()), stamp, fact.stage(), fact.conclusion()};
          CentreChange change = touches(made.scope);
          replace(facts.mitigations.reviews, std::move(made), [&](const MitigationReview& held) { return held.stage == fact.stage(); });
          return change;
        },
};

constinit const FactKind kinds::mitigation_defined{
    .fact = v1::Event::kMitigationDefined,
    .topic = Topic::reference,
    .subject = Subject::reference,
    .check = [](Form& form, const v1::Event& event) { check_defined(form, event.mitigation_defined()); },
    .slot =
        [](const v1::Event& event) {
          const auto& fact = event.mitigation_defined();
          // Each word stays: one that is told again is no later one.
          return slot({"mitigation", canonical(fact.qualification()), fact.series(), fact.centre(), fact.learner(), text_of_moment(event)});
        },
    .define = [](Reference& reference, const v1::Event& event, const Address& address,
                 const Stamp& stamp) { reference.define_mitigation(*address.qualification, event, stamp); },
};

}  // namespace vtq
