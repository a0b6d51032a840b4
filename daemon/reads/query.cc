#include "daemon/reads/query.h"

#include <algorithm>
#include <charconv>

namespace vtq {
namespace {

std::string upper(std::string_view text) {
  std::string out;
  for (char c : text) out += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

/// Parses an enum's name, in any case; its zero value is not one to ask for, but for Reason.
template <class Enum>
auto by_name(bool (*parse)(google::protobuf::ConstStringParam, Enum*)) {
  return [parse](std::string_view text) -> std::optional<Enum> {
    Enum value;
    return parse(upper(text), &value) ? std::optional(value) : std::nullopt;
  };
}

std::string names_of(const google::protobuf::EnumDescriptor* type) {
  std::string text = "one of";
  for (int at = 0; at < type->value_count(); ++at) text += (at ? ", " : " ") + type->value(at)->name();
  return text;
}

}  // namespace

bool CellFilter::takes(const Cell& cell) const {
  return (!qualification || *qualification == cell.qualification) &&
         (!awarding_organisation || *awarding_organisation == cell.awarding_organisation) && (!series || *series == cell.series) &&
         (!level || *level == cell.level) && (!stage || *stage == cell.stage) && (!need || *need == cell.need) && (!band || *band == cell.band) &&
         (!reason || *reason == cell.reason) && (!late || *late == cell.late);
}

Query::Query(const HttpRequest& request, std::initializer_list<std::string_view> known) : request_(request) {
  for (const auto& [name, value] : request.query) {
    bool cell_name = std::find(std::begin(kCellNames), std::end(kCellNames), name) != std::end(kCellNames);
    bool cells_asked = std::find(known.begin(), known.end(), "cell") != known.end();
    bool named = name != "cell" && std::find(known.begin(), known.end(), name) != known.end();
    if (!named && !(cell_name && cells_asked)) fail(name, value, "There is no such query parameter here; see /openapi.json.");
    if (std::count_if(request.query.begin(), request.query.end(), [&name = name](const auto& one) { return one.first == name; }) > 1)
      fail(name, value, "The parameter stands twice, and nothing says which value holds; give it once.");
  }
}

void Query::fail(std::string_view name, std::string_view value, std::string detail) {
  if (wrong_) return;
  wrong_ = Problem{400, "Wrong query parameter", std::move(detail), std::string(name), "query-parameter", std::string(value.substr(0, 200))};
}

std::string Query::text(std::string_view name) const {
  const std::string* value = request_.query_value(name);
  return value ? *value : std::string();
}

std::int64_t Query::number(std::string_view name, std::int64_t least, std::int64_t most, std::int64_t standard) {
  const std::string* text = request_.query_value(name);
  if (!text) return standard;
  std::int64_t value = 0;
  auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc{} || end != text->data() + text->size() || value < least || value > most) {
    fail(name, *text, "Give a whole number from " + std::to_string(least) + " to " + std::to_string(most) + ".");
    return standard;
  }
  return value;
}

std::optional<bool> Query::flag(std::string_view name) {
  const std::string* text = request_.query_value(name);
  if (!text) return std::nullopt;
  if (*text == "1" || *text == "true") return true;
  if (*text != "0" && *text != "false") fail(name, *text, "Give true or false.");
  return false;
}

template <class Id, class Parse>
std::optional<Id> Query::parsed(std::string_view name, Parse parse, std::string_view form) {
  const std::string* text = request_.query_value(name);
  if (!text) return std::nullopt;
  std::optional<Id> value = parse(*text);
  if (!value) fail(name, *text, "Give " + std::string(form) + ".");
  return value;
}

CellFilter Query::cell_filter() {
  CellFilter filter;
  filter.centre = parsed<CentreId>("centre", parse_centre, "a national centre number, 5 digits");
  filter.qualification = parsed<QualificationId>("qualification", parse_qualification, "a qualification number, 8 characters without slashes");
  filter.awarding_organisation =
      parsed<AwardingOrganisationId>("awarding_organisation", parse_awarding_organisation, "an Ofqual recognition number, as RN5353");
  filter.series = parsed<SeriesId>("series", parse_series, "a series, YYYY-MM");
  filter.level = parsed<v1::Level>("level", by_name<v1::Level>(v1::Level_Parse), names_of(v1::Level_descriptor()));
  filter.stage = parsed<v1::Stage>("stage", by_name<v1::Stage>(v1::Stage_Parse), names_of(v1::Stage_descriptor()));
  filter.need = parsed<v1::Need>("need", by_name<v1::Need>(v1::Need_Parse), names_of(v1::Need_descriptor()));
  filter.band = parsed<v1::Band>("band", by_name<v1::Band>(v1::Band_Parse), names_of(v1::Band_descriptor()));
  filter.reason = parsed<v1::Reason>("reason", by_name<v1::Reason>(v1::Reason_Parse), names_of(v1::Reason_descriptor()));
  filter.late = flag("late");
  return filter;
}

}  // namespace vtq
