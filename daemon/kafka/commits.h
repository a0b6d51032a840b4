// What was applied and is not committed yet: the records for the next transaction, and the commit that is under way on the committer's thread.
// Whoever changes what a commit is about waits for the one under way first.
//
//   outgoing is filled -> hand_over -> (committer) -> settle: what became of it is told, a failure is thrown
//
// Pipeline's thread, but for `wait`.
#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include "daemon/kafka/committer.h"

namespace vtq::kafka {

class Commits {
 public:
  /// `finished` is called on the committer's thread after each commit; `concluded` on the pipeline's, when it learns what became of one.
  /// Transaction and store outlive it.
  /// `threads`: of the pipeline.
  Commits(Transaction& transaction, Store& store, std::size_t partitions, std::size_t threads, std::function<void()> finished,
          std::function<void(const Committer::Work&)> concluded);

  /// What the next transaction is to carry. It stays where it is.
  Outgoing& outgoing() { return outgoing_; }
  /// The same, for a piece of work; `outgoing` is empty then.
  Outgoing take_outgoing();
  /// When nothing is under way.
  void hand_over(Committer::Work work);
  std::chrono::steady_clock::time_point handed_over() const { return handed_over_; }
  bool busy() const { return committer_.busy(); }
  /// Waits until nothing is being committed, and leaves it to be settled. Any thread.
  void wait() const { committer_.wait(); }
  /// Waits until nothing is being committed. Throws what that ended with: then everything since is to be dropped too.
  void settle();
  /// The same, and throws nothing.
  void conclude();
  /// Drops what was applied or marked since the last commit was handed over. When nothing is under way.
  void drop();

 private:
  void conclude(Committer::Work done);

  Store& store_;
  std::size_t partitions_;
  std::size_t threads_;
  std::function<void(const Committer::Work&)> concluded_;
  Outgoing outgoing_;
  Outgoing spare_;  // keeps its memory for the next
  std::chrono::steady_clock::time_point handed_over_{};
  Committer committer_;  // last: stops before what it uses dies
};

}  // namespace vtq::kafka
