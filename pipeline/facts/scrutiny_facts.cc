#include "pipeline/facts/scrutiny_facts.h"

#include <algorithm>
#include <tuple>

namespace vtq {
namespace {

using Facts = ScrutinyFacts;

template <class Fact>
Facts::About about(const Fact& fact) {
  return {*parse_awarding_organisation(fact.awarding_organisation()), parse_qualification(fact.qualification())};
}

auto order(const Facts::About& about) { return std::pair(about.awarding_organisation, about.qualification.value_or(QualificationId{})); }

/// Puts `made` where its name belongs; `name` is what tells one from another.
template <class Kind, class Name>
void put(std::vector<Kind>& held, Kind made, Name name) {
  auto at = std::lower_bound(held.begin(), held.end(), made, [&](const Kind& a, const Kind& b) { return name(a) < name(b); });
  if (at != held.end() && name(*at) == name(made))
    *at = std::move(made);
  else
    held.insert(at, std::move(made));
}

Facts::Visit visit_of(const v1::MonitoringRecorded& fact, const Stamp& stamp) {
  Facts::Visit visit{.about = about(fact),
                     .monitoring = fact.monitoring(),
                     .stamp = stamp,
                     .on = parse_date(fact.visited_on()).value_or(local_day(stamp.at_ms)),
                     .grade = fact.grade(),
                     .assurer = fact.assurer(),
                     .learners_sampled = fact.learners_sampled()};
  for (const auto& finding : fact.findings()) visit.findings.push_back({finding.code(), finding.severity(), finding.text()});
  return visit;
}

bool is_of_scrutiny(const v1::Event& event) {
  switch (event.fact_case()) {
    case v1::Event::kCentreApproved:
    case v1::Event::kStaffApproved:
    case v1::Event::kMonitoringRecorded:
    case v1::Event::kMonitoringPlanned:
    case v1::Event::kConflictDeclared:
    case v1::Event::kSanctionDecided:
    case v1::Event::kDirectClaimsDecided:
    case v1::Event::kActionPlan:
      return true;
    default:
      return false;
  }
}

/// Of a fact of scrutiny.
void take(Facts& facts, const v1::Event& event, const Stamp& stamp) {
  auto by_about = [](const auto& one) { return order(one.about); };
  auto by_monitoring = [](const auto& one) { return std::tuple(order(one.about), std::string_view(one.monitoring)); };
  switch (event.fact_case()) {
    case v1::Event::kCentreApproved: {
      const auto& fact = event.centre_approved();
      put(facts.approvals, {about(fact), stamp, fact.status(), fact.direct_claims()}, by_about);
      return;
    }
    case v1::Event::kStaffApproved: {
      const auto& fact = event.staff_approved();
      put(facts.staff, {about(fact), fact.staff(), fact.role(), stamp, fact.approved()},
          [](const Facts::Staff& one) { return std::tuple(order(one.about), std::string_view(one.staff), one.role, one.stamp.moment()); });
      return;
    }
    case v1::Event::kMonitoringRecorded:
      put(facts.visits, visit_of(event.monitoring_recorded(), stamp), by_monitoring);
      return;
    case v1::Event::kMonitoringPlanned: {
      const auto& fact = event.monitoring_planned();
      put(facts.plans,
          {about(fact), fact.monitoring(), stamp, parse_date(fact.planned_on()).value_or(0), fact.assurer(), fact.seed(), fact.cancelled()},
          by_monitoring);
      return;
    }
    case v1::Event::kConflictDeclared: {
      const auto& fact = event.conflict_declared();
      put(facts.conflicts,
          {*parse_awarding_organisation(fact.awarding_organisation()), fact.assurer(), stamp, fact.in_conflict(),
           parse_date(fact.declared_on()).value_or(local_day(stamp.at_ms))},
          [](const Facts::Conflict& one) { return std::pair(one.awarding_organisation, std::string_view(one.assurer)); });
      return;
    }
    case v1::Event::kSanctionDecided: {
      // Named within the centre and awarding organisation: the qualification may change.
      const auto& fact = event.sanction_decided();
      put(facts.sanctions, {about(fact), fact.sanction(), stamp, fact.kind(), fact.in_force()},
          [](const Facts::Sanction& one) { return std::pair(one.about.awarding_organisation, std::string_view(one.sanction)); });
      return;
    }
    case v1::Event::kDirectClaimsDecided: {
      const auto& fact = event.direct_claims_decided();
      put(facts.direct_claims, {about(fact), stamp, fact.granted(), fact.reason()}, by_about);
      return;
    }
    case v1::Event::kActionPlan: {
      const auto& fact = event.action_plan();
      put(facts.actions, {about(fact), fact.action(), stamp, parse_date(fact.due_on()).value_or(0), fact.done()},
          [](const Facts::Action& one) { return std::pair(order(one.about), std::string_view(one.action)); });
      return;
    }
    default:
      return;
  }
}

}  // namespace

const ScrutinyFacts::Approval* ScrutinyFacts::approval(AwardingOrganisationId ao, QualificationId qualification) const {
  const Approval *whole = nullptr, *own = nullptr;
  for (const Approval& one : approvals)
    if (one.about.covers(ao, qualification)) (one.about.qualification ? own : whole) = &one;
  if (!own || !whole) return own ? own : whole;
  return whole->status == v1::CentreApproved::APPROVED || whole->stamp.before(own->stamp) ? own : whole;
}

bool ScrutinyFacts::in_conflict(AwardingOrganisationId ao, const std::string& assurer, Day day) const {
  return std::any_of(conflicts.begin(), conflicts.end(), [&](const Conflict& one) {
    return one.awarding_organisation == ao && one.assurer == assurer && one.in_conflict && one.from <= day;
  });
}

bool take_scrutiny(std::shared_ptr<const ScrutinyFacts>& held, const v1::Event& event, const Stamp& stamp) {
  if (!is_of_scrutiny(event)) return false;
  auto changed = held ? std::make_shared<ScrutinyFacts>(*held) : std::make_shared<ScrutinyFacts>();
  take(*changed, event, stamp);
  held = std::move(changed);
  return true;
}

}  // namespace vtq
