#include "daemon/reads/reads.h"

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

Partition& partition_of(Pipeline& pipeline, CentreId centre) {
  std::uint32_t partition = pipeline.partition_of(centre);
  if (!pipeline.owns(partition)) throw PartitionMoving("Partition " + std::to_string(partition) + " has just left this instance.");
  return pipeline.partition(partition);
}

std::pair<std::string, std::string> link_to_next(const HttpRequest& request, std::string_view name, std::string_view after) {
  std::string target = request.path + "?";
  for (const auto& [key, value] : request.query)
    if (key != name) target += percent_encode(key) + "=" + percent_encode(value) + "&";
  target += std::string(name) + "=" + percent_encode(after);
  return {"Link", "<" + target + ">; rel=\"next\""};
}

HttpReply page_reply(const HttpRequest& request, const PagePart& page, const PageShape& shape) {
  std::string next = page.next();
  const std::size_t bytes_max = ReadBounds::current().reply_bytes_max;
  std::string body = shape.lines ? "" : "{\"" + std::string(shape.member) + "\":[";
  for (const PagePart::Item& item : page.items) {
    if (!shape.lines && &item != page.items.data()) body += ',';
    body += item.text;
    if (shape.lines) body += '\n';
    if (body.size() < bytes_max || &item == &page.items.back()) continue;
    next = item.key;
    break;
  }
  if (!shape.lines) body += "],\"next\":" + (next.empty() ? "null" : json_string(next)) + std::string(shape.more) + "}\n";
  HttpReply reply{200, std::string(shape.lines ? kJsonLines : "application/json"), std::move(body)};
  if (!next.empty()) reply.headers.push_back(link_to_next(request, shape.name, next));
  return reply;
}

HttpReply not_found(std::string detail, std::string field, std::string rule, std::string value) {
  return reply_with({404, "Not found", std::move(detail), std::move(field), std::move(rule), std::move(value)});
}

}  // namespace vtq
