// The centres of a partition in memory. The summary of each is always there; facts, entries and what waits are read from the store when first needed,
// and let go of when too many are loaded. A centre whose records cannot be read is set aside, with nothing loaded, until the next start.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <memory>

#include "pipeline/run/changes.h"

namespace vtq {

/// Lets the entry's words be those of its qualification's scale, where it has one.
void share_words(Entry& entry, const Reference& reference);

class Centres {
 public:
  Centres(std::uint32_t partition, const Reference& reference, StateStore& store, Changes& changes)
      : partition_(partition), reference_(reference), store_(store), changes_(changes) {}

  /// A centre at start-up, as the store has it.
  const Centre& restore(CentreId id, CentreSummary&& summary);

  bool has(CentreId id) const { return centres_.contains(id); }
  /// Whatever of it is in memory; made where there is none.
  Centre& get(CentreId id);
  struct Loaded {
    Centre& centre;
    bool fresh = false;  ///< it came into memory by this call
  };
  /// With all that it has. It may come out set aside.
  Loaded load(CentreId id);
  /// A new entry of a loaded centre.
  Entry& add_entry(Centre& centre, const EntryKey& key);
  /// Unloads the longest unused until at most `entries_max` entries are loaded, but not the one used last, unless it is 0. What changed is in the
  /// store.
  void evict(std::size_t entries_max);

  /// Loaded ones.
  std::size_t entries() const { return entries_; }
  template <class Look>
  void each(Look look) const {
    for (const auto& [id, centre] : centres_) look(*centre);
  }

 private:
  void read(Centre& centre);

  const std::uint32_t partition_;
  const Reference& reference_;
  StateStore& store_;
  Changes& changes_;
  boost::unordered_flat_map<CentreId, std::unique_ptr<Centre>> centres_;
  std::size_t entries_ = 0;  // of all centres that are loaded
  std::uint64_t uses_ = 0;
};

}  // namespace vtq
