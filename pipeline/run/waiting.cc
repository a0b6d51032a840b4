#include "pipeline/run/waiting.h"

namespace vtq {

WaitingKey waiting_key(const v1::Event& event) {
  constexpr std::uint64_t kOtherSeed = 0x9e3779b97f4a7c15;
  std::string content = content_of(event);
  return {stamp_of(event).moment(), long_hash(content), long_hash(content, kOtherSeed)};
}

void Waiting::put(WaitingFact&& fact) {
  const WaitingKey key = fact.record.key;
  if (fact.waits_for_entry())
    by_entry_[fact.address.value().entry].insert(key);
  else
    for_reference_.insert(key);
  if (!fact.address) ++unreadable_;
  by_expiry_.insert({fact.record.until_ms, key});
  facts_.insert_or_assign(key, std::move(fact));
}

WaitingRecord* Waiting::find(const WaitingKey& key) {
  auto at = facts_.find(key);
  return at == facts_.end() ? nullptr : &at->second.record;
}

WaitingFact Waiting::take(const WaitingKey& key) {
  WaitingFact fact = std::move(facts_.extract(key).mapped());
  if (fact.waits_for_entry()) {
    auto at = by_entry_.find(fact.address.value().entry);
    at->second.erase(key);
    if (at->second.empty()) by_entry_.erase(at);
  } else {
    for_reference_.erase(key);
  }
  if (!fact.address) --unreadable_;
  by_expiry_.erase({fact.record.until_ms, key});
  return fact;
}

std::vector<WaitingFact> Waiting::take_for(const EntryKey& entry) {
  std::vector<WaitingFact> taken;
  auto at = by_entry_.find(entry);
  if (at == by_entry_.end()) return taken;
  for (const WaitingKey& key : std::vector(at->second.begin(), at->second.end())) taken.push_back(take(key));
  return taken;
}

std::vector<WaitingFact> Waiting::take_for_reference() {
  std::vector<WaitingFact> taken;
  for (const WaitingKey& key : std::vector(for_reference_.begin(), for_reference_.end())) taken.push_back(take(key));
  return taken;
}

std::vector<WaitingFact> Waiting::take_expired(TimeMs now) {
  std::vector<WaitingFact> taken;
  while (next_expiry() <= now) taken.push_back(take(by_expiry_.begin()->second));
  return taken;
}

WaitingFact read_waiting(WaitingRecord&& record) {
  v1::Event event;
  if (event.ParseFromString(record.event)) {
    Result<Address> address = check_stored(event);
    return {std::move(record), std::move(address)};
  }
  Rejection why{"event", "protobuf-form", std::to_string(record.event.size()) + " bytes",
                "The stored bytes are not a vtq.v1.Event that this version reads; send the fact again."};
  return {std::move(record), std::move(why)};
}

}  // namespace vtq
