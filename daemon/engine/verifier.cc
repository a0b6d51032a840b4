#include "daemon/engine/verifier.h"

#include <pthread.h>

#include <chrono>

#include "daemon/process/log.h"

namespace vtq {
namespace {

/// How often it is looked whether all files are there.
constexpr std::chrono::seconds kPresenceEvery{5};

}  // namespace

Verifier::Verifier(Store& store, const Clock& clock, std::uint64_t bytes_per_second, double every_hours)
    : store_(store),
      clock_(clock),
      bytes_per_second_(bytes_per_second),
      every_ms_(static_cast<TimeMs>(every_hours * static_cast<double>(kHourMs))),
      thread_([this] { run(); }) {
  pthread_setname_np(thread_.native_handle(), "verifier");
}

Verifier::~Verifier() { stop(); }

void Verifier::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void Verifier::look(bool content) {
  try {
    store_.verify({.content = content, .bytes_per_second = bytes_per_second_, .stop = [this] { return stopping_.load(); }});
  } catch (const StoreError& error) {
    log::write(log::Level::error, "the files of the store cannot be verified", {{"why", std::string(error.what())}});
  }
}

void Verifier::run() {
  auto next = std::chrono::steady_clock::now();
  while (!stopping_) {
    bool content = bytes_per_second_ > 0 && std::chrono::steady_clock::now() >= next;
    look(content);
    if (content && !stopping_) {
      verified_ms_ = clock_.now();
      next = std::chrono::steady_clock::now() + std::chrono::milliseconds(every_ms_);
    }
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kPresenceEvery, [this] { return stopping_.load(); });
  }
}

}  // namespace vtq
