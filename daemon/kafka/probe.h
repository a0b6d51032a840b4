// What the engine on Kafka tells its metrics. Includes nothing of librdkafka.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "pipeline/intake/check.h"

namespace vtq::kafka {

/// Told about what only happens on Kafka; metrics live behind it. Engine's thread.
class KafkaProbe {
 public:
  virtual ~KafkaProbe() = default;
  virtual void transaction(std::string_view outcome, double seconds) = 0;  ///< committed, aborted, lost
  virtual void fenced() = 0;                                               ///< the generation check refused to commit, or the brokers did
  virtual void rebalance() = 0;
  virtual void routed(Topic topic) = 0;
};

/// What of an input topic's partition is still to be done.
struct StreamLag {
  Topic topic{};
  std::uint32_t partition = 0;
  std::int64_t records = 0;    ///< that can be read or are being committed; markers of transactions are none, once the end was seen
  TimeMs behind_since_ms = 0;  ///< 0: there are none
  /// Records that cannot be read, for a transaction before them is open: of a publisher that hangs, where it stays so.
  std::int64_t held_records = 0;
  TimeMs held_since_ms = 0;  ///< 0: there are none
};

/// For gauges; any thread.
struct KafkaState {
  bool joined = false;
  std::vector<StreamLag> lags;  ///< one for each input topic of the partitions that this instance works on
  std::uint32_t owned = 0, restoring = 0, following = 0, halted = 0;
  std::int64_t records_to_restore = 0;
  std::uint64_t records_restored = 0;
  std::size_t topic_problems = 0;  ///< what `resultsctl topics check` finds, as of the last look
};

}  // namespace vtq::kafka
