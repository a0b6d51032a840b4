// One record of the audit: who did what, about what, when, from where and why. No grade, no learner's name or number: of a fact about an entry
// there is its centre, qualification and series alone, and neither its reason nor its id, in both of which a publisher may name anybody.
#pragma once

#include <string>
#include <string_view>

#include "pipeline/base/sha256.h"
#include "pipeline/base/uk_time.h"
#include "pipeline/facts/kind.h"

namespace vtq {

struct AuditEntry {
  v1::AuditNoted noted;    ///< act, who, and what it is about; its seal counts for nothing
  std::string event;       ///< id of the event that it was; empty: not to be named
  std::string source;      ///< of that event
  TimeMs at_ms = 0;        ///< when it was done, as the event says
  TimeMs time_ms = 0;      ///< logical time of the partition
  TimeMs recorded_ms = 0;  ///< by the wall clock, when it was written down
  std::string instance;    ///< that wrote it down
};

/// Of an event whose kind has an act. `by`: serialised AuditActor; empty: its source alone is known. `outcome`: what became of it.
AuditEntry audit_entry(const v1::Event& event, const FactKind& kind, const Address& address, std::string_view by, std::string_view outcome,
                       TimeMs time_ms);

/// The line that stands for it as record `number` of its partition, after one with that leaf hash: JSON, without a line break. Members that say
/// nothing are left out.
std::string audit_line(const AuditEntry& entry, std::uint32_t partition, std::uint64_t number, const Hash256& previous);

}  // namespace vtq
