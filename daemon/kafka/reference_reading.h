// How far this instance has read the topic of reference data. Every instance reads all of it; whoever has partition 0 answers for what is wrong
// there.
//
//   answered ......... next ......... through
//   |                  |              what was read, ahead of next by what changed nothing
//   |                  what the state holds, and is committed
//   what this instance answered for with partition 0; the others do not move it, so whoever gets partition 0 reads again from here
//
// A record may seem to come from the future because this machine's clock is behind. It is passed over, and read again once a changelog says
// that it is later than the clock does.
//
// Cycle says what was processed, read and passed over; Membership asks from where to read again when a partition comes or goes, or the clock is
// known better; Session goes back after an abort. A value: it asks nobody. Pipeline's thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "pipeline/base/uk_time.h"

namespace vtq::kafka {

class ReferenceReading {
 public:
  /// Goes on from what the store holds: everything after it is read anew.
  void go_back(std::int64_t next) {
    next_ = through_ = next;
    moved_ = false;
  }

  /// One past the last record that is in the state; every commit record names it.
  std::int64_t next() const { return next_; }
  /// One past the last record that partition 0 answered for; its commit record names it.
  std::int64_t answered() const { return answered_; }
  /// Whether a record was processed since the last commit.
  bool moved() const { return moved_; }
  void committed() { moved_ = false; }
  /// Whether everything before `next` was read.
  bool has_read(std::int64_t next) const { return next <= through_; }
  /// Whether the state holds more than it did when `next` was committed.
  bool is_ahead_of(std::int64_t next) const { return next < next_; }

  /// The record was processed. `working`: this instance has a partition. Before it has one, what was passed over may have to be read again,
  /// after the next start too, and `next` stays.
  void processed(std::int64_t offset, bool working) {
    if (!ahead_ || working) next_ = std::max(next_, offset + 1);
    answered_ = std::max(answered_, offset + 1);
    moved_ = true;
  }
  /// The record was read, whatever came of it.
  void read(std::int64_t offset) { through_ = std::max(through_, offset + 1); }

  /// The record occurred in the future, by this clock.
  void pass_over(std::int64_t offset, TimeMs occurred_ms) {
    if (!ahead_) ahead_ = {offset, occurred_ms};
    ahead_ = Ahead{std::min(ahead_->offset, offset), std::min(ahead_->occurred_ms, occurred_ms)};
  }
  bool passed_over() const { return ahead_.has_value(); }
  /// Now events up to `latest_ms` are believed. Where to read again from, when one that was passed over is among them.
  std::optional<std::int64_t> read_again(TimeMs latest_ms) {
    if (!ahead_ || latest_ms < ahead_->occurred_ms) return std::nullopt;
    std::int64_t from = std::exchange(ahead_, std::nullopt)->offset;
    through_ = std::min(through_, from);
    return from;
  }
  /// Before the first partition is worked on, by a clock that is right: what was passed over is from the future, and done with.
  void leave_passed_over() { next_ = std::max(next_, through_); }

  /// Partition 0 has come, and answered so far. Where to read again from, when it has not answered for all that was read.
  std::optional<std::int64_t> answer_from(std::int64_t answered) {
    answered_ = answered;
    return answered_ < through_ ? std::optional(answered_) : std::nullopt;
  }
  /// Where to go on after `go_back`. `answered`: as far as partition 0 did; nothing: another instance has it.
  std::int64_t go_on_from(std::optional<std::int64_t> answered) {
    if (!answered) return next_;
    answered_ = *answered;
    return std::min(next_, answered_);
  }

 private:
  struct Ahead {
    std::int64_t offset = 0;
    TimeMs occurred_ms = 0;
  };
  std::int64_t next_ = 0;
  std::int64_t answered_ = 0;
  std::int64_t through_ = 0;
  bool moved_ = false;
  std::optional<Ahead> ahead_;  // the earliest that was passed over: by offset and by time
};

}  // namespace vtq::kafka
