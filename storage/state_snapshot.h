// State as a commit left it, for reads that go on while the next commits are made. Any thread may read; `hold` and `let_go` want it to themselves.
//
//   hold -> read ... -> let_go
//
// While it is held the store keeps what later commits replace: hold it for one read, not between reads.
#pragma once

#include "storage/store.h"

namespace rocksdb {
class Snapshot;
}

namespace vtq {

class StateSnapshot final : public StateStore {
 public:
  /// Of a store that outlives it.
  explicit StateSnapshot(const Store& store);
  ~StateSnapshot() override;

  /// Holds the state as the last commit left it.
  void hold();
  /// Until the next `hold` it reads what is there at the moment.
  void let_go();

  TimeMs time(std::uint32_t partition) override;
  void each_durations(std::uint32_t partition, const std::function<void(const Durations::Key&, const Durations::Counts&)>& take) override;
  void each_summary(std::uint32_t partition, const std::function<void(CentreId, CentreSummary&&)>& take) override;
  void each_slot(std::uint32_t partition, CentreId centre,
                 const std::function<void(std::string_view, const Stamp&, std::string_view)>& take) override;
  void each_entry(std::uint32_t partition, CentreId centre, const std::function<void(Entry&&)>& take) override;
  void each_waiting(std::uint32_t partition, CentreId centre, const std::function<void(WaitingRecord&&)>& take) override;
  void each_reference(const std::function<void(std::string_view, const Stamp&, std::string_view)>& take) override;

 private:
  const Store::Database& database_;
  const rocksdb::Snapshot* snapshot_ = nullptr;
};

}  // namespace vtq
