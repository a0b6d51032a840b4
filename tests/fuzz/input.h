// Bytes of a fuzzer, taken apart into what a target needs, and what a target says when something does not hold.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace vtq::fuzz {

/// Gives zeros and empty texts once the bytes are used up.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  bool empty() const { return rest_.empty(); }
  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    auto first = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return first;
  }
  /// 0 to `most`, which is at most 65,535.
  std::uint32_t number(std::uint32_t most) {
    std::uint32_t high = byte();
    return (high << 8 | byte()) % (most + 1);
  }
  /// At most 255 bytes, of which the first byte says how many.
  std::string_view text() {
    std::string_view found = rest_.substr(0, byte());
    rest_.remove_prefix(found.size());
    return found;
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

/// Ends the program where a property does not hold: that is what a fuzzer looks for.
inline void require(bool holds, const char* property) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", property);
  std::abort();
}

}  // namespace vtq::fuzz
