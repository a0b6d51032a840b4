#include "pipeline/run/waiting_facts.h"

#include <algorithm>
#include <tuple>

#include "pipeline/run/rejected.h"

namespace vtq {

void WaitingFacts::loaded(Centre& centre) {
  first_expiry_ms_ = std::min(first_expiry_ms_, centre.waiting.next_expiry());
  if (centre.waiting.any_unreadable()) agenda_.retry(centre);
}

Verdict WaitingFacts::put(Centre& centre, const Inbound& inbound, Rejection why, TimeMs wait_ms, std::int64_t token, TimeMs now, const Round& round) {
  WaitingKey key = waiting_key(*inbound.event);
  if (centre.waiting.has(key)) return {Verdict::Kind::duplicate};
  TimeMs until_ms = now + wait_ms;
  WaitingRecord record{std::string(inbound.bytes), key, inbound.address.topic, until_ms, std::move(why), token, round.origin(token),
                       std::string(inbound.by)};
  if (centre.waiting.size() >= policy_.waiting_per_centre_max) {
    record.why.rule = "waiting-facts-max";
    record.why.message = "Too many facts of this centre wait already. " + record.why.message;
    return reject(std::move(record), partition_, now, outputs_);
  }
  Verdict verdict{Verdict::Kind::waiting, record.why, until_ms};
  put(centre, {std::move(record), inbound.address});
  changes_.keep_waiting(centre, key);
  count(centre);
  wakes_.wake_by(centre, until_ms);
  return verdict;
}

void WaitingFacts::put(Centre& centre, WaitingFact&& fact) {
  first_expiry_ms_ = std::min(first_expiry_ms_, fact.record.until_ms);
  centre.waiting.put(std::move(fact));
}

void WaitingFacts::put_back(Centre& centre, WaitingFact&& fact, Rejection&& why) {
  WaitingRecord& record = fact.record;
  // It may wait for something else than before.
  if (std::tie(why.rule, why.field, why.value) != std::tie(record.why.rule, record.why.field, record.why.value)) {
    record.why = std::move(why);
    changes_.keep_waiting(centre, record.key);
  }
  put(centre, std::move(fact));
}

void WaitingFacts::applied(Centre& centre, const WaitingRecord& record, Verdict&& verdict, Round& round) {
  round.set_verdict(record.token, std::move(verdict));
  changes_.erase_waiting(centre, record.key);
}

void WaitingFacts::rejected(Centre& centre, WaitingRecord&& record, TimeMs now, Round& round) {
  changes_.erase_waiting(centre, record.key);
  std::int64_t token = record.token;
  round.set_verdict(token, reject(std::move(record), partition_, now, outputs_));
}

void WaitingFacts::count(Centre& centre) {
  if (centre.waiting.size() == centre.summary.waiting) return;
  centre.summary.waiting = static_cast<std::uint32_t>(centre.waiting.size());
  changes_.keep_summary(centre);
}

void WaitingFacts::expire(const Centres& centres, TimeMs now, Round& round) {
  if (first_expiry_ms_ > now) return;
  // A centre was woken for what is over now, and so is among those that changed. What is rejected may add to them.
  for (std::size_t at = 0; at < changes_.centres().size(); ++at) expire(*changes_.centres()[at], now, round);
  first_expiry_ms_ = kNever;
  centres.each([&](const Centre& centre) { first_expiry_ms_ = std::min(first_expiry_ms_, centre.waiting.next_expiry()); });
}

void WaitingFacts::expire(Centre& centre, TimeMs now, Round& round) {
  if (!centre.loaded || centre.waiting.next_expiry() > now) return;
  for (WaitingFact& fact : centre.waiting.take_expired(now)) rejected(centre, std::move(fact.record), now, round);
  count(centre);
  // The wake that brought this one was for the first of them alone.
  wakes_.wake_by(centre, centre.waiting.next_expiry());
}

}  // namespace vtq
