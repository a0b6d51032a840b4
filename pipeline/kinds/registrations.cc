// Registrations: a learner is entered, the entry changes, moves or ends.
#include "pipeline/facts/coming.h"
#include "pipeline/facts/told_again.h"
#include "pipeline/kinds/form.h"
#include "pipeline/kinds/table.h"

namespace vtq {
namespace {

void check_registered(Form& form, const v1::Registered& fact) {
  form.entry(fact.entry());
  form.uln(fact.uln());
  if (!fact.uci().empty() && !uci_is_well_formed(fact.uci()))
    form.fail(form.path("uci"), "uci-form", fact.uci(),
              "A unique candidate identifier has 12 digits (the sixth may be a board letter) and a check letter.");
  form.optional_code("pathway", fact.pathway(), 20);
  form.optional_code("cohort", fact.cohort(), 20);
  if (!fact.has_details()) return;
  form.at_most("details.givenNames", fact.details().given_names(), 200);
  form.at_most("details.familyName", fact.details().family_name(), 200);
  form.optional_date("details.dateOfBirth", fact.details().date_of_birth());
}

Merged merge_registered(EntryFacts& facts, const v1::Registered& fact, Coming& coming) {
  TimeMs at = coming.stamp.at_ms;
  bool earliest = facts.first_registered_ms == 0 || at < facts.first_registered_ms;
  if (earliest) facts.first_registered_ms = at;
  Merged merged = coming.take(facts.registered);
  if (merged != Merged::applied) return earliest ? Merged::applied : merged;
  facts.uln = fact.uln().empty() || fact.uln() == kUnknownUln ? 0 : std::stoull(fact.uln());
  facts.uci = FixedText<13>(fact.uci());
  facts.details = fact.has_details() ? std::make_shared<const std::string>(fact.details().SerializeAsString()) : nullptr;
  if (facts.particulars || !fact.pathway().empty() || !fact.cohort().empty())
    change_particulars(facts, [&](Particulars& particulars) {
      particulars.pathway = fact.pathway();
      particulars.cohort = fact.cohort();
    });
  return merged;
}

Merged merge_changed(EntryFacts& facts, const v1::RegistrationChanged& fact, Coming& coming) {
  // A change of mere details must not hide a change of course or size.
  if (fact.change() == v1::RegistrationChanged::DETAILS) return coming.take(facts.details_changed);
  Merged merged = coming.take(facts.changed);
  if (merged != Merged::applied) return merged;
  facts.change = fact.change();
  QualificationId left = parse_qualification(fact.from_qualification()).value_or(QualificationId{});
  if (facts.particulars || left != QualificationId{}) change_particulars(facts, [&](Particulars& particulars) { particulars.left = left; });
  return merged;
}

}  // namespace

constinit const FactKind kinds::registered{
    .fact = v1::Event::kRegistered,
    .topic = Topic::registrations,
    .subject = Subject::entry,
    .check = [](Form& form, const v1::Event& event) { check_registered(form, event.registered()); },
    .merge = [](EntryFacts& facts, const v1::Event& event, Coming& coming) { return merge_registered(facts, event.registered(), coming); },
};

constinit const FactKind kinds::registration_changed{
    .fact = v1::Event::kRegistrationChanged,
    .topic = Topic::registrations,
    .subject = Subject::entry,
    .check =
        [](Form& form, const v1::Event& event) {
          const auto& fact = event.registration_changed();
          form.entry(fact.entry());
          form.optional_qualification("fromQualification", fact.from_qualification());
          form.chosen("change", fact.change(), v1::RegistrationChanged::Change_IsValid(fact.change()));
        },
    .merge = [](EntryFacts& facts, const v1::Event& event, Coming& coming) { return merge_changed(facts, event.registration_changed(), coming); },
};

constinit const FactKind kinds::transferred{
    .fact = v1::Event::kTransferred,
    .topic = Topic::registrations,
    .subject = Subject::entry,
    .check =
        [](Form& form, const v1::Event& event) {
          const auto& fact = event.transferred();
          if (!parse_centre(fact.to_centre()))
            form.fail(form.path("toCentre"), "centre-form", fact.to_centre(), "A national centre number has exactly 5 digits.");
          form.entry(fact.entry());
        },
    .merge =
        [](EntryFacts& facts, const v1::Event& event, Coming& coming) {
          note_left(facts, facts.transferred, coming.stamp);
          Merged merged = coming.take(facts.transferred);
          if (merged == Merged::applied) facts.to_centre = *parse_centre(event.transferred().to_centre());
          return merged;
        },
};

constinit const FactKind kinds::withdrawn{
    .fact = v1::Event::kWithdrawn,
    .topic = Topic::registrations,
    .subject = Subject::entry,
    .check =
        [](Form& form, const v1::Event& event) {
          form.at_most("reason", event.withdrawn().reason(), 500);
          form.entry(event.withdrawn().entry());
        },
    .merge =
        [](EntryFacts& facts, const v1::Event&, Coming& coming) {
          note_left(facts, facts.withdrawn, coming.stamp);
          return coming.take(facts.withdrawn);
        },
};

}  // namespace vtq
