#include "pipeline/merge.h"

#include <algorithm>
#include <tuple>

#include "pipeline/scrutiny_facts.h"
#include "pipeline/told_again.h"

namespace vtq {
namespace {

/// Takes the slot over when `stamp` is later than what it holds.
Merged take(Stamp& slot, const Stamp& stamp) {
  if (slot == stamp) return Merged::duplicate;
  if (slot > stamp) return Merged::superseded;
  slot = stamp;
  return Merged::applied;
}

/// Particulars are shared and never changed: a changed copy takes their place.
template <class Change>
void change_particulars(EntryFacts& facts, Change change) {
  auto changed = facts.particulars ? std::make_shared<Particulars>(*facts.particulars) : std::make_shared<Particulars>();
  change(*changed);
  facts.particulars = *changed == Particulars{} ? nullptr : std::move(changed);
}

Merged merge_unit(EntryFacts& facts, UnitFact fact) {
  for (UnitFact& held : facts.units) {
    if (held.unit != fact.unit || held.learning_outcome != fact.learning_outcome) continue;
    Stamp stamp = fact.stamp;
    Merged merged = take(held.stamp, stamp);
    if (merged == Merged::applied) held = fact;
    return merged;
  }
  // Kept sorted, so that the same facts make the same state whatever order they came in.
  auto before = [](const UnitFact& a, const UnitFact& b) {
    return std::tie(a.unit, a.learning_outcome) < std::tie(b.unit, b.learning_outcome);
  };
  // Grown by few at a time: there are many entries, and a qualification has few units.
  if (facts.units.size() == facts.units.capacity()) facts.units.reserve(facts.units.size() + 3);
  facts.units.insert(std::upper_bound(facts.units.begin(), facts.units.end(), fact, before), fact);
  return Merged::applied;
}

/// Who assessed a unit or outcome last. True when something changed.
bool merge_assessed(EntryFacts& facts, const v1::OutcomeRecorded& fact, const Stamp& stamp) {
  bool applied = false;
  change_particulars(facts, [&](Particulars& particulars) {
    for (const auto& outcome : fact.outcomes()) {
      Assessed made{.unit = short_hash(outcome.unit()), .method = fact.method(), .stamp = stamp, .assessor = fact.assessor()};
      if (!outcome.learning_outcome().empty()) made.learning_outcome = short_hash(outcome.learning_outcome());
      auto place = [](const Assessed& one) { return std::pair(one.unit, one.learning_outcome); };
      auto at = std::lower_bound(particulars.assessed.begin(), particulars.assessed.end(), made,
                                 [&](const Assessed& held, const Assessed& wanted) { return place(held) < place(wanted); });
      if (at == particulars.assessed.end() || place(*at) != place(made)) {
        particulars.assessed.insert(at, std::move(made));
      } else if (at->stamp < stamp) {
        *at = std::move(made);
      } else {
        continue;
      }
      applied = true;
    }
  });
  return applied;
}

Merged merge_outcomes(EntryFacts& facts, const v1::OutcomeRecorded& fact, const Stamp& stamp) {
  bool applied = false;
  bool duplicate = true;
  for (const auto& outcome : fact.outcomes()) {
    UnitFact unit{.unit = short_hash(outcome.unit()), .stamp = stamp};
    if (!outcome.learning_outcome().empty()) unit.learning_outcome = short_hash(outcome.learning_outcome());
    if (!outcome.grade().empty()) unit.grade = short_hash(outcome.grade());
    if (outcome.has_mark()) unit.mark_plus_one = (outcome.mark() + 1) & 0xffffff;
    unit.standing = outcome.standing() == v1::Outcome::ACHIEVED ? UnitFact::Standing::achieved
                                                                 : UnitFact::Standing::not_yet_achieved;
    Merged merged = merge_unit(facts, unit);
    applied |= merged == Merged::applied;
    duplicate &= merged == Merged::duplicate;
  }
  if (!fact.assessor().empty() || fact.method() != v1::ASSESSMENT_METHOD_UNSPECIFIED) applied |= merge_assessed(facts, fact, stamp);
  return applied ? Merged::applied : duplicate ? Merged::duplicate : Merged::superseded;
}

Merged merge_registered(EntryFacts& facts, const v1::Registered& fact, const Stamp& stamp) {
  bool earliest = facts.first_registered_ms == 0 || stamp.at_ms < facts.first_registered_ms;
  if (earliest) facts.first_registered_ms = stamp.at_ms;
  Merged merged = take(facts.registered, stamp);
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

Merged merge_answer(EntryFacts& facts, const v1::CheckpointAnswered& fact, const Stamp& stamp) {
  Merged merged = take(facts.answered, stamp);
  if (merged != Merged::applied) return merged;
  facts.answer = fact.answer();
  facts.route = fact.route();
  facts.estimated_completion = parse_date(fact.estimated_completion()).value_or(0);
  facts.predicted_grade = Word(fact.predicted_grade().value());
  return merged;
}

/// At one moment a revocation goes before any other word about the result.
Merged merge_result(EntryFacts& facts, ResultKind kind, const v1::Grade& grade, const Stamp& stamp) {
  bool stops = kind == ResultKind::revoked, stopped = facts.result_kind == ResultKind::revoked;
  bool one_moment = facts.result.set() && facts.result.at_ms == stamp.at_ms && stops != stopped;
  if (one_moment && stopped) return Merged::superseded;
  if (one_moment) facts.result = {};
  Merged merged = take(facts.result, stamp);
  if (merged != Merged::applied) return merged;
  facts.result_kind = kind;
  facts.result_scale = Word(grade.scale());
  facts.result_grade = Word(grade.value());
  return merged;
}

Merged merge_claim(EntryFacts& facts, bool claimed, const std::string& grade, const Stamp& stamp) {
  Merged merged = take(facts.claim, stamp);
  if (merged != Merged::applied) return merged;
  facts.claim_withdrawn = !claimed;
  facts.claimed_grade = Word(grade);
  return merged;
}

Merged merge_special_consideration(EntryFacts& facts, const v1::SpecialConsideration& fact, const Stamp& stamp) {
  Merged merged = take(facts.special_consideration, stamp);
  if (merged != Merged::applied) return merged;
  facts.special_consideration_status = fact.status();
  facts.special_consideration_day =
      fact.requested_on().empty() ? local_day(stamp.at_ms) : *parse_date(fact.requested_on());
  return merged;
}

Hold& hold_named(CentreFacts& facts, const std::string& name) {
  for (Hold& hold : facts.holds)
    if (hold.name == name) return hold;
  // By name: what is said of several must not hang on which came first.
  auto at = std::find_if(facts.holds.begin(), facts.holds.end(), [&](const Hold& hold) { return hold.name > name; });
  return *facts.holds.insert(at, {.name = name});
}

CentreChange decode_sample(CentreFacts& facts, const v1::SampleDecided& fact, const Stamp& stamp) {
  Sample made{.qualification = *parse_qualification(fact.qualification()),
              .series = *parse_series(fact.series()),
              .learner = fact.learner(),
              .stamp = stamp,
              .status = fact.status(),
              .due = parse_date(fact.due_on()).value_or(0),
              .responded = parse_date(fact.responded_on()).value_or(0)};
  CentreChange change{.qualification = made.qualification, .series = made.series, .learner = made.learner};
  for (Sample& held : facts.samples) {
    if (held.qualification != made.qualification || held.series != made.series || held.learner != made.learner) continue;
    if (held.stamp < made.stamp) held = made;
    return change;
  }
  auto before = [](const Sample& a, const Sample& b) {
    return std::tie(a.qualification, a.series, a.learner) < std::tie(b.qualification, b.series, b.learner);
  };
  facts.samples.insert(std::upper_bound(facts.samples.begin(), facts.samples.end(), made, before), made);
  return change;
}

/// Brings the decoded side of `facts` up to date with a slot just taken over.
CentreChange decode(CentreFacts& facts, const v1::Event& event, const Stamp& stamp) {
  switch (event.fact_case()) {
    case v1::Event::kHoldPlaced: {
      const auto& fact = event.hold_placed();
      Hold& hold = hold_named(facts, fact.hold());
      hold.placed = stamp;
      hold.awarding_organisation = *parse_awarding_organisation(fact.awarding_organisation());
      hold.qualification = parse_qualification(fact.qualification());
      hold.series = parse_series(fact.series());
      hold.learner = fact.learner();
      hold.cause = fact.cause();
      // Placed anew it may cover others than before: all are looked at, whatever order the placings came in.
      return {};
    }
    case v1::Event::kHoldLifted: {
      hold_named(facts, event.hold_lifted().hold()).lifted = stamp;
      return {};
    }
    case v1::Event::kSampleDecided:
      return decode_sample(facts, event.sample_decided(), stamp);
    case v1::Event::kReleasePlanned: {
      const auto& fact = event.release_planned();
      CohortKey key{*parse_awarding_organisation(fact.awarding_organisation()), fact.level(),
                    *parse_series(fact.series())};
      ReleasePlan plan{*parse_local_time(fact.first_issue_at()), (fact.every_hours() ? fact.every_hours() : 24) * kHourMs};
      std::erase_if(facts.plans, [&](const auto& held) { return held.first == key; });
      facts.plans.emplace_back(key, plan);
      return {.awarding_organisation = key.awarding_organisation, .series = key.series};
    }
    case v1::Event::kIssuingHalted: {
      const auto& fact = event.issuing_halted();
      CentreFacts::Halt halt{*parse_awarding_organisation(fact.awarding_organisation()), *parse_series(fact.series()),
                             fact.halted()};
      std::erase_if(facts.halts, [&](const CentreFacts::Halt& held) {
        return held.awarding_organisation == halt.awarding_organisation && held.series == halt.series;
      });
      facts.halts.push_back(halt);
      return {.awarding_organisation = halt.awarding_organisation, .series = halt.series};
    }
    case v1::Event::kMitigationOptedOut:
    case v1::Event::kMitigationApplied:
    case v1::Event::kMitigationReviewed: {
      MitigationScope scope = take_mitigation(facts.mitigations, event, stamp);
      // An opt-out also decides whether learners may have moved from this qualification to a smaller one.
      if (event.has_mitigation_opted_out()) return {.series = scope.series, .learner = scope.learner};
      return {.qualification = scope.qualification, .series = scope.series, .learner = scope.learner};
    }
    default:
      // What entries these touch is found when the centre's scrutiny is worked out anew.
      take_scrutiny(facts.scrutiny, event, stamp);
      return {.none = true};
  }
}

}  // namespace

const ReleasePlan* CentreFacts::release_plan(const CohortKey& key) const {
  for (const auto& [cohort, plan] : plans)
    if (cohort == key) return &plan;
  return nullptr;
}

std::optional<bool> CentreFacts::halted(AwardingOrganisationId awarding_organisation, SeriesId series) const {
  for (const Halt& halt : halts)
    if (halt.awarding_organisation == awarding_organisation && halt.series == series) return halt.halted;
  return std::nullopt;
}

Stamp stamp_of(const v1::Event& event, std::string_view bytes) {
  const auto& at = event.occurred_at();
  return {at.seconds() * 1000 + at.nanos() / 1'000'000, static_cast<std::uint32_t>(long_hash(bytes))};
}

Merged merge(EntryFacts& facts, const v1::Event& event, const Stamp& stamp) {
  note_told_again(facts, event, stamp);
  switch (event.fact_case()) {
    case v1::Event::kRegistered:
      return merge_registered(facts, event.registered(), stamp);
    case v1::Event::kRegistrationChanged: {
      // A change of mere details must not hide a change of course or size.
      auto change = event.registration_changed().change();
      if (change == v1::RegistrationChanged::DETAILS) return take(facts.details_changed, stamp);
      Merged merged = take(facts.changed, stamp);
      if (merged != Merged::applied) return merged;
      facts.change = change;
      QualificationId left = parse_qualification(event.registration_changed().from_qualification()).value_or(QualificationId{});
      if (facts.particulars || left != QualificationId{})
        change_particulars(facts, [&](Particulars& particulars) { particulars.left = left; });
      return merged;
    }
    case v1::Event::kTransferred: {
      Merged merged = take(facts.transferred, stamp);
      if (merged == Merged::applied) facts.to_centre = *parse_centre(event.transferred().to_centre());
      return merged;
    }
    case v1::Event::kWithdrawn:
      return take(facts.withdrawn, stamp);
    case v1::Event::kCheckpointAnswered:
      return merge_answer(facts, event.checkpoint_answered(), stamp);
    case v1::Event::kOutcomeRecorded:
      return merge_outcomes(facts, event.outcome_recorded(), stamp);
    case v1::Event::kPriorLearningRecognised:
      return merge_unit(facts, {.unit = short_hash(event.prior_learning_recognised().unit()),
                                .learning_outcome = kPriorLearning,
                                .stamp = stamp,
                                .grade = event.prior_learning_recognised().grade().empty()
                                             ? 0
                                             : short_hash(event.prior_learning_recognised().grade()),
                                .standing = UnitFact::Standing::recognised});
    case v1::Event::kSpecialConsideration:
      return merge_special_consideration(facts, event.special_consideration(), stamp);
    case v1::Event::kClaimSubmitted:
      return merge_claim(facts, true, event.claim_submitted().grade().value(), stamp);
    case v1::Event::kClaimWithdrawn:
      return merge_claim(facts, false, {}, stamp);
    case v1::Event::kResultDetermined:
      return merge_result(facts, ResultKind::determined, event.result_determined().grade(), stamp);
    case v1::Event::kResultAmended:
      return merge_result(facts, ResultKind::amended, event.result_amended().grade(), stamp);
    case v1::Event::kResultRevoked:
      return merge_result(facts, ResultKind::revoked, {}, stamp);
    case v1::Event::kResultQueried:
      return take(facts.queried, stamp);
    default:
      std::abort();  // not a fact about an entry: the router is wrong
  }
}

Merged merge(CentreFacts& facts, const v1::Event& event, std::string_view bytes, const Stamp& stamp, CentreChange& change) {
  auto [at, fresh] = facts.slots.try_emplace(slot_of(event));
  if (!fresh && goes_before(event, stamp, at->second)) at->second.stamp = {};
  if (!fresh && stands_before(at->second, event, stamp)) return Merged::superseded;
  Merged merged = fresh ? Merged::applied : take(at->second.stamp, stamp);
  if (merged != Merged::applied) return merged;
  at->second = {stamp, std::string(bytes)};
  change = decode(facts, event, stamp);
  return merged;
}

void restore(CentreFacts& facts, std::string_view slot, const Stamp& stamp, std::string_view bytes) {
  v1::Event event;
  if (!event.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) std::abort();
  facts.slots[std::string(slot)] = {stamp, std::string(bytes)};
  decode(facts, event, stamp);
}

}  // namespace vtq
