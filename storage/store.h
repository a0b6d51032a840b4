// The store of one instance, over RocksDB: state, batches, rejected records, and the embedded log with the topics of the design. One
// commit is one write batch: inputs consumed, state and outputs move together or not at all.
//
// Opened once, closed by the destructor. The commit side (StateWriter, Outputs, append, commit) belongs to the pipeline's thread, or, of what names a
// partition, to whichever of its threads is at work on that; reads marked "any thread" see the last commit. Not here: what the records mean.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "pipeline/audit/chain.h"
#include "pipeline/base/batch_id.h"
#include "pipeline/run/ports.h"
#include "storage/sealing/seal.h"
#include "vtq/v1/store.pb.h"

namespace vtq {

/// The store cannot go on: disk full, corruption, another process holds it. Says what to do.
struct StoreError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Records of the store cannot be read: a file of it is damaged or gone. The rest can.
struct StoreDamage : StoreError, DamagedRecords {
  using StoreError::StoreError;
  const char* damage() const noexcept override { return what(); }
};

/// Where the records of a commit go when Kafka holds the topics: a transaction. Everything is for the partition it names.
class CommitSink {
 public:
  virtual ~CommitSink() = default;
  virtual void output(Topic topic, std::uint32_t partition, CentreId centre, const google::protobuf::MessageLite& message) = 0;
  virtual void rejected(std::uint32_t partition, const v1::Rejected& record) = 0;
  /// A record of the audit as it is hashed; `key`: the centre that it is about, or `*`.
  virtual void audit(std::uint32_t partition, std::string_view key, std::string_view line) = 0;
  /// A change of the store, for the changelog; no value: erased.
  virtual void change(std::uint32_t partition, std::string_view key, std::optional<std::string_view> value) = 0;
};

/// One record of a changelog, as read back.
struct Change {
  std::string_view key;
  std::optional<std::string_view> value;
};

/// What the store has to tell the operator by itself. Never a key or a value of a record.
struct StoreNote {
  bool error = false;  ///< else a warning
  std::string text;
};

/// When an empty store is made. Never where there was one before.
enum class Making {
  if_absent,  ///< where there is no directory
  asked,      ///< in an empty directory too
  never,
};

struct StoreOptions {
  std::uint32_t partitions = 8;  ///< fixed when the store is made
  /// That may be on the commit side at once, each for partitions of its own, and read their state. With more than one a commit is put together.
  std::size_t threads = 1;
  std::size_t block_cache_bytes = 64u << 20;
  std::size_t write_buffer_bytes = 64u << 20;
  std::size_t wal_bytes_max = 24u << 20;  ///< more is flushed, so that start-up after a crash stays short
  bool sync = true;                       ///< wait for the disk at each commit
  CommitSink* sink = nullptr;             ///< null: the topics are kept here, as the embedded log
  /// Which Kafka cluster and group hold the topics and so the truth; empty: the embedded log. A store serves one of them only.
  std::string log_identity = {};
  /// Where logical time comes from, `wall` or `event`: a store keeps to the one that it was made with. Empty: not looked at.
  std::string time_source = {};
  Making making = Making::if_absent;   ///< on Kafka an empty store is made whenever there is none: it is built from the changelog
  bool as_it_is = false;               ///< on Kafka: one that is damaged is refused instead of built anew
  std::filesystem::path backups = {};  ///< backups there speak for a store that is missing; empty: not looked at
  // The embedded log is kept so long and so large: a record for people and tests, which no start reads.
  std::uint64_t log_bytes_max = 128u << 20;
  std::uint64_t log_seconds_max = 30 * 86'400;
  /// What may carry a grade is sealed with it. Null: nothing is, and a store that is sealed is refused. Of a store that is not, everything is sealed
  /// as it is opened.
  std::shared_ptr<const Seal> seal = {};
  /// Warnings and errors, RocksDB's own too. Any thread; short.
  std::function<void(const StoreNote&)> note = {};
};

/// When an operator last said that the clock is right: what it said then, and how far logical time had come. 0: never.
struct ClockConfirmation {
  TimeMs log_ms = 0;
  TimeMs wall_ms = 0;
};

/// Where the clocks stood: what the wall clock should have said when `passed_ms` had passed since the machine started. `boot` 0: never kept.
struct ClockWitness {
  std::uint64_t boot = 0;  ///< names the machine's start
  TimeMs should_ms = 0;
  TimeMs passed_ms = 0;
  bool doubted = false;  ///< the wall clock said something else
};

/// Named points of a commit at which crash tests stop the process.
enum class CommitPoint { before_write, after_write };

/// One record of the embedded log.
struct LogEntry {
  std::uint64_t offset = 0;
  TimeMs appended_ms = 0;
  std::string key;
  std::string value;
};

/// What lies on disk, for metrics.
struct StoreSizes {
  std::uint64_t state_bytes = 0;
  std::uint64_t log_bytes = 0;
  std::uint64_t total_bytes = 0;
};

/// What of the store is known to be damaged.
struct DamageFound {
  std::vector<std::string> findings;  ///< in words, at most kDamageFindingsMax
  std::vector<CentreId> centres;      ///< that are set aside

  bool any() const { return !findings.empty() || !centres.empty(); }
};
constexpr std::size_t kDamageFindingsMax = 20;

/// How files are held against what was written.
struct VerifyPace {
  bool content = true;                 ///< else only whether they are there, and their sizes
  std::uint64_t bytes_per_second = 0;  ///< at most; 0: as fast as it goes
  std::function<bool()> stop = {};
};

/// Numbers of a run of batches that this store gives to no batch, since they may have been issued before a backup was restored or a
/// loss accepted.
struct NumberGap {
  BatchId from;
  std::uint32_t to = 0;
  TimeMs at_ms = 0;  ///< when that was
};

struct BackupInfo {
  std::uint32_t id = 0;
  TimeMs made_ms = 0;
  std::uint64_t bytes = 0;
  /// The last commit that is surely in it.
  std::uint64_t commit = 0;
  TimeMs commit_ms = 0;
  std::string damage = {};  ///< what is wrong with it, as far as its list of files tells; empty: nothing
};

/// Older backups that go when one was made. 0: no limit.
struct BackupsKept {
  std::size_t count_max = 0;
  TimeMs age_ms_max = 0;
};

struct RestoreOptions {
  std::filesystem::path from;            ///< the backups
  std::filesystem::path to;              ///< the store's directory: not there, or empty
  std::filesystem::path was = {};        ///< where the store was before, beside which stands what it had issued; empty: in `to`
  std::uint32_t id = 0;                  ///< 0: the newest
  std::uint32_t batch_numbers_from = 0;  ///< runs of batch numbers go on there at the least; 0: what was issued is known
  TimeMs now = 0;
};

/// Which partitions a store shows, ascending, and how often any came or went: the same before and after a read, the read was of these
/// partitions and of no others.
struct TakenPartitions {
  std::vector<std::uint32_t> partitions;
  std::uint64_t changes = 0;

  bool operator==(const TakenPartitions&) const = default;
};

/// How far a store has come: of two that are equal, nothing was committed in between but times and records of the audit, and no partition came or
/// went.
struct StoreVersions {
  TakenPartitions taken;
  std::vector<std::uint64_t> partitions;  ///< how many commits have changed each, but for its time and its audit
  std::uint64_t reference = 0;            ///< how many have changed the reference data
  bool being_written = false;             ///< a commit is on its way in: it may be seen already, and is not counted yet

  bool operator==(const StoreVersions&) const = default;
};

/// Where a rejected record stands among those of all partitions: by time, then by its number in its partition. Later is greater.
struct RejectedPlace {
  TimeMs at_ms = 0;
  std::uint64_t number = 0;
  std::uint32_t partition = 0;

  auto operator<=>(const RejectedPlace&) const = default;
};

class StateSnapshot;

class Store final : public StateStore, public StateWriter, public Outputs {
 public:
  /// Opens or makes the store in `directory`. Throws StoreError: also when less is there than was acknowledged, with what is lost.
  static std::unique_ptr<Store> open(const std::filesystem::path& directory, const StoreOptions& options);
  ~Store() override;

  /// Where a restore puts its files until it is finished.
  static std::filesystem::path unfinished_restore(const std::filesystem::path& directory);
  /// Goes on with what is left of a store that `open` refuses because something acknowledged is lost. `batch_numbers_from`: runs of batch
  /// numbers go on there at the least; 0: what was issued is known. Returns what was done, in words. Throws StoreError.
  static std::string accept_loss(const std::filesystem::path& directory, std::uint32_t batch_numbers_from, TimeMs now);

  std::uint32_t partitions() const;
  /// Runs of batch numbers that begin now begin here, at 1 or above.
  std::uint32_t batch_numbers_from() const;

  // ---- commit side: pipeline thread ----
  /// Appends a consumed record to an input topic. Takes its offset.
  void append_input(Topic topic, std::uint32_t partition, std::string_view key, std::string_view value);
  void put_time(std::uint32_t partition, TimeMs time) override;
  void put_durations(std::uint32_t partition, const Durations::Key& key, const Durations::Counts& counts) override;
  void put_summary(std::uint32_t partition, CentreId centre, const CentreSummary& summary) override;
  void put_slot(std::uint32_t partition, CentreId centre, std::string_view slot, const Stamp& stamp, std::string_view event) override;
  void put_entry(std::uint32_t partition, CentreId centre, const Entry& entry) override;
  void put_waiting(std::uint32_t partition, CentreId centre, const WaitingRecord& record) override;
  void erase_waiting(std::uint32_t partition, CentreId centre, const WaitingKey& key) override;
  void put_reference(std::string_view slot, const Stamp& stamp, std::string_view event) override;
  void entry_status(std::uint32_t partition, CentreId centre, const v1::EntryStatus& status) override;
  void result_batch(std::uint32_t partition, CentreId centre, const v1::ResultBatch& batch) override;
  void notification(std::uint32_t partition, CentreId centre, const v1::Notification& notification) override;
  std::string rejected(std::uint32_t partition, v1::Rejected&& rejected) override;
  void audit(std::uint32_t partition, AuditEntry&& entry) override;
  /// Marks a rejected record as replayed at `at`; part of the next commit. False when there is none with this id, or marks are refused.
  bool mark_replayed(std::string_view id, TimeMs at);
  /// While partitions are on the move and nothing can be committed. The same thread.
  void refuse_marks(bool refused);
  /// Writes everything since the last commit as one batch. `now`: the clock, kept with the log. Throws StoreError.
  void commit(TimeMs now);
  // With a sink, in place of `commit`: `cut`, then the transaction, then `write`. The store is never ahead of the log.
  /// Everything since the last cut, to be written later.
  struct Cut;
  struct CutDeleter {
    void operator()(Cut* cut) const;
  };
  using CutPointer = std::unique_ptr<Cut, CutDeleter>;
  CutPointer cut();
  /// Writes a cut, with how far the partitions have come that it is about. In the order of the cuts; any thread. Throws StoreError.
  void write(Cut& cut, const std::vector<std::pair<std::uint32_t, v1::PositionRecord>>& positions, std::int64_t reference_offset);
  /// Drops everything since the last cut: the transaction was aborted. When no cut waits to be written.
  void discard();
  /// Kept at once, whatever is under way. Throws StoreError.
  void put_clock_confirmation(const ClockConfirmation& confirmed);
  ClockConfirmation clock_confirmation() const;
  /// Kept at once, likewise.
  void put_clock_witness(const ClockWitness& witness);
  ClockWitness clock_witness() const;
  /// Called at every commit point; crash tests exit there.
  void on_commit_point(std::function<void(CommitPoint)> hook);

  // ---- on Kafka: a partition's changelog, for a partition that nobody else writes; any thread ----
  std::optional<v1::PositionRecord> position(std::uint32_t partition) const;
  /// Applies records of the changelog with the position after them. Throws StoreError.
  void apply_changelog(std::uint32_t partition, const std::vector<Change>& changes, const v1::PositionRecord& position);
  /// Everything about a partition as its changelog holds it, but for its position. Any thread.
  void each_change(std::uint32_t partition, const std::function<void(std::string_view key, std::string_view value)>& take) const;
  /// Whether a key of a changelog is in the store.
  bool has_change(std::string_view key) const;
  /// Forgets everything about a partition, to build it anew from its changelog.
  void wipe(std::uint32_t partition);
  /// Reads the counters of a partition that has come to this instance. Pipeline thread.
  void take(std::uint32_t partition);
  void give_up(std::uint32_t partition);
  TakenPartitions taken() const;
  /// Next offset of the reference data; 0 in a new store.
  std::int64_t reference_offset() const;

  // ---- state, as the last commit left it ----
  TimeMs time(std::uint32_t partition) override;
  void each_durations(std::uint32_t partition, const std::function<void(const Durations::Key&, const Durations::Counts&)>& take) override;
  void each_summary(std::uint32_t partition, const std::function<void(CentreId, CentreSummary&&)>& take) override;
  void each_slot(std::uint32_t partition, CentreId centre,
                 const std::function<void(std::string_view, const Stamp&, std::string_view)>& take) override;
  void each_entry(std::uint32_t partition, CentreId centre, const std::function<void(Entry&&)>& take) override;
  void each_waiting(std::uint32_t partition, CentreId centre, const std::function<void(WaitingRecord&&)>& take) override;
  void each_reference(const std::function<void(std::string_view, const Stamp&, std::string_view)>& take) override;

  // ---- reads: any thread ----
  /// Records of a topic's partition from `from` on, at most `count`.
  std::vector<LogEntry> read_log(Topic topic, std::uint32_t partition, std::uint64_t from, std::size_t count) const;
  /// First offset not written yet.
  std::uint64_t end_offset(Topic topic, std::uint32_t partition) const;
  std::optional<v1::ResultBatch> batch(const BatchId& id) const;
  /// Batches in order of (centre, awarding organisation, series, number), after `after`; `centre`: only that one's. Of partitions that
  /// were taken; with the embedded log that is all.
  std::vector<v1::ResultBatch> batches(std::optional<CentreId> centre, const std::optional<BatchId>& after, std::size_t count) const;
  /// What opens the batch, where results are sealed; nothing: there is no such batch, or it is not sealed.
  std::optional<BatchKey> batch_key(const BatchId& id) const;
  std::uint64_t batch_count() const;
  std::vector<NumberGap> number_gaps(std::optional<CentreId> centre) const;
  /// On Kafka: of partitions that were taken.
  std::optional<v1::Rejected> rejected_record(std::string_view id) const;
  /// Newest first. `before`: an id to go on from. `open_only`: leaves out those replayed.
  std::vector<v1::Rejected> rejected_records(std::string_view before, std::size_t count, bool open_only) const;
  /// The same on Kafka, of partitions that were taken. Reads them all: within a partition the times need not rise with the numbers, for
  /// instances have clocks of their own, and events time of theirs.
  std::vector<v1::Rejected> rejected_records_by_time(const std::optional<RejectedPlace>& before, std::size_t count, bool open_only) const;
  std::uint64_t rejected_count() const;
  /// How far a partition's audit has come; on Kafka: of one that was taken.
  AuditHead audit_head(std::uint32_t partition) const;
  /// Its records as they are hashed, from that number on, at most `count`.
  std::vector<std::string> audit_lines(std::uint32_t partition, std::uint64_t from, std::size_t count) const;
  StoreSizes sizes() const;
  /// Waits, for at most so long, while a commit is being written.
  StoreVersions versions(std::chrono::milliseconds most = {}) const;
  /// Waits, for at most so long, until what was cut, or was being committed, is written or dropped; whether it is.
  bool await_cut(std::chrono::milliseconds most) const;

  /// Reads every file of the store and compares it with the checksum it was written with. What is damaged or missing, in words; empty:
  /// nothing. It is kept as found, too. Any thread.
  std::vector<std::string> verify(const VerifyPace& pace = {});
  /// Found while reading, merging files or verifying, since the start.
  DamageFound damage() const;

  /// Adds a snapshot to the backups in `directory`, sharing files with earlier ones. It is read back before it counts. Any thread. Throws
  /// StoreError; StoreDamage: the store is damaged, or the backup came out so, and there is none.
  BackupInfo backup(const std::filesystem::path& directory, const BackupsKept& kept, TimeMs now);
  /// Oldest first, damaged ones too.
  static std::vector<BackupInfo> backups(const std::filesystem::path& directory);
  /// Rebuilds a store from a backup beside `to`, and moves it there at the end: stopped at any moment, nothing or all is there. Returns what
  /// was done and what may be lost, in words. Throws StoreError.
  static std::string restore(const RestoreOptions& asked);

 private:
  friend class StateSnapshot;
  struct Database;
  explicit Store(std::unique_ptr<Database> database);
  static std::unique_ptr<Database> open_copy(const std::filesystem::path& directory, const StoreOptions& options,
                                             const std::function<std::unique_ptr<Database>(bool make)>& open_as);
  static void require_numbers(const std::filesystem::path& directory, const struct HighestIssued& issued, std::uint32_t batch_numbers_from);
  std::unique_ptr<Database> database_;
  std::unique_ptr<StateSnapshot> state_;  // for the pipeline's threads: never held, it reads what was committed last
};

/// Nothing when the id is none that a partition on Kafka gives.
std::optional<RejectedPlace> place_of(std::string_view id, TimeMs at_ms);

}  // namespace vtq
