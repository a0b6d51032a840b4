#include "pipeline/run/admission.h"

#include <algorithm>

#include "pipeline/base/batch_id.h"
#include "pipeline/facts/scrutiny_facts.h"

namespace vtq {

std::optional<Rejection> waits_for(const Centre& centre, const Entry* entry, const v1::Event& event, const Address& address) {
  if (address.subject == Subject::entry && !event.has_registered() && !entry)
    return Rejection{fact_name(event) + ".entry", std::string(kEntryRegistered),
                     text_of(address.centre) + " " + text_of(address.entry.qualification) + " " + text_of(address.entry.series),
                     "No registration came for this entry in time; send its Registered, then replay this record."};
  // A batch has its name only once it was issued, so only where facts come out of their order.
  if (!event.has_batch_acknowledged()) return std::nullopt;
  const std::string& batch = event.batch_acknowledged().batch();
  BatchId id = *parse_batch_id(batch);
  for (const BatchSequence& sequence : centre.summary.sequences)
    if (sequence.awarding_organisation == id.awarding_organisation && sequence.series == id.series && sequence.number >= id.number)
      return std::nullopt;
  return Rejection{"batchAcknowledged.batch", "batch-known", batch,
                   "No batch of this name was issued in time; correct the name, see resultsctl batches, then send the acknowledgement again."};
}

std::optional<Rejection> one_too_many(const Centre& centre, const v1::Event& event, const Address& address, const Stamp& stamp) {
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
    const HaltWords* held = centre.facts.halt_words(address.awarding_organisation.value_or(AwardingOrganisationId{}), *address.series,
                                                    address.qualification.value_or(QualificationId{}));
    bool lifts = held && held->halted() && !event.issuing_halted().halted();
    if (held && held->words.size() >= Hold::kWordsMax && !held->words.contains(stamp.moment()) && !lifts)
      return full("series", event.issuing_halted().series());
  }
  if (event.has_sanction_decided() && centre.facts.scrutiny) {
    const std::string& name = event.sanction_decided().sanction();
    std::vector<ScrutinyFacts::Sanction> words;
    for (const ScrutinyFacts::Sanction& word : centre.facts.scrutiny->sanction_words)
      if (word.sanction == name && word.about.awarding_organisation == *address.awarding_organisation) words.push_back(word);
    bool lifts = !words.empty() && words.back().in_force && !event.sanction_decided().in_force();
    if (!bears(words) && !lifts) return full("sanction", name);
  }
  return std::nullopt;
}

}  // namespace vtq
