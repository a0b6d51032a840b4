// The facts of one centre that wait for what they name: for their entry's registration, or for reference data. Each is found by what it
// waits for, so that a registration looks at its own alone. Facts are taken out to be tried again, and put back if they still wait. The
// partition's thread only.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "pipeline/run/ports.h"

namespace vtq {

/// The rule that a fact without a registered entry waits by.
constexpr std::string_view kEntryRegistered = "entry-registered";

/// What tells a fact from all others: its moment and a hash of all that it says, 128 bits wide.
WaitingKey waiting_key(const v1::Event& event);

struct WaitingFact {
  WaitingRecord record;
  /// As `check` found it; the failure when it was stored by a version that let it pass.
  Result<Address> address;

  bool waits_for_entry() const { return address.has_value() && record.why.rule == kEntryRegistered; }
};

class Waiting {
 public:
  bool empty() const { return facts_.empty(); }
  std::size_t size() const { return facts_.size(); }
  bool has(const WaitingKey& key) const { return facts_.contains(key); }
  /// Whether any is of a form that is not taken any more: it is to be rejected.
  bool any_unreadable() const { return unreadable_ > 0; }
  bool any_for(const EntryKey& entry) const { return by_entry_.contains(entry); }
  /// Puts a fact in that is not there yet.
  void put(WaitingFact&& fact);
  /// Null: it waits no more.
  WaitingRecord* find(const WaitingKey& key);

  std::vector<WaitingFact> take_for(const EntryKey& entry);
  std::vector<WaitingFact> take_for_reference();
  /// Those whose time is over at `now`.
  std::vector<WaitingFact> take_expired(TimeMs now);
  /// When the next one's time is over; kNever.
  TimeMs next_expiry() const { return by_expiry_.empty() ? kNever : by_expiry_.begin()->first; }

 private:
  WaitingFact take(const WaitingKey& key);

  std::map<WaitingKey, WaitingFact> facts_;
  std::map<EntryKey, std::set<WaitingKey>> by_entry_;
  std::set<WaitingKey> for_reference_;
  std::set<std::pair<TimeMs, WaitingKey>> by_expiry_;
  std::size_t unreadable_ = 0;
};

/// A stored fact, read and checked again.
WaitingFact read_waiting(WaitingRecord&& record);

}  // namespace vtq
