// The audit in the store: records are chained as they come, and lie with the head of their chain in the commit of what they are about.
#include "storage/database.h"

namespace vtq {
namespace {

std::string encode(const AuditHead& head) {
  v1::AuditHeadRecord record;
  record.set_size(head.size);
  record.set_last(bytes_of(head.last));
  for (const Hash256& peak : head.peaks) record.add_peaks(bytes_of(peak));
  return record.SerializeAsString();
}

std::optional<AuditHead> decode(const std::string& bytes) {
  v1::AuditHeadRecord record;
  if (!record.ParseFromString(bytes)) return std::nullopt;
  AuditHead head{.size = record.size(), .last = {}, .peaks = {}};
  auto last = hash_of_bytes(record.last());
  if (!last) return std::nullopt;
  head.last = *last;
  for (const std::string& bytes_of_peak : record.peaks()) {
    auto peak = hash_of_bytes(bytes_of_peak);
    if (!peak) return std::nullopt;
    head.peaks.push_back(*peak);
  }
  return head;
}

}  // namespace

AuditHead Store::Database::audit_head(std::uint32_t partition) const {
  auto found = get(state, keys::audit_head(partition));
  if (!found) return {};
  auto stored = decode(*found);
  if (!stored)
    throw StoreError("Store: the head of the audit of partition " + std::to_string(partition) +
                     " cannot be read; restore the newest backup with `resultsctl restore`; on Kafka, remove data.directory.");
  return std::move(*stored);
}

void Store::audit(std::uint32_t partition, AuditEntry&& entry) {
  Database& database = *database_;
  AuditHead& head = database.counters[partition].audit;
  const std::string line = audit_line(entry, partition, head.size, head.last);
  const std::string key = entry.noted.centre().empty() ? "*" : entry.noted.centre();
  // Nobody has the audit decoded; or each download would make the next one slow.
  database.put_unversioned(database.state, partition, keys::audit(partition, head.size), line);
  vtq::append(head, line);
  database.put_unversioned(database.state, partition, keys::audit_head(partition), encode(head));
  if (database.options.sink)
    database.options.sink->audit(partition, key, line);
  else
    database.append(Topic::audit, partition, key, line);
}

AuditHead Store::audit_head(std::uint32_t partition) const {
  std::lock_guard lock(database_->committed_mutex);
  return database_->committed_counters.at(partition).audit;
}

std::vector<std::string> Store::audit_lines(std::uint32_t partition, std::uint64_t from, std::size_t count) const {
  std::vector<std::string> found;
  const std::string prefix = keys::audit(partition, 0).substr(0, 3);
  rocksdb::ReadOptions read;
  read.total_order_seek = true;
  std::unique_ptr<rocksdb::Iterator> at(database_->db->NewIterator(read, database_->state));
  for (at->Seek(slice(keys::audit(partition, from))); at->Valid() && at->key().starts_with(slice(prefix)) && found.size() < count; at->Next())
    found.push_back(at->value().ToString());
  database_->readable(at->status(), "reading the audit");
  return found;
}

}  // namespace vtq
