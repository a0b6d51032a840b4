#include "daemon/engine/trusted_clock.h"

#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <utility>

#include "daemon/process/log.h"

namespace vtq {
namespace {

/// What the wall clock is held against follows it by one part in so many of the time that passes. The fastest correction in use, chrony's, is
/// one in twelve.
constexpr TimeMs kSlewShare = 10;
/// And is moved no more often than this, so that many looks do not round it down to nothing.
constexpr TimeMs kSlewEveryMs = 1000;
/// Where the clocks stand is kept so often while nothing happens to them.
constexpr TimeMs kWitnessEveryMs = 10 * 60'000;
/// Both clocks are read within this time of each other.
constexpr TimeMs kReadingMs = 20;

TimeMs read(clockid_t which) {
  timespec at{};
  ::clock_gettime(which, &at);
  return TimeMs{at.tv_sec} * 1000 + at.tv_nsec / 1'000'000;
}

/// `3 days`, `2 hours`, `90 seconds`.
std::string length_text(TimeMs ms) {
  if (ms >= 2 * kDayMs) return std::to_string(ms / kDayMs) + " days";
  if (ms >= 2 * kHourMs) return std::to_string(ms / kHourMs) + " hours";
  return std::to_string(ms / 1000) + " seconds";
}

}  // namespace

ClockJudge::ClockJudge(const ClockLimits& limits, const ClockReading& at) : limits_(limits), anchor_(at), trusted_ms_(at.wall_ms) {}

ClockState ClockJudge::look(const ClockReading& at) {
  TimeMs passed = at.passed_ms - anchor_.passed_ms;
  TimeMs expected = anchor_.wall_ms + passed;
  TimeMs ahead = at.wall_ms - expected;
  bool trusted = !since_before_ && ahead >= -limits_.jump_max_ms && ahead <= (at_least_ ? limits_.away_max_ms : limits_.jump_max_ms);
  if (trusted) {
    trusted_ms_ = at.wall_ms;
    if (at_least_) {
      anchor_ = at;
      at_least_ = false;
    } else if (passed >= kSlewEveryMs) {
      TimeMs most = passed / kSlewShare;
      anchor_ = {expected + std::clamp(ahead, -most, most), at.passed_ms};
    }
  }
  return {.trusted = trusted,
          .now_ms = trusted_ms_,
          .wall_ms = at.wall_ms,
          .expected_ms = expected,
          .at_least = at_least_,
          .since_before = since_before_};
}

void ClockJudge::log_says(TimeMs log_ms, const ClockConfirmation& confirmed, const ClockReading& at) {
  if (log_ms == 0) return;
  TimeMs base = log_ms <= confirmed.log_ms ? confirmed.wall_ms : log_ms;
  bool first = !heard_log_;
  heard_log_ = true;
  TimeMs expected = anchor_.wall_ms + (at.passed_ms - anchor_.passed_ms);
  // Later ones are of partitions that come from other instances: they can only say that it is later than was thought.
  if (!first && base <= expected + limits_.jump_max_ms) return;
  anchor_ = {base, at.passed_ms};
  at_least_ = true;
  if (first) trusted_ms_ = base;
}

void ClockJudge::was(const ClockWitness& kept, std::uint64_t boot, const ClockReading& at) {
  if (kept.boot == boot && kept.passed_ms <= at.passed_ms) {
    trusted_ms_ = heard_log_ ? std::max(trusted_ms_, kept.should_ms) : kept.should_ms;
    TimeMs expected = kept.should_ms + (at.passed_ms - kept.passed_ms);
    bool log_is_later = at_least_ && anchor_.wall_ms > expected + limits_.jump_max_ms;
    if (log_is_later) return;
    anchor_ = {kept.should_ms, kept.passed_ms};
    at_least_ = false;
    heard_log_ = true;
  } else if (kept.boot != 0 && kept.doubted) {
    if (!at_least_) anchor_ = {kept.should_ms, at.passed_ms};
    at_least_ = heard_log_ = since_before_ = true;
    trusted_ms_ = anchor_.wall_ms;
  }
}

void ClockJudge::confirm(const ClockReading& at) {
  anchor_ = at;
  at_least_ = since_before_ = false;
  trusted_ms_ = at.wall_ms;
}

TrustedClock::TrustedClock(const ClockLimits& limits, std::function<ClockReading()> read, std::uint64_t boot)
    : read_(std::move(read)), judge_(limits, read_()), boot_(boot) {}

std::uint64_t TrustedClock::system_boot() {
  std::string id;
  std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), id);
  return std::max<std::uint64_t>(long_hash(id), 1);
}

/// Time in suspension counts too: what wakes up later is later.
ClockReading TrustedClock::read_system_clocks() {
  for (int tries = 0;; ++tries) {
    ClockReading at;
    at.passed_ms = vtq::read(CLOCK_BOOTTIME);
    at.wall_ms = vtq::read(CLOCK_REALTIME);
    if (vtq::read(CLOCK_BOOTTIME) - at.passed_ms <= kReadingMs || tries == 100) return at;
  }
}

ClockState TrustedClock::look() const {
  ClockState state = judge_.look(read_());
  if (std::exchange(trusted_, state.trusted) == state.trusted) return state;
  if (state.trusted)
    log::write(log::Level::warning, "the clock is trusted again", {{"clock", utc_text(state.wall_ms)}});
  else
    log::write(log::Level::error, "the clock is doubted: time stands still and gates are shut",
               {{"clock", utc_text(state.wall_ms)}, {"expected", utc_text(state.expected_ms)}, {"why", clock_words(state)}});
  return state;
}

ClockState TrustedClock::state() const {
  std::lock_guard lock(mutex_);
  return look();
}

/// It is not looked at yet: what the witness says comes next, and a clock that jumped before the start is no moment to stand at.
void TrustedClock::log_says(TimeMs log_ms, const ClockConfirmation& confirmed) {
  std::lock_guard lock(mutex_);
  judge_.log_says(log_ms, confirmed, read_());
}

void TrustedClock::was(const ClockWitness& kept) {
  std::lock_guard lock(mutex_);
  judge_.was(kept, boot_, read_());
  look();
}

std::optional<ClockWitness> TrustedClock::witness() {
  std::lock_guard lock(mutex_);
  ClockState state = look();
  // What only the log says is said by the log again; a doubt of before the machine's start, by the witness of then.
  if (!state.trusted && state.at_least) return std::nullopt;
  TimeMs passed = read_().passed_ms;
  if (kept_.boot != 0 && kept_.doubted == !state.trusted && passed - kept_.passed_ms < kWitnessEveryMs) return std::nullopt;
  return kept_ = {boot_, state.expected_ms, passed, !state.trusted};
}

void TrustedClock::confirm() {
  std::lock_guard lock(mutex_);
  kept_ = {};
  judge_.confirm(read_());
  look();
}

std::string clock_words(const ClockState& clock) {
  if (clock.trusted) return "";
  if (clock.since_before)
    return "The clock says " + utc_text(clock.wall_ms) +
           ". It was doubted before the machine was started again, and nothing says how much time has passed "
           "since. Look whether it is right, put it right if it is not, then run `resultsctl clock confirm`.";
  TimeMs off = clock.wall_ms - clock.expected_ms;
  std::string text =
      "The clock says " + utc_text(clock.wall_ms) + ", " + length_text(std::abs(off)) + (off > 0 ? " after " : " before ") +
      (clock.at_least ? "the last commit in the log, " + utc_text(clock.expected_ms) : "what it should say, " + utc_text(clock.expected_ms)) + ".";
  return text + " Put it right, and this ends by itself; if the clock is right, run `resultsctl clock confirm`.";
}

}  // namespace vtq
