// Checks: what makes an event wrong. `check` looks at the event alone; `fits` at the event against the reference data. Each
// failure names field, rule and value and says what to do next. Pure.
#pragma once

#include "pipeline/base/result.h"
#include "pipeline/facts/reference.h"

namespace vtq {

/// Topics in, in the order in which a window of events is applied; then topics out.
enum class Topic : std::uint8_t {
  reference,
  registrations,
  checkpoints,
  assessments,
  claims,
  assurance,
  commands,
  entry_status,
  result_batches,
  notifications,
  rejected,
};
constexpr std::size_t kInputTopics = 7;
constexpr std::size_t kTopics = 11;
/// `vtq.registrations`, ...
std::string_view topic_name(Topic topic);

/// What kind of thing an event is about.
enum class Subject : std::uint8_t { entry, centre, reference };

/// Where an event belongs, as `check` found it.
struct Address {
  Topic topic{};
  Subject subject{};
  bool everywhere = false;  ///< reference data, and commands to `*`: every partition must see it
  CentreId centre{};
  EntryKey entry;  ///< set when the subject is an entry
  TimeMs at_ms = 0;
};

/// One event's serialised size may not pass this.
constexpr std::size_t kEventBytesMax = 64 * 1024;
/// Entries of lists in one fact.
constexpr int kOutcomesMax = 200;
constexpr int kFindingsMax = 100;
constexpr int kEvidenceMax = 100;
constexpr int kDutiesMax = 200;

/// In wall-clock mode an event may be dated so far ahead of the server's clock: left for zones and for clocks of others.
constexpr TimeMs kAheadMaxMs = kDayMs;
/// A word that lets go on may be dated only so far ahead, or it would undo the stops made until then.
constexpr TimeMs kLettingGoAheadMaxMs = 60'000;

/// Form: identifiers, dates, required fields, ranges. `latest_ms`: events after this are from the future; the server's clock and kAheadMaxMs.
Result<Address> check(const v1::Event& event, TimeMs latest_ms = kLatestEventMs);
/// The same of what was taken before, by this version or an earlier one: what must be said today may be missing.
Result<Address> check_stored(const v1::Event& event);

/// A stored fact, read and checked again; nothing: it is of a form that this version does not take.
std::optional<v1::Event> stored_fact(std::string_view bytes);

/// Substance: are centre, qualification, units and grades known? Only for subjects entry and centre.
std::optional<Rejection> fits(const v1::Event& event, const Address& address, const Reference& reference);

/// Things worth a look that do not stop the event: an unusual check digit. Empty when there are none.
std::vector<Rejection> warnings(const v1::Event& event);

/// What the publisher of an event should know of whom it names, though it is taken: a stop that stops nothing.
std::vector<Rejection> warnings(const v1::Event& event, const Address& address, const Reference& reference);

/// What the publisher of an event should know of what it met; `holds`: it is the later one.
std::vector<Rejection> warnings_of(const Clash& clash, const v1::Event& event, bool holds);

/// The fact's name in the JSON mapping: `checkpointAnswered`.
std::string fact_name(const v1::Event& event);

/// The text with `?` for each byte that is not UTF-8: what is said of a record goes into protobuf strings, whatever stood in it.
std::string as_utf8(std::string_view text);

/// Cut to what is kept of a wrong value; UTF-8.
std::string cut_value(std::string_view value);

}  // namespace vtq
