// What a caller may be: the roles that rights are given to. Which facts a role may assert stands in pipeline/kinds/, which routes it may use in
// daemon/access/.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

namespace vtq {

enum class AccessRole : std::uint8_t {
  operations,       ///< sees where everything stands, and acts on what is blocked
  approver,         ///< approves releases
  publisher,        ///< asserts facts
  centre,           ///< sees and answers for its own centre
  auditor,          ///< reads what was done by whom
  learner_details,  ///< beside another role: sees learners' names, birth dates and numbers, which are masked without it
};
constexpr AccessRole kAccessRoles[] = {AccessRole::operations, AccessRole::approver, AccessRole::publisher,
                                       AccessRole::centre,     AccessRole::auditor,  AccessRole::learner_details};

constexpr std::string_view text_of(AccessRole role) {
  constexpr std::string_view kNames[] = {"operations", "approver", "publisher", "centre", "auditor", "learner-details"};
  return kNames[static_cast<std::size_t>(role)];
}

constexpr std::optional<AccessRole> parse_access_role(std::string_view text) {
  for (AccessRole role : kAccessRoles)
    if (text_of(role) == text) return role;
  return std::nullopt;
}

/// A set of roles.
class AccessRoles {
 public:
  constexpr AccessRoles() = default;
  constexpr AccessRoles(std::initializer_list<AccessRole> roles) {
    for (AccessRole role : roles) add(role);
  }
  constexpr void add(AccessRole role) { bits_ = static_cast<std::uint8_t>(bits_ | 1u << static_cast<unsigned>(role)); }
  constexpr bool has(AccessRole role) const { return (bits_ & 1u << static_cast<unsigned>(role)) != 0; }
  constexpr bool any_of(AccessRoles others) const { return (bits_ & others.bits_) != 0; }
  constexpr AccessRoles and_of(AccessRoles others) const {
    AccessRoles both;
    both.bits_ = static_cast<std::uint8_t>(bits_ & others.bits_);
    return both;
  }
  constexpr bool empty() const { return bits_ == 0; }
  bool operator==(const AccessRoles&) const = default;

 private:
  std::uint8_t bits_ = 0;
};

}  // namespace vtq
