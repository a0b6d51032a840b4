// The clock of the daemon. The wall clock is compared with a clock that only passes, and at the start with the log's own times. Where it
// jumped it is doubted: time stands still, until it is put right again or an operator confirms it.
//
//   trusted -- jumps by more than the limit --> doubted -- agrees again, or is confirmed --> trusted
//
// A restart ends no doubt. Where the clocks stood is kept in the store: as long as the machine was not started again, a clock that jumped before
// the start is found out at the start. After a start of the machine nothing says how much time passed; a doubt of before then lasts until it is
// confirmed.
//
// Small corrections pass, as NTP makes them: what the clock is held against follows it, by at most a tenth of the time that passes.
#pragma once

#include <functional>
#include <mutex>

#include "daemon/engine/clock.h"

namespace vtq {

struct ClockLimits {
  TimeMs jump_max_ms = 60'000;        ///< of one jump, either way
  TimeMs away_max_ms = 400 * kDayMs;  ///< between the last commit and the start
};

/// Both clocks, read at one moment.
struct ClockReading {
  TimeMs wall_ms = 0;
  TimeMs passed_ms = 0;
};

/// Decides whether the wall clock is to be believed. Reads no clock itself.
class ClockJudge {
 public:
  ClockJudge(const ClockLimits& limits, const ClockReading& at);

  ClockState look(const ClockReading& at);
  /// See Clock::log_says. A clock behind the log by more than a jump is doubted, and so is one that is further ahead than the daemon may
  /// have been away. What was confirmed before for a log no further than that holds.
  void log_says(TimeMs log_ms, const ClockConfirmation& confirmed, const ClockReading& at);
  /// See Clock::was. `boot`: the machine's start that `at` is of.
  void was(const ClockWitness& kept, std::uint64_t boot, const ClockReading& at);
  void confirm(const ClockReading& at);

 private:
  ClockLimits limits_;
  ClockReading anchor_;    // what the wall clock is held against
  TimeMs trusted_ms_ = 0;  // when it was last trusted
  bool at_least_ = false;  // the anchor is from the log: the wall clock may be any time later
  bool heard_log_ = false;
  bool since_before_ = false;  // doubted when the machine was last up
};

class TrustedClock final : public Clock {
 public:
  /// `read`: reads both clocks; the system's, unless a test has its own.
  explicit TrustedClock(const ClockLimits& limits, std::function<ClockReading()> read = read_system_clocks, std::uint64_t boot = system_boot());

  TimeMs now() const override { return read_().wall_ms; }
  TimeMs passed_ms() const override { return read_().passed_ms; }
  /// Says in the log when trust ends or comes back.
  ClockState state() const override;
  void log_says(TimeMs log_ms, const ClockConfirmation& confirmed) override;
  void was(const ClockWitness& kept) override;
  std::optional<ClockWitness> witness() override;
  void confirm() override;

  static ClockReading read_system_clocks();
  /// Names the machine's start, never 0.
  static std::uint64_t system_boot();

 private:
  ClockState look() const;

  std::function<ClockReading()> read_;
  mutable std::mutex mutex_;
  mutable ClockJudge judge_;
  mutable bool trusted_ = true;
  const std::uint64_t boot_;
  ClockWitness kept_;
};

/// For people: what is wrong and what to do; empty while the clock is trusted.
std::string clock_words(const ClockState& clock);

}  // namespace vtq
