#include "pipeline/rules/sampling.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <tuple>

namespace vtq {
namespace {

/// SplitMix64: small, and the same everywhere, which the standard library's distributions are not.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  /// 0 to `below` - 1, each as likely.
  std::size_t below(std::size_t below) {
    std::uint64_t most = UINT64_MAX - UINT64_MAX % below;
    std::uint64_t drawn = next();
    while (drawn >= most) drawn = next();
    return static_cast<std::size_t>(drawn % below);
  }

 private:
  std::uint64_t state_;
};

std::string reason_of(const std::vector<std::string>& fresh) {
  if (fresh.empty()) return "drawn at random";
  std::string text = "first of ";
  for (const std::string& trait : fresh) text += (&trait == fresh.data() ? "" : "; ") + trait;
  return text;
}

}  // namespace

std::size_t sample_size(std::size_t learners, std::uint32_t learners_min, std::uint32_t percent) {
  std::size_t share = (learners * percent + 99) / 100;
  return std::min(learners, std::max<std::size_t>(learners_min, share));
}

std::vector<Sampled> draw_sample(std::vector<Candidate> candidates, std::size_t size, std::uint64_t seed) {
  std::sort(candidates.begin(), candidates.end(),
            [](const Candidate& a, const Candidate& b) { return std::tie(a.series, a.learner) < std::tie(b.series, b.learner); });
  // A shuffle decides between equals, and fills up.
  std::vector<std::size_t> left(candidates.size());
  std::iota(left.begin(), left.end(), std::size_t{0});
  Random random(seed);
  for (std::size_t at = left.size(); at > 1; --at) std::swap(left[at - 1], left[random.below(at)]);

  std::set<std::string> covered;
  auto fresh_of = [&](const Candidate& candidate) {
    std::vector<std::string> fresh;
    for (const std::string& trait : candidate.traits)
      if (!covered.contains(trait)) fresh.push_back(trait);
    return fresh;
  };
  std::vector<std::pair<std::size_t, std::string>> drawn;
  bool spread = true;  // as long as somebody brings something new
  while (drawn.size() < std::min(size, candidates.size())) {
    std::size_t best = 0;
    std::vector<std::string> fresh;
    for (std::size_t at = 0; spread && at < left.size(); ++at) {
      std::vector<std::string> brings = fresh_of(candidates[left[at]]);
      if (brings.size() > fresh.size()) best = at, fresh = std::move(brings);
    }
    spread = !fresh.empty();
    covered.insert(fresh.begin(), fresh.end());
    drawn.emplace_back(left[best], reason_of(fresh));
    left.erase(left.begin() + static_cast<std::ptrdiff_t>(best));
  }
  std::sort(drawn.begin(), drawn.end());
  std::vector<Sampled> sample;
  for (auto& [index, reason] : drawn) sample.push_back({candidates[index].series, candidates[index].learner, std::move(reason)});
  return sample;
}

}  // namespace vtq
