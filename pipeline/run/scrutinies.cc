#include "pipeline/run/scrutinies.h"

#include <algorithm>
#include <map>
#include <utility>

#include "pipeline/facts/scrutiny_facts.h"
#include "pipeline/status/output_fields.h"

namespace vtq {
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

bool Scrutinies::concerned(const Centre& centre, const Entry& entry, const v1::Event& event) const {
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

bool Scrutinies::under_strategy(QualificationId id) const {
  const Qualification* qualification = reference_.qualification(id);
  return qualification && reference_.strategy(qualification->awarding_organisation, id);
}

Scrutiny Scrutinies::scrutiny_of(const Centre& centre, QualificationId id, std::vector<const Entry*> entries, TimeMs now) const {
  const Qualification& qualification = *reference_.qualification(id);
  const auto& strategy = *reference_.strategy(qualification.awarding_organisation, id);
  return scrutinise({strategy, qualification, centre.facts, std::move(entries)}, now);
}

void Scrutinies::work_out(Centre& centre, TimeMs now) const {
  if (!reference_.has_strategies()) return;
  auto made = std::make_shared<CentreScrutiny>();
  std::map<QualificationId, std::vector<const Entry*>> entries;
  for (const Entry& entry : centre.entries) entries[entry.key.qualification].push_back(&entry);
  for (auto& [id, its_entries] : entries)
    if (under_strategy(id)) made->by_qualification[id] = scrutiny_of(centre, id, std::move(its_entries), now);
  centre.scrutiny = made->by_qualification.empty() ? nullptr : std::move(made);
}

void Scrutinies::settle(Centre& centre, TimeMs now) {
  centre.scrutiny_due = false;
  bool all = std::exchange(centre.scrutiny_due_all, false);
  std::vector<QualificationId> due = std::exchange(centre.scrutiny_due_for, {});
  if (!centre.loaded) return;
  auto before = centre.scrutiny;
  if (all) {
    work_out(centre, now);
  } else {
    auto made = before ? std::make_shared<CentreScrutiny>(*before) : std::make_shared<CentreScrutiny>();
    for (QualificationId id : due) {
      made->by_qualification.erase(id);
      if (!under_strategy(id)) continue;  // reference data may have changed since
      std::vector<const Entry*> entries;
      for (const Entry& entry : centre.entries)
        if (entry.key.qualification == id) entries.push_back(&entry);
      made->by_qualification[id] = scrutiny_of(centre, id, std::move(entries), now);
    }
    centre.scrutiny = std::move(made);
  }
  if (!before && !centre.scrutiny) return;
  touch_changed(centre, before.get());
  if (centre.scrutiny)
    for (const auto& [id, scrutiny] : centre.scrutiny->by_qualification) wakes_.wake_by(centre, scrutiny.wake_at_ms);
  tell(centre, now);
}

/// Touches the entries of the qualifications whose scrutiny is another than before.
void Scrutinies::touch_changed(Centre& centre, const CentreScrutiny* before) {
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
    if (at->second) agenda_.touch(centre, entry);
  }
}

/// Tells what is asked for and was not told yet; forgets what is not asked for any more. Afterwards what was told is what is asked for.
void Scrutinies::tell(Centre& centre, TimeMs now) {
  std::vector<ScrutinyNotice> notices;
  auto fresh = [&](ScrutinyNotice asked) {
    const std::vector<ScrutinyNotice>& before = centre.summary.notices;
    bool held = std::find(before.begin(), before.end(), asked) != before.end();
    notices.push_back(std::move(asked));
    return !held;
  };
  if (centre.scrutiny) {
    for (const auto& [id, scrutiny] : centre.scrutiny->by_qualification) {
      const Qualification& qualification = *reference_.qualification(id);
      AwardingOrganisationId ao = qualification.awarding_organisation;
      for (const Requirement& required : scrutiny.requirements)
        if (fresh({ao, id, required.rule, required.subject, told_since(required)})) tell(centre, qualification, required, now);
      for (const PlannedVisit& visit : scrutiny.planned)
        if (!visit.in_conflict && fresh({ao, id, Rule::sampling, visit.monitoring, visit.planned_ms})) tell(centre, qualification, visit, now);
    }
  }
  if (notices == centre.summary.notices) return;
  centre.summary.notices = std::move(notices);
  changes_.keep_summary(centre);
}

void Scrutinies::tell(const Centre& centre, const Qualification& qualification, const Requirement& requirement, TimeMs now) {
  v1::Notification notification = about(centre, qualification, now);
  notification.set_recipient(requirement.owner);
  notification.set_step(requirement.step);
  if (requirement.due_ms) set_time(notification.mutable_due_at(), requirement.due_ms);
  notification.set_reason(requirement.reason);
  notification.set_text(requirement_text(requirement, qualification));
  notification.set_rule(std::string(rule_name(requirement.rule)));
  outputs_.notification(partition_, centre.id, notification);
}

/// The centre is advised of the sample ahead of the visit.
void Scrutinies::tell(const Centre& centre, const Qualification& qualification, const PlannedVisit& planned, TimeMs now) {
  v1::Notification notification = about(centre, qualification, now);
  notification.set_recipient(v1::CENTRE);
  notification.set_step(v1::SEND_SAMPLE);
  if (planned.on != 0) set_time(notification.mutable_due_at(), day_begins(planned.on));
  notification.set_text(planned_text(planned, qualification));
  notification.set_rule(std::string(rule_name(Rule::sampling)));
  notification.set_monitoring(planned.monitoring);
  for (const Sampled& sampled : planned.sample) {
    v1::SampledLearner& learner = *notification.add_sample();
    learner.set_learner(sampled.learner);
    learner.set_series(sampled.series);
    learner.set_reason(sampled.reason);
  }
  outputs_.notification(partition_, centre.id, notification);
}

}  // namespace vtq
