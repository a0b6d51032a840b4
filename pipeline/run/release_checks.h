// The checks of a release at work: where the first results of a centre are about to go, and limits are set, its entries are counted, and what a check
// stops stays ready. Entries that a check stopped are derived again when it stops them no more. One window at a time; keeps nothing between two.
#pragma once

#include "pipeline/release/checks.h"
#include "pipeline/run/agenda.h"
#include "pipeline/run/surroundings.h"

namespace vtq {

class ReleaseChecks {
 public:
  ReleaseChecks(const Surroundings& surroundings, Agenda& agenda) : surroundings_(surroundings), agenda_(agenda) {}

  /// An entry was derived, and its cohort at the centre may have to be looked at when all are.
  void note(Centre& centre, const Entry& entry, const Circumstances& around);

  struct Stopped {
    CentreEntry entry;
    v1::ReleaseCheck by{};
  };
  /// Takes out of what is due what a check stops. All other entries that were derived have been published. Touches what nothing stops any more.
  std::vector<Stopped> stop(std::vector<CentreEntry>& due);

 private:
  struct Group {
    Centre* centre = nullptr;
    CohortKey cohort;
    bool operator==(const Group&) const = default;
  };
  bool in(const Group& group, const Entry& entry) const;
  ReleaseCounts count(const Group& group, const std::vector<CentreEntry>& due) const;

  const Surroundings& surroundings_;
  Agenda& agenda_;
  std::vector<Group> groups_;
};

}  // namespace vtq
