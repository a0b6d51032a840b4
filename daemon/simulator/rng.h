// Random numbers that are the same on every platform: xoshiro256** seeded by splitmix64, and the few distributions that
// a season needs. Not for cryptography. One thread per object.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <vector>

namespace vtq::simulator {

inline std::uint64_t splitmix(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

class Rng {
 public:
  // Streams of one seed are independent of each other.
  Rng(std::uint64_t seed, std::uint64_t stream) {
    std::uint64_t state = seed * 0x2545f4914f6cdd1dULL + stream;
    for (auto& word : state_) word = splitmix(state);
  }

  std::uint64_t next() {
    const std::uint64_t result = rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = rotl(state_[3], 45);
    return result;
  }

  // In [0, 1).
  double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  // In [0, n); 0 when n is 0.
  std::uint64_t below(std::uint64_t n) { return n == 0 ? 0 : static_cast<std::uint64_t>(unit() * static_cast<double>(n)); }
  // In [low, high].
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low + 1)));
  }
  bool chance(double probability) { return unit() < probability; }
  double exponential(double mean) { return -mean * std::log(1.0 - unit()); }
  double normal() {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - unit()));
    return radius * std::cos(2.0 * std::numbers::pi * unit());
  }
  double lognormal(double median, double sigma) { return median * std::exp(sigma * normal()); }

  template <class Container>
  const auto& pick(const Container& from) {
    return from[below(std::size(from))];
  }
  template <class T>
  void shuffle(std::vector<T>& items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }

 private:
  static std::uint64_t rotl(std::uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }
  std::uint64_t state_[4];
};

// Draws indices in proportion to weights.
class WeightedPick {
 public:
  void add(double weight) { sums_.push_back((sums_.empty() ? 0 : sums_.back()) + weight); }
  bool empty() const { return sums_.empty() || sums_.back() <= 0; }
  std::size_t draw(Rng& rng) const {
    const double at = rng.unit() * sums_.back();
    std::size_t low = 0, high = sums_.size() - 1;
    while (low < high) {
      const std::size_t middle = (low + high) / 2;
      if (sums_[middle] > at)
        high = middle;
      else
        low = middle + 1;
    }
    return low;
  }

 private:
  std::vector<double> sums_;
};

}  // namespace vtq::simulator
