#include "daemon/kafka/session.h"

#include <algorithm>
#include <chrono>

#include "daemon/kafka/crash_points.h"
#include "daemon/process/log.h"

namespace vtq::kafka {
namespace {

using Steady = std::chrono::steady_clock;

constexpr int kIdleMs = 100;
/// While something is on its way that no record announces.
constexpr int kIdleBusyMs = 5;
/// How long a turn may answer reads before it goes on.
constexpr std::chrono::milliseconds kLooksWhenBusy{10}, kLooksWhenQuiet{25};
constexpr int kAbortsMax = 20;
constexpr int kLeaveMs = 5000;

}  // namespace

KafkaEngine::Session::Session(KafkaEngine& engine)
    : engine_(engine),
      given_{engine.settings_, engine.names_, engine.options_, engine.clock_, engine.probe_, engine.kafka_probe_},
      store_(*engine.store_),
      transaction_(engine.settings_, engine.names_),
      tables_(engine.settings_, engine.names_, store_.reference_offset()),
      own_(engine.partitions()),
      commits_(
          transaction_, store_, engine.partitions(), given_.options.threads,
          [this] {
            std::lock_guard lock(engine_.mutex_);
            if (engine_.wake_) engine_.wake_();
          },
          [this](const Committer::Work& done) { conclude(done); }),
      cycle_(given_, store_, *engine.outputs_, *engine.parsing_, engine.pipeline_, own_, reference_, commits_, [this] { return take_rejections(); }) {
  transaction_.on_point(pass_crash_point);
  engine_.sink_->to = &commits_.outgoing();
  engine_.transaction_ = &transaction_;
  rebuild();
}

KafkaEngine::Session::~Session() {
  commits_.conclude();
  {
    std::lock_guard lock(engine_.mutex_);
    engine_.wake_ = nullptr;
    engine_.transaction_ = nullptr;  // which the watchdog looks at
    engine_.owned_.clear();
    if (engine_.state_ == EngineState::running) engine_.state_ = EngineState::starting;
    engine_.shown_ = {};
    // Answered by the next session.
    for (LateRejection& one : cycle_.take_late()) engine_.rejections_.push_back(std::move(one));
  }
  store_.refuse_marks(false);
  // What was applied and not committed is dropped, with everything in memory.
  store_.discard();
  for (const auto& [partition, position] : own_.positions()) store_.give_up(partition);
  if (membership_) membership_->release_restoring();
  engine_.pipeline_ = new_pipeline();
  engine_.sink_->to = nullptr;
}

std::unique_ptr<Pipeline> KafkaEngine::Session::new_pipeline() {
  return std::make_unique<Pipeline>(given_.options.policy, given_.options.time_source, given_.partitions(), store_, *engine_.outputs_,
                                    &engine_.crew_);
}

void KafkaEngine::Session::run() {
  read_tables();
  join();
  while (!engine_.draining_) {
    try {
      turn();
    } catch (const Aborted& aborted) {
      note_aborted(aborted);
      rebuild();
      // Of partitions on the move, fetching begins when the group has said whose they are.
      if (!membership_->take_assignment() && !membership_->suspended()) membership_->start_inputs();
    }
  }
  hand_over();
}

/// Reads the reference data and the directory to their ends before anything else: what others refer to is there when they come.
void KafkaEngine::Session::read_tables() {
  auto until = Steady::now() + std::chrono::seconds(given_.settings.kafka_broker_wait_seconds);
  while (!engine_.draining_ && (!tables_.complete() || !tables_.reference().empty())) {
    tables_.poll(kIdleMs);
    tables_.poll(0);
    engine_.serve_looks();
    cycle_.apply(tables_.reference(), {});
    if (!tables_.complete() && Steady::now() > until)
      throw Lost("the reference data could not be read to their end within kafka.broker_wait_seconds");
  }
}

void KafkaEngine::Session::join() {
  membership_.emplace(given_, store_, engine_.pipeline_, *engine_.changelog_, *engine_.positions_, tables_, own_, reference_, commits_);
  cycle_.read_from(membership_->inputs());
  std::lock_guard lock(engine_.mutex_);
  engine_.wake_ = [this] { membership_->inputs().wake(); };
}

void KafkaEngine::Session::turn() {
  if (auto witness = given_.clock.witness()) store_.put_clock_witness(*witness);
  if (!commits_.busy()) commits_.settle();
  // What is looked at is committed. A look may also mark a rejected record as replayed, which goes with this turn.
  if (engine_.has_looks()) {
    commits_.settle();
    engine_.serve_looks(quiet_ ? kLooksWhenQuiet : kLooksWhenBusy);
  }
  cycle_.keep_within_memory();
  membership_->advance();
  tables_.poll(0);
  int idle = idle_ms(given_.clock.state());
  Cycle::Gathered gathered = cycle_.gather(idle);
  bool changed = !gathered.records.empty();
  quiet_ = !changed;
  if (membership_->take_assignment()) gathered = {};
  if (!membership_->suspended()) {
    cycle_.apply(tables_.reference(), std::move(gathered.records));
    if (gathered.unreadable) {
      commits_.settle();
      membership_->start_inputs();  // behind them
    }
    tell_directory();
    if (!changed && given_.by_wall_clock()) cycle_.commit_positions();
  }
  show();
  if (changed || idle > 0) engine_.last_progress_ms_ = given_.clock.passed_ms();
}

int KafkaEngine::Session::idle_ms(const ClockState& clock) {
  bool time_moves = given_.by_wall_clock() && clock.trusted;
  TimeMs wake = time_moves ? engine_.pipeline_->next_wake() : kNever;
  // Time alone may be due before the next record.
  int idle = wake == kNever ? kIdleMs : static_cast<int>(std::clamp<TimeMs>(wake - clock.now_ms, 0, kIdleMs));
  return !tables_.reference().empty() || membership_->restoring() > 0 ? std::min(idle, kIdleBusyMs) : idle;
}

// ---- commits ----

/// Learns on this thread what became of a commit.
void KafkaEngine::Session::conclude(const Committer::Work& done) {
  bool directory = done.positions.empty() && !done.outgoing.empty();
  if (done.failure) {
    directory_due_ = directory_due_ || directory;
    cycle_.concluded(false);
    return;
  }
  own_.committed(done.positions);
  if (!directory) aborts_ = 0;
  engine_.last_progress_ms_ = given_.clock.passed_ms();
  if (!done.positions.empty()) engine_.failing_since_ms_ = 0;
  if (given_.kafka_probe && !done.positions.empty()) given_.kafka_probe->transaction("committed", done.committing_seconds);
  if (given_.probe && done.events > 0) given_.probe->batch_processed(done.processing_seconds, done.committing_seconds, done.events);
  cycle_.concluded(true);
}

/// Throws Lost when there is no use in reading again.
void KafkaEngine::Session::note_aborted(const Aborted& aborted) {
  if (given_.kafka_probe) given_.kafka_probe->transaction("aborted", 0);
  engine_.note_failure();
  log::write(log::Level::info, "a transaction was aborted; reading again", {{"why", std::string(aborted.what())}});
  if (membership_->inputs().lost()) throw Lost(aborted.what());
  if (++aborts_ > kAbortsMax) throw Lost(std::string("too many transactions were aborted, at last: ") + aborted.what());
}

/// Everything in memory anew, from what the last commit left.
void KafkaEngine::Session::rebuild() {
  commits_.drop();
  cycle_.drop();
  engine_.pipeline_ = new_pipeline();
  engine_.pipeline_->set_origins([this](std::int64_t token) { return cycle_.origin_of(token); });
  engine_.pipeline_->restore_reference();
  reference_.go_back(store_.reference_offset());
  if (membership_) membership_->go_back();
}

std::vector<LateRejection> KafkaEngine::Session::take_rejections() {
  std::lock_guard lock(engine_.mutex_);
  return std::exchange(engine_.rejections_, {});
}

// ---- what others are told ----

/// How things stand, for threads that ask the engine.
void KafkaEngine::Session::show() {
  engine_.expect_brokers();
  const TimeMs now = given_.clock.now();
  std::vector<StreamLag> lags = membership_->lags(now);
  cycle_.add_committing(lags, now);
  bool ready = membership_->complete();
  bool behind = std::any_of(lags.begin(), lags.end(), [](const StreamLag& lag) { return lag.records > 0; });
  std::lock_guard lock(engine_.mutex_);
  engine_.owned_.clear();
  for (const auto& [partition, position] : own_.positions()) engine_.owned_.push_back(partition);
  if (auto instances = tables_.take_instances()) engine_.instances_ = std::move(*instances);
  engine_.halted_ = membership_->halted();
  engine_.shown_.halted = static_cast<std::uint32_t>(engine_.halted_.size());
  engine_.shown_.joined = membership_->inputs().joined();
  engine_.shown_.lags = std::move(lags);
  engine_.shown_.owned = static_cast<std::uint32_t>(engine_.owned_.size());
  engine_.shown_.restoring = static_cast<std::uint32_t>(membership_->restoring());
  if (!behind)
    engine_.behind_since_ms_ = 0;
  else if (engine_.behind_since_ms_ == 0)
    engine_.behind_since_ms_ = given_.clock.passed_ms();
  if (engine_.state_ == EngineState::starting && ready) engine_.state_ = EngineState::running;
  if (engine_.state_ == EngineState::running && !ready) engine_.state_ = EngineState::starting;
}

/// Says in the directory what this instance has, in a transaction of its own.
void KafkaEngine::Session::tell_directory() {
  if (membership_->take_changed()) directory_due_ = true;
  if (!directory_due_ || membership_->restoring() > 0 || membership_->suspended()) return;
  InstanceRecord record;
  {
    std::lock_guard lock(engine_.mutex_);
    record.url = engine_.url_;
  }
  if (record.url.empty()) return;  // not listening yet
  for (const auto& [partition, position] : own_.positions()) record.partitions.push_back(partition);
  for (const auto& [partition, why] : membership_->halted()) record.halted.push_back(partition);
  record.at_ms = given_.clock.now();
  commits_.settle();
  Committer::Work work{.outgoing = Outgoing(given_.partitions(), given_.options.threads)};
  work.outgoing.instance(instance_name(given_.settings), encode_instance(record));
  commits_.hand_over(std::move(work));
  directory_due_ = false;
}

void KafkaEngine::Session::hand_over() {
  try {
    commits_.settle();
  } catch (const Aborted&) {
    rebuild();  // whoever comes next reads it again
  }
  store_.discard();
  // The store is right as of now, however long ago the last record came.
  std::vector<std::pair<std::uint32_t, v1::PositionRecord>> positions(own_.positions().begin(), own_.positions().end());
  for (auto& [partition, position] : positions) position.set_written_ms(given_.clock.now());
  store_.write(*store_.cut(), positions, reference_.next());
  membership_->give_up_all();
  bool for_good = engine_.leaving_for_good_;
  if (!given_.settings.kafka_static_membership || for_good) {
    try {
      tell_directory();
      commits_.settle();
    } catch (const Aborted& aborted) {
      log::write(log::Level::info, "others find out for themselves that this instance has nothing", {{"why", std::string(aborted.what())}});
    }
  }
  {
    std::lock_guard lock(engine_.mutex_);
    engine_.wake_ = nullptr;
  }
  membership_->inputs().leave(kLeaveMs, for_good);
}

}  // namespace vtq::kafka
