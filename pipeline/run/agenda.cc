#include "pipeline/run/agenda.h"

#include <algorithm>

namespace vtq {
namespace {

/// Whether the awarding organisation has a word in the entry: the qualification is its own, or it issued a result.
bool is_party(AwardingOrganisationId awarding_organisation, const Entry& entry, const Reference& reference) {
  if (reference.qualification(entry.key.qualification)->awarding_organisation == awarding_organisation) return true;
  if (entry.issued.any() && entry.issued.awarding_organisation == awarding_organisation) return true;
  auto issued_it = [&](const IssuedBefore& batch) { return batch.awarding_organisation == awarding_organisation; };
  return entry.issued.before && std::any_of(entry.issued.before->begin(), entry.issued.before->end(), issued_it);
}

}  // namespace

void Agenda::touch(Centre& centre, const CentreChange& change, const Reference& reference) {
  for (Entry& entry : centre.entries) {
    if (change.qualification && *change.qualification != entry.key.qualification) continue;
    if (change.series && *change.series != entry.key.series) continue;
    if (!change.learner.empty() && change.learner != entry.key.learner) continue;
    if (change.awarding_organisation && !is_party(*change.awarding_organisation, entry, reference)) continue;
    touch(centre, entry);
  }
}

void Agenda::scrutinise(Centre& centre, std::optional<QualificationId> qualification) {
  std::vector<QualificationId>& due_for = centre.scrutiny_due_for;
  if (!qualification)
    centre.scrutiny_due_all = true;
  else if (std::find(due_for.begin(), due_for.end(), *qualification) == due_for.end())
    due_for.push_back(*qualification);
  if (std::exchange(centre.scrutiny_due, true)) return;
  to_scrutinise_.push_back(&centre);
}

void Agenda::retry(Centre& centre) {
  if (centre.summary.waiting == 0 || centre.retry_for_reference) return;
  centre.retry_for_reference = true;
  if (centre.retry_for.empty()) to_retry_.push_back(&centre);
}

void Agenda::retry_for(Centre& centre, const EntryKey& entry) {
  if (!centre.waiting.any_for(entry)) return;
  if (centre.retry_for.empty() && !centre.retry_for_reference) to_retry_.push_back(&centre);
  centre.retry_for.push_back(entry);
}

Centre& Agenda::take_to_retry() {
  Centre& centre = *to_retry_.back();
  to_retry_.pop_back();
  return centre;
}

}  // namespace vtq
