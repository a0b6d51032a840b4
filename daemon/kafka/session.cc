#include "daemon/kafka/session.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "daemon/process/log.h"

namespace vtq::kafka {
namespace {

using Steady = std::chrono::steady_clock;

constexpr int kIdleMs = 100;
/// How long a cycle may answer reads before it goes on.
constexpr std::chrono::milliseconds kLooksWhenBusy{10}, kLooksWhenQuiet{25};
constexpr int kAbortsMax = 20;
constexpr int kLeaveMs = 5000;
constexpr std::uint32_t kCommitSchema = 1;
constexpr auto kPositionsEvery = std::chrono::seconds(1);

double seconds_since(Steady::time_point from) { return std::chrono::duration<double>(Steady::now() - from).count(); }

/// Tests of crashes and of zombies, of resultsd_crashing: with RESULTSD_CRASH_AT=POINT:N in the environment the process kills itself, as by kill -9,
/// at the Nth passing of that point of a transaction; with RESULTSD_STOP_AT=POINT:N:MS it stops itself, as by SIGSTOP, and once it is continued waits
/// so many milliseconds, for its other threads to find out what it missed. Anything else is ignored.
struct Asked {
  TransactionPoint point{};
  std::uint64_t left = 0;
  std::uint64_t wait_ms = 0;
};

std::optional<Asked> asked_for(const char* variable) {
  const char* text = std::getenv(variable);
  if (!text || !crash_points_heeded()) return std::nullopt;
  std::string_view all = text;
  std::string_view name = all.substr(0, all.find(':'));
  Asked asked;
  if (name == "before_apply")
    asked.point = TransactionPoint::before_apply;
  else if (name == "before_offsets")
    asked.point = TransactionPoint::before_offsets;
  else if (name == "before_end")
    asked.point = TransactionPoint::before_end;
  else if (name == "after_end")
    asked.point = TransactionPoint::after_end;
  else
    return std::nullopt;
  char* end = nullptr;
  asked.left = std::strtoull(text + std::min(all.size(), name.size() + 1), &end, 10);
  if (*end == ':') asked.wait_ms = std::strtoull(end + 1, nullptr, 10);
  return asked;
}

void act_when_asked(TransactionPoint point) {
  static std::optional<Asked> crash = asked_for("RESULTSD_CRASH_AT");
  static std::optional<Asked> stop = asked_for("RESULTSD_STOP_AT");
  if (crash && crash->point == point && crash->left > 0 && --crash->left == 0) ::raise(SIGKILL);
  if (!stop || stop->point != point || stop->left == 0 || --stop->left != 0) return;
  ::kill(::getpid(), SIGSTOP);
  ::usleep(static_cast<useconds_t>(stop->wait_ms * 1000));
}

}  // namespace

KafkaEngine::Session::Session(KafkaEngine& engine)
    : engine_(engine),
      transaction_(engine.settings_, engine.names_),
      outgoing_(engine.partitions()),
      tables_(engine.settings_, engine.names_, engine.store_->reference_offset()),
      registry_topics_(registry_topics(engine.settings_)),
      spare_(engine.partitions()) {
  transaction_.on_point(act_when_asked);
  engine_.sink_->to = &outgoing_;
  committer_ = std::make_unique<Committer>(transaction_, *engine_.store_, [this] {
    std::lock_guard lock(engine_.mutex_);
    if (engine_.wake_) engine_.wake_();
  });
  engine_.transaction_ = &transaction_;
  rebuild();
}

KafkaEngine::Session::~Session() {
  conclude(committer_->take());
  committer_.reset();
  {
    std::lock_guard lock(engine_.mutex_);
    engine_.wake_ = nullptr;
    engine_.transaction_ = nullptr;  // which the watchdog looks at
    engine_.owned_.clear();
    if (engine_.state_ == EngineState::running) engine_.state_ = EngineState::starting;
    engine_.shown_ = {};
    // Answered by the next session.
    for (LateRejection& one : late_) engine_.rejections_.push_back(std::move(one));
  }
  engine_.store_->refuse_marks(false);
  // What was applied and not committed is dropped, with everything in memory.
  engine_.store_->discard();
  for (const auto& [partition, position] : active_) engine_.store_->give_up(partition);
  for (std::uint32_t partition : restoring_) engine_.changelog_->release(partition);
  engine_.pipeline_ =
      std::make_unique<Pipeline>(engine_.options_.policy, engine_.options_.time_source, engine_.partitions(), *engine_.store_, *engine_.outputs_);
  engine_.sink_->to = nullptr;
}

void KafkaEngine::Session::run() {
  read_tables();
  inputs_.emplace(engine_.settings_, engine_.names_, [this] { committer_->wait(); });
  {
    std::lock_guard lock(engine_.mutex_);
    engine_.wake_ = [this] { inputs_->wake(); };
  }
  while (!engine_.draining_) {
    try {
      cycle();
    } catch (const Aborted& aborted) {
      if (engine_.kafka_probe_) engine_.kafka_probe_->transaction("aborted", 0);
      engine_.note_failure();
      log::write(log::Level::info, "a transaction was aborted; reading again", {{"why", std::string(aborted.what())}});
      if (inputs_->lost()) throw Lost(aborted.what());
      if (++aborts_ > kAbortsMax) throw Lost(std::string("too many transactions were aborted, at last: ") + aborted.what());
      rebuild();
      // Of partitions on the move, fetching begins when the group has said whose they are.
      if (!take_assignment() && suspended_.empty()) start_inputs();
    }
  }
  hand_over();
}

/// Reads the reference data and the directory to their ends before anything else: what others refer to is there when they come.
void KafkaEngine::Session::read_tables() {
  auto until = Steady::now() + std::chrono::seconds(engine_.settings_.kafka_broker_wait_seconds);
  while (!engine_.draining_ && (!tables_.complete() || !tables_.reference().empty())) {
    tables_.poll(kIdleMs);
    tables_.poll(0);
    engine_.serve_looks();
    process(engine_.clock_.state());
    if (!tables_.complete() && Steady::now() > until)
      throw Lost("the reference data could not be read to their end within kafka.broker_wait_seconds");
  }
}

void KafkaEngine::Session::take(std::uint32_t partition, const v1::PositionRecord& position) {
  engine_.pipeline_->take(partition);
  if (position.commit().reference() < reference_next_) engine_.pipeline_->partition(partition).reference_changed_unseen();
}

/// Everything in memory anew, from what the last commit left.
void KafkaEngine::Session::rebuild() {
  Store& store = *engine_.store_;
  store.discard();
  outgoing_.clear();
  items_.clear();
  inbounds_.clear();
  moved_.clear();
  last_.clear();
  reference_moved_ = false;
  auto& pipeline = engine_.pipeline_;
  pipeline = std::make_unique<Pipeline>(engine_.options_.policy, engine_.options_.time_source, engine_.partitions(), store, *engine_.outputs_);
  pipeline->set_origins([this](std::int64_t token) -> std::string {
    if (token < 0) return {};
    Item& item = items_[item_of_[origin_base_ + static_cast<std::size_t>(token)]];
    view_message(*item.input.message, view_);
    v1::Rejected record;
    record.set_original(inbounds_[origin_base_ + static_cast<std::size_t>(token)].bytes.data(),
                        inbounds_[origin_base_ + static_cast<std::size_t>(token)].bytes.size());
    keep_origin(view_, record);
    return record.origin().SerializeAsString();
  });
  pipeline->restore_reference();
  reference_next_ = store.reference_offset();
  reference_through_ = reference_next_;
  for (auto& [partition, position] : active_) {
    position = store.position(partition).value_or(v1::PositionRecord{});
    take(partition, position);
  }
  surplus_next_.clear();  // the group knows them
  if (auto zero = active_.find(0); zero != active_.end()) reference_answered_ = zero->second.commit().answered();
  if (!inputs_) return;
  tables_.rewind(active_.contains(0) ? std::min(reference_next_, reference_answered_) : reference_next_);
}

// ---- partitions come and go ----

bool KafkaEngine::Session::take_assignment() {
  if (!inputs_->has_changes()) return false;
  settle();
  Inputs::Changes changes = inputs_->take_changes();
  if (!changes.revoked.empty()) {
    // Marks made since: of a partition that may be another's now. Whoever waits for one finds that it is not there.
    engine_.store_->discard();
    outgoing_.clear();
  }
  if (engine_.kafka_probe_) engine_.kafka_probe_->rebalance();
  if (changes.lost) {
    if (engine_.kafka_probe_) engine_.kafka_probe_->fenced();
    throw Lost("the group took this instance's partitions away: it was silent for longer than kafka.session_timeout_ms");
  }
  bool cooperative = engine_.settings_.kafka_assignment != "range";
  for (std::uint32_t partition : changes.revoked) {
    assigned_.erase(partition);
    surplus_.erase(partition);
    surplus_next_.erase(partition);
    halted_.erase(partition);
    logs_.erase(partition);
    if (restoring_.erase(partition) > 0) {
      engine_.changelog_->release(partition);
      restored_.erase(partition);
      group_offsets_.erase(partition);
      engine_.changelog_->follow(partition);
    }
    if (!active_.contains(partition)) continue;
    // Eager rebalancing takes all and gives most of them back.
    if (cooperative)
      give_up(partition);
    else
      suspended_.insert(partition);
  }
  if (changes.assigned) {
    std::int32_t generation = inputs_->generation();
    // With a generation between, somebody else may have had them.
    bool unbroken = generation == generation_ + 1;
    generation_ = generation;
    for (std::uint32_t partition : *changes.assigned) (partition < engine_.partitions() ? assigned_ : surplus_).insert(partition);
    for (std::uint32_t partition : std::exchange(suspended_, {}))
      if (!unbroken || !assigned_.contains(partition)) give_up(partition);
    for (std::uint32_t partition : assigned_)
      if (!active_.contains(partition)) restoring_.insert(partition);
    std::erase_if(halted_, [&](const auto& one) { return !assigned_.contains(one.first) && !changes.incomplete.contains(one.first); });
    for (std::uint32_t partition = 0; partition < engine_.partitions(); ++partition)
      if (!assigned_.contains(partition)) engine_.changelog_->follow(partition);
    directory_due_ = true;
    log::write(log::Level::info, "partitions assigned",
               {{"partitions", static_cast<std::int64_t>(assigned_.size())},
                {"restoring", static_cast<std::int64_t>(restoring_.size())},
                {"generation", std::int64_t{generation}}});
  }
  std::map<std::uint32_t, std::string> incomplete;
  if (engine_.options_.time_source == TimeSource::event)
    for (std::uint32_t partition : std::exchange(surplus_, {}))
      incomplete[partition] = "Partition " + std::to_string(partition) +
                              ": the input topics have more partitions than partitions = " + std::to_string(engine_.partitions()) +
                              ". With time.source = event they must have as many: make topics with another kafka.topic_prefix "
                              "and publish the season there; " +
                              kRepairCommand + " cannot take partitions away.";
  for (const auto& [partition, missing] : changes.incomplete)
    incomplete[partition] = "Partition " + std::to_string(partition) + ": the group gives it to this instance without that of " + missing +
                            ". The input topics have different numbers of partitions, or another client uses the group " +
                            engine_.settings_.kafka_group + ". Run " + kRepairCommand + ": it says what it would do, and with --apply does it.";
  halt(incomplete);
  engine_.store_->refuse_marks(!suspended_.empty());
  if (suspended_.empty()) start_inputs();
  return true;
}

void KafkaEngine::Session::give_up(std::uint32_t partition) {
  engine_.pipeline_->give_up(partition);
  engine_.store_->give_up(partition);
  active_.erase(partition);
  group_lacks_.erase(partition);
  engine_.changelog_->follow(partition);
  directory_due_ = true;
}

void KafkaEngine::Session::advance_restores() {
  if (std::string why = engine_.changelog_->failure(); !why.empty()) throw KafkaError(why);
  retry_halted();
  for (std::uint32_t partition : restoring_) {
    if (group_offsets_.contains(partition)) continue;
    // First the offsets, stable: no transaction of an earlier owner is open that could still move them. Then the changelog's end.
    auto offsets = inputs_->committed(partition, 500);
    if (!offsets) break;
    group_offsets_[partition] = std::move(*offsets);
    engine_.changelog_->finish(partition);
  }
  for (std::uint32_t partition : surplus_) {
    if (surplus_next_.contains(partition) || active_.empty()) continue;
    auto offsets = inputs_->committed(partition, 500);
    if (!offsets) break;
    surplus_next_[partition] = std::move(*offsets);
    start_inputs();
  }
  std::map<std::uint32_t, std::string> refused = engine_.changelog_->take_refused();
  std::erase_if(refused, [&](const auto& one) { return !restoring_.contains(one.first); });
  halt(refused);
  for (std::uint32_t partition : engine_.changelog_->take_finished()) restored_.insert(partition);
  std::erase_if(restored_, [&](std::uint32_t partition) { return !restoring_.contains(partition); });
  look_at_positions();
  // Of entries that refer to what this instance has not read yet it could not say anything.
  std::vector<std::uint32_t> ready;
  std::map<std::uint32_t, std::string> wrong;
  for (std::uint32_t partition : restored_) {
    if (!logs_.contains(partition)) continue;
    v1::CommitRecord record = record_of(partition);
    if (std::string why = verify(partition, record); !why.empty())
      wrong[partition] = std::move(why);
    else if (record.reference() <= reference_through_)
      ready.push_back(partition);
  }
  halt(wrong);
  if (!ready.empty() && !hear_log(ready)) activate(ready);
}

bool KafkaEngine::Session::hear_log(const std::vector<std::uint32_t>& partitions) {
  if (engine_.options_.time_source != TimeSource::wall) return false;
  TimeMs latest = 0;
  for (std::uint32_t partition : partitions) latest = std::max(latest, record_of(partition).time_ms());
  engine_.clock_.log_says(latest, engine_.store_->clock_confirmation());
  if (!reference_ahead_) return false;
  const ClockState clock = engine_.clock_.state();
  if (clock.trusted || latest_event(clock) < reference_ahead_->occurred_ms) {
    if (active_.empty()) reference_next_ = std::max(reference_next_, reference_through_);
    return false;
  }
  std::int64_t from = std::exchange(reference_ahead_, std::nullopt)->offset;
  tables_.rewind(from);
  reference_through_ = std::min(reference_through_, from);
  return true;
}

v1::CommitRecord KafkaEngine::Session::record_of(std::uint32_t partition) const {
  return engine_.store_->position(partition).value_or(v1::PositionRecord{}).commit();
}

void KafkaEngine::Session::look_at_positions() {
  auto every = std::chrono::seconds(engine_.settings_.kafka_position_check_seconds);
  stopped_.merge(inputs_->take_stopped());
  PositionWatch& watch = *engine_.positions_;
  if (auto answer = watch.take()) {
    for (const auto& [partition, record] : answer->asked)
      if (!answer->logs.contains(partition)) unanswered_.insert(partition);
    std::map<std::uint32_t, std::string> wrong;
    bool stopped = false;
    for (auto& [partition, logs] : answer->logs) {
      // A session before this one may have asked; others have gone on with the partition since.
      if (restored_.contains(partition) && answer->asked.at(partition).transaction() == record_of(partition).transaction()) logs_[partition] = logs;
      if (!active_.contains(partition)) continue;
      std::vector<PositionFault> faults = faults_of(partition, answer->asked.at(partition), nullptr, logs);
      if (!faults.empty()) wrong[partition] = words_for(faults);
      // Nothing is wrong any more: reading is begun again.
      else
        stopped = stopped_.erase(partition) > 0 || stopped;
    }
    halt(wrong);
    if (stopped && suspended_.empty()) start_inputs();
  }
  if (watch.busy()) return;
  std::map<std::uint32_t, v1::CommitRecord> asked;
  for (std::uint32_t partition : restored_)
    if (!logs_.contains(partition)) asked[partition] = record_of(partition);
  std::erase_if(stopped_, [&](std::uint32_t partition) { return !active_.contains(partition); });
  if (!stopped_.empty() || Steady::now() - looked_ >= every) {
    for (const auto& [partition, position] : active_) asked[partition] = position.commit();
    looked_ = Steady::now();
  }
  for (std::uint32_t partition : std::exchange(unanswered_, {}))
    if (auto active = active_.find(partition); active != active_.end()) asked[partition] = active->second.commit();
  if (!asked.empty()) watch.ask(std::move(asked));
}

std::string KafkaEngine::Session::words_for(const std::vector<PositionFault>& faults) const {
  std::string all;
  for (const PositionFault& fault : faults) all += (all.empty() ? "" : " ") + text_of(fault, engine_.names_, engine_.settings_.kafka_group);
  return all + " Run " + kRepairCommand + ": it says what it would do, and with --apply does it.";
}

std::string KafkaEngine::Session::verify(std::uint32_t partition, const v1::CommitRecord& record) {
  if (record.schema() > kCommitSchema)
    return "Topic " + engine_.names_.changelog() + ", partition " + std::to_string(partition) +
           ": it was written by a later version of resultsd; use that.";
  if (!record.time_source().empty() && record.time_source() != engine_.settings_.time_source)
    return "Topic " + engine_.names_.changelog() + ", partition " + std::to_string(partition) + ": it was written with time.source = \"" +
           record.time_source() + "\", not \"" + engine_.settings_.time_source +
           "\"; set time.source to that at all instances, or use another kafka.group and kafka.topic_prefix.";
  std::vector<PositionFault> faults = faults_of(partition, record, &group_offsets_.at(partition), logs_.at(partition));
  return faults.empty() ? "" : words_for(faults);
}

void KafkaEngine::Session::halt(const std::map<std::uint32_t, std::string>& whys) {
  if (whys.empty()) return;
  bool was_active = std::any_of(whys.begin(), whys.end(), [&](const auto& one) { return active_.contains(one.first); });
  if (was_active) settle();
  for (const auto& [partition, why] : whys) {
    if (active_.contains(partition)) give_up(partition);
    restoring_.erase(partition);
    restored_.erase(partition);
    group_offsets_.erase(partition);
    logs_.erase(partition);
    stopped_.erase(partition);
    group_lacks_.erase(partition);
    std::string& told = halted_[partition];
    if (told == why) continue;
    told = why;
    directory_due_ = true;
    log::write(log::Level::error, "a partition stands still; the others go on", {{"partition", std::int64_t{partition}}, {"why", why}});
  }
  retried_ = Steady::now();
  if (was_active && suspended_.empty()) start_inputs();
}

void KafkaEngine::Session::retry_halted() {
  if (halted_.empty() || !restoring_.empty() || Steady::now() - retried_ < std::chrono::seconds(engine_.settings_.kafka_position_check_seconds))
    return;
  retried_ = Steady::now();
  for (const auto& [partition, why] : halted_)
    if (assigned_.contains(partition)) restoring_.insert(partition);
}

void KafkaEngine::Session::commit_positions(TimeMs now) {
  if (committer_->busy() || !suspended_.empty() || Steady::now() - positions_committed_ < kPositionsEvery) return;
  positions_committed_ = Steady::now();
  settle();
  for (const auto& [partition, position] : active_) {
    for (auto [topic, next] : offsets_of(position.commit())) {
      auto read = inputs_->position(topic, partition);
      if (read && read->next <= next && read->reached > next) moved_[{partition, topic}] = {read->reached, 0};
    }
  }
  if (!moved_.empty() || !group_lacks_.empty()) commit(now);
}

void KafkaEngine::Session::activate(const std::vector<std::uint32_t>& partitions) {
  for (std::uint32_t partition : partitions) {
    v1::PositionRecord position = engine_.store_->position(partition).value_or(v1::PositionRecord{});
    // The group's offsets expire while nobody uses it; the commit record knows them.
    for (auto [topic, next] : offsets_of(position.commit()))
      if (!group_offsets_.at(partition).contains(topic)) group_lacks_.insert(partition);
    if (group_lacks_.contains(partition))
      log::write(log::Level::warning, "the group has no offsets of a partition, which goes on from those of its changelog",
                 {{"partition", std::int64_t{partition}}, {"group", engine_.settings_.kafka_group}});
    if (halted_.erase(partition) > 0) log::write(log::Level::info, "a partition that stood still goes on", {{"partition", std::int64_t{partition}}});
    engine_.store_->take(partition);
    take(partition, position);
    // Whoever has partition 0 rejects or moves what is wrong in the reference data, also in those that were read, and passed over, when
    // nobody had it.
    if (partition == 0) {
      reference_answered_ = position.commit().answered();
      if (reference_answered_ < reference_through_) tables_.rewind(reference_answered_);
    }
    restoring_.erase(partition);
    restored_.erase(partition);
    group_offsets_.erase(partition);
    logs_.erase(partition);
    active_[partition] = std::move(position);
  }
  log::write(log::Level::info, "partitions are worked on",
             {{"partitions", static_cast<std::int64_t>(partitions.size())}, {"restoring", static_cast<std::int64_t>(restoring_.size())}});
  directory_due_ = true;
  start_inputs();
}

void KafkaEngine::Session::start_inputs() {
  std::map<std::uint32_t, Start> starts;
  for (const auto& [partition, position] : active_)
    starts[partition] = {offsets_of(position.commit()), engine_.pipeline_->partition(partition).time()};
  if (!active_.empty())
    for (const auto& [partition, offsets] : surplus_next_) starts[partition] = {offsets, 0};
  inputs_->start(starts);
}

/// What is left of every input; what is being committed counts as well.
std::vector<StreamLag> KafkaEngine::Session::lags() {
  TimeMs now = engine_.clock_.now();
  std::vector<StreamLag> found = inputs_->lags(now);
  bool busy = committer_->busy();
  for (StreamLag& lag : found) {
    tell_held(lag, now);
    auto committing = busy ? committing_.find({lag.partition, lag.topic}) : committing_.end();
    if (committing == committing_.end()) continue;
    lag.records += committing->second.records;
    if (lag.behind_since_ms == 0) lag.behind_since_ms = now;
  }
  return found;
}

/// A publisher's transaction that stays open holds up what comes after it, for everybody: said once, and once more when it has ended.
void KafkaEngine::Session::tell_held(const StreamLag& lag, TimeMs now) {
  std::pair place(lag.topic, lag.partition);
  bool long_held = lag.held_since_ms != 0 && now - lag.held_since_ms >= engine_.settings_.kafka_open_transaction_seconds * 1000;
  std::string topic = engine_.names_.of(lag.topic);
  std::int64_t partition = lag.partition;
  if (long_held && held_told_.insert(place).second)
    log::write(log::Level::warning,
               "a publisher's transaction is open, and the records behind it wait: it ends with its time-out, or kafka-transactions.sh "
               "find-hanging and abort end it",
               {{"topic", topic}, {"partition", partition}, {"records", lag.held_records}, {"since", utc_text(lag.held_since_ms)}});
  if (lag.held_since_ms == 0 && held_told_.erase(place) > 0)
    log::write(log::Level::info, "the publisher's transaction has ended, and the records behind it are read",
               {{"topic", topic}, {"partition", partition}});
}

std::uint32_t KafkaEngine::Session::home_of(std::uint32_t partition) const {
  return partition < engine_.partitions() ? partition : active_.begin()->first;
}

void KafkaEngine::Session::show() {
  engine_.expect_brokers();
  bool ready = inputs_->joined() && restoring_.empty() && suspended_.empty() && halted_.empty();
  std::vector<StreamLag> lags = this->lags();
  bool behind = std::any_of(lags.begin(), lags.end(), [](const StreamLag& lag) { return lag.records > 0; });
  std::lock_guard lock(engine_.mutex_);
  engine_.owned_.clear();
  for (const auto& [partition, position] : active_) engine_.owned_.push_back(partition);
  if (auto instances = tables_.take_instances()) engine_.instances_ = std::move(*instances);
  engine_.halted_ = halted_;
  engine_.shown_.halted = static_cast<std::uint32_t>(halted_.size());
  engine_.shown_.joined = inputs_->joined();
  engine_.shown_.lags = std::move(lags);
  engine_.shown_.owned = static_cast<std::uint32_t>(active_.size());
  engine_.shown_.restoring = static_cast<std::uint32_t>(restoring_.size());
  if (!behind)
    engine_.behind_since_ms_ = 0;
  else if (engine_.behind_since_ms_ == 0)
    engine_.behind_since_ms_ = engine_.clock_.passed_ms();
  if (engine_.state_ == EngineState::starting && ready) engine_.state_ = EngineState::running;
  if (engine_.state_ == EngineState::running && !ready) engine_.state_ = EngineState::starting;
}

/// Says in the directory what this instance has, in a transaction of its own.
void KafkaEngine::Session::tell_directory() {
  if (!directory_due_ || !restoring_.empty() || !suspended_.empty()) return;
  InstanceRecord record;
  {
    std::lock_guard lock(engine_.mutex_);
    record.url = engine_.url_;
  }
  if (record.url.empty()) return;  // not listening yet
  for (const auto& [partition, position] : active_) record.partitions.push_back(partition);
  for (const auto& [partition, why] : halted_) record.halted.push_back(partition);
  record.at_ms = engine_.clock_.now();
  settle();
  Committer::Work work{.outgoing = Outgoing(engine_.partitions())};
  work.outgoing.instance(instance_name(engine_.settings_), encode_instance(record));
  hand_to_committer(std::move(work));
  directory_due_ = false;
}

void KafkaEngine::Session::hand_over() {
  try {
    settle();
  } catch (const Aborted&) {
    rebuild();  // whoever comes next reads it again
  }
  engine_.store_->discard();
  // The store is right as of now, however long ago the last record came.
  std::vector<std::pair<std::uint32_t, v1::PositionRecord>> positions(active_.begin(), active_.end());
  for (auto& [partition, position] : positions) position.set_written_ms(engine_.clock_.now());
  engine_.store_->write(*engine_.store_->cut(), positions, reference_next_);
  for (const auto& [partition, position] : active_) {
    engine_.pipeline_->give_up(partition);
    engine_.store_->give_up(partition);
  }
  active_.clear();
  bool for_good = engine_.leaving_for_good_;
  if (!engine_.settings_.kafka_static_membership || for_good) {
    directory_due_ = true;
    suspended_.clear();
    try {
      tell_directory();
      settle();
    } catch (const Aborted& aborted) {
      log::write(log::Level::info, "others find out for themselves that this instance has nothing", {{"why", std::string(aborted.what())}});
    }
  }
  {
    std::lock_guard lock(engine_.mutex_);
    engine_.wake_ = nullptr;
  }
  inputs_->leave(kLeaveMs, for_good);
}

// ---- a cycle ----

void KafkaEngine::Session::cycle() {
  if (auto witness = engine_.clock_.witness()) engine_.store_->put_clock_witness(*witness);
  if (!committer_->busy()) settle();
  // What is looked at is committed. A look may also mark a rejected record as replayed, which goes with this cycle.
  if (engine_.has_looks()) {
    settle();
    engine_.serve_looks(quiet_ ? kLooksWhenQuiet : kLooksWhenBusy);
  }
  keep_within_memory();
  advance_restores();
  tables_.poll(0);
  const ClockState clock = engine_.clock_.state();
  bool time_moves = engine_.options_.time_source == TimeSource::wall && clock.trusted;
  TimeMs wake = time_moves ? engine_.pipeline_->next_wake() : kNever;
  // Time alone may be due before the next record.
  int idle = wake == kNever ? kIdleMs : static_cast<int>(std::clamp<TimeMs>(wake - clock.now_ms, 0, kIdleMs));
  if (!tables_.reference().empty() || !restoring_.empty()) idle = std::min(idle, 5);
  std::vector<InputRecord> records = gather(idle);
  std::vector<InputRecord> unreadable = inputs_->take_unreadable();
  std::move(unreadable.begin(), unreadable.end(), std::back_inserter(records));
  bool changed = !records.empty();
  quiet_ = !changed;
  if (take_assignment()) {
    records.clear();
    unreadable.clear();
  }
  if (suspended_.empty()) {
    engine_.parsing_->arena.Reset();
    items_.clear();
    items_.reserve(tables_.reference().size() + records.size());
    for (Message& message : tables_.reference()) items_.push_back({.input = {std::move(message), Topic::reference, 0}});
    tables_.reference().clear();
    for (InputRecord& record : records) items_.push_back({.input = std::move(record)});
    process(engine_.clock_.state());
    if (!unreadable.empty()) {
      settle();
      start_inputs();  // behind them
    }
    tell_directory();
    if (!changed && engine_.options_.time_source == TimeSource::wall) commit_positions(engine_.clock_.now());
  }
  show();
  if (changed || idle > 0) engine_.last_progress_ms_ = engine_.clock_.passed_ms();
}

void KafkaEngine::Session::keep_within_memory() {
  if (!engine_.pipeline_->holds_more_than(engine_.options_.entries_in_memory_max)) return;
  settle();  // what is let go of is read again from the store
  engine_.pipeline_->evict(engine_.options_.entries_in_memory_max);
}

/// Records arrive while the last cycle is being committed, and then for the rest of kafka.commit_interval_ms.
std::vector<InputRecord> KafkaEngine::Session::gather(int idle_ms) {
  std::size_t most = engine_.options_.batch_events_max;
  if (engine_.options_.time_source == TimeSource::event) return inputs_->gather_in_order(most, idle_ms, kLatestEventMs);
  auto due = handed_over_ + std::chrono::milliseconds(engine_.settings_.kafka_commit_interval_ms);
  return inputs_->gather(most, idle_ms, [&]() -> int {
    if (committer_->busy()) return kIdleMs;  // its end wakes
    return static_cast<int>(std::max<std::int64_t>(0, std::chrono::ceil<std::chrono::milliseconds>(due - Steady::now()).count()));
  });
}

/// Decides what is to become of a record; `inbound` is made when it is to be applied.
void KafkaEngine::Session::look_at(Item& item, v1::Event& event, Inbound& inbound) {
  const InputRecord& input = item.input;
  bool reference = input.topic == Topic::reference;
  // Every instance reads the reference data; the one that has partition 0 answers for what is wrong with them.
  auto zero = active_.find(0);
  bool mine = item.mine = !reference || (zero != active_.end() && input.message->offset >= zero->second.commit().answered());
  auto reject = [&](Rejection why) {
    if (!mine) return;
    item.fate = Item::Fate::reject;
    item.why = std::move(why);
  };
  view_message(*input.message, view_);
  if (!input.message->payload && reference && !input.message->err) return;  // a tombstone: reference data are never taken back
  if (input.message->err) return reject(unreadable_record(view_, rd_kafka_message_errstr(input.message.get())));
  // A change of the reference data may have to be published once more, as it is.
  if (auto why = too_much(view_, reference ? kMovedBytesMax : kRecordBytesMax)) return reject(std::move(*why));
  bool framed = registry_topics_.contains(input.topic);
  Result<DecodedEvent> decoded = decode_record(view_, framed ? RecordMode::schema_registry : RecordMode::cloud_events);
  if (!decoded) return reject(std::move(decoded).error());
  inbound.bytes = decoded.value().bytes;
  if (!decoded.value().held.empty()) {
    item.held = std::move(decoded).value().held;
    inbound.bytes = item.held;
  }
  if (!event.ParseFromArray(inbound.bytes.data(), static_cast<int>(inbound.bytes.size()))) return reject(unreadable_event(inbound.bytes));
  if (!view_.headers.empty()) {
    if (fill_from_attributes(view_, event)) {
      item.held = event.SerializeAsString();
      inbound.bytes = item.held;
    }
    if (auto why = check_attributes(view_, event)) return reject(std::move(*why));
  }
  TimeMs latest = engine_.options_.time_source == TimeSource::wall ? latest_event(engine_.clock_.state()) : kLatestEventMs;
  Result<Address> address = check(event, latest);
  if (!address && !mine && check(event, kLatestEventMs)) {
    TimeMs occurred = event.occurred_at().seconds() * 1000;
    if (!reference_ahead_) reference_ahead_ = {input.message->offset, occurred};
    reference_ahead_ = Ahead{std::min(reference_ahead_->offset, input.message->offset), std::min(reference_ahead_->occurred_ms, occurred)};
  }
  if (!address) return reject(std::move(address).error());
  inbound.event = &event;
  inbound.address = std::move(address).value();
  const Address& to = inbound.address;
  // A TimeReached says of the partition it is in how far that has come: it is right anywhere.
  if (event.has_time_reached()) {
    item.fate = reference || input.partition >= engine_.partitions() ? Item::Fate::pass : Item::Fate::apply;
    return;
  }
  Topic right_topic = to.everywhere ? Topic::reference : to.topic;
  std::uint32_t right_partition = to.everywhere ? 0 : engine_.pipeline_->partition_of(to.centre);
  if (right_topic == input.topic && right_partition == input.partition) {
    item.warnings = warnings(event);
    item.fate = Item::Fate::apply;
    return;
  }
  if (!mine) return;
  bool routed = std::any_of(view_.headers.begin(), view_.headers.end(), [](const auto& header) { return header.first == kRoutedHeader; });
  if (routed)
    return reject({"record", "record-placement", std::string(topic_name(input.topic)) + " " + std::to_string(input.partition),
                   "The record was moved once already and is in the wrong place again: instances disagree about the number of partitions. "
                   "Check that all have the same setting partitions, then redrive it."});
  if (bytes_of(view_) > kMovedBytesMax)
    return reject({"record", "record-placement", std::string(topic_name(input.topic)) + " " + std::to_string(input.partition),
                   "The record belongs into partition " + std::to_string(right_partition) + " of " + engine_.names_.of(right_topic) +
                       " and is too large to be moved there: a record that is moved may have " + std::to_string(kMovedBytesMax) +
                       " bytes with its key and headers. Publish it there."});
  item.fate = Item::Fate::route;
  item.route_to = right_topic;
  item.route_partition = right_partition;
  item.route_key = to.everywhere ? slot_of(event) : vtq::text_of(to.centre);
  bool framed_there = registry_topics_.contains(right_topic);
  item.rewritten = framed != framed_there;
  if (item.rewritten) item.held = framed_there ? in_registry_format(inbound.bytes) : std::string(inbound.bytes);
}

void KafkaEngine::Session::process(const ClockState& clock) {
  const TimeMs now = clock.now_ms;
  // Reference records that came before there was a partition are in no cycle: they are looked at here as well.
  if (items_.empty() && !tables_.reference().empty() && !inputs_) {
    engine_.parsing_->arena.Reset();
    items_.reserve(tables_.reference().size());
    for (Message& message : tables_.reference()) items_.push_back({.input = {std::move(message), Topic::reference, 0}});
    tables_.reference().clear();
  }
  auto started = Steady::now();
  inbounds_.clear();
  item_of_.clear();
  std::size_t references = 0;
  for (std::size_t at = 0; at < items_.size(); ++at) {
    auto* event = google::protobuf::Arena::CreateMessage<v1::Event>(&engine_.parsing_->arena);
    Inbound inbound;
    look_at(items_[at], *event, inbound);
    if (items_[at].fate != Item::Fate::apply) continue;
    references += items_[at].input.topic == Topic::reference;
    items_[at].inbound = inbounds_.size();
    inbounds_.push_back(std::move(inbound));
    item_of_.push_back(at);
  }
  {
    std::lock_guard lock(engine_.mutex_);
    if (!active_.empty())
      for (KafkaEngine::LateRejection& one : std::exchange(engine_.rejections_, {})) late_.push_back(std::move(one));
  }
  bool wakes = engine_.options_.time_source == TimeSource::wall && clock.trusted && engine_.pipeline_->next_wake() <= now;
  bool late = !late_.empty() && !active_.empty();
  if (items_.empty() && !late && !wakes && !outgoing_.touched_any()) return;

  if (inbounds_.size() > references) act_when_asked(TransactionPoint::before_apply);
  processing_events_ = items_.size();
  consumed_ = 0;
  emitted_ = 0;
  auto work = [&](auto step) {
    for (bool finished = false; !finished;) {
      origin_base_ = consumed_;
      Pipeline::Progress progress = step();
      std::size_t before = consumed_;
      consumed_ += progress.consumed;
      finished = progress.finished;
      std::size_t until = consumed_ < inbounds_.size() ? item_of_[consumed_] : items_.size();
      std::size_t verdict = before;
      for (; emitted_ < until; ++emitted_) {
        bool applied = items_[emitted_].fate == Item::Fate::apply;
        emit(items_[emitted_], applied ? &engine_.pipeline_->verdicts()[verdict++ - before] : nullptr, now);
      }
      processing_seconds_ += seconds_since(started);
      commit(now);
      if (!finished) keep_within_memory();
      started = Steady::now();
    }
  };
  if (references > 0)
    work([&] { return engine_.pipeline_->process_reference(std::span(inbounds_).subspan(consumed_, references - consumed_), !clock.trusted); });
  if (inputs_) work([&] { return engine_.pipeline_->process(std::span(inbounds_).subspan(consumed_), now, !clock.trusted); });
  for (const Item& item : items_)
    if (item.input.topic == Topic::reference) reference_through_ = std::max(reference_through_, item.input.message->offset + 1);
  items_.clear();
}

/// What becomes of a record besides the pipeline's outputs, and that it was consumed.
void KafkaEngine::Session::emit(Item& item, const Verdict* verdict, TimeMs now) {
  const InputRecord& input = item.input;
  if (input.topic == Topic::reference) {
    // A TimeReached changes nothing: if it counted, whoever takes a partition over would think that a change was missed, and wake all of it.
    if (item.fate == Item::Fate::pass) return;
    // Before the first partition came, what was passed over because of the clock may have to be read again, also after the next start.
    if (!reference_ahead_ || !active_.empty()) reference_next_ = std::max(reference_next_, input.message->offset + 1);
    reference_answered_ = std::max(reference_answered_, input.message->offset + 1);
    reference_moved_ = true;
  } else {
    Moved& moved = moved_[{input.partition, input.topic}];
    moved.next = input.message->offset + 1;
    ++moved.records;
    if (!input.message->err) last_[{input.partition, input.topic}] = input.message.get();
  }
  EngineProbe* probe = engine_.probe_;
  if (verdict && probe) {
    probe->event_processed(input.topic, verdict->kind);
    for (Rejection& warning : warnings(*inbounds_[item.inbound].event, inbounds_[item.inbound].address, engine_.pipeline_->reference()))
      item.warnings.push_back(std::move(warning));
    if (verdict->clash.any())
      for (Rejection& warning : warnings_of(verdict->clash, *inbounds_[item.inbound].event, verdict->kind == Verdict::Kind::accepted))
        item.warnings.push_back(std::move(warning));
    for (const Rejection& warning : item.warnings) probe->event_warned(warning.rule);
  }
  if (input.topic == Topic::reference && verdict && verdict->kind == Verdict::Kind::superseded && item.mine) {
    // An older fact came after a newer one of the same slot, and would outlive it when the topic is compacted.
    if (const auto* held = engine_.pipeline_->reference().in_force(*inbounds_[item.inbound].event)) {
      const std::string& event = held->event;
      outgoing_.reference({static_cast<const char*>(input.message->key), input.message->key_len},
                          registry_topics_.contains(Topic::reference) ? in_registry_format(event) : event);
    }
  }
  if (item.fate == Item::Fate::reject) reject(item, now);
  if (item.fate == Item::Fate::route) {
    outgoing_.route(item.route_to, item.route_partition, item.route_key, *input.message,
                    item.rewritten ? std::optional<std::string_view>(item.held) : std::nullopt);
    if (engine_.kafka_probe_) engine_.kafka_probe_->routed(item.input.topic);
  }
}

void KafkaEngine::Session::reject(Item& item, TimeMs now) {
  const InputRecord& input = item.input;
  view_message(*input.message, view_);
  v1::Rejected record = rejected_record(input.topic, view_.value, false, *item.why, now);
  keep_origin(view_, record);
  engine_.outputs_->rejected(home_of(input.partition), std::move(record));
  if (engine_.probe_) engine_.probe_->event_processed(input.topic, Verdict::Kind::rejected);
}

/// Hands over what was applied since the last time, once that is committed.
void KafkaEngine::Session::commit(TimeMs now) {
  std::vector<std::string> ids;
  if (!active_.empty())
    for (KafkaEngine::LateRejection& one : late_) ids.push_back(engine_.outputs_->rejected(active_.begin()->first, v1::Rejected(one.record)));
  engine_.pipeline_->write(*engine_.store_);

  std::set<std::uint32_t> touched = group_lacks_;
  for (const auto& [place, moved] : moved_) touched.insert(home_of(place.first));
  for (const auto& [partition, position] : active_)
    if (reference_moved_ || outgoing_.touched(partition)) touched.insert(partition);
  for (std::uint32_t partition : touched) {
    InputOffsets held = offsets_of(active_.at(partition).commit());
    for (auto [topic, next] : held)
      if (group_lacks_.contains(partition)) moved_.try_emplace({partition, topic}, Moved{next, 0});
    if (held.size() == kCentreTopics.size()) continue;
    // Where a topic began of which nothing came yet is kept as well: what is deleted before it is read is missed then.
    for (Topic topic : kCentreTopics)
      if (auto read = inputs_ ? inputs_->position(topic, partition) : std::nullopt; read && read->next < 0 && read->reached >= 0)
        moved_.try_emplace({partition, topic}, Moved{read->reached, 0});
  }
  std::vector<StreamOffset> offsets;
  for (const auto& [place, moved] : moved_) {
    offsets.push_back({place.second, place.first, moved.next});
    if (place.first >= engine_.partitions()) surplus_next_[place.first][place.second] = moved.next;
  }
  settle();
  std::vector<std::pair<std::uint32_t, v1::PositionRecord>> positions;
  for (std::uint32_t partition : touched) {
    v1::PositionRecord position = active_.at(partition);
    v1::CommitRecord& record = *position.mutable_commit();
    record.set_schema(kCommitSchema);
    record.set_time_source(engine_.settings_.time_source);
    record.set_time_ms(engine_.pipeline_->partition(partition).time());
    record.set_reference(reference_next_);
    if (partition == 0) record.set_answered(reference_answered_);
    record.set_writer(instance_name(engine_.settings_));
    record.set_transaction(record.transaction() + 1);
    positions.emplace_back(partition, std::move(position));
  }
  for (const auto& [place, moved] : moved_)
    for (auto& [partition, position] : positions)
      if (partition == place.first) (*position.mutable_commit()->mutable_inputs())[std::string(topic_name(place.second))] = moved.next;
  for (const auto& [place, message] : last_)
    for (auto& [partition, position] : positions)
      if (partition == place.first) (*position.mutable_commit()->mutable_last())[std::string(topic_name(place.second))] = read_record(*message);
  for (const auto& [partition, position] : positions) {
    // One of each partition at least, so that nobody takes it over before this has ended.
    InputOffsets held = offsets_of(position.commit());
    bool moved =
        std::any_of(offsets.begin(), offsets.end(), [&partition = partition](const StreamOffset& one) { return one.partition == partition; });
    if (!moved && !held.empty()) offsets.push_back({held.begin()->first, partition, held.begin()->second});
    outgoing_.commit_record(partition, position.commit());
    active_[partition] = position;
  }
  for (std::size_t at = 0; at < ids.size(); ++at) answers_.emplace_back(std::move(ids[at]), std::move(late_[at]));
  late_.erase(late_.begin(), late_.begin() + static_cast<std::ptrdiff_t>(ids.size()));
  committing_ = std::exchange(moved_, {});
  last_.clear();
  reference_moved_ = false;
  Committer::Work work{.outgoing = std::exchange(outgoing_, std::move(spare_)),
                       .offsets = std::move(offsets),
                       .positions = std::move(positions),
                       .cut = engine_.store_->cut(),
                       .reference_next = reference_next_,
                       .written_ms = now,
                       .events = std::exchange(processing_events_, 0),
                       .processing_seconds = std::exchange(processing_seconds_, 0)};
  spare_ = Outgoing(engine_.partitions());
  hand_to_committer(std::move(work));
}

void KafkaEngine::Session::hand_to_committer(Committer::Work work) {
  work.consumer = inputs_ ? inputs_->consumer() : nullptr;
  handed_over_ = Steady::now();
  committer_->hand_over(std::move(work));
}

/// Waits until nothing is being committed. Throws what that ended with: then everything since is to be dropped too.
void KafkaEngine::Session::settle() {
  std::optional<Committer::Work> done = committer_->take();
  if (!done) return;
  std::exception_ptr failure = done->failure;
  conclude(std::move(done));
  if (failure) std::rethrow_exception(failure);
}

void KafkaEngine::Session::conclude(std::optional<Committer::Work> done) {
  if (!done) return;
  bool directory = done->positions.empty() && !done->outgoing.empty();
  if (done->failure) {
    directory_due_ = directory_due_ || directory;
    for (auto& [id, one] : std::exchange(answers_, {})) late_.push_back(std::move(one));
    return;
  }
  for (const auto& [partition, position] : done->positions) {
    if (auto active = active_.find(partition); active != active_.end()) active->second.set_changelog(position.changelog());
    group_lacks_.erase(partition);
  }
  done->outgoing.clear();
  spare_ = std::move(done->outgoing);
  if (!directory) aborts_ = 0;
  engine_.last_progress_ms_ = engine_.clock_.passed_ms();
  if (!done->positions.empty()) engine_.failing_since_ms_ = 0;
  if (engine_.kafka_probe_ && !done->positions.empty()) engine_.kafka_probe_->transaction("committed", done->committing_seconds);
  if (engine_.probe_ && done->events > 0) engine_.probe_->batch_processed(done->processing_seconds, done->committing_seconds, done->events);
  for (auto& [id, one] : std::exchange(answers_, {})) one.done(std::move(id));
}

}  // namespace vtq::kafka
