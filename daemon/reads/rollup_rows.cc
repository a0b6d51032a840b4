#include "daemon/reads/rollup_rows.h"

#include <algorithm>
#include <type_traits>

#include "daemon/http/http_message.h"

namespace vtq {
namespace {

std::string word(CentreId id) { return text_of(id); }
std::string word(QualificationId id) { return text_of(id); }
std::string word(AwardingOrganisationId id) { return text_of(id); }
std::string word(SeriesId id) { return text_of(id); }
/// A value of a later version has no name, and stays a number.
std::string word_or_number(const std::string& name, int value) { return name.empty() ? std::to_string(value) : name; }
std::string word(v1::Level value) { return word_or_number(v1::Level_Name(value), value); }
std::string word(v1::Stage value) { return word_or_number(v1::Stage_Name(value), value); }
std::string word(v1::Need value) { return word_or_number(v1::Need_Name(value), value); }
std::string word(v1::Band value) { return word_or_number(v1::Band_Name(value), value); }
std::string word(v1::Reason value) { return word_or_number(v1::Reason_Name(value), value); }
std::string word(bool value) { return value ? "true" : "false"; }

template <auto field>
Dimension of_cell(std::string_view name, std::string_view json_name) {
  using Value = std::remove_cvref_t<decltype(Cell{}.*field)>;
  return {name, json_name, [](const RollupKey& key) { return static_cast<std::uint32_t>(key.cell.*field); },
          [](std::uint32_t value) { return word(static_cast<Value>(value)); },
          [](RollupKey& key, std::uint32_t value) { key.cell.*field = static_cast<Value>(value); }};
}

/// One row to be shown: of each dimension the place of its text among all that occur, in order.
struct Ranked {
  std::array<std::uint32_t, kDimensions> places{};
  std::int64_t entries = 0;

  bool operator<(const Ranked& other) const { return places < other.places; }
};

/// Puts the values of one dimension in the order of their texts, and says of each row which it has.
std::vector<std::string> rank(const RollupRows& rows, const Dimension& dimension, std::size_t at, std::vector<Ranked>& ranked) {
  boost::unordered_flat_map<std::uint32_t, std::uint32_t> places;
  for (const auto& [key, entries] : rows) places.try_emplace(dimension.value(key));
  std::vector<std::pair<std::string, std::uint32_t>> values;
  values.reserve(places.size());
  for (const auto& [value, place] : places) values.emplace_back(dimension.text(value), value);
  std::sort(values.begin(), values.end());
  std::vector<std::string> texts;
  texts.reserve(values.size());
  for (auto& [text, value] : values) {
    places[value] = static_cast<std::uint32_t>(texts.size());
    texts.push_back("\"" + std::string(dimension.json_name) + "\":" + json_string(text) + ",");
  }
  auto row = ranked.begin();
  for (const auto& [key, entries] : rows) (row++)->places[at] = places.find(dimension.value(key))->second;
  return texts;
}

}  // namespace

const std::array<Dimension, kDimensions>& rollup_dimensions() {
  static const std::array<Dimension, kDimensions> all = {
      of_cell<&Cell::awarding_organisation>("awarding_organisation", "awardingOrganisation"),
      of_cell<&Cell::level>("level", "level"),
      of_cell<&Cell::qualification>("qualification", "qualification"),
      of_cell<&Cell::series>("series", "series"),
      Dimension{"centre", "centre", [](const RollupKey& key) { return number(key.centre); },
                [](std::uint32_t value) { return word(CentreId{value}); }, [](RollupKey& key, std::uint32_t value) { key.centre = CentreId{value}; }},
      of_cell<&Cell::stage>("stage", "stage"),
      of_cell<&Cell::need>("need", "need"),
      of_cell<&Cell::band>("band", "band"),
      of_cell<&Cell::reason>("reason", "reason"),
      of_cell<&Cell::late>("late", "late"),
  };
  return all;
}

std::string rollup_json(const RollupRows& rows, const std::vector<const Dimension*>& dimensions) {
  std::vector<Ranked> ranked(rows.size());
  std::vector<std::vector<std::string>> texts;
  std::size_t bytes_a_row = 32;
  for (const Dimension* dimension : dimensions) {
    texts.push_back(rank(rows, *dimension, texts.size(), ranked));
    std::size_t longest = 0;
    for (const std::string& text : texts.back()) longest = std::max(longest, text.size());
    bytes_a_row += longest;
  }
  auto row = ranked.begin();
  std::int64_t sum = 0;
  for (const auto& [key, entries] : rows) {
    (row++)->entries = entries;
    sum += entries;
  }
  std::sort(ranked.begin(), ranked.end());

  std::string body = "{\"by\":[";
  for (const Dimension* dimension : dimensions) body += (dimension == dimensions.front() ? "\"" : ",\"") + std::string(dimension->json_name) + "\"";
  body += "],\"rows\":[";
  body.reserve(body.size() + ranked.size() * bytes_a_row + 64);
  for (const Ranked& one : ranked) {
    body += &one == ranked.data() ? "{" : ",{";
    for (std::size_t at = 0; at < texts.size(); ++at) body += texts[at][one.places[at]];
    body += "\"entries\":";
    body += std::to_string(one.entries);
    body += '}';
  }
  return body + "],\"entries\":" + std::to_string(sum) + "}\n";
}

}  // namespace vtq
