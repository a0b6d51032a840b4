// How much one event may hold, and how far ahead it may be dated.
#pragma once

#include "pipeline/base/uk_time.h"

namespace vtq {

/// One event's serialised size may not pass this.
constexpr std::size_t kEventBytesMax = 64 * 1024;
/// Entries of lists in one fact.
constexpr int kOutcomesMax = 200;
constexpr int kFindingsMax = 100;
constexpr int kEvidenceMax = 100;
constexpr int kDutiesMax = 200;
/// Who says a fact: a person by issuer and subject, or a key.
constexpr std::size_t kPersonMax = 300;

/// In wall-clock mode an event may be dated so far ahead of the server's clock: left for zones and for clocks of others.
constexpr TimeMs kAheadMaxMs = kDayMs;
/// A word that lets go on may be dated only so far ahead, or it would undo the stops made until then.
constexpr TimeMs kLettingGoAheadMaxMs = 60'000;

}  // namespace vtq
