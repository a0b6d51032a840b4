package vtq.peer;

import java.util.Arrays;
import vtq.v1.EventOuterClass.CheckpointAnswered;
import vtq.v1.EventOuterClass.HoldPlaced;
import vtq.v1.EventOuterClass.RegistrationChanged;
import vtq.v1.EventOuterClass.SampleDecided;
import vtq.v1.EventOuterClass.SpecialConsideration;
import vtq.v1.Output.Band;
import vtq.v1.Output.Need;
import vtq.v1.Output.Owner;
import vtq.v1.Output.Reason;
import vtq.v1.Output.Stage;
import vtq.v1.Output.Step;

/**
 * Status out: pipeline/status/derive.cc and pipeline/release/release.cc. One per task, used again for every entry, so that deriving allocates nothing:
 * {@link #around} sets what decides besides the entry's own facts, {@link #run} leaves its findings in the fields.
 */
final class Derivation {
  // In the order in which they go before each other.
  private static final int NO_BLOCK = 0;
  private static final int MALPRACTICE = 1;
  private static final int CENTRE_RESPONSE = 2;
  private static final int AWARDING_ORGANISATION = 3;

  private static final long LEAD_MS = 72 * UkTime.HOUR_MS;
  private static final long EVERY_MS = 24 * UkTime.HOUR_MS;
  private static final long FINAL_MARGIN_MS = UkTime.HOUR_MS;

  private final Reference reference;
  private final Durations durations;

  // Circumstances.
  private Centre centre;
  private Entry entry;
  Reference.Qualification qualification;
  Reference.Calendar calendar;
  private Reference.Plan plan;
  boolean halted;
  private boolean silenceIsCritical;

  // Findings.
  final Status status = new Status();
  int optionalCreditMissing;
  boolean ready;
  boolean issueNow;
  long wakeAtMs;
  long leftMs;
  long usualMs;
  long slowMs;

  private long now;
  private int block;
  private int sampleDue;

  Derivation(Reference reference, Durations durations) {
    this.reference = reference;
    this.durations = durations;
  }

  void around(Centre ofCentre, Entry ofEntry) {
    centre = ofCentre;
    entry = ofEntry;
    qualification = reference.qualification(entry.qualification);
    int ao = qualification.awardingOrganisation;
    long cohort = Reference.cohort(ao, qualification.level, entry.series);
    calendar = reference.calendar(cohort);
    plan = centre.plans.isEmpty() ? null : centre.plans.get(cohort);
    if (plan == null) plan = reference.plan(cohort);
    // Either may stop issuing; the centre's own word cannot undo a stop for all.
    halted = reference.halted(ao, entry.series)
        || (!centre.halts.isEmpty() && centre.halts.getOrDefault(Reference.cohort(ao, 0, entry.series), false));
    silenceIsCritical = reference.silenceIsCritical(ao);
  }

  void run(long time) {
    now = time;
    status.clear();
    ready = issueNow = false;
    wakeAtMs = UkTime.NEVER;
    leftMs = usualMs = slowMs = 0;
    attain();
    setNeed();
    if (entry.issued()) {
      afterIssue();
    } else if (withdrawn()) {
      end(Stage.WITHDRAWN_VALUE, Reason.N2_VALUE);
    } else if (deferred()) {
      end(Stage.DEFERRED_VALUE, Reason.N1_VALUE);
    } else {
      beforeIssue();
    }
  }

  // ---- attainment ----

  private int achievedAt(Reference.UnitRule rule) {
    long[] units = entry.units;
    for (int at = 0; at < units.length; at += Entry.UNIT_LONGS)
      if ((int) (units[at] >> 32) == rule.id && achieved(units, at)) return at;
    return -1;
  }

  private boolean achieved(long[] units, int at) {
    int learningOutcome = (int) units[at];
    if (learningOutcome == Entry.PRIOR_LEARNING) return true;
    if (learningOutcome != 0 || (units[at + 3] & 0xff) != Entry.ACHIEVED) return false;
    Reference.Scale scale = qualification.unitScale;
    return scale == null || scale.achieves((int) units[at + 2]);
  }

  private void attain() {
    int outstanding = 0;
    int credit = 0;
    for (Reference.UnitRule rule : qualification.units) {
      boolean achieved = achievedAt(rule) >= 0;
      if (rule.mandatory) {
        if (!achieved) ++outstanding;
      } else if (achieved) {
        credit += rule.credit;
      }
    }
    optionalCreditMissing = Math.max(qualification.optionalCreditRequired - credit, 0);
    status.outstandingUnits = optionalCreditMissing > 0 ? outstanding + 1 : outstanding;
  }

  boolean achieved(Reference.UnitRule rule) {
    return achievedAt(rule) >= 0;
  }

  private boolean eligible() {
    return status.outstandingUnits == 0;
  }

  /** When the attainment rules were first met by the facts that now hold; 0 when they are not. */
  private long evidenceCompleteAt() {
    long complete = entry.firstRegisteredMs;
    long[][] optional = new long[qualification.units.length][];
    int found = 0;
    for (Reference.UnitRule rule : qualification.units) {
      int at = achievedAt(rule);
      if (at < 0 && rule.mandatory) return 0;
      if (at < 0) continue;
      if (rule.mandatory) {
        complete = Math.max(complete, entry.units[at + 1]);
      } else {
        optional[found++] = new long[] {entry.units[at + 1], rule.credit};
      }
    }
    Arrays.sort(optional, 0, found,
        (a, b) -> a[0] != b[0] ? Long.compare(a[0], b[0]) : Long.compare(a[1], b[1]));
    long credit = 0;
    for (int at = 0; at < found && credit < qualification.optionalCreditRequired; ++at) {
      credit += optional[at][1];
      complete = Math.max(complete, optional[at][0]);
    }
    return credit >= qualification.optionalCreditRequired ? complete : 0;
  }

  // ---- what holds ----

  private boolean claimed() {
    return entry.hasClaim() || qualification.awardedWithoutClaim;
  }

  private boolean dated() {
    return calendar != null && calendar.issueDeadline() != UkTime.NEVER;
  }

  private boolean deadlinePassed() {
    return dated() && now >= calendar.issueDeadline();
  }

  private boolean withdrawn() {
    return (entry.withdrawnMs != 0 && Merge.later(entry.withdrawnMs, entry.withdrawnTie, entry.registeredMs, entry.registeredTie))
        || (entry.transferredMs != 0
            && Merge.later(entry.transferredMs, entry.transferredTie, entry.registeredMs, entry.registeredTie));
  }

  private boolean deferred() {
    boolean answeredSo = entry.answeredMs != 0 && (entry.answer == CheckpointAnswered.Answer.DEFERRED_VALUE
        || entry.answer == CheckpointAnswered.Answer.NOT_ELIGIBLE_VALUE);
    boolean resultAnyway = qualification.awardedWithoutClaim && entry.hasResult();
    return answeredSo && !entry.hasClaim() && !resultAnyway;
  }

  private boolean considerationOpen() {
    return entry.considerationMs != 0 && entry.considerationStatus == SpecialConsideration.Status.REQUESTED_VALUE;
  }

  private boolean veryLateEntry() {
    return calendar != null && entry.firstRegisteredMs > calendar.lateEntryAfter();
  }

  private boolean lateChange() {
    boolean moved = entry.change == RegistrationChanged.Change.COURSE_VALUE || entry.change == RegistrationChanged.Change.SIZE_VALUE;
    return calendar != null && moved && entry.changedMs != 0 && entry.changedMs > calendar.lateEntryAfter();
  }

  private boolean veryLateConsideration() {
    return calendar != null && calendar.claimDeadline() != UkTime.NEVER && entry.considerationMs != 0
        && entry.considerationDay > UkTime.localDay(calendar.claimDeadline());
  }

  private boolean needOpen() {
    return calendar != null && calendar.hasCheckpoint() && entry.answeredMs == 0 && qualification.inCheckpointScope;
  }

  private void findBlock() {
    block = NO_BLOCK;
    sampleDue = 0;
    for (Centre.Hold hold : centre.holds) {
      if (!hold.open() || !hold.covers(entry, qualification.awardingOrganisation)) continue;
      raise(switch (hold.cause) {
        case HoldPlaced.Cause.MALPRACTICE_VALUE -> MALPRACTICE;
        case HoldPlaced.Cause.CENTRE_RESPONSE_VALUE -> CENTRE_RESPONSE;
        default -> AWARDING_ORGANISATION;
      });
    }
    for (Centre.Sample sample : centre.samples) {
      if (!sample.pending() || !sample.covers(entry)) continue;
      boolean withCentre = !sample.withAwardingOrganisation();
      if (withCentre) sampleDue = sample.due;
      raise(withCentre ? CENTRE_RESPONSE : AWARDING_ORGANISATION);
    }
  }

  private void raise(int to) {
    if (block == NO_BLOCK || to < block) block = to;
  }

  // ---- the status ----

  private void wake(long at) {
    if (at > now && at < wakeAtMs) wakeAtMs = at;
  }

  /** Risk is judged by the full hour, so that a centre's entries wake together and a look in between sees the same. */
  private void wakeAtTheHourAfter(long at) {
    wake((at / UkTime.HOUR_MS + 1) * UkTime.HOUR_MS);
  }

  private void setNeed() {
    if (!qualification.inCheckpointScope) {
      status.need = Need.NOT_IN_SCOPE_VALUE;
      return;
    }
    if (entry.answeredMs == 0) {
      status.need = Need.UNCONFIRMED_VALUE;
      boolean checkpoint = calendar != null && calendar.hasCheckpoint();
      status.treatedAsCritical = checkpoint && now >= calendar.checkpointCloses() && silenceIsCritical;
      if (checkpoint && silenceIsCritical) wake(calendar.checkpointCloses());
      return;
    }
    status.need = entry.answer == CheckpointAnswered.Answer.NEEDED_VALUE ? Need.PROGRESSION_CRITICAL_VALUE : Need.NOT_NEEDED_VALUE;
  }

  private void end(int stage, int reason) {
    status.stage = stage;
    status.reason = reason;
    status.band = Band.SETTLED_VALUE;
  }

  private void beLate() {
    status.late = true;
    status.band = Band.LATE_VALUE;
    status.reason = lateReason();
    leftMs = calendar.issueDeadline() - now;
  }

  private void next(int step, int owner, long due) {
    status.step = step;
    status.owner = owner;
    status.dueMs = due == UkTime.NEVER ? 0 : due;
  }

  private void afterIssue() {
    status.reason = entry.issuedReason;
    status.late = entry.issuedLate;
    status.band = Band.SETTLED_VALUE;
    long release = calendar != null ? calendar.learnerRelease() : UkTime.NEVER;
    if (now >= release) {
      status.stage = Stage.RELEASED_VALUE;
    } else if (entry.acknowledgedMs != 0) {
      status.stage = Stage.ACKNOWLEDGED_VALUE;
    } else {
      status.stage = Stage.ISSUED_VALUE;
      next(Step.ACKNOWLEDGE_BATCH_VALUE, Owner.CENTRE_VALUE, release);
    }
    if (now < release) wake(release);
    boolean differs = entry.resultKind == Entry.RESULT_REVOKED
        ? !entry.issuedRevoked
        : entry.hasResult() && (entry.issuedRevoked || !entry.resultGrade.equals(entry.issuedGrade)
            || !entry.resultScale.equals(entry.issuedScale));
    issueNow = differs && !halted;
  }

  private void beforeIssue() {
    findBlock();
    climb();
    if (ready) {
      planIssue();
      return;
    }
    if (deadlinePassed() && (!claimed() || !eligible())) {
      end(Stage.NOT_CERTIFICATED_VALUE, codeWithoutResult());
      return;
    }
    findNextStep();
    if (deadlinePassed()) {
      beLate();
    } else {
      assessRisk();
    }
  }

  private int codeWithoutResult() {
    if (!eligible() && entry.answeredMs == 0) return Reason.N4_VALUE;
    return claimed() ? Reason.N1_VALUE : Reason.N3_VALUE;
  }

  private void climb() {
    status.stage = Stage.REGISTERED_VALUE;
    if (!eligible()) return;
    status.stage = Stage.ELIGIBLE_VALUE;
    if (!claimed()) return;
    status.stage = Stage.CLAIMED_VALUE;
    if (block != NO_BLOCK) return;
    status.stage = Stage.ASSURED_VALUE;
    if (!entry.hasResult() || considerationOpen()) return;
    status.stage = Stage.READY_VALUE;
    ready = true;
  }

  private void planIssue() {
    long at = issueTime(entry.readySinceMs != 0 ? entry.readySinceMs : now);
    next(Step.ISSUE_RESULT_VALUE, Owner.AWARDING_ORGANISATION_VALUE, at);
    if (now >= at && !halted) {
      issueNow = true;
      return;
    }
    if (now < at) wake(at);
    if (deadlinePassed()) {
      beLate();
      return;
    }
    if (dated()) {
      leftMs = calendar.issueDeadline() - now;
      wake(calendar.issueDeadline());
    }
    // Halted: someone must let it go on in time.
    status.band = halted ? Band.AT_RISK_VALUE : Band.ON_TRACK_VALUE;
    if (halted) status.reason = Reason.L6_VALUE;
  }

  /** The next cut of the plan; from the last cut before the issue deadline on, at once. */
  private long issueTime(long readyAt) {
    if (!dated()) return plan != null ? Math.max(readyAt, plan.firstMs()) : UkTime.NEVER;
    long lastCut = calendar.issueDeadline() - FINAL_MARGIN_MS;
    if (readyAt >= lastCut) return readyAt;
    long first = plan != null ? plan.firstMs() : lastCut - LEAD_MS;
    long every = plan != null ? plan.everyMs() : EVERY_MS;
    if (readyAt <= first) return Math.min(first, lastCut);
    long cuts = (readyAt - first + every - 1) / every;
    return Math.min(first + cuts * every, lastCut);
  }

  private void findNextStep() {
    long claimBy = calendar != null ? calendar.claimDeadline() : UkTime.NEVER;
    long issueBy = calendar != null ? calendar.issueDeadline() : UkTime.NEVER;
    if (needOpen() && now >= calendar.checkpointOpens() && !claimed()) {
      next(Step.ANSWER_CHECKPOINT_VALUE, Owner.CENTRE_VALUE, calendar.checkpointCloses());
    } else if (!eligible()) {
      next(Step.RECORD_EVIDENCE_VALUE, Owner.CENTRE_VALUE, claimBy);
    } else if (!claimed()) {
      next(Step.SUBMIT_CLAIM_VALUE, Owner.CENTRE_VALUE, claimBy);
    } else if (block == MALPRACTICE) {
      next(Step.CLOSE_CASE_VALUE, Owner.AWARDING_ORGANISATION_VALUE, issueBy);
    } else if (block == CENTRE_RESPONSE) {
      next(Step.SEND_SAMPLE_VALUE, Owner.CENTRE_VALUE, sampleDue != 0 ? UkTime.dayBegins(sampleDue + 1) : claimBy);
    } else if (block == AWARDING_ORGANISATION) {
      next(Step.COMPLETE_MODERATION_VALUE, Owner.AWARDING_ORGANISATION_VALUE, issueBy);
    } else if (considerationOpen()) {
      next(Step.DECIDE_SPECIAL_CONSIDERATION_VALUE, Owner.AWARDING_ORGANISATION_VALUE, issueBy);
    } else {
      next(Step.DETERMINE_RESULT_VALUE, Owner.AWARDING_ORGANISATION_VALUE, issueBy);
    }
  }

  private void assessRisk() {
    if (needOpen()) {
      wake(calendar.checkpointOpens());
      wake(calendar.checkpointCloses());
    }
    if (!dated()) {
      status.band = Band.ON_TRACK_VALUE;
      return;
    }
    long deadline = calendar.issueDeadline();
    sumRemainingSteps();
    leftMs = deadline - now / UkTime.HOUR_MS * UkTime.HOUR_MS;
    wake(deadline);
    wakeAtTheHourAfter(deadline - slowMs);
    wakeAtTheHourAfter(deadline - usualMs);
    boolean silent = needOpen() && now >= calendar.checkpointCloses();
    if (leftMs < usualMs) {
      status.band = Band.AT_RISK_VALUE;
    } else if (leftMs < slowMs || silent || block == MALPRACTICE) {
      status.band = Band.WATCH_VALUE;
    } else {
      status.band = Band.ON_TRACK_VALUE;
    }
    if (status.band != Band.ON_TRACK_VALUE) status.reason = codeOfWhatBlocks();
  }

  private void sumRemainingSteps() {
    add(Durations.EVIDENCE, Math.min(status.outstandingUnits, Durations.EVIDENCE_GAPS_MAX));
    if (!claimed()) add(Durations.CLAIM, 1);
    if (block != NO_BLOCK) add(Durations.ASSURANCE, 1);
    if (!entry.hasResult() || considerationOpen()) add(Durations.RESULT, 1);
  }

  private void add(int step, int times) {
    if (times == 0) return;
    Durations.Learned learned = durations.of(qualification.awardingOrganisation, step);
    usualMs += Durations.usualMs(learned, step) * times;
    slowMs += Durations.slowMs(learned, step) * times;
  }

  private int codeOfWhatBlocks() {
    if (block == MALPRACTICE) return Reason.L4_VALUE;
    if (veryLateEntry()) return Reason.L2_VALUE;
    if (lateChange()) return Reason.L3_VALUE;
    if (!eligible() && entry.answeredMs == 0) return Reason.N4_VALUE;
    if (!eligible() && claimed()) return Reason.N1_VALUE;
    if (!claimed()) return Reason.N3_VALUE;
    if (block == CENTRE_RESPONSE) return Reason.L5_VALUE;
    if (considerationOpen() && veryLateConsideration()) return Reason.L7_VALUE;
    return Reason.L6_VALUE;
  }

  // ---- at issue ----

  /** Why a result that missed the issue deadline is late: the first code that applies of L4, L1, L2, L3, L7, L5, L6. */
  int lateReason() {
    if (calendar == null) return Reason.L6_VALUE;
    long deadline = calendar.issueDeadline();
    for (Centre.Hold hold : centre.holds) {
      if (hold.cause != HoldPlaced.Cause.MALPRACTICE_VALUE || !hold.covers(entry, qualification.awardingOrganisation)) continue;
      if (openAt(hold, deadline)) return Reason.L4_VALUE;
    }
    long resultsDay = UkTime.dayBegins(UkTime.localDay(calendar.learnerRelease()));
    if (entry.hasClaim() && entry.claimMs >= resultsDay) return Reason.L1_VALUE;
    if (veryLateEntry()) return Reason.L2_VALUE;
    if (lateChange()) return Reason.L3_VALUE;
    boolean considerationLate = considerationOpen() || entry.considerationMs > deadline;
    if (veryLateConsideration() && considerationLate) return Reason.L7_VALUE;
    long complete = evidenceCompleteAt();
    if (entry.hasClaim() && entry.claimMs > deadline) return Reason.L5_VALUE;
    if (complete == 0 || complete > deadline || withCentreAt(deadline)) return Reason.L5_VALUE;
    return Reason.L6_VALUE;
  }

  private static boolean openAt(Centre.Hold hold, long deadline) {
    return hold.placedMs <= deadline && (hold.open() || hold.liftedMs > deadline);
  }

  /** Whether an answer or a sample was the centre's to send when the deadline passed. */
  private boolean withCentreAt(long deadline) {
    for (Centre.Hold hold : centre.holds) {
      if (hold.cause != HoldPlaced.Cause.CENTRE_RESPONSE_VALUE || !hold.covers(entry, qualification.awardingOrganisation)) continue;
      if (openAt(hold, deadline)) return true;
    }
    for (Centre.Sample sample : centre.samples) {
      if (!sample.covers(entry)) continue;
      boolean awaited = sample.status == SampleDecided.Status.AWAITING_CENTRE_VALUE;
      if (sample.atMs <= deadline) {
        if (sample.pending() && !sample.withAwardingOrganisation()) return true;
        continue;
      }
      int last = UkTime.localDay(deadline);
      boolean asked = sample.due != 0 ? sample.due <= last : sample.responded != 0;
      if (!asked || sample.status == SampleDecided.Status.NOT_REQUIRED_VALUE) continue;
      if (awaited || (sample.responded != 0 ? sample.responded : UkTime.localDay(sample.atMs)) > last) return true;
    }
    return false;
  }

  /** Lengths of the steps of an entry whose result is there. */
  void observeSteps() {
    int ao = qualification.awardingOrganisation;
    long complete = evidenceCompleteAt();
    long before = 0;
    for (int at = 0; at < entry.units.length; at += Entry.UNIT_LONGS)
      if (entry.units[at + 1] < complete) before = Math.max(before, entry.units[at + 1]);
    if (before != 0) durations.observe(ao, Durations.EVIDENCE, complete - before);
    if (entry.hasClaim()) durations.observe(ao, Durations.CLAIM, entry.claimMs - complete);
    long claimedAt = Math.max(complete, entry.claimMs);
    long assured = assuredAt();
    if (assured > claimedAt) durations.observe(ao, Durations.ASSURANCE, assured - claimedAt);
    durations.observe(ao, Durations.RESULT, entry.resultMs - Math.max(claimedAt, assured));
  }

  private long assuredAt() {
    long at = 0;
    for (Centre.Hold hold : centre.holds)
      if (hold.covers(entry, qualification.awardingOrganisation)) at = Math.max(at, hold.liftedMs);
    for (Centre.Sample sample : centre.samples)
      if (sample.covers(entry)) at = Math.max(at, sample.atMs);
    return at;
  }
}
