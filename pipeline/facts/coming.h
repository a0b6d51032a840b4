// How a fact comes into the slots of an entry: of those for one slot the latest holds. Internal to pipeline/facts/ and pipeline/kinds/.
#pragma once

#include <vector>

#include "pipeline/facts/reference.h"

namespace vtq {

/// A fact on its way into the slots of an entry. Lives as long as the event.
class Coming {
 public:
  /// `clash`: what it meets in its slots; may be null.
  Coming(EntryFacts& facts, const v1::Event& event, const Stamp& stamp, Clash* clash);
  Coming(const Coming&) = delete;
  Coming& operator=(const Coming&) = delete;

  /// Takes the slot over when the fact is later than what it holds.
  Merged take(Stamp& slot);
  /// The same; at one moment the fact that stops goes before one that does not.
  Merged take(Stamp& slot, bool stops);

  /// Keeps who said what holds now; who said what holds no slot any more is forgotten. Once all slots were asked for.
  void keep_sayings();

  const Stamp stamp;

 private:
  bool later_than(const Stamp& held);

  EntryFacts& facts_;
  Said said_;
  Clash* clash_;
  const Sayings::Look look_;
  std::vector<Stamp> replaced_;
  bool taken_ = false;
};

/// Particulars are shared and never changed: a changed copy takes their place.
template <class Change>
void change_particulars(EntryFacts& facts, Change change) {
  auto changed = facts.particulars ? std::make_shared<Particulars>(*facts.particulars) : std::make_shared<Particulars>();
  change(*changed);
  facts.particulars = *changed == Particulars{} ? nullptr : std::move(changed);
}

}  // namespace vtq
