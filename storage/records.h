// Stored records: between the pipeline's values and v1 messages. Decoding throws StoreDamage on what was never written.
#pragma once

#include <string>
#include <string_view>

#include "pipeline/run/ports.h"
#include "vtq/v1/store.pb.h"

namespace vtq::records {

void encode(const Entry& entry, std::string& out);
/// All but the key.
void decode(std::string_view bytes, v1::EntryRecord& scratch, Entry& entry);

void encode(const CentreSummary& summary, std::string& out);
CentreSummary decode_summary(std::string_view bytes);

void encode(const Stamp& stamp, std::string_view event, std::string& out);
std::pair<Stamp, std::string> decode_slot(std::string_view bytes);

void encode(const WaitingRecord& record, std::string& out);
WaitingRecord decode_waiting(std::string_view bytes);

void encode(const Durations::Key& key, const Durations::Counts& counts, std::string& out);
std::pair<Durations::Key, Durations::Counts> decode_durations(std::string_view bytes);

}  // namespace vtq::records
