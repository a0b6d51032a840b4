// One centre's season: who is entered for what, what becomes of each entry, and the batches that follow.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "daemon/simulator/centre_events.h"
#include "daemon/simulator/courses.h"
#include "daemon/simulator/identifiers.h"
#include "daemon/simulator/truth.h"

namespace vtq::simulator {

// What all centres of a run share. Fates that found no fitting entry at one centre wait in `carried` for the next.
struct Run {
  const Season& season;
  const Catalogue& catalogue;
  EventIds ids;
  EventBook book;
  TruthFile truth;
  LearnerNumbers learner_numbers;
  Summary summary;
  std::array<FateCounts, kGroups> carried{};
  // No qualification has rules of its own.
  bool plain = false;
};

class CentreSeason {
 public:
  CentreSeason(Run& run, const CentrePlan& centre, Rng& rng);
  // Adds the centre's events and truths to the run.
  void play();

 private:
  struct Entry {
    std::uint32_t cohort = 0, index = 0;
    Fate fate = Fate::on_time;
    bool taken = false;
  };

  void choose_fates();
  void apply_rules();
  void exchange(Fate from, Fate to, System system, double chance);
  std::uint32_t place(Fate fate, std::size_t group, std::uint32_t count);
  bool suits(Fate fate, const Entry& entry, std::size_t group) const;
  std::vector<const Learner*> learners_of(const Cohort& cohort);
  const Learner* new_learner(std::size_t awarding_organisation);
  void play_entry(const CohortCourse& cohort, const Entry& entry, const Learner& learner);
  void acknowledge_batches();
  void declare();

  Run& run_;
  const CentrePlan& centre_;
  Rng& rng_;
  CoursePlanner planner_;
  CentreEvents events_;
  std::vector<CohortCourse> cohorts_;
  std::vector<Entry> entries_;
  // By awarding organisation.
  std::map<std::size_t, std::vector<std::unique_ptr<Learner>>> learners_;
  std::uint32_t candidates_ = 0;
  std::uint32_t number_from_ = 0;
  // Awarding organisation, issue time, level: one batch each.
  std::vector<std::tuple<std::size_t, Millis, v1::Level>> batches_;
  bool incomplete_ = false, has_late_ = false;
};

}  // namespace vtq::simulator
