#include "daemon/engine/read_model.h"

#include <algorithm>

namespace vtq {
namespace {

/// A commit can be known of a moment before it is in the store, on Kafka from the topics: it is waited for. Not for long, for the brokers may be
/// away.
constexpr std::chrono::milliseconds kCutWritten{250};
/// How long a look waits, in its turn, for the write of a commit to end.
constexpr std::chrono::milliseconds kBeingWritten{20};

}  // namespace

/// Nothing comes of reading.
class ReadModel::NoOutputs final : public Outputs {
 public:
  void entry_status(std::uint32_t, CentreId, const v1::EntryStatus&) override {}
  void result_batch(std::uint32_t, CentreId, const v1::ResultBatch&) override {}
  void notification(std::uint32_t, CentreId, const v1::Notification&) override {}
  std::string rejected(std::uint32_t, v1::Rejected&&) override { return {}; }
  void audit(std::uint32_t, AuditEntry&&) override {}
};

ReadModel::ReadModel(const Store& store, const Policy& policy, TimeSource time_source, std::size_t entries_max,
                     std::chrono::milliseconds snapshot_max)
    : store_(store),
      policy_(policy),
      time_source_(time_source),
      entries_max_(entries_max),
      snapshot_max_(snapshot_max),
      outputs_(std::make_unique<NoOutputs>()),
      state_(store) {}

ReadModel::~ReadModel() = default;

ReadModel::Visit::Visit(ReadModel& model, Steady::time_point asked) : model_(model), asked_(asked) {
  std::lock_guard lock(model_.mutex_);
  ++model_.visits_;
}

ReadModel::Visit::~Visit() {
  std::lock_guard lock(model_.mutex_);
  if (--model_.visits_ > 0) return;
  model_.state_.let_go();
  model_.taken_.reset();
}

std::unique_ptr<ReadModel::Look> ReadModel::look(Visit& visit, Steady::time_point until) {
  std::unique_ptr<Look> look(new Look(*this));
  // Before the turn, so that all who wait do it together.
  std::optional<Steady::time_point> settled;
  if (!is_late_enough_for(visit.asked_)) settled = settle();
  if (!take_turn(visit, until)) return nullptr;
  look->begun_ = true;
  if (is_late_enough_for(visit.asked_)) return look;
  try {
    bring_up_to_date(settled ? *settled : settle());
  } catch (...) {
    // The next look builds it anew.
    pipeline_.reset();
    std::lock_guard lock(mutex_);
    taken_.reset();
    throw;
  }
  return look;
}

ReadModel::Look::~Look() {
  if (!begun_) return;
  if (model_.pipeline_) model_.pipeline_->evict(model_.entries_max_);
  std::lock_guard lock(model_.mutex_);
  model_.busy_ = false;
  model_.free_.notify_all();
}

/// By when all that was committed is in the store; the beginning of time where something is still on its way.
ReadModel::Steady::time_point ReadModel::settle() const {
  const Steady::time_point now = Steady::now();
  return store_.await_cut(kCutWritten) ? now : Steady::time_point::min();
}

bool ReadModel::take_turn(Visit& visit, Steady::time_point until) {
  std::unique_lock lock(mutex_);
  if (visit.turn_ == 0) visit.turn_ = ++turns_given_;
  waiting_.insert(visit.turn_);
  bool free = free_.wait_until(lock, until, [&] { return !busy_ && *waiting_.begin() == visit.turn_; });
  waiting_.erase(visit.turn_);
  if (!free) {
    free_.notify_all();  // it may be the turn of who came after
    return false;
  }
  visit.turn_ = 0;
  busy_ = true;
  return true;
}

std::size_t ReadModel::waiting() const {
  std::lock_guard lock(mutex_);
  return waiting_.size();
}

bool ReadModel::is_late_enough_for(Steady::time_point asked) const {
  std::lock_guard lock(mutex_);
  return taken_ && asked <= taken_->settled && Steady::now() - taken_->at < snapshot_max_ && store_.taken().changes == taken_->changes;
}

void ReadModel::bring_up_to_date(Steady::time_point settled) {
  // A commit shows in a snapshot a moment before it is counted. With one of those the model would be of two moments: then all of it is built of
  // what the snapshot has, and what was counted before is looked for again the next time.
  StoreVersions before = store_.versions(kBeingWritten);
  state_.hold();
  StoreVersions after = store_.versions();
  bool of_one_moment = before == after && !after.being_written;
  {
    std::lock_guard lock(mutex_);
    taken_ = {.at = Steady::now(), .settled = settled, .changes = before.taken.changes};
  }
  if (!pipeline_ || !of_one_moment || before.reference != versions_.reference || before.taken.changes != versions_.taken.changes) {
    versions_ = std::move(before);
    return begin_anew();
  }
  for (std::uint32_t partition : before.taken.partitions) {
    if (before.partitions[partition] == versions_.partitions[partition]) {
      pipeline_->partition(partition).restore_time();
      continue;
    }
    pipeline_->give_up(partition);
    pipeline_->take(partition);
  }
  versions_ = std::move(before);
}

void ReadModel::begin_anew() {
  pipeline_.reset();
  auto made = std::make_unique<Pipeline>(policy_, time_source_, store_.partitions(), state_, *outputs_);
  made->restore_reference();
  for (std::uint32_t partition : versions_.taken.partitions) made->take(partition);
  pipeline_ = std::move(made);
}

}  // namespace vtq
