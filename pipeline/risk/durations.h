// How long steps usually take, learned online per awarding organisation as quantiles over logarithmic buckets. Counting is
// commutative, so the order in which results come in does not matter. The thread of their partition only.
#pragma once

#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <utility>
#include <vector>

#include "pipeline/base/identifiers.h"
#include "pipeline/base/uk_time.h"

namespace vtq {

/// Steps whose length is learned.
enum class TimedStep : std::uint8_t { evidence, claim, assurance, result };
constexpr std::size_t kTimedSteps = 4;

/// `usual`: half take at most this long. `slow`: nine of ten do.
struct Duration {
  TimeMs usual_ms = 0;
  TimeMs slow_ms = 0;

  bool operator==(const Duration&) const = default;
};

/// What holds until enough was seen. Days are 24 hours.
struct DurationPolicy {
  std::array<Duration, kTimedSteps> configured{{{5 * kDayMs, 14 * kDayMs},    // between two records of evidence
                                                {4 * kDayMs, 14 * kDayMs},    // evidence complete to claim
                                                {7 * kDayMs, 21 * kDayMs},    // claim to assured
                                                {3 * kDayMs, 10 * kDayMs}}};  // assured to result
  std::uint32_t samples_min = 200;
  /// Outstanding units are recorded together more often than one by one: count at most this many gaps.
  std::uint32_t evidence_gaps_max = 3;
};

class Durations {
 public:
  static constexpr std::size_t kBuckets = 64;
  using Counts = std::array<std::uint32_t, kBuckets>;
  struct Key {
    AwardingOrganisationId awarding_organisation{};
    TimedStep step{};
    bool operator==(const Key&) const = default;
    friend std::size_t hash_value(const Key& key) {
      return (number(key.awarding_organisation) * 4u + static_cast<std::size_t>(key.step)) * 0x9e3779b97f4a7c15ULL >> 11;
    }
  };

  explicit Durations(const DurationPolicy& policy) : policy_(policy) {}

  /// Takes effect with the next `settle`. Negative lengths count as 0.
  void observe(AwardingOrganisationId awarding_organisation, TimedStep step, TimeMs length_ms);
  /// Lets what was observed count. Those of whose steps any now takes another time than before, each once.
  std::vector<AwardingOrganisationId> settle();
  Duration of(AwardingOrganisationId awarding_organisation, TimedStep step) const;
  const DurationPolicy& policy() const { return policy_; }

  struct Learned {
    Counts counts{};
    Duration duration;
    bool enough = false;
    bool changed = false;   ///< counts not settled yet
    bool to_store = false;  ///< counts not written yet
  };
  const boost::unordered_flat_map<Key, Learned>& all() const { return learned_; }
  /// Hands every set of counts that changed since the last call to `write`.
  template <class Write>
  void write_changed(Write&& write) {
    for (auto& [key, learned] : learned_) {
      if (std::exchange(learned.to_store, false)) write(key, learned.counts);
    }
  }
  void restore(const Key& key, const Counts& counts);

 private:
  void compute(Learned& learned) const;

  DurationPolicy policy_;
  boost::unordered_flat_map<Key, Learned> learned_;
  bool observed_ = false;
};

}  // namespace vtq
