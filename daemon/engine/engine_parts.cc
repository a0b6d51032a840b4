#include "daemon/engine/engine_parts.h"

#include <boost/crc.hpp>

namespace vtq {
namespace {

bool heeded = false;

}  // namespace

void heed_crash_points() { heeded = true; }

bool crash_points_heeded() { return heeded; }

void keep_head(v1::Rejected& rejected, std::string_view value, std::size_t bytes) {
  boost::crc_32_type crc;
  crc.process_bytes(value.data(), value.size());
  rejected.mutable_whole()->set_bytes(bytes);
  rejected.mutable_whole()->set_value_bytes(value.size());
  rejected.mutable_whole()->set_value_crc32(crc.checksum());
  rejected.set_original(std::string(value.substr(0, kHeadBytes)));
}

v1::Rejected rejected_record(Topic topic, std::string_view original, bool json, const Rejection& why, TimeMs now) {
  v1::Rejected record;
  record.set_topic(std::string(topic_name(topic)));
  if (original.size() <= kRecordBytesMax)
    record.set_original(std::string(original));
  else
    keep_head(record, original, original.size());
  record.set_json(json);
  record.set_field(why.field);
  record.set_rule(why.rule);
  record.set_value(why.value);
  record.set_message(why.message);
  record.mutable_rejected_at()->set_seconds(now / 1000);
  record.mutable_rejected_at()->set_nanos(static_cast<int>(now % 1000) * 1'000'000);
  return record;
}

}  // namespace vtq
