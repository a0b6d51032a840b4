// The gate: the one place that says whether a grade may leave over HTTP, and to whom. Reading a batch, a learner's result, an export or a rejected
// record, deriving a status and cutting a batch all ask here. What is on Kafka's topics no gate shuts: without a
// seal key the changelog carries grades from when they are determined, `vtq.result-batches` from issue on, and the brokers say who may read them.
//
//   a grade leaves when  its gate stands open for whoever asks,  the clock is trusted,  and  nothing withholds the result
//
// Gates come from the calendar, later where a mitigation delays them. A batch keeps those it was issued with; what holds is the later of
// them and of the gates as they stand now, until two people confirm others. A learner's gate is never before the centre's.
//
// What stops a result before it could first be seen (`opens_at`) withholds it: the batch keeps its number and content, the result is not shown, and
// what withholds it is said. A hold or a withdrawal dated later takes nothing back. Only a halt also closes what was open before: it is an
// emergency. Pure; time is what the caller says.
#pragma once

#include <optional>
#include <string_view>

#include "pipeline/base/batch_id.h"
#include "pipeline/facts/calendar.h"
#include "pipeline/facts/centre.h"
#include "pipeline/facts/entry.h"

namespace vtq {

/// Who asks for a grade.
enum class Role : std::uint8_t { centre, learner };

/// From when the centre and the learner may see a grade; kNever: not yet known.
struct Gates {
  TimeMs centre_ms = kNever;
  TimeMs learner_ms = kNever;

  TimeMs of(Role role) const { return role == Role::centre ? centre_ms : learner_ms; }
  auto operator<=>(const Gates&) const = default;
};

/// The gate of each that is the later, and the learner's not before the centre's.
Gates later_of(const Gates& a, const Gates& b);

/// As the calendar says; without one they are not known.
Gates gates_by(const Calendar* calendar);

/// The gates of a batch: as it was issued with, or as they stand now where that is later. Gates that two people confirmed after
/// `issued_ms` hold alone. Without a calendar, those it was issued with.
Gates gates_of_batch(const Gates& issued, TimeMs issued_ms, const Calendar* calendar);

/// The gates of the batch that an entry's result goes into at `now`: by the calendar, and for a correction not before those of what it
/// corrects. Where there is no embargo, `now`.
Gates gates_at_issue(const Issued& before, const Calendar* calendar, TimeMs now);

/// By which time a gate is looked at.
struct GateTime {
  TimeMs wall_ms = 0;
  std::optional<TimeMs> logical_ms;  ///< in event time: both must have come
  bool trusted = true;               ///< false: the clock jumped, and nothing opens

  bool reached(TimeMs gate_ms) const;
};

/// Why a result that was issued is not shown.
enum class Withheld : std::uint8_t {
  none,
  issuing_halted,  ///< for the awarding organisation and series, at all centres or at this one
  hold_open,       ///< a hold stood when the gate was reached, and one has stood ever since
  result_revoked,  ///< before it could be seen
  learner_left,    ///< withdrawn or transferred before it could be seen; not where the result was amended, or the learner registered, afterwards
  corrected,       ///< by a batch issued before it could be seen
  unknown_entry,   ///< nothing is known of the entry
};
/// As answers name it: `hold-open`; empty for none.
std::string_view withheld_name(Withheld why);
/// For people, a sentence: what withholds it, and what opens it again. Names neither person nor cause.
std::string_view withheld_words(Withheld why);

/// What stops a result of the entry that was issued, by all facts known so far; `gate_ms`: the gate of whoever asks, the centre or the learner, which
/// decides which facts count. The first that applies, in the order above; `corrected` and `unknown_entry` are found by view_batch (run/view.h), which
/// knows the batch. A halt stops always, everything else only where it is dated
/// before `opens_at`. `halted`: now, for the entry. `revoked`: the result itself is a revocation, which has no grade to withhold. `reference`: with
/// the halts for all centres; null: there are none.
Withheld withheld(const Entry& entry, const CentreFacts& centre, AwardingOrganisationId awarding_organisation, bool halted, TimeMs gate_ms,
                  bool revoked, const Reference* reference);

/// When a result could first be seen: at its gate, where nothing covers it then; else at the end of the unbroken stretch of holds and halts that
/// does; kNever while that lasts. What stops a result before that moment stops it before anybody could see it. `reference`: as of `withheld`.
TimeMs opens_at(const Entry& entry, const CentreFacts& centre, AwardingOrganisationId awarding_organisation, TimeMs gate_ms,
                const Reference* reference);

/// The placing of a hold that stops the entry now. Null: none.
const Hold::Word* hold_over(const Entry& entry, const CentreFacts& centre, AwardingOrganisationId awarding_organisation);

/// The batch that took the place of the entry's result in another.
struct Successor {
  BatchId batch;
  TimeMs issued_ms = 0;
};
/// Of the result in `batch`; nothing: it is the last word.
std::optional<Successor> successor_of(const Entry& entry, const BatchId& batch);

/// What may be seen of a batch.
struct BatchView {
  struct Row {
    Withheld withheld = Withheld::none;
    std::optional<BatchId> superseded_by;  ///< the last batch that names the entry
    bool shows_superseded = false;         ///< the grade that a correction replaced was open before it
  };
  TimeMs opens_ms = 0;  ///< at most kLatestEventMs
  bool open = false;
  std::vector<Row> rows;  ///< one a result, in order
  std::uint32_t withheld = 0;
  bool halted = false;
};

/// The batch as it may be shown: names what supersedes its results, and has no grade that the view does not let out.
v1::ResultBatch shown(const v1::ResultBatch& batch, const BatchView& view);

}  // namespace vtq
