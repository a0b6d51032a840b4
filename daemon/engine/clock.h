// What time it is, and whether that can be believed. Everything that opens, issues or expires asks here, never the system's clock.
#pragma once

#include "storage/store.h"

namespace vtq {

/// Where the clock stands against what it should say.
struct ClockState {
  bool trusted = true;
  TimeMs now_ms = 0;          ///< for decisions: the clock while it is trusted, else the last moment at which it was
  TimeMs wall_ms = 0;         ///< what the clock says
  TimeMs expected_ms = 0;     ///< what it should say
  bool at_least = false;      ///< `expected_ms` is what the log says: it may be any time later
  bool since_before = false;  ///< it was doubted when the machine was last up, and only an operator can say whether it is right now
};

/// Any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Wall clock, milliseconds since 1970-01-01T00:00Z: for showing and for records, not for decisions.
  virtual TimeMs now() const = 0;
  /// Milliseconds that only pass, whatever happens to the wall clock: for how long something takes.
  virtual TimeMs passed_ms() const { return now(); }
  /// By what to decide.
  virtual ClockState state() const { return {.now_ms = now(), .wall_ms = now(), .expected_ms = now()}; }
  /// In wall-clock mode, when an engine learns it: logical time had come to `log_ms` when it was last committed. 0: nothing was.
  virtual void log_says(TimeMs, const ClockConfirmation&) {}
  /// At the start of an engine, after `log_says`: where the clocks stood before.
  virtual void was(const ClockWitness&) {}
  /// What is to be kept for the next start; nothing while the last one still says it.
  virtual std::optional<ClockWitness> witness() { return std::nullopt; }
  /// An operator says that the clock is right.
  virtual void confirm() {}
};

/// In wall-clock mode, an event that occurred after this is from the future. A day is left for zones and for clocks of others. Of a clock that
/// was doubted from the start on nobody knows what it should say: then no event is refused for it.
inline TimeMs latest_event(const ClockState& clock) {
  if (clock.trusted) return clock.now_ms + kAheadMaxMs;
  return clock.at_least ? kLatestEventMs : clock.expected_ms + kAheadMaxMs;
}

}  // namespace vtq
