#include "daemon/kafka/committer.h"

#include <pthread.h>

#include <chrono>
#include <cstdlib>

namespace vtq::kafka {

Committer::Committer(Transaction& transaction, Store& store, std::function<void()> finished)
    : transaction_(transaction), store_(store), finished_(std::move(finished)), thread_([this] { run(); }) {
  pthread_setname_np(thread_.native_handle(), "committer");
}

Committer::~Committer() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Committer::hand_over(Work work) {
  {
    std::lock_guard lock(mutex_);
    if (busy_ || work_) std::abort();
    work_ = std::move(work);
    busy_ = true;
  }
  changed_.notify_all();
}

bool Committer::busy() const {
  std::lock_guard lock(mutex_);
  return busy_;
}

std::size_t Committer::events() const {
  std::lock_guard lock(mutex_);
  return busy_ ? work_->events : 0;
}

void Committer::wait() const {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !busy_; });
}

std::optional<Committer::Work> Committer::take() {
  wait();
  std::lock_guard lock(mutex_);
  return std::exchange(work_, std::nullopt);
}

void Committer::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    // What was handed over is carried out also when it is to end.
    changed_.wait(lock, [&] { return busy_ || ending_; });
    if (!busy_) return;
    lock.unlock();
    carry_out(*work_);  // nobody else touches it while it is busy
    lock.lock();
    busy_ = false;
    changed_.notify_all();
    lock.unlock();
    finished_();
    lock.lock();
  }
}

void Committer::carry_out(Work& work) {
  auto started = std::chrono::steady_clock::now();
  try {
    if (!work.outgoing.empty() || !work.offsets.empty()) {
      transaction_.begin();
      if (!work.positions.empty()) transaction_.add_offsets(work.consumer, work.offsets);
      transaction_.produce(work.outgoing);
      transaction_.commit();
      for (auto& [partition, position] : work.positions)
        position.set_changelog(std::max(position.changelog(), transaction_.changelog_next(partition)));
    }
    for (auto& [partition, position] : work.positions) position.set_written_ms(work.written_ms);
    if (work.cut) store_.write(*work.cut, work.positions, work.reference_next);
  } catch (...) {
    work.failure = std::current_exception();
  }
  work.committing_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
}

}  // namespace vtq::kafka
