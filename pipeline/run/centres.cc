#include "pipeline/run/centres.h"

#include <algorithm>

namespace vtq {

void share_words(Entry& entry, const Reference& reference) {
  const Qualification* qualification = reference.qualification(entry.key.qualification);
  if (qualification && qualification->scale) share_words(entry, *qualification->scale);
}

const Centre& Centres::restore(CentreId id, CentreSummary&& summary) {
  auto& centre = centres_[id] = std::make_unique<Centre>();
  centre->id = id;
  centre->summary = std::move(summary);
  centre->stored_wake_ms = centre->summary.next_wake_ms;
  centre->stored_derive_all = centre->summary.derive_all;
  return *centre;
}

Centre& Centres::get(CentreId id) {
  auto& centre = centres_[id];
  if (!centre) {
    centre = std::make_unique<Centre>();
    centre->id = id;
    centre->loaded = true;
    // Its summary is how the centre is found again after a restart.
    changes_.keep_summary(*centre);
  }
  return *centre;
}

Centres::Loaded Centres::load(CentreId id) {
  Centre& centre = get(id);
  centre.last_used = ++uses_;
  if (centre.loaded || !centre.set_aside.empty()) return {centre};
  try {
    read(centre);
  } catch (const DamagedRecords& damaged) {
    centre.set_aside = damaged.damage();
  }
  if (!centre.set_aside.empty()) {
    centre.unload();
    return {centre};
  }
  entries_ += centre.entries.size();
  centre.loaded = true;
  return {centre, true};
}

void Centres::read(Centre& centre) {
  store_.each_slot(partition_, centre.id, [&](std::string_view slot, const Stamp& stamp, std::string_view event) {
    // It may be a word that stops.
    if (auto fact = stored_fact(event))
      vtq::restore(centre.facts, slot, stamp, fact->event, fact->address, event);
    else
      centre.set_aside = "A stored fact is of a form that this version does not take.";
  });
  store_.each_entry(partition_, centre.id, [&](Entry&& stored) {
    Entry& entry = centre.add(stored.key) = std::move(stored);
    share_words(entry, reference_);
  });
  store_.each_waiting(partition_, centre.id, [&](WaitingRecord&& record) { centre.waiting.put(read_waiting(std::move(record))); });
}

Entry& Centres::add_entry(Centre& centre, const EntryKey& key) {
  ++entries_;
  return centre.add(key);
}

void Centres::evict(std::size_t entries_max) {
  if (entries_ <= entries_max) return;
  std::vector<Centre*> loaded;
  for (auto& [id, centre] : centres_)
    if (centre->loaded && !centre->entries.empty()) loaded.push_back(centre.get());
  std::sort(loaded.begin(), loaded.end(), [](const Centre* a, const Centre* b) { return a->last_used < b->last_used; });
  // The one used last is about to be used again: one that is larger than its share would be read anew for every commit.
  if (entries_max > 0 && !loaded.empty()) loaded.pop_back();
  for (Centre* centre : loaded) {
    if (entries_ <= entries_max - entries_max / 5) break;
    entries_ -= centre->entries.size();
    centre->unload();
  }
}

}  // namespace vtq
