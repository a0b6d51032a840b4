// Records of the input topics: every form that is accepted, and each just-wrong one with field, rule and value.
#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>
#include <new>
#include <random>

#include "daemon/engine/engine_parts.h"
#include "daemon/kafka/record.h"
#include "io/cloudevents/v1/cloudevents.pb.h"
#include "pipeline/intake/check.h"
#include "tests/support/examples.h"

namespace {
/// Allocations of this thread, to hold the fast path to its word.
thread_local std::size_t allocations = 0;
/// As the daemon has it: what cannot be parsed is rejected, not logged.
const auto quiet = google::protobuf::SetLogHandler(nullptr);
}  // namespace

[[gnu::noinline]] void* operator new(std::size_t bytes) {
  ++allocations;
  if (void* made = std::malloc(bytes ? bytes : 1)) return made;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(bytes ? bytes : 1);
}
[[gnu::noinline]] void operator delete(void* made) noexcept { std::free(made); }
[[gnu::noinline]] void operator delete(void* made, std::size_t) noexcept { std::free(made); }

namespace vtq::kafka {
namespace {

using google::protobuf::util::MessageDifferencer;
using io::cloudevents::v1::CloudEvent;

/// A record with its memory.
struct OwnedRecord {
  std::string value;
  OwnedHeaders headers;

  RecordView view() const {
    RecordView made{"vtq.registrations", 3, 77, 1'691'497'800'000, true, "36541", value, {}};
    for (const auto& [name, text] : headers) made.headers.emplace_back(name, text);
    return made;
  }
};

std::string json_of_event(const v1::Event& event) {
  std::string text;
  EXPECT_TRUE(google::protobuf::util::MessageToJsonString(event, &text).ok());
  return text;
}

std::string base64(const std::string& bytes) {
  std::string out;
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t bits = 0;
    for (std::size_t next = 0; next < 3; ++next) bits = bits << 8 | (at + next < bytes.size() ? static_cast<unsigned char>(bytes[at + next]) : 0);
    for (std::size_t digit = 0; digit < 4; ++digit) out += at + digit > bytes.size() ? '=' : kDigits[bits >> (18 - 6 * digit) & 63];
  }
  return out;
}

std::string time_text(const v1::Event& event) { return utc_text(event.occurred_at().seconds() * 1000 + event.occurred_at().nanos() / 1'000'000); }

OwnedHeaders ce_headers(const v1::Event& event, const std::string& content_type) {
  return {{"ce_specversion", "1.0"},     {"ce_id", event.id()},         {"ce_type", "vtq.v1.Event"},
          {"ce_source", event.source()}, {"ce_time", time_text(event)}, {"content-type", content_type}};
}

CloudEvent cloud_event(const v1::Event& event) {
  CloudEvent made;
  made.set_spec_version("1.0");
  made.set_id(event.id());
  made.set_source(event.source());
  made.set_type("vtq.v1.Event");
  *(*made.mutable_attributes())["time"].mutable_ce_timestamp() = event.occurred_at();
  return made;
}

std::string envelope_json(const v1::Event& event, const std::string& data) {
  return R"({"specversion":"1.0","type":"vtq.v1.Event","source":")" + event.source() + R"(","id":")" + event.id() + R"(","time":")" +
         time_text(event) + "\"," + data + "}";
}

/// Decoded, parsed, filled and checked, as the engine does it.
Result<v1::Event> read(const OwnedRecord& record, RecordMode mode = RecordMode::cloud_events) {
  RecordView view = record.view();
  auto decoded = decode_record(view, mode);
  if (!decoded) return std::move(decoded).error();
  v1::Event event;
  std::string_view bytes = decoded.value().bytes;
  if (!event.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return unreadable_event(bytes);
  fill_from_attributes(view, event);
  if (auto wrong = check_attributes(view, event)) return std::move(*wrong);
  return event;
}

void expect_event(const OwnedRecord& record, const v1::Event& event, RecordMode mode = RecordMode::cloud_events) {
  auto found = read(record, mode);
  ASSERT_TRUE(found) << found.error().field << " " << found.error().rule << " " << found.error().message;
  EXPECT_TRUE(MessageDifferencer::Equals(found.value(), event)) << found.value().ShortDebugString();
}

void expect_rejection(const OwnedRecord& record, const std::string& field, const std::string& rule, const std::string& value,
                      RecordMode mode = RecordMode::cloud_events) {
  auto found = read(record, mode);
  ASSERT_FALSE(found) << found.value().ShortDebugString();
  EXPECT_EQ(found.error().field, field);
  EXPECT_EQ(found.error().rule, rule);
  EXPECT_EQ(found.error().value, value);
  EXPECT_GT(found.error().message.size(), 20u);
  EXPECT_EQ(found.error().message.back(), '.');
}

void set_header(OwnedRecord& record, const std::string& name, const std::string& value) {
  for (auto& [own, text] : record.headers)
    if (own == name) {
      text = value;
      return;
    }
  record.headers.emplace_back(name, value);
}

void drop_header(OwnedRecord& record, const std::string& name) {
  std::erase_if(record.headers, [&](const auto& header) { return header.first == name; });
}

/// The example `registered`, in binary mode with protobuf.
OwnedRecord binary() {
  v1::Event event = test::example("registered");
  return {event.SerializeAsString(), ce_headers(event, "application/protobuf")};
}

// ---- what is accepted --------------------------------------------------------------------------------------------

/// Every form, each with a name for the failure message.
std::deque<std::pair<std::string, OwnedRecord>> every_form(const v1::Event& event) {
  std::string bytes = event.SerializeAsString(), json = json_of_event(event);
  std::deque<std::pair<std::string, OwnedRecord>> made = {
      {"plain protobuf", {bytes, {}}},
      {"plain protobuf with a foreign header", {bytes, {{"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}}}},
      {"protobuf", {bytes, {{"content-type", "application/protobuf"}}}},
      {"x-protobuf", {bytes, {{"content-type", "application/x-protobuf; messageType=\"vtq.v1.Event\""}}}},
      {"json", {json, {{"content-type", "application/json"}}}},
      {"binary protobuf", {bytes, ce_headers(event, "application/protobuf")}},
      {"binary json", {json, ce_headers(event, "Application/JSON; charset=utf-8")}},
      {"structured json, data", {envelope_json(event, "\"data\":" + json), {{"content-type", "application/cloudevents+json; charset=UTF-8"}}}},
      {"structured json, typed data",
       {envelope_json(event, R"("datacontenttype":"application/json","subject":null,"extension":5,"data":)" + json),
        {{"content-type", "application/cloudevents+json"}}}},
      {"structured json, base64",
       {envelope_json(event, R"("data_base64":")" + base64(bytes) + "\""), {{"content-type", "application/cloudevents+json"}}}},
      {"structured json, base64 of json",
       {envelope_json(event, R"("datacontenttype":"application/json","data_base64":")" + base64(json) + "\""),
        {{"content-type", "application/cloudevents+json"}}}},
  };
  CloudEvent cloud = cloud_event(event);
  cloud.mutable_proto_data()->PackFrom(event);
  OwnedHeaders type = {{"content-type", "application/cloudevents+protobuf"}};
  made.push_back({"structured protobuf, Any", {cloud.SerializeAsString(), type}});
  cloud.set_binary_data(bytes);
  made.push_back({"structured protobuf, binary", {cloud.SerializeAsString(), type}});
  (*cloud.mutable_attributes())["datacontenttype"].set_ce_string("application/json");
  cloud.set_text_data(json);
  made.push_back({"structured protobuf, text", {cloud.SerializeAsString(), type}});
  made.push_back({"structured with the headers of binary mode", {cloud.SerializeAsString(), ce_headers(event, "application/cloudevents+protobuf")}});
  return made;
}

std::string in_registry_format(const std::string& payload, std::string_view indexes = std::string_view("\0", 1), std::uint32_t schema = 42) {
  std::string value(1, '\0');
  for (int shift = 24; shift >= 0; shift -= 8) value += static_cast<char>(schema >> shift);
  return value + std::string(indexes) + payload;
}

TEST(KafkaRecord, every_fact_is_read_from_every_form) {
  for (const std::string& fact : test::all_facts()) {
    v1::Event event = test::example(fact);
    for (const auto& [name, record] : every_form(event)) {
      SCOPED_TRACE(fact + ", " + name);
      expect_event(record, event);
    }
    expect_event({in_registry_format(event.SerializeAsString()), {}}, event, RecordMode::schema_registry);
  }
}

TEST(KafkaRecord, what_is_written_for_a_topic_of_the_registry_is_read_as_from_one) {
  v1::Event event = test::example("claim_submitted");
  std::string bytes = event.SerializeAsString();
  EXPECT_EQ(kafka::in_registry_format(bytes), in_registry_format(bytes, std::string_view("\0", 1), 0));
  expect_event({kafka::in_registry_format(bytes), {}}, event, RecordMode::schema_registry);
}

TEST(KafkaRecord, what_the_event_lacks_comes_from_the_attributes) {
  v1::Event event = test::example("claim_submitted"), bare = event;
  bare.clear_id();
  bare.clear_source();
  bare.clear_occurred_at();
  expect_event({bare.SerializeAsString(), ce_headers(event, "application/protobuf")}, event);
  expect_event({json_of_event(bare), ce_headers(event, "application/json")}, event);
  expect_event({in_registry_format(bare.SerializeAsString()), ce_headers(event, "application/protobuf")}, event, RecordMode::schema_registry);
  OwnedRecord json{envelope_json(event, "\"data\":" + json_of_event(bare)), {{"content-type", "application/cloudevents+json"}}};
  expect_event(json, event);
  CloudEvent cloud = cloud_event(event);
  cloud.mutable_proto_data()->PackFrom(bare);
  expect_event({cloud.SerializeAsString(), {{"content-type", "application/cloudevents+protobuf"}}}, event);
}

TEST(KafkaRecord, filling_says_whether_it_changed_anything) {
  OwnedRecord record = binary();
  v1::Event event = test::example("registered");
  EXPECT_FALSE(fill_from_attributes(record.view(), event));
  event.clear_source();
  EXPECT_TRUE(fill_from_attributes(record.view(), event));
  EXPECT_EQ(event.source(), test::example("registered").source());
  record.headers.clear();
  event.clear_source();
  EXPECT_FALSE(fill_from_attributes(record.view(), event));
}

TEST(KafkaRecord, times_agree_as_instants_to_the_millisecond) {
  OwnedRecord record = binary();
  v1::Event event = test::example("registered");
  event.mutable_occurred_at()->set_seconds(1'691'497'800);  // 2023-08-08T12:30:00Z
  event.mutable_occurred_at()->set_nanos(123'456'789);
  record.value = event.SerializeAsString();
  for (const char* same :
       {"2023-08-08T12:30:00.123Z", "2023-08-08T13:30:00.1234567+01:00", "2023-08-08t07:00:00.12345678999-05:30", "2023-08-08T12:30:00.123456789z"}) {
    set_header(record, "ce_time", same);
    expect_event(record, event);
  }
  set_header(record, "ce_time", "2023-08-08T12:30:00.124Z");
  expect_rejection(record, "ce_time", "ce-attribute-agrees", "2023-08-08T12:30:00.124Z");
  set_header(record, "ce_time", "2023-08-08T12:30:00.123+01:00");
  expect_rejection(record, "ce_time", "ce-attribute-agrees", "2023-08-08T11:30:00.123Z");
}

TEST(KafkaRecord, a_type_may_name_the_fact_in_any_namespace) {
  OwnedRecord record = binary();
  for (const char* type : {"vtq.v1.Event", "vtq.v1.Registered", "uk.vtq.registered", "uk.example.registered.v1", "registered",
                           "com.example.someevent", "registered.v"}) {
    set_header(record, "ce_type", type);
    expect_event(record, test::example("registered"));
  }
  v1::Event answered = test::example("checkpoint_answered");
  for (const char* type : {"vtq.v1.CheckpointAnswered", "uk.example.checkpointAnswered", "checkpoint_answered"}) {
    OwnedRecord other{answered.SerializeAsString(), ce_headers(answered, "application/protobuf")};
    set_header(other, "ce_type", type);
    expect_event(other, answered);
  }
}

TEST(KafkaRecord, the_first_message_of_the_schema_has_a_short_and_a_long_path) {
  v1::Event event = test::example("registered");
  expect_event({in_registry_format(event.SerializeAsString(), std::string_view("\x02\x00", 2), 0xffffffff), {}}, event, RecordMode::schema_registry);
  expect_event({in_registry_format(event.SerializeAsString()), {{"ce_specversion", "1.0"}, {"ce_id", event.id()}}}, event,
               RecordMode::schema_registry);
}

TEST(KafkaRecord, protobuf_is_not_copied) {
  OwnedRecord record = binary();
  set_header(record, "ce_type", "vtq.v1.Registered");
  RecordView view = record.view(), registry = view;
  v1::Event event = test::example("registered");
  std::string framed = in_registry_format(record.value);
  registry.value = framed;
  static_cast<void>(check_attributes(view, event));  // what is made once
  static_cast<void>(decode_record(registry, RecordMode::schema_registry));
  std::size_t before = allocations;
  auto decoded = decode_record(view, RecordMode::cloud_events);
  auto wrong = check_attributes(view, event);
  bool changed = fill_from_attributes(view, event);
  auto unframed = decode_record(registry, RecordMode::schema_registry);
  EXPECT_EQ(allocations - before, 0u);
  EXPECT_FALSE(wrong || changed);
  ASSERT_TRUE(decoded && unframed);
  EXPECT_EQ(decoded.value().bytes.data(), record.value.data());
  EXPECT_EQ(unframed.value().bytes.data(), framed.data() + 6);
}

TEST(KafkaRecord, an_event_made_anew_survives_being_moved) {
  v1::Event event;
  event.set_id("short");
  auto decoded = decode_record(OwnedRecord{R"({"id":"short"})", {{"content-type", "application/json"}}}.view(), RecordMode::cloud_events);
  ASSERT_TRUE(decoded);
  DecodedEvent moved = std::move(decoded).value();
  DecodedEvent again(std::string_view{});
  again = std::move(moved);
  EXPECT_EQ(again.bytes, event.SerializeAsString());
  EXPECT_EQ(again.bytes.data(), again.held.data());
}

// ---- golden bytes ------------------------------------------------------------------------------------------------

TEST(KafkaRecord, the_binding_s_own_example_in_binary_mode) {
  OwnedRecord record{"",
                     {{"ce_specversion", "1.0"},
                      {"ce_type", "com.example.someevent"},
                      {"ce_source", "/mycontext/subcontext"},
                      {"ce_id", "1234-1234-1234"},
                      {"ce_time", "2018-04-05T03:56:24Z"},
                      {"content-type", "application/avro"}}};
  record.value = "\xd2\x05\x00";
  expect_rejection(record, "content-type", "content-type", "application/avro");
  // The same attributes over an event that leaves its own to them; 8a 04 is the tag of time_reached.
  v1::Event event;
  event.mutable_time_reached()->set_centre("*");
  record.value = std::string("\x8a\x04\x03\x0a\x01*", 6);
  ASSERT_EQ(record.value, event.SerializeAsString());
  set_header(record, "content-type", "application/protobuf");
  event.set_id("1234-1234-1234");
  event.set_source("/mycontext/subcontext");
  event.mutable_occurred_at()->set_seconds(1'522'900'584);
  expect_event(record, event);
}

TEST(KafkaRecord, the_binding_s_own_example_in_structured_mode) {
  std::string text = R"({
    "specversion" : "1.0",
    "type" : "com.example.someevent",
    "source" : "/mycontext/subcontext",
    "id" : "1234-1234-1234",
    "time" : "2018-04-05T03:56:24Z",
    "datacontenttype" : "application/xml",
    "data" : "<much wow=\"xml\"/>"
})";
  OwnedRecord record{text, {{"content-type", "application/cloudevents+json; charset=UTF-8"}}};
  expect_rejection(record, "data", "ce-data", "");
  std::string data = R"({"timeReached":{"centre":"*"}})";
  record.value.replace(record.value.find("\"<much"), std::string_view(R"("<much wow=\"xml\"/>")").size(), data);
  expect_rejection(record, "data", "ce-data", "application/xml");
  record.value.replace(record.value.find("application/xml"), 15, "application/json");
  v1::Event event;
  event.set_id("1234-1234-1234");
  event.set_source("/mycontext/subcontext");
  event.mutable_occurred_at()->set_seconds(1'522'900'584);
  event.mutable_time_reached()->set_centre("*");
  expect_event(record, event);
}

TEST(KafkaRecord, the_protobuf_format_s_fields_have_their_numbers) {
  std::string any = "\x0a\x20type.googleapis.com/vtq.v1.Event\x12\x06\x8a\x04\x03\x0a\x01*";
  std::string time = "\x0a\x04time\x12\x08\x3a\x06\x08\xd4\xba\x99\xd6\x05";
  std::string bytes =
      "\x0a\x04"
      "A234"
      "\x12\x0a"
      "/mycontext"
      "\x1a\x03"
      "1.0"
      "\x22\x15"
      "com.example.someevent";
  bytes += "\x2a" + std::string(1, static_cast<char>(time.size())) + time;
  bytes += "\x42" + std::string(1, static_cast<char>(any.size())) + any;
  v1::Event event;
  event.set_id("A234");
  event.set_source("/mycontext");
  event.mutable_occurred_at()->set_seconds(1'522'949'460);  // 2018-04-05T17:31:00Z
  event.mutable_time_reached()->set_centre("*");
  expect_event({bytes, {{"content-type", "application/cloudevents+protobuf"}}}, event);
}

TEST(KafkaRecord, message_indexes_of_another_message_are_refused) {
  std::string bytes = test::example("registered").SerializeAsString();
  // [1, 0]: the first message in the second; [1]: EventBatch; [0, 0]: something in Event.
  for (std::string_view indexes :
       {std::string_view("\x04\x02\x00", 3), std::string_view("\x02\x02", 2), std::string_view("\x04\x00\x00", 3), std::string_view("\x02\x01", 2)})
    expect_rejection({in_registry_format(bytes, indexes), {}}, "", "registry-message", "", RecordMode::schema_registry);
}

// ---- what is rejected --------------------------------------------------------------------------------------------

TEST(KafkaRecord, attributes_that_contradict_the_event_are_rejected) {
  for (auto [name, value] :
       {std::pair("ce_id", "another"), std::pair("ce_id", ""), std::pair("ce_source", "elsewhere"), std::pair("ce_type", "vtq.v1.ClaimSubmitted"),
        std::pair("ce_type", "uk.example.withdrawn"), std::pair("ce_type", "uk.example.claim_submitted.v2"), std::pair("ce_type", "vtq.v1.Unheard"),
        std::pair("ce_type", "vtq.v1.EventBatch")}) {
    OwnedRecord record = binary();
    set_header(record, name, value);
    expect_rejection(record, name, "ce-attribute-agrees", value);
  }
}

TEST(KafkaRecord, an_envelope_that_contradicts_the_event_is_rejected) {
  v1::Event event = test::example("registered"), other = event;
  other.set_id("another");
  OwnedRecord json{envelope_json(other, "\"data\":" + json_of_event(event)), {{"content-type", "application/cloudevents+json"}}};
  expect_rejection(json, "ce_id", "ce-attribute-agrees", "another");
  CloudEvent cloud = cloud_event(event);
  cloud.mutable_proto_data()->PackFrom(event);
  (*cloud.mutable_attributes())["time"].mutable_ce_timestamp()->set_seconds(1'691'497'801);
  expect_rejection({cloud.SerializeAsString(), {{"content-type", "application/cloudevents+protobuf"}}}, "ce_time", "ce-attribute-agrees",
                   "2023-08-08T12:30:01.000Z");
  // Headers beside an envelope are held against the event too.
  OwnedRecord both{envelope_json(event, "\"data\":" + json_of_event(event)),
                   {{"content-type", "application/cloudevents+json"}, {"ce_specversion", "1.0"}, {"ce_source", "elsewhere"}}};
  expect_rejection(both, "ce_source", "ce-attribute-agrees", "elsewhere");
}

TEST(KafkaRecord, the_specversion_is_1_0) {
  for (const char* wrong : {"0.3", "1.1", "1", ""}) {
    OwnedRecord record = binary();
    set_header(record, "ce_specversion", wrong);
    expect_rejection(record, "ce_specversion", "ce-specversion", wrong);
  }
  OwnedRecord record = binary();
  drop_header(record, "ce_specversion");
  expect_rejection(record, "ce_specversion", "ce-specversion", "");
  v1::Event event = test::example("registered");
  OwnedRecord json{R"({"data":)" + json_of_event(event) + "}", {{"content-type", "application/cloudevents+json"}}};
  expect_rejection(json, "ce_specversion", "ce-specversion", "");
  expect_rejection({event.SerializeAsString(), {{"ce_type", "vtq.v1.Event"}}}, "ce_specversion", "ce-specversion", "");
}

TEST(KafkaRecord, a_time_is_rfc_3339) {
  for (const char* wrong :
       {"2023-08-08 12:30:00Z", "2023-08-08T12:30:00", "2023-02-29T12:30:00Z", "2023-08-08T24:00:00Z", "2023-08-08T12:30:60Z", "2023-08-08T12:30Z",
        "2023-08-08T12:30:00.Z", "2023-08-08T12:30:00+1:00", "2023-08-08T12:30:00+01:60", "2023-08-08T12:30:00Zx", "yesterday", ""}) {
    OwnedRecord record = binary();
    set_header(record, "ce_time", wrong);
    expect_rejection(record, "ce_time", "ce-time-form", wrong);
  }
  OwnedRecord record = binary();
  set_header(record, "ce_time", "2023-08-08T12:30:00\xff\n");
  expect_rejection(record, "ce_time", "ce-time-form", "2023-08-08T12:30:00??");
}

TEST(KafkaRecord, a_content_type_that_is_not_known_is_rejected) {
  for (const char* wrong : {"application/avro", "text/plain", "application/cloudevents", "application/cloudevents+avro", "application/json2", ""}) {
    OwnedRecord record = binary();
    set_header(record, "content-type", wrong);
    expect_rejection(record, "content-type", "content-type", wrong);
  }
  OwnedRecord record = binary();
  drop_header(record, "content-type");
  expect_rejection(record, "content-type", "content-type", "");
}

TEST(KafkaRecord, batches_are_refused) {
  for (const char* batch : {"application/cloudevents-batch+json", "Application/CloudEvents-Batch+protobuf; charset=utf-8"}) {
    OwnedRecord record = binary();
    set_header(record, "content-type", batch);
    expect_rejection(record, "content-type", "content-type-batched", batch);
  }
}

TEST(KafkaRecord, a_header_says_one_thing) {
  OwnedRecord record = binary();
  record.headers.emplace_back("ce_id", record.headers[1].second);
  expect_event(record, test::example("registered"));
  record.headers.emplace_back("ce_id", "another");
  expect_rejection(record, "ce_id", "header-once", "");
  record = binary();
  record.headers.emplace_back("content-type", "application/json");
  expect_rejection(record, "content-type", "header-once", "");
}

TEST(KafkaRecord, a_value_that_is_no_event_is_rejected) {
  OwnedRecord record = binary();
  record.value = "nonsense";
  expect_rejection(record, "event", "protobuf-form", "8 bytes");
  record.value = "";
  expect_rejection(record, "event", "protobuf-form", "0 bytes");
  record.value.assign(kEventBytesMax + 1, 'x');
  expect_rejection(record, "", "event-bytes-max", "65537 bytes");
  set_header(record, "content-type", "application/json");
  record.value = R"({"registered":{"entry":{"center":"1"}}})";
  expect_rejection(record, "registered.entry.center", "json-form", "center");
  record.value = "";
  EXPECT_FALSE(read(record));
}

TEST(KafkaRecord, registry_framing_is_never_guessed) {
  v1::Event event = test::example("registered");
  OwnedRecord framed{in_registry_format(event.SerializeAsString()), {}};
  auto found = read(framed);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().rule, "protobuf-form");
  EXPECT_NE(found.error().message.find("kafka.registry_topics"), std::string::npos);
  OwnedRecord plain{event.SerializeAsString(), {}};
  std::string bytes = std::to_string(plain.value.size()) + " bytes";
  expect_rejection(plain, "", "registry-framing", bytes, RecordMode::schema_registry);
  EXPECT_NE(read(plain, RecordMode::schema_registry).error().message.find("kafka.registry_topics"), std::string::npos);
}

TEST(KafkaRecord, broken_registry_framing_is_rejected) {
  using namespace std::literals;
  for (std::string_view broken : {""sv, "\0"sv, "\0\0\0\0"sv, "\0\0\0\0\1"sv, "\0\0\0\0\1\x80"sv, "\0\0\0\0\1\x04\x02"sv,
                                  "\0\0\0\0\1\xff\xff\xff\xff\xff\x01"sv, "\0\0\0\0\1\x03\x00"sv, "\0\0\0\0\1\xfe\xff\xff\xff\x0f"sv})
    expect_rejection({std::string(broken), {}}, "", "registry-framing", std::to_string(broken.size()) + " bytes", RecordMode::schema_registry);
  expect_rejection({in_registry_format(""), {}}, "event", "protobuf-form", "0 bytes", RecordMode::schema_registry);
  expect_rejection({in_registry_format(std::string(kEventBytesMax + 1, 'x')), {}}, "", "event-bytes-max", "65537 bytes", RecordMode::schema_registry);
}

TEST(KafkaRecord, broken_envelopes_in_json_are_rejected) {
  v1::Event event = test::example("registered");
  std::string json = json_of_event(event), data = "\"data\":" + json;
  auto record = [](std::string value) { return OwnedRecord{std::move(value), {{"content-type", "application/cloudevents+json"}}}; };
  expect_rejection(record("[]"), "", "json-form", "[]");
  expect_rejection(record(""), "", "json-form", "");
  expect_rejection(record(envelope_json(event, data) + "x"), "", "json-form", envelope_json(event, data).substr(0, 40));
  expect_rejection(record(std::string(100'000, '[')), "", "json-form", std::string(40, '['));
  expect_rejection(record(R"({"data":)" + std::string(100'000, '[') + std::string(100'000, ']') + "}"), "", "json-form",
                   R"({"data":)" + std::string(32, '['));
  expect_rejection(record(envelope_json(event, "\"id\":\"another\"," + data)), "id", "json-form", "");
  expect_rejection(record(envelope_json(event, "\"subject\":1")), "data", "ce-data", "");
  expect_rejection(record(envelope_json(event, data + R"(,"data_base64":"")")), "data", "ce-data", "");
  expect_rejection(record(envelope_json(event, "\"data\":null")), "data", "ce-data", "");
  expect_rejection(record(envelope_json(event, "\"data\":\"{}\"")), "data", "ce-data", "");
  expect_rejection(record(envelope_json(event, "\"data_base64\":\"*\"")), "data", "ce-data", "");
  expect_rejection(record(envelope_json(event, "\"data_base64\":5")), "data", "ce-data", "");
  expect_rejection(record(envelope_json(event, R"("data_base64":")" + base64("nonsense") + "\"")), "event", "protobuf-form", "8 bytes");
  expect_rejection(record(envelope_json(event, R"("data_base64":"")")), "event", "protobuf-form", "0 bytes");
  expect_rejection(record(envelope_json(event, R"("datacontenttype":"application/avro","data_base64":"eA==")")), "data", "ce-data",
                   "application/avro");
  expect_rejection(record(R"({"specversion":1.0,"data":{}})"), "ce_specversion", "json-form", "1.0");
  expect_rejection(record(R"({"specversion":"1.0","data":{"unheard":1}})"), "unheard", "json-form", "unheard");
  expect_rejection(record(std::string(2u << 20, ' ')), "", "event-bytes-max", "2097152 bytes");
}

TEST(KafkaRecord, broken_envelopes_in_protobuf_are_rejected) {
  v1::Event event = test::example("registered");
  auto record = [](const CloudEvent& cloud) {
    return OwnedRecord{cloud.SerializeAsString(), {{"content-type", "application/cloudevents+protobuf"}}};
  };
  expect_rejection({"nonsense", {{"content-type", "application/cloudevents+protobuf"}}}, "", "protobuf-form", "8 bytes");
  CloudEvent cloud = cloud_event(event);
  expect_rejection(record(cloud), "data", "ce-data", "");
  cloud.mutable_proto_data()->PackFrom(event.registered());
  expect_rejection(record(cloud), "data", "ce-data", "type.googleapis.com/vtq.v1.Registered");
  cloud.mutable_proto_data()->PackFrom(event);
  cloud.set_spec_version("0.3");
  expect_rejection(record(cloud), "ce_specversion", "ce-specversion", "0.3");
  cloud.set_spec_version("1.0");
  (*cloud.mutable_attributes())["time"].set_ce_integer(5);
  expect_rejection(record(cloud), "ce_time", "ce-time-form", "");
  (*cloud.mutable_attributes())["time"].set_ce_string("noon");
  expect_rejection(record(cloud), "ce_time", "ce-time-form", "noon");
  cloud.mutable_attributes()->erase("time");
  cloud.set_binary_data("nonsense");
  expect_rejection(record(cloud), "event", "protobuf-form", "8 bytes");
  cloud.set_text_data(json_of_event(event));
  expect_rejection(record(cloud), "data", "ce-data", "");
  (*cloud.mutable_attributes())["datacontenttype"].set_ce_string("text/plain");
  expect_rejection(record(cloud), "data", "ce-data", "text/plain");
  (*cloud.mutable_attributes())["datacontenttype"].set_ce_boolean(true);
  expect_rejection(record(cloud), "data", "ce-data", "");
}

// ---- rejected records --------------------------------------------------------------------------------------------

TEST(KafkaRecord, a_rejected_record_keeps_its_own_headers_and_says_why) {
  OwnedRecord record{"broken", {{"traceparent", "00-1"}, {"traceparent", "00-2"}, {"vtq.id", "of its own"}}};
  v1::Rejected rejected;
  rejected.set_id("3-17");
  rejected.set_original("broken");
  rejected.set_field("event");
  rejected.set_rule("protobuf-form");
  rejected.set_value("6 bytes");
  rejected.set_message("No.");
  rejected.mutable_rejected_at()->set_seconds(1'691'497'800);
  keep_origin(record.view(), rejected);
  OwnedHeaders expected = {{"traceparent", "00-1"},
                           {"traceparent", "00-2"},
                           {"vtq.id", "of its own"},
                           {"__streams.errors.exception", "vtq.RecordRejected"},
                           {"__streams.errors.message", "No."},
                           {"__streams.errors.stacktrace", "at protobuf-form(event)"},
                           {"__streams.errors.topic", "vtq.registrations"},
                           {"__streams.errors.partition", "3"},
                           {"__streams.errors.offset", "77"},
                           {"vtq.field", "event"},
                           {"vtq.rule", "protobuf-form"},
                           {"vtq.value", "6 bytes"},
                           {"vtq.id", "3-17"},
                           {"vtq.rejected_at", "2023-08-08T12:30:00.000Z"}};
  EXPECT_EQ(rejected_headers(rejected), expected);
  EXPECT_EQ(rejected.origin().key(), "36541");
  EXPECT_TRUE(rejected.origin().has_key());
  EXPECT_EQ(rejected.origin().timestamp_ms(), 1'691'497'800'000);
  EXPECT_EQ(rejected.origin().value(), "");  // it is `original`
  EXPECT_EQ(rejected_value(rejected), "broken");
}

TEST(KafkaRecord, a_rejected_record_is_given_back_as_it_came) {
  v1::Event event = test::example("registered");
  OwnedRecord record{json_of_event(event), {{"content-type", "application/json"}}};
  v1::Rejected rejected;
  rejected.set_original(event.SerializeAsString());
  keep_origin(record.view(), rejected);
  EXPECT_EQ(rejected_value(rejected), record.value);
}

TEST(KafkaRecord, a_record_rejected_over_http_has_no_place_in_kafka) {
  v1::Rejected rejected;
  rejected.set_original("{");
  rejected.set_json(true);
  rejected.set_id("1");
  OwnedHeaders headers = rejected_headers(rejected);
  EXPECT_EQ(headers.front(), (std::pair<std::string, std::string>("content-type", "application/json")));
  for (const auto& [name, value] : headers) EXPECT_NE(name, "__streams.errors.topic");
  EXPECT_EQ(rejected_value(rejected), "{");
}

/// Serialised and read again, as the store and the changelog do it.
v1::Rejected stored(const v1::Rejected& rejected) {
  v1::Rejected read;
  EXPECT_TRUE(read.ParseFromString(rejected.SerializeAsString()));
  return read;
}

TEST(KafkaRecord, whatever_bytes_a_record_has_its_rejection_can_be_read_again) {
  std::string bytes = "\xff\xfe\xc3\x28";
  OwnedRecord record{bytes, {{bytes, bytes}, {"ce_id", bytes}, {"ce_source", bytes}}};
  v1::Event event = test::example("registered");
  event.clear_id();
  event.clear_source();
  fill_from_attributes(record.view(), event);
  auto wrong = check(event);
  ASSERT_FALSE(wrong);
  v1::Rejected rejected = stored([&] {
    v1::Rejected made = rejected_record(Topic::registrations, record.value, false, wrong.error(), 1);
    keep_origin(record.view(), made);
    return made;
  }());
  EXPECT_EQ(rejected.origin().headers(0).name(), bytes);
  EXPECT_EQ(rejected.value(), std::string(3, '?') + "(");
  EXPECT_EQ(rejected_headers(rejected).front(), (std::pair<std::string, std::string>(bytes, bytes)));
}

TEST(KafkaRecord, a_record_at_the_limit_is_kept_whole_and_one_byte_more_by_its_beginning) {
  OwnedRecord record{std::string(kRecordBytesMax - std::string_view("36541").size(), 'x'), {}};
  EXPECT_EQ(bytes_of(record.view()), kRecordBytesMax);
  EXPECT_FALSE(too_much(record.view(), kRecordBytesMax));
  auto kept = [&] {
    v1::Rejected made = rejected_record(Topic::registrations, record.value, false, {"record", "record-bytes-max", "", ""}, 1);
    keep_origin(record.view(), made);
    return stored(made);
  };
  EXPECT_FALSE(kept().has_whole());
  EXPECT_EQ(rejected_value(kept()), record.value);
  record.value += 'y';
  auto why = too_much(record.view(), kRecordBytesMax);
  ASSERT_TRUE(why);
  EXPECT_EQ(why->rule, "record-bytes-max");
  EXPECT_EQ(why->value, std::to_string(kRecordBytesMax + 1) + " bytes");
  EXPECT_NE(why->message.find("offset 77 of partition 3 of vtq.registrations"), std::string::npos) << why->message;
  v1::Rejected head = kept();
  EXPECT_EQ(rejected_value(head), record.value.substr(0, kHeadBytes));
  EXPECT_EQ(head.whole().bytes(), kRecordBytesMax + 1);
  EXPECT_EQ(head.whole().value_bytes(), record.value.size());
  EXPECT_EQ(head.origin().offset(), 77);
}

TEST(KafkaRecord, the_checksum_of_a_record_is_that_of_gzip) {
  v1::Rejected rejected;
  keep_head(rejected, "123456789", 9);
  EXPECT_EQ(rejected.whole().value_crc32(), 0xcbf43926u);  // the check value of CRC-32 as everybody has it
  EXPECT_EQ(rejected_headers(rejected).back(), (std::pair<std::string, std::string>("vtq.value_crc32", "cbf43926")));
}

TEST(KafkaRecord, what_is_kept_of_a_large_record_is_small_whichever_part_is_large) {
  std::string large(3 * kRecordBytesMax, 'x');
  OwnedHeaders many(kRecordBytesMax / 8, {"n", ""});
  for (OwnedRecord record : {OwnedRecord{large, {}}, OwnedRecord{"v", {{"h", large}}}, OwnedRecord{"v", {{large, "h"}}}, OwnedRecord{"v", many}}) {
    RecordView view = record.view();
    if (view.value == "v" && record.headers.empty()) view.key = large;
    v1::Rejected rejected = rejected_record(Topic::registrations, view.value, false, {"record", "record-bytes-max", "", ""}, 1);
    keep_origin(view, rejected);
    EXPECT_TRUE(rejected.has_whole());
    EXPECT_LT(rejected.ByteSizeLong(), kMovedBytesMax);
  }
}

// ---- generated ---------------------------------------------------------------------------------------------------

class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t end) { return std::uniform_int_distribution<std::size_t>(0, end - 1)(random_); }
  std::string bytes(std::size_t most) {
    std::string made(below(most + 1), '\0');
    for (char& c : made) c = static_cast<char>(below(256));
    return made;
  }
  v1::Event event() {
    static const auto facts = test::all_facts();
    v1::Event made = test::example(facts[below(facts.size())]);
    made.set_id(printable(64));
    made.set_source(printable(64));
    made.mutable_occurred_at()->set_seconds(kEarliestEventMs / 1000 + static_cast<std::int64_t>(below((kLatestEventMs - kEarliestEventMs) / 1000)));
    made.mutable_occurred_at()->set_nanos(static_cast<int>(below(1000)) * 1'000'000);
    return made;
  }

 private:
  /// Without what JSON would want escaped: the envelopes here are put together by hand.
  std::string printable(std::size_t most) {
    std::string made(1 + below(most), '\0');
    for (char& c : made) {
      c = static_cast<char>(0x20 + below(0x5f));
      if (c == '"' || c == '\\') c = '.';
    }
    return made;
  }

  std::mt19937 random_;
};

TEST(KafkaRecord, any_event_is_the_same_in_every_form) {
  Generator generate(20230817);
  for (int round = 0; round < 200 && !testing::Test::HasFailure(); ++round) {
    v1::Event event = generate.event();
    for (const auto& [name, record] : every_form(event)) {
      SCOPED_TRACE("round " + std::to_string(round) + ", " + name);
      expect_event(record, event);
    }
    expect_event({in_registry_format(event.SerializeAsString(), std::string_view("\0", 1), static_cast<std::uint32_t>(generate.below(1u << 31))), {}},
                 event, RecordMode::schema_registry);
  }
}

TEST(KafkaRecord, random_bytes_are_never_an_event) {
  Generator generate(1);
  const OwnedHeaders types[] = {{},
                                {{"content-type", "application/protobuf"}},
                                {{"content-type", "application/json"}},
                                {{"content-type", "application/cloudevents+json"}},
                                {{"content-type", "application/cloudevents+protobuf"}}};
  for (int round = 0; round < 100'000; ++round) {
    OwnedRecord record{generate.bytes(64), types[generate.below(std::size(types))]};
    RecordMode mode = generate.below(4) == 0 ? RecordMode::schema_registry : RecordMode::cloud_events;
    if (mode == RecordMode::schema_registry && generate.below(2) == 0) record.value.insert(0, std::string("\0\0\0\0\1\0", 6));
    auto found = read(record, mode);
    if (found) {
      ASSERT_FALSE(check(found.value())) << "round " << round;
    } else {
      ASSERT_FALSE(found.error().rule.empty()) << "round " << round;
    }
  }
}

TEST(KafkaRecord, what_is_left_of_a_damaged_record_is_an_event_or_a_rejection) {
  Generator generate(2);
  for (int round = 0; round < 2'000; ++round) {
    v1::Event event = generate.event();
    auto forms = every_form(event);
    auto& [name, record] = forms[generate.below(forms.size())];
    for (std::size_t damage = 1 + generate.below(3); damage > 0; --damage) {
      std::string* text = &record.value;
      if (!record.headers.empty() && generate.below(3) == 0) text = &record.headers[generate.below(record.headers.size())].second;
      if (text->empty()) continue;
      switch (generate.below(3)) {
        case 0:
          (*text)[generate.below(text->size())] = static_cast<char>(generate.below(256));
          break;
        case 1:
          text->resize(generate.below(text->size()));
          break;
        case 2:
          text->insert(generate.below(text->size()), generate.bytes(4));
          break;
      }
    }
    auto found = read(record);
    if (found) continue;
    v1::Rejected kept;  // its texts go into protobuf strings
    kept.set_field(found.error().field);
    kept.set_rule(found.error().rule);
    kept.set_value(found.error().value);
    kept.set_message(found.error().message);
    ASSERT_TRUE(v1::Rejected().ParseFromString(kept.SerializeAsString())) << "round " << round << ", " << name;
    ASSERT_FALSE(kept.rule().empty());
  }
}

}  // namespace
}  // namespace vtq::kafka
