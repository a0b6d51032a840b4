// The public register as a spreadsheet saves it: refused in words, or facts that pass the check.
#include <stdexcept>

#include "daemon/ctl/register.h"
#include "pipeline/intake/check.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vtq;
  try {
    ctl::ReadRegister read = ctl::read_register({reinterpret_cast<const char*>(data), size}, 1'700'000'000'000);
    for (const v1::Event& event : read.events) fuzz::require(check(event).has_value(), "a fact of the register passes the check");
    for (const ctl::SkippedRow& row : read.skipped) fuzz::require(!row.why.rule.empty(), "a row that is left out has its rule");
  } catch (const std::runtime_error& refused) {
    fuzz::require(*refused.what() != 0, "a refusal is said in words");
  }
  return 0;
}
