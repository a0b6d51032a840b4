// Whether another instance goes by this one's name. Of two that do, each fences the other when it joins; the earlier one is the first to be
// fenced twice: it ends, and the later one goes on. But an instance may also be fenced by itself: a request to join that a broken connection
// held up counts as another member's when it arrives late. So what is fenced while connections break says little: only many times in a row
// tell, as when one of several brokers is away for long. One thread.
#pragma once

#include <utility>

#include "pipeline/base/uk_time.h"

namespace vtq::kafka {

class OwnName {
 public:
  /// `window_ms`: a second fencing within so long of the first is no accident.
  explicit OwnName(TimeMs window_ms) : window_ms_(window_ms) {}

  /// The brokers fenced this instance at `now_ms`; a connection of it last broke, or could not be made, at `broke_ms`, 0: never. Whether
  /// another instance has its name.
  bool is_anothers(TimeMs now_ms, TimeMs broke_ms) {
    TimeMs before = std::exchange(fenced_ms_, now_ms);
    in_a_row_ = before != 0 && now_ms - before <= window_ms_ ? in_a_row_ + 1 : 1;
    bool maybe_by_itself = broke_ms != 0 && now_ms - broke_ms <= window_ms_;
    return in_a_row_ >= (maybe_by_itself ? kByItselfMax : 2);
  }

 private:
  static constexpr int kByItselfMax = 8;

  TimeMs window_ms_;
  int in_a_row_ = 0;
  TimeMs fenced_ms_ = 0;  // 0: never
};

}  // namespace vtq::kafka
