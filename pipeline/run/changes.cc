#include "pipeline/run/changes.h"

#include <algorithm>

namespace vtq {

void Changes::keep_slot(Centre& centre, std::string slot) {
  centre.slots_to_store.push_back(std::move(slot));
  mark(centre);
}

void Changes::keep_waiting(Centre& centre, const WaitingKey& key) {
  centre.waiting_to_store.push_back(key);
  mark(centre);
}

void Changes::erase_waiting(Centre& centre, const WaitingKey& key) {
  centre.waiting_to_erase.push_back(key);
  mark(centre);
}

void Changes::write(std::uint32_t partition, TimeMs now, Durations& durations, StateWriter& writer) {
  // In the order of their keys: stores take them faster so.
  std::sort(entries_.begin(), entries_.end());
  for (const KeptEntry& kept : entries_) {
    writer.put_entry(partition, kept.centre->id, *kept.entry);
    kept.entry->to_store = false;
  }
  entries_.clear();
  for (Centre* centre : centres_) write(partition, *centre, writer);
  centres_.clear();
  durations.write_changed([&](const Durations::Key& key, const Durations::Counts& counts) { writer.put_durations(partition, key, counts); });
  if (std::exchange(time_, false)) writer.put_time(partition, now);
}

void Changes::write(std::uint32_t partition, Centre& centre, StateWriter& writer) {
  // A slot that changed twice is written once.
  std::vector<std::string>& slots = centre.slots_to_store;
  std::sort(slots.begin(), slots.end());
  slots.erase(std::unique(slots.begin(), slots.end()), slots.end());
  for (const std::string& slot : slots) {
    const Reference::Slot& held = centre.facts.slots.find(slot)->second;
    writer.put_slot(partition, centre.id, slot, held.stamp, held.event);
  }
  slots.clear();
  // Erased first: a fact whose time ran out may have come again since.
  for (const WaitingKey& key : centre.waiting_to_erase) writer.erase_waiting(partition, centre.id, key);
  centre.waiting_to_erase.clear();
  for (const WaitingKey& key : centre.waiting_to_store) {
    WaitingRecord* record = centre.waiting.find(key);
    if (!record) continue;
    writer.put_waiting(partition, centre.id, *record);
    record->token = -1;
  }
  centre.waiting_to_store.clear();
  const CentreSummary& summary = centre.summary;
  bool wakes_otherwise = summary.next_wake_ms != centre.stored_wake_ms || summary.derive_all != centre.stored_derive_all;
  if (centre.summary_to_store || wakes_otherwise) writer.put_summary(partition, centre.id, summary);
  centre.summary_to_store = false;
  centre.stored_wake_ms = summary.next_wake_ms;
  centre.stored_derive_all = summary.derive_all;
  centre.in_dirty_list = false;
}

}  // namespace vtq
