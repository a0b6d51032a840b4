// Facts that wait: put aside, tried again when what they name comes, rejected when their time is over.
#include "pipeline/run/partition.h"

#include <tuple>

#include "pipeline/facts/scrutiny_facts.h"
#include "pipeline/status/output_fields.h"

namespace vtq {

Verdict Partition::park(Centre& centre, const v1::Event& event, std::string_view bytes, const Address& address, Rejection why, TimeMs wait,
                        std::int64_t token, const Round& round) {
  WaitingKey key = waiting_key(event);
  if (centre.waiting.has(key)) return {Verdict::Kind::duplicate};
  Parked parked{std::string(bytes), key, address.topic, time_ + wait, std::move(why), token};
  if (round.origin_of) parked.origin = round.origin_of(token);
  if (centre.waiting.size() >= policy_.parked_per_centre_max) {
    parked.why.rule = "waiting-facts-max";
    parked.why.message = "Too many facts of this centre wait already. " + parked.why.message;
    return reject(std::move(parked));
  }
  Verdict verdict{Verdict::Kind::waiting, parked.why, parked.until_ms};
  put_waiting(centre, {std::move(parked), address});
  centre.waiting_to_store.push_back(key);
  count_waiting(centre);
  wake_by(centre, time_ + wait);
  return verdict;
}

void Partition::put_waiting(Centre& centre, WaitingFact&& fact) {
  first_expiry_ms_ = std::min(first_expiry_ms_, fact.parked.until_ms);
  centre.waiting.put(std::move(fact));
}

void Partition::count_waiting(Centre& centre) {
  centre.summary.parked = static_cast<std::uint32_t>(centre.waiting.size());
  centre.summary_to_store = true;
  mark(centre);
}

/// Facts that wait for reference data are tried again when the window closes.
void Partition::retry(Centre& centre) {
  if (centre.summary.parked == 0 || centre.retry_for_reference) return;
  centre.retry_for_reference = true;
  if (centre.retry_for.empty()) retrying_.push_back(&centre);
}

/// So are those that wait for the entry, which was registered.
void Partition::retry_for(Centre& centre, const EntryKey& entry) {
  if (!centre.waiting.any_for(entry)) return;
  if (centre.retry_for.empty() && !centre.retry_for_reference) retrying_.push_back(&centre);
  centre.retry_for.push_back(entry);
}

void Partition::retry_waiting(Round& round) {
  // What is applied may register entries that others wait for.
  while (!retrying_.empty()) {
    Centre& centre = load(retrying_.back()->id);
    retrying_.pop_back();
    std::vector<EntryKey> entries = std::exchange(centre.retry_for, {});
    bool for_reference = std::exchange(centre.retry_for_reference, false);
    if (!centre.set_aside.empty()) continue;
    for (const EntryKey& entry : entries)
      for (WaitingFact& fact : centre.waiting.take_for(entry)) retry(centre, std::move(fact), round);
    if (for_reference)
      for (WaitingFact& fact : centre.waiting.take_for_reference()) retry(centre, std::move(fact), round);
    if (centre.waiting.size() != centre.summary.parked) count_waiting(centre);
  }
}

void Partition::retry(Centre& centre, WaitingFact&& fact, Round& round) {
  Parked& parked = fact.parked;
  v1::Event event;
  if (!fact.address || !event.ParseFromString(parked.event)) {
    parked.why = fact.address ? Rejection{"event", "protobuf-form", "", "The stored bytes are no event; send the fact again."} : fact.address.error();
    return reject_waiting(centre, std::move(parked), round);
  }
  const Address& to = fact.address.value();
  auto unfit = fits(event, to, reference_);
  Entry* entry = to.subject == Subject::entry ? centre.find(to.entry) : nullptr;
  if (!unfit) unfit = waits_for(centre, entry, event, to);
  if (unfit) {
    // It may wait for something else than before.
    if (std::tie(unfit->rule, unfit->field, unfit->value) != std::tie(parked.why.rule, parked.why.field, parked.why.value)) {
      parked.why = std::move(*unfit);
      centre.waiting_to_store.push_back(parked.key);
      mark(centre);
    }
    put_waiting(centre, std::move(fact));
    return;
  }
  Stamp stamp = stamp_of(event, parked.event);
  if (auto full = one_too_many(centre, event, to, stamp)) {
    parked.why = std::move(*full);
    return reject_waiting(centre, std::move(parked), round);
  }
  Verdict verdict =
      to.subject == Subject::entry ? apply_to_entry(centre, entry, event, to, stamp) : apply_to_centre(centre, event, to, parked.event, stamp);
  if (parked.token >= 0) round.verdicts[static_cast<std::size_t>(parked.token)] = std::move(verdict);
  centre.waiting_to_erase.push_back(parked.key);
}

void Partition::expire_waiting(Centre& centre, Round& round) {
  if (!centre.loaded || centre.waiting.next_expiry() > time_) return;
  for (WaitingFact& fact : centre.waiting.take_expired(time_)) reject_waiting(centre, std::move(fact.parked), round);
  count_waiting(centre);
  // The wake that brought this one was for the first of them alone.
  wake_by(centre, centre.waiting.next_expiry());
}

void Partition::reject_waiting(Centre& centre, Parked&& parked, Round& round) {
  centre.waiting_to_erase.push_back(parked.key);
  std::int64_t token = parked.token;
  Verdict verdict = reject(std::move(parked));
  if (token >= 0) round.verdicts[static_cast<std::size_t>(token)] = std::move(verdict);
}

/// Every word of a hold, halt and sanction is kept, and looked through: one name has no more of them than can be borne. A word that is there
/// already is none too many.
std::optional<Rejection> Partition::one_too_many(const Centre& centre, const v1::Event& event, const Address& address, const Stamp& stamp) const {
  auto bears = [&](const auto& words) {
    return words.size() < Hold::kWordsMax || std::any_of(words.begin(), words.end(), [&](const auto& word) { return word.stamp == stamp; });
  };
  auto full = [&](const char* field, const std::string& name) {
    return Rejection{
        fact_name(event) + "." + field, "words-of-one-name-max", name,
        "More than " + std::to_string(Hold::kWordsMax) + " words of this name were sent for this centre; lift it, and use a hold of another name."};
  };
  if (event.has_hold_placed() || event.has_hold_lifted()) {
    const std::string& name = event.has_hold_placed() ? event.hold_placed().hold() : event.hold_lifted().hold();
    for (const Hold& hold : centre.facts.holds)
      if (hold.name == name && hold.awarding_organisation == *address.awarding_organisation && !bears(hold.words) &&
          !(event.has_hold_lifted() && hold.open()))
        return full("hold", name);
  }
  if (event.has_issuing_halted()) {
    const HaltWords* held = centre.facts.halt_words(*address.awarding_organisation, *address.series);
    bool lifts = held && held->halted() && !event.issuing_halted().halted();
    if (held && held->words.size() >= Hold::kWordsMax && !held->words.contains(stamp.moment()) && !lifts)
      return full("series", event.issuing_halted().series());
  }
  if (event.has_sanction_decided() && centre.facts.scrutiny) {
    const std::string& name = event.sanction_decided().sanction();
    std::vector<ScrutinyFacts::Sanction> words;
    for (const ScrutinyFacts::Sanction& one : centre.facts.scrutiny->sanction_words)
      if (one.sanction == name && one.about.awarding_organisation == *address.awarding_organisation) words.push_back(one);
    bool lifts = !words.empty() && words.back().in_force && !event.sanction_decided().in_force();
    if (!bears(words) && !lifts) return full("sanction", name);
  }
  return std::nullopt;
}

Verdict Partition::refuse(std::string_view bytes, Topic topic, Rejection why, std::int64_t token, const Round& round) {
  Parked refused{.event = std::string(bytes), .key = {}, .topic = topic, .until_ms = time_, .why = std::move(why), .token = token};
  if (round.origin_of) refused.origin = round.origin_of(token);
  return reject(std::move(refused));
}

Verdict Partition::reject(Parked&& parked) {
  v1::Rejected rejected;
  rejected.set_topic(std::string(topic_name(parked.topic)));
  rejected.set_original(std::move(parked.event));
  rejected.set_field(parked.why.field);
  rejected.set_rule(parked.why.rule);
  rejected.set_value(parked.why.value);
  rejected.set_message(parked.why.message);
  set_time(rejected.mutable_rejected_at(), time_);
  // Without its origin the record is still rejected, and kept.
  if (!parked.origin.empty() && !rejected.mutable_origin()->ParseFromString(parked.origin)) rejected.clear_origin();
  std::string id = outputs_.rejected(index_, std::move(rejected));
  return {Verdict::Kind::rejected, std::move(parked.why), 0, std::move(id)};
}

}  // namespace vtq
