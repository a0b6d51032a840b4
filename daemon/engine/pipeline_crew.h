// The pipeline's threads: the one that calls, `pipeline-1`, and `pipeline-2` to `pipeline-N` beside it, which sleep while there is nothing to do.
// A piece of work is on one of them from its beginning to its end; which, is left open.
//
// Made and destroyed with the engine; one thread calls `each`. Knows nothing of what the pieces are.
#pragma once

#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "pipeline/run/ports.h"

namespace vtq {

class PipelineCrew final : public Crew {
 public:
  /// `lanes`: threads, with the calling one; 1 starts none. Throws std::system_error where no more threads can be had.
  explicit PipelineCrew(std::size_t lanes);
  ~PipelineCrew() override;

  std::size_t lanes() const override { return lanes_; }
  /// Pieces are begun in their order, and all of them are done, whatever one of them throws.
  void each(std::size_t count, const std::function<void(std::size_t)>& piece) override;

 private:
  void run();
  /// Does what is left, piece by piece.
  void take(const std::function<void(std::size_t)>& piece);
  void stop();

  const std::size_t lanes_;
  std::mutex mutex_;
  std::condition_variable called_;
  std::condition_variable ended_;
  // The call under way.
  const std::function<void(std::size_t)>* piece_ = nullptr;  // null: none
  std::size_t count_ = 0;
  std::atomic<std::size_t> next_{0};
  std::size_t at_work_ = 0;  // threads besides the caller's
  std::size_t failed_ = 0;   // of the pieces that threw, the first
  std::exception_ptr failure_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;  // last: stop before what they use dies
};

}  // namespace vtq
