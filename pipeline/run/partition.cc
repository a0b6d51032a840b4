#include "pipeline/run/partition.h"

#include <algorithm>
#include <utility>

#include "pipeline/run/admission.h"
#include "pipeline/run/rejected.h"
#include "pipeline/run/view.h"

namespace vtq {
namespace {

/// Whether any of the changes concerns entries of a centre: its summary tells cheaply.
bool concerned(const CentreSummary& summary, const std::vector<ReferenceChange>& changes) {
  auto any_change = [&](auto concerns) { return std::any_of(changes.begin(), changes.end(), concerns); };
  auto counted_here = [&](const auto& counted) {
    const Cell& cell = counted.first;
    return any_change([&](const ReferenceChange& change) {
      return (!change.qualification || *change.qualification == cell.qualification) &&
             (!change.awarding_organisation || *change.awarding_organisation == cell.awarding_organisation) &&
             (!change.level || *change.level == cell.level) && (!change.series || *change.series == cell.series);
    });
  };
  // Whoever issued results has a word in them, though their qualification may have moved since.
  auto issued_here = [&](const BatchSequence& sequence) {
    return any_change([&](const ReferenceChange& change) {
      return change.awarding_organisation == sequence.awarding_organisation && (!change.series || *change.series == sequence.series);
    });
  };
  const auto& cells = summary.cells.all();
  return std::any_of(cells.begin(), cells.end(), counted_here) || std::any_of(summary.sequences.begin(), summary.sequences.end(), issued_here);
}

}  // namespace

Partition::Partition(std::uint32_t index, const Policy& policy, TimeMs wake_late_max_ms, const Reference& reference, StateStore& store,
                     Outputs& outputs)
    : index_(index),
      policy_(policy),
      wake_late_max_ms_(wake_late_max_ms),
      reference_(reference),
      store_(store),
      outputs_(outputs),
      durations_(policy.durations),
      counts_(changes_),
      wakes_(reference, changes_, agenda_),
      centres_(index, reference, store, changes_),
      waiting_(index, policy, outputs, changes_, agenda_, wakes_),
      scrutinies_(index, reference, outputs, changes_, agenda_, wakes_),
      surroundings_(reference, durations_, policy),
      statuses_(index, outputs, changes_, counts_, wakes_),
      checks_(surroundings_, agenda_),
      issuing_(index, policy, surroundings_, outputs, durations_, changes_, agenda_, statuses_) {}

void Partition::restore_time() { time_ = store_.time(index_); }

void Partition::restore() {
  restore_time();
  store_.each_durations(index_, [&](const Durations::Key& key, const Durations::Counts& counts) { durations_.restore(key, counts); });
  store_.each_summary(index_, [&](CentreId id, CentreSummary&& summary) {
    const Centre& centre = centres_.restore(id, std::move(summary));
    wakes_.restore(centre);
    counts_.restore(centre);
  });
}

Centre& Partition::load(CentreId id) {
  auto [centre, fresh] = centres_.load(id);
  if (fresh) {
    scrutinies_.work_out(centre, time_);
    waiting_.loaded(centre);
  }
  return centre;
}

// ---- facts in ----

Verdict Partition::apply(const Inbound& inbound, std::int64_t token, const Round& round) {
  const v1::Event& event = *inbound.event;
  const Address& address = inbound.address;
  if (event.has_audit_noted()) {
    note_act(event, address, {}, Verdict::Kind::accepted);
    return {};
  }
  Centre& centre = load(address.centre);
  if (!centre.set_aside.empty())
    return {Verdict::Kind::set_aside,
            Rejection{"centre", "centre-readable", text_of(centre.id),
                      "The centre is set aside, for its records cannot be read: " + centre.set_aside + " Send the event again once that is mended."}};
  // Much of what follows waits for memory: what the entry points to is asked for first.
  Entry* entry = address.subject == Subject::entry ? centre.find(address.entry) : nullptr;
  if (entry) entry->facts.said.prefetch();
  Stamp stamp = stamp_of(event, inbound.bytes);
  if (auto unfit = fits(event, address, reference_))
    return waiting_.put(centre, inbound, std::move(*unfit), policy_.reference_wait_ms, token, time_, round);
  if (auto missing = waits_for(centre, entry, event, address))
    return waiting_.put(centre, inbound, std::move(*missing), policy_.registration_wait_ms, token, time_, round);
  if (auto full = one_too_many(centre, event, address, stamp)) return refuse(inbound, std::move(*full), token, round);
  return apply_to(centre, entry, inbound, stamp);
}

Verdict Partition::apply_to(Centre& centre, Entry* entry, const Inbound& inbound, const Stamp& stamp) {
  const v1::Event& event = *inbound.event;
  Verdict verdict = inbound.address.subject == Subject::entry ? apply_to_entry(centre, entry, event, inbound.address, stamp)
                                                              : apply_to_centre(centre, event, inbound.address, inbound.bytes, stamp);
  if (verdict.kind != Verdict::Kind::duplicate) note_act(event, inbound.address, inbound.by, verdict.kind);
  return verdict;
}

void Partition::note_act(const v1::Event& event, const Address& address, std::string_view by, Verdict::Kind outcome) {
  const FactKind& kind = *kind_of_fact(event);
  if (!kind.act) return;
  outputs_.audit(index_, audit_entry(event, kind, address, by, outcome == Verdict::Kind::superseded ? "superseded" : "accepted", time_));
}

Verdict Partition::refuse(const Inbound& inbound, Rejection why, std::int64_t token, const Round& round) {
  WaitingRecord refused{std::string(inbound.bytes), {}, inbound.address.topic, time_, std::move(why), token, round.origin(token)};
  return reject(std::move(refused), index_, time_, outputs_);
}

Verdict Partition::apply_to_entry(Centre& centre, Entry* entry, const v1::Event& event, const Address& address, const Stamp& stamp) {
  if (!entry) {
    entry = &centres_.add_entry(centre, address.entry);
    agenda_.retry_for(centre, address.entry);
  }
  Verdict verdict;
  const auto before = entry->facts.particulars;
  verdict.kind = kind_of(merge(entry->facts, event, stamp, &verdict.clash));
  // A word that came late holds no slot, but may tell since when something has been said.
  const auto& after = entry->facts.particulars;
  auto told_since = [&] { return before != after && !(before && after && *before == *after); };
  if (verdict.kind != Verdict::Kind::accepted && !told_since()) return verdict;
  // What was learned of units names no grade in words.
  if (!event.has_outcome_recorded() && !event.has_prior_learning_recognised()) share_words(*entry, reference_);
  changes_.keep(centre, *entry);
  agenda_.touch(centre, *entry);
  if (reference_.has_strategies() && scrutinies_.concerned(centre, *entry, event)) agenda_.scrutinise(centre, entry->key.qualification);
  return verdict;
}

Verdict Partition::apply_to_centre(Centre& centre, const v1::Event& event, const Address& address, std::string_view bytes, const Stamp& stamp) {
  CentreChange change;
  Verdict verdict;
  verdict.kind = kind_of(merge(centre.facts, event, address, bytes, stamp, change, &verdict.clash));
  if (verdict.kind != Verdict::Kind::accepted) return verdict;
  changes_.keep_slot(centre, slot_of(event));
  if (event.has_batch_acknowledged()) issuing_.acknowledge(centre, event.batch_acknowledged().batch(), stamp.at_ms);
  if (event.has_issuing_halted()) issuing_.note_halt(centre, address);
  if (!change.none) agenda_.touch(centre, change, reference_);
  if (reference_.has_strategies()) agenda_.scrutinise(centre);
  return verdict;
}

void Partition::reference_changed(const std::vector<ReferenceChange>& changes) {
  bool requalified = std::any_of(changes.begin(), changes.end(), [](const ReferenceChange& change) { return change.qualification.has_value(); });
  centres_.each([&](Centre& centre) {
    agenda_.retry(centre);
    if (requalified) counts_.move(centre, reference_);
    if (concerned(centre.summary, changes)) wakes_.derive_all(centre, time_);
  });
}

void Partition::reference_changed_unseen() {
  centres_.each([&](Centre& centre) {
    agenda_.retry(centre);
    counts_.move(centre, reference_);
    if (!centre.summary.cells.all().empty() || centre.summary.waiting > 0) wakes_.derive_all(centre, time_);
  });
}

// ---- time ----

bool Partition::advance(TimeMs to, Round& round, WakeBudget& budget) { return move_time(to, to, round, budget); }

bool Partition::approach(TimeMs to, Round& round, WakeBudget& budget) { return move_time(to, to - 1, round, budget); }

bool Partition::move_time(TimeMs to, TimeMs wakes_until, Round& round, WakeBudget& budget) {
  if (round.frozen) return true;
  while (wakes_.any_until(wakes_until)) {
    if (budget.spent()) return false;
    TimeMs at = std::max(wakes_.next(), time_);
    // The daemon was down, or stood still: nothing is dated back.
    if (to - at > wake_late_max_ms_) at = to;
    reach(at);
    wake_due_centres(budget);
    settle(round);
  }
  reach(to);
  return true;
}

void Partition::reach(TimeMs to) {
  if (to <= time_) return;
  time_ = to;
  changes_.time_moved();
}

/// Wakes centres that are due by now, as many as one commit bears.
void Partition::wake_due_centres(WakeBudget& budget) {
  while (wakes_.any_until(time_) && !budget.spent()) {
    CentreId id = wakes_.take_next();
    std::size_t before = agenda_.touched().size();
    // Of a centre that was out of memory nobody knows what its scrutiny was before: all that it may concern is derived.
    bool was_loaded = centres_.get(id).loaded;
    Centre& centre = load(id);
    if (!centre.set_aside.empty()) continue;
    wakes_.wake(centre, time_);
    if (!was_loaded && centre.scrutiny)
      for (Entry& entry : centre.entries)
        if (centre.scrutiny->of(entry.key.qualification)) agenda_.touch(centre, entry);
    budget.woken += agenda_.touched().size() - before + 1;
  }
}

// ---- the window closes ----

void Partition::settle(Round& round) {
  // What was issued is no claim that waits any more, and may be what an acknowledgement waits for: until nothing is left.
  do {
    if (agenda_.any_to_retry()) retry_waiting(round);
    if (agenda_.any_to_scrutinise()) settle_scrutiny();
    derive_touched(round);
  } while (agenda_.any_to_scrutinise() || agenda_.any_to_retry() || !agenda_.touched().empty());
  waiting_.expire(centres_, time_, round);
  for (AwardingOrganisationId moved : durations_.settle()) centres_.each([&](Centre& centre) { wakes_.estimates_moved(centre, moved, time_); });
}

void Partition::retry_waiting(Round& round) {
  // What is applied may register entries that others wait for.
  while (agenda_.any_to_retry()) {
    Centre& centre = load(agenda_.take_to_retry().id);
    std::vector<EntryKey> entries = std::exchange(centre.retry_for, {});
    bool for_reference = std::exchange(centre.retry_for_reference, false);
    if (!centre.set_aside.empty()) continue;
    for (const EntryKey& entry : entries)
      for (WaitingFact& fact : centre.waiting.take_for(entry)) retry(centre, std::move(fact), round);
    if (for_reference)
      for (WaitingFact& fact : centre.waiting.take_for_reference()) retry(centre, std::move(fact), round);
    waiting_.count(centre);
  }
}

void Partition::retry(Centre& centre, WaitingFact&& fact, Round& round) {
  WaitingRecord& record = fact.record;
  v1::Event event;
  if (!fact.address || !event.ParseFromString(record.event)) {
    record.why = fact.address ? Rejection{"event", "protobuf-form", "", "The stored bytes are no event; send the fact again."} : fact.address.error();
    return waiting_.rejected(centre, std::move(record), time_, round);
  }
  const Address& to = fact.address.value();
  auto unfit = fits(event, to, reference_);
  Entry* entry = to.subject == Subject::entry ? centre.find(to.entry) : nullptr;
  if (!unfit) unfit = waits_for(centre, entry, event, to);
  if (unfit) return waiting_.put_back(centre, std::move(fact), std::move(*unfit));
  Stamp stamp = stamp_of(event, record.event);
  if (auto full = one_too_many(centre, event, to, stamp)) {
    record.why = std::move(*full);
    return waiting_.rejected(centre, std::move(record), time_, round);
  }
  Verdict verdict = apply_to(centre, entry, {&event, record.event, to, record.by}, stamp);
  waiting_.applied(centre, record, std::move(verdict), round);
}

void Partition::settle_scrutiny() {
  for (Centre* centre : agenda_.take_to_scrutinise()) scrutinies_.settle(*centre, time_);
}

void Partition::derive_touched(const Round& round) {
  std::vector<CentreEntry> due;
  for (auto [centre, entry] : agenda_.touched()) {
    entry->to_derive = false;
    Circumstances around = surroundings_.circumstances(*centre, *entry);
    // Whether a check stops it is looked at once all are derived.
    around.stopped = v1::RELEASE_CHECK_NONE;
    Derived derived = derive(*entry, around, time_);
    checks_.note(*centre, *entry, around);
    // While time is frozen it waits for the first wake after that.
    if (derived.issue_now && round.frozen) wakes_.derive_all(*centre, time_);
    if (derived.issue_now && !round.frozen) {
      due.push_back({centre, entry});
      continue;  // published once issued
    }
    TimeMs ready_since = derived.ready ? (entry->ready_since_ms ? entry->ready_since_ms : time_) : 0;
    if (entry->ready_since_ms != ready_since) changes_.keep(*centre, *entry);
    entry->ready_since_ms = ready_since;
    statuses_.publish(*centre, *entry, derived, around, time_);
  }
  agenda_.derived();
  for (const ReleaseChecks::Stopped& stopped : checks_.stop(due)) {
    auto [centre, entry] = stopped.entry;
    Circumstances around = surroundings_.circumstances(*centre, *entry);
    around.stopped = stopped.by;
    if (entry->ready_since_ms == 0) entry->ready_since_ms = time_;
    changes_.keep(*centre, *entry);
    statuses_.publish(*centre, *entry, derive(*entry, around, time_), around, time_);
  }
  for (auto [centre, entry] : due) {
    if (!entry->issued.any()) entry->ready_since_ms = time_;
    changes_.keep(*centre, *entry);
  }
  if (!due.empty()) issuing_.issue(due, time_);
}

// ---- reads ----

const Centre* Partition::centre(CentreId id) {
  if (!centres_.has(id)) return nullptr;
  const Centre& centre = load(id);
  if (!centre.set_aside.empty()) throw CentreSetAside("Centre " + text_of(id) + " is set aside, for its records cannot be read: " + centre.set_aside);
  return &centre;
}

Derived Partition::derive_now(const Centre& centre, const Entry& entry) const {
  return derive(entry, surroundings_.circumstances(centre, entry), time_);
}

v1::EntryStatus Partition::describe(const Centre& centre, const Entry& entry, bool in_full) const {
  return vtq::describe(centre, entry, surroundings_.circumstances(centre, entry), in_full, time_);
}

BatchView Partition::view(const Centre& centre, const v1::ResultBatch& batch, Role role, const GateTime& time) const {
  return view_batch(surroundings_, centre, batch, role, time);
}

bool Partition::may_show(const Centre& centre, const EntryKey& key, const Qualification& qualification, const GateTime& time) const {
  return vtq::may_show(surroundings_, centre, key, qualification, time);
}

std::size_t Partition::waiting() const {
  std::size_t sum = 0;
  centres_.each([&](const Centre& centre) { sum += centre.summary.waiting; });
  return sum;
}

}  // namespace vtq
