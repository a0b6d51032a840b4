// What an awarding organisation said of a centre for the scrutiny of its assessment: approvals, staff, visits planned and made,
// conflicts of interest, sanctions, actions, decisions on direct claims status. Plain values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pipeline/facts/entry.h"

namespace vtq {

struct ScrutinyFacts {
  /// Whose fact it is. Without a qualification it is about all of the awarding organisation at the centre.
  struct About {
    AwardingOrganisationId awarding_organisation{};
    std::optional<QualificationId> qualification;

    bool covers(AwardingOrganisationId ao, QualificationId of) const {
      return awarding_organisation == ao && (!qualification || *qualification == of);
    }
    bool operator==(const About&) const = default;
  };
  struct Approval {
    About about;
    Stamp stamp;
    v1::CentreApproved::Status status{};
    bool direct_claims = false;
  };
  /// Each word is kept: an assessment is judged by the last one before it.
  struct Staff {
    About about;
    std::string staff;
    v1::StaffApproved::Role role{};
    Stamp stamp;
    bool approved = false;
  };
  struct Found {
    std::string code;
    v1::Finding::Severity severity{};
    std::string text;
  };
  struct Visit {
    About about;
    std::string monitoring;
    Stamp stamp;
    Day on = 0;
    std::uint32_t grade = 0;  ///< 1 (best) to 4; 0: not graded
    std::string assurer;
    std::uint32_t learners_sampled = 0;
    std::vector<Found> findings;
  };
  struct Plan {
    About about;
    std::string monitoring;
    Stamp stamp;
    Day on = 0;  ///< 0: no day yet
    std::string assurer;
    std::uint64_t seed = 0;
    bool cancelled = false;
  };
  struct Conflict {
    AwardingOrganisationId awarding_organisation{};
    std::string assurer;
    Stamp stamp;
    bool in_conflict = false;
    Day from = 0;
  };
  struct Sanction {
    About about;
    std::string sanction;
    Stamp stamp;
    v1::SanctionDecided::Kind kind{};
    bool in_force = false;
  };
  struct DirectClaims {
    About about;
    Stamp stamp;
    bool granted = false;
    std::string reason;
  };
  struct Action {
    About about;
    std::string action;
    Stamp stamp;
    Day due = 0;  ///< 0: no day given
    bool done = false;
  };

  // In the order of their names, whatever order they came in.
  std::vector<Approval> approvals;
  std::vector<Staff> staff;
  std::vector<Visit> visits;
  std::vector<Plan> plans;
  std::vector<Conflict> conflicts;
  std::vector<Sanction> sanctions;  ///< of each name the last word
  /// All words of them: one that is told again does not let go of what the one before it stopped.
  std::vector<Sanction> sanction_words;
  std::vector<DirectClaims> direct_claims;
  std::vector<Action> actions;

  /// The word that decides on the centre's approval for the qualification; null: none was said. The qualification's own goes before
  /// that of the centre as a whole, unless the centre was suspended or withdrawn as a whole since.
  const Approval* approval(AwardingOrganisationId ao, QualificationId qualification) const;
  /// Since when a sanction that is in force has covered the qualification, however often that was told.
  TimeMs in_force_since(const Sanction& sanction, AwardingOrganisationId ao, QualificationId qualification) const;
  /// Whether the assurer had declared a conflict of interest with the centre, in force on `day`. Of an assurer's declarations the latest
  /// counts alone: one that says `no conflict` frees earlier visits, too.
  bool in_conflict(AwardingOrganisationId ao, const std::string& assurer, Day day) const;
};

}  // namespace vtq
