// An entry's status in JSON, by Protobuf's mapping with every field written. Pages show it by the hundred, and the library looks up anew, for each
// message that it prints, what all its fields are.
#pragma once

#include <string>

#include "vtq/v1/output.pb.h"

namespace vtq {

/// Read back, it is what Protobuf's own printer writes; the fields are in their order. An unset time, as of an entry that was not issued, is left
/// out.
std::string status_json(const v1::EntryStatus& status);

}  // namespace vtq
