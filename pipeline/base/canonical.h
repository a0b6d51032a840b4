// Whether a serialised message is as it would be written again. A fact is told from others by what it says, however its publisher encoded it;
// nearly all encode it in this one way, and then its bytes can be compared as they are.
#pragma once

#include <google/protobuf/descriptor.h>

#include <string_view>

namespace vtq {

/// True: a message of this kind that is parsed from `bytes` is serialised as `bytes` again, and has no fields that this version does not
/// know. Looks at `bytes` only. False of bytes that cannot be parsed, and where it would take more to know: for fields of a kind that the
/// contract does not use (maps, groups, closed enumerations).
bool is_canonical(const google::protobuf::Descriptor& kind, std::string_view bytes);

}  // namespace vtq
