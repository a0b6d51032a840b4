#include "pipeline/rules/mitigation.h"

#include <algorithm>
#include <map>

#include "pipeline/base/phrases.h"

namespace vtq {
namespace {

using Kind = v1::MitigationDefined;

/// In the words of the framework.
std::string kind_text(Kind::Kind kind) {
  switch (kind) {
    case Kind::CALCULATED:
      return "calculated grade";
    case Kind::ADAPTED:
      return "adapted assessment";
    case Kind::DELAYED:
      return "delayed assessment";
    case Kind::NONE_EXPECTED:
      return "no learners expected to be certificated";
    case Kind::NO_CHANGE:
      return "no changes needed";
    default:
      return "none";
  }
}

/// ` from 20 Mar 2020 to 31 Jul 2020`; empty when it is open on both sides.
std::string disruption_text(const Mitigation& mitigation) {
  std::string text;
  if (mitigation.disruption_from) text += " from " + date_text(mitigation.disruption_from);
  if (mitigation.disruption_to) text += " to " + date_text(mitigation.disruption_to);
  return text;
}

/// How far an application has come.
struct Application {
  const MitigationApplication* made = nullptr;  ///< null: none
  std::vector<std::string> missing_evidence;
  const MitigationReview* panel = nullptr;
  const MitigationReview* verification = nullptr;  ///< only one after the panel's

  bool found(const MitigationReview* review, v1::MitigationReviewed::Conclusion conclusion) const {
    return review && review->conclusion == conclusion;
  }
  bool refused() const { return found(panel, v1::MitigationReviewed::REFUSED) || found(verification, v1::MitigationReviewed::REFUSED); }
  bool more_asked() const {
    return found(panel, v1::MitigationReviewed::MORE_EVIDENCE) || found(verification, v1::MitigationReviewed::MORE_EVIDENCE);
  }
  bool verified() const {
    return made && missing_evidence.empty() && found(panel, v1::MitigationReviewed::SUFFICIENT) &&
           found(verification, v1::MitigationReviewed::SUFFICIENT);
  }
};

Application application_of(const Mitigation& mitigation, const CentreMitigations& facts, const EntryKey& key) {
  Application out{.made = facts.application(key), .missing_evidence = {}};
  if (!out.made) return out;
  for (const std::string& item : mitigation.required_evidence)
    if (std::find(out.made->evidence.begin(), out.made->evidence.end(), item) == out.made->evidence.end()) out.missing_evidence.push_back(item);
  out.panel = facts.review(*out.made, key, v1::MitigationReviewed::PANEL);
  out.verification = facts.review(*out.made, key, v1::MitigationReviewed::VERIFICATION);
  if (out.verification && (!out.panel || out.verification->stamp.before(out.panel->stamp))) out.verification = nullptr;
  return out;
}

std::size_t place_of(const UnitRule& unit, const Qualification& qualification) {
  return static_cast<std::size_t>(&unit - qualification.units.data());
}

/// Units of the application that are missing, by whether they fell due in the disruption.
struct Wanted {
  std::vector<const UnitRule*> due;
  std::vector<std::string> not_due;
};

Wanted wanted_units(const Mitigation& mitigation, const MitigationApplication& application, const Standings& standings,
                    const Qualification& qualification) {
  Wanted wanted;
  for (const MitigationApplication::Unit& unit : application.units) {
    const UnitRule* rule = qualification.unit(unit.id);
    if (!rule || standings.achieved[place_of(*rule, qualification)]) continue;
    if (mitigation.in_disruption(unit.due))
      wanted.due.push_back(rule);
    else
      wanted.not_due.push_back(rule->code);
  }
  return wanted;
}

/// The grade that follows for a missing unit from those achieved on the same scale; 0 where none of these is graded.
std::uint32_t calculated_grade(Kind::Calculation calculation, const UnitRule& unit, const Standings& standings, const Qualification& qualification) {
  if (!unit.scale) return 0;
  std::vector<Rank> ranks;
  each_unit(standings.achieved, [&](std::size_t at) {
    if (at >= qualification.units.size() || qualification.units[at].scale != unit.scale || !standings.recorded[at]) return;
    if (Rank rank = unit.scale->rank(standings.grade[at]); rank != kNoRank) ranks.push_back(rank);
  });
  if (ranks.empty()) return 0;
  std::sort(ranks.begin(), ranks.end());  // highest grade first
  Rank chosen = ranks.back();
  if (calculation == Kind::MEDIAN) chosen = ranks[ranks.size() / 2];
  if (calculation == Kind::COMMONEST) {
    std::map<Rank, int> times;
    for (Rank rank : ranks) ++times[rank];
    for (auto [rank, count] : times)
      if (count > times[chosen] || (count == times[chosen] && rank > chosen)) chosen = rank;
  }
  return unit.scale->grades[chosen].hash;
}

std::shared_ptr<const CalculatedUnits> calculate(const Entry& entry, const Circumstances& around) {
  const Mitigation& mitigation = *around.mitigation;
  Application application = application_of(mitigation, around.centre.mitigations, entry.key);
  if (!application.verified()) return nullptr;
  Standings standings = standings_of(entry.facts, around.qualification);
  if (standings.achieved.count() < mitigation.achieved_units_min) return nullptr;
  auto units = std::make_shared<CalculatedUnits>();
  for (const UnitRule* unit : wanted_units(mitigation, *application.made, standings, around.qualification).due)
    units->push_back({.unit = unit->id,
                      .grade = calculated_grade(mitigation.calculation, *unit, standings, around.qualification),
                      .at_ms = application.verification->stamp.at_ms});
  if (units->empty()) return nullptr;
  return units;
}

/// A move to a smaller size in or after the disruption for which the larger one has a mitigation.
bool shrunk(const Entry& entry, const Circumstances& around) {
  if (!around.left || !around.left_mitigation || around.left->family.empty()) return false;
  const Qualification& now = around.qualification;
  bool smaller = around.left->family == now.family && now.size != v1::SIZE_UNSPECIFIED && now.size < around.left->size;
  return smaller && local_day(entry.facts.changed.at_ms) >= around.left_mitigation->disruption_from;
}

/// What stands for a learner: null for none, out of scope, and centres that opted out.
const Mitigation* standing(const Qualification& qualification, const CentreFacts& facts, CentreId centre, const EntryKey& key) {
  if (!qualification.mitigations) return nullptr;
  const Mitigation* found = covering(*qualification.mitigations, key.series, centre, key.learner);
  return !found || found->out_of_scope || facts.mitigations.opted_out(key) ? nullptr : found;
}

/// The dates are those of the delay; a gate of the centre's own that is later stays: one word opens nothing earlier.
void delay(Circumstances& around, const Calendar& delayed) {
  const Calendar& before = *around.calendar;
  around.calendar = &delayed;
  if (before.centre_release <= delayed.centre_release && before.learner_release <= delayed.learner_release) return;
  auto made = std::make_shared<Calendar>(delayed);
  made->centre_release = std::max(before.centre_release, delayed.centre_release);
  made->learner_release = std::max({before.learner_release, delayed.learner_release, made->centre_release});
  around.own_calendar = std::move(made);
  around.calendar = around.own_calendar.get();
}

bool asks_for_application(Kind::Kind kind) { return kind == Kind::CALCULATED || kind == Kind::ADAPTED; }

}  // namespace

void mitigate(Circumstances& around, const Reference& reference, CentreId centre, const Entry& entry) {
  const EntryFacts& facts = entry.facts;
  const Mitigation* mitigation = around.mitigation = standing(around.qualification, around.centre, centre, entry.key);
  bool issued = entry.issued.any();
  if (mitigation) {
    if (mitigation->kind == Kind::CALCULATED) around.calculated = calculate(entry, around);
    around.mitigation_since_issue = issued && mitigation->defined_ms > entry.issued.first_at_ms;
    if (issued && around.calculated)
      for (const CalculatedUnit& unit : *around.calculated) around.mitigation_since_issue |= unit.at_ms > entry.issued.first_at_ms;
    if (around.calendar && mitigation->calendar && !around.mitigation_since_issue) delay(around, *mitigation->calendar);
  } else if (issued && entry.issued.basis == v1::CALCULATED_UNITS) {
    around.mitigation_since_issue = true;
  }
  if (facts.change != v1::RegistrationChanged::SIZE || !facts.particulars || facts.particulars->left == QualificationId{}) return;
  around.left = reference.qualification(facts.particulars->left);
  if (!around.left) return;
  around.left_mitigation = standing(*around.left, around.centre, centre, {around.left->id, entry.key.series, entry.key.learner});
  if (around.left_mitigation && around.left_mitigation->kind == Kind::NO_CHANGE) around.left_mitigation = nullptr;
}

Obstacle mitigation_obstacle(const Entry& entry, const Circumstances& around, TimeMs now, TimeMs& wake_at) {
  if (around.left && shrunk(entry, around)) return {Rule::size_change, v1::CORRECT_REGISTRATION, v1::CENTRE, v1::L3};
  const Mitigation* mitigation = around.mitigation;
  if (!mitigation || !asks_for_application(mitigation->kind)) return {};
  if (attain(entry.facts, around.qualification, around.calculated.get()).eligible()) return {};
  if (mitigation->disruption_from && now < day_begins(mitigation->disruption_from)) {
    wake_at = std::min(wake_at, day_begins(mitigation->disruption_from));
    return {};
  }
  TimeMs claim_by = around.calendar && around.calendar->claim_deadline != kNever ? around.calendar->claim_deadline : 0;
  Application application = application_of(*mitigation, around.centre.mitigations, entry.key);
  if (!application.made) return {Rule::mitigation_application, v1::APPLY_FOR_MITIGATION, v1::CENTRE, v1::N1, claim_by};
  if (application.refused() || application.verified()) return {};
  if (mitigation->kind == Kind::CALCULATED &&
      wanted_units(*mitigation, *application.made, standings_of(entry.facts, around.qualification), around.qualification).due.empty())
    return {};
  if (!application.missing_evidence.empty() || application.more_asked())
    return {Rule::mitigation_evidence, v1::SEND_EVIDENCE, v1::CENTRE, v1::N1, claim_by};
  return {Rule::mitigation_review, v1::REVIEW_MITIGATION, v1::AWARDING_ORGANISATION, v1::L6};
}

bool application_with_reviewers_at(TimeMs deadline, const Entry& entry, const Circumstances& around) {
  if (!around.mitigation || !asks_for_application(around.mitigation->kind)) return false;
  Application application = application_of(*around.mitigation, around.centre.mitigations, entry.key);
  if (!application.made || application.made->stamp.at_ms > deadline || !application.missing_evidence.empty()) return false;
  bool reviewed = false;
  for (const MitigationReview* review : {application.panel, application.verification})
    reviewed |= review && review->stamp.at_ms <= deadline && review->conclusion != v1::MitigationReviewed::SUFFICIENT;
  bool verified = application.verified() && application.verification->stamp.at_ms <= deadline;
  return !reviewed && !verified;
}

std::string mitigation_text(const Entry& entry, const Circumstances& around, Rule rule) {
  if (rule == Rule::size_change && around.left)
    return "the change from " + around.left->title + " to " + around.qualification.title +
           " during a mitigation is refused: a qualification is not made smaller to fit what was done; register the learner for " +
           around.left->title + " again and claim it with the mitigation";
  if (!around.mitigation) return {};
  const Mitigation& mitigation = *around.mitigation;
  std::string kind = "the " + kind_text(mitigation.kind);
  Application application = application_of(mitigation, around.centre.mitigations, entry.key);
  switch (rule) {
    case Rule::mitigation_application: {
      auto units = attain(entry.facts, around.qualification).outstanding_units;
      std::string outstanding = std::to_string(units) + (units == 1 ? " unit is" : " units are") + " outstanding: ";
      if (mitigation.kind == Kind::ADAPTED) return outstanding + "apply for " + kind + ", or record them as usual";
      return outstanding + "apply for " + kind + " of those that fell due" +
             (disruption_text(mitigation).empty() ? " in the disruption" : disruption_text(mitigation)) + ", or record them as usual";
    }
    case Rule::mitigation_evidence:
      if (!application.missing_evidence.empty())
        return "the application for " + kind + " lacks evidence: send " + list_text(application.missing_evidence);
      return std::string(application.found(application.panel, v1::MitigationReviewed::MORE_EVIDENCE) ? "the panel"
                                                                                                     : "the external "
                                                                                                       "verification") +
             " asks for more evidence for " + kind + ": send the application again with it";
    case Rule::mitigation_review:
      return "the application for " + kind + " waits for " + (application.panel ? "external verification" : "the panel");
    default:
      return {};
  }
}

std::string mitigation_note(const Entry& entry, const Circumstances& around) {
  if (!around.mitigation || !asks_for_application(around.mitigation->kind)) return {};
  const Mitigation& mitigation = *around.mitigation;
  Application application = application_of(mitigation, around.centre.mitigations, entry.key);
  if (!application.made) return {};
  if (application.refused())
    return std::string(application.found(application.panel, v1::MitigationReviewed::REFUSED) ? "the panel" : "the external verification") +
           " refused the " + kind_text(mitigation.kind) + ": ordinary rules hold";
  if (mitigation.kind != Kind::CALCULATED) return {};
  Standings standings = standings_of(entry.facts, around.qualification);
  Wanted wanted = wanted_units(mitigation, *application.made, standings, around.qualification);
  if (!wanted.not_due.empty())
    return named_text("unit", wanted.not_due) + " did not fall due in the disruption and " + (wanted.not_due.size() == 1 ? "is" : "are") +
           " assessed as usual";
  if (application.verified() && standings.achieved.count() < mitigation.achieved_units_min)
    return "units are calculated once " + std::to_string(mitigation.achieved_units_min) + (mitigation.achieved_units_min == 1 ? " is" : " are") +
           " achieved";
  return {};
}

v1::Basis mitigation_basis(const Entry& entry, const Circumstances& around) {
  if (!around.mitigation) return v1::BASIS_UNSPECIFIED;
  if (around.calculated) return v1::CALCULATED_UNITS;
  bool adapted = around.mitigation->kind == Kind::ADAPTED && application_of(*around.mitigation, around.centre.mitigations, entry.key).verified();
  return adapted ? v1::ADAPTED_ASSESSMENT : v1::ORDINARY;
}

std::string mitigation_news(const Entry& entry, const Circumstances& around, v1::MitigationDefined::Kind before) {
  std::string of = "The mitigation for " + around.qualification.title;
  Kind::Kind now = around.mitigation ? around.mitigation->kind : Kind::KIND_UNSPECIFIED;
  std::string text;
  if (now == Kind::KIND_UNSPECIFIED) {
    text = of + ", " + kind_text(before) + ", no longer stands" +
           (around.centre.mitigations.opted_out(entry.key) ? ", as the centre has opted out" : "") + ".";
  } else if (before == Kind::KIND_UNSPECIFIED) {
    text = of + " is: " + kind_text(now) + ".";
  } else if (before != now) {
    text = of + " has changed from " + kind_text(before) + " to " + kind_text(now) + ".";
  } else {
    text = of + ", " + kind_text(now) + ", has changed.";
  }
  if (entry.issued.any()) return text + " The result that was issued stays as it is.";
  std::string evidence = around.mitigation && !around.mitigation->required_evidence.empty()
                             ? " with the evidence checklist (" + list_text(around.mitigation->required_evidence) + ")"
                             : "";
  switch (now) {
    case Kind::CALCULATED:
      return text + " Apply" + evidence + " for the units that fell due" +
             (disruption_text(*around.mitigation).empty() ? " in the disruption" : disruption_text(*around.mitigation)) +
             "; other units are assessed as usual. You may opt out and claim as usual.";
    case Kind::ADAPTED:
      return text + " Apply" + evidence + ", and record the units as they are assessed. You may opt out and claim as usual.";
    case Kind::DELAYED:
      if (!around.calendar || !around.mitigation->calendar) return text + " The new date will follow.";
      return text + " The result is expected by " + local_text(around.calendar->issue_deadline) + ", and is not late until then.";
    case Kind::NONE_EXPECTED:
      return text + " No result is due in this series, unless you claim it or opt out.";
    default:
      return text + " Ordinary rules hold: record the units and claim as usual.";
  }
}

}  // namespace vtq
