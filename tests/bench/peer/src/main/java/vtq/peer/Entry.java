package vtq.peer;

import org.apache.kafka.common.utils.Bytes;

/**
 * One entry with everything known about it, as pipeline/facts/entry.h. Held decoded, hundreds of thousands at once: plain fields, no objects
 * for stamps or units. A stamp is a time in ms (0: not set) and a tie.
 */
final class Entry {
  static final int RESULT_NONE = 0;
  static final int RESULT_DETERMINED = 1;
  static final int RESULT_AMENDED = 2;
  static final int RESULT_REVOKED = 3;

  /** In place of a learning outcome: what was recognised of prior learning. */
  static final int PRIOR_LEARNING = 0xffffffff;
  static final int ACHIEVED = 1;
  static final int NOT_YET_ACHIEVED = 2;
  static final int RECOGNISED = 3;
  /** Longs to one unit: unit and learning outcome; time; tie and grade; mark plus one and standing. */
  static final int UNIT_LONGS = 4;
  static final long[] NO_UNITS = {};

  /** Key in the store: centre, series, qualification, learner. */
  final Bytes key;
  final int qualification;
  final int series;

  long registeredMs;
  int registeredTie;
  long firstRegisteredMs;
  long uln;
  String uci = "";
  byte[] details;
  long changedMs;
  int changedTie;
  int change;
  long detailsChangedMs;
  int detailsChangedTie;
  long transferredMs;
  int transferredTie;
  int toCentre;
  long withdrawnMs;
  int withdrawnTie;
  long answeredMs;
  int answeredTie;
  int answer;
  int route;
  int estimatedCompletion;
  String predictedGrade = "";
  long considerationMs;
  int considerationTie;
  int considerationStatus;
  int considerationDay;
  long claimMs;
  int claimTie;
  boolean claimWithdrawn;
  String claimedGrade = "";
  long resultMs;
  int resultTie;
  int resultKind;
  String resultScale = "";
  String resultGrade = "";
  long queriedMs;
  int queriedTie;
  long[] units = NO_UNITS;

  final Status status = new Status();

  int issuedNumber;
  int issuedFirstNumber;
  long issuedFirstMs;
  String issuedScale = "";
  String issuedGrade = "";
  int issuedReason;
  boolean issuedLate;
  boolean issuedRevoked;
  long acknowledgedMs;
  long wakeAtMs = UkTime.NEVER;
  long readySinceMs;

  boolean toDerive;
  boolean toStore;

  Entry(Bytes key) {
    this.key = key;
    this.series = Keys.series(key.get());
    this.qualification = Keys.qualification(key.get());
  }

  boolean hasClaim() {
    return claimMs != 0 && !claimWithdrawn;
  }

  boolean hasResult() {
    return resultKind == RESULT_DETERMINED || resultKind == RESULT_AMENDED;
  }

  boolean issued() {
    return issuedNumber != 0;
  }

  String learner() {
    return Keys.learner(key.get());
  }
}
