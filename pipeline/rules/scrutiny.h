// Centre assessment standards scrutiny (CASS): whether a centre's own marking of a qualification may be relied on, and what must
// happen before its claims go through (Ofqual condition H2; the strategy is reference data of the awarding organisation). Pure.
//
// `scrutinise` works out one centre and qualification from the centre's facts, the strategy, its entries and the time: what is required,
// of whom, and which claims it holds. What follows for a single entry is asked of that by `scrutiny_obstacle`.
#pragma once

#include "pipeline/rules/activity.h"
#include "pipeline/rules/circumstances.h"
#include "pipeline/rules/sampling.h"

namespace vtq {

/// Something that is asked for; most of it holds claims.
struct Requirement {
  enum class Holds : std::uint8_t {
    nothing,          ///< only told
    all,              ///< every claim
    claims_from,      ///< claims made from `from_ms` on
    registered_from,  ///< learners first registered from `from_ms` on
    entries,          ///< looked at entry by entry: staff, sampling
  };
  Rule rule = Rule::none;
  std::string subject;  ///< a visit, an action, a sanction, a finding, a member of staff; empty: the qualification as a whole
  TimeMs since_ms = 0;  ///< since when it is asked for
  Holds holds = Holds::nothing;
  TimeMs from_ms = 0;
  v1::Step step = v1::STEP_NONE;
  v1::Owner owner = v1::OWNER_NONE;
  v1::Reason reason = v1::REASON_NONE;
  TimeMs due_ms = 0;  ///< 0: no date
  std::string what;   ///< what is wrong: `the first monitoring has not taken place`
  std::string todo;   ///< what to do: `Carry it out and record it with MonitoringRecorded`

  bool operator==(const Requirement&) const = default;
};

/// A visit to come.
struct PlannedVisit {
  std::string monitoring;
  Day on = 0;  ///< 0: no day yet
  std::string assurer;
  bool in_conflict = false;
  TimeMs planned_ms = 0;  ///< when it was last arranged
  std::vector<Sampled> sample;

  bool operator==(const PlannedVisit&) const = default;
};

struct Scrutiny {
  /// Whether claims go without having been sampled, and why (not).
  bool direct_claims = false;
  std::string direct_claims_why;
  /// The next monitoring that the schedule asks for.
  Rule next_monitoring = Rule::none;
  Day next_monitoring_due = 0;            ///< last day for it; 0: before the first claims
  std::vector<Requirement> requirements;  ///< in the order of their rules
  std::vector<PlannedVisit> planned;

  // For single entries.
  struct Assessor {
    std::string staff;
    bool approved = false;
    TimeMs at_ms = 0;  ///< from when on it is so
    bool operator==(const Assessor&) const = default;
  };
  std::vector<Assessor> assessors;  ///< by name and time
  Day last_visit = 0;               ///< that counts; 0: none

  /// When time alone changes something; kNever.
  TimeMs wake_at_ms = kNever;

  /// Whether the assessor was approved when they assessed: the last word not after it decides. One that approves again, or withdraws,
  /// leaves what was assessed before it as it is.
  bool assessor_approved(const std::string& staff, TimeMs assessed_ms) const;
  bool operator==(const Scrutiny&) const = default;
};

/// The scrutiny of a centre, by qualification under a strategy.
struct CentreScrutiny {
  std::map<QualificationId, Scrutiny> by_qualification;

  const Scrutiny* of(QualificationId qualification) const;
};

/// Everything that decides.
struct ScrutinyInput {
  const v1::ScrutinyStrategyDefined& strategy;
  const Qualification& qualification;
  const CentreFacts& centre;
  std::vector<const Entry*> entries;  ///< the centre's for the qualification, in any order
};

Scrutiny scrutinise(const ScrutinyInput& input, TimeMs now);

/// What the centre-level notification of a requirement says.
std::string requirement_text(const Requirement& requirement, const Qualification& qualification);

/// What the notification of a visit to come says; the sample stands beside it.
std::string planned_text(const PlannedVisit& planned, const Qualification& qualification);

/// The rule of scrutiny that holds `entry`'s claim, or would if it were made now; none when all are kept. Time is the centre's matter: it
/// wakes when its scrutiny changes, and the entries concerned are derived again.
Obstacle scrutiny_obstacle(const Entry& entry, const Circumstances& around);

/// Everything of scrutiny that holds it, in words.
std::vector<v1::Obstacle> scrutiny_obstacles(const Entry& entry, const Circumstances& around);

/// The rule that holds it in words, for people.
std::string scrutiny_text(const Entry& entry, const Circumstances& around, Rule rule);

/// Whether something that scrutiny asks of the centre held the claim at `deadline`: a critical finding that no visit of by then found mended,
/// an action overdue, work of an assessor who was not approved. A result that comes after it is late for the centre (L5).
bool centre_part_open_at(TimeMs deadline, const Entry& entry, const Circumstances& around);

}  // namespace vtq
