#include "pipeline/facts/merge.h"

#include <algorithm>
#include <tuple>

#include "pipeline/facts/scrutiny_facts.h"
#include "pipeline/facts/told_again.h"

namespace vtq {
namespace {

/// A fact on its way into the slots of an entry.
class Coming {
 public:
  Coming(EntryFacts& facts, const v1::Event& event, const Stamp& of_event, Clash* clash)
      : stamp(of_event), facts_(facts), said_(said_by(event)), clash_(clash), look_(facts.said.look(of_event.tie, said_)) {
    if (clash_) clash_->id_reused = look_.otherwise;
  }
  Coming(const Coming&) = delete;
  Coming& operator=(const Coming&) = delete;

  /// Keeps who said what holds now; who said what holds no slot any more is forgotten.
  void keep_sayings() {
    if (taken_) facts_.said.add(look_, stamp.tie, said_);
    for (const Stamp& one : replaced_) {
      bool holds = false;
      facts_.each_stamp([&](const Stamp& held) { holds = holds || held.tie == one.tie; });
      if (!holds) facts_.said.remove(one.tie);
    }
  }

  /// Takes the slot over when the fact is later than what it holds.
  Merged take(Stamp& slot) {
    if (slot == stamp) return Merged::duplicate;
    if (slot.set() && !later_than(slot)) return Merged::superseded;
    if (slot.set()) replaced_.push_back(slot);
    slot = stamp;
    taken_ = true;
    return Merged::applied;
  }

  /// The same; at one moment the fact that stops goes before one that does not.
  Merged take(Stamp& slot, bool stops) {
    if (!slot.set() || slot.moment() != stamp.moment()) return take(slot);
    if (clash_) clash_->decided_by = DecidedBy::stop;
    if (!stops) return Merged::superseded;
    replaced_.push_back(std::exchange(slot, Stamp{}));
    return take(slot);
  }

  const Stamp stamp;

 private:
  bool later_than(const Stamp& held) {
    if (held.moment() != stamp.moment()) return held.before(stamp);
    std::optional<Saying> before = facts_.said.find(held.tie);
    Order order = before ? compare(said_, before->said()) : Order{};
    if (clash_) clash_->decided_by = order.by;
    return order.order != 0 ? order.order > 0 : stamp.tie > held.tie;
  }

  EntryFacts& facts_;
  Said said_;
  Clash* clash_;
  const Sayings::Look look_;
  std::vector<Stamp> replaced_;
  bool taken_ = false;
};

/// Particulars are shared and never changed: a changed copy takes their place.
template <class Change>
void change_particulars(EntryFacts& facts, Change change) {
  auto changed = facts.particulars ? std::make_shared<Particulars>(*facts.particulars) : std::make_shared<Particulars>();
  change(*changed);
  facts.particulars = *changed == Particulars{} ? nullptr : std::move(changed);
}

Merged merge_unit(EntryFacts& facts, UnitFact fact, Coming& coming) {
  Merged merged = Merged::applied;
  for (UnitFact& held : facts.units) {
    if (held.unit != fact.unit || held.learning_outcome != fact.learning_outcome) continue;
    merged = coming.take(held.stamp);
    fact.stamp = held.stamp;
    if (merged == Merged::applied) held = fact;
    return merged;
  }
  coming.take(fact.stamp);
  // Kept sorted, so that the same facts make the same state whatever order they came in.
  auto before = [](const UnitFact& a, const UnitFact& b) { return std::tie(a.unit, a.learning_outcome) < std::tie(b.unit, b.learning_outcome); };
  // Grown by few at a time: there are many entries, and a qualification has few units.
  if (facts.units.size() == facts.units.capacity()) facts.units.reserve(facts.units.size() + 3);
  facts.units.insert(std::upper_bound(facts.units.begin(), facts.units.end(), fact, before), fact);
  return Merged::applied;
}

/// Who assessed a unit or outcome last. True when something changed.
bool merge_assessed(EntryFacts& facts, const v1::OutcomeRecorded& fact, Coming& coming) {
  bool applied = false;
  change_particulars(facts, [&](Particulars& particulars) {
    for (const auto& outcome : fact.outcomes()) {
      Assessed made{.unit = short_hash(outcome.unit()), .method = fact.method(), .stamp = {}, .assessor = fact.assessor()};
      if (!outcome.learning_outcome().empty()) made.learning_outcome = short_hash(outcome.learning_outcome());
      auto place = [](const Assessed& one) { return std::pair(one.unit, one.learning_outcome); };
      auto at = std::lower_bound(particulars.assessed.begin(), particulars.assessed.end(), made,
                                 [&](const Assessed& held, const Assessed& wanted) { return place(held) < place(wanted); });
      bool held = at != particulars.assessed.end() && place(*at) == place(made);
      if (held) made.stamp = at->stamp;
      if (coming.take(made.stamp) != Merged::applied) continue;
      if (held)
        *at = std::move(made);
      else
        particulars.assessed.insert(at, std::move(made));
      applied = true;
    }
  });
  return applied;
}

Merged merge_outcomes(EntryFacts& facts, const v1::OutcomeRecorded& fact, Coming& coming) {
  bool applied = false;
  bool duplicate = true;
  for (const auto& outcome : fact.outcomes()) {
    UnitFact unit{.unit = short_hash(outcome.unit())};
    if (!outcome.learning_outcome().empty()) unit.learning_outcome = short_hash(outcome.learning_outcome());
    if (!outcome.grade().empty()) unit.grade = short_hash(outcome.grade());
    if (outcome.has_mark()) unit.mark_plus_one = (outcome.mark() + 1) & 0xffffff;
    unit.standing = outcome.standing() == v1::Outcome::ACHIEVED ? UnitFact::Standing::achieved : UnitFact::Standing::not_yet_achieved;
    Merged merged = merge_unit(facts, unit, coming);
    applied |= merged == Merged::applied;
    duplicate &= merged == Merged::duplicate;
  }
  if (!fact.assessor().empty() || fact.method() != v1::ASSESSMENT_METHOD_UNSPECIFIED) applied |= merge_assessed(facts, fact, coming);
  return applied ? Merged::applied : duplicate ? Merged::duplicate : Merged::superseded;
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

Merged merge_answer(EntryFacts& facts, const v1::CheckpointAnswered& fact, Coming& coming) {
  Merged merged = coming.take(facts.answered);
  if (merged != Merged::applied) return merged;
  facts.answer = fact.answer();
  facts.route = fact.route();
  facts.estimated_completion = parse_date(fact.estimated_completion()).value_or(0);
  facts.predicted_grade = Word(fact.predicted_grade().value());
  return merged;
}

/// At one moment a revocation goes before any other word about the result.
Merged merge_result(EntryFacts& facts, ResultKind kind, const v1::Grade& grade, Coming& coming) {
  bool stops = kind == ResultKind::revoked, stopped = facts.result_kind == ResultKind::revoked;
  Merged merged = stops == stopped ? coming.take(facts.result) : coming.take(facts.result, stops);
  if (merged != Merged::applied) return merged;
  facts.result_kind = kind;
  facts.result_scale = Word(grade.scale());
  facts.result_grade = Word(grade.value());
  return merged;
}

Merged merge_claim(EntryFacts& facts, bool claimed, const std::string& grade, Coming& coming) {
  Merged merged = coming.take(facts.claim);
  if (merged != Merged::applied) return merged;
  facts.claim_withdrawn = !claimed;
  facts.claimed_grade = Word(grade);
  return merged;
}

Merged merge_special_consideration(EntryFacts& facts, const v1::SpecialConsideration& fact, Coming& coming) {
  Merged merged = coming.take(facts.special_consideration);
  if (merged != Merged::applied) return merged;
  facts.special_consideration_status = fact.status();
  facts.special_consideration_day = fact.requested_on().empty() ? local_day(coming.stamp.at_ms) : *parse_date(fact.requested_on());
  return merged;
}

/// The hold that an awarding organisation means by a name.
Hold& hold_named(CentreFacts& facts, const std::string& awarding_organisation, const std::string& name) {
  AwardingOrganisationId ao = *parse_awarding_organisation(awarding_organisation);
  // By name: what is said of several must not hang on which came first.
  auto at = std::find_if(facts.holds.begin(), facts.holds.end(),
                         [&](const Hold& hold) { return std::tie(hold.name, hold.awarding_organisation) >= std::tie(name, ao); });
  if (at != facts.holds.end() && at->name == name && at->awarding_organisation == ao) return *at;
  return *facts.holds.insert(at, {.awarding_organisation = ao, .name = name});
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
    if (std::pair(held.stamp.moment(), held.stamp.tie) < std::pair(made.stamp.moment(), made.stamp.tie)) held = made;
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
      Hold& hold = hold_named(facts, fact.awarding_organisation(), fact.hold());
      hold.placed = stamp;
      hold.placed_by = saying_of(event);
      hold.qualification = parse_qualification(fact.qualification());
      hold.series = parse_series(fact.series());
      hold.learner = fact.learner();
      hold.cause = fact.cause();
      // Placed anew it may cover others than before: all are looked at, whatever order the placings came in.
      return {};
    }
    case v1::Event::kHoldLifted: {
      Hold& hold = hold_named(facts, event.hold_lifted().awarding_organisation(), event.hold_lifted().hold());
      hold.lifted = stamp;
      hold.lifted_by = saying_of(event);
      return {};
    }
    case v1::Event::kSampleDecided:
      return decode_sample(facts, event.sample_decided(), stamp);
    case v1::Event::kReleasePlanned: {
      const auto& fact = event.release_planned();
      CohortKey key{*parse_awarding_organisation(fact.awarding_organisation()), fact.level(), *parse_series(fact.series())};
      ReleasePlan plan{*parse_local_time(fact.first_issue_at()), (fact.every_hours() ? fact.every_hours() : 24) * kHourMs};
      std::erase_if(facts.plans, [&](const auto& held) { return held.first == key; });
      facts.plans.emplace_back(key, plan);
      return {.awarding_organisation = key.awarding_organisation, .series = key.series};
    }
    case v1::Event::kIssuingHalted: {
      const auto& fact = event.issuing_halted();
      CentreFacts::Halt halt{*parse_awarding_organisation(fact.awarding_organisation()), *parse_series(fact.series()), fact.halted()};
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

Merged merge(EntryFacts& facts, const v1::Event& event, Coming& coming) {
  switch (event.fact_case()) {
    case v1::Event::kRegistered:
      return merge_registered(facts, event.registered(), coming);
    case v1::Event::kRegistrationChanged: {
      // A change of mere details must not hide a change of course or size.
      auto change = event.registration_changed().change();
      if (change == v1::RegistrationChanged::DETAILS) return coming.take(facts.details_changed);
      Merged merged = coming.take(facts.changed);
      if (merged != Merged::applied) return merged;
      facts.change = change;
      QualificationId left = parse_qualification(event.registration_changed().from_qualification()).value_or(QualificationId{});
      if (facts.particulars || left != QualificationId{}) change_particulars(facts, [&](Particulars& particulars) { particulars.left = left; });
      return merged;
    }
    case v1::Event::kTransferred: {
      Merged merged = coming.take(facts.transferred);
      if (merged == Merged::applied) facts.to_centre = *parse_centre(event.transferred().to_centre());
      return merged;
    }
    case v1::Event::kWithdrawn:
      return coming.take(facts.withdrawn);
    case v1::Event::kCheckpointAnswered:
      return merge_answer(facts, event.checkpoint_answered(), coming);
    case v1::Event::kOutcomeRecorded:
      return merge_outcomes(facts, event.outcome_recorded(), coming);
    case v1::Event::kPriorLearningRecognised:
      return merge_unit(facts,
                        {.unit = short_hash(event.prior_learning_recognised().unit()),
                         .learning_outcome = kPriorLearning,
                         .grade = event.prior_learning_recognised().grade().empty() ? 0 : short_hash(event.prior_learning_recognised().grade()),
                         .standing = UnitFact::Standing::recognised},
                        coming);
    case v1::Event::kSpecialConsideration:
      return merge_special_consideration(facts, event.special_consideration(), coming);
    case v1::Event::kClaimSubmitted:
      return merge_claim(facts, true, event.claim_submitted().grade().value(), coming);
    case v1::Event::kClaimWithdrawn:
      return merge_claim(facts, false, {}, coming);
    case v1::Event::kResultDetermined:
      return merge_result(facts, ResultKind::determined, event.result_determined().grade(), coming);
    case v1::Event::kResultAmended:
      return merge_result(facts, ResultKind::amended, event.result_amended().grade(), coming);
    case v1::Event::kResultRevoked:
      return merge_result(facts, ResultKind::revoked, {}, coming);
    case v1::Event::kResultQueried:
      return coming.take(facts.queried);
    default:
      std::abort();  // not a fact about an entry: the router is wrong
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

void share_words(Entry& entry, const GradingScale& scale) {
  auto share = [&](Word& word) {
    if (word.empty()) return;
    auto is = [&](const Word& known) {
      if (word != known) return false;
      if (!word.is(known)) word = known;
      return true;
    };
    if (is(scale.name)) return;
    for (const GradingScale::Grade& grade : scale.grades)
      if (is(grade.value)) return;
  };
  EntryFacts& facts = entry.facts;
  for (Word* word :
       {&facts.predicted_grade, &facts.claimed_grade, &facts.result_scale, &facts.result_grade, &entry.issued.scale, &entry.issued.grade})
    share(*word);
}

bool EntryFacts::later(const Stamp& a, const Stamp& b) const {
  if (a.moment() != b.moment()) return b.before(a);
  std::optional<Saying> of_a = said.find(a.tie), of_b = said.find(b.tie);
  Order order = of_a && of_b ? compare(of_a->said(), of_b->said()) : Order{};
  return order.order != 0 ? order.order > 0 : a.tie > b.tie;
}

bool EntryFacts::left_by(const Stamp& leaving) const {
  if (!leaving.set() || leaving.moment() != registered.moment()) return registered.before(leaving);
  std::optional<Saying> going = said.find(leaving.tie), coming = said.find(registered.tie);
  return !going || !coming || !coming->said().numbered_after(going->said());
}

Merged merge(EntryFacts& facts, const v1::Event& event, const Stamp& stamp, Clash* clash) {
  note_told_again(facts, event, stamp);
  Coming coming(facts, event, stamp, clash);
  Merged merged = merge(facts, event, coming);
  coming.keep_sayings();
  return merged;
}

Merged merge(CentreFacts& facts, const v1::Event& event, std::string_view bytes, const Stamp& stamp, CentreChange& change, Clash* clash) {
  auto [at, fresh] = facts.slots.try_emplace(slot_of(event));
  Merged merged = fresh ? Merged::applied : against(at->second, event, stamp, clash);
  if (merged != Merged::applied) return merged;
  at->second = {stamp, std::string(bytes)};
  change = decode(facts, event, stamp);
  return merged;
}

void restore(CentreFacts& facts, std::string_view slot, const Stamp& stamp, const v1::Event& event, std::string_view bytes) {
  facts.slots[std::string(slot)] = {stamp, std::string(bytes)};
  decode(facts, event, stamp);
}

}  // namespace vtq
