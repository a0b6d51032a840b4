#include "pipeline/status/words.h"

#include <algorithm>

#include "pipeline/base/phrases.h"
#include "pipeline/release/gate.h"
#include "pipeline/rules/approval.h"
#include "pipeline/rules/mitigation.h"
#include "pipeline/rules/scrutiny.h"

namespace vtq {
namespace {

std::string days_text(TimeMs length) {
  TimeMs days = (std::max<TimeMs>(length, 0) + kDayMs / 2) / kDayMs;
  if (days == 0) return "less than a day";
  return days == 1 ? "1 day" : std::to_string(days) + " days";
}

std::string level_text(v1::Level level) {
  return level == v1::LEVEL_3 ? "Level 3" : level == v1::LEVEL_2 ? "Level 2" : level == v1::LEVEL_1_2 ? "Level 1/2" : "other levels";
}

/// Which date is missing, and whose it is.
std::string calendar_text(const Entry& entry, const Circumstances& around) {
  return "no issue deadline is known for " + text_of(around.qualification.awarding_organisation) + ", " + level_text(around.qualification.level) +
         ", " + text_of(entry.key.series) + ": the awarding organisation is to send its CalendarDefined; without it nothing is issued";
}

/// What keeps a result that is ready, and who lets it go.
std::string release_text(const Entry& entry, const Circumstances& around, Rule rule) {
  const std::string cohort =
      text_of(around.qualification.awarding_organisation) + ", " + level_text(around.qualification.level) + ", " + text_of(entry.key.series);
  switch (rule) {
    case Rule::release_missing:
      return "more of the centre's results are not ready than the policy of the release allows; send them, or have an approver override the check";
    case Rule::release_grades:
      return "the centre's grades lie further from what was expected than the release allows; look at them, and correct them or have an approver "
             "override the check";
    case Rule::release_corrections:
      return "more of the centre's results were corrected than the policy of the release allows; look at them, and have an approver override the "
             "check";
    default:
      break;
  }
  const Approval& approval = around.approval;
  if (!approval.planned()) return "no release is planned for " + cohort + ": plan it, and have it approved";
  Approvers approvers = approvers_of(approval.words->approvals, approval.words->plan->digest);
  std::string text = "the release of " + cohort + " is approved by " + std::to_string(approvers.people.size()) + " of " +
                     std::to_string(approval.needed) + (approval.needed == 1 ? " person" : " people");
  return approvers.people.size() >= approval.needed ? text + ", none of them an approver" : text;
}

std::string rule_text(const Entry& entry, const Circumstances& around, Rule rule) {
  if (rule == Rule::calendar) return calendar_text(entry, around);
  if (rule == Rule::issuing_halted) return std::string(withheld_words(Withheld::issuing_halted));
  if (rule == Rule::hold) return std::string(withheld_words(Withheld::hold_open));
  if (rule == Rule::learner_left)
    return "The learner had left when the result was issued or could be seen; revoke it, or send it as amended where it stands.";
  if (rule >= Rule::release_approval) return release_text(entry, around, rule);
  if (rule == Rule::pathway || rule == Rule::result_agrees) return result_text(entry.facts, around.qualification, around.calculated.get(), rule);
  if (rule == Rule::size_change) return mitigation_text(entry, around, rule);
  if (rule < Rule::centre_approval) return approval_text(entry, around, rule);
  if (rule < Rule::mitigation_application) return scrutiny_text(entry, around, rule);
  return mitigation_text(entry, around, rule);
}

/// To go on in the same sentence.
std::string clause(std::string text) {
  if (text.ends_with('.')) text.pop_back();
  return text;
}

std::string blocker_text(const Entry& entry, const Derived& derived, const Circumstances& around) {
  switch (derived.status.step) {
    case v1::ANSWER_CHECKPOINT:
      return "the centre has not answered the checkpoint";
    case v1::RECORD_EVIDENCE: {
      auto units = derived.status.outstanding_units;
      std::string text = std::to_string(units) + (units == 1 ? " unit is outstanding" : " units are outstanding");
      std::string note = mitigation_note(entry, around);
      return note.empty() ? text : text + " (" + note + ")";
    }
    case v1::SUBMIT_CLAIM:
      return "the result is not claimed";
    case v1::CLOSE_CASE:
      return "a malpractice or maladministration case is open";
    case v1::SEND_SAMPLE:
      return "the centre has not answered sampling or moderation";
    case v1::COMPLETE_MODERATION:
      return "the awarding organisation's checks are not complete";
    case v1::DECIDE_SPECIAL_CONSIDERATION:
      return "a request for special consideration is undecided";
    case v1::DETERMINE_RESULT:
      return "the awarding organisation has not determined the result";
    case v1::ISSUE_RESULT:
      return "issuing is halted";
    default:
      if (derived.status.rule != Rule::none) return clause(rule_text(entry, around, derived.status.rule));
      if (derived.status.mitigation == v1::MitigationDefined::NONE_EXPECTED)
        return "no learners are expected to be certificated: no result is due unless the centre claims it or opts out";
      return "nothing is outstanding";
  }
}

/// Open holds, and samples that are waited for.
template <class Add>
void add_holds(const Entry& entry, const Circumstances& around, Add add) {
  for (const Hold& hold : around.centre.holds) {
    const Hold::Word* placed = hold.over(entry.key, around.qualification.awarding_organisation);
    if (!placed) continue;
    std::string cause = placed->cause == v1::HoldPlaced::MALPRACTICE       ? "a malpractice or maladministration case is open; close it"
                        : placed->cause == v1::HoldPlaced::CENTRE_RESPONSE ? "the centre has not answered sampling or moderation; answer it"
                                                                           : "the awarding organisation's checks are not complete; complete them";
    add("hold", hold.name, "Hold " + hold.name + ": " + cause + ", and have the hold lifted.");
  }
  for (const Sample& sample : around.centre.samples) {
    if (!sample.pending() || !sample.covers(entry.key)) continue;
    std::string due = sample.due == 0 ? "" : ", due on " + date_text(sample.due);
    bool with_centre = sample.status != v1::SampleDecided::WITH_AWARDING_ORGANISATION;
    add("sample", sample.learner,
        sample.status == v1::SampleDecided::NOT_SATISFIED ? "The sample did not satisfy: the centre is to send work again" + due + "."
        : with_centre                                     ? "The sample is awaited from the centre" + due + "."
                                                          : "The sample is with the awarding organisation; complete moderation.");
  }
}

/// With a capital letter and a full stop.
std::string sentence(std::string text) {
  if (!text.empty() && text.back() != '.') text += '.';
  return capitalised(std::move(text));
}

}  // namespace

std::string_view step_words(v1::Step step) {
  switch (step) {
    case v1::ANSWER_CHECKPOINT:
      return "Answer the checkpoint";
    case v1::RECORD_EVIDENCE:
      return "Record the outstanding units";
    case v1::SUBMIT_CLAIM:
      return "Claim the result";
    case v1::CLOSE_CASE:
      return "Close the case";
    case v1::SEND_SAMPLE:
      return "Send the sample";
    case v1::COMPLETE_MODERATION:
      return "Complete moderation and checks";
    case v1::DECIDE_SPECIAL_CONSIDERATION:
      return "Decide on special consideration";
    case v1::DETERMINE_RESULT:
      return "Determine the result";
    case v1::ISSUE_RESULT:
      return "Issue the result";
    case v1::ACKNOWLEDGE_BATCH:
      return "Acknowledge the batch";
    case v1::APPROVE_CENTRE:
      return "Approve the centre";
    case v1::APPROVE_STAFF:
      return "Approve the member of staff";
    case v1::CARRY_OUT_MONITORING:
      return "Carry out the monitoring";
    case v1::COMPLETE_ACTION:
      return "Complete the action";
    case v1::LIFT_SANCTION:
      return "Decide on the sanction";
    case v1::ASSIGN_ASSURER:
      return "Assign another external quality assurer";
    case v1::RESOLVE_DISAGREEMENT:
      return "Resolve the disagreement between result and rules";
    case v1::CORRECT_REGISTRATION:
      return "Correct the registration";
    case v1::OBTAIN_APPROVAL:
      return "Obtain the qualification's approval";
    case v1::APPLY_FOR_MITIGATION:
      return "Apply for the mitigation";
    case v1::SEND_EVIDENCE:
      return "Send the evidence";
    case v1::REVIEW_MITIGATION:
      return "Review the application for mitigation";
    case v1::SEND_CALENDAR:
      return "Send the calendar";
    case v1::APPROVE_RELEASE:
      return "Approve the release";
    case v1::OVERRIDE_CHECK:
      return "Look at what stopped the release";
    default:
      return "Nothing";
  }
}

std::string_view reason_words(v1::Reason reason) {
  switch (reason) {
    case v1::N1:
      return "centre deferred or will not claim, evidence incomplete";
    case v1::N2:
      return "centre withdrew the learner";
    case v1::N3:
      return "not certificated, centre did not claim";
    case v1::N4:
      return "evidence incomplete, centre did not confirm status";
    case v1::L1:
      return "claim made on or after results day";
    case v1::L2:
      return "very late entry";
    case v1::L3:
      return "late change of course or size";
    case v1::L4:
      return "open malpractice or maladministration case";
    case v1::L5:
      return "centre did not respond to sampling or moderation";
    case v1::L6:
      return "awarding organisation's marking or moderation late";
    case v1::L7:
      return "very late special-consideration request";
    default:
      return "";
  }
}

std::vector<std::string> outstanding_units(const EntryFacts& facts, const Qualification& qualification, const CalculatedUnits* calculated) {
  std::vector<std::string> codes;
  const Combination* way = way_of(facts, qualification);
  UnitSet units = (way ? *way : qualification.ways.front()).mandatory & ~standings_of(facts, qualification, calculated).achieved;
  each_unit(units, [&](std::size_t unit) { codes.push_back(qualification.units[unit].code); });
  std::uint32_t credit = attain(facts, qualification, calculated).optional_credit_missing;
  if (credit > 0) codes.push_back(std::to_string(credit) + " credits of optional units");
  return codes;
}

std::vector<v1::Obstacle> obstacles(const Entry& entry, const Derived& derived, const Circumstances& around) {
  const Status& status = derived.status;
  std::vector<v1::Obstacle> found;
  auto add = [&](std::string_view rule, const std::string& subject, std::string text) {
    v1::Obstacle& made = found.emplace_back();
    made.set_rule(std::string(rule));
    made.set_subject(subject);
    made.set_text(std::move(text));
  };
  bool ended = status.stage == v1::WITHDRAWN || status.stage == v1::DEFERRED;
  if (ended || entry.issued.revoked) return found;
  // An issued result stands on the decision that made it: only one that the rules themselves gave can lose its ground.
  if (!entry.issued.any() || around.qualification.computed) found = missing(entry.facts, around.qualification, around.calculated.get());
  if (!entry.issued.any() || status.rule == Rule::hold) add_holds(entry, around, add);
  if (!entry.issued.any() && around.scrutiny)
    for (v1::Obstacle& one : scrutiny_obstacles(entry, around)) found.push_back(std::move(one));
  bool named = std::any_of(found.begin(), found.end(), [&](const auto& one) { return one.rule() == rule_name(status.rule); });
  // The claim stands all the same; that the answer speaks against it is said.
  bool against = !entry.issued.any() && entry.facts.has_claim() && entry.facts.claim.before(entry.facts.answered) &&
                 (entry.facts.answer == v1::CheckpointAnswered::DEFERRED || entry.facts.answer == v1::CheckpointAnswered::NOT_ELIGIBLE);
  if (against)
    add("answer-against-claim", "",
        "The centre answered after its claim that the learner " +
            std::string(entry.facts.answer == v1::CheckpointAnswered::DEFERRED ? "is deferred" : "is not eligible") +
            "; the claim stands, and is taken back by ClaimWithdrawn only.");
  if (status.rule != Rule::none && !named) add(rule_name(status.rule), "", sentence(rule_text(entry, around, status.rule)));
  // What is wrong with the registration itself is mended before any more work.
  if (status.rule != Rule::none && !named && status.rule < Rule::centre_approval) std::rotate(found.begin(), found.end() - 1, found.end());
  return found;
}

std::string why(const Entry& entry, const Derived& derived, const Circumstances& around) {
  const Status& status = derived.status;
  if (entry.issued.any() && status.band == v1::AT_RISK) return "Issued, and withheld: " + clause(rule_text(entry, around, status.rule)) + ".";
  switch (status.band) {
    case v1::SETTLED:
      if (entry.issued.any()) return entry.issued.late ? "Issued late: " + std::string(reason_words(status.reason)) + "." : "Issued in time.";
      return "No result is due: " + std::string(reason_words(status.reason)) + ".";
    case v1::LATE: {
      std::string deadline = around.calendar ? local_text(around.calendar->issue_deadline) : "";
      return "Late since the issue deadline, " + deadline + ": " + blocker_text(entry, derived, around) + " (" +
             std::string(reason_words(status.reason)) + ").";
    }
    default:
      break;
  }
  if (status.rule == Rule::calendar) return sentence(calendar_text(entry, around));
  if (status.step == v1::ISSUE_RESULT && !around.halted) return "Ready; goes at " + local_text(status.due_ms) + ".";
  std::string text = capitalised(blocker_text(entry, derived, around));
  text += "; " + days_text(derived.left_ms) + " to the issue deadline";
  if (derived.remaining.slow_ms > 0)
    text += ", and what remains usually takes " + days_text(derived.remaining.usual_ms) + ", at times " + days_text(derived.remaining.slow_ms);
  return text + ".";
}

}  // namespace vtq
