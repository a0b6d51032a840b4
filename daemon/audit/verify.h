// Whether an export of the audit is what was written: every line in its place, chained to the one before it, and all of them what a signed
// checkpoint speaks of. Needs no server. Pure; any thread.
#pragma once

#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <vector>

#include "daemon/audit/signed_note.h"

namespace vtq {

/// What is wrong, first by the number of the record.
struct AuditFault {
  std::uint64_t number = 0;  ///< of the record; of a checkpoint, its size
  std::string rule;          ///< audit-form, audit-gap, audit-order, audit-chain, audit-partition, checkpoint-signature, checkpoint-origin, ...
  std::string why;
};

struct AuditVerified {
  std::uint64_t records = 0;
  std::uint64_t signed_records = 0;  ///< of these, those that the largest checkpoint speaks of
  std::optional<AuditFault> fault = {};
};

/// `lines`: one record each, from number 0 on. `checkpoints`: signed notes of this partition's audit, of any times, at least one; an export has one
/// as large as itself. A record beyond the largest checkpoint is chained, and signed by nobody yet. A checkpoint beyond the last record is a fault
/// (`audit-truncated`): records were taken away at the end.
AuditVerified verify_audit(std::istream& lines, std::uint32_t partition, const std::vector<std::string>& checkpoints, const NoteVerifier& key);

}  // namespace vtq
