// Words to the daemon: when batches go, that issuing is halted, that a batch has come, that time has passed.
#include <algorithm>

#include "pipeline/base/batch_id.h"
#include "pipeline/facts/centre.h"
#include "pipeline/kinds/form.h"
#include "pipeline/kinds/slots.h"
#include "pipeline/kinds/table.h"

namespace vtq {
namespace {

ReleasePlan plan_of(const v1::ReleasePlanned& fact) {
  return {*parse_local_time(fact.first_issue_at()), (fact.every_hours() ? fact.every_hours() : 24) * kHourMs};
}

CentreChange apply_plan(CentreFacts& facts, const v1::ReleasePlanned& fact, const Address& address) {
  CohortKey key{*address.awarding_organisation, fact.level(), *address.series};
  std::erase_if(facts.plans, [&](const auto& held) { return held.first == key; });
  facts.plans.emplace_back(key, plan_of(fact));
  return {.awarding_organisation = key.awarding_organisation, .series = key.series};
}

CentreChange apply_halt(CentreFacts& facts, const v1::IssuingHalted& fact, const Address& address, const Stamp& stamp) {
  auto held = std::find_if(facts.halts.begin(), facts.halts.end(), [&](const HaltWords& one) {
    return one.awarding_organisation == *address.awarding_organisation && one.series == *address.series;
  });
  if (held == facts.halts.end()) held = facts.halts.insert(held, {*address.awarding_organisation, *address.series, {}});
  held->say(stamp.moment(), fact.halted());
  return {.awarding_organisation = held->awarding_organisation, .series = held->series};
}

}  // namespace

constinit const FactKind kinds::release_planned{
    .fact = v1::Event::kReleasePlanned,
    .topic = Topic::commands,
    .subject = Subject::centre,
    .asserted_by = {AccessRole::publisher, AccessRole::approver, AccessRole::operations},
    .check =
        [](Form& form, const v1::Event& event) {
          const auto& fact = event.release_planned();
          form.cohort(fact.centre(), fact.awarding_organisation(), fact.series(), fact.level());
          form.local_time("firstIssueAt", fact.first_issue_at(), true);
          if (fact.every_hours() > 744)
            form.fail(form.path("everyHours"), "release-interval", std::to_string(fact.every_hours()), "Give 1 to 744 hours, or 0 for 24.");
        },
    .slot =
        [](const v1::Event& event) {
          const auto& fact = event.release_planned();
          return slot({"plan", fact.awarding_organisation(), v1::Level_Name(fact.level()), fact.series()});
        },
    .apply = [](CentreFacts& facts, const v1::Event& event, const Address& address,
                const Stamp&) { return apply_plan(facts, event.release_planned(), address); },
    .define =
        [](Reference& reference, const v1::Event& event, const Address& address, const Stamp&) {
          const auto& fact = event.release_planned();
          reference.define_plan({*address.awarding_organisation, fact.level(), *address.series}, plan_of(fact));
        },
};

constinit const FactKind kinds::release_approved{
    .fact = v1::Event::kReleaseApproved,
    .topic = Topic::commands,
    .subject = Subject::centre,
    .asserted_by = {AccessRole::approver},
    .check =
        [](Form& form, const v1::Event& event) {
          const auto& fact = event.release_approved();
          form.cohort(fact.centre(), fact.awarding_organisation(), fact.series(), fact.level());
          form.name("approver", fact.approver(), 64);
        },
    .slot =
        [](const v1::Event& event) {
          const auto& fact = event.release_approved();
          return slot({"release-approval", fact.awarding_organisation(), v1::Level_Name(fact.level()), fact.series(), fact.approver()});
        },
};

constinit const FactKind kinds::issuing_halted{
    .fact = v1::Event::kIssuingHalted,
    .topic = Topic::commands,
    .subject = Subject::centre,
    .asserted_by = {AccessRole::publisher, AccessRole::approver, AccessRole::operations},
    .check =
        [](Form& form, const v1::Event& event) {
          const auto& fact = event.issuing_halted();
          form.centre_or_all("centre", fact.centre());
          form.awarding_organisation("awardingOrganisation", fact.awarding_organisation());
          form.series("series", fact.series());
          form.flag("halted", fact.has_halted());
          form.at_most("reason", fact.reason(), 500);
        },
    .slot =
        [](const v1::Event& event) {
          const auto& fact = event.issuing_halted();
          // Each word stays, as of holds.
          return slot({"halt", fact.awarding_organisation(), fact.series(), text_of_moment(event)});
        },
    .apply = [](CentreFacts& facts, const v1::Event& event, const Address& address,
                const Stamp& stamp) { return apply_halt(facts, event.issuing_halted(), address, stamp); },
    .define =
        [](Reference& reference, const v1::Event& event, const Address& address, const Stamp& stamp) {
          reference.define_halt(*address.awarding_organisation, *address.series, event.issuing_halted().halted(), stamp);
        },
    .stops = [](const v1::Event& event) { return event.issuing_halted().halted(); },
    .lets_go = [](const v1::Event& event) { return !event.issuing_halted().halted(); },
};

constinit const FactKind kinds::batch_acknowledged{
    .fact = v1::Event::kBatchAcknowledged,
    .topic = Topic::commands,
    .subject = Subject::centre,
    .asserted_by = {AccessRole::publisher, AccessRole::centre},
    .check =
        [](Form& form, const v1::Event& event) {
          const auto& fact = event.batch_acknowledged();
          form.centre("centre", fact.centre());
          form.at_most("acknowledgedBy", fact.acknowledged_by(), 64);
          auto batch = parse_batch_id(fact.batch());
          if (!batch || batch->centre != form.address().centre)
            form.fail(form.path("batch"), "batch-form", fact.batch(),
                      "Name a batch of this centre: centre.awarding-organisation.series.number, as 12345.RN5353.2023-08.0001.");
        },
    .slot =
        [](const v1::Event& event) {
          return slot({"acknowledged", event.batch_acknowledged().batch()});
        },
};

constinit const FactKind kinds::time_reached{
    .fact = v1::Event::kTimeReached,
    .topic = Topic::commands,
    .subject = Subject::centre,
    .check =
        [](Form& form, const v1::Event& event) {
          form.for_all();
          if (event.time_reached().centre() != "*")
            form.fail(form.path("centre"), "time-for-all", event.time_reached().centre(), "Time is reached for all: give *.");
        },
};

}  // namespace vtq
