#include "pipeline/run/pipeline.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <stdexcept>

namespace vtq {
namespace {

/// In wall-clock mode: what is due is looked for a few times a second, and may have to wait for the commit of a large batch.
constexpr TimeMs kWakeLateMaxMs = 5'000;

/// Fewer events than this cost less than it takes other threads to begin.
constexpr std::size_t kWorthSharing = 64;

/// Whether an act is worth a record. Of what is said of a centre that is which URN and UKPRN it has: they decide whose results somebody sees who
/// signs in for an organisation.
bool is_act(const Reference& reference, const v1::Event& event) {
  if (!event.has_centre_defined()) return true;
  const Reference::Slot* held = reference.in_force(event);
  v1::Event before;
  if (held && !before.ParseFromArray(held->event.data(), static_cast<int>(held->event.size()))) return true;
  return before.centre_defined().urn() != event.centre_defined().urn() || before.centre_defined().ukprn() != event.centre_defined().ukprn();
}

}  // namespace

Pipeline::Pipeline(const Policy& policy, TimeSource time_source, std::uint32_t partitions, StateStore& store, Outputs& outputs, Crew* crew)
    : policy_(policy),
      time_source_(time_source),
      store_(store),
      outputs_(outputs),
      crew_(crew ? *crew : alone_),
      budgets_(crew_.lanes() == 1 ? 1 : partitions),
      to_apply_(crew_.lanes() == 1 ? 0 : partitions),
      partitions_(partitions) {
  for (WakeBudget& budget : budgets_) budget.most = budget_left();
}

std::size_t Pipeline::budget_left() const {
  std::size_t left = std::max<std::size_t>(policy_.woken_per_commit_max, 1);
  for (const WakeBudget& budget : budgets_) left -= std::min(left, budget.woken);
  return left;
}

/// What is left until a commit is due, in equal shares to the partitions in which something wakes until `to`: where that is one, it has as much as
/// with one lane.
void Pipeline::share_budget(TimeMs to) {
  auto wakes = [to](const Partition* partition) { return partition->next_wake() <= std::max(to, partition->time()); };
  const std::size_t left = budget_left();
  const auto sharing = static_cast<std::size_t>(std::count_if(owned_.begin(), owned_.end(), wakes));
  for (WakeBudget& budget : budgets_)
    budget.most = budget.woken + (left == 0 ? 0 : std::max<std::size_t>(left / std::max<std::size_t>(sharing, 1), 1));
}

template <class Work>
void Pipeline::each_owned(Work work) {
  if (!together_) {
    for (Partition* partition : owned_) work(*partition);
    return;
  }
  crew_.each(owned_.size(), [&](std::size_t at) { work(*owned_[at]); });
}

template <class Step>
bool Pipeline::all_owned(TimeMs to, Step step) {
  if (budgets_.size() == 1)
    return std::all_of(owned_.begin(), owned_.end(), [&](Partition* partition) { return step(*partition, budgets_.front()); });
  share_budget(to);
  came_.assign(partitions(), true);
  each_owned([&](Partition& partition) { came_[partition.index()] = step(partition, budget_of(partition)); });
  return std::find(came_.begin(), came_.end(), false) == came_.end();
}

void Pipeline::restore() {
  restore_reference();
  for (std::uint32_t index = 0; index < partitions(); ++index) take(index);
}

void Pipeline::restore_reference() {
  store_.each_reference([&](std::string_view slot, const Stamp& stamp, std::string_view event) {
    auto fact = stored_fact(event);
    if (!fact)
      throw std::runtime_error("Stored reference data: " + std::string(slot) +
                               " is of a form that this version does not take; start the version that took it, send the fact anew, and "
                               "start this version again.");
    reference_.restore(slot, stamp, fact->event, fact->address, event);
  });
}

void Pipeline::take(std::uint32_t index) {
  TimeMs wake_late_max_ms = time_source_ == TimeSource::wall ? kWakeLateMaxMs : kNever;
  auto& partition = partitions_[index] = std::make_unique<Partition>(index, policy_, wake_late_max_ms, reference_, store_, outputs_);
  partition->restore();
  owned_.insert(
      std::upper_bound(owned_.begin(), owned_.end(), index, [](std::uint32_t wanted, const Partition* held) { return wanted < held->index(); }),
      partition.get());
}

void Pipeline::give_up(std::uint32_t index) {
  std::erase(owned_, partitions_[index].get());
  partitions_[index].reset();
}

std::uint32_t Pipeline::partition_of(CentreId centre) const {
  return murmur2_partition(text_of(centre), static_cast<std::uint32_t>(partitions_.size()));
}

TimeMs Pipeline::next_wake() const {
  TimeMs next = kNever;
  for (const Partition* partition : owned_) next = std::min(next, partition->next_wake());
  return next;
}

TimeMs Pipeline::time() const {
  TimeMs latest = 0;
  for (const Partition* partition : owned_) latest = std::max(latest, partition->time());
  return latest;
}

Totals Pipeline::totals() const {
  Totals sum;
  for (const Partition* partition : owned_)
    for (const auto& [cell, entries] : partition->totals()) sum[cell] += entries;
  return sum;
}

Pipeline::Progress Pipeline::process(std::span<const Inbound> batch, TimeMs now, bool frozen) {
  round_.verdicts.assign(batch.size(), Verdict{});
  round_.frozen = frozen && time_source_ == TimeSource::wall;
  together_ = budgets_.size() > 1 && (time_source_ == TimeSource::event || batch.size() >= kWorthSharing || next_wake() <= now);
  return time_source_ == TimeSource::event ? process_by_event_time(batch) : process_window(batch, now);
}

Pipeline::Progress Pipeline::process_reference(std::span<const Inbound> batch, bool frozen) {
  round_.verdicts.assign(batch.size(), Verdict{});
  round_.frozen = frozen && time_source_ == TimeSource::wall;
  together_ = budgets_.size() > 1;
  for (std::size_t at = 0; at < batch.size(); ++at) apply_everywhere(batch[at], static_cast<std::int64_t>(at));
  spread_reference_changes();
  return {batch.size(), close_window()};
}

Pipeline::Progress Pipeline::process_window(std::span<const Inbound> batch, TimeMs now) {
  stop_first(batch, now);
  if (!advance_all(now)) {
    finish_stopped(now);
    return {0, false};
  }
  // Reference data first, then registrations: what others refer to is there when they come.
  auto rank = [&](std::uint32_t at) { return std::pair(batch[at].address.topic, !batch[at].event->has_registered()); };
  std::vector<std::uint32_t> order(batch.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return rank(a) < rank(b); });
  apply_in_order(batch, order);
  stops_applied_.clear();
  spread_reference_changes();
  return {batch.size(), close_window()};
}

void Pipeline::apply_in_order(std::span<const Inbound> batch, const std::vector<std::uint32_t>& order) {
  for (auto& places : to_apply_) places.clear();
  for (std::uint32_t at : order) {
    const Address& address = batch[at].address;
    auto stopped = stops_applied_.find(at);
    if (stopped != stops_applied_.end()) {
      round_.verdicts[at] = std::move(stopped->second);
    } else if (!together_) {
      apply(batch[at], at);
    } else if (address.everywhere) {
      // What comes before it does not see it.
      apply_by_partition(batch);
      apply_everywhere(batch[at], at);
    } else {
      std::uint32_t to = partition_of(address.centre);
      if (!partitions_[to]) throw std::logic_error("Pipeline: an event of a partition that was not taken");
      to_apply_[to].push_back(at);
    }
  }
  if (together_) apply_by_partition(batch);
}

/// Applies what was put down for each partition, in its order there.
void Pipeline::apply_by_partition(std::span<const Inbound> batch) {
  if (std::all_of(to_apply_.begin(), to_apply_.end(), [](const auto& places) { return places.empty(); })) return;
  each_owned([&](Partition& partition) {
    std::vector<std::uint32_t>& places = to_apply_[partition.index()];
    for (std::uint32_t at : places) round_.verdicts[at] = partition.apply(batch[at], at, round_);
    places.clear();
  });
}

/// A commit is due before the batch is through. What stops something is kept with it, and counts as known when the batch comes again: so what
/// follows from it is worked out before, however much wakes on the way.
void Pipeline::finish_stopped(TimeMs now) {
  each_owned([&](Partition& partition) {
    if (!partition.has_touched()) return;
    WakeBudget unbounded{.most = std::numeric_limits<std::size_t>::max()};
    (void)partition.advance(now, round_, unbounded);
    partition.settle(round_);
  });
}

/// Applies what stops results before time moves on to a cut: what came before it is seen by it. What waits for anything else does not stop
/// here. The batch comes again when a commit was due in between; its stops have been applied then.
void Pipeline::stop_first(std::span<const Inbound> batch, TimeMs now) {
  if (!stops_applied_.empty() || next_wake() > now) return;
  for (std::size_t at = 0; at < batch.size(); ++at) {
    const v1::Event& event = *batch[at].event;
    const Address& address = batch[at].address;
    const FactKind& kind = *kind_of_fact(event);
    if (!kind.stops || !kind.stops(event)) continue;
    bool known = address.everywhere || !fits(event, address, reference_);
    if (address.subject == Subject::entry) known = known && partitions_[partition_of(address.centre)]->has_entry(address.centre, address.entry);
    if (!known) continue;
    apply(batch[at], static_cast<std::int64_t>(at));
    stops_applied_[at] = round_.verdicts[at];
  }
  if (!stops_applied_.empty()) spread_reference_changes();
}

Pipeline::Progress Pipeline::process_by_event_time(std::span<const Inbound> batch) {
  for (std::size_t at = 0; at < batch.size(); ++at) {
    auto token = static_cast<std::int64_t>(at);
    if (auto why = too_far_ahead(batch[at])) {
      const Address& to = batch[at].address;
      Partition& partition = to.everywhere ? *owned_.front() : *partitions_[partition_of(to.centre)];
      round_.verdicts[at] = partition.refuse(batch[at], std::move(*why), token, round_);
      continue;
    }
    if (!advance_for(batch[at])) {
      settle_all();
      return {at, false};
    }
    apply(batch[at], token);
  }
  spread_reference_changes();
  return {batch.size(), close_window()};
}

/// One wrong year would put everything that follows into the past.
std::optional<Rejection> Pipeline::too_far_ahead(const Inbound& inbound) const {
  TimeMs step = policy_.event_step_max_ms;
  if (step == kNever || inbound.event->has_time_reached() || !inbound.address.moves_time) return std::nullopt;
  const Address& to = inbound.address;
  TimeMs when = to.at_ms;
  if (!to.everywhere && when - partitions_[partition_of(to.centre)]->time() <= step) return std::nullopt;
  TimeMs reached = time();
  if (reached == 0 || when - reached <= step) return std::nullopt;
  std::string days = std::to_string(step / kDayMs);
  return Rejection{
      "occurredAt", "event-time-step", utc_text(when),
      "Event time has come to " + utc_text(reached) + ", and one event may move it by at most " + days +
          " days (time.event_step_days_max). Correct the date; if so much time has passed, send a TimeReached first, then this event again."};
}

/// Brings the partitions that an event is for to the time of the event. What that moment itself wakes waits until all that the batch has of
/// the moment is known: a stop dated at a cut, or at a result's own moment, stops it whatever their order.
bool Pipeline::advance_for(const Inbound& inbound) {
  if (!inbound.address.moves_time) return true;
  TimeMs when = inbound.address.at_ms;
  auto is_behind = [when](const Partition* partition) { return when > partition->time(); };
  auto bring = [&](Partition& partition, WakeBudget& budget) {
    if (!is_behind(&partition)) return true;
    partition.settle(round_);
    return partition.approach(when, round_, budget);
  };
  // What changed is worked out before the time at which it did has gone.
  if (inbound.address.everywhere) {
    if (std::any_of(owned_.begin(), owned_.end(), is_behind)) spread_reference_changes();
    return all_owned(when, bring);
  }
  Partition& partition = *partitions_[partition_of(inbound.address.centre)];
  if (!is_behind(&partition)) return true;
  spread_reference_changes();
  WakeBudget& budget = budget_of(partition);
  if (budgets_.size() > 1) budget.most = budget.woken + budget_left();
  return bring(partition, budget);
}

bool Pipeline::advance_all(TimeMs to) {
  return all_owned(to, [&](Partition& partition, WakeBudget& budget) { return partition.advance(to, round_, budget); });
}

/// Settles all partitions and derives what is due at their present times, as what a change of reference data concerns.
bool Pipeline::close_window() {
  settle_all();
  return all_owned(0, [&](Partition& partition, WakeBudget& budget) { return partition.advance(partition.time(), round_, budget); });
}

void Pipeline::settle_all() {
  each_owned([&](Partition& partition) { partition.settle(round_); });
}

void Pipeline::apply(const Inbound& inbound, std::int64_t token) {
  if (inbound.address.everywhere) return apply_everywhere(inbound, token);
  Partition& partition = *partitions_[partition_of(inbound.address.centre)];
  round_.verdicts[static_cast<std::size_t>(token)] = partition.apply(inbound, token, round_);
}

void Pipeline::apply_everywhere(const Inbound& inbound, std::int64_t token) {
  if (inbound.event->has_time_reached()) return;
  Verdict& verdict = round_.verdicts[static_cast<std::size_t>(token)];
  if (inbound.event->has_calendar_defined() && inbound.event->calendar_defined().gates_confirmed_by().empty())
    verdict.why = reference_.gates_not_earlier(inbound.event->calendar_defined());
  // What was read before has taken the place of what it changed.
  const bool act = inbound.read_before || is_act(reference_, *inbound.event);
  verdict.kind = kind_of(reference_.merge(*inbound.event, inbound.address, inbound.bytes, stamp_of(*inbound.event, inbound.bytes), &verdict.clash));
  // What is for all is written down once, with the first partition. What was read before that came may have gone unwritten.
  const bool new_here = verdict.kind != Verdict::Kind::duplicate || inbound.read_before;
  if (inbound.answered && act && new_here && partitions_.front())
    partitions_.front()->note_act(*inbound.event, inbound.address, inbound.by, verdict.kind);
}

bool Pipeline::spread_reference_changes() {
  if (!reference_.changed()) return false;
  // It may concern every entry there is.
  together_ = budgets_.size() > 1;
  std::vector<ReferenceChange> changes = reference_.take_changes();
  each_owned([&](Partition& partition) { partition.reference_changed(changes); });
  return true;
}

void Pipeline::write(StateWriter& writer) {
  for (const std::string& slot : reference_.take_changed_slots()) {
    const Reference::Slot& held = reference_.slots().find(slot)->second;
    writer.put_reference(slot, held.stamp, held.event);
  }
  each_owned([&](Partition& partition) { partition.write(writer); });
  for (WakeBudget& budget : budgets_) budget.woken = 0;
}

void Pipeline::evict(std::size_t entries_max) {
  if (!holds_more_than(entries_max)) return;
  each_owned([&](Partition& partition) { partition.evict(entries_max / owned_.size()); });
}

bool Pipeline::holds_more_than(std::size_t entries_max) const {
  std::size_t loaded = 0;
  for (const Partition* partition : owned_) loaded += partition->entries_loaded();
  return loaded > entries_max;
}

}  // namespace vtq
