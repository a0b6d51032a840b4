// Reference data: awarding organisations, centres, qualifications, grading scales, calendars, release plans for all centres.
// Each is the latest fact asserted; a change tells which entries to derive again. The pipeline's thread only.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/entry.h"

namespace vtq {

enum class Merged { applied, superseded, duplicate };

struct UnitRule {
  std::string code;
  std::uint32_t id = 0;  ///< short_hash(code)
  std::uint32_t credit = 0;
  bool mandatory = false;
};

struct Qualification {
  QualificationId id{};
  std::string title;
  AwardingOrganisationId awarding_organisation{};
  v1::Level level{};
  std::uint32_t guided_learning_hours = 0;
  std::uint32_t ucas_points = 0;
  bool performance_table = false;
  bool awarded_without_claim = false;
  std::string grading_scale;
  std::string unit_grading_scale;
  const struct GradingScale* unit_scale = nullptr;  ///< of that name; null while it is not known
  std::vector<UnitRule> units;
  std::uint32_t optional_credit_required = 0;

  /// Whether the term-time checkpoint covers it: Level 3 with at least 180 guided learning hours and 16 UCAS points; Level 1/2 and
  /// 2 in the performance tables with at least 120 hours (Ofqual, VTQ results 2024).
  bool in_checkpoint_scope() const;
  const UnitRule* unit(std::uint32_t unit_id) const;
};

/// Dates of one awarding organisation, level and series, resolved from Europe/London.
struct Calendar {
  TimeMs checkpoint_opens = 0;  ///< 0: the series has no checkpoint
  TimeMs checkpoint_closes = 0;
  TimeMs late_entry_after = kNever;
  TimeMs claim_deadline = kNever;
  TimeMs issue_deadline = kNever;
  TimeMs centre_release = kNever;
  TimeMs learner_release = kNever;

  bool has_checkpoint() const { return checkpoint_closes != 0; }
};

/// When batches may go: the first at `first_ms`, then every `every_ms`.
struct ReleasePlan {
  TimeMs first_ms = 0;
  TimeMs every_ms = kDayMs;

  bool operator==(const ReleasePlan&) const = default;
};

struct AwardingOrganisation {
  std::string name;
  bool silence_is_critical = false;
};

/// Awarding organisation, level and series: what calendars and plans are made for.
struct CohortKey {
  AwardingOrganisationId awarding_organisation{};
  v1::Level level{};
  SeriesId series{};

  bool operator==(const CohortKey&) const = default;
  friend std::size_t hash_value(const CohortKey& key) {
    std::uint64_t packed = (std::uint64_t{number(key.awarding_organisation)} << 24) ^
                           (std::uint64_t{number(key.series)} << 4) ^ static_cast<std::uint64_t>(key.level);
    return static_cast<std::size_t>(packed * 0x9e3779b97f4a7c15ULL >> 7);
  }
};

/// Which entries a change of reference data touches. Unset members match all.
struct ReferenceChange {
  std::optional<QualificationId> qualification;
  std::optional<AwardingOrganisationId> awarding_organisation;
  std::optional<v1::Level> level;
  std::optional<SeriesId> series;
};

/// A grading scale: whether each grade, by its hash, counts as achieved.
struct GradingScale {
  boost::unordered_flat_map<std::uint32_t, bool> achieved_by_grade;

  /// Ungraded and unknown grades do.
  bool achieves(std::uint32_t grade_hash) const {
    if (grade_hash == 0) return true;
    auto grade = achieved_by_grade.find(grade_hash);
    return grade == achieved_by_grade.end() || grade->second;
  }
};

class Reference {
 public:
  /// Merges a reference fact, or a command addressed to all centres (`*`). The event has passed `check`.
  Merged merge(const v1::Event& event, std::string_view bytes, const Stamp& stamp);
  /// The same at start-up, from what `slots` had.
  void restore(std::string_view slot, const Stamp& stamp, std::string_view bytes);

  const Qualification* qualification(QualificationId id) const;
  const AwardingOrganisation* awarding_organisation(AwardingOrganisationId id) const;
  bool has_centre(CentreId id) const { return centres_.contains(id); }
  const v1::CentreDefined* centre(CentreId id) const;
  const Calendar* calendar(const CohortKey& key) const;
  const ReleasePlan* release_plan(const CohortKey& key) const;
  bool halted(AwardingOrganisationId awarding_organisation, SeriesId series) const;
  /// Whether `value` is a grade of the scale; nullopt when the scale is not known.
  std::optional<bool> scale_has(const std::string& scale, std::string_view value) const;
  /// The awarding organisation's strategy for the scrutiny of centre assessment: the qualification's own, else the general one; null: none.
  const v1::ScrutinyStrategyDefined* strategy(AwardingOrganisationId awarding_organisation, QualificationId qualification) const;
  bool has_strategies() const { return !strategies_.empty(); }

  /// One stored fact: slot name, stamp, serialised event.
  struct Slot {
    Stamp stamp;
    std::string event;
  };
  const std::map<std::string, Slot, std::less<>>& slots() const { return slots_; }

  /// Slots merged, and entries touched, since the last call of `take_*`.
  std::vector<std::string> take_changed_slots() { return std::exchange(changed_slots_, {}); }
  std::vector<ReferenceChange> take_changes() { return std::exchange(changes_, {}); }
  bool changed() const { return !changes_.empty(); }

 private:
  struct HaltKey {
    AwardingOrganisationId awarding_organisation{};
    SeriesId series{};
    auto operator<=>(const HaltKey&) const = default;
  };

  void decode(const v1::Event& event);
  void decode_qualification(const v1::QualificationDefined& fact);
  void decode_calendar(const v1::CalendarDefined& fact);

  std::map<std::string, Slot, std::less<>> slots_;
  std::vector<std::string> changed_slots_;
  std::vector<ReferenceChange> changes_;
  boost::unordered_flat_map<QualificationId, std::unique_ptr<Qualification>> qualifications_;
  boost::unordered_flat_map<AwardingOrganisationId, AwardingOrganisation> awarding_organisations_;
  boost::unordered_flat_map<CentreId, std::unique_ptr<v1::CentreDefined>> centres_;
  boost::unordered_flat_map<CohortKey, Calendar> calendars_;
  boost::unordered_flat_map<CohortKey, ReleasePlan> plans_;
  std::map<HaltKey, bool> halts_;
  std::map<std::pair<AwardingOrganisationId, QualificationId>, v1::ScrutinyStrategyDefined> strategies_;  // {}: the general one
  std::map<std::string, GradingScale, std::less<>> scales_;  // by name; qualifications point into it
};

/// The slot name of a fact kept whole (reference data, centre facts, commands); the same for facts of which the latest holds.
std::string slot_of(const v1::Event& event);

}  // namespace vtq
