// The forms of a record in an input topic, and of one in the topic of rejected records. A record becomes the protobuf of an Event, or a
// Rejection that names the header or field.
//
//   cloud_events      content-type says the form (CloudEvents Kafka binding 1.0):
//                       application/protobuf, application/x-protobuf   the value is an Event; ce_ headers may repeat id, source and time
//                       application/json                               the same, in Event's JSON mapping
//                       application/cloudevents+json, +protobuf        the value is a CloudEvent with an Event as its data
//                     neither content-type nor ce_ headers: the value is an Event in protobuf
//   schema_registry   0x00, schema id, message indexes, and an Event in protobuf; ce_ headers as above
//
// Pure, but for `view_message`, which reads librdkafka's message; any thread. An Event in protobuf is not parsed here: the caller does so
// once, then calls `fill_from_attributes` and `check_attributes`.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/base/result.h"
#include "pipeline/base/uk_time.h"
#include "vtq/v1/event.pb.h"
#include "vtq/v1/output.pb.h"

struct rd_kafka_message_s;

namespace vtq::kafka {

/// In order; a name may stand more than once.
using Headers = std::vector<std::pair<std::string_view, std::string_view>>;
using OwnedHeaders = std::vector<std::pair<std::string, std::string>>;

/// One record, in memory that somebody else owns.
struct RecordView {
  std::string_view topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  TimeMs timestamp_ms = 0;  ///< the record's own; 0 when it has none
  bool has_key = false;     ///< false: no key, which is not the same as an empty one
  std::string_view key, value;
  Headers headers;
  bool headers_unreadable = false;  ///< there are some; librdkafka gives none of more than kHeadersMax
};
constexpr std::size_t kHeadersMax = 100'000;

/// Makes `view` show the message, which must outlive it. The view's headers keep their memory from one message to the next.
void view_message(const rd_kafka_message_s& message, RecordView& view);

enum class RecordMode { cloud_events, schema_registry };

/// The protobuf of an Event: a part of the record's value, or made anew.
struct DecodedEvent {
  std::string_view bytes;  ///< in the record's value, or in `held`
  std::string held;        ///< filled only when the Event had to be made anew

  explicit DecodedEvent(std::string_view in_record) : bytes(in_record) {}
  explicit DecodedEvent(std::string&& made) : held(std::move(made)) { bytes = held; }
  DecodedEvent(DecodedEvent&& other) noexcept : bytes(other.bytes), held(std::move(other.held)) {
    if (!held.empty()) bytes = held;  // a short text moves with its string
  }
  DecodedEvent& operator=(DecodedEvent&& other) noexcept {
    bytes = other.bytes;
    held = std::move(other.held);
    if (!held.empty()) bytes = held;
    return *this;
  }
};

/// Finds the Event in the record. Rules: `content-type`, `content-type-batched`, `ce-specversion`, `ce-data`, `header-once`,
/// `registry-framing`, `registry-message`, and those of a body over HTTP: `json-form`, `protobuf-form`, `event-bytes-max`; of a CloudEvent
/// in one piece also those of `check_attributes`. Allocates nothing for protobuf that is accepted, other than from a CloudEvent in one
/// piece.
Result<DecodedEvent> decode_record(const RecordView& record, RecordMode mode);

/// An Event, in protobuf, as it stands in a topic in the schema registry's format. The schema's id is 0: none is known here.
std::string in_registry_format(std::string_view event);

/// Why bytes from `decode_record` that did not parse are no Event: `protobuf-form`.
Rejection unreadable_event(std::string_view bytes);

/// Whether the record's ce_ headers say the same as the event: id, source, time to the millisecond, and the type. Rules
/// `ce-attribute-agrees`, `ce-time-form`, field the header's name. What the event leaves empty agrees with anything.
///
/// A type agrees when it is `vtq.v1.Event`, or when its last part names the event's fact: by message, as `vtq.v1.CheckpointAnswered`, or as
/// in JSON or proto, as `uk.example.checkpointAnswered.v1`. One that names another fact does not agree, nor one that begins with `vtq.v1.`
/// and names none. Other types say nothing about the fact and are let through.
std::optional<Rejection> check_attributes(const RecordView& record, const v1::Event& event);

/// Gives the event id, source and time from the ce_ headers where it has none of its own. Whether it did: the bytes then want making anew.
bool fill_from_attributes(const RecordView& record, v1::Event& event);

/// RFC 3339 with an offset, in milliseconds; nothing when it is no such time.
std::optional<TimeMs> parse_instant(std::string_view text);

/// What a record takes, unpacked: key, headers and value, with some bytes for each header.
std::size_t bytes_of(const RecordView& record);

/// A record that is moved to another topic or partition may take so many bytes: brokers take 1 MiB, and packing may make it no smaller.
constexpr std::size_t kMovedBytesMax = 1'000'000;

/// Why a record is too much to be handled, if it is: rules `record-bytes-max`, `record-headers-max`. `most`: bytes that it may take.
std::optional<Rejection> too_much(const RecordView& record, std::size_t most);

/// Why a record that cannot be unpacked is rejected: rule `record-unreadable`. `error`: what librdkafka says.
Rejection unreadable_record(const RecordView& record, std::string_view error);

/// Fills `origin`; call it with `original` set. The value is kept only where it is not `original`. Of a record beyond kRecordBytesMax or
/// kHeadersMax only the beginnings are kept, with what it was like as a whole.
void keep_origin(const RecordView& record, v1::Rejected& rejected);

/// What stands in front of the headers that say why a record was rejected: everything before the last header of this name is its
/// publisher's.
constexpr std::string_view kRejectedHeadersBegin = "__streams.errors.exception";

/// What is there only of a record whose beginning alone was kept: how many bytes it had.
constexpr std::string_view kWholeBytesHeader = "vtq.whole_bytes";
/// What is there only where results are sealed: the id of the key that the record's value is sealed with.
constexpr std::string_view kSealedHeader = "vtq.sealed";

/// Headers of a rejected record: its own in order, then `__streams.errors.exception|message|stacktrace|topic|partition|offset` as Kafka
/// Streams writes them (KIP-1034: text; the last three only where the record came from Kafka), then `vtq.field|rule|value|id|rejected_at`,
/// the last in RFC 3339. An event in JSON that came over HTTP gets its content-type. Of a record whose beginning alone was kept:
/// `vtq.whole_bytes|value_bytes|value_crc32` last, the checksum in hexadecimal.
OwnedHeaders rejected_headers(const v1::Rejected& rejected);

/// The record's value as it came.
std::string_view rejected_value(const v1::Rejected& rejected);

}  // namespace vtq::kafka
