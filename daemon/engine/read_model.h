// What reads look at: the state as the last commit left it, in memory of its own, so that no read waits for the pipeline and the pipeline
// waits for no read. It is the pipeline's own code over a snapshot of the store; nothing is ever applied to it.
//
// One look at a time. A look sees all that was committed before it began: what a publisher was told is taken is there.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

#include "pipeline/run/pipeline.h"
#include "storage/state_snapshot.h"

namespace vtq {

class ReadModel {
 public:
  /// Of a store that outlives it. `entries_max`: entries that stay in memory between looks.
  ReadModel(const Store& store, const Policy& policy, TimeSource time_source, std::size_t entries_max);
  ~ReadModel();

  /// A look under way; its end lets the next one begin.
  class Look {
   public:
    ~Look();
    Look(const Look&) = delete;
    Look& operator=(const Look&) = delete;
    Pipeline& pipeline() const { return *model_.pipeline_; }

   private:
    friend class ReadModel;
    explicit Look(ReadModel& model) : model_(model) {}
    ReadModel& model_;
  };

  /// Begins a look. Null: others took until `until`. Any thread. Throws StoreError, and std::runtime_error for reference data that this version
  /// does not take.
  std::unique_ptr<Look> look(std::chrono::steady_clock::time_point until);

 private:
  class NoOutputs;
  void bring_up_to_date();
  void begin_anew();

  const Store& store_;
  const Policy policy_;
  const TimeSource time_source_;
  const std::size_t entries_max_;
  std::mutex mutex_;
  std::condition_variable free_;
  bool busy_ = false;

  // The look under way.
  std::unique_ptr<NoOutputs> outputs_;
  StateSnapshot state_;
  StoreVersions versions_;
  std::unique_ptr<Pipeline> pipeline_;  // null: to be built anew
};

}  // namespace vtq
