// Reference data: awarding organisations, centres, qualifications, grading scales, calendars, release plans for all centres.
// Each is the latest fact asserted; a change tells which entries to derive again. One thread merges while none reads; several may read.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "pipeline/base/result.h"
#include "pipeline/facts/approval_facts.h"
#include "pipeline/facts/calendar.h"
#include "pipeline/facts/entry.h"
#include "pipeline/facts/mitigation_facts.h"
#include "pipeline/facts/qualification.h"
#include "pipeline/facts/release_facts.h"

namespace vtq {

enum class Merged { applied, superseded, duplicate };

/// What a fact met where it was merged, that its publisher should know of.
struct Clash {
  DecidedBy decided_by = DecidedBy::moment;  ///< other than by moment: another fact about the same thing is of the same moment
  bool id_reused = false;                    ///< its source used its id before, for other content

  bool any() const { return decided_by != DecidedBy::moment || id_reused; }
};

/// The stamp of an event: its time, and a hash of what it says. How it was encoded, and fields that this version does not know, do not
/// count.
Stamp stamp_of(const v1::Event& event);
/// The same, of an event that was parsed from `bytes`.
Stamp stamp_of(const v1::Event& event, std::string_view bytes);
/// When a fact came to hold, to the nanosecond: `2024-03-20T11:00:00.000100000Z`.
std::string text_of_moment(const v1::Event& event);
/// All that an event says, serialised: equal for equal events, however they were encoded.
std::string content_of(const v1::Event& event);
/// Whether `event` is later than `held`, another fact about the same thing.
bool is_later(const v1::Event& event, const Stamp& stamp, const v1::Event& held, const Stamp& held_stamp, Clash* clash = nullptr);

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
    std::uint64_t packed =
        (std::uint64_t{number(key.awarding_organisation)} << 24) ^ (std::uint64_t{number(key.series)} << 4) ^ static_cast<std::uint64_t>(key.level);
    return static_cast<std::size_t>(packed * 0x9e3779b97f4a7c15ULL >> 7);
  }
};

/// All that was said of halting, for one awarding organisation and series, or one of its qualifications: for all centres, or at one. What is to be
/// seen of a result hangs on whether it was halted when its gate opened, and ever since.
struct HaltWords {
  AwardingOrganisationId awarding_organisation{};  ///< {}: all of them
  SeriesId series{};
  QualificationId qualification{};  ///< {}: all of them

  /// Whether it is about results that this awarding organisation issues, of this qualification; {}: about those of every qualification.
  bool about(AwardingOrganisationId by, SeriesId of, QualificationId named) const {
    return series == of && (awarding_organisation == AwardingOrganisationId{} || awarding_organisation == by) &&
           (qualification == QualificationId{} || qualification == named);
  }
  std::map<Moment, bool> words;  ///< halted, or let go, from then on

  bool halted() const { return !words.empty() && words.rbegin()->second; }
  void say(const Moment& at, bool halted);
  /// Calls `look` with each stretch of time, first moment and the one past its last (kNever), in which issuing was halted.
  template <class Look>
  void each_stretch(Look look) const {
    TimeMs from = kNever;
    for (const auto& [at, halted] : words) {
      if (halted && from == kNever) from = at.at_ms;
      if (!halted && from != kNever) look(std::exchange(from, kNever), at.at_ms);
    }
    if (from != kNever) look(from, kNever);
  }
};

/// Issuing is halted: for all centres, or at one.
struct HaltInForce {
  AwardingOrganisationId awarding_organisation{};
  SeriesId series{};
  TimeMs since_ms = 0;
  QualificationId qualification{};

  auto operator<=>(const HaltInForce&) const = default;
};

/// Which entries a change of reference data touches. Unset members match all.
struct ReferenceChange {
  std::optional<QualificationId> qualification;
  std::optional<AwardingOrganisationId> awarding_organisation;
  std::optional<v1::Level> level;
  std::optional<SeriesId> series;

  auto operator<=>(const ReferenceChange&) const = default;
};

struct Address;

class Reference {
 public:
  /// Merges a reference fact, or a command addressed to all centres (`*`).
  /// The event has passed `check`, which found `address`.
  Merged merge(const v1::Event& event, const Address& address, std::string_view bytes, const Stamp& stamp, Clash* clash = nullptr);
  /// The same at start-up, from what `slots` had.
  void restore(std::string_view slot, const Stamp& stamp, const v1::Event& event, const Address& address, std::string_view bytes);

  // What each kind of fact does, once it holds its slot; for pipeline/kinds/ alone.
  void define_awarding_organisation(AwardingOrganisationId id, const v1::AwardingOrganisationDefined& fact);
  void define_centre(CentreId id, const v1::CentreDefined& fact);
  void define_qualification(const v1::QualificationDefined& fact);
  void define_scale(const v1::GradingScaleDefined& fact);
  void define_calendar(const v1::Event& event, const Address& address, const Stamp& stamp);
  void define_mitigation(QualificationId id, const v1::Event& event, const Stamp& stamp);
  void define_approval(const v1::Event& event, const Address& address, const Stamp& stamp);
  void define_strategy(AwardingOrganisationId awarding_organisation, std::optional<QualificationId> qualification,
                       const v1::ScrutinyStrategyDefined& fact);
  /// A plan, an approval or an override, for all centres.
  void define_release(const CohortKey& cohort, const v1::Event& event, const Stamp& stamp);
  void define_terms(AwardingOrganisationId id, const v1::ReleasePolicyDefined& fact);
  /// {}: for all awarding organisations, all qualifications.
  void define_halt(AwardingOrganisationId awarding_organisation, SeriesId series, QualificationId qualification, bool halted, const Stamp& stamp);

  const Qualification* qualification(QualificationId id) const;
  const AwardingOrganisation* awarding_organisation(AwardingOrganisationId id) const;
  bool has_centre(CentreId id) const { return centres_.contains(id); }
  const v1::CentreDefined* centre(CentreId id) const;
  /// The dates of a cohort, with the gates as they stand: the latest that any calendar said since two people last confirmed them, so that
  /// neither the order of calendars nor a wrong one opens anything early.
  const Calendar* calendar(const CohortKey& key) const;
  /// The same for one of its qualifications, which may have no embargo, or gates of its own, as may the centre.
  const Calendar* calendar(const CohortKey& key, QualificationId qualification, std::optional<CentreId> centre = std::nullopt) const;
  /// Where the qualification was said to be of another awarding organisation or level: the same dates, with the gates that stand there where these
  /// are later. So one word that moves it opens nothing earlier; two people can, who confirm the calendar where it is now. Null: as `stands`.
  std::shared_ptr<const Calendar> kept_shut(const Qualification& qualification, SeriesId series, CentreId centre, const Calendar& stands) const;
  /// Where a calendar opens a gate earlier than it stands: says so to its sender, with what to do. It is accepted all the same.
  std::optional<Rejection> gates_not_earlier(const v1::CalendarDefined& fact) const;
  /// What was said of the release for all centres; null: nothing.
  const ReleaseWords* release(const CohortKey& key) const;
  template <class Look>
  void each_release(Look look) const {
    for (const auto& [cohort, words] : releases_) look(cohort, words);
  }
  /// Null: it has not said any.
  const ReleaseTerms* release_terms(AwardingOrganisationId id) const;
  /// What one calendar says of the gates, which two people with the role approver can confirm.
  struct GatesSaid {
    std::string digest;
    TimeMs centre_ms = 0, learner_ms = 0;  ///< 0: no embargo
    bool confirmed = false;
  };
  /// Of a cohort, the latest first.
  std::vector<GatesSaid> gates_said(const CohortKey& key) const;
  /// For all centres: for results of the qualification, {}: of every one.
  bool halted(AwardingOrganisationId awarding_organisation, SeriesId series, QualificationId qualification = {}) const;
  /// Calls `look` with each that is about such results.
  template <class Look>
  void each_halt_words(AwardingOrganisationId awarding_organisation, SeriesId series, QualificationId qualification, Look look) const {
    for (const auto& [key, words] : halts_)
      if (words.about(awarding_organisation, series, qualification)) look(words);
  }
  /// Halts for all centres that are in force.
  std::vector<HaltInForce> halts() const;
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
  /// The fact that holds where `event` says something: itself, or a later one. Null: none was merged.
  const Slot* in_force(const v1::Event& event) const;

  /// Slots merged, and entries touched, since the last call of `take_*`.
  std::vector<std::string> take_changed_slots() { return std::exchange(changed_slots_, {}); }
  /// Each once.
  std::vector<ReferenceChange> take_changes();
  bool changed() const { return !changes_.empty(); }

 private:
  /// What one calendar said. All of a cohort are kept: a gate stands until two people confirm another.
  struct GatesFor {
    std::optional<QualificationId> qualification;
    std::optional<CentreId> centre;
    TimeMs centre_release = 0, learner_release = 0;
  };
  struct CalendarSaid {
    Stamp stamp;
    Saying by;
    std::string slot;
    Calendar dates;
    std::vector<QualificationId> without_embargo;  ///< ascending
    std::vector<GatesFor> exceptions;
    bool confirms = false;
    std::string digest;       ///< that people approve
    TimeMs confirmed_ms = 0;  ///< when its gates were confirmed, where it was said or approved

    bool before(const CalendarSaid& other) const;
    /// The gates that it says of results there: the narrowest exception, or else its own.
    GatesFor gates_for(std::optional<QualificationId> qualification, std::optional<CentreId> centre) const;
  };
  struct CohortDates {
    std::vector<CalendarSaid> said;
    Calendar calendar;
    Calendar open;  ///< the same without an embargo
    std::vector<QualificationId> without_embargo;
    using Scope = std::pair<std::optional<QualificationId>, std::optional<CentreId>>;
    std::set<Scope> named;              ///< that a calendar has gates of their own for
    std::vector<std::size_t> counting;  ///< places in `said`, of those that say what the gates are
    /// Made as they are asked for: each qualification at each centre would be too many.
    struct Own {
      std::mutex mutex;
      std::map<Scope, Calendar> made;
    };
    std::unique_ptr<Own> own = std::make_unique<Own>();

    /// With the gates of exactly that scope, or of a qualification and a centre that both have their own; null: there are none.
    const Calendar* own_calendar(const Scope& scope) const;
    const CalendarSaid& latest() const;
    /// `words`: with the approvals of calendars.
    void work_out(const ReleaseWords* words);
  };
  struct HaltKey {
    AwardingOrganisationId awarding_organisation{};
    SeriesId series{};
    QualificationId qualification{};
    auto operator<=>(const HaltKey&) const = default;
  };

  void define(const v1::Event& event, const Address& address, const Stamp& stamp);
  void keep_cohort_before(const v1::Event& holds, const Slot& before);
  void calendar_changed(const CohortKey& key);
  void touch_other_sizes(const Qualification& left);
  void move_calendars(const Qualification& qualification, Mitigations& defined) const;

  std::map<std::string, Slot, std::less<>> slots_;
  std::vector<std::string> changed_slots_;
  std::vector<ReferenceChange> changes_;
  boost::unordered_flat_map<QualificationId, std::unique_ptr<Qualification>> qualifications_;
  boost::unordered_flat_map<AwardingOrganisationId, AwardingOrganisation> awarding_organisations_;
  boost::unordered_flat_map<CentreId, std::unique_ptr<v1::CentreDefined>> centres_;
  boost::unordered_flat_map<CohortKey, CohortDates> calendars_;
  /// Of qualifications that were moved, where each was said to be before, or by an older word that came late.
  std::map<QualificationId, std::set<std::pair<AwardingOrganisationId, v1::Level>>> cohorts_before_;
  boost::unordered_flat_map<CohortKey, ReleaseWords> releases_;
  std::map<AwardingOrganisationId, ReleaseTerms> release_terms_;
  std::map<HaltKey, HaltWords> halts_;
  ApprovalFacts approvals_;  // qualifications point into it
  /// All that was said of a mitigation's scope, in the order of its moments: qualification, series, centre, learner.
  using MitigationScopeName = std::tuple<QualificationId, std::string, std::string, std::string>;
  std::map<MitigationScopeName, std::map<Moment, v1::Event>> mitigation_words_;
  std::map<QualificationId, Mitigations> mitigations_;                                                    // and into these
  std::map<std::pair<AwardingOrganisationId, QualificationId>, v1::ScrutinyStrategyDefined> strategies_;  // {}: the general one
  Scales scales_;
};

/// How a fact stands to the one that holds its slot.
Merged against(const Reference::Slot& held, const v1::Event& event, const Stamp& stamp, Clash* clash);

/// The slot name of a fact kept whole (reference data, centre facts, commands); the same for facts of which the latest holds. It names all
/// that the fact is about, so that no awarding organisation's word takes the place of another's. Facts of which every word counts (holds, halts,
/// sanctions, calendars, mitigations) have their moment in it: none takes the place of an earlier one.
std::string slot_of(const v1::Event& event);

}  // namespace vtq
