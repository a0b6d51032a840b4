// What the pipeline needs from outside: a store to read state from, a writer that takes one commit's changes, somewhere for outputs to go, and
// a crew that works on several partitions at once. Store, writer and outputs are implemented over RocksDB in storage/, by hand-written fakes in
// tests/support/; a crew of threads in daemon/engine/.
//
// Where the crew has more than one lane, store, writer and outputs are called from several threads at once, each for another partition; what names
// no partition, from the pipeline's own thread alone, while no partition is at work.
#pragma once

#include <array>
#include <functional>
#include <string_view>

#include "pipeline/audit/record.h"
#include "pipeline/intake/check.h"
#include "pipeline/risk/durations.h"
#include "pipeline/status/rollup.h"

namespace vtq {

/// Names a fact that waits, among all others.
struct WaitingKey {
  Moment moment;
  std::uint64_t content_high = 0;  ///< hash of all that the event says, 128 bits wide
  std::uint64_t content_low = 0;

  auto operator<=>(const WaitingKey&) const = default;
};

/// A fact that waits for what it names, as it is stored: its entry's registration, or reference data.
struct WaitingRecord {
  std::string event;  ///< serialised
  WaitingKey key;
  Topic topic{};
  TimeMs until_ms = 0;  ///< rejected at this logical time
  Rejection why;
  std::int64_t token = -1;  ///< place in the batch being processed; -1: from an earlier one
  std::string origin = {};  ///< serialised RecordOrigin, where there is one
  std::string by = {};      ///< serialised AuditActor: who said it, where that is known
};

/// Last batch number used.
struct BatchSequence {
  AwardingOrganisationId awarding_organisation{};
  SeriesId series{};
  std::uint32_t number = 0;
};

/// Something a centre was told about its scrutiny: once for as long as it holds.
struct ScrutinyNotice {
  AwardingOrganisationId awarding_organisation{};
  QualificationId qualification{};
  Rule rule = Rule::none;
  std::string subject;  ///< a monitoring, an action, a member of staff; empty: the qualification as a whole
  TimeMs since_ms = 0;  ///< since when the rule asks for it

  bool operator==(const ScrutinyNotice&) const = default;
};

/// What is kept of every centre in memory, loaded or not.
struct CentreSummary {
  CentreCells cells;
  TimeMs next_wake_ms = kNever;
  std::vector<BatchSequence> sequences;
  std::uint32_t waiting = 0;
  std::vector<ScrutinyNotice> notices;
  std::vector<HaltInForce> halts;  ///< of the centre's own
  bool derive_all = false;         ///< reference data changed: every entry is derived at the next wake
};

/// Thrown by a StateStore: records that were asked for cannot be read, for the disk damaged them. Others can.
class DamagedRecords {
 public:
  virtual ~DamagedRecords() = default;
  /// What is damaged, in words; no key, no value.
  virtual const char* damage() const noexcept = 0;
};

/// Reads. What it returns is what the last commit left; on Kafka the store is never ahead of the topics.
class StateStore {
 public:
  virtual ~StateStore() = default;
  // What is read of one centre may throw DamagedRecords.
  /// Logical time of the last commit; 0 in a new store.
  virtual TimeMs time(std::uint32_t partition) = 0;
  virtual void each_durations(std::uint32_t partition, const std::function<void(const Durations::Key&, const Durations::Counts&)>& take) = 0;
  virtual void each_summary(std::uint32_t partition, const std::function<void(CentreId, CentreSummary&&)>& take) = 0;
  virtual void each_slot(std::uint32_t partition, CentreId centre,
                         const std::function<void(std::string_view slot, const Stamp&, std::string_view event)>& take) = 0;
  virtual void each_entry(std::uint32_t partition, CentreId centre, const std::function<void(Entry&&)>& take) = 0;
  virtual void each_waiting(std::uint32_t partition, CentreId centre, const std::function<void(WaitingRecord&&)>& take) = 0;
  virtual void each_reference(const std::function<void(std::string_view slot, const Stamp&, std::string_view event)>& take) = 0;
};

/// Takes the changes of one commit.
class StateWriter {
 public:
  virtual ~StateWriter() = default;
  virtual void put_time(std::uint32_t partition, TimeMs time) = 0;
  virtual void put_durations(std::uint32_t partition, const Durations::Key& key, const Durations::Counts& counts) = 0;
  virtual void put_summary(std::uint32_t partition, CentreId centre, const CentreSummary& summary) = 0;
  virtual void put_slot(std::uint32_t partition, CentreId centre, std::string_view slot, const Stamp& stamp, std::string_view event) = 0;
  virtual void put_entry(std::uint32_t partition, CentreId centre, const Entry& entry) = 0;
  virtual void put_waiting(std::uint32_t partition, CentreId centre, const WaitingRecord& record) = 0;
  virtual void erase_waiting(std::uint32_t partition, CentreId centre, const WaitingKey& key) = 0;
  virtual void put_reference(std::string_view slot, const Stamp& stamp, std::string_view event) = 0;
};

/// Takes outputs in order. They become visible with the commit.
class Outputs {
 public:
  virtual ~Outputs() = default;
  virtual void entry_status(std::uint32_t partition, CentreId centre, const v1::EntryStatus& status) = 0;
  virtual void result_batch(std::uint32_t partition, CentreId centre, const v1::ResultBatch& batch) = 0;
  virtual void notification(std::uint32_t partition, CentreId centre, const v1::Notification& notification) = 0;
  /// Gives the record its id and returns it.
  virtual std::string rejected(std::uint32_t partition, v1::Rejected&& rejected) = 0;
  /// Chains the record to those of its partition.
  virtual void audit(std::uint32_t partition, AuditEntry&& entry) = 0;
};

/// Has pieces of work done that have nothing to do with each other. Called by one thread.
class Crew {
 public:
  virtual ~Crew() = default;
  /// How many pieces may be under way at once; 1 or more.
  virtual std::size_t lanes() const = 0;
  /// Does piece 0 .. `count` - 1, in any order, and returns when all have ended. Throws what the first of them threw that threw anything, first by
  /// its number.
  virtual void each(std::size_t count, const std::function<void(std::size_t)>& piece) = 0;
};

/// The calling thread alone: one piece after another.
class CrewOfOne final : public Crew {
 public:
  std::size_t lanes() const override { return 1; }
  void each(std::size_t count, const std::function<void(std::size_t)>& piece) override {
    for (std::size_t at = 0; at < count; ++at) piece(at);
  }
};

}  // namespace vtq
