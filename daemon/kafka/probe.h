// What the engine on Kafka tells its metrics. Includes nothing of librdkafka.
#pragma once

#include <cstdint>
#include <string_view>

#include "pipeline/check.h"

namespace vtq::kafka {

/// Told about what only happens on Kafka; metrics live behind it. Engine's thread.
class KafkaProbe {
 public:
  virtual ~KafkaProbe() = default;
  virtual void transaction(std::string_view outcome, double seconds) = 0;  ///< committed, aborted, lost
  virtual void fenced() = 0;      ///< the generation check refused to commit, or the brokers did
  virtual void rebalance() = 0;
  virtual void routed(Topic topic) = 0;
};

/// For gauges; any thread.
struct KafkaState {
  bool joined = false;
  std::int64_t lag = 0;  ///< records
  std::uint32_t owned = 0, restoring = 0, following = 0;
  std::int64_t records_to_restore = 0;
  std::uint64_t records_restored = 0;
};

}  // namespace vtq::kafka
