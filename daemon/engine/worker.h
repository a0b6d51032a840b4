// A named thread that runs tasks one after the other, in the order they came. The destructor drops what has not begun.
// `post` is for any thread; tasks must not throw.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace vtq {

/// The calling thread gives way to the others of the process when processors are short: what it does takes long and is not urgent.
void give_way();

class Worker {
 public:
  /// `tick`, if given, runs on the thread at least about every 500 ms. `name`: at most 15 characters.
  explicit Worker(const std::string& name, std::function<void()> tick = {});
  ~Worker();

  /// The queue has no limit of its own: each connection has at most one request, and connections are limited.
  void post(std::function<void()> task);
  /// Finishes the task at hand, drops the others, joins. Idempotent.
  void stop();

 private:
  void run();

  std::function<void()> tick_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  bool stopping_ = false;
  std::thread thread_;  // last: stops before what it uses dies
};

}  // namespace vtq
