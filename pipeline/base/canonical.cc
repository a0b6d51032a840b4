#include "pipeline/base/canonical.h"

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace vtq {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

struct Kind;

/// How one field is written.
struct Field {
  /// Of numbers: which of them a field of its type holds.
  enum class Value : std::uint8_t { none, int32, uint32, any64, boolean, fixed32, fixed64, text, message };
  Value value = Value::none;  ///< none: no field of this number, or one of which nothing is said here
  std::uint8_t wire = 0;
  bool repeated = false;
  bool packed = false;
  bool may_be_zero = false;  ///< it is written whenever it was set; others only when they are not zero
  std::int8_t oneof = -1;
  const Kind* message = nullptr;
};

struct Kind {
  std::vector<Field> fields;  ///< by tag: number and way to write it
};

constexpr int kNumberMax = 256;
constexpr std::uint8_t kVarint = 0, kFixed64 = 1, kSized = 2, kFixed32 = 5;

Field::Value value_of(const FieldDescriptor& field) {
  using Value = Field::Value;
  switch (field.type()) {
    case FieldDescriptor::TYPE_INT32:
      return Value::int32;
    case FieldDescriptor::TYPE_ENUM:
      return field.file()->syntax() == google::protobuf::FileDescriptor::SYNTAX_PROTO3 ? Value::int32 : Value::none;
    case FieldDescriptor::TYPE_UINT32:
    case FieldDescriptor::TYPE_SINT32:
      return Value::uint32;
    case FieldDescriptor::TYPE_INT64:
    case FieldDescriptor::TYPE_UINT64:
    case FieldDescriptor::TYPE_SINT64:
      return Value::any64;
    case FieldDescriptor::TYPE_BOOL:
      return Value::boolean;
    case FieldDescriptor::TYPE_FIXED32:
    case FieldDescriptor::TYPE_SFIXED32:
    case FieldDescriptor::TYPE_FLOAT:
      return Value::fixed32;
    case FieldDescriptor::TYPE_FIXED64:
    case FieldDescriptor::TYPE_SFIXED64:
    case FieldDescriptor::TYPE_DOUBLE:
      return Value::fixed64;
    case FieldDescriptor::TYPE_STRING:
    case FieldDescriptor::TYPE_BYTES:
      return Value::text;
    case FieldDescriptor::TYPE_MESSAGE:
      return field.is_map() ? Value::none : Value::message;
    default:
      return Value::none;
  }
}

std::uint8_t wire_of(Field::Value value) {
  switch (value) {
    case Field::Value::fixed32:
      return kFixed32;
    case Field::Value::fixed64:
      return kFixed64;
    case Field::Value::text:
    case Field::Value::message:
      return kSized;
    default:
      return kVarint;
  }
}

/// Everything that messages of the contract are made of; made once.
class Kinds {
 public:
  const Kind& of(const Descriptor& descriptor) {
    auto [held, fresh] = kinds_.try_emplace(&descriptor, nullptr);
    if (!fresh) return *held->second;
    // A message may hold others of its own kind: it is known before its fields are.
    Kind& made = *(held->second = std::make_unique<Kind>());
    for (int at = 0; at < descriptor.field_count(); ++at) {
      const FieldDescriptor& described = *descriptor.field(at);
      if (described.number() >= kNumberMax) continue;
      Field field{.value = value_of(described), .repeated = described.is_repeated(), .packed = described.is_packed()};
      field.wire = field.packed ? kSized : wire_of(field.value);
      field.may_be_zero = field.repeated || described.has_presence();
      if (const auto* oneof = described.real_containing_oneof()) field.oneof = static_cast<std::int8_t>(oneof->index());
      if (field.value == Field::Value::message) field.message = &of(*described.message_type());
      auto tag = static_cast<std::size_t>(described.number()) << 3 | field.wire;
      if (made.fields.size() <= tag) made.fields.resize(tag + 1);
      made.fields[tag] = field;
    }
    return made;
  }

 private:
  boost::unordered_flat_map<const Descriptor*, std::unique_ptr<Kind>> kinds_;
};

struct Bytes {
  const unsigned char* at;
  const unsigned char* end;

  std::size_t left() const { return static_cast<std::size_t>(end - at); }
};

/// More than one byte.
bool take_long(Bytes& bytes, std::uint64_t& value) {
  value = 0;
  for (int shift = 0; shift < 70; shift += 7) {
    if (bytes.at == bytes.end) return false;
    unsigned char byte = *bytes.at++;
    if (shift == 63 && byte > 1) return false;
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return shift == 0 || byte != 0;
  }
  return false;
}

/// A number in as few bytes as it takes; most take one.
inline bool take(Bytes& bytes, std::uint64_t& value) {
  if (bytes.at == bytes.end || *bytes.at >= 0x80) return take_long(bytes, value);
  value = *bytes.at++;
  return true;
}

bool fits(Field::Value value, std::uint64_t number) {
  switch (value) {
    case Field::Value::int32:
      return number == static_cast<std::uint64_t>(static_cast<std::int64_t>(static_cast<std::int32_t>(number)));
    case Field::Value::uint32:
      return number <= 0xffffffff;
    case Field::Value::boolean:
      return number <= 1;
    default:
      return true;
  }
}

template <class Number>
bool take_fixed(Bytes& bytes, bool may_be_zero) {
  Number number;
  if (bytes.left() < sizeof number) return false;
  std::memcpy(&number, bytes.at, sizeof number);
  bytes.at += sizeof number;
  return may_be_zero || number != 0;
}

bool take_value(Bytes& bytes, const Field& field) {
  switch (field.value) {
    case Field::Value::fixed32:
      return take_fixed<std::uint32_t>(bytes, field.may_be_zero);
    case Field::Value::fixed64:
      return take_fixed<std::uint64_t>(bytes, field.may_be_zero);
    default: {
      std::uint64_t number = 0;
      return take(bytes, number) && (number != 0 || field.may_be_zero) && fits(field.value, number);
    }
  }
}

/// What is written with its size. Nothing: it is not as it would be written.
inline std::optional<Bytes> take_sized(Bytes& bytes, bool may_be_zero) {
  std::uint64_t size = 0;
  if (!take(bytes, size) || (size == 0 && !may_be_zero) || size > bytes.left()) return std::nullopt;
  const unsigned char* begin = std::exchange(bytes.at, bytes.at + size);
  return Bytes{begin, bytes.at};
}

bool take_packed(Bytes& bytes, const Field& field) {
  auto values = take_sized(bytes, false);
  if (!values) return false;
  while (values->at != values->end)
    if (!take_value(*values, field)) return false;
  return true;
}

/// Fields come in the order of their numbers, one that is not repeated once, and of those of which one is chosen one.
bool scan(const Kind& kind, Bytes bytes) {
  std::uint64_t last = 0, chosen = 0;
  while (bytes.at != bytes.end) {
    std::uint64_t tag = 0;
    if (!take(bytes, tag) || tag >= kind.fields.size()) return false;
    const Field& field = kind.fields[tag];
    if (field.value == Field::Value::none) return false;
    if (tag <= last && (tag != last || !field.repeated || field.packed)) return false;
    last = tag;
    if (field.oneof >= 0) {
      std::uint64_t bit = std::uint64_t{1} << field.oneof;
      if (chosen & bit) return false;
      chosen |= bit;
    }
    if (field.wire != kSized) {
      if (!take_value(bytes, field)) return false;
    } else if (field.packed) {
      if (!take_packed(bytes, field)) return false;
    } else {
      auto part = take_sized(bytes, field.may_be_zero);
      if (!part || (field.message && !scan(*field.message, *part))) return false;
    }
  }
  return true;
}

}  // namespace

bool is_canonical(const Descriptor& kind, std::string_view bytes) {
  static thread_local Kinds kinds;
  static thread_local const Descriptor* known = nullptr;
  static thread_local const Kind* found = nullptr;
  if (known != &kind) {
    found = &kinds.of(kind);
    known = &kind;
  }
  const auto* begin = reinterpret_cast<const unsigned char*>(bytes.data());
  return scan(*found, {begin, begin + bytes.size()});
}

}  // namespace vtq
