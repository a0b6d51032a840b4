#include "pipeline/release/gate.h"

#include <algorithm>

#include "pipeline/facts/told_again.h"

namespace vtq {

bool GateTime::reached(TimeMs gate_ms) const {
  if (!trusted) return false;
  return wall_ms >= gate_ms && (!logical_ms || *logical_ms >= gate_ms);
}

Gates later_of(const Gates& a, const Gates& b) {
  Gates gates{std::max(a.centre_ms, b.centre_ms), std::max(a.learner_ms, b.learner_ms)};
  gates.learner_ms = std::max(gates.learner_ms, gates.centre_ms);
  return gates;
}

Gates gates_by(const Calendar* calendar) {
  if (!calendar) return {};
  return later_of({calendar->centre_release, calendar->learner_release}, {0, 0});
}

Gates gates_of_batch(const Gates& issued, TimeMs issued_ms, const Calendar* calendar) {
  if (!calendar) return issued;
  bool confirmed = calendar->gates_confirmed_ms > issued_ms;
  return confirmed ? gates_by(calendar) : later_of(issued, gates_by(calendar));
}

Gates gates_at_issue(const Issued& before, const Calendar* calendar, TimeMs now) {
  Gates gates = before.any() ? gates_of_batch({before.centre_release_ms, before.learner_release_ms}, before.at_ms, calendar) : gates_by(calendar);
  if (gates.centre_ms == 0) gates.centre_ms = now;
  if (gates.learner_ms == 0) gates.learner_ms = now;
  return later_of(gates, {0, 0});
}

std::string_view withheld_name(Withheld why) {
  switch (why) {
    case Withheld::none:
      return "";
    case Withheld::issuing_halted:
      return "issuing-halted";
    case Withheld::hold_open:
      return "hold-open";
    case Withheld::result_revoked:
      return "result-revoked";
    case Withheld::learner_left:
      return "learner-left";
    case Withheld::corrected:
      return "corrected";
    case Withheld::unknown_entry:
      return "entry-known";
  }
  return "";
}

std::string_view withheld_words(Withheld why) {
  switch (why) {
    case Withheld::none:
      return "";
    case Withheld::issuing_halted:
      return "Issuing is halted; the result is shown again once the halt is lifted.";
    case Withheld::hold_open:
      return "A hold covers the result; it is shown once the hold is lifted.";
    case Withheld::result_revoked:
      return "The result was revoked before it could be seen; a correction says what holds.";
    case Withheld::learner_left:
      return "The learner had left before the result could be seen; the awarding organisation says whether it stands.";
    case Withheld::corrected:
      return "The result was corrected before it could be seen; the correction has what holds.";
    case Withheld::unknown_entry:
      return "No such entry is registered any more; ask the awarding organisation.";
  }
  return "";
}

namespace {

/// Calls `look` with whoever's holds and halts concern the entry's results: its qualification's awarding organisation, and those that issued.
template <class Look>
void each_issuer(const Entry& entry, AwardingOrganisationId now, Look look) {
  look(now);
  if (entry.issued.any() && entry.issued.awarding_organisation != now) look(entry.issued.awarding_organisation);
  if (!entry.issued.before) return;
  for (const IssuedBefore& one : *entry.issued.before)
    if (one.awarding_organisation != now && one.awarding_organisation != entry.issued.awarding_organisation) look(one.awarding_organisation);
}

}  // namespace

TimeMs opens_at(const Entry& entry, const CentreFacts& centre, AwardingOrganisationId awarding_organisation, TimeMs gate_ms,
                const Reference* reference) {
  std::vector<std::pair<TimeMs, TimeMs>> stretches;
  auto add = [&](TimeMs from, TimeMs to) { stretches.emplace_back(from, to); };
  each_issuer(entry, awarding_organisation, [&](AwardingOrganisationId ao) {
    for (const Hold& hold : centre.holds) hold.each_stretch(entry.key, ao, add);
    auto add_halt = [&](const HaltWords& words) { words.each_stretch(add); };
    centre.each_halt_words(ao, entry.key.series, entry.key.qualification, add_halt);
    if (reference) reference->each_halt_words(ao, entry.key.series, entry.key.qualification, add_halt);
  });
  std::sort(stretches.begin(), stretches.end());
  TimeMs opens = gate_ms;
  for (auto [from, to] : stretches)
    if (from <= opens) opens = std::max(opens, to);
  return opens;
}

const Hold::Word* hold_over(const Entry& entry, const CentreFacts& centre, AwardingOrganisationId awarding_organisation) {
  const Hold::Word* found = nullptr;
  for (const Hold& hold : centre.holds)
    each_issuer(entry, awarding_organisation, [&](AwardingOrganisationId ao) {
      if (!found) found = hold.over(entry.key, ao);
    });
  return found;
}

Withheld withheld(const Entry& entry, const CentreFacts& centre, AwardingOrganisationId awarding_organisation, bool halted, TimeMs gate_ms,
                  bool revoked, const Reference* reference) {
  const EntryFacts& facts = entry.facts;
  if (revoked) return Withheld::none;
  if (halted) return Withheld::issuing_halted;
  TimeMs opens = opens_at(entry, centre, awarding_organisation, gate_ms, reference);
  if (opens == kNever && hold_over(entry, centre, awarding_organisation)) return Withheld::hold_open;
  if (facts.result_kind == ResultKind::revoked && revoked_since(facts) <= opens) return Withheld::result_revoked;
  if (had_left(facts, opens)) return Withheld::learner_left;
  return Withheld::none;
}

std::optional<Successor> successor_of(const Entry& entry, const BatchId& batch) {
  const Issued& issued = entry.issued;
  Successor last{{batch.centre, issued.awarding_organisation, batch.series, issued.batch_number}, issued.at_ms};
  if (last.batch == batch || !issued.before) return std::nullopt;
  for (std::size_t at = 0; at < issued.before->size(); ++at) {
    const IssuedBefore& one = (*issued.before)[at];
    if (one.awarding_organisation != batch.awarding_organisation || one.batch_number != batch.number) continue;
    if (at + 1 == issued.before->size()) return last;
    const IssuedBefore& next = (*issued.before)[at + 1];
    return Successor{{batch.centre, next.awarding_organisation, batch.series, next.batch_number}, next.at_ms};
  }
  return std::nullopt;
}

v1::ResultBatch shown(const v1::ResultBatch& batch, const BatchView& view) {
  v1::ResultBatch out = batch;
  out.set_withheld_count(view.withheld);
  out.set_halted(view.halted);
  for (int at = 0; at < out.results_size(); ++at) {
    const BatchView::Row& row = view.rows[static_cast<std::size_t>(at)];
    v1::Result& result = *out.mutable_results(at);
    if (row.superseded_by) result.set_superseded_by(text_of(*row.superseded_by));
    bool hidden = row.withheld != Withheld::none;
    if (!view.open || hidden) result.clear_grade();
    if (!view.open || hidden || !row.shows_superseded)
      if (result.has_supersedes()) result.mutable_supersedes()->clear_grade();
    result.set_withheld(std::string(withheld_name(row.withheld)));
    result.set_withheld_text(std::string(withheld_words(row.withheld)));
  }
  return out;
}

}  // namespace vtq
