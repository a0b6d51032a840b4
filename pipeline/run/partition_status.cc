// Statuses: derived for the entries touched, published when they changed, counted, told.
#include "pipeline/run/partition.h"

#include <algorithm>
#include <utility>

#include "pipeline/base/batch_id.h"
#include "pipeline/rules/mitigation.h"
#include "pipeline/status/output_fields.h"

namespace vtq {
namespace {

/// Whether going from one status to the other is worth a transition.
bool transition(const Status& before, Status after) {
  after.outstanding_units = before.outstanding_units;
  return before != after;
}

/// On the way, and not decided by the issue deadline.
bool rests_on_estimates(v1::Band band) { return band != v1::SETTLED && band != v1::LATE; }

int severity(v1::Band band) { return band <= v1::ON_TRACK ? 0 : static_cast<int>(band); }

}  // namespace

/// Counts go along when a qualification changes its level or its awarding organisation.
void Partition::move_counts(Centre& centre) {
  for (const auto& [cell, entries] : std::vector(centre.summary.cells.all())) {
    const Qualification* qualification = reference_.qualification(cell.qualification);
    Cell moved = cell;
    moved.level = qualification->level;
    moved.awarding_organisation = qualification->awarding_organisation;
    if (moved == cell) continue;
    count(centre, cell, -entries);
    count(centre, moved, entries);
    centre.summary_to_store = true;
    mark(centre);
  }
}

/// Steps of an awarding organisation usually take another time than was thought: whose band rests on that is derived again. By the full hour,
/// as risk is judged, so that many changes cost no more than one.
void Partition::estimates_moved(AwardingOrganisationId awarding_organisation) {
  TimeMs hour = (time_ / kHourMs + 1) * kHourMs;
  for (auto& [id, centre] : centres_) {
    auto& of = centre->estimates_of;
    if (centre->summary.derive_all && of.empty()) continue;
    const auto& cells = centre->summary.cells.all();
    bool concerned = std::any_of(cells.begin(), cells.end(), [&](const auto& cell) {
      return cell.first.awarding_organisation == awarding_organisation && vtq::rests_on_estimates(cell.first.band);
    });
    if (!concerned || std::find(of.begin(), of.end(), awarding_organisation) != of.end()) continue;
    of.push_back(awarding_organisation);
    if (!std::exchange(centre->summary.derive_all, true)) {
      centre->summary_to_store = true;
      mark(*centre);
    }
    wake_by(*centre, hour);
  }
}

/// Whether the entry's band rests on an estimate that moved at its centre.
bool Partition::rests_on_estimates(const Centre& centre, const Entry& entry) const {
  if (centre.estimates_of.empty() || !vtq::rests_on_estimates(entry.status.band)) return false;
  const Qualification* qualification = reference_.qualification(entry.key.qualification);
  const auto& of = centre.estimates_of;
  return std::find(of.begin(), of.end(), qualification->awarding_organisation) != of.end();
}

void Partition::derive_touched(const Round& round) {
  std::vector<ToIssue> due;
  for (std::size_t at = 0; at < touched_.size(); ++at) {
    auto [centre, entry] = touched_[at];
    entry->to_derive = false;
    Circumstances around = circumstances(*centre, *entry);
    Derived derived = derive(*entry, around, time_);
    // While time is frozen it waits for the first wake after that.
    if (derived.issue_now && round.frozen) derive_all(*centre);
    if (derived.issue_now && !round.frozen) {
      if (!entry->issued.any()) entry->ready_since_ms = time_;
      keep(*centre, *entry);
      due.push_back({centre, entry});
      continue;  // published once issued
    }
    TimeMs ready_since = derived.ready ? (entry->ready_since_ms ? entry->ready_since_ms : time_) : 0;
    if (entry->ready_since_ms != ready_since) keep(*centre, *entry);
    entry->ready_since_ms = ready_since;
    publish(*centre, *entry, derived, around);
  }
  touched_.clear();
  if (!due.empty()) issue(due);
}

void Partition::count(Centre& centre, const Cell& cell, std::int64_t by) {
  centre.summary.cells.add(cell, by);
  add_to_totals(cell, by);
}

void Partition::add_to_totals(const Cell& cell, std::int64_t by) {
  auto at = totals_.try_emplace(cell, 0).first;
  at->second += by;
  if (at->second == 0) totals_.erase(at);
}

void Partition::publish(Centre& centre, Entry& entry, Derived& derived, const Circumstances& around) {
  // An entry that was looked at and found as it was is not written again. Of one that is to be looked at later than the store has it, the
  // store's word costs a look after the next start; a band that rests on new estimates may then be told within its hour.
  if (derived.wake_at_ms < entry.wake_at_ms || entry.status != derived.status) keep(centre, entry);
  entry.wake_at_ms = derived.wake_at_ms;
  wake_by(centre, derived.wake_at_ms);
  if (!transition(entry.status, derived.status)) {
    entry.status.outstanding_units = derived.status.outstanding_units;
    return;
  }
  Status before = entry.status;
  bool counted = before.stage != v1::STAGE_UNSPECIFIED;
  auto cell = [&](const Status& status) {
    return cell_of(status, entry.key.qualification, around.qualification.awarding_organisation, around.qualification.level, entry.key.series);
  };
  entry.status = derived.status;
  if (!counted || cell(before) != cell(entry.status)) {
    if (counted) count(centre, cell(before), -1);
    count(centre, cell(entry.status), +1);
    centre.summary_to_store = true;
  }
  mark(centre);
  v1::EntryStatus status = describe(centre, entry, around, false);
  outputs_.entry_status(index_, centre.id, status);
  if (before.mitigation != entry.status.mitigation || before.expected_ms != entry.status.expected_ms) tell_mitigation(centre, entry, before, around);
  bool worse = severity(entry.status.band) > severity(before.band);
  // Dates often come a moment after the entries: their absence is shown, and told only once a result waits for them.
  bool undated = entry.status.rule == Rule::calendar && entry.status.band == v1::WATCH;
  if (!worse || undated || entry.status.step == v1::STEP_NONE) return;
  v1::Notification notification;
  *notification.mutable_entry() = status.entry();
  notification.set_recipient(entry.status.owner);
  notification.set_step(entry.status.step);
  if (entry.status.due_ms) set_time(notification.mutable_due_at(), entry.status.due_ms);
  notification.set_band(entry.status.band);
  notification.set_reason(entry.status.reason);
  notification.set_text(std::string(step_words(entry.status.step)) + ". " + status.why());
  set_time(notification.mutable_as_of(), time_);
  outputs_.notification(index_, centre.id, notification);
}

/// Tells the centre which mitigation holds for a learner, when it is another one than it was told of, or delays to another date.
void Partition::tell_mitigation(const Centre& centre, const Entry& entry, const Status& before, const Circumstances& around) {
  const Status& status = entry.status;
  if (status.stage == v1::WITHDRAWN || status.stage == v1::DEFERRED) return;
  v1::Notification notification;
  name_entry(notification.mutable_entry(), centre.id, entry.key);
  notification.set_recipient(v1::CENTRE);
  if (status.owner == v1::CENTRE) {
    notification.set_step(status.step);
    if (status.due_ms) set_time(notification.mutable_due_at(), status.due_ms);
  }
  notification.set_band(status.band);
  notification.set_reason(status.reason);
  notification.set_text(mitigation_news(entry, around, before.mitigation));
  notification.set_rule("mitigation");
  set_time(notification.mutable_as_of(), time_);
  outputs_.notification(index_, centre.id, notification);
}

v1::EntryStatus Partition::describe(const Centre& centre, const Entry& entry, bool in_full) const {
  return describe(centre, entry, circumstances(centre, entry), in_full);
}

v1::EntryStatus Partition::describe(const Centre& centre, const Entry& entry, const Circumstances& around, bool in_full) const {
  const Status& status = entry.status;
  v1::EntryStatus out;
  name_entry(out.mutable_entry(), centre.id, entry.key);
  out.set_awarding_organisation(text_of(around.qualification.awarding_organisation));
  out.set_level(around.qualification.level);
  out.set_stage(status.stage);
  out.set_need(status.need);
  out.set_treated_as_critical(status.treated_as_critical);
  out.set_reason(status.reason);
  out.set_band(status.band);
  out.set_next_step(status.step);
  out.set_next_owner(status.owner);
  if (status.due_ms) set_time(out.mutable_next_due_at(), status.due_ms);
  if (around.calendar) set_time(out.mutable_issue_deadline(), around.calendar->issue_deadline);
  set_time(out.mutable_as_of(), time_);
  out.set_late(status.late);
  out.set_basis(status.basis);
  out.set_mitigation(status.mitigation);
  if (around.mitigation && around.mitigation->kind == v1::MitigationDefined::DELAYED && around.calendar)
    set_time(out.mutable_expected_at(), around.calendar->issue_deadline);
  if (entry.issued.any()) {
    out.set_batch(text_of(BatchId{centre.id, entry.issued.awarding_organisation, entry.key.series, entry.issued.batch_number}));
    set_time(out.mutable_issued_at(), entry.issued.first_at_ms);
    set_time(out.mutable_batch_issued_at(), entry.issued.at_ms);
  }
  // On the hot path nothing is spelled out for entries that go well.
  if (in_full || severity(status.band) > 0) {
    Derived derived = derive(entry, around, time_);
    out.set_why(why(entry, derived, around));
    for (v1::Obstacle& obstacle : obstacles(entry, derived, around)) *out.add_obstacles() = std::move(obstacle);
    for (std::string& code : outstanding_units(entry.facts, around.qualification, around.calculated.get()))
      out.add_outstanding_units(std::move(code));
  }
  return out;
}

}  // namespace vtq
