// Approval of qualifications by a body: proposed, submitted, decided, withdrawn.
#include "pipeline/facts/reference.h"
#include "pipeline/kinds/form.h"
#include "pipeline/kinds/slots.h"
#include "pipeline/kinds/table.h"

namespace vtq {
namespace {

void check_body(Form& form, v1::ApprovalBody value) { form.chosen("body", value, v1::ApprovalBody_IsValid(value)); }

void check_category(Form& form, const v1::ApprovalCategoryDefined& fact) {
  check_body(form, fact.body());
  form.code("category", fact.category(), 40);
  form.codes("requiredDocuments", fact.required_documents(), kEvidenceMax, 60);
  form.codes("predefinedAreas", fact.predefined_areas(), 1'000, 100);
  for (std::uint32_t level : fact.proposal_levels()) form.at_most_of("proposalLevels", level, 8);
}

void check_proposed(Form& form, const v1::ApprovalProposed& fact) {
  form.qualification("qualification", fact.qualification());
  check_body(form, fact.body());
  form.code("category", fact.category(), 40);
  form.optional_code("area", fact.area(), 100);
  form.optional_code("occupationalStandard", fact.occupational_standard(), 20);
  form.codes("duties", fact.duties(), kDutiesMax, 20);
  if (!v1::ApprovalProposed::ProposalOutcome_IsValid(fact.outcome())) form.chosen("outcome", fact.outcome(), false);
}

void check_submitted(Form& form, const v1::ApprovalSubmitted& fact) {
  form.qualification("qualification", fact.qualification());
  check_body(form, fact.body());
  form.code("category", fact.category(), 40);
  form.optional_code("area", fact.area(), 100);
  form.optional_code("occupationalStandard", fact.occupational_standard(), 20);
  form.codes("documents", fact.documents(), kEvidenceMax, 60);
  form.codes("duties", fact.duties(), kDutiesMax, 20);
  form.codes("funding", fact.funding(), kEvidenceMax, 40);
  if (fact.mappings_size() > 1'000)
    form.fail(form.path("mappings"), "mappings-count", std::to_string(fact.mappings_size()), "Map at most 1,000 statements in one submission.");
  for (int at = 0; at < fact.mappings_size() && !form.failed(); ++at) {
    std::string field = "mappings[" + std::to_string(at) + "].";
    form.code(field + "statement", fact.mappings(at).statement(), 20);
    form.code(field + "unit", fact.mappings(at).unit(), 20);
    form.optional_code(field + "learningOutcome", fact.mappings(at).learning_outcome(), 20);
  }
}

void check_decided(Form& form, const v1::ApprovalDecided& fact) {
  form.qualification("qualification", fact.qualification());
  check_body(form, fact.body());
  form.flag("approved", fact.has_approved());
  form.optional_date("approvedFrom", fact.approved_from());
  form.optional_date("approvedUntil", fact.approved_until());
  form.optional_date("lastRegistrationOn", fact.last_registration_on());
  form.optional_date("lastCertificationOn", fact.last_certification_on());
  form.codes("funding", fact.funding(), kEvidenceMax, 40);
  if (fact.approved() && fact.approved_from().empty())
    form.fail(form.path("approvedFrom"), "approval-dated", "", "Give the day from which the qualification is approved.");
}

void check_withdrawn(Form& form, const v1::ApprovalWithdrawn& fact) {
  form.qualification("qualification", fact.qualification());
  check_body(form, fact.body());
  if (!parse_date(fact.withdrawn_from()))
    form.fail(form.path("withdrawnFrom"), "date", fact.withdrawn_from(), "Give the day from which approval is withdrawn, YYYY-MM-DD.");
  form.optional_date("lastCertificationOn", fact.last_certification_on());
  form.at_most("reason", fact.reason(), 500);
}

template <class Fact>
std::string slot_of_approval(const char* kind, const Fact& fact, std::string_view which) {
  return slot({kind, canonical(fact.qualification()), v1::ApprovalBody_Name(fact.body()), which});
}

void define(Reference& reference, const v1::Event& event, const Address& address, const Stamp& stamp) {
  reference.define_approval(event, address, stamp);
}

}  // namespace

constinit const FactKind kinds::approval_category_defined{
    .fact = v1::Event::kApprovalCategoryDefined,
    .topic = Topic::reference,
    .subject = Subject::reference,
    .check = [](Form& form, const v1::Event& event) { check_category(form, event.approval_category_defined()); },
    .slot =
        [](const v1::Event& event) {
          const auto& fact = event.approval_category_defined();
          return slot({"approval-category", v1::ApprovalBody_Name(fact.body()), fact.category()});
        },
    .define = define,
};

constinit const FactKind kinds::approval_proposed{
    .fact = v1::Event::kApprovalProposed,
    .topic = Topic::reference,
    .subject = Subject::reference,
    .check = [](Form& form, const v1::Event& event) { check_proposed(form, event.approval_proposed()); },
    .slot =
        [](const v1::Event& event) {
          const auto& fact = event.approval_proposed();
          return slot({"approval-proposed", canonical(fact.qualification()), v1::ApprovalBody_Name(fact.body())});
        },
    .define = define,
};

constinit const FactKind kinds::approval_submitted{
    .fact = v1::Event::kApprovalSubmitted,
    .topic = Topic::reference,
    .subject = Subject::reference,
    .check = [](Form& form, const v1::Event& event) { check_submitted(form, event.approval_submitted()); },
    // Each stays: a decision is judged by the one that it was made on.
    .slot = [](const v1::Event& event) { return slot_of_approval("approval-submitted", event.approval_submitted(), text_of_moment(event)); },
    .define = define,
};

constinit const FactKind kinds::approval_decided{
    .fact = v1::Event::kApprovalDecided,
    .topic = Topic::reference,
    .subject = Subject::reference,
    .asserted_everywhere = true,
    .check = [](Form& form, const v1::Event& event) { check_decided(form, event.approval_decided()); },
    // A renewal does not take the place of the approval before it.
    .slot =
        [](const v1::Event& event) {
          return slot_of_approval("approval-decided", event.approval_decided(), event.approval_decided().approved_from());
        },
    .define = define,
};

constinit const FactKind kinds::approval_withdrawn{
    .fact = v1::Event::kApprovalWithdrawn,
    .topic = Topic::reference,
    .subject = Subject::reference,
    .check = [](Form& form, const v1::Event& event) { check_withdrawn(form, event.approval_withdrawn()); },
    .slot =
        [](const v1::Event& event) {
          const auto& fact = event.approval_withdrawn();
          return slot({"approval-withdrawn", canonical(fact.qualification()), v1::ApprovalBody_Name(fact.body())});
        },
    .define = define,
};

}  // namespace vtq
