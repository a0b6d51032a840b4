package vtq.peer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.common.utils.Bytes;

/**
 * Stored form of an entry and of what is kept of a centre: varints, and what is not set takes no room. Written by hand because every
 * event writes an entry: builders of protobuf messages would cost several times as much. One per task, reused.
 */
final class Codec {
  private byte[] buffer = new byte[1024];
  private int at;
  private int end;
  /** Grades and scales: few distinct values, each held once. */
  private final Map<String, String> words = new HashMap<>();

  String word(String text) {
    if (text.isEmpty()) return "";
    String held = words.putIfAbsent(text, text);
    return held == null ? text : held;
  }

  // ---- entries ----

  byte[] encode(Entry entry) {
    at = 0;
    int set = (entry.changedMs != 0 ? 1 : 0) | (entry.detailsChangedMs != 0 ? 2 : 0) | (entry.transferredMs != 0 ? 4 : 0)
        | (entry.withdrawnMs != 0 ? 8 : 0) | (entry.answeredMs != 0 ? 16 : 0) | (entry.considerationMs != 0 ? 32 : 0)
        | (entry.claimMs != 0 ? 64 : 0) | (entry.resultMs != 0 ? 128 : 0) | (entry.queriedMs != 0 ? 256 : 0)
        | (entry.issued() ? 512 : 0) | (entry.details != null ? 1024 : 0) | (entry.status.dueMs != 0 ? 2048 : 0);
    number(set);
    stamp(entry.registeredMs, entry.registeredTie);
    number(entry.registeredMs - entry.firstRegisteredMs);
    number(entry.uln);
    text(entry.uci);
    if (entry.details != null) bytes(entry.details);
    encodeFacts(entry, set);
    encodeStatus(entry);
    if (entry.issued()) encodeIssued(entry);
    return Arrays.copyOf(buffer, at);
  }

  private void encodeFacts(Entry entry, int set) {
    if ((set & 1) != 0) {
      stamp(entry.changedMs, entry.changedTie);
      number(entry.change);
    }
    if ((set & 2) != 0) stamp(entry.detailsChangedMs, entry.detailsChangedTie);
    if ((set & 4) != 0) {
      stamp(entry.transferredMs, entry.transferredTie);
      number(entry.toCentre);
    }
    if ((set & 8) != 0) stamp(entry.withdrawnMs, entry.withdrawnTie);
    if ((set & 16) != 0) {
      stamp(entry.answeredMs, entry.answeredTie);
      number(entry.answer << 4 | entry.route);
      number(entry.estimatedCompletion);
      text(entry.predictedGrade);
    }
    if ((set & 32) != 0) {
      stamp(entry.considerationMs, entry.considerationTie);
      number(entry.considerationStatus);
      number(entry.considerationDay);
    }
    if ((set & 64) != 0) {
      stamp(entry.claimMs, entry.claimTie);
      number(entry.claimWithdrawn ? 1 : 0);
      text(entry.claimedGrade);
    }
    if ((set & 128) != 0) {
      stamp(entry.resultMs, entry.resultTie);
      number(entry.resultKind);
      text(entry.resultScale);
      text(entry.resultGrade);
    }
    if ((set & 256) != 0) stamp(entry.queriedMs, entry.queriedTie);
    long[] units = entry.units;
    number(units.length);
    for (int unit = 0; unit < units.length; unit += Entry.UNIT_LONGS) {
      fixed64(units[unit]);
      number(units[unit + 1]);
      fixed64(units[unit + 2]);
      number(units[unit + 3]);
    }
  }

  private void encodeStatus(Entry entry) {
    Status status = entry.status;
    number(status.stage << 20 | status.need << 16 | status.band << 12 | status.reason << 6 | status.step << 2 | status.owner);
    number(status.outstandingUnits << 2 | (status.late ? 2 : 0) | (status.treatedAsCritical ? 1 : 0));
    if (status.dueMs != 0) number(status.dueMs);
    // Of times that may be none, 0 stands for that.
    number(entry.wakeAtMs == UkTime.NEVER ? 0 : entry.wakeAtMs);
    number(entry.readySinceMs);
    number(entry.acknowledgedMs);
  }

  private void encodeIssued(Entry entry) {
    number(entry.issuedNumber);
    number(entry.issuedFirstNumber);
    number(entry.issuedFirstMs);
    text(entry.issuedScale);
    text(entry.issuedGrade);
    number(entry.issuedReason << 2 | (entry.issuedLate ? 2 : 0) | (entry.issuedRevoked ? 1 : 0));
  }

  Entry decodeEntry(Bytes key, byte[] value) {
    open(value);
    Entry entry = new Entry(key);
    int set = (int) number();
    entry.registeredMs = number();
    entry.registeredTie = fixed32();
    entry.firstRegisteredMs = entry.registeredMs - number();
    entry.uln = number();
    entry.uci = text();
    if ((set & 1024) != 0) entry.details = bytes();
    decodeFacts(entry, set);
    decodeStatus(entry, set);
    if ((set & 512) != 0) decodeIssued(entry);
    return entry;
  }

  private void decodeFacts(Entry entry, int set) {
    if ((set & 1) != 0) {
      entry.changedMs = number();
      entry.changedTie = fixed32();
      entry.change = (int) number();
    }
    if ((set & 2) != 0) {
      entry.detailsChangedMs = number();
      entry.detailsChangedTie = fixed32();
    }
    if ((set & 4) != 0) {
      entry.transferredMs = number();
      entry.transferredTie = fixed32();
      entry.toCentre = (int) number();
    }
    if ((set & 8) != 0) {
      entry.withdrawnMs = number();
      entry.withdrawnTie = fixed32();
    }
    if ((set & 16) != 0) {
      entry.answeredMs = number();
      entry.answeredTie = fixed32();
      int answer = (int) number();
      entry.answer = answer >> 4;
      entry.route = answer & 15;
      entry.estimatedCompletion = (int) number();
      entry.predictedGrade = word(text());
    }
    if ((set & 32) != 0) {
      entry.considerationMs = number();
      entry.considerationTie = fixed32();
      entry.considerationStatus = (int) number();
      entry.considerationDay = (int) number();
    }
    if ((set & 64) != 0) {
      entry.claimMs = number();
      entry.claimTie = fixed32();
      entry.claimWithdrawn = number() != 0;
      entry.claimedGrade = word(text());
    }
    if ((set & 128) != 0) {
      entry.resultMs = number();
      entry.resultTie = fixed32();
      entry.resultKind = (int) number();
      entry.resultScale = word(text());
      entry.resultGrade = word(text());
    }
    if ((set & 256) != 0) {
      entry.queriedMs = number();
      entry.queriedTie = fixed32();
    }
    int longs = (int) number();
    if (longs == 0) return;
    long[] units = new long[longs];
    for (int unit = 0; unit < longs; unit += Entry.UNIT_LONGS) {
      units[unit] = fixed64();
      units[unit + 1] = number();
      units[unit + 2] = fixed64();
      units[unit + 3] = number();
    }
    entry.units = units;
  }

  private void decodeStatus(Entry entry, int set) {
    Status status = entry.status;
    int packed = (int) number();
    status.stage = packed >> 20;
    status.need = packed >> 16 & 15;
    status.band = packed >> 12 & 15;
    status.reason = packed >> 6 & 63;
    status.step = packed >> 2 & 15;
    status.owner = packed & 3;
    int flags = (int) number();
    status.outstandingUnits = flags >> 2;
    status.late = (flags & 2) != 0;
    status.treatedAsCritical = (flags & 1) != 0;
    if ((set & 2048) != 0) status.dueMs = number();
    long wake = number();
    entry.wakeAtMs = wake == 0 ? UkTime.NEVER : wake;
    entry.readySinceMs = number();
    entry.acknowledgedMs = number();
  }

  private void decodeIssued(Entry entry) {
    entry.issuedNumber = (int) number();
    entry.issuedFirstNumber = (int) number();
    entry.issuedFirstMs = number();
    entry.issuedScale = word(text());
    entry.issuedGrade = word(text());
    int flags = (int) number();
    entry.issuedReason = flags >> 2;
    entry.issuedLate = (flags & 2) != 0;
    entry.issuedRevoked = (flags & 1) != 0;
  }

  // ---- centres and the partition ----

  byte[] encodeSummary(Centre centre) {
    at = 0;
    number(centre.nextWakeMs == UkTime.NEVER ? 0 : centre.nextWakeMs);
    number(centre.parkedCount);
    number(centre.deriveAll ? 1 : 0);
    number(centre.sequences.size());
    centre.sequences.forEach((cohort, last) -> {
      number(cohort);
      number(last);
    });
    return Arrays.copyOf(buffer, at);
  }

  void decodeSummary(Centre centre, byte[] value) {
    open(value);
    long wake = number();
    centre.nextWakeMs = wake == 0 ? UkTime.NEVER : wake;
    centre.parkedCount = (int) number();
    centre.deriveAll = number() != 0;
    for (long left = number(); left > 0; --left) {
      long cohort = number();
      centre.sequences.put(cohort, (int) number());
    }
  }

  byte[] encodeSlot(Centre.Slot slot) {
    at = 0;
    stamp(slot.atMs(), slot.tie());
    bytes(slot.event());
    return Arrays.copyOf(buffer, at);
  }

  Centre.Slot decodeSlot(byte[] value) {
    open(value);
    return new Centre.Slot(number(), fixed32(), bytes());
  }

  byte[] encodeParked(Centre.Parked parked) {
    at = 0;
    stamp(parked.atMs(), parked.tie());
    number(parked.untilMs());
    text(parked.rule());
    bytes(parked.event());
    return Arrays.copyOf(buffer, at);
  }

  Centre.Parked decodeParked(byte[] value) {
    open(value);
    return new Centre.Parked(number(), fixed32(), number(), text(), bytes());
  }

  byte[] encodeCounts(int[] counts) {
    at = 0;
    for (int count : counts) number(count);
    return Arrays.copyOf(buffer, at);
  }

  int[] decodeCounts(byte[] value) {
    open(value);
    int[] counts = new int[Durations.BUCKETS];
    for (int bucket = 0; bucket < counts.length; ++bucket) counts[bucket] = (int) number();
    return counts;
  }

  // ---- bytes ----

  private void room(int bytes) {
    if (at + bytes > buffer.length) buffer = Arrays.copyOf(buffer, Math.max(buffer.length * 2, at + bytes));
  }

  private void open(byte[] value) {
    buffer = value.length > buffer.length ? new byte[value.length * 2] : buffer;
    System.arraycopy(value, 0, buffer, 0, value.length);
    at = 0;
    end = value.length;
  }

  private void number(long value) {
    room(10);
    while ((value & ~0x7fL) != 0) {
      buffer[at++] = (byte) (value | 0x80);
      value >>>= 7;
    }
    buffer[at++] = (byte) value;
  }

  private long number() {
    long value = 0;
    for (int shift = 0; ; shift += 7) {
      byte one = buffer[at++];
      value |= (one & 0x7fL) << shift;
      if (one >= 0) return value;
    }
  }

  private void fixed32(int value) {
    room(4);
    for (int shift = 0; shift < 32; shift += 8) buffer[at++] = (byte) (value >> shift);
  }

  private int fixed32() {
    int value = 0;
    for (int shift = 0; shift < 32; shift += 8) value |= (buffer[at++] & 0xff) << shift;
    return value;
  }

  private void fixed64(long value) {
    fixed32((int) value);
    fixed32((int) (value >> 32));
  }

  private long fixed64() {
    long low = fixed32() & 0xffffffffL;
    return low | (long) fixed32() << 32;
  }

  private void stamp(long atMs, int tie) {
    number(atMs);
    fixed32(tie);
  }

  private void bytes(byte[] value) {
    number(value.length);
    room(value.length);
    System.arraycopy(value, 0, buffer, at, value.length);
    at += value.length;
  }

  private byte[] bytes() {
    int length = (int) number();
    if (at + length > end) throw new IllegalStateException("a stored record is cut short");
    at += length;
    return Arrays.copyOfRange(buffer, at - length, at);
  }

  private void text(String value) {
    if (value.isEmpty()) {
      number(0);
    } else {
      bytes(value.getBytes(StandardCharsets.UTF_8));
    }
  }

  private String text() {
    int length = (int) number();
    if (length == 0) return "";
    at += length;
    return new String(buffer, at - length, length, StandardCharsets.UTF_8);
  }
}
