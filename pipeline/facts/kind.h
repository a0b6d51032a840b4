// Kinds of facts: for each the topic it comes by, what it is about, and how it is checked, named and put together with others. This is the
// form of a row; the rows stand in pipeline/kinds/, one for each fact of vtq/v1/event.proto. Pure.
#pragma once

#include <optional>
#include <string>

#include "pipeline/base/access_role.h"
#include "pipeline/base/result.h"
#include "pipeline/facts/entry.h"

namespace vtq {

/// Topics in, in the order in which a window of events is applied; then topics out.
enum class Topic : std::uint8_t {
  reference,
  registrations,
  checkpoints,
  assessments,
  claims,
  assurance,
  commands,
  entry_status,
  result_batches,
  notifications,
  rejected,
  audit,
};
constexpr std::size_t kInputTopics = 7;
constexpr std::size_t kTopics = 12;
/// `vtq.registrations`, ...
std::string_view topic_name(Topic topic);

/// What kind of thing an event is about.
enum class Subject : std::uint8_t { entry, centre, reference };

/// Where an event belongs, and what it names, as numbers: as `check` found it.
struct Address {
  Topic topic{};
  Subject subject{};
  bool everywhere = false;  ///< reference data, and commands to `*`: every partition must see it
  bool moves_time = true;   ///< in event time; not what is about the service itself
  CentreId centre{};
  EntryKey entry;  ///< set when the subject is an entry
  TimeMs at_ms = 0;
  // What else the fact names; unset: nothing.
  std::optional<AwardingOrganisationId> awarding_organisation;
  std::optional<QualificationId> qualification;
  std::optional<SeriesId> series;
};

class Form;       // of an event, while it is checked: pipeline/kinds/form.h
class Coming;     // a fact on its way into an entry's slots: pipeline/facts/coming.h
class Reference;  // pipeline/facts/reference.h
struct CentreFacts;
struct CentreChange;
struct Qualification;
enum class Merged;

/// All that the pipeline knows of one kind of fact. What is null does not apply to it.
struct FactKind {
  v1::Event::FactCase fact{};
  Topic topic{};
  Subject subject{};
  /// Which roles may assert it, where callers have roles.
  AccessRoles asserted_by{AccessRole::publisher};
  /// Only by callers that are bound to nothing: it is another body's word.
  bool asserted_everywhere = false;

  /// Looks at its form; tells the form whom and what it names.
  void (*check)(Form&, const v1::Event&) = nullptr;
  /// Of a fact that is kept whole, for a centre or as reference data: what it is about, as `slot_of` gives it.
  std::string (*slot)(const v1::Event&) = nullptr;
  /// What there is to say against it by reference data, besides what every fact's names are held to. The qualification that it names is known.
  std::optional<Rejection> (*fits)(const v1::Event&, const Qualification&, const Reference&) = nullptr;

  /// About an entry: puts it into the entry's slots.
  Merged (*merge)(EntryFacts&, const v1::Event&, Coming&) = nullptr;
  /// About a centre: brings what is known of the centre up to date with it, and tells which entries that touches. Called for the fact that has won
  /// its slot.
  CentreChange (*apply)(CentreFacts&, const v1::Event&, const Address&, const Stamp&) = nullptr;
  /// Reference data, and words to all centres: the same for all. Called for the fact that has won its slot.
  void (*define)(Reference&, const v1::Event&, const Address&, const Stamp&) = nullptr;

  /// Whether it stops results. At its own moment a word that stops goes before others.
  bool (*stops)(const v1::Event&) = nullptr;
  /// Whether it lifts what stops results, so that it may not be dated ahead.
  bool (*lets_go)(const v1::Event&) = nullptr;

  /// Somebody's act, in one word for the audit, which then has a record of it; pipeline/audit/ lists the words.
  std::string_view (*act)(const v1::Event&) = nullptr;

  /// Where callers have to say who they are: whether it is taken only with resultsd's word that it knows who said it. Such a fact lets results go, or
  /// says who may do what. Null: whoever may write to its topic may assert it.
  bool (*vouched)(const v1::Event&) = nullptr;
};

/// The fact's name in the JSON mapping: `checkpointAnswered`.
std::string fact_name(const v1::Event& event);

/// The row of an event's fact. Null: it has no fact that this version knows.
const FactKind* kind_of_fact(const v1::Event& event);

/// Whether resultsd must vouch for who said it, where callers have to say who they are.
bool must_be_vouched_for(const v1::Event& event);

}  // namespace vtq
