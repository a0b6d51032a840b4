// What each instance adds to an answer that is of all partitions: its part, in a form that adds up, and that instances send each other.
// Plain values, pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/reads/rollup_json.h"
#include "daemon/reads/rollup_rows.h"

namespace vtq {

/// The media type in which an instance asks another for its part.
constexpr std::string_view kPartType = "application/x-vtq-part";
/// Header of a part: the partitions it is of, `0,3,5`.
constexpr std::string_view kPartitionsHeader = "X-Vtq-Partitions";

std::string partitions_text(const std::vector<std::uint32_t>& partitions);
std::optional<std::vector<std::uint32_t>> parse_partitions(std::string_view text);
/// Whether the parts are together of all of `partitions`, and each partition is in one of them only.
bool each_once(const std::vector<std::vector<std::uint32_t>>& parts, std::uint32_t partitions);
/// The partitions that no part is of, ascending.
std::vector<std::uint32_t> in_none(const std::vector<std::vector<std::uint32_t>>& parts, std::uint32_t partitions);

// A part has `encode`, `decode` (nothing: it is none) and `add`.

/// One page of a list.
struct PagePart {
  struct Item {
    std::string key;   ///< where it stands in the list; what `next` says when the page ends with it
    std::string text;  ///< as it is shown, in one line
  };
  std::vector<Item> items;
  std::size_t limit = 0;  ///< most items of a page
  /// Whether one key stands before another in the list.
  bool (*before)(const std::string& a, const std::string& b) = nullptr;

  std::string encode() const;
  static std::optional<PagePart> decode(std::string_view text);
  /// Both pages begin at the same place, so that the first `limit` of both are those of the whole list. Keeps its own limit and order.
  void add(PagePart&& other);
  /// What leads to the next page; empty: this was the last.
  std::string next() const { return items.size() == limit ? items.back().key : ""; }
};

/// Entries counted by the values of the dimensions asked for.
struct RollupPart {
  RollupRows rows;

  std::string encode() const;
  static std::optional<RollupPart> decode(std::string_view text);
  void add(RollupPart&& other);
};

struct CountsPart {
  Counts counts;

  std::string encode() const;
  static std::optional<CountsPart> decode(std::string_view text);
  void add(CountsPart&& other) { counts.add(other.counts); }
};

/// How many entries of each level and centre have reached which stage, of one awarding organisation and series.
struct ReleasePart {
  struct Row {
    std::array<std::int64_t, v1::Stage_ARRAYSIZE> stages{};
  };
  TimeMs time_ms = 0;  ///< the latest of any partition
  std::map<std::pair<v1::Level, CentreId>, Row> rows;

  std::string encode() const;
  static std::optional<ReleasePart> decode(std::string_view text);
  void add(ReleasePart&& other);
};

struct OverviewPart {
  struct Organisation {
    std::string name;
    std::int64_t entries = 0, watch = 0, at_risk = 0, late = 0, issued = 0;
  };
  struct Deadline {
    TimeMs at_ms = 0;
    std::string organisation;
    v1::Level level{};
    std::string name;
    std::string series;

    auto operator<=>(const Deadline&) const = default;
  };
  /// A stop of issuing that is in force: at one centre, or `*` for all.
  struct Halt {
    std::string centre;
    std::string organisation;
    std::string series;
    TimeMs since_ms = 0;
    std::string qualification = {};  ///< empty: all

    auto operator<=>(const Halt&) const = default;
  };
  TimeMs time_ms = 0;  ///< the latest of any partition
  Counts counts;
  std::uint64_t centres = 0, batches = 0, rejected = 0, waiting = 0;
  std::uint64_t withheld = 0;  ///< results issued that are not to be seen
  std::vector<Halt> halts;
  std::map<AwardingOrganisationId, Organisation> organisations;
  std::vector<Deadline> deadlines;  ///< of every cohort with entries, past ones too: time is known only once all parts are added

  std::string encode() const;
  static std::optional<OverviewPart> decode(std::string_view text);
  void add(OverviewPart&& other);
  /// The first `most` of the deadlines that are to come, in order.
  std::vector<Deadline> next_deadlines(std::size_t most) const;
};

}  // namespace vtq
