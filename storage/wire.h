// Protobuf's wire format, written straight into memory: for the record that is written most, an entry, of which filling a message first
// would cost more than writing it. It is read as a message. Pure; any thread.
#pragma once

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <cstring>
#include <string_view>

namespace vtq {

/// Fields are to be written in the order of their numbers. As Protobuf has it, a field that is zero or empty is left out.
class Wire {
 public:
  /// No field but a text takes more, with its tag. Of a message: its tag and size.
  static constexpr std::size_t kFieldMax = 16;

  /// `at` has room for all that is written.
  explicit Wire(char* at) : at_(reinterpret_cast<std::uint8_t*>(at)) {}

  char* end() const { return reinterpret_cast<char*>(at_); }

  /// uint32, uint64, bool, enum.
  void number(int field, std::uint64_t value) {
    if (value == 0) return;
    tag(field, Format::WIRETYPE_VARINT);
    at_ = Out::WriteVarint64ToArray(value, at_);
  }
  /// sint32, sint64.
  void signed_number(int field, std::int64_t value) {
    if (value != 0) number(field, Format::ZigZagEncode64(value));
  }
  /// fixed32.
  void fixed(int field, std::uint32_t value) {
    if (value == 0) return;
    tag(field, Format::WIRETYPE_FIXED32);
    at_ = Out::WriteLittleEndian32ToArray(value, at_);
  }
  /// string, bytes.
  void text(int field, std::string_view value) {
    if (value.empty()) return;
    tag(field, Format::WIRETYPE_LENGTH_DELIMITED);
    at_ = Out::WriteVarint32ToArray(static_cast<std::uint32_t>(value.size()), at_);
    std::memcpy(at_, value.data(), value.size());
    at_ += value.size();
  }
  /// A message, of which `write` writes the fields: there, even if it is empty.
  template <class Write>
  void message(int field, Write write) {
    tag(field, Format::WIRETYPE_LENGTH_DELIMITED);
    // Most sizes take one byte.
    std::uint8_t* size_at = at_++;
    std::uint8_t* begin = at_;
    write();
    auto size = static_cast<std::uint32_t>(at_ - begin);
    if (std::size_t more = Out::VarintSize32(size) - 1; more > 0) {
      std::memmove(begin + more, begin, size);
      at_ += more;
    }
    Out::WriteVarint32ToArray(size, size_at);
  }

 private:
  using Out = google::protobuf::io::CodedOutputStream;
  using Format = google::protobuf::internal::WireFormatLite;

  void tag(int field, Format::WireType type) { at_ = Out::WriteTagToArray(Format::MakeTag(field, type), at_); }

  std::uint8_t* at_;
};

}  // namespace vtq
