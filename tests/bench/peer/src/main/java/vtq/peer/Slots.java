package vtq.peer;

import vtq.v1.EventOuterClass.Event;

/** The slot of a fact that is kept whole: of the facts for one slot the latest holds. As the rows of pipeline/kinds/ name it. */
final class Slots {
  private Slots() {}

  static String of(Event event) {
    return switch (event.getFactCase()) {
      case AWARDING_ORGANISATION_DEFINED ->
          joined("awarding-organisation", event.getAwardingOrganisationDefined().getAwardingOrganisation());
      case CENTRE_DEFINED -> joined("centre", event.getCentreDefined().getCentre());
      case QUALIFICATION_DEFINED -> joined("qualification", canonical(event.getQualificationDefined().getQualification()));
      case GRADING_SCALE_DEFINED -> joined("scale", event.getGradingScaleDefined().getName());
      case CALENDAR_DEFINED -> {
        var fact = event.getCalendarDefined();
        yield joined("calendar", fact.getAwardingOrganisation(), fact.getLevel().name(), fact.getSeries());
      }
      case MITIGATION_DEFINED -> {
        var fact = event.getMitigationDefined();
        yield joined("mitigation", canonical(fact.getQualification()), fact.getSeries(), fact.getCentre(), fact.getLearner());
      }
      case CENTRE_DECLARED -> {
        var fact = event.getCentreDeclared();
        yield joined("declared", fact.getAwardingOrganisation(), fact.getSeries(), fact.getLevel().name());
      }
      case CENTRE_APPROVED -> {
        var fact = event.getCentreApproved();
        yield joined("approved", fact.getAwardingOrganisation(), canonical(fact.getQualification()));
      }
      case STAFF_APPROVED -> {
        var fact = event.getStaffApproved();
        yield joined("staff", fact.getAwardingOrganisation(), canonical(fact.getQualification()), fact.getStaff(),
            fact.getRole().name());
      }
      case MONITORING_RECORDED -> {
        var fact = event.getMonitoringRecorded();
        yield joined("monitoring", fact.getAwardingOrganisation(), canonical(fact.getQualification()), fact.getMonitoring());
      }
      case SAMPLE_DECIDED -> {
        var fact = event.getSampleDecided();
        yield joined("sample", canonical(fact.getQualification()), fact.getSeries(), fact.getLearner());
      }
      case HOLD_PLACED ->
          joined("hold-placed", event.getHoldPlaced().getAwardingOrganisation(), event.getHoldPlaced().getHold());
      case HOLD_LIFTED ->
          joined("hold-lifted", event.getHoldLifted().getAwardingOrganisation(), event.getHoldLifted().getHold());
      case ACTION_PLAN -> {
        var fact = event.getActionPlan();
        yield joined("action", fact.getAwardingOrganisation(), canonical(fact.getQualification()), fact.getAction());
      }
      case RELEASE_PLANNED -> {
        var fact = event.getReleasePlanned();
        yield joined("plan", fact.getAwardingOrganisation(), fact.getLevel().name(), fact.getSeries());
      }
      case RELEASE_APPROVED -> {
        var fact = event.getReleaseApproved();
        yield joined("release-approval", fact.getAwardingOrganisation(), fact.getLevel().name(), fact.getSeries(),
            fact.getApprover());
      }
      case ISSUING_HALTED -> {
        var fact = event.getIssuingHalted();
        yield joined("halt", fact.getAwardingOrganisation(), fact.getSeries());
      }
      case BATCH_ACKNOWLEDGED -> acknowledged(event.getBatchAcknowledged().getBatch());
      default -> "";
    };
  }

  static String acknowledged(String batch) {
    return joined("acknowledged", batch);
  }

  private static String joined(String... parts) {
    StringBuilder text = new StringBuilder();
    for (String part : parts) {
      if (text.length() > 0) text.append(' ');
      text.append(part.isEmpty() ? "-" : part);
    }
    return text.toString();
  }

  private static String canonical(String qualification) {
    return qualification.isEmpty() ? "" : Identifiers.qualificationText(Identifiers.qualification(qualification));
  }
}
