// Calendars: a cohort's deadlines, and the gates before which nobody sees a grade.
#include <set>

#include "pipeline/facts/reference.h"
#include "pipeline/kinds/form.h"
#include "pipeline/kinds/slots.h"
#include "pipeline/kinds/table.h"

namespace vtq {
namespace {

/// Two different people or more, or nobody.
void check_people(Form& form, std::string_view field, const google::protobuf::RepeatedPtrField<std::string>& names) {
  if (names.empty()) return;
  std::set<std::string> different;
  for (int at = 0; at < names.size(); ++at) {
    std::string plain, place(field);
    place.append("[").append(std::to_string(at)).append("]");
    form.name(place, names[at], 64);
    // One person has one spelling: no letters that only look alike, and neither case nor spaces tell people apart.
    if (!printable(names[at]) && !form.stored())
      form.fail(form.path(place), "person-form", names[at], "Give the name that the person signs in with, in printable ASCII characters.");
    for (char c : names[at])
      if (c != ' ') plain += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    different.insert(plain);
  }
  if (different.size() < 2 || names.size() > 10)
    form.fail(form.path(field), "two-people", std::to_string(different.size()),
              "Name two different people or more who confirm it, at most 10, or nobody.");
}

std::string place_of(const char* list, int at, const char* field) { return std::string(list) + "[" + std::to_string(at) + "]." + field; }

/// Checkpoint windows that go in their order, and declarations, each with a name of its own.
void check_windows(Form& form, const v1::CalendarDefined& fact) {
  form.few("checkpoints", fact.checkpoints_size(), 20);
  form.few("declarations", fact.declarations_size(), 20);
  std::set<std::string> names;
  auto named = [&](std::string field, const std::string& name) {
    form.code(field, name, 40);
    if (!names.insert(name).second) form.fail(form.path(field), "windows-named", name, "Give each a name of its own.");
  };
  TimeMs before = 0;
  if (!fact.checkpoint_closes().empty()) before = parse_local_time(fact.checkpoint_closes()).value_or(0);
  for (int at = 0; at < fact.checkpoints_size() && !form.failed(); ++at) {
    const v1::CheckpointWindow& one = fact.checkpoints(at);
    named(place_of("checkpoints", at, "name"), one.name());
    TimeMs opens = form.local_time(place_of("checkpoints", at, "opens"), one.opens(), true);
    TimeMs closes = form.local_time(place_of("checkpoints", at, "closes"), one.closes(), true);
    if (opens < before || closes < opens)
      form.fail(form.path(place_of("checkpoints", at, "opens")), "dates-in-order", one.opens(),
                "A window opens when the one before it has closed, and closes after it opens.");
    before = closes;
  }
  for (int at = 0; at < fact.declarations_size() && !form.failed(); ++at) {
    named(place_of("declarations", at, "name"), fact.declarations(at).name());
    form.local_time(place_of("declarations", at, "due"), fact.declarations(at).due(), true);
  }
}

/// Gates of a qualification or a centre, each pair once.
void check_exceptions(Form& form, const v1::CalendarDefined& fact) {
  form.few("gateExceptions", fact.gate_exceptions_size(), 100);
  std::set<std::pair<std::string, std::string>> seen;
  for (int at = 0; at < fact.gate_exceptions_size() && !form.failed(); ++at) {
    const v1::GateException& one = fact.gate_exceptions(at);
    if (!one.qualification().empty()) form.qualification_of(place_of("gateExceptions", at, "qualification"), one.qualification());
    if (!one.centre().empty() && !parse_centre(one.centre()))
      form.fail(form.path(place_of("gateExceptions", at, "centre")), "centre-form", one.centre(), "A national centre number has exactly 5 digits.");
    bool again = !seen.insert({canonical(one.qualification()), one.centre()}).second;
    if (again || (one.qualification().empty() && one.centre().empty()))
      form.fail(form.path(place_of("gateExceptions", at, "qualification")), "gates-once", one.qualification(),
                "Name a qualification, a centre, or both, and each pair once.");
    bool embargo = one.embargo() != v1::CalendarDefined::EMBARGO_NONE;
    TimeMs centre_sees = form.local_time(place_of("gateExceptions", at, "centreRelease"), one.centre_release(), embargo);
    TimeMs learner_sees = form.local_time(place_of("gateExceptions", at, "learnerRelease"), one.learner_release(), embargo);
    if (!embargo && !(one.centre_release().empty() && one.learner_release().empty()))
      form.fail(form.path(place_of("gateExceptions", at, "embargo")), "embargo-or-gates", "EMBARGO_NONE",
                "Without an embargo there are no gates: leave centreRelease and learnerRelease empty.");
    if (centre_sees > learner_sees)
      form.fail(form.path(place_of("gateExceptions", at, "centreRelease")), "dates-in-order", one.centre_release(),
                "Centres see results before learners do.");
  }
}

void check_calendar(Form& form, const v1::CalendarDefined& fact) {
  form.awarding_organisation("awardingOrganisation", fact.awarding_organisation());
  form.level("level", fact.level());
  form.series("series", fact.series());
  TimeMs opens = form.local_time("checkpointOpens", fact.checkpoint_opens(), !fact.checkpoint_closes().empty());
  TimeMs closes = form.local_time("checkpointCloses", fact.checkpoint_closes(), !fact.checkpoint_opens().empty());
  form.local_time("lateEntryAfter", fact.late_entry_after(), false);
  TimeMs claim = form.local_time("claimDeadline", fact.claim_deadline(), false);
  TimeMs issue = form.local_time("issueDeadline", fact.issue_deadline(), true);
  bool embargo = fact.embargo() != v1::CalendarDefined::EMBARGO_NONE;
  TimeMs centre_sees = form.local_time("centreRelease", fact.centre_release(), embargo);
  TimeMs learner_sees = form.local_time("learnerRelease", fact.learner_release(), embargo);
  if (!v1::CalendarDefined::Embargo_IsValid(fact.embargo())) form.chosen("embargo", fact.embargo(), false);
  for (int at = 0; at < fact.without_embargo_size(); ++at)
    form.qualification_of("withoutEmbargo[" + std::to_string(at) + "]", fact.without_embargo(at));
  form.few("withoutEmbargo", fact.without_embargo_size(), 1'000);
  check_people(form, "gatesConfirmedBy", fact.gates_confirmed_by());
  check_windows(form, fact);
  check_exceptions(form, fact);
  if (form.failed()) return;
  if (!embargo && !(fact.centre_release().empty() && fact.learner_release().empty()))
    form.fail(form.path("embargo"), "embargo-or-gates", "EMBARGO_NONE",
              "Without an embargo there are no gates: leave centreRelease and learnerRelease empty.");
  if (!embargo) learner_sees = kNever;
  auto ordered = [&](const char* field, const std::string& value, TimeMs earlier, TimeMs later, const char* message) {
    if (earlier > later) form.fail(form.path(field), "dates-in-order", value, message);
  };
  ordered("checkpointCloses", fact.checkpoint_closes(), opens, closes, "The checkpoint closes after it opens.");
  ordered("claimDeadline", fact.claim_deadline(), claim, learner_sees, "Claims close before results day.");
  ordered("issueDeadline", fact.issue_deadline(), issue, learner_sees, "Results are issued on or before results day.");
  ordered("centreRelease", fact.centre_release(), centre_sees, learner_sees, "Centres see results before learners do.");
}

}  // namespace

constinit const FactKind kinds::calendar_defined{
    .fact = v1::Event::kCalendarDefined,
    .topic = Topic::reference,
    .subject = Subject::reference,
    .check = [](Form& form, const v1::Event& event) { check_calendar(form, event.calendar_defined()); },
    .slot =
        [](const v1::Event& event) {
          const auto& fact = event.calendar_defined();
          // Each stays: a gate that one of them shut is not opened by another alone, though it come at the same moment under the same id.
          return slot({"calendar", fact.awarding_organisation(), v1::Level_Name(fact.level()), fact.series(), text_of_moment(event), event.source(),
                       event.id(), digest_of(event)});
        },
    .define = [](Reference& reference, const v1::Event& event, const Address& address,
                 const Stamp& stamp) { reference.define_calendar(event, address, stamp); },
    .act = [](const v1::Event&) -> std::string_view { return "calendar-defined"; },
    // By itself it opens no gate earlier; with the names of two people it does.
    .vouched = [](const v1::Event& event) { return !event.calendar_defined().gates_confirmed_by().empty(); },
};

}  // namespace vtq
