#include "pipeline/run/partition.h"

#include <algorithm>
#include <cstdlib>
#include <tuple>

#include "pipeline/base/batch_id.h"
#include "pipeline/facts/scrutiny_facts.h"
#include "pipeline/rules/mitigation.h"
#include "pipeline/rules/scrutiny.h"
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

bool before_by_key(const Entry* a, const Entry* b) { return a->key < b->key; }

int severity(v1::Band band) { return band <= v1::ON_TRACK ? 0 : static_cast<int>(band); }

}  // namespace

Verdict::Kind kind_of(Merged merged) {
  switch (merged) {
    case Merged::applied:
      return Verdict::Kind::accepted;
    case Merged::superseded:
      return Verdict::Kind::superseded;
    case Merged::duplicate:
      return Verdict::Kind::duplicate;
  }
  return {};
}

// ---- Centre ----

Entry* Centre::find(const EntryKey& key) {
  auto at = index_.find(key);
  return at == index_.end() ? nullptr : *at;
}

const Entry* Centre::find(const EntryKey& key) const {
  auto at = index_.find(key);
  return at == index_.end() ? nullptr : *at;
}

Entry& Centre::add(const EntryKey& key) {
  Entry& entry = entries.emplace_back();
  entry.key = key;
  index_.insert(&entry);
  if (!by_key_.empty()) by_key_.insert(std::upper_bound(by_key_.begin(), by_key_.end(), &entry, before_by_key), &entry);
  return entry;
}

const std::vector<const Entry*>& Centre::by_key() const {
  if (by_key_.empty()) {
    by_key_.reserve(entries.size());
    for (const Entry& entry : entries) by_key_.push_back(&entry);
    std::sort(by_key_.begin(), by_key_.end(), before_by_key);
  }
  return by_key_;
}

void Centre::unload() {
  loaded = false;
  facts = {};
  scrutiny = nullptr;
  index_ = {};
  by_key_ = {};
  entries = {};
  waiting = {};
}

// ---- Partition: reading and loading ----

Partition::Partition(std::uint32_t index, Shared& shared)
    : index_(index), shared_(shared), durations_(shared.policy.durations) {}

void Partition::restore() {
  time_ = shared_.store.time(index_);
  shared_.store.each_durations(index_, [&](const Durations::Key& key, const Durations::Counts& counts) {
    durations_.restore(key, counts);
  });
  shared_.store.each_summary(index_, [&](CentreId id, CentreSummary&& summary) {
    auto& centre = centres_[id] = std::make_unique<Centre>();
    centre->id = id;
    centre->summary = std::move(summary);
    centre->stored_wake_ms = centre->summary.next_wake_ms;
    centre->stored_derive_all = centre->summary.derive_all;
    if (centre->summary.next_wake_ms != kNever) wakes_.insert({centre->summary.next_wake_ms, id});
    for (const auto& [cell, entries] : centre->summary.cells.all()) add_to_totals(cell, entries);
  });
}

void Partition::leave_totals() {
  for (const auto& [id, centre] : centres_)
    for (const auto& [cell, entries] : centre->summary.cells.all()) add_to_totals(cell, -entries);
}

Centre& Partition::centre_of(CentreId id) {
  auto& centre = centres_[id];
  if (!centre) {
    centre = std::make_unique<Centre>();
    centre->id = id;
    centre->loaded = true;
    // Its summary is how the centre is found again after a restart.
    centre->summary_to_store = true;
    mark(*centre);
  }
  return *centre;
}

Centre& Partition::load(CentreId id) {
  Centre& centre = centre_of(id);
  centre.last_used = ++uses_;
  if (centre.loaded || !centre.set_aside.empty()) return centre;
  try {
    shared_.store.each_slot(index_, id, [&](std::string_view slot, const Stamp& stamp, std::string_view event) {
      // It may be a word that stops.
      if (auto fact = stored_fact(event))
        vtq::restore(centre.facts, slot, stamp, *fact, event);
      else
        centre.set_aside = "A stored fact is of a form that this version does not take.";
    });
    shared_.store.each_entry(index_, id, [&](Entry&& stored) {
      Entry& entry = centre.add(stored.key) = std::move(stored);
      share_words(entry);
    });
    shared_.store.each_parked(index_, id, [&](Parked&& parked) { put_waiting(centre, read_waiting(std::move(parked))); });
  } catch (const DamagedRecords& damaged) {
    centre.set_aside = damaged.damage();
  }
  if (!centre.set_aside.empty()) {
    centre.unload();
    return centre;
  }
  entries_loaded_ += centre.entries.size();
  centre.loaded = true;
  scrutinise_all(centre);
  if (centre.waiting.any_unreadable()) retry(centre);
  return centre;
}

void Partition::share_words(Entry& entry) const {
  const Qualification* qualification = shared_.reference.qualification(entry.key.qualification);
  if (qualification && qualification->scale) vtq::share_words(entry, *qualification->scale);
}

void Partition::evict(std::size_t entries_max) {
  if (entries_loaded_ <= entries_max) return;
  std::vector<Centre*> loaded;
  for (auto& [id, centre] : centres_)
    if (centre->loaded && !centre->entries.empty()) loaded.push_back(centre.get());
  std::sort(loaded.begin(), loaded.end(), [](const Centre* a, const Centre* b) { return a->last_used < b->last_used; });
  for (Centre* centre : loaded) {
    if (entries_loaded_ <= entries_max - entries_max / 5) break;
    entries_loaded_ -= centre->entries.size();
    centre->unload();
  }
}

const Centre* Partition::centre(CentreId id) {
  if (!centres_.contains(id)) return nullptr;
  const Centre& centre = load(id);
  if (!centre.set_aside.empty()) throw CentreSetAside("Centre " + text_of(id) + " is set aside, for its records cannot be read: " + centre.set_aside);
  return &centre;
}

void Partition::each_centre(const std::function<void(const Centre&)>& look) const {
  for (const auto& [id, centre] : centres_) look(*centre);
}

std::size_t Partition::parked() const {
  std::size_t sum = 0;
  for (const auto& [id, centre] : centres_) sum += centre->summary.parked;
  return sum;
}

Circumstances Partition::circumstances(const Centre& centre, const Entry& entry) const {
  const EntryKey& key = entry.key;
  const Reference& reference = shared_.reference;
  const Qualification* qualification = reference.qualification(key.qualification);
  if (!qualification) std::abort();  // registered entries have a known qualification; reference data is never removed
  // A qualification may be moved to an awarding organisation that is not known yet, under entries already registered.
  static const AwardingOrganisation kUnknown{};
  const AwardingOrganisation* ao = reference.awarding_organisation(qualification->awarding_organisation);
  if (!ao) ao = &kUnknown;
  CohortKey cohort{qualification->awarding_organisation, qualification->level, key.series};
  const ReleasePlan* plan = centre.facts.plans.empty() ? nullptr : centre.facts.release_plan(cohort);
  if (!plan) plan = reference.release_plan(cohort);
  // Either may stop issuing; the centre's own word cannot undo a stop for all. So may whoever issued the result, where the qualification
  // has moved since.
  auto halted_by = [&](AwardingOrganisationId by) {
    return reference.halted(by, key.series) || centre.facts.halted(by, key.series).value_or(false);
  };
  bool moved = entry.issued.any() && entry.issued.awarding_organisation != cohort.awarding_organisation;
  bool halted = halted_by(cohort.awarding_organisation) || (moved && halted_by(entry.issued.awarding_organisation));
  Circumstances around{.qualification = *qualification,
                       .awarding_organisation = *ao,
                       .calendar = reference.calendar(cohort, key.qualification),
                       .plan = plan,
                       .halted = halted,
                       .centre = centre.facts,
                       .durations = durations_,
                       .release = shared_.policy.release,
                       .scrutiny = centre.scrutiny ? centre.scrutiny->of(key.qualification) : nullptr};
  if (qualification->mitigations || entry.facts.particulars || entry.issued.basis == v1::CALCULATED_UNITS)
    mitigate(around, reference, centre.id, entry);
  return around;
}

Derived Partition::derive_now(const Centre& centre, const Entry& entry) const {
  return derive(entry, circumstances(centre, entry), time_);
}

// ---- facts in ----

Verdict Partition::apply(const v1::Event& event, std::string_view bytes, const Address& address, std::int64_t token) {
  Centre& centre = load(address.centre);
  if (!centre.set_aside.empty())
    return {Verdict::Kind::set_aside, Rejection{"centre", "centre-readable", text_of(centre.id), "The centre is set aside, for its records cannot be read: " + centre.set_aside + " Send the event again once that is mended."}};
  // Much of what follows waits for memory: what the entry points to is asked for first.
  Entry* entry = address.subject == Subject::entry ? centre.find(address.entry) : nullptr;
  if (entry) entry->facts.said.prefetch();
  Stamp stamp = stamp_of(event, bytes);
  if (auto unfit = fits(event, address, shared_.reference))
    return park(centre, event, bytes, address, std::move(*unfit), shared_.policy.reference_wait_ms, token);
  if (auto missing = waits_for(centre, entry, event, address))
    return park(centre, event, bytes, address, std::move(*missing), shared_.policy.registration_wait_ms, token);
  return address.subject == Subject::entry ? apply_to_entry(centre, entry, event, address, stamp)
                                           : apply_to_centre(centre, event, bytes, stamp);
}

/// What a fact names that is not there yet: its entry's registration, or the batch that it acknowledges. A batch has its name only once it
/// was issued, so only where facts come out of their order.
std::optional<Rejection> Partition::waits_for(const Centre& centre, const Entry* entry, const v1::Event& event, const Address& address) const {
  if (address.subject == Subject::entry && !event.has_registered() && !entry)
    return Rejection{fact_name(event) + ".entry", std::string(kEntryRegistered), text_of(address.centre) + " " + text_of(address.entry.qualification) + " " + text_of(address.entry.series),
                     "No registration came for this entry in time; send its Registered, then replay this record."};
  if (!event.has_batch_acknowledged()) return std::nullopt;
  const std::string& batch = event.batch_acknowledged().batch();
  BatchId id = *parse_batch_id(batch);
  for (const Sequence& sequence : centre.summary.sequences)
    if (sequence.awarding_organisation == id.awarding_organisation && sequence.series == id.series && sequence.number >= id.number)
      return std::nullopt;
  return Rejection{"batchAcknowledged.batch", "batch-known", batch,
                   "No batch of this name was issued in time; correct the name, see resultsctl batches, then send the acknowledgement again."};
}

Verdict Partition::apply_to_entry(Centre& centre, Entry* entry, const v1::Event& event, const Address& address, const Stamp& stamp) {
  if (!entry) {
    entry = &centre.add(address.entry);
    ++entries_loaded_;
    retry_for(centre, address.entry);
  }
  Verdict verdict;
  const auto before = entry->facts.particulars;
  verdict.kind = kind_of(merge(entry->facts, event, stamp, &verdict.clash));
  // A word that came late holds no slot, but may tell since when something has been said.
  const auto& after = entry->facts.particulars;
  auto told_since = [&] { return before != after && !(before && after && *before == *after); };
  if (verdict.kind != Verdict::Kind::accepted && !told_since()) return verdict;
  // What was learned of units names no grade in words.
  if (!event.has_outcome_recorded() && !event.has_prior_learning_recognised()) share_words(*entry);
  keep(centre, *entry);
  touch(centre, *entry);
  if (shared_.reference.has_strategies() && concerns_scrutiny(centre, *entry, event)) scrutiny_due(centre, entry->key.qualification);
  return verdict;
}

Verdict Partition::apply_to_centre(Centre& centre, const v1::Event& event, std::string_view bytes, const Stamp& stamp) {
  CentreChange change;
  Verdict verdict;
  verdict.kind = kind_of(merge(centre.facts, event, bytes, stamp, change, &verdict.clash));
  if (verdict.kind != Verdict::Kind::accepted) return verdict;
  centre.slots_to_store.push_back(slot_of(event));
  mark(centre);
  if (event.has_batch_acknowledged()) acknowledge(centre, event.batch_acknowledged().batch(), stamp.at_ms);
  if (event.has_issuing_halted()) note_halt(centre, event.issuing_halted(), stamp.at_ms);
  if (!change.none) touch_changed(centre, change);
  if (shared_.reference.has_strategies()) scrutiny_due(centre, std::nullopt);
  return verdict;
}

Verdict Partition::park(Centre& centre, const v1::Event& event, std::string_view bytes, const Address& address, Rejection why, TimeMs wait,
                        std::int64_t token) {
  WaitingKey key = waiting_key(event);
  if (centre.waiting.has(key)) return {Verdict::Kind::duplicate};
  Parked parked{std::string(bytes), key, address.topic, time_ + wait, std::move(why), token};
  if (shared_.origin_of) parked.origin = shared_.origin_of(token);
  if (centre.waiting.size() >= shared_.policy.parked_per_centre_max) {
    parked.why.rule = "waiting-facts-max";
    parked.why.message = "Too many facts of this centre wait already. " + parked.why.message;
    return reject(std::move(parked));
  }
  Verdict verdict{Verdict::Kind::waiting, parked.why, parked.until_ms};
  put_waiting(centre, {std::move(parked), address});
  centre.waiting_to_store.push_back(key);
  count_waiting(centre);
  wake_by(centre, time_ + wait);
  return verdict;
}

void Partition::put_waiting(Centre& centre, WaitingFact&& fact) {
  first_expiry_ms_ = std::min(first_expiry_ms_, fact.parked.until_ms);
  centre.waiting.put(std::move(fact));
}

void Partition::count_waiting(Centre& centre) {
  centre.summary.parked = static_cast<std::uint32_t>(centre.waiting.size());
  centre.summary_to_store = true;
  mark(centre);
}

void Partition::touch(Centre& centre, Entry& entry) {
  if (!entry.to_derive) {
    entry.to_derive = true;
    touched_.push_back({&centre, &entry});
  }
}

void Partition::keep(Centre& centre, Entry& entry) {
  if (entry.to_store) return;
  entry.to_store = true;
  to_store_.emplace_back(centre, entry);
}

void Partition::touch_changed(Centre& centre, const CentreChange& change) {
  for (Entry& entry : centre.entries) {
    if (change.qualification && *change.qualification != entry.key.qualification) continue;
    if (change.series && *change.series != entry.key.series) continue;
    if (!change.learner.empty() && change.learner != entry.key.learner) continue;
    if (change.awarding_organisation) {
      const Qualification* qualification = shared_.reference.qualification(entry.key.qualification);
      bool issued_it = entry.issued.any() && entry.issued.awarding_organisation == *change.awarding_organisation;
      if (qualification->awarding_organisation != *change.awarding_organisation && !issued_it) continue;
    }
    touch(centre, entry);
  }
}

void Partition::acknowledge(Centre& centre, const std::string& batch, TimeMs at) {
  BatchId id = *parse_batch_id(batch);
  for (Entry& entry : centre.entries) {
    if (entry.issued.batch_number != id.number || entry.key.series != id.series) continue;
    if (entry.issued.awarding_organisation != id.awarding_organisation) continue;
    entry.acknowledged_ms = at;
    keep(centre, entry);
    touch(centre, entry);
  }
}

void Partition::note_halt(Centre& centre, const v1::IssuingHalted& fact, TimeMs at) {
  HaltInForce halt{*parse_awarding_organisation(fact.awarding_organisation()), *parse_series(fact.series()), at};
  auto& halts = centre.summary.halts;
  std::erase_if(halts, [&](const HaltInForce& held) {
    return held.awarding_organisation == halt.awarding_organisation && held.series == halt.series;
  });
  if (fact.halted()) halts.insert(std::upper_bound(halts.begin(), halts.end(), halt), halt);
  centre.summary_to_store = true;
}

void Partition::mark(Centre& centre) {
  if (centre.in_dirty_list) return;
  centre.in_dirty_list = true;
  dirty_.push_back(&centre);
}

void Partition::wake_by(Centre& centre, TimeMs at) {
  if (at >= centre.summary.next_wake_ms) return;
  if (centre.summary.next_wake_ms != kNever) wakes_.erase({centre.summary.next_wake_ms, centre.id});
  centre.summary.next_wake_ms = at;
  wakes_.insert({at, centre.id});
  mark(centre);
}

void Partition::reference_changed(const std::vector<ReferenceChange>& changes) {
  bool requalified =
      std::any_of(changes.begin(), changes.end(), [](const ReferenceChange& change) { return change.qualification.has_value(); });
  for (auto& [id, held] : centres_) {
    retry(*held);
    if (requalified) move_counts(*held);
    // The summary tells cheaply whether any entry here is concerned.
    auto concerns = [&](const Cell& cell) {
      return std::any_of(changes.begin(), changes.end(), [&](const ReferenceChange& change) {
        return (!change.qualification || *change.qualification == cell.qualification) &&
               (!change.awarding_organisation || *change.awarding_organisation == cell.awarding_organisation) &&
               (!change.level || *change.level == cell.level) && (!change.series || *change.series == cell.series);
      });
    };
    const auto& cells = held->summary.cells.all();
    if (std::none_of(cells.begin(), cells.end(), [&](const auto& cell) { return concerns(cell.first); })) continue;
    derive_all(*held);
  }
}

void Partition::reference_changed_unseen() {
  for (auto& [id, held] : centres_) {
    retry(*held);
    move_counts(*held);
    if (!held->summary.cells.all().empty() || held->summary.parked > 0) derive_all(*held);
  }
}

/// Facts that wait for reference data are tried again when the window closes.
void Partition::retry(Centre& centre) {
  if (centre.summary.parked == 0 || centre.retry_for_reference) return;
  centre.retry_for_reference = true;
  if (centre.retry_for.empty()) retrying_.push_back(&centre);
}

/// So are those that wait for the entry, which was registered.
void Partition::retry_for(Centre& centre, const EntryKey& entry) {
  if (!centre.waiting.any_for(entry)) return;
  if (centre.retry_for.empty() && !centre.retry_for_reference) retrying_.push_back(&centre);
  centre.retry_for.push_back(entry);
}

void Partition::derive_all(Centre& centre) {
  derived_all(centre);
  centre.summary.derive_all = true;
  mark(centre);
  wake_by(centre, time_);
}

void Partition::derived_all(Centre& centre) {
  centre.summary.derive_all = false;
  centre.estimates_of.clear();
}

/// Counts go along when a qualification changes its level or its awarding organisation.
void Partition::move_counts(Centre& centre) {
  for (const auto& [cell, entries] : std::vector(centre.summary.cells.all())) {
    const Qualification* qualification = shared_.reference.qualification(cell.qualification);
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

// ---- time ----

bool Partition::advance(TimeMs to) { return move_time(to, to); }

bool Partition::approach(TimeMs to) { return move_time(to, to - 1); }

bool Partition::move_time(TimeMs to, TimeMs wakes_until) {
  if (shared_.frozen) return true;
  while (!wakes_.empty() && wakes_.begin()->first <= wakes_until) {
    if (shared_.woken >= shared_.policy.woken_per_commit_max) return false;
    TimeMs at = std::max(wakes_.begin()->first, time_);
    // The daemon was down, or stood still: nothing is dated back.
    if (to - at > shared_.wake_late_max_ms) at = to;
    if (at > time_) {
      time_ = at;
      time_to_store_ = true;
    }
    wake_due_centres(at);
    settle();
  }
  if (to > time_) {
    time_ = to;
    time_to_store_ = true;
  }
  return true;
}

/// Wakes centres due at `at`, as many as one commit bears.
void Partition::wake_due_centres(TimeMs at) {
  while (!wakes_.empty() && wakes_.begin()->first <= at && shared_.woken < shared_.policy.woken_per_commit_max) {
    CentreId id = wakes_.begin()->second;
    wakes_.erase(wakes_.begin());
    std::size_t before = touched_.size();
    // Of a centre that was out of memory nobody knows what its scrutiny was before: all that it may concern is derived.
    bool was_loaded = centre_of(id).loaded;
    Centre& centre = load(id);
    if (!centre.set_aside.empty()) continue;
    wake_centre(centre);
    if (!was_loaded && centre.scrutiny)
      for (Entry& entry : centre.entries)
        if (centre.scrutiny->of(entry.key.qualification)) touch(centre, entry);
    shared_.woken += touched_.size() - before + 1;
  }
}

void Partition::wake_centre(Centre& centre) {
  centre.summary.next_wake_ms = kNever;
  mark(centre);
  TimeMs next = kNever;
  bool all = centre.summary.derive_all && centre.estimates_of.empty();
  if (all) retry(centre);
  for (Entry& entry : centre.entries) {
    if (all || entry.wake_at_ms <= time_ || rests_on_estimates(centre, entry))
      touch(centre, entry);
    else
      next = std::min(next, entry.wake_at_ms);
  }
  derived_all(centre);
  // Those whose time is over now are rejected when the window closes.
  if (TimeMs expiry = centre.waiting.next_expiry(); expiry > time_) next = std::min(next, expiry);
  wake_by(centre, next);
  if (shared_.reference.has_strategies()) scrutiny_due(centre, std::nullopt);
}

// ---- status out ----

void Partition::settle() {
  if (!retrying_.empty()) retry_waiting();
  if (!scrutiny_due_.empty()) settle_scrutiny();
  derive_touched();
  // What was issued just now is no claim that waits any more, and may be what an acknowledgement waits for.
  while (!scrutiny_due_.empty() || !retrying_.empty()) {
    if (!retrying_.empty()) retry_waiting();
    if (!scrutiny_due_.empty()) settle_scrutiny();
    derive_touched();
  }
  if (first_expiry_ms_ <= time_) {
    for (std::size_t at = 0; at < dirty_.size(); ++at) expire_waiting(*dirty_[at]);
    first_expiry_ms_ = kNever;
    for (const auto& [id, centre] : centres_) first_expiry_ms_ = std::min(first_expiry_ms_, centre->waiting.next_expiry());
  }
  for (AwardingOrganisationId moved : durations_.settle()) estimates_moved(moved);
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
  const Qualification* qualification = shared_.reference.qualification(entry.key.qualification);
  const auto& of = centre.estimates_of;
  return std::find(of.begin(), of.end(), qualification->awarding_organisation) != of.end();
}

void Partition::retry_waiting() {
  // What is applied may register entries that others wait for.
  while (!retrying_.empty()) {
    Centre& centre = load(retrying_.back()->id);
    retrying_.pop_back();
    std::vector<EntryKey> entries = std::exchange(centre.retry_for, {});
    bool for_reference = std::exchange(centre.retry_for_reference, false);
    if (!centre.set_aside.empty()) continue;
    for (const EntryKey& entry : entries)
      for (WaitingFact& fact : centre.waiting.take_for(entry)) retry(centre, std::move(fact));
    if (for_reference)
      for (WaitingFact& fact : centre.waiting.take_for_reference()) retry(centre, std::move(fact));
    if (centre.waiting.size() != centre.summary.parked) count_waiting(centre);
  }
}

void Partition::retry(Centre& centre, WaitingFact&& fact) {
  Parked& parked = fact.parked;
  v1::Event event;
  if (!fact.address || !event.ParseFromString(parked.event)) {
    parked.why = fact.address ? Rejection{"event", "protobuf-form", "", "The stored bytes are no event; send the fact again."}
                              : fact.address.error();
    return reject_waiting(centre, std::move(parked));
  }
  const Address& to = fact.address.value();
  auto unfit = fits(event, to, shared_.reference);
  Entry* entry = to.subject == Subject::entry ? centre.find(to.entry) : nullptr;
  if (!unfit) unfit = waits_for(centre, entry, event, to);
  if (unfit) {
    // It may wait for something else than before.
    if (std::tie(unfit->rule, unfit->field, unfit->value) != std::tie(parked.why.rule, parked.why.field, parked.why.value)) {
      parked.why = std::move(*unfit);
      centre.waiting_to_store.push_back(parked.key);
      mark(centre);
    }
    put_waiting(centre, std::move(fact));
    return;
  }
  Stamp stamp = stamp_of(event, parked.event);
  Verdict verdict = to.subject == Subject::entry ? apply_to_entry(centre, entry, event, to, stamp)
                                                 : apply_to_centre(centre, event, parked.event, stamp);
  if (parked.token >= 0) shared_.verdicts[static_cast<std::size_t>(parked.token)] = std::move(verdict);
  centre.waiting_to_erase.push_back(parked.key);
}

void Partition::expire_waiting(Centre& centre) {
  if (!centre.loaded || centre.waiting.next_expiry() > time_) return;
  for (WaitingFact& fact : centre.waiting.take_expired(time_)) reject_waiting(centre, std::move(fact.parked));
  count_waiting(centre);
  // The wake that brought this one was for the first of them alone.
  wake_by(centre, centre.waiting.next_expiry());
}

void Partition::reject_waiting(Centre& centre, Parked&& parked) {
  centre.waiting_to_erase.push_back(parked.key);
  std::int64_t token = parked.token;
  Verdict verdict = reject(std::move(parked));
  if (token >= 0) shared_.verdicts[static_cast<std::size_t>(token)] = std::move(verdict);
}

Verdict Partition::refuse(std::string_view bytes, Topic topic, Rejection why, std::int64_t token) {
  Parked refused{.event = std::string(bytes), .key = {}, .topic = topic, .until_ms = time_, .why = std::move(why), .token = token};
  if (shared_.origin_of) refused.origin = shared_.origin_of(token);
  return reject(std::move(refused));
}

Verdict Partition::reject(Parked&& parked) {
  v1::Rejected rejected;
  rejected.set_topic(std::string(topic_name(parked.topic)));
  rejected.set_original(std::move(parked.event));
  rejected.set_field(parked.why.field);
  rejected.set_rule(parked.why.rule);
  rejected.set_value(parked.why.value);
  rejected.set_message(parked.why.message);
  set_time(rejected.mutable_rejected_at(), time_);
  // Without its origin the record is still rejected, and kept.
  if (!parked.origin.empty() && !rejected.mutable_origin()->ParseFromString(parked.origin)) rejected.clear_origin();
  std::string id = shared_.outputs.rejected(index_, std::move(rejected));
  return {Verdict::Kind::rejected, std::move(parked.why), 0, std::move(id)};
}

void Partition::derive_touched() {
  std::vector<ToIssue> due;
  for (std::size_t at = 0; at < touched_.size(); ++at) {
    auto [centre, entry] = touched_[at];
    entry->to_derive = false;
    Circumstances around = circumstances(*centre, *entry);
    Derived derived = derive(*entry, around, time_);
    // While time is frozen it waits for the first wake after that.
    if (derived.issue_now && shared_.frozen) derive_all(*centre);
    if (derived.issue_now && !shared_.frozen) {
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
  auto at = shared_.totals.try_emplace(cell, 0).first;
  at->second += by;
  if (at->second == 0) shared_.totals.erase(at);
}

void Partition::publish(Centre& centre, Entry& entry, Derived& derived, const Circumstances& around) {
  // An entry that was looked at and found as it was is not written again. Of one that is to be looked at later than the store has it, the
  // store's word costs a look after the next start, and nothing else.
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
  shared_.outputs.entry_status(index_, centre.id, status);
  if (before.mitigation != entry.status.mitigation || before.expected_ms != entry.status.expected_ms)
    tell_mitigation(centre, entry, before, around);
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
  shared_.outputs.notification(index_, centre.id, notification);
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
  shared_.outputs.notification(index_, centre.id, notification);
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

// ---- commit ----

/// Numbers of centres take 17 bits, those of series 16, those of qualifications 27.
Partition::ToStore::ToStore(Centre& of, Entry& changed)
    : place((std::uint64_t{number(of.id)} << 43) | (std::uint64_t{number(changed.key.series)} << 27) | number(changed.key.qualification)),
      centre(&of),
      entry(&changed) {}

void Partition::write(StateWriter& writer) {
  // In the order of their keys: stores take them faster so.
  std::sort(to_store_.begin(), to_store_.end());
  for (const ToStore& changed : to_store_) {
    writer.put_entry(index_, changed.centre->id, *changed.entry);
    changed.entry->to_store = false;
  }
  to_store_.clear();
  for (Centre* centre : dirty_) {
    // A slot that changed twice is written once.
    std::sort(centre->slots_to_store.begin(), centre->slots_to_store.end());
    centre->slots_to_store.erase(std::unique(centre->slots_to_store.begin(), centre->slots_to_store.end()), centre->slots_to_store.end());
    for (const std::string& slot : centre->slots_to_store) {
      const Reference::Slot& held = centre->facts.slots.find(slot)->second;
      writer.put_slot(index_, centre->id, slot, held.stamp, held.event);
    }
    centre->slots_to_store.clear();
    // Erased first: a fact whose time ran out may have come again since.
    for (const WaitingKey& key : centre->waiting_to_erase) writer.erase_parked(index_, centre->id, key);
    centre->waiting_to_erase.clear();
    for (const WaitingKey& key : centre->waiting_to_store) {
      Parked* parked = centre->waiting.find(key);
      if (!parked) continue;
      writer.put_parked(index_, centre->id, *parked);
      parked->token = -1;
    }
    centre->waiting_to_store.clear();
    const CentreSummary& summary = centre->summary;
    bool wakes_otherwise = summary.next_wake_ms != centre->stored_wake_ms || summary.derive_all != centre->stored_derive_all;
    if (centre->summary_to_store || wakes_otherwise) writer.put_summary(index_, centre->id, summary);
    centre->summary_to_store = false;
    centre->stored_wake_ms = summary.next_wake_ms;
    centre->stored_derive_all = summary.derive_all;
    centre->in_dirty_list = false;
  }
  dirty_.clear();
  durations_.write_changed(
      [&](const Durations::Key& key, const Durations::Counts& counts) { writer.put_durations(index_, key, counts); });
  if (std::exchange(time_to_store_, false)) writer.put_time(index_, time_);
}

}  // namespace vtq
