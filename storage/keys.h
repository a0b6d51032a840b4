// Keys of the store: a kind, then the fields big-endian, so that what belongs together lies together.
#pragma once

#include <string>

#include "pipeline/batch_id.h"
#include "pipeline/check.h"
#include "pipeline/durations.h"

namespace vtq::keys {

std::string time(std::uint32_t partition);
std::string durations(std::uint32_t partition);
std::string durations(std::uint32_t partition, const Durations::Key& key);
std::string summaries(std::uint32_t partition);
std::string summary(std::uint32_t partition, CentreId centre);
std::string slots(std::uint32_t partition, CentreId centre);
std::string entries(std::uint32_t partition, CentreId centre);
std::string parked(std::uint32_t partition, CentreId centre);
std::string parked(std::uint32_t partition, CentreId centre, const Stamp& stamp);
std::string reference(std::string_view slot);
std::string next_offset(Topic topic, std::uint32_t partition);
std::string chunk(Topic topic, std::uint32_t partition, std::uint64_t offset);
std::string batch(const BatchId& id);
std::string rejected(std::uint64_t id);

/// An entry's key, into `out`.
void entry(std::uint32_t partition, CentreId centre, const EntryKey& key, std::string& out);
/// Back from an entry's key.
EntryKey entry_key(std::string_view key);
CentreId summary_centre(std::string_view key);
BatchId batch_id(std::string_view key);
std::uint64_t last_u64(std::string_view key);

constexpr std::string_view kFormat = "m";         // schema and partitions
constexpr std::string_view kBatchCount = "nb";    // batches issued
constexpr std::string_view kRejectedLast = "nr";  // last id given to a rejected record
constexpr std::string_view kReference = "r";

std::string u64(std::uint64_t value);

}  // namespace vtq::keys
