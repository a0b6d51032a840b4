// What is to be done before the window closes: facts to try again, scrutiny to work out anew, entries to derive. Each is put down once, however often
// it is asked for, with a flag at the centre or the entry that says so. Partition does what stands here, and says when it is done.
#pragma once

#include <utility>
#include <vector>

#include "pipeline/run/centre_state.h"

namespace vtq {

class Agenda {
 public:
  // ---- entries to derive ----

  void touch(Centre& centre, Entry& entry) {
    if (entry.to_derive) return;
    entry.to_derive = true;
    touched_.push_back({&centre, &entry});
  }
  /// Touches those of the centre's entries that a change of its facts concerns.
  void touch(Centre& centre, const CentreChange& change, const Reference& reference);
  const std::vector<CentreEntry>& touched() const { return touched_; }
  void derived() { touched_.clear(); }

  // ---- scrutiny to work out anew ----

  /// For one qualification at the centre; unset: for all.
  void scrutinise(Centre& centre, std::optional<QualificationId> qualification = std::nullopt);
  bool any_to_scrutinise() const { return !to_scrutinise_.empty(); }
  std::vector<Centre*> take_to_scrutinise() { return std::exchange(to_scrutinise_, {}); }

  // ---- facts that wait, to try again ----

  /// Those that wait for reference data, or for a batch.
  void retry(Centre& centre);
  /// Those that wait for the entry, which was registered.
  void retry_for(Centre& centre, const EntryKey& entry);
  bool any_to_retry() const { return !to_retry_.empty(); }
  /// Takes a centre off the list. Its `retry_for` and `retry_for_reference` say what is tried again there.
  Centre& take_to_retry();

 private:
  std::vector<CentreEntry> touched_;
  std::vector<Centre*> to_scrutinise_;
  std::vector<Centre*> to_retry_;
};

}  // namespace vtq
