// What both engines are made of: outputs that are counted, memory for parsing, and rejected records made from what is wrong. For the
// engine's thread; outputs for all of the pipeline's.
#pragma once

#include <google/protobuf/arena.h>

#include <mutex>

#include "daemon/engine/engine.h"

namespace vtq {

/// Passes outputs on to the store and tells the probe what it counts.
class CountedOutputs final : public Outputs {
 public:
  /// `clock`: when what the audit has was written down; `instance`: by whom.
  CountedOutputs(Store& store, EngineProbe* probe, const Clock& clock, std::string instance)
      : store_(store), probe_(probe), clock_(clock), instance_(std::move(instance)) {}

  void entry_status(std::uint32_t partition, CentreId centre, const v1::EntryStatus& status) override {
    store_.entry_status(partition, centre, status);
  }
  void result_batch(std::uint32_t partition, CentreId centre, const v1::ResultBatch& batch) override {
    store_.result_batch(partition, centre, batch);
  }
  void notification(std::uint32_t partition, CentreId centre, const v1::Notification& notification) override {
    store_.notification(partition, centre, notification);
  }
  std::string rejected(std::uint32_t partition, v1::Rejected&& rejected) override {
    if (probe_) {
      std::lock_guard lock(telling_);
      probe_->event_rejected(rejected.rule());
    }
    return store_.rejected(partition, std::move(rejected));
  }
  void audit(std::uint32_t partition, AuditEntry&& entry) override {
    if (probe_) probe_->act_recorded(entry.noted.act());
    entry.recorded_ms = clock_.now();
    entry.instance = instance_;
    store_.audit(partition, std::move(entry));
  }

 private:
  Store& store_;
  EngineProbe* probe_;
  const Clock& clock_;
  const std::string instance_;
  std::mutex telling_;
};

/// Where the events of a batch are parsed. The first block stays, so that no batch asks the system for memory anew.
struct Parsing {
  static constexpr std::size_t kBlockBytes = 16 << 20;
  std::unique_ptr<char[]> block{new char[kBlockBytes]};
  google::protobuf::Arena arena{options(block.get())};

  static google::protobuf::ArenaOptions options(char* block) {
    google::protobuf::ArenaOptions made;
    made.initial_block = block;
    made.initial_block_size = kBlockBytes;
    made.max_block_size = 1 << 20;
    return made;
  }
};

/// A rejected record keeps its original, with key and headers, up to so many bytes; of a larger one, the beginning. Well below what Kafka
/// takes as one record: the changelog holds both the record and the event in it.
constexpr std::size_t kRecordBytesMax = 2u << 20;
constexpr std::size_t kHeadBytes = 64u << 10;

/// Keeps only the beginning of the original, and what it was like as a whole. `bytes`: of all of the record.
void keep_head(v1::Rejected& rejected, std::string_view value, std::size_t bytes);

/// A rejected record; `now`: when. Of an original beyond kRecordBytesMax it holds the beginning.
v1::Rejected rejected_record(Topic topic, std::string_view original, bool json, const Rejection& why, TimeMs now);

/// Whether this process heeds RESULTSD_CRASH_AT and RESULTSD_STOP_AT, at which it kills or stops itself. Only `resultsd_crashing` does, the
/// program of the crash tests: it says so before anything else runs.
void heed_crash_points();
bool crash_points_heeded();

}  // namespace vtq
