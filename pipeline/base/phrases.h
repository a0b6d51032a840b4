// Small parts of sentences, for people. Pure.
#pragma once

#include <cctype>
#include <string>
#include <vector>

#include "pipeline/base/uk_time.h"

namespace vtq {

/// The moment at which `day` ends, 24:00 in Europe/London; kNever for 0, which stands for no limit.
inline TimeMs day_ends(Day day) { return day == 0 ? kNever : day_begins(day + 1); }

/// With a capital letter at its beginning.
inline std::string capitalised(std::string text) {
  if (!text.empty()) text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}

/// `A`, `A and B`, `A, B and C`.
inline std::string list_text(const std::vector<std::string>& items) {
  std::string text;
  for (std::size_t at = 0; at < items.size(); ++at) text += (at == 0 ? "" : at + 1 == items.size() ? " and " : ", ") + items[at];
  return text;
}

/// `unit A is`, `units A and B are`: a noun with its names, and the verb's form where one is given.
inline std::string named_text(const std::string& noun, const std::vector<std::string>& names, bool with_verb = false) {
  bool one = names.size() == 1;
  return noun + (one ? " " : "s ") + list_text(names) + (with_verb ? (one ? " is" : " are") : "");
}

}  // namespace vtq
