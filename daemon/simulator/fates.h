// What becomes of an entry. A fate is chosen first; courses.cc makes it happen; the table here states what must then be
// true of it, which courses.cc is checked against entry by entry.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "vtq/v1/output.pb.h"

namespace vtq::simulator {

enum class Fate : std::uint8_t {
  // Issued on time.
  on_time,
  second_batch,
  claim_after_claim_deadline,
  very_late_entry_on_time,
  late_change_on_time,
  hold_lifted_in_time,
  learner_sample_in_time,
  special_consideration_in_time,
  claimed_again,
  amended_before_issue,
  prior_learning,
  deferred_but_claimed,
  amended_after_issue,
  revoked_after_issue,
  // Issued late, or due and never issued.
  claim_late,
  very_late_entry,
  late_course_change,
  malpractice_lifted_late,
  malpractice_open,
  evidence_late,
  response_hold_lifted_late,
  learner_sample_late,
  marking_late,
  awarding_organisation_hold_late,
  result_never_determined,
  special_consideration_late,
  special_consideration_open,
  // The same for a whole cohort.
  cohort_malpractice_late,
  cohort_sample_response_late,
  cohort_sample_response_open,
  cohort_sample_decided_late,
  cohort_sample_undecided,
  // No result in this series.
  withdrawn,
  transferred,
  deferred,
  claimed_incomplete_answered,
  claimed_incomplete_silent,
  claim_never_made,
  claim_withdrawn,
  not_completed_silent,
  automatic_incomplete_answered,
  automatic_incomplete_silent,
  // Of qualifications with rules of their own; they take the place of another fate of the same end.
  pathway_corrected,
  disagreement_resolved,
  partial_achievement,
  monitored_in_time,
  action_in_time,
  delayed_result,
  calculated_result,
  adapted_result,
  opted_out,
  sanction_in_time,
  disagreement_late,
  registered_after_withdrawal,
  size_change_refused,
  cohort_monitoring_late,
  cohort_action_overdue,
  none_expected,
};

inline constexpr std::size_t kFates = static_cast<std::size_t>(Fate::none_expected) + 1;

// A number per fate.
using FateCounts = std::array<std::uint32_t, kFates>;

enum class Kind : std::uint8_t { on_time, late, late_cohort, none };
// Which certification a fate can befall.
enum class Certified : std::uint8_t { either, by_claim, automatic };
// What the centre must have said at the checkpoint.
enum class Answered : std::uint8_t { either, yes, no };

struct FateRule {
  Fate fate;
  std::string_view name;
  Kind kind;
  v1::Stage stage;
  v1::Reason reason;
  Certified certified = Certified::either;
  Answered answered = Answered::either;
};

const FateRule& rule_of(Fate fate);
const std::array<FateRule, kFates>& fate_rules();

inline constexpr std::size_t index_of(Fate fate) { return static_cast<std::size_t>(fate); }
inline bool is_late(Kind kind) { return kind == Kind::late || kind == Kind::late_cohort; }

}  // namespace vtq::simulator
