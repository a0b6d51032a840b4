// Claims and results: the centre claims, the awarding organisation determines, amends or revokes, the centre asks.
#include "pipeline/facts/coming.h"
#include "pipeline/facts/told_again.h"
#include "pipeline/kinds/fits.h"
#include "pipeline/kinds/form.h"
#include "pipeline/kinds/table.h"

namespace vtq {
namespace {

Merged merge_claim(EntryFacts& facts, bool claimed, const std::string& grade, Coming& coming) {
  note_claim(facts, claimed, coming.stamp);
  Merged merged = coming.take(facts.claim);
  if (merged != Merged::applied) return merged;
  facts.claim_withdrawn = !claimed;
  facts.claimed_grade = Word(grade);
  return merged;
}

/// At one moment a revocation goes before any other word about the result.
Merged merge_result(EntryFacts& facts, ResultKind kind, const v1::Grade& grade, Coming& coming) {
  note_result(facts, kind == ResultKind::revoked, coming.stamp);
  bool stops = kind == ResultKind::revoked, stopped = facts.result_kind == ResultKind::revoked;
  Merged merged = stops == stopped ? coming.take(facts.result) : coming.take(facts.result, stops);
  if (merged != Merged::applied) return merged;
  facts.result_kind = kind;
  facts.result_scale = Word(grade.scale());
  facts.result_grade = Word(grade.value());
  return merged;
}

}  // namespace

constinit const FactKind kinds::claim_submitted{
    .fact = v1::Event::kClaimSubmitted,
    .topic = Topic::claims,
    .subject = Subject::entry,
    .check =
        [](Form& form, const v1::Event& event) {
          form.grade("grade", event.claim_submitted().grade(), false);
          form.entry(event.claim_submitted().entry());
        },
    .fits = [](const v1::Event& event, const Qualification& qualification,
               const Reference& reference) { return overall_grade_fits(event, "grade", event.claim_submitted().grade(), qualification, reference); },
    .merge = [](EntryFacts& facts, const v1::Event& event,
                Coming& coming) { return merge_claim(facts, true, event.claim_submitted().grade().value(), coming); },
};

constinit const FactKind kinds::claim_withdrawn{
    .fact = v1::Event::kClaimWithdrawn,
    .topic = Topic::claims,
    .subject = Subject::entry,
    .check =
        [](Form& form, const v1::Event& event) {
          form.at_most("reason", event.claim_withdrawn().reason(), 500);
          form.entry(event.claim_withdrawn().entry());
        },
    .merge = [](EntryFacts& facts, const v1::Event&, Coming& coming) { return merge_claim(facts, false, {}, coming); },
};

constinit const FactKind kinds::result_determined{
    .fact = v1::Event::kResultDetermined,
    .topic = Topic::claims,
    .subject = Subject::entry,
    .check =
        [](Form& form, const v1::Event& event) {
          form.grade("grade", event.result_determined().grade(), true);
          form.entry(event.result_determined().entry());
        },
    .fits =
        [](const v1::Event& event, const Qualification& qualification, const Reference& reference) {
          return overall_grade_fits(event, "grade", event.result_determined().grade(), qualification, reference);
        },
    .merge = [](EntryFacts& facts, const v1::Event& event,
                Coming& coming) { return merge_result(facts, ResultKind::determined, event.result_determined().grade(), coming); },
};

constinit const FactKind kinds::result_amended{
    .fact = v1::Event::kResultAmended,
    .topic = Topic::claims,
    .subject = Subject::entry,
    .check =
        [](Form& form, const v1::Event& event) {
          form.grade("grade", event.result_amended().grade(), true);
          form.at_most("reason", event.result_amended().reason(), 500);
          form.entry(event.result_amended().entry());
        },
    .fits = [](const v1::Event& event, const Qualification& qualification,
               const Reference& reference) { return overall_grade_fits(event, "grade", event.result_amended().grade(), qualification, reference); },
    .merge = [](EntryFacts& facts, const v1::Event& event,
                Coming& coming) { return merge_result(facts, ResultKind::amended, event.result_amended().grade(), coming); },
    .act = [](const v1::Event&) -> std::string_view { return "result-amended"; },
};

constinit const FactKind kinds::result_revoked{
    .fact = v1::Event::kResultRevoked,
    .topic = Topic::claims,
    .subject = Subject::entry,
    .check =
        [](Form& form, const v1::Event& event) {
          form.at_most("reason", event.result_revoked().reason(), 500);
          form.entry(event.result_revoked().entry());
        },
    .merge = [](EntryFacts& facts, const v1::Event&, Coming& coming) { return merge_result(facts, ResultKind::revoked, {}, coming); },
    .stops = [](const v1::Event&) { return true; },
    .act = [](const v1::Event&) -> std::string_view { return "result-revoked"; },
};

constinit const FactKind kinds::result_queried{
    .fact = v1::Event::kResultQueried,
    .topic = Topic::commands,
    .subject = Subject::entry,
    .asserted_by = {AccessRole::publisher, AccessRole::centre},
    .check =
        [](Form& form, const v1::Event& event) {
          const auto& fact = event.result_queried();
          form.at_most("text", fact.text(), 2000);
          form.at_most("query", fact.query(), 40);
          form.entry(fact.entry());
        },
    .merge = [](EntryFacts& facts, const v1::Event&, Coming& coming) { return coming.take(facts.queried); },
};

}  // namespace vtq
