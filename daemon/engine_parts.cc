#include "daemon/engine_parts.h"

namespace vtq {

v1::Rejected rejected_record(Topic topic, std::string_view original, bool json, const Rejection& why, TimeMs now) {
  v1::Rejected record;
  record.set_topic(std::string(topic_name(topic)));
  record.set_original(std::string(original));
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
