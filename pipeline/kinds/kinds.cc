#include <vector>

#include "pipeline/kinds/table.h"

namespace vtq {
namespace {

/// The rows, each at the number that its fact has in the contract; null: no fact has that number.
const std::vector<const FactKind*>& rows() {
  static const std::vector<const FactKind*> made = [] {
    std::vector<const FactKind*> at_number;
#define VTQ_LIST(name) &kinds::name,
    for (const FactKind* kind : {VTQ_FACT_KINDS(VTQ_LIST)}) {
#undef VTQ_LIST
      auto number = static_cast<std::size_t>(kind->fact);
      if (at_number.size() <= number) at_number.resize(number + 1);
      at_number[number] = kind;
    }
    return at_number;
  }();
  return made;
}

}  // namespace

const FactKind* kind_of_fact(const v1::Event& event) {
  auto number = static_cast<std::size_t>(event.fact_case());
  return number < rows().size() ? rows()[number] : nullptr;
}

bool must_be_vouched_for(const v1::Event& event) {
  const FactKind* kind = kind_of_fact(event);
  return kind && kind->vouched && kind->vouched(event);
}

std::string fact_name(const v1::Event& event) {
  const auto* field = v1::Event::descriptor()->FindFieldByNumber(event.fact_case());
  return field ? field->json_name() : "fact";
}

std::string_view topic_name(Topic topic) {
  static constexpr std::string_view kNames[kTopics] = {"vtq.reference",      "vtq.registrations", "vtq.checkpoints", "vtq.assessments",
                                                       "vtq.claims",         "vtq.assurance",     "vtq.commands",    "vtq.entry-status",
                                                       "vtq.result-batches", "vtq.notifications", "vtq.rejected",    "vtq.audit"};
  return kNames[static_cast<std::size_t>(topic)];
}

std::string slot_of(const v1::Event& event) {
  const FactKind* kind = kind_of_fact(event);
  return kind && kind->slot ? kind->slot(event) : std::string{};
}

}  // namespace vtq
