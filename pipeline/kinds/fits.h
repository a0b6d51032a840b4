// What units and grades in an event are held to by the reference data. For the rows of pipeline/kinds/.
#pragma once

#include <optional>
#include <string>

#include "pipeline/facts/kind.h"
#include "pipeline/facts/reference.h"

namespace vtq {

/// The qualification has such a unit. `field`: within the fact, as `units[0].unit`.
std::optional<Rejection> unit_fits(const v1::Event& event, const std::string& field, const std::string& unit, const Qualification& qualification);

/// A grade of the scale on which it is to stand.
std::optional<Rejection> grade_fits(const v1::Event& event, const std::string& field, const std::string& scale, const std::string& value,
                                    const std::string& expected_scale, const Reference& reference);

/// The same of a grade for the qualification as a whole, if one is given.
std::optional<Rejection> overall_grade_fits(const v1::Event& event, const char* field, const v1::Grade& grade, const Qualification& qualification,
                                            const Reference& reference);

}  // namespace vtq
