// The sample for a monitoring visit: how many learners, which, and why each (Qualifi CASS strategy: the larger of 10 learners or 20 %,
// across assessors, assessment methods, cohorts and components). Reproducible: the same seed and learners give the same sample,
// whatever order the learners are held in and on whatever machine. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vtq {

/// A learner who may be sampled. Traits are what the sample is to be spread over, in words: `assessor A-17`, `observation`,
/// `cohort 2022-A`, `unit U1`; each once.
struct Candidate {
  std::string series;
  std::string learner;
  std::vector<std::string> traits;
};

struct Sampled {
  std::string series;
  std::string learner;
  /// `first of assessor A-17; observation`, or `drawn at random`.
  std::string reason;

  bool operator==(const Sampled&) const = default;
};

/// The larger of `learners_min` and `percent` of `learners`, rounded up; never more than there are.
std::size_t sample_size(std::size_t learners, std::uint32_t learners_min, std::uint32_t percent);

/// Draws `size` of the candidates: while some trait has nobody, the one who brings most that are new; then at random. In the order of
/// their series and registration numbers.
std::vector<Sampled> draw_sample(std::vector<Candidate> candidates, std::size_t size, std::uint64_t seed);

}  // namespace vtq
