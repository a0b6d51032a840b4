// Grades in what was sent: where they stand, and how a record is shown without them. What was rejected is read by people before the gates
// open, so neither the words of a rejection nor the record itself may show them. Pure.
#pragma once

#include <string_view>

#include "vtq/v1/event.pb.h"

namespace vtq {

/// Stands in place of a value that is or may name a grade.
constexpr std::string_view kNotShown = "(not shown)";

/// Whether a field's path in the JSON mapping names a grade, or text in which somebody may have written one: `claimSubmitted.grade.value`,
/// `resultQueried.text`; not in reference data.
bool may_name_a_grade(std::string_view field);

/// Puts kNotShown in place of every grade of a fact about an entry, and of free text; takes marks out. False: there was none of these.
/// Reference data stay as they are: which grades a scale has is no secret.
bool hide_grades(v1::Event& event);

/// Of text that is no event, the part before the first word that may introduce a grade; all of it where there is none.
std::string_view before_grades(std::string_view text);

}  // namespace vtq
