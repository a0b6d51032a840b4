#include "daemon/access/said_by.h"

#include "pipeline/intake/check.h"

namespace vtq {

std::string sayer_of(const Caller& caller) {
  if (!caller.person.empty()) return caller.person;
  return caller.key.empty() ? "operator" : "key " + caller.key;
}

std::optional<Rejection> fill_said_by(v1::Event& event, const Caller& caller, bool& changed) {
  changed = false;
  if (event.has_calendar_defined() && !event.calendar_defined().gates_confirmed_by().empty())
    return Rejection{
        "calendarDefined.gatesConfirmedBy", "gates-by-approval", "",
        "One caller cannot confirm gates in the name of two people. Leave it out; then two with the role approver approve the calendar, each "
        "for themselves: resultsctl release approve --calendar."};
  std::string* said_by = said_by_of(event);
  if (!said_by) return std::nullopt;
  const std::string sayer = sayer_of(caller);
  if (!said_by->empty() && *said_by != sayer)
    return Rejection{"saidBy", "said-by-caller", said_by->substr(0, 64), "You are not who is named here. Leave it out: resultsd fills it in."};
  if (sayer == "operator" && (event.has_release_approved() || event.has_release_overridden()))
    return Rejection{"saidBy", "said-by-person", "", "Whoever holds the access secret approves nothing with it: sign in, or use a key of your own."};
  changed = true;
  *said_by = sayer;
  if (event.has_release_approved()) event.mutable_release_approved()->set_by_approver(caller.roles.has(AccessRole::approver));
  return std::nullopt;
}

}  // namespace vtq
