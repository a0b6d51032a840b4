#include "pipeline/run/rejected.h"

#include "pipeline/status/output_fields.h"

namespace vtq {

Verdict reject(Parked&& parked, std::uint32_t partition, TimeMs now, Outputs& outputs) {
  v1::Rejected rejected;
  rejected.set_topic(std::string(topic_name(parked.topic)));
  rejected.set_original(std::move(parked.event));
  rejected.set_field(parked.why.field);
  rejected.set_rule(parked.why.rule);
  rejected.set_value(parked.why.value);
  rejected.set_message(parked.why.message);
  set_time(rejected.mutable_rejected_at(), now);
  // Without its origin the record is still rejected, and kept.
  if (!parked.origin.empty() && !rejected.mutable_origin()->ParseFromString(parked.origin)) rejected.clear_origin();
  std::string id = outputs.rejected(partition, std::move(rejected));
  return {Verdict::Kind::rejected, std::move(parked.why), 0, std::move(id)};
}

}  // namespace vtq
