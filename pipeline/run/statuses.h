// Statuses out: a status that changed is published, counted, and told to whoever must act on it.
#pragma once

#include "pipeline/run/cell_counts.h"
#include "pipeline/run/changes.h"
#include "pipeline/run/wakes.h"
#include "pipeline/status/derive.h"

namespace vtq {

/// The entry's status as an output has it. `in_full`: with its words, even where all goes well.
v1::EntryStatus describe(const Centre& centre, const Entry& entry, const Circumstances& around, bool in_full, TimeMs now);

class Statuses {
 public:
  Statuses(std::uint32_t partition, Outputs& outputs, Changes& changes, CellCounts& counts, Wakes& wakes)
      : partition_(partition), outputs_(outputs), changes_(changes), counts_(counts), wakes_(wakes) {}

  /// Takes what was derived of the entry for its status, and sees to its next wake.
  void publish(Centre& centre, Entry& entry, const Derived& derived, const Circumstances& around, TimeMs now);

 private:
  void notify(const Centre& centre, const Entry& entry, const v1::EntryStatus& status, TimeMs now);
  void notify_mitigation(const Centre& centre, const Entry& entry, const Status& before, const Circumstances& around, TimeMs now);

  const std::uint32_t partition_;
  Outputs& outputs_;
  Changes& changes_;
  CellCounts& counts_;
  Wakes& wakes_;
};

}  // namespace vtq
