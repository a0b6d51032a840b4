// Where the files that tests read are.
#pragma once

#include <string>

namespace vtq {

/// The folder `tests/data` of this checkout, without a slash at its end.
std::string test_data();

}  // namespace vtq
