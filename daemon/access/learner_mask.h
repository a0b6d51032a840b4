// Who a learner is, kept from callers without the role learner-details: the one place where names, birth dates and numbers of replies are masked.
//
// A number keeps its last digits, for a conversation. Beside a registration number stands `learnerHandle`: the number itself, encrypted with a key of
// the access secret, the same for the same number and at every instance; it takes the number's place in addresses. The cursor of a list of entries
// has a number in it, and is encrypted likewise. Pure. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/access/access_secret.h"
#include "daemon/access/caller.h"

namespace vtq {

/// Whether learners' names, birth dates and numbers are shown to this caller. A centre sees its own learners, and can ask for no others; whoever has
/// the role learner-details has one bound for all its roles, and every route holds it against what is asked.
bool sees_learners(const Caller& caller);

/// `****6506`: the last digits, at most 4 and at most half of them. Nothing of nothing.
std::string masked_number(std::string_view number);

class LearnerHandles {
 public:
  enum class Of : char { learner = 'l', cursor = 'c' };

  explicit LearnerHandles(const AccessSecret& secret);

  /// Letters, digits, `-`, `_` and a dot; no registration number and no cursor looks so.
  std::string handle(Of of, std::string_view text) const;
  /// Nothing: not made with one of the secrets, or of something else.
  std::optional<std::string> text(Of of, std::string_view handle) const;
  static bool looks_like_one(std::string_view text);

 private:
  std::vector<std::string> keys_;  // 32 bytes each, of each secret; the first encrypts
};

/// What a route's replies have beside members whose names say what they are.
struct MaskShape {
  bool cursor = false;    ///< `next` is one
  bool rejected = false;  ///< `original` and `value` are what was sent, and may be anything
};

/// JSON, or JSON Lines, as it is for a caller that does not see learners; everything else stays byte for byte. Once masked, it stays as it is.
std::string masked_json(std::string_view json, const MaskShape& shape, const LearnerHandles& handles);

}  // namespace vtq
