// One event in JSON, by protobuf's JSON mapping. What is wrong is said in the words of the field: which value stands where, and what to give
// in its place. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "pipeline/intake/check.h"

namespace vtq {

/// Fills `event`, or says why it cannot: not JSON, no such field, a value that does not fit its field (rule `json-form`), a key that stands
/// twice in one object (`json-key-twice`), text that is not UTF-8 (`utf-8`). A byte order mark in front is skipped.
std::optional<Rejection> read_event_json(std::string_view text, v1::Event& event);

/// Of JSON text that is no event, who sent it and what it is about: id, source, time and entry, as JSON; every other value is hidden, for nobody
/// knows which of them is a grade. `(not shown)` where it is no JSON at all.
std::string who_and_what(std::string_view text);

/// Whether text begins as UTF-16 or UTF-32 do, with their byte order mark or with a NUL among its first two bytes.
bool is_utf16(std::string_view text);
Rejection utf16_rejection();

/// Without the byte order mark of UTF-8.
std::string_view without_mark(std::string_view text);

}  // namespace vtq
