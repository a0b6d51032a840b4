// Assessment: what a learner has achieved of the units, or is recognised for, and what is asked to be considered.
#include <algorithm>
#include <tuple>

#include "pipeline/facts/coming.h"
#include "pipeline/facts/told_again.h"
#include "pipeline/kinds/fits.h"
#include "pipeline/kinds/form.h"
#include "pipeline/kinds/table.h"

namespace vtq {
namespace {

void check_outcomes(Form& form, const v1::OutcomeRecorded& fact) {
  form.entry(fact.entry());
  if (fact.outcomes().empty() || fact.outcomes_size() > kOutcomesMax)
    return form.fail(form.path("outcomes"), "outcomes-count", std::to_string(fact.outcomes_size()),
                     "Record 1 to " + std::to_string(kOutcomesMax) + " outcomes in one event.");
  form.optional_code("assessor", fact.assessor(), 40);
  if (!v1::AssessmentMethod_IsValid(fact.method())) form.chosen("method", fact.method(), false);
  for (int at = 0; at < fact.outcomes_size(); ++at) {
    const auto& outcome = fact.outcomes(at);
    auto field = [&](const char* member) { return "outcomes[" + std::to_string(at) + "]." + member; };
    if (outcome.unit().empty() || outcome.unit().size() > 20) form.name(field("unit"), outcome.unit(), 20);
    if (outcome.learning_outcome().size() > 20) form.at_most(field("learningOutcome"), outcome.learning_outcome(), 20);
    if (outcome.grade().size() > 32) form.at_most(field("grade"), outcome.grade(), 32);
    if (outcome.standing() == 0 || !v1::Outcome::Standing_IsValid(outcome.standing())) form.chosen(field("standing"), outcome.standing(), false);
    if (outcome.mark() > 100'000) form.fail(form.path(field("mark")), "mark-range", std::to_string(outcome.mark()), "Marks run from 0 to 100,000.");
    for (int other = 0; other < at; ++other)
      if (fact.outcomes(other).unit() == outcome.unit() && fact.outcomes(other).learning_outcome() == outcome.learning_outcome())
        form.fail(form.path(field("unit")), "outcome-once", outcome.unit(), "Record each unit or learning outcome once in an event.");
    if (form.failed()) return;
  }
}

std::optional<Rejection> outcomes_fit(const v1::Event& event, const Qualification& qualification, const Reference& reference) {
  for (int at = 0; at < event.outcome_recorded().outcomes_size(); ++at) {
    const auto& outcome = event.outcome_recorded().outcomes(at);
    const UnitRule* unit = qualification.unit(short_hash(outcome.unit()));
    bool known_grade = outcome.grade().empty() || (unit && unit->scale && unit->scale->has(short_hash(outcome.grade())));
    bool known_outcome =
        outcome.learning_outcome().empty() || !unit || unit->outcomes.empty() || unit->has_outcome(short_hash(outcome.learning_outcome()));
    if (unit && known_grade && known_outcome) continue;
    std::string field = "outcomes[" + std::to_string(at) + "]";
    if (!unit) return unit_fits(event, field + ".unit", outcome.unit(), qualification);
    if (!known_outcome)
      return Rejection{fact_name(event) + "." + field + ".learningOutcome", "outcome-of-unit", cut_value(outcome.learning_outcome()),
                       "Unit " + unit->code + " has no such learning outcome; correct the code, or send the qualification anew."};
    return grade_fits(event, field + ".grade", unit->grading_scale, outcome.grade(), unit->grading_scale, reference);
  }
  return std::nullopt;
}

std::optional<Rejection> prior_learning_fits(const v1::Event& event, const Qualification& qualification, const Reference& reference) {
  const auto& fact = event.prior_learning_recognised();
  if (auto unfit = unit_fits(event, "unit", fact.unit(), qualification)) return unfit;
  if (fact.grade().empty()) return std::nullopt;
  const std::string& scale = qualification.unit(short_hash(fact.unit()))->grading_scale;
  return grade_fits(event, "grade", scale, fact.grade(), scale, reference);
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

UnitFact unit_of(const v1::Outcome& outcome) {
  UnitFact unit{.unit = short_hash(outcome.unit())};
  if (!outcome.learning_outcome().empty()) unit.learning_outcome = short_hash(outcome.learning_outcome());
  if (!outcome.grade().empty()) unit.grade = short_hash(outcome.grade());
  if (outcome.has_mark()) unit.mark_plus_one = (outcome.mark() + 1) & 0xffffff;
  unit.standing = outcome.standing() == v1::Outcome::ACHIEVED ? UnitFact::Standing::achieved : UnitFact::Standing::not_yet_achieved;
  return unit;
}

Merged merge_outcomes(EntryFacts& facts, const v1::OutcomeRecorded& fact, Coming& coming) {
  bool applied = false;
  bool duplicate = true;
  for (const auto& outcome : fact.outcomes()) {
    UnitFact unit = unit_of(outcome);
    note_unit(facts, unit, fact.assessor(), coming.stamp);
    Merged merged = merge_unit(facts, unit, coming);
    applied |= merged == Merged::applied;
    duplicate &= merged == Merged::duplicate;
  }
  if (!fact.assessor().empty() || fact.method() != v1::ASSESSMENT_METHOD_UNSPECIFIED) applied |= merge_assessed(facts, fact, coming);
  return applied ? Merged::applied : duplicate ? Merged::duplicate : Merged::superseded;
}

UnitFact recognised(const v1::PriorLearningRecognised& fact) {
  return {.unit = short_hash(fact.unit()),
          .learning_outcome = kPriorLearning,
          .grade = fact.grade().empty() ? 0 : short_hash(fact.grade()),
          .standing = UnitFact::Standing::recognised};
}

}  // namespace

constinit const FactKind kinds::outcome_recorded{
    .fact = v1::Event::kOutcomeRecorded,
    .topic = Topic::assessments,
    .subject = Subject::entry,
    .check = [](Form& form, const v1::Event& event) { check_outcomes(form, event.outcome_recorded()); },
    .fits = outcomes_fit,
    .merge = [](EntryFacts& facts, const v1::Event& event, Coming& coming) { return merge_outcomes(facts, event.outcome_recorded(), coming); },
};

constinit const FactKind kinds::prior_learning_recognised{
    .fact = v1::Event::kPriorLearningRecognised,
    .topic = Topic::assessments,
    .subject = Subject::entry,
    .check =
        [](Form& form, const v1::Event& event) {
          const auto& fact = event.prior_learning_recognised();
          form.entry(fact.entry());
          form.name("unit", fact.unit(), 20);
          form.at_most("grade", fact.grade(), 32);
          form.chosen("kind", fact.kind(), v1::PriorLearningRecognised::Kind_IsValid(fact.kind()));
        },
    .fits = prior_learning_fits,
    .merge =
        [](EntryFacts& facts, const v1::Event& event, Coming& coming) {
          UnitFact unit = recognised(event.prior_learning_recognised());
          note_unit(facts, unit, {}, coming.stamp);
          return merge_unit(facts, unit, coming);
        },
};

constinit const FactKind kinds::special_consideration{
    .fact = v1::Event::kSpecialConsideration,
    .topic = Topic::assessments,
    .subject = Subject::entry,
    .check =
        [](Form& form, const v1::Event& event) {
          const auto& fact = event.special_consideration();
          form.entry(fact.entry());
          form.optional_date("requestedOn", fact.requested_on());
          form.chosen("status", fact.status(), v1::SpecialConsideration::Status_IsValid(fact.status()));
        },
    .merge =
        [](EntryFacts& facts, const v1::Event& event, Coming& coming) {
          const auto& fact = event.special_consideration();
          Merged merged = coming.take(facts.special_consideration);
          if (merged != Merged::applied) return merged;
          facts.special_consideration_status = fact.status();
          facts.special_consideration_day = fact.requested_on().empty() ? local_day(coming.stamp.at_ms) : *parse_date(fact.requested_on());
          return merged;
        },
};

}  // namespace vtq
