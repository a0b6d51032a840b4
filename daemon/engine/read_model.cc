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

ReadModel::ReadModel(const Store& store, const Policy& policy, TimeSource time_source, std::size_t entries_max)
    : store_(store), policy_(policy), time_source_(time_source), entries_max_(entries_max), outputs_(std::make_unique<NoOutputs>()), state_(store) {}

ReadModel::~ReadModel() = default;

std::unique_ptr<ReadModel::Look> ReadModel::look(std::chrono::steady_clock::time_point until) {
  store_.await_cut(kCutWritten);
  {
    std::unique_lock lock(mutex_);
    if (!free_.wait_until(lock, until, [&] { return !busy_; })) return nullptr;
    busy_ = true;
  }
  std::unique_ptr<Look> look(new Look(*this));
  try {
    bring_up_to_date();
  } catch (...) {
    pipeline_.reset();  // the next look builds it anew
    throw;
  }
  return look;
}

ReadModel::Look::~Look() {
  if (model_.pipeline_) model_.pipeline_->evict(model_.entries_max_);
  model_.state_.let_go();
  std::lock_guard lock(model_.mutex_);
  model_.busy_ = false;
  model_.free_.notify_one();
}

void ReadModel::bring_up_to_date() {
  // First what was counted, then the snapshot: what comes in between is in the snapshot, and is looked for again the next time.
  StoreVersions now = store_.versions();
  state_.hold();
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
