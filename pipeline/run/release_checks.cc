#include "pipeline/run/release_checks.h"

#include <algorithm>

#include "pipeline/rules/grading.h"

namespace vtq {
namespace {

/// The same month a year before.
std::optional<SeriesId> series_before(SeriesId series) {
  std::string text = text_of(series);
  int year = std::stoi(text.substr(0, 4));
  return parse_series(std::to_string(year - 1) + text.substr(4));
}

bool due_one(v1::Stage stage) { return stage >= v1::REGISTERED && stage <= v1::READY; }

}  // namespace

void ReleaseChecks::note(Centre& centre, const Entry& entry, const Circumstances& around) {
  if (!has_checks(around.terms, around.approval.words)) return;
  Group group{&centre, {around.qualification.awarding_organisation, around.qualification.level, entry.key.series}};
  if (std::find(groups_.begin(), groups_.end(), group) == groups_.end()) groups_.push_back(group);
}

bool ReleaseChecks::in(const Group& group, const Entry& entry) const {
  if (entry.key.series != group.cohort.series) return false;
  const Qualification& qualification = *surroundings_.reference().qualification(entry.key.qualification);
  return qualification.awarding_organisation == group.cohort.awarding_organisation && qualification.level == group.cohort.level;
}

ReleaseCounts ReleaseChecks::count(const Group& group, const std::vector<CentreEntry>& due) const {
  ReleaseCounts counts;
  auto is_due = [&](const Entry& entry) {
    return std::any_of(due.begin(), due.end(), [&](const CentreEntry& one) { return one.entry == &entry && !entry.issued.any(); });
  };
  const auto before = series_before(group.cohort.series);
  for (const Entry& entry : group.centre->entries) {
    if (before && entry.key.series == *before && entry.issued.any() && !entry.issued.revoked)
      ++counts.grades_before[entry.key.qualification][entry.issued.grade.str()];
    if (!in(group, entry)) continue;
    bool issued = entry.issued.any(), ready = entry.status.stage == v1::READY || is_due(entry);
    if (issued && entry.issued.before) ++counts.corrected;
    if (issued || ready || due_one(entry.status.stage)) ++counts.expected;
    if (!issued && !ready && due_one(entry.status.stage)) ++counts.missing;
    if (issued && !entry.issued.revoked) ++counts.grades[entry.key.qualification][entry.issued.grade.str()];
    if (issued || !ready) continue;
    Circumstances around = surroundings_.circumstances(*group.centre, entry);
    Outcome outcome = outcome_of(entry.facts, around.qualification, attainment_of(entry, around));
    if (outcome.has_grade()) ++counts.grades[entry.key.qualification][outcome.grade.str()];
  }
  return counts;
}

std::vector<ReleaseChecks::Stopped> ReleaseChecks::stop(std::vector<CentreEntry>& due) {
  std::vector<Stopped> stopped;
  for (const Group& group : std::exchange(groups_, {})) {
    auto goes = [&](const CentreEntry& one) { return one.centre == group.centre && !one.entry->issued.any() && in(group, *one.entry); };
    std::vector<Entry*> waiting;
    for (Entry& entry : group.centre->entries)
      if (check_of(entry.status.rule) != v1::RELEASE_CHECK_NONE && in(group, entry)) waiting.push_back(&entry);
    if (waiting.empty() && std::none_of(due.begin(), due.end(), goes)) continue;
    static const ReleaseTerms kNone{};
    CohortKey cohort = group.cohort;
    const ReleaseTerms* terms = surroundings_.reference().release_terms(cohort.awarding_organisation);
    v1::ReleaseCheck by = stopping(count(group, due), terms ? *terms : kNone, surroundings_.approval(*group.centre, cohort).words);
    if (by == v1::RELEASE_CHECK_NONE) {
      for (Entry* entry : waiting)
        if (std::none_of(due.begin(), due.end(), [&](const CentreEntry& one) { return one.entry == entry; })) agenda_.touch(*group.centre, *entry);
      continue;
    }
    auto rest = std::stable_partition(due.begin(), due.end(), [&](const CentreEntry& one) { return !goes(one); });
    for (auto at = rest; at != due.end(); ++at) stopped.push_back({*at, by});
    due.erase(rest, due.end());
    // One that another check stopped says now which does.
    for (Entry* entry : waiting)
      if (check_of(entry->status.rule) != by &&
          std::none_of(stopped.begin(), stopped.end(), [&](const Stopped& one) { return one.entry.entry == entry; }))
        agenda_.touch(*group.centre, *entry);
  }
  return stopped;
}

}  // namespace vtq
