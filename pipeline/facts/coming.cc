#include "pipeline/facts/coming.h"

#include <utility>

namespace vtq {

Coming::Coming(EntryFacts& facts, const v1::Event& event, const Stamp& of_event, Clash* clash)
    : stamp(of_event), facts_(facts), said_(said_by(event)), clash_(clash), look_(facts.said.look(of_event.tie, said_)) {
  if (clash_) clash_->id_reused = look_.otherwise;
}

Merged Coming::take(Stamp& slot) {
  if (slot == stamp) return Merged::duplicate;
  if (slot.set() && !later_than(slot)) return Merged::superseded;
  if (slot.set()) replaced_.push_back(slot);
  slot = stamp;
  taken_ = true;
  return Merged::applied;
}

Merged Coming::take(Stamp& slot, bool stops) {
  if (!slot.set() || slot.moment() != stamp.moment()) return take(slot);
  if (clash_) clash_->decided_by = DecidedBy::stop;
  if (!stops) return Merged::superseded;
  replaced_.push_back(std::exchange(slot, Stamp{}));
  return take(slot);
}

bool Coming::later_than(const Stamp& held) {
  if (held.moment() != stamp.moment()) return held.before(stamp);
  std::optional<Saying> before = facts_.said.find(held.tie);
  Order order = before ? compare(said_, before->said()) : Order{};
  if (clash_) clash_->decided_by = order.by;
  return order.order != 0 ? order.order > 0 : stamp.tie > held.tie;
}

void Coming::keep_sayings() {
  if (taken_) facts_.said.add(look_, stamp.tie, said_);
  for (const Stamp& one : replaced_) {
    bool holds = false;
    facts_.each_stamp([&](const Stamp& held) { holds = holds || held.tie == one.tie; });
    if (!holds) facts_.said.remove(one.tie);
  }
}

}  // namespace vtq
