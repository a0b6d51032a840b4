#include "daemon/audit/audit.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <future>
#include <memory>

#include "daemon/access/access_secret.h"
#include "daemon/engine/audit_seal.h"
#include "daemon/process/log.h"

namespace vtq {
namespace {

constexpr std::size_t kNoteIdBytes = 8;
constexpr std::size_t kRouteBytesMax = 100;
constexpr std::chrono::seconds kFinishMax{1};

}  // namespace

Audit::Audit(Engine& engine, const Clock& clock, std::uint32_t partitions, AuditOptions options)
    : engine_(engine), clock_(clock), partitions_(partitions), options_(std::move(options)), signed_sizes_(partitions), worker_("audit", [this] {
        tick();
      }) {}

Audit::~Audit() { stop(); }

void Audit::finish() {
  if (!options_.notes) return;
  auto offered = std::make_shared<std::promise<void>>();
  std::future<void> done = offered->get_future();
  worker_.post([this, offered] {
    try {
      note_refusals(true);
    } catch (const std::bad_alloc&) {
      // They stay in the log and in the metric.
    }
    worker_.post([offered] { offered->set_value(); });
  });
  done.wait_for(kFinishMax);
}

void Audit::stop() {
  worker_.stop();
  std::map<std::uint64_t, Waiting> left;
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
    left.swap(waiting_);
  }
  for (auto& [id, one] : left)
    if (one.then) one.then(false);
}

void Audit::note(v1::AuditNoted&& what) {
  if (options_.notes) keep(std::move(what), {});
}

void Audit::record(v1::AuditNoted&& what, std::function<void(bool)> then) {
  if (!options_.notes) return then(true);
  keep(std::move(what), std::move(then));
}

/// The event, serialised and sealed.
std::string Audit::sealed(v1::AuditNoted&& what) const {
  v1::Event event;
  event.set_id("audit-" + random_hex(kNoteIdBytes));
  event.set_source("resultsd");
  // Of a clock that was never trusted there is no moment that an event may have.
  const TimeMs at = std::clamp(clock_.state().now_ms, kEarliestEventMs, kLatestEventMs - 1);
  *event.mutable_occurred_at() = google::protobuf::util::TimeUtil::MillisecondsToTimestamp(at);
  if (what.centre().empty()) what.set_centre("*");
  *event.mutable_audit_noted() = std::move(what);
  if (options_.seal) event.mutable_audit_noted()->set_seal(options_.seal(note_text(event)));
  return event.SerializeAsString();
}

void Audit::keep(v1::AuditNoted&& what, std::function<void(bool)> then) {
  std::string event = sealed(std::move(what));
  std::uint64_t id = 0;
  {
    std::lock_guard lock(mutex_);
    if (!stopped_ && waiting_.size() < options_.waiting_max) {
      id = ++last_id_;
      waiting_.emplace(id, Waiting{.event = {}, .then = std::move(then), .until = Steady::now() + options_.patience});
    } else {
      ++dropped_;
    }
  }
  if (id != 0) {
    // On its thread: offering to Kafka may have to wait for a producer that is being replaced.
    worker_.post([this, id, event = std::move(event)]() mutable {
      try {
        offer(id, std::move(event));
      } catch (const std::bad_alloc&) {
        // Whoever waits for it is told that it is not on record.
      }
    });
    return;
  }
  options_.dropped(1);
  if (then) then(false);
}

/// What cannot be offered now is offered again.
void Audit::offer(std::uint64_t id, std::string event) {
  std::vector<Submitted> events;
  Submitted& submitted = events.emplace_back();
  submitted.event = event;
  submitted.own = true;
  if (engine_.submit(std::move(events), [this, id, event](std::vector<Answer>&& answers) { answered(id, event, answers); })) return;
  std::lock_guard lock(mutex_);
  if (auto at = waiting_.find(id); at != waiting_.end()) at->second.event = std::move(event);
}

void Audit::answered(std::uint64_t id, const std::string& event, const std::vector<Answer>& answers) {
  const bool taken = !answers.empty() && answers.front().verdict.kind != Verdict::Kind::rejected;
  std::function<void(bool)> then;
  bool dropped = false;
  {
    std::lock_guard lock(mutex_);
    auto at = waiting_.find(id);
    if (at == waiting_.end()) return;  // its time was up
    // Nobody knows whether it came to its topic: said again it bears the same id.
    if (answers.empty() && !at->second.then && !stopped_) {
      at->second.event = event;
      return;
    }
    then = std::move(at->second.then);
    waiting_.erase(at);
    dropped = !taken && !then;
    dropped_ += dropped;
  }
  if (dropped) {
    options_.dropped(1);
    log::write(log::Level::error, "a note for the audit was not taken",
               {{"rule", answers.empty() ? std::string() : answers.front().verdict.why->rule}});
  }
  if (then) then(taken);
}

void Audit::refused(const v1::AuditActor& by, const std::string& route, unsigned status, const std::string& rule) {
  if (!options_.notes) return;
  v1::AuditNoted note;
  note.set_centre("*");
  note.set_act("refused");
  note.set_outcome(rule.substr(0, 64));
  *note.mutable_by() = by;
  note.set_route(route.substr(0, kRouteBytesMax));
  note.set_detail(std::to_string(status));
  {
    std::lock_guard lock(mutex_);
    // Of callers who have no name, their addresses make no difference: anybody has as many as it likes.
    std::string kind = by.name() + "\n" + route + "\n" + std::to_string(status) + " " + rule;
    bool is_new = !refusals_.contains(kind);
    // Whoever is nobody may be refused in as many ways as there are: that hides no refusal of a caller who is known.
    const bool of_nobody = by.roles_size() == 0 && by.key().empty() && by.person().empty();
    auto nobodies = [&] { return std::count_if(refusals_.begin(), refusals_.end(), [](const auto& one) { return one.second.of_nobody; }); };
    const bool full =
        refusals_.size() >= options_.kinds_refused_max || (of_nobody && static_cast<std::size_t>(nobodies()) >= (options_.kinds_refused_max + 1) / 2);
    if (is_new && full) {
      kind.clear();
      is_new = false;
      note.clear_by();
      note.mutable_by()->set_name("others");
      note.set_route("");
      note.set_outcome("others");
    }
    Refusals& refusals = refusals_[kind];
    if (!is_new) ++refusals.more;
    refusals.of_nobody = of_nobody && !kind.empty();
    refusals.note = note;
    if (!is_new) return;
  }
  keep(std::move(note), {});
}

// ---- its thread ----

void Audit::tick() {
  try {
    offer_again();
    give_up_overdue();
    note_refusals();
    sign_checkpoints();
  } catch (const std::bad_alloc&) {
    // The next tick does what this one could not.
  }
}

void Audit::offer_again() {
  std::vector<std::pair<std::uint64_t, std::string>> unsent;
  std::uint64_t dropped = 0;
  {
    std::lock_guard lock(mutex_);
    for (auto& [id, one] : waiting_)
      if (!one.event.empty()) unsent.emplace_back(id, std::exchange(one.event, {}));
    if (waiting_.size() < options_.waiting_max / 2) dropped = std::exchange(dropped_, 0);
  }
  for (const auto& [id, event] : unsent) offer(id, event);
  if (dropped == 0) return;
  v1::AuditNoted note;
  note.set_act("dropped");
  note.set_outcome("audit-waiting-max");
  note.mutable_by()->set_name("resultsd");
  note.set_count(dropped);
  keep(std::move(note), {});
}

/// Of those that somebody waits for. The others have no time that is up.
void Audit::give_up_overdue() {
  std::vector<std::function<void(bool)>> overdue;
  {
    std::lock_guard lock(mutex_);
    const auto now = Steady::now();
    for (auto at = waiting_.begin(); at != waiting_.end();) {
      if (at->second.then && at->second.until <= now) {
        overdue.push_back(std::move(at->second.then));
        at = waiting_.erase(at);
      } else {
        ++at;
      }
    }
  }
  for (auto& then : overdue) then(false);
}

void Audit::note_refusals(bool at_the_end) {
  const auto now = Steady::now();
  if (!at_the_end && now - refusals_noted_ < options_.refusals_every) return;
  refusals_noted_ = now;
  std::vector<v1::AuditNoted> notes;
  {
    std::lock_guard lock(mutex_);
    for (auto& [kind, refusals] : refusals_) {
      if (refusals.more == 0) continue;
      refusals.note.set_count(refusals.more);
      notes.push_back(std::move(refusals.note));
    }
    refusals_.clear();
  }
  for (v1::AuditNoted& note : notes) keep(std::move(note), {});
}

void Audit::sign_checkpoints() {
  const auto now = Steady::now();
  if (!options_.key || now - checkpoints_signed_ < options_.checkpoint_every) return;
  checkpoints_signed_ = now;
  for (std::uint32_t partition = 0; partition < partitions_; ++partition) {
    AuditHead head = engine_.store().audit_head(partition);
    if (head.size == 0 || head.size == signed_sizes_[partition]) continue;
    signed_sizes_[partition] = head.size;
    options_.checkpoint(partition, signed_checkpoint(*options_.key, partition, head));
  }
}

}  // namespace vtq
