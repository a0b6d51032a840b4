// What may be seen of a batch, and of a grade that was said, at the centre of a partition: the gates as they stand for each entry, and what withholds
// its result. Reads only; who shows a grade asks here.
#pragma once

#include "pipeline/release/gate.h"
#include "pipeline/run/surroundings.h"

namespace vtq {

/// Of a batch of this centre.
BatchView view_batch(const Surroundings& surroundings, const Centre& centre, const v1::ResultBatch& batch, Role role, const GateTime& time);

/// Whether a grade that was said of an entry may be shown to its centre, wherever it stands: its gate is open, and nothing withholds a result.
bool may_show(const Surroundings& surroundings, const Centre& centre, const EntryKey& key, const Qualification& qualification, const GateTime& time);

}  // namespace vtq
