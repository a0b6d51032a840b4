#include "daemon/reads.h"

#include <google/protobuf/util/json_util.h>

namespace vtq {

std::string json_of(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(message, &text, options).ok()) std::abort();  // our own messages always have a mapping
  return text;
}

TimeMs time_of(const google::protobuf::Timestamp& at) { return at.seconds() * 1000 + at.nanos() / 1'000'000; }

bool wants_lines(const HttpRequest& request) {
  return request.accept.find(kJsonLines) != std::string::npos || request.accept.find("application/jsonl") != std::string::npos;
}

std::pair<std::string, std::string> link_to_next(const HttpRequest& request, std::string_view name, std::string_view after) {
  std::string target = request.path + "?";
  for (const auto& [key, value] : request.query)
    if (key != name) target += percent_encode(key) + "=" + percent_encode(value) + "&";
  target += std::string(name) + "=" + percent_encode(after);
  return {"Link", "<" + target + ">; rel=\"next\""};
}

HttpReply not_found(std::string detail, std::string field, std::string rule, std::string value) {
  return reply_with({404, "Not found", std::move(detail), std::move(field), std::move(rule), std::move(value)});
}

}  // namespace vtq
