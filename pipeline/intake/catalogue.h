// Checks over a set of reference facts: what `check` cannot see because it looks at one event. Rules that nobody can ever meet, grade
// tables with gaps, dates out of order, names of what is not there. Pure; one thread at a time.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "pipeline/base/result.h"
#include "pipeline/facts/entry.h"

namespace vtq {

struct CatalogueFinding {
  std::size_t place = 0;      ///< of the fact that it is about, as given to `add`
  bool warning = false;       ///< worth a look; else a problem
  std::string qualification;  ///< with slashes; empty: it is about no qualification
  Rejection why;
};

class Catalogue {
 public:
  /// Takes in a reference fact that has passed `check`; of several for the same thing the latest holds, whatever the order. Other facts are
  /// left out: false. `place` names it to the caller.
  bool add(const v1::Event& event, std::size_t place);

  /// Takes in a fact that has not passed `check`: what it defines is not looked at, and not missed by those that name it.
  void add_broken(const v1::Event& event);

  /// What is wrong, by place. At most `kFindingsPerRuleMax` of one rule for one fact, the last of which says how many more there are.
  std::vector<CatalogueFinding> findings() const;
  static constexpr std::size_t kFindingsPerRuleMax = 10;

 private:
  struct Held {
    Stamp stamp;
    std::size_t place = 0;
    v1::Event event;
  };

  std::map<std::string, Held, std::less<>> facts_;  // by what they are about
  std::set<std::string> broken_;                    // what those that did not pass define
};

}  // namespace vtq
