// One entry: a learner, a qualification, a centre, a series; and everything known about it. Facts are the latest asserted;
// `status` is what was last derived and published; `issued` is what left the house and is never recomputed.
//
// Entries are held decoded, hundreds of thousands at once: keep them small. Plain values; the thread of their partition only.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/base/identifiers.h"
#include "pipeline/base/rule.h"
#include "pipeline/base/uk_time.h"
#include "pipeline/base/word.h"
#include "pipeline/facts/said.h"
#include "vtq/v1/event.pb.h"
#include "vtq/v1/output.pb.h"

namespace vtq {

/// A moment as publishers give it.
struct Moment {
  TimeMs at_ms = 0;
  std::uint32_t nanos = 0;  ///< within the millisecond, 0 to 999,999

  auto operator<=>(const Moment&) const = default;
};

/// When a fact came to hold, and which event says so. Stamps of one moment do not tell which is the later fact: who said them does.
struct Stamp {
  TimeMs at_ms = 0;
  std::uint32_t tie = 0;    ///< hash of the event: all that it says, its id included
  std::uint32_t nanos = 0;  ///< within the millisecond, 0 to 999,999

  bool set() const { return at_ms != 0; }
  Moment moment() const { return {at_ms, nanos}; }
  bool before(const Stamp& other) const { return moment() < other.moment(); }
  bool operator==(const Stamp&) const = default;
};

/// Names an entry within its centre.
struct EntryKey {
  QualificationId qualification{};
  SeriesId series{};
  std::string learner;

  auto operator<=>(const EntryKey&) const = default;
};

/// In place of a learning outcome: what was recognised of prior learning, which no later mark takes away.
constexpr std::uint32_t kPriorLearning = 0xffffffff;

/// The latest decision for a unit (`learning_outcome` 0) or for one of its learning outcomes.
struct UnitFact {
  std::uint32_t unit = 0;              ///< short_hash of the unit's code
  std::uint32_t learning_outcome = 0;  ///< short_hash of the outcome's code, 0 for the unit as a whole, or kPriorLearning
  Stamp stamp;
  std::uint32_t grade = 0;               ///< short_hash of the grade on the unit grading scale, 0 when ungraded
  std::uint32_t mark_plus_one : 24 = 0;  ///< 0: no mark
  enum class Standing : std::uint8_t { achieved = 1, not_yet_achieved = 2, recognised = 3 };
  Standing standing : 8 = {};
};
static_assert(sizeof(UnitFact) == 32);

enum class ResultKind : std::uint8_t { none, determined, amended, revoked };

/// Who assessed a unit or a learning outcome last, and how.
struct Assessed {
  std::uint32_t unit = 0;              ///< short_hash of the unit's code
  std::uint32_t learning_outcome = 0;  ///< short_hash of the outcome's code; 0: the unit as a whole
  v1::AssessmentMethod method{};
  Stamp stamp;
  std::string assessor;

  bool operator==(const Assessed&) const = default;
};

/// When a word about a unit or learning outcome was first said, of those that no longer hold the slot (told_again.h).
struct FirstSaid {
  std::uint32_t unit = 0;  ///< as in UnitFact
  std::uint32_t learning_outcome = 0;
  std::uint32_t said = 0;  ///< hash of standing, grade and assessor
  TimeMs at_ms = 0;

  bool operator==(const FirstSaid&) const = default;
};

/// What is known of some entries only.
struct Particulars {
  std::string pathway;
  std::string cohort;
  QualificationId left{};             ///< left for this one, when course or size was changed; {}: not given
  std::vector<Assessed> assessed;     ///< by unit and outcome
  std::vector<FirstSaid> first_said;  ///< by unit, outcome and time
  TimeMs first_claimed_ms = 0;        ///< the first claim that no longer holds the slot; 0: none
  TimeMs claim_withdrawn_ms = 0;      ///< the last withdrawal of a claim that no longer holds it; 0: none
  // Words that stop are not undone by being told again: those that no longer hold their slot, ascending, kStopsKept of them.
  std::vector<TimeMs> left_before_ms;     ///< withdrawn or transferred
  std::vector<TimeMs> revoked_before_ms;  ///< results
  TimeMs result_before_ms = 0;            ///< the last result determined or amended that no longer holds its slot; 0: none

  /// Those that still say something: a later assessment of the unit as a whole takes the place of its outcomes', and not one of the same
  /// moment.
  template <class Look>
  void each_assessed(Look look) const {
    const Assessed* whole = nullptr;
    for (const Assessed& one : assessed) {
      if (one.learning_outcome == 0) whole = &one;
      bool replaced = one.learning_outcome != 0 && whole && whole->unit == one.unit && one.stamp.before(whole->stamp);
      if (!replaced) look(one);
    }
  }

  bool operator==(const Particulars&) const = default;
};

/// Facts about an entry, each slot with the stamp of the event that set it.
struct EntryFacts {
  Stamp registered;
  TimeMs first_registered_ms = 0;  ///< earliest registration asserted: a correction of details makes no late entry
  std::uint64_t uln = 0;           ///< 0: unknown
  FixedText<13> uci;
  std::shared_ptr<const std::string> details;  ///< serialised LearnerDetails, if any: personal, never logged

  Stamp changed;
  v1::RegistrationChanged::Change change{};  ///< COURSE or SIZE
  Stamp details_changed;
  Stamp transferred;
  CentreId to_centre{};
  Stamp withdrawn;

  Stamp answered;
  v1::CheckpointAnswered::Answer answer{};
  v1::CheckpointAnswered::Route route{};
  Day estimated_completion = 0;
  Word predicted_grade;

  Stamp special_consideration;
  v1::SpecialConsideration::Status special_consideration_status{};
  Day special_consideration_day = 0;

  Stamp claim;
  bool claim_withdrawn = false;
  Word claimed_grade;

  Stamp result;
  ResultKind result_kind = ResultKind::none;
  Word result_scale;
  Word result_grade;

  Stamp queried;

  std::vector<UnitFact> units;

  std::shared_ptr<const Particulars> particulars;  ///< replaced as a whole; null: nothing particular

  Sayings said;  ///< who said each fact that holds a slot

  /// Whether the fact with stamp `a` is the later one; both hold slots of this entry.
  bool later(const Stamp& a, const Stamp& b) const;
  /// Withdrawn or transferred, and not registered again since.
  bool has_left() const { return left_by(withdrawn) || left_by(transferred); }
  bool has_claim() const { return claim.set() && !claim_withdrawn; }
  bool has_result() const { return result_kind == ResultKind::determined || result_kind == ResultKind::amended; }

  /// Looks at the stamp of every slot. One that is left out here loses who said it, and its ties are then decided by a hash.
  template <class Look>
  void each_stamp(Look look) const {
    for (const Stamp* one :
         {&registered, &changed, &details_changed, &transferred, &withdrawn, &answered, &special_consideration, &claim, &result, &queried})
      if (one->set()) look(*one);
    for (const UnitFact& unit : units) look(unit.stamp);
    if (particulars)
      for (const Assessed& one : particulars->assessed) look(one.stamp);
  }

 private:
  /// At the moment of a registration who leaves has left, unless the source numbered the registration as the later.
  bool left_by(const Stamp& leaving) const;
};

/// A status as derived. Compared with the last one published to find transitions.
struct Status {
  v1::Stage stage = v1::STAGE_UNSPECIFIED;
  v1::Need need = v1::NEED_UNSPECIFIED;
  v1::Reason reason = v1::REASON_NONE;
  v1::Band band = v1::BAND_UNSPECIFIED;
  v1::Step step = v1::STEP_NONE;
  v1::Owner owner = v1::OWNER_NONE;
  TimeMs due_ms = 0;  ///< when the next step is due; 0: no date
  std::uint16_t outstanding_units = 0;
  bool late = false;
  bool treated_as_critical = false;
  Rule rule = Rule::none;  ///< that stands in the way; before issue never a hold or a cohort's sample
  v1::MitigationDefined::Kind mitigation{};
  TimeMs expected_ms = 0;  ///< the issue deadline that a delay moved to; 0: not delayed
  v1::Basis basis{};

  bool operator==(const Status&) const = default;
};

/// A batch that named the entry before its last one.
struct IssuedBefore {
  AwardingOrganisationId awarding_organisation{};
  std::uint32_t batch_number = 0;
  TimeMs at_ms = 0;

  bool operator==(const IssuedBefore&) const = default;
};

/// What has been issued for the entry, as the last batch that named it says.
struct Issued {
  std::uint32_t batch_number = 0;                  ///< 0: nothing issued yet
  AwardingOrganisationId awarding_organisation{};  ///< whose batch it is, whoever the qualification belongs to by now
  std::uint32_t first_batch_number = 0;
  TimeMs first_at_ms = 0;
  TimeMs at_ms = 0;  ///< of the last batch
  /// The gates of the batch: whatever becomes of the calendar, a correction does not open before what it corrects.
  TimeMs centre_release_ms = 0;
  TimeMs learner_release_ms = 0;
  Word scale;
  Word grade;
  v1::Reason reason = v1::REASON_NONE;
  bool late = false;
  bool revoked = false;
  v1::Basis basis{};
  std::shared_ptr<const std::vector<IssuedBefore>> before;  ///< in order, replaced as a whole; null: never corrected

  bool any() const { return batch_number != 0; }
};

struct Entry {
  EntryKey key;
  EntryFacts facts;
  Status status;
  Issued issued;
  TimeMs acknowledged_ms = 0;
  /// When time alone may change the status; kNever when it cannot.
  TimeMs wake_at_ms = kNever;
  /// Logical time at which the result became ready; 0 while it is not.
  TimeMs ready_since_ms = 0;
  /// Set while the entry waits to be derived, or to be written, in the current commit.
  bool to_derive = false;
  bool to_store = false;
};

}  // namespace vtq
