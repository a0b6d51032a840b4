// The name of a result batch: `centre.awarding-organisation.series.number`.
#pragma once

#include <compare>
#include <cstdio>

#include "pipeline/base/identifiers.h"

namespace vtq {

struct BatchId {
  CentreId centre{};
  AwardingOrganisationId awarding_organisation{};
  SeriesId series{};
  std::uint32_t number = 0;  ///< from 1, without gaps within centre, awarding organisation and series

  auto operator<=>(const BatchId&) const = default;
};

inline std::string text_of(const BatchId& id) {
  char digits[16];
  std::snprintf(digits, sizeof digits, "%04u", id.number);
  return text_of(id.centre) + "." + text_of(id.awarding_organisation) + "." + text_of(id.series) + "." + digits;
}

inline std::optional<BatchId> parse_batch_id(std::string_view text) {
  if (text.size() < 6 || text[5] != '.') return std::nullopt;
  auto second = text.find('.', 6);
  if (second == std::string_view::npos) return std::nullopt;
  auto third = text.find('.', second + 1);
  if (third == std::string_view::npos) return std::nullopt;
  auto centre = parse_centre(text.substr(0, 5));
  auto ao = parse_awarding_organisation(text.substr(6, second - 6));
  auto series = parse_series(text.substr(second + 1, third - second - 1));
  std::string_view digits = text.substr(third + 1);
  if (!centre || !ao || !series || digits.size() < 4 || digits.size() > 7) return std::nullopt;
  std::uint32_t number = 0;
  for (char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + static_cast<std::uint32_t>(c - '0');
  }
  if (number == 0 || (digits.size() > 4 && digits[0] == '0')) return std::nullopt;
  return BatchId{*centre, *ao, *series, number};
}

}  // namespace vtq
