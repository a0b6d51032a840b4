// Requests that concern partitions of other instances: passed on to the instance that has the partition, or put to all others, whose
// parts add up. Finds out who has what from the directory of instances; while a partition is on the move, a request is tried again until
// kafka.request_wait_ms after it came, then whoever asked is told when to retry.
//
// Runs on threads of its own, `forward`. `people` and `exports` never wait for another instance: they answer theirs, and two that waited for
// each other would answer nobody. A request that cannot be answered yet holds no thread either, it comes back to the queue; and of the
// threads one instance that is silent can hold only half.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "daemon/engine/owners.h"
#include "daemon/http/http_client.h"
#include "daemon/http/http_message.h"
#include "daemon/process/settings.h"

namespace vtq {

/// A partition that is asked for is nowhere at this moment, or its owner does not answer. Says which.
struct PartitionMoving : std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// 503 with Retry-After.
HttpReply reply_with(const PartitionMoving& moving);

class Forward {
 public:
  /// `owners` outlives it. `sign`: tells the instance that is asked instead who asks; null: callers need not say who they are.
  using Sign = std::function<std::pair<std::string, std::string>(const HttpCall&, const std::string& host)>;
  Forward(const Owners& owners, const Settings& settings, Sign sign = {});
  ~Forward();

  /// Answers a request; nothing: somebody else does. Throws PartitionMoving.
  using Attempt = std::function<std::optional<HttpReply>()>;
  /// Tries now and, as long as PartitionMoving is thrown, again until the patience with a request that came at `arrived` ends. Any thread.
  void take(std::chrono::steady_clock::time_point arrived, Attempt attempt, Respond respond);
  /// Finishes the attempts at hand, drops the others. Idempotent.
  void stop();

  // From an attempt.
  /// What the owner of the partition answers; nothing: that is this instance. Throws PartitionMoving.
  std::optional<HttpReply> pass_on(std::uint32_t partition, const HttpRequest& request);
  struct Part {
    std::vector<std::uint32_t> partitions;
    std::string body;
  };
  /// The parts of all other instances. Throws PartitionMoving.
  std::vector<Part> parts_of_others(const HttpRequest& request);
  struct Silent {
    std::string url;
    std::string why;
  };
  /// The parts of those other instances that answer, and which of them do not.
  std::pair<std::vector<Part>, std::vector<Silent>> parts_of_who_answers(const HttpRequest& request);

 private:
  using Steady = std::chrono::steady_clock;

  struct Task {
    Steady::time_point until;
    Attempt attempt;
    Respond respond;
  };
  /// The connections to one instance.
  struct Peer {
    std::vector<std::unique_ptr<HttpClient>> idle;
    std::size_t busy = 0;
  };

  void run();
  void attempt(Task&& task);
  Part part_of(const std::string& url, const HttpRequest& request);
  HttpReply send(const std::string& url, const HttpRequest& request, const std::string& accept);

  const Owners& owners_;
  std::chrono::milliseconds patience_;
  std::string ca_file_;
  Sign sign_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::multimap<Steady::time_point, Task> tasks_;  // by when they are due; no more than there are connections
  std::map<std::string, Peer> peers_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;  // last: stop before what they use dies
};

}  // namespace vtq
