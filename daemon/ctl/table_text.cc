#include "daemon/ctl/table_text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <stdexcept>

namespace vtq::ctl {
namespace {

void append(std::string& to, std::uint32_t character) {
  auto put = [&](std::uint32_t byte) { to += static_cast<char>(byte); };
  if (character < 0x80) return put(character);
  if (character < 0x800) {
    put(0xc0 | character >> 6);
  } else if (character < 0x10000) {
    put(0xe0 | character >> 12);
    put(0x80 | (character >> 6 & 0x3f));
  } else {
    put(0xf0 | character >> 18);
    put(0x80 | (character >> 12 & 0x3f));
    put(0x80 | (character >> 6 & 0x3f));
  }
  put(0x80 | (character & 0x3f));
}

std::string from_utf16(std::string_view bytes, bool little, const std::string& encoding) {
  auto broken = [&](std::size_t at) {
    return std::runtime_error("the file looks like " + encoding + " and breaks off or is none at byte " + std::to_string(at) +
                              "; save it as \"CSV UTF-8\".");
  };
  if (bytes.size() % 2 != 0) throw broken(bytes.size() - 1);
  auto unit = [&](std::size_t at) -> std::uint32_t {
    auto first = static_cast<unsigned char>(bytes[at]), second = static_cast<unsigned char>(bytes[at + 1]);
    return little ? first | second << 8 : first << 8 | second;
  };
  std::string text;
  text.reserve(bytes.size() / 2);
  for (std::size_t at = 0; at < bytes.size(); at += 2) {
    std::uint32_t character = unit(at);
    if (character >= 0xd800 && character < 0xe000) {
      std::uint32_t low = character < 0xdc00 && at + 4 <= bytes.size() ? unit(at + 2) : 0;
      if (low < 0xdc00 || low >= 0xe000) throw broken(at);
      character = 0x10000 + ((character - 0xd800) << 10) + (low - 0xdc00);
      at += 2;
    }
    append(text, character);
  }
  return text;
}

/// Text without a mark whose every other byte is nought is UTF-16.
bool every_other_is_nought(std::string_view bytes, std::size_t from) {
  std::size_t looked_at = 0, noughts = 0;
  for (std::size_t at = from; at < std::min<std::size_t>(bytes.size(), 200); at += 2, ++looked_at) noughts += bytes[at] == '\0';
  return looked_at > 1 && noughts * 4 > looked_at * 3;
}

char delimiter_of(std::string_view text) {
  constexpr std::array kDelimiters = {',', ';', '\t'};
  std::array<std::size_t, kDelimiters.size()> times{};
  bool quoted = false;
  for (char c : text) {
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '\n') break;
    for (std::size_t at = 0; at < kDelimiters.size(); ++at) times[at] += c == kDelimiters[at];
  }
  return kDelimiters[static_cast<std::size_t>(std::max_element(times.begin(), times.end()) - times.begin())];
}

struct Seen {
  std::string_view bytes;
  enum What { space, nothing, dash, slash } what;
};
/// In UTF-8: what looks like something else, or like nothing.
constexpr Seen kLookAlikes[] = {
    {"\xc2\xa0", Seen::space},       {"\xe1\x9a\x80", Seen::space},   {"\xe2\x80\xaf", Seen::space},   {"\xe2\x81\x9f", Seen::space},
    {"\xe3\x80\x80", Seen::space},   {"\xe2\x80\xa8", Seen::space},   {"\xe2\x80\xa9", Seen::space},   {"\xc2\xad", Seen::nothing},
    {"\xe2\x80\x8b", Seen::nothing}, {"\xe2\x80\x8c", Seen::nothing}, {"\xe2\x80\x8d", Seen::nothing}, {"\xe2\x80\x8e", Seen::nothing},
    {"\xe2\x80\x8f", Seen::nothing}, {"\xe2\x81\xa0", Seen::nothing}, {"\xef\xbb\xbf", Seen::nothing}, {"\xe2\x80\x90", Seen::dash},
    {"\xe2\x80\x91", Seen::dash},    {"\xe2\x80\x92", Seen::dash},    {"\xe2\x80\x93", Seen::dash},    {"\xe2\x80\x94", Seen::dash},
    {"\xe2\x88\x92", Seen::dash},    {"\xe2\x81\x84", Seen::slash},   {"\xe2\x88\x95", Seen::slash},
};

const Seen* look_alike(std::string_view rest) {
  if (rest.empty() || static_cast<unsigned char>(rest.front()) < 0x80) return nullptr;
  for (const Seen& one : kLookAlikes)
    if (rest.starts_with(one.bytes)) return &one;
  return nullptr;
}

/// U+2000 to U+200A: spaces of all widths.
bool is_wide_space(std::string_view rest) {
  return rest.size() >= 3 && rest.starts_with("\xe2\x80") && static_cast<unsigned char>(rest[2]) >= 0x80 &&
         static_cast<unsigned char>(rest[2]) <= 0x8a;
}

}  // namespace

std::string TableText::form() const {
  return encoding + ", separated by " + (delimiter == ',' ? "commas" : delimiter == ';' ? "semicolons" : "tabs");
}

TableText table_text(std::string_view bytes) {
  TableText found{.text = {}, .encoding = "UTF-8"};
  bool little = bytes.starts_with("\xff\xfe"), big = bytes.starts_with("\xfe\xff");
  if (little || big) bytes.remove_prefix(2);
  little = little || (!big && every_other_is_nought(bytes, 1));
  big = big || (!little && every_other_is_nought(bytes, 0));
  if (little || big) {
    found.encoding = little ? "UTF-16 little-endian" : "UTF-16 big-endian";
    found.text = from_utf16(bytes, little, found.encoding);
  } else {
    if (bytes.starts_with("\xef\xbb\xbf")) bytes.remove_prefix(3);
    found.text = bytes;
  }
  // Spreadsheets name the delimiter so, and show the line to nobody.
  if (found.text.starts_with("sep=") && found.text.size() > 5 && (found.text[5] == '\r' || found.text[5] == '\n')) {
    found.delimiter = found.text[4];
    found.text.erase(0, found.text.find('\n') + 1);
  } else {
    found.delimiter = delimiter_of(found.text);
  }
  return found;
}

std::string tidy(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::string_view rest = text.substr(at);
    const Seen* seen = look_alike(rest);
    bool wide = is_wide_space(rest);
    at += seen ? seen->bytes.size() : wide ? 3 : 1;
    if (seen && seen->what == Seen::nothing) continue;
    char c = rest.front();
    bool space = c == ' ' || c == '\t' || c == '\r' || c == '\n' || wide || (seen && seen->what == Seen::space);
    if (!space)
      out += seen ? seen->bytes : rest.substr(0, 1);
    else if (!out.empty() && out.back() != ' ')
      out += ' ';
  }
  if (out.ends_with(' ')) out.pop_back();
  return out;
}

std::string tidy_number(std::string_view text) {
  std::string tidied = tidy(text), out;
  for (std::size_t at = 0; at < tidied.size();) {
    std::string_view rest = std::string_view(tidied).substr(at);
    const Seen* seen = look_alike(rest);
    bool stroke = seen ? seen->what == Seen::dash || seen->what == Seen::slash : rest.front() == '-';
    out += stroke ? '/' : rest.front();
    at += seen ? seen->bytes.size() : 1;
  }
  return out;
}

}  // namespace vtq::ctl
