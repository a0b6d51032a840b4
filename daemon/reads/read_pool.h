// Threads for reads, which give way to all others when processors are short: results come before whoever looks at them. A read waits for its turn in
// a queue with a limit; it is not begun when its time is up, when its client has gone, or while clients have not taken the replies made before. What
// people look at and what is exported have a pool each, so that neither waits for the other. A thread `*-due` beside each answers those whose time is
// up.
//
// Reads that ask for the same and wait together are answered together: one answer is made, for all who had asked when it was begun.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
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
  /// The same of an answer that may be others' as well. `name`: of all that it depends on, besides what was committed; reads of one name are
  /// answered alike. At most kSharersMax have one, and of one beyond kSharedBytesMax each has its own, so that replies keep to their room; nobody
  /// joins one who has waited for much of the time that there is.
  void post_shared(std::string name, const HttpRequest& request, Respond respond, std::function<HttpReply()> answer);
  static constexpr std::size_t kSharersMax = 8;
  static constexpr std::size_t kSharedBytesMax = 4u << 20;
  /// Finishes what is at hand, drops the others, joins. Idempotent.
  void stop();

 private:
  using Steady = std::chrono::steady_clock;
  struct Client {
    Steady::time_point arrived;
    Steady::time_point until;
    std::shared_ptr<const std::atomic<bool>> gone;
    Respond respond;

    bool has_gone() const { return gone && *gone; }
  };
  struct Task {
    std::string name;                                  // empty: it is not shared
    std::vector<Client> clients;                       // in the order in which they came; one at least
    std::function<std::optional<HttpReply>()> answer;  // nothing: it has responded itself
  };
  void post(std::string name, const HttpRequest& request, Respond respond, std::function<std::optional<HttpReply>()> answer);
  bool join(const std::string& name, Client& client);
  void run();
  void answer(Task task);
  void give_up_overdue();
  void refuse(std::vector<Client>&& clients);

  Options options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> tasks_;
  std::size_t waiting_ = 0;  // clients of `tasks_`
  bool stopping_ = false;
  std::vector<std::thread> threads_;  // last: stop before what they use dies
};

/// 503 with Retry-After.
HttpReply reply_busy(std::string rule, std::string detail);
/// Nobody reads it; its status is counted.
HttpReply reply_to_nobody();

}  // namespace vtq
