#include "pipeline/run/issuing.h"

#include <algorithm>
#include <memory>

#include "pipeline/base/batch_id.h"
#include "pipeline/rules/mitigation.h"
#include "pipeline/status/output_fields.h"

namespace vtq {
namespace {

/// So many bytes a result takes at most: its grade, what it supersedes and their names are short by the contract; units that were calculated
/// may be many.
std::size_t result_bytes_most(const Entry& entry, const Circumstances& around) {
  constexpr std::size_t kWithoutUnits = 512, kUnit = 24;
  return kWithoutUnits + entry.key.learner.size() + entry.facts.uci.str().size() + (around.calculated ? around.calculated->size() * kUnit : 0);
}

/// What one batch holds: one centre, awarding organisation, series, level and kind, and its gates fit all its results.
struct Group {
  CentreId centre;
  AwardingOrganisationId ao;
  SeriesId series;
  v1::Level level;
  bool correction;
  Gates gates;
  auto operator<=>(const Group&) const = default;
};

void set_grade(v1::Grade* out, const Issued& issued) {
  out->set_scale(issued.scale.str());
  out->set_value(issued.grade.str());
}

/// What the entry has goes into its history, and into the batch as what the new result replaces.
v1::Superseded supersede(Issued& issued, CentreId centre, SeriesId series) {
  auto history = issued.before ? std::make_shared<std::vector<IssuedBefore>>(*issued.before) : std::make_shared<std::vector<IssuedBefore>>();
  history->push_back({issued.awarding_organisation, issued.batch_number, issued.at_ms});
  issued.before = std::move(history);
  v1::Superseded superseded;
  superseded.set_batch(text_of(BatchId{centre, issued.awarding_organisation, series, issued.batch_number}));
  superseded.set_revoked(issued.revoked);
  if (!issued.revoked) set_grade(superseded.mutable_grade(), issued);
  return superseded;
}

}  // namespace

void Issuing::issue(const std::vector<CentreEntry>& due, TimeMs now) {
  struct Grouped {
    Group group;
    CentreEntry due;
    std::size_t bytes_most = 0;
  };
  std::vector<Grouped> grouped;
  grouped.reserve(due.size());
  for (const CentreEntry& item : due) {
    const Entry& entry = *item.entry;
    Circumstances around = surroundings_.circumstances(*item.centre, entry);
    grouped.push_back({{item.centre->id, around.qualification.awarding_organisation, entry.key.series, around.qualification.level, entry.issued.any(),
                        gates_at_issue(entry.issued, around.calendar, now)},
                       item,
                       result_bytes_most(entry, around)});
  }
  std::sort(grouped.begin(), grouped.end(),
            [](const Grouped& a, const Grouped& b) { return a.group != b.group ? a.group < b.group : a.due.entry->key < b.due.entry->key; });
  std::vector<Entry*> batch;
  for (std::size_t at = 0; at < grouped.size();) {
    const Group& group = grouped[at].group;
    Centre& centre = *grouped[at].due.centre;
    batch.clear();
    std::size_t bytes = 0;
    while (at < grouped.size() && batch.size() < policy_.batch_results_max && grouped[at].group == group) {
      bytes += grouped[at].bytes_most;
      if (!batch.empty() && bytes > policy_.batch_bytes_max) break;
      batch.push_back(grouped[at++].due.entry);
    }
    cut_batch(centre, batch, group.gates, group.correction, now);
  }
}

BatchId Issuing::next_number(Centre& centre, AwardingOrganisationId awarding_organisation, SeriesId series) {
  auto& sequences = centre.summary.sequences;
  auto held = std::find_if(sequences.begin(), sequences.end(), [&](const BatchSequence& sequence) {
    return sequence.awarding_organisation == awarding_organisation && sequence.series == series;
  });
  if (held == sequences.end()) held = sequences.insert(held, {awarding_organisation, series, policy_.batch_numbers_from - 1});
  changes_.keep_summary(centre);
  return {centre.id, awarding_organisation, series, ++held->number};
}

void Issuing::cut_batch(Centre& centre, const std::vector<Entry*>& entries, const Gates& gates, bool correction, TimeMs now) {
  Circumstances first = surroundings_.circumstances(centre, *entries.front());
  BatchId id = next_number(centre, first.qualification.awarding_organisation, entries.front()->key.series);
  agenda_.retry(centre);  // an acknowledgement may wait for it
  if (centre.scrutiny) agenda_.scrutinise(centre);

  v1::ResultBatch batch;
  batch.set_batch(text_of(id));
  batch.set_centre(text_of(centre.id));
  batch.set_awarding_organisation(text_of(id.awarding_organisation));
  batch.set_series(text_of(id.series));
  batch.set_level(first.qualification.level);
  batch.set_number(id.number);
  batch.set_kind(correction ? v1::ResultBatch::CORRECTION : v1::ResultBatch::RESULTS);
  set_time(batch.mutable_issued_at(), now);
  set_time(batch.mutable_centre_release_at(), gates.centre_ms);
  set_time(batch.mutable_learner_release_at(), gates.learner_ms);
  auto acknowledged = centre.facts.slots.find("acknowledged " + batch.batch());
  for (Entry* entry : entries) {
    put_result(*batch.add_results(), centre, *entry, id, gates, now);
    entry->acknowledged_ms = acknowledged == centre.facts.slots.end() ? 0 : acknowledged->second.stamp.at_ms;
  }
  outputs_.result_batch(partition_, centre.id, batch);

  for (Entry* entry : entries) {
    Circumstances around = surroundings_.circumstances(centre, *entry);
    statuses_.publish(centre, *entry, derive(*entry, around, now), around, now);
  }
}

/// The entry has this result from now on.
void Issuing::put_result(v1::Result& result, const Centre& centre, Entry& entry, const BatchId& id, const Gates& gates, TimeMs now) {
  Circumstances around = surroundings_.circumstances(centre, entry);
  const EntryFacts& facts = entry.facts;
  Issued& issued = entry.issued;
  name_entry(result.mutable_entry(), centre.id, entry.key);
  if (facts.uln != 0) result.set_uln(std::to_string(facts.uln));
  result.set_uci(facts.uci.str());
  if (issued.any()) {
    *result.mutable_supersedes() = supersede(issued, centre.id, id.series);
  } else {
    issued.first_batch_number = id.number;
    issued.first_at_ms = now;
    issued.late = around.calendar && now > around.calendar->issue_deadline;
    issued.reason = issued.late ? late_reason(entry, around) : v1::REASON_NONE;
    observe_steps(entry, around, durations_);
  }
  issued.batch_number = id.number;
  issued.awarding_organisation = id.awarding_organisation;
  issued.at_ms = now;
  issued.centre_release_ms = gates.centre_ms;
  issued.learner_release_ms = gates.learner_ms;
  Outcome outcome = outcome_of(facts, around.qualification, attainment_of(entry, around));
  issued.revoked = outcome.kind == ResultKind::revoked;
  if (!issued.revoked) {
    issued.scale = outcome.scale;
    issued.grade = outcome.grade;
    set_grade(result.mutable_grade(), issued);
    v1::Basis basis = mitigation_basis(entry, around);
    issued.basis = basis == v1::BASIS_UNSPECIFIED ? v1::ORDINARY : basis;
    if (around.calculated)
      for (const CalculatedUnit& unit : *around.calculated) result.add_calculated_units(around.qualification.unit(unit.unit)->code);
  }
  result.set_basis(issued.basis);
  result.set_revoked(issued.revoked);
  result.set_late(issued.late);
  result.set_reason(issued.reason);
}

void Issuing::acknowledge(Centre& centre, const std::string& batch, TimeMs at) {
  BatchId id = *parse_batch_id(batch);
  for (Entry& entry : centre.entries) {
    if (entry.issued.batch_number != id.number || entry.key.series != id.series) continue;
    if (entry.issued.awarding_organisation != id.awarding_organisation) continue;
    entry.acknowledged_ms = at;
    changes_.keep(centre, entry);
    agenda_.touch(centre, entry);
  }
}

void Issuing::note_halt(Centre& centre, const Address& address) {
  // A word that comes late may be none of the present.
  const HaltWords& words = *centre.facts.halt_words(address.awarding_organisation.value_or(AwardingOrganisationId{}), *address.series,
                                                    address.qualification.value_or(QualificationId{}));
  HaltInForce halt{words.awarding_organisation, words.series, words.words.rbegin()->first.at_ms, words.qualification};
  auto& halts = centre.summary.halts;
  std::erase_if(halts, [&](const HaltInForce& held) {
    return held.awarding_organisation == halt.awarding_organisation && held.series == halt.series && held.qualification == halt.qualification;
  });
  if (words.halted()) halts.insert(std::upper_bound(halts.begin(), halts.end(), halt), halt);
  changes_.keep_summary(centre);
}

}  // namespace vtq
