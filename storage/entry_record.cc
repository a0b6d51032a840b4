// How an entry is stored: v1::EntryRecord, field by field in the order of their numbers. `decode` reads it back as a message.
#include "storage/records.h"
#include "storage/wire.h"

namespace vtq::records {
namespace {

using R = v1::EntryRecord;

/// Room for the record of `entry`.
std::size_t room_for(const Entry& entry) {
  const EntryFacts& facts = entry.facts;
  // Stamps, status and issue, and the fields beside them, with room to spare.
  std::size_t fields = 128 + 9 * facts.units.size();
  std::size_t texts = facts.said.packed().size() + (facts.details ? facts.details->size() : 0) + facts.predicted_grade.view().size() +
                      facts.claimed_grade.view().size() + facts.result_scale.view().size() + facts.result_grade.view().size() +
                      entry.issued.scale.view().size() + entry.issued.grade.view().size();
  if (const Particulars* particulars = facts.particulars.get()) {
    fields += 9 * particulars->assessed.size() + 5 * particulars->first_said.size();
    texts += particulars->pathway.size() + particulars->cohort.size();
    for (const Assessed& assessed : particulars->assessed) texts += assessed.assessor.size();
  }
  if (entry.issued.before) fields += 4 * entry.issued.before->size();
  return fields * Wire::kFieldMax + texts;
}

void write(Wire& out, int field, const Stamp& stamp) {
  out.message(field, [&] {
    out.signed_number(v1::Stamp::kAtMsFieldNumber, stamp.at_ms);
    out.fixed(v1::Stamp::kTieFieldNumber, stamp.tie);
    out.number(v1::Stamp::kNanosFieldNumber, stamp.nanos);
  });
}

void write_set(Wire& out, int field, const Stamp& stamp) {
  if (stamp.set()) write(out, field, stamp);
}

void write(Wire& out, const UnitFact& unit) {
  using U = v1::UnitRecord;
  out.fixed(U::kUnitFieldNumber, unit.unit);
  out.fixed(U::kLearningOutcomeFieldNumber, unit.learning_outcome);
  out.signed_number(U::kAtMsFieldNumber, unit.stamp.at_ms);
  out.fixed(U::kTieFieldNumber, unit.stamp.tie);
  out.number(U::kStandingFieldNumber, static_cast<std::uint32_t>(unit.standing));
  out.fixed(U::kGradeFieldNumber, unit.grade);
  out.number(U::kMarkPlusOneFieldNumber, unit.mark_plus_one);
  out.number(U::kNanosFieldNumber, unit.stamp.nanos);
}

void write(Wire& out, const Status& status) {
  using S = v1::StatusRecord;
  out.number(S::kStageFieldNumber, status.stage);
  out.number(S::kNeedFieldNumber, status.need);
  out.number(S::kReasonFieldNumber, status.reason);
  out.number(S::kBandFieldNumber, status.band);
  out.number(S::kStepFieldNumber, status.step);
  out.number(S::kOwnerFieldNumber, status.owner);
  out.signed_number(S::kDueMsFieldNumber, status.due_ms);
  out.number(S::kLateFieldNumber, status.late);
  out.number(S::kTreatedAsCriticalFieldNumber, status.treated_as_critical);
  out.number(S::kOutstandingFieldNumber, status.outstanding_units);
  out.number(S::kRuleFieldNumber, static_cast<std::uint32_t>(status.rule));
  out.number(S::kMitigationFieldNumber, status.mitigation);
  out.number(S::kBasisFieldNumber, status.basis);
  out.signed_number(S::kExpectedMsFieldNumber, status.expected_ms);
}

void write(Wire& out, const Issued& issued) {
  using I = v1::IssuedRecord;
  out.number(I::kBatchNumberFieldNumber, issued.batch_number);
  out.text(I::kScaleFieldNumber, issued.scale.view());
  out.text(I::kGradeFieldNumber, issued.grade.view());
  out.number(I::kLateFieldNumber, issued.late);
  out.number(I::kReasonFieldNumber, issued.reason);
  out.number(I::kRevokedFieldNumber, issued.revoked);
  out.number(I::kFirstBatchNumberFieldNumber, issued.first_batch_number);
  out.signed_number(I::kFirstAtMsFieldNumber, issued.first_at_ms);
  out.number(I::kBasisFieldNumber, issued.basis);
  out.signed_number(I::kCentreReleaseMsFieldNumber, issued.centre_release_ms);
  out.signed_number(I::kLearnerReleaseMsFieldNumber, issued.learner_release_ms);
  out.number(I::kAwardingOrganisationFieldNumber, number(issued.awarding_organisation));
  if (issued.at_ms != issued.first_at_ms) out.signed_number(I::kAtMsFieldNumber, issued.at_ms);
  if (!issued.before) return;
  for (const IssuedBefore& one : *issued.before)
    out.message(I::kBeforeFieldNumber, [&] {
      out.number(v1::IssuedBeforeRecord::kAwardingOrganisationFieldNumber, number(one.awarding_organisation));
      out.number(v1::IssuedBeforeRecord::kBatchNumberFieldNumber, one.batch_number);
      out.signed_number(v1::IssuedBeforeRecord::kAtMsFieldNumber, one.at_ms);
    });
}

void write(Wire& out, const Assessed& assessed) {
  using A = v1::AssessedRecord;
  out.fixed(A::kUnitFieldNumber, assessed.unit);
  write(out, A::kStampFieldNumber, assessed.stamp);
  out.number(A::kMethodFieldNumber, assessed.method);
  out.text(A::kAssessorFieldNumber, assessed.assessor);
  out.fixed(A::kLearningOutcomeFieldNumber, assessed.learning_outcome);
}

void write(Wire& out, const FirstSaid& word) {
  using F = v1::FirstSaidRecord;
  out.fixed(F::kUnitFieldNumber, word.unit);
  out.fixed(F::kLearningOutcomeFieldNumber, word.learning_outcome);
  out.fixed(F::kSaidFieldNumber, word.said);
  out.signed_number(F::kAtMsFieldNumber, word.at_ms);
}

/// Fields 1 to 25.
void write_facts(Wire& out, const EntryFacts& facts) {
  write_set(out, R::kRegisteredFieldNumber, facts.registered);
  out.number(R::kUlnFieldNumber, facts.uln);
  out.text(R::kUciFieldNumber, facts.uci.view());
  if (facts.details) out.text(R::kDetailsFieldNumber, *facts.details);
  if (facts.changed.set()) {
    write(out, R::kChangedFieldNumber, facts.changed);
    out.number(R::kChangeFieldNumber, facts.change);
  }
  if (facts.transferred.set()) {
    write(out, R::kTransferredFieldNumber, facts.transferred);
    out.number(R::kToCentreFieldNumber, number(facts.to_centre));
  }
  write_set(out, R::kWithdrawnFieldNumber, facts.withdrawn);
  if (facts.answered.set()) {
    write(out, R::kAnsweredFieldNumber, facts.answered);
    out.number(R::kAnswerFieldNumber, facts.answer);
    out.number(R::kRouteFieldNumber, facts.route);
    out.signed_number(R::kEstimatedCompletionDayFieldNumber, facts.estimated_completion);
    out.text(R::kPredictedGradeFieldNumber, facts.predicted_grade.view());
  }
  if (facts.special_consideration.set()) {
    write(out, R::kSpecialConsiderationFieldNumber, facts.special_consideration);
    out.number(R::kSpecialConsiderationStatusFieldNumber, facts.special_consideration_status);
    out.signed_number(R::kSpecialConsiderationDayFieldNumber, facts.special_consideration_day);
  }
  if (facts.claim.set()) {
    write(out, R::kClaimFieldNumber, facts.claim);
    out.number(R::kClaimWithdrawnFieldNumber, facts.claim_withdrawn);
    out.text(R::kClaimedGradeFieldNumber, facts.claimed_grade.view());
  }
  if (facts.result.set()) {
    write(out, R::kResultFieldNumber, facts.result);
    out.number(R::kResultKindFieldNumber, static_cast<std::uint32_t>(facts.result_kind));
    out.text(R::kResultScaleFieldNumber, facts.result_scale.view());
    out.text(R::kResultGradeFieldNumber, facts.result_grade.view());
  }
  for (const UnitFact& unit : facts.units) out.message(R::kUnitsFieldNumber, [&] { write(out, unit); });
}

/// Fields 34 to 55.
void write_particulars(Wire& out, const EntryFacts& facts) {
  const Particulars* particulars = facts.particulars.get();
  if (particulars) {
    out.text(R::kPathwayFieldNumber, particulars->pathway);
    out.text(R::kCohortFieldNumber, particulars->cohort);
    out.number(R::kLeftQualificationFieldNumber, number(particulars->left));
    for (const Assessed& assessed : particulars->assessed) out.message(R::kAssessedFieldNumber, [&] { write(out, assessed); });
  }
  out.text(R::kSaidFieldNumber, facts.said.packed());
  if (!particulars) return;
  for (const FirstSaid& word : particulars->first_said) out.message(R::kFirstSaidFieldNumber, [&] { write(out, word); });
  out.signed_number(R::kFirstClaimedMsFieldNumber, particulars->first_claimed_ms);
  out.signed_number(R::kClaimWithdrawnMsFieldNumber, particulars->claim_withdrawn_ms);
  for (TimeMs at : particulars->left_before_ms) out.signed_number(R::kLeftBeforeMsFieldNumber, at);
  for (TimeMs at : particulars->revoked_before_ms) out.signed_number(R::kRevokedBeforeMsFieldNumber, at);
  out.signed_number(R::kResultBeforeMsFieldNumber, particulars->result_before_ms);
}

}  // namespace

void encode(const Entry& entry, std::string& bytes) {
  static thread_local std::string room;
  if (std::size_t size = room_for(entry); room.size() < size) room.resize(size);
  Wire out(room.data());
  write_facts(out, entry.facts);
  out.message(R::kStatusFieldNumber, [&] { write(out, entry.status); });
  if (entry.issued.any()) out.message(R::kIssuedFieldNumber, [&] { write(out, entry.issued); });
  if (entry.wake_at_ms != kNever) out.signed_number(R::kWakeAtMsFieldNumber, entry.wake_at_ms);
  out.signed_number(R::kReadySinceMsFieldNumber, entry.ready_since_ms);
  write_set(out, R::kQueriedFieldNumber, entry.facts.queried);
  write_set(out, R::kDetailsChangedFieldNumber, entry.facts.details_changed);
  out.signed_number(R::kAcknowledgedMsFieldNumber, entry.acknowledged_ms);
  out.signed_number(R::kFirstRegisteredMsFieldNumber, entry.facts.first_registered_ms);
  write_particulars(out, entry.facts);
  bytes.assign(room.data(), static_cast<std::size_t>(out.end() - room.data()));
}

}  // namespace vtq::records
