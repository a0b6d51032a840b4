// The release of results: what an awarding organisation asks of it, its plan with waves, who approves which version of it, and which check is
// overridden.
#include <algorithm>
#include <set>

#include "pipeline/facts/centre.h"
#include "pipeline/kinds/form.h"
#include "pipeline/kinds/slots.h"
#include "pipeline/kinds/table.h"

namespace vtq {
namespace {

constexpr int kWavesMax = 50, kSharesMax = 500;
constexpr std::size_t kWaveCentresMax = 5'000;

std::string place_of(const char* list, int at, const char* field) { return std::string(list) + "[" + std::to_string(at) + "]." + field; }

/// Centres that are there once each, in waves that go in their order, the rest last.
void check_waves(Form& form, const v1::ReleasePlanned& fact) {
  form.few("waves", fact.waves_size(), kWavesMax);
  if (fact.waves_size() == 0 || form.failed()) return;
  if (fact.centre() != "*")
    return form.fail(form.path("waves"), "waves-for-all", fact.centre(), "A centre's own plan has no waves; plan them for all centres, *.");
  std::set<std::string> names, centres;
  TimeMs before = 0;
  for (int at = 0; at < fact.waves_size() && !form.failed(); ++at) {
    const v1::ReleaseWave& wave = fact.waves(at);
    form.code(place_of("waves", at, "name"), wave.name(), 40);
    if (!names.insert(wave.name()).second)
      form.fail(form.path(place_of("waves", at, "name")), "waves-named", wave.name(), "Give each wave a name of its own.");
    bool last = at + 1 == fact.waves_size();
    if (last != wave.centres().empty())
      form.fail(form.path(place_of("waves", at, "centres")), "waves-rest", last ? "the last" : "not the last",
                "The last wave is the rest: it names no centres. Every other names some.");
    for (const std::string& centre : wave.centres()) {
      if (!parse_centre(centre))
        form.fail(form.path(place_of("waves", at, "centres")), "centre-form", centre, "A national centre number has exactly 5 digits.");
      if (!centres.insert(centre).second)
        form.fail(form.path(place_of("waves", at, "centres")), "waves-centre-once", centre, "The centre is in a wave already; name it once.");
    }
    if (centres.size() > kWaveCentresMax) form.fail(form.path("waves"), "list-count", std::to_string(centres.size()), "Name at most 5000 centres.");
    bool own = !wave.first_issue_at().empty();
    TimeMs goes =
        form.local_time(own ? place_of("waves", at, "firstIssueAt") : "firstIssueAt", own ? wave.first_issue_at() : fact.first_issue_at(), true);
    if (goes < before)
      form.fail(form.path(place_of("waves", at, "firstIssueAt")), "dates-in-order", wave.first_issue_at(),
                "A wave goes no earlier than the one before it.");
    before = goes;
  }
}

void check_shares(Form& form, const v1::ReleasePlanned& fact) {
  form.few("gradeShares", fact.grade_shares_size(), kSharesMax);
  for (int at = 0; at < fact.grade_shares_size() && !form.failed(); ++at) {
    const v1::GradeShare& share = fact.grade_shares(at);
    form.qualification_of(place_of("gradeShares", at, "qualification"), share.qualification());
    form.name(place_of("gradeShares", at, "grade"), share.grade(), 32);
    form.at_most_of(place_of("gradeShares", at, "percentMax"), share.percent_max(), 100);
    if (share.percent_min() > share.percent_max())
      form.fail(form.path(place_of("gradeShares", at, "percentMin")), "shares-in-order", std::to_string(share.percent_min()),
                "Give percentMin up to percentMax.");
  }
}

void check_digest(Form& form, const std::string& digest) {
  bool fits = digest.empty() || (digest.size() == 32 &&
                                 std::all_of(digest.begin(), digest.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }));
  if (!fits)
    form.fail(form.path("plan"), "plan-digest", digest,
              "Give the digest of the plan as `resultsctl release show` shows it: 32 hexadecimal digits, in small letters.");
}

CentreChange apply_release(CentreFacts& facts, const v1::Event& event, const Address& address, v1::Level level, const Stamp& stamp) {
  CohortKey key{*address.awarding_organisation, level, *address.series};
  auto held = std::find_if(facts.releases.begin(), facts.releases.end(), [&](const auto& one) { return one.first == key; });
  if (held == facts.releases.end()) held = facts.releases.insert(held, {key, {}});
  ReleaseWords& words = held->second;
  if (event.has_release_planned()) words.say(event, event.release_planned());
  if (event.has_release_approved()) words.say(event.release_approved(), stamp);
  if (event.has_release_overridden()) words.say(event.release_overridden());
  return {.awarding_organisation = key.awarding_organisation, .series = key.series};
}

void define_release(Reference& reference, const v1::Event& event, const Address& address, v1::Level level, const Stamp& stamp) {
  reference.define_release({*address.awarding_organisation, level, *address.series}, event, stamp);
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
          check_waves(form, fact);
          check_shares(form, fact);
          form.at_most("saidBy", fact.said_by(), kPersonMax);
        },
    .slot =
        [](const v1::Event& event) {
          const auto& fact = event.release_planned();
          return slot({"plan", fact.awarding_organisation(), v1::Level_Name(fact.level()), fact.series()});
        },
    .apply = [](CentreFacts& facts, const v1::Event& event, const Address& address,
                const Stamp& stamp) { return apply_release(facts, event, address, event.release_planned().level(), stamp); },
    .define = [](Reference& reference, const v1::Event& event, const Address& address,
                 const Stamp& stamp) { define_release(reference, event, address, event.release_planned().level(), stamp); },
    // What was approved of the plan before it is void.
    .stops = [](const v1::Event&) { return true; },
    .act = [](const v1::Event&) -> std::string_view { return "release-planned"; },
    // It voids approvals, and may leave out what its checks are held to.
    .vouched = [](const v1::Event&) { return true; },
};

constinit const FactKind kinds::release_approved{
    .fact = v1::Event::kReleaseApproved,
    .topic = Topic::commands,
    .subject = Subject::centre,
    .asserted_by = {AccessRole::approver, AccessRole::operations},
    .check =
        [](Form& form, const v1::Event& event) {
          const auto& fact = event.release_approved();
          form.cohort(fact.centre(), fact.awarding_organisation(), fact.series(), fact.level());
          form.name("approver", fact.approver(), 64);
          check_digest(form, fact.plan());
          form.at_most("saidBy", fact.said_by(), kPersonMax);
        },
    .slot =
        [](const v1::Event& event) {
          const auto& fact = event.release_approved();
          return slot({"release-approval", fact.awarding_organisation(), v1::Level_Name(fact.level()), fact.series(), person_of(fact), fact.plan()});
        },
    .apply = [](CentreFacts& facts, const v1::Event& event, const Address& address,
                const Stamp& stamp) { return apply_release(facts, event, address, event.release_approved().level(), stamp); },
    .define = [](Reference& reference, const v1::Event& event, const Address& address,
                 const Stamp& stamp) { define_release(reference, event, address, event.release_approved().level(), stamp); },
    .stops = [](const v1::Event& event) { return event.release_approved().withdrawn(); },
    .lets_go = [](const v1::Event& event) { return !event.release_approved().withdrawn(); },
    .act = [](const v1::Event& event) -> std::string_view {
      return event.release_approved().withdrawn() ? "approval-withdrawn" : "release-approved";
    },
    .vouched = [](const v1::Event&) { return true; },
};

constinit const FactKind kinds::release_overridden{
    .fact = v1::Event::kReleaseOverridden,
    .topic = Topic::commands,
    .subject = Subject::centre,
    .asserted_by = {AccessRole::approver},
    .check =
        [](Form& form, const v1::Event& event) {
          const auto& fact = event.release_overridden();
          form.cohort(fact.centre(), fact.awarding_organisation(), fact.series(), fact.level());
          check_digest(form, fact.plan());
          form.chosen("check", fact.check(), v1::ReleaseCheck_IsValid(fact.check()));
          if (fact.reason().empty()) form.name("reason", "", 500);
          form.at_most("reason", fact.reason(), 500);
          form.at_most("saidBy", fact.said_by(), kPersonMax);
        },
    .slot =
        [](const v1::Event& event) {
          const auto& fact = event.release_overridden();
          return slot({"release-override", fact.awarding_organisation(), v1::Level_Name(fact.level()), fact.series(),
                       v1::ReleaseCheck_Name(fact.check()), fact.plan()});
        },
    .apply = [](CentreFacts& facts, const v1::Event& event, const Address& address,
                const Stamp& stamp) { return apply_release(facts, event, address, event.release_overridden().level(), stamp); },
    .define = [](Reference& reference, const v1::Event& event, const Address& address,
                 const Stamp& stamp) { define_release(reference, event, address, event.release_overridden().level(), stamp); },
    .stops = [](const v1::Event& event) { return event.release_overridden().withdrawn(); },
    .lets_go = [](const v1::Event& event) { return !event.release_overridden().withdrawn(); },
    .act = [](const v1::Event&) -> std::string_view { return "release-overridden"; },
    .vouched = [](const v1::Event&) { return true; },
};

constinit const FactKind kinds::release_policy_defined{
    .fact = v1::Event::kReleasePolicyDefined,
    .topic = Topic::reference,
    .subject = Subject::reference,
    // Who lowers it lets go what a check stopped, which is an approver's to say.
    .asserted_by = {AccessRole::approver},
    .check =
        [](Form& form, const v1::Event& event) {
          const auto& fact = event.release_policy_defined();
          form.awarding_organisation("awardingOrganisation", fact.awarding_organisation());
          form.at_most_of("approvals", fact.approvals(), 9);
          form.at_most_of("missingPercentMax", fact.missing_percent_max(), 100);
          form.at_most_of("gradeShiftPercentMax", fact.grade_shift_percent_max(), 100);
          form.at_most_of("gradeResultsMin", fact.grade_results_min(), 100'000);
          form.at_most_of("correctionsMax", fact.corrections_max(), 100'000);
          form.at_most("saidBy", fact.said_by(), kPersonMax);
        },
    .slot =
        [](const v1::Event& event) {
          return slot({"release-policy", event.release_policy_defined().awarding_organisation()});
        },
    .define = [](Reference& reference, const v1::Event& event, const Address& address,
                 const Stamp&) { reference.define_terms(*address.awarding_organisation, event.release_policy_defined()); },
    // It may ask for more people.
    .stops = [](const v1::Event&) { return true; },
    .act = [](const v1::Event&) -> std::string_view { return "release-policy-defined"; },
    .vouched = [](const v1::Event&) { return true; },
};

}  // namespace vtq
