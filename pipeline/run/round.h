// One round: a batch of events on its way through partitions, and what becomes of each. It holds what Pipeline says for all its windows, and takes
// what the partitions say back. A plain value of one thread: the partitions that go through it do so one after another, and two threads never share
// a round.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/facts/reference.h"

namespace vtq {

/// What became of one event.
struct Verdict {
  /// `set_aside`: not taken, since the centre's records cannot be read. Nothing of the event is kept: it is to be sent again.
  enum class Kind : std::uint8_t { accepted, superseded, duplicate, waiting, rejected, set_aside } kind{};
  std::optional<Rejection> why;  ///< of a rejection, or of being set aside; of waiting: for what
  TimeMs until_ms = 0;           ///< of waiting: rejected then
  std::string rejected_id = {};  ///< of a rejection: the record's id in the list of rejected records
  Clash clash = {};              ///< of what was merged: what it met there
};

Verdict::Kind kind_of(Merged merged);

struct Round {
  /// The clock is doubted: nothing wakes, nothing is issued; what is due is made up for once it is trusted.
  bool frozen = false;
  /// Entries woken by time since the last commit, over all that go through the round; the commit sets it back to 0.
  std::size_t woken = 0;
  /// By token, the event's place in the batch. What waited for something of the same batch has its verdict changed when that came.
  std::vector<Verdict> verdicts;
  /// Where an event of the batch came from, serialised, by token; kept with facts that wait. May be unset.
  std::function<std::string(std::int64_t token)> origin_of;
};

}  // namespace vtq
