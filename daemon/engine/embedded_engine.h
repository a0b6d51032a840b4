// The engine with the embedded log: takes events from a bounded queue, runs the pipeline over them in batches, commits inputs, state and
// outputs as one write, and only then tells each submitter what became of its events.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "daemon/engine/engine_parts.h"
#include "daemon/engine/pipeline_crew.h"

namespace vtq {

class EmbeddedEngine final : public Engine {
 public:
  /// Opens the store, restores the pipeline, starts the thread. Throws StoreError. `clock` and `probe` outlive the engine; `probe` may be null.
  EmbeddedEngine(const EngineOptions& options, Clock& clock, EngineProbe* probe);
  /// Drains and joins.
  ~EmbeddedEngine() override;

  bool submit(std::vector<Submitted>&& events, Done done) override;
  void when_room(std::function<void()> wake) override;
  std::size_t queued_bytes() const override;
  void post(Look look) override;
  Store& store() override { return *store_; }
  ReadModel& read_model() override { return *read_model_; }
  EngineState state() const override { return state_.load(); }
  double lag_seconds() const override;
  TimeMs last_progress_ms() const override { return last_progress_ms_.load(); }
  void drain() override;
  std::string failure() const override;

 private:
  struct Work;
  struct Reading;

  void run();
  void run_batch(std::vector<Work>& works);
  Reading read(const Submitted& submitted, TimeMs latest, google::protobuf::Arena& arena) const;
  std::vector<Reading> read_in_lanes(const std::vector<Work>& works, std::size_t events, TimeMs latest);

  EngineOptions options_;
  Clock& clock_;
  EngineProbe* probe_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<ReadModel> read_model_;
  std::vector<std::unique_ptr<Parsing>> parsings_;  // one for each of the crew's lanes
  std::unique_ptr<CountedOutputs> outputs_;
  PipelineCrew crew_;
  std::unique_ptr<Pipeline> pipeline_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Work> queue_;
  std::deque<Look> looks_;
  std::vector<std::function<void()>> waiting_for_room_;
  std::size_t queued_bytes_ = 0;
  std::string failure_;
  std::atomic<EngineState> state_{EngineState::starting};
  std::atomic<TimeMs> last_progress_ms_{0};
  std::atomic<TimeMs> oldest_ms_{0};  // as Clock::passed_ms; 0: nothing waits
  std::thread thread_;                // last: stops before what it uses dies
};

}  // namespace vtq
