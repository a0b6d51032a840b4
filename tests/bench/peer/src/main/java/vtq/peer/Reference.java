package vtq.peer;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import vtq.v1.EventOuterClass.Event;
import vtq.v1.Reference.CalendarDefined;
import vtq.v1.Reference.Certification;
import vtq.v1.Reference.GradingScaleDefined;
import vtq.v1.Reference.QualificationDefined;

/**
 * Reference data, and commands to all centres: pipeline/facts/reference.cc. One for all tasks: the thread of the global store writes, stream
 * threads read. Values are immutable; a reader sees each of them either old or new, and {@link #version} rises afterwards.
 */
final class Reference {
  static final class UnitRule {
    final String code;
    final int id;
    final int credit;
    final boolean mandatory;

    UnitRule(String code, int credit, boolean mandatory) {
      this.code = code;
      this.id = Identifiers.shortHash(code);
      this.credit = credit;
      this.mandatory = mandatory;
    }
  }

  /** A grading scale: which grades, by their hash, do not count as achieved. */
  static final class Scale {
    private final Map<Integer, Boolean> achieved = new HashMap<>();

    Scale(GradingScaleDefined fact) {
      fact.getGradesList().forEach(grade -> achieved.put(Identifiers.shortHash(grade.getValue()), grade.getAchieved()));
    }

    boolean achieves(int gradeHash) {
      return gradeHash == 0 || achieved.getOrDefault(gradeHash, true);
    }
  }

  static final class Qualification {
    final int id;
    final int awardingOrganisation;
    final String awardingOrganisationText;
    final int level;
    final boolean inCheckpointScope;
    final boolean awardedWithoutClaim;
    final String unitGradingScale;
    final UnitRule[] units;
    final int optionalCreditRequired;
    /** Null while it is not known. */
    volatile Scale unitScale;

    Qualification(QualificationDefined fact) {
      id = Identifiers.qualification(fact.getQualification());
      awardingOrganisation = Identifiers.awardingOrganisation(fact.getAwardingOrganisation());
      awardingOrganisationText = Identifiers.awardingOrganisationText(awardingOrganisation);
      level = fact.getLevelValue();
      inCheckpointScope = switch (fact.getLevel()) {
        case LEVEL_3 -> fact.getGuidedLearningHours() >= 180 && fact.getUcasPoints() >= 16;
        default -> fact.getPerformanceTable() && fact.getGuidedLearningHours() >= 120;
      };
      awardedWithoutClaim = fact.getCertification() == Certification.CERTIFICATION_AUTOMATIC;
      unitGradingScale = fact.getUnitGradingScale();
      optionalCreditRequired = fact.getOptionalCreditRequired();
      units = fact.getUnitsList().stream()
          .map(unit -> new UnitRule(unit.getCode(), unit.getCredit(), unit.getMandatory()))
          .toArray(UnitRule[]::new);
    }
  }

  record Calendar(long checkpointOpens, long checkpointCloses, long lateEntryAfter, long claimDeadline, long issueDeadline,
                  long centreRelease, long learnerRelease) {
    static Calendar of(CalendarDefined fact) {
      return new Calendar(UkTime.localTime(fact.getCheckpointOpens(), 0), UkTime.localTime(fact.getCheckpointCloses(), 0),
          UkTime.localTime(fact.getLateEntryAfter(), UkTime.NEVER), UkTime.localTime(fact.getClaimDeadline(), UkTime.NEVER),
          UkTime.localTime(fact.getIssueDeadline(), UkTime.NEVER), UkTime.localTime(fact.getCentreRelease(), UkTime.NEVER),
          UkTime.localTime(fact.getLearnerRelease(), UkTime.NEVER));
    }

    boolean hasCheckpoint() {
      return checkpointCloses != 0;
    }
  }

  record Plan(long firstMs, long everyMs) {}

  private record Held(long atMs, int tie) {}

  private final Map<String, Held> slots = new HashMap<>();
  private final Map<Integer, Qualification> qualifications = new ConcurrentHashMap<>();
  private final Map<Integer, Boolean> silenceIsCritical = new ConcurrentHashMap<>();
  private final Map<Integer, Boolean> centres = new ConcurrentHashMap<>();
  private final Map<String, Scale> scales = new ConcurrentHashMap<>();
  private final Map<Long, Calendar> calendars = new ConcurrentHashMap<>();
  private final Map<Long, Plan> plans = new ConcurrentHashMap<>();
  private final Map<Long, Boolean> halts = new ConcurrentHashMap<>();
  private final AtomicInteger version = new AtomicInteger();

  /** Awarding organisation, level and series in one number. */
  static long cohort(int awardingOrganisation, int level, int series) {
    return ((long) awardingOrganisation << 24) | ((long) series << 4) | level;
  }

  /** Rises with every change. */
  int version() {
    return version.get();
  }

  Qualification qualification(int id) {
    return qualifications.get(id);
  }

  boolean hasCentre(int id) {
    return centres.containsKey(id);
  }

  boolean hasAwardingOrganisation(int id) {
    return silenceIsCritical.containsKey(id);
  }

  boolean silenceIsCritical(int awardingOrganisation) {
    return silenceIsCritical.getOrDefault(awardingOrganisation, false);
  }

  Calendar calendar(long cohort) {
    return calendars.get(cohort);
  }

  Plan plan(long cohort) {
    return plans.get(cohort);
  }

  boolean halted(int awardingOrganisation, int series) {
    return !halts.isEmpty() && halts.getOrDefault(cohort(awardingOrganisation, 0, series), false);
  }

  /** Merges a fact: of those for one slot the latest holds. */
  synchronized void merge(Event event, byte[] bytes) {
    String slot = Slots.of(event);
    long atMs = Merge.atMs(event);
    int tie = (int) Identifiers.longHash(bytes);
    Held held = slots.get(slot);
    if (held != null && !Merge.later(atMs, tie, held.atMs, held.tie)) return;
    slots.put(slot, new Held(atMs, tie));
    decode(event);
    version.incrementAndGet();
  }

  private void decode(Event event) {
    switch (event.getFactCase()) {
      case AWARDING_ORGANISATION_DEFINED -> {
        var fact = event.getAwardingOrganisationDefined();
        silenceIsCritical.put(Identifiers.awardingOrganisation(fact.getAwardingOrganisation()), fact.getSilenceIsCritical());
      }
      case CENTRE_DEFINED -> centres.put(Identifiers.centre(event.getCentreDefined().getCentre()), true);
      case QUALIFICATION_DEFINED -> {
        Qualification made = new Qualification(event.getQualificationDefined());
        made.unitScale = scales.get(made.unitGradingScale);
        qualifications.put(made.id, made);
      }
      case GRADING_SCALE_DEFINED -> {
        var fact = event.getGradingScaleDefined();
        Scale scale = new Scale(fact);
        scales.put(fact.getName(), scale);
        for (Qualification one : List.copyOf(qualifications.values()))
          if (one.unitGradingScale.equals(fact.getName())) one.unitScale = scale;
      }
      case CALENDAR_DEFINED -> {
        var fact = event.getCalendarDefined();
        calendars.put(cohort(Identifiers.awardingOrganisation(fact.getAwardingOrganisation()), fact.getLevelValue(),
            Identifiers.series(fact.getSeries())), Calendar.of(fact));
      }
      case RELEASE_PLANNED -> {
        var fact = event.getReleasePlanned();
        plans.put(cohort(Identifiers.awardingOrganisation(fact.getAwardingOrganisation()), fact.getLevelValue(),
            Identifiers.series(fact.getSeries())), Merge.plan(fact));
      }
      case ISSUING_HALTED -> {
        var fact = event.getIssuingHalted();
        halts.put(cohort(Identifiers.awardingOrganisation(fact.getAwardingOrganisation()), 0, Identifiers.series(fact.getSeries())),
            fact.getHalted());
      }
      default -> { }
    }
  }
}
