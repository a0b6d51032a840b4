// Outputs as they stand in topics where results are sealed. Any thread.
#pragma once

#include "storage/sealing/seal.h"
#include "vtq/v1/output.pb.h"

namespace vtq {

/// What a batch's files hold: the batch as it was issued, without the grades that a correction replaced, which may never have been open.
v1::ResultBatch batch_to_seal(const v1::ResultBatch& batch);
/// The same with the longest grades that there may be: as large as its file is made, so that its size tells nothing about grades.
v1::ResultBatch batch_of_longest_grades(v1::ResultBatch batch);

/// A batch with its results sealed: metadata, and a file of age. In that: the batch with its length as a varint before it, and zeros behind it.
v1::ResultBatch sealed_for_topic(const v1::ResultBatch& batch, const BatchKey& key);

/// A rejected record with its value sealed.
v1::Rejected sealed_for_topic(const Seal& seal, const v1::Rejected& rejected);
/// That value, opened again into `value`. `id`: the rejected record's.
Opening open_rejected(const Seal& seal, std::string_view id, std::string_view sealed, std::string& value);

}  // namespace vtq
