#include "pipeline/words.h"

#include <algorithm>

#include "pipeline/approval.h"
#include "pipeline/mitigation.h"
#include "pipeline/scrutiny.h"

namespace vtq {
namespace {

std::string days_text(TimeMs length) {
  TimeMs days = (std::max<TimeMs>(length, 0) + kDayMs / 2) / kDayMs;
  if (days == 0) return "less than a day";
  return days == 1 ? "1 day" : std::to_string(days) + " days";
}

std::string rule_text(const Entry& entry, const Circumstances& around, Rule rule) {
  if (rule < Rule::centre_approval) return approval_text(entry, around, rule);
  if (rule < Rule::mitigation_application) return scrutiny_text(entry, around, rule);
  return mitigation_text(entry, around, rule);
}

std::string blocker_text(const Entry& entry, const Derived& derived, const Circumstances& around) {
  switch (derived.status.step) {
    case v1::ANSWER_CHECKPOINT:
      return "the centre has not answered the checkpoint";
    case v1::RECORD_EVIDENCE: {
      auto units = derived.status.outstanding_units;
      return std::to_string(units) + (units == 1 ? " unit is outstanding" : " units are outstanding");
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
      if (derived.status.rule != Rule::none) return rule_text(entry, around, derived.status.rule);
      return "nothing is outstanding";
  }
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

std::vector<std::string> outstanding_units(const EntryFacts& facts, const Qualification& qualification) {
  std::vector<std::string> codes;
  Qualification single = {};
  single.unit_scale = qualification.unit_scale;
  for (const UnitRule& rule : qualification.units) {
    if (!rule.mandatory) continue;
    single.units.assign(1, rule);
    if (!attain(facts, single).eligible()) codes.push_back(rule.code);
  }
  std::uint32_t credit = attain(facts, qualification).optional_credit_missing;
  if (credit > 0) codes.push_back(std::to_string(credit) + " credits of optional units");
  return codes;
}

std::string why(const Entry& entry, const Derived& derived, const Circumstances& around) {
  const Status& status = derived.status;
  switch (status.band) {
    case v1::SETTLED:
      if (entry.issued.any())
        return entry.issued.late ? "Issued late: " + std::string(reason_words(status.reason)) + "." : "Issued in time.";
      return "No result is due: " + std::string(reason_words(status.reason)) + ".";
    case v1::LATE: {
      std::string deadline = around.calendar ? local_text(around.calendar->issue_deadline) : "";
      return "Late since the issue deadline, " + deadline + ": " + blocker_text(entry, derived, around) + " (" +
             std::string(reason_words(status.reason)) + ").";
    }
    default:
      break;
  }
  if (!around.calendar)
    return "No dates are known for this awarding organisation, level and series; send its CalendarDefined.";
  if (status.step == v1::ISSUE_RESULT && !around.halted) return "Ready; goes at " + local_text(status.due_ms) + ".";
  std::string text = blocker_text(entry, derived, around);
  if (!text.empty()) text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  text += "; " + days_text(derived.left_ms) + " to the issue deadline";
  if (derived.remaining.slow_ms > 0)
    text += ", and what remains usually takes " + days_text(derived.remaining.usual_ms) + ", at times " +
            days_text(derived.remaining.slow_ms);
  return text + ".";
}

}  // namespace vtq
