#include "pipeline/approval.h"

#include <algorithm>

#include "pipeline/phrases.h"

namespace vtq {
namespace {

/// Words for who set a date that several may set: the body whose date it is, else the qualification itself.
std::string set_by(const ApprovalTerms& terms, Day ApprovalState::*date, Day own, TimeMs ends) {
  if (own != 0 && day_ends(own) == ends) return "of the qualification, ";
  for (const ApprovalState& one : terms.bodies)
    if (one.*date != 0 && day_ends(one.*date) == ends) return "set by " + std::string(body_name(one.body)) + ", ";
  return "";
}

std::string unapproved_text(const Entry& entry, const ApprovalTerms& terms) {
  for (const ApprovalState& one : terms.bodies)
    if (one.stage != ApprovalStage::approved) return "the qualification is not approved: " + one.words();
  std::string registered = "this learner was first registered on " + date_text(local_day(entry.facts.first_registered_ms));
  for (const ApprovalState& one : terms.bodies) {
    std::string name(body_name(one.body));
    if (one.withdrawn_from && terms.approval_ends == day_begins(one.withdrawn_from))
      return "approval by " + name + " is withdrawn from " + date_text(one.withdrawn_from) + " and " + registered +
             ": only learners registered before may still be certificated";
    if (one.approved_until && terms.approval_ends == day_ends(one.approved_until))
      return "approval by " + name + " ended on " + date_text(one.approved_until) + " and " + registered;
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
  if (!terms->approved || registered >= terms->approval_ends)
    return {Rule::qualification_approval, v1::OBTAIN_APPROVAL, v1::AWARDING_ORGANISATION, v1::L6};
  if (registered < terms->registration_from)
    return {Rule::first_registration, v1::CORRECT_REGISTRATION, v1::CENTRE, v1::L6};
  if (registered >= terms->registration_until)
    return {Rule::last_registration, v1::CORRECT_REGISTRATION, v1::CENTRE, v1::L2};
  if (now >= terms->certification_until)
    return {Rule::last_certification, v1::OBTAIN_APPROVAL, v1::AWARDING_ORGANISATION, v1::L6};
  wake_at = std::min(wake_at, terms->certification_until);
  return {};
}

std::string approval_text(const Entry& entry, const Circumstances& around, Rule rule) {
  const ApprovalTerms* terms = around.qualification.approval;
  if (!terms) return {};
  std::string registered = "this learner was first registered on " + date_text(local_day(entry.facts.first_registered_ms));
  switch (rule) {
    case Rule::qualification_approval:
      return unapproved_text(entry, *terms);
    case Rule::first_registration: {
      std::string by = terms->first_registration && day_begins(terms->first_registration) == terms->registration_from
                           ? "the first day for registration is "
                           : "the qualification is approved from ";
      return by + date_text(local_day(terms->registration_from)) + " and " + registered + ": correct the registration";
    }
    case Rule::last_registration:
      return "the last day for registration, " +
             set_by(*terms, &ApprovalState::last_registration, terms->last_registration, terms->registration_until) + "was " +
             last_day(terms->registration_until) + " and " + registered + ": correct the registration";
    case Rule::last_certification:
      return "the last day for certification, " +
             set_by(*terms, &ApprovalState::last_certification, terms->last_certification, terms->certification_until) + "was " +
             last_day(terms->certification_until) + ": no result can be issued unless it is extended";
    default:
      return {};
  }
}

}  // namespace vtq
