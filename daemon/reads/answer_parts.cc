#include "daemon/reads/answer_parts.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>

namespace vtq {
namespace {

using Json = nlohmann::json;

/// Reads what `read` makes of the JSON; nothing when it is none, or another.
template <class Part, class Read>
std::optional<Part> decoded(std::string_view text, Read read) {
  try {
    Part part;
    read(Json::parse(text), part);
    return part;
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

Json json_of(const Counts& counts) { return {counts.entries, counts.late, counts.by_stage, counts.by_need, counts.by_band, counts.by_reason}; }

Counts counts_of(const Json& json) {
  Counts counts;
  counts.entries = json.at(0);
  counts.late = json.at(1);
  json.at(2).get_to(counts.by_stage);
  json.at(3).get_to(counts.by_need);
  json.at(4).get_to(counts.by_band);
  json.at(5).get_to(counts.by_reason);
  return counts;
}

}  // namespace

std::string partitions_text(const std::vector<std::uint32_t>& partitions) {
  std::string text;
  for (std::uint32_t partition : partitions) text += (text.empty() ? "" : ",") + std::to_string(partition);
  return text;
}

std::optional<std::vector<std::uint32_t>> parse_partitions(std::string_view text) {
  std::vector<std::uint32_t> partitions;
  while (!text.empty()) {
    std::string_view one = text.substr(0, text.find(','));
    auto [end, error] = std::from_chars(one.data(), one.data() + one.size(), partitions.emplace_back());
    if (error != std::errc{} || end != one.data() + one.size()) return std::nullopt;
    text.remove_prefix(std::min(text.size(), one.size() + 1));
  }
  return partitions;
}

std::vector<std::uint32_t> in_none(const std::vector<std::vector<std::uint32_t>>& parts, std::uint32_t partitions) {
  std::vector<std::uint32_t> none;
  for (std::uint32_t partition = 0; partition < partitions; ++partition)
    if (std::none_of(parts.begin(), parts.end(), [&](const auto& part) { return std::find(part.begin(), part.end(), partition) != part.end(); }))
      none.push_back(partition);
  return none;
}

bool each_once(const std::vector<std::vector<std::uint32_t>>& parts, std::uint32_t partitions) {
  std::vector<bool> seen(partitions, false);
  std::uint32_t count = 0;
  for (const auto& part : parts)
    for (std::uint32_t partition : part) {
      if (partition >= partitions || seen[partition]) return false;
      seen[partition] = true;
      ++count;
    }
  return count == partitions;
}

std::string PagePart::encode() const {
  std::string text;
  for (const Item& item : items) text += item.key + "\t" + item.text + "\n";
  return text;
}

std::optional<PagePart> PagePart::decode(std::string_view text) {
  PagePart page;
  while (!text.empty()) {
    auto end = text.find('\n');
    auto tab = text.find('\t');
    if (end == text.npos || tab > end) return std::nullopt;
    page.items.push_back({std::string(text.substr(0, tab)), std::string(text.substr(tab + 1, end - tab - 1))});
    text.remove_prefix(end + 1);
  }
  return page;
}

void PagePart::add(PagePart&& other) {
  std::vector<Item> both;
  both.reserve(items.size() + other.items.size());
  std::merge(std::make_move_iterator(items.begin()), std::make_move_iterator(items.end()), std::make_move_iterator(other.items.begin()),
             std::make_move_iterator(other.items.end()), std::back_inserter(both),
             [this](const Item& a, const Item& b) { return before(a.key, b.key); });
  if (both.size() > limit) both.resize(limit);
  items = std::move(both);
}

namespace {

Json dimension_names() {
  Json names = Json::array();
  for (const Dimension& one : rollup_dimensions()) names.push_back(one.name);
  return names;
}

/// The number of each dimension in its order, and entries.
bool is_rollup_row(const Json& row) {
  const std::size_t dimensions = rollup_dimensions().size();
  auto is_value = [](const Json& value) {
    return value.is_number_unsigned() && value.get<std::uint64_t>() <= std::numeric_limits<std::uint32_t>::max();
  };
  return row.is_array() && row.size() == dimensions + 1 && row.back().is_number_integer() && std::all_of(row.begin(), row.end() - 1, is_value);
}

}  // namespace

std::string RollupPart::encode() const {
  Json list = Json::array();
  for (const auto& [key, entries] : rows) {
    Json row = Json::array();
    for (const Dimension& one : rollup_dimensions()) row.push_back(one.value(key));
    row.push_back(entries);
    list.push_back(std::move(row));
  }
  return Json{{"by", dimension_names()}, {"rows", std::move(list)}}.dump();
}

std::optional<RollupPart> RollupPart::decode(std::string_view text) {
  bool known = false;
  auto part = decoded<RollupPart>(text, [&](const Json& json, RollupPart& read) {
    const Json& list = json.at("rows");
    known = json.at("by") == dimension_names() && list.is_array() && std::all_of(list.begin(), list.end(), is_rollup_row);
    if (!known) return;
    for (const Json& row : list) {
      RollupKey key;
      std::size_t at = 0;
      for (const Dimension& one : rollup_dimensions()) one.put(key, row[at++].get<std::uint32_t>());
      read.rows[key] += row[at].get<std::int64_t>();
    }
  });
  return known ? part : std::nullopt;
}

void RollupPart::add(RollupPart&& other) {
  for (const auto& [key, entries] : other.rows) rows[key] += entries;
}

std::string ReleasePart::encode() const {
  Json listed = Json::array();
  for (const auto& [key, counted] : rows) listed.push_back({key.first, number(key.second), counted.stages});
  return Json{{"time", time_ms}, {"rows", std::move(listed)}}.dump();
}

std::optional<ReleasePart> ReleasePart::decode(std::string_view text) {
  return decoded<ReleasePart>(text, [](const Json& json, ReleasePart& part) {
    json.at("time").get_to(part.time_ms);
    for (const Json& one : json.at("rows"))
      one.at(2).get_to(part.rows[{one.at(0).get<v1::Level>(), CentreId{one.at(1).get<std::uint32_t>()}}].stages);
  });
}

void ReleasePart::add(ReleasePart&& other) {
  time_ms = std::max(time_ms, other.time_ms);
  for (const auto& [key, counted] : other.rows)
    for (std::size_t stage = 0; stage < counted.stages.size(); ++stage) rows[key].stages[stage] += counted.stages[stage];
}

std::string CountsPart::encode() const { return json_of(counts).dump(); }

std::optional<CountsPart> CountsPart::decode(std::string_view text) {
  return decoded<CountsPart>(text, [](const Json& json, CountsPart& part) { part.counts = counts_of(json); });
}

std::string OverviewPart::encode() const {
  Json listed = Json::array(), dates = Json::array(), stops = Json::array();
  for (const Halt& one : halts) stops.push_back({one.centre, one.organisation, one.series, one.since_ms, one.qualification});
  for (const auto& [id, one] : organisations) listed.push_back({number(id), one.name, one.entries, one.watch, one.at_risk, one.late, one.issued});
  for (const Deadline& one : deadlines) dates.push_back({one.at_ms, one.organisation, one.level, one.name, one.series});
  return Json{{"time", time_ms},    {"counts", json_of(counts)}, {"centres", centres}, {"batches", batches},      {"rejected", rejected},
              {"waiting", waiting}, {"withheld", withheld},      {"halts", stops},     {"organisations", listed}, {"deadlines", dates}}
      .dump();
}

std::optional<OverviewPart> OverviewPart::decode(std::string_view text) {
  return decoded<OverviewPart>(text, [](const Json& json, OverviewPart& part) {
    json.at("time").get_to(part.time_ms);
    part.counts = counts_of(json.at("counts"));
    json.at("centres").get_to(part.centres);
    json.at("batches").get_to(part.batches);
    json.at("rejected").get_to(part.rejected);
    json.at("waiting").get_to(part.waiting);
    json.at("withheld").get_to(part.withheld);
    for (const Json& one : json.at("halts")) part.halts.push_back({one.at(0), one.at(1), one.at(2), one.at(3), one.at(4)});
    for (const Json& one : json.at("organisations"))
      part.organisations[AwardingOrganisationId{one.at(0).get<std::uint32_t>()}] = {one.at(1), one.at(2), one.at(3), one.at(4), one.at(5), one.at(6)};
    for (const Json& one : json.at("deadlines")) part.deadlines.push_back({one.at(0), one.at(1), one.at(2).get<v1::Level>(), one.at(3), one.at(4)});
  });
}

void OverviewPart::add(OverviewPart&& other) {
  time_ms = std::max(time_ms, other.time_ms);
  counts.add(other.counts);
  centres += other.centres;
  batches += other.batches;
  rejected += other.rejected;
  waiting += other.waiting;
  withheld += other.withheld;
  halts.insert(halts.end(), other.halts.begin(), other.halts.end());
  // Every instance knows the halts for all centres.
  std::sort(halts.begin(), halts.end());
  halts.erase(std::unique(halts.begin(), halts.end()), halts.end());
  for (auto& [id, one] : other.organisations) {
    Organisation& mine = organisations[id];
    if (mine.name.empty()) mine.name = one.name;
    mine.entries += one.entries;
    mine.watch += one.watch;
    mine.at_risk += one.at_risk;
    mine.late += one.late;
    mine.issued += one.issued;
  }
  deadlines.insert(deadlines.end(), other.deadlines.begin(), other.deadlines.end());
}

std::vector<OverviewPart::Deadline> OverviewPart::next_deadlines(std::size_t most) const {
  std::vector<Deadline> next;
  for (const Deadline& one : deadlines)
    if (one.at_ms > time_ms) next.push_back(one);
  std::sort(next.begin(), next.end());
  // Several instances have entries of the same cohort.
  next.erase(std::unique(next.begin(), next.end()), next.end());
  if (next.size() > most) next.resize(most);
  return next;
}

}  // namespace vtq
