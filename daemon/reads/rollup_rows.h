// Roll-ups as they are asked for: entries counted by chosen dimensions. Rows are numbers until they are shown, for there may be as many as
// there are centres times cells. Plain values, pure functions.
#pragma once

#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/status/rollup.h"

namespace vtq {

/// What the entries of a row have in common. Dimensions that were not asked for stand at zero.
struct RollupKey {
  CentreId centre{};
  Cell cell;

  bool operator==(const RollupKey&) const = default;
  friend std::size_t hash_value(const RollupKey& key) { return hash_value(key.cell) ^ (number(key.centre) * 0x9e3779b97f4a7c15ULL); }
};

using RollupRows = boost::unordered_flat_map<RollupKey, std::int64_t>;

/// One of what entries can be counted by.
struct Dimension {
  std::string_view name;       ///< in the query
  std::string_view json_name;  ///< in the reply
  /// The value as a number; the text that is shown of it; and how it gets into a key.
  std::uint32_t (*value)(const RollupKey&);
  std::string (*text)(std::uint32_t value);
  void (*put)(RollupKey&, std::uint32_t value);
};

constexpr std::size_t kDimensions = 10;

/// All of them, in the order in which messages name them.
const std::array<Dimension, kDimensions>& rollup_dimensions();

/// `{"by":[...],"rows":[{...,"entries":12},...],"entries":345}`: rows in the order of their texts, dimension by dimension.
std::string rollup_json(const RollupRows& rows, const std::vector<const Dimension*>& dimensions);

}  // namespace vtq
