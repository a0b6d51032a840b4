// Bodies and files of events: splits them into records and reads each as an Event. A record that cannot be read is kept with why; it
// never stops the ones after it, unless nothing tells where the next one begins. Pure; any thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/engine/engine.h"

namespace vtq {

enum class BodyFormat { json, json_lines, protobuf, protobuf_delimited };

/// By media type: `application/json`, `application/x-ndjson`, `application/jsonl`, `application/x-protobuf`, `application/protobuf`,
/// `application/x-protobuf-delimited`.
std::optional<BodyFormat> body_format(std::string_view content_type);

/// One record of a body, in order.
struct ReadEvent {
  Submitted submitted;        ///< with the canonical serialisation: the same event has the same bytes in every format
  std::string id;             ///< the event's id, if it could be read
  std::size_t line = 0;       ///< from 1, of JSON Lines; else the record's place from 1
  bool only_checked = false;  ///< of an unreadable one: it is an Event, and only `check` finds it wrong
};

/// What one body may take. The body that passes a limit is refused as a whole.
struct BodyLimits {
  std::size_t events_max = 20'000;
  std::size_t errors_max = 1'000;            ///< events that cannot be read, or that `check` finds wrong
  std::size_t memory_bytes_max = 64u << 20;  ///< of all its events, as `memory_of` counts; a single event may pass it
  const Seal* seal = nullptr;                ///< opens events that come sealed; null: none can be opened
};

/// A wrong event of a refused body.
struct BodyError {
  std::size_t line = 0;
  std::string id;
  Rejection why;
};

struct ReadBody {
  std::vector<ReadEvent> events = {};
  bool single = false;                       ///< one event, not a list of one
  std::optional<Rejection> unreadable = {};  ///< the body as a whole; no events then
  unsigned status = 400;                     ///< HTTP's, of an unreadable body
  std::vector<BodyError> errors = {};        ///< the first of them
};

/// What the sender of a body may do with it.
struct MayAssert {
  /// Why it may not assert an event that has passed `check`; nothing: it may. Asked of each event of a body in its order. Null: not asked.
  std::function<std::optional<Rejection>(const v1::Event&, const FactKind&, const Address&)> refusal = {};
  /// Fills in who says an act, before it is checked, and returns whether it changed the event; what there is to say against it `refusal` says. Null:
  /// events are taken as they are.
  std::function<bool(v1::Event&)> fill = {};
  /// Whether events that are wrong by themselves are kept; else a body with one is refused as a whole (422).
  bool wrong_is_kept = true;
};

/// What `check` finds wrong is marked as unreadable too, with the event's serialisation as the original. A body with an event that its sender may
/// not assert is refused as a whole (403).
ReadBody read_body(std::string_view body, BodyFormat format, const BodyLimits& limits = {}, const MayAssert& may = {});

/// One record.
ReadEvent read_json_event(std::string_view text);
ReadEvent read_protobuf_event(std::string_view bytes);
/// Opens it where it is sealed. What does not open is unreadable.
void open_sealed(ReadEvent& read, const Seal* seal);

/// A length before each record, as protobuf's delimited streams have it. Nothing: the length is broken or runs past the end.
std::optional<std::string_view> next_delimited(std::string_view& rest);

}  // namespace vtq
