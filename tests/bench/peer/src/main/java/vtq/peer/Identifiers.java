package vtq.peer;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** The field's identifiers as compact numbers, and the hashes of pipeline/base/identifiers.h. Texts are taken to be well formed. */
final class Identifiers {
  private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final long M = 0xc6a4a7935bd1e995L;

  private Identifiers() {}

  static int centre(String text) {
    return Integer.parseInt(text);
  }

  /** The 7 digits times 11, plus the check character (X is 10); with or without slashes. */
  static int qualification(String text) {
    int body = 0;
    int last = text.length() - 1;
    for (int at = 0; at < last; ++at) {
      char c = text.charAt(at);
      if (c != '/') body = body * 10 + (c - '0');
    }
    char check = text.charAt(last);
    return body * 11 + (check == 'X' ? 10 : check - '0');
  }

  static int awardingOrganisation(String text) {
    return Integer.parseInt(text, 2, text.length(), 10);
  }

  /** Year * 12 + month - 1. */
  static int series(String text) {
    return Integer.parseInt(text, 0, 4, 10) * 12 + Integer.parseInt(text, 5, 7, 10) - 1;
  }

  static String centreText(int id) {
    return padded(id, 5);
  }

  static String qualificationText(int id) {
    String body = padded(id / 11, 7);
    int check = id % 11;
    return body.substring(0, 3) + '/' + body.substring(3) + '/' + (check == 10 ? "X" : Integer.toString(check));
  }

  static String awardingOrganisationText(int id) {
    return "RN" + id;
  }

  static String seriesText(int id) {
    return padded(id / 12, 4) + '-' + padded(id % 12 + 1, 2);
  }

  static String batchText(int centre, int awardingOrganisation, int series, int number) {
    return centreText(centre) + '.' + awardingOrganisationText(awardingOrganisation) + '.' + seriesText(series) + '.'
        + padded(number, 4);
  }

  /** Digits with zeros in front to at least {@code width}. */
  static String padded(int value, int width) {
    String digits = Integer.toString(value);
    return digits.length() >= width ? digits : "0".repeat(width - digits.length()) + digits;
  }

  /** 32 bits of the hash of a unit code, outcome code or grade; never 0. */
  static int shortHash(String text) {
    int hash = (int) longHash(text.getBytes(StandardCharsets.UTF_8));
    return hash == 0 ? 1 : hash;
  }

  /** MurmurHash64A with seed 0. */
  static long longHash(byte[] text) {
    long h = text.length * M;
    int at = 0;
    for (; at + 8 <= text.length; at += 8) {
      long k = (long) LONG.get(text, at) * M;
      k ^= k >>> 47;
      h = (h ^ (k * M)) * M;
    }
    if (at < text.length) {
      long tail = 0;
      for (int shift = 0; at < text.length; ++at, shift += 8) tail |= (text[at] & 0xffL) << shift;
      h = (h ^ tail) * M;
    }
    h ^= h >>> 47;
    h *= M;
    return h ^ (h >>> 47);
  }
}
