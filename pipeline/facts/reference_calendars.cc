// The calendars among the reference data: the dates of a cohort, and its gates as they stand, which neither the order of calendars nor a wrong one
// opens early.
#include <algorithm>
#include <set>
#include <tuple>

#include "pipeline/facts/kind.h"
#include "pipeline/facts/reference.h"

namespace vtq {

bool Reference::CalendarSaid::before(const CalendarSaid& other) const {
  if (stamp.moment() != other.stamp.moment()) return stamp.before(other.stamp);
  Order order = compare(by.said(), other.by.said());
  return order.order != 0 ? order.order < 0 : slot < other.slot;
}

const Reference::CalendarSaid& Reference::CohortDates::latest() const {
  return *std::max_element(said.begin(), said.end(), [](const CalendarSaid& a, const CalendarSaid& b) { return a.before(b); });
}

/// The dates are those of the latest calendar; the gates the latest of all that were said since the last that two people confirmed. A
/// qualification has no embargo where all of these say so.
void Reference::CohortDates::work_out(const ReleaseWords* words) {
  const CalendarSaid* confirmed = nullptr;
  for (CalendarSaid& one : said) {
    one.confirmed_ms = one.confirms ? one.stamp.at_ms : 0;
    if (TimeMs at = words ? approvers_of(words->approvals, one.digest).two_with_the_role_ms : 0; at != 0 && !one.confirms)
      one.confirmed_ms = std::max(at, one.stamp.at_ms);
    if (one.confirmed_ms != 0 && (!confirmed || confirmed->before(one))) confirmed = &one;
  }
  calendar = latest().dates;
  without_embargo.clear();
  bool any_embargo = false;
  for (const CalendarSaid& one : said) {
    if (confirmed && one.before(*confirmed)) continue;
    calendar.centre_release = std::max(calendar.centre_release, one.dates.centre_release);
    calendar.learner_release = std::max({calendar.learner_release, one.dates.learner_release, calendar.centre_release});
    if (one.dates.centre_release == 0) continue;
    if (!std::exchange(any_embargo, true)) without_embargo = one.without_embargo;
    std::erase_if(without_embargo,
                  [&](QualificationId id) { return !std::binary_search(one.without_embargo.begin(), one.without_embargo.end(), id); });
  }
  calendar.gates_confirmed_ms = confirmed ? confirmed->confirmed_ms : 0;
  open = calendar;
  open.centre_release = open.learner_release = 0;
  named.clear();
  counting.clear();
  own->made.clear();
  for (std::size_t at = 0; at < said.size(); ++at) {
    for (const GatesFor& exception : said[at].exceptions) named.insert({exception.qualification, exception.centre});
    if (!confirmed || !said[at].before(*confirmed)) counting.push_back(at);
  }
}

const Calendar* Reference::CohortDates::own_calendar(const Scope& scope) const {
  const auto& [qualification, centre] = scope;
  bool both = qualification && centre && named.contains({qualification, std::nullopt}) && named.contains({std::nullopt, centre});
  if (!both && !named.contains(scope)) return nullptr;
  std::lock_guard lock(own->mutex);
  auto [at, fresh] = own->made.try_emplace(scope, open);
  Calendar& made = at->second;
  for (std::size_t place = 0; fresh && place < counting.size(); ++place) {
    GatesFor gates = said[counting[place]].gates_for(qualification, centre);
    made.centre_release = std::max(made.centre_release, gates.centre_release);
    made.learner_release = std::max({made.learner_release, gates.learner_release, made.centre_release});
  }
  return &made;
}

Reference::GatesFor Reference::CalendarSaid::gates_for(std::optional<QualificationId> qualification, std::optional<CentreId> centre) const {
  const GatesFor *of_both = nullptr, *of_qualification = nullptr, *of_centre = nullptr;
  for (const GatesFor& one : exceptions) {
    if (one.qualification && one.centre && one.qualification == qualification && one.centre == centre) of_both = &one;
    if (one.qualification && !one.centre && one.qualification == qualification) of_qualification = &one;
    if (!one.qualification && one.centre && one.centre == centre) of_centre = &one;
  }
  if (of_both) return *of_both;
  if (of_qualification && of_centre)
    return {qualification, centre, std::max(of_qualification->centre_release, of_centre->centre_release),
            std::max(of_qualification->learner_release, of_centre->learner_release)};
  if (of_qualification) return *of_qualification;
  if (of_centre) return *of_centre;
  if (qualification && std::binary_search(without_embargo.begin(), without_embargo.end(), *qualification)) return {qualification, centre, 0, 0};
  return {qualification, centre, dates.centre_release, dates.learner_release};
}

namespace {

/// The windows of a calendar, where there is more than the one without a name, and its declarations.
void put_windows(const v1::CalendarDefined& fact, Calendar& dates) {
  for (const v1::DeclarationDue& one : fact.declarations()) dates.declarations.push_back({one.name(), *parse_local_time(one.due())});
  if (fact.checkpoints().empty()) return;
  if (dates.has_checkpoint()) dates.windows.push_back({"", dates.checkpoint_opens, dates.checkpoint_closes});
  for (const v1::CheckpointWindow& one : fact.checkpoints())
    dates.windows.push_back({one.name(), *parse_local_time(one.opens()), *parse_local_time(one.closes())});
  dates.checkpoint_opens = dates.windows.front().opens;
  dates.checkpoint_closes = dates.windows.back().closes;
}

}  // namespace

void Reference::define_calendar(const v1::Event& event, const Address& address, const Stamp& stamp) {
  const auto& fact = event.calendar_defined();
  auto time = [](const std::string& text, TimeMs absent) { return text.empty() ? absent : *parse_local_time(text); };
  bool embargo = fact.embargo() != v1::CalendarDefined::EMBARGO_NONE;
  CohortKey key{*address.awarding_organisation, fact.level(), *address.series};
  CalendarSaid made{.stamp = stamp,
                    .by = saying_of(event),
                    .slot = slot_of(event),
                    .dates = {.checkpoint_opens = time(fact.checkpoint_opens(), 0),
                              .checkpoint_closes = time(fact.checkpoint_closes(), 0),
                              .late_entry_after = time(fact.late_entry_after(), kNever),
                              .claim_deadline = time(fact.claim_deadline(), kNever),
                              .issue_deadline = time(fact.issue_deadline(), kNever),
                              .centre_release = time(fact.centre_release(), embargo ? kNever : 0),
                              .learner_release = time(fact.learner_release(), embargo ? kNever : 0)},
                    .without_embargo = {},
                    .exceptions = {},
                    .confirms = !fact.gates_confirmed_by().empty(),
                    .digest = digest_of(event)};
  put_windows(fact, made.dates);
  for (const v1::GateException& one : fact.gate_exceptions()) {
    bool none = one.embargo() == v1::CalendarDefined::EMBARGO_NONE;
    made.exceptions.push_back({parse_qualification(one.qualification()), parse_centre(one.centre()), time(one.centre_release(), none ? 0 : kNever),
                               time(one.learner_release(), none ? 0 : kNever)});
  }
  for (const std::string& text : fact.without_embargo()) made.without_embargo.push_back(*parse_qualification(text));
  std::sort(made.without_embargo.begin(), made.without_embargo.end());
  CohortDates& dates = calendars_[key];
  bool fresh = dates.said.empty();
  auto before = std::tuple(dates.calendar, dates.without_embargo);
  std::erase_if(dates.said, [&](const CalendarSaid& held) { return held.slot == made.slot; });
  dates.said.push_back(std::move(made));
  dates.work_out(release(key));
  // Said again as it stands, it concerns nobody.
  if (!fresh && dates.named.empty() && before == std::tuple(dates.calendar, dates.without_embargo)) return;
  calendar_changed(key);
}

void Reference::calendar_changed(const CohortKey& key) {
  changes_.push_back({.awarding_organisation = key.awarding_organisation, .level = key.level, .series = key.series});
  for (auto& [id, defined] : mitigations_)
    if (auto at = qualifications_.find(id); at != qualifications_.end()) move_calendars(*at->second, defined);
}

const Calendar* Reference::calendar(const CohortKey& key) const {
  auto at = calendars_.find(key);
  return at == calendars_.end() ? nullptr : &at->second.calendar;
}

const Calendar* Reference::calendar(const CohortKey& key, QualificationId qualification, std::optional<CentreId> centre) const {
  auto at = calendars_.find(key);
  if (at == calendars_.end()) return nullptr;
  const CohortDates& dates = at->second;
  if (!dates.named.empty())
    for (const CohortDates::Scope& scope : {CohortDates::Scope{qualification, centre}, {qualification, std::nullopt}, {std::nullopt, centre}})
      if (const Calendar* own = dates.own_calendar(scope)) return own;
  bool open = std::binary_search(dates.without_embargo.begin(), dates.without_embargo.end(), qualification);
  return open ? &dates.open : &dates.calendar;
}

std::shared_ptr<const Calendar> Reference::kept_shut(const Qualification& qualification, SeriesId series, CentreId centre,
                                                     const Calendar& stands) const {
  auto moved = cohorts_before_.find(qualification.id);
  if (moved == cohorts_before_.end()) return nullptr;
  auto defined = slots_.find("qualification " + text_of(qualification.id));
  if (defined != slots_.end() && stands.gates_confirmed_ms > defined->second.stamp.at_ms) return nullptr;
  auto made = std::make_shared<Calendar>(stands);
  for (const auto& [awarding_organisation, level] : moved->second) {
    const Calendar* there = calendar({awarding_organisation, level, series}, qualification.id, centre);
    if (!there) continue;
    made->centre_release = std::max(made->centre_release, there->centre_release);
    made->learner_release = std::max({made->learner_release, there->learner_release, made->centre_release});
  }
  return *made == stands ? nullptr : made;
}

std::optional<Rejection> Reference::gates_not_earlier(const v1::CalendarDefined& fact) const {
  auto at = calendars_.find({*parse_awarding_organisation(fact.awarding_organisation()), fact.level(), *parse_series(fact.series())});
  if (at == calendars_.end()) return std::nullopt;
  const Calendar& stands = at->second.calendar;
  for (auto [field, said, gate] : {std::tuple{"centreRelease", &fact.centre_release(), stands.centre_release},
                                   std::tuple{"learnerRelease", &fact.learner_release(), stands.learner_release}}) {
    if ((said->empty() ? 0 : *parse_local_time(*said)) >= gate) continue;
    return Rejection{"calendarDefined." + std::string(field), "gate-not-earlier", *said,
                     "The gate stays at " + local_text(gate) +
                         ", as said before: one calendar alone opens nothing earlier. Where it is to open "
                         "earlier, two people with the role approver approve the calendar: resultsctl release approve --calendar. Where nobody "
                         "signs in, send it with gatesConfirmedBy: the names of two people."};
  }
  for (int place = 0; place < fact.gate_exceptions_size(); ++place) {
    const v1::GateException& one = fact.gate_exceptions(place);
    const CohortDates::Scope scope{parse_qualification(one.qualification()), parse_centre(one.centre())};
    // The narrowest that stands there by now, taken as if all words of before had no more to say.
    const Calendar* own = at->second.own_calendar(scope);
    const Calendar& there = own ? *own : stands;
    for (auto [field, said, gate] : {std::tuple{"centreRelease", &one.centre_release(), there.centre_release},
                                     std::tuple{"learnerRelease", &one.learner_release(), there.learner_release}})
      if ((said->empty() ? 0 : *parse_local_time(*said)) < gate)
        return Rejection{
            "calendarDefined.gateExceptions[" + std::to_string(place) + "]." + field, "gate-not-earlier", *said,
            "The gate stays at " + local_text(gate) +
                ", as said before: one calendar alone opens nothing earlier. Two people with the role approver approve the calendar; where "
                "nobody signs in, send it with gatesConfirmedBy."};
  }
  for (const std::string& text : fact.without_embargo()) {
    QualificationId id = *parse_qualification(text);
    if (std::binary_search(at->second.without_embargo.begin(), at->second.without_embargo.end(), id)) continue;
    return Rejection{"calendarDefined.withoutEmbargo", "gate-not-earlier", text,
                     "The qualification had an embargo before, which stays. Where there is to be none, two people with the role approver approve "
                     "the calendar; where nobody signs in, send it with gatesConfirmedBy: the names of two people."};
  }
  return std::nullopt;
}

std::vector<Reference::GatesSaid> Reference::gates_said(const CohortKey& key) const {
  std::vector<GatesSaid> found;
  auto at = calendars_.find(key);
  if (at == calendars_.end()) return found;
  std::vector<const CalendarSaid*> said;
  for (const CalendarSaid& one : at->second.said) said.push_back(&one);
  std::sort(said.begin(), said.end(), [](const CalendarSaid* a, const CalendarSaid* b) { return b->before(*a); });
  for (const CalendarSaid* one : said) found.push_back({one->digest, one->dates.centre_release, one->dates.learner_release, one->confirmed_ms != 0});
  return found;
}

}  // namespace vtq
