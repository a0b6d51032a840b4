#include "pipeline/facts/mitigation_facts.h"

#include <algorithm>

namespace vtq {
namespace {

/// The fact for the learner alone, else the one for all; null: neither.
template <class Fact, class Fits>
const Fact* narrowest(const std::vector<Fact>& facts, const EntryKey& key, Fits fits) {
  const Fact* found = nullptr;
  for (const Fact& fact : facts)
    if (fact.scope.covers(key) && fits(fact) && (!found || found->scope.learner.empty())) found = &fact;
  return found;
}

/// The first moment not before `at` with the local time of day of `like`, by the clock.
TimeMs at_time_of_day(TimeMs like, TimeMs at) {
  std::string clock = local_text(like);
  clock = "T" + clock.substr(clock.size() - 5);
  for (Day day = local_day(at);; ++day) {
    std::string date = utc_text(day * kDayMs).substr(0, 10);
    // A time that the clocks skip stands for the moment at which they change.
    TimeMs changes = day_begins(day) + kHourMs;
    if (TimeMs moment = parse_local_time(date + clock).value_or(changes); moment >= at) return moment;
  }
}

}  // namespace

Mitigation& take_mitigation(Mitigations& defined, const v1::Event& event) {
  const auto& fact = event.mitigation_defined();
  Mitigation made{.series = *parse_series(fact.series()),
                  .centre = parse_centre(fact.centre()),
                  .learner = fact.learner(),
                  .defined_ms = event.occurred_at().seconds() * 1000 + event.occurred_at().nanos() / 1'000'000,
                  .kind = fact.kind(),
                  .out_of_scope = fact.out_of_scope(),
                  .expected_on = parse_date(fact.expected_on()).value_or(0),
                  .disruption_from = parse_date(fact.disruption_from()).value_or(0),
                  .disruption_to = parse_date(fact.disruption_to()).value_or(0),
                  .calculation = fact.calculation(),
                  .achieved_units_min = std::max(fact.achieved_units_min(), 1u),
                  .required_evidence = {fact.required_evidence().begin(), fact.required_evidence().end()},
                  .calendar = {}};
  auto at = std::find_if(defined.begin(), defined.end(), [&](const Mitigation& held) {
    return held.series == made.series && held.centre == made.centre && held.learner == made.learner;
  });
  if (at == defined.end()) return defined.emplace_back(std::move(made));
  *at = std::move(made);
  return *at;
}

const Mitigation* covering(const Mitigations& defined, SeriesId series, CentreId centre, std::string_view learner) {
  const Mitigation* found = nullptr;
  auto width = [](const Mitigation& one) { return one.learner.empty() ? one.centre ? 1 : 2 : 0; };
  for (const Mitigation& one : defined) {
    if (one.series != series || (one.centre && *one.centre != centre) || (!one.learner.empty() && one.learner != learner)) continue;
    if (!found || width(one) < width(*found)) found = &one;
  }
  return found;
}

Calendar delayed(const Calendar& ordinary, Day day) {
  Calendar moved = ordinary;
  if (ordinary.issue_deadline == kNever || day <= local_day(ordinary.issue_deadline)) return moved;
  Day days = day - local_day(ordinary.issue_deadline);
  moved.issue_deadline = at_time_of_day(ordinary.issue_deadline, day_begins(day));
  if (ordinary.claim_deadline != kNever)
    moved.claim_deadline = at_time_of_day(ordinary.claim_deadline, day_begins(local_day(ordinary.claim_deadline) + days));
  // The centre's gate first: the learner's is never before it.
  TimeMs earliest = moved.issue_deadline;
  for (TimeMs Calendar::*release : {&Calendar::centre_release, &Calendar::learner_release}) {
    bool embargo = ordinary.*release != 0 && ordinary.*release != kNever;
    if (embargo) moved.*release = at_time_of_day(ordinary.*release, std::max(ordinary.*release, earliest));
    earliest = std::max(earliest, moved.*release);
  }
  return moved;
}

bool CentreMitigations::opted_out(const EntryKey& key) const {
  const MitigationOptOut* found = narrowest(opt_outs, key, [](const MitigationOptOut&) { return true; });
  return found && found->opted_out;
}

const MitigationApplication* CentreMitigations::application(const EntryKey& key) const {
  return narrowest(applications, key, [](const MitigationApplication&) { return true; });
}

const MitigationReview* CentreMitigations::review(const MitigationApplication& application, const EntryKey& key,
                                                  v1::MitigationReviewed::Stage stage) const {
  return narrowest(reviews, key, [&](const MitigationReview& one) {
    bool of_it = application.scope.learner.empty() || one.scope.learner == application.scope.learner;
    return one.stage == stage && of_it && !one.stamp.before(application.stamp);
  });
}

}  // namespace vtq
