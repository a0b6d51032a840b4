#include "pipeline/run/view.h"

#include <algorithm>
#include <utility>

#include "pipeline/base/batch_id.h"

namespace vtq {

BatchView view_batch(const Surroundings& surroundings, const Centre& centre, const v1::ResultBatch& batch, Role role, const GateTime& time) {
  const Reference& reference = surroundings.reference();
  BatchView view;
  BatchId id = *parse_batch_id(batch.batch());
  auto time_of = [](const google::protobuf::Timestamp& at) { return at.seconds() * 1000 + at.nanos() / 1'000'000; };
  Gates issued{time_of(batch.centre_release_at()), time_of(batch.learner_release_at())};
  TimeMs issued_ms = time_of(batch.issued_at());
  CohortKey cohort{id.awarding_organisation, batch.level(), id.series};
  Gates gates = gates_of_batch(issued, issued_ms, reference.calendar(cohort));
  // The gates that stand for each result: one may be without an embargo, or delayed.
  bool first = true;
  for (const v1::Result& result : batch.results()) {
    const Entry* entry = centre.find({*parse_qualification(result.entry().qualification()), id.series, result.entry().learner()});
    if (!entry) continue;
    const Circumstances around = surroundings.circumstances(centre, *entry);
    Gates own = gates_of_batch(issued, issued_ms, around.calendar);
    // A qualification that has moved since takes its results to no calendar that opens earlier than the one they were issued under.
    if (around.qualification.awarding_organisation != id.awarding_organisation || around.qualification.level != batch.level())
      own = later_of(own, gates_of_batch(issued, issued_ms, reference.calendar(cohort, entry->key.qualification, centre.id)));
    gates = std::exchange(first, false) ? own : later_of(gates, own);
  }
  TimeMs gate = gates.of(role);
  view.opens_ms = std::min(gate, kLatestEventMs);
  view.open = time.reached(gate);
  view.halted = reference.halted(id.awarding_organisation, id.series) || centre.facts.halted(id.awarding_organisation, id.series);
  for (const v1::Result& result : batch.results()) {
    BatchView::Row& row = view.rows.emplace_back();
    const Entry* entry = centre.find({*parse_qualification(result.entry().qualification()), id.series, result.entry().learner()});
    if (!entry) {
      row.withheld = Withheld::unknown_entry;
      ++view.withheld;
      continue;
    }
    bool halted = surroundings.circumstances(centre, *entry).halted || view.halted;
    auto successor = successor_of(*entry, id);
    if (successor) row.superseded_by = {centre.id, entry->issued.awarding_organisation, id.series, entry->issued.batch_number};
    row.withheld = withheld(*entry, centre.facts, id.awarding_organisation, halted, gate, result.revoked(), &reference);
    TimeMs opened = opens_at(*entry, centre.facts, id.awarding_organisation, gate, &reference);
    if (row.withheld == Withheld::none && successor && successor->issued_ms <= opened) row.withheld = Withheld::corrected;
    // What a correction replaced may be seen where it could be before.
    row.shows_superseded =
        issued_ms > opened && withheld(*entry, centre.facts, id.awarding_organisation, halted, gate, false, &reference) == Withheld::none;
    if (row.withheld != Withheld::none) ++view.withheld;
  }
  return view;
}

bool may_show(const Surroundings& surroundings, const Centre& centre, const EntryKey& key, const Qualification& qualification, const GateTime& time) {
  const Reference& reference = surroundings.reference();
  AwardingOrganisationId ao = qualification.awarding_organisation;
  const CohortKey cohort{ao, qualification.level, key.series};
  Gates gates = later_of(gates_by(reference.calendar(cohort)), gates_by(reference.calendar(cohort, qualification.id, centre.id)));
  const Entry* entry = centre.find(key);
  if (entry) gates = later_of(gates, gates_by(surroundings.circumstances(centre, *entry).calendar));
  if (entry && entry->issued.batch_number != 0) gates = later_of(gates, {entry->issued.centre_release_ms, entry->issued.learner_release_ms});
  TimeMs gate = gates.of(Role::centre);
  bool halted = reference.halted(ao, key.series, key.qualification) || centre.facts.halted(ao, key.series, key.qualification);
  if (!time.reached(gate) || halted) return false;
  return !entry || withheld(*entry, centre.facts, ao, halted, gate, false, &reference) == Withheld::none;
}

}  // namespace vtq
