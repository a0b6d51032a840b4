package vtq.peer;

import java.util.Arrays;
import vtq.v1.Common.EntryRef;
import vtq.v1.Common.Grade;
import vtq.v1.EventOuterClass.CheckpointAnswered;
import vtq.v1.EventOuterClass.Event;
import vtq.v1.EventOuterClass.Outcome;
import vtq.v1.EventOuterClass.Registered;
import vtq.v1.EventOuterClass.RegistrationChanged;
import vtq.v1.EventOuterClass.ReleasePlanned;
import vtq.v1.EventOuterClass.SpecialConsideration;

/** Facts in: pipeline/facts/merge.cc. Of the facts for one slot the latest holds, so that order of arrival and duplicates do not matter. */
final class Merge {
  private static final String UNKNOWN_ULN = "9999999999";

  /** Which of a centre's entries a change of its facts touches. Negative and empty members match all. */
  record CentreChange(int qualification, int awardingOrganisation, int series, String learner) {
    static final CentreChange ALL = new CentreChange(-1, -1, -1, "");
  }

  private final Codec codec;

  Merge(Codec codec) {
    this.codec = codec;
  }

  static long atMs(Event event) {
    var at = event.getOccurredAt();
    return at.getSeconds() * 1000 + at.getNanos() / 1_000_000;
  }

  /** Whether the first stamp is later than the second. */
  static boolean later(long atMs, int tie, long heldMs, int heldTie) {
    return atMs > heldMs || (atMs == heldMs && Integer.compareUnsigned(tie, heldTie) > 0);
  }

  static Reference.Plan plan(ReleasePlanned fact) {
    int hours = fact.getEveryHours() == 0 ? 24 : fact.getEveryHours();
    return new Reference.Plan(UkTime.localTime(fact.getFirstIssueAt(), UkTime.NEVER), hours * UkTime.HOUR_MS);
  }

  /** The entry that a fact is about; null when it is about a centre. */
  static EntryRef entryOf(Event event) {
    return switch (event.getFactCase()) {
      case REGISTERED -> event.getRegistered().getEntry();
      case REGISTRATION_CHANGED -> event.getRegistrationChanged().getEntry();
      case TRANSFERRED -> event.getTransferred().getEntry();
      case WITHDRAWN -> event.getWithdrawn().getEntry();
      case CHECKPOINT_ANSWERED -> event.getCheckpointAnswered().getEntry();
      case OUTCOME_RECORDED -> event.getOutcomeRecorded().getEntry();
      case PRIOR_LEARNING_RECOGNISED -> event.getPriorLearningRecognised().getEntry();
      case SPECIAL_CONSIDERATION -> event.getSpecialConsideration().getEntry();
      case CLAIM_SUBMITTED -> event.getClaimSubmitted().getEntry();
      case CLAIM_WITHDRAWN -> event.getClaimWithdrawn().getEntry();
      case RESULT_DETERMINED -> event.getResultDetermined().getEntry();
      case RESULT_AMENDED -> event.getResultAmended().getEntry();
      case RESULT_REVOKED -> event.getResultRevoked().getEntry();
      case RESULT_QUERIED -> event.getResultQueried().getEntry();
      default -> null;
    };
  }

  // ---- entries ----

  /** Merges a fact about an entry; false when nothing changed. */
  boolean intoEntry(Entry entry, Event event, long atMs, int tie) {
    return switch (event.getFactCase()) {
      case REGISTERED -> registered(entry, event.getRegistered(), atMs, tie);
      case REGISTRATION_CHANGED -> changed(entry, event.getRegistrationChanged(), atMs, tie);
      case TRANSFERRED -> {
        if (!later(atMs, tie, entry.transferredMs, entry.transferredTie)) yield false;
        entry.transferredMs = atMs;
        entry.transferredTie = tie;
        entry.toCentre = Identifiers.centre(event.getTransferred().getToCentre());
        yield true;
      }
      case WITHDRAWN -> {
        if (!later(atMs, tie, entry.withdrawnMs, entry.withdrawnTie)) yield false;
        entry.withdrawnMs = atMs;
        entry.withdrawnTie = tie;
        yield true;
      }
      case CHECKPOINT_ANSWERED -> answered(entry, event.getCheckpointAnswered(), atMs, tie);
      case OUTCOME_RECORDED -> {
        boolean applied = false;
        for (Outcome outcome : event.getOutcomeRecorded().getOutcomesList()) applied |= outcome(entry, outcome, atMs, tie);
        yield applied;
      }
      case PRIOR_LEARNING_RECOGNISED -> unit(entry, Identifiers.shortHash(event.getPriorLearningRecognised().getUnit()),
          Entry.PRIOR_LEARNING, atMs, tie, 0, Entry.RECOGNISED);
      case SPECIAL_CONSIDERATION -> consideration(entry, event.getSpecialConsideration(), atMs, tie);
      case CLAIM_SUBMITTED -> claim(entry, true, event.getClaimSubmitted().getGrade().getValue(), atMs, tie);
      case CLAIM_WITHDRAWN -> claim(entry, false, "", atMs, tie);
      case RESULT_DETERMINED -> result(entry, Entry.RESULT_DETERMINED, event.getResultDetermined().getGrade(), atMs, tie);
      case RESULT_AMENDED -> result(entry, Entry.RESULT_AMENDED, event.getResultAmended().getGrade(), atMs, tie);
      case RESULT_REVOKED -> result(entry, Entry.RESULT_REVOKED, Grade.getDefaultInstance(), atMs, tie);
      case RESULT_QUERIED -> {
        if (!later(atMs, tie, entry.queriedMs, entry.queriedTie)) yield false;
        entry.queriedMs = atMs;
        entry.queriedTie = tie;
        yield true;
      }
      default -> throw new IllegalStateException("not a fact about an entry: " + event.getFactCase());
    };
  }

  private boolean registered(Entry entry, Registered fact, long atMs, int tie) {
    boolean earliest = entry.firstRegisteredMs == 0 || atMs < entry.firstRegisteredMs;
    if (earliest) entry.firstRegisteredMs = atMs;
    if (!later(atMs, tie, entry.registeredMs, entry.registeredTie)) return earliest;
    entry.registeredMs = atMs;
    entry.registeredTie = tie;
    String uln = fact.getUln();
    entry.uln = uln.isEmpty() || uln.equals(UNKNOWN_ULN) ? 0 : Long.parseLong(uln);
    entry.uci = fact.getUci();
    entry.details = fact.hasDetails() ? fact.getDetails().toByteArray() : null;
    return true;
  }

  private boolean changed(Entry entry, RegistrationChanged fact, long atMs, int tie) {
    // A change of mere details must not hide a change of course or size.
    if (fact.getChange() == RegistrationChanged.Change.DETAILS) {
      if (!later(atMs, tie, entry.detailsChangedMs, entry.detailsChangedTie)) return false;
      entry.detailsChangedMs = atMs;
      entry.detailsChangedTie = tie;
      return true;
    }
    if (!later(atMs, tie, entry.changedMs, entry.changedTie)) return false;
    entry.changedMs = atMs;
    entry.changedTie = tie;
    entry.change = fact.getChangeValue();
    return true;
  }

  private boolean answered(Entry entry, CheckpointAnswered fact, long atMs, int tie) {
    if (!later(atMs, tie, entry.answeredMs, entry.answeredTie)) return false;
    entry.answeredMs = atMs;
    entry.answeredTie = tie;
    entry.answer = fact.getAnswerValue();
    entry.route = fact.getRouteValue();
    entry.estimatedCompletion = UkTime.date(fact.getEstimatedCompletion());
    entry.predictedGrade = codec.word(fact.getPredictedGrade().getValue());
    return true;
  }

  private boolean outcome(Entry entry, Outcome outcome, long atMs, int tie) {
    String learningOutcome = outcome.getLearningOutcome();
    String grade = outcome.getGrade();
    int mark = outcome.hasMark() ? (outcome.getMark() + 1) & 0xffffff : 0;
    int standing = outcome.getStanding() == Outcome.Standing.ACHIEVED ? Entry.ACHIEVED : Entry.NOT_YET_ACHIEVED;
    return unit(entry, Identifiers.shortHash(outcome.getUnit()),
        learningOutcome.isEmpty() ? 0 : Identifiers.shortHash(learningOutcome), atMs, tie,
        grade.isEmpty() ? 0 : Identifiers.shortHash(grade), mark << 8 | standing);
  }

  private static boolean unit(Entry entry, int unit, int learningOutcome, long atMs, int tie, int grade, int markAndStanding) {
    long id = (long) unit << 32 | (learningOutcome & 0xffffffffL);
    long[] units = entry.units;
    int at = 0;
    // Kept sorted, so that the same facts make the same state whatever order they came in.
    while (at < units.length && Long.compareUnsigned(units[at], id) < 0) at += Entry.UNIT_LONGS;
    if (at < units.length && units[at] == id) {
      if (!later(atMs, tie, units[at + 1], (int) (units[at + 2] >> 32))) return false;
    } else {
      long[] grown = Arrays.copyOf(units, units.length + Entry.UNIT_LONGS);
      System.arraycopy(units, at, grown, at + Entry.UNIT_LONGS, units.length - at);
      entry.units = units = grown;
    }
    units[at] = id;
    units[at + 1] = atMs;
    units[at + 2] = (long) tie << 32 | (grade & 0xffffffffL);
    units[at + 3] = markAndStanding;
    return true;
  }

  private static boolean consideration(Entry entry, SpecialConsideration fact, long atMs, int tie) {
    if (!later(atMs, tie, entry.considerationMs, entry.considerationTie)) return false;
    entry.considerationMs = atMs;
    entry.considerationTie = tie;
    entry.considerationStatus = fact.getStatusValue();
    entry.considerationDay = fact.getRequestedOn().isEmpty() ? UkTime.localDay(atMs) : UkTime.date(fact.getRequestedOn());
    return true;
  }

  private boolean claim(Entry entry, boolean claimed, String grade, long atMs, int tie) {
    if (!later(atMs, tie, entry.claimMs, entry.claimTie)) return false;
    entry.claimMs = atMs;
    entry.claimTie = tie;
    entry.claimWithdrawn = !claimed;
    entry.claimedGrade = codec.word(grade);
    return true;
  }

  private boolean result(Entry entry, int kind, Grade grade, long atMs, int tie) {
    if (!later(atMs, tie, entry.resultMs, entry.resultTie)) return false;
    entry.resultMs = atMs;
    entry.resultTie = tie;
    entry.resultKind = kind;
    entry.resultScale = codec.word(grade.getScale());
    entry.resultGrade = codec.word(grade.getValue());
    return true;
  }

  // ---- centres ----

  /** Brings a centre's decoded facts up to date with one that holds; null when it touches no status. */
  static CentreChange intoCentre(Centre centre, Event event, long atMs, int tie) {
    return switch (event.getFactCase()) {
      case HOLD_PLACED -> {
        var fact = event.getHoldPlaced();
        Centre.Hold hold = centre.hold(fact.getAwardingOrganisation() + " " + fact.getHold());
        hold.placedMs = atMs;
        hold.placedTie = tie;
        hold.awardingOrganisation = Identifiers.awardingOrganisation(fact.getAwardingOrganisation());
        hold.qualification = fact.getQualification().isEmpty() ? -1 : Identifiers.qualification(fact.getQualification());
        hold.series = fact.getSeries().isEmpty() ? -1 : Identifiers.series(fact.getSeries());
        hold.learner = fact.getLearner();
        hold.cause = fact.getCauseValue();
        yield CentreChange.ALL;
      }
      case HOLD_LIFTED -> {
        Centre.Hold hold = centre.hold(event.getHoldLifted().getAwardingOrganisation() + " " + event.getHoldLifted().getHold());
        hold.liftedMs = atMs;
        hold.liftedTie = tie;
        yield CentreChange.ALL;
      }
      case SAMPLE_DECIDED -> {
        var fact = event.getSampleDecided();
        Centre.Sample sample = centre.sample(Identifiers.qualification(fact.getQualification()),
            Identifiers.series(fact.getSeries()), fact.getLearner());
        sample.atMs = atMs;
        sample.status = fact.getStatusValue();
        sample.due = UkTime.date(fact.getDueOn());
        sample.responded = UkTime.date(fact.getRespondedOn());
        yield new CentreChange(sample.qualification, -1, sample.series, sample.learner);
      }
      case RELEASE_PLANNED -> {
        var fact = event.getReleasePlanned();
        int ao = Identifiers.awardingOrganisation(fact.getAwardingOrganisation());
        int series = Identifiers.series(fact.getSeries());
        centre.plans.put(Reference.cohort(ao, fact.getLevelValue(), series), plan(fact));
        yield new CentreChange(-1, ao, series, "");
      }
      case ISSUING_HALTED -> {
        var fact = event.getIssuingHalted();
        int ao = Identifiers.awardingOrganisation(fact.getAwardingOrganisation());
        int series = Identifiers.series(fact.getSeries());
        centre.halts.put(Reference.cohort(ao, 0, series), fact.getHalted());
        yield new CentreChange(-1, ao, series, "");
      }
      default -> null;
    };
  }
}
