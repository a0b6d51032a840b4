package vtq.peer;

import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.zone.ZoneOffsetTransition;
import java.util.Locale;

/** Local times of the field, Europe/London, as pipeline/base/uk_time.h has them. Milliseconds since 1970, days since 1970-01-01. */
final class UkTime {
  static final long NEVER = Long.MAX_VALUE;
  static final long HOUR_MS = 3_600_000;
  static final long DAY_MS = 24 * HOUR_MS;
  static final long LATEST_EVENT_MS = 4_102_444_800_000L;

  private static final ZoneId LONDON = ZoneId.of("Europe/London");
  private static final DateTimeFormatter SHOWN = DateTimeFormatter.ofPattern("d MMM yyyy, HH:mm", Locale.ENGLISH);

  private UkTime() {}

  /** {@code YYYY-MM-DD}; 0 for an empty text. */
  static int date(String text) {
    return text.isEmpty() ? 0 : (int) LocalDate.parse(text).toEpochDay();
  }

  /** {@code YYYY-MM-DDTHH:MM}; {@code absent} for an empty text. */
  static long localTime(String text, long absent) {
    return text.isEmpty() ? absent : ms(LocalDateTime.parse(text));
  }

  static int localDay(long at) {
    return (int) Instant.ofEpochMilli(at).atZone(LONDON).toLocalDate().toEpochDay();
  }

  static long dayBegins(int day) {
    return ms(LocalDate.ofEpochDay(day).atStartOfDay());
  }

  static String localText(long at) {
    return SHOWN.format(Instant.ofEpochMilli(at).atZone(LONDON));
  }

  private static long ms(LocalDateTime local) {
    // A time that the clocks skip is the moment they change; of one that comes twice the first is taken.
    ZoneOffsetTransition transition = LONDON.getRules().getTransition(local);
    if (transition != null && transition.isGap()) return transition.getInstant().toEpochMilli();
    return ZonedDateTime.of(local, LONDON).toInstant().toEpochMilli();
  }
}
