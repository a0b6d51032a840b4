// What reads look at: the state as the last commit left it, in memory of its own, so that no read waits for the pipeline and the pipeline
// waits for no read. It is the pipeline's own code over a snapshot of the store; nothing is ever applied to it.
//
// Whoever asks for something visits it, and looks once or several times; one look at a time. A look sees all that was committed before its
// visitor asked: what a publisher was told is taken is there. Visits share the snapshot that was taken last, where it is late enough for
// them: bringing the model up to date costs more than most looks, and what one visitor is shown is then mostly of one moment.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>

#include "pipeline/run/pipeline.h"
#include "storage/state_snapshot.h"

namespace vtq {

class ReadModel {
 public:
  /// Of a store that outlives it. `entries_max`: entries that stay in memory between looks. `snapshot_max`: a snapshot is replaced after so
  /// long, however many looks one visitor needs, for while it is held the store keeps what was replaced since.
  ReadModel(const Store& store, const Policy& policy, TimeSource time_source, std::size_t entries_max,
            std::chrono::milliseconds snapshot_max = std::chrono::seconds(1));
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
    bool begun_ = false;
  };

  using Steady = std::chrono::steady_clock;

  /// Outlives its looks. On one thread at a time.
  class Visit {
   public:
    /// `asked`: looks see all that was committed before then.
    Visit(ReadModel& model, Steady::time_point asked);
    ~Visit();
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;

    /// Asks anew. Before what was read from the store itself is held against a look: the look must not be the older of both.
    void ask_again() { asked_ = Steady::now(); }
    /// Begins a look. Null: others took until `until`; who asks once more keeps the place in the line. Throws StoreError, and
    /// std::runtime_error for reference data that this version does not take.
    std::unique_ptr<Look> look(Steady::time_point until) { return model_.look(*this, until); }

   private:
    friend class ReadModel;
    ReadModel& model_;
    Steady::time_point asked_;
    std::uint64_t turn_ = 0;  // 0: none was given for the next look
  };

  /// How many looks wait for their turn. Any thread.
  std::size_t waiting() const;

 private:
  class NoOutputs;
  std::unique_ptr<Look> look(Visit& visit, Steady::time_point until);
  Steady::time_point settle() const;
  bool take_turn(Visit& visit, Steady::time_point until);
  bool is_late_enough_for(Steady::time_point asked) const;
  void bring_up_to_date(Steady::time_point settled);
  void begin_anew();

  const Store& store_;
  const Policy policy_;
  const TimeSource time_source_;
  const std::size_t entries_max_;
  const std::chrono::milliseconds snapshot_max_;
  mutable std::mutex mutex_;
  std::condition_variable free_;
  bool busy_ = false;
  std::uint64_t turns_given_ = 0;    // to looks, in the order in which they were first asked for
  std::set<std::uint64_t> waiting_;  // of those, whose visitors wait at the moment
  std::size_t visits_ = 0;
  /// The snapshot that is held, for visits to share.
  struct Taken {
    Steady::time_point at;
    Steady::time_point settled;  // all that was committed by then is in it
    std::uint64_t changes = 0;   // of TakenPartitions
  };
  std::optional<Taken> taken_;

  // Whose look is under way.
  std::unique_ptr<NoOutputs> outputs_;
  StateSnapshot state_;  // held while anybody visits
  StoreVersions versions_;
  std::unique_ptr<Pipeline> pipeline_;  // null: to be built anew
};

}  // namespace vtq
