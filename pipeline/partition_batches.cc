// Partition: results that are due are cut into batches.
#include <algorithm>

#include "pipeline/batch_id.h"
#include "pipeline/mitigation.h"
#include "pipeline/output_fields.h"
#include "pipeline/partition.h"

namespace vtq {

namespace {

/// When a batch may be opened.
struct Gates {
  TimeMs centre_ms = kLatestEventMs;
  TimeMs learner_ms = kLatestEventMs;
  auto operator<=>(const Gates&) const = default;
};

/// Of the batch that an entry's result goes into: by the calendar, and not before those of what it corrects, whatever has moved since.
/// Without a calendar nothing says when they open: they stay shut.
Gates gates_of(const Entry& entry, const Circumstances& around) {
  Gates gates;
  if (around.calendar) gates = {around.calendar->centre_release, around.calendar->learner_release};
  return {std::max(gates.centre_ms, entry.issued.centre_release_ms), std::max(gates.learner_ms, entry.issued.learner_release_ms)};
}

}  // namespace

void Partition::issue(std::vector<ToIssue>& due) {
  // One batch holds one centre, awarding organisation, series, level and kind, so that one gate fits all its results.
  struct Group {
    CentreId centre;
    AwardingOrganisationId ao;
    SeriesId series;
    v1::Level level;
    bool correction;
    Gates gates;  // where they may differ within the cohort
    auto operator<=>(const Group&) const = default;
  };
  auto group_of = [&](const ToIssue& item) {
    const Qualification* qualification = shared_.reference.qualification(item.entry->key.qualification);
    Gates gates;
    bool correction = item.entry->issued.any();
    if (qualification->mitigations || correction) gates = gates_of(*item.entry, circumstances(*item.centre, *item.entry));
    return Group{item.centre->id, qualification->awarding_organisation, item.entry->key.series, qualification->level, correction, gates};
  };
  std::sort(due.begin(), due.end(), [&](const ToIssue& a, const ToIssue& b) {
    auto first = group_of(a), second = group_of(b);
    return first != second ? first < second : a.entry->key < b.entry->key;
  });
  std::vector<Entry*> batch;
  for (std::size_t at = 0; at < due.size();) {
    Group group = group_of(due[at]);
    Centre& centre = *due[at].centre;
    batch.clear();
    while (at < due.size() && batch.size() < shared_.policy.batch_results_max && group_of(due[at]) == group)
      batch.push_back(due[at++].entry);
    cut_batch(centre, batch, group.correction);
  }
}

void Partition::cut_batch(Centre& centre, std::vector<Entry*>& entries, bool correction) {
  Circumstances first = circumstances(centre, *entries.front());
  AwardingOrganisationId ao = first.qualification.awarding_organisation;
  SeriesId series = entries.front()->key.series;
  auto held = std::find_if(centre.summary.sequences.begin(), centre.summary.sequences.end(), [&](const Sequence& one) {
    return one.awarding_organisation == ao && one.series == series;
  });
  if (held == centre.summary.sequences.end()) held = centre.summary.sequences.insert(held, {ao, series, shared_.policy.batch_numbers_from - 1});
  BatchId id{centre.id, ao, series, ++held->number};
  centre.summary_to_store = true;
  mark(centre);
  if (centre.scrutiny) scrutiny_due(centre, std::nullopt);

  v1::ResultBatch batch;
  batch.set_batch(text_of(id));
  batch.set_centre(text_of(centre.id));
  batch.set_awarding_organisation(text_of(ao));
  batch.set_series(text_of(series));
  batch.set_level(first.qualification.level);
  batch.set_number(id.number);
  batch.set_kind(correction ? v1::ResultBatch::CORRECTION : v1::ResultBatch::RESULTS);
  set_time(batch.mutable_issued_at(), time_);
  Gates gates = gates_of(*entries.front(), first);
  set_time(batch.mutable_centre_release_at(), gates.centre_ms);
  set_time(batch.mutable_learner_release_at(), gates.learner_ms);
  auto acknowledged = centre.facts.slots.find("acknowledged " + batch.batch());

  for (Entry* entry : entries) {
    Circumstances around = circumstances(centre, *entry);
    const EntryFacts& facts = entry->facts;
    Issued& issued = entry->issued;
    v1::Result& result = *batch.add_results();
    name_entry(result.mutable_entry(), centre.id, entry->key);
    if (facts.uln != 0) result.set_uln(std::to_string(facts.uln));
    result.set_uci(facts.uci.str());
    if (issued.any()) {
      BatchId before = id;
      before.number = issued.batch_number;
      result.mutable_supersedes()->set_batch(text_of(before));
      result.mutable_supersedes()->set_revoked(issued.revoked);
      if (!issued.revoked) {
        result.mutable_supersedes()->mutable_grade()->set_scale(issued.scale.str());
        result.mutable_supersedes()->mutable_grade()->set_value(issued.grade.str());
      }
    } else {
      issued.first_batch_number = id.number;
      issued.first_at_ms = time_;
      issued.late = around.calendar && time_ > around.calendar->issue_deadline;
      issued.reason = issued.late ? late_reason(*entry, around) : v1::REASON_NONE;
      observe_steps(*entry, around, durations_);
    }
    issued.batch_number = id.number;
    issued.centre_release_ms = gates.centre_ms;
    issued.learner_release_ms = gates.learner_ms;
    Outcome outcome = outcome_of(facts, around.qualification, attainment_of(*entry, around));
    issued.revoked = outcome.kind == ResultKind::revoked;
    if (!issued.revoked) {
      issued.scale = outcome.scale;
      issued.grade = outcome.grade;
      result.mutable_grade()->set_scale(issued.scale.str());
      result.mutable_grade()->set_value(issued.grade.str());
      v1::Basis basis = mitigation_basis(*entry, around);
      issued.basis = basis == v1::BASIS_UNSPECIFIED ? v1::ORDINARY : basis;
      if (around.calculated)
        for (const CalculatedUnit& unit : *around.calculated)
          result.add_calculated_units(around.qualification.unit(unit.unit)->code);
    }
    result.set_basis(issued.basis);
    result.set_revoked(issued.revoked);
    result.set_late(issued.late);
    result.set_reason(issued.reason);
    entry->acknowledged_ms = acknowledged == centre.facts.slots.end() ? 0 : acknowledged->second.stamp.at_ms;
  }
  shared_.outputs.result_batch(index_, centre.id, batch);

  for (Entry* entry : entries) {
    Circumstances around = circumstances(centre, *entry);
    Derived derived = derive(*entry, around, time_);
    publish(centre, *entry, derived, around);
  }
}

}  // namespace vtq
