// The form of one event while it is checked: what each kind of fact says of its fields, and the first of them that is wrong. Identifiers
// that pass are kept as numbers, so that nobody reads them again.
#pragma once

#include <algorithm>

#include "pipeline/base/value_text.h"
#include "pipeline/facts/kind.h"
#include "pipeline/kinds/hidden_grades.h"
#include "pipeline/kinds/limits.h"

namespace vtq {

inline bool printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

inline bool names_a_hold(std::string_view text) {
  return !text.empty() && text.size() <= 32 &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'; });
}

/// `check` of one event; keeps the first failure.
class Form {
 public:
  /// `latest_ms`: later events are from the future. `stored`: it was taken before, so that what must be said today may be missing.
  Form(const v1::Event& event, TimeMs latest_ms, bool stored = false) : event_(event), latest_ms_(latest_ms), stored_(stored) {}

  Result<Address> look() {
    const FactKind* kind = kind_of_fact(event_);
    envelope(kind);
    if (!failed_) {
      address_.topic = kind->topic;
      address_.subject = kind->subject;
      address_.everywhere = kind->subject == Subject::reference;
      kind->check(*this, event_);
    }
    if (failed_) return std::move(*failed_);
    return std::move(address_);
  }

  bool failed() const { return failed_.has_value(); }
  bool stored() const { return stored_; }
  /// As far as it was found.
  const Address& address() const { return address_; }

  void fail(std::string field, std::string rule, std::string_view value, std::string message) {
    if (failed_) return;
    failed_ = Rejection{std::move(field), std::move(rule), cut_value(value), std::move(message)};
  }

  /// `checkpointAnswered.route`.
  std::string path(std::string_view field) const { return fact_name(event_) + "." + std::string(field); }

  // ---- fields ----

  /// A flag that decides: leaving it out says nothing, and must not be taken for no.
  void flag(std::string_view field, bool said) {
    if (!said && !stored_) fail(path(field), "flag-given", "", "Say true or false.");
  }

  void entry(const v1::EntryRef& ref) {
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

  /// The qualification that the fact is about.
  void qualification(std::string_view field, const std::string& text) { address_.qualification = qualification_of(field, text); }
  void optional_qualification(std::string_view field, const std::string& text) {
    if (!text.empty()) qualification(field, text);
  }

  std::optional<SeriesId> series_of(std::string_view field, const std::string& text) {
    auto id = parse_series(text);
    if (!id) fail(path(field), "series-form", text, "A series is the month of its results day, YYYY-MM: 2023-08.");
    return id;
  }

  void series(std::string_view field, const std::string& text) { address_.series = series_of(field, text); }

  void awarding_organisation(std::string_view field, const std::string& text) {
    address_.awarding_organisation = parse_awarding_organisation(text);
    if (!address_.awarding_organisation)
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

  void few(std::string_view field, int count, int most) {
    if (count > most) fail(path(field), "list-count", std::to_string(count), "Give at most " + std::to_string(most) + " items.");
  }

  /// It is for all centres.
  void for_all() { address_.everywhere = true; }

  /// It is about the service itself, and of no moment of a season.
  void about_the_service() { address_.moves_time = false; }

  /// Centre or `*`, awarding organisation, series and level.
  void cohort(const std::string& of_centre, const std::string& ao, const std::string& of_series, v1::Level of_level) {
    centre_or_all("centre", of_centre);
    awarding_organisation("awardingOrganisation", ao);
    series("series", of_series);
    level("level", of_level);
  }

  /// The name of a hold or sanction.
  void named(std::string_view field, std::string_view rule, const std::string& text, const std::string& what) {
    if (!names_a_hold(text)) fail(path(field), std::string(rule), text, "Name the " + what + " in 1 to 32 of A-Z, 0-9 and -.");
  }

 private:
  void envelope(const FactKind* kind) {
    // Opened before, where that is possible.
    if (event_.has_sealed())
      fail("sealed", "sealed-opens", "", "The event is sealed, and can be read by a resultsd that has the key alone; send it there as it is.");
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
    } else if (latest_ms_ != kLatestEventMs && kind && kind->lets_go && kind->lets_go(event_) &&
               address_.at_ms > latest_ms_ - kAheadMaxMs + kLettingGoAheadMaxMs) {
      fail("occurredAt", "letting-go-ahead", utc_text(address_.at_ms),
           "A word that lifts a stop may not be dated more than a minute ahead of the server's clock, or it would undo the stops made until then; "
           "send it when it holds.");
    }
    if (!kind) fail("fact", "fact-present", "", "Give exactly one fact that this version knows; see vtq/v1/event.proto.");
  }

  const v1::Event& event_;
  TimeMs latest_ms_;
  bool stored_;
  Address address_;
  std::optional<Rejection> failed_;
};

}  // namespace vtq
