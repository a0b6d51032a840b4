// Mitigations: what applies to a qualification, a centre or a learner in a disruption, and what it asks of the centre before results
// can rest on it (Ofqual, extraordinary regulatory framework, 2020). Pure.
//
//   calculated      units that fell due in the disruption get a result from the units achieved, once the application was reviewed
//   adapted         units are assessed in another way and recorded as usual; the result says so, once the application was reviewed
//   delayed         the result is expected on a later date, and is not late until then
//   none expected   no result is due, unless the centre claims or opts out
//   no change       ordinary rules, as for what is out of scope and for centres that opt out
//
// Rules of combination stay firm under all of them, and no qualification is shrunk to fit what was done.
#pragma once

#include "pipeline/rules/circumstances.h"

namespace vtq {

/// Adds to `around`, which is otherwise complete, what a mitigation makes of `entry`: the definition that stands, its dates in place of
/// the calendar's, and the units calculated. Only needed where the qualification has mitigations or the learner left another one.
void mitigate(Circumstances& around, const Reference& reference, CentreId centre, const Entry& entry);

/// What the mitigation that covers `entry` still asks for; none when it asks nothing. `wake_at` as for approval_obstacle.
Obstacle mitigation_obstacle(const Entry& entry, const Circumstances& around, TimeMs now, TimeMs& wake_at);

/// Whether what was missing at `deadline` lay with panel or verification then: the centre's application was made by then with all evidence,
/// and nobody had asked for more.
bool application_with_reviewers_at(TimeMs deadline, const Entry& entry, const Circumstances& around);

/// The same in words, for people: a clause.
std::string mitigation_text(const Entry& entry, const Circumstances& around, Rule rule);

/// Why units that are outstanding are not calculated, although the mitigation is of that kind; empty when there is nothing to say.
std::string mitigation_note(const Entry& entry, const Circumstances& around);

/// What the result of `entry` would rest on now; BASIS_UNSPECIFIED without a mitigation.
v1::Basis mitigation_basis(const Entry& entry, const Circumstances& around);

/// What the centre is told when another mitigation holds than `before`, or another date.
std::string mitigation_news(const Entry& entry, const Circumstances& around, v1::MitigationDefined::Kind before);

}  // namespace vtq
