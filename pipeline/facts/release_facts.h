// What was said of the release of a cohort's results, for all centres or at one: the plan as it stands, who approved which version of it, and which
// checks were overridden; and what an awarding organisation asks of its releases. Plain values: nothing here hangs on the order in which it came.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pipeline/facts/entry.h"

namespace vtq {

/// When batches may go: the first at `first_ms`, then every `every_ms`.
struct ReleasePlan {
  TimeMs first_ms = 0;
  TimeMs every_ms = kDayMs;

  bool operator==(const ReleasePlan&) const = default;
};

struct ReleaseWave {
  std::string name;
  std::vector<CentreId> centres;  ///< ascending; empty: the rest
  ReleasePlan when;

  bool operator==(const ReleaseWave&) const = default;
};

/// The share that one grade may have of a qualification's results, in percent.
struct GradeShare {
  QualificationId qualification{};
  std::string grade;
  std::uint32_t percent_min = 0, percent_max = 100;

  bool operator==(const GradeShare&) const = default;
};

/// One version of a plan.
struct PlannedRelease {
  std::vector<ReleaseWave> waves;  ///< never empty; the last is the rest
  std::vector<GradeShare> shares;
  std::string digest;
  std::string said_by;

  const ReleaseWave& wave_of(CentreId centre) const;
  bool operator==(const PlannedRelease&) const = default;
};

/// The digest of what an event says: of all of it, and of when it was said. 32 hexadecimal digits.
std::string digest_of(const v1::Event& event);

struct ReleaseApproval {
  std::string person;
  std::string digest;
  bool withdrawn = false;
  bool by_approver = false;
  Stamp at;

  bool operator==(const ReleaseApproval&) const = default;
};

struct CheckOverride {
  v1::ReleaseCheck check{};
  std::string digest;
  bool withdrawn = false;
  std::string person, reason;

  bool operator==(const CheckOverride&) const = default;
};

/// Who said it; where nobody filled that in, who the event names, and then neither case nor spaces tell two people apart.
std::string person_of(const v1::ReleaseApproved& fact);

struct ReleaseWords {
  std::optional<PlannedRelease> plan;
  std::vector<ReleaseApproval> approvals;  ///< by person and digest
  std::vector<CheckOverride> overrides;    ///< by check and digest

  // Called for the fact that has won its slot.
  void say(const v1::Event& event, const v1::ReleasePlanned& fact);
  void say(const v1::ReleaseApproved& fact, const Stamp& stamp);
  void say(const v1::ReleaseOverridden& fact);

  /// Whether the check is let go for this version of a plan.
  bool overridden(v1::ReleaseCheck check, const std::string& digest) const;
};

/// Who approved one version.
struct Approvers {
  std::vector<std::string> people;  ///< different ones, in order
  std::size_t with_the_role = 0;    ///< of them, with the role approver
  /// When the approvals came to two people with the role; 0: they have not.
  TimeMs two_with_the_role_ms = 0;

  bool enough(std::uint32_t needed) const { return needed == 0 || (people.size() >= needed && with_the_role > 0); }
};
Approvers approvers_of(const std::vector<ReleaseApproval>& approvals, const std::string& digest);

/// What an awarding organisation asks of its releases. Unset: no limit.
struct ReleaseTerms {
  std::uint32_t approvals = 0;
  std::optional<std::uint32_t> missing_percent_max;
  std::optional<std::uint32_t> grade_shift_percent_max;
  std::uint32_t grade_results_min = 20;
  std::optional<std::uint32_t> corrections_max;

  bool has_checks() const { return missing_percent_max || grade_shift_percent_max || corrections_max; }
  bool operator==(const ReleaseTerms&) const = default;
};
ReleaseTerms terms_of(const v1::ReleasePolicyDefined& fact);

}  // namespace vtq
