// The public reference data that ships inside the binary; see data/NOTICE.
#pragma once

#include <string_view>

namespace vtq::simulator {

// qualification_number,title
std::string_view qualifications_csv();
// qualification_number,title,first_start_year
std::string_view tlevel_qualifications_csv();
// qualification_number,core_grade,occupational_specialism_grade,overall_grade
std::string_view tlevel_overall_grades_csv();

}  // namespace vtq::simulator
