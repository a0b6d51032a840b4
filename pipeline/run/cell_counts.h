// How many entries of a partition stand where: the cells of each centre, and their sum over all. The two move together. Where a partition ends its
// counts end with it.
#pragma once

#include "pipeline/run/changes.h"
#include "pipeline/status/rollup.h"

namespace vtq {

class CellCounts {
 public:
  explicit CellCounts(Changes& changes) : changes_(changes) {}

  /// A centre at start-up, as the store has it.
  void restore(const Centre& centre);
  /// So many entries more, or fewer, in the cell.
  void add(Centre& centre, const Cell& cell, std::int64_t entries);
  /// Counts go along when a qualification changes its level or its awarding organisation.
  void move(Centre& centre, const Reference& reference);
  /// Over all centres.
  const Totals& totals() const { return totals_; }

 private:
  void add_to_totals(const Cell& cell, std::int64_t entries);

  Changes& changes_;
  Totals totals_;
};

}  // namespace vtq
