#include "pipeline/intake/catalogue.h"

#include <algorithm>
#include <memory>

#include "pipeline/facts/merge.h"
#include "pipeline/intake/catalogue_facts.h"

namespace vtq {
namespace {

using namespace catalogue;

/// The qualification that a fact names, as it names it; empty when it names none.
std::string qualification_named(const v1::Event& event) {
  const auto* fact = v1::Event::descriptor()->FindFieldByNumber(event.fact_case());
  const auto* field = fact->message_type()->FindFieldByName("qualification");
  if (!field) return {};
  const auto& message = event.GetReflection()->GetMessage(event, fact);
  return message.GetReflection()->GetString(message, field);
}

/// What a fact is about, whichever word of it this is: every calendar and mitigation is kept, under its moment, and the latest holds.
std::string about(const v1::Event& event) {
  std::string slot = slot_of(event);
  if (event.has_calendar_defined() || event.has_mitigation_defined()) slot.resize(slot.find(" " + text_of_moment(event)));
  return slot;
}

/// Facts other than qualifications.
class OtherChecks : FactChecks {
 public:
  using FactChecks::FactChecks;

  void check_fact(const v1::Event& event) {
    switch (event.fact_case()) {
      case v1::Event::kGradingScaleDefined:
        return scale(event.grading_scale_defined());
      case v1::Event::kCalendarDefined:
        return calendar(event.calendar_defined());
      case v1::Event::kMitigationDefined:
        return mitigation(event.mitigation_defined());
      case v1::Event::kScrutinyStrategyDefined:
        return strategy(event.scrutiny_strategy_defined());
      case v1::Event::kApprovalProposed:
        known_category(event.approval_proposed().body(), event.approval_proposed().category());
        known_qualification(event.approval_proposed().qualification());
        return;
      case v1::Event::kApprovalSubmitted:
        return submitted(event.approval_submitted());
      case v1::Event::kApprovalDecided:
        return decided(event.approval_decided());
      case v1::Event::kApprovalWithdrawn:
        return withdrawn(event.approval_withdrawn());
      default:
        return;
    }
  }

 private:
  void scale(const v1::GradingScaleDefined& fact) {
    if (std::none_of(fact.grades().begin(), fact.grades().end(), [](const auto& grade) { return grade.achieved(); }))
      problem("grades", "scale-achieves", fact.name(), "No grade of the scale counts as achieved, so nobody can pass; say which do.");
  }

  void calendar(const v1::CalendarDefined& fact) {
    known_awarding_organisation(fact.awarding_organisation());
    ordered("issueDeadline", fact.checkpoint_closes(), fact.issue_deadline(), "Results are to be issued before the checkpoint closes");
    ordered("issueDeadline", fact.claim_deadline(), fact.issue_deadline(), "Results are to be issued before claims close");
    ordered("lateEntryAfter", fact.checkpoint_opens(), fact.late_entry_after(), "Entries are late before the checkpoint opens");
    for (const std::string& qualification : fact.without_embargo()) known_qualification(qualification);
    if (fact.embargo() != v1::CalendarDefined::EMBARGO_NONE && !fact.learner_release().starts_with(fact.series()))
      problem("learnerRelease", "results-day-in-series", fact.learner_release(),
              "A series is the month of its results day: correct the date or the series " + fact.series() + ".");
  }

  void mitigation(const v1::MitigationDefined& fact) {
    known_qualification(fact.qualification());
    if (!fact.centre().empty() && !facts_.may_have_centre(fact.centre()) && !facts_.is_broken(defines("centre", fact.centre())))
      problem("centre", "centre-known", fact.centre(), "Define it with CentreDefined, or correct the number.");
    ordered("expectedOn", fact.disruption_from(), fact.expected_on(), "The new date comes before the disruption");
  }

  void strategy(const v1::ScrutinyStrategyDefined& fact) {
    known_awarding_organisation(fact.awarding_organisation());
    if (fact.qualification().empty()) return;
    const auto* qualification = known_qualification(fact.qualification());
    if (qualification && qualification->awarding_organisation() != fact.awarding_organisation())
      problem(
          "awardingOrganisation", "awarding-organisation-of-qualification", fact.awarding_organisation(),
          "The qualification is of " + qualification->awarding_organisation() + ", so that this strategy applies to nobody; correct one of them.");
  }

  void known_category(v1::ApprovalBody body, const std::string& category) {
    std::string name = v1::ApprovalBody_Name(body) + " " + category;
    if (!facts_.fact("approval-category " + name) && !facts_.is_broken(defines("category", name)))
      problem("category", "approval-category-known", category,
              "Define the category of " + v1::ApprovalBody_Name(body) + " with ApprovalCategoryDefined, or correct its name.");
  }

  void submitted(const v1::ApprovalSubmitted& fact) {
    known_category(fact.body(), fact.category());
    const auto* qualification = known_qualification(fact.qualification());
    if (!qualification) return;
    for (int at = 0; at < fact.mappings_size(); ++at) {
      const auto& mapping = fact.mappings(at);
      auto unit =
          std::find_if(qualification->units().begin(), qualification->units().end(), [&](const auto& one) { return one.code() == mapping.unit(); });
      if (unit == qualification->units().end()) {
        problem(item("mappings", at, "unit"), "unit-of-qualification", mapping.unit(), "The qualification has no such unit; correct the code.");
        continue;
      }
      const auto& outcomes = unit->learning_outcomes();
      if (!mapping.learning_outcome().empty() && std::find(outcomes.begin(), outcomes.end(), mapping.learning_outcome()) == outcomes.end())
        problem(item("mappings", at, "learningOutcome"), "outcome-of-unit", mapping.learning_outcome(),
                "Unit " + mapping.unit() + " has no such learning outcome; correct the code.");
    }
  }

  void decided(const v1::ApprovalDecided& fact) {
    known_qualification(fact.qualification());
    ordered("approvedUntil", fact.approved_from(), fact.approved_until(), "The approval ends before it begins");
    ordered("lastRegistrationOn", fact.approved_from(), fact.last_registration_on(), "The last registration comes before the approval");
    ordered("lastCertificationOn", fact.last_registration_on(), fact.last_certification_on(),
            "The last certification comes before the last registration");
    ordered("lastCertificationOn", fact.approved_from(), fact.last_certification_on(), "The last certification comes before the approval");
  }

  void withdrawn(const v1::ApprovalWithdrawn& fact) {
    known_qualification(fact.qualification());
    ordered("lastCertificationOn", fact.withdrawn_from(), fact.last_certification_on(), "The last certification comes before the withdrawal");
    if (const auto* decision = facts_.first_approval(fact.qualification(), v1::ApprovalBody_Name(fact.body())))
      ordered("withdrawnFrom", decision->approved_from(), fact.withdrawn_from(), "Approval is withdrawn before it was given");
  }
};

/// Sizes of one family: each larger one must be worth more credit than the one before.
class FamilyMember : FactChecks {
 public:
  FamilyMember(CatalogueFacts& facts, std::size_t place, const v1::Event& event)
      : FactChecks(facts, place, event, event.qualification_defined().qualification()), fact_(event.qualification_defined()) {}

  const v1::QualificationDefined& fact() const { return fact_; }

  /// Credit of a learner who does what is asked and no more; 0: not known.
  std::uint32_t credit() const {
    if (fact_.credit_required() > 0) return fact_.credit_required();
    std::uint32_t sum = fact_.optional_credit_required();
    for (const auto& unit : fact_.units())
      if (unit.mandatory()) sum += unit.credit();
    return sum;
  }

  void sized() {
    if (fact_.size() == v1::SIZE_UNSPECIFIED)
      problem("size", "family-size-given", fact_.family(), "Say which size of its family it is: learners move between sizes.");
  }

  void larger_than(const FamilyMember& smaller) {
    if (credit() == 0 || smaller.credit() == 0 || fact_.size() == smaller.fact_.size() || credit() > smaller.credit()) return;
    problem("size", "family-sizes-grow", v1::Size_Name(fact_.size()),
            "It asks for " + std::to_string(credit()) + " credit and " + canonical(smaller.fact_.qualification()) + ", which is smaller, for " +
                std::to_string(smaller.credit()) + "; correct the size or the credit.");
  }

 private:
  const v1::QualificationDefined& fact_;
};

void check_families(CatalogueFacts& facts) {
  std::map<std::string, std::vector<std::unique_ptr<FamilyMember>>> families;
  for (const auto& [slot, fact] : facts.by_slot())
    if (fact.event->fact_case() == v1::Event::kQualificationDefined && !fact.event->qualification_defined().family().empty())
      families[fact.event->qualification_defined().family()].push_back(std::make_unique<FamilyMember>(facts, fact.place, *fact.event));
  for (auto& [name, members] : families) {
    std::stable_sort(members.begin(), members.end(), [](const auto& a, const auto& b) { return a->fact().size() < b->fact().size(); });
    for (std::size_t at = 0; at < members.size(); ++at) {
      members[at]->sized();
      if (at > 0 && members[at - 1]->fact().size() != v1::SIZE_UNSPECIFIED) members[at]->larger_than(*members[at - 1]);
    }
  }
}

/// By place; what one fact has too much of one rule is summed up.
std::vector<CatalogueFinding> in_order(std::vector<CatalogueFinding> all) {
  std::stable_sort(all.begin(), all.end(), [](const CatalogueFinding& a, const CatalogueFinding& b) { return a.place < b.place; });
  std::map<std::pair<std::size_t, std::string>, std::size_t> counts;
  for (const CatalogueFinding& one : all) ++counts[{one.place, one.why.rule}];
  std::map<std::pair<std::size_t, std::string>, std::size_t> shown;
  std::vector<CatalogueFinding> kept;
  for (CatalogueFinding& one : all) {
    std::size_t count = counts[{one.place, one.why.rule}], now = ++shown[{one.place, one.why.rule}];
    if (now > Catalogue::kFindingsPerRuleMax) continue;
    if (now == Catalogue::kFindingsPerRuleMax && count > now) one.why.message += " And " + std::to_string(count - now) + " more like it.";
    kept.push_back(std::move(one));
  }
  return kept;
}

}  // namespace

bool Catalogue::add(const v1::Event& event, std::size_t place) {
  auto address = check(event);
  if (!address || address.value().subject != Subject::reference) return false;
  Stamp stamp = stamp_of(event);
  auto [at, fresh] = facts_.try_emplace(about(event));
  if (fresh || (stamp != at->second.stamp && is_later(event, stamp, at->second.event, at->second.stamp))) at->second = {stamp, place, event};
  return true;
}

void Catalogue::add_broken(const v1::Event& event) {
  if (event.has_qualification_defined())
    broken_.insert(defines("qualification", canonical(event.qualification_defined().qualification())));
  else if (event.has_grading_scale_defined())
    broken_.insert(defines("scale", event.grading_scale_defined().name()));
  else if (event.has_awarding_organisation_defined())
    broken_.insert(defines("awarding organisation", event.awarding_organisation_defined().awarding_organisation()));
  else if (event.has_centre_defined())
    broken_.insert(defines("centre", event.centre_defined().centre()));
  else if (const auto& fact = event.approval_category_defined(); event.has_approval_category_defined())
    broken_.insert(defines("category", v1::ApprovalBody_Name(fact.body()) + " " + fact.category()));
}

std::vector<CatalogueFinding> Catalogue::findings() const {
  CatalogueFacts facts(broken_);
  Scales scales;
  for (const auto& [slot, held] : facts_) {
    facts.put(slot, held.event, held.place);
    if (held.event.fact_case() == v1::Event::kGradingScaleDefined)
      scales[held.event.grading_scale_defined().name()] = make_scale(held.event.grading_scale_defined());
  }
  for (const auto& [slot, fact] : facts.by_slot()) {
    const v1::Event& event = *fact.event;
    for (const Rejection& warning : warnings(event)) facts.found_so_far.push_back({fact.place, true, canonical(qualification_named(event)), warning});
    if (event.fact_case() == v1::Event::kQualificationDefined)
      check_qualification(facts, fact.place, event, make_qualification(event.qualification_defined(), scales));
    else
      OtherChecks(facts, fact.place, event, qualification_named(event)).check_fact(event);
  }
  check_families(facts);
  return in_order(std::move(facts.found_so_far));
}

}  // namespace vtq
