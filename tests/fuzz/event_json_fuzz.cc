// An event in JSON: it is read, or there is a rejection in words. What was read is read the same again from its own JSON.
#include <google/protobuf/util/json_util.h>

#include <tuple>

#include "daemon/intake/event_json.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vtq;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  v1::Event event;
  if (auto why = read_event_json(text, event)) {
    fuzz::require(!why->rule.empty() && !why->message.empty(), "a rejection names its rule and says what to do");
    fuzz::require(as_utf8(why->value) == why->value && as_utf8(why->message) == why->message, "what is said of a record is UTF-8");
    fuzz::require(as_utf8(who_and_what(text)) == who_and_what(text), "who and what is UTF-8");
    return 0;
  }
  std::string again;
  fuzz::require(google::protobuf::util::MessageToJsonString(event, &again).ok(), "what was read has a JSON form");
  v1::Event second;
  fuzz::require(!read_event_json(again, second), "an event's own JSON is read");
  fuzz::require(second.SerializeAsString() == event.SerializeAsString(), "and says the same");
  std::ignore = check(event);
  return 0;
}
