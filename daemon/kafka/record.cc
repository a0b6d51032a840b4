#include "daemon/kafka/record.h"

#include <google/protobuf/util/json_util.h>
#include <google/protobuf/wrappers.pb.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <chrono>
#include <nlohmann/json.hpp>
#include <set>

#include "daemon/engine/engine_parts.h"
#include "daemon/intake/event_bodies.h"
#include "io/cloudevents/v1/cloudevents.pb.h"

namespace vtq::kafka {
namespace {

using Json = nlohmann::json;
using google::protobuf::FieldDescriptor;

/// A CloudEvent in one piece wraps its event in JSON or base64: this many times the limit cannot hold one that keeps it.
constexpr std::size_t kStructuredBytesMax = 16 * kEventBytesMax;
constexpr int kJsonDepthMax = 100;

/// What stood there, for a rejection: its texts are UTF-8, and headers may be anything.
std::string shown(std::string_view text) {
  std::string out = cut_value(text);
  for (char& c : out)
    if (c < 0x20 || c > 0x7e) c = '?';
  return out;
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// ---- time --------------------------------------------------------------------------------------------------------

struct Instant {
  std::int64_t seconds = 0;
  std::int32_t nanos = 0;
};

/// Takes `digits` digits from the front; -1 when they are not there.
int take_number(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return -1;
  int number = 0;
  for (char c : text.substr(0, digits)) {
    if (c < '0' || c > '9') return -1;
    number = number * 10 + (c - '0');
  }
  text.remove_prefix(digits);
  return number;
}

/// Nanoseconds after the point; digits beyond the ninth are dropped. Nothing: no digit follows the point.
std::optional<std::int32_t> take_fraction(std::string_view& text) {
  if (!take_prefix(text, ".")) return 0;
  std::int32_t nanos = 0, digits = 0;
  for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1), ++digits)
    if (digits < 9) nanos = nanos * 10 + (text.front() - '0');
  if (digits == 0) return std::nullopt;
  for (; digits < 9; ++digits) nanos *= 10;
  return nanos;
}

/// Seconds east of UTC.
std::optional<int> take_offset(std::string_view& text) {
  if (take_prefix(text, "Z") || take_prefix(text, "z")) return 0;
  int sign = text.starts_with('+') ? 1 : text.starts_with('-') ? -1 : 0;
  if (sign == 0) return std::nullopt;
  text.remove_prefix(1);
  int hours = take_number(text, 2);
  if (hours < 0 || hours > 23 || !take_prefix(text, ":")) return std::nullopt;
  int minutes = take_number(text, 2);
  if (minutes < 0 || minutes > 59) return std::nullopt;
  return sign * (hours * 3600 + minutes * 60);
}

/// RFC 3339.
std::optional<Instant> parse_time(std::string_view text) {
  int year = take_number(text, 4);
  if (year < 0 || !take_prefix(text, "-")) return std::nullopt;
  int month = take_number(text, 2);
  if (month < 0 || !take_prefix(text, "-")) return std::nullopt;
  int day = take_number(text, 2);
  if (day < 0 || (!take_prefix(text, "T") && !take_prefix(text, "t"))) return std::nullopt;
  int hours = take_number(text, 2);
  if (hours < 0 || hours > 23 || !take_prefix(text, ":")) return std::nullopt;
  int minutes = take_number(text, 2);
  if (minutes < 0 || minutes > 59 || !take_prefix(text, ":")) return std::nullopt;
  int seconds = take_number(text, 2);
  if (seconds < 0 || seconds > 59) return std::nullopt;
  auto nanos = take_fraction(text);
  auto offset = nanos ? take_offset(text) : std::nullopt;
  std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                   std::chrono::day(static_cast<unsigned>(day))};
  if (!offset || !text.empty() || !date.ok()) return std::nullopt;
  std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return Instant{days * 86'400 + hours * 3600 + minutes * 60 + seconds - *offset, *nanos};
}

// ---- attributes --------------------------------------------------------------------------------------------------

/// A CloudEvent's attributes, from headers or from an envelope.
struct Attributes {
  bool any = false;
  std::optional<std::string_view> specversion, id, source, type, time, content_type;
  std::optional<Instant> at;  ///< the time where it is no text
  std::string_view twice;     ///< a header that says two things

  void take(std::string_view name, std::optional<std::string_view>& attribute, std::string_view value) {
    if (attribute && *attribute != value) twice = name;
    attribute = value;
  }
};

Attributes attributes_of(const Headers& headers) {
  Attributes found;
  for (const auto& [name, value] : headers) {
    if (name == "content-type") found.take(name, found.content_type, value);
    if (!name.starts_with("ce_")) continue;
    found.any = true;
    std::string_view attribute = name.substr(3);
    if (attribute == "specversion") found.take(name, found.specversion, value);
    if (attribute == "id") found.take(name, found.id, value);
    if (attribute == "source") found.take(name, found.source, value);
    if (attribute == "type") found.take(name, found.type, value);
    if (attribute == "time") found.take(name, found.time, value);
  }
  return found;
}

std::optional<Rejection> wrong_version(const Attributes& attributes) {
  if (attributes.specversion == "1.0") return std::nullopt;
  return Rejection{"ce_specversion", "ce-specversion", shown(attributes.specversion.value_or("")),
                   "A CloudEvent here has specversion 1.0; say so in each."};
}

std::optional<Rejection> wrong_headers(const Attributes& attributes) {
  if (!attributes.twice.empty())
    return Rejection{std::string(attributes.twice), "header-once", "", "The header stands more than once, with different values; send it once."};
  return attributes.any ? wrong_version(attributes) : std::nullopt;
}

/// Fields of Event's facts by message name, JSON name and proto name.
const auto& facts_by_name() {
  static const auto* facts = [] {
    auto* made = new boost::unordered_flat_map<std::string_view, const FieldDescriptor*>;
    const auto* fact = v1::Event::descriptor()->FindOneofByName("fact");
    for (int at = 0; at < fact->field_count(); ++at) {
      const FieldDescriptor* field = fact->field(at);
      for (std::string_view name :
           {std::string_view(field->message_type()->name()), std::string_view(field->json_name()), std::string_view(field->name())})
        made->emplace(name, field);
    }
    return made;
  }();
  return *facts;
}

/// The last part of a type, but for a version behind it: `registered` of `uk.example.registered.v1`.
std::string_view last_part(std::string_view type) {
  auto dot = type.rfind('.');
  std::string_view part = dot == type.npos ? type : type.substr(dot + 1);
  bool version = dot != type.npos && part.size() > 1 && part.front() == 'v' &&
                 std::all_of(part.begin() + 1, part.end(), [](char c) { return c >= '0' && c <= '9'; });
  return version ? last_part(type.substr(0, dot)) : part;
}

bool type_agrees(std::string_view type, const v1::Event& event) {
  constexpr std::string_view kOwn = "vtq.v1.";
  if (type == "vtq.v1.Event" || event.fact_case() == v1::Event::FACT_NOT_SET) return true;
  auto named = facts_by_name().find(last_part(type));
  if (named == facts_by_name().end()) return !type.starts_with(kOwn);
  return named->second->number() == static_cast<int>(event.fact_case());
}

Rejection differs(const std::string& field, std::string_view value, std::string_view own) {
  return {field, "ce-attribute-agrees", shown(value),
          "The event itself says " + shown(own) + "; let " + field + " say the same, or leave one of them out."};
}

std::optional<Rejection> wrong_time(const Attributes& attributes, const v1::Event& event) {
  std::optional<Instant> at = attributes.at;
  if (attributes.time) {
    at = parse_time(*attributes.time);
    if (!at)
      return Rejection{"ce_time", "ce-time-form", shown(*attributes.time), "Give the time as RFC 3339, with its offset: 2023-08-08T12:30:00Z."};
  }
  if (!at || !event.has_occurred_at()) return std::nullopt;
  const auto& own = event.occurred_at();
  // To the millisecond, as the pipeline counts: senders write the two with different precision.
  if (at->seconds == own.seconds() && at->nanos / 1'000'000 == own.nanos() / 1'000'000) return std::nullopt;
  auto text = [](std::int64_t seconds, std::int32_t nanos) {
    // Beyond what is counted in milliseconds, only that it differs can be said.
    if (seconds < 0 || seconds >= kLatestEventMs / 1000) return std::string("another time");
    return utc_text(seconds * 1000 + nanos / 1'000'000);
  };
  return differs("ce_time", text(at->seconds, at->nanos), text(own.seconds(), own.nanos()));
}

std::optional<Rejection> compare(const Attributes& attributes, const v1::Event& event) {
  if (attributes.id && !event.id().empty() && *attributes.id != event.id()) return differs("ce_id", *attributes.id, event.id());
  if (attributes.source && !event.source().empty() && *attributes.source != event.source())
    return differs("ce_source", *attributes.source, event.source());
  if (attributes.type && !type_agrees(*attributes.type, event)) return differs("ce_type", *attributes.type, fact_name(event));
  return wrong_time(attributes, event);
}

bool fill(const Attributes& attributes, v1::Event& event) {
  bool changed = false;
  auto give = [&](const std::optional<std::string_view>& attribute, const std::string& own, auto set) {
    if (!own.empty() || !attribute || attribute->empty()) return;
    set(std::string(*attribute));
    changed = true;
  };
  give(attributes.id, event.id(), [&](std::string&& id) { event.set_id(std::move(id)); });
  give(attributes.source, event.source(), [&](std::string&& source) { event.set_source(std::move(source)); });
  if (event.has_occurred_at()) return changed;
  std::optional<Instant> at = attributes.time ? parse_time(*attributes.time) : attributes.at;
  if (!at) return changed;
  event.mutable_occurred_at()->set_seconds(at->seconds);
  event.mutable_occurred_at()->set_nanos(at->nanos);
  return true;
}

// ---- content types -----------------------------------------------------------------------------------------------

enum class Form { protobuf, json, structured_json, structured_protobuf, batched, other };

bool same_word(std::string_view a, std::string_view lower) {
  return a.size() == lower.size() && std::equal(a.begin(), a.end(), lower.begin(),
                                                [](char x, char y) { return (x >= 'A' && x <= 'Z' ? static_cast<char>(x - 'A' + 'a') : x) == y; });
}

Form form_of(std::string_view content_type) {
  std::string_view type = content_type.substr(0, content_type.find(';'));
  while (type.ends_with(' ')) type.remove_suffix(1);
  if (same_word(type, "application/protobuf") || same_word(type, "application/x-protobuf")) return Form::protobuf;
  if (same_word(type, "application/json")) return Form::json;
  if (same_word(type, "application/cloudevents+json")) return Form::structured_json;
  if (same_word(type, "application/cloudevents+protobuf")) return Form::structured_protobuf;
  constexpr std::string_view kBatch = "application/cloudevents-batch";
  return same_word(type.substr(0, kBatch.size()), kBatch) ? Form::batched : Form::other;
}

Rejection wrong_content_type(const std::optional<std::string_view>& type) {
  return {"content-type", "content-type", shown(type.value_or("")),
          type ? "Send application/protobuf, application/json, application/cloudevents+json or application/cloudevents+protobuf."
               : "A record with ce_ headers says in content-type what its value is: application/protobuf or application/json."};
}

Rejection too_large(std::string_view value) {
  return {"", "event-bytes-max", std::to_string(value.size()) + " bytes",
          "One event may have " + std::to_string(kEventBytesMax) + " bytes; split its lists over several events."};
}

// ---- values ------------------------------------------------------------------------------------------------------

Result<DecodedEvent> from_protobuf(std::string_view value) {
  if (value.size() > kEventBytesMax) return too_large(value);
  if (value.empty()) return unreadable_event(value);
  if (value.front() == '\0') {
    Rejection why = unreadable_event(value);
    why.message =
        "The value begins with the byte 0, as in the schema registry's wire format: name the topic in the setting kafka.registry_topics, "
        "or send the Event without that framing.";
    return why;
  }
  return DecodedEvent(value);
}

Result<DecodedEvent> from_json(std::string_view value) {
  ReadEvent read = read_json_event(value);
  if (read.submitted.unreadable) return std::move(*read.submitted.unreadable);
  return DecodedEvent(std::move(read.submitted.event));
}

/// What a CloudEvent in one piece carries.
struct Envelope {
  Attributes attributes;
  std::string_view data;
  bool json = false;  ///< of the data
};

/// The Event of an envelope, with what it lacks taken from there.
Result<DecodedEvent> unwrap(const Envelope& envelope) {
  if (auto wrong = wrong_version(envelope.attributes)) return std::move(*wrong);
  auto decoded = envelope.json ? from_json(envelope.data) : from_protobuf(envelope.data);
  if (!decoded) return decoded;
  v1::Event event;
  std::string_view bytes = decoded.value().bytes;
  if (!event.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return unreadable_event(bytes);
  if (auto wrong = compare(envelope.attributes, event)) return std::move(*wrong);
  if (!fill(envelope.attributes, event)) return DecodedEvent(std::string(bytes));
  return DecodedEvent(event.SerializeAsString());
}

Rejection wrong_data(std::string_view value, std::string message) { return {"data", "ce-data", shown(value), std::move(message)}; }

/// Whether data that is not JSON in JSON is JSON all the same; nothing when its type is neither JSON nor protobuf.
std::optional<bool> data_is_json(const std::optional<std::string_view>& content_type) {
  if (!content_type) return false;
  Form form = form_of(*content_type);
  if (form == Form::json) return true;
  return form == Form::protobuf ? std::optional(false) : std::nullopt;
}

constexpr const char* kDataTypes = "The data of a CloudEvent here is an Event: datacontenttype application/json or application/protobuf.";

/// The JSON object in `value`, with each of its members once.
Result<Json> json_object(std::string_view value) {
  bool too_deep = false;
  std::set<std::string> names;
  std::string twice;
  auto look = [&](int depth, Json::parse_event_t what, Json& parsed) {
    if (depth > kJsonDepthMax) too_deep = true;
    if (what == Json::parse_event_t::key && depth == 1 && !names.insert(parsed.get<std::string>()).second) twice = parsed.get<std::string>();
    return !too_deep;
  };
  Json object = Json::parse(value.begin(), value.end(), look, false);
  if (!twice.empty()) return Rejection{shown(twice), "json-form", "", "The member stands more than once; send it once."};
  if (too_deep || !object.is_object())
    return Rejection{"", "json-form", shown(value.substr(0, 40)),
                     "The value is not a CloudEvent in JSON: an object with specversion, id, source, type, time and data."};
  return object;
}

/// A text among the members of a CloudEvent in JSON; absent and null are the same.
std::optional<Rejection> take_text(const Json& object, const char* name, std::optional<std::string_view>& attribute) {
  auto member = object.find(name);
  if (member == object.end() || member->is_null()) return std::nullopt;
  if (!member->is_string()) return Rejection{"ce_" + std::string(name), "json-form", shown(member->dump()), "The attribute is a text."};
  attribute = member->get_ref<const std::string&>();
  return std::nullopt;
}

Result<DecodedEvent> from_structured_json(std::string_view value) {
  auto parsed = json_object(value);
  if (!parsed) return std::move(parsed).error();
  const Json& object = parsed.value();
  Envelope envelope;
  Attributes& a = envelope.attributes;
  const std::pair<const char*, std::optional<std::string_view>*> texts[] = {
      {"specversion", &a.specversion},     {"id", &a.id}, {"source", &a.source}, {"type", &a.type}, {"time", &a.time},
      {"datacontenttype", &a.content_type}};
  for (auto [name, attribute] : texts)
    if (auto wrong = take_text(object, name, *attribute)) return std::move(*wrong);
  auto data = object.find("data"), base64 = object.find("data_base64");
  if ((data == object.end()) == (base64 == object.end())) return wrong_data("", "Give exactly one of data and data_base64.");
  if (data != object.end()) {
    if (!data->is_object()) return wrong_data("", "data is an Event: an object.");
    if (a.content_type && form_of(*a.content_type) != Form::json)
      return wrong_data(*a.content_type, "What stands in data is JSON; other types go into data_base64.");
    std::string text = data->dump();
    envelope.data = text;
    envelope.json = true;
    return unwrap(envelope);
  }
  google::protobuf::BytesValue bytes;
  // Protobuf's JSON mapping of bytes is base64.
  if (!base64->is_string() || !google::protobuf::util::JsonStringToMessage(base64->dump(), &bytes).ok())
    return wrong_data("", "data_base64 is a text in base64.");
  auto json = data_is_json(a.content_type);
  if (!json) return wrong_data(*a.content_type, kDataTypes);
  envelope.data = bytes.value();
  envelope.json = *json;
  return unwrap(envelope);
}

/// Attributes that a CloudEvent in protobuf keeps in its map.
std::optional<Rejection> take_optional(const io::cloudevents::v1::CloudEvent& cloud, Attributes& attributes) {
  if (auto time = cloud.attributes().find("time"); time != cloud.attributes().end()) {
    if (time->second.has_ce_timestamp())
      attributes.at = {time->second.ce_timestamp().seconds(), time->second.ce_timestamp().nanos()};
    else if (time->second.has_ce_string())
      attributes.time = time->second.ce_string();
    else
      return Rejection{"ce_time", "ce-time-form", "", "The attribute time is a timestamp."};
  }
  if (auto type = cloud.attributes().find("datacontenttype"); type != cloud.attributes().end()) {
    if (!type->second.has_ce_string()) return wrong_data("", kDataTypes);
    attributes.content_type = type->second.ce_string();
  }
  return std::nullopt;
}

Result<DecodedEvent> from_structured_protobuf(std::string_view value) {
  using io::cloudevents::v1::CloudEvent;
  CloudEvent cloud;
  if (!cloud.ParseFromArray(value.data(), static_cast<int>(value.size())))
    return Rejection{"", "protobuf-form", std::to_string(value.size()) + " bytes", "The bytes are not an io.cloudevents.v1.CloudEvent."};
  Envelope envelope;
  Attributes& a = envelope.attributes;
  a.specversion = cloud.spec_version();
  if (!cloud.id().empty()) a.id = cloud.id();
  if (!cloud.source().empty()) a.source = cloud.source();
  if (!cloud.type().empty()) a.type = cloud.type();
  if (auto wrong = take_optional(cloud, a)) return std::move(*wrong);
  auto json = data_is_json(a.content_type);
  switch (cloud.data_case()) {
    case CloudEvent::kProtoData: {
      std::string_view url = cloud.proto_data().type_url();
      if (url.substr(url.rfind('/') + 1) != "vtq.v1.Event") return wrong_data(url, "proto_data holds a vtq.v1.Event, and its type_url says so.");
      json = false;
      envelope.data = cloud.proto_data().value();
      break;
    }
    case CloudEvent::kBinaryData:
      if (!json) return wrong_data(*a.content_type, kDataTypes);
      envelope.data = cloud.binary_data();
      break;
    case CloudEvent::kTextData:
      if (json != true) return wrong_data(a.content_type.value_or(""), "An Event as text is JSON; say so in datacontenttype.");
      envelope.data = cloud.text_data();
      break;
    case CloudEvent::DATA_NOT_SET:
      return wrong_data("", "The CloudEvent carries no data; an Event goes into proto_data or binary_data.");
  }
  envelope.json = *json;
  return unwrap(envelope);
}

Result<DecodedEvent> from_structured(std::string_view value, Form form) {
  if (value.size() > kStructuredBytesMax) return too_large(value);
  return form == Form::structured_json ? from_structured_json(value) : from_structured_protobuf(value);
}

// ---- schema registry ---------------------------------------------------------------------------------------------

/// 0 and the schema's id: which version of it was used makes no difference to protobuf.
constexpr std::size_t kRegistryPrefixBytes = 5;

/// Where Event stands in its file: the indexes of the messages that lead to it.
const std::vector<std::int64_t>& event_path() {
  static const auto* path = [] {
    auto* made = new std::vector<std::int64_t>;
    for (const auto* message = v1::Event::descriptor(); message; message = message->containing_type()) made->insert(made->begin(), message->index());
    return made;
  }();
  return *path;
}

std::optional<std::int64_t> take_zigzag(std::string_view& rest) {
  std::uint64_t bits = 0;
  for (unsigned shift = 0; shift < 35 && !rest.empty(); shift += 7) {
    auto byte = static_cast<unsigned char>(rest.front());
    rest.remove_prefix(1);
    bits |= std::uint64_t{byte & 0x7fu} << shift;
    if (!(byte & 0x80)) return static_cast<std::int64_t>(bits >> 1) ^ -static_cast<std::int64_t>(bits & 1);
  }
  return std::nullopt;
}

/// Whether the message indexes in front lead to Event; nothing: they are broken.
std::optional<bool> take_event_path(std::string_view& rest) {
  auto count = take_zigzag(rest);
  if (!count || *count < 0) return std::nullopt;
  if (*count == 0) return event_path().size() == 1 && event_path().front() == 0;  // short for the first message
  bool same = *count == static_cast<std::int64_t>(event_path().size());
  for (std::int64_t at = 0; at < *count; ++at) {
    auto index = take_zigzag(rest);
    if (!index) return std::nullopt;
    same = same && *index == event_path()[static_cast<std::size_t>(at)];
  }
  return same;
}

Rejection wrong_framing(std::string_view value) {
  return {"", "registry-framing", std::to_string(value.size()) + " bytes",
          "The setting kafka.registry_topics names this topic, so a value begins with the byte 0, a schema id of 4 bytes and the message "
          "indexes. Send it so, or take the topic out of the setting."};
}

Result<DecodedEvent> from_registry(std::string_view value) {
  if (value.size() < kRegistryPrefixBytes || value.front() != '\0') return wrong_framing(value);
  std::string_view rest = value.substr(kRegistryPrefixBytes);
  auto is_event = take_event_path(rest);
  if (!is_event) return wrong_framing(value);
  if (!*is_event)
    return Rejection{"", "registry-message", "", "The message indexes name another message than vtq.v1.Event; send one Event in each record."};
  if (rest.size() > kEventBytesMax) return too_large(rest);
  if (rest.empty()) return unreadable_event(rest);
  return DecodedEvent(rest);
}

}  // namespace

void view_message(const rd_kafka_message_s& message, RecordView& view) {
  view.topic = message.rkt ? rd_kafka_topic_name(message.rkt) : "";
  view.partition = message.partition;
  view.offset = message.offset;
  view.timestamp_ms = std::max<TimeMs>(rd_kafka_message_timestamp(&message, nullptr), 0);
  view.has_key = message.key != nullptr;
  view.key = {static_cast<const char*>(message.key), message.key_len};
  view.value = {static_cast<const char*>(message.payload), message.err ? 0 : message.len};
  view.headers.clear();
  view.headers_unreadable = false;
  if (message.err) return;
  rd_kafka_headers_t* headers = nullptr;
  rd_kafka_resp_err_t error = rd_kafka_message_headers(&message, &headers);
  view.headers_unreadable = error != RD_KAFKA_RESP_ERR_NO_ERROR && error != RD_KAFKA_RESP_ERR__NOENT;
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t bytes = 0;
  for (std::size_t at = 0; rd_kafka_header_get_all(headers, at, &name, &value, &bytes) == RD_KAFKA_RESP_ERR_NO_ERROR; ++at)
    view.headers.emplace_back(name, std::string_view(static_cast<const char*>(value), bytes));
}

Result<DecodedEvent> decode_record(const RecordView& record, RecordMode mode) {
  Attributes attributes = attributes_of(record.headers);
  if (auto wrong = wrong_headers(attributes)) return std::move(*wrong);
  if (mode == RecordMode::schema_registry) return from_registry(record.value);
  if (!attributes.content_type) {
    if (attributes.any) return wrong_content_type(std::nullopt);
    return from_protobuf(record.value);
  }
  switch (Form form = form_of(*attributes.content_type)) {
    case Form::protobuf:
      return from_protobuf(record.value);
    case Form::json:
      return from_json(record.value);
    case Form::structured_json:
    case Form::structured_protobuf:
      return from_structured(record.value, form);
    case Form::batched:
      return Rejection{"content-type", "content-type-batched", shown(*attributes.content_type),
                       "CloudEvents' Kafka binding has no batches; send each event in a record of its own."};
    case Form::other:
      break;
  }
  return wrong_content_type(attributes.content_type);
}

std::string in_registry_format(std::string_view event) {
  return std::string(kRegistryPrefixBytes + 1, '\0').append(event);  // the last byte: the first message of its file
}

Rejection unreadable_event(std::string_view bytes) {
  if (bytes.empty()) return {"event", "protobuf-form", "0 bytes", "The record carries no event; send one vtq.v1.Event in each."};
  return {"event", "protobuf-form", std::to_string(bytes.size()) + " bytes",
          "The bytes are not a vtq.v1.Event; serialise one with this version's schema."};
}

std::optional<Rejection> check_attributes(const RecordView& record, const v1::Event& event) {
  if (record.headers.empty()) return std::nullopt;
  return compare(attributes_of(record.headers), event);
}

bool fill_from_attributes(const RecordView& record, v1::Event& event) {
  if (record.headers.empty()) return false;
  return fill(attributes_of(record.headers), event);
}

std::optional<TimeMs> parse_instant(std::string_view text) {
  auto at = parse_time(text);
  if (!at) return std::nullopt;
  return at->seconds * 1000 + at->nanos / 1'000'000;
}

std::size_t bytes_of(const RecordView& record) {
  constexpr std::size_t kHeaderBytes = 16;  // what each takes where it is kept, besides its name and value
  std::size_t bytes = record.key.size() + record.value.size();
  for (const auto& [name, value] : record.headers) bytes += name.size() + value.size() + kHeaderBytes;
  return bytes;
}

std::optional<Rejection> too_much(const RecordView& record, std::size_t most) {
  std::size_t bytes = bytes_of(record);
  if (bytes <= most && !record.headers_unreadable) return std::nullopt;
  std::string partition = std::to_string(record.partition), offset = std::to_string(record.offset), topic(record.topic);
  std::string where = (bytes > kRecordBytesMax || record.headers_unreadable ? "Only its beginning is kept here; the" : "The") +
                      std::string(" whole record is at offset ") + offset + " of partition " + partition + " of " + topic +
                      ", as long as that is kept: kcat -C -t " + topic + " -p " + partition + " -o " + offset + " -c 1.";
  if (record.headers_unreadable)
    return Rejection{"record", "record-headers-max", "",
                     "A record may have " + std::to_string(kHeadersMax) + " headers: publish it with fewer. " + where};
  return Rejection{
      "record", "record-bytes-max", std::to_string(bytes) + " bytes",
      "A record here may have " + std::to_string(most) + " bytes with its key and headers, unpacked: split it, and publish the parts. " + where};
}

Rejection unreadable_record(const RecordView& record, std::string_view error) {
  std::string topic(record.topic);
  return {"record", "record-unreadable", shown(error),
          "The record at offset " + std::to_string(record.offset) + " of partition " + std::to_string(record.partition) + " of " + topic +
              " cannot be unpacked: it is damaged, or larger than a client takes. Nothing of it is kept here. Publish what it was again, "
              "smaller or packed otherwise."};
}

void keep_origin(const RecordView& record, v1::Rejected& rejected) {
  v1::RecordOrigin& origin = *rejected.mutable_origin();
  origin.set_topic(std::string(record.topic));
  origin.set_partition(record.partition);
  origin.set_offset(record.offset);
  origin.set_timestamp_ms(record.timestamp_ms);
  origin.set_has_key(record.has_key);
  if (std::size_t bytes = bytes_of(record); bytes > kRecordBytesMax || record.headers_unreadable) {
    keep_head(rejected, record.value, bytes);
    origin.set_key(std::string(record.key.substr(0, kHeadBytes)));
    std::size_t kept = 0;
    for (const auto& [name, value] : record.headers) {
      kept += name.size() + value.size();
      if (kept > kHeadBytes) break;
      v1::RecordHeader& header = *origin.add_headers();
      header.set_name(std::string(name));
      header.set_value(std::string(value));
    }
    return;
  }
  origin.set_key(std::string(record.key));
  if (record.value != rejected.original()) origin.set_value(std::string(record.value));
  for (const auto& [name, value] : record.headers) {
    v1::RecordHeader& header = *origin.add_headers();
    header.set_name(std::string(name));
    header.set_value(std::string(value));
  }
}

OwnedHeaders rejected_headers(const v1::Rejected& rejected) {
  OwnedHeaders headers;
  const v1::RecordOrigin& origin = rejected.origin();
  headers.reserve(static_cast<std::size_t>(origin.headers_size()) + 12);
  for (const v1::RecordHeader& header : origin.headers()) headers.emplace_back(header.name(), header.value());
  if (!rejected.has_origin() && rejected.json()) headers.emplace_back("content-type", "application/json");
  headers.emplace_back(kRejectedHeadersBegin, "vtq.RecordRejected");
  headers.emplace_back("__streams.errors.message", rejected.message());
  headers.emplace_back("__streams.errors.stacktrace", "at " + rejected.rule() + "(" + rejected.field() + ")");
  if (rejected.has_origin()) {
    headers.emplace_back("__streams.errors.topic", origin.topic());
    headers.emplace_back("__streams.errors.partition", std::to_string(origin.partition()));
    headers.emplace_back("__streams.errors.offset", std::to_string(origin.offset()));
  }
  headers.emplace_back("vtq.field", rejected.field());
  headers.emplace_back("vtq.rule", rejected.rule());
  headers.emplace_back("vtq.value", rejected.value());
  headers.emplace_back("vtq.id", rejected.id());
  if (rejected.sealed_with() != 0) headers.emplace_back(kSealedHeader, text_of_seal_key(rejected.sealed_with()));
  headers.emplace_back("vtq.rejected_at", utc_text(rejected.rejected_at().seconds() * 1000 + rejected.rejected_at().nanos() / 1'000'000));
  if (rejected.has_whole()) {
    headers.emplace_back(kWholeBytesHeader, std::to_string(rejected.whole().bytes()));
    headers.emplace_back("vtq.value_bytes", std::to_string(rejected.whole().value_bytes()));
    // Beside a sealed value it would let each guess at a grade be tried.
    char crc[9];
    std::snprintf(crc, sizeof crc, "%08x", rejected.whole().value_crc32());
    if (rejected.sealed_with() == 0) headers.emplace_back("vtq.value_crc32", crc);
  }
  return headers;
}

std::string_view rejected_value(const v1::Rejected& rejected) {
  return rejected.origin().value().empty() ? rejected.original() : rejected.origin().value();
}

}  // namespace vtq::kafka
