// The thread that ends cycles: one transaction, then the store, while the pipeline's thread is at the next cycle. One
// piece of work at a time, in order, so that the store is never ahead of Kafka and no transaction of an earlier cycle
// is open when a later one begins.
//
//   pipeline-1:  gather, apply, cut -> hand_over      gather, apply, cut -> wait, hand_over
//   committer:                         offsets, produce, end, store
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "daemon/kafka/transaction.h"
#include "pipeline/run/ports.h"

namespace vtq::kafka {

class Committer {
 public:
  /// What a cycle leaves to be done.
  struct Work {
    Outgoing outgoing;
    rd_kafka_t* consumer = nullptr;  // whose membership goes with the offsets
    std::vector<StreamOffset> offsets;
    std::vector<std::pair<std::uint32_t, v1::PositionRecord>> positions;  // once done: with where the changelog is
    Store::CutPointer cut;                                                // null: nothing for the store
    std::int64_t reference_next = 0;
    TimeMs written_ms = 0;
    std::size_t events = 0;
    double processing_seconds = 0;

    // Once done.
    double committing_seconds = 0;
    std::exception_ptr failure;  // of Aborted, Lost, StoreError
  };

  /// `finished` is called on the committer's thread after each piece of work. Both others outlive it.
  Committer(Transaction& transaction, Store& store, std::function<void()> finished);
  ~Committer();

  /// When nothing is under way.
  void hand_over(Work work);
  bool busy() const;
  /// Events that are under way.
  std::size_t events() const;
  /// Waits for the work under way, and leaves it to be taken.
  void wait() const;
  /// Waits for the work under way. Nothing: there was none since the last call.
  std::optional<Work> take();

 private:
  void run();
  void carry_out(Work& work);

  Transaction& transaction_;
  Store& store_;
  std::function<void()> finished_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::optional<Work> work_;
  bool busy_ = false;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace vtq::kafka
