#include "daemon/engine/read_model.h"

#include <algorithm>

namespace vtq {
namespace {

/// On Kafka a commit is in the topics a moment before it is in the store: what anybody may have seen there is waited for. Not for long, for the
/// brokers may be away.
constexpr std::chrono::milliseconds kCutWritten{250};

}  // namespace

/// Nothing comes of reading.
class ReadModel::NoOutputs final : public Outputs {
 public:
  void entry_status(std::uint32_t, CentreId, const v1::EntryStatus&) override {}
  void result_batch(std::uint32_t, CentreId, const v1::ResultBatch&) override {}
  void notification(std::uint32_t, CentreId, const v1::Notification&) override {}
  std::string rejected(std::uint32_t, v1::Rejected&&) override { return {}; }
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
  model_.taken_at_.reset();
}

std::unique_ptr<ReadModel::Look> ReadModel::look(Steady::time_point asked, Steady::time_point until) {
  {
    std::unique_lock lock(mutex_);
    const std::uint64_t turn = ++turns_given_;
    waiting_.push_back(turn);
    bool free = free_.wait_until(lock, until, [&] { return !busy_ && waiting_.front() == turn; });
    std::erase(waiting_, turn);
    if (!free) {
      free_.notify_all();  // it may be the turn of who came after
      return nullptr;
    }
    busy_ = true;
  }
  std::unique_ptr<Look> look(new Look(*this));
  if (is_late_enough_for(asked)) return look;
  try {
    bring_up_to_date();
  } catch (...) {
    // The next look builds it anew.
    pipeline_.reset();
    taken_at_.reset();
    throw;
  }
  return look;
}

ReadModel::Look::~Look() {
  if (model_.pipeline_) model_.pipeline_->evict(model_.entries_max_);
  std::lock_guard lock(model_.mutex_);
  model_.busy_ = false;
  model_.free_.notify_all();
}

std::size_t ReadModel::waiting() {
  std::lock_guard lock(mutex_);
  return waiting_.size();
}

bool ReadModel::is_late_enough_for(Steady::time_point asked) const {
  return taken_at_ && asked <= *taken_at_ && Steady::now() - *taken_at_ < snapshot_max_ && store_.taken().changes == versions_.taken.changes;
}

void ReadModel::bring_up_to_date() {
  const Steady::time_point began = Steady::now();
  store_.await_cut(kCutWritten);
  // First what was counted, then the snapshot: what comes in between is in the snapshot, and is looked for again the next time.
  StoreVersions now = store_.versions();
  state_.hold();
  taken_at_ = began;
  if (!pipeline_ || now.reference != versions_.reference || now.taken.changes != versions_.taken.changes) {
    versions_ = std::move(now);
    return begin_anew();
  }
  for (std::uint32_t partition : now.taken.partitions) {
    if (now.partitions[partition] == versions_.partitions[partition]) continue;
    pipeline_->give_up(partition);
    pipeline_->take(partition);
  }
  versions_ = std::move(now);
}

void ReadModel::begin_anew() {
  pipeline_.reset();
  auto made = std::make_unique<Pipeline>(policy_, time_source_, store_.partitions(), state_, *outputs_);
  made->restore_reference();
  for (std::uint32_t partition : versions_.taken.partitions) made->take(partition);
  pipeline_ = std::move(made);
}

}  // namespace vtq
