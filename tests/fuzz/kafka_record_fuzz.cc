// A record of an input topic with its headers: an event is found in it, or there is a rejection, and the record is kept whole either way.
#include "daemon/kafka/record.h"
#include "pipeline/base/value_text.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vtq;
  using namespace vtq::kafka;
  // Names that mean something come up more often than by chance.
  static constexpr std::string_view kNames[] = {"content-type", "ce_id", "ce_source", "ce_time", "ce_type", "ce_specversion", "ce_datacontenttype"};
  fuzz::Input input(data, size);
  RecordMode mode = input.byte() % 2 ? RecordMode::schema_registry : RecordMode::cloud_events;
  RecordView record;
  record.topic = "vtq.claims";
  record.has_key = input.byte() % 2;
  if (record.has_key) record.key = input.text();
  for (std::uint8_t headers = input.byte() % 8; headers > 0; --headers) {
    std::uint8_t which = input.byte();
    std::string_view name = which < 128 ? kNames[which % std::size(kNames)] : input.text();
    record.headers.emplace_back(name, input.text());
  }
  record.value = input.rest();
  Result<DecodedEvent> found = decode_record(record, mode);
  if (found) {
    v1::Event event;
    std::string_view bytes = found.value().bytes;
    if (event.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      fill_from_attributes(record, event);
      if (auto why = check_attributes(record, event)) fuzz::require(!why->rule.empty(), "a rejection names its rule");
    } else {
      fuzz::require(!unreadable_event(bytes).rule.empty(), "a rejection names its rule");
    }
  } else {
    fuzz::require(!found.error().rule.empty() && !found.error().message.empty(), "a rejection names its rule and says what to do");
    fuzz::require(as_utf8(found.error().value) == found.error().value, "what is said of a record is UTF-8");
  }
  v1::Rejected rejected;
  rejected.set_original(std::string(record.value));
  keep_origin(record, rejected);
  fuzz::require(rejected_value(rejected) == record.value, "a rejected record keeps its value");
  OwnedHeaders headers = rejected_headers(rejected);
  fuzz::require(headers.size() >= record.headers.size(), "and its headers");
  for (std::size_t at = 0; at < record.headers.size(); ++at)
    fuzz::require(headers[at].first == record.headers[at].first && headers[at].second == record.headers[at].second, "in their order");
  return 0;
}
