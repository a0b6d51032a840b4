// Reads the files of the store in the background, slowly, to find damage before anybody needs what is damaged. What it finds the store
// keeps, and tells in the log. A thread of its own, `verifier`; public members are for any thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "daemon/engine/engine.h"

namespace vtq {

class Verifier {
 public:
  /// `bytes_per_second`: 0: only looks whether all files are there. Begins at once. Store and clock outlive it.
  Verifier(Store& store, const Clock& clock, std::uint64_t bytes_per_second, double every_hours);
  ~Verifier();

  /// When all files were last read through; 0: not yet.
  TimeMs verified_ms() const { return verified_ms_; }
  /// Stops in the middle. Idempotent; waits.
  void stop();

 private:
  void run();
  void look(bool content);

  Store& store_;
  const Clock& clock_;
  std::uint64_t bytes_per_second_;
  TimeMs every_ms_;
  std::atomic<TimeMs> verified_ms_{0};
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::thread thread_;  // last: stops before what it uses dies
};

}  // namespace vtq
