// What a seal is made of. Pure; any thread.
#pragma once

#include <string>

namespace vtq {

/// All that a fact says, but for its seal, after its name: a seal of one kind of fact is none of another.
template <class Fact>
std::string sealed_text(const Fact& fact) {
  Fact bare = fact;
  bare.clear_seal();
  return std::string(Fact::descriptor()->name()) + bare.SerializeAsString();
}

}  // namespace vtq
