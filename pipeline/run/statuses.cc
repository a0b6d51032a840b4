#include "pipeline/run/statuses.h"

#include "pipeline/base/batch_id.h"
#include "pipeline/rules/mitigation.h"
#include "pipeline/status/output_fields.h"
#include "pipeline/status/words.h"

namespace vtq {
namespace {

/// Whether going from one status to the other is worth a transition.
bool transition(const Status& before, Status after) {
  after.outstanding_units = before.outstanding_units;
  return before != after;
}

int severity(v1::Band band) { return band <= v1::ON_TRACK ? 0 : static_cast<int>(band); }

}  // namespace

void Statuses::publish(Centre& centre, Entry& entry, const Derived& derived, const Circumstances& around, TimeMs now) {
  // An entry that was looked at and found as it was is not written again. Of one that is to be looked at later than the store has it, the
  // store's word costs a look after the next start; a band that rests on new estimates may then be told within its hour.
  if (derived.wake_at_ms < entry.wake_at_ms || entry.status != derived.status) changes_.keep(centre, entry);
  entry.wake_at_ms = derived.wake_at_ms;
  wakes_.wake_by(centre, derived.wake_at_ms);
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
    if (counted) counts_.add(centre, cell(before), -1);
    counts_.add(centre, cell(entry.status), +1);
  }
  changes_.mark(centre);
  v1::EntryStatus status = describe(centre, entry, around, false, now);
  outputs_.entry_status(partition_, centre.id, status);
  if (before.mitigation != entry.status.mitigation || before.expected_ms != entry.status.expected_ms)
    notify_mitigation(centre, entry, before, around, now);
  bool worse = severity(entry.status.band) > severity(before.band);
  // Dates often come a moment after the entries: their absence is shown, and told only once a result waits for them.
  bool undated = entry.status.rule == Rule::calendar && entry.status.band == v1::WATCH;
  // So is an approval that is still to come in time.
  bool unapproved = entry.status.rule == Rule::release_approval && entry.status.band == v1::WATCH;
  if (worse && !undated && !unapproved && entry.status.step != v1::STEP_NONE) notify(centre, entry, status, now);
}

/// Whoever must act is told that the entry's band is worse.
void Statuses::notify(const Centre& centre, const Entry& entry, const v1::EntryStatus& status, TimeMs now) {
  v1::Notification notification;
  *notification.mutable_entry() = status.entry();
  notification.set_recipient(entry.status.owner);
  notification.set_step(entry.status.step);
  if (entry.status.due_ms) set_time(notification.mutable_due_at(), entry.status.due_ms);
  notification.set_band(entry.status.band);
  notification.set_reason(entry.status.reason);
  notification.set_text(std::string(step_words(entry.status.step)) + ". " + status.why());
  set_time(notification.mutable_as_of(), now);
  outputs_.notification(partition_, centre.id, notification);
}

/// Tells the centre which mitigation holds for a learner, when it is another one than it was told of, or delays to another date.
void Statuses::notify_mitigation(const Centre& centre, const Entry& entry, const Status& before, const Circumstances& around, TimeMs now) {
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
  set_time(notification.mutable_as_of(), now);
  outputs_.notification(partition_, centre.id, notification);
}

v1::EntryStatus describe(const Centre& centre, const Entry& entry, const Circumstances& around, bool in_full, TimeMs now) {
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
  set_time(out.mutable_as_of(), now);
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
    Derived derived = derive(entry, around, now);
    out.set_why(why(entry, derived, around));
    for (v1::Obstacle& obstacle : obstacles(entry, derived, around)) *out.add_obstacles() = std::move(obstacle);
    for (std::string& code : outstanding_units(entry.facts, around.qualification, around.calculated.get()))
      out.add_outstanding_units(std::move(code));
  }
  return out;
}

}  // namespace vtq
