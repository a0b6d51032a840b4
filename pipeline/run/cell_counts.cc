#include "pipeline/run/cell_counts.h"

namespace vtq {

void CellCounts::restore(const Centre& centre) {
  for (const auto& [cell, entries] : centre.summary.cells.all()) add_to_totals(cell, entries);
}

void CellCounts::add(Centre& centre, const Cell& cell, std::int64_t entries) {
  centre.summary.cells.add(cell, entries);
  add_to_totals(cell, entries);
  changes_.keep_summary(centre);
}

void CellCounts::move(Centre& centre, const Reference& reference) {
  for (const auto& [cell, entries] : std::vector(centre.summary.cells.all())) {
    const Qualification* qualification = reference.qualification(cell.qualification);
    Cell moved = cell;
    moved.level = qualification->level;
    moved.awarding_organisation = qualification->awarding_organisation;
    if (moved == cell) continue;
    add(centre, cell, -entries);
    add(centre, moved, entries);
  }
}

void CellCounts::add_to_totals(const Cell& cell, std::int64_t entries) {
  auto at = totals_.try_emplace(cell, 0).first;
  at->second += entries;
  if (at->second == 0) totals_.erase(at);
}

}  // namespace vtq
