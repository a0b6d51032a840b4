package vtq.peer;

/** A status as derived; numbers are those of the enums in output.proto. */
final class Status {
  int stage;
  int need;
  int reason;
  int band;
  int step;
  int owner;
  long dueMs;
  int outstandingUnits;
  boolean late;
  boolean treatedAsCritical;

  void clear() {
    stage = need = reason = band = step = owner = outstandingUnits = 0;
    dueMs = 0;
    late = treatedAsCritical = false;
  }

  void set(Status other) {
    stage = other.stage;
    need = other.need;
    reason = other.reason;
    band = other.band;
    step = other.step;
    owner = other.owner;
    dueMs = other.dueMs;
    outstandingUnits = other.outstandingUnits;
    late = other.late;
    treatedAsCritical = other.treatedAsCritical;
  }

  /** Whether going from the one to the other is worth a transition: the count of units alone is not. */
  boolean differs(Status other) {
    return stage != other.stage || need != other.need || reason != other.reason || band != other.band || step != other.step
        || owner != other.owner || dueMs != other.dueMs || late != other.late || treatedAsCritical != other.treatedAsCritical;
  }
}
