// Events one after another, each behind its length in two bytes: whatever passes the check is taken by a pipeline that knows the reference
// data of the tests, and the pipeline can start again from what it stored.
#include "pipeline/intake/check.h"
#include "tests/fuzz/input.h"
#include "tests/support/season.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vtq;
  test::StartedSeason season;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  std::vector<v1::Event> events;
  while (rest.size() > 2 && events.size() < 50) {
    auto length = static_cast<std::size_t>(static_cast<unsigned char>(rest[0])) << 8 | static_cast<unsigned char>(rest[1]);
    std::string_view bytes = rest.substr(2, length);
    rest.remove_prefix(2 + bytes.size());
    v1::Event event;
    if (event.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) && check(event)) events.push_back(std::move(event));
  }
  for (std::size_t at = 0; at < events.size(); at += 5) {
    std::vector<v1::Event> window(events.begin() + static_cast<std::ptrdiff_t>(at),
                                  events.begin() + static_cast<std::ptrdiff_t>(std::min(at + 5, events.size())));
    season.play(std::move(window), test::local("2023-06-01T09:00") + static_cast<TimeMs>(at) * kDayMs);
  }
  season.time_passes(test::local("2023-09-01T09:00"));
  auto stored = season.store.records();
  Pipeline again(season.policy, season.source, season.pipeline->partitions(), season.store, season.outputs);
  again.restore();
  again.write(season.store);
  fuzz::require(season.store.records() == stored, "a pipeline that starts again changes nothing");
  return 0;
}
