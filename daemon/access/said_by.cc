#include "daemon/access/said_by.h"

#include "pipeline/intake/check.h"

namespace vtq {

std::string sayer_of(const Caller& caller) {
  constexpr std::string_view kSystem = "system ";
  if (!caller.person.empty()) return caller.person;
  if (!caller.key.empty()) return "key " + caller.key;
  // With a token: without what it calls itself besides.
  if (caller.name.starts_with(kSystem)) return caller.name.substr(0, caller.name.find(' ', kSystem.size()));
  return "operator";
}

bool fill_said_by(v1::Event& event, const Caller& caller) {
  std::string* said_by = said_by_of(event);
  if (!said_by) return false;
  bool own = said_by->empty() || *said_by == sayer_of(caller);
  if (own) *said_by = sayer_of(caller);
  // What another could say of itself counts for nothing: the event is refused.
  if (event.has_release_approved()) event.mutable_release_approved()->set_by_approver(own && caller.roles.has(AccessRole::approver));
  return own;
}

std::optional<Rejection> not_its_own(const v1::Event& event, const Caller& caller) {
  if (event.has_calendar_defined() && !event.calendar_defined().gates_confirmed_by().empty())
    return Rejection{"calendarDefined.gatesConfirmedBy", "gates-by-approval", "",
                     "One caller cannot confirm gates in the name of two people. Leave it out; then two with the role approver approve the calendar, "
                     "each for themselves: resultsctl release approve --calendar."};
  v1::Event filled = event;
  const std::string* said_by = said_by_of(filled);
  if (!said_by) return std::nullopt;
  if (*said_by != sayer_of(caller))
    return Rejection{"saidBy", "said-by-caller", said_by->substr(0, 64), "You are not who is named here. Leave it out: resultsd fills it in."};
  if (caller.person.empty() && caller.key.empty() && (event.has_release_approved() || event.has_release_overridden()))
    return Rejection{"saidBy", "said-by-person", "", "Whoever holds the access secret approves nothing with it: sign in, or use a key of your own."};
  return std::nullopt;
}

}  // namespace vtq
