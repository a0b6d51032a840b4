#include "pipeline/run/rejected.h"

#include "pipeline/status/output_fields.h"

namespace vtq {

Verdict reject(WaitingRecord&& record, std::uint32_t partition, TimeMs now, Outputs& outputs) {
  v1::Rejected rejected;
  rejected.set_topic(std::string(topic_name(record.topic)));
  rejected.set_original(std::move(record.event));
  rejected.set_field(record.why.field);
  rejected.set_rule(record.why.rule);
  rejected.set_value(record.why.value);
  rejected.set_message(record.why.message);
  set_time(rejected.mutable_rejected_at(), now);
  // Without its origin the record is still rejected, and kept.
  if (!record.origin.empty() && !rejected.mutable_origin()->ParseFromString(record.origin)) rejected.clear_origin();
  std::string id = outputs.rejected(partition, std::move(rejected));
  return {Verdict::Kind::rejected, std::move(record.why), 0, std::move(id)};
}

}  // namespace vtq
