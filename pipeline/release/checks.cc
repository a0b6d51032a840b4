#include "pipeline/release/checks.h"

#include <algorithm>
#include <cmath>

namespace vtq {
namespace {

std::uint32_t total(const GradeCounts& counts) {
  std::uint32_t sum = 0;
  for (const auto& [grade, count] : counts) sum += count;
  return sum;
}

bool too_much_missing(const ReleaseCounts& counts, const ReleaseTerms& terms) {
  if (!terms.missing_percent_max || counts.expected == 0) return false;
  return std::uint64_t{counts.missing} * 100 > std::uint64_t{counts.expected} * *terms.missing_percent_max;
}

bool outside_of_shares(const ReleaseCounts& counts, const ReleaseTerms& terms, const PlannedRelease& plan) {
  return std::any_of(plan.shares.begin(), plan.shares.end(), [&](const GradeShare& share) {
    auto found = counts.grades.find(share.qualification);
    if (found == counts.grades.end()) return false;
    const GradeCounts& grades = found->second;
    std::uint64_t all = total(grades);
    if (all < terms.grade_results_min) return false;
    auto at = grades.find(share.grade);
    std::uint64_t has = at == grades.end() ? 0 : at->second;
    return has * 100 < all * share.percent_min || has * 100 > all * share.percent_max;
  });
}

bool far_from_last_year(const ReleaseCounts& counts, const ReleaseTerms& terms) {
  if (!terms.grade_shift_percent_max) return false;
  return std::any_of(counts.grades.begin(), counts.grades.end(), [&](const auto& one) {
    auto before = counts.grades_before.find(one.first);
    if (before == counts.grades_before.end()) return false;
    if (total(one.second) < terms.grade_results_min || total(before->second) < terms.grade_results_min) return false;
    return grade_shift(one.second, before->second) > *terms.grade_shift_percent_max + 1e-9;
  });
}

}  // namespace

bool Approval::given() const {
  if (needed == 0) return true;
  return planned() && approvers_of(words->approvals, words->plan->digest).enough(needed);
}

std::uint32_t approvals_needed(const ReleaseTerms* terms, std::uint32_t least) { return std::max(terms ? terms->approvals : 0, least); }

double grade_shift(const GradeCounts& now, const GradeCounts& before) {
  const double all_now = total(now), all_before = total(before);
  if (all_now == 0 || all_before == 0) return 0;
  auto share = [](const GradeCounts& counts, const std::string& grade, double all) {
    auto at = counts.find(grade);
    return at == counts.end() ? 0.0 : at->second / all;
  };
  double apart = 0;
  for (const auto& [grade, count] : now) apart += std::abs(count / all_now - share(before, grade, all_before));
  for (const auto& [grade, count] : before)
    if (!now.contains(grade)) apart += count / all_before;
  return apart * 50;
}

v1::ReleaseCheck stopping(const ReleaseCounts& counts, const ReleaseTerms& terms, const ReleaseWords* words) {
  const PlannedRelease* plan = words && words->plan ? &*words->plan : nullptr;
  auto stops = [&](v1::ReleaseCheck check) { return !words || !words->overridden(check, plan ? plan->digest : std::string()); };
  if (too_much_missing(counts, terms) && stops(v1::RELEASE_MISSING)) return v1::RELEASE_MISSING;
  bool grades = far_from_last_year(counts, terms) || (plan && outside_of_shares(counts, terms, *plan));
  if (grades && stops(v1::RELEASE_GRADES)) return v1::RELEASE_GRADES;
  bool corrections = terms.corrections_max && counts.corrected > *terms.corrections_max;
  if (corrections && stops(v1::RELEASE_CORRECTIONS)) return v1::RELEASE_CORRECTIONS;
  return v1::RELEASE_CHECK_NONE;
}

bool has_checks(const ReleaseTerms* terms, const ReleaseWords* words) {
  return (terms && terms->has_checks()) || (words && words->plan && !words->plan->shares.empty());
}

}  // namespace vtq
