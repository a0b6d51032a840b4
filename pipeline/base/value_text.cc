#include "pipeline/base/value_text.h"

namespace vtq {

std::string as_utf8(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    auto first = static_cast<unsigned char>(text[at]);
    std::size_t length = first < 0x80                    ? 1
                         : first >= 0xc2 && first < 0xe0 ? 2
                         : first >= 0xe0 && first < 0xf0 ? 3
                         : first >= 0xf0 && first < 0xf5 ? 4
                                                         : 0;
    bool good = length > 0 && at + length <= text.size();
    for (std::size_t next = 1; good && next < length; ++next) good = (static_cast<unsigned char>(text[at + next]) & 0xc0) == 0x80;
    if (good && length == 3) {
      auto second = static_cast<unsigned char>(text[at + 1]);
      good = !(first == 0xe0 && second < 0xa0) && !(first == 0xed && second >= 0xa0);
    }
    if (good && length == 4) {
      auto second = static_cast<unsigned char>(text[at + 1]);
      good = !(first == 0xf0 && second < 0x90) && !(first == 0xf4 && second >= 0x90);
    }
    if (good)
      out += text.substr(at, length);
    else
      out += '?';
    at += good ? length : 1;
  }
  return out;
}

std::string cut_value(std::string_view value) {
  constexpr std::size_t kMost = 200;
  if (value.size() <= kMost) return as_utf8(value);
  std::size_t end = kMost;
  while (end > 0 && (static_cast<unsigned char>(value[end]) & 0xc0) == 0x80) --end;  // not inside a UTF-8 character
  return as_utf8(value.substr(0, end)) + "...";
}

}  // namespace vtq
