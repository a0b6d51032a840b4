#include "tests/support/test_data.h"

namespace vtq {

std::string test_data() { return VTQ_TEST_DATA; }

}  // namespace vtq
