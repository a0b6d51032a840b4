#include "storage/records.h"

#include "storage/store.h"

namespace vtq::records {
namespace {

void set(v1::Stamp* out, const Stamp& stamp) {
  out->set_at_ms(stamp.at_ms);
  out->set_tie(stamp.tie);
  out->set_nanos(stamp.nanos);
}

Stamp stamp_of(const v1::Stamp& stamp) { return {.at_ms = stamp.at_ms(), .tie = stamp.tie(), .nanos = stamp.nanos()}; }

[[noreturn]] void unreadable(const std::string& kind) {
  throw StoreDamage("Store: a stored " + kind + " does not read: the store is damaged. Restore it from a backup.");
}

template <class Message>
void parse(std::string_view bytes, Message& message) {
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) unreadable(message.GetTypeName());
}

std::shared_ptr<const Particulars> decode_particulars(const v1::EntryRecord& record) {
  bool told_again = !record.first_said().empty() || record.first_claimed_ms() != 0 || record.claim_withdrawn_ms() != 0 ||
                    !record.left_before_ms().empty() || !record.revoked_before_ms().empty() || record.result_before_ms() != 0;
  if (record.pathway().empty() && record.cohort().empty() && record.left_qualification() == 0 && record.assessed().empty() && !told_again)
    return nullptr;
  auto made = std::make_shared<Particulars>();
  made->pathway = record.pathway();
  made->cohort = record.cohort();
  made->left = QualificationId{record.left_qualification()};
  for (const v1::AssessedRecord& assessed : record.assessed())
    made->assessed.push_back({.unit = assessed.unit(),
                              .learning_outcome = assessed.learning_outcome(),
                              .method = static_cast<v1::AssessmentMethod>(assessed.method()),
                              .stamp = stamp_of(assessed.stamp()),
                              .assessor = assessed.assessor()});
  for (const v1::FirstSaidRecord& word : record.first_said())
    made->first_said.push_back({word.unit(), word.learning_outcome(), word.said(), word.at_ms()});
  made->first_claimed_ms = record.first_claimed_ms();
  made->claim_withdrawn_ms = record.claim_withdrawn_ms();
  made->left_before_ms.assign(record.left_before_ms().begin(), record.left_before_ms().end());
  made->revoked_before_ms.assign(record.revoked_before_ms().begin(), record.revoked_before_ms().end());
  made->result_before_ms = record.result_before_ms();
  return made;
}

void decode_facts(const v1::EntryRecord& record, EntryFacts& facts) {
  facts.registered = stamp_of(record.registered());
  facts.first_registered_ms = record.first_registered_ms();
  facts.uln = record.uln();
  facts.uci = FixedText<13>(record.uci());
  if (!record.details().empty()) facts.details = std::make_shared<const std::string>(record.details());
  facts.changed = stamp_of(record.changed());
  facts.change = static_cast<v1::RegistrationChanged::Change>(record.change());
  facts.details_changed = stamp_of(record.details_changed());
  facts.transferred = stamp_of(record.transferred());
  facts.to_centre = CentreId{record.to_centre()};
  facts.withdrawn = stamp_of(record.withdrawn());
  facts.answered = stamp_of(record.answered());
  facts.answer = static_cast<v1::CheckpointAnswered::Answer>(record.answer());
  facts.route = static_cast<v1::CheckpointAnswered::Route>(record.route());
  facts.estimated_completion = record.estimated_completion_day();
  facts.predicted_grade = Word(record.predicted_grade());
  facts.special_consideration = stamp_of(record.special_consideration());
  facts.special_consideration_status = static_cast<v1::SpecialConsideration::Status>(record.special_consideration_status());
  facts.special_consideration_day = record.special_consideration_day();
  facts.claim = stamp_of(record.claim());
  facts.claim_withdrawn = record.claim_withdrawn();
  facts.claimed_grade = Word(record.claimed_grade());
  facts.result = stamp_of(record.result());
  facts.result_kind = static_cast<ResultKind>(record.result_kind());
  facts.result_scale = Word(record.result_scale());
  facts.result_grade = Word(record.result_grade());
  facts.queried = stamp_of(record.queried());
  facts.units.reserve(static_cast<std::size_t>(record.units_size()));
  for (const v1::UnitRecord& unit : record.units())
    facts.units.push_back({.unit = unit.unit(),
                           .learning_outcome = unit.learning_outcome(),
                           .stamp = {.at_ms = unit.at_ms(), .tie = unit.tie(), .nanos = unit.nanos()},
                           .grade = unit.grade(),
                           .mark_plus_one = unit.mark_plus_one() & 0xffffff,
                           .standing = static_cast<UnitFact::Standing>(unit.standing())});
  facts.particulars = decode_particulars(record);
  std::optional<Sayings> said = Sayings::from(record.said());
  if (!said) unreadable("vtq.v1.EntryRecord");
  facts.said = std::move(*said);
}

/// kNever is stored as 0, which no wake ever is.
TimeMs stored(TimeMs at) { return at == kNever ? 0 : at; }
TimeMs restored(TimeMs at) { return at == 0 ? kNever : at; }

}  // namespace

void decode(std::string_view bytes, v1::EntryRecord& record, Entry& entry) {
  parse(bytes, record);
  decode_facts(record, entry.facts);
  const v1::StatusRecord& status = record.status();
  entry.status = {.stage = static_cast<v1::Stage>(status.stage()),
                  .need = static_cast<v1::Need>(status.need()),
                  .reason = static_cast<v1::Reason>(status.reason()),
                  .band = static_cast<v1::Band>(status.band()),
                  .step = static_cast<v1::Step>(status.step()),
                  .owner = static_cast<v1::Owner>(status.owner()),
                  .due_ms = status.due_ms(),
                  .outstanding_units = static_cast<std::uint16_t>(status.outstanding()),
                  .late = status.late(),
                  .treated_as_critical = status.treated_as_critical(),
                  .rule = static_cast<Rule>(status.rule()),
                  .mitigation = static_cast<v1::MitigationDefined::Kind>(status.mitigation()),
                  .expected_ms = status.expected_ms(),
                  .basis = static_cast<v1::Basis>(status.basis())};
  const v1::IssuedRecord& issued = record.issued();
  entry.issued = {.batch_number = issued.batch_number(),
                  .awarding_organisation = AwardingOrganisationId{issued.awarding_organisation()},
                  .first_batch_number = issued.first_batch_number(),
                  .first_at_ms = issued.first_at_ms(),
                  .at_ms = issued.at_ms() ? issued.at_ms() : issued.first_at_ms(),
                  .centre_release_ms = issued.centre_release_ms(),
                  .learner_release_ms = issued.learner_release_ms(),
                  .scale = Word(issued.scale()),
                  .grade = Word(issued.grade()),
                  .reason = static_cast<v1::Reason>(issued.reason()),
                  .late = issued.late(),
                  .revoked = issued.revoked(),
                  .basis = static_cast<v1::Basis>(issued.basis())};
  if (issued.before_size() > 0) {
    auto before = std::make_shared<std::vector<IssuedBefore>>();
    for (const v1::IssuedBeforeRecord& one : issued.before())
      before->push_back({AwardingOrganisationId{one.awarding_organisation()}, one.batch_number(), one.at_ms()});
    entry.issued.before = std::move(before);
  }
  entry.acknowledged_ms = record.acknowledged_ms();
  entry.wake_at_ms = restored(record.wake_at_ms());
  entry.ready_since_ms = record.ready_since_ms();
}

void encode(const CentreSummary& summary, std::string& out) {
  static thread_local v1::CentreSummaryRecord record;
  record.Clear();
  for (const auto& [cell, entries] : summary.cells.all()) {
    v1::CellRecord& stored_cell = *record.add_cells();
    stored_cell.set_qualification(number(cell.qualification));
    stored_cell.set_series(number(cell.series));
    stored_cell.set_awarding_organisation(number(cell.awarding_organisation));
    std::uint64_t packed = 0;
    for (std::uint64_t part : {static_cast<std::uint64_t>(cell.late), static_cast<std::uint64_t>(cell.reason), static_cast<std::uint64_t>(cell.band),
                               static_cast<std::uint64_t>(cell.need), static_cast<std::uint64_t>(cell.stage), static_cast<std::uint64_t>(cell.level)})
      packed = (packed << 8) | part;
    stored_cell.set_cell(packed);
    stored_cell.set_entries(entries);
  }
  record.set_next_wake_ms(stored(summary.next_wake_ms));
  for (const BatchSequence& sequence : summary.sequences) {
    v1::SequenceRecord& stored_sequence = *record.add_sequences();
    stored_sequence.set_awarding_organisation(number(sequence.awarding_organisation));
    stored_sequence.set_series(number(sequence.series));
    stored_sequence.set_number(sequence.number);
  }
  for (const ScrutinyNotice& notice : summary.notices) {
    v1::ScrutinyNoticeRecord& stored = *record.add_notices();
    stored.set_awarding_organisation(number(notice.awarding_organisation));
    stored.set_qualification(number(notice.qualification));
    stored.set_rule(static_cast<std::uint32_t>(notice.rule));
    stored.set_subject(notice.subject);
    stored.set_since_ms(notice.since_ms);
  }
  for (const HaltInForce& halt : summary.halts) {
    v1::HaltRecord& stored_halt = *record.add_halts();
    stored_halt.set_awarding_organisation(number(halt.awarding_organisation));
    stored_halt.set_series(number(halt.series));
    stored_halt.set_since_ms(halt.since_ms);
    stored_halt.set_qualification(number(halt.qualification));
  }
  record.set_waiting(summary.waiting);
  record.set_derive_all(summary.derive_all);
  record.SerializeToString(&out);
}

CentreSummary decode_summary(std::string_view bytes) {
  v1::CentreSummaryRecord record;
  parse(bytes, record);
  CentreSummary summary;
  for (const v1::CellRecord& stored_cell : record.cells()) {
    std::uint64_t packed = stored_cell.cell();
    auto next = [&packed] {
      auto part = packed & 0xff;
      packed >>= 8;
      return part;
    };
    Cell cell{.qualification = QualificationId{stored_cell.qualification()},
              .awarding_organisation = AwardingOrganisationId{stored_cell.awarding_organisation()},
              .series = SeriesId{static_cast<std::uint16_t>(stored_cell.series())}};
    cell.level = static_cast<v1::Level>(next());
    cell.stage = static_cast<v1::Stage>(next());
    cell.need = static_cast<v1::Need>(next());
    cell.band = static_cast<v1::Band>(next());
    cell.reason = static_cast<v1::Reason>(next());
    cell.late = next() != 0;
    summary.cells.add(cell, stored_cell.entries());
  }
  summary.next_wake_ms = restored(record.next_wake_ms());
  for (const v1::SequenceRecord& sequence : record.sequences())
    summary.sequences.push_back(
        {AwardingOrganisationId{sequence.awarding_organisation()}, SeriesId{static_cast<std::uint16_t>(sequence.series())}, sequence.number()});
  for (const v1::ScrutinyNoticeRecord& notice : record.notices())
    summary.notices.push_back({.awarding_organisation = AwardingOrganisationId{notice.awarding_organisation()},
                               .qualification = QualificationId{notice.qualification()},
                               .rule = static_cast<Rule>(notice.rule()),
                               .subject = notice.subject(),
                               .since_ms = notice.since_ms()});
  for (const v1::HaltRecord& halt : record.halts())
    summary.halts.push_back({AwardingOrganisationId{halt.awarding_organisation()}, SeriesId{static_cast<std::uint16_t>(halt.series())},
                             halt.since_ms(), QualificationId{halt.qualification()}});
  summary.waiting = record.waiting();
  summary.derive_all = record.derive_all();
  return summary;
}

void encode(const Stamp& stamp, std::string_view event, std::string& out) {
  v1::SlotRecord record;
  set(record.mutable_stamp(), stamp);
  record.set_event(std::string(event));
  record.SerializeToString(&out);
}

std::pair<Stamp, std::string> decode_slot(std::string_view bytes) {
  v1::SlotRecord record;
  parse(bytes, record);
  return {stamp_of(record.stamp()), record.event()};
}

void encode(const WaitingRecord& fact, std::string& out) {
  v1::WaitingFactRecord record;
  record.set_event(fact.event);
  record.set_at_ms(fact.key.moment.at_ms);
  record.set_nanos(fact.key.moment.nanos);
  record.set_content_high(fact.key.content_high);
  record.set_content_low(fact.key.content_low);
  record.set_until_ms(fact.until_ms);
  record.set_topic(static_cast<std::uint32_t>(fact.topic));
  record.set_field(fact.why.field);
  record.set_rule(fact.why.rule);
  record.set_value(fact.why.value);
  record.set_message(fact.why.message);
  record.set_origin(fact.origin);
  record.set_by(fact.by);
  record.SerializeToString(&out);
}

WaitingRecord decode_waiting(std::string_view bytes) {
  v1::WaitingFactRecord record;
  parse(bytes, record);
  return {.event = record.event(),
          .key = {{record.at_ms(), record.nanos()}, record.content_high(), record.content_low()},
          .topic = static_cast<Topic>(record.topic()),
          .until_ms = record.until_ms(),
          .why = {record.field(), record.rule(), record.value(), record.message()},
          .origin = record.origin(),
          .by = record.by()};
}

void encode(const Durations::Key& key, const Durations::Counts& counts, std::string& out) {
  v1::DurationsRecord record;
  record.set_awarding_organisation(number(key.awarding_organisation));
  record.set_step(static_cast<std::uint32_t>(key.step));
  for (std::uint32_t count : counts) record.add_buckets(count);
  record.SerializeToString(&out);
}

std::pair<Durations::Key, Durations::Counts> decode_durations(std::string_view bytes) {
  v1::DurationsRecord record;
  parse(bytes, record);
  Durations::Counts counts{};
  for (std::size_t at = 0; at < counts.size() && at < static_cast<std::size_t>(record.buckets_size()); ++at)
    counts[at] = record.buckets(static_cast<int>(at));
  return {{AwardingOrganisationId{record.awarding_organisation()}, static_cast<TimedStep>(record.step())}, counts};
}

}  // namespace vtq::records
