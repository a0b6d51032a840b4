// Checks: what makes an event wrong. `check` looks at the event alone; `fits` at the event against the reference data. Each
// failure names field, rule and value and says what to do next. Pure.
#pragma once

#include "pipeline/base/value_text.h"
#include "pipeline/facts/kind.h"
#include "pipeline/facts/reference.h"
#include "pipeline/kinds/limits.h"

namespace vtq {

/// Form: identifiers, dates, required fields, ranges. `latest_ms`: events after this are from the future; the server's clock and kAheadMaxMs.
Result<Address> check(const v1::Event& event, TimeMs latest_ms = kLatestEventMs);
/// The same of what was taken before, by this version or an earlier one: what must be said today may be missing.
Result<Address> check_stored(const v1::Event& event);

/// A stored fact, read and checked again.
struct StoredFact {
  v1::Event event;
  Address address;
};
/// Nothing: it is of a form that this version does not take.
std::optional<StoredFact> stored_fact(std::string_view bytes);

/// Substance: are centre, qualification, units and grades known? Only for subjects entry and centre.
std::optional<Rejection> fits(const v1::Event& event, const Address& address, const Reference& reference);

/// Things worth a look that do not stop the event: an unusual check digit. Empty when there are none.
std::vector<Rejection> warnings(const v1::Event& event);

/// What the publisher of an event should know of whom it names, though it is taken: a stop that stops nothing.
std::vector<Rejection> warnings(const v1::Event& event, const Address& address, const Reference& reference);
/// What gives pause before the event is applied: an approval by somebody who gave it before, who counts once.
std::optional<Rejection> said_before(const v1::Event& event, const Address& address, const Reference& reference);

/// Where an act has who says it: a plan, an approval, an override, a halt, a policy of releases. Null: it is none.
std::string* said_by_of(v1::Event& event);

/// What the publisher of an event should know of what it met; `holds`: it is the later one.
std::vector<Rejection> warnings_of(const Clash& clash, const v1::Event& event, bool holds);

}  // namespace vtq
