#include "pipeline/intake/check.h"

#include "pipeline/kinds/form.h"

namespace vtq {

namespace {

Rejection unknown_qualification(const std::string& field, QualificationId id) {
  std::string message = "No qualification with this number is in the reference data; send its QualificationDefined, or correct the number.";
  if (!qualification_check_holds(id)) message += " Its check digit does not fit: a digit may be wrong.";
  return {field, "qualification-known", text_of(id), message};
}

}  // namespace

Result<Address> check(const v1::Event& event, TimeMs latest_ms) { return Form(event, latest_ms).look(); }
Result<Address> check_stored(const v1::Event& event) { return Form(event, kLatestEventMs, true).look(); }

std::optional<StoredFact> stored_fact(std::string_view bytes) {
  std::optional<StoredFact> fact(std::in_place);
  if (!fact->event.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return std::nullopt;
  Result<Address> address = check_stored(fact->event);
  if (!address) return std::nullopt;
  fact->address = std::move(address).value();
  return fact;
}

std::optional<Rejection> fits(const v1::Event& event, const Address& address, const Reference& reference) {
  bool of_entry = address.subject == Subject::entry;
  auto field = [&](const char* member) { return fact_name(event) + (of_entry ? ".entry." : ".") + member; };
  if (!reference.has_centre(address.centre))
    return Rejection{field("centre"), "centre-known", text_of(address.centre),
                     "No centre with this number is in the reference data; send its CentreDefined, or correct the number."};
  if (!of_entry && address.awarding_organisation && !reference.awarding_organisation(*address.awarding_organisation))
    return Rejection{
        field("awardingOrganisation"), "awarding-organisation-known", text_of(*address.awarding_organisation),
        "No awarding organisation with this number is in the reference data; send its AwardingOrganisationDefined, or correct the number."};
  if (!of_entry && !address.qualification) return std::nullopt;
  QualificationId id = of_entry ? address.entry.qualification : *address.qualification;
  const Qualification* qualification = reference.qualification(id);
  if (!qualification) return unknown_qualification(field("qualification"), id);
  if (of_entry && !reference.awarding_organisation(qualification->awarding_organisation))
    return Rejection{field("qualification"), "awarding-organisation-known", text_of(qualification->awarding_organisation),
                     "The qualification's awarding organisation is not in the reference data; send its AwardingOrganisationDefined."};
  const FactKind& kind = *kind_of_fact(event);
  return kind.fits ? kind.fits(event, *qualification, reference) : std::nullopt;
}

namespace {

/// Why an approval for all centres has no effect as things stand. A plan may come after it.
std::optional<Rejection> approves_nothing(const v1::ReleaseApproved& fact, const Address& address, const Reference& reference) {
  if (fact.plan().empty())
    return Rejection{"releaseApproved.plan", "approval-of-nothing", "",
                     "It is kept for the record and lets nothing go: name the digest of what is approved, as `resultsctl release show` shows it."};
  CohortKey cohort{*address.awarding_organisation, fact.level(), *address.series};
  const ReleaseWords* words = reference.release(cohort);
  if (words && words->plan && words->plan->digest == fact.plan()) return std::nullopt;
  for (const Reference::GatesSaid& gates : reference.gates_said(cohort))
    if (gates.digest == fact.plan()) return std::nullopt;
  return Rejection{"releaseApproved.plan", "approval-of-older-plan", fact.plan(),
                   "It has no effect: the plan as it stands has another digest" +
                       (words && words->plan ? ", " + words->plan->digest + ". It was changed, which voids what was approved of it; look at it anew."
                                             : std::string("; there is none yet."))};
}

}  // namespace

std::vector<Rejection> warnings(const v1::Event& event, const Address& address, const Reference& reference) {
  std::vector<Rejection> found;
  if (address.subject != Subject::centre || !address.awarding_organisation) return found;
  AwardingOrganisationId id = *address.awarding_organisation;
  std::string named = text_of(id);
  // A word for one centre does not fit, and waits.
  if (address.everywhere && !reference.awarding_organisation(id))
    found.push_back(
        {fact_name(event) + ".awardingOrganisation", "awarding-organisation-known", named,
         "No awarding organisation with this number is in the reference data yet: it is taken, and stops or plans nothing until there is."});
  if (event.has_release_approved() && address.everywhere)
    if (auto nothing = approves_nothing(event.release_approved(), address, reference)) found.push_back(std::move(*nothing));
  if (!event.has_hold_placed() || !address.qualification) return found;
  const Qualification* qualification = reference.qualification(*address.qualification);
  if (qualification && qualification->awarding_organisation != id)
    found.push_back({"holdPlaced.qualification", "qualification-of-another", event.hold_placed().qualification(),
                     "The qualification is " + text_of(qualification->awarding_organisation) + "'s: a hold of " + named +
                         " stops no results of it but those that " + named + " issued."});
  return found;
}

std::optional<Rejection> said_before(const v1::Event& event, const Address& address, const Reference& reference) {
  if (!event.has_release_approved() || event.release_approved().withdrawn() || !address.everywhere) return std::nullopt;
  const v1::ReleaseApproved& fact = event.release_approved();
  const ReleaseWords* words = reference.release({*address.awarding_organisation, fact.level(), *address.series});
  if (!words) return std::nullopt;
  const std::string person = person_of(fact);
  for (const ReleaseApproval& one : words->approvals)
    if (one.person == person && one.digest == fact.plan() && !one.withdrawn)
      return Rejection{"releaseApproved.saidBy", "approval-of-same-person", "",
                       "This person approved it before, and counts once in however many sessions; somebody else must approve it too."};
  return std::nullopt;
}

std::string* said_by_of(v1::Event& event) {
  switch (event.fact_case()) {
    case v1::Event::kReleasePlanned:
      return event.mutable_release_planned()->mutable_said_by();
    case v1::Event::kReleaseApproved:
      return event.mutable_release_approved()->mutable_said_by();
    case v1::Event::kReleaseOverridden:
      return event.mutable_release_overridden()->mutable_said_by();
    case v1::Event::kIssuingHalted:
      return event.mutable_issuing_halted()->mutable_said_by();
    case v1::Event::kReleasePolicyDefined:
      return event.mutable_release_policy_defined()->mutable_said_by();
    default:
      return nullptr;
  }
}

std::vector<Rejection> warnings(const v1::Event& event) {
  std::vector<Rejection> found;
  if (event.fact_case() == v1::Event::kQualificationDefined) {
    const std::string& text = event.qualification_defined().qualification();
    auto id = parse_qualification(text);
    if (id && !qualification_check_holds(*id))
      found.push_back({"qualificationDefined.qualification", "qualification-check-digit", text,
                       "The check digit does not fit, as for a handful of real numbers; look the number up once more."});
  }
  if (event.fact_case() == v1::Event::kRegistered) {
    const std::string& uci = event.registered().uci();
    if (uci_is_well_formed(uci) && !uci_check_holds(uci))
      found.push_back({"registered.uci", "uci-check-letter", uci, "The check letter does not fit; look the identifier up once more."});
  }
  return found;
}

std::vector<Rejection> warnings_of(const Clash& clash, const v1::Event& event, bool holds) {
  std::vector<Rejection> found;
  if (clash.id_reused)
    found.push_back({"id", "id-reused", event.id(),
                     "Source " + event.source() +
                         " used this id before, for other content. Both are taken as facts of their own; give every "
                         "event its own id."});
  auto decided = [&](const std::string& by, const std::string& hint) {
    found.push_back({"occurredAt", "tie-decided", text_of_moment(event),
                     "Another fact about the same thing is of the same moment; " + by + " decided, and " +
                         (holds ? "this one holds. " : "the other one holds. ") + hint});
  };
  switch (clash.decided_by) {
    case DecidedBy::moment:
      break;
    case DecidedBy::stop:
      decided("the word that stops", "If that is wrong, send the other with a later time.");
      break;
    case DecidedBy::source:
      decided("the order of the sources' names", "If that is wrong, send the right fact with a later time.");
      break;
    case DecidedBy::sequence:
      decided("the sequence number", "If that is wrong, number the events in the order in which they came to hold.");
      break;
    case DecidedBy::id:
      decided("the order of the ids", "Give sequence, or times of more precision, if ids do not follow the order in which facts came to hold.");
      break;
    case DecidedBy::content:
      decided("a fixed order of their contents", "Give every event its own id, and sequence or times of more precision.");
      break;
  }
  return found;
}

}  // namespace vtq
