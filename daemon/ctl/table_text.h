// Tables as spreadsheets save them: in UTF-8 or UTF-16, with a byte order mark or without, separated by commas, semicolons or tabs, and with
// characters in them that nobody sees. Pure.
#pragma once

#include <string>
#include <string_view>

namespace vtq::ctl {

/// The text of a table in UTF-8, and how it was written.
struct TableText {
  std::string text;
  std::string encoding;  ///< `UTF-8`, `UTF-16 little-endian`; for people
  char delimiter = ',';

  /// `UTF-8, separated by semicolons`.
  std::string form() const;
};

/// Finds encoding and delimiter, and takes off the mark and a first line `sep=;`. The delimiter is the one that stands most often in the
/// first line, outside quotes. Throws std::runtime_error, in words, for UTF-16 that breaks off or is none.
TableText table_text(std::string_view bytes);

/// Without spaces around, each run of spaces and line ends one space. No-break and other wide or thin spaces are spaces; characters of no
/// width (zero-width spaces and joiners, soft hyphens, byte order marks) are left out.
std::string tidy(std::string_view text);

/// The same for a number with strokes, `603/4101/4`: hyphens, dashes and other strokes in it are `/`.
std::string tidy_number(std::string_view text);

}  // namespace vtq::ctl
