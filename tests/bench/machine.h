// What a run cost this process: wall and processor time, and memory at its peak.
#pragma once

#include <sys/resource.h>
#include <time.h>

#include <chrono>
#include <cstdint>

namespace vtq::bench {

struct Usage {
  double wall_seconds = 0;
  double cpu_seconds = 0;  ///< user and system, all threads

  static Usage now() {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    auto seconds = [](const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; };
    auto wall = std::chrono::steady_clock::now().time_since_epoch();
    return {std::chrono::duration<double>(wall).count(), seconds(used.ru_utime) + seconds(used.ru_stime)};
  }
  friend Usage operator-(const Usage& a, const Usage& b) { return {a.wall_seconds - b.wall_seconds, a.cpu_seconds - b.cpu_seconds}; }
};

/// Processor time of the calling thread since it began.
inline double thread_cpu_seconds() {
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

inline std::uint64_t peak_memory_bytes() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return static_cast<std::uint64_t>(used.ru_maxrss) * 1024;
}

}  // namespace vtq::bench
