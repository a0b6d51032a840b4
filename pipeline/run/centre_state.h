// A centre in memory: its summary always, its facts and entries once loaded, and what the window and the commit under way owe it. Plain values;
// the partition's thread only.
#pragma once

#include <boost/unordered/unordered_flat_set.hpp>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/facts/merge.h"
#include "pipeline/run/ports.h"
#include "pipeline/run/waiting.h"

namespace vtq {

/// A centre in memory. The summary is always there; the rest once loaded.
struct Centre {
  CentreId id{};
  CentreSummary summary;
  bool loaded = false;
  /// Its records cannot be read: why. It is set aside until the next start: nothing is applied, derived or issued.
  std::string set_aside;
  CentreFacts facts;
  std::deque<Entry> entries;
  Waiting waiting;

  bool summary_to_store = false;
  /// As the store has them: a wake that changes nothing leaves both as they were.
  TimeMs stored_wake_ms = kNever;
  bool stored_derive_all = false;
  /// Not empty: summary.derive_all is set only for the entries whose bands rest on estimates of these. Lost when the instance stops; then all
  /// are derived.
  std::vector<AwardingOrganisationId> estimates_of;
  /// Which waiting facts are tried again when the window closes: those for these entries, and those for reference data.
  std::vector<EntryKey> retry_for;
  bool retry_for_reference = false;
  bool in_dirty_list = false;
  /// The scrutiny of its assessment as of the last window; null: nothing is asked.
  std::shared_ptr<struct CentreScrutiny> scrutiny;
  /// Set while it waits to be worked out anew: for these qualifications, or for all.
  bool scrutiny_due = false;
  bool scrutiny_due_all = false;
  std::vector<QualificationId> scrutiny_due_for;
  std::uint64_t last_used = 0;
  std::vector<std::string> slots_to_store;
  std::vector<WaitingKey> waiting_to_store;
  std::vector<WaitingKey> waiting_to_erase;

  Entry* find(const EntryKey& key);
  const Entry* find(const EntryKey& key) const;
  Entry& add(const EntryKey& key);
  /// In the order of their keys: sorted when first asked for, and kept so until the centre is unloaded. Most centres are never asked.
  const std::vector<const Entry*>& by_key() const;
  void unload();

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(const EntryKey& key) const {
      return long_hash(key.learner, (std::uint64_t{number(key.qualification)} << 16) | number(key.series));
    }
    std::size_t operator()(const Entry* entry) const { return (*this)(entry->key); }
  };
  struct Same {
    using is_transparent = void;
    bool operator()(const Entry* a, const Entry* b) const { return a->key == b->key; }
    bool operator()(const EntryKey& a, const Entry* b) const { return a == b->key; }
    bool operator()(const Entry* a, const EntryKey& b) const { return a->key == b; }
  };
  boost::unordered_flat_set<Entry*, Hash, Same> index_;
  mutable std::vector<const Entry*> by_key_;  // empty, or all of them
};

/// An entry with its centre.
struct CentreEntry {
  Centre* centre = nullptr;
  Entry* entry = nullptr;
};

}  // namespace vtq
