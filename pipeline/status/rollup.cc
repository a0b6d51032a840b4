#include "pipeline/status/rollup.h"

#include <algorithm>

namespace vtq {

Cell cell_of(const Status& status, QualificationId qualification, AwardingOrganisationId awarding_organisation, v1::Level level, SeriesId series) {
  return {.qualification = qualification,
          .awarding_organisation = awarding_organisation,
          .series = series,
          .level = level,
          .stage = status.stage,
          .need = status.need,
          .band = status.band,
          .reason = status.reason,
          .late = status.late};
}

void CentreCells::add(const Cell& cell, std::int64_t entries) {
  auto at = std::lower_bound(cells_.begin(), cells_.end(), cell, [](const auto& held, const Cell& wanted) { return held.first < wanted; });
  if (at == cells_.end() || at->first != cell) at = cells_.insert(at, {cell, 0});
  at->second += entries;
  if (at->second == 0) cells_.erase(at);
}

}  // namespace vtq
