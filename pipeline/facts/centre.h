// Facts about a centre as a whole: holds, samples, release plans and halts of its own, acknowledgements, and those kept for
// rules to come. Plain values; the pipeline's thread only.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "pipeline/facts/entry.h"
#include "pipeline/facts/reference.h"

namespace vtq {

/// Stops results until lifted. Unset members match all.
struct Hold {
  AwardingOrganisationId awarding_organisation{};  ///< whose name for it it is
  std::string name;
  Stamp placed;
  Stamp lifted;
  Saying placed_by;
  Saying lifted_by;
  std::optional<QualificationId> qualification;
  std::optional<SeriesId> series;
  std::string learner;
  v1::HoldPlaced::Cause cause{};

  /// Lifted at the moment at which it was placed it stays, unless the source numbered the lifting as the later.
  bool open() const {
    if (placed.moment() == lifted.moment()) return placed.set() && !lifted_by.said().numbered_after(placed_by.said());
    return lifted.before(placed);
  }
  bool covers(const EntryKey& key, AwardingOrganisationId ao) const {
    return placed.set() && awarding_organisation == ao && (!qualification || *qualification == key.qualification) &&
           (!series || *series == key.series) && (learner.empty() || learner == key.learner);
  }
};

/// Where sampling or moderation stands for a cohort, or for one learner of it.
struct Sample {
  QualificationId qualification{};
  SeriesId series{};
  std::string learner;
  Stamp stamp;
  v1::SampleDecided::Status status{};
  Day due = 0;
  Day responded = 0;

  bool covers(const EntryKey& key) const {
    return qualification == key.qualification && series == key.series && (learner.empty() || learner == key.learner);
  }
  bool pending() const {
    return status == v1::SampleDecided::AWAITING_CENTRE || status == v1::SampleDecided::WITH_AWARDING_ORGANISATION ||
           status == v1::SampleDecided::NOT_SATISFIED;
  }
};

struct CentreFacts {
  std::map<std::string, Reference::Slot, std::less<>> slots;
  std::vector<Hold> holds;
  std::vector<Sample> samples;
  CentreMitigations mitigations;
  std::vector<std::pair<CohortKey, ReleasePlan>> plans;
  struct Halt {
    AwardingOrganisationId awarding_organisation{};
    SeriesId series{};
    bool halted = false;
  };
  std::vector<Halt> halts;
  std::shared_ptr<const struct ScrutinyFacts> scrutiny;  ///< replaced as a whole; null: none

  const ReleasePlan* release_plan(const CohortKey& key) const;
  /// The centre's own word, if it has one.
  std::optional<bool> halted(AwardingOrganisationId awarding_organisation, SeriesId series) const;
};

/// Which of a centre's entries a change of its facts touches. Unset members match all.
struct CentreChange {
  std::optional<QualificationId> qualification;
  std::optional<AwardingOrganisationId> awarding_organisation;
  std::optional<SeriesId> series;
  std::string learner;
  bool none = false;  ///< touches no status
};

}  // namespace vtq
