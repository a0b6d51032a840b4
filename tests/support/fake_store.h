// Stand-ins for the pipeline's ports, by hand: a store in memory that keeps records as the real one encodes them, and outputs kept in
// the order they came.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "pipeline/run/ports.h"
#include "storage/keys.h"
#include "storage/records.h"

namespace vtq::test {

class FakeStore final : public StateStore, public StateWriter {
 public:
  /// Everything stored, as bytes: two stores hold the same state exactly when these are equal.
  const std::map<std::string, std::string>& records() const { return records_; }

  void put_time(std::uint32_t partition, TimeMs time) override { records_[keys::time(partition)] = keys::u64(static_cast<std::uint64_t>(time)); }
  void put_durations(std::uint32_t partition, const Durations::Key& key, const Durations::Counts& counts) override {
    records::encode(key, counts, records_[keys::durations(partition, key)]);
  }
  void put_summary(std::uint32_t partition, CentreId centre, const CentreSummary& summary) override {
    records::encode(summary, records_[keys::summary(partition, centre)]);
  }
  void put_slot(std::uint32_t partition, CentreId centre, std::string_view slot, const Stamp& stamp, std::string_view event) override {
    records::encode(stamp, event, records_[keys::slots(partition, centre) + std::string(slot)]);
  }
  void put_entry(std::uint32_t partition, CentreId centre, const Entry& entry) override {
    std::string key;
    keys::entry(partition, centre, entry.key, key);
    records::encode(entry, records_[key]);
  }
  void put_waiting(std::uint32_t partition, CentreId centre, const WaitingRecord& record) override {
    records::encode(record, records_[keys::waiting(partition, centre, record.key)]);
  }
  void erase_waiting(std::uint32_t partition, CentreId centre, const WaitingKey& key) override {
    records_.erase(keys::waiting(partition, centre, key));
  }
  void put_reference(std::string_view slot, const Stamp& stamp, std::string_view event) override {
    records::encode(stamp, event, records_[keys::reference(slot)]);
  }

  TimeMs time(std::uint32_t partition) override {
    auto at = records_.find(keys::time(partition));
    return at == records_.end() ? 0 : static_cast<TimeMs>(keys::last_u64(at->second));
  }
  void each_durations(std::uint32_t partition, const std::function<void(const Durations::Key&, const Durations::Counts&)>& take) override {
    scan(keys::durations(partition), [&](std::string_view, std::string_view value) {
      auto [key, counts] = records::decode_durations(value);
      take(key, counts);
    });
  }
  void each_summary(std::uint32_t partition, const std::function<void(CentreId, CentreSummary&&)>& take) override {
    scan(keys::summaries(partition),
         [&](std::string_view key, std::string_view value) { take(keys::summary_centre(key), records::decode_summary(value)); });
  }
  void each_slot(std::uint32_t partition, CentreId centre,
                 const std::function<void(std::string_view, const Stamp&, std::string_view)>& take) override {
    std::string prefix = keys::slots(partition, centre);
    scan(prefix, [&](std::string_view key, std::string_view value) {
      auto [stamp, event] = records::decode_slot(value);
      take(key.substr(prefix.size()), stamp, event);
    });
  }
  void each_entry(std::uint32_t partition, CentreId centre, const std::function<void(Entry&&)>& take) override {
    scan(keys::entries(partition, centre), [&](std::string_view key, std::string_view value) {
      Entry entry;
      entry.key = keys::entry_key(key);
      records::decode(value, scratch_, entry);
      take(std::move(entry));
    });
  }
  void each_waiting(std::uint32_t partition, CentreId centre, const std::function<void(WaitingRecord&&)>& take) override {
    scan(keys::waiting(partition, centre), [&](std::string_view, std::string_view value) { take(records::decode_waiting(value)); });
  }
  void each_reference(const std::function<void(std::string_view, const Stamp&, std::string_view)>& take) override {
    scan(keys::kReference, [&](std::string_view key, std::string_view value) {
      auto [stamp, event] = records::decode_slot(value);
      take(key.substr(1), stamp, event);
    });
  }

 private:
  template <class Take>
  void scan(std::string_view prefix, Take&& take) {
    for (auto at = records_.lower_bound(std::string(prefix)); at != records_.end() && at->first.starts_with(prefix); ++at)
      take(at->first, at->second);
  }

  std::map<std::string, std::string> records_;
  v1::EntryRecord scratch_;
};

struct KeptOutputs final : Outputs {
  std::vector<v1::EntryStatus> statuses;
  std::vector<v1::ResultBatch> batches;
  std::vector<v1::Notification> notifications;
  std::vector<v1::Rejected> rejections;
  std::vector<std::pair<std::uint32_t, AuditEntry>> audited;  ///< with the partition of each

  void entry_status(std::uint32_t, CentreId, const v1::EntryStatus& status) override { statuses.push_back(status); }
  void result_batch(std::uint32_t, CentreId, const v1::ResultBatch& batch) override { batches.push_back(batch); }
  void notification(std::uint32_t, CentreId, const v1::Notification& one) override { notifications.push_back(one); }
  std::string rejected(std::uint32_t, v1::Rejected&& one) override {
    rejections.push_back(std::move(one));
    return std::to_string(rejections.size());
  }
  void audit(std::uint32_t partition, AuditEntry&& entry) override { audited.emplace_back(partition, std::move(entry)); }
};

}  // namespace vtq::test
