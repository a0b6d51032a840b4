// A fact that is not taken becomes a record among the rejected ones, with its bytes, where it came from, and why.
#pragma once

#include "pipeline/run/ports.h"
#include "pipeline/run/round.h"

namespace vtq {

/// Rejects the fact, for what its `why` says. The verdict names the record.
Verdict reject(WaitingRecord&& record, std::uint32_t partition, TimeMs now, Outputs& outputs);

}  // namespace vtq
