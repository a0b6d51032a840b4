package vtq.peer;

import java.util.HashMap;
import java.util.Map;

/** How long steps usually take, learned per awarding organisation: pipeline/risk/durations.cc. One task's. */
final class Durations {
  static final int EVIDENCE = 0;
  static final int CLAIM = 1;
  static final int ASSURANCE = 2;
  static final int RESULT = 3;
  static final int EVIDENCE_GAPS_MAX = 3;

  static final int BUCKETS = 64;
  private static final int SAMPLES_MIN = 200;
  private static final long[] USUAL_DAYS = {5, 4, 7, 3};
  private static final long[] SLOW_DAYS = {14, 14, 21, 10};
  private static final double LOG_2 = Math.log(2);

  /** Counts by bucket of one awarding organisation's step, and what follows from them. */
  static final class Learned {
    final int[] counts;
    private long usualMs;
    private long slowMs;
    private boolean enough;
    private boolean changed;

    Learned(int[] counts) {
      this.counts = counts;
      compute();
    }

    private void compute() {
      long total = 0;
      for (int count : counts) total += count;
      changed = false;
      enough = total >= SAMPLES_MIN;
      if (!enough) return;
      usualMs = quantile(counts, total, 50);
      slowMs = quantile(counts, total, 90);
    }
  }

  interface Writer {
    void write(int key, int[] counts);
  }

  private final Map<Integer, Learned> learned = new HashMap<>();
  private boolean observed;

  static int key(int awardingOrganisation, int step) {
    return awardingOrganisation * 4 + step;
  }

  void restore(int key, int[] counts) {
    learned.put(key, new Learned(counts));
  }

  /** Takes effect with the next {@link #settle}. Negative lengths count as 0. */
  void observe(int awardingOrganisation, int step, long lengthMs) {
    Learned one = learned.computeIfAbsent(key(awardingOrganisation, step), key -> new Learned(new int[BUCKETS]));
    ++one.counts[bucket(lengthMs)];
    one.changed = true;
    observed = true;
  }

  /** Lets what was observed count, and hands it to the store. */
  void settle(Writer writer) {
    if (!observed) return;
    observed = false;
    learned.forEach((key, one) -> {
      if (!one.changed) return;
      one.compute();
      writer.write(key, one.counts);
    });
  }

  /** What was learned of a step, or null while that is not enough. */
  Learned of(int awardingOrganisation, int step) {
    Learned one = learned.get(key(awardingOrganisation, step));
    return one != null && one.enough ? one : null;
  }

  static long usualMs(Learned learned, int step) {
    return learned != null ? learned.usualMs : USUAL_DAYS[step] * UkTime.DAY_MS;
  }

  static long slowMs(Learned learned, int step) {
    return learned != null ? learned.slowMs : SLOW_DAYS[step] * UkTime.DAY_MS;
  }

  /** Four buckets to each doubling of hours. */
  private static int bucket(long lengthMs) {
    double hours = (double) Math.max(lengthMs, 0) / UkTime.HOUR_MS;
    return Math.min((int) (4.0 * (Math.log(hours + 1.0) / LOG_2)), BUCKETS - 1);
  }

  private static long quantile(int[] counts, long total, long percent) {
    long wanted = (total * percent + 99) / 100;
    long seen = 0;
    int bucket = 0;
    for (; bucket < BUCKETS - 1; ++bucket) {
      seen += counts[bucket];
      if (seen >= wanted) break;
    }
    return (long) ((Math.pow(2, (bucket + 1) / 4.0) - 1.0) * UkTime.HOUR_MS);
  }
}
