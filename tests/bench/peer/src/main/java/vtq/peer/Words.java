package vtq.peer;

import vtq.v1.Output.Band;
import vtq.v1.Output.Reason;
import vtq.v1.Output.Step;

/** Statuses in words, for people: pipeline/status/words.cc. */
final class Words {
  private static final String[] STEPS = {"Nothing", "Answer the checkpoint", "Record the outstanding units", "Claim the result",
      "Close the case", "Send the sample", "Complete moderation and checks", "Decide on special consideration", "Determine the result",
      "Issue the result", "Acknowledge the batch"};

  private Words() {}

  static String step(int step) {
    return STEPS[step];
  }

  private static String reason(int reason) {
    return switch (reason) {
      case Reason.N1_VALUE -> "centre deferred or will not claim, evidence incomplete";
      case Reason.N2_VALUE -> "centre withdrew the learner";
      case Reason.N3_VALUE -> "not certificated, centre did not claim";
      case Reason.N4_VALUE -> "evidence incomplete, centre did not confirm status";
      case Reason.L1_VALUE -> "claim made on or after results day";
      case Reason.L2_VALUE -> "very late entry";
      case Reason.L3_VALUE -> "late change of course or size";
      case Reason.L4_VALUE -> "open malpractice or maladministration case";
      case Reason.L5_VALUE -> "centre did not respond to sampling or moderation";
      case Reason.L6_VALUE -> "awarding organisation's marking or moderation late";
      case Reason.L7_VALUE -> "very late special-consideration request";
      default -> "";
    };
  }

  private static String blocker(Status status) {
    return switch (status.step) {
      case Step.ANSWER_CHECKPOINT_VALUE -> "the centre has not answered the checkpoint";
      case Step.RECORD_EVIDENCE_VALUE ->
          status.outstandingUnits + (status.outstandingUnits == 1 ? " unit is outstanding" : " units are outstanding");
      case Step.SUBMIT_CLAIM_VALUE -> "the result is not claimed";
      case Step.CLOSE_CASE_VALUE -> "a malpractice or maladministration case is open";
      case Step.SEND_SAMPLE_VALUE -> "the centre has not answered sampling or moderation";
      case Step.COMPLETE_MODERATION_VALUE -> "the awarding organisation's checks are not complete";
      case Step.DECIDE_SPECIAL_CONSIDERATION_VALUE -> "a request for special consideration is undecided";
      case Step.DETERMINE_RESULT_VALUE -> "the awarding organisation has not determined the result";
      case Step.ISSUE_RESULT_VALUE -> "issuing is halted";
      default -> "nothing is outstanding";
    };
  }

  private static String days(long length) {
    long days = (Math.max(length, 0) + UkTime.DAY_MS / 2) / UkTime.DAY_MS;
    if (days == 0) return "less than a day";
    return days == 1 ? "1 day" : days + " days";
  }

  /** Why an entry is in its band; {@code derived} has just derived it. */
  static String why(Entry entry, Derivation derived) {
    Status status = derived.status;
    if (status.band == Band.SETTLED_VALUE) {
      if (!entry.issued()) return "No result is due: " + reason(status.reason) + ".";
      return entry.issuedLate ? "Issued late: " + reason(status.reason) + "." : "Issued in time.";
    }
    if (status.band == Band.LATE_VALUE) {
      return "Late since the issue deadline, " + UkTime.localText(derived.calendar.issueDeadline()) + ": " + blocker(status) + " ("
          + reason(status.reason) + ").";
    }
    if (derived.calendar == null)
      return "No dates are known for this awarding organisation, level and series; send its CalendarDefined.";
    if (status.step == Step.ISSUE_RESULT_VALUE && !derived.halted) return "Ready; goes at " + UkTime.localText(status.dueMs) + ".";
    String blocker = blocker(status);
    String text = Character.toUpperCase(blocker.charAt(0)) + blocker.substring(1) + "; " + days(derived.leftMs)
        + " to the issue deadline";
    if (derived.slowMs > 0)
      text += ", and what remains usually takes " + days(derived.usualMs) + ", at times " + days(derived.slowMs);
    return text + ".";
  }
}
