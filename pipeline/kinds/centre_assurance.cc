// Quality assurance of a centre: its approval and its staff's, monitoring, conflicts of interest, sanctions, direct claims, actions. What
// entries these touch is found when the centre's scrutiny is worked out anew.
#include <algorithm>
#include <tuple>

#include "pipeline/facts/centre.h"
#include "pipeline/facts/scrutiny_facts.h"
#include "pipeline/kinds/form.h"
#include "pipeline/kinds/slots.h"
#include "pipeline/kinds/table.h"

namespace vtq {
namespace {

using Facts = ScrutinyFacts;

Facts::About about(const Address& address) { return {*address.awarding_organisation, address.qualification}; }

auto order(const Facts::About& about) { return std::pair(about.awarding_organisation, about.qualification.value_or(QualificationId{})); }

auto by_about = [](const auto& one) { return order(one.about); };
auto by_monitoring = [](const auto& one) { return std::tuple(order(one.about), std::string_view(one.monitoring)); };

/// Puts `made` where its name belongs; `name` is what tells one from another.
template <class Kind, class Name>
void put(std::vector<Kind>& held, Kind made, Name name) {
  auto at = std::lower_bound(held.begin(), held.end(), made, [&](const Kind& a, const Kind& b) { return name(a) < name(b); });
  if (at != held.end() && name(*at) == name(made))
    *at = std::move(made);
  else
    held.insert(at, std::move(made));
}

/// The facts are shared and never changed: a changed copy takes their place.
template <class Change>
CentreChange change_facts(CentreFacts& facts, Change change) {
  auto changed = facts.scrutiny ? std::make_shared<Facts>(*facts.scrutiny) : std::make_shared<Facts>();
  change(*changed);
  facts.scrutiny = std::move(changed);
  return {.none = true};
}

template <class Kind, class Name>
CentreChange put(CentreFacts& facts, std::vector<Kind> Facts::*kind, Kind made, Name name) {
  return change_facts(facts, [&](Facts& changed) { put(changed.*kind, std::move(made), name); });
}

auto sanction_name = [](const Facts::Sanction& one) { return std::pair(one.about.awarding_organisation, std::string_view(one.sanction)); };

/// The last word of each sanction.
std::vector<Facts::Sanction> last_words(const std::vector<Facts::Sanction>& words) {
  std::vector<Facts::Sanction> last;
  for (const Facts::Sanction& word : words) {
    if (!last.empty() && sanction_name(last.back()) == sanction_name(word)) last.pop_back();
    last.push_back(word);
  }
  return last;
}

CentreChange apply_sanction(CentreFacts& facts, const v1::SanctionDecided& fact, const Address& address, const Stamp& stamp) {
  Facts::Sanction made{about(address), fact.sanction(), stamp, fact.kind(), fact.in_force()};
  return change_facts(facts, [&](Facts& changed) {
    put(changed.sanction_words, std::move(made), [](const Facts::Sanction& one) { return std::pair(sanction_name(one), one.stamp.moment()); });
    changed.sanctions = last_words(changed.sanction_words);
  });
}

/// Centre, awarding organisation and, where it is about one alone, the qualification.
template <class Fact>
void check_about(Form& form, const Fact& fact) {
  form.centre("centre", fact.centre());
  form.awarding_organisation("awardingOrganisation", fact.awarding_organisation());
  form.optional_qualification("qualification", fact.qualification());
}

template <class Fact, class... Parts>
std::string slot_about(const char* kind, const Fact& fact, const Parts&... parts) {
  return slot({kind, fact.awarding_organisation(), canonical(fact.qualification()), parts...});
}

void check_monitoring(Form& form, const v1::MonitoringRecorded& fact) {
  check_about(form, fact);
  form.name("monitoring", fact.monitoring(), 40);
  form.optional_date("visitedOn", fact.visited_on());
  if (fact.grade() > 4)
    form.fail(form.path("grade"), "monitoring-grade", std::to_string(fact.grade()), "Grades run from 1 (best) to 4; 0: not graded.");
  form.optional_code("assurer", fact.assurer(), 40);
  if (fact.findings_size() > kFindingsMax)
    form.fail(form.path("findings"), "findings-count", std::to_string(fact.findings_size()), "Record at most 100 findings of a visit.");
  for (int at = 0; at < fact.findings_size() && !form.failed(); ++at) {
    std::string field = "findings[" + std::to_string(at) + "].";
    form.code(field + "code", fact.findings(at).code(), 20);
    form.chosen(field + "severity", fact.findings(at).severity(), v1::Finding::Severity_IsValid(fact.findings(at).severity()));
    form.at_most(field + "text", fact.findings(at).text(), 2000);
  }
}

Facts::Visit visit(const v1::MonitoringRecorded& fact, const Address& address, const Stamp& stamp) {
  Facts::Visit made{.about = about(address),
                    .monitoring = fact.monitoring(),
                    .stamp = stamp,
                    .on = parse_date(fact.visited_on()).value_or(local_day(stamp.at_ms)),
                    .grade = fact.grade(),
                    .assurer = fact.assurer(),
                    .learners_sampled = fact.learners_sampled()};
  for (const auto& finding : fact.findings()) made.findings.push_back({finding.code(), finding.severity(), finding.text()});
  return made;
}

}  // namespace

constinit const FactKind kinds::centre_approved{
    .fact = v1::Event::kCentreApproved,
    .topic = Topic::assurance,
    .subject = Subject::centre,
    .check =
        [](Form& form, const v1::Event& event) {
          const auto& fact = event.centre_approved();
          check_about(form, fact);
          form.chosen("status", fact.status(), v1::CentreApproved::Status_IsValid(fact.status()));
        },
    .slot = [](const v1::Event& event) { return slot_about("approved", event.centre_approved()); },
    .apply =
        [](CentreFacts& facts, const v1::Event& event, const Address& address, const Stamp& stamp) {
          const auto& fact = event.centre_approved();
          return put(facts, &Facts::approvals, Facts::Approval{about(address), stamp, fact.status(), fact.direct_claims()}, by_about);
        },
};

constinit const FactKind kinds::staff_approved{
    .fact = v1::Event::kStaffApproved,
    .topic = Topic::assurance,
    .subject = Subject::centre,
    .check =
        [](Form& form, const v1::Event& event) {
          const auto& fact = event.staff_approved();
          check_about(form, fact);
          form.name("staff", fact.staff(), 40);
          form.flag("approved", fact.has_approved());
          form.chosen("role", fact.role(), v1::StaffApproved::Role_IsValid(fact.role()));
        },
    .slot =
        [](const v1::Event& event) {
          const auto& fact = event.staff_approved();
          // Each word stays: work is judged by the one that held when it was assessed.
          return slot_about("staff", fact, fact.staff(), v1::StaffApproved::Role_Name(fact.role()), text_of_moment(event));
        },
    .apply =
        [](CentreFacts& facts, const v1::Event& event, const Address& address, const Stamp& stamp) {
          const auto& fact = event.staff_approved();
          return put(facts, &Facts::staff, Facts::Staff{about(address), fact.staff(), fact.role(), stamp, fact.approved()},
                     [](const Facts::Staff& one) { return std::tuple(order(one.about), std::string_view(one.staff), one.role, one.stamp.moment()); });
        },
};

constinit const FactKind kinds::monitoring_recorded{
    .fact = v1::Event::kMonitoringRecorded,
    .topic = Topic::assurance,
    .subject = Subject::centre,
    .check = [](Form& form, const v1::Event& event) { check_monitoring(form, event.monitoring_recorded()); },
    .slot = [](const v1::Event& event) { return slot_about("monitoring", event.monitoring_recorded(), event.monitoring_recorded().monitoring()); },
    .apply = [](CentreFacts& facts, const v1::Event& event, const Address& address,
                const Stamp& stamp) { return put(facts, &Facts::visits, visit(event.monitoring_recorded(), address, stamp), by_monitoring); },
};

constinit const FactKind kinds::monitoring_planned{
    .fact = v1::Event::kMonitoringPlanned,
    .topic = Topic::assurance,
    .subject = Subject::centre,
    .check =
        [](Form& form, const v1::Event& event) {
          const auto& fact = event.monitoring_planned();
          check_about(form, fact);
          form.code("monitoring", fact.monitoring(), 40);
          form.optional_date("plannedOn", fact.planned_on());
          form.optional_code("assurer", fact.assurer(), 40);
        },
    .slot =
        [](const v1::Event& event) { return slot_about("monitoring-planned", event.monitoring_planned(), event.monitoring_planned().monitoring()); },
    .apply =
        [](CentreFacts& facts, const v1::Event& event, const Address& address, const Stamp& stamp) {
          const auto& fact = event.monitoring_planned();
          Facts::Plan plan{about(address), fact.monitoring(), stamp,           parse_date(fact.planned_on()).value_or(0),
                           fact.assurer(), fact.seed(),       fact.cancelled()};
          return put(facts, &Facts::plans, std::move(plan), by_monitoring);
        },
};

constinit const FactKind kinds::conflict_declared{
    .fact = v1::Event::kConflictDeclared,
    .topic = Topic::assurance,
    .subject = Subject::centre,
    .check =
        [](Form& form, const v1::Event& event) {
          const auto& fact = event.conflict_declared();
          form.centre("centre", fact.centre());
          form.awarding_organisation("awardingOrganisation", fact.awarding_organisation());
          form.code("assurer", fact.assurer(), 40);
          form.flag("inConflict", fact.has_in_conflict());
          form.optional_date("declaredOn", fact.declared_on());
        },
    .slot =
        [](const v1::Event& event) {
          return slot({"conflict", event.conflict_declared().awarding_organisation(), event.conflict_declared().assurer()});
        },
    .apply =
        [](CentreFacts& facts, const v1::Event& event, const Address& address, const Stamp& stamp) {
          const auto& fact = event.conflict_declared();
          Facts::Conflict conflict{*address.awarding_organisation, fact.assurer(), stamp, fact.in_conflict(),
                                   parse_date(fact.declared_on()).value_or(local_day(stamp.at_ms))};
          return put(facts, &Facts::conflicts, std::move(conflict),
                     [](const Facts::Conflict& one) { return std::pair(one.awarding_organisation, std::string_view(one.assurer)); });
        },
    .lets_go = [](const v1::Event& event) { return !event.conflict_declared().in_conflict(); },
};

constinit const FactKind kinds::sanction_decided{
    .fact = v1::Event::kSanctionDecided,
    .topic = Topic::assurance,
    .subject = Subject::centre,
    .check =
        [](Form& form, const v1::Event& event) {
          const auto& fact = event.sanction_decided();
          check_about(form, fact);
          form.named("sanction", "sanction-form", fact.sanction(), "sanction");
          form.flag("inForce", fact.has_in_force());
          form.chosen("kind", fact.kind(), v1::SanctionDecided::Kind_IsValid(fact.kind()));
        },
    .slot =
        [](const v1::Event& event) {
          const auto& fact = event.sanction_decided();
          // Named within the centre and awarding organisation: the qualification may change. Each word stays, as of holds.
          return slot({"sanction", fact.awarding_organisation(), fact.sanction(), text_of_moment(event)});
        },
    .apply = [](CentreFacts& facts, const v1::Event& event, const Address& address,
                const Stamp& stamp) { return apply_sanction(facts, event.sanction_decided(), address, stamp); },
    .lets_go = [](const v1::Event& event) { return !event.sanction_decided().in_force(); },
};

constinit const FactKind kinds::direct_claims_decided{
    .fact = v1::Event::kDirectClaimsDecided,
    .topic = Topic::assurance,
    .subject = Subject::centre,
    .check =
        [](Form& form, const v1::Event& event) {
          const auto& fact = event.direct_claims_decided();
          form.centre("centre", fact.centre());
          form.awarding_organisation("awardingOrganisation", fact.awarding_organisation());
          form.qualification("qualification", fact.qualification());
          form.flag("granted", fact.has_granted());
          form.at_most("reason", fact.reason(), 500);
        },
    .slot = [](const v1::Event& event) { return slot_about("direct-claims", event.direct_claims_decided()); },
    .apply =
        [](CentreFacts& facts, const v1::Event& event, const Address& address, const Stamp& stamp) {
          const auto& fact = event.direct_claims_decided();
          return put(facts, &Facts::direct_claims, Facts::DirectClaims{about(address), stamp, fact.granted(), fact.reason()}, by_about);
        },
};

constinit const FactKind kinds::action_plan{
    .fact = v1::Event::kActionPlan,
    .topic = Topic::assurance,
    .subject = Subject::centre,
    .check =
        [](Form& form, const v1::Event& event) {
          const auto& fact = event.action_plan();
          check_about(form, fact);
          form.name("action", fact.action(), 40);
          form.optional_date("dueOn", fact.due_on());
        },
    .slot = [](const v1::Event& event) { return slot_about("action", event.action_plan(), event.action_plan().action()); },
    .apply =
        [](CentreFacts& facts, const v1::Event& event, const Address& address, const Stamp& stamp) {
          const auto& fact = event.action_plan();
          return put(facts, &Facts::actions, Facts::Action{about(address), fact.action(), stamp, parse_date(fact.due_on()).value_or(0), fact.done()},
                     [](const Facts::Action& one) { return std::pair(order(one.about), std::string_view(one.action)); });
        },
};

}  // namespace vtq
