#include "storage/log_chunk.h"

#include <google/protobuf/io/coded_stream.h>

namespace vtq {
namespace {

using google::protobuf::io::CodedOutputStream;

void append_varint(std::string& out, std::uint64_t value) {
  std::uint8_t bytes[10];
  std::uint8_t* end = CodedOutputStream::WriteVarint64ToArray(value, bytes);
  out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(end - bytes));
}

std::size_t sized(std::size_t bytes) { return 1 + CodedOutputStream::VarintSize64(bytes) + bytes; }

// Tags of v1::LogChunk and v1::LogRecord.
constexpr char kAppendedMs = 0x08;
constexpr char kRecords = 0x12;
constexpr char kKey = 0x0a;
constexpr char kValue = 0x12;

}  // namespace

void LogChunkBuilder::open_record(std::string_view key, std::size_t value_bytes) {
  body_ += kRecords;
  append_varint(body_, sized(key.size()) + sized(value_bytes));
  body_ += kKey;
  append_varint(body_, key.size());
  body_ += key;
  body_ += kValue;
  append_varint(body_, value_bytes);
  ++records_;
}

void LogChunkBuilder::add(std::string_view key, std::string_view value) {
  open_record(key, value.size());
  body_ += value;
}

void LogChunkBuilder::add(std::string_view key, const google::protobuf::MessageLite& value) {
  std::size_t bytes = value.ByteSizeLong();
  open_record(key, bytes);
  std::size_t from = body_.size();
  body_.resize(from + bytes);
  value.SerializeWithCachedSizesToArray(reinterpret_cast<std::uint8_t*>(body_.data() + from));
}

void LogChunkBuilder::take(TimeMs appended_ms, std::string& out) {
  out.clear();
  out += kAppendedMs;
  append_varint(out, static_cast<std::uint64_t>(appended_ms) << 1);  // sint64, never negative
  out += body_;
  body_.clear();
  records_ = 0;
}

}  // namespace vtq
