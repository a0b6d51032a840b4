#include "daemon/simulator/fates.h"

namespace vtq::simulator {

namespace {

constexpr auto kReleased = v1::RELEASED;
constexpr auto kClaimed = v1::CLAIMED;
constexpr auto kAssured = v1::ASSURED;
constexpr auto kNotCertificated = v1::NOT_CERTIFICATED;
constexpr auto kByClaim = Certified::by_claim;

// Reason codes: Ofqual late results return, 2023.
const std::array<FateRule, kFates> kRules = {{
    {Fate::on_time, "on_time", Kind::on_time, kReleased, v1::REASON_NONE},
    {Fate::second_batch, "second_batch", Kind::on_time, kReleased, v1::REASON_NONE},
    {Fate::claim_after_claim_deadline, "claim_after_claim_deadline", Kind::on_time, kReleased, v1::REASON_NONE, kByClaim},
    {Fate::very_late_entry_on_time, "very_late_entry_on_time", Kind::on_time, kReleased, v1::REASON_NONE, kByClaim},
    {Fate::late_change_on_time, "late_change_on_time", Kind::on_time, kReleased, v1::REASON_NONE},
    {Fate::hold_lifted_in_time, "hold_lifted_in_time", Kind::on_time, kReleased, v1::REASON_NONE},
    {Fate::learner_sample_in_time, "learner_sample_in_time", Kind::on_time, kReleased, v1::REASON_NONE},
    {Fate::special_consideration_in_time, "special_consideration_in_time", Kind::on_time, kReleased, v1::REASON_NONE},
    {Fate::claimed_again, "claimed_again", Kind::on_time, kReleased, v1::REASON_NONE, kByClaim},
    {Fate::amended_before_issue, "amended_before_issue", Kind::on_time, kReleased, v1::REASON_NONE},
    {Fate::prior_learning, "prior_learning", Kind::on_time, kReleased, v1::REASON_NONE, kByClaim},
    {Fate::deferred_but_claimed, "deferred_but_claimed", Kind::on_time, kReleased, v1::REASON_NONE, kByClaim, Answered::yes},
    {Fate::amended_after_issue, "amended_after_issue", Kind::on_time, kReleased, v1::REASON_NONE},
    {Fate::revoked_after_issue, "revoked_after_issue", Kind::on_time, kReleased, v1::REASON_NONE},
    {Fate::claim_late, "claim_late", Kind::late, kReleased, v1::L1, kByClaim},
    {Fate::very_late_entry, "very_late_entry", Kind::late, kReleased, v1::L2, kByClaim},
    {Fate::late_course_change, "late_course_change", Kind::late, kReleased, v1::L3},
    {Fate::malpractice_lifted_late, "malpractice_lifted_late", Kind::late, kReleased, v1::L4},
    {Fate::malpractice_open, "malpractice_open", Kind::late, kClaimed, v1::L4},
    {Fate::evidence_late, "evidence_late", Kind::late, kReleased, v1::L5},
    {Fate::response_hold_lifted_late, "response_hold_lifted_late", Kind::late, kReleased, v1::L5},
    {Fate::learner_sample_late, "learner_sample_late", Kind::late, kReleased, v1::L5},
    {Fate::marking_late, "marking_late", Kind::late, kReleased, v1::L6},
    {Fate::awarding_organisation_hold_late, "awarding_organisation_hold_late", Kind::late, kReleased, v1::L6},
    {Fate::result_never_determined, "result_never_determined", Kind::late, kAssured, v1::L6},
    {Fate::special_consideration_late, "special_consideration_late", Kind::late, kReleased, v1::L7},
    {Fate::special_consideration_open, "special_consideration_open", Kind::late, kAssured, v1::L7},
    {Fate::cohort_malpractice_late, "cohort_malpractice_late", Kind::late_cohort, kReleased, v1::L4},
    {Fate::cohort_sample_response_late, "cohort_sample_response_late", Kind::late_cohort, kReleased, v1::L5},
    {Fate::cohort_sample_response_open, "cohort_sample_response_open", Kind::late_cohort, kClaimed, v1::L5},
    {Fate::cohort_sample_decided_late, "cohort_sample_decided_late", Kind::late_cohort, kReleased, v1::L6},
    {Fate::cohort_sample_undecided, "cohort_sample_undecided", Kind::late_cohort, kClaimed, v1::L6},
    {Fate::withdrawn, "withdrawn", Kind::none, v1::WITHDRAWN, v1::N2},
    {Fate::transferred, "transferred", Kind::none, v1::WITHDRAWN, v1::N2},
    {Fate::deferred, "deferred", Kind::none, v1::DEFERRED, v1::N1, kByClaim, Answered::yes},
    {Fate::claimed_incomplete_answered, "claimed_incomplete_answered", Kind::none, kNotCertificated, v1::N1, kByClaim, Answered::yes},
    {Fate::claimed_incomplete_silent, "claimed_incomplete_silent", Kind::none, kNotCertificated, v1::N4, kByClaim, Answered::no},
    {Fate::claim_never_made, "claim_never_made", Kind::none, kNotCertificated, v1::N3, kByClaim},
    {Fate::claim_withdrawn, "claim_withdrawn", Kind::none, kNotCertificated, v1::N3, kByClaim},
    {Fate::not_completed_silent, "not_completed_silent", Kind::none, kNotCertificated, v1::N4, kByClaim, Answered::no},
    {Fate::automatic_incomplete_answered, "automatic_incomplete_answered", Kind::none, kNotCertificated, v1::N1, Certified::automatic, Answered::yes},
    {Fate::automatic_incomplete_silent, "automatic_incomplete_silent", Kind::none, kNotCertificated, v1::N4, Certified::automatic, Answered::no},
    {Fate::pathway_corrected, "pathway_corrected", Kind::on_time, kReleased, v1::REASON_NONE, kByClaim},
    {Fate::disagreement_resolved, "disagreement_resolved", Kind::on_time, kReleased, v1::REASON_NONE},
    {Fate::partial_achievement, "partial_achievement", Kind::on_time, kReleased, v1::REASON_NONE, Certified::automatic},
    {Fate::monitored_in_time, "monitored_in_time", Kind::on_time, kReleased, v1::REASON_NONE, kByClaim},
    {Fate::action_in_time, "action_in_time", Kind::on_time, kReleased, v1::REASON_NONE, kByClaim},
    {Fate::delayed_result, "delayed_result", Kind::on_time, kReleased, v1::REASON_NONE, kByClaim},
    {Fate::calculated_result, "calculated_result", Kind::on_time, kReleased, v1::REASON_NONE, kByClaim},
    {Fate::adapted_result, "adapted_result", Kind::on_time, kReleased, v1::REASON_NONE, kByClaim},
    {Fate::opted_out, "opted_out", Kind::on_time, kReleased, v1::REASON_NONE, kByClaim},
    {Fate::sanction_in_time, "sanction_in_time", Kind::on_time, kReleased, v1::REASON_NONE, kByClaim},
    {Fate::disagreement_late, "disagreement_late", Kind::late, kReleased, v1::L6},
    {Fate::registered_after_withdrawal, "registered_after_withdrawal", Kind::late, kClaimed, v1::L6, kByClaim},
    {Fate::size_change_refused, "size_change_refused", Kind::late, kClaimed, v1::L3, kByClaim},
    {Fate::cohort_monitoring_late, "cohort_monitoring_late", Kind::late_cohort, kReleased, v1::L6, kByClaim},
    {Fate::cohort_action_overdue, "cohort_action_overdue", Kind::late_cohort, kReleased, v1::L5, kByClaim},
    {Fate::none_expected, "none_expected", Kind::none, kNotCertificated, v1::N3, kByClaim},
}};

}  // namespace

const std::array<FateRule, kFates>& fate_rules() { return kRules; }
const FateRule& rule_of(Fate fate) { return kRules[index_of(fate)]; }

}  // namespace vtq::simulator
