// An event that came over HTTP and is wrong in itself. It is not published; the next transaction carries it as a rejected record.
#pragma once

#include <functional>
#include <string>

#include "pipeline/base/uk_time.h"
#include "vtq/v1/output.pb.h"

namespace vtq::kafka {

struct LateRejection {
  v1::Rejected record;
  /// Called once the record is committed, with its id; empty: it could not be kept.
  std::function<void(std::string id)> done;
  TimeMs since_ms = 0;  ///< when it came, by Clock::passed_ms
};

}  // namespace vtq::kafka
