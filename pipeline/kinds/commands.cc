// Words to the daemon: that issuing is halted, that a batch has come, that time has passed.
#include <algorithm>

#include "pipeline/base/batch_id.h"
#include "pipeline/facts/centre.h"
#include "pipeline/kinds/form.h"
#include "pipeline/kinds/slots.h"
#include "pipeline/kinds/table.h"

namespace vtq {
namespace {

/// {}: all.
AwardingOrganisationId halted_ao(const Address& address) { return address.awarding_organisation.value_or(AwardingOrganisationId{}); }
QualificationId halted_qualification(const Address& address) { return address.qualification.value_or(QualificationId{}); }

CentreChange apply_halt(CentreFacts& facts, const v1::IssuingHalted& fact, const Address& address, const Stamp& stamp) {
  const AwardingOrganisationId ao = halted_ao(address);
  const QualificationId qualification = halted_qualification(address);
  auto held = std::find_if(facts.halts.begin(), facts.halts.end(), [&](const HaltWords& one) {
    return one.awarding_organisation == ao && one.series == *address.series && one.qualification == qualification;
  });
  if (held == facts.halts.end()) held = facts.halts.insert(held, {ao, *address.series, qualification, {}});
  held->say(stamp.moment(), fact.halted());
  return {.awarding_organisation = address.awarding_organisation, .series = held->series};
}

}  // namespace

constinit const FactKind kinds::issuing_halted{
    .fact = v1::Event::kIssuingHalted,
    .topic = Topic::commands,
    .subject = Subject::centre,
    .asserted_by = {AccessRole::publisher, AccessRole::approver, AccessRole::operations},
    .check =
        [](Form& form, const v1::Event& event) {
          const auto& fact = event.issuing_halted();
          form.centre_or_all("centre", fact.centre());
          if (fact.awarding_organisation() != "*") form.awarding_organisation("awardingOrganisation", fact.awarding_organisation());
          form.series("series", fact.series());
          form.flag("halted", fact.has_halted());
          form.at_most("reason", fact.reason(), 500);
          form.optional_qualification("qualification", fact.qualification());
          form.at_most("saidBy", fact.said_by(), kPersonMax);
        },
    .slot =
        [](const v1::Event& event) {
          const auto& fact = event.issuing_halted();
          // Each word stays, as of holds.
          if (fact.qualification().empty()) return slot({"halt", fact.awarding_organisation(), fact.series(), text_of_moment(event)});
          return slot({"halt", fact.awarding_organisation(), fact.series(), text_of_moment(event), canonical(fact.qualification())});
        },
    .apply = [](CentreFacts& facts, const v1::Event& event, const Address& address,
                const Stamp& stamp) { return apply_halt(facts, event.issuing_halted(), address, stamp); },
    .define =
        [](Reference& reference, const v1::Event& event, const Address& address, const Stamp& stamp) {
          reference.define_halt(halted_ao(address), *address.series, halted_qualification(address), event.issuing_halted().halted(), stamp);
        },
    .stops = [](const v1::Event& event) { return event.issuing_halted().halted(); },
    .lets_go = [](const v1::Event& event) { return !event.issuing_halted().halted(); },
    .act = [](const v1::Event& event) -> std::string_view { return event.issuing_halted().halted() ? "halt" : "resume"; },
    // Who writes to the topic may stop results, and let none go.
    .vouched = [](const v1::Event& event) { return !event.issuing_halted().halted(); },
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
    .act = [](const v1::Event&) -> std::string_view { return "acknowledge"; },
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
