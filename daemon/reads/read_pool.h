// Threads for reads. A read waits for its turn in a queue with a limit; it is not begun when its time is up, when its client has gone, or
// while clients have not taken the replies made before. What people look at and what is exported have a pool each, so that neither waits for
// the other. A thread `*-due` beside each answers those whose time is up.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "daemon/http/http_message.h"

namespace vtq {

/// The client has gone: whatever is answered, nobody reads it.
struct ClientGone {};

/// What the read at hand on this thread may take. Set by the pool; elsewhere it has ten seconds and watches no client.
struct ReadBounds {
  std::chrono::steady_clock::time_point arrived;  ///< the request
  std::chrono::steady_clock::time_point until;
  std::shared_ptr<const std::atomic<bool>> gone;
  std::size_t reply_bytes_max = 16u << 20;  ///< of one page

  static ReadBounds current();
};

class ReadPool {
 public:
  struct Options {
    std::string name;  ///< of the threads, at most 15 characters
    unsigned threads = 1;
    bool gives_way = false;  ///< to all other threads, when processors are short
    std::size_t waiting_max = 256;
    std::chrono::seconds time_max{10};  ///< from a request's arrival
    std::size_t reply_bytes_max = 16u << 20;
    /// Whether replies made before leave room for another. Any thread.
    std::function<bool()> has_room = [] { return true; };
  };
  explicit ReadPool(Options options);
  ~ReadPool();

  /// Runs `answer` in its turn, or refuses with 503 (`reads-waiting-max`, `read-seconds-max`, `replies-bytes-max`). Any thread.
  void post(const HttpRequest& request, Respond respond, std::function<void()> answer);
  /// Finishes what is at hand, drops the others, joins. Idempotent.
  void stop();

 private:
  using Steady = std::chrono::steady_clock;
  struct Task {
    Steady::time_point arrived;
    Steady::time_point until;
    std::shared_ptr<const std::atomic<bool>> gone;
    Respond respond;
    std::function<void()> answer;
  };
  void run();
  void give_up_overdue();
  void refuse(std::vector<Task>&& tasks);

  Options options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> tasks_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;  // last: stop before what they use dies
};

/// 503 with Retry-After.
HttpReply reply_busy(std::string rule, std::string detail);
/// Nobody reads it; its status is counted.
HttpReply reply_to_nobody();

}  // namespace vtq
