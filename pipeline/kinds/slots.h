// How the names of slots are written. They stand in stores: what is written here today is read by all later versions.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "pipeline/facts/reference.h"

namespace vtq {

/// What the slots begin with that daemon/access/ looks for.
constexpr std::string_view kAccessKeySlot = "access-key", kAccessKeyRevokedSlot = "access-key-revoked", kQualificationSlot = "qualification",
                           kCentreSlot = "centre", kPersonSignedOutSlot = "person-signed-out";

/// The parts with spaces between; `-` for one that is empty.
inline std::string slot(std::initializer_list<std::string_view> parts) {
  std::string text;
  for (std::string_view part : parts) {
    if (!text.empty()) text += ' ';
    text += part.empty() ? std::string_view{"-"} : part;
  }
  return text;
}

/// A qualification's number in its one form, however it was written; what is no such number as it stands.
inline std::string canonical(const std::string& qualification) {
  auto id = parse_qualification(qualification);
  return id ? text_of(*id) : qualification;
}

}  // namespace vtq
