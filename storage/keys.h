// Keys of the store: a kind, then the fields big-endian, so that what belongs together lies together.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pipeline/base/batch_id.h"
#include "pipeline/intake/check.h"
#include "pipeline/risk/durations.h"
#include "pipeline/run/ports.h"

namespace vtq::keys {

std::string time(std::uint32_t partition);
std::string durations(std::uint32_t partition);
std::string durations(std::uint32_t partition, const Durations::Key& key);
std::string summaries(std::uint32_t partition);
std::string summary(std::uint32_t partition, CentreId centre);
std::string slots(std::uint32_t partition, CentreId centre);
std::string entries(std::uint32_t partition, CentreId centre);
std::string waiting(std::uint32_t partition, CentreId centre);
std::string waiting(std::uint32_t partition, CentreId centre, const WaitingKey& key);
constexpr std::size_t kWaitingHashBytes = 16;
constexpr std::size_t kWaitingBytes = 3 + 4 + 12 + kWaitingHashBytes;
std::string reference(std::string_view slot);
std::string next_offset(Topic topic, std::uint32_t partition);
std::string chunk(Topic topic, std::uint32_t partition, std::uint64_t offset);
std::string batch(const BatchId& id);
/// `partition`: only where each partition numbers its own, on Kafka.
std::string rejected(std::uint64_t id, std::optional<std::uint32_t> partition = {});

/// Of a gap in a run of batch numbers that begins with `from.number`.
std::string gap(const BatchId& from);
BatchId gap_from(std::string_view key);
/// What begins the keys of a centre's gaps; of no centre: of all.
std::string gaps(std::optional<CentreId> centre);

/// An entry's key, into `out`.
void entry(std::uint32_t partition, CentreId centre, const EntryKey& key, std::string& out);
/// Back from an entry's key.
EntryKey entry_key(std::string_view key);
/// Of a rejected record's key; nothing where there is one run of numbers.
std::optional<std::uint32_t> rejected_partition(std::string_view key);
CentreId summary_centre(std::string_view key);
BatchId batch_id(std::string_view key);
std::uint64_t last_u64(std::string_view key);

/// Batches issued.
std::string batch_count(std::uint32_t partition);
/// Last number given to a rejected record.
std::string rejected_last(std::uint32_t partition);
/// How far its audit has come; and one record of it.
std::string audit_head(std::uint32_t partition);
std::string audit(std::uint32_t partition, std::uint64_t number);
/// How much of the partition's changelog lies here.
std::string position(std::uint32_t partition);
/// What begins every key of a partition's state, by kind.
std::vector<std::string> prefixes(std::uint32_t partition);

constexpr std::string_view kFormat = "m";        // schema and partitions
constexpr std::string_view kLogIdentity = "M";   // the Kafka cluster and group that it belongs to; absent: the embedded log
constexpr std::string_view kMark = "i";          // what the store is: StoreMark
constexpr std::string_view kCommit = "h";        // number and time of the last commit
constexpr std::string_view kTimeSource = "W";    // where logical time comes from: wall or event
constexpr std::string_view kClockWitness = "O";  // the machine's start, what the clock should have said, what had passed, and whether it was doubted
constexpr std::string_view kClockConfirmed = "C";   // log time and wall time of the last confirmation of the clock
constexpr std::string_view kReferenceOffset = "R";  // next offset of the reference data
constexpr std::string_view kReference = "r";
constexpr std::string_view kTellingNames = "n";  // there were facts that wait under the hash of what they say; in the changelog there may be still

std::string u64(std::uint64_t value);

}  // namespace vtq::keys
