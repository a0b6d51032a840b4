#include "pipeline/run/partition.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "pipeline/base/batch_id.h"
#include "pipeline/facts/scrutiny_facts.h"
#include "pipeline/rules/mitigation.h"
#include "pipeline/rules/scrutiny.h"

namespace vtq {

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

// ---- Partition: reading and loading ----

Partition::Partition(std::uint32_t index, const Policy& policy, TimeMs wake_late_max_ms, const Reference& reference, StateStore& store,
                     Outputs& outputs)
    : index_(index),
      policy_(policy),
      wake_late_max_ms_(wake_late_max_ms),
      reference_(reference),
      store_(store),
      outputs_(outputs),
      durations_(policy.durations) {}

void Partition::restore() {
  time_ = store_.time(index_);
  store_.each_durations(index_, [&](const Durations::Key& key, const Durations::Counts& counts) { durations_.restore(key, counts); });
  store_.each_summary(index_, [&](CentreId id, CentreSummary&& summary) {
    auto& centre = centres_[id] = std::make_unique<Centre>();
    centre->id = id;
    centre->summary = std::move(summary);
    centre->stored_wake_ms = centre->summary.next_wake_ms;
    centre->stored_derive_all = centre->summary.derive_all;
    if (centre->summary.next_wake_ms != kNever) wakes_.insert({centre->summary.next_wake_ms, id});
    for (const auto& [cell, entries] : centre->summary.cells.all()) add_to_totals(cell, entries);
  });
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
    store_.each_slot(index_, id, [&](std::string_view slot, const Stamp& stamp, std::string_view event) {
      // It may be a word that stops.
      if (auto fact = stored_fact(event))
        vtq::restore(centre.facts, slot, stamp, fact->event, fact->address, event);
      else
        centre.set_aside = "A stored fact is of a form that this version does not take.";
    });
    store_.each_entry(index_, id, [&](Entry&& stored) {
      Entry& entry = centre.add(stored.key) = std::move(stored);
      share_words(entry);
    });
    store_.each_parked(index_, id, [&](Parked&& parked) { put_waiting(centre, read_waiting(std::move(parked))); });
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
  const Qualification* qualification = reference_.qualification(entry.key.qualification);
  if (qualification && qualification->scale) vtq::share_words(entry, *qualification->scale);
}

void Partition::evict(std::size_t entries_max) {
  if (entries_loaded_ <= entries_max) return;
  std::vector<Centre*> loaded;
  for (auto& [id, centre] : centres_)
    if (centre->loaded && !centre->entries.empty()) loaded.push_back(centre.get());
  std::sort(loaded.begin(), loaded.end(), [](const Centre* a, const Centre* b) { return a->last_used < b->last_used; });
  // The one used last is about to be used again: one that is larger than its share would be read anew for every commit.
  if (entries_max > 0 && !loaded.empty()) loaded.pop_back();
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
  const Qualification* qualification = reference_.qualification(key.qualification);
  if (!qualification) std::abort();  // registered entries have a known qualification; reference data is never removed
  // A qualification may be moved to an awarding organisation that is not known yet, under entries already registered.
  static const AwardingOrganisation kUnknown{};
  const AwardingOrganisation* ao = reference_.awarding_organisation(qualification->awarding_organisation);
  if (!ao) ao = &kUnknown;
  CohortKey cohort{qualification->awarding_organisation, qualification->level, key.series};
  const ReleasePlan* plan = centre.facts.plans.empty() ? nullptr : centre.facts.release_plan(cohort);
  if (!plan) plan = reference_.release_plan(cohort);
  // Either may stop issuing; the centre's own word cannot undo a stop for all. So may whoever issued the result, where the qualification
  // has moved since.
  auto halted_by = [&](AwardingOrganisationId by) {
    return reference_.halted(by, key.series) || centre.facts.halted(by, key.series).value_or(false);
  };
  bool halted = halted_by(cohort.awarding_organisation);
  if (entry.issued.any() && entry.issued.awarding_organisation != cohort.awarding_organisation)
    halted = halted || halted_by(entry.issued.awarding_organisation);
  if (entry.issued.before)
    for (const IssuedBefore& one : *entry.issued.before) halted = halted || halted_by(one.awarding_organisation);
  Circumstances around{.qualification = *qualification,
                       .awarding_organisation = *ao,
                       .calendar = reference_.calendar(cohort, key.qualification),
                       .plan = plan,
                       .halted = halted,
                       .centre = centre.facts,
                       .durations = durations_,
                       .release = policy_.release,
                       .reference = &reference_,
                       .scrutiny = centre.scrutiny ? centre.scrutiny->of(key.qualification) : nullptr};
  if (qualification->mitigations || entry.facts.particulars || entry.issued.basis == v1::CALCULATED_UNITS)
    mitigate(around, reference_, centre.id, entry);
  return around;
}

Derived Partition::derive_now(const Centre& centre, const Entry& entry) const { return derive(entry, circumstances(centre, entry), time_); }

// ---- facts in ----

Verdict Partition::apply(const v1::Event& event, std::string_view bytes, const Address& address, std::int64_t token, const Round& round) {
  Centre& centre = load(address.centre);
  if (!centre.set_aside.empty())
    return {Verdict::Kind::set_aside,
            Rejection{"centre", "centre-readable", text_of(centre.id),
                      "The centre is set aside, for its records cannot be read: " + centre.set_aside + " Send the event again once that is mended."}};
  // Much of what follows waits for memory: what the entry points to is asked for first.
  Entry* entry = address.subject == Subject::entry ? centre.find(address.entry) : nullptr;
  if (entry) entry->facts.said.prefetch();
  Stamp stamp = stamp_of(event, bytes);
  if (auto unfit = fits(event, address, reference_))
    return park(centre, event, bytes, address, std::move(*unfit), policy_.reference_wait_ms, token, round);
  if (auto missing = waits_for(centre, entry, event, address))
    return park(centre, event, bytes, address, std::move(*missing), policy_.registration_wait_ms, token, round);
  if (auto full = one_too_many(centre, event, address, stamp)) return refuse(bytes, address.topic, std::move(*full), token, round);
  return address.subject == Subject::entry ? apply_to_entry(centre, entry, event, address, stamp)
                                           : apply_to_centre(centre, event, address, bytes, stamp);
}

/// What a fact names that is not there yet: its entry's registration, or the batch that it acknowledges. A batch has its name only once it
/// was issued, so only where facts come out of their order.
std::optional<Rejection> Partition::waits_for(const Centre& centre, const Entry* entry, const v1::Event& event, const Address& address) const {
  if (address.subject == Subject::entry && !event.has_registered() && !entry)
    return Rejection{fact_name(event) + ".entry", std::string(kEntryRegistered),
                     text_of(address.centre) + " " + text_of(address.entry.qualification) + " " + text_of(address.entry.series),
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
  if (reference_.has_strategies() && concerns_scrutiny(centre, *entry, event)) scrutiny_due(centre, entry->key.qualification);
  return verdict;
}

Verdict Partition::apply_to_centre(Centre& centre, const v1::Event& event, const Address& address, std::string_view bytes, const Stamp& stamp) {
  CentreChange change;
  Verdict verdict;
  verdict.kind = kind_of(merge(centre.facts, event, address, bytes, stamp, change, &verdict.clash));
  if (verdict.kind != Verdict::Kind::accepted) return verdict;
  centre.slots_to_store.push_back(slot_of(event));
  mark(centre);
  if (event.has_batch_acknowledged()) acknowledge(centre, event.batch_acknowledged().batch(), stamp.at_ms);
  if (event.has_issuing_halted()) note_halt(centre, address);
  if (!change.none) touch_changed(centre, change);
  if (reference_.has_strategies()) scrutiny_due(centre, std::nullopt);
  return verdict;
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
      const Qualification* qualification = reference_.qualification(entry.key.qualification);
      bool issued_it = entry.issued.any() && entry.issued.awarding_organisation == *change.awarding_organisation;
      if (entry.issued.before)
        for (const IssuedBefore& one : *entry.issued.before) issued_it = issued_it || one.awarding_organisation == *change.awarding_organisation;
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

void Partition::note_halt(Centre& centre, const Address& address) {
  // A word that comes late may be none of the present.
  const HaltWords& words = *centre.facts.halt_words(*address.awarding_organisation, *address.series);
  HaltInForce halt{words.awarding_organisation, words.series, words.words.rbegin()->first.at_ms};
  auto& halts = centre.summary.halts;
  std::erase_if(halts,
                [&](const HaltInForce& held) { return held.awarding_organisation == halt.awarding_organisation && held.series == halt.series; });
  if (words.halted()) halts.insert(std::upper_bound(halts.begin(), halts.end(), halt), halt);
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
  bool requalified = std::any_of(changes.begin(), changes.end(), [](const ReferenceChange& change) { return change.qualification.has_value(); });
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
    // Whoever issued results has a word in them, though their qualification may have moved since.
    auto issued_here = [&](const Sequence& sequence) {
      return std::any_of(changes.begin(), changes.end(), [&](const ReferenceChange& change) {
        return change.awarding_organisation == sequence.awarding_organisation && (!change.series || *change.series == sequence.series);
      });
    };
    const auto& sequences = held->summary.sequences;
    bool concerned = std::any_of(cells.begin(), cells.end(), [&](const auto& cell) { return concerns(cell.first); }) ||
                     std::any_of(sequences.begin(), sequences.end(), issued_here);
    if (!concerned) continue;
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

// ---- time ----

bool Partition::advance(TimeMs to, Round& round) { return move_time(to, to, round); }

bool Partition::approach(TimeMs to, Round& round) { return move_time(to, to - 1, round); }

bool Partition::move_time(TimeMs to, TimeMs wakes_until, Round& round) {
  if (round.frozen) return true;
  while (!wakes_.empty() && wakes_.begin()->first <= wakes_until) {
    if (round.woken >= policy_.woken_per_commit_max) return false;
    TimeMs at = std::max(wakes_.begin()->first, time_);
    // The daemon was down, or stood still: nothing is dated back.
    if (to - at > wake_late_max_ms_) at = to;
    if (at > time_) {
      time_ = at;
      time_to_store_ = true;
    }
    wake_due_centres(at, round);
    settle(round);
  }
  if (to > time_) {
    time_ = to;
    time_to_store_ = true;
  }
  return true;
}

/// Wakes centres due at `at`, as many as one commit bears.
void Partition::wake_due_centres(TimeMs at, Round& round) {
  while (!wakes_.empty() && wakes_.begin()->first <= at && round.woken < policy_.woken_per_commit_max) {
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
    round.woken += touched_.size() - before + 1;
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
  if (reference_.has_strategies()) scrutiny_due(centre, std::nullopt);
}

// ---- status out ----

void Partition::settle(Round& round) {
  if (!retrying_.empty()) retry_waiting(round);
  if (!scrutiny_due_.empty()) settle_scrutiny();
  derive_touched(round);
  // What was issued just now is no claim that waits any more, and may be what an acknowledgement waits for.
  while (!scrutiny_due_.empty() || !retrying_.empty()) {
    if (!retrying_.empty()) retry_waiting(round);
    if (!scrutiny_due_.empty()) settle_scrutiny();
    derive_touched(round);
  }
  if (first_expiry_ms_ <= time_) {
    for (std::size_t at = 0; at < dirty_.size(); ++at) expire_waiting(*dirty_[at], round);
    first_expiry_ms_ = kNever;
    for (const auto& [id, centre] : centres_) first_expiry_ms_ = std::min(first_expiry_ms_, centre->waiting.next_expiry());
  }
  for (AwardingOrganisationId moved : durations_.settle()) estimates_moved(moved);
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
  durations_.write_changed([&](const Durations::Key& key, const Durations::Counts& counts) { writer.put_durations(index_, key, counts); });
  if (std::exchange(time_to_store_, false)) writer.put_time(index_, time_);
}

}  // namespace vtq
