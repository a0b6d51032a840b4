// The engine: one thread that takes events from a bounded queue, runs the pipeline over them in batches, commits, and only then tells
// each submitter what became of its events. It owns store and pipeline; others reach them through `ask`, between batches.
//
//   starting -> running -> draining -> stopped        (failed from any of them, on a broken store)
//
// Public members are for any thread unless said otherwise. Callbacks run on the engine's thread: keep them short.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>

#include "pipeline/pipeline.h"
#include "storage/store.h"

namespace vtq {

/// Wall clock, milliseconds since 1970-01-01T00:00Z.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimeMs now() const = 0;
};

struct EngineOptions {
  std::filesystem::path directory;
  StoreOptions store;
  Policy policy;
  TimeSource time_source = TimeSource::wall;
  std::size_t queue_bytes_max = 64u << 20;    ///< submitted and not answered yet
  std::size_t batch_events_max = 20'000;      ///< events in one commit
  std::size_t entries_in_memory_max = 1'000'000;
  TimeMs tick_ms = 250;                       ///< time moves on at least so often, in wall-clock mode
};

/// One event as submitted: protobuf bytes, or what could not be read as an event.
struct Submitted {
  std::string event;                 ///< serialised Event; the original text when `unreadable`
  std::optional<Rejection> unreadable;
  bool json = false;                 ///< of an unreadable original
};

/// What became of one event.
struct Answer {
  Verdict verdict;
  std::vector<Rejection> warnings;
};

enum class EngineState { starting, running, draining, stopped, failed };

/// Told about every batch, on the engine's thread; metrics live behind it.
class EngineProbe {
 public:
  virtual ~EngineProbe() = default;
  virtual void batch_processed(double process_seconds, double commit_seconds, std::size_t events) = 0;
  virtual void event_processed(Topic topic, Verdict::Kind outcome) = 0;
  /// Also for facts of earlier batches whose waiting time ran out.
  virtual void event_rejected(std::string_view rule) = 0;
  virtual void event_warned(std::string_view rule) = 0;
};

class Engine {
 public:
  using Done = std::function<void(std::vector<Answer>&&)>;

  /// Opens the store, restores the pipeline, starts the thread. Throws StoreError. `clock` and `probe` outlive the engine; `probe` may be null.
  Engine(const EngineOptions& options, const Clock& clock, EngineProbe* probe);
  /// Drains and joins.
  ~Engine();

  /// Queues events; `done` is called once, after their commit, with one answer each, or with none at all if the engine failed. False when the queue is full or
  /// the engine no longer takes events: nothing was queued; try again after `when_room`.
  bool submit(std::vector<Submitted>&& events, Done done);
  /// Calls `wake` once, as soon as there is room in the queue.
  void when_room(std::function<void()> wake);
  std::size_t queued_bytes() const;

  /// Runs `look` on the engine's thread between batches, against committed state. The future throws what `look` throws. Runs before
  /// queued events.
  template <class Look>
  auto ask(Look look) -> std::future<decltype(look(std::declval<Pipeline&>(), std::declval<Store&>()))> {
    using Found = decltype(look(std::declval<Pipeline&>(), std::declval<Store&>()));
    auto task = std::make_shared<std::packaged_task<Found(Pipeline&, Store&)>>(std::move(look));
    auto future = task->get_future();
    post([task](Pipeline& pipeline, Store& store) { (*task)(pipeline, store); });
    return future;
  }
  /// The same with a callback instead of a future.
  void post(std::function<void(Pipeline&, Store&)> look);

  /// The store's any-thread reads.
  const Store& store() const { return *store_; }
  Store& store() { return *store_; }

  EngineState state() const { return state_.load(); }
  /// Age of the oldest event not committed, in seconds; 0 when idle.
  double lag_seconds() const;
  /// When the engine's thread last made progress.
  TimeMs last_progress_ms() const { return last_progress_ms_.load(); }
  /// Stops taking events, commits what is queued, stops. Idempotent; waits.
  void drain();
  /// Why the engine failed; empty otherwise.
  std::string failure() const;

 private:
  struct Work;

  class CountedOutputs;
  struct Parsing;

  void run();
  void run_batch(std::vector<Work>& works);

  EngineOptions options_;
  const Clock& clock_;
  EngineProbe* probe_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Parsing> parsing_;
  std::unique_ptr<CountedOutputs> outputs_;
  std::unique_ptr<Pipeline> pipeline_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Work> queue_;
  std::deque<std::function<void(Pipeline&, Store&)>> looks_;
  std::vector<std::function<void()>> waiting_for_room_;
  std::size_t queued_bytes_ = 0;
  std::string failure_;
  std::atomic<EngineState> state_{EngineState::starting};
  std::atomic<TimeMs> last_progress_ms_{0};
  std::atomic<TimeMs> oldest_ms_{0};
  std::thread thread_;  // last: stops before what it uses dies
};

}  // namespace vtq
