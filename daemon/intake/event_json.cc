#include "daemon/intake/event_json.h"

#include <nlohmann/json.hpp>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <deque>
#include <vector>

#include "pipeline/kinds/hidden_grades.h"

namespace vtq {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

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
  auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
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

// ---- what fits a field ----

/// The field that a path such as `qualificationDefined.units[1].level` names, and whether the path names one element of a list.
struct NamedField {
  const FieldDescriptor* field = nullptr;
  bool element = false;
};

NamedField field_at(std::string_view path) {
  NamedField named;
  const Descriptor* message = v1::Event::descriptor();
  while (!path.empty()) {
    if (!message) return {};
    auto end = path.find('.');
    std::string name(path.substr(0, end));
    path = end == path.npos ? std::string_view() : path.substr(end + 1);
    auto bracket = name.find('[');
    named.element = bracket != name.npos;
    name.resize(std::min(name.size(), bracket));
    named.field = message->FindFieldByCamelcaseName(name);
    if (!named.field) named.field = message->FindFieldByName(name);
    if (!named.field) return {};
    message = named.field->message_type();
  }
  return named;
}

std::string names_of(const google::protobuf::EnumDescriptor& type) {
  std::string names;
  for (int at = 0; at < type.value_count(); ++at) {
    const std::string& name = type.value(at)->name();
    if (name.ends_with("UNSPECIFIED")) continue;
    names += (names.empty() ? "" : ", ") + name;
  }
  return names;
}

/// What to give for one value of the field, as it stands in JSON.
std::string value_words(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_ENUM:
      return (field.enum_type()->value_count() > 2 ? "one of " : "") + names_of(*field.enum_type()) + ", in double quotes";
    case FieldDescriptor::CPPTYPE_MESSAGE:
      if (field.message_type()->full_name() == "google.protobuf.Timestamp")
        return "a time with its offset from UTC, as \"2024-08-10T09:30:00Z\" or \"2024-08-10T10:30:00+01:00\"";
      return "an object, {...}";
    case FieldDescriptor::CPPTYPE_BOOL:
      return "true or false, without quotes";
    case FieldDescriptor::CPPTYPE_UINT32:
      return "a whole number from 0 to 4294967295";
    case FieldDescriptor::CPPTYPE_INT32:
      return "a whole number from -2147483648 to 2147483647";
    case FieldDescriptor::CPPTYPE_UINT64:
      return "a whole number from 0 to 18446744073709551615";
    case FieldDescriptor::CPPTYPE_INT64:
      return "a whole number from -9223372036854775808 to 9223372036854775807";
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT:
      return "a number";
    case FieldDescriptor::CPPTYPE_STRING:
      return "text in double quotes";
  }
  return "another value";
}

std::string fitting_words(std::string_view path) {
  auto [field, element] = field_at(path);
  if (!field) return "Give what vtq/v1/event.proto says of this field.";
  if (field->is_repeated() && !element) return "Give a list, [...]; each of its values is " + value_words(*field) + ".";
  return "Give " + value_words(*field) + ".";
}

// ---- the parser's messages ----

std::string_view unquoted(std::string_view value) {
  return value.size() >= 2 && value.front() == '"' && value.back() == '"' ? value.substr(1, value.size() - 2) : value;
}

std::string member_of(const std::string& path, std::string_view name) { return path + (path.empty() ? "" : ".") + json_path(name); }

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
  auto name_before = [&](std::string_view ending) { return trimmed(rest.substr(0, rest.size() - ending.size())); };
  constexpr std::string_view kUnknown = ": Cannot find field.", kList = ": Proto field is not repeating, cannot start list.";
  if (rest.ends_with(kUnknown)) {
    std::string_view name = name_before(kUnknown);
    why.field += (why.field.empty() ? "" : ".") + std::string(name);
    why.value = cut_value(name);
    why.message = "There is no such field; correct its name, see vtq/v1/event.proto.";
    return why;
  }
  if (rest.ends_with(kList)) {
    why.field = member_of(why.field, name_before(kList));
    why.value = "[...]";
    why.message = fitting_words(why.field);
    return why;
  }
  if (rest.find("invalid value ") != rest.npos) {
    std::string_view value = between(rest, "invalid value ", " for type ");
    if (std::string_view second = between(value, "Cannot set '", "'"); value.starts_with("oneof field") && !second.empty()) {
      why.field = member_of(why.field, second);
      why.value = cut_value(json_path(second));
      why.message = "An event states one fact; send " + json_path(second) + " as an event of its own.";
      return why;
    }
    if (value.starts_with("Starting an object")) {
      auto type = rest.rfind(" for type ");
      std::string_view name = trimmed(rest.substr(type + std::string_view(" for type ").size()));
      why.field = member_of(why.field, name.ends_with('.') ? name.substr(0, name.size() - 1) : name);
      value = "{...}";
    } else if (auto time = value.find("Invalid time format: "); time != value.npos) {
      value.remove_prefix(time + std::string_view("Invalid time format: ").size());
    } else if (auto other = value.find("Invalid data type for timestamp, value is "); other != value.npos) {
      value.remove_prefix(other + std::string_view("Invalid data type for timestamp, value is ").size());
    }
    why.value = may_name_a_grade(why.field) ? std::string(kNotShown) : cut_value(unquoted(value));
    why.message = "The value does not fit the field. " + fitting_words(why.field);
    return why;
  }
  bool shown = before_grades(text).size() == text.size();
  why.value = shown ? cut_value(picture.substr(0, picture.find('\n'))) : std::string(kNotShown);
  if (rest.find("Root element must be a message") != rest.npos)
    why.message = "The text is JSON, but no Event; give an object, {...}.";
  else
    why.message = "The text is not an Event in JSON: " + std::string(trimmed(message));
  return why;
}

// ---- keys that stand twice ----

/// The same name has several spellings: `occurred_at` is `occurredAt`, `\u0069d` is `id`.
std::string plain_key(std::string_view key) {
  std::string plain;
  for (std::size_t at = 0; at < key.size(); ++at) {
    unsigned code = 0;
    bool escaped = key[at] == '\\' && at + 5 < key.size() && key[at + 1] == 'u';
    for (std::size_t digit = at + 2; escaped && digit < at + 6; ++digit) {
      auto c = static_cast<unsigned char>(key[digit]);
      code = code * 16 + (std::isdigit(c) ? c - '0' : (std::tolower(c) - 'a') + 10u);
    }
    if (escaped && code < 0x80) {
      plain += static_cast<char>(code);
      at += 5;
    } else {
      plain += key[at];
    }
  }
  return json_path(plain);
}

/// The first key that an object has twice, of JSON that was parsed already.
std::optional<std::string> key_twice(std::string_view text) {
  std::vector<std::string_view> keys;       // of the objects that are open
  std::vector<std::size_t> begins;          // of each open object among the keys; a list: npos
  std::deque<std::string> spelt_otherwise;  // keeps what `keys` points to
  std::string_view last;
  bool after_text = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    switch (text[at]) {
      case '"': {
        std::size_t end = at + 1;
        while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
        last = text.substr(at + 1, end - at - 1);
        after_text = true;
        at = end;
        break;
      }
      case ':':
        if (!after_text || begins.empty() || begins.back() == text.npos) break;
        if (last.find_first_of("\\_") != last.npos) last = spelt_otherwise.emplace_back(plain_key(last));
        keys.push_back(last);
        after_text = false;
        break;
      case '{':
        begins.push_back(keys.size());
        break;
      case '[':
        begins.push_back(text.npos);
        break;
      case '}': {
        if (begins.empty()) return std::nullopt;
        auto begin = keys.begin() + static_cast<std::ptrdiff_t>(begins.back());
        std::sort(begin, keys.end());
        if (auto twice = std::adjacent_find(begin, keys.end()); twice != keys.end()) return std::string(*twice);
        keys.erase(begin, keys.end());
        begins.pop_back();
        break;
      }
      case ']':
        if (!begins.empty()) begins.pop_back();
        break;
      default:
        break;
    }
  }
  return std::nullopt;
}

}  // namespace

std::string_view without_mark(std::string_view text) {
  take_prefix(text, "\xEF\xBB\xBF");
  return text;
}

bool is_utf16(std::string_view text) {
  if (text.size() < 2) return false;
  std::string_view first = text.substr(0, 2);
  return first == "\xFF\xFE" || first == "\xFE\xFF" || first[0] == '\0' || first[1] == '\0';
}

Rejection utf16_rejection() { return {"", "utf-8", "UTF-16", "The text is UTF-16, or holds NUL bytes; save it as UTF-8 and send it again."}; }

std::optional<Rejection> read_event_json(std::string_view text, v1::Event& event) {
  text = without_mark(text);
  if (is_utf16(text)) return utf16_rejection();
  auto status = google::protobuf::util::JsonStringToMessage({text.data(), text.size()}, &event);
  if (!status.ok()) return json_rejection(as_utf8({status.message().data(), status.message().size()}), text);
  if (auto key = key_twice(text))
    return Rejection{cut_value(as_utf8(*key)), "json-key-twice", cut_value(as_utf8(*key)),
                     "The key stands twice in one object, and nothing says which of both values holds; send it once."};
  return std::nullopt;
}

std::string who_and_what(std::string_view text) {
  using Json = nlohmann::ordered_json;
  std::string not_shown(kNotShown);
  Json whole = Json::parse(without_mark(text), nullptr, false);
  if (!whole.is_object()) return not_shown;
  auto kept = [&](const Json& from, std::initializer_list<std::string_view> names) {
    Json made = Json::object();
    for (const auto& [name, value] : from.items())
      made[name] = value.is_primitive() && std::find(names.begin(), names.end(), name) != names.end() ? value : Json(not_shown);
    return made;
  };
  Json shown = kept(whole, {"id", "source", "occurredAt", "sequence"});
  for (const auto& [name, fact] : whole.items()) {
    if (!fact.is_object()) continue;
    shown[name] = kept(fact, {});
    if (auto entry = fact.find("entry"); entry != fact.end() && entry->is_object())
      shown[name]["entry"] = kept(*entry, {"centre", "qualification", "series", "learner"});
  }
  return shown.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace vtq
