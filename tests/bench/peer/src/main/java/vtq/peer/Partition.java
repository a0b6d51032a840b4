package vtq.peer;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Timestamp;
import com.google.protobuf.UnsafeByteOperations;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.atomic.LongAdder;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import vtq.v1.Common.EntryRef;
import vtq.v1.Common.Grade;
import vtq.v1.EventOuterClass.Event;
import vtq.v1.Output;
import vtq.v1.Output.Band;
import vtq.v1.Output.EntryStatus;
import vtq.v1.Output.Notification;
import vtq.v1.Output.Rejected;
import vtq.v1.Output.ResultBatch;
import vtq.v1.Output.Step;

/**
 * One partition of the six input topics: pipeline/run/partition.cc as a processor. Every record is a window of its own: time moves on, the
 * fact is merged, what it touched is derived, transitions and batches go out, and the stores take what changed. Entries are kept
 * decoded, whole centres at a time and as many as {@code entriesMax}, so that the stores are read only when a centre is first needed.
 */
final class Partition implements Processor<byte[], byte[], byte[], byte[]> {
  static final String ENTRIES = "entries";
  static final String CENTRES = "centres";
  static final String REFERENCE = "reference";
  static final String TO_STATUS = "entry-status";
  static final String TO_BATCHES = "result-batches";
  static final String TO_NOTIFICATIONS = "notifications";
  static final String TO_REJECTED = "rejected";

  private static final long REGISTRATION_WAIT_MS = 14 * UkTime.DAY_MS;
  /** Reference data has its own topic, so it may come a little after what names it. */
  private static final long REFERENCE_WAIT_MS = UkTime.HOUR_MS;
  private static final int PARKED_PER_CENTRE_MAX = 20_000;
  private static final int BATCH_RESULTS_MAX = 5_000;
  private static final String UNREGISTERED = "entry-registered";
  private static final Serializer<Bytes> PREFIX = (topic, bytes) -> bytes.get();

  private record Wake(long atMs, int centre) implements Comparable<Wake> {
    @Override
    public int compareTo(Wake other) {
      return atMs != other.atMs ? Long.compare(atMs, other.atMs) : Integer.compare(centre, other.centre);
    }
  }

  private record Touched(Centre centre, Entry entry) {}

  private record ToIssue(Centre centre, Entry entry, int awardingOrganisation, int level, boolean correction) {
    static final Comparator<ToIssue> ORDER = Comparator.<ToIssue>comparingInt(one -> one.centre.id)
        .thenComparingInt(one -> one.awardingOrganisation)
        .thenComparingInt(one -> one.entry.series)
        .thenComparingInt(one -> one.level)
        .thenComparing(one -> one.correction)
        .thenComparing(one -> one.entry.key);

    /** Whether both go into one batch: one gate fits all its results. */
    boolean together(ToIssue other) {
      return centre == other.centre && awardingOrganisation == other.awardingOrganisation && entry.series == other.entry.series
          && level == other.level && correction == other.correction;
    }
  }

  private final boolean eventTime;
  private final int entriesMax;
  private final Reference reference;
  private final LongAdder processed;

  private ProcessorContext<byte[], byte[]> context;
  private KeyValueStore<Bytes, byte[]> entryStore;
  private KeyValueStore<Bytes, byte[]> centreStore;

  private final Codec codec = new Codec();
  private final Merge merge = new Merge(codec);
  private final Durations durations = new Durations();
  private final Derivation derivation;
  private final Map<Integer, Centre> centres = new HashMap<>();
  private final TreeSet<Wake> wakes = new TreeSet<>();
  private final List<Touched> touched = new ArrayList<>();
  private final List<Entry> toStore = new ArrayList<>();
  private final List<Centre> summariesToStore = new ArrayList<>();
  private final List<Centre> retrying = new ArrayList<>();
  private long time;
  private int entriesLoaded;
  private long uses;
  private int referenceVersion;

  Partition(boolean eventTime, int entriesMax, Reference reference, LongAdder processed) {
    this.eventTime = eventTime;
    this.entriesMax = entriesMax;
    this.reference = reference;
    this.processed = processed;
    this.derivation = new Derivation(reference, durations);
  }

  // ---- reading and loading ----

  @Override
  public void init(ProcessorContext<byte[], byte[]> taskContext) {
    context = taskContext;
    entryStore = context.getStateStore(ENTRIES);
    centreStore = context.getStateStore(CENTRES);
    readReference();
    try (KeyValueIterator<Bytes, byte[]> all = centreStore.prefixScan(Keys.of(Keys.DURATIONS), PREFIX)) {
      all.forEachRemaining(one -> durations.restore(Keys.id(one.key.get()), codec.decodeCounts(one.value)));
    }
    try (KeyValueIterator<Bytes, byte[]> all = centreStore.prefixScan(Keys.of(Keys.SUMMARY), PREFIX)) {
      all.forEachRemaining(one -> {
        Centre centre = new Centre(Keys.id(one.key.get()));
        codec.decodeSummary(centre, one.value);
        centres.put(centre.id, centre);
        if (centre.nextWakeMs != UkTime.NEVER) wakes.add(new Wake(centre.nextWakeMs, centre.id));
      });
    }
    if (!eventTime)
      context.schedule(Duration.ofMillis(100), PunctuationType.WALL_CLOCK_TIME, now -> window(now, null, null));
  }

  /** The global store was restored before any task began, past its processor. */
  private void readReference() {
    KeyValueStore<Bytes, byte[]> store = context.getStateStore(REFERENCE);
    try (KeyValueIterator<Bytes, byte[]> all = store.all()) {
      all.forEachRemaining(one -> reference.merge(parsed(one.value), one.value));
    }
    referenceVersion = reference.version();
  }

  private static Event parsed(byte[] bytes) {
    try {
      return Event.parseFrom(bytes);
    } catch (InvalidProtocolBufferException error) {
      throw new IllegalArgumentException("a record is no Event", error);
    }
  }

  private Centre centreOf(int id) {
    Centre centre = centres.get(id);
    if (centre == null) {
      centre = new Centre(id);
      centre.loaded = true;
      centres.put(id, centre);
      storeSummary(centre);
    }
    return centre;
  }

  private Centre load(int id) {
    Centre centre = centreOf(id);
    centre.lastUsed = ++uses;
    if (centre.loaded) return centre;
    try (KeyValueIterator<Bytes, byte[]> all = centreStore.prefixScan(Keys.of(Keys.SLOT, id), PREFIX)) {
      all.forEachRemaining(one -> {
        Centre.Slot slot = codec.decodeSlot(one.value);
        centre.slots.put(Keys.slot(one.key.get()), slot);
        Merge.intoCentre(centre, parsed(slot.event()), slot.atMs(), slot.tie());
      });
    }
    try (KeyValueIterator<Bytes, byte[]> all = centreStore.prefixScan(Keys.of(Keys.PARKED, id), PREFIX)) {
      all.forEachRemaining(one -> centre.parked.add(codec.decodeParked(one.value)));
    }
    try (KeyValueIterator<Bytes, byte[]> all = entryStore.prefixScan(Keys.entries(id), PREFIX)) {
      all.forEachRemaining(one -> centre.add(codec.decodeEntry(one.key, one.value)));
    }
    entriesLoaded += centre.entries.size();
    centre.loaded = true;
    return centre;
  }

  private void evict() {
    if (entriesLoaded <= entriesMax) return;
    List<Centre> loaded = new ArrayList<>();
    for (Centre centre : centres.values())
      if (centre.loaded && !centre.entries.isEmpty()) loaded.add(centre);
    loaded.sort(Comparator.comparingLong(centre -> centre.lastUsed));
    for (Centre centre : loaded) {
      if (entriesLoaded <= entriesMax - entriesMax / 5) break;
      entriesLoaded -= centre.entries.size();
      centre.unload();
    }
  }

  // ---- facts in ----

  @Override
  public void process(Record<byte[], byte[]> record) {
    processed.increment();
    Event event = parsed(record.value());
    // Kafka Streams keeps stream time over restarts: it is in the committed offsets.
    long now = eventTime ? Math.max(Merge.atMs(event), context.currentStreamTimeMs()) : context.currentSystemTimeMs();
    window(now, event, record.value());
  }

  private void window(long now, Event event, byte[] bytes) {
    advance(now);
    if (reference.version() != referenceVersion) {
      referenceChanged();
      advance(time);
    }
    if (event != null && event.getFactCase() != Event.FactCase.TIME_REACHED) {
      apply(event, bytes);
      settle();
    }
    write();
  }

  private void apply(Event event, byte[] bytes) {
    EntryRef entry = Merge.entryOf(event);
    Centre centre = load(entry != null ? Identifiers.centre(entry.getCentre()) : centreNamed(event));
    long atMs = Merge.atMs(event);
    int tie = (int) Identifiers.longHash(bytes);
    String unknown = unknown(centre, entry, event);
    if (unknown != null) {
      park(centre, event, bytes, atMs, tie, unknown, REFERENCE_WAIT_MS);
    } else if (entry != null) {
      applyToEntry(centre, entry, event, bytes, atMs, tie);
    } else {
      applyToCentre(centre, event, bytes, atMs, tie);
    }
  }

  private static int centreNamed(Event event) {
    return Identifiers.centre(switch (event.getFactCase()) {
      case CENTRE_DECLARED -> event.getCentreDeclared().getCentre();
      case CENTRE_APPROVED -> event.getCentreApproved().getCentre();
      case STAFF_APPROVED -> event.getStaffApproved().getCentre();
      case MONITORING_RECORDED -> event.getMonitoringRecorded().getCentre();
      case SAMPLE_DECIDED -> event.getSampleDecided().getCentre();
      case HOLD_PLACED -> event.getHoldPlaced().getCentre();
      case HOLD_LIFTED -> event.getHoldLifted().getCentre();
      case ACTION_PLAN -> event.getActionPlan().getCentre();
      case RELEASE_PLANNED -> event.getReleasePlanned().getCentre();
      case RELEASE_APPROVED -> event.getReleaseApproved().getCentre();
      case ISSUING_HALTED -> event.getIssuingHalted().getCentre();
      case BATCH_ACKNOWLEDGED -> event.getBatchAcknowledged().getCentre();
      default -> throw new IllegalArgumentException("not a fact of these topics: " + event.getFactCase());
    });
  }

  /** The rule by which reference data is missing for a fact; null when it is there. */
  private String unknown(Centre centre, EntryRef entry, Event event) {
    if (!reference.hasCentre(centre.id)) return "centre-known";
    String named = entry != null ? entry.getQualification() : event.hasSampleDecided() ? event.getSampleDecided().getQualification() : "";
    if (named.isEmpty()) return null;
    Reference.Qualification qualification = reference.qualification(Identifiers.qualification(named));
    if (qualification == null) return "qualification-known";
    return entry == null || reference.hasAwardingOrganisation(qualification.awardingOrganisation) ? null
        : "awarding-organisation-known";
  }

  private void applyToEntry(Centre centre, EntryRef named, Event event, byte[] bytes, long atMs, int tie) {
    Bytes key = Keys.entry(centre.id, named);
    Entry entry = centre.find(key);
    if (entry == null && !event.hasRegistered()) {
      park(centre, event, bytes, atMs, tie, UNREGISTERED, REGISTRATION_WAIT_MS);
      return;
    }
    if (entry == null) {
      entry = new Entry(key);
      centre.add(entry);
      ++entriesLoaded;
      retryParked(centre);
    }
    if (merge.intoEntry(entry, event, atMs, tie)) touch(centre, entry);
  }

  private void applyToCentre(Centre centre, Event event, byte[] bytes, long atMs, int tie) {
    String name = Slots.of(event);
    Centre.Slot held = centre.slots.get(name);
    if (held != null && !Merge.later(atMs, tie, held.atMs(), held.tie())) return;
    Centre.Slot slot = new Centre.Slot(atMs, tie, bytes);
    centre.slots.put(name, slot);
    centreStore.put(Keys.slot(centre.id, name), codec.encodeSlot(slot));
    Merge.CentreChange change = Merge.intoCentre(centre, event, atMs, tie);
    if (event.hasBatchAcknowledged()) acknowledge(centre, event.getBatchAcknowledged().getBatch(), atMs);
    if (change != null) touchChanged(centre, change);
  }

  private void touch(Centre centre, Entry entry) {
    if (!entry.toDerive) {
      entry.toDerive = true;
      touched.add(new Touched(centre, entry));
    }
    if (!entry.toStore) {
      entry.toStore = true;
      toStore.add(entry);
    }
  }

  private void touchChanged(Centre centre, Merge.CentreChange change) {
    for (Entry entry : centre.entries) {
      if (change.qualification() >= 0 && change.qualification() != entry.qualification) continue;
      if (change.series() >= 0 && change.series() != entry.series) continue;
      if (!change.learner().isEmpty() && !change.learner().equals(entry.learner())) continue;
      if (change.awardingOrganisation() >= 0
          && reference.qualification(entry.qualification).awardingOrganisation != change.awardingOrganisation()) continue;
      touch(centre, entry);
    }
  }

  private void acknowledge(Centre centre, String batch, long atMs) {
    String[] parts = batch.split("\\.");
    int ao = Identifiers.awardingOrganisation(parts[1]);
    int series = Identifiers.series(parts[2]);
    int number = Integer.parseInt(parts[3]);
    for (Entry entry : centre.entries) {
      if (entry.issuedNumber != number || entry.series != series) continue;
      if (reference.qualification(entry.qualification).awardingOrganisation != ao) continue;
      entry.acknowledgedMs = atMs;
      touch(centre, entry);
    }
  }

  /** What changed is not told by entry: every centre is derived anew. Reference data seldom changes while events come. */
  private void referenceChanged() {
    referenceVersion = reference.version();
    for (Centre centre : centres.values()) {
      retryParked(centre);
      centre.deriveAll = true;
      storeSummary(centre);
      wakeBy(centre, time);
    }
  }

  // ---- facts that wait ----

  private void park(Centre centre, Event event, byte[] bytes, long atMs, int tie, String rule, long wait) {
    for (Centre.Parked parked : centre.parked)
      if (parked.atMs() == atMs && parked.tie() == tie) return;
    Centre.Parked parked = new Centre.Parked(atMs, tie, time + wait, rule, bytes);
    if (centre.parked.size() >= PARKED_PER_CENTRE_MAX) {
      reject(centre, event, parked, "waiting-facts-max");
      return;
    }
    centre.parked.add(parked);
    centreStore.put(Keys.parked(centre.id, atMs, tie), codec.encodeParked(parked));
    countParked(centre);
    wakeBy(centre, parked.untilMs());
  }

  private void countParked(Centre centre) {
    centre.parkedCount = centre.parked.size();
    storeSummary(centre);
  }

  private void retryParked(Centre centre) {
    if (centre.parkedCount == 0 || centre.retryParked) return;
    centre.retryParked = true;
    retrying.add(centre);
  }

  private void retryAll() {
    while (!retrying.isEmpty()) {
      Centre centre = load(retrying.remove(retrying.size() - 1).id);
      centre.retryParked = false;
      List<Centre.Parked> waiting = centre.parked;
      centre.parked = new ArrayList<>();
      for (Centre.Parked parked : waiting) {
        Event event = parsed(parked.event());
        EntryRef entry = Merge.entryOf(event);
        boolean unregistered = entry != null && !event.hasRegistered() && centre.find(Keys.entry(centre.id, entry)) == null;
        if (unregistered || unknown(centre, entry, event) != null) {
          centre.parked.add(parked);
          continue;
        }
        if (entry != null) {
          applyToEntry(centre, entry, event, parked.event(), parked.atMs(), parked.tie());
        } else {
          applyToCentre(centre, event, parked.event(), parked.atMs(), parked.tie());
        }
        centreStore.delete(Keys.parked(centre.id, parked.atMs(), parked.tie()));
      }
      countParked(centre);
    }
  }

  private void expireParked(Centre centre) {
    boolean expired = centre.parked.removeIf(parked -> {
      if (parked.untilMs() > time) return false;
      centreStore.delete(Keys.parked(centre.id, parked.atMs(), parked.tie()));
      reject(centre, parsed(parked.event()), parked, parked.rule());
      return true;
    });
    if (expired) countParked(centre);
  }

  private void reject(Centre centre, Event event, Centre.Parked parked, String rule) {
    Rejected rejected = Rejected.newBuilder()
        .setId(event.getSource() + "/" + event.getId())
        .setOriginal(UnsafeByteOperations.unsafeWrap(parked.event()))
        .setField(event.getFactCase().name())
        .setRule(rule)
        .setRejectedAt(timestamp(time))
        .build();
    forward(centre, rejected.toByteArray(), TO_REJECTED);
  }

  // ---- time ----

  /** Moves time to {@code to}, through every wake up to it; each is settled at its own time. Not backwards. */
  private void advance(long to) {
    while (!wakes.isEmpty() && wakes.first().atMs() <= to) {
      time = Math.max(time, wakes.first().atMs());
      while (!wakes.isEmpty() && wakes.first().atMs() <= time) wakeCentre(load(wakes.pollFirst().centre()));
      settle();
      write();
    }
    time = Math.max(time, to);
  }

  private void wakeBy(Centre centre, long at) {
    if (at >= centre.nextWakeMs) return;
    if (centre.nextWakeMs != UkTime.NEVER) wakes.remove(new Wake(centre.nextWakeMs, centre.id));
    centre.nextWakeMs = at;
    wakes.add(new Wake(at, centre.id));
    storeSummary(centre);
  }

  private void wakeCentre(Centre centre) {
    centre.nextWakeMs = UkTime.NEVER;
    storeSummary(centre);
    boolean all = centre.deriveAll;
    centre.deriveAll = false;
    long next = UkTime.NEVER;
    for (Entry entry : centre.entries) {
      if (all || entry.wakeAtMs <= time) {
        touch(centre, entry);
      } else {
        next = Math.min(next, entry.wakeAtMs);
      }
    }
    if (centre.parkedCount > 0) {
      expireParked(centre);
      for (Centre.Parked parked : centre.parked) next = Math.min(next, parked.untilMs());
    }
    if (next != UkTime.NEVER) wakeBy(centre, next);
  }

  // ---- status out ----

  private void settle() {
    if (!retrying.isEmpty()) retryAll();
    List<ToIssue> due = null;
    for (Touched one : touched) {
      Centre centre = one.centre();
      Entry entry = one.entry();
      entry.toDerive = false;
      derivation.around(centre, entry);
      derivation.run(time);
      if (derivation.issueNow) {
        if (!entry.issued()) entry.readySinceMs = time;
        if (due == null) due = new ArrayList<>();
        due.add(new ToIssue(centre, entry, derivation.qualification.awardingOrganisation, derivation.qualification.level,
            entry.issued()));
        continue;
      }
      entry.readySinceMs = !derivation.ready ? 0 : entry.readySinceMs != 0 ? entry.readySinceMs : time;
      publish(centre, entry);
    }
    touched.clear();
    if (due != null) issue(due);
    durations.settle((key, counts) -> centreStore.put(Keys.of(Keys.DURATIONS, key), codec.encodeCounts(counts)));
  }

  /** Sends what {@link #derivation} found out, if it is a transition. */
  private void publish(Centre centre, Entry entry) {
    entry.wakeAtMs = derivation.wakeAtMs;
    if (derivation.wakeAtMs != UkTime.NEVER) wakeBy(centre, derivation.wakeAtMs);
    Status status = derivation.status;
    if (!entry.status.differs(status)) {
      entry.status.outstandingUnits = status.outstandingUnits;
      return;
    }
    boolean worse = severity(status.band) > severity(entry.status.band);
    entry.status.set(status);
    EntryStatus said = describe(centre, entry);
    forward(centre, said.toByteArray(), TO_STATUS);
    if (!worse || status.step == Step.STEP_NONE_VALUE) return;
    Notification.Builder notification = Notification.newBuilder()
        .setEntry(said.getEntry())
        .setRecipientValue(status.owner)
        .setStepValue(status.step)
        .setBandValue(status.band)
        .setReasonValue(status.reason)
        .setText(Words.step(status.step) + ". " + said.getWhy())
        .setAsOf(said.getAsOf());
    if (status.dueMs != 0) notification.setDueAt(said.getNextDueAt());
    forward(centre, notification.build().toByteArray(), TO_NOTIFICATIONS);
  }

  private static int severity(int band) {
    return band <= Band.ON_TRACK_VALUE ? 0 : band;
  }

  private EntryStatus describe(Centre centre, Entry entry) {
    Status status = entry.status;
    Reference.Qualification qualification = derivation.qualification;
    EntryStatus.Builder out = EntryStatus.newBuilder()
        .setEntry(nameOf(centre, entry))
        .setAwardingOrganisation(qualification.awardingOrganisationText)
        .setLevelValue(qualification.level)
        .setStageValue(status.stage)
        .setNeedValue(status.need)
        .setTreatedAsCritical(status.treatedAsCritical)
        .setReasonValue(status.reason)
        .setBandValue(status.band)
        .setNextStepValue(status.step)
        .setNextOwnerValue(status.owner)
        .setAsOf(timestamp(time))
        .setLate(status.late);
    if (status.dueMs != 0) out.setNextDueAt(timestamp(status.dueMs));
    if (derivation.calendar != null) out.setIssueDeadline(timestamp(derivation.calendar.issueDeadline()));
    if (entry.issued()) {
      out.setBatch(Identifiers.batchText(centre.id, qualification.awardingOrganisation, entry.series, entry.issuedNumber));
      out.setIssuedAt(timestamp(entry.issuedFirstMs));
    }
    // Nothing is spelled out for entries that go well.
    if (severity(status.band) > 0) {
      out.setWhy(Words.why(entry, derivation));
      for (Reference.UnitRule rule : qualification.units)
        if (rule.mandatory && !derivation.achieved(rule)) out.addOutstandingUnits(rule.code);
      if (derivation.optionalCreditMissing > 0)
        out.addOutstandingUnits(derivation.optionalCreditMissing + " credits of optional units");
    }
    return out.build();
  }

  private static EntryRef nameOf(Centre centre, Entry entry) {
    return EntryRef.newBuilder()
        .setCentre(centre.text)
        .setQualification(Identifiers.qualificationText(entry.qualification))
        .setSeries(Identifiers.seriesText(entry.series))
        .setLearner(entry.learner())
        .build();
  }

  private static Timestamp timestamp(long atMs) {
    return Timestamp.newBuilder().setSeconds(atMs / 1000).setNanos((int) (atMs % 1000) * 1_000_000).build();
  }

  private void forward(Centre centre, byte[] value, String to) {
    context.forward(new Record<>(centre.recordKey, value, time), to);
  }

  // ---- batches ----

  private void issue(List<ToIssue> due) {
    due.sort(ToIssue.ORDER);
    for (int from = 0; from < due.size(); ) {
      int to = from + 1;
      while (to < due.size() && to - from < BATCH_RESULTS_MAX && due.get(to).together(due.get(from))) ++to;
      cutBatch(due.subList(from, to));
      from = to;
    }
  }

  private void cutBatch(List<ToIssue> due) {
    ToIssue first = due.get(0);
    Centre centre = first.centre();
    int series = first.entry().series;
    int ao = first.awardingOrganisation();
    int number = centre.sequences.merge(Reference.cohort(ao, 0, series), 1, Integer::sum);
    storeSummary(centre);
    derivation.around(centre, first.entry());
    Reference.Calendar calendar = derivation.calendar;
    ResultBatch.Builder batch = ResultBatch.newBuilder()
        .setBatch(Identifiers.batchText(centre.id, ao, series, number))
        .setCentre(centre.text)
        .setAwardingOrganisation(Identifiers.awardingOrganisationText(ao))
        .setSeries(Identifiers.seriesText(series))
        .setLevelValue(first.level())
        .setNumber(number)
        .setKind(first.correction() ? ResultBatch.Kind.CORRECTION : ResultBatch.Kind.RESULTS)
        .setIssuedAt(timestamp(time))
        // Without a calendar nothing says when the gates open: they stay shut.
        .setCentreReleaseAt(timestamp(calendar != null ? calendar.centreRelease() : UkTime.LATEST_EVENT_MS))
        .setLearnerReleaseAt(timestamp(calendar != null ? calendar.learnerRelease() : UkTime.LATEST_EVENT_MS));
    Centre.Slot acknowledged = centre.slots.get(Slots.acknowledged(batch.getBatch()));
    for (ToIssue one : due) {
      batch.addResults(result(centre, one.entry(), ao, number));
      one.entry().acknowledgedMs = acknowledged == null ? 0 : acknowledged.atMs();
    }
    forward(centre, batch.build().toByteArray(), TO_BATCHES);
    for (ToIssue one : due) {
      derivation.around(centre, one.entry());
      derivation.run(time);
      publish(centre, one.entry());
    }
  }

  /** The entry's line in the batch; records what is issued with it. */
  private Output.Result.Builder result(Centre centre, Entry entry, int ao, int number) {
    Output.Result.Builder result = Output.Result.newBuilder().setEntry(nameOf(centre, entry)).setUci(entry.uci);
    if (entry.uln != 0) result.setUln(Long.toString(entry.uln));
    if (entry.issued()) {
      Output.Superseded.Builder before = result.getSupersedesBuilder()
          .setBatch(Identifiers.batchText(centre.id, ao, entry.series, entry.issuedNumber))
          .setRevoked(entry.issuedRevoked);
      if (!entry.issuedRevoked) before.setGrade(grade(entry));
    } else {
      derivation.around(centre, entry);
      entry.issuedFirstNumber = number;
      entry.issuedFirstMs = time;
      entry.issuedLate = derivation.calendar != null && time > derivation.calendar.issueDeadline();
      entry.issuedReason = entry.issuedLate ? derivation.lateReason() : 0;
      derivation.observeSteps();
    }
    entry.issuedNumber = number;
    entry.issuedRevoked = entry.resultKind == Entry.RESULT_REVOKED;
    if (!entry.issuedRevoked) {
      entry.issuedScale = entry.resultScale;
      entry.issuedGrade = entry.resultGrade;
      result.setGrade(grade(entry));
    }
    return result.setRevoked(entry.issuedRevoked).setLate(entry.issuedLate).setReasonValue(entry.issuedReason);
  }

  private static Grade.Builder grade(Entry entry) {
    return Grade.newBuilder().setScale(entry.issuedScale).setValue(entry.issuedGrade);
  }

  // ---- stores ----

  private void storeSummary(Centre centre) {
    if (centre.summaryToStore) return;
    centre.summaryToStore = true;
    summariesToStore.add(centre);
  }

  /** Hands the window's changes to the stores: their cache takes each record once per commit to RocksDB and the changelog. */
  private void write() {
    for (Entry entry : toStore) {
      entry.toStore = false;
      entryStore.put(entry.key, codec.encode(entry));
    }
    toStore.clear();
    for (Centre centre : summariesToStore) {
      centre.summaryToStore = false;
      centreStore.put(Keys.of(Keys.SUMMARY, centre.id), codec.encodeSummary(centre));
    }
    summariesToStore.clear();
    evict();
  }
}
