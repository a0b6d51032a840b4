// The engine: owns store and pipeline and the thread that runs them, with more beside it where partitions are spread over several. Whoever reads
// looks at the read model, which is as the last commit left everything; who must change something asks the engine's thread, between batches. Two
// kinds: EmbeddedEngine keeps the topics in the store, KafkaEngine has them on Kafka. Who asks does not know which.
//
//   starting -> running -> draining -> stopped        (failed from any of them)
//
// Public members are for any thread unless said otherwise. Callbacks run on the engine's thread: keep them short.
#pragma once

#include <functional>
#include <future>
#include <memory>

#include "daemon/engine/clock.h"
#include "daemon/engine/read_model.h"
#include "pipeline/run/pipeline.h"
#include "storage/store.h"

namespace vtq {

struct EngineOptions {
  std::filesystem::path directory;
  StoreOptions store;
  Policy policy;
  TimeSource time_source = TimeSource::wall;
  std::size_t queue_bytes_max = 64u << 20;  ///< submitted and not answered yet
  std::size_t batch_events_max = 20'000;    ///< events in one commit
  std::size_t threads = 1;                  ///< of the pipeline, over which partitions are spread; 1 or more
  std::size_t entries_in_memory_max = 1'000'000;
  std::size_t reads_in_memory_max = 100'000;  ///< entries, besides these, that reads keep
  TimeMs tick_ms = 250;                       ///< time moves on at least so often, in wall-clock mode
  std::string instance;                       ///< as the audit names this one
  /// Of a text, with the access secret; and whether one is of it. Null: there is no secret. Any thread.
  std::function<std::string(std::string_view text)> seal;
  std::function<bool(std::string_view text, std::string_view seal)> sealed;
  /// Callers have to say who they are: what must be vouched for is taken with who said it alone.
  bool vouched = false;
};

/// Those of the store, with what the engine's own say of it.
inline StoreOptions store_options(const EngineOptions& options) {
  StoreOptions made = options.store;
  made.threads = options.threads;
  made.time_source = options.time_source == TimeSource::event ? "event" : "wall";
  return made;
}

/// One event as submitted: protobuf bytes, or what is refused before it is one: it could not be read, or `check` found it wrong.
struct Submitted {
  std::string event;  ///< serialised Event; the original text when `unreadable`
  std::optional<Rejection> unreadable;
  bool json = false;             ///< of an unreadable original
  std::size_t parsed_bytes = 0;  ///< memory that its parsed form takes; 0: not measured
  /// Serialised AuditActor: who said it. Null: its source alone is known.
  std::shared_ptr<const std::string> by = {};
  bool own = false;  ///< resultsd says it itself: it may be an AuditNoted
};

/// Why an AuditNoted of somebody else is not taken.
inline Rejection not_own_note() {
  return {"auditNoted.seal", "audit-sealed", "", "What is noted for the audit resultsd says itself, sealed with its access secret; leave it out."};
}

/// What became of one event.
struct Answer {
  Verdict verdict;
  bool published = false;  ///< on Kafka: it is in its topic, and there is no verdict yet
  std::vector<Rejection> warnings;
};

/// Memory that an event takes from when it is queued until it is answered, in bytes: as text, parsed, and its answer.
inline std::size_t memory_of(const Submitted& submitted) {
  constexpr std::size_t kAnswered = 256;                                           ///< texts of an answer, places in vectors
  std::size_t original = submitted.event.size() * (submitted.unreadable ? 2 : 1);  // once more as a rejected record
  return sizeof(Submitted) + sizeof(Answer) + kAnswered + original + submitted.parsed_bytes;
}

enum class EngineState { starting, running, draining, stopped, failed };

/// Told about every batch, by one of the engine's threads at a time; metrics live behind it.
class EngineProbe {
 public:
  virtual ~EngineProbe() = default;
  virtual void batch_processed(double process_seconds, double commit_seconds, std::size_t events) = 0;
  virtual void event_processed(Topic topic, Verdict::Kind outcome) = 0;
  /// Also for facts of earlier batches whose waiting time ran out.
  virtual void event_rejected(std::string_view rule) = 0;
  virtual void event_warned(std::string_view rule) = 0;
  /// A record came to the audit; of any of the pipeline's threads.
  virtual void act_recorded(std::string_view) {}
};

class Engine {
 public:
  using Done = std::function<void(std::vector<Answer>&&)>;
  using Look = std::function<void(Pipeline&, Store&)>;

  virtual ~Engine() = default;

  /// Queues events; `done` is called once, after they are durable (on Kafka: in their topics, and not applied yet), with one answer each, or with
  /// none at all if the engine failed. False when the queue is full or the engine no longer takes events: nothing was queued; try again after
  /// `when_room`.
  virtual bool submit(std::vector<Submitted>&& events, Done done) = 0;
  /// Calls `wake` once, as soon as there is room in the queue.
  virtual void when_room(std::function<void()> wake) = 0;
  virtual std::size_t queued_bytes() const = 0;

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
  virtual void post(Look look) = 0;

  /// The store's any-thread reads.
  virtual Store& store() = 0;
  /// What is read of the pipeline, beside its thread.
  virtual ReadModel& read_model() = 0;

  virtual EngineState state() const = 0;
  /// Age of the oldest event not committed, in seconds; 0 when idle.
  virtual double lag_seconds() const = 0;
  /// When the engine's thread last made progress, by Clock::passed_ms.
  virtual TimeMs last_progress_ms() const = 0;
  /// Stops taking events, commits what is queued, stops. Idempotent; waits.
  virtual void drain() = 0;
  /// Why the engine failed; empty otherwise.
  virtual std::string failure() const = 0;
};

}  // namespace vtq
