#include "daemon/engine/pipeline_crew.h"

#include <pthread.h>

#include <algorithm>
#include <string>
#include <utility>

namespace vtq {

PipelineCrew::PipelineCrew(std::size_t lanes) : lanes_(std::max<std::size_t>(lanes, 1)) {
  try {
    while (threads_.size() + 1 < lanes_) {
      threads_.emplace_back([this] { run(); });
      pthread_setname_np(threads_.back().native_handle(), ("pipeline-" + std::to_string(threads_.size() + 1)).c_str());
    }
  } catch (...) {
    stop();
    throw;
  }
}

PipelineCrew::~PipelineCrew() { stop(); }

void PipelineCrew::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  called_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void PipelineCrew::each(std::size_t count, const std::function<void(std::size_t)>& piece) {
  {
    std::lock_guard lock(mutex_);
    piece_ = &piece;
    count_ = count;
    next_ = 0;
  }
  for (std::size_t others = std::min(count, lanes_); others > 1; --others) called_.notify_one();
  take(piece);
  std::unique_lock lock(mutex_);
  // Who has not begun by now finds nothing to do.
  piece_ = nullptr;
  ended_.wait(lock, [&] { return at_work_ == 0; });
  if (std::exception_ptr failure = std::exchange(failure_, nullptr)) std::rethrow_exception(failure);
}

void PipelineCrew::take(const std::function<void(std::size_t)>& piece) {
  for (std::size_t at = next_++; at < count_; at = next_++) {
    try {
      piece(at);
    } catch (...) {
      std::lock_guard lock(mutex_);
      if (failure_ && failed_ < at) continue;
      failed_ = at;
      failure_ = std::current_exception();
    }
  }
}

void PipelineCrew::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    called_.wait(lock, [&] { return stopping_ || (piece_ && next_ < count_); });
    if (stopping_) return;
    const std::function<void(std::size_t)>& piece = *piece_;
    ++at_work_;
    lock.unlock();
    take(piece);
    lock.lock();
    if (--at_work_ == 0) ended_.notify_one();
  }
}

}  // namespace vtq
