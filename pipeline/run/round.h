// One round: a batch of events on its way through partitions, and what becomes of each. It holds what Pipeline says for all its windows, and takes
// what the partitions say back. Partitions may go through it on several threads at once: each writes the verdicts of its own events, and nothing
// else.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/facts/kind.h"
#include "pipeline/facts/reference.h"

namespace vtq {

/// One event of a batch. The pointers outlive `Pipeline::process`.
struct Inbound {
  const v1::Event* event = nullptr;
  std::string_view bytes;  ///< the same, serialised
  Address address;         ///< as `check` found it
  // For the audit.
  std::string_view by = {};  ///< serialised AuditActor: who said it; empty: its source alone is known
  bool answered = true;      ///< of what is for all: this instance writes it down
  bool read_before = false;  ///< of what is for all: it may be known here and not be written down
};

/// What became of one event.
struct Verdict {
  /// `set_aside`: not taken, since the centre's records cannot be read. Nothing of the event is kept: it is to be sent again.
  enum class Kind : std::uint8_t { accepted, superseded, duplicate, waiting, rejected, set_aside } kind{};
  std::optional<Rejection> why;  ///< of a rejection, or of being set aside; of waiting: for what
  TimeMs until_ms = 0;           ///< of waiting: rejected then
  std::string rejected_id = {};  ///< of a rejection: the record's id in the list of rejected records
  Clash clash = {};              ///< of what was merged: what it met there
};

inline Verdict::Kind kind_of(Merged merged) {
  switch (merged) {
    case Merged::applied:
      return Verdict::Kind::accepted;
    case Merged::superseded:
      return Verdict::Kind::superseded;
    case Merged::duplicate:
      return Verdict::Kind::duplicate;
  }
  return {};
}

/// How many entries time may wake before a commit is due, of the partitions that have it together. One thread at a time.
struct alignas(64) WakeBudget {
  std::size_t most = 0;
  std::size_t woken = 0;  ///< since the last commit, which sets it back to 0

  bool spent() const { return woken >= most; }
};

struct Round {
  /// The clock is doubted: nothing wakes, nothing is issued; what is due is made up for once it is trusted.
  bool frozen = false;
  /// By token, the event's place in the batch. What waited for something of the same batch has its verdict changed when that came.
  std::vector<Verdict> verdicts;
  /// Where an event of the batch came from, serialised, by token; kept with facts that wait. May be unset.
  std::function<std::string(std::int64_t token)> origin_of;

  std::string origin(std::int64_t token) const { return origin_of ? origin_of(token) : std::string(); }
  /// Of a fact that waited: -1 where it is from an earlier batch.
  void set_verdict(std::int64_t token, Verdict&& verdict) {
    if (token >= 0) verdicts[static_cast<std::size_t>(token)] = std::move(verdict);
  }
};

}  // namespace vtq
