// Facts about a centre as a whole: holds, samples, release plans and halts of its own, acknowledgements, and those kept for
// rules to come. Plain values; the thread of their partition only.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/facts/entry.h"
#include "pipeline/facts/reference.h"

namespace vtq {

/// Stops results until lifted. All that was said of it is kept: what is to be seen of a result hangs on whether the hold stood at the gate, and
/// ever since.
struct Hold {
  /// More words of one name are rejected, but for the one that lifts it.
  static constexpr std::size_t kWordsMax = 1'000;
  struct Word {
    Stamp stamp;
    Saying by;
    bool lifts = false;
    // Whom it is placed on; unset members match all.
    std::optional<QualificationId> qualification;
    std::optional<SeriesId> series;
    std::string learner;
    v1::HoldPlaced::Cause cause{};

    bool covers(const EntryKey& key) const {
      return (!qualification || *qualification == key.qualification) && (!series || *series == key.series) &&
             (learner.empty() || learner == key.learner);
    }
    /// Lifted at the moment at which it was placed it stays, unless the source numbered the lifting as the later.
    bool before(const Word& other) const {
      if (stamp.moment() != other.stamp.moment()) return stamp.before(other.stamp);
      if (lifts == other.lifts) return stamp.tie < other.stamp.tie;
      return lifts ? !by.said().numbered_after(other.by.said()) : other.by.said().numbered_after(by.said());
    }
  };
  AwardingOrganisationId awarding_organisation{};  ///< whose name for it it is
  std::string name;
  std::vector<Word> words;  ///< placings and liftings, in the order in which they came to hold

  bool open() const { return !words.empty() && !words.back().lifts; }
  /// The placing that stops the entry now. Null: none does.
  const Word* over(const EntryKey& key, AwardingOrganisationId ao) const {
    return open() && awarding_organisation == ao && words.back().covers(key) ? &words.back() : nullptr;
  }
  /// The placing that stopped it at `at`.
  const Word* over_at(const EntryKey& key, AwardingOrganisationId ao, TimeMs at) const;
  /// Calls `look` with each stretch of time, first moment and the one past its last (kNever), in which placings stopped it without a break.
  template <class Look>
  void each_stretch(const EntryKey& key, AwardingOrganisationId ao, Look look) const {
    if (awarding_organisation != ao) return;
    TimeMs from = kNever;
    for (const Word& word : words) {
      bool stops = !word.lifts && word.covers(key);
      if (stops && from == kNever) from = word.stamp.at_ms;
      if (!stops && from != kNever) look(std::exchange(from, kNever), word.stamp.at_ms);
    }
    if (from != kNever) look(from, kNever);
  }
  /// When a placing that stopped it was last lifted; 0: never.
  TimeMs lifted_ms(const EntryKey& key, AwardingOrganisationId ao) const;
};

/// Where sampling or moderation stands for a cohort, or for one learner of it.
struct Sample {
  QualificationId qualification{};
  SeriesId series{};
  std::string learner;
  Stamp stamp;
  Saying by;
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
  std::vector<std::pair<CohortKey, ReleaseWords>> releases;  ///< of the centre's own
  std::vector<HaltWords> halts;
  std::shared_ptr<const struct ScrutinyFacts> scrutiny;  ///< replaced as a whole; null: none

  /// What was said of the release here; null: nothing.
  const ReleaseWords* release(const CohortKey& key) const;
  /// By the centre's own word: for results of the qualification, {}: of every one.
  bool halted(AwardingOrganisationId awarding_organisation, SeriesId series, QualificationId qualification = {}) const;
  /// What was said here of exactly that, {} for all; null: nothing.
  const HaltWords* halt_words(AwardingOrganisationId awarding_organisation, SeriesId series, QualificationId qualification) const;
  /// Calls `look` with each that is about such results.
  template <class Look>
  void each_halt_words(AwardingOrganisationId awarding_organisation, SeriesId series, QualificationId qualification, Look look) const {
    for (const HaltWords& words : halts)
      if (words.about(awarding_organisation, series, qualification)) look(words);
  }
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
