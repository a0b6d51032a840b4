// What is configured of the pipeline. Constant for as long as it lives; read from any thread.
#pragma once

#include "pipeline/release/release.h"
#include "pipeline/risk/durations.h"

namespace vtq {

struct Policy {
  DurationPolicy durations;
  ReleasePolicy release;
  /// How long a fact waits for its entry's registration, in logical time.
  TimeMs registration_wait_ms = 14 * kDayMs;
  /// How long a fact waits for a centre, qualification, unit or grade to become known; 0: rejected when its window closes.
  TimeMs reference_wait_ms = 0;
  /// Facts that may wait at one centre; more are rejected.
  std::uint32_t waiting_per_centre_max = 20'000;
  /// Entries that time wakes before a commit is due; more are left to the next one.
  std::size_t woken_per_commit_max = 20'000;
  /// Results in one batch; more make further batches.
  std::uint32_t batch_results_max = 5'000;
  /// Of one batch, serialised: a log takes it as one record, whichever way that is packed there.
  std::size_t batch_bytes_max = 4u << 20;
  /// In event time, how far ahead of what was reached one event may lie; kNever: any distance. A TimeReached may lie anywhere.
  TimeMs event_step_max_ms = kNever;
  /// First number of a run of batches. Above 1 where numbers may have left the house that nobody knows of.
  std::uint32_t batch_numbers_from = 1;
};

}  // namespace vtq
