// A body of events in any format, of which the first byte says which: every record is read or rejected, and what was read passes `check`.
#include "daemon/intake/event_bodies.h"
#include "pipeline/intake/check.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vtq;
  constexpr BodyFormat kFormats[] = {BodyFormat::json, BodyFormat::json_lines, BodyFormat::protobuf, BodyFormat::protobuf_delimited};
  fuzz::Input input(data, size);
  BodyFormat format = kFormats[input.byte() % 4];
  ReadBody body = read_body(input.rest(), format, {.events_max = 100, .errors_max = 20, .memory_bytes_max = 1u << 20});
  fuzz::require(body.events.size() <= 100, "a body has at most as many events as it may");
  fuzz::require(!body.unreadable || body.events.empty(), "of a body that is refused nothing is taken");
  for (const ReadEvent& read : body.events) {
    if (read.submitted.unreadable) continue;
    v1::Event event;
    fuzz::require(event.ParseFromString(read.submitted.event), "what was read is an event");
    fuzz::require(check(event).has_value(), "what was read passes the check");
    fuzz::require(event.SerializeAsString() == read.submitted.event, "the bytes are the event's own");
  }
  return 0;
}
