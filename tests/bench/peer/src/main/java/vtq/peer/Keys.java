package vtq.peer;

import com.google.protobuf.ByteString;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.common.utils.Bytes;
import vtq.v1.Common.EntryRef;

/** Keys of the stores. Big-endian, so that all of a centre stands together and in order. */
final class Keys {
  /** Kinds of records about a centre or the partition, first byte of their keys. */
  static final byte SUMMARY = 's';
  static final byte SLOT = 'f';
  static final byte PARKED = 'p';
  static final byte DURATIONS = 'd';

  private static final int LEARNER_AT = 10;

  private Keys() {}

  static Bytes entry(int centre, EntryRef entry) {
    ByteString learner = entry.getLearnerBytes();
    byte[] key = new byte[LEARNER_AT + learner.size()];
    putInt(key, 0, centre);
    int series = Identifiers.series(entry.getSeries());
    key[4] = (byte) (series >> 8);
    key[5] = (byte) series;
    putInt(key, 6, Identifiers.qualification(entry.getQualification()));
    learner.copyTo(key, LEARNER_AT);
    return Bytes.wrap(key);
  }

  static Bytes entries(int centre) {
    byte[] prefix = new byte[4];
    putInt(prefix, 0, centre);
    return Bytes.wrap(prefix);
  }

  static int series(byte[] key) {
    return (key[4] & 0xff) << 8 | (key[5] & 0xff);
  }

  static int qualification(byte[] key) {
    return getInt(key, 6);
  }

  static String learner(byte[] key) {
    return new String(key, LEARNER_AT, key.length - LEARNER_AT, StandardCharsets.US_ASCII);
  }

  static Bytes of(byte kind) {
    return Bytes.wrap(new byte[] {kind});
  }

  static Bytes of(byte kind, int id) {
    byte[] key = new byte[5];
    key[0] = kind;
    putInt(key, 1, id);
    return Bytes.wrap(key);
  }

  static int id(byte[] key) {
    return getInt(key, 1);
  }

  static Bytes slot(int centre, String slot) {
    byte[] text = slot.getBytes(StandardCharsets.UTF_8);
    byte[] key = new byte[5 + text.length];
    key[0] = SLOT;
    putInt(key, 1, centre);
    System.arraycopy(text, 0, key, 5, text.length);
    return Bytes.wrap(key);
  }

  static String slot(byte[] key) {
    return new String(key, 5, key.length - 5, StandardCharsets.UTF_8);
  }

  static Bytes parked(int centre, long atMs, int tie) {
    byte[] key = new byte[17];
    key[0] = PARKED;
    putInt(key, 1, centre);
    putInt(key, 5, (int) (atMs >> 32));
    putInt(key, 9, (int) atMs);
    putInt(key, 13, tie);
    return Bytes.wrap(key);
  }

  private static void putInt(byte[] to, int at, int value) {
    to[at] = (byte) (value >> 24);
    to[at + 1] = (byte) (value >> 16);
    to[at + 2] = (byte) (value >> 8);
    to[at + 3] = (byte) value;
  }

  private static int getInt(byte[] from, int at) {
    return from[at] << 24 | (from[at + 1] & 0xff) << 16 | (from[at + 2] & 0xff) << 8 | (from[at + 3] & 0xff);
  }
}
