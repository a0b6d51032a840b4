// What is said of values that came from outside: safe to put into messages, whatever stood there. Pure.
#pragma once

#include <string>
#include <string_view>

namespace vtq {

/// The text with `?` for each byte that is not UTF-8: what is said of a record goes into protobuf strings, whatever stood in it.
std::string as_utf8(std::string_view text);

/// Cut to what is kept of a wrong value; UTF-8.
std::string cut_value(std::string_view value);

}  // namespace vtq
