#include "daemon/engine/worker.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>

namespace vtq {

void give_way() {
  // Of this thread alone, as Linux has it. Where it is not allowed the thread is one among others.
  constexpr int kNice = 5;
  [[maybe_unused]] int result = ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice);
}

Worker::Worker(const std::string& name, std::function<void()> tick) : tick_(std::move(tick)), thread_([this] { run(); }) {
  pthread_setname_np(thread_.native_handle(), name.c_str());
}

Worker::~Worker() { stop(); }

void Worker::post(std::function<void()> task) {
  std::lock_guard lock(mutex_);
  if (stopping_) return;
  tasks_.push_back(std::move(task));
  changed_.notify_one();
}

void Worker::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
  tasks_.clear();
}

void Worker::run() {
  auto last_tick = std::chrono::steady_clock::now();
  for (;;) {
    std::function<void()> task;
    {
      std::unique_lock lock(mutex_);
      auto woken = [&] { return stopping_ || !tasks_.empty(); };
      if (tick_)
        changed_.wait_for(lock, std::chrono::milliseconds(500), woken);
      else
        changed_.wait(lock, woken);
      if (stopping_) return;
      if (!tasks_.empty()) {
        task = std::move(tasks_.front());
        tasks_.pop_front();
      }
    }
    if (task) task();
    auto now = std::chrono::steady_clock::now();
    if (tick_ && now - last_tick >= std::chrono::milliseconds(500)) {
      tick_();
      last_tick = now;
    }
  }
}

}  // namespace vtq
