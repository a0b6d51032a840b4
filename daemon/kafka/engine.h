// The engine with the topics on Kafka. Facts are applied in memory, one transaction carries what comes of them with the offsets they came
// from, and only when it is committed are they written to the store: the store is never ahead of Kafka.
//
// Threads: `pipeline-1` (group, pipeline), those beside it that have a share in the pipeline's work, `committer` (transaction, then store, while the
// pipeline is at the next cycle), `changelog` (restores, standbys), `positions` (compares the input topics with what was read), `publisher` (events
// that came over HTTP), `watchdog`. A session lasts from joining the group to losing it; then everything in memory is dropped, and a new one
// restores from what Kafka holds.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "daemon/engine/engine_parts.h"
#include "daemon/engine/owners.h"
#include "daemon/engine/pipeline_crew.h"
#include "daemon/kafka/changelog.h"
#include "daemon/kafka/late_rejection.h"
#include "daemon/kafka/own_name.h"
#include "daemon/kafka/positions.h"
#include "daemon/kafka/probe.h"
#include "daemon/kafka/publisher.h"
#include "daemon/kafka/tables.h"
#include "daemon/kafka/transaction.h"

namespace vtq::kafka {

class KafkaEngine final : public Engine, public Owners {
 public:
  /// Waits for the brokers, checks the topics, opens the store, starts the threads; joins the group in the background. Throws KafkaError and
  /// StoreError, and StoppedWaiting once `asked_to_stop` says so. The others outlive it; the probes may be null.
  KafkaEngine(EngineOptions options, const Settings& settings, Clock& clock, EngineProbe* probe, KafkaProbe* kafka_probe,
              const std::function<bool()>& asked_to_stop = {});
  ~KafkaEngine() override;

  /// Publishes: the answer says that Kafka has the events, not what became of them. Those that are wrong in themselves are rejected.
  bool submit(std::vector<Submitted>&& events, Done done) override;
  void when_room(std::function<void()> wake) override;
  std::size_t queued_bytes() const override;
  void post(Look look) override;
  Store& store() override { return *store_; }
  ReadModel& read_model() override { return *read_model_; }
  EngineState state() const override;
  double lag_seconds() const override;
  TimeMs last_progress_ms() const override { return last_progress_ms_.load(); }
  void drain() override;
  std::string failure() const override;

  std::optional<Owner> owner(std::uint32_t partition) const override;
  std::optional<std::vector<std::string>> others() const override;
  std::vector<Instance> instances() const override;
  bool holds_nothing() const override;
  std::vector<std::string> halted() const override;

  /// Before `drain`: the instance is not to come back, and the group need not wait for it.
  void leave_for_good() { leaving_for_good_ = true; }

  KafkaState kafka_state() const;
  /// Where this instance can be reached; said to the others once known.
  void advertise(const std::string& url);
  std::uint32_t partitions() const { return options_.store.partitions; }

 private:
  class Sink;
  struct Session;
  friend struct Session;

  void hear_log();
  void run();
  void run_session();
  void note_failure();
  void watch();
  /// Ends the process when the pipeline's thread is in a call, since `since_ms`, that it does not come back from.
  void end_if_stuck(std::int64_t since_ms);
  /// Notes whether any broker answers.
  void ask_brokers(rd_kafka_t* client);
  bool brokers_answer() const { return brokers_away_since_ms_ == 0; }
  /// Why to give up, once they have not answered for kafka.broker_wait_seconds; else empty.
  std::string brokers_missed() const;
  /// Throws KafkaError then.
  void expect_brokers() const;
  /// Throws KafkaError when it is not the first time of late that another took this instance's place.
  void expect_own_name(const Fenced& fenced);
  /// Answers the reads that wait, and for up to `most` those that follow on them.
  void serve_looks(std::chrono::milliseconds most = {});
  bool has_looks() const;
  void fail(std::string why);
  /// By partition, who of the others said last that it has it; null: nobody did. With the mutex held.
  std::vector<const InstanceRecord*> holders() const;

  EngineOptions options_;
  const Settings settings_;
  TopicNames names_;
  Clock& clock_;
  EngineProbe* probe_;
  KafkaProbe* kafka_probe_;
  std::unique_ptr<Sink> sink_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<ReadModel> read_model_;
  std::unique_ptr<CountedOutputs> outputs_;
  std::unique_ptr<Parsing> parsing_;
  PipelineCrew crew_;
  std::unique_ptr<Pipeline> pipeline_;  // pipeline-1; outlives sessions, so that looks always find one
  std::unique_ptr<Changelog> changelog_;
  std::unique_ptr<PositionWatch> positions_;
  std::unique_ptr<Publisher> publisher_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Look> looks_;
  std::deque<Look> looks_after_commit_;  // asked for by looks of this cycle
  std::thread::id looking_;              // the thread that answers them
  /// Of an instance that has no partition to keep them in: those that came so long ago that whoever sent them is told to try again.
  std::vector<LateRejection> take_overdue_rejections();
  std::vector<LateRejection> rejections_;  // of events that came over HTTP
  std::vector<std::function<void()>> waiting_for_room_;
  std::function<void()> wake_;
  std::string failure_;
  std::string url_;
  std::map<std::string, InstanceRecord> instances_;
  std::vector<std::uint32_t> owned_;
  std::map<std::uint32_t, std::string> halted_;
  KafkaState shown_;
  std::atomic<EngineState> state_{EngineState::starting};
  std::atomic<bool> draining_{false};
  std::atomic<bool> leaving_for_good_{false};
  std::atomic<TimeMs> last_progress_ms_{0};
  std::atomic<TimeMs> behind_since_ms_{0};
  std::atomic<TimeMs> brokers_away_since_ms_{0};  // 0: they answer
  std::int64_t away_steady_ms_ = 0;               // watchdog; when they last did not answer
  TimeMs failing_since_ms_ = 0;                   // transactions and sessions, without a commit since; pipeline-1; 0: they do not
  TimeMs failed_ms_ = 0;                          // the last of these
  OwnName own_name_{0};                           // pipeline-1
  std::atomic<Transaction*> transaction_{nullptr};
  std::thread thread_;
  std::thread watchdog_;
};

}  // namespace vtq::kafka
