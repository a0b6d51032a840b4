#include "pipeline/rules/approval.h"

#include <algorithm>

#include "pipeline/base/phrases.h"

namespace vtq {
namespace {

/// Words for who set a date that several may set: the body whose date it is, else the qualification itself.
std::string set_by(const ApprovalTerms& terms, TimeMs registered, Day ApprovalPeriod::*date, Day own, TimeMs ends) {
  if (own != 0 && day_ends(own) == ends) return "of the qualification, ";
  for (const ApprovalState& one : terms.bodies)
    if (const ApprovalPeriod* period = one.period_of(registered); period && period->*date != 0 && day_ends(period->*date) == ends)
      return "set by " + std::string(body_name(one.body)) + ", ";
  return "";
}

std::string unapproved_text(const Entry& entry, const ApprovalTerms& terms) {
  for (const ApprovalState& one : terms.bodies)
    if (one.periods.empty()) return "the qualification is not approved: " + one.words();
  TimeMs first_registered = entry.facts.first_registered_ms;
  TimeMs ends = terms.limits(first_registered).approval_ends;
  std::string registered = "this learner was first registered on " + date_text(local_day(first_registered));
  for (const ApprovalState& one : terms.bodies) {
    const ApprovalPeriod& period = *one.period_of(first_registered);
    std::string name(body_name(one.body));
    if (period.withdrawn_from && ends == day_begins(period.withdrawn_from))
      return "approval by " + name + " is withdrawn from " + date_text(period.withdrawn_from) + " and " + registered +
             ": only learners registered before may still be certificated";
    if (period.until == 0 || ends != day_ends(period.until)) continue;
    std::string text = "approval by " + name + " ended on " + date_text(period.until) + " and " + registered;
    for (const ApprovalPeriod& next : one.periods)
      if (next.begins() > first_registered) return text + "; approval goes on only from " + date_text(next.from);
    return text;
  }
  return "the qualification is not approved";
}

/// The last full day before `ends`.
std::string last_day(TimeMs ends) { return date_text(local_day(ends - 1)); }

}  // namespace

Obstacle approval_obstacle(const Entry& entry, const Circumstances& around, TimeMs now, TimeMs& wake_at) {
  const ApprovalTerms* terms = around.qualification.approval;
  if (!terms) return {};
  TimeMs registered = entry.facts.first_registered_ms;
  ApprovalLimits limits = terms->limits(registered);
  if (!limits.approved || registered >= limits.approval_ends)
    return {Rule::qualification_approval, v1::OBTAIN_APPROVAL, v1::AWARDING_ORGANISATION, v1::L6};
  if (registered < limits.registration_from) return {Rule::first_registration, v1::CORRECT_REGISTRATION, v1::CENTRE, v1::L6};
  if (registered >= limits.registration_until) return {Rule::last_registration, v1::CORRECT_REGISTRATION, v1::CENTRE, v1::L2};
  if (now >= limits.certification_until) return {Rule::last_certification, v1::OBTAIN_APPROVAL, v1::AWARDING_ORGANISATION, v1::L6};
  wake_at = std::min(wake_at, limits.certification_until);
  return {};
}

std::string approval_text(const Entry& entry, const Circumstances& around, Rule rule) {
  const ApprovalTerms* terms = around.qualification.approval;
  if (!terms) return {};
  TimeMs first_registered = entry.facts.first_registered_ms;
  ApprovalLimits limits = terms->limits(first_registered);
  std::string registered = "this learner was first registered on " + date_text(local_day(first_registered));
  switch (rule) {
    case Rule::qualification_approval:
      return unapproved_text(entry, *terms);
    case Rule::first_registration: {
      std::string by = terms->first_registration && day_begins(terms->first_registration) == limits.registration_from
                           ? "the first day for registration is "
                           : "the qualification is approved from ";
      return by + date_text(local_day(limits.registration_from)) + " and " + registered + ": correct the registration";
    }
    case Rule::last_registration:
      return "the last day for registration, " +
             set_by(*terms, first_registered, &ApprovalPeriod::last_registration, terms->last_registration, limits.registration_until) + "was " +
             last_day(limits.registration_until) + " and " + registered + ": correct the registration";
    case Rule::last_certification:
      return "the last day for certification, " +
             set_by(*terms, first_registered, &ApprovalPeriod::last_certification, terms->last_certification, limits.certification_until) + "was " +
             last_day(limits.certification_until) + ": no result can be issued unless it is extended";
    default:
      return {};
  }
}

}  // namespace vtq
