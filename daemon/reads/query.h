// The query of a request, read with its mistakes collected: the first one makes the problem that is returned. Pure.
#pragma once

#include <initializer_list>
#include <optional>

#include "daemon/http/http_message.h"
#include "pipeline/status/rollup.h"

namespace vtq {

/// Which cells are asked for. Unset members match all.
struct CellFilter {
  std::optional<CentreId> centre;  ///< not part of a cell: whoever walks the centres looks at it
  std::optional<QualificationId> qualification;
  std::optional<AwardingOrganisationId> awarding_organisation;
  std::optional<SeriesId> series;
  std::optional<v1::Level> level;
  std::optional<v1::Stage> stage;
  std::optional<v1::Need> need;
  std::optional<v1::Band> band;
  std::optional<v1::Reason> reason;
  std::optional<bool> late;

  bool takes(const Cell& cell) const;
};

class Query {
 public:
  /// A parameter that is not `known` is a mistake. `cell` among the known stands for those of `kCellNames`; it is none itself.
  Query(const HttpRequest& request, std::initializer_list<std::string_view> known);

  std::int64_t number(std::string_view name, std::int64_t least, std::int64_t most, std::int64_t standard);
  std::string text(std::string_view name) const;
  /// `1`, `true`, `0`, `false`.
  std::optional<bool> flag(std::string_view name);
  CellFilter cell_filter();
  /// The parameters that `cell_filter` knows.
  static constexpr std::string_view kCellNames[] = {"centre", "qualification", "awarding_organisation", "series", "level", "stage", "need", "band",
                                                    "reason", "late"};

  void fail(std::string_view name, std::string_view value, std::string detail);
  const std::optional<Problem>& wrong() const { return wrong_; }

 private:
  template <class Id, class Parse>
  std::optional<Id> parsed(std::string_view name, Parse parse, std::string_view form);

  const HttpRequest& request_;
  std::optional<Problem> wrong_;
};

}  // namespace vtq
