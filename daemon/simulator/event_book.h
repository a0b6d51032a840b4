// Holds a season's events, serialised, until they are written in order of arrival. About 110 bytes per event, in
// memory.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "daemon/simulator/dates.h"
#include "vtq/v1/event.pb.h"

namespace vtq::simulator {

class EventBook {
 public:
  // Arrives at `arrival`, and once more, the same bytes, at `again` when that is not 0.
  void add(const v1::Event& event, Millis arrival, Millis again = 0);
  std::uint64_t size() const { return arrivals_.size(); }

  struct Written {
    std::uint64_t events = 0, bytes = 0;
  };
  // In order of arrival, events of one arrival in the order they were added; those after `until` are left out. `last`
  // goes at the end. Format by extension, `.jsonl` or `.pb`. Throws std::runtime_error when the file cannot be written.
  Written write(const std::filesystem::path& path, std::optional<Millis> until, const v1::Event& last,
                const std::function<void(std::uint64_t)>& written);

 private:
  struct Arrival {
    Millis at;
    std::uint64_t position;
    std::uint32_t bytes;
  };
  const char* at(std::uint64_t position) const;

  std::vector<std::unique_ptr<char[]>> chunks_;
  std::uint64_t end_ = 0;
  std::vector<Arrival> arrivals_;
};

// Throws std::runtime_error unless the extension is one of the two.
void check_events_path(const std::filesystem::path& path);

}  // namespace vtq::simulator
