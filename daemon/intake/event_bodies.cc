#include "daemon/intake/event_bodies.h"

#include <google/protobuf/arena.h>

#include <algorithm>

#include "daemon/intake/event_json.h"
#include "storage/sealing/sealed_event.h"

namespace vtq {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

/// JSON is wordier than protobuf: this many times the limit cannot be an event that keeps it.
constexpr std::size_t kJsonBytesMax = 8 * kEventBytesMax;

Rejection too_large(std::size_t bytes) {
  return {"", "event-bytes-max", std::to_string(bytes) + " bytes",
          "One event may have " + std::to_string(kEventBytesMax) + " bytes; split its lists over several events."};
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

void make_canonical(ReadEvent& read, const v1::Event& event) {
  read.id = event.id();
  event.SerializeToString(&read.submitted.event);
}

void keep(ReadEvent& read, std::string_view original, bool json, Rejection why) {
  read.submitted.event = original;
  read.submitted.json = json;
  read.submitted.unreadable = std::move(why);
}

void read_json_into(std::string_view text, v1::Event& event, ReadEvent& read) {
  if (text.size() > kJsonBytesMax) return keep(read, text, true, too_large(text.size()));
  if (auto wrong = read_event_json(text, event)) return keep(read, text, true, std::move(*wrong));
  make_canonical(read, event);
  if (std::size_t bytes = read.submitted.event.size(); bytes > kEventBytesMax) keep(read, text, true, too_large(bytes));
}

void read_protobuf_into(std::string_view bytes, v1::Event& event, ReadEvent& read) {
  if (bytes.size() > kEventBytesMax) return keep(read, bytes, false, too_large(bytes.size()));
  if (event.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return make_canonical(read, event);
  keep(read, bytes, false,
       {"event", "protobuf-form", std::to_string(bytes.size()) + " bytes",
        "The bytes are not a vtq.v1.Event; serialise one with this version's schema."});
}

/// What does not open is kept as it came.
void open_into(const Seal* seal, v1::Event& event, ReadEvent& read) {
  if (auto wrong = open_event(seal, event))
    keep(read, std::string(read.submitted.event), false, std::move(*wrong));
  else
    make_canonical(read, event);
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

/// Reads the records of one body, and counts what they take against its limits.
class BodyReader {
 public:
  BodyReader(const BodyLimits& limits, const MayAssert& may) : limits_(limits), may_(may) {}

  ReadBody read(std::string_view body, BodyFormat format) {
    if (format == BodyFormat::json || format == BodyFormat::json_lines) {
      body = without_mark(body);
      if (is_utf16(body)) return unreadable(400, utf16_rejection());
    }
    switch (format) {
      case BodyFormat::json:
        read_json(body);
        break;
      case BodyFormat::json_lines:
        read_json_lines(body);
        break;
      case BodyFormat::protobuf:
        read_.single = true;
        add_protobuf(body, 1);
        break;
      case BodyFormat::protobuf_delimited:
        read_delimited(body);
        break;
    }
    return std::move(read_);
  }

 private:
  ReadBody unreadable(unsigned status, Rejection why) {
    return {.events = {}, .single = false, .unreadable = std::move(why), .status = status, .errors = std::move(read_.errors)};
  }

  // Each takes one record; false: a limit is passed, and `read_` says which.
  bool add_json(std::string_view text, std::size_t line) {
    return add(line, [&](v1::Event& event, ReadEvent& read) { read_json_into(text, event, read); });
  }
  bool add_protobuf(std::string_view bytes, std::size_t line) {
    return add(line, [&](v1::Event& event, ReadEvent& read) { read_protobuf_into(bytes, event, read); });
  }
  template <class ReadInto>
  bool add(std::size_t line, ReadInto read_into) {
    if (read_.events.size() == limits_.events_max) return refuse_events();
    ReadEvent& read = read_.events.emplace_back();
    read.line = line;
    arena_.Reset();
    auto* event = google::protobuf::Arena::CreateMessage<v1::Event>(&arena_);
    read_into(*event, read);
    // Whoever may not say it may not learn either what was sealed: not who and what it names.
    const bool sealed = !read.submitted.unreadable && event->has_sealed();
    std::string id_outside = sealed ? read.id : std::string();
    if (sealed) open_into(limits_.seal, *event, read);
    if (!read.submitted.unreadable) {
      if (may_.fill && may_.fill(*event)) make_canonical(read, *event);
      Result<Address> address = check(*event);
      if (!address) {
        read.submitted.unreadable = std::move(address).error();
        read.only_checked = true;
      } else if (auto why = may_.refusal ? may_.refusal(*event, *kind_of_fact(*event), address.value()) : std::nullopt) {
        if (sealed) read.id = std::move(id_outside), why->value.clear();
        return refuse_all(403, read, std::move(*why));
      }
    }
    if (read.submitted.unreadable && !may_.wrong_is_kept) return refuse_all(422, read, Rejection(*read.submitted.unreadable));
    read.submitted.parsed_bytes = read.submitted.unreadable ? 0 : static_cast<std::size_t>(arena_.SpaceUsed());
    return within_limits(read);
  }

  bool refuse_all(unsigned status, const ReadEvent& read, Rejection why) {
    read_.errors = {BodyError{read.line, read.id, why}};
    read_ = unreadable(status, std::move(why));
    return false;
  }

  bool within_limits(const ReadEvent& read) {
    memory_bytes_ += memory_of(read.submitted);
    if (memory_bytes_ > limits_.memory_bytes_max && !read_.single) {
      read_ = unreadable(413, {"", "queue-bytes-max", std::to_string(limits_.memory_bytes_max),
                               "The events of this body take more memory than the queue of events may (engine.queue_bytes_max). "
                               "Nothing of it was taken; send fewer events at a time."});
      return false;
    }
    if (!read.submitted.unreadable) return true;
    if (read_.errors.size() < kErrorsShown) read_.errors.push_back({read.line, read.id, *read.submitted.unreadable});
    if (++errors_ <= limits_.errors_max) return true;
    read_ = unreadable(422, {"", "body-errors-max", std::to_string(limits_.errors_max),
                             "More than " + std::to_string(limits_.errors_max) +
                                 " events of this body are wrong (http.body_errors_max); the first of them are under \"errors\". Nothing of it "
                                 "was taken; mend what makes them, and send them again."});
    return false;
  }

  bool refuse_events() {
    read_ = unreadable(413, {"", "body-events-max", std::to_string(limits_.events_max),
                             "A body may have " + std::to_string(limits_.events_max) +
                                 " events (http.body_events_max). Nothing of it was taken; send them in several bodies."});
    return false;
  }

  void read_json(std::string_view body) {
    body = trimmed(body);
    if (body.empty()) {
      read_ = unreadable(400, unreadable_body("The body is empty; send an Event, an array of them, or {\"events\": [...]}."));
      return;
    }
    bool array = body.front() == '[';
    auto wrapped = body.front() == '{' ? array_of_events(body) : std::nullopt;
    if (!array && !wrapped) {
      read_.single = true;
      add_json(body, 1);
      return;
    }
    std::string_view rest = array ? body : *wrapped;
    auto wrong = read_array(rest);
    if (read_.unreadable) return;
    skip_space(rest);
    if (!wrong && wrapped && !take_prefix(rest, "}")) wrong = unreadable_body("{\"events\": [...]} has no other members.");
    skip_space(rest);
    if (!wrong && !rest.empty()) wrong = unreadable_body("Text follows the end of the events.");
    if (wrong) read_ = unreadable(400, std::move(*wrong));
  }

  /// The elements of `[...]`, `rest` standing on the bracket.
  std::optional<Rejection> read_array(std::string_view& rest) {
    auto broken = [&] { return unreadable_body("The array of events is broken after event " + std::to_string(read_.events.size()) + "."); };
    rest.remove_prefix(1);
    for (;;) {
      skip_space(rest);
      if (read_.events.empty() && take_prefix(rest, "]")) return std::nullopt;
      auto value = take_value(rest);
      if (!value || trimmed(*value).empty()) return broken();
      if (!add_json(trimmed(*value), read_.events.size() + 1)) return std::nullopt;
      skip_space(rest);
      if (take_prefix(rest, "]")) return std::nullopt;
      if (!take_prefix(rest, ",")) return broken();
    }
  }

  void read_json_lines(std::string_view body) {
    std::size_t number = 0;
    while (!body.empty()) {
      auto end = body.find('\n');
      std::string_view line = trimmed(body.substr(0, end));
      body = end == body.npos ? std::string_view() : body.substr(end + 1);
      ++number;
      if (!line.empty() && !add_json(line, number)) return;
    }
  }

  void read_delimited(std::string_view body) {
    while (!body.empty()) {
      std::string_view rest = body;
      std::size_t number = read_.events.size() + 1;
      if (auto record = next_delimited(rest)) {
        if (!add_protobuf(*record, number)) return;
        body = rest;
        continue;
      }
      add(number, [&](v1::Event&, ReadEvent& read) {
        keep(read, body, false,
             {"", "framing", std::to_string(body.size()) + " bytes",
              "A record's length is broken or runs past the end of the body; nothing after it could be read. "
              "Write each event with a varint length before it."});
      });
      return;
    }
  }

  static constexpr std::size_t kArenaBytes = 32 * 1024;  ///< kept from event to event
  static constexpr std::size_t kErrorsShown = 10;

  static google::protobuf::ArenaOptions arena_options(char* block) {
    google::protobuf::ArenaOptions made;
    made.initial_block = block;
    made.initial_block_size = kArenaBytes;
    return made;
  }

  const BodyLimits& limits_;
  const MayAssert& may_;
  std::unique_ptr<char[]> block_{new char[kArenaBytes]};
  google::protobuf::Arena arena_{arena_options(block_.get())};
  ReadBody read_;
  std::size_t errors_ = 0;
  std::size_t memory_bytes_ = 0;
};

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
  v1::Event event;
  read_json_into(text, event, read);
  return read;
}

ReadEvent read_protobuf_event(std::string_view bytes) {
  ReadEvent read;
  v1::Event event;
  read_protobuf_into(bytes, event, read);
  return read;
}

void open_sealed(ReadEvent& read, const Seal* seal) {
  v1::Event event;
  if (!read.submitted.unreadable && event.ParseFromString(read.submitted.event) && event.has_sealed()) open_into(seal, event, read);
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

ReadBody read_body(std::string_view body, BodyFormat format, const BodyLimits& limits, const MayAssert& may) {
  return BodyReader(limits, may).read(body, format);
}

}  // namespace vtq
