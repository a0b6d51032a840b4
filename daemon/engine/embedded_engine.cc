#include "daemon/engine/embedded_engine.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>

#include "daemon/engine/vouched.h"

namespace vtq {
namespace {

using Steady = std::chrono::steady_clock;

double seconds_since(Steady::time_point from) { return std::chrono::duration<double>(Steady::now() - from).count(); }

/// Fewer events than this are read sooner than other threads begin.
constexpr std::size_t kWorthSharing = 64;

std::size_t bytes_of(const std::vector<Submitted>& events) {
  std::size_t bytes = 0;
  for (const Submitted& event : events) bytes += memory_of(event);
  return bytes;
}

std::string_view key_of(const Address& address, std::string& scratch) {
  scratch = address.everywhere ? "*" : text_of(address.centre);
  return scratch;
}

}  // namespace

struct EmbeddedEngine::Work {
  std::vector<Submitted> events;
  Done done;
  std::size_t bytes = 0;
  TimeMs queued_ms = 0;
};

/// A submitted event, read and checked by itself; or why it is rejected.
struct EmbeddedEngine::Reading {
  const v1::Event* event = nullptr;  // in an arena
  Address address;
  std::vector<Rejection> warnings;
  std::optional<Rejection> why;
};

EmbeddedEngine::EmbeddedEngine(const EngineOptions& options, Clock& clock, EngineProbe* probe)
    : options_(options),
      clock_(clock),
      probe_(probe),
      store_(Store::open(options.directory, store_options(options))),
      outputs_(std::make_unique<CountedOutputs>(*store_, probe, clock, options.instance)),
      crew_(options.threads) {
  while (parsings_.size() < crew_.lanes()) parsings_.push_back(std::make_unique<Parsing>());
  options_.policy.batch_numbers_from = store_->batch_numbers_from();
  pipeline_ = std::make_unique<Pipeline>(options_.policy, options.time_source, options.store.partitions, *store_, *outputs_, &crew_);
  pipeline_->restore();
  read_model_ = std::make_unique<ReadModel>(*store_, options_.policy, options_.time_source, options_.reads_in_memory_max);
  if (options_.time_source == TimeSource::wall) clock_.log_says(pipeline_->time(), store_->clock_confirmation());
  clock_.was(store_->clock_witness());
  last_progress_ms_ = clock_.passed_ms();
  state_ = EngineState::running;
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "pipeline-1");
}

EmbeddedEngine::~EmbeddedEngine() { drain(); }

bool EmbeddedEngine::submit(std::vector<Submitted>&& events, Done done) {
  std::size_t bytes = bytes_of(events);
  std::lock_guard lock(mutex_);
  if (state_ != EngineState::running) return false;
  // One body larger than the limit may pass when nothing else waits, or it never could.
  if (queued_bytes_ != 0 && queued_bytes_ + bytes > options_.queue_bytes_max) return false;
  queued_bytes_ += bytes;
  TimeMs queued = clock_.passed_ms();
  if (oldest_ms_ == 0) oldest_ms_ = queued;
  queue_.push_back({std::move(events), std::move(done), bytes, queued});
  changed_.notify_one();
  return true;
}

void EmbeddedEngine::when_room(std::function<void()> wake) {
  {
    std::lock_guard lock(mutex_);
    if (state_ == EngineState::running && queued_bytes_ > options_.queue_bytes_max / 2) {
      waiting_for_room_.push_back(std::move(wake));
      return;
    }
  }
  wake();
}

std::size_t EmbeddedEngine::queued_bytes() const {
  std::lock_guard lock(mutex_);
  return queued_bytes_;
}

void EmbeddedEngine::post(Look look) {
  std::unique_lock lock(mutex_);
  if (state_ == EngineState::stopped || state_ == EngineState::failed) {
    // No thread is left to run it: the caller does, against what was committed last.
    lock.unlock();
    look(*pipeline_, *store_);
    return;
  }
  looks_.push_back(std::move(look));
  changed_.notify_one();
}

double EmbeddedEngine::lag_seconds() const {
  TimeMs oldest = oldest_ms_;
  return oldest == 0 ? 0.0 : static_cast<double>(std::max<TimeMs>(clock_.passed_ms() - oldest, 0)) / 1000.0;
}

std::string EmbeddedEngine::failure() const {
  std::lock_guard lock(mutex_);
  return failure_;
}

void EmbeddedEngine::drain() {
  {
    std::lock_guard lock(mutex_);
    if (state_ == EngineState::running) state_ = EngineState::draining;
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void EmbeddedEngine::run() {
  std::vector<Work> works;
  try {
    for (;;) {
      std::deque<Look> looks;
      std::vector<std::function<void()>> wakes;
      works.clear();
      {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, std::chrono::milliseconds(options_.tick_ms),
                          [&] { return !queue_.empty() || !looks_.empty() || state_ != EngineState::running; });
        looks.swap(looks_);
        std::size_t events = 0;
        while (!queue_.empty() && (events == 0 || events + queue_.front().events.size() <= options_.batch_events_max)) {
          events += queue_.front().events.size();
          works.push_back(std::move(queue_.front()));
          queue_.pop_front();
        }
        if (works.empty() && looks.empty() && state_ == EngineState::draining) {
          state_ = EngineState::stopped;
          wakes.swap(waiting_for_room_);
        }
      }
      for (auto& wake : wakes) wake();
      if (state_ == EngineState::stopped) return;
      for (auto& look : looks) look(*pipeline_, *store_);
      if (auto witness = clock_.witness()) store_->put_clock_witness(*witness);
      run_batch(works);
      last_progress_ms_ = clock_.passed_ms();
    }
  } catch (const StoreError& error) {
    std::vector<std::function<void()>> wakes;
    std::deque<Look> looks;
    {
      std::lock_guard lock(mutex_);
      failure_ = error.what();
      state_ = EngineState::failed;
      for (Work& work : queue_) works.push_back(std::move(work));
      queue_.clear();
      wakes.swap(waiting_for_room_);
      looks.swap(looks_);
    }
    // Nothing of these was committed: their submitters hear that there is no answer.
    for (Work& work : works) work.done({});
    for (auto& look : looks) look(*pipeline_, *store_);
    for (auto& wake : wakes) wake();
  }
}

EmbeddedEngine::Reading EmbeddedEngine::read(const Submitted& submitted, TimeMs latest, google::protobuf::Arena& arena) const {
  Reading reading;
  if (submitted.unreadable) {
    reading.why = submitted.unreadable;
    return reading;
  }
  auto* event = google::protobuf::Arena::CreateMessage<v1::Event>(&arena);
  if (!event->ParseFromString(submitted.event)) {
    reading.why = {"event", "protobuf-form", std::to_string(submitted.event.size()) + " bytes",
                   "The bytes are not a vtq.v1.Event; serialise one with this version's schema."};
    return reading;
  }
  Result<Address> address = check(*event, latest);
  if (!address) {
    reading.why = std::move(address).error();
    return reading;
  }
  if (event->has_audit_noted() && !submitted.own) {
    reading.why = not_own_note();
    return reading;
  }
  if (auto why = not_vouched_for(options_, *event, submitted.by != nullptr)) {
    reading.why = std::move(why);
    return reading;
  }
  reading.event = event;
  reading.address = std::move(address).value();
  reading.warnings = warnings(*event);
  return reading;
}

/// Reads all events of a batch, in their order, each lane a run of them.
std::vector<EmbeddedEngine::Reading> EmbeddedEngine::read_in_lanes(const std::vector<Work>& works, std::size_t events, TimeMs latest) {
  std::vector<const Submitted*> submitted;
  submitted.reserve(events);
  for (const Work& work : works)
    for (const Submitted& event : work.events) submitted.push_back(&event);
  std::vector<Reading> readings(events);
  const std::size_t lanes = crew_.lanes();
  crew_.each(lanes, [&](std::size_t lane) {
    // Once more: its first block belongs to the thread that resets it.
    parsings_[lane]->arena.Reset();
    for (std::size_t at = events * lane / lanes; at < events * (lane + 1) / lanes; ++at)
      readings[at] = read(*submitted[at], latest, parsings_[lane]->arena);
  });
  return readings;
}

void EmbeddedEngine::run_batch(std::vector<Work>& works) {
  const ClockState clock = clock_.state();
  const TimeMs now = clock.now_ms;
  auto started = Steady::now();
  for (auto& parsing : parsings_) parsing->arena.Reset();

  struct Place {
    std::size_t work, event;
  };
  std::vector<std::vector<Answer>> answers(works.size());
  std::vector<Inbound> batch;
  std::vector<Place> places;
  std::string scratch;
  std::size_t events = 0;
  TimeMs latest = options_.time_source == TimeSource::wall ? latest_event(clock) : kLatestEventMs;

  auto reject = [&](Answer& answer, const Submitted& submitted, Rejection why, Topic topic) {
    std::string id = outputs_->rejected(0, rejected_record(topic, submitted.event, submitted.unreadable.has_value() && submitted.json, why, now));
    answer.verdict = {Verdict::Kind::rejected, std::move(why), 0, std::move(id)};
    if (probe_) probe_->event_processed(topic, Verdict::Kind::rejected);
  };

  auto take = [&](const Inbound& inbound, const Verdict& verdict, Answer& answer) {
    answer.verdict = verdict;
    if (verdict.kind == Verdict::Kind::set_aside) {
      if (probe_) probe_->event_processed(inbound.address.topic, verdict.kind);
      return;
    }
    for (Rejection& warning : warnings(*inbound.event, inbound.address, pipeline_->reference())) answer.warnings.push_back(std::move(warning));
    if (verdict.clash.any())
      for (Rejection& warning : warnings_of(verdict.clash, *inbound.event, verdict.kind == Verdict::Kind::accepted))
        answer.warnings.push_back(std::move(warning));
    std::uint32_t partition = inbound.address.everywhere ? 0 : pipeline_->partition_of(inbound.address.centre);
    store_->append_input(inbound.address.topic, partition, key_of(inbound.address, scratch), inbound.bytes);
    if (!probe_) return;
    probe_->event_processed(inbound.address.topic, verdict.kind);
    for (const Rejection& warning : answer.warnings) probe_->event_warned(warning.rule);
  };

  for (const Work& work : works) events += work.events.size();
  std::vector<Reading> readings;
  if (crew_.lanes() > 1 && events >= kWorthSharing) readings = read_in_lanes(works, events, latest);
  std::size_t read_before = 0;
  for (std::size_t work = 0; work < works.size(); ++work) {
    answers[work].resize(works[work].events.size());
    for (std::size_t at = 0; at < works[work].events.size(); ++at) {
      Submitted& submitted = works[work].events[at];
      Answer& answer = answers[work][at];
      Reading reading = readings.empty() ? read(submitted, latest, parsings_.front()->arena) : std::move(readings[read_before++]);
      if (reading.why) {
        reject(answer, submitted, std::move(*reading.why), Topic::rejected);
        continue;
      }
      answer.warnings = std::move(reading.warnings);
      if (auto before = said_before(*reading.event, reading.address, pipeline_->reference())) answer.warnings.push_back(std::move(*before));
      batch.push_back({.event = reading.event,
                       .bytes = submitted.event,
                       .address = std::move(reading.address),
                       .by = submitted.by ? std::string_view(*submitted.by) : std::string_view()});
      places.push_back({work, at});
    }
  }

  double process_seconds = seconds_since(started);
  double commit_seconds = 0;
  std::size_t consumed = 0;
  for (bool finished = false; !finished;) {
    auto processing = Steady::now();
    Pipeline::Progress progress = pipeline_->process(std::span(batch).subspan(consumed), now, !clock.trusted);
    for (std::size_t at = 0; at < progress.consumed; ++at)
      take(batch[consumed + at], pipeline_->verdicts()[at], answers[places[consumed + at].work][places[consumed + at].event]);
    consumed += progress.consumed;
    finished = progress.finished;
    pipeline_->write(*store_);
    process_seconds += seconds_since(processing);
    auto committing = Steady::now();
    store_->commit(now);
    commit_seconds += seconds_since(committing);
    pipeline_->evict(options_.entries_in_memory_max);
    last_progress_ms_ = clock_.passed_ms();
  }
  if (probe_ && events > 0) probe_->batch_processed(process_seconds, commit_seconds, events);

  std::vector<std::function<void()>> wakes;
  {
    std::lock_guard lock(mutex_);
    for (const Work& work : works) queued_bytes_ -= work.bytes;
    oldest_ms_ = queue_.empty() ? 0 : queue_.front().queued_ms;
    if (queued_bytes_ <= options_.queue_bytes_max / 2) wakes.swap(waiting_for_room_);
  }
  for (std::size_t work = 0; work < works.size(); ++work) works[work].done(std::move(answers[work]));
  works.clear();
  for (auto& wake : wakes) wake();
}

}  // namespace vtq
