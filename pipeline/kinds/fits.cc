#include "pipeline/kinds/fits.h"

#include "pipeline/base/value_text.h"
#include "pipeline/kinds/hidden_grades.h"

namespace vtq {

std::optional<Rejection> unit_fits(const v1::Event& event, const std::string& field, const std::string& unit, const Qualification& qualification) {
  if (qualification.unit(short_hash(unit))) return std::nullopt;
  return Rejection{fact_name(event) + "." + field, "unit-of-qualification", cut_value(unit),
                   "Qualification " + text_of(qualification.id) + " has no such unit; correct the code, or send the qualification anew."};
}

std::optional<Rejection> grade_fits(const v1::Event& event, const std::string& field, const std::string& scale, const std::string& value,
                                    const std::string& expected_scale, const Reference& reference) {
  std::string path = fact_name(event) + "." + field;
  auto has = reference.scale_has(scale, value);
  // A name that no scale has may be the grade itself, set in the wrong place.
  if (scale != expected_scale)
    return Rejection{path + ".scale", "scale-of-qualification", has ? cut_value(scale) : std::string(kNotShown),
                     "The qualification is graded on the scale " + expected_scale + "."};
  if (!has)
    return Rejection{path + ".scale", "scale-known", cut_value(scale),
                     "No such grading scale is in the reference data; send its GradingScaleDefined."};
  if (!*has)
    return Rejection{path + ".value", "grade-of-scale", std::string(kNotShown),
                     "The scale " + scale + " has no such grade; correct it, or send the scale anew with it."};
  return std::nullopt;
}

std::optional<Rejection> overall_grade_fits(const v1::Event& event, const char* field, const v1::Grade& grade, const Qualification& qualification,
                                            const Reference& reference) {
  if (grade.value().empty()) return std::nullopt;
  return grade_fits(event, field, grade.scale(), grade.value(), qualification.grading_scale, reference);
}

}  // namespace vtq
