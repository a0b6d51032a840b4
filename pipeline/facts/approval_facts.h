// What is known of the approval of qualifications, and what follows from it: the stage that each body's approval has reached, and the
// dates between which learners may be registered and certificated. Pure; one thread at a time.
//
//   none -> proposal needed -> proposal pending -> proposal accepted -> submission invalid -> submitted -> approved -> withdrawn
//                                              \-> proposal refused                     \-> refused    \-> ended
//
// The stage is computed from the latest fact of each kind, never by moves: a submission that lacks a document is invalid until one with
// all of them replaces it (IfATE, additional specialist category, 2023), and a decision counts only while the submission that it was
// made on is valid, or a valid one came after it. Where no submission before it is recorded, a decision stands for itself: it was made
// before records began. An invalid submission, or another proposal, after it asks for a renewal and does not touch it.
//
// Of decisions the latest for each first day is kept: a renewal stands beside the approval before it, and each learner is held to the
// period that covers their first registration. A decision is taken back by one with the same first day. A withdrawal takes away, from its
// day on, whatever was decided before it, also what starts on that day or later; a decision that comes after it stands.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/base/identifiers.h"
#include "pipeline/base/uk_time.h"
#include "pipeline/facts/entry.h"
#include "vtq/v1/event.pb.h"

namespace vtq {

enum class ApprovalStage : std::uint8_t {
  none,
  proposal_needed,
  proposal_pending,
  proposal_refused,
  proposal_accepted,
  submission_invalid,
  submitted,
  refused,
  approved_later,  ///< approved, but from a day to come
  approved,
  ended,      ///< the last day of the approval has passed
  withdrawn,  ///< removed from a day on, which has come
};
/// As reads name it: `submission-invalid`.
std::string_view stage_name(ApprovalStage stage);
/// `IfATE`, `Ofqual`.
std::string_view body_name(v1::ApprovalBody body);

/// An approval that counts. Days are 0 where none is given; first and last days are both within.
struct ApprovalPeriod {
  Day from = 0;
  Day until = 0;
  Day last_registration = 0;
  Day last_certification = 0;  ///< with that of a withdrawal
  Day withdrawn_from = 0;

  TimeMs begins() const { return day_begins(from); }
  /// Registered from then on: not under this approval.
  TimeMs ends() const;
  /// Whether a learner first registered then may be certificated under it.
  bool covers(TimeMs registered) const;
};

/// Where the approval by one body stands; the stage and the days are those of the latest decision. Days are 0 where none is given; first
/// and last days are both within.
struct ApprovalState {
  v1::ApprovalBody body{};
  bool needed = false;
  std::string category;
  std::string area;
  std::string occupational_standard;
  ApprovalStage stage = ApprovalStage::none;  ///< whatever the day: `approved` where the dates decide; see stage_on
  std::vector<std::string> missing_documents;
  std::vector<std::string> unmapped_duties;
  bool proposal_lacking = false;     ///< a proposal had to be accepted first, and none for this area was
  bool approval_uncounted = false;   ///< approved by decision, which does not count as `stage` says
  std::vector<std::string> funding;  ///< approved, or else applied for
  Day approved_from = 0;
  Day approved_until = 0;
  Day last_registration = 0;
  Day last_certification = 0;
  Day withdrawn_from = 0;
  std::string withdrawal_reason;
  std::vector<ApprovalPeriod> periods;  ///< those that count, by first day

  /// The period that a learner first registered then is held to: of those that cover it the one with the latest last day for
  /// certification, else the last that began, else the first. Null: no approval counts.
  const ApprovalPeriod* period_of(TimeMs registered) const;
  /// With the dates of approval and withdrawal.
  ApprovalStage stage_on(Day day) const;
  /// A clause on where it stands and what to do: `the submission to IfATE is invalid: document specification is missing`.
  std::string words() const;
};

/// What the dates and approvals of one qualification ask of a learner.
struct ApprovalLimits {
  bool approved = true;           ///< by every body whose approval is needed
  TimeMs approval_ends = kNever;  ///< registered from then on: under no approval
  TimeMs registration_from = 0;
  TimeMs registration_until = kNever;   ///< exclusive
  TimeMs certification_until = kNever;  ///< exclusive
};

/// What the dates and approvals of one qualification ask of its entries.
struct ApprovalTerms {
  std::vector<ApprovalState> bodies;  ///< those needed
  Day first_registration = 0;         ///< the qualification's own
  Day last_registration = 0;
  Day last_certification = 0;

  /// Of a learner first registered then.
  ApprovalLimits limits(TimeMs registered) const;
};

/// Where a statement of the occupational standard or the specialist area is covered.
struct ApprovalCoverage {
  std::string statement;
  std::vector<std::string> places;  ///< `U2`, `U2 LO1`
};

/// All that is asserted about approval.
class ApprovalFacts {
 public:
  /// Takes a fact about approval; returns the qualifications whose terms it may change.
  std::vector<QualificationId> take(const v1::Event& event, std::optional<QualificationId> about, const Stamp& stamp);
  /// Takes what a qualification says of itself.
  void define(QualificationId id, const v1::QualificationDefined& fact);

  /// Null when no approval is needed and no dates are set. Valid until the next fact.
  const ApprovalTerms* terms(QualificationId id) const;
  /// Of every body that is needed or of which something is known.
  std::vector<ApprovalState> states(QualificationId id) const;
  /// From the latest submission to `body`: its duties, mapped or not, then its other statements.
  std::vector<ApprovalCoverage> coverage(QualificationId id, v1::ApprovalBody body) const;

 private:
  struct Needs {
    std::vector<v1::ApprovalBody> bodies;
    std::uint32_t framework_level = 0;
    Day first_registration = 0;
    Day last_registration = 0;
    Day last_certification = 0;
  };
  struct Records {
    std::optional<v1::ApprovalProposed> proposed;
    std::map<Moment, v1::ApprovalSubmitted> submitted;
    std::map<Day, std::pair<Stamp, v1::ApprovalDecided>> decided;  // by first day; 0: none given
    std::optional<v1::ApprovalWithdrawn> withdrawn;
    Stamp withdrawn_at;
    Stamp proposed_at;

    const std::pair<Stamp, v1::ApprovalDecided>* latest() const;
    /// Whether a withdrawal came after the decision: the latest word holds.
    bool withdrawn_after(const Stamp& decided_at) const { return withdrawn && !withdrawn_at.before(decided_at); }
  };
  using BodyOf = std::pair<QualificationId, v1::ApprovalBody>;

  ApprovalState state(QualificationId id, v1::ApprovalBody body) const;
  void work_out(QualificationId id);

  boost::unordered_flat_map<QualificationId, Needs> needs_;
  std::map<BodyOf, Records> records_;
  std::map<std::pair<v1::ApprovalBody, std::string>, v1::ApprovalCategoryDefined> categories_;
  boost::unordered_flat_map<QualificationId, std::unique_ptr<const ApprovalTerms>> terms_;
};

}  // namespace vtq
