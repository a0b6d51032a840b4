// Partition: results that are due are cut into batches.
#include <algorithm>
#include <utility>

#include "pipeline/base/batch_id.h"
#include "pipeline/rules/mitigation.h"
#include "pipeline/run/partition.h"
#include "pipeline/status/output_fields.h"

namespace vtq {

namespace {

/// So many bytes a result takes at most: its grade, what it supersedes and their names are short by the contract; units that were calculated
/// may be many.
std::size_t result_bytes_most(const Entry& entry, const Circumstances& around) {
  constexpr std::size_t kWithoutUnits = 512, kUnit = 24;
  return kWithoutUnits + entry.key.learner.size() + entry.facts.uci.str().size() + (around.calculated ? around.calculated->size() * kUnit : 0);
}

}  // namespace

void Partition::issue(std::vector<ToIssue>& due) {
  // One batch holds one centre, awarding organisation, series, level and kind, and its gates fit all its results.
  struct Group {
    CentreId centre;
    AwardingOrganisationId ao;
    SeriesId series;
    v1::Level level;
    bool correction;
    Gates gates;
    auto operator<=>(const Group&) const = default;
  };
  struct Grouped {
    Group group;
    ToIssue item;
    std::size_t bytes_most = 0;
  };
  std::vector<Grouped> grouped;
  grouped.reserve(due.size());
  for (const ToIssue& item : due) {
    const Entry& entry = *item.entry;
    Circumstances around = circumstances(*item.centre, entry);
    grouped.push_back({{item.centre->id, around.qualification.awarding_organisation, entry.key.series, around.qualification.level, entry.issued.any(),
                        gates_at_issue(entry.issued, around.calendar, time_)},
                       item,
                       result_bytes_most(entry, around)});
  }
  std::sort(grouped.begin(), grouped.end(),
            [](const Grouped& a, const Grouped& b) { return a.group != b.group ? a.group < b.group : a.item.entry->key < b.item.entry->key; });
  std::vector<Entry*> batch;
  for (std::size_t at = 0; at < grouped.size();) {
    const Group& group = grouped[at].group;
    Centre& centre = *grouped[at].item.centre;
    batch.clear();
    std::size_t bytes = 0;
    while (at < grouped.size() && batch.size() < policy_.batch_results_max && grouped[at].group == group) {
      bytes += grouped[at].bytes_most;
      if (!batch.empty() && bytes > policy_.batch_bytes_max) break;
      batch.push_back(grouped[at++].item.entry);
    }
    cut_batch(centre, batch, group.gates, group.correction);
  }
}

void Partition::cut_batch(Centre& centre, std::vector<Entry*>& entries, const Gates& gates, bool correction) {
  Circumstances first = circumstances(centre, *entries.front());
  AwardingOrganisationId ao = first.qualification.awarding_organisation;
  SeriesId series = entries.front()->key.series;
  auto held = std::find_if(centre.summary.sequences.begin(), centre.summary.sequences.end(),
                           [&](const Sequence& one) { return one.awarding_organisation == ao && one.series == series; });
  if (held == centre.summary.sequences.end()) held = centre.summary.sequences.insert(held, {ao, series, policy_.batch_numbers_from - 1});
  BatchId id{centre.id, ao, series, ++held->number};
  centre.summary_to_store = true;
  mark(centre);
  retry(centre);  // an acknowledgement may wait for it
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
      auto history = issued.before ? std::make_shared<std::vector<IssuedBefore>>(*issued.before) : std::make_shared<std::vector<IssuedBefore>>();
      history->push_back({issued.awarding_organisation, issued.batch_number, issued.at_ms});
      issued.before = std::move(history);
      BatchId before{centre.id, issued.awarding_organisation, series, issued.batch_number};
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
    issued.awarding_organisation = ao;
    issued.at_ms = time_;
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
        for (const CalculatedUnit& unit : *around.calculated) result.add_calculated_units(around.qualification.unit(unit.unit)->code);
    }
    result.set_basis(issued.basis);
    result.set_revoked(issued.revoked);
    result.set_late(issued.late);
    result.set_reason(issued.reason);
    entry->acknowledged_ms = acknowledged == centre.facts.slots.end() ? 0 : acknowledged->second.stamp.at_ms;
  }
  outputs_.result_batch(index_, centre.id, batch);

  for (Entry* entry : entries) {
    Circumstances around = circumstances(centre, *entry);
    Derived derived = derive(*entry, around, time_);
    publish(centre, *entry, derived, around);
  }
}

BatchView Partition::view(const Centre& centre, const v1::ResultBatch& batch, Role role, const GateTime& time) const {
  BatchView view;
  BatchId id = *parse_batch_id(batch.batch());
  auto time_of = [](const google::protobuf::Timestamp& at) { return at.seconds() * 1000 + at.nanos() / 1'000'000; };
  Gates issued{time_of(batch.centre_release_at()), time_of(batch.learner_release_at())};
  TimeMs issued_ms = time_of(batch.issued_at());
  CohortKey cohort{id.awarding_organisation, batch.level(), id.series};
  Gates gates = gates_of_batch(issued, issued_ms, reference_.calendar(cohort));
  // The gates that stand for each result: one may be without an embargo, or delayed.
  bool first = true;
  for (const v1::Result& result : batch.results()) {
    const Entry* entry = centre.find({*parse_qualification(result.entry().qualification()), id.series, result.entry().learner()});
    if (!entry) continue;
    Gates own = gates_of_batch(issued, issued_ms, circumstances(centre, *entry).calendar);
    gates = std::exchange(first, false) ? own : later_of(gates, own);
  }
  TimeMs gate = gates.of(role);
  view.opens_ms = std::min(gate, kLatestEventMs);
  view.open = time.reached(gate);
  view.halted = reference_.halted(id.awarding_organisation, id.series) || centre.facts.halted(id.awarding_organisation, id.series).value_or(false);
  for (const v1::Result& result : batch.results()) {
    BatchView::Row& row = view.rows.emplace_back();
    const Entry* entry = centre.find({*parse_qualification(result.entry().qualification()), id.series, result.entry().learner()});
    if (!entry) {
      row.withheld = Withheld::unknown_entry;
      ++view.withheld;
      continue;
    }
    bool halted = circumstances(centre, *entry).halted || view.halted;
    auto successor = successor_of(*entry, id);
    if (successor) row.superseded_by = {centre.id, entry->issued.awarding_organisation, id.series, entry->issued.batch_number};
    row.withheld = withheld(*entry, centre.facts, id.awarding_organisation, halted, gate, result.revoked(), &reference_);
    TimeMs opened = opens_at(*entry, centre.facts, id.awarding_organisation, gate, &reference_);
    if (row.withheld == Withheld::none && successor && successor->issued_ms <= opened) row.withheld = Withheld::corrected;
    // What a correction replaced may be seen where it could be before.
    row.shows_superseded =
        issued_ms > opened && withheld(*entry, centre.facts, id.awarding_organisation, halted, gate, false, &reference_) == Withheld::none;
    if (row.withheld != Withheld::none) ++view.withheld;
  }
  return view;
}

bool Partition::may_show(const Centre& centre, const EntryKey& key, const Qualification& qualification, const GateTime& time) const {
  AwardingOrganisationId ao = qualification.awarding_organisation;
  Gates gates = gates_by(reference_.calendar({ao, qualification.level, key.series}));
  const Entry* entry = centre.find(key);
  if (entry) gates = later_of(gates, gates_by(circumstances(centre, *entry).calendar));
  if (entry && entry->issued.batch_number != 0) gates = later_of(gates, {entry->issued.centre_release_ms, entry->issued.learner_release_ms});
  TimeMs gate = gates.of(Role::centre);
  bool halted = reference_.halted(ao, key.series) || centre.facts.halted(ao, key.series).value_or(false);
  if (!time.reached(gate) || halted) return false;
  return !entry || withheld(*entry, centre.facts, ao, halted, gate, false, &reference_) == Withheld::none;
}

}  // namespace vtq
