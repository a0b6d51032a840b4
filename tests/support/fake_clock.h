// A wall clock that stands still until the test moves it. Any thread.
#pragma once

#include <atomic>

#include "daemon/engine/engine.h"

namespace vtq::test {

class FakeClock final : public Clock {
 public:
  explicit FakeClock(TimeMs now) : now_(now) {}
  TimeMs now() const override { return now_; }
  void set(TimeMs now) { now_ = now; }

 private:
  std::atomic<TimeMs> now_;
};

}  // namespace vtq::test
