#include "daemon/kafka/engine.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iterator>

#include "daemon/engine/audit_seal.h"
#include "daemon/engine/vouched.h"
#include "daemon/kafka/inputs.h"
#include "daemon/kafka/session.h"
#include "daemon/process/log.h"
#include "storage/sealing/sealed_event.h"

namespace vtq::kafka {
namespace {

/// How long a call into librdkafka may take, as a multiple of the transaction's time-out, before the process is ended: some ignore theirs
/// in 2.0.2 (#5456). Ending is safe, and the instance starts again.
constexpr int kStuckTimeouts = 6;
/// Of kafka.session_timeout_ms: a second fencing within so many of the first is no accident.
constexpr TimeMs kFencedSessions = 6;
/// Exit code where the pipeline's thread cannot be waited for.
constexpr int kStuckExit = 70;
constexpr std::int64_t kAskBrokersEveryMs = 1000;
constexpr int kAskBrokersMs = 2000;

std::int64_t steady_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

KafkaEngine::KafkaEngine(EngineOptions options, const Settings& settings, Clock& clock, EngineProbe* probe, KafkaProbe* kafka_probe,
                         const std::function<bool()>& asked_to_stop)
    : options_(std::move(options)),
      settings_(settings),
      names_(settings.kafka_topic_prefix),
      clock_(clock),
      probe_(probe),
      kafka_probe_(kafka_probe),
      sink_(std::make_unique<Sink>()),
      parsing_(std::make_unique<Parsing>()),
      crew_(options_.threads) {
  own_name_ = OwnName(kFencedSessions * settings_.kafka_session_timeout_ms);
  std::string identity = log_identity(settings_, asked_to_stop);
  std::vector<std::string> problems = check_topics(settings_);
  if (!problems.empty()) {
    std::string text;
    for (const std::string& problem : problems) text += (text.empty() ? "" : " ") + problem;
    throw KafkaError(text);
  }
  options_.store.sink = sink_.get();
  options_.store.log_identity = identity;
  options_.policy.reference_wait_ms = static_cast<TimeMs>(settings_.kafka_reference_wait_minutes * 60'000);
  store_ = Store::open(options_.directory, store_options(options_));
  read_model_ = std::make_unique<ReadModel>(*store_, options_.policy, options_.time_source, options_.reads_in_memory_max);
  hear_log();
  clock_.was(store_->clock_witness());
  outputs_ = std::make_unique<CountedOutputs>(*store_, probe_, clock_, options_.instance);
  pipeline_ = std::make_unique<Pipeline>(options_.policy, options_.time_source, options_.store.partitions, *store_, *outputs_, &crew_);
  changelog_ = std::make_unique<Changelog>(settings_, names_, *store_, clock_);
  positions_ = std::make_unique<PositionWatch>(settings_, names_);
  publisher_ = std::make_unique<Publisher>(settings_, names_);
  last_progress_ms_ = clock_.passed_ms();
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "pipeline-1");
  watchdog_ = std::thread([this] { watch(); });
  pthread_setname_np(watchdog_.native_handle(), "watchdog");
}

/// What the copies in the store say of how late it was; of partitions that come later, `activate` hears the rest.
void KafkaEngine::hear_log() {
  if (options_.time_source != TimeSource::wall) return;
  TimeMs latest = 0;
  for (std::uint32_t partition = 0; partition < partitions(); ++partition)
    if (auto position = store_->position(partition)) latest = std::max(latest, position->commit().time_ms());
  clock_.log_says(latest, store_->clock_confirmation());
}

KafkaEngine::~KafkaEngine() {
  drain();
  watchdog_.join();
  publisher_.reset();
  positions_.reset();
  changelog_.reset();
}

void KafkaEngine::drain() {
  {
    std::lock_guard lock(mutex_);
    if (state_ == EngineState::running || state_ == EngineState::starting) state_ = EngineState::draining;
    draining_ = true;
    if (wake_) wake_();
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  // Whoever waits for an answer is there now, and may be gone later.
  publisher_->stop();
}

/// Without brokers it is not ready, also while its thread waits for them in a call.
EngineState KafkaEngine::state() const {
  EngineState state = state_;
  return state == EngineState::running && !brokers_answer() ? EngineState::starting : state;
}

std::string KafkaEngine::failure() const {
  std::lock_guard lock(mutex_);
  return failure_;
}

double KafkaEngine::lag_seconds() const {
  TimeMs since = behind_since_ms_;
  return since == 0 ? 0.0 : static_cast<double>(std::max<TimeMs>(clock_.passed_ms() - since, 0)) / 1000.0;
}

KafkaState KafkaEngine::kafka_state() const {
  Changelog::Progress progress = changelog_->progress();
  std::lock_guard lock(mutex_);
  KafkaState shown = shown_;
  shown.following = progress.following;
  shown.records_to_restore = progress.records_to_restore;
  shown.records_restored = progress.records_read;
  shown.topic_problems = positions_->problems().size();
  return shown;
}

std::vector<std::string> KafkaEngine::halted() const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> found;
  for (const auto& [partition, why] : halted_) found.push_back(why);
  return found;
}

// ---- looks and events from elsewhere ----

void KafkaEngine::post(Look look) {
  std::unique_lock lock(mutex_);
  if (state_ == EngineState::stopped || state_ == EngineState::failed) {
    lock.unlock();
    look(*pipeline_, *store_);
    return;
  }
  // What a look asks for next is to see what it left, once that is committed.
  (std::this_thread::get_id() == looking_ ? looks_after_commit_ : looks_).push_back(std::move(look));
  if (wake_) wake_();
  changed_.notify_all();
}

bool KafkaEngine::has_looks() const {
  std::lock_guard lock(mutex_);
  return !looks_.empty() || !looks_after_commit_.empty();
}

void KafkaEngine::serve_looks(std::chrono::milliseconds most) {
  // Who reads a page looks at a portion at a time, and comes again at once with the next.
  constexpr std::chrono::milliseconds kNextComesWithin{2};
  const auto end = std::chrono::steady_clock::now() + most;
  std::unique_lock lock(mutex_);
  std::move(looks_after_commit_.begin(), looks_after_commit_.end(), std::back_inserter(looks_));
  looks_after_commit_.clear();
  looking_ = std::this_thread::get_id();
  std::size_t waiting = looks_.size();  // these are answered in any case
  do {
    if (looks_.empty()) return;
    Look look = std::move(looks_.front());
    looks_.pop_front();
    lock.unlock();
    look(*pipeline_, *store_);
    lock.lock();
    if (waiting > 0 && --waiting > 0) continue;
    if (std::chrono::steady_clock::now() >= end) return;
  } while (waiting > 0 || changed_.wait_for(lock, kNextComesWithin, [this] { return !looks_.empty(); }));
}

std::size_t KafkaEngine::queued_bytes() const { return publisher_->queued_bytes(); }

void KafkaEngine::when_room(std::function<void()> wake) {
  {
    std::lock_guard lock(mutex_);
    if (publisher_->queued_bytes() > options_.queue_bytes_max / 2 && !draining_) {
      waiting_for_room_.push_back(std::move(wake));
      return;
    }
  }
  wake();
}

bool KafkaEngine::submit(std::vector<Submitted>&& events, Done done) {
  std::size_t bytes = 0;
  for (const Submitted& event : events) bytes += memory_of(event);
  std::size_t queued = publisher_->queued_bytes();
  if (draining_ || state_ == EngineState::failed) return false;
  if (queued != 0 && queued + bytes > options_.queue_bytes_max) return false;

  /// Answers once the last of the events is published or rejected.
  struct Waiting {
    std::vector<Answer> answers;
    Done done;
    std::atomic<bool> failed{false};
    ~Waiting() {
      if (failed) answers.clear();
      done(std::move(answers));
    }
  };
  auto waiting = std::make_shared<Waiting>();
  waiting->answers.resize(events.size());
  waiting->done = std::move(done);
  TimeMs now = clock_.now();
  TimeMs latest = options_.time_source == TimeSource::wall ? latest_event(clock_.state()) : kLatestEventMs;
  v1::Event event;
  for (std::size_t at = 0; at < events.size(); ++at) {
    Submitted& submitted = events[at];
    Answer& answer = waiting->answers[at];
    std::optional<Rejection> wrong = submitted.unreadable;
    Topic topic = Topic::rejected;
    if (!wrong && !event.ParseFromString(submitted.event)) wrong = unreadable_event(submitted.event);
    if (!wrong && event.has_audit_noted() && !submitted.own) wrong = not_own_note();
    if (!wrong) {
      Result<Address> address = check(event, latest);
      if (address) wrong = not_vouched_for(options_, event, submitted.by != nullptr);
      if (address && !wrong) {
        // Nothing goes out behind what did not: a TimeReached would say that it had come.
        if (waiting->failed) continue;
        answer.published = true;
        answer.warnings = warnings(event);
        // Reference data, and words to all centres, carry no grade.
        const Seal* seal = options_.store.seal.get();
        const bool sealed = seal && !address.value().everywhere && !event.has_time_reached();
        // Whoever reads a sealed one has its event as it is written here, not as it came.
        if (sealed) submitted.event = event.SerializeAsString();
        std::string by = submitted.by && options_.seal ? said_by_header(*submitted.by, submitted.event, options_.seal) : std::string();
        if (sealed) submitted.event = seal_event(*seal, event);
        auto told = [waiting](bool published) {
          if (!published) waiting->failed = true;
        };
        bool queued_now = publisher_->publish(event, submitted.event, address.value(), std::move(told), by);
        if (!queued_now) waiting->failed = true;
        continue;
      }
      if (!wrong) wrong = std::move(address).error();
    }
    answer.verdict = {Verdict::Kind::rejected, wrong, 0, ""};
    v1::Rejected record = rejected_record(topic, submitted.event, submitted.unreadable.has_value() && submitted.json, *wrong, now);
    std::lock_guard lock(mutex_);
    if (state_ == EngineState::failed || state_ == EngineState::stopped) {
      waiting->failed = true;
      continue;
    }
    rejections_.push_back({std::move(record),
                           [waiting, at](std::string id) {
                             if (id.empty()) waiting->failed = true;
                             waiting->answers[at].verdict.rejected_id = std::move(id);
                           },
                           clock_.passed_ms()});
    if (wake_) wake_();
  }
  return true;
}

// ---- who has what ----

void KafkaEngine::advertise(const std::string& url) {
  std::lock_guard lock(mutex_);
  url_ = url;
}

std::vector<const InstanceRecord*> KafkaEngine::holders() const {
  std::vector<const InstanceRecord*> found(partitions(), nullptr);
  for (const auto& [name, record] : instances_) {
    if (name == instance_name(settings_)) continue;
    for (std::uint32_t partition : record.partitions)
      if (partition < found.size() && (!found[partition] || found[partition]->offset < record.offset)) found[partition] = &record;
  }
  return found;
}

std::optional<Owners::Owner> KafkaEngine::owner(std::uint32_t partition) const {
  std::lock_guard lock(mutex_);
  if (std::binary_search(owned_.begin(), owned_.end(), partition)) return Owner{true, url_};
  const InstanceRecord* holder = holders().at(partition);
  if (!holder) return std::nullopt;
  return Owner{false, holder->url};
}

std::optional<std::vector<std::string>> KafkaEngine::others() const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> urls;
  auto held = holders();
  for (std::uint32_t partition : owned_) held[partition] = nullptr;
  std::size_t elsewhere = 0;
  for (const InstanceRecord* holder : held) {
    if (!holder) continue;
    ++elsewhere;
    if (std::find(urls.begin(), urls.end(), holder->url) == urls.end()) urls.push_back(holder->url);
  }
  if (owned_.size() + elsewhere < partitions()) return std::nullopt;
  return urls;
}

bool KafkaEngine::holds_nothing() const {
  std::lock_guard lock(mutex_);
  return state_ == EngineState::running && owned_.empty();
}

/// With the mutex held.
std::vector<LateRejection> KafkaEngine::take_overdue_rejections() {
  std::vector<LateRejection> overdue;
  if (!owned_.empty()) return overdue;
  TimeMs before = clock_.passed_ms() - settings_.kafka_request_wait_ms;
  auto kept = std::stable_partition(rejections_.begin(), rejections_.end(), [&](const LateRejection& one) { return one.since_ms > before; });
  overdue.assign(std::make_move_iterator(kept), std::make_move_iterator(rejections_.end()));
  rejections_.erase(kept, rejections_.end());
  return overdue;
}

std::vector<Owners::Instance> KafkaEngine::instances() const {
  std::lock_guard lock(mutex_);
  std::map<std::string, Instance> found;
  auto held = holders();
  for (std::uint32_t partition : owned_) held[partition] = nullptr;
  for (std::uint32_t partition = 0; partition < held.size(); ++partition) {
    if (!held[partition]) continue;
    Instance& one = found[held[partition]->name];
    one.name = held[partition]->name;
    one.url = held[partition]->url;
    one.partitions.push_back(partition);
  }
  found[instance_name(settings_)] = {instance_name(settings_), url_, owned_, true};
  std::vector<Instance> listed;
  for (auto& [name, one] : found) listed.push_back(std::move(one));
  return listed;
}

// ---- the thread ----

void KafkaEngine::fail(std::string why) {
  std::deque<Look> looks;
  std::vector<LateRejection> rejections;
  std::vector<std::function<void()>> wakes;
  {
    std::lock_guard lock(mutex_);
    failure_ = std::move(why);
    state_ = EngineState::failed;
    owned_.clear();
    looks.swap(looks_);
    std::move(looks_after_commit_.begin(), looks_after_commit_.end(), std::back_inserter(looks));
    looks_after_commit_.clear();
    rejections.swap(rejections_);
    wakes.swap(waiting_for_room_);
  }
  for (LateRejection& one : rejections) one.done("");
  for (Look& look : looks) look(*pipeline_, *store_);
  for (auto& wake : wakes) wake();
}

void KafkaEngine::run() {
  for (;;) {
    try {
      run_session();
      break;
    } catch (const Lost& lost) {
      try {
        if (auto fenced = dynamic_cast<const Fenced*>(&lost)) expect_own_name(*fenced);
        expect_brokers();
      } catch (const KafkaError& error) {
        return fail(error.what());
      }
      // Everything in memory goes; what is true stands on Kafka, and the next session restores from there.
      if (kafka_probe_) kafka_probe_->transaction("lost", 0);
      log::write(log::Level::warning, "the session on Kafka was lost, beginning another", {{"why", std::string(lost.what())}});
      note_failure();
      if (failed_ms_ - failing_since_ms_ > settings_.kafka_broker_wait_seconds * 1000)
        return fail("Kafka: nothing could be committed for " + std::to_string(settings_.kafka_broker_wait_seconds) + " s, at last: " + lost.what() +
                    ". Check the brokers; see kafka.broker_wait_seconds.");
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, std::chrono::milliseconds(200), [&] { return draining_.load(); });
    } catch (const KafkaError& error) {
      return fail(error.what());
    } catch (const StoreError& error) {
      return fail(error.what());
    }
    if (draining_) break;
  }
  std::vector<LateRejection> rejections;
  std::vector<std::function<void()>> wakes;
  {
    std::lock_guard lock(mutex_);
    state_ = EngineState::stopped;
    owned_.clear();
    rejections.swap(rejections_);
    wakes.swap(waiting_for_room_);
  }
  for (LateRejection& one : rejections) one.done("");
  serve_looks();
  for (auto& wake : wakes) wake();
}

/// A failure long after the one before it, or after a commit, is the first of its kind: in between, nothing failed that was tried.
void KafkaEngine::note_failure() {
  TimeMs now = clock_.passed_ms();
  if (failing_since_ms_ == 0 || now - failed_ms_ > 2 * settings_.kafka_broker_wait_seconds * 1000) failing_since_ms_ = now;
  failed_ms_ = now;
}

void KafkaEngine::run_session() {
  Session session(*this);
  session.run();
}

void KafkaEngine::ask_brokers(rd_kafka_t* client) {
  TimeMs asked = clock_.passed_ms();
  const rd_kafka_metadata_t* found = nullptr;
  rd_kafka_resp_err_t error = rd_kafka_metadata(client, 0, nullptr, &found, kAskBrokersMs);
  rd_kafka_poll(client, 0);
  if (!error) {
    rd_kafka_metadata_destroy(found);
    if (brokers_away_since_ms_.exchange(0) != 0) log::write(log::Level::info, "Kafka answers again");
  } else if (brokers_answer()) {
    log::write(log::Level::warning, "Kafka does not answer",
               {{"brokers", settings_.kafka_bootstrap_servers}, {"error", text_of(error)}, {"seconds", settings_.kafka_broker_wait_seconds}});
    brokers_away_since_ms_ = asked;
  }
}

std::string KafkaEngine::brokers_missed() const {
  TimeMs since = brokers_away_since_ms_;
  if (since == 0 || clock_.passed_ms() - since < settings_.kafka_broker_wait_seconds * 1000) return "";
  return "Kafka: no broker answered at kafka.bootstrap_servers = " + settings_.kafka_bootstrap_servers + " for " +
         std::to_string(settings_.kafka_broker_wait_seconds) +
         " s. Check that Kafka runs and can be reached; kafka.broker_wait_seconds says how long it may be away.";
}

void KafkaEngine::expect_brokers() const {
  if (std::string why = brokers_missed(); !why.empty()) throw KafkaError(why);
}

void KafkaEngine::expect_own_name(const Fenced& fenced) {
  if (!own_name_.is_anothers(steady_ms(), connection_broke_ms())) return;
  throw KafkaError("Kafka: another instance took the place of this one, again (" + std::string(fenced.what()) +
                   "): both have kafka.instance = " + instance_name(settings_) + " in kafka.group = " + settings_.kafka_group +
                   ". Give each instance a name of its own, or stop one of them.");
}

void KafkaEngine::end_if_stuck(std::int64_t since_ms) {
  std::string why = brokers_missed();
  // A call cannot return while there are no brokers.
  std::int64_t waited = steady_ms() - std::max(since_ms, away_steady_ms_);
  if (why.empty() && waited > settings_.kafka_transaction_timeout_ms * kStuckTimeouts)
    why = "Kafka: a call did not return for " + std::to_string(waited) +
          " ms, many times kafka.transaction_timeout_ms. Start resultsd again: nothing is lost.";
  if (why.empty()) return;
  log::write(log::Level::critical, "the engine failed; what was not committed is read again after the next start", {{"why", why}});
  log::flush();
  ::_exit(kStuckExit);
}

void KafkaEngine::watch() {
  Client asking;
  std::int64_t asked = 0;
  std::unique_lock lock(mutex_);
  while (state_ != EngineState::stopped && state_ != EngineState::failed) {
    changed_.wait_for(lock, std::chrono::milliseconds(500));
    std::vector<std::function<void()>> wakes;
    if (publisher_->queued_bytes() <= options_.queue_bytes_max / 2) wakes.swap(waiting_for_room_);
    std::vector<LateRejection> overdue = take_overdue_rejections();
    Transaction* transaction = transaction_;
    std::int64_t since = transaction ? transaction->blocking_since_ms.load() : 0;
    lock.unlock();
    for (auto& wake : wakes) wake();
    for (LateRejection& one : overdue) one.done("");
    if (!draining_ && steady_ms() - asked >= kAskBrokersEveryMs) {
      try {
        if (!asking) asking = make_client(RD_KAFKA_PRODUCER, make_config(common_properties(settings_, "watchdog")));
        ask_brokers(asking.get());
      } catch (const KafkaError& error) {  // no thread or descriptor is left for it; later there may be
        log::write(log::Level::warning, "brokers cannot be asked whether they answer", {{"why", std::string(error.what())}});
      }
      asked = steady_ms();
      if (!brokers_answer()) away_steady_ms_ = asked;
    }
    if (since != 0) end_if_stuck(since);
    lock.lock();
  }
}

}  // namespace vtq::kafka
