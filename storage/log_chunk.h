// A run of records of one partition of a topic, appended in one commit and stored as one value: a v1::LogChunk, put together
// without a message object in between. Not thread-safe.
#pragma once

#include <google/protobuf/message_lite.h>

#include <string>
#include <string_view>

#include "pipeline/base/uk_time.h"

namespace vtq {

class LogChunkBuilder {
 public:
  void add(std::string_view key, std::string_view value);
  void add(std::string_view key, const google::protobuf::MessageLite& value);
  bool empty() const { return records_ == 0; }
  std::size_t records() const { return records_; }
  /// The chunk; the builder is empty afterwards and keeps its memory.
  void take(TimeMs appended_ms, std::string& out);

 private:
  void open_record(std::string_view key, std::size_t value_bytes);

  std::string body_;
  std::size_t records_ = 0;
};

}  // namespace vtq
