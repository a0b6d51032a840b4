package vtq.peer;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.common.utils.Bytes;
import vtq.v1.EventOuterClass.SampleDecided;

/** A centre: its summary is always in memory, its facts and entries once loaded. pipeline/facts/centre.h and pipeline/run/centre_state.h. */
final class Centre {
  record Slot(long atMs, int tie, byte[] event) {}

  /** A fact that waits for what it names. */
  record Parked(long atMs, int tie, long untilMs, String rule, byte[] event) {}

  /** Stops results until lifted. 0 and empty match all. */
  static final class Hold {
    final String name;
    long placedMs;
    int placedTie;
    long liftedMs;
    int liftedTie;
    int awardingOrganisation;
    int qualification = -1;
    int series = -1;
    String learner = "";
    int cause;

    Hold(String name) {
      this.name = name;
    }

    boolean open() {
      return placedMs != 0 && Merge.later(placedMs, placedTie, liftedMs, liftedTie);
    }

    boolean covers(Entry entry, int ao) {
      return placedMs != 0 && awardingOrganisation == ao && (qualification < 0 || qualification == entry.qualification)
          && (series < 0 || series == entry.series) && (learner.isEmpty() || learner.equals(entry.learner()));
    }
  }

  /** Where sampling or moderation stands for a cohort, or for one learner of it. */
  static final class Sample {
    final int qualification;
    final int series;
    final String learner;
    long atMs;
    int status;
    int due;
    int responded;

    Sample(int qualification, int series, String learner) {
      this.qualification = qualification;
      this.series = series;
      this.learner = learner;
    }

    boolean covers(Entry entry) {
      return qualification == entry.qualification && series == entry.series
          && (learner.isEmpty() || learner.equals(entry.learner()));
    }

    boolean pending() {
      return status == SampleDecided.Status.AWAITING_CENTRE_VALUE || withAwardingOrganisation()
          || status == SampleDecided.Status.NOT_SATISFIED_VALUE;
    }

    boolean withAwardingOrganisation() {
      return status == SampleDecided.Status.WITH_AWARDING_ORGANISATION_VALUE;
    }
  }

  final int id;
  final String text;
  final byte[] recordKey;

  // Summary.
  long nextWakeMs = UkTime.NEVER;
  int parkedCount;
  boolean deriveAll;
  /** Last batch number by awarding organisation and series. */
  final Map<Long, Integer> sequences = new TreeMap<>();

  // Once loaded.
  boolean loaded;
  final List<Entry> entries = new ArrayList<>();
  private final Map<Bytes, Entry> index = new HashMap<>();
  final Map<String, Slot> slots = new HashMap<>();
  final List<Hold> holds = new ArrayList<>();
  final List<Sample> samples = new ArrayList<>();
  final Map<Long, Reference.Plan> plans = new HashMap<>();
  final Map<Long, Boolean> halts = new HashMap<>();
  List<Parked> parked = new ArrayList<>();

  boolean summaryToStore;
  boolean retryParked;
  long lastUsed;

  Centre(int id) {
    this.id = id;
    this.text = Identifiers.centreText(id);
    this.recordKey = text.getBytes(StandardCharsets.US_ASCII);
  }

  Entry find(Bytes key) {
    return index.get(key);
  }

  void add(Entry entry) {
    entries.add(entry);
    index.put(entry.key, entry);
  }

  void unload() {
    loaded = false;
    entries.clear();
    index.clear();
    slots.clear();
    holds.clear();
    samples.clear();
    plans.clear();
    halts.clear();
    parked = new ArrayList<>();
  }

  Hold hold(String name) {
    for (Hold hold : holds)
      if (hold.name.equals(name)) return hold;
    Hold made = new Hold(name);
    holds.add(made);
    return made;
  }

  Sample sample(int qualification, int series, String learner) {
    for (Sample sample : samples)
      if (sample.qualification == qualification && sample.series == series && sample.learner.equals(learner)) return sample;
    Sample made = new Sample(qualification, series, learner);
    samples.add(made);
    return made;
  }
}
