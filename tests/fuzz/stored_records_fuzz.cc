// Stored records, of which the first byte says the kind: damage is named, and what reads is written again as it was read.
#include "storage/records.h"
#include "storage/store.h"
#include "tests/fuzz/input.h"

namespace {

using namespace vtq;

/// Written, read and written again: the same both times.
template <class Decode, class Encode>
void look(std::string_view bytes, Decode decode, Encode encode) {
  try {
    auto read = decode(bytes);
    std::string once, twice;
    encode(read, once);
    encode(decode(std::string_view(once)), twice);
    fuzz::require(once == twice, "what was written reads as it was");
  } catch (const StoreDamage& damage) {
    fuzz::require(*damage.what() != 0, "damage is said in words");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  std::uint8_t kind = input.byte() % 5;
  std::string_view bytes = input.rest();
  if (kind == 0)
    look(
        bytes,
        [](std::string_view from) {
          v1::EntryRecord scratch;
          Entry entry;
          records::decode(from, scratch, entry);
          return entry;
        },
        [](const Entry& entry, std::string& out) { records::encode(entry, out); });
  if (kind == 1) look(bytes, records::decode_summary, [](const CentreSummary& summary, std::string& out) { records::encode(summary, out); });
  if (kind == 2)
    look(bytes, records::decode_slot,
         [](const std::pair<Stamp, std::string>& slot, std::string& out) { records::encode(slot.first, slot.second, out); });
  if (kind == 3) look(bytes, records::decode_waiting, [](const WaitingRecord& record, std::string& out) { records::encode(record, out); });
  if (kind == 4)
    look(bytes, records::decode_durations,
         [](const std::pair<Durations::Key, Durations::Counts>& held, std::string& out) { records::encode(held.first, held.second, out); });
  return 0;
}
