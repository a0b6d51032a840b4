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

#include "pipeline/approval_facts.h"
#include "pipeline/calendar.h"
#include "pipeline/entry.h"
#include "pipeline/mitigation_facts.h"
#include "pipeline/qualification.h"

namespace vtq {

enum class Merged { applied, superseded, duplicate };

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
  const ApprovalFacts& approvals() const { return approvals_; }
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

  void decode(const v1::Event& event, const Stamp& stamp);
  void decode_calendar(const v1::CalendarDefined& fact);
  void decode_approval(const v1::Event& event, const Stamp& stamp);
  void decode_mitigation(const v1::Event& event);
  void touch_other_sizes(const Qualification& left);
  void move_calendars(const Qualification& qualification, Mitigations& defined) const;

  std::map<std::string, Slot, std::less<>> slots_;
  std::vector<std::string> changed_slots_;
  std::vector<ReferenceChange> changes_;
  boost::unordered_flat_map<QualificationId, std::unique_ptr<Qualification>> qualifications_;
  boost::unordered_flat_map<AwardingOrganisationId, AwardingOrganisation> awarding_organisations_;
  boost::unordered_flat_map<CentreId, std::unique_ptr<v1::CentreDefined>> centres_;
  boost::unordered_flat_map<CohortKey, Calendar> calendars_;
  boost::unordered_flat_map<CohortKey, ReleasePlan> plans_;
  std::map<HaltKey, bool> halts_;
  ApprovalFacts approvals_;                              // qualifications point into it
  std::map<QualificationId, Mitigations> mitigations_;  // and into these
  std::map<std::pair<AwardingOrganisationId, QualificationId>, v1::ScrutinyStrategyDefined> strategies_;  // {}: the general one
  Scales scales_;
};

/// The slot name of a fact kept whole (reference data, centre facts, commands); the same for facts of which the latest holds.
std::string slot_of(const v1::Event& event);

}  // namespace vtq
