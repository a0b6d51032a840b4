// Repairs what resultsd will not decide by itself: positions in the input topics that no longer fit them, changelogs that lost what a store still
// has, topics with different numbers of partitions. `look` changes nothing; `apply` does what it found. Both block; one thread.
//
// A position is repaired in one transaction: the commit record in the changelog and the group's offsets. A running instance takes a repaired
// partition up again by itself. A changelog is built again from the store in data.directory, which no running instance may hold.
// Knows nothing of librdkafka's API in its header, so that resultsctl can include it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace vtq {
struct Settings;
}

namespace vtq::kafka {

/// One thing that is wrong, and what becomes of it.
struct Repair {
  std::string topic;
  std::optional<std::uint32_t> partition;  ///< nothing: all of the topic's
  std::string wrong;
  std::string remedy;  ///< what `apply` does; empty: it cannot be repaired here, and `wrong` says what to do
  std::string lost;    ///< what is lost, and how to bring it back; empty: nothing
};

class TopicRepair {
 public:
  explicit TopicRepair(const Settings& settings);
  ~TopicRepair();

  /// What is wrong. Throws KafkaError and StoreError.
  const std::vector<Repair>& look();
  /// What could not be looked at, and why.
  const std::vector<std::string>& notes() const;
  /// Does what `look` found. Throws KafkaError, also while an instance works on what is to be repaired, and StoreError.
  void apply();

 private:
  struct Work;
  std::unique_ptr<Work> work_;
};

}  // namespace vtq::kafka
