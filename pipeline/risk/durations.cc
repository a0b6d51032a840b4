#include "pipeline/risk/durations.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace vtq {
namespace {

/// Four buckets to each doubling of hours: 0 h, 1.2 h, 1.4 h, ... to about 7 years.
std::size_t bucket_of(TimeMs length_ms) {
  double hours = static_cast<double>(std::max<TimeMs>(length_ms, 0)) / static_cast<double>(kHourMs);
  auto bucket = static_cast<std::size_t>(4.0 * std::log2(hours + 1.0));
  return std::min(bucket, Durations::kBuckets - 1);
}

/// Upper edge of a bucket.
TimeMs edge_of(std::size_t bucket) {
  return static_cast<TimeMs>((std::exp2(static_cast<double>(bucket + 1) / 4.0) - 1.0) * static_cast<double>(kHourMs));
}

TimeMs quantile(const Durations::Counts& counts, std::uint64_t total, std::uint64_t percent) {
  std::uint64_t wanted = (total * percent + 99) / 100;
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < counts.size(); ++bucket) {
    seen += counts[bucket];
    if (seen >= wanted) return edge_of(bucket);
  }
  return edge_of(counts.size() - 1);
}

}  // namespace

void Durations::observe(AwardingOrganisationId awarding_organisation, TimedStep step, TimeMs length_ms) {
  Learned& learned = learned_[{awarding_organisation, step}];
  ++learned.counts[bucket_of(length_ms)];
  learned.changed = true;
  learned.to_store = true;
  observed_ = true;
}

std::vector<AwardingOrganisationId> Durations::settle() {
  std::vector<AwardingOrganisationId> moved;
  if (!std::exchange(observed_, false)) return moved;
  for (auto& [key, learned] : learned_) {
    if (!learned.changed) continue;
    Duration before = of(key.awarding_organisation, key.step);
    compute(learned);
    bool listed = std::find(moved.begin(), moved.end(), key.awarding_organisation) != moved.end();
    if (!listed && of(key.awarding_organisation, key.step) != before) moved.push_back(key.awarding_organisation);
  }
  return moved;
}

void Durations::compute(Learned& learned) const {
  std::uint64_t total = std::accumulate(learned.counts.begin(), learned.counts.end(), std::uint64_t{0});
  learned.changed = false;
  learned.enough = total >= policy_.samples_min;
  if (learned.enough) learned.duration = {quantile(learned.counts, total, 50), quantile(learned.counts, total, 90)};
}

Duration Durations::of(AwardingOrganisationId awarding_organisation, TimedStep step) const {
  auto at = learned_.find({awarding_organisation, step});
  if (at != learned_.end() && at->second.enough) return at->second.duration;
  return policy_.configured[static_cast<std::size_t>(step)];
}

void Durations::restore(const Key& key, const Counts& counts) {
  Learned& learned = learned_[key];
  learned.counts = counts;
  compute(learned);
}

}  // namespace vtq
