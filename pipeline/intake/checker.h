// How `check` looks at one event: fields first, then each fact. Internal to check*.cc.
#pragma once

#include <algorithm>

#include "pipeline/intake/check.h"
#include "pipeline/intake/hidden_grades.h"

namespace vtq {

inline bool printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

inline bool names_a_hold(std::string_view text) {
  return !text.empty() && text.size() <= 32 &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'; });
}

/// Checks one event; keeps the first failure.
class Checker {
 public:
  Checker(const v1::Event& event, TimeMs latest_ms, bool stored = false) : event_(event), latest_ms_(latest_ms), stored_(stored) {}

  Result<Address> run() {
    envelope();
    if (!failed_) fact();
    if (failed_) return std::move(*failed_);
    return std::move(address_);
  }

 private:
  void fail(std::string field, std::string rule, std::string_view value, std::string message) {
    if (failed_) return;
    failed_ = Rejection{std::move(field), std::move(rule), cut_value(value), std::move(message)};
  }

  std::string path(std::string_view field) const { return fact_name(event_) + "." + std::string(field); }

  void envelope() {
    if (event_.id().empty() || event_.id().size() > 64 || !printable(event_.id()))
      fail("id", "event-id", event_.id(), "Give the event an id of 1 to 64 printable characters, unique within its source.");
    if (event_.source().empty() || event_.source().size() > 64 || !printable(event_.source()))
      fail("source", "event-source", event_.source(), "Name the sending system in 1 to 64 printable characters.");
    const auto& at = event_.occurred_at();
    // Within what can be counted in milliseconds; the range itself is checked below.
    auto seconds = std::clamp<std::int64_t>(at.seconds(), 0, kLatestEventMs / 1000);
    address_.at_ms = seconds * 1000 + at.nanos() / 1'000'000;
    if (!event_.has_occurred_at() || at.seconds() < kEarliestEventMs / 1000 || address_.at_ms >= kLatestEventMs || at.nanos() < 0 ||
        at.nanos() > 999'999'999) {
      fail("occurredAt", "occurred-at-range", event_.has_occurred_at() ? std::to_string(at.seconds()) + " s" : "",
           "Give the time at which the fact came to hold, between the years 2000 and 2099.");
    } else if (address_.at_ms > latest_ms_) {
      fail("occurredAt", "occurred-at-future", utc_text(address_.at_ms),
           "The time is more than a day ahead of the server's clock; correct the sending system's clock.");
    } else if (latest_ms_ != kLatestEventMs && lets_go() && address_.at_ms > latest_ms_ - kAheadMaxMs + kLettingGoAheadMaxMs) {
      fail("occurredAt", "letting-go-ahead", utc_text(address_.at_ms),
           "A word that lifts a stop may not be dated more than a minute ahead of the server's clock, or it would undo the stops made until then; "
           "send it when it holds.");
    }
    if (event_.fact_case() == v1::Event::FACT_NOT_SET)
      fail("fact", "fact-present", "", "Give exactly one fact that this version knows; see vtq/v1/event.proto.");
  }

  /// Whether the event lifts what stops results.
  bool lets_go() const {
    if (event_.has_issuing_halted()) return !event_.issuing_halted().halted();
    if (event_.has_sanction_decided()) return !event_.sanction_decided().in_force();
    if (event_.has_conflict_declared()) return !event_.conflict_declared().in_conflict();
    return event_.has_hold_lifted();
  }

  // ---- fields ----

  /// A flag that decides: leaving it out says nothing, and must not be taken for no.
  void flag(std::string_view field, bool said) {
    if (!said && !stored_) fail(path(field), "flag-given", "", "Say true or false.");
  }

  void entry(const v1::EntryRef& ref) {
    address_.subject = Subject::entry;
    centre("entry.centre", ref.centre());
    auto qualification = qualification_of("entry.qualification", ref.qualification());
    auto series = series_of("entry.series", ref.series());
    if (!learner_is_well_formed(ref.learner()))
      fail(path("entry.learner"), "learner-form", ref.learner(),
           "Give the awarding organisation's registration number for the learner: 1 to 20 of A-Z, 0-9 and -.");
    if (failed_) return;
    address_.entry = {*qualification, *series, ref.learner()};
  }

  void centre(std::string_view field, const std::string& text) {
    auto id = parse_centre(text);
    if (id) address_.centre = *id;
    if (!id) fail(path(field), "centre-form", text, "A national centre number has exactly 5 digits.");
  }

  void centre_or_all(std::string_view field, const std::string& text) {
    address_.everywhere = text == "*";
    if (!address_.everywhere) centre(field, text);
  }

  std::optional<QualificationId> qualification_of(std::string_view field, const std::string& text) {
    auto id = parse_qualification(text);
    if (!id)
      fail(path(field), "qualification-form", text,
           "A qualification number is NNN/NNNN/C with C a digit or X, or the same 8 characters without slashes.");
    return id;
  }

  void optional_qualification(std::string_view field, const std::string& text) {
    if (!text.empty()) qualification_of(field, text);
  }

  std::optional<SeriesId> series_of(std::string_view field, const std::string& text) {
    auto id = parse_series(text);
    if (!id) fail(path(field), "series-form", text, "A series is the month of its results day, YYYY-MM: 2023-08.");
    return id;
  }

  void awarding_organisation(std::string_view field, const std::string& text) {
    if (!parse_awarding_organisation(text))
      fail(path(field), "awarding-organisation-form", text, "Give the Ofqual recognition number: RN and 1 to 6 digits, as RN5353.");
  }

  void optional_date(std::string_view field, const std::string& text) {
    if (!text.empty() && !parse_date(text)) fail(path(field), "date", text, "Give a date that exists as YYYY-MM-DD, or leave it empty.");
  }

  TimeMs local_time(std::string_view field, const std::string& text, bool required) {
    if (text.empty() && !required) return 0;
    auto at = parse_local_time(text);
    if (!at && is_skipped_local_time(text))
      fail(path(field), "local-time-skipped", text,
           "The clocks go forward at 01:00 on that day: there is no such local time (Europe/London). Give one before 01:00 or from 02:00 on.");
    else if (!at)
      fail(path(field), "local-time", text, "Give a local time (Europe/London) that exists as YYYY-MM-DDTHH:MM.");
    return at.value_or(0);
  }

  void name(std::string_view field, const std::string& text, std::size_t most) {
    if (text.empty() || text.size() > most) fail(path(field), "text-length", text, "Give 1 to " + std::to_string(most) + " characters.");
  }

  /// Names the length and not the text: it may be about a grade or a person.
  void at_most(std::string_view field, const std::string& text, std::size_t most) {
    if (text.size() > most)
      fail(path(field), "text-length", std::to_string(text.size()) + " bytes", "Give at most " + std::to_string(most) + " bytes.");
  }

  template <class Enum>
  void chosen(std::string_view field, Enum value, bool known) {
    if (static_cast<int>(value) == 0 || !known)
      fail(path(field), "enum-value", std::to_string(static_cast<int>(value)),
           "Give one of the values that vtq/v1/event.proto lists for this field.");
  }

  void level(std::string_view field, v1::Level value) { chosen(field, value, v1::Level_IsValid(value)); }

  void grade(std::string_view field, const v1::Grade& value, bool required) {
    if (!required && value.scale().empty() && value.value().empty()) return;
    if (value.scale().empty() || value.value().empty())
      fail(path(field), "grade-with-scale", value.scale().empty() && value.value().empty() ? "" : kNotShown,
           "Give a grade together with the grading scale that it belongs to.");
    at_most(field, value.scale(), 64);
    at_most(field, value.value(), 32);
  }

  void uln(const std::string& text) {
    if (text.empty() || text == kUnknownUln) return;
    if (!uln_is_well_formed(text))
      fail(path("uln"), "uln-form", text, "A unique learner number has 10 digits, the first not 0; leave it empty when unknown.");
    else if (!uln_check_holds(text))
      fail(path("uln"), "uln-check-digit", text, "The check digit does not fit: a digit is wrong; look the number up again.");
  }

  void code(std::string_view field, const std::string& text, std::size_t most) {
    if (text.empty() || text.size() > most || !printable(text))
      fail(path(field), "code-form", text, "Give 1 to " + std::to_string(most) + " printable ASCII characters.");
  }

  void optional_code(std::string_view field, const std::string& text, std::size_t most) {
    if (!text.empty()) code(field, text, most);
  }

  void optional_learner(std::string_view field, const std::string& text) {
    if (!text.empty() && !learner_is_well_formed(text))
      fail(path(field), "learner-form", text, "Give the learner's registration number, or leave it empty for all.");
  }

  void at_most_of(std::string_view field, std::uint64_t value, std::uint64_t most) {
    if (value > most) fail(path(field), "number-range", std::to_string(value), "Give 0 to " + std::to_string(most) + ".");
  }

  void codes(std::string_view field, const google::protobuf::RepeatedPtrField<std::string>& texts, int count_max, std::size_t most) {
    if (texts.size() > count_max)
      fail(path(field), "list-count", std::to_string(texts.size()), "Give at most " + std::to_string(count_max) + " items.");
    for (int at = 0; at < texts.size() && !failed_; ++at) code(std::string(field) + "[" + std::to_string(at) + "]", texts[at], most);
  }

  // ---- facts ----

  void fact();
  void registered(const v1::Registered& fact);
  void outcomes(const v1::OutcomeRecorded& fact);
  void sample(const v1::SampleDecided& fact);
  void hold(const v1::HoldPlaced& fact);
  void cohort(const std::string& centre, const std::string& ao, const std::string& series, v1::Level level);
  void qualification(const v1::QualificationDefined& fact);
  void few(std::string_view field, int count, int most);
  void units_exist(const std::string& field, const google::protobuf::RepeatedPtrField<std::string>& units, const v1::QualificationDefined& fact);
  void unit_rules(const v1::QualificationDefined& fact);
  void group_rules(const v1::QualificationDefined& fact);
  void barred_rules(const v1::QualificationDefined& fact);
  void pathway_rules(const v1::QualificationDefined& fact);
  void combination_rules(const v1::QualificationDefined& fact);
  void choice_rules(const v1::QualificationDefined& fact);
  void points_rules(const v1::Grading& grading);
  void limit_rules(const v1::QualificationDefined& fact);
  void table_rules(const v1::QualificationDefined& fact);
  void grading_rules(const v1::QualificationDefined& fact);
  void scale(const v1::GradingScaleDefined& fact);
  void calendar(const v1::CalendarDefined& fact);
  void people(std::string_view field, const google::protobuf::RepeatedPtrField<std::string>& names);
  void mitigation(const v1::MitigationDefined& fact);
  void strategy(const v1::ScrutinyStrategyDefined& fact);
  void body(v1::ApprovalBody value);
  void approval_category(const v1::ApprovalCategoryDefined& fact);
  void approval_proposed(const v1::ApprovalProposed& fact);
  void approval_submitted(const v1::ApprovalSubmitted& fact);
  void approval_decided(const v1::ApprovalDecided& fact);
  void approval_withdrawn(const v1::ApprovalWithdrawn& fact);
  void monitoring_recorded(const v1::MonitoringRecorded& fact);
  void monitoring_planned(const v1::MonitoringPlanned& fact);
  void conflict(const v1::ConflictDeclared& fact);
  void sanction(const v1::SanctionDecided& fact);
  void direct_claims(const v1::DirectClaimsDecided& fact);
  void mitigation_opted_out(const v1::MitigationOptedOut& fact);
  void mitigation_applied(const v1::MitigationApplied& fact);
  void mitigation_reviewed(const v1::MitigationReviewed& fact);
  void defined_centre(const v1::CentreDefined& fact);

  void in_topic(Topic topic, Subject subject) {
    address_.topic = topic;
    address_.subject = subject;
    if (subject == Subject::reference) address_.everywhere = true;
  }

  const v1::Event& event_;
  TimeMs latest_ms_;
  bool stored_;
  Address address_;
  std::optional<Rejection> failed_;
};

}  // namespace vtq
