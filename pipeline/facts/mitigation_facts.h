// What is known of mitigations: the definitions (reference data), and what centres and awarding organisations say about them at one
// centre: opt-outs, applications, reviews. Plain values; the thread of their partition only.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/facts/calendar.h"
#include "pipeline/facts/entry.h"

namespace vtq {

/// What applies to one qualification and series in a disruption: to every centre, to one, or to one learner there.
struct Mitigation {
  SeriesId series{};
  std::optional<CentreId> centre;
  std::string learner;
  TimeMs defined_ms = 0;  ///< when it came to hold; told again, as it stands, when it was told first
  v1::MitigationDefined::Kind kind{};
  bool out_of_scope = false;  ///< ordinary rules hold
  Day expected_on = 0;        ///< of delayed assessment; 0: not given
  Day disruption_from = 0;    ///< first and last day; 0: open
  Day disruption_to = 0;
  v1::MitigationDefined::Calculation calculation{};
  std::uint32_t achieved_units_min = 1;  ///< units achieved before others can be calculated
  std::vector<std::string> required_evidence;
  std::optional<Calendar> calendar;  ///< of delayed assessment, the dates that it moves to

  bool in_disruption(Day day) const {
    return day != 0 && (disruption_from == 0 || day >= disruption_from) && (disruption_to == 0 || day <= disruption_to);
  }
};
/// Of one qualification.
using Mitigations = std::vector<Mitigation>;

/// Takes a MitigationDefined in place of what was defined for the same scope.
Mitigation& take_mitigation(Mitigations& defined, const v1::Event& event);

/// The narrowest definition that covers the learner: for the learner, else for the centre, else for all. Null: none does.
const Mitigation* covering(const Mitigations& defined, SeriesId series, CentreId centre, std::string_view learner);

/// The dates when results are expected on `day`: the issue deadline, at its time of day, on that day; the centre's gate at its own time of
/// day, at the first moment not before that; the learner's at its own, at the first moment not before the centre's; the claim deadline as
/// many days later. Never earlier than `ordinary`.
Calendar delayed(const Calendar& ordinary, Day day);

/// Whom a fact about mitigation at a centre is about. An empty learner: all.
struct MitigationScope {
  QualificationId qualification{};
  SeriesId series{};
  std::string learner;

  bool covers(const EntryKey& key) const {
    return qualification == key.qualification && series == key.series && (learner.empty() || learner == key.learner);
  }
  bool operator==(const MitigationScope&) const = default;
};

struct MitigationOptOut {
  MitigationScope scope;
  Stamp stamp;
  bool opted_out = false;
};

struct MitigationApplication {
  struct Unit {
    std::string code;
    std::uint32_t id = 0;  ///< short_hash(code)
    Day due = 0;           ///< when it would have been completed; 0: not given
  };
  MitigationScope scope;
  Stamp stamp;
  std::vector<Unit> units;
  std::vector<std::string> evidence;
};

struct MitigationReview {
  MitigationScope scope;
  Stamp stamp;
  v1::MitigationReviewed::Stage stage{};
  v1::MitigationReviewed::Conclusion conclusion{};
};

/// What one centre's facts say about mitigations. Each the latest for its scope.
struct CentreMitigations {
  std::vector<MitigationOptOut> opt_outs;
  std::vector<MitigationApplication> applications;
  std::vector<MitigationReview> reviews;

  /// The learner's word goes before the whole centre's.
  bool opted_out(const EntryKey& key) const;
  /// The learner's own application, else that for all; null: none.
  const MitigationApplication* application(const EntryKey& key) const;
  /// The latest review of `application` at `stage` that concerns the learner: one for the learner alone goes before one for all, and a
  /// review from before the application is of an earlier one; one of the same moment is of it. Null: not reviewed.
  const MitigationReview* review(const MitigationApplication& application, const EntryKey& key, v1::MitigationReviewed::Stage stage) const;
};

}  // namespace vtq
