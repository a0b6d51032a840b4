// Roll-ups: how many entries stand where, kept incrementally as statuses change. Each centre keeps its own cells; totals over all
// centres are their sum. Plain values; the thread of their partition only.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <vector>

#include "pipeline/facts/entry.h"

namespace vtq {

/// What entries are counted by, besides centre: everything a dashboard breaks down.
struct Cell {
  QualificationId qualification{};
  AwardingOrganisationId awarding_organisation{};
  SeriesId series{};
  v1::Level level{};
  v1::Stage stage{};
  v1::Need need{};
  v1::Band band{};
  v1::Reason reason{};
  bool late = false;

  auto operator<=>(const Cell&) const = default;
  friend std::size_t hash_value(const Cell& cell) {
    std::uint64_t a = (std::uint64_t{number(cell.qualification)} << 32) | number(cell.awarding_organisation);
    std::uint64_t b = (std::uint64_t{number(cell.series)} << 48) | (static_cast<std::uint64_t>(cell.level) << 40) |
                      (static_cast<std::uint64_t>(cell.stage) << 32) | (static_cast<std::uint64_t>(cell.need) << 24) |
                      (static_cast<std::uint64_t>(cell.band) << 16) | (static_cast<std::uint64_t>(cell.reason) << 8) |
                      static_cast<std::uint64_t>(cell.late);
    std::uint64_t mixed = (a ^ (b * 0x9e3779b97f4a7c15ULL)) * 0xc6a4a7935bd1e995ULL;
    return static_cast<std::size_t>(mixed ^ (mixed >> 32));
  }
};

/// The cell of a status.
Cell cell_of(const Status& status, QualificationId qualification, AwardingOrganisationId awarding_organisation, v1::Level level, SeriesId series);

/// Counts of one centre, sorted by cell.
class CentreCells {
 public:
  void add(const Cell& cell, std::int64_t entries);
  const std::vector<std::pair<Cell, std::int64_t>>& all() const { return cells_; }

 private:
  std::vector<std::pair<Cell, std::int64_t>> cells_;
};

/// Counts over all centres.
using Totals = boost::unordered_flat_map<Cell, std::int64_t>;

}  // namespace vtq
