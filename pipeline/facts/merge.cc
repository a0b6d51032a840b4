#include "pipeline/facts/merge.h"

#include "pipeline/facts/coming.h"
#include "pipeline/facts/kind.h"

namespace vtq {
namespace {

/// Brings what is known of the centre up to date with a fact that has just come into its slot.
CentreChange apply(CentreFacts& facts, const v1::Event& event, const Address& address, const Stamp& stamp) {
  const FactKind& kind = *kind_of_fact(event);
  return kind.apply ? kind.apply(facts, event, address, stamp) : CentreChange{.none = true};
}

}  // namespace

const Hold::Word* Hold::over_at(const EntryKey& key, AwardingOrganisationId ao, TimeMs at) const {
  const Word* last = nullptr;
  for (const Word& word : words)
    if (word.stamp.at_ms <= at) last = &word;
  return last && !last->lifts && awarding_organisation == ao && last->covers(key) ? last : nullptr;
}

TimeMs Hold::lifted_ms(const EntryKey& key, AwardingOrganisationId ao) const {
  TimeMs last = 0;
  for (std::size_t at = 1; at < words.size(); ++at)
    if (words[at].lifts && !words[at - 1].lifts && awarding_organisation == ao && words[at - 1].covers(key)) last = words[at].stamp.at_ms;
  return last;
}

const ReleaseWords* CentreFacts::release(const CohortKey& key) const {
  for (const auto& [cohort, words] : releases)
    if (cohort == key) return &words;
  return nullptr;
}

bool CentreFacts::halted(AwardingOrganisationId awarding_organisation, SeriesId series, QualificationId qualification) const {
  bool found = false;
  each_halt_words(awarding_organisation, series, qualification, [&](const HaltWords& words) { found = found || words.halted(); });
  return found;
}

const HaltWords* CentreFacts::halt_words(AwardingOrganisationId awarding_organisation, SeriesId series, QualificationId qualification) const {
  for (const HaltWords& halt : halts)
    if (halt.awarding_organisation == awarding_organisation && halt.series == series && halt.qualification == qualification) return &halt;
  return nullptr;
}

void share_words(Entry& entry, const GradingScale& scale) {
  auto share = [&](Word& word) {
    if (word.empty()) return;
    auto is = [&](const Word& known) {
      if (word != known) return false;
      if (!word.is(known)) word = known;
      return true;
    };
    if (is(scale.name)) return;
    for (const GradingScale::Grade& grade : scale.grades)
      if (is(grade.value)) return;
  };
  EntryFacts& facts = entry.facts;
  for (Word* word :
       {&facts.predicted_grade, &facts.claimed_grade, &facts.result_scale, &facts.result_grade, &entry.issued.scale, &entry.issued.grade})
    share(*word);
}

bool EntryFacts::later(const Stamp& a, const Stamp& b) const {
  if (a.moment() != b.moment()) return b.before(a);
  std::optional<Saying> of_a = said.find(a.tie), of_b = said.find(b.tie);
  Order order = of_a && of_b ? compare(of_a->said(), of_b->said()) : Order{};
  return order.order != 0 ? order.order > 0 : a.tie > b.tie;
}

bool EntryFacts::left_by(const Stamp& leaving) const {
  if (!leaving.set() || leaving.moment() != registered.moment()) return registered.before(leaving);
  std::optional<Saying> going = said.find(leaving.tie), coming = said.find(registered.tie);
  return !going || !coming || !coming->said().numbered_after(going->said());
}

Merged merge(EntryFacts& facts, const v1::Event& event, const Stamp& stamp, Clash* clash) {
  Coming coming(facts, event, stamp, clash);
  Merged merged = kind_of_fact(event)->merge(facts, event, coming);
  coming.keep_sayings();
  return merged;
}

Merged merge(CentreFacts& facts, const v1::Event& event, const Address& address, std::string_view bytes, const Stamp& stamp, CentreChange& change,
             Clash* clash) {
  auto [at, fresh] = facts.slots.try_emplace(slot_of(event));
  Merged merged = fresh ? Merged::applied : against(at->second, event, stamp, clash);
  if (merged != Merged::applied) return merged;
  at->second = {stamp, std::string(bytes)};
  change = apply(facts, event, address, stamp);
  return merged;
}

void restore(CentreFacts& facts, std::string_view slot, const Stamp& stamp, const v1::Event& event, const Address& address, std::string_view bytes) {
  facts.slots[std::string(slot)] = {stamp, std::string(bytes)};
  apply(facts, event, address, stamp);
}

}  // namespace vtq
