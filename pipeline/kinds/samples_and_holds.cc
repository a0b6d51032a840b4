// Quality assurance of one cohort: samples and moderation, and holds.
#include <algorithm>
#include <tuple>

#include "pipeline/facts/centre.h"
#include "pipeline/kinds/form.h"
#include "pipeline/kinds/slots.h"
#include "pipeline/kinds/table.h"

namespace vtq {
namespace {

CentreChange apply_sample(CentreFacts& facts, const v1::Event& event, const Address& address, const Stamp& stamp) {
  const auto& fact = event.sample_decided();
  Sample made{.qualification = *address.qualification,
              .series = *address.series,
              .learner = fact.learner(),
              .stamp = stamp,
              .by = saying_of(event),
              .status = fact.status(),
              .due = parse_date(fact.due_on()).value_or(0),
              .responded = parse_date(fact.responded_on()).value_or(0)};
  CentreChange change{.qualification = made.qualification, .series = made.series, .learner = made.learner};
  for (Sample& held : facts.samples) {
    if (held.qualification != made.qualification || held.series != made.series || held.learner != made.learner) continue;
    // The last word of whatever status: by moment, then as facts of one moment go.
    auto said = compare(held.by.said(), made.by.said()).order;
    bool later = held.stamp.moment() != made.stamp.moment() ? held.stamp.before(made.stamp) : said != 0 ? said < 0 : held.stamp.tie < made.stamp.tie;
    if (later) held = made;
    return change;
  }
  auto before = [](const Sample& a, const Sample& b) {
    return std::tie(a.qualification, a.series, a.learner) < std::tie(b.qualification, b.series, b.learner);
  };
  facts.samples.insert(std::upper_bound(facts.samples.begin(), facts.samples.end(), made, before), made);
  return change;
}

/// The hold that an awarding organisation means by a name.
Hold& hold_named(CentreFacts& facts, AwardingOrganisationId ao, const std::string& name) {
  // By name: what is said of several must not hang on which came first.
  auto at = std::find_if(facts.holds.begin(), facts.holds.end(),
                         [&](const Hold& hold) { return std::tie(hold.name, hold.awarding_organisation) >= std::tie(name, ao); });
  if (at != facts.holds.end() && at->name == name && at->awarding_organisation == ao) return *at;
  return *facts.holds.insert(at, {.awarding_organisation = ao, .name = name});
}

/// What is said of a hold takes its place among the words of it, whatever order they come in.
CentreChange apply_word(CentreFacts& facts, const std::string& hold, const Address& address, Hold::Word word) {
  auto& words = hold_named(facts, *address.awarding_organisation, hold).words;
  auto of_moment = std::find_if(words.begin(), words.end(),
                                [&](const Hold::Word& held) { return held.lifts == word.lifts && held.stamp.moment() == word.stamp.moment(); });
  if (of_moment != words.end()) {
    // A store of before may have it under another name of slot.
    if (compare(word.by.said(), of_moment->by.said()).order < 0) return {};
    words.erase(of_moment);
  }
  auto before = [](const Hold::Word& a, const Hold::Word& b) { return a.before(b); };
  words.insert(std::upper_bound(words.begin(), words.end(), word, before), word);
  // Placed anew it may cover others than before: all are looked at.
  return {};
}

CentreChange apply_placed(CentreFacts& facts, const v1::Event& event, const Address& address, const Stamp& stamp) {
  const auto& fact = event.hold_placed();
  return apply_word(facts, fact.hold(), address,
                    {.stamp = stamp,
                     .by = saying_of(event),
                     .qualification = address.qualification,
                     .series = address.series,
                     .learner = fact.learner(),
                     .cause = fact.cause()});
}

CentreChange apply_lifted(CentreFacts& facts, const v1::Event& event, const Address& address, const Stamp& stamp) {
  return apply_word(facts, event.hold_lifted().hold(), address, {.stamp = stamp, .by = saying_of(event), .lifts = true});
}

/// Each word stays: one that is said again does not take away what the one before it did.
template <class Fact>
std::string slot_of_word(const char* kind, const Fact& fact, const v1::Event& event) {
  return slot({kind, fact.awarding_organisation(), fact.hold(), text_of_moment(event)});
}

}  // namespace

constinit const FactKind kinds::sample_decided{
    .fact = v1::Event::kSampleDecided,
    .topic = Topic::assurance,
    .subject = Subject::centre,
    .check =
        [](Form& form, const v1::Event& event) {
          const auto& fact = event.sample_decided();
          form.centre("centre", fact.centre());
          form.qualification("qualification", fact.qualification());
          form.series("series", fact.series());
          if (!fact.learner().empty() && !learner_is_well_formed(fact.learner()))
            form.fail(form.path("learner"), "learner-form", fact.learner(),
                      "Give the learner's registration number, or leave it empty for the cohort.");
          form.chosen("status", fact.status(), v1::SampleDecided::Status_IsValid(fact.status()));
          form.optional_date("dueOn", fact.due_on());
          form.optional_date("respondedOn", fact.responded_on());
        },
    .slot =
        [](const v1::Event& event) {
          const auto& fact = event.sample_decided();
          // The last word of each status stays: whose part a late result is hangs on where the sample was when the deadline passed.
          return slot({"sample", canonical(fact.qualification()), fact.series(), fact.learner(), v1::SampleDecided::Status_Name(fact.status())});
        },
    .apply = [](CentreFacts& facts, const v1::Event& event, const Address& address,
                const Stamp& stamp) { return apply_sample(facts, event, address, stamp); },
};

constinit const FactKind kinds::hold_placed{
    .fact = v1::Event::kHoldPlaced,
    .topic = Topic::assurance,
    .subject = Subject::centre,
    .check =
        [](Form& form, const v1::Event& event) {
          const auto& fact = event.hold_placed();
          form.centre("centre", fact.centre());
          form.named("hold", "hold-form", fact.hold(), "hold");
          form.awarding_organisation("awardingOrganisation", fact.awarding_organisation());
          form.optional_qualification("qualification", fact.qualification());
          if (!fact.series().empty()) form.series("series", fact.series());
          if (!fact.learner().empty() && !learner_is_well_formed(fact.learner()))
            form.fail(form.path("learner"), "learner-form", fact.learner(), "Give the learner's registration number, or leave it empty.");
          form.chosen("cause", fact.cause(), v1::HoldPlaced::Cause_IsValid(fact.cause()));
        },
    .slot = [](const v1::Event& event) { return slot_of_word("hold-placed", event.hold_placed(), event); },
    .apply = apply_placed,
    .stops = [](const v1::Event&) { return true; },
    .act = [](const v1::Event&) -> std::string_view { return "hold-placed"; },
};

constinit const FactKind kinds::hold_lifted{
    .fact = v1::Event::kHoldLifted,
    .topic = Topic::assurance,
    .subject = Subject::centre,
    .check =
        [](Form& form, const v1::Event& event) {
          const auto& fact = event.hold_lifted();
          form.centre("centre", fact.centre());
          form.awarding_organisation("awardingOrganisation", fact.awarding_organisation());
          form.named("hold", "hold-form", fact.hold(), "hold");
        },
    .slot = [](const v1::Event& event) { return slot_of_word("hold-lifted", event.hold_lifted(), event); },
    .apply = apply_lifted,
    .lets_go = [](const v1::Event&) { return true; },
    .act = [](const v1::Event&) -> std::string_view { return "hold-lifted"; },
};

}  // namespace vtq
