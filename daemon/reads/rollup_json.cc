#include "daemon/reads/rollup_json.h"

namespace vtq {
namespace {

template <class Counted, class Name>
std::string object(const Counted& counted, Name name) {
  std::string text = "{";
  for (const auto& [value, entries] : counted) text += (text.size() > 1 ? ",\"" : "\"") + name(value) + "\":" + std::to_string(entries);
  return text + "}";
}

}  // namespace

void Counts::add(const Cell& cell, std::int64_t count) {
  entries += count;
  if (cell.late) late += count;
  by_stage[cell.stage] += count;
  by_need[cell.need] += count;
  by_band[cell.band] += count;
  if (cell.reason != v1::REASON_NONE) by_reason[cell.reason] += count;
}

void Counts::add(const Counts& others) {
  entries += others.entries;
  late += others.late;
  for (auto [stage, count] : others.by_stage) by_stage[stage] += count;
  for (auto [need, count] : others.by_need) by_need[need] += count;
  for (auto [band, count] : others.by_band) by_band[band] += count;
  for (auto [reason, count] : others.by_reason) by_reason[reason] += count;
}

std::string Counts::json() const {
  return "\"entries\":" + std::to_string(entries) + ",\"late\":" + std::to_string(late) +
         ",\"byStage\":" + object(by_stage, [](v1::Stage value) { return v1::Stage_Name(value); }) +
         ",\"byNeed\":" + object(by_need, [](v1::Need value) { return v1::Need_Name(value); }) +
         ",\"byBand\":" + object(by_band, [](v1::Band value) { return v1::Band_Name(value); }) +
         ",\"byReason\":" + object(by_reason, [](v1::Reason value) { return v1::Reason_Name(value); });
}

}  // namespace vtq
