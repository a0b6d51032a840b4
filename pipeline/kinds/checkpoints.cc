// The checkpoint: centres say who needs a result in August, and that they have said it of all.
#include "pipeline/facts/coming.h"
#include "pipeline/kinds/fits.h"
#include "pipeline/kinds/form.h"
#include "pipeline/kinds/slots.h"
#include "pipeline/kinds/table.h"

namespace vtq {

constinit const FactKind kinds::checkpoint_answered{
    .fact = v1::Event::kCheckpointAnswered,
    .topic = Topic::checkpoints,
    .subject = Subject::entry,
    .asserted_by = {AccessRole::publisher, AccessRole::centre},
    .check =
        [](Form& form, const v1::Event& event) {
          const auto& fact = event.checkpoint_answered();
          form.entry(fact.entry());
          form.chosen("answer", fact.answer(), v1::CheckpointAnswered::Answer_IsValid(fact.answer()));
          if (!v1::CheckpointAnswered::Route_IsValid(fact.route())) form.chosen("route", fact.route(), false);
          form.optional_date("estimatedCompletion", fact.estimated_completion());
          form.grade("predictedGrade", fact.predicted_grade(), false);
        },
    .fits =
        [](const v1::Event& event, const Qualification& qualification, const Reference& reference) {
          return overall_grade_fits(event, "predictedGrade", event.checkpoint_answered().predicted_grade(), qualification, reference);
        },
    .merge =
        [](EntryFacts& facts, const v1::Event& event, Coming& coming) {
          const auto& fact = event.checkpoint_answered();
          Merged merged = coming.take(facts.answered);
          if (merged != Merged::applied) return merged;
          facts.answer = fact.answer();
          facts.route = fact.route();
          facts.estimated_completion = parse_date(fact.estimated_completion()).value_or(0);
          facts.predicted_grade = Word(fact.predicted_grade().value());
          return merged;
        },
};

constinit const FactKind kinds::centre_declared{
    .fact = v1::Event::kCentreDeclared,
    .topic = Topic::checkpoints,
    .subject = Subject::centre,
    .asserted_by = {AccessRole::publisher, AccessRole::centre},
    .check =
        [](Form& form, const v1::Event& event) {
          const auto& fact = event.centre_declared();
          form.centre("centre", fact.centre());
          form.cohort(fact.centre(), fact.awarding_organisation(), fact.series(), fact.level());
        },
    .slot =
        [](const v1::Event& event) {
          const auto& fact = event.centre_declared();
          return slot({"declared", fact.awarding_organisation(), fact.series(), v1::Level_Name(fact.level())});
        },
};

}  // namespace vtq
