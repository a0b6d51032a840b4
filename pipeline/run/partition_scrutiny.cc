// Partition: the scrutiny of its centres' assessment is kept up to date, and what it asks is told once.
#include <algorithm>

#include "pipeline/facts/scrutiny_facts.h"
#include "pipeline/rules/scrutiny.h"
#include "pipeline/run/partition.h"
#include "pipeline/status/output_fields.h"

namespace vtq {

bool Partition::under_strategy(QualificationId id) const {
  const Qualification* qualification = reference_.qualification(id);
  return qualification && reference_.strategy(qualification->awarding_organisation, id);
}

/// Whether a fact about an entry can change the centre's scrutiny. Most facts are outcomes, and most of them cannot.
bool Partition::concerns_scrutiny(const Centre& centre, const Entry& entry, const v1::Event& event) const {
  switch (event.fact_case()) {
    case v1::Event::kCheckpointAnswered:
    case v1::Event::kSpecialConsideration:
    case v1::Event::kResultQueried:
      return false;
    case v1::Event::kOutcomeRecorded:
    case v1::Event::kPriorLearningRecognised: {
      bool visit_planned = centre.facts.scrutiny && !centre.facts.scrutiny->plans.empty();
      const Qualification& qualification = *reference_.qualification(entry.key.qualification);
      bool stands_for_claim = qualification.awarded_without_claim && qualification.computed;
      if (!entry.facts.particulars && !visit_planned && !stands_for_claim) return false;
      break;
    }
    default:
      break;
  }
  return under_strategy(entry.key.qualification);
}

void Partition::scrutiny_due(Centre& centre, std::optional<QualificationId> qualification) {
  if (!qualification)
    centre.scrutiny_due_all = true;
  else if (std::find(centre.scrutiny_due_for.begin(), centre.scrutiny_due_for.end(), *qualification) == centre.scrutiny_due_for.end())
    centre.scrutiny_due_for.push_back(*qualification);
  if (centre.scrutiny_due) return;
  centre.scrutiny_due = true;
  scrutiny_due_.push_back(&centre);
}

/// For a centre that comes into memory: tells nobody and touches nothing.
void Partition::scrutinise_all(Centre& centre) const {
  if (!reference_.has_strategies()) return;
  auto made = std::make_shared<CentreScrutiny>();
  std::map<QualificationId, std::vector<const Entry*>> entries;
  for (const Entry& entry : centre.entries) entries[entry.key.qualification].push_back(&entry);
  for (auto& [id, of_it] : entries) {
    if (!under_strategy(id)) continue;
    const Qualification& qualification = *reference_.qualification(id);
    const auto& strategy = *reference_.strategy(qualification.awarding_organisation, id);
    made->by_qualification[id] = scrutinise({strategy, qualification, centre.facts, std::move(of_it)}, time_);
  }
  centre.scrutiny = made->by_qualification.empty() ? nullptr : std::move(made);
}

void Partition::settle_scrutiny() {
  for (Centre* centre : std::exchange(scrutiny_due_, {})) settle_scrutiny(*centre);
}

/// Works out what is due, touches the entries of the qualifications for which something changed, and tells what is new.
void Partition::settle_scrutiny(Centre& centre) {
  centre.scrutiny_due = false;
  bool all = std::exchange(centre.scrutiny_due_all, false);
  std::vector<QualificationId> due = std::exchange(centre.scrutiny_due_for, {});
  if (!centre.loaded) return;
  auto before = centre.scrutiny;
  if (all) {
    scrutinise_all(centre);
  } else {
    auto made = before ? std::make_shared<CentreScrutiny>(*before) : std::make_shared<CentreScrutiny>();
    for (QualificationId id : due) {
      made->by_qualification.erase(id);
      if (!under_strategy(id)) continue;  // reference data may have changed since
      const Qualification& qualification = *reference_.qualification(id);
      const auto& strategy = *reference_.strategy(qualification.awarding_organisation, id);
      ScrutinyInput input{strategy, qualification, centre.facts, {}};
      for (const Entry& entry : centre.entries)
        if (entry.key.qualification == id) input.entries.push_back(&entry);
      made->by_qualification[id] = scrutinise(input, time_);
    }
    centre.scrutiny = std::move(made);
  }
  if (!before && !centre.scrutiny) return;
  static const CentreScrutiny kNone;
  const CentreScrutiny& then = before ? *before : kNone;
  const CentreScrutiny& now = centre.scrutiny ? *centre.scrutiny : kNone;
  auto changed = [&](QualificationId id) {
    const Scrutiny* a = then.of(id);
    const Scrutiny* b = now.of(id);
    return a && b ? *a != *b : a != b;
  };
  std::map<QualificationId, bool> known;
  for (Entry& entry : centre.entries) {
    auto [at, fresh] = known.try_emplace(entry.key.qualification);
    if (fresh) at->second = changed(entry.key.qualification);
    if (at->second) touch(centre, entry);
  }
  for (const auto& [id, scrutiny] : now.by_qualification) wake_by(centre, scrutiny.wake_at_ms);
  tell(centre);
}

namespace {

/// A notification about a centre as a whole, to be filled.
v1::Notification about(const Centre& centre, const Qualification& qualification, TimeMs now) {
  v1::Notification notification;
  notification.set_centre(text_of(centre.id));
  notification.set_awarding_organisation(text_of(qualification.awarding_organisation));
  notification.set_qualification(text_of(qualification.id));
  set_time(notification.mutable_as_of(), now);
  return notification;
}

/// Since when a requirement is told to hold. Of those that begin with the first learner concerned it does not count: another learner, with
/// an earlier date, would make it another requirement.
TimeMs told_since(const Requirement& requirement) {
  bool by_learners =
      requirement.rule == Rule::centre_approval || requirement.rule == Rule::staff_approval || requirement.rule == Rule::first_monitoring;
  return by_learners ? 0 : requirement.since_ms;
}

}  // namespace

/// Tells what is asked for and was not told yet; forgets what is not asked for any more. Afterwards what was told is what is asked for.
void Partition::tell(Centre& centre) {
  std::vector<Told> told;
  auto fresh = [&](Told one) {
    const std::vector<Told>& before = centre.summary.told;
    bool held = std::find(before.begin(), before.end(), one) != before.end();
    told.push_back(std::move(one));
    return !held;
  };
  if (centre.scrutiny) {
    for (const auto& [id, scrutiny] : centre.scrutiny->by_qualification) {
      const Qualification& qualification = *reference_.qualification(id);
      AwardingOrganisationId ao = qualification.awarding_organisation;
      for (const Requirement& one : scrutiny.requirements)
        if (fresh({ao, id, one.rule, one.subject, told_since(one)})) tell(centre, qualification, one);
      for (const PlannedVisit& one : scrutiny.planned)
        if (!one.in_conflict && fresh({ao, id, Rule::sampling, one.monitoring, one.planned_ms})) tell(centre, qualification, one);
    }
  }
  if (told == centre.summary.told) return;
  centre.summary.told = std::move(told);
  centre.summary_to_store = true;
  mark(centre);
}

void Partition::tell(const Centre& centre, const Qualification& qualification, const Requirement& requirement) {
  v1::Notification notification = about(centre, qualification, time_);
  notification.set_recipient(requirement.owner);
  notification.set_step(requirement.step);
  if (requirement.due_ms) set_time(notification.mutable_due_at(), requirement.due_ms);
  notification.set_reason(requirement.reason);
  notification.set_text(requirement_text(requirement, qualification));
  notification.set_rule(std::string(rule_name(requirement.rule)));
  outputs_.notification(index_, centre.id, notification);
}

/// The centre is advised of the sample ahead of the visit.
void Partition::tell(const Centre& centre, const Qualification& qualification, const PlannedVisit& planned) {
  v1::Notification notification = about(centre, qualification, time_);
  notification.set_recipient(v1::CENTRE);
  notification.set_step(v1::SEND_SAMPLE);
  if (planned.on != 0) set_time(notification.mutable_due_at(), day_begins(planned.on));
  notification.set_text(planned_text(planned, qualification));
  notification.set_rule(std::string(rule_name(Rule::sampling)));
  notification.set_monitoring(planned.monitoring);
  for (const Sampled& one : planned.sample) {
    v1::SampledLearner& learner = *notification.add_sample();
    learner.set_learner(one.learner);
    learner.set_series(one.series);
    learner.set_reason(one.reason);
  }
  outputs_.notification(index_, centre.id, notification);
}

}  // namespace vtq
