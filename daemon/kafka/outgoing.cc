#include "daemon/kafka/outgoing.h"

#include <cstdlib>
#include <memory>

#include "daemon/kafka/record.h"

namespace vtq::kafka {

void Outgoing::add(Part& part, Destination to, std::uint32_t partition, std::optional<std::string_view> key, std::optional<std::string_view> value,
                   rd_kafka_headers_t* headers) {
  Record& record = part.records.emplace_back();
  record.to = to;
  record.partition = partition;
  record.at = part.bytes.size();
  record.has_key = key.has_value();
  record.has_value = value.has_value();
  record.key_size = static_cast<std::uint32_t>(key.value_or("").size());
  record.value_size = static_cast<std::uint32_t>(value.value_or("").size());
  record.headers.reset(headers);
  part.bytes += key.value_or("");
  part.bytes += value.value_or("");
}

void Outgoing::add(Part& part, Destination to, std::uint32_t partition, std::string_view key, const google::protobuf::MessageLite& value) {
  add(part, to, partition, key, "");
  Record& record = part.records.back();
  if (!value.AppendToString(&part.bytes)) std::abort();
  record.value_size = static_cast<std::uint32_t>(part.bytes.size() - record.at - record.key_size);
}

void Outgoing::output(Topic topic, std::uint32_t partition, CentreId centre, const google::protobuf::MessageLite& message) {
  add(part(partition), destination(topic), partition, vtq::text_of(centre), message);
  touch(partition);
}

void Outgoing::rejected(std::uint32_t partition, const v1::Rejected& record) {
  rd_kafka_headers_t* headers = rd_kafka_headers_new(16);
  for (const auto& [name, value] : rejected_headers(record))
    rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), value.data(), static_cast<ssize_t>(value.size()));
  const v1::RecordOrigin& origin = record.origin();
  std::optional<std::string_view> key;
  if (origin.has_key()) key = origin.key();
  add(part(partition), destination(Topic::rejected), partition, key, rejected_value(record), headers);
  touch(partition);
}

void Outgoing::audit(std::uint32_t partition, std::string_view key, std::string_view line) {
  add(part(partition), destination(Topic::audit), partition, key, line);
  touch(partition);
}

void Outgoing::change(std::uint32_t partition, std::string_view key, std::optional<std::string_view> value) {
  add(part(partition), Destination::changelog, partition, key, value);
  touch(partition);
}

void Outgoing::commit_record(std::uint32_t partition, const v1::CommitRecord& record) {
  add(part(partition), Destination::changelog, partition, kCommitKey, record);
}

void Outgoing::route(Topic topic, std::uint32_t partition, std::string_view key, const rd_kafka_message_t& record,
                     std::optional<std::string_view> rewritten) {
  rd_kafka_headers_t* held = nullptr;
  rd_kafka_headers_t* headers =
      rd_kafka_message_headers(&record, &held) == RD_KAFKA_RESP_ERR_NO_ERROR ? rd_kafka_headers_copy(held) : rd_kafka_headers_new(1);
  rd_kafka_header_add(headers, kRoutedHeader.data(), static_cast<ssize_t>(kRoutedHeader.size()), "1", 1);
  std::string_view value(static_cast<const char*>(record.payload), record.len);
  if (rewritten) {
    constexpr std::string_view kName = "content-type", kType = "application/protobuf";
    rd_kafka_header_remove(headers, kName.data());
    rd_kafka_header_add(headers, kName.data(), static_cast<ssize_t>(kName.size()), kType.data(), static_cast<ssize_t>(kType.size()));
  }
  add(part(partition), destination(topic), partition, key, rewritten.value_or(value), headers);
}

void Outgoing::reference(std::string_view key, std::string_view event, std::string_view by) {
  rd_kafka_headers_t* headers = nullptr;
  if (!by.empty()) {
    headers = rd_kafka_headers_new(1);
    rd_kafka_header_add(headers, kByHeader.data(), static_cast<ssize_t>(kByHeader.size()), by.data(), static_cast<ssize_t>(by.size()));
  }
  add(parts_.front(), destination(Topic::reference), 0, key, event, headers);
}

void Outgoing::instance(std::string_view name, std::string_view record) { add(parts_.front(), Destination::instances, 0, name, record); }

void Outgoing::clear() {
  for (Part& part : parts_) {
    part.bytes.clear();
    part.records.clear();
  }
  std::fill(touched_.begin(), touched_.end(), false);
}

}  // namespace vtq::kafka
