#include "daemon/kafka/crash_points.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "daemon/engine/engine_parts.h"

namespace vtq::kafka {
namespace {

struct Asked {
  TransactionPoint point{};
  std::uint64_t left = 0;
  std::uint64_t wait_ms = 0;
};

std::optional<Asked> asked_for(const char* variable) {
  const char* text = std::getenv(variable);
  if (!text || !crash_points_heeded()) return std::nullopt;
  std::string_view all = text;
  std::string_view name = all.substr(0, all.find(':'));
  Asked asked;
  if (name == "before_apply")
    asked.point = TransactionPoint::before_apply;
  else if (name == "before_offsets")
    asked.point = TransactionPoint::before_offsets;
  else if (name == "before_end")
    asked.point = TransactionPoint::before_end;
  else if (name == "after_end")
    asked.point = TransactionPoint::after_end;
  else
    return std::nullopt;
  char* end = nullptr;
  asked.left = std::strtoull(text + std::min(all.size(), name.size() + 1), &end, 10);
  if (*end == ':') asked.wait_ms = std::strtoull(end + 1, nullptr, 10);
  return asked;
}

}  // namespace

void pass_crash_point(TransactionPoint point) {
  static std::optional<Asked> crash = asked_for("RESULTSD_CRASH_AT");
  static std::optional<Asked> stop = asked_for("RESULTSD_STOP_AT");
  if (crash && crash->point == point && crash->left > 0 && --crash->left == 0) ::raise(SIGKILL);
  if (!stop || stop->point != point || stop->left == 0 || --stop->left != 0) return;
  ::kill(::getpid(), SIGSTOP);
  // Once continued, the other threads get this long to find out what they missed: the test says how long, for no event tells that they have.
  ::usleep(static_cast<useconds_t>(stop->wait_ms * 1000));
}

}  // namespace vtq::kafka
