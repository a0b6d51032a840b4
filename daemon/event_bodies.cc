#include "daemon/event_bodies.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>

#include "pipeline/hidden_grades.h"

namespace vtq {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

/// JSON is wordier than protobuf: this many times the limit cannot be an event that keeps it.
constexpr std::size_t kJsonBytesMax = 8 * kEventBytesMax;

Rejection too_large(std::size_t bytes) {
  return {"", "event-bytes-max", std::to_string(bytes) + " bytes",
          "One event may have " + std::to_string(kEventBytesMax) + " bytes; split its lists over several events."};
}

/// `claim_submitted.grade` to `claimSubmitted.grade`.
std::string json_path(std::string_view path) {
  std::string out;
  bool upper = false;
  for (char c : path) {
    if (c == '_') {
      upper = true;
      continue;
    }
    out += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    upper = false;
  }
  return out;
}

std::string_view trimmed(std::string_view text) {
  auto begin = text.find_first_not_of(kSpace);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// Text between `from` and the last `to`.
std::string_view between(std::string_view text, std::string_view from, std::string_view to) {
  auto begin = text.find(from);
  if (begin == text.npos) return {};
  begin += from.size();
  auto end = text.rfind(to);
  return end == text.npos || end < begin ? std::string_view() : text.substr(begin, end - begin);
}

/// From the JSON parser's message, which names the field in front: `(registered.entry) bogus: Cannot find field.`,
/// `(claim_submitted.grade): invalid value 5 for type TYPE_STRING`; a syntax error has a picture of the place in its second line.
/// The value is left out where it may be a grade: rejections are read by people before the gates open.
Rejection json_rejection(const std::string& parser_message, std::string_view text) {
  Rejection why;
  why.rule = "json-form";
  std::string_view all = parser_message;
  std::string_view message = all.substr(0, all.find('\n'));
  std::string_view picture = all.size() > message.size() ? all.substr(message.size() + 1) : "";
  std::string_view rest = message;
  if (take_prefix(rest, "(")) {
    auto end = rest.find(')');
    why.field = json_path(rest.substr(0, end));
    rest.remove_prefix(std::min(rest.size(), end + 1));
  }
  if (rest.ends_with(": Cannot find field.")) {
    std::string_view name = trimmed(rest.substr(0, rest.size() - std::string_view(": Cannot find field.").size()));
    why.field += (why.field.empty() ? "" : ".") + std::string(name);
    why.value = cut_value(name);
    why.message = "There is no such field; correct its name, see vtq/v1/event.proto.";
    return why;
  }
  if (std::string_view value = between(rest, "invalid value ", " for type "); !value.empty()) {
    if (std::string_view time = between(value, "Invalid time format: ", ""); !time.empty()) value = time;
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    if (may_name_a_grade(why.field)) {
      why.value = kNotShown;
      why.message = "The value does not fit the field; see vtq/v1/event.proto for what belongs there.";
      return why;
    }
    why.value = cut_value(value);
    why.message = "The value does not fit the field: " + std::string(trimmed(rest.substr(rest.find("invalid value")))) + ".";
    return why;
  }
  bool shown = before_grades(text).size() == text.size();
  why.value = shown ? cut_value(picture.substr(0, picture.find('\n'))) : std::string(kNotShown);
  why.message = "The text is not an Event in JSON: " + std::string(trimmed(message));
  return why;
}

/// Takes one JSON value from the front, by its brackets and quotes alone. Nothing when they do not close.
std::optional<std::string_view> take_value(std::string_view& rest) {
  std::size_t depth = 0, at = 0;
  bool quoted = false;
  for (; at < rest.size(); ++at) {
    char c = rest[at];
    if (quoted) {
      if (c == '\\')
        ++at;
      else if (c == '"')
        quoted = false;
      continue;
    }
    if (c == '"') quoted = true;
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') {
      if (depth == 0) break;
      if (--depth == 0) {
        ++at;
        break;
      }
    }
    if (c == ',' && depth == 0) break;
  }
  if (quoted || depth != 0 || at > rest.size()) return std::nullopt;
  std::string_view value = rest.substr(0, at);
  rest.remove_prefix(at);
  return value;
}

void skip_space(std::string_view& rest) { rest.remove_prefix(std::min(rest.size(), rest.find_first_not_of(kSpace))); }

Rejection unreadable_body(std::string message) { return {"", "json-form", "", std::move(message)}; }

/// The elements of `[...]`, `rest` standing on the bracket.
std::optional<Rejection> read_array(std::string_view& rest, std::vector<ReadEvent>& events) {
  rest.remove_prefix(1);
  for (;;) {
    skip_space(rest);
    if (events.empty() && take_prefix(rest, "]")) return std::nullopt;
    auto value = take_value(rest);
    if (!value || trimmed(*value).empty()) return unreadable_body("The array of events is broken after event " + std::to_string(events.size()) + ".");
    events.push_back(read_json_event(trimmed(*value)));
    events.back().line = events.size();
    skip_space(rest);
    if (take_prefix(rest, "]")) return std::nullopt;
    if (!take_prefix(rest, ",")) return unreadable_body("The array of events is broken after event " + std::to_string(events.size()) + ".");
  }
}

/// Where the array of `{"events": [...]}` begins; nothing when the object is an event itself.
std::optional<std::string_view> array_of_events(std::string_view body) {
  std::string_view rest = body.substr(1);
  skip_space(rest);
  if (!take_prefix(rest, "\"events\"")) return std::nullopt;
  skip_space(rest);
  if (!take_prefix(rest, ":")) return std::nullopt;
  skip_space(rest);
  return rest.starts_with("[") ? std::optional(rest) : std::nullopt;
}

ReadBody read_json(std::string_view body) {
  ReadBody read;
  body = trimmed(body);
  if (body.empty()) {
    read.unreadable = unreadable_body("The body is empty; send an Event, an array of them, or {\"events\": [...]}.");
    return read;
  }
  bool array = body.front() == '[';
  auto wrapped = body.front() == '{' ? array_of_events(body) : std::nullopt;
  if (!array && !wrapped) {
    read.single = true;
    read.events.push_back(read_json_event(body));
    read.events.back().line = 1;
    return read;
  }
  std::string_view rest = array ? body : *wrapped;
  auto wrong = read_array(rest, read.events);
  skip_space(rest);
  if (!wrong && wrapped && !take_prefix(rest, "}")) wrong = unreadable_body("{\"events\": [...]} has no other members.");
  skip_space(rest);
  if (!wrong && !rest.empty()) wrong = unreadable_body("Text follows the end of the events.");
  if (wrong) return {{}, false, std::move(wrong)};
  return read;
}

ReadBody read_json_lines(std::string_view body) {
  ReadBody read;
  std::size_t number = 0;
  while (!body.empty()) {
    auto end = body.find('\n');
    std::string_view line = trimmed(body.substr(0, end));
    body = end == body.npos ? std::string_view() : body.substr(end + 1);
    ++number;
    if (line.empty()) continue;
    read.events.push_back(read_json_event(line));
    read.events.back().line = number;
  }
  return read;
}

ReadBody read_delimited(std::string_view body) {
  ReadBody read;
  while (!body.empty()) {
    std::string_view rest = body;
    if (auto record = next_delimited(rest)) {
      read.events.push_back(read_protobuf_event(*record));
      body = rest;
    } else {
      ReadEvent broken;
      broken.submitted.event = body;
      broken.submitted.unreadable = {"", "framing", std::to_string(body.size()) + " bytes",
                                     "A record's length is broken or runs past the end of the body; nothing after it could be read. "
                                     "Write each event with a varint length before it."};
      read.events.push_back(std::move(broken));
      body = {};
    }
    read.events.back().line = read.events.size();
  }
  return read;
}

void make_canonical(ReadEvent& read, const v1::Event& event) {
  read.id = event.id();
  event.SerializeToString(&read.submitted.event);
}

}  // namespace

std::optional<BodyFormat> body_format(std::string_view content_type) {
  if (content_type == "application/json") return BodyFormat::json;
  if (content_type == "application/x-ndjson" || content_type == "application/jsonl" || content_type == "application/x-jsonlines")
    return BodyFormat::json_lines;
  if (content_type == "application/x-protobuf" || content_type == "application/protobuf") return BodyFormat::protobuf;
  if (content_type == "application/x-protobuf-delimited") return BodyFormat::protobuf_delimited;
  return std::nullopt;
}

ReadEvent read_json_event(std::string_view text) {
  ReadEvent read;
  auto keep = [&](Rejection why) {
    read.submitted.event = text;
    read.submitted.json = true;
    read.submitted.unreadable = std::move(why);
    return std::move(read);
  };
  if (text.size() > kJsonBytesMax) return keep(too_large(text.size()));
  v1::Event event;
  auto status = google::protobuf::util::JsonStringToMessage({text.data(), text.size()}, &event);
  if (!status.ok()) return keep(json_rejection(as_utf8({status.message().data(), status.message().size()}), text));
  make_canonical(read, event);
  if (std::size_t bytes = read.submitted.event.size(); bytes > kEventBytesMax) return keep(too_large(bytes));
  return read;
}

ReadEvent read_protobuf_event(std::string_view bytes) {
  ReadEvent read;
  auto keep = [&](Rejection why) {
    read.submitted.event = bytes;
    read.submitted.unreadable = std::move(why);
    return std::move(read);
  };
  if (bytes.size() > kEventBytesMax) return keep(too_large(bytes.size()));
  v1::Event event;
  if (!event.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return keep({"event", "protobuf-form", std::to_string(bytes.size()) + " bytes",
                 "The bytes are not a vtq.v1.Event; serialise one with this version's schema."});
  make_canonical(read, event);
  return read;
}

std::optional<std::string_view> next_delimited(std::string_view& rest) {
  std::uint64_t length = 0;
  std::size_t at = 0;
  for (unsigned shift = 0;; shift += 7) {
    if (at >= rest.size() || shift > 28) return std::nullopt;
    auto byte = static_cast<unsigned char>(rest[at++]);
    length |= std::uint64_t{byte & 0x7fu} << shift;
    if (!(byte & 0x80)) break;
  }
  if (length > rest.size() - at) return std::nullopt;
  std::string_view record = rest.substr(at, length);
  rest.remove_prefix(at + length);
  return record;
}

ReadBody read_body(std::string_view body, BodyFormat format) {
  switch (format) {
    case BodyFormat::json:
      return read_json(body);
    case BodyFormat::json_lines:
      return read_json_lines(body);
    case BodyFormat::protobuf: {
      ReadBody read;
      read.single = true;
      read.events.push_back(read_protobuf_event(body));
      read.events.back().line = 1;
      return read;
    }
    case BodyFormat::protobuf_delimited:
      return read_delimited(body);
  }
  return {};
}

}  // namespace vtq
